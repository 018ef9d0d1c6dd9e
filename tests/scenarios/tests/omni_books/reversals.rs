//! An adjustment that is edited in Omni after it was posted: the journal in Xero stays as it is, is reversed
//! on its own date, and a new one takes its place, both in one call.

use std::time::Duration;

use ledgerline::{
    config::{Deployment, Voids},
    operate::Request,
    store::{Entry, Filter, State},
};
use scenarios::Stage;
use serde_json::{Value, json};

use crate::{
    ground::{
        ADJUSTMENTS, all_on, clean, edit, expect_balances, put, settle_down, stage, strike, writes,
    },
    stock::{adjustment, journals},
};

/// The next call that writes journals meets `fault`, and for now nobody can ask what became of it.
async fn in_doubt(stage: &Stage, fault: &str) {
    let path = "/api.xro/2.0/ManualJournals";
    let rules = json!([
        { "match": { "method": "PUT", "path": path }, "fault": fault, "again": "reset" },
        // The first one asks before anything is sent.
        { "match": { "method": "GET", "path": path, "query-contains": "Reversal" },
          "skip": 1, "times": 99, "fault": "status:503" },
    ]);
    stage
        .world
        .set_faults(serde_json::from_value(rules).expect("rules"));
    stage.next().await;
    assert_eq!(entry(stage).await.state, State::Uncertain, "{fault}");
    stage.world.set_faults(Vec::new());
}

/// Where journals are written.
const PUT: (&str, &str) = ("PUT", "/api.xro/2.0/ManualJournals");

/// Adjustment 901, three tees that are damaged, is posted as 24.30 on the 9th.
async fn posted_on(tweak: fn(&mut Deployment)) -> Stage {
    let stage = stage(tweak).await;
    put(&stage, "Adjustments", adjustment(1, json!({})));
    stage.sync().await;
    assert_eq!(journals(&stage).len(), 1);
    stage
}

async fn posted() -> Stage {
    posted_on(all_on).await
}

fn always(deployment: &mut Deployment) {
    all_on(deployment);
    let route = deployment.routes.get_mut(ADJUSTMENTS).expect("the route");
    route.voids = Voids::Always;
}

/// It was `count` tees.
fn recount(stage: &Stage, count: i64, total: f64) {
    let lines = json!([{ "id": 1, "code": "TEE", "name": "Tee", "qty": 97.0, "qtyAdjusted": -count,
        "unitCost": 8.1, "account": "" }]);
    let patch = json!({ "productTotal": total, "lineItems": lines });
    edit(stage, "Adjustments", 901, patch);
}

fn ours() -> Filter {
    Filter {
        ids: vec![format!("{ADJUSTMENTS}/901").parse().expect("an id")],
        ..Filter::default()
    }
}

async fn entry(stage: &Stage) -> Entry {
    stage.entry(&format!("{ADJUSTMENTS}/901")).await
}

/// What each journal is, in the order of the alphabet.
fn told(stage: &Stage) -> Vec<String> {
    let text = |it: &Value| it.as_str().unwrap_or_default().to_owned();
    let all = journals(stage);
    let told = all.iter().map(|it| {
        let amount = text(&it["JournalLines"][0]["LineAmount"]);
        let [date, what, status] = ["Date", "Narration", "Status"].map(|name| text(&it[name]));
        format!("{date} {what} {amount} {status}")
    });
    let mut told: Vec<String> = told.collect();
    told.sort_unstable();
    told
}

/// Id of the journal of this description.
fn id_of(stage: &Stage, told: &str) -> String {
    let all = journals(stage);
    let found = all.iter().find(|it| {
        let narration = it["Narration"].as_str().unwrap_or_default();
        told["2026-11-09 ".len()..].starts_with(narration)
    });
    let found = found.unwrap_or_else(|| panic!("no {told}"));
    found["ManualJournalID"].as_str().expect("an id").to_owned()
}

const FIRST: &str = "2026-11-09 Stock adjustment ADJ-1: Damaged -24.30 POSTED";
const REVERSAL: &str = "2026-11-09 Reversal of Stock adjustment ADJ-1: Damaged 24.30 POSTED";
const SECOND: &str = "2026-11-09 Stock adjustment ADJ-1/2: Damaged -40.50 POSTED";

/// Five tees instead of three, and nothing is left to do.
async fn assert_replaced_once(stage: &Stage, why: &str) {
    assert_eq!(told(stage), [REVERSAL, SECOND, FIRST], "{why}");
    expect_balances(stage, &[("311", "40.5"), ("631", "-40.5")]);
    let entry = entry(stage).await;
    assert_eq!(entry.state, State::Synced, "{why}: {}", entry.last_words());
    assert_eq!(entry.number.as_deref(), Some("ADJ-1"), "{why}");
    let [of, id, by] = [FIRST, SECOND, REVERSAL].map(|it| id_of(stage, it));
    assert_eq!(entry.held.expect("a link").id, id, "{why}");
    let wanted = format!("{of} is reversed by {by}, and {id} takes its place as ADJ-1/2");
    let all: Vec<&String> = entry.events.iter().map(|it| &it.what).collect();
    assert!(all.iter().any(|it| it.contains(&wanted)), "{why}: {all:?}");
    for _ in 0..2 {
        assert_eq!(writes(&stage.next().await), 0, "{why}");
        stage.pass(Duration::from_secs(3_700)).await;
    }
    clean(stage);
}

#[tokio::test(start_paused = true)]
async fn an_edit_reverses_and_replaces_in_one_call() {
    let stage = posted().await;
    recount(&stage, 5, -40.5);
    assert_eq!(writes(&stage.next().await), 1);
    assert_replaced_once(&stage, "an edit").await;
}

#[tokio::test(start_paused = true)]
async fn each_edit_reverses_the_newest_and_an_old_content_comes_again() {
    let stage = posted().await;
    recount(&stage, 5, -40.5);
    stage.next().await;
    recount(&stage, 3, -24.3);
    assert_eq!(writes(&stage.next().await), 1);
    assert_eq!(
        told(&stage),
        [
            "2026-11-09 Reversal of Stock adjustment ADJ-1/2: Damaged 40.50 POSTED",
            REVERSAL,
            SECOND,
            "2026-11-09 Stock adjustment ADJ-1/3: Damaged -24.30 POSTED",
            FIRST,
        ]
    );
    expect_balances(&stage, &[("311", "24.3"), ("631", "-24.3")]);
    recount(&stage, 5, -40.5);
    stage.next().await;
    assert_eq!(journals(&stage).len(), 7);
    expect_balances(&stage, &[("311", "40.5"), ("631", "-40.5")]);
    assert_eq!(writes(&stage.next().await), 0);
    clean(&stage);
}

#[tokio::test(start_paused = true)]
async fn the_reversal_keeps_the_date_when_the_new_journal_has_another_one() {
    let stage = posted().await;
    edit(
        &stage,
        "Adjustments",
        901,
        json!({ "adjustInAccountingSystem": "2026-11-19T13:00:00Z" }),
    );
    stage.next().await;
    assert_eq!(
        told(&stage),
        [
            REVERSAL,
            FIRST,
            "2026-11-20 Stock adjustment ADJ-1/2: Damaged -24.30 POSTED",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_asked_for() {
    for fault in ["lose-answer", "commit-then-500", "reset"] {
        let stage = posted().await;
        recount(&stage, 5, -40.5);
        strike(&stage, PUT, fault);
        settle_down(&stage).await;
        assert_replaced_once(&stage, fault).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_edit_after_a_lost_answer_does_not_reverse_twice() {
    for fault in ["lose-answer", "reset"] {
        let stage = posted().await;
        recount(&stage, 5, -40.5);
        in_doubt(&stage, fault).await;
        recount(&stage, 2, -16.2);
        settle_down(&stage).await;
        let arrived = fault == "lose-answer";
        assert_eq!(journals(&stage).len(), if arrived { 5 } else { 3 });
        expect_balances(&stage, &[("311", "16.2"), ("631", "-16.2")]);
        assert_eq!(entry(&stage).await.state, State::Synced, "{fault}");
        assert_eq!(writes(&stage.next().await), 0, "{fault}");
        clean(&stage);
    }
}

#[tokio::test(start_paused = true)]
async fn an_edit_that_is_undone_after_a_lost_answer_is_posted_back() {
    let stage = posted().await;
    recount(&stage, 5, -40.5);
    in_doubt(&stage, "lose-answer").await;
    recount(&stage, 3, -24.3);
    settle_down(&stage).await;
    assert_eq!(journals(&stage).len(), 5);
    expect_balances(&stage, &[("311", "24.3"), ("631", "-24.3")]);
    assert_eq!(writes(&stage.next().await), 0);
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_dies_during_the_call_goes_on() {
    for fault in ["lose-answer", "reset"] {
        let stage = posted().await;
        recount(&stage, 5, -40.5);
        stage.pass(Duration::from_secs(60)).await;
        strike(&stage, PUT, fault);
        let cut = tokio::time::timeout(Duration::from_secs(20), stage.sync()).await;
        assert!(cut.is_err(), "{fault}: the run was over before it was cut");
        let stage = stage.restart().await;
        assert_eq!(entry(&stage).await.state, State::Uncertain, "{fault}");
        // Xero has forgotten the key of the call.
        settle_down(&stage).await;
        assert_replaced_once(&stage, fault).await;
    }
}

/// The store is as a backup from before the edit would be: the link is the old one, and nothing is
/// remembered.
async fn forget(stage: &Stage) {
    let id = format!("{ADJUSTMENTS}/901").parse().expect("an id");
    let store = stage.engine.store();
    let first = id_of(stage, FIRST);
    let mut old = entry(stage).await;
    let seen = old.seen();
    let held = old.held.as_mut().expect("a link");
    held.id = first;
    held.fingerprint = [0; 16];
    held.sent = held
        .sent
        .replace("ADJ-1/2", "ADJ-1")
        .replace("40.5", "24.3");
    held.answered = held.answered.replace("ADJ-1/2", "ADJ-1");
    old.record(
        0,
        State::Pending,
        ledgerline::store::Actor::Engine,
        "restored",
        None,
    );
    let change = ledgerline::store::Change {
        id,
        entry: old,
        seen,
    };
    let settlement = ledgerline::store::Settlement {
        changes: vec![change],
        ..Default::default()
    };
    store.settle(settlement).expect("a sound store");
    store
        .set_note(&format!("reversal/{ADJUSTMENTS}/901"), None)
        .expect("a sound store");
}

#[tokio::test(start_paused = true)]
async fn an_older_store_finds_what_it_does_not_know() {
    let stage = posted().await;
    recount(&stage, 5, -40.5);
    stage.next().await;
    forget(&stage).await;
    settle_down(&stage).await;
    assert_replaced_once(&stage, "an older store").await;
}

#[tokio::test(start_paused = true)]
async fn an_older_store_takes_nothing_else_for_it() {
    let stage = posted().await;
    recount(&stage, 5, -40.5);
    stage.next().await;
    forget(&stage).await;
    // The same total on the same day, and not what would be sent.
    let id = id_of(&stage, SECOND);
    let mut lines = journals(&stage)
        .into_iter()
        .find(|it| it["ManualJournalID"] == json!(id))
        .expect("the journal")["JournalLines"]
        .take();
    lines[1]["AccountCode"] = json!("310");
    stage.change_xero("manual_journals", &id, json!({ "JournalLines": lines }));
    settle_down(&stage).await;
    assert_eq!(journals(&stage).len(), 3);
    let stopped = entry(&stage).await;
    assert_eq!(stopped.state, State::Warning, "{}", stopped.last_words());
    let problem = stopped.problem.expect("a problem");
    assert!(problem.cause.contains("JournalLines"), "{problem:?}");
}

#[tokio::test(start_paused = true)]
async fn both_or_neither_are_taken() {
    let stage = posted_on(|deployment| {
        all_on(deployment);
        let route = deployment.routes.get_mut(ADJUSTMENTS).expect("the route");
        let rows = [("310".to_owned(), json!("310"))].into();
        let table = "omni-adjustment-accounts".to_owned();
        route.tables.insert(table, rows);
    })
    .await;
    // What the new journal posts to is fine, what the old one posted to is archived since.
    stage.change_xero("accounts", "311", json!({ "Status": "ARCHIVED" }));
    recount(&stage, 5, -40.5);
    let other = json!({ "alternativeAccountCode": "310" });
    edit(&stage, "Adjustments", 901, other);
    assert_eq!(writes(&stage.next().await), 1);
    assert_eq!(told(&stage), [FIRST]);
    let stopped = entry(&stage).await;
    assert_eq!(stopped.state, State::Warning, "{}", stopped.last_words());
    let cause = stopped.problem.expect("a problem").cause;
    assert!(cause.contains("the reversal of the journal"), "{cause}");
    assert_eq!(stopped.held.expect("a link").id, id_of(&stage, FIRST));
    stage.change_xero("accounts", "311", json!({ "Status": "ACTIVE" }));
    // As long as Xero knows the key of the call, it would repeat its refusal.
    stage.pass(Duration::from_secs(600)).await;
    assert_eq!(stage.bulk(Request::Retry, ours()).await.tally.count, 1);
    settle_down(&stage).await;
    let words = entry(&stage).await.last_words().to_owned();
    assert_eq!(told(&stage), [REVERSAL, SECOND, FIRST], "{words}");
    expect_balances(&stage, &[("310", "40.5"), ("631", "-40.5")]);
}

#[tokio::test(start_paused = true)]
async fn a_locked_original_waits_with_the_lock_date() {
    let stage = posted().await;
    let lock =
        |date: &str| stage.change_xero("organisation", "", json!({ "PeriodLockDate": date }));
    lock("2026-11-15");
    recount(&stage, 5, -40.5);
    edit(
        &stage,
        "Adjustments",
        901,
        json!({ "adjustInAccountingSystem": "2026-11-19T13:00:00Z" }),
    );
    stage.next().await;
    let stopped = entry(&stage).await;
    assert_eq!(stopped.state, State::Waiting, "{}", stopped.last_words());
    let cause = stopped.cause.expect("a cause").key;
    assert_eq!(cause, "lock date 2026-11-15");
    assert_eq!(told(&stage), [FIRST]);
    lock("2026-10-31");
    stage.next().await;
    expect_balances(&stage, &[("311", "40.5"), ("631", "-40.5")]);
    assert_eq!(journals(&stage).len(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_omni_takes_back_is_reversed_alone() {
    for lost in [false, true] {
        let stage = posted_on(always).await;
        edit(&stage, "Adjustments", 901, json!({ "isApproved": false }));
        if lost {
            strike(&stage, PUT, "lose-answer");
        }
        settle_down(&stage).await;
        assert_eq!(told(&stage), [REVERSAL, FIRST]);
        expect_balances(&stage, &[]);
        let entry = entry(&stage).await;
        assert_eq!(entry.state, State::Excluded, "{}", entry.last_words());
        let wanted = format!("is reversed by {}", id_of(&stage, REVERSAL));
        assert!(
            entry.events.iter().any(|it| it.what.contains(&wanted)),
            "{:?}",
            entry.events
        );
        for _ in 0..2 {
            stage.pass(Duration::from_secs(3_700)).await;
            assert_eq!(writes(&stage.next().await), 0);
        }
        clean(&stage);
    }
}

#[tokio::test(start_paused = true)]
async fn by_itself_nothing_posted_is_taken_back() {
    let stage = posted().await;
    edit(&stage, "Adjustments", 901, json!({ "isApproved": false }));
    stage.next().await;
    assert_eq!(entry(&stage).await.state, State::Warning);
    assert_eq!(told(&stage), [FIRST]);
    assert_eq!(stage.bulk(Request::Void, ours()).await.tally.count, 1);
    stage.sync().await;
    assert_eq!(told(&stage), [REVERSAL, FIRST]);
    assert_eq!(entry(&stage).await.state, State::Excluded);
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_somebody_changed_or_voided_in_xero_is_a_question() {
    for voided in [false, true] {
        let stage = posted().await;
        let mut lines = journals(&stage)[0]["JournalLines"].clone();
        lines[1]["AccountCode"] = json!("310");
        let patch = match voided {
            true => json!({ "Status": "VOIDED" }),
            false => json!({ "JournalLines": lines }),
        };
        stage.change_xero("manual_journals", &id_of(&stage, FIRST), patch.clone());
        recount(&stage, 5, -40.5);
        stage.next().await;
        assert_eq!(journals(&stage).len(), 1, "{patch}");
        let stopped = entry(&stage).await;
        assert_eq!(stopped.state, State::Warning, "{patch}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_draft_is_changed_itself() {
    let stage = posted_on(|deployment| {
        all_on(deployment);
        let route = deployment.routes.get_mut(ADJUSTMENTS).expect("the route");
        route.options.insert("status".to_owned(), json!("DRAFT"));
    })
    .await;
    recount(&stage, 5, -40.5);
    assert_eq!(writes(&stage.next().await), 1);
    assert_eq!(
        told(&stage),
        ["2026-11-09 Stock adjustment ADJ-1: Damaged -40.50 DRAFT"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_mapping_without_the_number_is_told_before_anything_is_sent() {
    let stage = posted_on(|deployment| {
        all_on(deployment);
        let mapping = deployment.mappings.get_mut("cin7-omni/adjustments");
        let text = &mut mapping.expect("the mapping").file.text;
        assert!(text.contains("adjustment \\($number)"));
        let plain = text.replace("adjustment \\($number)", "adjustment");
        *text = plain.replace("Description = \"$number\"\n", "").into();
    })
    .await;
    recount(&stage, 5, -40.5);
    stage.next().await;
    let stopped = entry(&stage).await;
    assert_eq!(stopped.state, State::Warning, "{}", stopped.last_words());
    let problem = stopped.problem.expect("a problem");
    assert!(problem.remedy.contains("$number"), "{problem:?}");
    assert_eq!(journals(&stage).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_locked_is_not_taken_back_either() {
    let stage = posted_on(always).await;
    let lock = json!({ "PeriodLockDate": "2026-11-15" });
    stage.change_xero("organisation", "", lock);
    edit(&stage, "Adjustments", 901, json!({ "isApproved": false }));
    stage.next().await;
    assert_eq!(entry(&stage).await.state, State::Waiting);
    assert_eq!(told(&stage), [FIRST]);
}
