//! One bad document does not stop the others, whether Xero names it or refuses the whole call.

use ledgerline::store::State;
use sandbox::faults::{Fault, FaultRule};
use scenarios::{
    Stage,
    books::{NOTES, line, lines_of, note, one_customer},
};
use serde_json::json;

/// Xero answers this to every call that contains `words`.
fn refuses(words: &str, fault: Fault) -> FaultRule {
    let rule = json!({
        "match": { "method": "PUT", "path": "/api.xro/2.0/CreditNotes", "body-contains": words },
        "times": 10_000, "fault": fault.to_string(),
    });
    serde_json::from_value(rule).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_document_that_xero_refuses_by_name() {
    let stage = Stage::new(one_customer()).await;
    stage.put(note(1, json!({})));
    stage.sync().await;
    // Archived a moment after the list was read, so only Xero itself can tell.
    stage.change_xero("accounts", "260", json!({ "Status": "ARCHIVED" }));
    for serial in 7..57 {
        let account = if serial == 30 { "260" } else { "200" };
        let lines = json!([line("Mug", -2, "20.0", json!({ "accountCode": account }))]);
        stage.put(note(serial, json!({ "lineItems": lines })));
    }
    let report = stage.next().await;
    assert_eq!(report.calls["xero-au"].writing, 1, "all fifty in one call");
    assert_eq!(report.routes[NOTES].created.count, 49);
    for serial in (7..57).filter(|it| *it != 30) {
        stage.assert_arrived(serial).await;
    }
    stage.assert_stopped(30, State::Warning, "260").await;
    let words = stage.note_entry(30).await.words.expect("Xero's own words");
    assert!(!words.is_empty());
    assert_eq!(stage.import_status(30), "NotImported");

    // Listed with cause and remedy; mended; retried.
    stage.change_xero("accounts", "260", json!({ "Status": "ACTIVE" }));
    stage.retry(NOTES).await;
    stage.next().await;
    stage.assert_arrived(30).await;
    assert_eq!(lines_of(&stage.xero_note(30)), ["260 OUTPUT 2 40 4"]);
    assert_eq!(stage.xero_notes().len(), 51);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_refused_whole_is_halved_until_the_culprit_is_alone() {
    for status in [400, 404] {
        let stage = Stage::new(one_customer()).await;
        stage
            .world
            .set_faults(vec![refuses("\"20 CRN-20\"", Fault::Status(status))]);
        for serial in 7..57 {
            stage.put(note(serial, json!({})));
        }
        let report = stage.sync().await;
        for serial in (7..57).filter(|it| *it != 20) {
            stage.assert_arrived(serial).await;
        }
        stage.assert_stopped(20, State::Warning, "").await;
        let calls = report.calls["xero-au"].writing;
        assert!(calls <= 2 * 6 + 1, "halving takes few calls: {calls}");

        stage.world.set_faults(Vec::new());
        stage.retry(NOTES).await;
        stage.next().await;
        stage.assert_arrived(20).await;
        assert_eq!(stage.xero_notes().len(), 50, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_document_on_which_the_server_fails_does_not_keep_the_others_back() {
    let stage = Stage::new(one_customer()).await;
    stage
        .world
        .set_faults(vec![refuses("\"20 CRN-20\"", Fault::Status(500))]);
    for serial in 7..57 {
        stage.put(note(serial, json!({})));
    }
    // A server that fails may have saved: each time it is asked first, and the times between grow.
    for _ in 0..24 {
        stage.pass(std::time::Duration::from_secs(600)).await;
        stage.sync().await;
    }
    for serial in (7..57).filter(|it| *it != 20) {
        stage.assert_arrived(serial).await;
    }
    assert_eq!(stage.xero_notes().len(), 49);
    let entry = stage.note_entry(20).await;
    assert_eq!(
        entry.state,
        State::Warning,
        "in the end a person is asked: {:?}",
        entry.problem
    );

    stage.world.set_faults(Vec::new());
    stage.retry(NOTES).await;
    stage.next().await;
    stage.assert_arrived(20).await;
}
