//! Credit notes from Cin7 Omni to Xero, end to end: each rule that the books depend on, looked at in
//! what Omni and Xero hold afterwards.

mod amounts;
mod batches;
mod by_hand;
mod contacts;
mod imported;
mod numbers;
mod posting;
mod preconditions;
mod right_books;
mod schedule;
mod sending;
mod updates;
