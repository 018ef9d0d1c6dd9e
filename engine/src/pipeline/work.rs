//! One route's turn in a run: ask about uncertain documents (`uncertain`), decide about the others, send
//! what may go, settle.

use std::{collections::BTreeSet, sync::Arc};

use futures_util::stream::{FuturesUnordered, StreamExt};
use ledgerline_plugin_api::manifest::Category;
use tokio::sync::mpsc;

use crate::{
    mapping::{CheckMemo, MatchIndex, Reference},
    pipeline::{
        ask,
        decide::{Decider, Decision, Raised, Ready, Write, lock, problem},
        engine::Connected,
        first_sights, groups,
        plan::RoutePlan,
        progress::Step,
        reapply::Reapply,
        reference::read_whole,
        run::Run,
        send::{self, Batch, pack},
        settle::outcome,
        steps, taken_back,
    },
    store::{
        Actor, Cause, Change, Document, Entry, EntryId, Settlement, State, StoreError, offload,
    },
};

/// Longest pause before a failed entry is tried again, in milliseconds.
pub(crate) const LONGEST_PAUSE: i64 = 3_600_000;
/// Entries that are decided about together.
const CHUNK: usize = 200;

pub(super) type Claimed = (EntryId, Entry, Option<Document>);

/// Everything of a route in a state. For states that few entries are in.
pub(crate) async fn claim_all(
    run: &Run<'_>,
    plan: &RoutePlan,
    state: State,
) -> Result<Vec<Claimed>, StoreError> {
    let mut all = Vec::new();
    let mut after: Option<EntryId> = None;
    loop {
        let page = claim(run, plan, state, after.clone()).await?;
        let Some((last, _, _)) = page.last() else {
            return Ok(all);
        };
        after = Some(last.clone());
        all.extend(page);
    }
}

pub(super) async fn claim(
    run: &Run<'_>,
    plan: &RoutePlan,
    state: State,
    after: Option<EntryId>,
) -> Result<Vec<Claimed>, StoreError> {
    let (route, source) = (plan.route.name.clone(), plan.source.clone());
    offload::run(&run.store, move |store| {
        store.claim(&route, &source, state, after.as_ref(), CHUNK)
    })
    .await
}

/// What came of a turn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Worked {
    /// Something changed.
    pub(crate) progress: bool,
    /// It ended before its stream did: earlier routes were asked for something that its documents need.
    pub(crate) early: bool,
}

/// One turn.
pub(crate) async fn work(run: &Run<'_>, plan: &Arc<RoutePlan>) -> Result<Worked, StoreError> {
    if plan.fills_groups() {
        return groups::fill(run, plan).await;
    }
    let Some(target) = run.engine.connected.get(&plan.target.connection) else {
        return Ok(Worked::default());
    };
    let first_sights = first_sights::are_due(run, plan).await?;
    if !first_sights && !has_work(run, plan).await? {
        return Ok(Worked::default());
    }
    let streams = plan.reference_streams();
    let connection = &plan.target.connection;
    let reference = lists(run, plan, target).await?;
    // What a list does not hold yet would be taken for something that is missing there.
    if run.is_parked(connection) && !read_whole(run, target, &streams).await? {
        run.unfinished();
        return Ok(Worked::default());
    }
    let mut turn = Turn::new(run, plan, target, reference);
    if first_sights {
        turn.first_sights().await?;
    }
    // A group of which a part was not read yet would be sent in two documents, and would be none of those
    // that the target holds.
    if !groups::are_complete(run, plan).await? {
        return Ok(Worked::default());
    }
    let mut progress = turn.questions().await?;
    // Deciding goes on while batches are under way; the channel holds one batch beside them.
    let (batches, queue) = mpsc::channel(1);
    let (decided, delivered) =
        tokio::join!(turn.decide_all(batches), deliver_all(run, plan, queue));
    progress |= decided? | delivered?;
    Ok(Worked {
        progress,
        early: turn.early,
    })
}

/// The lists that decisions on the route look at.
pub(crate) async fn lists(
    run: &Run<'_>,
    plan: &RoutePlan,
    target: &Connected,
) -> Result<Arc<Reference>, StoreError> {
    let streams = plan.reference_streams();
    let connection = &plan.target.connection;
    let looks_first = run.looks_first(connection, &streams);
    let mut mended = match run.interactive && looks_first {
        true => awaited_lists(run, connection).await?,
        false => BTreeSet::new(),
    };
    if looks_first {
        mended.extend(first_sights::lists(run, connection).await?);
    }
    run.engine
        .references
        .fresh(run, target, &streams, &mended)
        .await
}

/// Whether there is anything to do, as soon as that is known: while the stream is still being read,
/// its first new document or its end tells.
async fn has_work(run: &Run<'_>, plan: &RoutePlan) -> Result<bool, StoreError> {
    loop {
        let pages = run.pages();
        let pulled = run.is_pulled(&plan.source);
        for state in [
            State::Pending,
            State::Waiting,
            State::Failed,
            State::Uncertain,
        ] {
            let (route, source) = (plan.route.name.clone(), plan.source.clone());
            let some = offload::run(&run.store, move |store| {
                store.claim(&route, &source, state, None, 1)
            })
            .await?;
            if !some.is_empty() {
                return Ok(true);
            }
        }
        if pulled || run.cancel.is_cancelled() {
            return Ok(false);
        }
        run.pages_after(pages).await;
    }
}

/// Lists of a target that entries wait for: a person may just have mended one.
async fn awaited_lists(run: &Run<'_>, connection: &str) -> Result<BTreeSet<String>, StoreError> {
    let plans: Vec<&Arc<RoutePlan>> = run
        .routes
        .iter()
        .filter(|it| it.target.connection == connection)
        .collect();
    let routes: Vec<String> = plans.iter().map(|it| it.name().to_owned()).collect();
    let groups = offload::run(&run.store, move |store| store.groups(&routes)).await?;
    let mut lists = BTreeSet::new();
    for group in groups {
        // What waits for another entry is woken by that entry.
        if group.state != State::Waiting || group.cause.starts_with("entry:") {
            continue;
        }
        let Some(problem) = group.problem else {
            continue;
        };
        let Some(plan) = plans.iter().find(|it| it.name() == group.route) else {
            continue;
        };
        let checks = plan
            .target_stream
            .checks
            .iter()
            .filter(|it| it.category == problem.category);
        lists.extend(checks.flat_map(|it| it.refs.values().map(|it| it.stream.clone())));
    }
    Ok(lists)
}

pub(super) type Decided = Vec<(EntryId, Entry, Decision)>;

pub(super) struct Turn<'a> {
    pub(super) run: &'a Run<'a>,
    pub(super) plan: &'a Arc<RoutePlan>,
    pub(super) target: &'a Connected,
    reference: Arc<Reference>,
    matches: Option<Arc<MatchIndex>>,
    memo: Arc<std::sync::Mutex<CheckMemo>>,
    raised: Arc<std::sync::Mutex<Raised>>,
    ready: Vec<Ready>,
    /// Chunks of new documents that were decided about.
    chunks: u32,
    /// Earlier routes were asked for something that they have not been at since.
    asked: bool,
    /// The turn ends before its stream does.
    early: bool,
}

impl<'a> Turn<'a> {
    fn new(
        run: &'a Run<'a>,
        plan: &'a Arc<RoutePlan>,
        target: &'a Connected,
        reference: Arc<Reference>,
    ) -> Self {
        let matches = plan.matches().then(|| {
            Arc::new(plan.mapping.match_index(
                reference.documents(&plan.target.stream),
                &plan.target_rules,
                plan.rules_cx(&reference),
            ))
        });
        Self {
            run,
            plan,
            target,
            reference,
            matches,
            memo: Arc::default(),
            raised: Arc::default(),
            ready: Vec::new(),
            chunks: 0,
            asked: false,
            early: false,
        }
    }

    /// Decides about claimed entries, off the async threads.
    pub(super) async fn decide(&self, claimed: Vec<Claimed>) -> Result<Decided, StoreError> {
        let engine = self.run.engine;
        let plans = engine.plans.clone();
        let plan = self.plan.clone();
        let reference = self.reference.clone();
        let matches = self.matches.clone();
        let (memo, raised) = (self.memo.clone(), self.raised.clone());
        let source = engine.connected.get(&self.plan.origin);
        let settings = source.map(|it| it.settings.clone()).unwrap_or_default();
        let target_settings = self.target.settings.clone();
        let now = engine.clock.now();
        let today = now.to_zoned(plan.zone.clone()).date().to_string();
        let taken_over = format!("taken-over/{}", plan.source.connection);
        offload::long(&self.run.store, move |store| {
            let taken_over_at = store
                .note(&taken_over)?
                .and_then(|it| it.parse::<i64>().ok());
            let decider = Decider {
                plan: &plan,
                plans: &plans,
                store,
                reference: &reference,
                matches: matches.as_deref(),
                memo: &memo,
                settings: &settings,
                target_settings: &target_settings,
                today: &today,
                now: now.as_millisecond(),
                taken_over_at,
                raised: &raised,
            };
            claimed
                .into_iter()
                .map(|(id, entry, document)| {
                    let decision = decider.decide(&id, &entry, document.as_ref())?;
                    Ok((id, entry, decision))
                })
                .collect()
        })
        .await
    }

    /// Decides about everything that is not settled, and hands over what may go.
    async fn decide_all(&mut self, batches: mpsc::Sender<Vec<Ready>>) -> Result<bool, StoreError> {
        let mut progress = false;
        for state in [State::Waiting, State::Failed, State::Pending] {
            if state == State::Waiting && !self.run.worth_weighing(self.plan, &self.reference) {
                continue;
            }
            progress |= self.go_over(state, &batches).await?;
        }
        if self.early {
            // Still pending: they go in fuller company when the turn comes back.
            self.ready.clear();
        }
        // The last batch of a creation and of an update may be small.
        while self.may_send().await? {
            let (most, _) = self.plan.batch_limits();
            let rest = self.ready.split_off(most.min(self.ready.len()));
            let batch = std::mem::replace(&mut self.ready, rest);
            hand_over(&batches, batch).await;
        }
        Ok(progress)
    }

    /// Decides about every entry in a state; full batches go on the way.
    async fn go_over(
        &mut self,
        state: State,
        batches: &mpsc::Sender<Vec<Ready>>,
    ) -> Result<bool, StoreError> {
        let mut after: Option<EntryId> = None;
        let mut progress = false;
        loop {
            if self.run.cancel.is_cancelled() {
                self.run.unfinished();
                return Ok(progress);
            }
            let pages = self.run.pages();
            // Looked at before the claim: what its last page brought is met by it.
            let pulled = self.run.is_pulled(&self.plan.source);
            let page = claim(self.run, self.plan, state, after.clone()).await?;
            match page.last() {
                Some((last, _, _)) => after = Some(last.clone()),
                None if state == State::Pending && !pulled => {
                    if self.asked && self.run.leaves_early(self.plan.name(), self.chunks) {
                        self.early = true;
                        return Ok(progress);
                    }
                    self.run.pages_after(pages).await;
                    continue;
                }
                None => return Ok(progress),
            }
            progress |= self.decide_page(page, state).await?;
            self.chunks += u32::from(state == State::Pending);
            let (most, _) = self.plan.batch_limits();
            while self.ready.len() >= most && self.may_send().await? && self.ready.len() >= most {
                let rest = self.ready.split_off(most);
                let batch = std::mem::replace(&mut self.ready, rest);
                hand_over(batches, batch).await;
            }
        }
    }

    /// Settles what needs no call and keeps what is to be sent.
    async fn decide_page(&mut self, page: Vec<Claimed>, state: State) -> Result<bool, StoreError> {
        let now = self.run.engine.clock.now_ms();
        let claimed = page.len();
        let page: Vec<Claimed> = page
            .into_iter()
            .filter(|(id, entry, _)| {
                entry.not_before <= now
                    // Reckoned by a clock that has been set back since.
                    || entry.not_before > now.saturating_add(LONGEST_PAUSE)
                    || self.run.interactive && !self.run.failed_now(id)
            })
            .collect();
        // A later run is to come for what has its time ahead, also where the schedule has long pauses.
        if page.len() < claimed {
            self.run.unfinished();
        }
        let mut settlement = Settlement::default();
        let mut look_for = Vec::new();
        for (id, entry, decision) in self.decide(page).await? {
            match decision {
                Decision::Leave => {}
                Decision::Settle(next) => {
                    if next.state == State::Synced {
                        self.run.synced_without_call(self.plan, false);
                    }
                    settlement.changes.push(Change {
                        id,
                        seen: entry.seen(),
                        entry: *next,
                    });
                }
                Decision::Settled(next) => {
                    let linked = entry.held.is_none();
                    self.run.synced_without_call(self.plan, linked);
                    settlement
                        .outcomes
                        .extend(outcome(self.plan, &id.source, &next, now));
                    settlement.changes.push(Change {
                        id,
                        seen: entry.seen(),
                        entry: *next,
                    });
                }
                // What it waited for is there: pending, whether or not it may go in this run.
                Decision::Send(_) if state == State::Waiting => {
                    let mut next = entry.clone();
                    next.clear_stop();
                    let what = "what it waited for is there".to_owned();
                    next.record(now, State::Pending, Actor::Engine, what, None);
                    settlement.changes.push(Change {
                        id,
                        seen: entry.seen(),
                        entry: next,
                    });
                }
                Decision::Send(ready) => self.ready.push(*ready),
                Decision::LookFor(ready) => look_for.push(*ready),
            }
        }
        steps::reached("chunk-prepared", self.plan.name());
        let mut progress = !settlement.changes.is_empty();
        self.run.settle(settlement).await?;
        steps::reached("chunk-settled", self.plan.name());
        if !self.run.request.dry_run && !self.run.is_parked(&self.plan.target.connection) {
            progress |= ask::look_for(self.run, self.plan, look_for, true).await?;
        }
        progress |= self.answer_raised().await?;
        Ok(progress)
    }

    /// What the decisions asked of other routes.
    pub(super) async fn answer_raised(&mut self) -> Result<bool, StoreError> {
        let raised = {
            let mut held = lock(&self.raised);
            // The route's links are read once a turn; everything else is answered here.
            let takers = held.takers.take();
            let raised = std::mem::take(&mut *held);
            held.takers = takers;
            raised
        };
        if let Some(example) = &raised.foreign_poster {
            self.run.foreign_poster(self.plan, example).await?;
        }
        let mut settlement = Settlement::default();
        let now = self.run.engine.clock.now_ms();
        let words = raised.words_over;
        let over = end_words(self.run, words, now).await?;
        let ids: BTreeSet<EntryId> = raised
            .needed
            .iter()
            .chain(raised.broken.keys())
            .chain(raised.moved.keys())
            .cloned()
            .collect();
        for id in ids {
            let wanted = id.clone();
            let Some(entry) =
                offload::run(&self.run.store, move |store| store.entry(&wanted)).await?
            else {
                continue;
            };
            let mut next = entry.clone();
            if let Some(cause) = raised.broken.get(&id) {
                let remedy = self
                    .run
                    .engine
                    .plans
                    .get(&id.route)
                    .and_then(|it| it.target_rules.life_remedy())
                    .unwrap_or("Put it back into use, or link another one");
                next.problem = Some(problem(
                    Category::Contact,
                    cause.clone(),
                    format!(
                        "{remedy}: `ledgerline retry {id}` after the one, `ledgerline link {id} --to \
                         ID` for the other"
                    ),
                ));
                next.cause = Some(Cause::entry(&id));
                next.record(now, State::Warning, Actor::Engine, cause.clone(), None);
            } else if let Some(to) = raised.moved.get(&id) {
                if let Some(held) = next.held.as_mut() {
                    held.id.clone_from(to);
                }
                let state = next.state;
                next.record(
                    now,
                    state,
                    Actor::Engine,
                    format!("followed a merge in {} to {to}", self.plan.target_title),
                    None,
                );
            } else if matches!(
                entry.state,
                State::Excluded | State::Pending | State::Synced
            ) && !entry.needed
            {
                next.needed = true;
                self.asked = true;
                next.record(
                    now,
                    State::Pending,
                    Actor::Engine,
                    format!("{} needs it", self.plan.name()),
                    None,
                );
            } else {
                continue;
            }
            settlement.changes.push(Change {
                id,
                seen: entry.seen(),
                entry: next,
            });
        }
        let progress = !settlement.changes.is_empty();
        self.run.settle(settlement).await?;
        Ok(progress || over)
    }

    /// Whether anything may be sent on this route in this run, and the account is the right one.
    async fn may_send(&mut self) -> Result<bool, StoreError> {
        let run = self.run;
        self.ready.retain(|it| run.wants(self.plan, it));
        if self.ready.is_empty() {
            return Ok(false);
        }
        if run.request.dry_run || !run.is_confirmed(self.plan.name()) {
            run.preview(self.plan, &self.ready);
            self.ready.clear();
            return Ok(false);
        }
        // A source that is away for now keeps nothing back that was read from it: what is old is read
        // again before it goes, and stays when that is not possible.
        if run.is_barred(self.plan.read_from()) || !run.right_account(self.plan).await? {
            run.unfinished();
            self.ready.clear();
            return Ok(false);
        }
        Ok(true)
    }
}

/// Ends what persons said about changes that are no more; gives whether a payment is to be looked at anew.
async fn end_words(run: &Run<'_>, words: BTreeSet<EntryId>, now: i64) -> Result<bool, StoreError> {
    if words.is_empty() || run.request.dry_run {
        return Ok(false);
    }
    offload::run(&run.store, move |store| {
        let mut progress = false;
        for id in words {
            let Some(said) = Reapply::read(store, &id)? else {
                continue;
            };
            let settlement = said.ended(store, &id, &Actor::Engine, now)?;
            progress |= !settlement.changes.is_empty();
            match store.settle(settlement) {
                // A person was faster, or its call is under way: the word is about another version in any
                // case, and ends with the next look at the document.
                Ok(()) | Err(StoreError::Conflict { .. } | StoreError::Missing { .. }) => {}
                Err(why) => return Err(why),
            }
        }
        Ok(progress)
    })
    .await
}

async fn hand_over(batches: &mpsc::Sender<Vec<Ready>>, batch: Vec<Ready>) {
    // The receiver ends only with the turn itself; what it did not take stays pending.
    let _ = batches.send(batch).await;
}

/// Delivers batches as they come, as many at once as the target allows.
async fn deliver_all(
    run: &Run<'_>,
    plan: &Arc<RoutePlan>,
    mut batches: mpsc::Receiver<Vec<Ready>>,
) -> Result<bool, StoreError> {
    let mut progress = false;
    let mut in_flight = FuturesUnordered::new();
    let mut more = true;
    while more || !in_flight.is_empty() {
        tokio::select! {
            batch = batches.recv(), if more && in_flight.len() < plan.concurrency() => match batch {
                Some(batch) => in_flight.push(deliver(run, plan, batch)),
                None => more = false,
            },
            Some(done) = in_flight.next(), if !in_flight.is_empty() => progress |= done?,
        }
    }
    Ok(progress)
}

/// Compares, re-reads, packs and sends documents that may go.
async fn deliver(
    run: &Run<'_>,
    plan: &Arc<RoutePlan>,
    ready: Vec<Ready>,
) -> Result<bool, StoreError> {
    run.progress.step(Step::Sending {
        route: plan.name().to_owned(),
        documents: ready.len() as u64,
    });
    let mut progress = false;
    let (updates, creates): (Vec<Ready>, Vec<Ready>) = ready
        .into_iter()
        .partition(|it| it.write != Write::Create && it.entry.held.is_some());
    let mut going = Vec::new();
    if !updates.is_empty() {
        let (fit, changed) = ask::compare_updates(run, plan, updates).await?;
        progress |= changed;
        taken_back::announce(run, plan, &fit).await?;
        going.extend(fit);
    }
    if !creates.is_empty() {
        let (fit, changed) = ask::recheck(run, plan, creates).await?;
        progress |= changed;
        let (fit, changed) = ask::weigh_payments(run, plan, fit).await?;
        progress |= changed;
        let (fit, changed) = ask::reread_followed(run, plan, fit).await?;
        progress |= changed;
        going.extend(fit);
    }
    steps::reached("batch-compared", plan.name());
    let mut queue: Vec<Batch> = pack(plan.name(), going, plan.batch_limits());
    queue.reverse();
    while let Some(batch) = queue.pop() {
        if run.cancel.is_cancelled()
            || run.is_parked(&plan.target.connection)
            || run.is_barred(plan.read_from())
        {
            run.unfinished();
            break;
        }
        let after = send::send(run, batch).await?;
        progress |= after.progress;
        run.answered(plan, !after.lost);
        if let Some(why) = after.parked {
            run.park(&plan.target.connection, &why);
        }
        progress |= ask::look_for(run, plan, after.taken, false).await?;
        queue.extend(after.again);
    }
    Ok(progress)
}
