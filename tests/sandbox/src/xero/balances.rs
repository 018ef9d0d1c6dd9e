//! What a contact owes, and what is owed to it.

use jiff::civil::Date;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::document_model::{Invoice, Side};
use super::documents::Document;
use super::ledger::to_home;
use super::organisation::{Organisation, contact_key};
use super::render::money;
use crate::json::Object;

#[derive(Default)]
struct Balance {
    outstanding: Decimal,
    overdue: Decimal,
}

/// The balances of a contact that has approved documents. Credit that is left lowers what is
/// outstanding and leaves what is overdue as it is: this project's reading.
pub(crate) fn balances(organisation: &Organisation, contact: Uuid, today: Date) -> Option<Object> {
    let (mut sales, mut purchases) = (Balance::default(), Balance::default());
    let mut any = false;
    let key = contact_key(contact);
    let in_base = organisation.switches.contact_balances_in_base;
    let valued = |amount: Decimal, rate: Decimal| {
        if in_base {
            to_home(amount, rate)
        } else {
            amount
        }
    };
    for it in organisation.invoices.find(&key) {
        if !it.body.status.posted() {
            continue;
        }
        any = true;
        let balance = match it.side() {
            Side::Sales => &mut sales,
            Side::Purchase => &mut purchases,
        };
        let due = valued(it.amount_due, it.body.currency_rate);
        balance.outstanding += due;
        if is_overdue(it, today) {
            balance.overdue += due;
        }
    }
    for it in organisation.credit_notes.find(&key) {
        if !it.body.status.posted() {
            continue;
        }
        any = true;
        let balance = match it.side() {
            Side::Sales => &mut sales,
            Side::Purchase => &mut purchases,
        };
        balance.outstanding -= valued(it.remaining_credit, it.body.currency_rate);
    }
    let shown = |it: &Balance| {
        Object::new()
            .with("Outstanding", money(it.outstanding))
            .with("Overdue", money(it.overdue))
    };
    any.then(|| {
        Object::new()
            .with("AccountsReceivable", shown(&sales))
            .with("AccountsPayable", shown(&purchases))
    })
}

fn is_overdue(invoice: &Invoice, today: Date) -> bool {
    invoice.body.due_date.is_some_and(|it| it < today)
}
