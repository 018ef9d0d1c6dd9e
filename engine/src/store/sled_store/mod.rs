//! The default backend: one sled tree in a folder, owned by one process.
//!
//! There is one writer, and one thread that writes. A verb prepares one batch, has it applied and
//! flushed once; readers never wait for the disk. What every write touches (totals, names, open
//! intents) is also kept in memory, so that it is never read back.

mod calls;
pub mod check;
mod claim;
mod codes;
mod disk;
mod entry_row;
pub mod export;
mod groups;
mod intake;
mod keys;
mod list;
mod lookup;
mod mark;
mod migrate;
mod names;
mod open;
mod pack;
mod rows;
mod scratch;
mod seeding;
mod settle;
mod small;
mod state;
mod verbs;
mod work;

#[cfg(test)]
mod tests;

pub use open::Opened;
pub use state::SledStore;
use state::{Writer, failed};
