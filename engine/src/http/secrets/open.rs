//! Reads secrets from where the configuration says, and keeps sealed ones in the store.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    Scrubber, Secret,
    key_file::{Keys, read_private},
    keyring, seal,
};
use crate::{
    config::SecretRef,
    http::rows::SharedRows,
    store::{SharedStore, StoreError},
};

/// Environment variable that names the key file.
const KEY_FILE: &str = "LEDGERLINE_KEY_FILE";

/// Environment variables: the process's own, under those that a demonstration adds.
#[derive(Clone, Default)]
pub struct Environment {
    added: BTreeMap<String, String>,
    process: bool,
}

// Values may be secrets.
impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment")
            .field("added", &self.added.keys().collect::<Vec<_>>())
            .field("process", &self.process)
            .finish()
    }
}

impl Environment {
    /// The process's variables.
    pub fn process() -> Self {
        Self {
            added: BTreeMap::new(),
            process: true,
        }
    }

    /// Only these variables: for tests.
    pub fn only(added: BTreeMap<String, String>) -> Self {
        Self {
            added,
            process: false,
        }
    }

    /// These variables before the present ones.
    #[must_use]
    pub fn with(mut self, added: BTreeMap<String, String>) -> Self {
        self.added.extend(added);
        self
    }

    /// Names of all variables.
    pub fn names(&self) -> Vec<String> {
        let process = self.process.then(std::env::vars_os);
        let named = process.into_iter().flatten();
        let named = named.map(|(name, _)| name.to_string_lossy().into_owned());
        self.added.keys().cloned().chain(named).collect()
    }

    /// A variable that is set and not empty.
    pub fn get(&self, name: &str) -> Option<String> {
        let held = self.added.get(name).cloned();
        held.or_else(|| {
            if self.process {
                std::env::var(name).ok()
            } else {
                None
            }
        })
        .filter(|it| !it.is_empty())
    }
}

/// Why a secret cannot be had or kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// An environment variable is not there.
    #[error("environment variable {name} is not set")]
    Env {
        /// Its name.
        name: String,
    },
    /// A secret's file cannot be used.
    #[error("secret file {path}: {why}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why, and what helps.
        why: String,
    },
    /// The keyring does not give it.
    #[error("keyring entry `{name}`: {why}")]
    Keyring {
        /// Service and user.
        name: String,
        /// Why.
        why: String,
    },
    /// Nothing is kept under this name.
    #[error("no secret named `{name}` is in the store")]
    Absent {
        /// The name.
        name: String,
    },
    /// The key file cannot be used.
    #[error("key file {path}: {why}", path = path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// Why, and what helps.
        why: String,
    },
    /// It was sealed with a key that is gone.
    #[error(
        "the key that sealed `{name}` is not in {path}; put it back or connect again",
        path = path.display()
    )]
    WrongKey {
        /// The secret's name.
        name: String,
        /// The key file.
        path: PathBuf,
    },
    /// It cannot be sealed or opened.
    #[error("secret `{name}`: {why}")]
    Sealing {
        /// The secret's name.
        name: String,
        /// Why, and what helps.
        why: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Reads and keeps secrets. Cheap to clone.
#[derive(Clone)]
pub struct Secrets {
    shared: Arc<Shared>,
}

struct Shared {
    rows: SharedRows,
    key_file: PathBuf,
    environment: Environment,
    /// Read when first needed: many deployments keep nothing sealed.
    keys: Mutex<Option<Arc<Keys>>>,
    scrubber: Scrubber,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secrets")
            .field("key_file", &self.shared.key_file)
            .finish_non_exhaustive()
    }
}

impl Secrets {
    /// Secrets of one deployment. `LEDGERLINE_KEY_FILE` goes before `key_file`. Opens nothing yet.
    pub fn new(store: SharedStore, key_file: &Path, environment: Environment) -> Self {
        Self::over(Arc::new(store), key_file, environment)
    }

    pub(in crate::http) fn over(
        rows: SharedRows,
        key_file: &Path,
        environment: Environment,
    ) -> Self {
        let key_file = environment
            .get(KEY_FILE)
            .map_or_else(|| key_file.to_owned(), PathBuf::from);
        Self {
            shared: Arc::new(Shared {
                rows,
                key_file,
                environment,
                keys: Mutex::new(None),
                scrubber: Scrubber::default(),
            }),
        }
    }

    /// Knows every secret that was read or kept.
    pub fn scrubber(&self) -> &Scrubber {
        &self.shared.scrubber
    }

    /// Reads a secret from where the configuration says.
    pub fn resolve(&self, from: &SecretRef) -> Result<Secret, SecretError> {
        let secret = match from {
            SecretRef::Env(name) => Secret::new(
                self.shared
                    .environment
                    .get(name)
                    .ok_or_else(|| SecretError::Env { name: name.clone() })?,
            ),
            SecretRef::File(path) => {
                let text = read_private(path)?;
                // Editors end files with a line break that is not part of the secret.
                let text = text.trim_end_matches(['\r', '\n']);
                if text.is_empty() {
                    return Err(SecretError::File {
                        path: path.clone(),
                        why: "it is empty".to_owned(),
                    });
                }
                Secret::new(text)
            }
            SecretRef::Keyring(service, user) => keyring::read(service, user)?,
            SecretRef::Store(name) => self
                .get(name)?
                .ok_or_else(|| SecretError::Absent { name: name.clone() })?,
        };
        self.shared.scrubber.learn(&secret);
        Ok(secret)
    }

    /// A kept secret.
    pub fn get(&self, name: &str) -> Result<Option<Secret>, SecretError> {
        let Some(sealed) = self.shared.rows.secret(name)? else {
            return Ok(None);
        };
        let Some(keys) = self.keys_if_present()? else {
            // Making a new key file here would only hide that the right one is missing.
            let path = self.shared.key_file.clone();
            return Err(SecretError::WrongKey {
                name: name.to_owned(),
                path,
            });
        };
        let secret = seal::open(&keys, name, &sealed)?;
        self.shared.scrubber.learn_passing(name, &secret);
        Ok(Some(secret))
    }

    /// Keeps a secret; durable on return. Blocks for a flush.
    pub fn put(&self, name: &str, secret: &Secret) -> Result<(), SecretError> {
        let sealed = seal::seal(&*self.keys()?, name, secret)?;
        self.shared.rows.set_secret(name, Some(&sealed))?;
        Ok(())
    }

    /// Forgets a kept secret. Blocks for a flush.
    pub fn remove(&self, name: &str) -> Result<(), SecretError> {
        Ok(self.shared.rows.set_secret(name, None)?)
    }

    fn keys_if_present(&self) -> Result<Option<Arc<Keys>>, SecretError> {
        let held = self
            .shared
            .keys
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        match held {
            Some(keys) => Ok(Some(keys)),
            None if self.shared.key_file.exists() => self.keys().map(Some),
            None => Ok(None),
        }
    }

    fn keys(&self) -> Result<Arc<Keys>, SecretError> {
        let mut held = self
            .shared
            .keys
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(keys) = &*held {
            return Ok(Arc::clone(keys));
        }
        let keys = Arc::new(Keys::open(&self.shared.key_file)?);
        *held = Some(Arc::clone(&keys));
        Ok(keys)
    }
}
