//! The calls of the last second, or minute.
//!
//! Vendors that do not tell in their answers what is left do not tell where their window begins,
//! either, and some count every stretch of its length. So no stretch holds more calls than allowed,
//! wherever it begins. Where a vendor tells, [`super::window`] learns from it instead.

use std::collections::VecDeque;

/// When the newest calls left, oldest first; no more of them than the limit.
#[derive(Debug, Clone)]
pub(super) struct Recent {
    length: i64,
    limit: usize,
    left: VecDeque<i64>,
}

impl Recent {
    /// Of so many milliseconds.
    pub(super) fn new(length: i64, limit: u32) -> Self {
        Self {
            length,
            limit: limit as usize,
            left: VecDeque::new(),
        }
    }

    pub(super) fn set_limit(&mut self, limit: u32) {
        self.limit = limit as usize;
        while self.left.len() > self.limit {
            self.left.pop_front();
        }
    }

    /// When a call may leave.
    pub(super) fn free_at(&self, now: i64) -> i64 {
        if self.left.len() < self.limit {
            return now;
        }
        match self.left.front() {
            // A clock that was set back must not stop everything.
            Some(oldest) if *oldest <= now => now.max(oldest.saturating_add(self.length)),
            Some(_) => now,
            // A limit of nothing never frees; a length later it is still nothing.
            None => now.saturating_add(self.length),
        }
    }

    /// Counts a call that leaves now.
    pub(super) fn take(&mut self, now: i64) {
        if self.left.len() >= self.limit {
            self.left.pop_front();
        }
        if self.limit > 0 {
            self.left.push_back(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000;

    #[test]
    fn no_second_holds_more_wherever_it_begins() {
        let mut recent = Recent::new(SECOND, 3);
        let mut left = Vec::new();
        let mut now = 5_000;
        for wish in [0, 700, 0, 0, 0, 10, 0, 2_500, 0, 0, 0] {
            now += wish;
            now = recent.free_at(now);
            recent.take(now);
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
    fn odd_limits_and_clocks_stop_nothing_for_ever() {
        let mut none = Recent::new(SECOND, 0);
        none.take(1_000);
        assert_eq!(none.free_at(1_000), 2_000);
        let mut recent = Recent::new(SECOND, 2);
        recent.take(90_000);
        recent.take(90_000);
        assert_eq!(recent.free_at(90_100), 91_000);
        assert_eq!(recent.free_at(10_000), 10_000, "the clock went back");
        recent.set_limit(1);
        assert_eq!(recent.free_at(90_100), 91_000);
        recent.set_limit(3);
        assert_eq!(recent.free_at(90_100), 90_100);
    }
}
