//! What Omni's own pages export and its API does not tell, as CSV text.
//!
//! No column list of these exports is published: the columns are this project's reading. Dates are
//! `yyyy-MM-dd` in the account's zone, amounts plain decimals with a point.

mod batches;
mod cogs;
mod costs;
mod csv;
mod deposits;
mod fifo;
mod supplier_credit_notes;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::account::Account;
use super::filter::instant;
use super::money::text;
use crate::json::{Json, Object};
use csv::Table;

/// The kinds of export.
pub const KINDS: &[&str] = &[
    "supplier_credit_notes",
    "landed_costs",
    "cogs",
    "deposits",
    "batches",
];

/// The CSV text of one kind; nothing for a kind that is not known.
pub(crate) fn export(account: &Account, kind: &str) -> Option<String> {
    let table = match kind {
        "supplier_credit_notes" => supplier_credit_notes::table(account),
        "landed_costs" => costs::table(account),
        "cogs" => cogs::table(account),
        "deposits" => deposits::table(account),
        "batches" => batches::table(account),
        _ => return None,
    };
    let mut text = table.text();
    if let Some(more) = account.exports.get(kind) {
        text.push_str(more.trim_matches('\n'));
        text.push('\n');
    }
    Some(text)
}

/// The documents of a resource by id.
fn documents(account: &Account, resource: &str) -> Vec<Object> {
    let rows = account.rows(resource).into_iter().flat_map(|it| it.by_id());
    rows.filter_map(|(_, row)| match row.document() {
        Json::Obj(document) => Some(document),
        _ => None,
    })
    .collect()
}

/// Whether a document is approved and not void.
fn in_force(document: &Object) -> bool {
    text(document, "status").eq_ignore_ascii_case("approved")
}

/// The instant in a field, if it is set.
fn at(document: &Object, name: &str) -> Option<Timestamp> {
    instant(text(document, name))
}

/// The day of an instant in the account's zone. What was written as midnight of UTC is that day
/// everywhere.
fn day(account: &Account, at: Timestamp) -> Date {
    let utc = at.to_zoned(TimeZone::UTC);
    match TimeZone::get(&account.zone) {
        Ok(zone) if utc.time() != jiff::civil::Time::midnight() => at.to_zoned(zone).date(),
        _ => utc.date(),
    }
}

/// The day in a field, or nothing.
fn date(account: &Account, document: &Object, name: &str) -> String {
    at(document, name).map_or_else(String::new, |it| day(account, it).to_string())
}

/// The number in a field as it is written.
fn plain(document: &Object, name: &str) -> String {
    let value = document.get(name).and_then(Json::as_decimal);
    value.map_or_else(String::new, |it| it.normalize().to_string())
}

/// The tax rate in percent, on whichever scale it is held.
fn tax_percent(document: &Object) -> String {
    let percent = super::money::tax_fraction(document) * rust_decimal::Decimal::ONE_HUNDRED;
    percent.normalize().to_string()
}

/// The import status of a document.
fn import_status(document: &Object) -> &str {
    document
        .get("accountingAttributes")
        .and_then(|it| it.get("accountingImportStatus"))
        .and_then(Json::as_str)
        .unwrap_or_default()
}

/// The name of a branch.
fn branch(account: &Account, document: &Object) -> String {
    let id = document.get("branchId").and_then(Json::as_i64);
    let held = id.and_then(|id| account.document("Branches", id));
    let name = held.as_ref().and_then(|it| it.get("company")?.as_str());
    name.unwrap_or_default().to_owned()
}
