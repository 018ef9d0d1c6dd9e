//! The seed of a Core account.

use jiff::civil::Date;
use serde::Deserialize;
use uuid::Uuid;

use super::behaviour::{Behaviour, Limits};
use super::money::TaxMethod;
use crate::json::Json;
use crate::seed::CustomerSeed;

/// What Core starts with.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct CoreSeed {
    /// How long each answer takes, in milliseconds.
    pub latency_ms: u64,
    /// Accounts.
    pub accounts: Vec<CoreAccountSeed>,
}

/// One Core account, which is one company.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct CoreAccountSeed {
    /// The account id that every call names.
    pub account_id: Uuid,
    /// API applications.
    pub keys: Vec<CoreKeySeed>,
    /// Company.
    pub company: String,
    /// Time zone in which its dates are meant.
    pub zone: String,
    /// Home currency.
    pub currency: String,
    /// The Xero organisation, by name, that gets the counterparts of its customers and lends its
    /// chart of accounts, tax rates and tracking options.
    pub books: String,
    /// How documents are taxed.
    pub tax_method: TaxMethod,
    /// Core's own period lock.
    pub lock_date: Option<Date>,
    /// Choices where the sources disagree.
    pub behaviour: Behaviour,
    /// Customers, sales and credit notes to make up.
    pub generate: CoreGenerate,
    /// Customers by name.
    pub customers: Vec<CustomerSeed>,
    /// Credit notes by name.
    pub credit_notes: Vec<CoreNoteSeed>,
    /// Any other sales as `GET /sale` answers them: tables or JSON texts, each with an `ID`.
    pub sales: Vec<Json>,
}

impl Default for CoreAccountSeed {
    fn default() -> Self {
        Self {
            account_id: Uuid::from_u128(0x5b0e_3c52_7a55_4d0f_8c3b_1d2f_3a4b_5c6d),
            keys: vec![CoreKeySeed::default()],
            company: "Sandbox Tea Pty Ltd".to_owned(),
            zone: "Australia/Sydney".to_owned(),
            currency: "AUD".to_owned(),
            books: String::new(),
            tax_method: TaxMethod::Total,
            lock_date: None,
            behaviour: Behaviour::default(),
            generate: CoreGenerate::default(),
            customers: Vec::new(),
            credit_notes: Vec::new(),
            sales: Vec::new(),
        }
    }
}

/// An API application of an account.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct CoreKeySeed {
    /// The application key.
    pub key: String,
    /// Call limits.
    pub limits: Limits,
}

impl Default for CoreKeySeed {
    fn default() -> Self {
        Self {
            key: "c0de0000-0000-4000-8000-000000000001".to_owned(),
            limits: Limits::default(),
        }
    }
}

/// How much to make up. Shares are percentages.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct CoreGenerate {
    /// Customers, each with a counterpart in the books.
    pub contacts: usize,
    /// Credit notes that nothing is wrong with.
    pub credit_notes: usize,
    /// Sales without a credit note; twice as many as credit notes where it is left out.
    pub sales: Option<usize>,
    /// How many sales share one `Updated` to the millisecond.
    pub ties: usize,
    /// Most lines of a document.
    pub lines: usize,
    /// Seed of these documents alone.
    pub seed: u64,
    /// First credit note date.
    pub from: Date,
    /// Last credit note date.
    pub to: Date,
    /// Name of the tax rule of taxed documents.
    pub tax_rule: String,
    /// Name of the tax rule of the others.
    pub exempt_rule: String,
    /// Foreign currencies in use.
    pub currencies: Vec<String>,
    /// Share of sales in a foreign currency.
    pub foreign: u64,
    /// Share with tax inside the prices.
    pub inclusive: u64,
    /// Share without tax.
    pub exempt: u64,
    /// Share of documents with an additional charge.
    pub charges: u64,
    /// Account of additional charges.
    pub charge_account: String,
    /// Share of lines with a discount.
    pub discount: u64,
    /// Share of lines with prices of four decimals or broken quantities.
    pub fine: u64,
    /// Share of documents whose first line names another account.
    pub other_accounts: u64,
    /// Codes of those other accounts.
    pub account_codes: Vec<String>,
    /// Share of credited sales that are advanced ones, with up to three notes each.
    pub advanced: u64,
    /// Share of credit notes without sale or invoice.
    pub stand_alone: u64,
    /// Share of credit notes that are refunded.
    pub refunded: u64,
}

impl Default for CoreGenerate {
    fn default() -> Self {
        Self {
            contacts: 0,
            credit_notes: 0,
            sales: None,
            ties: 0,
            lines: 4,
            seed: 7,
            from: jiff::civil::date(2026, 10, 1),
            to: jiff::civil::date(2026, 11, 20),
            tax_rule: "GST on Income".to_owned(),
            exempt_rule: "GST Free Income".to_owned(),
            currencies: Vec::new(),
            foreign: 5,
            inclusive: 25,
            exempt: 8,
            charges: 25,
            charge_account: "260".to_owned(),
            discount: 12,
            fine: 6,
            other_accounts: 12,
            account_codes: vec!["260".to_owned()],
            advanced: 20,
            stand_alone: 12,
            refunded: 15,
        }
    }
}

/// Credit notes of one sort, each on a sale of its own.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct CoreNoteSeed {
    /// How many.
    pub count: usize,
    /// Customer; any generated one where it is left out.
    pub customer: String,
    /// Credit note date; made up where it is left out.
    pub date: Option<Date>,
    /// Number of the (first) note; the next of the sequence where it is left out.
    pub number: Option<String>,
    /// `AUTHORISED`, `DRAFT`, `VOIDED` or `NOT AVAILABLE`.
    pub status: String,
    /// Which way its amounts go.
    pub amounts: CoreAmounts,
    /// What it hangs on.
    pub sale: SaleKind,
    /// Account code of every line.
    pub account_code: Option<String>,
    /// Currency.
    pub currency: Option<String>,
    /// `Inclusive` or `Exclusive`; made up where it is left out.
    pub tax_calculation: Option<String>,
    /// Merged over the credit note: a table or a JSON text. Lines and charges that leave out
    /// `Tax` or `Total` get them, and so does the note.
    pub patch: Json,
    /// Merged over the sale, such as `{ CustomerReference = "" }`.
    pub sale_patch: Json,
}

impl Default for CoreNoteSeed {
    fn default() -> Self {
        Self {
            count: 1,
            customer: String::new(),
            date: None,
            number: None,
            status: "AUTHORISED".to_owned(),
            amounts: CoreAmounts::Credit,
            sale: SaleKind::Simple,
            account_code: None,
            currency: None,
            tax_calculation: None,
            patch: Json::Null,
            sale_patch: Json::Null,
        }
    }
}

/// Which way the amounts of a credit note go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CoreAmounts {
    /// Above zero, as Core keeps credit notes.
    #[default]
    #[serde(alias = "positive")]
    Credit,
    /// Two lines that cancel out.
    Zero,
    /// Below zero.
    Negative,
}

/// What a credit note hangs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SaleKind {
    /// A simple sale: one invoice, one credit note, one id for all.
    #[default]
    Simple,
    /// An advanced sale: many of each, each with an id of its own.
    Advanced,
    /// A service sale: no order, no fulfilment.
    Service,
    /// Nothing: a task of its own without order and invoice.
    StandAlone,
}
