//! The turn of a route that makes groups: its documents are put into them. No call is made.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use super::GroupDocument;
use crate::{
    mapping::Reference,
    pipeline::{
        decide::{Decider, Membership, stored_facts},
        plan::RoutePlan,
        pull_files::version,
        run::Run,
        steps,
        work::{Claimed, Worked, claim},
    },
    store::{
        Change, EntryId, Incoming, OutcomeIn, Settlement, State, Store, StoreError, StreamId,
        offload,
    },
};

/// States from which a document is looked at. An uncertain one was taken in after a restore: there is no
/// target to ask about it.
const OPEN: [State; 4] = [
    State::Waiting,
    State::Failed,
    State::Uncertain,
    State::Pending,
];

/// What a chunk of documents comes to.
struct Filled {
    changes: Vec<Change>,
    /// Groups that change, by name.
    groups: BTreeMap<String, GroupDocument>,
}

/// Puts every open document of the route into its group.
pub(crate) async fn fill(run: &Run<'_>, plan: &Arc<RoutePlan>) -> Result<Worked, StoreError> {
    let mut progress = false;
    for state in OPEN {
        let mut after: Option<EntryId> = None;
        loop {
            if run.cancel.is_cancelled() {
                run.unfinished();
                return Ok(Worked {
                    progress,
                    early: false,
                });
            }
            let pages = run.pages();
            // Looked at before the claim: what its last page brought is met by it.
            let pulled = run.is_pulled(&plan.source);
            let page = claim(run, plan, state, after.clone()).await?;
            match page.last() {
                Some((last, _, _)) => after = Some(last.clone()),
                None if state == State::Pending && !pulled => {
                    run.pages_after(pages).await;
                    continue;
                }
                None => break,
            }
            progress |= fill_chunk(run, plan, page).await?;
        }
    }
    Ok(Worked {
        progress,
        early: false,
    })
}

async fn fill_chunk(
    run: &Run<'_>,
    plan: &Arc<RoutePlan>,
    page: Vec<Claimed>,
) -> Result<bool, StoreError> {
    let Filled { changes, groups } = decide(run, plan, page).await?;
    steps::reached("chunk-prepared", plan.name());
    if changes.is_empty() {
        return Ok(false);
    }
    let routes = run.engine.routes_reading(&plan.target);
    let rules = readers(run, &plan.target)
        .next()
        .and_then(|it| it.source_rules.clone());
    let outcomes = groups.into_iter().map(|(key, group)| {
        let body = group.body(&plan.target.stream, &key);
        let facts = match (&body, &rules) {
            (Some(body), Some(rules)) => stored_facts(rules.facts(body, &plan.source_settings)),
            _ => crate::store::Facts::default(),
        };
        let body = body.map(|it| it.to_bytes());
        OutcomeIn {
            stream: plan.target.clone(),
            routes: routes.clone(),
            document: Incoming {
                id: key,
                // The content is the version.
                version: body.as_deref().map(version).unwrap_or_default(),
                body,
                facts,
            },
        }
    });
    let settlement = Settlement {
        changes,
        outcomes: outcomes.collect(),
        ..Settlement::default()
    };
    let tried = settlement.clone();
    match offload::run(&run.store, move |store| store.settle(tried)).await {
        Ok(()) => run.note_states(&settlement),
        // A person did something meanwhile: all of it is decided about again, so that groups and entries
        // agree.
        Err(StoreError::Conflict { id } | StoreError::Missing { id }) => {
            tracing::debug!(%id, "changed meanwhile; grouped again later");
        }
        Err(why) => return Err(why),
    }
    steps::reached("chunk-settled", plan.name());
    Ok(true)
}

async fn decide(
    run: &Run<'_>,
    plan: &Arc<RoutePlan>,
    page: Vec<Claimed>,
) -> Result<Filled, StoreError> {
    let engine = run.engine;
    let (plan, plans) = (plan.clone(), engine.plans.clone());
    let now = engine.clock.now();
    let today = now.to_zoned(plan.zone.clone()).date().to_string();
    offload::long(&run.store, move |store| {
        let (reference, memo, raised) = (Reference::default(), Mutex::default(), Mutex::default());
        let decider = Decider {
            plan: &plan,
            plans: &plans,
            store,
            reference: &reference,
            matches: None,
            memo: &memo,
            settings: &plan.source_settings,
            target_settings: &plan.target_settings,
            today: &today,
            now: now.as_millisecond(),
            taken_over_at: None,
            raised: &raised,
        };
        let mut filled = Filled {
            changes: Vec::new(),
            groups: BTreeMap::new(),
        };
        for (id, entry, document) in page {
            let seen = entry.seen();
            let next = match decider.membership(&id, &entry, document.as_ref())? {
                Membership::Leave => continue,
                Membership::Stops(next) => {
                    if let Some(key) = &next.number {
                        filled.group(store, &plan.target, key)?.stop(&id);
                    }
                    next
                }
                Membership::In {
                    entry,
                    member,
                    key,
                    before,
                } => {
                    if let Some(before) = before.filter(|it| *it != key) {
                        filled.group(store, &plan.target, &before)?.take(&id);
                    }
                    filled.group(store, &plan.target, &key)?.put(member);
                    entry
                }
                Membership::Out { entry, before } => {
                    if let Some(before) = before {
                        filled.group(store, &plan.target, &before)?.take(&id);
                    }
                    entry
                }
            };
            filled.changes.push(Change {
                id,
                seen,
                entry: *next,
            });
        }
        Ok(filled)
    })
    .await
}

impl Filled {
    /// The group as it is by now.
    fn group(
        &mut self,
        store: &dyn Store,
        groups: &StreamId,
        key: &str,
    ) -> Result<&mut GroupDocument, StoreError> {
        if !self.groups.contains_key(key) {
            let stored = store.document(groups, key)?.filter(|it| !it.deleted);
            let group = stored.map(|it| GroupDocument::read(&it.body));
            self.groups
                .insert(key.to_owned(), group.unwrap_or_default());
        }
        Ok(self.groups.entry(key.to_owned()).or_default())
    }
}

/// Routes that read these groups.
fn readers<'a>(run: &'a Run<'_>, groups: &'a StreamId) -> impl Iterator<Item = &'a Arc<RoutePlan>> {
    run.engine.plans.values().filter(|it| it.source == *groups)
}

/// Whether everything that belongs into the groups a route reads was read and put there in this run. For
/// routes that read something else: yes.
pub(crate) async fn are_complete(run: &Run<'_>, plan: &RoutePlan) -> Result<bool, StoreError> {
    let mut open: Vec<&str> = plan.filled_by.iter().map(String::as_str).collect();
    let mut met: BTreeSet<&str> = BTreeSet::new();
    while let Some(name) = open.pop() {
        let Some(filling) = run.engine.plans.get(name).filter(|_| met.insert(name)) else {
            continue;
        };
        open.extend(filling.filled_by.iter().map(String::as_str));
        if !filling.reads_groups() && !run.was_read_whole(&filling.source) {
            return Ok(false);
        }
        for state in [State::Pending, State::Failed, State::Uncertain] {
            let (route, source) = (filling.name().to_owned(), filling.source.clone());
            let left = offload::run(&run.store, move |store| {
                store.claim(&route, &source, state, None, 1)
            })
            .await?;
            if !left.is_empty() {
                return Ok(false);
            }
        }
    }
    Ok(true)
}
