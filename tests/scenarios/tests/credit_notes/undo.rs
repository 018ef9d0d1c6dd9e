//! What a person did is taken back, as long as nothing was sent since; what stays says why.

use ledgerline::{
    operate::{Action, Answer, Bulk, Deed, LinkTo, Request, Signed, UndoReport, handle},
    pipeline::Silent,
    store::{EntryId, Filter, State},
};
use sandbox::seed::Counterpart;
use scenarios::{
    Stage,
    books::{IMPORTED, NOTES, dec, note, one_customer, posted_by_hand, seed},
};
use serde_json::json;

use crate::{contacts, withdrawn};

fn all() -> Filter {
    Filter {
        routes: vec![NOTES.into()],
        ..Filter::default()
    }
}

fn only(serial: i64) -> Filter {
    Filter {
        ids: vec![EntryId::new(NOTES, (5000 + serial).to_string())],
        ..Filter::default()
    }
}

async fn answer(stage: &Stage, action: Option<u64>, count_only: bool) -> Answer {
    stage.ask(Request::Undo { action, count_only }).await
}

pub(crate) async fn undo(stage: &Stage, action: Option<u64>) -> UndoReport {
    match answer(stage, action, false).await {
        Answer::Undone(it) => *it,
        other => panic!("{other:?}"),
    }
}

async fn actions(stage: &Stage) -> Vec<Action> {
    match stage.ask(Request::Actions).await {
        Answer::Actions(it) => it,
        other => panic!("{other:?}"),
    }
}

fn why(report: &UndoReport) -> &str {
    match report.refused.as_slice() {
        [(_, why)] => why,
        other => panic!("{other:?}"),
    }
}

/// Notes that stop, because they name no sale.
async fn stopped(serials: impl IntoIterator<Item = i64>) -> Stage {
    let stage = Stage::new(one_customer()).await;
    for serial in serials {
        stage.put(note(serial, json!({ "salesReference": "" })));
    }
    stage.sync().await;
    stage
}

#[tokio::test(start_paused = true)]
async fn a_skip_of_many_is_taken_back_to_what_was_before() {
    let stage = stopped(1..131).await;
    let before = stage.note_entry(7).await;
    let groups = stage.engine.store().groups(&[]).unwrap();
    assert_eq!(stage.bulk(Request::Skip, all()).await.tally.count, 130);
    assert_eq!(stage.states(NOTES).await, [("skipped", 130)].into());
    // Time passes, documents change, runs come and go.
    stage.change(9, json!({ "salesReference": "SO-9" }));
    stage.next().await;

    match answer(&stage, None, true).await {
        Answer::Undone(it) => {
            assert_eq!(
                (it.tally.count, it.refused.len(), it.counted_only),
                (130, 0, true)
            );
            assert_eq!(it.tally.money["AUD"], dec("5720"));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(
        stage.states(NOTES).await,
        [("skipped", 130)].into(),
        "only counted"
    );

    let stage = stage.restart().await;
    let done = undo(&stage, None).await;
    assert_eq!((done.tally.count, done.action.deed), (130, Deed::Skip));
    let after = stage.note_entry(7).await;
    assert_eq!(
        (after.state, &after.problem, &after.cause, after.since),
        (State::Warning, &before.problem, &before.cause, before.since)
    );
    assert_eq!(after.last_words(), "taken back: skip");
    assert_eq!(
        stage.note_entry(9).await.state,
        State::Pending,
        "its document changed: it is prepared anew"
    );
    stage.next().await;
    stage.assert_arrived(9).await;
    let left = stage.engine.store().groups(&[]).unwrap();
    assert_eq!(left[0].tally.count, groups[0].tally.count - 1);
    assert_eq!(left[0].oldest, groups[0].oldest);

    // It is done once, and says so.
    match answer(&stage, None, false).await {
        Answer::Refused { message } => {
            assert!(message.contains("nothing to take back"), "{message}")
        }
        other => panic!("{other:?}"),
    }
    let kept = actions(&stage).await;
    assert_eq!(
        (kept.len(), kept[0].by.as_str(), kept[0].tally.count),
        (1, "kim", 130)
    );
    assert_eq!(kept[0].reason.as_deref(), Some("said by the test"));
    assert_eq!(kept[0].undone.as_ref().map(|it| it.entries), Some(130));
    let again = undo(&stage, Some(kept[0].id)).await;
    assert_eq!((again.tally.count, again.refused.len()), (0, 130));
}

#[tokio::test(start_paused = true)]
async fn what_was_sent_since_stays() {
    let stage = stopped([7, 8]).await;
    stage.bulk(Request::Skip, all()).await;
    assert_eq!(stage.bulk(Request::Reset, all()).await.tally.count, 2);
    stage.change(8, json!({ "salesReference": "SO-8" }));
    stage.next().await;
    stage.assert_arrived(8).await;

    let done = undo(&stage, None).await;
    assert_eq!((done.tally.count, done.action.deed), (1, Deed::Reset));
    assert!(why(&done).contains("it was sent since"), "{done:?}");
    assert_eq!(stage.note_entry(7).await.state, State::Skipped);
    stage.assert_arrived(8).await;

    // The action before it: what the reset had undone is as the skip left it.
    let done = undo(&stage, None).await;
    assert_eq!((done.tally.count, done.action.deed), (1, Deed::Skip));
    assert!(why(&done).contains("it was sent since"), "{done:?}");
    assert_eq!(stage.note_entry(7).await.state, State::Warning);
    stage.next().await;
    assert_eq!(stage.xero_numbers(), ["8 CRN-8"]);
}

#[tokio::test(start_paused = true)]
async fn what_another_person_changed_since_stays() {
    let stage = stopped([7, 8]).await;
    stage.bulk(Request::Skip, all()).await;
    let bulk = Bulk {
        filter: only(7),
        reason: None,
        count_only: false,
    };
    let signed = Signed {
        by: "lee".into(),
        request: Request::Reset(bulk),
    };
    handle(&stage.engine, signed, &Silent).await;
    let skip = actions(&stage).await.last().expect("the skip").id;
    let done = undo(&stage, Some(skip)).await;
    assert_eq!(done.tally.count, 1);
    assert!(
        why(&done).contains("lee changed it since (reset)"),
        "{done:?}"
    );
    assert_eq!(stage.note_entry(7).await.state, State::Pending);
    assert_eq!(stage.note_entry(8).await.state, State::Warning);
}

#[tokio::test(start_paused = true)]
async fn an_adoption_is_taken_back_until_its_mark_is_written() {
    let stage = Stage::new(posted_by_hand(json!({}))).await;
    stage.put(note(7, json!({})));
    stage.sync().await;
    let writes = stage.writing_calls();
    let before = stage.note_entry(7).await;
    assert_eq!(before.candidates.len(), 1);
    let adopt = Request::Adopt {
        id: EntryId::new(NOTES, "5007"),
        target: None,
        anyway: false,
    };
    stage.ask(adopt.clone()).await;
    assert_eq!(stage.note_entry(7).await.state, State::Synced);
    assert_eq!(undo(&stage, None).await.tally.count, 1);
    let after = stage.note_entry(7).await;
    assert_eq!(
        (after.state, after.held, after.candidates, after.number),
        (State::Warning, None, before.candidates, before.number)
    );
    stage.next().await;
    assert_eq!(stage.import_status(7), "NotImported");
    assert_eq!(stage.writing_calls(), writes);

    // Once the source was told, it stays.
    stage.ask(adopt).await;
    stage.next().await;
    stage.assert_arrived(7).await;
    let done = undo(&stage, None).await;
    assert_eq!(done.tally.count, 0);
    assert!(
        why(&done).contains(&format!("{IMPORTED}/5007 was sent since")),
        "{done:?}"
    );
    stage.assert_arrived(7).await;
}

#[tokio::test(start_paused = true)]
async fn a_link_is_taken_back_until_a_document_was_sent_to_it() {
    let stage = Stage::new(seed(&[("Blue Gum Trading", Counterpart::Ambiguous)])).await;
    stage.put(note(7, json!({})));
    stage.sync().await;
    let asked = contacts::questions(&stage).await.remove(0);
    let wrong = asked.entry.candidates[0].id.clone();
    contacts::link(&stage, &[(1001, LinkTo::Target(wrong.clone()))]).await;
    assert!(contacts::questions(&stage).await.is_empty());
    assert_eq!(undo(&stage, None).await.tally.count, 1);
    stage.next().await;
    assert_eq!(stage.writing_calls(), 0, "the note waits again");
    let again = contacts::questions(&stage).await.remove(0);
    assert_eq!(again.entry.candidates, asked.entry.candidates);
    assert_eq!(again.waiting.count, 1);

    contacts::link(&stage, &[(1001, LinkTo::Target(wrong))]).await;
    stage.next().await;
    stage.assert_arrived(7).await;
    let done = undo(&stage, None).await;
    assert_eq!(done.tally.count, 0);
    assert!(
        why(&done).contains(&format!("{NOTES}/5007 was sent to it since")),
        "{done:?}"
    );

    // To be created, and not created yet.
    let stage = Stage::new(seed(&[("Sundial Cafes", Counterpart::Ambiguous)])).await;
    stage.put(note(7, json!({})));
    stage.sync().await;
    contacts::link(&stage, &[(1001, LinkTo::Create)]).await;
    assert_eq!(undo(&stage, None).await.tally.count, 1);
    stage.next().await;
    assert_eq!(stage.writing_calls(), 0);
    assert_eq!(contacts::questions(&stage).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_word_to_void_is_taken_back() {
    let stage = withdrawn::approved_and_withdrawn().await;
    stage.next().await;
    let id = stage.ids(NOTES, State::Warning).await.remove(0);
    assert_eq!(stage.bulk(Request::Void, all()).await.tally.count, 1);
    assert_eq!(undo(&stage, None).await.tally.count, 1);
    stage.next().await;
    assert_eq!(stage.ids(NOTES, State::Warning).await, [id]);
    let entry = stage.retry(NOTES).await;
    assert_eq!(entry.tally.count, 1);
    stage.next().await;
    let held = stage.xero_notes();
    assert_eq!(
        held[0]["Status"], "AUTHORISED",
        "a retry finds no word either"
    );
}

#[tokio::test(start_paused = true)]
async fn the_latest_twenty_are_kept() {
    let stage = stopped([7]).await;
    for _ in 0..12 {
        stage.bulk(Request::Skip, all()).await;
        stage.bulk(Request::Reset, all()).await;
    }
    let kept: Vec<u64> = actions(&stage).await.into_iter().map(|it| it.id).collect();
    assert_eq!(kept, (5..=24).rev().collect::<Vec<_>>());
    let notes = stage.engine.store().notes("action-entries/").unwrap();
    assert_eq!(notes.len(), 20, "entries go with their action");
    match answer(&stage, Some(4), false).await {
        Answer::Refused { message } => assert!(message.contains("no action 4"), "{message}"),
        other => panic!("{other:?}"),
    }
    // One after the other, back to where it began.
    for action in kept {
        assert_eq!(undo(&stage, None).await.action.id, action);
    }
    assert_eq!(
        stage.note_entry(7).await.state,
        State::Pending,
        "as the reset left it that is not kept any more"
    );
}
