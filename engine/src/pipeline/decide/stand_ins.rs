//! Counterparties that stand for another one: the branch whose head office is billed. The document goes
//! to what the other one is in the target, and this one needs nothing there.

use crate::{
    mapping::{Apply, Followed, LinkAnswer, LinkAsk, Shared, Stop, Value},
    pipeline::{
        decide::links::{NoLinks, StoredLinks, waiting},
        plan::RoutePlan,
    },
    store::EntryId,
};

/// How often one may stand for the next.
const HOPS: usize = 8;

impl StoredLinks<'_> {
    /// Id in the source of the one that is meant where `id` is named.
    pub(super) fn meant(
        &self,
        ask: &LinkAsk<'_>,
        route: &str,
        id: String,
    ) -> Result<String, LinkAnswer> {
        let Some(plan) = self.decider.plans.get(route) else {
            return Ok(id);
        };
        if !plan.mapping.matcher().is_some_and(|it| it.has_stand_ins()) {
            return Ok(id);
        }
        let mut chain = vec![id];
        while let Some(next) = self.next(ask, plan, &chain[chain.len() - 1])? {
            if chain.last() == Some(&next) {
                break;
            }
            if let Some(at) = chain.iter().position(|it| *it == next) {
                let first = chain[at..].iter().min().unwrap_or(&next);
                let key = format!("circle of {}", EntryId::new(route, first));
                chain.push(next);
                return Err(self.endless(plan, key, &chain[at..], "a circle"));
            }
            chain.push(next);
            if chain.len() > HOPS + 1 {
                let key = format!("chain of {}", EntryId::new(route, &chain[0]));
                return Err(self.endless(plan, key, &chain, "too many"));
            }
        }
        Ok(chain.pop().unwrap_or_default())
    }

    /// The one that `id` stands for, when it stands for another. What cannot be read stands for
    /// itself: its own entry tells what is wrong with it.
    fn next(
        &self,
        ask: &LinkAsk<'_>,
        plan: &RoutePlan,
        id: &str,
    ) -> Result<Option<String>, LinkAnswer> {
        let read = self.decider.store.document(&plan.source, id);
        let document = read.map_err(|why| {
            let key = format!("{} {id}", ask.link);
            waiting(key, why.to_string(), "mend the store".to_owned())
        })?;
        let document = document.filter(|it| !it.deleted);
        let Some(document) = document.and_then(|it| Value::parse(&it.body).ok()) else {
            return Ok(None);
        };
        let cx = Apply {
            document: &document,
            settings: &plan.source_settings,
            target_settings: &plan.target_settings,
            number: None,
            today: self.decider.today,
            links: &NoLinks,
            followed: &Followed::default(),
            shared: &Shared::default(),
        };
        plan.mapping.stands_for(&cx).map_err(|stop| match stop {
            Stop::Problem {
                problem, cause_key, ..
            } => waiting(cause_key, problem.cause, problem.remedy),
            Stop::Excluded { reason } => {
                waiting(format!("{} {id}", ask.link), reason, String::new())
            }
        })
    }

    fn endless(&self, plan: &RoutePlan, key: String, chain: &[String], what: &str) -> LinkAnswer {
        let name = |id: &String| {
            let entry = self.decider.store.entry(&EntryId::new(plan.name(), id));
            let party = entry.ok().flatten().and_then(|it| it.facts.party);
            party.map_or_else(|| id.clone(), |it| format!("{it} ({id})"))
        };
        let names: Vec<String> = chain.iter().map(name).collect();
        waiting(
            key,
            format!("{what}: {}, each stands for the next", names.join(" → ")),
            format!(
                "let one of them stand for itself in {}; this goes on by itself",
                plan.source_title
            ),
        )
    }
}
