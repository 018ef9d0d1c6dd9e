//! Ledgerline moves business documents between systems, exactly once, and shows what happened to
//! each of them.
//!
//! A document meets the folders in this order: `config` says what is wanted, `plugins` drives the
//! connectors, `http` makes their calls, `files` reads what people export, `mapping` turns a source document into a target document,
//! `pipeline` carries it from pull to settle, `store` remembers. `operate` is what a person may ask
//! for; `notify` tells people what needs them; `cli` puts that on the command line.

pub mod cli;
pub mod clock;
pub mod config;
mod files;
pub mod http;
pub mod mapping;
mod notify;
pub mod operate;
pub mod pipeline;
pub mod plugins;
pub mod store;
