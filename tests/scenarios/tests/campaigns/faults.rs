//! The short form of `campaign -- faults`: a part of each of its parts, and by name what the long form
//! has found.

use std::time::Duration;

use jiff::SignedDuration;
use ledgerline::{
    config::Trigger,
    operate::{Answer, Request},
};
use sandbox::{Seed, faults::FaultRule};
use scenarios::{
    Stage,
    books::{NOTES, note, one_customer},
    campaigns::faults::{Counts, alone_named, books_of, stays_named},
};
use serde_json::json;

fn assert_clean(counts: &Counts, cases: u64) {
    assert!(counts.wrong.is_empty(), "{:#?}", counts.wrong);
    assert_eq!(counts.twice, 0);
    assert_eq!(counts.cases, cases, "{counts:#?}");
    assert!(counts.struck > 0, "nothing was struck: {counts:#?}");
}

#[test]
fn single_faults_end_with_the_same_books() {
    for name in [
        "429:minute omni-reads row",
        "429:minute zudello-writes middle",
        "429:concurrent xero-writes first",
    ] {
        assert_clean(&alone_named(name), 1);
    }
}

/// A target's list that broke off was taken for a whole one: what it did not hold yet stopped documents as
/// if somebody had to mend something.
#[test]
fn a_list_that_breaks_off_stops_no_document() {
    assert_clean(&alone_named("disconnect xero-reads row"), 1);
}

/// A write-back that was answered so was taken for a refusal, and a person was asked.
#[test]
fn an_error_or_a_page_inside_200_asks_nobody() {
    for name in [
        "html-200 zudello-writes row",
        "error-in-200 zudello-writes row",
        "html-200 zudello-reads row",
        "error-in-200 omni-writes row",
    ] {
        let counts = alone_named(name);
        assert_clean(&counts, 1);
        assert_eq!(counts.helped, 0, "{counts:#?}");
    }
}

/// An answer lost on each of the paths by which a row of Omni is written, and a call that is refused whole for
/// one of its documents, until somebody mends it.
#[test]
fn the_rows_of_omni_end_with_the_same_books() {
    assert_clean(&books_of(&["lose-answer everywhere", "malformed bills"]), 2);
}

/// The key of a lost call is forgotten while the machine sleeps, and the monotonic clock stands still.
#[test]
fn an_answer_lost_before_the_machine_sleeps_is_not_sent_again() {
    assert_clean(&alone_named("clock asleep middle, lost xero-writes"), 1);
}

/// What the source's list held was read "until now", by a clock that was hours ahead: what changed there
/// in those hours was passed over.
#[tokio::test(start_paused = true)]
async fn a_clock_that_was_ahead_passes_no_document_over() {
    let stage = Stage::new(one_customer()).await;
    stage.put(note(1, json!({})));
    stage.clock.set_machine(SignedDuration::from_hours(5));
    stage.sync().await;
    stage.clock.set_machine(SignedDuration::from_hours(-5));
    stage.pass(Duration::from_secs(3_600)).await;
    stage.put(note(2, json!({})));
    stage.pass(Duration::from_secs(5 * 3_600)).await;
    stage.sync().await;
    stage.next().await;
    stage.assert_arrived(1).await;
    stage.assert_arrived(2).await;
}

/// The service waited until the clock was there again.
#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_does_not_stop_the_service() {
    let stage = Stage::with(one_customer(), |deployment| {
        for route in deployment.routes.values_mut() {
            route.confirmed = true;
        }
    })
    .await;
    let service = stage.engine.run();
    tokio::pin!(service);
    let _ = tokio::time::timeout(Duration::from_secs(600), &mut service).await;
    stage.clock.set_machine(SignedDuration::from_hours(-5));
    let _ = tokio::time::timeout(Duration::from_secs(900), &mut service).await;
    let Answer::Status(status) = stage.ask(Request::Status).await else {
        panic!("no status");
    };
    let now = stage.clock.now();
    for route in status.routes.iter().filter(|it| it.next.is_some()) {
        let next: jiff::Timestamp = route
            .next
            .as_deref()
            .unwrap_or("-")
            .parse()
            .expect("a time");
        let minutes = next.duration_since(now).as_mins();
        assert!(
            (0..=5).contains(&minutes),
            "{} in {minutes} min",
            route.name
        );
    }
}

/// Every minute each route asked for every list, five times each: 4,381 calls in two hours.
#[test]
fn who_does_not_answer_for_hours_is_left_alone() {
    assert_clean(&stays_named("status:503 xero-reads stays"), 1);
}

/// After eight tries in as many minutes a person was asked about each document.
#[test]
fn what_nobody_takes_for_two_hours_needs_no_person() {
    assert_clean(&stays_named("status:500 xero-writes stays"), 1);
}

/// While one connection waited for a person, what passes at the others waited for the schedule: a lost answer
/// for a day, and the renewal of tokens past the time in which it can be repeated.
#[tokio::test(start_paused = true)]
async fn a_connection_that_needs_a_person_keeps_no_other_from_trying_again() {
    let mut seed = one_customer();
    seed.core = Seed::demo().expect("the demo's seed is sound").core;
    let stage = Stage::with(seed, |deployment| {
        for route in deployment.routes.values_mut() {
            route.confirmed = true;
            route.trigger = Trigger::Every(Duration::from_secs(86_400));
        }
    })
    .await;
    stage.put(note(1, json!({})));
    let rules = json!([
        { "match": { "vendor": "core" }, "fault": "status:401", "times": 1_000 },
        { "match": { "method": "PUT", "path": "/api.xro/2.0/CreditNotes" }, "fault": "lose-answer", "times": 4 },
    ]);
    let rules: Vec<FaultRule> = serde_json::from_value(rules).expect("rules");
    stage.world.set_faults(rules);
    let service = stage.engine.run();
    tokio::pin!(service);
    let _ = tokio::time::timeout(Duration::from_secs(1_200), &mut service).await;
    let Answer::Status(status) = stage.ask(Request::Status).await else {
        panic!("no status");
    };
    let parked: Vec<&String> = status
        .connections
        .iter()
        .filter(|it| it.parked.is_some())
        .map(|it| &it.name)
        .collect();
    assert_eq!(parked, ["core-au"]);
    stage.assert_arrived(1).await;
}

/// A call's end was reckoned by a clock that was hours ahead, and its fate was not asked for until then.
#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_asked_for_soon_after_the_clock_was_set_back() {
    let stage = Stage::new(one_customer()).await;
    stage.put(note(1, json!({})));
    stage.clock.set_machine(SignedDuration::from_hours(5));
    let rules = json!([{
        "match": { "method": "PUT", "path": "/api.xro/2.0/CreditNotes" },
        "fault": "lose-answer", "again": "reset",
    }]);
    let rules: Vec<FaultRule> = serde_json::from_value(rules).expect("rules");
    stage.world.set_faults(rules);
    let cut = tokio::time::timeout(Duration::from_secs(25), stage.sync()).await;
    assert!(cut.is_err(), "it had come to its end");
    let stage = stage.restart().await;
    stage.clock.set_machine(SignedDuration::from_hours(-5));
    stage.world.set_faults(Vec::new());
    for _ in 0..20 {
        stage.next().await;
    }
    stage.assert_arrived(1).await;
    assert_eq!(stage.states(NOTES).await["synced"], 1);
}
