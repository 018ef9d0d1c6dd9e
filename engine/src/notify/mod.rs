//! Tells people what needs them, by e-mail or webhook, so that nobody has to look.
//!
//! `matter` is what stands after a run, `memory` what of it was told and when, `message` the words,
//! `mail` and `webhook` the ways, `teller` puts them together. A run never waits for a message: what
//! could not be delivered is tried again after a later one.

mod mail;
mod matter;
mod memory;
mod message;
mod teller;
mod webhook;

pub(crate) use memory::Memory;
pub(crate) use teller::{Teller, note_of};
