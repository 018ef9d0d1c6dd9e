//! Opening: whose store it is, how old, and in what condition.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use super::{
    super::{
        SledStore, check, keys, mark,
        open::meta,
        rows::{NumberRow, TallyRow, encode},
    },
    bench::{Bench, document, id, link},
};
use crate::store::{
    Change, Intent, Opened, PageIn, Result, Settlement, State, Store, StoreError, Tally,
};

/// Copies a store's folder, with its mark when `mark` is set: what a crash or a backup leaves.
pub(super) fn copy(from: &Path, to: &Path, with_mark: bool) {
    fn tree(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for file in fs::read_dir(from).unwrap() {
            let file = file.unwrap();
            let to = to.join(file.file_name());
            if file.file_type().unwrap().is_dir() {
                tree(&file.path(), &to);
            } else {
                fs::copy(file.path(), to).unwrap();
            }
        }
    }
    if to.exists() {
        fs::remove_dir_all(to).unwrap();
    }
    tree(from, to);
    if with_mark {
        fs::copy(mark::path_of(from), mark::path_of(to)).unwrap();
    }
}

struct Place {
    _folder: tempfile::TempDir,
    store: PathBuf,
    backup: PathBuf,
}

fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let (store, backup) = (folder.path().join("a/store"), folder.path().join("backup"));
    Place {
        _folder: folder,
        store,
        backup,
    }
}

fn open(path: &Path) -> Result<(Bench, Opened)> {
    let (store, opened) = SledStore::open(path, 1)?;
    Ok((Bench::over(store, &["notes"]), opened))
}

fn take(bench: &Bench, count: usize) {
    let documents = (0..count)
        .map(|it| document(&it.to_string(), "v1", "5"))
        .collect();
    let (stream, routes) = (&bench.stream, &bench.routes);
    let page = PageIn {
        stream,
        routes,
        documents,
        cursor: None,
        at: 10,
    };
    bench.store.intake_page(page).unwrap();
}

fn intent(bench: &Bench, name: &str) -> u64 {
    let entries = vec![id(name)];
    let intent = Intent {
        entries,
        key: None,
        body_hash: [0; 32],
        at: 1,
        deadline: 2,
        attempt: 1,
    };
    bench.store.record_intent(&intent).unwrap()
}

#[test]
fn each_opening_is_a_generation_and_everything_is_still_there() {
    let place = place();
    let (bench, opened) = open(&place.store).unwrap();
    assert_eq!(
        opened,
        Opened {
            restored: false,
            lost: 0,
            generation: 1
        }
    );
    let mode = fs::metadata(&place.store).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let mode = fs::metadata(mark::path_of(&place.store))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    take(&bench, 3);
    let call = intent(&bench, "notes/1");
    let totals = bench.store.totals().unwrap();
    drop(bench);
    for generation in 2..5 {
        let (bench, opened) = open(&place.store).unwrap();
        assert_eq!(
            opened,
            Opened {
                restored: false,
                lost: 0,
                generation
            }
        );
        assert_eq!(bench.store.generation(), generation);
        assert_eq!(bench.store.totals().unwrap(), totals);
        // The call of a former life is still open, and its entry is nobody's.
        assert_eq!(bench.entry("notes/1").state, State::Sending);
        assert_eq!(bench.store.open_intents().unwrap()[0].0, call);
        assert!(
            bench
                .store
                .claim("notes", &bench.stream, State::Pending, None, 9)
                .unwrap()
                .len()
                == 2
        );
        assert!(check::check(&bench.store).unwrap().is_clean());
    }
}

#[test]
fn one_process_owns_a_store() {
    let place = place();
    let (first, _) = open(&place.store).unwrap();
    let err = open(&place.store).err().unwrap();
    assert!(matches!(err, StoreError::InUse { .. }), "{err}");
    drop(first);
    open(&place.store).unwrap();
}

#[test]
fn what_is_no_store_is_refused() {
    let place = place();
    let refused = |path: &Path| open(path).err().unwrap().to_string();
    fs::create_dir_all(&place.store).unwrap();
    fs::write(place.store.join("letter.txt"), "dear").unwrap();
    assert!(refused(&place.store).contains("letter.txt"));
    assert!(refused(&place.store.join("letter.txt")).contains("letter.txt"));
    assert!(refused(Path::new("/proc/no-such-folder/store")).contains("/proc/no-such-folder"));
    assert!(SledStore::inspect(&place.backup).is_err());
    assert!(!place.backup.exists());
    // Another program's database, in the same form.
    let other = sled::Config::new()
        .path(&place.backup)
        .segment_size(4 * 1024 * 1024);
    let other = other.open().unwrap();
    other.insert("a", "b").unwrap();
    drop(other);
    assert!(refused(&place.backup).contains("not a store"));
}

#[test]
fn a_newer_store_is_refused_and_left_alone() {
    let place = place();
    let (bench, _) = open(&place.store).unwrap();
    let row = encode(&NumberRow(99)).unwrap();
    bench.store.insert(meta::key("schema"), row).unwrap();
    drop(bench);
    for _ in 0..2 {
        let err = open(&place.store).err().unwrap();
        assert!(
            matches!(
                err,
                StoreError::Newer {
                    found: 99,
                    known: 2,
                    ..
                }
            ),
            "{err}"
        );
    }
}

#[test]
fn a_store_from_a_backup_is_known_by_its_mark() {
    let place = place();
    let (bench, _) = open(&place.store).unwrap();
    take(&bench, 3);
    drop(bench);
    copy(&place.store, &place.backup, false);
    let (bench, _) = open(&place.store).unwrap();
    let call = intent(&bench, "notes/1");
    drop(bench);

    copy(&place.backup, &place.store, false);
    for _ in 0..2 {
        // Until somebody acts on it, over restarts.
        let (_, opened) = open(&place.store).unwrap();
        assert!(opened.restored);
    }
    let (bench, opened) = open(&place.store).unwrap();
    assert_eq!(
        opened,
        Opened {
            restored: true,
            lost: 0,
            generation: 5
        }
    );
    assert_eq!(bench.store.distrust(50).unwrap(), 3);
    // Ids of calls go on behind those that were lost.
    bench.store.settle(found(&bench, "notes/2")).unwrap();
    assert!(intent(&bench, "notes/2") > call);
    drop(bench);
    let (bench, opened) = open(&place.store).unwrap();
    assert!(!opened.restored);
    // New ones are still in doubt: nobody said that the stream caught up.
    take(&bench, 4);
    assert_eq!(bench.entry("notes/3").state, State::Uncertain);
}

fn found(bench: &Bench, name: &str) -> Settlement {
    let mut entry = bench.entry(name);
    let seen = entry.seen();
    link(&mut entry);
    entry.record(
        60,
        State::Synced,
        crate::store::Actor::Engine,
        "found",
        None,
    );
    Settlement {
        changes: vec![Change {
            id: id(name),
            entry,
            seen,
        }],
        ..Settlement::default()
    }
}

#[test]
fn a_backup_of_the_very_run_is_known_by_the_last_intent() {
    let place = place();
    let (bench, _) = open(&place.store).unwrap();
    take(&bench, 3);
    copy(&place.store, &place.backup, false);
    intent(&bench, "notes/1");
    drop(bench);
    copy(&place.backup, &place.store, false);
    assert!(open(&place.store).unwrap().1.restored);
}

#[test]
fn what_the_mark_says_decides() {
    let garbled: fn(&Path) = |mark| fs::write(mark, "generation ?").unwrap();
    let missing: fn(&Path) = |mark| fs::remove_file(mark).unwrap();
    let older: fn(&Path) = |mark| {
        fs::write(mark, "generation 1 write 0\n").unwrap();
    };
    let kept: fn(&Path) = |_| {};
    for (name, change, restored) in [
        ("kept", kept, false),
        ("garbled", garbled, true),
        ("missing", missing, true),
        ("older", older, false),
    ] {
        let place = place();
        let (bench, _) = open(&place.store).unwrap();
        take(&bench, 3);
        intent(&bench, "notes/1");
        drop(bench);
        change(&mark::path_of(&place.store));
        assert_eq!(open(&place.store).unwrap().1.restored, restored, "{name}");
    }
    // Nothing was ever sent: a missing mark says nothing.
    let place = place();
    take(&open(&place.store).unwrap().0, 3);
    missing(&mark::path_of(&place.store));
    assert!(!open(&place.store).unwrap().1.restored);
    // The store itself is lost.
    fs::remove_dir_all(&place.store).unwrap();
    let (bench, opened) = open(&place.store).unwrap();
    assert!(opened.restored);
    bench.store.distrust(1).unwrap();
    take(&bench, 1);
    assert_eq!(bench.entry("notes/0").state, State::Uncertain);
}

#[test]
fn a_damaged_row_names_itself_and_is_found_by_check() {
    let cases: [(&str, Vec<u8>, &[u8], bool); 7] = [
        ("name", keys::name(0, 0), b"\x01\xff", false),
        ("intent", keys::numbered(keys::INTENT, 1), b"\x01", false),
        ("meta", meta::key(meta::NEXT_CALL), b"", false),
        ("entry", keys::entry(0, "1"), b"\x01\xff\xff", true),
        ("document", keys::document(0, "1"), b"\x07", true),
        ("note", keys::named(keys::NOTE, "a"), b"\x01\x05a", true),
        ("unknown", b"?".to_vec(), b"", true),
    ];
    for (name, key, row, opens) in cases {
        let place = place();
        let (bench, _) = open(&place.store).unwrap();
        take(&bench, 3);
        intent(&bench, "notes/1");
        bench.store.insert(key, row.to_vec()).unwrap();
        drop(bench);
        match open(&place.store) {
            Ok((bench, _)) => {
                assert!(opens, "{name}");
                // The others go on; what meets the row is refused.
                assert!(
                    bench.store.entry(&id("notes/2")).unwrap().is_some(),
                    "{name}"
                );
                if name == "entry" {
                    let err = bench.store.entry(&id("notes/1")).unwrap_err();
                    assert!(err.to_string().contains("entry"), "{err}");
                }
            }
            Err(err) => {
                assert!(!opens, "{name}");
                assert!(
                    matches!(&err, StoreError::Damaged { row, .. } if row.contains(name)),
                    "{err}"
                );
            }
        }
        let (store, faults) = SledStore::inspect(&place.store).unwrap();
        assert_eq!(faults.is_empty(), opens, "{name}");
        let report = check::check(&store).unwrap();
        assert!(
            report.faults.iter().any(|it| it.row.contains(name)),
            "{name}: {report:?}"
        );
        // Mending what is derived does not make it worse, nor hide it.
        assert!(!check::repair(&store).unwrap().is_clean(), "{name}");
    }
}

#[test]
fn derived_rows_are_mended() {
    type Spoil = fn(&SledStore);
    let spoil: [(&str, Spoil); 6] = [
        ("index row is missing", |it| {
            let key = keys::index(0, State::Pending, 0, 10, "1");
            assert!(it.tree.remove(key).unwrap().is_some());
        }),
        ("index row too many", |it| {
            it.insert(keys::index(0, State::Warning, 7, 10, "1"), Vec::new())
                .unwrap();
        }),
        ("index row of nothing", |it| {
            it.insert(b"i123".to_vec(), Vec::new()).unwrap()
        }),
        ("wrong total", |it| {
            let row = encode(&TallyRow::new(String::new(), &Tally::default())).unwrap();
            it.insert(keys::total(0, State::Pending, 0), row).unwrap();
        }),
        ("group too many", |it| {
            let row = encode(&TallyRow::new(
                "x".into(),
                &Tally {
                    count: 1,
                    ..Tally::default()
                },
            ));
            it.insert(
                keys::of_cause(keys::GROUP, 0, State::Waiting, 5),
                row.unwrap(),
            )
            .unwrap();
        }),
        ("garbled total", |it| {
            it.insert(keys::total(0, State::Pending, 0), vec![9])
                .unwrap()
        }),
    ];
    for (name, spoil) in spoil {
        let bench = Bench::over(SledStore::temporary().unwrap(), &["notes"]);
        take(&bench, 3);
        let totals = bench.store.totals().unwrap();
        spoil(&bench.store);
        let report = check::check(&bench.store).unwrap();
        assert!(
            report.repairable > 0 && report.repairable == report.fault_count,
            "{name}: {report:?}"
        );
        let report = check::repair(&bench.store).unwrap();
        assert!(report.is_clean(), "{name}: {report:?}");
        assert_eq!(bench.store.totals().unwrap(), totals, "{name}");
    }
}

#[test]
fn a_rebuild_that_was_cut_short_is_begun_again() {
    let place = place();
    let (bench, _) = open(&place.store).unwrap();
    take(&bench, 3);
    bench
        .store
        .insert(meta::key(meta::REBUILDING), encode(&NumberRow(1)).unwrap())
        .unwrap();
    bench
        .store
        .tree
        .remove(keys::total(0, State::Pending, 0))
        .unwrap();
    drop(bench);
    let (bench, _) = open(&place.store).unwrap();
    assert!(check::check(&bench.store).unwrap().is_clean());
    assert_eq!(bench.store.totals().unwrap()[0].tally.count, 3);
}

#[test]
fn an_import_that_was_cut_short_is_not_opened() {
    let place = place();
    let (bench, _) = open(&place.store).unwrap();
    bench
        .store
        .insert(meta::key(meta::IMPORTING), encode(&NumberRow(1)).unwrap())
        .unwrap();
    drop(bench);
    let err = open(&place.store).err().unwrap();
    assert!(err.to_string().contains("import again"), "{err}");
}

/// What came of a store whose files were damaged.
#[derive(Debug, PartialEq)]
enum Outcome {
    /// Nothing is missing.
    Whole,
    /// Something is missing, and whoever opens it is told.
    Noticed,
    /// It is not opened.
    Refused,
}

/// Opens a store with 300 entries, 2 of them synced, after its files were damaged.
fn outcome(path: &Path, what: &str) -> Outcome {
    match open(path) {
        Ok((bench, opened)) => {
            let clean = check::check(&bench.store).is_ok_and(|it| it.is_clean());
            let totals = bench.store.totals().unwrap_or_default();
            let counts: Vec<u64> = totals.iter().map(|it| it.tally.count).collect();
            // Every verb answers, one way or the other.
            for name in 0..300 {
                let _ = bench.store.document(&bench.stream, &name.to_string());
                let _ = bench.store.entry(&id(&format!("notes/{name}")));
            }
            let whole = clean && counts == [298, 2];
            assert!(
                whole || !clean || opened.restored,
                "{what}: lost unnoticed: {counts:?}"
            );
            if whole {
                Outcome::Whole
            } else {
                Outcome::Noticed
            }
        }
        Err(err) => {
            let told = matches!(err, StoreError::Damaged { .. } | StoreError::Io { .. });
            assert!(told, "{what}: {err}");
            Outcome::Refused
        }
    }
}

/// sled answers damage in every way: it refuses, it panics, it silently drops all that was written
/// after the damage. None of these may get past the opening.
#[test]
fn damaged_files_are_noticed() {
    let place = place();
    let (bench, _) = open(&place.store).unwrap();
    // Over several segments of the log, of 4 MB each.
    for page in 0..3 {
        let documents = (page * 100..page * 100 + 100).map(|it| {
            let mut document = document(&it.to_string(), "v1", "5");
            document.body = Some(vec![b'x'; 16_000]);
            document
        });
        let (stream, routes) = (&bench.stream, &bench.routes);
        let documents = documents.collect();
        let page = PageIn {
            stream,
            routes,
            documents,
            cursor: None,
            at: 10,
        };
        bench.store.intake_page(page).unwrap();
    }
    for name in ["notes/1", "notes/2"] {
        let call = intent(&bench, name);
        let settlement = Settlement {
            intent: Some(call),
            ..found(&bench, name)
        };
        bench.store.settle(settlement).unwrap();
    }
    drop(bench);
    let mut outcomes = Vec::new();
    let names = fs::read_dir(&place.store)
        .unwrap()
        .map(|it| it.unwrap().file_name());
    for name in names.filter(|it| it != "blobs") {
        let name = name.to_string_lossy().into_owned();
        let file = fs::read(place.store.join(&name)).unwrap();
        let used = file.iter().rposition(|it| *it != 0).unwrap_or_default();
        let steps = if name == "db" { 8 } else { 3 };
        for step in 0..=steps {
            for cut in [false, true] {
                let at = used * step / steps;
                copy(&place.store, &place.backup, true);
                let mut bytes = file.clone();
                if cut {
                    bytes.truncate(at);
                } else {
                    bytes[at] ^= 0x55;
                }
                fs::write(place.backup.join(&name), bytes).unwrap();
                let what = format!("{name} at {at} of {used}, cut {cut}");
                let outcome = outcome(&place.backup, &what);
                outcomes.push(outcome);
            }
        }
    }
    assert!(outcomes.contains(&Outcome::Noticed));
    copy(&place.store, &place.backup, true);
    assert_eq!(outcome(&place.backup, "unharmed"), Outcome::Whole);
}
