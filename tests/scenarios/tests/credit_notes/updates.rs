//! What becomes of a note in Xero when it changes in Omni, and what the bookkeeper did there stays.

use std::time::Duration;

use ledgerline::{
    operate::{Answer, Request},
    store::State,
};
use ledgerline_plugin_api::manifest::HeldState;
use scenarios::{
    Stage,
    books::{NOTES, dec, line, lines_of, money, note, one_customer, posted_by_hand},
};
use serde_json::{Value, json};

/// One note in Xero, with the number 7 CRN-7.
async fn with_one_note() -> Stage {
    let stage = Stage::new(one_customer()).await;
    stage.put(note(7, json!({})));
    stage.sync().await;
    stage.assert_arrived(7).await;
    stage
}

fn three_mugs() -> Value {
    json!({
        "productTotal": -60.0, "total": -66.0, "lineItems": [line("Mug", -3, "20.0", json!({}))],
    })
}

async fn problem_of(stage: &Stage) -> String {
    let entry = stage.note_entry(7).await;
    assert_eq!(entry.state, State::Warning, "{:?}", entry.last_words());
    let problem = entry.problem.expect("a problem");
    format!("{}; {}", problem.cause, problem.remedy)
}

#[tokio::test(start_paused = true)]
async fn the_bookkeepers_edits_stay() {
    let stage = with_one_note().await;
    let before = stage.xero_note(7);
    stage.change_xero_line(
        "7 CRN-7",
        0,
        json!({ "AccountCode": "260", "Description": "Mug, blue" }),
    );
    stage.change_xero("credit_notes", "7 CRN-7", json!({ "Status": "SUBMITTED" }));
    stage.change(7, three_mugs());
    stage.next().await;
    stage.assert_arrived(7).await;
    let after = stage.xero_note(7);
    assert_eq!(
        lines_of(&after),
        ["260 OUTPUT 3 60 6"],
        "his account, Omni's amounts"
    );
    assert_eq!(after["LineItems"][0]["Description"], "Mug, blue");
    assert_eq!(
        after["LineItems"][0]["LineItemID"],
        before["LineItems"][0]["LineItemID"]
    );
    assert_eq!(
        after["Status"], "SUBMITTED",
        "the status is never sent with an update"
    );
    let notices = stage.note_entry(7).await.notices;
    assert!(
        notices.iter().any(|it| it.contains("260")),
        "what was kept is told: {notices:?}"
    );

    // They stay at the next change, too.
    stage.change(7, json!({ "salesReference": "SO-7/B" }));
    stage.next().await;
    let last = stage.xero_note(7);
    assert_eq!(last["Reference"], "SO-7/B");
    assert_eq!(lines_of(&last), ["260 OUTPUT 3 60 6"]);
    assert_eq!(last["LineItems"][0]["Description"], "Mug, blue");
}

#[tokio::test(start_paused = true)]
async fn changed_on_both_sides_is_a_question_with_the_difference() {
    let stage = with_one_note().await;
    stage.change_xero("credit_notes", "7 CRN-7", json!({ "Reference": "PO 99" }));
    stage.change(7, json!({ "salesReference": "SO-7/B" }));
    stage.next().await;
    let problem = problem_of(&stage).await;
    assert!(
        problem.contains("PO 99") && problem.contains("SO-7/B"),
        "{problem}"
    );
    assert_eq!(
        stage.xero_note(7)["Reference"],
        "PO 99",
        "neither wins by itself"
    );
    assert_eq!(stage.xero_writes(), 1);

    // Made equal by a person, it goes on.
    stage.change_xero("credit_notes", "7 CRN-7", json!({ "Reference": "SO-7/B" }));
    stage.retry(NOTES).await;
    stage.next().await;
    assert_eq!(stage.note_entry(7).await.state, State::Synced);
    assert_eq!(stage.xero_writes(), 1);
}

#[tokio::test(start_paused = true)]
async fn lines_may_come_and_go() {
    let stage = with_one_note().await;
    let first = stage.xero_note(7)["LineItems"][0]["LineItemID"].clone();
    let two = json!([
        line("Mug", -2, "20.0", json!({})),
        line("Lamp", -1, "89.0", json!({}))
    ]);
    stage.change(
        7,
        json!({ "productTotal": -129.0, "total": -141.9, "lineItems": two }),
    );
    stage.next().await;
    stage.assert_arrived(7).await;
    let held = stage.xero_note(7);
    assert_eq!(
        lines_of(&held),
        ["200 OUTPUT 2 40 4", "200 OUTPUT 1 89 8.9"]
    );
    assert_eq!(
        held["LineItems"][0]["LineItemID"], first,
        "known lines keep their ids"
    );

    let one = json!([line("Lamp", -1, "89.0", json!({}))]);
    stage.change(
        7,
        json!({ "productTotal": -89.0, "total": -97.9, "lineItems": one }),
    );
    stage.next().await;
    stage.assert_arrived(7).await;
    assert_eq!(lines_of(&stage.xero_note(7)), ["200 OUTPUT 1 89 8.9"]);
    assert_eq!(money(&stage.xero_note(7)["Total"]), dec("97.9"));
    assert_eq!(stage.xero_numbers(), ["7 CRN-7"]);
}

#[tokio::test(start_paused = true)]
async fn amounts_of_an_approved_note_change_only_where_the_route_says_so() {
    let stage = with_one_note().await;
    stage.change_xero("credit_notes", "7 CRN-7", json!({ "Status": "AUTHORISED" }));
    // What is no amount may change.
    stage.change(7, json!({ "salesReference": "SO-7/B" }));
    stage.next().await;
    stage.assert_arrived(7).await;
    assert_eq!(stage.xero_note(7)["Reference"], "SO-7/B");
    assert_eq!(stage.xero_note(7)["Status"], "AUTHORISED");

    stage.change(7, three_mugs());
    stage.next().await;
    let problem = problem_of(&stage).await;
    assert!(
        problem.contains("approved") && problem.contains("update-approved"),
        "{problem}"
    );
    assert_eq!(money(&stage.xero_note(7)["Total"]), dec("44"));

    let stage = stage
        .restart_with(|it| it.routes.get_mut(NOTES).unwrap().update_approved = true)
        .await;
    stage.retry(NOTES).await;
    stage.next().await;
    assert_eq!(stage.note_entry(7).await.state, State::Synced);
    assert_eq!(money(&stage.xero_note(7)["Total"]), dec("66"));
    assert_eq!(stage.xero_note(7)["Status"], "AUTHORISED");
}

#[tokio::test(start_paused = true)]
async fn a_locked_period_holds_changes_of_what_lies_in_it() {
    let stage = with_one_note().await;
    stage.change_xero(
        "organisation",
        "",
        json!({ "PeriodLockDate": "2026-11-10" }),
    );
    // The old day is locked, and a new one that is open does not help.
    for patch in [
        json!({ "salesReference": "SO-7/B" }),
        json!({ "creditNoteDate": "2026-11-14T13:00:00Z" }),
    ] {
        stage.change(7, patch);
        stage.next().await;
        let entry = stage.note_entry(7).await;
        assert_eq!(entry.state, State::Waiting, "{:?}", entry.problem);
        assert!(
            entry
                .problem
                .expect("a problem")
                .cause
                .contains("2026-11-10")
        );
        assert_eq!(stage.xero_note(7)["Date"], "2026-11-09");
        assert_eq!(stage.xero_note(7)["Reference"], "SO-7");
    }
    stage.change_xero(
        "organisation",
        "",
        json!({ "PeriodLockDate": "2026-10-31" }),
    );
    stage.next().await;
    stage.assert_arrived(7).await;
    assert_eq!(stage.xero_note(7)["Date"], "2026-11-15");
    assert_eq!(stage.xero_note(7)["Reference"], "SO-7/B");
}

#[tokio::test(start_paused = true)]
async fn a_paid_note_is_closed() {
    let stage = with_one_note().await;
    stage.change_xero("credit_notes", "7 CRN-7", json!({ "Status": "PAID" }));
    stage.change(7, json!({ "salesReference": "SO-7/B" }));
    stage.next().await;
    let problem = problem_of(&stage).await;
    assert!(problem.contains("paid"), "{problem}");
    assert_eq!(stage.xero_note(7)["Reference"], "SO-7");
}

#[tokio::test(start_paused = true)]
async fn withdrawn_in_omni_is_a_question() {
    let stage = with_one_note().await;
    stage.change(7, json!({ "isVoid": true, "status": "VOID" }));
    stage.next().await;
    let problem = problem_of(&stage).await;
    assert!(problem.contains("void in Omni"), "{problem}");
    assert_eq!(
        stage.xero_note(7)["Status"],
        "DRAFT",
        "nothing is voided by itself"
    );
}

#[tokio::test(start_paused = true)]
async fn a_synced_note_shows_what_xero_holds() {
    let stage = with_one_note().await;
    stage.put(note(8, json!({})));
    stage.next().await;
    for (status, wanted) in [
        ("SUBMITTED", HeldState::AwaitingApproval),
        ("AUTHORISED", HeldState::Approved),
        ("PAID", HeldState::Paid),
        ("AUTHORISED", HeldState::Approved),
    ] {
        stage.change_xero("credit_notes", "7 CRN-7", json!({ "Status": status }));
        stage.pass(Duration::from_secs(20 * 60)).await;
        let report = stage.sync().await;
        assert_eq!(report.calls["xero-au"].writing, 0);
        let entry = stage.note_entry(7).await;
        assert_eq!(entry.state, State::Synced);
        assert_eq!(entry.held.expect("a link").state, Some(wanted), "{status}");
        let totals = stage.engine.store().totals().unwrap();
        let row = totals
            .iter()
            .find(|it| it.route == NOTES && it.held == Some(wanted));
        assert_eq!(
            row.map(|it| it.tally.money["AUD"]),
            Some(dec("44")),
            "{totals:?}"
        );
    }
    let other = stage.note_entry(8).await.held.expect("a link");
    assert_eq!(other.state, Some(HeldState::Draft));

    // Looking again at once costs nothing.
    let reads = || {
        let calls = stage.world.calls();
        calls
            .iter()
            .filter(|it| it.target.contains("/CreditNotes") && it.method == "GET")
            .count()
    };
    let before = reads();
    stage.sync().await;
    stage.sync().await;
    let of_omni = 4;
    assert!(reads() - before <= of_omni, "{} more", reads() - before);
}

#[tokio::test(start_paused = true)]
async fn what_xero_voided_or_deleted_is_never_made_anew_by_itself() {
    for status in ["VOIDED", "DELETED"] {
        let stage = with_one_note().await;
        stage.change_xero("credit_notes", "7 CRN-7", json!({ "Status": status }));
        stage.pass(Duration::from_secs(20 * 60)).await;
        stage.sync().await;
        let problem = problem_of(&stage).await;
        assert!(problem.contains("voided or deleted"), "{problem}");
        assert!(
            problem.contains("skip") && problem.contains("adopt"),
            "both choices: {problem}"
        );

        // Neither a change in Omni, nor a reset there, nor one here makes a second one.
        stage.change(7, three_mugs());
        stage.next().await;
        stage.change(
            7,
            json!({ "accountingAttributes": { "accountingImportStatus": "NotImported" } }),
        );
        stage.next().await;
        stage.bulk(Request::Reset, Default::default()).await;
        stage.next().await;
        assert!(problem_of(&stage).await.contains("voided or deleted"));
        assert_eq!(stage.xero_numbers(), ["7 CRN-7"]);
        assert_eq!(stage.xero_writes(), 1);

        let filter = ledgerline::store::Filter {
            routes: vec![NOTES.into()],
            ..Default::default()
        };
        assert_eq!(stage.bulk(Request::Skip, filter).await.tally.count, 1);
        stage.next().await;
        assert_eq!(stage.note_entry(7).await.state, State::Skipped);
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_in_omni_meets_a_voided_note_before_the_next_look() {
    let stage = with_one_note().await;
    stage.change_xero("credit_notes", "7 CRN-7", json!({ "Status": "VOIDED" }));
    stage.change(7, three_mugs());
    stage.next().await;
    assert!(problem_of(&stage).await.contains("voided or deleted"));
    assert_eq!(stage.xero_writes(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_took_the_place_of_a_voided_note_is_adopted() {
    let by_hand = json!({ "CreditNoteNumber": "BY HAND", "Reference": "" });
    let stage = Stage::new(posted_by_hand(by_hand)).await;
    stage.put(note(7, json!({})));
    stage.sync().await;
    stage.assert_arrived(7).await;
    stage.change_xero("credit_notes", "7 CRN-7", json!({ "Status": "VOIDED" }));
    stage.pass(Duration::from_secs(20 * 60)).await;
    stage.sync().await;
    assert!(problem_of(&stage).await.contains("voided"));
    let other = stage.xero_numbered("BY HAND")["CreditNoteID"]
        .as_str()
        .unwrap()
        .to_owned();
    let id = format!("{NOTES}/5007").parse().unwrap();
    let adopt = Request::Adopt {
        id,
        target: Some(other.clone()),
        anyway: false,
    };
    match stage.ask(adopt).await {
        Answer::Linked { linked: 1, .. } => {}
        other => panic!("{other:?}"),
    }
    stage.next().await;
    let entry = stage.note_entry(7).await;
    assert_eq!(entry.state, State::Synced, "{:?}", entry.problem);
    assert_eq!(entry.held.map(|it| it.id), Some(other));
    assert_eq!(stage.xero_writes(), 1);
}
