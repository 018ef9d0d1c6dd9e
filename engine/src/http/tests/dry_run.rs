//! A channel without a writing half.

use serde_json::json;

use super::support::{Reply, World, call, connection, keyed, oauth, oauth_connection, send, words};
use crate::http::{Call, Repeat};

#[tokio::test(start_paused = true)]
async fn only_reads_and_token_requests_leave() {
    let world = World::new(oauth(), |seen| match seen.url.as_str() {
        "https://id.acme.example/token" => Reply::ok(r#"{"access_token":"a1"}"#),
        _ => Reply::ok("{}"),
    });
    let channel = world.channel_of(&oauth_connection()).read_only();
    assert!(channel.is_read_only() && channel.read_only().is_read_only());
    let slot = |call: Call| Call {
        auth: "oauth".to_owned(),
        ..call
    };
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        for repeat in [Repeat::Never, Repeat::Safe, keyed(&world, 100).repeat] {
            let call = Call {
                repeat,
                ..slot(call(method, "/x"))
            };
            let outcome = words(&send(&channel, call).await);
            assert_eq!(
                outcome, "not sent: a dry run makes no writing call",
                "{method}"
            );
        }
    }
    assert_eq!(world.vendor.seen().len(), 0);
    for method in ["GET", "HEAD"] {
        assert_eq!(
            words(&send(&channel, slot(call(method, "/x"))).await),
            "200x1"
        );
    }
    let methods: Vec<_> = world
        .vendor
        .seen()
        .iter()
        .map(|it| it.method.clone())
        .collect();
    assert_eq!(
        methods,
        ["POST", "GET", "HEAD"],
        "the first asks for the token"
    );
}

#[tokio::test(start_paused = true)]
async fn it_shares_budget_and_counters_with_the_writing_one() {
    let world = World::new(json!({ "budget": { "account": { "minute": 2 } } }), |_| {
        Reply::ok("{}")
    });
    let channel = world.channel();
    send(&channel, call("PUT", "/x")).await;
    send(&channel.read_only(), call("GET", "/x")).await;
    send(&channel, call("PUT", "/x")).await;
    assert_eq!(world.vendor.times(), [0, 0, 60_250]);
    let counts = channel.counts();
    assert_eq!(
        (
            counts.reading,
            counts.writing,
            counts.bytes_in,
            counts.bytes_out
        ),
        (1, 2, 6, 14)
    );
    assert_eq!(world.network.counts()["acme-nz"], counts);
}

#[tokio::test(start_paused = true)]
async fn the_pin_is_the_engines() {
    let fields = |optional: bool| json!({ "pin": { "header": "X-Account", "optional": optional } });
    let world = World::new(fields(false), |_| Reply::ok("{}"));
    send(&world.channel(), call("GET", "/pinned")).await;
    send(
        &world.channel(),
        Call {
            auth: String::new(),
            ..call("GET", "/no-credential")
        },
    )
    .await;
    let seen = world.vendor.seen();
    assert_eq!(seen[0].header("x-account"), Some("account-1"));
    assert_eq!(seen[1].header("x-account"), None);
    assert_eq!(seen[1].header("authorization"), None);

    let forged = Call {
        headers: vec![("x-account".to_owned(), "other".to_owned())],
        ..call("GET", "/forged")
    };
    assert!(words(&send(&world.channel(), forged).await).contains("set by the engine alone"));

    let mut unpinned = connection();
    unpinned.account = None;
    let outcome = words(&send(&world.channel_of(&unpinned), call("GET", "/x")).await);
    assert_eq!(
        outcome,
        "not sent: connection `acme-nz` is not pinned to an account; run `ledgerline connect acme-nz`"
    );
    let discovery = world.network.discovery(world.spec(&unpinned)).unwrap();
    assert!(discovery.is_read_only());
    assert_eq!(
        words(&send(&discovery, call("GET", "/accounts")).await),
        "200x1"
    );

    let world = World::new(fields(true), |_| Reply::ok("{}"));
    assert_eq!(
        words(&send(&world.channel_of(&unpinned), call("GET", "/x")).await),
        "200x1"
    );
}

#[tokio::test(start_paused = true)]
async fn a_persons_consent_needs_a_pin_even_where_a_pin_is_optional() {
    let mut fields = oauth();
    fields["pin"]["optional"] = json!(true);
    let mut world = World::new(fields, |_| Reply::ok(r#"{"access_token":"a1"}"#));
    let mut unpinned = oauth_connection();
    unpinned.account = None;
    let get = || Call {
        auth: "oauth".to_owned(),
        ..call("GET", "/x")
    };
    assert_eq!(
        words(&send(&world.channel_of(&unpinned), get()).await),
        "200x1"
    );
    world.app.grant = "authorization-code".to_owned();
    let outcome = words(&send(&world.channel_of(&unpinned), get()).await);
    assert!(outcome.contains("is not pinned to an account"), "{outcome}");
}
