//! Where libraries are looked for: the configured folders, under names made from the plugin's. No
//! search path, no environment variable, no relative path.

use std::path::{Path, PathBuf};

use super::trace::{Broken, LoadError, Trace};

/// Checks a name before a path is made of it.
pub(super) fn check_name(name: &str, trace: &mut Trace) -> Result<(), LoadError> {
    let allowed = |it: u8| matches!(it, b'a'..=b'z' | b'0'..=b'9' | b'-');
    if !name.is_empty() && name.len() <= 64 && name.bytes().all(allowed) {
        return Ok(());
    }
    let broken = Broken::new(
        "a plugin's name is made of lower-case letters, digits and dashes",
        "correct the connection's `plugin`",
    );
    Err(trace.refuse(
        "check the name",
        "it holds something else, or nothing",
        broken,
    ))
}

/// File names of a plugin's library, the preferred one first.
pub(super) fn file_names(name: &str) -> [String; 2] {
    let name = name.replace('-', "_");
    [format!("libledgerline_{name}.so"), format!("lib{name}.so")]
}

/// The library of a plugin: the first file by one of its names in the first folder that has one.
/// Whether that file may be used is decided later; a file that may not hides the ones behind it.
pub(super) fn library(
    name: &str,
    folders: &[PathBuf],
    trace: &mut Trace,
) -> Result<PathBuf, LoadError> {
    let names = file_names(name);
    for folder in folders {
        let what = format!("look in {}", folder.display());
        if !folder.is_absolute() {
            let broken = Broken::new(
                "plugin folders are absolute paths",
                "write the whole path in `ledgerline.toml`",
            );
            return Err(trace.refuse(what, "the path is relative", broken));
        }
        if let Some(path) = names.iter().map(|it| folder.join(it)).find(|it| exists(it)) {
            trace.done(what, format!("found {}", path.display()));
            return Ok(path);
        }
        trace.done(what, format!("no {} and no {}", names[0], names[1]));
    }
    let broken = Broken::new(
        "its library must be in one of the plugin folders",
        "install the plugin into one of these folders, or add the folder that holds it to \
         `plugins` in `ledgerline.toml`",
    );
    Err(trace.refuse("look further", "there is no other folder", broken))
}

/// A link to nowhere exists, too: it is refused later, with a reason.
fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_file_names() {
        assert_eq!(
            file_names("acme-stock"),
            ["libledgerline_acme_stock.so", "libacme_stock.so"]
        );
        let cases = [
            ("acme-2", true),
            ("", false),
            ("Acme", false),
            ("../acme", false),
            ("acme_stock", false),
            ("acme\0", false),
        ];
        for (name, good) in cases {
            assert_eq!(
                check_name(name, &mut Trace::new(name)).is_ok(),
                good,
                "{name:?}"
            );
        }
    }
}
