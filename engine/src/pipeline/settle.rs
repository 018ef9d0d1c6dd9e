//! Settle: results become entries, links, notices and outcomes, together with the call that made
//! them, in one durable write.

use ledgerline_plugin_api::manifest::{Category, HeldState, Problem};

use crate::{
    mapping::{Reference, Value, differences},
    pipeline::{
        calls::Covering,
        decide::{Ready, Write, problem, void_note},
        difference::decided_note,
        plan::RoutePlan,
        run::Run,
        send::{AfterBatch, Batch, Done, ending},
        steps, taken_back,
        work::LONGEST_PAUSE,
    },
    store::{
        Actor, Cause, Change, Entry, Facts, Held, Incoming, OutcomeIn, Settlement, State,
        StoreError, StreamId,
    },
};

/// How one document ended.
#[derive(Debug)]
pub(crate) enum Ending {
    /// The target has it under this id.
    Synced {
        remote_id: String,
        answered: String,
        warnings: Vec<String>,
    },
    /// The target may or may not have it.
    Uncertain,
    /// The target understood and refused it.
    Refused { problem: Problem, words: String },
    /// The call was refused as a whole and somebody else may be to blame.
    Halve,
    /// Nothing happened; it may work later.
    Failed(String),
    /// Nothing happened, and nothing will while the connection is as it is.
    Parked(String),
    /// Nothing happened, because the run was ended.
    Left,
    /// Nothing happened, because of another document of the batch: without that one it goes at once.
    Again,
}

/// Makes a batch's endings durable.
pub(crate) async fn settle_batch(
    run: &Run<'_>,
    plan: &RoutePlan,
    batch: Batch,
    mut done: Done,
) -> Result<AfterBatch, StoreError> {
    let now = run.engine.clock.now_ms();
    let Batch {
        route,
        documents,
        split,
    } = batch;
    let count = documents.len();
    let mut after = AfterBatch::default();
    let mut halves = Vec::new();
    let mut others = Vec::new();
    let mut uncertain = 0;
    // Notes of what a person said and that is done.
    let mut done_words = Vec::new();
    let mut off = Vec::new();
    // One settlement for each call, one more for documents that no call covered.
    let mut settlements: Vec<Settlement> = done
        .calls
        .iter_mut()
        .map(|it| Settlement {
            intent: Some(it.intent),
            call: it.row.take().map(|row| (it.intent, row)),
            ..Settlement::default()
        })
        .chain([Settlement::default()])
        .collect();
    for (index, ready) in documents.into_iter().enumerate() {
        let calls = &done.calls;
        let place = calls
            .iter()
            .rposition(|it| {
                it.covers
                    .contains(&u32::try_from(index).unwrap_or(u32::MAX))
            })
            .unwrap_or(calls.len());
        let call = calls.get(place);
        let ending = ending(index, count, &done);
        uncertain += usize::from(matches!(ending, Ending::Uncertain));
        match &ending {
            Ending::Halve => {
                halves.push(ready);
                continue;
            }
            Ending::Parked(why) => {
                after.parked.get_or_insert_with(|| why.clone());
                run.unfinished();
                continue;
            }
            Ending::Left => {
                run.unfinished();
                continue;
            }
            Ending::Again => {
                if !done.stopped.contains(&ready.id) {
                    others.push(ready);
                }
                continue;
            }
            Ending::Refused { problem, .. }
                if problem.category == Category::Duplicate && ready.write == Write::Create =>
            {
                after.taken.push(ready.clone());
            }
            Ending::Synced { .. }
            | Ending::Uncertain
            | Ending::Refused { .. }
            | Ending::Failed(_) => {}
        }
        after.progress = true;
        let Some(settlement) = settlements.get_mut(place) else {
            continue;
        };
        run.count(&route, &ready, &ending);
        if ready.write == Write::Void && matches!(ending, Ending::Synced { .. }) {
            done_words.push(void_note(&ready.id));
        }
        if ready.gap.as_ref().is_some_and(|it| it.said) && matches!(ending, Ending::Synced { .. }) {
            done_words.push(decided_note(&ready.id));
        }
        if matches!(ending, Ending::Synced { .. }) {
            settlement.notes.extend(ready.done_notes());
            let gone = taken_back::done_note(plan, &ready);
            if gone.is_some() || ready.write == Write::Void && ready.payment.is_some() {
                off.push(ready.id.clone());
            }
            settlement.notes.extend(gone);
        }
        let (ending, by) = reversed_by(plan, &ready, ending);
        let mut entry = settled_entry(plan, &ready, (&ending, by.as_deref()), call, now);
        if entry.state == State::Synced {
            settlement
                .outcomes
                .extend(outcome(plan, &ready.id.source, &entry, now));
            ready.compared_once(&mut entry, now);
        }
        settlement.changes.push(Change {
            id: ready.id,
            seen: ready.seen,
            entry,
        });
    }
    after.lost = count > 0 && uncertain == count;
    for settlement in settlements {
        run.settle(settlement).await?;
        steps::reached("settled", plan.name());
    }
    for note in done_words {
        run.keep_note(note, None).await?;
    }
    run.wake_all(off).await?;
    let second = halves.split_off(halves.len().div_ceil(2));
    for (documents, split) in [(halves, split + 1), (second, split + 1), (others, split)] {
        if !documents.is_empty() {
            after.again.push(Batch {
                route: route.clone(),
                documents,
                split,
            });
        }
    }
    Ok(after)
}

fn settled_entry(
    plan: &RoutePlan,
    ready: &Ready,
    (ending, by): (&Ending, Option<&str>),
    call: Option<&Covering>,
    now: i64,
) -> Entry {
    let mut entry = ready.entry.clone();
    let call_id = call.map(|it| it.intent);
    entry.number.clone_from(&ready.number);
    entry.mapping = plan.mapping.hash();
    match ending {
        Ending::Synced {
            remote_id,
            answered,
            warnings,
        } => {
            if ready.write == Write::Void {
                match (ready.reversal(), by) {
                    (Some((it, _)), Some(by)) => {
                        reversed_alone(&mut entry, now);
                        let reason = ready.notices.join("; ");
                        let (title, of) = (&plan.target_title, &it.of);
                        let what =
                            format!("taken back in {title}: {reason}; {of} is reversed by {by}");
                        entry.record(now, State::Excluded, Actor::Engine, what, call_id);
                    }
                    _ => took_back(plan, &mut entry, ready, answered, now, call_id),
                }
                return entry;
            }
            let what = match ready.write {
                Write::Create => "created",
                Write::Update | Write::Void => "updated",
            };
            let what = match &ready.payment {
                Some(it) => format!("made anew after the edit of {},", it.document),
                None => what.to_owned(),
            };
            let what = match (&ready.number, ready.reversal(), by) {
                (_, Some((it, _)), Some(by)) => replaced(&it.of, by, remote_id, &it.number),
                (Some(number), ..) => format!("{what} as {number}"),
                (None, ..) => what,
            };
            let there = hold(plan, &mut entry, ready, remote_id, answered, now);
            entry.notices.clone_from(&ready.notices);
            entry.notices.extend(
                warnings
                    .iter()
                    .map(|it| format!("{}: {it}", plan.target_title)),
            );
            if let Some(there) = there {
                entry.notices.extend(changed_silently(plan, ready, &there));
            }
            entry.record(now, State::Synced, Actor::Engine, what, call_id);
        }
        Ending::Uncertain => {
            entry.clear_stop();
            entry.write_open_since = Some(
                entry
                    .write_open_since
                    .unwrap_or(i64::MAX)
                    .min(call.map_or(now, |it| it.at)),
            );
            entry.write_open_until = Some(call.map_or(now, |it| it.deadline));
            entry.attempts += 1;
            entry.problem = Some(problem(
                Category::Passing,
                format!(
                    "{} was sent it and gave no complete answer: it may or may not be there",
                    plan.target_title
                ),
                "nothing: the engine asks before it sends anything again",
            ));
            entry.cause = Some(Cause {
                key: "answer lost".into(),
            });
            entry.record(
                now,
                State::Uncertain,
                Actor::Engine,
                "the answer was lost",
                call_id,
            );
        }
        Ending::Refused { problem, words } => {
            entry.candidates.clear();
            entry.problem = Some(match ready.is_closed(problem) {
                true => ready.with_choices(plan, problem.clone()),
                false => problem.clone(),
            });
            entry.words = (!words.is_empty()).then(|| words.clone());
            entry.cause = Some(Cause {
                key: refusal_key(problem),
            });
            entry.attempts += 1;
            entry.record(
                now,
                State::Warning,
                Actor::Engine,
                problem.cause.clone(),
                call_id,
            );
        }
        Ending::Failed(why) => {
            entry.attempts += 1;
            let tired = entry.attempts >= plan.route.attempts;
            entry.problem = Some(problem(
                Category::Passing,
                why.clone(),
                if tired {
                    "see that the systems answer, then `ledgerline retry`"
                } else {
                    "nothing: it is tried again"
                },
            ));
            entry.cause = Some(Cause {
                key: "passing fault".into(),
            });
            entry.not_before = now + backoff_ms(entry.attempts);
            let state = if tired { State::Warning } else { State::Failed };
            entry.record(now, state, Actor::Engine, why.clone(), call_id);
        }
        // Handled by the caller: the entry stays as it is.
        Ending::Halve | Ending::Parked(_) | Ending::Left | Ending::Again => {}
    }
    entry
}

/// Parts the answer to a document that took another one's place from the reversal that came with it, and
/// gives the reversal's id.
fn reversed_by(plan: &RoutePlan, ready: &Ready, ending: Ending) -> (Ending, Option<String>) {
    let (Some(_), Some(rule)) = (ready.reversal(), &plan.target_stream.reversal) else {
        return (ending, None);
    };
    match ending {
        Ending::Synced {
            remote_id,
            answered,
            warnings,
        } => {
            let (answered, by) = match Value::parse(answered.as_bytes()) {
                Ok(mut there) if ready.write == Write::Update => {
                    let reversal = there.remove(&rule.carried_in).unwrap_or_default();
                    let none = Reference::default();
                    let key = plan.target_rules.key(&reversal, plan.rules_cx(&none));
                    (there.to_json(), key.ok().flatten())
                }
                _ => (answered, Some(remote_id.clone())),
            };
            let ending = Ending::Synced {
                remote_id,
                answered,
                warnings,
            };
            (ending, Some(by.unwrap_or_else(|| "another one".to_owned())))
        }
        other => (other, None),
    }
}

/// What happened to a document whose place another one took, in a few words.
pub(crate) fn replaced(of: &str, by: &str, id: &str, number: &str) -> String {
    format!("{of} is reversed by {by}, and {id} takes its place as {number}")
}

/// The document is reversed, and nothing takes its place: for the books it is not there.
pub(crate) fn reversed_alone(entry: &mut Entry, now: i64) {
    if let Some(held) = entry.held.as_mut() {
        held.state = Some(HeldState::Voided);
        held.seen_at = now;
    }
    entry.clear_stop();
    entry.requested = false;
}

/// The target took the document back: the entry is left out, with its link.
pub(crate) fn took_back(
    plan: &RoutePlan,
    entry: &mut Entry,
    ready: &Ready,
    answered: &str,
    now: i64,
    call: Option<u64>,
) {
    let there = Value::parse(answered.as_bytes()).ok();
    let state = there.as_ref().and_then(|it| plan.held_state(it));
    if let Some(held) = entry.held.as_mut() {
        held.state = Some(state.unwrap_or(HeldState::Voided));
        held.seen_at = now;
        answered.clone_into(&mut held.answered);
    }
    entry.clear_stop();
    let reason = ready.notices.join("; ");
    let title = &plan.target_title;
    if let Some(payment) = &ready.payment {
        entry.problem = Some(problem(
            Category::DocumentState,
            format!("it is off {} until that is settled", payment.document),
            "nothing: it comes back by itself",
        ));
        entry.cause = Some(Cause::entry(&payment.document));
        let what = format!("taken off in {title}: {reason}");
        entry.record(now, State::Waiting, Actor::Engine, what, call);
        return;
    }
    entry.requested = false;
    let what = format!("taken back in {title}: {reason}");
    entry.record(now, State::Excluded, Actor::Engine, what, call);
}

/// The entry gets its link, and remembers what was sent and answered. Gives the answer, if it can be read.
pub(crate) fn hold(
    plan: &RoutePlan,
    entry: &mut Entry,
    ready: &Ready,
    remote_id: &str,
    answered: &str,
    now: i64,
) -> Option<Value> {
    let there = Value::parse(answered.as_bytes()).ok();
    // A counterparty that was found there does not become ours by a changed field.
    let adopted = plan.matches() && entry.held.as_ref().is_some_and(|it| it.adopted);
    let seen = there.as_ref().filter(|_| adopted);
    entry.held = Some(Held {
        id: remote_id.to_owned(),
        state: there.as_ref().and_then(|it| plan.held_state(it)),
        seen_at: now,
        sent: ready.mapped.to_json(),
        answered: match seen {
            Some(there) => plan.seen_of(adopted, there, answered),
            None => answered.to_owned(),
        },
        fingerprint: ready.fingerprint,
        adopted,
    });
    entry.clear_stop();
    // What a person asked for is done; a later change of the document is a new question.
    entry.requested = false;
    entry.create_new = false;
    there
}

/// What the target changed without a word.
fn changed_silently(plan: &RoutePlan, ready: &Ready, answered: &Value) -> Vec<String> {
    differences(&ready.body, answered, &plan.update_rules())
        .into_iter()
        .map(|it| {
            format!(
                "{} holds {} as {} instead of {}",
                plan.target_title,
                it.field,
                it.held.to_json(),
                it.sent.to_json()
            )
        })
        .collect()
}

/// Equal refusals are one row.
fn refusal_key(problem: &Problem) -> String {
    format!("refused: {}", problem.cause)
}

/// 5 s, 20 s, 80 s … one hour: with the usual number of attempts a fault of two hours passes without a person.
pub(crate) fn backoff_ms(attempts: u32) -> i64 {
    (5_000i64 << (2 * attempts.saturating_sub(1).min(5))).min(LONGEST_PAUSE)
}

/// The outcome document of an entry, for the routes that follow and want to know of such.
pub(crate) fn outcome(
    plan: &RoutePlan,
    source_id: &str,
    entry: &Entry,
    now: i64,
) -> Option<OutcomeIn> {
    let routes = plan.told.get(&entry.state)?.clone();
    let held = entry.held.as_ref();
    if held.is_none() && entry.state == State::Synced {
        return None;
    }
    let at = jiff::Timestamp::from_millisecond(now).unwrap_or_default();
    let body = serde_json::json!({
        "id": source_id,
        "state": entry.state.name(),
        // One that stopped early was given none yet.
        "number": entry.number.as_ref().or(entry.facts.number.as_ref()),
        // Of the source document, as its connector gave it.
        "version": entry.version,
        "target": held.map(|it| serde_json::json!({
            "id": it.id, "state": it.state.map(held_name),
        })),
        // Whole seconds: what the vendors' own forms carry.
        "at": at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "problem": entry.problem.as_ref().map(|it| serde_json::json!({
            "category": it.category,
            "field": it.field,
            "cause": it.cause,
            "remedy": it.remedy,
            "words": entry.words,
        })),
    });
    Some(OutcomeIn {
        stream: StreamId {
            connection: "outcomes".into(),
            stream: plan.route.name.clone(),
        },
        routes,
        document: Incoming {
            id: source_id.to_owned(),
            version: now.to_string(),
            body: Some(body.to_string().into_bytes()),
            facts: Facts {
                number: entry.number.clone(),
                ..entry.facts.clone()
            },
        },
    })
}

/// As [`outcome`], of an entry that may be linked no more: who follows is told that it is gone.
pub(crate) fn outcome_anew(
    plan: &RoutePlan,
    source_id: &str,
    entry: &Entry,
    now: i64,
) -> Option<OutcomeIn> {
    if entry.state == State::Synced && entry.held.is_some() {
        return outcome(plan, source_id, entry, now);
    }
    Some(OutcomeIn {
        stream: StreamId {
            connection: "outcomes".into(),
            stream: plan.route.name.clone(),
        },
        routes: plan.told.get(&State::Synced)?.clone(),
        document: Incoming {
            id: source_id.to_owned(),
            version: now.to_string(),
            body: None,
            facts: entry.facts.clone(),
        },
    })
}

/// Kebab-case name of a held state.
pub(crate) fn held_name(state: HeldState) -> &'static str {
    match state {
        HeldState::Draft => "draft",
        HeldState::AwaitingApproval => "awaiting-approval",
        HeldState::Approved => "approved",
        HeldState::Paid => "paid",
        HeldState::Voided => "voided",
        HeldState::Deleted => "deleted",
        HeldState::Active => "active",
        HeldState::Archived => "archived",
    }
}
