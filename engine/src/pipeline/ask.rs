//! Asking a system what it holds: what became of an uncertain document, what an update would meet,
//! whether a source document changed since it was read.

use ledgerline_plugin_api::{abi::Status, manifest::{Category, Find, HeldState, Op, Update}};
use rust_decimal::Decimal;

use crate::{
    mapping::{Reference, Value, differences, three_way, with_line_ids},
    pipeline::{
        calls::ReadEffects,
        decide::{Ready, Takers, Write, gone, problem},
        plan::RoutePlan,
        run::Run,
        settle::{hold, outcome},
    },
    plugins::{Asked, Given, Operation, OutDoc, SessionError},
    store::{
        Actor, Candidate, Cause, Change, Entry, PageIn, Settlement, State, StoreError, StreamId,
        offload,
    },
};

/// One document that is asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    pub(crate) id: String,
    pub(crate) number: String,
    pub(crate) remote_id: Option<String>,
    /// Look no earlier than this, milliseconds since the epoch.
    pub(crate) since: Option<i64>,
    pub(crate) body: String,
}

/// What the system said about it.
#[derive(Debug, Clone)]
pub(crate) enum Said {
    /// It holds this.
    Holds { id: String, body: String },
    /// It does not hold it.
    HoldsNot,
    /// It could not say.
    Unknown(String),
}

/// Asks for documents of a stream, in order. Spends no writing call.
pub(crate) async fn ask(
    run: &Run<'_>,
    stream: &StreamId,
    wanted: &[Wanted],
) -> Result<Vec<Said>, SessionError> {
    let mut answers = Vec::with_capacity(wanted.len());
    let Some(system) = run.engine.connected.get(&stream.connection) else {
        return Ok(wanted.iter().map(|_| Said::Unknown("no such connection".into())).collect());
    };
    let effects = ReadEffects {
        channel: system.reader.clone(),
        class: run.class,
        clock: run.engine.clock,
        cancel: run.cancel.clone(),
    };
    for chunk in wanted.chunks(50) {
        let out: Vec<OutDoc> = chunk
            .iter()
            .map(|it| OutDoc {
                change: 0,
                id: it.id.clone(),
                number: it.number.clone(),
                remote_id: it.remote_id.clone(),
                since: it.since.map(instant),
                body: it.body.clone().into_bytes(),
            })
            .collect();
        let mut session = system.session(Operation::Find, &stream.stream, &[])?;
        let mut given = Given::Nothing;
        loop {
            match session.next(given, &effects).await? {
                Asked::Want => given = Given::Batch(&out),
                Asked::Results(list) => {
                    answers.extend(list.into_iter().map(|it| match it.status {
                        Status::OK => Said::Holds {
                            id: it.remote_id,
                            body: it
                                .body
                                .and_then(|it| String::from_utf8(it).ok())
                                .unwrap_or_default(),
                        },
                        Status::NOT_FOUND => Said::HoldsNot,
                        _ => Said::Unknown(it.message),
                    }));
                    break;
                }
                Asked::Done | Asked::Page { .. } | Asked::Value(_) => {
                    return Err(SessionError::new(
                        Status::BUG,
                        "a find session ended without results for its batch",
                    ));
                }
            }
        }
    }
    Ok(answers)
}

fn instant(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms)
        .map(|it| it.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
        .unwrap_or_default()
}

fn wanted(ready: &Ready) -> Wanted {
    Wanted {
        id: ready.id.source.clone(),
        number: ready.number.clone().unwrap_or_default(),
        remote_id: ready.remote_id.clone(),
        since: ready.entry.write_open_since,
        body: ready.body.to_json(),
    }
}

/// Whether a held document is the one that would be sent: kind, contact, date, currency and total.
pub(crate) fn agrees(plan: &RoutePlan, ready: &Ready, held: &Value) -> Result<(), String> {
    let mut apart = Vec::new();
    for path in &plan.target_stream.identity {
        let wanted = ready.body.get(path);
        let found = held.get(path);
        // What we leave to the target's default cannot disagree.
        if let Some(wanted) = wanted
            && found != Some(wanted)
        {
            apart.push(format!(
                "{path}: {} there, {} here",
                found.map_or_else(|| "nothing".to_owned(), Value::to_json),
                wanted.to_json()
            ));
        }
    }
    let there = held_total(plan, held);
    if let (Some(ours), Some(theirs)) = (ready.total, there)
        && ours != theirs
    {
        apart.push(format!("total: {theirs} there, {ours} here"));
    }
    if apart.is_empty() { Ok(()) } else { Err(apart.join("; ")) }
}

/// Clears up documents whose answers were lost. Returns whether anything changed.
pub(crate) async fn clear_uncertain(
    run: &Run<'_>,
    plan: &RoutePlan,
    uncertain: Vec<Ready>,
) -> Result<bool, StoreError> {
    if uncertain.is_empty() {
        return Ok(false);
    }
    if plan.target_stream.find == Find::None && !plan.target_can(Op::Find) {
        return give_to_person(run, plan, uncertain).await;
    }
    let wants: Vec<Wanted> = uncertain.iter().map(wanted).collect();
    let said = match ask(run, &plan.target, &wants).await {
        Ok(it) => it,
        Err(why) => {
            run.park(&plan.target.connection, &why.message);
            return Ok(false);
        }
    };
    let now = run.engine.clock.now_ms();
    let mut takers = takers(run, plan, &said).await?;
    let mut settlement = Settlement::default();
    for (ready, said) in uncertain.into_iter().zip(said) {
        let mut entry = ready.entry.clone();
        match said {
            Said::Unknown(_) => continue,
            Said::Holds { id, body } => {
                let held = Value::parse(body.as_bytes()).unwrap_or_default();
                let same = match ready.write {
                    Write::Create => free(plan, &ready, &id, &takers)
                        .and_then(|()| agrees(plan, &ready, &held)),
                    Write::Update => {
                        let apart =
                            differences(&ready.body, &held, &plan.update_rules());
                        if apart.is_empty() { Ok(()) } else { Err(String::new()) }
                    }
                };
                match same {
                    Ok(()) => {
                        takers.take(&id, &ready.id);
                        hold(plan, &mut entry, &ready, &id, &body, now);
                        entry.record(
                            now,
                            State::Synced,
                            Actor::Engine,
                            format!("{} was asked and holds it", plan.target_title),
                            None,
                        );
                        run.found(plan, &ready, true);
                        settlement
                            .outcomes
                            .extend(outcome(run, plan, &ready.id.source, &entry, now));
                    }
                    // The update did not arrive: it is compared and sent again.
                    Err(_) if ready.write == Write::Update => {
                        run.found(plan, &ready, false);
                        again(plan, &mut entry, now);
                    }
                    Err(apart) => taken(plan, &mut entry, &ready, &id, &held, &apart, now),
                }
            }
            Said::HoldsNot => {
                run.found(plan, &ready, false);
                again(plan, &mut entry, now);
            }
        }
        settlement.changes.push(Change { id: ready.id, seen: ready.seen, entry });
    }
    let progress = !settlement.changes.is_empty();
    run.settle(settlement).await?;
    Ok(progress)
}

/// The links that the route has, when something was found that may become one.
async fn takers(run: &Run<'_>, plan: &RoutePlan, said: &[Said]) -> Result<Takers, StoreError> {
    if !said.iter().any(|it| matches!(it, Said::Holds { .. })) {
        return Ok(Takers::default());
    }
    let route = plan.name().to_owned();
    offload::run(&run.store, move |store| Takers::read(store, &route)).await
}

/// Whether a found document does not stand for another one of the route already: a number that two
/// documents share would make one of them disappear.
fn free(plan: &RoutePlan, ready: &Ready, found: &str, takers: &Takers) -> Result<(), String> {
    match takers.other(found, &ready.id).filter(|_| plan.one_for_one()) {
        Some(other) => Err(format!("it stands for {other} already")),
        None => Ok(()),
    }
}

fn again(plan: &RoutePlan, entry: &mut Entry, now: i64) {
    let title = &plan.target_title;
    let what = format!("{title} was asked and does not hold it");
    entry.clear_stop();
    if entry.attempts >= plan.route.attempts {
        entry.problem = Some(problem(
            Category::Passing,
            format!("sent {} times without an answer, and {title} does not hold it", entry.attempts),
            format!(
                "see whether {title} takes such a document when it is entered there by hand, then \
                 `ledgerline retry`"
            ),
        ));
        entry.cause = Some(Cause { key: "no answer, again and again".into() });
        entry.record(now, State::Warning, Actor::Engine, what, None);
        return;
    }
    // It was asked for when it was sent; it still is.
    entry.requested = true;
    entry.record(now, State::Pending, Actor::Engine, what, None);
}

async fn give_to_person(
    run: &Run<'_>,
    plan: &RoutePlan,
    uncertain: Vec<Ready>,
) -> Result<bool, StoreError> {
    let now = run.engine.clock.now_ms();
    let changes = uncertain
        .into_iter()
        .map(|ready| {
            let mut entry = ready.entry.clone();
            entry.problem = Some(problem(
                Category::DocumentState,
                format!("its answer was lost and {} cannot be asked by itself", plan.target_title),
                format!(
                    "look there: `ledgerline adopt {0} --to ID` if it is there, `ledgerline reset {0}` \
                     if it is not",
                    ready.id
                ),
            ));
            entry.cause = Some(Cause { key: "answer lost".into() });
            entry.record(now, State::Warning, Actor::Engine, "cannot be looked up", None);
            Change { id: ready.id, seen: ready.seen, entry }
        })
        .collect();
    let settlement = Settlement { changes, ..Settlement::default() };
    run.settle(settlement).await?;
    Ok(true)
}

/// The number is in use by something else: both are shown, neither is touched.
fn taken(
    plan: &RoutePlan,
    entry: &mut Entry,
    ready: &Ready,
    target_id: &str,
    held: &Value,
    apart: &str,
    now: i64,
) {
    let number = ready.number.clone().unwrap_or_else(|| ready.id.source.clone());
    let title = &plan.target_title;
    entry.clear_stop();
    entry.problem = Some(problem(
        Category::Duplicate,
        format!("number {number} is taken in {title} by another document ({apart})"),
        format!(
            "compare both; if it is this document after all `ledgerline adopt {0} --anyway`, else \
             renumber one of them and `ledgerline retry {0}`",
            ready.id
        ),
    ));
    entry.cause = Some(Cause { key: format!("number taken {number}") });
    entry.candidates = vec![Candidate {
        id: target_id.to_owned(),
        label: describe(plan, held),
        why: format!("has the number {number}; {apart}"),
    }];
    entry.record(now, State::Warning, Actor::Engine, format!("number {number} is taken"), None);
}

/// The total that the target shows for a document that it holds.
fn held_total(plan: &RoutePlan, held: &Value) -> Option<Decimal> {
    plan.target_rules.held_total(held, plan.rules_cx(&Reference::default())).ok().flatten()
}

fn describe(plan: &RoutePlan, held: &Value) -> String {
    let facts = plan.target_rules.facts(held, &plan.target_settings);
    let mut parts = Vec::new();
    parts.extend(facts.number);
    parts.extend(facts.party);
    parts.extend(facts.date.map(|it| it.to_string()));
    let total = held_total(plan, held);
    parts.extend(total.map(|it| match &facts.currency {
        Some(code) => format!("{code} {it}"),
        None => it.to_string(),
    }));
    parts.join(", ")
}

/// Documents whose number the target knows already, and documents that another poster is said to
/// have sent: looked at, adopted only where an earlier intent of ours or the other poster announces
/// them *and* they agree.
pub(crate) async fn look_for(
    run: &Run<'_>,
    plan: &RoutePlan,
    documents: Vec<Ready>,
    announced: bool,
) -> Result<bool, StoreError> {
    if documents.is_empty() {
        return Ok(false);
    }
    let wants: Vec<Wanted> = documents.iter().map(wanted).collect();
    let said = match ask(run, &plan.target, &wants).await {
        Ok(it) => it,
        Err(why) => {
            run.park(&plan.target.connection, &why.message);
            return Ok(false);
        }
    };
    let now = run.engine.clock.now_ms();
    let mut takers = takers(run, plan, &said).await?;
    let mut settlement = Settlement::default();
    for (ready, said) in documents.into_iter().zip(said) {
        // A refusal was settled meanwhile: the change is based on the entry as it is now.
        let id = ready.id.clone();
        let current = offload::run(&run.store, move |store| store.entry(&id)).await?;
        let Some(current) = current else { continue };
        let seen = current.seen();
        let ours = announced || current.write_open_since.is_some() || current.was_uncertain();
        let mut entry = current;
        entry.number.clone_from(&ready.number);
        match said {
            Said::Holds { id, body } => {
                let held = Value::parse(body.as_bytes()).unwrap_or_default();
                match free(plan, &ready, &id, &takers).and_then(|()| agrees(plan, &ready, &held)) {
                    Ok(()) if ours => {
                        takers.take(&id, &ready.id);
                        hold(plan, &mut entry, &ready, &id, &body, now);
                        if let Some(it) = entry.held.as_mut() {
                            it.adopted = true;
                        }
                        entry.record(
                            now,
                            State::Synced,
                            Actor::Engine,
                            format!("found in {} and linked", plan.target_title),
                            None,
                        );
                        run.adopted(plan, &ready);
                        settlement
                            .outcomes
                            .extend(outcome(run, plan, &ready.id.source, &entry, now));
                    }
                    Ok(()) => taken(plan, &mut entry, &ready, &id, &held, "equal in all that counts, but not announced by an earlier attempt of ours", now),
                    Err(apart) => taken(plan, &mut entry, &ready, &id, &held, &apart, now),
                }
            }
            Said::HoldsNot if announced => {
                let number = ready.number.clone().unwrap_or_default();
                entry.clear_stop();
                entry.problem = Some(problem(
                    Category::Ownership,
                    format!(
                        "{} says that it is in the books already, but {} holds nothing under {number}",
                        plan.source_title, plan.target_title
                    ),
                    format!(
                        "reset it in {} to have it sent, or `ledgerline adopt {} --to ID` what it is \
                         in {}",
                        plan.source_title, ready.id, plan.target_title
                    ),
                ));
                entry.cause = Some(Cause { key: "marked imported by another poster".into() });
                entry.record(now, State::Warning, Actor::Engine, "not found", None);
            }
            Said::HoldsNot | Said::Unknown(_) => continue,
        }
        settlement.changes.push(Change { id: ready.id, seen, entry });
    }
    let progress = !settlement.changes.is_empty();
    run.settle(settlement).await?;
    Ok(progress)
}

/// What was sent last, its lines with the ids that the target gave them.
fn last_sent(entry: &Entry, rules: &Update) -> Value {
    let Some(held) = &entry.held else { return Value::default() };
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
    let Some(rules) = plan.target_stream.update.as_ref() else { return Ok((updates, false)) };
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
                format!("`ledgerline skip {0}`, or `ledgerline adopt {0} --to ID` another one", ready.id),
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
                    settlement.changes.push(Change { id: ready.id, seen: ready.seen, entry });
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
                    entry.record(now, State::Synced, Actor::Engine, "the target holds it so already", None);
                    settlement.outcomes.extend(outcome(run, plan, &ready.id.source, &entry, now));
                    settlement.changes.push(Change { id: ready.id, seen: ready.seen, entry });
                    continue;
                }
                if !compared.conflicts.is_empty() {
                    let list: Vec<String> = compared
                        .conflicts
                        .iter()
                        .map(|it| format!("{}: {} there, {} here", it.field, it.held.to_json(), it.wanted.to_json()))
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
                            state.map_or("closed", super::settle::held_name)
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
                        format!("kept from {}: {} is {}", plan.target_title, it.field, it.held.to_json())
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
            settlement.changes.push(Change { id: ready.id, seen: ready.seen, entry });
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
        store.intake_page(PageIn { stream: &stream, routes: &routes, documents, cursor: None, at: now })
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
