//! What somebody does who has the program and nothing else of this repository: `plugins new` makes a
//! connector in a folder elsewhere, cargo builds and tests it there, the engine loads it and brings
//! documents into the store. A connector in C does the same.
//!
//! The connector is built in `target/stranger`, so that what it depends on is compiled once.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

use ledgerline_plugin_api::{recording::Recording, testkit::StandIn};
use scenarios::{
    built,
    processes::{Ended, finish},
    program, repository,
};
use serde_json::Value;

/// Folders of all strangers, removed when the test ends.
struct Elsewhere {
    folder: tempfile::TempDir,
    target: PathBuf,
}

/// A connector made by `plugins new`, built; the first test that needs it makes it.
fn elsewhere() -> &'static Elsewhere {
    static MADE: OnceLock<Elsewhere> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let here = Elsewhere {
            folder,
            target: built().parent().unwrap().join("stranger"),
        };
        let api = repository().join("plugin-api");
        let made = run(Command::new(program("ledgerline"))
            .args(["plugins", "new", "acme-stock", "--api"])
            .arg(api)
            .current_dir(here.folder.path()));
        assert_eq!(made.code, Some(0), "{made:#?}");
        // The versions that are on this machine already: the build asks no registry.
        let lock = repository().join("Cargo.lock");
        std::fs::copy(lock, here.connector().join("Cargo.lock")).unwrap();
        here.cargo(&["build", "--lib", "--examples"]).unwrap();
        here
    })
}

impl Elsewhere {
    fn connector(&self) -> PathBuf {
        self.folder.path().join("acme-stock")
    }

    /// Cargo in the connector's folder; what it said, when it did not succeed.
    fn cargo(&self, args: &[&str]) -> Result<(), String> {
        let mut cargo = Command::new(env!("CARGO"));
        cargo
            .args(args)
            .current_dir(self.connector())
            .env("CARGO_TARGET_DIR", &self.target)
            // Nobody debugs it here.
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .env("CARGO_NET_OFFLINE", "true");
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                cargo.env_remove(&name);
            }
        }
        let ended = run(&mut cargo);
        if ended.code == Some(0) {
            return Ok(());
        }
        Err(format!("cargo {args:?}\n{}{}", ended.stdout, ended.stderr))
    }

    /// A copy of its deployment that reads from `url`.
    fn deployment(&self, name: &str, url: &str) -> Deployment {
        let folder = self.folder.path().join(name);
        copy(&self.connector().join("deployment"), &folder);
        let file = folder.join("ledgerline.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        let debug = self.target.join("debug");
        let text = replaced(&text, "../target/debug", debug.to_str().unwrap());
        std::fs::write(file, replaced(&text, "http://127.0.0.1:8787", url)).unwrap();
        Deployment { folder }
    }
}

struct Deployment {
    folder: PathBuf,
}

impl Deployment {
    fn run(&self, args: &[&str]) -> Ended {
        run(Command::new(program("ledgerline"))
            .arg("--config")
            .arg(&self.folder)
            .args(args)
            .env("ACME_STOCK_TOKEN", "anything")
            .env("TICKETS_TOKEN", "anything"))
    }

    /// Changes a piece of one of its files.
    fn change(&self, path: &str, old: &str, new: &str) {
        let path = self.folder.join(path);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, replaced(&text, old, new)).unwrap();
    }

    /// A command that has to end with this code; its standard output.
    fn ends(&self, code: i32, args: &[&str]) -> String {
        let ended = self.run(args);
        assert_eq!(ended.code, Some(code), "{args:?} {ended:#?}");
        ended.stdout
    }

    /// Entry, state and total of everything that is listed.
    fn listed(&self) -> Vec<String> {
        let list: Value = serde_json::from_str(&self.ends(0, &["list", "--json"])).unwrap();
        let rows = list["rows"].as_array().unwrap().iter();
        let row = |row: &Value| {
            let text = |it: &Value| it.as_str().unwrap().to_owned();
            let (id, entry) = (&row[0], &row[1]);
            [
                text(&id["route"]),
                text(&id["source"]),
                text(&entry["state"]),
                text(&entry["facts"]["money"]["total"]),
            ]
            .join(" ")
        };
        rows.map(row).collect()
    }
}

/// A program that says where it listens; it ends with the test.
struct Listening(Child, String);

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn stand_in(here: &Elsewhere) -> Listening {
    let mut child = Command::new(here.target.join("debug/examples/stand_in"))
        .arg("127.0.0.1:0")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut url = String::new();
    let output = child.stdout.take().unwrap();
    BufReader::new(output).read_line(&mut url).unwrap();
    Listening(child, url.trim().to_owned())
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

fn replaced(text: &str, old: &str, new: &str) -> String {
    assert!(text.contains(old), "{old} in {text}");
    text.replace(old, new)
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let path = file.unwrap().path();
        let copied = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &copied);
        } else {
            std::fs::copy(&path, &copied).unwrap();
        }
    }
}

#[test]
fn a_new_connector_passes_its_own_tests_and_lints_which_name_what_to_use_instead() {
    let here = elsewhere();
    here.cargo(&["test", "--quiet"]).unwrap();
    here.cargo(&["fmt", "--check"]).unwrap();
    let lints = ["clippy", "--quiet", "--all-targets", "--", "-D", "warnings"];
    here.cargo(&lints).unwrap();
    let file = here.connector().join("examples/forbidden.rs");
    let code = "fn main() {\n    std::thread::sleep(std::time::Duration::ZERO);\n}\n";
    std::fs::write(&file, code).unwrap();
    let told = here.cargo(&lints);
    std::fs::remove_file(&file).unwrap();
    let told = told.expect_err("it sleeps");
    assert!(told.contains("cx.sleep(millis).await"), "{told}");
}

#[test]
fn its_documents_reach_the_store_and_then_the_target() {
    let here = elsewhere();
    let vendor = stand_in(here);
    let deployment = here.deployment("rust", &vendor.1);
    deployment.change(
        "ledgerline.toml",
        "zone =",
        "record = \"calls.json\"\nzone =",
    );
    for schema in ["ledgerline", "route", "mapping"] {
        let path = deployment
            .folder
            .join(format!("schemas/{schema}.schema.json"));
        assert!(path.exists(), "{}", path.display());
    }
    deployment.ends(0, &["plugins", "lock"]);
    let inspected = deployment.ends(0, &["plugins", "list"]);
    assert!(inspected.contains("acme-stock"), "{inspected}");
    assert!(deployment.ends(0, &["check"]).contains("Bo Ltd (co-7)"));
    assert!(
        deployment
            .ends(0, &["test"])
            .contains("2 mapping tests passed")
    );
    // The first live run waits for a word: nothing is sent.
    deployment.ends(4, &["sync"]);
    // What it recorded replays, and commands that make no call leave it there.
    deployment.ends(0, &["status"]);
    let recorded = deployment.folder.join("calls.json");
    let checked = run(Command::new(program("ledgerline"))
        .args(["plugins", "check"])
        .arg(here.target.join("debug/libacme_stock.so"))
        .arg(format!("--pull=orders={}", recorded.display()))
        .arg(format!("--base-url={}", vendor.1)));
    assert_eq!(checked.code, Some(0), "{checked:#?}");
    assert_eq!(
        deployment.listed(),
        ["orders 1 pending 12.10", "orders 2 pending 0.30"]
    );
    deployment.ends(0, &["sync", "--confirm"]);
    assert_eq!(
        deployment.listed(),
        ["orders 1 synced 12.10", "orders 2 warning 0.30"]
    );
    deployment.ends(0, &["sync"]);
    assert!(
        deployment
            .ends(0, &["list"])
            .contains("the number is taken")
    );
}

#[test]
fn what_plugins_check_says_of_a_library() {
    let here = elsewhere();
    let library = here.target.join("debug/libacme_stock.so");
    let recordings = here.connector().join("tests/recordings");
    let with = |pull: &str| {
        run(Command::new(program("ledgerline"))
            .args(["plugins", "check"])
            .arg(&library)
            .args(["--pull", pull, "--check"])
            .arg(recordings.join("check.json")))
    };
    let orders = recordings.join("orders.json");
    let good = with(&format!("orders={}", orders.display()));
    assert_eq!(good.code, Some(0), "{good:#?}");
    assert!(good.stdout.starts_with("acme-stock 0.1.0 conforms: "));
    // A stream that the recording does not have.
    let wrong = with(&format!("invoices={}", orders.display()));
    assert_eq!(wrong.code, Some(3), "{wrong:#?}");
    assert!(wrong.stdout.contains("the recording has no call"));
}

#[test]
fn what_cannot_be_made_is_refused_with_a_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let new = |args: &[&str]| {
        let ended = run(Command::new(program("ledgerline"))
            .args(["plugins", "new"])
            .args(args)
            .current_dir(folder.path()));
        assert_eq!(ended.code, Some(3), "{ended:#?}");
        ended.stderr
    };
    std::fs::create_dir(folder.path().join("taken")).unwrap();
    expect_test::expect![[r#"
        `Acme_Stock` is no name for a plugin: lower-case letters, digits and single dashes, a letter first, such as `acme-stock`
        a Rust crate cannot be called `match`: add a word, such as `match-source`
        taken is there already; give another folder with --path
        taken is not the folder of the package `ledgerline-plugin-api`; it is `plugin-api` in the source of Ledgerline
    "#]]
    .assert_eq(
        &[
            new(&["Acme_Stock"]),
            new(&["match"]),
            new(&["taken"]),
            new(&["acme", "--api", "taken"]),
        ]
        .concat(),
    );
}

/// The guide's first ten minutes, command by command, as they stand there.
#[test]
fn every_command_of_the_guide_does_what_it_says() {
    let here = elsewhere();
    let vendor = stand_in(here);
    let deployment = here.deployment("guide", &vendor.1);
    let guide = std::fs::read_to_string(repository().join("plugin-api/README.md")).unwrap();
    let own = std::fs::read_to_string(here.connector().join("README.md")).unwrap();
    let commands = |text: &str| -> Vec<String> {
        let lines = text
            .lines()
            .filter_map(|it| it.strip_prefix("ledgerline --config deployment "));
        let bare = lines.map(|it| it.split('#').next().unwrap_or_default().trim().to_owned());
        bare.collect()
    };
    let told = commands(&guide);
    assert!(told.len() >= 8, "{told:?}");
    assert!(commands(&own).iter().all(|it| told.contains(it)), "{own}");
    for command in told {
        let words: Vec<&str> = command.split_whitespace().collect();
        // What is prepared and not yet sent is left to do.
        let code = if command == "sync" { 4 } else { 0 };
        let said = deployment.ends(code, &words);
        let wanted = match command.as_str() {
            "check" => "Bo Ltd (co-7)",
            "test" => "2 mapping tests passed",
            "sync" => "the first live run waits for you",
            "list" => "orders/2",
            "show orders/1" => "created as SO-1",
            "status" => "the number is taken",
            _ => "",
        };
        assert!(said.contains(wanted), "{command}: {said}");
    }
}

/// Source in C, target in Rust, the engine between them.
#[test]
fn a_connector_in_c_conforms_and_its_documents_arrive() {
    let here = elsewhere();
    let sources = repository().join("plugin-api");
    let folder = here.folder.path().join("c");
    std::fs::create_dir_all(&folder).unwrap();
    let library = folder.join("libtickets.so");
    let mut cc = Command::new("cc");
    cc.args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-shared"])
        .args(["-fPIC", "-I"])
        .arg(&sources)
        .arg(sources.join("examples/c/tickets.c"))
        .arg("-o")
        .arg(&library);
    let compiled = run(&mut cc);
    assert_eq!(compiled.code, Some(0), "{compiled:#?}");

    let recordings = sources.join("examples/c/recordings");
    let conforms = run(Command::new(program("ledgerline"))
        .args(["plugins", "check"])
        .arg(&library)
        .arg("--pull")
        .arg(format!("tickets={}/tickets.json", recordings.display()))
        .arg("--check")
        .arg(recordings.join("check.json")));
    assert_eq!(conforms.code, Some(0), "{conforms:#?}");
    assert!(conforms.stdout.starts_with("tickets 0.1.0 conforms: "));

    let recording = |name: &str| {
        let text = std::fs::read_to_string(recordings.join(name)).unwrap();
        Recording::parse(&text).unwrap()
    };
    let both = [recording("tickets.json"), recording("check.json")];
    let tickets = StandIn::bind("127.0.0.1:0", &both).unwrap();
    let (url, vendor) = (tickets.url(), stand_in(here));
    std::thread::spawn(move || tickets.serve());
    let deployment = here.deployment("c-source", &vendor.1);
    let file = deployment.folder.join("ledgerline.toml");
    let main = std::fs::read_to_string(&file).unwrap();
    let main = replaced(
        &main,
        "plugins = [",
        &format!("plugins = [\"{}\", ", folder.display()),
    ) + &format!(
        "\n[connections.tickets]\nplugin = \"tickets\"\nversion = \"^0.1\"\nbase-url = \"{url}\"\n\
         credentials = {{ token = {{ env = \"TICKETS_TOKEN\" }} }}\nstart-date = 2026-10-01\n\
         base-currency = \"AUD\"\n"
    );
    std::fs::write(&file, main).unwrap();
    let from = "connection = \"acme-stock\", stream = \"orders\"";
    deployment.change(
        "routes/orders.toml",
        from,
        "connection = \"tickets\", stream = \"tickets\"",
    );
    deployment.change(
        "mappings/acme-stock/orders.toml",
        "from = \"acme-stock/orders\"",
        "from = \"tickets/tickets\"",
    );
    deployment.ends(0, &["plugins", "lock"]);
    assert!(deployment.ends(0, &["check"]).contains("Bo Ltd (co-3)"));
    deployment.ends(4, &["sync"]);
    assert_eq!(
        deployment.listed(),
        [
            "orders 1 pending 12.10",
            "orders 2 pending 0.30",
            "orders 3 pending 5"
        ]
    );
}
