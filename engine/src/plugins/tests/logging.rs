//! What a connector says through the host's table.

use std::{
    io,
    sync::{Arc, Mutex},
};

use expect_test::expect;
use ledgerline_plugin_api::abi::{
    Host, LogRecord, Session, Status, StepIn, StepOut, Str, kind, level,
};
use tokio::runtime::Builder;
use tracing_subscriber::fmt::MakeWriter;

use super::support::{Net, bare, open};
use crate::plugins::{Asked, Cancel, Given, Limits, Operation};

/// Logs once on each level and one that does not exist, with what the host told it.
unsafe extern "C" fn logs(
    _: *mut Session,
    host: Host,
    _: *const StepIn,
    out: *mut StepOut,
) -> Status {
    // SAFETY: the host's table and context are valid during this call.
    unsafe {
        let vtbl = *host.vtbl;
        let none = (vtbl.extension)(host.ctx, Str::new("acme.extension/1")).is_null();
        let cancelled = (vtbl.cancelled)(host.ctx);
        let fields = format!(
            r#"{{"none":{none},"cancelled":{cancelled},"max":{}}}"#,
            vtbl.max_level
        );
        for level in level::ERROR..=level::TRACE + 1 {
            let record = LogRecord {
                size: size_of::<LogRecord>() as u32,
                level,
                target: Str::new("acme::list"),
                message: Str::new("met an odd page"),
                fields: Str::new(&fields),
                file: Str::new("src/list.rs"),
                line: 12,
                reserved: 0,
            };
            (vtbl.log)(host.ctx, &record);
        }
        (vtbl.log)(host.ctx, std::ptr::null());
        (*out).kind = kind::DONE;
    }
    Status::OK
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;
    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[test]
fn records_become_events_inside_the_sessions_span() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(lines.clone())
        .with_max_level(tracing::Level::DEBUG)
        .with_ansi(false)
        .without_time()
        .finish();
    tracing::subscriber::with_default(subscriber, || {
        let runtime = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let (plugin, net) = (bare(logs), Net::new());
            let (limits, cancel) = (Limits::default(), Cancel::default());
            let mut session = open(&plugin, Operation::Pull, "all", limits, cancel).unwrap();
            assert_eq!(session.next(Given::Nothing, &net).await, Ok(Asked::Done));
        });
    });
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    // How much a connector should format depends on who else listens in this program.
    let text = text
        .replace("\"max\":4", "\"max\":N")
        .replace("\"max\":5", "\"max\":N");
    expect![[r#"
        ERROR session{connection="books" connector="bare" version=1.0.0 operation="pull" stream="all"}: ledgerline::connector: met an odd page module=acme::list fields={"none":true,"cancelled":0,"max":N} file=src/list.rs line=12
         WARN session{connection="books" connector="bare" version=1.0.0 operation="pull" stream="all"}: ledgerline::connector: met an odd page module=acme::list fields={"none":true,"cancelled":0,"max":N} file=src/list.rs line=12
         INFO session{connection="books" connector="bare" version=1.0.0 operation="pull" stream="all"}: ledgerline::connector: met an odd page module=acme::list fields={"none":true,"cancelled":0,"max":N} file=src/list.rs line=12
        DEBUG session{connection="books" connector="bare" version=1.0.0 operation="pull" stream="all"}: ledgerline::connector: met an odd page module=acme::list fields={"none":true,"cancelled":0,"max":N} file=src/list.rs line=12
    "#]].assert_eq(&text);
}
