//! A route's source documents as they are compared.

use std::{collections::BTreeMap, sync::Arc};

use jiff::civil::Date;
use ledgerline_plugin_api::manifest::Category;

use super::{
    Period, SourceSide,
    both::{Both, PartSide, Stored},
    read::{Books, Seen},
    target::target_side,
};
use crate::{
    mapping::{Apply, Followed, LinkAnswer, LinkAsk, LinkBy, Links, Shared, Value},
    pipeline::{Decided, RoutePlan},
    store::{Actor, Cause, Document, Entry, EntryId, Held, LookUp, State, Store, StoreError},
};

/// A document that was met, its target side still open.
pub(super) struct Met {
    pub(super) both: Both,
    /// What links of it come to.
    pub(super) expected: Vec<Expected>,
}

impl Met {
    /// The target's id that it is linked to.
    pub(super) fn link(&self) -> Option<&str> {
        self.both.stored.link.as_deref()
    }
}

/// What the target's document should carry at a place that a link fills.
pub(super) struct Expected {
    /// Name of the link.
    pub(super) link: String,
    /// Route of the link.
    pub(super) route: String,
    /// Place, as an index into the stream's `identity`.
    pub(super) place: usize,
    /// The target's id.
    pub(super) id: String,
}

/// Looks at the source documents of one route.
pub(super) struct Eye {
    pub(super) plan: Arc<RoutePlan>,
    /// Every route.
    plans: Arc<BTreeMap<String, Arc<RoutePlan>>>,
    period: Period,
    to: String,
    settings: Value,
    today: String,
    /// The currency of documents that name none.
    base: String,
}

impl Eye {
    pub(super) fn new(books: &Books<'_>, plan: Arc<RoutePlan>) -> Self {
        let source = books.engine.connected.get(plan.read_from());
        let now = books.engine.clock().now();
        Self {
            period: books.period,
            to: books.to(),
            settings: source.map(|it| it.settings.clone()).unwrap_or_default(),
            today: now.to_zoned(plan.zone.clone()).date().to_string(),
            base: books.base(&plan),
            plans: books.engine.plans.clone(),
            plan,
        }
    }

    /// One document of the store.
    pub(super) fn meet(
        &self,
        store: &dyn Store,
        id: String,
        document: &Document,
    ) -> Result<Seen, StoreError> {
        let id = EntryId::new(self.plan.name(), id);
        let value = read(document);
        let source = value.as_ref().map(|it| self.side(it));
        let date = source.as_ref().and_then(|it| it.date);
        if date.is_some_and(|it| !self.period.holds(it)) {
            return Ok(Seen::Elsewhere);
        }
        let entry = store.entry(&id)?;
        let stored = entry.as_ref().map_or_else(Stored::new, Stored::of);
        if date.is_none() && stored.link.is_none() {
            let left_out = matches!(stored.state, State::Skipped | State::Excluded);
            return Ok(match source.is_none() || left_out {
                true => Seen::Elsewhere,
                false => Seen::Undated,
            });
        }
        let held = entry.as_ref().and_then(|it| it.held.as_ref());
        let met = self.together(store, id, (stored, held), value.as_ref(), source)?;
        Ok(Seen::InPeriod(Box::new(met)))
    }

    /// An entry, whenever its document is dated.
    pub(super) fn describe(
        &self,
        store: &dyn Store,
        id: EntryId,
        entry: &Entry,
    ) -> Result<Met, StoreError> {
        let document = store.document(&self.plan.source, &id.source)?;
        let value = document.as_ref().and_then(read);
        let source = value.as_ref().map(|it| self.side(it));
        let stored = (Stored::of(entry), entry.held.as_ref());
        self.together(store, id, stored, value.as_ref(), source)
    }

    fn together(
        &self,
        store: &dyn Store,
        id: EntryId,
        stored: (Stored, Option<&Held>),
        value: Option<&Value>,
        source: Option<SourceSide>,
    ) -> Result<Met, StoreError> {
        let (mut stored, held) = stored;
        let parts = match held {
            Some(held) => self.parts(store, &id, &mut stored, held)?,
            None => Vec::new(),
        };
        let expected = match (value, &stored.link) {
            (Some(value), Some(_)) => self.expected(store, value, stored.number.as_deref()),
            _ => Vec::new(),
        };
        Ok(Met {
            both: Both {
                route: id.route.clone(),
                to: self.to.clone(),
                id,
                stored,
                source,
                target: None,
                links_apart: Vec::new(),
                taken_by: None,
                parts,
            },
            expected,
        })
    }

    /// Documents that were made of an entry's differences, as they were last seen in the target.
    fn parts(
        &self,
        store: &dyn Store,
        id: &EntryId,
        stored: &mut Stored,
        held: &Held,
    ) -> Result<Vec<PartSide>, StoreError> {
        let decided = Decided::read(store, id, held)?;
        let standing = decided.standing(store, None)?;
        stored.kept = decided.kept.is_some() && stored.state == State::Synced;
        let all = standing.there.into_iter().filter_map(|(part, entry)| {
            let plan = self.plans.get(&part.entry.route)?;
            let held = entry.held?;
            let document = Value::parse(held.answered.as_bytes()).unwrap_or_default();
            let side = target_side(plan, &held.id, &document, held.state);
            let total = side.total.unwrap_or(part.total);
            Some(PartSide {
                adds: part.part.signed(total),
                side,
            })
        });
        Ok(all.collect())
    }

    fn side(&self, value: &Value) -> SourceSide {
        let Some(rules) = &self.plan.source_rules else {
            return SourceSide::default();
        };
        let facts = rules.facts(value, &self.settings);
        SourceSide {
            number: facts.number,
            date: facts.date,
            total: facts.total,
            currency: facts.currency.unwrap_or_else(|| self.base.clone()),
            party: facts.party,
        }
    }

    fn expected(&self, store: &dyn Store, value: &Value, number: Option<&str>) -> Vec<Expected> {
        let (plan, shared) = (&self.plan, Shared::default());
        let links = StoredIds { store, plan };
        let cx = Apply {
            document: value,
            settings: &self.settings,
            target_settings: &plan.target_settings,
            number,
            today: &self.today,
            links: &links,
            followed: &Followed::default(),
            shared: &shared,
        };
        let places = plan.target_stream.identity.iter().enumerate();
        places
            .filter_map(|(place, path)| {
                let link = plan.mapping.link_at(path)?;
                let route = plan.route.links.get(link)?;
                match plan.mapping.linked_at(path, &cx)? {
                    LinkAnswer::Target(id) => Some(Expected {
                        link: link.to_owned(),
                        route: route.clone(),
                        place,
                        id,
                    }),
                    // What is no link any more says nothing about the document that was sent.
                    LinkAnswer::Waiting { .. } | LinkAnswer::Nothing(_) => None,
                }
            })
            .collect()
    }
}

/// A document's value. One that is not JSON is one of which nothing is known; none was deleted.
fn read(document: &Document) -> Option<Value> {
    (!document.deleted).then(|| Value::parse(&document.body).unwrap_or_default())
}

impl Stored {
    /// Of a document that has no entry yet.
    fn new() -> Self {
        Self {
            state: State::Pending,
            number: None,
            link: None,
            why: None,
            remedy: None,
            waits_for: None,
            asks: false,
            kept: false,
        }
    }

    /// What matters of an entry.
    pub(super) fn of(entry: &Entry) -> Self {
        let why = match (&entry.problem, entry.state) {
            (Some(it), _) => Some(it.cause.clone()),
            (None, State::Skipped | State::Excluded) => reason(entry),
            (None, _) => None,
        };
        Self {
            state: entry.state,
            number: entry.number.clone(),
            link: entry.held.as_ref().map(|it| it.id.clone()),
            why,
            remedy: entry.problem.as_ref().map(|it| it.remedy.clone()),
            waits_for: entry.cause.as_ref().and_then(Cause::as_entry),
            asks: entry.problem.as_ref().is_some_and(|it| {
                matches!(it.category, Category::Duplicate | Category::DocumentState)
            }),
            kept: false,
        }
    }
}

/// Why an entry was left out: what was said when it came into that state, and by whom.
fn reason(entry: &Entry) -> Option<String> {
    let came = |it: &&crate::store::Event| it.to == entry.state && it.from != Some(entry.state);
    let events = || entry.events.iter().rev();
    let event = events().find(came).or_else(|| events().next())?;
    Some(match &event.by {
        Actor::Person(name) => format!("{} (by {name})", event.what),
        Actor::Engine => event.what.clone(),
    })
}

/// Links as the store holds them, whatever their state: what a document was sent with.
struct StoredIds<'a> {
    store: &'a dyn Store,
    plan: &'a RoutePlan,
}

impl Links for StoredIds<'_> {
    fn resolve(&self, ask: &LinkAsk<'_>) -> LinkAnswer {
        let route = self.plan.route.links.get(ask.link);
        let found = route.and_then(|route| {
            let id = match ask.by {
                LinkBy::Id => Some(ask.value.to_owned()),
                LinkBy::Number => {
                    let found = self.store.look_up(route, LookUp::Number, ask.value);
                    found.ok().and_then(|it| it.into_iter().next())
                }
                LinkBy::Target => None,
            };
            self.store.entry(&EntryId::new(route, id?)).ok().flatten()
        });
        match found.and_then(|it| it.held) {
            Some(held) => LinkAnswer::Target(held.id),
            None => LinkAnswer::Waiting {
                cause_key: String::new(),
                cause: String::new(),
                remedy: String::new(),
            },
        }
    }
}

/// Day before which documents are somebody else's, when every one of these routes has one.
pub(super) fn cut_over(plans: &[Arc<RoutePlan>]) -> Option<Date> {
    let dates: Option<Vec<Date>> = plans.iter().map(|it| it.start_date).collect();
    dates?.into_iter().min()
}
