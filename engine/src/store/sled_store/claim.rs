//! What is to be worked on next.

use super::{
    SledStore,
    entry_row::{Row, decode_document},
    keys::{self, Number},
    state::Position,
    work::Standing,
};
use crate::store::{Document, Entry, EntryId, Result, State, StreamId};

/// An entry with its document.
type Claimed = (EntryId, Entry, Option<Document>);

impl SledStore {
    pub(super) fn claim_page(
        &self,
        route: &str,
        stream: &StreamId,
        state: State,
        after: Option<&EntryId>,
        limit: usize,
    ) -> Result<Vec<Claimed>> {
        let Some(number) = self.names().routes.number(route) else {
            return Ok(Vec::new());
        };
        let stream = self.names().streams.number(stream);
        let prefix = keys::of_state(keys::INDEX, number, state);
        let start = match after {
            Some(after) => self.position(number, state, after)?,
            None => None,
        };
        let mut page = Vec::new();
        let mut last = None;
        for row in self.scan(&prefix, start.as_deref()) {
            if page.len() >= limit {
                break;
            }
            let (key, _) = row?;
            let Some(found) = keys::read_index(&key) else {
                continue;
            };
            let Some(row) = self.stored(number, found.id)? else {
                continue;
            };
            // Written anew between the two reads, or its call is under way.
            if row.entry.state != state || self.is_sending(number, found.id) {
                continue;
            }
            let document = match stream {
                Some(stream) => self.stored_document(stream, found.id)?,
                None => None,
            };
            page.push((EntryId::new(route, found.id), row.entry, document));
            let (id, key) = (found.id.to_owned(), key.to_vec());
            last = Some(Position { id, key });
        }
        if let Some(last) = last {
            self.positions().insert((number, state), last);
        }
        Ok(page)
    }

    /// Key in the index from which a claim goes on behind `after`.
    fn position(&self, route: Number, state: State, after: &EntryId) -> Result<Option<Vec<u8>>> {
        let remembered = self.positions().get(&(route, state)).cloned();
        if let Some(Position { key, .. }) = remembered.filter(|it| it.id == after.source) {
            return Ok(Some(key));
        }
        let row = self
            .stored(route, &after.source)?
            .filter(|it| it.entry.state == state);
        Ok(row.and_then(|it| Standing::of(&it.entry).index_key(route, &after.source)))
    }

    /// An entry as it is stored.
    pub(super) fn stored(&self, route: Number, id: &str) -> Result<Option<Row>> {
        let key = keys::entry(route, id);
        self.get(&key)?
            .map(|bytes| Row::decode(&key, &bytes))
            .transpose()
    }

    pub(super) fn is_sending(&self, route: Number, id: &str) -> bool {
        let open = self.open_calls();
        !open.by_entry.is_empty() && open.by_entry.contains_key(&keys::entry(route, id))
    }

    /// An entry as it is to be seen: sending while a call that covers it is under way.
    pub(super) fn seen_entry(&self, route: Number, id: &str) -> Result<Option<Entry>> {
        let Some(row) = self.stored(route, id)? else {
            return Ok(None);
        };
        let mut entry = row.entry;
        if self.is_sending(route, id) {
            entry.state = State::Sending;
        }
        Ok(Some(entry))
    }

    pub(super) fn stored_document(&self, stream: Number, id: &str) -> Result<Option<Document>> {
        let key = keys::document(stream, id);
        let Some(bytes) = self.get(&key)? else {
            return Ok(None);
        };
        let (head, body) = decode_document(&key, &bytes)?;
        Ok(Some(head.with_body(body)))
    }

    pub(super) fn document_page(
        &self,
        stream: &StreamId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Document)>> {
        let Some(stream) = self.names().streams.number(stream) else {
            return Ok(Vec::new());
        };
        let after = after.map(|it| keys::document(stream, it));
        self.scan(&keys::of_number(keys::DOCUMENT, stream), after.as_deref())
            .take(limit)
            .map(|row| {
                let (key, bytes) = row?;
                let (_, id) = keys::read_owned(&key)
                    .ok_or_else(|| super::rows::damaged(&key, "its key is damaged"))?;
                let (head, body) = decode_document(&key, &bytes)?;
                Ok((id.to_owned(), head.with_body(body)))
            })
            .collect()
    }
}
