//! The chart of accounts and the tax rates that a new organisation has.

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::model::{Account, TaxRate};
use crate::chance::Chance;
use crate::seed::AccountSeed;

const EVERY: &[&str] = &["ASSET", "EQUITY", "EXPENSE", "LIABILITY", "REVENUE"];
const SALES: &[&str] = &["ASSET", "EQUITY", "LIABILITY", "REVENUE"];
const COSTS: &[&str] = &["ASSET", "EQUITY", "EXPENSE", "LIABILITY"];

type Rate = (&'static str, &'static str, i64, &'static [&'static str]);

const AUSTRALIA: &[Rate] = &[
    ("GST on Income", "OUTPUT", 10, SALES),
    ("GST on Expenses", "INPUT", 10, COSTS),
    ("GST Free Income", "EXEMPTOUTPUT", 0, SALES),
    ("GST Free Exports", "EXEMPTEXPORT", 0, SALES),
    ("GST Free Expenses", "EXEMPTEXPENSES", 0, COSTS),
    ("GST on Capital", "CAPEXINPUT", 10, COSTS),
    ("GST Free Capital", "EXEMPTCAPITAL", 0, COSTS),
    ("Input Taxed", "INPUTTAXED", 0, EVERY),
    ("BAS Excluded", "BASEXCLUDED", 0, EVERY),
    ("GST on Imports", "GSTONIMPORTS", 0, &["LIABILITY"]),
    (
        "GST on Capital Imports",
        "GSTONCAPIMPORTS",
        0,
        &["LIABILITY"],
    ),
];

const NEW_ZEALAND: &[Rate] = &[
    ("15% GST on Income", "OUTPUT2", 15, SALES),
    ("15% GST on Expenses", "INPUT2", 15, COSTS),
    ("Zero Rated", "ZERORATED", 0, EVERY),
    ("No GST", "NONE", 0, EVERY),
    ("GST on Imports", "GSTONIMPORTS", 0, &["LIABILITY"]),
];

const BRITAIN: &[Rate] = &[
    ("20% (VAT on Income)", "OUTPUT2", 20, SALES),
    ("20% (VAT on Expenses)", "INPUT2", 20, COSTS),
    ("5% (VAT on Income)", "RROUTPUT", 5, SALES),
    ("5% (VAT on Expenses)", "RRINPUT", 5, COSTS),
    ("Zero Rated Income", "ZERORATEDOUTPUT", 0, SALES),
    ("Zero Rated Expenses", "ZERORATEDINPUT", 0, COSTS),
    ("Exempt Income", "EXEMPTOUTPUT", 0, SALES),
    ("Exempt Expenses", "EXEMPTINPUT", 0, COSTS),
    ("No VAT", "NONE", 0, EVERY),
];

const ELSEWHERE: &[Rate] = &[
    ("Tax on Sales", "OUTPUT", 0, SALES),
    ("Tax on Purchases", "INPUT", 0, COSTS),
    ("Tax Exempt", "NONE", 0, EVERY),
];

/// The standard rates of a country.
pub(crate) fn tax_rates(country: &str) -> Vec<TaxRate> {
    let rates = match country {
        "AU" => AUSTRALIA,
        "NZ" => NEW_ZEALAND,
        "GB" | "UK" => BRITAIN,
        _ => ELSEWHERE,
    };
    rates
        .iter()
        .map(|(name, tax_type, rate, classes)| TaxRate {
            name: (*name).to_owned(),
            tax_type: (*tax_type).to_owned(),
            rate: Decimal::from(*rate),
            report_tax_type: (*tax_type).to_owned(),
            status: "ACTIVE".to_owned(),
            classes: classes.iter().map(|it| (*it).to_owned()).collect(),
        })
        .collect()
}

/// The standard chart of an Australian organisation, as far as documents need one.
pub(crate) fn accounts() -> Vec<AccountSeed> {
    let chart: &[(&str, &str, &str, &str, Option<&str>)] = &[
        ("091", "Business Bank Account", "BANK", "BASEXCLUDED", None),
        ("200", "Sales", "REVENUE", "OUTPUT", None),
        ("260", "Other Revenue", "REVENUE", "OUTPUT", None),
        ("310", "Cost of Goods Sold", "DIRECTCOSTS", "INPUT", None),
        ("400", "Advertising", "EXPENSE", "INPUT", None),
        ("425", "Freight & Courier", "EXPENSE", "INPUT", None),
        (
            "497",
            "Realised Currency Gains",
            "EXPENSE",
            "BASEXCLUDED",
            Some("REALISEDCURRENCYGAIN"),
        ),
        (
            "498",
            "Bank Revaluations",
            "EXPENSE",
            "BASEXCLUDED",
            Some("BANKCURRENCYGAIN"),
        ),
        (
            "499",
            "Unrealised Currency Gains",
            "EXPENSE",
            "BASEXCLUDED",
            Some("UNREALISEDCURRENCYGAIN"),
        ),
        (
            "610",
            "Accounts Receivable",
            "CURRENT",
            "BASEXCLUDED",
            Some("DEBTORS"),
        ),
        ("630", "Inventory", "INVENTORY", "BASEXCLUDED", None),
        ("631", "Stock on Hand", "CURRENT", "BASEXCLUDED", None),
        (
            "800",
            "Accounts Payable",
            "CURRLIAB",
            "BASEXCLUDED",
            Some("CREDITORS"),
        ),
        (
            "801",
            "Unpaid Expense Claims",
            "CURRLIAB",
            "BASEXCLUDED",
            Some("UNPAIDEXPCLM"),
        ),
        ("820", "GST", "CURRLIAB", "BASEXCLUDED", Some("GST")),
        (
            "860",
            "Rounding",
            "CURRLIAB",
            "BASEXCLUDED",
            Some("ROUNDING"),
        ),
        (
            "960",
            "Retained Earnings",
            "EQUITY",
            "BASEXCLUDED",
            Some("RETAINEDEARNINGS"),
        ),
    ];
    chart
        .iter()
        .map(|(code, name, kind, tax_type, system)| AccountSeed {
            code: (*code).to_owned(),
            name: (*name).to_owned(),
            kind: (*kind).to_owned(),
            tax_type: (*tax_type).to_owned(),
            system: system.map(str::to_owned),
            ..AccountSeed::default()
        })
        .collect()
}

/// Accounts that a chart may lack and that the routes of a stock system book to.
pub(crate) fn more_accounts() -> Vec<AccountSeed> {
    let chart: &[(&str, &str, &str, bool)] = &[
        ("311", "Stock Adjustments", "DIRECTCOSTS", false),
        ("312", "Inbound Freight", "DIRECTCOSTS", false),
        ("313", "Customs & Duty", "DIRECTCOSTS", false),
        ("620", "Supplier Prepayments", "CURRENT", false),
        ("625", "Payments Clearing", "CURRENT", true),
        ("805", "Customer Deposits", "CURRLIAB", false),
    ];
    chart
        .iter()
        .map(|(code, name, kind, payments)| AccountSeed {
            code: (*code).to_owned(),
            name: (*name).to_owned(),
            kind: (*kind).to_owned(),
            payments: *payments,
            ..AccountSeed::default()
        })
        .collect()
}

/// An account as it is held.
pub(crate) fn account(seed: &AccountSeed, now: Timestamp, chance: &mut Chance) -> Account {
    Account {
        id: chance.guid(),
        code: seed.code.clone(),
        name: seed.name.clone(),
        kind: seed.kind.clone(),
        status: if seed.archived { "ARCHIVED" } else { "ACTIVE" }.to_owned(),
        tax_type: seed.tax_type.clone(),
        system_account: seed.system.clone(),
        enable_payments_to_account: seed.payments,
        bank_account_number: (seed.kind == "BANK").then(|| "0209087654321050".to_owned()),
        updated: now,
    }
}
