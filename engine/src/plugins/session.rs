//! One operation on one stream, driven step by step: performs the effects that the connector asks
//! for until it asks for something that only the pipeline can give.
//!
//! * Calls run concurrently, as many as `open_effects` allows; the connector is stepped again with
//!   everything that has finished by then.
//! * Before a page, a wish or results are handed to the pipeline, the calls under way are awaited, so
//!   that no call of one batch or page reaches into the next. A wait goes on beside the pipeline.
//! * A step that has little to look at runs where it is; one with much runs on a blocking thread. Only
//!   the second kind can be left when it hangs. An inline one holds its thread until it returns; the
//!   watchdog still sees it and quarantines the plugin.

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use ledgerline_plugin_api::{abi::MAX_CURSOR_BYTES, abi::Status, manifest};
use tokio::{
    runtime::{Handle, RuntimeFlavor},
    sync::oneshot,
};
use tracing::{Instrument, Span};

use super::{
    Asked, Cancel, Effects, Given, HttpAsk, HttpDone, Limits, Operation, OutDoc, Plugin,
    SessionError, SessionSpec,
    host::HostSide,
    metrics::Metrics,
    output::{Ask, Output, Rules, Wanted},
    raw::{Creation, Done, How, Input, Raw},
    watch::{self, Place},
};

type Result<T> = std::result::Result<T, SessionError>;

/// Bytes of answers and documents from which on a step runs on a blocking thread: about 0.1 ms.
const HEAVY: usize = 64 * 1024;
/// Most effects that may be open and waiting for their turn.
const MAX_WAITING: usize = 4096;

/// Pages in a row that may bring no document and leave the cursor as it is.
const MAX_STILL_PAGES: usize = 1000;

/// A session under way. Dropping it ends it; what it had open is dropped with it.
#[derive(Debug)]
pub struct Session {
    /// None while a step runs on a blocking thread, and once the session has ended.
    raw: Option<Raw>,
    phase: Phase,
    plugin: Plugin,
    place: Arc<Place>,
    span: Span,
    operation: Operation,
    limits: Limits,
    cancel: Cancel,
    /// Documents of the batch that is not yet reported on.
    batch: Option<usize>,
    /// Ids of effects that were asked for and whose end the connector does not know yet.
    open: HashSet<u32>,
    /// Asked for, and not begun.
    queue: VecDeque<Ask>,
    /// Waits under way: id, and when each ends by the clock that the connector sees.
    sleeping: BTreeMap<u32, i64>,
    /// Finished while the pipeline was at work.
    kept: Vec<Done>,
    /// The cursor of the last page, and how many pages in a row brought nothing and left it there.
    still: (Vec<u8>, usize),
}

/// What may come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// [`Given::Nothing`].
    Ready,
    /// [`Given::Batch`] or [`Given::NoMore`].
    Wanting,
    /// `next` is at work, or its future was dropped before it ended.
    Busy,
    /// Nothing.
    Ended,
}

/// An effect that finished, on its way from the futures.
type Open<'e> = FuturesUnordered<BoxFuture<'e, Done>>;

impl Session {
    pub(super) fn open(plugin: Plugin, spec: SessionSpec<'_>) -> Result<Self> {
        if let Some(why) = plugin.quarantined() {
            let name = plugin.name();
            return Err(SessionError::new(
                Status::BUG,
                format!("plugin `{name}` is quarantined: {why}"),
            ));
        }
        offered(&plugin, spec.op, spec.stream)?;
        if spec.cursor.len() > MAX_CURSOR_BYTES {
            return Err(SessionError::misuse(
                "the stored cursor is longer than 64 KiB",
            ));
        }
        let span = tracing::info_span!(
            "session",
            connection = spec.connection,
            connector = plugin.name(),
            version = %plugin.version(),
            operation = spec.op.name(),
            stream = spec.stream,
        );
        let place = Arc::new(Place {
            connection: spec.connection.to_owned(),
            stream: spec.stream.to_owned(),
            operation: spec.op.name(),
        });
        let config = serde_json::json!({
            "base-url": spec.base_url.trim_end_matches('/'),
            "account": spec.account,
            "settings": spec.settings,
        });
        let creation = Creation {
            op: spec.op.bit(),
            config: &config.to_string(),
            stream: spec.stream,
            cursor: spec.cursor,
            seed: spec.seed,
            limits: spec.limits,
        };
        let host = HostSide::new(spec.cancel.clone());
        let raw = Raw::create(&plugin, &creation, host, Arc::clone(&place), span.clone())
            .inspect_err(|error| count(&plugin, error))?;
        Metrics::add(&plugin.0.metrics.sessions, 1);
        Ok(Self {
            raw: Some(raw),
            phase: Phase::Ready,
            plugin,
            place,
            span,
            operation: spec.op,
            limits: spec.limits,
            cancel: spec.cancel,
            batch: None,
            open: HashSet::new(),
            queue: VecDeque::new(),
            sleeping: BTreeMap::new(),
            kept: Vec::new(),
            still: (Vec::new(), 0),
        })
    }

    /// Answers what the connector asked for last and drives it until it asks for something else.
    ///
    /// # Errors
    ///
    /// After an error the session is over. The same holds when the future is dropped before it ends.
    pub async fn next(&mut self, given: Given<'_>, effects: &dyn Effects) -> Result<Asked> {
        let span = self.span.clone();
        self.answer(given, effects).instrument(span).await
    }

    async fn answer(&mut self, given: Given<'_>, effects: &dyn Effects) -> Result<Asked> {
        let (batch, no_more) = self.take(given)?;
        let asked = self.drive(batch, no_more, effects).await;
        self.phase = match &asked {
            Ok(Asked::Want) => Phase::Wanting,
            Ok(Asked::Page { .. } | Asked::Results(_)) => Phase::Ready,
            Ok(Asked::Value(_) | Asked::Done) | Err(_) => Phase::Ended,
        };
        if self.phase == Phase::Ended {
            self.raw = None;
        }
        if let Err(error) = &asked {
            count(&self.plugin, error);
            tracing::debug!(status = error.status.name(), %error, "session ended early");
        }
        asked
    }

    /// Holds what the pipeline gives against what was asked for.
    fn take<'a>(&mut self, given: Given<'a>) -> Result<(&'a [OutDoc], bool)> {
        let wrong = |what: &str| Err(SessionError::misuse(what));
        let taken = match (self.phase, given) {
            (Phase::Ended, _) => return wrong("it has ended"),
            (Phase::Busy, _) => return wrong("an earlier `next` was dropped before it ended"),
            (Phase::Wanting, Given::Batch([])) => {
                return wrong("a batch holds a document at least");
            }
            (Phase::Wanting, Given::Batch(batch)) => (batch, false),
            (Phase::Wanting, Given::NoMore) => (&[][..], true),
            (Phase::Ready, Given::Nothing) => (&[][..], false),
            (Phase::Wanting, Given::Nothing) => return wrong("a batch was asked for"),
            (Phase::Ready, _) => return wrong("a batch was given without being asked for"),
        };
        self.phase = Phase::Busy;
        if !taken.0.is_empty() {
            self.batch = Some(taken.0.len());
            Metrics::add(&self.plugin.0.metrics.documents, taken.0.len());
        }
        Ok(taken)
    }

    async fn drive(
        &mut self,
        mut batch: &[OutDoc],
        mut no_more: bool,
        effects: &dyn Effects,
    ) -> Result<Asked> {
        let mut running = Open::new();
        let mut done = std::mem::take(&mut self.kept);
        for (id, until_ms) in &self.sleeping {
            running.push(sleep(*id, *until_ms, effects));
        }
        loop {
            if self.cancel.is_cancelled() {
                return Err(SessionError::cancelled());
            }
            // A connector whose effects all end at once must not keep the thread to itself.
            tokio::task::coop::consume_budget().await;
            for done in &done {
                self.open.remove(&done.id);
            }
            let output = self.step(done, batch, no_more, effects.now_ms()).await?;
            (batch, no_more) = (&[], false);
            let asked = match output {
                Output::Need(asks) => {
                    self.enqueue(asks)?;
                    self.begin(&mut running, effects);
                    done = self.some_done(&mut running).await?;
                    continue;
                }
                Output::Page { documents, cursor } => {
                    Metrics::add(&self.plugin.0.metrics.pages, 1);
                    Metrics::add(&self.plugin.0.metrics.documents, documents.len());
                    self.moves(documents.is_empty(), &cursor)?;
                    Asked::Page { documents, cursor }
                }
                Output::Want => Asked::Want,
                Output::Results(results) => {
                    self.batch = None;
                    self.drop_covering();
                    Asked::Results(results)
                }
                Output::Done(Some(value)) => return Ok(Asked::Value(value)),
                Output::Done(None) => return Ok(Asked::Done),
            };
            self.calls_done(&mut running).await?;
            return Ok(asked);
        }
    }

    /// A walk that brings nothing and gets nowhere would go on for ever.
    fn moves(&mut self, empty: bool, cursor: &[u8]) -> Result<()> {
        if !empty || self.still.0 != cursor {
            self.still = (cursor.to_vec(), 0);
            return Ok(());
        }
        self.still.1 += 1;
        if self.still.1 < MAX_STILL_PAGES {
            return Ok(());
        }
        Err(SessionError::bug(format!(
            "{MAX_STILL_PAGES} pages in a row brought no document and left the cursor where it was: it \
             would never be done"
        )))
    }

    /// Makes one step, where it fits.
    async fn step(
        &mut self,
        done: Vec<Done>,
        batch: &[OutDoc],
        no_more: bool,
        now_ms: i64,
    ) -> Result<Output> {
        let (operation, limits, plugin) = (self.operation, self.limits, self.plugin.clone());
        let rules = Rules {
            operation,
            limits,
            plugin,
            batch: self.batch,
        };
        let Some(mut raw) = self.raw.take() else {
            return Err(SessionError::misuse("its connector's session is gone"));
        };
        let (overdue, mut is_overdue) = oneshot::channel();
        let weight: usize = done.iter().map(Done::weight).sum::<usize>()
            + batch.iter().map(|doc| doc.body.len()).sum::<usize>();
        if weight < HEAVY || !has_blocking_threads() {
            let input = Input {
                now_ms,
                done: &done,
                batch,
                no_more,
            };
            let output = raw.step(input, &rules, overdue);
            self.raw = Some(raw);
            return output;
        }
        let batch = batch.to_vec();
        let mut step = tokio::task::spawn_blocking(move || {
            let input = Input {
                now_ms,
                done: &done,
                batch: &batch,
                no_more,
            };
            let output = raw.step(input, &rules, overdue);
            (raw, output)
        });
        tokio::select! {
            ended = &mut step => match ended {
                Ok((raw, output)) => {
                    self.raw = Some(raw);
                    output
                }
                Err(error) => Err(SessionError::misuse(&format!("its step was lost: {error}"))),
            },
            // The thread is left to itself. Should the step ever end, the session is destroyed there.
            Ok(()) = &mut is_overdue => {
                let why = watch::hangs(&self.place, self.limits.quarantine_after);
                Err(SessionError::new(Status::BUG, format!("the session was given up: {why}")))
            }
        }
    }

    /// Takes up what the connector asks for.
    fn enqueue(&mut self, asks: Vec<Ask>) -> Result<()> {
        Metrics::add(&self.plugin.0.metrics.effects, asks.len());
        for ask in asks {
            if !self.open.insert(ask.id) {
                let id = ask.id;
                return Err(SessionError::bug(format!(
                    "effect id {id} is used while it is open"
                )));
            }
            self.queue.push_back(ask);
        }
        if self.open.is_empty() {
            return Err(SessionError::bug(
                "it asked for nothing while nothing is open: nothing could ever wake it",
            ));
        }
        if self.open.len() > MAX_WAITING {
            return Err(SessionError::bug(format!(
                "more than {MAX_WAITING} effects are open"
            )));
        }
        Ok(())
    }

    /// Begins as much of the queue as may be under way at once.
    fn begin<'e>(&mut self, running: &mut Open<'e>, effects: &'e dyn Effects) {
        let most = match self.limits.open_effects {
            0 => usize::MAX,
            most => most as usize,
        };
        while running.len() < most {
            let Some(Ask { id, what }) = self.queue.pop_front() else {
                return;
            };
            running.push(match what {
                Wanted::Sleep(duration) => {
                    let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
                    let until_ms = effects.now_ms().saturating_add(millis);
                    self.sleeping.insert(id, until_ms);
                    sleep(id, until_ms, effects)
                }
                Wanted::Http(ask) => call(id, *ask, effects),
            });
        }
    }

    /// Waits for the first effect to finish and takes what else has finished by then.
    async fn some_done(&mut self, running: &mut Open<'_>) -> Result<Vec<Done>> {
        let cancel = self.cancel.clone();
        let first = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(SessionError::cancelled()),
            first = running.next() => first,
        };
        let mut done: Vec<Done> = first.into_iter().collect();
        while let Some(Some(more)) = running.next().now_or_never() {
            done.push(more);
        }
        for done in &done {
            self.sleeping.remove(&done.id);
        }
        Ok(done)
    }

    /// Waits for all calls under way; what ended is kept for the next step.
    async fn calls_done(&mut self, running: &mut Open<'_>) -> Result<()> {
        while running.len() > self.sleeping.len() {
            let done = self.some_done(running).await?;
            self.kept.extend(done);
        }
        Ok(())
    }

    /// Calls of a batch that was reported on must not leave any more: nobody would settle them.
    fn drop_covering(&mut self) {
        let covers = |ask: &Ask| match &ask.what {
            Wanted::Http(ask) => !ask.covers.is_empty(),
            Wanted::Sleep(_) => false,
        };
        let (dropped, kept): (VecDeque<Ask>, _) = std::mem::take(&mut self.queue)
            .into_iter()
            .partition(covers);
        self.queue = kept;
        let message = "its batch was reported on before it was its turn";
        self.kept.extend(dropped.into_iter().map(|ask| Done {
            id: ask.id,
            how: How::Failed(Status::CANCELLED, message.to_owned()),
        }));
    }
}

fn offered(plugin: &Plugin, operation: Operation, stream: &str) -> Result<()> {
    let name = plugin.name();
    let unsupported = |what: String| Err(SessionError::new(Status::UNSUPPORTED, what));
    if plugin.0.vtbl.ops & operation.bit() == 0 {
        let operation = operation.name();
        return unsupported(format!("connector `{name}` has no operation {operation}"));
    }
    let needed = match operation {
        Operation::Check | Operation::Discover => return Ok(()),
        Operation::Pull => manifest::Op::Pull,
        Operation::Push => manifest::Op::Push,
        Operation::Find => manifest::Op::Find,
    };
    match plugin.manifest().streams.get(stream) {
        None => unsupported(format!("connector `{name}` has no stream `{stream}`")),
        Some(it) if !it.ops.contains(&needed) => unsupported(format!(
            "stream `{stream}` of connector `{name}` has no operation {}",
            operation.name()
        )),
        Some(_) => Ok(()),
    }
}

fn count(plugin: &Plugin, error: &SessionError) {
    let none = AtomicU64::new(0);
    let counter = match error.status {
        Status::PANIC => &plugin.0.metrics.panics,
        Status::BUG => &plugin.0.metrics.bugs,
        _ => &none,
    };
    Metrics::add(counter, 1);
}

/// A runtime of one thread is a test's, perhaps with a paused clock that must not run on while a step
/// is elsewhere.
fn has_blocking_threads() -> bool {
    Handle::try_current().is_ok_and(|it| it.runtime_flavor() == RuntimeFlavor::MultiThread)
}

fn sleep(id: u32, until_ms: i64, effects: &dyn Effects) -> BoxFuture<'_, Done> {
    let left = u64::try_from(until_ms.saturating_sub(effects.now_ms())).unwrap_or(0);
    async move {
        effects.sleep(Duration::from_millis(left)).await;
        Done {
            id,
            how: How::Slept,
        }
    }
    .boxed()
}

fn call(id: u32, ask: HttpAsk, effects: &dyn Effects) -> BoxFuture<'_, Done> {
    async move {
        let how = match effects.http(ask).await {
            HttpDone::Answer(answer) => How::Answer(answer),
            HttpDone::Failed {
                status: Status::OK,
                message,
            } => How::Failed(Status::BUG, message),
            HttpDone::Failed { status, message } => How::Failed(status, message),
        };
        Done { id, how }
    }
    .boxed()
}
