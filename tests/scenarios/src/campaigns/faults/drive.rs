//! Brings a struck engine to its end: runs as the schedule makes them, and what a person does when
//! nothing else helps.

use std::time::Duration;

use jiff::SignedDuration;
use ledgerline::{
    operate::{SyncReport, SyncRequest},
    pipeline::Silent,
};

use super::{
    judge::{States, states},
    list::{Case, Jump, Person},
    person,
};
use crate::Stage;

/// Runs after which something is wrong.
const MOST_RUNS: u32 = 400;
/// Runs without any change after which it is looked whether a person is asked.
const PATIENCE: u32 = 3;

/// How a run came to its end.
#[derive(Debug, Default)]
pub(super) struct Driven {
    /// Runs that it took.
    pub(super) runs: u32,
    /// What a person was asked, and did.
    pub(super) helped: Vec<String>,
    /// What went wrong on the way.
    pub(super) faults: Vec<String>,
}

/// Runs until every entry stands where it should.
pub(super) async fn drive(stage: &Stage, case: &Case, wanted: &States) -> Driven {
    let mut driven = Driven::default();
    let mut jumps: Vec<Jump> = case.jumps.clone();
    jumps.sort_by_key(|it| it.calls);
    jumps.reverse();
    let mut before: Option<(States, Vec<String>)> = None;
    let mut still = 0;
    while driven.runs < MOST_RUNS {
        driven.runs += 1;
        let report = run(stage, &mut jumps).await;
        let now = states(stage).await;
        if report.parked.is_empty() && !report.unfinished && now == *wanted && jumps.is_empty() {
            return driven;
        }
        let parked: Vec<String> = report.parked.keys().cloned().collect();
        let signs = Some((now, parked));
        still = if signs == before { still + 1 } else { 0 };
        before = signs;
        // A jump for which there were too few calls.
        if let Some(it) = jumps.pop_if(|_| still > 0) {
            jump(stage, it);
        }
        if still >= PATIENCE {
            let asked = person::asked(stage).await;
            if !asked.is_empty() {
                for it in asked {
                    if let Err(why) = help(stage, case, &it).await {
                        driven.faults.push(why);
                        return driven;
                    }
                    driven.helped.push(it.why().to_owned());
                }
                still = 0;
            }
        }
        stage.pass(pause(&report, still)).await;
    }
    driven
        .faults
        .push(format!("no end after {MOST_RUNS} runs: {before:?}"));
    driven
}

/// Runs that nothing disturbs, until one has nothing left to do.
pub(super) async fn finish(stage: &Stage) {
    for _ in 0..MOST_RUNS {
        let report = run(stage, &mut Vec::new()).await;
        assert!(report.parked.is_empty(), "{:?}", report.parked);
        let more = report.routes.values().any(|it| it.more);
        if !report.unfinished && !more {
            return;
        }
        stage.pass(pause(&report, 0)).await;
    }
    panic!("no end after {MOST_RUNS} undisturbed runs");
}

/// As the schedule does it: every five minutes, and after a minute when something was left. Time goes by
/// faster when nothing happens, but not past the half hour in which a lost renewal of tokens can be repeated.
fn pause(report: &SyncReport, still: u32) -> Duration {
    Duration::from_secs(match (still, report.unfinished) {
        (6.., _) => 1_500,
        (_, true) => 60,
        (_, false) => 300,
    })
}

async fn help(stage: &Stage, case: &Case, asked: &person::Asked) -> Result<(), String> {
    let fits = match case.person {
        Person::Nobody => false,
        Person::Connects => matches!(asked, person::Asked::Connect { .. }),
        Person::Mends => true,
    };
    if !fits {
        return Err(format!("a person was asked: {asked:?}"));
    }
    if case.person == Person::Mends {
        stage.world.set_faults(Vec::new());
    }
    person::help(stage, asked).await
}

async fn run(stage: &Stage, jumps: &mut Vec<Jump>) -> SyncReport {
    let request = SyncRequest {
        confirm: true,
        ..SyncRequest::default()
    };
    let sync = stage.engine.sync(&request, false, &Silent);
    tokio::pin!(sync);
    loop {
        tokio::select! {
            biased;
            done = &mut sync => return done.expect("a sound store"),
            () = tokio::time::sleep(Duration::from_millis(10)), if !jumps.is_empty() => {
                let counts = stage.world.counts();
                let made: u64 = counts.values().flat_map(|it| it.values()).sum();
                if let Some(it) = jumps.pop_if(|it| it.calls <= made) {
                    jump(stage, it);
                }
            }
        }
    }
}

fn jump(stage: &Stage, jump: Jump) {
    if jump.slept {
        stage
            .world
            .advance(Duration::from_secs(jump.seconds.unsigned_abs()));
    }
    stage
        .clock
        .set_machine(SignedDuration::from_secs(jump.seconds));
}
