//! Documents that are reversed and replaced: put together from what the target holds, and asked for by
//! their reversal, which comes into the books together with what takes the place, or not at all.

use ledgerline_plugin_api::manifest::{Category, HeldState};

use super::{
    Said, Wanted, again, agree, ask_or_park, describe, for_a_choice,
    updates::{Verdict, apart, question},
};
use crate::{
    mapping::{Difference, Reference, ThreeWay, Value, differences},
    pipeline::{
        decide::{Ready, Remembered, Write, problem},
        plan::RoutePlan,
        run::Run,
        settle::{outcome, replaced, reversed_alone},
    },
    store::{
        Actor, Candidate, Cause, Change, Entry, EntryId, Held, Seen, Settlement, State, StoreError,
        offload,
    },
};

/// Whether a document in this state is in the books, so that it takes another one to undo it.
pub(super) fn is_posted(state: Option<HeldState>) -> bool {
    !matches!(state, Some(HeldState::Draft | HeldState::AwaitingApproval))
}

/// Makes an update of a posted document the document that takes its place, with its reversal beside it.
pub(super) fn replace(
    plan: &RoutePlan,
    ready: &mut Ready,
    held: &Value,
    compared: &ThreeWay,
) -> Verdict {
    let replacing = ready.replacing.take();
    let Some((mut replacing, mapped)) = replacing.and_then(|it| {
        let next = it.next.clone()?;
        Some((it, next))
    }) else {
        return Verdict::Goes;
    };
    let mut next = mapped.clone();
    let mut apart_now: Vec<Difference> = Vec::new();
    for kept in &compared.kept {
        // What tells the two documents apart cannot stay as it is there.
        let differs = mapped.get(&kept.field) != ready.mapped.get(&kept.field);
        if differs || next.set(&kept.field, kept.held.clone()).is_err() {
            apart_now.push(Difference {
                wanted: mapped.get(&kept.field).cloned().unwrap_or_default(),
                ..kept.clone()
            });
        }
    }
    // What is never sent with an update is of the document there: one that was approved is not replaced by a
    // draft.
    for name in plan.update_rules().omit {
        if let Some(there) = held.child(&name)
            && next.child(&name).is_some()
        {
            // A field of its own at the top: setting it cannot fail.
            let _ = next.set(&name, there.clone());
        }
    }
    let (id, target) = (&ready.id, &plan.target_title);
    if !apart_now.is_empty() {
        return question(
            format!(
                "changed in {target}, and it has to be replaced for a change in {}: {}",
                plan.source_title,
                apart(&apart_now)
            ),
            format!(
                "undo that in {target}, then `ledgerline retry {id}`; or `ledgerline skip {id}` to leave it \
                 as it is there"
            ),
            "changed on both sides",
        );
    }
    let reversal = match reversal_of(plan, ready, held) {
        Ok(it) => it,
        Err(verdict) => return verdict,
    };
    let told = compared.kept.iter().map(|it| {
        let there = it.held.to_json();
        format!("kept from {target}: {} is {there}", it.field)
    });
    ready.notices.extend(told);
    ready.fingerprint = mapped.fingerprint();
    ready.mapped = mapped;
    ready.body = next;
    replacing.reversal = Some(reversal);
    ready.replacing = Some(replacing);
    Verdict::Goes
}

/// Makes taking back a posted document its reversal; `None` where it is taken back itself.
pub(super) fn reverse(
    plan: &RoutePlan,
    ready: &mut Ready,
    held: &Value,
    state: Option<HeldState>,
) -> Option<Verdict> {
    let mut replacing = ready.replacing.take().filter(|_| is_posted(state))?;
    match reversal_of(plan, ready, held) {
        Ok(reversal) => {
            ready.body = reversal.clone();
            replacing.reversal = Some(reversal);
            ready.replacing = Some(replacing);
            Some(Verdict::Goes)
        }
        Err(verdict) => Some(verdict),
    }
}

fn reversal_of(plan: &RoutePlan, ready: &Ready, held: &Value) -> Result<Value, Verdict> {
    let none = Reference::default();
    let made = plan.target_rules.reversal(held, plan.rules_cx(&none));
    let why = match made {
        Ok(Some(it)) => return Ok(it),
        Ok(None) => "it offers none for this document".to_owned(),
        Err(why) => why.to_string(),
    };
    let found = problem(
        Category::Defect,
        format!(
            "its reversal in {} cannot be made: {why}",
            plan.target_title
        ),
        format!(
            "reverse it there by hand and `ledgerline skip {}`, and report it to the plugin's author",
            ready.id
        ),
    );
    Err(Verdict::Question(found, "cannot be reversed".to_owned()))
}

/// Before reversals leave: the target is asked whether it holds them already, and what is to leave is
/// durable. Gives what may go; the rest is settled.
pub(super) async fn announce(
    run: &Run<'_>,
    plan: &RoutePlan,
    going: Vec<Ready>,
) -> Result<(Vec<Ready>, bool), StoreError> {
    if going.is_empty() {
        return Ok((going, false));
    }
    let mut asked = Vec::with_capacity(going.len());
    for ready in going {
        let Some(fresh) = remember(&ready) else {
            continue;
        };
        let known = remembered(run, &ready.id).await?;
        // What left before may have been made of the document as it was then.
        let open = known.filter(|it| it.of == fresh.of);
        let is_known = open.is_some();
        asked.push((
            ready,
            open.unwrap_or_else(|| fresh.clone()),
            is_known,
            fresh,
        ));
    }
    let wants: Vec<Wanted> = asked
        .iter()
        .map(|(ready, known, ..)| wanted(&ready.id, known, None))
        .collect();
    let Some(said) = ask_or_park(run, &plan.target, &wants).await else {
        return Ok((Vec::new(), false));
    };
    let mut going = Vec::new();
    let mut met = Vec::new();
    for ((ready, known, is_known, fresh), said) in asked.into_iter().zip(said) {
        match said {
            Said::HoldsNot => {
                run.keep_note(Remembered::note(&ready.id), Some(fresh.to_text()))
                    .await?;
                going.push(ready);
            }
            said => met.push(Open {
                id: ready.id,
                seen: ready.seen,
                entry: ready.entry,
                remembered: known,
                is_known,
                said,
            }),
        }
    }
    let changed = clear(run, plan, met).await?;
    Ok((going, changed))
}

fn remember(ready: &Ready) -> Option<Remembered> {
    let replacing = ready.replacing.as_ref()?;
    let reversal = replacing.reversal.as_ref()?;
    Some(Remembered {
        of: replacing.of.clone(),
        version: replacing.version,
        number: replacing.number.clone(),
        reversal: reversal.to_json(),
        next: (ready.write == Write::Update)
            .then(|| (ready.mapped.to_json(), ready.body.to_json())),
    })
}

async fn remembered(run: &Run<'_>, id: &EntryId) -> Result<Option<Remembered>, StoreError> {
    let id = id.clone();
    offload::run(&run.store, move |store| Remembered::read(store, &id)).await
}

fn wanted(id: &EntryId, remembered: &Remembered, since: Option<i64>) -> Wanted {
    Wanted {
        id: id.source.clone(),
        number: remembered.number.clone(),
        since,
        body: remembered.reversal.clone(),
        ..Wanted::default()
    }
}

/// An entry of which nobody knows whether its reversal arrived, with what the target said of that.
struct Open {
    id: EntryId,
    seen: Seen,
    entry: Entry,
    remembered: Remembered,
    /// It is remembered, and not what would leave now.
    is_known: bool,
    said: Said,
}

/// Reversals whose answers were lost: asked for as they were sent, whatever the source wants by now. Gives
/// the entries that are not about one, and whether anything changed.
pub(crate) async fn clear_reversals<T>(
    run: &Run<'_>,
    plan: &RoutePlan,
    uncertain: Vec<(EntryId, Entry, T)>,
) -> Result<(Vec<(EntryId, Entry, T)>, bool), StoreError> {
    if plan.target_stream.reversal.is_none() {
        return Ok((uncertain, false));
    }
    let mut others = Vec::new();
    let mut open = Vec::new();
    for (id, entry, rest) in uncertain {
        let known = match &entry.held {
            Some(held) => remembered(run, &id).await?.filter(|it| it.is_open(held)),
            None => None,
        };
        match known {
            Some(it) => open.push((id, entry, it)),
            None => others.push((id, entry, rest)),
        }
    }
    if open.is_empty() {
        return Ok((others, false));
    }
    let wants: Vec<Wanted> = open
        .iter()
        .map(|(id, entry, it)| wanted(id, it, entry.write_open_since))
        .collect();
    let Some(said) = ask_or_park(run, &plan.target, &wants).await else {
        return Ok((others, false));
    };
    let answered = open.into_iter().zip(said);
    let met = answered.map(|((id, entry, remembered), said)| Open {
        seen: entry.seen(),
        id,
        entry,
        remembered,
        is_known: true,
        said,
    });
    let changed = clear(run, plan, met.collect()).await?;
    Ok((others, changed))
}

/// Settles what the target said of reversals. One that it holds came with what takes the place, which is
/// asked for in turn.
async fn clear(run: &Run<'_>, plan: &RoutePlan, met: Vec<Open>) -> Result<bool, StoreError> {
    let now = run.engine.clock.now_ms();
    let wants: Vec<Wanted> = met
        .iter()
        .filter(|it| matches!(it.said, Said::Holds { .. }))
        .filter_map(|it| {
            let (_, body) = it.remembered.next.as_ref()?;
            Some(Wanted {
                body: body.clone(),
                ..wanted(&it.id, &it.remembered, it.entry.write_open_since)
            })
        })
        .collect();
    let Some(places) = ask_or_park(run, &plan.target, &wants).await else {
        return Ok(false);
    };
    let mut places = places.into_iter();
    let mut settlement = Settlement::default();
    for open in met {
        let Open {
            id,
            seen,
            mut entry,
            remembered,
            is_known,
            said,
        } = open;
        match said {
            Said::Unknown(_) => continue,
            Said::Person(found, words) => for_a_choice(&mut entry, *found, words, now),
            Said::HoldsNot => again(plan, &mut entry, now),
            Said::Holds { id: by, body } => {
                let place = match &remembered.next {
                    Some((mapped, sent)) => {
                        let said = places.next().unwrap_or(Said::HoldsNot);
                        Some((mapped.clone(), sent.clone(), said))
                    }
                    None => None,
                };
                if matches!(&place, Some((_, _, Said::Unknown(_)))) {
                    continue;
                }
                let alike = match &place {
                    Some((_, sent, Said::Holds { body, .. })) if !is_known => {
                        equal(plan, sent, body)
                    }
                    _ => Ok(()),
                };
                let arrived = alike.and_then(|()| {
                    arrived(plan, &mut entry, &remembered, (&by, &body), place, now)
                });
                match arrived {
                    Ok(()) => {
                        let told = outcome(plan, &id.source, &entry, now);
                        settlement.outcomes.extend(told);
                        // The source may want something else by now.
                        let what = "looked at again".to_owned();
                        entry.record(now, State::Pending, Actor::Engine, what, None);
                        // Before the link moves: which of the entry's documents it is of is told by this.
                        run.keep_note(Remembered::note(&id), Some(remembered.to_text()))
                            .await?;
                    }
                    Err(why) => {
                        unclear(plan, &mut entry, &id, &remembered, (&by, &body), &why, now)
                    }
                }
            }
        }
        settlement.changes.push(Change { id, seen, entry });
    }
    let progress = !settlement.changes.is_empty();
    run.settle(settlement).await?;
    Ok(progress)
}

/// The target holds a reversal, and, where there is one, what takes the place.
fn arrived(
    plan: &RoutePlan,
    entry: &mut Entry,
    remembered: &Remembered,
    (by, body): (&str, &str),
    place: Option<(String, String, Said)>,
    now: i64,
) -> Result<(), String> {
    in_force(plan, &remembered.reversal, body)?;
    let asked = format!("{} was asked: ", plan.target_title);
    match place {
        None => {
            reversed_alone(entry, now);
            let what = format!("{asked}{} is reversed by {by}", remembered.of);
            entry.record(now, State::Excluded, Actor::Engine, what, None);
        }
        Some((mapped, sent, Said::Holds { id, body })) => {
            in_force(plan, &sent, &body)?;
            let there = Value::parse(body.as_bytes()).ok();
            let what = replaced(&remembered.of, by, &id, &remembered.number);
            entry.held = Some(Held {
                id,
                state: there.as_ref().and_then(|it| plan.held_state(it)),
                seen_at: now,
                fingerprint: Value::parse(mapped.as_bytes())
                    .unwrap_or_default()
                    .fingerprint(),
                sent: mapped,
                answered: body,
                adopted: false,
            });
            entry.clear_stop();
            let what = format!("{asked}{what}");
            entry.record(now, State::Synced, Actor::Engine, what, None);
        }
        Some(_) => return Err("what was to take its place is not found there".to_owned()),
    }
    Ok(())
}

/// Whether a document of which nobody remembers how it was sent is the one that would be sent.
fn equal(plan: &RoutePlan, wanted: &str, found: &str) -> Result<(), String> {
    let read = |text: &str| Value::parse(text.as_bytes()).unwrap_or_default();
    let apart = differences(&read(wanted), &read(found), &plan.update_rules());
    if apart.is_empty() {
        return Ok(());
    }
    let told: Vec<String> = apart.iter().map(ToString::to_string).collect();
    Err(format!(
        "what took its place is different: {}",
        told.join("; ")
    ))
}

/// Whether a document that was found is the one that was sent, and counts.
fn in_force(plan: &RoutePlan, sent: &str, found: &str) -> Result<(), String> {
    let read = |text: &str| Value::parse(text.as_bytes()).unwrap_or_default();
    let (sent, found) = (read(sent), read(found));
    if let Some(HeldState::Voided | HeldState::Deleted) = plan.held_state(&found) {
        return Err(format!("{} was voided there", describe(plan, &found)));
    }
    let none = Reference::default();
    let total = plan.target_rules.total(&sent, plan.rules_cx(&none));
    agree(plan, &sent, total.ok().flatten(), &found)
}

/// The target holds something under the name of a reversal, and it cannot be told whether all of it is
/// there.
fn unclear(
    plan: &RoutePlan,
    entry: &mut Entry,
    id: &EntryId,
    remembered: &Remembered,
    (by, body): (&str, &str),
    why: &str,
    now: i64,
) {
    let title = &plan.target_title;
    let held = Value::parse(body.as_bytes()).unwrap_or_default();
    let what = format!("{title} holds a reversal of the linked document, but {why}");
    entry.problem = Some(problem(
        Category::DocumentState,
        what.clone(),
        format!(
            "look at both there; `ledgerline adopt {id} --to ID` what stands for it now, or `ledgerline skip \
             {id}`"
        ),
    ));
    entry.cause = Some(Cause {
        key: "reversed already".to_owned(),
    });
    entry.candidates = vec![Candidate {
        id: by.to_owned(),
        label: describe(plan, &held),
        why: format!("reverses {}", remembered.of),
    }];
    entry.record(now, State::Warning, Actor::Engine, what, None);
}
