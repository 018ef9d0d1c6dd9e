//! A call that the engine is asked to make.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

/// Everything but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Encodes text for a path segment or a query value of a URL.
pub fn percent_encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// One HTTP call. The engine adds credentials, retries, waits and limits.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    pub(crate) method: &'static str,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) auth: String,
    pub(crate) bucket: String,
    pub(crate) timeout_ms: u32,
    pub(crate) max_body: u32,
    pub(crate) covers: Vec<u32>,
    pub(crate) safe_to_repeat: bool,
    /// A body that could not be written as JSON; reported when the request is awaited.
    pub(crate) broken: Option<String>,
}

impl Request {
    fn new(method: &'static str, url: impl Into<String>) -> Self {
        Self {
            method,
            url: url.into(),
            headers: Vec::new(),
            body: Vec::new(),
            auth: String::new(),
            bucket: String::new(),
            timeout_ms: 0,
            max_body: 0,
            covers: Vec::new(),
            safe_to_repeat: false,
            broken: None,
        }
    }

    /// Reads. Always safe to repeat.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    /// Writes. Not safe to repeat unless [said so](Self::safe_to_repeat).
    pub fn put(url: impl Into<String>) -> Self {
        Self::new("PUT", url)
    }

    /// Writes. Not safe to repeat unless [said so](Self::safe_to_repeat).
    pub fn post(url: impl Into<String>) -> Self {
        Self::new("POST", url)
    }

    /// Writes. Not safe to repeat unless [said so](Self::safe_to_repeat).
    pub fn patch(url: impl Into<String>) -> Self {
        Self::new("PATCH", url)
    }

    /// Takes away. Not safe to repeat unless [said so](Self::safe_to_repeat).
    pub fn delete(url: impl Into<String>) -> Self {
        Self::new("DELETE", url)
    }

    /// Adds pairs to the URL's query, percent-encoded, in the order given.
    pub fn query<K: AsRef<str>, V: AsRef<str>>(
        mut self,
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        for (key, value) in pairs {
            self.url
                .push(if self.url.contains('?') { '&' } else { '?' });
            self.url.extend(utf8_percent_encode(key.as_ref(), RESERVED));
            self.url.push('=');
            self.url
                .extend(utf8_percent_encode(value.as_ref(), RESERVED));
        }
        self
    }

    /// Adds a header. Credentials, pins and idempotency keys are the engine's to set.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets a JSON body and its content type.
    pub fn json<T: Serialize + ?Sized>(mut self, value: &T) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => self.body = body,
            Err(err) => self.broken = Some(err.to_string()),
        }
        self.header("Content-Type", "application/json")
    }

    /// Sets a body of any kind.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Names the manifest's credential slot that the engine applies.
    pub fn auth(mut self, slot: impl Into<String>) -> Self {
        self.auth = slot.into();
        self
    }

    /// Names the manifest's call budget that this counts against, beside the default one.
    pub fn bucket(mut self, budget: impl Into<String>) -> Self {
        self.bucket = budget.into();
        self
    }

    /// Deadline of the call, where the engine's own does not fit.
    pub fn timeout_ms(mut self, millis: u32) -> Self {
        self.timeout_ms = millis;
        self
    }

    /// Longest answer that is read, where the engine's own limit does not fit.
    pub fn max_body(mut self, bytes: u32) -> Self {
        self.max_body = bytes;
        self
    }

    /// Says which documents of the batch, by index, this call writes. Without it a document may be
    /// written twice: the engine makes the intent durable only for calls that cover documents.
    pub fn covers(mut self, indices: impl IntoIterator<Item = u32>) -> Self {
        self.covers = indices.into_iter().collect();
        self
    }

    /// Says that making the call twice has the same effect as making it once.
    pub fn safe_to_repeat(mut self) -> Self {
        self.safe_to_repeat = true;
        self
    }

    /// The method, for tests of the functions that build requests.
    pub fn method(&self) -> &str {
        self.method
    }

    /// The URL, for tests of the functions that build requests.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The body, for tests of the functions that build requests.
    pub fn body_bytes(&self) -> &[u8] {
        &self.body
    }

    /// `GET https://…`, without the query, which may hold what does not belong into a log.
    pub(crate) fn call(&self) -> String {
        let end = self.url.find('?').unwrap_or(self.url.len());
        format!("{} {}", self.method, &self.url[..end])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_percent_encoded() {
        let request = Request::get("https://acme.example/list")
            .query([("where", "at>='2026-01-01' AND a=b&c"), ("page", "1")]);
        assert_eq!(
            request.url(),
            "https://acme.example/list?where=at%3E%3D%272026-01-01%27%20AND%20a%3Db%26c&page=1"
        );
        assert_eq!(
            request.query([("x", "é")]).url().rsplit('&').next(),
            Some("x=%C3%A9")
        );
    }

    #[test]
    fn messages_leave_the_query_out() {
        assert_eq!(
            Request::get("https://a.example/b?c=d").call(),
            "GET https://a.example/b"
        );
    }
}
