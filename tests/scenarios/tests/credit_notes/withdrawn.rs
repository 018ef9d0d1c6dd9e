//! A note that Omni took back: what becomes of the one in Xero.

use std::time::Duration;

use ledgerline::{
    config::Voids,
    operate::Request,
    store::{Filter, State},
};
use sandbox::faults::FaultRule;
use scenarios::{
    Stage,
    books::{NOTES, note, one_customer},
};
use serde_json::json;

/// One note in Xero, with the status `held` there and void in Omni since.
async fn withdrawn(voids: Voids, held: &str) -> Stage {
    let stage = Stage::with(one_customer(), move |it| {
        it.routes.get_mut(NOTES).expect("the route").voids = voids;
    })
    .await;
    stage.put(note(7, json!({})));
    stage.sync().await;
    stage.assert_arrived(7).await;
    if held != "DRAFT" {
        stage.change_xero("credit_notes", "7 CRN-7", json!({ "Status": held }));
    }
    stage.change(7, json!({ "isVoid": true, "status": "VOID" }));
    stage
}

/// One note approved in Xero and void in Omni since, about which a person is asked.
pub(crate) async fn approved_and_withdrawn() -> Stage {
    withdrawn(Voids::Ask, "AUTHORISED").await
}

fn status(stage: &Stage) -> String {
    let note = stage.xero_note(7);
    note["Status"].as_str().expect("a status").to_owned()
}

async fn assert_taken_back(stage: &Stage, wanted: &str) {
    assert_eq!(status(stage), wanted);
    let entry = stage.note_entry(7).await;
    assert_eq!(entry.state, State::Excluded, "{}", entry.last_words());
    assert!(
        entry.last_words().contains("void in Omni"),
        "{}",
        entry.last_words()
    );
    let writes = stage.xero_writes();
    stage.pass(Duration::from_secs(3_700)).await;
    stage.sync().await;
    assert_eq!(stage.xero_writes(), writes, "nothing more is sent");
    assert_eq!(stage.note_entry(7).await.state, State::Excluded);
}

async fn assert_asked(stage: &Stage, words: &str) {
    assert_stands(stage, State::Warning, words).await;
}

async fn assert_stands(stage: &Stage, state: State, words: &str) {
    let entry = stage.note_entry(7).await;
    assert_eq!(entry.state, state, "{}", entry.last_words());
    let cause = entry.problem.expect("a problem").cause;
    assert!(cause.contains(words), "{cause}");
}

#[tokio::test(start_paused = true)]
async fn a_draft_is_deleted_by_itself_where_the_route_says_so() {
    for (held, voids) in [
        ("DRAFT", Voids::Drafts),
        ("SUBMITTED", Voids::Drafts),
        ("DRAFT", Voids::Always),
    ] {
        let stage = withdrawn(voids, held).await;
        let report = stage.next().await;
        assert_eq!(report.routes[NOTES].voided.count, 1, "{held}");
        assert_taken_back(&stage, "DELETED").await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_approved_note_is_voided_by_itself_only_where_the_route_says_always() {
    let stage = withdrawn(Voids::Drafts, "AUTHORISED").await;
    stage.next().await;
    assert_asked(&stage, "void in Omni").await;
    assert_eq!(status(&stage), "AUTHORISED");

    let stage = withdrawn(Voids::Always, "AUTHORISED").await;
    stage.next().await;
    assert_taken_back(&stage, "VOIDED").await;
}

#[tokio::test(start_paused = true)]
async fn a_person_takes_it_back_with_one_command() {
    for (held, wanted) in [("DRAFT", "DELETED"), ("AUTHORISED", "VOIDED")] {
        let stage = withdrawn(Voids::Ask, held).await;
        stage.next().await;
        assert_asked(&stage, "void in Omni").await;
        let id = stage.ids(NOTES, State::Warning).await.remove(0);
        let filter = Filter {
            ids: vec![format!("{NOTES}/{id}").parse().expect("an id")],
            ..Filter::default()
        };
        assert_eq!(stage.bulk(Request::Void, filter).await.tally.count, 1);
        stage.sync().await;
        assert_taken_back(&stage, wanted).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_source_wants_is_not_voided_from_here() {
    let stage = Stage::new(one_customer()).await;
    stage.put(note(7, json!({})));
    stage.sync().await;
    let changed = stage.bulk(Request::Void, Filter::default()).await;
    assert_eq!(changed.tally.count, 0);
    assert!(
        changed
            .left
            .keys()
            .any(|it| it.contains("the source wants it")),
        "{:?}",
        changed.left
    );
    assert_eq!(status(&stage), "DRAFT");
}

#[tokio::test(start_paused = true)]
async fn a_bookkeeper_who_voids_it_in_xero_has_answered() {
    let stage = withdrawn(Voids::Ask, "AUTHORISED").await;
    stage.next().await;
    assert_asked(&stage, "void in Omni").await;
    stage.change_xero("credit_notes", "7 CRN-7", json!({ "Status": "VOIDED" }));
    stage.pass(Duration::from_secs(3_700)).await;
    stage.sync().await;
    assert_taken_back(&stage, "VOIDED").await;
}

#[tokio::test(start_paused = true)]
async fn a_paid_note_is_not_taken_back() {
    let stage = withdrawn(Voids::Always, "PAID").await;
    stage.next().await;
    assert_asked(&stage, "paid in Xero").await;
    assert_eq!(status(&stage), "PAID");
}

#[tokio::test(start_paused = true)]
async fn a_draft_that_was_approved_meanwhile_is_asked_about() {
    let stage = withdrawn(Voids::Drafts, "DRAFT").await;
    // Approved after it was last looked at.
    stage.change_xero("credit_notes", "7 CRN-7", json!({ "Status": "AUTHORISED" }));
    stage.next().await;
    assert_asked(&stage, "void in Omni").await;
    assert_eq!(status(&stage), "AUTHORISED");
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_a_void_is_looked_up() {
    for fault in ["lose-answer", "reset", "commit-then-500"] {
        let stage = withdrawn(Voids::Drafts, "DRAFT").await;
        let rules = json!([{ "match": { "method": "POST", "path": "/api.xro/2.0/CreditNotes" },
            "fault": fault, "again": "reset" }]);
        let rules: Vec<FaultRule> = serde_json::from_value(rules).expect("rules");
        stage.world.set_faults(rules);
        for _ in 0..3 {
            stage.next().await;
            stage.pass(Duration::from_secs(420)).await;
        }
        assert_taken_back(&stage, "DELETED").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_closed_period_holds_a_void() {
    let stage = withdrawn(Voids::Always, "AUTHORISED").await;
    stage.change_xero(
        "organisation",
        "",
        json!({ "PeriodLockDate": "2026-11-20" }),
    );
    stage.pass(Duration::from_secs(1_200)).await;
    stage.sync().await;
    assert_stands(&stage, State::Waiting, "closed period").await;
    stage.change_xero(
        "organisation",
        "",
        json!({ "PeriodLockDate": "2026-10-31" }),
    );
    stage.pass(Duration::from_secs(1_200)).await;
    stage.sync().await;
    assert_taken_back(&stage, "VOIDED").await;
}

/// A person's word is for the note as it was withdrawn, not for what happens to it later.
#[tokio::test(start_paused = true)]
async fn a_note_that_came_back_and_goes_again_is_a_new_question() {
    let marked =
        |status: &str| json!({ "accountingAttributes": { "accountingImportStatus": status } });
    let stage = Stage::new(one_customer()).await;
    stage.put(note(7, json!({})));
    stage.sync().await;
    stage.change_xero("credit_notes", "7 CRN-7", json!({ "Status": "AUTHORISED" }));
    stage.change(7, marked("DoNotImport"));
    stage.next().await;
    assert_asked(&stage, "Do Not Import").await;
    stage.bulk(Request::Void, Filter::default()).await;
    // Before anything was sent it is paid in Xero, and back in Omni.
    stage.change_xero("credit_notes", "7 CRN-7", json!({ "Status": "PAID" }));
    stage.sync().await;
    assert_asked(&stage, "paid in Xero").await;
    stage.change(7, marked("NotImported"));
    stage.next().await;
    assert_eq!(stage.note_entry(7).await.state, State::Synced);
    stage.change_xero("credit_notes", "7 CRN-7", json!({ "Status": "AUTHORISED" }));
    stage.pass(Duration::from_secs(3_700)).await;
    stage.change(7, marked("DoNotImport"));
    stage.next().await;
    assert_asked(&stage, "Do Not Import").await;
    assert_eq!(status(&stage), "AUTHORISED");
}
