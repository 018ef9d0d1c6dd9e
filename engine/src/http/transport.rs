//! The way out: one exchange of raw bytes, with nothing decided yet.
//!
//! Whoever implements [`Transport`] answers one question that everything above depends on: when no
//! complete answer came, had anything left? Only a transport knows, and when it does not know, the
//! answer is "yes".

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use url::Url;

/// Longest answer unless a call asks for another limit.
pub const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// A call as it goes on the wire, credentials included.
#[derive(Clone)]
pub struct RawRequest {
    /// Upper-case method.
    pub method: String,
    /// Absolute URL.
    pub url: Url,
    /// Headers in the order in which they are sent.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Bytes,
    /// Longest answer in bytes, after decompression.
    pub max_answer: usize,
}

// Header values hold credentials, the query and the body may: none of them is shown.
impl fmt::Debug for RawRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawRequest")
            .field("method", &self.method)
            .field("url", &without_query(&self.url))
            .field(
                "headers",
                &self
                    .headers
                    .iter()
                    .map(|(name, _)| name)
                    .collect::<Vec<_>>(),
            )
            .field("body", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// A complete answer as it came off the wire, decompressed.
#[derive(Clone)]
pub struct RawAnswer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Bytes,
}

impl fmt::Debug for RawAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawAnswer")
            .field("status", &self.status)
            .field("body", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Why there is no complete answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct TransportError {
    /// No byte of the request can have reached the other side.
    pub before_sending: bool,
    /// The same call would end the same way (an answer above the limit).
    pub lasting: bool,
    /// What happened, without URL and without credentials.
    pub why: String,
}

impl TransportError {
    /// Nothing had left: name resolution, connection, TLS.
    pub fn before(why: impl Into<String>) -> Self {
        Self {
            before_sending: true,
            lasting: false,
            why: why.into(),
        }
    }

    /// Something may have left.
    pub fn after(why: impl Into<String>) -> Self {
        Self {
            before_sending: false,
            lasting: false,
            why: why.into(),
        }
    }

    /// The answer is longer than was allowed.
    pub fn too_long(limit: usize) -> Self {
        Self {
            before_sending: false,
            lasting: true,
            why: format!("the answer is longer than {limit} bytes"),
        }
    }
}

/// Makes exchanges. Follows no redirect, repeats nothing, keeps no cookies.
#[async_trait::async_trait]
pub trait Transport: Send + Sync + 'static {
    /// Sends the request and reads the whole answer. Dropping the future gives the exchange up.
    async fn exchange(&self, request: RawRequest) -> Result<RawAnswer, TransportError>;

    /// Whether what it gives is already the end of a call, so that nothing is to be repeated: a
    /// recording holds what became of calls, not each of their tries.
    fn gives_ends(&self) -> bool {
        false
    }
}

#[async_trait::async_trait]
impl<T: Transport + ?Sized> Transport for Arc<T> {
    async fn exchange(&self, request: RawRequest) -> Result<RawAnswer, TransportError> {
        (**self).exchange(request).await
    }

    fn gives_ends(&self) -> bool {
        (**self).gives_ends()
    }
}

/// One exchange with its deadline. A time-out counts as "something left": the connection may have
/// stood for most of that time.
pub(super) async fn exchange_within(
    transport: &dyn Transport,
    request: RawRequest,
    limit: Duration,
) -> Result<RawAnswer, TransportError> {
    let max_answer = request.max_answer;
    let answer = tokio::time::timeout(limit, transport.exchange(request))
        .await
        .unwrap_or_else(|_| Err(TransportError::after(format!("no answer within {limit:?}"))))?;
    if answer.body.len() > max_answer {
        return Err(TransportError::too_long(max_answer));
    }
    Ok(answer)
}

/// A URL as messages show it: queries may hold what is nobody else's business.
pub(super) fn without_query(url: &Url) -> String {
    let mut shown = url.clone();
    shown.set_query(None);
    shown.set_fragment(None);
    shown.to_string()
}
