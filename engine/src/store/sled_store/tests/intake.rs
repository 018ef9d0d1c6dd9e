//! Documents come in.

use super::{
    super::{SledStore, keys},
    bench::{Bench, document, events, id, link, stop},
};
use crate::store::{CursorRow, Facts, Incoming, Intake, PageIn, State, Store};

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

/// Every run looked through all documents of every route: 12 s with a million entries.
#[test]
fn a_seeded_route_is_looked_through_again_only_when_documents_came_in_without_it() {
    let folder = tempfile::tempdir().unwrap();
    let open = || SledStore::open(folder.path(), 10).unwrap().0;
    let mut bench = Bench::over(open(), &["notes"]);
    let seed = |bench: &Bench| bench.store.seed_route("late", &bench.stream, 20).unwrap();
    bench.take(10, vec![document("1", "v1", "5"), document("2", "v1", "7")]);
    assert_eq!(seed(&bench), 2);
    bench.routes.push("late".into());
    bench.take(10, vec![document("3", "v1", "5")]);
    // An entry that vanished tells whether anybody looks.
    let late = bench.store.names().routes.number("late").unwrap();
    bench.store.tree.remove(keys::entry(late, "1")).unwrap();
    assert_eq!(seed(&bench), 0);
    drop(bench.store);
    bench.store = open();
    assert_eq!(seed(&bench), 0);
    bench.routes.pop();
    bench.take(10, vec![document("3", "v1", "5")]);
    assert_eq!(seed(&bench), 0, "nothing new came in");
    bench.take(10, vec![document("3", "v2", "5")]);
    assert_eq!(seed(&bench), 1);
    bench.take(10, vec![document("4", "v1", "5")]);
    drop(bench.store);
    bench.store = open();
    assert_eq!(seed(&bench), 1);
    assert_eq!(bench.entry("late/4").state, State::Pending);
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
fn a_document_that_lost_its_total_keeps_the_one_that_was_known() {
    let bench = Bench::new();
    bench.take(10, vec![document("1", "v1", "5")]);
    let mut emptied = document("1", "v2", "0");
    emptied.facts.money = None;
    emptied.facts.party = Some("Somebody else".into());
    bench.take(20, vec![emptied]);
    let known = bench.entry("notes/1").facts;
    assert_eq!(known.money, document("1", "v1", "5").facts.money);
    assert_eq!(known.party.as_deref(), Some("Somebody else"));
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
