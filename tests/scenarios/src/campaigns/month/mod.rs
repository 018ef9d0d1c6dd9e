//! A month of a company, tied out: orders, bills, credit notes and adjustments of Omni in every state, a till whose
//! orders go in batches, and supplier credit notes; then payments, money through Omni's portal, edits and voids, and
//! exports of landed costs, of the cost of goods sold and of deposits. In the end each document is booked, left out
//! or stopped as the seed explains, and the books hold to the cent what an independent ledger says.
//!
//! `seed` makes the month, `people` and `till` what is done to it afterwards, `ledger` the balances that must come
//! out, `batches`, `exports` and `portal` theirs of those, `judge` and `judge_batches` compare.

mod batches;
mod exports;
mod judge;
mod judge_batches;
mod ledger;
mod options;
mod papers;
mod people;
mod portal;
mod seed;
mod till;

pub use judge::{Month, play};
pub use options::{Options, run};
pub use seed::Size;
