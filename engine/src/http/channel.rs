//! One connection's way to its vendor: what it is made of, and what may be asked of it.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use ledgerline_plugin_api::manifest::Answers;
use url::Url;

use super::{
    Counters,
    auth::Wallet,
    budget::{Budget, BudgetView},
    call::{Call, CallClass, CallError, Outcome, Repeat},
    course::{Course, Order},
    door::Door,
    guard::Guard,
    pace::Pace,
    record::Recorder,
    report::{Sink, Tally},
    secrets::Scrubber,
    transport::without_query,
};
use crate::{clock::Clock, plugins::Cancel};

/// One connection's calls. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Channel {
    pub(super) line: Arc<Line>,
    pub(super) door: Arc<Door>,
}

/// What a channel is made of.
pub(super) struct Line {
    pub(super) connection: String,
    pub(super) guard: Guard,
    pub(super) answers: Answers,
    pub(super) wallet: Wallet,
    pub(super) pin: PinHeader,
    pub(super) account: Arc<Budget>,
    pub(super) app: Option<Arc<Budget>>,
    pub(super) buckets: BTreeMap<String, Arc<Budget>>,
    pub(super) call_timeout: Duration,
    /// Every exchange is the end of its call.
    pub(super) no_repetition: bool,
    /// The last reading call that came to an end had used up its tries.
    pub(super) is_down: AtomicBool,
    pub(super) clock: Clock,
    pub(super) pace: Pace,
    pub(super) scrubber: Scrubber,
    pub(super) sink: Sink,
    pub(super) tally: Arc<Tally>,
    pub(super) recorder: Option<Arc<Recorder>>,
}

/// The header that names the account.
pub(super) enum PinHeader {
    /// The vendor has none, or the connection may call without.
    None,
    /// Set on every call that carries a credential.
    Set { name: String, account: String },
    /// Needed, and the connection is not pinned yet.
    Missing,
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Channel")
            .field("connection", &self.line.connection)
            .field("writes", &!self.is_read_only())
            .finish_non_exhaustive()
    }
}

impl Channel {
    /// Makes a call and says how it ended.
    ///
    /// Waiting holds no thread. `cancel` ends waiting at once; a reading call under way is given up,
    /// a writing one is brought to its end, because giving it up would leave its outcome unknown.
    pub async fn send(&self, call: Call, class: CallClass, cancel: &Cancel) -> Outcome {
        let outcome = self
            .line
            .send(
                &self.door,
                Order {
                    call: &call,
                    class,
                    cancel,
                },
            )
            .await;
        let cancelled = matches!(
            &outcome,
            Outcome::NotSent(CallError::Cancelled | CallError::DryRun)
        );
        if let Some(recorder) = self.line.recorder.as_ref().filter(|_| !cancelled) {
            recorder.add(&call, &outcome);
        }
        outcome
    }

    /// The latest instant, in milliseconds since the epoch, at which a try of this call can still be
    /// under way if it is handed to [`send`](Self::send) now.
    pub fn deadline_ms(&self, call: &Call, class: CallClass) -> i64 {
        let timeout = millis(self.line.timeout(call));
        self.line.last_start(call, class).saturating_add(timeout)
    }

    /// The same connection without a writing half, for dry runs and for everything that only looks.
    #[must_use]
    pub fn read_only(&self) -> Self {
        Self {
            line: Arc::clone(&self.line),
            door: Arc::new(self.door.without_writing()),
        }
    }

    /// Whether it has no writing half.
    pub fn is_read_only(&self) -> bool {
        matches!(*self.door, Door::ReadOnly(_))
    }

    /// Name of the connection.
    pub fn connection(&self) -> &str {
        &self.line.connection
    }

    /// What the connection did since the engine started.
    pub fn counts(&self) -> Counters {
        self.line.tally.read()
    }

    /// The budget of its account.
    pub fn budget(&self) -> BudgetView {
        self.line.account.view()
    }

    /// The budgets that its calls are counted in, the account's first.
    pub fn budgets(&self) -> Vec<BudgetView> {
        let line = &self.line;
        std::iter::once(&line.account)
            .chain(&line.app)
            .chain(line.buckets.values())
            .map(|it| it.view())
            .collect()
    }
}

impl Line {
    async fn send(&self, door: &Door, order: Order<'_>) -> Outcome {
        let call = order.call;
        let url = match self.guard.check(call) {
            Ok(url) => url,
            Err(error) => return Outcome::NotSent(error),
        };
        let Some(passage) = door.passage(&call.method, &call.body) else {
            return Outcome::NotSent(CallError::DryRun);
        };
        let budgets = match self.admit(call, &url) {
            Ok(budgets) => budgets,
            Err(error) => return Outcome::NotSent(error),
        };
        Course::new(self, order, &url, passage, budgets).run().await
    }

    /// Checks what the manifest and the connection must have for this call.
    fn admit(&self, call: &Call, url: &Url) -> Result<Vec<Arc<Budget>>, CallError> {
        let malformed = |why: String| CallError::Malformed {
            url: without_query(url),
            why,
        };
        if !call.auth.is_empty() && !self.wallet.has(&call.auth) {
            let known: Vec<_> = self.wallet.slots().collect();
            return Err(malformed(format!(
                "its connector has no credential slot `{}`; it has {}",
                call.auth,
                if known.is_empty() {
                    "none".to_owned()
                } else {
                    known.join(", ")
                }
            )));
        }
        if !call.auth.is_empty() && matches!(self.pin, PinHeader::Missing) {
            return Err(CallError::Credentials {
                why: format!(
                    "connection `{}` is not pinned to an account",
                    self.connection
                ),
                remedy: format!("run `ledgerline connect {}`", self.connection),
            });
        }
        let mut budgets = Vec::with_capacity(3);
        if !call.bucket.is_empty() {
            let bucket = self.buckets.get(&call.bucket).ok_or_else(|| {
                malformed(format!("its connector has no budget `{}`", call.bucket))
            })?;
            budgets.push(Arc::clone(bucket));
        }
        budgets.push(Arc::clone(&self.account));
        budgets.extend(self.app.clone());
        Ok(budgets)
    }

    /// No try begins after this instant.
    pub(super) fn last_start(&self, call: &Call, class: CallClass) -> i64 {
        let longest = self.clock.now_ms().saturating_add(millis(class.max_wait()));
        match call.repeat {
            Repeat::Keyed { until_ms, .. } => longest.min(until_ms),
            Repeat::Safe | Repeat::Never => longest,
        }
    }

    pub(super) fn timeout(&self, call: &Call) -> Duration {
        if call.timeout.is_zero() {
            self.call_timeout
        } else {
            call.timeout.min(self.call_timeout)
        }
    }
}

pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
