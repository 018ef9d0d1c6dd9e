//! Changing credit notes: lines, statuses, locks, history.

use serde_json::{Value, json};

use crate::support::{TENANT, Xero, messages, small, value};

fn post(xero: &Xero, id: &Value, body: &Value) -> (u16, Value) {
    xero.post_one("CreditNotes", id, body)
}

#[test]
fn lines_left_out_are_deleted_and_lines_without_id_are_new() {
    let world = small();
    let xero = Xero::new(&world);
    let mut note = xero.note("CN-1");
    let line = note["LineItems"][0].clone();
    note["LineItems"] = json!([line, line, line]);
    let saved = xero.put_note(&note);
    let ids: Vec<_> = (0..3)
        .map(|at| saved["LineItems"][at]["LineItemID"].clone())
        .collect();
    let mut fresh = line.clone();
    fresh["Description"] = json!("New");
    let change = json!({ "LineItems": [
        { "LineItemID": ids[1], "Description": "Kept" },
        fresh,
    ] });
    world.advance_seconds(5);
    let (status, changed) = post(&xero, &saved["CreditNoteID"], &change);
    assert_eq!(status, 200, "{changed}");
    let lines = changed["LineItems"].as_array().unwrap();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["LineItemID"], ids[1]);
    assert_eq!(lines[0]["Description"], "Kept");
    assert_eq!(lines[0]["LineAmount"], json!(40.0));
    assert!(!ids.contains(&lines[1]["LineItemID"]));
    assert_eq!(changed["Total"], json!(88.0));
    assert_ne!(changed["UpdatedDateUTC"], saved["UpdatedDateUTC"]);
}

#[test]
fn the_status_machine_knows_its_steps() {
    let cases = [
        ("DRAFT", "AUTHORISED", true),
        ("DRAFT", "DELETED", true),
        ("DRAFT", "VOIDED", false),
        ("SUBMITTED", "DRAFT", true),
        ("AUTHORISED", "VOIDED", true),
        ("AUTHORISED", "DELETED", false),
        ("AUTHORISED", "DRAFT", false),
    ];
    for (from, to, allowed) in cases {
        let world = small();
        let xero = Xero::new(&world);
        let mut note = xero.note("CN-1");
        note["Status"] = json!(from);
        let saved = xero.put_note(&note);
        let (status, element) = post(&xero, &saved["CreditNoteID"], &json!({ "Status": to }));
        assert_eq!(status == 200, allowed, "{from} to {to}: {element}");
        if !allowed {
            let text = "Credit Note not of valid status for modification";
            assert_eq!(messages(&element, "ValidationErrors"), [text]);
            assert_eq!(
                element["CreditNoteID"], saved["CreditNoteID"],
                "the real id"
            );
        }
    }
}

#[test]
fn voided_and_deleted_notes_are_final_and_keep_their_number() {
    let world = small();
    let xero = Xero::new(&world);
    let saved = xero.put_note(&xero.note("CN-1"));
    let id = &saved["CreditNoteID"];
    assert_eq!(post(&xero, id, &json!({ "Status": "VOIDED" })).0, 200);
    assert_eq!(post(&xero, id, &json!({ "Reference": "x" })).0, 400);
    let again = xero.put_note(&xero.note("CN-1"));
    assert_eq!(
        messages(&again, "ValidationErrors"),
        ["Credit Note # must be unique."]
    );
}

#[test]
fn posting_to_the_collection_updates_by_id_or_number() {
    let world = small();
    let xero = Xero::new(&world);
    let saved = xero.put_note(&xero.note("CN-1"));
    let by_number = json!({ "CreditNotes": [{ "Type": "ACCRECCREDIT", "CreditNoteNumber": "CN-1",
        "Reference": "changed" }] });
    let reply = xero.send("POST", "CreditNotes?summarizeErrors=false", &by_number);
    assert_eq!(
        value(&reply)["CreditNotes"][0]["CreditNoteID"],
        saved["CreditNoteID"]
    );
    assert_eq!(value(&reply)["CreditNotes"][0]["Reference"], "changed");
    let unknown = json!({ "CreditNotes": [
        { "CreditNoteID": "11111111-1111-4111-8111-111111111111", "Reference": "x" },
        xero.note("CN-2"),
    ] });
    let reply = value(&xero.send("POST", "CreditNotes?summarizeErrors=false", &unknown));
    let text = "An existing Credit Note with the specified CreditNoteID could not be found";
    assert_eq!(
        messages(&reply["CreditNotes"][0], "ValidationErrors"),
        [text]
    );
    assert_eq!(reply["CreditNotes"][1]["StatusAttributeString"], "OK");
    assert_eq!(world.xero(TENANT).credit_note_count(), 2);
}

#[test]
fn a_draft_in_a_locked_period_cannot_be_approved_and_a_posted_one_not_touched() {
    let world = small();
    let xero = Xero::new(&world);
    let mut note = xero.note("CN-1");
    note["Status"] = json!("DRAFT");
    note["Date"] = json!("2026-08-31");
    let draft = xero.put_note(&note);
    let (status, element) = post(
        &xero,
        &draft["CreditNoteID"],
        &json!({ "Status": "AUTHORISED" }),
    );
    assert_eq!(status, 400);
    assert_eq!(
        messages(&element, "ValidationErrors"),
        ["The document date cannot be before the period lock date, currently set at 31-Aug-2026"]
    );

    let posted = xero.put_note(&xero.note("CN-2"));
    let lock = json!({ "PeriodLockDate": "2026-11-30", "EndOfYearLockDate": "2026-11-30" });
    world.xero(TENANT).edit("organisation", "", lock).unwrap();
    let (status, element) = post(
        &xero,
        &posted["CreditNoteID"],
        &json!({ "Status": "VOIDED" }),
    );
    assert_eq!(status, 400);
    assert_eq!(
        messages(&element, "ValidationErrors"),
        [
            "The document cannot be edited as it is currently dated before the period lock date",
            "The document cannot be edited as it is currently dated before the end of year lock date",
        ]
    );
}

#[test]
fn an_allocated_note_cannot_be_edited() {
    let world = small();
    let xero = Xero::new(&world);
    let saved = xero.put_note(&xero.note("CN-1"));
    let allocation = json!({ "Allocations": [{
        "AllocationID": "11111111-1111-4111-8111-111111111111",
        "InvoiceID": "22222222-2222-4222-8222-222222222222",
        "Amount": "44.00", "Date": "2026-11-20",
    }] });
    let held = world
        .xero(TENANT)
        .edit("credit_notes", "CN-1", allocation)
        .unwrap();
    assert_eq!(
        (&held["Status"], &held["RemainingCredit"]),
        (&json!("PAID"), &json!("0.00"))
    );
    let (status, element) = post(
        &xero,
        &saved["CreditNoteID"],
        &json!({ "Status": "VOIDED" }),
    );
    assert_eq!(status, 400);
    let text = "This document cannot be edited as it has a payment or credit note allocated to it.";
    assert_eq!(messages(&element, "ValidationErrors"), [text]);
}

#[test]
fn new_lines_without_a_rate_reset_it() {
    let world = small();
    let xero = Xero::new(&world);
    let mut note = xero.note("CN-1");
    note["CurrencyCode"] = json!("USD");
    note["CurrencyRate"] = json!(0.7);
    let saved = xero.put_note(&note);
    let (_, same) = post(&xero, &saved["CreditNoteID"], &json!({ "Reference": "R" }));
    assert_eq!(same["CurrencyRate"], json!(0.7));
    let lines = json!({ "LineItems": note["LineItems"] });
    let (_, reset) = post(&xero, &saved["CreditNoteID"], &lines);
    assert_eq!(reset["CurrencyRate"], json!(0.65));
}

#[test]
fn history_notes_are_kept() {
    let world = small();
    let xero = Xero::new(&world);
    let saved = xero.put_note(&xero.note("CN-1"));
    let id = saved["CreditNoteID"].as_str().unwrap();
    let body = json!({ "HistoryRecords": [{ "Details": "From SO-1" }] });
    let target = format!("CreditNotes/{id}/History");
    assert_eq!(xero.send("PUT", &target, &body).status, 200);
    let records = value(&xero.get(&target));
    assert_eq!(records["HistoryRecords"][0]["Details"], "From SO-1");
    assert_eq!(records["HistoryRecords"][0]["User"], "System Generated");
    let wrong = "CreditNotes/11111111-1111-4111-8111-111111111111/History";
    let reply = xero.send("PUT", wrong, &body);
    assert_eq!(
        messages(&value(&reply)["Elements"][0], "ValidationErrors"),
        ["The document with the supplied id was not found for this endpoint."]
    );
}
