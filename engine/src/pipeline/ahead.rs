//! What the first document will need is asked for while the source's first pages are under way: the
//! proof of the target's account, and the target's lists.
//!
//! Asking costs calls, so an idle run asks for neither. A stream that brings documents which nobody
//! has met is reason enough; one that a person reads for the first time is before its first page.
//! Nothing is sent for it: a turn waits for both, wherever they were asked for.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    config::Trigger,
    pipeline::{engine::Connected, plan::RoutePlan, run::Run, work},
    store::StoreError,
};

/// Every target that this run may create documents in.
pub(crate) async fn look_ahead(run: &Run<'_>) -> Result<(), StoreError> {
    let mut targets: BTreeMap<&str, Vec<&Arc<RoutePlan>>> = BTreeMap::new();
    if run.request.dry_run {
        return Ok(());
    }
    for plan in &run.routes {
        // What follows another route comes later, and links are made without sending anything.
        let creates = plan.follows.is_none() && !plan.matches();
        let sends = run.interactive || !matches!(plan.route.trigger, Trigger::Manual);
        if creates && sends && run.is_confirmed(plan.name()) {
            targets
                .entry(&plan.target.connection)
                .or_default()
                .push(plan);
        }
    }
    let all = targets.into_iter().filter_map(|(name, plans)| {
        let target = run.engine.connected.get(name)?;
        Some(look_at(run, target, plans))
    });
    futures_util::future::try_join_all(all).await.map(|_| ())
}

async fn look_at(
    run: &Run<'_>,
    target: &Connected,
    plans: Vec<&Arc<RoutePlan>>,
) -> Result<(), StoreError> {
    loop {
        let seen = run.pages();
        let wanted = plans
            .iter()
            .find(|it| run.brings_new(&it.source) && !run.is_barred(it.read_from()));
        if let Some(plan) = wanted {
            let (proven, lists) =
                tokio::join!(run.right_account(plan), work::lists(run, plan, target));
            // What is wrong with the account is told where something is about to be sent.
            proven?;
            lists?;
            return Ok(());
        }
        if run.cancel.is_cancelled() || plans.iter().all(|it| run.is_pulled(&it.source)) {
            return Ok(());
        }
        run.pages_after(seen).await;
    }
}
