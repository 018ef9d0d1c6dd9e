//! Real time: how many documents a second one process gets from its sources into its targets when no
//! limit holds it back.
//!
//! The vendors answer in this process, too, and take processor time that they would not take elsewhere.
//! It is measured and told apart.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{fleet::Fleet, wire::Near};
use crate::Stage;

/// What it took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pace {
    /// Documents.
    pub documents: usize,
    /// From the beginning of the run to its end.
    pub took: Duration,
    /// Processor time of the process.
    pub cpu: Duration,
    /// The vendors' part of it.
    pub vendors: Duration,
}

impl Pace {
    /// Documents a second as the clock showed.
    pub fn a_second(&self) -> u128 {
        per_second(self.documents, self.took)
    }

    /// Documents a second of one processor for the engine alone.
    pub fn a_second_of_cpu(&self) -> u128 {
        per_second(self.documents, self.cpu.saturating_sub(self.vendors))
    }
}

fn per_second(documents: usize, took: Duration) -> u128 {
    documents as u128 * 1_000_000 / took.as_micros().max(1)
}

/// Runs a fleet in real time; for a runtime with several threads.
pub async fn pace(fleet: Fleet) -> (Pace, Vec<String>) {
    let spent: Arc<Mutex<Duration>> = Arc::default();
    let vendors = Arc::clone(&spent);
    let stage = Stage::through(
        fleet.seed(),
        Box::new(move |world| Arc::new(Near::new(world, Arc::clone(&vendors)))),
        Box::new(fleet.tweak()),
    )
    .await;
    fleet.consent(&stage).await;
    let read = || *spent.lock().unwrap_or_else(PoisonError::into_inner);
    let (before, vendors_before, began) = (cpu(), read(), Instant::now());
    let report = stage.sync().await;
    let pace = Pace {
        documents: fleet.connections * fleet.notes,
        took: began.elapsed(),
        cpu: cpu().saturating_sub(before),
        vendors: read().saturating_sub(vendors_before),
    };
    let mut faults = fleet.faults(&stage);
    if report.unfinished || !report.parked.is_empty() {
        faults.push(format!("it did not end: {:?}", report.parked));
    }
    (pace, faults)
}

/// User and system time of this process. The kernel counts in hundredths of a second.
fn cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name before may hold blanks; the fields after it are counted from its end.
    let fields = text.rsplit_once(')').map_or("", |it| it.1);
    let ticks = fields.split_whitespace().skip(11).take(2);
    Duration::from_millis(ticks.filter_map(|it| it.parse::<u64>().ok()).sum::<u64>() * 10)
}
