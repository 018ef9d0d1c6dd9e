//! Calls, outcomes, conflicts, who waits for whom, and what a restore does.

use super::{
    super::SledStore,
    bench::{Bench, call_row, document, events, id, link, stop, stream},
};
use crate::store::{
    Cause, Change, Entry, OutcomeIn, PageIn, Settlement, State, Store, StoreError, StreamId,
};

#[test]
fn an_entry_in_an_open_intent_is_sending() {
    let bench = Bench::new();
    bench.take(10, vec![document("1", "v1", "5"), document("2", "v1", "7")]);
    let call = bench.intent(&["notes/1"]).unwrap();
    assert_eq!(bench.entry("notes/1").state, State::Sending);
    assert_eq!(
        bench.totals(),
        ["notes pending: 1 7 AUD", "notes sending: 1 5 AUD"]
    );
    assert_eq!(bench.claim(State::Pending, None, 9), ["2"]);
    assert!(bench.claim(State::Sending, None, 9).is_empty());
    let open = bench.store.open_intents().unwrap();
    assert_eq!(
        (open.len(), open[0].0, open[0].1.entries.as_slice()),
        (1, call, &[id("notes/1")][..])
    );
    // No second call for it, and none for what is not there.
    assert!(matches!(
        bench.intent(&["notes/2", "notes/1"]),
        Err(StoreError::Conflict { .. })
    ));
    assert!(matches!(
        bench.intent(&["notes/3"]),
        Err(StoreError::Missing { .. })
    ));
    assert!(matches!(
        bench.intent(&["other/3"]),
        Err(StoreError::Missing { .. })
    ));
    assert_eq!(bench.entry("notes/2").state, State::Pending);
    // The answer says nothing of it: it is pending as before.
    bench
        .store
        .settle(Settlement {
            intent: Some(call),
            ..Settlement::default()
        })
        .unwrap();
    assert_eq!(bench.entry("notes/1").state, State::Pending);
    let again = Settlement {
        intent: Some(call),
        ..Settlement::default()
    };
    assert!(matches!(
        bench.store.settle(again),
        Err(StoreError::NotOpen { .. })
    ));
}

#[test]
fn nothing_is_sent_that_was_stopped_meanwhile() {
    let cases = [
        (State::Pending, true),
        (State::Waiting, true),
        (State::Failed, true),
        (State::Synced, true),
        (State::Uncertain, false),
        (State::Warning, false),
        (State::Skipped, false),
        (State::Excluded, false),
    ];
    for (state, goes) in cases {
        let bench = Bench::new();
        bench.take(10, vec![document("1", "v1", "5")]);
        bench.put("notes/1", state, |_| {});
        assert_eq!(bench.intent(&["notes/1"]).is_ok(), goes, "{state:?}");
    }
}

#[test]
fn a_settlement_is_one_write() {
    let bench = Bench::over(SledStore::temporary().unwrap(), &["notes"]);
    bench.take(10, vec![document("1", "v1", "5"), document("2", "v1", "7")]);
    let call = bench.intent(&["notes/1"]).unwrap();
    let outcomes = StreamId {
        connection: "outcomes".into(),
        stream: "notes".into(),
    };
    let settlement = Settlement {
        changes: vec![bench.change("notes/1", State::Synced, link)],
        intent: Some(call),
        call: Some((call, call_row())),
        outcomes: vec![OutcomeIn {
            stream: outcomes.clone(),
            routes: vec!["back".into()],
            document: document("1", "s1", "5"),
        }],
        notes: vec![("old".into(), None), ("new".into(), Some("2".into()))],
    };
    bench.store.set_note("old", Some("1")).unwrap();
    bench.store.settle(settlement).unwrap();
    let noted = |name| bench.store.note(name).unwrap();
    assert_eq!((noted("old"), noted("new").as_deref()), (None, Some("2")));
    assert!(bench.store.open_intents().unwrap().is_empty());
    assert_eq!(bench.store.call(call).unwrap(), Some(call_row()));
    assert_eq!(
        bench.totals(),
        [
            "back pending: 1 5 AUD",
            "notes pending: 1 7 AUD",
            "notes synced Draft: 1 5 AUD"
        ]
    );
    assert_eq!(bench.entry("back/1").version, "s1");
    assert_eq!(bench.store.documents(&outcomes, None, 9).unwrap().len(), 1);
}

#[test]
fn an_outdated_change_refuses_the_whole_settlement() {
    let bench = Bench::new();
    bench.take(10, vec![document("1", "v1", "5"), document("2", "v1", "7")]);
    let good = bench.change("notes/1", State::Warning, |_| {});
    let old = bench.change("notes/2", State::Warning, |_| {});
    bench.take(20, vec![document("2", "v2", "8")]);
    let before = bench.totals();
    let missing = Change {
        id: id("notes/3"),
        ..good.clone()
    };
    let cases: [(&str, Vec<Change>); 3] = [
        ("old", vec![good.clone(), old]),
        ("missing", vec![good.clone(), missing]),
        ("twice", vec![good.clone(), good.clone()]),
    ];
    for (name, changes) in cases {
        let err = bench
            .store
            .settle(Settlement {
                changes,
                ..Settlement::default()
            })
            .unwrap_err();
        assert!(
            matches!(
                err,
                StoreError::Conflict { .. } | StoreError::Missing { .. }
            ),
            "{name}: {err}"
        );
        assert_eq!(bench.totals(), before, "{name}");
    }
}

#[test]
fn nobody_changes_an_entry_whose_call_is_under_way() {
    let bench = Bench::new();
    bench.take(10, vec![document("1", "v1", "5")]);
    let read_before = bench.change("notes/1", State::Skipped, |_| {});
    let call = bench.intent(&["notes/1"]).unwrap();
    let read_after = bench.change("notes/1", State::Skipped, |_| {});
    for change in [read_before.clone(), read_after] {
        let settlement = Settlement {
            changes: vec![change],
            ..Settlement::default()
        };
        assert!(matches!(
            bench.store.settle(settlement),
            Err(StoreError::Conflict { .. })
        ));
    }
    // But the one that answers the call does, whether it read before or after.
    let settlement = Settlement {
        changes: vec![read_before],
        intent: Some(call),
        ..Settlement::default()
    };
    bench.store.settle(settlement).unwrap();
    assert_eq!(bench.entry("notes/1").state, State::Skipped);
}

#[test]
fn the_outcome_of_a_call_is_never_refused() {
    let bench = Bench::new();
    bench.take(10, vec![document("1", "v1", "5")]);
    let sent = bench.change("notes/1", State::Synced, link);
    // The document changes after it was read for sending and before the intent.
    bench.take(20, vec![document("1", "v2", "6")]);
    let call = bench.intent(&["notes/1"]).unwrap();
    let settlement = Settlement {
        changes: vec![sent],
        intent: Some(call),
        ..Settlement::default()
    };
    bench.store.settle(settlement).unwrap();
    let entry = bench.entry("notes/1");
    assert_eq!(entry.held.as_ref().unwrap().id, "t1");
    assert_eq!(
        (entry.state, entry.version.as_str()),
        (State::Pending, "v2")
    );
    assert_eq!(
        events(&entry),
        [
            "pending taken in x1",
            "pending the document changed x1",
            "synced test x1",
            "pending the document changed x1"
        ]
    );
    assert_eq!(bench.totals(), ["notes pending: 1 6 AUD"]);
}

#[test]
fn a_document_that_changes_while_the_outcome_is_open_is_compared_afterwards() {
    let cases = [
        // outcome, then
        (State::Synced, State::Pending),
        (State::Failed, State::Pending),
        (State::Warning, State::Pending),
        (State::Skipped, State::Skipped),
        (State::Uncertain, State::Uncertain),
    ];
    for (outcome, then) in cases {
        let bench = Bench::new();
        bench.take(10, vec![document("1", "v1", "5")]);
        let call = bench.intent(&["notes/1"]).unwrap();
        let change = bench.change("notes/1", outcome, link);
        bench.take(20, vec![document("1", "v2", "6")]);
        let held_back = bench.entry("notes/1");
        assert_eq!(
            (held_back.state, held_back.version.as_str()),
            (State::Sending, "v1")
        );
        assert_eq!(
            bench
                .store
                .document(&bench.stream, "1")
                .unwrap()
                .unwrap()
                .version,
            "v2"
        );
        let settlement = Settlement {
            changes: vec![change],
            intent: Some(call),
            ..Settlement::default()
        };
        bench.store.settle(settlement).unwrap();
        let entry = bench.entry("notes/1");
        assert_eq!(entry.state, then, "{outcome:?}");
        let version = if then == State::Uncertain { "v1" } else { "v2" };
        assert_eq!(entry.version, version, "{outcome:?}");
        bench.totals();
        if then == State::Uncertain {
            // Still open; another change still waits; the look-up ends it.
            bench.take(30, vec![document("1", "v3", "7")]);
            assert_eq!(bench.entry("notes/1").version, "v1");
            bench.put("notes/1", State::Synced, link);
            let entry = bench.entry("notes/1");
            assert_eq!(
                (entry.state, entry.version.as_str()),
                (State::Pending, "v3")
            );
            assert_eq!(bench.totals(), ["notes pending: 1 7 AUD"]);
        }
    }
}

#[test]
fn a_possible_write_is_asked_about_before_anything_is_sent_again() {
    let bench = Bench::new();
    bench.take(10, vec![document("1", "v1", "5")]);
    bench.put("notes/1", State::Warning, |it| {
        it.write_open_since = Some(9)
    });
    bench.take(20, vec![document("1", "v2", "6")]);
    assert_eq!(bench.entry("notes/1").state, State::Uncertain);
    // The look-up found two and a person has to choose: the change must not undo that for ever.
    bench.put("notes/1", State::Warning, |_| {});
    assert_eq!(bench.entry("notes/1").state, State::Warning);
    bench.put("notes/1", State::Synced, |it| {
        it.write_open_since = None;
        link(it);
    });
    let entry = bench.entry("notes/1");
    assert_eq!(
        (entry.state, entry.version.as_str()),
        (State::Pending, "v2")
    );
}

#[test]
fn what_waits_for_an_entry_wakes_when_it_is_synced() {
    let bench = Bench::over(SledStore::temporary().unwrap(), &["contacts"]);
    bench.take(
        10,
        vec![document("c1", "v1", "0"), document("c2", "v1", "0")],
    );
    let notes = stream("credits");
    let routes = ["notes".to_owned(), "bills".to_owned()];
    let documents = ["1", "2", "3"].map(|it| document(it, "v1", "5")).to_vec();
    let page = PageIn {
        stream: &notes,
        routes: &routes,
        documents,
        cursor: None,
        at: 10,
    };
    bench.store.intake_page(page).unwrap();
    let wait = |entry: &mut Entry, on: &str| entry.cause = Some(Cause::entry(&id(on)));
    bench.put("notes/1", State::Waiting, |it| wait(it, "contacts/c1"));
    bench.put("notes/2", State::Waiting, |it| wait(it, "contacts/c2"));
    bench.put("notes/3", State::Warning, |it| wait(it, "contacts/c1"));
    bench.put("bills/1", State::Waiting, |it| wait(it, "contacts/c1"));
    bench.put("contacts/c1", State::Synced, link);
    let states = ["notes/1", "notes/2", "notes/3", "bills/1"].map(|it| bench.entry(it).state);
    assert_eq!(
        states,
        [
            State::Pending,
            State::Waiting,
            State::Warning,
            State::Pending
        ]
    );
    let woken = bench.entry("notes/1");
    assert_eq!(woken.events.last().unwrap().what, "contacts/c1 is synced");
    assert_eq!((woken.cause, woken.since), (None, 1_000));
    bench.totals();

    // By hand, for causes that are no entries.
    bench.put("notes/1", State::Waiting, stop("account 270"));
    let cause = Cause {
        key: "account 270".into(),
    };
    assert_eq!(
        bench
            .store
            .wake(
                &Cause {
                    key: "account 271".into()
                },
                40
            )
            .unwrap(),
        0
    );
    assert_eq!(bench.store.wake(&cause, 40).unwrap(), 1);
    assert_eq!(bench.store.wake(&cause, 50).unwrap(), 0);
    assert_eq!(
        bench.entry("notes/1").events.last().unwrap().what,
        "account 270 is there"
    );
    bench.totals();
}

#[test]
fn more_than_one_write_wakes_are_all_awake_when_their_customer_is_synced() {
    let bench = Bench::over(SledStore::temporary().unwrap(), &["contacts"]);
    bench.take(
        10,
        vec![document("c1", "v1", "0"), document("c2", "v1", "0")],
    );
    let notes = stream("credits");
    let routes = ["notes".to_owned()];
    let documents = (0..1_300).map(|it| document(&it.to_string(), "v1", "5"));
    let page = PageIn {
        stream: &notes,
        routes: &routes,
        documents: documents.collect(),
        cursor: None,
        at: 10,
    };
    bench.store.intake_page(page).unwrap();
    let wait = |number: usize, on: &str| {
        bench.change(&format!("notes/{number}"), State::Waiting, |it| {
            it.cause = Some(Cause::entry(&id(on)));
        })
    };
    let settle = |changes| {
        bench
            .store
            .settle(Settlement {
                changes,
                ..Settlement::default()
            })
            .unwrap();
    };
    // The first has 1,200 that wait for it, the second a hundred.
    let on = |number: usize| ["contacts/c1", "contacts/c2"][number / 1_200];
    settle((0..1_300).map(|it| wait(it, on(it))).collect());
    let customers = ["contacts/c1", "contacts/c2"];
    let synced = customers.map(|it| bench.change(it, State::Synced, link));
    settle(synced.to_vec());
    for number in 0..1_300 {
        let entry = bench.entry(&format!("notes/{number}"));
        let what = format!("{} is synced", on(number));
        assert_eq!(
            (entry.state, &entry.events.last().unwrap().what, entry.cause),
            (State::Pending, &what, None),
            "{number}"
        );
    }
    bench.totals();
}

#[test]
fn an_entry_and_the_one_it_waits_for_may_settle_together() {
    let bench = Bench::new();
    bench.take(10, vec![document("1", "v1", "5"), document("2", "v1", "7")]);
    bench.put("notes/2", State::Waiting, |it| {
        it.cause = Some(Cause::entry(&id("notes/1")))
    });
    let changes = vec![
        bench.change("notes/1", State::Synced, link),
        bench.change("notes/2", State::Skipped, |_| {}),
    ];
    bench
        .store
        .settle(Settlement {
            changes,
            ..Settlement::default()
        })
        .unwrap();
    assert_eq!(bench.entry("notes/2").state, State::Skipped);
    bench.totals();
}

#[test]
fn after_a_restore_everything_open_is_uncertain() {
    let bench = Bench::new();
    let documents = (0..9)
        .map(|it| document(&it.to_string(), "v1", "5"))
        .collect();
    bench.take(10, documents);
    for (entry, state) in [
        ("notes/1", State::Waiting),
        ("notes/2", State::Uncertain),
        ("notes/3", State::Synced),
        ("notes/4", State::Failed),
        ("notes/5", State::Warning),
        ("notes/6", State::Skipped),
        ("notes/7", State::Excluded),
    ] {
        bench.put(entry, state, stop("account 270"));
    }
    bench.intent(&["notes/8"]).unwrap();
    assert_eq!(bench.store.distrust(500).unwrap(), 4);
    let names = (0..9).map(|it| bench.entry(&format!("notes/{it}")).state.name());
    assert_eq!(
        names.collect::<Vec<_>>(),
        [
            "uncertain",
            "uncertain",
            "uncertain",
            "synced",
            "uncertain",
            "uncertain",
            "skipped",
            "excluded",
            "sending"
        ]
    );
    let entry = bench.entry("notes/1");
    assert_eq!(
        (entry.since, entry.cause, entry.write_open_since),
        (500, None, None)
    );
    assert!(entry.events.last().unwrap().what.contains("restored"));

    // What the lost part of the store had taken in comes again, and may have been sent.
    bench.take(510, vec![document("new", "v1", "5")]);
    assert_eq!(bench.entry("notes/new").state, State::Uncertain);
    bench.store.caught_up(&bench.stream).unwrap();
    bench.take(520, vec![document("newer", "v1", "5")]);
    assert_eq!(bench.entry("notes/newer").state, State::Pending);
    bench.totals();
}
