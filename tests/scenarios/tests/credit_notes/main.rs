//! Credit notes from Cin7 Omni to Xero, end to end: each rule that the books depend on, looked at in
//! what Omni and Xero hold afterwards.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

mod amounts;
mod backfill;
mod batches;
mod by_hand;
mod contacts;
mod imported;
mod linking;
mod numbers;
mod owed;
mod parents;
mod posting;
mod preconditions;
mod pushed;
mod right_books;
mod schedule;
mod sending;
mod undo;
mod updates;
mod withdrawn;
