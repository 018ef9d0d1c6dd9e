//! Turns a terminal's output (standard input) into an SVG (standard output), for the README:
//!
//! ```sh
//! script -qec "target/release/ledgerline demo --fresh" /dev/null | cargo run -p scenarios --bin picture > tests/scenarios/demo.svg
//! ```

use std::io::{self, Read, Write};

/// Pixels of one character and one line.
const CHARACTER: usize = 8;
const LINE: usize = 17;
/// Longest line that is shown.
const WIDTH: usize = 132;

/// A piece of text in one style.
struct Run {
    style: &'static str,
    text: String,
}

fn main() -> io::Result<()> {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    io::stdout().write_all(picture(&text).as_bytes())
}

fn picture(text: &str) -> String {
    let lines: Vec<Vec<Run>> = text
        .lines()
        .map(visible)
        .skip_while(|it| it.trim().is_empty())
        .map(|it| runs(&it))
        .collect();
    let (width, height) = (WIDTH * CHARACTER + 24, lines.len() * LINE + 28);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         font-family=\"ui-monospace,SFMono-Regular,Menlo,Consolas,monospace\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#15181e\"/>\n"
    );
    for (at, line) in lines.iter().enumerate() {
        let y = 24 + at * LINE;
        let mut column = 0;
        for run in line {
            let room = WIDTH.saturating_sub(column);
            let shown: String = run.text.chars().take(room).collect();
            if !shown.trim().is_empty() {
                let x = 12 + column * CHARACTER;
                let length = shown.chars().count() * CHARACTER;
                svg.push_str(&format!(
                    "<text x=\"{x}\" y=\"{y}\" textLength=\"{length}\" xml:space=\"preserve\" {}>{}</text>\n",
                    run.style,
                    escaped(&shown)
                ));
            }
            column += run.text.chars().count();
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// What is left of a line after a progress bar has rewritten it.
fn visible(line: &str) -> String {
    line.trim_end_matches('\r')
        .rsplit('\r')
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// Splits a line at its escape sequences; only colours are understood.
fn runs(line: &str) -> Vec<Run> {
    let mut all = Vec::new();
    let mut style = PLAIN;
    let mut rest = line;
    while let Some(at) = rest.find('\x1b') {
        push(&mut all, style, &rest[..at]);
        let sequence = &rest[at + 1..];
        let Some(end) = sequence.find(|it: char| it.is_ascii_alphabetic()) else {
            return all;
        };
        if sequence[end..].starts_with('m') {
            style = styled(sequence[..end].trim_start_matches('['));
        }
        rest = &sequence[end + 1..];
    }
    push(&mut all, style, rest);
    all
}

fn push(all: &mut Vec<Run>, style: &'static str, text: &str) {
    if !text.is_empty() {
        all.push(Run {
            style,
            text: text.to_owned(),
        });
    }
}

const PLAIN: &str = "fill=\"#d4d8e0\"";

fn styled(code: &str) -> &'static str {
    match code {
        "1" => "fill=\"#ffffff\" font-weight=\"bold\"",
        "31" => "fill=\"#ff7b72\"",
        "33" => "fill=\"#e3b341\"",
        _ => PLAIN,
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_become_styles_and_text_is_escaped() {
        let svg = picture("\x1b[31m1 < 2\x1b[0m & so on\n");
        assert!(svg.contains("fill=\"#ff7b72\">1 &lt; 2</text>"), "{svg}");
        assert!(svg.contains("&amp; so on</text>"), "{svg}");
    }

    #[test]
    fn a_rewritten_line_shows_its_end() {
        assert_eq!(visible("10 %\r20 %\rdone"), "done");
    }
}
