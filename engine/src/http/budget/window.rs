//! One fixed window: so many calls, then nothing until it ends.
//!
//! A window begins with the first call after the last one ended. The vendor's window may lie
//! differently; what it says in its answers moves ours towards it, and only ever so far that we stay
//! on the safe side.

/// Calls counted in a window of fixed length.
#[derive(Debug, Clone)]
pub(super) struct Window {
    length: i64,
    limit: u32,
    began: i64,
    used: u32,
    /// What the vendor last said to be left.
    left: Option<u32>,
}

impl Window {
    /// A window that has not begun. Times are milliseconds since the epoch.
    pub(super) fn new(length: i64, limit: u32) -> Self {
        Self {
            length,
            limit,
            began: i64::MIN,
            used: 0,
            left: None,
        }
    }

    /// A window that a former life of the engine had begun.
    pub(super) fn resume(&mut self, began: i64, used: u32, now: i64) {
        // A beginning in the future is a clock that was set back since.
        if used > 0 && began <= now {
            self.began = began;
            self.used = used;
        }
    }

    pub(super) fn limit(&self) -> u32 {
        self.limit
    }

    pub(super) fn set_limit(&mut self, limit: u32) {
        self.limit = limit;
    }

    pub(super) fn began(&self) -> i64 {
        self.began
    }

    /// Calls made in the window that is running at `now`.
    pub(super) fn used(&self, now: i64) -> u32 {
        if self.ended(now) { 0 } else { self.used }
    }

    /// When it ends; `now` when none is running.
    pub(super) fn ends(&self, now: i64) -> i64 {
        if self.ended(now) {
            now
        } else {
            self.began.saturating_add(self.length)
        }
    }

    /// When a call may leave that has to leave `reserve` calls to others.
    pub(super) fn free_at(&self, now: i64, reserve: u32) -> i64 {
        if self.used(now) < self.limit.saturating_sub(reserve) {
            now
        } else {
            self.full_until(now)
        }
    }

    fn full_until(&self, now: i64) -> i64 {
        // A limit of nothing never frees; a whole window later it is still nothing.
        if self.ended(now) {
            now.saturating_add(self.length)
        } else {
            self.ends(now)
        }
    }

    /// Counts a call that leaves now.
    pub(super) fn take(&mut self, now: i64) {
        if self.ended(now) {
            *self = Self {
                began: now,
                ..Self::new(self.length, self.limit)
            };
        }
        self.used = self.used.saturating_add(1);
    }

    /// The vendor says that its window is used up and ends at `until`: so does ours, and the next
    /// one begins with the vendor's.
    pub(super) fn spend(&mut self, until: i64) {
        self.began = until.saturating_sub(self.length);
        self.used = self.used.max(self.limit);
        self.left = Some(0);
    }

    /// The vendor says how many calls are left, in the answer to a call that left at `sent`.
    ///
    /// Fewer than we think: somebody else uses the account too, or the vendor's window began
    /// earlier. Many more than it said last time: its window began anew.
    pub(super) fn correct(&mut self, left: u32, sent: i64, now: i64) {
        if self.ended(now) || sent < self.began {
            return;
        }
        let used = self.limit.saturating_sub(left);
        // Answers overtake each other, so a small step up says nothing.
        if self
            .left
            .is_some_and(|last| left > last.saturating_add(SLACK))
        {
            self.began = now;
            self.used = used.max(1);
        } else {
            self.used = self.used.max(used);
        }
        self.left = Some(left);
    }

    fn ended(&self, now: i64) -> bool {
        // A clock that went back by more than a window would otherwise stop everything for long.
        now >= self.began.saturating_add(self.length)
            || self.began > now.saturating_add(self.length)
    }
}

/// More calls than any connection has in flight at once.
const SLACK: u32 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    fn filled(limit: u32, calls: u32) -> Window {
        let mut window = Window::new(MINUTE, limit);
        for _ in 0..calls {
            window.take(1_000);
        }
        window
    }

    #[test]
    fn a_full_window_frees_when_it_ends() {
        let cases = [
            // limit, calls at 1,000, reserve, asked at, free at
            (3, 0, 0, 5_000, 5_000),
            (3, 2, 0, 5_000, 5_000),
            (3, 3, 0, 5_000, 61_000),
            (3, 3, 0, 60_999, 61_000),
            (3, 3, 0, 61_000, 61_000),
            (3, 2, 1, 5_000, 61_000),
            (3, 1, 1, 5_000, 5_000),
            (0, 0, 0, 5_000, 65_000),
        ];
        for (limit, calls, reserve, now, expected) in cases {
            let actual = filled(limit, calls).free_at(now, reserve);
            assert_eq!(
                actual, expected,
                "{calls} of {limit} less {reserve}, asked at {now}"
            );
        }
    }

    #[test]
    fn a_window_begins_with_the_first_call_after_the_last_one_ended() {
        let mut window = filled(2, 2);
        window.take(90_000);
        assert_eq!((window.began(), window.used(90_000)), (90_000, 1));
        assert_eq!(window.ends(90_000), 150_000);
    }

    #[test]
    fn answers_correct_the_count_towards_fewer_calls() {
        let cases = [
            // said to be left (of 60, 10 used), sent at, used afterwards
            (50, 1_000, 10),
            (55, 1_000, 10),
            (20, 1_000, 40),
            (0, 1_000, 60),
            (0, 999, 10), // belongs to the window before
        ];
        for (left, sent, expected) in cases {
            let mut window = filled(60, 10);
            window.correct(left, sent, 2_000);
            assert_eq!(window.used(2_000), expected, "{left} left, sent at {sent}");
        }
    }

    #[test]
    fn a_jump_upwards_is_a_new_window_of_the_vendor() {
        let mut window = filled(60, 30);
        window.correct(25, 1_000, 2_000);
        assert_eq!(window.used(2_000), 35);
        window.correct(30, 1_000, 3_000); // answers that overtook each other
        assert_eq!((window.used(3_000), window.began()), (35, 1_000));
        window.correct(58, 4_000, 5_000);
        assert_eq!((window.used(5_000), window.began()), (2, 5_000));
    }

    #[test]
    fn a_window_that_the_vendor_ends_makes_way_for_its_next_one() {
        let mut window = filled(60, 3);
        window.spend(21_000);
        assert_eq!(
            (window.free_at(2_000, 0), window.free_at(21_000, 0)),
            (21_000, 21_000)
        );
        window.take(21_000);
        assert_eq!((window.began(), window.used(21_000)), (21_000, 1));
    }

    #[test]
    fn a_limit_of_our_own_below_the_vendors_stands() {
        let mut window = filled(1_000, 900);
        window.correct(4_100, 1_000, 2_000);
        window.correct(4_050, 1_000, 2_000);
        assert_eq!(window.used(2_000), 900);
    }

    #[test]
    fn a_former_life_goes_on_unless_it_makes_no_sense() {
        let cases = [
            // began, used, used at 100,000 afterwards
            (50_000, 7, 7),
            (30_000, 7, 0),  // over
            (200_000, 7, 0), // in the future
        ];
        for (began, used, expected) in cases {
            let mut window = Window::new(MINUTE, 10);
            window.resume(began, used, 100_000);
            assert_eq!(window.used(100_000), expected, "began {began}");
        }
    }
}
