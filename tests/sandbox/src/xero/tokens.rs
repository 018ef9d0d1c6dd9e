//! Apps, consents and the tokens that come of them.
//!
//! Refresh tokens rotate: each use makes a new pair, and the one that was used works for thirty
//! more minutes in case the answer was lost. One consent covers several organisations.

use std::collections::{BTreeMap, HashMap};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::chance::Chance;
use crate::json::{Json, Object};

const ACCESS_SECONDS: i64 = 30 * 60;
const GRACE_SECONDS: i64 = 30 * 60;
const REFRESH_SECONDS: i64 = 60 * 86_400;
const CODE_SECONDS: i64 = 5 * 60;

/// How an app gets its tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AppKind {
    /// Authorization code with a client secret.
    #[default]
    Web,
    /// Authorization code with PKCE and no secret.
    Pkce,
    /// Client credentials for one organisation.
    Custom,
}

/// A registered client.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct App {
    /// Display name, the `ProviderName` of answers.
    pub name: String,
    /// How it gets its tokens.
    pub kind: AppKind,
    /// Public id.
    pub client_id: String,
    /// Secret, unless PKCE.
    pub client_secret: String,
    /// Where consents may return to, matched exactly.
    pub redirect_uris: Vec<String>,
    /// The one organisation of a custom connection, by tenant id or name.
    pub organisation: String,
    /// Scopes of a custom connection, separated by blanks; empty allows all.
    pub scope: String,
}

/// What a user agreed to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Consent {
    /// The `authentication_event_id`.
    pub id: Uuid,
    /// The app.
    pub client_id: String,
    /// The user; none for a custom connection.
    pub user: Option<Uuid>,
    /// Scopes, separated by blanks.
    pub scope: String,
}

/// A connection between an app's user and an organisation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Connection {
    /// Its own id, which is not the tenant's.
    pub id: Uuid,
    /// The app.
    pub client_id: String,
    /// The user.
    pub user: Option<Uuid>,
    /// The consent that added it.
    pub consent: Uuid,
    /// The organisation.
    pub tenant: Uuid,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last renewed.
    pub updated: Timestamp,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Code {
    consent: Uuid,
    redirect_uri: String,
    challenge: Option<String>,
    at: Timestamp,
    used: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Refresh {
    consent: Uuid,
    issued: Timestamp,
    used: Option<Timestamp>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Access {
    consent: Uuid,
    expires: Timestamp,
}

/// All tokens.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Tokens {
    /// Consents by id.
    pub consents: BTreeMap<Uuid, Consent>,
    /// Connections.
    pub connections: Vec<Connection>,
    codes: HashMap<String, Code>,
    refresh: HashMap<String, Refresh>,
    access: HashMap<String, Access>,
}

/// What a bearer token turned out to be.
pub(crate) enum Bearer {
    /// Good, for this consent.
    Good(Consent),
    /// Its half hour is over.
    Expired(Timestamp),
    /// Never issued, or taken back.
    Unknown,
}

/// What an authorization request asks for, kept until the code is exchanged.
pub(crate) struct Grant {
    pub(crate) client_id: String,
    pub(crate) user: Uuid,
    pub(crate) scope: String,
    pub(crate) tenants: Vec<Uuid>,
    pub(crate) redirect_uri: String,
    pub(crate) challenge: Option<String>,
}

/// The words of OAuth for a refused grant.
pub(crate) const INVALID_GRANT: &str = "invalid_grant";

impl Tokens {
    /// Records a consent and its connections.
    pub(crate) fn consent(
        &mut self,
        client_id: &str,
        user: Option<Uuid>,
        scope: &str,
        tenants: &[Uuid],
        now: Timestamp,
        chance: &mut Chance,
    ) -> Uuid {
        let consent = Consent {
            id: chance.guid(),
            client_id: client_id.to_owned(),
            user,
            scope: scope.to_owned(),
        };
        let id = consent.id;
        for tenant in tenants {
            let held = self
                .connections
                .iter_mut()
                .find(|it| it.client_id == client_id && it.user == user && it.tenant == *tenant);
            match held {
                Some(connection) => {
                    connection.updated = now;
                    connection.consent = id;
                }
                None => self.connections.push(Connection {
                    id: chance.guid(),
                    client_id: client_id.to_owned(),
                    user,
                    consent: id,
                    tenant: *tenant,
                    created: now,
                    updated: now,
                }),
            }
        }
        self.consents.insert(id, consent);
        id
    }

    /// Makes a code for an agreed authorization request.
    pub(crate) fn code(&mut self, grant: &Grant, now: Timestamp, chance: &mut Chance) -> String {
        let consent = self.consent(
            &grant.client_id,
            Some(grant.user),
            &grant.scope,
            &grant.tenants,
            now,
            chance,
        );
        let code = chance.token(43);
        self.codes.insert(
            code.clone(),
            Code {
                consent,
                redirect_uri: grant.redirect_uri.clone(),
                challenge: grant.challenge.clone(),
                at: now,
                used: false,
            },
        );
        code
    }

    /// Exchanges a code; it works once, for five minutes, with the same redirect address.
    pub(crate) fn exchange(
        &mut self,
        client_id: &str,
        code: &str,
        redirect_uri: &str,
        verifier: Option<&str>,
        now: Timestamp,
    ) -> Result<Uuid, &'static str> {
        let held = self.codes.get_mut(code).ok_or(INVALID_GRANT)?;
        let owner = self.consents.get(&held.consent).ok_or(INVALID_GRANT)?;
        let age = now.as_second().saturating_sub(held.at.as_second());
        if held.used
            || age > CODE_SECONDS
            || held.redirect_uri != redirect_uri
            || owner.client_id != client_id
        {
            return Err(INVALID_GRANT);
        }
        if let Some(challenge) = &held.challenge {
            let verifier = verifier.filter(|it| (43..=128).contains(&it.len()));
            let actual = verifier.map(|it| URL_SAFE_NO_PAD.encode(Sha256::digest(it.as_bytes())));
            if actual.as_ref() != Some(challenge) {
                return Err(INVALID_GRANT);
            }
        }
        held.used = true;
        Ok(held.consent)
    }

    /// Uses a refresh token.
    pub(crate) fn refresh(
        &mut self,
        client_id: &str,
        token: &str,
        now: Timestamp,
    ) -> Result<Uuid, &'static str> {
        let held = self.refresh.get_mut(token).ok_or(INVALID_GRANT)?;
        let owner = self.consents.get(&held.consent).ok_or(INVALID_GRANT)?;
        let since = |at: Timestamp| now.as_second().saturating_sub(at.as_second());
        let good = match held.used {
            None => since(held.issued) <= REFRESH_SECONDS,
            Some(used) => since(used) <= GRACE_SECONDS,
        };
        if !good || owner.client_id != client_id {
            return Err(INVALID_GRANT);
        }
        held.used.get_or_insert(now);
        Ok(held.consent)
    }

    /// The token answer for a consent.
    pub(crate) fn issue(&mut self, consent: Uuid, now: Timestamp, chance: &mut Chance) -> Json {
        let (client_id, user, scope) = match self.consents.get(&consent) {
            Some(it) => (it.client_id.clone(), it.user, it.scope.clone()),
            None => (String::new(), None, String::new()),
        };
        let expires = after(now, ACCESS_SECONDS);
        let scopes: Vec<Json> = scope.split_whitespace().map(Json::from).collect();
        let mut claims = Object::new()
            .with("nbf", now.as_second())
            .with("exp", expires.as_second())
            .with("iss", "https://identity.xero.com")
            .with("aud", "https://identity.xero.com/resources")
            .with("client_id", client_id.as_str())
            .with("jti", chance.token(32))
            .with("authentication_event_id", consent.to_string())
            .with("scope", scopes);
        if let Some(user) = user {
            claims.set("xero_userid", user.to_string());
            claims.set("sub", user.simple().to_string());
        }
        let access = jwt(&claims, chance);
        self.access.retain(|_, held| held.expires > now);
        self.access
            .insert(access.clone(), Access { consent, expires });
        let mut answer = Object::new()
            .with("access_token", access)
            .with("expires_in", ACCESS_SECONDS)
            .with("token_type", "Bearer");
        let asks = |name: &str| scope.split_whitespace().any(|it| it == name);
        if user.is_some() && asks("offline_access") {
            let token = chance.token(43);
            self.put_refresh(token.clone(), consent, now);
            answer.set("refresh_token", token);
        }
        if asks("openid") {
            answer.set("id_token", jwt(&claims, chance));
        }
        answer.set("scope", scope);
        answer.into()
    }

    /// Holds a refresh token as if it had just been issued.
    pub(crate) fn put_refresh(&mut self, token: String, consent: Uuid, now: Timestamp) {
        self.refresh.insert(
            token,
            Refresh {
                consent,
                issued: now,
                used: None,
            },
        );
    }

    /// Takes back a refresh token, with every connection of its user to the app.
    pub(crate) fn revoke(&mut self, client_id: &str, token: &str) {
        let Some(refresh) = self.refresh.get(token) else {
            return;
        };
        let Some(consent) = self.consents.get(&refresh.consent).cloned() else {
            return;
        };
        if consent.client_id != client_id {
            return;
        }
        self.connections
            .retain(|it| it.client_id != client_id || it.user != consent.user);
        let gone: Vec<Uuid> = self
            .consents
            .values()
            .filter(|it| it.client_id == client_id && it.user == consent.user)
            .map(|it| it.id)
            .collect();
        self.refresh.retain(|_, it| !gone.contains(&it.consent));
        self.access.retain(|_, it| !gone.contains(&it.consent));
    }

    /// Ends every access token.
    pub(crate) fn expire(&mut self, now: Timestamp) {
        for it in self.access.values_mut() {
            it.expires = it.expires.min(now);
        }
    }

    /// Users take back what they agreed to, everywhere. (A custom connection is its own consent.)
    pub(crate) fn withdraw(&mut self) {
        let gone: Vec<Uuid> = self
            .consents
            .values()
            .filter(|it| it.user.is_some())
            .map(|it| it.id)
            .collect();
        self.connections.retain(|it| it.user.is_none());
        self.refresh.retain(|_, it| !gone.contains(&it.consent));
        self.access.retain(|_, it| !gone.contains(&it.consent));
    }

    /// What a bearer token stands for.
    pub(crate) fn bearer(&self, token: &str, now: Timestamp) -> Bearer {
        match self.access.get(token) {
            None => Bearer::Unknown,
            Some(access) if access.expires <= now => Bearer::Expired(access.expires),
            Some(access) => self
                .consents
                .get(&access.consent)
                .map_or(Bearer::Unknown, |consent| Bearer::Good(consent.clone())),
        }
    }

    /// The connections that a consent's tokens reach: all of its user's with the app.
    pub(crate) fn reach<'a>(
        &'a self,
        consent: &'a Consent,
    ) -> impl Iterator<Item = &'a Connection> {
        self.connections
            .iter()
            .filter(|it| it.client_id == consent.client_id && it.user == consent.user)
    }
}

fn after(now: Timestamp, seconds: i64) -> Timestamp {
    now.checked_add(jiff::SignedDuration::from_secs(seconds))
        .unwrap_or(Timestamp::MAX)
}

// The signature is random: nobody but Xero could check a real one either.
fn jwt(claims: &Object, chance: &mut Chance) -> String {
    let head = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","typ":"JWT"}"#);
    let body = URL_SAFE_NO_PAD.encode(Json::Obj(claims.clone()).to_string());
    format!("{head}.{body}.{}", chance.token(86))
}
