//! The cut-over: documents with an earlier date stay with whoever kept the books before, unless a
//! person lifted it for a range of days on the route.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::Decider;
use crate::store::{Actor, Entry, State, Store, StoreError};

/// Days, both ends counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Range {
    pub(crate) from: Date,
    pub(crate) to: Date,
}

impl Range {
    pub(crate) fn holds(self, date: Date) -> bool {
        (self.from..=self.to).contains(&date)
    }
}

/// The ranges of a route for which the cut-over was lifted.
pub(crate) fn lifted(store: &dyn Store, route: &str) -> Result<Vec<Range>, StoreError> {
    let name = note_of(route);
    let Some(text) = store.note(&name)? else {
        return Ok(Vec::new());
    };
    serde_json::from_str(&text).map_err(|why| StoreError::Damaged {
        row: format!("the note {name}"),
        why: why.to_string(),
    })
}

/// Lifts the cut-over of a route for a range; durable on return.
pub(crate) fn lift(store: &dyn Store, route: &str, range: Range) -> Result<(), StoreError> {
    let mut ranges = lifted(store, route)?;
    if ranges.contains(&range) {
        return Ok(());
    }
    ranges.push(range);
    let text = serde_json::to_string(&ranges).map_err(|why| StoreError::Damaged {
        row: format!("the note {}", note_of(route)),
        why: why.to_string(),
    })?;
    store.set_note(&note_of(route), Some(&text))
}

fn note_of(route: &str) -> String {
    format!("lifted/{route}")
}

/// The entry, left out because its document lies before the cut-over.
pub(crate) fn left_out(entry: &Entry, date: Date, start: Date, now: i64) -> Entry {
    let mut next = entry.clone();
    next.problem = None;
    next.cause = None;
    next.record(
        now,
        State::Skipped,
        Actor::Engine,
        format!("before cut-over: {date} is before {start}"),
        None,
    );
    next
}

/// Whether an entry was left out by the cut-over, not by a person.
pub(crate) fn is_left_out(entry: &Entry) -> bool {
    let skipped =
        |it: &&crate::store::Event| it.to == State::Skipped && it.from != Some(State::Skipped);
    let by = entry.events.iter().rev().find(skipped).map(|it| &it.by);
    entry.state == State::Skipped && by == Some(&Actor::Engine)
}

impl Decider<'_> {
    /// The entry as it is left out when its document lies before the cut-over.
    pub(super) fn before_cut_over(
        &self,
        entry: &Entry,
        date: Option<Date>,
    ) -> Result<Option<Entry>, StoreError> {
        let (Some(start), Some(date)) = (self.plan.start_date, date) else {
            return Ok(None);
        };
        if date >= start {
            return Ok(None);
        }
        let lifted = lifted(self.store, self.plan.name())?;
        if lifted.iter().any(|it| it.holds(date)) {
            return Ok(None);
        }
        Ok(Some(left_out(entry, date, start, self.now)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Facts, SledStore};

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn range(from: &str, to: &str) -> Range {
        Range {
            from: day(from),
            to: day(to),
        }
    }

    #[test]
    fn ranges_are_kept_by_route_and_never_taken_back() {
        let store = SledStore::temporary().unwrap();
        let (may, year) = (
            range("2026-05-01", "2026-05-31"),
            range("2019-01-01", "2026-06-30"),
        );
        for it in [may, year, may] {
            lift(&store, "notes", it).unwrap();
        }
        assert_eq!(lifted(&store, "notes").unwrap(), [may, year]);
        assert_eq!(lifted(&store, "others").unwrap(), []);
        let cases = [
            ("2026-04-30", false),
            ("2026-05-01", true),
            ("2026-05-31", true),
            ("2026-06-01", false),
        ];
        for (date, wanted) in cases {
            assert_eq!(may.holds(day(date)), wanted, "{date}");
        }
        // As it was stored first.
        let text = r#"[{"from":"2026-05-01","to":"2026-05-31"}]"#;
        store.set_note("lifted/old", Some(text)).unwrap();
        assert_eq!(lifted(&store, "old").unwrap(), [may]);
    }

    #[test]
    fn what_a_person_skipped_stays_skipped() {
        let taken = Entry::new(0, State::Pending, "1".into(), Facts::default(), "taken in");
        let left = left_out(&taken, day("2026-05-01"), day("2026-07-01"), 1);
        assert!(is_left_out(&left));
        let mut changed = left.clone();
        changed.record(
            2,
            State::Skipped,
            Actor::Engine,
            "the document changed",
            None,
        );
        assert!(is_left_out(&changed));
        let mut reset = changed.clone();
        let kim = Actor::Person("kim".into());
        reset.record(3, State::Pending, kim.clone(), "reset", None);
        assert!(!is_left_out(&reset));
        reset.record(4, State::Skipped, kim, "skipped: not ours", None);
        assert!(!is_left_out(&reset));
    }
}
