//! What Cin7 Omni does with Xero, row by row: each posts what an accountant expects, to the cent.

mod conflicts;
mod credits;
mod deposits;
mod exports;
mod ground;
mod month;
mod payments;
mod purchases;
mod reversals;
mod sales;
mod stock;
