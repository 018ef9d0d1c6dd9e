//! What each plugin did since it was loaded.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// Counters of one plugin; each stands for itself, so the order of updates does not matter.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    pub(super) sessions: AtomicU64,
    pub(super) steps: AtomicU64,
    pub(super) effects: AtomicU64,
    pub(super) pages: AtomicU64,
    pub(super) documents: AtomicU64,
    pub(super) panics: AtomicU64,
    pub(super) bugs: AtomicU64,
    pub(super) longest_step_us: AtomicU64,
}

/// What a plugin did since it was loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PluginCounts {
    /// Sessions opened.
    pub sessions: u64,
    /// Steps made.
    pub steps: u64,
    /// Effects asked for.
    pub effects: u64,
    /// Pages given.
    pub pages: u64,
    /// Documents read, written and looked for.
    pub documents: u64,
    /// Sessions that ended in a panic.
    pub panics: u64,
    /// Sessions that ended by breaking the contract.
    pub bugs: u64,
    /// Longest step that ended.
    pub longest_step: Duration,
}

impl Metrics {
    pub(super) fn add(counter: &AtomicU64, count: usize) {
        counter.fetch_add(count as u64, Relaxed);
    }

    pub(super) fn stepped(&self, took: Duration) {
        self.steps.fetch_add(1, Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.longest_step_us.fetch_max(micros, Relaxed);
    }

    pub(super) fn counts(&self) -> PluginCounts {
        PluginCounts {
            sessions: self.sessions.load(Relaxed),
            steps: self.steps.load(Relaxed),
            effects: self.effects.load(Relaxed),
            pages: self.pages.load(Relaxed),
            documents: self.documents.load(Relaxed),
            panics: self.panics.load(Relaxed),
            bugs: self.bugs.load(Relaxed),
            longest_step: Duration::from_micros(self.longest_step_us.load(Relaxed)),
        }
    }
}
