//! The engine dies, at every step of its way and at any other moment, and is simply started again:
//! nothing is lost, nothing is there twice, and the books are those of a run that nobody disturbed.

use std::{
    process::Stdio,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use ledgerline::pipeline::STEPS;
use scenarios::processes::{Books, Ended, Plan, Programs, finish};
use serde_json::json;

/// Three calls on Omni's routes that write.
const NOTES: usize = 24;
/// Two calls on those of each other source.
const OTHERS: usize = 12;
const BATCH: i64 = 10;
/// More runs than it may take to bring everything to its end.
const RUNS: usize = 3;

fn ground() -> Programs {
    Programs::start_all(NOTES, OTHERS, |plan: &mut Plan| plan.batch(BATCH))
}

/// Runs until nothing is left that the engine would do by itself.
fn bring_to_its_end(programs: &Programs) -> Vec<Ended> {
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        let ended = programs.run(["sync", "--confirm", "--json"]);
        let done = ended.code == Some(0);
        runs.push(ended);
        if done {
            break;
        }
    }
    runs
}

/// The books of a run that nobody disturbed.
fn undisturbed() -> Books {
    let programs = ground();
    let runs = bring_to_its_end(&programs);
    assert_eq!(runs.len(), 1, "{runs:#?}");
    let books = programs.books();
    assert_eq!(books.faults(), Vec::<String>::new());
    assert!(books.xero.len() > NOTES, "{books:#?}");
    books
}

/// What is wrong after a death and everything that followed.
fn judge(name: &str, programs: &Programs, wanted: &Books, runs: &[Ended]) -> Vec<String> {
    let mut faults = Vec::new();
    if runs.last().is_none_or(|it| it.code != Some(0)) {
        faults.push(format!(
            "{name}: not at its end after {} runs: {runs:#?}",
            runs.len()
        ));
    }
    let books = programs.books();
    faults.extend(books.faults().into_iter().map(|it| format!("{name}: {it}")));
    if books.xero != wanted.xero {
        faults.push(format!(
            "{name}: {:#?} instead of {:#?}",
            books.xero, wanted.xero
        ));
    }
    faults
}

/// Several at once: most of a case's time is waiting.
fn all_at_once<T: Send>(cases: Vec<T>, each: impl Fn(T) -> Vec<String> + Sync) -> Vec<String> {
    let cases = Mutex::new(cases.into_iter());
    let faults = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let next = cases.lock().expect("a sound lock").next();
                    let Some(case) = next else { return };
                    let found = each(case);
                    faults.lock().expect("a sound lock").extend(found);
                }
            });
        }
    });
    faults.into_inner().expect("a sound lock")
}

/// Steps that a plain run does not come to; they have a test of their own.
const CLEARING_UP: [&str; 2] = ["cleared-up", "looked-up"];

#[test]
fn at_every_step() {
    let wanted = undisturbed();
    let mut cases = Vec::new();
    for step in STEPS.iter().filter(|it| !CLEARING_UP.contains(it)) {
        for times in 1..=3 {
            cases.push((format!("{step}:{times}"), times == 1));
        }
    }
    // Write-backs come last and the other sources' routes go on beside the first one's: their own
    // turns of the steps of deliver and settle.
    for step in [
        "batch-formed",
        "intent-recorded",
        "answer-received",
        "results-read",
        "settled",
    ] {
        for times in 1..=3 {
            cases.push((format!("{step}:{times}@omni-imported"), true));
        }
        for route in ["core-credit-notes", "zudello-credit-notes", "zudello-done"] {
            cases.push((format!("{step}:2@{route}"), true));
        }
    }
    for stream in ["core-au/sale_credit_notes", "zudello-au/ar_credit_notes"] {
        cases.push((format!("page-taken-in:1@{stream}"), true));
        cases.push((format!("stream-ended:1@{stream}"), true));
    }
    let count = cases.len();
    let (deaths, unfinished) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let faults = all_at_once(cases, |(step, must_die)| {
        let programs = ground();
        let dead = programs.run_until(&step, ["sync", "--confirm", "--json"]);
        let mut faults = Vec::new();
        if dead.signal.is_some() {
            deaths.fetch_add(1, Ordering::SeqCst);
            if !programs.books().faults().is_empty() {
                unfinished.fetch_add(1, Ordering::SeqCst);
            }
        } else if must_die {
            faults.push(format!("{step}: it did not die: {dead:#?}"));
        }
        faults.extend(judge(
            &step,
            &programs,
            &wanted,
            &bring_to_its_end(&programs),
        ));
        faults
    });
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    // Steps that come once in a run leave their second and third time without a death.
    let (deaths, unfinished) = (deaths.into_inner(), unfinished.into_inner());
    assert!(deaths * 4 >= count * 3, "{deaths} deaths in {count} runs");
    // Nearly all leave something undone, and it is seen: only the last answers of all come too late.
    assert!(
        unfinished * 4 >= deaths * 3,
        "{unfinished} of {deaths} deaths left something undone"
    );
}

/// Dead with a call under way, dead again while that is cleared up, dead a third time.
#[test]
fn while_clearing_up() {
    let wanted = undisturbed();
    let cases = vec![
        ("answer-received:2", "cleared-up:1", "looked-up:1"),
        ("answer-received:3", "looked-up:1", "answer-received:1"),
        ("intent-recorded:2", "looked-up:1", "intent-recorded:1"),
        ("intent-recorded:1", "cleared-up:1", "settled:1"),
        (
            "answer-received:2@omni-imported",
            "cleared-up:1",
            "looked-up:1",
        ),
        (
            "intent-recorded:2@omni-imported",
            "looked-up:1",
            "settled:1",
        ),
    ];
    let faults = all_at_once(cases, |(first, second, third)| {
        let programs = ground();
        let name = format!("{first}, {second}, {third}");
        let mut faults = Vec::new();
        for step in [first, second, third] {
            let dead = programs.run_until(step, ["sync", "--confirm", "--json"]);
            if dead.signal.is_none() {
                faults.push(format!("{name}: it did not die at {step}: {dead:#?}"));
            }
        }
        faults.extend(judge(
            &name,
            &programs,
            &wanted,
            &bring_to_its_end(&programs),
        ));
        faults
    });
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// A lost answer on top: the engine dies while it does not know what became of a batch.
#[test]
fn while_an_answer_is_lost() {
    let wanted = undisturbed();
    let cases = vec![
        "results-read:2",
        "settled:2",
        "looked-up:1",
        "answer-received:3",
    ];
    let faults = all_at_once(cases, |step| {
        let programs = ground();
        programs.tell(
            "/_sandbox/faults",
            &json!([{
                "match": { "method": "PUT", "path": "/api.xro/2.0/CreditNotes" },
                "skip": 1, "fault": "lose-answer", "again": "reset",
            }]),
        );
        let name = format!("answer lost, {step}");
        let dead = programs.run_until(step, ["sync", "--confirm", "--json"]);
        let mut faults = Vec::new();
        if dead.signal.is_none() {
            faults.push(format!("{name}: it did not die: {dead:#?}"));
        }
        faults.extend(judge(
            &name,
            &programs,
            &wanted,
            &bring_to_its_end(&programs),
        ));
        faults
    });
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// SIGKILL at moments that nobody chose. `LEDGERLINE_LONG=1` makes it 300 of them.
#[test]
fn at_any_moment() {
    let wanted = undisturbed();
    let programs = ground();
    let began = Instant::now();
    bring_to_its_end(&programs);
    let whole = began.elapsed();
    let count: u32 = if std::env::var_os("LEDGERLINE_LONG").is_some() {
        300
    } else {
        10
    };
    // Spread evenly, with a little of chance that repeats.
    let moments: Vec<Duration> = (0..count)
        .map(|place| {
            let jitter = (u64::from(place) * 7_919) % 97;
            whole * place / count + whole * u32::try_from(jitter).expect("small") / (97 * count)
        })
        .collect();
    let killed = AtomicUsize::new(0);
    let faults = all_at_once(moments, |moment| {
        let programs = ground();
        let mut child = programs
            .engine(["sync", "--confirm", "--json"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the engine starts");
        std::thread::sleep(moment);
        // It may have ended by itself.
        let _ = child.kill();
        if finish(child).signal == Some(9) {
            killed.fetch_add(1, Ordering::SeqCst);
        }
        judge(
            &format!("killed after {moment:?}"),
            &programs,
            &wanted,
            &bring_to_its_end(&programs),
        )
    });
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(
        killed.into_inner() * 2 >= count as usize,
        "hardly one was killed at work"
    );
}
