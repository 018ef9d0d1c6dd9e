//! `latency`: every call of both vendors takes long, and five are under way at once. What is left of
//! the sum of all waiting shows how much of it runs side by side. `tests/latency.rs` judges the same on
//! time that stands still while the machine works.

use std::{io, time::Duration};

use scenarios::processes::set;

use crate::{
    cost::{median, per_second},
    ground::{Traffic, all_arrived, programs},
    say, watch,
};

/// How slow.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How many credit notes.
    #[arg(long, default_value_t = 2_500)]
    notes: usize,
    /// Milliseconds of each call.
    #[arg(long, default_value_t = 200)]
    latency: u32,
    /// How often.
    #[arg(long, default_value_t = 3)]
    runs: usize,
}

/// Runs the part.
pub(crate) fn run(arguments: &Arguments) -> io::Result<()> {
    let mut elapsed = Vec::new();
    let mut arrived = Vec::new();
    let mut last = Traffic::default();
    for turn in 1..=arguments.runs.max(1) {
        let programs = programs(arguments.notes, |plan| {
            for vendor in ["omni", "xero"] {
                let path = format!("{vendor}/latency-ms");
                set(&mut plan.seed, &path, i64::from(arguments.latency));
            }
            plan.vendors.retain(|it| it != "--keep-calls" && it != "0");
        });
        let command = programs.engine(["sync", "--confirm", "--json"]);
        let (used, _) = watch::run(command)?;
        last = Traffic::of(&programs);
        let course = Course::of(&programs.ask("/_sandbox/calls"))?;
        all_arrived(&programs)?;
        let calls = last.reading + last.writing;
        say(format_args!(
            "run {turn}  {} ms, {} documents/s, {calls} calls whose waiting adds up to {} ms",
            used.elapsed.as_millis(),
            per_second(arguments.notes, used.elapsed),
            calls * u64::from(arguments.latency),
        ))?;
        say(format_args!("{course}"))?;
        elapsed.push(u64::try_from(used.elapsed.as_millis()).unwrap_or(u64::MAX));
        arrived.push(course.arrived(arguments.latency));
    }
    let elapsed = median(elapsed.into_iter());
    let arrived = median(arrived.into_iter());
    say(format_args!(
        "SUMMARY part=latency notes={} latency_ms={} runs={} arrived_ms={arrived} elapsed_ms={elapsed} documents_a_second={} \
         reading_calls={} writing_calls={}",
        arguments.notes,
        arguments.latency,
        arguments.runs,
        per_second(arguments.notes, Duration::from_millis(elapsed)),
        last.reading,
        last.writing,
    ))
}

/// When calls of each sort began, counted from the first call of all.
struct Course(Vec<(String, usize, i64, i64)>);

impl Course {
    fn of(calls: &serde_json::Value) -> io::Result<Self> {
        let mut sorts: Vec<(String, usize, i64, i64)> = Vec::new();
        let mut first = None;
        for call in calls.as_array().into_iter().flatten() {
            let text = |name: &str| call[name].as_str().unwrap_or_default();
            let at: jiff::Timestamp = text("at").parse().map_err(io::Error::other)?;
            let began = at.as_millisecond() - *first.get_or_insert(at.as_millisecond());
            let path = text("target").split('?').next().unwrap_or_default();
            let sort = format!("{} {path}", text("method"));
            match sorts.iter_mut().find(|it| it.0 == sort) {
                Some(it) => {
                    it.1 += 1;
                    it.3 = began;
                }
                None => sorts.push((sort, 1, began, began)),
            }
        }
        Ok(Self(sorts))
    }

    /// When the last document was in Xero: what comes after it marks them in their source.
    fn arrived(&self, latency: u32) -> u64 {
        let sent = self.0.iter().filter(|(sort, ..)| {
            sort.starts_with("PUT") && sort.ends_with("/api.xro/2.0/CreditNotes")
        });
        let last = sent.map(|it| it.3).max().unwrap_or_default();
        u64::try_from(last).unwrap_or_default() + u64::from(latency)
    }
}

impl std::fmt::Display for Course {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (sort, count, first, last) in &self.0 {
            writeln!(
                to,
                "  {sort:<40} {count:>4}  from {first:>5} to {last:>5} ms"
            )?;
        }
        Ok(())
    }
}
