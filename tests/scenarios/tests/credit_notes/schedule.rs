//! By hand unless the route says so: the engine running by itself, on paused time.

use std::time::Duration;

use ledgerline::{config::Trigger, operate::SyncRequest, store::State};
use ledgerline_plugin_api::manifest::HeldState;
use scenarios::{
    Stage,
    books::{CUSTOMERS, IMPORTED, NOTES, note, one_customer},
};
use serde_json::json;

/// The engine runs by itself for a while.
async fn runs(stage: &Stage, minutes: u64) {
    tokio::select! {
        ended = stage.engine.run() => panic!("it ended: {ended:?}"),
        () = tokio::time::sleep(Duration::from_secs(minutes * 60 + 10)) => {}
    }
}

async fn with_trigger(trigger: Trigger) -> Stage {
    Stage::with(one_customer(), move |it| {
        for route in [NOTES, CUSTOMERS, IMPORTED] {
            it.routes.get_mut(route).unwrap().trigger = trigger.clone();
        }
    })
    .await
}

#[test]
fn a_route_without_a_trigger_is_by_hand() {
    let folder = scenarios::repository().join("config");
    let deployment = ledgerline::config::load_demo(&folder, &|_| None).expect("it is sound");
    // What the file says counts; what it leaves out is by hand.
    assert!(matches!(
        deployment.routes[NOTES].trigger,
        Trigger::Every(_)
    ));
    let copy = tempfile::tempdir().unwrap();
    let parts = ["cin7-omni", "cin7-core", "zudello", "xero"].map(|it| format!("mappings/{it}"));
    for part in parts.iter().map(String::as_str).chain(["routes", "tables"]) {
        std::fs::create_dir_all(copy.path().join(part)).unwrap();
        for file in std::fs::read_dir(folder.join(part)).unwrap() {
            let file = file.unwrap();
            if file.file_type().unwrap().is_file() {
                std::fs::copy(file.path(), copy.path().join(part).join(file.file_name())).unwrap();
            }
        }
    }
    std::fs::copy(
        folder.join("ledgerline.toml"),
        copy.path().join("ledgerline.toml"),
    )
    .unwrap();
    let route = copy.path().join("routes/omni-credit-notes.toml");
    let text = std::fs::read_to_string(&route).unwrap();
    std::fs::write(&route, text.replace("trigger = \"every 5m\"", "")).unwrap();
    let deployment = match ledgerline::config::load(copy.path(), &|_| None) {
        Ok(it) => it,
        Err(findings) => panic!("{}", findings.render(false)),
    };
    assert!(matches!(deployment.routes[NOTES].trigger, Trigger::Manual));
}

#[tokio::test(start_paused = true)]
async fn by_hand_everything_is_made_ready_and_nothing_sent() {
    let stage = with_trigger(Trigger::Manual).await;
    // Confirmed once, so that only the trigger keeps the rest back.
    stage.put(note(6, json!({})));
    stage.sync().await;
    stage.put(note(7, json!({})));
    stage.put(note(8, json!({ "salesReference": "" })));
    runs(&stage, 120).await;
    assert_eq!(stage.xero_numbers(), ["6 CRN-6"]);
    assert_eq!(
        stage.note_entry(7).await.state,
        State::Pending,
        "ready for the button"
    );
    stage
        .assert_stopped(8, State::Warning, "no sales reference")
        .await;

    // What a person asked for goes with the next round.
    let filter = ledgerline::store::Filter {
        ids: vec![format!("{NOTES}/5007").parse().unwrap()],
        ..Default::default()
    };
    stage
        .bulk(ledgerline::operate::Request::Retry, filter)
        .await;
    stage.put(note(9, json!({})));
    runs(&stage, 16).await;
    stage.assert_arrived(7).await;
    assert_eq!(stage.xero_numbers(), ["6 CRN-6", "7 CRN-7"]);

    // The button sends the rest.
    stage.next_with(SyncRequest::default()).await;
    stage.assert_arrived(9).await;
}

#[tokio::test(start_paused = true)]
async fn on_a_schedule_a_note_arrives_by_itself() {
    let stage = with_trigger(Trigger::Every(Duration::from_secs(300))).await;
    stage.put(note(6, json!({})));
    runs(&stage, 11).await;
    assert_eq!(
        stage.writing_calls(),
        0,
        "the first live sync is confirmed by a person"
    );
    stage.sync().await;
    stage.assert_arrived(6).await;

    stage.put(note(7, json!({})));
    stage.put(note(8, json!({ "salesReference": "" })));
    runs(&stage, 6).await;
    stage.assert_arrived(7).await;
    assert_eq!(stage.note_entry(8).await.state, State::Warning);
    // Mended in Omni, the stopped one follows.
    stage.change(8, json!({ "salesReference": "SO-8" }));
    runs(&stage, 6).await;
    stage.assert_arrived(8).await;
}

#[tokio::test(start_paused = true)]
async fn at_a_time_of_day() {
    let stage = with_trigger(Trigger::Cron("0 18 * * *".into())).await;
    stage.put(note(6, json!({})));
    stage.sync().await;
    // It is 13:00 in Sydney.
    runs(&stage, 1).await;
    stage.put(note(7, json!({})));
    stage.pass(Duration::from_secs(60)).await;
    tokio::select! {
        ended = stage.engine.run() => panic!("it ended: {ended:?}"),
        () = async {
            // Whatever is done at the start of the engine.
            stage.pass(Duration::from_secs(60)).await;
            stage.put(note(8, json!({})));
            stage.pass(Duration::from_secs(4 * 3600)).await;
            assert_eq!(stage.world.omni(scenarios::books::ACCOUNT).credit_notes().len(), 3);
            assert!(!stage.xero_numbers().contains(&"8 CRN-8".to_owned()), "17:02");
            stage.pass(Duration::from_secs(3600)).await;
        } => {}
    }
    stage.assert_arrived(8).await;
}

#[tokio::test(start_paused = true)]
async fn what_xero_holds_is_read_back_hourly() {
    let stage = with_trigger(Trigger::Every(Duration::from_secs(300))).await;
    stage.put(note(7, json!({})));
    stage.put(note(8, json!({})));
    stage.sync().await;
    stage.change_xero("credit_notes", "7 CRN-7", json!({ "Status": "AUTHORISED" }));
    stage.change_xero("credit_notes", "8 CRN-8", json!({ "Status": "DELETED" }));
    stage.world.clear_calls();
    runs(&stage, 130).await;
    assert_eq!(
        stage.note_entry(7).await.held.unwrap().state,
        Some(HeldState::Approved)
    );
    assert_eq!(stage.note_entry(8).await.state, State::Warning);
    // Two hours of runs every five minutes: a call an hour.
    let calls = stage.world.calls();
    let reads = calls
        .iter()
        .filter(|it| it.target.starts_with("/api.xro/2.0/CreditNotes"))
        .count();
    assert!((1..=3).contains(&reads), "{reads} reads");
    assert_eq!(stage.xero_writes(), 0);
}
