//! The trait that every backend of the store implements, and its error.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    BudgetRow, CallRow, Cause, CursorRow, Document, Entry, EntryId, Filter, Group, Intake, Intent,
    Listing, LookUp, PageIn, Settlement, State, StreamId, TotalsRow,
};

/// What went wrong in the store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process owns it.
    #[error("the store at {path} is in use by another process")]
    InUse {
        /// Folder of the store.
        path: String,
    },
    /// Written by a newer engine.
    #[error(
        "the store at {path} has schema {found}, this engine knows up to {known}; use the newer engine"
    )]
    Newer {
        /// Folder of the store.
        path: String,
        /// Schema found.
        found: u32,
        /// Newest schema known.
        known: u32,
    },
    /// The disk or the database failed.
    #[error("the store at {path} failed: {why}")]
    Io {
        /// Folder of the store.
        path: String,
        /// What the system said.
        why: String,
    },
    /// A row cannot be read.
    #[error("a row of the store cannot be read: {row}: {why}; run `ledgerline store check`")]
    Damaged {
        /// Which row.
        row: String,
        /// Why.
        why: String,
    },
    /// The entry changed since it was read, or another call that covers it is under way.
    #[error("{id} changed meanwhile; nothing was written")]
    Conflict {
        /// Which.
        id: EntryId,
    },
    /// A change or an intent names an entry that is not there.
    #[error("there is no entry {id}; nothing was written")]
    Missing {
        /// Which.
        id: EntryId,
    },
    /// A settlement answers an intent that is not open, because it was settled before.
    #[error("call {id} is not open; nothing was written")]
    NotOpen {
        /// Id of the intent.
        id: u64,
    },
}

/// Result of a store verb.
pub type Result<T> = std::result::Result<T, StoreError>;

/// The durable memory of one deployment.
///
/// Verbs may block for a flush: callers on an async thread go through
/// [`offload::run`](super::offload::run). Every verb is atomic and durable on return, but for the
/// four that may touch every entry ([`seed_route`](Store::seed_route),
/// [`keep_look_up`](Store::keep_look_up), [`distrust`](Store::distrust),
/// [`prune_calls`](Store::prune_calls)): they write in chunks, and one that was cut short is finished by
/// calling it again.
pub trait Store: Send + Sync + 'static {
    /// Takes a page in: documents, entries and cursor in one write.
    ///
    /// New documents make a pending entry on each route. A document with the same version or the
    /// same bytes as the stored one changes nothing but the cursor. A changed one replaces the
    /// stored bytes and makes its entries pending, except that `skipped` stays skipped and an
    /// `uncertain` entry or one with an open intent keeps its state (its document is newer
    /// afterwards; it is compared when it settles). A deleted one is marked and its entries become
    /// pending so that the pipeline decides; a deletion of a document never held changes nothing.
    ///
    /// An entry whose write may have happened (`write_open_since`) becomes uncertain instead of
    /// pending, and so does every new one of a stream that has not [caught up](Store::caught_up)
    /// since the store was restored from a backup.
    fn intake_page(&self, page: PageIn<'_>) -> Result<Intake>;

    /// Makes pending entries on `route` for every document of the stream that has none yet (a route
    /// that was added later). Returns how many.
    fn seed_route(&self, route: &str, stream: &StreamId, at: i64) -> Result<u64>;

    /// From now on entries of the route can be found by this, also those that were there before.
    fn keep_look_up(&self, route: &str, by: LookUp) -> Result<()>;

    /// Source ids of the route's entries with this value, in order of id. Nothing is found by what was
    /// never [kept](Store::keep_look_up).
    fn look_up(&self, route: &str, by: LookUp, value: &str) -> Result<Vec<String>>;

    /// The stored cursor of a stream.
    fn cursor(&self, stream: &StreamId) -> Result<Option<CursorRow>>;

    /// Forgets or sets a cursor (backfill, reset of a stream).
    fn set_cursor(&self, stream: &StreamId, cursor: Option<CursorRow>) -> Result<()>;

    /// One source document.
    fn document(&self, stream: &StreamId, id: &str) -> Result<Option<Document>>;

    /// Documents of a stream in order of id, from `after` (exclusive), at most `limit`.
    fn documents(
        &self,
        stream: &StreamId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Document)>>;

    /// One entry.
    fn entry(&self, id: &EntryId) -> Result<Option<Entry>>;

    /// Entries of a route in a state that needs attention, from `after` (exclusive), at most
    /// `limit`, with their documents. `Sending` is not a stored state and gives nothing, and entries
    /// whose call is under way are passed over.
    ///
    /// Ordered by cause, then oldest first: all pending ones have no cause, so they come oldest
    /// first. `after` may have left the state meanwhile when it ended the page before; an `after`
    /// of which nothing is known begins anew.
    fn claim(
        &self,
        route: &str,
        stream: &StreamId,
        state: State,
        after: Option<&EntryId>,
        limit: usize,
    ) -> Result<Vec<(EntryId, Entry, Option<Document>)>>;

    /// Makes an intent durable and returns its id (also the id of its call). Call ids only grow.
    ///
    /// Refused with [`StoreError::Conflict`] when one of the entries is covered by an open intent
    /// already, or was meanwhile put into a state from which nothing may be sent (uncertain,
    /// warning, skipped, excluded).
    fn record_intent(&self, intent: &Intent) -> Result<u64>;

    /// Intents whose calls have no recorded answer: after a restart, calls of a former life.
    fn open_intents(&self) -> Result<Vec<(u64, Intent)>>;

    /// Everything of one settlement, together.
    ///
    /// Every change is checked before anything is written, and one that is based on an old state
    /// refuses the whole. Two rules hold for calls under way:
    ///
    /// * An entry in an open intent changes only in the settlement that answers this intent.
    /// * That settlement is never refused for the entry's state, because the call has happened. If
    ///   the entry changed between being read and the intent, both histories are kept.
    ///
    /// A document that changed while its entry's outcome was open makes the entry pending again as
    /// soon as the outcome is known. Entries that wait for one that becomes synced
    /// ([`Cause::entry`]) become pending in the same write.
    ///
    /// Entries of the intent that have no change here return to their stored state.
    fn settle(&self, settlement: Settlement) -> Result<()>;

    /// Entries in state waiting with this `cause` become pending; returns how many.
    fn wake(&self, cause: &Cause, at: i64) -> Result<u64>;

    /// One page of a filtered listing, its cost proportional to the page for filters on routes,
    /// states that need attention, causes and ids. Other filters read a bounded stretch, so a page
    /// may hold fewer rows than `limit`, or none, while there is a `next`.
    fn page_of(&self, filter: &Filter, after: Option<&str>, limit: usize) -> Result<Listing>;

    /// What is stopped, by root cause, most money first; empty `routes` means all. Entries that
    /// stopped without a cause form a group with an empty key.
    fn groups(&self, routes: &[String]) -> Result<Vec<Group>>;

    /// Counters, kept up to date with every write: not a scan.
    fn totals(&self) -> Result<Vec<TotalsRow>>;

    /// A kept call.
    fn call(&self, id: u64) -> Result<Option<CallRow>>;

    /// Keeps a call that has no intent (a read that was not understood).
    fn keep_call(&self, call: &CallRow) -> Result<u64>;

    /// Drops calls older than `before` (milliseconds since the epoch); returns how many.
    fn prune_calls(&self, before: i64) -> Result<u64>;

    /// Counters of a budget.
    fn budget(&self, name: &str) -> Result<BudgetRow>;

    /// Stores them.
    fn set_budget(&self, name: &str, row: &BudgetRow) -> Result<()>;

    /// An encrypted secret, as it was put.
    fn secret(&self, name: &str) -> Result<Option<Vec<u8>>>;

    /// Stores or removes one; durable on return, which token rotation depends on.
    fn set_secret(&self, name: &str, sealed: Option<&[u8]>) -> Result<()>;

    /// A small named fact: pins, confirmations, parked connections, ages of reference lists.
    fn note(&self, name: &str) -> Result<Option<String>>;

    /// Stores or removes one.
    fn set_note(&self, name: &str, value: Option<&str>) -> Result<()>;

    /// All notes whose name begins with `prefix`.
    fn notes(&self, prefix: &str) -> Result<BTreeMap<String, String>>;

    /// The store's generation: grows with each opening for writing.
    fn generation(&self) -> u64;

    /// Called once after opening when the mark outside the store shows a later generation: the store
    /// was restored from a backup. Every entry that is not synced, skipped or excluded and may have
    /// been written since becomes uncertain with an unknown `write_open_since`. Returns how many.
    fn distrust(&self, at: i64) -> Result<u64>;

    /// A copy in memory of everything that decisions look at, for a dry run. Secrets stay behind.
    fn scratch_copy(&self) -> Result<SharedStore>;

    /// Says that a pull of the stream has met everything the source has. Until then, entries that
    /// are new after a restore are uncertain too: the lost part of the store may have held and sent
    /// them. Costs nothing in a store that was never restored.
    fn caught_up(&self, stream: &StreamId) -> Result<()>;
}

/// A store shared by everything that works on it.
pub type SharedStore = Arc<dyn Store>;
