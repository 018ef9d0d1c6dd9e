//! The functions that a connector may call during a call of the engine: log, fail, cancelled,
//! extension. They copy what they are given and never unwind.

use std::{
    ffi::c_void,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use ledgerline_plugin_api::abi::{
    ABI_MINOR, Failure, Host, HostVtbl, LogRecord, Status, Str, level,
};
use tracing::level_filters::LevelFilter;

use super::{
    Cancel, SessionError,
    borrowed::{aligned, sized},
};

/// Longest message and detail that are kept of a failure or a log record.
const MAX_TEXT: usize = 16 * 1024;

/// One session's side of the host table. It lives in a box, so that its address stays the same while
/// the session moves between threads.
pub(super) struct HostSide {
    vtbl: HostVtbl,
    cancel: Cancel,
    /// A record is being passed on; what arrives meanwhile on this session comes from passing it on.
    logging: AtomicBool,
    failure: Mutex<Option<SessionError>>,
}

impl std::fmt::Debug for HostSide {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HostSide")
            .field("cancel", &self.cancel)
            .finish_non_exhaustive()
    }
}

impl HostSide {
    pub(super) fn new(cancel: Cancel) -> Box<Self> {
        let vtbl = HostVtbl {
            size: size_of::<HostVtbl>() as u32,
            abi_minor: u32::from(ABI_MINOR),
            max_level: level::TRACE,
            reserved: 0,
            log,
            fail,
            cancelled,
            extension,
        };
        Box::new(Self {
            vtbl,
            cancel,
            logging: AtomicBool::new(false),
            failure: Mutex::new(None),
        })
    }

    /// The value to pass into one call. It must not be used after that call.
    pub(super) fn lend(&mut self) -> Host {
        self.vtbl.max_level = max_level();
        Host {
            vtbl: &self.vtbl,
            ctx: std::ptr::from_ref(self).cast_mut().cast(),
        }
    }

    /// What `fail` was told during the last call.
    pub(super) fn take_failure(&self) -> Option<SessionError> {
        self.failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

/// The level above which nobody listens, so that connectors do not format what is dropped.
fn max_level() -> u32 {
    let current = LevelFilter::current();
    [
        (LevelFilter::ERROR, level::ERROR),
        (LevelFilter::WARN, level::WARN),
        (LevelFilter::INFO, level::INFO),
        (LevelFilter::DEBUG, level::DEBUG),
        (LevelFilter::TRACE, level::TRACE),
    ]
    .into_iter()
    .filter(|(filter, _)| *filter <= current)
    .map(|(_, number)| number)
    .max()
    .unwrap_or(0)
}

/// # Safety
///
/// `ctx` comes from [`HostSide::lend`] and the call for which it was lent is under way.
unsafe fn side<'a>(ctx: *mut c_void) -> Option<&'a HostSide> {
    let side = ctx.cast::<HostSide>();
    if !aligned(side) {
        return None;
    }
    // SAFETY: not null and aligned; the caller promises that it points at a live `HostSide`, which
    // is only read through shared references during a call.
    Some(unsafe { &*side })
}

/// Lossy, and cut at [`MAX_TEXT`]: text for people must not fail.
///
/// # Safety
///
/// What `text` points at is readable during this call.
unsafe fn lossy(text: Str) -> String {
    let bytes = text.0;
    let cut = ledgerline_plugin_api::abi::Bytes {
        len: bytes.len.min(MAX_TEXT),
        ..bytes
    };
    // SAFETY: a prefix of what the caller promises to be readable; null gives nothing.
    String::from_utf8_lossy(unsafe { cut.get() }).into_owned()
}

/// # Safety
///
/// As the ABI says: `ctx` as lent, `record` null or a struct that begins with its size.
unsafe extern "C" fn log(ctx: *mut c_void, record: *const LogRecord) {
    // SAFETY: passed on to the caller.
    let Some(side) = (unsafe { side(ctx) }) else {
        return;
    };
    // SAFETY: passed on to the caller.
    let Ok(record) = (unsafe { sized(record, "a log record") }) else {
        return;
    };
    if side.logging.swap(true, Ordering::Acquire) {
        return;
    }
    // A subscriber that panics must not unwind into foreign code; the record is lost.
    // SAFETY: what the record points at is borrowed for this call.
    let _ = catch_unwind(AssertUnwindSafe(|| unsafe { emit(&record) }));
    side.logging.store(false, Ordering::Release);
}

/// # Safety
///
/// What `record` points at is readable during this call.
unsafe fn emit(record: &LogRecord) {
    // SAFETY: passed on to the caller.
    let (module, message, fields, file) = unsafe {
        (
            lossy(record.target),
            lossy(record.message),
            lossy(record.fields),
            lossy(record.file),
        )
    };
    let line = record.line;
    // The macro wants constants for level and target, so the connector's module is a field.
    macro_rules! at {
        ($level:ident) => {
            tracing::$level!(target: "ledgerline::connector", %module, %fields, %file, line, "{message}")
        };
    }
    match record.level {
        level::ERROR => at!(error),
        level::WARN => at!(warn),
        level::INFO => at!(info),
        level::DEBUG => at!(debug),
        _ => at!(trace),
    }
}

/// # Safety
///
/// As the ABI says: `ctx` as lent, `failure` null or a struct that begins with its size.
unsafe extern "C" fn fail(ctx: *mut c_void, failure: *const Failure) {
    // SAFETY: passed on to the caller.
    let Some(side) = (unsafe { side(ctx) }) else {
        return;
    };
    // SAFETY: passed on to the caller.
    let Ok(failure) = (unsafe { sized(failure, "a failure") }) else {
        return;
    };
    // SAFETY: what the failure points at is borrowed for this call.
    let (message, detail) = unsafe { (lossy(failure.message), lossy(failure.detail)) };
    let error = SessionError {
        status: failure.status,
        message,
        detail: (!detail.is_empty()).then_some(detail),
        retry_after: super::borrowed::wait(failure.retry_after_ms),
    };
    *side.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
}

/// # Safety
///
/// As the ABI says: `ctx` as lent.
unsafe extern "C" fn cancelled(ctx: *mut c_void) -> u32 {
    // SAFETY: passed on to the caller.
    let side = unsafe { side(ctx) };
    u32::from(side.is_some_and(|side| side.cancel.is_cancelled()))
}

/// No extension exists yet.
///
/// # Safety
///
/// As the ABI says.
unsafe extern "C" fn extension(_: *mut c_void, _: Str) -> *const c_void {
    std::ptr::null()
}

/// The error for a call that returned `status`: what `fail` was told, or at least the number.
pub(super) fn explain(told: Option<SessionError>, status: Status) -> SessionError {
    if !Status::ALL.iter().any(|(_, known)| *known == status) {
        return SessionError::bug(format!(
            "it returned status {}, which does not exist",
            status.0
        ));
    }
    let message = "the connector gave no explanation".to_owned();
    match told {
        Some(told) if told.message.is_empty() => SessionError {
            status,
            message,
            ..told
        },
        Some(told) => SessionError { status, ..told },
        None => SessionError::new(status, message),
    }
}
