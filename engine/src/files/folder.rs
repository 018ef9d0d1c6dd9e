//! The files of a folder that a pattern names.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
    time::SystemTime,
};

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use wildmatch::WildMatch;

/// Largest file that is read. A year of sales with a row for each line is a tenth of it.
pub(crate) const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// A file that a pattern names.
#[derive(Debug)]
pub(crate) struct Named {
    /// Its name, without its folder.
    pub(crate) name: String,
    /// When it was written, milliseconds since the epoch.
    pub(crate) written: i64,
    path: PathBuf,
}

/// The content of a file.
#[derive(Debug)]
pub(crate) struct Found {
    /// SHA-256 of the content, in hexadecimal digits.
    pub(crate) hash: String,
    pub(crate) bytes: Vec<u8>,
}

/// A file that could not be read, or the folder.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unread {
    pub(crate) name: String,
    pub(crate) why: String,
}

/// The files that `pattern` names (`*` and `?` in its last part), oldest first: of two that tell of one
/// document the later one counts. Names that begin with a dot are files that are still being written.
pub(crate) fn find(pattern: &Path) -> (Vec<Named>, Vec<Unread>) {
    let (folder, name) = match (pattern.parent(), pattern.file_name()) {
        (Some(folder), Some(name)) => (folder, name.to_string_lossy().into_owned()),
        _ => (Path::new("."), String::new()),
    };
    let listing = match std::fs::read_dir(folder) {
        Ok(it) => it,
        Err(why) => {
            let unread = Unread {
                name: folder.display().to_string(),
                why: format!("the folder cannot be read: {why}"),
            };
            return (Vec::new(), vec![unread]);
        }
    };
    let pattern = WildMatch::new(&name);
    let mut named: Vec<(SystemTime, String, PathBuf)> = listing
        .flatten()
        .filter_map(|it| {
            let own = it.file_name().to_string_lossy().into_owned();
            let kind = std::fs::metadata(it.path()).ok()?;
            let wanted = kind.is_file() && !own.starts_with('.') && pattern.matches(&own);
            let at = kind.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            wanted.then(|| (at, own, it.path()))
        })
        .collect();
    named.sort();
    let files = named.into_iter().map(|(at, name, path)| Named {
        name,
        written: jiff::Timestamp::try_from(at).map_or(0, |it| it.as_millisecond()),
        path,
    });
    (files.collect(), Vec::new())
}

/// Reads a file.
pub(crate) fn content(named: &Named) -> Result<Found, Unread> {
    let unread = |why: String| Unread {
        name: named.name.clone(),
        why,
    };
    let file = std::fs::File::open(&named.path)
        .map_err(|it| unread(format!("it cannot be read: {it}")))?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|it| unread(format!("it cannot be read: {it}")))?;
    if bytes.len() as u64 > MAX_BYTES {
        let limit = MAX_BYTES / (1024 * 1024);
        return Err(unread(format!(
            "it is larger than {limit} MiB: export a shorter period"
        )));
    }
    let hash = HEXLOWER.encode(&Sha256::digest(&bytes));
    Ok(Found { hash, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_name_files() {
        let cases = [
            ("*.csv", "a.csv", true),
            ("*.csv", "a.csv.part", false),
            ("cogs-*.csv", "cogs-2026-07.csv", true),
            ("cogs-*.csv", "costs-2026-07.csv", false),
            ("cogs-????-??.csv", "cogs-2026-07.csv", true),
            ("cogs-????-??.csv", "cogs-2026-7.csv", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxaxx", false),
            ("one.csv", "one.csv", true),
            ("", "one.csv", false),
        ];
        for (pattern, name, wanted) in cases {
            assert_eq!(
                WildMatch::new(pattern).matches(name),
                wanted,
                "{pattern} {name}"
            );
        }
    }

    #[test]
    fn files_come_oldest_first_and_a_missing_folder_is_told() {
        let dir = tempfile::tempdir().unwrap();
        for (nth, name) in ["b.csv", "a.csv", ".hidden.csv", "c.txt"]
            .iter()
            .enumerate()
        {
            let path = dir.path().join(name);
            std::fs::write(&path, name).unwrap();
            let at = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(nth as u64);
            let file = std::fs::File::options().write(true).open(&path).unwrap();
            file.set_modified(at).unwrap();
        }
        std::fs::create_dir(dir.path().join("folder.csv")).unwrap();
        let (files, unread) = find(&dir.path().join("*.csv"));
        let names: Vec<String> = files.into_iter().map(|it| it.name).collect();
        assert_eq!(names, ["b.csv", "a.csv"]);
        assert_eq!(unread, []);
        let (files, unread) = find(&dir.path().join("none/*.csv"));
        assert!(files.is_empty());
        assert!(
            unread[0].why.contains("the folder cannot be read"),
            "{unread:?}"
        );
    }
}
