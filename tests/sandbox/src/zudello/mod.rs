//! Zudello: documents with a status that says whose turn it is.
//!
//! No reference of its REST interface is public. Everything that a client meets here (paths, header
//! names, envelopes, shapes) is therefore an assumption that the seed can change; see
//! [`contract`]. The document model, its arithmetic and its statuses are published.

pub mod contract;
pub mod seed;
pub mod status;
pub mod team;

pub(crate) mod arithmetic;
pub(crate) mod edits;
pub(crate) mod generate;
pub(crate) mod generate_notes;
pub(crate) mod listing;
pub(crate) mod master;
pub(crate) mod render;
pub(crate) mod routes;
pub(crate) mod view;
pub(crate) mod writing;

pub(crate) use routes::{account_of, handle, serves};
pub use team::Zudello;
pub use view::ZudelloView;
