//! What follows from what when a document changes, whoever changes it.
//!
//! A status follows approval and void, an invoice number follows the invoice date, shipped
//! quantities follow the date on which the goods moved, totals follow lines and parts.

use super::account::Account;
use super::money::{PARTS, lines, total_up};
use super::resources::Sort;
use crate::json::{Json, Object};

/// Brings a document up to date after a change. `before` is what was held, empty for a new one.
pub(crate) fn settle(document: &mut Object, before: &Object, sort: Sort, account: &Account) {
    keep_void(document, before);
    follow_status(document);
    if sort == Sort::SalesOrder && has(document, "invoiceDate") && !numbered(document) {
        document.set("invoiceNumber", account.next_invoice.max(1));
    }
    if let Some(date) = sort.moved_date()
        && has(document, date)
        && !has(before, date)
    {
        move_goods(document);
    }
}

/// Makes totals follow where something that they depend on has changed. A document that is held
/// without lines keeps its totals.
pub(crate) fn follow_totals(document: &mut Object, before: &Object, sort: Sort) {
    let changed = PARTS.iter().any(|it| document.get(it) != before.get(it));
    let lined = lines(document).next().is_some() || lines(before).next().is_some();
    if changed && lined && (sort.totalled() || sort == Sort::Adjustment) {
        total_up(document, sort);
    }
}

/// Whether a date or a text is set.
pub(crate) fn has(document: &Object, name: &str) -> bool {
    match document.get(name) {
        None | Some(Json::Null) => false,
        Some(value) => value.as_str() != Some(""),
    }
}

fn numbered(document: &Object) -> bool {
    let number = document.get("invoiceNumber").and_then(Json::as_i64);
    number.is_some_and(|it| it > 0)
}

fn keep_void(document: &mut Object, before: &Object) {
    if before.get("isVoid").and_then(Json::as_bool) == Some(true) {
        document.set("isVoid", true);
    }
}

fn move_goods(document: &mut Object) {
    let Some(Json::Arr(lines)) = document.get_mut("lineItems") else {
        return;
    };
    for line in lines {
        if let Json::Obj(line) = line {
            let ordered = line.get("qty").cloned().unwrap_or_default();
            line.set("qtyShipped", ordered);
        }
    }
}

/// The status cannot be written; it follows `isApproved` and `isVoid`.
fn follow_status(document: &mut Object) {
    let Some(status) = document.get("status").and_then(Json::as_str) else {
        return;
    };
    if status.eq_ignore_ascii_case("void") {
        return;
    }
    let voided = document.get("isVoid").and_then(Json::as_bool) == Some(true);
    let approved = document.get("isApproved").and_then(Json::as_bool) != Some(false);
    let follows = if voided {
        "VOID"
    } else if approved {
        "APPROVED"
    } else {
        "DRAFT"
    };
    if !status.eq_ignore_ascii_case(follows) {
        document.set("status", follows);
    }
}
