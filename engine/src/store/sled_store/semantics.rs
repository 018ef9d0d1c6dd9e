//! What each verb promises, one test a promise.

use ledgerline_plugin_api::manifest::{Category, HeldState, Problem};

use super::{SledStore, check};
use crate::store::{
    Actor, BudgetRow, CallRow, Cause, Change, CursorRow, Entry, EntryId, Facts, Filter, Held,
    Incoming, Intake, Intent, Money, OutcomeIn, PageIn, Settlement, State, Store, StoreError,
    StreamId, Tally,
};

/// A store with one stream that two routes read.
pub(super) struct Bench {
    pub(super) store: SledStore,
    pub(super) stream: StreamId,
    pub(super) routes: Vec<String>,
}

pub(super) fn stream(name: &str) -> StreamId {
    StreamId {
        connection: "acme".into(),
        stream: name.into(),
    }
}

pub(super) fn document(id: &str, version: &str, total: &str) -> Incoming {
    Incoming {
        id: id.into(),
        version: version.into(),
        body: Some(format!("{{\"id\":\"{id}\",\"total\":{total},\"v\":\"{version}\"}}").into()),
        facts: Facts {
            number: Some(format!("CN-{id}")),
            money: Some(Money {
                total: total.parse().unwrap(),
                currency: "AUD".into(),
            }),
            party: Some(format!("Party {id}")),
            ..Facts::default()
        },
    }
}

pub(super) fn id(name: &str) -> EntryId {
    name.parse().unwrap()
}

impl Bench {
    fn new() -> Self {
        Self::over(SledStore::temporary().unwrap(), &["notes"])
    }

    pub(super) fn over(store: SledStore, routes: &[&str]) -> Self {
        let routes = routes.iter().map(|it| (*it).to_owned()).collect();
        Self {
            store,
            stream: stream("notes"),
            routes,
        }
    }

    fn take(&self, at: i64, documents: Vec<Incoming>) -> Intake {
        let page = PageIn {
            stream: &self.stream,
            routes: &self.routes,
            documents,
            cursor: None,
            at,
        };
        self.store.intake_page(page).unwrap()
    }

    pub(super) fn entry(&self, name: &str) -> Entry {
        self.store.entry(&id(name)).unwrap().unwrap()
    }

    /// A change of one entry, made from what is read now.
    fn change(&self, name: &str, to: State, then: impl FnOnce(&mut Entry)) -> Change {
        let mut entry = self.entry(name);
        let seen = entry.seen();
        entry.record(1_000, to, Actor::Engine, "test", None);
        then(&mut entry);
        Change {
            id: id(name),
            entry,
            seen,
        }
    }

    fn put(&self, name: &str, to: State, then: impl FnOnce(&mut Entry)) {
        let changes = vec![self.change(name, to, then)];
        self.store
            .settle(Settlement {
                changes,
                ..Settlement::default()
            })
            .unwrap();
    }

    fn intent(&self, names: &[&str]) -> Result<u64, StoreError> {
        self.store.record_intent(&Intent {
            entries: names.iter().map(|it| id(it)).collect(),
            key: Some("k".into()),
            body_hash: [7; 32],
            at: 5,
            deadline: 6,
            attempt: 1,
        })
    }

    fn claim(&self, state: State, after: Option<&str>, limit: usize) -> Vec<String> {
        let after = after.map(id);
        let route = &self.routes[0];
        let page = self
            .store
            .claim(route, &self.stream, state, after.as_ref(), limit)
            .unwrap();
        for (id, _, document) in &page {
            assert!(document.is_some(), "{id}");
        }
        page.into_iter().map(|(id, _, _)| id.source).collect()
    }

    /// Totals as lines, and that a recount agrees.
    fn totals(&self) -> Vec<String> {
        let report = check::check(&self.store).unwrap();
        assert!(report.is_clean(), "{:#?}", report.faults);
        let line = |tally: &Tally| {
            let money: Vec<_> = tally
                .money
                .iter()
                .map(|(code, sum)| format!(" {sum} {code}"))
                .collect();
            format!("{}{}", tally.count, money.concat())
        };
        let totals = self.store.totals().unwrap();
        totals
            .iter()
            .map(|it| {
                let held = it.held.map(|it| format!(" {it:?}")).unwrap_or_default();
                format!(
                    "{} {}{held}: {}",
                    it.route,
                    it.state.name(),
                    line(&it.tally)
                )
            })
            .collect()
    }
}

pub(super) fn link(entry: &mut Entry) {
    entry.held = Some(Held {
        id: "t1".into(),
        state: Some(HeldState::Draft),
        sent: "{}".into(),
        ..Held::default()
    });
}

fn stop(key: &str) -> impl FnOnce(&mut Entry) {
    let cause = Cause {
        key: key.to_owned(),
    };
    move |entry| {
        entry.cause = Some(cause);
        entry.problem = Some(Problem {
            category: Category::Mapping,
            field: None,
            cause: "no such account".into(),
            remedy: "make it".into(),
        });
    }
}

fn events(entry: &Entry) -> Vec<String> {
    entry
        .events
        .iter()
        .map(|it| format!("{} {} x{}", it.to.name(), it.what, it.times))
        .collect()
}

#[test]
fn new_documents_make_pending_entries_on_each_route() {
    let bench = Bench::over(SledStore::temporary().unwrap(), &["a", "b"]);
    let intake = bench.take(
        10,
        vec![document("1", "v1", "5.00"), document("2", "v1", "7.50")],
    );
    assert_eq!(
        intake,
        Intake {
            new: 4,
            changed: 0,
            same: 0
        }
    );
    let entry = bench.entry("b/2");
    assert_eq!(
        (entry.state, entry.since, entry.version.as_str()),
        (State::Pending, 10, "v1")
    );
    assert_eq!(events(&entry), ["pending taken in x1"]);
    let stored = bench.store.document(&bench.stream, "2").unwrap().unwrap();
    assert_eq!(Some(stored.body), document("2", "v1", "7.50").body);
    assert_eq!(
        bench.totals(),
        ["a pending: 2 12.50 AUD", "b pending: 2 12.50 AUD"]
    );
}

#[test]
fn reference_streams_have_documents_alone() {
    let bench = Bench::over(SledStore::temporary().unwrap(), &[]);
    let intake = bench.take(10, vec![document("1", "v1", "5"), document("2", "v1", "7")]);
    assert_eq!(intake, Intake::default());
    let ids = |after: Option<&str>, limit| -> Vec<String> {
        let page = bench.store.documents(&bench.stream, after, limit).unwrap();
        page.into_iter().map(|it| it.0).collect()
    };
    assert_eq!(ids(None, 1), ["1"]);
    assert_eq!(ids(Some("1"), 9), ["2"]);
    assert!(ids(Some("2"), 9).is_empty());
    // A route that is added later starts from them, once.
    assert_eq!(
        bench.store.seed_route("late", &bench.stream, 20).unwrap(),
        2
    );
    assert_eq!(
        bench.store.seed_route("late", &bench.stream, 30).unwrap(),
        0
    );
    assert_eq!(bench.entry("late/2").facts, document("2", "v1", "7").facts);
    assert_eq!(bench.totals(), ["late pending: 2 12 AUD"]);
}

#[test]
fn what_is_held_already_changes_nothing_but_the_cursor() {
    let bench = Bench::new();
    bench.take(10, vec![document("1", "v1", "5")]);
    let before = bench.entry("notes/1");
    let same_bytes = Incoming {
        version: "v2".into(),
        ..document("1", "v1", "5")
    };
    let same_version = Incoming {
        body: Some(b"{}".to_vec()),
        ..document("1", "v1", "5")
    };
    for incoming in [document("1", "v1", "5"), same_bytes, same_version] {
        let cursor = CursorRow {
            bytes: vec![1],
            state_version: 2,
            at: 20,
        };
        let page = PageIn {
            stream: &bench.stream,
            routes: &bench.routes,
            documents: vec![incoming],
            cursor: Some(cursor.clone()),
            at: 20,
        };
        assert_eq!(
            bench.store.intake_page(page).unwrap(),
            Intake {
                same: 1,
                ..Intake::default()
            }
        );
        assert_eq!(bench.store.cursor(&bench.stream).unwrap(), Some(cursor));
        assert_eq!(bench.entry("notes/1"), before);
        bench.store.set_cursor(&bench.stream, None).unwrap();
        assert_eq!(bench.store.cursor(&bench.stream).unwrap(), None);
    }
    assert_eq!(
        bench
            .store
            .document(&bench.stream, "1")
            .unwrap()
            .unwrap()
            .version,
        "v1"
    );
}

#[test]
fn a_changed_document_is_pending_again_with_its_link() {
    for state in [
        State::Synced,
        State::Waiting,
        State::Failed,
        State::Warning,
        State::Excluded,
    ] {
        let bench = Bench::new();
        bench.take(10, vec![document("1", "v1", "5")]);
        bench.put("notes/1", state, |it| {
            link(it);
            it.number = Some("N1".into());
            it.attempts = 4;
            stop("account 270")(it);
        });
        let intake = bench.take(30, vec![document("1", "v2", "6")]);
        assert_eq!(
            intake,
            Intake {
                new: 0,
                changed: 1,
                same: 0
            },
            "{state:?}"
        );
        let entry = bench.entry("notes/1");
        assert_eq!(
            (entry.state, entry.since),
            (State::Pending, 30),
            "{state:?}"
        );
        assert_eq!(
            (entry.problem.as_ref(), entry.cause.as_ref(), entry.attempts),
            (None, None, 0)
        );
        assert_eq!(entry.held.as_ref().unwrap().id, "t1");
        assert_eq!(
            (entry.version.as_str(), entry.number.as_deref()),
            ("v2", Some("N1"))
        );
        assert_eq!(entry.facts.money.as_ref().unwrap().total.to_string(), "6");
        assert_eq!(entry.events.last().unwrap().what, "the document changed");
        assert_eq!(bench.totals(), ["notes pending: 1 6 AUD"]);
    }
}

#[test]
fn skipped_stays_skipped() {
    let bench = Bench::new();
    bench.take(10, vec![document("1", "v1", "5")]);
    bench.put("notes/1", State::Skipped, |_| {});
    bench.take(30, vec![document("1", "v2", "6")]);
    assert_eq!(bench.totals(), ["notes skipped: 1 6 AUD"]);
    assert_eq!(bench.entry("notes/1").version, "v2");
}

#[test]
fn deleted_documents_are_for_the_pipeline_to_decide() {
    let bench = Bench::new();
    bench.take(10, vec![document("1", "v1", "5")]);
    bench.put("notes/1", State::Synced, link);
    let gone = |id: &str| Incoming {
        id: id.into(),
        version: "v1".into(),
        body: None,
        facts: Facts::default(),
    };
    assert_eq!(
        bench.take(20, vec![gone("1")]),
        Intake {
            changed: 1,
            ..Intake::default()
        }
    );
    assert_eq!(
        bench.take(30, vec![gone("1"), gone("2")]),
        Intake {
            same: 2,
            ..Intake::default()
        }
    );
    let stored = bench.store.document(&bench.stream, "1").unwrap().unwrap();
    assert_eq!(
        (stored.deleted, stored.body.len(), stored.read_at),
        (true, 0, 20)
    );
    let entry = bench.entry("notes/1");
    assert_eq!(entry.state, State::Pending);
    assert_eq!(entry.facts, document("1", "v1", "5").facts);
    assert_eq!(
        entry.events.last().unwrap().what,
        "the source deleted the document"
    );
    assert!(bench.store.entry(&id("notes/2")).unwrap().is_none());
    // It comes back.
    bench.take(40, vec![document("1", "v1", "5")]);
    assert!(
        !bench
            .store
            .document(&bench.stream, "1")
            .unwrap()
            .unwrap()
            .deleted
    );
}

#[test]
fn one_page_may_bring_a_document_twice() {
    let bench = Bench::new();
    let intake = bench.take(10, vec![document("1", "v1", "5"), document("1", "v2", "6")]);
    assert_eq!(
        intake,
        Intake {
            new: 1,
            changed: 1,
            same: 0
        }
    );
    assert_eq!(bench.entry("notes/1").version, "v2");
    assert_eq!(bench.totals(), ["notes pending: 1 6 AUD"]);
}

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

/// Larger than one piece.
fn call_row() -> CallRow {
    CallRow {
        connection: "target".into(),
        at: 50,
        took: 3,
        method: "PUT".into(),
        url: "https://example.com/notes".into(),
        writes: true,
        entries: vec![id("notes/1")],
        request: vec![b'q'; 20_000],
        status: 200,
        answer: [b"\xff", vec![b'a'; 40_000].as_slice()].concat(),
        note: "r-1".into(),
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
    };
    bench.store.settle(settlement).unwrap();
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
                request: vec![1; (at % 3 * 20_000) as usize],
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
