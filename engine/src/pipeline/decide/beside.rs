//! Routes that share both of their streams: each document goes by one of them at most.

use ledgerline_plugin_api::manifest::{Category, HeldState};

use super::{Decider, Decision, NoLinks, Source, problem};
use crate::{
    mapping::{Apply, Shared},
    store::{Entry, EntryId, Held, State, StoreError},
};

impl Decider<'_> {
    /// Stops a document that a route beside this one wants, too, or has sent already. Both routes find this,
    /// so neither sends it.
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
            let sent = theirs.as_ref().is_some_and(|it| {
                let taken_back =
                    |it: &Held| matches!(it.state, Some(HeldState::Voided | HeldState::Deleted));
                it.held.as_ref().is_some_and(|it| !taken_back(it))
                    || it.write_open_since.is_some()
                    || matches!(it.state, State::Uncertain | State::Sending)
            });
            let skipped = theirs.is_some_and(|it| it.state == State::Skipped);
            let own = self.apply(source, None, &NoLinks);
            let gate = other.mapping.gate(&Apply {
                // Values of its own [let].
                shared: &Shared::default(),
                ..own
            });
            // One that is switched off sends nothing more; what it has sent is there.
            if !sent && (skipped || gate.is_err() || !other.route.enabled) {
                continue;
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
}
