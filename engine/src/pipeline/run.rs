//! One run: pull what is wanted, then go over the routes in order until nothing moves any more.
//!
//! Pulling and working go on side by side: a route sends full batches while later pages are still
//! being read, and its last, smaller batch when its stream is at its end. Routes that others depend
//! on come first; what a later route asks of an earlier one (a contact that a document needs) is
//! done in the next round, for which it now and then leaves its turn before its stream is at its end.
//! Routes that have nothing to do with each other are worked side by side: `chains`.

mod pulls;
mod reading;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex},
};

use tokio::sync::watch;

use crate::{
    files::FileTrouble,
    http::{CallClass, Channel},
    mapping::Reference,
    operate::{Planned, Preview, RouteReport, SyncReport, SyncRequest},
    pipeline::{
        account, ahead, chains,
        decide::{Ready, Write, lock, void_note},
        engine::{Connected, Engine},
        groups,
        plan::RoutePlan,
        progress::{Progress, Step},
        read_back,
        scope::Scope,
        settle::{Ending, outcome},
        steps,
    },
    plugins::Cancel,
    store::{Cause, EntryId, Settlement, SharedStore, State, StoreError, StreamId, offload},
};

/// Batches in a row without an answer after which no further one is sent in a run.
const UNANSWERED: u32 = 5;

/// One run and what it has met so far.
pub(crate) struct Run<'a> {
    pub(crate) engine: &'a Engine,
    /// The engine's store, or a copy of it for a dry run.
    pub(crate) store: SharedStore,
    pub(crate) class: CallClass,
    pub(crate) cancel: Cancel,
    pub(crate) request: &'a SyncRequest,
    /// The documents that alone are sent, with whatever serves them.
    scope: Option<&'a Scope>,
    /// Asked for by a person, not by the schedule.
    pub(crate) interactive: bool,
    pub(crate) progress: &'a dyn Progress,
    report: Mutex<SyncReport>,
    looked: Mutex<BTreeSet<StreamId>>,
    pulls: Mutex<BTreeMap<StreamId, bool>>,
    /// Counts pages that came in and streams that ended, so that none is missed between a look and a
    /// wait.
    pulled: watch::Sender<u64>,
    /// Streams that brought, or certainly will bring, documents that no route has met before.
    fresh: Mutex<BTreeSet<StreamId>>,
    /// Streams that were read to their ends in this run.
    ended: Mutex<BTreeSet<StreamId>>,
    /// How often a route's turn was left early, for what it asked of earlier routes.
    left_early: Mutex<BTreeMap<String, u32>>,
    /// Routes of this run in order of work.
    pub(crate) routes: Vec<Arc<RoutePlan>>,
    confirmed: Mutex<BTreeSet<String>>,
    proven: Mutex<BTreeSet<String>>,
    /// Held while an account is asked who it is, so that chains side by side ask once. One for each
    /// connection: hundreds that are asked one after the other keep the last ones waiting for minutes.
    proving: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<()>>>>,
    /// Source connections whose documents somebody else posts, too: nothing of them is sent.
    barred: Mutex<BTreeSet<String>>,
    previewed: Mutex<BTreeSet<EntryId>>,
    /// Where entries of each route stopped in this run, by the hash of their ids: an entry that stops
    /// in several rounds counts once, where it stopped last.
    stopped: Mutex<BTreeMap<String, HashMap<u64, State>>>,
    /// How many settlements changed entries of each route in this run.
    changes: Mutex<BTreeMap<String, u64>>,
    /// Batches in a row to each connection that were sent and not answered.
    unanswered: Mutex<BTreeMap<String, u32>>,
    /// What waiting entries of each route were last held against.
    weighed: Mutex<BTreeMap<String, Weighed>>,
}

/// What decides whether looking at waiting entries once more could give anything new.
struct Weighed {
    /// Changes on the routes that it links to.
    changes: u64,
    /// The target's lists.
    lists: Arc<Reference>,
}

impl<'a> Run<'a> {
    pub(crate) fn new(
        engine: &'a Engine,
        store: SharedStore,
        request: &'a SyncRequest,
        interactive: bool,
        cancel: Cancel,
        progress: &'a dyn Progress,
    ) -> Self {
        let routes = engine.routes_for(&request.routes);
        Self {
            engine,
            store,
            class: super::send::class(interactive),
            cancel,
            request,
            scope: None,
            interactive,
            progress,
            report: Mutex::new(SyncReport {
                dry_run: request.dry_run,
                ..SyncReport::default()
            }),
            looked: Mutex::default(),
            pulls: Mutex::default(),
            pulled: watch::Sender::default(),
            fresh: Mutex::default(),
            ended: Mutex::default(),
            left_early: Mutex::default(),
            routes,
            confirmed: Mutex::default(),
            proven: Mutex::default(),
            proving: Mutex::default(),
            barred: Mutex::default(),
            previewed: Mutex::default(),
            stopped: Mutex::default(),
            changes: Mutex::default(),
            unanswered: Mutex::default(),
            weighed: Mutex::default(),
        }
    }

    /// A person confirmed these documents alone: no other is sent.
    pub(crate) fn limited_to(mut self, scope: &'a Scope) -> Self {
        self.scope = Some(scope);
        self
    }

    /// Does it all.
    pub(crate) async fn run(self) -> Result<SyncReport, StoreError> {
        let before = self.engine.call_counts();
        self.confirmations().await?;
        self.foreign_posters().await?;
        let streams = self.streams();
        for stream in &streams {
            lock(&self.pulls).insert(stream.clone(), false);
        }
        read_back::read_back(&self).await?;
        self.first_readings(&streams).await?;
        let (pulled, worked, looked) = tokio::join!(
            self.pull_all(streams),
            chains::work_all(&self),
            ahead::look_ahead(&self)
        );
        pulled?;
        worked?;
        looked?;
        self.outcomes_caught_up().await?;
        steps::reached("outcomes-ended", "");
        self.note_parked().await?;
        steps::reached("run-ended", "");
        let mut report = std::mem::take(&mut *lock(&self.report));
        for (route, entries) in std::mem::take(&mut *lock(&self.stopped)) {
            let row = report.routes.entry(route).or_default();
            for state in entries.into_values() {
                report.unfinished |= state == State::Failed;
                *row.stopped.entry(state.name().to_owned()).or_default() += 1;
            }
        }
        for (name, after) in self.engine.call_counts() {
            let earlier = before.get(&name).copied().unwrap_or_default();
            let own = crate::operate::CallCount {
                reading: after.reading - earlier.reading,
                writing: after.writing - earlier.writing,
                bytes: after.bytes - earlier.bytes,
            };
            if own.reading + own.writing > 0 {
                report.calls.insert(name, own);
            }
        }
        self.progress.step(Step::Done);
        Ok(report)
    }

    /// What `status` says of the connections of this run from now on.
    async fn note_parked(&self) -> Result<(), StoreError> {
        let parked = lock(&self.report).parked.clone();
        let known = offload::run(&self.store, |store| store.notes("parked/")).await?;
        for plan in &self.routes {
            for name in [&plan.source.connection, &plan.target.connection] {
                let key = format!("parked/{name}");
                let now = parked.get(name);
                if known.get(&key) != now {
                    self.keep_note(key, now.cloned()).await?;
                }
            }
        }
        Ok(())
    }

    /// After a restore, outcomes are doubted until one run has gone over all of them.
    async fn outcomes_caught_up(&self) -> Result<(), StoreError> {
        for plan in &self.routes {
            let groups = plan.reads_groups() && groups::are_complete(self, plan).await?;
            if plan.follows.is_none() && !groups {
                continue;
            }
            let stream = plan.source.clone();
            offload::run(&self.store, move |store| store.caught_up(&stream)).await?;
        }
        Ok(())
    }

    /// Whether a route that has decided about so many chunks is to leave its turn for what it asked of
    /// earlier routes. Each of those looks at all its links once more, so it happens at the first
    /// chunk, the second, the fourth, and so on.
    pub(crate) fn leaves_early(&self, route: &str, chunks: u32) -> bool {
        let mut left = lock(&self.left_early);
        let count = left.entry(route.to_owned()).or_default();
        let due = chunks >= 1_u32.checked_shl(*count).unwrap_or(u32::MAX);
        *count += u32::from(due);
        due
    }

    /// Routes whose first live run is confirmed, by file, by an earlier `--confirm` or by this one.
    async fn confirmations(&self) -> Result<(), StoreError> {
        for plan in &self.routes {
            let key = format!("confirmed/{}", plan.name());
            let named = key.clone();
            let noted = offload::run(&self.store, move |store| store.note(&named))
                .await?
                .is_some();
            // A link or a write-back is part of the route that it serves.
            let serves = plan.follows.is_some() || plan.matches();
            if plan.route.confirmed || noted || serves {
                lock(&self.confirmed).insert(plan.name().to_owned());
            } else if self.request.confirm && !self.request.dry_run {
                let at = self.engine.clock.now().to_string();
                self.keep_note(key, Some(at)).await?;
                steps::reached("confirmed", plan.name());
                lock(&self.confirmed).insert(plan.name().to_owned());
            }
        }
        Ok(())
    }

    /// Source connections whose documents somebody else posts, too: parked until a person confirms.
    async fn foreign_posters(&self) -> Result<(), StoreError> {
        for plan in &self.routes {
            let connection = plan.source.connection.clone();
            let key = format!("foreign/{connection}");
            let named = key.clone();
            let Some(why) = offload::run(&self.store, move |store| store.note(&named)).await?
            else {
                continue;
            };
            if self.request.confirm && !self.request.dry_run {
                let now = self.engine.clock.now_ms().to_string();
                self.keep_note(format!("taken-over/{connection}"), Some(now))
                    .await?;
                self.keep_note(key, None).await?;
            } else {
                self.bar(connection, why);
            }
        }
        Ok(())
    }

    pub(crate) async fn foreign_poster(
        &self,
        plan: &RoutePlan,
        example: &EntryId,
    ) -> Result<(), StoreError> {
        let connection = &plan.source.connection;
        let why = format!(
            "{} marked {example} as imported after the start date, and it was not us: its own link to \
             {} is still posting, and both would post everything; switch that link off, then \
             `ledgerline sync --confirm`",
            plan.source_title, plan.target_title
        );
        self.keep_note(format!("foreign/{connection}"), Some(why.clone()))
            .await?;
        self.bar(connection.clone(), why);
        Ok(())
    }

    fn bar(&self, connection: String, why: String) {
        lock(&self.barred).insert(connection.clone());
        lock(&self.report).parked.insert(connection, why);
    }

    /// Whether nothing of this source may be sent, because somebody else posts it, too.
    pub(crate) fn is_barred(&self, connection: &str) -> bool {
        lock(&self.barred).contains(connection)
    }

    /// Makes changes durable, and remembers where their entries stand.
    ///
    /// A change that no call stands behind is left out when its entry changed meanwhile (a person
    /// did something, a newer page came in): it was decided on something older. What a call did is
    /// kept in any case.
    pub(crate) async fn settle(&self, mut settlement: Settlement) -> Result<(), StoreError> {
        self.tell_of_stops(&mut settlement);
        let mut told = groups::members_told(self.engine, &self.store, &settlement.changes).await?;
        let mut added = read_back::tell_copies(self, &mut settlement).await?;
        while settlement.intent.is_none() && !settlement.changes.is_empty() {
            let mut tried = settlement.clone();
            tried.outcomes.extend(told.iter().map(|it| it.1.clone()));
            match offload::run(&self.store, move |store| store.settle(tried)).await {
                Ok(()) => {
                    self.note_states(&settlement);
                    return Ok(());
                }
                Err(StoreError::Conflict { id } | StoreError::Missing { id }) => {
                    told.retain(|(group, _)| *group != id);
                    tracing::debug!(%id, "changed meanwhile; decided about again later");
                    let before = settlement.changes.len();
                    settlement.changes.retain(|it| it.id != id);
                    settlement
                        .outcomes
                        .retain(|it| it.stream.stream != id.route || it.document.id != id.source);
                    let about = format!("/{id}");
                    settlement.notes.retain(|(name, _)| !name.ends_with(&about));
                    if settlement.changes.len() == before {
                        return Err(StoreError::Conflict { id });
                    }
                }
                Err(why) => return Err(why),
            }
        }
        if settlement.intent.is_some() {
            settlement.outcomes.extend(told.into_iter().map(|it| it.1));
            // What repeats a document that is void now is written together with that, so that no crash
            // comes between. No call stands behind it, though: a person may have done something with it
            // meanwhile, and what the call did is kept all the same.
            while !added.is_empty() {
                let tried = settlement.clone();
                match offload::run(&self.store, move |store| store.settle(tried)).await {
                    Err(StoreError::Conflict { id } | StoreError::Missing { id })
                        if added.contains(&id) =>
                    {
                        settlement.changes.retain(|it| !added.contains(&it.id));
                        added = read_back::tell_copies(self, &mut settlement).await?;
                    }
                    Ok(()) => {
                        self.note_states(&settlement);
                        return Ok(());
                    }
                    Err(why) => return Err(why),
                }
            }
            self.note_states(&settlement);
            return offload::run(&self.store, move |store| store.settle(settlement)).await;
        }
        Ok(())
    }

    /// Who follows a route may want to know what stopped, and why. (What arrived is told by those who
    /// know that it did.)
    fn tell_of_stops(&self, settlement: &mut Settlement) {
        let now = self.engine.clock.now_ms();
        let stopped = settlement
            .changes
            .iter()
            .filter(|it| matches!(it.entry.state, State::Warning | State::Waiting));
        let outcomes: Vec<_> = stopped
            .filter_map(|it| {
                let plan = self.engine.plans.get(&it.id.route)?;
                outcome(plan, &it.id.source, &it.entry, now)
            })
            .collect();
        settlement.outcomes.extend(outcomes);
    }

    pub(crate) fn note_states(&self, settlement: &Settlement) {
        for change in &settlement.changes {
            let EntryId { route, source } = &change.id;
            let mut stopped = lock(&self.stopped);
            let entries = stopped.entry(route.clone()).or_default();
            match change.entry.state {
                State::Synced | State::Pending | State::Sending | State::Uncertain => {
                    entries.remove(&hashed(source));
                }
                state => {
                    entries.insert(hashed(source), state);
                }
            }
            drop(stopped);
            *lock(&self.changes).entry(route.clone()).or_default() += 1;
        }
    }

    /// Whether a passing fault met this entry in this very run: trying at once again would only use
    /// up its attempts.
    pub(crate) fn failed_now(&self, id: &EntryId) -> bool {
        let stopped = lock(&self.stopped);
        stopped
            .get(&id.route)
            .and_then(|it| it.get(&hashed(&id.source)))
            == Some(&State::Failed)
    }

    /// Whether waiting entries of a route are worth another look in this run: the first one, and
    /// after something changed that they may wait for.
    pub(crate) fn worth_weighing(&self, plan: &RoutePlan, lists: &Arc<Reference>) -> bool {
        let changes = {
            let changes = lock(&self.changes);
            let followed = plan.follows.as_ref().map(|it| &it.route);
            let linked = plan.route.links.values();
            linked
                .chain(followed)
                .filter_map(|it| changes.get(it))
                .sum()
        };
        let now = Weighed {
            changes,
            lists: lists.clone(),
        };
        let before = lock(&self.weighed).insert(plan.name().to_owned(), now);
        before.is_none_or(|it| it.changes != changes || !Arc::ptr_eq(&it.lists, lists))
    }

    pub(crate) async fn keep_note(
        &self,
        key: String,
        value: Option<String>,
    ) -> Result<(), StoreError> {
        offload::run(&self.store, move |store| {
            store.set_note(&key, value.as_deref())
        })
        .await
    }

    /// What waits for these entries is looked at again. A crash before this leaves it waiting; the first
    /// look of the next run weighs it.
    pub(crate) async fn wake_all(&self, ids: Vec<EntryId>) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        let now = self.engine.clock.now_ms();
        offload::run(&self.store, move |store| {
            for id in ids {
                store.wake(&Cause::entry(&id), now)?;
            }
            Ok(())
        })
        .await
    }

    pub(crate) fn is_confirmed(&self, route: &str) -> bool {
        self.scope.is_some_and(|it| it.covers(route)) || lock(&self.confirmed).contains(route)
    }

    /// Whether a person wants the target's document taken back.
    pub(crate) async fn voids(&self, ready: &Ready) -> Result<bool, StoreError> {
        let key = void_note(&ready.id);
        let note = offload::run(&self.store, move |store| store.note(&key)).await?;
        Ok(note.as_ref() == Some(&ready.version))
    }

    /// What of files could not be read in this run.
    pub(crate) fn tell_of_files(&self, mut troubles: Vec<FileTrouble>) {
        lock(&self.report).files.append(&mut troubles);
    }

    /// Marks a connection as unusable for the rest of the run.
    pub(crate) fn park(&self, connection: &str, why: &str) {
        tracing::warn!(connection, why, "connection parked");
        lock(&self.report)
            .parked
            .entry(connection.to_owned())
            .or_insert_with(|| why.to_owned());
    }

    /// Whether a batch was answered. A system that answers none for a while fails on all of them, not on
    /// these documents: the others are left to a later run.
    pub(crate) fn answered(&self, plan: &RoutePlan, answered: bool) {
        let connection = &plan.target.connection;
        let mut unanswered = lock(&self.unanswered);
        let count = unanswered.entry(connection.clone()).or_default();
        *count = if answered { 0 } else { *count + 1 };
        if *count >= UNANSWERED {
            let why = format!(
                "{} gave no complete answer to {count} calls in a row; a later run asks what became of \
                 them, and goes on",
                plan.target_title
            );
            self.park(connection, &why);
        }
    }

    pub(crate) fn is_parked(&self, connection: &str) -> bool {
        lock(&self.report).parked.contains_key(connection)
    }

    /// Whether one of these lists was not looked at in this run.
    pub(crate) fn looks_first(&self, connection: &str, lists: &[String]) -> bool {
        let looked = lock(&self.looked);
        lists.iter().any(|stream| {
            let id = StreamId {
                connection: connection.to_owned(),
                stream: stream.clone(),
            };
            !looked.contains(&id)
        })
    }

    /// Whether this is the first look at a reference list in this run.
    pub(crate) fn first_look(&self, stream: &StreamId) -> bool {
        lock(&self.looked).insert(stream.clone())
    }

    /// The account behind the connection is the right one; asked at most once a run, and only when
    /// something is about to be sent.
    pub(crate) async fn right_account(&self, plan: &RoutePlan) -> Result<bool, StoreError> {
        let connection = &plan.target.connection;
        let turn = lock(&self.proving)
            .entry(connection.clone())
            .or_default()
            .clone();
        let _alone = turn.lock().await;
        if self.is_parked(connection) {
            return Ok(false);
        }
        if lock(&self.proven).contains(connection) {
            return Ok(true);
        }
        match account::prove(self, plan).await? {
            Ok(()) => {
                lock(&self.proven).insert(connection.clone());
                Ok(true)
            }
            Err(why) => {
                self.park(connection, &why);
                Ok(false)
            }
        }
    }

    /// Whether a prepared document is meant by this run: the person's selection, or the schedule's
    /// rule that a manual route sends only what somebody asked for.
    pub(crate) fn wants(&self, plan: &RoutePlan, ready: &Ready) -> bool {
        let serves = plan.follows.is_some() || plan.matches();
        if let Some(scope) = self.scope.filter(|_| !serves) {
            return scope.holds(plan.name(), ready.entry.facts.date);
        }
        match &self.request.filter {
            Some(filter) if !serves => filter.matches(&ready.id, &ready.entry),
            _ if self.interactive || serves => true,
            _ => {
                !matches!(plan.route.trigger, crate::config::Trigger::Manual)
                    || ready.entry.requested
            }
        }
    }

    /// The channel for writing, which a dry run does not have.
    pub(crate) fn channel(&self, system: &Connected) -> Channel {
        if self.request.dry_run {
            system.reader.clone()
        } else {
            system.channel.clone()
        }
    }

    fn with_row(&self, route: &str, change: impl FnOnce(&mut RouteReport)) {
        change(
            lock(&self.report)
                .routes
                .entry(route.to_owned())
                .or_default(),
        );
    }

    pub(crate) fn count(&self, route: &str, ready: &Ready, ending: &Ending) {
        let money = ready.entry.facts.money.as_ref();
        self.with_row(route, |row| match ending {
            Ending::Synced { .. } => match ready.write {
                Write::Create => row.created.add(money),
                Write::Update => row.updated.add(money),
                Write::Void => row.voided.add(money),
            },
            Ending::Uncertain => row.uncertain += 1,
            Ending::Refused { .. }
            | Ending::Failed(_)
            | Ending::Halve
            | Ending::Parked(_)
            | Ending::Left
            | Ending::Again => {}
        });
        self.progress.step(Step::Settled {
            route: route.to_owned(),
        });
    }

    pub(crate) fn found(&self, plan: &RoutePlan, ready: &Ready, held: bool) {
        let money = ready.entry.facts.money.as_ref();
        self.with_row(plan.name(), |row| {
            if held {
                row.found += 1;
                match ready.write {
                    Write::Create => row.created.add(money),
                    Write::Update => row.updated.add(money),
                    Write::Void => row.voided.add(money),
                }
            } else {
                row.not_found += 1;
            }
        });
    }

    pub(crate) fn adopted(&self, plan: &RoutePlan, ready: &Ready) {
        let money = ready.entry.facts.money.as_ref();
        self.with_row(plan.name(), |row| row.adopted.add(money));
    }

    /// An entry became or stayed synced without a call.
    pub(crate) fn synced_without_call(&self, plan: &RoutePlan, linked: bool) {
        self.with_row(plan.name(), |row| match linked {
            true => row.adopted.count += 1,
            false => row.unchanged += 1,
        });
    }

    /// Documents that would go but may not in this run: shown instead of sent.
    pub(crate) fn preview(&self, plan: &RoutePlan, ready: &[Ready]) {
        if ready.is_empty() {
            return;
        }
        // Rounds meet the same documents again.
        let mut known = lock(&self.previewed);
        let ready: Vec<&Ready> = ready
            .iter()
            .filter(|it| known.insert(it.id.clone()))
            .collect();
        drop(known);
        if let Some(scope) = self.scope {
            ready.iter().for_each(|it| scope.would_send(plan, it));
            return;
        }
        let mut report = lock(&self.report);
        if self.request.dry_run {
            report.planned.extend(ready.iter().map(|it| Planned {
                id: it.id.clone(),
                action: match it.write {
                    Write::Create => "create".into(),
                    Write::Update => "update".into(),
                    Write::Void => "void".into(),
                },
                number: it.number.clone(),
                body: it.shown().to_json(),
            }));
        }
        if self.is_confirmed(plan.name()) {
            return;
        }
        let place = match report
            .unconfirmed
            .iter()
            .position(|it| it.route == plan.name())
        {
            Some(it) => it,
            None => {
                report.unconfirmed.push(Preview {
                    route: plan.name().to_owned(),
                    ..Preview::default()
                });
                report.unconfirmed.len() - 1
            }
        };
        let Some(row) = report.unconfirmed.get_mut(place) else {
            return;
        };
        for it in ready {
            let money = it.entry.facts.money.as_ref();
            match it.write {
                Write::Create => row.create.add(money),
                Write::Update | Write::Void => row.update.add(money),
            }
        }
        let most = plan.batch_limits().0 as u64;
        row.calls = row.create.count.div_ceil(most) + row.update.count.div_ceil(most);
    }

    pub(crate) fn unfinished(&self) {
        lock(&self.report).unfinished = true;
    }
}

/// Ids by the million would not be worth their room for a count.
fn hashed(id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}
