//! A target's documents as they are compared.

use std::{collections::BTreeSet, sync::Arc};

use jiff::civil::Date;
use ledgerline_plugin_api::manifest::{HeldState, Stream};

use super::{
    Difference, TargetSide,
    read::Books,
    source::{Expected, cut_over},
};
use crate::{
    mapping::{Reference, Value},
    pipeline::RoutePlan,
};

/// One document of the target.
pub(super) struct Row {
    pub(super) side: TargetSide,
    /// It is of a kind that one of the routes makes.
    pub(super) fits: bool,
    /// Its values at the places of the stream's `identity`, as text.
    pub(super) identity: Vec<Option<String>>,
}

/// Looks at documents of one target stream.
pub(super) struct Lens {
    /// The stream, as `CONNECTION/STREAM`.
    pub(super) to: String,
    lists: Arc<Reference>,
    /// Every route into the stream.
    plans: Vec<Arc<RoutePlan>>,
    /// Routes of links, by the place in `identity` that they fill.
    linked: Vec<(usize, Arc<RoutePlan>)>,
    base: String,
    cut_over: Option<Date>,
}

impl Lens {
    /// Streams of the target that links into the stream lead to.
    pub(super) fn lists(books: &Books<'_>) -> Vec<String> {
        let mut streams: Vec<String> = linked(books)
            .into_iter()
            .map(|(_, plan)| plan.target.stream.clone())
            .collect();
        streams.sort();
        streams.dedup();
        streams
    }

    pub(super) fn new(books: &Books<'_>, lists: Arc<Reference>) -> Self {
        Self {
            to: books.to(),
            lists,
            linked: linked(books),
            base: books
                .plans
                .first()
                .map(|it| books.base(it))
                .unwrap_or_default(),
            cut_over: cut_over(&books.all),
            plans: books.all.clone(),
        }
    }

    /// One document.
    pub(super) fn row(&self, id: &str, document: &Value) -> Row {
        let Some(plan) = self.plans.first() else {
            return Row {
                side: TargetSide::default(),
                fits: false,
                identity: Vec::new(),
            };
        };
        let rules = &plan.target_rules;
        let facts = rules.facts(document, &plan.target_settings);
        // The total that it shows, not the one that it would be given when it were sent.
        let none = Reference::default();
        let total = rules
            .held_total(document, plan.rules_cx(&none))
            .ok()
            .flatten();
        let state = plan.held_state(document);
        let identity: Vec<Option<String>> = plan
            .target_stream
            .identity
            .iter()
            .map(|path| document.get(path).map(|it| it.to_text().to_string()))
            .collect();
        let side = TargetSide {
            id: id.to_owned(),
            number: facts.number,
            date: facts.date,
            total,
            currency: facts.currency.unwrap_or_else(|| self.base.clone()),
            party: facts.party.or_else(|| self.party(&identity)),
            state,
            posted: is_posted(&plan.target_stream, state),
        };
        Row {
            fits: self.plans.iter().any(|it| makes(it, document)),
            identity,
            side,
        }
    }

    /// Who it is with, by the lists.
    fn party(&self, identity: &[Option<String>]) -> Option<String> {
        self.linked.iter().find_map(|(place, plan)| {
            let id = identity.get(*place)?.as_ref()?;
            self.name(plan, id)
        })
    }

    fn name(&self, plan: &RoutePlan, id: &str) -> Option<String> {
        let document = self.lists.get(&plan.target.stream, id)?;
        let cx = plan.rules_cx(&self.lists);
        Some(plan.target_rules.label(document, cx)).filter(|it| !it.is_empty())
    }

    /// Links that a document does not carry as they are here.
    pub(super) fn links_apart(&self, expected: &[Expected], row: &Row) -> Vec<Difference> {
        let mut found = Vec::new();
        for it in expected {
            let held = row.identity.get(it.place).cloned().flatten();
            let plan = self
                .linked
                .iter()
                .find(|(place, plan)| *place == it.place && plan.name() == it.route)
                .map(|(_, plan)| plan);
            let now = |id: &str| match plan {
                Some(plan) => self.moved(plan, id),
                None => id.to_owned(),
            };
            if held.as_deref().map(now) == Some(now(&it.id)) {
                continue;
            }
            let told = |id: &str| match plan.and_then(|plan| self.name(plan, id)) {
                Some(name) => format!("{name} ({id})"),
                None => id.to_owned(),
            };
            found.push(Difference {
                field: it.link.clone(),
                source: Some(told(&it.id)),
                target: held.as_deref().map(told),
            });
        }
        found
    }

    /// The id after all merges.
    fn moved(&self, plan: &RoutePlan, id: &str) -> String {
        let cx = plan.rules_cx(&self.lists);
        let mut id = id.to_owned();
        let mut seen = BTreeSet::new();
        while seen.insert(id.clone())
            && let Some(document) = self.lists.get(&plan.target.stream, &id)
            && let Ok(Some(next)) = plan.target_rules.moved_to(document, cx)
        {
            id = next;
        }
        id
    }

    /// What is known about the making of a document that nothing is linked to.
    pub(super) fn notes(&self, side: &TargetSide) -> Vec<String> {
        match (self.cut_over, side.date) {
            (Some(start), Some(date)) if date < start => {
                vec![format!("it is dated before the cut-over, {start}")]
            }
            _ => Vec::new(),
        }
    }
}

/// Routes that fill places of the stream's `identity` by links to lists of the same target.
fn linked(books: &Books<'_>) -> Vec<(usize, Arc<RoutePlan>)> {
    let mut found: Vec<(usize, Arc<RoutePlan>)> = Vec::new();
    for plan in &books.all {
        for (place, path) in plan.target_stream.identity.iter().enumerate() {
            let route = plan
                .mapping
                .link_at(path)
                .and_then(|it| plan.route.links.get(it))
                .and_then(|it| books.engine.plans.get(it));
            if let Some(route) = route
                && route.target.connection == books.stream.connection
            {
                found.push((place, route.clone()));
            }
        }
    }
    found
}

/// Whether a document could be one that a route makes: it has what each of them has.
fn makes(plan: &RoutePlan, document: &Value) -> bool {
    plan.target_stream.identity.iter().all(|path| {
        plan.mapping
            .constant_at(path)
            .is_none_or(|it| document.get(path) == Some(it))
    })
}

/// A document of a route's target by itself; its currency and counterparty are those of what it belongs to.
pub(super) fn target_side(
    plan: &RoutePlan,
    id: &str,
    document: &Value,
    state: Option<HeldState>,
) -> TargetSide {
    let rules = &plan.target_rules;
    let facts = rules.facts(document, &plan.target_settings);
    let none = Reference::default();
    TargetSide {
        id: id.to_owned(),
        number: facts.number,
        date: facts.date,
        total: rules
            .held_total(document, plan.rules_cx(&none))
            .ok()
            .flatten(),
        currency: facts.currency.unwrap_or_default(),
        party: facts.party,
        state,
        posted: is_posted(&plan.target_stream, state),
    }
}

/// Whether a document is in the ledger. Where the stream tells of no states, everything is; a state
/// that nobody can read is not taken for a posting.
pub(super) fn is_posted(stream: &Stream, state: Option<HeldState>) -> bool {
    match state {
        Some(HeldState::Approved | HeldState::Paid | HeldState::Active | HeldState::Archived) => {
            true
        }
        Some(
            HeldState::Draft | HeldState::AwaitingApproval | HeldState::Voided | HeldState::Deleted,
        ) => false,
        None => stream.state.is_none(),
    }
}
