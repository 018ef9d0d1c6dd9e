//! The pin of a connection, written where the operator reads it: `account` in the configuration.
//!
//! There it is under review and version control, and a store that was lost or restored cannot lose
//! or change it. Only where the file cannot be written (a read-only volume), the store keeps it.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use toml_edit::{DocumentMut, Item};

/// Why the file was not changed.
#[derive(Debug, thiserror::Error)]
pub(super) enum PinError {
    #[error("{} cannot be written: {source}", path.display())]
    Unwritable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{}: {why}", path.display())]
    Unfit { path: PathBuf, why: String },
}

/// Writes the pin of a connection into its file, or takes it out (`account` is `None`). `true` when
/// the file was changed; all else in it stays as it is.
pub(super) fn write(
    path: &Path,
    connection: &str,
    account: Option<(&str, &str)>,
) -> Result<bool, PinError> {
    let unreadable = |source| PinError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let unwritable = |source| PinError::Unwritable {
        path: path.to_owned(),
        source,
    };
    // A link stays a link: what it leads to is replaced.
    let real = path.canonicalize().map_err(unreadable)?;
    let before = std::fs::read_to_string(&real).map_err(unreadable)?;
    let after = match account {
        Some((id, name)) => with_pin(&before, connection, id, name),
        None => without_pin(&before, connection),
    };
    let after = after.map_err(|why| PinError::Unfit {
        path: path.to_owned(),
        why,
    })?;
    if after == before {
        return Ok(false);
    }
    replace(&real, &after).map_err(unwritable)?;
    Ok(true)
}

/// All of the new file or all of the old one, whatever happens meanwhile.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let rights = std::fs::metadata(path)?.permissions();
    if rights.readonly() {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "it is read-only",
        ));
    }
    let mut fresh = tempfile::NamedTempFile::new_in(folder)?;
    fresh.write_all(text.as_bytes())?;
    fresh.as_file().set_permissions(rights)?;
    fresh.as_file().sync_all()?;
    fresh.persist(path).map_err(|it| it.error)?;
    std::fs::File::open(folder)?.sync_all()
}

fn with_pin(text: &str, connection: &str, id: &str, name: &str) -> Result<String, String> {
    let mut document = parse(text)?;
    let item = connection_item(&mut document, connection)?;
    // A block table can say beside the id whose it is; inside braces a remark would end the line.
    let remark: String = name.chars().filter(|it| !it.is_control()).collect();
    let remark = Some(remark.trim()).filter(|it| !it.is_empty() && item.is_table());
    let Some(table) = item.as_table_like_mut() else {
        return Err(absent(connection));
    };
    if table.get("account").and_then(Item::as_str) == Some(id) {
        return Ok(text.to_owned());
    }
    let pinned = toml_edit::Value::from(id);
    let suffix = remark.map_or_else(String::new, |it| format!(" # {it}"));
    match table.get_mut("account") {
        // Its key stays, with the remarks above it.
        Some(held) => *held = Item::Value(pinned.decorated(" ", suffix)),
        None => {
            let pinned = match suffix.is_empty() {
                true => pinned,
                false => pinned.decorated(" ", suffix),
            };
            table.insert("account", Item::Value(pinned));
        }
    }
    let text = with_line_ends_of(text, &document);
    prove(&text, connection, Some(id))?;
    Ok(text)
}

fn without_pin(text: &str, connection: &str) -> Result<String, String> {
    // Cut out of the text itself: removing the key would take the remarks above it along, which are
    // about the next pin as well.
    let spanned = toml_edit::Document::parse(text).map_err(|why| unreadable(&why))?;
    let span = spanned
        .get("connections")
        .and_then(|it| it.get(connection))
        .and_then(Item::as_table)
        .and_then(|it| it.get_key_value("account"))
        .and_then(|(key, value)| Some((key.span()?.start, value.span()?.end)));
    let text = match span {
        Some((start, end)) => {
            let before = text.get(..start).unwrap_or_default();
            let after = text.get(end..).unwrap_or_default();
            let line = before.rfind('\n').map_or(0, |it| it + 1);
            let rest = after.find('\n').map_or(after.len(), |it| it + 1);
            format!(
                "{}{}",
                before.get(..line).unwrap_or_default(),
                after.get(rest..).unwrap_or_default()
            )
        }
        None => {
            let mut document = parse(text)?;
            let item = connection_item(&mut document, connection)?;
            if let Some(table) = item.as_table_like_mut() {
                table.remove("account");
            }
            with_line_ends_of(text, &document)
        }
    };
    prove(&text, connection, None)?;
    Ok(text)
}

fn parse(text: &str) -> Result<DocumentMut, String> {
    text.parse().map_err(|why| unreadable(&why))
}

/// The editor writes line feeds alone; a file that was written with carriage returns keeps them.
fn with_line_ends_of(before: &str, document: &DocumentMut) -> String {
    let text = document.to_string();
    let count = |pattern: &str| before.matches(pattern).count();
    match count("\r\n") {
        it if it > 0 && it == count("\n") => text.replace('\n', "\r\n"),
        _ => text,
    }
}

fn unreadable(why: &toml_edit::TomlError) -> String {
    format!("it cannot be read any more: {why}")
}

fn connection_item<'a>(
    document: &'a mut DocumentMut,
    connection: &str,
) -> Result<&'a mut Item, String> {
    document
        .get_mut("connections")
        .and_then(|it| it.get_mut(connection))
        .ok_or_else(|| absent(connection))
}

fn absent(connection: &str) -> String {
    format!("there is no [connections.{connection}] in it")
}

/// Reads the text that is to be written: it must say what was meant.
fn prove(text: &str, connection: &str, account: Option<&str>) -> Result<(), String> {
    let mut document = parse(text)?;
    let item = connection_item(&mut document, connection)?;
    match item.get("account").and_then(Item::as_str) == account {
        true => Ok(()),
        false => Err("its form is unusual; write the account into it yourself".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "7d2c";

    #[test]
    fn a_pin_is_written_and_taken_out_and_all_else_stays() {
        // before, pinned, unpinned again
        let cases = [
            (
                "# mine\n[connections.a]\nplugin = \"p\"   # why\n\n# next\n[connections.b]\nplugin='q'\n",
                "# mine\n[connections.a]\nplugin = \"p\"   # why\naccount = \"7d2c\" # Harbour\n\n# next\n[connections.b]\nplugin='q'\n",
            ),
            (
                "[connections.a]\nplugin = \"p\"\n[connections.a.settings]\nx = 1\n",
                "[connections.a]\nplugin = \"p\"\naccount = \"7d2c\" # Harbour\n[connections.a.settings]\nx = 1\n",
            ),
            (
                "[connections.a]\r\nplugin = \"p\" # why\r\n",
                "[connections.a]\r\nplugin = \"p\" # why\r\naccount = \"7d2c\" # Harbour\r\n",
            ),
            (
                "connections = { a = { plugin = \"p\" } }\n",
                "connections = { a = { plugin = \"p\" , account = \"7d2c\" } }\n",
            ),
            (
                "connections.a.plugin = \"p\"\n",
                "connections.a.plugin = \"p\"\nconnections.a.account = \"7d2c\" # Harbour\n",
            ),
        ];
        for (before, expected) in cases {
            let pinned = with_pin(before, "a", ID, "Har\nbour").unwrap();
            assert_eq!(pinned, expected);
            assert_eq!(with_pin(&pinned, "a", ID, "Other").unwrap(), pinned);
            assert_eq!(without_pin(&pinned, "a").unwrap(), before);
            assert_eq!(without_pin(before, "a").unwrap(), before);
        }
    }

    #[test]
    fn another_pin_takes_the_place_and_remarks_above_stay() {
        let before =
            "[connections.a]\n# The organisation, yours.\naccount = \"old\"\nzone = \"UTC\"\n";
        assert_eq!(
            with_pin(before, "a", ID, "").unwrap(),
            "[connections.a]\n# The organisation, yours.\naccount = \"7d2c\"\nzone = \"UTC\"\n"
        );
        assert_eq!(
            without_pin(before, "a").unwrap(),
            "[connections.a]\n# The organisation, yours.\nzone = \"UTC\"\n"
        );
    }

    #[test]
    fn a_file_that_changed_meanwhile_is_not_guessed_at() {
        for (text, why) in [
            ("[connections.b]\n", "there is no [connections.a] in it"),
            ("[connections.a\n", "it cannot be read any more"),
        ] {
            let error = with_pin(text, "a", ID, "x").unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
            assert!(
                without_pin(text, "a").is_err() || !text.contains("[a"),
                "{text}"
            );
        }
    }

    #[test]
    fn files_keep_their_rights_and_links_stay_links() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().join("real.toml");
        let link = folder.path().join("ledgerline.toml");
        std::fs::write(&real, "[connections.a]\nplugin = \"p\"\n").unwrap();
        std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o640)).unwrap();
        symlink(&real, &link).unwrap();
        assert!(write(&link, "a", Some((ID, "Harbour"))).unwrap());
        assert!(!write(&link, "a", Some((ID, "Harbour"))).unwrap());
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        let mode = std::fs::metadata(&real).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        assert!(
            std::fs::read_to_string(&real)
                .unwrap()
                .contains("account = \"7d2c\"")
        );

        std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o440)).unwrap();
        let error = write(&link, "a", None).unwrap_err();
        assert!(matches!(error, PinError::Unwritable { .. }), "{error}");
        let error = write(&folder.path().join("none"), "a", None).unwrap_err();
        assert!(matches!(error, PinError::Unreadable { .. }), "{error}");
    }
}
