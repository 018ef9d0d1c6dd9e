//! Xero: identity service, connections and the accounting API.

pub mod credit_notes;
pub mod model;
pub mod organisation;
pub mod settings;
pub mod tokens;

pub(crate) mod answers;
pub(crate) mod bind;
pub(crate) mod condition_parser;
pub(crate) mod contact_calls;
pub(crate) mod contacts;
pub(crate) mod dates;
pub(crate) mod expression;
pub(crate) mod idempotency;
pub(crate) mod identity;
pub(crate) mod limits;
pub(crate) mod lines;
pub(crate) mod listing;
pub(crate) mod note_calls;
pub(crate) mod render;
pub(crate) mod resources;
pub(crate) mod routes;
pub(crate) mod setting_calls;
pub(crate) mod standard;
pub(crate) mod texts;
pub(crate) mod xml;

pub use routes::Xero;
