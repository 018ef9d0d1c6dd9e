//! A call and its answer as plain values.
//!
//! The vendors' servers are functions from [`Request`] to [`Reply`]. What happens on the wire
//! (sockets, or nothing at all in one process) is somebody else's business, so a reply also says
//! how it is to be delivered: whole, cut short, or not at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;

/// One HTTP call as a vendor's server sees it.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Upper-case method.
    pub method: String,
    /// Path without the query, still percent-encoded.
    pub path: String,
    /// Query without the question mark, still percent-encoded.
    pub query: String,
    /// Headers in the order in which they came.
    pub headers: Vec<(String, String)>,
    /// Body as sent.
    pub body: Bytes,
}

impl Request {
    /// A call without headers or body; `target` is a path with an optional query.
    pub fn new(method: &str, target: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Self {
            method: method.to_ascii_uppercase(),
            path: path.to_owned(),
            query: query.to_owned(),
            ..Self::default()
        }
    }

    /// The same call with one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same call with this body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// The first header of this name, whatever its case.
    pub fn header_value(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(held, _)| held.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The first query parameter of this name, whatever its case, decoded.
    pub fn query_value(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(self.query.as_bytes())
            .find(|(held, _)| held.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.into_owned())
    }

    /// The first field of this name of a form body, decoded.
    pub fn form_value(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(&self.body)
            .find(|(held, _)| held == name)
            .map(|(_, value)| value.into_owned())
    }

    /// Every field of this name of a form body, decoded.
    pub fn form_values(&self, name: &str) -> Vec<String> {
        url::form_urlencoded::parse(&self.body)
            .filter(|(held, _)| held == name)
            .map(|(_, value)| value.into_owned())
            .collect()
    }

    /// Path and query as they would stand in a request line.
    pub fn target(&self) -> String {
        if self.query.is_empty() {
            self.path.clone()
        } else {
            format!("{}?{}", self.path, self.query)
        }
    }

    /// Whether the call may change what the vendor holds.
    pub fn writes(&self) -> bool {
        !matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS")
    }

    /// User name and password of HTTP Basic authentication.
    pub(crate) fn basic(&self) -> Option<(String, String)> {
        use base64::Engine as _;
        let value = self.header_value("authorization")?;
        let (scheme, coded) = value.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(coded.trim())
            .ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let (user, password) = text.split_once(':')?;
        Some((user.to_owned(), password.to_owned()))
    }
}

/// How an answer reaches the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Delivery {
    /// As it stands.
    #[default]
    Whole,
    /// The connection ends before the call was looked at. Nothing has happened.
    Reset,
    /// The call was carried out, then the connection ends without an answer.
    Lost,
    /// The headers announce the whole body, but the connection ends after this many bytes of it.
    Truncated(usize),
}

/// A vendor's answer.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers, without those that the wire adds by itself.
    pub headers: Vec<(String, String)>,
    /// Body, whole even where only a part of it is delivered.
    pub body: Bytes,
    /// How long the caller waits before anything arrives.
    pub delay: Duration,
    /// What arrives.
    pub delivery: Delivery,
    /// Keeps the call counted as under way until the reply is dropped.
    pub(crate) slot: Option<Slot>,
}

impl Reply {
    /// An answer without body.
    pub fn status(status: u16) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }

    /// An answer with a body of this media type.
    pub fn with(status: u16, media_type: &str, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: vec![("Content-Type".to_owned(), media_type.to_owned())],
            body: body.into(),
            ..Self::default()
        }
    }

    /// A JSON answer.
    pub fn json(status: u16, body: impl Into<Bytes>) -> Self {
        Self::with(status, "application/json; charset=utf-8", body)
    }

    /// A plain text answer.
    pub fn text(status: u16, body: &str) -> Self {
        Self::with(status, "text/plain; charset=utf-8", body.to_owned())
    }

    /// A web page.
    pub fn html(status: u16, body: String) -> Self {
        Self::with(status, "text/html; charset=utf-8", body)
    }

    /// The same answer with one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The first header of this name, whatever its case.
    pub fn header_value(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(held, _)| held.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The body as text, with unreadable bytes replaced.
    pub fn body_text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// One call under way against a limit on concurrent calls.
#[derive(Debug)]
pub(crate) struct Slot(Arc<AtomicUsize>);

impl Slot {
    pub(crate) fn take(under_way: &Arc<AtomicUsize>) -> Self {
        under_way.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(under_way))
    }
}

impl Clone for Slot {
    fn clone(&self) -> Self {
        Self::take(&self.0)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_splits_into_path_and_query() {
        let request = Request::new("put", "/a/b?x=1%2B2&Y=z");
        assert_eq!(request.method, "PUT");
        assert_eq!(request.path, "/a/b");
        assert_eq!(request.query_value("X").as_deref(), Some("1+2"));
        assert_eq!(request.query_value("y").as_deref(), Some("z"));
        assert_eq!(request.target(), "/a/b?x=1%2B2&Y=z");
    }

    #[test]
    fn a_slot_is_free_again_when_the_reply_is_gone() {
        let under_way = Arc::new(AtomicUsize::new(0));
        let reply = Reply {
            slot: Some(Slot::take(&under_way)),
            ..Reply::status(200)
        };
        let copy = reply.clone();
        assert_eq!(under_way.load(Ordering::SeqCst), 2);
        drop((reply, copy));
        assert_eq!(under_way.load(Ordering::SeqCst), 0);
    }
}
