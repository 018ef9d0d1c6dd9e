//! SIGKILL at moments that nobody chose, over runs of three sources with several calls in flight: some so
//! long after the start, some while a drawn call is being answered, however fast the machine is.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{
    ground::{Ground, begun, bring_to_its_end, killed_at_call, rerun, sources, writing_calls},
    phase::{Phase, left},
    tally::{Tally, all_at_once, with},
};
use crate::processes::{Programs, finish};

/// How much of it is done.
#[derive(Debug, Clone, Copy)]
pub struct Moments {
    /// How many deaths so long after the start.
    pub over_time: u32,
    /// How many deaths while a writing call is being answered.
    pub at_calls: u32,
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

/// When the engine dies.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// So long after its start.
    After(Duration),
    /// While the writing call is being answered before which so many came.
    AtCall(u64),
}

impl Moment {
    /// Half as far into a run; `None` when that is its start already.
    fn earlier(self) -> Option<Self> {
        match self {
            Self::After(Duration::ZERO) | Self::AtCall(0) => None,
            // In whole milliseconds, so that it comes to nothing.
            Self::After(it) => {
                let half = u64::try_from(it.as_millis() / 2).unwrap_or(u64::MAX);
                Some(Self::After(Duration::from_millis(half)))
            }
            Self::AtCall(it) => Some(Self::AtCall(it / 2)),
        }
    }

    /// Starts the engine and kills it. False when it had ended by itself.
    fn kill(self, programs: &Programs) -> bool {
        match self {
            Self::AtCall(before) => killed_at_call(before, programs).signal == Some(9),
            Self::After(moment) => {
                let mut child = begun(programs);
                std::thread::sleep(moment);
                let _ = child.kill();
                finish(child).signal == Some(9)
            }
        }
    }
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
        let calls = usize::try_from(writing_calls(&programs)).unwrap_or(usize::MAX);
        with(tally, |it| it.most("calls", calls));
    });
    let whole = Duration::from_millis(calibration.get("took") / how.at_once.max(1) as u64);
    let calls = calibration.get("calls");
    say(&format!("a run takes {whole:?} and {calls} writing calls"));
    let streams = sources(&ground.start());
    let mut tally = all_at_once(
        drawn(how, whole, calls),
        how.at_once,
        say,
        |(place, moment), tally| {
            // A run is shorter when the machine does less beside it than it did when the moment was drawn.
            let (mut moment, mut programs) = (moment, ground.start());
            let mut killed = moment.kill(&programs);
            while !killed && let Some(earlier) = moment.earlier() {
                (moment, programs) = (earlier, ground.start());
                killed = moment.kill(&programs);
            }
            let name = format!("killed {moment:?}");
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
                    it.faults.push(format!("{name}: it ended before"));
                    return;
                }
                it.add("killed", 1);
                match found {
                    Err(why) => it.faults.push(format!("{name}: the store it left: {why}")),
                    Ok(left) => {
                        if matches!(moment, Moment::AtCall(_)) && left.calls == 0 {
                            it.faults
                                .push(format!("{name}: its store knows of no call under way"));
                        }
                        it.add(format!("in-{}", left.phase), 1);
                        it.most("calls-in-flight", left.calls);
                        it.add("calls-cut", left.calls);
                        it.add("unknown-documents", left.unknown);
                    }
                }
            });
        },
    );
    if how.over_time >= 100 {
        for phase in Phase::ALL.into_iter().filter(|it| *it != Phase::Done) {
            if tally.get(&format!("in-{phase}")) == 0 {
                tally.faults.push(format!("no death while {phase}"));
            }
        }
    }
    tally
}

/// Moments over a whole run: one at a random place of each of as many equal parts, of its time and of its
/// writing calls.
fn drawn(how: Moments, whole: Duration, calls: u64) -> Vec<(u32, Moment)> {
    let mut chance = fastrand::Rng::with_seed(how.seed);
    let parts = how.over_time.max(1);
    let over_time: Vec<Moment> = (0..how.over_time)
        .map(|place| {
            let within = chance.u32(0..1_000);
            Moment::After(whole / parts * place + whole / parts / 1_000 * within)
        })
        .collect();
    let parts = u64::from(how.at_calls.max(1));
    let at_calls = (0..u64::from(how.at_calls)).map(|place| {
        let (from, to) = (calls * place / parts, calls * (place + 1) / parts);
        Moment::AtCall(chance.u64(from..to.max(from + 1)))
    });
    let at_calls: Vec<Moment> = at_calls.collect();
    let all = over_time.into_iter().chain(at_calls);
    let mut moments: Vec<(u32, Moment)> = (0..).zip(all).collect();
    chance.shuffle(&mut moments);
    moments
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOW: Moments = Moments {
        over_time: 4,
        at_calls: 3,
        documents: 50,
        batch: 5,
        latency: 100,
        seed: 7,
        at_once: 1,
    };

    #[test]
    fn each_third_of_the_calls_has_a_death() {
        let mut calls: Vec<u64> = drawn(HOW, Duration::from_secs(4), 30)
            .into_iter()
            .filter_map(|(_, it)| match it {
                Moment::AtCall(before) => Some(before / 10),
                Moment::After(_) => None,
            })
            .collect();
        calls.sort_unstable();
        assert_eq!(calls, [0, 1, 2]);
    }

    /// Whatever was drawn: the machine may have become faster, and the run shorter.
    #[test]
    fn a_moment_that_came_too_late_comes_to_the_start() {
        for moment in [
            Moment::After(Duration::from_secs(100)),
            Moment::AtCall(1_000),
        ] {
            let tries = std::iter::successors(Some(moment), |it| it.earlier());
            assert!(tries.take(64).any(|it| it.earlier().is_none()));
        }
    }
}
