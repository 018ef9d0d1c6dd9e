//! What Omni's API does not tell comes from exports that a person drops into a folder.

use std::time::Duration;

use ledgerline::{
    operate::{Answer, LinkAnswer, LinkTo, Request, SyncReport},
    store::{EntryId, State},
};
use scenarios::{
    Stage,
    books::{ACCOUNT, ORGANISATION, cents, dec, lines_of, number},
};
use serde_json::{Value, json};

use crate::{
    ground::{
        BILLS, COGS, LANDED_COST_BILLS, LANDED_COSTS, SUPPLIER_ALLOCATIONS, SUPPLIER_NOTES, all_on,
        clean, expect_balances, invoices, posted, put, settle_down, stage, stays_so, strike,
        supplier, writes,
    },
    purchases::order,
};

/// Somebody drops a file.
pub(crate) fn drop_file(stage: &Stage, name: &str, text: &str) {
    std::fs::write(stage.folder().join("exports").join(name), text).expect("the folder is there");
}

/// Somebody exports a list in Omni and drops the file.
fn export(stage: &Stage, kind: &str, name: &str) {
    let text = stage.world.omni(ACCOUNT).export(kind).expect("a kind");
    drop_file(stage, name, &text);
}

fn journals(stage: &Stage) -> Vec<Value> {
    stage.world.xero(ORGANISATION).manual_journals()
}

fn told(report: &SyncReport) -> Vec<String> {
    let files = report.files.iter();
    files
        .flat_map(|it| {
            it.problems
                .iter()
                .map(|problem| format!("{}: {problem}", it.file))
        })
        .collect()
}

const COSTS: &str = "Id,Purchase Order,Date,Category,Description,Amount,Supplier Inv No\n";

#[tokio::test(start_paused = true)]
async fn a_landed_cost_becomes_a_journal_once() {
    let stage = stage(all_on).await;
    put(
        &stage,
        "LandedCosts",
        json!({ "id": 4, "purchaseOrder": "PO-1", "date": "2026-11-08T13:00:00Z",
            "supplierInvoiceReference": "FF-881", "lineItems": [
                { "category": "Freight", "description": "Sea freight", "amount": 300.0 },
                { "category": "Customs", "description": "", "amount": number("45.5") } ] }),
    );
    export(&stage, "landed_costs", "landed-costs-1.csv");
    let report = stage.sync().await;
    assert_eq!(told(&report), [""; 0]);
    let all = journals(&stage);
    assert_eq!(all.len(), 1, "{:?}", stage.states(LANDED_COSTS).await);
    assert_eq!(
        all[0]["Narration"],
        "Landed cost 4 of PO-1, forwarder's bill FF-881"
    );
    assert_eq!(all[0]["Date"], "2026-11-09");
    expect_balances(
        &stage,
        &[("312", "-300"), ("313", "-45.5"), ("631", "345.5")],
    );
    // The same file under another name, and again at its place, tell nothing new.
    export(&stage, "landed_costs", "landed-costs-copy.csv");
    for _ in 0..2 {
        assert_eq!(writes(&stage.next().await), 0);
    }
    assert_eq!(journals(&stage).len(), 1);
    clean(&stage);
}

/// A bill in Xero that did not come from here.
fn enter_bill(stage: &Stage, number: &str) {
    let bill = json!({
        "Type": "ACCPAY", "InvoiceNumber": number, "Contact": { "Name": "Tide Freight" }, "Date": "2026-11-09",
        "DueDate": "2026-12-09", "Status": "AUTHORISED", "LineAmountTypes": "NoTax",
        "LineItems": [{ "Description": "Freight", "Quantity": "1", "UnitAmount": "300", "AccountCode": "312" }],
    });
    stage
        .world
        .xero(ORGANISATION)
        .enter("invoices", bill)
        .expect("it is entered");
}

#[tokio::test(start_paused = true)]
async fn a_landed_cost_whose_bill_is_missing_is_told_until_it_is_there() {
    let stage = stage(posted).await;
    let costs = [
        ("LC-1", "FF-1"),
        ("LC-2", "FF-2"),
        ("LC-3", ""),
        ("LC-4", "FF-4"),
    ];
    let rows = costs.map(|(id, bill)| format!("{id},PO-1,2026-11-09,Freight,,300,{bill}\n"));
    drop_file(
        &stage,
        "landed-costs-1.csv",
        &format!("{COSTS}{}", rows.concat()),
    );
    enter_bill(&stage, "FF-2");
    stage.change_xero("invoices", "FF-2", json!({ "Status": "VOIDED" }));
    enter_bill(&stage, "FF-4");
    stage.sync().await;
    // The journals go whether or not there is a bill.
    assert_eq!(
        journals(&stage).len(),
        4,
        "{:?}",
        stage.states(LANDED_COSTS).await
    );
    assert_eq!(
        stage.ids(LANDED_COST_BILLS, State::Waiting).await,
        ["LC-1", "LC-2"]
    );
    assert_eq!(
        stage.ids(LANDED_COST_BILLS, State::Excluded).await,
        ["LC-3"]
    );
    assert_eq!(stage.ids(LANDED_COST_BILLS, State::Synced).await, ["LC-4"]);
    let entry = stage.entry("omni-landed-cost-bills/LC-1").await;
    let problem = entry.problem.expect("what is waited for");
    assert_eq!(problem.cause, "bill FF-1 is not in Xero");
    stays_so(&stage).await;

    // One is entered by hand, the other comes with a purchase order of Omni.
    enter_bill(&stage, "FF-1");
    let freight = json!({ "supplierInvoiceReference": "FF-2" });
    put(&stage, "PurchaseOrders", order(&stage, 9, freight));
    settle_down(&stage).await;
    assert_eq!(stage.ids(LANDED_COST_BILLS, State::Waiting).await, [""; 0]);
    assert_eq!(stage.states(LANDED_COST_BILLS).await["synced"], 3);
    assert_eq!(journals(&stage).len(), 4);
    stays_so(&stage).await;
}

/// The forwarder's bill was entered under another number: a person says which it is, and no bill is made.
#[tokio::test(start_paused = true)]
async fn a_landed_cost_is_linked_to_its_bill_by_hand() {
    let stage = stage(posted).await;
    let row = "LC-1,PO-1,2026-11-09,Freight,,300,FF-1\n";
    drop_file(&stage, "landed-costs-1.csv", &format!("{COSTS}{row}"));
    enter_bill(&stage, "881/A");
    stage.sync().await;
    let entry = EntryId::new(LANDED_COST_BILLS, "LC-1");
    let answer = async |to: LinkTo| {
        let answers = vec![LinkAnswer {
            id: entry.clone(),
            to,
        }];
        match stage.ask(Request::Link { answers }).await {
            Answer::Linked {
                linked, refused, ..
            } => (linked, refused),
            other => panic!("{other:?}"),
        }
    };
    let (linked, refused) = answer(LinkTo::Create).await;
    assert_eq!(linked, 0);
    let why = &refused[0].1;
    assert!(why.contains("makes nothing"), "{why}");
    let bill = invoices(&stage)[0]["InvoiceID"].as_str().map(str::to_owned);
    let (linked, refused) = answer(LinkTo::Target(bill.expect("an id"))).await;
    assert_eq!((linked, refused.len()), (1, 0), "{refused:?}");
    settle_down(&stage).await;
    assert_eq!(stage.ids(LANDED_COST_BILLS, State::Synced).await, ["LC-1"]);
    assert_eq!(invoices(&stage).len(), 1);
    stays_so(&stage).await;

    // What a person said stands when the row changes, as long as there is that bill.
    let row = "LC-1,PO-1,2026-11-09,Freight,,310,FF-1\n";
    drop_file(&stage, "landed-costs-1.csv", &format!("{COSTS}{row}"));
    settle_down(&stage).await;
    assert_eq!(stage.ids(LANDED_COST_BILLS, State::Synced).await, ["LC-1"]);
    stage.change_xero("invoices", "881/A", json!({ "Status": "VOIDED" }));
    drop_file(
        &stage,
        "landed-costs-1.csv",
        &format!("{COSTS}{}", row.replace("310", "320")),
    );
    settle_down(&stage).await;
    assert_eq!(stage.ids(LANDED_COST_BILLS, State::Waiting).await, ["LC-1"]);
}

#[tokio::test(start_paused = true)]
async fn a_landed_cost_that_changed_looks_for_its_bill_again() {
    let stage = stage(posted).await;
    let one = "LC-1,PO-1,2026-11-09,Freight,,300,FF-1\n";
    let two = "LC-2,PO-2,2026-11-09,Freight,,300,FF-2\n";
    let three = "LC-3,PO-3,2026-11-09,Freight,,300,FF-2\n";
    drop_file(
        &stage,
        "landed-costs-1.csv",
        &format!("{COSTS}{one}{two}{three}"),
    );
    enter_bill(&stage, "FF-1");
    enter_bill(&stage, "FF-2");
    stage.sync().await;
    assert_eq!(stage.states(LANDED_COST_BILLS).await["synced"], 3);
    // One is void, another is named as the bill of the second; of the third only the amount changed.
    stage.change_xero("invoices", "FF-1", json!({ "Status": "VOIDED" }));
    stage.pass(Duration::from_secs(3_700)).await;
    let one = one.replace("300", "310");
    let two = two.replace("FF-2", "FF-3");
    let three = three.replace("300", "310");
    drop_file(
        &stage,
        "landed-costs-1.csv",
        &format!("{COSTS}{one}{two}{three}"),
    );
    settle_down(&stage).await;
    let mut waiting = stage.ids(LANDED_COST_BILLS, State::Waiting).await;
    waiting.sort();
    assert_eq!(waiting, ["LC-1", "LC-2"]);
    assert_eq!(stage.ids(LANDED_COST_BILLS, State::Synced).await, ["LC-3"]);
    enter_bill(&stage, "FF-3");
    settle_down(&stage).await;
    assert_eq!(stage.ids(LANDED_COST_BILLS, State::Waiting).await, ["LC-1"]);
    stays_so(&stage).await;
}

/// The store came from a backup: what was never sent is no question.
#[tokio::test(start_paused = true)]
async fn a_landed_cost_waits_for_its_bill_after_a_restore_too() {
    let stage = stage(posted).await;
    let rows = "LC-1,PO-1,2026-11-09,Freight,,300,FF-1\nLC-2,PO-2,2026-11-09,Freight,,300,FF-2\n";
    drop_file(&stage, "landed-costs-1.csv", &format!("{COSTS}{rows}"));
    enter_bill(&stage, "FF-2");
    stage.sync().await;
    assert_eq!(stage.ids(LANDED_COST_BILLS, State::Waiting).await, ["LC-1"]);
    let doubted = stage.engine.store().distrust(stage.clock.now_ms());
    assert!(doubted.expect("a sound store") > 0);
    settle_down(&stage).await;
    assert_eq!(stage.ids(LANDED_COST_BILLS, State::Warning).await, [""; 0]);
    assert_eq!(stage.ids(LANDED_COST_BILLS, State::Waiting).await, ["LC-1"]);
    assert_eq!(stage.ids(LANDED_COST_BILLS, State::Synced).await, ["LC-2"]);
    enter_bill(&stage, "FF-1");
    settle_down(&stage).await;
    assert_eq!(stage.states(LANDED_COST_BILLS).await["synced"], 2);
}

#[tokio::test(start_paused = true)]
async fn a_bad_row_is_named_by_file_and_line_and_the_others_go_on() {
    let stage = stage(all_on).await;
    let good = "LC-1,PO-1,2026-11-09,Freight,,100,FF-1\n";
    let bad = "LC-2,PO-2,2026-11-09,Freight,,1OO,FF-2\n";
    drop_file(&stage, "landed-costs-1.csv", &format!("{COSTS}{good}{bad}"));
    drop_file(&stage, "landed-costs-2.csv", "Id,Date\n");
    let report = stage.sync().await;
    let problems = [
        "landed-costs-1.csv: line 3: `Amount` is `1OO`, not a number (LC-2 is left out)",
        "landed-costs-2.csv: line 1: no column `Amount`, `Category` in the first row, which has `Id`, `Date`; where \
         the export calls a column otherwise, say so in `columns` of the connection's files",
    ];
    assert_eq!(told(&report), problems);
    assert_eq!(stage.ids(LANDED_COSTS, State::Synced).await, ["LC-1"]);
    // It stands in `status` until it is mended.
    let Answer::Status(status) = stage.ask(Request::Status).await else {
        panic!("no status")
    };
    assert_eq!(status.files.len(), 2);
    let again = stage.next().await;
    assert_eq!(told(&again), problems);
    assert_eq!(writes(&again), 0);
    // The mended file brings the one that was left out; the other is taken away.
    let mended = bad.replace("1OO", "100");
    drop_file(
        &stage,
        "landed-costs-1.csv",
        &format!("{COSTS}{good}{mended}"),
    );
    std::fs::remove_file(stage.folder().join("exports/landed-costs-2.csv")).expect("it is there");
    let report = stage.next().await;
    assert_eq!(told(&report), [""; 0]);
    assert_eq!(journals(&stage).len(), 2);
    let Answer::Status(status) = stage.ask(Request::Status).await else {
        panic!("no status")
    };
    assert_eq!(status.files, []);
    expect_balances(&stage, &[("312", "-200"), ("631", "200")]);
    clean(&stage);
}

#[tokio::test(start_paused = true)]
async fn before_the_cut_over_and_in_a_closed_period_nothing_goes() {
    let stage = stage(all_on).await;
    stage.change_xero(
        "organisation",
        "",
        json!({ "PeriodLockDate": "2026-10-31" }),
    );
    let rows = "LC-1,PO-1,2026-06-30,Freight,,100,\nLC-2,PO-2,2026-10-31,Freight,,100,\nLC-3,PO-3,2026-11-01,Freight,,100,\n";
    drop_file(&stage, "landed-costs.csv", &format!("{COSTS}{rows}"));
    stage.sync().await;
    assert_eq!(stage.ids(LANDED_COSTS, State::Skipped).await, ["LC-1"]);
    assert_eq!(stage.ids(LANDED_COSTS, State::Waiting).await, ["LC-2"]);
    assert_eq!(stage.ids(LANDED_COSTS, State::Synced).await, ["LC-3"]);
    assert_eq!(journals(&stage).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_and_a_restart_make_no_second_journal() {
    for fault in ["lose-answer", "commit-then-500"] {
        let stage = stage(all_on).await;
        let rows: String = (1..=4)
            .map(|it| format!("LC-{it},PO-{it},2026-11-09,Freight,,10{it},\n"))
            .collect();
        drop_file(&stage, "landed-costs.csv", &format!("{COSTS}{rows}"));
        strike(&stage, ("PUT", "/api.xro/2.0/ManualJournals"), fault);
        stage.sync().await;
        let stage = stage.restart().await;
        settle_down(&stage).await;
        assert_eq!(journals(&stage).len(), 4, "{fault}");
        assert_eq!(stage.states(LANDED_COSTS).await["synced"], 4, "{fault}");
        clean(&stage);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_store_reads_the_files_again_and_sends_nothing_twice() {
    let stage = stage(all_on).await;
    let file = format!("{COSTS}LC-1,PO-1,2026-11-09,Freight,,100,\n");
    drop_file(&stage, "landed-costs.csv", &file);
    stage.sync().await;
    assert_eq!(journals(&stage).len(), 1);
    let stage = stage.lose_store().await;
    drop_file(&stage, "landed-costs.csv", &file);
    stage.sync().await;
    stage.pass(Duration::from_secs(420)).await;
    stage.next().await;
    // Nothing announces that journal here any more: a person is asked, and nothing is posted again.
    assert_eq!(journals(&stage).len(), 1);
    clean(&stage);
}

/// Two tees at 8.10 go back to Mill Co, 10 % tax on top: 17.82.
fn returned(stage: &Stage, patch: Value) -> Value {
    crate::ground::patched(
        json!({
            "id": 7, "reference": "PCR-7", "status": "APPROVED", "supplierCreditNoteNumber": "SCN-7",
            "supplierCreditNoteDate": "2026-11-09T13:00:00Z", "memberId": supplier(stage), "company": "Mill Co",
            "purchaseOrder": "PO-1", "supplierInvoiceReference": "INV-1", "currencyCode": "AUD",
            "currencyRate": 1.0, "taxStatus": "Excl", "taxRate": 10.0, "freightTotal": 0, "surcharge": 0,
            "discountTotal": 0, "productTotal": number("-16.2"), "total": number("-17.82"),
            "lineItems": [{ "code": "TEE", "name": "Tee", "qty": -2, "unitPrice": number("8.1"),
                "discount": 0, "accountCode": "" }],
        }),
        patch,
    )
}

#[tokio::test(start_paused = true)]
async fn a_supplier_credit_note_is_applied_to_the_bill_that_its_export_names() {
    let stage = stage(posted).await;
    put(&stage, "PurchaseOrders", order(&stage, 1, json!({})));
    put(&stage, "SupplierCreditNotes", returned(&stage, json!({})));
    export(&stage, "supplier_credit_notes", "supplier-credit-notes.csv");
    let report = stage.sync().await;
    assert_eq!(told(&report), [""; 0]);
    assert_eq!(stage.states(BILLS).await["synced"], 1);
    assert_eq!(
        stage.states(SUPPLIER_NOTES).await["synced"],
        1,
        "{:?}",
        stage.engine.store().groups(&[]).unwrap()
    );
    let notes = stage.world.xero(ORGANISATION).credit_notes();
    assert_eq!(notes.len(), 1);
    assert_eq!(notes[0]["Type"], "ACCPAYCREDIT");
    assert_eq!(notes[0]["CreditNoteNumber"], "SCN-7 PCR-7");
    assert_eq!(notes[0]["Date"], "2026-11-10");
    assert_eq!(lines_of(&notes[0]), ["631 INPUT 2 16.2 1.62"]);
    stage.next().await;
    assert_eq!(stage.states(SUPPLIER_ALLOCATIONS).await["synced"], 1);
    let bill = &invoices(&stage)[0];
    assert_eq!(cents(&bill["AmountCredited"]), dec("17.82"));
    assert_eq!(cents(&bill["AmountDue"]), dec("917.18"));
    // 850.00 − 16.20; 935.00 − 17.82; 85.00 − 1.62
    expect_balances(
        &stage,
        &[("631", "833.8"), ("800", "-917.18"), ("820", "83.38")],
    );
    stays_so(&stage).await;
}

#[tokio::test(start_paused = true)]
async fn a_supplier_credit_note_that_names_no_order_stays_credit() {
    let stage = stage(posted).await;
    let note = returned(
        &stage,
        json!({ "purchaseOrder": "", "supplierInvoiceReference": "" }),
    );
    put(&stage, "SupplierCreditNotes", note);
    export(&stage, "supplier_credit_notes", "supplier-credit-notes.csv");
    stage.sync().await;
    let notes = stage.world.xero(ORGANISATION).credit_notes();
    assert_eq!(cents(&notes[0]["RemainingCredit"]), dec("17.82"));
    assert_eq!(stage.states(SUPPLIER_ALLOCATIONS).await["excluded"], 1);
    expect_balances(
        &stage,
        &[("631", "-16.2"), ("800", "17.82"), ("820", "-1.62")],
    );
}

const SOLD: &str = "Month,Document Type,Document Reference,Document Id,Completed Date,Branch,SKU,Qty,Unit Cost,Cost,\
COGS Account,Stock Account\n";

#[tokio::test(start_paused = true)]
async fn a_months_cost_of_goods_sold_is_one_journal() {
    let stage = stage(all_on).await;
    let rows = "2026-10,Sales Order,SO-1,1,2026-10-12,Main,TEE,5,8.10,40.50,310,631\n\
        2026-10,Sales Order,SO-2,2,2026-10-21,Main,CAP,2,6.00,12.00,311,631\n\
        2026-10,Credit Note,CN-1,3,2026-10-20,Main,TEE,-1,8.10,-8.10,310,631\n";
    drop_file(&stage, "cogs-2026-10.csv", &format!("{SOLD}{rows}"));
    stage.sync().await;
    let all = journals(&stage);
    assert_eq!(
        all.len(),
        1,
        "{:?}",
        stage.engine.store().groups(&[]).unwrap()
    );
    assert_eq!(all[0]["Date"], "2026-10-31");
    assert_eq!(all[0]["Narration"], "Cost of goods sold: COGS 2026-10");
    assert_eq!(stage.states(COGS).await["synced"], 1);
    expect_balances(&stage, &[("310", "32.4"), ("311", "12"), ("631", "-44.4")]);
    assert_eq!(writes(&stage.next().await), 0);
    clean(&stage);
}

#[tokio::test(start_paused = true)]
async fn a_later_export_of_a_month_reverses_the_journal_before_in_the_same_call() {
    for fault in [None, Some("lose-answer"), Some("commit-then-500")] {
        let stage = stage(all_on).await;
        let sale = "2026-10,Sales Order,SO-1,1,2026-10-12,Main,TEE,5,8.10,40.50,310,631\n";
        drop_file(&stage, "cogs-early.csv", &format!("{SOLD}{sale}"));
        stage.sync().await;
        expect_balances(&stage, &[("310", "40.5"), ("631", "-40.5")]);
        // A landed cost came late: the same sale costs more, and another one is there.
        let dearer = "2026-10,Sales Order,SO-1,1,2026-10-12,Main,TEE,5,9.10,45.50,310,631\n\
            2026-10,Sales Order,SO-2,2,2026-10-21,Main,CAP,2,6.00,12.00,311,631\n";
        drop_file(&stage, "cogs-late.csv", &format!("{SOLD}{dearer}"));
        if let Some(fault) = fault {
            strike(&stage, ("PUT", "/api.xro/2.0/ManualJournals"), fault);
        }
        settle_down(&stage).await;
        let all = journals(&stage);
        assert_eq!(all.len(), 3, "{fault:?}");
        assert!(all.iter().all(|it| it["Date"] == "2026-10-31"), "{all:#?}");
        expect_balances(&stage, &[("310", "45.5"), ("311", "12"), ("631", "-57.5")]);
        assert_eq!(stage.states(COGS).await["synced"], 1);
        let before = stage.writing_calls();
        stage.next().await;
        assert_eq!(stage.writing_calls(), before);
        clean(&stage);
    }
}

/// A cost of a fraction of a cent on each of two accounts: nobody could have corrected that at its source.
#[tokio::test(start_paused = true)]
async fn halves_of_cents_do_not_unbalance_a_month() {
    let stage = stage(all_on).await;
    let rows = "2026-10,Sales Order,SO-1,1,2026-10-12,Main,TEE,1,10.005,10.005,310,631\n\
        2026-10,Sales Order,SO-2,2,2026-10-21,Main,CAP,1,10.005,10.005,311,631\n";
    drop_file(&stage, "cogs.csv", &format!("{SOLD}{rows}"));
    stage.sync().await;
    assert_eq!(stage.states(COGS).await["synced"], 1);
    expect_balances(
        &stage,
        &[("310", "10.01"), ("311", "10.01"), ("631", "-20.02")],
    );
}

/// The columns are called otherwise in this company's export: said in the configuration, the file is read again.
#[tokio::test(start_paused = true)]
async fn a_file_that_is_read_differently_is_read_again() {
    let stage = stage(all_on).await;
    let text = COSTS.replace("Amount", "Cost") + "LC-1,PO-1,2026-11-09,Freight,,100,\n";
    drop_file(&stage, "landed-costs.csv", &text);
    let report = stage.sync().await;
    assert_eq!(told(&report).len(), 1, "{report:?}");
    let folder = stage.folder();
    let stage = stage
        .restart_with(move |it| {
            all_on(it);
            let connection = it.connections.get_mut("omni-au").expect("the connection");
            let drop = connection.files.get_mut("landed_costs").expect("files");
            drop.call_column("Amount", "Cost");
            drop.path = folder.join("exports/landed-costs*.csv");
        })
        .await;
    assert_eq!(told(&stage.next().await), [""; 0]);
    assert_eq!(journals(&stage).len(), 1);
}

/// What a company exported by mistake is replaced by what it exported before, once that is put there again.
#[tokio::test(start_paused = true)]
async fn an_export_that_is_put_there_again_replaces_what_came_between() {
    let stage = stage(all_on).await;
    let right = format!("{COSTS}LC-1,PO-1,2026-11-09,Freight,,100,\n");
    let wrong = right.replace("100", "900");
    let put_at = |text: &str, minutes: u64| {
        drop_file(&stage, "landed-costs.csv", text);
        let path = stage.folder().join("exports/landed-costs.csv");
        let file = std::fs::File::options()
            .write(true)
            .open(path)
            .expect("it is there");
        let at = std::time::UNIX_EPOCH + Duration::from_secs(1_790_000_000 + 60 * minutes);
        file.set_modified(at).expect("a time");
    };
    for (text, minutes, journals_then, stock) in [
        (&right, 1, 1, "100"),
        (&wrong, 2, 3, "900"),
        (&right, 3, 5, "100"),
    ] {
        put_at(text, minutes);
        stage.next().await;
        assert_eq!(journals(&stage).len(), journals_then, "{minutes}");
        assert_eq!(crate::ground::balances(&stage)["631"], stock);
    }
    clean(&stage);
}
