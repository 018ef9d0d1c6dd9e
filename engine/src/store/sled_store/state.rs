//! The open store: its tree, what it keeps in memory, and the way to the disk.

use std::{
    any::Any,
    collections::{BTreeSet, HashMap},
    fs::File,
    io::{self, ErrorKind},
    ops::Bound,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
    },
    time::Duration,
};

use super::{
    disk::{Disk, said},
    keys::{CauseHash, Number},
    mark::Mark,
    names::Names,
};
use crate::store::{Result, State, StoreError, Tally};

type Hook = Box<dyn Fn(&Path) + Send + Sync>;

/// A store in a sled folder, or in memory for tests.
pub struct SledStore {
    pub(super) path: PathBuf,
    /// Writes. Stands before `tree` and `file`, so that it has let go of both when they are dropped.
    disk: Disk,
    /// Reads.
    pub(super) tree: sled::Db,
    /// Stands behind `tree`, so that it is dropped after it.
    _file: Option<DataFile>,
    pub(super) generation: u64,
    pub(super) mark: Option<Mark>,
    pub(super) names: RwLock<Names>,
    pub(super) open: RwLock<Open>,
    pub(super) writer: Mutex<Writer>,
    /// Where the last page of a claim ended, by route and state: its last entry has usually left
    /// the state, and with it the index, before the next page is asked for.
    pub(super) positions: Mutex<HashMap<(Number, State), Position>>,
    /// Why nothing more is written: the state on disk is not known.
    broken: OnceLock<String>,
    hook: OnceLock<Hook>,
}

/// The last entry of a page, and its key in the index at that time.
#[derive(Debug, Clone)]
pub(super) struct Position {
    pub(super) id: String,
    pub(super) key: Vec<u8>,
}

/// What only the holder of the writer's lock may look at.
#[derive(Debug, Default)]
pub(super) struct Writer {
    /// Totals by route, state and code of the held state, as they are in the tree.
    pub(super) totals: HashMap<(Number, State, u8), Tally>,
    /// Causes for which something waits, with the routes where it does.
    pub(super) waiting: BTreeSet<(CauseHash, Number)>,
    /// The next id of a call.
    pub(super) next_call: u64,
    /// Writes ever made.
    pub(super) writes: u64,
    /// Generation in which the store was last found to be restored; 0 when it never was.
    pub(super) distrusted: u64,
    /// Look-ups that routes keep.
    pub(super) lookups: HashMap<Number, super::lookup::Kept>,
    /// Streams and routes that have an entry for every document of theirs.
    pub(super) seeded: BTreeSet<(Number, Number)>,
    /// Generation in which a stream caught up.
    pub(super) caught_up: HashMap<Number, u64>,
}

/// Entries that are covered by calls under way.
#[derive(Debug, Default)]
pub(super) struct Open {
    /// Intent by the key of the entry.
    pub(super) by_entry: HashMap<Vec<u8>, u64>,
    by_intent: HashMap<u64, Vec<Vec<u8>>>,
}

impl Open {
    pub(super) fn open(&mut self, intent: u64, entries: Vec<Vec<u8>>) {
        for key in &entries {
            self.by_entry.insert(key.clone(), intent);
        }
        self.by_intent.insert(intent, entries);
    }

    pub(super) fn close(&mut self, intent: u64) {
        for key in self.by_intent.remove(&intent).unwrap_or_default() {
            self.by_entry.remove(&key);
        }
    }

    pub(super) fn is_open(&self, intent: u64) -> bool {
        self.by_intent.contains_key(&intent)
    }
}

/// The file in which sled keeps its log.
///
/// On Linux sled's own flush ends in `sync_file_range`, which neither reaches through the cache of
/// the drive nor writes down that the file has grown: enough for a process that is killed, not for a
/// power cut. So the file is synced here once more, properly.
///
/// Dropping it waits until sled has let go of the file: its threads hold on to the database for a
/// moment after it was dropped, and without this a store that is closed and opened again in one
/// process is now and then in use, by nobody.
struct DataFile(Arc<File>);

impl Drop for DataFile {
    fn drop(&mut self) {
        for _ in 0..1_000 {
            if self.0.try_lock().is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl std::fmt::Debug for SledStore {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("SledStore")
            .field("path", &self.path)
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

impl SledStore {
    /// Over an open tree, and sled's file where there is one.
    pub(super) fn over(path: PathBuf, tree: sled::Db, file: Option<File>) -> Result<Self> {
        let file = file.map(Arc::new);
        let disk = Disk::start(tree.clone(), file.clone())
            .map_err(|err| failed(&path.display().to_string(), &sled::Error::Io(err)))?;
        Ok(Self {
            disk,
            _file: file.map(DataFile),
            path,
            tree,
            generation: 0,
            mark: None,
            names: RwLock::default(),
            open: RwLock::default(),
            writer: Mutex::default(),
            positions: Mutex::default(),
            broken: OnceLock::new(),
            hook: OnceLock::new(),
        })
    }

    /// Calls `hook` with the store's folder each time something has become durable, while no other
    /// verb can write. A copy of the folder taken there, with the mark beside it, is what a crash at
    /// this moment would leave. The first hook stays.
    pub fn after_flush(&self, hook: impl Fn(&Path) + Send + Sync + 'static) {
        // A second hook is left out: there is one campaign a store.
        let _ = self.hook.set(Box::new(hook));
    }

    /// Folder of the store.
    pub fn path(&self) -> &Path {
        &self.path
    }

    // A lock is poisoned when a verb panicked; `guarded` has then stopped all writing, and what is
    // in memory is still good to read.
    pub(super) fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
    pub(super) fn names(&self) -> RwLockReadGuard<'_, Names> {
        self.names.read().unwrap_or_else(PoisonError::into_inner)
    }
    pub(super) fn names_mut(&self) -> RwLockWriteGuard<'_, Names> {
        self.names.write().unwrap_or_else(PoisonError::into_inner)
    }
    pub(super) fn open_calls(&self) -> RwLockReadGuard<'_, Open> {
        self.open.read().unwrap_or_else(PoisonError::into_inner)
    }
    pub(super) fn open_calls_mut(&self) -> RwLockWriteGuard<'_, Open> {
        self.open.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn positions(&self) -> MutexGuard<'_, HashMap<(Number, State), Position>> {
        self.positions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn no_number(&self) -> StoreError {
        let why = "more than 65,536 routes or streams were ever named in it".to_owned();
        StoreError::Io {
            path: self.path.display().to_string(),
            why,
        }
    }

    /// Refuses to write once the state on disk is not known.
    pub(super) fn usable(&self) -> Result<()> {
        let Some(why) = self.broken.get() else {
            return Ok(());
        };
        let why = format!("it takes no more writes after an earlier failure ({why}); start again");
        Err(StoreError::Io {
            path: self.path.display().to_string(),
            why,
        })
    }

    fn breaks(&self, err: StoreError) -> StoreError {
        // The first failure is the one to report.
        let _ = self.broken.set(err.to_string());
        err
    }

    pub(super) fn failed(&self, err: &sled::Error) -> StoreError {
        failed(&self.path.display().to_string(), err)
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<sled::IVec>> {
        self.tree.get(key).map_err(|err| self.failed(&err))
    }

    pub(super) fn insert(&self, key: Vec<u8>, value: Vec<u8>) -> Result<()> {
        let mut batch = sled::Batch::default();
        batch.insert(key, value);
        self.apply(batch)
    }

    pub(super) fn apply(&self, batch: sled::Batch) -> Result<()> {
        self.disk
            .apply(batch)
            .map_err(|err| self.breaks(self.failed(&err)))
    }

    /// Waits until everything applied is on disk, up to the write of this number.
    pub(super) fn flush(&self, write: u64) -> Result<()> {
        self.disk
            .flush()
            .map_err(|err| self.breaks(self.failed(&err)))?;
        if let Some(mark) = &self.mark
            && let Err(error) = mark.advance(write)
        {
            // What was written is durable. A mark that lags may miss that a backup of this very run
            // is restored, and nothing else.
            tracing::warn!(path = %self.path.display(), %error, "the mark cannot be written");
        }
        if let Some(hook) = self.hook.get() {
            let _writer = self.writer();
            hook(&self.path);
        }
        Ok(())
    }

    /// Rows whose keys begin with `prefix`, in order, behind `after` when it lies among them.
    pub(super) fn scan(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
    ) -> impl Iterator<Item = Result<(sled::IVec, sled::IVec)>> {
        let start = match after {
            Some(after) if after >= prefix => Bound::Excluded(after.to_vec()),
            _ => Bound::Included(prefix.to_vec()),
        };
        let end = end_of(prefix).map_or(Bound::Unbounded, Bound::Excluded);
        // An inverted range would be a mistake of the caller for sled; here it is just empty.
        let empty = match (&start, &end) {
            (Bound::Excluded(start) | Bound::Included(start), Bound::Excluded(end)) => start >= end,
            _ => false,
        };
        let rows = (!empty).then(|| self.tree.range::<Vec<u8>, _>((start, end)));
        rows.into_iter()
            .flatten()
            .map(|row| row.map_err(|err| self.failed(&err)))
    }

    /// Runs a verb. sled asserts in places that a damaged file can reach; such a panic becomes an
    /// error of this one store, after which nothing more is written to it.
    pub(super) fn guarded<T>(&self, verb: impl FnOnce() -> Result<T>) -> Result<T> {
        catch_unwind(AssertUnwindSafe(verb)).unwrap_or_else(|panic| {
            Err(self.breaks(damaged_files(&self.path, &words_of(panic.as_ref()))))
        })
    }
}

/// The first key behind all those that begin with `prefix`.
fn end_of(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|it| *it != u8::MAX)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

/// What a panic said.
pub(super) fn words_of(panic: &(dyn Any + Send)) -> String {
    format!("the database gave up: {}", said(panic))
}

/// A failure of the disk or of sled, in words.
pub(super) fn failed(path: &str, err: &sled::Error) -> StoreError {
    match err {
        sled::Error::Corruption { .. } => {
            damaged_files(Path::new(path), "a checksum of the database does not agree")
        }
        sled::Error::Io(err) => StoreError::Io {
            path: path.to_owned(),
            why: words_for(err),
        },
        other => StoreError::Io {
            path: path.to_owned(),
            why: other.to_string(),
        },
    }
}

/// The files themselves are damaged, which no tool here mends.
pub(super) fn damaged_files(path: &Path, why: &str) -> StoreError {
    StoreError::Io {
        path: path.display().to_string(),
        why: format!("its files are damaged ({why}); restore a backup"),
    }
}

/// What the system said, with what to do about it where that is plain.
pub(super) fn words_for(err: &io::Error) -> String {
    match err.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "the disk is full; make room and start again".to_owned()
        }
        ErrorKind::ReadOnlyFilesystem => {
            "the file system is read-only; make it writable and start again".to_owned()
        }
        ErrorKind::PermissionDenied => {
            "access is denied; it must belong to the account that runs this program".to_owned()
        }
        _ => err.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scan_meets_its_prefix_and_nothing_else() {
        let store = SledStore::temporary().unwrap();
        for key in [&b"z"[..], b"z\xff", b"z\xff\xff", b"z\xffa", b"{", b"y\xff"] {
            store.insert(key.to_vec(), Vec::new()).unwrap();
        }
        type Case<'a> = (&'a [u8], Option<&'a [u8]>, usize);
        let cases: [Case<'_>; 7] = [
            (b"z", None, 4),
            (b"z\xff", None, 3),
            (b"z\xff\xff", None, 1),
            (b"z", Some(b"a"), 4),
            (b"z", Some(b"z\xff"), 2),
            (b"z", Some(b"z\xff\xff\xff"), 0),
            (b"z", Some(b"{{"), 0),
        ];
        for (prefix, after, expected) in cases {
            let found = store.scan(prefix, after).count();
            assert_eq!(found, expected, "{prefix:?} after {after:?}");
        }
        assert_eq!(end_of(b"\xff\xff"), None);
    }

    #[test]
    fn after_a_panic_reads_go_on_and_writes_do_not() {
        let store = SledStore::temporary().unwrap();
        let failed = store
            .guarded::<()>(|| panic!("assertion failed"))
            .unwrap_err();
        assert!(failed.to_string().contains("assertion failed"), "{failed}");
        assert!(super::super::work::Work::begin(&store).is_err());
        assert_eq!(store.get(b"z").unwrap(), None);
    }
}
