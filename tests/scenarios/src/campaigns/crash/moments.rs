//! SIGKILL at moments that nobody chose, over runs of three sources with several calls in flight.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{
    ground::{Ground, begun, bring_to_its_end, rerun, sources},
    phase::{Phase, left},
    tally::{Tally, all_at_once, with},
};
use crate::processes::{Programs, finish};

/// How often a death is tried, each time earlier.
const TRIES: u32 = 3;

/// How much of it is done.
#[derive(Debug, Clone, Copy)]
pub struct Moments {
    /// How many deaths.
    pub count: u32,
    /// Documents of a run: three fifths in Omni, the rest in the other two.
    pub documents: usize,
    /// Documents of one call.
    pub batch: i64,
    /// How long Xero takes to answer, in milliseconds; the sources take a quarter of it.
    pub latency: i64,
    /// Of what is drawn.
    pub seed: u64,
    /// Cases at once.
    pub at_once: usize,
}

/// Kills the engine at random moments.
pub fn moments(how: Moments, say: &(dyn Fn(&str) + Sync)) -> Tally {
    let ground = Ground {
        omni: how.documents * 3 / 5,
        others: how.documents / 5,
        batch: how.batch,
        latency: Some((how.latency, how.latency / 4)),
        steps: false,
        eager: false,
    };
    let wanted = ground.undisturbed();
    // As long as a run takes while as many others are under way.
    let calibration = all_at_once(vec![(); how.at_once], how.at_once, say, |(), tally| {
        let programs = ground.start();
        let began = Instant::now();
        bring_to_its_end(&programs);
        let took = usize::try_from(began.elapsed().as_millis()).unwrap_or(usize::MAX);
        with(tally, |it| it.add("took", took));
    });
    let whole = Duration::from_millis(calibration.get("took") / how.at_once.max(1) as u64);
    say(&format!("a run takes {whole:?}"));
    let streams = sources(&ground.start());
    let mut tally = all_at_once(
        drawn(how, whole),
        how.at_once,
        say,
        |(place, moment), tally| {
            // A run is shorter when the machine does less beside it than it did when the moment was drawn.
            let (mut moment, mut tries) = (moment, 1);
            let mut programs = ground.start();
            let mut killed = killed_after(moment, &programs);
            while !killed && tries < TRIES {
                moment /= 2;
                tries += 1;
                programs = ground.start();
                killed = killed_after(moment, &programs);
            }
            let name = format!("killed after {moment:?}");
            let found = left(&programs, &streams);
            let late = place % 2 == 1;
            if late {
                programs.tell("/_sandbox/clock", &json!({ "advance-seconds": 420 }));
            }
            let faults = rerun(&name, &programs, &wanted);
            with(tally, |it| {
                it.add("runs", 1);
                it.add("late", usize::from(late));
                it.faults.extend(faults);
                if !killed {
                    it.add("ended-before", 1);
                    return;
                }
                it.add("killed", 1);
                match found {
                    Err(why) => it.faults.push(format!("{name}: the store it left: {why}")),
                    Ok(left) => {
                        it.add(format!("in-{}", left.phase), 1);
                        it.most("calls-in-flight", left.calls);
                        it.add("calls-cut", left.calls);
                        it.add("unknown-documents", left.unknown);
                    }
                }
            });
        },
    );
    let (killed, runs) = (tally.get("killed"), tally.get("runs"));
    if killed * 5 < runs * 4 {
        let fault = format!("{killed} of {runs} were killed at work");
        tally.faults.push(fault);
    }
    if how.count >= 100 {
        for phase in Phase::ALL.into_iter().filter(|it| *it != Phase::Done) {
            if tally.get(&format!("in-{phase}")) == 0 {
                tally.faults.push(format!("no death while {phase}"));
            }
        }
    }
    tally
}

/// Starts the engine and kills it after so long. False when it had ended by itself.
fn killed_after(moment: Duration, programs: &Programs) -> bool {
    let mut child = begun(programs);
    std::thread::sleep(moment);
    let _ = child.kill();
    finish(child).signal == Some(9)
}

/// Moments over a whole run: one at a random place of each of as many equal parts.
fn drawn(how: Moments, whole: Duration) -> Vec<(u32, Duration)> {
    let mut chance = fastrand::Rng::with_seed(how.seed);
    let parts = how.count.max(1);
    let within = |chance: &mut fastrand::Rng| chance.u32(0..1_000);
    let mut moments: Vec<(u32, Duration)> = (0..how.count)
        .map(|place| {
            let at = whole / parts * place + whole / parts / 1_000 * within(&mut chance);
            (place, at)
        })
        .collect();
    chance.shuffle(&mut moments);
    moments
}
