//! Core's lists: credentials, limits, pages, bounds, ties, shapes.

use std::collections::{BTreeMap, BTreeSet};

use sandbox::Request;
use sandbox::core::behaviour::{ErrorBodies, Limits, ListOrder, RetryAfter, UnknownPaths};
use serde_json::{Value, json};

use crate::core_support::{COMPANY, Core, notes};
use crate::support::value;

#[test]
fn both_keys_are_needed_and_nothing_else() {
    let core = Core::open(|_| {});
    assert_eq!(core.got("me")["Company"], COMPANY);
    let wrong = [
        core.request("GET", "me", "c0de0000-0000-4000-8000-00000000ffff"),
        Request::new("GET", "/ExternalApi/v2/me"),
        Request::new("GET", "/ExternalApi/v2/me")
            .header("api-auth-accountid", "5b0e3c52-7a55-4d0f-8c3b-1d2f3a4b5c6d"),
        Request::new("GET", "/ExternalApi/v2/me")
            .header("api-auth-accountid", "not a guid")
            .header("api-auth-applicationkey", "x"),
    ];
    for request in wrong {
        let reply = core.0.handle(&request);
        assert_eq!(reply.status, 403);
        assert_eq!(
            value(&reply),
            json!([{ "ErrorCode": 403, "Exception": "Incorrect credentials!" }])
        );
    }
}

#[test]
fn sixty_calls_a_minute_and_the_shapes_of_a_refusal() {
    let core = Core::limited(|it| {
        it.behaviour.error_bodies = ErrorBodies::Turns;
        it.behaviour.limit_statuses = vec![429, 503];
        it.behaviour.retry_after = RetryAfter::Words;
    });
    for _ in 0..60 {
        assert_eq!(core.get("me").status, 200);
    }
    core.0.advance_seconds(20);
    let first = core.get("me");
    assert_eq!(first.status, 429);
    assert_eq!(first.header_value("retry-after"), Some("40 Seconds"));
    let text = "You reached 60 calls per 60 seconds API limit";
    assert_eq!(value(&first)[0]["Exception"], text);
    let second = core.get("saleList");
    assert_eq!(second.status, 503);
    assert_eq!(value(&second)["Exception"], text);
    core.0.advance_seconds(40);
    assert_eq!(core.get("me").status, 200);

    let quiet = Core::limited(|_| {});
    let limits = Limits {
        on: true,
        minute: 1,
    };
    quiet.0.limit_core(COMPANY, limits).unwrap();
    assert_eq!(quiet.get("me").status, 200);
    let refused = quiet.get("me");
    assert_eq!(
        (refused.status, refused.header_value("retry-after")),
        (429, None)
    );
}

#[test]
fn paths_are_taken_in_any_case_and_wrong_ones_answer_a_page() {
    let core = Core::open(|_| {});
    for path in ["SaleList", "salelist", "saleList"] {
        assert_eq!(core.get(&format!("{path}?limit=1")).status, 200, "{path}");
    }
    let low = core.request("GET", "me", "C0DE0000-0000-4000-8000-000000000001");
    let low = Request {
        path: "/externalapi/v2/ME".to_owned(),
        ..low
    };
    assert_eq!(core.0.handle(&low).status, 200);
    let page = core.get("products");
    assert_eq!(page.status, 200);
    assert!(page.body_text().starts_with("<!DOCTYPE html>"));
    let old = Request {
        path: "/ExternalApi/me".to_owned(),
        ..core.request("GET", "me", "c0de0000-0000-4000-8000-000000000001")
    };
    assert!(core.0.handle(&old).body_text().contains("<html>"));
    let strict = Core::behaving(|it| it.unknown_paths = UnknownPaths::NotFound);
    assert_eq!(strict.get("products").status, 404);
    let loops = Core::behaving(|it| it.unknown_paths = UnknownPaths::Redirect);
    assert_eq!(loops.get("products").status, 302);
    assert_eq!(core.send("PUT", "sale").status, 405);
}

#[test]
fn pages_have_a_total_and_may_be_smaller_than_asked() {
    let core = Core::open(|_| {});
    let all = core.got("saleList?Page=1&Limit=1000");
    let total = all["Total"].as_u64().unwrap();
    assert_eq!(all["SaleList"].as_array().unwrap().len() as u64, total);
    assert_eq!(all["Page"], 1);
    assert!(all.get("Limit").is_none());
    let second = core.got("saleList?page=2&limit=10");
    assert_eq!(second["SaleList"][0], all["SaleList"][10]);
    assert_eq!(second["Total"], total);
    let beyond = core.got("saleList?Page=99&Limit=1000");
    assert_eq!(
        (
            beyond["SaleList"].as_array().unwrap().len(),
            &beyond["Total"]
        ),
        (0, &json!(total))
    );
    let short = Core::behaving(|it| it.largest_page = 7);
    let page = short.got("saleList?Page=1&Limit=1000");
    assert_eq!(page["SaleList"].as_array().unwrap().len(), 7);
    assert_eq!(page["Total"], total);
    let many = Core::open(|it| it.generate.sales = Some(130));
    assert_eq!(many.ids("saleList").len(), 100, "a hundred unless asked");
    let unknown = core.got("saleList?Limit=1000&UpdatedAfter=2099-01-01&Foo=1");
    assert_eq!(unknown["Total"], total, "unknown filters are passed over");
    let remarks = core.0.calls().last().unwrap().remarks.join(" ");
    assert!(remarks.contains("UpdatedAfter is ignored"), "{remarks}");
}

#[test]
fn bounds_leave_out_the_instant_they_name_unless_told_otherwise() {
    let instants = |core: &Core| {
        let mut all = core.column("saleList?Limit=1000", "SaleList", "Updated");
        all.iter_mut().for_each(|it| {
            if !it.ends_with('Z') {
                it.push('Z');
            }
        });
        let all: BTreeSet<jiff::Timestamp> = all.iter().map(|it| it.parse().unwrap()).collect();
        all.into_iter().collect::<Vec<_>>()
    };
    let shut = Core::open(|_| {});
    let open = Core::behaving(|it| it.inclusive_bounds = true);
    let at = instants(&shut);
    let middle = at[at.len() / 2].to_string();
    let later = at.len() - at.len() / 2 - 1;
    let count = |core: &Core, query: &str| core.ids(&format!("saleList?Limit=1000&{query}")).len();
    assert_eq!(count(&shut, &format!("UpdatedSince={middle}")), later);
    assert_eq!(count(&open, &format!("UpdatedSince={middle}")), later + 1);
    assert_eq!(
        count(&shut, &format!("UpdatedUntil={middle}")),
        at.len() / 2
    );
    assert_eq!(
        count(&open, &format!("UpdatedUntil={middle}")),
        at.len() / 2 + 1
    );
    let plain = middle.trim_end_matches('Z');
    assert_eq!(
        count(&shut, &format!("UpdatedSince={plain}")),
        later,
        "no zone is UTC"
    );
    assert_eq!(shut.get("saleList?UpdatedSince=yesterday").status, 400);
    assert_eq!(count(&shut, "CreatedSince=2027-01-01T00:00:00"), 0);
}

#[test]
fn filters_compare_what_the_row_shows() {
    let core = Core::open(|_| {});
    let rows = core.got("saleList?Limit=1000")["SaleList"].clone();
    let rows = rows.as_array().unwrap();
    let first = &rows[0];
    let with = |field: &str, value: &str| rows.iter().filter(|it| it[field] == value).count();
    let count = |query: &str| core.ids(&format!("saleList?Limit=1000&{query}")).len();
    let invoiced = with("CombinedInvoiceStatus", "INVOICED");
    assert!(invoiced > 0);
    assert_eq!(count("CombinedInvoiceStatus=invoiced"), invoiced);
    assert_eq!(
        count("CombinedInvoiceStatus=AUTHORISED"),
        0,
        "no invoice status at all"
    );
    assert_eq!(
        count("CreditNoteStatus=AUTHORISED"),
        with("CreditNoteStatus", "AUTHORISED")
    );
    let number = first["OrderNumber"].as_str().unwrap();
    assert_eq!(count(&format!("Search={number}")), 1);
}

#[test]
fn many_rows_share_one_millisecond() {
    let core = Core::open(|it| it.generate.ties = 40);
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let rows = core.column("saleCreditNoteList?Limit=1000", "SaleList", "Updated");
    let sales = core.column("saleList?Limit=1000", "SaleList", "Updated");
    assert!(!rows.is_empty());
    for at in sales {
        *seen.entry(at.trim_end_matches('Z').to_owned()).or_default() += 1;
    }
    let most = seen.values().max().unwrap();
    assert!(
        (30..=40).contains(most),
        "stand-alone notes are not in this list: {most}"
    );
    let (tied, _) = seen.iter().find(|(_, count)| *count == most).unwrap();
    assert!(tied.ends_with(".913"), "{tied}");
    let after = core.ids(&format!("saleList?Limit=1000&UpdatedSince={tied}Z"));
    assert!(after.len() < *most, "a watermark on time alone skips them");
    let one = core.ids("saleList?Limit=20&Page=1");
    let two = core.ids("saleList?Limit=20&Page=2");
    assert!(one.iter().all(|it| !two.contains(it)));
}

#[test]
fn a_sale_that_moves_while_pages_are_read_is_missed_or_met_twice() {
    for (order, moved) in [(ListOrder::OldestFirst, 0), (ListOrder::NewestFirst, 25)] {
        let core = Core::behaving(|it| it.list_order = order);
        let page = |number: usize| core.ids(&format!("saleList?Limit=10&Page={number}"));
        let all = core.ids("saleList?Limit=1000");
        let (first, before) = (page(1), page(2));
        core.0
            .core(COMPANY)
            .edit("sales", &all[moved], json!({ "Note": "moved" }))
            .unwrap();
        let after = page(2);
        if order == ListOrder::OldestFirst {
            assert_eq!(before[1..], after[..9], "one row slipped over the boundary");
        } else {
            assert_eq!(after[0], first[9], "one row is met twice");
        }
    }
    let still = Core::behaving(|it| it.list_order = ListOrder::ById);
    let ids = still.ids("saleList?Limit=1000");
    let mut sorted = ids.clone();
    sorted.sort();
    assert_eq!(ids, sorted);
}

#[test]
fn the_list_of_credit_notes_has_the_key_of_sales_and_a_row_a_note() {
    let core = Core::open(|it| it.generate.advanced = 60);
    let rows = core.got("saleCreditNoteList?Limit=1000");
    assert_eq!(rows["Total"], 30);
    let rows = rows["SaleList"].as_array().unwrap();
    assert!(
        rows.iter()
            .all(|it| it["CreditNoteNumber"].as_str().unwrap().starts_with("CR-"))
    );
    assert!(rows.iter().all(|it| it.get("FulFilmentStatus").is_some()));
    let kinds: BTreeSet<&str> = rows.iter().map(|it| it["Type"].as_str().unwrap()).collect();
    assert_eq!(kinds, BTreeSet::from(["Credit Note", "Sale Credit Note"]));
    let by_note = core.ids("saleCreditNoteList?Limit=1000");
    let sales: BTreeSet<&String> = by_note.iter().collect();
    assert!(sales.len() < by_note.len(), "an advanced sale has several");
    let listed = core.ids("saleList?Limit=1000");
    let alone = |it: &&Value| it["Type"] == "Credit Note";
    for row in rows.iter().filter(alone) {
        let id = row["SaleID"].as_str().unwrap().to_ascii_lowercase();
        assert!(
            !listed.contains(&id),
            "stand-alone notes are in this list only"
        );
    }
    let by_sale = Core::open(|it| {
        it.generate.advanced = 60;
        it.behaviour.note_list_by_sale = true;
        it.behaviour.stand_alone_in_sale_list = true;
    });
    assert_eq!(by_sale.got("saleCreditNoteList")["Total"], sales.len());
    let all = by_sale.ids("saleList?Limit=1000");
    assert!(
        by_sale
            .ids("saleCreditNoteList")
            .iter()
            .all(|it| all.contains(it))
    );
}

#[test]
fn most_sales_have_no_credit_note_and_rows_say_so() {
    let core = Core::open(|_| {});
    let rows = core.got("saleList?Limit=1000")["SaleList"].clone();
    let rows = rows.as_array().unwrap();
    let plain = rows
        .iter()
        .filter(|it| it["CreditNoteStatus"] == "NOT AVAILABLE");
    assert_eq!(plain.count(), 60);
    let seen =
        |field: &str| -> BTreeSet<String> { rows.iter().map(|it| it[field].to_string()).collect() };
    assert!(seen("InvoiceDate").contains("null") && seen("InvoiceDate").contains("\"\""));
    let updated = seen("Updated");
    assert!(updated.iter().any(|it| it.ends_with("Z\"")));
    assert!(updated.iter().any(|it| !it.ends_with("Z\"")));
    let cased = |ids: &[String]| {
        ids.iter()
            .any(|it| it.chars().any(|c| c.is_ascii_uppercase()))
    };
    assert!(cased(&core.column(
        "saleList?Limit=1000",
        "SaleList",
        "SaleID"
    )));
    let lower = Core::behaving(|it| it.mixed_case_ids = false);
    assert!(!cased(&lower.column(
        "saleList?Limit=1000",
        "SaleList",
        "SaleID"
    )));
}

#[test]
fn customers_by_change_name_and_state() {
    let core = Core::open(|it| {
        it.customers = toml_customers();
    });
    let names = |query: &str| {
        core.column(
            &format!("customer?Limit=1000{query}"),
            "CustomerList",
            "Name",
        )
    };
    assert_eq!(names("").len(), 7, "deprecated ones are hidden");
    assert_eq!(names("&IncludeDeprecated=true").len(), 8);
    assert_eq!(names("&Name=old%20tea"), ["Old Tea Store"]);
    assert_eq!(core.got("customer?Limit=3&Page=2")["Total"], 7);
    core.0.advance_seconds(60);
    let held = core
        .0
        .core(COMPANY)
        .edit("customers", "Old Tea Store", json!({ "Comments": "new" }))
        .unwrap();
    assert_eq!(
        names("&ModifiedSince=2026-11-22T02:00:30"),
        ["Old Tea Store"]
    );
    let id = held["ID"].as_str().unwrap();
    assert_eq!(names(&format!("&ID={id}")), ["Old Tea Store"]);
    assert_eq!(held["Contacts"][0]["Email"], "accounts@oldteastore.example");
}

fn toml_customers() -> Vec<sandbox::seed::CustomerSeed> {
    let seed = sandbox::Seed::from_toml(
        r#"
        [[core.accounts]]
        customers = [
            { company = "Old Tea Store", xero = "absent" },
            { company = "Closed Cafe", xero = "archived", patch = { Status = "Deprecated" } },
        ]
        "#,
    );
    seed.unwrap().core.accounts.remove(0).customers
}

#[test]
fn the_small_books_are_those_of_the_organisation() {
    let core = Core::open(|it| it.lock_date = Some(jiff::civil::date(2026, 9, 30)));
    let me = core.got("me");
    assert_eq!(me["Currency"], "AUD");
    assert_eq!(me["TimeZone"], "Australia/Sydney");
    assert_eq!(me["LockDate"], "2026-09-30T00:00:00");
    assert_eq!(me["TaxCalculationMethod"], "Total");
    assert_eq!(me["DefaultSaleTaxRuleName"], "GST on Income");
    let rules = core.got("ref/tax?Limit=1000&IsTaxForSale=true")["TaxRuleList"].clone();
    let rule = rules
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["Name"] == "GST on Income");
    assert_eq!(rule.unwrap()["TaxPercent"], 10);
    assert_eq!(rule.unwrap()["Components"][0]["Percent"], "10.0000000000");
    let chart = core.got("ref/account?Limit=1000")["AccountsList"].clone();
    let debtors = chart
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["Code"] == "610");
    assert_eq!(debtors.unwrap()["DisplayName"], "610: Accounts Receivable");
    assert_eq!(debtors.unwrap()["SystemAccount"], "Accounts receivable");
    assert_eq!(core.get("ref/account?Code=zzz").status, 400);
    assert_eq!(core.got("ref/account?Code=200")["Total"], 1);
}

#[test]
fn customers_meet_their_counterparts_in_the_books() {
    let core = Core::open(|it| {
        it.customers = toml_customers();
    });
    let contacts = core.0.xero(crate::support::TENANT).contacts();
    let of = |name: &str| contacts.iter().find(|it| it["Name"] == name);
    assert!(of("Old Tea Store").is_none());
    assert_eq!(of("Closed Cafe").unwrap()["ContactStatus"], "ARCHIVED");
    let customers = core.0.core(COMPANY).customers();
    let linked = customers.iter().filter(|it| {
        let id = it["ID"].as_str().unwrap().to_ascii_lowercase();
        contacts.iter().any(|it| it["ContactNumber"] == id.as_str())
    });
    assert_eq!(
        linked.count(),
        3,
        "a third of the made-up ones, and the archived one"
    );
    let (sale, _) = notes(&core).remove(0);
    assert!(of(sale.get("Customer").unwrap().as_str().unwrap()).is_some());
}

#[test]
fn a_contact_that_the_books_already_hold_is_the_counterpart() {
    let mut seed = crate::core_support::seed();
    let account = &mut seed.core.accounts[0];
    account.customers = toml_customers();
    account.customers[0].company = "Acme Ltd".to_owned();
    account.customers[0].xero = sandbox::seed::Counterpart::ByNumber;
    let world = crate::support::planted(&seed);
    let contacts = world.xero(crate::support::TENANT).contacts();
    let acme: Vec<_> = contacts
        .iter()
        .filter(|it| it["Name"] == "Acme Ltd")
        .collect();
    assert_eq!(acme.len(), 1);
    assert_eq!(acme[0]["AccountNumber"], "AC1", "what it had stays");
}
