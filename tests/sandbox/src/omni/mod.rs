//! Cin7 Omni: one shared host, Basic authentication, bare arrays.

pub mod account;
pub mod behaviour;

pub(crate) mod edit;
pub(crate) mod fields;
pub(crate) mod filter;
pub(crate) mod fresh;
pub(crate) mod generate;
pub(crate) mod generate_notes;
pub(crate) mod limits;
pub(crate) mod listing;
pub(crate) mod money;
pub(crate) mod resources;
pub(crate) mod routes;
pub(crate) mod rules;
pub(crate) mod writing;
pub(crate) mod writing_lines;

pub use account::Omni;
pub(crate) use routes::{handle, resource_of, serves};
