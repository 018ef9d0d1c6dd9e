//! The log of calls, which is what a test counts at the end.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::exchange::{Delivery, Reply, Request};
use crate::faults::Fault;
use crate::world::Vendor;

/// One call that reached the world.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Call {
    /// When.
    pub at: Timestamp,
    /// Whose server.
    pub vendor: Vendor,
    /// Tenant id, user name or team, as far as the call names one.
    pub account: Option<String>,
    /// Method.
    pub method: String,
    /// Path and query as sent.
    pub target: String,
    /// Status of the answer; 0 where the call was never answered or looked at.
    pub status: u16,
    /// What the call is for.
    pub kind: CallKind,
    /// Idempotency key, if one was sent.
    pub idempotency_key: Option<String>,
    /// Body as sent.
    pub body: String,
    /// Size of the answer's body.
    pub answer_bytes: usize,
    /// The fault that struck it.
    pub fault: Option<String>,
    /// Odd things that the vendor let pass.
    pub remarks: Vec<String>,
}

/// What a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallKind {
    /// Reads.
    Reading,
    /// May change what the vendor holds.
    Writing,
    /// Gets or changes tokens.
    Token,
}

impl CallKind {
    pub(crate) fn of(request: &Request) -> Self {
        let token = request.path.starts_with("/connect/") || request.path.starts_with("/identity/");
        match (token, request.writes()) {
            (true, _) => Self::Token,
            (false, true) => Self::Writing,
            (false, false) => Self::Reading,
        }
    }
}

impl Call {
    pub(crate) fn of(
        at: Timestamp,
        vendor: Vendor,
        request: &Request,
        reply: &Reply,
        fault: Option<&Fault>,
        remarks: Vec<String>,
    ) -> Self {
        let kind = CallKind::of(request);
        let account = match vendor {
            Vendor::Xero => request.header_value("xero-tenant-id").map(str::to_owned),
            Vendor::Omni => request.basic().map(|(user, _)| user),
            Vendor::Core => request
                .header_value("api-auth-accountid")
                .map(str::to_owned),
            Vendor::Zudello | Vendor::Nobody => None,
        };
        // Secrets and tokens stay out of the log even here.
        let body = if kind == CallKind::Token {
            request
                .form_value("grant_type")
                .map(|it| format!("grant_type={it}"))
                .unwrap_or_default()
        } else {
            String::from_utf8_lossy(&request.body).into_owned()
        };
        Self {
            at,
            vendor,
            account,
            method: request.method.clone(),
            target: request.target(),
            status: if reply.delivery == Delivery::Reset {
                0
            } else {
                reply.status
            },
            kind,
            idempotency_key: request.header_value("idempotency-key").map(str::to_owned),
            body,
            answer_bytes: reply.body.len(),
            fault: fault.map(ToString::to_string),
            remarks,
        }
    }
}

/// How many calls of each vendor were for what.
pub type Counts = BTreeMap<Vendor, BTreeMap<CallKind, u64>>;

/// Calls of one kind, and the bytes of their bodies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Traffic {
    /// How many.
    pub calls: u64,
    /// Bytes that came.
    pub received: u64,
    /// Bytes that went back.
    pub answered: u64,
}

/// The newest calls, and counts of all.
#[derive(Debug)]
pub struct CallLog {
    calls: VecDeque<Call>,
    keep: usize,
    traffic: BTreeMap<Vendor, BTreeMap<CallKind, Traffic>>,
}

impl Default for CallLog {
    fn default() -> Self {
        Self {
            calls: VecDeque::new(),
            keep: 20_000,
            traffic: BTreeMap::new(),
        }
    }
}

impl CallLog {
    /// Keeps the newest `keep` calls; 0 keeps the counts alone.
    pub fn keep(&mut self, keep: usize) {
        self.keep = keep;
        while self.calls.len() > keep {
            self.calls.pop_front();
        }
    }

    pub(crate) fn add(
        &mut self,
        vendor: Vendor,
        request: &Request,
        reply: &Reply,
        call: impl FnOnce() -> Call,
    ) {
        let kinds = self.traffic.entry(vendor).or_default();
        let traffic = kinds.entry(CallKind::of(request)).or_default();
        let more = |sum: &mut u64, by: usize| *sum = sum.saturating_add(by as u64);
        more(&mut traffic.calls, 1);
        more(&mut traffic.received, request.body.len());
        more(&mut traffic.answered, reply.body.len());
        if self.keep == 0 {
            return;
        }
        if self.calls.len() >= self.keep {
            self.calls.pop_front();
        }
        self.calls.push_back(call());
    }

    /// The calls that are kept, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.calls.iter().cloned().collect()
    }

    /// Counts of all calls since the log was cleared.
    pub fn counts(&self) -> Counts {
        let calls = |kinds: &BTreeMap<CallKind, Traffic>| {
            kinds.iter().map(|(kind, it)| (*kind, it.calls)).collect()
        };
        let vendors = self.traffic.iter();
        vendors.map(|(it, kinds)| (*it, calls(kinds))).collect()
    }

    /// Calls and bytes since the log was cleared.
    pub fn traffic(&self) -> BTreeMap<Vendor, BTreeMap<CallKind, Traffic>> {
        self.traffic.clone()
    }

    /// Forgets calls and counts.
    pub fn clear(&mut self) {
        self.calls.clear();
        self.traffic.clear();
    }
}
