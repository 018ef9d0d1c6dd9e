//! One HTTP call as connectors ask for it, and how it ended. No secret is ever in these values: the
//! client adds credentials at the last moment and takes them out of whatever it reports.

use std::time::Duration;

use bytes::Bytes;

/// A call to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// HTTP method, upper case.
    pub method: String,
    /// Absolute URL.
    pub url: String,
    /// Headers as asked for; a connector cannot set credentials, the pin or the idempotency key.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Bytes,
    /// Credential slot of the manifest; empty for none.
    pub auth: String,
    /// Budget of the manifest that it is counted in beside `account` and `app`; empty for none.
    pub bucket: String,
    /// Longest time for one try; zero takes the connection's.
    pub timeout: Duration,
    /// Longest answer in bytes; zero takes the client's limit.
    pub max_answer: usize,
    /// Whether, and how, it may be sent again after a passing fault.
    pub repeat: Repeat,
}

/// Whether a call may leave more than once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repeat {
    /// Reading, or declared safe by the connector.
    Safe,
    /// Writing under a key that the remote side remembers: the same bytes may leave again until
    /// shortly before the key's life ends.
    Keyed {
        /// Header that carries the key.
        header: String,
        /// The key.
        key: String,
        /// No repetition begins after this instant, milliseconds since the epoch.
        until_ms: i64,
    },
    /// Writing without protection: leaves once. (Answers that say that nothing was done, 429 and
    /// what the manifest calls `slow-down`, are still waited out.)
    Never,
}

/// On whose behalf a call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallClass {
    /// A person waits for it: it may use the whole day's budget, and gives up waiting early.
    Interactive,
    /// Scheduled work: it leaves a part of the day to people, and waits for longer.
    Scheduled,
}

impl CallClass {
    /// Longest time from asking for a call to its last try's beginning.
    pub fn max_wait(self) -> Duration {
        match self {
            Self::Interactive => Duration::from_secs(2 * 60),
            Self::Scheduled => Duration::from_secs(10 * 60),
        }
    }
}

/// How a call ended, all repetitions done.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// A complete answer, whatever its status.
    Answer(Answer),
    /// It certainly did not reach the other side, or not in a way that could have done anything:
    /// refused locally, no connection, credentials refused before anything was sent.
    NotSent(CallError),
    /// It left, and no complete answer came back: what it did is unknown.
    Lost(CallError),
}

/// A complete answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Bytes,
    /// Tries that it took.
    pub tries: u32,
}

/// Why no answer came.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The host is not one that this connector may reach.
    #[error("{host} is not a host of this connector; allowed are {allowed}")]
    HostNotAllowed {
        /// Host asked for.
        host: String,
        /// Hosts allowed.
        allowed: String,
    },
    /// The call itself is malformed.
    #[error("the call to {url} is malformed: {why}")]
    Malformed {
        /// URL as asked for.
        url: String,
        /// Why.
        why: String,
    },
    /// No credential, or the vendor refused it.
    #[error("{why}; {remedy}")]
    Credentials {
        /// What is wrong, without the secret.
        why: String,
        /// What to do.
        remedy: String,
    },
    /// The budget is spent, or the vendor parked us, for longer than the call may wait.
    #[error("{budget} is spent until {until}")]
    Parked {
        /// Which budget.
        budget: String,
        /// When it goes on.
        until: jiff::Timestamp,
    },
    /// Network, TLS, time-out, truncated answer.
    #[error("{url}: {why}")]
    Transport {
        /// URL without query.
        url: String,
        /// What happened.
        why: String,
    },
    /// A dry run does not write.
    #[error("a dry run makes no writing call")]
    DryRun,
    /// The work was stopped.
    #[error("stopped")]
    Cancelled,
}
