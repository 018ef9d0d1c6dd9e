//! Every fault that a vendor or the network can show, alone, in pairs and as a storm. Each run ends
//! with the same books as an undisturbed one, after the named remedy where a person is needed.
//!
//! `list` names the faults and their places, `ground` the world that they strike, `drive` brings a
//! struck engine to its end as the schedule and a person would, `picture` compares what the vendors
//! hold, `books` does all of this to the other rows of Omni, `judge` says what is wrong, and `run` goes through them all.

mod books;
mod drive;
mod ground;
mod judge;
mod list;
mod person;
mod picture;
mod run;

pub use books::books_of;
pub(in crate::campaigns) use picture::Picture;
pub use run::{Counts, Options, alone_named, alone_of, pairs_of, run, stays_named, storm_of};
