//! What the code looks at in a document; everything else stays the text that came.

use std::collections::BTreeMap;

use jiff::Timestamp;
use ledgerline_plugin_api::prelude::*;
use serde_json::Value;

use crate::{Zudello, answer, listing};

/// A document that Zudello shows, as far as the code reads it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub(crate) struct Seen {
    #[serde(default, deserialize_with = "text")]
    pub(crate) uuid: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(crate) status: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(crate) external_id: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(crate) updated_at: Option<String>,
}

/// Text that is not empty; numbers count as their text.
pub(crate) fn text<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => Some(text.trim().to_owned()).filter(|it| !it.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

impl Seen {
    pub(crate) fn read(raw: &RawValue) -> Result<Self> {
        serde_json::from_str(raw.get()).map_err(Error::protocol)
    }

    pub(crate) fn changed(&self) -> Option<Timestamp> {
        self.updated_at.as_deref().and_then(instant)
    }

    pub(crate) fn status(&self) -> &str {
        self.status.as_deref().unwrap_or("no status")
    }
}

/// Reads an instant; without a zone it is UTC.
pub(crate) fn instant(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    text.parse()
        .ok()
        .or_else(|| format!("{text}Z").parse().ok())
}

/// Whether a list's row leaves out what mappings need: its lines, or more of a relation than its id.
pub(crate) fn is_short(row: &RawValue) -> bool {
    const OF_DOCUMENT: [&str; 4] = ["customer", "currency", "location", "subsidiary"];
    const OF_LINE: [&str; 5] = ["item", "account", "tax_rate", "location", "subsidiary"];
    type Fields<'a> = BTreeMap<String, &'a RawValue>;
    let Ok(fields) = serde_json::from_str::<Fields<'_>>(row.get()) else {
        return false;
    };
    // An id alone, be it in the relation's own place or beside an empty one.
    let bare = |fields: &Fields<'_>, name: &str| {
        let there = |name: &str| fields.get(name).map_or("null", |it| it.get());
        there(name).starts_with('"')
            || there(name) == "null" && there(&format!("{name}_uuid")).starts_with('"')
    };
    let lines = |name: &str| {
        let raw = fields.get(name)?;
        serde_json::from_str::<Vec<Fields<'_>>>(raw.get()).ok()
    };
    let Some(of_lines) = lines("lines") else {
        return true;
    };
    let of_lines = of_lines
        .into_iter()
        .chain(lines("landed_costs").unwrap_or_default());
    OF_DOCUMENT.iter().any(|name| bare(&fields, name))
        || of_lines
            .into_iter()
            .any(|line| OF_LINE.iter().any(|name| bare(&line, name)))
}

impl Zudello {
    /// A document by its own address; none when it is deleted or invisible to the key.
    pub(crate) async fn read_one(&self, cx: &Cx, uuid: &str) -> Result<Option<Box<RawValue>>> {
        let response = cx.http(self.get_request(uuid)).await?;
        if matches!(response.status, 404 | 410) {
            return Ok(None);
        }
        let response = answer::success(response, "transactions", "paths.get")?;
        let raw = listing::record(&response)?;
        match Seen::read(raw)?.uuid {
            Some(held) if held.eq_ignore_ascii_case(uuid) => Ok(Some(raw.to_owned())),
            held => Err(Error::protocol(format!(
                "{} answered with document {} when asked for {uuid}; see the setting `paths.get`",
                response.call(),
                held.as_deref().unwrap_or("without an id")
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_leaves_something_out_is_short() {
        let whole = r#""customer":{"uuid":"c","code":"C"},"currency":{"code":"AUD"}"#;
        let cases = [
            (
                format!(r#"{{{whole},"lines":[{{"account":{{"code":"200"}},"item":null}}]}}"#),
                false,
            ),
            (format!(r#"{{{whole},"lines":[]}}"#), false),
            (format!(r#"{{{whole}}}"#), true),
            (format!(r#"{{{whole},"lines":null}}"#), true),
            (r#"{"customer":"c","lines":[]}"#.to_owned(), true),
            (
                r#"{"currency":null,"currency_uuid":"x","lines":[]}"#.to_owned(),
                true,
            ),
            (
                r#"{"currency":null,"currency_uuid":null,"lines":[]}"#.to_owned(),
                false,
            ),
            (format!(r#"{{{whole},"lines":[{{"tax_rate":"t"}}]}}"#), true),
            (
                format!(r#"{{{whole},"lines":[{{"account":null,"account_uuid":"a"}}]}}"#),
                true,
            ),
            (
                format!(r#"{{{whole},"lines":[],"landed_costs":[{{"account":"a"}}]}}"#),
                true,
            ),
            ("7".to_owned(), false),
        ];
        for (json, short) in cases {
            let raw = RawValue::from_string(json.clone()).unwrap();
            assert_eq!(is_short(&raw), short, "{json}");
        }
    }

    #[test]
    fn instants_come_with_and_without_a_zone() {
        let cases = [
            (
                "2025-03-14T01:02:03.456789Z",
                Some("2025-03-14T01:02:03.456789Z"),
            ),
            ("2025-03-14T12:02:03+11:00", Some("2025-03-14T01:02:03Z")),
            ("2025-03-14T01:02:03", Some("2025-03-14T01:02:03Z")),
            ("14/03/2025", None),
            ("2025-03-14T01:02:03Z+reread", None),
        ];
        for (text, expected) in cases {
            assert_eq!(
                instant(text).map(|it| it.to_string()).as_deref(),
                expected,
                "{text}"
            );
        }
    }
}
