//! The only network client: hosts, credentials, budgets, repetition, recording.
//!
//! A connector names what it wants; the engine alone decides whether it leaves, when, with which
//! credential, how often, and what its end means.

mod aside;
mod auth;
mod budget;
mod call;
mod channel;
mod client;
mod course;
mod door;
mod guard;
mod network;
mod outside;
mod pace;
mod record;
mod replay;
mod report;
mod rows;
pub mod secrets;
#[cfg(test)]
mod tests;
mod transport;
mod verdict;

pub use auth::{Authorization, Consent, Standing};
pub use budget::BudgetView;
pub use call::{Answer, Call, CallClass, CallError, Outcome, Repeat};
pub use channel::Channel;
pub use client::ReqwestTransport;
pub use network::{ChannelSpec, Network, NetworkError};
pub use replay::{ReplayError, ReplayTransport};
pub use report::{CallNote, CallSink, Counters};
pub use transport::{MAX_ANSWER, RawAnswer, RawRequest, Transport, TransportError};
