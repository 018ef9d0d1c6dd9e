//! Where in its work a dead engine was, told from what it left behind.

use std::{fmt, path::Path};

use ledgerline::store::{SledStore, State, Store, StreamId};

use super::copies;
use crate::processes::Programs;

/// Where an engine was when it died.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing of a source was durable yet.
    Starting,
    /// Sources were being read, no call that writes was under way.
    Reading,
    /// Calls that create were under way while sources were still being read.
    SendingAndReading,
    /// Calls that create were under way, all sources were read.
    Sending,
    /// Sources were being told what had arrived.
    Marking,
    /// Everything was read, something was left to do, no call that writes was under way.
    Between,
    /// Everything was done; nobody had been told yet.
    Done,
}

impl Phase {
    pub(super) const ALL: [Self; 7] = [
        Self::Starting,
        Self::Reading,
        Self::SendingAndReading,
        Self::Sending,
        Self::Marking,
        Self::Between,
        Self::Done,
    ];
}

impl fmt::Display for Phase {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::Starting => "starting",
            Self::Reading => "reading",
            Self::SendingAndReading => "sending-and-reading",
            Self::Sending => "sending",
            Self::Marking => "marking",
            Self::Between => "between",
            Self::Done => "done",
        })
    }
}

/// What a dead engine left.
#[derive(Debug)]
pub(super) struct Left {
    pub(super) phase: Phase,
    /// Calls that were under way.
    pub(super) calls: usize,
    /// Documents that the target had and the store did not know of.
    pub(super) unknown: usize,
}

/// Looks at a copy of the store, so that the engine finds its own as it left it.
pub(super) fn left(programs: &Programs, streams: &[(String, String)]) -> Result<Left, String> {
    let folder = tempfile::tempdir().map_err(|why| why.to_string())?;
    let store = programs.config().join("state/store");
    if !store.join("db").exists() {
        return Ok(Left {
            phase: Phase::Starting,
            calls: 0,
            unknown: 0,
        });
    }
    let copy = folder.path().join("store");
    copies::tree(&store, &copy).map_err(|why| why.to_string())?;
    look(&copy, programs, streams)
}

fn look(copy: &Path, programs: &Programs, streams: &[(String, String)]) -> Result<Left, String> {
    let words = |why: ledgerline::store::StoreError| why.to_string();
    let (store, damaged) = SledStore::inspect(copy).map_err(words)?;
    if !damaged.is_empty() {
        return Err(format!("{damaged:?}"));
    }
    let (mut read, mut begun) = (0, 0);
    for (connection, stream) in streams {
        let id = StreamId {
            connection: connection.clone(),
            stream: stream.clone(),
        };
        let Some(row) = store.cursor(&id).map_err(words)? else {
            continue;
        };
        begun += 1;
        let cursor: serde_json::Value = serde_json::from_slice(&row.bytes).unwrap_or_default();
        read += usize::from(cursor["walk"].is_null());
    }
    let open = store.open_intents().map_err(words)?;
    let marks = |route: &str| route.ends_with("-imported") || route.ends_with("-done");
    let routes = open.iter().filter_map(|it| it.1.entries.first());
    let marking = routes.filter(|it| marks(&it.route)).count();
    let (mut known, mut settled, mut others) = (0, 0, 0);
    for row in store.totals().map_err(words)? {
        let count = usize::try_from(row.tally.count).unwrap_or(usize::MAX);
        match row.state {
            State::Synced if row.route.ends_with("-credit-notes") => {
                known += count;
                settled += count;
            }
            State::Synced | State::Warning | State::Waiting | State::Excluded | State::Skipped => {
                settled += count;
            }
            _ => others += count,
        }
    }
    let all_read = read == streams.len();
    let phase = if begun == 0 {
        Phase::Starting
    } else if open.len() > marking && all_read {
        Phase::Sending
    } else if open.len() > marking {
        Phase::SendingAndReading
    } else if marking > 0 {
        Phase::Marking
    } else if !all_read {
        Phase::Reading
    } else if others > 0 || settled == 0 {
        Phase::Between
    } else {
        Phase::Done
    };
    let held = programs.books().xero.len();
    Ok(Left {
        phase,
        calls: open.len(),
        unknown: held.saturating_sub(known),
    })
}
