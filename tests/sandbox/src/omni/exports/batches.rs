//! Batches: the documents that were merged into one, by the batch that their payments name.

use super::super::account::Account;
use super::super::fresh::order_of;
use super::super::money::text;
use super::{Table, branch, date, documents, plain};
use crate::json::Json;

const HEADER: &str = "Batch,Branch,Date,Payment Method,Order Type,Order Reference,Order Id,\
Currency,Total";

pub(super) fn table(account: &Account) -> Table {
    let mut table = Table::new(HEADER);
    let mut payments = documents(account, "Payments");
    payments.retain(|it| !text(it, "batchReference").is_empty());
    payments.sort_by(|a, b| text(a, "batchReference").cmp(text(b, "batchReference")));
    for payment in payments {
        let (kind, order) = match order_of(account, &payment) {
            Some(("SalesOrders", Json::Obj(order))) => ("SalesOrder", order),
            Some(("CreditNotes", Json::Obj(order))) => ("CreditNote", order),
            _ => continue,
        };
        table.push(&[
            text(&payment, "batchReference"),
            &branch(account, &order),
            &date(account, &payment, "paymentDate"),
            text(&payment, "method"),
            kind,
            text(&order, "reference"),
            &plain(&order, "id"),
            text(&order, "currencyCode"),
            &plain(&order, "total"),
        ]);
    }
    table
}
