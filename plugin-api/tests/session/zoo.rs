//! Connectors that are broken in one way each, and what the conformance checks say about them.

use std::sync::atomic::{AtomicU32, Ordering};

use ledgerline_plugin_api::abi;
use ledgerline_plugin_api::prelude::*;
use ledgerline_plugin_api::sdk::{Embedded, connector};
use ledgerline_plugin_api::testkit::{Case, Given, Replay, Run, conformance};

const SOUND: u8 = 0;
const SAME_ID_TWICE: u8 = 1;
const IGNORES_STATUS: u8 = 2;
const PANICS_ON_BAD_JSON: u8 = 3;
const CHANGES_EACH_RUN: u8 = 4;
const CURSOR_STANDS_STILL: u8 = 5;
const COVERS_NOTHING: u8 = 6;
const NOT_FOUND_FOR_ALL: u8 = 7;
const OTHER_HOST: u8 = 8;
const CALLS_MORE: u8 = 9;
const WAITS_FOR_EVER: u8 = 10;
const RETRIES_FOR_EVER: u8 = 11;
const OK_WITHOUT_ID: u8 = 12;
const WRONG_STATUS: u8 = 13;
const UNKNOWN_SLOT: u8 = 14;
const NO_FIND: u8 = 15;
const STARTS_A_THREAD: u8 = 16;
const FORGETS_OLD_CURSORS: u8 = 17;
const PANICS_WHEN_DESTROYED: u8 = 18;

struct Zoo<const HOW: u8>;

impl<const HOW: u8> Embedded for Zoo<HOW> {
    const NAME: &'static str = "zoo";
    const VERSION: &'static str = "0.1.0";
    const MANIFEST: &'static str = r#"{
        "name": "zoo", "title": "Zoo", "version": "0.1.0", "base-url": "https://zoo.example",
        "auth": {"api": {"kind": "bearer"}},
        "streams": {"things": {"title": "thing", "ops": ["pull", "push", "find"],
                               "batch": {"documents": 5, "bytes": 1000}}}
    }"#;
}

static RUNS: AtomicU32 = AtomicU32::new(0);

/// Panics when it is dropped before its pull is done.
struct Sensitive(bool);

impl Drop for Sensitive {
    fn drop(&mut self) {
        assert!(self.0, "not yet");
    }
}

impl<const HOW: u8> Connector for Zoo<HOW> {
    type Settings = serde_json::Value;
    type Cursor = u32;
    const OPS: u32 = if HOW == NO_FIND {
        op::PULL | op::PUSH
    } else {
        op::PULL | op::PUSH | op::FIND
    };

    fn open(_: Opening<serde_json::Value>) -> Result<Self> {
        Ok(Self)
    }

    async fn pull(&self, cx: &Cx, _: &str, mut at: u32) -> Result<()> {
        if HOW == STARTS_A_THREAD {
            std::thread::spawn(std::thread::park);
        }
        let host = if HOW == OTHER_HOST {
            "elsewhere"
        } else {
            "zoo"
        };
        let slot = if HOW == UNKNOWN_SLOT { "key" } else { "api" };
        let mut sensitive = Sensitive(HOW != PANICS_WHEN_DESTROYED);
        while at < 2 {
            let url = format!("https://{host}.example/things?page={at}");
            let response = cx.http(Request::get(url).auth(slot)).await;
            let response = match (response, HOW) {
                (Err(_), WAITS_FOR_EVER) => std::future::pending().await,
                (Err(_), RETRIES_FOR_EVER) => {
                    cx.sleep(1000).await?;
                    continue;
                }
                (Err(_), WRONG_STATUS) => return Err(Error::config("no")),
                (response, _) => response?,
            };
            let response = match HOW {
                IGNORES_STATUS if !response.is_success() => return Ok(()),
                _ => response.success()?,
            };
            let ids: Vec<String> = match HOW {
                PANICS_ON_BAD_JSON => response.json().expect("JSON"),
                _ => response.json()?,
            };
            let mut page = Page::new();
            for id in ids {
                if HOW == SAME_ID_TWICE {
                    page.delete(id.clone());
                }
                match HOW {
                    CHANGES_EACH_RUN => {
                        page.delete(format!("{id}{}", RUNS.fetch_add(1, Ordering::Relaxed)))
                    }
                    _ => page.delete(id),
                }
            }
            at += 1;
            cx.commit(page, &if HOW == CURSOR_STANDS_STILL { 0 } else { at })
                .await?;
        }
        if HOW == CALLS_MORE {
            cx.http(Request::get("https://zoo.example/more").auth("api"))
                .await?;
        }
        sensitive.0 = true;
        Ok(())
    }

    async fn push(&self, cx: &Cx, _: &str) -> Result<()> {
        while let Some(batch) = cx.next_batch().await {
            let all = 0..batch.len() as u32;
            let request = Request::post("https://zoo.example/things")
                .json(&batch.len())
                .auth("api");
            let request = if HOW == COVERS_NOTHING {
                request
            } else {
                request.covers(all)
            };
            let answer = cx.http(request).await.and_then(Response::success);
            let id = if HOW == OK_WITHOUT_ID { "" } else { "t" };
            let outcome = |_| match &answer {
                Ok(_) => Outcome::written(id, None),
                Err(error) => Outcome::failed(error),
            };
            cx.report(batch.iter().map(outcome).collect()).await?;
        }
        Ok(())
    }

    async fn find(&self, cx: &Cx, _: &str) -> Result<()> {
        while let Some(batch) = cx.next_batch().await {
            let answer = cx
                .http(Request::get("https://zoo.example/find").auth("api"))
                .await;
            let answer = answer
                .and_then(Response::success)
                .and_then(|it| it.json::<u32>());
            let outcome = |_| match &answer {
                Ok(_) => Outcome::found("t", None),
                Err(_) if HOW == NOT_FOUND_FOR_ALL => Outcome::not_found(),
                Err(error) => Outcome::failed(error),
            };
            cx.report(batch.iter().map(outcome).collect()).await?;
        }
        Ok(())
    }
}

const RECORDING: &str = r#"{"version": 1, "exchanges": [
    {"request": {"method": "GET", "url": "https://zoo.example/things?page=0", "auth": "api"},
     "response": {"status": 200, "body": {"json": ["a", "b"]}}},
    {"request": {"method": "GET", "url": "https://zoo.example/things?page=1", "auth": "api"},
     "response": {"status": 200, "body": {"json": ["c"]}}}
]}"#;
const WRITES: &str = r#"{"version": 1, "exchanges": [
    {"request": {"method": "POST", "url": "https://zoo.example/things", "auth": "api", "body": {"json": 2}},
     "response": {"status": 200, "body": {"json": {}}}}
]}"#;
const FINDS: &str = r#"{"version": 1, "exchanges": [
    {"request": {"method": "GET", "url": "https://zoo.example/find", "auth": "api"},
     "response": {"status": 200, "body": {"json": 3}}}
]}"#;

/// What the checks say about a connector that is broken in one way.
fn failures<const HOW: u8>() -> Vec<String> {
    struct Exported<const HOW: u8>;
    impl<const HOW: u8> Exported<HOW> {
        const CONNECTOR: &'static abi::Connector = &connector::<Zoo<HOW>>();
    }
    let connector = Exported::<HOW>::CONNECTOR;
    let replay = |text: &str| {
        let text = match HOW {
            OTHER_HOST => text.replace("zoo.example/things?", "elsewhere.example/things?"),
            UNKNOWN_SLOT => text.replace("\"api\"", "\"key\""),
            _ => text.to_owned(),
        };
        Replay::parse(connector, &text).expect("a recording")
    };
    let batch = || {
        vec![vec![
            Given {
                change: 1,
                id: "1".into(),
                ..Given::default()
            };
            2
        ]]
    };
    let sought = || {
        vec![vec![Given {
            id: "1".into(),
            ..Given::default()
        }]]
    };
    let stream = || "things".to_owned();
    let pull = Run::Pull {
        stream: stream(),
        cursor: Vec::new(),
    };
    let push = Run::Push {
        stream: stream(),
        batches: batch(),
    };
    let find = Run::Find {
        stream: stream(),
        batches: sought(),
    };
    let pulled = Case::new("pull", replay(RECORDING), pull);
    let mut cases = vec![match HOW {
        FORGETS_OLD_CURSORS => pulled.old_cursor(r#"{"page":1}"#),
        _ => pulled.old_cursor("1"),
    }];
    if HOW != UNKNOWN_SLOT {
        cases.push(Case::new("push", replay(WRITES), push));
        cases.push(Case::new("find", replay(FINDS), find));
    }
    conformance(connector, &cases).failures
}

#[test]
fn a_sound_connector_passes() {
    assert_eq!(failures::<SOUND>(), [""; 0]);
    // A vendor that lists a document twice is none of the connector's faults.
    assert_eq!(failures::<SAME_ID_TWICE>(), [""; 0]);
}

#[test]
fn each_fault_is_named() {
    let cases = [
        (
            failures::<IGNORES_STATUS>(),
            "pull: answer 1 Status(500): ended well, so documents are lost",
        ),
        (
            failures::<PANICS_ON_BAD_JSON>(),
            "pull: answer 1 Empty: ended with PANIC: the connector panicked: JSON",
        ),
        (
            failures::<CHANGES_EACH_RUN>(),
            "pull: repeated run: differs from the first",
        ),
        (
            failures::<CURSOR_STANDS_STILL>(),
            "pull: resumed after page 1: 3 documents instead of 1",
        ),
        (
            failures::<COVERS_NOTHING>(),
            "push: calls: POST https://zoo.example/things: writes, but covers no document",
        ),
        (
            failures::<NOT_FOUND_FOR_ALL>(),
            "find: answer 1 Status(500): gave NOT_FOUND, so the document would be sent again",
        ),
        (
            failures::<OTHER_HOST>(),
            "pull: calls: GET https://elsewhere.example/things?page=0: host `elsewhere.example` is not in the manifest",
        ),
        (
            failures::<CALLS_MORE>(),
            "pull: plain run: the recording has no call",
        ),
        (
            failures::<WAITS_FOR_EVER>(),
            "pull: answer 1 Lost: ended with BUG: the connector awaits something that is not the engine's",
        ),
        (
            failures::<RETRIES_FOR_EVER>(),
            "pull: answer 1 Lost: ended with BUG: the connector is not done after",
        ),
        (
            failures::<OK_WITHOUT_ID>(),
            "push: plain run: ended with BUG: the connector broke the contract: a result of status OK has no remote id",
        ),
        (
            failures::<WRONG_STATUS>(),
            "pull: answer 1 Lost: ended with CONFIG: no instead of UNAVAILABLE",
        ),
        (
            failures::<UNKNOWN_SLOT>(),
            "pull: calls: GET https://zoo.example/things?page=0: no credential slot `key`",
        ),
        (
            failures::<NO_FIND>(),
            "library: operations: `OPS` and the manifest's streams disagree about find",
        ),
        (failures::<STARTS_A_THREAD>(), "pull: threads: "),
        (
            failures::<PANICS_WHEN_DESTROYED>(),
            "pull: destroyed after step 1: it panicked",
        ),
        (
            failures::<FORGETS_OLD_CURSORS>(),
            "pull: old cursor `{\"page\":1}`: ended with ",
        ),
    ];
    for (failures, expected) in cases {
        let named = failures.iter().any(|failure| failure.starts_with(expected));
        assert!(named, "not named: {expected}\nbut: {failures:#?}");
    }
}
