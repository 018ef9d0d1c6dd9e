//! How one Omni account behaves where the sources disagree or are silent.

use serde::{Deserialize, Serialize};

/// Behaviours that differ between reports, or that nobody has settled.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Behaviour {
    /// Whether a written `accountingAttributes` is there when it is read again.
    pub accounting_attributes_stick: bool,
    /// Whether an `importDate` comes back with the offset of the account's zone instead of `Z`.
    pub import_dates_with_offset: bool,
    /// Whether a line that a PUT leaves out is deleted.
    pub left_out_lines_are_deleted: bool,
    /// Whether a payment that is written or deleted moves its order's `modifiedDate`.
    pub payments_touch_orders: bool,
    /// Shape of error bodies.
    pub error_bodies: ErrorBodies,
    /// Whether a 429 says how long to wait.
    pub retry_after: RetryAfter,
    /// Order of a list that asks for none.
    pub default_order: String,
    /// Whether `order` may name several fields.
    pub two_key_order: bool,
    /// Whether `where` may use parentheses.
    pub where_parentheses: bool,
    /// Whether `<>` works in `where`.
    pub where_not_equal: bool,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            accounting_attributes_stick: true,
            import_dates_with_offset: true,
            left_out_lines_are_deleted: true,
            payments_touch_orders: false,
            error_bodies: ErrorBodies::Text,
            retry_after: RetryAfter::Never,
            default_order: "modifiedDate DESC".to_owned(),
            two_key_order: true,
            where_parentheses: false,
            where_not_equal: true,
        }
    }
}

/// Shape of error bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorBodies {
    /// A bare JSON string, as the description has it.
    #[default]
    Text,
    /// `{"message": …}`
    Object,
    /// A gateway's web page.
    Html,
    /// The three in turn.
    Turns,
}

/// Whether a 429 says how long to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RetryAfter {
    /// Never.
    #[default]
    Never,
    /// Always.
    Always,
    /// Every second time.
    Turns,
}

/// Call limits of one API connection.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Limits {
    /// Whether they are enforced at all.
    pub on: bool,
    /// Calls a second.
    pub second: usize,
    /// Calls a minute.
    pub minute: usize,
    /// Calls in twenty-four hours.
    pub day: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            on: true,
            second: 3,
            minute: 60,
            day: 5000,
        }
    }
}
