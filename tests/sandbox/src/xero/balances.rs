//! What a contact owes, and what is owed to it.

use jiff::civil::Date;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::document_model::{Body, Side};
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
    let mut add = |side: Side, body: &Body, open: Decimal, late: bool| {
        if !body.status.posted() {
            return;
        }
        any = true;
        let open = match organisation.switches.contact_balances_in_base {
            true => to_home(open, body.currency_rate),
            false => open,
        };
        let balance = match side {
            Side::Sales => &mut sales,
            Side::Purchase => &mut purchases,
        };
        balance.outstanding += open;
        if late {
            balance.overdue += open;
        }
    };
    let key = contact_key(contact);
    for it in organisation.invoices.find(&key) {
        let late = it.body.due_date.is_some_and(|it| it < today);
        add(it.side(), &it.body, it.amount_due, late);
    }
    for it in organisation.credit_notes.find(&key) {
        add(it.side(), &it.body, -it.remaining_credit, false);
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
