//! Waiting for one's turn: first come, first served, within each budget.
//!
//! A call is counted in several budgets at once: a bucket, the account, the app. It may be counted
//! only when all of them are free *at the same instant*, else it would be counted in a window in
//! which it does not leave. It queues from the narrowest budget to the widest and keeps its place in
//! the narrower queues while it waits in a wider one, never the other way round: a spent account
//! must not hold up the other accounts of its app.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use tokio::sync::{Notify, OwnedMutexGuard};

use super::{
    BudgetView, Limits,
    state::{Exhausted, Free, Left, Mark, State},
};
use crate::{
    clock::Clock,
    http::{CallClass, aside::Aside, rows::SharedRows},
    plugins::Cancel,
    store::BudgetRow,
};

/// One budget, shared by everyone who calls under it.
pub(in crate::http) struct Budget {
    name: String,
    left_headers: Mutex<(Option<String>, Option<String>)>,
    /// Head of the line. Tokio's mutex is fair.
    turn: Arc<tokio::sync::Mutex<()>>,
    state: Mutex<State>,
    /// Told when a call ends or the vendor changes what holds.
    changed: Notify,
    clock: Clock,
    rows: SharedRows,
    aside: Aside,
    /// Rows that were made so far.
    made: AtomicU64,
    /// The latest of them that was written. Several are written at once, by threads of their own: an
    /// older one must not take the place of a newer one.
    written: Arc<Mutex<u64>>,
}

/// Counters to be written, with their place among all that were made.
type Numbered = (u64, BudgetRow);

/// Why a call may not leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::http) enum Refused {
    /// It would have to wait for longer than it may.
    Parked { budget: String, until: Timestamp },
    /// The work was stopped.
    Cancelled,
}

/// A call under way, counted in its budgets. Dropping it ends the call.
pub(in crate::http) struct Ticket {
    /// Each with what was known of it when the call left.
    budgets: Vec<(Arc<Budget>, Mark)>,
    /// When it was counted, milliseconds since the epoch.
    pub(in crate::http) sent: i64,
    bytes: u64,
    /// The vendor let it through.
    heard: bool,
}

impl Budget {
    pub(in crate::http) fn new(
        name: &str,
        limits: &Limits,
        clock: Clock,
        rows: SharedRows,
        aside: Aside,
    ) -> Result<Self, crate::store::StoreError> {
        let row = rows.budget(name)?;
        Ok(Self {
            name: name.to_owned(),
            left_headers: Mutex::default(),
            turn: Arc::default(),
            state: Mutex::new(State::new(limits, &row, clock.now_ms())),
            changed: Notify::new(),
            clock,
            rows,
            aside,
            made: AtomicU64::new(0),
            written: Arc::default(),
        }
        .limited(limits))
    }

    fn limited(self, limits: &Limits) -> Self {
        self.limit(limits);
        self
    }

    /// Takes limits that were configured anew.
    pub(in crate::http) fn limit(&self, limits: &Limits) {
        self.state().limit(limits);
        let lower = |name: &Option<String>| name.as_ref().map(|it| it.to_ascii_lowercase());
        *self
            .left_headers
            .lock()
            .unwrap_or_else(PoisonError::into_inner) =
            (lower(&limits.minute_left), lower(&limits.day_left));
        self.changed.notify_one();
    }

    pub(in crate::http) fn view(&self) -> BudgetView {
        self.state().view(&self.name, self.clock.now_ms())
    }

    /// Writes counters that were not written yet.
    pub(in crate::http) async fn save(&self) {
        let now = self.clock.now_ms();
        let row = {
            let mut state = self.state();
            if state.is_unsaved() {
                self.due(&mut state, now, true)
            } else {
                None
            }
        };
        self.write(row).await;
    }

    /// Counters that are due to be written. The lock on them is held, so their numbers follow the counts.
    fn due(&self, state: &mut State, now: i64, all: bool) -> Option<Numbered> {
        let row = state.row_to_save(now, all)?;
        Some((self.made.fetch_add(1, Ordering::SeqCst) + 1, row))
    }

    async fn write(&self, due: Option<Numbered>) {
        let Some((number, row)) = due else { return };
        let (rows, name) = (Arc::clone(&self.rows), self.name.clone());
        let written = Arc::clone(&self.written);
        let work = move || {
            let mut written = written.lock().unwrap_or_else(PoisonError::into_inner);
            if number < *written {
                return Ok(());
            }
            *written = number;
            rows.set_budget(&name, &row)
        };
        let written = self.aside.run(work).await;
        // The counters live on in memory; what is at stake is the day's count after a crash.
        match written {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(budget = self.name, %error, "budget was not stored"),
            Err(error) => tracing::warn!(budget = self.name, %error, "budget was not stored"),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn left(&self, headers: &[(String, String)]) -> Left {
        let held = self
            .left_headers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let number = |wanted: &Option<String>| {
            let wanted = wanted.as_ref()?;
            let (_, value) = headers
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(wanted))?;
            value.trim().parse().ok()
        };
        Left {
            minute: number(&held.0),
            day: number(&held.1),
        }
    }
}

/// Waits until a call may leave, and counts it. `budgets` go from the narrowest to the widest; the
/// wait ends in any case at `latest`, milliseconds since the epoch.
pub(in crate::http) async fn enter(
    budgets: &[Arc<Budget>],
    class: CallClass,
    latest: i64,
    cancel: &Cancel,
) -> Result<Ticket, Refused> {
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(Refused::Cancelled),
        entered = queue(budgets, class, latest) => entered,
    }
}

async fn queue(budgets: &[Arc<Budget>], class: CallClass, latest: i64) -> Result<Ticket, Refused> {
    let mut turns: Vec<OwnedMutexGuard<()>> = Vec::with_capacity(budgets.len());
    loop {
        // Everything up to here was free when its turn came. The first that is not free any more
        // is waited for; places in wider lines are given back meanwhile.
        let held = turns.len();
        let now = budgets.first().map_or(0, |it| it.clock.now_ms());
        let blocked = budgets[..held]
            .iter()
            .enumerate()
            .map(|(at, budget)| (at, budget.state().free(now, class)))
            .find(|(_, free)| *free != Free::Now);
        match blocked {
            Some((at, free)) => {
                turns.truncate(at + 1);
                wait(&budgets[at], free, latest).await?;
            }
            None if held < budgets.len() => {
                turns.push(take_turn(&budgets[held], class, latest).await?);
            }
            None => {
                let mut due = Vec::new();
                let mut counted = Vec::with_capacity(budgets.len());
                for budget in budgets {
                    let mut state = budget.state();
                    counted.push((Arc::clone(budget), state.take(now)));
                    due.push(budget.due(&mut state, now, false));
                }
                // From here on a dropped future must give the places back, so the ticket exists
                // before anything is awaited.
                let ticket = Ticket {
                    budgets: counted,
                    sent: now,
                    bytes: 0,
                    heard: false,
                };
                drop(turns);
                for (budget, row) in budgets.iter().zip(due) {
                    budget.write(row).await;
                }
                return Ok(ticket);
            }
        }
    }
}

async fn take_turn(
    budget: &Arc<Budget>,
    class: CallClass,
    latest: i64,
) -> Result<OwnedMutexGuard<()>, Refused> {
    // A budget that is parked for longer than the call may wait says so at once, whoever stands
    // in line before it.
    let now = budget.clock.now_ms();
    if let Free::At(at) = budget.state().free(now, class)
        && at > latest
    {
        return Err(budget.parked(at));
    }
    let turn = Arc::clone(&budget.turn).lock_owned();
    tokio::time::timeout(between(now, latest), turn)
        .await
        .map_err(|_| {
            let now = budget.clock.now_ms();
            match budget.state().free(now, class) {
                Free::At(at) | Free::AtOrSooner(at) => budget.parked(at),
                Free::Now | Free::WhenOneEnds => budget.parked(now + 1_000),
            }
        })
}

async fn wait(budget: &Budget, free: Free, latest: i64) -> Result<(), Refused> {
    let now = budget.clock.now_ms();
    let until = match free {
        Free::Now => return Ok(()),
        Free::At(at) if at > latest => return Err(budget.parked(at)),
        Free::At(at) => at,
        Free::AtOrSooner(at) if now >= latest => return Err(budget.parked(at)),
        Free::AtOrSooner(at) => at.min(latest),
        Free::WhenOneEnds if now >= latest => return Err(budget.parked(now + 1_000)),
        Free::WhenOneEnds => latest,
    };
    tokio::select! {
        () = budget.clock.sleep(between(now, until)) => {}
        () = budget.changed.notified() => {}
    }
    Ok(())
}

fn between(now: i64, later: i64) -> Duration {
    Duration::from_millis(u64::try_from(later.saturating_sub(now)).unwrap_or(0))
}

impl Budget {
    fn parked(&self, until: i64) -> Refused {
        Refused::Parked {
            budget: self.name.clone(),
            until: Timestamp::from_millisecond(until).unwrap_or(Timestamp::MAX),
        }
    }
}

impl Ticket {
    /// Bytes that the answer had.
    pub(in crate::http) fn read(&mut self, bytes: usize) {
        self.bytes = bytes as u64;
    }

    /// The vendor let the call through.
    pub(in crate::http) fn passed(&mut self, headers: &[(String, String)]) {
        self.heard = true;
        for (budget, mark) in &self.budgets {
            let left = budget.left(headers);
            let now = budget.clock.now_ms();
            budget.state().passed(left, *mark, self.sent, now);
        }
    }

    /// The vendor refused the call: parks the budget that is exhausted, for everyone.
    pub(in crate::http) async fn refused(
        &self,
        budget: &Arc<Budget>,
        what: Exhausted,
        retry_after: Option<Duration>,
        pause: impl FnOnce(u32) -> Duration,
    ) {
        let now = budget.clock.now_ms();
        let row = {
            let mut state = budget.state();
            state.refused(what, retry_after, self.sent, now, pause);
            budget.due(&mut state, now, true)
        };
        budget.write(row).await;
        budget.changed.notify_one();
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        for (budget, _) in &self.budgets {
            let now = budget.clock.now_ms();
            budget.state().end(self.bytes, self.sent, self.heard, now);
            budget.changed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::tests::support::Memory;

    /// Two writes are under way at once; the thread of the older one comes last.
    #[tokio::test(start_paused = true)]
    async fn an_older_count_does_not_take_the_place_of_a_newer_one() {
        let rows = Arc::new(Memory::default());
        let clock = Clock::starting_at("2026-11-22T02:00:00Z".parse().unwrap());
        let limits = Limits {
            day: Some(100),
            ..Limits::default()
        };
        let budget = Budget::new("acme", &limits, clock, rows.clone(), Aside::default()).unwrap();
        let count = |calls: u32| {
            let mut state = budget.state();
            for _ in 0..calls {
                state.take(clock.now_ms());
            }
            budget.due(&mut state, clock.now_ms(), true)
        };
        let (older, newer) = (count(3), count(4));
        budget.write(newer).await;
        budget.write(older).await;
        assert_eq!(rows.budget_row("acme").day_used, 7);
    }
}
