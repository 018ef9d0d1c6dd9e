//! Every door with the checked-in corpus and some thousands of changes to good input: no panic, no
//! hang, and no more memory than a bound, in seconds. The fuzzer goes on where this ends.

use std::{
    alloc::System,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        mpsc::{RecvTimeoutError, channel},
    },
    thread,
    time::Duration,
};

use bad_input::{Target, corpus, mutate::mutate, target};
use cap::Cap;
use fastrand::Rng;

/// An allocation beyond the bound ends the program: input must not be able to take a machine down.
#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, MOST);

const MOST: usize = 1 << 30;
/// Bytes that one input may have allocated in all, given back or not: work that nobody bounded shows
/// here as surely as in time, and the same on every machine.
const WORK: usize = 2 << 30;
/// A thread of the service has no more.
const STACK: usize = 2 << 20;
/// Nothing waits in here; an input that takes this long never ends.
const FOREVER: Duration = Duration::from_secs(120);
const LONGEST: usize = 64 * 1024;

/// The bounds are of one input at a time.
static ALONE: Mutex<()> = Mutex::new(());

fn check(name: &'static str, changes: u64) {
    let _alone = ALONE.lock().unwrap_or_else(|it| it.into_inner());
    let it = target(name).expect("a door");
    let (tell, told) = channel();
    let (ask, asked) = channel::<(String, Vec<u8>)>();
    let at_work = thread::Builder::new().stack_size(STACK).spawn(move || {
        for (what, data) in asked {
            let before = MEMORY.total_allocated();
            let end = catch_unwind(AssertUnwindSafe(|| (it.run)(&data)));
            let work = MEMORY.total_allocated() - before;
            if tell.send((what, data, end.is_ok(), work)).is_err() {
                return;
            }
        }
    });
    at_work.expect("a thread");
    let run = |what: String, data: Vec<u8>| {
        ask.send((what.clone(), data)).expect("the thread lives");
        match told.recv_timeout(FOREVER) {
            Ok((_, data, sound, work)) => {
                if !sound || work > WORK {
                    let file = std::env::temp_dir().join(format!("bad-input-{name}"));
                    std::fs::write(&file, data).expect("a file");
                    let why = if sound {
                        format!("{work} bytes")
                    } else {
                        "a panic".into()
                    };
                    panic!("{name}: {what}: {why}; the input is in {}", file.display());
                }
            }
            Err(RecvTimeoutError::Timeout) => panic!("{name}: {what}: it does not end"),
            Err(RecvTimeoutError::Disconnected) => panic!("{name}: {what}: its thread is gone"),
        }
    };
    let mut inputs = (it.seeds)();
    for (at, seed) in inputs.iter().enumerate() {
        run(format!("seed {at}"), seed.clone());
    }
    for (file, data) in corpus(name) {
        run(file, data.clone());
        inputs.push(data);
    }
    assert!(!inputs.is_empty(), "{name} has nothing to begin with");
    for seed in 0..changes {
        let mut chance = Rng::with_seed(seed);
        let mut data = inputs[chance.usize(..inputs.len())].clone();
        let other = &inputs[chance.usize(..inputs.len())];
        mutate(&mut data, other, it.words, LONGEST, &mut chance);
        run(format!("change {seed}"), data);
    }
}

#[test]
fn configuration() {
    check("configuration", 150);
}

#[test]
fn mapping() {
    check("mapping", 300);
}

#[test]
fn document() {
    check("document", 1_500);
}

#[test]
fn manifest() {
    check("manifest", 800);
}

#[test]
fn plugin() {
    if bad_input::plugin::hostile().is_none() {
        eprintln!("SKIPPED: there is no C compiler to build hostile.c with");
        return;
    }
    check("plugin", 5_000);
}

#[test]
fn row() {
    check("row", 10_000);
}

#[test]
fn rows() {
    check("rows", 300);
}

#[test]
fn export() {
    check("export", 300);
}

#[test]
fn answers() {
    check("answers", 5_000);
}

/// Bounds that cannot be passed would prove nothing.
#[test]
fn the_gate_sees_what_it_is_for() {
    fn seeds() -> Vec<Vec<u8>> {
        Vec::new()
    }
    let broken = Target {
        name: "broken",
        run: |data| assert!(data.is_empty()),
        seeds,
        words: &[],
    };
    assert!(catch_unwind(|| (broken.run)(b"x")).is_err());
    let before = MEMORY.total_allocated();
    drop(Vec::<u8>::with_capacity(1 << 20));
    assert!(MEMORY.total_allocated() - before >= 1 << 20);
}
