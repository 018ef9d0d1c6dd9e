//! Rows of the store and exports of it, as if the disk, a person or another program had changed them.

use std::{cell::RefCell, collections::BTreeMap};

use ledgerline::store::{
    Filter, SledStore, State, Store, StreamId,
    sled_store::{
        check::{self, check, repair},
        export::{export, import},
    },
};

/// Words of exports.
pub const WORDS: &[&str] = &[
    "{\"ledgerline-store\":1,\"schema\":1,\"generation\":1,\"next-call\":1,\"secrets\":false}\n",
    "{\"end\":{\"rows\":0}}\n",
    "\"document\":",
    "\"entry\":",
    "\"cursor\":",
    "\"intent\":",
    "\"call\":",
    "\"budget\":",
    "\"secret\":",
    "\"note\":",
    "\"stream\":",
    "\"head\":",
    "\"body\":\"base64:",
    "\"events\":[",
    "\"facts\":",
    "\"money\":[\"1\",\"AUD\"]",
    "\"state\":\"pending\"",
    "\"held\":null",
    "\"problem\":null",
    "18446744073709551615",
    "-9223372036854775808",
    "79228162514264337593543950335",
];

/// Key and value; a byte each says how long the key is.
fn pair(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let (long, rest) = data.split_first()?;
    rest.split_at_checked(usize::from(*long))
}

fn joined(key: &[u8], value: &[u8]) -> Vec<u8> {
    let long = u8::try_from(key.len()).unwrap_or(u8::MAX);
    [&[long][..], &key[..usize::from(long)], value].concat()
}

/// One row by itself: it is read, or an error names it.
pub fn run_row(data: &[u8]) {
    let Some((key, value)) = pair(data) else {
        return;
    };
    if let Err(error) = check::row(key, value) {
        let shown = error.to_string();
        assert!(
            shown.starts_with("a row of the store cannot be read: "),
            "{shown}"
        );
        assert!(shown.contains("store check"), "no remedy: {shown}");
    }
}

thread_local! {
    /// Opening a database costs more than anything that is done with it.
    static TREE: RefCell<Option<sled::Db>> = const { RefCell::new(None) };
}

fn tree() -> sled::Db {
    TREE.with_borrow_mut(|tree| {
        let tree = tree.get_or_insert_with(|| {
            let config = sled::Config::new().temporary(true).flush_every_ms(None);
            config.open().expect("a database in memory")
        });
        tree.clear().expect("a database in memory");
        tree.clone()
    })
}

/// A whole store of rows: opened, listed, checked, mended, exported. Two bytes before each row say how
/// long it is.
pub fn run_rows(data: &[u8]) {
    let tree = tree();
    let mut rest = data;
    while let Some((long, after)) = rest.split_first_chunk() {
        let long = usize::from(u16::from_be_bytes(*long)).min(after.len());
        let (row, after) = after.split_at(long);
        if let Some((key, value)) = pair(row) {
            tree.insert(key, value).expect("a database in memory");
        }
        rest = after;
    }
    let store = match SledStore::over_rows(tree) {
        Ok(store) => store,
        Err(error) => return assert!(error.to_string().len() > 20, "{error}"),
    };
    let found = check(&store).expect("rows can be read, whatever stands in them");
    for fault in &found.faults {
        assert!(!fault.row.is_empty() && !fault.why.is_empty(), "{fault:?}");
    }
    used(&store);
    let mended = repair(&store).expect("rows can be read, whatever stands in them");
    assert_eq!(mended.repairable, 0, "{:#?}", mended.faults);
    if found.is_clean() {
        let mut text = Vec::new();
        export(&store, &mut text, true).expect("a sound store");
        let tree = sled::Config::new()
            .temporary(true)
            .flush_every_ms(None)
            .open();
        let copy = SledStore::over_rows(tree.expect("a database in memory")).expect("empty");
        import(&copy, &text[..]).expect("an export of a sound store");
        let mut again = Vec::new();
        export(&copy, &mut again, true).expect("a sound store");
        let rows = |text: &[u8]| {
            let text = String::from_utf8_lossy(text);
            text.lines()
                .skip(1)
                .map(str::to_owned)
                .collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(rows(&again), rows(&text));
    }
}

fn said<T>(it: ledgerline::store::Result<T>) {
    if let Err(error) = it {
        assert!(error.to_string().len() > 20, "{error}");
    }
}

/// What commands ask of a store: an answer or an error in words.
fn used(store: &SledStore) {
    let stream = StreamId {
        connection: "omni-au".into(),
        stream: "credit_notes".into(),
    };
    let filter = Filter {
        states: State::ALL.to_vec(),
        ..Filter::default()
    };
    let mut after = None;
    for _ in 0..20 {
        let page = match store.page_of(&filter, after.as_deref(), 10) {
            Ok(page) => page,
            Err(error) => return assert!(error.to_string().len() > 20, "{error}"),
        };
        for (id, _) in &page.rows {
            said(store.entry(id));
            said(store.document(&stream, &id.source));
        }
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    said(store.groups(&[]));
    said(store.totals());
    said(store.open_intents());
    for id in 0..40 {
        said(store.call(id));
    }
    said(store.notes(""));
    said(store.budget("omni-au"));
    said(store.cursor(&stream));
    said(store.secret("tokens/xero-app"));
    said(store.prune_calls(i64::MAX));
    let mut text = Vec::new();
    if let Err(error) = export(store, &mut text, false) {
        assert!(error.to_string().len() > 20, "{error}");
    }
}

/// An export, read into an empty store: all of it, or nothing and why.
pub fn run_export(data: &[u8]) {
    let tree = tree();
    let store = SledStore::over_rows(tree.clone()).expect("an empty store");
    let before = rows_of(&tree);
    match import(&store, data) {
        Err(error) => {
            assert!(error.to_string().len() > 20, "{error}");
            let left = rows_of(&tree);
            assert_eq!(left.len(), before.len(), "{error}: something was imported");
        }
        Ok(_) => {
            let found = check(&store).expect("rows can be read");
            assert_eq!(found.repairable, 0, "{:#?}", found.faults);
            used(&store);
        }
    }
}

fn rows_of(tree: &sled::Db) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let row = |it: sled::Result<(sled::IVec, sled::IVec)>| {
        let (key, value) = it.expect("a database in memory");
        (key.to_vec(), value.to_vec())
    };
    tree.iter().map(row).collect()
}

/// Every kind of row, as a real store holds it: that of the demonstration, cut down.
fn sample() -> BTreeMap<Vec<u8>, Vec<u8>> {
    let tree = tree();
    let store = SledStore::over_rows(tree.clone()).expect("an empty store");
    for seed in export_seeds() {
        import(&store, &seed[..]).unwrap_or_else(|why| panic!("corpus/export: {why}"));
    }
    rows_of(&tree)
}

/// The rows of the sample, one each.
pub fn row_seeds() -> Vec<Vec<u8>> {
    sample()
        .iter()
        .map(|(key, value)| joined(key, value))
        .collect()
}

/// The sample as one store, and without each kind of row.
pub fn rows_seeds() -> Vec<Vec<u8>> {
    let rows = sample();
    let all = |without: Option<u8>| {
        let rows = rows
            .iter()
            .filter(|(key, _)| key.first().copied() != without);
        rows.flat_map(|(key, value)| {
            let row = joined(key, value);
            let long = u16::try_from(row.len()).unwrap_or(u16::MAX);
            [&long.to_be_bytes()[..], &row[..usize::from(long)]].concat()
        })
        .collect()
    };
    let kinds: std::collections::BTreeSet<u8> =
        rows.keys().filter_map(|it| it.first().copied()).collect();
    [None]
        .into_iter()
        .chain(kinds.into_iter().map(Some))
        .map(all)
        .collect()
}

/// A real export, cut down.
pub fn export_seeds() -> Vec<Vec<u8>> {
    vec![include_bytes!("../samples/store.jsonl").to_vec()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_sound_and_has_every_kind_of_row() {
        let kinds: std::collections::BTreeSet<char> = sample()
            .keys()
            .filter_map(|it| it.first().copied().map(char::from))
            .collect();
        assert_eq!(kinds.into_iter().collect::<String>(), "bcdegiklmnorst");
        run_rows(&rows_seeds()[0]);
    }
}
