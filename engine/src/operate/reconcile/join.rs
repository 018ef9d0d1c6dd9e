//! Both sides put together, each added up as it was read.

use std::collections::HashMap;

use super::{
    Difference, Period, TargetSide,
    both::{Both, Extra},
    source::{Expected, Met},
    sums::{Key, Totals},
    target::Row,
};
use crate::store::{EntryId, State};

/// Documents that the target holds, by id: those of the period, and those that documents of the period
/// are linked to.
pub(super) type Rows = HashMap<String, Row>;

/// What both sides are together.
#[derive(Default)]
pub(super) struct Joined {
    pub(super) both: Vec<Both>,
    pub(super) extras: Vec<Extra>,
    pub(super) totals: Totals,
    /// Documents of the target in the period that are of another kind than the routes make.
    pub(super) other_kind: u64,
}

/// Gives each document of the target to the first entry that is linked to it. What is left is nobody's.
pub(super) fn join(
    period: &Period,
    to: &str,
    met: Vec<Met>,
    mut rows: Rows,
    links_apart: impl Fn(&[Expected], &Row) -> Vec<Difference>,
    notes: impl Fn(&TargetSide) -> Vec<String>,
) -> Joined {
    let mut joined = Joined::default();
    let numbers = numbers(&met);
    let mut taken: HashMap<String, (EntryId, Option<Row>)> = HashMap::new();
    for Met { mut both, expected } in met {
        if let Some(source) = both.source_in(period) {
            let key = Key::new(Some(&both.route), to, &source.currency);
            joined.totals.add_source(key, source.total);
        }
        if let Some(link) = both.stored.link.clone() {
            both.taken_by = taken.get(&link).map(|(id, _)| id.clone());
            let (_, row) = taken.entry(link).or_insert_with_key(|link| {
                let row = rows.remove(link).map(|it| Row {
                    side: both.with_parts(&it.side, period),
                    ..it
                });
                if let Some(row) = row.as_ref().filter(|it| it.side.lies_in(period)) {
                    let key = Key::new(Some(&both.route), to, &row.side.currency);
                    joined.totals.add_target(key, &row.side);
                }
                (both.id.clone(), row)
            });
            if let Some(row) = row {
                both.links_apart = links_apart(&expected, row);
                both.target = Some(row.side.clone());
            }
        }
        joined.both.push(both);
    }
    let mut left: Vec<Row> = rows.into_values().collect();
    left.retain(|it| it.side.lies_in(period));
    left.sort_by(|a, b| a.side.id.cmp(&b.side.id));
    for row in left {
        if !row.fits {
            joined.other_kind += 1;
            continue;
        }
        let key = Key::new(None, to, &row.side.currency);
        joined.totals.add_target(key, &row.side);
        let number = row.side.number.as_ref();
        joined.extras.push(Extra {
            to: to.to_owned(),
            notes: notes(&row.side),
            number_of: number.and_then(|it| numbers.get(it)).cloned(),
            target: row.side,
        });
    }
    joined
}

/// Entries that should be in the target and are not, by the number that they have or would have.
fn numbers(met: &[Met]) -> HashMap<String, EntryId> {
    let absent = met.iter().filter(|it| {
        let stored = &it.both.stored;
        stored.link.is_none() && !matches!(stored.state, State::Skipped | State::Excluded)
    });
    absent
        .filter_map(|it| {
            let own = it.both.source.as_ref().and_then(|it| it.number.clone());
            let number = it.both.stored.number.clone().or(own)?;
            Some((number, it.both.id.clone()))
        })
        .collect()
}
