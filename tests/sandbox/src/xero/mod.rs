//! Xero: identity service, connections and the accounting API.

pub mod document_model;
pub mod ledger;
pub mod model;
pub mod money_model;
pub mod organisation;
pub mod settings;
pub mod tokens;

pub(crate) mod allocations;
pub(crate) mod answers;
pub(crate) mod balances;
pub(crate) mod bind;
pub(crate) mod bind_documents;
pub(crate) mod condition_parser;
pub(crate) mod contact_calls;
pub(crate) mod contacts;
pub(crate) mod dates;
pub(crate) mod document_calls;
pub(crate) mod documents;
pub(crate) mod expression;
pub(crate) mod history;
pub(crate) mod idempotency;
pub(crate) mod identity;
pub(crate) mod journal_calls;
pub(crate) mod journals;
pub(crate) mod limits;
pub(crate) mod lines;
pub(crate) mod listing;
pub(crate) mod locks;
pub(crate) mod paid_edits;
pub(crate) mod payment_calls;
pub(crate) mod payments;
pub(crate) mod render;
pub(crate) mod render_documents;
pub(crate) mod reports;
pub(crate) mod resources;
pub(crate) mod routes;
pub(crate) mod setting_calls;
pub(crate) mod settlement;
pub(crate) mod sorts;
pub(crate) mod standard;
pub(crate) mod texts;
pub(crate) mod undo;
pub(crate) mod xml;

pub use routes::Xero;
