//! Everything that is known about one entry.

use crate::{
    operate::{CallReport, EntryReport, balances},
    pipeline::Engine,
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
        next: next(id, &entry),
        id: id.clone(),
        document: document
            .filter(|it| !it.deleted)
            .map(|it| String::from_utf8_lossy(&it.body).into_owned()),
        mapped,
        calls,
        entry,
    }))
}

fn next(id: &EntryId, entry: &Entry) -> Option<String> {
    Some(match entry.state {
        State::Synced | State::Sending => return None,
        State::Pending | State::Failed | State::Uncertain => {
            format!("ledgerline sync {}", id.route)
        }
        State::Waiting | State::Warning => format!("ledgerline retry {id}"),
        State::Skipped | State::Excluded => format!("ledgerline reset {id}"),
    })
}
