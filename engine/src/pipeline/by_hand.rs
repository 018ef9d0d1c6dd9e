//! What a person does to one document of the pipeline: takes a target document for its own, looks at
//! what would be sent.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use crate::{
    mapping::{CheckMemo, Value},
    operate::SyncRequest,
    pipeline::{
        ask::{Said, Wanted, agrees, ask},
        decide::{Decider, Decision, Raised, Ready, Takers},
        engine::Engine,
        plan::RoutePlan,
        progress::Silent,
        run::Run,
        settle::{hold, outcome, outcome_anew},
    },
    store::{Actor, Candidate, Entry, EntryId, Held, OutcomeIn, State, StoreError, offload},
};

/// Whether a decision heeds the link that an entry has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Linked {
    AsItIs,
    /// It is about to get another one.
    AsIfItWereNot,
}

impl Engine {
    /// Decides about entries of one route, with the lists as they were last read; no call is made.
    pub(super) async fn deciding<T: Send + 'static>(
        &self,
        route: &str,
        work: impl FnOnce(&Decider<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<Option<T>, StoreError> {
        let Some(plan) = self.plans.get(route).cloned() else {
            return Ok(None);
        };
        let Some(target) = self.connected.get(&plan.target.connection) else {
            return Ok(None);
        };
        let reference = self
            .references
            .held(&self.store, target, &plan.reference_streams())
            .await?;
        let matches = plan.matches().then(|| {
            plan.mapping.match_index(
                reference.documents(&plan.target.stream),
                &plan.target_rules,
                plan.rules_cx(&reference),
            )
        });
        let settings = self
            .connected
            .get(&plan.origin)
            .map(|it| it.settings.clone())
            .unwrap_or_default();
        let target_settings = target.settings.clone();
        let now = self.clock.now();
        let today = now.to_zoned(plan.zone.clone()).date().to_string();
        let plans = self.plans.clone();
        offload::run(&self.store, move |store| {
            let (memo, raised) = (
                Mutex::new(CheckMemo::default()),
                Mutex::new(Raised::default()),
            );
            let decider = Decider {
                plan: &plan,
                plans: &plans,
                store,
                reference: &reference,
                matches: matches.as_ref(),
                memo: &memo,
                settings: &settings,
                target_settings: &target_settings,
                today: &today,
                now: now.as_millisecond(),
                taken_over_at: None,
                raised: &raised,
            };
            work(&decider).map(Some)
        })
        .await
    }

    async fn decide_one(
        &self,
        id: &EntryId,
        linked: Linked,
    ) -> Result<Option<Decision>, StoreError> {
        let named = id.clone();
        let decided = self
            .deciding(&id.route, move |it| decide(it, &named, linked))
            .await?;
        Ok(decided.flatten())
    }

    /// For each question of a route the one target document that could be confirmed, or why there is
    /// none; with the lists as they were last read.
    pub(crate) async fn suggested(
        &self,
        route: &str,
        ids: Vec<EntryId>,
    ) -> Result<Vec<(EntryId, Result<Candidate, String>)>, StoreError> {
        let weighed = self
            .deciding(route, move |decider| {
                let weigh = |id: EntryId| {
                    let entry = decider.store.entry(&id)?;
                    let document = decider.store.document(&decider.plan.source, &id.source)?;
                    let answer = match (entry, document) {
                        (Some(entry), Some(document)) => {
                            decider.suggested(&id, &entry, &document)?
                        }
                        _ => Err("it is not in the store any more".to_owned()),
                    };
                    Ok((id, answer))
                };
                ids.into_iter().map(weigh).collect()
            })
            .await?;
        Ok(weighed.unwrap_or_default())
    }

    /// What an entry would send now, as JSON text, or why it would not.
    pub(crate) async fn would_send(
        &self,
        id: &EntryId,
    ) -> Result<Result<String, String>, StoreError> {
        if self
            .plans
            .get(&id.route)
            .is_some_and(|it| it.fills_groups())
        {
            return Ok(Err("it goes into a group, which is sent".into()));
        }
        Ok(match self.decide_one(id, Linked::AsItIs).await? {
            None => Err("its route is not configured any more".into()),
            Some(Decision::Send(ready) | Decision::LookFor(ready)) => Ok(ready.shown().to_json()),
            // It stands as it is: what was said of it still holds.
            Some(Decision::Leave) => {
                let wanted = id.clone();
                let entry = offload::run(&self.store, move |store| store.entry(&wanted)).await?;
                Err(why_nothing(entry.as_ref()))
            }
            Some(Decision::Settle(entry) | Decision::Settled(entry)) => {
                Err(why_nothing(Some(&*entry)))
            }
        })
    }

    /// Whether a rule would leave an entry out now, as the entry would be then; no call is made.
    pub(crate) async fn would_leave_out(&self, id: &EntryId) -> Result<Option<Entry>, StoreError> {
        Ok(match self.decide_one(id, Linked::AsItIs).await? {
            Some(Decision::Settle(next))
                if matches!(next.state, State::Skipped | State::Excluded) =>
            {
                Some(*next)
            }
            _ => None,
        })
    }

    /// What a person asks of the vendors by hand.
    pub(super) fn by_hand<'a>(&'a self, request: &'a SyncRequest) -> Run<'a> {
        Run::new(
            self,
            self.store.clone(),
            request,
            true,
            self.cancel.clone(),
            &Silent,
        )
    }

    /// Weighs target documents as entries' own: each entry comes with the id of one. Nothing changes,
    /// and the target is only asked. The answers stand in no order.
    pub(crate) async fn adoptions(
        &self,
        wanted: Vec<(EntryId, String)>,
        anyway: bool,
        by: &Actor,
    ) -> Result<Vec<(EntryId, Result<Adoption, String>)>, StoreError> {
        let mut by_route: BTreeMap<String, Vec<(EntryId, String)>> = BTreeMap::new();
        for (id, target) in wanted {
            let route = id.route.clone();
            by_route.entry(route).or_default().push((id, target));
        }
        let request = SyncRequest::default();
        let run = self.by_hand(&request);
        let mut answers = Vec::new();
        for (route, wanted) in by_route {
            match self.plans.get(&route).cloned() {
                Some(plan) => {
                    let weighing = Weighing {
                        run: &run,
                        plan,
                        anyway,
                        by,
                    };
                    answers.extend(weighing.all(wanted).await?);
                }
                None => answers.extend(wanted.into_iter().map(|(id, _)| {
                    let why = format!("no route `{route}`");
                    (id, Err(why))
                })),
            }
        }
        Ok(answers)
    }

    /// What those who follow an entry's route are to be told when its link is as it was before.
    pub(crate) fn told_anew(&self, id: &EntryId, entry: &Entry) -> Option<OutcomeIn> {
        let plan = self.plans.get(&id.route)?;
        outcome_anew(plan, &id.source, entry, self.clock.now_ms())
    }
}

/// A target document that may be taken for an entry's own.
#[derive(Debug)]
pub(crate) struct Adoption {
    /// The entry as it is.
    pub(crate) before: Entry,
    /// The entry linked.
    pub(crate) next: Entry,
    /// What those who follow its route are told.
    pub(crate) outcome: Option<OutcomeIn>,
}

/// Target documents that are weighed for entries of one route.
struct Weighing<'a> {
    run: &'a Run<'a>,
    plan: Arc<RoutePlan>,
    anyway: bool,
    by: &'a Actor,
}

impl Weighing<'_> {
    async fn all(
        &self,
        wanted: Vec<(EntryId, String)>,
    ) -> Result<Vec<(EntryId, Result<Adoption, String>)>, StoreError> {
        let store = &self.run.engine.store;
        let mut answers = Vec::new();
        let mut asked = Vec::new();
        for (id, target) in wanted {
            let named = id.clone();
            match offload::run(store, move |store| store.entry(&named)).await? {
                None => answers.push((id, Err("there is no such entry".to_owned()))),
                Some(it) if it.state == State::Sending => {
                    answers.push((id, Err("it is being sent at this moment".to_owned())));
                }
                Some(entry) => asked.push((id, target, entry)),
            }
        }
        let looks: Vec<Wanted> = asked
            .iter()
            .map(|(id, target, entry)| Wanted {
                id: id.source.clone(),
                number: entry.number.clone().unwrap_or_default(),
                remote_id: Some(target.clone()),
                ..Wanted::default()
            })
            .collect();
        let said = match ask(self.run, &self.plan.target, &looks).await {
            Ok(it) => it,
            Err(why) => {
                let why = why.message;
                answers.extend(asked.into_iter().map(|(id, ..)| (id, Err(why.clone()))));
                return Ok(answers);
            }
        };
        let named: Vec<EntryId> = asked.iter().map(|(id, ..)| id.clone()).collect();
        let decided = self
            .run
            .engine
            .deciding(self.plan.name(), move |decider| {
                let one = |id: &EntryId| decide(decider, id, Linked::AsIfItWereNot);
                named.iter().map(one).collect::<Result<Vec<_>, _>>()
            })
            .await?;
        // One that could not be decided about cannot be compared.
        let none = std::iter::repeat_with(|| None);
        let decided = decided.unwrap_or_default().into_iter().chain(none);
        let route = self.plan.name().to_owned();
        let mut takers = offload::run(store, move |store| Takers::read(store, &route)).await?;
        for (((id, target, entry), said), decision) in asked.into_iter().zip(said).zip(decided) {
            let ready = match decision {
                Some(Decision::Send(it) | Decision::LookFor(it)) => Some(*it),
                _ => None,
            };
            let answer = self
                .found(&target, said)
                .and_then(|(target, body)| self.one(&id, entry, ready, &target, body, &mut takers));
            answers.push((id, answer));
        }
        Ok(answers)
    }

    /// The id and the body of what the target holds.
    fn found(&self, target: &str, said: Said) -> Result<(String, String), String> {
        match said {
            Said::Holds { id, body } => Ok((id, body)),
            Said::HoldsNot => Err(format!(
                "{} holds no {} with the id {target}",
                self.plan.target_title, self.plan.target_stream.title
            )),
            Said::Person(found, _) => Err(found.cause),
            Said::Unknown(why) => Err(why),
        }
    }

    fn one(
        &self,
        id: &EntryId,
        entry: Entry,
        ready: Option<Ready>,
        target: &str,
        body: String,
        takers: &mut Takers,
    ) -> Result<Adoption, String> {
        let plan = &self.plan;
        let other = takers.other(target, id).filter(|_| plan.one_for_one());
        if let Some(other) = other {
            return Err(format!(
                "it stands for {other} already, and may stand for one alone"
            ));
        }
        let held = Value::parse(body.as_bytes()).unwrap_or_default();
        let now = self.run.engine.clock.now_ms();
        let mut next = entry.clone();
        match ready {
            Some(ready) => {
                if let (Err(apart), false) = (agrees(plan, &ready, &held), self.anyway) {
                    return Err(format!(
                        "the two differ ({apart}); `--anyway` takes it all the same"
                    ));
                }
                next.number.clone_from(&ready.number);
                hold(plan, &mut next, &ready, target, &body, now);
                if let Some(it) = next.held.as_mut() {
                    it.adopted = true;
                }
            }
            None if !self.anyway => {
                return Err(
                    "the source document cannot be prepared, so the two cannot be compared; \
                     `--anyway` takes it all the same"
                        .into(),
                );
            }
            None => {
                next.held = Some(Held {
                    id: target.to_owned(),
                    state: plan.held_state(&held),
                    seen_at: now,
                    answered: body,
                    adopted: true,
                    ..Held::default()
                });
            }
        }
        if let Some(before) = &entry.held {
            takers.free(&before.id);
        }
        takers.take(target, id);
        next.clear_stop();
        let what = format!("adopted {target}");
        next.record(now, State::Synced, self.by.clone(), what, None);
        Ok(Adoption {
            outcome: outcome(plan, &id.source, &next, now),
            before: entry,
            next,
        })
    }
}

fn decide(
    decider: &Decider<'_>,
    id: &EntryId,
    linked: Linked,
) -> Result<Option<Decision>, StoreError> {
    let Some(mut entry) = decider.store.entry(id)? else {
        return Ok(None);
    };
    if linked == Linked::AsIfItWereNot {
        entry.held = None;
    }
    let document = decider.store.document(&decider.plan.source, &id.source)?;
    decider.decide(id, &entry, document.as_ref()).map(Some)
}

fn why_nothing(entry: Option<&Entry>) -> String {
    let why = entry.map(|it| match &it.problem {
        Some(problem) => problem.cause.as_str(),
        None => it.last_words(),
    });
    format!("nothing: {}", why.unwrap_or("it is gone"))
}
