//! Takes known secrets out of text that leaves the client, and out of answers before a connector
//! sees them.
//!
//! Nothing should put a secret into an error, a call row or a recording in the first place. This is
//! the second line of defence, for what the client does not write itself: a vendor that echoes a
//! token in an answer, an error text of a library.
//!
//! Forms are found by their first bytes, so that learning one costs the same however many there are:
//! an engine of thousands of connections learns each of their credentials.

use std::{
    borrow::Cow,
    collections::{HashMap, VecDeque},
    sync::{Arc, PoisonError, RwLock},
};

use zeroize::Zeroizing;

use super::{Secret, forms};

/// Secrets shorter than this are not looked for: they would take ordinary text apart.
const SHORTEST: usize = 4;
/// Forms shorter than this are left in what a connector is given: it has to do with amounts and ids.
const SHORTEST_IN_ANSWERS: usize = 8;
/// Passing secrets of one owner: two of a token set, of the newest few sets.
const PASSING: usize = 8;
/// A form of a configured secret, held for good.
const FOR_GOOD: u32 = u32::MAX;
/// What stands in a secret's place.
const MARK: &str = "[secret]";

/// Knows the secrets that are in use, shared by everything that reports.
#[derive(Clone, Default)]
pub struct Scrubber {
    known: Arc<RwLock<Known>>,
}

impl std::fmt::Debug for Scrubber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scrubber(…)")
    }
}

type Head = [u8; SHORTEST];

#[derive(Default)]
struct Known {
    /// By their first bytes; the longest first, so that no part of a secret is replaced before the
    /// whole of it is.
    forms: HashMap<Head, Vec<Form>>,
    /// A bit for each head, so that most bytes of a text cost one look.
    heads: Filter,
    /// Those that come and go, by who has them; the oldest first.
    passing: HashMap<String, VecDeque<Secret>>,
}

struct Form {
    text: Zeroizing<String>,
    /// Passing secrets that have it, or [`FOR_GOOD`].
    held: u32,
}

impl Scrubber {
    /// Learns a secret for good, in the forms in which it may turn up.
    pub fn learn(&self, secret: &Secret) {
        if secret.reveal().len() < SHORTEST || self.knows(secret) {
            return;
        }
        self.change(|known| known.add(secret, |_| FOR_GOOD));
    }

    /// Learns a secret that will be followed by others of the same owner: of these, the newest few are
    /// known. What is configured is never forgotten for them.
    pub fn learn_passing(&self, owner: &str, secret: &Secret) {
        if secret.reveal().len() < SHORTEST {
            return;
        }
        self.change(|known| {
            let list = known.passing.entry(owner.to_owned()).or_default();
            if list.contains(secret) {
                return;
            }
            list.push_back(secret.clone());
            let old = (list.len() > PASSING).then(|| list.pop_front()).flatten();
            known.add(secret, |held| held.saturating_add(1));
            if let Some(old) = old {
                known.remove(&old);
            }
        });
    }

    /// The text without any secret that is known.
    pub fn scrub<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.replaced(text.as_bytes(), SHORTEST) {
            None => Cow::Borrowed(text),
            // Whole texts were replaced by a whole text, so this is one, too.
            Some(clean) => Cow::Owned(String::from_utf8_lossy(&clean).into_owned()),
        }
    }

    /// Bytes without any secret that is known, whether they are text or not.
    pub fn scrub_bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        match self.replaced(bytes, SHORTEST) {
            None => Cow::Borrowed(bytes),
            Some(clean) => Cow::Owned(clean),
        }
    }

    /// A part of an answer without any secret that is known; `None` when there is none in it.
    pub(in crate::http) fn scrub_answer(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        self.replaced(bytes, SHORTEST_IN_ANSWERS)
    }

    fn knows(&self, secret: &Secret) -> bool {
        let text = secret.reveal().as_bytes();
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let list = head(text).and_then(|it| known.forms.get(&it));
        list.is_some_and(|list| {
            list.iter()
                .any(|it| it.text.as_bytes() == text && it.held == FOR_GOOD)
        })
    }

    fn change(&self, change: impl FnOnce(&mut Known)) {
        change(&mut self.known.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// `None` when nothing is to be replaced.
    fn replaced(&self, bytes: &[u8], shortest: usize) -> Option<Vec<u8>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut clean = None::<Vec<u8>>;
        let (mut at, mut copied) = (0, 0);
        while let Some(rest) = bytes.get(at..).filter(|it| it.len() >= SHORTEST) {
            let Some(length) = known.at(rest, shortest) else {
                at += 1;
                continue;
            };
            let clean = clean.get_or_insert_with(|| Vec::with_capacity(bytes.len()));
            clean.extend_from_slice(&bytes[copied..at]);
            clean.extend_from_slice(MARK.as_bytes());
            at += length;
            copied = at;
        }
        clean.map(|mut it| {
            it.extend_from_slice(&bytes[copied..]);
            it
        })
    }
}

impl Known {
    fn add(&mut self, secret: &Secret, held: impl Fn(u32) -> u32) {
        for text in forms::all(secret.reveal()) {
            let Some(head) = head(text.as_bytes()) else {
                continue;
            };
            self.heads.set(head);
            let list = self.forms.entry(head).or_default();
            match list.iter_mut().find(|it| *it.text == *text) {
                Some(it) => it.held = held(it.held),
                None => {
                    let place = list.partition_point(|it| it.text.len() >= text.len());
                    let held = held(0);
                    list.insert(place, Form { text, held });
                }
            }
        }
    }

    fn remove(&mut self, secret: &Secret) {
        for text in forms::all(secret.reveal()) {
            let Some(head) = head(text.as_bytes()) else {
                continue;
            };
            let Some(list) = self.forms.get_mut(&head) else {
                continue;
            };
            list.retain_mut(|it| {
                if *it.text == *text && it.held != FOR_GOOD {
                    it.held = it.held.saturating_sub(1);
                }
                it.held > 0
            });
            if list.is_empty() {
                // Its bit stays: it costs a look, no more.
                self.forms.remove(&head);
            }
        }
    }

    /// Length of the longest form that the bytes begin with.
    fn at(&self, bytes: &[u8], shortest: usize) -> Option<usize> {
        let head = head(bytes).filter(|it| self.heads.may_have(*it))?;
        let list = self.forms.get(&head)?;
        let fits = |it: &&Form| it.text.len() >= shortest && bytes.starts_with(it.text.as_bytes());
        list.iter().find(fits).map(|it| it.text.len())
    }
}

fn head(bytes: &[u8]) -> Option<Head> {
    bytes.first_chunk().copied()
}

/// Says of most heads, quickly, that nothing begins so.
struct Filter(Vec<u64>);

impl Default for Filter {
    fn default() -> Self {
        Self(vec![0; 1 << 10])
    }
}

impl Filter {
    fn set(&mut self, head: Head) {
        let (word, bit) = Self::place(head);
        self.0[word] |= bit;
    }

    fn may_have(&self, head: Head) -> bool {
        let (word, bit) = Self::place(head);
        self.0[word] & bit != 0
    }

    /// 16 bits of a product that mixes all of the head.
    fn place(head: Head) -> (usize, u64) {
        let mixed = u32::from_le_bytes(head).wrapping_mul(0x9e37_79b1) >> 16;
        ((mixed >> 6) as usize, 1 << (mixed & 63))
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
            ("?k=p%40ss%20%22word%22%2f%2b&x=1", "?k=[secret]&x=1"),
            ("?k=p%40ss+%22word%22%2F%2B&x=1", "?k=[secret]&x=1"),
            (r#"{"k":"p@ss \"word\"/+"}"#, r#"{"k":"[secret]"}"#),
            (r#"{"k":"p@ss \"word\"\/+"}"#, r#"{"k":"[secret]"}"#),
            (
                r#"{"k":"p@ss \u0022word\u0022/\u002B"}"#,
                r#"{"k":"[secret]"}"#,
            ),
            ("<b>p@ss &quot;word&quot;/+</b>", "<b>[secret]</b>"),
            ("<b>p@ss &#34;word&#34;/&#43;</b>", "<b>[secret]</b>"),
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

    /// Pages in other encodings than UTF-8 used to be left as they were.
    #[test]
    fn a_page_that_is_not_utf_8_is_cleaned_too() {
        let scrubber = Scrubber::default();
        scrubber.learn(&Secret::new("canary-key"));
        let page = b"caf\xe9 canary-key caf\xe9";
        assert_eq!(&*scrubber.scrub_bytes(page), b"caf\xe9 [secret] caf\xe9");
    }

    /// The list was bounded, and of all secrets the longest, the newest tokens, were forgotten first.
    #[test]
    fn nothing_in_use_is_forgotten_however_many_secrets_there_are() {
        let scrubber = Scrubber::default();
        let key = |n: usize| Secret::new(format!("canary/key+{n:05}"));
        (0..2_000).for_each(|n| scrubber.learn(&key(n)));
        let token = |n: usize| Secret::new(format!("canary-token-{n:05}-{}", "x".repeat(900)));
        for n in 0..500 {
            scrubber.learn_passing("app", &token(n));
            // As when a credential is read again.
            scrubber.learn(&key(n));
        }
        scrubber.learn_passing("other", &token(0));
        for n in [0, 1, 511, 512, 1_999] {
            assert_eq!(scrubber.scrub(key(n).reveal()), MARK, "{n}");
        }
        for (n, known) in [
            (499, true),
            (493, true),
            (492, true),
            (491, false),
            (0, true),
        ] {
            let scrubbed = scrubber.scrub(token(n).reveal()) == MARK;
            assert_eq!(scrubbed, known, "token {n}");
        }
    }

    #[test]
    fn what_is_configured_stays_known_when_it_was_also_passing() {
        let scrubber = Scrubber::default();
        let both = Secret::new("canary-both");
        scrubber.learn_passing("app", &both);
        scrubber.learn(&both);
        for n in 0..20 {
            scrubber.learn_passing("app", &Secret::new(format!("canary-{n}")));
        }
        assert_eq!(scrubber.scrub("canary-both"), MARK);
    }
}
