//! A connector written in C against `ledgerline.h`, loaded as a library and replayed.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a failure here is the test's"
)]

use std::path::Path;
use std::process::Command;

use ledgerline_plugin_api::abi::{Connector, ENTRY_SYMBOL, Status};
use ledgerline_plugin_api::recording::Recording;
use ledgerline_plugin_api::testkit::{Case, Replay, Run, conformance};

/// Compiles and loads a source; `None` when there is no C compiler.
fn load(source: &str) -> Option<&'static Connector> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let dir = tempfile::tempdir().unwrap();
    let library = dir.path().join("libconnector.so");
    let output = Command::new("cc")
        .args([
            "-std=c11", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-I",
        ])
        .arg(package)
        .arg(package.join(source))
        .arg("-o")
        .arg(&library)
        .output();
    let Ok(output) = output else {
        eprintln!("SKIPPED: there is no `cc` to build {source} with");
        return None;
    };
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    // SAFETY: the library was built just now from this package; it runs nothing when it is loaded.
    let library = unsafe { libloading::Library::new(&library) }.unwrap();
    // Never closed, as the engine does it.
    let library = std::mem::ManuallyDrop::new(library);
    // SAFETY: the header gives the symbol this type.
    let symbol = unsafe { library.get::<*const Connector>(ENTRY_SYMBOL) }.unwrap();
    // SAFETY: the symbol is static and constant.
    Some(unsafe { &**symbol })
}

fn answer(status: u16) -> Recording {
    Recording::parse(&format!(
        r#"{{"version":1,"exchanges":[{{
            "request":{{"method":"GET","url":"https://api.example/status","auth":"api"}},
            "response":{{"status":{status},"body":{{"json":{{"up":true}}}}}}
        }}]}}"#
    ))
    .unwrap()
}

#[test]
fn a_connector_in_c_pulls_and_fails_as_any_other() {
    let Some(connector) = load("tests/fixtures/status.c") else {
        return;
    };
    let trace = Replay::new(connector, &answer(200))
        .unwrap()
        .pull("status")
        .unwrap();
    assert_eq!(trace.status(), Status::OK, "{}", trace.message());
    assert_eq!(trace.ids(), ["status"]);
    assert_eq!(trace.documents()[0].body.as_deref(), Some(r#"{"up":true}"#));
    assert_eq!(trace.cursors(), ["end"]);

    let refused = Replay::new(connector, &answer(401))
        .unwrap()
        .pull("status")
        .unwrap();
    assert_eq!(refused.status(), Status::AUTH);
    assert_eq!(refused.message(), "the API refused the credentials");

    let other = Replay::new(connector, &answer(200))
        .unwrap()
        .check()
        .unwrap();
    assert_eq!(other.status(), Status::UNSUPPORTED);
}

#[test]
fn the_connector_in_c_that_the_guide_shows_conforms() {
    let Some(connector) = load("examples/c/tickets.c") else {
        return;
    };
    let replay = |recording: &str| Replay::parse(connector, recording).unwrap();
    let tickets = include_str!("../examples/c/recordings/tickets.json");
    let trace = replay(tickets).pull("tickets").unwrap();
    assert_eq!(trace.ids(), ["1", "2", "3"], "{}", trace.message());
    // A later pull begins with the last page.
    assert_eq!(trace.cursors(), ["p2", "p2"]);
    let pull = Run::Pull {
        stream: "tickets".into(),
        cursor: Vec::new(),
    };
    let check = include_str!("../examples/c/recordings/check.json");
    let cases = [
        Case::new("pull", replay(tickets), pull).old_cursor("p2"),
        Case::new("check", replay(check), Run::Check),
    ];
    conformance(connector, &cases).assert_ok();
}
