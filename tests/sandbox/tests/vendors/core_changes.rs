//! What happens to Core's sales after they were made: voids, undos, edits, restarts, faults.

use rust_decimal::Decimal;
use sandbox::json::Json;
use sandbox::{Clock, Request, Seed, World};
use serde_json::{Value, json};

use crate::core_support::{COMPANY, Core, notes, number, parts, seed, text};
use crate::support::planted;

#[test]
fn a_voided_note_keeps_its_number_and_loses_the_rest() {
    let core = Core::open(|_| {});
    let (held, note) = notes(&core).remove(0);
    let (id, number_text) = (text(&held, "ID"), text(&note, "CreditNoteNumber"));
    core.0.advance_seconds(60);
    let view = core.0.core(COMPANY);
    let voided = view
        .edit("credit-notes", number_text, json!({ "Status": "VOIDED" }))
        .unwrap();
    assert_eq!(voided["CreditNoteNumber"], number_text);
    assert_eq!(
        (&voided["Total"], &voided["Lines"]),
        (&json!(0), &json!([]))
    );
    let changed = "saleCreditNoteList?UpdatedSince=2026-11-22T02:00:30";
    let rows = core.got(changed);
    assert_eq!(rows["Total"], 1);
    assert_eq!(rows["SaleList"][0]["CreditNoteStatus"], "VOIDED");
    let sale = core.got(&format!("sale?ID={id}&IncludeTransactions=true"));
    assert_eq!(sale["CreditNotes"][0]["Status"], "VOIDED");
    let rows = sale["Transactions"].as_array().unwrap();
    assert!(
        rows.iter().all(|it| it["Credit"] != "610"),
        "its ledger rows are gone"
    );
}

#[test]
fn an_undone_note_is_a_draft_again_and_may_go_altogether() {
    let core = Core::open(|_| {});
    let (held, note) = notes(&core)
        .into_iter()
        .find(|(_, note)| number(note, "Total") > Decimal::ZERO)
        .unwrap();
    let (id, number_text) = (text(&held, "ID"), text(&note, "CreditNoteNumber"));
    let view = core.0.core(COMPANY);
    let rows = |core: &Core| {
        let sale = core.got(&format!("sale?ID={id}&IncludeTransactions=true"));
        let ids: Vec<Value> = sale["Transactions"].as_array().unwrap().clone();
        ids.iter()
            .map(|it| it["TransactionID"].to_string())
            .collect::<Vec<_>>()
    };
    let before = rows(&core);
    let draft = view
        .edit("credit_notes", number_text, json!({ "Status": "DRAFT" }))
        .unwrap();
    assert_eq!(draft["Status"], "DRAFT");
    assert_eq!(draft["Total"], note.to_value()["Total"]);
    assert_eq!(draft["Lines"], note.to_value()["Lines"]);
    let again = view
        .edit(
            "credit_notes",
            number_text,
            json!({ "Status": "AUTHORISED" }),
        )
        .unwrap();
    assert_eq!(again["CreditNoteNumber"], number_text);
    let after = rows(&core);
    assert_eq!(before.len(), after.len());
    assert!(
        before.iter().all(|it| !after.contains(it)),
        "ledger rows are made anew"
    );
    let gone = view.edit("credit_notes", number_text, Value::Null).unwrap();
    assert_eq!(gone, Value::Null);
    assert!(view.edit("credit_notes", number_text, json!({})).is_err());
    assert_eq!(notes(&core).len(), 29);
}

#[test]
fn the_vendors_own_undo_and_void() {
    let core = Core::open(|_| {});
    let (held, _) = notes(&core)
        .into_iter()
        .find(|(sale, _)| text(sale, "Type") == "Simple Sale")
        .unwrap();
    let id = text(&held, "ID");
    assert_eq!(
        core.send("DELETE", &format!("sale?ID={id}&Void=false"))
            .status,
        200
    );
    let undone = core.got(&format!("sale?ID={id}"));
    assert_eq!(undone["CreditNotes"][0]["Status"], "DRAFT");
    assert!(
        !undone["CreditNotes"][0]["Lines"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    let voided = core.send("DELETE", &format!("sale?ID={id}&Void=true"));
    let voided: Value = serde_json::from_slice(&voided.body).unwrap();
    assert_eq!(voided["Status"], "VOIDED");
    assert_eq!(voided["CreditNotes"][0]["Lines"], json!([]));
    assert_eq!(voided["CombinedInvoiceStatus"], "VOIDED");
    let counts = serde_json::to_value(core.0.counts()).unwrap();
    assert_eq!(counts["core"]["writing"], 2);
    let call = core.0.calls().pop().unwrap();
    assert_eq!(
        call.account.unwrap(),
        "5B0E3C52-7A55-4D0F-8C3B-1D2F3A4B5C6D"
    );
}

#[test]
fn edits_reprice_and_named_notes_are_as_the_seed_says() {
    let seed_text = r#"
        [[core.accounts]]
        company = "Named"
        customers = [{ company = "Cup & Co", xero = "absent" }]
        [[core.accounts.credit-notes]]
        customer = "Cup & Co"
        date = "2026-11-03"
        number = "CR-77777"
        tax-calculation = "Exclusive"
        sale = "stand-alone"
        sale-patch = { CustomerReference = "" }
        patch = '''{ "Lines": [{ "SKU": "A", "Name": "A", "Price": 10.25 },
            { "SKU": "B", "Name": "B", "Price": 10.25 }, { "SKU": "C", "Name": "C", "Price": 10.25 }] }'''
        [[core.accounts.credit-notes]]
        customer = "Cup & Co"
        amounts = "zero"
        [[core.accounts.credit-notes]]
        customer = "Cup & Co"
        amounts = "negative"
        currency = "USD"
        [[core.accounts.credit-notes]]
        count = 2
        customer = "Cup & Co"
        status = "VOIDED"
        account-code = "270"
        sale = "advanced"
        [[core.accounts.credit-notes]]
        customer = "Cup & Co"
        account-code = "270"
    "#;
    let world = planted(&Seed::from_toml(seed_text).unwrap());
    let view = world.core("Named");
    let notes = view.credit_notes();
    let by = |number: &str| {
        let found = notes
            .iter()
            .find(|(_, it)| text(it, "CreditNoteNumber") == number);
        found.unwrap_or_else(|| panic!("no {number}")).clone()
    };
    assert_eq!(notes.len(), 6);
    let (sale, three) = by("CR-77777");
    assert_eq!(text(&three, "CreditNoteDate"), "2026-11-03T00:00:00");
    assert_eq!(text(&sale, "CustomerReference"), "");
    assert_eq!(number(&three, "Tax").to_string(), "3.075");
    assert_eq!(number(&three, "Total").to_string(), "33.825");
    assert!(number(&by("CR-00001").1, "Total").is_zero());
    let (sale, negative) = by("CR-00002");
    assert!(number(&negative, "Total") < Decimal::ZERO);
    assert_eq!(text(&sale, "CustomerCurrency"), "USD");
    for voided in ["CR-00003", "CR-00004"] {
        let (_, note) = by(voided);
        assert_eq!((text(&note, "Status"), parts(&note).len()), ("VOIDED", 0));
    }
    let (_, old) = by("CR-00005");
    assert!(parts(&old).iter().all(|it| text(it, "Account") == "270"));

    let body = json!({ "vendor": "core", "account": "Named", "kind": "credit-notes",
        "id": "CR-77777", "line": 1, "patch": { "Price": 20 }, "quiet": true });
    let request = Request::new("POST", "/_sandbox/edit").body(body.to_string());
    let reply = world.handle(&request);
    assert_eq!(reply.status, 200, "{}", reply.body_text());
    let note = Json::parse(&reply.body_text()).unwrap();
    assert_eq!(number(&note, "Total").to_string(), "44.55");
}

#[test]
fn the_state_keeps_everything_over_a_restart() {
    let core = Core::open(|_| {});
    core.0.advance_seconds(5);
    let (_, note) = notes(&core).remove(0);
    core.0
        .core(COMPANY)
        .edit(
            "credit-notes",
            text(&note, "CreditNoteNumber"),
            json!({ "Status": "VOIDED" }),
        )
        .unwrap();
    let saved = core.0.save().unwrap();
    let clock = Clock::frozen("2026-11-22T02:00:00Z".parse().unwrap());
    let again = World::load(&saved, clock).unwrap();
    assert_eq!(again.save().unwrap(), saved);
    assert_eq!(again.core(COMPANY).texts(), core.0.core(COMPANY).texts());
    assert_eq!(
        planted(&seed()).save().unwrap(),
        planted(&seed()).save().unwrap()
    );
    let state = again.state();
    assert_eq!(
        state["core"][COMPANY]["customers"]
            .as_array()
            .unwrap()
            .len(),
        6
    );
}

#[test]
fn faults_of_this_vendor() {
    let core = Core::open(|_| {});
    let strike = |fault: &str| {
        let rules = json!([{ "match": { "path": "/ExternalApi/v2/*" }, "fault": fault }]);
        core.0.set_faults(serde_json::from_value(rules).unwrap());
        core.get("saleList")
    };
    let body = |fault: &str| {
        let reply = strike(fault);
        (
            reply.status,
            serde_json::from_slice::<Value>(&reply.body).unwrap(),
        )
    };
    let (status, error) = body("error-in-200");
    assert_eq!((status, &error[0]["ErrorCode"]), (200, &json!(500)));
    let (status, error) = body("status:503");
    assert_eq!((status, &error[0]["ErrorCode"]), (503, &json!(503)));
    let (status, error) = body("429:minute");
    assert_eq!(status, 429);
    assert!(
        error[0]["Exception"]
            .as_str()
            .unwrap()
            .contains("60 calls per 60 seconds")
    );
    let page = strike("html-200");
    assert_eq!(page.status, 200);
    assert!(page.body_text().contains("<html>"));
}

fn admin(core: &Core, path: &str, body: &Value) -> (u16, Value) {
    let request = Request::new("POST", &format!("/_sandbox/{path}")).body(body.to_string());
    let reply = core.0.handle(&request);
    let body = serde_json::from_slice(&reply.body).unwrap_or_else(|_| json!(reply.body_text()));
    (reply.status, body)
}

#[test]
fn limits_settings_and_behaviour_are_changed_by_hand() {
    let core = Core::limited(|_| {});
    let limits = json!({ "vendor": "core", "account": COMPANY, "limits": { "minute": 1 } });
    assert_eq!(admin(&core, "limits", &limits).0, 200);
    assert_eq!([core.get("me").status, core.get("me").status], [200, 429]);
    let off = json!({ "vendor": "core", "account": COMPANY, "limits": "off" });
    assert_eq!(admin(&core, "limits", &off).0, 200);
    let edit = |kind: &str, patch: Value| {
        let account = "5b0e3c52-7a55-4d0f-8c3b-1d2f3a4b5c6d";
        let body = json!({ "vendor": "core", "account": account, "kind": kind, "patch": patch });
        admin(&core, "edit", &body).0
    };
    assert_eq!(edit("behaviour", json!({ "largest-page": 3 })), 200);
    assert_eq!(core.ids("saleList?Limit=1000").len(), 3);
    assert_eq!(
        edit("behaviour", json!({ "lock-date-form": "day-first" })),
        200
    );
    assert_eq!(edit("settings", json!({ "lock-date": "2026-10-31" })), 200);
    assert_eq!(core.got("me")["LockDate"], "31/10/2026");
    assert_eq!(edit("behaviour", json!({ "largest-pag": 3 })), 400);
    assert_eq!(edit("nonsense", json!({})), 400);
}

#[test]
fn a_quiet_change_leaves_the_stamp_and_a_given_stamp_is_taken() {
    let core = Core::open(|_| {});
    let (sale, note) = notes(&core).remove(0);
    let (id, before) = (text(&sale, "ID"), text(&sale, "LastModifiedOn"));
    let stamp = |quiet: bool, patch: Value| {
        let body = json!({ "vendor": "core", "account": COMPANY, "kind": "credit-notes",
            "id": text(&note, "CreditNoteNumber"), "patch": patch, "quiet": quiet });
        assert_eq!(admin(&core, "edit", &body).0, 200);
        core.got(&format!("sale?ID={id}"))["LastModifiedOn"]
            .as_str()
            .unwrap()
            .trim_end_matches('Z')
            .to_owned()
    };
    assert_eq!(
        stamp(true, json!({ "Memo": "a" })),
        before.trim_end_matches('Z')
    );
    assert_eq!(stamp(false, json!({ "Memo": "b" })), "2026-11-22T02:00:00");
    let given = json!({ "Memo": "c", "Updated": "2026-11-01T10:00:00.120Z" });
    assert_eq!(stamp(false, given), "2026-11-01T10:00:00.12");
    let held = core.got(&format!("sale?ID={id}"));
    assert!(held["CreditNotes"][0].get("Updated").is_none());
}
