//! `run`: starts each route when its trigger says so, until the engine is stopped.
//!
//! A manual route is pulled and prepared regularly, so that a person finds it up to date, and sends
//! only what somebody asked for. Routes that are due at the same moment share one run, so that they
//! share its pulls.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

use crate::{
    config::Trigger,
    operate::SyncRequest,
    pipeline::{engine::Engine, progress::Silent},
    store::{StoreError, offload},
};

/// How often manual routes are pulled and prepared.
const PREPARE_EVERY: Duration = Duration::from_secs(15 * 60);
/// When work that was left (a passing fault, an answer to ask about) is taken up again, however long the pauses of
/// the schedule are: the other side knows of a lost renewal of tokens for half an hour.
const LEFT_OVER: Duration = Duration::from_secs(60);
/// Each time in a row that nothing came of it, or that a connection could not be used, it is left for twice as long
/// and at most for this: asking every minute would use up what the others are allowed.
const LEFT_OVER_AT_MOST: Duration = Duration::from_secs(3_600);
/// How often old calls are dropped.
const PRUNE_EVERY: Duration = Duration::from_secs(6 * 3600);

impl Engine {
    /// Runs until [`Engine::stop`], and tells people what needs them.
    ///
    /// # Errors
    ///
    /// Only the store's.
    pub async fn run(&self) -> Result<(), StoreError> {
        let ended = tokio::select! {
            ended = self.start_routes() => ended,
            () = self.keep_telling() => Ok(()),
        };
        if ended.is_err() {
            self.tell_people().await;
        }
        ended
    }

    async fn start_routes(&self) -> Result<(), StoreError> {
        let started = self.clock.now();
        let mut due: BTreeMap<String, Timestamp> = self
            .order
            .iter()
            .filter(|name| self.plans.get(*name).is_some_and(|it| self.starts(it)))
            .map(|name| (name.clone(), self.first(name, started)))
            .collect();
        let mut prune_at = started;
        let mut before = started;
        let mut left_over = LEFT_OVER;
        while !self.cancel.is_cancelled() {
            let now = self.clock.now();
            if now < before {
                // The machine's clock was set back: nothing waits until it is there again.
                for (name, at) in &mut due {
                    *at = (*at).min(self.next(name, now));
                }
                prune_at = prune_at.min(later(now, PRUNE_EVERY));
            }
            before = now;
            if now >= prune_at {
                self.prune(now).await?;
                prune_at = later(now, PRUNE_EVERY);
            }
            let routes: Vec<String> = due
                .iter()
                .filter(|(_, at)| **at <= now)
                .map(|(name, _)| name.clone())
                .collect();
            if !routes.is_empty() {
                let request = SyncRequest {
                    routes: routes.clone(),
                    ..SyncRequest::default()
                };
                let report = self.sync(&request, false, &Silent).await?;
                for (connection, why) in &report.parked {
                    tracing::error!(connection, why, "a connection needs a person");
                }
                let done = self.clock.now();
                let is_well = report.parked.is_empty() && report.moved_on();
                let stands_still = report.unfinished && !is_well;
                let pause = if stands_still { left_over } else { LEFT_OVER };
                left_over = match stands_still {
                    true => (pause * 2).min(LEFT_OVER_AT_MOST),
                    false => LEFT_OVER,
                };
                for name in routes {
                    let more = report.routes.get(&name).is_some_and(|it| it.more);
                    let next = match report.unfinished {
                        _ if more => done,
                        true => later(done, pause).min(self.next(&name, now)),
                        false => self.next(&name, now),
                    };
                    self.tell_next(&name, next).await?;
                    due.insert(name, next);
                }
                continue;
            }
            let Some(next) = due.values().min().copied() else {
                // Nothing runs by itself: requests through the socket still do.
                self.cancel.cancelled().await;
                return Ok(());
            };
            let wait = Duration::try_from(next.duration_since(now)).unwrap_or_default();
            tokio::select! {
                () = self.clock.sleep(wait) => {}
                () = self.cancel.cancelled() => {}
            }
        }
        Ok(())
    }

    /// Whether a route starts by itself. Those that follow or serve others run with them.
    fn starts(&self, plan: &super::plan::RoutePlan) -> bool {
        plan.route.enabled && plan.follows.is_none()
    }

    /// A route with a time of day waits for it; the others begin with the engine.
    fn first(&self, route: &str, started: Timestamp) -> Timestamp {
        match self.plans.get(route).map(|it| &it.route.trigger) {
            Some(Trigger::Cron(_)) => self.next(route, started),
            _ => started,
        }
    }

    fn next(&self, route: &str, started: Timestamp) -> Timestamp {
        let Some(plan) = self.plans.get(route) else {
            return Timestamp::MAX;
        };
        match &plan.route.trigger {
            Trigger::Manual => later(started, PREPARE_EVERY),
            Trigger::Every(every) => later(started, *every),
            Trigger::Cron(pattern) => next_by_pattern(pattern, started, plan.zone.clone())
                .unwrap_or_else(|| later(started, Duration::from_secs(3600))),
        }
    }

    async fn tell_next(&self, route: &str, next: Timestamp) -> Result<(), StoreError> {
        let (key, value) = (format!("next/{route}"), next.to_string());
        offload::run(&self.store, move |store| store.set_note(&key, Some(&value))).await
    }

    async fn prune(&self, now: Timestamp) -> Result<(), StoreError> {
        let days = i64::from(self.deployment.keep_calls_days);
        let before = now.as_millisecond() - days * 24 * 3600 * 1000;
        let dropped = offload::run(&self.store, move |store| store.prune_calls(before)).await?;
        tracing::debug!(dropped, "old calls dropped");
        Ok(())
    }
}

fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// The next moment that a cron pattern names in a zone. Patterns were checked with the configuration.
fn next_by_pattern(pattern: &str, after: Timestamp, zone: jiff::tz::TimeZone) -> Option<Timestamp> {
    let cron: croner::Cron = pattern.parse().ok()?;
    cron.find_next_occurrence(&after.to_zoned(zone), false)
        .ok()
        .map(|it| it.timestamp())
}
