//! Loads what lies before the cut-over.
//!
//! Documents are read first, from the day that is asked for on and with a cursor of their own, so that
//! an ended engine goes on where it was. Without a confirmation they are left out again, and a dry run
//! on a copy of the store, in which the cut-over is lifted, counts what would be sent. With it the
//! cut-over is lifted for good, for these days on these routes, and a run sends exactly these
//! documents and what serves them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::civil::Date;

use crate::{
    http::BudgetView,
    operate::{BackfillReport, BackfillRequest, BackfillRoute, SyncReport, SyncRequest},
    pipeline::{
        decide::{
            cut_over::{self, Range},
            lock,
        },
        engine::Engine,
        plan::RoutePlan,
        progress::{Progress, Step},
        pull::{Reading, pull},
        run::Run,
        scope::Scope,
    },
    store::{
        Actor, Change, Entry, EntryId, Filter, Settlement, SharedStore, State, StoreError,
        StreamId, offload,
    },
};

/// Entries that are gone over at once.
const CHUNK: usize = 500;

/// The routes of a backfill in order of work, each with its days.
type Chosen = Vec<(Arc<RoutePlan>, Range)>;

/// What was read for a backfill.
#[derive(Debug, Default)]
struct Read {
    documents: BTreeMap<StreamId, u64>,
    parked: BTreeMap<String, String>,
}

impl Engine {
    /// Loads what lies before the cut-over, or says what that would be. One run at a time.
    ///
    /// # Errors
    ///
    /// The store's; inside, why the request cannot be done.
    pub(crate) async fn backfill(
        &self,
        asked: &BackfillRequest,
        by: &Actor,
        progress: &dyn Progress,
    ) -> Result<Result<BackfillReport, String>, StoreError> {
        let chosen = match self.choose(asked) {
            Ok(it) => it,
            Err(why) => return Ok(Err(why)),
        };
        let _one = self.alone().await;
        let done = self.backfill_alone(asked, &chosen, by, progress).await;
        if asked.confirm {
            self.teller.run_ended(done.as_ref().err());
        }
        done.map(Ok)
    }

    async fn backfill_alone(
        &self,
        asked: &BackfillRequest,
        chosen: &Chosen,
        by: &Actor,
        progress: &dyn Progress,
    ) -> Result<BackfillReport, StoreError> {
        self.seed_routes().await?;
        let request = SyncRequest {
            routes: chosen.iter().map(|it| it.0.name().to_owned()).collect(),
            dry_run: !asked.confirm,
            ..SyncRequest::default()
        };
        let read = self
            .read_since(asked.from, chosen, &request, progress)
            .await?;
        let unread = !read.parked.is_empty();
        let store = if asked.confirm && !unread {
            self.store.clone()
        } else {
            self.leave_out(chosen).await?;
            offload::run(&self.store, |store| store.scratch_copy()).await?
        };
        self.lift(&store, chosen, by).await?;
        let mut routes = Vec::new();
        for (plan, range) in chosen {
            let mut row = self.count(&store, plan, *range).await?;
            row.read = read
                .documents
                .get(&plan.source)
                .copied()
                .unwrap_or_default();
            routes.push(row);
        }
        let scope = Scope::new(
            chosen
                .iter()
                .map(|(plan, range)| (plan.name().to_owned(), *range))
                .collect(),
        );
        let request = SyncRequest {
            dry_run: !asked.confirm || unread,
            ..request
        };
        let run = Run::new(
            self,
            store.clone(),
            &request,
            true,
            self.cancel.clone(),
            progress,
        );
        let sync = run.limited_to(&scope).run().await?;
        for (row, (plan, range)) in routes.iter_mut().zip(chosen) {
            let after = self.count(&store, plan, *range).await?;
            row.stopped = after.stopped;
            self.add_sent(row, plan, &scope, request.dry_run, &sync);
        }
        let mut parked = read.parked;
        parked.extend(sync.parked.clone());
        Ok(BackfillReport {
            routes,
            parked,
            unread,
            sync: (!request.dry_run).then_some(sync),
        })
    }

    /// The routes that are meant, each with its days.
    fn choose(&self, asked: &BackfillRequest) -> Result<Chosen, String> {
        if let Some(to) = asked.to
            && to < asked.from
        {
            return Err(format!("--from {} lies after --to {to}", asked.from));
        }
        let mut chosen = Chosen::new();
        let mut why_not = Vec::new();
        for name in &self.order {
            let Some(plan) = self.plans.get(name) else {
                continue;
            };
            if !asked.routes.is_empty() && !asked.routes.contains(name) {
                continue;
            }
            match days(plan, asked) {
                Ok(range) => chosen.push((plan.clone(), range)),
                Err(why) if asked.routes.contains(name) => return Err(why),
                Err(why) => why_not.push(why),
            }
        }
        match chosen.is_empty() {
            true => Err(format!("there is nothing to load: {}", why_not.join("; "))),
            false => Ok(chosen),
        }
    }

    /// Reads the streams of these routes from a day on, each to its end.
    async fn read_since(
        &self,
        day: Date,
        chosen: &Chosen,
        request: &SyncRequest,
        progress: &dyn Progress,
    ) -> Result<Read, StoreError> {
        let run = Run::new(
            self,
            self.store.clone(),
            request,
            true,
            self.cancel.clone(),
            progress,
        );
        let streams: BTreeSet<&StreamId> = chosen.iter().map(|it| &it.0.source).collect();
        let done = std::sync::Mutex::new(Read::default());
        let (run, done) = (&run, &done);
        let all = streams.into_iter().map(|stream| async move {
            let Some(system) = self.connected.get(&stream.connection) else {
                return Ok(());
            };
            // A connector that asks for no day gives everything in any case.
            let reading = match system.plugin.manifest().start_setting {
                Some(_) => Reading::Since(day),
                None => Reading::Usual,
            };
            let routes = self.routes_reading(stream);
            let rules = system.rules.get(&stream.stream);
            let place = (stream, reading);
            let pulled = pull(run, system, place, rules, &routes, None, |count, _| {
                *lock(done).documents.entry(stream.clone()).or_default() += count;
                progress.step(Step::Pulled {
                    stream: stream.clone(),
                    documents: count,
                });
            })
            .await;
            match pulled {
                Ok(_) if reading == Reading::Usual && system.files(&stream.stream).is_none() => {
                    let stream = stream.clone();
                    offload::run(&self.store, move |store| store.caught_up(&stream)).await
                }
                Ok(_) => Ok(()),
                Err(why) => {
                    let mut done = lock(done);
                    let parked = done.parked.entry(stream.connection.clone());
                    parked.or_insert_with(|| why.to_string());
                    Ok(())
                }
            }
        });
        let all: Vec<Result<(), StoreError>> = futures_util::future::join_all(all).await;
        all.into_iter().collect::<Result<(), StoreError>>()?;
        Ok(std::mem::take(&mut *lock(done)))
    }

    /// What was taken in and lies before the cut-over is left out at once: nothing of a preview is to
    /// look as if it were about to be sent.
    async fn leave_out(&self, chosen: &Chosen) -> Result<(), StoreError> {
        for (plan, _) in chosen {
            let Some(start) = plan.start_date else {
                continue;
            };
            let now = self.clock.now_ms();
            let name = plan.name().to_owned();
            let lifted =
                offload::run(&self.store, move |store| cut_over::lifted(store, &name)).await?;
            change_all(&self.store, plan, vec![State::Pending], |entry| {
                let date = entry.facts.date.filter(|it| *it < start)?;
                let kept = entry.held.is_some() || lifted.iter().any(|it| it.holds(date));
                (!kept).then(|| cut_over::left_out(entry, date, start, now))
            })
            .await?;
        }
        Ok(())
    }

    /// Lifts the cut-over, and wakes what it had left out.
    async fn lift(
        &self,
        store: &SharedStore,
        chosen: &Chosen,
        by: &Actor,
    ) -> Result<(), StoreError> {
        for (plan, range) in chosen {
            let (name, range) = (plan.name().to_owned(), *range);
            offload::run(store, move |store| cut_over::lift(store, &name, range)).await?;
            let now = self.clock.now_ms();
            let states = vec![State::Skipped, State::Pending];
            change_all(store, plan, states, |entry| {
                let there = entry.facts.date.is_some_and(|it| range.holds(it));
                let waits = entry.state == State::Pending && !entry.requested;
                if !there || !(waits || cut_over::is_left_out(entry)) {
                    return None;
                }
                let mut next = entry.clone();
                // Asked for by a person, so it goes on a manual route as well.
                next.requested = true;
                let what = format!("cut-over lifted from {} to {}", range.from, range.to);
                next.record(now, State::Pending, by.clone(), what, None);
                Some(next)
            })
            .await?;
        }
        Ok(())
    }

    /// The documents of a route's days that are not linked, as they stand.
    async fn count(
        &self,
        store: &SharedStore,
        plan: &Arc<RoutePlan>,
        range: Range,
    ) -> Result<BackfillRoute, StoreError> {
        let mut row = BackfillRoute {
            route: plan.name().to_owned(),
            from: range.from,
            to: range.to,
            ..BackfillRoute::default()
        };
        let source = self.connected.get(plan.read_from());
        let settings = source.map(|it| it.settings.clone()).unwrap_or_default();
        let plan = plan.clone();
        offload::run(store, move |store| {
            let filter = of_route(&plan, Vec::new());
            let mut after: Option<String> = None;
            loop {
                let page = store.page_of(&filter, after.as_deref(), CHUNK)?;
                for (id, entry) in page.rows {
                    let there = entry.facts.date.is_some_and(|it| range.holds(it));
                    if !there || entry.held.is_some() {
                        continue;
                    }
                    let money = entry.facts.money.as_ref();
                    row.documents.add(money);
                    let body = store.document(&plan.source, &id.source)?.map(|it| it.body);
                    let marked =
                        plan.source_rules
                            .as_ref()
                            .zip(body)
                            .is_some_and(|(rules, body)| {
                                crate::mapping::Value::parse(&body)
                                    .is_ok_and(|it| rules.facts(&it, &settings).imported)
                            });
                    if marked {
                        row.already.add(money);
                    } else if entry.state != State::Pending {
                        *row.stopped
                            .entry(entry.state.name().to_owned())
                            .or_default() += 1;
                    }
                }
                match page.next {
                    Some(it) => after = Some(it),
                    None => return Ok(row),
                }
            }
        })
        .await
    }

    /// What goes to the target, or went, and what that takes.
    fn add_sent(
        &self,
        row: &mut BackfillRoute,
        plan: &RoutePlan,
        scope: &Scope,
        dry_run: bool,
        sync: &SyncReport,
    ) {
        if dry_run {
            let met = scope.met(plan.name());
            (row.create, row.update) = (met.create, met.update);
        } else if let Some(it) = sync.routes.get(plan.name()) {
            (row.create, row.update) = (it.created.clone(), it.updated.clone());
        }
        let most = plan.batch_limits().0 as u64;
        row.calls = row.create.count.div_ceil(most) + row.update.count.div_ceil(most);
        let target = self.connected.get(&plan.target.connection);
        row.seconds = target.map_or(0, |it| at_least(row.calls, &it.channel.budget()));
    }
}

/// The days of a route that are meant, or why there are none.
fn days(plan: &RoutePlan, asked: &BackfillRequest) -> Result<Range, String> {
    let name = plan.name();
    if !plan.route.enabled {
        return Err(format!("{name} is switched off"));
    }
    if plan.reads_groups() {
        return Err(format!(
            "{name} reads groups: name the routes that fill them, {}",
            plan.filled_by.join(", ")
        ));
    }
    let dated = plan
        .source_stream
        .as_ref()
        .is_some_and(|it| it.date.is_some());
    let (true, Some(start)) = (dated, plan.start_date) else {
        return Err(format!(
            "documents of {name} have no date, so the cut-over leaves none of them out"
        ));
    };
    let before = start.yesterday().map_err(|why| why.to_string())?;
    let to = asked.to.map_or(before, |it| it.min(before));
    match asked.from <= to {
        true => Ok(Range {
            from: asked.from,
            to,
        }),
        false => Err(format!(
            "the cut-over of {name} is {start}: from {} on nothing is left out by it",
            asked.from
        )),
    }
}

fn of_route(plan: &RoutePlan, states: Vec<State>) -> Filter {
    Filter {
        routes: vec![plan.name().to_owned()],
        states,
        ..Filter::default()
    }
}

/// Changes entries of a route in some states, a chunk in one durable write. All are read before the
/// first changes: a change moves an entry within what is walked over.
async fn change_all(
    store: &SharedStore,
    plan: &RoutePlan,
    states: Vec<State>,
    change: impl Fn(&Entry) -> Option<Entry>,
) -> Result<(), StoreError> {
    let mut ids: Vec<EntryId> = Vec::new();
    let mut after: Option<String> = None;
    let filter = of_route(plan, states);
    loop {
        let (filter, from) = (filter.clone(), after.take());
        let page = offload::run(store, move |store| {
            store.page_of(&filter, from.as_deref(), CHUNK)
        })
        .await?;
        let meant = page.rows.into_iter().filter(|it| change(&it.1).is_some());
        ids.extend(meant.map(|it| it.0));
        match page.next {
            Some(it) => after = Some(it),
            None => break,
        }
    }
    for chunk in ids.chunks(CHUNK) {
        offload::run(store, |store| {
            let mut changes = Vec::new();
            for id in chunk {
                let Some(entry) = store.entry(id)? else {
                    continue;
                };
                if let Some(next) = change(&entry) {
                    changes.push(Change {
                        id: id.clone(),
                        seen: entry.seen(),
                        entry: next,
                    });
                }
            }
            store.settle(Settlement {
                changes,
                ..Settlement::default()
            })
        })
        .await?;
    }
    Ok(())
}

/// Seconds that so many calls take at least under a budget's limits.
fn at_least(calls: u64, budget: &BudgetView) -> u64 {
    let windows = |limit: Option<u32>, length: u64, used: u32| {
        let Some(limit) = limit.map(u64::from).filter(|it| *it > 0) else {
            return 0;
        };
        // The last window ends with its last call.
        calls.saturating_add(u64::from(used)).saturating_sub(1) / limit * length
    };
    windows(budget.second_limit, 1, 0)
        .max(windows(budget.minute_limit, 60, 0))
        .max(windows(budget.day_limit, 24 * 3600, budget.day_used))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_take_as_long_as_the_tightest_limit_says() {
        let budget = |second, minute, day, day_used| BudgetView {
            name: String::new(),
            in_flight: 0,
            day_used,
            day_limit: day,
            minute_limit: minute,
            second_limit: second,
            parked_until: None,
            calls: 0,
            bytes: 0,
        };
        let cases = [
            // calls, second, minute, day, used, seconds
            (0, None, Some(60), Some(5000), 0, 0),
            (60, None, Some(60), Some(5000), 0, 0),
            (61, None, Some(60), Some(5000), 0, 60),
            (6000, None, Some(60), Some(5000), 0, 86_400),
            (4000, None, Some(60), Some(5000), 1001, 86_400),
            (100, Some(2), None, None, 0, 49),
            (100, None, None, None, 0, 0),
            (100, None, Some(0), None, 0, 0),
        ];
        for (calls, second, minute, day, used, wanted) in cases {
            let actual = at_least(calls, &budget(second, minute, day, used));
            assert_eq!(
                actual, wanted,
                "{calls} {second:?} {minute:?} {day:?} {used}"
            );
        }
    }
}
