//! Values to JSON text. Numbers are written plainly, in their own scale; fields in their order.

use std::fmt::{self, Write as _};

use super::{Number, Value};

impl Value {
    /// The value as compact JSON.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.to_json().into_bytes()
    }

    /// The value as compact JSON text.
    pub fn to_json(&self) -> String {
        let mut out = String::with_capacity(256);
        self.write(&mut out);
        out
    }

    /// The value as JSON text for people: one field a line.
    pub fn to_pretty(&self) -> String {
        let mut out = String::new();
        self.write_pretty(&mut out, 0);
        out
    }

    /// The beginning of the JSON, so many characters at most; for messages. Costs no more than what
    /// it shows, however heavy the value is.
    pub fn excerpt(&self, characters: usize) -> String {
        let mut out = String::new();
        let whole = self.write_up_to(&mut out, 4 * characters);
        match out.char_indices().nth(characters) {
            Some((at, _)) => format!("{}…", &out[..at]),
            None if whole => out,
            None => out + "…",
        }
    }

    /// Writes until there is enough; tells whether all was written.
    fn write_up_to(&self, out: &mut String, enough: usize) -> bool {
        if out.len() > enough {
            return false;
        }
        match self {
            Self::Str(it) => {
                let head = it
                    .char_indices()
                    .nth(enough)
                    .map_or(&**it, |(at, _)| &it[..at]);
                write_text(head, out);
                head.len() == it.len()
            }
            Self::Arr(it) => {
                out.push('[');
                let whole = it.items().iter().enumerate().all(|(index, item)| {
                    out.push_str(if index > 0 { "," } else { "" });
                    item.write_up_to(out, enough)
                });
                out.push_str(if whole { "]" } else { "" });
                whole
            }
            Self::Obj(it) => {
                out.push('{');
                let whole = it.iter().enumerate().all(|(index, (name, value))| {
                    out.push_str(if index > 0 { "," } else { "" });
                    write_text(name, out);
                    out.push(':');
                    value.write_up_to(out, enough)
                });
                out.push_str(if whole { "}" } else { "" });
                whole
            }
            it => {
                it.write(out);
                true
            }
        }
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(true) => out.push_str("true"),
            Self::Bool(false) => out.push_str("false"),
            Self::Num(it) => write_number(it, out),
            Self::Str(it) => write_text(it, out),
            Self::Arr(it) => {
                out.push('[');
                for (index, item) in it.items().iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Self::Obj(it) => {
                out.push('{');
                for (index, (name, value)) in it.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    write_text(name, out);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }

    fn write_pretty(&self, out: &mut String, level: usize) {
        let line = |out: &mut String, level: usize| {
            out.push('\n');
            out.extend(std::iter::repeat_n("  ", level));
        };
        match self {
            Self::Arr(it) if !it.items().is_empty() => {
                out.push('[');
                for (index, item) in it.items().iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    line(out, level + 1);
                    item.write_pretty(out, level + 1);
                }
                line(out, level);
                out.push(']');
            }
            Self::Obj(it) if !it.is_empty() => {
                out.push('{');
                for (index, (name, value)) in it.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    line(out, level + 1);
                    write_text(name, out);
                    out.push_str(": ");
                    value.write_pretty(out, level + 1);
                }
                line(out, level);
                out.push('}');
            }
            it => it.write(out),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_json())
    }
}

fn write_number(it: &Number, out: &mut String) {
    // Writing into a `String` does not fail.
    let _ = write!(out, "{it}");
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c < ' ' || c == '"' || c == '\\' || c == '\u{7f}') {
        let (clean, tail) = rest.split_at(at);
        out.push_str(clean);
        let mut chars = tail.chars();
        match chars.next() {
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some(c) => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            None => {}
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out.push('"');
}
