//! What holds stock against its account: how documents move it, and how a balance is read.

use serde::{Deserialize, Serialize};

/// What the documents of a stream do to the value of stock. Amounts are at cost and in the base currency,
/// above zero where stock grows; `$settings` is bound, and `$account`, the code of the stock account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Stock {
    /// jq: false for documents that move nothing (void ones, drafts). Absent: all count.
    #[serde(default)]
    pub counts: Option<String>,
    /// jq: the day on which the goods moved, or the value changed; null while they did not.
    #[serde(default)]
    pub moved: Option<String>,
    /// jq: the day of its document in the books; null while there is none.
    #[serde(default)]
    pub billed: Option<String>,
    /// What people call a document whose goods moved: `received`.
    #[serde(default)]
    pub moved_as: String,
    /// What people call a document that is in the books: `billed`.
    #[serde(default)]
    pub billed_as: String,
    /// One that is in the books and whose goods did not move is told, although nothing of it is in stock or in
    /// the account: a sale without its cost. Without it such a document (a credit for the price) is no news.
    #[serde(default)]
    pub must_move: bool,
    /// jq: by how much stock grows; null where the document does not say.
    #[serde(default)]
    pub amount: Option<String>,
    /// Stream of the same connector that tells the cost of these documents instead, in its `rows`.
    #[serde(default)]
    pub costs: Option<String>,
    /// jq: the costs of other documents, `[{stream, of, on, amount}]`: by its stream and id the document, the day on which
    /// its goods moved, and by how much stock grows.
    #[serde(default)]
    pub rows: Option<String>,
    /// jq: what the goods are worth at the price of the document, without tax; shown where the cost is not known.
    #[serde(default)]
    pub worth: Option<String>,
    /// jq: an estimate of `amount`, shown as one and never added up with what is known.
    #[serde(default)]
    pub estimate: Option<String>,
    /// jq over nothing: which documents the connection's settings leave unread, and what to set, in words; null
    /// when all are read.
    #[serde(default)]
    pub unseen: Option<String>,
}

/// How the balance of an account on a day is read: a document for each account that was posted to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Ledger {
    /// Setting of the connection that says the day. The engine fills it in for this reading alone.
    pub day: String,
    /// jq: the balance, debit above zero, in the base currency.
    pub balance: String,
    /// Reference stream of the accounts. Its `key` is what people call an account.
    pub accounts: String,
    /// jq over an account: its id among the balances.
    pub id: String,
    /// jq over an account: its name.
    pub name: String,
}
