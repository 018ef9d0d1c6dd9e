//! Source against store against target for one period, document by document and in sums.
//!
//! The source's documents are those in the store, pulled a moment before; the target's are read whole
//! from the target itself. Nothing is sent: there is no way to write from here. `read` brings both sides
//! and the entries between them together, `compare` puts each document into one class, `sums` adds both
//! sides up and holds the difference against the sum of the classes. The two sums are worked out apart,
//! so that a document that was forgotten or counted twice shows as cents that nobody explains.
//!
//! A document belongs to the period by its accounting date on either side. What the target voided or
//! deleted is not in its books: linked it is *gone*, not linked it is left out.

mod both;
mod compare;
mod join;
mod period;
mod read;
mod report;
mod run;
mod source;
mod sums;
mod target;
pub mod tie_out;

pub use period::Period;
pub use report::{
    Class, Compared, Difference, Line, Part, ReconcileReport, ReconcileRequest, SourceSide, Sum,
    TargetSide, Verdict,
};
pub(super) use run::reconcile;

#[cfg(test)]
mod tests;
