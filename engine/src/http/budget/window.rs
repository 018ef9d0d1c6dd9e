//! One fixed window: so many calls, then nothing until it ends.
//!
//! A window begins with the first call after the last one ended. The vendor's window may lie
//! differently; what it says in its answers moves ours towards it, and only ever so far that we stay
//! on the safe side. Two things make that less simple than it sounds:
//!
//! * Calls and answers overtake each other on their way, thousands at once where many connections share
//!   a client. What an answer says holds for the instant at which the vendor counted its call. So calls
//!   that are still under way come on top of whatever was said, and an answer tells of a new window only
//!   when more is left than was known *before its call left*: nothing but a new window can add calls.
//! * The vendor counts a call when it arrives. Its window may have begun as late as that, so ours ends
//!   later by what the first call took at most.

use super::shares::Room;

/// What is known when a call leaves: the answer to it is held against that.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Mark {
    /// The fewest calls that the vendor had said to be left.
    left: Option<u32>,
}

/// Calls counted in a window of fixed length.
#[derive(Debug, Clone)]
pub(super) struct Window {
    length: i64,
    limit: u32,
    began: i64,
    /// How much later the vendor's window may have begun.
    later: i64,
    /// Whether a call of this window was answered.
    answered: bool,
    /// Calls of this window that have ended.
    ended: u32,
    /// Calls that the vendor said to be used, at least, before those that are under way.
    told: Option<u32>,
    /// Calls under way, of whatever window: those that left late in the last one may arrive in this.
    under_way: u32,
    /// The fewest that the vendor said to be left.
    left: Option<u32>,
}

/// Longest time, in milliseconds, that one call is taken to be on its way for longer than another.
pub(super) const ON_ITS_WAY: i64 = 250;

impl Window {
    /// A window that has not begun. Times are milliseconds since the epoch.
    pub(super) fn new(length: i64, limit: u32) -> Self {
        Self {
            length,
            limit,
            began: i64::MIN,
            later: 0,
            answered: false,
            ended: 0,
            told: None,
            under_way: 0,
            left: None,
        }
    }

    /// A window that a former life of the engine had begun.
    pub(super) fn resume(&mut self, began: i64, used: u32, now: i64) {
        // A beginning in the future is a clock that was set back since.
        if used > 0 && began <= now {
            self.began = began;
            self.ended = used;
        }
    }

    pub(super) fn limit(&self) -> u32 {
        self.limit
    }

    pub(super) fn set_limit(&mut self, limit: u32) {
        self.limit = limit;
    }

    /// When the vendor's window began at the latest.
    pub(super) fn began(&self) -> i64 {
        self.began.saturating_add(self.later)
    }

    /// Calls made in the window that is running at `now`.
    pub(super) fn used(&self, now: i64) -> u32 {
        if self.is_over(now) {
            0
        } else {
            self.certain().saturating_add(self.under_way)
        }
    }

    /// Calls that are used up even if all that are under way were counted already.
    fn certain(&self) -> u32 {
        self.ended.max(self.told.unwrap_or_default())
    }

    /// What is left of the window that is running at `now`, or of the one that would begin then.
    pub(super) fn room(&self, now: i64) -> Room {
        if self.is_over(now) {
            return Room {
                began: now,
                ends: now.saturating_add(self.length),
                left: self.limit,
            };
        }
        Room {
            began: self.began,
            ends: self.ends(now),
            left: self.limit.saturating_sub(self.used(now)),
        }
    }

    /// When it ends; `now` when none is running.
    pub(super) fn ends(&self, now: i64) -> i64 {
        if self.is_over(now) {
            now
        } else {
            self.began().saturating_add(self.length)
        }
    }

    /// When a call may leave that has to leave `reserve` calls to others, and whether that may turn out
    /// to be sooner: when those under way have ended and were among what the vendor had counted.
    pub(super) fn free_at(&self, now: i64, reserve: u32) -> (i64, bool) {
        let limit = self.limit.saturating_sub(reserve);
        if self.used(now) < limit {
            return (now, false);
        }
        let sooner = self.told.is_some() && self.certain() < limit && !self.is_over(now);
        (self.full_until(now), sooner)
    }

    fn full_until(&self, now: i64) -> i64 {
        // A limit of nothing never frees; a whole window later it is still nothing.
        if self.is_over(now) {
            now.saturating_add(self.length)
        } else {
            self.ends(now)
        }
    }

    /// Counts a call that leaves now.
    pub(super) fn take(&mut self, now: i64) -> Mark {
        if self.is_over(now) {
            *self = Self {
                began: now,
                later: ON_ITS_WAY,
                under_way: self.under_way,
                ..Self::new(self.length, self.limit)
            };
        }
        self.under_way = self.under_way.saturating_add(1);
        Mark { left: self.left }
    }

    /// A call that left at `sent` has ended. `heard`: the vendor let it through, and said what it had to
    /// say.
    pub(super) fn end(&mut self, sent: i64, heard: bool, now: i64) {
        self.under_way = self.under_way.saturating_sub(1);
        if sent < self.began {
            return;
        }
        self.ended = self.ended.saturating_add(1);
        if heard {
            if !std::mem::replace(&mut self.answered, true) {
                self.later = self.later.min(now.saturating_sub(self.began)).max(0);
            }
        } else {
            // Whether the vendor counted it before what it last said is not known.
            self.told = self.told.map(|it| it.saturating_add(1));
        }
    }

    /// The vendor says that its window is used up and ends at `until`: so does ours, and the next
    /// one begins with the vendor's.
    pub(super) fn spend(&mut self, until: i64) {
        self.began = until.saturating_sub(self.length);
        self.later = 0;
        self.told = Some(self.limit);
        self.left = Some(0);
    }

    /// The vendor says how many calls are left, in the answer to a call that left at `sent`.
    ///
    /// Fewer than we think: somebody else uses the account too, or the vendor's window began
    /// earlier. More than was known when the call left: its window began anew.
    pub(super) fn correct(&mut self, left: u32, mark: Mark, sent: i64, now: i64) {
        if self.is_over(now) {
            return;
        }
        let used = self.limit.saturating_sub(left);
        let anew = mark.left.is_some_and(|known| left > known);
        if sent < self.began {
            // It left before this window began, and is part of it only when it says so.
            if !anew {
                return;
            }
        } else if anew {
            self.began = now;
            self.later = 0;
            self.answered = true;
            self.ended = 0;
            self.told = None;
            self.left = None;
        }
        self.told = Some(self.told.map_or(used, |it| it.max(used)));
        self.left = Some(self.left.map_or(left, |it| it.min(left)));
    }

    fn is_over(&self, now: i64) -> bool {
        // A clock that went back by more than a window would otherwise stop everything for long.
        now >= self.began().saturating_add(self.length)
            || self.began > now.saturating_add(self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    /// Calls that left at 1,000 and were answered at once.
    fn filled(limit: u32, calls: u32) -> Window {
        let mut window = Window::new(MINUTE, limit);
        for _ in 0..calls {
            window.take(1_000);
            window.end(1_000, true, 1_000);
        }
        window
    }

    /// What an answer says of a call that nothing was known before.
    const NEWS: Mark = Mark { left: None };

    fn knowing(left: u32) -> Mark {
        Mark { left: Some(left) }
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
                actual,
                (expected, false),
                "{calls} of {limit} less {reserve}, asked at {now}"
            );
        }
    }

    #[test]
    fn a_window_begins_with_the_first_call_after_the_last_one_ended() {
        let mut window = filled(2, 2);
        window.take(90_000);
        window.end(90_000, true, 90_000);
        assert_eq!((window.began(), window.used(90_000)), (90_000, 1));
        assert_eq!(window.ends(90_000), 150_000);
    }

    #[test]
    fn the_vendors_window_may_have_begun_when_the_first_call_arrived() {
        let cases = [
            // first answer at, the window ends at
            (None, 61_250),
            (Some(1_000), 61_000),
            (Some(1_100), 61_100),
            (Some(9_000), 61_250), // it was not on its way for that long
        ];
        for (answered, ends) in cases {
            let mut window = Window::new(MINUTE, 5);
            window.take(1_000);
            window.take(1_000);
            if let Some(at) = answered {
                window.end(1_000, true, at);
                window.end(1_000, true, at + 50);
            }
            assert_eq!(window.ends(10_000), ends, "answered at {answered:?}");
        }
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
            window.correct(left, NEWS, sent, 2_000);
            assert_eq!(window.used(2_000), expected, "{left} left, sent at {sent}");
        }
    }

    #[test]
    fn calls_under_way_come_on_top_of_what_was_said() {
        let mut window = filled(60, 10);
        for _ in 0..4 {
            window.take(1_500);
        }
        // Somebody else made forty; of our four the vendor may have seen none yet.
        window.correct(6, NEWS, 1_000, 2_000);
        assert_eq!(window.used(2_000), 58);
        window.take(2_000);
        window.take(2_000);
        assert_eq!(window.free_at(2_000, 0), (61_000, true));
        // It had: the six were among what it counted.
        window.correct(5, knowing(6), 1_500, 2_100);
        for _ in 0..6 {
            window.end(1_500, true, 2_100);
        }
        assert_eq!(
            (window.used(2_100), window.free_at(2_100, 0)),
            (55, (2_100, false))
        );
        // An answer that never came may have been counted after that.
        window.take(2_200);
        window.end(2_200, false, 3_000);
        assert_eq!(window.used(3_000), 56);
    }

    #[test]
    fn more_left_than_before_the_call_is_a_new_window_of_the_vendor() {
        let mut window = filled(60, 30);
        window.correct(25, NEWS, 1_000, 2_000);
        assert_eq!(window.used(2_000), 35);
        // An answer that was overtaken by the one before, however far.
        window.correct(59, NEWS, 1_000, 3_000);
        assert_eq!((window.used(3_000), window.began()), (35, 1_000));
        let mark = window.take(4_000);
        assert_eq!(mark, knowing(25));
        window.take(4_500);
        window.correct(58, mark, 4_000, 5_000);
        window.end(4_000, true, 5_000);
        // Two that the vendor counted, and one under way.
        assert_eq!((window.used(5_000), window.began()), (3, 5_000));
        // It left before, and its answer says that it belongs to the new window, too.
        window.correct(50, mark, 4_500, 5_100);
        window.end(4_500, true, 5_100);
        assert_eq!((window.used(5_100), window.began()), (10, 5_000));
    }

    #[test]
    fn a_window_that_the_vendor_ends_makes_way_for_its_next_one() {
        let mut window = filled(60, 3);
        window.spend(21_000);
        assert_eq!(
            (window.free_at(2_000, 0).0, window.free_at(21_000, 0).0),
            (21_000, 21_000)
        );
        window.take(21_000);
        window.end(21_000, true, 21_000);
        assert_eq!((window.began(), window.used(21_000)), (21_000, 1));
    }

    #[test]
    fn calls_that_left_late_may_arrive_in_the_next_window() {
        let mut window = filled(5, 2);
        window.take(60_000);
        window.take(60_000);
        window.take(61_000);
        assert_eq!(window.used(61_000), 3, "two of them left before");
        window.end(60_000, true, 61_200);
        window.end(60_000, true, 61_200);
        assert_eq!(window.used(61_200), 1);
    }

    #[test]
    fn a_limit_of_our_own_below_the_vendors_stands() {
        let mut window = filled(1_000, 900);
        window.correct(4_100, NEWS, 1_000, 2_000);
        window.correct(4_050, knowing(4_100), 1_000, 2_000);
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
