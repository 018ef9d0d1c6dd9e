//! The stock account tied out: what stock is worth by Omni's list against what the account holds in Xero.

use ledgerline::{
    config::Deployment,
    operate::{
        Answer, Request,
        reconcile::tie_out::{Exported, Item, Kind, TieOutReport, TieOutRequest, TieOutVerdict},
    },
};
use scenarios::{
    Stage,
    books::{ORGANISATION, dec, number},
};
use serde_json::json;

use crate::{
    exports::drop_file,
    ground::{
        ADJUSTMENTS, BILLS, COGS, LANDED_COSTS, ORDERS, all_on, clean, edit, expect_balances,
        invoices, posted, put, stage,
    },
    purchases, sales,
    stock::adjustment,
};

const COSTS: &str = "Month,Document Type,Document Reference,Document Id,Completed Date,SKU,Cost,COGS Account,Stock Account\n";

/// As [`posted`], and the trial balance may be read.
fn with_reports(deployment: &mut Deployment) {
    posted(deployment);
    reports(deployment);
    let omni = deployment.connections.get_mut("omni-au");
    omni.expect("it is there").settings["open-orders"] = json!("read");
}

fn with_drafts(deployment: &mut Deployment) {
    all_on(deployment);
    reports(deployment);
}

fn reports(deployment: &mut Deployment) {
    for app in deployment.apps.values_mut() {
        let scope = "accounting.reports.trialbalance.read".to_owned();
        app.scopes.get_or_insert_default().push(scope);
    }
}

fn request(text: &str) -> TieOutRequest {
    TieOutRequest {
        account: "631".to_owned(),
        valuation: Exported {
            name: "stock.csv".to_owned(),
            text: text.to_owned(),
        },
        on: None,
        opening_day: None,
        opening: None,
        source: None,
        target: None,
    }
}

fn worth(value: &str) -> TieOutRequest {
    request(&format!("SKU,Product,Qty,Value\nTEE,Tee,1,{value}\n"))
}

async fn ask(stage: &Stage, request: TieOutRequest) -> TieOutReport {
    match stage.ask(Request::TieOut(request)).await {
        Answer::TiedOut(it) => *it,
        other => panic!("{other:?}"),
    }
}

async fn refused(stage: &Stage, request: TieOutRequest) -> String {
    match stage.ask(Request::TieOut(request)).await {
        Answer::Refused { message } => message,
        other => panic!("{other:?}"),
    }
}

/// List, number and what it explains; `?` where the cost is not known.
fn told(report: &TieOutReport) -> Vec<String> {
    let line = |it: &Item| {
        let amount = it.amount.map_or("?".to_owned(), |it| format!("{it:.2}"));
        let number = it.number.as_deref().unwrap_or("-");
        format!("{}: {number} {amount}", it.list)
    };
    report.items.iter().map(line).collect()
}

/// What the lists explain, the rest and the beginning are the difference, added up anew.
fn adds_up(report: &TieOutReport) {
    let items = report.items.iter().filter_map(|it| it.amount);
    let opening = report.opening.difference.unwrap_or_default();
    let all: rust_decimal::Decimal = items.sum::<rust_decimal::Decimal>() + opening + report.rest;
    assert_eq!(all, report.stock - report.books, "{report:#?}");
    assert_eq!(report.difference, report.stock - report.books);
    assert!(report.exact);
}

const NOV_12: &str = "2026-11-11T13:00:00Z";

#[tokio::test(start_paused = true)]
async fn every_cent_between_stock_and_its_account_is_explained() {
    let stage = stage(with_reports).await;
    let order = |serial, patch| {
        put(
            &stage,
            "PurchaseOrders",
            purchases::order(&stage, serial, patch),
        )
    };
    // Received and billed, 850.00 each; the fifth 850.00 US dollars at 0.65, each line rounded: 1,307.69.
    order(1, json!({ "fullyReceivedDate": NOV_12 }));
    order(
        2,
        json!({ "fullyReceivedDate": NOV_12, "invoiceDate": null }),
    );
    order(3, json!({}));
    order(
        4,
        json!({ "fullyReceivedDate": NOV_12, "supplierInvoiceReference": "" }),
    );
    order(
        5,
        json!({ "fullyReceivedDate": NOV_12, "currencyCode": "USD", "currencyRate": number("1.538462"),
            "taxStatus": "Exempt", "taxRate": 0, "total": 850.0 }),
    );
    // Void, and another one of a colleague who did not approve it: neither is anything.
    order(
        6,
        json!({ "fullyReceivedDate": NOV_12, "status": "VOID", "isVoid": true }),
    );
    order(
        7,
        json!({ "fullyReceivedDate": NOV_12, "status": "DRAFT", "isApproved": false }),
    );
    put(&stage, "Adjustments", adjustment(1, json!({})));
    put(
        &stage,
        "Adjustments",
        adjustment(2, json!({ "adjustInAccountingSystem": null })),
    );
    drop_file(
        &stage,
        "landed-costs-1.csv",
        "Id,Purchase Order,Date,Category,Amount\nLC-1,PO-1,2026-11-12,Freight,100\n",
    );
    // Sold with its cost; dispatched and not invoiced; invoiced and not dispatched.
    let sale = |serial, patch| put(&stage, "SalesOrders", sales::order(serial, patch));
    sale(1, json!({}));
    sale(2, json!({ "invoiceDate": null }));
    sale(3, json!({ "dispatchedDate": null }));
    drop_file(
        &stage,
        "cogs-2026-11.csv",
        &format!("{COSTS}2026-11,Sales Order,SO-1,40001,2026-11-09,TEE,24.30,310,631\n"),
    );
    // A bookkeeper types a bill of her own on the account.
    let contact = stage.xero_contact("Mill Co")["ContactID"].clone();
    let typed = json!({
        "Type": "ACCPAY", "Status": "AUTHORISED", "Contact": { "ContactID": contact }, "Date": "2026-11-13",
        "DueDate": "2026-12-13", "InvoiceNumber": "HAND-1", "LineAmountTypes": "NoTax",
        "LineItems": [{ "Description": "Boxes", "Quantity": 1, "UnitAmount": number("12.34"), "AccountCode": "631" }],
    });
    let entered = stage.world.xero(ORGANISATION).enter("invoices", typed);
    entered.expect("it is entered");
    stage.sync().await;
    assert_eq!(
        invoices(&stage)
            .iter()
            .filter(|it| it["Type"] == "ACCPAY")
            .count(),
        4
    );
    for route in [ADJUSTMENTS, LANDED_COSTS, COGS, ORDERS] {
        assert!(stage.states(route).await.contains_key("synced"), "{route}");
    }

    // Stock: 850 + 850 + 850 + 1307.69 received, 100 landed, 24.30 adjusted twice, 24.30 sold, and
    // two tees at 8.10 of the second sale, which nobody tells.
    let report = ask(&stage, worth("3868.59")).await;
    adds_up(&report);
    // 850 + 850 + 1307.69 + 100 − 24.30 − 24.30 + 12.34.
    assert_eq!(report.books, dec("3071.43"));
    assert_eq!(report.difference, dec("797.16"));
    assert_eq!(report.account_name, "Stock on Hand");
    let wanted = [
        "received, not billed: PO-2 850.00",
        "adjusted, not dated for the books: ADJ-2 -24.30",
        "dispatched, not invoiced: SO-2 ?",
        "billed, not received: PO-3 -850.00",
        "invoiced, not dispatched: SO-3 0.00",
        "not in the books yet: PO-4 850.00",
        "posted by others: HAND-1 -12.34",
    ];
    let mut lists = told(&report);
    lists.sort();
    let mut sorted = wanted.map(str::to_owned);
    sorted.sort();
    assert_eq!(lists, sorted, "{report:#?}");
    assert_eq!(report.rest, dec("-16.20"), "the two tees");
    assert_eq!(report.verdict(), TieOutVerdict::Rest);
    // PO-1, PO-5, ADJ-1, LC-1, the month's costs.
    assert_eq!(report.agree, 5);
    let sold = report
        .items
        .iter()
        .find(|it| it.number.as_deref() == Some("SO-2"));
    let sold = sold.expect("it is there");
    assert_eq!((sold.amount, sold.worth), (None, Some(dec("260.00"))));
    let stopped = report.items.iter().find(|it| it.kind == Kind::NotPosted);
    let stopped = stopped.expect("it is there");
    assert_eq!(
        stopped.why.as_deref(),
        Some("it has no supplier invoice number")
    );
    assert_eq!(
        stopped.next.as_deref(),
        Some(&*format!("ledgerline show {BILLS}/70004"))
    );

    // What cannot be read is a line of its own: money paid into the stock account.
    stage.change_xero(
        "accounts",
        "631",
        json!({ "EnablePaymentsToAccount": true }),
    );
    let all = invoices(&stage);
    let invoice = all
        .iter()
        .find(|it| it["InvoiceNumber"] == "20001 SO-1")
        .expect("it is there");
    let payment = json!({ "Invoice": { "InvoiceID": invoice["InvoiceID"] }, "Account": { "Code": "631" },
        "Date": "2026-11-20", "Amount": number("7.00") });
    let entered = stage.world.xero(ORGANISATION).enter("payments", payment);
    entered.expect("it is entered");
    let report = ask(&stage, worth("3868.59")).await;
    adds_up(&report);
    let unread = report.items.iter().find(|it| it.kind == Kind::Unread);
    assert_eq!(unread.and_then(|it| it.amount), Some(dec("-7.00")));
    assert_eq!(report.rest, dec("-16.20"), "nothing else moved");

    // On the day before everything but the sale's dispatch and what is dated the 9th.
    let early = TieOutRequest {
        on: Some("2026-11-11".parse().expect("a day")),
        ..worth("0.00")
    };
    let report = ask(&stage, early).await;
    adds_up(&report);
    // Bills of the 9th, the first adjustment, the month's costs, dated the 9th.
    assert_eq!(report.books, dec("2959.09"));
    let mut lists = told(&report);
    lists.retain(|it| it.starts_with("billed, not received"));
    assert_eq!(
        lists,
        [
            "billed, not received: PO-5 -1307.69",
            "billed, not received: PO-1 -850.00",
            "billed, not received: PO-3 -850.00",
        ]
    );
    clean(&stage);
}

#[tokio::test(start_paused = true)]
async fn what_agrees_agrees_and_drafts_are_not_in_the_books() {
    let stage = stage(with_drafts).await;
    let received = json!({ "fullyReceivedDate": NOV_12 });
    put(
        &stage,
        "PurchaseOrders",
        purchases::order(&stage, 1, received),
    );
    stage.sync().await;
    let report = ask(&stage, worth("850")).await;
    adds_up(&report);
    assert_eq!(told(&report), ["in the books as a draft: PO-1 850.00"]);
    assert_eq!(report.verdict(), TieOutVerdict::Explained);

    let id = invoices(&stage)[0]["InvoiceID"]
        .as_str()
        .expect("an id")
        .to_owned();
    stage.change_xero("invoices", &id, json!({ "Status": "AUTHORISED" }));
    let report = ask(&stage, worth("850")).await;
    assert_eq!(report.verdict(), TieOutVerdict::Agrees, "{report:#?}");
    expect_balances(&stage, &[("631", "850"), ("800", "-935"), ("820", "85")]);

    // What it all began with is told apart from what came since.
    let opening = TieOutRequest {
        opening: Some(worth("10.50").valuation),
        ..worth("860.50")
    };
    let report = ask(&stage, opening).await;
    adds_up(&report);
    assert_eq!(report.opening.day.to_string(), "2026-06-30");
    assert_eq!(report.opening.difference, Some(dec("10.50")));
    assert_eq!(report.rest, dec("0"));
    let report = ask(&stage, worth("860.50")).await;
    assert_eq!(report.rest, dec("10.50"));
    assert_eq!(report.verdict(), TieOutVerdict::Rest);

    // Orders that are not invoiced are not read here, which is said.
    let [remark] = &report.remarks[..] else {
        panic!("{:?}", report.remarks)
    };
    assert!(remark.contains("open-orders"), "{remark}");

    // The order changes in Omni and its bill is approved: another value in the books.
    edit(
        &stage,
        "PurchaseOrders",
        70_001,
        json!({ "freightTotal": 50.0, "total": 946.0 }),
    );
    stage.pass(std::time::Duration::from_secs(60)).await;
    let report = ask(&stage, worth("860")).await;
    adds_up(&report);
    assert_eq!(told(&report), ["another value in the books: PO-1 10.00"]);
}

#[tokio::test(start_paused = true)]
async fn a_month_of_costs_that_was_exported_anew_leaves_no_trace_of_the_first() {
    let stage = stage(with_reports).await;
    let received = json!({ "fullyReceivedDate": NOV_12 });
    put(
        &stage,
        "PurchaseOrders",
        purchases::order(&stage, 1, received),
    );
    put(&stage, "SalesOrders", sales::order(1, json!({})));
    for (file, cost) in [("cogs-1.csv", "24.30"), ("cogs-2.csv", "26.00")] {
        let row = format!("{COSTS}2026-11,Sales Order,SO-1,40001,2026-11-09,TEE,{cost},310,631\n");
        drop_file(&stage, file, &row);
        stage.next().await;
    }
    let journals = stage.world.xero(ORGANISATION).manual_journals();
    assert_eq!(
        journals.len(),
        3,
        "the first, its reversal, and what took its place"
    );
    let report = ask(&stage, worth("824")).await;
    adds_up(&report);
    assert_eq!(told(&report), [""; 0], "{report:#?}");
    assert_eq!(report.verdict(), TieOutVerdict::Agrees);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_tied_out_is_refused_with_file_and_line() {
    let stage = stage(with_reports).await;
    stage.sync().await;
    let calls = stage.world.calls().len();
    let bad = request("SKU,Product,Value\nTEE,Tee,10.00\nCAP,Cap,1O.00\n,Hat,5\n");
    assert_eq!(
        refused(&stage, bad).await,
        "stock.csv: line 3: `Value` is `1O.00`, not a number (CAP is left out)\n\
         stock.csv: line 4: `SKU` is empty (CAP is left out)\n\
         without these rows the value of stock is not known: correct the file and try again"
    );
    let none = refused(&stage, request("Item,Total\nTEE,10\n")).await;
    assert!(
        none.starts_with("stock.csv: line 1: no column `SKU`, `Value` in the first row"),
        "{none}"
    );
    let later = TieOutRequest {
        on: Some("2026-12-31".parse().expect("a day")),
        ..worth("1")
    };
    assert_eq!(
        refused(&stage, later).await,
        "2026-12-31 has not come yet; today is 2026-11-22"
    );
    let before = TieOutRequest {
        on: Some("2026-06-01".parse().expect("a day")),
        ..worth("1")
    };
    assert!(
        refused(&stage, before)
            .await
            .starts_with("2026-06-01 is not after 2026-06-30")
    );
    assert_eq!(
        stage.world.calls().len(),
        calls,
        "nothing was asked for that"
    );
    let other = TieOutRequest {
        account: "631x".to_owned(),
        ..worth("1")
    };
    assert_eq!(
        refused(&stage, other).await,
        "xero-au has no account `631x`; did you mean `631`?"
    );
    let named = TieOutRequest {
        source: Some("core-au".to_owned()),
        ..worth("1")
    };
    assert_eq!(
        refused(&stage, named).await,
        "--source core-au: only omni-au tells what stock is worth"
    );
}
