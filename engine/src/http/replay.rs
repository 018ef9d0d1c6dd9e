//! Replay: a transport that answers from a recording.
//!
//! Calls are matched by method and URL, and by body where one was recorded; equal calls are answered
//! in the order in which they were recorded. Token endpoints are not in recordings, so a token
//! request is answered with a made-up token.

use std::{
    path::Path,
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use ledgerline_plugin_api::recording::{Exchange, Recording, RecordingError};
use url::Url;

use super::transport::{RawAnswer, RawRequest, Transport, TransportError, without_query};

/// Answers from a recording, each exchange once.
pub struct ReplayTransport {
    left: Mutex<Vec<Exchange>>,
}

/// Why a recording cannot be replayed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The file cannot be read.
    #[error("recording {path}: {why}")]
    File {
        /// The file.
        path: String,
        /// Why.
        why: std::io::Error,
    },
    /// It is not a recording.
    #[error("recording {path}")]
    Format {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: RecordingError,
    },
}

impl ReplayTransport {
    /// Replays a recording.
    pub fn new(recording: Recording) -> Self {
        Self {
            left: Mutex::new(recording.exchanges),
        }
    }

    /// Replays a file.
    pub fn open(path: &Path) -> Result<Self, ReplayError> {
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|why| ReplayError::File {
            path: shown.clone(),
            why,
        })?;
        let recording = Recording::parse(&text).map_err(|source| ReplayError::Format {
            path: shown,
            source,
        })?;
        Ok(Self::new(recording))
    }

    /// Recorded calls that nobody made.
    pub fn unused(&self) -> usize {
        self.left
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    fn take(&self, request: &RawRequest) -> Option<Exchange> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let at = left.iter().position(|it| matches(it, request))?;
        Some(left.remove(at))
    }
}

fn matches(exchange: &Exchange, request: &RawRequest) -> bool {
    let recorded = &exchange.request;
    recorded.method == request.method
        && Url::parse(&recorded.url).is_ok_and(|url| url == request.url)
        && recorded
            .body
            .as_ref()
            .is_none_or(|body| body.bytes().is_ok_and(|bytes| bytes == request.body))
}

fn asks_for_a_token(request: &RawRequest) -> bool {
    request.method == "POST"
        && url::form_urlencoded::parse(&request.body).any(|(name, _)| name == "grant_type")
}

#[async_trait::async_trait]
impl Transport for ReplayTransport {
    async fn exchange(&self, request: RawRequest) -> Result<RawAnswer, TransportError> {
        let Some(exchange) = self.take(&request) else {
            if asks_for_a_token(&request) {
                let body =
                    r#"{"access_token":"replayed","refresh_token":"replayed","expires_in":1800}"#;
                return Ok(RawAnswer {
                    status: 200,
                    headers: Vec::new(),
                    body: Bytes::from_static(body.as_bytes()),
                });
            }
            return Err(TransportError::before(format!(
                "the recording has no answer left to {} {}",
                request.method,
                without_query(&request.url)
            )));
        };
        let Some(response) = exchange.response else {
            let why = exchange.failure.map_or_else(String::new, |it| it.message);
            return Err(TransportError::after(why));
        };
        let body = response.body.as_ref().map(|it| it.bytes()).transpose();
        let body = body.map_err(|error| TransportError::before(error.to_string()))?;
        Ok(RawAnswer {
            status: response.status,
            headers: response.headers.into_iter().collect(),
            body: Bytes::from(body.unwrap_or_default()),
        })
    }

    fn gives_ends(&self) -> bool {
        true
    }
}
