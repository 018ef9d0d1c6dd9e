//! What is made of a group: whether the group is what its documents say, and what becomes of it when we took
//! it back and it is wanted again.

use ledgerline_plugin_api::manifest::Category;

use super::{Decider, Decision, NoLinks, Source, links::StoredLinks, problem, replacing::numbered};
use crate::{
    mapping::{Apply, Shared, Stop},
    pipeline::{difference::Decided, groups::stopped_member, taken_back::TakenBack},
    store::{Actor, Cause, Document, Entry, EntryId, Held, State, StoreError},
};

impl Decider<'_> {
    /// Stops what is made of a group while one of its documents says something else by now that nobody could
    /// work out: it would be posted with what that one said before.
    pub(super) fn waits_for_member(
        &self,
        id: &EntryId,
        entry: &Entry,
        source: &Source,
    ) -> Result<Option<Decision>, StoreError> {
        if !self.plan.reads_groups() {
            return Ok(None);
        }
        let Some(member) = stopped_member(&source.value) else {
            return Ok(None);
        };
        let theirs = self.store.entry(&member)?.and_then(|it| it.problem);
        let (why, remedy) = match theirs {
            Some(it) => (format!(": {}", it.cause), it.remedy),
            None => (String::new(), format!("`ledgerline retry {member}`")),
        };
        let found = problem(
            Category::DocumentState,
            format!("{member}, which goes with it, changed and stopped{why}"),
            remedy,
        );
        let key = Cause::entry(&member).key;
        Ok(Some(self.stop(id, entry, State::Waiting, found, key)))
    }

    /// Tells that a group would go by another route, were that switched on: nobody else would send it.
    pub(super) fn other_half_is_off(
        &self,
        id: &EntryId,
        entry: &Entry,
        source: &Source,
        reason: &str,
    ) -> Option<Decision> {
        if !self.plan.reads_groups() || entry.state == State::Uncertain {
            return None;
        }
        let wants = |name: &&String| {
            let off = self.plans.get(*name).filter(|it| !it.route.enabled);
            off.is_some_and(|other| {
                // Values of its own [let].
                let shared = Shared::default();
                let gate = other.mapping.gate(&Apply {
                    shared: &shared,
                    ..self.apply(source, None, &NoLinks)
                });
                !matches!(gate, Err(Stop::Excluded { .. }))
            })
        };
        let name = self.plan.beside.iter().find(wants)?;
        let found = problem(
            Category::Mapping,
            format!("{reason}: it would go by the route {name}, which is switched off"),
            format!(
                "write `enabled = true` into the file of the route {name}, and it goes; or `ledgerline skip {id}`"
            ),
        );
        let key = format!("{name} is switched off");
        Some(self.stop(id, entry, State::Waiting, found, key))
    }

    /// What becomes of a group that the target does not hold any more, because we took it back ourselves; none
    /// where somebody else did, or where documents were made of its differences.
    pub(super) fn made_anew(
        &self,
        id: &EntryId,
        entry: &Entry,
        document: &Document,
        source: &Source,
        held: &Held,
    ) -> Result<Option<Decision>, StoreError> {
        let known = TakenBack::read(self.store, id)?;
        if !self.plan.reads_groups() || known.is_none_or(|it| !it.done || it.of != held.id) {
            return Ok(None);
        }
        let parts = Decided::read(self.store, id, held)?.standing(self.store, None)?;
        if !parts.there.is_empty() || parts.under_way.is_some() {
            return Ok(None);
        }
        if let Err(stop) = self.gate(source, entry) {
            return Ok(Some(self.stopped(id, entry, stop)));
        }
        if let Some(decision) = self.wanted_twice(id, entry, source)? {
            return Ok(Some(decision));
        }
        let links = StoredLinks { decider: self };
        let unnumbered = Entry {
            number: None,
            ..entry.clone()
        };
        let first = match self.number(id, &unnumbered, source, &links) {
            Ok(it) => it.unwrap_or_else(|| id.source.clone()),
            Err(stop) => return Ok(Some(self.stopped(id, entry, stop))),
        };
        let last = entry.number.clone().unwrap_or_else(|| first.clone());
        let number = following(&first, &last);
        let mut next = entry.clone();
        next.clear_stop();
        next.held = None;
        next.number = Some(number.clone());
        // The store came back from a backup: it may have been made since.
        if entry.state == State::Uncertain {
            return self.unlinked(id, &next, document, source).map(Some);
        }
        let what = format!("{last} was taken back and is wanted again: it goes as {number}");
        next.record(self.now, State::Pending, Actor::Engine, what, None);
        Ok(Some(Decision::Settle(Box::new(next))))
    }

    /// A group whose document was about to be taken back when the answer was lost is asked about as that, also
    /// when it is wanted again by now.
    pub(super) fn was_taken_back(
        &self,
        id: &EntryId,
        entry: &Entry,
        document: &Document,
        held: &Held,
    ) -> Result<Option<Decision>, StoreError> {
        if !self.plan.reads_groups() || entry.state != State::Uncertain {
            return Ok(None);
        }
        let known = TakenBack::read(self.store, id)?;
        if known.is_none_or(|it| it.done || it.of != held.id) {
            return Ok(None);
        }
        let reason = "nothing of it was wanted";
        self.taking_back(id, entry, document, held, reason)
            .map(Some)
    }
}

/// The number of the document that comes after the one with the number `last`, of an entry whose first had the
/// number `first`.
fn following(first: &str, last: &str) -> String {
    let suffix = last.strip_prefix(first).and_then(|it| it.strip_prefix('/'));
    match suffix.and_then(|it| it.parse::<u32>().ok()) {
        Some(version) => numbered(first, version.saturating_add(1)),
        None => numbered(last, 2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_of_a_group_are_numbered_one_after_the_other() {
        for (first, last, next) in [
            ("A-1", "A-1", "A-1/2"),
            ("A-1", "A-1/2", "A-1/3"),
            // A name of its own, not a second document.
            ("A/2", "A/2", "A/2/2"),
            ("A/2", "A/2/2", "A/2/3"),
            // The route numbers otherwise by now.
            ("B-1", "A-1", "A-1/2"),
        ] {
            assert_eq!(following(first, last), next, "{first}, {last}");
        }
    }
}
