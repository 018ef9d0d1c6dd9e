//! The mark beside the store: `FOLDER.generation`.
//!
//! A store that comes back from a backup is complete and consistent in itself, and so is one whose
//! file was damaged: sled drops everything behind the first bad byte of its log and says nothing.
//! Only something outside the store can tell that it is older than it was, and sending again what
//! the lost part had sent is the one thing that must not happen.
//!
//! The mark holds the generation, which grows with every opening and is synced before the first
//! verb, and the number of the last write. That one is noted after each flush of the store and left
//! to the system to sync. So the mark may lag the store, and leads it only when the store has lost
//! something that was durable.

use std::{
    ffi::OsString,
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

/// What the mark says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marked {
    /// There is no mark.
    Absent,
    /// There is one, and it is damaged.
    Unreadable,
    /// The store got at least this far.
    At { generation: u64, write: u64 },
}

/// Where the mark of a store lies.
pub(super) fn path_of(folder: &Path) -> PathBuf {
    let mut name = folder
        .file_name()
        .map_or_else(|| OsString::from("store"), OsString::from);
    name.push(".generation");
    folder.with_file_name(name)
}

pub(super) fn read(path: &Path) -> io::Result<Marked> {
    let mut text = Vec::new();
    match File::open(path) {
        Ok(file) => file.take(1024).read_to_end(&mut text)?,
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(Marked::Absent),
        Err(err) => return Err(err),
    };
    Ok(parse(&text).unwrap_or(Marked::Unreadable))
}

fn parse(text: &[u8]) -> Option<Marked> {
    let text = std::str::from_utf8(text).ok()?;
    let mut words = text.strip_suffix('\n')?.split(' ');
    let (generation, write) = match (words.next()?, words.next()?, words.next()?, words.next()?) {
        ("generation", generation, "write", write) => (generation, write),
        _ => return None,
    };
    let (generation, write) = (generation.parse().ok()?, write.parse().ok()?);
    words
        .next()
        .is_none()
        .then_some(Marked::At { generation, write })
}

/// Of one length whatever the numbers, so that one write in place replaces it whole.
fn text(generation: u64, write: u64) -> String {
    format!("generation {generation:020} write {write:020}\n")
}

/// The mark of an open store.
#[derive(Debug)]
pub(super) struct Mark {
    generation: u64,
    file: Mutex<(File, u64)>,
}

impl Mark {
    /// Replaces the mark; durable on return.
    pub(super) fn write(path: &Path, generation: u64, write: u64) -> io::Result<Self> {
        let mut fresh = OsString::from(path);
        fresh.push(".new");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&fresh)?;
        file.write_all(text(generation, write).as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&fresh, path)?;
        if let Some(parent) = path.parent().filter(|it| !it.as_os_str().is_empty()) {
            File::open(parent)?.sync_all()?;
        }
        Ok(Self {
            generation,
            file: Mutex::new((file, write)),
        })
    }

    /// Notes a write that is durable, and with it all before it. Does not wait for the disk.
    pub(super) fn advance(&self, write: u64) -> io::Result<()> {
        let mut held = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, last) = &mut *held;
        if write > *last {
            file.seek(SeekFrom::Start(0))?;
            file.write_all(text(self.generation, write).as_bytes())?;
            *last = write;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = path_of(&folder.path().join("books.v1"));
        assert_eq!(path.file_name().unwrap(), "books.v1.generation");
        assert_eq!(read(&path).unwrap(), Marked::Absent);
        let mark = Mark::write(&path, 3, 9).unwrap();
        assert_eq!(
            read(&path).unwrap(),
            Marked::At {
                generation: 3,
                write: 9
            }
        );
        for (write, noted) in [(12, 12), (11, 12), (u64::MAX, u64::MAX)] {
            mark.advance(write).unwrap();
            assert_eq!(
                read(&path).unwrap(),
                Marked::At {
                    generation: 3,
                    write: noted
                }
            );
        }
        for bad in [
            "",
            "generation 3",
            "generation 3 write x\n",
            "generation 3 write 4",
            "\u{0}",
        ] {
            std::fs::write(&path, bad).unwrap();
            assert_eq!(read(&path).unwrap(), Marked::Unreadable, "{bad:?}");
        }
    }
}
