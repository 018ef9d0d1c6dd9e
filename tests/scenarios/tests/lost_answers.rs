//! Calls that write and whose answers never come. Whatever happens on the way, each document is there
//! once afterwards, and the numbers of the report tell what was not known, what was found, and what
//! was sent again.

use std::time::Duration;

use ledgerline::{
    operate::{RouteReport, SyncReport, SyncRequest},
    store::State,
};
use sandbox::{Vendor, calls::CallKind, faults::FaultRule};
use scenarios::{
    Stage,
    books::{ACCOUNT, IMPORTED, NOTES, ORGANISATION, note, one_customer},
};
use serde_json::{Value, json};

/// A full batch and a small one.
const COUNT: i64 = 12;
const FULL: u64 = 10;
const ALL: u64 = 12;

/// Where a call goes that creates credit notes, updates them, marks them in Omni.
const CREATE: (&str, &str) = ("PUT", "/api.xro/2.0/CreditNotes");
const UPDATE: (&str, &str) = ("POST", "/api.xro/2.0/CreditNotes");
const MARK: (&str, &str) = ("PUT", "/api/v1/CreditNotes");

async fn stage() -> Stage {
    let stage = Stage::with(one_customer(), |deployment| {
        deployment.routes.get_mut(NOTES).expect("the route").batch = Some(10);
        for connection in deployment.connections.values_mut() {
            connection.call_timeout = Duration::from_secs(60);
            connection.ask_after = Duration::from_secs(30);
        }
    })
    .await;
    for serial in 1..=COUNT {
        stage.put(note(serial, json!({})));
    }
    stage
}

/// The next call to `to` meets `fault`, its repeats meet `again`.
fn strike(stage: &Stage, to: (&str, &str), fault: &str, again: Option<&str>) {
    let mut rule = json!({ "match": { "method": to.0, "path": to.1 }, "fault": fault });
    if let Some(again) = again {
        rule["again"] = json!(again);
    }
    faults(stage, json!([rule]));
}

fn faults(stage: &Stage, rules: Value) {
    let rules: Vec<FaultRule> = serde_json::from_value(rules).expect("rules");
    stage.world.set_faults(rules);
}

/// Uncertain, found, sent again.
fn open(row: &RouteReport) -> (u64, u64, u64) {
    (row.uncertain, row.found, row.not_found)
}

fn row<'a>(report: &'a SyncReport, route: &str) -> &'a RouteReport {
    report
        .routes
        .get(route)
        .unwrap_or_else(|| panic!("no {route}: {report:#?}"))
}

/// Each note is there once, with its total, and Omni shows it as Imported.
async fn assert_books(stage: &Stage) {
    assert!(
        stage.world.duplicates().is_empty(),
        "{:?}",
        stage.world.duplicates()
    );
    assert_eq!(
        stage.xero_notes().len(),
        usize::try_from(COUNT).expect("a count")
    );
    for serial in 1..=COUNT {
        stage.assert_arrived(serial).await;
    }
}

/// Calls of a method to a path that the vendors saw, whatever became of them.
fn seen(stage: &Stage, to: (&str, &str)) -> usize {
    let calls = stage.world.calls();
    let at = |target: &str| target.split('?').next() == Some(to.1);
    calls
        .iter()
        .filter(|it| it.method == to.0 && at(&it.target))
        .count()
}

struct Case {
    fault: &'static str,
    again: Option<&'static str>,
    /// Uncertain, found, sent again.
    open: (u64, u64, u64),
}

const fn case(fault: &'static str, again: Option<&'static str>, open: (u64, u64, u64)) -> Case {
    Case { fault, again, open }
}

#[tokio::test(start_paused = true)]
async fn creates() {
    let cases = [
        // The repeat carries the same key, and is answered by what the key remembers.
        case("lose-answer", None, (0, 0, 0)),
        case("truncate", None, (0, 0, 0)),
        case("commit-then-500", None, (0, 0, 0)),
        case("reset", None, (0, 0, 0)),
        case("html", None, (0, 0, 0)),
        case("status:503", None, (0, 0, 0)),
        // The repeats fare no better: Xero is asked, and has it.
        case("lose-answer", Some("reset"), (FULL, FULL, 0)),
        case("lose-answer", Some("lose-answer"), (FULL, FULL, 0)),
        case("lose-answer", Some("status:503"), (FULL, FULL, 0)),
        case("truncate", Some("truncate"), (FULL, FULL, 0)),
        case("commit-then-500", Some("commit-then-500"), (FULL, FULL, 0)),
        // Refused at the door the second time: that says nothing about the first.
        case("lose-answer", Some("status:401"), (FULL, FULL, 0)),
        // Xero is asked, and does not have it.
        case("reset", Some("reset"), (FULL, 0, FULL)),
        case("html", Some("html"), (FULL, 0, FULL)),
        case("status:500", Some("status:500"), (FULL, 0, FULL)),
        // Complete, said to be well, and not understood.
        case("status:200", None, (FULL, 0, FULL)),
    ];
    for Case {
        fault,
        again,
        open: wanted,
    } in cases
    {
        let name = format!("{fault}, then {again:?}");
        let stage = stage().await;
        strike(&stage, CREATE, fault, again);
        let report = stage.sync().await;
        let row = row(&report, NOTES);
        assert_eq!(open(row), wanted, "{name}: {report:#?}");
        assert_eq!(row.created.count, ALL, "{name}: {report:#?}");
        assert!(row.stopped.is_empty(), "{name}: {report:#?}");
        assert_eq!(
            row.adopted.count, 0,
            "{name}: found is not adopted: {report:#?}"
        );
        assert_books(&stage).await;
        // What is settled stays settled.
        stage.world.clear_calls();
        stage.next().await;
        assert_eq!(stage.writing_calls(), 0, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn updates() {
    let cases = [
        case("lose-answer", None, (0, 0, 0)),
        case("commit-then-500", None, (0, 0, 0)),
        case("lose-answer", Some("reset"), (FULL, FULL, 0)),
        case("truncate", Some("reset"), (FULL, FULL, 0)),
        case("reset", Some("reset"), (FULL, 0, FULL)),
        case("status:500", Some("status:500"), (FULL, 0, FULL)),
        case("status:200", None, (FULL, 0, FULL)),
    ];
    for Case {
        fault,
        again,
        open: wanted,
    } in cases
    {
        let name = format!("{fault}, then {again:?}");
        let stage = stage().await;
        stage.sync().await;
        for serial in 1..=COUNT {
            stage.change(
                serial,
                json!({ "salesReference": format!("SO-NEW-{serial}") }),
            );
        }
        strike(&stage, UPDATE, fault, again);
        let report = stage.next().await;
        let row = row(&report, NOTES);
        assert_eq!(open(row), wanted, "{name}: {report:#?}");
        assert_eq!(
            (row.created.count, row.updated.count),
            (0, ALL),
            "{name}: {report:#?}"
        );
        assert_books(&stage).await;
        for serial in 1..=COUNT {
            assert_eq!(
                stage.xero_note(serial)["Reference"],
                format!("SO-NEW-{serial}"),
                "{name}"
            );
        }
        stage.world.clear_calls();
        stage.next().await;
        assert_eq!(stage.writing_calls(), 0, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn marks_in_omni() {
    let cases = [
        // Writing the same mark twice changes nothing, so it is simply repeated.
        case("lose-answer", None, (0, 0, 0)),
        case("lose-answer", Some("reset"), (ALL, ALL, 0)),
        case("reset", Some("reset"), (ALL, 0, ALL)),
        // 500 though it saved: what counts is what Omni shows.
        case("commit-then-500", Some("commit-then-500"), (ALL, ALL, 0)),
        case("truncate", Some("truncate"), (ALL, ALL, 0)),
    ];
    for Case {
        fault,
        again,
        open: wanted,
    } in cases
    {
        let name = format!("{fault}, then {again:?}");
        let stage = stage().await;
        // Without a key the repeats are known by their bytes, and so would be what is sent again later:
        // the faults end with the fifth try of the first call.
        let mut rule = json!({ "match": { "method": MARK.0, "path": MARK.1 }, "fault": fault });
        if let Some(again) = again {
            rule["again"] = json!(again);
            rule["again-times"] = json!(4);
        }
        faults(&stage, json!([rule]));
        let report = stage.sync().await;
        assert_eq!(open(row(&report, IMPORTED)), wanted, "{name}: {report:#?}");
        assert_eq!(open(row(&report, NOTES)), (0, 0, 0), "{name}");
        assert_eq!(
            seen(&stage, CREATE),
            2,
            "{name}: nothing is sent to Xero again"
        );
        assert_books(&stage).await;
    }
}

/// The process dies with the call under way, and comes back when Xero has long forgotten the key.
#[tokio::test(start_paused = true)]
async fn an_engine_that_comes_back_after_the_keys_life() {
    let cases = [
        // Answered too late for the process that asked: Xero has it.
        ("slow:50000", (0, FULL, 0)),
        // Never got there, and neither did its repeats.
        ("reset", (0, 0, FULL)),
    ];
    for (fault, wanted) in cases {
        let stage = stage().await;
        strike(&stage, CREATE, fault, Some("reset"));
        let cut = tokio::time::timeout(Duration::from_secs(20), stage.sync()).await;
        assert!(
            cut.is_err(),
            "{fault}: the run was over before it was cut: {cut:#?}"
        );
        let stage = stage.restart().await;
        assert_eq!(
            stage.ids(NOTES, State::Uncertain).await.len(),
            10,
            "{fault}"
        );
        stage.pass(Duration::from_secs(7 * 60)).await;
        faults(&stage, json!([]));
        let report = stage.sync().await;
        assert_eq!(open(row(&report, NOTES)), wanted, "{fault}: {report:#?}");
        assert_books(&stage).await;
    }
}

/// The same, but it is there again at once: the call may still be running, so it waits before it asks.
#[tokio::test(start_paused = true)]
async fn an_engine_that_comes_back_at_once() {
    let stage = stage().await;
    // Carried out, and answered after the time-out.
    strike(&stage, CREATE, "slow:100000", Some("reset"));
    let cut = tokio::time::timeout(Duration::from_secs(5), stage.sync()).await;
    assert!(cut.is_err(), "{cut:#?}");
    let stage = stage.restart().await;
    let began = stage.clock.now_ms();
    let report = stage.sync().await;
    assert_eq!(open(row(&report, NOTES)), (0, FULL, 0), "{report:#?}");
    let waited = (stage.clock.now_ms() - began) / 1000;
    // The time-out of a call and the half minute after it.
    assert!((85..=130).contains(&waited), "it asked after {waited} s");
    assert_books(&stage).await;
}

/// A store came from a backup that is older than the link of the customer: until the link is back,
/// nothing can be compared, and that is no question for a person.
#[tokio::test(start_paused = true)]
async fn a_backup_that_is_older_than_the_links() {
    let stage = stage().await;
    // Read, and not prepared: the customers' route is not part of the run.
    let notes_alone = SyncRequest {
        routes: vec![NOTES.into()],
        ..SyncRequest::default()
    };
    stage.sync_with(notes_alone).await;
    let doubted = stage.engine.store().distrust(stage.clock.now_ms());
    assert_eq!(doubted.expect("a sound store"), ALL);
    let report = stage.sync().await;
    assert_eq!(open(row(&report, NOTES)), (0, 0, ALL), "{report:#?}");
    assert!(row(&report, NOTES).stopped.is_empty(), "{report:#?}");
    assert_books(&stage).await;
}

/// Limits are met before a call is carried out: nothing is uncertain, nothing is tried in vain.
#[tokio::test(start_paused = true)]
async fn limits() {
    for limit in ["429:minute", "429:second", "429:concurrent"] {
        let stage = stage().await;
        faults(
            &stage,
            json!([{ "match": { "method": "PUT", "path": CREATE.1 }, "times": 3, "fault": limit }]),
        );
        let report = stage.sync().await;
        let row = row(&report, NOTES);
        assert_eq!(open(row), (0, 0, 0), "{limit}: {report:#?}");
        assert_eq!(row.created.count, ALL, "{limit}: {report:#?}");
        assert!(report.parked.is_empty(), "{limit}: {report:#?}");
        assert_books(&stage).await;
    }
}

/// The day is spent: everything waits for the next one, unharmed.
#[tokio::test(start_paused = true)]
async fn the_limit_of_a_day() {
    let stage = stage().await;
    faults(
        &stage,
        json!([{ "match": { "path": "/api.xro/*", "method": "PUT" }, "times": 1000, "fault": "429:day" }]),
    );
    let report = stage.sync().await;
    assert!(report.parked.contains_key("xero-au"), "{report:#?}");
    assert!(report.unfinished, "{report:#?}");
    assert_eq!(
        stage.ids(NOTES, State::Pending).await.len(),
        12,
        "{report:#?}"
    );
    // Two are under way at once; no third is tried.
    assert!(seen(&stage, CREATE) <= 2, "{} calls", seen(&stage, CREATE));
    // The same evening: not even tried.
    stage.world.clear_calls();
    stage.next().await;
    assert_eq!(seen(&stage, CREATE), 0);

    faults(&stage, json!([]));
    stage.pass(Duration::from_secs(24 * 3600)).await;
    let report = stage.sync().await;
    assert!(report.parked.is_empty(), "{report:#?}");
    let entry = stage.note_entry(1).await;
    assert_eq!(entry.attempts, 0, "no attempt was used up");
    assert_books(&stage).await;
}

/// An answer is lost, and then the day is spent: it is asked for on the next one.
#[tokio::test(start_paused = true)]
async fn the_limit_of_a_day_before_it_could_be_asked() {
    let stage = stage().await;
    strike(&stage, CREATE, "lose-answer", Some("429:day"));
    let report = stage.sync().await;
    assert_eq!(open(row(&report, NOTES)), (FULL, 0, 0), "{report:#?}");
    assert!(report.unfinished, "{report:#?}");
    assert_eq!(stage.ids(NOTES, State::Uncertain).await.len(), 10);
    faults(&stage, json!([]));
    stage.pass(Duration::from_secs(24 * 3600)).await;
    let report = stage.sync().await;
    assert_eq!(open(row(&report, NOTES)), (0, FULL, 0), "{report:#?}");
    assert_books(&stage).await;
}

#[tokio::test(start_paused = true)]
async fn a_token_that_ends_on_the_way() {
    let stage = stage().await;
    // Xero's clock runs half an hour ahead from the middle of the run on: its tokens are over before
    // we think so.
    let shift = async {
        while seen(&stage, ("GET", "/api.xro/2.0/Organisation")) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stage.world.advance(Duration::from_secs(31 * 60));
    };
    let (report, ()) = tokio::join!(stage.sync(), shift);
    assert_eq!(open(row(&report, NOTES)), (0, 0, 0), "{report:#?}");
    let tokens = stage.world.counts()[&Vendor::Xero][&CallKind::Token];
    assert_eq!(tokens, 2, "one token, and one after it ended");
    assert_books(&stage).await;
}

/// One document makes the whole call fail, and the answer does not say which: the call is halved
/// until that one is alone, and the others go.
#[tokio::test(start_paused = true)]
async fn halving() {
    let stage = stage().await;
    faults(
        &stage,
        json!([{
            "match": { "method": "PUT", "path": CREATE.1, "body-contains": "\"7 CRN-7\"" },
            "times": 1000, "fault": "status:400",
        }]),
    );
    let report = stage.sync().await;
    let row = row(&report, NOTES);
    assert_eq!(row.created.count, ALL - 1, "{report:#?}");
    assert_eq!(row.stopped.get("warning"), Some(&1), "{report:#?}");
    assert_eq!(open(row), (0, 0, 0), "{report:#?}");
    // 10, its halves of 5, the culprit's 3 and 2, its 2 and 1 (or 1 and 1), and the small batch: which
    // halves the culprit is in decides about one pair of calls more or less.
    let calls = seen(&stage, CREATE);
    assert!((8..=10).contains(&calls), "{calls} calls");
    stage.assert_stopped(7, State::Warning, "Bad request").await;
    for serial in (1..=COUNT).filter(|it| *it != 7) {
        stage.assert_arrived(serial).await;
    }
    assert!(stage.world.duplicates().is_empty());

    // Nobody tries the culprit again by itself; once it is mended and asked for, it goes.
    stage.world.clear_calls();
    stage.next().await;
    assert_eq!(seen(&stage, CREATE), 0);
    faults(&stage, json!([]));
    stage.change(7, json!({ "salesReference": "SO-7-B" }));
    stage.next().await;
    assert_books(&stage).await;
}

/// Somebody skips a document that is prepared already and about to leave: the others leave without it.
#[tokio::test(start_paused = true)]
async fn a_document_that_is_skipped_at_the_last_moment() {
    use ledgerline::{
        operate::{Answer, Bulk, Request},
        store::Filter,
    };
    let stage = stage().await;
    // The proof of the account is the last thing before the first document leaves.
    faults(
        &stage,
        json!([{
            "match": { "method": "GET", "path": "/api.xro/2.0/Organisation/Actions" },
            "fault": "slow:10000",
        }]),
    );
    let skip = async {
        tokio::time::sleep(Duration::from_secs(8)).await;
        let filter = Filter {
            ids: vec![format!("{NOTES}/5007").parse().expect("an id")],
            ..Filter::default()
        };
        let bulk = Bulk {
            filter,
            reason: Some("not ours".into()),
            count_only: false,
        };
        stage.ask(Request::Skip(bulk)).await
    };
    let (report, skipped) = tokio::join!(stage.sync(), skip);
    let Answer::Changed(changed) = skipped else {
        panic!("{skipped:?}")
    };
    assert_eq!(changed.tally.count, 1, "{changed:?}");
    assert_eq!(
        stage.entry(&format!("{NOTES}/5007")).await.state,
        State::Skipped
    );
    assert_eq!(row(&report, NOTES).created.count, ALL - 1, "{report:#?}");
    assert_eq!(stage.world.xero(ORGANISATION).credit_note_count(), 11);
    assert_eq!(stage.world.omni(ACCOUNT).credit_notes().len(), 12);
    for serial in (1..=COUNT).filter(|it| *it != 7) {
        stage.assert_arrived(serial).await;
    }
}
