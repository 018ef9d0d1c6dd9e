//! Networks that tell what went over them.
//!
//! The vendors' own log keeps bodies, which is too much for a hundred thousand calls; here each call
//! is a few words, taken down at the instant at which it reaches its vendor.

use std::{
    collections::BTreeMap,
    ops::RangeInclusive,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use bytes::Bytes;
use ledgerline::http::{RawAnswer, RawRequest, Transport, TransportError};
use sandbox::{Delivery, Request, Vendor, World};

use crate::InProcess;

/// One call as it reached its vendor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    /// When, in milliseconds since the epoch.
    pub(super) at: i64,
    /// Whose server.
    pub(super) vendor: Vendor,
    /// The account that it names; the same for all calls of a vendor that needs no name.
    pub(super) account: Arc<str>,
    /// Whether it may change something.
    pub(super) writes: bool,
    /// Status of the answer; 0 where none came.
    pub(super) status: u16,
}

/// Calls in the order in which they reached their vendors. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Log(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    seen: Vec<Seen>,
    names: BTreeMap<String, Arc<str>>,
}

impl Log {
    /// All calls so far, tokens left out: no limit counts them.
    pub(super) fn seen(&self) -> Vec<Seen> {
        self.kept().seen.clone()
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn arrived(&self, at: i64, request: &RawRequest) -> Option<usize> {
        let (vendor, account) = addressee(request)?;
        let mut kept = self.kept();
        let account = Arc::clone(
            kept.names
                .entry(account.to_owned())
                .or_insert_with(|| Arc::from(account)),
        );
        kept.seen.push(Seen {
            at,
            vendor,
            account,
            writes: !matches!(request.method.as_str(), "GET" | "HEAD"),
            status: 0,
        });
        Some(kept.seen.len() - 1)
    }

    fn answered(&self, place: Option<usize>, status: u16) {
        let mut kept = self.kept();
        if let Some(seen) = place.and_then(|it| kept.seen.get_mut(it)) {
            seen.status = status;
        }
    }
}

/// Vendor and account of a call; `None` for calls of tokens.
fn addressee(request: &RawRequest) -> Option<(Vendor, &str)> {
    let header = |wanted: &str| {
        request
            .headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value.as_str())
    };
    let path = request.url.path();
    if path.starts_with("/connect/") || path.starts_with("/identity/") {
        None
    } else if path.starts_with("/api.xro/") || path == "/connections" {
        Some((Vendor::Xero, header("xero-tenant-id").unwrap_or_default()))
    } else if path.starts_with("/ExternalApi/") {
        Some((
            Vendor::Core,
            header("api-auth-accountid").unwrap_or_default(),
        ))
    } else if let Some(team) = header("x-team") {
        Some((Vendor::Zudello, team))
    } else {
        // Basic credentials: one pair an account, and nobody reads them.
        Some((Vendor::Omni, header("authorization").unwrap_or_default()))
    }
}

/// A network on which calls and answers overtake each other: each way takes another time.
pub(super) struct Far {
    world: World,
    inner: InProcess,
    chance: Mutex<fastrand::Rng>,
    way: RangeInclusive<u64>,
    log: Log,
}

impl Far {
    /// Each way takes so many milliseconds.
    pub(super) fn new(world: World, seed: u64, way: RangeInclusive<u64>, log: Log) -> Self {
        Self {
            inner: InProcess::new(world.clone()),
            world,
            chance: Mutex::new(fastrand::Rng::with_seed(seed)),
            way,
            log,
        }
    }

    fn one_way(&self) -> Duration {
        let mut chance = self.chance.lock().unwrap_or_else(PoisonError::into_inner);
        Duration::from_millis(chance.u64(self.way.clone()))
    }
}

#[async_trait]
impl Transport for Far {
    async fn exchange(&self, request: RawRequest) -> Result<RawAnswer, TransportError> {
        tokio::time::sleep(self.one_way()).await;
        let place = self
            .log
            .arrived(self.world.now().as_millisecond(), &request);
        let answer = self.inner.exchange(request).await;
        if let Ok(answer) = &answer {
            self.log.answered(place, answer.status);
        }
        tokio::time::sleep(self.one_way()).await;
        answer
    }
}

/// A network that takes no time at all, and tells how long the vendors themselves took.
pub(super) struct Near {
    world: World,
    spent: Arc<Mutex<Duration>>,
}

impl Near {
    /// To `world`; what the vendors take is added to `spent`.
    pub(super) fn new(world: World, spent: Arc<Mutex<Duration>>) -> Self {
        Self { world, spent }
    }
}

#[async_trait]
impl Transport for Near {
    async fn exchange(&self, request: RawRequest) -> Result<RawAnswer, TransportError> {
        let asked = Request {
            method: request.method,
            path: request.url.path().to_owned(),
            query: request.url.query().unwrap_or_default().to_owned(),
            headers: request.headers,
            body: request.body,
        };
        let reply = {
            // The world is one lock anyway; held here, waiting for it is not counted as work.
            let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
            let began = Instant::now();
            let reply = self.world.handle(&asked);
            *spent += began.elapsed();
            reply
        };
        match reply.delivery {
            Delivery::Whole => Ok(RawAnswer {
                status: reply.status,
                headers: reply.headers.clone(),
                body: Bytes::copy_from_slice(&reply.body),
            }),
            _ => Err(TransportError::after("the connection ended")),
        }
    }
}
