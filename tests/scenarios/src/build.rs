//! Programs and libraries of this workspace, built before the first test needs them.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// The root of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("the crate lies two folders below the root")
        .to_owned()
}

/// Names a folder with programs and plugins that are taken as they are, to measure one build while
/// the next is made.
const READY: &str = "LEDGERLINE_BUILT";

/// The folder with plugins and programs, up to date. Test binaries do not depend on libraries that
/// are loaded at run time, so cargo is asked to build them.
pub fn built() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT
        .get_or_init(|| match std::env::var_os(READY) {
            Some(folder) => folder.into(),
            None => build(own_folder()),
        })
        .clone()
}

/// As [`built`], of the build whose engine knows the steps at which it can be told to die.
pub fn built_with_steps() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    if own_folder().ends_with("debug") {
        return built();
    }
    let folder = || own_folder().with_file_name("debug");
    BUILT.get_or_init(|| build(folder())).clone()
}

/// target/PROFILE of target/PROFILE/deps/TEST and of target/PROFILE/PROGRAM.
fn own_folder() -> PathBuf {
    let exe = std::env::current_exe().expect("a running test");
    exe.ancestors()
        .skip(1)
        .find(|it| !it.ends_with("deps"))
        .expect("a target folder")
        .to_owned()
}

fn build(folder: PathBuf) -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    // Which features a dependency has depends on the packages that are built with it, and on whether
    // `--tests` or `--examples` ask for what only tests need. With these it is as in `cargo test`, so that
    // nothing is compiled a second time.
    cargo
        .current_dir(repository())
        .args(["build", "--quiet", "--offline", "--bins", "--lib"])
        .args(["--examples", "-p", "ledgerline-plugin-api"])
        .args(["-p", "ledgerline", "-p", "sandbox", "-p", "zoo"])
        .args(["-p", "ledgerline-xero", "-p", "ledgerline-cin7-omni"])
        .args(["-p", "ledgerline-cin7-core", "-p", "ledgerline-zudello"])
        .env(
            "CARGO_TARGET_DIR",
            folder.parent().expect("a target folder"),
        );
    // What cargo tells this test about its package is not about the packages built now: a build
    // script that looks at it would run again each time, and everything above it.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&name);
        }
    }
    // Cargo calls the folder of its `dev` profile `debug`, and any other by its name.
    let profile = folder.file_name().unwrap_or_default();
    if profile != "debug" {
        cargo.arg("--profile").arg(profile);
    }
    let status = cargo.status().expect("cargo is there");
    assert!(status.success(), "the plugins could not be built");
    folder
}

/// A program of this workspace.
pub fn program(name: &str) -> PathBuf {
    built().join(name)
}
