//! The system's keyring, where the build has it.

use super::{Secret, SecretError};

/// Reads one password.
#[cfg(feature = "keyring")]
pub(super) fn read(service: &str, user: &str) -> Result<Secret, SecretError> {
    let name = format!("{service}, {user}");
    keyring::Entry::new(service, user)
        .and_then(|entry| entry.get_password())
        .map(Secret::new)
        .map_err(|error| SecretError::Keyring {
            name,
            why: error.to_string(),
        })
}

/// Says that this build has none.
#[cfg(not(feature = "keyring"))]
pub(super) fn read(service: &str, user: &str) -> Result<Secret, SecretError> {
    Err(SecretError::Keyring {
        name: format!("{service}, {user}"),
        why: "this build has no keyring support; build it with the cargo feature `keyring`, or \
              take the secret from a file or an environment variable"
            .to_owned(),
    })
}
