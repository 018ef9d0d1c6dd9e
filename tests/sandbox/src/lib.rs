//! Stand-in servers for the vendors that Ledgerline talks to, quirks included.
//!
//! Nobody can test against live books, so this crate serves the vendors' HTTP APIs as their
//! published facts describe them, on one clock and from one seed. The core does no I/O: a
//! [`World`] turns a [`Request`] into a [`Reply`], in one process with the code under test or
//! behind [`serve`] on loopback. What goes wrong on the way is written in a fault script.

pub mod calls;
pub mod chance;
pub mod core;
pub mod duplicates;
pub mod edit;
pub mod exchange;
pub mod faults;
pub mod json;
pub mod omni;
pub mod seed;
pub mod view;
pub mod xero;
pub mod zudello;

mod admin;
mod clock;
mod counterparts;
mod plant;
mod serve;
mod world;

pub use clock::Clock;
pub use exchange::{Delivery, Reply, Request};
pub use seed::{Seed, SeedError};
pub use serve::{Saver, serve, serve_saving};
pub use world::{Vendor, World, handle};

/// Compiles and runs the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
