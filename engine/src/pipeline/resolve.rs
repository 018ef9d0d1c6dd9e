//! A person's word about a document that changed in its source and may not change in its target.

use ledgerline_plugin_api::manifest::{Category, HeldState};
use rust_decimal::Decimal;

use crate::{
    mapping::Value,
    operate::Resolve,
    pipeline::{
        ask::BOTH_SIDES,
        decide::{Decider, Decision, Ready, Source, Write, problem},
        difference::{Decided, DecidedPart, Part, part_id, stream_of},
        engine::Engine,
        settle::held_name,
    },
    store::{
        Actor, Cause, Change, Entry, EntryId, Facts, Held, Incoming, Money, OutcomeIn, Settlement,
        State, StoreError,
    },
};

/// What was done, or why nothing was, in words.
pub(crate) type Resolved = Result<String, String>;

impl Engine {
    /// Makes a person's word durable. No call is made; parts go with the next run.
    pub(crate) async fn resolve(
        &self,
        id: &EntryId,
        how: &Resolve,
        reason: Option<&str>,
        by: &Actor,
    ) -> Result<Resolved, StoreError> {
        let _alone = self.alone().await;
        let (named, how, by) = (id.clone(), how.clone(), by.clone());
        let reason = reason.map(str::to_owned);
        let done = self
            .deciding(&id.route, move |it| {
                it.resolve(&Word {
                    id: &named,
                    how: &how,
                    reason: reason.as_deref(),
                    by: &by,
                })
            })
            .await?;
        Ok(done.unwrap_or_else(|| Err("its route is not configured any more".to_owned())))
    }
}

/// What a person said.
struct Word<'a> {
    id: &'a EntryId,
    how: &'a Resolve,
    reason: Option<&'a str>,
    by: &'a Actor,
}

/// A document that something may be said about.
struct Open {
    entry: Entry,
    held: Held,
    ready: Ready,
    decided: Decided,
    /// Id of the next part, by what it would be.
    next: usize,
}

impl Decider<'_> {
    fn resolve(&self, word: &Word<'_>) -> Result<Resolved, StoreError> {
        let open = match self.open_difference(word.id)? {
            Ok(it) => it,
            Err(why) => return Ok(Err(why)),
        };
        match word.how {
            Resolve::Keep => self.keep(word, open).map(Ok),
            Resolve::Credit { amount } => self.make_part(word, open, Part::Credit, *amount),
            Resolve::Additional { amount } => self.make_part(word, open, Part::Additional, *amount),
        }
    }

    /// The document as it is now against what the target holds, when a person is asked about that.
    fn open_difference(&self, id: &EntryId) -> Result<Result<Open, String>, StoreError> {
        let target = &self.plan.target_title;
        let no = |why: &str| Ok(Err(why.to_owned()));
        let Some(entry) = self.store.entry(id)? else {
            return no("there is no such entry");
        };
        let Some(held) = entry.held.clone() else {
            return Ok(Err(format!(
                "{target} does not hold it yet: there is nothing to settle"
            )));
        };
        let locked =
            (entry.problem.as_ref()).is_some_and(|it| it.category == Category::LockedPeriod);
        match entry.state {
            State::Warning => {}
            State::Waiting if locked => {}
            state => {
                return Ok(Err(format!(
                    "nobody is asked about it: it is {}; `ledgerline sync {}` compares it if its source \
                     changed",
                    state.name(),
                    id.route
                )));
            }
        }
        if matches!(held.state, Some(HeldState::Voided | HeldState::Deleted)) {
            return Ok(Err(format!("it was voided or deleted in {target}")));
        }
        let document = self.store.document(&self.plan.source, &id.source)?;
        let Some(document) = document.filter(|it| !it.deleted) else {
            return no("its source deleted it: `ledgerline void` takes it back");
        };
        let Ok(value) = Value::parse(&document.body) else {
            return no("its source document is not JSON");
        };
        let source = Source::of(value);
        if self.plan.matches() || self.gate(&source, &entry).is_err() {
            return no("its source no longer wants it in the books, or it is a counterparty");
        }
        let write = (Write::Update, self.version(id, &held)?);
        let mut ready = match self.make_as(id, &entry, &document, &source, write) {
            Ok(it) => it,
            Err(decision) => return Ok(Err(why_not(*decision))),
        };
        let decided = Decided::read(self.store, id, &held)?;
        let standing = decided.standing(self.store, Some(ready.fingerprint))?;
        if let Some((part, _)) = standing.under_way {
            return Ok(Err(format!(
                "its difference is under way as {}",
                part.entry
            )));
        }
        let last = standing.there.last().map(|(part, _)| part);
        let same = last.map_or(held.fingerprint, |it| it.fingerprint) == ready.fingerprint;
        if same {
            return no("nothing differs: `ledgerline retry` compares it anew");
        }
        ready.gap = Some(self.gap(&ready, &held, &decided, last)?);
        let decided = Decided {
            parts: standing.there.into_iter().map(|(part, _)| part).collect(),
            ..decided
        };
        Ok(Ok(Open {
            next: self.next_part(id, &decided)?,
            entry,
            held,
            ready,
            decided,
        }))
    }

    /// A number that no part of the document has had that was sent, or that a person left out.
    fn next_part(&self, id: &EntryId, decided: &Decided) -> Result<usize, StoreError> {
        let mut at = decided.parts.len() + 1;
        loop {
            let mut free = true;
            for route in self.plan.parts.values() {
                let entry = self
                    .store
                    .entry(&EntryId::new(route, part_id(&id.source, at)))?;
                free &= entry.is_none_or(|it| it.held.is_none() && it.state != State::Skipped);
            }
            if free {
                return Ok(at);
            }
            at += 1;
        }
    }

    fn keep(&self, word: &Word<'_>, open: Open) -> Result<String, StoreError> {
        let mut decided = open.decided;
        decided.kept = Some(open.ready.fingerprint);
        decided.keep(self.store, word.id)?;
        let what = format!("kept as it is in {}", self.plan.target_title);
        let mut next = open.entry.clone();
        next.clear_stop();
        next.requested = false;
        let told = word.told(&what);
        next.record(self.now, State::Synced, word.by.clone(), told, None);
        self.store.settle(Settlement {
            changes: vec![Change {
                id: word.id.clone(),
                seen: open.entry.seen(),
                entry: next,
            }],
            ..Settlement::default()
        })?;
        Ok(format!(
            "{} is {what} until its source changes again",
            word.id
        ))
    }

    fn make_part(
        &self,
        word: &Word<'_>,
        open: Open,
        wanted: Part,
        amount: Option<Decimal>,
    ) -> Result<Resolved, StoreError> {
        let cause = open.entry.cause.as_ref().map(|it| it.key.as_str());
        if cause == Some(BOTH_SIDES) {
            return Ok(Err(format!(
                "it changed in {} too: make both equal there first, or --keep",
                self.plan.target_title
            )));
        }
        let Some((part, total)) = open.ready.part(self.plan) else {
            return Ok(Err(
                "no amount alone would make both equal: the totals are the same, or counterparty, date or \
                 currency differ; --keep, or mend it in the target"
                    .to_owned(),
            ));
        };
        let currency = open.ready.currency().to_owned();
        if part != wanted || amount.is_some_and(|it| it != total) {
            return Ok(Err(format!(
                "the document is {total} {currency} {} than the target's: --{part} {total}, or --keep",
                match part {
                    Part::Credit => "smaller",
                    Part::Additional => "larger",
                }
            )));
        }
        let Some(route) = self.plan.parts.get(&part) else {
            return Ok(Err(format!(
                "no route makes it: switch one on that reads {} with outcomes = [\"{part}\"]",
                word.id.route
            )));
        };
        let entry = EntryId::new(route, part_id(&word.id.source, open.next));
        let said = DecidedPart {
            entry: entry.clone(),
            part,
            total,
            currency: currency.clone(),
            fingerprint: open.ready.fingerprint,
        };
        let document = self.said_document(word, &open, &said);
        let mut decided = open.decided;
        decided.kept = None;
        decided.parts.push(said);
        // First: whoever meets the part finds that it was said.
        decided.keep(self.store, word.id)?;
        let what = format!("a {part} of {total} {currency} is to settle the difference");
        let mut next = open.entry.clone();
        next.clear_stop();
        next.attempts = 0;
        next.cause = Some(Cause::entry(&entry));
        next.problem = Some(problem(
            Category::DocumentState,
            format!("its difference of {total} {currency} goes as {entry}"),
            "nothing: it goes on by itself",
        ));
        let told = word.told(&what);
        next.record(self.now, State::Waiting, word.by.clone(), told, None);
        self.store.settle(Settlement {
            changes: vec![Change {
                id: word.id.clone(),
                seen: open.entry.seen(),
                entry: next,
            }],
            outcomes: vec![OutcomeIn {
                stream: stream_of(&word.id.route, part),
                routes: vec![route.clone()],
                document,
            }],
            ..Settlement::default()
        })?;
        Ok(Ok(format!("{}: {what}, as {entry}", word.id)))
    }

    /// The source document of a part.
    fn said_document(&self, word: &Word<'_>, open: &Open, said: &DecidedPart) -> Incoming {
        let base = open.ready.gap.as_ref().map(|it| it.base.clone());
        let base = base.unwrap_or_default();
        let dated = self
            .plan
            .target_rules
            .facts(&base, self.target_settings)
            .date;
        // A closed period takes no more documents: then it is one of the day on which it was decided.
        let date = match self.held_period_is_open(&open.held) {
            Ok(()) => dated.map_or_else(|| self.today.to_owned(), |it| it.to_string()),
            Err(_) => self.today.to_owned(),
        };
        let text = |it: Option<&str>| it.map(Value::from).unwrap_or_default();
        let at = jiff::Timestamp::from_millisecond(self.now).unwrap_or_default();
        let by = match word.by {
            Actor::Person(name) => name.as_str(),
            Actor::Engine => "",
        };
        let body = Value::object([
            ("id", Value::from(said.entry.source.as_str())),
            ("of", Value::from(word.id.source.as_str())),
            ("number", text(open.entry.number.as_deref())),
            ("part", Value::from(open.next as i64)),
            ("decided", Value::from(said.part.name())),
            ("by", Value::from(by)),
            (
                "at",
                Value::from(at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
            ),
            ("date", Value::from(date)),
            ("total", Value::from(said.total)),
            ("currency", Value::from(said.currency.as_str())),
            (
                "target",
                Value::object([
                    ("id", Value::from(open.held.id.as_str())),
                    ("state", text(open.held.state.map(held_name))),
                ]),
            ),
            ("before", base),
            ("now", open.ready.mapped.clone()),
        ]);
        Incoming {
            id: said.entry.source.clone(),
            // One that lapsed may be said again.
            version: self.now.to_string(),
            body: Some(body.to_bytes()),
            facts: Facts {
                number: open.entry.number.clone(),
                money: Some(Money {
                    total: said.total,
                    currency: said.currency.clone(),
                }),
                ..open.entry.facts.clone()
            },
        }
    }
}

impl Word<'_> {
    fn told(&self, what: &str) -> String {
        self.reason
            .map_or_else(|| what.to_owned(), |it| format!("{what}: {it}"))
    }
}

/// Why a document cannot be prepared.
fn why_not(decision: Decision) -> String {
    match decision {
        Decision::Settle(it) | Decision::Settled(it) => match &it.problem {
            Some(found) => format!("{}; {}", found.cause, found.remedy),
            None => it.last_words().to_owned(),
        },
        Decision::Leave | Decision::Send(_) | Decision::LookFor(_) => {
            "it cannot be prepared; `ledgerline show` says why".to_owned()
        }
    }
}
