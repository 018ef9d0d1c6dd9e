//! The connector ABI, major 0: not frozen yet, so majors and minors must be equal in meaning, but the
//! layout is pinned by asserts, by the checked-in dump `abi.lock` and by the C header `ledgerline.h`.
//!
//! A connector exports one symbol, `ledgerline_connector`, a read-only [`Connector`]. The engine reads
//! its [`Header`], decides whether it can talk to it, and from then on only calls through
//! [`ConnectorVtbl`]. The connector only calls back through [`HostVtbl`].
//!
//! Rules that hold everywhere:
//!
//! 1. **Memory never changes owner.** What the caller passes in is borrowed for that call. What a
//!    session hands out stays valid until the next call on the same session.
//! 2. **Every struct may grow at its end.** A struct carries its `size`, an array its `stride`.
//!    Readers copy the part both sides know into a zeroed local ([`read`], [`Slice::get`]) and
//!    never form a reference to the other side's memory. All-zero is a valid value of every type.
//! 3. **A session is used by one thread at a time**, though not always the same thread. Different
//!    sessions run concurrently. The host table and its context are valid during a call only.
//! 4. **Nothing unwinds across.** A panic becomes [`Status::PANIC`] and ends that session only.
//! 5. **A connector does no I/O, starts no thread, never sleeps and never blocks.** It asks.

mod codes;
mod layout;
mod messages;
mod tables;
mod values;

pub use codes::{
    ABI_MAJOR, ABI_MINOR, ENTRY_SYMBOL, MAGIC, MAX_CURSOR_BYTES, Status, effect, kind, level, op,
};
pub use messages::{
    Completion, CreateArgs, Doc, Effect, Field, HttpRequest, Sleep, StepIn, StepOut, WriteResult,
};
pub use tables::{
    Connector, ConnectorVtbl, Failure, Header, Host, HostVtbl, LogRecord, Session, compatible,
};
pub use values::{Bytes, Slice, Str, Wire, read};
