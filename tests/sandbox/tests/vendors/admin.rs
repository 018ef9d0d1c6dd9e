//! The admin calls.

use sandbox::Request;
use serde_json::{Value, json};

use crate::support::{Omni, TENANT, Xero, small};

fn admin(world: &sandbox::World, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let request = Request::new(method, &format!("/_sandbox/{path}")).body(body.to_string());
    let reply = world.handle(&request);
    let body = serde_json::from_slice(&reply.body).unwrap_or_else(|_| json!(reply.body_text()));
    (reply.status, body)
}

#[test]
fn the_clock_moves() {
    let world = small();
    let (status, body) = admin(&world, "POST", "clock", &json!({ "advance-seconds": 420 }));
    assert_eq!(
        (status, &body["now"]),
        (200, &json!("2026-11-22T02:07:00Z"))
    );
    assert_eq!(
        admin(&world, "POST", "clock", &json!({ "seconds": 1 })).0,
        400
    );
    assert_eq!(admin(&world, "GET", "nothing", &json!(null)).0, 404);
}

#[test]
fn calls_are_logged_and_counted_without_secrets() {
    let world = small();
    let xero = Xero::new(&world);
    let body = json!({ "CreditNotes": [xero.note("CN-1")] });
    world.handle(
        &xero
            .sent("PUT", "CreditNotes", &body)
            .header("Idempotency-Key", "k"),
    );
    Omni(world.clone()).get("CreditNotes?rows=1");
    let (_, calls) = admin(&world, "GET", "calls", &json!(null));
    let text = calls.to_string();
    assert!(
        !text.contains("custom-secret") && !text.contains(&xero.token),
        "{text}"
    );
    assert_eq!(calls[0]["kind"], "token");
    assert_eq!(calls[1]["kind"], "writing");
    assert_eq!(calls[1]["idempotency-key"], "k");
    assert_eq!(calls[1]["account"], json!(xero.tenant));
    assert_eq!(calls[1]["body"], json!(body.to_string()));
    assert_eq!(calls[2]["vendor"], "omni");
    assert_eq!(calls[2]["account"], "SmallAU");
    let (_, counts) = admin(&world, "GET", "counts", &json!(null));
    assert_eq!(
        counts,
        json!({ "xero": { "token": 1, "writing": 1 }, "omni": { "reading": 1 } })
    );
    world.keep_calls(0);
    Omni(world.clone()).get("CreditNotes?rows=1");
    assert!(world.calls().is_empty());
    assert_eq!(
        admin(&world, "GET", "counts", &json!(null)).1["omni"]["reading"],
        2
    );
}

#[test]
fn edits_reach_everything_that_is_held() {
    let world = small();
    let xero = Xero::new(&world);
    xero.put_note(&xero.note("CN-1"));
    world.advance_seconds(60);
    let edit = |vendor: &str, kind: &str, id: &str, patch: Value| {
        let account = if vendor == "xero" { TENANT } else { "SmallAU" };
        let body = json!({ "vendor": vendor, "account": account, "kind": kind, "id": id,
            "patch": patch });
        admin(&world, "POST", "edit", &body)
    };
    let (_, account) = edit("xero", "accounts", "200", json!({ "Status": "ARCHIVED" }));
    assert_eq!(account["Status"], "ARCHIVED");
    let (_, contact) = edit(
        "xero",
        "contacts",
        "Acme Ltd",
        json!({ "ContactStatus": "ARCHIVED" }),
    );
    assert_eq!(contact["ContactStatus"], "ARCHIVED");
    let (_, note) = edit(
        "xero",
        "credit_notes",
        "CN-1",
        json!({ "Reference": "by hand" }),
    );
    assert_eq!(note["Reference"], "by hand");
    assert_eq!(note["UpdatedDateUTC"], "2026-11-22T02:01:00Z");
    let (_, note) = edit(
        "omni",
        "credit_notes",
        "CRN-701",
        json!({ "accountingAttributes": { "accountingImportStatus": "Error" } }),
    );
    assert_eq!(
        note["accountingAttributes"]["accountingImportStatus"],
        "Error"
    );
    assert_eq!(note["modifiedDate"], "2026-11-22T02:01:00Z");
    let (_, note) = edit(
        "omni",
        "CreditNotes",
        "5001",
        json!({ "modifiedDate": "2026-12-01T00:00:00Z" }),
    );
    assert_eq!(note["modifiedDate"], "2026-12-01T00:00:00Z");
    let (_, boxes) = edit(
        "omni",
        "permissions",
        "",
        json!({ "Contacts": { "read": false } }),
    );
    assert_eq!(boxes["Contacts"]["read"], false);
    assert_eq!(Omni(world.clone()).get("Contacts").status, 403);
    assert_eq!(Omni(world.clone()).get("CreditNotes").status, 200);
    assert_eq!(edit("xero", "accounts", "404", json!({})).0, 400);
    assert_eq!(edit("xero", "accounts", "200", json!({ "Code": 5 })).0, 400);

    let line = json!({ "vendor": "xero", "account": TENANT, "kind": "credit_notes", "id": "CN-1",
        "line": 0, "patch": { "UnitAmount": "30.00" } });
    let (_, note) = admin(&world, "POST", "edit", &line);
    assert_eq!(note["Total"], "66.00", "{note}");
    assert_eq!(note["LineItems"][0]["TaxAmount"], "6.00");
}

#[test]
fn limits_are_set_by_hand() {
    let world = small();
    let xero = Xero::new(&world);
    let body = json!({ "vendor": "xero", "account": TENANT, "limits": { "minute": 1 } });
    assert_eq!(admin(&world, "POST", "limits", &body).0, 200);
    assert_eq!(xero.get("Organisation").status, 200);
    assert_eq!(xero.get("Organisation").status, 429);
    assert_eq!(
        admin(&world, "POST", "limits", &json!({ "limits": "off" })).0,
        200
    );
    assert_eq!(xero.get("Organisation").status, 200);
    assert_eq!(
        admin(&world, "POST", "limits", &json!({ "limits": "maybe" })).0,
        400
    );
}

#[test]
fn duplicates_are_found_by_number_and_reference() {
    let world = small();
    let xero = Xero::new(&world);
    xero.put_note(&xero.note("CN-1"));
    assert!(world.duplicates().is_empty());
    xero.put_note(&xero.note("CN-1b"));
    let (_, found) = admin(&world, "GET", "duplicates", &json!(null));
    assert_eq!(found.as_array().unwrap().len(), 1);
    assert_eq!(found[0]["by"], "Reference");
    assert_eq!(found[0]["ids"].as_array().unwrap().len(), 2);
    world
        .xero(TENANT)
        .edit("credit_notes", "CN-1b", json!({ "Status": "VOIDED" }))
        .unwrap();
    assert!(world.duplicates().is_empty(), "a voided one is none");
}

#[test]
fn the_state_shows_every_holding() {
    let world = small();
    let xero = Xero::new(&world);
    xero.put_note(&xero.note("CN-1"));
    let (_, state) = admin(&world, "GET", "state", &json!(null));
    let books = &state["xero"][xero.tenant.as_str()];
    assert_eq!(books["credit_notes"][0]["Total"], "44.00");
    assert_eq!(books["contacts"].as_array().unwrap().len(), 2 + 6);
    assert_eq!(
        state["omni"]["SmallAU"]["credit_notes"]
            .as_array()
            .unwrap()
            .len(),
        30
    );
    let (_, faults) = admin(
        &world,
        "POST",
        "faults",
        &json!([{ "fault": "reset", "skip": 3 }]),
    );
    assert_eq!(faults[0]["skip"], 3);
    assert_eq!(
        admin(&world, "POST", "faults", &json!([{ "fault": "melt" }])).0,
        400
    );
}
