//! JSON whose numbers stay the text they were.
//!
//! Money must survive the way in and out digit by digit, and vendors differ in how they write the
//! same number (`60.0`, `60.0000`), so a number here is its text. Objects keep their order.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use hifijson::num::LexWrite as _;
use hifijson::str::LexAlloc as _;
use hifijson::token::Lex as _;
use hifijson::{Expect, SliceLexer, num};
use rust_decimal::Decimal;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// A JSON value.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Json {
    /// `null`
    #[default]
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number as it was written.
    Num(Box<str>),
    /// A string.
    Str(String),
    /// An array.
    Arr(Vec<Json>),
    /// An object in its own order.
    Obj(Object),
}

/// The members of an object, in order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Object(Vec<(Cow<'static, str>, Json)>);

impl Json {
    /// Reads a JSON text.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let mut lexer = SliceLexer::new(text.as_bytes());
        let read = lexer.exactly_one(SliceLexer::ws_peek, |next, lexer| value(next, lexer, 0));
        // What is wrong, and where, is said by the better-known parser.
        read.map_err(
            |_| match serde_json::from_str::<serde::de::IgnoredAny>(text) {
                Err(why) => why,
                Ok(_) => serde::de::Error::custom("it is nested too deeply, or no text"),
            },
        )
    }

    /// A string value.
    pub fn str(text: impl Into<String>) -> Self {
        Self::Str(text.into())
    }

    /// A number with exactly `places` decimals.
    pub fn fixed(value: Decimal, places: u32) -> Self {
        let mut value = value
            .round_dp_with_strategy(places, rust_decimal::RoundingStrategy::MidpointAwayFromZero);
        value.rescale(places);
        if value.is_zero() {
            value.set_sign_positive(true);
        }
        Self::Num(value.to_string().into())
    }

    /// A number written as briefly as it can be.
    pub fn decimal(value: Decimal) -> Self {
        Self::Num(value.normalize().to_string().into())
    }

    /// A whole number.
    pub fn int(value: impl Into<i64>) -> Self {
        Self::Num(value.into().to_string().into())
    }

    /// The string, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The exact number, if it is one or a string that holds one.
    pub fn as_decimal(&self) -> Option<Decimal> {
        match self {
            Self::Num(text) => decimal(text),
            Self::Str(text) => decimal(text.trim()),
            _ => None,
        }
    }

    /// The whole number, if it is one.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Num(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// The boolean, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The elements, if it is an array.
    pub fn as_array(&self) -> Option<&[Json]> {
        match self {
            Self::Arr(items) => Some(items),
            _ => None,
        }
    }

    /// The members, if it is an object.
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Self::Obj(object) => Some(object),
            _ => None,
        }
    }

    /// A member of an object.
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.as_object()?.get(name)
    }

    /// Whether it is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The JSON merge patch of RFC 7396: `null` removes, objects merge, the rest replaces.
    pub fn merge(&mut self, patch: Json) {
        let Self::Obj(changes) = patch else {
            *self = patch;
            return;
        };
        if !matches!(self, Self::Obj(_)) {
            *self = Self::Obj(Object::default());
        }
        let Self::Obj(object) = self else { return };
        for (name, change) in changes.0 {
            if change.is_null() {
                object.remove(&name);
            } else if let Some(held) = object.get_mut(&name) {
                held.merge(change);
            } else {
                let mut fresh = Json::Null;
                fresh.merge(change);
                object.0.push((name, fresh));
            }
        }
    }

    /// The value as `serde_json` has it, for tests that compare values rather than text.
    pub fn to_value(&self) -> serde_json::Value {
        serde_json::from_str(&self.to_string()).unwrap_or_default()
    }

    /// The JSON text.
    pub fn text(&self) -> String {
        let mut out = String::with_capacity(1024);
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(true) => out.push_str("true"),
            Self::Bool(false) => out.push_str("false"),
            Self::Num(text) => out.push_str(text),
            Self::Str(text) => write_string(text, out),
            Self::Arr(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Self::Obj(object) => {
                out.push('{');
                for (index, (name, value)) in object.0.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    write_string(name, out);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl Object {
    /// An empty object.
    pub fn new() -> Self {
        Self(Vec::with_capacity(12))
    }

    /// A member by its exact name.
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.0
            .iter()
            .find(|(held, _)| held == name)
            .map(|(_, value)| value)
    }

    /// A member by its name in any case.
    pub fn get_any_case(&self, name: &str) -> Option<&Json> {
        self.0
            .iter()
            .find(|(held, _)| held.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// A member to change.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Json> {
        self.0
            .iter_mut()
            .find(|(held, _)| held == name)
            .map(|(_, value)| value)
    }

    /// Adds or replaces a member.
    pub fn set(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Json>) {
        let name = name.into();
        match self.get_mut(&name) {
            Some(held) => *held = value.into(),
            None => self.0.push((name, value.into())),
        }
    }

    /// Adds a member that is known to be absent.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Json>) -> Self {
        self.0.push((Cow::Borrowed(name), value.into()));
        self
    }

    /// Takes a member out.
    pub fn remove(&mut self, name: &str) -> Option<Json> {
        let at = self.0.iter().position(|(held, _)| held == name)?;
        Some(self.0.remove(at).1)
    }

    /// The members in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value))
    }

    /// Keeps the members that `keep` accepts.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        self.0.retain(|(name, _)| keep(name));
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Object> for Json {
    fn from(object: Object) -> Self {
        Self::Obj(object)
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::Str(text.to_owned())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        Self::Str(text)
    }
}

impl From<bool> for Json {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i32> for Json {
    fn from(value: i32) -> Self {
        Self::int(value)
    }
}

impl From<i64> for Json {
    fn from(value: i64) -> Self {
        Self::int(value)
    }
}

impl From<Vec<Json>> for Json {
    fn from(items: Vec<Json>) -> Self {
        Self::Arr(items)
    }
}

impl<T: Into<Json>> From<Option<T>> for Json {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// Exact decimal of a number's text, scientific notation included.
pub(crate) fn decimal(text: &str) -> Option<Decimal> {
    if text.contains(['e', 'E']) {
        Decimal::from_scientific(text).ok()
    } else {
        Decimal::from_str_exact(text).ok()
    }
}

fn write_string(text: &str, out: &mut String) {
    out.push('"');
    let plain = |byte: u8| byte >= b' ' && byte != b'"' && byte != b'\\' && byte != b'/';
    if text.bytes().all(plain) {
        out.push_str(text);
        out.push('"');
        return;
    }
    // Slashes are escaped in dates alone, as the .NET servers that invented the form do.
    let dated = text.starts_with("/Date(");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '/' if dated => out.push_str("\\/"),
            c if c < ' ' => {
                // Writing into a string cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Deepest nesting that is read.
const MAX_DEPTH: u32 = 128;

/// The value that begins with `next`. The lexer hands numbers over as text.
fn value(next: u8, lexer: &mut SliceLexer<'_>, depth: u32) -> Result<Json, Unreadable> {
    if depth >= MAX_DEPTH {
        return Err(Unreadable);
    }
    match next {
        b'a'..=b'z' => Ok(match lexer.null_or_bool().ok_or(Unreadable)? {
            Some(it) => Json::Bool(it),
            None => Json::Null,
        }),
        b'0'..=b'9' | b'-' => {
            let (text, _) = lexer.num_string().validated()?;
            // The lexer stops after a leading zero and would read `007` as three numbers.
            if lexer.as_slice().first().is_some_and(u8::is_ascii_digit) {
                return Err(Unreadable);
            }
            Ok(Json::Num(text.into()))
        }
        b'"' => Ok(Json::Str(lexer.discarded().str_string()?.into())),
        b'[' => {
            let mut items = Vec::new();
            let lexer = lexer.discarded();
            lexer.seq(b']', SliceLexer::ws_peek, |next, lexer| {
                items.push(value(next, lexer, depth + 1)?);
                Ok::<_, Unreadable>(())
            })?;
            Ok(Json::Arr(items))
        }
        b'{' => {
            let mut members = Vec::new();
            let lexer = lexer.discarded();
            lexer.seq(b'}', SliceLexer::ws_peek, |next, lexer| {
                lexer.expect(|_| Some(next), b'"').ok_or(Unreadable)?;
                let name = Cow::Owned(lexer.str_string()?.into());
                lexer.expect(SliceLexer::ws_peek, b':').ok_or(Unreadable)?;
                let next = lexer.ws_peek().ok_or(Unreadable)?;
                members.push((name, value(next, lexer, depth + 1)?));
                Ok::<_, Unreadable>(())
            })?;
            Ok(Json::Obj(Object(members)))
        }
        _ => Err(Unreadable),
    }
}

/// Not a JSON text.
struct Unreadable;

impl From<Expect> for Unreadable {
    fn from(_: Expect) -> Self {
        Self
    }
}

impl From<num::Error> for Unreadable {
    fn from(_: num::Error) -> Self {
        Self
    }
}

impl From<hifijson::str::Error> for Unreadable {
    fn from(_: hifijson::str::Error) -> Self {
        Self
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw = RawValue::from_string(self.to_string()).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

/// Reads either JSON itself or a string that holds a JSON text. The string form is for TOML, whose
/// own numbers would pass through binary floating point.
impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOrTree { top: true })
    }
}

struct TextOrTree {
    top: bool,
}

struct Nested(Json);

impl<'de> Deserialize<'de> for Nested {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_any(TextOrTree { top: false })
            .map(Nested)
    }
}

impl<'de> Visitor<'de> for TextOrTree {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON, or a string that holds a JSON text")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Num(value.to_string().into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Num(value.to_string().into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        // The shortest text that reads back as the same float is the text somebody typed, up to
        // fifteen digits. Exact decimals are written in the string form.
        Ok(Json::Num(format!("{value:?}").into()))
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Json, E> {
        if self.top {
            Json::parse(text).map_err(|error| E::custom(format!("not a JSON text: {error}")))
        } else {
            Ok(Json::str(text))
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
        let mut items = Vec::new();
        while let Some(Nested(item)) = seq.next_element()? {
            items.push(item);
        }
        Ok(Json::Arr(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut object = Object::new();
        while let Some((name, Nested(value))) = map.next_entry::<String, Nested>()? {
            object.0.push((Cow::Owned(name), value));
        }
        Ok(Json::Obj(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_text() {
        let text = r#"{"b":10.00,"a":[1e3,-0.0000001],"t":"x\"\n","d":"\/Date(5)\/","n":null}"#;
        let json = Json::parse(text).unwrap();
        assert_eq!(json.to_string(), text);
        assert_eq!(
            json.get("b").unwrap().as_decimal().unwrap().to_string(),
            "10.00"
        );
        assert_eq!(
            json.get("a").unwrap().as_array().unwrap()[0].as_decimal(),
            Some(1000.into())
        );
    }

    #[test]
    fn what_is_no_json_is_refused() {
        let deep = "[".repeat(100_000);
        let cases = [
            "",
            "{",
            "[1,]",
            "[1 2]",
            "{\"a\" 1}",
            "{a:1}",
            "007",
            "-",
            "1.",
            "nul",
            "\"\\ud800\"",
            "\"a\nb\"",
            "{} x",
            &deep,
        ];
        for text in cases {
            let shown: String = text.chars().take(20).collect();
            assert!(Json::parse(text).is_err(), "{shown}");
        }
        assert_eq!(
            Json::parse(" [ 1 , \"é𝄞\\u00e9\" ] ").unwrap().text(),
            "[1,\"é𝄞é\"]"
        );
    }

    #[test]
    fn merging_follows_the_merge_patch_rules() {
        let cases = [
            (
                r#"{"a":1,"b":2}"#,
                r#"{"a":null,"c":3}"#,
                r#"{"b":2,"c":3}"#,
            ),
            (
                r#"{"a":{"x":1,"y":2}}"#,
                r#"{"a":{"y":3}}"#,
                r#"{"a":{"x":1,"y":3}}"#,
            ),
            (r#"{"a":[1,2]}"#, r#"{"a":[3]}"#, r#"{"a":[3]}"#),
            (r#"{}"#, r#"{"a":{"b":null,"c":1}}"#, r#"{"a":{"c":1}}"#),
        ];
        for (target, patch, expected) in cases {
            let mut json = Json::parse(target).unwrap();
            json.merge(Json::parse(patch).unwrap());
            assert_eq!(json.to_string(), expected, "{target} + {patch}");
        }
    }

    #[test]
    fn fixed_numbers_round_half_away_from_zero() {
        let cases = [
            ("1.005", 2, "1.01"),
            ("-1.005", 2, "-1.01"),
            ("3", 4, "3.0000"),
        ];
        for (value, places, expected) in cases {
            assert_eq!(
                Json::fixed(value.parse().unwrap(), places).to_string(),
                expected
            );
        }
        assert_eq!(
            Json::fixed("-0.001".parse().unwrap(), 2).to_string(),
            "0.00"
        );
    }
}
