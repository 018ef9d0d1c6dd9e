//! Before a create leaves: whether its source document changed since it was read.

use ledgerline_plugin_api::manifest::Op;

use crate::{
    clock::is_fresh,
    pipeline::{
        ask::{Said, Wanted, ask_or_park},
        decide::{Ready, Write},
        plan::RoutePlan,
        pull,
        run::Run,
        steps,
    },
    store::{Incoming, PageIn, StoreError, offload},
};

/// Source documents that were read a while ago are read again. Those that changed are taken in anew
/// and do not go now.
pub(crate) async fn recheck(
    run: &Run<'_>,
    plan: &RoutePlan,
    creates: Vec<Ready>,
) -> Result<(Vec<Ready>, bool), StoreError> {
    let Some(source) = run.engine.connected.get(&plan.source.connection) else {
        return Ok((creates, false));
    };
    let now = run.engine.clock.now_ms();
    let age = i64::try_from(source.connection.recheck_age.as_millis()).unwrap_or(i64::MAX);
    let (old, mut going): (Vec<Ready>, Vec<Ready>) = creates
        .into_iter()
        .partition(|it| it.write == Write::Create && !is_fresh(it.read_at, now, age));
    if old.is_empty() || !plan.source_can(Op::Find) {
        going.extend(old);
        return Ok((going, false));
    }
    let wants: Vec<Wanted> = old
        .iter()
        .map(|it| Wanted {
            id: it.id.source.clone(),
            remote_id: Some(it.id.source.clone()),
            ..Wanted::default()
        })
        .collect();
    let Some(said) = ask_or_park(run, &plan.source, &wants).await else {
        return Ok((going, false));
    };
    let mut incoming = Vec::new();
    for (ready, said) in old.into_iter().zip(said) {
        let body = match said {
            Said::Unknown(_) | Said::Person(..) => continue,
            Said::HoldsNot => None,
            Said::Holds { body, .. } => Some(body.into_bytes()),
        };
        incoming.push((ready, body));
    }
    // The store decides what changed: by the bytes.
    let documents: Vec<Incoming> = incoming
        .iter()
        .map(|(ready, body)| {
            pull::incoming(
                source,
                plan.source_rules.as_ref(),
                ready.id.source.clone(),
                // Not a version of the source's own: only differing bytes count.
                format!("{}+reread", ready.version),
                body.clone(),
            )
        })
        .collect();
    let stream = plan.source.clone();
    let routes = run.engine.routes_reading(&plan.source);
    offload::run(&run.store, move |store| {
        store.intake_page(PageIn {
            stream: &stream,
            routes: &routes,
            documents,
            cursor: None,
            at: now,
        })
    })
    .await?;
    steps::reached("read-again", plan.name());
    let mut changed = false;
    for (ready, _) in incoming {
        let id = ready.id.clone();
        let entry = offload::run(&run.store, move |store| store.entry(&id)).await?;
        match entry {
            Some(it) if it.seen() == ready.seen => going.push(ready),
            _ => changed = true,
        }
    }
    Ok((going, changed))
}
