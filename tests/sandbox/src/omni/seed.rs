//! Documents of Omni that a seed names.

use std::collections::BTreeMap;

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Deserialize;

use crate::json::Json;

/// Sales orders or purchase orders of one sort: approved, invoiced, goods moved, not imported,
/// unless the patch says otherwise.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct OrderSeed {
    /// How many.
    pub count: usize,
    /// Company of the customer or supplier; any generated one where it is left out.
    pub contact: String,
    /// Invoice date in the account's zone; made up where it is left out.
    pub date: Option<Date>,
    /// Account code of every line.
    pub account_code: Option<String>,
    /// Currency.
    pub currency: Option<String>,
    /// `Incl`, `Excl` or `Exempt`; made up where it is left out.
    pub tax_status: Option<String>,
    /// Merged over the made-up document: a table or a JSON text. Lines get what they leave out;
    /// status, invoice number, shipped quantities and totals follow, unless the patch says them.
    pub patch: Json,
}

impl Default for OrderSeed {
    fn default() -> Self {
        Self {
            count: 1,
            contact: String::new(),
            date: None,
            account_code: None,
            currency: None,
            tax_status: None,
            patch: Json::Null,
        }
    }
}

/// Stock adjustments of one sort: approved, completed, for the books.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct AdjustmentSeed {
    /// How many.
    pub count: usize,
    /// Date in the account's zone; made up where it is left out.
    pub date: Option<Date>,
    /// Merged over the made-up adjustment; its total follows.
    pub patch: Json,
}

impl Default for AdjustmentSeed {
    fn default() -> Self {
        Self {
            count: 1,
            date: None,
            patch: Json::Null,
        }
    }
}

/// A till: sales of one channel to one customer and what comes back, each paid at once; a few in two ways, a few not
/// yet, a few with a payment that is not authorised.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct TillSeed {
    /// What Omni calls `source`.
    pub channel: String,
    /// Company that stands for whoever buys there.
    pub contact: String,
    /// Sales, in every state that made-up sales orders can be in.
    pub sales: usize,
    /// Returns.
    pub returns: usize,
    /// Share in a foreign currency.
    pub foreign: u64,
    /// First day on which it is open.
    pub from: Date,
    /// Last day.
    pub to: Date,
    /// Branches where it stands, by id.
    pub branches: Vec<i64>,
    /// How people pay.
    pub methods: Vec<String>,
}

impl Default for TillSeed {
    fn default() -> Self {
        Self {
            channel: "Till".to_owned(),
            contact: String::new(),
            sales: 0,
            returns: 0,
            foreign: 0,
            from: jiff::civil::date(2026, 11, 2),
            to: jiff::civil::date(2026, 11, 6),
            branches: vec![3],
            methods: vec!["Cash".to_owned(), "Card".to_owned()],
        }
    }
}

/// A payment on a named document.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct PaymentSeed {
    /// Reference of the sales order, purchase order or credit note.
    pub order: String,
    /// Amount; the document's total where it is left out.
    pub amount: Option<Decimal>,
    /// Date in the account's zone; that of the document where it is left out.
    pub date: Option<Date>,
    /// Merged over the made-up payment.
    pub patch: Json,
}

/// Rows of exports that no document stands behind: CSV by kind, without a header.
pub type ExportSeed = BTreeMap<String, String>;
