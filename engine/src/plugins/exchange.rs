//! What the pipeline gives a session and gets from it. Everything here is owned: nothing points into
//! a connector's memory.

use std::time::Duration;

use bytes::Bytes;
use ledgerline_plugin_api::{
    abi::{Status, op},
    manifest::Problem,
};
use serde_json::Value;

use super::Cancel;

/// What a session is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Which account do the credentials reach, and what do they lack?
    Check,
    /// Which accounts does a consent offer?
    Discover,
    /// Read documents.
    Pull,
    /// Write documents.
    Push,
    /// Ask for documents that may be there.
    Find,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Check,
        Self::Discover,
        Self::Pull,
        Self::Push,
        Self::Find,
    ];

    /// Its bit in the contract.
    pub fn bit(self) -> u32 {
        match self {
            Self::Check => op::CHECK,
            Self::Discover => op::DISCOVER,
            Self::Pull => op::PULL,
            Self::Push => op::PUSH,
            Self::Find => op::FIND,
        }
    }

    /// Its name, for messages and spans.
    pub fn name(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Discover => "discover",
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Find => "find",
        }
    }

    /// Whether it works in batches: WANT, batch, RESULTS.
    pub(super) fn takes_batches(self) -> bool {
        matches!(self, Self::Push | Self::Find)
    }

    /// Whether it ends with a value.
    pub(super) fn gives_value(self) -> bool {
        matches!(self, Self::Check | Self::Discover)
    }
}

/// What a session is opened with.
#[derive(Debug, Clone)]
pub struct SessionSpec<'a> {
    /// What it is to do.
    pub op: Operation,
    /// Name of the connection, for logs.
    pub connection: &'a str,
    /// Stream of PULL, PUSH and FIND; empty otherwise.
    pub stream: &'a str,
    /// Where the API lives.
    pub base_url: &'a str,
    /// Account that the connection is pinned to.
    pub account: Option<&'a str>,
    /// Settings, checked against the manifest's schema; no secrets.
    pub settings: &'a Value,
    /// What the last durable page carried; empty at first.
    pub cursor: &'a [u8],
    /// Source of every random choice of the connector.
    pub seed: u64,
    /// What the connector may use.
    pub limits: Limits,
    /// Ends the session from outside.
    pub cancel: Cancel,
}

/// What a session may use at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most documents in a page.
    pub page_docs: u32,
    /// Most bytes of documents in a page.
    pub page_bytes: u32,
    /// Most effects under way at once; further ones wait their turn.
    pub open_effects: u32,
    /// A step that takes longer is logged.
    pub warn_after: Duration,
    /// A step that takes longer quarantines the plugin: it gets no new sessions.
    pub quarantine_after: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            page_docs: 1_000,
            page_bytes: 16 << 20,
            open_effects: 8,
            warn_after: Duration::from_secs(1),
            quarantine_after: Duration::from_secs(30),
        }
    }
}

/// What the pipeline answers to the last [`Asked`].
#[derive(Debug, Clone, Copy)]
pub enum Given<'a> {
    /// At first; after a page (it is durable now) and after results.
    Nothing,
    /// After [`Asked::Want`]: at least one document.
    Batch(&'a [OutDoc]),
    /// After [`Asked::Want`]: there are no more.
    NoMore,
}

/// What a session asks of the pipeline.
#[derive(Debug, Clone, PartialEq)]
pub enum Asked {
    /// Make the documents and the cursor durable together. The next call of
    /// [`next`](super::Session::next) tells the connector that they are.
    Page {
        /// In the connector's order; ids are not empty and differ from each other.
        documents: Vec<PulledDoc>,
        /// Where a later session goes on once the documents are durable.
        cursor: Vec<u8>,
    },
    /// Give the next batch.
    Want,
    /// What became of the batch, in its order: one for each document.
    Results(Vec<WriteOutcome>),
    /// Answer of CHECK (a [`CheckReport`](ledgerline_plugin_api::manifest::CheckReport)) and of
    /// DISCOVER (a list of [`Account`](ledgerline_plugin_api::manifest::Account)). The session has
    /// ended.
    Value(Value),
    /// The session has ended well.
    Done,
}

/// A document that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PulledDoc {
    /// The source's id.
    pub id: String,
    /// Differs when the document differs.
    pub version: String,
    /// It is gone in the source.
    pub deleted: bool,
    /// It is no document: of those whose ids begin with `id`, the page's are all there are.
    pub only: bool,
    /// UTF-8 text of a JSON document; may be empty when deleted.
    pub body: Bytes,
}

/// A document to write or to look for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OutDoc {
    /// 1 create, 2 update, 3 void; 0 to find.
    pub change: u32,
    /// The entry's key; for messages, the results come back by position.
    pub id: String,
    /// The number that was assigned for life; may be empty.
    pub number: String,
    /// The target's id, when it is known.
    pub remote_id: Option<String>,
    /// FIND: the instant (RFC 3339, UTC) since which a write may have happened.
    pub since: Option<String>,
    /// The document in the target's form.
    pub body: Vec<u8>,
}

/// What became of one document of a batch, as the connector understood the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteOutcome {
    /// OK: written or found. NOT_FOUND: asked for, and not there. Otherwise why not.
    pub status: Status,
    /// The whole call was refused and nobody knows for which document.
    pub whole_refused: bool,
    /// How long to stay away, when the remote side said so.
    pub retry_after: Option<Duration>,
    /// The target's id. The connector may have left it empty even with OK.
    pub remote_id: String,
    /// The target's version of the document; may be empty.
    pub version: String,
    /// The vendor's own words; with OK its warnings, one a line.
    pub message: String,
    /// JSON of the target's own form of the document, in the form that push takes.
    pub body: Option<Vec<u8>>,
    /// Why not, in words for people.
    pub problem: Option<Problem>,
}
