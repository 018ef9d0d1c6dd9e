//! Calls that write: their intents, their outcomes, and who was waiting for them.

use std::collections::HashSet;

use super::{
    SledStore,
    intake::CHUNK,
    keys::{self, Number},
    open::meta,
    rows::{NumberRow, StoredIntent, decode, encode},
    work::Work,
};
use crate::store::{
    Actor, Cause, Change, EntryId, Intake, Intent, Result, Settlement, State, StoreError,
};

/// Entries that are woken in one write. sled frees what a write replaces when all of it is done: with
/// 20,000 entries in one, it held 200 MB more.
const WOKEN: usize = 500;

/// Which of those that wait for something were woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Woken {
    All,
    Some,
}

impl SledStore {
    pub(super) fn begin_call(&self, intent: &Intent) -> Result<u64> {
        let mut work = Work::begin(self)?;
        let id = work.next_call()?;
        let mut covered = Vec::with_capacity(intent.entries.len());
        for entry in &intent.entries {
            let (route, missing) = work.known(entry)?;
            let slot = work.entry(route, &entry.source)?;
            let row = slot.row.as_ref().ok_or(missing)?;
            let stopped = matches!(
                row.entry.state,
                State::Uncertain | State::Warning | State::Skipped | State::Excluded
            );
            if stopped || slot.sending.is_some() {
                return Err(StoreError::Conflict { id: entry.clone() });
            }
            covered.push(keys::entry(route, &entry.source));
        }
        work.put(
            keys::numbered(keys::INTENT, id),
            encode(&StoredIntent::from(intent.clone()))?,
        );
        work.opens(id, covered);
        work.commit()?;
        Ok(id)
    }

    pub(super) fn intents(&self) -> Result<Vec<(u64, Intent)>> {
        self.scan(&[keys::INTENT], None)
            .map(|row| {
                let (key, bytes) = row?;
                let id = keys::read_numbered(&key)
                    .ok_or_else(|| super::rows::damaged(&key, "its key is damaged"))?;
                Ok((id, decode::<StoredIntent>(&key, &bytes)?.into()))
            })
            .collect()
    }

    pub(super) fn settle_all(&self, settlement: Settlement) -> Result<()> {
        let Settlement {
            changes,
            intent,
            call,
            outcomes,
            notes,
        } = settlement;
        let mut work = Work::begin(self)?;
        if let Some(id) = intent {
            if !self.open_calls().is_open(id) {
                return Err(StoreError::NotOpen { id });
            }
            work.remove(keys::numbered(keys::INTENT, id));
            work.closes(id);
        }
        let routes = work.check(&changes, intent)?;
        let at = changes
            .iter()
            .filter_map(|it| it.entry.events.last().map(|it| it.last_at))
            .chain(
                call.iter()
                    .map(|(_, it)| it.at.saturating_add(it.took.into())),
            )
            .max()
            .unwrap_or_default();
        let mut arrived = Vec::new();
        for (change, route) in changes.into_iter().zip(routes) {
            if change.entry.state == State::Synced {
                arrived.push(change.id.clone());
            }
            work.change(route, change, at)?;
        }
        // Entries that one more write wakes, if it comes to that: everything may wait for one customer.
        let mut room = WOKEN;
        let mut asleep = Vec::new();
        for id in arrived {
            let (cause, what) = (Cause::entry(&id), format!("{id} is synced"));
            if work.wake(&cause, at, &what, &mut room)? == Woken::Some {
                asleep.push((cause, what));
            }
        }
        if let Some((id, call)) = call {
            work.put_call(id, call)?;
        }
        for outcome in outcomes {
            let stream = work.stream(&outcome.stream)?;
            let routes = work.routes(&outcome.routes)?;
            work.take_in(
                stream,
                &routes,
                outcome.document,
                at,
                &mut Intake::default(),
            )?;
        }
        for (name, value) in notes {
            work.put_note(&name, value)?;
        }
        work.commit()?;
        // A crash before this leaves entries that wait for what is there: the first run weighs them.
        for (cause, what) in asleep {
            self.wake_by_steps(&cause, at, &what)?;
        }
        Ok(())
    }

    pub(super) fn wake_all(&self, cause: &Cause, at: i64) -> Result<u64> {
        self.wake_by_steps(cause, at, &format!("{} is there", cause.key))
    }

    fn wake_by_steps(&self, cause: &Cause, at: i64, what: &str) -> Result<u64> {
        let mut woken = 0;
        loop {
            let mut work = Work::begin(self)?;
            let mut room = WOKEN;
            let more = work.wake(cause, at, what, &mut room)?;
            work.commit()?;
            woken += (WOKEN - room) as u64;
            if more == Woken::All {
                return Ok(woken);
            }
        }
    }

    pub(super) fn distrust_all(&self, at: i64) -> Result<u64> {
        {
            let mut work = Work::begin(self)?;
            if self.number_at(&meta::key(meta::RESTORED))?.is_none() {
                work.writer.distrusted = self.generation;
                work.put(
                    meta::key(meta::DISTRUSTED),
                    encode(&NumberRow(self.generation))?,
                );
                work.put(meta::key(meta::RESTORED), encode(&NumberRow(1))?);
                work.commit()?;
            }
        }
        let mut doubted = 0;
        let mut after: Option<Vec<u8>> = None;
        loop {
            let mut work = Work::begin(self)?;
            let mut met = 0;
            for row in self
                .scan(&[keys::ENTRY], after.take().as_deref())
                .take(CHUNK)
            {
                let (key, _) = row?;
                met += 1;
                if let Some((route, id)) = keys::read_owned(&key) {
                    doubted += u64::from(work.doubt(route, id, at)?);
                }
                after = Some(key.to_vec());
            }
            if met < CHUNK {
                // A restart before this point finds the flag and begins anew.
                work.remove(meta::key(meta::RESTORED));
                work.commit()?;
                return Ok(doubted);
            }
            work.commit()?;
        }
    }
}

impl Work<'_> {
    /// The next id of a call, written together with what it is for.
    pub(super) fn next_call(&mut self) -> Result<u64> {
        let id = self.writer.next_call;
        self.writer.next_call += 1;
        self.put(meta::key(meta::NEXT_CALL), encode(&NumberRow(id + 1))?);
        Ok(id)
    }

    /// Number of the entry's route, and what to say when there is no such entry.
    fn known(&self, id: &EntryId) -> Result<(Number, StoreError)> {
        let missing = StoreError::Missing { id: id.clone() };
        match self.store.names().routes.number(&id.route) {
            Some(route) => Ok((route, missing)),
            None => Err(missing),
        }
    }

    /// Refuses changes that are based on something else than what is stored.
    fn check(&mut self, changes: &[Change], intent: Option<u64>) -> Result<Vec<Number>> {
        let mut met = HashSet::with_capacity(changes.len());
        let mut routes = Vec::with_capacity(changes.len());
        for change in changes {
            let (route, missing) = self.known(&change.id)?;
            let slot = self.entry(route, &change.id.source)?;
            let row = slot.row.as_ref().ok_or(missing)?;
            let agrees = match slot.sending {
                // The call has happened: whatever else did, its outcome is kept.
                Some(_) if slot.sending == intent => true,
                Some(_) => false,
                None => row.entry.seen() == change.seen,
            };
            if !agrees || !met.insert(&change.id) {
                return Err(StoreError::Conflict {
                    id: change.id.clone(),
                });
            }
            routes.push(route);
        }
        Ok(routes)
    }

    fn change(&mut self, route: Number, change: Change, at: i64) -> Result<()> {
        let Change {
            id,
            mut entry,
            seen,
        } = change;
        let slot = self.entry(route, &id.source)?;
        // `check` has seen that there is one.
        let Some(row) = &mut slot.row else {
            return Ok(());
        };
        let stored = row.entry.seen();
        if stored.events != seen.events {
            // Changed between being read and its intent. What the call was made of is older than
            // the document, perhaps.
            entry.rebase(seen, &mut row.entry.events);
            row.newer = true;
        }
        if entry.state == State::Sending {
            entry.state = stored.state;
        }
        row.entry = entry;
        slot.changed = true;
        if !row.newer {
            return Ok(());
        }
        let stream = row.stream;
        let head = self.head(stream, &id.source, None)?.map(|(head, _)| head);
        if let Some(row) = &mut self.entry(route, &id.source)?.row {
            row.catch_up(head.as_ref(), at);
        }
        Ok(())
    }

    /// Entries that wait for `cause` are prepared again, as many as there is `room` for.
    fn wake(&mut self, cause: &Cause, at: i64, what: &str, room: &mut usize) -> Result<Woken> {
        if self.writer.waiting.is_empty() {
            return Ok(Woken::All);
        }
        let hash = keys::cause_hash(&cause.key);
        let span = (hash, Number::MIN)..=(hash, Number::MAX);
        let routes: Vec<Number> = self.writer.waiting.range(span).map(|it| it.1).collect();
        for route in routes {
            let prefix = keys::of_cause(keys::INDEX, route, State::Waiting, hash);
            for row in self.store.scan(&prefix, None) {
                let (key, _) = row?;
                let Some(found) = keys::read_index(&key) else {
                    continue;
                };
                let slot = self.entry(route, found.id)?;
                let Some(row) = &mut slot.row else { continue };
                // The row may have changed in this very write, and a hash may stand for two causes.
                let waits = row.entry.state == State::Waiting
                    && row.entry.cause.as_ref() == Some(cause)
                    && slot.sending.is_none();
                if !waits {
                    continue;
                }
                let Some(left) = room.checked_sub(1) else {
                    return Ok(Woken::Some);
                };
                *room = left;
                row.entry.reopen(at, Actor::Engine, what);
                slot.changed = true;
            }
        }
        Ok(Woken::All)
    }

    /// After a restore: the lost part of the store may have sent it.
    fn doubt(&mut self, route: Number, id: &str, at: i64) -> Result<bool> {
        let slot = self.entry(route, id)?;
        let Some(row) = &mut slot.row else {
            return Ok(false);
        };
        // Entries of open intents are looked up anyway, from their intents.
        let settled = matches!(
            row.entry.state,
            State::Synced | State::Skipped | State::Excluded | State::Uncertain
        );
        if settled || slot.sending.is_some() {
            return Ok(false);
        }
        row.entry
            .doubt(at, "the store was restored: the target is asked first");
        slot.changed = true;
        Ok(true)
    }
}
