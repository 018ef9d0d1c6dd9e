//! The short form of `campaign -- crash`.

use scenarios::campaigns::crash::{
    Books, Lost, Moments, Power, Steps, Tally, backups, books, lost, moments, power, second, steps,
};

/// Two cores' worth of processes that mostly wait.
const AT_ONCE: usize = 4;

/// Progress is for a person who waits.
fn unheard(_: &str) {}

fn assert_sound(tally: &Tally) {
    assert!(tally.faults.is_empty(), "{}", tally.faults.join("\n"));
}

#[test]
fn killed_at_every_step() {
    let how = Steps {
        all: false,
        at_once: AT_ONCE,
    };
    let tally = steps(how, &unheard);
    assert_sound(&tally);
    assert!(tally.get("late") >= 8, "{tally}");
}

#[test]
fn killed_at_random_moments() {
    let how = Moments {
        over_time: 4,
        at_calls: 4,
        documents: 50,
        batch: 5,
        latency: 100,
        seed: 7,
        at_once: AT_ONCE,
    };
    let tally = moments(how, &unheard);
    assert_sound(&tally);
    assert_eq!(tally.get("killed"), 8, "{tally}");
    // Each of those at a call cuts that one at least.
    assert!(tally.get("calls-cut") >= 4, "{tally}");
}

const CUTS: Power = Power {
    omni: 12,
    others: 4,
    batch: 5,
    sample: Some(21),
    seed: 7,
    at_once: 2,
};

#[test]
fn the_power_went_after_a_flush() {
    let tally = power(CUTS, &unheard);
    assert_sound(&tally);
    assert!(tally.get("doubted") > 0, "{tally}");
}

#[test]
fn an_old_backup_is_restored() {
    let how = Power {
        sample: Some(4),
        ..CUTS
    };
    let tally = backups(how, &unheard);
    assert_sound(&tally);
    assert_eq!(
        tally.get("doubted"),
        tally.get("mark-ahead") + tally.get("mark-gone"),
        "{tally}"
    );
}

#[test]
fn a_second_engine_on_one_store() {
    let tally = second(2, &unheard);
    assert_sound(&tally);
    assert_eq!(tally.get("refused"), 4, "{tally}");
}

#[test]
fn one_lost_answer() {
    let how = Lost {
        documents: 120,
        skip: 1,
        at_once: 3,
    };
    let tally = lost(how, &unheard);
    assert_sound(&tally);
    assert!(tally.get("found") >= 6 * 20, "{tally}");
}

/// Invoices, bills, journals, allocations, write-backs and payments, on each route once.
#[test]
fn killed_while_the_rows_of_omni_are_written() {
    let how = Books {
        all: false,
        moments: 0,
        seed: 7,
        at_once: AT_ONCE,
    };
    let tally = books(how, &unheard);
    assert_sound(&tally);
}
