//! jq over our values: exact decimals, only allow-listed functions, and an end to everything.

mod analysis;
mod builtins;
mod direct;
mod fuel;
mod library;
mod names;
mod program;
#[cfg(test)]
mod tests;
mod val;

#[cfg(test)]
pub(super) use fuel::counts;

pub use analysis::Member;
pub use library::{Fault, Library, Prelude};
pub use program::{EvalError, Program};
