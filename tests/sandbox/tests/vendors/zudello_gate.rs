//! Zudello's gate: keys, teams, permissions, and whose call it is.

use sandbox::Request;
use sandbox::omni::behaviour::Limits;
use sandbox::zudello::contract::ErrorBodies;
use sandbox::zudello::team::Data;
use serde_json::{Value, json};

use crate::support::value;
use crate::zudello_support::{KEY, TEAM, Zudello, changed, usual, uuid};

/// The same call without one header, or with another value in it.
fn with(request: Request, name: &str, value: Option<&str>) -> Request {
    let mut request = request;
    request
        .headers
        .retain(|(held, _)| !held.eq_ignore_ascii_case(name));
    match value {
        Some(value) => request.header(name, value),
        None => request,
    }
}

#[test]
fn each_missing_or_wrong_header_has_its_status() {
    let zudello = usual();
    let other = "33333333-3333-4333-8333-333333333333";
    let cases: &[(&str, Option<&str>, u16)] = &[
        ("Authorization", None, 401),
        ("Authorization", Some("Bearer eyJ-other"), 401),
        ("Authorization", Some("Token eyJ-key"), 401),
        ("Authorization", Some("eyJ-key"), 401),
        ("x-team", None, 400),
        ("x-team", Some(other), 403),
        ("x-organization", None, 400),
        ("x-organization", Some(other), 403),
        ("Accept", None, 200),
    ];
    for (name, value, status) in cases {
        let request = with(zudello.request("GET", "transactions"), name, *value);
        let reply = zudello.0.handle(&request);
        assert_eq!(
            reply.status,
            *status,
            "{name}: {value:?}: {}",
            reply.body_text()
        );
    }
}

#[test]
fn keys_end_and_can_be_switched_off() {
    let zudello = usual();
    let edit = |patch: Value| zudello.0.zudello(TEAM).edit("keys", KEY, patch).unwrap();
    let status = || zudello.get("transactions").status;
    edit(json!({ "expires": "2026-11-22T02:01:00Z" }));
    assert_eq!(status(), 200);
    zudello.0.advance_seconds(60);
    assert_eq!(status(), 401, "expired");
    edit(json!({ "expires": null, "active": false }));
    assert_eq!(status(), 403, "not active");
    edit(json!({ "active": true }));
    assert_eq!(status(), 200);
}

#[test]
fn a_key_of_another_team_is_not_assigned() {
    let mut seed = crate::zudello_support::seed(|_| {});
    let mut second = seed.zudello.teams[0].clone();
    second.name = "Second".to_owned();
    second.team = Some("44444444-4444-4444-8444-444444444444".parse().unwrap());
    second.keys[0].key = "eyJ-second".to_owned();
    second.customers.clear();
    seed.zudello.teams.push(second);
    let zudello = Zudello(crate::support::planted(&seed));
    let call = |key: &str, team: &str| {
        let request = zudello.request("GET", "transactions");
        let request = with(request, "Authorization", Some(&format!("Bearer {key}")));
        zudello
            .0
            .handle(&with(request, "x-team", Some(team)))
            .status
    };
    let (first, second) = (
        "22222222-2222-4222-8222-222222222222",
        "44444444-4444-4444-8444-444444444444",
    );
    assert_eq!(call("eyJ-key", first), 200);
    assert_eq!(call("eyJ-second", second), 200);
    assert_eq!(call("eyJ-second", first), 403);
    assert_eq!(call("eyJ-key", second), 403);
}

#[test]
fn a_key_without_every_document_sees_a_shorter_list() {
    let count = |data: Data, owner: &str| {
        let zudello = changed(|team| {
            team.keys[0].data = data;
            team.keys[0].description = owner.to_owned();
        });
        zudello.waiting().len()
    };
    assert_eq!(count(Data::All, "ledgerline"), 30);
    assert_eq!(count(Data::Own, "ledgerline"), 0);
    let (own, related) = (count(Data::Own, "kim"), count(Data::Related, "kim"));
    assert!(0 < own && own < related && related <= 30, "{own} {related}");
    let zudello = changed(|team| team.keys[0].data = Data::Own);
    let hidden = zudello.0.zudello(TEAM).transactions();
    let reply = zudello.get(&format!("transactions/{}", uuid(&hidden[0])));
    assert_eq!(reply.status, 404);
}

#[test]
fn permissions_are_by_module_and_act() {
    let zudello = changed(|team| {
        team.keys[0].permissions = vec!["SALES:CREDIT#READ".to_owned()];
    });
    let rows = zudello.rows("transactions");
    assert_eq!(rows.len(), 34, "the other modules are left out");
    let asked = zudello.get("transactions?module=SALES&submodule=INVOICE");
    assert_eq!(asked.status, 403);
    let uuid = uuid(&zudello.waiting()[0]);
    let (status, body) = zudello.patch(&uuid, &json!({ "status": "COMPLETE" }));
    assert_eq!(status, 403);
    let text = body["detail"].as_str().unwrap();
    assert!(text.contains("SALES:CREDIT#UPDATE"), "{text}");
}

#[test]
fn errors_come_in_four_shapes() {
    let body = |kind: ErrorBodies| {
        let zudello = changed(|team| team.contract.error_bodies = kind);
        zudello.get("transactions?ordering=nope").body_text()
    };
    let text = "'nope' is not a field to order by.";
    assert_eq!(
        body(ErrorBodies::Detail),
        json!({ "detail": text }).to_string()
    );
    assert_eq!(
        body(ErrorBodies::Message),
        json!({ "message": text }).to_string()
    );
    assert_eq!(
        body(ErrorBodies::Errors),
        json!({ "errors": { "ordering": [text] } }).to_string()
    );
    assert_eq!(body(ErrorBodies::Text), text);
}

#[test]
fn limits_are_there_if_the_seed_names_them() {
    let zudello = changed(|team| {
        team.keys[0].limits = Limits {
            on: true,
            second: 2,
            ..Limits::default()
        };
    });
    let statuses: Vec<u16> = (0..3).map(|_| zudello.get("transactions").status).collect();
    assert_eq!(statuses, [200, 200, 429]);
    assert_eq!(
        zudello.get("transactions").header_value("retry-after"),
        Some("1")
    );
    zudello.0.advance_seconds(1);
    assert_eq!(zudello.get("transactions").status, 200);
    zudello.0.advance_seconds(60);
    let body = json!({ "vendor": "zudello", "account": TEAM, "limits": { "minute": 1 } });
    let request = Request::new("POST", "/_sandbox/limits").body(body.to_string());
    assert_eq!(zudello.0.handle(&request).status, 200);
    let statuses: Vec<u16> = (0..2).map(|_| zudello.get("transactions").status).collect();
    assert_eq!(statuses, [200, 429]);
}

#[test]
fn names_and_paths_are_the_teams_own() {
    let zudello = changed(|team| {
        let contract = &mut team.contract;
        contract.auth_header = "X-Api-Key".to_owned();
        contract.auth_scheme = String::new();
        contract.org_header = String::new();
        contract.team_header = "X-Zudello-Team".to_owned();
        contract.paths.list = "/v3/documents".to_owned();
        contract.paths.get = "/v3/documents/{uuid}".to_owned();
        contract.paths.update = "/v3/documents/{uuid}/state".to_owned();
        contract.paths.resource = "/v3/{resource}".to_owned();
        contract
            .paths
            .names
            .insert("tax-rates".to_owned(), "taxrates".to_owned());
        contract.update_method = "PUT".to_owned();
    });
    let call = |method: &str, path: &str, body: &Value| {
        let request = Request::new(method, path)
            .header("x-api-key", KEY)
            .header("x-zudello-team", "22222222-2222-4222-8222-222222222222")
            .body(body.to_string());
        let reply = zudello.0.handle(&request);
        (reply.status, value(&reply))
    };
    let none = json!(null);
    let (status, list) = call("GET", "/v3/documents?status=PENDING_ERP", &none);
    assert_eq!(status, 200);
    let uuid = uuid(&list["results"][0]);
    assert_eq!(call("GET", &format!("/v3/documents/{uuid}"), &none).0, 200);
    let path = format!("/v3/documents/{uuid}/state");
    assert_eq!(call("PUT", &path, &json!({ "status": "COMPLETE" })).0, 200);
    assert_eq!(call("GET", "/v3/taxrates", &none).0, 200);
    assert_eq!(call("GET", "/v3/tax-rates", &none).0, 404);
    assert_eq!(call("GET", "/api/v1/transactions", &none).0, 404);
}

#[test]
fn calls_are_logged_under_the_team_and_without_the_key() {
    let zudello = usual();
    let uuid = uuid(&zudello.waiting()[0]);
    zudello.get("transactions?stauts=PENDING_ERP");
    zudello.patch(&uuid, &json!({ "status": "COMPLETE", "total": "1.00" }));
    let calls = serde_json::to_value(zudello.0.calls()).unwrap();
    assert_eq!(calls[0]["vendor"], "zudello");
    assert_eq!(calls[0]["account"], TEAM);
    assert_eq!(
        calls[1]["remarks"],
        json!(["stauts is ignored: no such parameter"])
    );
    assert_eq!(calls[2]["kind"], "writing");
    assert_eq!(
        calls[2]["remarks"],
        json!(["total is ignored: it cannot be written"])
    );
    assert!(!calls.to_string().contains(KEY), "{calls}");
    let counts = serde_json::to_value(zudello.0.counts()).unwrap();
    assert_eq!(counts, json!({ "zudello": { "reading": 2, "writing": 1 } }));
}

#[test]
fn the_neighbour_on_the_same_paths_keeps_its_calls() {
    let world = crate::support::small();
    let omni = crate::support::Omni(world.clone());
    assert_eq!(omni.get("CreditNotes?rows=1").status, 200);
    assert_eq!(omni.get("transactions").status, 404);
    let nobody = world.handle(&Request::new("GET", "/api/v1/CreditNotes"));
    assert_eq!(nobody.body_text(), "\"Unauthorized access.\"");
    let request = Request::new("GET", "/api/v1/transactions")
        .header("Authorization", "Bearer eyJ-small-key")
        .header("x-organization", "11111111-1111-4111-8111-111111111111")
        .header("x-team", "22222222-2222-4222-8222-222222222222");
    let reply = world.handle(&request);
    assert_eq!(value(&reply)["count"], 12);
}
