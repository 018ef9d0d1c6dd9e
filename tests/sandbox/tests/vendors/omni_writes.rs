//! Omni's writes: arrays only, each element by itself.

use sandbox::Seed;
use serde_json::json;

use crate::support::{Omni, planted, small, value};

#[test]
fn elements_succeed_and_fail_alone() {
    let world = small();
    let omni = Omni(world.clone());
    let reply = omni.send(
        "PUT",
        "CreditNotes",
        &json!([
            { "id": 5001, "AccountingAttributes": { "accountingImportStatus": "Imported",
                "importDate": "2026-11-22T02:00:00Z" } },
            { "id": 99, "reference": "X" },
            { "reference": "no id" },
            "no object",
        ]),
    );
    assert_eq!(reply.status, 200);
    let results = value(&reply);
    let success: Vec<_> = (0..4)
        .map(|at| results[at]["success"].as_bool().unwrap())
        .collect();
    assert_eq!(success, [true, false, false, false]);
    assert_eq!(results[0]["code"], "CRN-701");
    assert_eq!(results[1]["index"], 1);
    assert_eq!(results[1]["id"], 0);
    let note = value(&omni.get("CreditNotes/5001"));
    assert_eq!(
        note["accountingAttributes"]["accountingImportStatus"],
        "Imported"
    );
    assert_eq!(
        note["accountingAttributes"]["importDate"],
        "2026-11-22T13:00:00+11:00"
    );
    assert_eq!(
        note["modifiedDate"], "2026-11-22T02:00:00Z",
        "our own write moves it"
    );
}

#[test]
fn bodies_that_are_no_batch_are_refused() {
    let omni = Omni(small());
    omni.0.limits(false);
    let many: Vec<_> = (0..251).map(|id| json!({ "id": id })).collect();
    for body in [json!({ "id": 5001 }), json!([]), json!(many)] {
        assert_eq!(omni.send("PUT", "CreditNotes", &body).status, 400);
    }
    let broken = omni
        .0
        .handle(&omni.request("PUT", "CreditNotes", "small-key").body("[{"));
    assert!(value(&broken).as_str().unwrap().contains("malformed JSON"));
}

#[test]
fn null_keeps_empty_clears_and_read_only_stays() {
    let omni = Omni(small());
    omni.0.limits(false);
    let before = value(&omni.get("CreditNotes/5001"));
    let change = json!([{ "id": 5001, "company": null, "salesReference": "", "status": "VOID",
        "internalComments": "seen", "createdDate": "2020-01-01T00:00:00Z" }]);
    omni.send("PUT", "CreditNotes", &change);
    let after = value(&omni.get("CreditNotes/5001"));
    assert_eq!(after["company"], before["company"]);
    assert_eq!(after["salesReference"], "");
    assert_eq!(after["status"], before["status"]);
    assert_eq!(after["createdDate"], before["createdDate"]);
    assert_eq!(after["internalComments"], "seen");
    assert_eq!(after["total"], before["total"]);
    omni.send(
        "PUT",
        "CreditNotes",
        &json!([{ "id": 5001, "isApproved": false }]),
    );
    assert_eq!(value(&omni.get("CreditNotes/5001"))["status"], "DRAFT");
}

#[test]
fn numbers_keep_their_text_through_a_write() {
    let omni = Omni(small());
    let before = omni
        .get("CreditNotes/5001?fields=total,currencyRate,taxRate")
        .body_text();
    omni.send(
        "PUT",
        "CreditNotes",
        &json!([{ "id": 5001, "internalComments": "x" }]),
    );
    omni.0.advance_seconds(2);
    let after = omni
        .get("CreditNotes/5001?fields=total,currencyRate,taxRate")
        .body_text();
    assert_eq!(before, after);
    assert!(after.contains("\"currencyRate\":1.0"), "{after}");
}

#[test]
fn attributes_that_do_not_stick_and_lines_that_are_left_out() {
    let mut seed = Seed::small().unwrap();
    seed.omni.accounts[0].behaviour.accounting_attributes_stick = false;
    seed.omni.accounts[0].behaviour.left_out_lines_are_deleted = false;
    let omni = Omni(planted(&seed));
    omni.0.limits(false);
    let note = value(&omni.get("CreditNotes/5001"));
    let change = json!([{ "id": 5001,
        "accountingAttributes": { "accountingImportStatus": "Imported" }, "lineItems": [] }]);
    let results = value(&omni.send("PUT", "CreditNotes", &change));
    assert_eq!(results[0]["success"], true, "it says so all the same");
    let after = value(&omni.get("CreditNotes/5001"));
    assert_eq!(
        after["accountingAttributes"]["accountingImportStatus"],
        "NotImported"
    );
    assert_eq!(after["lineItems"], note["lineItems"]);
}

#[test]
fn creating_needs_what_is_required_and_references_are_unique() {
    let omni = Omni(small());
    omni.0.limits(false);
    let results = value(&omni.send(
        "POST",
        "CreditNotes",
        &json!([
            { "salesReference": "SO-1", "reference": "NEW-1", "total": -5.50 },
            { "reference": "NEW-2" },
            { "salesReference": "SO-1", "reference": "CRN-701" },
        ]),
    ));
    assert_eq!(results[0]["success"], true);
    assert_eq!(results[1]["success"], false);
    assert_eq!(results[2]["success"], false);
    let made = value(&omni.get(&format!("CreditNotes/{}", results[0]["id"])));
    assert_eq!(made["isApproved"], true);
    assert_eq!(made["status"], "APPROVED");
    assert_eq!(
        made["accountingAttributes"]["accountingImportStatus"],
        "NotImported"
    );
}
