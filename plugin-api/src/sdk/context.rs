//! What a running operation may ask the engine for.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use serde::Serialize;

use super::desk::{Ask, Desk, Loan, Offer};
use super::{BatchDoc, Error, Outcome, Page, Request, Response, Result, shim};
use crate::abi::{Bytes, Doc, MAX_CURSOR_BYTES, Slice};

/// The engine, as a running operation sees it. Cheap to clone.
///
/// These futures and combinations of them (`join_all`, `select`) are all that an operation may
/// await; anything else ends the session with an explanation.
#[derive(Clone)]
pub struct Cx {
    desk: Desk,
    seed: u64,
    limits: Limits,
}

/// What the engine takes at once. Zero means that there is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Most documents in a page.
    pub page_docs: u32,
    /// Most bytes of documents in a page.
    pub page_bytes: u32,
    /// Most effects open at once. More may be asked for: they wait their turn.
    pub open_effects: u32,
}

impl Cx {
    pub(crate) fn new(desk: Desk, seed: u64, limits: Limits) -> Self {
        Self { desk, seed, limits }
    }

    /// Makes a call. The answer is final: the engine has already waited out what can be waited out.
    /// An error is a call that got no answer.
    ///
    /// Nothing is asked before the future is first polled. Dropping it before the call left takes the
    /// call back; dropping it later ignores the answer.
    pub fn http(&self, request: Request) -> impl Future<Output = Result<Response>> + Send + use<> {
        let broken = request.broken.as_deref().map(|err| {
            Error::bug(format!(
                "the body of {} cannot be written as JSON: {err}",
                request.call()
            ))
        });
        let asked = Asked {
            desk: self.desk.clone(),
            ask: Some(Ask::Http(Box::new(request))),
            id: 0,
        };
        async move {
            match broken {
                Some(error) => Err(error),
                None => asked.await,
            }
        }
    }

    /// Waits. For polling a report that is being made, say; never for a limit, which is the engine's.
    pub fn sleep(&self, millis: u64) -> impl Future<Output = Result<()>> + Send + use<> {
        let asked = Asked {
            desk: self.desk.clone(),
            ask: Some(Ask::Sleep(millis)),
            id: 0,
        };
        async move { asked.await.map(|_| ()) }
    }

    /// Makes a page and the cursor durable together. Resolves once they are: a crash before this
    /// repeats the page, a crash after it does not.
    ///
    /// The future lends the page's memory to the engine and takes it back when it is dropped, so it
    /// must not be leaked (`mem::forget`) once it was polled.
    pub async fn commit<C: Serialize>(&self, mut page: Page<'_>, cursor: &C) -> Result<()> {
        page.settle();
        page.check(self.limits.page_docs)?;
        let cursor = serde_json::to_vec(cursor)
            .map_err(|err| Error::bug(format!("the cursor cannot be written as JSON: {err}")))?;
        if cursor.len() > MAX_CURSOR_BYTES {
            return Err(Error::bug(format!(
                "a cursor of {} bytes is longer than the {MAX_CURSOR_BYTES} that are kept: \
                 store where to go on, not what was met",
                cursor.len()
            )));
        }
        let lent = Lent { docs: page.lend() };
        Offered {
            desk: &self.desk,
            offer: Some(Offer::Page(lent.loan(&cursor))),
            id: 0,
        }
        .await;
        // The loan points into both, so they live until here.
        drop((lent, page, cursor));
        Ok(())
    }

    /// The next documents to write or find; `None` when there will be no more.
    pub async fn next_batch(&self) -> Option<Vec<BatchDoc>> {
        Offered {
            desk: &self.desk,
            offer: Some(Offer::Want),
            id: 0,
        }
        .await;
        self.desk.lock().batch.take()
    }

    /// Says what became of each document of the batch, in the batch's order.
    pub async fn report(&self, outcomes: Vec<Outcome>) -> Result<()> {
        let given = self.desk.lock().unreported;
        let Some(given) = given else {
            return Err(Error::bug(
                "reported outcomes without a batch: each batch is reported once",
            ));
        };
        if outcomes.len() != given {
            return Err(Error::bug(format!(
                "reported {} outcomes for a batch of {given} documents: each document needs one, \
                 in the batch's order",
                outcomes.len()
            )));
        }
        Offered {
            desk: &self.desk,
            offer: Some(Offer::Results(outcomes)),
            id: 0,
        }
        .await;
        Ok(())
    }

    /// Milliseconds since the Unix epoch, as of the last step. The only clock.
    pub fn now_ms(&self) -> i64 {
        self.desk.lock().now_ms
    }

    /// Source of every random choice, so that a recording replays.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// What the engine takes at once.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Whether the session is to end. Long loops without an `await` look at it and return.
    pub fn cancelled(&self) -> bool {
        shim::cancelled()
    }
}

/// A call or a wait.
struct Asked {
    desk: Desk,
    /// Taken by the first poll.
    ask: Option<Ask>,
    /// Zero before the first poll and after the last.
    id: u32,
}

impl Future for Asked {
    type Output = Result<Response>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let mut state = this.desk.lock();
        if let Some(ask) = this.ask.take() {
            this.id = state.ask(ask);
        }
        match state.take_answer(this.id) {
            Some(answer) => {
                this.id = 0;
                Poll::Ready(answer)
            }
            None => {
                state.wake_later(this.id, context.waker());
                Poll::Pending
            }
        }
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        if self.id != 0 {
            self.desk.lock().abandon(self.id);
        }
    }
}

/// Documents in the boundary's form. They point into a [`Page`] that is held beside them.
struct Lent {
    docs: Vec<Doc>,
}
// SAFETY: the documents point into a page, which is `Send`, held by the same future.
unsafe impl Send for Lent {}
// SAFETY: as above; there is no way to write through them.
unsafe impl Sync for Lent {}

impl Lent {
    fn loan(&self, cursor: &[u8]) -> Loan {
        Loan {
            docs: Slice::new(&self.docs),
            cursor: Bytes::new(cursor),
        }
    }
}

/// Something given to the engine. If this is dropped early (a lost `select`), it is taken back
/// before the engine can see it.
struct Offered<'a> {
    desk: &'a Desk,
    /// Taken by the first poll.
    offer: Option<Offer>,
    /// Zero before the first poll and after the last.
    id: u32,
}

impl Future for Offered<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let mut state = this.desk.lock();
        if let Some(offer) = this.offer.take() {
            this.id = state.offer(offer);
        }
        if state.take_answered(this.id) {
            this.id = 0;
            return Poll::Ready(());
        }
        state.wake_later(this.id, context.waker());
        Poll::Pending
    }
}

impl Drop for Offered<'_> {
    fn drop(&mut self) {
        if self.id != 0 {
            self.desk.lock().withdraw(self.id);
        }
    }
}
