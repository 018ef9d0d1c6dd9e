//! Asking a system what it holds: what became of an uncertain document, and whether what another
//! poster is said to have sent is there.

mod followed;
mod numbers;
mod pushed;
mod reapplied;
mod recheck;
mod reversals;
mod updates;

use ledgerline_plugin_api::{
    abi::Status,
    manifest::{Category, Find, HeldState, Op, Problem},
};
use rust_decimal::Decimal;

pub(crate) use followed::reread_followed;
pub(crate) use reapplied::weigh_payments;
pub(crate) use recheck::recheck;
pub(crate) use reversals::clear_reversals;
pub(crate) use updates::{compare_updates, last_sent};

use crate::{
    mapping::{Reference, Value, differences},
    pipeline::{
        calls::ReadEffects,
        decide::{Ready, Takers, Write, problem},
        plan::RoutePlan,
        reapply::is_gone,
        run::Run,
        settle::{backoff_ms, hold, outcome, took_back},
        steps, taken_back,
        uncertain::for_a_person,
    },
    plugins::{Asked, Given, Operation, OutDoc, SessionError},
    store::{
        Actor, Candidate, Cause, Change, Entry, EntryId, Settlement, State, StoreError, StreamId,
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
    /// It cannot say which of several it is, or the like: a person can. With the system's own words.
    Person(Box<Problem>, String),
    /// It could not say.
    Unknown(String),
}

/// As [`ask`]; a system that cannot be asked is left alone for the rest of the run.
async fn ask_or_park(run: &Run<'_>, stream: &StreamId, wanted: &[Wanted]) -> Option<Vec<Said>> {
    match ask(run, stream, wanted).await {
        Ok(it) => Some(it),
        Err(why) => {
            run.park(&stream.connection, &why.message);
            None
        }
    }
}

/// Asks for documents of a stream, in order. Spends no writing call.
pub(crate) async fn ask(
    run: &Run<'_>,
    stream: &StreamId,
    wanted: &[Wanted],
) -> Result<Vec<Said>, SessionError> {
    let mut answers = Vec::with_capacity(wanted.len());
    let Some(system) = run.engine.connected.get(&stream.connection) else {
        return Ok(wanted
            .iter()
            .map(|_| Said::Unknown("no such connection".into()))
            .collect());
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
                    answers.extend(list.into_iter().map(|it| {
                        match (it.status, it.problem) {
                            (Status::OK, _) => Said::Holds {
                                id: it.remote_id,
                                body: it
                                    .body
                                    .and_then(|it| String::from_utf8(it).ok())
                                    .unwrap_or_default(),
                            },
                            (Status::NOT_FOUND, _) => Said::HoldsNot,
                            (Status::REJECTED, Some(found)) => {
                                Said::Person(Box::new(found), it.message)
                            }
                            _ => Said::Unknown(it.message),
                        }
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
    agree(plan, &ready.body, ready.total, held)
}

fn agree(
    plan: &RoutePlan,
    sent: &Value,
    total: Option<Decimal>,
    held: &Value,
) -> Result<(), String> {
    let mut apart = Vec::new();
    for path in &plan.target_stream.identity {
        let wanted = sent.get(path);
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
    if let (Some(ours), Some(theirs)) = (total, there)
        && ours != theirs
    {
        apart.push(format!("total: {theirs} there, {ours} here"));
    }
    if apart.is_empty() {
        Ok(())
    } else {
        Err(apart.join("; "))
    }
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
    let Some(said) = ask_or_park(run, &plan.target, &wants).await else {
        return Ok(false);
    };
    steps::reached("question-answered", plan.name());
    let now = run.engine.clock.now_ms();
    let mut takers = takers(run, plan, &said).await?;
    let mut settlement = Settlement::default();
    let mut off = Vec::new();
    for (ready, said) in uncertain.into_iter().zip(said) {
        let mut entry = ready.entry.clone();
        match not_what_came_off(plan, &ready, said) {
            Said::Unknown(_) => continue,
            Said::Person(found, words) => for_a_choice(&mut entry, *found, words, now),
            Said::Holds { id, body } => {
                let held = Value::parse(body.as_bytes()).unwrap_or_default();
                let same = match ready.write {
                    Write::Create => {
                        free(plan, &ready, &id, &takers).and_then(|()| agrees(plan, &ready, &held))
                    }
                    // A write-back is told by what identifies it: systems answer instants in forms of their own.
                    Write::Update if plan.target_stream.update.is_none() => {
                        agrees(plan, &ready, &held)
                    }
                    Write::Void => match plan.held_state(&held) {
                        Some(HeldState::Voided | HeldState::Deleted) => Ok(()),
                        _ => Err(String::new()),
                    },
                    Write::Update => {
                        let apart = differences(&ready.body, &held, &plan.update_rules());
                        if apart.is_empty() {
                            Ok(())
                        } else {
                            Err(String::new())
                        }
                    }
                };
                match same {
                    Ok(()) if ready.write == Write::Void => {
                        run.found(plan, &ready, true);
                        let window = (entry.write_open_since, entry.write_open_until);
                        took_back(plan, &mut entry, &ready, &body, now, None);
                        match ready.asked_before_it_comes_back() {
                            Some(note) => {
                                settlement.notes.push(note);
                                (entry.write_open_since, entry.write_open_until) = window;
                                let what = "whether it was made anew already is asked";
                                entry.record(now, State::Uncertain, Actor::Engine, what, None);
                                off.push(ready.id.clone());
                            }
                            None => {
                                settlement.notes.extend(ready.done_notes());
                                let gone = taken_back::done_note(plan, &ready);
                                off.extend(gone.iter().map(|_| ready.id.clone()));
                                settlement.notes.extend(gone);
                            }
                        }
                    }
                    Ok(()) => {
                        takers.take(&id, &ready.id);
                        hold(plan, &mut entry, &ready, &id, &body, now);
                        settlement.notes.extend(ready.done_notes());
                        if ready.payment.is_some() {
                            entry.notices.clone_from(&ready.notices);
                        }
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
                            .extend(outcome(plan, &ready.id.source, &entry, now));
                        ready.compared_once(&mut entry, now);
                    }
                    // The update did not arrive: it is compared and sent again.
                    Err(_) if ready.write != Write::Create => {
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
        settlement.changes.push(Change {
            id: ready.id,
            seen: ready.seen,
            entry,
        });
    }
    let progress = !settlement.changes.is_empty();
    run.settle(settlement).await?;
    run.wake_all(off).await?;
    Ok(progress)
}

/// A payment that is made anew is like the one that came off in all but that: what is deleted there is not it.
fn not_what_came_off(plan: &RoutePlan, ready: &Ready, said: Said) -> Said {
    let is_back = ready.write == Write::Create && ready.payment.is_some();
    match said {
        Said::Holds { body, .. }
            if is_back
                && Value::parse(body.as_bytes()).is_ok_and(|it| is_gone(plan.held_state(&it))) =>
        {
            Said::HoldsNot
        }
        said => said,
    }
}

/// Clears up uncertain documents that cannot be prepared; each comes with the entry as it would stop. Its
/// number alone tells whether the target holds it. Nothing can be compared, so what is there is never
/// taken for it; what is not there stops like any other document, and goes once it can be prepared.
pub(crate) async fn clear_unprepared(
    run: &Run<'_>,
    plan: &RoutePlan,
    unprepared: Vec<(EntryId, Entry, Entry)>,
) -> Result<bool, StoreError> {
    if unprepared.is_empty() {
        return Ok(false);
    }
    let wants: Vec<Wanted> = unprepared
        .iter()
        .map(|(id, entry, stopped)| Wanted {
            id: id.source.clone(),
            number: stopped.number.clone().unwrap_or_default(),
            since: entry.write_open_since,
            body: "{}".to_owned(),
            ..Wanted::default()
        })
        .collect();
    let Some(said) = ask_or_park(run, &plan.target, &wants).await else {
        return Ok(false);
    };
    let now = run.engine.clock.now_ms();
    let mut settlement = Settlement::default();
    for ((id, entry, stopped), said) in unprepared.into_iter().zip(said) {
        let seen = entry.seen();
        let mut next = Entry {
            number: stopped.number.clone(),
            ..entry
        };
        match said {
            Said::HoldsNot => again(plan, &mut next, now),
            Said::Holds { id: found, body } => {
                let held = Value::parse(body.as_bytes()).unwrap_or_default();
                there(plan, &mut next, &id, &stopped, &found, &held, now);
            }
            Said::Person(found, words) => for_a_choice(&mut next, *found, words, now),
            Said::Unknown(_) => next = for_a_person(plan, &id, &next, now),
        }
        settlement.changes.push(Change {
            id,
            seen,
            entry: next,
        });
    }
    run.settle(settlement).await?;
    Ok(true)
}

/// What the system said of a document stops it; a person decides.
fn for_a_choice(entry: &mut Entry, found: Problem, words: String, now: i64) {
    let what = found.cause.clone();
    entry.words = (!words.is_empty()).then_some(words);
    entry.cause = Some(Cause { key: what.clone() });
    entry.problem = Some(found);
    entry.record(now, State::Warning, Actor::Engine, what, None);
}

/// The target holds the number of a document that cannot be prepared: both are shown.
fn there(
    plan: &RoutePlan,
    entry: &mut Entry,
    id: &EntryId,
    stopped: &Entry,
    target_id: &str,
    held: &Value,
    now: i64,
) {
    let number = entry.number.clone().unwrap_or_default();
    let title = &plan.target_title;
    let why = stopped
        .problem
        .as_ref()
        .map_or_else(|| stopped.last_words().to_owned(), |it| it.cause.clone());
    entry.problem = Some(problem(
        Category::DocumentState,
        format!(
            "{title} holds number {number}, and the source document can no longer be prepared to \
             compare it: {why}"
        ),
        format!(
            "compare both; if it is this document `ledgerline adopt {id} --to {target_id} --anyway`, else \
             renumber one of them and `ledgerline reset {id}`"
        ),
    ));
    entry.cause = Some(Cause {
        key: format!("number taken {number}"),
    });
    entry.candidates = vec![Candidate {
        id: target_id.to_owned(),
        label: describe(plan, held),
        why: format!("has the number {number}"),
    }];
    let what = format!("{title} holds number {number}");
    entry.record(now, State::Warning, Actor::Engine, what, None);
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
    match takers
        .other(found, &ready.id)
        .filter(|_| plan.one_for_one())
    {
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
            format!(
                "sent {} times without an answer, and {title} does not hold it",
                entry.attempts
            ),
            format!(
                "see whether {title} takes such a document when it is entered there by hand, then \
                 `ledgerline retry`"
            ),
        ));
        entry.cause = Some(Cause {
            key: "no answer, again and again".into(),
        });
        entry.record(now, State::Warning, Actor::Engine, what, None);
        return;
    }
    // It was asked for when it was sent; it still is.
    entry.requested = true;
    // One answer may be lost; whoever gives none again and again is given time.
    if entry.attempts > 1 {
        entry.not_before = now + backoff_ms(entry.attempts);
    }
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
    let settlement = Settlement {
        changes,
        ..Settlement::default()
    };
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
    let number = ready
        .number
        .clone()
        .unwrap_or_else(|| ready.id.source.clone());
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
    entry.cause = Some(Cause {
        key: format!("number taken {number}"),
    });
    entry.candidates = vec![Candidate {
        id: target_id.to_owned(),
        label: describe(plan, held),
        why: format!("has the number {number}; {apart}"),
    }];
    entry.record(
        now,
        State::Warning,
        Actor::Engine,
        format!("number {number} is taken"),
        None,
    );
}

/// The total that the target shows for a document that it holds.
fn held_total(plan: &RoutePlan, held: &Value) -> Option<Decimal> {
    plan.target_rules
        .held_total(held, plan.rules_cx(&Reference::default()))
        .ok()
        .flatten()
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
    let wants: Vec<Wanted> = documents
        .iter()
        .flat_map(numbers::all)
        .map(wanted)
        .collect();
    let Some(said) = ask_or_park(run, &plan.target, &wants).await else {
        return Ok(false);
    };
    let now = run.engine.clock.now_ms();
    let mut takers = takers(run, plan, &said).await?;
    let mut settlement = Settlement::default();
    let mut said = said.into_iter();
    for ready in documents {
        let own = ready.number.clone();
        let shown = numbers::shown(&ready);
        let (ready, said) = numbers::choose(plan, ready, &mut said);
        // A refusal was settled meanwhile: the change is based on the entry as it is now.
        let id = ready.id.clone();
        let current = offload::run(&run.store, move |store| store.entry(&id)).await?;
        let Some(current) = current else { continue };
        let seen = current.seen();
        let ours = announced || current.write_open_since.is_some() || current.was_uncertain();
        let mut entry = current;
        entry.number = own;
        match said {
            Said::Holds { id, body } => {
                let held = Value::parse(body.as_bytes()).unwrap_or_default();
                match free(plan, &ready, &id, &takers).and_then(|()| agrees(plan, &ready, &held)) {
                    Ok(()) if ours => {
                        takers.take(&id, &ready.id);
                        entry.number.clone_from(&ready.number);
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
                            .extend(outcome(plan, &ready.id.source, &entry, now));
                    }
                    Ok(()) => taken(
                        plan,
                        &mut entry,
                        &ready,
                        &id,
                        &held,
                        "equal in all that counts, but not announced by an earlier attempt of ours",
                        now,
                    ),
                    Err(apart) => taken(plan, &mut entry, &ready, &id, &held, &apart, now),
                }
            }
            Said::HoldsNot if announced => {
                entry.clear_stop();
                entry.problem = Some(problem(
                    Category::Ownership,
                    format!(
                        "{} says that it is in the books already, but {} holds nothing under {shown}",
                        plan.source_title, plan.target_title
                    ),
                    format!(
                        "reset it in {} to have it sent, or `ledgerline adopt {} --to ID` what it is \
                         in {}",
                        plan.source_title, ready.id, plan.target_title
                    ),
                ));
                entry.cause = Some(Cause {
                    key: "marked imported by another poster".into(),
                });
                entry.record(now, State::Warning, Actor::Engine, "not found", None);
            }
            Said::Person(found, words) => for_a_choice(&mut entry, *found, words, now),
            Said::HoldsNot | Said::Unknown(_) => continue,
        }
        settlement.changes.push(Change {
            id: ready.id,
            seen,
            entry,
        });
    }
    let progress = !settlement.changes.is_empty();
    run.settle(settlement).await?;
    Ok(progress)
}
