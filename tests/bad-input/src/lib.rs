//! Everything that the engine takes from outside, made wrong on purpose.
//!
//! One module a door: a function that takes any bytes, drives the real code with them, and holds the
//! outcome against what is promised: no panic, no work or memory without bound, and an error that
//! says what is wrong. The stable gate (`tests/gate.rs`), the program of this crate and the fuzzer
//! (`fuzz/`) call the same functions with the same corpus.

pub mod answers;
pub mod configuration;
pub mod grounds;
pub mod manifest;
pub mod mapping;
pub mod mutate;
pub mod parts;
pub mod plugin;
pub mod store;

mod runs;

/// One door.
pub struct Target {
    /// Its name, as the fuzzer and the corpus call it.
    pub name: &'static str,
    /// Takes any bytes; panics when a promise is broken.
    pub run: fn(&[u8]),
    /// Good input, made from the project's own files.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Words worth putting in.
    pub words: &'static [&'static str],
}

/// All of them.
pub const TARGETS: [Target; 9] = [
    Target {
        name: "configuration",
        run: configuration::run,
        seeds: configuration::seeds,
        words: configuration::WORDS,
    },
    Target {
        name: "mapping",
        run: mapping::run,
        seeds: mapping::seeds,
        words: mapping::WORDS,
    },
    Target {
        name: "document",
        run: mapping::run_document,
        seeds: mapping::document_seeds,
        words: mapping::DOCUMENT_WORDS,
    },
    Target {
        name: "manifest",
        run: manifest::run,
        seeds: manifest::seeds,
        words: manifest::WORDS,
    },
    Target {
        name: "plugin",
        run: plugin::run,
        seeds: plugin::seeds,
        words: &[],
    },
    Target {
        name: "row",
        run: store::run_row,
        seeds: store::row_seeds,
        words: &[],
    },
    Target {
        name: "rows",
        run: store::run_rows,
        seeds: store::rows_seeds,
        words: &[],
    },
    Target {
        name: "export",
        run: store::run_export,
        seeds: store::export_seeds,
        words: store::WORDS,
    },
    Target {
        name: "answers",
        run: answers::run,
        seeds: answers::seeds,
        words: answers::WORDS,
    },
];

/// A door by its name.
pub fn target(name: &str) -> Option<&'static Target> {
    const ALL: &[Target] = &TARGETS;
    ALL.iter().find(|it| it.name == name)
}

/// Checked-in inputs of a target: what was once wrong, and what reaches far.
pub fn corpus(name: &str) -> Vec<(String, Vec<u8>)> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(name);
    let Ok(files) = std::fs::read_dir(&folder) else {
        return Vec::new();
    };
    let mut inputs: Vec<(String, Vec<u8>)> = files
        .filter_map(|it| {
            let path = it.ok()?.path();
            let name = path.file_name()?.to_string_lossy().into_owned();
            Some((name, std::fs::read(&path).ok()?))
        })
        .collect();
    inputs.sort();
    inputs
}
