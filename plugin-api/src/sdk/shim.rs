//! The four functions of the ABI, for any [`Connector`]. Nothing unwinds out of them.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::Once;

use super::desk::Desk;
use super::session::{Operation, Running};
use super::{Connector, Cx, Embedded, Error, Limits, Opening, Result, log};
use crate::abi::{
    CreateArgs, Failure, Host, HostVtbl, Session, Status, StepIn, StepOut, Str, op, read,
};
use crate::manifest::Manifest;

thread_local! {
    /// The engine, while one of its calls is under way on this thread.
    static HOST: Cell<Option<Host>> = const { Cell::new(None) };
    /// What the last panic inside a call said.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Opens a session.
///
/// # Safety
///
/// Called by the engine, as the ABI says.
pub(crate) unsafe extern "C" fn create<C: Connector + Embedded>(
    host: Host,
    args: *const CreateArgs,
    out: *mut *mut Session,
) -> Status {
    prepare();
    guarded(host, || {
        if args.is_null() || out.is_null() {
            return Err(Error::bug("the engine passed a null pointer to `create`"));
        }
        // SAFETY: not null, and the ABI promises a struct that begins with its size.
        let args = unsafe { read(args) };
        // SAFETY: the arguments are borrowed for this call.
        let running = unsafe { open::<C>(&args) }?;
        // SAFETY: not null, and the engine passed a place for the session.
        unsafe { out.write(Box::into_raw(Box::new(running)).cast()) };
        Ok(())
    })
}

/// # Safety
///
/// What `args` points at is still borrowed.
unsafe fn open<C: Connector + Embedded>(args: &CreateArgs) -> Result<Running> {
    // SAFETY: passed on to the caller.
    let (config, stream, cursor) =
        unsafe { (args.config.get(), args.stream.get(), args.cursor.get()) };
    let config = config.map_err(|_| Error::bug("the engine's `config` is not UTF-8"))?;
    let stream = stream
        .map_err(|_| Error::bug("the engine's `stream` is not UTF-8"))?
        .to_owned();
    let opening: Opening<C::Settings> = serde_json::from_str(config)
        .map_err(|err| Error::config(format!("the connection's settings: {err}")))?;
    let connector = C::open(opening)?;
    let limits = Limits {
        page_docs: args.max_page_docs,
        page_bytes: args.max_page_bytes,
        open_effects: args.max_open_effects,
    };
    let desk = Desk::default();
    let cx = Cx::new(desk.clone(), args.seed, limits);
    let operation: Operation = match args.op {
        op::PULL => {
            let cursor = stored_cursor::<C>(cursor)?;
            Box::pin(async move { connector.pull(&cx, &stream, cursor).await.map(|()| None) })
        }
        op::PUSH => Box::pin(async move { connector.push(&cx, &stream).await.map(|()| None) }),
        op::FIND => Box::pin(async move { connector.find(&cx, &stream).await.map(|()| None) }),
        op::CHECK => Box::pin(async move { value(&connector.check(&cx).await?) }),
        op::DISCOVER => Box::pin(async move { value(&connector.discover(&cx).await?) }),
        other => {
            return Err(Error::unsupported(format!(
                "operation {other} is unknown to this connector, which was built with SDK {}",
                env!("CARGO_PKG_VERSION")
            )));
        }
    };
    Ok(Running::new(desk, operation, args.max_open_effects))
}

fn value<T: serde::Serialize>(value: &T) -> Result<Option<String>> {
    serde_json::to_string(value).map(Some).map_err(Error::bug)
}

fn stored_cursor<C: Connector + Embedded>(cursor: &[u8]) -> Result<C::Cursor> {
    if cursor.is_empty() {
        return Ok(C::Cursor::default());
    }
    serde_json::from_slice(cursor).map_err(|err| {
        let manifest = serde_json::from_str::<Manifest>(C::MANIFEST);
        let version = manifest.map_or(0, |manifest| manifest.state_version);
        Error::config(format!(
            "the stored cursor cannot be read by {} {} (state version {version}): {err}; go back to \
             the version that wrote it, or reset the stream's cursor to read it all again",
            C::NAME,
            C::VERSION
        ))
    })
}

/// Runs a session until it needs something.
///
/// # Safety
///
/// Called by the engine, as the ABI says.
pub(crate) unsafe extern "C" fn step(
    session: *mut Session,
    host: Host,
    input: *const StepIn,
    out: *mut StepOut,
) -> Status {
    let session = session.cast::<Running>();
    let status = guarded(host, || {
        if session.is_null() || input.is_null() || out.is_null() {
            return Err(Error::bug("the engine passed a null pointer to `step`"));
        }
        // SAFETY: `create` made it, and no other call on it is under way.
        let session = unsafe { &mut *session };
        // SAFETY: not null, and the ABI promises a struct that begins with its size.
        let input = unsafe { read(input) };
        // SAFETY: all-zero is a valid value of every type that crosses.
        let mut answer: StepOut = unsafe { MaybeUninit::zeroed().assume_init() };
        // SAFETY: the input is borrowed for this call.
        let result = unsafe { session.step(&input, &mut answer) };
        if result.is_ok() {
            // SAFETY: not null, and it begins with its size as the engine knows it.
            unsafe { write_out(answer, out) };
        }
        result
    });
    if status == Status::PANIC && !session.is_null() {
        // SAFETY: as above; the panic has been caught, so nothing else refers to it.
        unsafe { (*session).poison() };
    }
    status
}

/// Writes the part that the engine knows, and nothing past it.
///
/// # Safety
///
/// `out` begins with its size and is that long.
unsafe fn write_out(mut answer: StepOut, out: *mut StepOut) {
    // SAFETY: the caller promises that `out` is as long as it says.
    unsafe {
        let size = out.cast::<u32>().read();
        answer.size = size;
        let known = (size as usize).min(size_of::<StepOut>());
        let source = (&raw const answer).cast::<u8>();
        std::ptr::copy_nonoverlapping(source, out.cast::<u8>(), known);
    }
}

/// Ends a session.
///
/// # Safety
///
/// The last call on the session.
pub(crate) unsafe extern "C" fn destroy(session: *mut Session) {
    if session.is_null() {
        return;
    }
    let no_host = None;
    let caught = inside(no_host, || {
        // SAFETY: `create` made it with `Box::into_raw`, and this is the last call on it.
        drop(unsafe { Box::from_raw(session.cast::<Running>()) });
    });
    if let Err(payload) = caught {
        forget(payload);
        PANICS_IN_DESTROY.with(|it| it.set(it.get() + 1));
    }
}

thread_local! {
    static PANICS_IN_DESTROY: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// How often a session of this thread panicked when it was destroyed: nobody is told otherwise.
#[cfg(feature = "testkit")]
pub(crate) fn panics_in_destroy() -> usize {
    PANICS_IN_DESTROY.with(std::cell::Cell::get)
}

/// No extension exists yet.
///
/// # Safety
///
/// Called by the engine, as the ABI says.
pub(crate) unsafe extern "C" fn extension(_name: Str) -> *const c_void {
    std::ptr::null()
}

fn prepare() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Setting a hook while panicking would abort the process.
        if !std::thread::panicking() {
            let previous = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| {
                if INSIDE.get() {
                    note(info)
                } else {
                    previous(info)
                }
            }));
        }
        log::install();
    });
}

thread_local! {
    /// Whether a call of the engine is under way on this thread.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Keeps a panic's text and place for [`panicked`]. The default hook would write to stderr.
fn note(info: &PanicHookInfo<'_>) {
    let text = info.payload_as_str().unwrap_or("a panic without a text");
    let place = info
        .location()
        .map(|it| format!(" at {}:{}", it.file(), it.line()));
    let message = format!(
        "the connector panicked: {text}{}",
        place.unwrap_or_default()
    );
    // The first of several is the cause.
    PANIC.with_borrow_mut(|kept| kept.get_or_insert(message).len());
}

fn panicked() -> Error {
    let message = PANIC.with_borrow_mut(Option::take);
    Error::new(
        Status::PANIC,
        message.unwrap_or_else(|| "the connector panicked".to_owned()),
    )
}

/// Texts are freed. Any other payload's own drop could panic again, so it is leaked.
fn forget(payload: Box<dyn Any + Send>) {
    if payload.is::<&'static str>() || payload.is::<String>() {
        return;
    }
    std::mem::forget(payload);
}

/// Runs with the engine at hand and with panics kept.
fn inside<T>(host: Option<Host>, body: impl FnOnce() -> T) -> std::thread::Result<T> {
    let before = (HOST.replace(host), INSIDE.replace(true));
    let result = catch_unwind(AssertUnwindSafe(body));
    HOST.set(before.0);
    INSIDE.set(before.1);
    result
}

fn guarded(host: Host, body: impl FnOnce() -> Result<()>) -> Status {
    let error = match inside(Some(host), body) {
        Ok(Ok(())) => return Status::OK,
        Ok(Err(error)) => error,
        Err(payload) => {
            forget(payload);
            panicked()
        }
    };
    if let Some(vtbl) = vtbl(host) {
        let detail = error
            .detail
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default();
        let failure = Failure {
            size: size_of::<Failure>() as u32,
            status: error.status,
            retry_after_ms: error.retry_after_ms,
            message: Str::new(&error.message),
            detail: Str::new(&detail),
        };
        // SAFETY: the engine's table and context are valid during its call.
        unsafe { (vtbl.fail)(host.ctx, &failure) };
    }
    error.status
}

/// The engine's functions, if the table is as long as it was in the first version.
fn vtbl(host: Host) -> Option<HostVtbl> {
    if host.vtbl.is_null() {
        return None;
    }
    // SAFETY: not null, and it begins with its size.
    let size = unsafe { host.vtbl.cast::<u32>().read() };
    // SAFETY: all that is read is there; no slot of the first version may be null.
    (size as usize >= size_of::<HostVtbl>()).then(|| unsafe { host.vtbl.read() })
}

/// The engine and its functions, while one of its calls is under way on this thread.
pub(super) fn host() -> Option<(Host, HostVtbl)> {
    let host = HOST.get()?;
    Some((host, vtbl(host)?))
}

pub(super) fn cancelled() -> bool {
    // SAFETY: the engine's table and context are valid during its call.
    host().is_some_and(|(host, vtbl)| unsafe { (vtbl.cancelled)(host.ctx) } != 0)
}
