//! What a run costs with all limits off: the stand-in vendors in a process of their own on loopback, the
//! engine as its real program, plugins as libraries, the store on disk.
//!
//! `cargo run --release -p scenarios --bin bench -- --notes 20000`

use std::{
    io::{self, Write},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use clap::Parser;
use scenarios::processes::{Programs, finish, set};
use serde_json::Value;

/// Credit notes through the whole engine, and what they cost.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many.
    #[arg(long, default_value_t = 20_000)]
    notes: usize,
    /// Lines of each, on average.
    #[arg(long, default_value_t = 4)]
    lines: i64,
    /// A program that runs the engine, such as a profiler with its arguments; what is measured then is
    /// that program.
    #[arg(long)]
    under: Option<String>,
}

/// What one process used.
#[derive(Debug, Default, Clone, Copy)]
struct Used {
    elapsed: Duration,
    /// User and system time.
    cpu: Duration,
    /// Most memory at once, in KiB.
    memory: u64,
}

fn main() -> io::Result<()> {
    let arguments = Arguments::parse();
    let programs = Programs::start(arguments.notes, |plan| {
        plan.vendors = ["--no-limits", "--keep-calls", "0"]
            .map(str::to_owned)
            .to_vec();
        // One to twice the average, evenly.
        set(
            &mut plan.seed,
            "omni/accounts/0/generate/lines",
            arguments.lines * 2 - 1,
        );
        for connection in ["omni-au", "xero-au"] {
            for limit in ["second", "minute", "day"] {
                let path = format!("connections/{connection}/budget/account/{limit}");
                set(&mut plan.deployment, &path, 1_000_000_000);
            }
            let path = format!("connections/{connection}/call-timeout");
            set(&mut plan.deployment, &path, "60s");
        }
    });
    let under = arguments.under.as_deref();
    let (first, report) = run(&programs, under)?;
    let mut books = programs.books();
    // Among so many made-up notes some differ by more cents than the route lets pass, and are held: they
    // are told below. None is required to arrive, but what did is there once and right.
    for source in &mut books.sources {
        source.clean = false;
    }
    let faults = books.faults();
    if !faults.is_empty() {
        return Err(io::Error::other(faults.join("\n")));
    }
    let (second, idle) = run(&programs, None)?;
    let (third, _) = run(&programs, None)?;

    let notes = arguments.notes as u128;
    let lines: usize = books.xero.iter().map(|it| it.lines).sum();
    let calls = |report: &Value, kind: &str| {
        let calls = report["calls"].as_object().into_iter().flatten();
        calls.filter_map(|(_, it)| it[kind].as_u64()).sum::<u64>()
    };
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "credit notes            {} in Xero, {} lines",
        books.xero.len(),
        lines
    )?;
    for group in programs.run(["status", "--json"]).json()["groups"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let group = &group["group"];
        writeln!(
            out,
            "stopped                 {} {}: {}",
            group["tally"]["count"], group["route"], group["problem"]["cause"]
        )?;
    }
    writeln!(out, "first run               {}", told(first))?;
    writeln!(
        out,
        "calls                   {} reading, {} writing",
        calls(&report, "reading"),
        calls(&report, "writing")
    )?;
    writeln!(
        out,
        "second run (own marks)  {}, {} calls",
        told(second),
        calls(&idle, "reading") + calls(&idle, "writing")
    )?;
    writeln!(out, "third run (idle)        {}", told(third))?;
    let store = bytes(&programs.config().join("state/store"))?;
    writeln!(out, "store                   {} KiB", store / 1024)?;
    writeln!(
        out,
        "SUMMARY notes={notes} documents_a_second={} cpu_us_a_document={} peak_kib={} calls={} \
         store_bytes_a_document={}",
        notes * 1000 / first.elapsed.as_millis().max(1),
        first.cpu.as_micros() / notes.max(1),
        first.memory,
        calls(&report, "reading") + calls(&report, "writing"),
        u128::from(store) / notes.max(1)
    )
}

fn told(used: Used) -> String {
    let ms = |it: Duration| format!("{}.{:03} s", it.as_secs(), it.subsec_millis());
    format!(
        "{}, {} of CPU, {} KiB at most",
        ms(used.elapsed),
        ms(used.cpu),
        used.memory
    )
}

/// One `sync` as a process, watched from outside.
fn run(programs: &Programs, under: Option<&str>) -> io::Result<(Used, Value)> {
    let engine = programs.engine(["sync", "--confirm", "--json"]);
    let mut command = match under {
        None => engine,
        Some(words) => {
            let mut words = words.split_whitespace();
            let mut command = Command::new(words.next().unwrap_or("env"));
            command
                .args(words)
                .arg(engine.get_program())
                .args(engine.get_args());
            for (name, value) in engine.get_envs() {
                match value {
                    Some(value) => command.env(name, value),
                    None => command.env_remove(name),
                };
            }
            command
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped());
            command
        }
    };
    let began = Instant::now();
    let child = command.spawn()?;
    let process = Path::new("/proc").join(child.id().to_string());
    // Its answer is taken meanwhile, so that it does not wait for us.
    let reader = std::thread::spawn(move || finish(child));
    let mut used = Used::default();
    while !reader.is_finished() {
        if let Some(memory) = peak(&process) {
            used.memory = used.memory.max(memory);
        }
        if let Some(cpu) = cpu(&process) {
            used.cpu = cpu;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    used.elapsed = began.elapsed();
    let ended = reader
        .join()
        .map_err(|_| io::Error::other("the engine could not be waited for"))?;
    if ended.code != Some(0) {
        return Err(io::Error::other(format!("{ended:#?}")));
    }
    Ok((used, ended.json()))
}

/// Most memory that a process had at once, in KiB.
fn peak(process: &Path) -> Option<u64> {
    let text = std::fs::read_to_string(process.join("status")).ok()?;
    let line = text.lines().find_map(|it| it.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// User and system time of a process. The kernel counts in hundredths of a second.
fn cpu(process: &Path) -> Option<Duration> {
    let text = std::fs::read_to_string(process.join("stat")).ok()?;
    // The name before may hold blanks; the fields after it are counted from its end.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 10))
}

fn bytes(folder: &Path) -> io::Result<u64> {
    let mut sum = 0;
    for file in std::fs::read_dir(folder)? {
        let file = file?;
        let kind = file.metadata()?;
        sum += if kind.is_dir() {
            bytes(&file.path())?
        } else {
            kind.len()
        };
    }
    Ok(sum)
}
