//! Stock adjustments become manual journals: stock against the adjustment account, two equal sides.

use ledgerline::store::State;
use scenarios::{Stage, books::ORGANISATION};
use serde_json::{Value, json};

use crate::ground::{
    ADJUSTMENTS, all_on, clean, edit, expect_balances, patched, put, settle_down, stage, stays_so,
    strike,
};

/// Three tees at 8.10 are damaged.
pub(crate) fn adjustment(serial: i64, patch: Value) -> Value {
    patched(
        json!({
            "id": 900 + serial, "reference": format!("ADJ-{serial}"), "isApproved": true, "branchId": 3,
            "createdDate": "2026-11-08T22:14:09Z", "completedDate": "2026-11-08T13:00:00Z",
            "adjustInAccountingSystem": "2026-11-08T13:00:00Z", "adjustmentReason": "Damaged",
            "alternativeAccountCode": "", "productTotal": scenarios::books::number("-24.30"),
            "lineItems": [{ "id": 1, "code": "TEE", "name": "Tee", "qty": 97.0, "qtyAdjusted": -3.0,
                "unitCost": scenarios::books::number("8.10"), "account": "" }],
        }),
        patch,
    )
}

pub(crate) fn journals(stage: &Stage) -> Vec<Value> {
    stage.world.xero(ORGANISATION).manual_journals()
}

#[tokio::test(start_paused = true)]
async fn an_adjustment_becomes_one_journal() {
    let stage = stage(all_on).await;
    put(&stage, "Adjustments", adjustment(1, json!({})));
    put(
        &stage,
        "Adjustments",
        adjustment(
            2,
            json!({ "productTotal": 40.0, "adjustmentReason": "Found", "lineItems": [{ "id": 1, "name": "Cap",
                "qtyAdjusted": 5, "unitCost": 8, "account": "" }] }),
        ),
    );
    stage.sync().await;
    let all = journals(&stage);
    assert_eq!(all.len(), 2, "{:?}", stage.states(ADJUSTMENTS).await);
    assert_eq!(all[0]["Narration"], "Stock adjustment ADJ-1: Damaged");
    assert_eq!(all[0]["Date"], "2026-11-09");
    assert_eq!(all[0]["Status"], "POSTED");
    // 40.00 − 24.30
    expect_balances(&stage, &[("311", "-15.7"), ("631", "15.7")]);
    stays_so(&stage).await;
}

#[tokio::test(start_paused = true)]
async fn without_its_accounting_date_it_waits_in_omni() {
    let stage = stage(all_on).await;
    put(
        &stage,
        "Adjustments",
        adjustment(1, json!({ "adjustInAccountingSystem": null })),
    );
    stage.sync().await;
    assert_eq!(journals(&stage).len(), 0);
    edit(
        &stage,
        "Adjustments",
        901,
        json!({ "adjustInAccountingSystem": "2026-11-19T13:00:00Z" }),
    );
    stage.next().await;
    assert_eq!(journals(&stage)[0]["Date"], "2026-11-20");
}

#[tokio::test(start_paused = true)]
async fn a_closed_period_holds_it() {
    let stage = stage(all_on).await;
    stage.change_xero(
        "organisation",
        "",
        json!({ "PeriodLockDate": "2026-11-20" }),
    );
    put(&stage, "Adjustments", adjustment(1, json!({})));
    stage.sync().await;
    assert_eq!(stage.ids(ADJUSTMENTS, State::Waiting).await, ["901"]);
    assert_eq!(journals(&stage).len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_makes_no_second_journal() {
    for fault in ["lose-answer", "commit-then-500"] {
        let stage = stage(all_on).await;
        for serial in 1..=5 {
            put(&stage, "Adjustments", adjustment(serial, json!({})));
        }
        strike(&stage, ("PUT", "/api.xro/2.0/ManualJournals"), fault);
        settle_down(&stage).await;
        assert_eq!(journals(&stage).len(), 5, "{fault}");
        assert_eq!(stage.states(ADJUSTMENTS).await["synced"], 5, "{fault}");
        clean(&stage);
    }
}
