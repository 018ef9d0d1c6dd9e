//! Waiting for one's turn: first come, first served, within each budget; in a window that connections
//! share, the one that has had the fewest calls is served first.
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
use tokio::{sync::Notify, time::Instant};

use super::{
    BudgetView, Limits,
    shares::Who,
    state::{Exhausted, Free, Left, Mark, State},
    turns::{Place, Turn, Turns},
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
    /// Locked after the state where both are.
    turns: Mutex<Turns>,
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

/// After this long it is looked again whether those at the head of a shared line may go: others have stopped
/// asking meanwhile.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Counters to be written, with their place among all that were made.
type Numbered = (u64, BudgetRow);

/// Whose call wants to leave.
#[derive(Debug, Clone, Copy)]
pub(in crate::http) struct Caller<'a> {
    /// Name of the connection.
    pub(in crate::http) connection: &'a str,
    pub(in crate::http) class: CallClass,
}

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
            turns: Mutex::default(),
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

    /// A connection may call under it.
    pub(in crate::http) fn join(&self, connection: &str) {
        self.state().join(connection);
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

    pub(super) fn turns(&self) -> MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls whoever is first, if nobody has the turn.
    fn call_next(&self) {
        let now = self.clock.now_ms();
        let mut state = self.state();
        self.turns().call_next(&mut state, now);
    }

    /// The one who had the turn gives it back.
    pub(super) fn next(&self, who: Who) {
        self.turns().give_back();
        self.left_line(who);
    }

    /// One less stands in line: others may be free to go.
    pub(super) fn left_line(&self, who: Who) {
        self.state().done(who);
        self.call_next();
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
    caller: Caller<'_>,
    latest: i64,
    cancel: &Cancel,
) -> Result<Ticket, Refused> {
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(Refused::Cancelled),
        entered = queue(budgets, caller, latest) => entered,
    }
}

async fn queue(
    budgets: &[Arc<Budget>],
    caller: Caller<'_>,
    latest: i64,
) -> Result<Ticket, Refused> {
    let mut turns: Vec<Turn> = Vec::with_capacity(budgets.len());
    loop {
        // Everything up to here was free when its turn came. The first that is not free any more
        // is waited for; places in wider lines are given back meanwhile.
        let held = turns.len();
        let now = budgets.first().map_or(0, |it| it.clock.now_ms());
        let blocked = budgets[..held]
            .iter()
            .enumerate()
            .map(|(at, budget)| (at, budget.state().free(now, caller.class)))
            .find(|(_, free)| *free != Free::Now);
        match blocked {
            Some((at, free)) => {
                turns.truncate(at + 1);
                wait(&budgets[at], free, latest).await?;
            }
            None if held < budgets.len() => {
                turns.push(take_turn(&budgets[held], caller, latest).await?);
            }
            None => {
                // What it was called to may have been had by others while it waited elsewhere.
                let late =
                    |(turn, budget): (&Turn, &Arc<Budget>)| !budget.state().may_go(turn.who(), now);
                if let Some(at) = turns.iter().zip(budgets).position(late) {
                    turns.truncate(at);
                    continue;
                }
                let mut due = Vec::new();
                let mut counted = Vec::with_capacity(budgets.len());
                for budget in budgets {
                    let mut state = budget.state();
                    counted.push((Arc::clone(budget), state.take_for(caller.connection, now)));
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

async fn take_turn(budget: &Arc<Budget>, caller: Caller<'_>, latest: i64) -> Result<Turn, Refused> {
    // A budget that is parked for longer than the call may wait says so at once, whoever stands
    // in line before it.
    let now = budget.clock.now_ms();
    if let Free::At(at) = budget.state().free(now, caller.class)
        && at > latest
    {
        return Err(budget.parked(at));
    }
    let end = Instant::now() + between(now, latest);
    let who = budget.state().ask(caller.connection, now);
    let mut place = Place::at_the_end(budget, who);
    loop {
        budget.call_next();
        let shared = budget.state().is_shared();
        let again = match shared {
            true => end.min(Instant::now() + LOOK_AGAIN),
            false => end,
        };
        tokio::select! {
            biased;
            () = place.called() => return Ok(place.turn()),
            () = tokio::time::sleep_until(again) => {}
        }
        if Instant::now() >= end {
            break;
        }
    }
    let now = budget.clock.now_ms();
    let free = budget.state().free(now, caller.class);
    Err(match free {
        Free::At(at) | Free::AtOrSooner(at) => budget.parked(at),
        Free::Now | Free::WhenOneEnds => budget.parked(now + 1_000),
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
                state.take_for("acme", clock.now_ms());
            }
            budget.due(&mut state, clock.now_ms(), true)
        };
        let (older, newer) = (count(3), count(4));
        budget.write(newer).await;
        budget.write(older).await;
        assert_eq!(rows.budget_row("acme").day_used, 7);
    }

    /// Calls that each of ten connections had by the minute, in a window of 100 that the vendor tells of.
    /// Each makes `calls`, three at once, and begins a tenth of a second after the one before.
    async fn shared_minutes(calls: [usize; 10]) -> Vec<[usize; 10]> {
        let clock = Clock::starting_at("2026-11-22T02:00:00Z".parse().unwrap());
        let limits = Limits {
            minute: Some(100),
            minute_left: Some("x-left".to_owned()),
            ..Limits::default()
        };
        let rows = Arc::new(Memory::default());
        let app = Budget::new("app", &limits, clock, rows, Aside::default()).unwrap();
        let (app, began) = (Arc::new(app), clock.now_ms());
        let made = Arc::new(Mutex::new(Vec::<[usize; 10]>::new()));
        let mut all = tokio::task::JoinSet::new();
        for (place, calls) in calls.into_iter().enumerate() {
            app.join(&place.to_string());
            for part in 0..3 {
                let (app, made) = (Arc::clone(&app), Arc::clone(&made));
                let own = calls / 3 + usize::from(part < calls % 3);
                all.spawn(async move {
                    tokio::time::sleep(Duration::from_millis(100) * place as u32).await;
                    let (name, cancel) = (place.to_string(), Cancel::default());
                    let caller = Caller {
                        connection: &name,
                        class: CallClass::Scheduled,
                    };
                    for _ in 0..own {
                        let budgets = [Arc::clone(&app)];
                        let entered = enter(&budgets, caller, i64::MAX, &cancel).await;
                        let ticket = entered.unwrap_or_else(|why| panic!("{why:?}"));
                        let minute = usize::try_from((ticket.sent - began) / 60_000).unwrap();
                        {
                            let mut made = made.lock().unwrap();
                            let minutes = made.len().max(minute + 1);
                            made.resize(minutes, [0; 10]);
                            made[minute][place] += 1;
                        }
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                });
            }
        }
        all.join_all().await;
        Arc::into_inner(made).unwrap().into_inner().unwrap()
    }

    /// The first to begin took the whole minute; the last ones waited for the next.
    #[tokio::test(start_paused = true)]
    async fn connections_that_begin_early_leave_the_others_their_share() {
        let made = shared_minutes([30; 10]).await;
        assert_eq!(made, [[10; 10]; 3]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_connections_do_not_want_the_others_have() {
        let made = shared_minutes([180, 2, 2, 2, 2, 2, 2, 2, 2, 4]).await;
        let minutes: Vec<usize> = made.iter().map(|it| it.iter().sum()).collect();
        assert_eq!(minutes, [100, 100]);
        assert_eq!(made[0][1..], [2, 2, 2, 2, 2, 2, 2, 2, 4]);
    }
}
