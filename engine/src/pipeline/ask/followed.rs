//! Before a document leaves that repeats what the target holds for another one: whether that is still so.

use ledgerline_plugin_api::manifest::{Category, Problem};

use super::{Said, Wanted, ask_or_park, for_a_choice};
use crate::{
    mapping::Value,
    pipeline::{
        decide::{ReadHeld, Ready, Write, problem},
        plan::RoutePlan,
        run::Run,
        steps,
    },
    store::{Change, Entry, EntryId, Settlement, StoreError, offload},
};

/// Gives what may go. Of what changed since, the new form is kept, and it is decided about anew.
pub(crate) async fn reread_followed(
    run: &Run<'_>,
    plan: &RoutePlan,
    creates: Vec<Ready>,
) -> Result<(Vec<Ready>, bool), StoreError> {
    let follows = plan.follows.as_ref();
    let Some(follows) = follows.filter(|_| plan.mapping.copies_held()) else {
        return Ok((creates, false));
    };
    let now = run.engine.clock.now_ms();
    let mut settlement = Settlement::default();
    let Some(followed) = run.engine.plans.get(&follows.route) else {
        let (creates, others): (Vec<Ready>, Vec<Ready>) = creates
            .into_iter()
            .partition(|it| it.write == Write::Create);
        let route = &follows.route;
        settlement.changes.extend(creates.into_iter().map(|ready| {
            let found = problem(
                Category::DocumentState,
                format!("what it repeats cannot be read: the route {route} is off"),
                format!("switch {route} on, then `ledgerline retry {}`", ready.id),
            );
            stopped(ready, found, String::new(), now)
        }));
        let changed = !settlement.changes.is_empty();
        run.settle(settlement).await?;
        return Ok((others, changed));
    };
    let mut asked: Vec<(Ready, EntryId, Entry, Option<ReadHeld>)> = Vec::new();
    let mut going = Vec::new();
    for ready in creates {
        if ready.write != Write::Create {
            going.push(ready);
            continue;
        }
        let of = EntryId::new(followed.name(), &ready.id.source);
        let id = of.clone();
        let known = offload::run(&run.store, move |store| {
            Ok((store.entry(&id)?, ReadHeld::read(store, &id)?))
        });
        match known.await? {
            (Some(entry), read) if entry.held.is_some() => asked.push((ready, of, entry, read)),
            _ => settlement
                .changes
                .push(not_there(followed, &of, ready, now)),
        }
    }
    let wants: Vec<Wanted> = asked
        .iter()
        .map(|(_, of, entry, _)| Wanted {
            id: of.source.clone(),
            number: entry.number.clone().unwrap_or_default(),
            remote_id: entry.held.as_ref().map(|it| it.id.clone()),
            ..Wanted::default()
        })
        .collect();
    let mut changed = false;
    // What cannot be asked for now is decided about in another run.
    let said = ask_or_park(run, &followed.target, &wants)
        .await
        .unwrap_or_default();
    for ((ready, of, entry, read), said) in asked.into_iter().zip(said) {
        let (id, body) = match said {
            Said::Holds { id, body } => (id, body),
            Said::HoldsNot => {
                settlement
                    .changes
                    .push(not_there(followed, &of, ready, now));
                continue;
            }
            Said::Person(found, words) => {
                settlement.changes.push(stopped(ready, *found, words, now));
                continue;
            }
            // The system could not say: it goes in another run.
            Said::Unknown(_) => {
                run.unfinished();
                continue;
            }
        };
        let Some(held) = &entry.held else { continue };
        let read = read.filter(|it| it.id == id);
        let known = read.as_ref().map_or(&held.answered, |it| &it.body);
        let parsed = |text: &str| Value::parse(text.as_bytes()).unwrap_or_default();
        let is_later = read.as_ref().is_some_and(|it| it.at >= held.seen_at);
        let shown = is_later || followed.held_state(&parsed(&body)) == held.state;
        if parsed(known) == parsed(&body) && shown {
            going.push(ready);
            continue;
        }
        let read = ReadHeld { id, at: now, body };
        run.keep_note(ReadHeld::note(&of), Some(read.to_text()))
            .await?;
        changed = true;
    }
    changed |= !settlement.changes.is_empty();
    run.settle(settlement).await?;
    steps::reached("followed-read", plan.name());
    Ok((going, changed))
}

/// The target does not hold what the document is to repeat.
fn not_there(followed: &RoutePlan, of: &EntryId, ready: Ready, now: i64) -> Change {
    let title = &followed.target_title;
    let found = problem(
        Category::DocumentState,
        format!("{title} does not hold {of}, which it repeats"),
        format!(
            "see what became of it there, then `ledgerline retry {0}`; or `ledgerline skip {0}`",
            ready.id
        ),
    );
    stopped(ready, found, String::new(), now)
}

/// A person decides.
fn stopped(ready: Ready, found: Problem, words: String, now: i64) -> Change {
    let mut entry = ready.entry;
    for_a_choice(&mut entry, found, words, now);
    Change {
        id: ready.id,
        seen: ready.seen,
        entry,
    }
}
