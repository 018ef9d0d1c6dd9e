//! A connector that does not come back. Watching measures real time, so these tests wait for what
//! happens instead of for a time.

use std::{
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    time::Duration,
};

use ledgerline_plugin_api::{
    abi,
    prelude::*,
    sdk::{Embedded, connector},
};
use tokio::runtime::Builder;

use super::support::{Net, open};
use crate::plugins::{Cancel, Given, Limits, Operation, Plugin};

/// Spins in a step until told to leave.
struct Spins<const N: usize>;

static LEAVE: [AtomicBool; 2] = [const { AtomicBool::new(false) }; 2];
static DROPPED: [AtomicU32; 2] = [const { AtomicU32::new(0) }; 2];

impl<const N: usize> Drop for Spins<N> {
    fn drop(&mut self) {
        DROPPED[N].fetch_add(1, Ordering::Release);
    }
}

impl<const N: usize> Connector for Spins<N> {
    type Settings = serde_json::Value;
    type Cursor = u32;

    const OPS: u32 = op::PULL;

    fn open(_: Opening<Self::Settings>) -> Result<Self> {
        Ok(Self)
    }

    async fn pull(&self, cx: &Cx, _: &str, _: u32) -> Result<()> {
        cx.http(Request::get("https://acme.example/0/x")).await?;
        while !LEAVE[N].load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        Ok(())
    }
}

impl<const N: usize> Embedded for Spins<N> {
    const NAME: &'static str = "spins";
    const VERSION: &'static str = "1.0.0";
    const MANIFEST: &'static str = r#"{"name": "spins", "title": "Spins", "version": "1.0.0",
        "streams": {"s": {"title": "s", "ops": ["pull"]}}}"#;
}

static HEAVY: abi::Connector = connector::<Spins<0>>();
static LIGHT: abi::Connector = connector::<Spins<1>>();

fn limits() -> Limits {
    let (warn_after, quarantine_after) = (Duration::from_millis(5), Duration::from_millis(20));
    Limits {
        warn_after,
        quarantine_after,
        ..Limits::default()
    }
}

const WHY: &str = "a step in pull of `books/s` ran for more than 20ms; a native loop cannot be \
                   stopped, so restart the engine, and report this to the connector's owner";

fn no_new_session(plugin: &Plugin) {
    let error = open(plugin, Operation::Pull, "s", limits(), Cancel::default()).unwrap_err();
    assert_eq!(
        error.message,
        format!("plugin `spins` is quarantined: {WHY}")
    );
}

#[test]
fn a_heavy_step_that_hangs_is_left() {
    let plugin = Plugin::in_process(&HEAVY).unwrap();
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        let net = Net {
            padding: 70_000,
            ..Net::new()
        };
        let mut session = open(&plugin, Operation::Pull, "s", limits(), Cancel::default()).unwrap();
        let error = session.next(Given::Nothing, &net).await.unwrap_err();
        assert_eq!(error.message, format!("the session was given up: {WHY}"));
        assert_eq!(DROPPED[0].load(Ordering::Acquire), 0, "the step still runs");
    });
    no_new_session(&plugin);
    LEAVE[0].store(true, Ordering::Release);
    // Waits for the step, which ends and takes the session with it.
    drop(runtime);
    assert_eq!(DROPPED[0].load(Ordering::Acquire), 1);
}

#[test]
fn a_light_step_that_hangs_is_seen() {
    let plugin = Plugin::in_process(&LIGHT).unwrap();
    let seen = plugin.clone();
    let observer = std::thread::spawn(move || {
        while seen.quarantined().is_none() {
            std::thread::yield_now();
        }
        LEAVE[1].store(true, Ordering::Release);
    });
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let net = Net::new();
        let mut session = open(&plugin, Operation::Pull, "s", limits(), Cancel::default()).unwrap();
        // It came back in the end, so its answer counts.
        assert_eq!(
            session.next(Given::Nothing, &net).await,
            Ok(crate::plugins::Asked::Done)
        );
    });
    observer.join().unwrap();
    no_new_session(&plugin);
    assert_eq!(plugin.counts().steps, 2);
}
