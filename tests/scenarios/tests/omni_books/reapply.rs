//! Orders that are edited after money from the portal paid their invoices: a person has our payments taken
//! off, the invoice edited, and the payments put back.

use ledgerline::{
    operate::{
        Request, Resolve, SyncRequest,
        reconcile::{Class, Line, Verdict},
    },
    store::{Actor, Change, Filter, Settlement, State},
};
use scenarios::{
    Stage,
    books::{ORGANISATION, cents, dec},
};
use serde_json::{Value, json};

use crate::{
    conflicts::{ENTRY, NUMBER, asked, at_rest, caps, credit, numbered, pay, reconciled, resolve},
    ground::{
        ORDERS, PORTAL_PAYMENTS, SALES_PAYMENTS, clean, expect_balances, put, settle_down, stage,
        strike, writes,
    },
    payments::{paid_in_omni, payments, portal},
    sales::order,
};

/// Payments in Xero that count.
fn held(stage: &Stage) -> Vec<Value> {
    let mut all = stage.world.xero(ORGANISATION).payments();
    all.retain(|it| it["Status"] == "AUTHORISED");
    all.sort_by_key(|it| it["Reference"].to_string());
    all
}

/// An order of 286.00, paid through the portal in these amounts.
async fn paid(amounts: &[i64]) -> Stage {
    let stage = stage(portal).await;
    put(&stage, "SalesOrders", order(1, json!({})));
    for (at, amount) in amounts.iter().enumerate() {
        let id = 501 + i64::try_from(at).expect("a few");
        paid_in_omni(&stage, id, "Cin7 Pay", *amount);
    }
    settle_down(&stage).await;
    assert_eq!(held(&stage).len(), amounts.len());
    stage
}

/// Our payments come off, and nothing else is done.
async fn only_off(stage: &Stage) {
    let request = SyncRequest {
        filter: Some(Filter {
            routes: vec![PORTAL_PAYMENTS.to_owned()],
            ..Filter::default()
        }),
        ..SyncRequest::default()
    };
    stage.next_with(request).await;
    assert_eq!(held(stage).len(), 0);
}

/// As [`at_rest`], where our payments are less than what came in by `rest`: that is told.
async fn at_rest_but(stage: &Stage, rest: &str) {
    for _ in 0..2 {
        assert_eq!(writes(&stage.next().await), 0);
    }
    let report = reconciled(stage).await;
    assert_eq!(report.verdict(), Verdict::Open, "{report:#?}");
    let apart = |it: &&Line| it.class == Class::Different;
    let lines: Vec<&Line> = report.lines.iter().filter(apart).collect();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert_eq!(lines[0].amounts["AUD"].abs(), dec(rest));
    assert!(report.sums.iter().all(|it| it.explained));
    clean(stage);
}

/// Nothing came down that was taken off and made anew.
fn no_echo(stage: &Stage, count: usize) {
    assert_eq!(payments(stage).len(), count, "{:?}", payments(stage));
}

#[tokio::test(start_paused = true)]
async fn our_payment_comes_off_for_an_edit_and_is_made_anew() {
    let stage = paid(&[286]).await;
    let before = held(&stage).remove(0);
    caps(&stage, 1);
    assert_eq!(writes(&stage.next().await), 0, "nothing before a word");
    let problem = asked(&stage).await.problem.expect("a problem");
    let command = "`ledgerline resolve omni-sales-orders/40001 --reapply`";
    assert!(problem.remedy.contains(command), "{}", problem.remedy);
    assert!(
        problem.remedy.contains("--credit 44.00`"),
        "{}",
        problem.remedy
    );

    let said = resolve(&stage, Resolve::Reapply).await.expect("it is said");
    assert!(said.contains("44.00 AUD of that is more"), "{said}");
    stage.next().await;
    assert_eq!(
        cents(&numbered(&stage, NUMBER)["Total"]),
        dec("242.00"),
        "{:?}",
        stage.engine.store().groups(&[]).unwrap()
    );
    let after = held(&stage);
    assert_eq!(after.len(), 1);
    assert_ne!(after[0]["PaymentID"], before["PaymentID"]);
    for same in ["Date", "Reference"] {
        assert_eq!(after[0][same], before[same], "{same}");
    }
    assert_eq!(cents(&after[0]["Amount"]), dec("242.00"));
    assert_eq!(numbered(&stage, NUMBER)["Status"], "PAID");
    assert_eq!(stage.xero_notes().len(), 0, "no credit");
    expect_balances(
        &stage,
        &[
            ("200", "-190"),
            ("260", "-30"),
            ("625", "242"),
            ("820", "-22"),
        ],
    );
    let payment = stage.entry("omni-portal-payments/501").await;
    assert_eq!(payment.state, State::Synced, "{payment:#?}");
    assert_eq!(
        payment.held.expect("a link").id,
        after[0]["PaymentID"].as_str().expect("an id")
    );
    let told = payment.notices.join("; ");
    assert!(told.contains("44.00 more was received"), "{told}");
    no_echo(&stage, 1);
    at_rest_but(&stage, "44.00").await;

    // And back again: the whole payment has room once more.
    caps(&stage, 3);
    stage.next().await;
    asked(&stage).await;
    resolve(&stage, Resolve::Reapply).await.expect("it is said");
    stage.next().await;
    expect_balances(
        &stage,
        &[
            ("200", "-190"),
            ("260", "-70"),
            ("625", "286"),
            ("820", "-26"),
        ],
    );
    assert_eq!(stage.states(SALES_PAYMENTS).await.get("synced"), None);
    no_echo(&stage, 1);
    at_rest(&stage).await;
}

#[tokio::test(start_paused = true)]
async fn several_payments_come_off_and_what_is_larger_stays_open() {
    let stage = paid(&[100, 186]).await;
    caps(&stage, 5);
    stage.next().await;
    asked(&stage).await;
    resolve(&stage, Resolve::Reapply).await.expect("it is said");
    stage.next().await;
    let amounts: Vec<_> = held(&stage).iter().map(|it| cents(&it["Amount"])).collect();
    assert_eq!(amounts, [dec("100.00"), dec("186.00")]);
    let invoice = numbered(&stage, NUMBER);
    assert_eq!(cents(&invoice["AmountDue"]), dec("44.00"));
    expect_balances(
        &stage,
        &[
            ("200", "-190"),
            ("260", "-110"),
            ("610", "44"),
            ("625", "286"),
            ("820", "-30"),
        ],
    );
    no_echo(&stage, 2);
    at_rest(&stage).await;
}

#[tokio::test(start_paused = true)]
async fn an_approved_invoice_is_edited_at_a_word_where_nothing_pays_it() {
    let stage = paid(&[]).await;
    caps(&stage, 1);
    stage.next().await;
    assert_eq!(stage.ids(ORDERS, State::Warning).await, ["40001"]);
    resolve(&stage, Resolve::Reapply).await.expect("it is said");
    stage.next().await;
    assert_eq!(cents(&numbered(&stage, NUMBER)["Total"]), dec("242.00"));
    at_rest(&stage).await;
    // The word was for that one edit.
    caps(&stage, 2);
    assert_eq!(writes(&stage.next().await), 0);
    asked(&stage).await;
}

/// Why a paid invoice may not be edited, and that it is not offered.
async fn refused(stage: &Stage) -> String {
    caps(stage, 1);
    stage.next().await;
    let problem = asked(stage).await.problem.expect("a problem");
    assert!(!problem.remedy.contains("--reapply"), "{}", problem.remedy);
    let why = resolve(stage, Resolve::Reapply).await;
    let why = why.expect_err("it is refused");
    let told = resolve(stage, Resolve::Ask).await.expect("it is told");
    assert!(told.contains("no edit of it"), "{told}");
    assert!(told.contains("--credit 44.00`"), "{told}");
    assert_eq!(writes(&stage.next().await), 0);
    why
}

#[tokio::test(start_paused = true)]
async fn a_payment_that_a_bookkeeper_entered_stays() {
    let stage = paid(&[186]).await;
    pay(&stage, NUMBER, "100.00");
    stage.next().await;
    let why = refused(&stage).await;
    assert!(why.contains("of 100"), "{why}");
    assert!(why.contains("not made by us"), "{why}");
    // The other choices are as they were.
    resolve(&stage, credit("44.00")).await.expect("it is said");
    stage.next().await;
    assert_eq!(stage.xero_notes().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_payment_that_is_reconciled_or_in_a_batch_stays() {
    let batch = "5d6f0b6e-1c0c-4a53-9a0d-7c3d1f1f0a11";
    for (patch, words) in [
        (json!({ "IsReconciled": true }), "reconciled"),
        (json!({ "BatchPaymentID": batch }), "batch payment"),
    ] {
        let stage = paid(&[286]).await;
        let id = held(&stage)[0]["PaymentID"]
            .as_str()
            .expect("an id")
            .to_owned();
        stage.change_xero("payments", &id, patch);
        let why = refused(&stage).await;
        assert!(why.contains(words), "{why}");
        assert!(why.contains("omni-portal-payments/501"), "{why}");
        assert_eq!(held(&stage).len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_payment_in_a_closed_period_stays_and_so_does_its_invoice() {
    let stage = paid(&[286]).await;
    let closed = json!({ "PeriodLockDate": "2026-11-21" });
    stage.change_xero("organisation", "", closed);
    stage.pass(std::time::Duration::from_secs(3_700)).await;
    caps(&stage, 1);
    stage.next().await;
    let entry = stage.entry(ENTRY).await;
    assert_eq!(entry.state, State::Waiting);
    let why = resolve(&stage, Resolve::Reapply).await.expect_err("closed");
    assert!(why.contains("closed period"), "{why}");
    assert_eq!(held(&stage).len(), 1);
}

/// Two payments; the second one is reconciled when the first one is off already.
#[tokio::test(start_paused = true)]
async fn what_cannot_be_finished_is_one_row_and_may_be_put_back() {
    let stage = paid(&[100, 186]).await;
    caps(&stage, 1);
    stage.next().await;
    resolve(&stage, Resolve::Reapply).await.expect("it is said");
    let second = held(&stage).remove(1);
    let id = second["PaymentID"].as_str().expect("an id").to_owned();
    stage.change_xero("payments", &id, json!({ "IsReconciled": true }));
    stage.next().await;
    stage.next().await;
    assert_eq!(held(&stage).len(), 1, "the first one is off");
    let entry = stage.entry(ENTRY).await;
    assert_eq!(entry.state, State::Waiting, "{entry:#?}");
    let problem = entry.problem.expect("a problem");
    assert!(problem.cause.contains("reconciled"), "{problem:?}");
    assert!(problem.remedy.contains("--keep"), "{problem:?}");
    assert_eq!(cents(&numbered(&stage, NUMBER)["Total"]), dec("286.00"));
    // The person leaves it as it is: what is off comes back.
    resolve(&stage, Resolve::Keep).await.expect("it is said");
    stage.next().await;
    stage.next().await;
    assert_eq!(
        held(&stage).len(),
        2,
        "{:?}",
        stage.states(PORTAL_PAYMENTS).await
    );
    assert_eq!(numbered(&stage, NUMBER)["Status"], "PAID");
    assert_eq!(stage.states(PORTAL_PAYMENTS).await["synced"], 2);
    assert_eq!(stage.entry(ENTRY).await.state, State::Synced);
    no_echo(&stage, 2);
    assert_eq!(writes(&stage.next().await), 0);
}

#[tokio::test(start_paused = true)]
async fn a_word_about_an_older_version_takes_nothing_off() {
    let stage = paid(&[286]).await;
    caps(&stage, 1);
    stage.next().await;
    resolve(&stage, Resolve::Reapply).await.expect("it is said");
    caps(&stage, 2);
    assert_eq!(writes(&stage.next().await), 0);
    asked(&stage).await;
    assert_eq!(held(&stage).len(), 1);
    // It waits with its document, and comes off for a new word.
    resolve(&stage, Resolve::Reapply).await.expect("it is said");
    stage.next().await;
    assert_eq!(cents(&numbered(&stage, NUMBER)["Total"]), dec("264.00"));
    assert_eq!(cents(&held(&stage)[0]["Amount"]), dec("264.00"));
    at_rest_but(&stage, "22.00").await;
}

#[tokio::test(start_paused = true)]
async fn an_order_that_changes_while_its_payment_is_off_is_asked_about_and_paid_again() {
    let stage = paid(&[286]).await;
    caps(&stage, 1);
    stage.next().await;
    resolve(&stage, Resolve::Reapply).await.expect("it is said");
    let id = held(&stage)[0]["PaymentID"]
        .as_str()
        .expect("an id")
        .to_owned();
    only_off(&stage).await;
    caps(&stage, 2);
    settle_down(&stage).await;
    let problem = asked(&stage).await.problem.expect("a problem");
    assert!(problem.remedy.contains("--reapply`"), "{problem:?}");
    assert_eq!(held(&stage).len(), 0);
    let off = stage.entry("omni-portal-payments/501").await;
    assert_eq!(off.state, State::Waiting, "{off:#?}");
    resolve(&stage, Resolve::Reapply).await.expect("it is said");
    settle_down(&stage).await;
    let now = held(&stage);
    assert_eq!(now.len(), 1);
    assert_ne!(now[0]["PaymentID"], *id);
    assert_eq!(cents(&now[0]["Amount"]), dec("264.00"));
    at_rest_but(&stage, "22.00").await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_on_the_way_pays_nothing_twice_and_leaves_nothing_unpaid() {
    for call in [
        ("POST", "/api.xro/2.0/Payments/*"),
        ("POST", "/api.xro/2.0/Invoices"),
        ("PUT", "/api.xro/2.0/Payments"),
    ] {
        for fault in ["lose-answer", "commit-then-500", "reset"] {
            let stage = paid(&[286]).await;
            caps(&stage, 1);
            stage.next().await;
            resolve(&stage, Resolve::Reapply).await.expect("it is said");
            strike(&stage, call, fault);
            settle_down(&stage).await;
            let name = format!("{call:?} {fault}");
            let now = held(&stage);
            assert_eq!(
                now.len(),
                1,
                "{name}: {:?}",
                stage.engine.store().groups(&[]).unwrap()
            );
            assert_eq!(cents(&now[0]["Amount"]), dec("242.00"), "{name}");
            assert_eq!(now[0]["Reference"], "OMNI-PAY-501", "{name}");
            assert_eq!(numbered(&stage, NUMBER)["Status"], "PAID", "{name}");
            expect_balances(
                &stage,
                &[
                    ("200", "-190"),
                    ("260", "-30"),
                    ("625", "242"),
                    ("820", "-22"),
                ],
            );
            no_echo(&stage, 1);
            at_rest_but(&stage, "44.00").await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_payment_that_the_portal_took_back_meanwhile_does_not_come_back() {
    let stage = paid(&[286]).await;
    caps(&stage, 1);
    stage.next().await;
    resolve(&stage, Resolve::Reapply).await.expect("it is said");
    only_off(&stage).await;
    crate::ground::edit(&stage, "Payments", 501, json!({ "isAuthorized": false }));
    settle_down(&stage).await;
    assert_eq!(held(&stage).len(), 0);
    assert_eq!(cents(&numbered(&stage, NUMBER)["AmountDue"]), dec("242.00"));
    let off = stage.entry("omni-portal-payments/501").await;
    assert_eq!(off.state, State::Warning, "somebody has to know: {off:#?}");
    let problem = off.problem.expect("a problem");
    assert!(problem.cause.contains("took it back"), "{problem:?}");
    // It was a mistake there: the money comes back.
    crate::ground::edit(&stage, "Payments", 501, json!({ "isAuthorized": true }));
    settle_down(&stage).await;
    assert_eq!(held(&stage).len(), 1);
    assert_eq!(numbered(&stage, NUMBER)["Status"], "PAID");
}

/// What a rule stops is not what the source took back.
#[tokio::test(start_paused = true)]
async fn a_payment_that_a_rule_stops_while_it_is_off_comes_back_once_the_rule_is_met() {
    let stage = paid(&[286]).await;
    caps(&stage, 1);
    stage.next().await;
    resolve(&stage, Resolve::Reapply).await.expect("it is said");
    only_off(&stage).await;
    crate::ground::edit(&stage, "Payments", 501, json!({ "amount": 0 }));
    settle_down(&stage).await;
    assert_eq!(held(&stage).len(), 0);
    let off = stage.entry("omni-portal-payments/501").await;
    assert_eq!(off.state, State::Warning, "{off:#?}");
    let problem = off.problem.expect("a problem");
    assert!(problem.cause.contains("its amount is 0"), "{problem:?}");
    crate::ground::edit(&stage, "Payments", 501, json!({ "amount": 286 }));
    settle_down(&stage).await;
    assert_eq!(held(&stage).len(), 1);
    at_rest_but(&stage, "44.00").await;
}

/// The order and its payment grew, and the payment is a question of its own: it comes back as it was, and is
/// asked about again.
#[tokio::test(start_paused = true)]
async fn a_payment_that_changed_in_its_source_is_asked_about_when_it_is_back() {
    let stage = paid(&[286]).await;
    crate::ground::edit(&stage, "Payments", 501, json!({ "amount": 330 }));
    stage.next().await;
    let payment = "omni-portal-payments/501";
    let before = stage.entry(payment).await;
    assert_eq!(before.state, State::Warning, "{before:#?}");
    caps(&stage, 5);
    stage.next().await;
    resolve(&stage, Resolve::Reapply).await.expect("it is said");
    settle_down(&stage).await;
    let now = held(&stage);
    assert_eq!(now.len(), 1);
    assert_eq!(cents(&now[0]["Amount"]), dec("286.00"));
    assert_eq!(cents(&numbered(&stage, NUMBER)["AmountDue"]), dec("44.00"));
    let after = stage.entry(payment).await;
    assert_eq!(after.state, State::Warning, "{after:#?}");
    let problem = after.problem.expect("a problem");
    assert_eq!(problem.cause, before.problem.expect("a problem").cause);
}

/// Nothing comes off for a payment that would not come back.
#[tokio::test(start_paused = true)]
async fn no_edit_while_a_payment_is_one_that_its_source_took_back() {
    let stage = paid(&[286]).await;
    crate::ground::edit(&stage, "Payments", 501, json!({ "isAuthorized": false }));
    stage.next().await;
    let why = refused(&stage).await;
    assert!(why.contains("taken back in its source"), "{why}");
    assert_eq!(held(&stage).len(), 1);
}

/// A change, a word about it, the change undone, and made again: the second one is a question of its own.
#[tokio::test(start_paused = true)]
async fn a_word_ends_with_the_change_that_it_was_about() {
    let stage = paid(&[286]).await;
    caps(&stage, 1);
    stage.next().await;
    resolve(&stage, Resolve::Reapply).await.expect("it is said");
    caps(&stage, 3);
    settle_down(&stage).await;
    assert_eq!(stage.entry(ENTRY).await.state, State::Synced);
    let note = stage.engine.store().note(&format!("reapply/{ENTRY}"));
    assert_eq!(note.expect("it is read"), None);
    assert_eq!(stage.states(PORTAL_PAYMENTS).await["synced"], 1);
    caps(&stage, 1);
    settle_down(&stage).await;
    asked(&stage).await;
    assert_eq!(held(&stage).len(), 1);
    assert_eq!(cents(&numbered(&stage, NUMBER)["Total"]), dec("286.00"));
}

/// A payment that stopped on its way off is looked at anew when nothing is to be edited any more.
#[tokio::test(start_paused = true)]
async fn a_payment_that_stopped_on_its_way_off_goes_on_when_the_change_is_undone() {
    let stage = paid(&[286]).await;
    caps(&stage, 1);
    stage.next().await;
    resolve(&stage, Resolve::Reapply).await.expect("it is said");
    let id = held(&stage)[0]["PaymentID"]
        .as_str()
        .expect("an id")
        .to_owned();
    stage.change_xero("payments", &id, json!({ "IsReconciled": true }));
    stage.next().await;
    let stopped = stage.entry("omni-portal-payments/501").await;
    assert_eq!(stopped.state, State::Warning, "{stopped:#?}");
    caps(&stage, 3);
    settle_down(&stage).await;
    assert_eq!(stage.states(PORTAL_PAYMENTS).await["synced"], 1);
    assert_eq!(stage.entry(ENTRY).await.state, State::Synced);
    assert_eq!(held(&stage).len(), 1);
}

/// A skipped payment is no reason to wait: what stands in the way is told instead.
#[tokio::test(start_paused = true)]
async fn a_payment_that_a_person_skips_on_its_way_off_holds_nothing_up() {
    let stage = paid(&[286]).await;
    caps(&stage, 1);
    stage.next().await;
    resolve(&stage, Resolve::Reapply).await.expect("it is said");
    let all = Filter {
        routes: vec![PORTAL_PAYMENTS.to_owned()],
        ..Filter::default()
    };
    stage.bulk(Request::Skip, all).await;
    settle_down(&stage).await;
    asked(&stage).await;
    assert_eq!(held(&stage).len(), 1);
}

/// The store is as it was before the payment came off, and it came off, and back, since.
#[tokio::test(start_paused = true)]
async fn a_payment_that_was_made_anew_before_its_answer_is_known_is_not_made_twice() {
    let stage = paid(&[286]).await;
    let before = held(&stage).remove(0);
    caps(&stage, 1);
    stage.next().await;
    resolve(&stage, Resolve::Reapply).await.expect("it is said");
    let payment = "omni-portal-payments/501";
    let linked = stage.entry(payment).await;
    only_off(&stage).await;
    // The rest was done in a life that the store knows nothing of.
    let again = json!({ "Invoice": { "InvoiceNumber": NUMBER }, "Account": { "Code": "625" },
        "Date": "2026-11-21", "Amount": "286.00", "Reference": before["Reference"] });
    stage
        .world
        .xero(ORGANISATION)
        .enter("payments", again)
        .expect("it is paid");
    let entry = stage.entry(payment).await;
    let mut next = entry.clone();
    next.clear_stop();
    next.held = linked.held;
    next.record(
        entry.since,
        State::Uncertain,
        Actor::Engine,
        "restored",
        None,
    );
    let store = stage.engine.store();
    let note = format!("taken-off/{payment}");
    let text = store.note(&note).expect("it is read").expect("a note");
    let mut known: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(known["off"], true);
    known["off"] = json!(false);
    known["again"] = Value::Null;
    let change = Change {
        id: payment.parse().expect("an id"),
        seen: entry.seen(),
        entry: next,
    };
    store
        .settle(Settlement {
            changes: vec![change],
            notes: vec![(note, Some(known.to_string()))],
            ..Settlement::default()
        })
        .expect("it is restored");
    for _ in 0..3 {
        settle_down(&stage).await;
        assert_eq!(held(&stage).len(), 1, "not twice");
    }
    let found = stage.entry(payment).await;
    // The order is a question again: what stands in the way is the payment that was found.
    asked(&stage).await;
    assert_eq!(found.state, State::Waiting, "{found:#?}");
    assert_eq!(found.held.expect("a link").id, held(&stage)[0]["PaymentID"]);
}
