//! How one organisation behaves where the published facts leave a choice.
//!
//! Each switch names a question that the documentation does not settle. The defaults take the
//! reading that is harder on a client.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Behaviours that nobody has established, or that are reported both ways.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Switches {
    /// A tracking name that matches nothing: `error`, or `drop` as is reported too.
    pub unknown_tracking: UnknownTracking,
    /// An archived account on a draft: `error`, or `warning` with the account dropped.
    pub archived_account_on_draft: OnDraft,
    /// An unknown `ContactID` makes the whole request 404; otherwise only its element fails.
    pub unknown_contact_fails_request: bool,
    /// The number of a voided or deleted document may be used again.
    pub number_reuse_after_void: bool,
    /// POST to the collection matches an existing credit note by its number.
    pub upsert_by_credit_note_number: bool,
    /// Changes of amounts on an invoice to which money was applied are dropped without a word.
    /// Both that and a refusal are reported.
    pub drop_amount_edits_when_paid: bool,
    /// An allocation is dated by the later of its two documents, whatever is sent.
    pub allocation_date_is_read_only: bool,
    /// A payment that counts as reconciled can be deleted.
    pub reconciled_payment_deletable: bool,
    /// A journal draft whose sides differ is kept.
    pub keep_unbalanced_journal_draft: bool,
    /// Balances of a contact are in home currency; otherwise amounts are added as they are.
    pub contact_balances_in_base: bool,
    /// GET CreditNotes understands `IDs`, which the description offers on invoices and contacts.
    pub credit_notes_by_ids: bool,
    /// `If-Modified-Since` includes the very second.
    pub modified_since_inclusive: bool,
    /// Nothing modified answers 304 instead of an empty list.
    pub answer_not_modified: bool,
    /// The connecting user is an adviser: the period lock date does not bind.
    pub adviser: bool,
    /// An approved document whose total is zero becomes PAID at once.
    pub zero_total_becomes_paid: bool,
    /// A document whose total is below zero is refused.
    pub refuse_negative_total: bool,
    /// An approved line needs a description.
    pub description_required: bool,
    /// Say "is used with a different request" in a JSON `Message` instead of plain text.
    pub idempotency_conflict_as_json: bool,
    /// An unusual currency rate is saved with a warning.
    pub warn_unusual_rate: bool,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            unknown_tracking: UnknownTracking::Error,
            archived_account_on_draft: OnDraft::Error,
            unknown_contact_fails_request: true,
            number_reuse_after_void: false,
            upsert_by_credit_note_number: true,
            drop_amount_edits_when_paid: false,
            allocation_date_is_read_only: true,
            reconciled_payment_deletable: false,
            keep_unbalanced_journal_draft: false,
            contact_balances_in_base: false,
            credit_notes_by_ids: false,
            modified_since_inclusive: true,
            answer_not_modified: false,
            adviser: false,
            zero_total_becomes_paid: true,
            refuse_negative_total: true,
            description_required: true,
            idempotency_conflict_as_json: false,
            warn_unusual_rate: true,
        }
    }
}

/// What happens to a tracking name that matches nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownTracking {
    /// The element fails.
    #[default]
    Error,
    /// The value is left out without a word.
    Drop,
}

/// What happens to an archived account on a draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnDraft {
    /// The element fails.
    #[default]
    Error,
    /// The account is dropped and the element carries a warning.
    Warning,
}

/// Call limits of one organisation.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Limits {
    /// Whether they are enforced at all.
    pub on: bool,
    /// Calls at once.
    pub concurrent: usize,
    /// Calls a minute.
    pub minute: u32,
    /// Calls a day.
    pub day: u32,
    /// Calls a minute of the app over all organisations.
    pub app_minute: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            on: true,
            concurrent: 5,
            minute: 60,
            day: 5000,
            app_minute: 10_000,
        }
    }
}

/// Day rates that Xero would take where a document names none: foreign units per base unit.
pub type DayRates = BTreeMap<String, Decimal>;
