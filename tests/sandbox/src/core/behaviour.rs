//! How one Core account behaves where the sources disagree or are silent.
//!
//! The defaults take the reading that is harder on a client.

use serde::{Deserialize, Serialize};

/// Behaviours that differ between reports, or that nobody has settled.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Behaviour {
    /// Shape of error bodies.
    pub error_bodies: ErrorBodies,
    /// Statuses of a refusal for the call limit, dealt out in turn.
    pub limit_statuses: Vec<u16>,
    /// What a refusal says.
    pub limit_text: String,
    /// Whether a refusal says how long to wait.
    pub retry_after: RetryAfter,
    /// What a path that does not exist answers.
    pub unknown_paths: UnknownPaths,
    /// Order of the lists, for which no call can ask.
    pub list_order: ListOrder,
    /// Most rows of a page; a larger `Limit` is cut silently.
    pub largest_page: usize,
    /// Whether `UpdatedSince`, `UpdatedUntil` and the like include the instant that they name.
    pub inclusive_bounds: bool,
    /// Whether some GUIDs are in upper case, and not the same ones everywhere.
    pub mixed_case_ids: bool,
    /// Whether stand-alone credit notes are in `/saleList` too.
    pub stand_alone_in_sale_list: bool,
    /// Whether `/saleCreditNoteList` has one row a sale, about its last note, instead of one row a
    /// note.
    pub note_list_by_sale: bool,
    /// Whether a simple sale's only invoice and only credit note are objects instead of arrays.
    pub single_blocks: bool,
    /// How `/me` writes the lock date.
    pub lock_date_form: LockDateForm,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            error_bodies: ErrorBodies::Array,
            limit_statuses: vec![429],
            limit_text: "You reached 60 calls per 60 seconds API limit".to_owned(),
            retry_after: RetryAfter::Never,
            unknown_paths: UnknownPaths::Page,
            list_order: ListOrder::NewestFirst,
            largest_page: 1000,
            inclusive_bounds: false,
            mixed_case_ids: true,
            stand_alone_in_sale_list: false,
            note_list_by_sale: false,
            single_blocks: false,
            lock_date_form: LockDateForm::Iso,
        }
    }
}

/// Shape of error bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorBodies {
    /// An array of the error model.
    #[default]
    Array,
    /// The error model itself.
    Object,
    /// The two in turn.
    Turns,
}

/// Whether a refusal for the call limit says how long to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RetryAfter {
    /// Never.
    #[default]
    Never,
    /// In words: `60 Seconds`.
    Words,
    /// As a number of seconds.
    Number,
}

/// What a path that does not exist answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownPaths {
    /// 200 with a web page.
    #[default]
    Page,
    /// 404 with the error model.
    NotFound,
    /// 302 to the same address.
    Redirect,
}

/// Order of the lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ListOrder {
    /// Newest change first.
    #[default]
    NewestFirst,
    /// Oldest change first.
    OldestFirst,
    /// By id, whatever changes.
    ById,
}

/// How a date is written that the description gives in "tenant date format".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LockDateForm {
    /// `2026-09-30T00:00:00`
    #[default]
    Iso,
    /// `30/09/2026`
    DayFirst,
}

/// Call limits of one application key.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Limits {
    /// Whether they are enforced at all.
    pub on: bool,
    /// Calls in any sixty seconds.
    pub minute: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            on: true,
            minute: 60,
        }
    }
}
