//! Broken connectors as real libraries, loaded by the real program: what the operator sees, and that
//! nobody else is hurt. `tests/zoo` holds the animals.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use expect_test::expect;
use scenarios::{
    built,
    processes::{Ended, finish},
    program, repository,
};
use serde_json::Value;

/// Compiles the animals in C; gives the library.
fn in_c(folder: &Path, definitions: &[&str]) -> PathBuf {
    let library = folder.join("libzoo_c.so");
    let mut cc = Command::new("cc");
    cc.args([
        "-std=c11", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC",
    ])
    .arg("-I")
    .arg(repository().join("plugin-api"))
    .args(definitions)
    .arg(repository().join("tests/zoo/animals.c"))
    .arg("-o")
    .arg(&library);
    let ended = run(&mut cc);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    library
}

fn run(command: &mut Command) -> Ended {
    let command = command
        .env_remove("LEDGERLINE_CONFIG")
        .env_remove("LEDGERLINE_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    finish(command.spawn().unwrap())
}

/// A deployment of two connections: a sound one, and the one under test.
struct Deployment {
    folder: tempfile::TempDir,
}

impl Deployment {
    /// `plugin` is `zoo` or `zoo-c`; the sound animal is of the other one.
    fn new(plugin: &str, animal: &str, definitions: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let here = Self { folder };
        let rust = built();
        in_c(here.folder.path(), definitions);
        let other = if plugin == "zoo" { "zoo-c" } else { "zoo" };
        let connection = |name: &str, plugin: &str, animal: &str| {
            format!(
                "\n[connections.{name}]\nplugin = \"{plugin}\"\nversion = \"^0.1\"\n\
                 settings = {{ animal = \"{animal}\" }}\nstart-date = 2026-10-01\n\
                 base-currency = \"AUD\"\n"
            )
        };
        let main = format!(
            "plugins = [\"{}\", \"{}\"]\nstore = \"store\"\n{}{}",
            here.folder.path().display(),
            rust.display(),
            connection("sound", other, "sound"),
            connection("beast", plugin, animal),
        );
        here.write("ledgerline.toml", &main);
        for (name, plugin) in [("sound", other), ("beast", plugin)] {
            let route = format!(
                "from = {{ connection = \"{name}\", stream = \"animals\" }}\n\
                 to = {{ connection = \"{name}\", stream = \"cages\" }}\nmapping = \"{plugin}\"\n"
            );
            here.write(&format!("routes/{name}.toml"), &route);
            let mapping = format!(
                "from = \"{plugin}/animals\"\nto = \"{plugin}/cages\"\n[fields]\ntotal = \".total\"\n"
            );
            here.write(&format!("mappings/{plugin}.toml"), &mapping);
        }
        here
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn run(&self, args: &[&str]) -> Ended {
        run(Command::new(program("ledgerline"))
            .arg("--config")
            .arg(self.folder.path())
            .args(args))
    }

    fn lock(&self) {
        let locked = self.run(&["plugins", "lock"]);
        assert_eq!(locked.code, Some(0), "{locked:#?}");
    }

    fn entries(&self) -> Vec<String> {
        let list: Value = serde_json::from_str(&self.run(&["list", "--json"]).stdout).unwrap();
        let rows = list["rows"].as_array().unwrap().iter();
        rows.map(|it| {
            let text = |it: &Value| it.as_str().unwrap().to_owned();
            [
                text(&it[0]["route"]),
                text(&it[0]["source"]),
                text(&it[1]["state"]),
            ]
            .join(" ")
        })
        .collect()
    }

    /// What is the same on every machine of what a command said.
    fn plain(&self, text: &str) -> String {
        let folder = self.folder.path().canonicalize().unwrap();
        let text = text.replace(&*folder.to_string_lossy(), "FOLDER");
        let text = text.replace(&*built().to_string_lossy(), "TARGET");
        text.lines()
            .map(|it| it.trim_end().to_owned() + "\n")
            .collect()
    }
}

/// Where a line says what became of the beast.
fn about(text: &str) -> String {
    let lines = text.lines().filter(|it| it.contains("beast"));
    lines.map(|it| it.trim_end().to_owned() + "\n").collect()
}

/// Each animal spoils its own session; the sound one's document arrives in the same run.
#[test]
fn a_session_that_breaks_ends_alone_and_says_why() {
    let cases = [
        ("zoo", "panics-in-create"),
        ("zoo", "panics-in-step"),
        ("zoo", "panics-in-destroy"),
        ("zoo", "awaits-others"),
        ("zoo", "never-done"),
        ("zoo-c", "waits-for-nothing"),
        ("zoo-c", "bad-utf8"),
        ("zoo-c", "same-id-twice"),
        ("zoo-c", "unknown-kind"),
    ];
    let mut told = String::new();
    for (plugin, animal) in cases {
        let deployment = Deployment::new(plugin, animal, &[]);
        deployment.lock();
        let ended = deployment.run(&["sync"]);
        assert_eq!(ended.signal, None, "{animal}: {ended:#?}");
        let entries = deployment.entries();
        assert!(
            entries.contains(&"sound sound pending".to_owned()),
            "{animal}: {entries:?} {ended:#?}"
        );
        told.push_str(&format!("{animal}: exit code {}\n", ended.code.unwrap()));
        for line in about(&deployment.plain(&ended.stdout)).lines() {
            told.push_str(&format!("  {line}\n"));
        }
    }
    expect![[r#"
        panics-in-create: exit code 5
          beast is parked: the connector panicked: the cage is too small at tests/zoo/src/lib.rs:37
        panics-in-step: exit code 5
          beast is parked: the connector panicked: the keeper came at tests/zoo/src/lib.rs:43
        panics-in-destroy: exit code 5
          │ beast   1      1 / 0           0         0         0        0           0       │
          beast: the first live run waits for you. It would create 1 (1.00) and update 0 in 1 writing calls. Next: TARGET/ledgerline -c FOLDER sync beast --confirm
          beast is parked: the connector panicked: it will not leave at tests/zoo/src/lib.rs:65
        awaits-others: exit code 5
          beast is parked: the connector awaits something that is not the engine's, so nothing can ever wake it: await only what `cx` gives (`cx.http` instead of an HTTP client, `cx.sleep` instead of a runtime's timer) and combinations of it
        never-done: exit code 5
          │ beast   0      0 / 0           0         0         0        0           0       │
          beast is parked: the connector broke the contract: 1000 pages in a row brought no document and left the cursor where it was: it would never be done
        waits-for-nothing: exit code 5
          beast is parked: the connector broke the contract: it asked for nothing while nothing is open: nothing could ever wake it
        bad-utf8: exit code 5
          beast is parked: the connector broke the contract: the id of a document is not UTF-8
        same-id-twice: exit code 5
          beast is parked: the connector broke the contract: effect id 4 is used while it is open
        unknown-kind: exit code 5
          beast is parked: the connector broke the contract: step kind 77 does not exist
    "#]].assert_eq(&told);
}

/// Nothing of such a library ever runs: the operator reads what was tried and what helps.
#[test]
fn a_library_that_does_not_fit_is_refused_before_it_runs() {
    let cases: [(&str, &[&str]); 5] = [
        ("wrong magic", &["-DMAGIC=0x4242424242424242"]),
        ("next major", &["-DMAJOR=1"]),
        ("newer minor", &["-DMINOR=7"]),
        (
            "a manifest that does not parse",
            &["-DSTREAMS=\"\\\"streams\\\":[\""],
        ),
        (
            "a stream without an operation",
            &["-DSTREAMS=\"\\\"streams\\\":{\\\"a\\\":{\\\"title\\\":\\\"a\\\",\\\"ops\\\":[]}}\""],
        ),
    ];
    let mut told = String::new();
    for (name, definitions) in cases {
        let deployment = Deployment::new("zoo-c", "sound", definitions);
        let library = deployment.folder.path().join("libzoo_c.so");
        let ended = deployment.run(&["plugins", "inspect", library.to_str().unwrap()]);
        assert_eq!(ended.code, Some(3), "{name}: {ended:#?}");
        let last: Vec<String> = deployment
            .plain(&ended.stderr)
            .lines()
            .map(str::to_owned)
            .collect();
        // The steps before the last one are tested with the loader.
        let shown = [&last[0], &last[last.len() - 2], &last[last.len() - 1]];
        told.push_str(&format!("{name}\n"));
        for line in shown {
            told.push_str(&format!("  {line}\n"));
        }
        for command in [&["check", "--offline"][..], &["sync"], &["plugins", "lock"]] {
            let ended = deployment.run(command);
            assert_eq!(ended.code, Some(2), "{name}: {command:?} {ended:#?}");
            assert!(
                ended.stderr.contains("plugin `zoo-c` cannot be used"),
                "{ended:#?}"
            );
        }
    }
    expect![[r#"
        wrong magic
          plugin `FOLDER/libzoo_c.so` cannot be used: the exported symbol must begin with the magic number of connectors
            7. read its header: it begins with 0x4242424242424242
            help: this is not a connector, or it was built without `export_connector!`
        next major
          plugin `FOLDER/libzoo_c.so` cannot be used: connector and engine must have the same ABI major, the engine speaks 0.0
            7. read its header: it was built for ABI 1.0
            help: install a build of the connector for ABI 0, or an engine for ABI 1
        newer minor
          plugin `FOLDER/libzoo_c.so` cannot be used: the engine must speak the ABI that the connector needs, it speaks 0.0
            7. read its header: it needs ABI 0.7
            help: upgrade the engine, or install an older build of the connector
        a manifest that does not parse
          plugin `FOLDER/libzoo_c.so` cannot be used: its manifest must have the form that this engine knows
            8. read what it says about itself: the manifest: invalid type: sequence, expected a map at line 1 column 164
            help: the connector was built with another SDK: install a build that fits this engine
        a stream without an operation
          plugin `FOLDER/libzoo_c.so` cannot be used: stream `a`: it has no operation
            9. check its manifest: a rule is broken
            help: report this to the connector's owner
    "#]].assert_eq(&told);
}

/// The cursor in the store is of another version than the new library reads.
#[test]
fn an_upgrade_that_cannot_read_the_stored_cursor_stops_before_it_reads() {
    let deployment = Deployment::new("zoo-c", "sound", &[]);
    deployment.lock();
    deployment.run(&["sync"]);
    assert_eq!(
        deployment.entries(),
        ["beast sound pending", "sound sound pending"]
    );
    in_c(deployment.folder.path(), &["-DSTATE=\"2\""]);
    // Nobody examined the new library yet.
    let changed = deployment.run(&["sync"]);
    assert_eq!(changed.code, Some(2), "{changed:#?}");
    assert!(changed.stderr.contains("plugins.lock"), "{changed:#?}");
    deployment.lock();
    let ended = deployment.run(&["sync"]);
    let shown = about(&deployment.plain(&ended.stdout));
    expect![[r#"
        beast: the first live run waits for you. It would create 1 (1.00) and update 0 in 1 writing calls. Next: TARGET/ledgerline -c FOLDER sync beast --confirm
        beast is parked: plugin zoo-c cannot read the stored cursor of beast/animals (state version 1); install a version that can, or forget the cursor with `TARGET/ledgerline -c FOLDER store forget-cursor "beast/animals"`
    "#]].assert_eq(&shown);
    // The remedy that it names.
    let forgot = deployment.run(&["store", "forget-cursor", "beast/animals"]);
    assert_eq!(forgot.code, Some(0), "{forgot:#?}");
    let ended = deployment.run(&["sync"]);
    assert!(!ended.stdout.contains("parked"), "{ended:#?}");
    let none = deployment.run(&["store", "forget-cursor", "beast/cages"]);
    assert_eq!(none.code, Some(3), "{none:#?}");
}

/// What only a process can see: the check gives the library one of its own.
#[test]
fn plugins_check_sees_what_a_library_does_to_its_process() {
    let folder = tempfile::tempdir().unwrap();
    let library = in_c(folder.path(), &["-pthread"]);
    let recording = folder.path().join("nothing.json");
    std::fs::write(&recording, "{\"version\":1,\"exchanges\":[]}").unwrap();
    let mut told = String::new();
    for animal in [
        "sound",
        "prints",
        "opens-a-socket",
        "starts-a-thread",
        "leaks",
        "crashes",
    ] {
        let ended = run(Command::new(program("ledgerline"))
            .args(["--json", "plugins", "check"])
            .arg(&library)
            .arg(format!("--pull=animals={}", recording.display()))
            .arg(format!("--settings={{\"animal\":\"{animal}\"}}")));
        assert_eq!(ended.code, Some(3), "{animal}: {ended:#?}");
        told.push_str(&format!("{animal}\n"));
        let report = ended.json();
        for failure in report["failures"].as_array().unwrap() {
            let text = failure.as_str().unwrap();
            // No animal makes a call.
            if text.contains("the recording is empty") {
                continue;
            }
            // What a thread has at the end depends on how far it came.
            if animal == "starts-a-thread" && text.contains("memory:") {
                continue;
            }
            // Numbers differ from run to run: of threads, of sockets, how often it printed.
            let mut numbers = text.lines().next().unwrap_or_default().to_owned();
            for digit in '1'..='9' {
                numbers = numbers.replace(digit, "0");
            }
            while numbers.contains("00") {
                numbers = numbers.replace("00", "0");
            }
            let text = numbers.as_str();
            let line = text.split(":[").next().unwrap_or_default();
            if !told.ends_with(&format!("  {line}\n")) {
                told.push_str(&format!("  {line}\n"));
            }
        }
    }
    expect![[r#"
        sound
        prints
          output: it wrote to stdout, which is the operator's; use the log: hello
        opens-a-socket
          files: it left `socket
        starts-a-thread
          pull animals: threads: 0 run on: a connector starts none, the engine runs sessions
        leaks
          pull animals: memory: a session that ends by itself leaves 0 bytes behind
          pull animals: memory: a session that is destroyed at once leaves 0 bytes behind
          pull animals: memory: a session that is destroyed after its first step leaves 0 bytes behind
        crashes
          process: it ended the whole process (signal: 0 (SIGABRT)): a crash takes the engine down with it
    "#]].assert_eq(&told);
}
