//! The trial balance as a report.
//!
//! The first pair of columns is the month of the date, the second all that was ever posted up to
//! it: there is no year end here. The shape of reports is not in the description that the other
//! resources follow; a client should look for the account's id in the attributes of a row.

use jiff::civil::Date;
use rust_decimal::Decimal;

use super::answers::Refusal;
use super::dates::{instant_ms, parse_date, today};
use super::ledger::{balances, entries};
use super::organisation::Organisation;
use super::render::money;
use super::resources::Result;
use crate::exchange::Request;
use crate::json::{Json, Object};
use crate::world::Cx;

const SECTIONS: &[(&str, &str)] = &[
    ("REVENUE", "Revenue"),
    ("EXPENSE", "Expenses"),
    ("ASSET", "Assets"),
    ("LIABILITY", "Liabilities"),
    ("EQUITY", "Equity"),
];

/// GET of the trial balance.
pub(super) fn trial_balance(
    organisation: &Organisation,
    request: &Request,
    cx: &Cx<'_>,
) -> Result<Json> {
    let date = match request.query_value("date").filter(|it| !it.is_empty()) {
        None => today(&organisation.profile.timezone, cx.now),
        Some(text) => parse_date(&text)
            .ok_or_else(|| Refusal::Plain(format!("The value '{text}' of date is not valid")))?,
    };
    let entries = entries(organisation);
    let until = || entries.iter().filter(|it| it.date <= date);
    let year = balances(until());
    let month = balances(until().filter(|it| it.date >= date.first_of_month()));
    let mut rows: Vec<Json> = vec![header()];
    let mut totals = [Decimal::ZERO; 4];
    for (class, title) in SECTIONS {
        let mut section = Vec::new();
        for account in &organisation.accounts {
            let Some(balance) = year
                .get(&account.code)
                .filter(|_| account.class() == *class)
            else {
                continue;
            };
            let moved = month.get(&account.code).copied().unwrap_or_default();
            let amounts = sides(moved, *balance);
            for (total, amount) in totals.iter_mut().zip(amounts) {
                *total += amount;
            }
            let name = format!("{} ({})", account.name, account.code);
            section.push(row("Row", &name, Some(&account.id.to_string()), amounts));
        }
        if !section.is_empty() {
            rows.push(rows_of(title, section));
        }
    }
    rows.push(rows_of("", vec![row("SummaryRow", "Total", None, totals)]));
    let titles = [
        "Trial Balance".to_owned(),
        organisation.profile.name.clone(),
        format!("As at {}", long(date)),
    ];
    Ok(Object::new()
        .with("ReportID", "TrialBalance")
        .with("ReportName", "Trial Balance")
        .with("ReportType", "TrialBalance")
        .with("ReportTitles", titles.map(Json::from).to_vec())
        .with("ReportDate", long(date))
        .with("UpdatedDateUTC", instant_ms(cx.now))
        .with("Rows", rows)
        .into())
}

/// Debit and credit of the month, then of all.
fn sides(month: Decimal, all: Decimal) -> [Decimal; 4] {
    let zero = Decimal::ZERO;
    [
        month.max(zero),
        (-month).max(zero),
        all.max(zero),
        (-all).max(zero),
    ]
}

fn long(date: Date) -> String {
    date.strftime("%-d %B %Y").to_string()
}

fn header() -> Json {
    let names = ["Account", "Debit", "Credit", "YTD Debit", "YTD Credit"];
    let cells: Vec<Json> = names
        .iter()
        .map(|it| Object::new().with("Value", *it).into())
        .collect();
    Object::new()
        .with("RowType", "Header")
        .with("Cells", cells)
        .into()
}

fn rows_of(title: &str, rows: Vec<Json>) -> Json {
    Object::new()
        .with("RowType", "Section")
        .with("Title", title)
        .with("Rows", rows)
        .into()
}

fn row(kind: &'static str, name: &str, account: Option<&str>, amounts: [Decimal; 4]) -> Json {
    let cell = |value: String| {
        let mut cell = Object::new().with("Value", value);
        if let Some(id) = account {
            let attribute = Object::new().with("Value", id).with("Id", "account");
            cell.set("Attributes", vec![Json::from(attribute)]);
        }
        Json::from(cell)
    };
    let amount = |it: Decimal| match it.is_zero() && account.is_some() {
        true => String::new(),
        false => money(it).to_string(),
    };
    let mut cells = vec![cell(name.to_owned())];
    cells.extend(amounts.map(|it| cell(amount(it))));
    Object::new()
        .with("RowType", kind)
        .with("Cells", cells)
        .into()
}
