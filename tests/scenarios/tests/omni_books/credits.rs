//! Credit notes are applied to the invoices of their sales references, once both are approved.

use ledgerline::store::State;
use scenarios::{
    Stage,
    books::{cents, dec, note},
};
use serde_json::{Value, json};

use crate::{
    ground::{
        ALLOCATIONS, NOTES, ORDERS, all_on, expect_balances, invoices, posted, put, settle_down,
        stage, stays_so, strike,
    },
    sales::order,
};

/// An invoice of 286.00 and a credit note of 44.00 on it.
async fn both(tweak: fn(&mut ledgerline::config::Deployment)) -> Stage {
    let stage = stage(tweak).await;
    put(&stage, "SalesOrders", order(7, json!({})));
    stage.put(note(7, json!({})));
    stage.sync().await;
    stage
}

fn credit(stage: &Stage) -> Value {
    stage.xero_note(7)
}

#[tokio::test(start_paused = true)]
async fn both_approved_are_applied_in_the_same_run() {
    let stage = both(posted).await;
    assert_eq!(
        stage.states(ALLOCATIONS).await["synced"],
        1,
        "{:?}",
        stage.states(NOTES).await
    );
    let invoice = &invoices(&stage)[0];
    assert_eq!(cents(&invoice["AmountCredited"]), dec("44.00"));
    assert_eq!(cents(&invoice["AmountDue"]), dec("242.00"));
    assert_eq!(credit(&stage)["Status"], "PAID");
    expect_balances(
        &stage,
        &[
            ("200", "-150"),
            ("260", "-70"),
            ("610", "242"),
            ("820", "-22"),
        ],
    );
    stays_so(&stage).await;
}

#[tokio::test(start_paused = true)]
async fn drafts_wait_for_their_approval_as_one_row() {
    let stage = both(all_on).await;
    let waiting = stage.ids(ALLOCATIONS, State::Waiting).await;
    assert_eq!(waiting.len(), 1);
    let groups = stage
        .engine
        .store()
        .groups(&[ALLOCATIONS.to_owned()])
        .unwrap();
    assert_eq!(groups.len(), 1);
    assert!(groups[0].cause.contains("approval"), "{}", groups[0].cause);
    // The note alone is not enough.
    stage.change_xero("credit_notes", "7 CRN-7", json!({ "Status": "AUTHORISED" }));
    stage.pass(std::time::Duration::from_secs(3_700)).await;
    stage.sync().await;
    assert_eq!(stage.states(ALLOCATIONS).await["waiting"], 1);
    stage.change_xero("invoices", "20007 SO-7", json!({ "Status": "AUTHORISED" }));
    stage.pass(std::time::Duration::from_secs(3_700)).await;
    stage.sync().await;
    assert_eq!(stage.states(ALLOCATIONS).await["synced"], 1);
    assert_eq!(cents(&invoices(&stage)[0]["AmountDue"]), dec("242.00"));
}

#[tokio::test(start_paused = true)]
async fn at_most_what_is_open_is_applied_and_the_rest_stays_credit() {
    let stage = stage(posted).await;
    // 11.00 against a credit of 44.00.
    put(
        &stage,
        "SalesOrders",
        order(
            7,
            json!({ "productTotal": 10.0, "freightTotal": 0, "total": 11.0,
                "lineItems": [scenarios::books::line("Mug", 1, "10.0", json!({}))] }),
        ),
    );
    stage.put(note(7, json!({})));
    stage.sync().await;
    assert_eq!(invoices(&stage)[0]["Status"], "PAID");
    let note = credit(&stage);
    assert_eq!(
        (note["Status"].as_str(), cents(&note["RemainingCredit"])),
        (Some("AUTHORISED"), dec("33.00"))
    );
    // Told again on another day, it is still the same application.
    stage.pass(std::time::Duration::from_secs(2 * 86_400)).await;
    stage.change(
        7,
        json!({ "accountingAttributes": { "accountingImportStatus": "NotImported" } }),
    );
    stage.next().await;
    assert_eq!(stage.states(ALLOCATIONS).await["synced"], 1);
    assert_eq!(stage.states(ALLOCATIONS).await.len(), 1);
}

/// Both are sent at the same time, each for all that was open: the later one was left with a warning.
#[tokio::test(start_paused = true)]
async fn two_credits_on_one_invoice_share_what_is_open() {
    let stage = stage(posted).await;
    put(
        &stage,
        "SalesOrders",
        order(
            7,
            json!({ "productTotal": 60.0, "freightTotal": 0, "total": 66.0,
                "lineItems": [scenarios::books::line("Mug", 6, "10.0", json!({}))] }),
        ),
    );
    for serial in [7, 8] {
        stage.put(note(serial, json!({ "salesReference": "SO-7" })));
    }
    stage.sync().await;
    assert_eq!(stage.states(ALLOCATIONS).await["synced"], 2);
    assert_eq!(invoices(&stage)[0]["Status"], "PAID");
    let left = [7, 8].map(|it| cents(&stage.xero_note(it)["RemainingCredit"]));
    assert_eq!(left.iter().sum::<rust_decimal::Decimal>(), dec("22.00"));
    // The later one is refused once.
    let sent =
        |it: &&sandbox::calls::Call| it.target.contains("/Allocations") && it.method == "PUT";
    assert_eq!(stage.world.calls().iter().filter(sent).count(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_reference_that_is_no_order_waits_and_says_so() {
    let stage = stage(posted).await;
    stage.put(note(7, json!({ "salesReference": "by phone" })));
    stage.sync().await;
    let waiting = stage.ids(ALLOCATIONS, State::Waiting).await;
    let entry = stage.entry(&format!("{ALLOCATIONS}/{}", waiting[0])).await;
    let problem = entry.problem.expect("a problem");
    assert!(problem.cause.contains("by phone"), "{}", problem.cause);
    // The order is read later: it goes on by itself.
    put(
        &stage,
        "SalesOrders",
        order(7, json!({ "reference": "by phone" })),
    );
    stage.next().await;
    stage.next().await;
    assert_eq!(stage.states(ALLOCATIONS).await["synced"], 1);
    assert_eq!(stage.states(ORDERS).await["synced"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_applies_nothing_twice() {
    for fault in ["lose-answer", "commit-then-500", "reset"] {
        let stage = stage(posted).await;
        put(&stage, "SalesOrders", order(7, json!({})));
        stage.put(note(7, json!({})));
        strike(&stage, ("PUT", "/api.xro/2.0/CreditNotes/*"), fault);
        settle_down(&stage).await;
        assert_eq!(
            cents(&invoices(&stage)[0]["AmountCredited"]),
            dec("44.00"),
            "{fault}"
        );
        let applied = credit(&stage)["Allocations"].as_array().map(Vec::len);
        assert_eq!(applied, Some(1), "{fault}");
        assert_eq!(stage.states(ALLOCATIONS).await["synced"], 1, "{fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_bookkeeper_applied_is_respected() {
    let stage = both(all_on).await;
    stage.change_xero("invoices", "20007 SO-7", json!({ "Status": "AUTHORISED" }));
    let invoice = invoices(&stage)[0]["InvoiceID"].clone();
    stage.change_xero("credit_notes", "7 CRN-7", json!({ "Status": "AUTHORISED",
        "Allocations": [{ "AllocationID": "aaaaaaaa-0000-4000-8000-0000000000a1", "InvoiceID": invoice, "Amount": "44.00", "Date": "2026-11-22" }] }));
    stage.pass(std::time::Duration::from_secs(3_700)).await;
    stage.sync().await;
    stage.next().await;
    assert_eq!(cents(&invoices(&stage)[0]["AmountCredited"]), dec("44.00"));
    let states = stage.states(ALLOCATIONS).await;
    assert_eq!(states.get("synced"), None, "{states:?}");
    assert_eq!(states["excluded"], 1, "{states:?}");
}

#[tokio::test(start_paused = true)]
async fn a_route_that_is_off_holds_nothing_and_catches_up_when_it_is_switched_on() {
    let stage = stage(|it| {
        posted(it);
        for route in [ALLOCATIONS, ORDERS] {
            it.routes.get_mut(route).expect("the route").enabled = false;
        }
    })
    .await;
    put(&stage, "SalesOrders", order(7, json!({})));
    stage.put(note(7, json!({})));
    stage.sync().await;
    stage.next().await;
    let off = stage.states(ALLOCATIONS).await;
    assert!(off.is_empty(), "{off:?}");
    let stage = stage.restart_with(posted).await;
    stage.next().await;
    stage.next().await;
    assert_eq!(stage.states(ALLOCATIONS).await["synced"], 1);
}
