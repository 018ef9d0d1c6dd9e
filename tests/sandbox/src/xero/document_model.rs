//! Invoices and credit notes as an organisation holds them.
//!
//! What both have is one struct, so that one set of rules creates and changes them. What follows
//! from payments and allocations is kept on the document, and computed anew in `settlement` alone.

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::model::HistoryRecord;

/// Sales or purchases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Side {
    /// Accounts receivable.
    Sales,
    /// Accounts payable.
    Purchase,
}

/// `ACCRECCREDIT` or `ACCPAYCREDIT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CreditType {
    /// Sales credit note.
    #[serde(rename = "ACCRECCREDIT")]
    Sales,
    /// Supplier credit note.
    #[serde(rename = "ACCPAYCREDIT")]
    Purchase,
}

impl CreditType {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sales => "ACCRECCREDIT",
            Self::Purchase => "ACCPAYCREDIT",
        }
    }

    /// Its side.
    pub fn side(self) -> Side {
        match self {
            Self::Sales => Side::Sales,
            Self::Purchase => Side::Purchase,
        }
    }
}

impl From<Side> for CreditType {
    fn from(side: Side) -> Self {
        match side {
            Side::Sales => Self::Sales,
            Side::Purchase => Self::Purchase,
        }
    }
}

/// `ACCREC` or `ACCPAY`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum InvoiceType {
    /// Sales invoice.
    #[serde(rename = "ACCREC")]
    Sales,
    /// Bill.
    #[serde(rename = "ACCPAY")]
    Purchase,
}

impl InvoiceType {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sales => "ACCREC",
            Self::Purchase => "ACCPAY",
        }
    }

    /// Its side.
    pub fn side(self) -> Side {
        match self {
            Self::Sales => Side::Sales,
            Self::Purchase => Side::Purchase,
        }
    }
}

impl From<Side> for InvoiceType {
    fn from(side: Side) -> Self {
        match side {
            Side::Sales => Self::Sales,
            Side::Purchase => Self::Purchase,
        }
    }
}

/// Status of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// Not posted.
    Draft,
    /// Awaiting approval, not posted.
    Submitted,
    /// Posted.
    Authorised,
    /// Posted and used up.
    Paid,
    /// Taken back after posting.
    Voided,
    /// Thrown away before posting.
    Deleted,
}

impl Status {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Draft => "DRAFT",
            Self::Submitted => "SUBMITTED",
            Self::Authorised => "AUTHORISED",
            Self::Paid => "PAID",
            Self::Voided => "VOIDED",
            Self::Deleted => "DELETED",
        }
    }

    /// The status of this name.
    pub fn of(name: &str) -> Option<Self> {
        [
            Self::Draft,
            Self::Submitted,
            Self::Authorised,
            Self::Paid,
            Self::Voided,
            Self::Deleted,
        ]
        .into_iter()
        .find(|status| status.name() == name)
    }

    /// Whether the ledger has it.
    pub fn posted(self) -> bool {
        matches!(self, Self::Authorised | Self::Paid)
    }

    /// Whether it counts as approved or on the way there: accounts and taxes must be complete.
    pub fn wants_complete_lines(self) -> bool {
        matches!(self, Self::Submitted | Self::Authorised | Self::Paid)
    }
}

/// Whether line amounts contain the tax.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LineAmountTypes {
    /// Tax comes on top.
    Exclusive,
    /// Tax is inside.
    Inclusive,
    /// There is no tax.
    NoTax,
}

impl LineAmountTypes {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exclusive => "Exclusive",
            Self::Inclusive => "Inclusive",
            Self::NoTax => "NoTax",
        }
    }

    /// The value of this exact name.
    pub fn of(name: &str) -> Option<Self> {
        [Self::Exclusive, Self::Inclusive, Self::NoTax]
            .into_iter()
            .find(|it| it.name() == name)
    }
}

/// What invoices and credit notes have in common.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Body {
    /// Reference of a sales document.
    pub reference: String,
    /// Whose it is.
    #[serde(rename = "ContactID")]
    pub contact: Uuid,
    /// Document date.
    pub date: Date,
    /// Due date; meaningless on credit notes, kept where sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_date: Option<Date>,
    /// Status.
    pub status: Status,
    /// How line amounts are meant.
    pub line_amount_types: LineAmountTypes,
    /// Currency of the amounts.
    pub currency_code: String,
    /// Foreign units per base unit.
    pub currency_rate: Decimal,
    /// Net of all lines.
    pub sub_total: Decimal,
    /// Tax of all lines.
    pub total_tax: Decimal,
    /// Gross.
    pub total: Decimal,
    /// Lines.
    #[serde(rename = "LineItems")]
    pub lines: Vec<Line>,
    /// Branding theme, where sent.
    #[serde(
        default,
        rename = "BrandingThemeID",
        skip_serializing_if = "Option::is_none"
    )]
    pub branding_theme: Option<Uuid>,
    /// The date on which nothing was left open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fully_paid_on_date: Option<Date>,
    /// Notes of the history.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<HistoryRecord>,
    /// Last change.
    #[serde(rename = "UpdatedDateUTC")]
    pub updated: Timestamp,
}

/// A credit note.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreditNote {
    /// Xero's id.
    #[serde(rename = "CreditNoteID")]
    pub id: Uuid,
    /// Sales or purchase.
    #[serde(rename = "Type")]
    pub kind: CreditType,
    /// Number, unique among sales credit notes.
    pub credit_note_number: String,
    /// What is not yet allocated or refunded.
    pub remaining_credit: Decimal,
    /// Uses of this credit.
    #[serde(default)]
    pub allocations: Vec<Allocation>,
    /// What invoices have too.
    #[serde(flatten)]
    pub body: Body,
}

/// An invoice or a bill.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Invoice {
    /// Xero's id.
    #[serde(rename = "InvoiceID")]
    pub id: Uuid,
    /// Sales or purchase.
    #[serde(rename = "Type")]
    pub kind: InvoiceType,
    /// Number, unique among sales invoices; on a bill the supplier's own.
    pub invoice_number: String,
    /// What is not yet paid or credited.
    pub amount_due: Decimal,
    /// What was paid.
    pub amount_paid: Decimal,
    /// What credit notes took off.
    pub amount_credited: Decimal,
    /// Deep link back to the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Whether it counts as sent.
    #[serde(default)]
    pub sent_to_contact: bool,
    /// Expected payment of a sales invoice, planned payment of a bill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_date: Option<Date>,
    /// What credit notes have too.
    #[serde(flatten)]
    pub body: Body,
}

/// A line of a document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Line {
    /// Xero's id.
    #[serde(rename = "LineItemID")]
    pub id: Uuid,
    /// Text.
    #[serde(default)]
    pub description: String,
    /// Quantity, 4 decimals.
    pub quantity: Decimal,
    /// Price of one, 2 or 4 decimals.
    pub unit_amount: Decimal,
    /// Amount, 2 decimals.
    pub line_amount: Decimal,
    /// Item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_code: Option<String>,
    /// Account; a draft may lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_code: Option<String>,
    /// Tax type; a draft may lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_type: Option<String>,
    /// Tax, 2 decimals.
    pub tax_amount: Decimal,
    /// Discount in percent, on sales invoices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount_rate: Option<Decimal>,
    /// Discount as an amount, on sales invoices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount_amount: Option<Decimal>,
    /// Tracking, at most two.
    #[serde(default)]
    pub tracking: Vec<LineTracking>,
}

/// A tracking choice of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct LineTracking {
    /// Category.
    #[serde(rename = "TrackingCategoryID")]
    pub category: Uuid,
    /// Option.
    #[serde(rename = "TrackingOptionID")]
    pub option_id: Uuid,
    /// Name of the category.
    pub name: String,
    /// Name of the option.
    pub option: String,
}

/// A use of a credit note against an invoice.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Allocation {
    /// Xero's id.
    #[serde(rename = "AllocationID")]
    pub id: Uuid,
    /// The invoice.
    #[serde(rename = "InvoiceID")]
    pub invoice: Uuid,
    /// The invoice's number.
    #[serde(default)]
    pub invoice_number: String,
    /// Amount in the document's currency.
    pub amount: Decimal,
    /// Date.
    pub date: Date,
}
