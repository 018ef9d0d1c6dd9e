//! Before the cut-over: what lies there is counted first, and sent when a person says so; exactly
//! these documents, once, also by an engine that was killed in the middle.

use std::time::Duration;

use ledgerline::{
    config::Deployment,
    operate::{Answer, BackfillReport, BackfillRequest, Request, SyncRequest},
    store::{State, StreamId},
};
use sandbox::faults::FaultRule;
use scenarios::{
    Stage,
    books::{CUSTOMERS, NOTES, dec, note, one_customer, posted_by_hand},
};
use serde_json::{Value, json};

/// A note of May 2025, changed last on that day: too long ago for the usual reading.
fn old(serial: i64, day: &str, patch: Value) -> Value {
    let mut it = note(serial, patch);
    // Noon in Sydney.
    it["creditNoteDate"] = json!(format!("{day}T02:00:00Z"));
    it["createdDate"] = it["creditNoteDate"].clone();
    it["modifiedDate"] = json!(format!("{day}T03:00:00Z"));
    it
}

fn asked(confirm: bool) -> BackfillRequest {
    BackfillRequest {
        routes: vec![NOTES.into()],
        from: "2025-01-01".parse().unwrap(),
        to: Some("2025-12-31".parse().unwrap()),
        confirm,
    }
}

async fn backfill(stage: &Stage, request: BackfillRequest) -> BackfillReport {
    match stage.ask(Request::Backfill(request)).await {
        Answer::Backfilled(it) => *it,
        other => panic!("{other:?}"),
    }
}

async fn refused(stage: &Stage, request: BackfillRequest) -> String {
    match stage.ask(Request::Backfill(request)).await {
        Answer::Refused { message } => message,
        other => panic!("{other:?}"),
    }
}

/// No period is locked.
fn open(stage: &Stage) {
    let open = json!({ "PeriodLockDate": null, "EndOfYearLockDate": null });
    stage.change_xero("organisation", "", open);
}

fn two_a_call(deployment: &mut Deployment) {
    deployment.routes.get_mut(NOTES).unwrap().batch = Some(2);
}

#[tokio::test(start_paused = true)]
async fn a_preview_counts_and_a_confirmation_sends_exactly_that() {
    // Note 7 was posted by Omni's own link before the cut-over.
    let stage = Stage::with(posted_by_hand(json!({ "Date": "2025-05-07" })), two_a_call).await;
    open(&stage);
    stage.put(note(1, json!({})));
    stage.sync().await;
    stage.assert_arrived(1).await;

    for (serial, day) in [(2, "2025-05-02"), (3, "2025-12-31"), (4, "2025-01-01")] {
        stage.put(old(serial, day, json!({})));
    }
    let imported = json!({ "accountingAttributes": {
        "importDate": "2025-05-08T00:00:00Z", "accountingImportStatus": "Imported",
    }});
    stage.put(old(7, "2025-05-07", imported));
    stage.put(old(8, "2025-05-08", json!({ "salesReference": "" })));
    // Beside the days.
    stage.put(old(9, "2024-12-31", json!({})));
    stage.put(old(10, "2026-01-01", json!({})));
    // Not one of the past, and nobody has asked for it yet.
    stage.put(note(11, json!({})));
    let writes = stage.xero_writes();

    for _ in 0..2 {
        let report = backfill(&stage, asked(false)).await;
        let [row] = report.routes.as_slice() else {
            panic!("{report:#?}")
        };
        assert_eq!(row.route, NOTES);
        assert_eq!(row.documents.count, 5, "{report:#?}");
        assert_eq!(row.documents.money["AUD"], dec("220"));
        assert_eq!(row.already.count, 1, "{report:#?}");
        assert_eq!(row.create.count, 3, "{report:#?}");
        assert_eq!(row.create.money["AUD"], dec("132"));
        assert_eq!(row.stopped, [("warning".to_owned(), 1)].into());
        assert_eq!(row.calls, 2);
        assert!(
            report.sync.is_none() && report.parked.is_empty(),
            "{report:#?}"
        );
        assert_eq!(stage.xero_writes(), writes, "a preview sends nothing");
        // Not even later, by itself.
        stage.pass(Duration::from_secs(60)).await;
    }
    let request = SyncRequest {
        dry_run: true,
        ..SyncRequest::default()
    };
    let planned = stage.sync_with(request).await.planned;
    assert_eq!(planned.len(), 1, "only the one of today: {planned:#?}");
    for serial in [2, 3, 4, 7, 8, 9, 10] {
        let entry = stage.note_entry(serial).await;
        assert_eq!(
            entry.state,
            State::Skipped,
            "{serial}: {}",
            entry.last_words()
        );
    }

    let report = backfill(&stage, asked(true)).await;
    let row = &report.routes[0];
    assert_eq!((row.create.count, row.calls), (3, 2), "{report:#?}");
    assert_eq!(row.stopped, [("warning".to_owned(), 1)].into());
    assert_eq!(stage.xero_writes(), writes + 2);
    for serial in [2, 3, 4] {
        stage.assert_arrived(serial).await;
    }
    assert_eq!(stage.xero_note(3)["Date"], "2025-12-31");
    let linked = stage.note_entry(7).await;
    assert_eq!(linked.state, State::Synced, "{:?}", linked.problem);
    assert!(linked.held.is_some_and(|it| it.adopted), "found, not sent");
    stage
        .assert_stopped(8, State::Warning, "no sales reference")
        .await;
    for serial in [9, 10] {
        assert_eq!(stage.note_entry(serial).await.state, State::Skipped);
    }
    let numbers = ["1 CRN-1", "2 CRN-2", "3 CRN-3", "4 CRN-4", "7 CRN-7"];
    assert_eq!(stage.xero_numbers(), numbers, "nothing else went with it");

    // Once more, after a restart: nothing is left but what stopped.
    let stage = stage.restart().await;
    let report = backfill(&stage, asked(true)).await;
    assert_eq!(report.routes[0].create.count, 0, "{report:#?}");
    assert_eq!(report.routes[0].documents.count, 1, "{report:#?}");
    assert_eq!(stage.xero_writes(), writes + 2);
    assert_eq!(stage.xero_numbers(), numbers);

    // Mended, it goes as any other.
    stage.change(8, json!({ "salesReference": "SO-8" }));
    stage.next().await;
    stage.assert_arrived(8).await;
    stage.assert_arrived(11).await;
}

#[tokio::test(start_paused = true)]
async fn killed_while_it_sends_it_goes_on_and_nothing_is_twice() {
    let stage = Stage::with(one_customer(), two_a_call).await;
    open(&stage);
    for serial in 1..=40 {
        stage.put(old(serial, "2025-05-02", json!({})));
    }
    tokio::select! {
        done = stage.ask(Request::Backfill(asked(true))) => panic!("it came to its end: {done:?}"),
        () = async {
            while stage.xero_notes().len() < 3 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        } => {}
    }
    let there = stage.xero_notes().len();
    assert!(there < 40, "{there} are there already");
    let stage = stage.restart().await;
    // What was under way may be there: it is looked for first.
    stage.pass(Duration::from_secs(300)).await;
    backfill(&stage, asked(true)).await;
    for serial in 1..=40 {
        stage.assert_arrived(serial).await;
    }
    assert_eq!(stage.xero_notes().len(), 40);
}

#[tokio::test(start_paused = true)]
async fn killed_while_it_reads_it_goes_on_where_it_was() {
    let stage = Stage::with(one_customer(), |it| {
        let omni = it.connections.get_mut("omni-au").unwrap();
        omni.settings["page-rows"] = json!(3);
    })
    .await;
    open(&stage);
    for serial in 1..=12 {
        stage.put(old(serial, &format!("2025-05-{serial:02}"), json!({})));
    }
    let place = StreamId {
        connection: "omni-au".into(),
        stream: "credit_notes (backfill 2025-01-01)".into(),
    };
    tokio::select! {
        done = stage.ask(Request::Backfill(asked(true))) => panic!("it came to its end: {done:?}"),
        () = async {
            while stage.engine.store().cursor(&place).unwrap().is_none() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        } => {}
    }
    let stage = stage.restart().await;
    assert_eq!(
        stage.xero_writes(),
        0,
        "everything is read before anything is sent"
    );
    let report = backfill(&stage, asked(true)).await;
    assert_eq!(report.routes[0].create.count, 12, "{report:#?}");
    // 90 days before the first day, asked for once.
    let calls = stage.world.calls();
    let begun = calls.iter().filter(|it| it.target.contains("2024-10-03"));
    assert_eq!(begun.count(), 1);
    for serial in 1..=12 {
        stage.assert_arrived(serial).await;
    }
    assert_eq!(stage.xero_notes().len(), 12);
}

/// The confirmation was for these documents, not for the route.
#[tokio::test(start_paused = true)]
async fn a_route_that_is_not_confirmed_stays_so() {
    let stage = Stage::new(one_customer()).await;
    open(&stage);
    stage.put(old(2, "2025-05-02", json!({})));
    stage.put(note(3, json!({})));
    backfill(&stage, asked(true)).await;
    assert_eq!(stage.xero_numbers(), ["2 CRN-2"]);
    let report = stage.next_with(SyncRequest::default()).await;
    assert_eq!(report.unconfirmed.len(), 1, "{report:#?}");
    assert_eq!(stage.xero_numbers(), ["2 CRN-2"]);
}

/// A source that cannot be read to its end: nobody knows yet what would be sent.
#[tokio::test(start_paused = true)]
async fn what_was_not_read_wholly_is_not_sent() {
    let stage = Stage::new(one_customer()).await;
    open(&stage);
    stage.put(old(2, "2025-05-02", json!({})));
    let rule = json!([{
        "match": { "method": "GET", "path": "/api/v1/CreditNotes" },
        "times": 10_000, "fault": "status:403",
    }]);
    let rules: Vec<FaultRule> = serde_json::from_value(rule).unwrap();
    stage.world.set_faults(rules);
    let report = backfill(&stage, asked(true)).await;
    assert!(report.unread && report.sync.is_none(), "{report:#?}");
    assert!(report.parked.contains_key("omni-au"), "{report:#?}");
    assert_eq!(stage.xero_writes(), 0);

    stage.world.set_faults(Vec::new());
    let report = backfill(&stage, asked(true)).await;
    assert!(!report.unread, "{report:#?}");
    stage.assert_arrived(2).await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_loaded_is_refused_with_the_reason() {
    let stage = Stage::new(one_customer()).await;
    let with = |routes: &[&str], from: &str, to: Option<&str>| BackfillRequest {
        routes: routes.iter().map(|it| (*it).to_owned()).collect(),
        from: from.parse().unwrap(),
        to: to.map(|it| it.parse().unwrap()),
        confirm: true,
    };
    let cases = [
        (with(&[CUSTOMERS], "2025-01-01", None), "have no date"),
        (
            with(&[NOTES], "2026-07-01", None),
            "the cut-over of omni-credit-notes is 2026-07-01",
        ),
        (with(&[], "2027-01-01", None), "nothing to load"),
        (
            with(&[], "2025-02-01", Some("2025-01-01")),
            "lies after --to 2025-01-01",
        ),
        (
            with(&["omni-credit-note"], "2025-01-01", None),
            "did you mean `omni-credit-notes`",
        ),
    ];
    for (request, words) in cases {
        let message = refused(&stage, request.clone()).await;
        assert!(message.contains(words), "{request:?}: {message}");
    }
    assert_eq!(stage.world.calls().len(), 0);
}
