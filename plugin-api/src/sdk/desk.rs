//! What lies between the running `async fn` and the step machine: requests that wait to be handed
//! out, answers that wait to be taken, and things lent to the engine.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use crate::abi::{Bytes, Doc, Slice};
use crate::sdk::{BatchDoc, Outcome, Request, Response, Result};

/// Shared by a session and its futures. The lock is held for a few instructions at a time and never
/// while foreign code runs.
#[derive(Clone, Default)]
pub(crate) struct Desk(Arc<Mutex<State>>);

impl Desk {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // The state is whole between any two statements, so a panic elsewhere does not spoil it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default)]
pub(crate) struct State {
    last_id: u32,
    /// Asked for and not yet handed to the engine.
    pub(crate) outbox: VecDeque<(u32, Ask)>,
    /// Handed to the engine and not yet completed; `None` when nobody awaits it any more.
    pub(crate) open: HashMap<u32, Option<String>>,
    /// Completed and not yet taken.
    inbox: HashMap<u32, Result<Response>>,
    /// Who to wake, by request or offer.
    wakers: HashMap<u32, Waker>,
    /// What the connector offers the engine, oldest first.
    pub(crate) offers: VecDeque<(u32, Offer)>,
    /// Offers that the engine has dealt with and whose future does not know it yet.
    answered: HashSet<u32>,
    /// Answer to the last [`Offer::Want`].
    pub(crate) batch: Option<Vec<BatchDoc>>,
    /// Documents handed out by the last batch and not yet reported on.
    pub(crate) unreported: Option<usize>,
    pub(crate) now_ms: i64,
}

/// An effect that the connector asks for.
pub(crate) enum Ask {
    Http(Box<Request>),
    Sleep(u64),
}

/// Something that ends a step.
pub(crate) enum Offer {
    /// A page that is lent while the future which offers it is suspended.
    Page(Loan),
    /// Outcomes of a batch.
    Results(Vec<Outcome>),
    /// A wish for a batch.
    Want,
}

/// Memory of a suspended future, lent to the engine for one step.
pub(crate) struct Loan {
    pub(crate) docs: Slice<Doc>,
    pub(crate) cursor: Bytes,
}
// SAFETY: the memory belongs to a future that is `Send` and that cannot run while the loan is out.
unsafe impl Send for Loan {}

impl State {
    fn next_id(&mut self) -> u32 {
        // Ids only have to differ from each other while they are open.
        self.last_id = self.last_id.wrapping_add(1);
        while self.last_id == 0 || self.open.contains_key(&self.last_id) {
            self.last_id = self.last_id.wrapping_add(1);
        }
        self.last_id
    }

    pub(crate) fn ask(&mut self, ask: Ask) -> u32 {
        let id = self.next_id();
        self.outbox.push_back((id, ask));
        id
    }

    /// Records an effect's completion; false when no such effect is open.
    #[must_use]
    pub(crate) fn complete(
        &mut self,
        id: u32,
        result: Result<Response>,
        woken: &mut Vec<Waker>,
    ) -> bool {
        let Some(awaited) = self.open.remove(&id) else {
            return false;
        };
        if let Some(call) = awaited {
            self.inbox
                .insert(id, result.map(|response| Response { call, ..response }));
            woken.extend(self.wakers.remove(&id));
        }
        true
    }

    pub(crate) fn take_answer(&mut self, id: u32) -> Option<Result<Response>> {
        self.inbox.remove(&id)
    }

    pub(crate) fn wake_later(&mut self, id: u32, waker: &Waker) {
        match self.wakers.get_mut(&id) {
            Some(stored) => stored.clone_from(waker),
            None => {
                self.wakers.insert(id, waker.clone());
            }
        }
    }

    /// Forgets a request whose future was dropped. A call that did not leave yet never does.
    pub(crate) fn abandon(&mut self, id: u32) {
        self.wakers.remove(&id);
        self.inbox.remove(&id);
        self.outbox.retain(|(it, _)| *it != id);
        if let Some(awaited) = self.open.get_mut(&id) {
            *awaited = None;
        }
    }

    pub(crate) fn offer(&mut self, offer: Offer) -> u32 {
        let id = self.next_id();
        self.offers.push_back((id, offer));
        id
    }

    pub(crate) fn answer(&mut self, id: u32, woken: &mut Vec<Waker>) {
        self.answered.insert(id);
        woken.extend(self.wakers.remove(&id));
    }

    pub(crate) fn take_answered(&mut self, id: u32) -> bool {
        self.answered.remove(&id)
    }

    /// Takes back an offer whose future was dropped.
    pub(crate) fn withdraw(&mut self, id: u32) {
        self.wakers.remove(&id);
        self.answered.remove(&id);
        self.offers.retain(|(it, _)| *it != id);
    }

    /// Whether anything is under way that can wake the connector.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.outbox.is_empty() || self.open.values().any(Option::is_some)
    }
}
