//! Everything that is sent to Xero in a broad run is valid by Xero's published description, read as a
//! closed world: what it does not know fails, too. The plugin's own tests hold single calls against
//! it; here it is what mapping, rounding, comparison and plugin together make of whole documents.

#[path = "../../../plugins/xero/tests/description/mod.rs"]
mod description;

use std::collections::BTreeMap;

use description::{Description, Sent};
use ledgerline::config::Deployment;
use ledgerline::operate::{LinkAnswer, LinkTo, Request};
use sandbox::{Seed, World, calls::CallKind};
use scenarios::{
    Stage,
    books::{ACCOUNT, CUSTOMERS, NOTES, line},
};
use serde_json::{Value, json};

const API: &str = "/api.xro/2.0";

/// Every fault of every call to Xero's accounting API, and how many writing calls there were by
/// method and path.
fn faults(description: &Description, world: &World) -> (Vec<String>, BTreeMap<String, usize>) {
    let mut faults = Vec::new();
    let mut written = BTreeMap::new();
    for call in world.calls() {
        let Some(target) = call.target.strip_prefix(API) else {
            continue;
        };
        let sent = Sent {
            method: &call.method,
            target,
            headers: Vec::new(),
            body: call.body.as_bytes(),
        };
        let found = description.faults(&sent);
        faults.extend(
            found
                .iter()
                .map(|it| format!("{} {}: {it}", call.method, call.target)),
        );
        if call.kind == CallKind::Writing {
            let path = target.split('?').next().unwrap_or_default();
            *written
                .entry(format!("{} {path}", call.method))
                .or_default() += 1;
        }
    }
    (faults, written)
}

/// The demonstration with everything that a document can have.
fn seed() -> Seed {
    let mut seed = Seed::demo().expect("the demo's seed is sound");
    seed.faults.clear();
    for account in &mut seed.omni.accounts {
        let generate = &mut account.generate;
        (generate.foreign, generate.inclusive, generate.exempt) = (20, 40, 15);
        (generate.freight, generate.surcharge, generate.discount) = (50, 30, 30);
        (generate.kits, generate.fine_prices, generate.other_accounts) = (20, 30, 30);
        generate.currencies = vec!["USD".into(), "NZD".into()];
    }
    seed
}

async fn broad_run(tweak: impl Fn(&mut Deployment) + Send + Sync + 'static) -> World {
    let stage = Stage::with(seed(), tweak).await;
    stage.sync().await;
    // A contact that has to be made.
    let linked = Request::Link {
        answers: vec![LinkAnswer {
            id: format!("{CUSTOMERS}/1001").parse().expect("an id"),
            to: LinkTo::Create,
        }],
    };
    stage.ask(linked).await;
    // Notes whose head or lines change, as updates of what Xero holds.
    let changed: Vec<Value> = stage
        .world
        .omni(ACCOUNT)
        .credit_notes()
        .into_iter()
        .take(60)
        .collect();
    for (place, note) in changed.iter().enumerate() {
        let id = note["id"].to_string();
        let patch = if place % 2 == 0 {
            json!({ "salesReference": format!("SO-CHANGED-{place}") })
        } else {
            with_one_more(note)
        };
        stage
            .world
            .omni(ACCOUNT)
            .edit("CreditNotes", &id, patch)
            .expect("the note is there");
    }
    let report = stage.next().await;
    assert!(report.routes[NOTES].updated.count >= 30, "{report:#?}");
    assert_eq!(report.routes[CUSTOMERS].created.count, 1, "{report:#?}");
    stage.world.clone()
}

/// The note with a line more that costs nothing, so that its totals stay.
fn with_one_more(note: &Value) -> Value {
    let mut lines = note["lineItems"].as_array().cloned().unwrap_or_default();
    lines.push(line("Gift", -1, "0.0", json!({ "id": 900_000 })));
    json!({ "lineItems": lines })
}

#[tokio::test(start_paused = true)]
async fn drafts_and_their_updates() {
    let Some(description) = Description::load() else {
        return;
    };
    let world = broad_run(|_| {}).await;
    let (faults, written) = faults(&description, &world);
    assert!(faults.is_empty(), "{faults:#?}");
    for kind in ["PUT /CreditNotes", "POST /CreditNotes", "PUT /Contacts"] {
        assert!(written.contains_key(kind), "no {kind} among {written:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn approved_notes_with_every_option() {
    let Some(description) = Description::load() else {
        return;
    };
    let world = broad_run(|deployment| {
        let route = deployment.routes.get_mut(NOTES).expect("the route");
        for (name, value) in [
            ("status", json!("AUTHORISED")),
            ("exempt", json!("no-tax")),
            ("prefix", json!("CN-")),
        ] {
            route.options.insert(name.into(), value);
        }
        route.update_approved = true;
    })
    .await;
    let (faults, written) = faults(&description, &world);
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(written.contains_key("PUT /CreditNotes"), "{written:?}");
}
