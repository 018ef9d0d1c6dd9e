//! Deposits are invoices and bills at once, and taken back once the order itself is invoiced.

use ledgerline::{
    operate::Request,
    store::{Filter, State},
};
use scenarios::{
    Stage,
    books::{ORGANISATION, cents, dec, lines_of},
};
use serde_json::{Value, json};

use crate::{
    exports::drop_file,
    ground::{
        PURCHASE_DEPOSITS, SALES_DEPOSITS, change_line, clean, expect_balances, invoices, posted,
        put, settle_down, stage, stays_so, strike, supplier,
    },
    purchases::order,
};

const DEPOSITS: &str = "Id,Kind,Order Reference,Order Id,Contact Id,Date,Amount,Currency,Currency Rate,Tax Rate,Payment Id\n";

/// Everything is posted at once, and the tax of a deposit is due with it.
fn taxed(it: &mut ledgerline::config::Deployment) {
    posted(it);
    for route in [SALES_DEPOSITS, PURCHASE_DEPOSITS] {
        let route = it.routes.get_mut(route).expect("the route");
        route
            .options
            .insert("status".to_owned(), json!("AUTHORISED"));
        route
            .options
            .insert("deposit-tax".to_owned(), json!("on-deposit"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_deposit_is_an_invoice_at_once_and_taken_back_with_the_final_one() {
    let stage = stage(taxed).await;
    let row = "DEP-1,Sales,SO-7,10007,1001,2026-11-02,110,AUD,1,10,1\n";
    drop_file(&stage, "deposits.csv", &format!("{DEPOSITS}{row}"));
    stage.sync().await;
    let all = invoices(&stage);
    assert_eq!(
        all.len(),
        1,
        "{:?}",
        stage.engine.store().groups(&[]).unwrap()
    );
    assert_eq!(all[0]["InvoiceNumber"], "DEP-1 SO-7");
    assert_eq!(all[0]["Reference"], "SO-7");
    assert_eq!(lines_of(&all[0]), ["805 OUTPUT 1 110 10"]);
    expect_balances(&stage, &[("610", "110"), ("805", "-100"), ("820", "-10")]);
    assert_eq!(stage.states(PURCHASE_DEPOSITS).await["excluded"], 1);
    // The order itself is invoiced: 286.00.
    put(&stage, "SalesOrders", crate::sales::order(7, json!({})));
    for _ in 0..3 {
        stage.next().await;
    }
    let notes = stage.world.xero(ORGANISATION).credit_notes();
    assert_eq!(
        notes.len(),
        1,
        "{:?}",
        stage.engine.store().groups(&[]).unwrap()
    );
    assert_eq!(notes[0]["CreditNoteNumber"], "DEP-1 SO-7 R");
    assert_eq!(notes[0]["Date"], "2026-11-09", "the final invoice's");
    assert_eq!(lines_of(&notes[0]), ["805 OUTPUT 1 110 10"]);
    assert_eq!(notes[0]["Status"], "PAID");
    let last = invoices(&stage)
        .into_iter()
        .find(|it| it["InvoiceNumber"] == "20007 SO-7")
        .expect("the final invoice");
    assert_eq!(cents(&last["AmountCredited"]), dec("110.00"));
    // Nothing is left of the deposit but what the customer still owes for it.
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
async fn a_deposit_to_a_supplier_is_taken_back_with_the_bill() {
    let stage = stage(taxed).await;
    let row = format!(
        "DEP-2,Purchase,PO-1,70001,{},2026-11-02,220,AUD,1,10,2\n",
        supplier(&stage)
    );
    drop_file(&stage, "deposits.csv", &format!("{DEPOSITS}{row}"));
    stage.sync().await;
    expect_balances(&stage, &[("620", "200"), ("800", "-220"), ("820", "20")]);
    put(&stage, "PurchaseOrders", order(&stage, 1, json!({})));
    for _ in 0..3 {
        stage.next().await;
    }
    // 935.00 for the goods; the deposit's own bill of 220.00 and its reversal.
    expect_balances(&stage, &[("631", "850"), ("800", "-935"), ("820", "85")]);
    let notes = stage.world.xero(ORGANISATION).credit_notes();
    assert_eq!(notes[0]["Type"], "ACCPAYCREDIT");
    assert_eq!(notes[0]["Status"], "PAID");
    stays_so(&stage).await;
}

#[tokio::test(start_paused = true)]
async fn nobody_said_when_the_tax_of_a_deposit_is_due_so_it_stops() {
    let stage = stage(posted).await;
    let row = "DEP-1,Sales,SO-7,10007,1001,2026-11-02,110,AUD,1,10,1\n";
    drop_file(&stage, "deposits.csv", &format!("{DEPOSITS}{row}"));
    stage.sync().await;
    assert_eq!(stage.ids(SALES_DEPOSITS, State::Warning).await, ["DEP-1"]);
    assert_eq!(invoices(&stage).len(), 0);
}

#[tokio::test(start_paused = true)]
async fn lost_answers_on_the_way_of_a_deposit_double_nothing() {
    for (to, fault) in [
        (("PUT", "/api.xro/2.0/Invoices"), "lose-answer"),
        (("PUT", "/api.xro/2.0/CreditNotes"), "commit-then-500"),
    ] {
        let stage = stage(taxed).await;
        let row = "DEP-1,Sales,SO-7,10007,1001,2026-11-02,110,AUD,1,10,1\n";
        drop_file(&stage, "deposits.csv", &format!("{DEPOSITS}{row}"));
        put(&stage, "SalesOrders", crate::sales::order(7, json!({})));
        strike(&stage, to, fault);
        settle_down(&stage).await;
        settle_down(&stage).await;
        let notes = stage.world.xero(ORGANISATION).credit_notes();
        assert_eq!((invoices(&stage).len(), notes.len()), (2, 1), "{fault}");
        expect_balances(
            &stage,
            &[
                ("200", "-190"),
                ("260", "-70"),
                ("610", "286"),
                ("820", "-26"),
            ],
        );
        clean(&stage);
    }
}

const REVERSALS: &str = "omni-sales-deposit-reversals";

#[tokio::test(start_paused = true)]
async fn a_deposit_whose_order_is_cancelled_says_so() {
    let stage = stage(taxed).await;
    let row = "DEP-1,Sales,SO-7,10007,1001,2026-11-02,110,AUD,1,10,1\n";
    drop_file(&stage, "deposits.csv", &format!("{DEPOSITS}{row}"));
    let void = json!({ "status": "VOID", "isVoid": true });
    put(&stage, "SalesOrders", crate::sales::order(7, void));
    stage.sync().await;
    stage.next().await;
    assert_eq!(stage.ids(REVERSALS, State::Waiting).await, ["DEP-1"]);
    let entry = stage.entry(&format!("{REVERSALS}/DEP-1")).await;
    let problem = entry.problem.expect("a problem");
    assert!(problem.cause.contains("void in Omni"), "{problem:?}");
}

/// Deposits are sent as drafts.
fn drafts(it: &mut ledgerline::config::Deployment) {
    taxed(it);
    let route = it.routes.get_mut(SALES_DEPOSITS).expect("the route");
    route.options.insert("status".to_owned(), json!("DRAFT"));
}

/// A deposit of 110.00 whose order is invoiced.
async fn deposited(tweak: fn(&mut ledgerline::config::Deployment)) -> Stage {
    let stage = stage(tweak).await;
    let row = "DEP-1,Sales,SO-7,10007,1001,2026-11-02,110,AUD,1,10,1\n";
    drop_file(&stage, "deposits.csv", &format!("{DEPOSITS}{row}"));
    stage.sync().await;
    stage
}

async fn later(stage: &Stage) {
    for _ in 0..3 {
        stage.pass(std::time::Duration::from_secs(3_700)).await;
        stage.sync().await;
    }
}

fn notes(stage: &Stage) -> Vec<Value> {
    stage.world.xero(ORGANISATION).credit_notes()
}

/// What it takes back is what the bookkeeper approved, not what was sent.
#[tokio::test(start_paused = true)]
async fn a_deposit_that_was_a_draft_is_taken_back_as_it_was_approved() {
    let stage = deposited(drafts).await;
    put(&stage, "SalesOrders", crate::sales::order(7, json!({})));
    stage.next().await;
    assert_eq!(stage.ids(REVERSALS, State::Waiting).await, ["DEP-1"]);
    let less = json!({ "UnitAmount": 88, "LineAmount": 88, "Description": "Deposit, as agreed" });
    change_line(&stage, "DEP-1 SO-7", 0, less);
    stage.change_xero("invoices", "DEP-1 SO-7", json!({ "Status": "AUTHORISED" }));
    later(&stage).await;
    let all = notes(&stage);
    assert_eq!(
        all.len(),
        1,
        "{:?}",
        stage.engine.store().groups(&[]).unwrap()
    );
    let approved = invoices(&stage);
    let approved = approved
        .iter()
        .find(|it| it["InvoiceNumber"] == "DEP-1 SO-7");
    let approved = approved.expect("the deposit");
    assert_eq!(cents(&approved["Total"]), dec("88.00"), "{approved}");
    assert_eq!(cents(&all[0]["Total"]), dec("88.00"));
    assert_eq!(lines_of(&all[0]), lines_of(approved));
    assert_eq!(all[0]["Status"], "PAID", "approved, and applied");
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
async fn a_deposit_that_was_voided_meanwhile_is_not_taken_back() {
    let stage = deposited(taxed).await;
    stage.change_xero("invoices", "DEP-1 SO-7", json!({ "Status": "VOIDED" }));
    // Nobody has read the deposit since it was sent.
    put(&stage, "SalesOrders", crate::sales::order(7, json!({})));
    stage.next().await;
    stage.next().await;
    assert_eq!(notes(&stage).len(), 0);
    assert_eq!(stage.ids(REVERSALS, State::Excluded).await, ["DEP-1"]);
    later(&stage).await;
    assert_eq!(notes(&stage).len(), 0);
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
async fn a_deposit_that_is_voided_after_its_reversal_is_shown_on_that() {
    let stage = deposited(taxed).await;
    put(&stage, "SalesOrders", crate::sales::order(7, json!({})));
    for _ in 0..3 {
        stage.next().await;
    }
    assert_eq!(notes(&stage).len(), 1);
    stage.change_xero("invoices", "DEP-1 SO-7", json!({ "Status": "VOIDED" }));
    later(&stage).await;
    let entry = stage.entry(&format!("{REVERSALS}/DEP-1")).await;
    assert_eq!(entry.state, State::Warning, "{entry:#?}");
    let problem = entry.problem.expect("a problem");
    assert!(problem.cause.contains("was voided in Xero"), "{problem:?}");
    // Asked again, it says so again; nothing is written.
    stage.retry(REVERSALS).await;
    stays_so(&stage).await;
    assert_eq!(stage.ids(REVERSALS, State::Warning).await, ["DEP-1"]);
}

#[tokio::test(start_paused = true)]
async fn a_deposit_that_cannot_be_read_is_not_taken_back_yet() {
    let stage = deposited(taxed).await;
    put(&stage, "SalesOrders", crate::sales::order(7, json!({})));
    let id = invoices(&stage).remove(0)["InvoiceID"].clone();
    let path = format!("/api.xro/2.0/Invoices/{}", id.as_str().expect("an id"));
    let rule =
        json!({ "match": { "method": "GET", "path": path }, "times": 200, "fault": "reset" });
    let rules = serde_json::from_value(json!([rule])).expect("rules");
    stage.world.set_faults(rules);
    stage.sync().await;
    assert_eq!(notes(&stage).len(), 0);
    stage.world.set_faults(Vec::new());
    for _ in 0..3 {
        stage.next().await;
    }
    assert_eq!(notes(&stage).len(), 1);
    assert_eq!(notes(&stage)[0]["Status"], "PAID");
    stays_so(&stage).await;
}

/// As [`taxed`]; what takes a deposit back is not applied to it, so that both can change still.
fn apart(it: &mut ledgerline::config::Deployment) {
    taxed(it);
    let route = it.routes.get_mut("omni-sales-deposit-allocations");
    route.expect("the route").enabled = false;
    for route in [SALES_DEPOSITS, REVERSALS] {
        it.routes.get_mut(route).expect("the route").update_approved = true;
    }
}

/// A deposit of 110.00 and what takes it back.
async fn reversed() -> Stage {
    let stage = deposited(apart).await;
    put(&stage, "SalesOrders", crate::sales::order(7, json!({})));
    for _ in 0..3 {
        stage.next().await;
    }
    assert_eq!(notes(&stage).len(), 1);
    stage
}

#[tokio::test(start_paused = true)]
async fn a_deposit_that_we_void_is_shown_on_its_reversal() {
    for fault in ["", "lose-answer", "voided there"] {
        let stage = reversed().await;
        let row = "DEP-1,Other,SO-7,10007,1001,2026-11-02,110,AUD,1,10,1\n";
        drop_file(&stage, "deposits.csv", &format!("{DEPOSITS}{row}"));
        stage.next().await;
        assert_eq!(stage.ids(SALES_DEPOSITS, State::Warning).await, ["DEP-1"]);
        let ours = Filter {
            routes: vec![SALES_DEPOSITS.to_owned()],
            ..Filter::default()
        };
        assert_eq!(stage.bulk(Request::Void, ours).await.tally.count, 1);
        match fault {
            "" => {}
            "voided there" => {
                stage.change_xero("invoices", "DEP-1 SO-7", json!({ "Status": "VOIDED" }));
            }
            fault => strike(&stage, ("POST", "/api.xro/2.0/Invoices"), fault),
        }
        settle_down(&stage).await;
        let deposit = stage.entry(&format!("{SALES_DEPOSITS}/DEP-1")).await;
        assert_eq!(deposit.state, State::Excluded, "{fault}: {deposit:#?}");
        assert_eq!(deposit.was_uncertain(), fault == "lose-answer", "{fault}");
        let entry = stage.entry(&format!("{REVERSALS}/DEP-1")).await;
        assert_eq!(entry.state, State::Warning, "{fault}: {entry:#?}");
        let problem = entry.problem.expect("a problem");
        assert!(problem.cause.contains("was voided in Xero"), "{problem:?}");
        stays_so(&stage).await;
    }
}

/// The reversal was made of a reading of its own; what is known of the deposit since counts.
#[tokio::test(start_paused = true)]
async fn a_deposit_that_changes_after_its_reversal_changes_that_too() {
    let stage = deposited(|it| {
        apart(it);
        let route = it.routes.get_mut(SALES_DEPOSITS).expect("the route");
        route.options.insert("status".to_owned(), json!("DRAFT"));
    })
    .await;
    put(&stage, "SalesOrders", crate::sales::order(7, json!({})));
    stage.next().await;
    stage.change_xero("invoices", "DEP-1 SO-7", json!({ "Status": "AUTHORISED" }));
    later(&stage).await;
    assert_eq!(cents(&notes(&stage)[0]["Total"]), dec("110.00"));
    let row = "DEP-1,Sales,SO-7,10007,1001,2026-11-02,132,AUD,1,10,1\n";
    drop_file(&stage, "deposits.csv", &format!("{DEPOSITS}{row}"));
    later(&stage).await;
    let all = invoices(&stage);
    let deposit = all.iter().find(|it| it["InvoiceNumber"] == "DEP-1 SO-7");
    let total = &deposit.expect("the deposit")["Total"];
    assert_eq!(cents(total), dec("132.00"));
    let entry = stage.entry(&format!("{REVERSALS}/DEP-1")).await;
    assert_eq!(
        cents(&notes(&stage)[0]["Total"]),
        dec("132.00"),
        "{entry:#?}"
    );
    stays_so(&stage).await;
}

#[tokio::test(start_paused = true)]
async fn a_deposit_that_is_not_there_any_more_is_told_on_its_reversal() {
    let stage = deposited(taxed).await;
    put(&stage, "SalesOrders", crate::sales::order(7, json!({})));
    let id = invoices(&stage).remove(0)["InvoiceID"].clone();
    let path = format!("/api.xro/2.0/Invoices/{}", id.as_str().expect("an id"));
    let rule =
        json!({ "match": { "method": "GET", "path": path }, "times": 200, "fault": "status:404" });
    let rules = serde_json::from_value(json!([rule])).expect("rules");
    stage.world.set_faults(rules);
    stage.sync().await;
    let report = stage.next().await;
    assert!(!report.unfinished, "{report:#?}");
    assert_eq!(notes(&stage).len(), 0);
    let entry = stage.entry(&format!("{REVERSALS}/DEP-1")).await;
    assert_eq!(entry.state, State::Warning, "{entry:#?}");
    let problem = entry.problem.expect("a problem");
    assert!(problem.cause.contains("does not hold"), "{problem:?}");
    stage.world.set_faults(Vec::new());
    stage.retry(REVERSALS).await;
    for _ in 0..3 {
        stage.next().await;
    }
    assert_eq!(notes(&stage).len(), 1);
}
