//! Sales orders, purchase orders and adjustments: what a write and a hand change make of them.

use sandbox::omni::behaviour::Behaviour;
use serde_json::{Value, json};

use crate::omni_support::{account, orders};

#[test]
fn a_named_sales_order_is_whole_and_its_totals_follow() {
    let order = orders().one("SalesOrders", 48211);
    // 10 x 20.00 - 10.00 and freight of 10.00, at ten percent.
    assert_eq!(order["productTotal"], 190.0);
    assert_eq!(order["total"], 220.0);
    assert_eq!(order["invoiceDate"], "2026-11-02T13:00:00Z");
    assert_eq!(order["paymentTerms"], "20th of following month");
    assert_eq!(order["memberCostCenter"], "Wholesale");
    assert_eq!(
        order["accountingAttributes"]["accountingImportStatus"],
        "NotImported"
    );
    let line = &order["lineItems"][0];
    assert_eq!(line["qtyShipped"], 10, "it is dispatched");
    assert_eq!(line["transactionId"], 48211);
    assert!(line["id"].as_i64().unwrap() > 0);
    assert_eq!(line["productOptionId"], 203, "linked by its code");
}

#[test]
fn an_invoice_date_gives_a_number_once() {
    let omni = orders();
    let made = omni.write(
        "POST",
        "SalesOrders",
        json!({ "memberEmail": "accounts@acme.example", "lineItems": [
            { "code": "TEE-BLK-M", "qty": 2, "unitPrice": 12.50 }, { "name": "Engraving", "qty": 1, "unitPrice": 5 }] }),
    );
    assert_eq!(made["success"], true, "{made}");
    let id = made["id"].as_i64().unwrap();
    let order = omni.one("SalesOrders", id);
    assert_eq!(order["company"], "Acme");
    assert_eq!(order["status"], "APPROVED");
    assert_eq!(order["reference"], made["code"]);
    assert_eq!(order["currencyCode"], "AUD");
    assert_eq!(order["total"], 33.0, "the account's ten percent on top");
    assert_eq!(order.get("invoiceNumber"), None);
    assert_eq!(order["lineItems"][0]["productId"], 101);
    assert_eq!(order["lineItems"][1]["productId"], 0);
    let date = |it: &str| json!({ "id": id, "invoiceDate": it });
    omni.write("PUT", "SalesOrders", date("2026-11-10T13:00:00Z"));
    let number = omni.one("SalesOrders", id)["invoiceNumber"].clone();
    assert!(number.as_i64().unwrap() > 20_000, "{number}");
    omni.write("PUT", "SalesOrders", date(""));
    assert_eq!(omni.one("SalesOrders", id)["invoiceDate"], Value::Null);
    omni.write("PUT", "SalesOrders", date("2026-11-11T13:00:00Z"));
    assert_eq!(omni.one("SalesOrders", id)["invoiceNumber"], number);
}

#[test]
fn goods_move_when_the_date_is_set_and_fix_the_branch() {
    let omni = orders();
    let received = json!({ "id": 7710, "fullyReceivedDate": "2026-11-08T00:00:00Z",
        "lineItems": [{ "id": omni.one("PurchaseOrders", 7710)["lineItems"][0]["id"], "qtyShipped": 3 }] });
    omni.write("PUT", "PurchaseOrders", received);
    let order = omni.one("PurchaseOrders", 7710);
    assert_eq!(
        order["lineItems"][0]["qtyShipped"], 100,
        "cannot be written"
    );
    assert_eq!(order["status"], "APPROVED");
    assert_eq!(order["currencyRate"], 2, "home units for one of it");
    assert_eq!(order["total"], 810.0);
    let branch = order["branchId"].as_i64().unwrap();
    let moved = omni.write(
        "PUT",
        "PurchaseOrders",
        json!({ "id": 7710, "branchId": branch + 1 }),
    );
    assert_eq!(moved["success"], false, "{moved}");
}

#[test]
fn a_void_stays_and_the_books_mark_is_written() {
    let omni = orders();
    let mark = json!({ "id": 48211, "accountingAttributes": {
        "accountingImportStatus": "Imported", "importDate": "2026-11-20T03:20:00Z" } });
    for (resource, id) in [("SalesOrders", 48211), ("PurchaseOrders", 7710)] {
        let mut mark = mark.clone();
        mark["id"] = json!(id);
        assert_eq!(omni.write("PUT", resource, mark)["success"], true);
        let order = omni.one(resource, id);
        assert_eq!(
            order["accountingAttributes"],
            json!({ "importDate": "2026-11-20T14:20:00+11:00", "accountingImportStatus": "Imported" })
        );
        omni.write("PUT", resource, json!({ "id": id, "isVoid": true }));
        omni.write(
            "PUT",
            resource,
            json!({ "id": id, "isVoid": false, "isApproved": true }),
        );
        let order = omni.one(resource, id);
        assert_eq!(
            (&order["isVoid"], &order["status"]),
            (&json!(true), &json!("VOID"))
        );
    }
    let forgets = account(
        "behaviour = { accounting-attributes-stick = false }\nsales-orders = [{ contact = \"Acme\" }]",
    );
    let id = 3_000_001;
    let result = forgets.write(
        "PUT",
        "SalesOrders",
        json!({ "id": id,
        "accountingAttributes": { "accountingImportStatus": "Imported" } }),
    );
    assert_eq!(result["success"], true);
    assert_eq!(
        forgets.one("SalesOrders", id)["accountingAttributes"]["accountingImportStatus"],
        "NotImported"
    );
}

#[test]
fn a_500_may_have_committed() {
    let omni = orders();
    let rules = r#"[{ "match": { "method": "PUT", "path": "/api/v1/PurchaseOrders" }, "fault": "commit-then-500" }]"#;
    assert_eq!(omni.admin("POST", "faults", rules).status, 200);
    let body = json!([{ "id": 7710, "fullyReceivedDate": "2026-11-08T00:00:00Z" }]);
    assert_eq!(omni.send("PUT", "PurchaseOrders", &body).status, 500);
    let order = omni.one("PurchaseOrders", 7710);
    assert_eq!(order["fullyReceivedDate"], "2026-11-08T00:00:00Z");
}

#[test]
fn lists_filter_on_their_own_fields() {
    let omni = orders();
    let found = |resource: &str, condition: &str| {
        let reply = omni.list(resource, &[("where", condition), ("fields", "id")]);
        assert_eq!(reply.status, 200, "{}", reply.body_text());
        reply.body_text()
    };
    assert_eq!(
        found("SalesOrders", "invoiceDate IS NOT NULL"),
        r#"[{"id":48211}]"#
    );
    assert_eq!(
        found("PurchaseOrders", "fullyReceivedDate IS NULL"),
        r#"[{"id":7710}]"#
    );
    assert_eq!(
        found("PurchaseOrders", "SupplierInvoiceReference='INV-9'"),
        r#"[{"id":7710}]"#
    );
    assert_eq!(found("Adjustments", "adjustmentReason='Nothing'"), "[]");
    assert_eq!(found("Contacts", "type='Supplier'"), r#"[{"id":1003}]"#);
    let line = omni.list("SalesOrders", &[("where", "qtyShipped>1")]);
    assert_eq!(line.status, 400, "fields of lines cannot be filtered by");
}

#[test]
fn adjustments_have_no_status_and_a_total_of_what_moved() {
    let omni = orders();
    let held = omni.one("Adjustments", 903);
    assert_eq!(held["productTotal"], -24.3);
    assert_eq!(held["adjustInAccountingSystem"], "2026-11-04T13:00:00Z");
    for name in ["status", "isVoid", "accountingAttributes"] {
        assert_eq!(held.get(name), None, "{name}");
    }
    let made = omni.write(
        "POST",
        "Adjustments",
        json!({ "adjustmentReason": "Found", "lineItems": [{ "code": "MUG-BLU", "qtyAdjusted": 2, "unitCost": 5.005 }] }),
    );
    let id = made["id"].as_i64().unwrap();
    let fresh = omni.one("Adjustments", id);
    assert_eq!(fresh["productTotal"], 10.01);
    assert_eq!(fresh["isApproved"], true);
    omni.write(
        "PUT",
        "Adjustments",
        json!({ "id": id, "adjustInAccountingSystem": "2026-11-20T00:00:00Z" }),
    );
    assert_eq!(
        omni.one("Adjustments", id)["adjustInAccountingSystem"],
        "2026-11-20T00:00:00Z"
    );
}

#[test]
fn contacts_bill_their_parents_and_can_be_deleted() {
    let omni = orders();
    let child = omni.one("Contacts", 1001);
    assert_eq!(
        (&child["billingId"], &child["billingCompany"]),
        (&json!(1002), &json!("Parent Co"))
    );
    let supplier = omni.one("Contacts", 1003);
    assert_eq!(supplier["type"], "Supplier");
    assert!(supplier["accountingIntegrationId"]["xero"].is_string());
    let result = crate::support::value(&omni.send("DELETE", "Contacts/1002", &json!(null)));
    assert_eq!(
        (&result["success"], &result["id"]),
        (&json!(true), &json!(1002))
    );
    assert_eq!(omni.get("Contacts/1002").status, 404);
    assert_eq!(
        omni.send("DELETE", "Contacts/1002", &json!(null)).status,
        404
    );
    assert_eq!(
        omni.send("DELETE", "SalesOrders/48211", &json!(null))
            .status,
        404
    );
}

#[test]
fn a_product_whose_code_is_taken_refuses_the_whole_request() {
    let omni = orders();
    let both = json!([{ "styleCode": "NEW-1" }, { "styleCode": "MUG-BLU" }]);
    assert_eq!(omni.send("POST", "Products", &both).status, 400);
    let twice = json!([{ "styleCode": "NEW-1" }, { "styleCode": "NEW-1" }]);
    assert_eq!(omni.send("POST", "Products", &twice).status, 400);
    let made = omni.write(
        "POST",
        "Products",
        json!({ "styleCode": "NEW-1", "salesAccount": "260" }),
    );
    assert_eq!(made["code"], "NEW-1");
    let held = omni.one("Products", made["id"].as_i64().unwrap());
    assert_eq!(held["salesAccount"], "260");
    let option = omni.write(
        "PUT",
        "ProductOptions",
        json!({ "id": 201, "supplierCode": "X" }),
    );
    assert_eq!(
        (&option["success"], &option["code"]),
        (&json!(true), &json!("TEE-BLK-M"))
    );
}

#[test]
fn hand_changes_follow_through() {
    let omni = orders();
    omni.0.advance_seconds(60);
    let order = omni
        .by_hand(json!({ "kind": "sales_orders", "id": "SO-1", "line": 0, "patch": { "qty": 5 } }));
    assert_eq!(order["productTotal"], 90.0);
    assert_eq!(order["total"], 110.0);
    assert_eq!(order["modifiedDate"], "2026-11-22T02:01:00Z");
    let order = omni
        .by_hand(json!({ "kind": "SalesOrders", "id": "48211", "patch": { "discountTotal": 50 } }));
    assert_eq!(order["total"], 55.0);
    let wrong = omni.by_hand(
        json!({ "kind": "SalesOrders", "id": "48211", "patch": { "surcharge": 1, "total": 9 } }),
    );
    assert_eq!(wrong["total"], 9, "who names a total wants that one");
    let void = omni.by_hand(json!({ "kind": "purchase_orders", "id": "PO-1", "patch": { "isVoid": true }, "quiet": true }));
    assert_eq!(void["status"], "VOID");
    let adjusted = omni.by_hand(
        json!({ "kind": "adjustments", "id": "ADJ-1", "line": 0, "patch": { "qtyAdjusted": 1 } }),
    );
    assert_eq!(adjusted["productTotal"], 8.1);
    assert_eq!(
        omni.by_hand(json!({ "kind": "adjustments", "id": "ADJ-1", "patch": null })),
        Value::Null
    );
    assert_eq!(omni.get("Adjustments/903").status, 404);
    assert!(!Behaviour::default().payments_touch_orders);
}
