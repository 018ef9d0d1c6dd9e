//! The ids of records that were handed over, small enough for a cursor.
//!
//! Written as the first id and the distances between one and the next, equal ones in a row counted:
//! `6001,1*8,4` is 6001 to 6009 and 6013. What does not fit is forgotten, the oldest first: what is
//! deleted is nearly always young.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes that ids may take of a cursor, which holds 64 KiB: about 16,000 ids without order in them.
const MOST_BYTES: usize = 48 * 1024;
/// Ids that a text may stand for, so that a damaged one takes no memory without end.
const MOST_IDS: u64 = 10_000_000;

/// Ids in ascending order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Known(BTreeSet<i64>);

impl Known {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn first(&self) -> Option<i64> {
        self.0.first().copied()
    }

    pub(crate) fn last(&self) -> Option<i64> {
        self.0.last().copied()
    }

    /// Those greater than `after`, and not greater than `to` where there is an end.
    pub(crate) fn between(&self, after: i64, to: Option<i64>) -> impl Iterator<Item = i64> {
        let within = move |id: &i64| *id > after && to.is_none_or(|to| *id <= to);
        self.0.iter().copied().filter(within)
    }

    pub(crate) fn remove(&mut self, id: i64) {
        self.0.remove(&id);
    }

    /// Adds ids, and forgets the smallest where they no longer fit.
    pub(crate) fn extend(&mut self, ids: impl IntoIterator<Item = i64>) {
        self.0.extend(ids);
        self.forget_down_to(MOST_BYTES);
    }

    fn forget_down_to(&mut self, bytes: usize) {
        while self.written().len() > bytes {
            // By eighths: writing them anew for each would take its time.
            let keep_from = self.0.iter().nth(self.0.len() / 8 + 1).copied();
            self.0 = keep_from.map_or_else(BTreeSet::new, |id| self.0.split_off(&id));
        }
    }

    fn written(&self) -> String {
        let mut runs: Vec<(i64, u64)> = Vec::new();
        let mut before = 0;
        for id in &self.0 {
            let distance = id.saturating_sub(before);
            before = *id;
            match runs.last_mut() {
                Some((same, count)) if *same == distance => *count += 1,
                _ => runs.push((distance, 1)),
            }
        }
        let texts: Vec<String> = runs
            .into_iter()
            .map(|(distance, count)| match count {
                1 => distance.to_string(),
                _ => format!("{distance}*{count}"),
            })
            .collect();
        texts.join(",")
    }

    fn read(text: &str) -> Option<Self> {
        let mut ids = BTreeSet::new();
        let mut id: i64 = 0;
        let mut left = MOST_IDS;
        for run in text.split(',').filter(|it| !it.is_empty()) {
            let (distance, count) = run.split_once('*').unwrap_or((run, "1"));
            let distance: i64 = distance.parse().ok().filter(|it| *it > 0)?;
            let count: u64 = count.parse().ok()?;
            left = left.checked_sub(count)?;
            for _ in 0..count {
                id = id.checked_add(distance)?;
                ids.insert(id);
            }
        }
        Some(Self(ids))
    }
}

impl Serialize for Known {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.written())
    }
}

impl<'de> Deserialize<'de> for Known {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::read(&text)
            .ok_or_else(|| D::Error::custom("ids that were handed over cannot be read"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(ids: &[i64]) -> Known {
        Known(ids.iter().copied().collect())
    }

    #[test]
    fn ids_are_written_short_and_read_again() {
        let cases: [(&[i64], &str); 4] = [
            (&[], ""),
            (&[7], "7"),
            (&[6001, 6002, 6003, 6007], "6001,1*2,4"),
            (&[1, 2, 3, 5, 7], "1*3,2*2"),
        ];
        for (ids, text) in cases {
            assert_eq!(known(ids).written(), text);
            assert_eq!(Known::read(text), Some(known(ids)), "{text}");
        }
        for text in [
            "x",
            "1,-1",
            "0",
            "1*",
            "5*99999999999",
            "9223372036854775807,1",
        ] {
            assert_eq!(Known::read(text), None, "{text}");
        }
    }

    #[test]
    fn the_oldest_are_forgotten_when_they_no_longer_fit() {
        // Distances that differ, so that no run is short.
        let mut id = 0;
        let ids: Vec<i64> = (0..40_000)
            .map(|at| {
                id += 50 + at % 7;
                id
            })
            .collect();
        let mut all = Known::default();
        all.extend(ids.iter().copied());
        assert!(all.written().len() <= MOST_BYTES);
        assert_eq!(all.last(), ids.last().copied());
        assert!(all.0.len() > 10_000, "{}", all.0.len());
        let mut one = known(&[1]);
        one.forget_down_to(0);
        assert!(one.is_empty());
    }

    #[test]
    fn a_part_is_what_lies_between() {
        let known = known(&[3, 5, 8]);
        let part = |after, to| known.between(after, to).collect::<Vec<_>>();
        assert_eq!(part(3, Some(8)), [5, 8]);
        assert_eq!(part(2, Some(4)), [3]);
        assert_eq!(part(5, None), [8]);
    }
}
