//! How an entry's history grows.
//!
//! An entry that fails once an hour for a week would drown its own history, so equal neighbours are
//! one line with a count. [`Seen`] counts the repeats too, so it still tells any two moments apart.

use super::{Actor, Entry, Event, Facts, Seen, State};

impl Entry {
    /// A document that was just taken in, with its first event.
    pub fn new(at: i64, state: State, version: String, facts: Facts, what: &str) -> Self {
        Self {
            state,
            since: at,
            version,
            facts,
            number: None,
            held: None,
            problem: None,
            words: None,
            cause: None,
            notices: Vec::new(),
            candidates: Vec::new(),
            mapping: [0; 8],
            attempts: 0,
            not_before: 0,
            write_open_since: None,
            write_open_until: None,
            requested: false,
            needed: false,
            create_new: false,
            events: vec![Event {
                at,
                from: None,
                to: state,
                by: Actor::Engine,
                what: what.to_owned(),
                call: None,
                times: 1,
                last_at: at,
            }],
        }
    }

    /// Moves the entry to a state and writes down who did it and why. `since` stays when the state
    /// does.
    pub fn record(
        &mut self,
        at: i64,
        to: State,
        by: Actor,
        what: impl AsRef<str>,
        call: Option<u64>,
    ) {
        let what = what.as_ref();
        let from = Some(self.state);
        if self.state != to {
            self.state = to;
            self.since = at;
        }
        match self.events.last_mut() {
            Some(last)
                if last.from == from && last.to == to && last.by == by && last.what == what =>
            {
                last.times = last.times.saturating_add(1);
                last.last_at = at;
                last.call = call.or(last.call);
            }
            _ => self.events.push(Event {
                at,
                from,
                to,
                by,
                what: what.to_owned(),
                call,
                times: 1,
                last_at: at,
            }),
        }
    }

    /// The guard for a change that is based on the entry as it is now.
    pub fn seen(&self) -> Seen {
        let events = self
            .events
            .iter()
            .fold(0, |sum: u32, it| sum.saturating_add(it.times));
        Seen {
            state: self.state,
            events,
        }
    }

    /// Back to where it is prepared again: nothing of the old stop stays. While a write of it may
    /// have happened it becomes uncertain, so that the target is asked before anything is sent.
    pub fn reopen(&mut self, at: i64, by: Actor, what: &str) {
        let to = match self.write_open_since {
            Some(_) => State::Uncertain,
            None => State::Pending,
        };
        self.begin_anew(at, to, by, what);
    }

    /// Nothing of a stop stays, and no write of it is open any more: the caller knows its outcome.
    pub fn clear_stop(&mut self) {
        self.problem = None;
        self.words = None;
        self.cause = None;
        self.candidates.clear();
        self.not_before = 0;
        self.write_open_since = None;
        self.write_open_until = None;
    }

    /// What happened last, in a few words.
    pub fn last_words(&self) -> &str {
        self.events.last().map_or("", |it| it.what.as_str())
    }

    /// Whether an answer about it was ever lost.
    pub fn was_uncertain(&self) -> bool {
        self.events.iter().any(|it| it.to == State::Uncertain)
    }

    /// The target may hold it without our knowledge.
    pub(in crate::store) fn doubt(&mut self, at: i64, what: &str) {
        self.begin_anew(at, State::Uncertain, Actor::Engine, what);
    }

    fn begin_anew(&mut self, at: i64, to: State, by: Actor, what: &str) {
        self.record(at, to, by, what, None);
        self.problem = None;
        self.words = None;
        self.cause = None;
        self.candidates.clear();
        self.attempts = 0;
        self.not_before = 0;
    }

    /// Puts the events that `self` got after `seen` behind those of `stored`, for an outcome that
    /// must be kept although the entry changed before its call left.
    pub(in crate::store) fn rebase(&mut self, seen: Seen, stored: &mut Vec<Event>) {
        let mut passed = 0_u32;
        let first_new = self.events.iter().position(|it| {
            passed = passed.saturating_add(it.times);
            passed > seen.events
        });
        if let Some(first) = first_new {
            // The first new event may have been counted into an old one.
            let fresh = passed.saturating_sub(seen.events);
            if self.events[first].times > fresh {
                self.events[first].times = fresh;
                self.events[first].at = self.events[first].last_at;
            }
            stored.extend(self.events.drain(first..));
        }
        self.events = std::mem::take(stored);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        Entry::new(
            10,
            State::Pending,
            "v1".into(),
            Facts::default(),
            "taken in",
        )
    }

    #[test]
    fn equal_neighbours_are_counted() {
        let mut entry = entry();
        entry.record(
            20,
            State::Failed,
            Actor::Engine,
            "the target was away",
            Some(1),
        );
        entry.record(
            30,
            State::Failed,
            Actor::Engine,
            "the target was away",
            Some(2),
        );
        entry.record(
            40,
            State::Failed,
            Actor::Engine,
            "the target was away",
            None,
        );
        entry.record(
            50,
            State::Pending,
            Actor::Person("kim".into()),
            "retry",
            None,
        );
        let lines: Vec<_> = entry
            .events
            .iter()
            .map(|it| (it.at, it.last_at, it.from, it.to, it.times, it.call))
            .collect();
        assert_eq!(
            lines,
            [
                (10, 10, None, State::Pending, 1, None),
                (20, 20, Some(State::Pending), State::Failed, 1, Some(1)),
                (30, 40, Some(State::Failed), State::Failed, 2, Some(2)),
                (50, 50, Some(State::Failed), State::Pending, 1, None),
            ]
        );
        assert_eq!(
            entry.seen(),
            Seen {
                state: State::Pending,
                events: 5
            }
        );
        assert_eq!(entry.since, 50);
    }

    #[test]
    fn since_stays_while_the_state_does() {
        let mut entry = entry();
        entry.record(
            20,
            State::Pending,
            Actor::Engine,
            "the document changed",
            None,
        );
        assert_eq!(entry.since, 10);
    }

    #[test]
    fn reopening_asks_first_while_a_write_is_open() {
        for (open, state) in [(None, State::Pending), (Some(5), State::Uncertain)] {
            let mut entry = entry();
            entry.write_open_since = open;
            entry.words = Some("no".into());
            entry.attempts = 3;
            entry.record(20, State::Warning, Actor::Engine, "refused", None);
            entry.reopen(30, Actor::Engine, "the document changed");
            assert_eq!(
                (entry.state, entry.words, entry.attempts),
                (state, None, 0),
                "{open:?}"
            );
            assert_eq!(entry.write_open_since, open);
        }
    }

    #[test]
    fn a_late_outcome_goes_behind_what_happened_before_it() {
        let mut read = entry();
        let seen = read.seen();
        let mut stored = read.clone();
        stored.record(
            20,
            State::Pending,
            Actor::Engine,
            "the document changed",
            None,
        );
        read.record(30, State::Synced, Actor::Engine, "sent", Some(7));
        read.rebase(seen, &mut stored.events);
        let what: Vec<_> = read.events.iter().map(|it| it.what.as_str()).collect();
        assert_eq!(what, ["taken in", "the document changed", "sent"]);
        assert_eq!(
            read.seen(),
            Seen {
                state: State::Synced,
                events: 3
            }
        );
    }
}
