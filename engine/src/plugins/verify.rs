//! Whether a file may be used as a library: who can have changed it, and are its bytes the locked
//! ones.
//!
//! A file is read once, through a descriptor that was checked, and everything after works on these
//! bytes. So the checks of folders only have to keep out mistakes and other users of the machine:
//! from the plugin folder upward each folder must belong to root or to the engine's user and be
//! writable by its owner alone. The walk ends at the first folder of root that others cannot write
//! to, or that is sticky (as `/tmp` is): nobody else can replace a folder in it.

use std::{
    fs::{File, Metadata, OpenOptions},
    io::{self, Read},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::{
    Lock,
    trace::{Broken, LoadError, Trace},
};

/// Longest library that is read.
const MAX_LIBRARY: u64 = 256 << 20;

const WRITABLE_BY_OTHERS: u32 = 0o022;
const STICKY: u32 = 0o1000;

/// Reads a library that nobody but root and the engine's user can have changed.
pub(super) fn read(path: &Path, trace: &mut Trace) -> Result<Vec<u8>, LoadError> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    check_folders(
        &format!("check the folder {}", folder.display()),
        folder,
        trace,
    )?;
    let what = format!("open {}", path.display());
    let mut file = match open(path) {
        Ok(file) => file,
        Err(err) => {
            let (outcome, broken) = match err.raw_os_error() {
                Some(libc::ELOOP) => ("it is a symbolic link".to_owned(), not_a_file()),
                _ => (
                    err.to_string(),
                    Broken::new("the library must be readable", "correct its owner or mode"),
                ),
            };
            return Err(trace.refuse(what, outcome, broken));
        }
    };
    let metadata = match file.metadata() {
        Ok(metadata) => metadata,
        Err(err) => return Err(trace.refuse(what, err.to_string(), not_a_file())),
    };
    if !metadata.is_file() {
        return Err(trace.refuse(what, "it is not a regular file", not_a_file()));
    }
    if metadata.len() > MAX_LIBRARY {
        let broken = Broken::new(
            "a library has at most 256 MiB",
            "install the stripped library",
        );
        return Err(trace.refuse(what, format!("it has {} bytes", metadata.len()), broken));
    }
    if let Some((outcome, broken)) = owned_by_others(&metadata, path) {
        return Err(trace.refuse(what, outcome, broken));
    }
    let mut bytes = Vec::new();
    if let Err(err) = file.by_ref().take(MAX_LIBRARY).read_to_end(&mut bytes) {
        let broken = Broken::new("the library must be readable", "check the disk");
        return Err(trace.refuse(what, err.to_string(), broken));
    }
    trace.done(
        what,
        format!("{}, {} bytes", described(&metadata), bytes.len()),
    );
    Ok(bytes)
}

fn not_a_file() -> Broken {
    Broken::new(
        "the library must be a regular file, not a link or anything else",
        "copy the library itself into the plugin folder",
    )
}

/// Not through a link, and without waiting should it be a pipe.
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path)
}

/// Reads a file of our own private store again.
pub(super) fn read_private(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(MAX_LIBRARY).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The user that the engine runs as.
fn own_user() -> u32 {
    // SAFETY: `geteuid` takes nothing, changes nothing and cannot fail.
    unsafe { libc::geteuid() }
}

fn described(metadata: &Metadata) -> String {
    format!(
        "owned by user {}, mode {:04o}",
        metadata.uid(),
        metadata.mode() & 0o7777
    )
}

fn owned_by_others(metadata: &Metadata, path: &Path) -> Option<(String, Broken)> {
    let own = own_user();
    let path = path.display();
    if metadata.uid() != 0 && metadata.uid() != own {
        let broken = Broken::new(
            format!("it must belong to root or to the engine's user ({own})"),
            format!("`chown` {path} to one of them"),
        );
        return Some((described(metadata), broken));
    }
    if metadata.mode() & WRITABLE_BY_OTHERS != 0 {
        let broken = Broken::new(
            "nobody but its owner may be able to write to it",
            format!("chmod go-w {path}"),
        );
        return Some((described(metadata), broken));
    }
    None
}

/// What the mode of a folder means for the walk upward.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// Nobody else can replace what is in it, nor the folder itself.
    Enough,
    /// Nobody else can replace what is in it.
    GoOn,
    Refused,
}

fn judge(owner: u32, mode: u32, own: u32, holds_the_library: bool) -> Verdict {
    let private = mode & WRITABLE_BY_OTHERS == 0;
    let sticky = mode & STICKY != 0 && !holds_the_library;
    match owner {
        0 if private || sticky => Verdict::Enough,
        _ if owner == own && private => Verdict::GoOn,
        _ => Verdict::Refused,
    }
}

/// Walks from the folder upward; gives its real path.
pub(super) fn check_folders(
    what: &str,
    folder: &Path,
    trace: &mut Trace,
) -> Result<PathBuf, LoadError> {
    let own = own_user();
    let unreadable = |it: &Path| {
        Broken::new(
            "the folder must be readable",
            format!("check that {} exists", it.display()),
        )
    };
    let real = match folder.canonicalize() {
        Ok(real) => real,
        Err(err) => return Err(trace.refuse(what, err.to_string(), unreadable(folder))),
    };
    for (depth, dir) in real.ancestors().enumerate() {
        let metadata = match dir.symlink_metadata() {
            Ok(metadata) => metadata,
            Err(err) => return Err(trace.refuse(what, err.to_string(), unreadable(dir))),
        };
        match judge(metadata.uid(), metadata.mode(), own, depth == 0) {
            Verdict::Enough => break,
            Verdict::GoOn => {}
            Verdict::Refused => {
                let broken = Broken::new(
                    "the folder of a library, and those above it, must belong to root or to the \
                     engine's user and be writable by their owner alone",
                    format!(
                        "chmod go-w {0}, or `chown` it to root or to user {own}",
                        dir.display()
                    ),
                );
                let outcome = format!("{} is {}", dir.display(), described(&metadata));
                return Err(trace.refuse(what, outcome, broken));
            }
        }
    }
    trace.done(what, "only root and the engine's user can write to it");
    Ok(real)
}

/// SHA-256 in lower-case hex.
pub(super) fn sha256(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}

/// Holds the hash against the locked one.
pub(super) fn check_lock(
    name: &str,
    sha256: &str,
    lock: &Lock,
    trace: &mut Trace,
) -> Result<(), LoadError> {
    let what = "compare its SHA-256 with plugins.lock";
    let relock = |why: &str| format!("{why}, run `ledgerline plugins lock`");
    match lock.get(name) {
        Some(entry) if entry.sha256 == sha256 => {
            trace.done(what, format!("{sha256}, as locked"));
            Ok(())
        }
        Some(entry) => {
            let broken = Broken::new(
                "the bytes must be those that were locked",
                relock("if the plugin was replaced on purpose"),
            );
            let outcome = format!("locked is {}, found is {sha256}", entry.sha256);
            Err(trace.refuse(what, outcome, broken))
        }
        None => {
            let broken = Broken::new(
                "only locked plugins are loaded",
                relock("if this library is the one to run"),
            );
            Err(trace.refuse(
                what,
                format!("`{name}` is not in it; found is {sha256}"),
                broken,
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_judged_by_owner_and_mode() {
        let cases = [
            // owner, mode, holds the library, verdict
            (0, 0o755, true, Verdict::Enough),
            (0, 0o1777, false, Verdict::Enough), // /tmp
            (0, 0o1777, true, Verdict::Refused), // a library directly in /tmp
            (0, 0o775, false, Verdict::Refused),
            (1000, 0o755, true, Verdict::GoOn),
            (1000, 0o700, false, Verdict::GoOn),
            (1000, 0o775, true, Verdict::Refused),
            (1000, 0o757, false, Verdict::Refused),
            (1000, 0o1777, false, Verdict::Refused),
            (1001, 0o755, false, Verdict::Refused),
        ];
        for (owner, mode, holds, expected) in cases {
            let case = format!("owner {owner}, mode {mode:o}, holds the library: {holds}");
            assert_eq!(judge(owner, mode, 1000, holds), expected, "{case}");
        }
        assert_eq!(
            judge(0, 0o775, 0, false),
            Verdict::Refused,
            "root's own, writable by its group"
        );
    }

    #[test]
    fn hashes_are_lower_case_hex() {
        assert_eq!(
            sha256(b""),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }
}
