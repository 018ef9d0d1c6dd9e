//! What the engine itself took back of what it had made of groups.
//!
//! A group is not one document of the source, but whatever belongs together by now. Its document in the target
//! is taken back when nothing of it is left, or when another kind of document takes its place; and then another
//! document of the source may come late, and the group is wanted again. It is made anew, under a number of its
//! own, because targets do not free the number of what was void.
//!
//! What somebody else voided is never made anew, so it has to be known who did it. A note says so. It is
//! written before the call leaves and completed with its answer; every other call for the entry removes it.
//!
//! Documents that are no groups are not made anew: a document keeps its number for life, and a person who wants
//! it back says which document in the target it is.

use serde::{Deserialize, Serialize};

use crate::{
    pipeline::{
        decide::{Ready, Write},
        plan::RoutePlan,
        run::Run,
    },
    store::{EntryId, Store, StoreError, offload},
};

/// What is remembered of the last document of an entry that we took back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TakenBack {
    /// The target's id of it.
    pub(crate) of: String,
    /// The target said that it did so.
    pub(crate) done: bool,
}

impl TakenBack {
    fn note(id: &EntryId) -> String {
        format!("taken-back/{id}")
    }

    /// What is remembered of an entry.
    pub(crate) fn read(store: &dyn Store, id: &EntryId) -> Result<Option<Self>, StoreError> {
        let note = store.note(&Self::note(id))?;
        Ok(note.and_then(|it| serde_json::from_str(&it).ok()))
    }

    fn to_text(&self) -> String {
        // A text and a yes or no: writing them as JSON cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The target's id of the document of a group that is taken back.
fn taken(plan: &RoutePlan, ready: &Ready) -> Option<String> {
    let is = plan.reads_groups() && ready.write == Write::Void && ready.payment.is_none();
    ready.remote_id.clone().filter(|_| is)
}

/// The note to keep once the target has taken a document back.
pub(crate) fn done_note(plan: &RoutePlan, ready: &Ready) -> Option<(String, Option<String>)> {
    let of = taken(plan, ready)?;
    let known = TakenBack { of, done: true };
    Some((TakenBack::note(&ready.id), Some(known.to_text())))
}

/// Notes what is about to be taken back, and forgets that of what is about to be changed instead.
pub(crate) async fn announce(
    run: &Run<'_>,
    plan: &RoutePlan,
    going: &[Ready],
) -> Result<(), StoreError> {
    if !plan.reads_groups() || going.is_empty() {
        return Ok(());
    }
    let notes: Vec<(EntryId, Option<TakenBack>)> = going
        .iter()
        .map(|ready| {
            let of = taken(plan, ready);
            (ready.id.clone(), of.map(|of| TakenBack { of, done: false }))
        })
        .collect();
    offload::run(&run.store, move |store| {
        for (id, note) in notes {
            if TakenBack::read(store, &id)? != note {
                let text = note.map(|it| it.to_text());
                store.set_note(&TakenBack::note(&id), text.as_deref())?;
            }
        }
        Ok(())
    })
    .await
}
