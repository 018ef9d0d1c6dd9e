//! Cin7 Core: one shared host, two header keys, a list and then one call a document.

pub mod account;
pub mod behaviour;
pub mod money;
pub mod seed;
pub mod view;

pub(crate) mod blocks;
pub(crate) mod changes;
pub(crate) mod details;
pub(crate) mod edit;
pub(crate) mod generate;
pub(crate) mod generate_blocks;
pub(crate) mod generate_sales;
pub(crate) mod lists;
pub(crate) mod routes;
pub(crate) mod rows;
pub(crate) mod stamps;

pub use account::Core;
pub(crate) use routes::{handle, serves};
