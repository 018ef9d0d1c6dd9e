//! Reaching into a value: dotted paths, plain accessors.

use std::sync::Arc;

use rust_decimal::Decimal;

use super::{Array, Number, Object, Value};

/// Why a path could not be set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` cannot be set: `{at}` holds {holds}")]
pub struct SetError {
    /// The whole path.
    pub path: String,
    /// The part that stands in the way.
    pub at: String,
    /// What is there.
    pub holds: &'static str,
}

impl Value {
    /// What is at a dotted path such as `Lines.0.Tax`; numbers index arrays.
    pub fn get(&self, path: &str) -> Option<&Value> {
        path.split('.')
            .try_fold(self, |value, part| value.child(part))
    }

    /// A field of an object, or an element of an array by its index as text.
    pub fn child(&self, name: &str) -> Option<&Value> {
        match self {
            Self::Obj(it) => it.get(name),
            Self::Arr(it) => it.items().get(name.parse::<usize>().ok()?),
            _ => None,
        }
    }

    /// Puts a value at a dotted path. Missing and null levels become objects; an array takes an
    /// index that it has, or the next one.
    pub fn set(&mut self, path: &str, value: Value) -> Result<(), SetError> {
        self.set_at(path, path, value)
    }

    fn set_at(&mut self, whole: &str, rest: &str, value: Value) -> Result<(), SetError> {
        let (name, rest) = match rest.split_once('.') {
            Some((name, rest)) => (name, Some(rest)),
            None => (rest, None),
        };
        let refused = |holds| SetError {
            path: whole.to_owned(),
            at: name.to_owned(),
            holds,
        };
        if self.is_null() {
            *self = Self::from(Object::default());
        }
        match self {
            Self::Obj(it) => {
                let object = Arc::make_mut(it);
                match rest {
                    None => object.insert(name, value),
                    Some(rest) => object.slot(name).set_at(whole, rest, value)?,
                }
                object.recount();
            }
            Self::Arr(it) => {
                let index: usize = name.parse().map_err(|_| refused("an array"))?;
                let array = Arc::make_mut(it);
                if index == array.items().len() {
                    array.push(Self::Null);
                }
                let slot = array
                    .slot(index)
                    .ok_or_else(|| refused("a shorter array"))?;
                match rest {
                    None => *slot = value,
                    Some(rest) => slot.set_at(whole, rest, value)?,
                }
                array.recount();
            }
            other => return Err(refused(other.kind())),
        }
        Ok(())
    }

    /// Takes out what is at a dotted path; arrays close up.
    pub fn remove(&mut self, path: &str) -> Option<Value> {
        match (self, path.split_once('.')) {
            (Self::Obj(it), None) => Arc::make_mut(it).remove(path),
            (Self::Obj(it), Some((name, rest))) => {
                it.get(name)?;
                Arc::make_mut(it).slot(name).remove(rest)
            }
            (Self::Arr(it), Some((name, rest))) => {
                Arc::make_mut(it).slot(name.parse().ok()?)?.remove(rest)
            }
            _ => None,
        }
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Null or empty text: nothing that a person would call a value.
    pub fn is_blank(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Str(it) => it.trim().is_empty(),
            _ => false,
        }
    }

    /// False for null and false, true for everything else.
    pub fn is_truthy(&self) -> bool {
        !matches!(self, Self::Null | Self::Bool(false))
    }

    /// Text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(it) => Some(it),
            _ => None,
        }
    }

    /// A boolean.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(it) => Some(*it),
            _ => None,
        }
    }

    /// A number that fits a decimal.
    pub fn as_decimal(&self) -> Option<Decimal> {
        match self {
            Self::Num(it) => it.as_decimal(),
            _ => None,
        }
    }

    /// A number that fits a decimal, also when it is written as text.
    pub fn to_decimal(&self) -> Option<Decimal> {
        match self {
            Self::Str(it) => Number::parse(it.trim())?.as_decimal(),
            it => it.as_decimal(),
        }
    }

    /// Elements of an array.
    pub fn as_array(&self) -> Option<&[Value]> {
        match self {
            Self::Arr(it) => Some(it.items()),
            _ => None,
        }
    }

    /// Fields of an object.
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Self::Obj(it) => Some(it),
            _ => None,
        }
    }

    /// Elements of an array or values of an object; nothing for anything else.
    pub fn children(&self) -> impl Iterator<Item = &Value> {
        let (items, fields) = match self {
            Self::Arr(it) => (Some(Array::items(it).iter()), None),
            Self::Obj(it) => (None, Some(it.iter().map(|(_, value)| value))),
            _ => (None, None),
        };
        items
            .into_iter()
            .flatten()
            .chain(fields.into_iter().flatten())
    }

    /// Text as it is, anything else as JSON: what people read, and what keys of tables are.
    pub fn to_text(&self) -> Arc<str> {
        match self {
            Self::Str(it) => it.clone(),
            it => it.to_json().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(json: &str) -> Value {
        Value::parse(json.as_bytes()).unwrap_or_else(|it| panic!("{it}"))
    }

    #[test]
    fn paths_reach_in() {
        let it = value(r#"{"a":{"b":[{"c":7}]},"0":"zero"}"#);
        let cases = [
            ("a.b.0.c", Some("7")),
            ("0", Some(r#""zero""#)),
            ("a.b.1.c", None),
            ("a.b.x", None),
            ("a.b.0.c.d", None),
            ("", None),
        ];
        for (path, expected) in cases {
            assert_eq!(
                it.get(path).map(Value::to_json).as_deref(),
                expected,
                "{path}"
            );
        }
    }

    #[test]
    fn paths_can_be_set() {
        let cases = [
            ("{}", "a.b.c", Ok(r#"{"a":{"b":{"c":1}}}"#)),
            (r#"{"z":0,"a":5}"#, "z", Ok(r#"{"z":1,"a":5}"#)),
            (r#"{"a":[{"b":0}]}"#, "a.0.b", Ok(r#"{"a":[{"b":1}]}"#)),
            (r#"{"a":[]}"#, "a.0", Ok(r#"{"a":[1]}"#)),
            (r#"{"a":[]}"#, "a.1", Err("a shorter array")),
            (r#"{"a":[]}"#, "a.x", Err("an array")),
            (r#"{"a":"t"}"#, "a.b", Err("string")),
        ];
        for (before, path, expected) in cases {
            let mut it = value(before);
            let shared = it.clone();
            let result = it.set(path, Value::from(1)).map(|()| it.to_json());
            let result = result.as_deref().map_err(|it| it.holds);
            assert_eq!(result, expected, "{before} {path}");
            assert_eq!(shared.to_json(), before, "a clone keeps what it had");
        }
    }

    #[test]
    fn paths_can_be_removed() {
        let mut it = value(r#"{"a":{"b":1,"c":2},"l":[{"x":1}]}"#);
        assert_eq!(it.remove("a.b"), Some(Value::from(1)));
        assert_eq!(it.remove("l.0.x"), Some(Value::from(1)));
        assert_eq!(it.remove("a.q"), None);
        assert_eq!(it.to_json(), r#"{"a":{"c":2},"l":[{}]}"#);
    }
}
