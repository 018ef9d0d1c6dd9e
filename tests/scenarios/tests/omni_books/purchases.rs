//! Purchase orders become bills: debit stock (or purchases), debit tax, credit payables.

use ledgerline::{config::Deployment, store::State};
use sandbox::seed::Counterpart;
use scenarios::{
    Stage,
    books::{ORGANISATION, cents, dec, line, lines_of, number, to_json},
};
use serde_json::{Value, json};

use crate::ground::{
    ADJUSTMENTS, BILLS, BILLS_IMPORTED, COGS, LANDED_COSTS, SUPPLIERS, all_on, clean, company,
    edit, expect_balances, invoices, omni, patched, posted, put, settle_down, stage, strike,
    supplier, writes,
};

/// A hundred tees at 8.10 and freight of 40.00, 10 % tax on top: 935.00.
pub(crate) fn order(stage: &Stage, serial: i64, patch: Value) -> Value {
    patched(
        json!({
            "id": 70_000 + serial, "reference": format!("PO-{serial}"), "status": "APPROVED",
            "isApproved": true, "isVoid": false, "memberId": supplier(stage), "company": "Mill Co",
            "branchId": 3, "stage": "New", "createdDate": "2026-11-08T22:14:09Z",
            "supplierInvoiceReference": format!("INV-{serial}"), "invoiceDate": "2026-11-08T13:00:00Z",
            "fullyReceivedDate": null, "paymentTerms": "20th of following month",
            "currencyCode": "AUD", "currencyRate": 1.0, "taxStatus": "Excl", "taxRate": 10.0,
            "productTotal": 810.0, "freightTotal": 40.0, "freightDescription": "Road freight",
            "surcharge": 0, "discountTotal": 0, "total": 935.0,
            "accountingAttributes": { "importDate": null, "accountingImportStatus": "NotImported" },
            "lineItems": [line("Tee", 100, "8.10", json!({}))],
        }),
        patch,
    )
}

#[tokio::test(start_paused = true)]
async fn an_order_with_a_suppliers_invoice_becomes_a_bill_once() {
    let stage = stage(posted).await;
    put(&stage, "PurchaseOrders", order(&stage, 1, json!({})));
    stage.sync().await;
    let all = invoices(&stage);
    assert_eq!(all.len(), 1, "{:?}", stage.states(BILLS).await);
    let bill = &all[0];
    assert_eq!(bill["Type"], "ACCPAY");
    assert_eq!(bill["InvoiceNumber"], "INV-1 PO-1");
    assert_eq!(bill["DueDate"], "2026-12-20");
    assert_eq!(cents(&bill["Total"]), dec("935.00"));
    assert_eq!(lines_of(bill), ["631 INPUT 100 810 81", "631 INPUT 1 40 4"]);
    expect_balances(&stage, &[("631", "850"), ("800", "-935"), ("820", "85")]);
    let order = omni(&stage, "PurchaseOrders", 70_001);
    assert_eq!(
        order["accountingAttributes"]["accountingImportStatus"],
        "Imported"
    );
    let report = stage.next().await;
    assert_eq!(writes(&report), 0);
    assert_eq!(stage.states(BILLS_IMPORTED).await["synced"], 1);
    assert_eq!(stage.states(SUPPLIERS).await["synced"], 1);
    clean(&stage);
}

fn periodic(deployment: &mut Deployment) {
    let omni = deployment.connections.get_mut("omni-au").expect("Omni");
    omni.settings["stock-method"] = json!("periodic");
}

/// They would move stock that the books do not keep: nothing of the run begins.
#[tokio::test(start_paused = true)]
#[should_panic(expected = "with that method nothing of this is posted")]
async fn the_periodic_method_refuses_journals_of_stock() {
    stage(|it| {
        posted(it);
        periodic(it);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn with_the_periodic_method_goods_go_to_purchases() {
    let stage = stage(|it| {
        posted(it);
        periodic(it);
        for route in [ADJUSTMENTS, LANDED_COSTS, COGS] {
            it.routes.get_mut(route).expect("the route").enabled = false;
        }
    })
    .await;
    put(&stage, "PurchaseOrders", order(&stage, 1, json!({})));
    stage.sync().await;
    expect_balances(&stage, &[("310", "850"), ("800", "-935"), ("820", "85")]);
}

#[tokio::test(start_paused = true)]
async fn a_foreign_bill_is_booked_at_its_rate() {
    let stage = stage(posted).await;
    put(
        &stage,
        "PurchaseOrders",
        order(
            &stage,
            1,
            json!({
                "currencyCode": "USD", "currencyRate": number("1.538462"), "taxStatus": "Exempt", "taxRate": 0,
                "total": 850.0,
            }),
        ),
    );
    stage.sync().await;
    let bill = &invoices(&stage)[0];
    assert_eq!(cents(&bill["CurrencyRate"]), dec("0.65"));
    // 810.00 and 40.00 at 0.65, each rounded; 850.00 at 0.65.
    expect_balances(&stage, &[("631", "1307.69"), ("800", "-1307.69")]);
}

#[tokio::test(start_paused = true)]
async fn without_the_suppliers_number_or_its_date_nothing_goes() {
    let stage = stage(all_on).await;
    put(
        &stage,
        "PurchaseOrders",
        order(&stage, 1, json!({ "supplierInvoiceReference": "" })),
    );
    put(
        &stage,
        "PurchaseOrders",
        order(&stage, 2, json!({ "invoiceDate": null })),
    );
    stage.sync().await;
    assert_eq!(invoices(&stage).len(), 0);
    let states = stage.states(BILLS).await;
    assert_eq!(
        (states.get("warning"), states.get("excluded")),
        (Some(&1), Some(&1)),
        "{states:?}"
    );
    edit(
        &stage,
        "PurchaseOrders",
        70_001,
        json!({ "supplierInvoiceReference": "INV-9" }),
    );
    stage.next().await;
    assert_eq!(invoices(&stage)[0]["InvoiceNumber"], "INV-9 PO-1");
}

#[tokio::test(start_paused = true)]
async fn a_bill_that_somebody_typed_in_is_neither_doubled_nor_taken() {
    const MILL: &str = "aaaaaaaa-0000-4000-8000-0000000000b0";
    let mut seed = company();
    for supplier in seed
        .omni
        .accounts
        .iter_mut()
        .flat_map(|it| &mut it.suppliers)
    {
        supplier.xero = Counterpart::Absent;
        supplier.patch = to_json(json!({ "accountingIntegrationId": { "xero": MILL } }));
    }
    for organisation in &mut seed.xero.organisations {
        let contact = json!({ "ContactID": MILL, "Name": "Mill Co" });
        organisation.contacts.push(to_json(contact));
        organisation.invoices.push(to_json(json!({
            "Type": "ACCPAY", "InvoiceNumber": "INV-1 PO-1", "Contact": { "ContactID": MILL },
            "Date": "2026-11-10", "DueDate": "2026-12-10", "Status": "AUTHORISED",
            "LineAmountTypes": "Exclusive",
            "LineItems": [{ "Description": "Tees", "Quantity": "1", "UnitAmount": "850",
                "AccountCode": "631", "TaxType": "INPUT" }],
        })));
    }
    let stage = Stage::with(seed, posted).await;
    put(&stage, "PurchaseOrders", order(&stage, 1, json!({})));
    stage.sync().await;
    assert_eq!(invoices(&stage).len(), 1);
    assert_eq!(stage.ids(BILLS, State::Warning).await, ["70001"]);
    let entry = stage.entry(&format!("{BILLS}/70001")).await;
    assert!(entry.held.is_none(), "it is not taken for ours by itself");
    let problem = entry.problem.expect("a problem");
    assert!(problem.cause.contains("INV-1 PO-1"), "{}", problem.cause);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_makes_no_second_bill() {
    for fault in ["lose-answer", "commit-then-500"] {
        let stage = stage(posted).await;
        for serial in 1..=5 {
            let order = order(&stage, serial, json!({}));
            put(&stage, "PurchaseOrders", order);
        }
        strike(&stage, ("PUT", "/api.xro/2.0/Invoices"), fault);
        settle_down(&stage).await;
        assert_eq!(invoices(&stage).len(), 5, "{fault}");
        assert_eq!(stage.states(BILLS).await["synced"], 5, "{fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_bills_that_may_be_the_lost_one_are_for_a_person() {
    let stage = stage(posted).await;
    put(&stage, "PurchaseOrders", order(&stage, 1, json!({})));
    let rules = json!([{ "match": { "method": "PUT", "path": "/api.xro/2.0/Invoices" },
        "fault": "lose-answer", "again": "reset" },
        { "match": { "method": "GET", "path": "/api.xro/2.0/Invoices" }, "skip": 1, "fault": "reset", "times": 99 }]);
    stage
        .world
        .set_faults(serde_json::from_value(rules).expect("rules"));
    stage.next().await;
    let lost = invoices(&stage).remove(0);
    assert_eq!(stage.states(BILLS).await["uncertain"], 1);
    stage.world.set_faults(Vec::new());
    // Meanwhile a bookkeeper types the same bill in, because it was nowhere to be seen.
    stage
        .world
        .xero(ORGANISATION)
        .enter(
            "invoices",
            json!({ "Type": "ACCPAY", "InvoiceNumber": lost["InvoiceNumber"], "Contact": { "Name": "Mill Co" },
                "Date": lost["Date"], "DueDate": lost["DueDate"], "Status": "AUTHORISED",
                "LineItems": [{ "Description": "Tees", "Quantity": 1, "UnitAmount": 850, "AccountCode": "631",
                    "TaxType": "INPUT" }] }),
        )
        .expect("typed in");
    for _ in 0..3 {
        stage.pass(std::time::Duration::from_secs(420)).await;
        stage.next().await;
    }
    assert_eq!(invoices(&stage).len(), 2, "nothing more is sent");
    let entry = stage.entry(&format!("{BILLS}/70001")).await;
    assert_eq!(entry.state, State::Warning, "{}", entry.last_words());
    let problem = entry.problem.expect("a problem");
    assert!(problem.cause.contains("INV-1 PO-1"), "{}", problem.cause);
}

/// The bill stands in Xero under the supplier's number alone, as Omni's own link may write it.
#[tokio::test(start_paused = true)]
async fn a_bill_that_omnis_own_link_posted_under_the_suppliers_number_alone_is_linked() {
    let stage = stage(posted).await;
    put(&stage, "PurchaseOrders", order(&stage, 1, json!({})));
    stage.sync().await;
    let id = invoices(&stage)[0]["InvoiceID"].clone();
    let renumbered = json!({ "InvoiceNumber": "INV-1" });
    stage.change_xero("invoices", id.as_str().expect("an id"), renumbered);
    let stage = stage.lose_store().await;
    let before_the_start = json!({ "accountingAttributes": {
        "accountingImportStatus": "Imported", "importDate": "2026-06-20T01:00:00Z",
    } });
    edit(&stage, "PurchaseOrders", 70_001, before_the_start);
    for _ in 0..2 {
        let report = stage.next().await;
        assert_eq!(writes(&report), 0);
    }
    let entry = stage.entry(&format!("{BILLS}/70001")).await;
    assert_eq!(entry.state, State::Synced, "{:?}", entry.problem);
    let held = entry.held.expect("a link");
    assert!(held.adopted && json!(held.id) == id, "{held:?}");
    let all = invoices(&stage);
    assert_eq!((all.len(), &all[0]["InvoiceNumber"]), (1, &json!("INV-1")));
    clean(&stage);
}
