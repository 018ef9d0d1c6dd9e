//! A live look at every connection, before anything is sent: the account behind it, what speaks
//! against it, and the values of tables that the account does not take.

use std::collections::BTreeMap;

use crate::{
    http::CallClass,
    mapping::CheckMemo,
    operate::{ConnectionReport, SyncRequest},
    pipeline::{Engine, RoutePlan, Run, Silent, account},
    plugins::Cancel,
    store::StoreError,
};

pub(super) async fn check(engine: &Engine) -> Result<Vec<ConnectionReport>, StoreError> {
    let mut values = wrong_values(engine).await?;
    let mut reports = Vec::new();
    for (name, system) in &engine.connected {
        let looked = account::look(engine, system, CallClass::Interactive, Cancel::default()).await;
        let mut problems = match &looked {
            Ok(report) => account::objections(system, report),
            Err(_) => Vec::new(),
        };
        problems.extend(values.remove(name).unwrap_or_default());
        reports.push(ConnectionReport {
            connection: name.clone(),
            report: looked.map_err(|it| it.to_string()),
            problems,
        });
    }
    Ok(reports)
}

/// Rows of tables whose values the target would refuse, by target connection. Each is tried alone
/// in an otherwise empty document, by the rules that real documents go through.
async fn wrong_values(engine: &Engine) -> Result<BTreeMap<String, Vec<String>>, StoreError> {
    let request = SyncRequest::default();
    let mut wrong: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for plan in engine.plans.values() {
        let found = wrong_values_of(engine, plan, &request).await?;
        let list = wrong.entry(plan.target.connection.clone()).or_default();
        for it in found {
            // Routes share tables.
            if !list.contains(&it) {
                list.push(it);
            }
        }
    }
    Ok(wrong)
}

async fn wrong_values_of(
    engine: &Engine,
    plan: &RoutePlan,
    request: &SyncRequest,
) -> Result<Vec<String>, StoreError> {
    let values = plan.mapping.table_values();
    let Some(target) = engine.connected.get(&plan.target.connection) else {
        return Ok(Vec::new());
    };
    if values.is_empty() {
        return Ok(Vec::new());
    }
    let store = engine.store().clone();
    let run = Run::new(engine, store, request, true, Cancel::default(), &Silent);
    let lists = plan.reference_streams();
    let all = lists.iter().cloned().collect();
    let reference = engine.references.fresh(&run, target, &lists, &all).await?;
    let mut memo = CheckMemo::default();
    Ok(values
        .into_iter()
        .filter_map(|it| {
            let rules = plan.target_rules.checks();
            let stop = rules
                .check_all(&it.document, plan.rules_cx(&reference), &mut memo)
                .err()?;
            let row = it
                .key
                .map_or_else(|| "the default".to_owned(), |key| format!("row \"{key}\""));
            Some(format!(
                "{}, {row}: {}; {}",
                it.file.display(),
                stop.problem.cause,
                stop.problem.remedy
            ))
        })
        .collect())
}
