//! What became of a group is told to the routes that follow those which filled it: as an outcome of each
//! document that is in it.

use super::GroupDocument;
use crate::{
    pipeline::{engine::Engine, plan::RoutePlan, settle::outcome_of},
    store::{Entry, EntryId, OutcomeIn, Settlement, SharedStore, State, StoreError, offload},
};

/// Adds the outcomes of what is in groups that are synced from now on.
pub(crate) async fn tell_members(
    engine: &Engine,
    store: &SharedStore,
    settlement: &mut Settlement,
) -> Result<(), StoreError> {
    let mut told = Vec::new();
    for change in &settlement.changes {
        let Some(plan) = engine.plans.get(&change.id.route) else {
            continue;
        };
        // What it was before is known by what was seen: a look at its state there tells nobody anew.
        let arrived = change.entry.state == State::Synced && change.seen.state != State::Synced;
        if plan.reads_groups() && arrived {
            tell_of_group(
                engine,
                store,
                plan,
                &change.id.source,
                &change.entry,
                &mut told,
            )
            .await?;
        }
    }
    settlement.outcomes.extend(told);
    Ok(())
}

async fn tell_of_group(
    engine: &Engine,
    store: &SharedStore,
    plan: &RoutePlan,
    key: &str,
    there: &Entry,
    told: &mut Vec<OutcomeIn>,
) -> Result<(), StoreError> {
    let now = engine.clock.now_ms();
    // Groups may be made of groups; the order of work holds no circle.
    let mut open = vec![(plan.source.clone(), key.to_owned())];
    while let Some((groups, key)) = open.pop() {
        let document = offload::run(store, move |store| store.document(&groups, &key)).await?;
        let Some(document) = document.filter(|it| !it.deleted) else {
            continue;
        };
        for id in GroupDocument::read(&document.body).ids() {
            let Some(filling) = engine.plans.get(&id.route) else {
                continue;
            };
            if filling.reads_groups() {
                open.push((filling.source.clone(), id.source));
            } else if filling.told.contains_key(&State::Synced) {
                told.extend(of_member(store, filling, id, there, now).await?);
            }
        }
    }
    Ok(())
}

async fn of_member(
    store: &SharedStore,
    filling: &RoutePlan,
    id: EntryId,
    there: &Entry,
    now: i64,
) -> Result<Option<OutcomeIn>, StoreError> {
    let wanted = id.clone();
    let entry = offload::run(store, move |store| store.entry(&wanted)).await?;
    Ok(entry.and_then(|own| {
        let entry = Entry {
            state: State::Synced,
            number: there.number.clone(),
            held: there.held.clone(),
            ..own
        };
        outcome_of(filling, &id.source, &entry, now)
    }))
}
