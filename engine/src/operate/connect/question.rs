//! A question for consent that waits for its answer.
//!
//! It is kept, sealed, before anybody is asked. So an answer that comes back to nobody (the command
//! was killed, the window stayed open over lunch) can still be taken: by reloading the window while
//! a new `connect` listens, or by pasting its address.

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use url::{Url, form_urlencoded};

use crate::http::secrets::Secret;

/// How long the same question is asked again, in milliseconds. After that it is a new one.
const STANDS_FOR: i64 = 30 * 60 * 1_000;

/// The question, and its answer once there is one.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Question {
    /// Client that asks.
    pub(super) client: String,
    pub(super) redirect: Url,
    pub(super) state: Secret,
    pub(super) verifier: Secret,
    pub(super) asked_at: i64,
    pub(super) code: Option<Code>,
}

/// A code that came back.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Code {
    pub(super) code: Secret,
    pub(super) at: i64,
}

/// [`Question`] as it is kept. Fields may be added; old ones stay readable.
#[derive(Serialize, Deserialize)]
struct Kept {
    version: u32,
    client: String,
    redirect: String,
    state: String,
    verifier: String,
    asked_at: i64,
    #[serde(default)]
    code: Option<(String, i64)>,
}

impl Question {
    /// Name under which the question of a connection is kept.
    pub(super) fn name(connection: &str) -> String {
        format!("connect/{connection}")
    }

    /// Text to be sealed.
    pub(super) fn to_secret(&self) -> Result<Secret, serde_json::Error> {
        let code = self.code.as_ref();
        serde_json::to_string(&Kept {
            version: 1,
            client: self.client.clone(),
            redirect: self.redirect.to_string(),
            state: self.state.reveal().to_owned(),
            verifier: self.verifier.reveal().to_owned(),
            asked_at: self.asked_at,
            code: code.map(|it| (it.code.reveal().to_owned(), it.at)),
        })
        .map(Secret::new)
    }

    /// Reads it back. What cannot be read is no question any more: a new one is asked.
    pub(super) fn from_secret(secret: &Secret) -> Option<Self> {
        let kept: Kept = serde_json::from_str(secret.reveal()).ok()?;
        (kept.version == 1).then_some(())?;
        Some(Self {
            client: kept.client,
            redirect: kept.redirect.parse().ok()?,
            state: Secret::new(kept.state),
            verifier: Secret::new(kept.verifier),
            asked_at: kept.asked_at,
            code: kept.code.map(|(code, at)| Code {
                code: Secret::new(code),
                at,
            }),
        })
    }

    /// Whether it may be put once more as it is.
    pub(super) fn still_stands(&self, client: &str, redirect: &Url, now: i64) -> bool {
        let age = now.saturating_sub(self.asked_at);
        self.client == client && self.redirect == *redirect && (0..STANDS_FOR).contains(&age)
    }

    /// What the address says that a browser was sent back to.
    pub(super) fn read(&self, address: &str) -> Reading {
        let address = address.trim();
        let query = address.split_once('?').map_or(address, |(_, query)| query);
        let query = query.split('#').next().unwrap_or_default();
        let field = |name: &str| {
            form_urlencoded::parse(query.as_bytes())
                .find(|(held, _)| held == name)
                .map(|(_, value)| value.into_owned())
                .filter(|it| !it.is_empty())
        };
        let Some(state) = field("state") else {
            return Reading::NoAnswer;
        };
        // How far a guess is right must not show in how long the refusal takes.
        let same: bool = state
            .as_bytes()
            .ct_eq(self.state.reveal().as_bytes())
            .into();
        if !same {
            return Reading::OtherState;
        }
        match (field("error"), field("code")) {
            (Some(error), _) => Reading::Refused {
                error: plain(&error),
                description: field("error_description").map(|it| plain(&it)),
            },
            (None, Some(code)) => Reading::Code(Secret::new(code)),
            (None, None) => Reading::NoAnswer,
        }
    }
}

/// What came back.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// A code.
    Code(Secret),
    /// The person or the vendor said no.
    Refused {
        error: String,
        description: Option<String>,
    },
    /// The answer to a question that is not this one.
    OtherState,
    /// Not the answer to any question.
    NoAnswer,
}

/// Text of somebody else for a terminal: short, and without control characters.
fn plain(text: &str) -> String {
    let text = text.chars().filter(|it| !it.is_control());
    text.take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question() -> Question {
        Question {
            client: "client".to_owned(),
            redirect: "http://localhost:8731/callback".parse().unwrap(),
            state: Secret::new("s-1"),
            verifier: Secret::new("v-1"),
            asked_at: 1_000,
            code: None,
        }
    }

    #[test]
    fn a_question_is_kept_whole() {
        let mut question = question();
        for code in [
            None,
            Some(Code {
                code: Secret::new("c"),
                at: 5,
            }),
        ] {
            question.code = code;
            let kept = question.to_secret().unwrap();
            assert!(Question::from_secret(&kept) == Some(question.clone()));
        }
        for unreadable in ["", "{}", r#"{"version":2}"#] {
            assert!(Question::from_secret(&Secret::new(unreadable)).is_none());
        }
    }

    #[test]
    fn the_same_question_stands_for_a_while() {
        let redirect = question().redirect;
        let other: Url = "http://localhost:8732/callback".parse().unwrap();
        let cases = [
            ("client", &redirect, 1_000, true),
            ("client", &redirect, 1_000 + STANDS_FOR - 1, true),
            ("client", &redirect, 1_000 + STANDS_FOR, false),
            // The clock was set back.
            ("client", &redirect, 999, false),
            ("another", &redirect, 1_000, false),
            ("client", &other, 1_000, false),
        ];
        for (client, redirect, now, expected) in cases {
            let stands = question().still_stands(client, redirect, now);
            assert_eq!(stands, expected, "{client} {redirect} {now}");
        }
    }

    #[test]
    fn addresses_are_read_in_every_form_in_which_they_are_pasted() {
        let code = || Reading::Code(Secret::new("c+1"));
        let refused = |error: &str, description: Option<&str>| Reading::Refused {
            error: error.to_owned(),
            description: description.map(str::to_owned),
        };
        let cases = [
            (
                "http://localhost:8731/callback?code=c%2B1&state=s-1",
                code(),
            ),
            ("  https://x.example/?state=s-1&code=c%2B1#_ \n", code()),
            ("/callback?code=c%2B1&state=s-1", code()),
            ("code=c%2B1&scope=a+b&state=s-1", code()),
            ("?code=c%2B1&state=s-2", Reading::OtherState),
            ("?code=c%2B1&state=s-11", Reading::OtherState),
            ("?code=c%2B1", Reading::NoAnswer),
            ("?code=c%2B1&state=", Reading::NoAnswer),
            ("?state=s-1", Reading::NoAnswer),
            ("", Reading::NoAnswer),
            (
                "?error=access_denied&state=s-1",
                refused("access_denied", None),
            ),
            (
                "?error=invalid_scope&error_description=no%1B%5B31m&state=s-1",
                refused("invalid_scope", Some("no[31m")),
            ),
            // A code beside an error is not used.
            (
                "?error=access_denied&code=c&state=s-1",
                refused("access_denied", None),
            ),
            ("?error=access_denied&state=s-2", Reading::OtherState),
        ];
        for (address, expected) in cases {
            assert_eq!(question().read(address), expected, "{address}");
        }
    }
}
