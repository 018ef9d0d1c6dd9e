//! The part of a seed that is about Zudello.

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Deserialize;
use uuid::Uuid;

use super::contract::Contract;
use super::status::Workflow;
use super::team::Key;
use crate::json::Json;
use crate::seed::CustomerSeed;

/// What Zudello starts with.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ZudelloSeed {
    /// How long each answer takes, in milliseconds.
    pub latency_ms: u64,
    /// Teams.
    pub teams: Vec<TeamSeed>,
}

/// One team.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct TeamSeed {
    /// The organisation; made from the name where it is left out.
    pub organisation: Option<Uuid>,
    /// UUID of the team; made from the name where it is left out.
    pub team: Option<Uuid>,
    /// Name.
    pub name: String,
    /// Home currency.
    pub currency: String,
    /// Keys that are assigned to it.
    pub keys: Vec<Key>,
    /// The Xero organisation, by name, whose master data it fetched, and that gets the
    /// counterparts of its customers.
    pub books: String,
    /// What is assumed of the interface.
    pub contract: Contract,
    /// Its statuses.
    pub workflow: Workflow,
    /// Customers and documents to make up.
    pub generate: TeamGenerate,
    /// Customers by name.
    pub customers: Vec<CustomerSeed>,
    /// Credit notes by name.
    pub credit_notes: Vec<TeamNoteSeed>,
}

impl Default for TeamSeed {
    fn default() -> Self {
        Self {
            organisation: None,
            team: None,
            name: "Sandbox Team".to_owned(),
            currency: "AUD".to_owned(),
            keys: vec![Key::default()],
            books: String::new(),
            contract: Contract::default(),
            workflow: Workflow::default(),
            generate: TeamGenerate::default(),
            customers: Vec::new(),
            credit_notes: Vec::new(),
        }
    }
}

/// How much to make up. Shares are percentages of the clean credit notes.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct TeamGenerate {
    /// Customers, each with a counterpart in the books.
    pub contacts: usize,
    /// Credit notes that nothing is wrong with.
    pub credit_notes: usize,
    /// Documents that are not to be exported: other kinds, and statuses before approval.
    pub others: usize,
    /// Seed of these documents alone.
    pub seed: u64,
    /// Most lines of a note.
    pub lines: usize,
    /// First date of issue.
    pub from: Date,
    /// Last date of issue.
    pub to: Date,
    /// Code of the tax rate of sales.
    pub tax_code: String,
    /// Code of the tax rate of sales without tax.
    pub exempt_code: String,
    /// Foreign currencies in use.
    pub currencies: Vec<String>,
    /// Share in a foreign currency.
    pub foreign: u64,
    /// Share with tax inside the line totals.
    pub inclusive: u64,
    /// Share without tax.
    pub exempt: u64,
    /// Share with a line of landed cost.
    pub landed_costs: u64,
    /// Account of landed cost.
    pub freight_account: String,
    /// Share with location and subsidiary.
    pub tracked: u64,
    /// Share whose first line names another account.
    pub other_accounts: u64,
    /// Codes of those other accounts.
    pub account_codes: Vec<String>,
    /// How many of the notes were changed at one and the same instant.
    pub ties: usize,
}

impl Default for TeamGenerate {
    fn default() -> Self {
        Self {
            contacts: 0,
            credit_notes: 0,
            others: 0,
            seed: 11,
            lines: 3,
            from: jiff::civil::date(2026, 10, 1),
            to: jiff::civil::date(2026, 11, 20),
            tax_code: "OUTPUT".to_owned(),
            exempt_code: "EXEMPTOUTPUT".to_owned(),
            currencies: Vec::new(),
            foreign: 5,
            inclusive: 40,
            exempt: 8,
            landed_costs: 20,
            freight_account: "260".to_owned(),
            tracked: 70,
            other_accounts: 12,
            account_codes: vec!["260".to_owned()],
            ties: 0,
        }
    }
}

/// Credit notes of one sort.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct TeamNoteSeed {
    /// How many.
    pub count: usize,
    /// Legal name of the customer; any generated one where it is left out.
    pub customer: String,
    /// Date of issue; made up where it is left out.
    pub date: Option<Date>,
    /// Document number; the next one where it is left out.
    pub number: Option<String>,
    /// Status; the one that waits for the integration where it is left out.
    pub status: Option<String>,
    /// Which way its amounts go.
    pub amounts: TeamAmounts,
    /// Account of every line.
    pub account_code: Option<String>,
    /// Currency.
    pub currency: Option<String>,
    /// Whether line totals have the tax in them; made up where it is left out.
    pub tax_included: Option<bool>,
    /// Whether unit prices have the tax in them.
    pub prices: Prices,
    /// What somebody added to tax and total by hand, as text.
    pub overridden: Option<Decimal>,
    /// Lines instead of the made-up ones: description, quantity, unit_price and what else is to
    /// differ. Relations are given by UUID, code or object. A table or a JSON text.
    pub lines: Json,
    /// Merged over the generated note: a table or a JSON text.
    pub patch: Json,
}

impl Default for TeamNoteSeed {
    fn default() -> Self {
        Self {
            count: 1,
            customer: String::new(),
            date: None,
            number: None,
            status: None,
            amounts: TeamAmounts::Credit,
            account_code: None,
            currency: None,
            tax_included: None,
            prices: Prices::AsTotals,
            overridden: None,
            lines: Json::Null,
            patch: Json::Null,
        }
    }
}

/// Which way the amounts of a credit note go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TeamAmounts {
    /// Above zero, as Zudello keeps credits.
    #[default]
    Credit,
    /// Below zero, every line.
    Negative,
    /// Below zero, with one line above.
    Mixed,
    /// Two lines that cancel out.
    Zero,
}

/// Whether unit prices have the tax in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Prices {
    /// As the line totals have.
    #[default]
    AsTotals,
    /// Never: unit prices times quantities fall short of totals that have the tax in them.
    Exclusive,
    /// Always: they go beyond totals that have not.
    Inclusive,
}
