//! What is said to a token endpoint, and what it says back. Pure.
//!
//! Answers hold tokens, so no text of an answer ever gets into an error; only the standard's own
//! error codes do.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::form_urlencoded::{Serializer, byte_serialize};

use crate::http::secrets::Secret;

/// Life of an access token whose answer does not tell.
const USUAL_LIFE: i64 = 30 * 60;

/// Tokens of one app. Kept as JSON, sealed.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::http) struct TokenSet {
    /// Client that they were given to: another client cannot use them.
    pub(super) client: String,
    pub(super) access: Secret,
    pub(super) refresh: Option<Secret>,
    /// Milliseconds since the epoch.
    pub(super) obtained_at: i64,
    pub(super) expires_at: i64,
    pub(super) scope: String,
}

/// [`TokenSet`] as it is kept. Fields may be added; old sets stay readable.
#[derive(Serialize, Deserialize)]
struct Kept {
    version: u32,
    client: String,
    access: String,
    #[serde(default)]
    refresh: Option<String>,
    obtained_at: i64,
    expires_at: i64,
    #[serde(default)]
    scope: String,
}

impl TokenSet {
    /// Text to be sealed.
    pub(super) fn to_secret(&self) -> Result<Secret, serde_json::Error> {
        serde_json::to_string(&Kept {
            version: 1,
            client: self.client.clone(),
            access: self.access.reveal().to_owned(),
            refresh: self.refresh.as_ref().map(|it| it.reveal().to_owned()),
            obtained_at: self.obtained_at,
            expires_at: self.expires_at,
            scope: self.scope.clone(),
        })
        .map(Secret::new)
    }

    /// Reads it back; `None` when it is not a set that this engine knows.
    pub(super) fn from_secret(secret: &Secret) -> Option<Self> {
        let kept: Kept = serde_json::from_str(secret.reveal())
            .ok()
            .filter(|it: &Kept| it.version == 1)?;
        Some(Self {
            client: kept.client,
            access: Secret::new(kept.access),
            refresh: kept.refresh.map(Secret::new),
            obtained_at: kept.obtained_at,
            expires_at: kept.expires_at,
            scope: kept.scope,
        })
    }

    /// Whether the access token is good for a while: it is renewed `ahead` seconds before it ends,
    /// but a token with a short life is used for half of that at least.
    pub(super) fn is_fresh(&self, now: i64, ahead: u32) -> bool {
        let life = self.expires_at.saturating_sub(self.obtained_at).max(0);
        let ahead = (i64::from(ahead) * 1_000).min(life / 2);
        now < self.expires_at.saturating_sub(ahead)
    }

    /// Whether it can still be used when nothing better can be had.
    pub(super) fn is_alive(&self, now: i64) -> bool {
        now.saturating_add(5_000) < self.expires_at
    }
}

/// How a client shows who it is.
pub(super) struct Client<'a> {
    pub(super) id: &'a str,
    pub(super) secret: Option<&'a Secret>,
    pub(super) in_basic: bool,
}

/// A form with its authorization header.
pub(super) struct Form {
    pub(super) authorization: Option<Secret>,
    pub(super) body: Secret,
}

/// Builds the form of a request by this client.
pub(super) fn form(client: &Client<'_>, fields: &[(&str, &str)]) -> Form {
    let mut form = Serializer::new(String::new());
    form.extend_pairs(fields);
    let authorization = match client.secret {
        Some(secret) if client.in_basic => {
            use base64::Engine as _;
            // The standard has both halves form-encoded first (RFC 6749, 2.3.1).
            let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
            let pair = Secret::new(format!(
                "{}:{}",
                encoded(client.id),
                encoded(secret.reveal())
            ));
            let coded = base64::engine::general_purpose::STANDARD.encode(pair.reveal());
            Some(Secret::new(format!("Basic {coded}")))
        }
        Some(secret) => {
            form.append_pair("client_id", client.id);
            form.append_pair("client_secret", secret.reveal());
            None
        }
        None => {
            form.append_pair("client_id", client.id);
            None
        }
    };
    Form {
        authorization,
        body: Secret::new(form.finish()),
    }
}

/// What a token endpoint answered.
pub(super) enum Granted {
    Tokens(TokenSet),
    /// The code or the refresh token is no longer good.
    Gone,
    /// Anything else that trying again will not change; a code of the standard, or the status.
    Refused(String),
    /// Nothing that can be relied on.
    Unclear(String),
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: Option<String>,
    refresh_token: Option<String>,
    expires_in: Option<serde_json::Value>,
    scope: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct ErrorAnswer {
    error: Option<String>,
}

/// Reads an answer. `before` is the set that was renewed: a vendor that does not rotate refresh
/// tokens leaves the old one in force.
pub(super) fn read(
    client: &str,
    status: u16,
    body: &[u8],
    before: Option<&TokenSet>,
    now: Timestamp,
) -> Granted {
    if status == 200 || status == 201 {
        let answer = serde_json::from_slice::<TokenAnswer>(body).ok();
        let Some((answer, access)) = answer.and_then(|it| {
            it.access_token
                .clone()
                .filter(|it| !it.is_empty())
                .map(|access| (it, access))
        }) else {
            return Granted::Unclear("the answer holds no access token".to_owned());
        };
        let now = now.as_millisecond();
        let life = seconds(answer.expires_in.as_ref())
            .unwrap_or(USUAL_LIFE)
            .max(0);
        let new_refresh = answer
            .refresh_token
            .filter(|it| !it.is_empty())
            .map(Secret::new);
        let scope = answer
            .scope
            .as_ref()
            .and_then(|it| it.as_str())
            .unwrap_or_default()
            .to_owned();
        return Granted::Tokens(TokenSet {
            client: client.to_owned(),
            access: Secret::new(access),
            refresh: new_refresh.or_else(|| before.and_then(|it| it.refresh.clone())),
            obtained_at: now,
            expires_at: now.saturating_add(life.saturating_mul(1_000)),
            scope,
        });
    }
    let code = serde_json::from_slice::<ErrorAnswer>(body)
        .ok()
        .and_then(|it| it.error);
    // A code of the standard is a word; anything longer could be an echo of what was sent.
    let code = code.filter(|it| {
        (1..=40).contains(&it.len()) && it.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
    });
    match (status, code) {
        (400..=499, Some(code)) if code == "invalid_grant" => Granted::Gone,
        (400..=499, Some(code))
            if code != "temporarily_unavailable" && code != "slow_down" && status != 429 =>
        {
            Granted::Refused(code)
        }
        (400 | 401 | 403, None) => Granted::Refused(format!("status {status}")),
        _ => Granted::Unclear(format!("status {status}")),
    }
}

/// A number, or a number in quotes.
fn seconds(value: Option<&serde_json::Value>) -> Option<i64> {
    let value = value?;
    value
        .as_i64()
        .or_else(|| value.as_str().and_then(|it| it.trim().parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-22T10:00:00Z".parse().unwrap()
    }

    fn set(life: i64) -> TokenSet {
        let now = now().as_millisecond();
        TokenSet {
            client: "client".to_owned(),
            access: Secret::new("access"),
            refresh: Some(Secret::new("refresh")),
            obtained_at: now,
            expires_at: now + life * 1_000,
            scope: "a b".to_owned(),
        }
    }

    #[test]
    fn clients_show_who_they_are() {
        let secret = Secret::new("s/+ 1");
        let cases = [
            (
                Some(&secret),
                true,
                Some("Basic aWQlM0ExOnMlMkYlMkIrMQ=="),
                "g=x+%26",
            ),
            (
                Some(&secret),
                false,
                None,
                "g=x+%26&client_id=id%3A1&client_secret=s%2F%2B+1",
            ),
            (None, true, None, "g=x+%26&client_id=id%3A1"),
        ];
        for (secret, in_basic, authorization, body) in cases {
            let form = form(
                &Client {
                    id: "id:1",
                    secret,
                    in_basic,
                },
                &[("g", "x &")],
            );
            assert_eq!(
                form.authorization.as_ref().map(Secret::reveal),
                authorization
            );
            assert_eq!(form.body.reveal(), body);
        }
    }

    #[test]
    fn answers_are_read_leniently_and_never_repeated() {
        let cases = [
            (
                200,
                r#"{"access_token":"canary-a","refresh_token":"r2","expires_in":1800}"#,
                "r2 1800",
            ),
            (
                200,
                r#"{"access_token":"canary-a","expires_in":"600","token_type":"x"}"#,
                "refresh 600",
            ),
            (
                200,
                r#"{"access_token":"canary-a","refresh_token":""}"#,
                "refresh 1800",
            ),
            (
                200,
                r#"{"access_token":""}"#,
                "unclear: the answer holds no access token",
            ),
            (
                200,
                "<html>canary",
                "unclear: the answer holds no access token",
            ),
            (400, r#"{"error":"invalid_grant"}"#, "gone"),
            (
                401,
                r#"{"error":"invalid_client"}"#,
                "refused: invalid_client",
            ),
            (
                400,
                r#"{"error":"Token canary was wrong"}"#,
                "refused: status 400",
            ),
            (400, "canary", "refused: status 400"),
            (404, "canary", "unclear: status 404"),
            (429, r#"{"error":"slow_down"}"#, "unclear: status 429"),
            (503, r#"{"error":"canary"}"#, "unclear: status 503"),
        ];
        let before = set(1800);
        for (status, body, expected) in cases {
            let actual = match read("client", status, body.as_bytes(), Some(&before), now()) {
                Granted::Tokens(set) => format!(
                    "{} {}",
                    set.refresh.as_ref().unwrap().reveal(),
                    (set.expires_at - now().as_millisecond()) / 1_000
                ),
                Granted::Gone => "gone".to_owned(),
                Granted::Refused(why) => format!("refused: {why}"),
                Granted::Unclear(why) => format!("unclear: {why}"),
            };
            assert_eq!(actual, expected, "{status} {body}");
        }
    }

    #[test]
    fn tokens_are_renewed_ahead_of_their_end() {
        let cases = [
            // life, renewed ahead, age, fresh
            (1_800, 120, 0, true),
            (1_800, 120, 1_679, true),
            (1_800, 120, 1_680, false),
            (60, 120, 29, true), // half of a short life at least
            (60, 120, 30, false),
            (0, 120, 0, false),
        ];
        for (life, ahead, age, fresh) in cases {
            let at = now().as_millisecond() + age * 1_000;
            assert_eq!(set(life).is_fresh(at, ahead), fresh, "{life} {ahead} {age}");
        }
    }

    #[test]
    fn sets_are_kept_and_read_back() {
        let set = set(10);
        assert!(TokenSet::from_secret(&set.to_secret().unwrap()).unwrap() == set);
        let old = r#"{"version":1,"client":"c","access":"a","obtained_at":1,"expires_at":2}"#;
        let old = TokenSet::from_secret(&Secret::new(old)).unwrap();
        assert_eq!((old.client.as_str(), old.refresh), ("c", None));
        for damaged in [
            "",
            "{}",
            r#"{"version":2,"client":"c","access":"a","obtained_at":1,"expires_at":2}"#,
        ] {
            assert!(
                TokenSet::from_secret(&Secret::new(damaged)).is_none(),
                "{damaged}"
            );
        }
    }
}
