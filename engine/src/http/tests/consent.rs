//! The authorization-code grant in pieces.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::support::{Reply, Seen, World, call, oauth, oauth_connection, send, words};
use crate::http::{Call, Consent, Standing, secrets::Secret};

fn world(behaviour: impl FnMut(&Seen) -> Reply + Send + 'static) -> World {
    let mut world = World::new(oauth(), behaviour);
    world.app.grant = "authorization-code".to_owned();
    world
}

fn consent(world: &World) -> Consent {
    world
        .network
        .consent(world.spec(&oauth_connection()))
        .unwrap()
        .unwrap()
}

fn redirect() -> Url {
    Url::parse("http://localhost:8123/back").unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_question_names_client_scopes_and_challenge() {
    let world = world(|_| Reply::ok(""));
    let question = consent(&world).ask(&redirect()).unwrap();
    let fields: BTreeMap<_, _> = question.url.query_pairs().into_owned().collect();
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(question.verifier.reveal()));
    let expected = [
        ("client_id", "client-1"),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
        ("redirect_uri", "http://localhost:8123/back"),
        ("response_type", "code"),
        ("scope", "books offline"),
        ("state", question.state.reveal()),
    ];
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(fields, expected);
    assert!(
        question
            .url
            .as_str()
            .starts_with("https://id.acme.example/authorize?")
    );
    assert_eq!(question.verifier.reveal().len(), 43);
    let other = consent(&world).ask(&redirect()).unwrap();
    assert!(other.state != question.state && other.verifier != question.verifier);
}

#[tokio::test(start_paused = true)]
async fn a_code_becomes_tokens_that_work_at_once() {
    let world = world(|seen| match seen.url.as_str() {
        "https://id.acme.example/token" => Reply::ok(
            r#"{"access_token":"canary-a1","refresh_token":"canary-r1","expires_in":1800}"#,
        ),
        _ => Reply::ok(""),
    });
    let channel = world.channel_of(&oauth_connection());
    let get = || Call {
        auth: "oauth".to_owned(),
        ..call("GET", "/x")
    };
    assert!(words(&send(&channel, get()).await).contains("is not connected"));
    let (code, verifier) = (Secret::new("canary-code"), Secret::new("canary-verifier"));
    consent(&world)
        .exchange_code(&code, &verifier, &redirect())
        .await
        .unwrap();
    assert_eq!(
        world.vendor.seen()[0].body,
        "grant_type=authorization_code&code=canary-code&redirect_uri=http%3A%2F%2Flocalhost%3A8123\
         %2Fback&code_verifier=canary-verifier"
    );
    assert_eq!(world.kept_refresh().as_deref(), Some("canary-r1"));
    assert_eq!(words(&send(&channel, get()).await), "200x1");
    assert!(matches!(
        consent(&world).standing().await.unwrap(),
        Standing::Connected { lacks, .. } if lacks.is_empty()
    ));
}

#[tokio::test(start_paused = true)]
async fn a_code_is_used_once() {
    let cases = [
        (
            Reply::Answer(400, Vec::new(), r#"{"error":"invalid_grant"}"#.to_owned()),
            "the consent for app `acme-app` was used up or is too old; run `ledgerline connect \
             acme-nz` again",
        ),
        (
            Reply::Lost,
            "no tokens came for app `acme-app`: connection reset; run `ledgerline connect acme-nz` \
             again",
        ),
    ];
    for (reply, expected) in cases {
        let world = world(move |_| reply.clone());
        let (code, verifier) = (Secret::new("canary-code"), Secret::new("canary-verifier"));
        let error = consent(&world)
            .exchange_code(&code, &verifier, &redirect())
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert_eq!(world.vendor.seen().len(), 1);
        assert_eq!(world.kept_refresh(), None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_consent_that_is_given_back_is_forgotten() {
    let world = world(|_| Reply::ok(""));
    world.connect("canary-a0", "canary-r0", 1_800);
    let channel = world.channel_of(&oauth_connection());
    let get = || Call {
        auth: "oauth".to_owned(),
        ..call("GET", "/x")
    };
    assert_eq!(words(&send(&channel, get()).await), "200x1");
    consent(&world).revoke().await.unwrap();
    let seen = world.vendor.seen();
    assert_eq!(seen[1].url, "https://id.acme.example/revoke");
    assert_eq!(seen[1].body, "token=canary-r0");
    assert_eq!(world.kept_refresh(), None);
    assert!(words(&send(&channel, get()).await).contains("is not connected"));
    consent(&world).revoke().await.unwrap();

    world.connect("canary-a0", "canary-r0", 1_800);
    world.vendor.now_does(|_| Reply::status(503));
    let error = consent(&world).revoke().await.unwrap_err();
    assert!(
        error.to_string().contains("was not given back: status 503"),
        "{error}"
    );
    assert!(
        world.kept_refresh().is_some(),
        "what was not given back is not forgotten"
    );
}

#[tokio::test(start_paused = true)]
async fn clients_without_a_secret_name_themselves_in_the_form() {
    let mut world = world(|_| Reply::ok(r#"{"access_token":"a"}"#));
    world.app.client_secret = None;
    let (code, verifier) = (Secret::new("c"), Secret::new("v"));
    consent(&world)
        .exchange_code(&code, &verifier, &redirect())
        .await
        .unwrap();
    let seen = world.vendor.seen();
    assert!(
        seen[0].body.ends_with("&client_id=client-1"),
        "{}",
        seen[0].body
    );
    assert_eq!(seen[0].header("authorization"), None);
}

#[tokio::test(start_paused = true)]
async fn connections_without_an_app_have_no_consent() {
    let world = world(|_| Reply::ok(""));
    let mut without = oauth_connection();
    without.app = None;
    assert!(
        world
            .network
            .consent(world.spec(&without))
            .unwrap()
            .is_none()
    );
}

#[tokio::test(start_paused = true)]
async fn how_an_app_stands_is_known_before_anything_is_sent() {
    let world = world(|_| Reply::ok(""));
    let standing = async || consent(&world).standing().await;
    assert_eq!(standing().await.unwrap(), Standing::Unconnected);
    assert_eq!(world.vendor.seen().len(), 0);

    // Good by its date: nothing is asked.
    world.connect("canary-a0", "canary-r0", 1_800);
    let connected = standing().await.unwrap();
    assert!(
        matches!(
            &connected,
            Standing::Connected {
                renewable: true,
                ..
            }
        ),
        "{connected:?}"
    );
    assert_eq!(world.vendor.seen().len(), 0);

    // Stale, and the vendor is away: nobody knows.
    tokio::time::sleep(std::time::Duration::from_secs(1_800)).await;
    world.vendor.now_does(|_| Reply::status(503));
    let error = standing().await.unwrap_err();
    assert!(
        error.to_string().contains("could not be renewed"),
        "{error}"
    );

    // Stale, and the vendor has forgotten it.
    tokio::time::sleep(std::time::Duration::from_secs(10)).await;
    world
        .vendor
        .now_does(|_| Reply::Answer(400, Vec::new(), r#"{"error":"invalid_grant"}"#.to_owned()));
    assert_eq!(standing().await.unwrap(), Standing::Gone);
    assert_eq!(standing().await.unwrap(), Standing::Gone);
}

#[tokio::test(start_paused = true)]
async fn scopes_that_a_consent_does_not_cover_are_named() {
    let world = world(|_| {
        Reply::ok(r#"{"access_token":"canary-a","refresh_token":"canary-r","scope":"offline"}"#)
    });
    let (code, verifier) = (Secret::new("canary-code"), Secret::new("canary-verifier"));
    let consent = consent(&world);
    consent
        .exchange_code(&code, &verifier, &redirect())
        .await
        .unwrap();
    let standing = consent.standing().await.unwrap();
    assert!(
        matches!(&standing, Standing::Connected { lacks, .. } if *lacks == ["books"]),
        "{standing:?}"
    );
}
