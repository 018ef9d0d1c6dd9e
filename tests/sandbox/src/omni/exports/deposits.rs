//! Deposits: authorised payments whose comments say so, while or before the order is invoiced.

use super::super::account::Account;
use super::super::fresh::order_of;
use super::super::money::text;
use super::{Table, date, documents, plain, tax_percent};
use crate::json::Json;

const HEADER: &str = "Id,Kind,Order Reference,Order Id,Contact Id,Date,Amount,Currency,\
Currency Rate,Tax Rate,Payment Id";

pub(super) fn table(account: &Account) -> Table {
    let mut table = Table::new(HEADER);
    for payment in documents(account, "Payments") {
        let authorised = payment.get("isAuthorized").and_then(Json::as_bool) != Some(false);
        let named = text(&payment, "comments")
            .to_lowercase()
            .contains("deposit");
        if !(authorised && named) {
            continue;
        }
        let (kind, order) = match order_of(account, &payment) {
            Some(("SalesOrders", Json::Obj(order))) => ("Sales", order),
            Some(("PurchaseOrders", Json::Obj(order))) => ("Purchase", order),
            _ => continue,
        };
        let id = plain(&payment, "id");
        table.push(&[
            &format!("DEP-{id}"),
            kind,
            text(&order, "reference"),
            &plain(&order, "id"),
            &plain(&order, "memberId"),
            &date(account, &payment, "paymentDate"),
            &plain(&payment, "amount"),
            text(&order, "currencyCode"),
            &plain(&order, "currencyRate"),
            &tax_percent(&order),
            &id,
        ]);
    }
    table
}
