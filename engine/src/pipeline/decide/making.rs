//! A document as it would be sent: mapping, total and number, and what the target forbids of it.

use ledgerline_plugin_api::manifest::{Category, Problem};
use rust_decimal::Decimal;

use super::{Decider, Decision, Ready, Source, Write, links::StoredLinks, lock, problem};
use crate::{
    mapping::{CheckStop, Stop, Value, reconcile},
    store::{Document, Entry, EntryId, State},
};

/// A document as the mapping and the rules of the target give it.
pub(super) struct Written {
    pub(super) body: Value,
    /// What the target will compute as its total.
    total: Option<Decimal>,
    notices: Vec<String>,
}

impl Decider<'_> {
    /// The document as it would be sent, with all that goes with it; or why not.
    pub(super) fn prepare(
        &self,
        id: &EntryId,
        entry: &Entry,
        document: &Document,
        source: &Source,
        write: Write,
    ) -> Result<Ready, Box<Decision>> {
        let ready = self.make(id, entry, document, source, write)?;
        match self.check(&ready.body) {
            Ok(()) => Ok(ready),
            Err(stop) => Err(Box::new(self.forbidden(id, entry, stop))),
        }
    }

    /// What the target forbids before it is asked.
    pub(super) fn check(&self, body: &Value) -> Result<(), CheckStop> {
        let cx = self.plan.rules_cx(self.reference);
        let mut memo = lock(self.memo);
        let checks = self.plan.target_rules.checks();
        checks.check_all(body, cx, &mut memo)
    }

    /// It waits for what the target forbids.
    pub(super) fn forbidden(&self, id: &EntryId, entry: &Entry, stop: CheckStop) -> Decision {
        self.stop(id, entry, State::Waiting, stop.problem, stop.waits_for)
    }

    fn not_made(&self, id: &EntryId, entry: &Entry, stop: Stop) -> Box<Decision> {
        Box::new(self.stopped(id, entry, stop))
    }

    /// Mapping and total: the document as it would be sent, before it is checked.
    pub(crate) fn make(
        &self,
        id: &EntryId,
        entry: &Entry,
        document: &Document,
        source: &Source,
        write: Write,
    ) -> Result<Ready, Box<Decision>> {
        self.make_as(id, entry, document, source, (write, 1))
    }

    /// As [`Decider::make`], under the number of one of the documents that stand for the entry in turn.
    pub(crate) fn make_as(
        &self,
        id: &EntryId,
        entry: &Entry,
        document: &Document,
        source: &Source,
        (write, version): (Write, u32),
    ) -> Result<Ready, Box<Decision>> {
        let links = StoredLinks { decider: self };
        let number = self.number(id, entry, source, &links);
        let number = number.map_err(|stop| self.not_made(id, entry, stop))?;
        let shown = self.numbered(number.as_deref(), version);
        let Written {
            body,
            total,
            notices,
        } = self.written(id, entry, source, shown.as_deref())?;
        let remote_id = match (&entry.held, self.plan.writes_back()) {
            (Some(held), _) => Some(held.id.clone()),
            (None, true) => Some(id.source.clone()),
            (None, false) => None,
        };
        let fingerprint = body.fingerprint();
        Ok(Ready {
            id: id.clone(),
            seen: entry.seen(),
            entry: Entry {
                number: number.clone(),
                ..entry.clone()
            },
            write,
            number,
            remote_id,
            mapped: body.clone(),
            body,
            fingerprint,
            total,
            notices,
            replacing: None,
            read_at: document.read_at,
            version: document.version.clone(),
            instead: Vec::new(),
            gap: None,
            reapply: None,
            payment: None,
        })
    }

    /// Mapping and total.
    pub(super) fn written(
        &self,
        id: &EntryId,
        entry: &Entry,
        source: &Source,
        number: Option<&str>,
    ) -> Result<Written, Box<Decision>> {
        let links = StoredLinks { decider: self };
        let stopped_here = |found: Problem, cause: &str| {
            Box::new(self.stop(id, entry, State::Warning, found, cause.into()))
        };
        let mapped = self
            .plan
            .mapping
            .map(&self.apply(source, number, &links))
            .map_err(|stop| self.not_made(id, entry, stop))?;
        let mut notices = mapped.notices;
        let mut body = mapped.document;
        let cx = self.plan.rules_cx(self.reference);
        let rules = &self.plan.target_rules;
        let total = match self.wanted_total(source) {
            Ok(None) => rules.total(&body, cx).ok().flatten(),
            Ok(Some(wanted)) => match reconcile(rules, body, wanted, &self.plan.rounding, cx) {
                Ok(reconciled) => {
                    body = reconciled.document;
                    notices.extend(reconciled.notice);
                    reconciled.total
                }
                Err(found) => return Err(stopped_here(found, "total differs")),
            },
            Err(found) => return Err(stopped_here(found, "total cannot be read")),
        };
        Ok(Written {
            body,
            total,
            notices,
        })
    }

    /// A source without a serial of its own: its document's id serves. Counterparties are known by
    /// what their mapping says, and a write-back by its document.
    pub(super) fn own_number(&self, id: &EntryId) -> Option<String> {
        let numbered = !self.plan.matches() && !self.plan.writes_back();
        numbered.then(|| id.source.clone())
    }

    /// The total that the books should show. A source whose stream names one must give it: without it
    /// nothing could be compared.
    fn wanted_total(&self, source: &Source) -> Result<Option<Decimal>, Problem> {
        if self.plan.part.is_some() {
            return Ok(source.value.child("total").and_then(Value::to_decimal));
        }
        let names_one = self
            .plan
            .source_stream
            .as_ref()
            .is_some_and(|it| it.total.is_some());
        if !names_one || self.plan.target_stream.total.is_none() {
            return Ok(None);
        }
        let facts = self.facts(source);
        match facts.total {
            Some(it) => Ok(Some(it)),
            None => Err(problem(
                Category::SourceData,
                format!("its total cannot be read: {}", facts.faults.join("; ")),
                format!(
                    "correct it in {}; it is read again with its next change",
                    self.plan.source_title
                ),
            )),
        }
    }
}
