//! Calls, kept for people.
//!
//! A call of fifty documents has a quarter of a megabyte of bodies. In one row that would be written
//! again with each of its neighbours, and be read by whoever looks for old calls. So the bodies are
//! cut into pieces of their own.

use serde::{Deserialize, Serialize};

use super::{
    SledStore,
    codes::Blob,
    keys,
    pack::{packed, unpacked},
    rows::{Name, Stored, damaged, decode, encode, from_names, to_names},
    work::Work,
};
use crate::store::{CallRow, Result};

/// Bytes of one piece: sixteen of them are a page of the tree.
const PIECE: usize = 16 * 1024;

/// Version of what the pieces hold.
const BODIES: u8 = 1;

/// Calls that a pruning looks at behind the last old one: ids follow the clock closely, not exactly.
const TOLERANCE: usize = 100;

/// Rows that a pruning removes at a time.
const STEP: usize = 2_000;

/// In rows without the two bodies, in exports whole.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct StoredCall {
    connection: String,
    at: i64,
    took: u32,
    method: String,
    url: String,
    writes: bool,
    entries: Vec<Name>,
    status: u16,
    note: String,
    /// Bytes of the pieces that are the request; the rest is the answer.
    request_length: u64,
    request: Blob,
    answer: Blob,
    /// The pieces are of a packed row.
    #[serde(skip)]
    packed: bool,
}

impl Stored for StoredCall {
    /// Version 2 has the fields of version 1, but its pieces are packed.
    const VERSION: u8 = 2;

    fn read(version: u8, bytes: &[u8]) -> postcard::Result<(Self, &[u8])> {
        let (mut call, rest): (Self, _) = postcard::take_from_bytes(bytes)?;
        call.packed = version >= 2;
        Ok((call, rest))
    }
}

impl From<CallRow> for StoredCall {
    fn from(it: CallRow) -> Self {
        Self {
            connection: it.connection,
            at: it.at,
            took: it.took,
            method: it.method,
            url: it.url,
            writes: it.writes,
            entries: to_names(it.entries),
            status: it.status,
            note: it.note,
            request_length: it.request.len() as u64,
            request: Blob(it.request),
            answer: Blob(it.answer),
            packed: true,
        }
    }
}

impl From<StoredCall> for CallRow {
    fn from(it: StoredCall) -> Self {
        Self {
            connection: it.connection,
            at: it.at,
            took: it.took,
            method: it.method,
            url: it.url,
            writes: it.writes,
            entries: from_names(it.entries),
            request: it.request.0,
            status: it.status,
            answer: it.answer.0,
            note: it.note,
        }
    }
}

impl Work<'_> {
    pub(super) fn put_call(&mut self, id: u64, call: impl Into<StoredCall>) -> Result<()> {
        let mut call = call.into();
        let request = std::mem::take(&mut call.request.0);
        let answer = std::mem::take(&mut call.answer.0);
        call.request_length = request.len() as u64;
        self.put(keys::numbered(keys::CALL, id), encode(&call)?);
        let mut bodies = vec![BODIES];
        bodies.extend_from_slice(&request);
        bodies.extend_from_slice(&answer);
        for (piece, bytes) in (0..).zip(packed(bodies).chunks(PIECE)) {
            self.put(keys::piece(id, piece), bytes.to_vec());
        }
        Ok(())
    }
}

impl SledStore {
    pub(super) fn read_call(&self, id: u64) -> Result<Option<StoredCall>> {
        let key = keys::numbered(keys::CALL, id);
        let Some(bytes) = self.get(&key)? else {
            return Ok(None);
        };
        self.whole_call(id, &key, &bytes).map(Some)
    }

    /// A call with its bodies, as far as they are there.
    pub(super) fn whole_call(&self, id: u64, key: &[u8], bytes: &[u8]) -> Result<StoredCall> {
        let mut call: StoredCall = decode(key, bytes)?;
        let mut bodies = Vec::new();
        for row in self.scan(&keys::numbered(keys::PIECE, id), None) {
            bodies.extend_from_slice(&row?.1);
        }
        if call.packed {
            bodies = match unpacked(&bodies) {
                Some(Ok((_, bodies))) => bodies.into_owned(),
                Some(Err(why)) => return Err(damaged(key, why)),
                // A call without its pieces.
                None => Vec::new(),
            };
        }
        let length = usize::try_from(call.request_length).unwrap_or(usize::MAX);
        call.answer.0 = bodies.split_off(length.min(bodies.len()));
        call.request.0 = bodies;
        Ok(call)
    }

    pub(super) fn write_call(&self, call: &CallRow) -> Result<u64> {
        let mut work = Work::begin(self)?;
        let id = work.next_call()?;
        work.put_call(id, call.clone())?;
        work.commit()?;
        Ok(id)
    }

    pub(super) fn drop_calls(&self, before: i64) -> Result<u64> {
        let mut dropped = 0;
        loop {
            let mut work = Work::begin(self)?;
            let mut removed = 0;
            let mut young = 0;
            for row in self.scan(&[keys::CALL], None) {
                let (key, bytes) = row?;
                let call: StoredCall = decode(&key, &bytes)?;
                if call.at >= before {
                    young += 1;
                    if young > TOLERANCE {
                        break;
                    }
                    continue;
                }
                young = 0;
                if let Some(id) = keys::read_numbered(&key) {
                    for piece in self.scan(&keys::numbered(keys::PIECE, id), None) {
                        work.remove(piece?.0.to_vec());
                        removed += 1;
                    }
                }
                work.remove(key.to_vec());
                removed += 1;
                dropped += 1;
                if removed >= STEP {
                    break;
                }
            }
            work.commit()?;
            if removed < STEP {
                return Ok(dropped);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::bench::call_row, *};

    #[test]
    fn a_call_of_version_1_whose_pieces_are_as_they_are_is_read() {
        let store = SledStore::temporary().unwrap();
        let call = CallRow {
            request: b"asked".to_vec(),
            answer: b"answered".to_vec(),
            ..call_row()
        };
        let mut stored = StoredCall::from(call.clone());
        stored.request = Blob(Vec::new());
        stored.answer = Blob(Vec::new());
        let row = postcard::to_stdvec(&(1_u8, &stored)).unwrap();
        store.insert(keys::numbered(keys::CALL, 9), row).unwrap();
        for (piece, bytes) in [(0, &b"asked"[..]), (1, b"answered")] {
            store.insert(keys::piece(9, piece), bytes.to_vec()).unwrap();
        }
        let read = store.read_call(9).unwrap().map(CallRow::from);
        assert_eq!(read, Some(call));
    }
}
