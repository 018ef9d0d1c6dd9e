//! Documents that repeat what the target holds for the one that they follow, such as what takes a deposit
//! back: it is read anew before they are made, and they are in doubt once it is void.

use ledgerline_plugin_api::manifest::Category;
use serde::{Deserialize, Serialize};

use super::{Decider, Decision, Source, problem};
use crate::{
    mapping::Value,
    store::{Entry, EntryId, State, Store, StoreError},
};

/// What the target held for an entry when a document that repeats it was about to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReadHeld {
    /// The target's id.
    pub(crate) id: String,
    /// When it was read, milliseconds since the epoch.
    pub(crate) at: i64,
    /// As JSON text.
    pub(crate) body: String,
}

impl ReadHeld {
    /// Name of its note.
    pub(crate) fn note(id: &EntryId) -> String {
        format!("read-held/{id}")
    }

    /// What was read last. What cannot be read is read anew.
    pub(crate) fn read(store: &dyn Store, id: &EntryId) -> Result<Option<Self>, StoreError> {
        let note = store.note(&Self::note(id))?;
        Ok(note.and_then(|it| serde_json::from_str(&it).ok()))
    }

    /// As it is kept.
    pub(crate) fn to_text(&self) -> String {
        // Texts and a number: writing them as JSON cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Decider<'_> {
    /// A linked document whose like in the target was voided after it was made; none where that stands.
    pub(super) fn copied_is_gone(
        &self,
        id: &EntryId,
        entry: &Entry,
        source: &Source,
    ) -> Option<Decision> {
        let state = source.followed.held.child("state").and_then(Value::as_str);
        let is_gone = matches!(state, Some("voided" | "deleted"));
        let follows = self.plan.follows.as_ref();
        let follows = follows.filter(|_| is_gone && self.plan.mapping.copies_held())?;
        let target = &self.plan.target_title;
        let of = EntryId::new(&follows.route, &id.source);
        let found = problem(
            Category::DocumentState,
            format!(
                "{of} was voided in {target}, and this stands there still for what it repeats of it"
            ),
            format!(
                "void this one in {target}, too, then `ledgerline skip {id}`; or `ledgerline skip {id}` if \
                 it stays"
            ),
        );
        let key = "what it repeats is void".to_owned();
        Some(self.stop(id, entry, State::Warning, found, key))
    }
}
