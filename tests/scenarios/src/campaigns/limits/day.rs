//! The day's limit: work stops by itself, says what waits and until when, and goes on by itself.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use ledgerline::{
    operate::{Answer, Request, StatusReport},
    store::State,
};
use sandbox::{Seed, Vendor};

use super::{
    fleet::plain,
    one::WAY,
    wire::{Far, Log, Seen},
};
use crate::{
    Stage,
    books::{NOTES, ORGANISATION},
};

/// A tier of the vendor, and more than it takes in a day.
#[derive(Debug, Clone, Copy)]
pub struct Day {
    /// Calls a day.
    pub limit: u32,
    /// Credit notes, each a call.
    pub notes: usize,
    /// Days that pass.
    pub days: u64,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Days {
    /// Calls to Xero.
    pub calls: usize,
    /// Of those, refused.
    pub refused: usize,
    /// Credit notes in Xero.
    pub arrived: usize,
    /// Calls to Xero on each day, counted from the first call.
    pub by_day: Vec<usize>,
    /// Days that it takes at least, with the part of a day that people's own requests are left.
    pub least: usize,
}

const DAY: i64 = 24 * 3_600_000;

/// The service runs for some days, and nobody touches it.
pub async fn day(day: Day) -> (Days, Vec<String>) {
    let log = Log::default();
    let kept = log.clone();
    let stage = Stage::through(
        day.seed(),
        Box::new(move |world| Arc::new(Far::new(world, 17, WAY, kept.clone()))),
        Box::new(move |deployment| {
            let xero = deployment.connections.get_mut("xero-au").expect("Xero");
            xero.budget.entry("account".into()).or_default().day = Some(day.limit);
            for route in deployment.routes.values_mut() {
                route.confirmed = true;
                if route.name == NOTES {
                    route.batch = Some(1);
                }
            }
        }),
    )
    .await;
    let mut faults = Vec::new();
    let run = stage.engine.run();
    tokio::pin!(run);
    for passed in 1..=day.days {
        tokio::select! {
            ended = &mut run => faults.push(format!("it ended: {ended:?}")),
            () = stage.pass(Duration::from_secs(24 * 3_600)) => {}
        }
        let pending = stage.ids(NOTES, State::Pending).await.len();
        if pending > 0 && passed < day.days {
            faults.extend(unnamed(&status(&stage).await, pending, passed));
        }
    }
    let seen: Vec<Seen> = log.seen();
    let seen: Vec<Seen> = seen
        .into_iter()
        .filter(|it| it.vendor == Vendor::Xero)
        .collect();
    let days = day.count(&stage, &seen);
    if days.refused > 0 {
        faults.push(format!("{} calls were refused", days.refused));
    }
    if days.arrived != day.notes {
        faults.push(format!(
            "{} of {} arrived: {:?}",
            days.arrived, day.notes, days.by_day
        ));
    }
    let took = days.by_day.iter().filter(|it| **it > 0).count();
    if took > days.least {
        faults.push(format!(
            "{took} days instead of {}: {:?}",
            days.least, days.by_day
        ));
    }
    let twice = stage.world.duplicates();
    faults.extend(twice.iter().map(|it| format!("twice: {it:?}")));
    (days, faults)
}

async fn status(stage: &Stage) -> StatusReport {
    match stage.ask(Request::Status).await {
        Answer::Status(it) => *it,
        other => panic!("{other:?}"),
    }
}

/// What `status` does not tell although somebody wants to know it.
fn unnamed(status: &StatusReport, pending: usize, passed: u64) -> Vec<String> {
    let mut faults = Vec::new();
    let told = status.connections.iter().find(|it| it.name == "xero-au");
    let told = format!("{told:?}");
    if !told.contains("is spent until") {
        faults.push(format!("day {passed}: the spent day is not told: {told}"));
    }
    let waiting: u64 = status
        .totals
        .iter()
        .filter(|it| it.route == NOTES && it.state == State::Pending)
        .map(|it| it.tally.count)
        .sum();
    if waiting != pending as u64 {
        faults.push(format!(
            "day {passed}: {waiting} are told to wait, {pending} do"
        ));
    }
    faults
}

impl Day {
    fn seed(&self) -> Seed {
        let mut seed = Seed::demo().expect("the demo's seed is sound");
        seed.faults.clear();
        seed.keep_calls = Some(0);
        seed.core.accounts.clear();
        seed.zudello.teams.clear();
        for organisation in &mut seed.xero.organisations {
            organisation.credit_notes.clear();
            organisation.limits.day = self.limit;
        }
        for shop in &mut seed.omni.accounts {
            shop.customers.clear();
            shop.credit_notes.clear();
            plain(shop);
            shop.generate.lines = 1;
            shop.generate.credit_notes = self.notes;
        }
        seed
    }

    fn count(&self, stage: &Stage, seen: &[Seen]) -> Days {
        let first = seen.first().map_or(0, |it| it.at);
        let mut by_day: BTreeMap<i64, usize> = BTreeMap::new();
        for it in seen {
            *by_day.entry((it.at - first) / DAY).or_default() += 1;
        }
        // Scheduled work leaves a twentieth of the day to people.
        let ours = (self.limit - self.limit / 20) as usize;
        Days {
            calls: seen.len(),
            refused: seen.iter().filter(|it| it.status == 429).count(),
            arrived: stage.world.xero(ORGANISATION).credit_note_count(),
            by_day: by_day.into_values().collect(),
            least: seen.len().div_ceil(ours),
        }
    }
}
