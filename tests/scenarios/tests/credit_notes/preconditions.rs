//! Which credit notes go at all. Each that may not go stops with its cause and remedy, costs Xero
//! nothing, and goes once it was put right in Omni.

use std::time::Duration;

use ledgerline::store::State;
use sandbox::seed::Counterpart;
use scenarios::{
    Stage,
    books::{NOTES, dec, line, lines_of, money, note, one_customer, seed},
};
use serde_json::{Value, json};

/// Puts one note there, sees it stop, mends it in Omni, and sees it arrive.
async fn stops_until_mended(wrong: Value, state: State, words: &str, mend: Value) {
    let stage = Stage::new(one_customer()).await;
    stage.put(note(7, wrong));
    stage.sync().await;
    stage.assert_stopped(7, state, words).await;
    assert_eq!(stage.writing_calls(), 0, "nothing was written anywhere");

    // Nothing changes by itself.
    stage.next().await;
    stage.assert_stopped(7, state, words).await;

    stage.change(7, mend);
    stage.next().await;
    stage.assert_arrived(7).await;
}

#[tokio::test(start_paused = true)]
async fn a_good_note_arrives_whole() {
    let stage = Stage::new(one_customer()).await;
    stage.put(note(7, json!({})));
    let report = stage.sync().await;
    stage.assert_arrived(7).await;

    let held = stage.xero_note(7);
    assert_eq!(held["Type"], "ACCRECCREDIT");
    assert_eq!(held["CreditNoteNumber"], "7 CRN-7");
    assert_eq!(held["Reference"], "SO-7");
    assert_eq!(held["Date"], "2026-11-09", "midnight in Sydney");
    assert_eq!(held["Status"], "DRAFT");
    assert_eq!(held["CurrencyCode"], "AUD");
    assert_eq!(
        held["ContactID"],
        stage.xero_contact("Harrow & Pike")["ContactID"]
    );
    assert_eq!(lines_of(&held), ["200 OUTPUT 2 40 4"]);
    assert_eq!(money(&held["Total"]), dec("44"));

    // One call for the note, one for its mark.
    assert_eq!(report.calls["xero-au"].writing, 1);
    assert_eq!(report.calls["omni-au"].writing, 1);
    assert_eq!(report.routes[NOTES].created.money["AUD"], dec("44.00"));
}

#[tokio::test(start_paused = true)]
async fn it_needs_a_sales_reference() {
    let wrong = json!({ "salesReference": "  " });
    let mend = json!({ "salesReference": "SO-7" });
    stops_until_mended(wrong, State::Warning, "no sales reference", mend).await;
}

#[tokio::test(start_paused = true)]
async fn it_needs_a_credit_note_date() {
    for wrong in [
        json!({ "creditNoteDate": null }),
        json!({ "creditNoteDate": "" }),
    ] {
        let mend = json!({ "creditNoteDate": "2026-11-08T13:00:00Z" });
        stops_until_mended(wrong, State::Warning, "no credit note date", mend).await;
    }
}

#[tokio::test(start_paused = true)]
async fn its_total_is_not_zero() {
    let wrong =
        json!({ "total": 0, "productTotal": 0, "lineItems": [line("Mug", 0, "20.0", json!({}))] });
    let mend = json!({ "total": -44.0, "productTotal": -40.0, "lineItems": [line("Mug", -2, "20.0", json!({}))] });
    stops_until_mended(wrong, State::Warning, "total is zero", mend).await;
}

#[tokio::test(start_paused = true)]
async fn its_total_is_below_zero() {
    let wrong = json!({ "total": 44.0, "productTotal": 40.0, "lineItems": [line("Mug", 2, "20.0", json!({}))] });
    let mend = json!({ "total": -44.0, "productTotal": -40.0, "lineItems": [line("Mug", -2, "20.0", json!({}))] });
    stops_until_mended(wrong, State::Warning, "total is 44", mend).await;
}

#[tokio::test(start_paused = true)]
async fn it_needs_a_customer() {
    let wrong = json!({ "memberId": 0 });
    stops_until_mended(
        wrong,
        State::Warning,
        "names no customer",
        json!({ "memberId": 1001 }),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn its_customer_is_linked() {
    let stage = Stage::new(seed(&[("Sundial Cafes", Counterpart::Absent)])).await;
    stage.put(note(7, json!({})));
    stage.sync().await;
    stage
        .assert_stopped(7, State::Waiting, "Sundial Cafes")
        .await;
    assert_eq!(stage.writing_calls(), 0);
    assert_eq!(stage.ids(NOTES, State::Waiting).await, ["5007"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_void_or_not_approved_or_not_wanted_is_left_out() {
    let cases = [
        (json!({ "status": "VOID" }), "void"),
        (json!({ "isVoid": true }), "void"),
        (
            json!({ "status": "DRAFT", "isApproved": false }),
            "not approved",
        ),
        (
            json!({ "accountingAttributes": { "accountingImportStatus": "DoNotImport" } }),
            "Do Not Import",
        ),
    ];
    let stage = Stage::new(one_customer()).await;
    for (at, (wrong, _)) in cases.iter().enumerate() {
        stage.put(note(10 + at as i64, wrong.clone()));
    }
    stage.sync().await;
    for (at, (_, why)) in cases.iter().enumerate() {
        let entry = stage.note_entry(10 + at as i64).await;
        assert_eq!(entry.state, State::Excluded, "{why}");
        assert!(
            entry.last_words().contains(why),
            "{why}: {}",
            entry.last_words()
        );
    }
    assert_eq!(stage.writing_calls(), 0);

    // Approved later, it goes.
    stage.change(12, json!({ "status": "APPROVED", "isApproved": true }));
    stage.next().await;
    stage.assert_arrived(12).await;
    assert_eq!(stage.xero_numbers(), ["12 CRN-12"]);
}

#[tokio::test(start_paused = true)]
async fn error_as_the_accounting_status_does_not_keep_it_back() {
    let stage = Stage::new(one_customer()).await;
    stage.put(note(
        7,
        json!({ "accountingAttributes": { "accountingImportStatus": "Error" } }),
    ));
    stage.sync().await;
    stage.assert_arrived(7).await;
}

#[tokio::test(start_paused = true)]
async fn a_future_date_waits_for_its_day() {
    let stage = Stage::new(one_customer()).await;
    // Midnight of 24 November in Sydney; the scenario begins on the 22nd.
    stage.put(note(7, json!({ "creditNoteDate": "2026-11-23T13:00:00Z" })));
    stage.sync().await;
    stage.assert_stopped(7, State::Waiting, "2026-11-24").await;

    stage.pass(Duration::from_secs(24 * 3600)).await;
    stage.sync().await;
    stage.assert_stopped(7, State::Waiting, "2026-11-24").await;

    stage.pass(Duration::from_secs(24 * 3600)).await;
    stage.sync().await;
    stage.assert_arrived(7).await;
    assert_eq!(stage.xero_note(7)["Date"], "2026-11-24");
}

#[tokio::test(start_paused = true)]
async fn every_cause_is_a_row_of_its_own_with_count_and_money() {
    let stage = Stage::new(one_customer()).await;
    stage.put(note(7, json!({})));
    for serial in [8, 9, 10] {
        stage.put(note(serial, json!({ "salesReference": "" })));
    }
    stage.put(note(11, json!({ "creditNoteDate": "" })));
    stage.sync().await;
    stage.assert_arrived(7).await;
    let groups = stage
        .engine
        .store()
        .groups(&[NOTES.to_owned()])
        .expect("a sound store");
    let rows: Vec<(u64, String)> = groups
        .iter()
        .map(|it| {
            (
                it.tally.count,
                it.problem
                    .as_ref()
                    .map_or(String::new(), |it| it.cause.clone()),
            )
        })
        .collect();
    assert_eq!(
        rows,
        [
            (3, "it has no sales reference".to_owned()),
            (1, "it has no credit note date".to_owned())
        ]
    );
    assert_eq!(groups[0].tally.money["AUD"], dec("132"));
}
