//! A recording replays to the same outcomes.

use std::sync::Arc;

use bytes::Bytes;
use ledgerline_plugin_api::recording::Recording;
use serde_json::json;

use super::support::{Reply, World, call, connection, recorded, send, words};
use crate::http::{Call, Network, ReplayTransport, Transport};

#[tokio::test(start_paused = true)]
async fn a_recording_is_whole_after_every_call_and_replays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("recording.json");
    let fields = json!({
        "answers": { "window-header": "X-Problem" },
        "budget": { "account": { "minute-left": "X-Left", "minute": 1_000 } },
    });
    let mut times = 0;
    let world = World::new(fields, move |seen| {
        times += 1;
        match (seen.method.as_str(), times) {
            (_, 1) => Reply::status(503),
            ("PUT", _) => Reply::Lost,
            _ if seen.url.ends_with("broken") => Reply::status(502),
            _ => Reply::Answer(
                200,
                vec![
                    ("Content-Type", "application/json".to_owned()),
                    ("Set-Cookie", "session=1".to_owned()),
                    ("X-Left", "59".to_owned()),
                ],
                format!("{{\"amount\": 12.10, \"call\": {times}}}"),
            ),
        }
    });
    let channel = world.channel_of(&recorded(path.clone()));
    let calls = [
        call("GET", "/page?n=1"),
        call("GET", "/page?n=1"),
        Call {
            body: Bytes::from_static(b"not json"),
            ..call("PUT", "/x")
        },
        call("GET", "/broken"),
        call("GET", "/broken"),
        call("GET", "/page?n=2"),
    ];
    let mut outcomes = Vec::new();
    for (done, call) in calls.iter().enumerate() {
        outcomes.push(send(&channel, call.clone()).await);
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(Recording::parse(&text).unwrap().exchanges.len(), done + 1);
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(
        text.contains("\"amount\": 12.10"),
        "numbers stay as they were written: {text}"
    );
    assert!(!text.contains("session=1"), "cookies are not kept");
    assert!(text.contains("x-left"), "what the manifest names is kept");

    let replay = Arc::new(ReplayTransport::open(&path).unwrap());
    let transport: Arc<dyn Transport> = replay.clone();
    let network = Network::over(
        transport,
        world.clock,
        world.rows.clone(),
        world.secrets.clone(),
        7,
    );
    let again = network.channel(world.spec(&connection())).unwrap();
    for (call, outcome) in calls.iter().zip(&outcomes) {
        let replayed = send(&again, call.clone()).await;
        match (&replayed, outcome) {
            (crate::http::Outcome::Answer(new), crate::http::Outcome::Answer(old)) => {
                assert_eq!((new.status, &new.body), (old.status, &old.body));
            }
            _ => assert!(words(&replayed).starts_with("lost: "), "{replayed:?}"),
        }
    }
    assert_eq!(replay.unused(), 0);
    let beyond = words(&send(&again, call("GET", "/page?n=3")).await);
    assert!(
        beyond.contains("no answer left to GET https://api.acme.example/v2/page"),
        "{beyond}"
    );
}

#[tokio::test(start_paused = true)]
async fn damaged_recordings_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("recording.json");
    assert!(ReplayTransport::open(&path).is_err());
    std::fs::write(&path, "{}").unwrap();
    assert!(ReplayTransport::open(&path).is_err());
}
