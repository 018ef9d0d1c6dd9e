//! What an undisturbed run leaves behind, and what is wrong with one that was disturbed.

use std::collections::BTreeMap;

use ledgerline::store::State;
use sandbox::World;

use super::{list::Target, picture::Picture};
use crate::{Stage, books::ORGANISATION};

/// Entries by route and state.
pub(super) type States = BTreeMap<String, BTreeMap<&'static str, usize>>;

/// What an undisturbed run leaves behind.
#[derive(Debug)]
pub(super) struct Undisturbed {
    picture: Picture,
    pub(super) states: States,
    calls: BTreeMap<Target, u32>,
    number: String,
    contact: String,
}

impl Undisturbed {
    /// Of a stage whose work is done.
    pub(super) async fn of(stage: &Stage) -> Self {
        let notes = stage.world.xero(ORGANISATION).credit_notes();
        let middle = notes.get(notes.len() / 2).cloned().unwrap_or_default();
        let text = |name: &str| middle[name].as_str().unwrap_or_default().to_owned();
        Self {
            picture: Picture::of(&stage.world),
            states: states(stage).await,
            calls: counts(&stage.world),
            number: text("CreditNoteNumber"),
            contact: text("ContactID"),
        }
    }

    /// Calls of a sort that it takes.
    pub(super) fn calls(&self, target: Target) -> u32 {
        self.calls.get(&target).copied().unwrap_or_default()
    }

    /// All calls that it takes.
    pub(super) fn all_calls(&self) -> u64 {
        self.calls.values().map(|it| u64::from(*it)).sum()
    }

    /// The number of one of the documents.
    pub(super) fn a_number(&self) -> String {
        self.number.clone()
    }

    /// The contact of one of them.
    pub(super) fn a_contact(&self) -> String {
        self.contact.clone()
    }
}

/// Calls by sort.
pub(super) fn counts(world: &World) -> BTreeMap<Target, u32> {
    let mut counts = BTreeMap::new();
    for call in world.calls() {
        if let Some(target) = Target::ALL.into_iter().find(|it| it.holds(&call)) {
            *counts.entry(target).or_default() += 1;
        }
    }
    counts
}

/// Entries by route and state.
pub(super) async fn states(stage: &Stage) -> States {
    let mut all = States::new();
    for route in stage.engine.deployment().routes.keys() {
        all.insert(route.clone(), stage.states(route).await);
    }
    all
}

/// Everything that is wrong at the end.
pub(super) async fn faults(stage: &Stage, base: &Undisturbed) -> Vec<String> {
    let mut faults: Vec<String> = stage
        .world
        .duplicates()
        .iter()
        .map(|it| format!("sent twice: {it:?}"))
        .collect();
    faults.extend(Picture::of(&stage.world).apart(&base.picture));
    for (route, now) in states(stage).await {
        let wanted = base.states.get(&route).cloned().unwrap_or_default();
        for state in State::ALL {
            let name = state.name();
            let (own, other) = (now.get(name).copied(), wanted.get(name).copied());
            if own != other {
                let count = |it: Option<usize>| it.unwrap_or_default();
                let one = match stage.ids(&route, state).await.first() {
                    Some(id) if count(own) > count(other) => {
                        let entry = stage.entry(&format!("{route}/{id}")).await;
                        let cause = entry.problem.map(|it| it.cause).unwrap_or_default();
                        format!(", such as {id}: {cause}")
                    }
                    _ => String::new(),
                };
                let (own, other) = (count(own), count(other));
                faults.push(format!("{route}: {own} {name} instead of {other}{one}"));
            }
        }
    }
    faults
}
