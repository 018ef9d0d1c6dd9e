//! Everything that is known about one entry.

use std::sync::Arc;

use crate::{
    operate::{CallReport, EntryReport, GroupOf, balances},
    pipeline::{Engine, GroupDocument, RoutePlan},
    store::{Entry, EntryId, State, StoreError, offload},
};

/// Calls that are shown.
const CALLS: usize = 5;

pub(super) async fn show(engine: &Engine, id: &EntryId) -> Result<Option<EntryReport>, StoreError> {
    let wanted = id.clone();
    let Some(entry) = offload::run(engine.store(), move |store| store.entry(&wanted)).await? else {
        return Ok(None);
    };
    let plan = engine.plans.get(&id.route);
    let document = match plan {
        Some(plan) => {
            let (stream, source) = (plan.source.clone(), id.source.clone());
            offload::run(engine.store(), move |store| {
                store.document(&stream, &source)
            })
            .await?
        }
        None => None,
    };
    let mut numbers: Vec<u64> = entry.events.iter().rev().filter_map(|it| it.call).collect();
    numbers.dedup();
    numbers.truncate(CALLS);
    let calls = offload::run(engine.store(), move |store| {
        let mut calls = Vec::new();
        for number in numbers {
            if let Some(call) = store.call(number)? {
                calls.push(CallReport::new(number, call));
            }
        }
        Ok(calls)
    })
    .await?;
    let mapped = engine.would_send(id).await?;
    let group = match plan {
        Some(plan) => group_of(engine, plan, &entry).await?,
        None => None,
    };
    let members = match (plan, &document) {
        (Some(plan), Some(it)) if plan.reads_groups() => {
            GroupDocument::read(&it.body).ids().collect()
        }
        _ => Vec::new(),
    };
    let link =
        |stream: Option<&ledgerline_plugin_api::manifest::Stream>, id: &str, number: &str| {
            stream
                .and_then(|it| it.link.as_ref())
                .map(|it| it.replace("{id}", id).replace("{number}", number))
        };
    let number = entry.number.clone().unwrap_or_default();
    let row = [(id.clone(), entry.clone())];
    let balance = balances::of(engine, &row).await?.into_values().next();
    Ok(Some(EntryReport {
        source_link: link(
            plan.and_then(|it| it.source_stream.as_ref()),
            &id.source,
            entry.facts.number.as_deref().unwrap_or_default(),
        ),
        target_link: entry
            .held
            .as_ref()
            .and_then(|held| link(plan.map(|it| &it.target_stream), &held.id, &number)),
        held: entry.held.as_ref().and_then(|it| it.state),
        balance,
        next: match &group {
            Some(it) => next(&it.id, it.state),
            None => next(id, entry.state),
        },
        group,
        members,
        id: id.clone(),
        document: document
            .filter(|it| !it.deleted)
            .map(|it| String::from_utf8_lossy(&it.body).into_owned()),
        mapped,
        calls,
        entry,
    }))
}

/// The entry that sends the group which an entry is in.
async fn group_of(
    engine: &Engine,
    plan: &RoutePlan,
    entry: &Entry,
) -> Result<Option<GroupOf>, StoreError> {
    let (mut groups, mut key) = match &entry.number {
        Some(key) if plan.fills_groups() => (&plan.target, key.clone()),
        _ => return Ok(None),
    };
    // Groups may be made of groups; the order of work holds no circle.
    loop {
        let readers: Vec<&Arc<RoutePlan>> = engine
            .plans_on()
            .filter(|it| it.source == *groups)
            .collect();
        let mut found: Option<GroupOf> = None;
        let mut further = None;
        for reader in readers {
            let id = EntryId::new(reader.name(), &key);
            let wanted = id.clone();
            let Some(it) = offload::run(engine.store(), move |store| store.entry(&wanted)).await?
            else {
                continue;
            };
            if reader.fills_groups() {
                further = it.number.clone().map(|key| (&reader.target, key));
            }
            // Of several routes one takes it, and the others leave it out.
            if found.is_none() || it.state != State::Excluded {
                found = Some(GroupOf {
                    id,
                    state: it.state,
                    held: it.held.as_ref().and_then(|it| it.state),
                    number: it.number,
                });
            }
        }
        match further {
            Some(next) => (groups, key) = next,
            None => return Ok(found),
        }
    }
}

fn next(id: &EntryId, state: State) -> Option<String> {
    Some(match state {
        State::Synced | State::Sending => return None,
        State::Pending | State::Failed | State::Uncertain => {
            format!("ledgerline sync {}", id.route)
        }
        State::Waiting | State::Warning => format!("ledgerline retry {id}"),
        State::Skipped | State::Excluded => format!("ledgerline reset {id}"),
    })
}
