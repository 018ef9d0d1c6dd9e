//! The long form: what a person may choose, and the order of the parts.

use std::{io, io::Write as _};

use clap::{Parser, ValueEnum};

use super::{
    Books, Lost, Moments, Power, Steps, Tally, backups, books, lost, moments, power, second, steps,
};

/// Kills the engine, cuts its power, restores its backups, and compares the books afterwards.
#[derive(Debug, Clone, Parser)]
pub struct Options {
    /// Parts to run; all of them unless said.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub parts: Vec<Part>,
    /// Deaths at random moments, and a third as many at random calls; of those over all rows of Omni, a tenth.
    #[arg(long, default_value_t = 300)]
    pub moments: u32,
    /// Documents of a run with deaths at random moments.
    #[arg(long, default_value_t = 500)]
    pub documents: usize,
    /// Documents of the run of which one answer is lost.
    #[arg(long, default_value_t = 5_000)]
    pub lost_documents: usize,
    /// Copies of the store that are started on; all of them unless said.
    #[arg(long)]
    pub copies: Option<usize>,
    /// Seed of all that is drawn.
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// Cases at once.
    #[arg(long, default_value_t = 3)]
    pub at_once: usize,
}

/// A part of the campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// SIGKILL at every named step.
    Steps,
    /// SIGKILL at random moments.
    Moments,
    /// A power cut after each flush.
    Power,
    /// Old backups.
    Backups,
    /// Second engines on one store.
    Second,
    /// One lost answer.
    Lost,
    /// All rows of Omni: SIGKILL at each step of each of their routes, and at random moments.
    Books,
}

impl Part {
    fn run(self, options: &Options, say: &(dyn Fn(&str) + Sync)) -> Tally {
        let at_once = options.at_once;
        let cuts = Power {
            omni: 24,
            others: 12,
            batch: 10,
            sample: options.copies,
            seed: options.seed,
            at_once: at_once.min(2),
        };
        match self {
            Self::Steps => steps(Steps { all: true, at_once }, say),
            Self::Moments => moments(
                Moments {
                    over_time: options.moments,
                    at_calls: options.moments / 3,
                    documents: options.documents,
                    batch: 10,
                    latency: 200,
                    seed: options.seed,
                    at_once,
                },
                say,
            ),
            Self::Power => power(cuts, say),
            Self::Backups => backups(cuts, say),
            Self::Second => second(20, say),
            Self::Books => books(
                Books {
                    all: true,
                    moments: options.moments / 10,
                    seed: options.seed,
                    at_once,
                },
                say,
            ),
            Self::Lost => lost(
                Lost {
                    documents: options.lost_documents,
                    skip: 20,
                    at_once: at_once.min(2),
                },
                say,
            ),
        }
    }

    fn name(self) -> String {
        self.to_possible_value()
            .map(|it| it.get_name().to_owned())
            .unwrap_or_default()
    }
}

/// Runs the parts one after the other; fails when anything is wrong.
pub fn run(options: &Options) -> io::Result<()> {
    let parts = match options.parts.is_empty() {
        true => Part::value_variants().to_vec(),
        false => options.parts.clone(),
    };
    let mut whole = Tally::default();
    for part in parts {
        let name = part.name();
        let say = |text: &str| {
            // Progress that nobody can read is no reason to end.
            let _ = writeln!(io::stderr(), "{name}: {text}");
        };
        let tally = part.run(options, &say);
        for fault in &tally.faults {
            say(fault);
        }
        say(&tally.to_string());
        whole.absorb(&name, tally);
    }
    let faults = whole.faults.len();
    writeln!(io::stdout(), "SUMMARY campaign=crash {whole}")?;
    match faults {
        0 => Ok(()),
        count => Err(io::Error::other(format!("{count} faults"))),
    }
}
