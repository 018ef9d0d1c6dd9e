//! Takes known secrets out of text that leaves the client.
//!
//! Nothing should put a secret into an error, a call row or a recording in the first place. This is
//! the second line of defence, for what the client does not write itself: a vendor that echoes a
//! token in an answer, an error text of a library.

use std::{
    borrow::Cow,
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use base64::Engine as _;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

use super::Secret;

/// Secrets shorter than this are not looked for: they would take ordinary text apart.
const SHORTEST: usize = 4;
/// Forms kept. Access tokens come and go; the oldest are dead by the time they are forgotten.
const KEPT: usize = 512;
/// What stands in a secret's place.
const MARK: &str = "[secret]";

/// Knows the secrets that are in use, shared by everything that reports.
#[derive(Clone, Default)]
pub struct Scrubber {
    forms: Arc<Mutex<VecDeque<Zeroizing<String>>>>,
}

impl std::fmt::Debug for Scrubber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scrubber(…)")
    }
}

impl Scrubber {
    /// Learns a secret, in the forms in which it may turn up: as it is, percent-encoded, inside
    /// JSON text, in base64.
    pub fn learn(&self, secret: &Secret) {
        let text = secret.reveal();
        if text.len() < SHORTEST {
            return;
        }
        let percent = utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let form: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
        let quoted = serde_json::Value::from(text).to_string();
        let json = quoted
            .get(1..quoted.len().saturating_sub(1))
            .unwrap_or_default()
            .to_owned();
        let base64 = base64::engine::general_purpose::STANDARD.encode(text);
        let mut forms = self.forms.lock().unwrap_or_else(PoisonError::into_inner);
        for new in [text.to_owned(), percent, form, json, base64] {
            if !forms.iter().any(|held| **held == new) {
                forms.push_back(Zeroizing::new(new));
            }
        }
        while forms.len() > KEPT {
            forms.pop_front();
        }
        // The longest first, so that no part of a secret is replaced before the whole of it is.
        forms
            .make_contiguous()
            .sort_by_key(|it| std::cmp::Reverse(it.len()));
    }

    /// The text without any secret that is known.
    pub fn scrub<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let forms = self.forms.lock().unwrap_or_else(PoisonError::into_inner);
        let mut clean = Cow::Borrowed(text);
        for form in forms.iter() {
            if clean.contains(form.as_str()) {
                clean = Cow::Owned(clean.replace(form.as_str(), MARK));
            }
        }
        clean
    }

    /// Bytes without any secret that is known. Bytes that are not text are left as they are.
    pub fn scrub_bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        match std::str::from_utf8(bytes) {
            Ok(text) => match self.scrub(text) {
                Cow::Borrowed(_) => Cow::Borrowed(bytes),
                Cow::Owned(clean) => Cow::Owned(clean.into_bytes()),
            },
            Err(_) => Cow::Borrowed(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_secret_is_taken_out() {
        let scrubber = Scrubber::default();
        scrubber.learn(&Secret::new("p@ss \"word\"/+"));
        scrubber.learn(&Secret::new("ab"));
        let cases = [
            ("plain p@ss \"word\"/+ text", "plain [secret] text"),
            ("?k=p%40ss%20%22word%22%2F%2B&x=1", "?k=[secret]&x=1"),
            ("?k=p%40ss+%22word%22%2F%2B&x=1", "?k=[secret]&x=1"),
            (r#"{"k":"p@ss \"word\"/+"}"#, r#"{"k":"[secret]"}"#),
            ("Basic cEBzcyAid29yZCIvKw==", "Basic [secret]"),
            ("absent, about", "absent, about"),
        ];
        for (text, expected) in cases {
            assert_eq!(scrubber.scrub(text), expected, "{text}");
            assert_eq!(
                &*scrubber.scrub_bytes(text.as_bytes()),
                expected.as_bytes(),
                "{text}"
            );
        }
        assert_eq!(&*scrubber.scrub_bytes(b"\xff\xfe"), b"\xff\xfe");
    }

    #[test]
    fn a_secret_inside_a_longer_one_does_not_leave_a_rest() {
        let scrubber = Scrubber::default();
        scrubber.learn(&Secret::new("user"));
        scrubber.learn(&Secret::new("user:password"));
        assert_eq!(scrubber.scrub("user:password"), "[secret]");
    }
}
