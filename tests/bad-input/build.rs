//! Builds the hostile connector, for tests that load it; without a C compiler there is none.
//!
//! Four connectors live in one program here, each with the symbol that a library of its own would
//! export. Nobody looks that symbol up, so the linker may take any of them.

use std::{env, path::Path, process::Command};

fn main() {
    println!("cargo:rerun-if-changed=hostile.c");
    println!("cargo:rerun-if-changed=../../plugin-api/ledgerline.h");
    println!("cargo:rustc-link-arg=-Wl,--allow-multiple-definition");
    let folder = env::var("OUT_DIR").expect("cargo names it");
    let library = Path::new(&folder).join("libhostile.so");
    let built = Command::new(env::var("CC").unwrap_or_else(|_| "cc".into()))
        .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-g"])
        .args([
            "-shared",
            "-fPIC",
            "-I",
            "../../plugin-api",
            "hostile.c",
            "-o",
        ])
        .arg(&library)
        .status();
    match built {
        Ok(status) => assert!(status.success(), "hostile.c does not compile"),
        Err(why) => println!("cargo:warning=no C compiler, no hostile connector: {why}"),
    }
    println!("cargo:rustc-env=HOSTILE={}", library.display());
}
