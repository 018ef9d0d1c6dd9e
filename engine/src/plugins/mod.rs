//! Finds, verifies, loads and drives connectors.
//!
//! Connectors are trusted native code: what happens here protects against mistakes and changed files,
//! not against malice.

mod admit;
mod borrowed;
mod effects;
mod elf;
mod exchange;
mod find;
mod heap;
mod host;
mod load;
mod lock;
mod manifest_rules;
mod metrics;
mod output;
mod plugin;
mod raw;
mod registry;
mod session;
mod session_error;
mod trace;
mod verify;
mod watch;

pub use effects::{Cancel, Effects, HttpAsk, HttpDone};
pub use elf::Symbols;
pub use exchange::{Asked, Given, Limits, Operation, OutDoc, PulledDoc, SessionSpec, WriteOutcome};
pub use heap::heap_in_use;
pub use lock::{Lock, LockError, LockedPlugin};
pub use metrics::PluginCounts;
pub use plugin::{AbiVersion, Plugin};
pub use registry::{Inspection, Places, Registry, Wanted, inspect, lock_installed};
pub use session::Session;
pub use session_error::{Disposition, SessionError};
pub use trace::{LoadError, Step};

#[cfg(test)]
mod tests;
