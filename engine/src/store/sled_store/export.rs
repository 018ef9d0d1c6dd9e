//! The whole store as JSON lines, and back.
//!
//! For people who want to look, for backups that outlive a database, and for moving to another
//! backend. The first line says what it is, the last how many rows there were, so that a file that
//! was cut short is noticed. Index and tallies are not in it: they follow from the entries. Secrets
//! are in it only when asked for, and then sealed as they are stored.
//!
//! An import counts as a restore: whoever opens the store next is told to look up, before anything
//! is sent, what may have been sent since the export.

use std::io::{self, BufRead, Write};

use serde::{Deserialize, Serialize};

use super::{
    SledStore,
    calls::StoredCall,
    codes::Blob,
    entry_row::{DocumentRow, Known, Row, decode_document},
    keys::{self, Number},
    migrate::SCHEMA,
    open::meta,
    rows::{
        NumberRow, SecretRow, Stored, StoredBudget, StoredCursor, StoredIntent, StreamRow, TextRow,
        damaged, decode, encode,
    },
    work::Work,
};
use crate::store::{Result, StoreError, StreamId};

/// Form of the lines.
const FORMAT: u32 = 1;

/// Lines that an import writes at a time.
const CHUNK: u64 = 1_000;

/// Why an export or an import ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file failed.
    #[error("the export cannot be written or read: {0}")]
    File(#[from] io::Error),
    /// Not an export, or one that cannot be read here.
    #[error("the export has form {found}, this engine reads up to {FORMAT}; use the newer engine")]
    Newer {
        /// Form found.
        found: u32,
    },
    /// A line is not what an export holds.
    #[error("line {line} of the export cannot be read: {why}; nothing was imported")]
    Line {
        /// Counted from 1.
        line: u64,
        /// What is wrong with it.
        why: String,
    },
    /// There is no last line.
    #[error("the export was cut short after {rows} rows; nothing was imported")]
    CutShort {
        /// Rows that are there.
        rows: u64,
    },
    /// Imports go into empty stores.
    #[error("the store at {path} is not empty; import into a new folder")]
    NotEmpty {
        /// Folder of the store.
        path: String,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Header {
    ledgerline_store: u32,
    schema: u64,
    generation: u64,
    next_call: u64,
    secrets: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Line {
    Document {
        stream: StreamRow,
        id: String,
        head: DocumentRow,
        body: Blob,
    },
    Entry {
        route: String,
        id: String,
        stream: StreamRow,
        entry: Box<Known>,
    },
    Cursor {
        stream: StreamRow,
        cursor: StoredCursor,
    },
    Intent {
        id: u64,
        intent: StoredIntent,
    },
    Call {
        id: u64,
        call: Box<StoredCall>,
    },
    Budget {
        name: String,
        budget: StoredBudget,
    },
    Secret {
        name: String,
        secret: SecretRow,
    },
    Note {
        name: String,
        note: TextRow,
    },
    End {
        rows: u64,
    },
}

/// Writes every row as a line; returns how many. Nothing else is written to the store meanwhile.
pub fn export(
    store: &SledStore,
    mut to: impl Write,
    with_secrets: bool,
) -> std::result::Result<u64, ExportError> {
    let writer = store.writer();
    let header = Header {
        ledgerline_store: FORMAT,
        schema: SCHEMA,
        generation: store.generation,
        next_call: writer.next_call,
        secrets: with_secrets,
    };
    write_line(&mut to, &header)?;
    let mut rows = 0;
    for row in store.scan(&[], None) {
        let (key, bytes) = row?;
        if key.first() == Some(&keys::SECRET) && !with_secrets {
            continue;
        }
        if let Some(line) = store.line(&key, &bytes)? {
            write_line(&mut to, &line)?;
            rows += 1;
        }
    }
    write_line(&mut to, &Line::End { rows })?;
    to.flush()?;
    Ok(rows)
}

fn write_line(to: &mut impl Write, line: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *to, line)?;
    to.write_all(b"\n")
}

/// Reads an export into an empty store; returns how many rows. A failure leaves it empty.
pub fn import(store: &SledStore, from: impl BufRead) -> std::result::Result<u64, ExportError> {
    for row in store.scan(&[], None) {
        if row?.0.first() != Some(&keys::META) {
            return Err(ExportError::NotEmpty {
                path: store.path.display().to_string(),
            });
        }
    }
    store.insert(meta::key(meta::IMPORTING), encode(&NumberRow(1))?)?;
    let read = read_lines(store, from);
    if read.is_err() {
        let mut batch = sled::Batch::default();
        for row in store.scan(&[], None) {
            let (key, _) = row?;
            if key.first() != Some(&keys::META) {
                batch.remove(key);
            }
        }
        store.apply(batch)?;
    }
    let mut batch = sled::Batch::default();
    batch.remove(meta::key(meta::IMPORTING));
    if let Ok((_, next_call)) = &read {
        let next_call = store.writer().next_call.max(*next_call);
        batch.insert(meta::key(meta::NEXT_CALL), encode(&NumberRow(next_call))?);
        batch.insert(meta::key(meta::RESTORED), encode(&NumberRow(1))?);
        batch.insert(
            meta::key(meta::DISTRUSTED),
            encode(&NumberRow(store.generation))?,
        );
    }
    store.apply(batch)?;
    store.flush(0)?;
    store.reload()?;
    read.map(|(rows, _)| rows)
}

/// Number of rows, and the next id of a call.
fn read_lines(
    store: &SledStore,
    mut from: impl BufRead,
) -> std::result::Result<(u64, u64), ExportError> {
    let mut text = String::new();
    let at = |line, why: &dyn std::fmt::Display| ExportError::Line {
        line,
        why: why.to_string(),
    };
    from.read_line(&mut text)?;
    let header: Header = serde_json::from_str(&text).map_err(|err| at(1, &err))?;
    if header.ledgerline_store > FORMAT {
        return Err(ExportError::Newer {
            found: header.ledgerline_store,
        });
    }
    let mut rows = 0;
    loop {
        let mut work = Work::begin(store)?;
        let before = rows;
        while rows < before + CHUNK {
            text.clear();
            if from.read_line(&mut text)? == 0 {
                return Err(ExportError::CutShort { rows });
            }
            let line = serde_json::from_str(&text).map_err(|err| at(rows + 2, &err))?;
            if let Line::End { rows: told } = line {
                if told != rows {
                    return Err(at(rows + 2, &format_args!("{told} rows were written")));
                }
                work.commit()?;
                return Ok((rows, header.next_call));
            }
            work.put_line(line)?;
            rows += 1;
        }
        work.commit()?;
    }
}

impl SledStore {
    /// The line of a row; none for what is derived, or belongs to this one store.
    fn line(&self, key: &[u8], bytes: &[u8]) -> Result<Option<Line>> {
        let id = || keys::read_numbered(key).ok_or_else(|| damaged(key, "its key is damaged"));
        let owned = || keys::read_owned(key).ok_or_else(|| damaged(key, "its key is damaged"));
        Ok(Some(match key.first() {
            Some(&keys::DOCUMENT) => {
                let (number, id) = owned()?;
                let (head, body) = decode_document(key, bytes)?;
                let (head, body) = (head.into(), Blob(body.to_vec()));
                Line::Document {
                    stream: self.stream_row(key, number)?,
                    id: id.to_owned(),
                    head,
                    body,
                }
            }
            Some(&keys::ENTRY) => {
                let (number, id) = owned()?;
                let row = Row::decode(key, bytes)?;
                let route = self.names().routes.name(number).cloned();
                let route = route.ok_or_else(|| damaged(key, "nobody knows its route"))?;
                let stream = self.stream_row(key, row.stream)?;
                Line::Entry {
                    route,
                    id: id.to_owned(),
                    stream,
                    entry: Box::new(row.into()),
                }
            }
            Some(&keys::CURSOR) => {
                let (number, _) = owned()?;
                let stream = self.stream_row(key, number)?;
                Line::Cursor {
                    stream,
                    cursor: decode(key, bytes)?,
                }
            }
            Some(&keys::INTENT) => Line::Intent {
                id: id()?,
                intent: decode(key, bytes)?,
            },
            Some(&keys::CALL) => Line::Call {
                id: id()?,
                call: Box::new(self.whole_call(id()?, key, bytes)?),
            },
            Some(&keys::BUDGET) => Line::Budget {
                name: name(key)?,
                budget: decode(key, bytes)?,
            },
            Some(&keys::SECRET) => Line::Secret {
                name: name(key)?,
                secret: decode(key, bytes)?,
            },
            Some(&keys::NOTE) => Line::Note {
                name: name(key)?,
                note: decode(key, bytes)?,
            },
            _ => return Ok(None),
        }))
    }

    fn stream_row(&self, key: &[u8], number: Number) -> Result<StreamRow> {
        let stream = self.names().streams.name(number).cloned();
        let StreamId { connection, stream } =
            stream.ok_or_else(|| damaged(key, "nobody knows its stream"))?;
        Ok(StreamRow { connection, stream })
    }
}

fn name(key: &[u8]) -> Result<String> {
    let name = keys::read_named(key).ok_or_else(|| damaged(key, "its key is damaged"))?;
    Ok(name.to_owned())
}

impl Work<'_> {
    fn put_line(&mut self, line: Line) -> Result<()> {
        match line {
            Line::Document {
                stream,
                id,
                head,
                body,
            } => {
                let stream = self.stream_of(stream)?;
                self.put_document(stream, &id, head.into(), &body.0)
            }
            Line::Entry {
                route,
                id,
                stream,
                entry,
            } => {
                let (route, stream) = (self.route(&route)?, self.stream_of(stream)?);
                let slot = self.entry(route, &id)?;
                slot.row = Some(entry.of_stream(stream));
                slot.changed = true;
                Ok(())
            }
            Line::Cursor { stream, cursor } => {
                let number = self.stream_of(stream)?;
                self.put_row(keys::of_number(keys::CURSOR, number), &cursor)
            }
            Line::Intent { id, intent } => self.put_row(keys::numbered(keys::INTENT, id), &intent),
            Line::Call { id, call } => self.put_call(id, *call),
            Line::Budget { name, budget } => {
                self.put_row(keys::named(keys::BUDGET, &name), &budget)
            }
            Line::Secret { name, secret } => {
                self.put_row(keys::named(keys::SECRET, &name), &secret)
            }
            Line::Note { name, note } => self.put_row(keys::named(keys::NOTE, &name), &note),
            Line::End { .. } => Ok(()),
        }
    }

    fn stream_of(&mut self, row: StreamRow) -> Result<Number> {
        let StreamRow { connection, stream } = row;
        self.stream(&StreamId { connection, stream })
    }

    fn put_row<T: Stored>(&mut self, key: Vec<u8>, row: &T) -> Result<()> {
        self.put(key, encode(row)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            check,
            tests::bench::{Bench, document, id, link},
        },
        *,
    };
    use crate::store::{
        Actor, BudgetRow, CallRow, Change, CursorRow, Intent, PageIn, Settlement, State, Store,
    };

    fn text(store: &SledStore, with_secrets: bool) -> String {
        let mut text = Vec::new();
        export(store, &mut text, with_secrets).unwrap();
        String::from_utf8(text).unwrap()
    }

    /// A store with a row of every kind.
    fn full() -> Bench {
        let bench = Bench::over(SledStore::temporary().unwrap(), &["notes"]);
        let store = &bench.store;
        let mut documents: Vec<_> = (0..1_500)
            .map(|it| document(&format!("{it:04}"), "v1", "5.10"))
            .collect();
        documents[1].body = Some(b"\xff\xfe".to_vec());
        let cursor = Some(CursorRow {
            bytes: vec![0, 255],
            state_version: 3,
            at: 9,
        });
        let page = PageIn {
            stream: &bench.stream,
            routes: &bench.routes,
            documents,
            cursor,
            at: 10,
        };
        store.intake_page(page).unwrap();
        let linked = id("notes/0002");
        let mut entry = bench.entry("notes/0002");
        let seen = entry.seen();
        entry.record(
            20,
            State::Synced,
            Actor::Person("kim".into()),
            "linked",
            Some(1),
        );
        link(&mut entry);
        let change = Change {
            id: linked.clone(),
            entry,
            seen,
        };
        store
            .settle(Settlement {
                changes: vec![change],
                ..Settlement::default()
            })
            .unwrap();
        let call = CallRow {
            connection: "target".into(),
            at: 1,
            took: 2,
            method: "PUT".into(),
            url: "https://example.com".into(),
            writes: true,
            entries: vec![linked],
            request: b"{}".to_vec(),
            status: 200,
            answer: b"\x80".to_vec(),
            note: "n".into(),
        };
        store.keep_call(&call).unwrap();
        let entries = vec![id("notes/0003")];
        let intent = Intent {
            entries,
            key: None,
            body_hash: [3; 32],
            at: 1,
            deadline: 2,
            attempt: 1,
        };
        store.record_intent(&intent).unwrap();
        store
            .set_budget(
                "b",
                &BudgetRow {
                    calls: 4,
                    ..BudgetRow::default()
                },
            )
            .unwrap();
        store.set_note("n", Some("\u{1f600}\n")).unwrap();
        store.set_secret("s", Some(b"\0sealed")).unwrap();
        bench
    }

    #[test]
    fn what_is_imported_is_what_was_exported() {
        let bench = full();
        let exported = text(&bench.store, true);
        let copy = SledStore::temporary().unwrap();
        let rows = import(&copy, exported.as_bytes()).unwrap();
        assert_eq!(rows, 1_500 * 2 + 6);
        assert_eq!(text(&copy, true), exported);
        assert!(check::check(&copy).unwrap().is_clean());
        assert_eq!(copy.totals().unwrap(), bench.store.totals().unwrap());
        assert_eq!(
            copy.open_intents().unwrap(),
            bench.store.open_intents().unwrap()
        );
        assert_eq!(
            copy.entry(&id("notes/0003")).unwrap().unwrap().state,
            State::Sending
        );
        // As after a restore: all pending ones are to be looked up, and new ones too.
        assert_eq!(copy.distrust(50).unwrap(), 1_498);
    }

    #[test]
    fn secrets_are_left_out_unless_asked_for() {
        let bench = full();
        assert!(!text(&bench.store, false).contains("sealed"));
        let copy = SledStore::temporary().unwrap();
        import(&copy, text(&bench.store, false).as_bytes()).unwrap();
        assert_eq!(copy.secret("s").unwrap(), None);
    }

    #[test]
    fn a_bad_export_leaves_the_store_empty() {
        let good = text(&full().store, true);
        let lines: Vec<&str> = good.lines().collect();
        let without_end = lines[..lines.len() - 1].join("\n");
        let one_less = [&lines[..5], &lines[6..]].concat().join("\n");
        let garbled = good.replacen("\"read-at\":10", "\"read-at\":\"x\"", 1);
        let newer = good.replacen("\"ledgerline-store\":1", "\"ledgerline-store\":2", 1);
        let cases = [
            ("empty", ""),
            ("another file", "{}\n"),
            ("cut", &good[..good.len() / 2]),
            ("no end", &without_end),
            ("a line is missing", &one_less),
            ("garbled", &garbled),
            ("newer", &newer),
        ];
        let store = SledStore::temporary().unwrap();
        for (name, text) in cases {
            let err = import(&store, text.as_bytes()).unwrap_err();
            assert!(
                !matches!(err, ExportError::NotEmpty { .. }),
                "{name}: {err}"
            );
            assert!(store.totals().unwrap().is_empty(), "{name}");
        }
        import(&store, good.as_bytes()).unwrap();
        let err = import(&store, good.as_bytes()).unwrap_err();
        assert!(matches!(err, ExportError::NotEmpty { .. }), "{err}");
    }

    #[test]
    fn lines_are_readable() {
        let good = text(&full().store, false);
        let kinds = [
            "{\"document",
            "{\"entry\":{\"route\":\"notes\",\"id\":\"0002",
            "{\"intent",
        ];
        for start in kinds {
            assert!(good.lines().any(|it| it.starts_with(start)), "{start}");
        }
        let line = good.lines().find(|it| it.contains("linked")).unwrap();
        expect_test::expect![[r#"{"entry":{"route":"notes","id":"0002","stream":{"connection":"acme","stream":"notes"},"entry":{"newer":false,"state":"synced","since":20,"version":"v1","facts":{"number":"CN-0002","date":null,"money":["5.10","AUD"],"party":"Party 0002"},"number":null,"held":{"id":"t1","state":"draft","seen-at":0,"sent":"{}","answered":"","fingerprint":"00000000000000000000000000000000","adopted":false},"problem":null,"words":null,"cause":null,"notices":[],"candidates":[],"mapping":"0000000000000000","attempts":0,"not-before":0,"write-open-since":null,"write-open-until":null,"requested":false,"needed":false,"create-new":false,"events":[{"at":10,"from":null,"to":"pending","person":null,"what":"taken in","call":null,"times":1,"last-at":10},{"at":20,"from":"pending","to":"synced","person":"kim","what":"linked","call":1,"times":1,"last-at":20}]}}}"#]].assert_eq(line);
    }
}
