//! Reads Xero's JSON with the latitude that its answers need.
//!
//! A missing value may be absent, `""`, null or, where an object belongs, an empty array. Numbers and
//! booleans sometimes come as text. Numbers stay the text they came as: no amount ever passes
//! through a binary float.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// Deepest nesting that [`tidy`] looks into; Xero's own documents have six levels.
const MAX_DEPTH: usize = 16;

/// A JSON object whose values are still text.
#[derive(Debug, Default)]
pub(crate) struct Object<'a>(BTreeMap<String, &'a RawValue>);

impl<'a> Object<'a> {
    /// `None` when it is anything but an object.
    pub(crate) fn read(raw: &'a RawValue) -> Option<Self> {
        serde_json::from_str(raw.get()).ok().map(Self)
    }

    pub(crate) fn read_bytes(bytes: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok().map(Self)
    }

    pub(crate) fn raw(&self, key: &str) -> Option<&'a RawValue> {
        self.0.get(key).copied()
    }

    /// Text that is not empty; a number or boolean as its own text.
    pub(crate) fn text(&self, key: &str) -> Option<String> {
        self.raw(key).and_then(text)
    }

    pub(crate) fn flag(&self, key: &str) -> bool {
        self.text(key)
            .is_some_and(|it| it.eq_ignore_ascii_case("true"))
    }

    /// A number as the text it came as, out of its quotes where it had any.
    pub(crate) fn number(&self, key: &str) -> Option<Box<RawValue>> {
        let text = self.text(key)?;
        let text = text.trim();
        let numeric = text.starts_with(|it: char| it == '-' || it.is_ascii_digit());
        if !numeric {
            return None;
        }
        RawValue::from_string(text.to_owned()).ok()
    }

    pub(crate) fn count(&self, key: &str) -> Option<u64> {
        self.text(key)?.parse().ok()
    }

    /// An object that holds something.
    pub(crate) fn object(&self, key: &str) -> Option<Object<'a>> {
        self.raw(key)
            .and_then(Object::read)
            .filter(|it| !it.0.is_empty())
    }

    /// Elements of an array; a single object counts as an array of one.
    pub(crate) fn list(&self, key: &str) -> Vec<&'a RawValue> {
        let Some(raw) = self.raw(key) else {
            return Vec::new();
        };
        match serde_json::from_str::<Vec<&'a RawValue>>(raw.get()) {
            Ok(elements) => elements,
            Err(_) if raw.get().starts_with('{') => vec![raw],
            Err(_) => Vec::new(),
        }
    }

    pub(crate) fn objects(&self, key: &str) -> Vec<Object<'a>> {
        self.list(key)
            .into_iter()
            .filter_map(Object::read)
            .collect()
    }

    /// The object without one of its values.
    pub(crate) fn without(&self, key: &str) -> serde_json::Result<Box<RawValue>> {
        let kept: BTreeMap<&String, &RawValue> = self
            .0
            .iter()
            .filter(|(name, _)| name.as_str() != key)
            .map(|(name, value)| (name, *value))
            .collect();
        serde_json::value::to_raw_value(&kept)
    }

    /// The object with some values replaced or added.
    pub(crate) fn with(&self, changes: &[(&str, &RawValue)]) -> serde_json::Result<Box<RawValue>> {
        let mut values: BTreeMap<&str, &RawValue> = self
            .0
            .iter()
            .map(|(key, value)| (key.as_str(), *value))
            .collect();
        values.extend(changes.iter().copied());
        serde_json::value::to_raw_value(&values)
    }
}

/// As [`Object::text`].
pub(crate) fn text(raw: &RawValue) -> Option<String> {
    let json = raw.get();
    let text = match json.as_bytes().first()? {
        b'"' => serde_json::from_str(json).ok()?,
        b'{' | b'[' | b'n' => return None,
        _ => json.to_owned(),
    };
    (!text.is_empty()).then_some(text)
}

/// A text as JSON.
pub(crate) fn quoted(text: &str) -> serde_json::Result<Box<RawValue>> {
    serde_json::value::to_raw_value(text)
}

/// The value without members and elements that say nothing; `None` when nothing is left.
pub(crate) fn tidy(raw: &RawValue) -> Option<Box<RawValue>> {
    tidy_at(raw, 0)
}

fn tidy_at(raw: &RawValue, depth: usize) -> Option<Box<RawValue>> {
    let json = raw.get();
    let first = json.as_bytes().first()?;
    match first {
        b'n' => None,
        b'"' if json == "\"\"" => None,
        b'{' if depth < MAX_DEPTH => {
            let Object(members) = Object::read(raw)?;
            let kept: BTreeMap<&String, Box<RawValue>> = members
                .iter()
                .filter_map(|(key, value)| Some((key, tidy_at(value, depth + 1)?)))
                .collect();
            if kept.is_empty() {
                None
            } else {
                serde_json::value::to_raw_value(&kept).ok()
            }
        }
        b'[' if depth < MAX_DEPTH => {
            let elements: Vec<&RawValue> = serde_json::from_str(json).ok()?;
            let kept: Vec<_> = elements
                .iter()
                .filter_map(|it| tidy_at(it, depth + 1))
                .collect();
            if kept.is_empty() {
                None
            } else {
                serde_json::value::to_raw_value(&kept).ok()
            }
        }
        _ => Some(raw.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    #[test]
    fn missing_values_have_many_forms() {
        let json = raw(r#"{"a":"","b":null,"c":[],"d":{},"e":"x","f":1.50,"g":"true","h":false}"#);
        let object = Object::read(&json).unwrap();
        for key in ["a", "b", "c", "d", "z"] {
            assert_eq!(object.text(key), None, "{key}");
            assert!(object.object(key).is_none(), "{key}");
        }
        assert_eq!(object.text("e").as_deref(), Some("x"));
        assert_eq!(object.text("f").as_deref(), Some("1.50"));
        assert!(object.flag("g"));
        assert!(!object.flag("h"));
    }

    #[test]
    fn numbers_keep_their_text() {
        let cases = [
            (r#"12.10"#, Some("12.10")),
            (r#""60.00""#, Some("60.00")),
            (r#"-0.1000000000000000055"#, Some("-0.1000000000000000055")),
            (r#"1e3"#, Some("1e3")),
            (r#""""#, None),
            (r#""n/a""#, None),
            (r#""1,000.00""#, None),
            (r#"null"#, None),
            (r#"[1]"#, None),
        ];
        for (json, expected) in cases {
            let json = raw(&format!(r#"{{"n":{json}}}"#));
            let number = Object::read(&json).unwrap().number("n");
            assert_eq!(number.as_ref().map(|it| it.get()), expected, "{json}");
        }
    }

    #[test]
    fn single_objects_count_as_lists() {
        let json = raw(r#"{"a":[{"x":1},{"x":2}],"b":{"x":3},"c":"no"}"#);
        let object = Object::read(&json).unwrap();
        let lengths = ["a", "b", "c", "d"].map(|key| object.objects(key).len());
        assert_eq!(lengths, [2, 1, 0, 0]);
    }

    #[test]
    fn tidying_drops_what_says_nothing() {
        let cases = [
            (
                r#"{"a":"","b":null,"c":[],"d":{"e":""},"f":0,"g":false}"#,
                Some(r#"{"f":0,"g":false}"#),
            ),
            (r#"[{"a":""},{"a":"1"}]"#, Some(r#"[{"a":"1"}]"#)),
            (r#"{"a":[[]]}"#, None),
            (r#"12.10"#, Some("12.10")),
        ];
        for (json, expected) in cases {
            let tidied = tidy(&raw(json));
            assert_eq!(tidied.as_ref().map(|it| it.get()), expected, "{json}");
        }
        // Far deeper than the stack would bear: kept as it is below the limit.
        let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
        if let Ok(deep) = RawValue::from_string(deep) {
            assert!(tidy(&deep).is_some());
        }
    }
}
