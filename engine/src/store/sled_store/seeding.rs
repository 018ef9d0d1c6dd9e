//! Entries for documents that were there before their route.
//!
//! Every run asks for them, and years of documents take minutes to look through. So it is kept, for each
//! stream, which routes have an entry for every document: a route joins when it was seeded to the end,
//! and is out again when documents of the stream come in without it.

use super::{
    SledStore,
    entry_row::{Head, decode_document},
    intake::{CHUNK, fresh},
    keys::{self, Number},
    open::meta,
    rows::{NumberRow, encode},
    work::Work,
};
use crate::store::{Result, StreamId};

/// Key of the row that says that a route has entries for all of a stream.
fn key(stream: Number, route: Number) -> Vec<u8> {
    meta::key(&format!("{}{stream}/{route}", meta::SEEDED))
}

/// Stream and route of such a row; `None` for other rows, or when the key is damaged.
pub(super) fn read_key(key: &[u8]) -> Option<(Number, Number)> {
    let pair = keys::read_named(key)?.strip_prefix(meta::SEEDED)?;
    let (stream, route) = pair.split_once('/')?;
    Some((stream.parse().ok()?, route.parse().ok()?))
}

impl SledStore {
    pub(super) fn seed(&self, route: &str, stream: &StreamId, at: i64) -> Result<u64> {
        let Some(stream) = self.names().streams.number(stream) else {
            return Ok(0);
        };
        let known = self.names().routes.number(route);
        if known.is_some_and(|it| self.writer().seeded.contains(&(stream, it))) {
            return Ok(0);
        }
        let prefix = keys::of_number(keys::DOCUMENT, stream);
        let mut seeded = 0;
        let mut after: Option<Vec<u8>> = None;
        // What others wrote in between may have passed over the route.
        let mut writes = None;
        let mut alone = true;
        loop {
            let mut work = Work::begin(self)?;
            alone &= writes.is_none_or(|it| it == work.writer.writes);
            let number = work.route(route)?;
            let mut met = 0;
            let mut made = 0;
            for row in self.scan(&prefix, after.take().as_deref()).take(CHUNK) {
                let (key, bytes) = row?;
                met += 1;
                let (head, _) = decode_document(&key, &bytes)?;
                if let Some((_, id)) = keys::read_owned(&key)
                    && !head.deleted
                {
                    made += u64::from(work.seed(number, stream, id, head, at)?);
                }
                after = Some(key.to_vec());
            }
            seeded += made;
            writes = Some(work.writer.writes + u64::from(made > 0));
            if met == CHUNK {
                work.commit()?;
                continue;
            }
            if alone {
                work.put(key(stream, number), encode(&NumberRow(1))?);
                work.writer.seeded.insert((stream, number));
            }
            work.commit()?;
            return Ok(seeded);
        }
    }
}

impl Work<'_> {
    fn seed(
        &mut self,
        route: Number,
        stream: Number,
        id: &str,
        head: Head,
        at: i64,
    ) -> Result<bool> {
        let state = self.first_state(stream);
        let slot = self.entry(route, id)?;
        if slot.row.is_some() {
            return Ok(false);
        }
        slot.row = Some(fresh(stream, state, &head, at));
        slot.changed = true;
        Ok(true)
    }

    /// A document comes in for these routes, and for no other that reads its stream.
    pub(super) fn passed_over(&mut self, stream: Number, routes: &[Number]) {
        let span = (stream, Number::MIN)..=(stream, Number::MAX);
        let seeded = self.writer.seeded.range(span);
        let left: Vec<(Number, Number)> = seeded
            .filter(|(_, route)| !routes.contains(route))
            .copied()
            .collect();
        for pair in left {
            self.writer.seeded.remove(&pair);
            self.remove(key(pair.0, pair.1));
        }
    }
}
