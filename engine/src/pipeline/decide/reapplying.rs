//! Payments that are taken off a document so that it can be edited, and the document that waits for that.

use ledgerline_plugin_api::manifest::Category;

use super::{Decider, Decision, Ready, Source, Write, lock, problem};
use crate::{
    mapping::{Stop, Value},
    pipeline::reapply::{Reapply, TakenOff, is_gone},
    store::{Cause, Document, Entry, EntryId, Held, State, StoreError},
};

impl Decider<'_> {
    /// What becomes of a payment that a person wants off for an edit; none for every other document.
    pub(super) fn payment_in_hand(
        &self,
        id: &EntryId,
        entry: &Entry,
        document: &Document,
    ) -> Result<Option<Decision>, StoreError> {
        if self.plan.target_stream.settles.is_none() {
            return Ok(None);
        }
        let Some(held) = &entry.held else {
            return Ok(None);
        };
        let known = TakenOff::read(self.store, id)?;
        let Some(payment) = known.filter(|it| it.of == held.id) else {
            return Ok(None);
        };
        if payment.off {
            return self.comes_back(id, entry, document, payment).map(Some);
        }
        // One whose call left is asked about, whatever is wanted by now.
        if entry.state != State::Uncertain {
            if !self.is_to_come_off(id, &payment)? {
                return Ok(None);
            }
            if let Err(stop) = self.held_period_is_open(held) {
                return Ok(Some(self.forbidden(id, entry, stop)));
            }
        }
        let mut ready = self.as_payment(id, entry, document, payment, &held.sent);
        ready.write = Write::Void;
        ready.remote_id = Some(held.id.clone());
        Ok(Some(Decision::Send(Box::new(ready))))
    }

    /// Whether the edit is wanted still for which a payment comes off.
    fn is_to_come_off(&self, id: &EntryId, payment: &TakenOff) -> Result<bool, StoreError> {
        let Some(said) = Reapply::read(self.store, &payment.document)? else {
            return Ok(false);
        };
        let now = self.wanted_now(&payment.document)?;
        Ok(now.is_some_and(|it| {
            it.is_open
                && it.held.id == said.target
                && said.is_of(&it.ready)
                && said.payments.contains(id)
        }))
    }

    /// A payment that is off: it comes back once its document is settled.
    fn comes_back(
        &self,
        id: &EntryId,
        entry: &Entry,
        document: &Document,
        payment: TakenOff,
    ) -> Result<Decision, StoreError> {
        let sent = payment
            .again
            .clone()
            .filter(|_| entry.state == State::Uncertain);
        let may_be_there = sent.is_some();
        let body = sent.unwrap_or_else(|| payment.body.clone());
        let of = payment.document.clone();
        let mut ready = self.as_payment(id, entry, document, payment, &body);
        if may_be_there {
            let rules = self.plan.target_stream.settles.as_ref();
            let told = rules.and_then(|it| ready.payment.as_ref()?.shortfall(it, &ready.body));
            ready.notices = Vec::from_iter(told);
            return Ok(Decision::Send(Box::new(ready)));
        }
        let target = &self.plan.target_title;
        match self.still_wanted(id, entry, document)? {
            Ok(()) => {}
            Err(Stop::Excluded { reason }) => {
                let found = problem(
                    Category::DocumentState,
                    format!("its source took it back while it was off {of}: {reason}"),
                    format!(
                        "`ledgerline skip {id}` if that is right: it stays off in {target}; or put it right \
                         in the source"
                    ),
                );
                // Not the cause of what is there still: nothing is to be voided.
                let key = "taken back in the source while it was off".to_owned();
                return Ok(self.stop(id, entry, State::Warning, found, key));
            }
            Err(stop) => return Ok(self.stopped(id, entry, stop)),
        }
        let whole = self.store.entry(&of)?;
        let held = whole.as_ref().and_then(|it| it.held.as_ref());
        let (Some(whole), Some(held)) = (&whole, held.filter(|it| !is_gone(it.state))) else {
            let found = problem(
                Category::DocumentState,
                format!(
                    "it was taken off {of} for an edit, and {target} does not hold that any more"
                ),
                format!(
                    "enter the money in {target} where it belongs, then `ledgerline skip {id}`; or \
                     `ledgerline adopt {of} --to ID` what it pays and `ledgerline retry {id}`"
                ),
            );
            let key = format!("paid document gone {of}");
            return Ok(self.stop(id, entry, State::Warning, found, key));
        };
        if !matches!(whole.state, State::Synced | State::Skipped) {
            let (why, remedy) = match &whole.problem {
                Some(it) => (it.cause.clone(), it.remedy.clone()),
                None => (
                    format!("it is {}", whole.state.name()),
                    format!("`ledgerline sync {}`", of.route),
                ),
            };
            let found = problem(
                Category::DocumentState,
                format!("it is off {of} until that is settled: {why}"),
                remedy,
            );
            let key = Cause::entry(&of).key;
            return Ok(self.stop(id, entry, State::Waiting, found, key));
        }
        let path = self
            .plan
            .target_stream
            .settles
            .as_ref()
            .map(|it| &it.document);
        let paid = path
            .and_then(|it| ready.body.get(it))
            .and_then(Value::as_str);
        if paid.is_some_and(|it| it != held.id) {
            let found = problem(
                Category::DocumentState,
                format!("it was taken off a document that {of} does not stand for any more"),
                format!(
                    "enter the money in {target} where it belongs, then `ledgerline skip {id}`"
                ),
            );
            let key = format!("paid document changed {of}");
            return Ok(self.stop(id, entry, State::Warning, found, key));
        }
        if let Err(stop) = self.check(&ready.body) {
            return Ok(self.forbidden(id, entry, stop));
        }
        Ok(Decision::Send(Box::new(ready)))
    }

    /// Whether the source wants the payment still; one that its rules only stop for now is not taken back.
    fn still_wanted(
        &self,
        id: &EntryId,
        entry: &Entry,
        document: &Document,
    ) -> Result<Result<(), Stop>, StoreError> {
        if document.deleted {
            let reason = "it was deleted in the source".to_owned();
            return Ok(Err(Stop::Excluded { reason }));
        }
        let Ok(value) = Value::parse(&document.body) else {
            return Ok(Ok(()));
        };
        let source = Source {
            followed: self.followed(id)?,
            ..Source::of(value)
        };
        Ok(self.gate(&source, entry))
    }

    /// A payment on its way back.
    fn as_payment(
        &self,
        id: &EntryId,
        entry: &Entry,
        document: &Document,
        payment: TakenOff,
        body: &str,
    ) -> Ready {
        let held = entry.held.clone().unwrap_or_default();
        let body = Value::parse(body.as_bytes()).unwrap_or_default();
        let cx = self.plan.rules_cx(self.reference);
        Ready {
            id: id.clone(),
            seen: entry.seen(),
            entry: entry.clone(),
            write: Write::Create,
            number: entry.number.clone(),
            remote_id: None,
            total: self.plan.target_rules.total(&body, cx).ok().flatten(),
            body,
            // As its source has it: less than that may be open.
            mapped: Value::parse(held.sent.as_bytes()).unwrap_or_default(),
            fingerprint: held.fingerprint,
            notices: vec![format!("so that {} can be changed", payment.document)],
            replacing: None,
            read_at: document.read_at,
            version: document.version.clone(),
            instead: Vec::new(),
            gap: None,
            reapply: None,
            payment: Some(Box::new(payment)),
        }
    }

    /// A document that a person wants edited although it was settled: it waits for its payments to come off,
    /// and goes by their word after that.
    pub(super) fn bare_of_payments(
        &self,
        entry: &Entry,
        ready: &mut Ready,
        held: &Held,
    ) -> Result<Option<Decision>, StoreError> {
        let Some(said) = Reapply::read(self.store, &ready.id)? else {
            return Ok(None);
        };
        if said.target != held.id || !said.is_of(ready) {
            return Ok(None);
        }
        // One whose call left is asked about.
        if entry.state != State::Uncertain {
            for id in &said.payments {
                if let Some(at) = self.still_on(id)? {
                    return Ok(Some(self.waits_for_payment(entry, ready, id, &at)));
                }
            }
        }
        ready.reapply = Some(said);
        Ok(None)
    }

    /// The source took back the change that a person wanted: their word was about that change alone.
    pub(super) fn ends_word(&self, id: &EntryId, entry: &Entry) -> Result<(), StoreError> {
        // One whose call left is asked about first.
        if self.plan.target_stream.settled.is_some()
            && entry.state != State::Uncertain
            && Reapply::read(self.store, id)?.is_some()
        {
            lock(self.raised).words_over.insert(id.clone());
        }
        Ok(())
    }

    /// The entry of a payment that is to come off and did not yet.
    fn still_on(&self, id: &EntryId) -> Result<Option<Entry>, StoreError> {
        let (Some(entry), Some(payment)) = (self.store.entry(id)?, TakenOff::read(self.store, id)?)
        else {
            return Ok(None);
        };
        let held = entry.held.as_ref().filter(|it| it.id == payment.of);
        // One that a person skipped never comes off: the target says what is in the way.
        let is_on = !payment.off
            && entry.state != State::Skipped
            && held.is_some_and(|it| !is_gone(it.state));
        Ok(is_on.then_some(entry))
    }

    fn waits_for_payment(
        &self,
        entry: &Entry,
        ready: &Ready,
        payment: &EntryId,
        at: &Entry,
    ) -> Decision {
        let id = &ready.id;
        let keep = format!(
            "or `ledgerline resolve {id} --keep` leaves it as it is and puts back what is off"
        );
        let (why, remedy) = match &at.problem {
            Some(it) => (format!(": {}", it.cause), it.remedy.clone()),
            None => (
                String::new(),
                format!("`ledgerline sync {}`", payment.route),
            ),
        };
        let found = problem(
            Category::DocumentState,
            format!(
                "it is edited in {} once its payment {payment} is off, which is {}{why}",
                self.plan.target_title,
                at.state.name()
            ),
            format!("{remedy}; {keep}"),
        );
        let key = Cause::entry(payment).key;
        self.stop(id, entry, State::Waiting, found, key)
    }
}
