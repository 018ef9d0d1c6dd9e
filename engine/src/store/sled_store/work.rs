//! One write: everything a verb changes, applied in one batch and flushed once.
//!
//! Verbs load entries, change them and mark them changed. What follows from a change (index rows,
//! tallies of states and causes) is worked out here, from where the entry stood before and where it
//! stands now, so no verb can forget it.

use std::{
    collections::{HashMap, hash_map},
    sync::MutexGuard,
};

use super::{
    SledStore, Writer,
    codes::Code as _,
    entry_row::{Head, Row, decode_document, encode_document},
    keys::{self, CauseHash, Number},
    names,
    open::meta,
    rows::{NumberRow, StreamRow, TallyRow, TextRow, decode, encode},
};
use crate::store::{Entry, Money, Result, State, StreamId, Tally};

/// Where an entry stands, as far as index and tallies care.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Standing {
    pub(super) state: State,
    /// Code of the state in the target, for synced ones.
    pub(super) held: u8,
    pub(super) cause: CauseHash,
    pub(super) cause_key: Option<String>,
    pub(super) since: i64,
    pub(super) money: Option<Money>,
}

impl Standing {
    pub(super) fn of(entry: &Entry) -> Self {
        let held = match (entry.state, &entry.held) {
            (State::Synced, Some(held)) => held.state.map_or(0, |it| it.code()),
            _ => 0,
        };
        Self {
            state: entry.state,
            held,
            cause: keys::hash_of(entry),
            cause_key: entry.cause.as_ref().map(|it| it.key.clone()),
            since: entry.since,
            money: entry.facts.money.clone(),
        }
    }

    pub(super) fn index_key(&self, route: Number, id: &str) -> Option<Vec<u8>> {
        let indexed = self.state.needs_attention();
        indexed.then(|| keys::index(route, self.state, self.cause, self.since, id))
    }

    /// Pending entries stop nobody, so they form a group only when they say why.
    pub(super) fn group(&self, route: Number) -> Option<(Number, State, CauseHash)> {
        let stopped = self.state != State::Pending || self.cause_key.is_some();
        (self.state.needs_attention() && stopped).then_some((route, self.state, self.cause))
    }

    pub(super) fn total(&self, route: Number) -> (Number, State, u8) {
        (route, self.state, self.held)
    }
}

/// One entry within a write.
pub(super) struct Slot {
    route: Number,
    id: String,
    before: Option<Standing>,
    /// Keys by which it was found before, where its route keeps look-ups.
    found_by: Vec<Vec<u8>>,
    /// The entry as it is to be; `None` when there is none.
    pub(super) row: Option<Row>,
    /// Set by whoever changed `row`.
    pub(super) changed: bool,
    /// A call that covers it is under way.
    pub(super) sending: Option<u64>,
}

/// A tally of one cause, with the cause's whole key.
type GroupTally = (String, Tally);

/// A write under way. Dropped without [`commit`](Work::commit), nothing happens.
pub(super) struct Work<'s> {
    pub(super) store: &'s SledStore,
    pub(super) writer: MutexGuard<'s, Writer>,
    batch: sled::Batch,
    rows: usize,
    entries: HashMap<Vec<u8>, Slot>,
    documents: HashMap<Vec<u8>, Vec<u8>>,
    opened: Option<(u64, Vec<Vec<u8>>)>,
    closed: Option<u64>,
}

impl<'s> Work<'s> {
    /// Waits for the writer.
    pub(super) fn begin(store: &'s SledStore) -> Result<Self> {
        let writer = store.writer();
        store.usable()?;
        Ok(Self {
            store,
            writer,
            batch: sled::Batch::default(),
            rows: 0,
            entries: HashMap::new(),
            documents: HashMap::new(),
            opened: None,
            closed: None,
        })
    }

    /// Number of a route, given now when it has none.
    pub(super) fn route(&mut self, name: &str) -> Result<Number> {
        if let Some(number) = self.store.names().routes.number(name) {
            return Ok(number);
        }
        let number = self
            .store
            .names()
            .routes
            .free()
            .ok_or_else(|| self.store.no_number())?;
        let row = encode(&TextRow(name.to_owned()))?;
        self.store.insert(keys::name(names::ROUTE, number), row)?;
        self.store
            .names_mut()
            .routes
            .insert(number, name.to_owned());
        Ok(number)
    }

    /// Number of a stream, given now when it has none.
    ///
    /// The row goes straight into the tree: the log keeps its order, so it is durable no later than
    /// the first row that uses the number, and a number without rows does no harm.
    pub(super) fn stream(&mut self, id: &StreamId) -> Result<Number> {
        if let Some(number) = self.store.names().streams.number(id) {
            return Ok(number);
        }
        let number = self
            .store
            .names()
            .streams
            .free()
            .ok_or_else(|| self.store.no_number())?;
        let StreamId { connection, stream } = id.clone();
        let row = encode(&StreamRow { connection, stream })?;
        self.store.insert(keys::name(names::STREAM, number), row)?;
        self.store.names_mut().streams.insert(number, id.clone());
        Ok(number)
    }

    /// An entry, as this write has left it so far.
    pub(super) fn entry(&mut self, route: Number, id: &str) -> Result<&mut Slot> {
        match self.entries.entry(keys::entry(route, id)) {
            hash_map::Entry::Occupied(it) => Ok(it.into_mut()),
            hash_map::Entry::Vacant(vacant) => {
                let key = vacant.key();
                let bytes = self.store.get(key)?;
                let row = bytes.map(|it| Row::decode(key, &it)).transpose()?;
                let sending = self.store.open_calls().by_entry.get(key).copied();
                let before = row.as_ref().map(|it| Standing::of(&it.entry));
                let kept = self.writer.lookups.get(&route).copied();
                let found_by = match (kept, &row) {
                    (Some(kept), Some(row)) => kept.keys(route, id, &row.entry),
                    _ => Vec::new(),
                };
                let id = id.to_owned();
                Ok(vacant.insert(Slot {
                    route,
                    id,
                    before,
                    found_by,
                    row,
                    changed: false,
                    sending,
                }))
            }
        }
    }

    /// A document's head, and whether its body equals `body`.
    pub(super) fn head(
        &self,
        stream: Number,
        id: &str,
        body: Option<&[u8]>,
    ) -> Result<Option<(Head, bool)>> {
        let key = keys::document(stream, id);
        let stored;
        let bytes: &[u8] = match self.documents.get(&key) {
            Some(written) => written,
            None => match self.store.get(&key)? {
                Some(bytes) => {
                    stored = bytes;
                    &stored
                }
                None => return Ok(None),
            },
        };
        let (head, held) = decode_document(&key, bytes)?;
        let equal = if head.deleted {
            body.is_none()
        } else {
            body == Some(&*held)
        };
        Ok(Some((head, equal)))
    }

    pub(super) fn put_document(
        &mut self,
        stream: Number,
        id: &str,
        head: Head,
        body: &[u8],
    ) -> Result<()> {
        let row = encode_document(head, body)?;
        self.documents.insert(keys::document(stream, id), row);
        Ok(())
    }

    pub(super) fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.rows += 1;
        self.batch.insert(key, value);
    }

    pub(super) fn remove(&mut self, key: Vec<u8>) {
        self.rows += 1;
        self.batch.remove(key);
    }

    /// The entries of these keys are covered by a call from the commit on.
    pub(super) fn opens(&mut self, intent: u64, entries: Vec<Vec<u8>>) {
        self.opened = Some((intent, entries));
    }

    /// The entries of this intent are free from the commit on.
    pub(super) fn closes(&mut self, intent: u64) {
        self.closed = Some(intent);
    }

    /// Applies everything and waits until it is durable.
    pub(super) fn commit(mut self) -> Result<()> {
        let mut totals = HashMap::new();
        let mut groups = HashMap::new();
        for (key, slot) in std::mem::take(&mut self.entries) {
            let Some(row) = slot.row.filter(|_| slot.changed) else {
                continue;
            };
            let after = Standing::of(&row.entry);
            self.look_up_anew(slot.route, &slot.id, slot.found_by, &row.entry);
            self.put(key, row.encode()?);
            if slot.before.as_ref() != Some(&after) {
                self.reindex(slot.route, &slot.id, slot.before.as_ref(), &after);
                if let Some(before) = &slot.before {
                    self.count(&mut totals, &mut groups, slot.route, before, Tally::remove)?;
                }
                self.count(&mut totals, &mut groups, slot.route, &after, Tally::add)?;
            }
        }
        for (key, row) in std::mem::take(&mut self.documents) {
            self.put(key, row);
        }
        for ((route, state, held), tally) in &totals {
            self.put_tally(keys::total(*route, *state, *held), "", tally)?;
        }
        for ((route, state, cause), (key, tally)) in &groups {
            self.put_tally(
                keys::of_cause(keys::GROUP, *route, *state, *cause),
                key,
                tally,
            )?;
        }
        if self.rows == 0 {
            return Ok(());
        }
        self.writer.writes += 1;
        let number = self.writer.writes;
        self.put(meta::key(meta::WRITES), encode(&NumberRow(number))?);
        self.store.apply(std::mem::take(&mut self.batch))?;
        self.remember(totals, &groups);
        let store = self.store;
        // The next writer may go on while this one waits for the disk: the log keeps their order.
        drop(self);
        store.flush(number)
    }

    fn look_up_anew(&mut self, route: Number, id: &str, before: Vec<Vec<u8>>, entry: &Entry) {
        let Some(kept) = self.writer.lookups.get(&route).copied() else {
            return;
        };
        let after = kept.keys(route, id, entry);
        for key in before.iter().filter(|it| !after.contains(it)) {
            self.remove(key.clone());
        }
        for key in after.into_iter().filter(|it| !before.contains(it)) {
            self.put(key, Vec::new());
        }
    }

    fn reindex(&mut self, route: Number, id: &str, before: Option<&Standing>, after: &Standing) {
        let old = before.and_then(|it| it.index_key(route, id));
        let new = after.index_key(route, id);
        if old != new {
            if let Some(key) = old {
                self.remove(key);
            }
            if let Some(key) = new {
                self.put(key, Vec::new());
            }
        }
    }

    fn count(
        &self,
        totals: &mut HashMap<(Number, State, u8), Tally>,
        groups: &mut HashMap<(Number, State, CauseHash), GroupTally>,
        route: Number,
        standing: &Standing,
        by: fn(&mut Tally, Option<&Money>),
    ) -> Result<()> {
        let total = standing.total(route);
        let tally = totals
            .entry(total)
            .or_insert_with(|| self.writer.totals.get(&total).cloned().unwrap_or_default());
        by(tally, standing.money.as_ref());
        let Some(group) = standing.group(route) else {
            return Ok(());
        };
        let (_, tally) = match groups.entry(group) {
            hash_map::Entry::Occupied(it) => it.into_mut(),
            hash_map::Entry::Vacant(vacant) => {
                let key = keys::of_cause(keys::GROUP, group.0, group.1, group.2);
                let stored = match self.store.get(&key)? {
                    Some(bytes) => decode::<TallyRow>(&key, &bytes)?.tally(),
                    None => Tally::default(),
                };
                let cause = standing.cause_key.clone().unwrap_or_default();
                vacant.insert((cause, stored))
            }
        };
        by(tally, standing.money.as_ref());
        Ok(())
    }

    fn put_tally(&mut self, key: Vec<u8>, cause: &str, tally: &Tally) -> Result<()> {
        if tally.count == 0 {
            self.remove(key);
        } else {
            self.put(key, encode(&TallyRow::new(cause.to_owned(), tally))?);
        }
        Ok(())
    }

    /// Brings what is kept in memory to what was just written.
    fn remember(
        &mut self,
        totals: HashMap<(Number, State, u8), Tally>,
        groups: &HashMap<(Number, State, CauseHash), GroupTally>,
    ) {
        for (key, tally) in totals {
            if tally.count == 0 {
                self.writer.totals.remove(&key);
            } else {
                self.writer.totals.insert(key, tally);
            }
        }
        for ((route, state, cause), (_, tally)) in groups {
            if *state == State::Waiting && tally.count == 0 {
                self.writer.waiting.remove(&(*cause, *route));
            } else if *state == State::Waiting {
                self.writer.waiting.insert((*cause, *route));
            }
        }
        if self.opened.is_some() || self.closed.is_some() {
            let mut open = self.store.open_calls_mut();
            if let Some(intent) = self.closed.take() {
                open.close(intent);
            }
            if let Some((intent, entries)) = self.opened.take() {
                open.open(intent, entries);
            }
        }
    }
}
