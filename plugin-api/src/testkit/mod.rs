//! Runs a connector in process, through the same ABI that the engine uses, from recordings.
//!
//! * [`Replay`] answers calls from a [`Recording`](crate::recording::Recording) and gives a
//!   [`Trace`] of what the connector did: an integrator's own tests compare that.
//! * [`conformance`] runs the checks that every connector has to pass, over such recordings.
//! * [`StandIn`] answers on loopback from recordings, so that a deployment can be tried with it.
//! * [`Session`] is the bare step machine, for tests of single steps.

mod conformance;
mod damage;
mod leaks;
mod replay;
mod session;
mod stand_in;
mod tape;
mod threads;
mod trace;

pub use conformance::{Case, Report, conformance, conformance_and_memory};
pub use damage::Damage;
pub use replay::{Replay, Run};
pub use session::{
    Answer, Asked, AskedCall, Ended, Given, Opened, PulledDoc, Session, Step, StepError, WrittenDoc,
};
pub use stand_in::StandIn;
pub use tape::Unrecorded;
pub use trace::{Event, Trace};
