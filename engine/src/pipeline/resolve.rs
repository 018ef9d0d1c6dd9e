//! A person's word about a document that changed in its source and may not change in its target.

use ledgerline_plugin_api::manifest::Category;
use rust_decimal::Decimal;

use crate::{
    mapping::{CheckStop, Value},
    operate::{Resolve, SyncRequest},
    pipeline::{
        ask::{Said, Wanted, ask, last_sent},
        decide::{Decider, Decision, Ready, Source, Write, problem},
        difference::{Decided, DecidedPart, Part, part_id, stream_of},
        engine::Engine,
        plan::RoutePlan,
        reapply::{Payment, Reapply, TakenOff, body_again, is_gone, payments_of, routes_of},
        run::Run,
        settle::held_name,
        steps,
    },
    store::{
        Actor, Cause, Change, Entry, EntryId, Facts, Held, Incoming, Money, OutcomeIn, Settlement,
        State, StoreError,
    },
};

/// What was done, or why nothing was, in words.
pub(crate) type Resolved = Result<Done, String>;

/// What a person's word came to.
#[derive(Debug)]
pub(crate) struct Done {
    /// In words.
    pub(crate) what: String,
    /// Routes whose next run does it; none where nothing is to be sent.
    pub(crate) routes: Vec<String>,
}

impl Engine {
    /// Reads the document anew and makes a person's word durable. Nothing is written to the target; that
    /// goes with the next run.
    pub(crate) async fn resolve(
        &self,
        id: &EntryId,
        how: &Resolve,
        reason: Option<&str>,
        by: &Actor,
    ) -> Result<Resolved, StoreError> {
        let _alone = self.alone().await;
        let Some(plan) = self.plans.get(&id.route).cloned() else {
            return Ok(Err("its route is not configured any more".to_owned()));
        };
        let named = id.clone();
        let open = self.deciding(&id.route, move |it| it.open_difference(&named));
        let open = match open.await? {
            Some(Ok(it)) => it,
            Some(Err(why)) => return Ok(Err(why)),
            None => return Ok(Err("its target is not connected".to_owned())),
        };
        let request = SyncRequest::default();
        let run = self.by_hand(&request);
        let there = match read_anew(&run, &plan, &open).await {
            Ok(it) => it,
            Err(why) => return Ok(Err(why)),
        };
        let payments = match how {
            Resolve::Reapply | Resolve::Ask => payments_of(&run, &plan, &there).await?,
            Resolve::Keep | Resolve::Credit { .. } | Resolve::Additional { .. } => Ok(Vec::new()),
        };
        steps::reached("word-weighed", plan.name());
        let (named, how, by) = (id.clone(), how.clone(), by.clone());
        let reason = reason.map(str::to_owned);
        let done = self
            .deciding(&id.route, move |it| {
                let word = Word {
                    id: &named,
                    how: &how,
                    reason: reason.as_deref(),
                    by: &by,
                };
                it.resolve(&word, open, &there, payments)
            })
            .await?;
        steps::reached("word-kept", plan.name());
        Ok(done.unwrap_or_else(|| Err("its target is not connected".to_owned())))
    }
}

/// The document as the target holds it at this moment.
async fn read_anew(run: &Run<'_>, plan: &RoutePlan, open: &Open) -> Result<Value, String> {
    let target = &plan.target_title;
    let wanted = Wanted {
        id: open.ready.id.source.clone(),
        number: open.entry.number.clone().unwrap_or_default(),
        remote_id: Some(open.held.id.clone()),
        ..Wanted::default()
    };
    let unread =
        |why: &str| format!("it could not be read in {target}, so nothing was decided: {why}");
    let said = ask(run, &plan.target, &[wanted]).await;
    let said = said.map_err(|why| unread(&why.message))?;
    let body = match said.into_iter().next() {
        Some(Said::Holds { body, .. }) => body,
        Some(Said::HoldsNot) => {
            return Err(format!("{target} no longer holds the linked document"));
        }
        Some(Said::Person(found, _)) => return Err(unread(&found.cause)),
        Some(Said::Unknown(why)) => return Err(unread(&why)),
        None => return Err(unread("it gave no answer")),
    };
    let there = Value::parse(body.as_bytes()).map_err(|why| unread(&why.to_string()))?;
    match is_gone(plan.held_state(&there)) {
        true => Err(format!("it was voided or deleted in {target}")),
        false => Ok(there),
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
pub(super) struct Open {
    entry: Entry,
    held: Held,
    ready: Ready,
    decided: Decided,
    /// Id of the next part, by what it would be.
    next: usize,
    /// What was said before about an edit.
    reapply: Option<Reapply>,
    /// What cannot be told apart of both sides, once the target was read.
    unclear: Option<String>,
}

impl Decider<'_> {
    fn resolve(
        &self,
        word: &Word<'_>,
        mut open: Open,
        there: &Value,
        payments: Result<Vec<Payment>, String>,
    ) -> Result<Resolved, StoreError> {
        let sent = last_sent(&open.entry, &self.plan.update_rules());
        let measured = open.ready.measure(self.plan, &sent, there, self.reference);
        open.unclear = measured.err();
        open.held.state = self.plan.held_state(there);
        match word.how {
            Resolve::Keep => self.keep(word, open).map(Ok),
            Resolve::Credit { amount } => self.make_part(word, open, there, Part::Credit, *amount),
            Resolve::Additional { amount } => {
                self.make_part(word, open, there, Part::Additional, *amount)
            }
            Resolve::Reapply => self.reapply(word, open, there, payments),
            Resolve::Ask => Ok(Ok(Done {
                what: self.told(&open, there, &payments),
                routes: Vec::new(),
            })),
        }
    }

    /// What differs at this moment, and what can be done about it.
    fn told(&self, open: &Open, there: &Value, payments: &Result<Vec<Payment>, String>) -> String {
        let ready = &open.ready;
        let mut lines = vec![match &open.unclear {
            Some(why) => format!("changed on both sides: {why}"),
            None => ready.differs(self.plan, None),
        }];
        match self.may_reapply(open, there, payments) {
            Ok(_) => lines.push(ready.reapply_choice(self.plan)),
            Err(why) => lines.push(format!("no edit of it: {why}")),
        }
        lines.push(ready.choices(self.plan, open.unclear.is_some()));
        lines.join("\n")
    }

    /// The payments that come off for an edit, or why it cannot be edited.
    fn may_reapply<'p>(
        &self,
        open: &Open,
        there: &Value,
        payments: &'p Result<Vec<Payment>, String>,
    ) -> Result<&'p [Payment], String> {
        let target = &self.plan.target_title;
        if let Some(why) = &open.unclear {
            return Err(format!("it changed in {target} too: {why}"));
        }
        let gap = open.ready.gap.as_ref();
        if gap.is_some_and(|it| it.settled) {
            return Err(format!(
                "{target} holds it together with the documents of its differences"
            ));
        }
        let payments = payments.as_ref().map_err(Clone::clone)?;
        let facts = |it: &Value| {
            self.plan
                .target_rules
                .facts(it, self.target_settings)
                .currency
        };
        if gap.is_some_and(|it| facts(&it.base) != facts(&it.now)) {
            return Err("its currency changed, and what it was paid in did not".to_owned());
        }
        let about = |what: String, stop: CheckStop| format!("{what}: {}", stop.problem.cause);
        for document in [there, &open.ready.body] {
            self.period_is_open(document)
                .map_err(|it| about("a closed period is in the way".to_owned(), it))?;
        }
        for payment in payments {
            let Some(plan) = self.plans.get(&payment.id.route) else {
                return Err(format!("the route of {} is not configured", payment.id));
            };
            let decider = Decider { plan, ..*self };
            decider
                .period_is_open(&payment.there)
                .map_err(|it| about(format!("its payment {} stays", payment.id), it))?;
        }
        Ok(payments)
    }

    /// The document is edited once its payments are off, and they come back after that.
    fn reapply(
        &self,
        word: &Word<'_>,
        open: Open,
        there: &Value,
        payments: Result<Vec<Payment>, String>,
    ) -> Result<Resolved, StoreError> {
        let payments = match self.may_reapply(&open, there, &payments) {
            Ok(it) => it,
            Err(why) => return Ok(Err(why)),
        };
        let target = &self.plan.target_title;
        let mut ids: Vec<EntryId> = payments.iter().map(|it| it.id.clone()).collect();
        // Those that are off by an earlier word come back with the others.
        let earlier = open.reapply.iter().flat_map(|it| &it.payments);
        ids.extend(
            earlier
                .filter(|it| payments.iter().all(|at| at.id != **it))
                .cloned(),
        );
        let said = Reapply {
            target: open.held.id.clone(),
            fingerprint: open.ready.fingerprint,
            version: open.ready.version.clone(),
            payments: ids.clone(),
        };
        let mut settlement = Settlement::default();
        let mut paid = Decimal::ZERO;
        for payment in payments {
            let Some(plan) = self.plans.get(&payment.id.route) else {
                continue;
            };
            let body = match body_again(plan, &payment.entry, &payment.there) {
                Ok(it) => it,
                Err(why) => {
                    return Ok(Err(format!(
                        "its payment {} cannot be made anew: {why}",
                        payment.id
                    )));
                }
            };
            paid += payment.amount;
            let off = TakenOff {
                document: word.id.clone(),
                of: payment
                    .entry
                    .held
                    .as_ref()
                    .map_or_else(String::new, |it| it.id.clone()),
                body: body.to_json(),
                off: false,
                again: None,
            };
            settlement
                .notes
                .push((TakenOff::note(&payment.id), Some(off.to_text())));
            let mut next = payment.entry.clone();
            next.attempts = 0;
            next.not_before = 0;
            next.requested = true;
            let what = word.told(&format!("comes off {} for an edit", word.id));
            next.record(self.now, State::Pending, word.by.clone(), what, None);
            settlement.changes.push(Change {
                id: payment.id.clone(),
                seen: payment.entry.seen(),
                entry: next,
            });
        }
        settlement
            .notes
            .push((Reapply::note(word.id), Some(said.to_text())));
        if let Some(note) = self.without_kept(&open)? {
            settlement.notes.push(note);
        }
        let mut next = open.entry.clone();
        next.clear_stop();
        next.attempts = 0;
        next.requested = true;
        let currency = open.ready.currency();
        let mut what = match payments.len() {
            0 => format!("it is edited in {target}"),
            1 => format!(
                "our payment of {paid} {currency} comes off, it is edited in {target}, and is paid again"
            ),
            count => format!(
                "our {count} payments of {paid} {currency} come off, it is edited in {target}, and is paid again"
            ),
        };
        let now = open.ready.gap.as_ref().and_then(|it| it.now_total);
        if let Some(rest) = now.and_then(|it| paid.checked_sub(it))
            && rest > Decimal::ZERO
        {
            what.push_str(&format!(
                "; {rest} {currency} of that is more than it will be"
            ));
        }
        next.record(
            self.now,
            State::Pending,
            word.by.clone(),
            word.told(&what),
            None,
        );
        settlement.changes.push(Change {
            id: word.id.clone(),
            seen: open.entry.seen(),
            entry: next,
        });
        self.store.settle(settlement)?;
        let mut routes = routes_of(&ids);
        routes.push(word.id.route.clone());
        Ok(Ok(Done {
            what: format!("{}: {what}", word.id),
            routes,
        }))
    }

    /// A word that leaves the document as it is ends with one that does not.
    fn without_kept(&self, open: &Open) -> Result<Option<(String, Option<String>)>, StoreError> {
        if open.decided.kept.is_none() {
            return Ok(None);
        }
        let decided = Decided {
            kept: None,
            ..open.decided.clone()
        };
        decided.as_note(&open.ready.id).map(Some)
    }

    /// What ends an edit that was wanted: its note goes, and payments that are still on stay so.
    fn no_edit(&self, open: &Open, by: &Actor) -> Result<(Settlement, Vec<String>), StoreError> {
        let Some(said) = &open.reapply else {
            return Ok((Settlement::default(), Vec::new()));
        };
        let settlement = said.ended(self.store, &open.ready.id, by, self.now)?;
        Ok((settlement, routes_of(&said.payments)))
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
        let reapply = Reapply::read(self.store, id)?.filter(|it| it.target == held.id);
        match entry.state {
            State::Warning => {}
            State::Waiting if locked || reapply.is_some() => {}
            state => {
                return Ok(Err(format!(
                    "nobody is asked about it: it is {}; `ledgerline sync {}` compares it if its source \
                     changed",
                    state.name(),
                    id.route
                )));
            }
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
            reapply,
            unclear: None,
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

    fn keep(&self, word: &Word<'_>, open: Open) -> Result<Done, StoreError> {
        let (mut settlement, routes) = self.no_edit(&open, word.by)?;
        let mut decided = open.decided;
        decided.kept = Some(open.ready.fingerprint);
        settlement.notes.push(decided.as_note(word.id)?);
        let what = format!("kept as it is in {}", self.plan.target_title);
        let mut next = open.entry.clone();
        next.clear_stop();
        next.requested = false;
        let told = word.told(&what);
        next.record(self.now, State::Synced, word.by.clone(), told, None);
        settlement.changes.push(Change {
            id: word.id.clone(),
            seen: open.entry.seen(),
            entry: next,
        });
        self.store.settle(settlement)?;
        Ok(Done {
            what: format!("{} is {what} until its source changes again", word.id),
            routes,
        })
    }

    fn make_part(
        &self,
        word: &Word<'_>,
        open: Open,
        there: &Value,
        wanted: Part,
        amount: Option<Decimal>,
    ) -> Result<Resolved, StoreError> {
        if let Some(why) = &open.unclear {
            return Ok(Err(format!(
                "it changed in {} too ({why}): make both equal there first, or --keep",
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
        let document = self.said_document(word, &open, there, &said);
        let (mut settlement, payments) = self.no_edit(&open, word.by)?;
        let mut decided = open.decided;
        decided.kept = None;
        decided.parts.push(said);
        settlement.notes.push(decided.as_note(word.id)?);
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
        settlement.changes.push(Change {
            id: word.id.clone(),
            seen: open.entry.seen(),
            entry: next,
        });
        settlement.outcomes.push(OutcomeIn {
            stream: stream_of(&word.id.route, part),
            routes: vec![route.clone()],
            document,
        });
        self.store.settle(settlement)?;
        let mut routes = vec![word.id.route.clone()];
        routes.extend(payments);
        Ok(Ok(Done {
            what: format!("{}: {what}, as {entry}", word.id),
            routes,
        }))
    }

    /// The source document of a part.
    fn said_document(
        &self,
        word: &Word<'_>,
        open: &Open,
        there: &Value,
        said: &DecidedPart,
    ) -> Incoming {
        let gap = open.ready.gap.as_ref();
        let (base, now_there) = gap
            .map(|it| (it.base.clone(), it.now.clone()))
            .unwrap_or_default();
        let dated = self
            .plan
            .target_rules
            .facts(&base, self.target_settings)
            .date;
        // A closed period takes no more documents: then it is one of the day on which it was decided.
        let date = match self.period_is_open(there) {
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
            ("now", now_there),
            // Without what was edited in the target: later differences are held against this.
            ("wanted", open.ready.mapped.clone()),
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
