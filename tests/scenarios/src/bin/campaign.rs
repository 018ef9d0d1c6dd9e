//! The long forms of the campaigns: `cargo run --release -p scenarios --bin campaign -- NAME --help`.
//! Each ends with one line of counts, and fails when anything is wrong.

use std::io;

use clap::{Parser, Subcommand};

/// Drives the engine hard and compares its books afterwards.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    campaign: Campaign,
}

/// Which one.
#[derive(Debug, Subcommand)]
enum Campaign {}

fn main() -> io::Result<()> {
    match Arguments::parse().campaign {}
}
