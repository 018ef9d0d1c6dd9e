//! Brings source, store and target of one target stream together.
//!
//! Held in memory is what lies in the period, and what is linked to it: never a whole stream. The
//! target is read once, whole, because a document that was dated elsewhere, voided or taken away is
//! found no other way. Entries are gone through a second time only when the target holds documents of
//! the period that no document of the period stands for.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use super::{
    Period,
    both::Stored,
    join::{Joined, Rows, join},
    source::{Eye, Met},
    target::Lens,
};
use crate::{
    pipeline::{Connected, Engine, RoutePlan, Run},
    store::{EntryId, Filter, State, StoreError, StreamId, offload},
};

/// Rows of the store that are looked at together.
const CHUNK: usize = 500;

/// The routes into one stream of a target.
pub(super) struct Books<'a> {
    pub(super) engine: &'a Engine,
    pub(super) run: &'a Run<'a>,
    pub(super) period: Period,
    /// The target.
    pub(super) system: &'a Connected,
    pub(super) stream: StreamId,
    /// Those that are compared.
    pub(super) plans: Vec<Arc<RoutePlan>>,
    /// All of them.
    pub(super) all: Vec<Arc<RoutePlan>>,
}

/// What was read.
pub(super) struct Reading {
    pub(super) joined: Joined,
    /// Documents of the source without a date, by route.
    pub(super) undated: BTreeMap<String, u64>,
}

impl Books<'_> {
    /// Reads both sides. The inner error says why the target could not be read.
    pub(super) async fn read(&self) -> Result<Result<Reading, String>, StoreError> {
        let lens = match self.lens().await? {
            Ok(it) => it,
            Err(why) => return Ok(Err(why)),
        };
        let mut undated = BTreeMap::new();
        let mut met = Vec::new();
        let mut eyes = BTreeMap::new();
        for plan in &self.plans {
            let eye = Eye::new(self, plan.clone());
            let count = self.sources(&eye, &mut met).await?;
            undated.insert(plan.name().to_owned(), count);
            eyes.insert(plan.name().to_owned(), eye);
        }
        self.foresee(&mut met).await?;
        let mut rows = match self.target(&lens, &met).await {
            Ok(it) => it,
            Err(why) => return Ok(Err(why)),
        };
        self.of_elsewhere(&eyes, &mut met, &mut rows).await?;
        self.without_sources(&met, &mut rows).await?;
        let joined = join(
            &self.period,
            &lens.to,
            met,
            rows,
            |expected, row| lens.links_apart(expected, row),
            |side| lens.notes(side),
        );
        Ok(Ok(Reading { joined, undated }))
    }

    /// A document of the target that a route reads as a source is compared there: here it is nobody's extra.
    async fn without_sources(&self, met: &[Met], rows: &mut Rows) -> Result<(), StoreError> {
        let routes = self.engine.routes_reading(&self.stream);
        if routes.is_empty() {
            return Ok(());
        }
        let links = met.iter().filter_map(|it| it.both.stored.link.as_deref());
        let linked: HashSet<&str> = links.collect();
        let free = rows.keys().filter(|it| !linked.contains(it.as_str()));
        let free: Vec<String> = free.cloned().collect();
        let sources = offload::run(self.engine.store(), move |store| {
            let mut sources = Vec::new();
            for id in free {
                for route in &routes {
                    if store.entry(&EntryId::new(route, &id))?.is_some() {
                        sources.push(id);
                        break;
                    }
                }
            }
            Ok::<_, StoreError>(sources)
        })
        .await?;
        for id in sources {
            rows.remove(&id);
        }
        Ok(())
    }

    /// How the target's documents are looked at, with its lists as they are now: a contact that was
    /// merged an hour ago is another one for nobody.
    async fn lens(&self) -> Result<Result<Lens, String>, StoreError> {
        let linked = Lens::lists(self);
        let mut all = linked.clone();
        for plan in &self.all {
            all.extend(plan.reference_streams());
        }
        all.sort();
        all.dedup();
        let lists = self.run.lists(self.system, &all, &linked).await?;
        Ok(match self.run.parked().remove(&self.stream.connection) {
            Some(why) => Err(why),
            None => Ok(Lens::new(self, lists)),
        })
    }

    /// Documents of one route's source that may belong to the period. Returns how many have no date
    /// and are linked to nothing.
    async fn sources(&self, eye: &Eye, met: &mut Vec<Met>) -> Result<u64, StoreError> {
        let stream = &eye.plan.source;
        let (mut undated, mut after) = (0, None::<String>);
        loop {
            let from = after.take();
            let (found, last) = offload::run(self.engine.store(), |store| {
                let page = store.documents(stream, from.as_deref(), CHUNK)?;
                let last = page.last().map(|(id, _)| id.clone());
                let mut found = Vec::new();
                for (id, document) in page {
                    found.push(eye.meet(store, id, &document)?);
                }
                Ok::<_, StoreError>((found, last))
            })
            .await?;
            for it in found {
                match it {
                    Seen::InPeriod(it) => met.push(*it),
                    Seen::Undated => undated += 1,
                    Seen::Elsewhere => {}
                }
            }
            match last {
                Some(it) => after = Some(it),
                None => return Ok(undated),
            }
        }
    }

    /// What was read a moment ago, and a rule leaves out, is not missing.
    async fn foresee(&self, met: &mut [Met]) -> Result<(), StoreError> {
        for it in met {
            let stored = &it.both.stored;
            if stored.link.is_none()
                && stored.state == State::Pending
                && let Some(next) = self.engine.would_leave_out(&it.both.id).await?
            {
                it.both.stored = Stored::of(&next);
            }
        }
        Ok(())
    }

    async fn target(&self, lens: &Lens, met: &[Met]) -> Result<Rows, String> {
        let wanted: HashSet<&str> = met.iter().filter_map(Met::link).collect();
        let mut rows = Rows::new();
        let read = self.run.read_target(self.system, &self.stream, |held| {
            rows.remove(&held.id);
            let Some(document) = held.document else {
                return;
            };
            let row = lens.row(&held.id, &document);
            if wanted.contains(&*held.id) || row.side.lies_in(&self.period) {
                rows.insert(held.id, row);
            }
        });
        match read.await {
            Ok(()) => Ok(rows),
            Err(why) => Err(why.to_string()),
        }
    }

    /// Finds the entries behind documents of the period whose source lies outside it. Documents of
    /// routes that are not compared are taken out.
    async fn of_elsewhere(
        &self,
        eyes: &BTreeMap<String, Eye>,
        met: &mut Vec<Met>,
        rows: &mut Rows,
    ) -> Result<(), StoreError> {
        let taken: HashSet<&str> = met.iter().filter_map(Met::link).collect();
        let mut open: HashSet<String> = rows
            .keys()
            .filter(|id| !taken.contains(id.as_str()))
            .cloned()
            .collect();
        let mut after = None::<String>;
        while !open.is_empty() {
            let from = after.take();
            let page = offload::run(self.engine.store(), |store| {
                store.page_of(&Filter::default(), from.as_deref(), CHUNK)
            })
            .await?;
            for (id, entry) in page.rows {
                let Some(held) = &entry.held else { continue };
                let plan = self.engine.plans.get(&id.route);
                let elsewhere = plan.is_some_and(|it| it.target != self.stream);
                if elsewhere || !open.remove(&held.id) {
                    continue;
                }
                match eyes.get(&id.route) {
                    Some(eye) => met.push(
                        offload::run(self.engine.store(), |store| eye.describe(store, id, &entry))
                            .await?,
                    ),
                    None => {
                        rows.remove(&held.id);
                    }
                }
            }
            match page.next {
                Some(it) => after = Some(it),
                None => break,
            }
        }
        Ok(())
    }
}

/// Where a document of the source belongs.
pub(super) enum Seen {
    InPeriod(Box<Met>),
    Undated,
    Elsewhere,
}
