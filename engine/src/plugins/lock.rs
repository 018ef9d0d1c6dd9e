//! `plugins.lock`: which bytes are allowed to run under which name. The operator's file; `ledgerline
//! plugins lock` writes it from what is installed.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use semver::Version;
use serde::{Deserialize, Serialize};

const HEAD: &str = "\
# Which plugin libraries may run, by the hash of their bytes.
# Written by `ledgerline plugins lock`; run it again after a plugin was installed or replaced.
";

/// The whole file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Lock {
    /// One entry for each plugin, in the order of their names.
    #[serde(default, rename = "plugin")]
    pub plugins: Vec<LockedPlugin>,
}

/// One plugin that may run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LockedPlugin {
    /// Name by which connections ask for it.
    pub name: String,
    /// Version that the library states.
    pub version: Version,
    /// SHA-256 of the library, in lower-case hex.
    pub sha256: String,
    /// Name of the file, for people.
    pub file: String,
}

/// `plugins.lock` cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// The file system refused.
    #[error("cannot {what} {path}")]
    Io {
        /// `read` or `write`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is not TOML of the form that `ledgerline plugins lock` writes.
    #[error("{path} is not a lock file: {why}")]
    Form {
        /// The file.
        path: PathBuf,
        /// Why, with the line.
        why: String,
    },
}

impl Lock {
    /// Reads the file; one that does not exist locks nothing.
    pub fn read(path: &Path) -> Result<Self, LockError> {
        match fs::read_to_string(path) {
            Ok(text) => Self::parse(&text).map_err(|why| LockError::Form {
                path: path.to_owned(),
                why,
            }),
            Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(LockError::Io {
                what: "read",
                path: path.to_owned(),
                source,
            }),
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let lock: Self = toml::from_str(text).map_err(|err| err.to_string())?;
        for (i, entry) in lock.plugins.iter().enumerate() {
            let name = &entry.name;
            let hex = |it: u8| matches!(it, b'0'..=b'9' | b'a'..=b'f');
            if entry.sha256.len() != 64 || !entry.sha256.bytes().all(hex) {
                return Err(format!(
                    "the sha256 of `{name}` is not 64 lower-case hex digits"
                ));
            }
            if lock.plugins[..i].iter().any(|it| it.name == *name) {
                return Err(format!("`{name}` is locked twice"));
            }
        }
        Ok(lock)
    }

    /// The text of the file.
    pub fn text(&self) -> String {
        let mut sorted = self.clone();
        sorted.plugins.sort_by(|a, b| a.name.cmp(&b.name));
        // Texts alone, so writing them cannot fail.
        let body = toml::to_string(&sorted).unwrap_or_default();
        format!("{HEAD}\n{body}")
    }

    /// Writes the file, whole or not at all.
    pub fn write(&self, path: &Path) -> Result<(), LockError> {
        let temporary = path.with_extension("lock.new");
        let write = || {
            let mut file = fs::File::create(&temporary)?;
            file.write_all(self.text().as_bytes())?;
            file.sync_all()?;
            fs::rename(&temporary, path)
        };
        write().map_err(|source| LockError::Io {
            what: "write",
            path: path.to_owned(),
            source,
        })
    }

    /// The entry of a plugin.
    pub fn get(&self, name: &str) -> Option<&LockedPlugin> {
        self.plugins.iter().find(|it| it.name == name)
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn entry(name: &str, digit: char) -> LockedPlugin {
        LockedPlugin {
            name: name.to_owned(),
            version: Version::new(1, 2, 0),
            sha256: digit.to_string().repeat(64),
            file: format!("libledgerline_{name}.so"),
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("plugins.lock");
        assert_eq!(Lock::read(&path).unwrap(), Lock::default());

        let lock = Lock {
            plugins: vec![entry("beta", 'b'), entry("acme", 'a')],
        };
        lock.write(&path).unwrap();
        let read = Lock::read(&path).unwrap();
        assert_eq!(read.plugins, [entry("acme", 'a'), entry("beta", 'b')]);
        assert_eq!(read.get("beta"), Some(&entry("beta", 'b')));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        expect![[r#"
            # Which plugin libraries may run, by the hash of their bytes.
            # Written by `ledgerline plugins lock`; run it again after a plugin was installed or replaced.

            [[plugin]]
            name = "acme"
            version = "1.2.0"
            sha256 = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
            file = "libledgerline_acme.so"
        "#]]
        .assert_eq(&Lock { plugins: vec![entry("acme", 'a')] }.text());
    }

    #[test]
    fn a_damaged_lock_says_what_is_wrong() {
        let short = entry("acme", 'a');
        let short = LockedPlugin {
            sha256: "AB".to_owned(),
            ..short
        };
        let cases = [
            (
                Lock {
                    plugins: vec![short],
                },
                "the sha256 of `acme` is not 64 lower-case hex digits",
            ),
            (
                Lock {
                    plugins: vec![entry("acme", 'a'), entry("acme", 'b')],
                },
                "`acme` is locked twice",
            ),
        ];
        for (lock, expected) in cases {
            assert_eq!(Lock::parse(&lock.text()), Err(expected.to_owned()));
        }
        assert!(
            Lock::parse("[[plugin]]\nname = 'x'\nhash = 'y'")
                .unwrap_err()
                .contains("hash")
        );
    }
}
