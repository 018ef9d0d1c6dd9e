//! Claims, listings, groups, and small rows.

use super::{
    super::{SledStore, check},
    bench::{Bench, call_row, document, id, link, noise, stop},
};
use crate::store::{BudgetRow, CallRow, Filter, State, Store};

#[test]
fn claims_go_on_where_they_stopped() {
    let bench = Bench::new();
    bench.take(20, vec![document("b", "v1", "1"), document("a", "v1", "1")]);
    bench.take(10, vec![document("z", "v1", "1"), document("y", "v1", "1")]);
    assert_eq!(bench.claim(State::Pending, None, 9), ["y", "z", "a", "b"]);
    assert_eq!(bench.claim(State::Pending, None, 2), ["y", "z"]);
    // The page is done with and has left the state, as the next one is asked for.
    bench.put("notes/y", State::Synced, link);
    bench.put("notes/z", State::Synced, link);
    assert_eq!(bench.claim(State::Pending, Some("notes/z"), 1), ["a"]);
    assert_eq!(bench.claim(State::Pending, Some("notes/a"), 9), ["b"]);
    assert!(bench.claim(State::Pending, Some("notes/b"), 9).is_empty());
    // One that nothing is known of.
    assert_eq!(bench.claim(State::Pending, Some("notes/q"), 9), ["a", "b"]);
    assert!(bench.claim(State::Synced, None, 9).is_empty());
}

#[test]
fn groups_show_cause_money_age_and_an_example() {
    let bench = Bench::over(SledStore::temporary().unwrap(), &["notes", "bills"]);
    let documents = ["1", "2", "3", "4", "5"]
        .map(|it| document(it, "v1", "5"))
        .to_vec();
    bench.take(10, documents);
    bench.put("notes/1", State::Warning, stop("account 270"));
    bench.put("notes/2", State::Warning, |it| {
        stop("account 270")(it);
        it.since = 7;
    });
    bench.put("notes/3", State::Warning, |_| {});
    bench.put("bills/1", State::Failed, stop("away"));
    let shown = |routes: &[String]| -> Vec<String> {
        let groups = bench.store.groups(routes).unwrap();
        groups
            .iter()
            .map(|it| {
                let sum = it.tally.money["AUD"];
                let problem = it.problem.is_some();
                let (count, state) = (it.tally.count, it.state.name());
                let (cause, oldest, example) = (&it.cause, it.oldest, &it.example);
                format!("{state} `{cause}` {count} {sum} since {oldest}: {example} {problem}")
            })
            .collect()
    };
    assert_eq!(
        shown(&[]),
        [
            "warning `account 270` 2 10 since 7: notes/2 true",
            "failed `away` 1 5 since 1000: bills/1 true",
            "warning `` 1 5 since 1000: notes/3 false",
        ]
    );
    assert_eq!(shown(&["bills".into()]).len(), 1);
    // Repeated now, so it is not stopped at this moment.
    bench.intent(&["bills/1"]).unwrap();
    assert!(shown(&["bills".into()]).is_empty());
    bench.totals();
}

fn pages(bench: &Bench, filter: &Filter, limit: usize) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = bench
            .store
            .page_of(filter, after.as_deref(), limit)
            .unwrap();
        pages.push(page.rows.iter().map(|it| it.0.to_string()).collect());
        match page.next {
            Some(next) => after = Some(next),
            None => return pages,
        }
    }
}

#[test]
fn listings_are_filtered_and_paged() {
    let bench = Bench::over(SledStore::temporary().unwrap(), &["notes", "bills"]);
    let documents = ["1", "2", "3", "4"]
        .map(|it| document(it, "v1", "5"))
        .to_vec();
    bench.take(10, documents);
    bench.put("notes/1", State::Synced, |it| {
        link(it);
        it.number = Some("XYZ".into());
    });
    bench.put("notes/2", State::Warning, stop("account 270"));
    bench.put("bills/2", State::Warning, stop("account 270"));
    bench.put("bills/3", State::Skipped, |_| {});
    bench.intent(&["notes/3"]).unwrap();
    let route = |it: &str| Filter {
        routes: vec![it.into()],
        ..Filter::default()
    };
    let states = |it: &[State]| Filter {
        states: it.to_vec(),
        ..Filter::default()
    };
    let text = |it: &str| Filter {
        text: Some(it.into()),
        ..Filter::default()
    };
    let cause = |it: &str| Filter {
        cause: Some(it.into()),
        ..Filter::default()
    };
    let category = |it: &str| Filter {
        categories: vec![it.into()],
        ..Filter::default()
    };
    let ids = |it: &[&str]| Filter {
        ids: it.iter().map(|it| id(it)).collect(),
        ..Filter::default()
    };
    let cases: [(&str, Filter, &[&str]); 14] = [
        (
            "route",
            route("notes"),
            &["notes/1", "notes/2", "notes/3", "notes/4"],
        ),
        ("no such route", route("x"), &[]),
        (
            "pending",
            states(&[State::Pending]),
            &["notes/4", "bills/1", "bills/4"],
        ),
        ("sending", states(&[State::Sending]), &["notes/3"]),
        ("synced", states(&[State::Synced]), &["notes/1"]),
        (
            "mixed",
            states(&[State::Skipped, State::Warning]),
            &["notes/2", "bills/2", "bills/3"],
        ),
        (
            "attention",
            states(&[State::Sending, State::Pending, State::Warning]),
            &[
                "notes/4", "notes/3", "notes/2", "bills/1", "bills/4", "bills/2",
            ],
        ),
        ("cause", cause("account 270"), &["notes/2", "bills/2"]),
        ("no such cause", cause("account 271"), &[]),
        ("category", category("mapping"), &["notes/2", "bills/2"]),
        ("target number", text("xy"), &["notes/1"]),
        ("party", text("PARTY 2"), &["notes/2", "bills/2"]),
        (
            "ids",
            ids(&["bills/3", "x/1", "notes/1", "notes/9"]),
            &["bills/3", "notes/1"],
        ),
        (
            "all conditions hold",
            Filter {
                states: vec![State::Warning],
                ..ids(&["bills/3", "bills/2"])
            },
            &["bills/2"],
        ),
    ];
    for (name, filter, expected) in cases {
        for limit in [1, 2, 100] {
            let pages = pages(&bench, &filter, limit);
            assert!(
                pages.iter().all(|it| it.len() <= limit),
                "{name} by {limit}: {pages:?}"
            );
            assert_eq!(pages.concat(), expected, "{name} by {limit}");
        }
    }
}

#[test]
fn a_rare_text_is_looked_for_in_stretches() {
    let bench = Bench::new();
    let documents = (0..4_500)
        .map(|it| document(&format!("{it:05}"), "v1", "1"))
        .collect();
    bench.take(10, documents);
    let filter = Filter {
        text: Some("CN-04499".into()),
        ..Filter::default()
    };
    let pages = pages(&bench, &filter, 50);
    assert_eq!(pages.len(), 2);
    assert_eq!(pages.concat(), ["notes/04499"]);
}

#[test]
fn small_rows_come_back() {
    let store = SledStore::temporary().unwrap();
    assert_eq!(store.budget("acme/day").unwrap(), BudgetRow::default());
    let budget = BudgetRow {
        day_began: 1,
        day_used: 2,
        parked_until: 3,
        calls: 4,
        bytes: u64::MAX,
    };
    store.set_budget("acme/day", &budget).unwrap();
    assert_eq!(store.budget("acme/day").unwrap(), budget);

    store.set_secret("token", Some(b"\0\xff")).unwrap();
    assert_eq!(
        store.secret("token").unwrap().as_deref(),
        Some(&b"\0\xff"[..])
    );
    store.set_secret("token", None).unwrap();
    assert_eq!(store.secret("token").unwrap(), None);

    for (name, value) in [("pin/a", "1"), ("pin/b", "2"), ("pio", "3")] {
        store.set_note(name, Some(value)).unwrap();
    }
    store.set_note("pin/b", Some("4")).unwrap();
    let notes: Vec<_> = store.notes("pin/").unwrap().into_iter().collect();
    assert_eq!(
        notes,
        [("pin/a".into(), "1".into()), ("pin/b".into(), "4".into())]
    );
    store.set_note("pio", None).unwrap();
    assert_eq!(store.note("pio").unwrap(), None);
    assert_eq!(store.notes("").unwrap().len(), 2);
}

#[test]
fn ids_of_calls_only_grow_and_old_calls_go() {
    let bench = Bench::new();
    bench.take(10, vec![document("1", "v1", "5")]);
    let mut last = 0;
    for at in 0..2_500_i64 {
        let id = bench
            .store
            .keep_call(&CallRow {
                at,
                request: noise((at % 3 * 20_000) as usize),
                answer: Vec::new(),
                ..call_row()
            })
            .unwrap();
        assert!(id > last);
        last = id;
    }
    assert!(bench.intent(&["notes/1"]).unwrap() > last);
    assert_eq!(bench.store.prune_calls(2_400).unwrap(), 2_400);
    assert_eq!(bench.store.prune_calls(2_400).unwrap(), 0);
    assert!(bench.store.call(last).unwrap().is_some());
    assert_eq!(bench.store.prune_calls(i64::MAX).unwrap(), 100);
    assert!(bench.store.keep_call(&call_row()).unwrap() > last + 1);
    let report = check::check(&bench.store).unwrap();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(report.rows["piece"], 4);
}
