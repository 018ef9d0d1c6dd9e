//! Values from configuration: TOML, and JSON that came through a plugin's manifest.

use toml::Value as Toml;

use super::{Number, Object, Value};

/// Why a configured value cannot be taken over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConvertError {
    /// A float: it may not be what was written.
    #[error("`{0}` is a TOML float; write amounts as text: \"{0}\"")]
    Float(String),
    /// A TOML date: documents know only text.
    #[error("`{0}` is a TOML date; write it as text: \"{0}\"")]
    Datetime(String),
}

impl From<serde_json::Value> for Value {
    fn from(it: serde_json::Value) -> Self {
        Self::from(&it)
    }
}

impl From<&serde_json::Value> for Value {
    /// Whole numbers are exact. Others have passed through a float already where the text was read;
    /// vendor documents never come this way.
    fn from(it: &serde_json::Value) -> Self {
        match it {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(it) => Self::Bool(*it),
            serde_json::Value::Number(it) => {
                let text = it.to_string();
                Number::parse(&text).map_or_else(|| Self::text(text), Self::Num)
            }
            serde_json::Value::String(it) => Self::text(it.as_str()),
            serde_json::Value::Array(it) => Self::array(it.iter().map(Self::from).collect()),
            serde_json::Value::Object(it) => {
                Self::object(it.iter().map(|(k, v)| (k.as_str(), Self::from(v))))
            }
        }
    }
}

/// A TOML value as a document value. Amounts are text there, so floats are refused.
pub fn from_toml(it: &Toml) -> Result<Value, ConvertError> {
    Ok(match it {
        Toml::String(it) => Value::text(it.as_str()),
        Toml::Integer(it) => Value::from(*it),
        Toml::Boolean(it) => Value::Bool(*it),
        Toml::Float(it) => return Err(ConvertError::Float(it.to_string())),
        Toml::Datetime(it) => return Err(ConvertError::Datetime(it.to_string())),
        Toml::Array(it) => Value::array(it.iter().map(from_toml).collect::<Result<Vec<_>, _>>()?),
        Toml::Table(it) => {
            let mut object = Object::default();
            for (name, value) in it {
                object.insert(name.as_str(), from_toml(value)?);
            }
            Value::from(object)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configuration_is_taken_over() {
        let json = serde_json::json!({"a": [1, -2, "x", null, true], "b": 18446744073709551615u64});
        let expected = r#"{"a":[1,-2,"x",null,true],"b":18446744073709551615}"#;
        assert_eq!(Value::from(json).to_json(), expected);

        let toml: Toml = toml::from_str("a = [1, 'x']\nb = { c = true }").unwrap();
        let value = from_toml(&toml).map(|it| it.to_json());
        assert_eq!(value.as_deref(), Ok(r#"{"a":[1,"x"],"b":{"c":true}}"#));

        let float: Toml = toml::from_str("a = 0.05").unwrap();
        assert_eq!(
            from_toml(&float),
            Err(ConvertError::Float("0.05".to_owned()))
        );
        let date: Toml = toml::from_str("a = 2026-01-31").unwrap();
        assert_eq!(
            from_toml(&date),
            Err(ConvertError::Datetime("2026-01-31".to_owned()))
        );
    }
}
