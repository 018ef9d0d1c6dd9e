//! The source took a document back that the target holds: it became void, was deleted, or is no longer
//! one that goes into the books.

use ledgerline_plugin_api::manifest::{Category, HeldState, Op, Problem};

use crate::{
    config::{Replace, Voids},
    mapping::Value,
    pipeline::{
        decide::{Decider, Decision, Ready, Write, problem},
        plan::RoutePlan,
    },
    store::{Document, Entry, EntryId, Held, State, StoreError},
};

/// Key of the cause "the source took it back, and a person decides".
pub(crate) const WITHDRAWN: &str = "withdrawn in the source";

/// Name of the note that says that a person wants the target's document of an entry taken back. Its value is
/// the version of the source document for which they said so.
pub(crate) fn void_note(id: &EntryId) -> String {
    format!("void/{id}")
}

/// The question to a person; `reason` is why the source took the document back.
pub(crate) fn withdrawn_problem(plan: &RoutePlan, id: &EntryId, reason: &str) -> Problem {
    let target = &plan.target_title;
    problem(
        Category::DocumentState,
        format!("the source no longer wants this document in the books: {reason}"),
        format!(
            "`ledgerline void {id}` takes it back in {target}, `ledgerline skip {id}` leaves it there; or \
             put it right in the source"
        ),
    )
}

impl Decider<'_> {
    pub(super) fn deleted_in_source(
        &self,
        id: &EntryId,
        entry: &Entry,
        document: &Document,
    ) -> Result<Decision, StoreError> {
        match &entry.held {
            // What was found is not ours to take back.
            Some(_) if self.plan.mapping.only_finds() => {
                Ok(self.exclude(entry, "the source deleted it"))
            }
            Some(held) => self.withdrawn(id, entry, document, held, "it was deleted in the source"),
            None => Ok(self.exclude(entry, "the source deleted it before it was sent")),
        }
    }

    pub(super) fn withdrawn(
        &self,
        id: &EntryId,
        entry: &Entry,
        document: &Document,
        held: &Held,
        reason: &str,
    ) -> Result<Decision, StoreError> {
        let target = &self.plan.target_title;
        if matches!(held.state, Some(HeldState::Voided | HeldState::Deleted)) {
            let what = format!("{reason}; taken back in {target} too");
            return Ok(self.exclude(entry, &what));
        }
        if let Some(decision) = self.was_taken_back(id, entry, document, held)? {
            return Ok(decision);
        }
        let asked = self.store.note(&void_note(id))? == Some(document.version.clone());
        let posted = !matches!(
            held.state,
            Some(HeldState::Draft | HeldState::AwaitingApproval)
        );
        let by_rule = match self.plan.route.voids {
            Voids::Ask => false,
            Voids::Drafts => !posted && !held.adopted,
            Voids::Always => !held.adopted,
        };
        if !(asked || by_rule) || !self.plan.target_can(Op::Push) {
            let found = withdrawn_problem(self.plan, id, reason);
            return Ok(self.stop(id, entry, State::Warning, found, WITHDRAWN.into()));
        }
        // Drafts lie in no period of the books.
        if posted && let Err(stop) = self.held_period_is_open(held) {
            return Ok(self.forbidden(id, entry, stop));
        }
        self.taking_back(id, entry, document, held, reason)
    }

    /// The target's document goes away; `reason` is for the entry's history.
    pub(super) fn taking_back(
        &self,
        id: &EntryId,
        entry: &Entry,
        document: &Document,
        held: &Held,
        reason: &str,
    ) -> Result<Decision, StoreError> {
        Ok(Decision::Send(Box::new(Ready {
            id: id.clone(),
            seen: entry.seen(),
            entry: entry.clone(),
            write: Write::Void,
            number: entry.number.clone(),
            remote_id: Some(held.id.clone()),
            body: Value::parse(held.sent.as_bytes()).unwrap_or_default(),
            mapped: Value::default(),
            fingerprint: held.fingerprint,
            total: None,
            notices: vec![reason.to_owned()],
            replacing: match self.plan.route.replace {
                Replace::Reverse => Some(Box::new(self.reversing(id, entry, held)?)),
                Replace::Update => None,
            },
            read_at: document.read_at,
            version: document.version.clone(),
            instead: Vec::new(),
            gap: None,
            reapply: None,
            payment: None,
        })))
    }
}
