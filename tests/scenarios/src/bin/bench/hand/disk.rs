//! The loop's store: as many rows as the engine writes, of the same sizes, flushed at the same points.
//!
//! What stands in the rows is of no interest here, so they hold the bytes that are at hand: the
//! document's own, and pieces of what was sent and answered.

use std::{
    fs::File,
    io,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

use crate::shape::{self, Rows, Shape, Step};

/// An open store.
pub(super) struct Disk {
    db: sled::Db,
    file: File,
    pub(super) shape: Shape,
    writes: AtomicU64,
    /// Names rows that belong to a call and not to a document.
    calls: AtomicU64,
}

impl Disk {
    pub(super) fn open(folder: &Path, shape: Shape) -> io::Result<Self> {
        let db = shape::open(folder)?;
        let file = File::open(folder.join("db"))?;
        Ok(Self {
            db,
            file,
            shape,
            writes: AtomicU64::new(0),
            calls: AtomicU64::new(0),
        })
    }

    /// Documents come in.
    pub(super) fn take_in(&self, documents: &[(i64, &[u8])]) -> io::Result<()> {
        let mut batch = sled::Batch::default();
        let ids: Vec<i64> = documents.iter().map(|it| it.0).collect();
        let filler = documents.first().map_or(&b"."[..], |it| it.1);
        for (kind, rows) in &self.shape.intake.put {
            self.put(&mut batch, kind, rows, &ids, filler);
        }
        self.write(batch)
    }

    /// A call is about to leave; gives the name of the row that says so.
    pub(super) fn announce(&self, ids: &[i64]) -> io::Result<u64> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let mut batch = sled::Batch::default();
        // Each entry with its route's name and its own, then key, hash and times.
        batch.insert(intent(call), vec![b'.'; ids.len() * 24 + 96]);
        self.write(batch)?;
        Ok(call)
    }

    /// It was answered.
    pub(super) fn settle(
        &self,
        step: impl Fn(&Shape) -> &Step,
        call: u64,
        ids: &[i64],
        filler: &[u8],
    ) -> io::Result<()> {
        let mut batch = sled::Batch::default();
        batch.remove(intent(call));
        let step = step(&self.shape);
        for (kind, rows) in &step.put {
            self.put(&mut batch, kind, rows, ids, filler);
        }
        for (kind, rows) in &step.removed {
            for id in ids {
                batch.remove(key(kind, rows, *id));
            }
        }
        self.write(batch)
    }

    fn put(&self, batch: &mut sled::Batch, kind: &str, rows: &Rows, ids: &[i64], filler: &[u8]) {
        let length = usize::try_from(rows.value).unwrap_or(usize::MAX);
        if rows.permille >= 500 && (900..=1100).contains(&rows.permille) {
            for (at, id) in ids.iter().enumerate() {
                batch.insert(key(kind, rows, *id), piece(filler, at * length, length));
            }
            return;
        }
        let count = (ids.len() as u64 * rows.permille + 500) / 1000;
        for at in 0..count {
            let number = self.calls.fetch_add(1, Ordering::Relaxed);
            let number = i64::try_from(number).unwrap_or(i64::MAX);
            let from = usize::try_from(at).unwrap_or(0) * length;
            batch.insert(key(kind, rows, number), piece(filler, from, length));
        }
    }

    /// As the engine's store: its count of writes goes with each, and the file is synced once more.
    fn write(&self, mut batch: sled::Batch) -> io::Result<()> {
        let number = self.writes.fetch_add(1, Ordering::Relaxed) + 1;
        batch.insert(shape::WRITES, shape::count_row(number));
        self.db.apply_batch(batch).map_err(io::Error::other)?;
        self.db.flush().map_err(io::Error::other)?;
        self.file.sync_data()
    }
}

fn intent(call: u64) -> Vec<u8> {
    let mut key = vec![b'o'];
    key.extend_from_slice(&call.to_be_bytes());
    key
}

/// A key of the kind's bytes and the id, as long as the engine's are on average.
fn key(kind: &str, rows: &Rows, id: i64) -> Vec<u8> {
    let mut key: Vec<u8> = (0..kind.len() / 2)
        .filter_map(|at| u8::from_str_radix(kind.get(at * 2..at * 2 + 2)?, 16).ok())
        .collect();
    let width = usize::try_from(rows.key)
        .unwrap_or(8)
        .saturating_sub(key.len());
    key.extend_from_slice(format!("{id:0width$}").as_bytes());
    key
}

fn piece(filler: &[u8], from: usize, length: usize) -> Vec<u8> {
    let around = filler.iter().cycle();
    if filler.is_empty() {
        return vec![b'.'; length];
    }
    let from = from % filler.len();
    match filler.get(from..from + length) {
        Some(piece) => piece.to_vec(),
        None => around.skip(from).take(length).copied().collect(),
    }
}
