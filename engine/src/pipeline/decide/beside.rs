//! Routes that read the same stream and share its documents: each goes by one of them at most.

use ledgerline_plugin_api::manifest::{Category, HeldState};

use super::{Decider, Decision, NoLinks, Source, problem};
use crate::{
    mapping::{Apply, Shared, Stop},
    pipeline::{groups::GroupDocument, plan::RoutePlan},
    store::{Cause, Entry, EntryId, Held, State, StoreError},
};

/// Whether the target holds the entry's document, or may.
pub(super) fn may_be_there(entry: &Entry) -> bool {
    let taken_back = |it: &Held| matches!(it.state, Some(HeldState::Voided | HeldState::Deleted));
    entry.held.as_ref().is_some_and(|it| !taken_back(it))
        || entry.write_open_since.is_some()
        || matches!(entry.state, State::Uncertain | State::Sending)
}

impl Decider<'_> {
    /// Stops a document that a route beside this one wants, too, or has sent already. Both routes find this,
    /// so neither sends it; but what a group takes goes with the group.
    pub(super) fn wanted_twice(
        &self,
        id: &EntryId,
        entry: &Entry,
        source: &Source,
    ) -> Result<Option<Decision>, StoreError> {
        for name in &self.plan.beside {
            let Some(other) = self.plans.get(name) else {
                continue;
            };
            let theirs = self.store.entry(&EntryId::new(name, &id.source))?;
            if other.fills_groups() {
                match self.grouped_by(id, entry, other, theirs.as_ref(), source)? {
                    Some(it) => return Ok(Some(it)),
                    None => continue,
                }
            }
            let sent = theirs.as_ref().is_some_and(may_be_there);
            let skipped = theirs.as_ref().is_some_and(|it| it.state == State::Skipped);
            let shared = Shared::default();
            let gate = other.mapping.gate(&Apply {
                // Values of its own [let].
                shared: &shared,
                ..self.apply(source, None, &NoLinks)
            });
            // One that is switched off sends nothing more; what it has sent is there.
            if !sent && (skipped || gate.is_err() || !other.route.enabled) {
                continue;
            }
            let unwanted = matches!(gate, Err(Stop::Excluded { .. }));
            if self.plan.reads_groups() && unwanted && !skipped && other.route.enabled {
                return Ok(Some(self.waits_for_the_other(
                    id,
                    entry,
                    name,
                    theirs.as_ref(),
                )));
            }
            let why = match sent {
                true => format!("the route {name} has sent this document already"),
                false => format!("the route {name} wants this document, too"),
            };
            let remedy = match sent {
                true => {
                    format!("`ledgerline skip {id}`; or `ledgerline void` it on {name}, then retry")
                }
                false => format!(
                    "let a [[when]] of one of both mappings leave it out, or `ledgerline skip {}` on the \
                     route that it is not for; then `ledgerline retry`",
                    EntryId::new(name, &id.source)
                ),
            };
            let found = problem(Category::Ownership, why, remedy);
            let cause = format!("wanted by {name}, too");
            return Ok(Some(self.stop(id, entry, State::Warning, found, cause)));
        }
        Ok(None)
    }

    /// A group became another kind of document: it goes once what was made of it before is taken back.
    fn waits_for_the_other(
        &self,
        id: &EntryId,
        entry: &Entry,
        name: &str,
        theirs: Option<&Entry>,
    ) -> Decision {
        let other = EntryId::new(name, &id.source);
        let remedy = theirs.and_then(|it| it.problem.as_ref()).map_or_else(
            || format!("`ledgerline sync {name}`"),
            |it| it.remedy.clone(),
        );
        let target = &self.plan.target_title;
        let found = problem(
            Category::DocumentState,
            format!("{target} holds it as {other} still, which is to be taken back first"),
            remedy,
        );
        let key = Cause::entry(&other).key;
        self.stop(id, entry, State::Waiting, found, key)
    }

    /// Leaves a document out that goes with a group, although it could not go alone either: what a route asks of
    /// a document that it sends alone is no question then. One that this route leaves out anyway must be in a group
    /// for certain.
    pub(super) fn goes_with_a_group(
        &self,
        id: &EntryId,
        entry: &Entry,
        source: &Source,
        stop: &Stop,
    ) -> Result<Option<Decision>, StoreError> {
        for name in &self.plan.beside {
            let Some(other) = self.plans.get(name).filter(|it| it.fills_groups()) else {
                continue;
            };
            let theirs = self.store.entry(&EntryId::new(name, &id.source))?;
            let found = match stop {
                Stop::Excluded { .. } => self
                    .held_by_group(id, other, theirs.as_ref())?
                    .map(|key| self.goes_with(entry, other, &key)),
                Stop::Problem { .. } => {
                    self.grouped_by(id, entry, other, theirs.as_ref(), source)?
                }
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// The group that holds a document, as long as it was sent or may be.
    fn held_by_group(
        &self,
        id: &EntryId,
        other: &RoutePlan,
        theirs: Option<&Entry>,
    ) -> Result<Option<String>, StoreError> {
        let Some(key) = theirs.and_then(|it| it.number.as_ref()) else {
            return Ok(None);
        };
        let document = self.store.document(&other.target, key)?;
        let group = document.filter(|it| !it.deleted);
        let member = EntryId::new(other.name(), &id.source);
        let holds = group.is_some_and(|it| GroupDocument::read(&it.body).holds(&member));
        let goes = holds && (other.route.enabled || self.group_was_sent(&other.target, key)?);
        Ok(goes.then(|| key.clone()))
    }

    fn goes_with(&self, entry: &Entry, other: &RoutePlan, key: &str) -> Decision {
        let groups = &other.target.stream;
        self.exclude(entry, &format!("goes with {groups}/{key}"))
    }

    /// Leaves a document out, when the route that makes groups takes it.
    fn grouped_by(
        &self,
        id: &EntryId,
        entry: &Entry,
        other: &RoutePlan,
        theirs: Option<&Entry>,
        source: &Source,
    ) -> Result<Option<Decision>, StoreError> {
        let groups = &other.target.stream;
        if let Some(key) = self.held_by_group(id, other, theirs)? {
            return Ok(Some(self.goes_with(entry, other, &key)));
        }
        let mut left = None;
        if let Some(key) = theirs.and_then(|it| it.number.as_ref())
            && self.group_was_sent(&other.target, key)?
        {
            left = Some(key);
        }
        if let Some(key) = left {
            let found = problem(
                Category::Ownership,
                format!("it has left {groups}/{key}, which was sent with it"),
                format!(
                    "put it right in {}; or, once the group in the target is without it, `ledgerline reset {}` \
                     and leave it out there",
                    self.plan.source_title,
                    EntryId::new(other.name(), &id.source)
                ),
            );
            let cause = format!("has left {groups}");
            return Ok(Some(self.stop(id, entry, State::Warning, found, cause)));
        }
        let skipped = theirs.is_some_and(|it| it.state == State::Skipped);
        // What another poster took is looked for by the route that would send it.
        if skipped || !other.route.enabled || self.facts(source).imported {
            return Ok(None);
        }
        let shared = Shared::default();
        let cx = Apply {
            shared: &shared,
            ..self.apply(source, None, &NoLinks)
        };
        Ok(match (other.mapping.gate(&cx), other.mapping.number(&cx)) {
            (Ok(()), Ok(Some(key))) => Some(self.goes_with(entry, other, &key)),
            // It waits for something before it is in its group.
            (Err(Stop::Problem { .. }), _) | (Ok(()), Err(_)) => {
                Some(self.exclude(entry, &format!("goes with a group of {groups}")))
            }
            _ => None,
        })
    }
}
