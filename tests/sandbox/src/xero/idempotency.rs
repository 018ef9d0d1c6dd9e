//! Idempotency keys: six minutes of memory for one app.
//!
//! A key remembers the first answer, errors included. After six minutes the same call is new, and
//! duplicates are the caller's to prevent.

use std::collections::HashMap;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use crate::exchange::{Reply, Request};

const LIFE_SECONDS: i64 = 360;

/// The keys of all apps.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Keys {
    #[serde(default)]
    held: HashMap<String, Memory>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Memory {
    at: Timestamp,
    request: String,
    status: u16,
    headers: Vec<(String, String)>,
    #[serde(serialize_with = "as_text", deserialize_with = "from_text")]
    body: Bytes,
}

fn as_text<S: Serializer>(body: &Bytes, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&String::from_utf8_lossy(body))
}

fn from_text<'de, D: Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
    String::deserialize(from).map(Into::into)
}

/// What a key says about a call.
pub(crate) enum Seen {
    /// Nothing: carry the call out.
    Never,
    /// The same call was answered like this.
    Answered(Reply),
    /// The key belongs to another call.
    Conflict,
}

impl Keys {
    /// As if the life of every key were over.
    pub(crate) fn forget(&mut self) {
        self.held.clear();
    }

    pub(crate) fn look_up(&mut self, app: &str, key: &str, call: &Request, now: Timestamp) -> Seen {
        let name = name(app, key);
        let Some(memory) = self.held.get(&name) else {
            return Seen::Never;
        };
        if now.as_second().saturating_sub(memory.at.as_second()) >= LIFE_SECONDS {
            self.held.remove(&name);
            return Seen::Never;
        }
        if memory.request != fingerprint(call) {
            return Seen::Conflict;
        }
        let mut reply = Reply::status(memory.status);
        reply.headers.clone_from(&memory.headers);
        reply.body = memory.body.clone();
        Seen::Answered(reply)
    }

    pub(crate) fn remember(
        &mut self,
        app: &str,
        key: &str,
        call: &Request,
        reply: &Reply,
        now: Timestamp,
    ) {
        // Old keys go when the table has doubled, so a long run stays small.
        if self.held.len() >= 1024 && self.held.len().is_power_of_two() {
            self.held.retain(|_, memory| {
                now.as_second().saturating_sub(memory.at.as_second()) < LIFE_SECONDS
            });
        }
        let memory = Memory {
            at: now,
            request: fingerprint(call),
            status: reply.status,
            headers: reply.headers.clone(),
            body: reply.body.clone(),
        };
        self.held.insert(name(app, key), memory);
    }
}

fn name(app: &str, key: &str) -> String {
    format!("{app} {key}")
}

fn fingerprint(call: &Request) -> String {
    let mut hash = Sha256::new();
    for part in [
        call.method.as_bytes(),
        call.path.as_bytes(),
        call.query.as_bytes(),
    ] {
        hash.update(part);
        hash.update([0]);
    }
    hash.update(call.header_value("xero-tenant-id").unwrap_or_default());
    hash.update([0]);
    hash.update(&call.body);
    hash.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
