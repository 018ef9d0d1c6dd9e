//! What people do between the acts, in Xero and in Omni.

use jiff::{ToSpan, civil::Date};
use sandbox::{World, edit::Edit};
use serde_json::{Value, json};

use super::ground::{TILL_LATE, TILL_VOID};
use crate::books::{ACCOUNT, ORGANISATION, number};

/// Everything is new; it is paid or becomes void, and adjustments are counted again; some payments are
/// removed, and an order of the till comes late.
pub(in crate::campaigns) const ACTS: usize = 3;

/// A way to the vendors' own pages.
pub(in crate::campaigns) trait Hands {
    /// A change as the stand-in's admin call takes it.
    fn edit(&self, edit: &Value);

    /// A payment as Xero takes it.
    fn pay(&self, payment: &Value);

    /// What all vendors hold.
    fn held(&self) -> Value;
}

impl Hands for World {
    fn edit(&self, edit: &Value) {
        let edit: Edit = serde_json::from_str(&edit.to_string()).expect("an edit");
        World::edit(self, &edit).expect("it is there");
    }

    fn pay(&self, payment: &Value) {
        let books = self.xero(ORGANISATION);
        books
            .enter("payments", payment.clone())
            .expect("it is paid");
    }

    fn held(&self) -> Value {
        self.state()
    }
}

/// What people do before an act, the first of which is 0: nothing before that.
pub(in crate::campaigns) fn deeds(hands: &dyn Hands, act: usize, today: Date, count: i64) {
    let held = hands.held();
    let till = [
        (1, TILL_VOID, json!({ "isVoid": true, "status": "VOID" })),
        (
            2,
            TILL_LATE,
            json!({ "isApproved": true, "status": "APPROVED" }),
        ),
    ];
    for (_, id, patch) in till.into_iter().filter(|it| it.0 == act) {
        hands.edit(
            &json!({ "vendor": "omni", "account": ACCOUNT, "kind": "SalesOrders",
            "id": id.to_string(), "patch": patch }),
        );
    }
    for serial in (1..=count).filter(|it| act == 1 && is_counted_again(*it)) {
        hands.edit(&json!({
            "vendor": "omni", "account": ACCOUNT, "kind": "Adjustments", "id": (900 + serial).to_string(),
            "patch": { "productTotal": number("-32.40"), "lineItems": [{ "id": 1, "code": "TEE", "name": "Tee",
                "qty": 96.0, "qtyAdjusted": -4.0, "unitCost": number("8.10"), "account": "" }] },
        }));
    }
    for serial in 1..=count {
        let papers = [
            (
                "SalesOrders",
                40_000 + serial,
                format!("{} SO-{serial}", 20_000 + serial),
                "S",
            ),
            (
                "PurchaseOrders",
                70_000 + serial,
                format!("INV-{serial} PO-{serial}"),
                "P",
            ),
        ];
        for (resource, id, invoice, side) in papers {
            let slip = format!("SLIP-{side}{serial}");
            match (act, serial % 4) {
                (1, 1 | 3) => hands.pay(&json!({
                    "Invoice": { "InvoiceID": id_of(&held, &invoice) }, "Account": { "Code": "091" },
                    "Date": today.saturating_sub(1.days()).to_string(), "Amount": "100.00",
                    "Reference": slip,
                })),
                (1, 0) => hands.edit(&json!({
                    "vendor": "omni", "account": ACCOUNT, "kind": resource, "id": id.to_string(),
                    "patch": { "isVoid": true, "status": "VOID" },
                })),
                (2, 1) => hands.edit(&json!({
                    "vendor": "xero", "account": ORGANISATION, "kind": "payments", "id": slip,
                    "patch": { "Status": "DELETED" },
                })),
                _ => {}
            }
        }
    }
}

/// Whether an adjustment is edited after it was posted: its journal is reversed and replaced.
pub(in crate::campaigns) fn is_counted_again(serial: i64) -> bool {
    serial % 4 == 2
}

/// Id of an invoice or a bill. Payments find a sales invoice alone by its number.
fn id_of(held: &Value, number: &str) -> Value {
    let books = held["xero"].as_object().and_then(|it| it.values().next());
    let invoices = books.and_then(|it| it["invoices"].as_array());
    let found = invoices
        .into_iter()
        .flatten()
        .find(|it| it["InvoiceNumber"] == number);
    let found = found.unwrap_or_else(|| panic!("Xero holds no {number}"));
    found["InvoiceID"].clone()
}
