//! Consent, tokens and connections.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sandbox::{Reply, Request, World};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::support::{TENANT, Xero, small, token, value};

const BACK: &str = "http://localhost:8731/callback";

fn query(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

fn consent(world: &World, client: &str, extra: &[(&str, &str)], tenants: &[&str]) -> Reply {
    let mut pairs = vec![
        ("response_type", "code"),
        ("client_id", client),
        ("redirect_uri", BACK),
        (
            "scope",
            "openid offline_access accounting.invoices accounting.contacts",
        ),
        ("state", "s1"),
    ];
    pairs.extend_from_slice(extra);
    let ids: Vec<String> = tenants
        .iter()
        .map(|it| world.xero(it).tenant_id().unwrap().to_string())
        .collect();
    let target = format!("/identity/connect/authorize?{}", query(&pairs));
    let post =
        |form: &[(&str, &str)]| world.handle(&Request::new("POST", &target).body(query(form)));
    let page = world.handle(&Request::new("GET", &target));
    assert_eq!(page.status, 200, "{}", page.body_text());
    // Who somebody is comes before what they may give away.
    assert!(page.body_text().contains("Log in") && !page.body_text().contains(TENANT));
    let page = post(&[("email", "kim@harbour.example"), ("password", "secret")]);
    assert_eq!(page.status, 200, "{}", page.body_text());
    assert!(page.body_text().contains(TENANT));
    let mut form = vec![("signed-in", "yes"), ("decision", "allow")];
    form.extend(ids.iter().map(|it| ("tenant", it.as_str())));
    post(&form)
}

fn code_of(reply: &Reply) -> String {
    assert_eq!(reply.status, 302);
    let location = url::Url::parse(reply.header_value("location").unwrap()).unwrap();
    let pairs: Vec<_> = location.query_pairs().collect();
    assert!(
        pairs
            .iter()
            .any(|(name, value)| name == "state" && value == "s1")
    );
    pairs
        .iter()
        .find(|(name, _)| name == "code")
        .unwrap()
        .1
        .to_string()
}

fn exchange(world: &World, code: &str) -> Reply {
    let form = query(&[
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", BACK),
    ]);
    token(world, ("web-app", "web-secret"), &form)
}

fn refresh(world: &World, refresh_token: &str) -> Reply {
    let form = query(&[
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh_token),
    ]);
    token(world, ("web-app", "web-secret"), &form)
}

#[test]
fn one_consent_covers_several_organisations() {
    let world = small();
    let code = code_of(&consent(
        &world,
        "web-app",
        &[],
        &[TENANT, "Second Pty Ltd"],
    ));
    let tokens = value(&exchange(&world, &code));
    assert_eq!(tokens["expires_in"], 1800);
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    let get = Request::new("GET", "/connections").header("Authorization", &bearer);
    let connections = value(&world.handle(&get));
    assert_eq!(connections.as_array().unwrap().len(), 2);
    assert_eq!(connections[0]["tenantName"], TENANT);
    assert_eq!(connections[0]["tenantType"], "ORGANISATION");

    let id = connections[1]["id"].as_str().unwrap();
    let delete = Request::new("DELETE", &format!("/connections/{id}"));
    assert_eq!(
        world
            .handle(&delete.header("Authorization", &bearer))
            .status,
        204
    );
    assert_eq!(value(&world.handle(&get)).as_array().unwrap().len(), 1);
}

#[test]
fn a_code_works_once_and_for_five_minutes() {
    let world = small();
    let code = code_of(&consent(&world, "web-app", &[], &[TENANT]));
    assert_eq!(exchange(&world, &code).status, 200);
    assert_eq!(
        value(&exchange(&world, &code)),
        json!({ "error": "invalid_grant" })
    );
    let late = code_of(&consent(&world, "web-app", &[], &[TENANT]));
    world.advance_seconds(301);
    assert_eq!(exchange(&world, &late).status, 400);
}

#[test]
fn refresh_tokens_rotate_with_half_an_hour_of_grace() {
    let world = small();
    let code = code_of(&consent(&world, "web-app", &[], &[TENANT]));
    let first = value(&exchange(&world, &code));
    let first = first["refresh_token"].as_str().unwrap();
    let second = value(&refresh(&world, first));
    let second = second["refresh_token"].as_str().unwrap();
    assert_ne!(first, second);
    world.advance_seconds(29 * 60);
    assert_eq!(refresh(&world, first).status, 200, "within the grace");
    world.advance_seconds(2 * 60);
    assert_eq!(
        value(&refresh(&world, first)),
        json!({ "error": "invalid_grant" })
    );
    world.advance_seconds(60 * 86_400);
    assert_eq!(refresh(&world, second).status, 400, "unused for sixty days");
}

#[test]
fn pkce_needs_the_right_verifier_and_no_secret() {
    let world = small();
    let verifier = "v".repeat(50);
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
    let extra = [
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    for (given, status) in [(verifier.as_str(), 200), ("wrong", 400)] {
        let code = code_of(&consent(&world, "pkce-app", &extra, &[TENANT]));
        let form = query(&[
            ("grant_type", "authorization_code"),
            ("client_id", "pkce-app"),
            ("code", &code),
            ("redirect_uri", BACK),
            ("code_verifier", given),
        ]);
        let reply = world.handle(
            &Request::new("POST", "/connect/token")
                .header("Content-Type", "application/x-www-form-urlencoded")
                .body(form),
        );
        assert_eq!(reply.status, status, "{given}");
    }
}

#[test]
fn bad_clients_scopes_and_addresses_are_refused() {
    let world = small();
    let cases = [
        (
            ("web-app", "wrong"),
            "grant_type=refresh_token&refresh_token=x",
            "invalid_client",
        ),
        (
            ("nobody", "x"),
            "grant_type=refresh_token&refresh_token=x",
            "invalid_client",
        ),
        (
            ("web-app", "web-secret"),
            "grant_type=refresh_token&refresh_token=x",
            "invalid_grant",
        ),
        (
            ("web-app", "web-secret"),
            "grant_type=client_credentials",
            "unauthorized_client",
        ),
        (
            ("web-app", "web-secret"),
            "grant_type=password",
            "unsupported_grant_type",
        ),
        (
            ("custom-app", "custom-secret"),
            "grant_type=client_credentials&scope=accounting.everything",
            "invalid_scope",
        ),
    ];
    for (app, form, error) in cases {
        let reply = token(&world, app, form);
        assert_eq!(
            (reply.status, &value(&reply)["error"]),
            (400, &json!(error)),
            "{form}"
        );
    }
    let target = format!(
        "/identity/connect/authorize?{}",
        query(&[
            ("client_id", "web-app"),
            ("redirect_uri", "http://127.0.0.1:8731/callback")
        ])
    );
    assert_eq!(world.handle(&Request::new("GET", &target)).status, 400);
}

#[test]
fn a_user_who_cancels_is_sent_back_with_an_error() {
    let world = small();
    let target = format!(
        "/identity/connect/authorize?{}",
        query(&[
            ("response_type", "code"),
            ("client_id", "web-app"),
            ("redirect_uri", BACK),
            ("scope", "openid"),
            ("state", "s2"),
        ])
    );
    let reply = world.handle(&Request::new("POST", &target).body("decision=cancel"));
    assert_eq!(
        reply.header_value("location"),
        Some("http://localhost:8731/callback?error=access_denied&state=s2")
    );
}

#[test]
fn revoking_removes_every_connection_of_the_user() {
    let world = small();
    let code = code_of(&consent(&world, "web-app", &[], &[TENANT]));
    let tokens = value(&exchange(&world, &code));
    let form = query(&[("token", tokens["refresh_token"].as_str().unwrap())]);
    let basic = base64::engine::general_purpose::STANDARD.encode("web-app:web-secret");
    let revoke = Request::new("POST", "/connect/revocation")
        .header("Authorization", &format!("Basic {basic}"))
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(form);
    assert_eq!(world.handle(&revoke).status, 200);
    assert_eq!(
        refresh(&world, tokens["refresh_token"].as_str().unwrap()).status,
        400
    );
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    let get = Request::new("GET", "/connections").header("Authorization", &bearer);
    assert_eq!(world.handle(&get).status, 401);
}

#[test]
fn access_tokens_end_after_half_an_hour() {
    let world = small();
    let xero = Xero::new(&world);
    assert_eq!(xero.get("Organisation").status, 200);
    world.advance_seconds(1800);
    let reply = xero.get("Organisation");
    assert_eq!(reply.status, 401);
    assert_eq!(
        value(&reply)["Detail"],
        "TokenExpired: token expired at 11/22/2026 02:30:00"
    );
}
