//! `memory`: the most memory that the engine has at once over a long first run.

use std::io;

use crate::{
    cost::{each, per_second},
    ground::{Traffic, all_arrived, programs},
    say, watch,
};

/// How long.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How many credit notes.
    #[arg(long, default_value_t = 200_000)]
    notes: usize,
}

/// Runs the part.
pub(crate) fn run(arguments: &Arguments) -> io::Result<()> {
    let notes = arguments.notes;
    let programs = programs(notes, |_| {});
    let (used, _) = watch::run(programs.engine(["sync", "--confirm", "--json"]))?;
    let vendors = watch::peak_of(programs.vendors_id());
    let traffic = Traffic::of(&programs);
    all_arrived(&programs)?;
    say(format_args!(
        "SUMMARY part=memory notes={notes} peak_kib={} vendors_kib={vendors} elapsed_ms={} \
         documents_a_second={} cpu_us_a_document={} calls={}",
        used.memory,
        used.elapsed.as_millis(),
        per_second(notes, used.elapsed),
        each(notes, used.cpu),
        traffic.reading + traffic.writing,
    ))
}
