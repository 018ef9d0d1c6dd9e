//! The engine is killed on the way of an edit for which our payment comes off: while the word is said, while
//! the payment comes off, while the invoice is edited, and while the payment is made anew.

use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use scenarios::{
    books::{ACCOUNT, ORGANISATION, cents, dec, line, number},
    built_with_steps,
    processes::{Ended, Plan, Programs, set},
};
use serde_json::{Value, json};

use crate::{
    ground::{
        BATCH_ORDERS, BATCH_RETURNS, ORDERS, PORTAL_PAYMENTS, SALES_DEPOSITS, SALES_PAYMENTS,
        patched,
    },
    sales::order,
};

/// Longer than a key of an unfinished call lives at the target.
const LATE: u64 = 420;
const RUNS: usize = 6;
/// What is switched on.
const ROUTES: [&str; 6] = [
    "omni-customers",
    ORDERS,
    PORTAL_PAYMENTS,
    SALES_PAYMENTS,
    SALES_DEPOSITS,
    "omni-sales-deposit-reversals",
];
const ENTRY: &str = "omni-sales-orders/40001";

/// An instant so many days ago, at one in the afternoon.
pub(crate) fn days_ago(days: i64) -> String {
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let date = today.saturating_sub(days.days());
    format!("{date}T13:00:00Z")
}

fn programs() -> Programs {
    let dates = json!({ "createdDate": days_ago(14), "invoiceDate": days_ago(13),
        "dispatchedDate": days_ago(13), "modifiedDate": days_ago(2) });
    let payment = json!({ "id": 501, "orderId": 40_001, "orderRef": "SO-1", "orderType": "SalesOrder",
        "method": "Cin7 Pay", "amount": 286, "paymentDate": days_ago(3), "isAuthorized": true,
        "comments": "", "transactionRef": "tx-501", "batchReference": "",
        "createdDate": days_ago(3), "modifiedDate": days_ago(2) });
    let documents = [("SalesOrders", order(1, dates)), ("Payments", payment)];
    programs_with(&documents, &ROUTES)
}

/// A company whose Omni holds these documents, with these routes switched on.
pub(crate) fn programs_with(documents: &[(&str, Value)], routes: &[&str]) -> Programs {
    Programs::start(0, |plan: &mut Plan| {
        for name in ["faults", "core", "zudello"] {
            plan.seed.remove(name);
        }
        let none = || toml::Value::Array(Vec::new());
        set(&mut plan.seed, "xero/organisations/0/credit-notes", none());
        set(&mut plan.seed, "omni/accounts/0/credit-notes", none());
        for what in ["contacts", "credit-notes"] {
            set(
                &mut plan.seed,
                &format!("omni/accounts/0/generate/{what}"),
                0,
            );
        }
        let customer = toml::Table::from_iter([
            ("company".to_owned(), "Harrow & Pike".into()),
            ("xero".to_owned(), "by-id".into()),
        ]);
        let customers = vec![toml::Value::Table(customer)];
        set(&mut plan.seed, "omni/accounts/0/customers", customers);
        let documents = documents.iter().map(|(resource, document)| {
            toml::Value::Table(toml::Table::from_iter([
                ("resource".to_owned(), (*resource).into()),
                ("json".to_owned(), document.to_string().into()),
            ]))
        });
        set(
            &mut plan.seed,
            "omni/accounts/0/documents",
            documents.collect::<Vec<_>>(),
        );
        plan.built = built_with_steps();
        for (name, route) in &mut plan.routes {
            if name == SALES_DEPOSITS {
                set(route, "options/deposit-tax", "on-deposit");
            }
            let on = routes.contains(&name.as_str());
            set(route, "enabled", on);
            set(route, "confirmed", true);
            if [ORDERS, SALES_DEPOSITS].contains(&name.as_str()) {
                set(route, "options/status", "AUTHORISED");
            }
            if [BATCH_ORDERS, BATCH_RETURNS].contains(&name.as_str()) {
                set(route, "options/channels", "Shop");
            }
            if name == PORTAL_PAYMENTS {
                set(route, "options/method", "Cin7 Pay");
                set(route, "options/clearing", "625");
            }
        }
        // Edits are dated within the last hour, see `edited`: every run reads as far back.
        let settings = "connections/omni-au/settings/overlap-minutes";
        set(&mut plan.deployment, settings, 24 * 60);
        let app = &mut plan.deployment["apps"]["xero-app"];
        let scopes = app["scopes"].as_array_mut().expect("scopes");
        scopes.push("accounting.payments".into());
    })
}

/// The order has so many caps, changed at an instant.
fn caps(programs: &Programs, count: i64, at: Timestamp) {
    let products = rust_decimal::Decimal::from(190 + 20 * count);
    let total = (products + dec("10")) * dec("1.1");
    let at = at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let patch = patched(
        json!({ "productTotal": number(&products.to_string()), "total": number(&total.to_string()) }),
        json!({ "modifiedDate": at, "lineItems": [
            line("Tee", 10, "20.0", json!({ "discount": 10.0 })),
            line("Cap", count, "20.0", json!({ "accountCode": "260" })),
        ] }),
    );
    let edit = json!({ "vendor": "omni", "account": ACCOUNT, "kind": "SalesOrders", "id": "40001", "patch": patch });
    programs.tell("/_sandbox/edit", &edit);
}

pub(crate) fn to_its_end(programs: &Programs) {
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        let ended = programs.run(["sync", "--json"]);
        if ended.code == Some(0) {
            return;
        }
        runs.push(ended);
    }
    panic!("not at its end: {runs:#?}");
}

fn held(programs: &Programs) -> (Value, Vec<Value>) {
    let state = programs.ask("/_sandbox/state");
    let all = state["xero"].as_object().expect("organisations");
    let ours = all.values().find(|it| it["name"] == ORGANISATION);
    let organisation = ours.expect("the organisation");
    let invoices = organisation["invoices"].as_array().expect("invoices");
    let all = organisation["payments"].as_array().expect("payments");
    let counts = |it: &&Value| it["Status"] == "AUTHORISED";
    (
        invoices[0].clone(),
        all.iter().filter(counts).cloned().collect(),
    )
}

/// Somebody edits the order, and a person is asked about it. Omni dates changes by the second: each edit has a
/// second of its own, which is over whenever it is read.
fn edited(programs: &Programs, count: i64, at: Timestamp) -> Ended {
    caps(programs, count, at);
    let run = programs.run(["sync", "--json"]);
    let shown = programs.run(["show", ENTRY, "--json"]);
    let shown: Value = serde_json::from_str(&shown.stdout).expect("JSON");
    assert_eq!(shown["entry"]["state"], "warning", "{run:#?}");
    run
}

fn resolve(programs: &Programs, step: Option<&str>) -> Ended {
    let args = ["resolve", ENTRY, "--reapply", "--json"];
    match step {
        Some(step) => programs.run_until(step, args),
        None => programs.run(args),
    }
}

#[test]
fn an_engine_that_is_killed_on_the_way_of_an_edit_finishes_it_once() {
    let programs = programs();
    to_its_end(&programs);
    assert_eq!(held(&programs).1.len(), 1);
    let orders = |step: &str| format!("{step}:1@{ORDERS}");
    let payments = |step: &str, nth: u32| format!("{step}:{nth}@{PORTAL_PAYMENTS}");
    let mut steps = vec![
        format!("word-weighed:1@{ORDERS}"),
        format!("word-kept:1@{ORDERS}"),
        payments("payment-weighed", 1),
    ];
    for step in ["intent-recorded", "answer-received", "settled"] {
        // It comes off, the invoice is edited, it is made anew.
        steps.extend([payments(step, 1), orders(step), payments(step, 2)]);
    }
    let first = Timestamp::now() - 1.hour();
    for (at, step) in steps.iter().enumerate() {
        let (count, total) = match at % 2 {
            0 => (1, "242.00"),
            _ => (3, "286.00"),
        };
        let edited_at = first + i64::try_from(at).expect("few steps").minutes();
        let asked = edited(&programs, count, edited_at);
        let dead = resolve(&programs, Some(step));
        assert!(
            dead.signal.is_some(),
            "{step}: it did not die: {dead:#?} after {asked:#?}"
        );
        if at % 3 == 2 {
            programs.tell("/_sandbox/clock", &json!({ "advance-seconds": LATE }));
        }
        if at == 0 {
            // Nothing was durable: it is said again.
            let said = resolve(&programs, None);
            assert_eq!(said.code, Some(0), "{step}: {said:#?}");
        }
        to_its_end(&programs);
        let (invoice, paid) = held(&programs);
        let shown = |id: &str| programs.run(["show", id]).stdout;
        let told = || {
            format!(
                "{step}: {} {}",
                shown(ENTRY),
                shown("omni-portal-payments/501")
            )
        };
        assert_eq!(cents(&invoice["Total"]), dec(total), "{}", told());
        assert_eq!(invoice["Status"], "PAID", "{step}: {paid:#?}");
        assert_eq!(paid.len(), 1, "{step}: {paid:#?}");
        assert_eq!(cents(&paid[0]["Amount"]), dec(total), "{step}");
        assert_eq!(paid[0]["Reference"], "OMNI-PAY-501", "{step}");
    }
    let duplicates = programs.ask("/_sandbox/duplicates");
    assert_eq!(duplicates.as_array().map(Vec::len), Some(0), "{duplicates}");
}

/// A deposit on the order, in an export.
fn deposit(programs: &Programs) {
    let day = days_ago(10);
    let text = format!(
        "Id,Kind,Order Reference,Order Id,Contact Id,Date,Amount,Currency,Currency Rate,Tax Rate,Payment Id\n\
         DEP-1,Sales,SO-1,40001,1001,{},110,AUD,1,10,9\n",
        &day[..10]
    );
    let folder = programs.config().join("exports");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("deposits.csv"), text).expect("a file");
}

#[test]
fn an_engine_that_is_killed_before_a_deposit_is_taken_back_takes_it_back_once() {
    for step in ["followed-read", "intent-recorded", "answer-received"] {
        let programs = programs();
        deposit(&programs);
        let step = format!("{step}:1@omni-sales-deposit-reversals");
        let dead = programs.run_until(&step, ["sync", "--json"]);
        assert!(dead.signal.is_some(), "{step}: it did not die: {dead:#?}");
        to_its_end(&programs);
        let state = programs.ask("/_sandbox/state");
        let all = state["xero"].as_object().expect("organisations");
        let ours = all.values().find(|it| it["name"] == ORGANISATION);
        let notes = &ours.expect("the organisation")["credit_notes"];
        let notes = notes.as_array().expect("credit notes");
        assert_eq!(notes.len(), 1, "{step}");
        assert_eq!(cents(&notes[0]["Total"]), dec("110.00"), "{step}");
        let duplicates = programs.ask("/_sandbox/duplicates");
        assert_eq!(duplicates.as_array().map(Vec::len), Some(0), "{duplicates}");
    }
}
