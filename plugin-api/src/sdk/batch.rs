//! Documents to write or to find, and what became of them.

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::abi::{Bytes, Doc, Status, Str, WriteResult};
use crate::manifest::Problem;
use crate::sdk::{Error, Result};

/// What to do with a document of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// FIND: nothing, only look.
    None,
    /// Write it anew. Never by a call that would overwrite something that is already there.
    Create,
    /// Change the one that `remote_id` names.
    Update,
    /// Take back the one that `remote_id` names.
    Void,
}

/// One document to write or to find.
#[derive(Debug, Clone)]
pub struct BatchDoc {
    /// What to do.
    pub change: Change,
    /// The engine's key of the entry, for messages.
    pub id: String,
    /// The natural key that the engine assigned for life; may be empty.
    pub number: String,
    /// The target's id when it is known.
    pub remote_id: Option<String>,
    /// FIND: the instant (RFC 3339, UTC) since which a write may have happened.
    pub since: Option<String>,
    /// The document in the target's form. FIND: as it was sent.
    pub body: Box<RawValue>,
}

impl BatchDoc {
    /// The document's fields. The engine validated them against the manifest's schema.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_str(self.body.get())
            .map_err(|err| Error::bug(format!("document `{}` of the batch: {err}", self.id)))
    }

    /// # Safety
    ///
    /// What `doc` points at is still borrowed.
    pub(crate) unsafe fn read(doc: &Doc) -> Result<Self> {
        // SAFETY: passed on to the caller.
        let (id, version, number, remote_id, body) = unsafe {
            (
                doc.id.get(),
                doc.version.get(),
                doc.number.get(),
                doc.remote_id.get(),
                std::str::from_utf8(doc.body.get()),
            )
        };
        let id = id.map_err(|_| not_utf8("id", "?"))?.to_owned();
        let text = |field: &str, value: std::result::Result<&str, _>| -> Result<String> {
            value
                .map(str::to_owned)
                .map_err(|_: std::str::Utf8Error| not_utf8(field, &id))
        };
        let change = match doc.change {
            0 => Change::None,
            1 => Change::Create,
            2 => Change::Update,
            3 => Change::Void,
            other => {
                return Err(Error::bug(format!(
                    "the engine asks for change {other} of document `{id}`, which this connector \
                     is too old to know"
                )));
            }
        };
        let body = text("body", body)?;
        // A void or a look-up may come without a document.
        let body = if body.is_empty() {
            "null".to_owned()
        } else {
            body
        };
        Ok(Self {
            change,
            number: text("number", number)?,
            remote_id: some(text("remote id", remote_id)?),
            since: some(text("version", version)?),
            body: RawValue::from_string(body)
                .map_err(|err| Error::bug(format!("the body of document `{id}`: {err}")))?,
            id,
        })
    }
}

fn not_utf8(field: &str, id: &str) -> Error {
    Error::bug(format!(
        "the {field} of document `{id}` of the batch is not UTF-8"
    ))
}

fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

/// What became of one document. The outcomes of a batch stand in the batch's order.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// OK: written or found. NOT_FOUND: asked for, and not there. Otherwise why not.
    pub status: Status,
    /// The target's id; not empty when the status is OK.
    pub remote_id: String,
    /// The target's version of the document; may be empty.
    pub version: String,
    /// The vendor's own words.
    pub message: String,
    /// With OK: the target's own warnings; they follow `message`, one a line.
    pub warnings: Vec<String>,
    /// The target's own form of the document, brought into the form that push takes. The engine
    /// compares it with what was sent.
    pub body: Option<Box<RawValue>>,
    /// Why not, in words for people.
    pub problem: Option<Problem>,
    /// The whole call was refused and nobody knows for which document: the engine halves the batch.
    pub whole: bool,
    /// With RATE_LIMITED: for how long.
    pub retry_after_ms: u64,
}

impl Outcome {
    fn new(status: Status, message: impl Into<String>) -> Self {
        Self {
            status,
            remote_id: String::new(),
            version: String::new(),
            message: message.into(),
            warnings: Vec::new(),
            body: None,
            problem: None,
            whole: false,
            retry_after_ms: 0,
        }
    }

    /// Written, with the target's id and its own form of the document where it told.
    pub fn written(remote_id: impl Into<String>, body: impl Into<Option<Box<RawValue>>>) -> Self {
        Self {
            remote_id: remote_id.into(),
            body: body.into(),
            ..Self::new(Status::OK, "")
        }
    }

    /// Found, with the target's id and its own form of the document.
    pub fn found(remote_id: impl Into<String>, body: impl Into<Option<Box<RawValue>>>) -> Self {
        Self::written(remote_id, body)
    }

    /// Asked for, and not there.
    pub fn not_found() -> Self {
        Self::new(Status::NOT_FOUND, "")
    }

    /// Refused for this document's own sake.
    pub fn refused(problem: Problem, message: impl Into<String>) -> Self {
        Self {
            problem: Some(problem),
            ..Self::new(Status::REJECTED, message)
        }
    }

    /// Refused together with the rest of its call, and nobody knows for whose sake.
    pub fn refused_whole(problem: Problem, message: impl Into<String>) -> Self {
        Self {
            whole: true,
            ..Self::refused(problem, message)
        }
    }

    /// The target said that it cannot now.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(Status::UNAVAILABLE, message)
    }

    /// No result is known. The engine decides from the calls that left whether the document is
    /// uncertain.
    pub fn unknown(message: impl Into<String>) -> Self {
        Self::new(Status::UNAVAILABLE, message)
    }

    /// The outcome of a call that failed as a whole: its status and message.
    pub fn failed(error: &Error) -> Self {
        Self {
            retry_after_ms: error.retry_after_ms,
            ..Self::new(error.status, error.message.clone())
        }
    }

    /// Adds the target's version of the document.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// Sets the warnings, in the vendor's words.
    pub fn with_warnings(mut self, warnings: Vec<String>) -> Self {
        self.warnings = warnings;
        self
    }

    /// Adds a warning in the vendor's words.
    pub fn warn(mut self, warning: impl Into<String>) -> Self {
        self.warnings.push(warning.into());
        self
    }
}

/// An outcome whose texts are put together, so that it can be lent.
pub(crate) struct Reported {
    outcome: Outcome,
    message: String,
    problem: String,
}

impl Reported {
    pub(crate) fn new(outcome: Outcome) -> Self {
        let parts = std::iter::once(&outcome.message).chain(&outcome.warnings);
        let message: Vec<&str> = parts
            .map(String::as_str)
            .filter(|it| !it.is_empty())
            .collect();
        let problem = outcome.problem.as_ref().map(serde_json::to_string);
        Self {
            message: message.join("\n"),
            // A `Problem` holds texts alone, so writing it cannot fail.
            problem: problem.and_then(|it| it.ok()).unwrap_or_default(),
            outcome,
        }
    }

    pub(crate) fn lend(&self) -> WriteResult {
        let Outcome {
            status,
            remote_id,
            version,
            body,
            whole,
            retry_after_ms,
            ..
        } = &self.outcome;
        WriteResult {
            status: *status,
            flags: u32::from(*whole),
            retry_after_ms: *retry_after_ms,
            remote_id: Str::new(remote_id),
            version: Str::new(version),
            message: Str::new(&self.message),
            body: body
                .as_ref()
                .map_or(Bytes::EMPTY, |body| Bytes::new(body.get().as_bytes())),
            problem: Str::new(&self.problem),
        }
    }
}
