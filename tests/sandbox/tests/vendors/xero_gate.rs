//! Organisation, scope, limits and idempotency keys.

use sandbox::xero::settings::Limits;
use serde_json::json;

use crate::support::{TENANT, Xero, messages, small, token, value};

#[test]
fn a_foreign_or_missing_tenant_is_forbidden() {
    let world = small();
    let mut xero = Xero::new(&world);
    for tenant in [
        world
            .xero("Second Pty Ltd")
            .tenant_id()
            .unwrap()
            .to_string(),
        "not-a-guid".to_owned(),
    ] {
        xero.tenant = tenant;
        let reply = xero.get("Organisation");
        assert_eq!(reply.status, 403);
        assert_eq!(value(&reply)["Detail"], "AuthenticationUnsuccessful");
    }
}

#[test]
fn a_missing_scope_is_unauthorized() {
    let world = small();
    let mut xero = Xero::new(&world);
    let form = "grant_type=client_credentials&scope=accounting.invoices.read";
    let reply = token(&world, ("custom-app", "custom-secret"), form);
    xero.token = value(&reply)["access_token"].as_str().unwrap().to_owned();
    assert_eq!(xero.get("CreditNotes").status, 200);
    for reply in [
        xero.get("Contacts"),
        xero.send("PUT", "CreditNotes", &json!({})),
    ] {
        assert_eq!(reply.status, 401);
        assert_eq!(value(&reply)["Detail"], "AuthorizationUnsuccessful");
        assert_eq!(
            reply.header_value("www-authenticate"),
            Some("insufficent_scope")
        );
    }
}

#[test]
fn the_minute_the_day_and_the_app_run_out() {
    let on = Limits::default();
    let cases = [
        (Limits { minute: 2, ..on }, "minute", true),
        (Limits { day: 2, ..on }, "day", true),
        (
            Limits {
                app_minute: 2,
                ..on
            },
            "appminute",
            true,
        ),
        (
            Limits {
                concurrent: 0,
                ..on
            },
            "concurrent",
            false,
        ),
    ];
    for (limits, problem, says_when) in cases {
        let world = small();
        let xero = Xero::new(&world);
        world.limit_xero(TENANT, limits).unwrap();
        if says_when {
            let first = xero.get("Organisation");
            assert_eq!(first.status, 200);
            let left = first.header_value("X-MinLimit-Remaining").unwrap();
            assert_eq!(left, (limits.minute - 1).to_string());
            assert_eq!(xero.get("Organisation").status, 200);
        }
        let refused = xero.get("Organisation");
        assert_eq!(refused.status, 429);
        assert_eq!(refused.header_value("X-Rate-Limit-Problem"), Some(problem));
        let wait = refused
            .header_value("Retry-After")
            .map(|it| it.parse::<u64>().unwrap());
        assert_eq!(wait.is_some(), says_when, "{problem}");
        if problem != "day"
            && let Some(wait) = wait
        {
            world.advance_seconds(wait);
            assert_eq!(xero.get("Organisation").status, 200, "{problem}");
        }
    }
}

#[test]
fn calls_at_once_are_counted_until_their_answers_are_gone() {
    let world = small();
    let xero = Xero::new(&world);
    let held: Vec<_> = (0..5).map(|_| xero.get("Organisation")).collect();
    assert!(held.iter().all(|it| it.status == 200));
    let sixth = xero.get("Organisation");
    assert_eq!(
        sixth.header_value("x-rate-limit-problem"),
        Some("concurrent")
    );
    drop(held);
    assert_eq!(xero.get("Organisation").status, 200);
}

#[test]
fn limits_can_be_switched_off() {
    let world = small();
    let xero = Xero::new(&world);
    world.limits(false);
    assert!((0..200).all(|_| xero.get("Organisation").status == 200));
}

#[test]
fn a_key_replays_its_answer_for_six_minutes() {
    let world = small();
    let xero = Xero::new(&world);
    let body = json!({ "CreditNotes": [xero.note("CN-A")] });
    let target = "CreditNotes?summarizeErrors=false";
    let put = xero
        .sent("PUT", target, &body)
        .header("Idempotency-Key", "k1");
    let first = world.handle(&put);
    let again = world.handle(&put);
    assert_eq!(first.body, again.body);
    assert_eq!(world.xero(TENANT).credit_note_count(), 1);

    let other = json!({ "CreditNotes": [xero.note("CN-B")] });
    let conflict = xero
        .sent("PUT", target, &other)
        .header("Idempotency-Key", "k1");
    let reply = world.handle(&conflict);
    assert_eq!(reply.status, 400);
    assert_eq!(
        reply.body_text(),
        "Idempotency Key: k1 is used with a different request."
    );

    world.advance_seconds(360);
    let late = world.handle(&put);
    let element = value(&late)["CreditNotes"][0].clone();
    assert_eq!(
        messages(&element, "ValidationErrors"),
        ["Credit Note # must be unique."]
    );
}

#[test]
fn a_key_replays_errors_too_but_a_refused_call_leaves_no_trace() {
    let world = small();
    let xero = Xero::new(&world);
    let mut note = xero.note("CN-A");
    note["LineItems"][0]["AccountCode"] = json!("999");
    let put = xero
        .sent("PUT", "CreditNotes", &json!({ "CreditNotes": [note] }))
        .header("Idempotency-Key", "k2");
    let first = world.handle(&put);
    assert_eq!(first.status, 400);
    world
        .xero(TENANT)
        .edit("accounts", "260", json!({ "Code": "999" }))
        .unwrap();
    assert_eq!(
        world.handle(&put).body,
        first.body,
        "the cause is gone, the answer is not"
    );

    world
        .limit_xero(
            TENANT,
            Limits {
                minute: 0,
                ..Limits::default()
            },
        )
        .unwrap();
    let good = xero
        .sent(
            "PUT",
            "CreditNotes",
            &json!({ "CreditNotes": [xero.note("CN-C")] }),
        )
        .header("Idempotency-Key", "k3");
    assert_eq!(world.handle(&good).status, 429);
    world.limits(false);
    assert_eq!(world.handle(&good).status, 200);
}

#[test]
fn a_key_without_tenant_difference_is_scoped_to_the_app() {
    let world = small();
    let xero = Xero::new(&world);
    let long = "k".repeat(129);
    let put = xero
        .sent(
            "PUT",
            "CreditNotes",
            &json!({ "CreditNotes": [xero.note("CN-A")] }),
        )
        .header("Idempotency-Key", &long);
    assert_eq!(world.handle(&put).status, 400);
    assert_eq!(world.xero(TENANT).credit_note_count(), 0);
}

#[test]
fn a_client_that_forgets_to_ask_for_json_gets_xml() {
    let world = small();
    let xero = Xero::new(&world);
    let mut request = xero.request("GET", "Currencies");
    request.headers.retain(|(name, _)| name != "Accept");
    let reply = world.handle(&request);
    assert_eq!(
        reply.header_value("content-type"),
        Some("text/xml; charset=utf-8")
    );
    assert!(reply.body_text().contains("<Currency><Code>AUD</Code>"));
}

#[test]
fn odd_calls_meet_their_status() {
    let world = small();
    let xero = Xero::new(&world);
    let big = json!({ "CreditNotes": [{ "Reference": "x".repeat(3_600_000) }] });
    world.limits(false);
    let cases = [
        (xero.get("Nonsense"), 404),
        (xero.get("CreditNotes/NOPE"), 404),
        (
            xero.get("Contacts/00000000-0000-0000-0000-000000000001"),
            404,
        ),
        (xero.send("DELETE", "CreditNotes", &json!({})), 501),
        (xero.send("PUT", "CreditNotes", &big), 413),
        (
            world.handle(
                &xero
                    .request("PUT", "CreditNotes")
                    .body("<CreditNotes/>")
                    .header("Content-Type", "text/xml"),
            ),
            415,
        ),
    ];
    for (reply, status) in cases {
        assert_eq!(reply.status, status, "{}", reply.body_text());
    }
    let missing = xero.get("CreditNotes/NOPE");
    assert_eq!(
        missing.body_text(),
        "The resource you're looking for cannot be found"
    );
}
