//! A month of a company, tied out: orders, bills, credit notes and adjustments of Omni in every state, then
//! payments, edits and voids; in the end each document is booked, left out or stopped as the seed
//! explains, the bookkeeper drops the exports of landed costs, of the cost of goods sold and of deposits, and the books hold to the cent what an independent ledger says.
//!
//! `seed` makes the month, `people` what is done to it afterwards, `ledger` the balances that must come
//! out, `exports` those of exports, `judge` compares.

mod exports;
mod judge;
mod ledger;
mod options;
mod papers;
mod people;
mod seed;

pub use judge::{Month, play};
pub use options::{Options, run};
pub use seed::Size;
