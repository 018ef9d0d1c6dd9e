//! Batches that are taken back and wanted again, and batches that wait for one of their orders.

use ledgerline::{
    config::{Deployment, Voids},
    operate::{Answer, Request},
    store::{Entry, Filter, State},
};
use scenarios::{
    Stage,
    books::{ORGANISATION, cents, dec},
};
use serde_json::{Value, json};

use super::{CASH, credit_notes, returned, shop, shop_drafts, sold, status, today};
use crate::ground::{
    BATCH_MEMBERS, BATCH_ORDERS, BATCHES, BATCHES_CREDIT, ORDERS, clean, edit, expect_balances,
    invoices, settle_down, stage, stays_so, strike,
};

/// A run has lost its answer by then, and has not asked what became of it.
const KILLED: std::time::Duration = std::time::Duration::from_secs(110);

/// As `shop`, and what is posted is taken back by itself.
fn shop_takes_back(it: &mut Deployment) {
    shop(it);
    for name in [BATCHES, BATCHES_CREDIT] {
        it.routes.get_mut(name).expect("the route").voids = Voids::Always;
    }
}

fn without(route: &'static str) -> impl Fn(&mut Deployment) + Send + Sync + 'static {
    move |it| {
        shop(it);
        it.routes.get_mut(route).expect("the route").enabled = false;
    }
}

async fn some_runs(stage: &Stage) {
    for _ in 0..3 {
        stage.next().await;
    }
}

async fn tomorrow(stage: &Stage) {
    stage.pass(std::time::Duration::from_secs(86_400)).await;
    some_runs(stage).await;
}

async fn batch(stage: &Stage, route: &str) -> Entry {
    stage.entry(&format!("{route}/{CASH}")).await
}

fn void(stage: &Stage, order: i64) {
    let void = json!({ "status": "VOID", "isVoid": true });
    edit(stage, "SalesOrders", order, void);
}

/// What is void in Omni stays so; an approval can be taken back and given again.
fn approve(stage: &Stage, order: i64, approved: bool) {
    let status = if approved { "APPROVED" } else { "DRAFT" };
    let patch = json!({ "status": status, "isApproved": approved });
    edit(stage, "SalesOrders", order, patch);
}

/// Number, status and total of each, as they were made.
fn told(all: &[Value], number: &str) -> Vec<String> {
    let text = |it: &Value| it.as_str().expect("text").replace(CASH, "…");
    all.iter()
        .map(|it| {
            let (number, status) = (text(&it[number]), text(&it["Status"]));
            format!("{number} {status} {}", cents(&it["Total"]))
        })
        .collect()
}

fn told_invoices(stage: &Stage) -> Vec<String> {
    told(&invoices(stage), "InvoiceNumber")
}

fn told_notes(stage: &Stage) -> Vec<String> {
    told(&credit_notes(stage), "CreditNoteNumber")
}

#[tokio::test(start_paused = true)]
async fn an_order_that_moves_before_the_cut_over_leaves_its_batch() {
    let stage = stage(shop).await;
    sold(&stage, 1, "Cash", today());
    sold(&stage, 2, "Cash", today());
    stage.sync().await;
    assert_eq!(stage.ids(BATCHES, State::Waiting).await.len(), 1);
    let earlier = json!({ "invoiceDate": "2025-11-09T13:00:00Z" });
    edit(&stage, "SalesOrders", 40_001, earlier);
    tomorrow(&stage).await;
    assert_eq!(stage.ids(BATCH_ORDERS, State::Skipped).await, ["40001"]);
    let all = invoices(&stage);
    assert_eq!(all.len(), 1);
    assert_eq!(all[0]["Reference"], "SO-2");
    assert_eq!(cents(&all[0]["Total"]), dec("286.00"));
    assert_eq!(status(&stage, "SalesOrders", 40_001), "NotImported");
    stays_so(&stage).await;
}

#[tokio::test(start_paused = true)]
async fn a_batch_waits_for_an_order_that_changed_and_cannot_be_worked_out() {
    for leaves in [false, true] {
        let stage = stage(shop).await;
        sold(&stage, 1, "Cash", today());
        sold(&stage, 2, "Cash", today());
        stage.sync().await;
        // Its parts do not make this total.
        edit(&stage, "SalesOrders", 40_001, json!({ "total": 999.0 }));
        tomorrow(&stage).await;
        assert_eq!(invoices(&stage).len(), 0);
        assert_eq!(stage.ids(BATCH_ORDERS, State::Warning).await, ["40001"]);
        let waiting = stage.ids(BATCHES, State::Waiting).await;
        let entry = stage.entry(&format!("{BATCHES}/{}", waiting[0])).await;
        let why = entry.problem.expect("a problem").cause;
        let named = format!("{BATCH_MEMBERS}/40001 SO-1, which goes with it");
        assert!(why.contains(&named), "{why}");
        assert!(why.contains(&format!("{BATCH_ORDERS}/40001")), "{why}");
        let total = match leaves {
            true => {
                void(&stage, 40_001);
                "286.00"
            }
            false => {
                edit(&stage, "SalesOrders", 40_001, json!({ "total": 286.0 }));
                "572.00"
            }
        };
        some_runs(&stage).await;
        let all = invoices(&stage);
        assert_eq!(all.len(), 1);
        assert_eq!(cents(&all[0]["Total"]), dec(total));
        stays_so(&stage).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_was_sent_does_not_wait_for_an_order_that_stopped_later() {
    let stage = stage(shop_drafts).await;
    sold(&stage, 1, "Cash", json!({}));
    stage.sync().await;
    edit(&stage, "SalesOrders", 40_001, json!({ "total": 999.0 }));
    sold(&stage, 2, "Cash", json!({}));
    some_runs(&stage).await;
    assert_eq!(stage.ids(BATCH_ORDERS, State::Warning).await, ["40001"]);
    assert_eq!(told_invoices(&stage), ["BATCH … DRAFT 572.00"]);
    stays_so(&stage).await;
}

#[tokio::test(start_paused = true)]
async fn a_late_order_after_all_others_became_void_makes_the_batch_anew() {
    let stage = stage(shop_drafts).await;
    sold(&stage, 1, "Cash", json!({}));
    stage.sync().await;
    void(&stage, 40_001);
    some_runs(&stage).await;
    assert_eq!(told_invoices(&stage), ["BATCH … DELETED 286.00"]);
    stays_so(&stage).await;
    sold(&stage, 2, "Cash", json!({}));
    some_runs(&stage).await;
    let both = ["BATCH … DELETED 286.00", "BATCH …/2 DRAFT 286.00"];
    assert_eq!(told_invoices(&stage), both);
    let entry = batch(&stage, BATCHES).await;
    assert_eq!(entry.state, State::Synced);
    assert_eq!(entry.number, Some(format!("BATCH {CASH}/2")));
    assert_eq!(status(&stage, "SalesOrders", 40_002), "DoNotImport");
    // It is changed as every other: under its own number.
    sold(&stage, 3, "Cash", json!({}));
    some_runs(&stage).await;
    let both = ["BATCH … DELETED 286.00", "BATCH …/2 DRAFT 572.00"];
    assert_eq!(told_invoices(&stage), both);
    stays_so(&stage).await;
}

#[tokio::test(start_paused = true)]
async fn a_posted_batch_that_a_person_took_back_here_is_made_anew_and_the_books_agree() {
    let stage = stage(shop).await;
    sold(&stage, 1, "Cash", json!({}));
    stage.sync().await;
    void(&stage, 40_001);
    some_runs(&stage).await;
    assert_eq!(stage.ids(BATCHES, State::Warning).await, [CASH]);
    let ours = Filter {
        routes: vec![BATCHES.to_owned()],
        ..Filter::default()
    };
    assert_eq!(stage.bulk(Request::Void, ours).await.tally.count, 1);
    some_runs(&stage).await;
    expect_balances(&stage, &[]);
    sold(&stage, 2, "Cash", json!({}));
    some_runs(&stage).await;
    let both = ["BATCH … VOIDED 286.00", "BATCH …/2 AUTHORISED 286.00"];
    assert_eq!(told_invoices(&stage), both);
    expect_balances(
        &stage,
        &[
            ("200", "-190"),
            ("260", "-70"),
            ("610", "286"),
            ("820", "-26"),
        ],
    );
    stays_so(&stage).await;
}

#[tokio::test(start_paused = true)]
async fn an_order_that_is_wanted_again_comes_back_with_its_batch() {
    let stage = stage(shop_takes_back).await;
    sold(&stage, 1, "Cash", json!({}));
    stage.sync().await;
    some_runs(&stage).await;
    // Marked by us: nobody took it out of the books.
    assert_eq!(status(&stage, "SalesOrders", 40_001), "DoNotImport");
    for (versions, number) in [(1, "/2"), (2, "/3")] {
        approve(&stage, 40_001, false);
        some_runs(&stage).await;
        expect_balances(&stage, &[]);
        approve(&stage, 40_001, true);
        some_runs(&stage).await;
        let all = invoices(&stage);
        let at = stage.entry(&format!("{BATCH_ORDERS}/40001")).await;
        let whole = stage.entry(&format!("{BATCH_MEMBERS}/40001 SO-1")).await;
        let of = batch(&stage, BATCHES).await;
        let words = [at, whole, of].map(|it| (it.number.clone(), it.last_words().to_owned()));
        assert_eq!(all.len(), versions + 1, "{words:#?}");
        let last = format!("BATCH {CASH}{number}");
        assert_eq!(all[versions]["InvoiceNumber"], last);
        expect_balances(
            &stage,
            &[
                ("200", "-190"),
                ("260", "-70"),
                ("610", "286"),
                ("820", "-26"),
            ],
        );
    }
    assert_eq!(stage.states(ORDERS).await["excluded"], 1);
    stays_so(&stage).await;
}

#[tokio::test(start_paused = true)]
async fn a_batch_becomes_a_credit_note_and_an_invoice_again_and_once_more() {
    let stage = stage(shop_takes_back).await;
    sold(&stage, 1, "Cash", json!({}));
    stage.sync().await;
    // 286.00 less 7 times 44.00.
    for serial in 3..10 {
        returned(&stage, serial, "Cash");
    }
    some_runs(&stage).await;
    assert_eq!(told_invoices(&stage), ["BATCH … VOIDED 286.00"]);
    assert_eq!(told_notes(&stage), ["BATCH … AUTHORISED 22.00"]);
    let credited = [("200", "90"), ("260", "-70"), ("610", "-22"), ("820", "2")];
    expect_balances(&stage, &credited);
    sold(&stage, 2, "Cash", json!({}));
    some_runs(&stage).await;
    let all = ["BATCH … VOIDED 286.00", "BATCH …/2 AUTHORISED 264.00"];
    assert_eq!(told_invoices(&stage), all);
    assert_eq!(told_notes(&stage), ["BATCH … VOIDED 22.00"]);
    expect_balances(
        &stage,
        &[
            ("200", "-100"),
            ("260", "-140"),
            ("610", "264"),
            ("820", "-24"),
        ],
    );
    void(&stage, 40_002);
    some_runs(&stage).await;
    let all = ["BATCH … VOIDED 286.00", "BATCH …/2 VOIDED 264.00"];
    assert_eq!(told_invoices(&stage), all);
    let all = ["BATCH … VOIDED 22.00", "BATCH …/2 AUTHORISED 22.00"];
    assert_eq!(told_notes(&stage), all);
    expect_balances(&stage, &credited);
    stays_so(&stage).await;
}

#[tokio::test(start_paused = true)]
async fn a_credit_waits_until_a_person_has_taken_the_invoice_of_its_batch_back() {
    let stage = stage(shop).await;
    sold(&stage, 1, "Cash", json!({}));
    stage.sync().await;
    for serial in 3..10 {
        returned(&stage, serial, "Cash");
    }
    some_runs(&stage).await;
    assert_eq!(stage.ids(BATCHES, State::Warning).await, [CASH]);
    let credit = batch(&stage, BATCHES_CREDIT).await;
    assert_eq!(credit.state, State::Waiting, "{credit:#?}");
    let named = format!("entry:{BATCHES}/{CASH}");
    assert_eq!(credit.cause.expect("a cause").key, named);
    assert_eq!(credit_notes(&stage).len(), 0);
    let ours = Filter {
        routes: vec![BATCHES.to_owned()],
        ..Filter::default()
    };
    stage.bulk(Request::Void, ours).await;
    some_runs(&stage).await;
    assert_eq!(told_notes(&stage), ["BATCH … AUTHORISED 22.00"]);
    expect_balances(
        &stage,
        &[("200", "90"), ("260", "-70"), ("610", "-22"), ("820", "2")],
    );
    stays_so(&stage).await;
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_somebody_voided_in_xero_stays_a_question() {
    for after_void in [false, true] {
        let stage = stage(shop_drafts).await;
        sold(&stage, 1, "Cash", json!({}));
        stage.sync().await;
        if after_void {
            // Made anew once: what we took back ourselves says nothing of what others do.
            void(&stage, 40_001);
            some_runs(&stage).await;
            sold(&stage, 3, "Cash", json!({}));
            some_runs(&stage).await;
        }
        let before = invoices(&stage).len();
        let last = invoices(&stage).pop().expect("an invoice");
        let number = last["InvoiceNumber"].as_str().expect("a number");
        let gone = json!({ "vendor": "xero", "account": ORGANISATION, "kind": "invoices", "id": number,
            "patch": { "Status": "DELETED" } });
        let gone = serde_json::from_value(gone).expect("an edit");
        stage.world.edit(&gone).expect("it is there");
        sold(&stage, 2, "Cash", json!({}));
        for _ in 0..2 {
            some_runs(&stage).await;
            stage.pass(std::time::Duration::from_secs(3_700)).await;
        }
        let entry = batch(&stage, BATCHES).await;
        assert_eq!(entry.state, State::Warning, "{entry:#?}");
        let why = entry.problem.expect("a problem").cause;
        assert!(why.contains("voided or deleted"), "{why}");
        assert_eq!(invoices(&stage).len(), before);
        stays_so(&stage).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_takes_a_batch_back_once() {
    for fault in ["lose-answer", "commit-then-500", "reset"] {
        for late in [false, true] {
            let stage = stage(shop_drafts).await;
            sold(&stage, 1, "Cash", json!({}));
            stage.sync().await;
            void(&stage, 40_001);
            strike(&stage, ("POST", "/api.xro/2.0/Invoices"), fault);
            let mut stage = stage;
            if late {
                // It is wanted again before anybody knows what became of the call.
                let run = tokio::time::timeout(KILLED, stage.next()).await;
                assert!(run.is_err(), "{fault}: the run ended");
                stage = stage.restart().await;
                let entry = batch(&stage, BATCHES).await;
                assert_eq!(entry.state, State::Uncertain, "{fault}: {entry:#?}");
            } else {
                settle_down(&stage).await;
                assert_eq!(told_invoices(&stage), ["BATCH … DELETED 286.00"]);
            }
            sold(&stage, 2, "Cash", json!({}));
            settle_down(&stage).await;
            let wanted = match (fault, late) {
                // It never arrived.
                ("reset", true) => vec!["BATCH … DRAFT 286.00"],
                _ => vec!["BATCH … DELETED 286.00", "BATCH …/2 DRAFT 286.00"],
            };
            assert_eq!(told_invoices(&stage), wanted, "{fault}, {late}");
            assert_eq!(batch(&stage, BATCHES).await.state, State::Synced);
            stays_so(&stage).await;
        }
    }
}

/// The word was about the batch as it was then; as it is now nothing would be taken back, and nobody asked.
#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_taking_a_batch_back_is_asked_about_also_when_its_orders_change_meanwhile()
{
    let stage = stage(shop).await;
    sold(&stage, 1, "Cash", json!({}));
    stage.sync().await;
    for serial in 1..=7 {
        returned(&stage, serial, "Cash");
    }
    some_runs(&stage).await;
    let filter = Filter {
        ids: vec![format!("{BATCHES}/{CASH}").parse().expect("an id")],
        ..Filter::default()
    };
    stage.bulk(Request::Void, filter).await;
    strike(&stage, ("POST", "/api.xro/2.0/Invoices"), "lose-answer");
    let run = tokio::time::timeout(KILLED, stage.next()).await;
    assert!(run.is_err(), "the run ended");
    let stage = stage.restart().await;
    assert_eq!(batch(&stage, BATCHES).await.state, State::Uncertain);
    returned(&stage, 8, "Cash");
    settle_down(&stage).await;
    assert_eq!(told_invoices(&stage), ["BATCH … VOIDED 286.00"]);
    assert_eq!(told_notes(&stage), ["BATCH … AUTHORISED 66.00"]);
    stays_so(&stage).await;
}

/// It showed our own mark, which was taken for somebody else's, and was in no batch any more.
#[tokio::test(start_paused = true)]
async fn an_order_of_a_batch_that_was_taken_back_goes_into_another_and_stays_there() {
    let stage = stage(shop_drafts).await;
    sold(&stage, 1, "Cash", json!({}));
    stage.sync().await;
    some_runs(&stage).await;
    assert_eq!(status(&stage, "SalesOrders", 40_001), "DoNotImport");
    approve(&stage, 40_001, false);
    some_runs(&stage).await;
    assert_eq!(told_invoices(&stage), ["BATCH … DELETED 286.00"]);
    let mut moved = today();
    moved["status"] = json!("APPROVED");
    moved["isApproved"] = json!(true);
    edit(&stage, "SalesOrders", 40_001, moved);
    some_runs(&stage).await;
    edit(
        &stage,
        "SalesOrders",
        40_001,
        json!({ "customerOrderNo": "later" }),
    );
    some_runs(&stage).await;
    tomorrow(&stage).await;
    let all = invoices(&stage);
    assert_eq!(all.len(), 2, "{:?}", told_invoices(&stage));
    assert_eq!(all[1]["Date"], "2026-11-22");
    assert_eq!(cents(&all[1]["Total"]), dec("286.00"));
    stays_so(&stage).await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_makes_a_batch_anew_once() {
    for fault in ["lose-answer", "commit-then-500", "reset"] {
        let stage = stage(shop_drafts).await;
        sold(&stage, 1, "Cash", json!({}));
        stage.sync().await;
        void(&stage, 40_001);
        some_runs(&stage).await;
        strike(&stage, ("PUT", "/api.xro/2.0/Invoices"), fault);
        sold(&stage, 2, "Cash", json!({}));
        settle_down(&stage).await;
        let both = ["BATCH … DELETED 286.00", "BATCH …/2 DRAFT 286.00"];
        assert_eq!(told_invoices(&stage), both, "{fault}");
        assert_eq!(batch(&stage, BATCHES).await.state, State::Synced);
        stays_so(&stage).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_store_doubles_no_batch_that_was_made_anew() {
    let stage = stage(shop_takes_back).await;
    sold(&stage, 1, "Cash", json!({}));
    stage.sync().await;
    void(&stage, 40_001);
    some_runs(&stage).await;
    sold(&stage, 2, "Cash", json!({}));
    // Not marked in Omni yet when the store is lost.
    stage.next().await;
    let before = told_invoices(&stage);
    let stage = stage.lose_store().await;
    settle_down(&stage).await;
    assert_eq!(told_invoices(&stage), before);
    clean(&stage);
}

#[tokio::test(start_paused = true)]
async fn half_of_the_batches_is_told_when_the_route_for_it_is_switched_off() {
    for (off, on) in [(BATCHES_CREDIT, BATCHES), (BATCHES, BATCHES_CREDIT)] {
        let stage = Stage::with(crate::ground::company(), without(off)).await;
        match off {
            BATCHES => sold(&stage, 1, "Cash", json!({})),
            _ => returned(&stage, 3, "Cash"),
        }
        stage.sync().await;
        let entry = batch(&stage, on).await;
        assert_eq!(entry.state, State::Waiting, "{entry:#?}");
        let found = entry.problem.expect("a problem");
        assert!(found.cause.contains(off), "{found:?}");
        assert!(found.remedy.contains("enabled = true"), "{found:?}");
        assert_eq!(invoices(&stage).len() + credit_notes(&stage).len(), 0);
        let stage = stage.restart_with(shop).await;
        stage.sync().await;
        some_runs(&stage).await;
        assert_eq!(batch(&stage, on).await.state, State::Excluded);
        assert_eq!(batch(&stage, off).await.state, State::Synced);
        assert_eq!(invoices(&stage).len() + credit_notes(&stage).len(), 1);
        stays_so(&stage).await;
    }
}

#[tokio::test(start_paused = true)]
async fn who_adopts_a_batch_and_takes_that_back_marks_none_of_its_orders() {
    for undone in [true, false] {
        // The batch was made, and nothing is known of that.
        let stage = stage(|it| {
            super::shop(it);
            it.routes
                .get_mut("omni-batch-orders-marked")
                .expect("the route")
                .enabled = false;
        })
        .await;
        sold(&stage, 1, "Cash", json!({}));
        stage.sync().await;
        let held = batch(&stage, BATCHES).await.held.expect("a link").id;
        let stage = stage.lose_store().await;
        // Longer than the target knows the key of the call.
        stage.pass(std::time::Duration::from_secs(420)).await;
        some_runs(&stage).await;
        let found = batch(&stage, BATCHES).await;
        assert_eq!(found.state, State::Warning, "{found:#?}");
        let stage = stage.restart_with(shop).await;
        let adopt = Request::Adopt {
            id: format!("{BATCHES}/{CASH}").parse().expect("an entry's id"),
            target: Some(held),
            anyway: true,
        };
        let done = stage.ask(adopt).await;
        assert_eq!(
            batch(&stage, BATCHES).await.state,
            State::Synced,
            "{done:?}"
        );
        let undo = |count_only| Request::Undo {
            action: None,
            count_only,
        };
        if undone {
            let done = stage.ask(undo(false)).await;
            assert!(
                matches!(&done, Answer::Undone(it) if it.tally.count == 1),
                "{done:?}"
            );
        }
        some_runs(&stage).await;
        let wanted = if undone { "NotImported" } else { "DoNotImport" };
        assert_eq!(status(&stage, "SalesOrders", 40_001), wanted);
        if !undone {
            // Omni was told by now.
            let done = stage.ask(undo(false)).await;
            let refused =
                matches!(&done, Answer::Undone(it) if it.tally.count == 0 && it.refused.len() == 1);
            assert!(refused, "{done:?}");
        }
        clean(&stage);
    }
}
