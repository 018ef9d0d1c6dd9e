//! Finds entries by something else than their ids: the number of the source document, or the id in the
//! target. Only routes that somebody looks up in pay for it, with one small row an entry.
//!
//! A look-up begins with a flag, from which on every write keeps it; then the entries that were there
//! before are gone through in chunks, and the flag says that it is whole.

use super::{
    SledStore,
    entry_row::Row,
    keys::{self, Number},
    rows::{NumberRow, decode, encode},
    work::Work,
};
use crate::store::{Entry, LookUp, Result};

/// Entries that are gone through in one write.
const CHUNK: usize = 2_000;

/// Which look-ups a route keeps: by number, by target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Kept([bool; 2]);

impl Kept {
    pub(super) fn with(mut self, by: LookUp) -> Self {
        self.0[by as usize] = true;
        self
    }

    pub(super) fn all() -> Self {
        Self([true; 2])
    }

    /// The rows of an entry, by their keys.
    pub(super) fn keys(self, route: Number, id: &str, entry: &Entry) -> Vec<Vec<u8>> {
        LookUp::ALL
            .into_iter()
            .filter(|by| self.0[*by as usize])
            .filter_map(|by| Some(keys::lookup(by, route, value_of(entry, by)?, id)))
            .collect()
    }
}

/// What an entry is found by.
fn value_of(entry: &Entry, by: LookUp) -> Option<&str> {
    let value = match by {
        LookUp::Number => entry.facts.number.as_deref(),
        LookUp::Target => entry.held.as_ref().map(|it| it.id.as_str()),
    };
    value.filter(|it| !it.is_empty())
}

impl SledStore {
    pub(super) fn begin_look_up(&self, route: &str, by: LookUp) -> Result<()> {
        let number = {
            let mut work = Work::begin(self)?;
            let number = work.route(route)?;
            let flag = keys::lookup_flag(by, number);
            if self.number_at(&flag)? == Some(1) {
                return Ok(());
            }
            let kept = work.writer.lookups.entry(number).or_default();
            *kept = kept.with(by);
            work.put(flag, encode(&NumberRow(0))?);
            work.commit()?;
            number
        };
        let prefix = keys::of_number(keys::ENTRY, number);
        let mut after: Option<Vec<u8>> = None;
        loop {
            let mut work = Work::begin(self)?;
            let mut met = 0;
            for row in self.scan(&prefix, after.take().as_deref()).take(CHUNK) {
                let (key, bytes) = row?;
                met += 1;
                // One that cannot be read is told by a check, and by whoever needs it.
                if let (Ok(row), Some((_, id))) =
                    (Row::decode(&key, &bytes), keys::read_owned(&key))
                {
                    for key in Kept::default().with(by).keys(number, id, &row.entry) {
                        work.put(key, Vec::new());
                    }
                }
                after = Some(key.to_vec());
            }
            if met < CHUNK {
                work.put(keys::lookup_flag(by, number), encode(&NumberRow(1))?);
                return work.commit();
            }
            work.commit()?;
        }
    }

    pub(super) fn found_by(&self, route: &str, by: LookUp, value: &str) -> Result<Vec<String>> {
        let Some(number) = self.names().routes.number(route) else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        for row in self.scan(&keys::lookup(by, number, value, ""), None) {
            let (key, _) = row?;
            let Some(id) = keys::read_lookup(&key).map(|it| it.id) else {
                continue;
            };
            // Two values may share a hash.
            let same = self
                .stored(number, id)?
                .is_some_and(|it| value_of(&it.entry, by) == Some(value));
            if same {
                found.push(id.to_owned());
            }
        }
        Ok(found)
    }

    /// The look-ups of a route in which every entry must stand.
    pub(super) fn whole_lookups(&self, route: Number) -> Result<Kept> {
        let mut kept = Kept::default();
        for by in LookUp::ALL {
            if self.number_at(&keys::lookup_flag(by, route))? == Some(1) {
                kept = kept.with(by);
            }
        }
        Ok(kept)
    }

    /// The look-ups that were begun, for what is kept in memory.
    pub(super) fn load_lookups(&self) -> Result<std::collections::HashMap<Number, Kept>> {
        let mut all = std::collections::HashMap::<Number, Kept>::new();
        for by in LookUp::ALL {
            let routes: Vec<Number> = self.names().routes.all().map(|it| it.0).collect();
            for route in routes {
                let flag = keys::lookup_flag(by, route);
                let begun = match self.get(&flag)? {
                    Some(bytes) => decode::<NumberRow>(&flag, &bytes).is_ok(),
                    None => false,
                };
                if begun {
                    let kept = all.entry(route).or_default();
                    *kept = kept.with(by);
                }
            }
        }
        Ok(all)
    }
}
