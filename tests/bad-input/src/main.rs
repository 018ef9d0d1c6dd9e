//! `cargo run --release -p bad-input -- --help`: the doors without the fuzzer, for a person.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use bad_input::{TARGETS, Target, corpus, mutate::mutate, target};
use cap::Cap;
use clap::{Parser, Subcommand};
use fastrand::Rng;

#[global_allocator]
static MEMORY: Cap<std::alloc::System> = Cap::new(std::alloc::System, usize::MAX);

/// Longest input that is made.
const LONGEST: usize = 64 * 1024;

/// Puts bad input to every door of the engine.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Runs inputs as they are: files, or the checked-in corpus.
    Replay {
        /// Which door; all when it is not said.
        target: Option<String>,
        /// Files; the corpus when there are none.
        files: Vec<PathBuf>,
    },
    /// Changes good input for a time and runs what comes of it.
    Mutate {
        /// Which door; all when it is not said.
        target: Option<String>,
        /// How long, for each door.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
        /// What the changes are drawn by.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Writes good input into FOLDER/TARGET, for the fuzzer to begin with.
    Seeds {
        /// The folder.
        folder: PathBuf,
    },
}

fn main() -> std::io::Result<()> {
    match Arguments::parse().what {
        What::Replay { target, files } => {
            let mut count = 0;
            for it in chosen(target.as_deref()) {
                for file in &files {
                    (it.run)(&std::fs::read(file)?);
                    count += 1;
                }
                if files.is_empty() {
                    for (_, data) in corpus(it.name) {
                        (it.run)(&data);
                        count += 1;
                    }
                }
            }
            say(format_args!(
                "SUMMARY campaign=bad-input replayed={count} faults=0"
            ));
        }
        What::Mutate {
            target,
            seconds,
            seed,
        } => {
            for it in chosen(target.as_deref()) {
                let (count, longest) = changed(it, Duration::from_secs(seconds), seed)?;
                say(format_args!(
                    "SUMMARY campaign=bad-input target={} seconds={seconds} inputs={count} \
                     slowest-ms={} peak-mb={} faults=0",
                    it.name,
                    longest.as_millis(),
                    MEMORY.max_allocated() >> 20,
                ));
            }
        }
        What::Seeds { folder } => {
            for it in &TARGETS {
                let folder = folder.join(it.name);
                std::fs::create_dir_all(&folder)?;
                for (number, data) in (it.seeds)().iter().enumerate() {
                    std::fs::write(folder.join(format!("seed-{number:03}")), data)?;
                }
            }
        }
    }
    Ok(())
}

fn chosen(name: Option<&str>) -> Vec<&'static Target> {
    match name {
        Some(name) => target(name).into_iter().collect(),
        None => TARGETS.iter().filter_map(|it| target(it.name)).collect(),
    }
}

/// The input that is under way lies in a file beside the program's folder, for whatever ends it.
fn changed(it: &Target, time: Duration, seed: u64) -> std::io::Result<(u64, Duration)> {
    let mut inputs = (it.seeds)();
    inputs.extend(corpus(it.name).into_iter().map(|it| it.1));
    let mut chance = Rng::with_seed(seed);
    let (begun, mut count, mut longest) = (Instant::now(), 0, Duration::ZERO);
    let at_work = std::env::temp_dir().join(format!("bad-input-{}", it.name));
    while begun.elapsed() < time {
        let mut data = inputs[chance.usize(..inputs.len())].clone();
        let other = &inputs[chance.usize(..inputs.len())];
        mutate(&mut data, other, it.words, LONGEST, &mut chance);
        std::fs::write(&at_work, &data)?;
        let one = Instant::now();
        (it.run)(&data);
        if one.elapsed() > longest {
            longest = one.elapsed();
            std::fs::copy(&at_work, at_work.with_extension("slowest"))?;
        }
        count += 1;
    }
    Ok((count, longest))
}

#[expect(clippy::print_stdout, reason = "a program for people")]
fn say(line: std::fmt::Arguments<'_>) {
    println!("{line}");
}
