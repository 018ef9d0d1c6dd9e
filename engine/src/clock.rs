//! The only source of time. Everything that waits or stamps gets a [`Clock`], so that tests run on
//! tokio's paused time and a day passes in a millisecond.

use std::time::Duration;

use jiff::Timestamp;

/// Wall time that moves with tokio's clock: real in production, paused in tests.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// What the wall showed at `origin`.
    wall: Timestamp,
    origin: tokio::time::Instant,
}

impl Clock {
    /// The machine's own time. Follows the system clock as it was read here, and tokio's monotonic
    /// clock from then on, so a step of the system clock during a run cannot reorder events.
    pub fn system() -> Self {
        Self::starting_at(Timestamp::now())
    }

    /// A clock that shows `wall` now and moves at tokio's pace.
    pub fn starting_at(wall: Timestamp) -> Self {
        Self {
            wall,
            origin: tokio::time::Instant::now(),
        }
    }

    /// The present instant.
    pub fn now(&self) -> Timestamp {
        let elapsed = self.origin.elapsed();
        self.wall.checked_add(elapsed).unwrap_or(Timestamp::MAX)
    }

    /// Milliseconds since the Unix epoch.
    pub fn now_ms(&self) -> i64 {
        self.now().as_millisecond()
    }

    /// Waits; on a paused clock this takes no real time.
    pub async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
