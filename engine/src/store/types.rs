//! What the verbs of the store take and give.

use ledgerline_plugin_api::manifest::{HeldState, Problem};
use serde::{Deserialize, Serialize};

use super::{Entry, EntryId, Facts, State, Tally};

/// A stream of one connection: `CONNECTION/STREAM`, or `outcomes/ROUTE`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StreamId {
    /// Name of the connection, or `outcomes`.
    pub connection: String,
    /// Name of the stream, or of the route.
    pub stream: String,
}

/// One document as a page brings it in.
#[derive(Debug, Clone, PartialEq)]
pub struct Incoming {
    /// Id in the source.
    pub id: String,
    /// Version in the source.
    pub version: String,
    /// The vendor's bytes; `None` when it was deleted there.
    pub body: Option<Vec<u8>>,
    /// Facts by the stream's manifest, for new and changed entries.
    pub facts: Facts,
}

/// A page to be taken in: documents and cursor become durable together.
#[derive(Debug, Clone)]
pub struct PageIn<'a> {
    /// Where it comes from.
    pub stream: &'a StreamId,
    /// Routes that read this stream: each gets an entry a document. Empty for reference streams.
    pub routes: &'a [String],
    /// The documents.
    pub documents: Vec<Incoming>,
    /// Resume point once the page is durable; `None` leaves the stored one.
    pub cursor: Option<CursorRow>,
    /// Now, milliseconds since the epoch.
    pub at: i64,
}

/// What a page changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Intake {
    /// New entries, all routes together.
    pub new: u64,
    /// Entries whose document changed: they are pending again, links kept.
    pub changed: u64,
    /// Documents already held with the same version or the same bytes.
    pub same: u64,
}

/// A stored cursor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CursorRow {
    /// Opaque bytes of the connector.
    pub bytes: Vec<u8>,
    /// The connector's state version that wrote them.
    pub state_version: u32,
    /// When, milliseconds since the epoch.
    pub at: i64,
}

/// A writing call that is about to leave. Durable before it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// Entries that the call writes.
    pub entries: Vec<EntryId>,
    /// Idempotency key, when the target takes one.
    pub key: Option<String>,
    /// SHA-256 of the call's body.
    pub body_hash: [u8; 32],
    /// When it left, milliseconds since the epoch.
    pub at: i64,
    /// Until when the call may still be running at the target.
    pub deadline: i64,
    /// Which attempt of the entries it is.
    pub attempt: u32,
}

/// One call, kept for people. Secrets are gone before it gets here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRow {
    /// Connection that made it.
    pub connection: String,
    /// When it left, milliseconds since the epoch.
    pub at: i64,
    /// How long it took, milliseconds.
    pub took: u32,
    /// HTTP method.
    pub method: String,
    /// URL.
    pub url: String,
    /// Whether it may change something at the vendor.
    pub writes: bool,
    /// Entries it covers.
    pub entries: Vec<EntryId>,
    /// Body sent; kept for writing calls and for answers that were not understood.
    pub request: Vec<u8>,
    /// HTTP status; 0 when no answer came.
    pub status: u16,
    /// Body answered, as far as it is kept.
    pub answer: Vec<u8>,
    /// Vendor's own id of the call, or why no answer came.
    pub note: String,
}

/// A change to one entry.
#[derive(Debug, Clone)]
pub struct Change {
    /// Which.
    pub id: EntryId,
    /// The entry as it is to be, its new event already appended.
    pub entry: Entry,
    /// The state that the caller saw: a change based on another state is refused whole.
    pub seen: Seen,
}

/// Optimistic guard of a [`Change`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// State at the time of reading.
    pub state: State,
    /// Number of events (counted with repeats) at the time of reading.
    pub events: u32,
}

/// What becomes durable together at the end of a piece of work.
#[derive(Debug, Clone, Default)]
pub struct Settlement {
    /// Entries that change.
    pub changes: Vec<Change>,
    /// The intent that this answers; removed.
    pub intent: Option<u64>,
    /// The call to keep, under its id.
    pub call: Option<(u64, CallRow)>,
    /// Outcome documents for routes that read `outcomes/ROUTE`: they become documents and pending
    /// entries of those routes in the same write.
    pub outcomes: Vec<OutcomeIn>,
    /// Notes to set or, without a value, to remove: what a change needs to be kept with it.
    pub notes: Vec<(String, Option<String>)>,
}

/// One outcome for the routes that follow another.
#[derive(Debug, Clone)]
pub struct OutcomeIn {
    /// `outcomes/ROUTE`.
    pub stream: StreamId,
    /// Routes that read it.
    pub routes: Vec<String>,
    /// The outcome as a document.
    pub document: Incoming,
}

/// Which entries are meant. All given conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// Only these.
    #[serde(default)]
    pub ids: Vec<EntryId>,
    /// On these routes; empty means all.
    #[serde(default)]
    pub routes: Vec<String>,
    /// In these states; empty means all.
    #[serde(default)]
    pub states: Vec<State>,
    /// Problem categories, kebab-case; empty means all.
    #[serde(default)]
    pub categories: Vec<String>,
    /// Root cause key.
    #[serde(default)]
    pub cause: Option<String>,
    /// Text within number, target number or party, case-insensitive.
    #[serde(default)]
    pub text: Option<String>,
}

/// What an entry is found by, other than its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum LookUp {
    /// The number of the document in its source.
    Number = 0,
    /// The document's id in the target.
    Target = 1,
}

impl LookUp {
    /// Every one, in order of the numbers, which are stored.
    pub const ALL: [Self; 2] = [Self::Number, Self::Target];
}

/// One page of a listing; resume with `after`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Listing {
    /// The rows.
    pub rows: Vec<(EntryId, Entry)>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<String>,
}

/// One root cause with all that it stops.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// Route of the stopped entries.
    pub route: String,
    /// State they are in.
    pub state: State,
    /// Key of the cause.
    pub cause: String,
    /// How many and how much money.
    pub tally: Tally,
    /// Since when the oldest has been stopped, milliseconds since the epoch.
    pub oldest: i64,
    /// The oldest entry, whose problem stands for the group.
    pub example: EntryId,
    /// The example's problem.
    pub problem: Option<Problem>,
}

/// Count and money by route, state and, for synced ones, the state in the target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TotalsRow {
    /// Route.
    pub route: String,
    /// State.
    pub state: State,
    /// State in the target, for synced ones.
    pub held: Option<HeldState>,
    /// Tally.
    pub tally: Tally,
}

/// Counters of one budget that survive a restart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetRow {
    /// Start of the day window, milliseconds since the epoch.
    pub day_began: i64,
    /// Calls made in it.
    pub day_used: u32,
    /// Not before, milliseconds since the epoch, when parked by the vendor.
    pub parked_until: i64,
    /// Calls ever.
    pub calls: u64,
    /// Bytes ever read, which some vendors charge for.
    pub bytes: u64,
}
