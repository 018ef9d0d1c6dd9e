//! One session at the boundary: create, step, destroy. Everything that a step lends is copied before
//! the step's function returns, on whichever thread it runs.

use std::{mem::MaybeUninit, sync::Arc};

use ledgerline_plugin_api::abi::{
    Bytes, Completion, CreateArgs, Doc, Field, Session, Slice, Status, StepIn, StepOut, Str,
};
use tokio::sync::oneshot;
use tracing::Span;

use super::{
    Limits, OutDoc, Plugin, SessionError,
    host::{HostSide, explain},
    output::{self, Output, Rules},
    watch::{self, Place},
};
use crate::http::Answer;

/// A connector's session and the engine's side of it.
#[derive(Debug)]
pub(super) struct Raw {
    session: *mut Session,
    host: Box<HostSide>,
    plugin: Plugin,
    place: Arc<Place>,
    limits: Limits,
    span: Span,
}

// SAFETY: the contract lets a session move between threads as long as one uses it at a time, which
// `&mut self` ensures; everything else in it is `Send`.
unsafe impl Send for Raw {}

/// An effect that finished.
#[derive(Debug, Clone)]
pub(super) struct Done {
    pub(super) id: u32,
    pub(super) how: How,
}

/// How an effect finished.
#[derive(Debug, Clone)]
pub(super) enum How {
    Slept,
    Answer(Answer),
    Failed(Status, String),
}

impl Done {
    /// Bytes that the connector will have to look at.
    pub(super) fn weight(&self) -> usize {
        match &self.how {
            How::Answer(answer) => answer.body.len(),
            How::Slept | How::Failed(..) => 0,
        }
    }
}

/// What a step is given.
#[derive(Debug, Clone, Copy)]
pub(super) struct Input<'a> {
    pub(super) now_ms: i64,
    pub(super) done: &'a [Done],
    pub(super) batch: &'a [OutDoc],
    pub(super) no_more: bool,
}

/// What a session is created with, in the boundary's terms.
pub(super) struct Creation<'a> {
    pub(super) op: u32,
    pub(super) config: &'a str,
    pub(super) stream: &'a str,
    pub(super) cursor: &'a [u8],
    pub(super) seed: u64,
    pub(super) limits: Limits,
}

impl Raw {
    pub(super) fn create(
        plugin: &Plugin,
        creation: &Creation<'_>,
        host: Box<HostSide>,
        place: Arc<Place>,
        span: Span,
    ) -> Result<Self, SessionError> {
        let limits = creation.limits;
        let session = std::ptr::null_mut();
        let mut raw = Self {
            session,
            host,
            plugin: plugin.clone(),
            place,
            limits,
            span,
        };
        let args = CreateArgs {
            size: size_of::<CreateArgs>() as u32,
            op: creation.op,
            config: Str::new(creation.config),
            stream: Str::new(creation.stream),
            cursor: Bytes::new(creation.cursor),
            seed: creation.seed,
            max_page_docs: limits.page_docs,
            max_page_bytes: limits.page_bytes,
            max_open_effects: limits.open_effects,
            reserved: 0,
        };
        let status = {
            let _in_span = raw.span.enter();
            let (overdue, _) = oneshot::channel();
            let _watched = watch::begin(plugin, &raw.place, limits, overdue);
            let host = raw.host.lend();
            // SAFETY: the function came with an admitted connector; host, arguments and place for
            // the session outlive the call.
            unsafe { (plugin.0.vtbl.create)(host, &args, &mut raw.session) }
        };
        let told = raw.host.take_failure();
        if status != Status::OK {
            // A failed create leaves nothing to destroy.
            raw.session = std::ptr::null_mut();
            return Err(explain(told, status));
        }
        if raw.session.is_null() {
            return Err(SessionError::bug("`create` returned OK and no session"));
        }
        Ok(raw)
    }

    /// Makes one step. After an error the session is only good for being dropped.
    pub(super) fn step(
        &mut self,
        input: Input<'_>,
        rules: &Rules,
        overdue: oneshot::Sender<()>,
    ) -> Result<Output, SessionError> {
        let span = self.span.clone();
        let _in_span = span.enter();
        let fields: Vec<Vec<Field>> = input.done.iter().map(fields).collect();
        let completions: Vec<Completion> = input
            .done
            .iter()
            .zip(&fields)
            .map(|(done, fields)| completion(done, fields))
            .collect();
        let batch: Vec<Doc> = input.batch.iter().map(doc).collect();
        let step_in = StepIn {
            size: size_of::<StepIn>() as u32,
            flags: u32::from(input.no_more),
            now_ms: input.now_ms,
            completions: Slice::new(&completions),
            batch: Slice::new(&batch),
        };
        // SAFETY: all-zero is a valid value of every type that crosses.
        let mut out: StepOut = unsafe { MaybeUninit::zeroed().assume_init() };
        out.size = size_of::<StepOut>() as u32;

        let watched = watch::begin(&self.plugin, &self.place, self.limits, overdue);
        let host = self.host.lend();
        // SAFETY: `create` made the session, `&mut self` makes this its only call, and everything
        // passed outlives the call.
        let status = unsafe { (self.plugin.0.vtbl.step)(self.session, host, &step_in, &mut out) };
        self.plugin.0.metrics.stepped(watched.took());
        drop(watched);

        let told = self.host.take_failure();
        if status != Status::OK {
            return Err(explain(told, status));
        }
        // SAFETY: the session's outputs stay readable until its next call.
        unsafe { output::copy(&out, rules) }
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        if self.session.is_null() {
            return;
        }
        let _in_span = self.span.enter();
        let (overdue, _) = oneshot::channel();
        let _watched = watch::begin(&self.plugin, &self.place, self.limits, overdue);
        // SAFETY: `create` made the session, and this is the last call on it.
        unsafe { (self.plugin.0.vtbl.destroy)(self.session) }
    }
}

fn fields(done: &Done) -> Vec<Field> {
    let How::Answer(answer) = &done.how else {
        return Vec::new();
    };
    let field = |(name, value): &(String, String)| Field {
        name: Str::new(name),
        value: Bytes::new(value.as_bytes()),
    };
    answer.headers.iter().map(field).collect()
}

fn completion(done: &Done, fields: &[Field]) -> Completion {
    let empty = Completion {
        id: done.id,
        status: Status::OK,
        http_status: 0,
        reserved: 0,
        headers: Slice::EMPTY,
        body: Bytes::EMPTY,
        message: Str::EMPTY,
    };
    match &done.how {
        How::Slept => empty,
        How::Answer(answer) => Completion {
            http_status: u32::from(answer.status),
            headers: Slice::new(fields),
            body: Bytes::new(&answer.body),
            ..empty
        },
        How::Failed(status, message) => Completion {
            status: *status,
            message: Str::new(message),
            ..empty
        },
    }
}

fn doc(doc: &OutDoc) -> Doc {
    Doc {
        change: doc.change,
        format: 0,
        id: Str::new(&doc.id),
        version: Str::new(doc.since.as_deref().unwrap_or_default()),
        body: Bytes::new(&doc.body),
        number: Str::new(&doc.number),
        remote_id: Str::new(doc.remote_id.as_deref().unwrap_or_default()),
    }
}
