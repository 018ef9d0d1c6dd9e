//! A network of the test's own on tokio's clock, and connectors made by hand.

use std::{ffi::c_void, sync::Mutex, time::Duration};

use async_trait::async_trait;
use ledgerline_plugin_api::abi::{
    ABI_MAJOR, Connector, ConnectorVtbl, CreateArgs, Header, Host, MAGIC, Session as Foreign,
    Status, StepIn, StepOut, Str, kind, op,
};
use serde_json::Value;

use crate::{
    http::Answer,
    plugins::{
        Cancel, Effects, HttpAsk, HttpDone, Limits, Operation, Plugin, Session, SessionError,
        SessionSpec,
    },
};

/// Answers by URL: `…/MILLIS/TEXT` answers TEXT after MILLIS; `…/MILLIS/!TEXT` fails. Everything
/// that happens is noted with the time.
pub(super) struct Net {
    pub(super) start: tokio::time::Instant,
    pub(super) seen: Mutex<Vec<String>>,
    pub(super) asks: Mutex<Vec<HttpAsk>>,
    /// Bytes that each answer is filled up to.
    pub(super) padding: usize,
}

impl Net {
    pub(super) fn new() -> Self {
        let (seen, asks) = (Mutex::default(), Mutex::default());
        Self {
            start: tokio::time::Instant::now(),
            seen,
            asks,
            padding: 0,
        }
    }

    fn note(&self, what: &str) {
        self.seen
            .lock()
            .unwrap()
            .push(format!("{} {what}", self.now_ms()));
    }

    pub(super) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

/// Notes an effect that was dropped.
struct Unfinished<'a>(&'a Net, String, bool);

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if !self.2 {
            self.0.note(&format!("dropped {}", self.1));
        }
    }
}

#[async_trait]
impl Effects for Net {
    async fn http(&self, ask: HttpAsk) -> HttpDone {
        let url = ask.call.url.clone();
        self.asks.lock().unwrap().push(ask);
        let mut parts = url.rsplit('/');
        let text = parts.next().unwrap().to_owned();
        let wait = parts.next().unwrap().parse().unwrap();
        self.note(&format!("call {text}"));
        let mut unfinished = Unfinished(self, text.clone(), false);
        tokio::time::sleep(Duration::from_millis(wait)).await;
        unfinished.2 = true;
        self.note(&format!("answer {text}"));
        if let Some(message) = text.strip_prefix('!') {
            let message = message.to_owned();
            return HttpDone::Failed {
                status: Status::UNAVAILABLE,
                message,
            };
        }
        let mut body = text.into_bytes();
        body.resize(body.len().max(self.padding), b' ');
        let headers = vec![("x-tries".to_owned(), "1".to_owned())];
        HttpDone::Answer(Answer {
            status: 200,
            headers,
            body: body.into(),
            tries: 1,
        })
    }

    async fn sleep(&self, duration: Duration) {
        let mut unfinished = Unfinished(self, "sleep".to_owned(), false);
        tokio::time::sleep(duration).await;
        unfinished.2 = true;
        self.note("slept");
    }

    fn now_ms(&self) -> i64 {
        i64::try_from(self.start.elapsed().as_millis()).unwrap()
    }
}

/// Opens a session with nothing special about it.
pub(super) fn open(
    plugin: &Plugin,
    op: Operation,
    stream: &str,
    limits: Limits,
    cancel: Cancel,
) -> Result<Session, SessionError> {
    plugin.session(SessionSpec {
        op,
        connection: "books",
        stream,
        base_url: "https://acme.example/",
        account: Some("account-1"),
        settings: &Value::Object(serde_json::Map::new()),
        cursor: b"",
        seed: 7,
        limits,
        cancel,
    })
}

/// What a connector written against the bare boundary does in a step.
pub(super) type BareStep =
    unsafe extern "C" fn(*mut Foreign, Host, *const StepIn, *mut StepOut) -> Status;

/// A plugin of its own: reads the stream `all`, and does nothing.
pub(in crate::plugins) fn plugin() -> Plugin {
    unsafe extern "C" fn done(
        _: *mut Foreign,
        _: Host,
        _: *const StepIn,
        out: *mut StepOut,
    ) -> Status {
        // SAFETY: the driver passes a zeroed output.
        unsafe { (*out).kind = kind::DONE };
        Status::OK
    }
    bare(done)
}

/// A plugin of its own that reads the stream `all` by this step.
pub(super) fn bare(step: BareStep) -> Plugin {
    unsafe extern "C" fn create(_: Host, _: *const CreateArgs, out: *mut *mut Foreign) -> Status {
        // SAFETY: the driver passes a place for the session; this one has no state.
        unsafe { out.write(std::ptr::dangling_mut()) };
        Status::OK
    }
    unsafe extern "C" fn destroy(_: *mut Foreign) {}
    unsafe extern "C" fn extension(_: Str) -> *const c_void {
        std::ptr::null()
    }
    let vtbl = ConnectorVtbl {
        size: size_of::<ConnectorVtbl>() as u32,
        ops: op::PULL,
        create,
        step,
        destroy,
        extension,
    };
    let manifest = r#"{"name": "bare", "title": "Bare", "version": "1.0.0",
        "streams": {"all": {"title": "x", "ops": ["pull"]}}}"#;
    admitted("bare", manifest, Box::leak(Box::new(vtbl)))
}

/// Admits a connector of these parts, version 1.0.0.
pub(super) fn admitted(
    name: &'static str,
    manifest: &'static str,
    vtbl: &'static ConnectorVtbl,
) -> Plugin {
    let connector = Connector {
        header: Header {
            magic: MAGIC,
            abi_major: ABI_MAJOR,
            abi_minor: 0,
            abi_min_minor: 0,
            reserved: 0,
            size: size_of::<Connector>() as u32,
            flags: 0,
        },
        name: Str::new(name),
        version: Str::new("1.0.0"),
        built_with: Str::new("by hand"),
        manifest: Str::new(manifest),
        vtbl,
    };
    Plugin::in_process(Box::leak(Box::new(connector))).unwrap()
}
