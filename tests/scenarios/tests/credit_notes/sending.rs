//! When documents leave: the cut-over, the first live sync, dry runs, what is selected, and the totals
//! that a run ends with.

use ledgerline::{
    config,
    operate::{Request, SyncRequest},
    store::{Filter, State},
};
use scenarios::{
    Stage,
    books::{CUSTOMERS, IMPORTED, NOTES, dec, line, money, note, one_customer},
    repository,
};
use serde_json::json;

/// All that a store tells, as text.
fn told(stage: &Stage) -> String {
    let store = stage.engine.store();
    let mut text = String::new();
    for route in [NOTES, CUSTOMERS, IMPORTED] {
        let filter = Filter {
            routes: vec![route.into()],
            ..Filter::default()
        };
        let mut after = None;
        loop {
            let page = store.page_of(&filter, after.as_deref(), 500).unwrap();
            text += &format!("{:#?}\n", page.rows);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    for (connection, stream) in [
        ("omni-au", "credit_notes"),
        ("omni-au", "customers"),
        ("xero-au", "contacts"),
        ("xero-au", "accounts"),
    ] {
        let id = ledgerline::store::StreamId {
            connection: connection.into(),
            stream: stream.into(),
        };
        text += &format!(
            "{:?}\n{:?}\n",
            store.cursor(&id).unwrap(),
            store.documents(&id, None, 9999).unwrap()
        );
    }
    text + &format!(
        "{:?}\n{:?}\n",
        store.totals().unwrap(),
        store.notes("").unwrap()
    )
}

#[tokio::test(start_paused = true)]
async fn the_first_live_sync_stops_after_a_preview() {
    let stage = Stage::with(one_customer(), |it| {
        it.routes.get_mut(NOTES).unwrap().batch = Some(2);
    })
    .await;
    for serial in [7, 8, 9] {
        stage.put(note(serial, json!({})));
    }
    stage.put(note(10, json!({ "salesReference": "" })));
    for _ in 0..2 {
        let report = stage.next_with(SyncRequest::default()).await;
        assert_eq!(report.unconfirmed.len(), 1, "{:?}", report.unconfirmed);
        let preview = &report.unconfirmed[0];
        assert_eq!(preview.route, NOTES);
        assert_eq!(preview.create.count, 3, "how many");
        assert_eq!(preview.create.money["AUD"], dec("132"), "how much money");
        assert_eq!(preview.calls, 2, "how many calls");
        assert_eq!(stage.writing_calls(), 0, "nothing is sent before");
        assert_eq!(stage.import_status(7), "NotImported");
    }
    let report = stage.next().await;
    assert!(report.unconfirmed.is_empty());
    assert_eq!(
        report.calls["xero-au"].writing, 2,
        "as many calls as were told"
    );
    stage.assert_arrived(7).await;

    // Once is enough.
    stage.put(note(11, json!({})));
    let report = stage.next_with(SyncRequest::default()).await;
    assert!(report.unconfirmed.is_empty());
    stage.assert_arrived(11).await;
}

#[tokio::test(start_paused = true)]
async fn a_route_may_be_confirmed_in_its_file() {
    let stage = Stage::with(one_customer(), |it| {
        it.routes.get_mut(NOTES).unwrap().confirmed = true;
    })
    .await;
    stage.put(note(7, json!({})));
    stage.sync_with(SyncRequest::default()).await;
    stage.assert_arrived(7).await;
}

#[test]
fn a_source_needs_a_start_date() {
    let folder = tempfile::tempdir().unwrap();
    copy(&repository().join("config"), folder.path());
    let path = folder.path().join("ledgerline.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(config::load_demo(folder.path(), &|_| None).is_ok());
    std::fs::write(&path, text.replace("start-date = 2026-07-01\n", "")).unwrap();
    let findings = config::load_demo(folder.path(), &|_| None)
        .unwrap_err()
        .render(false);
    assert!(
        findings.contains("omni-au") && findings.contains("start-date"),
        "{findings}"
    );
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true if entry.file_name() == "state" => {}
            true => copy(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_lies_before_the_cut_over_is_skipped() {
    let stage = Stage::new(one_customer()).await;
    let open = json!({ "PeriodLockDate": null, "EndOfYearLockDate": null });
    stage.change_xero("organisation", "", open);
    // Midnight in Sydney of 30 June and of 1 July.
    stage.put(note(7, json!({ "creditNoteDate": "2026-06-29T14:00:00Z" })));
    stage.put(note(8, json!({ "creditNoteDate": "2026-06-30T14:00:00Z" })));
    stage.sync().await;
    let entry = stage.note_entry(7).await;
    assert_eq!(entry.state, State::Skipped);
    assert!(
        entry.last_words().contains("before cut-over"),
        "{}",
        entry.last_words()
    );
    stage.assert_arrived(8).await;
    assert_eq!(stage.xero_note(8)["Date"], "2026-07-01");

    // A reset does not lift it.
    let filter = Filter {
        routes: vec![NOTES.into()],
        states: vec![State::Skipped],
        ..Filter::default()
    };
    assert_eq!(stage.bulk(Request::Reset, filter).await.tally.count, 1);
    stage.next().await;
    assert_eq!(stage.note_entry(7).await.state, State::Skipped);
    assert_eq!(stage.xero_numbers(), ["8 CRN-8"]);
    assert_eq!(stage.import_status(7), "NotImported");
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_shows_all_and_changes_nothing() {
    let stage = Stage::new(one_customer()).await;
    stage.put(note(7, json!({})));
    stage.sync().await;
    stage.put(note(8, json!({})));
    stage.put(note(9, json!({ "salesReference": "" })));
    stage.change(7, json!({ "salesReference": "SO-7/B" }));
    stage.pass(std::time::Duration::from_secs(60)).await;
    let before = told(&stage);
    let (state, writes) = (stage.world.state(), stage.writing_calls());
    // Not even confirmations are kept.
    let request = SyncRequest {
        dry_run: true,
        confirm: true,
        ..SyncRequest::default()
    };
    let report = stage.sync_with(request).await;
    let mut planned: Vec<(String, String)> = report
        .planned
        .iter()
        .map(|it| (it.action.clone(), it.number.clone().unwrap_or_default()))
        .collect();
    planned.sort();
    let wanted = [("create", "8 CRN-8"), ("update", "7 CRN-7")];
    assert_eq!(planned, wanted.map(|(a, b)| (a.to_owned(), b.to_owned())));
    let body = report
        .planned
        .iter()
        .find(|it| it.action == "create")
        .unwrap()
        .body
        .clone();
    assert!(body.contains("SO-8") && body.contains("OUTPUT"), "{body}");
    assert_eq!(report.routes[NOTES].stopped["warning"], 1);
    assert!(
        report.calls.values().all(|it| it.writing == 0),
        "{:?}",
        report.calls
    );
    assert_eq!(stage.writing_calls(), writes);
    assert_eq!(told(&stage), before, "the store is as it was");
    let after = stage.world.state();
    assert_eq!(after["xero"], state["xero"]);
    assert_eq!(after["omni"], state["omni"]);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_of_a_new_deployment_confirms_nothing() {
    let stage = Stage::new(one_customer()).await;
    stage.put(note(7, json!({})));
    let request = SyncRequest {
        dry_run: true,
        confirm: true,
        ..SyncRequest::default()
    };
    let report = stage.sync_with(request).await;
    assert_eq!(report.planned.len(), 1, "{:?}", report.planned);
    assert_eq!(stage.states(NOTES).await.len(), 0, "not even taken in");
    let report = stage.next_with(SyncRequest::default()).await;
    assert_eq!(report.unconfirmed.len(), 1);
    assert_eq!(stage.writing_calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn upload_selected_sends_what_is_selected_and_upload_all_the_rest() {
    let stage = Stage::new(one_customer()).await;
    for serial in [7, 8, 9] {
        stage.put(note(serial, json!({})));
    }
    let selected = |filter: Filter| SyncRequest {
        filter: Some(filter),
        confirm: true,
        ..SyncRequest::default()
    };
    let id = format!("{NOTES}/5008").parse().unwrap();
    stage
        .sync_with(selected(Filter {
            ids: vec![id],
            ..Filter::default()
        }))
        .await;
    stage.assert_arrived(8).await;
    assert_eq!(stage.xero_numbers(), ["8 CRN-8"]);
    assert_eq!(
        stage.states(NOTES).await,
        [("pending", 2), ("synced", 1)].into()
    );

    let text = Filter {
        text: Some("CRN-9".into()),
        ..Filter::default()
    };
    stage.next_with(selected(text)).await;
    assert_eq!(stage.xero_numbers(), ["8 CRN-8", "9 CRN-9"]);
    stage.assert_arrived(9).await;

    stage.next().await;
    assert_eq!(stage.xero_numbers(), ["7 CRN-7", "8 CRN-8", "9 CRN-9"]);
    stage.assert_arrived(7).await;
}

#[tokio::test(start_paused = true)]
async fn a_run_ends_with_control_totals() {
    let stage = Stage::new(one_customer()).await;
    let foreign = json!({
        "currencyCode": "USD", "currencyRate": 1.538462, "taxStatus": "Exempt", "taxRate": 0, "total": -40.0,
    });
    for serial in [7, 8, 9] {
        stage.put(note(serial, json!({})));
    }
    stage.put(note(10, foreign));
    stage.put(note(11, json!({ "salesReference": "" })));
    let report = stage.sync().await;
    let row = &report.routes[NOTES];
    assert_eq!((row.pulled, row.new, row.created.count), (5, 5, 4));
    assert_eq!(row.stopped["warning"], 1);
    // By currency they are what Xero holds.
    for currency in ["AUD", "USD"] {
        let held = stage.xero_notes();
        let there = held.iter().filter(|it| it["CurrencyCode"] == currency);
        let sum: rust_decimal::Decimal = there.map(|it| money(&it["Total"])).sum();
        assert_eq!(row.created.money[currency], sum, "{currency}");
    }
    // Posted and unposted apart, what stopped with its money.
    let totals = stage.engine.store().totals().unwrap();
    let of = |state: State| {
        totals
            .iter()
            .find(|it| it.route == NOTES && it.state == state)
            .unwrap()
    };
    assert_eq!(of(State::Synced).tally.money["AUD"], dec("132"));
    assert_eq!(
        of(State::Synced).held,
        Some(ledgerline_plugin_api::manifest::HeldState::Draft)
    );
    assert_eq!(of(State::Warning).tally.money["AUD"], dec("44"));

    stage.change(7, json!({
        "productTotal": -60.0, "total": -66.0, "lineItems": [line("Mug", -3, "20.0", json!({}))],
    }));
    let report = stage.next().await;
    let row = &report.routes[NOTES];
    assert_eq!((row.created.count, row.updated.count), (0, 1));
    assert_eq!(row.updated.money["AUD"], dec("66"));
}
