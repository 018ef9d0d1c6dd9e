//! The campaign as a whole, with its counts.

use std::{collections::BTreeSet, io};

use super::{
    acts::{self, Size},
    canaries,
    ground::Ground,
    search::Needles,
};
use crate::repository;

/// How much is done.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Credit notes in Omni; half as many in each of the other sources.
    #[arg(long, default_value_t = 60)]
    pub notes: usize,
    /// Echoes that each kind of call meets.
    #[arg(long, default_value_t = 13)]
    pub echoes: usize,
    /// Synchronisations while everything is echoed.
    #[arg(long, default_value_t = 26)]
    pub syncs: usize,
    /// Ways in which token endpoints echo, each tried while connecting and while renewing.
    #[arg(long, default_value_t = 5)]
    pub grants: usize,
}

impl Options {
    /// For every day.
    pub fn short() -> Self {
        Self {
            notes: 2,
            echoes: 13,
            syncs: 1,
            grants: 1,
        }
    }
}

/// What was found.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Secrets that were looked for.
    pub secrets: usize,
    /// Calls that were echoed.
    pub echoed: usize,
    /// Commands that were run.
    pub commands: usize,
    /// Files and outputs that were looked through.
    pub places: usize,
    /// Bytes that plugins were given.
    pub given: u64,
    /// Secrets in places where they do not belong.
    pub found: Vec<String>,
    /// Acts that went otherwise than they should, and what the search cannot have seen.
    pub wrong: Vec<String>,
}

/// Plays everything and searches everything.
///
/// # Errors
///
/// What the system refused.
pub fn play(options: &Options, say: &dyn Fn(&str)) -> io::Result<Outcome> {
    let mut wrong = canaries::missing(&repository().join("plugins"));
    let mut ground = Ground::new(options.notes)?;
    let size = Size {
        echoes: options.echoes,
        syncs: options.syncs,
        grants: options.grants,
    };
    wrong.extend(acts::all(&mut ground, &size, say)?);
    let duplicates = ground.programs.books().duplicates;
    wrong.extend(duplicates.iter().map(|it| format!("sent twice: {it}")));
    say("looking through everything");
    let secrets = ground.secrets();
    let named = || {
        secrets
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_slice()))
    };
    let needles = Needles::new(named());
    // What is not on the wire cannot be found elsewhere: each slot must have been used, and the search
    // must find it where it is known to be.
    let wire = needles.find(&ground.mirror.wire());
    for name in named().map(|(name, _)| name).collect::<BTreeSet<_>>() {
        let local = name.starts_with("proxy")
            || ["the key file", "a secret in the configuration"].contains(&name);
        if !local && !wire.iter().any(|it| it.starts_with(name)) {
            wrong.push(format!("{name} was never used"));
        }
    }
    let kinds: BTreeSet<&str> = named().map(|(name, _)| name).collect();
    for name in [
        "access_token",
        "refresh_token",
        "code",
        "code_verifier",
        "the key file",
    ] {
        if !kinds.contains(name) {
            wrong.push(format!("no {name} was seen"));
        }
    }
    let (places, found) = ground.search(&needles);
    let given = ground.given();
    if given < 10_000 {
        wrong.push(format!("plugins were given {given} bytes only"));
    }
    let echoed = ground.mirror.echoed();
    for (kind, count) in &echoed {
        say(&format!("{kind}: {count} echoed"));
    }
    Ok(Outcome {
        secrets: secrets.len(),
        echoed: echoed.values().sum(),
        commands: ground.commands(),
        places,
        given,
        found,
        wrong,
    })
}

/// The long form.
///
/// # Errors
///
/// When a secret was found, or something went wrong on the way.
pub fn run(options: &Options) -> io::Result<()> {
    let outcome = play(options, &|it| tell(it))?;
    for it in outcome.wrong.iter().chain(&outcome.found) {
        tell(it);
    }
    let Outcome {
        secrets,
        echoed,
        commands,
        places,
        given,
        found,
        wrong,
    } = &outcome;
    tell(&format!(
        "SUMMARY campaign=secrets secrets={secrets} echoed={echoed} commands={commands} places={places} \
         given-to-plugins={given} found={} wrong={}",
        found.len(),
        wrong.len()
    ));
    match outcome.found.is_empty() && outcome.wrong.is_empty() {
        true => Ok(()),
        false => Err(io::Error::other(
            "secrets are where they do not belong, or the campaign did not do its work",
        )),
    }
}

#[expect(clippy::print_stdout, reason = "a program for people")]
fn tell(line: &str) {
    println!("{line}");
}
