//! Credit notes used up against invoices.

use serde_json::{Value, json};

use crate::support::{TENANT, Xero, messages, planted, small, value};

fn target(note: &Value) -> String {
    let id = note["CreditNoteID"].as_str().unwrap();
    format!("CreditNotes/{id}/Allocations")
}

fn allocation(invoice: &Value, amount: &str) -> Value {
    json!({ "Amount": amount, "Date": "2026-11-20", "Invoice": { "InvoiceID": invoice["InvoiceID"] } })
}

fn pair(xero: &Xero) -> (Value, Value) {
    let mut invoice = xero.invoice("ACCREC", "INV-9");
    invoice["Date"] = json!("2026-11-10");
    let invoice = xero.put_one("Invoices", &invoice);
    (xero.put_note(&xero.note("CN-1")), invoice)
}

#[test]
fn both_documents_follow_an_allocation_and_its_end() {
    let world = small();
    let xero = Xero::new(&world);
    let (note, invoice) = pair(&xero);
    world.advance_seconds(60);
    let reply = xero.allocate(&note, &invoice, "14.00");
    assert_eq!(reply.status, 200, "{}", reply.body_text());
    let rest =
        json!({ "Allocations": [allocation(&invoice, "10.00"), allocation(&invoice, "20.00")] });
    let reply = value(&xero.send("PUT", &target(&note), &rest));
    assert_eq!(reply["Allocations"].as_array().unwrap().len(), 2);
    let one = &reply["Allocations"][1];
    assert_eq!(
        one["Date"], "/Date(1794268800000+0000)/",
        "the later document's date"
    );
    let books = world.xero(TENANT);
    let held = |number: &str| books.invoice(number).unwrap();
    assert_eq!(held("INV-9")["Status"], "PAID");
    assert_eq!(held("INV-9")["AmountDue"], "0.00");
    assert_eq!(held("INV-9")["AmountCredited"], "44.00");
    assert_eq!(held("INV-9")["FullyPaidOnDate"], "2026-11-10");
    assert_eq!(held("INV-9")["UpdatedDateUTC"], "2026-11-22T02:01:00Z");
    assert_eq!(books.credit_note("CN-1").unwrap()["Status"], "PAID");
    let shown = &value(&xero.get("Invoices/INV-9"))["Invoices"][0];
    assert_eq!(shown["CreditNotes"][0]["AppliedAmount"], json!(44.0));

    let gone = format!(
        "{}/{}",
        target(&note),
        one["AllocationID"].as_str().unwrap()
    );
    let reply = xero.world.handle(&xero.request("DELETE", &gone));
    let body = value(&reply);
    assert_eq!((reply.status, &body["IsDeleted"]), (200, &json!(true)));
    assert!(body.get("Allocations").is_none(), "there is no envelope");
    assert_eq!(held("INV-9")["Status"], "AUTHORISED");
    assert_eq!(held("INV-9")["AmountDue"], "20.00");
    assert!(held("INV-9").get("FullyPaidOnDate").is_none());
    let note = books.credit_note("CN-1").unwrap();
    assert_eq!(
        (&note["Status"], &note["RemainingCredit"]),
        (&json!("AUTHORISED"), &json!("20.00"))
    );
    assert_eq!(
        xero.world.handle(&xero.request("DELETE", &gone)).status,
        404
    );
}

#[test]
fn allocations_are_refused_in_xeros_words() {
    type Change = fn(&Xero, &mut Value, &mut Value);
    let cases: &[(Change, &str, &str)] = &[
        (
            |_, _, _| {},
            "44.01",
            "Credit Note cannot be allocated as amount is greater than amount outstanding",
        ),
        (
            |_, _, _| {},
            "0",
            "The allocation amount must be greater than zero",
        ),
        (
            |_, note, _| note["Status"] = json!("DRAFT"),
            "1",
            "Allocations can only be made from Authorised Credit Notes",
        ),
        (
            |_, _, invoice| invoice["Status"] = json!("DRAFT"),
            "1",
            "Allocations can only be made to Authorised invoices",
        ),
        (
            |_, _, invoice| invoice["Type"] = json!("ACCPAY"),
            "1",
            "Credit Note cannot be allocated to an incorrect invoice type",
        ),
        (
            |_, _, invoice| invoice["Contact"] = json!({ "Name": "Other Ltd" }),
            "1",
            "The contacts of the Credit Note and the invoice do not match",
        ),
        (
            |_, _, invoice| invoice["CurrencyCode"] = json!("USD"),
            "1",
            "The currencies of the Credit Note and the invoice do not match",
        ),
        (
            |xero, _, _| {
                let lock = json!({ "PeriodLockDate": "2026-11-15" });
                xero.world
                    .xero(TENANT)
                    .edit("organisation", "", lock)
                    .unwrap();
            },
            "1",
            "The document date cannot be before the period lock date, currently set at 15-Nov-2026",
        ),
    ];
    for (change, amount, text) in cases {
        let world = small();
        let xero = Xero::new(&world);
        let (mut note, mut invoice) = (xero.note("CN-1"), xero.invoice("ACCREC", "INV-9"));
        let locked = text.contains("lock date");
        if !locked {
            change(&xero, &mut note, &mut invoice);
        }
        let (note, invoice) = (xero.put_note(&note), xero.put_one("Invoices", &invoice));
        if locked {
            change(&xero, &mut json!({}), &mut json!({}));
        }
        let reply = xero.allocate(&note, &invoice, amount);
        assert_eq!(reply.status, 400, "{text}");
        let errors = messages(&value(&reply)["Elements"][0], "ValidationErrors");
        assert!(errors.contains(&(*text).to_owned()), "{text}: {errors:?}");
        let held = world.xero(TENANT).credit_note("CN-1").unwrap();
        assert_eq!(held["Allocations"], json!([]), "{text}");
    }
}

#[test]
fn a_paid_invoice_takes_no_more_and_a_batch_is_taken_back_as_one() {
    let world = small();
    let xero = Xero::new(&world);
    let (note, invoice) = pair(&xero);
    let both =
        json!({ "Allocations": [allocation(&invoice, "44.00"), allocation(&invoice, "1.00")] });
    let reply = xero.send("PUT", &target(&note), &both);
    assert_eq!(reply.status, 400);
    let errors = messages(&value(&reply)["Elements"][0], "ValidationErrors");
    assert_eq!(
        errors[0],
        "The invoice you are trying to allocate to has already been paid off"
    );
    let held = world.xero(TENANT).invoice("INV-9").unwrap();
    assert_eq!(held["AmountDue"], "44.00", "nothing was kept");
    let each = format!("{}?summarizeErrors=false", target(&note));
    let reply = value(&xero.send("PUT", &each, &both));
    assert_eq!(reply["Allocations"][0]["StatusAttributeString"], "OK");
    assert_eq!(reply["Allocations"][1]["StatusAttributeString"], "ERROR");
    let array = json!([allocation(&invoice, "1")]);
    let reply = value(&xero.send("PUT", &target(&note), &array));
    assert_eq!(reply["ErrorNumber"], 17);
}

#[test]
fn a_merge_moves_invoices_and_a_state_file_keeps_allocations() {
    let world = small();
    let xero = Xero::new(&world);
    let (note, invoice) = pair(&xero);
    xero.allocate(&note, &invoice, "14.00");
    let merge = json!({ "MergedToContactID": xero.contact_id("Gone Ltd") });
    world
        .xero(TENANT)
        .edit("contacts", "Acme Ltd", merge)
        .unwrap();
    let text = world.save().unwrap();
    let clock = sandbox::Clock::frozen(world.now());
    let again = sandbox::World::load(&text, clock).unwrap();
    let held = again.xero(TENANT).invoice("INV-9").unwrap();
    assert_eq!(held, world.xero(TENANT).invoice("INV-9").unwrap());
    assert_eq!(held["AmountDue"], "30.00");
    assert_eq!(held["ContactID"], json!(xero.contact_id("Gone Ltd")));
    assert_eq!(again.save().unwrap(), text);
}

#[test]
fn a_seed_holds_invoices() {
    let mut seed = sandbox::Seed::small().unwrap();
    seed.xero.organisations[0].invoices.push(
        sandbox::json::Json::parse(
            r#"{ "Type": "ACCPAY", "Contact": { "Name": "Acme Ltd" }, "InvoiceNumber": "S-1",
                "Date": "2026-08-01", "DueDate": "2026-09-01", "Status": "AUTHORISED",
                "LineItems": [{ "Description": "Tea", "UnitAmount": "10", "AccountCode": "310" }] }"#,
        )
        .unwrap(),
    );
    let world = planted(&seed);
    assert_eq!(world.xero(TENANT).invoice("S-1").unwrap()["Total"], "11.00");
}
