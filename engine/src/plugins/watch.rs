//! Watches how long calls into connectors take. A native loop cannot be stopped from outside, so one
//! thread of its own looks at the calls under way: a slow one is logged, one that hangs quarantines
//! its plugin, and whoever waits for it elsewhere is told to leave.
//!
//! This measures real time even where tests pause tokio's clock: a step never waits for anything.

use std::{
    collections::BTreeMap,
    sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use super::{Limits, Plugin};

/// Where a call happens, for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) connection: String,
    pub(super) stream: String,
    pub(super) operation: &'static str,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            connection,
            stream,
            operation,
        } = self;
        match stream.is_empty() {
            true => write!(f, "{operation} of connection `{connection}`"),
            false => write!(f, "{operation} of `{connection}/{stream}`"),
        }
    }
}

/// A call under way.
struct Running {
    plugin: Plugin,
    place: Arc<Place>,
    since: Instant,
    limits: Limits,
    warned: bool,
    /// Told once the call is given up.
    overdue: Option<oneshot::Sender<()>>,
}

#[derive(Default)]
struct Table {
    last: u64,
    running: BTreeMap<u64, Running>,
    /// When the thread looks next; none while it waits for a first call.
    looks_at: Option<Instant>,
}

#[derive(Default)]
struct Watchdog {
    table: Mutex<Table>,
    changed: Condvar,
}

impl Watchdog {
    fn lock(&self) -> MutexGuard<'_, Table> {
        // The table is whole between any two statements.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        let mut table = self.lock();
        loop {
            let now = Instant::now();
            table.looks_at = table
                .running
                .values_mut()
                .filter_map(|it| it.look(now))
                .min();
            table = match table.looks_at {
                None => self
                    .changed
                    .wait(table)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(at) => {
                    let wait = at.saturating_duration_since(now);
                    let woken = self.changed.wait_timeout(table, wait);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

impl Running {
    /// Does what is due and says when to look again.
    fn look(&mut self, now: Instant) -> Option<Instant> {
        let took = now.saturating_duration_since(self.since);
        if took >= self.limits.quarantine_after {
            // The sender is gone after the first time, so this happens once.
            let overdue = self.overdue.take()?;
            self.plugin
                .quarantine(hangs(&self.place, self.limits.quarantine_after));
            // Nobody waits for a call that runs on its caller's own thread.
            let _ = overdue.send(());
            return None;
        }
        if took >= self.limits.warn_after {
            if !self.warned {
                let (plugin, place) = (self.plugin.name(), self.place.to_string());
                tracing::warn!(plugin, place, ?took, "a step of a plugin is slow");
                self.warned = true;
            }
            return Some(self.since + self.limits.quarantine_after);
        }
        Some(self.since + self.limits.warn_after.min(self.limits.quarantine_after))
    }
}

/// Why a plugin is quarantined.
pub(super) fn hangs(place: &Place, limit: Duration) -> String {
    format!(
        "a step in {place} ran for more than {limit:?}; a native loop cannot be stopped, so restart \
         the engine, and report this to the connector's owner"
    )
}

fn watchdog() -> &'static Watchdog {
    static WATCHDOG: OnceLock<&'static Watchdog> = OnceLock::new();
    WATCHDOG.get_or_init(|| {
        let watchdog: &'static Watchdog = Box::leak(Box::default());
        let thread = std::thread::Builder::new().name("plugin-watchdog".to_owned());
        if let Err(error) = thread.spawn(|| watchdog.run()) {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "plugins are not watched: no thread");
        }
        watchdog
    })
}

/// Watches a call until it is dropped. `overdue` is told when the call is given up, and dropped
/// untold when the call ends before.
pub(super) fn begin(
    plugin: &Plugin,
    place: &Arc<Place>,
    limits: Limits,
    overdue: oneshot::Sender<()>,
) -> Watched {
    let since = Instant::now();
    let watchdog = watchdog();
    let mut table = watchdog.lock();
    table.last += 1;
    let id = table.last;
    let (plugin, place) = (plugin.clone(), Arc::clone(place));
    let running = Running {
        plugin,
        place,
        since,
        limits,
        warned: false,
        overdue: Some(overdue),
    };
    table.running.insert(id, running);
    // Usually the thread looks at something older before, and need not be woken.
    let first = since + limits.warn_after.min(limits.quarantine_after);
    if table.looks_at.is_none_or(|at| first < at) {
        watchdog.changed.notify_one();
    }
    Watched { id, since }
}

/// A call under way.
pub(super) struct Watched {
    id: u64,
    since: Instant,
}

impl Watched {
    pub(super) fn took(&self) -> Duration {
        self.since.elapsed()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        watchdog().lock().running.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugins::tests::support::plugin;

    #[test]
    fn a_call_is_warned_of_once_and_given_up_once() {
        let (plugin, since) = (plugin(), Instant::now());
        let place = Place {
            connection: "books".to_owned(),
            stream: "bills".to_owned(),
            operation: "push",
        };
        let (overdue, mut told) = oneshot::channel();
        let mut running = Running {
            plugin: plugin.clone(),
            place: Arc::new(place),
            since,
            limits: Limits::default(),
            warned: false,
            overdue: Some(overdue),
        };
        let cases = [
            // after, looks again at, warned, quarantined
            (0, Some(1), false, false),
            (999, Some(1), false, false),
            (1_000, Some(30), true, false),
            (29_999, Some(30), true, false),
            (30_000, None, true, true),
            (31_000, None, true, true),
        ];
        for (millis, again, warned, quarantined) in cases {
            let at = running.look(since + Duration::from_millis(millis));
            assert_eq!(
                at,
                again.map(|it| since + Duration::from_secs(it)),
                "after {millis} ms"
            );
            assert_eq!(running.warned, warned, "after {millis} ms");
            assert_eq!(
                plugin.quarantined().is_some(),
                quarantined,
                "after {millis} ms"
            );
        }
        assert_eq!(told.try_recv(), Ok(()));
    }
}
