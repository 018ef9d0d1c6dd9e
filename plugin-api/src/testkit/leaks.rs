//! Whether sessions give back the memory that they took.
//!
//! Counting is the caller's: only who owns the process knows its allocator. The level may rise for a
//! while (caches, an allocator's own lists), so a session leaks when the level rises from each round to
//! the next.

use super::conformance::Case;
use super::replay::Variation;

/// Sessions of a round, each way of ending them.
const SESSIONS: usize = 20;
/// Rounds that are compared, after one that warms up.
const ROUNDS: usize = 4;

/// How a session is ended.
const WAYS: [(&str, Option<usize>); 3] = [
    ("a session that ends by itself", None),
    ("a session that is destroyed at once", Some(0)),
    ("a session that is destroyed after its first step", Some(1)),
];

/// Runs sessions of a case and tells which of them leave memory behind. `allocated` is the number of
/// bytes that the process has in use.
pub(super) fn leaks(case: &Case, allocated: &dyn Fn() -> usize, runs: &mut usize) -> Vec<String> {
    let mut found = Vec::new();
    for (way, stop_after) in WAYS {
        let variation = Variation {
            stop_after,
            ..Variation::default()
        };
        let mut round = || {
            for _ in 0..SESSIONS {
                *runs += 1;
                // Whether it goes well is told by other checks.
                drop(case.replay.vary(&case.run, &variation));
            }
            allocated()
        };
        let first = round();
        let mut levels = [first; ROUNDS];
        levels.fill_with(&mut round);
        if first < levels[0] && levels.is_sorted_by(|a, b| a < b) {
            let bytes = (levels[ROUNDS - 1] - first) / (ROUNDS * SESSIONS);
            found.push(format!("{way} leaves {} bytes behind", bytes.max(1)));
        }
    }
    found
}
