//! What is left when nothing moves any more: the books and the cursors of a world and its engine,
//! brought to one instant, so that those of a disturbed and an undisturbed run can be compared.

use std::{collections::BTreeMap, time::Duration};

use jiff::{SignedDuration, Timestamp};
use ledgerline::store::{State, StreamId};
use sandbox::{Seed, World, calls::CallKind};
use serde_json::{Value, json};

use super::ground::sorted;
use crate::{
    START, Stage,
    books::ACCOUNT,
    processes::{Books, Posted},
};

/// More runs than it may take to bring everything to its end.
const RUNS: usize = 4;
/// Longer after the beginning than anything takes.
const MEETING: SignedDuration = SignedDuration::from_hours(6);

/// How much there is to do in one world.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    /// Clean credit notes in Omni.
    pub(super) omni: usize,
    /// Credit notes in each other source.
    pub(super) others: usize,
    /// Documents of one call.
    pub(super) batch: u32,
}

impl Size {
    /// The demonstration's world, without its faults, with this many notes.
    pub(super) fn seed(self) -> Seed {
        let mut seed = Seed::demo().expect("the demo's seed is sound");
        seed.faults.clear();
        for it in &mut seed.xero.organisations {
            it.credit_notes.clear();
        }
        for it in &mut seed.omni.accounts {
            it.generate.credit_notes = self.omni;
        }
        for it in &mut seed.core.accounts {
            it.credit_notes.clear();
            it.generate.credit_notes = self.others;
            it.generate.sales = Some(2);
        }
        for it in &mut seed.zudello.teams {
            it.credit_notes.clear();
            it.generate.credit_notes = self.others;
            it.generate.others = 0;
        }
        seed
    }

    /// Changes to the deployment: small batches.
    pub(super) fn tweak(self) -> impl Fn(&mut ledgerline::config::Deployment) + Send + Sync {
        move |deployment| {
            for route in deployment.routes.values_mut().filter(|it| it.enabled) {
                route.batch = Some(self.batch);
            }
        }
    }
}

/// What is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rest {
    /// What the books hold.
    pub(super) xero: Vec<Posted>,
    /// Up to where each source was read.
    pub(super) cursors: BTreeMap<String, Value>,
    /// Writing calls that one later change in a source led to.
    pub(super) writes: Vec<String>,
}

/// The books of a world.
pub(super) fn books(world: &World, size: Size) -> Books {
    let duplicates = world.duplicates().iter().map(|it| json!(it)).collect();
    Books::of(&world.state(), duplicates, size.omni)
}

/// Runs until nothing is left that the engine would do by itself; then a further run, a change in a
/// source, a run that must carry it over, and one more.
pub(super) async fn come_to_rest(stage: &Stage, size: Size) -> (Rest, Vec<String>) {
    let mut faults = settle_down(stage).await;
    let held = books(&stage.world, size);
    faults.extend(held.faults());
    // What the engine wrote into the sources itself is read once more, and leads to nothing.
    stage.world.clear_calls();
    stage.pass(Duration::from_secs(600)).await;
    stage.sync().await;
    let again = writes(stage);
    if !again.is_empty() {
        faults.push(format!("a further run writes: {again:#?}"));
    }
    let writes = change(stage, &mut faults).await;
    let rest = Rest {
        xero: held.xero,
        cursors: cursors(stage),
        writes,
    };
    (rest, faults)
}

/// As [`come_to_rest`], for a store that came from a backup: what its lost part had marked in the
/// sources looks like another poster's work, and is linked where the books agree.
pub(super) async fn find_again(stage: &Stage, size: Size) -> (Books, Vec<String>) {
    let mut faults = settle_down(stage).await;
    stage.pass(Duration::from_secs(600)).await;
    faults.extend(settle_down(stage).await);
    let held = books(&stage.world, size);
    faults.extend(held.faults());
    change(stage, &mut faults).await;
    (held, faults)
}

/// Runs until nothing is left that the engine would do by itself.
async fn settle_down(stage: &Stage) -> Vec<String> {
    let mut left = Vec::new();
    for _ in 0..RUNS {
        let report = stage.sync().await;
        left = unfinished(stage).await;
        if report.unfinished || !report.parked.is_empty() {
            left.push(format!("the run says so: {:?}", report.parked));
        }
        if left.is_empty() {
            break;
        }
        stage.pass(Duration::from_secs(60)).await;
    }
    left
}

/// Somebody changes a note in Omni: the writing calls that this leads to. Everybody meets at one
/// instant for it.
async fn change(stage: &Stage, faults: &mut Vec<String>) -> Vec<String> {
    let start: Timestamp = START.parse().expect("a constant instant");
    until(stage, start + MEETING).await;
    let patch = json!({ "salesReference": "CHANGED" });
    let changed = stage.world.omni(ACCOUNT).edit("CreditNotes", "5001", patch);
    changed.expect("Omni's first note");
    stage.world.clear_calls();
    until(stage, start + MEETING + SignedDuration::from_mins(10)).await;
    stage.sync().await;
    let carried = writes(stage);
    let there = stage.xero_notes();
    if !there.iter().any(|it| it["Reference"] == json!("CHANGED")) {
        faults.push(format!("a change was not carried over: {carried:#?}"));
    }
    until(stage, start + MEETING + SignedDuration::from_mins(40)).await;
    stage.world.clear_calls();
    let report = stage.sync().await;
    let again = writes(stage);
    if !again.is_empty() {
        faults.push(format!("the run after a change writes: {again:#?}"));
    }
    let new: u64 = report.routes.values().map(|it| it.new).sum();
    if new > 0 {
        faults.push(format!("{new} documents are new though nothing is"));
    }
    faults.extend(unfinished(stage).await);
    carried
}

/// Entries that the engine would have to do something about.
async fn unfinished(stage: &Stage) -> Vec<String> {
    let mut found = Vec::new();
    for route in stage.engine.deployment().routes.keys() {
        for state in [
            State::Pending,
            State::Sending,
            State::Uncertain,
            State::Failed,
        ] {
            let mut ids = stage.ids(route, state).await;
            if state == State::Uncertain {
                // What needs a link that only a person can make cannot be asked about yet.
                let mut due = Vec::new();
                for id in ids {
                    let cause = stage.entry(&format!("{route}/{id}")).await.cause;
                    if cause.is_none_or(|it| it.as_entry().is_none()) {
                        due.push(id);
                    }
                }
                ids = due;
            }
            if !ids.is_empty() {
                let state = state.name();
                found.push(format!("{} of {route} are {state}: {ids:?}", ids.len()));
            }
        }
    }
    found
}

async fn until(stage: &Stage, instant: Timestamp) {
    let left = instant.duration_since(stage.clock.now());
    let left = Duration::try_from(left).expect("nothing takes that long");
    stage.pass(left).await;
}

/// Calls that write, without the keys and ids that differ from run to run.
fn writes(stage: &Stage) -> Vec<String> {
    let calls = stage.world.calls();
    let writing = calls.iter().filter(|it| it.kind == CallKind::Writing);
    let mut told: Vec<String> = writing
        .map(|it| {
            let numbers = it.body.matches("CreditNoteNumber").count();
            format!("{} {} ({numbers} numbers)", it.method, it.target)
        })
        .collect();
    told.sort();
    told
}

fn cursors(stage: &Stage) -> BTreeMap<String, Value> {
    let routes = stage.engine.deployment().routes.values();
    let mut cursors = BTreeMap::new();
    for from in routes.map(|it| &it.from) {
        let id = StreamId {
            connection: from.connection.clone(),
            stream: from.stream.clone(),
        };
        let row = stage.engine.store().cursor(&id).expect("a sound store");
        if let Some(row) = row {
            let value: Value = serde_json::from_slice(&row.bytes).expect("JSON");
            cursors.insert(format!("{}/{}", id.connection, id.stream), sorted(value));
        }
    }
    cursors
}

/// What differs between the books, in words.
pub(super) fn missing(held: &[Posted], wanted: &[Posted]) -> Option<String> {
    if held == wanted {
        return None;
    }
    let missing = wanted.iter().filter(|it| !held.contains(it));
    let missing: Vec<&Posted> = missing.take(5).collect();
    let (there, due) = (held.len(), wanted.len());
    Some(format!(
        "{there} documents instead of {due}, missing {missing:#?}"
    ))
}

/// What differs between two rests, in words.
pub(super) fn apart(here: &Rest, wanted: &Rest) -> Vec<String> {
    let mut apart = Vec::new();
    apart.extend(missing(&here.xero, &wanted.xero));
    for (stream, due) in &wanted.cursors {
        let held = here.cursors.get(stream);
        if held != Some(due) {
            apart.push(format!("{stream} was read up to {held:?}, not {due}"));
        }
    }
    if here.writes != wanted.writes {
        let (here, due) = (&here.writes, &wanted.writes);
        apart.push(format!("a change led to {here:#?}, not {due:#?}"));
    }
    apart
}
