//! What the store promises, through its verbs.

pub(super) mod bench;
mod campaign;
mod intake;
mod lookup;
mod opening;
mod read;
mod settle;
