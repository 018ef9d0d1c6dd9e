//! A world: every vendor's servers with what they hold, on one clock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::calls::{Call, CallLog};
use crate::chance::Chance;
use crate::clock::Clock;
use crate::core::{self, Core};
use crate::exchange::{Reply, Request};
use crate::faults::{Faults, LastRows};
use crate::omni::{self, Omni};
use crate::seed::{Seed, SeedError};
use crate::xero::{self, Xero};
use crate::zudello::{self, Zudello};
use crate::{admin, plant};

/// All vendors' servers. Cloning gives another handle to the same world.
#[derive(Debug, Clone)]
pub struct World(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Clock,
    state: Mutex<State>,
}

/// Everything that is held, as the state file has it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) now: Timestamp,
    pub(crate) revision: u64,
    pub(crate) chance: Chance,
    pub(crate) faults: Faults,
    pub(crate) xero: Xero,
    pub(crate) omni: Omni,
    #[serde(default)]
    pub(crate) core: Core,
    #[serde(default)]
    pub(crate) zudello: Zudello,
    #[serde(skip)]
    pub(crate) calls: CallLog,
    #[serde(skip)]
    pub(crate) last_rows: LastRows,
}

/// What a vendor needs of the world to answer one call.
pub(crate) struct Cx<'a> {
    pub(crate) now: Timestamp,
    pub(crate) chance: &'a mut Chance,
    remarks: Vec<String>,
}

impl<'a> Cx<'a> {
    pub(crate) fn new(now: Timestamp, chance: &'a mut Chance) -> Self {
        Self {
            now,
            chance,
            remarks: Vec::new(),
        }
    }

    /// Notes something odd about a call that the vendor would let pass.
    pub(crate) fn remark(&mut self, text: impl Into<String>) {
        let text = text.into();
        if !self.remarks.contains(&text) {
            self.remarks.push(text);
        }
    }
}

/// The vendors of this world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Vendor {
    /// Xero.
    Xero,
    /// Cin7 Omni.
    Omni,
    /// Cin7 Core.
    Core,
    /// Zudello.
    Zudello,
    /// No vendor has this path.
    Nobody,
}

impl Vendor {
    // Zudello's paths are settings of its teams and may look like Omni's: it goes by headers too.
    fn of(state: &State, request: &Request) -> Self {
        let path = request.path.as_str();
        if xero::routes::serves(path) {
            Self::Xero
        } else if core::serves(path) {
            Self::Core
        } else if zudello::serves(&state.zudello, request) {
            Self::Zudello
        } else if omni::serves(path) {
            Self::Omni
        } else {
            Self::Nobody
        }
    }
}

/// Answers a call. The same as [`World::handle`], as a function of world and request.
pub fn handle(world: &World, request: &Request) -> Reply {
    world.handle(request)
}

impl World {
    /// A world planted from `seed`.
    pub fn new(seed: &Seed, clock: Clock) -> Result<Self, SeedError> {
        let state = plant::plant(seed, clock.now())?;
        Ok(Self::with(state, clock))
    }

    /// A world as [`World::save`] wrote it. The clock goes on no earlier than it stood then.
    pub fn load(text: &str, clock: Clock) -> Result<Self, serde_json::Error> {
        let state: State = serde_json::from_str(text)?;
        clock.advance_to(state.now);
        Ok(Self::with(state, clock))
    }

    fn with(state: State, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            clock,
            state: Mutex::new(state),
        }))
    }

    /// Everything that is held, as one JSON text.
    pub fn save(&self) -> Result<String, serde_json::Error> {
        let mut state = self.lock();
        state.now = self.now();
        serde_json::to_string(&*state)
    }

    /// Counts changes, so that a saver knows whether there is anything new.
    pub fn revision(&self) -> u64 {
        self.lock().revision
    }

    /// Makes a saver find something new, after a change that no vendor was asked for.
    pub(crate) fn touch(&self) {
        let mut state = self.lock();
        state.revision = state.revision.saturating_add(1);
    }

    /// The present instant of this world.
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Moves the clock on.
    pub fn advance(&self, by: Duration) {
        self.0.clock.advance(by);
    }

    /// Answers a call to any vendor or to the admin pages.
    pub fn handle(&self, request: &Request) -> Reply {
        if request.path.starts_with("/_sandbox") {
            return admin::handle(self, request);
        }
        let now = self.now();
        let mut guard = self.lock();
        let state = &mut *guard;
        let vendor = Vendor::of(state, request);
        let fault = state.faults.strike(vendor, request);
        if let Some(fault) = &fault {
            fault.act(state, vendor, request, now);
        }
        let mut cx = Cx::new(now, &mut state.chance);
        let reply = match &fault {
            Some(fault) if !fault.carries_out() => fault.answer_instead(vendor),
            _ => {
                let reply = match vendor {
                    Vendor::Xero => xero::routes::handle(&mut state.xero, request, &mut cx),
                    Vendor::Omni => omni::handle(&mut state.omni, request, &mut cx),
                    Vendor::Core => core::handle(&mut state.core, request, &mut cx),
                    Vendor::Zudello => zudello::handle(&mut state.zudello, request, &mut cx),
                    Vendor::Nobody => Reply::text(404, "not found"),
                };
                if request.writes() {
                    state.revision = state.revision.saturating_add(1);
                }
                let latency = match vendor {
                    Vendor::Xero => state.xero.latency_ms,
                    Vendor::Omni => state.omni.latency_ms,
                    Vendor::Core => state.core.latency_ms,
                    Vendor::Zudello => state.zudello.latency_ms,
                    Vendor::Nobody => 0,
                };
                let reply = Reply {
                    delay: Duration::from_millis(latency),
                    ..reply
                };
                let mut reply = match &fault {
                    Some(fault) => fault.spoil(vendor, reply),
                    None => reply,
                };
                if !state.faults.0.is_empty() {
                    if let Some(fault) = &fault {
                        fault.spoil_list(request, &mut state.last_rows, &mut reply);
                    }
                    state.last_rows.note(request, &reply);
                }
                reply
            }
        };
        let reply = match reply.status {
            0 => reply,
            _ => reply.header(
                "Date",
                now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string(),
            ),
        };
        let remarks = cx.remarks;
        state.calls.add(vendor, request, &reply, || {
            let mut call = Call::of(now, vendor, request, &reply, fault.as_ref(), remarks);
            if vendor == Vendor::Zudello {
                call.account = zudello::account_of(&state.zudello, request);
            }
            call
        });
        reply
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
