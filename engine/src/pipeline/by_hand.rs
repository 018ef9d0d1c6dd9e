//! What a person does to one document of the pipeline: takes a target document for its own, looks at
//! what would be sent.

use std::sync::Mutex;

use crate::{
    mapping::{CheckMemo, Value},
    operate::SyncRequest,
    pipeline::{
        ask::{Said, Wanted, agrees, ask},
        decide::{Decider, Decision, Raised, Ready, Takers},
        engine::Engine,
        progress::Silent,
        run::Run,
        settle::{hold, outcome},
    },
    store::{Actor, Change, Entry, EntryId, Held, Settlement, State, StoreError, offload},
};

/// Whether a decision heeds the link that an entry has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Linked {
    AsItIs,
    /// It is about to get another one.
    AsIfItWereNot,
}

impl Engine {
    /// Decides about one entry, with the lists as they were last read; no call is made.
    async fn decide_one(
        &self,
        id: &EntryId,
        linked: Linked,
    ) -> Result<Option<Decision>, StoreError> {
        let decided = self.with_decider(id, |decider| {
            let Some(mut entry) = decider.store.entry(id)? else {
                return Ok(None);
            };
            if linked == Linked::AsIfItWereNot {
                entry.held = None;
            }
            let document = decider.store.document(&decider.plan.source, &id.source)?;
            decider.decide(id, &entry, document.as_ref()).map(Some)
        });
        Ok(decided.await?.flatten())
    }

    /// Gives what decides about an entry's route, with the lists as they were last read; nothing where
    /// there is no such route. No call is made.
    pub(super) async fn with_decider<T>(
        &self,
        id: &EntryId,
        work: impl FnOnce(&Decider<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let Some(plan) = self.plans.get(&id.route).cloned() else {
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

    /// What an entry would send now, as JSON text, or why it would not.
    pub(crate) async fn would_send(
        &self,
        id: &EntryId,
    ) -> Result<Result<String, String>, StoreError> {
        Ok(match self.decide_one(id, Linked::AsItIs).await? {
            None => Err("its route is not configured any more".into()),
            Some(Decision::Send(ready) | Decision::LookFor(ready)) => Ok(ready.body.to_json()),
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

    /// Another entry of the route that stands for a target document, where only one may.
    async fn other_taker(&self, id: &EntryId, target: &str) -> Result<Option<EntryId>, StoreError> {
        if self.plans.get(&id.route).is_none_or(|it| !it.one_for_one()) {
            return Ok(None);
        }
        let route = id.route.clone();
        let takers = offload::run(&self.store, move |store| Takers::read(store, &route)).await?;
        Ok(takers.other(target, id))
    }

    /// Takes a target document for an entry's own.
    pub(crate) async fn adopt(
        &self,
        id: &EntryId,
        target: &str,
        anyway: bool,
        by: &Actor,
    ) -> Result<Result<(), String>, StoreError> {
        let Some(plan) = self.plans.get(&id.route).cloned() else {
            return Ok(Err(format!("no route `{}`", id.route)));
        };
        let wanted = id.clone();
        let Some(entry) = offload::run(&self.store, move |store| store.entry(&wanted)).await?
        else {
            return Ok(Err("there is no such entry".into()));
        };
        if matches!(entry.state, State::Sending) {
            return Ok(Err("it is being sent at this moment".into()));
        }
        let request = SyncRequest::default();
        let run = Run::new(
            self,
            self.store.clone(),
            &request,
            true,
            self.cancel.clone(),
            &Silent,
        );
        let look = Wanted {
            id: id.source.clone(),
            number: entry.number.clone().unwrap_or_default(),
            remote_id: Some(target.to_owned()),
            ..Wanted::default()
        };
        let said = ask(&run, &plan.target, &[look]).await;
        let (target_id, body) = match said.map(|it| it.into_iter().next()) {
            Ok(Some(Said::Holds { id, body })) => (id, body),
            Ok(Some(Said::HoldsNot) | None) => {
                return Ok(Err(format!(
                    "{} holds no {} with the id {target}",
                    plan.target_title, plan.target_stream.title
                )));
            }
            Ok(Some(Said::Person(found, _))) => return Ok(Err(found.cause)),
            Ok(Some(Said::Unknown(why))) => return Ok(Err(why)),
            Err(why) => return Ok(Err(why.message)),
        };
        if let Some(other) = self.other_taker(id, &target_id).await? {
            return Ok(Err(format!(
                "it stands for {other} already, and may stand for one alone"
            )));
        }
        let held = Value::parse(body.as_bytes()).unwrap_or_default();
        let now = self.clock.now_ms();
        let ready: Option<Ready> = match self.decide_one(id, Linked::AsIfItWereNot).await? {
            Some(Decision::Send(it) | Decision::LookFor(it)) => Some(*it),
            _ => None,
        };
        let mut next = entry.clone();
        match ready {
            Some(ready) => {
                if let (Err(apart), false) = (agrees(&plan, &ready, &held), anyway) {
                    return Ok(Err(format!(
                        "the two differ ({apart}); `--anyway` takes it all the same"
                    )));
                }
                next.number.clone_from(&ready.number);
                hold(&plan, &mut next, &ready, &target_id, &body, now);
                if let Some(it) = next.held.as_mut() {
                    it.adopted = true;
                }
            }
            None if !anyway => {
                return Ok(Err(
                    "the source document cannot be prepared, so the two cannot be compared; \
                     `--anyway` takes it all the same"
                        .into(),
                ));
            }
            None => {
                next.held = Some(Held {
                    id: target_id.clone(),
                    state: plan.held_state(&held),
                    seen_at: now,
                    answered: body,
                    adopted: true,
                    ..Held::default()
                });
            }
        }
        next.clear_stop();
        next.record(
            now,
            State::Synced,
            by.clone(),
            format!("adopted {target_id}"),
            None,
        );
        let outcomes = outcome(&run, &plan, &id.source, &next, now)
            .into_iter()
            .collect::<Vec<_>>();
        let settlement = Settlement {
            changes: vec![Change {
                id: id.clone(),
                seen: entry.seen(),
                entry: next,
            }],
            outcomes,
            ..Settlement::default()
        };
        offload::run(&self.store, move |store| store.settle(settlement)).await?;
        Ok(Ok(()))
    }
}

fn why_nothing(entry: Option<&Entry>) -> String {
    let why = entry.map(|it| match &it.problem {
        Some(problem) => problem.cause.as_str(),
        None => it.last_words(),
    });
    format!("nothing: {}", why.unwrap_or("it is gone"))
}
