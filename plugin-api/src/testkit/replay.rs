//! Runs an operation against a recording.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::damage::Damage;
use super::session::{Answer, Asked, Ended, Given, Opened, Session, Step, StepError};
use super::tape::{Position, Tape, Unrecorded};
use super::trace::{Event, Trace};
use crate::abi::{Connector, Status, op};
use crate::manifest::Manifest;
use crate::recording::{Recording, RecordingError};

/// A run that takes more steps than this hangs.
const MAX_STEPS: usize = 20_000;
/// What the clock shows unless a test sets it: 2026-01-15T00:00:00Z.
const NOW_MS: i64 = 1_768_435_200_000;

/// One operation.
#[derive(Debug, Clone)]
pub enum Run {
    /// Reads a stream.
    Pull {
        /// The stream.
        stream: String,
        /// Where to go on; empty at first.
        cursor: Vec<u8>,
    },
    /// Writes batches.
    Push {
        /// The stream.
        stream: String,
        /// The batches.
        batches: Vec<Vec<Given>>,
    },
    /// Looks batches up.
    Find {
        /// The stream.
        stream: String,
        /// The batches.
        batches: Vec<Vec<Given>>,
    },
    /// Checks the connection.
    Check,
    /// Lists accounts.
    Discover,
}

/// A connector, a recording, and the connection that they are run as.
pub struct Replay {
    connector: &'static Connector,
    tape: Tape,
    base_url: String,
    account: Option<String>,
    settings: Value,
    now_ms: i64,
    seed: u64,
    page_docs: u32,
}

/// How a run differs from a plain one.
#[derive(Default, Clone)]
pub(super) struct Variation {
    /// In which order effects are answered.
    pub(super) order: Order,
    /// Damage the answer at this place of the recording.
    pub(super) damage: Option<(usize, Damage)>,
    /// Say after so many steps that the session is to end.
    pub(super) cancel_after: Option<usize>,
    /// Destroy the session after so many steps.
    pub(super) stop_after: Option<usize>,
    /// Where the recording goes on; answers may be given again.
    pub(super) resume: Option<Position>,
}

/// In which order effects that are open together are answered.
#[derive(Debug, Default, Clone, Copy)]
pub(super) enum Order {
    /// All at once, as they were asked for.
    #[default]
    Asked,
    /// One at a time, the latest first.
    Backwards,
    /// Some at a time, as chance will have it; the number makes the chance.
    Mixed(u64),
}

/// What a run gives beside its trace.
pub(super) struct Ran {
    pub(super) trace: Trace,
    pub(super) steps: usize,
    /// Where the recording stood at each page.
    pub(super) positions: Vec<Position>,
    /// Places of the recording that were played.
    pub(super) played: Vec<usize>,
    /// The longest time that a step took.
    pub(super) slowest: Duration,
}

impl Replay {
    /// Runs are made as a connection without settings, at the manifest's base URL.
    pub fn new(
        connector: &'static Connector,
        recording: &Recording,
    ) -> Result<Self, RecordingError> {
        let base_url = manifest(connector).ok().and_then(|it| it.base_url);
        Ok(Self {
            connector,
            tape: Tape::new(recording)?,
            base_url: base_url.unwrap_or_else(|| "https://api.example".into()),
            account: None,
            settings: json!({}),
            now_ms: NOW_MS,
            seed: 1,
            page_docs: 0,
        })
    }

    /// As [`Self::new`], from a recording's text.
    pub fn parse(connector: &'static Connector, recording: &str) -> Result<Self, RecordingError> {
        Self::new(connector, &Recording::parse(recording)?)
    }

    /// Sets the connection's settings.
    pub fn settings(mut self, settings: Value) -> Self {
        self.settings = settings;
        self
    }

    /// Sets the account that the connection is pinned to.
    pub fn account(mut self, account: &str) -> Self {
        self.account = Some(account.to_owned());
        self
    }

    /// Sets the connection's base URL.
    pub fn base_url(mut self, url: &str) -> Self {
        self.base_url = url.to_owned();
        self
    }

    /// Sets the clock, which moves by what the connector sleeps.
    pub fn now_ms(mut self, now_ms: i64) -> Self {
        self.now_ms = now_ms;
        self
    }

    /// Sets the most documents that a page may hold.
    pub fn page_docs(mut self, documents: u32) -> Self {
        self.page_docs = documents;
        self
    }

    /// Reads a stream from the beginning.
    pub fn pull(&self, stream: &str) -> Result<Trace, Unrecorded> {
        self.pull_from(stream, "")
    }

    /// Reads a stream from a cursor.
    pub fn pull_from(&self, stream: &str, cursor: &str) -> Result<Trace, Unrecorded> {
        self.run(&Run::Pull {
            stream: stream.into(),
            cursor: cursor.into(),
        })
    }

    /// Writes one batch.
    pub fn push(&self, stream: &str, batch: Vec<Given>) -> Result<Trace, Unrecorded> {
        self.run(&Run::Push {
            stream: stream.into(),
            batches: vec![batch],
        })
    }

    /// Looks one batch up.
    pub fn find(&self, stream: &str, batch: Vec<Given>) -> Result<Trace, Unrecorded> {
        self.run(&Run::Find {
            stream: stream.into(),
            batches: vec![batch],
        })
    }

    /// Checks the connection.
    pub fn check(&self) -> Result<Trace, Unrecorded> {
        self.run(&Run::Check)
    }

    /// Lists accounts.
    pub fn discover(&self) -> Result<Trace, Unrecorded> {
        self.run(&Run::Discover)
    }

    /// Runs any operation.
    pub fn run(&self, run: &Run) -> Result<Trace, Unrecorded> {
        self.vary(run, &Variation::default()).map(|ran| ran.trace)
    }

    /// Number of exchanges in the recording.
    pub(super) fn recorded(&self) -> usize {
        self.tape.len()
    }

    pub(super) fn connector(&self) -> &'static Connector {
        self.connector
    }

    pub(super) fn base_url_of(&self) -> &str {
        &self.base_url
    }

    pub(super) fn vary(&self, run: &Run, vary: &Variation) -> Result<Ran, Unrecorded> {
        let (opened, batches) = self.open(run);
        let mut ran = Ran {
            trace: Trace {
                events: Vec::new(),
                end: Ok(None),
                logs: Vec::new(),
                unused: Vec::new(),
            },
            steps: 0,
            positions: Vec::new(),
            played: Vec::new(),
            slowest: Duration::ZERO,
        };
        let mut position = vary.resume.clone().unwrap_or_default();
        match Session::open(self.connector, &opened) {
            Ok(mut session) => {
                let end = self.drive(&mut session, batches, vary, &mut position, &mut ran)?;
                ran.trace.logs = session.logs().to_vec();
                ran.trace.end = end;
            }
            Err(error) => ran.trace.end = Err(ended(error)),
        }
        ran.trace.unused = self.tape.unused(&position);
        Ok(ran)
    }

    /// Opens a session and takes its first step, which no answer is needed for.
    pub(super) fn begin(&self, run: &Run) -> Result<(), Ended> {
        let (opened, _) = self.open(run);
        let mut session = Session::open(self.connector, &opened).map_err(ended)?;
        let first = session.step(self.now_ms, &[], &[], false);
        first.map(|_| ()).map_err(ended)
    }

    fn open(&self, run: &Run) -> (Opened, VecDeque<Vec<Given>>) {
        let none: &[Vec<Given>] = &[];
        let (op, stream, cursor, batches) = match run {
            Run::Pull { stream, cursor } => (op::PULL, stream.as_str(), cursor.as_slice(), none),
            Run::Push { stream, batches } => {
                (op::PUSH, stream.as_str(), &[][..], batches.as_slice())
            }
            Run::Find { stream, batches } => {
                (op::FIND, stream.as_str(), &[][..], batches.as_slice())
            }
            Run::Check => (op::CHECK, "", &[][..], none),
            Run::Discover => (op::DISCOVER, "", &[][..], none),
        };
        let config = json!({
            "base-url": self.base_url,
            "account": self.account,
            "settings": self.settings,
        });
        let opened = Opened {
            op,
            stream: stream.to_owned(),
            config: config.to_string(),
            cursor: cursor.to_vec(),
            seed: self.seed,
            max_page_docs: self.page_docs,
            max_open_effects: 0,
        };
        (opened, batches.iter().cloned().collect())
    }

    fn drive(
        &self,
        session: &mut Session,
        mut batches: VecDeque<Vec<Given>>,
        vary: &Variation,
        position: &mut Position,
        ran: &mut Ran,
    ) -> Result<Result<Option<Value>, Ended>, Unrecorded> {
        let mut now_ms = self.now_ms;
        let mut open: Vec<(u32, Answer)> = Vec::new();
        let mut answers: Vec<(u32, Answer)> = Vec::new();
        let mut wanted = false;
        let mut chance = match vary.order {
            Order::Mixed(seed) => Chance(seed),
            Order::Asked | Order::Backwards => Chance(0),
        };
        while ran.steps < MAX_STEPS && vary.stop_after != Some(ran.steps) {
            let batch = if wanted { batches.pop_front() } else { None };
            let last = wanted && batch.is_none();
            if vary.cancel_after == Some(ran.steps) {
                session.cancel();
            }
            let begun = Instant::now();
            let step = session.step(now_ms, &answers, &batch.unwrap_or_default(), last);
            ran.slowest = ran.slowest.max(begun.elapsed());
            ran.steps += 1;
            answers.clear();
            wanted = false;
            match step {
                Err(error) => return Ok(Err(ended(error))),
                Ok(Step::Done(value)) => return Ok(done(value)),
                Ok(Step::Want) => {
                    ran.trace.events.push(Event::Want);
                    wanted = true;
                }
                Ok(Step::Results(results)) => ran.trace.events.push(Event::Results(results)),
                Ok(Step::Page { docs, cursor }) => {
                    ran.trace.events.push(Event::Page { docs, cursor });
                    ran.positions.push(position.clone());
                }
                Ok(Step::Need(asked)) => {
                    for (id, asked) in asked {
                        let answer = self.answer(&asked, vary, position, ran)?;
                        if let Asked::Sleep(millis) = asked {
                            now_ms = now_ms.saturating_add_unsigned(millis);
                        }
                        open.push((id, answer));
                    }
                    if open.is_empty() {
                        return Ok(Err(hung("asked for nothing with nothing open")));
                    }
                    match vary.order {
                        Order::Asked => answers.append(&mut open),
                        Order::Backwards => answers.extend(open.pop()),
                        Order::Mixed(_) => {
                            for _ in 0..=chance.below(open.len()) {
                                answers.push(open.swap_remove(chance.below(open.len())));
                            }
                        }
                    }
                }
            }
        }
        if vary.stop_after.is_some() {
            return Ok(Ok(None));
        }
        Ok(Err(hung("is not done")))
    }

    fn answer(
        &self,
        asked: &Asked,
        vary: &Variation,
        position: &mut Position,
        ran: &mut Ran,
    ) -> Result<Answer, Unrecorded> {
        match asked {
            Asked::Sleep(millis) => {
                ran.trace.events.push(Event::Sleep(*millis));
                Ok(Answer::Response {
                    status: 0,
                    headers: Vec::new(),
                    body: Vec::new(),
                })
            }
            Asked::Http(call) => {
                ran.trace.events.push(Event::Call(call.clone()));
                let found = self.tape.answer(position, call, vary.resume.is_some());
                match (found, vary.damage) {
                    (Ok((at, answer)), Some((damaged, damage))) if at == damaged => {
                        ran.played.push(at);
                        Ok(damage.apply(answer))
                    }
                    (Ok((at, answer)), _) => {
                        ran.played.push(at);
                        Ok(answer)
                    }
                    // A damaged answer may lead anywhere.
                    (Err(_), Some(_)) => Ok(Answer::Failure {
                        status: Status::UNAVAILABLE,
                        message: "not recorded".into(),
                    }),
                    (Err(unrecorded), None) => Err(unrecorded),
                }
            }
        }
    }
}

/// Numbers that look like chance and are the same in every run.
struct Chance(u64);

impl Chance {
    /// A number below `end`; zero when there is none.
    fn below(&mut self, end: usize) -> usize {
        // An odd multiplier and addend visit every state; the upper half is the better one.
        let state = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d);
        self.0 = state.wrapping_add(0x1405_7b7e_f767_814f);
        match u64::try_from(end) {
            Ok(end) if end > 0 => usize::try_from((self.0 >> 33) % end).unwrap_or(0),
            _ => 0,
        }
    }
}

/// The connector's own manifest.
pub(super) fn manifest(connector: &Connector) -> Result<Manifest, String> {
    // SAFETY: an exported connector and all it points at are static.
    let text = unsafe { connector.manifest.get() }.map_err(|_| "the manifest is not UTF-8")?;
    serde_json::from_str(text).map_err(|err| format!("the manifest: {err}"))
}

fn done(value: Option<String>) -> Result<Option<Value>, Ended> {
    let Some(text) = value else { return Ok(None) };
    serde_json::from_str(&text)
        .map(Some)
        .map_err(|err| ended(StepError::Broken(format!("`value` is not JSON: {err}"))))
}

fn ended(error: StepError) -> Ended {
    match error {
        StepError::Ended(ended) => ended,
        broken @ StepError::Broken(_) => Ended {
            status: Status::BUG,
            message: broken.to_string(),
            detail: String::new(),
        },
    }
}

fn hung(how: &str) -> Ended {
    let message = format!("the connector {how} after {MAX_STEPS} steps or fewer");
    Ended {
        status: Status::BUG,
        message,
        detail: String::new(),
    }
}
