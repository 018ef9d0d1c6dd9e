//! Links of a document to entries of other routes: what it needs from them, and whether they can give
//! it yet.

use std::{collections::BTreeSet, sync::Arc};

use ledgerline_plugin_api::manifest::HeldState;

use crate::{
    mapping::{LinkAnswer, LinkAsk, LinkBy, Links, Value},
    pipeline::{
        decide::{Decider, lock},
        plan::RoutePlan,
        settle::held_name,
    },
    store::{Cause, Entry, EntryId, Held, LookUp, State},
};

/// Links while only the gate is asked.
pub(super) struct NoLinks;

impl Links for NoLinks {
    fn resolve(&self, ask: &LinkAsk<'_>) -> LinkAnswer {
        LinkAnswer::Target(ask.value.to_owned())
    }
}

/// Links as the store holds them.
pub(super) struct StoredLinks<'a> {
    pub(super) decider: &'a Decider<'a>,
}

impl Links for StoredLinks<'_> {
    fn resolve(&self, ask: &LinkAsk<'_>) -> LinkAnswer {
        let (decider, link) = (self.decider, ask.link);
        let Some(route) = decider.plan.route.links.get(link) else {
            return waiting(
                format!("link {link}"),
                format!("the route binds no link `{link}`"),
                "bind it in the route's `links`".to_owned(),
            );
        };
        let found = match ask.by {
            LinkBy::Id => Ok(ask.value.to_owned()),
            LinkBy::Number => self.only(route, LookUp::Number, ask),
            LinkBy::Target => self.only(route, LookUp::Target, ask),
        };
        let id = match found {
            Ok(id) if ask.by == LinkBy::Target => return LinkAnswer::Target(id),
            Ok(id) => match self.meant(ask, route, id) {
                Ok(id) => id,
                Err(answer) => return answer,
            },
            Err(answer) => return answer,
        };
        let id = id.as_str();
        let wanted = EntryId::new(route, id);
        let cause = Cause::entry(&wanted).key;
        let entry = match decider.store.entry(&wanted) {
            Ok(it) => it,
            Err(why) => {
                return waiting(cause, why.to_string(), "mend the store".to_owned());
            }
        };
        let Some(entry) = entry else {
            return waiting(
                cause,
                format!("{link} {id} has not been read from the source"),
                format!("see that it exists and can be read, then `ledgerline sync {route}`"),
            );
        };
        let name = named(&entry, decider.plans.get(route)).unwrap_or_else(|| id.to_owned());
        match (entry.state, &entry.held) {
            (State::Synced, Some(held)) if ask.approved && !is_posted(held) => {
                let target = &decider.plan.target_title;
                let there = held.state.map_or("not approved", held_name);
                waiting(
                    format!("approval in {route}"),
                    format!("{name} is {there} in {target}, not approved"),
                    format!("approve it in {target}; this goes on by itself"),
                )
            }
            (State::Synced, Some(held)) => self.given(ask, &wanted, &name, held),
            (_, Some(held))
                if decider
                    .plans
                    .get(route)
                    .is_some_and(|it| it.still_links(&wanted, &entry)) =>
            {
                self.given(ask, &wanted, &name, held)
            }
            (State::Excluded, None) if ask.approved => {
                lock(decider.raised).needed.insert(wanted.clone());
                waiting(
                    cause,
                    format!("{name} is left out: {}", entry.last_words()),
                    "it goes on by itself once that one is in the books; if it never will be, settle this \
                     by hand there and `ledgerline skip` it"
                        .to_owned(),
                )
            }
            (State::Excluded | State::Pending | State::Synced, _) => {
                lock(decider.raised).needed.insert(wanted.clone());
                waiting(
                    cause,
                    format!("{name} is not linked yet"),
                    format!("`ledgerline sync {route}`"),
                )
            }
            (State::Skipped, _) => waiting(
                cause,
                format!("{name} was skipped"),
                format!("`ledgerline reset {wanted}`, then link it"),
            ),
            _ => {
                let (why, remedy) = match &entry.problem {
                    Some(it) => (it.cause.clone(), it.remedy.clone()),
                    None => (
                        format!("{name} is {}", entry.state.name()),
                        "`ledgerline sync`".into(),
                    ),
                };
                waiting(cause, why, remedy)
            }
        }
    }
}

impl StoredLinks<'_> {
    /// The one entry with this value.
    fn only(&self, route: &str, by: LookUp, ask: &LinkAsk<'_>) -> Result<String, LinkAnswer> {
        let LinkAsk { link, value, .. } = *ask;
        let cause = format!("{link} {value} on {route}");
        let found = self.decider.store.look_up(route, by, value);
        let found = found
            .map_err(|why| waiting(cause.clone(), why.to_string(), "mend the store".to_owned()))?;
        match found.as_slice() {
            [only] => Ok(only.clone()),
            [] if by == LookUp::Target => Err(LinkAnswer::Nothing(format!(
                "no document of {route} stands for the {link} {value}"
            ))),
            [] => Err(waiting(
                cause,
                format!("the {link} {value} has not been read from the source"),
                format!("see that it exists and can be read, then `ledgerline sync {route}`"),
            )),
            several => Err(waiting(
                cause,
                format!(
                    "{} documents have the number {value} of the {link}",
                    several.len()
                ),
                "give each a number of its own in the source".to_owned(),
            )),
        }
    }

    /// The id of a linked document in the target, or what is to be read of it.
    fn given(&self, ask: &LinkAsk<'_>, wanted: &EntryId, name: &str, held: &Held) -> LinkAnswer {
        let answer = self.in_use(wanted, name, held);
        let (LinkAnswer::Target(_), Some(path)) = (&answer, ask.read) else {
            return answer;
        };
        let text = match held.answered.is_empty() {
            true => &held.sent,
            false => &held.answered,
        };
        let document = Value::parse(text.as_bytes()).unwrap_or_default();
        match document.get(path).filter(|it| !it.is_blank()) {
            Some(it) => LinkAnswer::Target(it.to_text().to_string()),
            None => waiting(
                format!("{path} of {wanted}"),
                format!(
                    "{name} has no {path}, as {} holds it",
                    self.decider.plan.target_title
                ),
                format!("`ledgerline show {wanted}`"),
            ),
        }
    }

    /// Follows merges, and refuses a link whose target document is out of use.
    fn in_use(&self, wanted: &EntryId, name: &str, held: &Held) -> LinkAnswer {
        let decider = self.decider;
        let Some(plan) = decider.plans.get(&wanted.route) else {
            return LinkAnswer::Target(held.id.clone());
        };
        if plan.target.connection != decider.plan.target.connection
            || plan.target_stream.life.is_none()
        {
            return LinkAnswer::Target(held.id.clone());
        }
        let mut id = held.id.clone();
        let mut seen = BTreeSet::new();
        loop {
            let Some(document) = decider.reference.get(&plan.target.stream, &id) else {
                // Not in the list that was read: the target itself will say.
                return LinkAnswer::Target(id);
            };
            let cx = plan.rules_cx(decider.reference);
            if plan.target_rules.active(document, cx).unwrap_or(true) {
                if id != held.id {
                    lock(decider.raised)
                        .moved
                        .insert(wanted.clone(), id.clone());
                }
                return LinkAnswer::Target(id);
            }
            match plan.target_rules.moved_to(document, cx).ok().flatten() {
                Some(next) if seen.insert(id.clone()) => id = next,
                _ => break,
            }
        }
        let cause = format!("{name} is out of use in {}", plan.target_title);
        lock(decider.raised)
            .broken
            .insert(wanted.clone(), cause.clone());
        let remedy = plan
            .target_rules
            .life_remedy()
            .unwrap_or_default()
            .to_owned();
        waiting(Cause::entry(wanted).key, cause, remedy)
    }
}

/// Whether the books hold it: a draft is not posted.
fn is_posted(held: &Held) -> bool {
    matches!(held.state, Some(HeldState::Approved | HeldState::Paid))
}

/// What people call a linked document: a counterparty by its name, any other by its number.
fn named(entry: &Entry, plan: Option<&Arc<RoutePlan>>) -> Option<String> {
    if plan.is_some_and(|it| it.matches()) {
        return entry.facts.party.clone();
    }
    let number = entry.facts.number.clone();
    number.or_else(|| entry.facts.party.clone())
}

pub(super) fn waiting(cause_key: String, cause: String, remedy: String) -> LinkAnswer {
    LinkAnswer::Waiting {
        cause_key,
        cause,
        remedy,
    }
}
