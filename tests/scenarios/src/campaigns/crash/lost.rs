//! One lost answer: a batch is taken by the target, the call is answered with an error, and the
//! engine is started again until it says that nothing is left to do.

use serde_json::json;

use super::{
    ground::killed_when,
    tally::{Tally, all_at_once, with},
};
use crate::processes::{Books, Programs, set};

/// How much of it is done.
#[derive(Debug, Clone, Copy)]
pub struct Lost {
    /// Documents.
    pub documents: usize,
    /// Calls that go well before.
    pub skip: usize,
    /// Cases at once.
    pub at_once: usize,
}

#[derive(Debug, Clone, Copy)]
struct Case {
    fault: &'static str,
    /// What the repeats of the call meet.
    again: &'static str,
    /// The engine is killed as soon as the batch was taken.
    killed: bool,
    /// The vendors' time that passes before the engine is started again, in seconds.
    later: u64,
}

const CASES: [Case; 6] = [
    Case {
        fault: "commit-then-500",
        again: "status:500",
        killed: false,
        later: 0,
    },
    Case {
        fault: "commit-then-500",
        again: "status:500",
        killed: true,
        later: 0,
    },
    Case {
        fault: "commit-then-500",
        again: "status:500",
        killed: true,
        later: 420,
    },
    Case {
        fault: "lose-answer",
        again: "reset",
        killed: false,
        later: 0,
    },
    Case {
        fault: "lose-answer",
        again: "reset",
        killed: true,
        later: 0,
    },
    Case {
        fault: "lose-answer",
        again: "reset",
        killed: true,
        later: 420,
    },
];

/// Loses the answer to a batch.
pub fn lost(how: Lost, say: &(dyn Fn(&str) + Sync)) -> Tally {
    let ground = ground(how.documents);
    let ended = ground.run(["sync", "--confirm", "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let wanted = books(&ground);
    assert_eq!(wanted.faults(), Vec::<String>::new());
    assert!(wanted.xero.len() * 10 > how.documents * 9, "hardly any");
    drop(ground);
    all_at_once(CASES.to_vec(), how.at_once, say, |case, tally| {
        let name = format!("{case:?}");
        let programs = self::ground(how.documents);
        programs.tell(
            "/_sandbox/faults",
            &json!([{
                "match": { "method": "PUT", "path": "/api.xro/2.0/CreditNotes" },
                "skip": how.skip, "fault": case.fault, "again": case.again,
                "again-times": 1_000_000,
            }]),
        );
        let mut faults = Vec::new();
        if case.killed && !killed_when_taken(&programs) {
            faults.push("it ended before its batch was taken".to_owned());
        }
        if case.later > 0 {
            let forward = json!({ "advance-seconds": case.later });
            programs.tell("/_sandbox/clock", &forward);
        }
        let (mut starts, mut found, mut uncertain) = (0, 0, 0);
        loop {
            starts += 1;
            let ended = programs.run(["sync", "--confirm", "--json"]);
            if ended.code.is_some_and(|it| it == 0 || it == 4) {
                let report = ended.json();
                let row = &report["routes"]["omni-credit-notes"];
                let count = |name: &str| row[name].as_u64().unwrap_or_default();
                found += count("found");
                uncertain += count("uncertain");
            }
            if ended.code == Some(0) {
                break;
            }
            if starts >= 10 {
                faults.push(format!("not at its end after {starts} starts: {ended:#?}"));
                break;
            }
        }
        if found == 0 {
            faults.push(format!("nothing was asked for: {uncertain} uncertain"));
        }
        let books = books(&programs);
        let twice = books.duplicates.len();
        faults.extend(books.faults());
        let missing = wanted.xero.iter().filter(|it| !books.xero.contains(it));
        let missing = missing.count();
        if books.xero != wanted.xero {
            let (there, due) = (books.xero.len(), wanted.xero.len());
            faults.push(format!(
                "{there} documents instead of {due}, {missing} missing"
            ));
        }
        with(tally, |it| {
            it.add("cases", 1);
            it.add("documents", books.xero.len());
            it.add("starts", starts);
            it.add("found", usize::try_from(found).unwrap_or(usize::MAX));
            it.add("twice", twice);
            it.add("missing", missing);
            it.faults
                .extend(faults.into_iter().map(|it| format!("{name}: {it}")));
        });
    })
}

fn ground(documents: usize) -> Programs {
    Programs::start(documents, |plan| {
        for connection in ["omni-au", "xero-au"] {
            let path = format!("connections/{connection}/call-timeout");
            set(&mut plan.deployment, &path, "5s");
        }
        // Answers take a while, so that the engine can be met waiting.
        set(&mut plan.seed, "xero/latency-ms", 50);
    })
}

/// Among thousands of made-up notes some differ by more cents than the route lets pass, and are held:
/// none is required to arrive, but the same ones as in a run that nobody disturbed.
fn books(programs: &Programs) -> Books {
    let mut books = programs.books();
    for source in &mut books.sources {
        source.clean = false;
    }
    books
}

/// Starts the engine and kills it when the struck call was carried out.
fn killed_when_taken(programs: &Programs) -> bool {
    let dead = killed_when(programs, || {
        let rules = programs.ask("/_sandbox/faults");
        let mut rules = rules.as_array().into_iter().flatten();
        rules.any(|it| it["struck"].as_array().is_some_and(|it| !it.is_empty()))
    });
    dead.signal == Some(9)
}
