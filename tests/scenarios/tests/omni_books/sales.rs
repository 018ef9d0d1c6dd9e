//! Sales orders become invoices: debit receivables, credit sales by account, credit tax.

use ledgerline::store::State;
use scenarios::{
    Stage,
    books::{cents, dec, line, lines_of, number},
};
use serde_json::{Value, json};

use crate::ground::{
    ORDERS, ORDERS_IMPORTED, all_on, balances, clean, edit, expect_balances, invoices, omni,
    patched, posted, put, settle_down, stage, strike, writes,
};

/// Ten tees at 20.00 less 10.00, three caps at 20.00, freight of 10.00, 10 % tax on top: 286.00.
pub(crate) fn order(serial: i64, patch: Value) -> Value {
    patched(
        json!({
            "id": 40_000 + serial, "reference": format!("SO-{serial}"), "status": "APPROVED",
            "isApproved": true, "isVoid": false, "memberId": 1001, "company": "Harrow & Pike",
            "branchId": 3, "stage": "Dispatched", "createdDate": "2026-11-08T22:14:09Z",
            "invoiceDate": "2026-11-08T13:00:00Z", "invoiceNumber": 20_000 + serial,
            "dispatchedDate": "2026-11-09T00:30:00Z", "customerOrderNo": "", "paymentTerms": "30 days",
            "currencyCode": "AUD", "currencyRate": 1.0, "taxStatus": "Excl", "taxRate": 10.0,
            "productTotal": 250.0, "freightTotal": 10.0, "freightDescription": "Courier",
            "surcharge": 0, "discountTotal": 0, "total": 286.0,
            "accountingAttributes": { "importDate": null, "accountingImportStatus": "NotImported" },
            "customFields": { "orders_1000": "North", "orders_1001": "Wholesale" },
            "lineItems": [
                line("Tee", 10, "20.0", json!({ "discount": 10.0 })),
                line("Cap", 3, "20.0", json!({ "accountCode": "260" })),
            ],
        }),
        patch,
    )
}

async fn only_invoice(stage: &Stage) -> Value {
    let all = invoices(stage);
    let [only] = all.as_slice() else {
        let entries = stage.states(ORDERS).await;
        panic!("{} invoices; {entries:?}", all.len());
    };
    only.clone()
}

#[tokio::test(start_paused = true)]
async fn an_order_with_an_invoice_date_becomes_an_invoice_once() {
    let stage = stage(posted).await;
    put(&stage, "SalesOrders", order(1, json!({})));
    stage.sync().await;
    let invoice = only_invoice(&stage).await;
    assert_eq!(invoice["InvoiceNumber"], "20001 SO-1");
    assert_eq!(invoice["Reference"], "SO-1");
    assert_eq!(invoice["Date"], "2026-11-09");
    assert_eq!(invoice["DueDate"], "2026-12-09");
    assert_eq!(invoice["Status"], "AUTHORISED");
    assert_eq!(cents(&invoice["Total"]), dec("286.00"));
    assert_eq!(
        lines_of(&invoice),
        [
            "200 OUTPUT 10 190 19",
            "260 OUTPUT 3 60 6",
            "260 OUTPUT 1 10 1"
        ]
    );
    let tracked = &invoice["LineItems"][0]["Tracking"];
    assert_eq!(tracked.as_array().map(Vec::len), Some(2), "{tracked}");
    expect_balances(
        &stage,
        &[
            ("200", "-190"),
            ("260", "-70"),
            ("610", "286"),
            ("820", "-26"),
        ],
    );
    let order = omni(&stage, "SalesOrders", 40_001);
    let status = &order["accountingAttributes"]["accountingImportStatus"];
    assert_eq!(*status, "Imported", "Omni costs only such orders");
    for _ in 0..2 {
        let report = stage.next().await;
        assert_eq!(writes(&report), 0);
    }
    assert_eq!(stage.states(ORDERS_IMPORTED).await["synced"], 1);
    clean(&stage);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_invoice_yet_is_left_out() {
    let stage = stage(all_on).await;
    put(
        &stage,
        "SalesOrders",
        order(1, json!({ "status": "DRAFT", "isApproved": false })),
    );
    put(
        &stage,
        "SalesOrders",
        order(2, json!({ "status": "VOID", "isVoid": true })),
    );
    put(
        &stage,
        "SalesOrders",
        order(3, json!({ "invoiceDate": null })),
    );
    put(
        &stage,
        "SalesOrders",
        order(
            4,
            json!({ "accountingAttributes": { "accountingImportStatus": "DoNotImport" } }),
        ),
    );
    put(
        &stage,
        "SalesOrders",
        order(
            5,
            json!({ "total": 0, "lineItems": [], "freightTotal": 0, "productTotal": 0 }),
        ),
    );
    stage.sync().await;
    assert_eq!(invoices(&stage), Vec::<Value>::new());
    let states = stage.states(ORDERS).await;
    // An open order is not even read.
    assert_eq!(states["excluded"], 4, "{states:?}");
    edit(
        &stage,
        "SalesOrders",
        40_003,
        json!({ "invoiceDate": "2026-11-08T13:00:00Z", "invoiceNumber": 20_003 }),
    );
    stage.next().await;
    assert_eq!(only_invoice(&stage).await["InvoiceNumber"], "20003 SO-3");
}

#[tokio::test(start_paused = true)]
async fn tax_inside_prices_surcharge_and_discount() {
    let stage = stage(posted).await;
    // 110.00 + 22.00 freight − 11.00, tax inside: 121.00.
    put(
        &stage,
        "SalesOrders",
        order(
            1,
            json!({
                "taxStatus": "Incl", "productTotal": 110.0, "freightTotal": 22.0, "discountTotal": 11.0,
                "total": 121.0, "lineItems": [line("Mug", 10, "11.0", json!({}))],
            }),
        ),
    );
    stage.sync().await;
    let invoice = only_invoice(&stage).await;
    assert_eq!(invoice["LineAmountTypes"], "Inclusive");
    expect_balances(
        &stage,
        &[
            ("200", "-90"),
            ("260", "-20"),
            ("610", "121"),
            ("820", "-11"),
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn the_rate_of_a_foreign_order_is_sent_the_right_way_round() {
    let stage = stage(posted).await;
    // One US dollar is 1.538462 Australian ones.
    put(
        &stage,
        "SalesOrders",
        order(
            1,
            json!({
                "currencyCode": "USD", "currencyRate": number("1.538462"), "taxStatus": "Exempt", "taxRate": 0,
                "productTotal": 200.0, "freightTotal": 0, "total": 200.0,
                "lineItems": [line("Mug", 10, "20.0", json!({}))],
            }),
        ),
    );
    stage.sync().await;
    let invoice = only_invoice(&stage).await;
    assert_eq!(cents(&invoice["CurrencyRate"]), dec("0.65"));
    // 200.00 / 0.65
    expect_balances(&stage, &[("200", "-307.69"), ("610", "307.69")]);
}

#[tokio::test(start_paused = true)]
async fn a_draft_is_not_posted_and_an_edit_changes_it() {
    let stage = stage(all_on).await;
    put(&stage, "SalesOrders", order(1, json!({})));
    stage.sync().await;
    assert_eq!(only_invoice(&stage).await["Status"], "DRAFT");
    assert_eq!(balances(&stage).len(), 0);
    edit(
        &stage,
        "SalesOrders",
        40_001,
        json!({ "productTotal": 60.0, "freightTotal": 0, "total": 66.0,
            "lineItems": [line("Cap", 3, "20.0", json!({ "accountCode": "260" }))] }),
    );
    stage.next().await;
    let invoice = only_invoice(&stage).await;
    assert_eq!(lines_of(&invoice), ["260 OUTPUT 3 60 6"]);
    assert_eq!(cents(&invoice["Total"]), dec("66.00"));
}

#[tokio::test(start_paused = true)]
async fn a_void_order_takes_its_draft_with_it_and_asks_about_an_approved_invoice() {
    let stage = stage(all_on).await;
    put(&stage, "SalesOrders", order(1, json!({})));
    put(&stage, "SalesOrders", order(2, json!({})));
    stage.sync().await;
    stage.change_xero("invoices", "20002 SO-2", json!({ "Status": "AUTHORISED" }));
    for id in [40_001, 40_002] {
        edit(
            &stage,
            "SalesOrders",
            id,
            json!({ "isVoid": true, "status": "VOID" }),
        );
    }
    stage.next().await;
    let status = |number: &str| {
        let all = invoices(&stage);
        let found = all.iter().find(|it| it["InvoiceNumber"] == *number);
        found.expect("an invoice")["Status"].clone()
    };
    assert_eq!(status("20001 SO-1"), "DELETED");
    assert_eq!(status("20002 SO-2"), "AUTHORISED");
    let asked = stage.ids(ORDERS, State::Warning).await;
    assert_eq!(asked, ["40002"]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_makes_no_second_invoice() {
    for fault in ["lose-answer", "commit-then-500"] {
        let stage = stage(posted).await;
        for serial in 1..=7 {
            put(&stage, "SalesOrders", order(serial, json!({})));
        }
        strike(&stage, ("PUT", "/api.xro/2.0/Invoices"), fault);
        settle_down(&stage).await;
        assert_eq!(invoices(&stage).len(), 7, "{fault}");
        assert_eq!(stage.states(ORDERS).await["synced"], 7, "{fault}");
        clean(&stage);
    }
}

#[tokio::test(start_paused = true)]
async fn terms_that_nobody_understands_wait_for_a_person() {
    let stage = stage(all_on).await;
    put(
        &stage,
        "SalesOrders",
        order(1, json!({ "paymentTerms": "when it suits" })),
    );
    stage.sync().await;
    assert_eq!(stage.states(ORDERS).await["warning"], 1);
    let entry = stage.entry(&format!("{ORDERS}/40001")).await;
    let problem = entry.problem.expect("a problem");
    assert!(problem.cause.contains("when it suits"), "{}", problem.cause);
}

/// The invoice stands in Xero under a number that Omni's own link gave it, and nothing is known here.
#[tokio::test(start_paused = true)]
async fn an_order_that_omnis_own_link_posted_under_its_reference_alone_is_linked() {
    let stage = stage(posted).await;
    put(&stage, "SalesOrders", order(1, json!({})));
    stage.sync().await;
    let id = only_invoice(&stage).await["InvoiceID"].clone();
    let renumbered = json!({ "InvoiceNumber": "SO-1" });
    stage.change_xero("invoices", id.as_str().expect("an id"), renumbered);
    let stage = stage.lose_store().await;
    let before_the_start = json!({ "accountingAttributes": {
        "accountingImportStatus": "Imported", "importDate": "2026-06-20T01:00:00Z",
    } });
    edit(&stage, "SalesOrders", 40_001, before_the_start);
    for _ in 0..2 {
        let report = stage.next().await;
        assert_eq!(writes(&report), 0);
    }
    let entry = stage.entry(&format!("{ORDERS}/40001")).await;
    assert_eq!(entry.state, State::Synced, "{:?}", entry.problem);
    assert_eq!(entry.number.as_deref(), Some("SO-1"));
    let held = entry.held.expect("a link");
    assert!(held.adopted && json!(held.id) == id, "{held:?}");
    assert_eq!(only_invoice(&stage).await["InvoiceNumber"], "SO-1");
    clean(&stage);
}
