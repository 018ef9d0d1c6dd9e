//! Tests of the whole way: a connector in this program or in a library, driven as the pipeline does.

mod broken;
mod driving;
mod hanging;
mod loading;
mod logging;
pub(super) mod support;
