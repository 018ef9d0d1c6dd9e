//! The client as its users meet it, over a transport in memory and on paused time.

mod consent;
mod dry_run;
mod kept;
mod limits;
mod recording;
mod redaction;
mod repeating;
pub(super) mod support;
mod tokens;
mod truth;
mod wire;
