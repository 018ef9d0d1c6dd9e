//! Batches: one invoice, or credit note, for all that a branch sold in a day and was paid for in one way.

mod again;
mod killed;

use ledgerline::{
    config::Deployment,
    operate::{
        Answer, EntryReport, Request, Resolve,
        reconcile::{Class, ReconcileReport, ReconcileRequest, Verdict},
    },
    store::{Filter, State},
};
use ledgerline_plugin_api::manifest::HeldState;
use scenarios::{
    Stage,
    books::{ORGANISATION, cents, dec, line, lines_of, note, number},
};
use serde_json::{Value, json};

use crate::{
    ground::{
        BATCH_MEMBERS, BATCH_ORDERS, BATCHES, BATCHES_CREDIT, NOTES, ORDERS, all_on, batched,
        clean, edit, expect_balances, invoices, omni, posted, put, settle_down, stage, stays_so,
        strike, writes,
    },
    sales::order,
};

/// The shop is batched, and posted at once.
fn shop(it: &mut Deployment) {
    posted(it);
    batched(it, "Shop");
}

/// The shop is batched into drafts.
fn shop_drafts(it: &mut Deployment) {
    all_on(it);
    batched(it, "shop, web");
}

/// Nothing is batched any more.
fn shop_alone(it: &mut Deployment) {
    posted(it);
    for (name, route) in &mut it.routes {
        route.enabled &= !name.starts_with("omni-batch");
    }
}

/// An order of today: its batch waits for the end of the day.
fn today() -> Value {
    json!({ "invoiceDate": "2026-11-22T01:00:00Z" })
}

/// An order of 286.00 in the shop, and its payment.
fn sold(stage: &Stage, serial: i64, method: &str, patch: Value) {
    let mut order = order(serial, json!({ "source": "Shop" }));
    for (name, value) in patch.as_object().expect("fields") {
        order[name] = value.clone();
    }
    put(stage, "SalesOrders", order);
    paid(stage, 40_000 + serial, &format!("SO-{serial}"), method);
}

/// A credit note of 44.00 in the shop, paid back.
fn returned(stage: &Stage, serial: i64, method: &str) {
    stage.put(note(serial, json!({ "source": "Shop" })));
    paid(stage, 5_000 + serial, &format!("CRN-{serial}"), method);
}

fn paid(stage: &Stage, order: i64, reference: &str, method: &str) {
    put(
        stage,
        "Payments",
        json!({ "id": 90_000 + order, "orderId": order, "orderRef": reference, "orderType": "Undefined",
            "method": method, "amount": 286, "paymentDate": "2026-11-09T01:00:00Z", "isAuthorized": true,
            "comments": "", "transactionRef": "", "batchReference": "", "createdDate": "2026-11-09T01:00:00Z" }),
    );
}

fn status(stage: &Stage, resource: &str, id: i64) -> Value {
    omni(stage, resource, id)["accountingAttributes"]["accountingImportStatus"].clone()
}

fn credit_notes(stage: &Stage) -> Vec<Value> {
    stage.world.xero(ORGANISATION).credit_notes()
}

const CASH: &str = "2026-11-09, branch 3, Cash, AUD, Exclusive, 1001, Shop";

#[tokio::test(start_paused = true)]
async fn a_day_of_the_shop_is_one_invoice_and_nothing_of_it_goes_alone() {
    let stage = stage(shop).await;
    sold(&stage, 1, "Cash", json!({}));
    sold(&stage, 2, "Cash", json!({}));
    returned(&stage, 3, "Cash");
    stage.sync().await;
    let all = invoices(&stage);
    assert_eq!(
        all.len(),
        1,
        "{:?}",
        stage.engine.store().groups(&[]).unwrap()
    );
    let batch = &all[0];
    assert_eq!(batch["InvoiceNumber"], format!("BATCH {CASH}"));
    assert_eq!(batch["Reference"], "SO-1, SO-2, CRN-3");
    assert_eq!(batch["Date"], "2026-11-09");
    assert_eq!(cents(&batch["Total"]), dec("528.00"));
    assert_eq!(
        lines_of(batch),
        [
            "200 OUTPUT 1 340 34",
            "260 OUTPUT 1 20 2",
            "260 OUTPUT 1 120 12"
        ]
    );
    expect_balances(
        &stage,
        &[
            ("200", "-340"),
            ("260", "-140"),
            ("610", "528"),
            ("820", "-48"),
        ],
    );
    assert_eq!(credit_notes(&stage).len(), 0);
    assert_eq!(stage.states(ORDERS).await["excluded"], 2);
    assert_eq!(stage.states(NOTES).await["excluded"], 1);
    let alone = stage.entry(&format!("{ORDERS}/40001")).await;
    assert!(alone.last_words().starts_with("goes with"), "{alone:?}");
    for _ in 0..2 {
        stage.next().await;
    }
    for (resource, id) in [
        ("SalesOrders", 40_001),
        ("SalesOrders", 40_002),
        ("CreditNotes", 5_003),
    ] {
        assert_eq!(status(&stage, resource, id), "DoNotImport", "{id}");
    }
    stays_so(&stage).await;
}

/// A till asks for no sales reference and gives no payment terms: what goes alone would need them.
#[tokio::test(start_paused = true)]
async fn what_would_stop_an_order_alone_is_no_question_when_it_goes_with_a_batch() {
    let stage = stage(shop).await;
    sold(&stage, 1, "Cash", json!({ "paymentTerms": "" }));
    sold(&stage, 2, "Cash", clear_terms(today()));
    stage.put(note(
        3,
        json!({ "source": "Shop", "salesReference": "", "creditNoteDate": "2026-11-22T01:00:00Z" }),
    ));
    for run in 0..3 {
        stage.next().await;
        for (route, id) in [(ORDERS, 40_001), (ORDERS, 40_002), (NOTES, 5_003)] {
            let alone = stage.entry(&format!("{route}/{id}")).await;
            assert_eq!(alone.state, State::Excluded, "{run}: {alone:#?}");
            assert!(alone.last_words().starts_with("goes with"), "{alone:#?}");
        }
    }
    // Its batch is there and it is marked: the mark is ours, and it is still told where the order is.
    assert_eq!(status(&stage, "SalesOrders", 40_001), "DoNotImport");
    // Void, it is in no batch.
    let void = json!({ "status": "VOID", "isVoid": true });
    edit(&stage, "SalesOrders", 40_001, void);
    stage.next().await;
    let alone = stage.entry(&format!("{ORDERS}/40001")).await;
    assert!(alone.last_words().contains("void in Omni"), "{alone:#?}");
}

fn clear_terms(mut patch: Value) -> Value {
    patch["paymentTerms"] = json!("");
    patch
}

/// Each order misses a cent, as Omni rounds the whole and the books round each line: 1.01 and 1.01 are 2.01. Three of
/// them together miss more than any one document may.
#[tokio::test(start_paused = true)]
async fn cents_of_many_orders_do_not_stop_their_batch() {
    let stage = stage(shop).await;
    for serial in 1..=3 {
        let lines = [
            line("Tee", 1, "1.005", json!({})),
            line("Cap", 1, "1.005", json!({})),
        ];
        let fine = json!({ "taxStatus": "Incl", "freightTotal": 0, "lineItems": lines,
            "productTotal": number("2.01"), "total": number("2.01") });
        sold(&stage, serial, "Cash", fine);
    }
    stage.next().await;
    let all = invoices(&stage);
    assert_eq!(
        all.len(),
        1,
        "{:?}",
        stage.engine.store().groups(&[]).unwrap()
    );
    assert_eq!(lines_of(&all[0]), ["200 OUTPUT 1 6.03 0.55"]);
    expect_balances(
        &stage,
        &[("200", "-5.48"), ("610", "6.03"), ("820", "-0.55")],
    );
    stays_so(&stage).await;
}

#[tokio::test(start_paused = true)]
async fn more_came_back_than_was_sold() {
    let stage = stage(shop).await;
    returned(&stage, 3, "Cash");
    returned(&stage, 4, "Cash");
    stage.sync().await;
    let all = credit_notes(&stage);
    assert_eq!(all.len(), 1);
    assert_eq!(all[0]["CreditNoteNumber"], format!("BATCH {CASH}"));
    assert_eq!(lines_of(&all[0]), ["200 OUTPUT 1 80 8"]);
    assert_eq!(invoices(&stage).len(), 0);
    expect_balances(&stage, &[("200", "80"), ("610", "-88"), ("820", "8")]);
    assert_eq!(stage.states(BATCHES).await["excluded"], 1);
    stays_so(&stage).await;
}

/// So much came back late that the posted invoice would be a credit note: once a person has taken the invoice back,
/// the credit note goes by itself.
#[tokio::test(start_paused = true)]
async fn lines_of_a_batch_keep_the_tracking_of_their_orders() {
    let stage = stage(shop).await;
    let small = |region: &str| {
        json!({ "freightTotal": 0, "lineItems": [line("Tee", 1, "10.00", json!({}))], "productTotal": 10, "total": 11,
            "customFields": { "orders_1000": region, "orders_1001": "Retail" } })
    };
    for (serial, region) in [(1, "North"), (2, "West"), (3, "North")] {
        sold(&stage, serial, "Cash", small(region));
    }
    stage.next().await;
    let batch = &invoices(&stage)[0];
    let told: Vec<String> = batch["LineItems"]
        .as_array()
        .expect("lines")
        .iter()
        .map(|it| {
            let of = |slot: usize| it["Tracking"][slot]["Option"].as_str().unwrap_or("-");
            format!("{} {} {}", cents(&it["LineAmount"]), of(0), of(1))
        })
        .collect();
    assert_eq!(told, ["20.00 North Retail", "10.00 West Retail"]);
}

#[tokio::test(start_paused = true)]
async fn a_posted_batch_that_turns_into_a_credit_is_taken_back_and_goes_as_one() {
    let stage = stage(shop).await;
    sold(&stage, 1, "Cash", json!({}));
    stage.sync().await;
    for serial in 2..9 {
        returned(&stage, serial, "Cash");
    }
    for _ in 0..2 {
        stage.next().await;
    }
    assert_eq!(stage.ids(BATCHES, State::Warning).await, [CASH]);
    assert_eq!(credit_notes(&stage).len(), 0);
    // 7 × 44.00 − 286.00
    let batch = Filter {
        ids: vec![format!("{BATCHES}/{CASH}").parse().expect("an entry's id")],
        ..Filter::default()
    };
    stage.bulk(Request::Void, batch).await;
    settle_down(&stage).await;
    let of_credits = Filter {
        routes: vec![BATCHES_CREDIT.to_owned()],
        ..Filter::default()
    };
    stage.bulk(Request::Retry, of_credits).await;
    settle_down(&stage).await;
    assert_eq!(invoices(&stage)[0]["Status"], "VOIDED");
    let credits = credit_notes(&stage);
    assert_eq!(
        credits.len(),
        1,
        "{:?}",
        stage.engine.store().groups(&[]).unwrap()
    );
    assert_eq!(cents(&credits[0]["Total"]), dec("22.00"));
    stays_so(&stage).await;
}

#[tokio::test(start_paused = true)]
async fn batches_are_told_apart_by_all_that_the_books_need() {
    let stage = stage(shop).await;
    sold(&stage, 1, "Cash", json!({}));
    sold(&stage, 2, "Card", json!({}));
    sold(&stage, 3, "Cash", json!({ "branchId": 4 }));
    sold(
        &stage,
        4,
        "Cash",
        json!({ "invoiceDate": "2026-11-09T13:00:00Z" }),
    );
    // Another channel goes alone, and so does what was sold before the books began.
    sold(&stage, 5, "Cash", json!({ "source": "Web" }));
    sold(
        &stage,
        6,
        "Cash",
        json!({ "invoiceDate": "2025-11-09T13:00:00Z" }),
    );
    stage.sync().await;
    let mut numbers: Vec<String> = invoices(&stage)
        .iter()
        .map(|it| it["InvoiceNumber"].as_str().expect("a number").to_owned())
        .collect();
    numbers.sort();
    let wanted = [
        "20005 SO-5",
        "BATCH 2026-11-09, branch 3, Card, AUD, Exclusive, 1001, Shop",
        "BATCH 2026-11-09, branch 3, Cash, AUD, Exclusive, 1001, Shop",
        "BATCH 2026-11-09, branch 4, Cash, AUD, Exclusive, 1001, Shop",
        "BATCH 2026-11-10, branch 3, Cash, AUD, Exclusive, 1001, Shop",
    ];
    assert_eq!(numbers, wanted);
    assert_eq!(
        stage.ids(BATCH_ORDERS, State::Skipped).await,
        ["40006"],
        "before the cut-over"
    );
    stays_so(&stage).await;
}

#[tokio::test(start_paused = true)]
async fn what_nobody_paid_waits_and_a_day_waits_for_its_end() {
    let stage = stage(shop).await;
    put(&stage, "SalesOrders", order(1, json!({ "source": "Shop" })));
    sold(
        &stage,
        2,
        "Cash",
        json!({ "invoiceDate": "2026-11-22T01:00:00Z" }),
    );
    stage.sync().await;
    assert_eq!(
        stage.ids(BATCH_MEMBERS, State::Waiting).await,
        ["40001 SO-1"]
    );
    assert_eq!(stage.ids(BATCHES, State::Waiting).await.len(), 1);
    assert_eq!(invoices(&stage).len(), 0);
    paid(&stage, 40_001, "SO-1", "Cash");
    stage.next().await;
    assert_eq!(invoices(&stage).len(), 1);
    stage.pass(std::time::Duration::from_secs(86_400)).await;
    stage.next().await;
    assert_eq!(invoices(&stage).len(), 2);
    stays_so(&stage).await;
}

#[tokio::test(start_paused = true)]
async fn a_draft_follows_its_orders() {
    let stage = stage(shop_drafts).await;
    sold(&stage, 1, "Cash", json!({}));
    sold(&stage, 2, "Cash", json!({}));
    stage.sync().await;
    assert_eq!(cents(&invoices(&stage)[0]["Total"]), dec("572.00"));
    // One more comes late, then one is void.
    sold(&stage, 3, "Cash", json!({}));
    stage.next().await;
    assert_eq!(invoices(&stage).len(), 1);
    assert_eq!(cents(&invoices(&stage)[0]["Total"]), dec("858.00"));
    edit(
        &stage,
        "SalesOrders",
        40_002,
        json!({ "status": "VOID", "isVoid": true }),
    );
    for _ in 0..3 {
        stage.next().await;
    }
    assert_eq!(cents(&invoices(&stage)[0]["Total"]), dec("572.00"));
    // Its channel says something else by now: it stays where it was sent.
    edit(&stage, "SalesOrders", 40_001, json!({ "source": "Phone" }));
    for _ in 0..3 {
        stage.next().await;
    }
    assert_eq!(invoices(&stage).len(), 1);
    assert_eq!(cents(&invoices(&stage)[0]["Total"]), dec("572.00"));
    // Another day would move the other one, too: that stops until it is put right.
    for (day, state) in [
        ("2026-11-15", State::Warning),
        ("2026-11-08", State::Synced),
    ] {
        let dated = json!({ "invoiceDate": format!("{day}T13:00:00Z") });
        edit(&stage, "SalesOrders", 40_001, dated);
        for _ in 0..3 {
            stage.next().await;
        }
        let entry = stage.entry(&format!("{BATCHES}/{CASH}")).await;
        assert_eq!(entry.state, state, "{day}: {entry:#?}");
        assert_eq!(invoices(&stage)[0]["Date"], "2026-11-09");
    }
    // All are void: nothing is left of it.
    for id in [40_001, 40_003] {
        let void = json!({ "status": "VOID", "isVoid": true });
        edit(&stage, "SalesOrders", id, void);
    }
    for _ in 0..3 {
        stage.next().await;
    }
    assert_eq!(invoices(&stage)[0]["Status"], "DELETED");
    stays_so(&stage).await;
}

#[tokio::test(start_paused = true)]
async fn a_posted_batch_is_a_question_when_an_order_comes_late() {
    let stage = stage(shop).await;
    sold(&stage, 1, "Cash", json!({}));
    stage.sync().await;
    sold(&stage, 2, "Cash", json!({}));
    for _ in 0..2 {
        stage.next().await;
    }
    assert_eq!(stage.ids(BATCHES, State::Warning).await, [CASH]);
    assert_eq!(cents(&invoices(&stage)[0]["Total"]), dec("286.00"));
    let late = stage.entry(&format!("{ORDERS}/40002")).await;
    assert_eq!(late.state, State::Excluded, "it does not go alone either");
    stays_so(&stage).await;
}

#[tokio::test(start_paused = true)]
async fn a_late_order_of_a_posted_batch_makes_a_correcting_invoice_when_a_person_says_so() {
    let stage = stage(shop).await;
    sold(&stage, 1, "Cash", json!({}));
    stage.sync().await;
    sold(&stage, 2, "Cash", json!({}));
    for _ in 0..2 {
        stage.next().await;
    }
    let id = format!("{BATCHES}/{CASH}").parse().expect("an entry's id");
    let request = Request::Resolve {
        id,
        how: Resolve::Additional {
            amount: Some(dec("286.00")),
        },
        reason: Some("sold late".to_owned()),
    };
    let said = stage.ask(request).await;
    assert!(matches!(said, Answer::Resolved { .. }), "{said:?}");
    for _ in 0..3 {
        stage.next().await;
    }
    let numbers: Vec<Value> = invoices(&stage)
        .iter()
        .map(|it| it["InvoiceNumber"].clone())
        .collect();
    assert_eq!(
        numbers,
        [format!("BATCH {CASH}"), format!("BATCH {CASH}-D1")]
    );
    expect_balances(
        &stage,
        &[
            ("200", "-380"),
            ("260", "-140"),
            ("610", "572"),
            ("820", "-52"),
        ],
    );
    assert_eq!(status(&stage, "SalesOrders", 40_002), "DoNotImport");
    stays_so(&stage).await;
}

/// Eight late orders of 10.05, each with a tax of 1.01 in Omni. Reckoned on all of them it would be 8.04, which is
/// further from 8.08 than a document's cents may be.
#[tokio::test(start_paused = true)]
async fn a_correcting_invoice_of_many_late_orders_has_their_tax() {
    let stage = stage(shop).await;
    sold(&stage, 1, "Cash", json!({}));
    stage.sync().await;
    for serial in 2..=9 {
        let small = json!({ "freightTotal": 0, "lineItems": [line("Tee", 1, "10.05", json!({}))],
            "productTotal": number("10.05"), "total": number("11.06") });
        sold(&stage, serial, "Cash", small);
    }
    for _ in 0..2 {
        stage.next().await;
    }
    let request = Request::Resolve {
        id: format!("{BATCHES}/{CASH}").parse().expect("an entry's id"),
        how: Resolve::Additional {
            amount: Some(dec("88.48")),
        },
        reason: None,
    };
    let said = stage.ask(request).await;
    assert!(matches!(said, Answer::Resolved { .. }), "{said:?}");
    for _ in 0..2 {
        stage.next().await;
    }
    let all = invoices(&stage);
    assert_eq!(
        all.len(),
        2,
        "{:?}",
        stage.engine.store().groups(&[]).unwrap()
    );
    assert_eq!(lines_of(&all[1]), ["200 OUTPUT 1 80.4 8.08"]);
    stays_so(&stage).await;
}

#[tokio::test(start_paused = true)]
async fn a_batch_and_its_orders_know_each_other_and_reconcile() {
    let stage = stage(shop).await;
    sold(&stage, 1, "Cash", json!({}));
    sold(&stage, 2, "Cash", json!({}));
    stage.sync().await;
    let order = format!("{BATCH_ORDERS}/40001");
    let shown = show(&stage, &order).await;
    let batch = shown.group.expect("its batch");
    assert_eq!(batch.id.to_string(), format!("{BATCHES}/{CASH}"));
    assert_eq!(batch.state, State::Synced);
    assert_eq!(batch.held, Some(HeldState::Approved));
    let shown = show(&stage, &batch.id.to_string()).await;
    let members: Vec<String> = shown.members.iter().map(ToString::to_string).collect();
    assert_eq!(
        members,
        [
            format!("{BATCH_MEMBERS}/40001 SO-1"),
            format!("{BATCH_MEMBERS}/40002 SO-2")
        ]
    );
    let shown = show(&stage, &members[0]).await;
    let of: Vec<String> = shown.members.iter().map(ToString::to_string).collect();
    assert_eq!(of, [order.clone(), "omni-batch-payments/130001".to_owned()]);
    // What is in a batch is not skipped by itself: the batch would stay as it is.
    let only = Filter {
        ids: vec![order.parse().expect("an entry's id")],
        ..Filter::default()
    };
    let changed = stage.bulk(Request::Skip, only).await;
    assert_eq!(changed.tally.count, 0, "{changed:?}");
    assert!(changed.left.keys().any(|it| it.starts_with("in a group")));
    // One that nobody has grouped yet is found missing.
    sold(&stage, 3, "Card", json!({}));
    let report = reconciled(&stage).await;
    let missing: Vec<_> = report
        .lines
        .iter()
        .filter(|it| it.class == Class::Missing)
        .collect();
    assert_eq!(missing.len(), 1, "{report:#?}");
    assert_eq!(missing[0].route.as_deref(), Some(BATCHES));
    stage.next().await;
    let report = reconciled(&stage).await;
    assert_eq!(report.verdict(), Verdict::Agrees, "{report:#?}");
    let agrees = report.lines.iter().filter(|it| it.class == Class::Agrees);
    assert_eq!(agrees.count(), 2);
    stays_so(&stage).await;
}

async fn show(stage: &Stage, id: &str) -> EntryReport {
    let id = id.parse().expect("an entry's id");
    match stage.ask(Request::Show { id }).await {
        Answer::Entry(it) => *it,
        other => panic!("{other:?}"),
    }
}

async fn reconciled(stage: &Stage) -> ReconcileReport {
    let asked = Request::Reconcile(ReconcileRequest::default());
    match stage.ask(asked).await {
        Answer::Reconciled(it) => *it,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn what_went_alone_before_is_not_batched() {
    let stage = stage(|it| {
        posted(it);
        batched(it, "");
    })
    .await;
    sold(&stage, 1, "Cash", json!({}));
    stage.sync().await;
    assert_eq!(invoices(&stage).len(), 1);
    let stage = stage.restart_with(shop).await;
    // It is saved once more, so that both routes look at it again.
    edit(
        &stage,
        "SalesOrders",
        40_001,
        json!({ "customerOrderNo": "4711" }),
    );
    sold(&stage, 2, "Cash", json!({}));
    for _ in 0..3 {
        stage.next().await;
    }
    let all = invoices(&stage);
    assert_eq!(all.len(), 2);
    expect_balances(
        &stage,
        &[
            ("200", "-380"),
            ("260", "-140"),
            ("610", "572"),
            ("820", "-52"),
        ],
    );
    stays_so(&stage).await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_or_a_lost_store_doubles_no_batch() {
    for fault in ["lose-answer", "commit-then-500", "reset"] {
        let stage = stage(shop).await;
        sold(&stage, 1, "Cash", json!({}));
        returned(&stage, 3, "Card");
        strike(&stage, ("PUT", "/api.xro/2.0/Invoices"), fault);
        settle_down(&stage).await;
        assert_eq!(invoices(&stage).len(), 1, "{fault}");
        assert_eq!(stage.states(BATCHES).await["synced"], 1, "{fault}");
        assert_eq!(stage.states(BATCHES_CREDIT).await["synced"], 1, "{fault}");
        clean(&stage);
        let stage = stage.lose_store().await;
        settle_down(&stage).await;
        assert_eq!(invoices(&stage).len(), 1, "{fault}");
        assert_eq!(credit_notes(&stage).len(), 1, "{fault}");
        assert_eq!(writes(&stage.next().await), 0);
        clean(&stage);
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_the_end_of_its_day_may_still_be_taken_out() {
    for (status, left) in [("DoNotImport", "286.00"), ("Imported", "286.00")] {
        let stage = stage(shop).await;
        sold(&stage, 1, "Cash", today());
        sold(&stage, 2, "Cash", today());
        stage.sync().await;
        assert_eq!(stage.ids(BATCHES, State::Waiting).await.len(), 1);
        // Before the cut-over of the books, so that nobody else seems to post them.
        let marked = json!({ "accountingAttributes": { "accountingImportStatus": status, "importDate": "2025-01-01T00:00:00Z" } });
        edit(&stage, "SalesOrders", 40_001, marked);
        stage.pass(std::time::Duration::from_secs(86_400)).await;
        for _ in 0..2 {
            stage.next().await;
        }
        let all = invoices(&stage);
        assert_eq!(all.len(), 1, "{status}");
        assert_eq!(cents(&all[0]["Total"]), dec(left), "{status}");
        assert_eq!(self::status(&stage, "SalesOrders", 40_001), status);
        stays_so(&stage).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_order_that_somebody_else_imports_parks_the_source_also_where_it_is_batched() {
    let stage = stage(shop).await;
    let imported = json!({ "accountingAttributes": { "accountingImportStatus": "Imported",
        "importDate": "2026-11-20T00:00:00Z" } });
    sold(&stage, 1, "Cash", imported);
    sold(&stage, 2, "Cash", json!({}));
    let report = stage.sync().await;
    let why = report.parked.get("omni-au").expect("it is parked");
    assert!(why.contains("still posting"), "{why}");
    assert_eq!(invoices(&stage).len(), 0);
}

#[tokio::test(start_paused = true)]
async fn when_nothing_is_batched_any_more_what_waited_goes_alone() {
    let stage = stage(shop).await;
    sold(&stage, 1, "Cash", json!({}));
    sold(&stage, 2, "Cash", today());
    stage.sync().await;
    assert_eq!(invoices(&stage).len(), 1);
    let stage = stage.restart_with(shop_alone).await;
    stage.retry(ORDERS).await;
    let all_of = Filter {
        routes: vec![ORDERS.to_owned()],
        ..Filter::default()
    };
    stage.bulk(Request::Reset, all_of).await;
    stage.next().await;
    let mut numbers: Vec<String> = invoices(&stage)
        .iter()
        .map(|it| it["InvoiceNumber"].as_str().expect("a number").to_owned())
        .collect();
    numbers.sort();
    assert_eq!(
        numbers,
        ["20002 SO-2".to_owned(), format!("BATCH {CASH}")],
        "what is in a batch that was sent does not go alone"
    );
    clean(&stage);
}

#[tokio::test(start_paused = true)]
async fn a_group_that_was_skipped_takes_nothing_in_silence() {
    let stage = stage(shop).await;
    sold(&stage, 1, "Cash", today());
    stage.sync().await;
    let of = |route: &str| Filter {
        routes: vec![route.to_owned()],
        states: vec![State::Waiting],
        ..Filter::default()
    };
    let skipped = stage.bulk(Request::Skip, of(BATCHES)).await;
    assert_eq!(skipped.tally.count, 1);
    sold(&stage, 2, "Cash", today());
    stage.next().await;
    let late = stage.ids(BATCH_MEMBERS, State::Warning).await;
    assert_eq!(late, ["40002 SO-2"]);
}
