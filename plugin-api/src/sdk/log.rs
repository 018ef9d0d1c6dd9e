//! Forwards `tracing` events to the engine.
//!
//! Each library has its own copy of `tracing`, so the SDK installs a subscriber in the connector's
//! copy, once. Spans are ignored: the engine emits the events inside its own span, which says which
//! connection and stream they belong to.

use std::fmt::{Debug, Write};

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};

use super::shim;
use crate::abi::{LogRecord, Str, level};

/// Installs the subscriber, unless the program that this is linked into has one of its own.
pub(super) fn install() {
    // Failing means that somebody else listens already, which is as good.
    let _ = tracing::subscriber::set_global_default(Forward);
}

struct Forward;

impl Subscriber for Forward {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        // Whether anybody listens, and from which level on, differs from call to call.
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event()
            && shim::host().is_some_and(|(_, vtbl)| number(*metadata.level()) <= vtbl.max_level)
    }

    fn event(&self, event: &Event<'_>) {
        let Some((host, vtbl)) = shim::host() else {
            return;
        };
        let metadata = event.metadata();
        let mut parts = Parts::default();
        event.record(&mut parts);
        let fields = match parts.fields.is_empty() {
            true => String::new(),
            false => Value::Object(parts.fields).to_string(),
        };
        let record = LogRecord {
            size: size_of::<LogRecord>() as u32,
            level: number(*metadata.level()),
            target: Str::new(metadata.target()),
            message: Str::new(&parts.message),
            fields: Str::new(&fields),
            file: Str::new(metadata.file().unwrap_or_default()),
            line: metadata.line().unwrap_or_default(),
            reserved: 0,
        };
        // SAFETY: the engine's table and context are valid during its call.
        unsafe { (vtbl.log)(host.ctx, &record) };
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

fn number(of: Level) -> u32 {
    match of {
        Level::ERROR => level::ERROR,
        Level::WARN => level::WARN,
        Level::INFO => level::INFO,
        Level::DEBUG => level::DEBUG,
        Level::TRACE => level::TRACE,
    }
}

/// An event's message and values.
#[derive(Default)]
struct Parts {
    message: String,
    fields: Map<String, Value>,
}

impl Parts {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        self.fields.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Parts {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            // Writing to a string fails only when the value's own formatting does.
            let _ = write!(self.message, "{value:?}");
        } else {
            self.put(field, format!("{value:?}"));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message.push_str(value);
        } else {
            self.put(field, value);
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.put(field, value.to_string());
    }
}
