//! Small rows under their own names: cursors, budgets, secrets, notes.

use std::collections::BTreeMap;

use super::{
    SledStore,
    codes::Blob,
    keys::{self, Number},
    rows::{
        NumberRow, SecretRow, Stored, StoredBudget, StoredCursor, TextRow, damaged, decode, encode,
    },
    work::Work,
};
use crate::store::{BudgetRow, CursorRow, Result, StreamId};

impl SledStore {
    pub(super) fn read<T: Stored>(&self, key: &[u8]) -> Result<Option<T>> {
        self.get(key)?.map(|bytes| decode(key, &bytes)).transpose()
    }

    pub(super) fn number_at(&self, key: &[u8]) -> Result<Option<u64>> {
        Ok(self.read::<NumberRow>(key)?.map(|it| it.0))
    }

    /// Writes or removes one row.
    fn write<T: Stored>(&self, key: Vec<u8>, row: Option<&T>) -> Result<()> {
        let mut work = Work::begin(self)?;
        match row {
            Some(row) => work.put(key, encode(row)?),
            None => work.remove(key),
        }
        work.commit()
    }

    pub(super) fn stream_number(&self, stream: &StreamId) -> Option<Number> {
        self.names().streams.number(stream)
    }

    pub(super) fn read_cursor(&self, stream: &StreamId) -> Result<Option<CursorRow>> {
        let Some(number) = self.stream_number(stream) else {
            return Ok(None);
        };
        let row = self.read::<StoredCursor>(&keys::of_number(keys::CURSOR, number))?;
        Ok(row.map(Into::into))
    }

    pub(super) fn write_cursor(&self, stream: &StreamId, cursor: Option<CursorRow>) -> Result<()> {
        let mut work = Work::begin(self)?;
        let key = keys::of_number(keys::CURSOR, work.stream(stream)?);
        match cursor {
            Some(cursor) => work.put(key, encode(&StoredCursor::from(cursor))?),
            None => work.remove(key),
        }
        work.commit()
    }

    pub(super) fn mark_caught_up(&self, stream: &StreamId) -> Result<()> {
        let mut work = Work::begin(self)?;
        let number = work.stream(stream)?;
        let known = work
            .writer
            .caught_up
            .get(&number)
            .copied()
            .unwrap_or_default();
        if work.writer.distrusted <= known {
            return Ok(());
        }
        let row = encode(&NumberRow(self.generation))?;
        work.put(keys::of_number(keys::CAUGHT_UP, number), row);
        work.writer.caught_up.insert(number, self.generation);
        work.commit()
    }

    pub(super) fn read_budget(&self, name: &str) -> Result<BudgetRow> {
        let row = self.read::<StoredBudget>(&keys::named(keys::BUDGET, name))?;
        Ok(row.map(Into::into).unwrap_or_default())
    }

    pub(super) fn write_budget(&self, name: &str, row: &BudgetRow) -> Result<()> {
        self.write(
            keys::named(keys::BUDGET, name),
            Some(&StoredBudget::from(*row)),
        )
    }

    pub(super) fn read_secret(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let row = self.read::<SecretRow>(&keys::named(keys::SECRET, name))?;
        Ok(row.map(|it| it.0.0))
    }

    pub(super) fn write_secret(&self, name: &str, sealed: Option<&[u8]>) -> Result<()> {
        let row = sealed.map(|it| SecretRow(Blob(it.to_vec())));
        self.write(keys::named(keys::SECRET, name), row.as_ref())
    }

    pub(super) fn read_note(&self, name: &str) -> Result<Option<String>> {
        Ok(self
            .read::<TextRow>(&keys::named(keys::NOTE, name))?
            .map(|it| it.0))
    }

    pub(super) fn write_note(&self, name: &str, value: Option<&str>) -> Result<()> {
        let row = value.map(|it| TextRow(it.to_owned()));
        self.write(keys::named(keys::NOTE, name), row.as_ref())
    }

    pub(super) fn read_notes(&self, prefix: &str) -> Result<BTreeMap<String, String>> {
        self.scan(&keys::named(keys::NOTE, prefix), None)
            .map(|row| {
                let (key, bytes) = row?;
                let name =
                    keys::read_named(&key).ok_or_else(|| damaged(&key, "its key is damaged"))?;
                Ok((name.to_owned(), decode::<TextRow>(&key, &bytes)?.0))
            })
            .collect()
    }
}

impl Work<'_> {
    /// Writes or removes a note together with everything else of this work.
    pub(super) fn put_note(&mut self, name: &str, value: Option<String>) -> Result<()> {
        let key = keys::named(keys::NOTE, name);
        match value {
            Some(value) => self.put(key, encode(&TextRow(value))?),
            None => self.remove(key),
        }
        Ok(())
    }
}
