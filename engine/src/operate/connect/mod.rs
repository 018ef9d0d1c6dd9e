//! Connecting a connection to an account of its vendor, and taking it back.
//!
//! `consent` gets tokens, `accounts` chooses and pins, `undo` gives back; `listen` is the browser's
//! way home. Each step leaves something durable behind, so the next `connect` goes on from there.

mod accounts;
mod consent;
mod ground;
mod listen;
mod pin;
mod question;
mod request;
mod undo;

pub use listen::{Home, ListenError, Seen};
pub use request::{ConnectRequest, ConnectStep, Connecting, Offered, Pinned};

pub(super) use accounts::renamed;
pub(super) use ground::connect;
