//! The cost of goods sold: a row for each piece of a line that has one cost.
//!
//! A sale counts once all of it is dispatched, it is invoiced, and it is in the books or not for
//! them. Returns count once they are completed and have a credit note date; they come back at the
//! cost that their line holds, below zero.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::super::account::Account;
use super::super::money::{lines, money, number, rounded, text};
use super::fifo::Stock;
use super::{Table, at, branch, day, documents, import_status, in_force, plain};
use crate::json::{Json, Object};

const HEADER: &str = "Month,Document Type,Document Reference,Document Id,Completed Date,Branch,\
SKU,Qty,Unit Cost,Cost,COGS Account,Stock Account";

pub(super) fn table(account: &Account) -> Table {
    let mut table = Table::new(HEADER);
    let mut stock = Stock::received(account);
    let mut sold: Vec<(Timestamp, Object)> = documents(account, "SalesOrders")
        .into_iter()
        .filter(in_force)
        .filter_map(|it| Some((at(&it, "dispatchedDate")?, it)))
        .collect();
    sold.sort_by_key(|(when, it)| (*when, it.get("id").and_then(Json::as_i64)));
    for (when, order) in sold {
        let counts = counts(&order);
        for line in goods(&order) {
            let code = text(line, "code");
            let quantity = number(line, "qtyShipped");
            // What is sold leaves the stock, whether the row is exported or not.
            let pieces = stock.take(code, quantity, when, number(line, "unitCost"));
            for (quantity, each) in pieces.into_iter().filter(|_| counts) {
                row(
                    account,
                    &mut table,
                    ("Sales Order", &order, when),
                    (code, quantity, each),
                );
            }
        }
    }
    for note in documents(account, "CreditNotes")
        .into_iter()
        .filter(in_force)
    {
        let completed =
            at(&note, "completedDate").filter(|_| at(&note, "creditNoteDate").is_some());
        let Some(when) = completed else { continue };
        for line in goods(&note) {
            let piece = (
                text(line, "code"),
                number(line, "qtyShipped"),
                number(line, "unitCost"),
            );
            row(account, &mut table, ("Credit Note", &note, when), piece);
        }
    }
    table
}

fn counts(order: &Object) -> bool {
    let whole = |it: &Object| number(it, "qty") == number(it, "qtyShipped");
    at(order, "invoiceDate").is_some()
        && matches!(import_status(order), "Imported" | "DoNotImport")
        && lines(order).all(whole)
}

/// The lines that are goods: free text is none, and a kit is what it is made of.
fn goods(document: &Object) -> impl Iterator<Item = &Object> {
    let id = |it: &Object, name: &str| it.get(name).and_then(Json::as_i64).filter(|id| *id > 0);
    let kits: BTreeSet<i64> = lines(document)
        .filter_map(|it| id(it, "parentId"))
        .collect();
    lines(document).filter(move |it| {
        let kit = id(it, "id").is_some_and(|id| kits.contains(&id));
        !kit && !text(it, "code").is_empty() && !number(it, "qtyShipped").is_zero()
    })
}

fn row(
    account: &Account,
    table: &mut Table,
    (kind, document, when): (&str, &Object, Timestamp),
    (code, quantity, each): (&str, Decimal, Decimal),
) {
    let completed = day(account, when);
    let center = text(document, "costCenter");
    let ledger = &account.ledger;
    let cogs = ledger.alternative.get(center);
    table.push(&[
        completed.strftime("%Y-%m").to_string().as_str(),
        kind,
        text(document, "reference"),
        &plain(document, "id"),
        &completed.to_string(),
        &branch(account, document),
        code,
        &quantity.normalize().to_string(),
        &each.normalize().to_string(),
        &money(rounded(quantity * each)),
        cogs.unwrap_or(&ledger.cost_of_goods_sold),
        &ledger.stock_on_hand,
    ]);
}
