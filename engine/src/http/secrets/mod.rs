//! Where secrets come from, how they are kept, and how they are kept out of everything else.

mod forms;
mod key_file;
mod keyring;
mod open;
mod scrub;
mod seal;
mod secret;

pub(in crate::http) use forms::tells;
pub use open::{Environment, SecretError, Secrets};
pub use scrub::Scrubber;
pub use secret::Secret;
