//! Payments of Omni: written, deleted without a trace, on documents that may share an id.

use serde_json::{Value, json};

use crate::omni_support::{account, orders};
use crate::support::{Omni, value};

fn pay(omni: &Omni, order: i64, more: &Value) -> Value {
    let mut payment = json!({ "orderId": order, "amount": 50.00, "method": "Credit Card",
        "paymentDate": "2026-11-12T13:00:00Z", "transactionRef": "ch_1" });
    for (name, value) in more.as_object().unwrap() {
        payment[name] = value.clone();
    }
    omni.write("POST", "Payments", payment)
}

#[test]
fn a_payment_is_found_by_its_reference_and_leaves_no_trace() {
    let omni = orders();
    let made = pay(&omni, 48211, &json!({}));
    assert_eq!(
        (&made["success"], &made["code"]),
        (&json!(true), &json!("ch_1"))
    );
    let id = made["id"].as_i64().unwrap();
    let found = omni.list("Payments", &[("where", "transactionRef='ch_1'")]);
    let found = &value(&found)[0];
    assert_eq!(found["id"], id);
    assert_eq!(found["orderRef"], "SO-1");
    assert_eq!(found["isAuthorized"], true);
    assert_eq!(found["orderType"], "Undefined");
    omni.write(
        "PUT",
        "Payments",
        json!({ "id": id, "amount": 60.00, "orderRef": "SO-9" }),
    );
    let changed = omni.one("Payments", id);
    assert_eq!(
        (&changed["amount"], &changed["orderRef"]),
        (&json!(60.0), &json!("SO-1"))
    );
    let result = value(&omni.send("DELETE", &format!("Payments/{id}"), &json!(null)));
    assert_eq!(result["success"], true);
    assert_eq!(omni.get("Payments").body_text(), "[]");
}

#[test]
fn a_payment_needs_an_order_and_an_amount() {
    let omni = orders();
    for (payment, why) in [
        (json!({ "amount": 1 }), "orderId is required"),
        (json!({ "orderId": 48211 }), "amount is required"),
        (
            json!({ "orderId": 5, "amount": 1 }),
            "order 5 was not found",
        ),
    ] {
        let result = omni.write("POST", "Payments", payment);
        assert_eq!(result["success"], false);
        assert!(
            result["errors"][0].as_str().unwrap().contains(why),
            "{result}"
        );
    }
    assert_eq!(omni.get("Payments").body_text(), "[]");
}

#[test]
fn the_same_payment_again_is_there_twice() {
    let omni = orders();
    pay(&omni, 48211, &json!({}));
    pay(&omni, 48211, &json!({}));
    assert_eq!(value(&omni.get("Payments")).as_array().unwrap().len(), 2);
}

#[test]
fn two_documents_of_one_id_are_told_apart_by_type() {
    let omni = orders();
    omni.by_hand(json!({ "kind": "purchase_orders", "id": "PO-1", "patch": { "id": 48211 } }));
    let bill = pay(&omni, 48211, &json!({ "orderType": "PurchaseOrder" }));
    let sale = pay(&omni, 48211, &json!({}));
    let reference =
        |it: &Value| omni.one("Payments", it["id"].as_i64().unwrap())["orderRef"].clone();
    assert_eq!(reference(&bill), "PO-1");
    assert_eq!(reference(&sale), "SO-1");
}

#[test]
fn whether_a_payment_moves_its_order_is_a_choice() {
    for (touches, expected) in [(false, "2026-11-03"), (true, "2026-11-22")] {
        let omni = orders();
        omni.0
            .omni("SmallAU")
            .edit("behaviour", "", json!({ "payments-touch-orders": touches }))
            .unwrap();
        omni.by_hand(json!({ "kind": "sales_orders", "id": "SO-1",
            "patch": { "modifiedDate": "2026-11-03T01:00:00Z" } }));
        pay(&omni, 48211, &json!({}));
        let modified = omni.one("SalesOrders", 48211)["modifiedDate"].clone();
        assert!(
            modified.as_str().unwrap().starts_with(expected),
            "{modified}"
        );
    }
}

#[test]
fn a_seed_names_payments() {
    let omni = account(
        r#"
        sales-orders = [{ contact = "Acme", date = "2026-11-03", patch = { reference = "SO-7" } }]
        payments = [{ order = "SO-7", amount = "12.50", date = "2026-11-09", patch = { comments = "Deposit" } }]
        "#,
    );
    let paid = omni.one("Payments", 6_000_001);
    assert_eq!(paid["amount"], 12.5);
    assert_eq!(paid["paymentDate"], "2026-11-08T13:00:00Z");
    assert_eq!(paid["comments"], "Deposit");
    assert_eq!(paid["orderId"], 3_000_001);
}
