//! Routes that do not change what they posted: it is reversed on its own date, and a new document takes
//! its place.
//!
//! The entry keeps its number for life. The documents that stood for it in turn are told apart by a suffix,
//! `NUMBER/2` for the first that took another one's place, so that each of them and each reversal can be
//! asked for by itself. A note remembers the last reversal from before it leaves: as long as the entry is
//! still linked to the document that it reverses, nobody knows yet that it arrived.

use ledgerline_plugin_api::manifest::Category;
use serde::{Deserialize, Serialize};

use super::{Decider, Decision, Ready, Source, problem};
use crate::{
    mapping::Value,
    store::{Entry, EntryId, Held, State, Store, StoreError},
};

/// What is to take the place of a document that the target holds.
#[derive(Debug, Clone)]
pub(crate) struct Replacing {
    /// The target's id of the document that is reversed.
    pub(crate) of: String,
    /// Which document of the entry comes next; the second is the first that takes another one's place.
    pub(crate) version: u32,
    /// Its number, or the one it would have.
    pub(crate) number: String,
    /// The document that takes its place, as the mapping gave it; none where it is only taken back.
    pub(crate) next: Option<Value>,
    /// What reverses it, known once it was read from the target.
    pub(crate) reversal: Option<Value>,
}

/// What is remembered of an entry's last reversal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Remembered {
    /// As in [`Replacing`].
    pub(crate) of: String,
    pub(crate) version: u32,
    pub(crate) number: String,
    /// The reversal as it is sent, as JSON text.
    pub(crate) reversal: String,
    /// What takes its place, as the mapping gave it and as it is sent; as JSON text.
    pub(crate) next: Option<(String, String)>,
}

impl Remembered {
    /// Name of its note.
    pub(crate) fn note(id: &EntryId) -> String {
        format!("reversal/{id}")
    }

    /// What is remembered of an entry.
    pub(crate) fn read(store: &dyn Store, id: &EntryId) -> Result<Option<Self>, StoreError> {
        let note = store.note(&Self::note(id))?;
        Ok(note.and_then(|it| serde_json::from_str(&it).ok()))
    }

    /// As it is kept.
    pub(crate) fn to_text(&self) -> String {
        // Texts, numbers and pairs of them: writing them as JSON cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Whether it is not known yet that it arrived.
    pub(crate) fn is_open(&self, held: &Held) -> bool {
        self.of == held.id
    }
}

/// Which of the entry's documents the target holds by what is remembered.
fn version(remembered: Option<&Remembered>, held: &Held) -> u32 {
    match remembered {
        Some(it) if it.is_open(held) => it.version.saturating_sub(1),
        Some(it) => it.version,
        None => 1,
    }
}

/// The number of one of the documents that stand for an entry in turn.
pub(super) fn numbered(number: &str, version: u32) -> String {
    match version {
        0 | 1 => number.to_owned(),
        _ => format!("{number}/{version}"),
    }
}

impl Decider<'_> {
    /// Which of the entry's documents the target holds.
    pub(crate) fn version(&self, id: &EntryId, held: &Held) -> Result<u32, StoreError> {
        if self.plan.target_stream.reversal.is_none() {
            return Ok(1);
        }
        let remembered = Remembered::read(self.store, id)?;
        Ok(version(remembered.as_ref(), held))
    }

    /// The number under which a document of the entry is known in the target.
    pub(super) fn numbered(&self, number: Option<&str>, version: u32) -> Option<String> {
        number.map(|it| numbered(it, version))
    }

    /// The document under the number that it has when it takes the held one's place.
    pub(super) fn replacing(
        &self,
        id: &EntryId,
        entry: &Entry,
        source: &Source,
        mut ready: Ready,
        held: &Held,
        version: u32,
    ) -> Decision {
        let version = version.saturating_add(1);
        let number = ready.number.as_deref().unwrap_or(&id.source);
        let number = numbered(number, version);
        let next = match self.written(id, entry, source, Some(&number)) {
            Ok(it) => it.body,
            Err(decision) => return *decision,
        };
        if let Err(stop) = self.check(&next) {
            return self.forbidden(id, entry, stop);
        }
        if next == ready.mapped {
            let found = problem(
                Category::Mapping,
                "the mapping writes no number into the document: nothing would tell the new one from the \
                 one that it replaces",
                format!(
                    "use $number in a field by which it is found again, or set `replace = \"update\"` on \
                     the route; then `ledgerline retry {id}`"
                ),
            );
            return self.stop(id, entry, State::Warning, found, "no number in it".into());
        }
        ready.replacing = Some(Box::new(Replacing {
            of: held.id.clone(),
            version,
            number,
            next: Some(next),
            reversal: None,
        }));
        Decision::Send(Box::new(ready))
    }

    /// As [`Decider::replacing`], for a document that nothing takes the place of.
    pub(super) fn reversing(
        &self,
        id: &EntryId,
        entry: &Entry,
        held: &Held,
    ) -> Result<Replacing, StoreError> {
        let version = self.version(id, held)?.saturating_add(1);
        let number = entry.number.as_deref().unwrap_or(&id.source);
        Ok(Replacing {
            of: held.id.clone(),
            version,
            number: numbered(number, version),
            next: None,
            reversal: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_document_has_the_number_itself() {
        let all = [0, 1, 2, 13].map(|it| numbered("A-1", it));
        assert_eq!(all, ["A-1", "A-1", "A-1/2", "A-1/13"]);
    }

    #[test]
    fn a_reversal_counts_once_the_link_has_moved() {
        let remembered = Remembered {
            of: "t1".into(),
            version: 2,
            number: "A-1/2".into(),
            reversal: "{}".into(),
            next: Some(("{}".into(), "{}".into())),
        };
        let held = |id: &str| Held {
            id: id.into(),
            ..Held::default()
        };
        assert_eq!(version(None, &held("t1")), 1);
        assert_eq!(version(Some(&remembered), &held("t1")), 1);
        assert_eq!(version(Some(&remembered), &held("t3")), 2);
        let read: Remembered = serde_json::from_str(&remembered.to_text()).unwrap();
        assert_eq!(read, remembered);
    }
}
