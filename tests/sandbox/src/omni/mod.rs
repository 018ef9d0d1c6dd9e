//! Cin7 Omni: one shared host, Basic authentication, bare arrays.

pub mod account;
pub mod behaviour;
pub mod exports;
pub mod seed;

pub(crate) mod edit;
pub(crate) mod fields;
pub(crate) mod filter;
pub(crate) mod fresh;
pub(crate) mod generate;
mod generate_notes;
mod generate_orders;
mod generate_rest;
mod generate_till;
pub(crate) mod limits;
pub(crate) mod listing;
mod maker;
pub(crate) mod money;
pub(crate) mod resources;
pub(crate) mod routes;
pub(crate) mod rules;
pub(crate) mod writing;
pub(crate) mod writing_lines;

pub use account::Omni;
pub(crate) use routes::{handle, resource_of, serves};
