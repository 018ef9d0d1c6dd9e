//! Plugins that keep everything they are given: `tests/zoo/witness.c` around each of the real ones.
//! What a plugin was never given is not in its memory, now or later.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::repository;

/// What a witness keeps, for every plugin below the folder.
pub(super) fn kept(folder: &Path) -> PathBuf {
    folder.join("given.bin")
}

/// Makes a folder that holds a witness around every plugin of `built`, and its programs.
pub(super) fn around(built: &Path, folder: &Path) {
    for program in ["ledgerline", "sandbox"] {
        std::os::unix::fs::symlink(built.join(program), folder.join(program)).expect("a link");
    }
    for plugin in ["xero", "cin7_omni", "cin7_core", "zudello"] {
        let name = format!("libledgerline_{plugin}.so");
        let text = |path: &Path| format!("{:?}", path.display().to_string());
        let ended = Command::new("cc")
            .args([
                "-std=gnu11",
                "-Wall",
                "-Wextra",
                "-Werror",
                "-shared",
                "-fPIC",
            ])
            .arg("-I")
            .arg(repository().join("plugin-api"))
            .arg(format!("-DREAL={}", text(&built.join(&name))))
            .arg(format!("-DKEPT={}", text(&kept(folder))))
            .arg(repository().join("tests/zoo/witness.c"))
            .arg("-o")
            .arg(folder.join(&name))
            .output()
            .expect("a C compiler");
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success(), "{said}");
    }
}
