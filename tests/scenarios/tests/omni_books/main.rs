//! What Cin7 Omni does with Xero, row by row: each posts what an accountant expects, to the cent.

mod batches;
mod conflicts;
mod credits;
mod deposits;
mod exports;
mod ground;
mod killed;
mod month;
mod payments;
mod purchases;
mod reapply;
mod reversals;
mod sales;
mod stock;
mod tie_out;
