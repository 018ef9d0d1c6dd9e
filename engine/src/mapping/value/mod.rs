//! The one value type of the engine: JSON with exact decimals.
//!
//! Every document is held as a [`Value`], from the bytes that a vendor sent to the bytes that are
//! sent on. Numbers are decimals or the vendor's own text, never floats. Values are shared, not
//! copied: a clone costs a reference count.

mod build;
mod convert;
mod fingerprint;
mod number;
mod order;
mod parse;
mod path;
mod write;

use std::sync::Arc;

pub use build::{Array, Object};
pub use convert::{ConvertError, from_toml};
pub use number::{ArithmeticError, DIVISION_PLACES, Number, round_away};
pub use parse::{MAX_BYTES, MAX_DEPTH, ParseError};
pub use path::SetError;

/// A JSON value.
///
/// Equality is by meaning: `1.0` equals `1.00`, and the order of an object's fields is of no matter.
/// The order is kept all the same, for whoever reads the document.
#[derive(Clone, Default)]
pub enum Value {
    /// `null`.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Num(Number),
    /// Text.
    Str(Arc<str>),
    /// An array.
    Arr(Arc<Array>),
    /// An object.
    Obj(Arc<Object>),
}

const _: () = {
    const fn shared_between_threads<T: Send + Sync>() {}
    shared_between_threads::<Value>();
};
