//! Reads back what the targets hold: a synced entry shows whether its document is a draft, approved,
//! paid, voided.
//!
//! The target is not asked about one document after another. It is asked what changed since it was
//! read back last, which is one call however many documents are linked. What was voided or deleted
//! there becomes a question for a person; nothing is created anew by itself.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use ledgerline_plugin_api::manifest::{HeldState, Op};

use crate::{
    clock::is_fresh,
    mapping::Value,
    pipeline::{
        calls::ReadEffects,
        decide::{ReadHeld, WITHDRAWN, gone},
        engine::Connected,
        plan::RoutePlan,
        reapply::is_gone,
        run::Run,
        settle::held_name,
        steps,
    },
    plugins::{Asked, Given, Operation, SessionError},
    store::{
        Actor, Cause, Change, CursorRow, Entry, EntryId, Filter, Held, Settlement, State,
        StoreError, StreamId, TotalsRow, offload,
    },
};

/// How old what is shown may become before the schedule reads it back. A person's run waits only as
/// long as for other lists of the target.
const EVERY: Duration = Duration::from_secs(3600);
/// Changed documents that are held against the entries at once.
const CHUNK: usize = 5_000;
/// Entries that are read at once.
const ENTRIES: usize = 500;

/// States of documents in the target, by their ids.
type States = HashMap<String, HeldState>;

/// Reads back every target of the run whose turn has come.
pub(crate) async fn read_back(run: &Run<'_>) -> Result<(), StoreError> {
    if run.request.dry_run {
        return Ok(());
    }
    let mut targets: BTreeMap<StreamId, Vec<Arc<RoutePlan>>> = BTreeMap::new();
    for plan in &run.routes {
        // What stands for counterparties is read with the lists.
        let shows = plan.target_stream.state.is_some() && !plan.matches();
        if shows && plan.target_can(Op::Pull) {
            targets
                .entry(plan.target.clone())
                .or_default()
                .push(plan.clone());
        }
    }
    for (stream, plans) in targets {
        let Some(system) = run.engine.connected.get(&stream.connection) else {
            continue;
        };
        if run.is_parked(&stream.connection) || !is_due(run, system, &stream, &plans).await? {
            continue;
        }
        if let Err(why) = read(run, system, &stream, &plans).await? {
            // What is shown stays as old as it is; everything else goes on.
            tracing::warn!(connection = stream.connection, error = %why, "states were not read back");
        }
    }
    Ok(())
}

fn note(stream: &StreamId) -> String {
    format!("read-back/{}/{}", stream.connection, stream.stream)
}

/// The place up to which a target was read back: not that of a route that takes documents from it.
fn cursor_of(stream: &StreamId) -> StreamId {
    StreamId {
        connection: stream.connection.clone(),
        stream: format!("{} (read back)", stream.stream),
    }
}

async fn is_due(
    run: &Run<'_>,
    system: &Connected,
    stream: &StreamId,
    plans: &[Arc<RoutePlan>],
) -> Result<bool, StoreError> {
    let key = note(stream);
    let (totals, last) = offload::run(&run.store, move |store| {
        Ok((store.totals()?, store.note(&key)?))
    })
    .await?;
    let ours = |route: &str| plans.iter().any(|it| it.name() == route);
    // What a person was asked about may have been answered there.
    let shows = |it: &TotalsRow| it.held.is_some() || it.state == State::Warning;
    let any = totals
        .iter()
        .any(|it| shows(it) && it.tally.count > 0 && ours(&it.route));
    let now = run.engine.clock.now_ms();
    let at = last.and_then(|it| it.parse::<i64>().ok());
    let limit = if run.interactive {
        system.connection.reference_age
    } else {
        EVERY
    };
    let limit = i64::try_from(limit.as_millis()).unwrap_or(i64::MAX);
    let due = at.is_none_or(|it| !is_fresh(it, now, limit));
    if due {
        // Also after one that failed, and before anything is linked: the first comes in its time.
        run.keep_note(note(stream), Some(now.to_string())).await?;
    }
    Ok(due && any && at.is_some())
}

/// One look at what changed in a target.
async fn read(
    run: &Run<'_>,
    system: &Connected,
    stream: &StreamId,
    plans: &[Arc<RoutePlan>],
) -> Result<Result<(), SessionError>, StoreError> {
    let Some(plan) = plans.first() else {
        return Ok(Ok(()));
    };
    let place = cursor_of(stream);
    let id = place.clone();
    let stored = offload::run(&run.store, move |store| store.cursor(&id)).await?;
    let manifest = system.plugin.manifest();
    let cursor = stored
        .filter(|it| manifest.reads_state.contains(&it.state_version))
        .map(|it| it.bytes)
        .unwrap_or_default();
    let effects = ReadEffects {
        channel: system.reader.clone(),
        class: run.class,
        clock: run.engine.clock,
        cancel: run.cancel.clone(),
    };
    let mut session = match system.session(Operation::Pull, &stream.stream, &cursor) {
        Ok(it) => it,
        Err(why) => return Ok(Err(why)),
    };
    let mut states = States::new();
    let mut reached: Option<Vec<u8>> = None;
    loop {
        let done = match session.next(Given::Nothing, &effects).await {
            Ok(Asked::Page { documents, cursor }) => {
                // What a page says about ids that it does not name is of no use here: entries are found
                // by the ids of their documents alone.
                for it in documents.into_iter().filter(|it| !it.only) {
                    let state = if it.deleted {
                        Some(HeldState::Deleted)
                    } else {
                        Value::parse(&it.body)
                            .ok()
                            .and_then(|it| plan.held_state(&it))
                    };
                    states.extend(state.map(|state| (it.id, state)));
                }
                reached = Some(cursor);
                Ok(false)
            }
            Ok(_) => Ok(true),
            Err(why) => Err(why),
        };
        if states.len() >= CHUNK || !matches!(done, Ok(false)) {
            take_in(run, plans, std::mem::take(&mut states)).await?;
            steps::reached("read-back", &stream.connection);
            // Only now: what a crash before this line forgot is read again.
            if let Some(bytes) = reached.take() {
                let (place, at) = (place.clone(), run.engine.clock.now_ms());
                let row = CursorRow {
                    bytes,
                    state_version: manifest.state_version,
                    at,
                };
                offload::run(&run.store, move |store| store.set_cursor(&place, Some(row))).await?;
            }
        }
        match done {
            Ok(false) => {}
            Ok(true) => return Ok(Ok(())),
            Err(why) => return Ok(Err(why)),
        }
    }
}

/// Entries show what was read.
async fn take_in(
    run: &Run<'_>,
    plans: &[Arc<RoutePlan>],
    states: States,
) -> Result<(), StoreError> {
    if states.is_empty() {
        return Ok(());
    }
    let now = run.engine.clock.now_ms();
    for plan in plans {
        let filter = Filter {
            routes: vec![plan.name().to_owned()],
            ..Filter::default()
        };
        let mut after: Option<String> = None;
        loop {
            let (filter, from) = (filter.clone(), after.take());
            let page = offload::run(&run.store, move |store| {
                store.page_of(&filter, from.as_deref(), ENTRIES)
            })
            .await?;
            let changes: Vec<Change> = page
                .rows
                .into_iter()
                .filter_map(|(id, entry)| {
                    let seen = entry.seen();
                    let entry = shown(plan, &id, entry, &states, now)?;
                    Some(Change { id, seen, entry })
                })
                .collect();
            run.settle(Settlement {
                changes,
                ..Settlement::default()
            })
            .await?;
            match page.next {
                Some(it) => after = Some(it),
                None => break,
            }
        }
    }
    Ok(())
}

/// Adds to a settlement what it means for documents that repeat what the target holds for those that it
/// changes: they are looked at again once that is void, and what was read of it before they were made is
/// forgotten once the entry knows something newer. Gives the entries that it added.
pub(crate) async fn tell_copies(
    run: &Run<'_>,
    settlement: &mut Settlement,
) -> Result<BTreeSet<EntryId>, StoreError> {
    let copied: Vec<(EntryId, Held, Vec<String>)> = settlement
        .changes
        .iter()
        .filter_map(|it| {
            let held = it.entry.held.clone()?;
            let copies = copies_of(run, &it.id.route);
            (!copies.is_empty()).then(|| (it.id.clone(), held, copies))
        })
        .collect();
    if copied.is_empty() {
        return Ok(BTreeSet::new());
    }
    let decided: BTreeSet<EntryId> = settlement.changes.iter().map(|it| it.id.clone()).collect();
    let now = run.engine.clock.now_ms();
    let (changes, notes) = offload::run(&run.store, move |store| {
        let mut changes = Vec::new();
        let mut notes = Vec::new();
        for (of, held, copies) in copied {
            let before = store.entry(&of)?.and_then(|it| it.held);
            let before = before.filter(|it| it.id == held.id);
            let answer_stands = before
                .as_ref()
                .is_some_and(|it| it.answered == held.answered && it.sent == held.sent);
            if !answer_stands {
                notes.push((ReadHeld::note(&of), None));
            }
            if !is_gone(held.state) || before.is_some_and(|it| is_gone(it.state)) {
                continue;
            }
            for route in &copies {
                let id = EntryId::new(route, &of.source);
                let Some(mut entry) = store.entry(&id)? else {
                    continue;
                };
                let stands = entry.state == State::Synced && entry.held.is_some();
                if stands && !decided.contains(&id) {
                    let seen = entry.seen();
                    let what = format!("{of} is void there");
                    entry.record(now, State::Pending, Actor::Engine, what, None);
                    changes.push(Change { id, seen, entry });
                }
            }
        }
        Ok((changes, notes))
    })
    .await?;
    let added = changes.iter().map(|it| it.id.clone()).collect();
    settlement.changes.extend(changes);
    settlement.notes.extend(notes);
    Ok(added)
}

/// Routes that repeat what the target holds for the documents of a route.
fn copies_of(run: &Run<'_>, route: &str) -> Vec<String> {
    let followers = run.engine.plans.get(route).map(|it| &it.followers);
    let copies = followers.into_iter().flatten().filter(|it| {
        let follower = run.engine.plans.get(*it);
        follower.is_some_and(|it| it.mapping.copies_held())
    });
    copies.cloned().collect()
}

/// The entry as it is to be, when what the target holds for it changed.
fn shown(
    plan: &RoutePlan,
    id: &EntryId,
    mut entry: Entry,
    states: &States,
    now: i64,
) -> Option<Entry> {
    let held = entry.held.as_mut()?;
    let state = *states.get(&held.id)?;
    if held.state == Some(state) || matches!(entry.state, State::Uncertain | State::Sending) {
        return None;
    }
    // Reversed by another document, it stays as it is there.
    if entry.state == State::Excluded && held.state == Some(HeldState::Voided) {
        return None;
    }
    held.state = Some(state);
    held.seen_at = now;
    let what = format!("{} in {}", held_name(state), plan.target_title);
    let mut next = entry.state;
    if next == State::Synced && matches!(state, HeldState::Voided | HeldState::Deleted) {
        next = State::Warning;
        let (problem, cause) = gone(plan, id);
        entry.problem = Some(problem);
        entry.cause = Some(Cause { key: cause });
    }
    let waits = entry.cause.as_ref().is_some_and(|it| it.key == WITHDRAWN);
    if waits && matches!(state, HeldState::Voided | HeldState::Deleted) {
        // What a person was asked to do about it is done.
        entry.clear_stop();
        next = State::Pending;
    }
    entry.record(now, next, Actor::Engine, what, None);
    Some(entry)
}
