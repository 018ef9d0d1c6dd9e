//! Finds a place inside a TOML string: jq faults are told at their column in the file, and the file
//! holds quotes and escapes that the text which was compiled no longer has.

use std::ops::Range;

/// Bytes of the file for bytes of the decoded text of the string at `value`.
pub(super) fn place(file: &str, value: Range<usize>, within: Range<usize>) -> Range<usize> {
    let Some(raw) = file.get(value.clone()) else {
        return value;
    };
    let (quotes, escapes) = match raw {
        it if it.starts_with("\"\"\"") => (3, true),
        it if it.starts_with("'''") => (3, false),
        it if it.starts_with('"') => (1, true),
        it if it.starts_with('\'') => (1, false),
        _ => return value,
    };
    let mut at = quotes;
    if quotes == 3 {
        at += newline(&raw[at..]);
    }
    // A string that nobody closed goes on to the end of what was read of it.
    let inner = raw.strip_suffix(&raw[..quotes]).unwrap_or(raw);
    let end = inner.len().max(at);
    let (mut decoded, mut start) = (0, None);
    while at < end {
        if decoded >= within.start && start.is_none() {
            start = Some(at);
        }
        if decoded >= within.end && start.is_some() {
            break;
        }
        let (taken, made) = step(&raw[at..end], escapes);
        at += taken;
        decoded += made;
    }
    let start = start.unwrap_or(at);
    value.start + start..value.start + at.max(start)
}

fn newline(text: &str) -> usize {
    if text.starts_with("\r\n") {
        2
    } else {
        usize::from(text.starts_with('\n'))
    }
}

/// How many bytes of the file the next character takes, and how many of the text it makes.
fn step(rest: &str, escapes: bool) -> (usize, usize) {
    let mut chars = rest.chars();
    let first = chars.next().map_or(1, char::len_utf8);
    if !escapes || !rest.starts_with('\\') {
        return (first, first);
    }
    let hex = |digits: usize| {
        let code = rest
            .get(2..2 + digits)
            .and_then(|it| u32::from_str_radix(it, 16).ok());
        match code.and_then(char::from_u32) {
            Some(it) => (2 + digits, it.len_utf8()),
            None => (2, 1),
        }
    };
    match chars.next() {
        Some('x') => hex(2),
        Some('u') => hex(4),
        Some('U') => hex(8),
        // A backslash at the end of a line takes the white space that follows along.
        Some(it) if it.is_whitespace() => (1 + rest[1..].len() - rest[1..].trim_start().len(), 0),
        Some(it) => (1 + it.len_utf8(), 1),
        None => (1, 0),
    }
}

#[cfg(test)]
mod tests {
    use toml::de::DeTable;

    use super::*;

    /// Files with such strings are refused, but their other faults are told as well.
    #[test]
    fn strings_that_are_not_closed_or_escape_nothing_have_places() {
        let raws = [
            "\"",
            "'",
            "\"\"\"",
            "\"\"",
            "\".code | plain\u{fffd}",
            "\"\"\"é",
            "'''é",
            "\"\\u00é\"",
            "\"\\x\u{fffd}",
            "\"\\Uffffffffé",
            "\"\\",
        ];
        for raw in raws {
            for start in 0..raw.len() {
                for end in start..=raw.len() {
                    let found = place(raw, 0..raw.len(), start..end);
                    assert!(raw.get(found).is_some(), "{raw} {start}..{end}");
                }
            }
        }
    }

    #[test]
    fn places_are_found_behind_quotes_and_escapes() {
        let cases = [
            r#"a = ".x + HERE""#,
            r#"a = '.x + HERE'"#,
            r#"a = "\"\\n\u00e9\" + HERE + 1""#,
            "a = '''\n.x\n + HERE\n'''",
            "a = \"\"\"\r\n.x\\\n   + \\\"é\\\" + HERE\"\"\"",
            "a = \"\"\"HERE\"\"\"",
            "x = 'é'\na = 'é HERE'",
        ];
        for file in cases {
            let table = DeTable::parse(file).unwrap();
            let value = table.get_ref().get("a").unwrap();
            let text = value.get_ref().as_str().unwrap();
            let at = text.find("HERE").unwrap();
            let found = place(file, value.span(), at..at + 4);
            assert_eq!(file.get(found), Some("HERE"), "{file}");
            let end = place(file, value.span(), text.len()..text.len());
            assert!(
                end.start <= value.span().end && end.start >= value.span().start,
                "{file}"
            );
        }
    }
}
