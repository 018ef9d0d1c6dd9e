//! Prepare: what is to be done about one entry. No call is made here, and everything that can stop
//! a document without asking the target stops it here.
//!
//! The order matters. A linked entry skips the gate (`when`, `require`): it is compared by what it
//! would send, so that our own write-back to the source cannot stop it. An entry that is not linked
//! passes, in this order: cut-over, ownership, gate, number, mapping, matching, total, checks.

mod beside;
mod copied;
pub(crate) mod cut_over;
mod differences;
mod grouped;
mod links;
mod making;
mod matched;
mod member;
mod pushed;
mod reapplying;
mod replacing;
mod stand_ins;
mod takers;
mod withdrawn;

use std::{
    cell::OnceCell,
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use ledgerline_plugin_api::manifest::{Category, HeldState, Problem};
use rust_decimal::Decimal;

pub(crate) use copied::ReadHeld;
use links::{NoLinks, StoredLinks};
pub(crate) use member::Membership;
pub(crate) use replacing::{Remembered, Replacing};
pub(crate) use takers::Takers;
pub(crate) use withdrawn::{WITHDRAWN, void_note, withdrawn_problem};

use crate::{
    config::Replace,
    mapping::{
        Apply, CheckMemo, CheckStop, Followed, Links, MatchIndex, Reference, Shared, Stop,
        StreamFacts, Value,
    },
    pipeline::{
        difference::{Gap, whole_of},
        plan::RoutePlan,
        reapply::{Reapply, TakenOff},
        settle::held_name,
    },
    store::{Actor, Cause, Document, Entry, EntryId, Facts, Held, Seen, State, Store, StoreError},
};

/// What is to be done about one entry.
#[derive(Debug)]
pub(crate) enum Decision {
    /// Nothing changes and nothing is to be sent.
    Leave,
    /// The entry changes without a call.
    Settle(Box<Entry>),
    /// As `Settle`, to synced: the routes that follow are told.
    Settled(Box<Entry>),
    /// It goes to the target.
    Send(Box<Ready>),
    /// Another poster says that it is in the target: look there, never send.
    LookFor(Box<Ready>),
}

/// How a prepared document is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Write {
    /// A new target document.
    Create,
    /// The linked one changes. Compared with what the target holds before it goes, where the
    /// stream's manifest says how.
    Update,
    /// The linked one is taken back.
    Void,
}

/// A prepared document.
#[derive(Debug, Clone)]
pub(crate) struct Ready {
    pub(crate) id: EntryId,
    pub(crate) entry: Entry,
    pub(crate) seen: Seen,
    pub(crate) write: Write,
    pub(crate) number: Option<String>,
    pub(crate) remote_id: Option<String>,
    /// What is sent.
    pub(crate) body: Value,
    /// What the mapping gave: an update sends it with the target's own edits kept, but the next
    /// comparison is with this.
    pub(crate) mapped: Value,
    pub(crate) fingerprint: [u8; 16],
    /// What the target will compute as its total.
    pub(crate) total: Option<Decimal>,
    pub(crate) notices: Vec<String>,
    /// On a route that reverses what it posted.
    pub(crate) replacing: Option<Box<Replacing>>,
    /// When the source document was read.
    pub(crate) read_at: i64,
    /// Hash of the source document's bytes, to notice a change before a create.
    pub(crate) version: String,
    /// The same under other numbers, which another poster may have given it; only to look for.
    pub(crate) instead: Vec<Ready>,
    /// Of an update, how far it is from what the target holds.
    pub(crate) gap: Option<Gap>,
    /// Of an update that a person wants although the document was settled: what was taken off for it.
    pub(crate) reapply: Option<Reapply>,
    /// Of a payment that is taken off so that what it settles can be changed, or that is made anew after that.
    pub(crate) payment: Option<Box<TakenOff>>,
}

impl Ready {
    /// What the target is to hold, for people.
    pub(crate) fn shown(&self) -> &Value {
        let next = self.replacing.as_deref().and_then(|it| it.next.as_ref());
        next.unwrap_or(&self.body)
    }

    /// What goes along to reverse the linked document, or alone; none where the document itself is written.
    pub(crate) fn reversal(&self) -> Option<(&Replacing, &Value)> {
        let replacing = self.replacing.as_deref()?;
        Some((replacing, replacing.reversal.as_ref()?))
    }
}

/// Everything that a decision looks at beside the entry itself.
pub(crate) struct Decider<'a> {
    pub(crate) plan: &'a RoutePlan,
    pub(crate) plans: &'a BTreeMap<String, Arc<RoutePlan>>,
    pub(crate) store: &'a dyn Store,
    pub(crate) reference: &'a Reference,
    pub(crate) matches: Option<&'a MatchIndex>,
    pub(crate) memo: &'a Mutex<CheckMemo>,
    pub(crate) settings: &'a Value,
    pub(crate) target_settings: &'a Value,
    pub(crate) today: &'a str,
    pub(crate) now: i64,
    /// The source connection is confirmed to be ours although another poster was seen until then.
    pub(crate) taken_over_at: Option<i64>,
    /// What the decisions asked for along the way.
    pub(crate) raised: &'a Mutex<Raised>,
}

/// A source document that is decided about, with what is worked out of it once.
pub(crate) struct Source {
    value: Value,
    facts: OnceCell<StreamFacts>,
    shared: Shared,
    followed: Followed,
}

impl Source {
    /// Of a document that follows nothing.
    pub(crate) fn of(value: Value) -> Self {
        Self {
            value,
            facts: OnceCell::new(),
            shared: Shared::default(),
            followed: Followed::default(),
        }
    }
}

/// What decisions ask for beside themselves.
#[derive(Debug, Default)]
pub(crate) struct Raised {
    /// Entries of other routes that a document needs.
    pub(crate) needed: BTreeSet<EntryId>,
    /// Links whose target document is out of use, with what it is about.
    pub(crate) broken: BTreeMap<EntryId, String>,
    /// Links that moved to another target document.
    pub(crate) moved: BTreeMap<EntryId, String>,
    /// A document that another poster took after the start date.
    pub(crate) foreign_poster: Option<EntryId>,
    /// Documents whose edit was wanted, and whose source has taken the change back.
    pub(crate) words_over: BTreeSet<EntryId>,
    /// The route's links, once one was about to be made.
    pub(crate) takers: Option<Takers>,
}

impl Decider<'_> {
    /// Decides about one entry.
    pub(crate) fn decide(
        &self,
        id: &EntryId,
        entry: &Entry,
        document: Option<&Document>,
    ) -> Result<Decision, StoreError> {
        let Some(document) = document else {
            return Ok(self.stop(
                id,
                entry,
                State::Warning,
                problem(
                    Category::Defect,
                    "the store holds no source document for this entry",
                    "run `ledgerline store check`",
                ),
                "no document".into(),
            ));
        };
        if let Some(decision) = self.payment_in_hand(id, entry, document)? {
            return Ok(decision);
        }
        if document.deleted {
            return self.deleted_in_source(id, entry, document);
        }
        let source = match Value::parse(&document.body) {
            Ok(value) => Source {
                followed: self.followed(id)?,
                ..Source::of(value)
            },
            Err(why) => {
                return Ok(self.stop(
                    id,
                    entry,
                    State::Warning,
                    problem(
                        Category::SourceData,
                        format!("the source gave a document that is not JSON: {why}"),
                        "correct it in the source; it is read again with its next change",
                    ),
                    "unreadable source document".into(),
                ));
            }
        };
        let mut decision = match &entry.held {
            Some(held) => self.linked(id, entry, document, &source, held)?,
            None => self.unlinked(id, entry, document, &source)?,
        };
        // What it may have been sent under is all that the target can be asked for.
        if entry.state == State::Uncertain
            && let Decision::Settle(next) = &mut decision
        {
            let links = StoredLinks { decider: self };
            next.number = self.number(id, entry, &source, &links).ok().flatten();
        }
        Ok(decision)
    }

    /// What the route that this one follows knows of the document, where the mapping asks for it.
    fn followed(&self, id: &EntryId) -> Result<Followed, StoreError> {
        let Some(follows) = &self.plan.follows else {
            return Ok(Followed::default());
        };
        if !self.plan.mapping.reads_followed() {
            return Ok(Followed::default());
        }
        let of = match self.plan.part {
            Some(_) => whole_of(&id.source),
            None => &id.source,
        };
        let document = self.store.document(&follows.source, of)?;
        let source = document.and_then(|it| Value::parse(&it.body).ok());
        let followed = EntryId::new(&follows.route, of);
        let entry = self.store.entry(&followed)?;
        let read = match self.plan.mapping.copies_held() {
            true => ReadHeld::read(self.store, &followed)?,
            false => None,
        };
        let held = entry.and_then(|it| it.held).map(|held| {
            let read = read.filter(|it| it.id == held.id);
            let text = read.as_ref().map_or(&held.answered, |it| &it.body);
            let there = Value::parse(text.as_bytes()).unwrap_or_default();
            let then = read.filter(|it| it.at >= held.seen_at);
            let plan = self.plans.get(&follows.route).filter(|_| then.is_some());
            let state = match plan {
                Some(plan) => plan.held_state(&there),
                None => held.state,
            };
            let state = state.map(|it| Value::from(held_name(it)));
            Value::object([
                ("id", Value::from(held.id)),
                ("state", state.unwrap_or_default()),
                ("document", there),
            ])
        });
        Ok(Followed {
            source: source.unwrap_or_default(),
            held: held.unwrap_or_default(),
        })
    }

    /// Assigned once and kept for life.
    fn number(
        &self,
        id: &EntryId,
        entry: &Entry,
        source: &Source,
        links: &dyn Links,
    ) -> Result<Option<String>, Stop> {
        if let Some(it) = &entry.number {
            return Ok(Some(it.clone()));
        }
        let assigned = self.plan.mapping.number(&self.apply(source, None, links))?;
        Ok(assigned.or_else(|| self.own_number(id)))
    }

    fn facts<'s>(&self, source: &'s Source) -> &'s StreamFacts {
        source.facts.get_or_init(|| match &self.plan.source_rules {
            Some(rules) => rules.facts(&source.value, self.settings),
            None => StreamFacts::default(),
        })
    }

    fn linked(
        &self,
        id: &EntryId,
        entry: &Entry,
        document: &Document,
        source: &Source,
        held: &Held,
    ) -> Result<Decision, StoreError> {
        let gone_there = matches!(held.state, Some(HeldState::Voided | HeldState::Deleted));
        if self.plan.mapping.only_finds()
            && let Some(decision) = self.found_anew(id, entry, document, source, held)?
        {
            return Ok(decision);
        }
        // A matched counterparty is not ours to take back, whatever the gate says of it now.
        let found_there = self.plan.matches() && (held.adopted || held.sent.is_empty());
        if found_there && !gone_there {
            return Ok(self.counterparty(id, entry, document, source, held));
        }
        if let Err(Stop::Excluded { reason }) = self.gate(source, entry) {
            // An outcome that the route has nothing to say about changes nothing.
            if !gone_there && self.plan.follows.is_some() {
                if let Some(decision) = self.copied_is_gone(id, entry, source) {
                    return Ok(decision);
                }
                return Ok(self.keep_synced(entry, &reason));
            }
            if let Some(decision) = self.other_half_is_off(id, entry, source, &reason) {
                return Ok(decision);
            }
            return self.withdrawn(id, entry, document, held, &reason);
        }
        if gone_there {
            if let Some(decision) = self.made_anew(id, entry, document, source, held)? {
                return Ok(decision);
            }
            let (problem, cause) = gone(self.plan, id);
            return Ok(self.stop(id, entry, State::Warning, problem, cause));
        }
        if let Some(decision) = self.was_taken_back(id, entry, document, held)? {
            return Ok(decision);
        }
        if self.plan.matches() {
            return Ok(self.counterparty(id, entry, document, source, held));
        }
        let version = self.version(id, held)?;
        let made = self.make_as(id, entry, document, source, (Write::Update, version));
        let mut ready = match made {
            Ok(it) => it,
            Err(decision) => return Ok(*decision),
        };
        if let Some(decision) = self.by_word(entry, &mut ready, held)? {
            return Ok(decision);
        }
        // The document itself stays as it is; its parts are checked when they go.
        if ready.gap.as_ref().is_some_and(|it| it.settled) {
            return Ok(Decision::Send(Box::new(ready)));
        }
        // A new date in an open period does not open the one that the document lies in.
        let unchanged = ready.fingerprint == held.fingerprint;
        let checked = match self.check(&ready.body) {
            Ok(()) if !unchanged => self.held_period_is_open(held),
            other => other,
        };
        if let Err(stop) = checked {
            let found = match stop.problem.category {
                Category::LockedPeriod => ready.with_choices(self.plan, stop.problem),
                _ => stop.problem,
            };
            return Ok(self.stop(id, entry, State::Waiting, found, stop.waits_for));
        }
        if unchanged {
            self.ends_word(id, entry)?;
            return Ok(self.unchanged(entry, source));
        }
        if self.plan.route.replace == Replace::Reverse {
            return Ok(self.replacing(id, entry, source, ready, held, version));
        }
        if let Some(decision) = self.bare_of_payments(entry, &mut ready, held)? {
            return Ok(decision);
        }
        Ok(Decision::Send(Box::new(ready)))
    }

    /// Whether the document, as the target holds it, may be touched at all.
    pub(crate) fn held_period_is_open(&self, held: &Held) -> Result<(), CheckStop> {
        let text = if held.answered.is_empty() {
            &held.sent
        } else {
            &held.answered
        };
        match Value::parse(text.as_bytes()) {
            Ok(there) => self.period_is_open(&there),
            Err(_) => Ok(()),
        }
    }

    /// Whether a document lies in an open period.
    pub(crate) fn period_is_open(&self, document: &Value) -> Result<(), CheckStop> {
        let cx = self.plan.rules_cx(self.reference);
        let mut memo = lock(self.memo);
        self.plan
            .target_rules
            .checks()
            .check_about(Category::LockedPeriod, document, cx, &mut memo)
    }

    /// What would be sent is what was sent. Where the source shows that it was reset, the routes
    /// that follow are told again: the status has to be written back once more.
    fn unchanged(&self, entry: &Entry, source: &Source) -> Decision {
        let reset = self
            .plan
            .source_stream
            .as_ref()
            .is_some_and(|it| it.imported.is_some() && !self.facts(source).imported);
        let what = if reset {
            "reset in the source; equal to what was sent"
        } else {
            "unchanged"
        };
        match self.keep_synced(entry, what) {
            Decision::Settle(it) if reset => Decision::Settled(it),
            other => other,
        }
    }

    fn unlinked(
        &self,
        id: &EntryId,
        entry: &Entry,
        document: &Document,
        source: &Source,
    ) -> Result<Decision, StoreError> {
        let facts = self.facts(source);
        // What is in a group lies behind the cut-over, or was loaded on purpose.
        if !self.plan.reads_groups()
            && let Some(next) = self.before_cut_over(entry, facts.date)?
        {
            return Ok(Decision::Settle(Box::new(next)));
        }
        if facts.imported {
            // Which of several routes it belongs to is for their gates to say.
            if !self.plan.beside.is_empty() {
                if let Err(stop) = self.gate(source, entry) {
                    return Ok(self.stopped(id, entry, stop));
                }
                if let Some(decision) = self.wanted_twice(id, entry, source)? {
                    return Ok(decision);
                }
            }
            return Ok(self.imported_elsewhere(id, entry, document, source));
        }
        if self.plan.route.only_when_needed && !entry.needed {
            return Ok(self.exclude(entry, "no document needs it yet"));
        }
        // What may be there already is looked for whatever was said since.
        if entry.state != State::Uncertain && !self.still_said(id)? {
            let what = "the document changed after a person said so, and nothing was sent";
            return Ok(self.exclude(entry, what));
        }
        if let Err(stop) = self.gate(source, entry) {
            if let Stop::Excluded { reason } = &stop
                && let Some(decision) = self.other_half_is_off(id, entry, source, reason)
            {
                return Ok(decision);
            }
            let grouped = self.goes_with_a_group(id, entry, source, &stop)?;
            return Ok(grouped.unwrap_or_else(|| self.stopped(id, entry, stop)));
        }
        if let Some(decision) = self.wanted_twice(id, entry, source)? {
            return Ok(decision);
        }
        // One that may be there already was sent with what its documents said then.
        if entry.state != State::Uncertain
            && let Some(decision) = self.waits_for_member(id, entry, source)?
        {
            return Ok(decision);
        }
        if self.plan.matches()
            && (!entry.create_new || self.plan.mapping.only_finds())
            && let Some(decision) = self.matched(id, entry, source)?
        {
            return Ok(decision);
        }
        let write = if self.plan.writes_back() {
            Write::Update
        } else {
            Write::Create
        };
        Ok(match self.prepare(id, entry, document, source, write) {
            Ok(ready) => Decision::Send(Box::new(ready)),
            Err(decision) => *decision,
        })
    }

    fn imported_elsewhere(
        &self,
        id: &EntryId,
        entry: &Entry,
        document: &Document,
        source: &Source,
    ) -> Decision {
        let imported_at = self.facts(source).imported_at;
        let after_start = match (self.plan.start_date, imported_at) {
            (Some(start), Some(at)) => {
                let zone = &self.plan.zone;
                at.to_zoned(zone.clone()).date() >= start
                    && self.taken_over_at.is_none_or(|it| at.as_millisecond() > it)
            }
            _ => false,
        };
        if after_start {
            let mut raised = lock(self.raised);
            let first = raised.foreign_poster.get_or_insert_with(|| id.clone());
            // Whichever thread comes first, the same one is told.
            if id < first {
                *first = id.clone();
            }
        }
        let mut ready = match self.prepare(id, entry, document, source, Write::Create) {
            Ok(it) => it,
            Err(decision) => return *decision,
        };
        let links = StoredLinks { decider: self };
        let cx = self.apply(source, None, &links);
        let numbers = match self.plan.mapping.imported_numbers(&cx) {
            Ok(it) => it,
            Err(stop) => return self.stopped(id, entry, stop),
        };
        for number in numbers {
            if ready.number.as_ref() == Some(&number) {
                continue;
            }
            let renumbered = Entry {
                number: Some(number),
                ..entry.clone()
            };
            // A number that the target could not even take is none that it has.
            let other = self.prepare(id, &renumbered, document, source, Write::Create);
            ready.instead.extend(other);
        }
        Decision::LookFor(Box::new(ready))
    }

    pub(crate) fn gate(&self, source: &Source, entry: &Entry) -> Result<(), Stop> {
        self.plan
            .mapping
            .gate(&self.apply(source, entry.number.as_deref(), &NoLinks))
    }

    fn apply<'b>(
        &'b self,
        source: &'b Source,
        number: Option<&'b str>,
        links: &'b dyn Links,
    ) -> Apply<'b> {
        Apply {
            document: &source.value,
            settings: self.settings,
            target_settings: self.target_settings,
            number,
            today: self.today,
            links,
            followed: &source.followed,
            shared: &source.shared,
        }
    }

    fn keep_synced(&self, entry: &Entry, what: &str) -> Decision {
        let mut next = entry.clone();
        next.clear_stop();
        next.mapping = self.plan.mapping.hash();
        next.record(self.now, State::Synced, Actor::Engine, what, None);
        Decision::Settle(Box::new(next))
    }

    fn exclude(&self, entry: &Entry, reason: &str) -> Decision {
        let mut next = entry.clone();
        next.clear_stop();
        next.record(self.now, State::Excluded, Actor::Engine, reason, None);
        Decision::Settle(Box::new(next))
    }

    fn stopped(&self, id: &EntryId, entry: &Entry, stop: Stop) -> Decision {
        match stop {
            Stop::Excluded { reason } => self.exclude(entry, &reason),
            Stop::Problem {
                problem,
                cause_key,
                waits,
            } => {
                let state = if waits {
                    State::Waiting
                } else {
                    State::Warning
                };
                self.stop(id, entry, state, problem, cause_key)
            }
        }
    }

    /// The entry stops; nothing is written when it already stands so.
    fn stop(
        &self,
        _id: &EntryId,
        entry: &Entry,
        state: State,
        problem: Problem,
        cause: String,
    ) -> Decision {
        let cause = Cause { key: cause };
        if entry.state == state
            && entry.cause.as_ref() == Some(&cause)
            && entry.problem.as_ref() == Some(&problem)
        {
            return Decision::Leave;
        }
        let mut next = entry.clone();
        next.candidates.clear();
        next.words = None;
        next.mapping = self.plan.mapping.hash();
        let what = problem.cause.clone();
        next.problem = Some(problem);
        next.cause = Some(cause);
        next.record(self.now, state, Actor::Engine, what, None);
        Decision::Settle(Box::new(next))
    }
}

/// Facts as they are stored.
pub(crate) fn stored_facts(facts: StreamFacts) -> Facts {
    Facts {
        number: facts.number,
        date: facts.date,
        money: facts.total.map(|total| crate::store::Money {
            total,
            currency: facts.currency.unwrap_or_default(),
        }),
        party: facts.party,
    }
}

/// The question about a document that the target voided or deleted, and the key of its cause.
pub(crate) fn gone(plan: &RoutePlan, id: &EntryId) -> (Problem, String) {
    let title = &plan.target_title;
    let found = problem(
        Category::DocumentState,
        format!("the document was voided or deleted in {title}"),
        format!(
            "`ledgerline skip {id}` if that is right, or `ledgerline adopt {id} --to ID` what took its \
             place there; nothing is created anew by itself"
        ),
    );
    (found, "gone in the target".to_owned())
}

pub(crate) fn problem(
    category: Category,
    cause: impl Into<String>,
    remedy: impl Into<String>,
) -> Problem {
    Problem {
        category,
        field: None,
        cause: cause.into(),
        remedy: remedy.into(),
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // A panic while holding one of these locks leaves plain values behind: going on is safe.
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
