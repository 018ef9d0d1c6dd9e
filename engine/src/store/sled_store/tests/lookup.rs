//! Entries are found by the numbers of their documents, and by their ids in the target.

use super::{
    super::{check, keys},
    bench::{Bench, document, link},
};
use crate::store::{LookUp, State, Store};

fn found(bench: &Bench, by: LookUp, value: &str) -> Vec<String> {
    bench.store.look_up("notes", by, value).unwrap()
}

fn clean(bench: &Bench) {
    let report = check::check(&bench.store).unwrap();
    assert!(report.is_clean(), "{:#?}", report.faults);
}

#[test]
fn entries_from_before_and_after_are_found_by_number() {
    let bench = Bench::new();
    bench.take(1, vec![document("1", "a", "10"), document("2", "a", "10")]);
    assert_eq!(found(&bench, LookUp::Number, "CN-1"), Vec::<String>::new());
    bench.store.keep_look_up("notes", LookUp::Number).unwrap();
    bench.store.keep_look_up("notes", LookUp::Number).unwrap();
    bench.take(2, vec![document("3", "a", "10")]);
    for it in ["1", "2", "3"] {
        assert_eq!(found(&bench, LookUp::Number, &format!("CN-{it}")), [it]);
    }
    assert_eq!(found(&bench, LookUp::Number, "CN-"), Vec::<String>::new());
    assert_eq!(
        bench
            .store
            .look_up("no such", LookUp::Number, "CN-1")
            .unwrap(),
        Vec::<String>::new()
    );
    clean(&bench);
}

#[test]
fn a_number_that_changes_is_found_by_the_new_one_alone() {
    let bench = Bench::new();
    bench.store.keep_look_up("notes", LookUp::Number).unwrap();
    bench.take(1, vec![document("1", "a", "10"), document("2", "a", "10")]);
    let mut renamed = document("1", "b", "10");
    renamed.facts.number = Some("CN-2".into());
    bench.take(2, vec![renamed]);
    assert_eq!(found(&bench, LookUp::Number, "CN-1"), Vec::<String>::new());
    assert_eq!(found(&bench, LookUp::Number, "CN-2"), ["1", "2"]);
    clean(&bench);
}

#[test]
fn entries_are_found_by_what_they_are_linked_to() {
    let bench = Bench::new();
    bench.store.keep_look_up("notes", LookUp::Target).unwrap();
    bench.take(1, vec![document("1", "a", "10")]);
    assert_eq!(found(&bench, LookUp::Target, "t1"), Vec::<String>::new());
    bench.put("notes/1", State::Synced, link);
    assert_eq!(found(&bench, LookUp::Target, "t1"), ["1"]);
    bench.put("notes/1", State::Synced, |it| it.held = None);
    assert_eq!(found(&bench, LookUp::Target, "t1"), Vec::<String>::new());
    clean(&bench);
}

#[test]
fn a_lost_row_of_a_look_up_is_told_and_mended() {
    let bench = Bench::new();
    bench.store.keep_look_up("notes", LookUp::Number).unwrap();
    bench.take(1, vec![document("1", "a", "10")]);
    let route = bench.store.names().routes.number("notes").unwrap();
    let row = keys::lookup(LookUp::Number, route, "CN-1", "1");
    bench.store.tree.remove(&row).unwrap();
    let stale = keys::lookup(LookUp::Number, route, "CN-9", "1");
    bench.store.tree.insert(&stale, Vec::new()).unwrap();
    let report = check::check(&bench.store).unwrap();
    assert_eq!((report.fault_count, report.repairable), (2, 2));
    assert!(check::repair(&bench.store).unwrap().is_clean());
    assert_eq!(found(&bench, LookUp::Number, "CN-1"), ["1"]);
}
