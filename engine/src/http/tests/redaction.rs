//! No secret gets out: canaries in every slot, and a vendor that echoes everything it is sent.

use std::sync::{Arc, Mutex};

use ledgerline_plugin_api::recording::Recording;
use serde_json::json;

use super::support::{
    CANARIES, Reply, Seen, World, call, connection, oauth, oauth_connection, recorded, send, words,
};
use crate::{
    config::{Connection, SecretRef},
    http::{Call, CallNote, CallSink, Outcome},
};

#[derive(Default)]
struct Notes(Mutex<Vec<CallNote>>);

impl CallSink for Notes {
    fn done(&self, note: CallNote) {
        self.0.lock().unwrap().push(note);
    }
}

/// Everything of a call, as a careless vendor might send it back.
fn echo(seen: &Seen) -> String {
    let headers: Vec<_> = seen
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    json!({ "url": seen.url, "headers": headers, "body": seen.body }).to_string()
}

fn assert_clean(what: &str, text: &str) {
    for (name, canary) in CANARIES {
        assert!(!text.contains(canary), "{what} shows {name}: {text}");
    }
    assert!(!text.contains("canary"), "{what}: {text}");
}

#[tokio::test(start_paused = true)]
async fn every_slot_puts_its_secret_on_the_wire_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("recording.json");
    let world = World::new(json!({}), |seen| {
        Reply::Answer(
            200,
            vec![("Location", echo(seen)), ("X-Request-Id", echo(seen))],
            echo(seen),
        )
    });
    let notes = Arc::new(Notes::default());
    world.network.report_to(notes.clone());
    let channel = world.channel_of(&recorded(path.clone()));
    let expected = [
        // canary-username:canary-password/+ "1
        (
            "api",
            "authorization",
            "Basic Y2FuYXJ5LXVzZXJuYW1lOmNhbmFyeS1wYXNzd29yZC8rICIx",
        ),
        ("bearer", "authorization", "Bearer canary-bearer-token"),
        ("pair", "x-id", "canary-header-id"),
        ("pair", "x-key", "canary-header-key"),
    ];
    for (slot, header, value) in expected {
        let call = Call {
            auth: slot.to_owned(),
            ..call("PUT", "/x?q=1")
        };
        send(&channel, call).await;
        assert_eq!(
            world.vendor.seen().last().unwrap().header(header),
            Some(value),
            "{slot}"
        );
    }
    for note in notes.0.lock().unwrap().iter() {
        assert_clean("a call's note", &format!("{note:?}"));
        assert_eq!((note.status, note.writes, note.attempt), (200, true, 1));
    }
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(Recording::parse(&text).unwrap().exchanges.len(), 4);
    assert!(
        text.contains("[secret]"),
        "the echo is recorded, its secrets are not"
    );
    assert_clean("the recording", &text);
    assert_clean("debug output", &format!("{:?} {channel:?}", world.secrets));
}

#[tokio::test(start_paused = true)]
async fn token_endpoints_that_echo_leave_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("recording.json");
    for status in [200, 400, 401, 403, 404, 500] {
        let world = World::new(oauth(), move |seen| match seen.url.as_str() {
            "https://id.acme.example/token" => Reply::Answer(
                status,
                Vec::new(),
                json!({ "error": seen.body, "error_description": echo(seen) }).to_string(),
            ),
            _ => Reply::ok(""),
        });
        let notes = Arc::new(Notes::default());
        world.network.report_to(notes.clone());
        let connection = Connection {
            record: Some(path.clone()),
            ..oauth_connection()
        };
        let get = Call {
            auth: "oauth".to_owned(),
            ..call("GET", "/x")
        };
        let outcome = send(&world.channel_of(&connection), get).await;
        assert_clean("the outcome", &format!("{} {outcome:?}", words(&outcome)));
        assert!(
            matches!(outcome, Outcome::NotSent(_)),
            "{status}: {outcome:?}"
        );
        assert_clean("the recording", &std::fs::read_to_string(&path).unwrap());
        assert!(
            notes.0.lock().unwrap().is_empty(),
            "token requests are not calls of a connection"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn tokens_are_known_to_the_scrubber_from_the_first_use() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("recording.json");
    let world = World::new(oauth(), |seen| match seen.url.as_str() {
        "https://id.acme.example/token" => Reply::ok(r#"{"access_token":"canary-access-token"}"#),
        _ => Reply::ok(&echo(seen)),
    });
    let connection = Connection {
        record: Some(path.clone()),
        ..oauth_connection()
    };
    let get = Call {
        auth: "oauth".to_owned(),
        ..call("GET", "/x")
    };
    send(&world.channel_of(&connection), get).await;
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("Bearer [secret]"), "{text}");
    assert!(text.contains("account-1"), "the pin is no secret");
    assert_clean("the recording", &text);
}

/// Connectors were given echoes as they came: in their memory, in what they told of an error, and so
/// in the store.
#[tokio::test(start_paused = true)]
async fn a_connector_is_given_no_secret_that_a_vendor_echoes() {
    let page = |seen: &Seen| {
        let page = echo(seen).replace('+', "&#43;").replace('"', "&quot;");
        format!("<html><body>{page}</body></html>")
    };
    for status in [200, 302, 400, 401, 403, 404, 500] {
        for as_page in [true, false] {
            let world = World::new(json!({}), move |seen| {
                let headers = vec![("Location", echo(seen)), ("Www-Authenticate", echo(seen))];
                let body = if as_page { page(seen) } else { echo(seen) };
                Reply::Answer(status, headers, body)
            });
            let channel = world.channel();
            for auth in ["api", "bearer", "pair"] {
                let get = Call {
                    auth: auth.to_owned(),
                    ..call("GET", "/x")
                };
                let outcome = send(&channel, get).await;
                if let Outcome::Answer(answer) = &outcome {
                    let what = format!("{status} {auth} {as_page}");
                    let body = String::from_utf8_lossy(&answer.body);
                    assert!(body.contains("[secret]"), "{what}: {body}");
                    assert_clean(&what, &body);
                    assert_clean(&what, &format!("{:?}", answer.headers));
                }
            }
        }
    }
}

/// A user name of a few letters may stand in any document: nothing of a document is changed for it.
#[tokio::test(start_paused = true)]
async fn documents_are_given_byte_for_byte() {
    let document = r#"[{"id":1,"by":"canary-username","total":12.10}]"#;
    let world = World::new(json!({}), move |_| Reply::ok(document));
    let channel = world.channel();
    for _ in 0..2 {
        let get = Call {
            auth: "api".to_owned(),
            ..call("GET", "/x")
        };
        match send(&channel, get).await {
            Outcome::Answer(answer) => assert_eq!(&*answer.body, document.as_bytes()),
            other => panic!("{other:?}"),
        }
    }
}

/// A secret of small letters was taken for one of the standard's error codes.
#[tokio::test(start_paused = true)]
async fn a_client_secret_that_is_sent_back_as_an_error_code_is_not_told() {
    let world = World::new(oauth(), |_| {
        let body = r#"{"error":"canary_client_secret"}"#;
        Reply::Answer(400, Vec::new(), body.to_owned())
    });
    world
        .secrets
        .scrubber()
        .learn(&crate::http::secrets::Secret::new("canary_client_secret"));
    let get = Call {
        auth: "oauth".to_owned(),
        ..call("GET", "/x")
    };
    let outcome = send(&world.channel_of(&oauth_connection()), get).await;
    assert!(words(&outcome).contains("([secret])"), "{outcome:?}");
    assert_clean("the outcome", &format!("{} {outcome:?}", words(&outcome)));
}

#[tokio::test(start_paused = true)]
async fn errors_show_no_query_and_no_secret() {
    let url = "https://api.acme.example/v2/x?token=canary-password%2F%2B%20%221&q=canary";
    let replies = [Reply::Lost, Reply::Unreachable];
    for reply in replies {
        let world = World::new(json!({}), move |_| reply.clone());
        let call = Call {
            url: url.to_owned(),
            ..call("PUT", "/x")
        };
        let outcome = send(&world.channel(), call).await;
        assert_clean("the outcome", &format!("{} {outcome:?}", words(&outcome)));
    }
    let world = World::new(json!({}), |_| Reply::ok(""));
    let foreign = Call {
        url: url.replace("api.acme", "evil.acme"),
        ..call("PUT", "/x")
    };
    let outcome = send(&world.channel(), foreign).await;
    assert_clean("the outcome", &words(&outcome));
    assert!(words(&outcome).contains("evil.acme.example is not a host of this connector"));
}

#[tokio::test(start_paused = true)]
async fn missing_credentials_are_named_by_where_they_should_be() {
    let world = World::new(json!({}), |_| Reply::ok(""));
    let mut without = connection();
    without
        .credentials
        .insert("password".to_owned(), SecretRef::Env("NOT_SET".to_owned()));
    without
        .credentials
        .insert("token".to_owned(), SecretRef::File("/nowhere/token".into()));
    without.credentials.insert(
        "id".to_owned(),
        SecretRef::Keyring("svc".into(), "me".into()),
    );
    let channel = world.channel_of(&without);
    let cases = [
        (
            "api",
            "credential `password` of connection `acme-nz`: environment variable NOT_SET is not set",
        ),
        (
            "bearer",
            "credential `token` of connection `acme-nz`: secret file /nowhere/token:",
        ),
        (
            "pair",
            "credential `id` of connection `acme-nz`: keyring entry `svc, me`:",
        ),
    ];
    for (slot, expected) in cases {
        let call = Call {
            auth: slot.to_owned(),
            ..call("GET", "/x")
        };
        let outcome = words(&send(&channel, call).await);
        assert!(outcome.contains(expected), "{slot}: {outcome}");
    }
    without.credentials.remove("username");
    let outcome = words(&send(&world.channel_of(&without), call("GET", "/x")).await);
    assert!(
        outcome.contains("add `username` to [connections.acme-nz.credentials]"),
        "{outcome}"
    );
    assert_eq!(world.vendor.seen().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_replaced_credential_is_read_again_after_a_refusal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let write = |text: &str| {
        std::fs::write(&path, text).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
    };
    write("canary-old\n");
    let world = World::new(json!({}), |seen| match seen.header("authorization") {
        Some("Bearer canary-new") => Reply::ok(""),
        _ => Reply::status(401),
    });
    let mut filed = connection();
    filed
        .credentials
        .insert("token".to_owned(), SecretRef::File(path.clone()));
    let channel = world.channel_of(&filed);
    let get = || Call {
        auth: "bearer".to_owned(),
        ..call("GET", "/x")
    };
    assert_eq!(words(&send(&channel, get()).await), "401x1");
    write("canary-new\n");
    assert_eq!(words(&send(&channel, get()).await), "200x1");
}

#[tokio::test(start_paused = true)]
async fn a_bearer_token_goes_where_the_settings_say() {
    let fields = json!({ "auth": { "api": {
        "kind": "bearer",
        "header": "X-Token",
        "scheme": "Key",
        "header-setting": "token-header",
        "scheme-setting": "token-scheme",
    } } });
    // Settings of the connection, the header and its value.
    let cases = [
        (json!(null), "x-token", "Key canary-bearer-token"),
        (
            json!({ "token-scheme": "" }),
            "x-token",
            "canary-bearer-token",
        ),
        (
            json!({ "token-header": "Authorization", "token-scheme": "Bearer" }),
            "authorization",
            "Bearer canary-bearer-token",
        ),
    ];
    for (settings, header, value) in cases {
        let world = World::new(fields.clone(), |seen| Reply::ok(&echo(seen)));
        let connection = Connection {
            settings,
            ..connection()
        };
        let channel = world.channel_of(&connection);
        let get = Call {
            auth: "api".to_owned(),
            ..call("GET", "/x")
        };
        send(&channel, get.clone()).await;
        assert_eq!(world.vendor.seen()[0].header(header), Some(value));

        // Nobody else may set that header.
        let own = Call {
            headers: vec![(header.to_owned(), "mine".to_owned())],
            ..get
        };
        let outcome = send(&channel, own).await;
        assert!(
            words(&outcome).contains("is set by the engine alone"),
            "{header}: {outcome:?}"
        );
        assert_clean("debug output", &format!("{channel:?}"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_is_not_sent_in_a_header_that_shapes_the_call() {
    let fields = json!({ "auth": { "api": {
        "kind": "bearer", "header-setting": "header", "scheme-setting": "scheme",
    } } });
    let cases = [
        (json!({ "header": "Host" }), "a header named \"Host\""),
        (json!({ "header": "" }), "a header named \"\""),
        (json!({ "header": "X Bad" }), "a header named \"X Bad\""),
        (json!({ "scheme": "two words" }), "not one plain word"),
    ];
    for (settings, expected) in cases {
        let world = World::new(fields.clone(), |_| Reply::ok(""));
        let connection = Connection {
            settings: settings.clone(),
            ..connection()
        };
        let Err(refused) = world.network.channel(world.spec(&connection)) else {
            panic!("{settings} was taken");
        };
        assert!(
            refused.to_string().contains(expected),
            "{settings}: {refused}"
        );
    }
}
