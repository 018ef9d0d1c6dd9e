//! SIGKILL at every named step of pull, intake, deliver and settle, of three sources; the restart
//! comes at once, or when the vendors have forgotten the keys of the calls.

use ledgerline::pipeline::STEPS;
use serde_json::json;

use super::{
    ground::{Ground, Wanted, rerun},
    tally::{Tally, all_at_once, with},
};
use crate::processes::Programs;

/// Longer than a key of an unfinished call lives at the target.
const LATE: u64 = 420;

/// How much of it is done.
#[derive(Debug, Clone, Copy)]
pub struct Steps {
    /// Every step up to three times, on every route, restarted at once and late; otherwise each step
    /// once.
    pub all: bool,
    /// Cases at once.
    pub at_once: usize,
}

/// What is done to the engine.
#[derive(Debug, Clone)]
struct Case {
    /// Where it dies, one death after another.
    deaths: Vec<String>,
    /// It must have died at each.
    must_die: bool,
    /// The answer to a batch is lost, too, and so are its repeats.
    lost: bool,
    /// The mark beside the store is lost with the last death but one.
    unmarked: bool,
    /// What was read is old at once.
    eager: bool,
    /// The restart comes when the keys are forgotten.
    late: bool,
}

impl Case {
    fn at(step: &str) -> Self {
        Self {
            deaths: vec![step.to_owned()],
            must_die: true,
            lost: false,
            unmarked: false,
            eager: false,
            late: false,
        }
    }

    fn then(mut self, steps: &[&str]) -> Self {
        self.deaths.extend(steps.iter().map(|it| (*it).to_owned()));
        self
    }

    fn name(&self) -> String {
        let mut name = self.deaths.join(", ");
        for (is, word) in [
            (self.lost, ", an answer lost"),
            (self.unmarked, ", the mark lost"),
            (self.eager, ", everything old"),
            (self.late, ", back late"),
        ] {
            if is {
                name.push_str(word);
            }
        }
        name
    }
}

/// Steps that a plain run does not come to: the second one of two lives does.
const LATER_IN_LIFE: [&str; 5] = [
    "cleared-up",
    "looked-up",
    "question-answered",
    "distrusted",
    "read-back",
];

/// Steps that come only when something is old.
const OLD: [&str; 1] = ["read-again"];

/// Steps of edits that a person has to ask for, and of deposits: `tests/omni_books/killed.rs` goes through them.
const BY_WORD: [&str; 4] = [
    "word-weighed",
    "word-kept",
    "payment-weighed",
    "followed-read",
];

/// Steps of deliver and settle.
const SENDING: [&str; 5] = [
    "batch-formed",
    "intent-recorded",
    "answer-received",
    "results-read",
    "settled",
];

/// Kills the engine at every step.
pub fn steps(how: Steps, say: &(dyn Fn(&str) + Sync)) -> Tally {
    let ground = Ground {
        omni: if how.all { 24 } else { 12 },
        others: if how.all { 12 } else { 6 },
        batch: if how.all { 10 } else { 5 },
        latency: None,
        steps: true,
        eager: false,
    };
    let wanted = ground.undisturbed();
    let cases = cases(how.all);
    let mut tally = all_at_once(cases, how.at_once, say, |case, tally| {
        let eager = case.eager;
        let (programs, found) = (Ground { eager, ..ground }.start(), &case);
        let deaths = die(&programs, found, &wanted, tally);
        let faults = rerun(&found.name(), &programs, &wanted);
        with(tally, |it| {
            it.add("cases", 1);
            it.add("deaths", deaths);
            it.add("late", usize::from(found.late));
            it.faults.extend(faults);
        });
    });
    // Steps that come once in a run leave their second and third time without a death.
    let (cases, deaths) = (tally.get("cases"), tally.get("deaths"));
    if deaths * 4 < cases * 3 {
        tally
            .faults
            .push(format!("{deaths} deaths in {cases} cases"));
    }
    // Nearly all that die once leave something undone, and it is seen: only the last answers of all come
    // too late. Of those that die again, much is done before the last death.
    let (once, unfinished) = (tally.get("once"), tally.get("once-unfinished"));
    if unfinished * 4 < once * 3 {
        tally.faults.push(format!(
            "{unfinished} of {once} deaths left something undone"
        ));
    }
    if tally.get("unfinished") * 4 < cases * 2 {
        let count = tally.get("unfinished");
        tally
            .faults
            .push(format!("{count} of {cases} cases left something undone"));
    }
    tally
}

/// All deaths of a case; how many there were.
fn die(
    programs: &Programs,
    case: &Case,
    wanted: &Wanted,
    tally: &std::sync::Mutex<Tally>,
) -> usize {
    if case.lost {
        programs.tell(
            "/_sandbox/faults",
            &json!([{
                "match": { "method": "PUT", "path": "/api.xro/2.0/CreditNotes" },
                "skip": 1, "fault": "lose-answer", "again": "reset",
            }]),
        );
    }
    let mut deaths = 0;
    for (place, step) in case.deaths.iter().enumerate() {
        if case.unmarked && place + 1 == case.deaths.len() {
            let mark = programs.config().join("state/store.generation");
            std::fs::remove_file(mark).expect("the mark lies beside the store");
        }
        let dead = programs.run_until(step, ["sync", "--confirm", "--json"]);
        if dead.signal.is_some() {
            deaths += 1;
        } else if case.must_die {
            let name = case.name();
            with(tally, |it| {
                it.faults
                    .push(format!("{name}: it did not die at {step}: {dead:#?}"));
            });
        }
    }
    let books = programs.books();
    let unfinished = !books.faults().is_empty() || books.xero != wanted.books.xero;
    with(tally, |it| {
        it.add("unfinished", usize::from(unfinished));
        if case.deaths.len() == 1 && deaths == 1 {
            it.add("once", 1);
            it.add("once-unfinished", usize::from(unfinished));
        }
    });
    if case.late {
        let forward = json!({ "advance-seconds": LATE });
        programs.tell("/_sandbox/clock", &forward);
    }
    deaths
}

fn cases(all: bool) -> Vec<Case> {
    let mut cases = Vec::new();
    let others = [&LATER_IN_LIFE[..], &OLD, &BY_WORD].concat();
    let plain = STEPS.iter().filter(|it| !others.contains(it));
    for step in plain {
        for times in 1..=if all { 3 } else { 1 } {
            cases.push(Case {
                must_die: times == 1,
                ..Case::at(&format!("{step}:{times}"))
            });
        }
    }
    // Write-backs come last and the other sources' routes go on beside the first one's: their own
    // turns of the steps of deliver and settle.
    if all {
        for step in SENDING {
            for times in 1..=3 {
                cases.push(Case::at(&format!("{step}:{times}@omni-imported")));
            }
            for route in ["core-credit-notes", "zudello-credit-notes", "zudello-done"] {
                cases.push(Case::at(&format!("{step}:2@{route}")));
            }
        }
        for stream in ["core-au/sale_credit_notes", "zudello-au/ar_credit_notes"] {
            for step in ["page-read", "page-taken-in", "stream-ended"] {
                cases.push(Case::at(&format!("{step}:1@{stream}")));
            }
        }
    } else {
        cases.push(Case::at("answer-received:2@omni-imported"));
        cases.push(Case::at("intent-recorded:2@zudello-done"));
        cases.push(Case::at("settled:1@core-credit-notes"));
    }
    // Dead with a call under way, dead again while that is cleared up, dead a third time.
    let again: [(&str, &[&str]); 10] = [
        (
            "answer-received:2",
            &["cleared-up:1", "question-answered:1", "looked-up:1"],
        ),
        ("answer-received:2", &["cleared-up:1", "looked-up:1"]),
        ("intent-recorded:2", &["question-answered:1", "settled:1"]),
        ("results-read:1", &["looked-up:1", "answer-received:1"]),
        ("answer-received:3", &["looked-up:1", "answer-received:1"]),
        ("intent-recorded:2", &["looked-up:1", "intent-recorded:1"]),
        ("intent-recorded:1", &["cleared-up:1", "settled:1"]),
        (
            "answer-received:2@omni-imported",
            &["cleared-up:1", "looked-up:1"],
        ),
        (
            "intent-recorded:2@omni-imported",
            &["looked-up:1", "settled:1"],
        ),
        (
            "answer-received:2@zudello-done",
            &["cleared-up:1", "question-answered:1"],
        ),
    ];
    let count = if all { again.len() } else { 1 };
    for (first, then) in again.into_iter().take(count) {
        cases.push(Case::at(first).then(then));
    }
    // A lost answer on top: it dies while it does not know what became of a batch.
    let lost = [
        "results-read:2",
        "settled:2",
        "looked-up:1",
        "answer-received:3",
    ];
    for step in lost.into_iter().take(if all { 4 } else { 1 }) {
        cases.push(Case {
            lost: true,
            ..Case::at(step)
        });
    }
    // The mark beside the store is lost: everything open is doubted.
    let doubted = [
        "answer-received:2",
        "settled:2",
        "intent-recorded:2@omni-imported",
    ];
    for step in doubted.into_iter().take(if all { 3 } else { 1 }) {
        cases.push(Case {
            unmarked: true,
            ..Case::at(step).then(&["distrusted:1"])
        });
    }
    // Only what is old is read again before a document leaves, and read back from the target.
    let old: [(&str, &[&str]); 3] = [
        ("settled:3", &["read-back:1", "read-again:1"]),
        ("read-again:2", &[]),
        ("intent-recorded:3", &["read-back:1", "read-again:1"]),
    ];
    for (first, then) in old.into_iter().take(if all { 3 } else { 1 }) {
        cases.push(Case {
            eager: true,
            ..Case::at(first).then(then)
        });
    }
    if !all {
        for (place, case) in cases.iter_mut().enumerate() {
            case.late = place % 3 == 2;
        }
        return cases;
    }
    let late = cases.iter().filter(|it| it.must_die).cloned();
    let late: Vec<Case> = late.map(|it| Case { late: true, ..it }).collect();
    cases.extend(late);
    cases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_has_a_case() {
        for all in [false, true] {
            let cases = cases(all);
            for step in STEPS.iter().filter(|it| !BY_WORD.contains(it)) {
                let has = |it: &Case| {
                    it.deaths
                        .iter()
                        .any(|it| it.split(':').next() == Some(*step))
                };
                assert!(cases.iter().any(has), "{step}");
            }
        }
    }
}
