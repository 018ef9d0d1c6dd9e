//! Reads every row, compares what is derived with what it is derived from, and mends what can be.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
};

use serde::Serialize;

use super::{
    SledStore,
    calls::StoredCall,
    entry_row::{Row, decode_document},
    keys::{self, CauseHash, Number},
    lookup::Kept,
    open::meta,
    rows::{
        NumberRow, SecretRow, Stored, StoredBudget, StoredCursor, StoredIntent, StreamRow,
        TallyRow, TextRow, damaged, decode, encode,
    },
    work::Standing,
};
use crate::store::{Intent, Result, State, StoreError, Tally};

/// Faults that are told one by one; the rest is counted.
const TOLD: usize = 200;

/// Rows written in one step of a rebuild.
const STEP: usize = 5_000;

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Which row.
    pub row: String,
    /// What is wrong with it.
    pub why: String,
}

impl Fault {
    pub(super) fn of(key: &[u8], err: &StoreError) -> Self {
        let why = match err {
            StoreError::Damaged { why, .. } => why.clone(),
            other => other.to_string(),
        };
        Self {
            row: keys::describe(key),
            why,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}: {}", self.row, self.why)
    }
}

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Rows by kind.
    pub rows: BTreeMap<&'static str, u64>,
    /// The first faults.
    pub faults: Vec<Fault>,
    /// Faults altogether.
    pub fault_count: u64,
    /// Faults that [`repair`] mends: index, groups and totals do not agree with the entries.
    pub repairable: u64,
}

impl Report {
    /// Nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.fault_count == 0
    }

    fn fault(&mut self, key: &[u8], why: impl fmt::Display) {
        self.fault_count += 1;
        if self.faults.len() < TOLD {
            self.faults.push(Fault {
                row: keys::describe(key),
                why: why.to_string(),
            });
        }
    }

    fn derived(&mut self, key: &[u8], why: impl fmt::Display) {
        self.repairable += 1;
        self.fault(key, why);
    }
}

/// Tallies as the entries give them.
#[derive(Default)]
struct Counted {
    totals: HashMap<(Number, State, u8), Tally>,
    groups: HashMap<(Number, State, CauseHash), (String, Tally)>,
}

impl Counted {
    fn add(&mut self, route: Number, standing: &Standing) {
        let money = standing.money.as_ref();
        self.totals
            .entry(standing.total(route))
            .or_default()
            .add(money);
        if let Some(group) = standing.group(route) {
            let cause = || standing.cause_key.clone().unwrap_or_default();
            self.groups
                .entry(group)
                .or_insert_with(|| (cause(), Tally::default()))
                .1
                .add(money);
        }
    }
}

/// Checks the whole store; nothing is written meanwhile.
pub fn check(store: &SledStore) -> Result<Report> {
    store.guarded(|| {
        let _writer = store.writer();
        let mut report = Report::default();
        let counted = store.check_rows(&mut report)?;
        store.check_tallies(counted, &mut report)?;
        Ok(report)
    })
}

/// Builds index, groups and totals anew from the entries, then checks.
///
/// What is damaged in itself (an entry or a document that cannot be read) stays as it is: the way
/// back is a backup.
pub fn repair(store: &SledStore) -> Result<Report> {
    store.guarded(|| {
        store.usable()?;
        store.rebuild()
    })?;
    check(store)
}

/// Reads one row by itself, whatever else the store holds.
///
/// # Errors
///
/// Its key or its value cannot be read, which is told with the row's name.
pub fn row(key: &[u8], bytes: &[u8]) -> Result<()> {
    fn reads_key(key: &[u8], is_good: bool) -> Result<()> {
        if is_good {
            Ok(())
        } else {
            Err(damaged(key, "its key is damaged"))
        }
    }
    fn reads<T: Stored>(key: &[u8], bytes: &[u8], key_is_good: bool) -> Result<()> {
        decode::<T>(key, bytes)?;
        reads_key(key, key_is_good)
    }
    let owned = keys::read_owned(key).is_some();
    let numbered = keys::read_numbered(key).is_some();
    let named = keys::read_named(key).is_some();
    match key.first() {
        Some(&keys::DOCUMENT) => {
            decode_document(key, bytes)?;
            reads_key(key, owned)
        }
        Some(&keys::ENTRY) => {
            Row::decode(key, bytes)?;
            reads_key(key, owned)
        }
        Some(&keys::INDEX) => reads_key(key, keys::read_index(key).is_some()),
        Some(&keys::GROUP) => reads::<TallyRow>(key, bytes, keys::read_group(key).is_some()),
        Some(&keys::TOTAL) => reads::<TallyRow>(key, bytes, keys::read_total(key).is_some()),
        Some(&keys::CURSOR) => reads::<StoredCursor>(key, bytes, key.len() == 3),
        Some(&keys::CAUGHT_UP) => reads::<NumberRow>(key, bytes, key.len() == 3),
        Some(&keys::INTENT) => reads::<StoredIntent>(key, bytes, numbered),
        Some(&keys::CALL) => reads::<StoredCall>(key, bytes, numbered),
        Some(&keys::PIECE) => reads_key(key, keys::read_piece(key).is_some()),
        Some(&keys::BUDGET) => reads::<StoredBudget>(key, bytes, named),
        Some(&keys::SECRET) => reads::<SecretRow>(key, bytes, named),
        Some(&keys::NOTE) => reads::<TextRow>(key, bytes, named),
        Some(&keys::META) => reads::<NumberRow>(key, bytes, named),
        Some(&keys::LOOKUP) if keys::is_lookup_flag(key) => reads::<NumberRow>(key, bytes, true),
        Some(&keys::LOOKUP) => reads_key(key, keys::read_lookup(key).is_some()),
        Some(&keys::NAME) => match key.get(1) {
            Some(0) => reads::<TextRow>(key, bytes, key.len() == 4),
            _ => reads::<StreamRow>(key, bytes, key.len() == 4),
        },
        _ => Err(damaged(key, "no such kind of row")),
    }
}

impl SledStore {
    fn check_rows(&self, report: &mut Report) -> Result<Counted> {
        let mut counted = Counted::default();
        let mut covered = HashSet::new();
        for row in self.scan(&[], None) {
            let (key, bytes) = row?;
            let (kind, fault) = self.check_row(&key, &bytes, &mut counted, &mut covered, report)?;
            *report.rows.entry(kind).or_default() += 1;
            if let Err(err) = fault {
                let why = Fault::of(&key, &err).why;
                if matches!(key.first(), Some(&(keys::GROUP | keys::TOTAL))) {
                    report.derived(&key, why);
                } else {
                    report.fault(&key, why);
                }
            }
        }
        Ok(counted)
    }

    /// The kind of a row, and what is wrong with the row in itself.
    fn check_row(
        &self,
        key: &[u8],
        bytes: &[u8],
        counted: &mut Counted,
        covered: &mut HashSet<Vec<u8>>,
        report: &mut Report,
    ) -> Result<(&'static str, Result<()>)> {
        let of_stream = || match keys::read_number(key) {
            Some((number, [])) if self.names().streams.name(number).is_some() => Ok(()),
            _ => Err(damaged(key, "its key is damaged")),
        };
        let kind = keys::kind(key);
        let fault = match key.first() {
            Some(&keys::DOCUMENT) => self.check_document(key, bytes),
            Some(&keys::ENTRY) => self.check_entry(key, bytes, counted, report)?,
            Some(&keys::INDEX) => {
                self.check_index(key, report)?;
                Ok(())
            }
            Some(&keys::LOOKUP) if !keys::is_lookup_flag(key) => {
                self.check_lookup(key, report)?;
                Ok(())
            }
            Some(&(keys::CURSOR | keys::CAUGHT_UP)) => row(key, bytes).and_then(|()| of_stream()),
            Some(&keys::INTENT) => self.check_intent(key, bytes, covered),
            Some(&keys::PIECE) => self.check_piece(key),
            _ => row(key, bytes),
        };
        Ok((kind, fault))
    }

    fn check_document(&self, key: &[u8], bytes: &[u8]) -> Result<()> {
        decode_document(key, bytes)?;
        let known = keys::read_owned(key)
            .is_some_and(|(stream, _)| self.names().streams.name(stream).is_some());
        if known {
            Ok(())
        } else {
            Err(damaged(key, "nobody knows its stream"))
        }
    }

    fn check_entry(
        &self,
        key: &[u8],
        bytes: &[u8],
        counted: &mut Counted,
        report: &mut Report,
    ) -> Result<Result<()>> {
        let row = match Row::decode(key, bytes) {
            Ok(row) => row,
            Err(err) => return Ok(Err(err)),
        };
        let Some((route, id)) = keys::read_owned(key) else {
            return Ok(Err(damaged(key, "its key is damaged")));
        };
        let standing = Standing::of(&row.entry);
        counted.add(route, &standing);
        if let Some(index) = standing.index_key(route, id)
            && self.get(&index)?.is_none()
        {
            report.derived(key, "it is not in the index");
        }
        for lookup in self.whole_lookups(route)?.keys(route, id, &row.entry) {
            if self.get(&lookup)?.is_none() {
                report.derived(key, "it is not in a look-up");
            }
        }
        if self.names().routes.name(route).is_none() {
            return Ok(Err(damaged(key, "nobody knows its route")));
        }
        if row.entry.state == State::Sending {
            return Ok(Err(damaged(key, "`sending` is stored")));
        }
        if self.get(&keys::document(row.stream, id))?.is_none() {
            return Ok(Err(damaged(key, "its document is missing")));
        }
        Ok(Ok(()))
    }

    fn check_index(&self, key: &[u8], report: &mut Report) -> Result<()> {
        let Some(found) = keys::read_index(key) else {
            report.derived(key, "its key is damaged");
            return Ok(());
        };
        // An entry that cannot be read is a fault of its own.
        if let Ok(row) = self.stored(found.route, found.id) {
            let expected =
                row.and_then(|it| Standing::of(&it.entry).index_key(found.route, found.id));
            if expected.as_deref() != Some(key) {
                report.derived(key, "the entry stands elsewhere");
            }
        }
        Ok(())
    }

    fn check_lookup(&self, key: &[u8], report: &mut Report) -> Result<()> {
        let Some(found) = keys::read_lookup(key) else {
            report.derived(key, "its key is damaged");
            return Ok(());
        };
        // An entry that cannot be read is a fault of its own.
        if let Ok(row) = self.stored(found.route, found.id) {
            let all = Kept::all();
            let stands = row.is_some_and(|it| {
                let keys = all.keys(found.route, found.id, &it.entry);
                keys.iter().any(|it| it == key)
            });
            if !stands {
                report.derived(key, "the entry is not found by this");
            }
        }
        Ok(())
    }

    fn check_intent(&self, key: &[u8], bytes: &[u8], covered: &mut HashSet<Vec<u8>>) -> Result<()> {
        let intent: Intent = decode::<StoredIntent>(key, bytes)?.into();
        if keys::read_numbered(key).is_none() {
            return Err(damaged(key, "its key is damaged"));
        }
        for id in intent.entries {
            let entry = self
                .names()
                .routes
                .number(&id.route)
                .map(|it| keys::entry(it, &id.source));
            let Some(entry) = entry else {
                return Err(damaged(key, format_args!("nobody knows the route of {id}")));
            };
            if self.get(&entry)?.is_none() {
                return Err(damaged(key, format_args!("there is no entry {id}")));
            }
            if !covered.insert(entry) {
                return Err(damaged(key, format_args!("two calls cover {id}")));
            }
        }
        Ok(())
    }

    fn check_piece(&self, key: &[u8]) -> Result<()> {
        let call = match keys::read_piece(key) {
            Some((call, _)) => self.get(&keys::numbered(keys::CALL, call))?,
            None => None,
        };
        match call {
            Some(_) => Ok(()),
            None => Err(damaged(key, "its call is missing")),
        }
    }

    fn check_tallies(&self, counted: Counted, report: &mut Report) -> Result<()> {
        let Counted { totals, groups } = counted;
        let totals = totals.into_iter().map(|((route, state, held), tally)| {
            (keys::total(route, state, held), (String::new(), tally))
        });
        let groups = groups.into_iter().map(|((route, state, cause), group)| {
            (keys::of_cause(keys::GROUP, route, state, cause), group)
        });
        let mut expected: HashMap<Vec<u8>, (String, Tally)> = totals.chain(groups).collect();
        for kind in [keys::TOTAL, keys::GROUP] {
            for row in self.scan(&[kind], None) {
                let (key, bytes) = row?;
                // One that cannot be read was told before.
                let Ok(row) = decode::<TallyRow>(&key, &bytes) else {
                    expected.remove(key.as_ref());
                    continue;
                };
                let found = (row.cause.clone(), row.tally());
                match expected.remove(key.as_ref()) {
                    None => report.derived(&key, "nothing stands there"),
                    Some(counted) if counted != found => report.derived(
                        &key,
                        format_args!("it says {:?}, the entries give {:?}", found, counted),
                    ),
                    Some(_) => {}
                }
            }
        }
        for key in expected.keys() {
            report.derived(key, "it is missing");
        }
        Ok(())
    }

    /// Builds everything derived anew. A crash leaves a flag, and the next opening begins again.
    pub(super) fn rebuild(&self) -> Result<()> {
        let mut writer = self.writer();
        let flag = meta::key(meta::REBUILDING);
        self.insert(flag.clone(), encode(&NumberRow(1))?)?;
        let mut step = Step::of(self);
        for kind in [keys::INDEX, keys::GROUP, keys::TOTAL, keys::LOOKUP] {
            for row in self.scan(&[kind], None) {
                let (key, _) = row?;
                if !keys::is_lookup_flag(&key) || kind != keys::LOOKUP {
                    step.remove(key.to_vec())?;
                }
            }
        }
        // Removals go first: a key must not be removed after it was put.
        step.end()?;
        let lookups = self.load_lookups()?;
        let mut counted = Counted::default();
        for row in self.scan(&[keys::ENTRY], None) {
            let (key, bytes) = row?;
            let (Ok(row), Some((route, id))) = (Row::decode(&key, &bytes), keys::read_owned(&key))
            else {
                continue;
            };
            let standing = Standing::of(&row.entry);
            counted.add(route, &standing);
            if let Some(index) = standing.index_key(route, id) {
                step.put(index, Vec::new())?;
            }
            let kept = lookups.get(&route).copied().unwrap_or_default();
            for key in kept.keys(route, id, &row.entry) {
                step.put(key, Vec::new())?;
            }
        }
        writer.waiting.clear();
        for ((route, state, cause), (key, tally)) in &counted.groups {
            if *state == State::Waiting {
                writer.waiting.insert((*cause, *route));
            }
            let row = encode(&TallyRow::new(key.clone(), tally))?;
            step.put(keys::of_cause(keys::GROUP, *route, *state, *cause), row)?;
        }
        for ((route, state, held), tally) in &counted.totals {
            let row = encode(&TallyRow::new(String::new(), tally))?;
            step.put(keys::total(*route, *state, *held), row)?;
        }
        writer.totals = counted.totals;
        step.remove(flag)?;
        step.end()?;
        drop(writer);
        self.flush(0)
    }
}

/// Writes that are applied a few thousand at a time.
struct Step<'s> {
    store: &'s SledStore,
    batch: sled::Batch,
    rows: usize,
}

impl<'s> Step<'s> {
    fn of(store: &'s SledStore) -> Self {
        Self {
            store,
            batch: sled::Batch::default(),
            rows: 0,
        }
    }

    fn put(&mut self, key: Vec<u8>, value: Vec<u8>) -> Result<()> {
        self.batch.insert(key, value);
        self.count()
    }

    fn remove(&mut self, key: Vec<u8>) -> Result<()> {
        self.batch.remove(key);
        self.count()
    }

    fn count(&mut self) -> Result<()> {
        self.rows += 1;
        if self.rows >= STEP {
            self.end()
        } else {
            Ok(())
        }
    }

    fn end(&mut self) -> Result<()> {
        self.rows = 0;
        self.store.apply(std::mem::take(&mut self.batch))
    }
}
