//! What became of a group is told to the routes that follow those which filled it: as an outcome of each
//! document that is in it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::GroupDocument;
use crate::{
    pipeline::{engine::Engine, plan::RoutePlan, settle::outcome_anew},
    store::{
        Change, Entry, EntryId, OutcomeIn, Settlement, SharedStore, State, Store, StoreError,
        offload,
    },
};

/// Adds the outcomes of what is in groups that are synced from now on.
pub(crate) async fn tell_members(
    engine: &Engine,
    store: &SharedStore,
    settlement: &mut Settlement,
) -> Result<(), StoreError> {
    let told = members_told(engine, store, &settlement.changes).await?;
    let told = told.into_iter().map(|(_, it)| it);
    settlement.outcomes.extend(told);
    Ok(())
}

/// As [`tell_members`], each with the entry of its group.
pub(crate) async fn members_told(
    engine: &Engine,
    store: &SharedStore,
    changes: &[Change],
) -> Result<Vec<(EntryId, OutcomeIn)>, StoreError> {
    // What it was before is known by what was seen: a look at its state there tells nobody anew.
    let arrived = |it: &&Change| {
        it.entry.state == State::Synced && it.seen.state != State::Synced && it.entry.held.is_some()
    };
    of_groups(engine, store, changes.iter().filter(arrived)).await
}

/// Adds the outcomes of what is in groups whose links are as they were before.
pub(crate) async fn tell_members_anew(
    engine: &Engine,
    store: &SharedStore,
    settlement: &mut Settlement,
    groups: &BTreeSet<EntryId>,
) -> Result<(), StoreError> {
    let changes = settlement.changes.iter();
    let told = of_groups(engine, store, changes.filter(|it| groups.contains(&it.id))).await?;
    let told = told.into_iter().map(|(_, it)| it);
    settlement.outcomes.extend(told);
    Ok(())
}

async fn of_groups(
    engine: &Engine,
    store: &SharedStore,
    changes: impl Iterator<Item = &Change>,
) -> Result<Vec<(EntryId, OutcomeIn)>, StoreError> {
    let reads_groups = |it: &&Change| {
        let plan = engine.plans.get(&it.id.route);
        plan.is_some_and(|it| it.reads_groups())
    };
    let groups: Vec<(EntryId, Entry)> = changes
        .filter(reads_groups)
        .map(|it| (it.id.clone(), it.entry.clone()))
        .collect();
    if groups.is_empty() {
        return Ok(Vec::new());
    }
    let (plans, now) = (engine.plans.clone(), engine.clock.now_ms());
    offload::run(store, move |store| {
        let mut told = Vec::new();
        for (group, there) in groups {
            for id in members_of(store, &plans, &group)? {
                let filling = plans
                    .get(&id.route)
                    .filter(|it| it.told.contains_key(&State::Synced));
                let (Some(filling), Some(own)) = (filling, store.entry(&id)?) else {
                    continue;
                };
                let entry = Entry {
                    state: there.state,
                    number: there.number.clone(),
                    held: there.held.clone(),
                    ..own
                };
                let outcome = outcome_anew(filling, &id.source, &entry, now);
                told.extend(outcome.map(|it| (group.clone(), it)));
            }
        }
        Ok(told)
    })
    .await
}

/// The documents that are in a group, and in the groups that are in it.
pub(crate) fn members_of(
    store: &dyn Store,
    plans: &BTreeMap<String, Arc<RoutePlan>>,
    group: &EntryId,
) -> Result<Vec<EntryId>, StoreError> {
    let mut members = Vec::new();
    // Groups may be made of groups; the order of work holds no circle.
    let mut open = vec![group.clone()];
    while let Some(id) = open.pop() {
        let Some(plan) = plans.get(&id.route) else {
            continue;
        };
        if !plan.reads_groups() {
            members.push(id);
            continue;
        }
        let document = store.document(&plan.source, &id.source)?;
        if let Some(document) = document.filter(|it| !it.deleted) {
            open.extend(GroupDocument::read(&document.body).ids());
        }
    }
    Ok(members)
}
