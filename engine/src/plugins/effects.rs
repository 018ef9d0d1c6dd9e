//! What the driver needs of the pipeline to perform what connectors ask for.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use ledgerline_plugin_api::abi::Status;
use tokio::sync::Notify;

use crate::http::{Answer, Call};

/// Performs effects. Calls of one session run concurrently; dropping a future stops its effect as
/// far as that is still possible.
#[async_trait]
pub trait Effects: Send + Sync {
    /// Makes a call, with everything that the engine adds to it: credentials, budgets, repetition,
    /// and a durable intent before a call that covers documents.
    async fn http(&self, ask: HttpAsk) -> HttpDone;
    /// Waits.
    async fn sleep(&self, duration: Duration);
    /// Milliseconds since the Unix epoch: the only clock that connectors see.
    fn now_ms(&self) -> i64;
}

/// A call that a connector asks for. `call.repeat` is [`Repeat::Safe`](crate::http::Repeat::Safe)
/// for GET, HEAD and what the connector declared safe, else
/// [`Repeat::Never`](crate::http::Repeat::Never).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpAsk {
    /// Indices of the batch's documents that this call writes; in range and without repetition.
    /// Empty for calls that write nothing.
    pub covers: Vec<u32>,
    /// The call.
    pub call: Call,
}

/// How a call ended, as the connector is told.
#[derive(Debug, Clone)]
pub enum HttpDone {
    /// A complete answer, whatever its status.
    Answer(Answer),
    /// No answer.
    Failed {
        /// Why, as a class. Never OK.
        status: Status,
        /// Why, for people.
        message: String,
    },
}

/// Ends sessions from outside: connectors see it as `host.cancelled`, and open effects are dropped.
/// Clones share the same state; it cannot be taken back.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<CancelState>);

#[derive(Debug, Default)]
struct CancelState {
    set: std::sync::atomic::AtomicBool,
    changed: Notify,
}

impl Cancel {
    /// Ends every session that was opened with this token or a clone of it.
    pub fn cancel(&self) {
        self.0.set.store(true, std::sync::atomic::Ordering::Release);
        self.0.changed.notify_waiters();
    }

    /// Whether [`cancel`](Self::cancel) was called.
    pub fn is_cancelled(&self) -> bool {
        self.0.set.load(std::sync::atomic::Ordering::Acquire)
    }

    /// Returns once [`cancel`](Self::cancel) was called.
    pub async fn cancelled(&self) {
        loop {
            let changed = self.0.changed.notified();
            tokio::pin!(changed);
            // Registered before the look, so that a call in between is not missed.
            changed.as_mut().enable();
            if self.is_cancelled() {
                return;
            }
            changed.await;
        }
    }
}
