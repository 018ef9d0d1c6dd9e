//! The calls of the last second, or minute.
//!
//! Vendors that do not tell in their answers what is left do not tell where their window begins,
//! either, and some count every stretch of its length. So no stretch holds more calls than allowed,
//! wherever it begins. Where a vendor tells, [`super::window`] learns from it instead.
//!
//! The vendor counts a call when it arrives, and of two calls the later one may be faster on its way. So
//! a call counts from the latest instant at which it can have arrived: its answer's, if that was soon.

use std::collections::VecDeque;

use super::window::ON_ITS_WAY;

/// The newest calls, in the order in which they left; no more of them than the limit.
#[derive(Debug, Clone)]
pub(super) struct Recent {
    length: i64,
    limit: usize,
    calls: VecDeque<Left>,
}

/// A call that left.
#[derive(Debug, Clone, Copy)]
struct Left {
    at: i64,
    /// When it had arrived at the latest.
    arrived: i64,
}

impl Recent {
    /// Of so many milliseconds.
    pub(super) fn new(length: i64, limit: u32) -> Self {
        Self {
            length,
            limit: limit as usize,
            calls: VecDeque::new(),
        }
    }

    pub(super) fn limit(&self) -> u32 {
        u32::try_from(self.limit).unwrap_or(u32::MAX)
    }

    pub(super) fn set_limit(&mut self, limit: u32) {
        self.limit = limit as usize;
        while self.calls.len() > self.limit {
            self.calls.pop_front();
        }
    }

    /// When a call may leave.
    pub(super) fn free_at(&self, now: i64) -> i64 {
        if self.calls.len() < self.limit {
            return now;
        }
        match self.calls.front() {
            // A clock that was set back must not stop everything.
            Some(oldest) if oldest.at <= now => now.max(oldest.arrived.saturating_add(self.length)),
            Some(_) => now,
            // A limit of nothing never frees; a length later it is still nothing.
            None => now.saturating_add(self.length),
        }
    }

    /// Counts a call that leaves now.
    pub(super) fn take(&mut self, now: i64) {
        if self.calls.len() >= self.limit {
            self.calls.pop_front();
        }
        if self.limit > 0 {
            self.calls.push_back(Left {
                at: now,
                arrived: now.saturating_add(ON_ITS_WAY),
            });
        }
    }

    /// The call that left at `sent` was answered.
    pub(super) fn answered(&mut self, sent: i64, now: i64) {
        let first = self.calls.partition_point(|it| it.at < sent);
        let same = self.calls.iter_mut().skip(first);
        let call = same
            .take_while(|it| it.at == sent)
            .find(|it| it.arrived > now);
        if let Some(call) = call {
            call.arrived = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000;

    /// A call that is answered at once.
    fn make(recent: &mut Recent, now: i64) {
        recent.take(now);
        recent.answered(now, now);
    }

    #[test]
    fn no_second_holds_more_wherever_it_begins() {
        let mut recent = Recent::new(SECOND, 3);
        let mut left = Vec::new();
        let mut now = 5_000;
        for wish in [0, 700, 0, 0, 0, 10, 0, 2_500, 0, 0, 0] {
            now += wish;
            now = recent.free_at(now);
            make(&mut recent, now);
            left.push(now - 5_000);
        }
        let wanted = [
            0, 700, 700, 1_000, 1_700, 1_710, 2_000, 4_500, 4_500, 4_500, 5_500,
        ];
        assert_eq!(left, wanted);
        for four in left.windows(4) {
            assert!(four[3] - four[0] >= SECOND, "{four:?}");
        }
    }

    #[test]
    fn a_call_counts_from_when_it_had_arrived_at_the_latest() {
        let cases = [
            // answered at, the next may leave at
            (None, 1_250),
            (Some(30), 1_030),
            (Some(900), 1_250),
        ];
        for (answered, next) in cases {
            let mut recent = Recent::new(SECOND, 1);
            recent.take(0);
            if let Some(at) = answered {
                recent.answered(0, at);
            }
            assert_eq!(recent.free_at(100), next, "answered at {answered:?}");
        }
    }

    #[test]
    fn odd_limits_and_clocks_stop_nothing_for_ever() {
        let mut none = Recent::new(SECOND, 0);
        none.take(1_000);
        assert_eq!(none.free_at(1_000), 2_000);
        let mut recent = Recent::new(SECOND, 2);
        make(&mut recent, 90_000);
        make(&mut recent, 90_000);
        assert_eq!(recent.free_at(90_100), 91_000);
        assert_eq!(recent.free_at(10_000), 10_000, "the clock went back");
        recent.answered(10_000, 10_000);
        recent.set_limit(1);
        assert_eq!(recent.free_at(90_100), 91_000);
        recent.set_limit(3);
        assert_eq!(recent.free_at(90_100), 90_100);
    }
}
