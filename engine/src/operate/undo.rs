//! Taking back what a person did, as long as nothing was sent since.
//!
//! An entry becomes what it was before the action. What the engine found meanwhile without sending
//! anything does not stand in the way; a call that was made for the entry, another person's word, or a
//! document that was sent to what a link led to, does. Each entry that stays says why.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use crate::{
    mapping::Value,
    operate::{
        Answer,
        actions::{self, Action, Before, Deed, Kept, UndoneBy},
    },
    pipeline::{Engine, Takers, first_sight_note, members_of, tell_members_anew, void_note},
    store::{
        Actor, Change, Entry, EntryId, Event, Filter, OutcomeIn, Settlement, State, StoreError,
        Tally, offload,
    },
};

/// What came of taking an action back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UndoReport {
    /// The action.
    pub action: Action,
    /// Entries and money taken back, or that would be.
    pub tally: Tally,
    /// Entries that stay as they are, each with the reason.
    pub refused: Vec<(EntryId, String)>,
    /// It was only counted.
    pub counted_only: bool,
}

/// Entries that are changed in one durable write.
const CHUNK: usize = 500;

/// Takes an action back, the latest one when none is named.
pub(super) async fn undo(
    engine: &Engine,
    by: Actor,
    action: Option<u64>,
    count_only: bool,
) -> Result<Answer, StoreError> {
    let _one = engine.one_action.lock().await;
    let all = actions::all(engine).await?;
    let found = match action {
        Some(id) => all.into_iter().find(|it| it.action.id == id),
        None => all.into_iter().find(|it| it.action.undone.is_none()),
    };
    let Some(mut kept) = found else {
        let message = match action {
            Some(id) => format!(
                "no action {id} is kept; `ledgerline undo --list` shows those that can be taken back"
            ),
            None => "there is nothing to take back".to_owned(),
        };
        return Ok(Answer::Refused { message });
    };
    let mut report = UndoReport {
        action: kept.action.clone(),
        tally: Tally::default(),
        refused: Vec::new(),
        counted_only: count_only,
    };
    let before = kept.entries(engine).await?;
    let since = Since::look(engine, &kept, &before).await?;
    let mut left = before.into_iter();
    loop {
        let chunk: Vec<Before> = left.by_ref().take(CHUNK).collect();
        if chunk.is_empty() {
            break;
        }
        let mut going = Vec::new();
        for before in chunk {
            let id = before.id.clone();
            match since.may_go(engine, &before).await? {
                Ok(current) => going.push((before, current)),
                Err(why) => report.refused.push((id, why)),
            }
        }
        take_back(engine, &by, &mut kept, going, &mut report).await?;
    }
    report.action = kept.action;
    Ok(Answer::Undone(Box::new(report)))
}

/// Restores entries that may go, together with the note that says so.
async fn take_back(
    engine: &Engine,
    by: &Actor,
    kept: &mut Kept,
    mut going: Vec<(Before, Entry)>,
    report: &mut UndoReport,
) -> Result<(), StoreError> {
    if report.counted_only {
        for (_, current) in &going {
            report.tally.add(current.facts.money.as_ref());
        }
        return Ok(());
    }
    while !going.is_empty() {
        let mut settlement = settlement(engine, by, kept, &going);
        if matches!(kept.action.deed, Deed::Adopt) {
            let relinked = going.iter().filter(|(before, _)| before.link.is_some());
            let relinked = relinked.map(|(before, _)| before.id.clone()).collect();
            tell_members_anew(engine, engine.store(), &mut settlement, &relinked).await?;
        }
        match offload::run(engine.store(), move |store| store.settle(settlement)).await {
            Ok(()) => {
                mark(engine, by, kept, going.len() as u64);
                for (_, current) in &going {
                    report.tally.add(current.facts.money.as_ref());
                }
                return Ok(());
            }
            Err(StoreError::Conflict { id } | StoreError::Missing { id }) => {
                going.retain(|(it, _)| it.id != id);
                let why = "it changes at this moment: try again".to_owned();
                report.refused.push((id, why));
            }
            Err(why) => return Err(why),
        }
    }
    Ok(())
}

fn mark(engine: &Engine, by: &Actor, kept: &mut Kept, entries: u64) {
    let by = match by {
        Actor::Person(name) => name.clone(),
        Actor::Engine => "the engine".to_owned(),
    };
    let earlier = kept.action.undone.as_ref().map_or(0, |it| it.entries);
    kept.action.undone = Some(UndoneBy {
        at: engine.clock().now_ms(),
        by,
        entries: earlier + entries,
    });
}

fn settlement(engine: &Engine, by: &Actor, kept: &Kept, going: &[(Before, Entry)]) -> Settlement {
    let now = engine.clock().now_ms();
    let deed = kept.action.deed;
    let what = format!("{TAKEN_BACK}{}", deed.name());
    let mut settlement = Settlement::default();
    let mut looked_at: BTreeSet<&str> = BTreeSet::new();
    for (before, current) in going {
        let id = before.id.clone();
        let relinked = before.link.is_some();
        let next = before.clone().restored(now, by.clone(), current, &what);
        match deed {
            Deed::Void => settlement.notes.push((void_note(&id), None)),
            Deed::Adopt if relinked => {
                let told: Option<OutcomeIn> = engine.told_anew(&id, &next);
                settlement.outcomes.extend(told);
            }
            _ => {}
        }
        if relinked {
            looked_at.insert(&before.id.route);
        }
        settlement.changes.push(Change {
            id,
            seen: current.seen(),
            entry: next,
        });
    }
    settlement
        .notes
        .extend(looked_at.into_iter().map(|it| (first_sight_note(it), None)));
    let mut marked = kept.clone();
    mark(engine, by, &mut marked, going.len() as u64);
    settlement.notes.push(marked.note());
    settlement
}

/// How histories begin to tell that an action was taken back; the rest is the action's name.
const TAKEN_BACK: &str = "taken back: ";

/// What happened since an action beside the histories of its entries.
struct Since {
    at: i64,
    /// The routes that follow each route.
    followers: BTreeMap<String, Vec<String>>,
    /// Documents that were sent, or may have been, to what links of the action led to, by its id.
    sent_to: HashMap<String, EntryId>,
    /// A document that may have been sent, and nobody can say to whom.
    open: Option<EntryId>,
    /// Who stands for what in routes whose links are to come back.
    takers: BTreeMap<String, Takers>,
}

impl Since {
    async fn look(engine: &Engine, kept: &Kept, before: &[Before]) -> Result<Self, StoreError> {
        let mut followers: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, plan) in engine.plans.iter() {
            if let Some(follows) = &plan.follows {
                let all = followers.entry(follows.route.clone()).or_default();
                all.push(name.clone());
            }
        }
        let mut since = Self {
            at: kept.action.at,
            followers,
            sent_to: HashMap::new(),
            open: None,
            takers: BTreeMap::new(),
        };
        let relinked = || before.iter().filter(|it| it.link.is_some());
        let linked: BTreeSet<&str> = relinked().filter_map(|it| it.linked.as_deref()).collect();
        let routes: BTreeSet<&str> = relinked().map(|it| it.id.route.as_str()).collect();
        if !linked.is_empty() {
            since.look_at_sent(engine, &routes, &linked).await?;
        }
        let back = before.iter().filter(|it| back_to(it).is_some());
        let routes: BTreeSet<String> = back.map(|it| it.id.route.clone()).collect();
        for route in routes {
            let named = route.clone();
            let read =
                offload::run(engine.store(), move |store| Takers::read(store, &named)).await?;
            since.takers.insert(route, read);
        }
        Ok(since)
    }

    /// What was sent since by routes that link to `routes`, to any of `linked`.
    async fn look_at_sent(
        &mut self,
        engine: &Engine,
        routes: &BTreeSet<&str>,
        linked: &BTreeSet<&str>,
    ) -> Result<(), StoreError> {
        let links = |plan: &crate::pipeline::RoutePlan| {
            let mut all = plan.route.links.values();
            all.any(|it| routes.contains(it.as_str()))
        };
        let filter = Filter {
            routes: engine
                .plans
                .iter()
                .filter(|(_, plan)| links(plan))
                .map(|(name, _)| name.clone())
                .collect(),
            ..Filter::default()
        };
        let mut after: Option<String> = None;
        while !filter.routes.is_empty() {
            let (filter, from) = (filter.clone(), after.take());
            let page = offload::run(engine.store(), move |store| {
                store.page_of(&filter, from.as_deref(), CHUNK)
            })
            .await?;
            for (id, entry) in page.rows {
                if matches!(entry.state, State::Sending | State::Uncertain) {
                    self.open.get_or_insert(id);
                } else if entry.events.iter().any(|it| self.is_call(it)) {
                    let sent = entry.held.map(|it| it.sent).unwrap_or_default();
                    let sent = Value::parse(sent.as_bytes()).unwrap_or_default();
                    note_texts(&sent, linked, &id, &mut self.sent_to);
                }
            }
            match page.next {
                Some(it) => after = Some(it),
                None => break,
            }
        }
        Ok(())
    }

    fn is_call(&self, event: &Event) -> bool {
        event.call.is_some() && event.last_at >= self.at
    }

    /// The entry as it is now, when it may become what it was; else why it stays.
    async fn may_go(
        &self,
        engine: &Engine,
        before: &Before,
    ) -> Result<Result<Entry, String>, StoreError> {
        let id = before.id.clone();
        let Some(current) = offload::run(engine.store(), move |store| store.entry(&id)).await?
        else {
            return Ok(Err("it is not in the store any more".to_owned()));
        };
        if let Err(why) = stands(before, &current) {
            return Ok(Err(why));
        }
        if before.link.is_some() {
            let linked = before.linked.as_deref();
            if let Some(sent) = linked.and_then(|it| self.sent_to.get(it)) {
                return Ok(Err(format!("{sent} was sent to it since")));
            }
            if let Some(open) = self.open.as_ref().filter(|_| linked.is_some()) {
                return Ok(Err(format!(
                    "{open} is uncertain or being sent, perhaps to it: wait until that is cleared up"
                )));
            }
        }
        if let (Some(held), Some(takers)) = (back_to(before), self.takers.get(&before.id.route))
            && let Some(other) = takers.other(held, &before.id)
            && engine
                .plans
                .get(&before.id.route)
                .is_some_and(|it| it.one_for_one())
        {
            return Ok(Err(format!("{other} stands for {held} now")));
        }
        // Who follows what is in a group is told of the group, too.
        let (plans, group) = (engine.plans.clone(), before.id.clone());
        let relinked = before.link.is_some();
        let members = offload::run(engine.store(), move |store| match relinked {
            true => members_of(store, &plans, &group),
            false => Ok(Vec::new()),
        })
        .await?;
        let own = members.iter().filter(|it| **it != before.id);
        for told in own.chain([&before.id]) {
            for follower in self.followers.get(&told.route).into_iter().flatten() {
                let id = EntryId::new(follower, &told.source);
                let named = id.clone();
                let entry = offload::run(engine.store(), move |store| store.entry(&named)).await?;
                let went = entry.is_some_and(|it| {
                    matches!(it.state, State::Sending | State::Uncertain)
                        || it.events.iter().any(|it| self.is_call(it))
                });
                if went {
                    return Ok(Err(format!("{id} was sent since")));
                }
            }
        }
        Ok(Ok(current))
    }
}

/// The target document that an entry would stand for again: its former link, or the one that it gave
/// free while it was skipped.
fn back_to(before: &Before) -> Option<&str> {
    match &before.link {
        Some(link) => link.held.as_ref().map(|it| it.id.as_str()),
        None if before.after.0 == State::Skipped => before.linked.as_deref(),
        None => None,
    }
}

/// Puts down who sent texts that are among `wanted`.
fn note_texts(
    value: &Value,
    wanted: &BTreeSet<&str>,
    id: &EntryId,
    found: &mut HashMap<String, EntryId>,
) {
    if let Some(text) = value.as_str() {
        if wanted.contains(text) {
            found.entry(text.to_owned()).or_insert_with(|| id.clone());
        }
    } else if let Some(items) = value.as_array() {
        items
            .iter()
            .for_each(|it| note_texts(it, wanted, id, found));
    } else if let Some(fields) = value.as_object() {
        fields
            .iter()
            .for_each(|(_, it)| note_texts(it, wanted, id, found));
    }
}

/// Whether an entry is as the action left it, but for what the engine found without sending anything.
fn stands(before: &Before, current: &Entry) -> Result<(), String> {
    match current.state {
        State::Sending => return Err("it is being sent at this moment".to_owned()),
        State::Uncertain => {
            return Err("it was sent since, and the answer is not known".to_owned());
        }
        _ => {}
    }
    let (_, events) = before.after;
    let mut passed = 0_u32;
    let mut depth = 0_i64;
    let mut person: Option<(&str, &str)> = None;
    for event in &current.events {
        passed = passed.saturating_add(event.times);
        let fresh = passed.saturating_sub(events).min(event.times);
        if fresh == 0 {
            continue;
        }
        if event.call.is_some() {
            return Err(format!("it was sent since ({})", event.what));
        }
        if let Actor::Person(name) = &event.by {
            let back = event.what.starts_with(TAKEN_BACK);
            depth += if back {
                -i64::from(fresh)
            } else {
                i64::from(fresh)
            };
            if depth < 0 {
                return Err("it was taken back already".to_owned());
            }
            person = Some((name, &event.what));
        }
    }
    if passed < events {
        return Err("it is older than the action: the store was restored".to_owned());
    }
    if let (Some((name, what)), true) = (person, depth > 0) {
        return Err(format!("{name} changed it since ({what})"));
    }
    let linked = current.held.as_ref().map(|it| it.id.as_str());
    if linked != before.linked.as_deref() {
        return Err(match linked {
            Some(it) => format!("it was linked to {it} since"),
            None => "its link is gone since".to_owned(),
        });
    }
    Ok(())
}
