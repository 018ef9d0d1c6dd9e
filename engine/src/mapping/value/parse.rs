//! JSON bytes to values. Everything that a vendor could send wrong ends in an error that says where.
//!
//! The lexer is `hifijson`, which hands numbers over as text: `serde_json` would pass them through
//! floats unless a feature is set that changes its behaviour for every crate of the build.

use std::sync::Arc;

use hifijson::{Expect, SliceLexer, num, str::LexAlloc as _, token::Lex as _};

use super::{Number, Object, Value};

/// Deepest nesting of arrays and objects that is read.
pub const MAX_DEPTH: u32 = 128;

/// Longest document that is read.
pub const MAX_BYTES: usize = 64 << 20;

/// Why bytes are not a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a readable JSON document: {why} at byte {at}")]
pub struct ParseError {
    /// What is wrong.
    pub why: String,
    /// Byte at which reading stopped.
    pub at: usize,
}

impl Value {
    /// Reads one JSON document: UTF-8, no duplicate fields, at most [`MAX_DEPTH`] levels and
    /// [`MAX_BYTES`] bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        if bytes.len() > MAX_BYTES {
            let why = format!(
                "{} bytes are more than the {MAX_BYTES} that are read",
                bytes.len()
            );
            return Err(ParseError { why, at: 0 });
        }
        let mut lexer = SliceLexer::new(bytes);
        let result = lexer.exactly_one(SliceLexer::ws_peek, |next, lexer| value(next, lexer, 0));
        result.map_err(|why| ParseError {
            why: why.0,
            at: bytes.len() - lexer.as_slice().len(),
        })
    }
}

struct Why(String);

impl From<Expect> for Why {
    fn from(it: Expect) -> Self {
        Self(format!("expected {it}"))
    }
}

impl From<num::Error> for Why {
    fn from(it: num::Error) -> Self {
        Self(it.to_string())
    }
}

impl From<hifijson::str::Error> for Why {
    fn from(it: hifijson::str::Error) -> Self {
        Self(it.to_string())
    }
}

fn value(next: u8, lexer: &mut SliceLexer<'_>, depth: u32) -> Result<Value, Why> {
    if depth >= MAX_DEPTH && matches!(next, b'[' | b'{') {
        return Err(Why(format!("more than {MAX_DEPTH} levels of nesting")));
    }
    match next {
        b'a'..=b'z' => Ok(match lexer.null_or_bool().ok_or(Expect::Value)? {
            Some(it) => Value::Bool(it),
            None => Value::Null,
        }),
        b'0'..=b'9' | b'-' => Ok(Value::Num(number(lexer)?)),
        b'"' => Ok(Value::Str(lexer.discarded().str_string()?.into())),
        b'[' => {
            let mut items = Vec::new();
            lexer
                .discarded()
                .seq(b']', SliceLexer::ws_peek, |next, lexer| {
                    items.push(value(next, lexer, depth + 1)?);
                    Ok::<_, Why>(())
                })?;
            Ok(Value::array(items))
        }
        b'{' => {
            let mut object = Object::default();
            lexer
                .discarded()
                .seq(b'}', SliceLexer::ws_peek, |next, lexer| {
                    lexer.expect(|_| Some(next), b'"').ok_or(Expect::String)?;
                    let name: Arc<str> = lexer.str_string()?.into();
                    lexer
                        .expect(SliceLexer::ws_peek, b':')
                        .ok_or(Expect::Colon)?;
                    let next = lexer.ws_peek().ok_or(Expect::Value)?;
                    let field = value(next, lexer, depth + 1)?;
                    if object.get(&name).is_some() {
                        return Err(Why(format!("the field `{name}` occurs twice")));
                    }
                    object.insert(name, field);
                    Ok(())
                })?;
            Ok(Value::from(object))
        }
        _ => Err(Expect::Value)?,
    }
}

fn number(lexer: &mut SliceLexer<'_>) -> Result<Number, Why> {
    use hifijson::num::LexWrite as _;
    let (text, _) = lexer.num_string().validated()?;
    // The lexer stops after a leading zero and would read `007` as three numbers.
    if lexer.as_slice().first().is_some_and(u8::is_ascii_digit) {
        return Err(Why("a number with a leading zero".to_owned()));
    }
    Number::parse(text).ok_or_else(|| Why("a number beyond all bounds".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_come_back_as_they_were() {
        let cases = [
            r#"{"id":12345678901234567890123,"b":[1.50,-2,null,true,false,""],"a":{}}"#,
            r#"[]"#,
            r#""\"\\\n\u0001 é 𝄞""#,
            r#"0.10000000000000000000000000000001"#,
            "1e400",
        ];
        for it in cases {
            assert_eq!(
                Value::parse(it.as_bytes()).map(|it| it.to_json()),
                Ok(it.to_owned())
            );
        }
        let loose = Value::parse(b" { \"z\" : 1.0E+2 ,\t\"a\" : \"\\u00e9\\ud834\\udd1e\" } \n");
        assert_eq!(
            loose.map(|it| it.to_json()),
            Ok(r#"{"z":100,"a":"é𝄞"}"#.to_owned())
        );
    }

    #[test]
    fn hostile_documents_are_errors() {
        let deep = "[".repeat(100_000);
        let deep_objects = r#"{"a":"#.repeat(100_000);
        let huge_number = "9".repeat(10_000);
        let cases: [(&[u8], &str); 18] = [
            (b"", "expected value"),
            (b"  ", "expected value"),
            (b"{", "expected value or end"),
            (b"[1,]", "expected value"),
            (b"[1 2]", "expected comma"),
            (b"{\"a\" 1}", "expected colon"),
            (b"{a:1}", "expected string"),
            (b"{\"a\":1,\"a\":2}", "`a` occurs twice"),
            (b"{\"a\":1} x", "end of file"),
            (b"nul", "expected value"),
            (b"007", "leading zero"),
            (b"-", "digit"),
            (b"\"\xff\xfe\"", "utf-8"),
            (b"\"\\ud800\"", ""),
            (b"\"a\nb\"", "control"),
            (deep.as_bytes(), "levels of nesting"),
            (deep_objects.as_bytes(), "levels of nesting"),
            (huge_number.as_bytes(), "beyond all bounds"),
        ];
        for (bytes, expected) in cases {
            let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(30)]).into_owned();
            match Value::parse(bytes) {
                Ok(it) => panic!("{shown} was read as {it}"),
                Err(it) => assert!(it.why.contains(expected), "{shown}: {it}"),
            }
        }
        let just_deep_enough = format!("{}{}", "[".repeat(128), "]".repeat(128));
        assert_eq!(
            Value::parse(just_deep_enough.as_bytes()).map(|it| it.depth()),
            Ok(128)
        );
    }
}
