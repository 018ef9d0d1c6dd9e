//! Campaigns: the engine driven hard, with its books compared afterwards. Each has a long form for a
//! person (`cargo run --release -p scenarios --bin campaign -- NAME`) and a short one among the tests
//! (`tests/campaigns`), both of this code.

mod books;
pub mod crash;
pub mod faults;
pub mod limits;
pub mod month;
pub mod secrets;
