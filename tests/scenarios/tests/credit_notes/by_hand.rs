//! What a person does to what stopped: retry, reset, skip, with the count first and the name after.

use ledgerline::{
    operate::{Answer, Bulk, Request, SyncRequest},
    store::{Actor, Filter, State},
};
use scenarios::{
    Stage,
    books::{NOTES, dec, note, one_customer},
};
use serde_json::json;

fn on(states: &[State]) -> Filter {
    Filter {
        routes: vec![NOTES.into()],
        states: states.to_vec(),
        ..Filter::default()
    }
}

#[tokio::test(start_paused = true)]
async fn skipped_with_reason_name_and_date_and_taken_back() {
    let stage = Stage::new(one_customer()).await;
    stage.put(note(7, json!({ "salesReference": "" })));
    stage.put(note(8, json!({})));
    stage.sync().await;

    // Counted before it is done.
    let bulk = Bulk {
        filter: on(&[]),
        reason: Some("paid in cash".into()),
        count_only: true,
    };
    match stage.ask(Request::Skip(bulk.clone())).await {
        Answer::Changed(it) => {
            assert_eq!((it.tally.count, it.counted_only), (1, true));
            assert_eq!(it.tally.money["AUD"], dec("44"));
            assert_eq!(
                it.left.values().sum::<u64>(),
                1,
                "a synced one is not undone: {:?}",
                it.left
            );
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(stage.note_entry(7).await.state, State::Warning);

    stage
        .ask(Request::Skip(Bulk {
            count_only: false,
            ..bulk
        }))
        .await;
    let entry = stage.note_entry(7).await;
    assert_eq!(entry.state, State::Skipped);
    let last = entry.events.last().unwrap();
    assert_eq!(last.by, Actor::Person("kim".into()));
    assert!(last.what.contains("paid in cash"));
    assert!(last.at > 0);
    stage.assert_arrived(8).await;

    // It stays out, whatever changes in Omni, and is counted.
    stage.change(7, json!({ "salesReference": "SO-7" }));
    stage.next().await;
    assert_eq!(stage.note_entry(7).await.state, State::Skipped);
    let totals = stage.engine.store().totals().unwrap();
    let row = totals
        .iter()
        .find(|it| it.route == NOTES && it.state == State::Skipped)
        .unwrap();
    assert_eq!(row.tally.money["AUD"], dec("44"));

    assert_eq!(
        stage
            .bulk(Request::Reset, on(&[State::Skipped]))
            .await
            .tally
            .count,
        1
    );
    stage.next().await;
    stage.assert_arrived(7).await;
}

#[tokio::test(start_paused = true)]
async fn a_bulk_reset_of_synced_ones_creates_nothing() {
    let stage = Stage::new(one_customer()).await;
    for serial in 7..12 {
        stage.put(note(serial, json!({})));
    }
    stage.sync().await;
    let before = stage.xero_notes();
    assert_eq!(stage.bulk(Request::Reset, on(&[])).await.tally.count, 5);
    let report = stage.next().await;
    assert_eq!(
        report.calls.values().map(|it| it.writing).sum::<u64>(),
        0,
        "{:?}",
        report.calls
    );
    assert_eq!(stage.xero_notes(), before);
    assert_eq!(stage.states(NOTES).await, [("synced", 5)].into());

    // A retry says why it leaves them.
    let changed = stage.bulk(Request::Retry, on(&[])).await;
    assert_eq!(changed.tally.count, 0);
    assert!(
        changed.left.keys().any(|it| it.contains("synced already")),
        "{:?}",
        changed.left
    );
}

#[tokio::test(start_paused = true)]
async fn a_misspelt_route_selects_nothing_and_is_told() {
    let stage = Stage::new(one_customer()).await;
    let request = SyncRequest {
        routes: vec!["omni-credit-note".into()],
        ..SyncRequest::default()
    };
    match stage.ask(Request::Sync(request)).await {
        Answer::Refused { message } => assert!(message.contains("omni-credit-notes"), "{message}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn show_tells_what_would_be_sent_and_what_was() {
    let stage = Stage::new(one_customer()).await;
    stage.put(note(7, json!({})));
    stage.put(note(8, json!({ "salesReference": "" })));
    stage.sync_with(SyncRequest::default()).await;
    let show = async |serial: i64| match stage
        .ask(Request::Show {
            id: format!("{NOTES}/{}", 5000 + serial).parse().unwrap(),
        })
        .await
    {
        Answer::Entry(it) => *it,
        other => panic!("{other:?}"),
    };
    let before = show(7).await;
    assert!(
        before.mapped.as_ref().is_ok_and(|it| it.contains("SO-7")),
        "{:?}",
        before.mapped
    );
    assert!(
        show(8)
            .await
            .mapped
            .unwrap_err()
            .contains("no sales reference")
    );
    stage.next().await;
    let after = show(7).await;
    assert_eq!(after.calls.len(), 1);
    assert_eq!(after.calls[0].method, "PUT");
    assert!(after.calls[0].request.contains("7 CRN-7"));
    assert_eq!(
        after.held,
        Some(ledgerline_plugin_api::manifest::HeldState::Draft)
    );
    assert!(after.document.unwrap().contains("CRN-7"));
}
