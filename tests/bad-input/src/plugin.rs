//! Everything that a library may hand over in a session: effects, pages, results, values, failures
//! and log records, with sizes, strides, lengths and pointers of every kind.
//!
//! `hostile.c` reads the input as its program. The first byte chooses the operation.

use std::{path::Path, sync::OnceLock, time::Duration};

use async_trait::async_trait;
use ledgerline::{
    http::Answer,
    plugins::{
        Asked, Cancel, Effects, Given, HttpAsk, HttpDone, Limits, Operation, OutDoc, Plugin,
        SessionSpec, inspect,
    },
};
use ledgerline_plugin_api::abi::{MAX_CURSOR_BYTES, Status};
use serde_json::json;
use tokio::runtime::Builder;

/// The hostile connector; none without a C compiler.
pub fn hostile() -> Option<&'static Plugin> {
    static HOSTILE: OnceLock<Option<Plugin>> = OnceLock::new();
    HOSTILE
        .get_or_init(|| {
            let library = Path::new(env!("HOSTILE"));
            if !library.exists() {
                return None;
            }
            let state = tempfile::tempdir().expect("a folder");
            let loaded = inspect(library, state.path());
            Some(loaded.unwrap_or_else(|why| panic!("{why}")).plugin)
        })
        .as_ref()
}

/// Answers every call at once.
struct Vendor;

#[async_trait]
impl Effects for Vendor {
    async fn http(&self, ask: HttpAsk) -> HttpDone {
        assert!(!ask.call.method.is_empty());
        match ask.call.url.len() % 3 {
            0 => HttpDone::Failed {
                status: Status::UNAVAILABLE,
                message: "connection reset".into(),
            },
            _ => HttpDone::Answer(Answer {
                status: 200,
                headers: vec![("x-tries".into(), "1".into())],
                body: "{}".into(),
                tries: 1,
            }),
        }
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn now_ms(&self) -> i64 {
        1_768_435_200_000
    }
}

/// Drives a session whose connector does what `data` says.
pub fn run(data: &[u8]) {
    let Some(plugin) = hostile() else { return };
    let Some((first, script)) = data.split_first() else {
        return;
    };
    let op = Operation::ALL[usize::from(*first) % Operation::ALL.len()];
    let script = &script[..script.len().min(MAX_CURSOR_BYTES)];
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    runtime
        .expect("a runtime")
        .block_on(session(plugin, op, script));
}

async fn session(plugin: &Plugin, op: Operation, script: &[u8]) {
    let batch: Vec<OutDoc> = (0..3)
        .map(|it| OutDoc {
            change: 1,
            id: format!("entry {it}"),
            number: it.to_string(),
            body: b"{}".to_vec(),
            ..OutDoc::default()
        })
        .collect();
    let spec = SessionSpec {
        op,
        connection: "books",
        stream: "all",
        base_url: "https://api.example/",
        account: None,
        settings: &json!({}),
        cursor: script,
        seed: 7,
        limits: Limits::default(),
        cancel: Cancel::default(),
    };
    let mut session = match plugin.session(spec) {
        Ok(session) => session,
        Err(error) => return assert!(!error.message.is_empty()),
    };
    let mut wanted = false;
    // Every step uses up a byte of the script, and it ends with its script.
    for turn in 0..=2 * script.len() {
        let given = match (wanted, turn) {
            (false, _) => Given::Nothing,
            (true, 0..8) => Given::Batch(&batch),
            (true, _) => Given::NoMore,
        };
        let asked = match session.next(given, &Vendor).await {
            Ok(asked) => asked,
            Err(error) => return assert!(!error.message.is_empty()),
        };
        wanted = asked == Asked::Want;
        match asked {
            Asked::Want => {}
            Asked::Page { documents, cursor } => {
                assert!(cursor.len() <= MAX_CURSOR_BYTES);
                for it in &documents {
                    assert!(!it.id.is_empty() && std::str::from_utf8(&it.body).is_ok());
                }
            }
            Asked::Results(results) => assert_eq!(results.len(), batch.len()),
            Asked::Value(_) | Asked::Done => return,
        }
    }
    panic!("a session outlived its script");
}

/// Programs that come far: a page, a batch with a call, a check.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut chance = fastrand::Rng::with_seed(4);
    let mut seeds = vec![
        // pull: silent, OK, lives; a page of one document, cursor; end.
        [
            &[
                2, 90, 0, 0, 90, 1, 1, 9, 1, 0, 9, 11, 9, 12, 9, 13, 0, 0, 9, 11, 0,
            ][..],
            &[90, 4, 0, 0],
        ]
        .concat(),
        // check: a report.
        vec![0, 90, 0, 0, 90, 4, 9, 20, 0],
        // discover: accounts.
        vec![1, 90, 0, 0, 90, 4, 9, 17, 0],
        // push: WANT, results.
        vec![
            3, 90, 0, 0, 90, 3, 0, 90, 2, 0, 9, 1, 0, 0, 9, 11, 9, 12, 0, 0, 9, 15,
        ],
    ];
    for op in 0..5 {
        for length in [16, 200, 2_000] {
            let mut script: Vec<u8> = (0..length).map(|_| chance.u8(..)).collect();
            script[..4].copy_from_slice(&[op, 90, 0, 0]);
            seeds.push(script);
        }
    }
    seeds
}
