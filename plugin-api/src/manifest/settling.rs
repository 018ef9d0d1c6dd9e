//! What happens to a document after it is in the books: it is reversed, settled, and its payments come off.

use serde::{Deserialize, Serialize};

/// How a posted document is taken back by another one of its kind, instead of being changed or voided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Reversal {
    /// jq over this system's form of a document that it holds: the document that takes it back, as it is
    /// sent. Of the same date, its amounts with their signs turned, named after the one that it reverses.
    pub document: String,
    /// Top-level field of a document to create in which the reversal of the one that it replaces travels.
    /// The connector sends both in one call, which the system takes or refuses as a whole, and gives the
    /// reversal in the same field of what it answers.
    pub carried_in: String,
}

/// What a document is settled with. The expressions are jq over this system's form of one that it holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settled {
    /// Stream of its payments, which has `settles`.
    pub by: String,
    /// jq: the keys of its payments, as a list of texts.
    pub payments: String,
    /// jq: whatever else it is settled with and what stands in the way of an edit, as a list of texts for
    /// people (`a credit note of 36.00`).
    pub others: String,
    /// jq: what is open of it.
    pub open: String,
}

/// How a payment is taken off a document and made anew. It is taken back as any document of its stream is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settles {
    /// Path of the key of the document that it settles, in both forms.
    pub document: String,
    /// Path of its amount, in both forms.
    pub amount: String,
    /// jq over this system's form: why it has to stay where it is, in words that follow "it" (`is
    /// reconciled`); null where it may be taken off.
    pub fixed: String,
    /// jq over this system's form: an object of what was never sent with it and goes along when it is made
    /// anew (a rate of the day).
    pub with: String,
}
