//! Credentials: how a slot of the manifest becomes headers, and how OAuth tokens stay fresh.

mod consent;
mod endpoint;
mod grant;
mod tokens;
mod wallet;

pub use consent::{Authorization, Consent};
pub use tokens::Standing;

pub(super) use endpoint::{Endpoints, TokenEndpoint};
pub(super) use tokens::Tokens;
pub(super) use wallet::{Applied, Slot, Wallet};
