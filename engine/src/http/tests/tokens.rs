//! OAuth tokens: renewed in time, one renewal at a time, never used before they are kept.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use serde_json::json;

use super::support::{Reply, Seen, World, call, oauth, oauth_connection, send, words};
use crate::{
    config::Connection,
    http::{Call, CallClass, Channel},
    plugins::Cancel,
};

const TOKEN: &str = "https://id.acme.example/token";

fn get() -> Call {
    Call {
        auth: "oauth".to_owned(),
        ..call("GET", "/x")
    }
}

/// A world whose app has a person's consent: tokens `a0` and `r0` for half an hour.
fn connected(behaviour: impl FnMut(&Seen) -> Reply + Send + 'static) -> World {
    let mut world = World::new(oauth(), behaviour);
    world.app.grant = "authorization-code".to_owned();
    world.connect("canary-a0", "canary-r0", 1_800);
    world
}

/// A token endpoint that rotates: `canary-r0` → `canary-a1`, `canary-r1` → …
fn rotate(seen: &Seen, grants: &AtomicU32) -> Reply {
    let now = grants.load(Ordering::SeqCst);
    if !seen.body.contains(&format!("refresh_token=canary-r{now}")) {
        return Reply::Answer(400, Vec::new(), r#"{"error":"invalid_grant"}"#.to_owned());
    }
    let next = grants.fetch_add(1, Ordering::SeqCst) + 1;
    granted(next)
}

fn granted(next: u32) -> Reply {
    Reply::ok(
        &json!({
            "access_token": format!("canary-a{next}"),
            "refresh_token": format!("canary-r{next}"),
            "expires_in": 1_800,
        })
        .to_string(),
    )
}

fn channel(world: &World) -> Channel {
    world.channel_of(&oauth_connection())
}

fn bearer(seen: &Seen) -> &str {
    seen.header("authorization").unwrap_or_default()
}

async fn minutes(world: &World, minutes: u64) {
    world.clock.sleep(Duration::from_secs(60 * minutes)).await;
}

#[tokio::test(start_paused = true)]
async fn tokens_are_renewed_ahead_and_kept_before_use() {
    let grants = Arc::new(AtomicU32::new(0));
    let world = {
        let grants = grants.clone();
        connected(move |seen| {
            if seen.url == TOKEN {
                rotate(seen, &grants)
            } else {
                Reply::ok("")
            }
        })
    };
    let channel = channel(&world);
    send(&channel, get()).await;
    minutes(&world, 27).await;
    send(&channel, get()).await;
    minutes(&world, 2).await;
    send(&channel, get()).await;
    let seen = world.vendor.seen();
    let urls: Vec<_> = seen.iter().map(|it| it.url == TOKEN).collect();
    assert_eq!(urls, [false, false, true, false]);
    assert_eq!(bearer(&seen[1]), "Bearer canary-a0");
    assert_eq!(bearer(&seen[3]), "Bearer canary-a1");
    assert_eq!(seen[3].header("x-account"), Some("account-1"));
    assert_eq!(world.kept_refresh().as_deref(), Some("canary-r1"));
    // client-1:canary-client-secret
    assert_eq!(
        bearer(&seen[2]),
        "Basic Y2xpZW50LTE6Y2FuYXJ5LWNsaWVudC1zZWNyZXQ="
    );
    assert_eq!(
        seen[2].body,
        "grant_type=refresh_token&refresh_token=canary-r0"
    );
}

#[tokio::test(start_paused = true)]
async fn a_crowd_renews_once() {
    let grants = Arc::new(AtomicU32::new(0));
    let world = {
        let grants = grants.clone();
        connected(move |seen| {
            if seen.url == TOKEN {
                Reply::slow(3, rotate(seen, &grants))
            } else {
                Reply::ok("")
            }
        })
    };
    let mut other = oauth_connection();
    other.name = "acme-au".to_owned();
    let (one, two) = (channel(&world), world.channel_of(&other));
    minutes(&world, 40).await;
    let calls = (0..20).map(|it| send(if it % 2 == 0 { &one } else { &two }, get()));
    let outcomes = futures_util::future::join_all(calls).await;
    assert!(outcomes.iter().all(|it| words(it) == "200x1"));
    assert_eq!(grants.load(Ordering::SeqCst), 1);
    assert_eq!(world.vendor.seen().len(), 21);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_asked_for_with_the_old_refresh_token() {
    let mut lost = 0;
    let world = connected(move |seen| {
        if seen.url != TOKEN {
            return Reply::ok("");
        }
        lost += 1;
        match lost {
            // The vendor has rotated, and nobody heard. It still takes the old one.
            1 => Reply::Lost,
            2 => Reply::ok("<html>"),
            _ => granted(1),
        }
    });
    minutes(&world, 40).await;
    assert_eq!(words(&send(&channel(&world), get()).await), "200x1");
    let seen = world.vendor.seen();
    for it in &seen[..3] {
        assert_eq!(it.body, "grant_type=refresh_token&refresh_token=canary-r0");
    }
    assert_eq!(bearer(&seen[3]), "Bearer canary-a1");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_still_lives_outlasts_an_outage_of_the_endpoint() {
    let world = connected(|seen| {
        if seen.url == TOKEN {
            Reply::status(503)
        } else {
            Reply::ok("")
        }
    });
    let channel = channel(&world);
    minutes(&world, 29).await;
    assert_eq!(words(&send(&channel, get()).await), "200x1");
    minutes(&world, 2).await;
    let outcome = words(&send(&channel, get()).await);
    assert_eq!(
        outcome,
        "not sent: https://id.acme.example/token: tokens of app `acme-app` could not be renewed: \
         status 503"
    );
    assert_eq!(world.kept_refresh().as_deref(), Some("canary-r0"));
}

#[tokio::test(start_paused = true)]
async fn a_withdrawn_consent_is_said_once_and_asked_once() {
    let world = connected(|seen| match seen.url.as_str() {
        TOKEN => Reply::Answer(400, Vec::new(), r#"{"error":"invalid_grant"}"#.to_owned()),
        _ => Reply::ok(""),
    });
    let channel = channel(&world);
    minutes(&world, 40).await;
    let gone = "not sent: the consent of app `acme-app` was withdrawn or has run out; run \
                `ledgerline connect acme-nz`";
    for _ in 0..3 {
        assert_eq!(words(&send(&channel, get()).await), gone);
        minutes(&world, 10).await;
    }
    assert_eq!(world.vendor.seen().len(), 1, "the endpoint was asked once");
    // Somebody connects again; nothing has to be restarted.
    world.connect("canary-a9", "canary-r9", 1_800);
    assert_eq!(words(&send(&channel, get()).await), "200x1");
    assert_eq!(bearer(&world.vendor.seen()[1]), "Bearer canary-a9");
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_renewed_once() {
    let grants = Arc::new(AtomicU32::new(0));
    let expired = r#"{"Detail":"TokenExpired: token expired"}"#;
    // name, tokens that the vendor takes, body of the refusal, outcome, calls
    let cases = [
        ("cured by a new one", "canary-a1", expired, "200x2", 3),
        ("not cured", "none", expired, "401x2", 3),
        ("of another kind", "none", "insufficient scope", "401x1", 1),
    ];
    for (name, good, refusal, expected, calls) in cases {
        grants.store(0, Ordering::SeqCst);
        let grants = grants.clone();
        let world = connected(move |seen| {
            if seen.url == TOKEN {
                rotate(seen, &grants)
            } else if bearer(seen).ends_with(good) {
                Reply::ok("")
            } else {
                Reply::Answer(401, Vec::new(), refusal.to_owned())
            }
        });
        let write = Call {
            auth: "oauth".to_owned(),
            ..call("PUT", "/x")
        };
        assert_eq!(
            words(&send(&channel(&world), write).await),
            expected,
            "{name}"
        );
        assert_eq!(world.vendor.seen().len(), calls, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_crowd_of_refused_tokens_renews_once() {
    let grants = Arc::new(AtomicU32::new(0));
    let world = {
        let grants = grants.clone();
        connected(move |seen| {
            if seen.url == TOKEN {
                Reply::slow(1, rotate(seen, &grants))
            } else if bearer(seen).ends_with("canary-a1") {
                Reply::ok("")
            } else {
                Reply::Answer(401, Vec::new(), "tokenexpired".to_owned())
            }
        })
    };
    let channel = channel(&world);
    let outcomes = futures_util::future::join_all((0..10).map(|_| send(&channel, get()))).await;
    assert!(outcomes.iter().all(|it| words(it) == "200x2"));
    assert_eq!(grants.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_new_token_is_not_used_before_the_store_has_it() {
    let grants = Arc::new(AtomicU32::new(0));
    let world = {
        let grants = grants.clone();
        connected(move |seen| {
            if seen.url == TOKEN {
                rotate(seen, &grants)
            } else {
                Reply::ok("")
            }
        })
    };
    let channel = channel(&world);
    minutes(&world, 40).await;
    *world.rows.full.lock().unwrap() = true;
    let outcome = words(&send(&channel, get()).await);
    assert!(
        outcome.contains("the new tokens of app `acme-app` could not be stored"),
        "{outcome}"
    );
    assert_eq!(world.vendor.seen().len(), 1, "nothing but the renewal left");
    // The rotated token was not thrown away meanwhile.
    *world.rows.full.lock().unwrap() = false;
    assert_eq!(words(&send(&channel, get()).await), "200x1");
    assert_eq!(grants.load(Ordering::SeqCst), 1);
    assert_eq!(world.kept_refresh().as_deref(), Some("canary-r1"));
}

#[tokio::test(start_paused = true)]
async fn a_renewal_outlives_the_call_that_needed_it() {
    let grants = Arc::new(AtomicU32::new(0));
    let world = {
        let grants = grants.clone();
        connected(move |seen| {
            if seen.url == TOKEN {
                Reply::slow(10, rotate(seen, &grants))
            } else {
                Reply::ok("")
            }
        })
    };
    let channel = channel(&world);
    minutes(&world, 40).await;
    let sending = send(&channel, get());
    assert!(
        tokio::time::timeout(Duration::from_secs(1), sending)
            .await
            .is_err()
    );
    world.clock.sleep(Duration::from_secs(20)).await;
    assert_eq!(world.kept_refresh().as_deref(), Some("canary-r1"));
    assert_eq!(words(&send(&channel, get()).await), "200x1");
    assert_eq!(grants.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn client_credentials_ask_anew() {
    let mut next = 0;
    let world = World::new(oauth(), move |seen| {
        if seen.url != TOKEN {
            return Reply::ok("");
        }
        next += 1;
        Reply::ok(
            &json!({ "access_token": format!("canary-a{next}"), "expires_in": 1_800 }).to_string(),
        )
    });
    let one = channel(&world);
    send(&one, get()).await;
    minutes(&world, 29).await;
    send(&one, get()).await;
    let seen = world.vendor.seen();
    assert_eq!(
        seen[0].body,
        "grant_type=client_credentials&scope=books+offline"
    );
    assert_eq!(bearer(&seen[1]), "Bearer canary-a1");
    assert_eq!(bearer(&seen[3]), "Bearer canary-a2");
    // The next start goes on with the token that is still good.
    let world = world.restarted(oauth(), |_| Reply::ok(""));
    send(&channel(&world), get()).await;
    assert_eq!(bearer(&world.vendor.seen()[0]), "Bearer canary-a2");
}

#[tokio::test(start_paused = true)]
async fn what_is_missing_is_said_plainly() {
    let refuse = |body: &str| {
        let body = body.to_owned();
        move |_: &Seen| Reply::Answer(400, Vec::new(), body.clone())
    };
    let mut world = World::new(oauth(), refuse(r#"{"error":"invalid_client"}"#));
    assert_eq!(
        words(&send(&channel(&world), get()).await),
        "not sent: the vendor refused the client of app `acme-app` (invalid_client); check \
         client-id, client-secret and scopes of [apps.acme-app]"
    );
    world.app.grant = "authorization-code".to_owned();
    world.app.name = "new-app".to_owned();
    assert_eq!(
        words(&send(&channel(&world), get()).await),
        "not sent: app `new-app` is not connected; run `ledgerline connect acme-nz`"
    );
    let no_app = Connection {
        app: None,
        ..oauth_connection()
    };
    assert_eq!(
        words(&send(&world.channel_of(&no_app), get()).await),
        "not sent: connection `acme-nz` names no app; add `app = \"…\"` to [connections.acme-nz]"
    );
    let slot = Call {
        auth: "other".to_owned(),
        ..get()
    };
    assert!(words(&send(&world.channel_of(&no_app), slot).await).contains("it has oauth"));
}

#[tokio::test(start_paused = true)]
async fn tokens_of_another_client_are_not_used() {
    let mut world = connected(|_| Reply::ok(""));
    world.app.client_id = "client-2".to_owned();
    let outcome = words(&send(&channel(&world), get()).await);
    assert_eq!(
        outcome,
        "not sent: app `acme-app` is not connected; run `ledgerline connect acme-nz`"
    );
}

#[tokio::test(start_paused = true)]
async fn a_disconnected_account_says_what_to_do() {
    let world = connected(|_| Reply::status(403));
    let outcome = channel(&world)
        .send(get(), CallClass::Scheduled, &Cancel::default())
        .await;
    assert_eq!(
        words(&outcome),
        "not sent: the vendor does not let connection `acme-nz` reach its account (status 403); \
         run `ledgerline connect acme-nz`"
    );
    assert_eq!(world.vendor.seen().len(), 1);
}
