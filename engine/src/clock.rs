//! The only source of time. Everything that waits or stamps gets a [`Clock`], so that tests run on
//! tokio's paused time and a day passes in a millisecond.
//!
//! The machine's clock may be wrong and be put right, and a machine that sleeps finds that hours have
//! passed. So time moves with the monotonic clock, and is held against the machine's:
//!
//! * Is that one ahead, it is followed at once. What may be done until an instant (repeating a call
//!   under a key that the other side forgets) must not be done after it, and a monotonic clock that
//!   stood still while the machine slept would not tell.
//! * Is it behind, it is followed between runs only, so that no step back puts events of one run out of
//!   order.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

/// Differences up to this many milliseconds are none: both clocks are not read in one instant.
const AGREES: i64 = 2_000;

/// Wall time that moves with tokio's clock: real in production, paused in tests.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// What the wall showed at `origin`.
    wall: Timestamp,
    origin: tokio::time::Instant,
    machine: Machine,
}

/// The machine's own clock, which may step.
#[derive(Debug, Clone, Copy)]
enum Machine {
    /// Never steps.
    Steady,
    /// That of the system.
    System(&'static Steps),
    /// One that a test sets.
    Told(&'static Steps),
}

/// Steps in milliseconds since the clock was made.
#[derive(Debug, Default)]
struct Steps {
    /// Those of the machine's clock; only where it is told.
    made: AtomicI64,
    /// Those that were followed.
    followed: AtomicI64,
}

impl Clock {
    /// The machine's own time.
    pub fn system() -> Self {
        static STEPS: Steps = Steps {
            made: AtomicI64::new(0),
            followed: AtomicI64::new(0),
        };
        Self {
            // One process has one system clock, so clocks that are made later agree with this one.
            machine: Machine::System(&STEPS),
            ..Self::starting_at(system_ms_less(&STEPS))
        }
    }

    /// A clock that shows `wall` now and moves at tokio's pace.
    pub fn starting_at(wall: Timestamp) -> Self {
        Self {
            wall,
            origin: tokio::time::Instant::now(),
            machine: Machine::Steady,
        }
    }

    /// As `starting_at`, on a machine whose clock can be [set](Self::set_machine): for tests.
    pub fn on_a_machine(wall: Timestamp) -> Self {
        // A clock is copied everywhere; what all copies share lives as long as the test.
        let steps: &'static Steps = Box::leak(Box::default());
        Self {
            machine: Machine::Told(steps),
            ..Self::starting_at(wall)
        }
    }

    /// Somebody sets the machine's clock, or the machine slept: it shows so much more, or less, than it
    /// did. Does nothing to a clock that was not made for it.
    pub fn set_machine(&self, by: SignedDuration) {
        if let Machine::Told(steps) = self.machine {
            let ms = i64::try_from(by.as_millis()).unwrap_or_default();
            steps.made.fetch_add(ms, Ordering::SeqCst);
        }
    }

    /// The present instant.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.now_ms()).unwrap_or(Timestamp::MAX)
    }

    /// Milliseconds since the Unix epoch.
    pub fn now_ms(&self) -> i64 {
        let steady = self.steady_ms();
        let Some((steps, shown)) = self.shown_ms(steady) else {
            return steady;
        };
        let ours = steady.saturating_add(steps.followed.load(Ordering::SeqCst));
        if shown.saturating_sub(ours) <= AGREES {
            return ours;
        }
        let ahead = shown.saturating_sub(steady);
        // Two that look at once follow once.
        if steps.followed.fetch_max(ahead, Ordering::SeqCst) < ahead {
            tracing::warn!(
                seconds = shown.saturating_sub(ours) / 1_000,
                "the machine's clock is ahead: it was set, or the machine slept"
            );
        }
        shown
    }

    /// Follows the machine's clock back, should it have been set back. For moments at which nothing is
    /// under way.
    pub fn follow_back(&self) {
        let steady = self.steady_ms();
        let Some((steps, shown)) = self.shown_ms(steady) else {
            return;
        };
        let ours = steady.saturating_add(steps.followed.load(Ordering::SeqCst));
        if ours.saturating_sub(shown) > AGREES {
            steps
                .followed
                .store(shown.saturating_sub(steady), Ordering::SeqCst);
            tracing::warn!(
                seconds = ours.saturating_sub(shown) / 1_000,
                "the machine's clock was set back"
            );
        }
    }

    /// Waits; on a paused clock this takes no real time.
    pub async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    /// What a clock shows that never steps.
    fn steady_ms(&self) -> i64 {
        let elapsed = i64::try_from(self.origin.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.wall.as_millisecond().saturating_add(elapsed)
    }

    /// What the machine's clock shows.
    fn shown_ms(&self, steady: i64) -> Option<(&'static Steps, i64)> {
        match self.machine {
            Machine::Steady => None,
            Machine::System(steps) => Some((steps, Timestamp::now().as_millisecond())),
            Machine::Told(steps) => {
                let made = steps.made.load(Ordering::SeqCst);
                Some((steps, steady.saturating_add(made)))
            }
        }
    }
}

/// What the system's clock shows, less the steps that were followed already.
fn system_ms_less(steps: &Steps) -> Timestamp {
    let now = Timestamp::now().as_millisecond();
    let steady = now.saturating_sub(steps.followed.load(Ordering::SeqCst));
    Timestamp::from_millisecond(steady).unwrap_or(Timestamp::MAX)
}

/// Whether what was stamped at `at` is no older than `age`, all in milliseconds. A stamp that lies ahead
/// was made by a clock that has been set back since: it says nothing.
pub(crate) fn is_fresh(at: i64, now: i64, age: i64) -> bool {
    (0..=age).contains(&now.saturating_sub(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: SignedDuration = SignedDuration::from_hours(1);

    #[tokio::test(start_paused = true)]
    async fn a_step_ahead_is_followed_at_once_and_one_back_between_runs() {
        let clock = Clock::on_a_machine("2026-11-22T02:00:00Z".parse().unwrap());
        let shows = |clock: &Clock| clock.now().to_string();
        clock.sleep(Duration::from_secs(60)).await;
        assert_eq!(shows(&clock), "2026-11-22T02:01:00Z");
        clock.set_machine(HOUR);
        assert_eq!(shows(&clock), "2026-11-22T03:01:00Z");
        clock.set_machine(HOUR * -2);
        assert_eq!(shows(&clock), "2026-11-22T03:01:00Z");
        clock.sleep(Duration::from_secs(60)).await;
        assert_eq!(shows(&clock), "2026-11-22T03:02:00Z");
        clock.follow_back();
        assert_eq!(shows(&clock), "2026-11-22T01:02:00Z");
        clock.set_machine(HOUR);
        assert_eq!(shows(&clock), "2026-11-22T02:02:00Z");
    }

    #[test]
    fn small_differences_are_none() {
        let clock = Clock::on_a_machine("2026-11-22T02:00:00Z".parse().unwrap());
        let before = clock.now_ms();
        clock.set_machine(SignedDuration::from_millis(AGREES));
        assert!(clock.now_ms() - before < AGREES);
    }
}
