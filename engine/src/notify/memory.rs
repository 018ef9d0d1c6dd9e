//! What was told, and so what is to be told now. Plain values: no clock, no store, no network.
//!
//! A matter is told when it is new and once more after a while when it still stands. One that is gone
//! is forgotten, so that it is new when it comes back; that it grew or shrank meanwhile says nothing.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::matter::Matter;

/// First and longest pause after a message that could not be delivered, in milliseconds.
const FIRST_PAUSE: i64 = 60_000;
const LONGEST_PAUSE: i64 = 3_600_000;

/// What one receiver was told. Kept in the store, so old values must stay readable.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(crate) struct Memory {
    /// Matters that stood and were told, with the instant, milliseconds since the epoch.
    pub(crate) told: BTreeMap<String, i64>,
    /// When the last message was delivered.
    pub(crate) last: Option<i64>,
    /// The last message could not be delivered.
    pub(crate) undelivered: Option<Undelivered>,
}

/// A message that could not be delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Undelivered {
    /// When it was tried first.
    pub(crate) since: i64,
    /// How often.
    pub(crate) tries: u32,
    /// Not tried again before.
    pub(crate) not_before: i64,
    /// What happened.
    pub(crate) why: String,
}

/// What is to be done.
#[derive(Debug, PartialEq)]
pub(crate) enum Due<'a> {
    /// Nobody has to be told of anything.
    Nothing,
    /// There is something to tell, at this instant.
    At(i64),
    /// These are to be told.
    Now(Vec<&'a Matter>),
}

impl Memory {
    /// What is to be told of `matters`, which is all that stands at `now`.
    pub(crate) fn due<'a>(
        &mut self,
        matters: &'a [Matter],
        every: Duration,
        remind: Duration,
        now: i64,
    ) -> Due<'a> {
        self.told
            .retain(|key, _| matters.iter().any(|it| it.key == *key));
        // Noted by a clock that has been set back since.
        for at in self.told.values_mut().chain(&mut self.last) {
            *at = (*at).min(now);
        }
        let remind = millis(remind);
        let new: Vec<&Matter> = matters
            .iter()
            .filter(|it| {
                let told = self.told.get(&it.key);
                told.is_none_or(|at| now.saturating_sub(*at) >= remind)
            })
            .collect();
        if new.is_empty() {
            // What was not delivered has gone by itself.
            self.undelivered = None;
            return Due::Nothing;
        }
        let by_pace = self.last.map(|it| it.saturating_add(millis(every)));
        let by_failure = self.undelivered.as_ref().map(|it| {
            let longest = now.saturating_add(LONGEST_PAUSE);
            it.not_before.min(longest)
        });
        match by_pace.max(by_failure) {
            Some(at) if at > now => Due::At(at),
            _ => Due::Now(new),
        }
    }

    /// These were told.
    pub(crate) fn delivered(&mut self, matters: &[&Matter], now: i64) {
        self.told
            .extend(matters.iter().map(|it| (it.key.clone(), now)));
        self.last = Some(now);
        self.undelivered = None;
    }

    /// The message could not be delivered: next time after a pause that doubles.
    pub(crate) fn failed(&mut self, why: String, now: i64) {
        let (since, tries) = match &self.undelivered {
            Some(it) => (it.since.min(now), it.tries.saturating_add(1)),
            None => (now, 1),
        };
        let doubled = FIRST_PAUSE.checked_shl(tries.saturating_sub(1).min(16));
        let pause = doubled.unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE);
        self.undelivered = Some(Undelivered {
            since,
            tries,
            not_before: now.saturating_add(pause),
            why,
        });
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{super::matter::failed, *};

    const MINUTE: i64 = 60_000;
    const HOUR: i64 = 60 * MINUTE;

    fn standing(keys: &[&str]) -> Vec<Matter> {
        keys.iter()
            .map(|key| Matter {
                key: (*key).to_owned(),
                ..failed("")
            })
            .collect()
    }

    /// What is told at `minute` when these stand: their keys, `-` for nothing, or the minute at which
    /// there will be something. A message that is due arrives unless `arrives` says otherwise.
    fn told(memory: &mut Memory, minute: i64, keys: &[&str], arrives: bool) -> String {
        let (now, all) = (minute * MINUTE, standing(keys));
        let quarter = Duration::from_secs(15 * 60);
        let day = Duration::from_secs(24 * 3600);
        match memory.due(&all, quarter, day, now) {
            Due::Nothing => "-".to_owned(),
            Due::At(at) => format!("at {}", at / MINUTE),
            Due::Now(new) => {
                match arrives {
                    true => memory.delivered(&new, now),
                    false => memory.failed("no".into(), now),
                }
                let new: Vec<&str> = new.iter().map(|it| it.key.as_str()).collect();
                new.join(" ")
            }
        }
    }

    fn check(steps: &[(i64, &[&str], bool, &str)]) {
        let mut memory = Memory::default();
        for (minute, keys, arrives, wanted) in steps {
            let actual = told(&mut memory, *minute, keys, *arrives);
            assert_eq!(actual, *wanted, "minute {minute} of {steps:?}");
            // As it comes back from the store.
            let text = serde_json::to_string(&memory).unwrap();
            memory = serde_json::from_str(&text).unwrap();
        }
    }

    #[test]
    fn a_matter_is_told_once_and_again_when_it_comes_back() {
        check(&[
            (0, &[], true, "-"),
            (5, &["a"], true, "a"),
            (20, &["a"], true, "-"),
            (40, &["a", "b"], true, "b"),
            (60, &["b"], true, "-"),
            (80, &["a", "b"], true, "a"),
        ]);
    }

    #[test]
    fn what_still_stands_is_told_again_after_a_day() {
        check(&[
            (0, &["a"], true, "a"),
            (60, &["a", "b"], true, "b"),
            (24 * 60 - 1, &["a", "b"], true, "-"),
            (24 * 60, &["a", "b"], true, "a"),
            (25 * 60, &["a", "b"], true, "b"),
        ]);
    }

    #[test]
    fn messages_keep_their_distance() {
        check(&[
            (0, &["a"], true, "a"),
            (5, &["a", "b"], true, "at 15"),
            // Gone before anybody was told of it.
            (10, &["a"], true, "-"),
            (12, &["a", "c"], true, "at 15"),
            (15, &["a", "c"], true, "c"),
        ]);
    }

    #[test]
    fn a_message_that_was_not_delivered_is_repeated_with_longer_pauses() {
        check(&[
            (0, &["a"], false, "a"),
            (0, &["a"], false, "at 1"),
            (1, &["a"], false, "a"),
            (2, &["a"], false, "at 3"),
            // What came up meanwhile goes with it.
            (3, &["a", "b"], true, "a b"),
            (4, &["a", "b"], true, "-"),
        ]);
        let mut memory = Memory::default();
        for _ in 0..100 {
            memory.failed("no".into(), 0);
        }
        let last = memory.undelivered.clone().unwrap();
        assert_eq!((last.tries, last.not_before), (100, HOUR));
        assert_eq!(told(&mut memory, 61, &[], true), "-");
        assert_eq!(memory.undelivered, None, "there is nothing left to tell");
    }

    #[test]
    fn a_clock_that_was_set_back_keeps_nobody_in_the_dark() {
        let mut memory = Memory::default();
        assert_eq!(told(&mut memory, 100_000, &["a"], true), "a");
        assert_eq!(told(&mut memory, 10, &["a", "b"], true), "at 25");
        assert_eq!(told(&mut memory, 25, &["a", "b"], true), "b");
        assert_eq!(told(&mut memory, 10 + 24 * 60, &["a", "b"], true), "a");
    }

    #[test]
    fn memories_of_the_first_version_are_read() {
        let text = r#"{"told":{"a":1},"last":2,"undelivered":{"since":3,"tries":4,"not-before":5,"why":"w"}}"#;
        let memory: Memory = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&memory).unwrap(), text);
        assert_eq!(
            serde_json::from_str::<Memory>("{}").unwrap(),
            Memory::default()
        );
    }
}
