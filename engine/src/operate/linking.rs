//! Which target document an entry stands for, answered by a person.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    operate::{Answer, Deed, LinkAnswer, LinkTo, Question, actions::Keeper},
    pipeline::{Engine, Takers, first_sight_note},
    store::{
        Actor, Candidate, Cause, Change, EntryId, Filter, Held, Settlement, State, StoreError,
        StreamId, Tally, offload,
    },
};

/// Questions, and which of them one target document answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SuggestedLinks {
    /// Those that can be confirmed together, with what they would be linked to.
    pub certain: Vec<(Question, Candidate)>,
    /// Those that need a closer look, each with the reason.
    pub left: Vec<(Question, String)>,
}

/// What waits for an entry.
pub(super) async fn waiting_for(engine: &Engine, id: &EntryId) -> Result<Tally, StoreError> {
    let cause = Cause::entry(id).key;
    let own = id.route.clone();
    let groups = offload::run(engine.store(), |store| store.groups(&[])).await?;
    let mut all = Tally::default();
    for group in groups
        .into_iter()
        .filter(|it| it.cause == cause && it.route != own)
    {
        all.count += group.tally.count;
        for (currency, sum) in group.tally.money {
            *all.money.entry(currency).or_default() += sum;
        }
    }
    Ok(all)
}

/// Everything that waits for such an answer.
pub(super) async fn questions(engine: &Engine) -> Result<Vec<Question>, StoreError> {
    let mut questions = Vec::new();
    for (name, plan) in engine.plans.iter() {
        if !plan.matches() {
            continue;
        }
        let filter = Filter {
            routes: vec![name.clone()],
            states: vec![State::Warning],
            ..Filter::default()
        };
        let mut after: Option<String> = None;
        loop {
            let (filter, from) = (filter.clone(), after.clone());
            let page = offload::run(engine.store(), move |store| {
                store.page_of(&filter, from.as_deref(), 500)
            })
            .await?;
            for (id, entry) in page.rows {
                let waiting = waiting_for(engine, &id).await?;
                questions.push(Question { id, entry, waiting });
            }
            match page.next {
                Some(it) => after = Some(it),
                None => break,
            }
        }
    }
    questions.sort_by(|a, b| b.waiting.count.cmp(&a.waiting.count).then(a.id.cmp(&b.id)));
    Ok(questions)
}

/// Answers questions, several at once.
pub(super) async fn link(
    engine: &Engine,
    by: Actor,
    answers: Vec<LinkAnswer>,
) -> Result<Answer, StoreError> {
    let (mut linked, mut woken, mut refused) = (0, 0, Vec::new());
    let mut takers: BTreeMap<String, Takers> = BTreeMap::new();
    let mut keeper = Keeper::begin(engine, &by, Deed::Link, None).await?;
    for LinkAnswer { id, to } in answers {
        let waiting = waiting_for(engine, &id).await?;
        if !takers.contains_key(&id.route) {
            let route = id.route.clone();
            let read =
                offload::run(engine.store(), move |store| Takers::read(store, &route)).await?;
            takers.insert(id.route.clone(), read);
        }
        let Some(takers) = takers.get_mut(&id.route) else {
            continue;
        };
        match link_one(engine, &by, &id, to, takers, &mut keeper).await? {
            Ok(()) => {
                linked += 1;
                woken += waiting.count;
            }
            Err(why) => refused.push((id, why)),
        }
    }
    Ok(Answer::Linked {
        linked,
        refused,
        woken,
    })
}

async fn link_one(
    engine: &Engine,
    by: &Actor,
    id: &EntryId,
    to: LinkTo,
    takers: &mut Takers,
    keeper: &mut Keeper<'_>,
) -> Result<Result<(), String>, StoreError> {
    let Some(plan) = engine.plans.get(&id.route) else {
        return Ok(Err(format!("no route `{}`", id.route)));
    };
    if !plan.matches() {
        return Ok(Err(format!(
            "documents of {} are not linked by hand; `ledgerline adopt {id} --to ID` takes a document \
             of {} for its own",
            id.route, plan.target_title
        )));
    }
    let wanted = id.clone();
    let entry = offload::run(engine.store(), move |store| store.entry(&wanted)).await?;
    let Some(entry) = entry else {
        return Ok(Err(format!(
            "no entry {id}; `ledgerline link --export` lists the questions"
        )));
    };
    if matches!(entry.state, State::Uncertain | State::Sending) {
        return Ok(Err(format!(
            "{id} is {}: wait until that is cleared up",
            entry.state.name()
        )));
    }
    let now = engine.clock().now_ms();
    let seen = entry.seen();
    let mut next = entry.clone();
    next.clear_stop();
    match to {
        LinkTo::Create if plan.mapping.only_finds() => {
            return Ok(Err(format!(
                "the route {} makes nothing: enter it in {} yourself",
                plan.name(),
                plan.target_title
            )));
        }
        LinkTo::Create => {
            if next.held.is_some() {
                return Ok(Err(format!("{id} is linked already")));
            }
            next.create_new = true;
            next.requested = true;
            next.needed = true;
            next.record(now, State::Pending, by.clone(), "to be created", None);
        }
        LinkTo::Target(target) => {
            let known = known_target(engine, &plan.target, &target).await?;
            let Some(target) = known else {
                return Ok(Err(format!(
                    "{} holds no {} with the id {target}, as it was last read; `ledgerline sync {}` \
                     reads it again",
                    plan.target_title, plan.target_stream.title, id.route
                )));
            };
            if let Some(other) = takers.other(&target, id).filter(|_| plan.one_for_one()) {
                return Ok(Err(format!(
                    "{target} stands for {other} already; link that one to another {}, or merge the two \
                     in {}",
                    plan.target_stream.title, plan.source_title
                )));
            }
            if let Some(before) = &next.held {
                takers.free(&before.id);
            }
            takers.take(&target, id);
            next.held = Some(Held {
                id: target.clone(),
                seen_at: now,
                adopted: true,
                ..Held::default()
            });
            next.record(
                now,
                State::Synced,
                by.clone(),
                format!("linked to {target}"),
                None,
            );
        }
    }
    let change = Change {
        id: id.clone(),
        seen,
        entry: next,
    };
    let mut notes = keeper.notes([(&entry, &change)]);
    if plan.pushes() {
        notes.push((first_sight_note(&id.route), None));
    }
    let settlement = Settlement {
        changes: vec![change],
        notes,
        ..Settlement::default()
    };
    offload::run(engine.store(), move |store| store.settle(settlement)).await?;
    Ok(Ok(()))
}

/// The id as the list of the target spells it.
async fn known_target(
    engine: &Engine,
    stream: &StreamId,
    id: &str,
) -> Result<Option<String>, StoreError> {
    let (stream, asked) = (stream.clone(), id.trim().to_owned());
    offload::run(engine.store(), move |store| {
        for spelling in [asked.clone(), asked.to_lowercase()] {
            if store
                .document(&stream, &spelling)?
                .is_some_and(|it| !it.deleted)
            {
                return Ok(Some(spelling));
            }
        }
        Ok(None)
    })
    .await
}

/// The questions that one target document answers.
pub(super) async fn suggested(engine: &Engine) -> Result<SuggestedLinks, StoreError> {
    let mut by_route: BTreeMap<String, Vec<Question>> = BTreeMap::new();
    for question in questions(engine).await? {
        let route = question.id.route.clone();
        by_route.entry(route).or_default().push(question);
    }
    let mut links = SuggestedLinks::default();
    for (route, questions) in by_route {
        let ids = questions.iter().map(|it| it.id.clone()).collect();
        let weighed = engine.suggested(&route, ids).await?;
        let mut wanted: BTreeMap<String, u32> = BTreeMap::new();
        for candidate in weighed.iter().filter_map(|(_, it)| it.as_ref().ok()) {
            *wanted.entry(candidate.id.clone()).or_default() += 1;
        }
        let unique = engine.plans.get(&route).is_some_and(|it| it.one_for_one());
        for (question, (_, answer)) in questions.into_iter().zip(weighed) {
            match answer {
                Ok(it) if unique && wanted.get(&it.id).is_some_and(|it| *it > 1) => {
                    let why = format!("{} is suggested for others, too", it.label);
                    links.left.push((question, why));
                }
                Ok(it) => links.certain.push((question, it)),
                Err(why) => links.left.push((question, why)),
            }
        }
    }
    Ok(links)
}
