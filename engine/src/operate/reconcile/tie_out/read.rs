//! Reads both sides: what the target's documents put into the account, and what the source's did to stock.

use std::collections::{BTreeMap, HashMap};

use jiff::civil::Date;
use rust_decimal::Decimal;

use super::{
    super::{both::Stored, target::is_posted},
    explain::{HeldDoc, Moving, Window},
};
use crate::{
    mapping::{Reference, RulesCx, StockFacts, Value},
    pipeline::{Connected, Decided, Engine, Run},
    store::{Document, EntryId, Filter, State, Store, StoreError, StreamId, offload},
};

/// Rows of the store that are looked at together.
const CHUNK: usize = 500;

/// What is tied out.
pub(super) struct Ground<'a> {
    pub(super) engine: &'a Engine,
    pub(super) run: &'a Run<'a>,
    pub(super) source: &'a Connected,
    pub(super) target: &'a Connected,
    pub(super) account: String,
    pub(super) window: Window,
}

/// A document of the target: its stream and id.
type Key = (String, String);

/// A document of the source, and where the target may hold it.
type Met = (Moving, Vec<Key>);

/// Documents of the target that touch the account.
#[derive(Default)]
pub(super) struct HeldDocs {
    all: HashMap<Key, HeldDoc>,
    /// Reversals, with the document that each takes back.
    reversals: Vec<(Key, Key)>,
    /// What the account holds of all of them between the two days.
    pub(super) moved: Decimal,
    /// Documents that could not be read, in words.
    pub(super) faults: Vec<String>,
}

/// A document as a reversal is told by: stream, number, day, what it puts into the account.
type Told = (String, String, Date, Decimal);

impl Ground<'_> {
    /// Streams of the source that move stock, each with the routes that take it into the target.
    pub(super) fn streams(&self) -> BTreeMap<String, Vec<String>> {
        let streams = &self.source.plugin.manifest().streams;
        let moving = streams.iter().filter(|(_, it)| it.stock.is_some());
        moving
            .map(|(name, _)| (name.clone(), self.routes(name)))
            .collect()
    }

    fn routes(&self, stream: &str) -> Vec<String> {
        let id = StreamId {
            connection: self.source.connection.name.clone(),
            stream: stream.to_owned(),
        };
        let mut routes = self.engine.routes_reading(&id);
        routes.retain(|name| {
            self.engine.plans.get(name).is_some_and(|it| {
                it.route.enabled && it.target.connection == self.target.connection.name
            })
        });
        routes
    }

    /// What an account of the target holds at the end of a day. An account that was never posted to has no
    /// balance there, and holds nothing.
    pub(super) async fn balance(
        &self,
        stream: &str,
        setting: &str,
        (account, day): (&str, Date),
    ) -> Result<Decimal, String> {
        let rules = self.target.rules.get(stream);
        let none = Reference::default();
        let cx = RulesCx {
            settings: &self.target.settings,
            reference: &none,
        };
        let mut found: Result<Option<Decimal>, String> = Ok(None);
        let id = self.target_stream(stream);
        let read = self.run.read_day(self.target, &id, (setting, day), |held| {
            if let (Some(document), Some(rules)) = (&held.document, rules)
                && held.id == account
            {
                let balance = rules.balance(document, cx);
                found = balance.map_err(|why| format!("a balance cannot be read: {why}"));
            }
        });
        read.await.map_err(|why| why.to_string())?;
        Ok(found?.unwrap_or_default())
    }

    fn target_stream(&self, stream: &str) -> StreamId {
        StreamId {
            connection: self.target.connection.name.clone(),
            stream: stream.to_owned(),
        }
    }

    /// Reads every document of the target that can have lines in the account.
    pub(super) async fn held(&self) -> Result<HeldDocs, String> {
        let mut docs = HeldDocs::default();
        let mut taking_back: HashMap<Told, Key> = HashMap::new();
        let mut told: Vec<(Told, Key)> = Vec::new();
        let manifest = self.target.plugin.manifest();
        for (name, stream) in &manifest.streams {
            let (Some(_), Some(rules)) = (&stream.postings, self.target.rules.get(name)) else {
                continue;
            };
            let none = Reference::default();
            let cx = RulesCx {
                settings: &self.target.settings,
                reference: &none,
            };
            let id = self.target_stream(name);
            let read = self.run.read_target(self.target, &id, |held| {
                let key = (name.clone(), held.id);
                // It was met before, as it was a moment ago.
                docs.all.remove(&key);
                let Some(document) = held.document else {
                    return;
                };
                let postings = match rules.postings(&document, cx) {
                    Ok(it) => it,
                    Err(why) => {
                        let says = format!("{} {}: {why}", stream.title, key.1);
                        docs.faults.push(says);
                        return;
                    }
                };
                let mut ours = postings.iter().filter(|it| it.account == self.account);
                let Some(first) = ours.next() else {
                    return;
                };
                let amount = ours.fold(first.amount, |sum, it| sum.saturating_add(it.amount));
                let facts = rules.facts(&document, &self.target.settings);
                let state = rules.held_state(&document, cx).ok().flatten();
                let posted = is_posted(stream, state);
                if let (true, Some(number), Some(day)) = (posted, &facts.number, facts.date) {
                    let of = |number: &String, amount| (name.clone(), number.clone(), day, amount);
                    told.push((of(number, amount), key.clone()));
                    let reversal = rules.reversal(&document, cx).ok().flatten();
                    let as_made = reversal.map(|it| rules.facts(&it, &self.target.settings));
                    if let Some(number) = as_made.and_then(|it| it.number) {
                        taking_back.insert(of(&number, -amount), key.clone());
                    }
                }
                let doc = HeldDoc {
                    id: key.1.clone(),
                    title: stream.title.clone(),
                    number: facts.number,
                    party: facts.party,
                    date: facts.date,
                    state,
                    posted,
                    amount,
                };
                docs.all.insert(key, doc);
            });
            read.await.map_err(|why| why.to_string())?;
        }
        let in_books = docs.all.values().map(|it| it.in_books(&self.window));
        docs.moved = in_books.fold(Decimal::ZERO, Decimal::saturating_add);
        for (told, key) in told {
            // Each takes back one.
            if let Some(of) = taking_back.remove(&told) {
                docs.reversals.push((key, of));
            }
        }
        Ok(docs)
    }

    /// Documents of the source that have to do with the account between the two days. What the target
    /// holds of them is taken out of `held`.
    pub(super) async fn movings(&self, held: &mut HeldDocs) -> Result<Vec<Moving>, StoreError> {
        let mut found = Vec::new();
        for (stream, routes) in self.streams() {
            if routes.is_empty() {
                continue;
            }
            let id = StreamId {
                connection: self.source.connection.name.clone(),
                stream,
            };
            let mut after = None::<String>;
            loop {
                let from = after.take();
                let (id, routes) = (&id, &routes);
                let docs = &*held;
                let (page, last) = offload::run(self.engine.store(), |store| {
                    let page = store.documents(id, from.as_deref(), CHUNK)?;
                    let last = page.last().map(|(id, _)| id.clone());
                    let mut met = Vec::new();
                    for (source, document) in page {
                        let it = self.meet(store, docs, (id, routes), source, &document)?;
                        met.extend(it);
                    }
                    Ok::<_, StoreError>((met, last))
                })
                .await?;
                for (mut moving, keys) in page {
                    moving.held = keys.iter().filter_map(|it| held.all.remove(it)).collect();
                    let taken_back = held.reversals.iter().filter(|(_, of)| keys.contains(of));
                    let reversals: Vec<_> = taken_back.map(|(key, _)| key.clone()).collect();
                    let more = reversals.iter().filter_map(|it| held.all.remove(it));
                    moving.held.extend(more);
                    found.push(moving);
                }
                match last {
                    Some(it) => after = Some(it),
                    None => break,
                }
            }
        }
        self.foresee(&mut found).await?;
        Ok(found)
    }

    /// One document of the store, with the keys of what the target holds of it; none when it has nothing to
    /// do with the two days.
    fn meet(
        &self,
        store: &dyn Store,
        docs: &HeldDocs,
        (stream, routes): (&StreamId, &[String]),
        source: String,
        document: &Document,
    ) -> Result<Option<Met>, StoreError> {
        let manifest = self.source.plugin.manifest();
        let of_stream = manifest.streams.get(&stream.stream);
        let (Some(of_stream), Some(rules)) = (of_stream, self.source.rules.get(&stream.stream))
        else {
            return Ok(None);
        };
        let Some(stock) = &of_stream.stock else {
            return Ok(None);
        };
        let value = (!document.deleted).then(|| Value::parse(&document.body).unwrap_or_default());
        let settings = &self.source.settings;
        let facts = value
            .as_ref()
            .and_then(|it| rules.stock(it, settings, &self.account));
        let mut facts = facts.unwrap_or_else(StockFacts::default);
        let (mut entry, mut stored, mut keys) = (None, None, Vec::new());
        for route in routes {
            let id = EntryId::new(route, &source);
            let Some(it) = store.entry(&id)? else {
                continue;
            };
            keys.extend(self.keys(store, &id, &it)?);
            if entry.is_none() || it.held.is_some() {
                (entry, stored) = (Some(id), Some(Stored::of(&it)));
            }
        }
        let linked = stored.as_ref().is_some_and(|it| it.link.is_some());
        keys.retain(|it| docs.all.contains_key(it));
        let here = |it: Option<Date>| it.is_some_and(|it| self.window.holds(it));
        let matters =
            !facts.rows.is_empty() || here(facts.moved) || here(facts.billed) || !keys.is_empty();
        if !matters {
            return Ok(None);
        }
        if let Some(it) = &value {
            rules.stock_value(&mut facts, it, settings, &self.account);
        }
        let shown = value
            .map(|it| rules.facts(&it, settings))
            .unwrap_or_default();
        let mut why: Vec<String> = stored.iter().filter_map(|it| it.why.clone()).collect();
        if linked && keys.is_empty() && stock.costs.is_none() {
            why.push(format!(
                "what the target holds of it has no line in account {}",
                self.account
            ));
        }
        why.extend(facts.faults.iter().cloned());
        let moving = Moving {
            stream: stream.stream.clone(),
            id: source,
            title: of_stream.title.clone(),
            moved_as: stock.moved_as.clone(),
            billed_as: stock.billed_as.clone(),
            costs: stock.costs.clone(),
            has_billed: stock.billed.is_some(),
            must_move: stock.must_move,
            number: shown.number,
            party: shown.party,
            facts,
            state: stored.as_ref().map(|it| it.state),
            remedy: stored.and_then(|it| it.remedy),
            why: (!why.is_empty()).then(|| why.join("; ")),
            entry,
            held: Vec::new(),
        };
        Ok(Some((moving, keys)))
    }

    /// Where the target may hold an entry's document, and those that were made of its differences.
    fn keys(
        &self,
        store: &dyn Store,
        id: &EntryId,
        entry: &crate::store::Entry,
    ) -> Result<Vec<Key>, StoreError> {
        let plans = &self.engine.plans;
        let (Some(held), Some(plan)) = (&entry.held, plans.get(&id.route)) else {
            return Ok(Vec::new());
        };
        let mut keys = vec![(plan.target.stream.clone(), held.id.clone())];
        let standing = Decided::read(store, id, held)?.standing(store, None)?;
        for (part, entry) in standing.there {
            if let (Some(plan), Some(held)) = (plans.get(&part.entry.route), entry.held) {
                keys.push((plan.target.stream.clone(), held.id));
            }
        }
        Ok(keys)
    }

    /// What was read a moment ago, and a rule leaves out, says so.
    async fn foresee(&self, movings: &mut [Moving]) -> Result<(), StoreError> {
        for it in movings {
            if let (Some(State::Pending), Some(id)) = (it.state, &it.entry)
                && let Some(next) = self.engine.would_leave_out(id).await?
            {
                let stored = Stored::of(&next);
                (it.state, it.why, it.remedy) = (Some(stored.state), stored.why, stored.remedy);
            }
        }
        Ok(())
    }

    /// What is left of the target's documents, each with the entry that it belongs to. Documents and the
    /// reversals that take them back whole are left out.
    pub(super) async fn left(
        &self,
        held: HeldDocs,
    ) -> Result<Vec<(HeldDoc, Option<EntryId>)>, StoreError> {
        let mut all = held.all;
        for (key, of) in held.reversals {
            if all.contains_key(&key) && all.contains_key(&of) {
                all.remove(&key);
                all.remove(&of);
            }
        }
        all.retain(|_, it| !it.in_books(&self.window).is_zero());
        let mut owned: Vec<(HeldDoc, Option<EntryId>)> = Vec::new();
        let mut after = None::<String>;
        while !all.is_empty() {
            let from = after.take();
            let page = offload::run(self.engine.store(), |store| {
                store.page_of(&Filter::default(), from.as_deref(), CHUNK)
            })
            .await?;
            for (id, entry) in page.rows {
                let plan = self.engine.plans.get(&id.route);
                let (Some(plan), Some(link)) = (plan, entry.held) else {
                    continue;
                };
                if plan.target.connection == self.target.connection.name
                    && let Some(it) = all.remove(&(plan.target.stream.clone(), link.id))
                {
                    owned.push((it, Some(id)));
                }
            }
            match page.next {
                Some(it) => after = Some(it),
                None => break,
            }
        }
        owned.extend(all.into_values().map(|it| (it, None)));
        Ok(owned)
    }
}
