//! The values that tables and routes put into documents, tried before a document carries them:
//! accounts, tax rates, payment methods, whatever a table stands for.
//!
//! Each is put alone into an otherwise empty document, which then goes through the rules that real
//! documents go through. So an account of the wrong kind, an archived one and a misspelt one are
//! found alike, and in the same words.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use crate::{
    mapping::{CheckMemo, Reference, Value},
    operate::{CheckRow, SyncRequest},
    pipeline::{Connected, Engine, RoutePlan, Run, Silent},
    plugins::Cancel,
    store::StoreError,
};

/// One cent: what a rounding line would put right.
const CENT: Decimal = Decimal::from_parts(1, 0, 0, false, 2);

/// Rows of every table that fills documents of this target, and of the accounts that routes name.
pub(super) async fn rows(
    engine: &Engine,
    system: &Connected,
    asked: bool,
) -> Result<Vec<CheckRow>, StoreError> {
    let request = SyncRequest::default();
    let mut found = Found::default();
    for plan in engine.plans_on() {
        if plan.target.connection != system.connection.name {
            continue;
        }
        if plan.mapping.table_values().is_empty() && plan.rounding.account.is_none() {
            continue;
        }
        let lists = plan.reference_streams();
        let reference = match asked {
            true => {
                let store = engine.store().clone();
                let cancel = Cancel::default();
                let run = Run::new(engine, store, &request, true, cancel, &Silent);
                let all: BTreeSet<String> = lists.iter().cloned().collect();
                let read = engine.references.fresh(&run, system, &lists, &all).await?;
                lists.iter().all(|it| read.knows(it)).then_some(read)
            }
            false => None,
        };
        found.try_tables(plan, reference.as_deref());
        found.try_rounding(plan, reference.as_deref());
    }
    Ok(found.rows())
}

#[derive(Default)]
struct Found {
    /// By table and field: values tried, and what is wrong. Routes share tables.
    tables: BTreeMap<String, Tried>,
    others: Vec<CheckRow>,
}

#[derive(Default)]
struct Tried {
    values: BTreeSet<String>,
    wrong: BTreeMap<String, (String, String)>,
    untried: bool,
}

impl Found {
    fn try_tables(&mut self, plan: &RoutePlan, reference: Option<&Reference>) {
        let mut memo = CheckMemo::default();
        for it in plan.mapping.table_values() {
            let what = format!("table {} ({})", it.table, it.field);
            let tried = self.tables.entry(what).or_default();
            let row = it
                .key
                .map_or_else(|| "the default".to_owned(), |key| format!("row \"{key}\""));
            let Some(reference) = reference else {
                tried.untried = true;
                continue;
            };
            let says = format!("{}, {row}", it.file.display());
            if let Some((cause, remedy)) = refused(plan, reference, &it.document, &mut memo) {
                let wrong = tried.wrong.entry(says.clone());
                wrong.or_insert((format!("{says}: {cause}"), remedy));
            }
            tried.values.insert(says);
        }
    }

    /// The account that takes what is left over in cents.
    fn try_rounding(&mut self, plan: &RoutePlan, reference: Option<&Reference>) {
        let Some(account) = &plan.rounding.account else {
            return;
        };
        let what = format!("rounding account of {}", plan.name());
        let Some(reference) = reference else {
            let why = "the target's lists could not be read";
            self.others.push(CheckRow::unknown(what, why));
            return;
        };
        let cx = plan.rules_cx(reference);
        // A rounding line is added to a document that has lines: the tables make such ones.
        let made = std::iter::once(Value::object::<&str>([]))
            .chain(
                plan.mapping
                    .table_values()
                    .into_iter()
                    .map(|it| it.document),
            )
            .find_map(|it| {
                let rules = &plan.target_rules;
                rules.rounding_line(&it, CENT, Some(account), cx).ok()?
            });
        let Some(document) = made else {
            let why = "it shows when the first document needs a rounding line";
            self.others
                .push(CheckRow::unknown(what, format!("{account}: {why}")));
            return;
        };
        let mut memo = CheckMemo::default();
        self.others
            .push(match refused(plan, reference, &document, &mut memo) {
                Some((cause, remedy)) => CheckRow::wrong(what, cause, remedy),
                None => CheckRow::ok(what, format!("{account} is there and fits")),
            });
    }

    fn rows(self) -> Vec<CheckRow> {
        let mut rows = Vec::new();
        for (what, tried) in self.tables {
            if tried.untried {
                let why = "the target's lists could not be read";
                rows.push(CheckRow::unknown(what, why));
                continue;
            }
            let fit = tried.values.len() - tried.wrong.len();
            if tried.wrong.is_empty() {
                rows.push(CheckRow::ok(
                    what,
                    format!("all {fit} values are there and fit"),
                ));
                continue;
            }
            for (cause, remedy) in tried.wrong.into_values() {
                rows.push(CheckRow::wrong(what.clone(), cause, remedy));
            }
        }
        rows.extend(self.others);
        rows
    }
}

fn refused(
    plan: &RoutePlan,
    reference: &Reference,
    document: &Value,
    memo: &mut CheckMemo,
) -> Option<(String, String)> {
    let rules = plan.target_rules.checks();
    let stop = rules
        .check_all(document, plan.rules_cx(reference), memo)
        .err()?;
    Some((stop.problem.cause, stop.problem.remedy))
}
