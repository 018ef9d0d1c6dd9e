//! Before a document leaves: what an update would meet in the target, and whether a source document
//! changed since it was read.

use ledgerline_plugin_api::manifest::{Category, HeldState, Op, Update};

use crate::{
    mapping::{Value, three_way, with_line_ids},
    pipeline::{
        ask::{Said, Wanted, ask, wanted},
        decide::{Ready, Write, gone, problem},
        plan::RoutePlan,
        run::Run,
        settle::{held_name, outcome},
    },
    store::{Actor, Cause, Change, Entry, PageIn, Settlement, State, StoreError, offload},
};

/// What was sent last, its lines with the ids that the target gave them.
fn last_sent(entry: &Entry, rules: &Update) -> Value {
    let Some(held) = &entry.held else {
        return Value::default();
    };
    let read = |text: &str| Value::parse(text.as_bytes()).unwrap_or_default();
    with_line_ids(&read(&held.sent), &read(&held.answered), rules)
}

/// Before an update: what the target holds now, compared three ways. Gives what may go, the
/// bookkeeper's edits kept; the rest is settled as a question.
pub(crate) async fn compare_updates(
    run: &Run<'_>,
    plan: &RoutePlan,
    updates: Vec<Ready>,
) -> Result<(Vec<Ready>, bool), StoreError> {
    let Some(rules) = plan.target_stream.update.as_ref() else {
        return Ok((updates, false));
    };
    let wants: Vec<Wanted> = updates.iter().map(wanted).collect();
    let said = match ask(run, &plan.target, &wants).await {
        Ok(it) => it,
        Err(why) => {
            run.park(&plan.target.connection, &why.message);
            return Ok((Vec::new(), false));
        }
    };
    let now = run.engine.clock.now_ms();
    let mut settlement = Settlement::default();
    let mut going = Vec::new();
    for (mut ready, said) in updates.into_iter().zip(said) {
        let mut entry = ready.entry.clone();
        let refused = match said {
            Said::Unknown(_) => continue,
            Said::HoldsNot => Some((
                format!("{} no longer holds the linked document", plan.target_title),
                format!(
                    "`ledgerline skip {0}`, or `ledgerline adopt {0} --to ID` another one",
                    ready.id
                ),
                "gone in the target".to_owned(),
            )),
            Said::Holds { body, .. } => {
                let held = Value::parse(body.as_bytes()).unwrap_or_default();
                let state = plan.held_state(&held);
                let last = last_sent(&entry, rules);
                let compared = three_way(&last, &held, &ready.body, rules);
                if let Some(it) = entry.held.as_mut() {
                    it.state = state;
                    it.seen_at = now;
                }
                let open = state.is_none_or(|it| rules.open_states.contains(&it));
                let posted = matches!(state, Some(HeldState::Approved));
                if matches!(state, Some(HeldState::Voided | HeldState::Deleted)) {
                    let (problem, cause) = gone(plan, &ready.id);
                    let what = problem.cause.clone();
                    entry.problem = Some(problem);
                    entry.cause = Some(Cause { key: cause });
                    entry.record(now, State::Warning, Actor::Engine, what, None);
                    settlement.changes.push(Change {
                        id: ready.id,
                        seen: ready.seen,
                        entry,
                    });
                    continue;
                }
                if !compared.changed && compared.conflicts.is_empty() {
                    // All that changed in the source is there already.
                    if let Some(it) = entry.held.as_mut() {
                        it.sent = ready.mapped.to_json();
                        it.fingerprint = ready.fingerprint;
                        it.answered.clone_from(&body);
                    }
                    entry.clear_stop();
                    entry.record(
                        now,
                        State::Synced,
                        Actor::Engine,
                        "the target holds it so already",
                        None,
                    );
                    settlement
                        .outcomes
                        .extend(outcome(run, plan, &ready.id.source, &entry, now));
                    settlement.changes.push(Change {
                        id: ready.id,
                        seen: ready.seen,
                        entry,
                    });
                    continue;
                }
                if !compared.conflicts.is_empty() {
                    let list: Vec<String> = compared
                        .conflicts
                        .iter()
                        .map(|it| {
                            format!(
                                "{}: {} there, {} here",
                                it.field,
                                it.held.to_json(),
                                it.wanted.to_json()
                            )
                        })
                        .collect();
                    Some((
                        format!(
                            "changed in {} and in {}: {}",
                            plan.target_title,
                            plan.source_title,
                            list.join("; ")
                        ),
                        format!(
                            "make both equal, then `ledgerline retry {0}`; or `ledgerline skip {0}` to \
                             leave it as it is there",
                            ready.id
                        ),
                        "changed on both sides".to_owned(),
                    ))
                } else if !open {
                    Some((
                        format!(
                            "changed in the source, but the document in {} is {} and cannot change",
                            plan.target_title,
                            state.map_or("closed", held_name)
                        ),
                        format!(
                            "undo that in {}, then `ledgerline retry {1}`; or `ledgerline skip {1}`",
                            plan.target_title, ready.id
                        ),
                        "closed in the target".to_owned(),
                    ))
                } else if posted && compared.amounts_changed && !plan.route.update_approved {
                    Some((
                        format!(
                            "amounts changed in the source, but the document is approved in {}",
                            plan.target_title
                        ),
                        format!(
                            "set `update-approved = true` on the route, or mend it in {} and \
                             `ledgerline retry {}`",
                            plan.target_title, ready.id
                        ),
                        "amounts of an approved document".to_owned(),
                    ))
                } else {
                    ready.notices.extend(compared.kept.iter().map(|it| {
                        format!(
                            "kept from {}: {} is {}",
                            plan.target_title,
                            it.field,
                            it.held.to_json()
                        )
                    }));
                    ready.entry = entry.clone();
                    ready.body = compared.body;
                    going.push(ready);
                    continue;
                }
            }
        };
        if let Some((cause, remedy, key)) = refused {
            entry.problem = Some(problem(Category::DocumentState, cause.clone(), remedy));
            entry.cause = Some(Cause { key });
            entry.record(now, State::Warning, Actor::Engine, cause, None);
            settlement.changes.push(Change {
                id: ready.id,
                seen: ready.seen,
                entry,
            });
        }
    }
    let progress = !settlement.changes.is_empty();
    run.settle(settlement).await?;
    Ok((going, progress))
}

/// Before a create: source documents that were read a while ago are read again. Those that changed
/// are taken in anew and do not go now.
pub(crate) async fn recheck(
    run: &Run<'_>,
    plan: &RoutePlan,
    creates: Vec<Ready>,
) -> Result<(Vec<Ready>, bool), StoreError> {
    let Some(source) = run.engine.connected.get(&plan.source.connection) else {
        return Ok((creates, false));
    };
    let now = run.engine.clock.now_ms();
    let age = i64::try_from(source.connection.recheck_age.as_millis()).unwrap_or(i64::MAX);
    let (old, mut going): (Vec<Ready>, Vec<Ready>) = creates
        .into_iter()
        .partition(|it| it.write == Write::Create && now - it.read_at > age);
    if old.is_empty() || !plan.source_can(Op::Find) {
        going.extend(old);
        return Ok((going, false));
    }
    let wants: Vec<Wanted> = old
        .iter()
        .map(|it| Wanted {
            id: it.id.source.clone(),
            remote_id: Some(it.id.source.clone()),
            ..Wanted::default()
        })
        .collect();
    let said = match ask(run, &plan.source, &wants).await {
        Ok(it) => it,
        Err(why) => {
            run.park(&plan.source.connection, &why.message);
            return Ok((going, false));
        }
    };
    let mut incoming = Vec::new();
    for (ready, said) in old.into_iter().zip(said) {
        let body = match said {
            Said::Unknown(_) => continue,
            Said::HoldsNot => None,
            Said::Holds { body, .. } => Some(body.into_bytes()),
        };
        incoming.push((ready, body));
    }
    // The store decides what changed: by the bytes.
    let documents: Vec<crate::store::Incoming> = incoming
        .iter()
        .map(|(ready, body)| {
            crate::pipeline::pull::incoming(
                source,
                plan.source_rules.as_ref(),
                ready.id.source.clone(),
                // Not a version of the source's own: only differing bytes count.
                format!("{}+reread", ready.version),
                body.clone(),
            )
        })
        .collect();
    let stream = plan.source.clone();
    let routes = run.engine.routes_reading(&plan.source);
    offload::run(&run.store, move |store| {
        store.intake_page(PageIn {
            stream: &stream,
            routes: &routes,
            documents,
            cursor: None,
            at: now,
        })
    })
    .await?;
    let mut changed = false;
    for (ready, _) in incoming {
        let id = ready.id.clone();
        let entry = offload::run(&run.store, move |store| store.entry(&id)).await?;
        match entry {
            Some(it) if it.seen() == ready.seen => going.push(ready),
            _ => changed = true,
        }
    }
    Ok((going, changed))
}
