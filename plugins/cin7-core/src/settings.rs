//! The settings that this code reads. The others are for `prelude.jq` alone; all of them are
//! explained in `settings.schema.json`.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use ledgerline_plugin_api::prelude::*;

/// What a connection to Core may set.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Settings {
    #[serde(default)]
    start_date: Option<String>,
    #[serde(default = "default_history_days")]
    history_days: u16,
    #[serde(default = "default_overlap_minutes")]
    overlap_minutes: u16,
    #[serde(default = "default_settle_seconds")]
    settle_seconds: u16,
    #[serde(default = "default_list_rows")]
    list_rows: u32,
    #[serde(default = "default_sales_at_once")]
    sales_at_once: usize,
    #[serde(default)]
    every_sale: bool,
}

fn default_history_days() -> u16 {
    90
}
fn default_overlap_minutes() -> u16 {
    30
}
fn default_settle_seconds() -> u16 {
    30
}
fn default_list_rows() -> u32 {
    1000
}
fn default_sales_at_once() -> usize {
    10
}

impl Settings {
    /// What the schema cannot say.
    pub(crate) fn check(&self) -> Result<()> {
        self.read_from().map(|_| ())
    }

    /// Rows of one call of a list.
    pub(crate) fn rows(&self) -> u32 {
        self.list_rows.clamp(1, 1000)
    }

    /// Sales that are asked for and stored together.
    pub(crate) fn at_once(&self) -> usize {
        self.sales_at_once.clamp(1, 100)
    }

    /// Whether the word of a list row is not taken for it that a sale has no credit note.
    pub(crate) fn every_sale(&self) -> bool {
        self.every_sale
    }

    /// A walk lists this much again of what the last one listed.
    pub(crate) fn overlap(&self) -> SignedDuration {
        SignedDuration::from_mins(i64::from(self.overlap_minutes))
    }

    /// Sales that changed this recently are left for the next walk.
    pub(crate) fn settle(&self) -> SignedDuration {
        SignedDuration::from_secs(i64::from(self.settle_seconds))
    }

    /// The first walk leaves out sales that were last changed before this.
    pub(crate) fn read_from(&self) -> Result<Option<Timestamp>> {
        let Some(text) = self.start_date.as_deref().filter(|it| !it.is_empty()) else {
            return Ok(None);
        };
        let wrong = |_| {
            Error::config(format!(
                "setting `start-date`: `{text}` is not a date such as 2026-10-01"
            ))
        };
        let date: Date = text.parse().map_err(wrong)?;
        let midnight = date.to_zoned(TimeZone::UTC).map_err(wrong)?.timestamp();
        let days = SignedDuration::from_hours(24 * i64::from(self.history_days));
        Ok(Some(midnight.saturating_sub(days).map_err(wrong)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_walk_begins_before_the_start_date() {
        let cases = [
            (r#"{}"#, Ok(None)),
            (r#"{"start-date": ""}"#, Ok(None)),
            (
                r#"{"start-date": "2026-10-01"}"#,
                Ok(Some("2026-07-03T00:00:00Z")),
            ),
            (
                r#"{"start-date": "2026-10-01", "history-days": 0}"#,
                Ok(Some("2026-10-01T00:00:00Z")),
            ),
            (r#"{"start-date": "1 October"}"#, Err(())),
        ];
        for (json, expected) in cases {
            let settings: Settings = serde_json::from_str(json).unwrap();
            let actual = settings.read_from();
            let actual = actual.map(|it| it.map(|it| it.to_string())).map_err(|_| ());
            assert_eq!(actual, expected.map(|it| it.map(str::to_owned)), "{json}");
        }
    }
}
