//! Who has had how much of a window that connections share.
//!
//! Where many connections share the minute of one client, the first ones to begin could take all of it, and
//! the others would wait for the next. So a call leaves only while enough is left for everyone else at work
//! to have as many calls as its connection has then; a connection that has had the fewest may always go. Nothing
//! is kept for those who could not use it: a little after the window's beginning, who has not asked for as long
//! counts no more, and the others are taken to go on at twice their pace at most. While there is plenty for
//! all, nobody notices.

use std::collections::BTreeMap;

/// A connection that has not asked for this long, in milliseconds, is not at work: it reads its source, or
/// has nothing left to do. At the beginning of a window nobody knows yet.
const AT_WORK: i64 = 5_000;

/// A connection, by its place in the list of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Who(usize);

/// One that never joined: it shares with nobody.
const STRANGER: Who = Who(usize::MAX);

/// The window that is shared, as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    /// When it began, milliseconds since the epoch.
    pub(super) began: i64,
    /// When it ends.
    pub(super) ends: i64,
    /// Calls that are left.
    pub(super) left: u32,
}

/// The shares of all connections in the running window.
#[derive(Debug, Default)]
pub(super) struct Shares {
    places: BTreeMap<String, Who>,
    all: Vec<Share>,
    began: i64,
}

#[derive(Debug, Clone, Copy)]
struct Share {
    /// Calls in this window.
    calls: u32,
    /// Calls that stand in line, or are about to leave.
    waiting: u32,
    /// When it asked last.
    asked: i64,
}

impl Share {
    fn is_at_work(&self, room: Room, now: i64) -> bool {
        self.waiting > 0 || now.saturating_sub(self.asked.max(room.began)) < AT_WORK
    }

    /// Calls that it may still want in this window.
    fn may_want(&self, room: Room, now: i64) -> i64 {
        let gone = now.saturating_sub(room.began).max(1);
        let rest = room.ends.saturating_sub(now).max(0);
        let pace = i64::from(self.calls).saturating_add(1).saturating_mul(2);
        (pace.saturating_mul(rest) / gone).max(i64::from(self.waiting))
    }
}

impl Shares {
    /// A connection may call under this budget.
    pub(super) fn join(&mut self, name: &str) {
        if self.places.contains_key(name) {
            return;
        }
        self.places.insert(name.to_owned(), Who(self.all.len()));
        self.all.push(Share {
            calls: 0,
            waiting: 0,
            asked: i64::MIN,
        });
    }

    /// A call of this connection stands in line.
    pub(super) fn ask(&mut self, name: &str, now: i64) -> Who {
        let who = self.places.get(name).copied().unwrap_or(STRANGER);
        if let Some(share) = self.all.get_mut(who.0) {
            share.waiting = share.waiting.saturating_add(1);
            share.asked = now;
        }
        who
    }

    /// A call that stood in line does so no more.
    pub(super) fn done(&mut self, who: Who) {
        if let Some(share) = self.all.get_mut(who.0) {
            share.waiting = share.waiting.saturating_sub(1);
        }
    }

    /// A call leaves.
    pub(super) fn take(&mut self, name: &str, room: Room, now: i64) {
        self.renew(room);
        let place = self.places.get(name).copied();
        if let Some(share) = place.and_then(|it| self.all.get_mut(it.0)) {
            share.calls = share.calls.saturating_add(1);
            share.asked = now;
        }
    }

    /// Whether there is anybody to share with.
    pub(super) fn are_several(&self) -> bool {
        self.all.len() > 1
    }

    /// Calls that a connection has had in the running window.
    pub(super) fn calls(&self, who: Who, room: Room) -> u32 {
        match self.all.get(who.0) {
            Some(share) if room.began == self.began => share.calls,
            _ => 0,
        }
    }

    /// Whether a call of this connection may leave before those of all others.
    pub(super) fn may_go(&mut self, who: Who, room: Room, now: i64) -> bool {
        self.renew(room);
        let own = self.calls(who, room);
        let level = i64::from(own).saturating_add(1);
        let mut kept: i64 = 0;
        let mut fewest = true;
        for (place, share) in self.all.iter().enumerate() {
            if place == who.0 || share.calls > own || !share.is_at_work(room, now) {
                continue;
            }
            fewest &= share.calls == own;
            let lacks = level.saturating_sub(i64::from(share.calls));
            kept = kept.saturating_add(lacks.min(share.may_want(room, now)));
        }
        // Who comes first in a spent window may wait for the next one.
        fewest || room.left == 0 || i64::from(room.left) > kept
    }

    fn renew(&mut self, room: Room) {
        if room.began != self.began {
            self.began = room.began;
            self.all.iter_mut().for_each(|it| it.calls = 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    /// A window of `limit` calls in which these connections have had so many.
    struct Shared {
        shares: Shares,
        limit: u32,
        had: u32,
    }

    impl Shared {
        fn new(limit: u32) -> Self {
            Self {
                shares: Shares::default(),
                limit,
                had: 0,
            }
        }

        fn room(&self) -> Room {
            Room {
                began: 0,
                ends: MINUTE,
                left: self.limit - self.had,
            }
        }

        /// Asks once, and says whether it went.
        fn try_one(&mut self, name: &str, now: i64) -> bool {
            self.shares.join(name);
            let room = self.room();
            let who = self.shares.ask(name, now);
            let goes = room.left > 0 && self.shares.may_go(who, room, now);
            if goes {
                self.shares.take(name, room, now);
                self.had += 1;
            }
            self.shares.done(who);
            goes
        }

        /// How many go one after the other at this instant.
        fn burst(&mut self, name: &str, now: i64) -> u32 {
            let mut count = 0;
            while self.try_one(name, now) {
                count += 1;
            }
            count
        }
    }

    #[test]
    fn who_is_alone_has_all_of_it() {
        assert_eq!(Shared::new(100).burst("a", 0), 100);
    }

    #[test]
    fn who_begins_first_leaves_the_others_as_much() {
        let mut window = Shared::new(100);
        for name in ["a", "b", "c", "d"] {
            assert!(window.try_one(name, 0), "{name}");
        }
        let had = ["a", "b", "c", "d"].map(|it| window.burst(it, 100) + 1);
        assert_eq!(had, [25, 25, 25, 25]);
    }

    #[test]
    fn a_share_is_kept_for_who_has_not_begun_yet() {
        let mut window = Shared::new(100);
        window.shares.join("b");
        assert_eq!(window.burst("a", 0), 50);
        assert_eq!(window.burst("a", AT_WORK), 50, "b did not come");
    }

    #[test]
    fn what_is_left_over_goes_to_whoever_asks() {
        let mut window = Shared::new(11);
        for name in ["a", "b"] {
            assert!(window.try_one(name, 0), "{name}");
        }
        assert_eq!((window.burst("a", 1), window.burst("b", 1)), (4, 5));
        assert_eq!(window.had, 11);
    }

    #[test]
    fn nothing_is_kept_for_who_is_not_at_work() {
        let mut window = Shared::new(100);
        for name in ["a", "b"] {
            assert!(window.try_one(name, 0), "{name}");
        }
        assert_eq!(window.burst("a", 1_000), 49, "b may want as many");
        assert_eq!(window.burst("a", AT_WORK), 49, "b has stopped asking");
    }

    #[test]
    fn little_is_kept_for_who_is_slow() {
        let mut window = Shared::new(100);
        let mut had = 0;
        for second in 0..60 {
            if second % 4 == 0 {
                assert!(window.try_one("slow", second * 1_000), "{second}");
            }
            had += window.burst("fast", second * 1_000);
        }
        assert_eq!(had, 100 - 15, "nothing is lost");
    }

    #[test]
    fn a_new_window_begins_for_all() {
        let mut window = Shared::new(4);
        for name in ["a", "b"] {
            assert!(window.try_one(name, 0), "{name}");
        }
        assert_eq!(window.burst("a", 0), 1);
        let room = Room {
            began: MINUTE,
            ends: 2 * MINUTE,
            left: 4,
        };
        let who = window.shares.ask("a", MINUTE);
        assert_eq!(window.shares.calls(who, room), 0);
        assert!(window.shares.may_go(who, room, MINUTE));
    }
}
