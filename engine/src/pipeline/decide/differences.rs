//! Documents about whose difference a person said something, and the parts that were made of it.

use ledgerline_plugin_api::manifest::Category;

use crate::{
    mapping::Value,
    pipeline::{
        decide::{Decider, Decision, Ready, Source, Write, problem},
        difference::{Decided, DecidedPart, Gap, document_with, whole_of},
    },
    store::{Cause, Entry, EntryId, Held, State, StoreError},
};

impl Decider<'_> {
    /// Measures a changed document against what the target holds of it, and settles what a person's
    /// word covers.
    pub(super) fn by_word(
        &self,
        entry: &Entry,
        ready: &mut Ready,
        held: &Held,
    ) -> Result<Option<Decision>, StoreError> {
        let decided = Decided::read(self.store, &ready.id, held)?;
        let standing = decided.standing(self.store, Some(ready.fingerprint))?;
        if let Some((part, at)) = &standing.under_way {
            return Ok(Some(self.waits_for_part(entry, ready, part, at)));
        }
        let last = standing.there.last();
        if let Some((part, at)) = last
            && part.fingerprint == ready.fingerprint
        {
            let number = at.number.as_deref().unwrap_or(&part.entry.source);
            let what = format!("with {number} the target holds it so");
            return Ok(Some(self.keep_synced(entry, &what)));
        }
        if decided.kept == Some(ready.fingerprint) {
            let what = "kept as it is in the target, as a person said";
            return Ok(Some(self.keep_synced(entry, what)));
        }
        if last.is_none() && ready.fingerprint == held.fingerprint {
            return Ok(None);
        }
        ready.gap = Some(self.gap(ready, held, &decided, last.map(|(part, _)| part))?);
        Ok(None)
    }

    /// How far a document is from what the target holds.
    pub(crate) fn gap(
        &self,
        ready: &Ready,
        held: &Held,
        decided: &Decided,
        last: Option<&DecidedPart>,
    ) -> Result<Gap, StoreError> {
        let base = match last {
            Some(part) => document_with(self.store, &ready.id.route, part)?,
            None => Value::parse(held.sent.as_bytes()).unwrap_or_default(),
        };
        let cx = self.plan.rules_cx(self.reference);
        // An adopted document that nothing was sent for has none.
        let total = match base.is_null() {
            true => None,
            false => self.plan.target_rules.total(&base, cx).ok().flatten(),
        };
        Ok(Gap {
            base,
            total,
            now: ready.mapped.clone(),
            now_total: ready.total,
            read: false,
            settled: last.is_some(),
            said: last.is_some() || decided.kept.is_some(),
        })
    }

    /// The document waits until the target has its part.
    fn waits_for_part(
        &self,
        entry: &Entry,
        ready: &Ready,
        part: &DecidedPart,
        at: &Entry,
    ) -> Decision {
        let remedy = match &at.problem {
            Some(it) => format!("{}: {}", it.cause, it.remedy),
            None => "nothing: it goes on by itself".to_owned(),
        };
        let found = problem(
            Category::DocumentState,
            format!(
                "its difference of {} {} goes to {} as {}, which is {}",
                part.total,
                part.currency,
                self.plan.target_title,
                part.entry,
                at.state.name()
            ),
            remedy,
        );
        let key = Cause::entry(&part.entry).key;
        self.stop(&ready.id, entry, State::Waiting, found, key)
    }

    /// Whether a part is still wanted: the document is as it was when a person said so.
    pub(super) fn still_said(&self, id: &EntryId) -> Result<bool, StoreError> {
        let (Some(follows), Some(_)) = (&self.plan.follows, self.plan.part) else {
            return Ok(true);
        };
        let whole = EntryId::new(&follows.route, whole_of(&id.source));
        let Some(now) = self.wanted_now(&whole)? else {
            return Ok(false);
        };
        let decided = Decided::read(self.store, &whole, &now.held)?;
        let part = decided.parts.iter().find(|it| it.entry == *id);
        Ok(part.is_some_and(|it| it.fingerprint == now.ready.fingerprint))
    }

    /// A linked document of another route as it would be sent now; none where its source or a person wants
    /// nothing of it, or where it cannot be prepared.
    pub(super) fn wanted_now(&self, whole: &EntryId) -> Result<Option<WantedNow>, StoreError> {
        let (Some(plan), Some(entry)) = (self.plans.get(&whole.route), self.store.entry(whole)?)
        else {
            return Ok(None);
        };
        let (Some(held), Some(document)) = (
            entry.held.clone(),
            self.store.document(&plan.source, &whole.source)?,
        ) else {
            return Ok(None);
        };
        let left_out = matches!(entry.state, State::Skipped | State::Excluded);
        if document.deleted || left_out {
            return Ok(None);
        }
        let Ok(value) = Value::parse(&document.body) else {
            return Ok(None);
        };
        let decider = Decider {
            plan,
            matches: None,
            settings: &plan.source_settings,
            target_settings: &plan.target_settings,
            ..*self
        };
        let source = Source::of(value);
        if decider.gate(&source, &entry).is_err() {
            return Ok(None);
        }
        let made = decider.make(whole, &entry, &document, &source, Write::Update);
        let Ok(ready) = made else { return Ok(None) };
        let is_open = decider.held_period_is_open(&held).is_ok()
            && decider.period_is_open(&ready.body).is_ok();
        Ok(Some(WantedNow {
            ready,
            held,
            is_open,
        }))
    }
}

/// What is wanted of a linked document of another route.
pub(super) struct WantedNow {
    pub(super) ready: Ready,
    pub(super) held: Held,
    /// No closed period is in the way of it.
    pub(super) is_open: bool,
}
