//! What a route that pushes changes must remember of links that were made before it did, or by a person:
//! how both sides had the pushed fields. Taken once, before new documents are decided about.

use crate::{
    pipeline::{decide::Decision, plan::RoutePlan, run::Run, work::Turn},
    store::{Change, Entry, EntryId, Filter, Settlement, State, StoreError, offload},
};

/// Entries that are read at once.
const ENTRIES: usize = 500;

/// Name of the note that says for which fields all links of a route were looked at. Whoever makes a link
/// by hand takes it away.
pub(crate) fn note(route: &str) -> String {
    format!("pushes/{route}")
}

/// Whether some links may not have been looked at.
pub(crate) async fn are_due(run: &Run<'_>, plan: &RoutePlan) -> Result<bool, StoreError> {
    if !plan.pushes() {
        return Ok(false);
    }
    let key = note(plan.name());
    let stored = offload::run(&run.store, move |store| store.note(&key)).await?;
    Ok(stored != Some(plan.route.push_changes.join(",")))
}

/// Lists of a target that are to show links as they are now.
pub(crate) async fn lists(run: &Run<'_>, connection: &str) -> Result<Vec<String>, StoreError> {
    let mut lists = Vec::new();
    for plan in run
        .routes
        .iter()
        .filter(|it| it.target.connection == connection)
    {
        if are_due(run, plan).await? {
            lists.push(plan.target.stream.clone());
        }
    }
    Ok(lists)
}

impl Turn<'_> {
    /// Looks at every link of the route.
    pub(super) async fn first_sights(&self) -> Result<(), StoreError> {
        let filter = Filter {
            routes: vec![self.plan.name().to_owned()],
            states: vec![State::Synced],
            ..Filter::default()
        };
        let mut after: Option<String> = None;
        loop {
            let (filter, from) = (filter.clone(), after.take());
            let page = offload::run(&self.run.store, move |store| {
                store.page_of(&filter, from.as_deref(), ENTRIES)
            })
            .await?;
            self.look_at(page.rows).await?;
            match page.next {
                Some(it) => after = Some(it),
                None => break,
            }
        }
        let fields = self.plan.route.push_changes.join(",");
        self.run
            .keep_note(note(self.plan.name()), Some(fields))
            .await
    }

    /// Those that lack something remember it.
    async fn look_at(&self, rows: Vec<(EntryId, Entry)>) -> Result<(), StoreError> {
        let lacking = rows.into_iter().filter(|(_, entry)| {
            let held = entry.held.as_ref();
            held.is_some_and(|it| self.plan.lacks_first_sight(it))
        });
        let lacking: Vec<_> = lacking.collect();
        let stream = self.plan.source.clone();
        let claimed = offload::run(&self.run.store, move |store| {
            let with_document = lacking.into_iter().map(|(id, entry)| {
                let document = store.document(&stream, &id.source)?;
                Ok((id, entry, document))
            });
            with_document.collect::<Result<Vec<_>, StoreError>>()
        })
        .await?;
        let mut settlement = Settlement::default();
        for (id, entry, decision) in self.decide(claimed).await? {
            if let Decision::Settle(next) = decision
                && next.state == State::Synced
            {
                let seen = entry.seen();
                let entry = *next;
                settlement.changes.push(Change { id, seen, entry });
            }
        }
        self.run.settle(settlement).await
    }
}
