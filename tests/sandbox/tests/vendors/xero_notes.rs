//! Creating credit notes: amounts, tax, and every reason to refuse one.

use sandbox::Seed;
use serde_json::{Value, json};

use crate::support::{TENANT, Xero, messages, planted, small, value};

#[test]
fn tax_is_rounded_line_by_line() {
    let world = small();
    let xero = Xero::new(&world);
    let line = |quantity: Value, unit: Value| {
        json!({ "Description": "x", "Quantity": quantity, "UnitAmount": unit,
                "AccountCode": "200", "TaxType": "OUTPUT" })
    };
    // Half a cent goes away from zero on each line: 1.235 is 1.24.
    let cases = [
        ("Exclusive", "24.70", "2.48", "27.18"),
        ("Inclusive", "22.46", "2.24", "24.70"),
        ("NoTax", "24.70", "0.00", "24.70"),
    ];
    for (types, sub_total, tax, total) in cases {
        let mut note = xero.note(types);
        note["LineAmountTypes"] = json!(types);
        note["LineItems"] = json!([line(json!(1), json!(12.35)), line(json!(1), json!("12.35"))]);
        if types == "NoTax" {
            note["LineItems"][0]["TaxType"] = json!("NONE");
            note["LineItems"][1]
                .as_object_mut()
                .unwrap()
                .remove("TaxType");
        }
        let saved = xero.put_note(&note);
        assert_eq!(saved["StatusAttributeString"], "OK", "{saved}");
        let held = world.xero(TENANT).credit_note(types).unwrap();
        assert_eq!(held["SubTotal"], sub_total, "{types}");
        assert_eq!(held["TotalTax"], tax, "{types}");
        assert_eq!(held["Total"], total, "{types}");
        assert_eq!(held["RemainingCredit"], total, "{types}");
    }
}

#[test]
fn unit_amounts_keep_four_decimals_only_when_asked() {
    let world = small();
    let xero = Xero::new(&world);
    let mut note = xero.note("CN-4");
    note["LineItems"][0]["Quantity"] = json!(3);
    note["LineItems"][0]["UnitAmount"] = json!(12.345_678);
    for (query, unit, amount) in [("?unitdp=4", "12.3456", "37.04"), ("", "12.35", "37.05")] {
        note["CreditNoteNumber"] = json!(format!("CN{query}"));
        let reply = xero.send("PUT", &format!("CreditNotes{query}"), &note);
        assert_eq!(
            reply.status,
            200,
            "a bare object will do: {}",
            reply.body_text()
        );
        let text = reply.body_text();
        assert!(text.contains(&format!("\"UnitAmount\":{unit},")), "{text}");
        assert!(
            text.contains(&format!("\"LineAmount\":{amount},")),
            "{text}"
        );
        assert!(text.contains("\"Quantity\":3.0000"), "{text}");
    }
}

#[test]
fn answers_have_both_forms_of_dates() {
    let world = small();
    let xero = Xero::new(&world);
    let saved = xero.put_note(&xero.note("CN-D"));
    assert_eq!(saved["DateString"], "2026-11-03T00:00:00");
    assert_eq!(saved["Date"], "/Date(1793664000000+0000)/");
    assert_eq!(saved["UpdatedDateUTC"], "/Date(1795312800000+0000)/");
    let text = xero.get("CreditNotes/CN-D").body_text();
    assert!(
        text.contains(r#""Date":"\/Date(1793664000000+0000)\/""#),
        "{text}"
    );
}

/// One change to a good note, and what is said of it.
fn refused(change: impl Fn(&mut Value), errors: &[&str]) {
    outcome(change, "ERROR", "ValidationErrors", errors);
}

fn warned(change: impl Fn(&mut Value), warnings: &[&str]) {
    outcome(change, "WARNING", "Warnings", warnings);
}

fn outcome(change: impl Fn(&mut Value), status: &str, list: &str, expected: &[&str]) {
    let world = small();
    let xero = Xero::new(&world);
    let mut note = xero.note("CN-1");
    change(&mut note);
    let element = xero.put_note(&note);
    assert_eq!(messages(&element, list), expected, "{note}");
    assert_eq!(element["StatusAttributeString"], status, "{note}");
    let failed = status == "ERROR";
    assert_eq!(element["HasErrors"], failed);
    let zero = element["CreditNoteID"] == "00000000-0000-0000-0000-000000000000";
    assert_eq!(zero, failed);
    assert_eq!(world.xero(TENANT).credit_note_count(), usize::from(!failed));
}

#[test]
fn bad_notes_are_refused_in_xeros_words() {
    refused(
        |it| it["LineItems"][0]["AccountCode"] = json!("999"),
        &["Account code '999' is not a valid code for this document."],
    );
    refused(
        |it| it["LineItems"][0]["AccountCode"] = json!("610"),
        &["Account code '610' is not a valid code for this document."],
    );
    refused(
        |it| it["LineItems"][0]["AccountCode"] = json!("091"),
        &["Account code '091' is not a valid code for this document."],
    );
    refused(
        |it| {
            let line = it["LineItems"][0].as_object_mut().unwrap();
            line.remove("AccountCode");
            line.remove("TaxType");
        },
        &[
            "Account code or ID must be specified",
            "The TaxType field is mandatory",
        ],
    );
    refused(
        |it| it["LineItems"][0]["TaxType"] = json!("GST on Income"),
        &[
            "The TaxType code GST on Income does not exist or cannot be used for this type of transaction.",
        ],
    );
    refused(
        |it| it["LineItems"][0]["TaxType"] = json!("INPUT"),
        &["The TaxType code 'INPUT' cannot be used with account code '200'."],
    );
    refused(
        |it| it["LineItems"][0]["Tracking"] = json!([{ "Name": "Region", "Option": "Nowhere" }]),
        &[
            "Unknown tracking details. A Tracking Category did not match a known Active TrackingCategory",
        ],
    );
    refused(
        |it| it["LineItems"][0]["LineAmount"] = json!(1),
        &["The line total 1.00 does not match the expected line total 40.00"],
    );
    refused(
        |it| it["LineItems"][0]["TaxAmount"] = json!(50),
        &["The tax amount cannot be greater than the line amount"],
    );
    refused(
        |it| it["LineItems"][0]["UnitAmount"] = json!(0.00001),
        &["Account must be valid.", "Tax rate must be valid."],
    );
    refused(
        |it| it["LineItems"] = json!([]),
        &["One or more line items must be specified"],
    );
    refused(
        |it| it["CurrencyCode"] = json!("EUR"),
        &["Organisation is not subscribed to currency EUR"],
    );
    refused(
        |it| it["Contact"] = json!({}),
        &[
            "The Contact must contain at least 1 of the following elements to identify the contact: Name, ContactID, ContactNumber",
        ],
    );
    refused(
        |it| {
            it.as_object_mut().unwrap().remove("Contact");
        },
        &["A Contact must be specified for this type of transaction"],
    );
    refused(
        |it| it["Date"] = json!("2026-06-30"),
        &[
            "The document date cannot be before the period lock date, currently set at 31-Aug-2026",
            "The document date cannot be before the end of year lock date, currently set at 30-Jun-2026",
        ],
    );
    refused(
        |it| it["Status"] = json!("PAID"),
        &["Credit Note not of valid status for creation"],
    );
}

#[test]
fn drafts_are_taken_where_approved_notes_are_not() {
    let draft = |it: &mut Value| it["Status"] = json!("DRAFT");
    warned(
        |it| {
            draft(it);
            it["LineItems"][0]["AccountCode"] = json!("999");
        },
        &["Account code '999' has been removed as it does not match a recognised account."],
    );
    let world = small();
    let xero = Xero::new(&world);
    let mut locked = xero.note("CN-L");
    draft(&mut locked);
    locked["Date"] = json!("2026-06-30");
    assert_eq!(xero.put_note(&locked)["StatusAttributeString"], "OK");
    let mut bare = xero.note("CN-E");
    draft(&mut bare);
    bare.as_object_mut().unwrap().remove("LineItems");
    assert_eq!(xero.put_note(&bare)["StatusAttributeString"], "OK");
}

#[test]
fn numbers_are_unique_among_sales_credit_notes_alone() {
    let world = small();
    let xero = Xero::new(&world);
    let mut note = xero.note("CN-1");
    note["Type"] = json!("ACCPAYCREDIT");
    note["LineItems"][0]["AccountCode"] = json!("400");
    note["LineItems"][0]["TaxType"] = json!("INPUT");
    for _ in 0..2 {
        assert_eq!(xero.put_note(&note)["StatusAttributeString"], "OK");
    }
    let sales = xero.note("CN-1");
    assert_eq!(xero.put_note(&sales)["StatusAttributeString"], "OK");
    let again = xero.put_note(&xero.note("cn-1"));
    assert_eq!(
        messages(&again, "ValidationErrors"),
        ["Credit Note # must be unique."]
    );
    let given = xero.put_note(&xero.note(""));
    assert_eq!(given["CreditNoteNumber"], "CN-0001");
}

#[test]
fn without_summarize_errors_one_bad_element_refuses_all() {
    let world = small();
    let xero = Xero::new(&world);
    let mut bad = xero.note("CN-2");
    bad["LineItems"][0]["AccountCode"] = json!("999");
    bad["Contact"] = json!({ "Name": "Brand New Ltd" });
    let body = json!({ "CreditNotes": [xero.note("CN-1"), bad, xero.note("CN-3")] });
    let reply = xero.send("PUT", "CreditNotes", &body);
    assert_eq!(reply.status, 400);
    let error = value(&reply);
    assert_eq!(error["ErrorNumber"], 10);
    assert_eq!(error["Type"], "ValidationException");
    assert_eq!(error["Elements"].as_array().unwrap().len(), 1);
    assert_eq!(error["Elements"][0]["CreditNoteNumber"], "CN-2");
    assert_eq!(world.xero(TENANT).credit_note_count(), 0, "nothing saved");
    let made = |it: &Value| it["Name"] == "Brand New Ltd";
    assert!(
        !world.xero(TENANT).contacts().iter().any(made),
        "no contact left behind"
    );

    let reply = xero.send("PUT", "CreditNotes?SummarizeErrors=false", &body);
    assert_eq!(reply.status, 200);
    let each: Vec<_> = value(&reply)["CreditNotes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["StatusAttributeString"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(each, ["OK", "ERROR", "OK"]);
    assert_eq!(world.xero(TENANT).credit_note_count(), 2);
}

#[test]
fn what_cannot_be_bound_refuses_the_whole_request() {
    let world = small();
    let xero = Xero::new(&world);
    let with = |change: fn(&mut Value)| {
        let mut note = xero.note("CN-1");
        change(&mut note);
        json!({ "CreditNotes": [xero.note("CN-0"), note] })
    };
    let cases: Vec<(Value, u16, i64)> = vec![
        (
            with(|it| it["LineItems"][0]["AccountCode"] = json!(200)),
            400,
            14,
        ),
        (with(|it| it["LineAmountTypes"] = json!("NO_TAX")), 400, 14),
        (
            with(|it| it["LineAmountTypes"] = json!("exclusive")),
            400,
            14,
        ),
        (with(|it| it["Type"] = json!("ACCREC")), 400, 14),
        (with(|it| it["Date"] = json!("20100510")), 400, 14),
        (with(|it| it["LineItems"] = json!("none")), 400, 14),
        (
            with(|it| it["Contact"]["ContactID"] = json!("five")),
            400,
            14,
        ),
        (json!({ "Invoices": [] }), 400, 17),
        (json!({ "CreditNotes": [] }), 400, 17),
        (json!([xero.note("CN-1")]), 400, 17),
    ];
    for (body, status, number) in cases {
        let reply = xero.send("PUT", "CreditNotes?summarizeErrors=false", &body);
        assert_eq!(reply.status, status, "{body}");
        assert_eq!(value(&reply)["ErrorNumber"], number, "{body}");
    }
    let tracking = with(|it| it["LineItems"][0]["Tracking"] = json!({ "Name": "Region" }));
    let reply = xero.send("PUT", "CreditNotes?summarizeErrors=false", &tracking);
    assert_eq!(reply.status, 500);

    let unknown = with(|it| {
        it["Contact"]["ContactID"] = json!("11111111-1111-4111-8111-111111111111");
    });
    let reply = xero.send("PUT", "CreditNotes?summarizeErrors=false", &unknown);
    assert_eq!(
        (reply.status, reply.header_value("content-type")),
        (404, Some("text/plain; charset=utf-8"))
    );
    assert_eq!(
        world.xero(TENANT).credit_note_count(),
        0,
        "no element of any of them"
    );
}

#[test]
fn archived_and_merged_contacts_get_no_documents() {
    let world = small();
    let xero = Xero::new(&world);
    let mut note = xero.note("CN-1");
    note["Contact"]["ContactID"] = json!(xero.contact_id("Gone Ltd"));
    let text = "The contact with the specified contact details has been archived. The contact must be un-archived before creating new invoices or credit notes.";
    assert_eq!(messages(&xero.put_note(&note), "ValidationErrors"), [text]);

    let (loser, winner) = (xero.contact_id("Acme Ltd"), {
        let body = json!({ "Contacts": [{ "Name": "Acme Holdings" }] });
        value(&xero.send("PUT", "Contacts", &body))["Contacts"][0]["ContactID"].clone()
    });
    let before = xero.put_note(&xero.note("CN-0"));
    world
        .xero(TENANT)
        .edit("contacts", &loser, json!({ "MergedToContactID": winner }))
        .unwrap();
    let mut late = note.clone();
    late["Contact"]["ContactID"] = json!(loser);
    assert_eq!(messages(&xero.put_note(&late), "ValidationErrors"), [text]);
    let shown = value(&xero.get(&format!("Contacts/{loser}")))["Contacts"][0].clone();
    assert_eq!(shown["ContactStatus"], "ARCHIVED");
    assert_eq!(shown["MergedToContactID"], winner);
    let id = before["CreditNoteID"].as_str().unwrap();
    let moved = value(&xero.get(&format!("CreditNotes/{id}")))["CreditNotes"][0].clone();
    assert_eq!(moved["Contact"]["ContactID"], winner);
}

#[test]
fn foreign_notes_keep_their_rate_or_take_the_days() {
    let world = small();
    let xero = Xero::new(&world);
    let mut note = xero.note("CN-1");
    note["CurrencyCode"] = json!("USD");
    let cases = [
        (json!(null), "0.65", "OK"),
        (json!(0.66), "0.660000", "OK"),
        (json!(1.538_462), "1.538462", "WARNING"),
    ];
    for (at, (rate, expected, status)) in cases.into_iter().enumerate() {
        note["CreditNoteNumber"] = json!(format!("CN-{at}"));
        note["CurrencyRate"] = rate;
        let saved = xero.put_note(&note);
        assert_eq!(saved["StatusAttributeString"], status, "{saved}");
        let held = world.xero(TENANT).credit_note(&format!("CN-{at}")).unwrap();
        assert_eq!(held["CurrencyRate"], expected);
    }
}

#[test]
fn switches_choose_the_other_reading() {
    let mut seed = Seed::small().unwrap();
    let switches = &mut seed.xero.organisations[0].switches;
    *switches = serde_json::from_value(json!({
        "unknown-tracking": "drop",
        "unknown-contact-fails-request": false,
        "adviser": true,
        "archived-account-on-draft": "warning",
    }))
    .unwrap();
    let world = planted(&seed);
    let xero = Xero::new(&world);
    let mut note = xero.note("CN-1");
    note["LineItems"][0]["Tracking"] = json!([{ "Name": "Region", "Option": "Nowhere" }]);
    note["Date"] = json!("2026-08-01");
    let saved = xero.put_note(&note);
    assert_eq!(
        saved["StatusAttributeString"], "OK",
        "an adviser passes the period lock: {saved}"
    );
    assert_eq!(saved["LineItems"][0]["Tracking"], json!([]));

    world
        .xero(TENANT)
        .edit("accounts", "260", json!({ "Status": "ARCHIVED" }))
        .unwrap();
    let mut draft = xero.note("CN-2");
    draft["Status"] = json!("DRAFT");
    draft["LineItems"][0]["AccountCode"] = json!("260");
    let saved = xero.put_note(&draft);
    assert_eq!(saved["StatusAttributeString"], "WARNING");
    assert_eq!(saved["LineItems"][0].get("AccountCode"), None);

    let mut unknown = xero.note("CN-3");
    unknown["Contact"]["ContactID"] = json!("11111111-1111-4111-8111-111111111111");
    assert_eq!(xero.put_note(&unknown)["StatusAttributeString"], "ERROR");
}
