//! Deposits are invoices and bills at once, and taken back once the order itself is invoiced.

use ledgerline::store::State;
use scenarios::books::{ORGANISATION, cents, dec, lines_of};
use serde_json::json;

use crate::{
    exports::drop_file,
    ground::{
        PURCHASE_DEPOSITS, SALES_DEPOSITS, clean, expect_balances, invoices, posted, put,
        settle_down, stage, stays_so, strike, supplier,
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

/// Somebody may have changed the draft before it was approved: what takes it back is looked at, too.
#[tokio::test(start_paused = true)]
async fn a_deposit_that_was_a_draft_is_taken_back_by_a_draft() {
    let stage = stage(|it| {
        taxed(it);
        let route = it.routes.get_mut(SALES_DEPOSITS).expect("the route");
        route.options.insert("status".to_owned(), json!("DRAFT"));
    })
    .await;
    let row = "DEP-1,Sales,SO-7,10007,1001,2026-11-02,110,AUD,1,10,1\n";
    drop_file(&stage, "deposits.csv", &format!("{DEPOSITS}{row}"));
    put(&stage, "SalesOrders", crate::sales::order(7, json!({})));
    stage.sync().await;
    stage.next().await;
    assert_eq!(stage.ids(REVERSALS, State::Waiting).await, ["DEP-1"]);
    stage.change_xero("invoices", "DEP-1 SO-7", json!({ "Status": "AUTHORISED" }));
    for _ in 0..3 {
        stage.pass(std::time::Duration::from_secs(3_700)).await;
        stage.sync().await;
    }
    let notes = stage.world.xero(ORGANISATION).credit_notes();
    assert_eq!(
        notes.len(),
        1,
        "{:?}",
        stage.engine.store().groups(&[]).unwrap()
    );
    assert_eq!(notes[0]["Status"], "DRAFT");
    stage.change_xero(
        "credit_notes",
        "DEP-1 SO-7 R",
        json!({ "Status": "AUTHORISED" }),
    );
    for _ in 0..3 {
        stage.pass(std::time::Duration::from_secs(3_700)).await;
        stage.sync().await;
    }
    let notes = stage.world.xero(ORGANISATION).credit_notes();
    assert_eq!(notes[0]["Status"], "PAID", "it is applied");
    clean(&stage);
}
