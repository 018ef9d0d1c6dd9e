//! What the client tells about the calls that it made.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use std::time::Duration;

use jiff::Timestamp;

/// One exchange, secrets out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallNote {
    /// Connection that made it.
    pub connection: String,
    /// When it left.
    pub at: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// HTTP method.
    pub method: String,
    /// URL.
    pub url: String,
    /// Whether it may change something at the vendor.
    pub writes: bool,
    /// Which try of the call it was, from 1.
    pub attempt: u32,
    /// HTTP status; 0 when no answer came.
    pub status: u16,
    /// Bytes of the answer's body.
    pub bytes_in: u64,
    /// Vendor's own id of the call, or why no answer came.
    pub note: String,
}

/// Hears of every exchange.
pub trait CallSink: Send + Sync + 'static {
    /// An exchange has ended. Called on an async thread: must not block.
    fn done(&self, note: CallNote);
}

/// Counters of one connection since the engine started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Exchanges that can change nothing.
    pub reading: u64,
    /// Exchanges that may change something.
    pub writing: u64,
    /// Exchanges that the vendor answered with "slow down".
    pub refused: u64,
    /// Exchanges without a complete answer.
    pub failed: u64,
    /// Bytes of answers' bodies, which some vendors charge for.
    pub bytes_in: u64,
    /// Bytes of requests' bodies.
    pub bytes_out: u64,
}

/// [`Counters`] while they count.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) reading: AtomicU64,
    pub(super) writing: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) bytes_in: AtomicU64,
    pub(super) bytes_out: AtomicU64,
}

impl Tally {
    pub(super) fn read(&self) -> Counters {
        let value = |it: &AtomicU64| it.load(Ordering::Relaxed);
        Counters {
            reading: value(&self.reading),
            writing: value(&self.writing),
            refused: value(&self.refused),
            failed: value(&self.failed),
            bytes_in: value(&self.bytes_in),
            bytes_out: value(&self.bytes_out),
        }
    }
}

pub(super) fn add(counter: &AtomicU64, amount: usize) {
    counter.fetch_add(amount as u64, Ordering::Relaxed);
}

/// Where notes go; may be set after channels were made.
#[derive(Clone, Default)]
pub(super) struct Sink(Arc<Mutex<Option<Arc<dyn CallSink>>>>);

impl Sink {
    pub(super) fn set(&self, sink: Arc<dyn CallSink>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(sink);
    }

    pub(super) fn get(&self) -> Option<Arc<dyn CallSink>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// The vendor's own id of a call: support people ask for it. There is no standard header for it, but
/// the names in use end alike.
pub(super) fn vendors_id(headers: &[(String, String)]) -> Option<&str> {
    headers
        .iter()
        .find(|(name, _)| {
            let name = name.to_ascii_lowercase();
            ["correlation-id", "request-id", "trace-id"]
                .iter()
                .any(|end| name.ends_with(end))
        })
        .map(|(_, value)| value.as_str())
}
