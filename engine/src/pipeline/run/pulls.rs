//! The reading half of a run: every stream that a route wants, and how far each has come.

use super::Run;
use crate::{
    pipeline::{
        decide::lock,
        progress::Step,
        pull::{Pulled, Reading, pull},
        steps,
    },
    store::{StoreError, StreamId, offload},
};

/// How long a scheduled run reads one stream, in milliseconds. A source that gives one document a
/// second is hours at its first reading; other routes, and people, are not to wait for it.
const AT_A_STRETCH: i64 = 2 * 60 * 1_000;

impl Run<'_> {
    pub(super) fn streams(&self) -> Vec<StreamId> {
        let mut streams: Vec<StreamId> = Vec::new();
        for plan in &self.routes {
            if plan.follows.is_none() && !plan.reads_groups() && !streams.contains(&plan.source) {
                streams.push(plan.source.clone());
            }
        }
        streams
    }

    /// Streams that were never read bring something new for certain. Only a person is in a hurry for it;
    /// the schedule may come to a source every minute that gives nothing.
    pub(super) async fn first_readings(&self, streams: &[StreamId]) -> Result<(), StoreError> {
        if !self.interactive {
            return Ok(());
        }
        for stream in streams {
            let id = stream.clone();
            let cursor = offload::run(&self.store, move |store| store.cursor(&id)).await?;
            if cursor.is_none() {
                lock(&self.fresh).insert(stream.clone());
            }
        }
        Ok(())
    }

    /// All streams side by side; each connection's budget says how many calls of it are under way.
    pub(super) async fn pull_all(&self, streams: Vec<StreamId>) -> Result<(), StoreError> {
        let all = streams.into_iter().map(|stream| async move {
            self.pull_one(&stream).await;
            lock(&self.pulls).insert(stream, true);
            self.note_page();
        });
        futures_util::future::join_all(all).await;
        Ok(())
    }

    async fn pull_one(&self, stream: &StreamId) {
        let Some(system) = self.engine.connected.get(&stream.connection) else {
            return;
        };
        if self.is_parked(&stream.connection) {
            return;
        }
        let routes = self.engine.routes_reading(stream);
        let rules = system.rules.get(&stream.stream);
        let until = match self.interactive {
            true => None,
            false => Some(self.engine.clock.now_ms() + AT_A_STRETCH),
        };
        let done = pull(
            self,
            system,
            (stream, Reading::Usual),
            rules,
            &routes,
            until,
            |count, intake| {
                let mut report = lock(&self.report);
                for route in &routes {
                    let row = report.routes.entry(route.clone()).or_default();
                    row.pulled += count;
                    // The page's counts are of all routes together.
                    row.new += intake.new / routes.len().max(1) as u64;
                    row.changed += intake.changed / routes.len().max(1) as u64;
                }
                drop(report);
                self.progress.step(Step::Pulled {
                    stream: stream.clone(),
                    documents: count,
                });
                if intake.new > 0 {
                    lock(&self.fresh).insert(stream.clone());
                }
                self.note_page();
            },
        )
        .await;
        if matches!(done, Ok(Pulled::ToItsEnd)) {
            lock(&self.ended).insert(stream.clone());
        }
        match done {
            Ok(Pulled::SoFar) => {
                for route in &routes {
                    self.with_row(route, |row| row.more = true);
                }
            }
            // Files that are not there are no end: after a restore each document of a file is asked for.
            Ok(Pulled::ToItsEnd) if system.files(&stream.stream).is_some() => {
                let named = format!("{}/{}", stream.connection, stream.stream);
                steps::reached("stream-ended", &named);
            }
            Ok(Pulled::ToItsEnd) => {
                let id = stream.clone();
                if let Err(why) = offload::run(&self.store, move |store| store.caught_up(&id)).await
                {
                    self.park(&stream.connection, &why.to_string());
                }
                steps::reached(
                    "stream-ended",
                    &format!("{}/{}", stream.connection, stream.stream),
                );
            }
            Err(why) => self.park(&stream.connection, &why.to_string()),
        }
    }

    /// Whether no more pages of the stream will come in this run.
    pub(crate) fn is_pulled(&self, stream: &StreamId) -> bool {
        lock(&self.pulls).get(stream).copied().unwrap_or(true)
    }

    /// Whether the stream was read to its end in this run.
    pub(crate) fn was_read_whole(&self, stream: &StreamId) -> bool {
        lock(&self.ended).contains(stream)
    }

    fn note_page(&self) {
        self.pulled.send_modify(|it| *it += 1);
    }

    /// Pages that came in and streams that ended so far.
    pub(crate) fn pages(&self) -> u64 {
        *self.pulled.borrow()
    }

    /// Waits until a page came in or a stream ended after so many.
    pub(crate) async fn pages_after(&self, seen: u64) {
        let mut pages = self.pulled.subscribe();
        // The sender is this run's own, so it is there.
        let _ = pages.wait_for(|it| *it != seen).await;
    }

    /// Whether the stream brings documents in this run that no route has met before.
    pub(crate) fn brings_new(&self, stream: &StreamId) -> bool {
        lock(&self.fresh).contains(stream)
    }
}
