//! What goes into a session and what comes out of it.

use core::ffi::c_void;

use super::{Bytes, Slice, Status, Str, Wire};

/// What a session is opened with.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CreateArgs {
    /// Bytes of this struct.
    pub size: u32,
    /// One of [`op`](super::op).
    pub op: u32,
    /// JSON `{"base-url": …, "account": … or null, "settings": {…}}`. The settings were checked
    /// against the manifest's schema; there are no secrets in it.
    pub config: Str,
    /// Stream of PULL, PUSH and FIND; empty otherwise.
    pub stream: Str,
    /// What the last durable page carried, byte for byte; empty at first.
    pub cursor: Bytes,
    /// Source of every random choice, so that a recording replays.
    pub seed: u64,
    /// Most documents in a page; zero means that there is no limit.
    pub max_page_docs: u32,
    /// Most bytes of documents in a page; zero means that there is no limit.
    pub max_page_bytes: u32,
    /// Most effects open at once; zero means that there is no limit.
    pub max_open_effects: u32,
    /// Zero.
    pub reserved: u32,
}

/// What a step is given.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct StepIn {
    /// Bytes of this struct.
    pub size: u32,
    /// Bit 0: no further batch will come (PUSH, FIND).
    pub flags: u32,
    /// Milliseconds since the Unix epoch. The only clock.
    pub now_ms: i64,
    /// Effects that finished since the last step, in any order.
    pub completions: Slice<Completion>,
    /// Documents to write or find, as the answer to [`WANT`](super::kind::WANT).
    pub batch: Slice<Doc>,
}

/// What a step gives: zeroed and sized by the engine, filled by the connector.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct StepOut {
    /// Bytes of this struct, as the engine knows it. Nothing is written past them.
    pub size: u32,
    /// One of [`kind`](super::kind).
    pub kind: u32,
    /// NEED: what to perform.
    pub effects: Slice<Effect>,
    /// PAGE: what to keep.
    pub docs: Slice<Doc>,
    /// PAGE: resume point once `docs` is durable.
    pub cursor: Bytes,
    /// RESULTS: one for each document of the batch, in the batch's order.
    pub results: Slice<WriteResult>,
    /// DONE of CHECK ([`CheckReport`](crate::manifest::CheckReport)) and DISCOVER (an array of
    /// [`Account`](crate::manifest::Account)): the answer, as JSON.
    pub value: Str,
}

/// One thing for the engine to do.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Effect {
    /// Unique among the session's open effects; comes back in [`Completion::id`].
    pub id: u32,
    /// One of [`effect`](super::effect).
    pub kind: u32,
    /// The struct that `kind` names.
    pub payload: *const c_void,
}

/// One HTTP call.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct HttpRequest {
    /// Bytes of this struct.
    pub size: u32,
    /// Bit 0: *safe to repeat*. GET and HEAD always are; any other call without this bit is not.
    pub flags: u32,
    /// `GET`, `PUT`, …
    pub method: Str,
    /// Absolute URL.
    pub url: Str,
    /// Headers beside those that the engine sets itself.
    pub headers: Slice<Field>,
    /// Body; may be empty.
    pub body: Bytes,
    /// Credential slot of the manifest. The engine adds the secret; the connector never sees it.
    pub auth: Str,
    /// Call budget of the manifest; empty for the default one.
    pub bucket: Str,
    /// Deadline of the call; zero for the engine's own.
    pub timeout_ms: u32,
    /// Longest body that is read; zero for the engine's own limit.
    pub max_body_bytes: u32,
    /// Indices of the batch's documents that this call writes. Not empty means: the engine makes
    /// the intent durable before the call leaves and decides about *uncertain* after it.
    pub covers: Slice<u32>,
}

/// A wait.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Sleep {
    /// Bytes of this struct.
    pub size: u32,
    /// Zero.
    pub reserved: u32,
    /// How long.
    pub millis: u64,
}

/// One header line.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Field {
    /// Name, in any case.
    pub name: Str,
    /// Value, of any bytes.
    pub value: Bytes,
}

/// A finished effect.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Completion {
    /// The effect's id.
    pub id: u32,
    /// OK when a response arrived, whatever its HTTP status.
    pub status: Status,
    /// HTTP status of the response.
    pub http_status: u32,
    /// Zero.
    pub reserved: u32,
    /// Headers of the response.
    pub headers: Slice<Field>,
    /// Body of the response, decompressed.
    pub body: Bytes,
    /// Why there is no response, for people.
    pub message: Str,
}

/// One document.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Doc {
    /// PULL: 1 present, 2 deleted, 3 of the documents whose ids begin with this one's, those of the
    /// page are all there are. PUSH: 1 create, 2 update, 3 void. FIND: 0.
    pub change: u32,
    /// 0 JSON.
    pub format: u32,
    /// PULL: the source's id. PUSH and FIND: the entry's key; comes back by position.
    pub id: Str,
    /// PULL: anything that differs when the document differs; compared, never ordered.
    /// FIND: the instant (RFC 3339, UTC) since which a write may have happened; empty if unknown.
    pub version: Str,
    /// The document; empty when deleted.
    pub body: Bytes,
    /// PUSH and FIND: the natural key that the engine assigned for life; may be empty.
    pub number: Str,
    /// PUSH and FIND: the target's id when it is known; empty otherwise.
    pub remote_id: Str,
}

/// What became of one document of a batch.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct WriteResult {
    /// OK: written or found. NOT_FOUND: asked for, and not there. Otherwise why not.
    pub status: Status,
    /// Bit 0: the whole call was refused and nobody knows for which document.
    pub flags: u32,
    /// With RATE_LIMITED: for how long.
    pub retry_after_ms: u64,
    /// The target's id.
    pub remote_id: Str,
    /// The target's version of the document; may be empty.
    pub version: Str,
    /// The vendor's own words, joined by newlines. With OK: its warnings.
    pub message: Str,
    /// The remote side's own form of the document, brought into the form that push takes.
    pub body: Bytes,
    /// JSON of a [`Problem`](crate::manifest::Problem); empty when there is none.
    pub problem: Str,
}

// SAFETY: all are `repr(C)` over integers and raw pointers.
unsafe impl Wire for Field {}
// SAFETY: as above.
unsafe impl Wire for Completion {}
// SAFETY: as above.
unsafe impl Wire for Doc {}
// SAFETY: as above.
unsafe impl Wire for Effect {}
// SAFETY: as above.
unsafe impl Wire for WriteResult {}
// SAFETY: as above.
unsafe impl Wire for HttpRequest {}
// SAFETY: as above.
unsafe impl Wire for Sleep {}
// SAFETY: as above.
unsafe impl Wire for CreateArgs {}
// SAFETY: as above.
unsafe impl Wire for StepIn {}
// SAFETY: as above.
unsafe impl Wire for StepOut {}
