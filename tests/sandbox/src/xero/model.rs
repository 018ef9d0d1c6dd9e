//! What a Xero organisation holds.
//!
//! The same structs are the state file and the answer of the admin calls, so money is written
//! there as exact decimal text and dates as ISO dates; the API's own shapes are made in `render`.

use jiff::Timestamp;
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

    /// Whether a line of a manual journal may name it.
    pub fn usable_on_journals(&self) -> bool {
        let reserved = matches!(
            self.system_account.as_deref(),
            Some("DEBTORS" | "CREDITORS" | "RETAINEDEARNINGS")
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
