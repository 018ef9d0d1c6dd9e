//! A second engine is started on one store: it says so and ends, whatever the first one is doing, and
//! every other command reaches the first one through its socket.

use std::time::Instant;

use serde_json::Value;

use super::tally::Tally;
use crate::{
    PATIENCE,
    processes::{Ended, Plan, Programs, set},
    running::Running,
};

/// Clean credit notes in Omni, and in each other source.
const NOTES: (usize, usize) = (24, 12);
/// Exit code of everything that is neither the configuration's fault nor a document's.
const REFUSED: i32 = 1;

/// Starts second engines, `rounds` times two of them, while the first one works.
pub fn second(rounds: usize, say: &(dyn Fn(&str) + Sync)) -> Tally {
    let mut tally = Tally::default();
    let programs = Programs::start_all(NOTES.0, NOTES.1, |plan: &mut Plan| {
        plan.batch(5);
        for route in plan.routes.values_mut() {
            set(route, "trigger", "manual");
        }
        set(&mut plan.seed, "xero/latency-ms", 200);
    });
    let running = Running::start(&programs);
    let upload = programs
        .engine(["sync", "--confirm", "--json"])
        .spawn()
        .expect("it starts");
    for round in 0..rounds {
        // Two at once: they must not make room for each other either.
        let both = [(), ()].map(|()| programs.engine(["run"]).spawn().expect("it starts"));
        for child in both {
            refused(&crate::processes::finish(child), &mut tally);
        }
        for command in [
            &["status", "--json"][..],
            &["list", "--route", "omni-credit-notes", "--json"],
            &[
                "retry",
                "--route",
                "omni-credit-notes",
                "--all",
                "--json",
                "--yes",
            ],
        ] {
            let ended = programs.run(command);
            tally.add("asked", 1);
            let answer = serde_json::from_str::<Value>(&ended.stdout);
            match (ended.code, answer) {
                (Some(0 | 4), Ok(_)) => tally.add("answered", 1),
                _ => tally.faults.push(format!("{command:?}: {ended:#?}")),
            }
        }
        say(&format!("round {} of {rounds}", round + 1));
    }
    let upload = crate::processes::finish(upload);
    tally.add("asked", 1);
    if matches!(upload.code, Some(0 | 4)) {
        tally.add("answered", 1);
    } else {
        tally.faults.push(format!("the upload: {upload:#?}"));
    }
    settled(&programs, &mut tally);
    running.signal("-TERM");
    let first = running.end();
    if first.code != Some(0) {
        tally.faults.push(format!("the first one: {first:#?}"));
    }
    tally
}

fn refused(second: &Ended, tally: &mut Tally) {
    tally.add("second-engines", 1);
    if second.code == Some(REFUSED) && second.stderr.contains("in use by another process") {
        tally.add("refused", 1);
    } else {
        tally.faults.push(format!("a second engine: {second:#?}"));
    }
}

/// Asks the first one for what is left, until the books are right.
fn settled(programs: &Programs, tally: &mut Tally) {
    let began = Instant::now();
    loop {
        let ended = programs.run(["sync", "--confirm", "--json"]);
        let faults = programs.books().faults();
        if ended.code == Some(0) && faults.is_empty() {
            tally.add("documents", programs.books().xero.len());
            return;
        }
        if began.elapsed() > PATIENCE {
            tally.faults.extend(faults);
            tally.faults.push(format!("not at its end: {ended:#?}"));
            return;
        }
    }
}
