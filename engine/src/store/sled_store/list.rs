//! One page of a filtered listing.
//!
//! A listing is a walk over sorted keys: of the index when only states that need attention are
//! meant, else of the entries themselves. The walk is cut into stretches (a state of a route, a
//! route), in the order of their keys, so one key says where the next page begins. Entries whose
//! call is under way stand in the index under their stored state; they are put where `sending`
//! would stand.

use std::ops::ControlFlow;

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};

use super::{
    SledStore,
    keys::{self, CauseHash, Number},
};
use crate::store::{Entry, EntryId, Filter, Listing, Result, State};

/// Rows that one page may look at when a condition is not part of the key.
const STRETCH: usize = 4_000;

impl SledStore {
    pub(super) fn list(
        &self,
        filter: &Filter,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Listing> {
        let mut page = Page::new(filter, after, limit);
        if !filter.ids.is_empty() {
            return self.list_ids(filter, page);
        }
        let routes = self.chosen_routes(&filter.routes);
        let cause = filter.cause.as_deref().map(keys::cause_hash);
        let indexed = cause.is_some()
            || (!filter.states.is_empty() && filter.states.iter().all(|it| it.needs_attention()));
        for (number, route) in routes {
            let walk = if indexed {
                self.walk_index(&mut page, number, &route, cause)?
            } else {
                self.walk_entries(&mut page, number, &route)?
            };
            if walk.is_break() {
                break;
            }
        }
        Ok(page.listing)
    }

    /// The chosen routes in order of their numbers, which is the order of keys.
    pub(super) fn chosen_routes(&self, routes: &[String]) -> Vec<(Number, String)> {
        let names = self.names();
        let all = names
            .routes
            .all()
            .map(|(number, name)| (number, name.clone()));
        all.filter(|(_, name)| routes.is_empty() || routes.contains(name))
            .collect()
    }

    /// Given ids come in the order in which they were given; the key is the place in that order.
    fn list_ids(&self, filter: &Filter, mut page: Page<'_>) -> Result<Listing> {
        for (place, id) in filter.ids.iter().enumerate() {
            let place = (place as u64).to_be_bytes();
            if page.is_behind(&place) {
                continue;
            }
            if page.is_full() {
                break;
            }
            let route = self.names().routes.number(&id.route);
            let entry = match route {
                Some(route) => self.seen_entry(route, &id.source)?,
                None => None,
            };
            page.offer(&place, id, entry);
        }
        Ok(page.listing)
    }

    fn walk_index(
        &self,
        page: &mut Page<'_>,
        route: Number,
        name: &str,
        cause: Option<CauseHash>,
    ) -> Result<ControlFlow<()>> {
        for state in State::ALL.into_iter().filter(|it| it.needs_attention()) {
            if !page.filter.states.is_empty() && !page.filter.states.contains(&state) {
                continue;
            }
            let walk = if state == State::Sending {
                self.walk_sending(page, route, name)?
            } else {
                let prefix = match cause {
                    Some(cause) => keys::of_cause(keys::INDEX, route, state, cause),
                    None => keys::of_state(keys::INDEX, route, state),
                };
                self.walk(page, &prefix, route, name, |key| {
                    keys::read_index(key).map(|it| it.id)
                })?
            };
            if walk.is_break() {
                return Ok(walk);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn walk_entries(
        &self,
        page: &mut Page<'_>,
        route: Number,
        name: &str,
    ) -> Result<ControlFlow<()>> {
        let prefix = keys::of_number(keys::ENTRY, route);
        self.walk(page, &prefix, route, name, |key| {
            keys::read_owned(key).map(|it| it.1)
        })
    }

    fn walk(
        &self,
        page: &mut Page<'_>,
        prefix: &[u8],
        route: Number,
        name: &str,
        id_in: impl Fn(&[u8]) -> Option<&str>,
    ) -> Result<ControlFlow<()>> {
        let indexed = prefix.first() == Some(&keys::INDEX);
        let start = page.after.clone();
        for row in self.scan(prefix, start.as_deref()) {
            let (key, _) = row?;
            if page.is_full() {
                return Ok(ControlFlow::Break(()));
            }
            let Some(id) = id_in(&key) else { continue };
            let entry = self.seen_entry(route, id)?;
            // Those under way are met in a stretch of their own.
            let entry = entry.filter(|it| !indexed || it.state != State::Sending);
            page.offer(&key, &EntryId::new(name, id), entry);
        }
        Ok(ControlFlow::Continue(()))
    }

    fn walk_sending(
        &self,
        page: &mut Page<'_>,
        route: Number,
        name: &str,
    ) -> Result<ControlFlow<()>> {
        let prefix = keys::of_number(keys::ENTRY, route);
        let mut covered: Vec<Vec<u8>> = {
            let open = self.open_calls();
            open.by_entry
                .keys()
                .filter(|it| it.starts_with(&prefix))
                .cloned()
                .collect()
        };
        covered.sort_unstable();
        for key in covered {
            let Some((_, id)) = keys::read_owned(&key) else {
                continue;
            };
            let place = keys::index(route, State::Sending, 0, 0, id);
            if page.is_behind(&place) {
                continue;
            }
            if page.is_full() {
                return Ok(ControlFlow::Break(()));
            }
            let entry = self
                .seen_entry(route, id)?
                .filter(|it| it.state == State::Sending);
            page.offer(&place, &EntryId::new(name, id), entry);
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// A page that fills up.
struct Page<'f> {
    filter: &'f Filter,
    /// Key of the last row of the page before.
    after: Option<Vec<u8>>,
    limit: usize,
    looked_at: usize,
    last: Option<Vec<u8>>,
    listing: Listing,
}

impl<'f> Page<'f> {
    /// A resume point that nobody gave out begins anew: it can only be typed by hand.
    fn new(filter: &'f Filter, after: Option<&str>, limit: usize) -> Self {
        Self {
            filter,
            after: after.and_then(|it| HEXLOWER_PERMISSIVE.decode(it.as_bytes()).ok()),
            limit: limit.max(1),
            looked_at: 0,
            last: None,
            listing: Listing::default(),
        }
    }

    fn is_behind(&self, key: &[u8]) -> bool {
        self.after.as_deref().is_some_and(|after| key <= after)
    }

    /// Called with another row in sight: if nothing more fits, the next page begins behind the last.
    fn is_full(&mut self) -> bool {
        let full = self.listing.rows.len() >= self.limit || self.looked_at >= STRETCH;
        if full {
            self.listing.next = self.last.as_deref().map(|it| HEXLOWER.encode(it));
        }
        full
    }

    fn offer(&mut self, key: &[u8], id: &EntryId, entry: Option<Entry>) {
        self.looked_at += 1;
        self.last = Some(key.to_vec());
        if let Some(entry) = entry.filter(|it| self.filter.matches(id, it)) {
            self.listing.rows.push((id.clone(), entry));
        }
    }
}
