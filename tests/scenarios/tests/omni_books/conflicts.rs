//! Orders that are edited after their invoice was paid: a person keeps it, has the difference credited, or
//! has it invoiced. Nothing is sent before, and nothing twice.

use ledgerline::{
    operate::{
        Answer, Request, Resolve,
        reconcile::{Class, ReconcileReport, ReconcileRequest, Verdict},
    },
    store::{Entry, Filter, State},
};
use rust_decimal::Decimal;
use scenarios::{
    Stage,
    books::{ORGANISATION, cents, dec, line},
};
use serde_json::{Value, json};

use crate::{
    ground::{
        BILL_ADDITIONS, BILL_CREDITS, BILLS, ORDERS, SALES_ADDITIONS, SALES_CREDITS,
        SALES_CREDITS_APPLIED, change_line, clean, edit, expect_balances, invoices, posted, put,
        settle_down, stage, strike, writes,
    },
    purchases,
    sales::order,
};

pub(crate) const NUMBER: &str = "20001 SO-1";
pub(crate) const ENTRY: &str = "omni-sales-orders/40001";

fn only(id: &str) -> Filter {
    Filter {
        ids: vec![id.parse().expect("an entry's id")],
        ..Filter::default()
    }
}

/// A bookkeeper enters a payment.
pub(crate) fn pay(stage: &Stage, number: &str, amount: &str) {
    let id = &numbered(stage, number)["InvoiceID"];
    let payment = json!({ "Invoice": { "InvoiceID": id }, "Account": { "Code": "091" },
        "Date": "2026-11-21", "Amount": amount });
    let entered = stage.world.xero(ORGANISATION).enter("payments", payment);
    entered.expect("it is paid");
}

/// An order of 286.00 whose invoice is paid as far as `amount`.
pub(crate) async fn paid(amount: &str) -> Stage {
    let stage = stage(posted).await;
    put(&stage, "SalesOrders", order(1, json!({})));
    stage.sync().await;
    stage.next().await;
    pay(&stage, NUMBER, amount);
    stage.next().await;
    stage
}

/// The order has so many caps at 20.00 instead of three: 22.00 each with tax.
pub(crate) fn caps(stage: &Stage, count: i64) {
    let products = Decimal::from(190 + 20 * count);
    let total = (products + dec("10")) * dec("1.1");
    let number = |it: Decimal| scenarios::books::number(&it.to_string());
    edit(
        stage,
        "SalesOrders",
        40_001,
        json!({ "productTotal": number(products), "total": number(total), "lineItems": [
            line("Tee", 10, "20.0", json!({ "discount": 10.0 })),
            line("Cap", count, "20.0", json!({ "accountCode": "260" })),
        ] }),
    );
}

pub(crate) async fn asked(stage: &Stage) -> Entry {
    let entry = stage.entry(ENTRY).await;
    assert_eq!(entry.state, State::Warning, "{entry:#?}");
    entry
}

pub(crate) async fn resolve_at(stage: &Stage, id: &str, how: Resolve) -> Result<String, String> {
    let id = id.parse().expect("an entry's id");
    let request = Request::Resolve {
        id,
        how,
        reason: Some("as agreed".to_owned()),
    };
    match stage.ask(request).await {
        Answer::Resolved { what, .. } => Ok(what),
        Answer::Refused { message } => Err(message),
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn resolve(stage: &Stage, how: Resolve) -> Result<String, String> {
    resolve_at(stage, ENTRY, how).await
}

pub(crate) fn credit(amount: &str) -> Resolve {
    let amount = Some(dec(amount));
    Resolve::Credit { amount }
}

fn additional(amount: &str) -> Resolve {
    let amount = Some(dec(amount));
    Resolve::Additional { amount }
}

pub(crate) fn numbered(stage: &Stage, number: &str) -> Value {
    let all = invoices(stage);
    let found = all.iter().find(|it| it["InvoiceNumber"] == *number);
    found.unwrap_or_else(|| panic!("no {number}")).clone()
}

fn credits(stage: &Stage) -> Vec<Value> {
    stage.xero_notes()
}

pub(crate) async fn reconciled(stage: &Stage) -> ReconcileReport {
    match stage
        .ask(Request::Reconcile(ReconcileRequest::default()))
        .await
    {
        Answer::Reconciled(it) => *it,
        other => panic!("{other:?}"),
    }
}

/// Everything is in the books and both sides agree; nothing more is sent.
pub(crate) async fn at_rest(stage: &Stage) {
    for _ in 0..2 {
        assert_eq!(writes(&stage.next().await), 0);
    }
    let report = reconciled(stage).await;
    assert_eq!(report.verdict(), Verdict::Agrees, "{report:#?}");
    clean(stage);
}

#[tokio::test(start_paused = true)]
async fn a_paid_invoice_that_became_smaller_is_credited_when_a_person_says_so() {
    let stage = paid("286.00").await;
    caps(&stage, 1);
    assert_eq!(writes(&stage.next().await), 0, "nothing before a word");
    let problem = asked(&stage).await.problem.expect("a problem");
    for words in ["paid", "286.00 there, 242.00 now", "LineItems.1"] {
        assert!(problem.cause.contains(words), "{words}: {}", problem.cause);
    }
    for words in [
        "`ledgerline resolve omni-sales-orders/40001 --credit 44.00`",
        "--keep`",
    ] {
        assert!(
            problem.remedy.contains(words),
            "{words}: {}",
            problem.remedy
        );
    }
    assert!(!problem.remedy.contains("additional"), "{}", problem.remedy);

    for wrong in [credit("43.00"), additional("44.00")] {
        let why = resolve(&stage, wrong)
            .await
            .expect_err("another difference");
        assert!(why.contains("44.00"), "{why}");
    }
    resolve(&stage, credit("44.00")).await.expect("it is said");
    stage.next().await;

    let notes = credits(&stage);
    assert_eq!(notes.len(), 1, "{:?}", stage.states(SALES_CREDITS).await);
    assert_eq!(notes[0]["CreditNoteNumber"], "20001 SO-1-D1");
    assert_eq!(notes[0]["Reference"], NUMBER);
    assert_eq!(notes[0]["Date"], "2026-11-09");
    assert_eq!(notes[0]["Status"], "AUTHORISED");
    assert_eq!(cents(&notes[0]["Total"]), dec("44.00"));
    assert_eq!(scenarios::books::lines_of(&notes[0]), ["260 OUTPUT 1 40 4"]);
    assert_eq!(cents(&numbered(&stage, NUMBER)["Total"]), dec("286.00"));
    // Paid in full: it stays a credit of the customer.
    assert_eq!(stage.states(SALES_CREDITS_APPLIED).await["excluded"], 1);
    expect_balances(
        &stage,
        &[
            ("091", "286"),
            ("200", "-190"),
            ("260", "-30"),
            ("610", "-44"),
            ("820", "-22"),
        ],
    );
    let entry = stage.entry(ENTRY).await;
    assert_eq!(entry.state, State::Synced, "{entry:#?}");
    assert_eq!(entry.facts.money.expect("money").total, dec("242.00"));
    at_rest(&stage).await;
    let again = resolve(&stage, credit("44.00")).await;
    assert!(again.expect_err("done").contains("synced"));
}

#[tokio::test(start_paused = true)]
async fn what_is_open_on_the_invoice_is_paid_by_the_credit() {
    let stage = paid("250.00").await;
    caps(&stage, 1);
    stage.next().await;
    asked(&stage).await;
    resolve(&stage, credit("44.00")).await.expect("it is said");
    stage.next().await;
    stage.next().await;
    assert_eq!(stage.states(SALES_CREDITS_APPLIED).await["synced"], 1);
    let invoice = numbered(&stage, NUMBER);
    assert_eq!(cents(&invoice["AmountCredited"]), dec("36.00"));
    assert_eq!(cents(&credits(&stage)[0]["RemainingCredit"]), dec("8.00"));
    at_rest(&stage).await;
}

#[tokio::test(start_paused = true)]
async fn one_that_became_larger_is_invoiced_in_addition_and_edited_again_after_that() {
    let stage = paid("286.00").await;
    caps(&stage, 5);
    stage.next().await;
    let problem = asked(&stage).await.problem.expect("a problem");
    let command = "`ledgerline resolve omni-sales-orders/40001 --additional 44.00`";
    assert!(problem.remedy.contains(command), "{}", problem.remedy);
    resolve(&stage, additional("44.00")).await.expect("said");
    stage.next().await;
    let more = numbered(&stage, "20001 SO-1-D1");
    assert_eq!(cents(&more["Total"]), dec("44.00"));
    assert_eq!(more["DueDate"], "2026-12-09");
    assert_eq!(stage.states(SALES_ADDITIONS).await["synced"], 1);
    at_rest(&stage).await;

    // Measured against both from now on, also where the first one could be changed again.
    caps(&stage, 2);
    stage.next().await;
    let problem = asked(&stage).await.problem.expect("a problem");
    assert!(
        problem.remedy.contains("--credit 66.00`"),
        "{}",
        problem.remedy
    );
    resolve(&stage, credit("66.00")).await.expect("said");
    stage.next().await;
    let notes = credits(&stage);
    assert_eq!(notes[0]["CreditNoteNumber"], "20001 SO-1-D2");
    assert_eq!(cents(&notes[0]["Total"]), dec("66.00"));
    // 264.00 in all.
    expect_balances(
        &stage,
        &[
            ("091", "286"),
            ("200", "-190"),
            ("260", "-50"),
            ("610", "-22"),
            ("820", "-24"),
        ],
    );
    at_rest(&stage).await;
    // Back to what the invoice alone is: that is a difference, too.
    caps(&stage, 3);
    stage.next().await;
    let problem = asked(&stage).await.problem.expect("a problem");
    assert!(
        problem.remedy.contains("--additional 22.00`"),
        "{}",
        problem.remedy
    );
}

#[tokio::test(start_paused = true)]
async fn one_that_is_kept_is_asked_about_again_when_it_changes() {
    let stage = paid("286.00").await;
    caps(&stage, 1);
    stage.next().await;
    asked(&stage).await;
    resolve(&stage, Resolve::Keep).await.expect("it is said");
    assert_eq!(stage.entry(ENTRY).await.state, State::Synced);
    assert_eq!(writes(&stage.next().await), 0);
    let report = reconciled(&stage).await;
    assert_eq!(report.verdict(), Verdict::Agrees, "{report:#?}");
    let kept = |it: &&ledgerline::operate::reconcile::Line| it.class == Class::Skipped;
    let line = report.lines.iter().find(kept).expect("a line");
    assert_eq!(line.amounts["AUD"], dec("-44.00"));
    assert!(report.sums.iter().all(|it| it.explained));
    // The same order, saved once more.
    edit(&stage, "SalesOrders", 40_001, json!({ "stage": "Closed" }));
    stage.next().await;
    assert_eq!(stage.entry(ENTRY).await.state, State::Synced);
    caps(&stage, 2);
    stage.next().await;
    let problem = asked(&stage).await.problem.expect("a problem");
    assert!(
        problem.remedy.contains("--credit 22.00`"),
        "{}",
        problem.remedy
    );
    assert_eq!(credits(&stage).len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_word_about_an_older_version_does_not_hold_for_a_newer_one() {
    let stage = paid("286.00").await;
    caps(&stage, 1);
    stage.next().await;
    asked(&stage).await;
    resolve(&stage, credit("44.00")).await.expect("it is said");
    assert_eq!(stage.entry(ENTRY).await.state, State::Waiting);
    // Before anything goes, the order changes once more.
    caps(&stage, 2);
    stage.next().await;
    assert_eq!(credits(&stage).len(), 0);
    assert_eq!(stage.states(SALES_CREDITS).await["excluded"], 1);
    let problem = asked(&stage).await.problem.expect("a problem");
    assert!(
        problem.remedy.contains("--credit 22.00`"),
        "{}",
        problem.remedy
    );
    // Nor does the old command, typed late.
    resolve(&stage, credit("44.00")).await.expect_err("not now");
    resolve(&stage, credit("22.00")).await.expect("it is said");
    stage.next().await;
    let notes = credits(&stage);
    assert_eq!(notes.len(), 1);
    assert_eq!(cents(&notes[0]["Total"]), dec("22.00"));
    at_rest(&stage).await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_credits_nothing_twice() {
    for fault in ["lose-answer", "commit-then-500", "reset"] {
        let stage = paid("286.00").await;
        caps(&stage, 1);
        stage.next().await;
        resolve(&stage, credit("44.00")).await.expect("it is said");
        strike(&stage, ("PUT", "/api.xro/2.0/CreditNotes"), fault);
        settle_down(&stage).await;
        let notes = credits(&stage);
        assert_eq!(notes.len(), 1, "{fault}");
        assert_eq!(notes[0]["CreditNoteNumber"], "20001 SO-1-D1", "{fault}");
        assert_eq!(stage.entry(ENTRY).await.state, State::Synced, "{fault}");
        at_rest(&stage).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_invoice_in_a_closed_period_is_credited_on_the_day() {
    let stage = paid("100.00").await;
    let closed = json!({ "PeriodLockDate": "2026-11-15" });
    stage.change_xero("organisation", "", closed);
    stage.pass(std::time::Duration::from_secs(3_700)).await;
    caps(&stage, 1);
    stage.next().await;
    let entry = stage.entry(ENTRY).await;
    let problem = entry.problem.expect("a problem");
    assert_eq!(entry.state, State::Waiting, "{problem:?}");
    // Nothing is offered that was not read just then.
    let command = "`ledgerline resolve omni-sales-orders/40001` reads it";
    assert!(problem.remedy.contains(command), "{problem:?}");
    let told = resolve(&stage, Resolve::Ask).await.expect("it is told");
    assert!(told.contains("--credit 44.00`"), "{told}");
    assert!(told.contains("286.00 there, 242.00 now"), "{told}");
    resolve(&stage, credit("44.00")).await.expect("it is said");
    stage.next().await;
    let notes = credits(&stage);
    assert_eq!(notes[0]["Date"], "2026-11-22");
    assert_eq!(stage.entry(ENTRY).await.state, State::Synced);
    at_rest(&stage).await;
}

#[tokio::test(start_paused = true)]
async fn what_changed_on_both_sides_or_in_more_than_lines_is_kept_or_mended_alone() {
    let stage = paid("286.00").await;
    edit(
        &stage,
        "SalesOrders",
        40_001,
        json!({ "invoiceDate": "2026-11-09T13:00:00Z" }),
    );
    caps(&stage, 1);
    stage.next().await;
    let problem = asked(&stage).await.problem.expect("a problem");
    assert!(!problem.remedy.contains("--credit"), "{}", problem.remedy);
    let why = resolve(&stage, credit("44.00")).await.expect_err("a date");
    assert!(why.contains("--keep"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn a_bill_is_credited_and_added_to_likewise() {
    let stage = stage(posted).await;
    put(
        &stage,
        "PurchaseOrders",
        purchases::order(&stage, 1, json!({})),
    );
    stage.sync().await;
    stage.next().await;
    pay(&stage, "INV-1 PO-1", "935.00");
    stage.next().await;
    let entry = format!("{BILLS}/70001");
    let tees = |count: i64, products: &str, total: &str| {
        edit(
            &stage,
            "PurchaseOrders",
            70_001,
            json!({ "productTotal": scenarios::books::number(products), "total": scenarios::books::number(total),
                "lineItems": [line("Tee", count, "8.10", json!({}))] }),
        );
    };
    tees(90, "729.0", "845.90");
    stage.next().await;
    assert_eq!(stage.entry(&entry).await.state, State::Warning);
    let said = resolve_at(&stage, &entry, credit("89.10")).await;
    said.expect("it is said");
    stage.next().await;
    let notes = credits(&stage);
    assert_eq!(notes.len(), 1, "{:?}", stage.states(BILL_CREDITS).await);
    assert_eq!(notes[0]["Type"], "ACCPAYCREDIT");
    assert_eq!(notes[0]["CreditNoteNumber"], "INV-1 PO-1-D1");
    expect_balances(
        &stage,
        &[
            ("091", "-935"),
            ("631", "769"),
            ("800", "89.1"),
            ("820", "76.9"),
        ],
    );
    at_rest(&stage).await;
    tees(100, "810.0", "935.00");
    stage.next().await;
    let said = resolve_at(&stage, &entry, additional("89.10")).await;
    said.expect("it is said");
    stage.next().await;
    assert_eq!(stage.states(BILL_ADDITIONS).await["synced"], 1);
    let more = numbered(&stage, "INV-1 PO-1-D2");
    assert_eq!(cents(&more["Total"]), dec("89.10"));
    expect_balances(&stage, &[("091", "-935"), ("631", "850"), ("820", "85")]);
    at_rest(&stage).await;
}

#[tokio::test(start_paused = true)]
async fn an_approved_invoice_that_nobody_paid_may_be_credited_too() {
    let stage = stage(posted).await;
    put(&stage, "SalesOrders", order(1, json!({})));
    stage.sync().await;
    stage.next().await;
    caps(&stage, 1);
    stage.next().await;
    assert_eq!(stage.ids(ORDERS, State::Warning).await, ["40001"]);
    resolve(&stage, credit("44.00")).await.expect("it is said");
    stage.next().await;
    stage.next().await;
    let invoice = numbered(&stage, NUMBER);
    assert_eq!(cents(&invoice["AmountDue"]), dec("242.00"));
    at_rest(&stage).await;
}

#[tokio::test(start_paused = true)]
async fn a_credit_that_is_voided_in_the_books_counts_no_more() {
    let stage = paid("286.00").await;
    caps(&stage, 1);
    stage.next().await;
    resolve(&stage, credit("44.00")).await.expect("it is said");
    stage.next().await;
    let voided = json!({ "Status": "VOIDED" });
    stage.change_xero("credit_notes", "20001 SO-1-D1", voided);
    stage.pass(std::time::Duration::from_secs(3_700)).await;
    stage.sync().await;
    assert_eq!(stage.states(SALES_CREDITS).await["warning"], 1);
    assert_eq!(reconciled(&stage).await.verdict(), Verdict::Open);
    stage.bulk(Request::Reset, only(ENTRY)).await;
    stage.next().await;
    let problem = asked(&stage).await.problem.expect("a problem");
    assert!(
        problem.remedy.contains("--credit 44.00`"),
        "{}",
        problem.remedy
    );
    resolve(&stage, credit("44.00")).await.expect("it is said");
    stage.next().await;
    let numbers: Vec<String> = stage.xero_numbers();
    assert_eq!(numbers, ["20001 SO-1-D1", "20001 SO-1-D2"]);
    assert_eq!(stage.entry(ENTRY).await.state, State::Synced);
    assert_eq!(writes(&stage.next().await), 0);
}

#[tokio::test(start_paused = true)]
async fn a_foreign_invoice_is_credited_at_its_own_rate() {
    let stage = stage(posted).await;
    let of = |count: i64, total: &str, rate: &str| {
        json!({ "currencyCode": "USD", "currencyRate": scenarios::books::number(rate),
            "taxStatus": "Exempt", "taxRate": 0, "freightTotal": 0,
            "productTotal": scenarios::books::number(total), "total": scenarios::books::number(total),
            "lineItems": [line("Mug", count, "20.0", json!({}))] })
    };
    let first = order(1, of(10, "200.0", "1.538462"));
    put(&stage, "SalesOrders", first);
    stage.sync().await;
    stage.next().await;
    // The rate of the order moves with it; what was posted has its own.
    edit(&stage, "SalesOrders", 40_001, of(7, "140.0", "1.6"));
    stage.next().await;
    let problem = asked(&stage).await.problem.expect("a problem");
    assert!(
        problem
            .remedy
            .contains("--credit 60.00` makes a credit of the difference, 60.00 USD"),
        "{}",
        problem.remedy
    );
    resolve(&stage, credit("60.00")).await.expect("it is said");
    stage.next().await;
    stage.next().await;
    let note = &credits(&stage)[0];
    assert_eq!(note["CurrencyCode"], "USD");
    assert_eq!(cents(&note["CurrencyRate"]), dec("0.65"));
    // 140.00 / 0.65
    expect_balances(&stage, &[("200", "-215.38"), ("610", "215.38")]);
    at_rest(&stage).await;
}

#[tokio::test(start_paused = true)]
async fn a_line_that_a_bookkeeper_moved_is_credited_where_it_is() {
    let stage = paid("286.00").await;
    // The caps were sales of another account, and without tax: 280.00.
    let moved = json!({ "AccountCode": "200", "TaxType": "EXEMPTOUTPUT" });
    change_line(&stage, NUMBER, 1, moved);
    caps(&stage, 1);
    stage.next().await;
    let problem = asked(&stage).await.problem.expect("a problem");
    assert!(
        problem.cause.contains("280.00 there, 240.00 now"),
        "{}",
        problem.cause
    );
    assert!(
        problem.remedy.contains("--credit 40.00`"),
        "{}",
        problem.remedy
    );
    resolve(&stage, credit("40.00")).await.expect("it is said");
    stage.next().await;
    let notes = credits(&stage);
    assert_eq!(
        scenarios::books::lines_of(&notes[0]),
        ["200 EXEMPTOUTPUT 1 40 0"]
    );
    assert_eq!(cents(&notes[0]["Total"]), dec("40.00"));
    let invoice = numbered(&stage, NUMBER);
    assert_eq!(cents(&invoice["Total"]), dec("280.00"), "as it was");
    assert_eq!(writes(&stage.next().await), 0);
    // Measured against both of them from now on.
    caps(&stage, 2);
    stage.next().await;
    let problem = asked(&stage).await.problem.expect("a problem");
    assert!(
        problem.remedy.contains("--additional 20.00`"),
        "{}",
        problem.remedy
    );
}

/// The question is as old as its run; what is decided is not.
#[tokio::test(start_paused = true)]
async fn what_was_edited_after_the_question_is_read_before_anything_is_made() {
    let stage = paid("286.00").await;
    caps(&stage, 1);
    stage.next().await;
    asked(&stage).await;
    change_line(&stage, NUMBER, 1, json!({ "AccountCode": "200" }));
    let told = resolve(&stage, Resolve::Ask).await.expect("it is told");
    assert!(told.contains("--credit 44.00`"), "{told}");
    resolve(&stage, credit("44.00")).await.expect("it is said");
    stage.next().await;
    let notes = credits(&stage);
    assert_eq!(scenarios::books::lines_of(&notes[0]), ["200 OUTPUT 1 40 4"]);
    expect_balances(
        &stage,
        &[
            ("091", "286"),
            ("200", "-210"),
            ("260", "-10"),
            ("610", "-44"),
            ("820", "-22"),
        ],
    );
    at_rest(&stage).await;
}

#[tokio::test(start_paused = true)]
async fn a_quantity_that_changed_on_both_sides_after_the_question_makes_nothing() {
    let stage = paid("100.00").await;
    caps(&stage, 1);
    stage.next().await;
    asked(&stage).await;
    change_line(
        &stage,
        NUMBER,
        1,
        json!({ "Quantity": 2, "UnitAmount": 20 }),
    );
    for how in [credit("44.00"), credit("22.00"), Resolve::Reapply] {
        let why = resolve(&stage, how).await.expect_err("both sides");
        assert!(why.contains("too"), "{why}");
    }
    stage.change_xero("invoices", NUMBER, json!({ "Status": "VOIDED" }));
    let why = resolve(&stage, Resolve::Keep).await.expect_err("void");
    assert!(why.contains("voided"), "{why}");
    assert_eq!(writes(&stage.next().await), 0);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_cannot_be_read_decides_nothing() {
    let stage = paid("286.00").await;
    caps(&stage, 1);
    stage.next().await;
    let id = numbered(&stage, NUMBER)["InvoiceID"].clone();
    let path = format!("/api.xro/2.0/Invoices/{}", id.as_str().expect("an id"));
    let rule =
        json!({ "match": { "method": "GET", "path": path }, "times": 200, "fault": "reset" });
    let rules = serde_json::from_value(json!([rule])).expect("rules");
    stage.world.set_faults(rules);
    for how in [credit("44.00"), Resolve::Keep, Resolve::Ask] {
        let why = resolve(&stage, how).await.expect_err("not read");
        assert!(why.contains("nothing was decided"), "{why}");
    }
    assert_eq!(stage.entry(ENTRY).await.state, State::Warning);
}

#[tokio::test(start_paused = true)]
async fn a_rate_that_a_bookkeeper_changed_is_the_rate_of_the_credit() {
    let stage = stage(posted).await;
    let of = |count: i64, total: &str| {
        json!({ "currencyCode": "USD", "currencyRate": scenarios::books::number("1.538462"),
            "taxStatus": "Exempt", "taxRate": 0, "freightTotal": 0,
            "productTotal": scenarios::books::number(total), "total": scenarios::books::number(total),
            "lineItems": [line("Mug", count, "20.0", json!({}))] })
    };
    put(&stage, "SalesOrders", order(1, of(10, "200.0")));
    stage.sync().await;
    stage.next().await;
    stage.change_xero("invoices", NUMBER, json!({ "CurrencyRate": 0.8 }));
    edit(&stage, "SalesOrders", 40_001, of(7, "140.0"));
    stage.next().await;
    asked(&stage).await;
    resolve(&stage, credit("60.00")).await.expect("it is said");
    stage.next().await;
    stage.next().await;
    assert_eq!(cents(&credits(&stage)[0]["CurrencyRate"]), dec("0.8"));
    // 140.00 / 0.8
    expect_balances(&stage, &[("200", "-175"), ("610", "175")]);
}

#[tokio::test(start_paused = true)]
async fn an_order_in_another_currency_is_no_difference_of_an_amount() {
    let stage = paid("286.00").await;
    edit(
        &stage,
        "SalesOrders",
        40_001,
        json!({ "currencyCode": "USD", "currencyRate": scenarios::books::number("1.538462") }),
    );
    caps(&stage, 1);
    stage.next().await;
    let problem = asked(&stage).await.problem.expect("a problem");
    assert!(!problem.remedy.contains("--credit"), "{}", problem.remedy);
    let why = resolve(&stage, credit("44.00")).await.expect_err("no");
    assert!(why.contains("currency"), "{why}");
}
