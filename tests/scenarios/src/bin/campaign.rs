//! The long forms of the campaigns: `cargo run --release -p scenarios --bin campaign -- NAME --help`.
//! Each ends with one line of counts, and fails when anything is wrong.

use std::io;

use clap::{Parser, Subcommand};
use scenarios::campaigns::limits::{LimitsOptions, WaitingOptions, limits, waiting};
use scenarios::campaigns::{crash, faults, month, secrets};

/// Drives the engine hard and compares its books afterwards.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    campaign: Campaign,
}

/// Which one.
#[derive(Debug, Subcommand)]
enum Campaign {
    /// The engine dies at every step and at any moment, and is simply started again.
    Crash(crash::Options),
    /// Every fault that a vendor or the network can show, alone, in pairs and as a storm.
    Faults(faults::Options),
    /// As fast as the vendors allow, and never faster.
    Limits(LimitsOptions),
    /// A month of a company whose books are compared, account by account, with an independent ledger.
    Month(month::Options),
    /// A canary in every slot, and vendors that echo: nothing is found anywhere.
    Secrets(secrets::Options),
    /// Thousands of calls that wait for slow answers.
    Waiting(WaitingOptions),
}

fn main() -> io::Result<()> {
    match Arguments::parse().campaign {
        Campaign::Crash(options) => crash::run(&options),
        Campaign::Faults(options) => faults::run(&options),
        Campaign::Limits(options) => limits(&options),
        Campaign::Month(options) => month::run(&options),
        Campaign::Secrets(options) => secrets::run(&options),
        Campaign::Waiting(options) => waiting(&options),
    }
}
