//! JSON Schema over our values: what a target takes, checked without passing amounts through floats.
//!
//! The part of the standard that manifests use; a keyword outside of it is refused when the manifest
//! is compiled, so nothing is believed to be checked that is not.

mod check;
mod compile;
mod place;

pub(super) use check::Schema;
pub(super) use place::Place;
