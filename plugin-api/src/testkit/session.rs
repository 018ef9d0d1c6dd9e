//! The bare step machine of a connector, with everything that it lends copied at once and checked
//! against the contract.

use std::collections::HashSet;
use std::ffi::c_void;
use std::mem::MaybeUninit;

use crate::abi::{
    self, Bytes, Completion, Connector, ConnectorVtbl, CreateArgs, Doc, Effect, Failure, Field,
    Host, HostVtbl, HttpRequest, LogRecord, MAX_CURSOR_BYTES, Sleep, Slice, Status, StepIn,
    StepOut, Str, WriteResult, effect, kind, level, read,
};
use crate::manifest::Problem;

/// What a session is opened with.
#[derive(Debug, Clone)]
pub struct Opened {
    /// One of [`op`](crate::abi::op).
    pub op: u32,
    /// Stream; empty for CHECK and DISCOVER.
    pub stream: String,
    /// JSON of base URL, account and settings.
    pub config: String,
    /// Where to go on; empty at first.
    pub cursor: Vec<u8>,
    /// Source of random choices.
    pub seed: u64,
    /// Most documents in a page; zero for any number.
    pub max_page_docs: u32,
    /// Most effects open at once; zero for any number.
    pub max_open_effects: u32,
}

/// What a step asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Effects to perform.
    Need(Vec<(u32, Asked)>),
    /// A page to make durable.
    Page {
        /// Its documents.
        docs: Vec<PulledDoc>,
        /// Where to go on after it.
        cursor: Vec<u8>,
    },
    /// What became of a batch.
    Results(Vec<WrittenDoc>),
    /// A wish for a batch.
    Want,
    /// The end, with the value of CHECK and DISCOVER.
    Done(Option<String>),
}

/// An effect.
#[derive(Debug, Clone, PartialEq)]
pub enum Asked {
    /// A call.
    Http(AskedCall),
    /// A wait in milliseconds.
    Sleep(u64),
}

/// A call as the engine sees it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AskedCall {
    /// Method.
    pub method: String,
    /// Absolute URL.
    pub url: String,
    /// Headers that the connector sets.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
    /// Credential slot.
    pub auth: String,
    /// Call budget.
    pub bucket: String,
    /// Documents of the batch that it writes.
    pub covers: Vec<u32>,
    /// Whether it may be repeated.
    pub safe_to_repeat: bool,
}

/// A document of a page.
#[derive(Debug, Clone, PartialEq)]
pub struct PulledDoc {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: String,
    /// Its text; `None` when it is no more.
    pub body: Option<String>,
    /// It is no document: of those whose ids begin with `id`, the page's are all there are.
    pub only: bool,
}

/// What became of a document of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct WrittenDoc {
    /// OK, NOT_FOUND, or why not.
    pub status: Status,
    /// The whole call was refused.
    pub whole: bool,
    /// The target's id.
    pub remote_id: String,
    /// The target's version.
    pub version: String,
    /// The vendor's words.
    pub message: String,
    /// The target's own form; `None` when not told.
    pub body: Option<String>,
    /// Why not, for people.
    pub problem: Option<Problem>,
}

/// A document given to PUSH or FIND.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Given {
    /// 0 find, 1 create, 2 update, 3 void.
    pub change: u32,
    /// Key of the entry.
    pub id: String,
    /// Natural key.
    pub number: String,
    /// The target's id; empty when unknown.
    pub remote_id: String,
    /// FIND: since when a write may have happened.
    pub since: String,
    /// The document as JSON.
    pub body: String,
}

/// What an effect came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// A response, or the end of a wait.
    Response {
        /// HTTP status.
        status: u16,
        /// Headers.
        headers: Vec<(String, String)>,
        /// Body.
        body: Vec<u8>,
    },
    /// No response.
    Failure {
        /// Why, as a number.
        status: Status,
        /// Why, in words.
        message: String,
    },
}

/// An end that is not OK.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// Class.
    pub status: Status,
    /// For people.
    pub message: String,
    /// JSON for tickets; may be empty.
    pub detail: String,
}

/// Why there is no step.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StepError {
    /// The connector gave up.
    #[error("{}: {}", .0.status.name(), .0.message)]
    Ended(Ended),
    /// The connector broke the contract.
    #[error("the connector broke the contract: {0}")]
    Broken(String),
}

/// One session of a connector.
pub struct Session {
    raw: *mut abi::Session,
    vtbl: ConnectorVtbl,
    engine: Box<Engine>,
    open: HashSet<u32>,
}

// SAFETY: the contract lets a session move between threads; the context is owned.
unsafe impl Send for Session {}

/// What the host's functions write to.
#[derive(Default)]
struct Engine {
    failure: Option<Ended>,
    logs: Vec<String>,
    cancelled: bool,
}

impl Session {
    /// Opens a session.
    pub fn open(connector: &Connector, opened: &Opened) -> Result<Self, StepError> {
        // SAFETY: the connector's table is static and begins with its size, which `admit` checks.
        let vtbl = unsafe { *connector.vtbl };
        let mut session = Self {
            raw: std::ptr::null_mut(),
            vtbl,
            engine: Box::default(),
            open: HashSet::new(),
        };
        let args = CreateArgs {
            size: size_of::<CreateArgs>() as u32,
            op: opened.op,
            config: Str::new(&opened.config),
            stream: Str::new(&opened.stream),
            cursor: Bytes::new(&opened.cursor),
            seed: opened.seed,
            max_page_docs: opened.max_page_docs,
            max_page_bytes: 0,
            max_open_effects: opened.max_open_effects,
            reserved: 0,
        };
        let host = session.host();
        // SAFETY: all pointers are valid for the call.
        let status = unsafe { (session.vtbl.create)(host, &args, &mut session.raw) };
        session.judge(status)?;
        if session.raw.is_null() {
            return Err(StepError::Broken(
                "`create` returned OK without a session".into(),
            ));
        }
        Ok(session)
    }

    /// Steps with answers to effects and, after a [`Step::Want`], a batch. `last`: no more batches.
    pub fn step(
        &mut self,
        now_ms: i64,
        answers: &[(u32, Answer)],
        batch: &[Given],
        last: bool,
    ) -> Result<Step, StepError> {
        let headers: Vec<Vec<Field>> = answers.iter().map(|(_, answer)| answer.fields()).collect();
        let completions = answers.iter().zip(&headers);
        let completions: Vec<_> = completions
            .map(|((id, answer), headers)| answer.lend(*id, headers))
            .collect();
        let docs: Vec<Doc> = batch.iter().map(Given::lend).collect();
        let input = StepIn {
            size: size_of::<StepIn>() as u32,
            flags: u32::from(last),
            now_ms,
            completions: Slice::new(&completions),
            batch: Slice::new(&docs),
        };
        for (id, _) in answers {
            self.open.remove(id);
        }
        self.step_raw(&input)
    }

    /// Steps with an input in the boundary's own form.
    pub fn step_raw(&mut self, input: &StepIn) -> Result<Step, StepError> {
        // SAFETY: all-zero is a valid value of every type that crosses.
        let mut out: StepOut = unsafe { MaybeUninit::zeroed().assume_init() };
        out.size = size_of::<StepOut>() as u32;
        let host = self.host();
        // SAFETY: the session is alive, and all pointers are valid for the call.
        let status = unsafe { (self.vtbl.step)(self.raw, host, input, &mut out) };
        self.judge(status)?;
        // SAFETY: what a step lends stays valid until the next call, which is not before this returns.
        let step = unsafe { copy(&out) }.map_err(StepError::Broken)?;
        if let Step::Need(asked) = &step {
            for (id, _) in asked {
                if !self.open.insert(*id) {
                    return Err(StepError::Broken(format!("effect id {id} is already open")));
                }
            }
        }
        Ok(step)
    }

    /// Makes [`Cx::cancelled`](crate::sdk::Cx::cancelled) true.
    pub fn cancel(&mut self) {
        self.engine.cancelled = true;
    }

    /// What was logged so far: `LEVEL target message fields`.
    pub fn logs(&self) -> &[String] {
        &self.engine.logs
    }

    /// Number of effects that were asked for and not answered.
    pub fn open_effects(&self) -> usize {
        self.open.len()
    }

    fn host(&mut self) -> Host {
        Host {
            vtbl: &HOST,
            ctx: (&raw mut *self.engine).cast(),
        }
    }

    fn judge(&mut self, status: Status) -> Result<(), StepError> {
        let failure = self.engine.failure.take();
        if status == Status::OK {
            return Ok(());
        }
        match failure {
            Some(ended) if ended.status == status => Err(StepError::Ended(ended)),
            Some(ended) => Err(StepError::Broken(format!(
                "returned {} but explained {}: {}",
                status.name(),
                ended.status.name(),
                ended.message
            ))),
            None => Err(StepError::Broken(format!(
                "returned {} without a reason",
                status.name()
            ))),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if !self.raw.is_null() {
            // SAFETY: the session is alive, and this is the last call on it.
            unsafe { (self.vtbl.destroy)(self.raw) };
        }
    }
}

impl Answer {
    fn fields(&self) -> Vec<Field> {
        let Self::Response { headers, .. } = self else {
            return Vec::new();
        };
        let field = |(name, value): &(String, String)| Field {
            name: Str::new(name),
            value: Bytes::new(value.as_bytes()),
        };
        headers.iter().map(field).collect()
    }

    fn lend(&self, id: u32, headers: &[Field]) -> Completion {
        let (status, http_status, body, message) = match self {
            Self::Response { status, body, .. } => {
                (Status::OK, u32::from(*status), Bytes::new(body), Str::EMPTY)
            }
            Self::Failure { status, message } => (*status, 0, Bytes::EMPTY, Str::new(message)),
        };
        Completion {
            id,
            status,
            http_status,
            reserved: 0,
            headers: Slice::new(headers),
            body,
            message,
        }
    }
}

impl Given {
    fn lend(&self) -> Doc {
        Doc {
            change: self.change,
            format: 0,
            id: Str::new(&self.id),
            version: Str::new(&self.since),
            body: Bytes::new(self.body.as_bytes()),
            number: Str::new(&self.number),
            remote_id: Str::new(&self.remote_id),
        }
    }
}

/// # Safety
///
/// What `out` points at is still lent.
unsafe fn copy(out: &StepOut) -> Result<Step, String> {
    // SAFETY: passed on to the caller, in every block below.
    unsafe {
        Ok(match out.kind {
            kind::NEED => Step::Need(
                out.effects
                    .iter()
                    .map(|effect| asked(&effect))
                    .collect::<Result<_, _>>()?,
            ),
            kind::PAGE => {
                let docs = out
                    .docs
                    .iter()
                    .map(|doc| pulled(&doc))
                    .collect::<Result<Vec<_>, _>>()?;
                let cursor = out.cursor.get().to_vec();
                check_page(&docs, &cursor)?;
                Step::Page { docs, cursor }
            }
            kind::RESULTS => Step::Results(
                out.results
                    .iter()
                    .map(|result| written(&result))
                    .collect::<Result<_, _>>()?,
            ),
            kind::WANT => Step::Want,
            kind::DONE => {
                let value = text("value", out.value)?;
                Step::Done((!value.is_empty()).then_some(value))
            }
            other => return Err(format!("step kind {other} is unknown")),
        })
    }
}

fn check_page(docs: &[PulledDoc], cursor: &[u8]) -> Result<(), String> {
    let mut ids = HashSet::new();
    for doc in docs {
        if doc.id.is_empty() {
            return Err("a document has an empty id".into());
        }
        if !ids.insert((&doc.id, doc.only)) {
            return Err(format!("document `{}` is twice in one page", doc.id));
        }
    }
    if cursor.len() > MAX_CURSOR_BYTES {
        return Err(format!("a cursor of {} bytes is too long", cursor.len()));
    }
    Ok(())
}

unsafe fn asked(effect: &Effect) -> Result<(u32, Asked), String> {
    let asked = match effect.kind {
        effect::HTTP => {
            // SAFETY: the kind says what the payload is; it begins with its size.
            let request = unsafe { read(effect.payload.cast::<HttpRequest>()) };
            // SAFETY: passed on to the caller.
            Asked::Http(unsafe { call(&request) }?)
        }
        effect::SLEEP => {
            // SAFETY: the kind says what the payload is; it begins with its size.
            Asked::Sleep(unsafe { read(effect.payload.cast::<Sleep>()) }.millis)
        }
        other => return Err(format!("effect kind {other} is unknown")),
    };
    Ok((effect.id, asked))
}

unsafe fn call(request: &HttpRequest) -> Result<AskedCall, String> {
    // SAFETY: passed on to the caller.
    unsafe {
        let mut headers = Vec::new();
        for field in request.headers.iter() {
            let value = String::from_utf8_lossy(field.value.get()).into_owned();
            headers.push((text("header name", field.name)?, value));
        }
        let method = text("method", request.method)?;
        let reads = method == "GET" || method == "HEAD";
        Ok(AskedCall {
            url: text("url", request.url)?,
            headers,
            body: request.body.get().to_vec(),
            auth: text("auth", request.auth)?,
            bucket: text("bucket", request.bucket)?,
            covers: request.covers.iter().collect(),
            safe_to_repeat: reads || request.flags & 1 != 0,
            method,
        })
    }
}

unsafe fn pulled(doc: &Doc) -> Result<PulledDoc, String> {
    // SAFETY: passed on to the caller.
    let (id, version, body) = unsafe {
        (
            text("id", doc.id)?,
            text("version", doc.version)?,
            doc.body.get(),
        )
    };
    let body = match doc.change {
        1 => Some(json(&id, body)?),
        2 | 3 => None,
        other => {
            return Err(format!(
                "document `{id}` has change {other}, which is unknown"
            ));
        }
    };
    Ok(PulledDoc {
        id,
        version,
        body,
        only: doc.change == 3,
    })
}

unsafe fn written(result: &WriteResult) -> Result<WrittenDoc, String> {
    // SAFETY: passed on to the caller.
    unsafe {
        let problem = text("problem", result.problem)?;
        let problem = match problem.as_str() {
            "" => None,
            json => Some(serde_json::from_str(json).map_err(|err| format!("`problem`: {err}"))?),
        };
        let remote_id = text("remote id", result.remote_id)?;
        if result.status == Status::OK && remote_id.is_empty() {
            return Err("a result of status OK has no remote id".into());
        }
        let body = result.body.get();
        let body = if body.is_empty() {
            None
        } else {
            Some(json(&remote_id, body)?)
        };
        Ok(WrittenDoc {
            status: result.status,
            whole: result.flags & 1 != 0,
            version: text("version", result.version)?,
            message: text("message", result.message)?,
            remote_id,
            body,
            problem,
        })
    }
}

unsafe fn text(what: &str, text: Str) -> Result<String, String> {
    // SAFETY: passed on to the caller.
    let text = unsafe { text.get() };
    text.map(str::to_owned)
        .map_err(|_| format!("`{what}` is not UTF-8"))
}

fn json(id: &str, body: &[u8]) -> Result<String, String> {
    let text = std::str::from_utf8(body).map_err(|_| format!("document `{id}` is not UTF-8"))?;
    serde_json::from_str::<&serde_json::value::RawValue>(text)
        .map_err(|err| format!("document `{id}` is not JSON: {err}"))?;
    Ok(text.to_owned())
}

static HOST: HostVtbl = HostVtbl {
    size: size_of::<HostVtbl>() as u32,
    abi_minor: abi::ABI_MINOR as u32,
    max_level: level::TRACE,
    reserved: 0,
    log,
    fail,
    cancelled,
    extension,
};

/// # Safety
///
/// `ctx` is the session's [`Engine`].
unsafe extern "C" fn log(ctx: *mut c_void, record: *const LogRecord) {
    // SAFETY: the table is handed out with this context, and the record is lent for the call.
    unsafe {
        let record = read(record);
        let lossy = |text: Str| String::from_utf8_lossy(text.0.get()).into_owned();
        let parts = [
            record.level.to_string(),
            lossy(record.target),
            lossy(record.message),
            lossy(record.fields),
        ];
        (*ctx.cast::<Engine>())
            .logs
            .push(parts.join(" ").trim_end().to_owned());
    }
}

/// # Safety
///
/// `ctx` is the session's [`Engine`].
unsafe extern "C" fn fail(ctx: *mut c_void, failure: *const Failure) {
    // SAFETY: the table is handed out with this context, and the failure is lent for the call.
    unsafe {
        let failure = read(failure);
        let lossy = |text: Str| String::from_utf8_lossy(text.0.get()).into_owned();
        (*ctx.cast::<Engine>()).failure = Some(Ended {
            status: failure.status,
            message: lossy(failure.message),
            detail: lossy(failure.detail),
        });
    }
}

/// # Safety
///
/// `ctx` is the session's [`Engine`].
unsafe extern "C" fn cancelled(ctx: *mut c_void) -> u32 {
    // SAFETY: the table is handed out with this context.
    u32::from(unsafe { (*ctx.cast::<Engine>()).cancelled })
}

unsafe extern "C" fn extension(_: *mut c_void, _: Str) -> *const c_void {
    std::ptr::null()
}
