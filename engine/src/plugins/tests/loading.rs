//! Libraries on disk: what is refused, with which words, and one that works.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use expect_test::{Expect, expect};
use tempfile::TempDir;
use tokio::runtime::Builder;

use super::support::{Net, open};
use crate::plugins::{
    Asked, Cancel, Given, Limits, Lock, Operation, Places, Registry, Wanted, inspect,
    lock_installed,
};

const HEADER: &str = include_str!("../../../../plugin-api/ledgerline.h");
const SOURCE: &str = include_str!("zoo.c");

/// A deployment of its own in a folder of its own.
struct Place {
    dir: TempDir,
    folders: Vec<PathBuf>,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let folders = vec![dir.path().join("empty"), dir.path().join("plugins")];
        for folder in &folders {
            fs::create_dir(folder).unwrap();
            fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
        }
        Self { dir, folders }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn library(&self) -> PathBuf {
        self.path("plugins/libledgerline_zoo_c.so")
    }

    /// Compiles the fixture with these definitions; false when there is no C compiler.
    fn build(&self, definitions: &[&str]) -> bool {
        fs::write(self.path("ledgerline.h"), HEADER).unwrap();
        fs::write(self.path("zoo.c"), SOURCE).unwrap();
        let mut cc = Command::new("cc");
        cc.args([
            "-std=c11", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-O0", "-I",
        ]);
        cc.arg(self.dir.path())
            .args(definitions.iter().map(|it| format!("-D{it}")));
        cc.arg(self.path("zoo.c")).arg("-o").arg(self.library());
        let Ok(output) = cc.output() else {
            eprintln!("SKIPPED: there is no `cc` to build the fixture zoo.c with");
            return false;
        };
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        self.allow(&self.library(), 0o755);
        true
    }

    fn allow(&self, path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    fn places<'a>(&'a self, lock: &'a Path, state: &'a Path) -> Places<'a> {
        Places {
            folders: &self.folders,
            lock,
            state,
        }
    }

    fn load(&self, wanted: &[Wanted]) -> (Registry, Vec<String>) {
        let (lock, state) = (self.path("plugins.lock"), self.path("state"));
        let (registry, errors) = Registry::load(wanted, self.places(&lock, &state));
        (
            registry,
            errors
                .iter()
                .map(|it| self.plain(&it.to_string()))
                .collect(),
        )
    }

    /// Writes the lock of what is installed, as the command does.
    fn lock(&self) -> Vec<String> {
        let (path, state) = (self.path("plugins.lock"), self.path("state"));
        let (lock, errors) = lock_installed(["zoo-c"], self.places(&path, &state));
        lock.write(&path).unwrap();
        errors
            .iter()
            .map(|it| self.plain(&it.to_string()))
            .collect()
    }

    /// Without what differs from run to run and from machine to machine.
    fn plain(&self, text: &str) -> String {
        let own = fs::metadata(self.dir.path()).unwrap().uid();
        let text = text.replace(&*self.dir.path().to_string_lossy(), "<dir>");
        let text = text.replace(&format!(" user {own}"), " user OWN");
        let text = text.replace(std::env::consts::ARCH, "ARCH");
        let mut plain = String::new();
        for part in text.split_inclusive(|it: char| !it.is_ascii_alphanumeric()) {
            let word = part.trim_end_matches(|it: char| !it.is_ascii_alphanumeric());
            let is_hash = word.len() == 64 && word.bytes().all(|it| it.is_ascii_hexdigit());
            plain.push_str(&if is_hash {
                part.replace(word, "HASH")
            } else {
                part.to_owned()
            });
        }
        plain
    }
}

fn wanted(version: &str) -> Wanted {
    Wanted {
        connection: "books".to_owned(),
        plugin: "zoo-c".to_owned(),
        version: version.parse().unwrap(),
    }
}

/// Builds a library, changes it, and compares the refusal.
fn refused(definitions: &[&str], change: impl FnOnce(&Place), expected: &Expect) {
    let place = Place::new();
    if !place.build(definitions) {
        return;
    }
    change(&place);
    let (registry, errors) = place.load(&[wanted("^1")]);
    assert!(registry.get("zoo-c").is_none() || registry.for_connection("books").is_none());
    expected.assert_eq(&without_sizes(&errors.join("\n")));
}

/// The size of a library depends on the compiler.
fn without_sizes(text: &str) -> String {
    let words: Vec<&str> = text.split(' ').collect();
    let sized = |i: usize| words.get(i + 1).is_some_and(|it| it.starts_with("bytes"));
    let word = |(i, it): (usize, &&str)| {
        let number = it.bytes().all(|it| it.is_ascii_digit()) && !it.is_empty();
        if number && sized(i) && it.len() > 3 {
            "SIZE".to_owned()
        } else {
            (*it).to_owned()
        }
    };
    words
        .iter()
        .enumerate()
        .map(word)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Locks what is there although nothing of it may load.
fn locked(place: &Place) {
    let bytes = fs::read(place.library()).unwrap();
    let text = format!(
        "[[plugin]]\nname = 'zoo-c'\nversion = '1.0.0'\nfile = 'x'\nsha256 = '{}'\n",
        crate::plugins::verify::sha256(&bytes)
    );
    fs::write(place.path("plugins.lock"), text).unwrap();
}

#[test]
fn a_library_in_c_works_from_end_to_end() {
    let place = Place::new();
    if !place.build(&["GOOD=1"]) {
        return;
    }
    assert_eq!(place.lock(), [""; 0]);
    let (registry, errors) = place.load(&[wanted("^1")]);
    assert_eq!(errors, [""; 0]);
    let plugin = registry.for_connection("books").unwrap();
    assert_eq!(
        (plugin.name(), plugin.version().to_string()),
        ("zoo-c", "1.0.0".to_owned())
    );
    assert_eq!(plugin.path(), Some(place.library().as_path()));
    assert_eq!(plugin.abi().to_string(), "0.0 (needs 0.0)");

    // The copy is private, and loading again neither copies nor opens anything.
    let copy = place
        .path("state/plugins/zoo-c")
        .join(plugin.sha256())
        .join("connector.so");
    let metadata = fs::metadata(&copy).unwrap();
    assert_eq!(metadata.mode() & 0o777, 0o500);
    assert_eq!(
        fs::metadata(place.path("state")).unwrap().mode() & 0o777,
        0o700
    );
    let (again, _) = place.load(&[wanted("^1")]);
    assert_eq!(fs::metadata(&copy).unwrap().ino(), metadata.ino());

    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let (net, limits) = (Net::new(), Limits::default());
        let mut session =
            open(plugin, Operation::Pull, "status", limits, Cancel::default()).unwrap();
        let asked = session.next(Given::Nothing, &net).await.unwrap();
        let Asked::Page { documents, cursor } = asked else {
            panic!("{asked:?}")
        };
        assert_eq!((documents.len(), cursor.as_slice()), (1, b"end".as_slice()));
        assert_eq!(
            (documents[0].id.as_str(), &documents[0].body[..]),
            ("status", b"up".as_slice())
        );
        assert_eq!(session.next(Given::Nothing, &net).await, Ok(Asked::Done));
    });
    // Both are the same plugin, loaded once: they share their counts.
    assert_eq!(again.get("zoo-c").unwrap().counts().pages, 1);

    let seen = inspect(&place.library(), &place.path("state")).unwrap();
    assert_eq!(seen.plugin.sha256(), plugin.sha256());
    assert!(
        seen.symbols
            .exports
            .contains(&"ledgerline_connector".to_owned())
    );
    assert_eq!(seen.symbols.suspicious(), [""; 0]);
    assert!(!seen.symbols.static_tls);
}

#[test]
fn a_damaged_private_copy_is_replaced() {
    let place = Place::new();
    if !place.build(&["GOOD=2"]) {
        return;
    }
    place.lock();
    let (registry, _) = place.load(&[wanted("^1")]);
    let sha256 = registry.get("zoo-c").unwrap().sha256().to_owned();
    let copy = place
        .path("state/plugins/zoo-c")
        .join(sha256)
        .join("connector.so");
    place.allow(&copy, 0o700);
    // A new file: writing into the one that is open would change the library that runs.
    fs::remove_file(&copy).unwrap();
    fs::write(&copy, b"not a library").unwrap();
    let (_, errors) = place.load(&[wanted("^1")]);
    assert_eq!(errors, [""; 0]);
    assert_eq!(fs::read(&copy).unwrap(), fs::read(place.library()).unwrap());
}

#[test]
fn the_version_is_the_connections_choice() {
    let place = Place::new();
    if !place.build(&["GOOD=4"]) {
        return;
    }
    place.lock();
    let other = Wanted {
        connection: "shop".to_owned(),
        ..wanted("^2")
    };
    let (registry, errors) = place.load(&[wanted("^1"), other]);
    assert!(registry.for_connection("books").is_some());
    assert!(registry.for_connection("shop").is_none());
    expect![[r#"
        plugin `zoo-c` cannot be used: connection `shop` must accept the plugin's version
          1. compare its version with the `version` of connection `shop`: accepted is ^2, the library is 1.0.0
          help: install a version that `^2` accepts, or change the connection"#]].assert_eq(&errors.join("\n"));
}

#[test]
fn files_that_others_can_change_are_refused() {
    let nothing = |_: &Place| {};
    refused(
        &["BUILT=\"unlocked\""],
        nothing,
        &expect![[r#"
        plugin `zoo-c` cannot be used: only locked plugins are loaded
          1. look in <dir>/empty: no libledgerline_zoo_c.so and no libzoo_c.so
          2. look in <dir>/plugins: found <dir>/plugins/libledgerline_zoo_c.so
          3. check the folder <dir>/plugins: only root and the engine's user can write to it
          4. open <dir>/plugins/libledgerline_zoo_c.so: owned by user OWN, mode 0755, SIZE bytes
          5. compare its SHA-256 with plugins.lock: `zoo-c` is not in it; found is HASH
          help: if this library is the one to run, run `ledgerline plugins lock`"#]],
    );
    refused(
        &["BUILT=\"changed\""],
        |place| {
            locked(place);
            let mut bytes = fs::read(place.library()).unwrap();
            // Somewhere in the middle.
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(place.library(), bytes).unwrap();
        },
        &expect![[r#"
            plugin `zoo-c` cannot be used: the bytes must be those that were locked
              1. look in <dir>/empty: no libledgerline_zoo_c.so and no libzoo_c.so
              2. look in <dir>/plugins: found <dir>/plugins/libledgerline_zoo_c.so
              3. check the folder <dir>/plugins: only root and the engine's user can write to it
              4. open <dir>/plugins/libledgerline_zoo_c.so: owned by user OWN, mode 0755, SIZE bytes
              5. compare its SHA-256 with plugins.lock: locked is HASH, found is HASH
              help: if the plugin was replaced on purpose, run `ledgerline plugins lock`"#]],
    );
    refused(
        &["BUILT=\"group\""],
        |place| {
            locked(place);
            place.allow(&place.library(), 0o775);
        },
        &expect![[r#"
            plugin `zoo-c` cannot be used: nobody but its owner may be able to write to it
              1. look in <dir>/empty: no libledgerline_zoo_c.so and no libzoo_c.so
              2. look in <dir>/plugins: found <dir>/plugins/libledgerline_zoo_c.so
              3. check the folder <dir>/plugins: only root and the engine's user can write to it
              4. open <dir>/plugins/libledgerline_zoo_c.so: owned by user OWN, mode 0775
              help: chmod go-w <dir>/plugins/libledgerline_zoo_c.so"#]],
    );
    refused(
        &["BUILT=\"folder\""],
        |place| {
            locked(place);
            place.allow(&place.path("plugins"), 0o777);
        },
        &expect![[r#"
            plugin `zoo-c` cannot be used: the folder of a library, and those above it, must belong to root or to the engine's user and be writable by their owner alone
              1. look in <dir>/empty: no libledgerline_zoo_c.so and no libzoo_c.so
              2. look in <dir>/plugins: found <dir>/plugins/libledgerline_zoo_c.so
              3. check the folder <dir>/plugins: <dir>/plugins is owned by user OWN, mode 0777
              help: chmod go-w <dir>/plugins, or `chown` it to root or to user OWN"#]],
    );
    refused(
        &["BUILT=\"link\""],
        |place| {
            locked(place);
            fs::rename(place.library(), place.path("elsewhere.so")).unwrap();
            symlink(place.path("elsewhere.so"), place.library()).unwrap();
        },
        &expect![[r#"
            plugin `zoo-c` cannot be used: the library must be a regular file, not a link or anything else
              1. look in <dir>/empty: no libledgerline_zoo_c.so and no libzoo_c.so
              2. look in <dir>/plugins: found <dir>/plugins/libledgerline_zoo_c.so
              3. check the folder <dir>/plugins: only root and the engine's user can write to it
              4. open <dir>/plugins/libledgerline_zoo_c.so: it is a symbolic link
              help: copy the library itself into the plugin folder"#]],
    );
    refused(
        &["BUILT=\"directory\""],
        |place| {
            fs::remove_file(place.library()).unwrap();
            fs::create_dir(place.library()).unwrap();
        },
        &expect![[r#"
            plugin `zoo-c` cannot be used: the library must be a regular file, not a link or anything else
              1. look in <dir>/empty: no libledgerline_zoo_c.so and no libzoo_c.so
              2. look in <dir>/plugins: found <dir>/plugins/libledgerline_zoo_c.so
              3. check the folder <dir>/plugins: only root and the engine's user can write to it
              4. open <dir>/plugins/libledgerline_zoo_c.so: it is not a regular file
              help: copy the library itself into the plugin folder"#]],
    );
    refused(
        &["BUILT=\"away\""],
        |place| fs::remove_file(place.library()).unwrap(),
        &expect![[r#"
            plugin `zoo-c` cannot be used: its library must be in one of the plugin folders
              1. look in <dir>/empty: no libledgerline_zoo_c.so and no libzoo_c.so
              2. look in <dir>/plugins: no libledgerline_zoo_c.so and no libzoo_c.so
              3. look further: there is no other folder
              help: install the plugin into one of these folders, or add the folder that holds it to `plugins` in `ledgerline.toml`"#]],
    );
    refused(
        &["BUILT=\"damaged-lock\""],
        |place| fs::write(place.path("plugins.lock"), "[[plugin]]\nname = 1\n").unwrap(),
        &expect![[r#"
            plugin `zoo-c` cannot be used: plugins.lock must be readable
              1. read plugins.lock: <dir>/plugins.lock is not a lock file: TOML parse error at line 2, column 8
                   |
                 2 | name = 1
                   |        ^
                 invalid type: integer `1`, expected a string
              help: correct it, or write it anew with `ledgerline plugins lock`"#]],
    );
    refused(
        &["BUILT=\"other-version\""],
        |place| {
            locked(place);
            let text = fs::read_to_string(place.path("plugins.lock")).unwrap();
            fs::write(place.path("plugins.lock"), text.replace("1.0.0", "1.0.1")).unwrap();
        },
        &expect![[r#"
            plugin `zoo-c` cannot be used: the library must have the version that was locked
              1. look in <dir>/empty: no libledgerline_zoo_c.so and no libzoo_c.so
              2. look in <dir>/plugins: found <dir>/plugins/libledgerline_zoo_c.so
              3. check the folder <dir>/plugins: only root and the engine's user can write to it
              4. open <dir>/plugins/libledgerline_zoo_c.so: owned by user OWN, mode 0755, SIZE bytes
              5. compare its SHA-256 with plugins.lock: HASH, as locked
              6. look into its ELF headers: ARCH, exports `ledgerline_connector`
              7. check the folder of the private copy: only root and the engine's user can write to it
              8. keep a private copy below <dir>/state: written
              9. open the library: done
              10. read its header: ABI 0.0 (needs 0.0), the engine speaks 0.0
              11. read what it says about itself: zoo-c 1.0.0, other-version
              12. compare its version with plugins.lock: locked is 1.0.1, the library says 1.0.0
              help: run `ledgerline plugins lock`"#]],
    );
}

#[test]
fn libraries_that_do_not_fit_are_refused() {
    let cases: [(&[&str], Expect); 10] = [
        (
            &["MAGIC=7"],
            expect![[r#"
            plugin `zoo-c` cannot be used: the exported symbol must begin with the magic number of connectors
              1. look in <dir>/empty: no libledgerline_zoo_c.so and no libzoo_c.so
              2. look in <dir>/plugins: found <dir>/plugins/libledgerline_zoo_c.so
              3. check the folder <dir>/plugins: only root and the engine's user can write to it
              4. open <dir>/plugins/libledgerline_zoo_c.so: owned by user OWN, mode 0755, SIZE bytes
              5. compare its SHA-256 with plugins.lock: HASH, as locked
              6. look into its ELF headers: ARCH, exports `ledgerline_connector`
              7. check the folder of the private copy: only root and the engine's user can write to it
              8. keep a private copy below <dir>/state: written
              9. open the library: done
              10. read its header: it begins with 0x0000000000000007
              help: this is not a connector, or it was built without `export_connector!`"#]],
        ),
        (
            &["MAJOR=1"],
            expect![[r#"
            plugin `zoo-c` cannot be used: connector and engine must have the same ABI major, the engine speaks 0.0
              1. look in <dir>/empty: no libledgerline_zoo_c.so and no libzoo_c.so
              2. look in <dir>/plugins: found <dir>/plugins/libledgerline_zoo_c.so
              3. check the folder <dir>/plugins: only root and the engine's user can write to it
              4. open <dir>/plugins/libledgerline_zoo_c.so: owned by user OWN, mode 0755, SIZE bytes
              5. compare its SHA-256 with plugins.lock: HASH, as locked
              6. look into its ELF headers: ARCH, exports `ledgerline_connector`
              7. check the folder of the private copy: only root and the engine's user can write to it
              8. keep a private copy below <dir>/state: written
              9. open the library: done
              10. read its header: it was built for ABI 1.0
              help: install a build of the connector for ABI 0, or an engine for ABI 1"#]],
        ),
        (
            &["MINOR=3"],
            expect![[r#"
            plugin `zoo-c` cannot be used: the engine must speak the ABI that the connector needs, it speaks 0.0
              1. look in <dir>/empty: no libledgerline_zoo_c.so and no libzoo_c.so
              2. look in <dir>/plugins: found <dir>/plugins/libledgerline_zoo_c.so
              3. check the folder <dir>/plugins: only root and the engine's user can write to it
              4. open <dir>/plugins/libledgerline_zoo_c.so: owned by user OWN, mode 0755, SIZE bytes
              5. compare its SHA-256 with plugins.lock: HASH, as locked
              6. look into its ELF headers: ARCH, exports `ledgerline_connector`
              7. check the folder of the private copy: only root and the engine's user can write to it
              8. keep a private copy below <dir>/state: written
              9. open the library: done
              10. read its header: it needs ABI 0.3
              help: upgrade the engine, or install an older build of the connector"#]],
        ),
        (
            &["SIZE=24"],
            expect![[r#"
            plugin `zoo-c` cannot be used: the exported struct must have 96 bytes at least
              1. look in <dir>/empty: no libledgerline_zoo_c.so and no libzoo_c.so
              2. look in <dir>/plugins: found <dir>/plugins/libledgerline_zoo_c.so
              3. check the folder <dir>/plugins: only root and the engine's user can write to it
              4. open <dir>/plugins/libledgerline_zoo_c.so: owned by user OWN, mode 0755, SIZE bytes
              5. compare its SHA-256 with plugins.lock: HASH, as locked
              6. look into its ELF headers: ARCH, exports `ledgerline_connector`
              7. check the folder of the private copy: only root and the engine's user can write to it
              8. keep a private copy below <dir>/state: written
              9. open the library: done
              10. read its header: it has 24 bytes
              help: report this to the connector's owner"#]],
        ),
        (
            &["SYMBOL=another_symbol"],
            expect![[r#"
            plugin `zoo-c` cannot be used: the library must export `ledgerline_connector`
              1. look in <dir>/empty: no libledgerline_zoo_c.so and no libzoo_c.so
              2. look in <dir>/plugins: found <dir>/plugins/libledgerline_zoo_c.so
              3. check the folder <dir>/plugins: only root and the engine's user can write to it
              4. open <dir>/plugins/libledgerline_zoo_c.so: owned by user OWN, mode 0755, SIZE bytes
              5. compare its SHA-256 with plugins.lock: HASH, as locked
              6. look into its ELF headers: it does not export it
              help: this is not a connector, or it was built without `export_connector!`"#]],
        ),
        (
            &["STEP=NULL"],
            expect![[r#"
            plugin `zoo-c` cannot be used: its function table must be whole
              1. look in <dir>/empty: no libledgerline_zoo_c.so and no libzoo_c.so
              2. look in <dir>/plugins: found <dir>/plugins/libledgerline_zoo_c.so
              3. check the folder <dir>/plugins: only root and the engine's user can write to it
              4. open <dir>/plugins/libledgerline_zoo_c.so: owned by user OWN, mode 0755, SIZE bytes
              5. compare its SHA-256 with plugins.lock: HASH, as locked
              6. look into its ELF headers: ARCH, exports `ledgerline_connector`
              7. check the folder of the private copy: only root and the engine's user can write to it
              8. keep a private copy below <dir>/state: written
              9. open the library: done
              10. read its header: ABI 0.0 (needs 0.0), the engine speaks 0.0
              11. read what it says about itself: a function is missing
              help: report this to the connector's owner"#]],
        ),
        (
            &["NAME=\"beta\""],
            expect![[r#"
            plugin `zoo-c` cannot be used: the library must hold the plugin that was asked for
              1. look in <dir>/empty: no libledgerline_zoo_c.so and no libzoo_c.so
              2. look in <dir>/plugins: found <dir>/plugins/libledgerline_zoo_c.so
              3. check the folder <dir>/plugins: only root and the engine's user can write to it
              4. open <dir>/plugins/libledgerline_zoo_c.so: owned by user OWN, mode 0755, SIZE bytes
              5. compare its SHA-256 with plugins.lock: HASH, as locked
              6. look into its ELF headers: ARCH, exports `ledgerline_connector`
              7. check the folder of the private copy: only root and the engine's user can write to it
              8. keep a private copy below <dir>/state: written
              9. open the library: done
              10. read its header: ABI 0.0 (needs 0.0), the engine speaks 0.0
              11. read what it says about itself: it is the plugin `beta`
              help: install the library of `zoo-c`, or correct the connection's `plugin`"#]],
        ),
        (
            &["OPS=LL_OP_PUSH"],
            expect![[r#"
            plugin `zoo-c` cannot be used: stream `status`: it declares pull, which the library does not implement
              1. look in <dir>/empty: no libledgerline_zoo_c.so and no libzoo_c.so
              2. look in <dir>/plugins: found <dir>/plugins/libledgerline_zoo_c.so
              3. check the folder <dir>/plugins: only root and the engine's user can write to it
              4. open <dir>/plugins/libledgerline_zoo_c.so: owned by user OWN, mode 0755, SIZE bytes
              5. compare its SHA-256 with plugins.lock: HASH, as locked
              6. look into its ELF headers: ARCH, exports `ledgerline_connector`
              7. check the folder of the private copy: only root and the engine's user can write to it
              8. keep a private copy below <dir>/state: written
              9. open the library: done
              10. read its header: ABI 0.0 (needs 0.0), the engine speaks 0.0
              11. read what it says about itself: zoo-c 1.0.0, c11
              12. check its manifest: a rule is broken
              help: report this to the connector's owner"#]],
        ),
        (
            &["STATIC_TLS"],
            expect![[r#"
            plugin `zoo-c` cannot be used: the library must not need static thread-local storage (DF_STATIC_TLS)
              1. look in <dir>/empty: no libledgerline_zoo_c.so and no libzoo_c.so
              2. look in <dir>/plugins: found <dir>/plugins/libledgerline_zoo_c.so
              3. check the folder <dir>/plugins: only root and the engine's user can write to it
              4. open <dir>/plugins/libledgerline_zoo_c.so: owned by user OWN, mode 0755, SIZE bytes
              5. compare its SHA-256 with plugins.lock: HASH, as locked
              6. look into its ELF headers: it has the flag STATIC_TLS
              help: build it without an allocator or a C library that uses the initial-exec TLS model"#]],
        ),
        (
            &["UNRESOLVED"],
            expect![[r#"
            plugin `zoo-c` cannot be used: the dynamic linker must accept the library
              1. look in <dir>/empty: no libledgerline_zoo_c.so and no libzoo_c.so
              2. look in <dir>/plugins: found <dir>/plugins/libledgerline_zoo_c.so
              3. check the folder <dir>/plugins: only root and the engine's user can write to it
              4. open <dir>/plugins/libledgerline_zoo_c.so: owned by user OWN, mode 0755, SIZE bytes
              5. compare its SHA-256 with plugins.lock: HASH, as locked
              6. look into its ELF headers: ARCH, exports `ledgerline_connector`
              7. check the folder of the private copy: only root and the engine's user can write to it
              8. keep a private copy below <dir>/state: written
              9. open the library: dlopen failed: <dir>/state/plugins/zoo-c/HASH/connector.so: undefined symbol: nobody_has_this
              help: install the libraries that it needs, or a build for this system"#]],
        ),
    ];
    for (definitions, expected) in cases {
        refused(definitions, locked, &expected);
    }
    refused(
        &["BUILT=\"text\""],
        |place| {
            fs::write(place.library(), "#!/bin/sh\n").unwrap();
            locked(place);
        },
        &expect![[r#"
            plugin `zoo-c` cannot be used: the library must be a shared ELF library for ARCH
              1. look in <dir>/empty: no libledgerline_zoo_c.so and no libzoo_c.so
              2. look in <dir>/plugins: found <dir>/plugins/libledgerline_zoo_c.so
              3. check the folder <dir>/plugins: only root and the engine's user can write to it
              4. open <dir>/plugins/libledgerline_zoo_c.so: owned by user OWN, mode 0755, 10 bytes
              5. compare its SHA-256 with plugins.lock: HASH, as locked
              6. look into its ELF headers: Invalid ELF header size or alignment
              help: install the plugin's build for this machine"#]],
    );
    refused(
        &["BUILT=\"machine\""],
        |place| {
            let mut bytes = fs::read(place.library()).unwrap();
            // `e_machine`: RISC-V.
            bytes[18] = 243;
            fs::write(place.library(), bytes).unwrap();
            locked(place);
        },
        &expect![[r#"
            plugin `zoo-c` cannot be used: the library must be a shared ELF library for ARCH
              1. look in <dir>/empty: no libledgerline_zoo_c.so and no libzoo_c.so
              2. look in <dir>/plugins: found <dir>/plugins/libledgerline_zoo_c.so
              3. check the folder <dir>/plugins: only root and the engine's user can write to it
              4. open <dir>/plugins/libledgerline_zoo_c.so: owned by user OWN, mode 0755, SIZE bytes
              5. compare its SHA-256 with plugins.lock: HASH, as locked
              6. look into its ELF headers: it is for another machine (ELF number 243)
              help: install the plugin's build for this machine"#]],
    );
}

#[test]
fn a_lock_is_made_of_what_is_installed() {
    let place = Place::new();
    if !place.build(&["GOOD=5"]) {
        return;
    }
    assert_eq!(place.lock(), [""; 0]);
    let lock = Lock::read(&place.path("plugins.lock")).unwrap();
    let entry = lock.get("zoo-c").unwrap();
    assert_eq!(entry.version.to_string(), "1.0.0");
    assert_eq!(entry.file, "libledgerline_zoo_c.so");
    assert_eq!(
        entry.sha256,
        crate::plugins::verify::sha256(&fs::read(place.library()).unwrap())
    );

    fs::remove_file(place.library()).unwrap();
    let errors = place.lock();
    assert_eq!(errors.len(), 1);
    assert!(
        Lock::read(&place.path("plugins.lock"))
            .unwrap()
            .plugins
            .is_empty()
    );
}
