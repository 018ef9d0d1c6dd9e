//! The step machine: feeds the connector's future, polls it, and reads what it left.

use std::ffi::c_void;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use super::batch::Reported;
use super::desk::{Ask, Desk, Offer};
use super::{BatchDoc, Error, Request, Response, Result, shim};
use crate::abi::{
    Bytes, Completion, Effect, Field, HttpRequest, Sleep, Slice, Status, StepIn, StepOut, Str,
    WriteResult, effect, kind,
};

/// An operation: CHECK and DISCOVER give a value.
pub(super) type Operation = Pin<Box<dyn Future<Output = Result<Option<String>>> + Send>>;

/// How often an operation may wake itself in one step before it counts as spinning.
const MAX_POLLS: u32 = 10_000;

/// One session: an operation and what is lent to the engine until the next step.
pub(super) struct Running {
    desk: Desk,
    operation: Operation,
    woken: Arc<Woken>,
    waker: Waker,
    max_open: usize,
    /// Set once nothing may follow, with what a further step is told.
    ended: Option<Error>,
    /// The offer that the engine is dealing with.
    held: Option<Held>,
    outgoing: Outgoing,
    results: Vec<WriteResult>,
    value: String,
}

enum Held {
    Page(u32),
    Results(
        u32,
        #[expect(dead_code, reason = "`results` points into it")] Vec<Reported>,
    ),
    Want(u32),
}

// SAFETY: the raw pointers inside only point into memory that this struct owns.
unsafe impl Send for Running {}

/// Notices that something in the operation wants to be polled again, as `join_all` does when it has
/// polled many.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

impl Running {
    pub(super) fn new(desk: Desk, operation: Operation, max_open: u32) -> Self {
        let woken = Arc::new(Woken::default());
        Self {
            desk,
            operation,
            waker: Waker::from(Arc::clone(&woken)),
            woken,
            max_open: if max_open == 0 {
                usize::MAX
            } else {
                max_open as usize
            },
            ended: None,
            held: None,
            outgoing: Outgoing::default(),
            results: Vec::new(),
            value: String::new(),
        }
    }

    /// Remembers that the session is dead after a panic.
    pub(super) fn poison(&mut self) {
        self.ended = Some(Error::new(
            Status::PANIC,
            "this session panicked before and is dead",
        ));
    }

    /// # Safety
    ///
    /// What `input` points at is still borrowed.
    pub(super) unsafe fn step(&mut self, input: &StepIn, out: &mut StepOut) -> Result<()> {
        if let Some(ended) = &self.ended {
            return Err(ended.clone());
        }
        // SAFETY: passed on to the caller.
        let taken = unsafe { self.take_in(input) };
        let result = taken.and_then(|()| self.run(out));
        if let Err(error) = &result {
            self.ended = Some(Error::bug(format!(
                "stepped a session that had already ended with {}: {}",
                error.status.name(),
                error.message
            )));
        }
        result
    }

    /// # Safety
    ///
    /// As [`Self::step`].
    unsafe fn take_in(&mut self, input: &StepIn) -> Result<()> {
        let mut to_wake = Vec::new();
        let mut state = self.desk.lock();
        state.now_ms = input.now_ms;
        match self.held.take() {
            None => {}
            Some(Held::Page(id)) => state.answer(id, &mut to_wake),
            Some(Held::Results(id, _)) => {
                state.unreported = None;
                state.answer(id, &mut to_wake);
            }
            Some(Held::Want(id)) => {
                let no_more = input.flags & 1 != 0;
                // SAFETY: passed on to the caller.
                let docs = unsafe { input.batch.iter() };
                // SAFETY: as above.
                let docs = docs.map(|doc| unsafe { BatchDoc::read(&doc) });
                let docs = docs.collect::<Result<Vec<_>>>()?;
                let batch = if docs.is_empty() && no_more {
                    None
                } else {
                    Some(docs)
                };
                state.unreported = batch.as_ref().map(Vec::len);
                state.batch = batch;
                state.answer(id, &mut to_wake);
            }
        }
        // SAFETY: passed on to the caller.
        for completion in unsafe { input.completions.iter() } {
            // SAFETY: as above.
            let result = unsafe { response(&completion) };
            if !state.complete(completion.id, result, &mut to_wake) {
                return Err(Error::bug(format!(
                    "the engine completed effect {}, which is not open",
                    completion.id
                )));
            }
        }
        drop(state);
        to_wake.into_iter().for_each(Waker::wake);
        Ok(())
    }

    fn run(&mut self, out: &mut StepOut) -> Result<()> {
        for _ in 0..MAX_POLLS {
            self.woken.0.store(false, Ordering::Release);
            match self
                .operation
                .as_mut()
                .poll(&mut Context::from_waker(&self.waker))
            {
                Poll::Ready(result) => return self.end(result, out),
                Poll::Pending => {}
            }
            let offer = self.desk.lock().offers.pop_front();
            if let Some((id, offer)) = offer {
                return self.hand_over(id, offer, out);
            }
            if !self.woken.0.load(Ordering::Acquire) {
                return self.hand_out(out);
            }
            if shim::cancelled() {
                return Err(Error::new(Status::CANCELLED, "cancelled by the engine"));
            }
        }
        Err(Error::bug(format!(
            "the connector woke itself {MAX_POLLS} times in one step without asking for anything: \
             it must await `cx.http`, `cx.sleep`, `cx.commit`, `cx.next_batch` or `cx.report`"
        )))
    }

    fn end(&mut self, result: Result<Option<String>>, out: &mut StepOut) -> Result<()> {
        let value = result.map_err(|error| match error.status {
            Status::OK => Error::bug(format!("ended with an error of status OK: {error}")),
            _ => error,
        })?;
        if let Some(given) = self.desk.lock().unreported {
            return Err(Error::bug(format!(
                "ended without reporting on a batch of {given} documents: `cx.report` is owed"
            )));
        }
        self.ended = Some(Error::bug("stepped a session that had already ended well"));
        self.value = value.unwrap_or_default();
        out.kind = kind::DONE;
        out.value = Str::new(&self.value);
        Ok(())
    }

    fn hand_over(&mut self, id: u32, offer: Offer, out: &mut StepOut) -> Result<()> {
        match offer {
            Offer::Page(loan) => {
                out.kind = kind::PAGE;
                out.docs = loan.docs;
                out.cursor = loan.cursor;
                self.held = Some(Held::Page(id));
            }
            Offer::Results(outcomes) => {
                let reported: Vec<_> = outcomes.into_iter().map(Reported::new).collect();
                self.results = reported.iter().map(Reported::lend).collect();
                out.kind = kind::RESULTS;
                out.results = Slice::new(&self.results);
                self.held = Some(Held::Results(id, reported));
            }
            Offer::Want => {
                if let Some(given) = self.desk.lock().unreported {
                    return Err(Error::bug(format!(
                        "asked for a batch before reporting on the last one of {given} documents"
                    )));
                }
                out.kind = kind::WANT;
                self.held = Some(Held::Want(id));
            }
        }
        Ok(())
    }

    /// Hands out as many requests as may be open; the others wait their turn.
    fn hand_out(&mut self, out: &mut StepOut) -> Result<()> {
        let mut state = self.desk.lock();
        if !state.is_waiting() {
            return Err(Error::bug(
                "the connector awaits something that is not the engine's, so nothing can ever wake \
                 it: await only what `cx` gives (`cx.http` instead of an HTTP client, `cx.sleep` \
                 instead of a runtime's timer) and combinations of it",
            ));
        }
        let room = self.max_open.saturating_sub(state.open.len());
        let count = room.min(state.outbox.len());
        let asks: Vec<_> = state.outbox.drain(..count).collect();
        for (id, ask) in &asks {
            let call = match ask {
                Ask::Http(request) => request.call(),
                Ask::Sleep(_) => "the wait".to_owned(),
            };
            state.open.insert(*id, Some(call));
        }
        drop(state);
        self.outgoing.set(asks);
        out.kind = kind::NEED;
        out.effects = Slice::new(&self.outgoing.effects);
        Ok(())
    }
}

/// Requests in the boundary's form, kept until the next step.
#[derive(Default)]
struct Outgoing {
    asks: Vec<(u32, Ask)>,
    fields: Vec<Vec<Field>>,
    http: Vec<HttpRequest>,
    sleeps: Vec<Sleep>,
    effects: Vec<Effect>,
}

impl Outgoing {
    fn set(&mut self, asks: Vec<(u32, Ask)>) {
        self.effects.clear();
        self.http.clear();
        self.sleeps.clear();
        self.fields.clear();
        self.asks = asks;
        // Reserved, because the effects point at the elements.
        self.http.reserve(self.asks.len());
        self.sleeps.reserve(self.asks.len());
        for (id, ask) in &self.asks {
            let (kind, payload) = match ask {
                Ask::Http(request) => {
                    self.fields.push(fields(request));
                    let headers = self.fields.last().map_or(Slice::EMPTY, |it| Slice::new(it));
                    (
                        effect::HTTP,
                        place(&mut self.http, http_request(request, headers)),
                    )
                }
                Ask::Sleep(millis) => {
                    let sleep = Sleep {
                        size: size_of::<Sleep>() as u32,
                        reserved: 0,
                        millis: *millis,
                    };
                    (effect::SLEEP, place(&mut self.sleeps, sleep))
                }
            };
            self.effects.push(Effect {
                id: *id,
                kind,
                payload,
            });
        }
    }
}

/// Appends within the capacity reserved and gives the element's address.
fn place<T>(list: &mut Vec<T>, item: T) -> *const c_void {
    debug_assert!(
        list.len() < list.capacity(),
        "growing would move what effects point at"
    );
    list.push(item);
    // SAFETY: the list is not empty, so its last element is inside the allocation.
    unsafe { list.as_ptr().add(list.len() - 1).cast() }
}

fn fields(request: &Request) -> Vec<Field> {
    let field = |(name, value): &(String, String)| Field {
        name: Str::new(name),
        value: Bytes::new(value.as_bytes()),
    };
    request.headers.iter().map(field).collect()
}

fn http_request(request: &Request, headers: Slice<Field>) -> HttpRequest {
    let safe = request.safe_to_repeat || request.method == "GET";
    HttpRequest {
        size: size_of::<HttpRequest>() as u32,
        flags: u32::from(safe),
        method: Str::new(request.method),
        url: Str::new(&request.url),
        headers,
        body: Bytes::new(&request.body),
        auth: Str::new(&request.auth),
        bucket: Str::new(&request.bucket),
        timeout_ms: request.timeout_ms,
        max_body_bytes: request.max_body,
        covers: Slice::new(&request.covers),
    }
}

/// # Safety
///
/// What `completion` points at is still borrowed.
unsafe fn response(completion: &Completion) -> Result<Response> {
    // SAFETY: passed on to the caller.
    let (headers, body, message) = unsafe {
        (
            completion.headers.iter(),
            completion.body.get(),
            completion.message.get(),
        )
    };
    if completion.status != Status::OK {
        let message = message.unwrap_or_default();
        let message = if message.is_empty() {
            "the call got no answer"
        } else {
            message
        };
        return Err(Error::new(completion.status, message));
    }
    let status = u16::try_from(completion.http_status).map_err(|_| {
        Error::protocol(format!(
            "HTTP status {} is out of range",
            completion.http_status
        ))
    })?;
    let headers = headers
        .map(|field| {
            // SAFETY: as above.
            let (name, value) = unsafe { (field.name.0.get(), field.value.get()) };
            let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
            (text(name), text(value))
        })
        .collect();
    Ok(Response {
        status,
        headers,
        body: body.to_vec(),
        call: String::new(),
    })
}
