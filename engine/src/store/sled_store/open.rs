//! Opening a store: who may, whether it is ours, whether it is as old as the mark says.

use std::{
    fs,
    io::{self, ErrorKind},
    os::unix::fs::DirBuilderExt as _,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use super::{
    SledStore, Writer,
    check::Fault,
    failed, keys,
    mark::{self, Mark, Marked},
    migrate::{MIGRATIONS, SCHEMA, migrate},
    names,
    rows::{NumberRow, StoredIntent, StreamRow, TallyRow, TextRow, damaged, decode, encode},
    seeding,
    state::{damaged_files, words_for, words_of},
};
use crate::store::{Intent, Result, State, StoreError, StreamId};

/// Names of the rows about the store itself.
pub(super) mod meta {
    use super::keys;

    /// Grows with each opening.
    pub(in super::super) const GENERATION: &str = "generation";
    /// When the store was last opened, milliseconds since the epoch.
    pub(in super::super) const OPENED_AT: &str = "opened-at";
    /// Writes ever made.
    pub(in super::super) const WRITES: &str = "writes";
    /// The next id of a call.
    pub(in super::super) const NEXT_CALL: &str = "next-call";
    /// There from the moment at which a restored store is noticed until `distrust` is through.
    pub(in super::super) const RESTORED: &str = "restored";
    /// Generation in which the store was last found to be restored.
    pub(in super::super) const DISTRUSTED: &str = "distrusted";
    /// Begins the names of rows that say which routes have entries for all of a stream.
    pub(in super::super) const SEEDED: &str = "seeded/";
    /// There while an import is under way.
    pub(in super::super) const IMPORTING: &str = "importing";
    /// There while index and tallies are built anew.
    pub(in super::super) const REBUILDING: &str = "rebuilding";

    pub(in super::super) fn key(name: &str) -> Vec<u8> {
        keys::named(keys::META, name)
    }
}

/// What was found when a store was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// The store is older than its mark: it came back from a backup, or lost its end to a damaged
    /// file, or is new where there was one before. Whatever the reason,
    /// [`distrust`](crate::store::Store::distrust) must run before anything is sent. Stays true over
    /// restarts until it did.
    pub restored: bool,
    /// Writes that are missing, as far as the mark tells.
    pub lost: u64,
    /// The generation that this opening began.
    pub generation: u64,
}

/// What sled itself puts into its folder.
const FILES: [&str; 3] = ["conf", "db", "blobs"];

/// Bytes of pages that sled keeps in memory. Its own default, 1 GB, is more than the engine needs
/// altogether; what is worked on is what was just written, and the system keeps the file at hand.
const CACHE: u64 = 8 * 1024 * 1024;

/// Size of a segment of sled's log. A page of the tree that is larger than a quarter of it goes into
/// a file of its own, which sled never syncs; a page holds up to 16 rows, so this keeps rows of 64 KB
/// out of such files. It cannot be changed for a store that exists.
const SEGMENT: usize = 4 * 1024 * 1024;

impl SledStore {
    /// Opens the store in a folder, which is made when it is not there, and begins a new generation.
    ///
    /// The mark `FOLDER.generation` is written beside it; a folder that is moved or copied goes
    /// together with its mark, or everything that may have been sent is looked up first.
    pub fn open(path: &Path, at: i64) -> Result<(Self, Opened)> {
        let (mut store, faults) = Self::start(path)?;
        if let Some(Fault { row, why }) = faults.into_iter().next() {
            return Err(StoreError::Damaged { row, why });
        }
        let opened = store.begin_generation(at)?;
        Ok((store, opened))
    }

    /// Opens a store to look at it or to mend it, also when rows are damaged without which no work
    /// can go on; these are returned. Begins no generation.
    pub fn inspect(path: &Path) -> Result<(Self, Vec<Fault>)> {
        if !path.join("db").exists() {
            return Err(io_error(path, "there is no store in this folder"));
        }
        Self::start(path)
    }

    /// A store in memory that is gone when it is dropped.
    pub fn temporary() -> Result<Self> {
        Self::over_rows(in_memory()?)
    }

    /// A store over rows that somebody else put there, as an inspection opens one.
    pub fn over_rows(tree: sled::Db) -> Result<Self> {
        migrate(&tree, "(temporary)", MIGRATIONS, SCHEMA)?;
        let mut store = Self::over(PathBuf::from("(temporary)"), tree, None)?;
        store.load()?;
        store.generation = store.generation.max(1);
        Ok(store)
    }

    fn start(path: &Path) -> Result<(Self, Vec<Fault>)> {
        prepare(path)?;
        let tree = open_tree(path)?;
        // Everything from here on reads rows, and reading a damaged file can make sled panic.
        let shown = path.display().to_string();
        let built = catch_unwind(AssertUnwindSafe(|| {
            migrate(&tree, &shown, MIGRATIONS, SCHEMA)?;
            let file = fs::File::open(path.join("db")).map_err(|err| io_failed(path, &err))?;
            let mut store = Self::over(path.to_owned(), tree, Some(file))?;
            if store.number_at(&meta::key(meta::IMPORTING))?.is_some() {
                let why = "an import was cut short; remove the folder and import again";
                return Err(io_error(path, why));
            }
            let faults = store.load()?;
            Ok((store, faults))
        }));
        built.unwrap_or_else(|panic| Err(damaged_files(path, &words_of(panic.as_ref()))))
    }

    /// Reads what is kept in memory. Rows without which work cannot go on are returned when they
    /// are damaged; what can be worked out anew is.
    fn load(&mut self) -> Result<Vec<Fault>> {
        let (faults, generation) = self.remember()?;
        self.generation = generation;
        Ok(faults)
    }

    /// Fills everything in memory but the generation, which is given back.
    fn remember(&self) -> Result<(Vec<Fault>, u64)> {
        let mut faults = Vec::new();
        let mut generation = 0;
        let mut writer = Writer {
            next_call: 1,
            ..Writer::default()
        };
        self.load_names(&mut faults)?;
        self.load_intents(&mut faults)?;
        for (name, value) in [
            (meta::GENERATION, &mut generation),
            (meta::NEXT_CALL, &mut writer.next_call),
            (meta::WRITES, &mut writer.writes),
            (meta::DISTRUSTED, &mut writer.distrusted),
        ] {
            let key = meta::key(name);
            let bytes = self
                .tree
                .get(&key)
                .map_err(|err| failed(&self.path.display().to_string(), &err))?;
            match bytes.map(|it| decode::<NumberRow>(&key, &it)).transpose() {
                Ok(Some(row)) => *value = row.0,
                Ok(None) => {}
                Err(err) => faults.push(Fault::of(&key, &err)),
            }
        }
        for row in self.scan(&[keys::CAUGHT_UP], None) {
            let (key, bytes) = row?;
            // A stream of which this is not known is asked about once more than needed.
            if let (Some((number, _)), Ok(row)) =
                (keys::read_number(&key), decode::<NumberRow>(&key, &bytes))
            {
                writer.caught_up.insert(number, row.0);
            }
        }
        writer.lookups = self.load_lookups()?;
        for row in self.scan(&meta::key(meta::SEEDED), None) {
            // A row that cannot be read means to look once more.
            writer.seeded.extend(seeding::read_key(&row?.0));
        }
        let derived = self.load_tallies(&mut writer);
        *self.writer() = writer;
        let rebuilding = self.number_at(&meta::key(meta::REBUILDING));
        if derived.is_err() || !matches!(rebuilding, Ok(None)) {
            tracing::warn!(path = %self.path.display(), "tallies are damaged and are counted anew");
            self.rebuild()?;
        }
        Ok((faults, generation))
    }

    /// Reads everything in memory anew.
    pub(super) fn reload(&self) -> Result<()> {
        *self.names_mut() = names::Names::default();
        *self.open_calls_mut() = super::state::Open::default();
        match self.remember()?.0.into_iter().next() {
            Some(Fault { row, why }) => Err(StoreError::Damaged { row, why }),
            None => Ok(()),
        }
    }

    fn load_names(&self, faults: &mut Vec<Fault>) -> Result<()> {
        let mut names = self.names_mut();
        for row in self.scan(&[keys::NAME], None) {
            let (key, bytes) = row?;
            let number = key
                .get(2..)
                .and_then(|it| it.try_into().ok())
                .map(u16::from_be_bytes);
            let read = match (key.get(1), number) {
                (Some(&names::ROUTE), Some(number)) => {
                    decode::<TextRow>(&key, &bytes).map(|row| names.routes.insert(number, row.0))
                }
                (Some(&names::STREAM), Some(number)) => {
                    decode::<StreamRow>(&key, &bytes).map(|StreamRow { connection, stream }| {
                        names
                            .streams
                            .insert(number, StreamId { connection, stream });
                    })
                }
                _ => Err(damaged(&key, "its key is damaged")),
            };
            if let Err(err) = read {
                faults.push(Fault::of(&key, &err));
            }
        }
        Ok(())
    }

    fn load_intents(&self, faults: &mut Vec<Fault>) -> Result<()> {
        let mut open = self.open_calls_mut();
        for row in self.scan(&[keys::INTENT], None) {
            let (key, bytes) = row?;
            let read = decode::<StoredIntent>(&key, &bytes);
            let (Some(id), Ok(row)) = (keys::read_numbered(&key), &read) else {
                let err = read
                    .err()
                    .unwrap_or_else(|| damaged(&key, "its key is damaged"));
                faults.push(Fault::of(&key, &err));
                continue;
            };
            let entries = Intent::from(row.clone()).entries;
            let names = self.names();
            let covered = entries.iter().filter_map(|it| {
                let route = names.routes.number(&it.route)?;
                Some(keys::entry(route, &it.source))
            });
            open.open(id, covered.collect());
        }
        Ok(())
    }

    fn load_tallies(&self, writer: &mut Writer) -> Result<()> {
        let broken = |key: &[u8]| damaged(key, "its key is damaged");
        for row in self.scan(&[keys::TOTAL], None) {
            let (key, bytes) = row?;
            let total = keys::read_total(&key).ok_or_else(|| broken(&key))?;
            writer
                .totals
                .insert(total, decode::<TallyRow>(&key, &bytes)?.tally());
        }
        for row in self.scan(&[keys::GROUP], None) {
            let (key, bytes) = row?;
            decode::<TallyRow>(&key, &bytes)?;
            let (route, state, cause) = keys::read_group(&key).ok_or_else(|| broken(&key))?;
            if state == State::Waiting {
                writer.waiting.insert((cause, route));
            }
        }
        Ok(())
    }

    /// Compares with the mark and makes the new generation durable, first here, then in the mark: a
    /// crash in between leaves a mark that lags, which says nothing.
    fn begin_generation(&mut self, at: i64) -> Result<Opened> {
        let path = mark::path_of(&self.path);
        let marked = mark::read(&path).map_err(|err| io_failed(&path, &err))?;
        let known = self.generation;
        let flagged = self.number_at(&meta::key(meta::RESTORED))?.is_some();
        let mut writer = self.writer();
        let (older, least, lost) = match marked {
            // The mark did not come along. Nothing was sent yet, or nobody knows what was.
            Marked::Absent => (known > 0 && writer.next_call > 1, 0, 0),
            Marked::Unreadable => (true, 0, 0),
            Marked::At { generation, write } => {
                let lost = write.saturating_sub(writer.writes);
                (generation > known || lost > 0, generation, lost)
            }
        };
        // Ids of calls only grow, also over the part that was lost: a write makes one at most.
        writer.next_call = writer.next_call.saturating_add(lost);
        writer.writes = writer.writes.saturating_add(lost).saturating_add(1);
        let generation = known.max(least) + 1;
        let mut batch = sled::Batch::default();
        let mut put = |name, value| -> Result<()> {
            batch.insert(meta::key(name), encode(&NumberRow(value))?);
            Ok(())
        };
        put(meta::GENERATION, generation)?;
        put(meta::OPENED_AT, at.cast_unsigned())?;
        put(meta::NEXT_CALL, writer.next_call)?;
        put(meta::WRITES, writer.writes)?;
        if older {
            put(meta::RESTORED, 1)?;
            put(meta::DISTRUSTED, generation)?;
            writer.distrusted = generation;
        }
        let write = writer.writes;
        drop(writer);
        self.generation = generation;
        self.apply(batch)?;
        self.flush(write)?;
        let mark = Mark::write(&path, generation, write).map_err(|err| io_failed(&path, &err))?;
        self.mark = Some(mark);
        Ok(Opened {
            restored: older || flagged,
            lost,
            generation,
        })
    }
}

/// Makes the folder, for its owner alone, and refuses one that holds something else.
fn prepare(path: &Path) -> Result<()> {
    let failed = |err| io_failed(path, &err);
    match fs::read_dir(path) {
        Ok(files) => {
            for file in files {
                let name = file.map_err(failed)?.file_name();
                let name = name.to_string_lossy();
                if !FILES.contains(&name.as_ref()) && !name.starts_with("snap.") {
                    let why = format!("the folder holds `{name}`, which is no part of a store");
                    return Err(io_error(path, why));
                }
            }
            Ok(())
        }
        Err(err) if err.kind() == ErrorKind::NotFound => fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(failed),
        Err(err) => Err(failed(err)),
    }
}

/// An empty tree that is gone when it is dropped.
pub(super) fn in_memory() -> Result<sled::Db> {
    sled::Config::new()
        .temporary(true)
        .cache_capacity(CACHE)
        .flush_every_ms(None)
        .open()
        .map_err(|err| failed("(temporary)", &err))
}

/// sled answers some damaged files with an error and others with a panic (an assertion in its
/// recovery, a subtraction that overflows), so both become an error here.
fn open_tree(path: &Path) -> Result<sled::Db> {
    let config = sled::Config::new()
        .path(path)
        .cache_capacity(CACHE)
        .segment_size(SEGMENT)
        .mode(sled::Mode::HighThroughput)
        .flush_every_ms(None);
    match catch_unwind(AssertUnwindSafe(|| config.open())) {
        Ok(Ok(tree)) => Ok(tree),
        Ok(Err(sled::Error::Io(err))) if err.to_string().contains("could not acquire lock") => {
            Err(StoreError::InUse {
                path: path.display().to_string(),
            })
        }
        Ok(Err(err)) => Err(failed(&path.display().to_string(), &err)),
        Err(panic) => Err(damaged_files(path, &words_of(panic.as_ref()))),
    }
}

fn io_failed(path: &Path, err: &io::Error) -> StoreError {
    io_error(path, words_for(err))
}

fn io_error(path: &Path, why: impl std::fmt::Display) -> StoreError {
    StoreError::Io {
        path: path.display().to_string(),
        why: why.to_string(),
    }
}
