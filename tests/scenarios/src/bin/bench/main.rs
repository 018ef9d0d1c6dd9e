//! What a run costs with all limits off: the stand-in vendors in a process of their own on loopback, the
//! engine as its real program, plugins as libraries, the store on disk.
//!
//! ```sh
//! cargo run --release -p scenarios --bin bench -- cost              # against a loop written by hand
//! cargo run --release -p scenarios --bin bench -- latency           # 200 ms a call on both ends
//! cargo run --release -p scenarios --bin bench -- start             # from process start to the first call
//! cargo run --release -p scenarios --bin bench -- memory --notes 200000
//! cargo run --release -p scenarios --bin bench -- store             # a store of a million entries
//! ```
//!
//! Each part ends with one line `SUMMARY part=…`, and fails when a count is wrong: documents that did not
//! arrive once and right, or a loop that did other work than the engine. Times are told, never judged.
//! `LEDGERLINE_BUILT=FOLDER` measures the programs and plugins of a folder as they are, without building.
//!
//! # Profiles
//!
//! Functions have names and lines in a build of the profile `profiling`, which is otherwise `release`:
//!
//! ```sh
//! cargo build --profile profiling --workspace --bins --lib
//! B=target/profiling/bench
//! $B cost --notes 2000 --under "perf record -F 997 --call-graph dwarf,16384 -o perf.data"
//! perf report -i perf.data --no-children
//! ```
//!
//! Instructions, exact and the same every time, at some fifty times the run time:
//!
//! ```sh
//! $B cost --notes 300 --under "valgrind --tool=callgrind --callgrind-out-file=callgrind.out"
//! callgrind_annotate --inclusive=yes callgrind.out
//! ```
//!
//! Heap by call stack: `--under "valgrind --tool=massif --massif-out-file=massif.out"`, then `ms_print`.

mod cost;
mod ground;
mod hand;
mod latency;
mod memory;
mod shape;
mod start;
mod store;
mod watch;

use std::{
    fmt,
    io::{self, Write},
};

use clap::{Parser, Subcommand};

/// Measures the engine.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    part: Part,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// Documents a second, processor time and memory, beside a loop written by hand.
    Cost(cost::Arguments),
    /// The same with slow vendors.
    Latency(latency::Arguments),
    /// From the start of the process to its first call.
    Start(start::Arguments),
    /// Most memory over a long first run.
    Memory(memory::Arguments),
    /// A store of a million entries: opening, listing, an idle run.
    Store(store::Arguments),
    /// The loop written by hand; `cost` starts it.
    ByHand(hand::Arguments),
}

fn main() -> io::Result<()> {
    match Arguments::parse().part {
        Part::Cost(it) => cost::run(&it),
        Part::Latency(it) => latency::run(&it),
        Part::Start(it) => start::run(&it),
        Part::Memory(it) => memory::run(&it),
        Part::Store(it) => store::run(&it),
        Part::ByHand(it) => cost::hand_done(&hand::run(&it)?),
    }
}

/// Prints one line.
fn say(line: fmt::Arguments<'_>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
