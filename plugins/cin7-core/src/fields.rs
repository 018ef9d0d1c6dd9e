//! Objects of Core, as slices of the text that came.
//!
//! The vendor's tables and its answers spell names differently (`SaleID` and `SaleId`, an `ID` here
//! and a `TaskID` there), and what is an array in one place is a bare object or nothing in another.
//! So names are found in any case, by the first of several, and one-or-many is read as many.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

/// An object's fields in the order in which they came, each the text that came.
#[derive(Debug, Default)]
pub(crate) struct Fields<'a>(pub(crate) Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Fields<'a> {
    /// The first of these names that is there, in any case, and is not null.
    pub(crate) fn raw(&self, names: &[&str]) -> Option<&'a RawValue> {
        names.iter().find_map(|name| {
            let found = self
                .0
                .iter()
                .find(|(it, raw)| it.eq_ignore_ascii_case(name) && raw.get() != "null");
            found.map(|(_, raw)| *raw)
        })
    }

    /// Whether one of these names is there at all.
    pub(crate) fn has(&self, names: &[&str]) -> bool {
        let named = |it: &str| names.iter().any(|name| it.eq_ignore_ascii_case(name));
        self.0.iter().any(|(it, _)| named(it))
    }

    /// Text without spaces at its ends; a number as it stands. Nothing when it is empty.
    pub(crate) fn text(&self, names: &[&str]) -> Option<Cow<'a, str>> {
        let raw = self.raw(names)?.get();
        let text = match serde_json::from_str::<Cow<'_, str>>(raw) {
            Ok(text) => Cow::Owned(text.trim().to_owned()),
            Err(_) => Cow::Borrowed(raw),
        };
        (!text.is_empty()).then_some(text)
    }

    /// Text as a GUID in lower case.
    pub(crate) fn guid(&self, names: &[&str]) -> Option<String> {
        guid(&self.text(names)?)
    }

    /// The objects under a name: none, one or many.
    pub(crate) fn many(&self, names: &[&str]) -> Result<Vec<&'a RawValue>, serde_json::Error> {
        self.raw(names).map_or(Ok(Vec::new()), many)
    }
}

/// The objects of a value that is an array of objects, one object, or empty in any way.
pub(crate) fn many(raw: &RawValue) -> Result<Vec<&RawValue>, serde_json::Error> {
    match raw.get().as_bytes().first() {
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(raw.get())?;
            Ok(items.into_iter().filter(|it| !is_empty(it)).collect())
        }
        Some(b'{') if !is_empty(raw) => Ok(vec![raw]),
        _ => Ok(Vec::new()),
    }
}

fn is_empty(raw: &RawValue) -> bool {
    let inside = raw.get().trim_matches(['{', '}']);
    raw.get() == "null" || inside.trim().is_empty()
}

/// Core writes GUIDs in upper and lower case, and an id that is not set as zeros.
pub(crate) fn guid(text: &str) -> Option<String> {
    let text = text.trim().trim_matches(['{', '}']);
    let set = text.bytes().any(|it| !matches!(it, b'0' | b'-'));
    set.then(|| text.to_ascii_lowercase())
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Objects;

        /// A name, borrowed where it needs no unescaping.
        #[derive(Deserialize)]
        struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

        impl<'de> Visitor<'de> for Objects {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some((Name(name), raw)) = map.next_entry::<Name<'de>, &'de RawValue>()? {
                    fields.push((name, raw));
                }
                Ok(Fields(fields))
            }
        }
        from.deserialize_map(Objects)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case_and_values_stay_text() {
        let text = r#"{"SaleId":" 5B0E ", "Total":1.10, "Note":null, "\u0041":"x"}"#;
        let fields: Fields<'_> = serde_json::from_str(text).unwrap();
        assert_eq!(fields.guid(&["ID", "SaleID"]).as_deref(), Some("5b0e"));
        assert_eq!(fields.text(&["total"]).as_deref(), Some("1.10"));
        assert_eq!(fields.text(&["A"]).as_deref(), Some("x"));
        assert_eq!(fields.text(&["Note"]), None);
        assert!(fields.has(&["NOTE"]) && !fields.has(&["Memo"]));
    }

    #[test]
    fn one_or_many_is_many() {
        let cases = [
            ("[]", 0),
            ("{}", 0),
            ("{ }", 0),
            ("null", 0),
            ("\"\"", 0),
            (r#"{"a":1}"#, 1),
            (r#"[{"a":1}]"#, 1),
            (r#"[{"a":1},{},{"b":2},null]"#, 2),
        ];
        for (text, expected) in cases {
            let raw: &RawValue = serde_json::from_str(text).unwrap();
            assert_eq!(many(raw).unwrap().len(), expected, "{text}");
        }
    }

    #[test]
    fn guids_are_lower_case_and_zeros_are_none() {
        let cases = [
            (
                "5B0E3C52-7A55-4D0F-8C3B-1D2F3A4B5C6D",
                Some("5b0e3c52-7a55-4d0f-8c3b-1d2f3a4b5c6d"),
            ),
            ("{5B0E}", Some("5b0e")),
            ("00000000-0000-0000-0000-000000000000", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(guid(text).as_deref(), expected, "{text}");
        }
    }
}
