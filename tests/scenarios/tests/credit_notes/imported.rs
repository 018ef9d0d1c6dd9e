//! Omni's accounting import status: written once the note is safely in Xero, read back, and heeded.

use ledgerline::{operate::SyncRequest, store::State};
use ledgerline_plugin_api::manifest::Category;
use scenarios::{
    Stage,
    books::{
        ACCOUNT, IMPORTED, NOTES, dec, line, lines_of, money, note, one_customer, posted_by_hand,
    },
};
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn it_becomes_imported_once_xero_has_it() {
    let stage = Stage::new(one_customer()).await;
    stage.put(note(7, json!({})));
    stage.put(note(8, json!({ "salesReference": "" })));
    stage.sync().await;
    stage.assert_arrived(7).await;
    let date = &stage.omni_note(7)["accountingAttributes"]["importDate"];
    assert!(
        date.as_str()
            .is_some_and(|it| it.starts_with("2026-11-22T")),
        "{date}"
    );
    assert_eq!(
        stage.import_status(8),
        "NotImported",
        "what stopped is not marked"
    );

    // Our own mark changes the note in Omni; it must not go round in circles.
    let calls = stage.world.calls().len();
    let report = stage.next().await;
    assert_eq!(report.calls.values().map(|it| it.writing).sum::<u64>(), 0);
    assert!(stage.world.calls().len() - calls < 12, "{:?}", report.calls);
    stage.assert_arrived(7).await;
}

#[tokio::test(start_paused = true)]
async fn a_mark_that_does_not_stick_is_shown_and_nothing_is_sent_again() {
    let stage = Stage::new(one_customer()).await;
    let omni = stage.world.omni(ACCOUNT);
    omni.edit(
        "behaviour",
        "",
        json!({ "accounting-attributes-stick": false }),
    )
    .unwrap();
    stage.put(note(7, json!({})));
    stage.sync().await;
    assert_eq!(
        stage.note_entry(7).await.state,
        State::Synced,
        "it is in Xero all the same"
    );
    assert_eq!(stage.import_status(7), "NotImported");
    let follow_up = stage.entry(&format!("{IMPORTED}/5007")).await;
    assert_eq!(follow_up.state, State::Warning);
    let problem = follow_up.problem.expect("a problem");
    assert_eq!(problem.category, Category::FollowUp, "{problem:?}");
    assert!(!problem.remedy.is_empty());

    // It is one row of what is stopped.
    let groups = stage.engine.store().groups(&[IMPORTED.to_owned()]).unwrap();
    assert_eq!(groups.len(), 1);

    for _ in 0..3 {
        stage.next().await;
    }
    assert_eq!(stage.xero_writes(), 1, "nothing is sent to Xero again");
    assert_eq!(stage.xero_numbers(), ["7 CRN-7"]);

    // Mended in Omni and retried, the mark is written, and only that.
    omni.edit(
        "behaviour",
        "",
        json!({ "accounting-attributes-stick": true }),
    )
    .unwrap();
    stage.retry(IMPORTED).await;
    stage.next().await;
    stage.assert_arrived(7).await;
    assert_eq!(stage.xero_writes(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_reset_note_that_did_not_change_is_only_marked_again() {
    let stage = Stage::new(one_customer()).await;
    stage.put(note(7, json!({})));
    stage.sync().await;
    let before = stage.xero_note(7);
    let reset = json!({ "accountingAttributes": { "accountingImportStatus": "NotImported" } });
    stage.change(7, reset);
    stage.next().await;
    stage.assert_arrived(7).await;
    assert_eq!(stage.xero_note(7), before);
    assert_eq!(stage.xero_writes(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_reset_note_updates_its_linked_document() {
    let stage = Stage::new(one_customer()).await;
    stage.put(note(7, json!({})));
    stage.sync().await;
    let before = stage.xero_note(7);
    stage.change(
        7,
        json!({
            "accountingAttributes": { "accountingImportStatus": "NotImported" },
            "salesReference": "SO-7/B",
            "productTotal": -60.0, "total": -66.0,
            "lineItems": [line("Mug", -3, "20.0", json!({}))],
        }),
    );
    let report = stage.next().await;
    stage.assert_arrived(7).await;
    let after = stage.xero_note(7);
    assert_eq!(
        after["CreditNoteID"], before["CreditNoteID"],
        "the same document"
    );
    assert_eq!(stage.xero_numbers(), ["7 CRN-7"], "never a second one");
    assert_eq!(after["Reference"], "SO-7/B");
    assert_eq!(lines_of(&after), ["200 OUTPUT 3 60 6"]);
    assert_eq!(
        after["LineItems"][0]["LineItemID"],
        before["LineItems"][0]["LineItemID"]
    );
    assert_eq!(money(&after["Total"]), dec("66"));
    assert_eq!(report.routes[NOTES].updated.count, 1);
    assert_eq!(report.routes[NOTES].created.count, 0);
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_imported_is_found_and_linked() {
    // Imported before the cut-over, so nobody posts at our side.
    let stage = Stage::new(posted_by_hand(json!({}))).await;
    let imported = json!({ "accountingAttributes": {
        "accountingImportStatus": "Imported", "importDate": "2026-06-20T01:00:00Z",
    } });
    stage.put(note(7, imported));
    let report = stage.sync().await;
    stage.assert_arrived(7).await;
    assert_eq!(stage.xero_writes(), 0);
    assert_eq!(report.routes[NOTES].adopted.count, 1);
    assert!(report.parked.is_empty(), "{:?}", report.parked);

    // It is a link like any other: a later change of the note meets the bookkeeper's rules.
    assert!(stage.note_entry(7).await.held.expect("a link").adopted);
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_imported_and_xero_does_not_hold_is_shown() {
    let stage = Stage::new(one_customer()).await;
    let imported = json!({ "accountingAttributes": {
        "accountingImportStatus": "Imported", "importDate": "2026-06-20T01:00:00Z",
    } });
    stage.put(note(7, imported));
    stage.sync().await;
    stage.next().await;
    stage
        .assert_stopped(7, State::Warning, "in the books already")
        .await;
    assert_eq!(stage.writing_calls(), 0, "never sent");

    // Reset in Omni, it is ours to send.
    let reset = json!({ "accountingAttributes": { "accountingImportStatus": "NotImported" } });
    stage.change(7, reset);
    stage.next().await;
    stage.assert_arrived(7).await;
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_imported_and_differs_is_shown() {
    let stage = Stage::new(posted_by_hand(json!({ "Date": "2026-11-10" }))).await;
    let imported = json!({ "accountingAttributes": {
        "accountingImportStatus": "Imported", "importDate": "2026-06-20T01:00:00Z",
    } });
    stage.put(note(7, imported));
    stage.sync().await;
    let entry = stage.note_entry(7).await;
    assert_eq!(entry.state, State::Warning);
    assert!(
        entry
            .problem
            .expect("a problem")
            .cause
            .contains("2026-11-10")
    );
    assert_eq!(stage.writing_calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn it_is_read_once_more_before_a_create() {
    let stage = Stage::new(one_customer()).await;
    stage.put(note(7, json!({})));
    // Ready, but not confirmed yet.
    stage.sync_with(SyncRequest::default()).await;
    assert_eq!(stage.note_entry(7).await.state, State::Pending);
    stage.pass(std::time::Duration::from_secs(600)).await;
    // Somebody else imports it, without a trace in its date of change.
    let imported = json!({ "accountingAttributes": {
        "accountingImportStatus": "Imported", "importDate": "2026-06-20T01:00:00Z",
    } });
    let edit = sandbox::edit::Edit {
        vendor: sandbox::Vendor::Omni,
        account: ACCOUNT.into(),
        kind: "CreditNotes".into(),
        id: "5007".into(),
        line: None,
        patch: scenarios::books::to_json(imported),
        quiet: true,
    };
    stage.world.edit(&edit).unwrap();
    stage.sync().await;
    stage
        .assert_stopped(7, State::Warning, "in the books already")
        .await;
    assert_eq!(stage.writing_calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_second_poster_parks_the_connection_until_it_is_confirmed() {
    let stage = Stage::new(posted_by_hand(json!({}))).await;
    let imported = json!({ "accountingAttributes": {
        "accountingImportStatus": "Imported", "importDate": "2026-11-20T01:00:00Z",
    } });
    stage.put(note(7, imported));
    stage.put(note(8, json!({})));
    // Confirmed before the other poster was seen: that does not count.
    let report = stage.sync().await;
    assert!(
        report.parked["omni-au"].contains("not us"),
        "{:?}",
        report.parked
    );
    let report = stage.next_with(SyncRequest::default()).await;
    assert!(
        report.parked["omni-au"].contains("--confirm"),
        "{:?}",
        report.parked
    );
    assert_eq!(
        stage.writing_calls(),
        0,
        "nothing goes while both would post"
    );
    assert_eq!(stage.note_entry(8).await.state, State::Pending);

    stage.next().await;
    stage.assert_arrived(8).await;
    stage.assert_arrived(7).await;
    assert_eq!(
        stage.xero_writes(),
        1,
        "the other poster's note is linked, not sent"
    );

    // Posting once more after the confirmation is noticed, too.
    stage.put(note(
        9,
        json!({ "accountingAttributes": {
        "accountingImportStatus": "Imported", "importDate": "2026-11-22T02:03:00Z",
    } }),
    ));
    let report = stage.next_with(SyncRequest::default()).await;
    assert!(report.parked.contains_key("omni-au"), "{:?}", report.parked);
}

/// Omni marks note 7 as imported before the cut-over; its own link gave other numbers than the route.
async fn posted_by_the_own_link(patches: &[serde_json::Value]) -> Stage {
    let mut seed = posted_by_hand(json!({}));
    for organisation in &mut seed.xero.organisations {
        organisation.credit_notes.clear();
    }
    for patch in patches {
        let other = posted_by_hand(patch.clone());
        for (to, from) in seed
            .xero
            .organisations
            .iter_mut()
            .zip(other.xero.organisations)
        {
            to.credit_notes.extend(from.credit_notes);
        }
    }
    let stage = Stage::with(seed, |it| {
        let route = it.routes.get_mut(NOTES).unwrap();
        let numbers = r#"["CN-\(.creditNoteNumber)", .reference, null]"#;
        route.imported_number = Some(numbers.to_owned());
    })
    .await;
    let imported = json!({ "accountingAttributes": {
        "accountingImportStatus": "Imported", "importDate": "2026-06-20T01:00:00Z",
    } });
    stage.put(note(7, imported));
    stage.put(note(8, json!({})));
    stage.sync().await;
    stage
}

#[tokio::test(start_paused = true)]
async fn what_the_own_link_numbered_differently_is_found_and_linked() {
    let stage = posted_by_the_own_link(&[json!({ "CreditNoteNumber": "CRN-7" })]).await;
    stage.assert_arrived(8).await;
    let entry = stage.note_entry(7).await;
    assert_eq!(entry.state, State::Synced, "{:?}", entry.problem);
    assert!(entry.held.expect("a link").adopted);
    assert_eq!(
        entry.number.as_deref(),
        Some("CRN-7"),
        "the number that it has there"
    );
    assert_eq!(stage.xero_numbers(), ["8 CRN-8", "CRN-7"]);
    let writes = stage.xero_writes();
    stage.next().await;
    assert_eq!(stage.xero_writes(), writes, "nothing is sent for it");

    // A later change updates it and leaves it its number.
    stage.change(7, json!({ "salesReference": "SO-7/B" }));
    stage.next().await;
    assert_eq!(stage.xero_numbered("CRN-7")["Reference"], "SO-7/B");
    assert_eq!(stage.xero_numbers(), ["8 CRN-8", "CRN-7"]);
}

#[tokio::test(start_paused = true)]
async fn what_the_own_link_numbered_differently_and_differs_is_shown() {
    let stage = posted_by_the_own_link(&[json!({
        "CreditNoteNumber": "CN-7", "Date": "2026-11-10",
    })])
    .await;
    stage.assert_stopped(7, State::Warning, "2026-11-10").await;
    let entry = stage.note_entry(7).await;
    assert!(entry.candidates[0].label.contains("CN-7"), "{entry:?}");
    assert_eq!(stage.xero_numbers(), ["8 CRN-8", "CN-7"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_found_under_none_of_its_numbers_is_shown_with_all_of_them() {
    let stage = posted_by_the_own_link(&[]).await;
    stage
        .assert_stopped(7, State::Warning, "nothing under 7 CRN-7, CN-7, CRN-7")
        .await;
    assert_eq!(stage.xero_numbers(), ["8 CRN-8"], "never sent");
}

#[tokio::test(start_paused = true)]
async fn what_the_books_hold_twice_is_shown() {
    let stage = posted_by_the_own_link(&[
        json!({ "CreditNoteNumber": "CN-7" }),
        json!({ "CreditNoteNumber": "7 CRN-7" }),
    ])
    .await;
    let entry = stage.note_entry(7).await;
    assert_eq!((entry.state, entry.held), (State::Warning, None));
    let cause = entry.problem.expect("a problem").cause;
    assert!(cause.contains("more than once"), "{cause}");
    assert!(
        cause.contains("CN-7") && cause.contains("7 CRN-7"),
        "{cause}"
    );
}
