//! Secrets from every place, and sealed ones in the store.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use super::support::Memory;
use crate::{
    config::SecretRef,
    http::secrets::{Environment, Secret, Secrets},
};

fn secrets(rows: &Arc<Memory>, key_file: &Path, variables: &[(&str, &str)]) -> Secrets {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let environment = Environment::only(variables.iter().map(own).collect::<BTreeMap<_, _>>());
    Secrets::over(rows.clone(), key_file, environment)
}

#[cfg(unix)]
fn write(path: &Path, text: &str, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(unix)]
#[test]
fn every_place_gives_its_secret_or_says_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write(&at("fine"), "canary-file\r\n", 0o600);
    write(&at("inner"), "canary\nfile\n\n", 0o400);
    write(&at("open"), "canary-file", 0o644);
    write(&at("empty"), "\n", 0o600);
    let secrets = secrets(
        &Arc::default(),
        &at("key"),
        &[("SET", "canary-env"), ("EMPTY", "")],
    );
    secrets.put("kept", &Secret::new("canary-kept")).unwrap();
    let file = |name: &str| SecretRef::File(at(name));
    let cases = [
        (SecretRef::Env("SET".to_owned()), Ok("canary-env")),
        (
            SecretRef::Env("UNSET".to_owned()),
            Err("environment variable UNSET is not set"),
        ),
        (
            SecretRef::Env("EMPTY".to_owned()),
            Err("environment variable EMPTY is not set"),
        ),
        (file("fine"), Ok("canary-file")),
        (file("inner"), Ok("canary\nfile")),
        (
            file("open"),
            Err("others may read or write it (mode 0644); run `chmod 600"),
        ),
        (file("empty"), Err("it is empty")),
        (file("missing"), Err("missing: No such file")),
        (
            SecretRef::File(folder.path().to_owned()),
            Err("it is not a file"),
        ),
        (SecretRef::Store("kept".to_owned()), Ok("canary-kept")),
        (
            SecretRef::Store("other".to_owned()),
            Err("no secret named `other` is in the store"),
        ),
    ];
    for (from, expected) in cases {
        match (secrets.resolve(&from), expected) {
            (Ok(secret), Ok(expected)) => {
                assert_eq!(secret.reveal(), expected, "{from:?}");
                let shown = secrets.scrubber().scrub(secret.reveal()).into_owned();
                assert_eq!(shown, "[secret]", "{from:?}");
            }
            (Err(error), Err(expected)) => {
                let error = error.to_string();
                assert!(
                    error.contains(expected) && !error.contains("canary"),
                    "{from:?}: {error}"
                );
            }
            (actual, expected) => panic!("{from:?}: {actual:?} instead of {expected:?}"),
        }
    }
}

#[test]
fn what_is_kept_survives_a_restart_and_can_be_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let (rows, key) = (Arc::default(), folder.path().join("key"));
    secrets(&rows, &key, &[])
        .put("x", &Secret::new("canary"))
        .unwrap();
    let again = secrets(&rows, &key, &[]);
    assert_eq!(again.get("x").unwrap().unwrap().reveal(), "canary");
    again.remove("x").unwrap();
    assert!(again.get("x").unwrap().is_none());
}

#[test]
fn a_missing_key_file_is_not_replaced_by_one_that_opens_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (rows, key) = (Arc::default(), folder.path().join("key"));
    secrets(&rows, &key, &[])
        .put("x", &Secret::new("canary"))
        .unwrap();
    fs::remove_file(&key).unwrap();
    let error = secrets(&rows, &key, &[]).get("x").unwrap_err().to_string();
    assert!(
        error.contains("the key that sealed `x` is not in"),
        "{error}"
    );
    assert!(!key.exists());
}

#[test]
fn the_environment_names_the_key_file_first() {
    let folder = tempfile::tempdir().unwrap();
    let (rows, named) = (Arc::default(), folder.path().join("named"));
    let variables = [("LEDGERLINE_KEY_FILE", named.to_str().unwrap())];
    let usual = folder.path().join("usual");
    secrets(&rows, &usual, &variables)
        .put("x", &Secret::new("canary"))
        .unwrap();
    assert!(named.exists() && !usual.exists());
}
