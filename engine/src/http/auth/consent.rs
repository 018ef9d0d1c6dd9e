//! The authorization-code grant, in the pieces that a command puts together: where to send the
//! person, what to do with the code that comes back, how to give the consent back.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::{Endpoints, Standing, Tokens};
use crate::http::{CallError, secrets::Secret};

/// Consents of one app, asked for through one of its connections.
pub struct Consent {
    tokens: Arc<Tokens>,
    endpoints: Endpoints,
    connection: String,
}

/// One question for consent.
pub struct Authorization {
    /// Where the person says yes.
    pub url: Url,
    /// Comes back beside the code; a different one is somebody else's answer.
    pub state: Secret,
    /// Proves that the code is used by whoever asked for it.
    pub verifier: Secret,
}

impl Consent {
    pub(in crate::http) fn new(
        tokens: Arc<Tokens>,
        endpoints: Endpoints,
        connection: &str,
    ) -> Self {
        Self {
            tokens,
            endpoints,
            connection: connection.to_owned(),
        }
    }

    /// Makes a new question. PKCE is always used; vendors that do not know it ignore it.
    pub fn ask(&self, redirect: &Url) -> Result<Authorization, CallError> {
        Ok(self.ask_with(redirect, random()?, random()?))
    }

    /// The same question once more, for somebody who did not answer it yet.
    pub fn ask_with(&self, redirect: &Url, state: Secret, verifier: Secret) -> Authorization {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.reveal()));
        let mut url = self.endpoints.authorize.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", self.tokens.client_id())
            .append_pair("redirect_uri", redirect.as_str())
            .append_pair("scope", &self.tokens.scopes().join(" "))
            .append_pair("state", state.reveal())
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        Authorization {
            url,
            state,
            verifier,
        }
    }

    /// Exchanges the code for tokens; they are in the store when this returns.
    pub async fn exchange_code(
        &self,
        code: &Secret,
        verifier: &Secret,
        redirect: &Url,
    ) -> Result<(), CallError> {
        let fields = vec![
            ("grant_type", Secret::new("authorization_code")),
            ("code", code.clone()),
            ("redirect_uri", Secret::new(redirect.as_str())),
            ("code_verifier", verifier.clone()),
        ];
        self.tokens
            .take_code(&self.endpoints.token, &self.connection, fields)
            .await
    }

    /// Whether a working token set is there or can be had: renews it when it is stale.
    pub async fn standing(&self) -> Result<Standing, CallError> {
        self.tokens
            .standing(&self.endpoints.token, &self.connection)
            .await
    }

    /// Whether the app needs nobody's consent: it gets its tokens by its own secret.
    pub fn needs_nobody(&self) -> bool {
        self.tokens.by_client_credentials()
    }

    /// Gives the consent back to the vendor and forgets the tokens.
    pub async fn revoke(&self) -> Result<(), CallError> {
        self.tokens
            .revoke(self.endpoints.revoke.as_ref(), &self.connection)
            .await
    }
}

/// 43 characters, the fewest that a verifier may have, of 32 random bytes.
fn random() -> Result<Secret, CallError> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|error| CallError::Credentials {
        why: format!("the system has no random bytes: {error}"),
        remedy: "try again".to_owned(),
    })?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(bytes)))
}
