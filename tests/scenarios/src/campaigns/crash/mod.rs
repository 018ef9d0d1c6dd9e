//! The engine dies at every step and at any moment, loses its last writes or all of its memory since
//! a backup, and is simply started again: every document is in the books once, and the places up to
//! which the sources were read are those of a run that nobody disturbed.

mod backups;
mod books;
mod copies;
mod ground;
mod lost;
mod moments;
mod options;
mod phase;
mod power;
mod rest;
mod second;
mod steps;
mod tally;

pub use backups::backups;
pub use books::{Books, books};
pub use lost::{Lost, lost};
pub use moments::{Moments, moments};
pub use options::{Options, Part, run};
pub use power::{Power, power};
pub use second::second;
pub use steps::{Steps, steps};
pub use tally::Tally;
