//! What a session's calls pass through on their way to the network.
//!
//! A call that covers documents writes them. Before it leaves, its intent is durable; after it, what
//! is known about its end is kept until the batch's results are settled. Nothing here decides about
//! an entry: `settle` does, from these facts and the connector's results.

use std::sync::Mutex;

use async_trait::async_trait;
use data_encoding::HEXLOWER;
use ledgerline_plugin_api::{abi::Status, manifest::Idempotency};
use sha2::{Digest, Sha256};

use crate::{
    clock::Clock,
    http::{CallClass, CallError, Channel, Outcome, Repeat},
    pipeline::{decide::lock, steps},
    plugins::{Cancel, Effects, HttpAsk, HttpDone},
    store::{CallRow, EntryId, Intent, SharedStore, StoreError, offload},
};

/// Bytes of an answer that are kept with a call.
const KEPT_ANSWER: usize = 256 * 1024;
/// A repetition begins no later than this before the remote side forgets the key.
const KEY_MARGIN_MS: i64 = 60_000;

/// Effects of a session that reads.
pub(crate) struct ReadEffects {
    pub(crate) channel: Channel,
    pub(crate) class: CallClass,
    pub(crate) clock: Clock,
    pub(crate) cancel: Cancel,
}

#[async_trait]
impl Effects for ReadEffects {
    async fn http(&self, ask: HttpAsk) -> HttpDone {
        finished(&self.channel.send(ask.call, self.class, &self.cancel).await)
    }

    async fn sleep(&self, duration: std::time::Duration) {
        self.clock.sleep(duration).await;
    }

    fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }
}

/// What is known of one writing call.
#[derive(Debug)]
pub(crate) struct Covering {
    /// Id of its intent, which is the id of its call.
    pub(crate) intent: u64,
    /// Indices of the batch's documents that it writes.
    pub(crate) covers: Vec<u32>,
    /// When it left, and until when it may still be running at the target.
    pub(crate) at: i64,
    pub(crate) deadline: i64,
    /// The call as it is kept; taken when it is settled.
    pub(crate) row: Option<CallRow>,
    /// It may have reached the target.
    pub(crate) left: bool,
    /// It left, and no complete and understandable answer came.
    pub(crate) lost: bool,
    /// It was answered before it was looked at, by a status that means nothing but "not you" or "not
    /// now".
    pub(crate) turned_away: bool,
    /// Why it did not leave, when it did not.
    pub(crate) not_sent: Option<NotSent>,
}

/// Why a call did not leave.
#[derive(Debug, Clone)]
pub(crate) struct NotSent {
    pub(crate) why: String,
    /// What it is about.
    pub(crate) about: About,
}

/// Whose matter it is that a call did not leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum About {
    /// The connection cannot be used: no way there, budget spent, credentials missing or refused.
    /// No document is to blame.
    Connection,
    /// The run was ended.
    Run,
    /// The connector asked for something that may not be asked for.
    Call,
}

impl NotSent {
    fn new(why: &CallError) -> Self {
        let about = match why {
            CallError::Credentials { .. }
            | CallError::Parked { .. }
            | CallError::Transport { .. } => About::Connection,
            CallError::Cancelled | CallError::DryRun => About::Run,
            CallError::HostNotAllowed { .. } | CallError::Malformed { .. } => About::Call,
        };
        Self {
            why: why.to_string(),
            about,
        }
    }
}

/// Effects of a session that writes one batch.
pub(crate) struct WriteEffects {
    pub(crate) channel: Channel,
    pub(crate) class: CallClass,
    pub(crate) clock: Clock,
    pub(crate) cancel: Cancel,
    pub(crate) store: SharedStore,
    pub(crate) route: String,
    pub(crate) connection: String,
    /// The account that is written to: part of the key.
    pub(crate) account: String,
    pub(crate) idempotency: Option<Idempotency>,
    pub(crate) entries: Vec<EntryId>,
    /// How much had happened to each of them: part of the key. What is edited back and forth, or taken back
    /// and made anew, is the same bytes once more, and another write.
    pub(crate) events: Vec<u32>,
    pub(crate) attempt: u32,
    pub(crate) timeout: std::time::Duration,
    pub(crate) calls: Mutex<Vec<Covering>>,
    /// Entries that somebody stopped after they were prepared: calls that cover them do not leave.
    pub(crate) stopped: Mutex<Vec<EntryId>>,
}

#[async_trait]
impl Effects for WriteEffects {
    async fn http(&self, ask: HttpAsk) -> HttpDone {
        if ask.covers.is_empty() {
            return finished(&self.channel.send(ask.call, self.class, &self.cancel).await);
        }
        let HttpAsk { covers, mut call } = ask;
        let entries: Vec<EntryId> = covers
            .iter()
            .filter_map(|it| self.entries.get(*it as usize).cloned())
            .collect();
        let events: Vec<u32> = covers
            .iter()
            .filter_map(|it| self.events.get(*it as usize).copied())
            .collect();
        if call.timeout.is_zero() {
            call.timeout = self.timeout;
        }
        let body_hash: [u8; 32] = Sha256::digest(&call.body).into();
        let at = self.clock.now_ms();
        let key = self
            .idempotency
            .as_ref()
            .map(|it| self.key(it, &entries, &events, &body_hash));
        if let (Some(rule), Some(key)) = (&self.idempotency, &key) {
            let until_ms = at + i64::from(rule.life_seconds) * 1000 - KEY_MARGIN_MS;
            call.repeat = Repeat::Keyed {
                header: rule.header.clone(),
                key: key.clone(),
                until_ms,
            };
        }
        // Waiting for the budget and repetitions included.
        let deadline = self.channel.deadline_ms(&call, self.class);
        let intent = Intent {
            entries: entries.clone(),
            key,
            body_hash,
            at,
            deadline,
            attempt: self.attempt,
        };
        let recorded = offload::run(&self.store, move |store| store.record_intent(&intent)).await;
        let intent = match recorded {
            Ok(id) => id,
            // Without a durable intent nothing leaves.
            Err(why) => {
                if let StoreError::Conflict { id } | StoreError::Missing { id } = &why {
                    lock(&self.stopped).push(id.clone());
                }
                return HttpDone::Failed {
                    status: Status::UNAVAILABLE,
                    message: format!("the intent could not be stored, so nothing was sent: {why}"),
                };
            }
        };
        steps::reached("intent-recorded", &self.route);
        let sent = call.clone();
        let outcome = self.channel.send(call, self.class, &self.cancel).await;
        steps::reached("answer-received", &self.route);
        let ended = self.clock.now_ms();
        let mut row = CallRow {
            connection: self.connection.clone(),
            at,
            took: u32::try_from(ended - at).unwrap_or(u32::MAX),
            method: sent.method,
            url: sent.url,
            writes: true,
            entries,
            request: sent.body.to_vec(),
            status: 0,
            answer: Vec::new(),
            note: String::new(),
        };
        let mut covering = Covering {
            intent,
            covers,
            at,
            // The call is over for us; at the target it may run on until its own time-out.
            deadline: ended.saturating_add(millis(sent.timeout)).min(deadline),
            left: true,
            lost: false,
            turned_away: false,
            not_sent: None,
            row: None,
        };
        match &outcome {
            Outcome::Answer(answer) => {
                row.status = answer.status;
                row.answer = answer.body[..answer.body.len().min(KEPT_ANSWER)].to_vec();
                // A server that fails may fail after it has written.
                covering.lost = answer.status >= 500;
                covering.turned_away = matches!(answer.status, 401 | 403 | 407 | 429);
            }
            Outcome::NotSent(why) => {
                row.note = why.to_string();
                covering.left = false;
                covering.not_sent = Some(NotSent::new(why));
            }
            Outcome::Lost(why) => {
                row.note = why.to_string();
                covering.lost = true;
            }
        }
        covering.row = Some(row);
        lock(&self.calls).push(covering);
        finished(&outcome)
    }

    async fn sleep(&self, duration: std::time::Duration) {
        self.clock.sleep(duration).await;
    }

    fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }
}

impl WriteEffects {
    /// The same entries with the same past and the same bytes in the same attempt give the same key;
    /// anything else gives another one.
    fn key(
        &self,
        rule: &Idempotency,
        entries: &[EntryId],
        events: &[u32],
        body_hash: &[u8; 32],
    ) -> String {
        let mut hash = Sha256::new();
        hash.update(self.account.as_bytes());
        for entry in entries {
            hash.update([0]);
            hash.update(entry.to_string().as_bytes());
        }
        for it in events {
            hash.update(it.to_le_bytes());
        }
        hash.update([0]);
        hash.update(body_hash);
        hash.update(self.attempt.to_le_bytes());
        let mut key = HEXLOWER.encode(&hash.finalize());
        key.truncate(rule.max_length as usize);
        key
    }
}

fn millis(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// What the connector is told.
fn finished(outcome: &Outcome) -> HttpDone {
    let failed = |status, why: &CallError| HttpDone::Failed {
        status,
        message: why.to_string(),
    };
    match outcome {
        Outcome::Answer(it) => HttpDone::Answer(it.clone()),
        Outcome::Lost(why) => failed(Status::UNAVAILABLE, why),
        Outcome::NotSent(why) => {
            let status = match why {
                CallError::Credentials { .. } => Status::AUTH,
                CallError::Parked { .. } => Status::RATE_LIMITED,
                CallError::Transport { .. } => Status::UNAVAILABLE,
                CallError::Cancelled => Status::CANCELLED,
                CallError::HostNotAllowed { .. }
                | CallError::Malformed { .. }
                | CallError::DryRun => Status::BUG,
            };
            failed(status, why)
        }
    }
}
