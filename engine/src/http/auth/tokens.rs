//! The token set of one app: one renewal at a time, and never a token in use that is not on disk.
//!
//! With rotation, the answer to a renewal is the only copy of the next refresh token. So a renewal
//! runs to its end whatever becomes of the call that needed it; the new set is durable before any
//! part of it is used; and when the answer is lost, the *old* refresh token is sent again, which
//! vendors allow for a while for just this reason.

use std::sync::Arc;

use ledgerline_plugin_api::manifest::AuthSlot;

use super::{
    TokenEndpoint,
    grant::{Client, Form, Granted, TokenSet, form, read},
};
use crate::{
    clock::Clock,
    config::{App, SecretRef},
    http::{
        CallError,
        door::TokenDoor,
        pace::Pace,
        secrets::{Secret, SecretError, Secrets},
        transport::without_query,
    },
    pipeline::steps,
};

/// Tries of one renewal.
const TRIES: u32 = 3;
/// A failure is not asked for again for this long, in milliseconds: callers come in crowds.
const FAILURE_STANDS: i64 = 5_000;

/// How an app stands with its vendor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// No tokens are kept.
    Unconnected,
    /// The vendor does not know the tokens any more: withdrawn, or too old.
    Gone,
    /// There are tokens that work, or that will when the vendor can be reached again.
    Connected {
        /// When the newest were given, milliseconds since the epoch.
        obtained_at: i64,
        /// They can be renewed without asking anybody.
        renewable: bool,
        /// Scopes that the app asks for and this consent does not cover; only where the vendor told.
        lacks: Vec<String>,
    },
}

/// Tokens of one app, shared by its connections.
pub(in crate::http) struct Tokens {
    app: String,
    client_id: String,
    client_secret: Option<SecretRef>,
    client_credentials: bool,
    scopes: Vec<String>,
    client_in_basic: bool,
    renew_before: u32,
    secrets: Secrets,
    clock: Clock,
    door: TokenDoor,
    pace: Pace,
    held: tokio::sync::Mutex<Held>,
}

#[derive(Default)]
struct Held {
    /// What the store holds, as far as it was read.
    set: Option<TokenSet>,
    /// A set that the vendor gave and the store did not take yet.
    unkept: Option<TokenSet>,
    /// A refresh token that the vendor no longer knows.
    dead: Option<Secret>,
    /// The last failure and when it was.
    failed: Option<(i64, CallError)>,
}

impl Tokens {
    /// The token set of an app, by the terms of its connector's slot. `None` when the slot is not
    /// OAuth.
    pub(in crate::http) fn of(
        app: &App,
        slot: &AuthSlot,
        secrets: &Secrets,
        clock: Clock,
        door: TokenDoor,
        pace: &Pace,
    ) -> Option<Self> {
        let AuthSlot::Oauth2 {
            scopes,
            client_in_basic,
            renew_before_seconds,
            ..
        } = slot
        else {
            return None;
        };
        Some(Self {
            app: app.name.clone(),
            client_id: app.client_id.clone(),
            client_secret: app.client_secret.clone(),
            client_credentials: app.grant == "client-credentials",
            scopes: app.scopes.clone().unwrap_or_else(|| scopes.clone()),
            client_in_basic: *client_in_basic,
            renew_before: *renew_before_seconds,
            secrets: secrets.clone(),
            clock,
            door,
            pace: pace.clone(),
            held: tokio::sync::Mutex::default(),
        })
    }

    pub(super) fn client_id(&self) -> &str {
        &self.client_id
    }

    pub(super) fn by_client_credentials(&self) -> bool {
        self.client_credentials
    }

    pub(super) fn scopes(&self) -> &[String] {
        &self.scopes
    }

    /// An access token that is good for a while. `refused` is one that the vendor just refused:
    /// another one is wanted, whatever its date says.
    pub(super) async fn access(
        self: &Arc<Self>,
        endpoint: &TokenEndpoint,
        connection: &str,
        refused: Option<Secret>,
    ) -> Result<Secret, CallError> {
        // The usual case needs no task.
        if let Ok(held) = self.held.try_lock()
            && let Some(access) = self.usable(held.set.as_ref(), refused.as_ref())
            && held.unkept.is_none()
        {
            return Ok(access);
        }
        let (this, endpoint) = (Arc::clone(self), endpoint.clone());
        let connection = connection.to_owned();
        self.to_its_end(async move {
            let mut held = this.held.lock().await;
            this.access_held(&mut held, &endpoint, &connection, refused.as_ref())
                .await
        })
        .await
    }

    /// Whether there are tokens that work; stale ones are renewed to find out.
    pub(super) async fn standing(
        self: &Arc<Self>,
        endpoint: &TokenEndpoint,
        connection: &str,
    ) -> Result<Standing, CallError> {
        let kept = self.stored(connection).await?;
        if kept.as_ref().is_none_or(|it| it.client != self.client_id) && !self.client_credentials {
            return Ok(Standing::Unconnected);
        }
        let refresh = kept.and_then(|it| it.refresh);
        // The vendor may have said so on a call, while by its date the set is still good.
        let is_dead = async || refresh.is_some() && self.held.lock().await.dead == refresh;
        if is_dead().await {
            return Ok(Standing::Gone);
        }
        if let Err(error) = self.access(endpoint, connection, None).await {
            // A set without a refresh token ends with its access token.
            let over = refresh.is_none() || is_dead().await;
            return match over && !self.client_credentials {
                true => Ok(Standing::Gone),
                false => Err(error),
            };
        }
        let now = self.stored(connection).await?;
        let scope = now.as_ref().map_or("", |it| it.scope.as_str());
        let covered: Vec<&str> = scope.split_whitespace().collect();
        let lacks = self.scopes.iter();
        Ok(Standing::Connected {
            obtained_at: now.as_ref().map_or(0, |it| it.obtained_at),
            renewable: self.client_credentials
                || now.as_ref().is_some_and(|it| it.refresh.is_some()),
            lacks: lacks
                .filter(|it| !covered.is_empty() && !covered.contains(&it.as_str()))
                // Not all vendors count it among the scopes: the refresh token itself tells.
                .filter(|it| *it != "offline_access")
                .cloned()
                .collect(),
        })
    }

    /// Exchanges the code of a consent for tokens, and keeps them.
    pub(super) async fn take_code(
        self: &Arc<Self>,
        endpoint: &TokenEndpoint,
        connection: &str,
        fields: Vec<(&'static str, Secret)>,
    ) -> Result<(), CallError> {
        let (this, endpoint) = (Arc::clone(self), endpoint.clone());
        let connection = connection.to_owned();
        self.to_its_end(async move {
            let mut held = this.held.lock().await;
            let again = format!("run `ledgerline connect {connection}` again");
            match this.ask(&endpoint, &connection, &fields, None).await? {
                Granted::Tokens(set) => this.keep(&mut held, set).await.map(|_| ()),
                Granted::Gone => Err(CallError::Credentials {
                    why: format!(
                        "the consent for app `{}` was used up or is too old",
                        this.app
                    ),
                    remedy: again,
                }),
                Granted::Refused(code) => Err(this.refused_client(&code)),
                // A code is good for one use: the lost answer held the only tokens.
                Granted::Unclear(why) => Err(CallError::Credentials {
                    why: format!("no tokens came for app `{}`: {why}", this.app),
                    remedy: again,
                }),
            }
        })
        .await
    }

    /// Gives the consent back and forgets the tokens. Without a revocation endpoint they are only
    /// forgotten.
    pub(super) async fn revoke(
        self: &Arc<Self>,
        endpoint: Option<&TokenEndpoint>,
        connection: &str,
    ) -> Result<(), CallError> {
        let (this, endpoint) = (Arc::clone(self), endpoint.cloned());
        let connection = connection.to_owned();
        self.to_its_end(async move {
            let mut held = this.held.lock().await;
            let stored = this.stored(&connection).await?;
            if let (Some(endpoint), Some(set)) = (&endpoint, &stored) {
                let token = set.refresh.clone().unwrap_or_else(|| set.access.clone());
                let form = this.form(&connection, &[("token", token)]).await?;
                let url = endpoint.url();
                let answer = this
                    .door
                    .post(endpoint, reveal(&form), form.body.reveal().to_owned());
                let answer = answer.await.map_err(|error| CallError::Transport {
                    url: without_query(url),
                    why: error.why,
                })?;
                // 400 says that the token is not known any more, which is what was wanted.
                if !matches!(answer.status, 200..=204 | 400) {
                    return Err(CallError::Transport {
                        url: without_query(url),
                        why: format!("the consent was not given back: status {}", answer.status),
                    });
                }
            }
            *held = Held::default();
            let (secrets, name) = (this.secrets.clone(), this.name());
            this.blocking(&connection, move || secrets.remove(&name))
                .await
        })
        .await
    }

    async fn access_held(
        &self,
        held: &mut Held,
        endpoint: &TokenEndpoint,
        connection: &str,
        refused: Option<&Secret>,
    ) -> Result<Secret, CallError> {
        if let Some(set) = held.unkept.clone() {
            self.keep(held, set).await?;
        }
        if let Some(access) = self.usable(held.set.as_ref(), refused) {
            return Ok(access);
        }
        // Somebody may have connected since.
        let stored = self
            .stored(connection)
            .await?
            .filter(|it| it.client == self.client_id);
        held.set.clone_from(&stored);
        if let Some(access) = self.usable(stored.as_ref(), refused) {
            held.failed = None;
            return Ok(access);
        }
        let error = match &held.failed {
            // One that lies ahead was met by a clock that has been set back since.
            Some((at, error))
                if (0..FAILURE_STANDS).contains(&self.clock.now_ms().saturating_sub(*at)) =>
            {
                error.clone()
            }
            _ => match self
                .renew(held, endpoint, connection, stored.as_ref())
                .await
            {
                Ok(access) => return Ok(access),
                Err(error) => {
                    tracing::warn!(app = self.app, %error, "tokens could not be renewed");
                    held.failed = Some((self.clock.now_ms(), error.clone()));
                    error
                }
            },
        };
        // A token that still lives carries the work over a short outage of the endpoint.
        let alive = stored.filter(|set| {
            set.is_alive(self.clock.now_ms()) && refused.is_none_or(|it| *it != set.access)
        });
        alive.map(|set| set.access).ok_or(error)
    }

    async fn renew(
        &self,
        held: &mut Held,
        endpoint: &TokenEndpoint,
        connection: &str,
        stored: Option<&TokenSet>,
    ) -> Result<Secret, CallError> {
        let connect = || format!("run `ledgerline connect {connection}`");
        let mut before = stored.cloned();
        let mut last = String::new();
        for attempt in 1..=TRIES {
            let fields = if self.client_credentials {
                let mut fields = vec![("grant_type", Secret::new("client_credentials"))];
                if !self.scopes.is_empty() {
                    fields.push(("scope", Secret::new(self.scopes.join(" "))));
                }
                fields
            } else {
                let Some(refresh) = before.as_ref().and_then(|set| set.refresh.clone()) else {
                    return Err(CallError::Credentials {
                        why: format!("app `{}` is not connected", self.app),
                        remedy: connect(),
                    });
                };
                if held.dead.as_ref() == Some(&refresh) {
                    return Err(self.consent_gone(connection));
                }
                vec![
                    ("grant_type", Secret::new("refresh_token")),
                    ("refresh_token", refresh),
                ]
            };
            match self
                .ask(endpoint, connection, &fields, before.as_ref())
                .await?
            {
                Granted::Tokens(set) => return self.keep(held, set).await,
                Granted::Gone if self.client_credentials => {
                    return Err(self.refused_client("invalid_grant"));
                }
                Granted::Gone => {
                    // The store is the authority: what is held there may be newer.
                    let again = self.stored(connection).await?;
                    let refresh =
                        |set: &Option<TokenSet>| set.as_ref().and_then(|it| it.refresh.clone());
                    if refresh(&again) == refresh(&before) {
                        held.dead = refresh(&before);
                        return Err(self.consent_gone(connection));
                    }
                    before = again;
                }
                Granted::Refused(code) => return Err(self.refused_client(&code)),
                Granted::Unclear(why) => {
                    last = why;
                    if attempt < TRIES {
                        self.clock.sleep(self.pace.after_failure(attempt)).await;
                    }
                }
            }
        }
        Err(CallError::Transport {
            url: without_query(endpoint.url()),
            why: format!("tokens of app `{}` could not be renewed: {last}", self.app),
        })
    }

    /// One question to the endpoint. No answer is an unclear answer.
    async fn ask(
        &self,
        endpoint: &TokenEndpoint,
        connection: &str,
        fields: &[(&'static str, Secret)],
        before: Option<&TokenSet>,
    ) -> Result<Granted, CallError> {
        let form = self.form(connection, fields).await?;
        let answer = self
            .door
            .post(endpoint, reveal(&form), form.body.reveal().to_owned())
            .await;
        Ok(match answer {
            Ok(answer) => {
                let now = self.clock.now();
                read(&self.client_id, answer.status, &answer.body, before, now)
            }
            Err(error) => Granted::Unclear(error.why),
        })
    }

    /// Makes a set durable; only then it is used.
    async fn keep(&self, held: &mut Held, set: TokenSet) -> Result<Secret, CallError> {
        self.learn(&set);
        steps::reached("token-granted", &self.app);
        // Should the store fail now, this is the only copy of the rotated token.
        held.unkept = Some(set.clone());
        let failed = |why: String| CallError::Credentials {
            why: format!(
                "the new tokens of app `{}` could not be stored: {why}",
                self.app
            ),
            remedy: "mend the store; the tokens are kept in memory until then".to_owned(),
        };
        let text = set.to_secret().map_err(|error| failed(error.to_string()))?;
        let (secrets, name) = (self.secrets.clone(), self.name());
        let kept = tokio::task::spawn_blocking(move || secrets.put(&name, &text)).await;
        match kept {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(failed(error.to_string())),
            Err(error) => return Err(failed(error.to_string())),
        }
        steps::reached("token-stored", &self.app);
        let access = set.access.clone();
        held.unkept = None;
        held.dead = None;
        held.failed = None;
        held.set = Some(set);
        Ok(access)
    }

    async fn stored(&self, connection: &str) -> Result<Option<TokenSet>, CallError> {
        let (secrets, name) = (self.secrets.clone(), self.name());
        let text = self
            .blocking(connection, move || secrets.get(&name))
            .await?;
        let Some(text) = text else { return Ok(None) };
        let set = TokenSet::from_secret(&text).ok_or_else(|| CallError::Credentials {
            why: format!(
                "the tokens of app `{}` in the store cannot be read",
                self.app
            ),
            remedy: format!("run `ledgerline connect {connection}`"),
        })?;
        self.learn(&set);
        Ok(Some(set))
    }

    /// Whatever anybody echoes from now on is told without them.
    fn learn(&self, set: &TokenSet) {
        let (scrubber, owner) = (self.secrets.scrubber(), self.name());
        scrubber.learn_passing(&owner, &set.access);
        set.refresh
            .iter()
            .for_each(|it| scrubber.learn_passing(&owner, it));
    }

    fn usable(&self, set: Option<&TokenSet>, refused: Option<&Secret>) -> Option<Secret> {
        let set = set?;
        let fresh = set.client == self.client_id
            && set.is_fresh(self.clock.now_ms(), self.renew_before)
            && refused != Some(&set.access);
        fresh.then(|| set.access.clone())
    }

    async fn form(
        &self,
        connection: &str,
        fields: &[(&'static str, Secret)],
    ) -> Result<Form, CallError> {
        let secret = match self.client_secret.clone() {
            None => None,
            Some(from) => {
                let secrets = self.secrets.clone();
                Some(
                    self.blocking(connection, move || secrets.resolve(&from))
                        .await?,
                )
            }
        };
        let client = Client {
            id: &self.client_id,
            secret: secret.as_ref(),
            in_basic: self.client_in_basic,
        };
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| (*name, value.reveal()))
            .collect();
        let form = form(&client, &fields);
        if let Some(authorization) = &form.authorization
            && let Some((_, pair)) = authorization.reveal().split_once(' ')
        {
            self.secrets.scrubber().learn(&Secret::new(pair));
        }
        Ok(form)
    }

    /// Runs on a task of its own, so that a caller that goes away does not take the answer with it.
    async fn to_its_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, CallError>> + Send + 'static,
    ) -> Result<T, CallError> {
        tokio::spawn(work).await.unwrap_or_else(|error| {
            Err(CallError::Credentials {
                why: format!(
                    "renewing the tokens of app `{}` broke off: {error}",
                    self.app
                ),
                remedy: "try again".to_owned(),
            })
        })
    }

    async fn blocking<T: Send + 'static>(
        &self,
        connection: &str,
        work: impl FnOnce() -> Result<T, SecretError> + Send + 'static,
    ) -> Result<T, CallError> {
        let done = tokio::task::spawn_blocking(work).await;
        let why = match done {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        Err(CallError::Credentials {
            why: format!("app `{}`: {why}", self.app),
            remedy: format!("mend it, or run `ledgerline connect {connection}`"),
        })
    }

    fn consent_gone(&self, connection: &str) -> CallError {
        CallError::Credentials {
            why: format!(
                "the consent of app `{}` was withdrawn or has run out",
                self.app
            ),
            remedy: format!("run `ledgerline connect {connection}`"),
        }
    }

    fn refused_client(&self, code: &str) -> CallError {
        // A word of small letters may be a secret that is sent back.
        let code = self.secrets.scrubber().scrub(code);
        CallError::Credentials {
            why: format!(
                "the vendor refused the client of app `{}` ({code})",
                self.app
            ),
            remedy: format!(
                "check client-id, client-secret and scopes of [apps.{}]",
                self.app
            ),
        }
    }

    fn name(&self) -> String {
        format!("tokens/{}", self.app)
    }
}

fn reveal(form: &Form) -> Option<String> {
    form.authorization.as_ref().map(|it| it.reveal().to_owned())
}
