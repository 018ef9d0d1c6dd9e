//! What a connector did in one run.

use serde_json::Value;

use super::session::{AskedCall, Ended, PulledDoc, WrittenDoc};
use crate::abi::Status;

/// One thing a connector did.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Made a call.
    Call(AskedCall),
    /// Waited so many milliseconds.
    Sleep(u64),
    /// Committed a page.
    Page {
        /// Its documents.
        docs: Vec<PulledDoc>,
        /// Where to go on after it.
        cursor: Vec<u8>,
    },
    /// Asked for a batch.
    Want,
    /// Reported on a batch.
    Results(Vec<WrittenDoc>),
}

impl Event {
    fn call(&self) -> Option<&AskedCall> {
        if let Self::Call(call) = self {
            Some(call)
        } else {
            None
        }
    }

    fn page(&self) -> Option<&[PulledDoc]> {
        if let Self::Page { docs, .. } = self {
            Some(docs)
        } else {
            None
        }
    }

    fn results(&self) -> Option<&[WrittenDoc]> {
        if let Self::Results(results) = self {
            Some(results)
        } else {
            None
        }
    }
}

/// Everything a connector did in one run, in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// What it did.
    pub events: Vec<Event>,
    /// How it ended, with the value of CHECK and DISCOVER.
    pub end: Result<Option<Value>, Ended>,
    /// What it logged: `LEVEL target message fields`.
    pub logs: Vec<String>,
    /// Calls of the recording that it did not make.
    pub unused: Vec<String>,
}

impl Trace {
    /// The calls made.
    pub fn calls(&self) -> Vec<&AskedCall> {
        self.events.iter().filter_map(Event::call).collect()
    }

    /// The calls made, one a line: `GET https://…`.
    pub fn call_lines(&self) -> Vec<String> {
        self.calls()
            .iter()
            .map(|call| format!("{} {}", call.method, call.url))
            .collect()
    }

    /// The pages committed.
    pub fn pages(&self) -> Vec<&[PulledDoc]> {
        self.events.iter().filter_map(Event::page).collect()
    }

    /// The documents of all pages.
    pub fn documents(&self) -> Vec<&PulledDoc> {
        let all = self.pages().into_iter().flatten();
        all.filter(|it| !it.only).collect()
    }

    /// Beginnings of ids of which a page said that it holds all there are.
    pub fn only(&self) -> Vec<&str> {
        let all = self.pages().into_iter().flatten();
        all.filter(|it| it.only).map(|it| it.id.as_str()).collect()
    }

    /// The ids of the documents of all pages.
    pub fn ids(&self) -> Vec<&str> {
        self.documents()
            .into_iter()
            .map(|doc| doc.id.as_str())
            .collect()
    }

    /// The cursors committed, as text.
    pub fn cursors(&self) -> Vec<String> {
        let cursor = |event: &Event| match event {
            Event::Page { cursor, .. } => Some(String::from_utf8_lossy(cursor).into_owned()),
            _ => None,
        };
        self.events.iter().filter_map(cursor).collect()
    }

    /// What became of all documents of all batches, in order.
    pub fn results(&self) -> Vec<&WrittenDoc> {
        self.events
            .iter()
            .filter_map(Event::results)
            .flatten()
            .collect()
    }

    /// Status of the end.
    pub fn status(&self) -> Status {
        self.end
            .as_ref()
            .map_or_else(|ended| ended.status, |_| Status::OK)
    }

    /// Message of the end; empty when it went well.
    pub fn message(&self) -> &str {
        self.end
            .as_ref()
            .map_or_else(|ended| ended.message.as_str(), |_| "")
    }
}
