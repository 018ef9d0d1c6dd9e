//! The exported symbol, the two function tables, and what goes through the host's.

use core::ffi::c_void;

use super::{CreateArgs, MAGIC, Status, StepIn, StepOut, Str, Wire};

/// Read before anything else. Its layout is the same in every major version, for ever.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Header {
    /// [`MAGIC`].
    pub magic: u64,
    /// Must equal the engine's.
    pub abi_major: u16,
    /// The minor the connector was built against. For diagnostics.
    pub abi_minor: u16,
    /// The lowest minor it can run on.
    pub abi_min_minor: u16,
    /// Zero.
    pub reserved: u16,
    /// Bytes of the whole exported struct.
    pub size: u32,
    /// Zero.
    pub flags: u32,
}

/// What a library exports as `ledgerline_connector`.
#[repr(C)]
pub struct Connector {
    /// Decides whether the rest may be read.
    pub header: Header,
    /// Name by which connections ask for it.
    pub name: Str,
    /// Semantic version of the connector itself.
    pub version: Str,
    /// Toolchain and SDK, as text for logs: `rust, sdk 0.1.0, x86_64-linux`.
    pub built_with: Str,
    /// JSON of a [`Manifest`](crate::manifest::Manifest).
    pub manifest: Str,
    /// The functions.
    pub vtbl: *const ConnectorVtbl,
}
// SAFETY: a `Connector` is immutable and everything it points at is `'static`.
unsafe impl Sync for Connector {}
// SAFETY: as above; nothing in it belongs to a thread.
unsafe impl Send for Connector {}

/// What the engine calls. `create` may run on any thread; `step` and `destroy` follow rule 3.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ConnectorVtbl {
    /// Bytes of this struct.
    pub size: u32,
    /// Bit set of [`op`](super::op) values.
    pub ops: u32,
    /// Opens a session for one operation on one stream.
    pub create: unsafe extern "C" fn(Host, *const CreateArgs, *mut *mut Session) -> Status,
    /// Runs until the connector needs something.
    pub step: unsafe extern "C" fn(*mut Session, Host, *const StepIn, *mut StepOut) -> Status,
    /// The last call on a session. Also the way to cancel it.
    pub destroy: unsafe extern "C" fn(*mut Session),
    /// Looks up an optional table by `name/revision`. Null when unknown.
    pub extension: unsafe extern "C" fn(Str) -> *const c_void,
}

/// Opaque connector state.
#[repr(C)]
pub struct Session {
    _private: [u8; 0],
}

/// The engine's table and its context, passed by value into every call.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Host {
    /// The engine's functions.
    pub vtbl: *const HostVtbl,
    /// First argument of each of them.
    pub ctx: *mut c_void,
}

/// What a connector may call, during a call of the engine only.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct HostVtbl {
    /// Bytes of this struct.
    pub size: u32,
    /// The engine's minor.
    pub abi_minor: u32,
    /// Records above this [`level`](super::level) would be dropped; do not format them.
    pub max_level: u32,
    /// Zero.
    pub reserved: u32,
    /// Takes one record; the engine copies before returning.
    pub log: unsafe extern "C" fn(*mut c_void, *const LogRecord),
    /// Explains the status about to be returned. The engine copies before returning.
    pub fail: unsafe extern "C" fn(*mut c_void, *const Failure),
    /// Non-zero once the session is to end. Long loops look at it.
    pub cancelled: unsafe extern "C" fn(*mut c_void) -> u32,
    /// Looks up an optional table by `name/revision`. Null when unknown.
    pub extension: unsafe extern "C" fn(*mut c_void, Str) -> *const c_void,
}

/// One event.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct LogRecord {
    /// Bytes of this struct.
    pub size: u32,
    /// One of [`level`](super::level).
    pub level: u32,
    /// Module path.
    pub target: Str,
    /// Constant text.
    pub message: Str,
    /// JSON object of the values; empty when there are none.
    pub fields: Str,
    /// Source file; may be empty.
    pub file: Str,
    /// Line in it; zero when unknown.
    pub line: u32,
    /// Zero.
    pub reserved: u32,
}

/// Why a call is about to return something else than OK.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Failure {
    /// Bytes of this struct.
    pub size: u32,
    /// The status about to be returned.
    pub status: Status,
    /// With RATE_LIMITED: for how long; zero when unknown.
    pub retry_after_ms: u64,
    /// For people: what is wrong, where, and what would help.
    pub message: Str,
    /// JSON object for tickets; empty when there is none. Never parsed by the engine.
    pub detail: Str,
}

// SAFETY: all are `repr(C)` over integers and raw pointers.
unsafe impl Wire for Header {}
// SAFETY: as above.
unsafe impl Wire for LogRecord {}
// SAFETY: as above.
unsafe impl Wire for Failure {}

/// Whether an engine speaking `major.minor` can run a connector with this header.
pub fn compatible(header: &Header, major: u16, minor: u16) -> bool {
    header.magic == MAGIC && header.abi_major == major && header.abi_min_minor <= minor
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engine_admits_connector() {
        let cases = [
            // engine, built for, needs, admitted
            ((1, 7), 1, 0, true),
            ((1, 2), 1, 5, false),
            ((1, 5), 1, 5, true),
            ((2, 0), 1, 0, false),
            ((0, 0), 0, 0, true),
        ];
        for ((major, minor), built_for, needs, admitted) in cases {
            let mut header = Header {
                magic: MAGIC,
                abi_major: built_for,
                abi_minor: needs,
                abi_min_minor: needs,
                reserved: 0,
                size: size_of::<Connector>() as u32,
                flags: 0,
            };
            let case = format!("engine {major}.{minor}, needs {built_for}.{needs}");
            assert_eq!(compatible(&header, major, minor), admitted, "{case}");
            header.magic = 1;
            assert!(!compatible(&header, major, minor), "{case}, wrong magic");
        }
    }
}
