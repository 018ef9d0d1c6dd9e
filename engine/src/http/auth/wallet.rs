//! The credentials of one connection, put on calls by the name of their slot.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{TokenEndpoint, Tokens};
use crate::{
    config::SecretRef,
    http::{
        CallError,
        aside::Aside,
        secrets::{Secret, Secrets, tells},
    },
};

/// One slot of the manifest, ready for a connection.
pub(in crate::http) enum Slot {
    Basic,
    Bearer {
        header: String,
        /// Empty: the token stands alone.
        scheme: String,
    },
    /// Header name → credential field.
    Headers(BTreeMap<String, String>),
    Oauth2(Arc<Tokens>, TokenEndpoint),
    /// The configuration lacks what the slot needs; said when it is used.
    Unusable(CallError),
}

/// What is put on a call.
#[derive(Clone, Default)]
pub(in crate::http) struct Applied {
    pub(in crate::http) headers: Vec<(String, Secret)>,
    /// The access token, when it is one that can be renewed.
    pub(in crate::http) token: Option<Secret>,
    /// What tells in a document that it repeats the credential.
    pub(in crate::http) tells: Arc<Vec<Secret>>,
}

impl Applied {
    fn new(headers: Vec<(String, Secret)>, token: Option<Secret>) -> Self {
        // A scheme before it is no part of a credential.
        let credential = |it: &Secret| it.reveal().rsplit(' ').next().map(tells);
        let tells = headers.iter().filter_map(|(_, it)| credential(it));
        Self {
            tells: Arc::new(tells.flatten().collect()),
            headers,
            token,
        }
    }
}

/// Credentials of one connection.
pub(in crate::http) struct Wallet {
    connection: String,
    credentials: BTreeMap<String, SecretRef>,
    slots: BTreeMap<String, Slot>,
    secrets: Secrets,
    aside: Aside,
    /// Read once; read again after the vendor refused them.
    read: Mutex<BTreeMap<String, Applied>>,
}

impl Wallet {
    pub(in crate::http) fn new(
        connection: &str,
        credentials: &BTreeMap<String, SecretRef>,
        slots: BTreeMap<String, Slot>,
        secrets: Secrets,
        aside: Aside,
    ) -> Self {
        Self {
            connection: connection.to_owned(),
            credentials: credentials.clone(),
            slots,
            secrets,
            aside,
            read: Mutex::default(),
        }
    }

    /// Names of the slots.
    pub(in crate::http) fn slots(&self) -> impl Iterator<Item = &str> {
        self.slots.keys().map(String::as_str)
    }

    pub(in crate::http) fn has(&self, slot: &str) -> bool {
        self.slots.contains_key(slot)
    }

    /// Whether the slot's credential is a token set of an app.
    pub(in crate::http) fn is_oauth(&self, slot: &str) -> bool {
        matches!(self.slots.get(slot), Some(Slot::Oauth2(..)))
    }

    /// The headers of a slot. `refused` is an access token that the vendor just refused.
    pub(in crate::http) async fn apply(
        &self,
        slot: &str,
        refused: Option<Secret>,
    ) -> Result<Applied, CallError> {
        match self.slots.get(slot) {
            None => Ok(Applied::default()),
            Some(Slot::Unusable(error)) => Err(error.clone()),
            Some(Slot::Oauth2(tokens, endpoint)) => {
                let token = tokens.access(endpoint, &self.connection, refused).await?;
                let value = Secret::new(format!("Bearer {}", token.reveal()));
                let headers = vec![("Authorization".to_owned(), value)];
                Ok(Applied::new(headers, Some(token)))
            }
            Some(fixed) => {
                let held = self.read().get(slot).cloned();
                if let Some(applied) = held {
                    return Ok(applied);
                }
                let applied = Applied::new(self.fixed(fixed).await?, None);
                self.read().insert(slot.to_owned(), applied.clone());
                Ok(applied)
            }
        }
    }

    /// The vendor refused them: they may have been replaced where they come from.
    pub(in crate::http) fn forget(&self, slot: &str) {
        self.read().remove(slot);
    }

    fn read(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Applied>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn fixed(&self, slot: &Slot) -> Result<Vec<(String, Secret)>, CallError> {
        let authorization = |value| vec![("Authorization".to_owned(), value)];
        match slot {
            Slot::Basic => {
                let (user, password) =
                    (self.field("username").await?, self.field("password").await?);
                let pair = Secret::new(format!("{}:{}", user.reveal(), password.reveal()));
                self.secrets.scrubber().learn(&pair);
                Ok(authorization(Secret::new(format!(
                    "Basic {}",
                    STANDARD.encode(pair.reveal())
                ))))
            }
            Slot::Bearer { header, scheme } => {
                let token = self.field("token").await?;
                let value = match scheme.as_str() {
                    "" => token,
                    scheme => Secret::new(format!("{scheme} {}", token.reveal())),
                };
                Ok(vec![(header.clone(), value)])
            }
            Slot::Headers(headers) => {
                let mut list = Vec::with_capacity(headers.len());
                for (name, field) in headers {
                    list.push((name.clone(), self.field(field).await?));
                }
                Ok(list)
            }
            Slot::Oauth2(..) | Slot::Unusable(_) => Ok(Vec::new()),
        }
    }

    async fn field(&self, field: &str) -> Result<Secret, CallError> {
        let missing = |why: String, remedy: String| CallError::Credentials { why, remedy };
        let connection = &self.connection;
        let Some(from) = self.credentials.get(field).cloned() else {
            return Err(missing(
                format!("connection `{connection}` has no credential `{field}`"),
                format!("add `{field}` to [connections.{connection}.credentials]"),
            ));
        };
        let secrets = self.secrets.clone();
        let secret = self.aside.run(move || secrets.resolve(&from)).await;
        let why = match secret {
            Ok(Ok(secret)) if is_header_text(&secret) => return Ok(secret),
            Ok(Ok(_)) => "it holds characters that no header can carry".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        Err(missing(
            format!("credential `{field}` of connection `{connection}`: {why}"),
            format!(
                "mend `{field}` in [connections.{connection}.credentials], or what it refers to"
            ),
        ))
    }
}

fn is_header_text(secret: &Secret) -> bool {
    secret.reveal().chars().all(|it| !it.is_control())
}
