//! The answer to a call.

use serde::Deserialize;

use super::{Error, Result};

/// Longest excerpt of a body in a message, in characters.
const EXCERPT: usize = 300;

/// A complete HTTP answer, whatever its status.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Header lines as they came.
    pub headers: Vec<(String, String)>,
    /// Body, decompressed.
    pub body: Vec<u8>,
    /// `GET https://…`, without the query, for messages.
    pub(crate) call: String,
}

impl Response {
    /// An answer made by hand, for tests of the functions that read answers.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            body: body.into(),
            ..Self::default()
        }
    }

    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The answer itself when its status is 2xx, else [`Error::from_response`].
    pub fn success(self) -> Result<Self> {
        if self.is_success() {
            Ok(self)
        } else {
            Err(Error::from_response(&self))
        }
    }

    /// First value of a header, by name in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(it, _)| it.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The body as JSON. `T` may borrow from the body: use `&RawValue` for documents, so that no
    /// decimal is rounded and no unknown field is lost.
    pub fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|err| {
            let excerpt = self.excerpt();
            let got = if excerpt.is_empty() {
                "an empty body".to_owned()
            } else {
                excerpt
            };
            Error::protocol(format!(
                "{} answered {} with something else than the JSON expected ({err}): {got}",
                self.call(),
                self.status
            ))
        })
    }

    /// The body as text, with invalid UTF-8 replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The beginning of the body on one line, for messages.
    pub fn excerpt(&self) -> String {
        // Four bytes a character at most; whatever is cut in the middle is cut again below.
        let head = &self.body[..self.body.len().min(EXCERPT * 8)];
        let text = String::from_utf8_lossy(head);
        let mut line = String::new();
        for word in text.split_whitespace() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        match line.char_indices().nth(EXCERPT) {
            Some((cut, _)) => format!("{}…", &line[..cut]),
            None => line,
        }
    }

    /// The call that was answered, for messages.
    pub fn call(&self) -> &str {
        if self.call.is_empty() {
            "the call"
        } else {
            &self.call
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::Status;

    #[test]
    fn headers_are_found_in_any_case() {
        let mut response = Response::new(200, "");
        response.headers = vec![("Retry-After".into(), "7".into())];
        assert_eq!(response.header("retry-after"), Some("7"));
        assert_eq!(response.header("etag"), None);
    }

    #[test]
    fn excerpts_are_one_short_line() {
        assert_eq!(Response::new(200, "a\n  b\t c").excerpt(), "a b c");
        let long = Response::new(200, "é".repeat(1000)).excerpt();
        assert_eq!(long.chars().count(), EXCERPT + 1);
        assert_eq!(
            Response::new(200, b"\xff\xfe".to_vec()).excerpt(),
            "\u{fffd}\u{fffd}"
        );
    }

    #[test]
    fn wrong_json_names_the_call_and_shows_the_body() {
        let mut response = Response::new(200, "<html>");
        response.call = "GET https://acme.example/a".into();
        let error = response.json::<Vec<u8>>().expect_err("not JSON");
        assert_eq!(error.status, Status::PROTOCOL);
        assert!(
            error
                .message
                .starts_with("GET https://acme.example/a answered 200"),
            "{error}"
        );
        assert!(error.message.ends_with(": <html>"), "{error}");
    }
}
