//! What Omni's documents say, read from their own text, so that every amount is exact. Only what the
//! books need is here.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::value::RawValue;

/// An amount as it is written, a number or text; zero where nothing is.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Exact(pub(super) Decimal);

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(from)?;
        let text = raw.get().trim_matches('"');
        if text.is_empty() || text == "null" {
            return Ok(Self::default());
        }
        let amount = text.parse().or_else(|_| Decimal::from_scientific(text));
        amount.map(Self).map_err(D::Error::custom)
    }
}

/// A sales order, a purchase order or a credit note.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Paper {
    /// Omni's id.
    pub(super) id: i64,
    /// Omni's reference.
    pub(super) reference: Option<String>,
    /// `APPROVED`, `DRAFT`, `VOID`, in any case.
    pub(super) status: Option<String>,
    /// Orders say it here as well.
    pub(super) is_void: Option<bool>,
    /// Customer or supplier.
    pub(super) member_id: i64,
    /// Its company.
    pub(super) company: Option<String>,
    /// Accounting date of an order: midnight of the account's zone.
    pub(super) invoice_date: Option<String>,
    /// The supplier's own number.
    pub(super) supplier_invoice_reference: Option<String>,
    /// Accounting date of a credit note.
    #[serde(alias = "supplierCreditNoteDate")]
    pub(super) credit_note_date: Option<String>,
    /// The supplier's own number of a credit note.
    pub(super) supplier_credit_note_number: Option<String>,
    /// Reference of the credited order.
    #[serde(alias = "purchaseOrder")]
    pub(super) sales_reference: Option<String>,
    /// Where a sale was made.
    pub(super) source: Option<String>,
    /// Branch.
    pub(super) branch_id: i64,
    /// Fields of the company's own, tracking among them.
    pub(super) custom_fields: BTreeMap<String, Option<String>>,
    /// Payment terms as somebody typed them.
    pub(super) payment_terms: Option<String>,
    /// Currency of every amount here.
    pub(super) currency_code: String,
    /// Home units for one of the document's.
    pub(super) currency_rate: Exact,
    /// `Incl`, `Excl` or `Exempt`.
    pub(super) tax_status: String,
    /// Percent.
    pub(super) tax_rate: Exact,
    /// Freight.
    pub(super) freight_total: Exact,
    /// Surcharge.
    pub(super) surcharge: Exact,
    /// Discount of the whole document, which lowers it.
    pub(super) discount_total: Exact,
    /// What the document comes to.
    pub(super) total: Exact,
    /// How it fared with the books.
    pub(super) accounting_attributes: Attributes,
    /// Lines.
    pub(super) line_items: Vec<Line>,
}

/// How a document fared with the books.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Attributes {
    /// `NotImported`, `Imported` or `DoNotImport`.
    pub(super) accounting_import_status: Option<String>,
}

/// A line of a document.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Line {
    /// Quantity; below zero on a credit note.
    pub(super) qty: Exact,
    /// Price of one.
    pub(super) unit_price: Exact,
    /// What the line is lowered by.
    pub(super) discount: Exact,
    /// Alternative account.
    pub(super) account_code: Option<String>,
}

/// A stock adjustment.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Adjustment {
    /// Omni's id.
    pub(super) id: i64,
    /// Whether somebody approved it.
    pub(super) is_approved: bool,
    /// When the stock moved.
    pub(super) completed_date: Option<String>,
    /// Accounting date.
    pub(super) adjust_in_accounting_system: Option<String>,
    /// Alternative account of all lines.
    pub(super) alternative_account_code: Option<String>,
    /// Lines.
    pub(super) line_items: Vec<Moved>,
}

/// A line of an adjustment.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Moved {
    /// Pieces more, or fewer.
    pub(super) qty_adjusted: Exact,
    /// Cost of one, in home currency.
    pub(super) unit_cost: Exact,
    /// Alternative account.
    pub(super) account: Option<String>,
}

/// A payment in Omni.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Money {
    /// Omni's id of what it pays, and its reference.
    pub(super) order_id: i64,
    /// See there.
    pub(super) order_ref: Option<String>,
    /// How it was paid.
    pub(super) method: Option<String>,
    /// Whether somebody authorised it; nobody asked where it is left out.
    pub(super) is_authorized: Option<bool>,
    /// Its number in the books where it came from there.
    pub(super) payment_imported_ref: Option<String>,
}

impl Paper {
    /// What Omni shows as its accounting import status.
    pub(super) fn import_status(&self) -> &str {
        let held = self
            .accounting_attributes
            .accounting_import_status
            .as_deref();
        held.unwrap_or("NotImported")
    }
}

/// A text that says something.
pub(super) fn said(text: Option<&String>) -> Option<&str> {
    text.map(|it| it.trim()).filter(|it| !it.is_empty())
}
