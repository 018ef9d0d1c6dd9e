//! The fault script through the front door.

use sandbox::Delivery;
use serde_json::json;

use crate::support::{Omni, TENANT, Xero, small, value};

fn script(rules: serde_json::Value) -> Vec<sandbox::faults::FaultRule> {
    serde_json::from_value(rules).unwrap()
}

#[test]
fn a_lost_answer_is_found_again_by_its_key_or_by_looking() {
    let world = small();
    let xero = Xero::new(&world);
    world.set_faults(script(json!([
        { "match": { "method": "PUT", "path": "/api.xro/2.0/CreditNotes" }, "fault": "lose-answer" }
    ])));
    let put = xero
        .sent(
            "PUT",
            "CreditNotes",
            &json!({ "CreditNotes": [xero.note("CN-1")] }),
        )
        .header("Idempotency-Key", "k1");
    assert_eq!(world.handle(&put).delivery, Delivery::Lost);
    assert_eq!(world.xero(TENANT).credit_note_count(), 1, "it was taken");
    let again = world.handle(&put);
    assert_eq!((again.delivery, again.status), (Delivery::Whole, 200));
    assert_eq!(world.xero(TENANT).credit_note_count(), 1);
    assert_eq!(xero.get("CreditNotes/CN-1").status, 200);
}

#[test]
fn a_reset_leaves_nothing_behind() {
    let world = small();
    let xero = Xero::new(&world);
    world.set_faults(script(json!([
        { "match": { "body-contains": "CN-2" }, "fault": "reset", "times": 2 }
    ])));
    for (number, delivery) in [
        ("CN-1", Delivery::Whole),
        ("CN-2", Delivery::Reset),
        ("CN-2", Delivery::Reset),
    ] {
        let body = json!({ "CreditNotes": [xero.note(number)] });
        assert_eq!(xero.send("PUT", "CreditNotes", &body).delivery, delivery);
    }
    assert_eq!(world.xero(TENANT).credit_note_count(), 1);
    let body = json!({ "CreditNotes": [xero.note("CN-2")] });
    assert_eq!(xero.send("PUT", "CreditNotes", &body).status, 200);
    let struck: Vec<_> = world
        .calls()
        .iter()
        .filter_map(|it| it.fault.clone())
        .collect();
    assert_eq!(struck, ["reset", "reset"]);
}

#[test]
fn every_other_fault_shows_as_it_should() {
    let world = small();
    world.limits(false);
    let xero = Xero::new(&world);
    let strike = |fault: &str| {
        world.set_faults(script(json!([{ "fault": fault }])));
        xero.get("Organisation")
    };
    assert_eq!(
        strike("status:503").body_text(),
        "The Xero API is temporarily unavailable"
    );
    assert_eq!(value(&strike("status:500"))["Title"], "An error occurred");
    assert_eq!(
        strike("html").header_value("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(strike("slow:5000").delay.as_secs(), 5);
    let limited = strike("429:day");
    assert_eq!(limited.header_value("Retry-After"), Some("73451"));
    assert_eq!(limited.header_value("X-Rate-Limit-Problem"), Some("day"));
    assert_eq!(strike("429:concurrent").header_value("Retry-After"), None);
    let cut = strike("truncate");
    assert_eq!(cut.delivery, Delivery::Truncated(cut.body.len() / 2));
}

#[test]
fn omni_commits_and_says_500() {
    let world = small();
    let omni = Omni(world.clone());
    world.set_faults(script(json!([
        { "match": { "method": "PUT", "path": "/api/v1/*" }, "fault": "commit-then-500" }
    ])));
    let change = json!([{ "id": 5001, "internalComments": "seen" }]);
    assert_eq!(omni.send("PUT", "CreditNotes", &change).status, 500);
    assert_eq!(
        value(&omni.get("CreditNotes/5001"))["internalComments"],
        "seen"
    );
}
