//! What one budget knows: its windows, who is in flight, whether the vendor parked it.
//!
//! Pure: every method is given the time. The day's count survives a restart; it is written every
//! [`SAVE_CALLS`] calls or [`SAVE_EVERY`], whichever comes first, and before the budget is parked. A
//! crash therefore forgets at most that many calls of the day, which the vendor's own headers, or
//! its 429, put right.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    Limits,
    recent::Recent,
    shares::{Room, Shares, Who},
    window::{self, Window},
};
use crate::{http::CallClass, store::BudgetRow};

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const DAY: i64 = 24 * 60 * MINUTE;

/// Calls after which the counters are written.
const SAVE_CALLS: u32 = 25;
/// Time after which they are written with the next call, in milliseconds.
const SAVE_EVERY: i64 = 5 * SECOND;
/// Percent of the day that scheduled work leaves to what a person asks for.
const RESERVE_PERCENT: u32 = 5;
/// Longest time for which an answer may park a budget, in milliseconds. More is a mistake.
const LONGEST_PARK: i64 = DAY + 60 * MINUTE;
/// A vendor that refuses for this long without saying until when is left alone for longer.
const PATIENCE: i64 = 2 * MINUTE;
/// For this long.
const LEFT_ALONE: i64 = 15 * MINUTE;
/// When a day is said to be spent and nothing is said about its end, it is tried again after this.
const DAY_RETRY: i64 = 60 * MINUTE;

/// Which limit an answer says to be exhausted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Exhausted {
    /// Too many in flight: nothing to wait for but one's turn.
    Concurrent,
    Minute,
    Day,
    /// It does not say.
    Unknown,
}

/// Whether a call may leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Free {
    Now,
    /// At this instant, milliseconds since the epoch.
    At(i64),
    /// At this instant, or when one that is in flight has ended: the vendor may have counted it before
    /// what it last said to be left.
    AtOrSooner(i64),
    /// When one that is in flight has ended.
    WhenOneEnds,
}

/// What is known of the windows when a call leaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Mark {
    minute: window::Mark,
    day: window::Mark,
}

/// What the vendor's answer says about what is left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::http) struct Left {
    pub(in crate::http) minute: Option<u32>,
    pub(in crate::http) day: Option<u32>,
}

/// One budget as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetView {
    /// Its name.
    pub name: String,
    /// Calls in flight.
    pub in_flight: u32,
    /// Calls made in the running day window.
    pub day_used: u32,
    /// Calls a day, when limited.
    pub day_limit: Option<u32>,
    /// Calls a minute, when limited.
    pub minute_limit: Option<u32>,
    /// Calls a second, when limited.
    pub second_limit: Option<u32>,
    /// When it goes on, when parked or spent.
    pub parked_until: Option<Timestamp>,
    /// Calls ever.
    pub calls: u64,
    /// Bytes ever read.
    pub bytes: u64,
}

/// How the calls of a minute are counted.
#[derive(Debug)]
enum Minute {
    /// The vendor says what is left.
    Told(Window),
    /// It does not.
    Untold(Recent),
}

impl Minute {
    fn new(limits: &Limits, limit: u32) -> Self {
        match limits.minute_left {
            Some(_) => Self::Told(Window::new(MINUTE, limit)),
            None => Self::Untold(Recent::new(MINUTE, limit)),
        }
    }

    fn limit(&self) -> u32 {
        match self {
            Self::Told(it) => it.limit(),
            Self::Untold(it) => it.limit(),
        }
    }

    fn free_at(&self, now: i64) -> (i64, bool) {
        match self {
            Self::Told(it) => it.free_at(now, 0),
            Self::Untold(it) => (it.free_at(now), false),
        }
    }

    fn take(&mut self, now: i64) -> window::Mark {
        match self {
            Self::Told(it) => it.take(now),
            Self::Untold(it) => {
                it.take(now);
                window::Mark::default()
            }
        }
    }

    fn end(&mut self, sent: i64, heard: bool, now: i64) {
        match self {
            Self::Told(it) => it.end(sent, heard, now),
            // A minute from the latest arrival that can be: too little to be worth more.
            Self::Untold(_) => {}
        }
    }

    fn set_limit(&mut self, limit: u32) {
        match self {
            Self::Told(it) => it.set_limit(limit),
            Self::Untold(it) => it.set_limit(limit),
        }
    }
}

/// The counters.
#[derive(Debug)]
pub(super) struct State {
    second: Option<Recent>,
    minute: Option<Minute>,
    day: Window,
    day_limited: bool,
    concurrent: Option<u32>,
    in_flight: u32,
    parked_until: i64,
    /// When the vendor last parked it: answers to earlier calls say nothing new.
    parked_at: i64,
    /// Refusals in a row.
    strikes: u32,
    first_strike: i64,
    calls: u64,
    bytes: u64,
    unsaved: u32,
    saved_at: i64,
    shares: Shares,
}

impl State {
    pub(super) fn new(limits: &Limits, row: &BudgetRow, now: i64) -> Self {
        let mut day = Window::new(DAY, limits.day.unwrap_or(u32::MAX));
        day.resume(row.day_began, row.day_used, now);
        Self {
            second: limits.second.map(|limit| Recent::new(SECOND, limit)),
            minute: limits.minute.map(|limit| Minute::new(limits, limit)),
            day,
            day_limited: limits.day.is_some(),
            concurrent: limits.concurrent,
            in_flight: 0,
            parked_until: row.parked_until.min(now.saturating_add(LONGEST_PARK)),
            parked_at: i64::MIN,
            strikes: 0,
            first_strike: 0,
            calls: row.calls,
            bytes: row.bytes,
            unsaved: 0,
            saved_at: now,
            shares: Shares::default(),
        }
    }

    /// The window that connections share; none where the vendor does not tell of one.
    fn room(&self, now: i64) -> Option<Room> {
        match &self.minute {
            Some(Minute::Told(it)) => Some(it.room(now)),
            Some(Minute::Untold(_)) | None => None,
        }
    }

    /// A connection may call under this budget.
    pub(super) fn join(&mut self, name: &str) {
        self.shares.join(name);
    }

    /// A call of this connection stands in line.
    pub(super) fn ask(&mut self, name: &str, now: i64) -> Who {
        self.shares.ask(name, now)
    }

    /// A call that stood in line does so no more.
    pub(super) fn done(&mut self, who: Who) {
        self.shares.done(who);
    }

    /// Whether there are several connections and a window that they share.
    pub(super) fn is_shared(&self) -> bool {
        self.shares.are_several() && matches!(self.minute, Some(Minute::Told(_)))
    }

    /// Calls that a connection has had in the running window.
    pub(super) fn calls_of(&self, who: Who, now: i64) -> u32 {
        self.room(now)
            .map_or(0, |room| self.shares.calls(who, room))
    }

    /// Whether a call of this connection leaves the others their share.
    pub(super) fn may_go(&mut self, who: Who, now: i64) -> bool {
        match self.room(now) {
            Some(room) if self.shares.are_several() => self.shares.may_go(who, room, now),
            _ => true,
        }
    }

    /// When a call of this class may leave.
    pub(super) fn free(&self, now: i64, class: CallClass) -> Free {
        let reserve = match class {
            CallClass::Interactive => 0,
            CallClass::Scheduled if self.day_limited => {
                (u64::from(self.day.limit()) * u64::from(RESERVE_PERCENT) / 100) as u32
            }
            CallClass::Scheduled => 0,
        };
        let second = self.second.as_ref().map(|it| (it.free_at(now), false));
        let minute = self.minute.as_ref().map(|it| it.free_at(now));
        let day = self.day.free_at(now, reserve);
        let parked = self.parked(now);
        let (mut at, mut certain) = (parked, parked > now);
        for (free, sooner) in second.into_iter().chain(minute).chain([day]) {
            at = at.max(free);
            certain |= free > now && !sooner;
        }
        if at > now && certain {
            Free::At(at)
        } else if at > now {
            Free::AtOrSooner(at)
        } else if self
            .concurrent
            .into_iter()
            .chain(self.is_asked_by_one_at_a_time().then_some(1))
            .any(|limit| self.in_flight >= limit)
        {
            Free::WhenOneEnds
        } else {
            Free::Now
        }
    }

    /// Whoever was refused more than once, at its own time, is not to be asked by everyone who waits.
    fn is_asked_by_one_at_a_time(&self) -> bool {
        self.strikes > 1
    }

    /// Counts a call of a connection that leaves now.
    pub(super) fn take_for(&mut self, name: &str, now: i64) -> Mark {
        let mark = self.take(now);
        if let Some(room) = self.room(now) {
            self.shares.take(name, room, now);
        }
        mark
    }

    /// Counts a call that leaves now.
    fn take(&mut self, now: i64) -> Mark {
        self.second.iter_mut().for_each(|it| it.take(now));
        let minute = self.minute.as_mut().map(|it| it.take(now));
        self.in_flight += 1;
        self.calls += 1;
        self.unsaved += 1;
        Mark {
            minute: minute.unwrap_or_default(),
            day: self.day.take(now),
        }
    }

    /// A call that left at `sent` has ended. `heard`: the vendor let it through.
    pub(super) fn end(&mut self, bytes: u64, sent: i64, heard: bool, now: i64) {
        if heard {
            self.second.iter_mut().for_each(|it| it.answered(sent, now));
        }
        self.minute
            .iter_mut()
            .for_each(|it| it.end(sent, heard, now));
        self.day.end(sent, heard, now);
        self.in_flight = self.in_flight.saturating_sub(1);
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// The vendor let a call through, and perhaps said what is left.
    pub(super) fn passed(&mut self, left: Left, mark: Mark, sent: i64, now: i64) {
        // One that lies ahead was met by a clock that has been set back since.
        if sent >= self.parked_at || self.parked_at > now {
            self.strikes = 0;
        }
        if let (Some(Minute::Told(window)), Some(left)) = (&mut self.minute, left.minute) {
            window.correct(left, mark.minute, sent, now);
        }
        if let (true, Some(left)) = (self.day_limited, left.day) {
            self.day.correct(left, mark.day, sent, now);
        }
    }

    /// The vendor refused a call that left at `sent`. `pause` gives the back-off for the n-th refusal
    /// in a row. Returns until when the budget is parked.
    pub(super) fn refused(
        &mut self,
        what: Exhausted,
        retry_after: Option<Duration>,
        sent: i64,
        now: i64,
        pause: impl FnOnce(u32) -> Duration,
    ) -> i64 {
        if sent < self.parked_at && self.parked(now) > now {
            return self.parked(now);
        }
        if self.strikes == 0 {
            self.first_strike = now;
        }
        self.strikes = self.strikes.saturating_add(1);
        let until = match retry_after {
            // A vendor that says the same short time again and again is believed less each time.
            Some(told) => now.saturating_add(
                millis(told)
                    .max(millis(pause(self.strikes)))
                    .min(LONGEST_PARK),
            ),
            None if what == Exhausted::Day => {
                let end = if self.day_limited {
                    self.day.ends(now)
                } else {
                    now
                };
                if end > now {
                    end.min(now + DAY_RETRY)
                } else {
                    now + DAY_RETRY
                }
            }
            None if now - self.first_strike >= PATIENCE => now + LEFT_ALONE,
            None => now + millis(pause(self.strikes)),
        };
        if retry_after.is_some() {
            match what {
                Exhausted::Minute => {
                    if let Some(Minute::Told(window)) = &mut self.minute {
                        window.spend(until);
                    }
                }
                Exhausted::Day if self.day_limited => self.day.spend(until),
                _ => {}
            }
        }
        self.parked_until = self.parked(now).max(until);
        self.parked_at = now;
        until
    }

    /// Until when it is parked; 0 when it is not. What was reckoned by a clock that has been set back
    /// since says nothing, and at worst the vendor refuses once more.
    fn parked(&self, now: i64) -> i64 {
        if self.parked_at > now {
            0
        } else {
            self.parked_until
        }
    }

    /// The row to write, when it is time to; `force` is before parking and at the end.
    pub(super) fn row_to_save(&mut self, now: i64, force: bool) -> Option<BudgetRow> {
        let due = self.unsaved >= SAVE_CALLS
            || (self.unsaved > 0 && now - self.saved_at >= SAVE_EVERY)
            || force;
        if !due {
            return None;
        }
        self.unsaved = 0;
        self.saved_at = now;
        Some(BudgetRow {
            day_began: if self.day.used(now) > 0 {
                self.day.began()
            } else {
                0
            },
            day_used: self.day.used(now),
            parked_until: self.parked(now),
            calls: self.calls,
            bytes: self.bytes,
        })
    }

    /// Whether there is anything that was not written.
    pub(super) fn is_unsaved(&self) -> bool {
        self.unsaved > 0
    }

    /// Configuration that was read again.
    pub(super) fn limit(&mut self, limits: &Limits) {
        match limits.second {
            None => self.second = None,
            Some(limit) => self
                .second
                .get_or_insert_with(|| Recent::new(SECOND, limit))
                .set_limit(limit),
        }
        match limits.minute {
            None => self.minute = None,
            Some(limit) => self
                .minute
                .get_or_insert_with(|| Minute::new(limits, limit))
                .set_limit(limit),
        }
        self.day.set_limit(limits.day.unwrap_or(u32::MAX));
        self.day_limited = limits.day.is_some();
        self.concurrent = limits.concurrent;
    }

    pub(super) fn view(&self, name: &str, now: i64) -> BudgetView {
        let spent = self.day.free_at(now, 0).0.max(self.parked(now));
        BudgetView {
            name: name.to_owned(),
            in_flight: self.in_flight,
            day_used: self.day.used(now),
            day_limit: self.day_limited.then(|| self.day.limit()),
            minute_limit: self.minute.as_ref().map(Minute::limit),
            second_limit: self.second.as_ref().map(Recent::limit),
            parked_until: (spent > now)
                .then(|| Timestamp::from_millisecond(spent).ok())
                .flatten(),
            calls: self.calls,
            bytes: self.bytes,
        }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000_000;

    fn state(limits: Limits) -> State {
        State::new(&limits, &BudgetRow::default(), NOW)
    }

    /// A call that is answered at once.
    fn make(state: &mut State, now: i64) {
        state.take(now);
        state.end(0, now, true, now);
    }

    fn pause(strikes: u32) -> Duration {
        Duration::from_secs(u64::from(strikes))
    }

    #[test]
    fn scheduled_work_leaves_a_part_of_the_day() {
        let mut state = state(Limits {
            day: Some(100),
            ..Limits::default()
        });
        for _ in 0..94 {
            make(&mut state, NOW);
        }
        assert_eq!(state.free(NOW, CallClass::Scheduled), Free::Now);
        make(&mut state, NOW);
        assert_eq!(state.free(NOW, CallClass::Scheduled), Free::At(NOW + DAY));
        assert_eq!(state.free(NOW, CallClass::Interactive), Free::Now);
        for _ in 0..5 {
            make(&mut state, NOW);
        }
        assert_eq!(state.free(NOW, CallClass::Interactive), Free::At(NOW + DAY));
    }

    /// The source was left alone for the hours by which the clock had been ahead, and people were
    /// asked about documents that it had not given yet.
    #[test]
    fn a_pause_that_was_reckoned_by_a_clock_that_was_ahead_ends_with_it() {
        let mut state = state(Limits::default());
        let ahead = NOW + 5 * 60 * MINUTE;
        state.take(ahead);
        let refused = |state: &mut State, now| {
            state.refused(Exhausted::Unknown, None, now, now, pause);
        };
        refused(&mut state, ahead);
        let free = |state: &State, now| state.free(now, CallClass::Scheduled);
        assert_eq!(free(&state, ahead), Free::At(ahead + SECOND));
        assert_eq!(free(&state, NOW), Free::Now);
        assert_eq!(state.view("acme", NOW).parked_until, None);
        assert_eq!(state.row_to_save(NOW, true).unwrap().parked_until, 0);
        refused(&mut state, NOW);
        assert_eq!(free(&state, NOW), Free::At(NOW + 2 * SECOND));
    }

    #[test]
    fn a_day_goes_on_after_a_restart() {
        let limits = Limits {
            day: Some(10),
            ..Limits::default()
        };
        let mut first = state(limits.clone());
        for _ in 0..10 {
            make(&mut first, NOW);
        }
        let row = first.row_to_save(NOW, true).unwrap();
        let second = State::new(&limits, &row, NOW + MINUTE);
        assert_eq!(
            second.free(NOW + MINUTE, CallClass::Interactive),
            Free::At(NOW + DAY)
        );
        let next_day = State::new(&limits, &row, NOW + DAY);
        assert_eq!(next_day.free(NOW + DAY, CallClass::Interactive), Free::Now);
    }

    #[test]
    fn a_crash_forgets_a_bounded_number_of_calls() {
        let mut state = state(Limits {
            day: Some(5_000),
            ..Limits::default()
        });
        let mut written = 0;
        for call in 1..=1_000_u32 {
            state.take(NOW);
            if let Some(row) = state.row_to_save(NOW, false) {
                written = row.day_used;
            }
            assert!(
                call - written < SAVE_CALLS,
                "{call} made, {written} written"
            );
        }
        state.take(NOW);
        assert!(state.row_to_save(NOW + SAVE_EVERY, false).is_some());
        assert!(
            state.row_to_save(NOW + 2 * SAVE_EVERY, false).is_none(),
            "nothing new to write"
        );
    }

    #[test]
    fn refusals_park_for_as_long_as_they_say() {
        let s = Duration::from_secs;
        let cases = [
            // what, Retry-After, parked for (ms)
            (Exhausted::Minute, Some(s(40)), 40_000),
            (Exhausted::Day, Some(s(73_451)), 73_451_000),
            (Exhausted::Unknown, Some(s(7)), 7_000),
            (Exhausted::Unknown, Some(s(u64::MAX / 1_000)), LONGEST_PARK),
            (Exhausted::Unknown, None, 1_000),
            (Exhausted::Day, None, DAY_RETRY),
        ];
        for (what, retry_after, expected) in cases {
            let mut state = state(Limits::default());
            state.take(NOW);
            let until = state.refused(what, retry_after, NOW, NOW, pause);
            assert_eq!(until - NOW, expected, "{what:?} {retry_after:?}");
            assert_eq!(state.free(NOW, CallClass::Interactive), Free::At(until));
            assert_eq!(state.free(until, CallClass::Interactive), Free::Now);
        }
    }

    #[test]
    fn a_vendor_that_says_a_short_time_again_and_again_is_asked_less_often() {
        let mut state = state(Limits::default());
        let mut now = NOW;
        let told = Some(Duration::from_secs(3));
        for expected in [3_000, 3_000, 3_000, 4_000, 5_000] {
            let until = state.refused(Exhausted::Unknown, told, now, now, pause);
            assert_eq!(until - now, expected);
            now = until;
        }
    }

    #[test]
    fn refusals_of_calls_in_flight_count_as_one() {
        let mut state = state(Limits::default());
        for _ in 0..5 {
            state.refused(Exhausted::Unknown, None, NOW, NOW + 10, pause);
        }
        assert_eq!(
            state.free(NOW + 10, CallClass::Interactive),
            Free::At(NOW + 1_010)
        );
    }

    #[test]
    fn a_vendor_that_keeps_refusing_is_left_alone() {
        let mut state = state(Limits::default());
        let mut now = NOW;
        while now - NOW < PATIENCE {
            now = state.refused(Exhausted::Unknown, None, now, now, |_| {
                Duration::from_secs(30)
            });
        }
        let until = state.refused(Exhausted::Unknown, None, now, now, pause);
        assert_eq!(until - now, LEFT_ALONE);
        state.passed(Left::default(), Mark::default(), until, until);
        let until_again = state.refused(Exhausted::Unknown, None, until, until, pause);
        assert_eq!(
            until_again - until,
            1_000,
            "an answer that came through ends the row"
        );
    }

    #[test]
    fn concurrency_waits_for_an_end() {
        let mut state = state(Limits {
            concurrent: Some(2),
            ..Limits::default()
        });
        state.take(NOW);
        assert_eq!(state.free(NOW, CallClass::Scheduled), Free::Now);
        state.take(NOW);
        assert_eq!(state.free(NOW, CallClass::Scheduled), Free::WhenOneEnds);
        state.end(10, NOW, true, NOW);
        assert_eq!(state.free(NOW, CallClass::Scheduled), Free::Now);
    }
}
