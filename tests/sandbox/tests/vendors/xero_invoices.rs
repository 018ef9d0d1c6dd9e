//! Invoices and bills: creating, changing, listing.

use serde_json::{Value, json};

use crate::support::{TENANT, Xero, messages, small, value};

fn post(xero: &Xero, id: &Value, body: &Value) -> (u16, Value) {
    xero.post_one("Invoices", id, body)
}

#[test]
fn a_sales_invoice_and_a_bill_are_created() {
    let world = small();
    let xero = Xero::new(&world);
    let saved = xero.put_one("Invoices", &xero.invoice("ACCREC", "INV-9"));
    assert_eq!(saved["StatusAttributeString"], "OK", "{saved}");
    assert_eq!(saved["Status"], "AUTHORISED");
    assert_eq!(saved["Total"], json!(44.0));
    assert_eq!(saved["AmountDue"], json!(44.0));
    assert_eq!(saved["AmountPaid"], json!(0.0));
    assert_eq!(saved["Reference"], "SO-1");
    assert_eq!(saved["DueDateString"], "2026-12-03T00:00:00");
    let bill = xero.put_one("Invoices", &xero.invoice("ACCPAY", "SUP-1"));
    assert_eq!(bill["Reference"], "", "bills have none");
    let again = xero.put_one("Invoices", &xero.invoice("ACCPAY", "SUP-1"));
    assert_eq!(
        again["StatusAttributeString"], "OK",
        "numbers of bills repeat"
    );
    let again = xero.put_one("Invoices", &xero.invoice("ACCREC", "inv-9"));
    assert_eq!(
        messages(&again, "ValidationErrors"),
        ["Invoice # must be unique."]
    );
    let contact = xero.get(&format!("Contacts/{}", xero.contact_id("Acme Ltd")));
    let contact = &value(&contact)["Contacts"][0];
    assert_eq!(
        (&contact["IsCustomer"], &contact["IsSupplier"]),
        (&json!(true), &json!(true))
    );
}

#[test]
fn numbers_are_given_to_sales_invoices_alone() {
    let world = small();
    let xero = Xero::new(&world);
    xero.put_one("Invoices", &xero.invoice("ACCREC", "INV-0001"));
    let auto = xero.put_one("Invoices", &xero.invoice("ACCREC", ""));
    assert_eq!(auto["InvoiceNumber"], "INV-0002");
    let bill = xero.put_one("Invoices", &xero.invoice("ACCPAY", ""));
    assert_eq!(bill["InvoiceNumber"], "");
}

#[test]
fn bad_invoices_are_refused_in_xeros_words() {
    type Change = fn(&mut Value);
    let cases: &[(Change, &str)] = &[
        (
            |it| it["DueDate"] = json!(null),
            "The document DueDate field must be specified",
        ),
        (
            |it| it["LineItems"] = json!([]),
            "One or more line items must be specified",
        ),
        (
            |it| it["Status"] = json!("PAID"),
            "Invoice not of valid status for creation",
        ),
        (
            |it| it["Type"] = json!("ACCRECCREDIT"),
            "Invoice not of valid type for creation",
        ),
        (
            |it| it["CurrencyCode"] = json!("EUR"),
            "Organisation is not subscribed to currency EUR",
        ),
        (
            |it| it["Date"] = json!("2026-08-31"),
            "The document date cannot be before the period lock date, currently set at 31-Aug-2026",
        ),
        (
            |it| it["LineItems"][0]["AccountCode"] = json!("610"),
            "Account code '610' is not a valid code for this document.",
        ),
        (
            |it| it["Url"] = json!("https://go.xero.com/x"),
            "Url must be absolute and must not contain the word xero",
        ),
    ];
    for (change, text) in cases {
        let world = small();
        let xero = Xero::new(&world);
        let mut invoice = xero.invoice("ACCREC", "INV-9");
        change(&mut invoice);
        let element = xero.put_one("Invoices", &invoice);
        assert_eq!(messages(&element, "ValidationErrors"), [*text], "{invoice}");
        assert_eq!(element["InvoiceID"], "00000000-0000-0000-0000-000000000000");
        assert!(world.xero(TENANT).invoices().is_empty());
    }
}

#[test]
fn a_draft_needs_no_due_date_until_it_is_approved() {
    let world = small();
    let xero = Xero::new(&world);
    let mut invoice = xero.invoice("ACCREC", "INV-9");
    invoice["Status"] = json!("DRAFT");
    invoice["DueDate"] = json!(null);
    invoice["SentToContact"] = json!(true);
    let draft = xero.put_one("Invoices", &invoice);
    assert_eq!(
        messages(&draft, "Warnings"),
        ["Only AUTHORISED invoices may have SentToContact updated."]
    );
    let id = &draft["InvoiceID"];
    let (status, element) = post(&xero, id, &json!({ "Status": "AUTHORISED" }));
    assert_eq!(status, 400);
    assert_eq!(
        messages(&element, "ValidationErrors"),
        ["The document DueDate field must be specified"]
    );
    let approve = json!({ "Status": "AUTHORISED", "DueDate": "2026-12-03" });
    assert_eq!(post(&xero, id, &approve).0, 200);
    assert_eq!(post(&xero, id, &json!({ "Status": "DELETED" })).0, 400);
    let (status, voided) = post(&xero, id, &json!({ "Status": "VOIDED" }));
    assert_eq!((status, &voided["AmountDue"]), (200, &json!(0.0)));
    let (_, element) = post(&xero, id, &json!({ "DueDate": "2026-12-04" }));
    assert_eq!(
        messages(&element, "ValidationErrors"),
        ["Invoice not of valid status for modification"]
    );
}

#[test]
fn discounts_come_off_sales_lines_alone() {
    let world = small();
    let xero = Xero::new(&world);
    let cases = [
        ("ACCREC", "DiscountRate", 19.8, 36.0),
        ("ACCREC", "DiscountAmount", 31.02, 28.2),
        ("ACCPAY", "DiscountRate", 44.0, 40.0),
    ];
    for (kind, name, total, amount) in cases {
        let mut invoice = xero.invoice(kind, &format!("{kind}{name}"));
        let rate = if name == "DiscountRate" { 10.0 } else { 11.8 };
        invoice["LineItems"][0][name] = json!(rate);
        let saved = xero.put_one("Invoices", &invoice);
        assert_eq!(
            saved["LineItems"][0]["LineAmount"],
            json!(amount),
            "{saved}"
        );
        let expected = if kind == "ACCREC" {
            amount * 1.1
        } else {
            total
        };
        let held = saved["Total"].as_f64().unwrap();
        assert!((held - expected).abs() < 0.005, "{held} {expected}");
    }
}

#[test]
fn lists_filter_by_their_own_parameters() {
    let world = small();
    let xero = Xero::new(&world);
    let first = xero.put_one("Invoices", &xero.invoice("ACCREC", "INV-A"));
    let mut draft = xero.invoice("ACCREC", "INV-B");
    draft["Status"] = json!("DRAFT");
    xero.put_one("Invoices", &draft);
    xero.put_one("Invoices", &xero.invoice("ACCPAY", "SUP-1"));
    let numbers = |query: &str| {
        let body = value(&xero.get(&format!("Invoices?{query}")));
        let rows = body["Invoices"].as_array().cloned().unwrap_or_default();
        rows.iter()
            .map(|it| it["InvoiceNumber"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
            .join(" ")
    };
    let encoded =
        |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let id = first["InvoiceID"].as_str().unwrap();
    let contact = xero.contact_id("Acme Ltd");
    let cases = [
        ("InvoiceNumbers=INV-A,SUP-1".to_owned(), 2),
        ("Statuses=DRAFT".to_owned(), 1),
        (format!("IDs={id}"), 1),
        (format!("ContactIDs={contact}"), 3),
        ("searchTerm=inv-".to_owned(), 2),
        (
            format!(
                "where={}",
                encoded(&format!(
                    r#"Type=="ACCPAY" AND InvoiceNumber=="SUP-1" AND Contact.ContactID==guid("{contact}")"#
                ))
            ),
            1,
        ),
        (format!("where={}", encoded("AmountDue>40")), 3),
    ];
    for (query, count) in cases {
        let found = numbers(&query);
        assert_eq!(found.split_whitespace().count(), count, "{query}: {found}");
    }
    let paged = value(&xero.get("Invoices?Statuses=AUTHORISED"));
    assert_eq!(paged["pagination"]["itemCount"], 2);
    assert_eq!(
        paged["Invoices"][0]["LineItems"].as_array().unwrap().len(),
        1
    );
    let summary = value(&xero.get("Invoices?summaryOnly=true"));
    assert!(summary["Invoices"][0].get("LineItems").is_none());
    assert_eq!(xero.get("Invoices?Statuses=NONE").status, 400);
    let single = value(&xero.get("Invoices/INV-A"));
    assert_eq!(single["Invoices"][0]["InvoiceID"], json!(id));
}

#[test]
fn a_collection_post_finds_sales_invoices_by_number() {
    let world = small();
    let xero = Xero::new(&world);
    let saved = xero.put_one("Invoices", &xero.invoice("ACCREC", "INV-9"));
    let change = json!({ "Invoices": [
        { "Type": "ACCREC", "InvoiceNumber": "INV-9", "Reference": "changed" },
        { "InvoiceID": "11111111-1111-4111-8111-111111111111", "Reference": "x" },
    ] });
    let reply = value(&xero.send("POST", "Invoices?summarizeErrors=false", &change));
    assert_eq!(reply["Invoices"][0]["InvoiceID"], saved["InvoiceID"]);
    assert_eq!(reply["Invoices"][0]["Reference"], "changed");
    assert_eq!(
        messages(&reply["Invoices"][1], "ValidationErrors"),
        ["An existing invoice with the specified ID could not be found"]
    );
    let reply = xero.send("POST", "Invoices", &change);
    assert_eq!(reply.status, 400, "one failure refuses all");
}

#[test]
fn money_closes_amounts_and_leaves_texts_open() {
    let world = small();
    let xero = Xero::new(&world);
    let saved = xero.put_one("Invoices", &xero.invoice("ACCREC", "INV-9"));
    let id = &saved["InvoiceID"];
    let line = &saved["LineItems"][0]["LineItemID"];
    let note = xero.put_note(&xero.note("CN-1"));
    assert_eq!(xero.allocate(&note, &saved, "10").status, 200);
    let allocated =
        "This document cannot be edited as it has a payment or credit note allocated to it.";
    let cases = [
        (
            json!({ "Reference": "R", "DueDate": "2027-01-01", "InvoiceNumber": "INV-10",
            "Url": "https://app.example/so/1" }),
            None,
        ),
        (
            json!({ "LineItems": [{ "LineItemID": line, "Description": "New", "AccountCode": "260",
            "Quantity": 2, "UnitAmount": 20 }] }),
            None,
        ),
        (
            json!({ "Status": "VOIDED" }),
            Some(
                "The status VOIDED cannot be applied to the invoice because it has payments or credit notes allocated to it.",
            ),
        ),
        (
            json!({ "Status": "DELETED" }),
            Some("Invoice not of valid status for modification"),
        ),
        (
            json!({ "Date": "2026-11-04" }),
            Some(
                "Date cannot be changed on an invoice that has payment or credit notes allocated to it.",
            ),
        ),
        (
            json!({ "LineItems": [{ "Description": "New" }] }),
            Some("To update fields on a paid invoice line item, you must supply a LineItemID"),
        ),
        (
            json!({ "LineItems": [{ "LineItemID": line, "UnitAmount": 30 }] }),
            Some(allocated),
        ),
        (json!({ "CurrencyCode": "USD" }), Some(allocated)),
    ];
    for (change, text) in cases {
        let (status, element) = post(&xero, id, &change);
        match text {
            None => assert_eq!(status, 200, "{change}: {element}"),
            Some(text) => assert!(
                messages(&element, "ValidationErrors").contains(&text.to_owned()),
                "{change}: {element}"
            ),
        }
    }
    let held = &value(&xero.get("Invoices/INV-10"))["Invoices"][0];
    assert_eq!(held["AmountDue"], json!(34.0));
    assert_eq!(held["LineItems"][0]["AccountCode"], "260");
    assert_eq!(held["LineItems"][0]["Description"], "New");
    let drop = json!({ "drop-amount-edits-when-paid": true });
    world.xero(TENANT).edit("switches", "", drop).unwrap();
    let change = json!({ "LineItems": [{ "LineItemID": line, "UnitAmount": 30 }] });
    let (status, element) = post(&xero, id, &change);
    assert_eq!((status, &element["Total"]), (200, &json!(44.0)));
}

#[test]
fn a_locked_invoice_is_not_touched() {
    let world = small();
    let xero = Xero::new(&world);
    let saved = xero.put_one("Invoices", &xero.invoice("ACCPAY", "SUP-1"));
    let lock = json!({ "PeriodLockDate": "2026-11-30" });
    world.xero(TENANT).edit("organisation", "", lock).unwrap();
    let (status, element) = post(
        &xero,
        &saved["InvoiceID"],
        &json!({ "DueDate": "2027-01-01" }),
    );
    assert_eq!(status, 400);
    let texts = messages(&element, "ValidationErrors");
    assert!(
        texts.contains(
            &"The document cannot be edited as it is currently dated before the period lock date"
                .to_owned()
        ),
        "{texts:?}"
    );
}

#[test]
fn an_idempotency_key_makes_one_invoice() {
    let world = small();
    let xero = Xero::new(&world);
    let body = json!({ "Invoices": [xero.invoice("ACCPAY", "SUP-1")] });
    let request = xero
        .sent("PUT", "Invoices", &body)
        .header("Idempotency-Key", "k");
    let first = world.handle(&request);
    let second = world.handle(&request);
    assert_eq!(first.body_text(), second.body_text());
    assert_eq!(world.xero(TENANT).invoices().len(), 1);
}

#[test]
fn invoices_have_a_history() {
    let world = small();
    let xero = Xero::new(&world);
    let saved = xero.put_one("Invoices", &xero.invoice("ACCREC", "INV-9"));
    let target = format!("Invoices/{}/History", saved["InvoiceID"].as_str().unwrap());
    let body = json!({ "HistoryRecords": [{ "Details": "From SO-1" }] });
    assert_eq!(xero.send("PUT", &target, &body).status, 200);
    let records = value(&xero.get(&target));
    assert_eq!(records["HistoryRecords"][0]["Details"], "From SO-1");
}
