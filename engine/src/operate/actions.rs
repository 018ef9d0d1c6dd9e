//! What people did to entries, kept so that it can be taken back: one action is one command, with the
//! entries as they were before it.
//!
//! What an action keeps is written together with what it changes, in the same durable write: there is
//! no change without it, and nothing is kept of a change that did not happen. Of an entry only what a
//! person's action can change is kept; what was sent and what the target answered stays where it is.

use ledgerline_plugin_api::manifest::Problem;
use serde::{Deserialize, Serialize};
use tokio::sync::MutexGuard;

use crate::{
    pipeline::Engine,
    store::{
        Actor, Candidate, Cause, Change, Entry, EntryId, Held, Seen, State, StoreError, Tally,
        offload,
    },
};

/// What a person did to entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Deed {
    /// Stopped ones were to be tried again.
    Retry,
    /// They were taken back in, whatever they were.
    Reset,
    /// They were left out.
    Skip,
    /// Their documents were to be taken back in the target.
    Void,
    /// Target documents were taken for their own.
    Adopt,
    /// It was said which target documents they stand for.
    Link,
}

impl Deed {
    /// As the command is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Reset => "reset",
            Self::Skip => "skip",
            Self::Void => "void",
            Self::Adopt => "adopt",
            Self::Link => "link",
        }
    }
}

/// One command of a person that changed entries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Action {
    /// Number that `undo` takes; grows.
    pub id: u64,
    /// When it began, milliseconds since the epoch.
    pub at: i64,
    /// Name of the account that ran the command.
    pub by: String,
    /// What was done.
    pub deed: Deed,
    /// Why, where a reason was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Entries that it changed.
    pub tally: Tally,
    /// That it was taken back, as far as it could be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undone: Option<UndoneBy>,
}

/// Who took an action back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoneBy {
    /// When, milliseconds since the epoch.
    pub at: i64,
    /// Name of the account that ran the command.
    pub by: String,
    /// Entries that are as they were before.
    pub entries: u64,
}

/// Actions that are kept; an older one cannot be taken back any more.
const KEPT: usize = 20;
/// Entries that all kept actions hold together. The latest action is kept whatever its size.
const ENTRIES: u64 = 200_000;
/// Entries in one note.
const CHUNK: usize = 100;

/// Actions, as notes: their heads, which are few, apart from their entries.
const HEADS: &str = "action/";

fn head_note(id: u64) -> String {
    format!("{HEADS}{id:012}")
}

fn chunk_note(id: u64, chunk: u64) -> String {
    format!("action-entries/{id:012}/{chunk:08}")
}

/// An action as it is kept: what is shown of it, and how many notes its entries take.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Kept {
    #[serde(flatten)]
    pub(super) action: Action,
    chunks: u64,
}

/// What an entry was before an action, and how the action left it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Before {
    pub(super) id: EntryId,
    /// State and number of events after the action.
    pub(super) after: (State, u32),
    /// What it was linked to after the action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) linked: Option<String>,
    /// The action changed the link or the number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) link: Option<LinkBefore>,
    pub(super) version: String,
    pub(super) state: State,
    pub(super) since: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    problem: Option<Problem>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    words: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cause: Option<Cause>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    candidates: Vec<Candidate>,
    #[serde(default, skip_serializing_if = "is_zero")]
    attempts: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    not_before: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    write_open_since: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    write_open_until: Option<i64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    requested: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    needed: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    create_new: bool,
}

/// The link before an action that changed it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct LinkBefore {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) held: Option<Held>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    number: Option<String>,
}

fn is_zero<T: Default + PartialEq>(it: &T) -> bool {
    *it == T::default()
}

impl Before {
    /// What is kept of an entry that becomes `next`.
    pub(super) fn of(id: &EntryId, before: &Entry, next: &Entry) -> Self {
        let Seen { state, events } = next.seen();
        let id_of = |it: &Entry| it.held.as_ref().map(|it| it.id.clone());
        let same = before.held == next.held && before.number == next.number;
        Self {
            id: id.clone(),
            after: (state, events),
            linked: id_of(next),
            link: (!same).then(|| LinkBefore {
                held: before.held.clone(),
                number: before.number.clone(),
            }),
            version: before.version.clone(),
            state: before.state,
            since: before.since,
            problem: before.problem.clone(),
            words: before.words.clone(),
            cause: before.cause.clone(),
            candidates: before.candidates.clone(),
            attempts: before.attempts,
            not_before: before.not_before,
            write_open_since: before.write_open_since,
            write_open_until: before.write_open_until,
            requested: before.requested,
            needed: before.needed,
            create_new: before.create_new,
        }
    }

    /// The entry as it was, with what happened in its history. One whose document changed meanwhile
    /// is prepared anew, unless it was left out by a person.
    pub(super) fn restored(self, now: i64, by: Actor, current: &Entry, what: &str) -> Entry {
        let mut next = current.clone();
        if let Some(link) = self.link {
            next.held = link.held;
            next.number = link.number;
        }
        next.write_open_since = self.write_open_since;
        next.write_open_until = self.write_open_until;
        next.requested = self.requested;
        next.needed = self.needed;
        next.create_new = self.create_new;
        if current.version != self.version && self.state != State::Skipped {
            next.reopen(now, by, what);
            return next;
        }
        next.problem = self.problem;
        next.words = self.words;
        next.cause = self.cause;
        next.candidates = self.candidates;
        next.attempts = self.attempts;
        next.not_before = self.not_before;
        next.record(now, self.state, by, what, None);
        next.since = self.since;
        next
    }
}

/// One action while it is done. No other one begins before it ends.
pub(super) struct Keeper<'a> {
    _one: MutexGuard<'a, ()>,
    kept: Kept,
    /// Notes of earlier actions that are dropped with the first change.
    dropped: Vec<String>,
}

impl<'a> Keeper<'a> {
    /// Begins an action. Nothing is kept until something changes.
    pub(super) async fn begin(
        engine: &'a Engine,
        by: &Actor,
        deed: Deed,
        reason: Option<&str>,
    ) -> Result<Self, StoreError> {
        let one = engine.one_action.lock().await;
        let earlier = all(engine).await?;
        let id = earlier.first().map_or(1, |it| it.action.id + 1);
        let mut entries = 0;
        let mut dropped = Vec::new();
        for (place, it) in earlier.iter().enumerate() {
            entries += it.action.tally.count;
            if place + 1 >= KEPT || entries > ENTRIES {
                dropped.push(head_note(it.action.id));
                dropped.extend((0..it.chunks).map(|chunk| chunk_note(it.action.id, chunk)));
            }
        }
        let by = match by {
            Actor::Person(name) => name.clone(),
            Actor::Engine => "the engine".to_owned(),
        };
        let action = Action {
            id,
            at: engine.clock().now_ms(),
            by,
            deed,
            reason: reason.map(str::to_owned),
            tally: Tally::default(),
            undone: None,
        };
        Ok(Self {
            _one: one,
            kept: Kept { action, chunks: 0 },
            dropped,
        })
    }

    /// Notes for the settlement that makes these changes; each entry comes as it was before.
    pub(super) fn notes<'c>(
        &mut self,
        changes: impl IntoIterator<Item = (&'c Entry, &'c Change)>,
    ) -> Vec<(String, Option<String>)> {
        let before: Vec<Before> = changes
            .into_iter()
            .map(|(before, change)| {
                self.kept.action.tally.add(before.facts.money.as_ref());
                Before::of(&change.id, before, &change.entry)
            })
            .collect();
        let mut notes: Vec<(String, Option<String>)> = Vec::new();
        if before.is_empty() {
            return notes;
        }
        notes.extend(self.dropped.drain(..).map(|it| (it, None)));
        for chunk in before.chunks(CHUNK) {
            let name = chunk_note(self.kept.action.id, self.kept.chunks);
            self.kept.chunks += 1;
            notes.push((name, Some(text_of(&chunk))));
        }
        notes.push(self.kept.note());
        notes
    }
}

impl Kept {
    /// The note that keeps its head.
    pub(super) fn note(&self) -> (String, Option<String>) {
        (head_note(self.action.id), Some(text_of(self)))
    }

    /// Its entries.
    pub(super) async fn entries(&self, engine: &Engine) -> Result<Vec<Before>, StoreError> {
        let id = self.action.id;
        let mut all: Vec<Before> = Vec::new();
        for chunk in 0..self.chunks {
            let name = chunk_note(id, chunk);
            let named = name.clone();
            let text = offload::run(engine.store(), move |store| store.note(&named)).await?;
            all.extend(read::<Vec<Before>>(&name, text.as_deref().unwrap_or("[]"))?);
        }
        Ok(all)
    }
}

/// The kept actions, the latest first.
pub(super) async fn all(engine: &Engine) -> Result<Vec<Kept>, StoreError> {
    let notes = offload::run(engine.store(), |store| store.notes(HEADS)).await?;
    let mut all = notes
        .iter()
        .map(|(name, text)| read::<Kept>(name, text))
        .collect::<Result<Vec<Kept>, StoreError>>()?;
    all.reverse();
    Ok(all)
}

fn text_of(value: &impl Serialize) -> String {
    // Values made of text and numbers alone are always JSON.
    serde_json::to_string(value).unwrap_or_default()
}

fn read<T: serde::de::DeserializeOwned>(name: &str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|why| StoreError::Damaged {
        row: format!("note {name}"),
        why: why.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Facts;

    fn by(name: &str) -> Actor {
        Actor::Person(name.to_owned())
    }

    /// An entry that stopped while a write of it may have happened, and was reset by a person who said
    /// that it had not.
    fn reset() -> (Entry, Entry) {
        let mut before = Entry::new(
            10,
            State::Pending,
            "v1".into(),
            Facts::default(),
            "taken in",
        );
        before.record(
            20,
            State::Warning,
            Actor::Engine,
            "cannot be looked up",
            None,
        );
        before.write_open_since = Some(15);
        before.cause = Some(Cause {
            key: "answer lost".into(),
        });
        before.attempts = 3;
        let mut next = before.clone();
        next.clear_stop();
        next.attempts = 0;
        next.requested = true;
        next.record(30, State::Pending, by("kim"), "reset", None);
        (before, next)
    }

    /// What is kept, as it comes back from the store.
    fn kept(before: &Entry, next: &Entry) -> Before {
        let id = EntryId::new("notes", "1");
        read("it", &text_of(&Before::of(&id, before, next))).unwrap()
    }

    #[test]
    fn a_lost_write_is_open_again() {
        let (before, next) = reset();
        let back = kept(&before, &next).restored(40, by("kim"), &next, "taken back: reset");
        assert_eq!(back.events.len(), 4);
        assert_eq!(
            Entry {
                events: before.events.clone(),
                ..back
            },
            before
        );
    }

    #[test]
    fn a_document_that_changed_meanwhile_is_asked_for_before_it_is_prepared() {
        let (before, mut next) = reset();
        let kept = kept(&before, &next);
        next.version = "v2".into();
        let back = kept
            .clone()
            .restored(40, by("kim"), &next, "taken back: reset");
        assert_eq!(
            (back.state, back.write_open_since),
            (State::Uncertain, Some(15))
        );
        assert_eq!((back.cause, back.version.as_str()), (None, "v2"));
    }

    #[test]
    fn a_link_comes_back_only_where_the_action_changed_it() {
        let (before, next) = reset();
        assert!(kept(&before, &next).link.is_none());
        let mut linked = next.clone();
        linked.number = Some("7".into());
        linked.held = Some(Held {
            id: "t1".into(),
            sent: "{}".into(),
            ..Held::default()
        });
        let kept = kept(&before, &linked);
        assert_eq!(kept.linked.as_deref(), Some("t1"));
        let back = kept.restored(40, by("kim"), &linked, "taken back: adopt");
        assert_eq!((back.held, back.number), (None, None));
    }

    #[test]
    fn what_is_kept_is_small() {
        let (mut before, mut next) = reset();
        for it in [&mut before, &mut next] {
            it.held = Some(Held {
                sent: "x".repeat(5_000),
                ..Held::default()
            });
        }
        assert!(text_of(&Before::of(&EntryId::new("notes", "1"), &before, &next)).len() < 400);
    }
}
