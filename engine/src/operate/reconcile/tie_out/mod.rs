//! The stock account tied out: what stock is worth by the source's own list against what the account holds in
//! the target, and what explains the difference, document by document.
//!
//! Three things are read apart from each other: the list of what stock is worth, the balance of the account on
//! the day, and the lines in that account of every document that the target can be read for. The documents of
//! the source say when goods moved, and by how much stock grew. A document explains what stock holds of it
//! less what the account holds of it; what the balance moved by and no document that was read tells is one
//! line of its own. What is left over is shown as the rest and never shared out.
//!
//! All of it is between two days. Up to the first, the day before the cut-over, the documents are not known:
//! what stock and books differed by on that day is part of the rest, unless the stock of that day is given,
//! too.

mod explain;
mod read;
mod report;
mod run;
#[cfg(test)]
mod tests;

pub use report::{
    Exported, Group, Item, Kind, Opening, TieOutReport, TieOutRequest, TieOutVerdict,
};
pub(in crate::operate) use run::tie_out;
