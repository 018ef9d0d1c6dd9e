//! The long forms: `campaign -- limits` and `campaign -- waiting`.

use std::{
    future::Future,
    io::{self, Write},
    time::Duration,
};

use clap::{Args, ValueEnum};

use super::{
    day::{Day, day},
    fleet::{Fleet, fleet},
    judge::Figures,
    one::{Sources, calls, sources},
    pace::pace,
    waiting::{Caller, Waiting, call},
};

/// Parts of `campaign -- limits`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// How many writing calls it takes.
    Calls,
    /// Three sources into one organisation.
    Sources,
    /// Many connections under one client's limit.
    Fleet,
    /// The day's limit, over days.
    Day,
    /// Documents a second in real time.
    Pace,
}

/// As fast as the vendors allow, and never faster. Without options, all of it at full size.
#[derive(Debug, Args)]
pub struct LimitsOptions {
    /// One part alone.
    #[arg(long)]
    part: Option<Part>,
    /// Credit notes of the first part.
    #[arg(long, default_value_t = 5_000)]
    notes: usize,
    /// Connections of a fleet, and as many organisations.
    #[arg(long, default_value_t = 200)]
    connections: usize,
    /// Credit notes of each of them.
    #[arg(long, default_value_t = 1_000)]
    each: usize,
    /// Documents in one writing call of a fleet: fewer make more calls of the same documents.
    #[arg(long, default_value_t = 2)]
    batch: u32,
    /// Credit notes of each connection in real time, in full calls.
    #[arg(long, default_value_t = 250)]
    each_in_real_time: usize,
}

/// Thousands of calls that wait for slow answers.
#[derive(Debug, Args)]
pub struct WaitingOptions {
    /// How many.
    #[arg(long, default_value_t = 5_000)]
    count: usize,
    /// Makes the calls instead of measuring: what the measured process is started with.
    #[arg(long, requires = "to")]
    caller: Option<Caller>,
    /// Where those calls go.
    #[arg(long)]
    to: Option<String>,
}

/// Runs the parts that are asked for.
pub fn limits(options: &LimitsOptions) -> io::Result<()> {
    let wanted = |part| options.part.is_none_or(|it| it == part);
    let mut faults = Vec::new();
    if wanted(Part::Calls) {
        let (figures, found) = on_paused_time(calls(options.notes))?;
        say("calls", options.notes, &figures)?;
        faults.extend(found);
    }
    if wanted(Part::Sources) {
        for (of, batch, into_the_minute) in [
            ([5_000, 600, 600], None, 0),
            ([3_000, 400, 400], Some(3), 0),
            ([3_000, 400, 400], Some(3), 37),
        ] {
            let [omni, core, zudello] = of;
            let (figures, found) = on_paused_time(sources(Sources {
                omni,
                core,
                zudello,
                batch,
                into_the_minute,
            }))?;
            say("sources", omni + core + zudello, &figures)?;
            faults.extend(found);
            faults.extend(figures.not_close());
        }
    }
    if wanted(Part::Fleet) {
        let many = Fleet {
            connections: options.connections,
            notes: options.each,
            lines: 1,
            batch: Some(options.batch),
            app_minute: 10_000,
            limits: true,
        };
        let (figures, found) = on_paused_time(fleet(many))?;
        say("fleet", many.connections * many.notes, &figures)?;
        faults.extend(found);
        faults.extend(figures.not_close());
        faults.extend(figures.not_fair());
    }
    if wanted(Part::Day) {
        for (limit, notes, days) in [(1_000, 3_000, 6), (5_000, 12_000, 5)] {
            let (figures, found) = on_paused_time(day(Day { limit, notes, days }))?;
            writeln!(
                io::stdout(),
                "SUMMARY campaign=limits part=day limit={limit} documents={} calls={} refused={} \
                 calls_by_day={:?} least_days={}",
                figures.arrived,
                figures.calls,
                figures.refused,
                figures.by_day,
                figures.least
            )?;
            faults.extend(found);
        }
    }
    if wanted(Part::Pace) {
        let many = Fleet {
            connections: options.connections,
            notes: options.each_in_real_time,
            lines: 7,
            batch: None,
            app_minute: 10_000,
            limits: false,
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        let (figures, found) = runtime.block_on(pace(many));
        writeln!(
            io::stdout(),
            "SUMMARY campaign=limits part=pace connections={} documents={} documents_a_second={} \
             cpu_us_a_document={} vendors_us_a_document={} engine_alone_a_second_of_cpu={}",
            many.connections,
            figures.documents,
            figures.a_second(),
            each(figures.cpu, figures.documents),
            each(figures.vendors, figures.documents),
            figures.a_second_of_cpu()
        )?;
        faults.extend(found);
    }
    ended(&faults)
}

/// Measures what waiting calls hold, or makes them.
pub fn waiting(options: &WaitingOptions) -> io::Result<()> {
    if let (Some(caller), Some(to)) = (options.caller, &options.to) {
        return call(caller, options.count, to);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let waiting = Waiting {
        program: std::env::current_exe()?,
        count: options.count,
    };
    let waited = runtime.block_on(waiting.measure())?;
    writeln!(
        io::stdout(),
        "SUMMARY campaign=waiting count={} client_bytes_each={} engine_bytes_a_call={} \
         engine_bytes_a_connection={} threads={}/{}/{} most_threads={}/{}/{}",
        options.count,
        waited.bare.memory / options.count.max(1) as u64,
        waited.each(waited.calls, options.count),
        waited.each(waited.connections, options.count),
        waited.bare.threads,
        waited.calls.threads,
        waited.connections.threads,
        waited.bare.most_threads,
        waited.calls.most_threads,
        waited.connections.most_threads
    )?;
    ended(&waited.faults(options.count))
}

fn on_paused_time<T>(work: impl Future<Output = T>) -> io::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()?;
    Ok(runtime.block_on(work))
}

fn say(part: &str, documents: usize, figures: &Figures) -> io::Result<()> {
    writeln!(
        io::stdout(),
        "SUMMARY campaign=limits part={part} documents={documents} calls={} xero_writing_calls={} \
         refused={} took_ms={} least_ms={} over_permille={} worst_share_permille={}",
        figures.calls,
        figures.xero_writes,
        figures.refused,
        figures.took,
        figures.least,
        figures.over(),
        figures
            .worst_share
            .map_or("-".to_owned(), |it| it.to_string())
    )
}

fn each(took: Duration, documents: usize) -> u128 {
    took.as_micros() / documents.max(1) as u128
}

fn ended(faults: &[String]) -> io::Result<()> {
    match faults {
        [] => Ok(()),
        some => Err(io::Error::other(some.join("\n"))),
    }
}
