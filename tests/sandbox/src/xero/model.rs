//! What a Xero organisation holds.
//!
//! The same structs are the state file and the answer of the admin calls, so money is written
//! there as exact decimal text and dates as ISO dates; the API's own shapes are made in `render`.

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::json::Json;

/// An account of the chart.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Account {
    /// Xero's id.
    #[serde(rename = "AccountID")]
    pub id: Uuid,
    /// The code that lines name.
    pub code: String,
    /// Display name.
    pub name: String,
    /// Account type such as `REVENUE`.
    #[serde(rename = "Type")]
    pub kind: String,
    /// `ACTIVE`, `ARCHIVED` or `DELETED`.
    pub status: String,
    /// Tax type that lines without one take.
    pub tax_type: String,
    /// Role in Xero itself, such as `DEBTORS`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_account: Option<String>,
    /// Whether payments may be booked to it.
    #[serde(default)]
    pub enable_payments_to_account: bool,
    /// Number of a bank account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bank_account_number: Option<String>,
    /// Last change.
    #[serde(rename = "UpdatedDateUTC")]
    pub updated: Timestamp,
}

impl Account {
    /// The class that the type belongs to.
    pub fn class(&self) -> &'static str {
        match self.kind.as_str() {
            "BANK" | "CURRENT" | "FIXED" | "INVENTORY" | "NONCURRENT" | "PREPAYMENT" => "ASSET",
            "DEPRECIATN" | "DIRECTCOSTS" | "EXPENSE" | "OVERHEADS" => "EXPENSE",
            "OTHERINCOME" | "REVENUE" | "SALES" => "REVENUE",
            "EQUITY" => "EQUITY",
            _ => "LIABILITY",
        }
    }

    /// Whether a line of a document may name it.
    pub fn usable_on_lines(&self) -> bool {
        let reserved = matches!(
            self.system_account.as_deref(),
            Some(
                "DEBTORS"
                    | "CREDITORS"
                    | "UNPAIDEXPCLM"
                    | "BANKCURRENCYGAIN"
                    | "REALISEDCURRENCYGAIN"
                    | "UNREALISEDCURRENCYGAIN"
            )
        );
        !reserved && self.kind != "BANK" && self.kind != "INVENTORY"
    }
}

/// An item. Its stock is counted elsewhere unless Xero tracks it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Item {
    /// Xero's id.
    #[serde(rename = "ItemID")]
    pub id: Uuid,
    /// The code that lines name.
    pub code: String,
    /// Display name.
    pub name: String,
    /// Price of sales, if it has one.
    pub sales_price: Option<Decimal>,
    /// Whether Xero counts its stock.
    pub is_tracked_as_inventory: bool,
    /// Last change.
    #[serde(rename = "UpdatedDateUTC")]
    pub updated: Timestamp,
}

/// A tax rate.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TaxRate {
    /// Display name.
    pub name: String,
    /// The code that lines name.
    pub tax_type: String,
    /// Percentage.
    pub rate: Decimal,
    /// Where the amount is reported.
    pub report_tax_type: String,
    /// `ACTIVE`, `DELETED`, `ARCHIVED` or `PENDING`.
    pub status: String,
    /// Account classes that it fits.
    pub classes: Vec<String>,
}

impl TaxRate {
    /// Whether it fits an account of this class.
    pub fn applies_to(&self, class: &str) -> bool {
        self.classes.iter().any(|held| held == class)
    }
}

/// A tracking category.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TrackingCategory {
    /// Xero's id.
    #[serde(rename = "TrackingCategoryID")]
    pub id: Uuid,
    /// Name that lines use.
    pub name: String,
    /// `ACTIVE` or `ARCHIVED`.
    pub status: String,
    /// The options.
    pub options: Vec<TrackingOption>,
}

/// An option of a tracking category.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TrackingOption {
    /// Xero's id.
    #[serde(rename = "TrackingOptionID")]
    pub id: Uuid,
    /// Name that lines use.
    pub name: String,
    /// `ACTIVE` or `ARCHIVED`.
    pub status: String,
}

/// A contact.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Contact {
    /// Xero's id.
    #[serde(rename = "ContactID")]
    pub id: Uuid,
    /// External id, settable by API alone.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub contact_number: String,
    /// Account number that people see and edit.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub account_number: String,
    /// `ACTIVE`, `ARCHIVED` or `GDPRREQUEST`.
    pub contact_status: String,
    /// Name, unique among active contacts.
    pub name: String,
    /// First name of the primary person.
    #[serde(default)]
    pub first_name: String,
    /// Last name of the primary person.
    #[serde(default)]
    pub last_name: String,
    /// The one e-mail address.
    #[serde(default)]
    pub email_address: String,
    /// Where a merge moved this contact's documents.
    #[serde(
        default,
        rename = "MergedToContactID",
        skip_serializing_if = "Option::is_none"
    )]
    pub merged_to: Option<Uuid>,
    /// Set by the first sales document.
    #[serde(default)]
    pub is_customer: bool,
    /// Set by the first purchase document.
    #[serde(default)]
    pub is_supplier: bool,
    /// Everything else that was sent, as it was sent.
    #[serde(default)]
    pub other: Json,
    /// Notes of the history.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<HistoryRecord>,
    /// Last change.
    #[serde(rename = "UpdatedDateUTC")]
    pub updated: Timestamp,
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
    /// Reference of a sales credit note.
    pub reference: String,
    /// Whose it is.
    #[serde(rename = "ContactID")]
    pub contact: Uuid,
    /// Document date.
    pub date: Date,
    /// Meaningless on credit notes, kept where sent.
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
    /// What is not yet allocated or refunded.
    pub remaining_credit: Decimal,
    /// Lines.
    #[serde(rename = "LineItems")]
    pub lines: Vec<Line>,
    /// Uses of this credit.
    #[serde(default)]
    pub allocations: Vec<Allocation>,
    /// Branding theme, where sent.
    #[serde(
        default,
        rename = "BrandingThemeID",
        skip_serializing_if = "Option::is_none"
    )]
    pub branding_theme: Option<Uuid>,
    /// Notes of the history.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<HistoryRecord>,
    /// Last change.
    #[serde(rename = "UpdatedDateUTC")]
    pub updated: Timestamp,
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

/// A note or a change in an object's history.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct HistoryRecord {
    /// What kind of entry.
    pub changes: String,
    /// Text.
    pub details: String,
    /// Who.
    pub user: String,
    /// When.
    #[serde(rename = "DateUTC")]
    pub at: Timestamp,
}
