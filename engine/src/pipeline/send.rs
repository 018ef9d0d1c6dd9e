//! Deliver: one batch of prepared documents through one push session, and what came of it.

use std::sync::Mutex;

use ledgerline_plugin_api::{
    abi::Status,
    manifest::{Category, Problem, Stream},
};

use crate::{
    http::CallClass,
    pipeline::{
        calls::{About, Covering, WriteEffects},
        decide::{Ready, Write, lock, problem},
        run::Run,
        settle::{Ending, settle_batch},
        steps,
    },
    plugins::{Asked, Given, Operation, OutDoc, SessionError, WriteOutcome},
    store::{EntryId, StoreError},
};

/// Documents that go in one call, as far as the limits are known here.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) route: String,
    pub(crate) documents: Vec<Ready>,
    /// How often it was halved on the way.
    pub(crate) split: u32,
}

/// What came of a batch, before it is settled.
#[derive(Debug)]
pub(crate) struct Done {
    /// The connector's results.
    pub(crate) ended: Result<Vec<WriteOutcome>, SessionError>,
    /// The calls that covered documents of it.
    pub(crate) calls: Vec<Covering>,
    /// Entries that somebody stopped meanwhile.
    pub(crate) stopped: Vec<EntryId>,
}

/// What is left to do after a batch.
#[derive(Debug, Default)]
pub(crate) struct AfterBatch {
    /// Halves of a batch that was refused as a whole.
    pub(crate) again: Vec<Batch>,
    /// Entries became synced, or otherwise changed.
    pub(crate) progress: bool,
    /// The connection cannot be used for now, in plain words.
    pub(crate) parked: Option<String>,
    /// Documents whose number the target already knows: to be looked at there.
    pub(crate) taken: Vec<Ready>,
    /// Its calls left, and none of them was answered so that anything can be said of a document.
    pub(crate) lost: bool,
}

/// Packs documents into batches within the stream's limits. Those whose answers were lost more than
/// once come last and travel in small company, so that one on which the other side fails does not
/// keep the others back for ever.
pub(crate) fn pack(route: &str, mut documents: Vec<Ready>, limits: (usize, usize)) -> Vec<Batch> {
    let (most, bytes) = limits;
    documents.sort_by_key(|it| it.entry.attempts);
    let mut batches: Vec<Batch> = Vec::new();
    let mut size = 0usize;
    for document in documents {
        let own = document.body.to_json().len() + 1;
        let company = company(most, &document);
        let full = batches.last().is_none_or(|it| {
            it.documents.len() >= company
                || size + own > bytes
                // Creates and updates travel in different calls; mixing them would only make both
                // halves smaller.
                || it.documents.last().is_some_and(|last| {
                    last.write != document.write || self::company(most, last) != company
                })
        });
        if full {
            batches.push(Batch {
                route: route.to_owned(),
                documents: Vec::new(),
                split: 0,
            });
            size = 0;
        }
        size += own;
        if let Some(last) = batches.last_mut() {
            last.documents.push(document);
        }
    }
    batches
}

/// Documents that one may travel with: an eighth of a batch after its second failure, then ever
/// fewer.
fn company(most: usize, document: &Ready) -> usize {
    let failures = document.entry.attempts.saturating_sub(1).min(20);
    (most >> (3 * failures).min(63)).max(1)
}

/// Sends one batch and makes its outcome durable.
pub(crate) async fn send(run: &Run<'_>, batch: Batch) -> Result<AfterBatch, StoreError> {
    let engine = run.engine;
    let Some(plan) = engine.plans.get(&batch.route) else {
        return Ok(AfterBatch::default());
    };
    let Some(target) = engine.connected.get(&plan.target.connection) else {
        return Ok(AfterBatch::default());
    };
    let entries: Vec<_> = batch.documents.iter().map(|it| it.id.clone()).collect();
    let attempt = batch
        .documents
        .iter()
        .map(|it| it.entry.attempts)
        .max()
        .unwrap_or(0);
    let effects = WriteEffects {
        channel: run.channel(target),
        class: run.class,
        clock: engine.clock,
        cancel: run.cancel.clone(),
        store: run.store.clone(),
        route: batch.route.clone(),
        connection: plan.target.connection.clone(),
        account: target.account.clone().unwrap_or_default(),
        idempotency: plan.target_manifest.idempotency.clone(),
        entries,
        events: batch.documents.iter().map(|it| it.seen.events).collect(),
        attempt,
        timeout: target.connection.call_timeout,
        calls: Mutex::default(),
        stopped: Mutex::default(),
    };
    steps::reached("batch-formed", plan.name());
    let out: Vec<OutDoc> = batch
        .documents
        .iter()
        .map(|it| reversing(&plan.target_stream, it).unwrap_or_else(|| out_document(it)))
        .collect();
    let ended = drive(run, &batch.route, &effects, &out).await;
    drop(out);
    steps::reached("results-read", plan.name());
    let done = Done {
        ended,
        calls: std::mem::take(&mut *lock(&effects.calls)),
        stopped: std::mem::take(&mut *lock(&effects.stopped)),
    };
    settle_batch(run, plan, batch, done).await
}

fn out_document(ready: &Ready) -> OutDoc {
    OutDoc {
        change: match ready.write {
            Write::Create => 1,
            Write::Update => 2,
            Write::Void => 3,
        },
        id: ready.id.source.clone(),
        number: ready.number.clone().unwrap_or_default(),
        remote_id: ready.remote_id.clone(),
        since: None,
        body: ready.body.to_json().into_bytes(),
    }
}

/// A reversal is a document to create: in the one that takes the place of what it reverses, or alone.
fn reversing(stream: &Stream, ready: &Ready) -> Option<OutDoc> {
    let (replacing, reversal) = ready.reversal()?;
    let mut body = ready.body.clone();
    if ready.write == Write::Update {
        let field = &stream.reversal.as_ref()?.carried_in;
        // What a mapping makes is an object, into which every field can be put.
        body.set(field, reversal.clone()).ok()?;
    }
    Some(OutDoc {
        change: 1,
        number: replacing.number.clone(),
        remote_id: None,
        body: body.to_json().into_bytes(),
        ..out_document(ready)
    })
}

async fn drive(
    run: &Run<'_>,
    route: &str,
    effects: &WriteEffects,
    out: &[OutDoc],
) -> Result<Vec<WriteOutcome>, SessionError> {
    let engine = run.engine;
    let (Some(plan), Some(target)) = (
        engine.plans.get(route),
        engine
            .plans
            .get(route)
            .and_then(|it| engine.connected.get(&it.target.connection)),
    ) else {
        return Err(SessionError::new(Status::BUG, "the route has no target"));
    };
    let mut session = target.session(Operation::Push, &plan.target.stream, &[])?;
    let mut given = Given::Nothing;
    let mut results = None;
    loop {
        let asked = match session.next(given, effects).await {
            Ok(it) => it,
            // What was reported before stands.
            Err(why) if results.is_some() => {
                tracing::warn!(route, error = %why.message, "the session failed after its results");
                break;
            }
            Err(why) => return Err(why),
        };
        match asked {
            Asked::Want if results.is_none() => given = Given::Batch(out),
            Asked::Want => given = Given::NoMore,
            Asked::Results(list) => {
                results = Some(list);
                given = Given::Nothing;
            }
            Asked::Done => break,
            Asked::Page { .. } | Asked::Value(_) => {
                return Err(SessionError::new(
                    Status::BUG,
                    "a push session gave a page or a value instead of results",
                ));
            }
        }
        // Results are in: what the session does afterwards cannot change them.
        if results.is_some() && matches!(given, Given::NoMore) {
            break;
        }
    }
    results.ok_or_else(|| {
        SessionError::new(
            Status::BUG,
            "the push session ended without results for its batch",
        )
    })
}

/// What one document's call and result amount to.
pub(crate) fn ending(index: usize, count: usize, done: &Done) -> Ending {
    let place = u32::try_from(index).unwrap_or(u32::MAX);
    let own = || done.calls.iter().filter(|it| it.covers.contains(&place));
    if own().any(|it| it.lost) {
        return Ending::Uncertain;
    }
    let left = own().any(|it| it.left);
    if !left && own().next().is_none() && !done.stopped.is_empty() {
        return Ending::Again;
    }
    let result = match &done.ended {
        Ok(list) => list.get(index),
        Err(_) if left => return Ending::Uncertain,
        Err(why) => return not_sent(why.status, &why.message, own().next()),
    };
    let Some(result) = result else {
        return if left {
            Ending::Uncertain
        } else {
            Ending::Failed("the connector gave no result for it".into())
        };
    };
    match result.status {
        Status::OK if result.remote_id.is_empty() && left => Ending::Uncertain,
        Status::OK if result.remote_id.is_empty() => {
            Ending::Failed("the connector reported success without an id and without a call".into())
        }
        Status::OK => Ending::Synced {
            remote_id: result.remote_id.clone(),
            answered: result
                .body
                .as_ref()
                .and_then(|it| String::from_utf8(it.clone()).ok())
                .unwrap_or_default(),
            warnings: result.message.lines().map(str::to_owned).collect(),
        },
        Status::REJECTED | Status::NOT_FOUND if result.whole_refused && count > 1 => Ending::Halve,
        Status::REJECTED | Status::NOT_FOUND => Ending::Refused {
            problem: result
                .problem
                .clone()
                .unwrap_or_else(|| unnamed(&result.message)),
            words: result.message.clone(),
        },
        // A call left, and the connector has nothing certain to say of it: it may have written.
        _ if left && !own().all(|it| it.turned_away || !it.left) => Ending::Uncertain,
        status => not_sent(status, &result.message, own().next()),
    }
}

/// Nothing happened at the target: whose matter is that?
fn not_sent(status: Status, message: &str, call: Option<&Covering>) -> Ending {
    if let Some(it) = call.and_then(|it| it.not_sent.as_ref()) {
        match it.about {
            About::Connection => return Ending::Parked(it.why.clone()),
            About::Run => return Ending::Left,
            About::Call => {}
        }
    }
    let why = call
        .and_then(|it| it.not_sent.as_ref())
        .map_or_else(|| message.to_owned(), |it| it.why.clone());
    match status {
        Status::AUTH | Status::CONFIG | Status::RATE_LIMITED => Ending::Parked(why),
        Status::CANCELLED => Ending::Left,
        Status::BUG | Status::PANIC | Status::UNSUPPORTED => Ending::Refused {
            problem: problem(
                Category::Defect,
                format!("the connector failed: {why}"),
                "update the plugin or report it to its author, then `ledgerline retry`",
            ),
            words: message.to_owned(),
        },
        // Also an answer that the connector does not understand: most are pages of something that stands
        // before the vendor, and soon gone. One that stays comes to a person by the number of attempts.
        _ => Ending::Failed(why),
    }
}

fn unnamed(message: &str) -> Problem {
    problem(
        Category::Unknown,
        if message.is_empty() {
            "refused without a reason".to_owned()
        } else {
            message.to_owned()
        },
        "mend what the words name, then `ledgerline retry`",
    )
}

/// Class of calls by who asked.
pub(crate) fn class(interactive: bool) -> CallClass {
    if interactive {
        CallClass::Interactive
    } else {
        CallClass::Scheduled
    }
}
