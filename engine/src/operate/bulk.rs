//! Retry, reset, skip and void: on one entry, on a filter, on everything shown. Counted first, done
//! second, with who did it in each entry's history.

use crate::{
    operate::{Bulk, Changed, Deed, actions::Keeper},
    pipeline::{Engine, WITHDRAWN, void_note},
    store::{Actor, Change, Entry, EntryId, Settlement, State, StoreError, offload},
};

/// Entries that are changed in one durable write.
const CHUNK: usize = 500;

/// Name and value of a note about an entry that changes.
type NoteOf = fn(&EntryId, &Entry) -> (String, String);

/// What becomes of one entry.
enum Verdict {
    /// It changes so.
    To(Box<Entry>),
    /// It is left, for this reason.
    Left(&'static str),
}

/// Stopped entries become pending and are asked for.
pub(super) async fn retry(engine: &Engine, by: Actor, bulk: Bulk) -> Result<Changed, StoreError> {
    let routes = bulk.filter.routes.clone();
    let counted_only = bulk.count_only;
    let changed = over(
        engine,
        &by,
        Deed::Retry,
        bulk,
        None,
        |now, _, entry, reason| match entry.state {
            State::Waiting | State::Failed | State::Warning | State::Pending => {
                Verdict::To(Box::new(pending(now, entry, &by, "retried", reason)))
            }
            State::Uncertain => {
                Verdict::Left("uncertain: the target is asked before anything is sent")
            }
            State::Sending => Verdict::Left("being sent at this moment"),
            State::Synced => Verdict::Left("synced already: `reset` compares them anew"),
            State::Skipped | State::Excluded => {
                Verdict::Left("left out: `reset` takes them back in")
            }
        },
    )
    .await?;
    if !counted_only {
        forget_lists(engine, &routes).await?;
    }
    Ok(changed)
}

/// Entries become pending whatever they were; a linked one is compared with its document.
pub(super) async fn reset(engine: &Engine, by: Actor, bulk: Bulk) -> Result<Changed, StoreError> {
    let routes = bulk.filter.routes.clone();
    let counted_only = bulk.count_only;
    let changed = over(
        engine,
        &by,
        Deed::Reset,
        bulk,
        None,
        |now, _, entry, reason| match entry.state {
            State::Uncertain => {
                Verdict::Left("uncertain: the target is asked before anything is sent")
            }
            State::Sending => Verdict::Left("being sent at this moment"),
            _ => {
                let mut next = pending(now, entry, &by, "reset", reason);
                // A person says that what was lost is not there.
                next.write_open_since = None;
                next.write_open_until = None;
                Verdict::To(Box::new(next))
            }
        },
    )
    .await?;
    if !counted_only {
        forget_lists(engine, &routes).await?;
    }
    Ok(changed)
}

/// Entries are left out.
pub(super) async fn skip(engine: &Engine, by: Actor, bulk: Bulk) -> Result<Changed, StoreError> {
    let fills_groups = |route: &str| engine.plans.get(route).is_some_and(|it| it.fills_groups());
    over(
        engine,
        &by,
        Deed::Skip,
        bulk,
        None,
        |now, id, entry, reason| match entry.state {
            // What was sent with it would stay as it is, and nobody would see why.
            _ if entry.number.is_some() && fills_groups(&id.route) => {
                Verdict::Left("in a group: leave it out in the source, and it leaves the group")
            }
            State::Uncertain => Verdict::Left("uncertain: the target may hold them"),
            State::Sending => Verdict::Left("being sent at this moment"),
            State::Skipped => Verdict::Left("skipped already"),
            State::Synced => Verdict::Left("synced: nothing already sent can be undone by a skip"),
            _ => {
                let mut next = entry.clone();
                next.clear_stop();
                next.requested = false;
                let what = reason.map_or("skipped".to_owned(), |it| format!("skipped: {it}"));
                next.record(now, State::Skipped, by.clone(), what, None);
                Verdict::To(Box::new(next))
            }
        },
    )
    .await
}

/// Documents that the source took back are taken back in the target as well.
pub(super) async fn void(engine: &Engine, by: Actor, bulk: Bulk) -> Result<Changed, StoreError> {
    let waits = |entry: &Entry| {
        let cause = entry.cause.as_ref().map(|it| it.key.as_str());
        entry.state == State::Warning && cause == Some(WITHDRAWN)
    };
    over(
        engine,
        &by,
        Deed::Void,
        bulk,
        // For the document as it is now: one that comes back and goes again is a new question.
        Some(|id, entry| (void_note(id), entry.version.clone())),
        |now, _, entry, reason| match entry.state {
            _ if waits(entry) => {
                Verdict::To(Box::new(pending(now, entry, &by, "to be voided", reason)))
            }
            State::Uncertain => {
                Verdict::Left("uncertain: the target is asked before anything is sent")
            }
            State::Sending => Verdict::Left("being sent at this moment"),
            _ => Verdict::Left("the source wants it in the books: void it there"),
        },
    )
    .await
}

fn pending(now: i64, entry: &Entry, by: &Actor, verb: &str, reason: Option<&str>) -> Entry {
    let mut next = entry.clone();
    next.clear_stop();
    next.attempts = 0;
    next.not_before = 0;
    next.requested = true;
    let what = reason.map_or(verb.to_owned(), |it| format!("{verb}: {it}"));
    next.record(now, State::Pending, by.clone(), what, None);
    next
}

/// Changes what is meant. `note` gives a note, name and value, that is kept for each entry that changes.
async fn over(
    engine: &Engine,
    by: &Actor,
    deed: Deed,
    bulk: Bulk,
    note: Option<NoteOf>,
    verdict: impl Fn(i64, &EntryId, &Entry, Option<&str>) -> Verdict,
) -> Result<Changed, StoreError> {
    let store = engine.store();
    let mut changed = Changed {
        counted_only: bulk.count_only,
        ..Changed::default()
    };
    // All that is meant is read before anything changes: a change moves an entry to another place
    // of the index that the listing walks over.
    let mut meant: Vec<(EntryId, Entry)> = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let filter = bulk.filter.clone();
        let from = after.clone();
        let page = offload::run(store, move |store| {
            store.page_of(&filter, from.as_deref(), CHUNK)
        })
        .await?;
        meant.extend(page.rows);
        match page.next {
            Some(it) => after = Some(it),
            None => break,
        }
    }
    let mut keeper = match bulk.count_only {
        true => None,
        false => Some(Keeper::begin(engine, by, deed, bulk.reason.as_deref()).await?),
    };
    for chunk in meant.chunks(CHUNK) {
        let now = engine.clock().now_ms();
        let mut changes = Vec::new();
        let mut before = Vec::new();
        for (id, entry) in chunk {
            match verdict(now, id, entry, bulk.reason.as_deref()) {
                Verdict::To(next) => {
                    changed.tally.add(entry.facts.money.as_ref());
                    before.push(entry);
                    changes.push(Change {
                        id: id.clone(),
                        seen: entry.seen(),
                        entry: *next,
                    });
                }
                Verdict::Left(why) => *changed.left.entry(why.to_owned()).or_default() += 1,
            }
        }
        let Some(keeper) = keeper.as_mut().filter(|_| !changes.is_empty()) else {
            continue;
        };
        let mut notes = keeper.notes(before.into_iter().zip(&changes));
        // Whoever meets the changed entry meets its note, too.
        if let Some(note) = note {
            let told = changes.iter().map(|it| note(&it.id, &it.entry));
            notes.extend(told.map(|(name, value)| (name, Some(value))));
        }
        let settlement = Settlement {
            changes,
            notes,
            ..Settlement::default()
        };
        offload::run(store, move |store| store.settle(settlement)).await?;
    }
    Ok(changed)
}

/// Something was mended, perhaps in a list that is held here: it is read again.
async fn forget_lists(engine: &Engine, routes: &[String]) -> Result<(), StoreError> {
    for (name, route) in &engine.deployment().routes {
        if !routes.is_empty() && !routes.contains(name) {
            continue;
        }
        let prefix = format!("reference/{}/", route.to.connection);
        offload::run(engine.store(), move |store| {
            for key in store.notes(&prefix)?.keys() {
                store.set_note(key, None)?;
            }
            Ok(())
        })
        .await?;
    }
    Ok(())
}
