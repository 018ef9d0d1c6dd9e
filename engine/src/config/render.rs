//! How problems look to an operator: the line of the file, the marked text, and what would help.

use std::{fmt::Write, ops::Range};

use unicode_width::UnicodeWidthStr;

use super::findings::{Finding, Findings, SourceFile};

/// Longest part of a line that is shown; a mapping may hold a very long expression in one line.
const WIDEST: usize = 160;

impl Findings {
    /// All problems as text for a terminal, with colours or without, and their count at the end.
    pub fn render(&self, color: bool) -> String {
        let ink = Ink { color };
        let mut out = String::new();
        for finding in &self.list {
            render_one(finding, &ink, &mut out);
            out.push('\n');
        }
        let files: std::collections::BTreeSet<_> =
            self.list.iter().map(|it| &it.file.path).collect();
        if self.list.len() > 1 {
            let plural = if files.len() == 1 { "file" } else { "files" };
            // Writing into a string cannot fail.
            let _ = writeln!(
                out,
                "{} problems in {} {plural}",
                self.list.len(),
                files.len()
            );
        }
        out
    }
}

fn render_one(finding: &Finding, ink: &Ink, out: &mut String) {
    let _ = writeln!(out, "  {} {}", ink.red("×"), finding.message);
    let path = finding.file.path.display();
    let Some(place) = locate(&finding.file, &finding.span) else {
        let _ = writeln!(out, "   {}", ink.dim(&format!("╭─[{path}]")));
        if !finding.label.is_empty() {
            let _ = writeln!(out, "   {} {}", ink.dim("·"), finding.label);
        }
        let _ = writeln!(out, "   {}", ink.dim("╰────"));
        help(finding, ink, out);
        return;
    };
    let number = place.line.to_string();
    let gutter = " ".repeat(number.len());
    let head = format!("{gutter}  ╭─[{path}:{}:{}]", place.line, place.column);
    let _ = writeln!(out, "{}", ink.dim(&head));
    let _ = writeln!(out, " {} {}", ink.dim(&format!("{number} │")), place.text);
    let middle = (place.width - 1) / 2;
    let mark: String = (0..place.width)
        .map(|at| if at == middle { '┬' } else { '─' })
        .collect();
    let dots = ink.dim(&format!(" {gutter} ·"));
    let indent = " ".repeat(place.indent);
    let _ = writeln!(out, "{dots} {indent}{}", ink.red(&mark));
    if !finding.label.is_empty() {
        let under = " ".repeat(place.indent + middle);
        let _ = writeln!(out, "{dots} {under}{} {}", ink.red("╰──"), finding.label);
    }
    let _ = writeln!(out, "{}", ink.dim(&format!("{gutter}  ╰────")));
    help(finding, ink, out);
}

fn help(finding: &Finding, ink: &Ink, out: &mut String) {
    if let Some(help) = &finding.help {
        for (nth, line) in help.lines().enumerate() {
            let lead = if nth == 0 {
                ink.blue("  help:")
            } else {
                "       ".to_owned()
            };
            let _ = writeln!(out, "{lead} {line}");
        }
    }
}

/// A marked stretch of one line.
struct Located {
    /// Counted from 1.
    line: usize,
    /// Counted from 1, in characters, as editors do.
    column: usize,
    /// The line, tabs widened, cut where it is very long.
    text: String,
    /// Cells before the mark.
    indent: usize,
    /// Cells of the mark, at least one.
    width: usize,
}

/// `None` when the problem is about the file as a whole, or the range is not one of its text.
fn locate(file: &SourceFile, span: &Range<usize>) -> Option<Located> {
    let text = &*file.text;
    if text.is_empty() || *span == (0..0) {
        return None;
    }
    let before = text.get(..span.start)?;
    let start_of_line = before.rfind('\n').map_or(0, |at| at + 1);
    let rest = &text[start_of_line..];
    let line = rest.split(['\n', '\r']).next().unwrap_or_default();
    let lead = text.get(start_of_line..span.start)?;
    // A value over several lines is marked to the end of its first.
    let end = span.end.min(start_of_line + line.len()).max(span.start);
    let marked = text.get(span.start..end)?;
    let widen = |it: &str| it.replace('\t', "    ");
    let indent = widen(lead).width();
    let shown: String = widen(line).chars().take(WIDEST).collect();
    Some(Located {
        line: before.matches('\n').count() + 1,
        column: lead.chars().count() + 1,
        text: shown,
        indent,
        width: widen(marked)
            .width()
            .max(1)
            .min(WIDEST.saturating_sub(indent).max(1)),
    })
}

struct Ink {
    color: bool,
}

impl Ink {
    fn paint(&self, code: &str, text: &str) -> String {
        if self.color {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
    fn red(&self, text: &str) -> String {
        self.paint("31", text)
    }
    fn blue(&self, text: &str) -> String {
        self.paint("36", text)
    }
    fn dim(&self, text: &str) -> String {
        self.paint("2", text)
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(text: &str, marked: &str, label: &str, help: Option<&str>, wanted: Expect) {
        let file = SourceFile {
            path: "connections/acme.toml".into(),
            text: text.into(),
        };
        let span = match text.find(marked) {
            Some(start) if !marked.is_empty() => start..start + marked.len(),
            _ => 0..0,
        };
        let finding = file.finding(span, "what is wrong", label, help.map(str::to_owned));
        // A snapshot loses the indentation that all its lines share.
        let shown = Findings {
            list: vec![finding],
        }
        .render(false);
        wanted.assert_eq(&format!("told:\n{shown}"));
    }

    #[test]
    fn a_marked_value() {
        check(
            "connector = 'acmee'\n",
            "'acmee'",
            "not installed",
            Some("installed connectors: acme, billbee"),
            expect![[r#"
                told:
                  × what is wrong
                   ╭─[connections/acme.toml:1:13]
                 1 │ connector = 'acmee'
                   ·             ───┬───
                   ·                ╰── not installed
                   ╰────
                  help: installed connectors: acme, billbee

            "#]],
        );
    }

    #[test]
    fn tabs_wide_letters_and_carriage_returns_keep_the_mark_under_the_text() {
        check(
            "a = 1\r\n\t\"客户\" = 'x'\r\nb = 2",
            "'x'",
            "here",
            Some("two\nlines"),
            expect![[r#"
                told:
                  × what is wrong
                   ╭─[connections/acme.toml:2:9]
                 2 │     "客户" = 'x'
                   ·              ─┬─
                   ·               ╰── here
                   ╰────
                  help: two
                        lines

            "#]],
        );
    }

    #[test]
    fn the_file_as_a_whole_and_ranges_outside_it() {
        check(
            "",
            "",
            "no such file",
            None,
            expect![[r#"
                told:
                  × what is wrong
                   ╭─[connections/acme.toml]
                   · no such file
                   ╰────

            "#]],
        );
        let file = SourceFile {
            path: "a".into(),
            text: "é".into(),
        };
        for span in [1..2, 5..9, 2..2] {
            let finding = file.finding(span.clone(), "m", "l", None);
            let shown = Findings {
                list: vec![finding],
            }
            .render(true);
            assert!(shown.contains('m'), "{span:?}");
        }
    }
}
