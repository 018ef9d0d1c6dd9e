//! A recording as answers: each call gets the next answer recorded for its method and URL.

use std::collections::HashMap;
use std::fmt;

use super::session::{Answer, AskedCall};
use crate::abi::Status;
use crate::recording::{Recording, RecordingError};

/// A recording, decoded.
pub(super) struct Tape {
    exchanges: Vec<Played>,
    /// Method and URL → the exchanges, in order.
    by_call: HashMap<(String, String), Vec<usize>>,
}

struct Played {
    auth: String,
    body: Option<Vec<u8>>,
    answer: Answer,
}

/// How far a run has come in a [`Tape`].
#[derive(Debug, Clone, Default)]
pub(super) struct Position {
    taken: HashMap<(String, String), usize>,
}

/// A call that the recording does not have.
#[derive(Clone, PartialEq)]
pub struct Unrecorded(pub(super) String);

impl fmt::Display for Unrecorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
/// As people read it, because `expect` shows this form.
impl fmt::Debug for Unrecorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl std::error::Error for Unrecorded {}

impl Tape {
    pub(super) fn new(recording: &Recording) -> Result<Self, RecordingError> {
        let mut tape = Self {
            exchanges: Vec::new(),
            by_call: HashMap::new(),
        };
        for (at, exchange) in recording.exchanges.iter().enumerate() {
            let request = &exchange.request;
            let answer = match (&exchange.response, &exchange.failure) {
                (Some(response), _) => Answer::Response {
                    status: response.status,
                    headers: response.headers.clone().into_iter().collect(),
                    body: response
                        .body
                        .as_ref()
                        .map(|it| it.bytes())
                        .transpose()?
                        .unwrap_or_default(),
                },
                (None, Some(failure)) => Answer::Failure {
                    status: Status(failure.status),
                    message: failure.message.clone(),
                },
                (None, None) => Answer::Failure {
                    status: Status::UNAVAILABLE,
                    message: "the recording has neither response nor failure".into(),
                },
            };
            tape.exchanges.push(Played {
                auth: request.auth.clone(),
                body: request.body.as_ref().map(|it| it.bytes()).transpose()?,
                answer,
            });
            let call = (request.method.clone(), request.url.clone());
            tape.by_call.entry(call).or_default().push(at);
        }
        Ok(tape)
    }

    /// The answer to a call and its place in the recording. `again`: when all recorded answers were
    /// taken, the last one is given once more, as a resumed run needs it.
    pub(super) fn answer(
        &self,
        position: &mut Position,
        call: &AskedCall,
        again: bool,
    ) -> Result<(usize, Answer), Unrecorded> {
        let key = (call.method.clone(), call.url.clone());
        let Some(places) = self.by_call.get(&key) else {
            return Err(self.unknown(call));
        };
        let taken = position.taken.entry(key).or_insert(0);
        let at = match places.get(*taken) {
            Some(at) => *at,
            None if again => places[places.len() - 1],
            None => {
                return Err(Unrecorded(format!(
                    "call {} of {} {} is not in the recording, which has {} of it",
                    *taken + 1,
                    call.method,
                    call.url,
                    places.len()
                )));
            }
        };
        *taken += 1;
        let played = &self.exchanges[at];
        compare(played, call)?;
        Ok((at, played.answer.clone()))
    }

    fn unknown(&self, call: &AskedCall) -> Unrecorded {
        let mut known: Vec<_> = self.by_call.keys().collect();
        // The likest first: those that share the longest beginning.
        known.sort_by_key(|(method, url)| {
            let same = url
                .bytes()
                .zip(call.url.bytes())
                .take_while(|(a, b)| a == b)
                .count();
            (
                std::cmp::Reverse(same + usize::from(*method == call.method)),
                url.clone(),
            )
        });
        let mut text = format!("the recording has no call\n  {} {}", call.method, call.url);
        match known.first() {
            None => text.push_str("\nit is empty"),
            Some((method, url)) => {
                let same = url
                    .bytes()
                    .zip(call.url.bytes())
                    .take_while(|(a, b)| a == b)
                    .count();
                let pointer = " ".repeat(method.len() + 1 + same);
                text.push_str(&format!(
                    "\nthe likest is\n  {method} {url}\n  {pointer}^ differs from here"
                ));
            }
        }
        Unrecorded(text)
    }

    pub(super) fn len(&self) -> usize {
        self.exchanges.len()
    }

    /// Calls that were recorded and not made.
    pub(super) fn unused(&self, position: &Position) -> Vec<String> {
        let mut unused = Vec::new();
        for (key, places) in &self.by_call {
            let taken = position.taken.get(key).copied().unwrap_or(0);
            for _ in taken..places.len() {
                unused.push(format!("{} {}", key.0, key.1));
            }
        }
        unused.sort();
        unused
    }
}

fn compare(played: &Played, call: &AskedCall) -> Result<(), Unrecorded> {
    let differs = |what: &str, recorded: &str, asked: &str| {
        Err(Unrecorded(format!(
            "the {what} of {} {} differs\n  recorded: {recorded}\n  asked:    {asked}",
            call.method, call.url
        )))
    };
    if played.auth != call.auth {
        return differs("credential slot", &played.auth, &call.auth);
    }
    let Some(body) = &played.body else {
        return Ok(());
    };
    let json = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).ok();
    let same = match (json(body), json(&call.body)) {
        (Some(recorded), Some(asked)) => recorded == asked,
        _ => *body == call.body,
    };
    if same {
        return Ok(());
    }
    differs(
        "body",
        &String::from_utf8_lossy(body),
        &String::from_utf8_lossy(&call.body),
    )
}
