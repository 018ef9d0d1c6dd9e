//! What documents explain, on values.

use jiff::civil::Date;
use rust_decimal::Decimal;

use super::{
    explain::{HeldDoc, Moving, Window, explain, grouped, of_others, unread},
    report::{Item, Kind},
};
use crate::{
    mapping::{CostRow, StockFacts},
    store::EntryId,
};

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// October.
fn window() -> Window {
    Window {
        opening: day("2026-09-30"),
        on: day("2026-10-31"),
    }
}

fn moving(stream: &str, id: &str, moved: Option<&str>, billed: Option<&str>) -> Moving {
    Moving {
        stream: stream.to_owned(),
        id: id.to_owned(),
        title: stream.to_owned(),
        moved_as: "moved".to_owned(),
        billed_as: "billed".to_owned(),
        costs: None,
        has_billed: true,
        must_move: false,
        number: Some(id.to_owned()),
        party: None,
        facts: StockFacts {
            counts: true,
            moved: moved.map(day),
            billed: billed.map(day),
            ..StockFacts::default()
        },
        entry: None,
        state: None,
        why: None,
        remedy: None,
        held: Vec::new(),
    }
}

fn held(date: &str, amount: &str) -> HeldDoc {
    HeldDoc {
        id: date.to_owned(),
        title: "journal".to_owned(),
        number: None,
        party: None,
        date: Some(day(date)),
        state: None,
        posted: true,
        amount: dec(amount),
    }
}

/// An order of 100.00, with what the books hold of it.
fn order(moved: Option<&str>, billed: Option<&str>, books: &[HeldDoc]) -> Moving {
    let mut it = moving("orders", "O", moved, billed);
    it.facts.amount = Some(dec("100"));
    it.held = books.to_vec();
    it
}

/// A sale whose cost a month's costs tell.
fn sale(id: &str, moved: Option<&str>, billed: Option<&str>) -> Moving {
    Moving {
        costs: Some("costs".to_owned()),
        must_move: true,
        ..moving("sales", id, moved, billed)
    }
}

/// A month's costs: of each sale its id, day and cost.
fn costs(rows: &[(&str, &str, &str)], books: &[HeldDoc]) -> Moving {
    let mut it = moving("costs", "month", None, None);
    it.has_billed = false;
    it.facts.rows = rows
        .iter()
        .map(|(of, on, cost)| CostRow {
            stream: "sales".to_owned(),
            of: (*of).to_owned(),
            on: day(on),
            amount: -dec(cost),
        })
        .collect();
    it.held = books.to_vec();
    it
}

fn told(items: &[Item]) -> Vec<String> {
    let line = |it: &Item| {
        let amount = it.amount.map_or("?".to_owned(), |it| it.to_string());
        let number = it.number.as_deref().unwrap_or("-");
        format!("{} {number} {amount}", it.kind.name())
    };
    items.iter().map(line).collect()
}

#[test]
fn each_order_is_in_the_list_it_belongs_to() {
    let draft = HeldDoc {
        posted: false,
        ..held("2026-10-20", "100")
    };
    let (in_month, before, after) = (Some("2026-10-20"), Some("2026-09-20"), Some("2026-11-02"));
    let posted = held("2026-10-20", "100");
    let cases: &[(&str, Moving, &[&str])] = &[
        (
            "in both",
            order(in_month, in_month, std::slice::from_ref(&posted)),
            &[],
        ),
        (
            "in neither",
            order(after, after, &[held("2026-11-02", "100")]),
            &[],
        ),
        (
            "all before",
            order(before, before, &[held("2026-09-20", "100")]),
            &[],
        ),
        (
            "received",
            order(in_month, None, &[]),
            &["moved-not-billed O 100"],
        ),
        (
            "billed a month later",
            order(in_month, after, &[held("2026-11-02", "100")]),
            &["moved-not-billed O 100"],
        ),
        (
            "not received",
            order(None, in_month, std::slice::from_ref(&posted)),
            &["billed-not-moved O -100"],
        ),
        (
            "neither received nor posted",
            order(None, in_month, &[]),
            &[],
        ),
        (
            "stopped",
            order(in_month, in_month, &[]),
            &["not-posted O 100"],
        ),
        (
            "a draft",
            order(in_month, in_month, &[draft]),
            &["unposted O 100"],
        ),
        (
            "edited",
            order(in_month, in_month, &[held("2026-10-20", "90.01")]),
            &["other-amount O 9.99"],
        ),
        (
            "with a part",
            order(
                in_month,
                in_month,
                &[held("2026-10-20", "90"), held("2026-10-21", "10")],
            ),
            &[],
        ),
        (
            "received at last",
            order(in_month, before, &[held("2026-09-20", "100")]),
            &["other-day O 100"],
        ),
        (
            "billed at last",
            order(before, in_month, &[posted]),
            &["other-day O -100"],
        ),
    ];
    for (case, moving, wanted) in cases {
        let explained = explain(std::slice::from_ref(moving), &window());
        assert_eq!(told(&explained.items), *wanted, "{case}");
    }
    let unknown = Moving {
        facts: StockFacts {
            amount: None,
            ..order(in_month, in_month, &[]).facts
        },
        ..order(in_month, in_month, &[])
    };
    assert_eq!(
        told(&explain(&[unknown], &window()).items),
        ["not-costed O ?"]
    );
}

#[test]
fn the_cost_of_a_sale_stands_where_its_goods_and_its_journal_part() {
    let month_end = held("2026-10-31", "-30");
    let rows = &[("A", "2026-10-10", "10"), ("B", "2026-10-20", "20")];
    let booked = [
        sale("A", Some("2026-10-10"), Some("2026-10-10")),
        sale("B", Some("2026-10-20"), Some("2026-10-20")),
    ];
    let with = |costs: Moving, sales: &[Moving]| {
        let all: Vec<Moving> = [costs].into_iter().chain(sales.iter().cloned()).collect();
        let mut items = explain(&all, &window()).items;
        grouped(&mut items, &mut true);
        told(&items)
    };
    assert_eq!(
        with(costs(rows, std::slice::from_ref(&month_end)), &booked),
        [""; 0]
    );
    assert_eq!(with(costs(rows, &[]), &booked), ["not-posted month -30"]);
    // The journal is of an earlier export.
    let stale = held("2026-10-31", "-25");
    assert_eq!(
        with(costs(rows, &[stale]), &booked),
        ["other-amount month -5"]
    );
    // Dispatched in October, invoiced in November: its cost comes with November's journal.
    let late = [sale("C", Some("2026-10-30"), Some("2026-11-02"))];
    let november =
        |books: &[HeldDoc]| costs(&[("C", "2026-10-30", "7"), ("D", "2026-11-03", "5")], books);
    assert_eq!(
        with(november(&[held("2026-11-30", "-12")]), &late),
        ["moved-not-billed C -7"]
    );
    assert_eq!(with(november(&[]), &late), ["moved-not-billed C -7"]);
    // No export tells of it.
    let untold = [
        sale("E", Some("2026-10-30"), Some("2026-10-30")),
        sale("F", Some("2026-10-30"), None),
        sale("G", None, Some("2026-10-30")),
    ];
    assert_eq!(
        with(costs(rows, &[month_end]), &untold),
        [
            "moved-not-billed F ?",
            "billed-not-moved G 0",
            "not-costed E ?"
        ]
    );
    let credit = Moving {
        must_move: false,
        ..sale("H", None, Some("2026-10-30"))
    };
    assert_eq!(with(costs(&[], &[]), &[credit]), [""; 0], "of the price");
}

#[test]
fn what_others_posted_is_told_by_who_did() {
    let by_route = EntryId::new("deposits", "7");
    let one = held("2026-10-20", "12.34");
    let item = of_others(&one, None, &window()).unwrap();
    assert_eq!(
        (item.kind, item.amount),
        (Kind::NotOurs, Some(dec("-12.34")))
    );
    let item = of_others(&one, Some(&by_route), &window()).unwrap();
    assert_eq!(item.kind, Kind::OtherRoute);
    assert!(of_others(&held("2026-09-30", "1"), None, &window()).is_none());
    let item = unread(dec("-3")).unwrap();
    assert_eq!((item.kind, item.amount), (Kind::Unread, Some(dec("3"))));
    assert!(unread(dec("0.00")).is_none());
}
