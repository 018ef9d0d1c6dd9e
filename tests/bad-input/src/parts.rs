//! One input of several files: each begins with a line `=== NAME`.

use std::fmt::Write as _;

const MARK: &str = "=== ";

/// The text before the first mark, then each part by its name.
pub fn split(text: &str) -> (&str, Vec<(&str, &str)>) {
    let mut marks: Vec<usize> = Vec::new();
    if text.starts_with(MARK) {
        marks.push(0);
    }
    marks.extend(text.match_indices("\n=== ").map(|(at, _)| at + 1));
    let head = marks.first().map_or(text, |at| &text[..*at]);
    let ends = marks.iter().skip(1).copied().chain([text.len()]);
    let parts = marks.iter().zip(ends).map(|(from, to)| {
        let part = &text[from + MARK.len()..to];
        part.split_once('\n').unwrap_or((part, ""))
    });
    (head, parts.collect())
}

/// The input of these parts.
pub fn join<'a>(head: &str, parts: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
    let mut text = head.to_owned();
    for (name, body) in parts {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        // Writing to a string cannot fail.
        let _ = write!(text, "{MARK}{name}\n{body}");
    }
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_back() {
        let joined = join("head", [("a", "1\n2\n"), ("b c", ""), ("d", "=== no\n")]);
        let text = String::from_utf8(joined).unwrap();
        assert_eq!(text, "head\n=== a\n1\n2\n=== b c\n=== d\n=== no\n");
        let (head, parts) = split(&text);
        assert_eq!(head, "head\n");
        assert_eq!(parts, [("a", "1\n2\n"), ("b c", ""), ("d", ""), ("no", "")]);
        assert_eq!(split(""), ("", vec![]));
        assert_eq!(split("=== "), ("", vec![("", "")]));
    }
}
