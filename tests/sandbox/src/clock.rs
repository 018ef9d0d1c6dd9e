//! The time that every vendor of one world lives by.
//!
//! Rate windows, tokens, idempotency keys and modification dates all read this clock, so a test
//! moves seven minutes on and finds every idempotency key expired. In a process with paused timers
//! the clock is driven by the same timers as the code under test.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

/// A clock with a start of its own.
pub struct Clock {
    start: Timestamp,
    source: Source,
    ahead: Mutex<Duration>,
}

enum Source {
    Frozen,
    Running(Instant),
    Driven(Box<dyn Fn() -> Duration + Send + Sync>),
}

impl Clock {
    /// Stands still until it is advanced.
    pub fn frozen(start: Timestamp) -> Self {
        Self::with(start, Source::Frozen)
    }

    /// Runs at real speed from `start`.
    pub fn running(start: Timestamp) -> Self {
        Self::with(start, Source::Running(Instant::now()))
    }

    /// Shows `start` plus whatever `elapsed` answers, such as the time of paused timers.
    pub fn driven(
        start: Timestamp,
        elapsed: impl Fn() -> Duration + Send + Sync + 'static,
    ) -> Self {
        Self::with(start, Source::Driven(Box::new(elapsed)))
    }

    fn with(start: Timestamp, source: Source) -> Self {
        Self {
            start,
            source,
            ahead: Mutex::new(Duration::ZERO),
        }
    }

    /// The present instant.
    pub fn now(&self) -> Timestamp {
        let elapsed = match &self.source {
            Source::Frozen => Duration::ZERO,
            Source::Running(since) => since.elapsed(),
            Source::Driven(elapsed) => elapsed(),
        };
        let ahead = *self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        let total = elapsed.saturating_add(ahead);
        SignedDuration::try_from(total)
            .ok()
            .and_then(|total| self.start.checked_add(total).ok())
            .unwrap_or(Timestamp::MAX)
    }

    /// Moves the clock on.
    pub fn advance(&self, by: Duration) {
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        *ahead = ahead.saturating_add(by);
    }

    /// Moves the clock on to `instant` unless it is there already.
    pub fn advance_to(&self, instant: Timestamp) {
        let missing = instant.duration_since(self.now());
        if let Ok(missing) = Duration::try_from(missing) {
            self.advance(missing);
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = match self.source {
            Source::Frozen => "frozen",
            Source::Running(_) => "running",
            Source::Driven(_) => "driven",
        };
        f.debug_struct("Clock")
            .field("now", &self.now())
            .field("source", &source)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_moves_as_told() {
        let start: Timestamp = "2026-11-22T02:00:00Z".parse().unwrap();
        let clock = Clock::frozen(start);
        clock.advance(Duration::from_secs(420));
        assert_eq!(clock.now().to_string(), "2026-11-22T02:07:00Z");
        clock.advance_to("2026-11-22T03:00:00Z".parse().unwrap());
        assert_eq!(clock.now().to_string(), "2026-11-22T03:00:00Z");
        clock.advance_to(start);
        assert_eq!(
            clock.now().to_string(),
            "2026-11-22T03:00:00Z",
            "never back"
        );
        let driven = Clock::driven(start, || Duration::from_secs(5));
        assert_eq!(driven.now().to_string(), "2026-11-22T02:00:05Z");
    }
}
