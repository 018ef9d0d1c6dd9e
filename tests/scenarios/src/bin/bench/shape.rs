//! The rows that the engine writes for one document, read from stores that it left behind.
//!
//! Two stores of one deployment are compared: documents taken in; documents sent and marked. What came,
//! went and changed from one to the other, by kind of row, is what the hand-written loop has to write
//! as well. Only the first bytes of a key are looked at, which name kind and route,
//! so another layout of rows needs no change here.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    path::Path,
};

use serde::{Deserialize, Serialize};

/// Rows of one kind, for a thousand documents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rows {
    /// How many for a thousand documents.
    pub(crate) permille: u64,
    /// Bytes of a key, on average.
    pub(crate) key: u64,
    /// Bytes of a value, on average.
    pub(crate) value: u64,
}

/// What one step of a document's way does to the store.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Step {
    /// Rows that are new or have another value, by kind.
    pub(crate) put: BTreeMap<String, Rows>,
    /// Rows that go, by kind.
    pub(crate) removed: BTreeMap<String, Rows>,
}

/// What becomes of the store on a document's whole way.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Shape {
    /// It is taken in.
    pub(crate) intake: Step,
    /// It is sent, and the answer kept.
    pub(crate) sent: Step,
    /// Its source shows that it arrived.
    pub(crate) marked: Step,
}

impl Shape {
    /// From stores before and after documents were sent, their marks included.
    ///
    /// The entry of a mark is written twice: waiting with its row in the index when the document is
    /// sent, and done when the mark is. The second write hides the first, which is put back here.
    pub(crate) fn new(taken_in: &Snapshot, done: &Snapshot, documents: u64) -> Self {
        let intake = taken_in.since(&Snapshot::empty(), documents);
        let mut sent = done.since(taken_in, documents);
        let mut marked = Step::default();
        let of_kind = |kind: char| {
            let code = format!("{:02x}", u32::from(kind));
            let mut rows = intake.put.iter();
            rows.find(|(it, rows)| it.starts_with(&code) && rows.permille >= 900)
                .map(|(_, rows)| *rows)
        };
        let (waiting, index) = (of_kind('e'), of_kind('i'));
        for (kind, rows) in &mut sent.put {
            if !kind.starts_with("65") || intake.put.contains_key(kind) || rows.permille < 900 {
                continue;
            }
            marked.put.insert(kind.clone(), *rows);
            rows.value = waiting.map_or(rows.value, |it| it.value);
            if let Some(index) = index {
                let kind = kind.replacen("65", "69", 1);
                marked.removed.insert(kind, index);
            }
        }
        sent.put.extend(marked.removed.clone());
        Self {
            intake,
            sent,
            marked,
        }
    }
}

/// A store's rows: what of the key names the kind, key, and hash and length of the value.
pub(crate) struct Snapshot(BTreeMap<Vec<u8>, (u64, usize)>);

/// Rows and bytes of a store, keys included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    /// Writes that were flushed, as the store itself counts them; 0 where it does not.
    pub(crate) flushes: u64,
}

/// Bytes of pages that sled keeps in memory, and of a segment of its log: as the engine has them.
const CACHE: u64 = 8 * 1024 * 1024;
const SEGMENT: usize = 4 * 1024 * 1024;

/// Opens a store as the engine does.
pub(crate) fn open(folder: &Path) -> io::Result<sled::Db> {
    sled::Config::new()
        .path(folder)
        .cache_capacity(CACHE)
        .segment_size(SEGMENT)
        .mode(sled::Mode::HighThroughput)
        .flush_every_ms(None)
        .open()
        .map_err(io::Error::other)
}

impl Snapshot {
    /// Reads a store that nobody has open.
    pub(crate) fn of(folder: &Path) -> io::Result<Self> {
        let mut rows = BTreeMap::new();
        for row in open(folder)?.iter() {
            let (key, value) = row.map_err(io::Error::other)?;
            rows.insert(key.to_vec(), (hash(&value), value.len()));
        }
        Ok(Self(rows))
    }

    /// What happened between `before` and this, for each of so many documents.
    pub(crate) fn since(&self, before: &Self, documents: u64) -> Step {
        let mut step = Step::default();
        let mut put = HashMap::new();
        let mut removed = HashMap::new();
        for (key, value) in &self.0 {
            if before.0.get(key) != Some(value) {
                count(&mut put, key, value.1);
            }
        }
        for (key, value) in &before.0 {
            if !self.0.contains_key(key) {
                count(&mut removed, key, value.1);
            }
        }
        step.put = shares(put, documents);
        step.removed = shares(removed, documents);
        step
    }

    /// A store without rows.
    pub(crate) fn empty() -> Self {
        Self(BTreeMap::new())
    }
}

/// Rows, bytes and flushes of a store that nobody has open.
pub(crate) fn size(folder: &Path) -> io::Result<Size> {
    let mut size = Size::default();
    for row in open(folder)?.iter() {
        let (key, value) = row.map_err(io::Error::other)?;
        size.rows += 1;
        size.bytes += (key.len() + value.len()) as u64;
        if &*key == WRITES {
            size.flushes = number(&value);
        }
    }
    Ok(size)
}

/// The row in which a store counts its writes: a version, then the number, seven bits a byte.
pub(crate) const WRITES: &[u8] = b"mwrites";

/// That row, with this number.
pub(crate) fn count_row(mut number: u64) -> Vec<u8> {
    let mut row = vec![1];
    while number >= 0x80 {
        row.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    row.push(number.to_le_bytes()[0]);
    row
}

fn number(row: &[u8]) -> u64 {
    let digits = row.iter().skip(1).enumerate();
    digits.fold(0, |sum, (at, byte)| {
        sum | u64::from(byte & 0x7f) << (7 * at).min(63)
    })
}

fn hash(bytes: &[u8]) -> u64 {
    use std::hash::{DefaultHasher, Hasher};
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

/// Kind and route of a row.
fn kind(key: &[u8]) -> String {
    let named = match key.first() {
        Some(b'd' | b'e' | b'i') => 3,
        _ => 1,
    };
    key.iter()
        .take(named)
        .map(|it| format!("{it:02x}"))
        .collect()
}

fn count(sums: &mut HashMap<String, (u64, u64, u64)>, key: &[u8], value: usize) {
    let sum = sums.entry(kind(key)).or_default();
    sum.0 += 1;
    sum.1 += key.len() as u64;
    sum.2 += value as u64;
}

/// Kinds with next to no row for a document are the deployment's own, such as names and budgets.
fn shares(sums: HashMap<String, (u64, u64, u64)>, documents: u64) -> BTreeMap<String, Rows> {
    let rows = |(count, key, value): (u64, u64, u64)| Rows {
        permille: count * 1000 / documents.max(1),
        key: key / count,
        value: value / count,
    };
    sums.into_iter()
        .map(|(kind, sum)| (kind, rows(sum)))
        .filter(|(_, it)| it.permille >= 15)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_read_as_it_was_written() {
        for count in [0, 1, 127, 128, 300, 70_000, u64::from(u32::MAX)] {
            assert_eq!(number(&count_row(count)), count);
        }
    }
}
