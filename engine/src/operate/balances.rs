//! What linked counterparties owe and are owed, from the list of the target that is read anyway. Nothing of
//! it is kept with the entries.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    mapping::{Reference, Value},
    pipeline::{Engine, whole_note},
    store::{Entry, EntryId, StoreError, offload},
};

/// Balances of one counterparty, as the target shows them; absent where it shows none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    /// What it owes us. The target says in which currency, if it says so at all.
    pub owed_to_us: Option<Decimal>,
    /// What we owe it.
    pub owed_by_us: Option<Decimal>,
    /// What it owes us and should have paid by now.
    pub overdue: Option<Decimal>,
    /// When the target was asked, milliseconds since the epoch.
    pub read_at: i64,
}

/// Balances by entry, of those that are linked to something with balances.
pub(super) async fn of(
    engine: &Engine,
    rows: &[(EntryId, Entry)],
) -> Result<BTreeMap<String, Balance>, StoreError> {
    let plans = engine.plans.clone();
    let wanted: Vec<(EntryId, String)> = rows
        .iter()
        .filter(|(id, _)| {
            let plan = plans.get(&id.route);
            plan.is_some_and(|it| it.target_stream.balances.is_some())
        })
        .filter_map(|(id, entry)| Some((id.clone(), entry.held.as_ref()?.id.clone())))
        .collect();
    if wanted.is_empty() {
        return Ok(BTreeMap::new());
    }
    offload::run(engine.store(), move |store| {
        let mut found = BTreeMap::new();
        let nothing = Reference::default();
        for (id, target) in wanted {
            let Some(plan) = plans.get(&id.route) else {
                continue;
            };
            let Some(document) = store.document(&plan.target, &target)? else {
                continue;
            };
            let Ok(value) = Value::parse(&document.body) else {
                continue;
            };
            let cx = plan.rules_cx(&nothing);
            let [owed_to_us, owed_by_us, overdue] = plan.target_rules.balances(&value, cx);
            if owed_to_us.is_none() && owed_by_us.is_none() && overdue.is_none() {
                continue;
            }
            let whole = store.note(&whole_note(&plan.target))?;
            let whole = whole.and_then(|it| it.parse().ok()).unwrap_or(i64::MIN);
            let balance = Balance {
                owed_to_us,
                owed_by_us,
                overdue,
                read_at: document.read_at.max(whole),
            };
            found.insert(id.to_string(), balance);
        }
        Ok(found)
    })
    .await
}
