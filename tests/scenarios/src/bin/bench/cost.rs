//! `cost`: the engine and the hand-written loop over the same documents, in turns.

use std::{io, path::Path, process::Command, time::Duration};

use scenarios::processes::Programs;

use crate::{
    ground::{Traffic, all_arrived, programs},
    hand::Done,
    say,
    shape::{self, Shape, Size, Snapshot},
    watch::{self, Used},
};

/// How much is measured.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How many credit notes.
    #[arg(long, default_value_t = 20_000)]
    notes: usize,
    /// How often each of the two runs.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// A program that runs the engine, such as a profiler with its arguments; the engine then runs once,
    /// the loop not at all, and what is measured is that program.
    #[arg(long)]
    under: Option<String>,
}

/// Credit notes of the survey before the runs.
const SURVEYED: usize = 2_000;

/// What one run cost and did.
#[derive(Debug, Clone, Copy)]
struct Run {
    used: Used,
    traffic: Traffic,
    store: Size,
    /// Time that the vendors spent on it.
    vendors: Duration,
}

/// Runs the part.
pub(crate) fn run(arguments: &Arguments) -> io::Result<()> {
    if let Some(under) = &arguments.under {
        return profile(arguments.notes, under);
    }
    let shape = survey(arguments.notes.min(SURVEYED))?;
    let mut engine = Vec::new();
    let mut hand = Vec::new();
    for turn in 1..=arguments.runs.max(1) {
        let one = measure(arguments.notes, |programs| programs.engine(SYNC), STORE)?;
        told(turn, "engine", arguments.notes, &one)?;
        engine.push(one);
        let one = measure(
            arguments.notes,
            |programs| by_hand(programs, &shape),
            HAND_STORE,
        )?;
        told(turn, "by hand", arguments.notes, &one)?;
        hand.push(one);
    }
    compare(&engine, &hand)?;
    summary(arguments, &engine, &hand)
}

const SYNC: [&str; 3] = ["sync", "--confirm", "--json"];
const STORE: &str = "state/store";
const HAND_STORE: &str = "state/by-hand";

/// The rows that the engine writes for a document, from a small run that stops once on the way.
fn survey(notes: usize) -> io::Result<Shape> {
    let programs = programs(notes, |_| {});
    let store = programs.config().join(STORE);
    let count = notes as u64;
    // Without a word of consent everything is read and prepared, and nothing is sent.
    programs.run(["sync", "--json"]);
    let taken_in = Snapshot::of(&store)?;
    programs.run(SYNC);
    let done = Snapshot::of(&store)?;
    all_arrived(&programs)?;
    Ok(Shape::new(&taken_in, &done, count))
}

fn measure(notes: usize, command: impl Fn(&Programs) -> Command, store: &str) -> io::Result<Run> {
    let programs = programs(notes, |_| {});
    let before = watch::cpu_of(programs.vendors_id());
    let (used, _) = watch::run(command(&programs))?;
    let vendors = watch::cpu_of(programs.vendors_id()).saturating_sub(before);
    let traffic = Traffic::of(&programs);
    all_arrived(&programs)?;
    let store = shape::size(&programs.config().join(store))?;
    Ok(Run {
        used,
        traffic,
        store,
        vendors,
    })
}

fn by_hand(programs: &Programs, shape: &Shape) -> Command {
    let state = programs.config().join("state");
    // The engine makes its folder itself.
    let _ = std::fs::create_dir_all(&state);
    let own = std::env::current_exe().unwrap_or_else(|_| Path::new("bench").to_owned());
    let mut command = Command::new(own);
    command
        .arg("by-hand")
        .args(["--url", &programs.url()])
        .arg("--store")
        .arg(programs.config().join(HAND_STORE))
        .args(["--shape", &serde_json::to_string(shape).unwrap_or_default()])
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    command
}

/// Prints what the loop did, for whoever runs it alone.
pub(crate) fn hand_done(done: &Done) -> io::Result<()> {
    say(format_args!("{{\"documents\":{}}}", done.documents))
}

fn told(turn: usize, who: &str, notes: usize, run: &Run) -> io::Result<()> {
    say(format_args!(
        "run {turn} {who:<8} {:>6} documents/s  {:>5} us CPU/document  {:>7} KiB peak  \
         {:>5} us CPU/document in the vendors  {} calls  {} rows  {} MB in the store  {} flushes  \
         {} MB written",
        per_second(notes, run.used.elapsed),
        each(notes, run.used.cpu),
        run.used.memory,
        each(notes, run.vendors),
        run.traffic.reading + run.traffic.writing,
        run.store.rows,
        run.store.bytes / 1_000_000,
        run.store.flushes,
        run.used.written / 1_000_000,
    ))
}

/// The loop is a measure only if it does the same work.
fn compare(engine: &[Run], hand: &[Run]) -> io::Result<()> {
    let (Some(engine), Some(hand)) = (engine.first(), hand.first()) else {
        return Ok(());
    };
    let mut apart = Vec::new();
    // A share in a hundred, and what the engine does once and not for each document: it asks who it is
    // talking to and what accounts and rates there are, and keeps what it was told.
    let mut check = |what: &str, engine: u64, hand: u64, share: u64, once: u64| {
        if engine.abs_diff(hand) > engine * share / 100 + once {
            apart.push(format!("{what}: engine {engine}, by hand {hand}"));
        }
    };
    let (a, b) = (engine.traffic, hand.traffic);
    check("writing calls", a.writing, b.writing, 0, 0);
    check("reading calls", a.reading, b.reading, 3, 20);
    check("bytes sent", a.received, b.received, 3, 2_000);
    check("bytes answered", a.answered, b.answered, 3, 100_000);
    check("rows", engine.store.rows, hand.store.rows, 3, 100);
    let (a, b) = (engine.store, hand.store);
    check("bytes of rows", a.bytes, b.bytes, 3, 100_000);
    // The engine flushes once more a page, for what it decided without a call.
    check("flushes", a.flushes, b.flushes, 15, 40);
    if apart.is_empty() {
        Ok(())
    } else {
        Err(io::Error::other(format!(
            "the loop by hand does not do the same work:\n{}",
            apart.join("\n")
        )))
    }
}

fn summary(arguments: &Arguments, engine: &[Run], hand: &[Run]) -> io::Result<()> {
    let notes = arguments.notes;
    let speed = |runs: &[Run]| median(runs.iter().map(|it| per_second(notes, it.used.elapsed)));
    let cpu = |runs: &[Run]| median(runs.iter().map(|it| each(notes, it.used.cpu)));
    let memory = |runs: &[Run]| median(runs.iter().map(|it| it.used.memory));
    let vendors = median(engine.iter().map(|it| each(notes, it.vendors)));
    let (Some(first), Some(by_hand)) = (engine.first(), hand.first()) else {
        return Err(io::Error::other("nothing was run"));
    };
    let hundredths = |a: u64, b: u64| {
        let share = a * 100 / b.max(1);
        format!("{}.{:02}", share / 100, share % 100)
    };
    say(format_args!(
        "SUMMARY part=cost notes={notes} runs={} documents_a_second={} by_hand={} speed_ratio={} \
         cpu_us_a_document={} by_hand={} cpu_ratio={} peak_kib={} by_hand={} memory_ratio={} \
         vendors_cpu_us_a_document={vendors} calls={} by_hand={} rows={} by_hand={} row_bytes={} \
         by_hand={} flushes={} by_hand={} written_bytes={} by_hand={}",
        engine.len(),
        speed(engine),
        speed(hand),
        hundredths(speed(engine), speed(hand)),
        cpu(engine),
        cpu(hand),
        hundredths(cpu(engine), cpu(hand)),
        memory(engine),
        memory(hand),
        hundredths(memory(engine), memory(hand)),
        first.traffic.reading + first.traffic.writing,
        by_hand.traffic.reading + by_hand.traffic.writing,
        first.store.rows,
        by_hand.store.rows,
        first.store.bytes,
        by_hand.store.bytes,
        first.store.flushes,
        by_hand.store.flushes,
        first.used.written,
        by_hand.used.written,
    ))
}

/// The engine once, under another program.
fn profile(notes: usize, under: &str) -> io::Result<()> {
    let programs = programs(notes, |_| {});
    let engine = programs.engine(SYNC);
    let mut words = under.split_whitespace();
    let mut command = Command::new(words.next().unwrap_or("env"));
    command
        .args(words)
        .arg(engine.get_program())
        .args(engine.get_args())
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    for (name, value) in engine.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let (used, _) = watch::run(command)?;
    let lines = all_arrived(&programs)?;
    say(format_args!(
        "SUMMARY part=profile notes={notes} lines={lines} elapsed_ms={} cpu_ms={}",
        used.elapsed.as_millis(),
        used.cpu.as_millis()
    ))
}

pub(crate) fn per_second(notes: usize, elapsed: Duration) -> u64 {
    let micros = elapsed.as_micros().max(1);
    u64::try_from(notes as u128 * 1_000_000 / micros).unwrap_or(u64::MAX)
}

pub(crate) fn each(notes: usize, time: Duration) -> u64 {
    u64::try_from(time.as_micros() / (notes as u128).max(1)).unwrap_or(u64::MAX)
}

pub(crate) fn median(values: impl Iterator<Item = u64>) -> u64 {
    let mut values: Vec<u64> = values.collect();
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0)
}
