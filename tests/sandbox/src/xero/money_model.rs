//! Payments and manual journals as an organisation holds them.

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::document_model::{LineAmountTypes, LineTracking, Side};
use super::model::HistoryRecord;

/// Status of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum PaymentStatus {
    /// Posted.
    Authorised,
    /// Taken back.
    Deleted,
}

impl PaymentStatus {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Authorised => "AUTHORISED",
            Self::Deleted => "DELETED",
        }
    }

    /// The status of this name.
    pub fn of(name: &str) -> Option<Self> {
        [Self::Authorised, Self::Deleted]
            .into_iter()
            .find(|it| it.name() == name)
    }
}

/// What a payment pays, or refunds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Paid {
    /// An invoice or a bill.
    #[serde(rename = "InvoiceID")]
    Invoice(Uuid),
    /// A credit note: a refund.
    #[serde(rename = "CreditNoteID")]
    CreditNote(Uuid),
}

/// A payment of an invoice, or a refund of a credit note.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Payment {
    /// Xero's id.
    #[serde(rename = "PaymentID")]
    pub id: Uuid,
    /// The document.
    pub paid: Paid,
    /// Side of the document.
    pub side: Side,
    /// The account that the money comes to or from.
    #[serde(rename = "AccountID")]
    pub account: Uuid,
    /// Date.
    pub date: Date,
    /// Amount in the document's currency.
    pub amount: Decimal,
    /// Foreign units per base unit.
    pub currency_rate: Decimal,
    /// Free text.
    pub reference: String,
    /// Whether it counts as reconciled.
    #[serde(default)]
    pub is_reconciled: bool,
    /// The batch that it belongs to.
    #[serde(
        default,
        rename = "BatchPaymentID",
        skip_serializing_if = "Option::is_none"
    )]
    pub batch: Option<Uuid>,
    /// Status.
    pub status: PaymentStatus,
    /// Notes of the history.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<HistoryRecord>,
    /// Last change.
    #[serde(rename = "UpdatedDateUTC")]
    pub updated: Timestamp,
}

impl Payment {
    /// The name of its type on the wire.
    pub fn type_name(&self) -> &'static str {
        match (self.paid, self.side) {
            (Paid::Invoice(_), Side::Sales) => "ACCRECPAYMENT",
            (Paid::Invoice(_), Side::Purchase) => "ACCPAYPAYMENT",
            (Paid::CreditNote(_), Side::Sales) => "ARCREDITPAYMENT",
            (Paid::CreditNote(_), Side::Purchase) => "APCREDITPAYMENT",
        }
    }
}

/// Status of a manual journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum JournalStatus {
    /// Not posted.
    Draft,
    /// Posted.
    Posted,
    /// Taken back after posting.
    Voided,
    /// Thrown away before posting.
    Deleted,
}

impl JournalStatus {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Draft => "DRAFT",
            Self::Posted => "POSTED",
            Self::Voided => "VOIDED",
            Self::Deleted => "DELETED",
        }
    }

    /// The status of this name.
    pub fn of(name: &str) -> Option<Self> {
        [Self::Draft, Self::Posted, Self::Voided, Self::Deleted]
            .into_iter()
            .find(|it| it.name() == name)
    }
}

/// A manual journal, in home currency.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ManualJournal {
    /// Xero's id.
    #[serde(rename = "ManualJournalID")]
    pub id: Uuid,
    /// Text; there is neither number nor reference.
    pub narration: String,
    /// Date.
    pub date: Date,
    /// Status.
    pub status: JournalStatus,
    /// How line amounts are meant.
    pub line_amount_types: LineAmountTypes,
    /// Deep link back to the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Whether reports on a cash basis show it.
    pub show_on_cash_basis_reports: bool,
    /// Lines.
    #[serde(rename = "JournalLines")]
    pub lines: Vec<JournalLine>,
    /// Notes of the history.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<HistoryRecord>,
    /// Last change.
    #[serde(rename = "UpdatedDateUTC")]
    pub updated: Timestamp,
}

/// A line of a manual journal.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct JournalLine {
    /// Debit above zero, credit below.
    pub line_amount: Decimal,
    /// Account.
    pub account_code: String,
    /// Text.
    #[serde(default)]
    pub description: String,
    /// Tax type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_type: Option<String>,
    /// Tax, with the sign of the line.
    pub tax_amount: Decimal,
    /// Tracking, at most two.
    #[serde(default)]
    pub tracking: Vec<LineTracking>,
}
