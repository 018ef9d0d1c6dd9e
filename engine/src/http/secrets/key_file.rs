//! The key file: the one secret that is not kept in the store.
//!
//! One key a line, base64 of 32 random bytes, `#` for remarks. The last key seals, every key opens:
//! to rotate, append a line. A key is known by the start of its hash, which sealed secrets carry.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::SecretError;

/// Names a key without saying anything about it.
pub(super) type KeyId = [u8; 4];

/// One key.
pub(super) struct Key {
    pub(super) id: KeyId,
    pub(super) bytes: Zeroizing<[u8; 32]>,
}

impl Key {
    fn new(bytes: Zeroizing<[u8; 32]>) -> Self {
        let mut id = KeyId::default();
        id.copy_from_slice(&Sha256::digest(*bytes)[..4]);
        Self { id, bytes }
    }
}

/// All keys of a file, newest last; never empty.
pub(super) struct Keys {
    pub(super) path: PathBuf,
    pub(super) list: Vec<Key>,
}

impl Keys {
    /// Reads the file, or makes it with one new key.
    pub(super) fn open(path: &Path) -> Result<Self, SecretError> {
        match fs::symlink_metadata(path) {
            Ok(_) => Self::read(path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::create(path),
            Err(error) => Err(unusable(path, error)),
        }
    }

    /// The key that seals.
    pub(super) fn newest(&self) -> Option<&Key> {
        self.list.last()
    }

    fn read(path: &Path) -> Result<Self, SecretError> {
        let text = read_private(path)?;
        let mut list = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            list.push(decode(line).ok_or_else(|| SecretError::KeyFile {
                path: path.to_owned(),
                why: format!("line {} is not base64 of 32 bytes", number + 1),
            })?);
        }
        if list.is_empty() {
            return Err(SecretError::KeyFile {
                path: path.to_owned(),
                why: "there is no key in it; put the right file back, or remove it to begin anew \
                      and connect again"
                    .to_owned(),
            });
        }
        Ok(Self {
            path: path.to_owned(),
            list,
        })
    }

    fn create(path: &Path) -> Result<Self, SecretError> {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        getrandom::fill(bytes.as_mut_slice()).map_err(|error| SecretError::KeyFile {
            path: path.to_owned(),
            why: format!("the system has no random bytes: {error}"),
        })?;
        let line = Zeroizing::new(format!("{}\n", STANDARD.encode(*bytes)));
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        fs::create_dir_all(folder).map_err(|error| unusable(path, error))?;
        // Whole or not at all: killed between making the file and filling it, an engine would leave an
        // empty one, and that is refused ever after. A temporary file is its owner's alone.
        let mut file =
            tempfile::NamedTempFile::new_in(folder).map_err(|error| unusable(path, error))?;
        file.write_all(line.as_bytes())
            .and_then(|()| file.as_file().sync_all())
            .map_err(|error| unusable(path, error))?;
        // Never over an existing file: its keys may be the only ones that open the store.
        match file.persist_noclobber(path) {
            Ok(_) => {}
            Err(failed) if failed.error.kind() == io::ErrorKind::AlreadyExists => {
                return Self::read(path);
            }
            Err(failed) => return Err(unusable(path, failed.error)),
        }
        // The name, too, must survive a power cut: a lost key file costs every connection.
        if let Ok(folder) = fs::File::open(folder) {
            folder.sync_all().map_err(|error| unusable(path, error))?;
        }
        Ok(Self {
            path: path.to_owned(),
            list: vec![Key::new(bytes)],
        })
    }
}

fn decode(line: &str) -> Option<Key> {
    let held = Zeroizing::new(STANDARD.decode(line).ok()?);
    let bytes = <[u8; 32]>::try_from(held.as_slice()).ok()?;
    Some(Key::new(Zeroizing::new(bytes)))
}

fn unusable(path: &Path, error: io::Error) -> SecretError {
    SecretError::KeyFile {
        path: path.to_owned(),
        why: error.to_string(),
    }
}

/// Reads a text file that only its owner may read.
pub(super) fn read_private(path: &Path) -> Result<Zeroizing<String>, SecretError> {
    let failed = |why: String| SecretError::File {
        path: path.to_owned(),
        why,
    };
    let file = fs::File::open(path).map_err(|error| failed(error.to_string()))?;
    let about = file.metadata().map_err(|error| failed(error.to_string()))?;
    if !about.is_file() {
        return Err(failed("it is not a file".to_owned()));
    }
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&about.permissions()) & 0o777;
        if mode & 0o077 != 0 {
            return Err(failed(format!(
                "others may read or write it (mode {mode:04o}); run `chmod 600 {}`",
                path.display()
            )));
        }
    }
    io::read_to_string(file)
        .map(Zeroizing::new)
        .map_err(|error| failed(error.to_string()))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn error(path: &Path) -> String {
        Keys::open(path).err().unwrap().to_string()
    }

    #[test]
    fn a_missing_file_is_made_for_its_owner_alone_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/key");
        let first = Keys::open(&path).unwrap();
        assert_eq!(mode(&path), 0o600);
        let beside = fs::read_dir(folder.path().join("new")).unwrap().count();
        assert_eq!(beside, 1, "a file is left beside the key");
        let again = Keys::open(&path).unwrap();
        assert_eq!(first.list[0].id, again.list[0].id);
        assert_eq!(*first.list[0].bytes, *again.list[0].bytes);
    }

    #[test]
    fn a_file_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        Keys::open(&path).unwrap();
        for (bits, fine) in [
            (0o600, true),
            (0o400, true),
            (0o640, false),
            (0o604, false),
            (0o660, false),
        ] {
            fs::set_permissions(&path, fs::Permissions::from_mode(bits)).unwrap();
            assert_eq!(Keys::open(&path).is_ok(), fine, "{bits:o}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(error(&path).contains("chmod 600"), "{}", error(&path));
    }

    #[test]
    fn damaged_files_say_what_is_wrong_and_are_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let cases = [
            ("", "there is no key in it"),
            ("# old\n\nshort\n", "line 3 is not base64"),
        ];
        for (text, expected) in cases {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            assert!(error(&path).contains(expected), "{}", error(&path));
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }
    /// Found by the kill campaign: one opener read the file of another that had not filled it yet.
    #[test]
    fn openers_at_one_time_never_see_an_unfilled_file() {
        for _ in 0..20 {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("key");
            let start = std::sync::Barrier::new(8);
            let ids: Vec<KeyId> = std::thread::scope(|scope| {
                let openers: Vec<_> = (0..8)
                    .map(|_| {
                        scope.spawn(|| {
                            start.wait();
                            Keys::open(&path).map(|it| it.list[0].id)
                        })
                    })
                    .collect();
                openers
                    .into_iter()
                    .map(|it| it.join().unwrap().unwrap())
                    .collect()
            });
            assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        }
    }
}
