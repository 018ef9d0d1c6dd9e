//! What a channel says about a call is true, whatever the vendor and the network do.
//!
//! A vendor goes through random misfortunes, before and after it has carried a call out, while calls
//! of both protected kinds are made. Whatever is claimed at the end is compared with what happened.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use serde_json::json;

use super::support::{Reply, Seen, World, call, send};
use crate::http::{Call, Outcome, Repeat};

/// How often each call was carried out, by its path; keyed calls are remembered by their key.
type Books = Arc<Mutex<BTreeMap<String, u32>>>;

fn unlucky(seed: u64, books: Books) -> impl FnMut(&Seen) -> Reply + Send + 'static {
    let mut random = fastrand::Rng::with_seed(seed);
    move |seen| {
        let carry_out = || {
            let mut books = books.lock().unwrap();
            let times = books.entry(seen.url.clone()).or_default();
            // A key that was met before is answered from memory.
            if seen.header("repeat-key").is_none() || *times == 0 {
                *times += 1;
            }
        };
        match random.u8(0..14) {
            0 => Reply::Unreachable,
            1 => Reply::Lost,
            2 => {
                carry_out();
                Reply::Lost
            }
            3 => Reply::status(500),
            4 => {
                carry_out();
                Reply::status(503)
            }
            5 => Reply::status(401),
            6 => Reply::status(403),
            7 => Reply::with(429, &[("Retry-After", "3")]),
            8 => Reply::with(429, &[("Retry-After", "9999")]),
            9 => {
                carry_out();
                Reply::slow(100, Reply::ok(""))
            }
            10 => Reply::slow(100, Reply::ok("")),
            _ => {
                carry_out();
                Reply::ok("")
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_happens_what_is_said_about_a_call_is_true() {
    let mut ends: BTreeMap<&str, u32> = BTreeMap::new();
    for seed in 0..400 {
        let books = Books::default();
        let fields = json!({ "answers": { "disconnected": [403] } });
        let world = World::new(fields, unlucky(seed, books.clone()));
        let channel = world.channel();
        let path = format!("/note-{seed}");
        let repeat = match seed % 2 {
            0 => Repeat::Never,
            _ => Repeat::Keyed {
                header: "Repeat-Key".to_owned(),
                key: format!("key-{seed}"),
                until_ms: world.clock.now_ms() + 300_000,
            },
        };
        let write = Call {
            repeat,
            ..call("PUT", &path)
        };
        let outcome = send(&channel, write).await;
        let url = format!("https://api.acme.example/v2{path}");
        let times = books.lock().unwrap().get(&url).copied().unwrap_or(0);
        let told = format!("seed {seed}: carried out {times} times, {outcome:?}");
        assert!(times <= 1, "{told}");
        let end = match &outcome {
            Outcome::Answer(answer) if answer.status == 200 => {
                assert_eq!(times, 1, "{told}");
                "done"
            }
            // From 500 on an answer says nothing.
            Outcome::Answer(answer) if answer.status >= 500 => "open",
            Outcome::Answer(_) | Outcome::NotSent(_) => {
                assert_eq!(times, 0, "{told}");
                "not done"
            }
            Outcome::Lost(_) => "lost",
        };
        *ends.entry(end).or_default() += 1;
    }
    for end in ["done", "open", "not done", "lost"] {
        assert!(
            ends.get(end).copied().unwrap_or(0) >= 10,
            "{end} hardly ever came up: {ends:?}"
        );
    }
}
