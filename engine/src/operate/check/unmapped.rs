//! What documents name that no table has a row for: accounts, taxes, payment methods.
//!
//! Sources do not list the codes that their documents may use, so this is known of documents that
//! were read, and of no others.

use ledgerline_plugin_api::manifest::Category;

use crate::{
    operate::CheckRow,
    pipeline::Engine,
    store::{StoreError, offload},
};

/// One row a route that fills something from tables.
pub(super) async fn rows(engine: &Engine, target: &str) -> Result<Vec<CheckRow>, StoreError> {
    let (groups, totals) = offload::run(engine.store(), |store| {
        Ok::<_, StoreError>((store.groups(&[])?, store.totals()?))
    })
    .await?;
    let mut rows = Vec::new();
    for name in &engine.order {
        let Some(plan) = engine.plans.get(name) else {
            continue;
        };
        if plan.target.connection != target || plan.mapping.table_values().is_empty() {
            continue;
        }
        let what = format!("codes without a row, {name}");
        let read: u64 = totals
            .iter()
            .filter(|it| it.route == *name)
            .map(|it| it.tally.count)
            .sum();
        let before = rows.len();
        for group in groups.iter().filter(|it| it.route == *name) {
            let Some(problem) = &group.problem else {
                continue;
            };
            // Values that have a row and are wrong stand with their table.
            if problem.category != Category::Mapping || !group.cause.starts_with("table ") {
                continue;
            }
            rows.push(CheckRow::wrong(
                what.clone(),
                format!("{} ({} documents)", problem.cause, group.tally.count),
                problem.remedy.clone(),
            ));
        }
        if rows.len() > before {
            continue;
        }
        rows.push(match read {
            0 => CheckRow::unknown(what, "no document of the route has been read yet").by(format!(
                "run `ledgerline sync {name}`: the first run stops after a preview"
            )),
            _ => CheckRow::ok(what, format!("none in {read} documents")),
        });
    }
    Ok(rows)
}
