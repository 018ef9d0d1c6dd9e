//! A small company: one customer, one supplier, and the routes of Omni that are off until they are switched
//! on.

use std::collections::BTreeMap;

use ledgerline::{config::Deployment, operate::SyncReport};
use sandbox::{
    Seed,
    seed::{Counterpart, CustomerSeed},
};
use scenarios::{
    Stage,
    books::{ACCOUNT, ORGANISATION, one_customer},
};
use serde_json::{Value, json};

pub(crate) use scenarios::omni_routes::*;

/// Harrow & Pike, 1001, buys; Mill Co sells. Xero has both for certain.
pub(crate) fn company() -> Seed {
    let mut seed = one_customer();
    for account in &mut seed.omni.accounts {
        account.suppliers = vec![CustomerSeed {
            company: "Mill Co".to_owned(),
            xero: Counterpart::ById,
            ..CustomerSeed::default()
        }];
    }
    seed
}

pub(crate) async fn stage(tweak: fn(&mut Deployment)) -> Stage {
    Stage::with(company(), tweak).await
}

/// Id of Mill Co in Omni.
pub(crate) fn supplier(stage: &Stage) -> i64 {
    let contacts = stage.world.omni(ACCOUNT).documents("Contacts");
    let mill = contacts.iter().find(|it| it["company"] == "Mill Co");
    mill.expect("Mill Co")["id"].as_i64().expect("an id")
}

/// Somebody saves a document in Omni, a minute ago.
pub(crate) fn put(stage: &Stage, resource: &str, mut document: Value) {
    let at = stage.world.now() - std::time::Duration::from_secs(60);
    document["modifiedDate"] = json!(at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    stage
        .world
        .omni(ACCOUNT)
        .put(resource, document)
        .expect("it is saved");
}

pub(crate) fn edit(stage: &Stage, resource: &str, id: i64, patch: Value) {
    stage
        .world
        .omni(ACCOUNT)
        .edit(resource, &id.to_string(), patch)
        .expect("it is there");
}

pub(crate) fn omni(stage: &Stage, resource: &str, id: i64) -> Value {
    let all = stage.world.omni(ACCOUNT).documents(resource);
    let found = all.into_iter().find(|it| it["id"] == id);
    found.unwrap_or_else(|| panic!("no {resource} {id}"))
}

pub(crate) fn invoices(stage: &Stage) -> Vec<Value> {
    stage.world.xero(ORGANISATION).invoices()
}

/// A bookkeeper changes one line of an invoice.
pub(crate) fn change_line(stage: &Stage, number: &str, line: usize, patch: Value) {
    let edit = json!({ "vendor": "xero", "account": ORGANISATION, "kind": "invoices", "id": number,
        "line": line, "patch": patch });
    let edit = serde_json::from_value(edit).expect("an edit");
    stage.world.edit(&edit).expect("the line is there");
}

/// What each account holds, as text, those that hold nothing left out.
pub(crate) fn balances(stage: &Stage) -> BTreeMap<String, String> {
    let all = stage
        .world
        .xero(ORGANISATION)
        .trial_balance("2026-12-31".parse().expect("a date"));
    all.into_iter()
        .filter(|(_, it)| !it.is_zero())
        .map(|(account, it)| (account, it.normalize().to_string()))
        .collect()
}

pub(crate) fn expect_balances(stage: &Stage, wanted: &[(&str, &str)]) {
    let wanted: BTreeMap<String, String> = wanted
        .iter()
        .map(|(account, it)| ((*account).to_owned(), (*it).to_owned()))
        .collect();
    assert_eq!(balances(stage), wanted);
}

/// The next call to `to`, a method and a path, meets `fault`. Its repeats under the same key never arrive;
/// where there is no key, a later try is told from a repeat by nothing, so it may.
pub(crate) fn strike(stage: &Stage, to: (&str, &str), fault: &str) {
    let mut rule = json!({ "match": { "method": to.0, "path": to.1 }, "fault": fault });
    if to.1.starts_with("/api.xro/") {
        rule["again"] = json!("reset");
    }
    let rules = serde_json::from_value(json!([rule])).expect("rules");
    stage.world.set_faults(rules);
}

/// Runs with so much time between them that whatever was lost may be asked about.
pub(crate) async fn settle_down(stage: &Stage) {
    for _ in 0..4 {
        stage.next().await;
        stage.pass(std::time::Duration::from_secs(420)).await;
    }
}

/// Writing calls to Xero in a run.
pub(crate) fn writes(report: &SyncReport) -> u64 {
    report.calls.get("xero-au").map_or(0, |it| it.writing)
}

pub(crate) fn clean(stage: &Stage) {
    assert!(
        stage.world.duplicates().is_empty(),
        "{:?}",
        stage.world.duplicates()
    );
}

/// Further runs write nothing, and nothing is there twice.
pub(crate) async fn stays_so(stage: &Stage) {
    for _ in 0..2 {
        assert_eq!(writes(&stage.next().await), 0);
    }
    clean(stage);
}

/// A merge patch over an object.
pub(crate) fn patched(mut document: Value, patch: Value) -> Value {
    if let (Value::Object(document), Value::Object(patch)) = (&mut document, patch) {
        for (name, value) in patch {
            document.insert(name, value);
        }
    }
    document
}
