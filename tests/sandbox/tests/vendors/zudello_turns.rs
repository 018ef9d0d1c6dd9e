//! Whose turn a document is: what an integration may write, what people do, and what is left when
//! an answer is lost.

use sandbox::Delivery;
use sandbox::faults::FaultRule;
use serde_json::{Value, json};

use crate::support::value;
use crate::zudello_support::{TEAM, Zudello, changed, usual, uuid};

const XERO_ID: &str = "f2b7c9de-1111-4222-8333-444455556666";

fn first(zudello: &Zudello) -> String {
    uuid(&zudello.waiting()[0])
}

fn fault(rule: Value) -> Vec<FaultRule> {
    vec![serde_json::from_value(rule).unwrap()]
}

#[test]
fn a_document_is_completed_once() {
    let zudello = usual();
    let uuid = first(&zudello);
    let before = zudello.document(&uuid);
    let done = json!({ "status": "COMPLETE", "external_id": XERO_ID });
    let (status, body) = zudello.patch(&uuid, &done);
    assert_eq!(status, 200, "{body}");
    assert_eq!(
        (&body["status"], &body["external_id"]),
        (&json!("COMPLETE"), &json!(XERO_ID))
    );
    assert_ne!(body["updated_at"], before["updated_at"]);
    assert_eq!(zudello.waiting().len(), 29);
    zudello.0.advance_seconds(60);
    let (status, again) = zudello.patch(&uuid, &done);
    assert_eq!(
        (status, &again),
        (200, &body),
        "the repeat changes nothing, not even the instant"
    );
    let other = json!({ "status": "COMPLETE", "external_id": "another" });
    assert_eq!(zudello.patch(&uuid, &other).0, 409);
    assert_eq!(
        zudello
            .patch(&uuid, &json!({ "status": "UNABLE_TO_PROCESS" }))
            .0,
        409
    );
    assert_eq!(zudello.document(&uuid), body);
}

#[test]
fn changes_that_cannot_be_are_refused() {
    let zudello = usual();
    let uuid = first(&zudello);
    let before = zudello.document(&uuid);
    let cases = [
        (json!({ "status": "COMPLETED" }), 400),
        (json!({ "status": 7 }), 400),
        (json!({ "status": "READY" }), 409),
        (json!({ "external_id": 7 }), 400),
        (json!({ "external_id": "x".repeat(256) }), 400),
        (json!([]), 400),
    ];
    for (body, status) in cases {
        assert_eq!(zudello.patch(&uuid, &body).0, status, "{body}");
    }
    assert_eq!(zudello.document(&uuid), before);
    assert_eq!(zudello.patch("no-uuid", &json!({})).0, 404);
    assert_eq!(zudello.patch(XERO_ID, &json!({})).0, 404);
    assert_eq!(
        zudello
            .send("DELETE", &format!("transactions/{uuid}"), &json!({}))
            .status,
        405
    );
}

#[test]
fn the_status_of_a_wrong_turn_is_a_choice() {
    let zudello = changed(|team| team.contract.wrong_turn_status = 422);
    let uuid = first(&zudello);
    assert_eq!(zudello.patch(&uuid, &json!({ "status": "READY" })).0, 422);
}

#[test]
fn a_guarded_change_fails_when_the_document_has_moved() {
    let zudello = usual();
    let uuid = first(&zudello);
    let seen = zudello.document(&uuid)["updated_at"].clone();
    let done = json!({ "status": "COMPLETE", "updated_at": seen });
    let edited = json!({ "reference": "changed meanwhile" });
    zudello
        .0
        .zudello(TEAM)
        .edit("transactions", &uuid, edited)
        .unwrap();
    let (status, body) = zudello.patch(&uuid, &done);
    assert_eq!(status, 409, "{body}");
    let seen = zudello.document(&uuid)["updated_at"].clone();
    let done = json!({ "status": "COMPLETE", "updated_at": seen });
    assert_eq!(zudello.patch(&uuid, &done).0, 200);
}

#[test]
fn a_refused_document_is_mended_and_comes_again() {
    let zudello = usual();
    let uuid = first(&zudello);
    let (status, _) = zudello.patch(&uuid, &json!({ "status": "UNABLE_TO_PROCESS" }));
    assert_eq!(status, 200);
    let note = json!({ "message": "the contact HARB01 is archived" });
    let reply = zudello.send("POST", &format!("transactions/{uuid}/notes"), &note);
    assert_eq!(reply.status, 201);
    assert_eq!(value(&reply)["message"], note["message"]);
    let team = zudello.0.zudello(TEAM);
    assert_eq!(team.notes(&uuid), ["the contact HARB01 is archived"]);
    assert_eq!(zudello.waiting().len(), 29);
    let mended = team
        .edit("submit", &uuid, json!({ "reference": "mended" }))
        .unwrap();
    assert_eq!(mended["status"], "PENDING_ERP");
    let again = zudello.waiting();
    assert_eq!(again.len(), 30);
    assert_eq!(
        again.last().unwrap()["uuid"],
        json!(uuid),
        "it is the newest change"
    );
    assert_eq!(again.last().unwrap()["reference"], "mended");
}

#[test]
fn a_reverted_document_comes_again_under_its_uuid() {
    for keeps in [true, false] {
        let zudello = changed(|team| team.workflow.revert_keeps_external_id = keeps);
        let uuid = first(&zudello);
        zudello.patch(
            &uuid,
            &json!({ "status": "COMPLETE", "external_id": XERO_ID }),
        );
        let reverted = zudello.act("revert", &uuid).unwrap();
        assert_eq!(reverted["status"], "READY");
        assert_eq!(reverted["external_id"].is_string(), keeps);
        assert!(
            zudello.act("revert", &uuid).is_err(),
            "it is not complete any more"
        );
        let changed = json!({ "lines": [{ "description": "Less", "quantity": "1",
            "unit_price": "10.00", "account": "200", "tax_rate": "OUTPUT" }] });
        let before = zudello
            .0
            .zudello(TEAM)
            .edit("submit", &uuid, changed)
            .unwrap();
        assert_eq!(before["status"], "PENDING_ERP");
        let read = zudello.document(&uuid);
        assert_eq!(read["lines"].as_array().unwrap().len(), 1);
        assert_eq!(read["lines"][0]["account"]["code"], "200");
        let included = read["tax_included"] == true;
        assert_eq!(read["total"], if included { "10.00" } else { "11.00" });
    }
}

#[test]
fn approval_stands_before_the_integration_where_a_team_wants_it() {
    let zudello = changed(|team| team.workflow.needs_approval = true);
    let uuid = first(&zudello);
    zudello.patch(&uuid, &json!({ "status": "UNABLE_TO_PROCESS" }));
    let status = |verb: &str| zudello.act(verb, &uuid).map(|it| it["status"].clone());
    assert_eq!(status("submit").unwrap(), "APPROVAL");
    assert_eq!(
        zudello.patch(&uuid, &json!({ "status": "COMPLETE" })).0,
        409
    );
    assert_eq!(status("reject").unwrap(), "REJECT_REVIEW");
    assert_eq!(status("submit").unwrap(), "APPROVAL");
    assert_eq!(status("approve").unwrap(), "PENDING_ERP");
    assert!(status("approve").is_err());
    assert_eq!(status("delete").unwrap(), "DELETED");
    assert_eq!(zudello.get(&format!("transactions/{uuid}")).status, 404);
    assert_eq!(value(&zudello.get("transactions"))["count"], 37);
}

#[test]
fn codes_are_the_teams_own() {
    let zudello = changed(|team| {
        team.workflow.pending = "FOR_XERO".to_owned();
        team.workflow.complete = "DONE".to_owned();
        team.contract.submodule = "RETURN".to_owned();
    });
    let rows = zudello.rows("transactions?submodule=RETURN&status=FOR_XERO");
    assert_eq!(rows.len(), 30);
    let uuid = uuid(&rows[0]);
    assert_eq!(
        zudello.patch(&uuid, &json!({ "status": "COMPLETE" })).0,
        400
    );
    assert_eq!(zudello.patch(&uuid, &json!({ "status": "DONE" })).0, 200);
}

#[test]
fn a_lost_answer_leaves_the_change_and_the_repeat_is_harmless() {
    let zudello = usual();
    let uuid = first(&zudello);
    zudello.0.set_faults(fault(json!({
        "match": { "method": "PATCH", "path": "/api/v1/transactions/*" },
        "fault": "lose-answer", "again": "reset", "again-times": 1,
    })));
    let done = json!({ "status": "COMPLETE", "external_id": XERO_ID });
    let send = || zudello.send("PATCH", &format!("transactions/{uuid}"), &done);
    assert_eq!(send().delivery, Delivery::Lost);
    assert_eq!(send().delivery, Delivery::Reset);
    let held = zudello.document(&uuid);
    assert_eq!(held["status"], "COMPLETE", "reading tells");
    let repeat = send();
    assert_eq!((repeat.status, value(&repeat)), (200, held));
}

#[test]
fn a_note_that_is_sent_again_is_there_twice() {
    let zudello = changed(|team| team.contract.notes_readable = true);
    let uuid = first(&zudello);
    zudello.0.set_faults(fault(json!({
        "match": { "method": "POST", "path": "/api/v1/transactions/*" }, "fault": "lose-answer",
    })));
    let path = format!("transactions/{uuid}/notes");
    let send = || zudello.send("POST", &path, &json!({ "message": "refused" }));
    assert_eq!(send().delivery, Delivery::Lost);
    assert_eq!(value(&zudello.get(&path))[0]["message"], "refused");
    assert_eq!(send().status, 201);
    assert_eq!(zudello.0.zudello(TEAM).notes(&uuid), ["refused", "refused"]);
    let doubled = zudello.0.duplicates();
    assert_eq!((doubled.len(), doubled[0].kind), (1, "notes"));
    assert_eq!(
        zudello.send("POST", &path, &json!({ "text": "x" })).status,
        400
    );
    assert_eq!(
        usual().get(&path).status,
        405,
        "unless the contract says so"
    );
}

#[test]
fn the_same_words_after_another_round_are_no_double() {
    let zudello = usual();
    let uuid = first(&zudello);
    let path = format!("transactions/{uuid}/notes");
    for _ in 0..2 {
        let body = json!({ "message": "refused" });
        assert_eq!(zudello.send("POST", &path, &body).status, 201);
        assert_eq!(
            zudello
                .patch(&uuid, &json!({ "status": "UNABLE_TO_PROCESS" }))
                .0,
            200
        );
        zudello.act("submit", &uuid).unwrap();
    }
    assert_eq!(zudello.0.zudello(TEAM).notes(&uuid).len(), 2);
    assert!(zudello.0.duplicates().is_empty());
    let others: Vec<String> = zudello.waiting().iter().take(2).map(self::uuid).collect();
    for uuid in &others {
        let done = json!({ "status": "COMPLETE", "external_id": XERO_ID });
        assert_eq!(zudello.patch(uuid, &done).0, 200);
    }
    let doubled = zudello.0.duplicates();
    assert_eq!(
        (doubled.len(), doubled[0].by, doubled[0].ids.len()),
        (1, "external_id", 2)
    );
}

#[test]
fn a_failed_document_is_completed_only_where_the_team_allows_it() {
    for (allowed, status) in [(false, 409), (true, 200)] {
        let zudello = changed(|team| team.workflow.failed_can_complete = allowed);
        let uuid = first(&zudello);
        zudello.patch(&uuid, &json!({ "status": "UNABLE_TO_PROCESS" }));
        assert_eq!(
            zudello.patch(&uuid, &json!({ "status": "COMPLETE" })).0,
            status
        );
    }
}

#[test]
fn a_note_moves_the_document_or_not() {
    for moves in [true, false] {
        let zudello = changed(|team| team.contract.notes_move_the_document = moves);
        let uuid = first(&zudello);
        let before = zudello.document(&uuid);
        let path = format!("transactions/{uuid}/notes");
        zudello.send("POST", &path, &json!({ "message": "x" }));
        let after = zudello.document(&uuid);
        assert_eq!(after["updated_at"] != before["updated_at"], moves);
    }
}

#[test]
fn faults_answer_in_the_vendors_own_shape() {
    let cases = [
        ("status:503", 503, "The service is down for maintenance."),
        ("429:minute", 429, "Request was throttled."),
    ];
    for (name, status, text) in cases {
        let zudello = usual();
        zudello.0.set_faults(fault(json!({ "fault": name })));
        let reply = zudello.get("transactions");
        assert_eq!(
            (reply.status, value(&reply)["detail"].as_str()),
            (status, Some(text))
        );
        assert_eq!(zudello.get("transactions").status, 200);
    }
}

#[test]
fn the_admin_calls_reach_a_team() {
    let zudello = usual();
    let uuid = first(&zudello);
    let edit = |body: Value| {
        let request = sandbox::Request::new("POST", "/_sandbox/edit").body(body.to_string());
        let reply = zudello.0.handle(&request);
        let text = reply.body_text();
        (
            reply.status,
            serde_json::from_str(&text).unwrap_or(json!(text)),
        )
    };
    let at = |kind: &str, id: &str, patch: Value| json!({ "vendor": "zudello", "account": TEAM, "kind": kind, "id": id, "patch": patch });
    let (status, body) = edit(at(
        "customers",
        "HARB01",
        json!({ "legal_name": "Harbour Cafe Ltd" }),
    ));
    assert_eq!(
        (status, &body["legal_name"]),
        (200, &json!("Harbour Cafe Ltd"))
    );
    let number = zudello.document(&uuid)["document_number"]
        .as_str()
        .unwrap()
        .to_owned();
    let (status, body) = edit(at("transactions", &number, json!({ "location": null })));
    assert_eq!((status, &body["location"]), (200, &json!(null)));
    let (status, text): (u16, Value) = edit(at("revert", &number, json!({})));
    assert_eq!(
        (status, &text),
        (400, &json!("the document is PENDING_ERP, not COMPLETE\n"))
    );
    let (status, _) = edit(at("transactions", &number, json!({ "currency": "XXX" })));
    assert_eq!(status, 400);
    let held = zudello.0.state();
    let team = &held["zudello"]["22222222-2222-4222-8222-222222222222"];
    assert_eq!(team["name"], TEAM);
    assert_eq!(team["transactions"].as_array().unwrap().len(), 38);
    let saved = zudello.0.save().unwrap();
    let clock = sandbox::Clock::frozen("2026-11-22T02:00:00Z".parse().unwrap());
    let again = sandbox::World::load(&saved, clock).unwrap();
    assert_eq!(again.save().unwrap(), saved);
}
