//! How problems look to an operator: the line of the file, the marked text, and what would help.

use std::{fmt::Write, ops::Range};

use unicode_width::UnicodeWidthStr;

use super::{
    findings::{Finding, Findings, SourceFile},
    values::is_variable,
};

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
    let header = text[..start_of_line]
        .lines()
        .rfind(|it| it.trim_start().starts_with('['));
    let line = without_secrets(line, header.unwrap_or_default());
    let shown: String = widen(&line).chars().take(WIDEST).collect();
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

/// Words of keys and tables that are about secrets.
const SECRETIVE: [&str; 5] = ["credential", "secret", "password", "token", "username"];

/// A line with stars for the texts in it that may be secrets: messages are pasted into tickets. They
/// do not belong into these files, but that is just what a message may be about. `header` is the
/// header of the line's table.
fn without_secrets(line: &str, header: &str) -> String {
    let about = |text: &str| {
        let text = text.to_lowercase();
        SECRETIVE.iter().any(|it| text.contains(it))
    };
    let table = about(header) || header.trim() == "[env]";
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find(['"', '\'']) {
        let (before, after) = rest.split_at(at);
        let (quote, after) = after.split_at(1);
        let (text, tail) = after.split_at(after.find(quote).unwrap_or(after.len()));
        out.push_str(before);
        let secretive = table || about(&out);
        out.push_str(quote);
        let key = before.trim_end().strip_suffix('=').map(str::trim_end);
        let key = key.and_then(|it| it.rsplit([' ', '\t', '{', ',', '.']).next());
        let shown = match key {
            Some("env") => is_variable(text),
            Some("file" | "keyring" | "store" | "key-file") => true,
            _ => !secretive,
        };
        match shown {
            true => out.push_str(text),
            false => out.extend(text.chars().map(|_| '*')),
        }
        let closing = tail.get(..quote.len()).unwrap_or_default();
        out.push_str(closing);
        rest = &tail[closing.len()..];
    }
    out.push_str(rest);
    out
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

    /// The line that a message points at was shown as it was written, with the secret in it.
    #[test]
    fn what_may_be_a_secret_is_not_shown() {
        let table = "[connections.acme-nz.credentials]";
        let cases = [
            // line, header, shown
            (
                r#"credentials = { username = "me", password = { env = "KEY" } }"#,
                "",
                r#"credentials = { username = "**", password = { env = "KEY" } }"#,
            ),
            ("key = 'abc' # ours", table, "key = '***' # ours"),
            (r#"env = "a-secret""#, table, r#"env = "********""#),
            (
                r#"client-secret = "abc" "de"#,
                "[apps.a]",
                r#"client-secret = "***" "**"#,
            ),
            (r#"secret = "ä""#, "[apps.a]", r#"secret = "*""#),
            (r#"ACME_KEY = "abc""#, "[env]", r#"ACME_KEY = "***""#),
            (
                r#"key-file = "state/secrets.key""#,
                "",
                r#"key-file = "state/secrets.key""#,
            ),
            (
                r#"zone = "Mars""#,
                "[connections.acme-nz]",
                r#"zone = "Mars""#,
            ),
        ];
        for (line, header, shown) in cases {
            assert_eq!(without_secrets(line, header), shown, "{line}");
        }
    }
}
