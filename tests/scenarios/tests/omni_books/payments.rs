//! Payments on invoices and bills in Xero are entered in Omni, once, and taken out again with them.

use ledgerline::{
    operate::Request,
    store::{Filter, State},
};
use scenarios::{
    Stage,
    books::{ACCOUNT, ORGANISATION, cents, dec},
};
use serde_json::{Value, json};

use crate::{
    ground::{
        PORTAL_PAYMENTS, PURCHASE_PAYMENTS, SALES_PAYMENTS, posted, put, settle_down, stage, strike,
    },
    sales::order,
};

/// A bookkeeper enters a payment of an invoice.
fn pay(stage: &Stage, number: &str, amount: &str) -> String {
    let payment = json!({ "Invoice": { "InvoiceNumber": number }, "Account": { "Code": "091" },
        "Date": "2026-11-21", "Amount": amount });
    let entered = stage.world.xero(ORGANISATION).enter("payments", payment);
    entered.expect("it is paid").expect("an id").to_string()
}

pub(crate) fn payments(stage: &Stage) -> Vec<Value> {
    stage.world.omni(ACCOUNT).documents("Payments")
}

async fn invoiced() -> Stage {
    let stage = stage(posted).await;
    put(&stage, "SalesOrders", order(1, json!({})));
    stage.sync().await;
    stage
}

#[tokio::test(start_paused = true)]
async fn a_payment_is_entered_once_and_goes_with_its_removal() {
    let stage = invoiced().await;
    let id = pay(&stage, "20001 SO-1", "100.00");
    stage.next().await;
    let all = payments(&stage);
    assert_eq!(all.len(), 1, "{:?}", stage.states(SALES_PAYMENTS).await);
    assert_eq!(all[0]["orderId"], 40_001);
    assert_eq!(cents(&all[0]["amount"]), dec("100.00"));
    assert_eq!(all[0]["method"], "Xero");
    assert_eq!(all[0]["paymentDate"], "2026-11-21T00:00:00Z");
    for _ in 0..2 {
        stage.next().await;
        assert_eq!(payments(&stage).len(), 1, "once");
    }
    // The other side's route has nothing to do with it.
    assert_eq!(stage.states(PURCHASE_PAYMENTS).await["excluded"], 1);
    stage.change_xero("payments", &id, json!({ "Status": "DELETED" }));
    stage.next().await;
    assert_eq!(
        payments(&stage).len(),
        0,
        "{:?}",
        stage.states(SALES_PAYMENTS).await
    );
}

#[tokio::test(start_paused = true)]
async fn a_payment_of_somebody_elses_invoice_is_left_out() {
    let stage = invoiced().await;
    let typed = json!({ "Type": "ACCREC", "InvoiceNumber": "TYPED-1", "Contact": { "Name": "Harrow & Pike" },
        "Date": "2026-11-10", "DueDate": "2026-12-10", "Status": "AUTHORISED",
        "LineItems": [{ "Description": "By hand", "Quantity": 1, "UnitAmount": 50, "AccountCode": "200" }] });
    stage
        .world
        .xero(ORGANISATION)
        .enter("invoices", typed)
        .expect("typed in");
    pay(&stage, "TYPED-1", "10.00");
    stage.next().await;
    assert_eq!(payments(&stage).len(), 0);
    assert_eq!(stage.ids(SALES_PAYMENTS, State::Excluded).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_enters_no_second_payment() {
    for fault in ["lose-answer", "commit-then-500", "reset"] {
        let stage = invoiced().await;
        pay(&stage, "20001 SO-1", "100.00");
        strike(&stage, ("POST", "/api/v1/Payments"), fault);
        settle_down(&stage).await;
        assert_eq!(payments(&stage).len(), 1, "{fault}");
        assert_eq!(stage.states(SALES_PAYMENTS).await["synced"], 1, "{fault}");
    }
}

/// Both routes are told that they are for the same side: nobody knows which of them is right.
#[tokio::test(start_paused = true)]
async fn a_payment_that_two_routes_want_is_entered_by_neither() {
    let stage = stage(|it| {
        posted(it);
        let route = it.routes.get_mut(PURCHASE_PAYMENTS).expect("the route");
        route.options.insert("side".to_owned(), json!("ACCREC"));
    })
    .await;
    put(&stage, "SalesOrders", order(1, json!({})));
    stage.sync().await;
    pay(&stage, "20001 SO-1", "100.00");
    stage.next().await;
    assert_eq!(payments(&stage).len(), 0);
    for route in [SALES_PAYMENTS, PURCHASE_PAYMENTS] {
        let ids = stage.ids(route, State::Warning).await;
        assert_eq!(ids.len(), 1, "{route}");
        let entry = stage.entry(&format!("{route}/{}", ids[0])).await;
        let problem = entry.problem.expect("a problem");
        assert!(
            problem.cause.contains("wants this document, too"),
            "{problem:?}"
        );
    }
    // A person says which is not: the other one enters it.
    let of = |route: &str| Filter {
        routes: vec![route.to_owned()],
        states: vec![State::Warning],
        ..Filter::default()
    };
    stage.bulk(Request::Skip, of(PURCHASE_PAYMENTS)).await;
    stage.bulk(Request::Retry, of(SALES_PAYMENTS)).await;
    stage.next().await;
    assert_eq!(payments(&stage).len(), 1);
}

/// Somebody pays an order through the portal.
pub(crate) fn paid_in_omni(stage: &Stage, id: i64, method: &str, amount: i64) {
    put(
        stage,
        "Payments",
        json!({ "id": id, "orderId": 40_001, "orderRef": "SO-1", "orderType": "SalesOrder", "method": method,
            "amount": amount, "paymentDate": "2026-11-20T13:00:00Z", "isAuthorized": true, "comments": "",
            "transactionRef": format!("tx-{id}"), "batchReference": "", "createdDate": "2026-11-20T13:00:00Z" }),
    );
}

pub(crate) fn portal(it: &mut ledgerline::config::Deployment) {
    posted(it);
    let route = it.routes.get_mut(PORTAL_PAYMENTS).expect("the route");
    route.options.insert("method".to_owned(), json!("Cin7 Pay"));
    route.options.insert("clearing".to_owned(), json!("625"));
}

#[tokio::test(start_paused = true)]
async fn money_from_the_portal_goes_up_once_and_does_not_come_down() {
    for fault in [None, Some("lose-answer"), Some("commit-then-500")] {
        let stage = stage(portal).await;
        put(&stage, "SalesOrders", order(1, json!({})));
        paid_in_omni(&stage, 501, "Cin7 Pay", 100);
        paid_in_omni(&stage, 502, "Cash", 50);
        if let Some(fault) = fault {
            strike(&stage, ("PUT", "/api.xro/2.0/Payments"), fault);
        }
        settle_down(&stage).await;
        let held = stage.world.xero(ORGANISATION).payments();
        assert_eq!(
            held.len(),
            1,
            "{fault:?} {:?}",
            stage.engine.store().groups(&[]).unwrap()
        );
        assert_eq!(held[0]["Reference"], "OMNI-PAY-501");
        assert_eq!(held[0]["Date"], "2026-11-21");
        // 286.00 were invoiced.
        crate::ground::expect_balances(
            &stage,
            &[
                ("200", "-190"),
                ("260", "-70"),
                ("610", "186"),
                ("625", "100"),
                ("820", "-26"),
            ],
        );
        assert_eq!(payments(&stage).len(), 2, "no echo");
        assert_eq!(stage.states(PORTAL_PAYMENTS).await["excluded"], 1);
        let before = stage.writing_calls();
        stage.next().await;
        assert_eq!(stage.writing_calls(), before);
    }
}

#[tokio::test(start_paused = true)]
async fn more_than_is_open_is_not_paid() {
    let stage = stage(portal).await;
    put(&stage, "SalesOrders", order(1, json!({})));
    paid_in_omni(&stage, 501, "Cin7 Pay", 300);
    settle_down(&stage).await;
    assert_eq!(stage.world.xero(ORGANISATION).payments().len(), 0);
    assert_eq!(stage.ids(PORTAL_PAYMENTS, State::Warning).await, ["501"]);
}
