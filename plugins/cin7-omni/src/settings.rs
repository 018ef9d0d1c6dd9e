//! The settings that this code reads. The others are for `prelude.jq` alone; all of them are
//! explained in `settings.schema.json`.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use ledgerline_plugin_api::prelude::*;

/// What a connection to Omni may set.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Settings {
    #[serde(default)]
    account_name: Option<String>,
    #[serde(default)]
    start_date: Option<String>,
    #[serde(default = "default_history_days")]
    history_days: u16,
    #[serde(default = "default_overlap_minutes")]
    overlap_minutes: u16,
    #[serde(default = "default_settle_seconds")]
    settle_seconds: u16,
    #[serde(default)]
    page_order: PageOrder,
    #[serde(default = "default_page_rows")]
    page_rows: u32,
    #[serde(default)]
    open_orders: OpenOrders,
    #[serde(default = "default_sweep_hours")]
    sweep_hours: u16,
    #[serde(default)]
    streams: Option<Vec<String>>,
}

/// What becomes of sales orders without an invoice date.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum OpenOrders {
    #[default]
    Skip,
    Read,
}

/// How a list is walked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum PageOrder {
    /// By `modifiedDate`, then id.
    #[default]
    Modified,
    /// By id.
    Id,
}

fn default_history_days() -> u16 {
    90
}
fn default_overlap_minutes() -> u16 {
    10
}
fn default_settle_seconds() -> u16 {
    30
}
fn default_page_rows() -> u32 {
    250
}
fn default_sweep_hours() -> u16 {
    24
}

impl Settings {
    /// What the schema cannot say.
    pub(crate) fn check(&self) -> Result<()> {
        self.read_from().map(|_| ())
    }

    pub(crate) fn account_name(&self) -> &str {
        self.account_name.as_deref().unwrap_or_default()
    }

    pub(crate) fn page_order(&self) -> PageOrder {
        self.page_order
    }

    /// Rows of a page: what was set, Omni's limit and what the engine takes at once.
    pub(crate) fn rows(&self, limits: Limits) -> u32 {
        let most = if limits.page_docs == 0 {
            250
        } else {
            limits.page_docs
        };
        self.page_rows.min(most).clamp(1, 250)
    }

    /// A walk reads this much again of what the last one read.
    pub(crate) fn overlap(&self) -> SignedDuration {
        SignedDuration::from_mins(i64::from(self.overlap_minutes))
    }

    /// Rows that changed this recently are left for the next walk.
    pub(crate) fn settle(&self) -> SignedDuration {
        SignedDuration::from_secs(i64::from(self.settle_seconds))
    }

    /// Whether sales orders without an invoice date are read, too.
    pub(crate) fn reads_open_orders(&self) -> bool {
        self.open_orders == OpenOrders::Read
    }

    /// How often records that are no more are looked for; none is never.
    pub(crate) fn sweep_every(&self) -> Option<SignedDuration> {
        (self.sweep_hours > 0).then(|| SignedDuration::from_hours(i64::from(self.sweep_hours)))
    }

    /// The streams that routes use, where the operator told.
    pub(crate) fn streams(&self) -> Option<&[String]> {
        self.streams.as_deref()
    }

    /// The first walk of documents leaves out what was last changed before this.
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

    fn settings(json: &str) -> Settings {
        serde_json::from_str(json).unwrap()
    }

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
            let actual = settings(json).read_from();
            let actual = actual.map(|it| it.map(|it| it.to_string())).map_err(|_| ());
            assert_eq!(actual, expected.map(|it| it.map(str::to_owned)), "{json}");
        }
    }

    #[test]
    fn pages_are_no_larger_than_all_three_allow() {
        let of = |json, page_docs| {
            settings(json).rows(Limits {
                page_docs,
                ..Limits::default()
            })
        };
        assert_eq!(of("{}", 0), 250);
        assert_eq!(of("{}", 1000), 250);
        assert_eq!(of("{}", 100), 100);
        assert_eq!(of(r#"{"page-rows": 20}"#, 100), 20);
    }
}
