//! All of it, one case after another, each on paused time of its own.

use std::{
    io::{self, Write},
    panic::{AssertUnwindSafe, catch_unwind},
};

use clap::Args;

use super::{
    books,
    drive::{drive, finish},
    ground::{Size, ground, without_limits},
    judge::{self, Undisturbed, counts},
    list::{Case, STAY, Target, alone, pairs, stays, storm},
};
use crate::Stage;

/// What a person may say.
#[derive(Debug, Args)]
pub struct Options {
    /// Documents of the storm.
    #[arg(long, default_value_t = 10_000)]
    pub documents: usize,
    /// Pairs that are drawn.
    #[arg(long, default_value_t = 400)]
    pub pairs: usize,
    /// Seed of pairs and storm.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Parts to run: alone, pairs, storm, stays, books. All unless said.
    #[arg(long, value_delimiter = ',')]
    pub parts: Vec<String>,
    /// Only cases whose names contain this.
    #[arg(long)]
    pub only: Option<String>,
}

/// What came of some cases.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    /// Cases.
    pub cases: u64,
    /// Cases that ended with other books, or otherwise wrong.
    pub wrong: Vec<String>,
    /// Documents that went.
    pub documents: u64,
    /// Calls that the vendors saw.
    pub calls: u64,
    /// Calls that met a fault.
    pub struck: u64,
    /// Cases in which a person was needed.
    pub helped: u64,
    /// Documents that were there twice.
    pub twice: u64,
}

impl Counts {
    pub(super) fn add(&mut self, other: Self) {
        self.cases += other.cases;
        self.wrong.extend(other.wrong);
        self.documents += other.documents;
        self.calls += other.calls;
        self.struck += other.struck;
        self.helped += other.helped;
        self.twice += other.twice;
    }
}

/// Runs the long form.
///
/// # Errors
///
/// When anything is wrong, or standard output cannot be written to.
pub fn run(options: &Options) -> io::Result<()> {
    let wanted = |part: &str| options.parts.is_empty() || options.parts.iter().any(|it| it == part);
    let meant = |case: &Case| {
        let only = options.only.as_ref();
        only.is_none_or(|it| case.name.contains(it.as_str()))
    };
    let mut all = Counts::default();
    let mut parts = Vec::new();
    let mut tell = |name: &str, counts: Counts| {
        parts.push(format!("{name}={}", counts.cases));
        all.add(counts);
    };
    let base = ["alone", "pairs", "stays"]
        .iter()
        .any(|it| wanted(it))
        .then(|| on_paused_time(undisturbed(Size::SMALL)));
    if let Some(base) = base.as_ref().filter(|_| wanted("alone")) {
        let cases: Vec<Case> = alone(base).into_iter().filter(meant).collect();
        tell("alone", each(&cases, base)?);
    }
    if let Some(base) = base.as_ref().filter(|_| wanted("pairs")) {
        let cases: Vec<Case> = pairs(base, options.seed, options.pairs)
            .into_iter()
            .filter(meant)
            .collect();
        tell("pairs", each(&cases, base)?);
    }
    if let Some(base) = base.as_ref().filter(|_| wanted("stays")) {
        let mut counts = Counts::default();
        for (case, _) in stays().into_iter().filter(|it| meant(&it.0)) {
            let one = guarded(&case.name, || on_paused_time(stay(&case, base)));
            report(&case.name, &one)?;
            counts.add(one);
        }
        tell("stays", counts);
    }
    if wanted("books") {
        tell("books", books::cases_of(meant)?);
    }
    if wanted("storm") {
        tell("storm", storm_of(options.documents, options.seed));
    }
    let Counts {
        cases,
        wrong,
        documents,
        calls,
        struck,
        helped,
        twice,
    } = all;
    for it in &wrong {
        line(&format!("WRONG {it}"))?;
    }
    line(&format!(
        "SUMMARY campaign=faults cases={cases} {} documents={documents} calls={calls} struck={struck} \
         person-needed={helped} sent-twice={twice} wrong={}",
        parts.join(" "),
        wrong.len()
    ))?;
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(io::Error::other(format!("{} findings", wrong.len()))),
    }
}

/// Some of the single faults: every `step`-th from `first` on.
pub fn alone_of(first: usize, step: usize) -> Counts {
    let base = on_paused_time(undisturbed(Size::SMALL));
    let cases: Vec<Case> = alone(&base).into_iter().skip(first).step_by(step).collect();
    each(&cases, &base).expect("standard output")
}

/// So many pairs.
pub fn pairs_of(seed: u64, count: usize) -> Counts {
    let base = on_paused_time(undisturbed(Size::SMALL));
    each(&pairs(&base, seed, count), &base).expect("standard output")
}

/// The single fault of this name.
pub fn alone_named(name: &str) -> Counts {
    let base = on_paused_time(undisturbed(Size::SMALL));
    let mut cases = alone(&base);
    cases.retain(|it| it.name == name);
    each(&cases, &base).expect("standard output")
}

/// The fault of this name that stays.
pub fn stays_named(name: &str) -> Counts {
    let base = on_paused_time(undisturbed(Size::SMALL));
    let mut counts = Counts::default();
    for (case, _) in stays().into_iter().filter(|it| it.0.name == name) {
        counts.add(guarded(&case.name, || on_paused_time(stay(&case, &base))));
    }
    counts
}

/// One storm over about so many documents.
pub fn storm_of(documents: usize, seed: u64) -> Counts {
    let size = Size::of(documents);
    let base = on_paused_time(undisturbed(size));
    let case = storm(seed);
    let counts = guarded("storm", || on_paused_time(one(&case, &base, size)));
    let _ = report("storm", &counts);
    counts
}

fn each(cases: &[Case], base: &Undisturbed) -> io::Result<Counts> {
    let mut counts = Counts::default();
    for case in cases {
        let one = guarded(&case.name, || on_paused_time(one(case, base, Size::SMALL)));
        report(&case.name, &one)?;
        counts.add(one);
    }
    Ok(counts)
}

async fn undisturbed(size: Size) -> Undisturbed {
    let stage = stage(size).await;
    finish(&stage).await;
    Undisturbed::of(&stage).await
}

async fn stage(size: Size) -> Stage {
    let stage = ground(size).await;
    stage.world.clear_calls();
    if size.documents() >= 1_000 {
        stage.world.keep_calls(1_000_000);
        without_limits(&stage.world);
    }
    stage
}

/// One case from an empty store to its end.
async fn one(case: &Case, base: &Undisturbed, size: Size) -> Counts {
    let stage = stage(size).await;
    stage.world.set_faults(case.rules.clone());
    let driven = drive(&stage, case, &base.states).await;
    stage.world.set_faults(Vec::new());
    let mut counts = end(&stage, case, base, driven.faults).await;
    counts.helped = u64::from(!driven.helped.is_empty());
    let most = 3 * base.all_calls() + 40 * u64::from(driven.runs);
    if counts.calls > most {
        let calls = counts.calls;
        counts
            .wrong
            .push(format!("{}: {calls} calls, at most {most}", case.name));
    }
    counts
}

/// One fault that stays while the service runs.
async fn stay(case: &Case, base: &Undisturbed) -> Counts {
    let stage = stage(Size::SMALL).await;
    // The first run is confirmed; whatever it meets, it comes to an end.
    stage.world.set_faults(case.rules.clone());
    stage.sync().await;
    let struck = {
        let service = stage.engine.run();
        tokio::pin!(service);
        let _ = tokio::time::timeout(STAY, &mut service).await;
        let struck = struck(&stage);
        stage.world.set_faults(Vec::new());
        let _ = tokio::time::timeout(2 * STAY, &mut service).await;
        // One run at a time: the service ends when it is between two.
        tokio::select! {
            biased;
            _ = stage.next() => {}
            _ = &mut service => {}
        }
        struck
    };
    let mut faults = Vec::new();
    // Each five minutes a call or two of each list; and of what is written five calls, each with its repeats.
    let writes = case.name.contains("writes");
    let most = if writes { 700 } else { 500 };
    if struck > most {
        faults.push(format!(
            "{struck} calls went into a fault that stayed, at most {most}"
        ));
    }
    end(&stage, case, base, faults).await
}

pub(super) fn struck(stage: &Stage) -> u64 {
    stage
        .world
        .calls()
        .iter()
        .filter(|it| it.fault.is_some())
        .count() as u64
}

async fn end(stage: &Stage, case: &Case, base: &Undisturbed, faults: Vec<String>) -> Counts {
    let mut faults = faults;
    faults.extend(judge::faults(stage, base).await);
    let (calls, struck) = (stage.world.calls().len() as u64, struck(stage));
    // What is settled stays settled.
    stage.world.clear_calls();
    stage.next().await;
    let writes: u32 = counts(&stage.world)
        .into_iter()
        .filter(|(target, _)| {
            matches!(
                target,
                Target::XeroWrites | Target::OmniWrites | Target::ZudelloWrites
            )
        })
        .map(|(_, count)| count)
        .sum();
    if writes > 0 {
        faults.push(format!("{writes} writing calls when all was settled"));
    }
    Counts {
        cases: 1,
        documents: stage.xero_notes().len() as u64,
        calls,
        struck,
        helped: 0,
        twice: stage.world.duplicates().len() as u64,
        wrong: faults
            .into_iter()
            .map(|it| format!("{}: {it}", case.name))
            .collect(),
    }
}

/// A case that breaks off is wrong like any other.
pub(super) fn guarded(name: &str, work: impl FnOnce() -> Counts) -> Counts {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Counts {
        cases: 1,
        wrong: vec![format!("{name}: it broke off")],
        ..Counts::default()
    })
}

pub(super) fn report(name: &str, counts: &Counts) -> io::Result<()> {
    let how = match counts.wrong.is_empty() {
        true => "ok",
        false => "WRONG",
    };
    let Counts { calls, struck, .. } = counts;
    line(&format!("{how} {name}: {calls} calls, {struck} struck"))?;
    for it in &counts.wrong {
        line(&format!("  {it}"))?;
    }
    Ok(())
}

fn line(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

pub(super) fn on_paused_time<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime")
        .block_on(work)
}
