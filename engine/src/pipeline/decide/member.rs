//! Which group a document belongs to.

use ledgerline_plugin_api::manifest::Category;

use super::{Decider, NoLinks, Source, beside::may_be_there, links::StoredLinks, problem};
use crate::{
    mapping::{Stop, Value},
    pipeline::{groups::Member, taken_back::TakenBack},
    store::{Actor, Document, Entry, EntryId, State, StoreError, StreamId},
};

/// What becomes of a document on a route that makes groups.
#[derive(Debug)]
pub(crate) enum Membership {
    /// Nothing changes.
    Leave,
    /// The entry stops, and what it is in knows that.
    Stops(Box<Entry>),
    /// It is in this group from now on, as this, and was in another one before.
    In {
        entry: Box<Entry>,
        member: Member,
        key: String,
        before: Option<String>,
    },
    /// It is in no group from now on.
    Out {
        entry: Box<Entry>,
        before: Option<String>,
    },
}

/// Longest name of a group, in characters: it stands in ids and on pages.
const LONGEST: usize = 200;

impl Decider<'_> {
    /// Decides about one document. The number of its entry is the group that it is in; the mapping's gates
    /// know it as `$number` once that group was sent.
    pub(crate) fn membership(
        &self,
        id: &EntryId,
        entry: &Entry,
        document: Option<&Document>,
    ) -> Result<Membership, StoreError> {
        let Some(document) = document else {
            let found = problem(
                Category::Defect,
                "the store holds no source document for this entry",
                "run `ledgerline store check`",
            );
            return Ok(self.not_grouped(id, entry, found, "no document"));
        };
        if document.deleted {
            return self.out(entry, "the source deleted it");
        }
        let source = match Value::parse(&document.body) {
            Ok(it) => Source::of(it),
            Err(why) => {
                let found = problem(
                    Category::SourceData,
                    format!("the source gave a document that is not JSON: {why}"),
                    "correct it in the source; it is read again with its next change",
                );
                return Ok(self.not_grouped(id, entry, found, "unreadable source document"));
            }
        };
        if let Some(waits) = self.waits_for_member(id, entry, &source)? {
            return Ok(self.as_membership(waits));
        }
        // Until something was sent with it, it may leave as freely as it came.
        let sent = match &entry.number {
            Some(it) => self.group_was_sent(&self.plan.target, it)?,
            None => false,
        };
        if !sent && let Some(stays_out) = self.stays_out(id, entry, &source)? {
            return Ok(stays_out);
        }
        // What the source shows of that stays, also when we took the document back, and when it went into
        // another group after that.
        let once = match &entry.number {
            Some(it) => {
                sent || self.group_was_sent_once(&self.plan.target, it)?
                    || self.has_outcome(&id.source)?
            }
            None => false,
        };
        let group = entry.number.as_deref().filter(|_| once);
        let gate = self
            .plan
            .mapping
            .gate(&self.apply(&source, group, &NoLinks));
        if let Err(stop) = gate {
            return self.stopped_member(id, entry, stop);
        }
        let links = StoredLinks { decider: self };
        let named = self.plan.mapping.number(&self.apply(&source, None, &links));
        let named = match named {
            Ok(Some(it)) if it.chars().count() <= LONGEST => it,
            Ok(Some(it)) => {
                let found = problem(
                    Category::Mapping,
                    format!("the name of its group is too long: {it}"),
                    format!("let [group] by give at most {LONGEST} characters"),
                );
                return Ok(self.not_grouped(id, entry, found, "group name too long"));
            }
            Ok(None) => return self.out(entry, "it belongs to no group"),
            Err(stop) => return self.stopped_member(id, entry, stop),
        };
        let before = entry.number.clone();
        let key = match &before {
            Some(it) if sent => it.clone(),
            _ => named.clone(),
        };
        if before.as_ref() != Some(&key)
            && let Some(reader) = self.skips(&key)?
        {
            let found = problem(
                Category::Ownership,
                format!("its group was skipped: {reader}"),
                format!("`ledgerline reset {reader}`, then `ledgerline retry {id}`"),
            );
            let stopped = self.not_grouped(id, entry, found, "its group was skipped");
            // Whatever it was in, it does not belong there any more.
            return Ok(match stopped {
                Membership::Stops(mut entry) => {
                    entry.number = None;
                    Membership::Out { entry, before }
                }
                other => other,
            });
        }
        let mapped = self
            .plan
            .mapping
            .map(&self.apply(&source, Some(&key), &links));
        let body = match mapped {
            Ok(it) => it.document,
            Err(stop) => return self.stopped_member(id, entry, stop),
        };
        if let Err(why) = adds_up(&body) {
            let help = "let the mapping give `total` as a number and `date` as YYYY-MM-DD";
            let found = problem(Category::Mapping, why, help);
            return Ok(self.not_grouped(id, entry, found, "not fit for a group"));
        }
        let groups = &self.plan.target.stream;
        let what = match key == named {
            true => format!("goes with {groups}/{key}"),
            false => {
                format!("goes with {groups}/{key}, which was sent with it; it says {named} by now")
            }
        };
        let mut next = entry.clone();
        next.clear_stop();
        next.mapping = self.plan.mapping.hash();
        next.number = Some(key.clone());
        next.record(self.now, State::Excluded, Actor::Engine, what, None);
        Ok(Membership::In {
            entry: Box::new(next),
            member: Member {
                id: id.clone(),
                body,
            },
            key,
            before,
        })
    }

    /// What keeps a document out that is in no group yet.
    fn stays_out(
        &self,
        id: &EntryId,
        entry: &Entry,
        source: &Source,
    ) -> Result<Option<Membership>, StoreError> {
        let facts = self.facts(source);
        // Groups of groups: what is in them lies behind the cut-over. What has no total moves no money.
        let counts = self.plan.mapping.field_names().contains(&"total");
        if counts
            && !self.plan.reads_groups()
            && let Some(next) = self.before_cut_over(entry, facts.date)?
        {
            return self.leaves(entry, next).map(Some);
        }
        if facts.imported {
            let title = &self.plan.source_title;
            let why = format!("{title} marks it as taken into the books already");
            return self.out(entry, &why).map(Some);
        }
        for name in &self.plan.beside {
            let theirs = self.store.entry(&EntryId::new(name, &id.source))?;
            let alone = self.plans.get(name).is_some_and(|it| !it.fills_groups());
            if alone && theirs.as_ref().is_some_and(may_be_there) {
                return self
                    .out(entry, &format!("{name} has sent it alone"))
                    .map(Some);
            }
        }
        Ok(None)
    }

    fn out(&self, entry: &Entry, reason: &str) -> Result<Membership, StoreError> {
        let mut next = entry.clone();
        next.clear_stop();
        next.mapping = self.plan.mapping.hash();
        next.record(self.now, State::Excluded, Actor::Engine, reason, None);
        self.leaves(entry, next)
    }

    /// The document leaves the group that it is in, if it is in one.
    fn leaves(&self, entry: &Entry, mut next: Entry) -> Result<Membership, StoreError> {
        let before = entry.number.clone();
        let once = match &before {
            Some(it) => self.group_was_sent_once(&self.plan.target, it)?,
            None => false,
        };
        // Whoever would send it alone is to know that a group was sent with it.
        next.number = before.clone().filter(|_| once);
        Ok(Membership::Out {
            entry: Box::new(next),
            before,
        })
    }

    fn stopped_member(
        &self,
        id: &EntryId,
        entry: &Entry,
        stop: Stop,
    ) -> Result<Membership, StoreError> {
        match stop {
            Stop::Excluded { reason } => self.out(entry, &reason),
            stop @ Stop::Problem { .. } => Ok(self.as_membership(self.stopped(id, entry, stop))),
        }
    }

    fn not_grouped(
        &self,
        id: &EntryId,
        entry: &Entry,
        found: ledgerline_plugin_api::manifest::Problem,
        cause: &str,
    ) -> Membership {
        self.as_membership(self.stop(id, entry, State::Warning, found, cause.into()))
    }

    fn as_membership(&self, stopped: super::Decision) -> Membership {
        match stopped {
            super::Decision::Settle(it) => Membership::Stops(it),
            _ => Membership::Leave,
        }
    }

    /// The entry of a group that a person left out.
    fn skips(&self, key: &str) -> Result<Option<EntryId>, StoreError> {
        let groups = &self.plan.target;
        for name in self
            .plans
            .iter()
            .filter(|it| it.1.source == *groups)
            .map(|it| it.0)
        {
            let id = EntryId::new(name, key);
            let entry = self.store.entry(&id)?;
            if entry.is_some_and(|it| it.state == State::Skipped) {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    /// Whether the target holds a document that was made of a group, or may hold it.
    pub(super) fn group_was_sent(&self, groups: &StreamId, key: &str) -> Result<bool, StoreError> {
        self.any_reader(groups, key, &|_, entry| {
            // A number that is taken may be taken by it.
            let taken = entry.state == State::Warning && !entry.candidates.is_empty();
            Ok(taken || may_be_there(entry))
        })
    }

    /// As [`Decider::group_was_sent`], also when it was taken back since.
    fn group_was_sent_once(&self, groups: &StreamId, key: &str) -> Result<bool, StoreError> {
        let once = self.any_reader(groups, key, &|id, entry| {
            Ok(entry.held.is_some() || TakenBack::read(self.store, id)?.is_some())
        })?;
        Ok(once || self.group_was_sent(groups, key)?)
    }

    /// Whether routes that follow this one were told what became of a document, and may have shown it in the source.
    fn has_outcome(&self, source: &str) -> Result<bool, StoreError> {
        let outcomes = StreamId {
            connection: "outcomes".to_owned(),
            stream: self.plan.name().to_owned(),
        };
        let outcome = self.store.document(&outcomes, source)?;
        Ok(outcome.is_some_and(|it| !it.deleted))
    }

    /// Whether `is` holds for an entry of a route that sends what was made of a group.
    fn any_reader(
        &self,
        groups: &StreamId,
        key: &str,
        is: &dyn Fn(&EntryId, &Entry) -> Result<bool, StoreError>,
    ) -> Result<bool, StoreError> {
        for (name, plan) in self.plans.iter().filter(|it| it.1.source == *groups) {
            let id = EntryId::new(name, key);
            let Some(entry) = self.store.entry(&id)? else {
                continue;
            };
            let found = match (plan.fills_groups(), &entry.number) {
                (true, Some(key)) => self.any_reader(&plan.target, key, is)?,
                (true, None) => false,
                (false, _) => is(&id, &entry)?,
            };
            if found {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Groups are added up and dated by what their members say.
fn adds_up(body: &Value) -> Result<(), String> {
    let given = |field: &str| body.child(field).filter(|it| !it.is_null());
    if let Some(it) = given("total").filter(|it| it.as_decimal().is_none()) {
        return Err(format!(
            "its total in the group is {}, no number",
            it.to_json()
        ));
    }
    let dated = |it: &&Value| it.to_text().parse::<jiff::civil::Date>().is_err();
    if let Some(it) = given("date").filter(dated) {
        return Err(format!("its date in the group is {}, no day", it.to_json()));
    }
    Ok(())
}
