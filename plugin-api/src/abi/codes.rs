//! Every number of the contract. A number, once given out, keeps its meaning for ever.

/// First eight bytes of every connector's header.
pub const MAGIC: u64 = u64::from_le_bytes(*b"LEDGLINE");
/// Stays 0 until plugins by different people exist.
pub const ABI_MAJOR: u16 = 0;
/// Grows when something is added that older sides may ignore.
pub const ABI_MINOR: u16 = 0;
/// The one exported symbol, NUL-terminated.
pub const ENTRY_SYMBOL: &[u8] = b"ledgerline_connector\0";
/// Longest cursor that a page may carry.
pub const MAX_CURSOR_BYTES: usize = 64 * 1024;

/// Outcome of a call and class of an error. The numbers are permanent.
#[repr(transparent)]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Status(
    /// The number that crosses the boundary.
    pub i32,
);

impl Status {
    /// It worked.
    pub const OK: Self = Self(0);
    /// The configuration is wrong; only an operator can fix it.
    pub const CONFIG: Self = Self(1);
    /// Credentials were refused; stop until they are replaced.
    pub const AUTH: Self = Self(2);
    /// Slow down; `retry_after_ms` says for how long.
    pub const RATE_LIMITED: Self = Self(3);
    /// The remote side or the way to it failed; the same call may work later.
    pub const UNAVAILABLE: Self = Self(4);
    /// The remote side understood and refused; the same call will not work later.
    pub const REJECTED: Self = Self(5);
    /// The remote side answered something this connector does not understand.
    pub const PROTOCOL: Self = Self(6);
    /// The engine asked for the end of the session.
    pub const CANCELLED: Self = Self(7);
    /// This side is older than the feature asked for.
    pub const UNSUPPORTED: Self = Self(8);
    /// The connector panicked; the session is dead.
    pub const PANIC: Self = Self(9);
    /// Either side broke this contract.
    pub const BUG: Self = Self(10);
    /// FIND: the target was asked and does not hold the document.
    pub const NOT_FOUND: Self = Self(11);

    /// Every status with its name, in the order of the numbers.
    pub const ALL: [(&'static str, Self); 12] = [
        ("OK", Self::OK),
        ("CONFIG", Self::CONFIG),
        ("AUTH", Self::AUTH),
        ("RATE_LIMITED", Self::RATE_LIMITED),
        ("UNAVAILABLE", Self::UNAVAILABLE),
        ("REJECTED", Self::REJECTED),
        ("PROTOCOL", Self::PROTOCOL),
        ("CANCELLED", Self::CANCELLED),
        ("UNSUPPORTED", Self::UNSUPPORTED),
        ("PANIC", Self::PANIC),
        ("BUG", Self::BUG),
        ("NOT_FOUND", Self::NOT_FOUND),
    ];

    /// Name of the status for logs, `UNKNOWN` for a number that this side has never heard of.
    pub fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(_, status)| *status == self)
            .map_or("UNKNOWN", |(name, _)| name)
    }
}

/// What a session is created for: one bit each, so that [`ConnectorVtbl::ops`] is a set of them.
///
/// [`ConnectorVtbl::ops`]: crate::abi::ConnectorVtbl::ops
pub mod op {
    /// Which account do these credentials reach, and what do they lack? Ends with a `value`.
    pub const CHECK: u32 = 1;
    /// Which accounts does this consent offer? Ends with a `value`.
    pub const DISCOVER: u32 = 2;
    /// Read documents: PAGE after PAGE.
    pub const PULL: u32 = 4;
    /// Write documents: WANT, batch, RESULTS, WANT again.
    pub const PUSH: u32 = 8;
    /// Ask the remote side for documents it may hold: WANT, batch, RESULTS, WANT again.
    pub const FIND: u32 = 16;
}

/// What a step asks the engine to do: [`StepOut::kind`].
///
/// [`StepOut::kind`]: crate::abi::StepOut::kind
pub mod kind {
    /// Perform `effects`; step again when at least one completed. May be empty: still waiting.
    pub const NEED: u32 = 1;
    /// Make `docs` and `cursor` durable together, then step again.
    pub const PAGE: u32 = 2;
    /// Outcome of every document of the batch; step again.
    pub const RESULTS: u32 = 3;
    /// Step again with a batch.
    pub const WANT: u32 = 4;
    /// The session has ended well; only `destroy` may follow.
    pub const DONE: u32 = 5;
}

/// What an [`Effect`](crate::abi::Effect) is.
pub mod effect {
    /// Payload [`HttpRequest`](crate::abi::HttpRequest).
    pub const HTTP: u32 = 1;
    /// Payload [`Sleep`](crate::abi::Sleep).
    pub const SLEEP: u32 = 2;
}

/// Levels of a [`LogRecord`](crate::abi::LogRecord).
pub mod level {
    /// Somebody must act.
    pub const ERROR: u32 = 1;
    /// Something failed and was mended.
    pub const WARN: u32 = 2;
    /// A turn of events worth knowing.
    pub const INFO: u32 = 3;
    /// One line a step.
    pub const DEBUG: u32 = 4;
    /// One line a document.
    pub const TRACE: u32 = 5;
}
