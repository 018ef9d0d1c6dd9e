//! Calls and answers on file: what the engine records, what tests replay.
//!
//! ```json
//! {
//!   "version": 1,
//!   "exchanges": [
//!     {
//!       "request": { "method": "GET", "url": "https://api.acme.example/invoices?page=1", "auth": "api" },
//!       "response": { "status": 200, "headers": { "Content-Type": "application/json" }, "body": { "json": [] } }
//!     }
//!   ]
//! }
//! ```
//!
//! Requests are recorded as the connector made them, before the engine adds credentials, so there
//! is no secret in a recording unless the vendor sends one in an answer. Bodies stand as JSON where
//! they are JSON, text for text and number for number, so that they can be read, searched and edited.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Version of the file format that is written.
pub const VERSION: u32 = 1;

/// Calls and answers, in the order in which the calls were made.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Recording {
    /// [`VERSION`].
    pub version: u32,
    /// The calls.
    pub exchanges: Vec<Exchange>,
}

/// One call and what came of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Exchange {
    /// As the connector made it.
    pub request: RecordedRequest,
    /// The answer, whatever its status. Either this or `failure` is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<RecordedResponse>,
    /// Why there was no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<RecordedFailure>,
}

/// A call.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RecordedRequest {
    /// `GET`, `PUT`, …
    pub method: String,
    /// Absolute URL.
    pub url: String,
    /// Credential slot; empty when the call needs none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub auth: String,
    /// Body. Absent: there was none, or it does not matter to a replay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
}

/// An answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RecordedResponse {
    /// HTTP status.
    pub status: u16,
    /// Headers worth keeping; those that set cookies never are.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Body; absent when empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
}

/// A call that got no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RecordedFailure {
    /// Number of the [`Status`](crate::abi::Status) that the connector was given.
    pub status: i32,
    /// Why.
    pub message: String,
}

/// A body, in the most readable form that keeps every byte.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Body {
    /// JSON, as it was written.
    Json(Box<RawValue>),
    /// Other text.
    Text(String),
    /// Anything else, in base64.
    Base64(String),
}

/// A recording that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordingError {
    /// It does not have the format.
    #[error("not a recording: {0}")]
    Format(#[from] serde_json::Error),
    /// It was written by something newer.
    #[error("recording of version {found}; this side reads up to {VERSION}")]
    Version {
        /// Its version.
        found: u32,
    },
    /// A body's base64 is damaged.
    #[error("a recorded body is not base64: {0}")]
    Base64(#[from] base64::DecodeError),
}

impl Default for Recording {
    fn default() -> Self {
        Self {
            version: VERSION,
            exchanges: Vec::new(),
        }
    }
}

impl Recording {
    /// Reads a recording.
    pub fn parse(text: &str) -> Result<Self, RecordingError> {
        let recording: Self = serde_json::from_str(text)?;
        if recording.version > VERSION {
            return Err(RecordingError::Version {
                found: recording.version,
            });
        }
        for exchange in &recording.exchanges {
            exchange
                .request
                .body
                .as_ref()
                .map(Body::bytes)
                .transpose()?;
            exchange
                .response
                .as_ref()
                .and_then(|it| it.body.as_ref())
                .map(Body::bytes)
                .transpose()?;
        }
        Ok(recording)
    }

    /// The file's text.
    pub fn to_text(&self) -> Result<String, RecordingError> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}

impl Body {
    /// The most readable form of these bytes; `None` when there are none.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() {
            return None;
        }
        let Ok(text) = std::str::from_utf8(bytes) else {
            return Some(Self::Base64(STANDARD.encode(bytes)));
        };
        Some(match RawValue::from_string(text.to_owned()) {
            // A raw value leaves out the space around it, which the bytes may have.
            Ok(json) if json.get().len() == text.len() => Self::Json(json),
            _ => Self::Text(text.to_owned()),
        })
    }

    /// The bytes.
    pub fn bytes(&self) -> Result<Vec<u8>, RecordingError> {
        Ok(match self {
            Self::Json(json) => json.get().as_bytes().to_vec(),
            Self::Text(text) => text.as_bytes().to_vec(),
            Self::Base64(text) => STANDARD.decode(text)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_keep_every_byte() {
        let cases: &[&[u8]] = &[br#"{"a": 1.10}"#, b" {}\n", b"<html>", b"\xff\x00", b"null"];
        for bytes in cases {
            let body = Body::new(bytes).unwrap();
            let text = serde_json::to_string(&body).unwrap();
            let read: Body = serde_json::from_str(&text).unwrap();
            assert_eq!(&read.bytes().unwrap(), bytes, "{text}");
        }
        assert!(Body::new(b"").is_none());
    }

    #[test]
    fn recordings_come_back_as_they_were_written() {
        let text = include_str!("../tests/fixtures/recording-v1.json");
        let recording = Recording::parse(text).unwrap();
        let again = Recording::parse(&recording.to_text().unwrap()).unwrap();
        assert_eq!(again.to_text().unwrap(), recording.to_text().unwrap());
        assert_eq!(recording.exchanges.len(), 3);
    }

    #[test]
    fn damaged_recordings_say_what_is_wrong() {
        let cases = [
            ("[]", "not a recording"),
            (
                r#"{"version": 2, "exchanges": []}"#,
                "recording of version 2",
            ),
            (
                r#"{"version":1,"exchanges":[{"request":{"method":"GET","url":"x","body":{"base64":"!"}}}]}"#,
                "a recorded body is not base64",
            ),
        ];
        for (text, expected) in cases {
            let error = Recording::parse(text).expect_err(text).to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
