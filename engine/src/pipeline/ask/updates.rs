//! Before an update leaves: what it would meet in the target, compared three ways with what was sent
//! last and what the source wants now.

use ledgerline_plugin_api::manifest::{Category, HeldState, Problem, Update};

use crate::{
    config::Voids,
    mapping::{Difference, Reference, Value, three_way, with_line_ids},
    pipeline::{
        ask::{Said, Wanted, ask_or_park, pushed, reversals, wanted},
        decide::{Ready, WITHDRAWN, Write, gone, problem, withdrawn_problem},
        plan::RoutePlan,
        reapply::{TakenOff, is_gone, payments_of, stays},
        run::Run,
        settle::{held_name, outcome},
    },
    store::{Actor, Cause, Change, Entry, EntryId, Settlement, State, StoreError},
};

/// Key of the cause "changed on both sides".
pub(crate) const BOTH_SIDES: &str = "changed on both sides";
/// Key of the cause "paid, or closed otherwise".
const CLOSED: &str = "closed in the target";
/// Key of the cause "approved, and its route leaves such documents alone".
const APPROVED: &str = "amounts of an approved document";

/// What becomes of one update.
pub(super) enum Verdict {
    /// It goes, the bookkeeper's own edits kept.
    Goes,
    /// Nothing is to change there; why.
    Stays(String),
    /// It was to be taken back, and is.
    IsGone,
    /// A person decides; with the key of its cause.
    Question(Problem, String),
}

/// Gives what may go; the rest is settled.
pub(crate) async fn compare_updates(
    run: &Run<'_>,
    plan: &RoutePlan,
    updates: Vec<Ready>,
) -> Result<(Vec<Ready>, bool), StoreError> {
    let Some(rules) = plan.target_stream.update.as_ref() else {
        return Ok((updates, false));
    };
    let wants: Vec<Wanted> = updates.iter().map(wanted).collect();
    let Some(said) = ask_or_park(run, &plan.target, &wants).await else {
        return Ok((Vec::new(), false));
    };
    let now = run.engine.clock.now_ms();
    let reference = match run.engine.connected.get(&plan.target.connection) {
        Some(target) => {
            let streams = plan.reference_streams();
            let held = run.engine.references.held(&run.store, target, &streams);
            Some(held.await?)
        }
        None => None,
    };
    let mut settlement = Settlement::default();
    let mut going = Vec::new();
    for (mut ready, said) in updates.into_iter().zip(said) {
        let verdict = match said {
            Said::Unknown(_) | Said::Person(..) => continue,
            Said::HoldsNot => no_longer_held(plan, &ready),
            Said::Holds { body, .. } if ready.write == Write::Void => {
                taken_back(run, plan, &mut ready, body, now).await?
            }
            Said::Holds { body, .. } if plan.matches() => {
                pushed::compare(plan, rules, &mut ready, &body, now)
            }
            Said::Holds { body, .. } => {
                let none = Reference::default();
                let lists = reference.as_deref().unwrap_or(&none);
                let verdict = compare(plan, (rules, lists), &mut ready, body.clone(), now);
                offered(run, plan, &ready, &body, verdict).await?
            }
        };
        match verdict {
            Verdict::Goes => {
                going.push(ready);
                continue;
            }
            Verdict::Stays(what) => {
                ready.entry.clear_stop();
                let state = State::Synced;
                ready.entry.record(now, state, Actor::Engine, what, None);
                settlement.notes.extend(ready.done_notes());
                let told = outcome(plan, &ready.id.source, &ready.entry, now);
                settlement.outcomes.extend(told);
            }
            Verdict::IsGone => {
                let reason = ready.notices.join("; ");
                let what = format!("{reason}; taken back in {} too", plan.target_title);
                ready.entry.clear_stop();
                let state = State::Excluded;
                ready.entry.record(now, state, Actor::Engine, what, None);
            }
            Verdict::Question(found, key) => {
                let what = found.cause.clone();
                ready.entry.problem = Some(found);
                ready.entry.cause = Some(Cause { key });
                let state = State::Warning;
                ready.entry.record(now, state, Actor::Engine, what, None);
            }
        }
        settlement.changes.push(Change {
            id: ready.id,
            seen: ready.seen,
            entry: ready.entry,
        });
    }
    let progress = !settlement.changes.is_empty();
    run.settle(settlement).await?;
    let (reversing, mut going): (Vec<Ready>, Vec<Ready>) =
        going.into_iter().partition(|it| it.reversal().is_some());
    let (fit, changed) = reversals::announce(run, plan, reversing).await?;
    going.extend(fit);
    Ok((going, progress || changed))
}

/// A question whose answer may be an edit after all, where all that stands in its way are payments of ours.
async fn offered(
    run: &Run<'_>,
    plan: &RoutePlan,
    ready: &Ready,
    body: &str,
    verdict: Verdict,
) -> Result<Verdict, StoreError> {
    let Verdict::Question(mut found, key) = verdict else {
        return Ok(verdict);
    };
    let settled = ready.gap.as_ref().is_none_or(|it| it.settled || !it.read);
    if (key == CLOSED || key == APPROVED) && !settled && plan.target_stream.settled.is_some() {
        let there = Value::parse(body.as_bytes()).unwrap_or_default();
        if payments_of(run, plan, &there).await?.is_ok() {
            found.remedy = format!("{}; {}", ready.reapply_choice(plan), found.remedy);
        }
    }
    Ok(Verdict::Question(found, key))
}

/// Judges one update by what the target holds, and notes that in its entry.
fn compare(
    plan: &RoutePlan,
    (rules, reference): (&Update, &Reference),
    ready: &mut Ready,
    body: String,
    now: i64,
) -> Verdict {
    let held = Value::parse(body.as_bytes()).unwrap_or_default();
    let state = plan.held_state(&held);
    let last = last_sent(&ready.entry, rules);
    let compared = three_way(&last, &held, &ready.body, rules);
    if let Some(it) = ready.entry.held.as_mut() {
        it.state = state;
        it.seen_at = now;
    }
    if matches!(state, Some(HeldState::Voided | HeldState::Deleted)) {
        let (found, key) = gone(plan, &ready.id);
        return Verdict::Question(found, key);
    }
    let target = &plan.target_title;
    let unclear = ready.measure(plan, &last, &held, reference).err();
    if ready.gap.as_ref().is_some_and(|it| it.settled) {
        if let Some(why) = unclear {
            return question(
                format!(
                    "changed in {} and in {target} after its difference was settled there: {why}",
                    plan.source_title
                ),
                ready.choices(plan, true),
                BOTH_SIDES,
            );
        }
        return question(
            format!(
                "changed in {} again after its difference was settled in {target}: {}",
                plan.source_title,
                ready.differs(plan, None)
            ),
            ready.choices(plan, false),
            CLOSED,
        );
    }
    if !compared.changed && compared.conflicts.is_empty() {
        if let Some(it) = ready.entry.held.as_mut() {
            it.sent = ready.mapped.to_json();
            it.fingerprint = ready.fingerprint;
            it.answered = body;
        }
        return Verdict::Stays("the target holds it so already".to_owned());
    }
    let id = &ready.id;
    if !compared.conflicts.is_empty() {
        return question(
            format!(
                "changed in {target} and in {}: {}",
                plan.source_title,
                apart(&compared.conflicts)
            ),
            format!(
                "make both equal, then `ledgerline retry {id}`; or {}",
                ready.choices(plan, true)
            ),
            BOTH_SIDES,
        );
    }
    if !state.is_none_or(|it| rules.open_states.contains(&it)) {
        return question(
            format!(
                "changed in the source, but the document in {target} is {} and cannot change: {}",
                state.map_or("closed", held_name),
                ready.differs(plan, Some(&compared.changes))
            ),
            format!(
                "{}; or undo that in {target}, then `ledgerline retry {id}`",
                ready.choices(plan, false)
            ),
            CLOSED,
        );
    }
    let posted = matches!(state, Some(HeldState::Approved));
    let replaced = ready.replacing.is_some() && reversals::is_posted(state);
    let said = plan.route.update_approved || ready.reapply.is_some();
    if !replaced && posted && compared.amounts_changed && !said {
        return question(
            format!(
                "amounts changed in the source, but the document is approved in {target}: {}",
                ready.differs(plan, Some(&compared.changes))
            ),
            format!(
                "{}; or set `update-approved = true` on the route, or mend it in {target}, and `ledgerline \
                 retry {id}`",
                ready.choices(plan, false)
            ),
            APPROVED,
        );
    }
    if replaced {
        return reversals::replace(plan, ready, &held, &compared);
    }
    ready.replacing = None;
    ready.notices.extend(compared.kept.iter().map(|it| {
        let there = it.held.to_json();
        format!("kept from {target}: {} is {there}", it.field)
    }));
    ready.body = compared.body;
    Verdict::Goes
}

/// What both sides changed, field by field, for a person.
pub(super) fn apart(conflicts: &[Difference]) -> String {
    let told = conflicts.iter().map(|it| {
        let (there, here) = (it.held.to_json(), it.wanted.to_json());
        format!("{}: {there} there, {here} here", it.field)
    });
    told.collect::<Vec<_>>().join("; ")
}

/// Judges a document that is to be taken back by what the target holds now: it may have been posted or
/// paid since that was looked at.
async fn taken_back(
    run: &Run<'_>,
    plan: &RoutePlan,
    ready: &mut Ready,
    body: String,
    now: i64,
) -> Result<Verdict, StoreError> {
    let held = Value::parse(body.as_bytes()).unwrap_or_default();
    let state = plan.held_state(&held);
    if let Some(it) = ready.entry.held.as_mut() {
        it.state = state;
        it.seen_at = now;
        it.answered = body;
    }
    let (id, target) = (&ready.id, &plan.target_title);
    let reason = ready.notices.join("; ");
    if let Some(payment) = &ready.payment {
        return Ok(comes_off(plan, id, payment, &held, state));
    }
    let verdict = match state {
        Some(HeldState::Voided | HeldState::Deleted) => Verdict::IsGone,
        Some(HeldState::Paid) => question(
            format!("{reason}; but the document is paid in {target} and cannot be taken back"),
            format!(
                "remove its payments in {target}, then `ledgerline retry {id}`; or `ledgerline skip {id}`"
            ),
            CLOSED,
        ),
        Some(HeldState::Draft | HeldState::AwaitingApproval) => Verdict::Goes,
        _ if plan.route.voids == Voids::Always || run.voids(ready).await? => Verdict::Goes,
        _ => Verdict::Question(withdrawn_problem(plan, id, &reason), WITHDRAWN.to_owned()),
    };
    Ok(match verdict {
        Verdict::Goes => reversals::reverse(plan, ready, &held, state).unwrap_or(Verdict::Goes),
        other => other,
    })
}

/// Judges a payment that is to come off by what the target holds now: it may have been reconciled since.
fn comes_off(
    plan: &RoutePlan,
    id: &EntryId,
    payment: &TakenOff,
    there: &Value,
    state: Option<HeldState>,
) -> Verdict {
    // Not by us: whoever did it knows where the money is.
    if is_gone(state) {
        let (found, key) = gone(plan, id);
        return Verdict::Question(found, key);
    }
    let Some(why) = stays(plan, there) else {
        return Verdict::Goes;
    };
    let target = &plan.target_title;
    question(
        format!("it was to come off {}, and it {why}", payment.document),
        format!(
            "undo that in {target}, then `ledgerline retry {id}`; or `ledgerline resolve {} --keep`",
            payment.document
        ),
        "a payment that stays",
    )
}

fn no_longer_held(plan: &RoutePlan, ready: &Ready) -> Verdict {
    let id = &ready.id;
    question(
        format!("{} no longer holds the linked document", plan.target_title),
        format!("`ledgerline skip {id}`, or `ledgerline adopt {id} --to ID` another one"),
        "gone in the target",
    )
}

pub(super) fn question(cause: String, remedy: String, key: &str) -> Verdict {
    let found = problem(Category::DocumentState, cause, remedy);
    Verdict::Question(found, key.to_owned())
}

/// What was sent last, its lines with the ids that the target gave them.
pub(crate) fn last_sent(entry: &Entry, rules: &Update) -> Value {
    let Some(held) = &entry.held else {
        return Value::default();
    };
    let read = |text: &str| Value::parse(text.as_bytes()).unwrap_or_default();
    with_line_ids(&read(&held.sent), &read(&held.answered), rules)
}
