//! The number of a credit note: unique, for life, from the document alone; and what is done where
//! Xero uses it for something else.

use ledgerline::{
    operate::{Answer, Bulk, Request, SyncRequest},
    store::{Filter, State},
};
use scenarios::{
    Stage,
    books::{NOTES, dec, money, note, one_customer, posted_by_hand},
};
use serde_json::json;

async fn adopt(stage: &Stage, target: Option<String>, anyway: bool) -> Answer {
    let id = format!("{NOTES}/5007").parse().unwrap();
    stage.ask(Request::Adopt { id, target, anyway }).await
}

#[tokio::test(start_paused = true)]
async fn it_is_prefix_serial_and_reference() {
    let stage = Stage::with(one_customer(), |it| {
        let route = it.routes.get_mut(NOTES).unwrap();
        route.options.insert("prefix".into(), json!("CN-"));
    })
    .await;
    stage.put(note(7, json!({})));
    stage.put(note(8, json!({ "reference": "" })));
    stage.sync().await;
    assert_eq!(stage.xero_numbers(), ["CN-7 CRN-7", "CN-8"]);
    assert_eq!(stage.xero_numbered("CN-7 CRN-7")["Reference"], "SO-7");
    stage.assert_arrived(7).await;
}

#[tokio::test(start_paused = true)]
async fn it_stays_when_the_reference_changes() {
    let stage = Stage::new(one_customer()).await;
    stage.put(note(7, json!({})));
    stage.sync().await;
    stage.change(
        7,
        json!({ "reference": "CRN-7-NEW", "salesReference": "SO-7-NEW" }),
    );
    stage.next().await;
    stage.assert_arrived(7).await;
    assert_eq!(stage.xero_numbers(), ["7 CRN-7"]);
    assert_eq!(stage.xero_note(7)["Reference"], "SO-7-NEW");
}

#[tokio::test(start_paused = true)]
async fn without_a_serial_there_is_no_number_and_nothing_goes() {
    let stage = Stage::new(one_customer()).await;
    stage.put(note(7, json!({ "creditNoteNumber": null })));
    stage.sync().await;
    stage
        .assert_stopped(7, State::Warning, "no credit note number")
        .await;
    stage.change(7, json!({ "creditNoteNumber": 7 }));
    stage.next().await;
    stage.assert_arrived(7).await;
}

#[tokio::test(start_paused = true)]
async fn a_number_too_long_is_refused_before_a_call() {
    let stage = Stage::new(one_customer()).await;
    stage.put(note(7, json!({ "reference": "R".repeat(300) })));
    stage.sync().await;
    let entry = stage.note_entry(7).await;
    assert_eq!(entry.state, State::Warning, "{:?}", entry.problem);
    assert!(
        entry
            .problem
            .expect("a problem")
            .cause
            .contains("CreditNoteNumber")
    );
    assert_eq!(stage.writing_calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_number_taken_by_hand_leaves_both_as_they_are() {
    let stage = Stage::new(posted_by_hand(json!({ "Date": "2026-11-10" }))).await;
    let by_hand = stage.xero_numbered("7 CRN-7");
    stage.put(note(7, json!({})));
    stage.put(note(8, json!({})));
    stage.sync().await;
    let entry = stage.note_entry(7).await;
    assert_eq!(entry.state, State::Warning);
    let problem = entry.problem.expect("a problem");
    assert!(problem.cause.contains("7 CRN-7 is taken"), "{problem:?}");
    assert!(
        problem.cause.contains("2026-11-10"),
        "the difference is shown: {problem:?}"
    );
    assert_eq!(entry.candidates.len(), 1, "the other one is shown");
    assert_eq!(
        Some(entry.candidates[0].id.as_str()),
        by_hand["CreditNoteID"].as_str()
    );
    stage.assert_arrived(8).await;

    for _ in 0..2 {
        stage.next().await;
    }
    assert_eq!(stage.xero_numbered("7 CRN-7"), by_hand, "not overwritten");
    assert_eq!(stage.xero_numbers(), ["7 CRN-7", "8 CRN-8"]);
    assert_eq!(stage.import_status(7), "NotImported");

    // Renumbered by hand, the note goes after a retry.
    let id = by_hand["CreditNoteID"].as_str().unwrap();
    stage.change_xero(
        "credit_notes",
        id,
        json!({ "CreditNoteNumber": "BY HAND", "Reference": "" }),
    );
    stage.retry(NOTES).await;
    stage.next().await;
    stage.assert_arrived(7).await;
    assert_eq!(stage.xero_numbers(), ["7 CRN-7", "8 CRN-8", "BY HAND"]);
}

#[tokio::test(start_paused = true)]
async fn even_an_equal_document_is_adopted_only_when_a_person_says_so() {
    let stage = Stage::new(posted_by_hand(json!({}))).await;
    stage.put(note(7, json!({})));
    stage.sync().await;
    let entry = stage.note_entry(7).await;
    assert_eq!(entry.state, State::Warning);
    assert!(
        entry
            .problem
            .expect("a problem")
            .cause
            .contains("not announced")
    );
    assert_eq!(stage.import_status(7), "NotImported");

    // One candidate: it need not be named.
    let answer = adopt(&stage, None, false).await;
    assert!(
        matches!(answer, Answer::Linked { linked: 1, .. }),
        "{answer:?}"
    );
    stage.next().await;
    stage.assert_arrived(7).await;
    assert_eq!(stage.xero_numbers(), ["7 CRN-7"]);
}

#[tokio::test(start_paused = true)]
async fn all_that_agree_are_adopted_together_and_the_others_stay() {
    let mut seed = posted_by_hand(json!({}));
    let later = posted_by_hand(json!({
        "CreditNoteNumber": "8 CRN-8", "Reference": "SO-8", "Date": "2026-11-10",
    }));
    for (to, from) in seed
        .xero
        .organisations
        .iter_mut()
        .zip(later.xero.organisations)
    {
        to.credit_notes.extend(from.credit_notes);
    }
    let stage = Stage::new(seed).await;
    for serial in 7..10 {
        stage.put(note(serial, json!({})));
    }
    stage.sync().await;
    stage.assert_arrived(9).await;
    let writes = stage.writing_calls();
    let adopt_all = async |count_only: bool| {
        let bulk = Bulk {
            filter: Filter {
                routes: vec![NOTES.into()],
                ..Filter::default()
            },
            reason: None,
            count_only,
        };
        match stage.ask(Request::AdoptAll(bulk)).await {
            Answer::Adopted(it) => *it,
            other => panic!("{other:?}"),
        }
    };
    for count_only in [true, false] {
        let report = adopt_all(count_only).await;
        assert_eq!(report.adopted.len(), 1, "{report:?}");
        assert_eq!(report.adopted[0].0.source, "5007");
        assert_eq!(report.tally.money["AUD"], dec("44"));
        let [(left, why)] = report.left.as_slice() else {
            panic!("{report:?}");
        };
        assert_eq!(left.source, "5008");
        assert!(why.contains("2026-11-10"), "{why}");
        let wanted = if count_only {
            State::Warning
        } else {
            State::Synced
        };
        assert_eq!(stage.note_entry(7).await.state, wanted);
    }
    assert_eq!(stage.writing_calls(), writes);
    assert_eq!(crate::undo::undo(&stage, None).await.tally.count, 1);
    assert_eq!(stage.note_entry(7).await.state, State::Warning);
    adopt_all(false).await;
    stage.next().await;
    stage.assert_arrived(7).await;
    assert_eq!(stage.note_entry(8).await.state, State::Warning);
    assert_eq!(stage.xero_numbers(), ["7 CRN-7", "8 CRN-8", "9 CRN-9"]);
}

#[tokio::test(start_paused = true)]
async fn another_document_is_adopted_only_with_the_word_for_it() {
    let stage = Stage::new(posted_by_hand(json!({ "Date": "2026-11-10" }))).await;
    stage.put(note(7, json!({})));
    stage.sync().await;
    let before = stage.xero_numbered("7 CRN-7");
    match adopt(&stage, None, false).await {
        Answer::Refused { message } => {
            assert!(
                message.contains("2026-11-10") && message.contains("--anyway"),
                "{message}"
            );
        }
        other => panic!("{other:?}"),
    }
    match adopt(
        &stage,
        Some("00000000-0000-4000-8000-000000000000".into()),
        true,
    )
    .await
    {
        Answer::Refused { message } => assert!(message.contains("holds no"), "{message}"),
        other => panic!("{other:?}"),
    }
    let answer = adopt(&stage, None, true).await;
    assert!(
        matches!(answer, Answer::Linked { linked: 1, .. }),
        "{answer:?}"
    );
    stage.next().await;
    stage.assert_arrived(7).await;
    assert_eq!(stage.xero_numbered("7 CRN-7"), before, "adopted as it is");
}

#[tokio::test(start_paused = true)]
async fn a_lost_store_gives_the_same_numbers_and_makes_nothing_twice() {
    let stage = Stage::new(one_customer()).await;
    for serial in [7, 8, 9] {
        stage.put(note(serial, json!({})));
    }
    stage.sync().await;
    let before = stage.xero_notes();
    let stage = stage.lose_store().await;

    // Omni's marks are of somebody unknown now: a person confirms that nobody else posts.
    let report = stage
        .next_with(SyncRequest {
            confirm: true,
            ..SyncRequest::default()
        })
        .await;
    assert!(report.parked.contains_key("omni-au"), "{:?}", report.parked);
    stage.next().await;
    for serial in [7, 8, 9] {
        stage.assert_arrived(serial).await;
    }
    assert_eq!(stage.xero_notes(), before);
    assert_eq!(money(&stage.xero_note(8)["Total"]), dec("44"));
}
