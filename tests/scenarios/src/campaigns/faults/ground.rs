//! What the faults strike: three sources with clean credit notes, one organisation, and an app whose
//! tokens come from a person's consent and rotate.

use ledgerline::config::Deployment;
use sandbox::{Seed, World};
use serde_json::{Value, json};

use super::person;
use crate::Stage;

/// Clean credit notes of each source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    /// In Omni.
    pub(super) omni: usize,
    /// In Core: each costs a call.
    pub(super) core: usize,
    /// In Zudello: each is marked by a call of its own.
    pub(super) zudello: usize,
}

impl Size {
    /// More than one batch, and several pages of each list.
    pub(super) const SMALL: Self = Self {
        omni: 60,
        core: 7,
        zudello: 7,
    };

    /// About so many in all.
    pub(super) fn of(documents: usize) -> Self {
        let fifth = documents / 5;
        Self {
            omni: documents - 3 * fifth,
            core: fifth,
            zudello: 2 * fifth,
        }
    }

    /// All of them.
    pub(super) fn documents(self) -> usize {
        self.omni + self.core + self.zudello
    }
}

/// The world, connected, with nothing sent yet.
pub(super) async fn ground(size: Size) -> Stage {
    let mut seed = Seed::demo().expect("the demo's seed is sound");
    seed.faults.clear();
    for it in &mut seed.xero.organisations {
        it.credit_notes.clear();
    }
    for it in &mut seed.omni.accounts {
        it.credit_notes.clear();
        it.generate.credit_notes = size.omni;
    }
    for it in &mut seed.core.accounts {
        it.credit_notes.clear();
        it.generate.credit_notes = size.core;
        it.generate.sales = Some(2);
    }
    for it in &mut seed.zudello.teams {
        it.credit_notes.clear();
        it.generate.credit_notes = size.zudello;
        it.generate.others = 0;
    }
    let few = size.documents() < 1_000;
    let stage = Stage::with(seed, move |deployment| prepare(deployment, few)).await;
    person::connect(&stage, false)
        .await
        .expect("the consent is given");
    stage
}

fn prepare(deployment: &mut Deployment, few: bool) {
    let app = deployment.apps.get_mut("xero-app").expect("the app");
    app.grant = "authorization-code".to_owned();
    app.client_id = person::CLIENT.to_owned();
    // The plugin's own are asked for.
    app.scopes = None;
    app.redirect = person::REDIRECT.parse().expect("a constant address");
    let demo = deployment.demo.as_mut().expect("a demonstration");
    demo.env
        .insert("XERO_CLIENT_SECRET".to_owned(), person::SECRET.to_owned());
    for connection in deployment.connections.values_mut() {
        connection.call_timeout = std::time::Duration::from_secs(60);
        connection.ask_after = std::time::Duration::from_secs(30);
    }
    if few {
        let mut set = |connection: &str, value: Value| {
            let connection = deployment.connections.get_mut(connection);
            let connection = connection.expect("a connection");
            merge(&mut connection.settings, value);
        };
        set("omni-au", json!({ "page-rows": 20 }));
        set("core-au", json!({ "list-rows": 4 }));
        set("zudello-au", json!({ "page": { "size": 3 } }));
    }
}

fn merge(into: &mut Value, patch: Value) {
    match (into, patch) {
        (Value::Object(into), Value::Object(patch)) => {
            for (name, value) in patch {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, patch) => *into = patch,
    }
}

/// Limits that only cost paused time and processor time are off where thousands of documents go.
pub(super) fn without_limits(world: &World) {
    world.limits(false);
}
