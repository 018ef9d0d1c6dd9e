//! The engine is killed while a batch is taken back, and while it is made anew.

use jiff::{Timestamp, ToSpan as _};
use scenarios::{
    books::{ACCOUNT, ORGANISATION, cents, dec},
    processes::Programs,
};
use serde_json::{Value, json};

use crate::{
    ground::{BATCH_MEMBERS, BATCH_ORDERS, BATCH_PAYMENTS, BATCH_RETURNS, BATCHES, BATCHES_CREDIT},
    killed::{days_ago, programs_with, to_its_end},
    sales::order,
};

/// Longer than a key of an unfinished call lives at the target.
const LATE: u64 = 420;
const ROUTES: [&str; 7] = [
    "omni-customers",
    BATCH_ORDERS,
    BATCH_RETURNS,
    BATCH_PAYMENTS,
    BATCH_MEMBERS,
    BATCHES,
    BATCHES_CREDIT,
];

fn programs() -> Programs {
    let sold = json!({ "source": "Shop", "createdDate": days_ago(14), "invoiceDate": days_ago(13),
        "dispatchedDate": days_ago(13), "modifiedDate": days_ago(2) });
    let payment = json!({ "id": 501, "orderId": 40_001, "orderRef": "SO-1", "orderType": "SalesOrder",
        "method": "Cash", "amount": 286, "paymentDate": days_ago(13), "isAuthorized": true,
        "comments": "", "transactionRef": "", "batchReference": "",
        "createdDate": days_ago(13), "modifiedDate": days_ago(2) });
    let documents = [("SalesOrders", order(1, sold)), ("Payments", payment)];
    programs_with(&documents, &ROUTES)
}

/// The order is approved in Omni, or is not any more, since an instant.
fn approve(programs: &Programs, approved: bool, at: Timestamp) {
    let status = if approved { "APPROVED" } else { "DRAFT" };
    let at = at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let patch = json!({ "status": status, "isApproved": approved, "modifiedDate": at });
    let edit = json!({ "vendor": "omni", "account": ACCOUNT, "kind": "SalesOrders", "id": "40001", "patch": patch });
    programs.tell("/_sandbox/edit", &edit);
}

/// Invoices that are in force, and how many are not.
fn held(programs: &Programs) -> (Vec<Value>, usize) {
    let state = programs.ask("/_sandbox/state");
    let all = state["xero"].as_object().expect("organisations");
    let ours = all.values().find(|it| it["name"] == ORGANISATION);
    let all = &ours.expect("the organisation")["invoices"];
    let all = all.as_array().expect("invoices").iter().cloned();
    let (gone, there): (Vec<Value>, Vec<Value>) = all.partition(|it| it["Status"] == "DELETED");
    (there, gone.len())
}

#[test]
fn an_engine_that_is_killed_takes_a_batch_back_and_makes_it_anew_once() {
    let programs = programs();
    to_its_end(&programs);
    assert_eq!(held(&programs).0.len(), 1);
    let steps = [
        ("batch-compared", "chunk-settled"),
        ("intent-recorded", "intent-recorded"),
        ("answer-received", "answer-received"),
        ("settled", "settled"),
    ];
    let mut edited_at = Timestamp::now() - 1.hour();
    for (at, (back, anew)) in steps.into_iter().enumerate() {
        for (step, approved) in [(back, false), (anew, true)] {
            edited_at += 1.minute();
            approve(&programs, approved, edited_at);
            let step = format!("{step}:1@{BATCHES}");
            let dead = programs.run_until(&step, ["sync", "--json"]);
            assert!(dead.signal.is_some(), "{step}: it did not die: {dead:#?}");
            if at % 2 == 0 {
                programs.tell("/_sandbox/clock", &json!({ "advance-seconds": LATE }));
            }
            to_its_end(&programs);
            let (there, gone) = held(&programs);
            let case = format!("{at}: {step}, {approved}: {there:#?}");
            assert_eq!(gone, at + 1, "{case}");
            assert_eq!(there.len(), usize::from(approved), "{case}");
            if let [only] = there.as_slice() {
                let number = only["InvoiceNumber"].as_str().expect("a number");
                assert!(number.ends_with(&format!("Shop/{}", at + 2)), "{case}");
                assert_eq!(cents(&only["Total"]), dec("286.00"), "{case}");
            }
        }
    }
    let duplicates = programs.ask("/_sandbox/duplicates");
    assert_eq!(duplicates.as_array().map(Vec::len), Some(0), "{duplicates}");
}
