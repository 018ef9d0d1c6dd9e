//! Copies out what a step asks for and holds it against the contract's rules. What passes here is
//! owned and within every limit.

use std::{collections::HashSet, time::Duration};

use ledgerline_plugin_api::{
    abi::{
        self, Bytes, Doc, Effect, HttpRequest, MAX_CURSOR_BYTES, Sleep, StepOut, WriteResult,
        effect, kind,
    },
    manifest::{Account, CheckReport},
};
use serde_json::Value;

use super::{
    HttpAsk, Limits, Operation, Plugin, PulledDoc, SessionError, WriteOutcome,
    borrowed::{bytes, list, sized, text, utf8, wait},
};
use crate::http::{Call, Repeat};

type Result<T> = std::result::Result<T, SessionError>;

/// Ids, versions, numbers, names of slots and budgets.
const MAX_NAME: usize = 1024;
const MAX_METHOD: usize = 16;
const MAX_URL: usize = 16 * 1024;
const MAX_HEADERS: u32 = 100;
const MAX_HEADER: usize = 16 * 1024;
const MAX_REQUEST_BODY: usize = 32 << 20;
const MAX_EFFECTS: u32 = 1024;
const MAX_COVERS: u32 = 64 * 1024;
const MAX_MESSAGE: usize = 64 * 1024;
const MAX_REMOTE_BODY: usize = 16 << 20;
const MAX_VALUE: usize = 4 << 20;
const MAX_SLEEP: Duration = Duration::from_secs(24 * 3600);

/// What a step of this session may ask for.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    pub(super) operation: Operation,
    pub(super) limits: Limits,
    pub(super) plugin: Plugin,
    /// Documents of the batch that is not yet reported on.
    pub(super) batch: Option<usize>,
}

/// What a step asks for.
#[derive(Debug)]
pub(super) enum Output {
    Need(Vec<Ask>),
    Page {
        documents: Vec<PulledDoc>,
        cursor: Vec<u8>,
    },
    Want,
    Results(Vec<WriteOutcome>),
    Done(Option<Value>),
}

/// An effect to perform.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) id: u32,
    pub(super) what: Wanted,
}

/// What kind of effect, with its arguments.
#[derive(Debug)]
pub(super) enum Wanted {
    Http(Box<HttpAsk>),
    Sleep(Duration),
}

/// # Safety
///
/// What `out` points at is readable, as the contract says of a session's outputs.
pub(super) unsafe fn copy(out: &StepOut, rules: &Rules) -> Result<Output> {
    let name = rules.operation.name();
    // SAFETY: passed on to the caller, in every arm.
    unsafe {
        match out.kind {
            kind::NEED => needs(out, rules).map(Output::Need),
            kind::PAGE if rules.operation == Operation::Pull => page(out, rules),
            kind::PAGE => Err(bug(format!(
                "a page belongs to pull, this session is {name}"
            ))),
            kind::WANT | kind::RESULTS if !rules.operation.takes_batches() => Err(bug(format!(
                "batches belong to push and find, this session is {name}"
            ))),
            kind::WANT => match rules.batch {
                None => Ok(Output::Want),
                Some(given) => Err(bug(format!(
                    "it asked for a batch before reporting on the last one of {given} documents"
                ))),
            },
            kind::RESULTS => match rules.batch {
                Some(given) => results(out, given).map(Output::Results),
                None => Err(bug("it reported results without a batch")),
            },
            kind::DONE => match rules.batch {
                None => value(out, rules.operation).map(Output::Done),
                Some(given) => Err(bug(format!(
                    "it ended without reporting on a batch of {given} documents"
                ))),
            },
            other => Err(bug(format!("step kind {other} does not exist"))),
        }
    }
}

fn bug(rule: impl Into<String>) -> SessionError {
    SessionError::bug(rule)
}

/// # Safety
///
/// As [`copy`].
unsafe fn needs(out: &StepOut, rules: &Rules) -> Result<Vec<Ask>> {
    // SAFETY: passed on to the caller.
    let effects = unsafe { list(out.effects, "`effects`", MAX_EFFECTS) }?;
    // SAFETY: passed on to the caller.
    effects
        .iter()
        .map(|effect| unsafe { ask(effect, rules) })
        .collect()
}

/// # Safety
///
/// As [`copy`].
unsafe fn ask(effect: &Effect, rules: &Rules) -> Result<Ask> {
    let id = effect.id;
    let payload = format!("the payload of effect {id}");
    let what = match effect.kind {
        effect::HTTP => {
            // SAFETY: the kind says what it is; the rest is passed on to the caller.
            let request = unsafe { sized(effect.payload.cast::<HttpRequest>(), &payload) }?;
            // SAFETY: passed on to the caller.
            Wanted::Http(Box::new(unsafe { http(&request, id, rules) }?))
        }
        effect::SLEEP => {
            // SAFETY: as above.
            let sleep = unsafe { sized(effect.payload.cast::<Sleep>(), &payload) }?;
            let duration = Duration::from_millis(sleep.millis);
            if duration > MAX_SLEEP {
                let millis = sleep.millis;
                return Err(bug(format!(
                    "effect {id} sleeps {millis} ms, allowed is one day"
                )));
            }
            Wanted::Sleep(duration)
        }
        other => return Err(bug(format!("effect kind {other} does not exist"))),
    };
    Ok(Ask { id, what })
}

/// # Safety
///
/// As [`copy`].
unsafe fn http(request: &HttpRequest, id: u32, rules: &Rules) -> Result<HttpAsk> {
    let what = |part: &str| format!("the {part} of effect {id}");
    let max_body = MAX_REQUEST_BODY;
    // SAFETY: passed on to the caller.
    let (method, url, fields, body, auth, bucket, covers) = unsafe {
        (
            text(request.method, &what("method"), MAX_METHOD)?,
            text(request.url, &what("URL"), MAX_URL)?,
            list(request.headers, &what("header list"), MAX_HEADERS)?,
            bytes(request.body, &what("body"), max_body)?,
            text(request.auth, &what("credential slot"), MAX_NAME)?,
            text(request.bucket, &what("budget"), MAX_NAME)?,
            list(request.covers, &what("`covers`"), MAX_COVERS)?,
        )
    };
    let header = |field: &abi::Field| {
        let value = Bytes { ..field.value };
        // SAFETY: passed on to the caller.
        unsafe {
            let name = text(field.name, &what("header name"), MAX_NAME)?;
            Ok((
                name,
                text(abi::Str(value), &what("header value"), MAX_HEADER)?,
            ))
        }
    };
    let headers = fields.iter().map(header).collect::<Result<Vec<_>>>()?;
    if method.is_empty() || !method.bytes().all(|it| it.is_ascii_uppercase()) {
        return Err(bug(format!(
            "{} must be upper-case letters, it is `{method}`",
            what("method")
        )));
    }
    let manifest = rules.plugin.manifest();
    if !auth.is_empty() && !manifest.auth.contains_key(&auth) {
        return Err(bug(format!(
            "effect {id} names credential slot `{auth}`, not in the manifest"
        )));
    }
    if !bucket.is_empty() && !manifest.budget.contains_key(&bucket) {
        return Err(bug(format!(
            "effect {id} names budget `{bucket}`, not in the manifest"
        )));
    }
    let reads = matches!(method.as_str(), "GET" | "HEAD");
    let safe = reads || request.flags & 1 != 0;
    check_covers(&covers, id, reads, rules)?;
    if !safe && covers.is_empty() {
        return Err(bug(format!(
            "effect {id} ({method}) may write: it must name the documents that it covers, or say that \
             it is safe to repeat"
        )));
    }
    let call = Call {
        method,
        url,
        headers,
        body: body.into(),
        auth,
        bucket,
        timeout: Duration::from_millis(u64::from(request.timeout_ms)),
        max_answer: request.max_body_bytes as usize,
        repeat: if safe { Repeat::Safe } else { Repeat::Never },
    };
    Ok(HttpAsk { covers, call })
}

fn check_covers(covers: &[u32], id: u32, reads: bool, rules: &Rules) -> Result<()> {
    if covers.is_empty() {
        return Ok(());
    }
    let Some(given) = rules.batch.filter(|_| rules.operation == Operation::Push) else {
        return Err(bug(format!(
            "effect {id} covers documents outside a batch of push"
        )));
    };
    if reads {
        return Err(bug(format!(
            "effect {id} covers documents with a method that only reads"
        )));
    }
    let mut seen = HashSet::new();
    for index in covers {
        if *index as usize >= given {
            return Err(bug(format!(
                "effect {id} covers document {index} of a batch of {given} documents"
            )));
        }
        if !seen.insert(*index) {
            return Err(bug(format!("effect {id} covers document {index} twice")));
        }
    }
    Ok(())
}

/// # Safety
///
/// As [`copy`].
unsafe fn page(out: &StepOut, rules: &Rules) -> Result<Output> {
    let Limits {
        page_docs,
        page_bytes,
        ..
    } = rules.limits;
    let max_docs = if page_docs == 0 { u32::MAX } else { page_docs };
    let max_bytes = if page_bytes == 0 {
        usize::MAX
    } else {
        page_bytes as usize
    };
    // SAFETY: passed on to the caller.
    let (docs, cursor) = unsafe {
        (
            list(out.docs, "the page", max_docs)?,
            bytes(out.cursor, "the cursor", MAX_CURSOR_BYTES)?,
        )
    };
    let mut room = max_bytes;
    let mut documents = Vec::with_capacity(docs.len());
    for doc in &docs {
        // Before it is copied, so that a wrong length cannot make the copy large.
        room = room.checked_sub(doc.body.len).ok_or_else(|| {
            bug(format!(
                "the page has more than {max_bytes} bytes of documents"
            ))
        })?;
        // SAFETY: passed on to the caller.
        documents.push(unsafe { pulled(doc, max_bytes) }?);
    }
    let mut ids = HashSet::with_capacity(documents.len());
    // A word about ids that begin so may stand beside the document of that id.
    let mut pulled = documents.iter();
    if let Some(twice) = pulled.find(|doc| !ids.insert((doc.id.as_str(), doc.only))) {
        return Err(bug(format!("document `{}` is twice in one page", twice.id)));
    }
    Ok(Output::Page { documents, cursor })
}

/// # Safety
///
/// As [`copy`].
unsafe fn pulled(doc: &Doc, max_bytes: usize) -> Result<PulledDoc> {
    // SAFETY: passed on to the caller.
    let id = unsafe { text(doc.id, "the id of a document", MAX_NAME) }?;
    if id.is_empty() {
        return Err(bug("a document of the page has an empty id"));
    }
    let what = |part: &str| format!("the {part} of document `{id}`");
    // SAFETY: passed on to the caller.
    let (version, body) = unsafe {
        (
            text(doc.version, &what("version"), MAX_NAME)?,
            utf8(doc.body, &what("body"), max_bytes)?,
        )
    };
    let (deleted, only) = match doc.change {
        1 => (false, false),
        2 => (true, false),
        3 => (false, true),
        other => {
            return Err(bug(format!(
                "{} is {other}, pull knows 1 to 3",
                what("change")
            )));
        }
    };
    if doc.format != 0 {
        return Err(bug(format!(
            "{} is {}, pull knows 0",
            what("format"),
            doc.format
        )));
    }
    if body.is_empty() && !deleted && !only {
        return Err(bug(format!(
            "{} is empty, and it is not deleted",
            what("body")
        )));
    }
    Ok(PulledDoc {
        id,
        version,
        deleted,
        only,
        body,
    })
}

/// # Safety
///
/// As [`copy`].
unsafe fn results(out: &StepOut, given: usize) -> Result<Vec<WriteOutcome>> {
    let count = out.results.len;
    if count as usize != given {
        return Err(bug(format!(
            "it reported {count} results for a batch of {given} documents"
        )));
    }
    // SAFETY: passed on to the caller.
    let results = unsafe { list(out.results, "the list of results", count) }?;
    // SAFETY: passed on to the caller.
    results
        .iter()
        .enumerate()
        .map(|(i, result)| unsafe { outcome(result, i) })
        .collect()
}

/// # Safety
///
/// As [`copy`].
unsafe fn outcome(result: &WriteResult, index: usize) -> Result<WriteOutcome> {
    let what = |part: &str| format!("the {part} of result {index}");
    let status = result.status;
    if !abi::Status::ALL.iter().any(|(_, known)| *known == status) {
        return Err(bug(format!(
            "{} is {}, which does not exist",
            what("status"),
            status.0
        )));
    }
    // SAFETY: passed on to the caller.
    let (remote_id, version, message, body, problem) = unsafe {
        (
            text(result.remote_id, &what("remote id"), MAX_NAME)?,
            text(result.version, &what("version"), MAX_NAME)?,
            text(result.message, &what("message"), MAX_MESSAGE)?,
            text(abi::Str(result.body), &what("body"), MAX_REMOTE_BODY)?,
            text(result.problem, &what("problem"), MAX_MESSAGE)?,
        )
    };
    let problem = match problem.is_empty() {
        true => None,
        false => Some(serde_json::from_str(&problem).map_err(|err| {
            bug(format!(
                "{} is not a category, field, cause and remedy: {err}",
                what("problem")
            ))
        })?),
    };
    Ok(WriteOutcome {
        status,
        whole_refused: result.flags & 1 != 0,
        retry_after: wait(result.retry_after_ms),
        remote_id,
        version,
        message,
        body: (!body.is_empty()).then(|| body.into_bytes()),
        problem,
    })
}

/// # Safety
///
/// As [`copy`].
unsafe fn value(out: &StepOut, operation: Operation) -> Result<Option<Value>> {
    if !operation.gives_value() {
        return Ok(None);
    }
    // SAFETY: passed on to the caller.
    let text = unsafe { text(out.value, "the value", MAX_VALUE) }?;
    let shape = |err: serde_json::Error| {
        bug(format!(
            "the value of {} has the wrong form: {err}",
            operation.name()
        ))
    };
    let value: Value = serde_json::from_str(&text).map_err(shape)?;
    match operation {
        Operation::Discover => {
            serde_json::from_str::<Vec<Account>>(&text).map_err(shape)?;
        }
        Operation::Check | Operation::Pull | Operation::Push | Operation::Find => {
            serde_json::from_str::<CheckReport>(&text).map_err(shape)?;
        }
    }
    Ok(Some(value))
}
