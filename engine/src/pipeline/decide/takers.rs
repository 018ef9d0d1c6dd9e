//! Which entry of a route stands for each document of its target: one alone may.

use std::collections::HashMap;

use crate::{
    pipeline::plan::RoutePlan,
    store::{EntryId, Filter, State, Store, StoreError},
};

/// Entries that are read at once.
const CHUNK: usize = 500;

/// The links of one route, by what they link to.
#[derive(Debug, Default)]
pub(crate) struct Takers {
    by_target: HashMap<String, String>,
}

impl Takers {
    /// Reads every link of a route. A skipped entry gave its target document free.
    pub(crate) fn read(store: &dyn Store, route: &str) -> Result<Self, StoreError> {
        let filter = Filter {
            routes: vec![route.to_owned()],
            ..Filter::default()
        };
        let mut all = Self::default();
        let mut after: Option<String> = None;
        loop {
            let page = store.page_of(&filter, after.as_deref(), CHUNK)?;
            for (id, entry) in page.rows {
                if let Some(held) = entry.held
                    && entry.state != State::Skipped
                {
                    all.by_target.insert(held.id, id.source);
                }
            }
            match page.next {
                Some(it) => after = Some(it),
                None => return Ok(all),
            }
        }
    }

    /// The entry other than `id` that stands for a target document already.
    pub(crate) fn other(&self, target: &str, id: &EntryId) -> Option<EntryId> {
        let source = self.by_target.get(target).filter(|it| **it != id.source)?;
        Some(EntryId::new(&id.route, source))
    }

    /// From now on `id` stands for a target document.
    pub(crate) fn take(&mut self, target: &str, id: &EntryId) {
        self.by_target.insert(target.to_owned(), id.source.clone());
    }

    /// From now on nothing stands for a target document.
    pub(crate) fn free(&mut self, target: &str) {
        self.by_target.remove(target);
    }
}

impl RoutePlan {
    /// Whether one target document stands for one source document alone. Documents always do;
    /// counterparties where their mapping says so.
    pub(crate) fn one_for_one(&self) -> bool {
        self.mapping.matcher().is_none_or(|it| it.unique())
    }
}
