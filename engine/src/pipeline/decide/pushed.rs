//! A linked counterparty whose source document changed. It is only a link, unless the route pushes
//! fields of it: then those go, and nothing else.
//!
//! The entry remembers what the source said of these fields (`sent`) and what the target showed of them
//! (`answered`), from the moment of the link on: without that nobody could tell who changed what.

use crate::{
    mapping::Value,
    pipeline::{
        decide::{Decider, Decision, Source, WITHDRAWN, Write, links::StoredLinks},
        plan::RoutePlan,
    },
    store::{Cause, Document, Entry, EntryId, Held, State},
};

impl RoutePlan {
    /// Whether it pushes anything of a linked counterparty.
    pub(crate) fn pushes(&self) -> bool {
        !self.route.push_changes.is_empty()
    }

    /// The pushed fields of a document, null where it has none.
    pub(crate) fn pushed_part(&self, document: &Value) -> Value {
        let fields = self.route.push_changes.iter();
        Value::object(fields.map(|field| {
            let value = document.child(field).cloned().unwrap_or_default();
            (field.as_str(), value)
        }))
    }

    /// Whether it is not known of some pushed field how it was when the link was made.
    pub(crate) fn lacks_first_sight(&self, held: &Held) -> bool {
        if !self.pushes() || !(held.adopted || held.sent.is_empty()) {
            return false;
        }
        let said = Value::parse(held.sent.as_bytes()).unwrap_or_default();
        let mut fields = self.route.push_changes.iter();
        fields.any(|field| said.child(field).is_none())
    }

    /// Whether an entry that is not synced is linked for certain all the same: what stopped is about
    /// its fields, and its documents do not wait for that.
    pub(crate) fn still_links(&self, id: &EntryId, entry: &Entry) -> bool {
        let about_the_link = |it: &Cause| {
            *it == Cause::entry(id) || it.key == WITHDRAWN || it.key == "gone in the target"
        };
        self.pushes()
            && match entry.state {
                State::Pending | State::Sending | State::Failed | State::Uncertain => true,
                State::Warning | State::Waiting => {
                    !entry.cause.as_ref().is_some_and(about_the_link)
                }
                State::Synced | State::Skipped | State::Excluded => false,
            }
    }
}

impl Decider<'_> {
    /// What becomes of a linked counterparty.
    pub(super) fn counterparty(
        &self,
        id: &EntryId,
        entry: &Entry,
        document: &Document,
        source: &Source,
        held: &Held,
    ) -> Decision {
        const UNCHANGED: &str = "unchanged link";
        if !self.plan.pushes() {
            return self.keep_synced(entry, UNCHANGED);
        }
        let mut ready = match self.prepare(id, entry, document, source, Write::Update) {
            Ok(it) => it,
            Err(decision) => return *decision,
        };
        let Some(held) = self.with_first_sight(held, &ready.mapped) else {
            return self.keep_synced(entry, UNCHANGED);
        };
        let wanted = self.plan.pushed_part(&ready.mapped);
        let said = Value::parse(held.sent.as_bytes()).unwrap_or_default();
        let changed = self.plan.pushed_part(&said) != wanted;
        let adopted = held.adopted;
        ready.entry.held = Some(held);
        // The outcome of a lost call is asked for, whatever the source says by now.
        if !changed && entry.state != State::Uncertain {
            return self.keep_synced(&ready.entry, UNCHANGED);
        }
        if adopted {
            ready.mapped = wanted.clone();
        }
        ready.fingerprint = wanted.fingerprint();
        let fields = self.plan.route.push_changes.iter();
        ready.body = Value::object(fields.filter_map(|field| {
            let value = wanted.child(field).filter(|it| !it.is_null())?;
            Some((field.as_str(), value.clone()))
        }));
        Decision::Send(Box::new(ready))
    }

    /// A new link, with how both sides are at this moment where the route wants to know.
    pub(super) fn at_first_sight(&self, entry: &Entry, source: &Source, held: Held) -> Held {
        if !self.plan.pushes() {
            return held;
        }
        let links = StoredLinks { decider: self };
        let cx = self.apply(source, entry.number.as_deref(), &links);
        // What cannot be mapped now is seen for the first time when it can.
        let mapped = self.plan.mapping.map(&cx).ok();
        mapped
            .and_then(|it| self.with_first_sight(&held, &it.document))
            .unwrap_or(held)
    }

    /// The link, its unknown fields remembered as both sides have them now. None when the target's list
    /// does not hold it.
    fn with_first_sight(&self, held: &Held, mapped: &Value) -> Option<Held> {
        let mut held = held.clone();
        if !self.plan.lacks_first_sight(&held) {
            return Some(held);
        }
        let there = self.reference.get(&self.plan.target.stream, &held.id)?;
        let read = |text: &str| Value::parse(text.as_bytes()).unwrap_or_default();
        let (said, saw) = (read(&held.sent), read(&held.answered));
        let known = |before: &Value, now: &Value| {
            let fields = self.plan.route.push_changes.iter();
            Value::object(fields.map(|field| {
                let kept = said.child(field).is_some();
                let from = if kept { before } else { now };
                (
                    field.as_str(),
                    from.child(field).cloned().unwrap_or_default(),
                )
            }))
        };
        let (sent, answered) = (known(&said, mapped), known(&saw, there));
        held.sent = sent.to_json();
        held.answered = answered.to_json();
        held.fingerprint = sent.fingerprint();
        Some(held)
    }
}
