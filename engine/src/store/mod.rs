//! Everything that must survive: entries, source documents, cursors, intents, calls, counters,
//! secrets.
//!
//! One trait of domain verbs, one folder a backend. Each verb is durable when it returns. There are
//! no key-value calls outside a backend, so a backend may lay rows out as it likes and another one
//! (a shared SQL store) can be put beside it.

mod entry;
mod filter;
mod history;
pub mod offload;
pub mod sled_store;
mod types;
mod verbs;

pub use entry::{
    Actor, Candidate, Cause, Document, Entry, EntryId, Event, Facts, Held, Money, State, Tally,
};
pub use sled_store::{Opened, SledStore, check, export};
pub use types::{
    BudgetRow, CallRow, Change, CursorRow, Filter, Group, Incoming, Intake, Intent, Listing,
    LookUp, OutcomeIn, PageIn, Seen, Settlement, StreamId, TotalsRow,
};
pub use verbs::{Result, SharedStore, Store, StoreError};
