//! Payments of invoices, refunds of credit notes.

use serde_json::{Value, json};

use crate::support::{TENANT, Xero, messages, small, value};

fn payment(invoice: &Value, amount: &str) -> Value {
    json!({ "Invoice": { "InvoiceID": invoice["InvoiceID"] }, "Account": { "Code": "091" },
        "Date": "2026-11-20", "Amount": amount, "Reference": "R-1" })
}

#[test]
fn an_invoice_follows_its_payments() {
    let world = small();
    let xero = Xero::new(&world);
    let invoice = xero.put_one("Invoices", &xero.invoice("ACCREC", "INV-9"));
    world.advance_seconds(60);
    let first = xero.put_one("Payments", &payment(&invoice, "14.00"));
    assert_eq!(first["StatusAttributeString"], "OK", "{first}");
    assert_eq!(first["PaymentType"], "ACCRECPAYMENT");
    let held = || world.xero(TENANT).invoice("INV-9").unwrap();
    assert_eq!(held()["AmountDue"], "30.00");
    assert_eq!(held()["Status"], "AUTHORISED");
    // The number will do for a sales invoice, and a bare object for POST.
    let mut second = payment(&invoice, "30.00");
    second["Invoice"] = json!({ "InvoiceNumber": "INV-9" });
    let reply = xero.send("POST", "Payments", &second);
    assert_eq!(reply.status, 200, "{}", reply.body_text());
    assert_eq!(held()["Status"], "PAID");
    assert_eq!(held()["FullyPaidOnDate"], "2026-11-20");
    let shown = &value(&xero.get("Invoices/INV-9"))["Invoices"][0];
    assert_eq!(shown["Payments"].as_array().unwrap().len(), 2);

    world.advance_seconds(60);
    let gone = json!({ "Status": "DELETED" });
    let (status, element) = xero.post_one("Payments", &first["PaymentID"], &gone);
    assert_eq!(
        (status, &element["Status"]),
        (200, &json!("DELETED")),
        "{element}"
    );
    assert_eq!(held()["Status"], "AUTHORISED");
    assert_eq!(held()["AmountDue"], "14.00");
    assert_eq!(held()["UpdatedDateUTC"], "2026-11-22T02:02:00Z");
    let (status, _) = xero.post_one("Payments", &first["PaymentID"], &gone);
    assert_eq!(status, 400, "it is gone");
}

#[test]
fn deleted_payments_are_listed_by_what_changed() {
    let world = small();
    let xero = Xero::new(&world);
    let invoice = xero.put_one("Invoices", &xero.invoice("ACCPAY", "SUP-1"));
    let paid = xero.put_one("Payments", &payment(&invoice, "14.00"));
    xero.put_one("Payments", &payment(&invoice, "1.00"));
    world.advance_seconds(60);
    let gone = json!({ "Status": "DELETED" });
    xero.post_one("Payments", &paid["PaymentID"], &gone);
    let since = xero
        .request("GET", "Payments?page=1")
        .header("If-Modified-Since", "2026-11-22T02:00:30");
    let rows = value(&world.handle(&since));
    assert_eq!(rows["pagination"]["itemCount"], 1);
    assert_eq!(rows["Payments"][0]["Status"], "DELETED");
    assert_eq!(rows["Payments"][0]["PaymentType"], "ACCPAYPAYMENT");
    let id = invoice["InvoiceID"].as_str().unwrap();
    let filter = format!(r#"Invoice.InvoiceID==guid("{id}") AND Status=="AUTHORISED""#);
    let filter: String = url::form_urlencoded::byte_serialize(filter.as_bytes()).collect();
    let rows = value(&xero.get(&format!("Payments?where={filter}")));
    assert_eq!(rows["Payments"].as_array().unwrap().len(), 1);
    assert_eq!(rows["Payments"][0]["Amount"], json!(1.0));
    let id = paid["PaymentID"].as_str().unwrap();
    let one = value(&xero.get(&format!("Payments/{id}")));
    assert_eq!(one["Payments"][0]["Invoice"]["InvoiceNumber"], "SUP-1");
}

#[test]
fn payments_are_refused_in_xeros_words() {
    type Change = fn(&mut Value);
    let too_much = "Payment amount exceeds the amount outstanding on this document";
    let cases: &[(Change, &[&str])] = &[
        (|it| it["Amount"] = json!("44.01"), &[too_much]),
        (
            |it| it["Amount"] = json!(0),
            &["The payment amount must be greater than zero"],
        ),
        (
            |it| it["Account"] = json!(null),
            &["You must specify an Account code or Account ID for the payment."],
        ),
        (
            |it| it["Account"] = json!({ "Code": "999" }),
            &["Account could not be found"],
        ),
        (
            |it| it["Account"] = json!({ "Code": "200" }),
            &["Account type is invalid for making a payment to/from"],
        ),
        (
            |it| it["Date"] = json!("2026-08-31"),
            &[
                "The document date cannot be before the period lock date, currently set at 31-Aug-2026",
            ],
        ),
        (
            |it| it["Prepayment"] = json!({ "PrepaymentID": "x" }),
            &["Exactly one of Invoice, CreditNote, Prepayment and Overpayment must be specified"],
        ),
        (
            |it| {
                it["Invoice"] = json!({ "InvoiceID": "11111111-1111-4111-8111-111111111111" });
            },
            &["An existing invoice with the specified ID could not be found"],
        ),
    ];
    for (change, texts) in cases {
        let world = small();
        let xero = Xero::new(&world);
        let invoice = xero.put_one("Invoices", &xero.invoice("ACCREC", "INV-9"));
        let mut sent = payment(&invoice, "44.00");
        change(&mut sent);
        let element = xero.put_one("Payments", &sent);
        assert_eq!(&messages(&element, "ValidationErrors"), texts, "{sent}");
        assert!(world.xero(TENANT).payments().is_empty());
    }
    let world = small();
    let xero = Xero::new(&world);
    let mut draft = xero.invoice("ACCREC", "INV-9");
    draft["Status"] = json!("DRAFT");
    let draft = xero.put_one("Invoices", &draft);
    let element = xero.put_one("Payments", &payment(&draft, "1.00"));
    assert_eq!(
        messages(&element, "ValidationErrors"),
        [
            "Payments can only be made against Authorised documents",
            too_much
        ]
    );
}

#[test]
fn reconciled_and_batched_payments_stay() {
    let world = small();
    let xero = Xero::new(&world);
    let invoice = xero.put_one("Invoices", &xero.invoice("ACCREC", "INV-9"));
    let gone = json!({ "Status": "DELETED" });
    let mut sent = payment(&invoice, "1.00");
    sent["IsReconciled"] = json!(true);
    let paid = xero.put_one("Payments", &sent);
    assert_eq!(paid["IsReconciled"], true);
    let (_, element) = xero.post_one("Payments", &paid["PaymentID"], &gone);
    assert_eq!(
        messages(&element, "ValidationErrors"),
        ["This payment has been reconciled and cannot be deleted"]
    );
    let batch = json!({ "BatchPaymentID": "22222222-2222-4222-8222-222222222222",
        "IsReconciled": false });
    let books = world.xero(TENANT);
    books.edit("payments", "R-1", batch).unwrap();
    let (_, element) = xero.post_one("Payments", &paid["PaymentID"], &gone);
    assert_eq!(
        messages(&element, "ValidationErrors"),
        ["Payments within a batch cannot be deleted."]
    );
    let id = paid["PaymentID"].as_str().unwrap();
    let shown = value(&xero.get(&format!("Payments/{id}")));
    assert_eq!(
        shown["Payments"][0]["BatchPayment"]["BatchPaymentID"],
        "22222222-2222-4222-8222-222222222222"
    );
    let reply = xero.send(
        "PUT",
        &format!("Payments/{id}/History"),
        &json!({ "HistoryRecords": [{ "Details": "x" }] }),
    );
    assert_eq!(reply.status, 200);
}

#[test]
fn a_refund_uses_a_credit_note_up() {
    let world = small();
    let xero = Xero::new(&world);
    let note = xero.put_note(&xero.note("CN-1"));
    let refund = json!({ "CreditNote": { "CreditNoteID": note["CreditNoteID"] },
        "Account": { "Code": "625" }, "Date": "2026-11-20", "Amount": 44 });
    let saved = xero.put_one("Payments", &refund);
    assert_eq!(saved["PaymentType"], "ARCREDITPAYMENT", "{saved}");
    let held = world.xero(TENANT).credit_note("CN-1").unwrap();
    assert_eq!(held["Status"], "PAID");
    let invoice = xero.put_one("Invoices", &xero.invoice("ACCREC", "INV-9"));
    let reply = value(&xero.allocate(&note, &invoice, "1"));
    assert_eq!(
        messages(&reply["Elements"][0], "ValidationErrors"),
        ["Credit Note cannot be allocated as amount is greater than amount outstanding"]
    );
}

#[test]
fn one_payment_made_twice_is_a_duplicate() {
    let world = small();
    let xero = Xero::new(&world);
    let invoice = xero.put_one("Invoices", &xero.invoice("ACCPAY", "SUP-1"));
    xero.put_one("Invoices", &xero.invoice("ACCPAY", "sup-1"));
    xero.put_one("Payments", &payment(&invoice, "1.00"));
    let kinds = || {
        let found = world.duplicates();
        found.iter().map(|it| it.kind).collect::<Vec<_>>()
    };
    assert_eq!(kinds(), ["invoices"], "one supplier, one number");
    xero.put_one("Payments", &payment(&invoice, "2.00"));
    assert_eq!(kinds(), ["invoices"]);
    xero.put_one("Payments", &payment(&invoice, "1.00"));
    assert_eq!(kinds(), ["invoices", "payments"]);
}

#[test]
fn the_scope_of_payments_is_their_own() {
    let world = small();
    let mut xero = Xero::new(&world);
    xero.token = crate::support::token_for(&world, "accounting.invoices accounting.payments.read");
    assert_eq!(xero.get("Payments").status, 200);
    assert_eq!(xero.get("Invoices").status, 200);
    assert_eq!(xero.send("PUT", "Payments", &json!({})).status, 401);
    assert_eq!(xero.get("ManualJournals").status, 401);
    assert_eq!(xero.get("Reports/TrialBalance").status, 401);
}
