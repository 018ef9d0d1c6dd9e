//! Named moments of deliver and settle. A test ends the process at one of them to prove that a
//! plain re-run loses nothing and doubles nothing; in ordinary running they cost one atomic read.

use std::sync::OnceLock;

/// The step at which this process is to die, from `LEDGERLINE_DIE_AT` (`STEP` or `STEP:N` for the
/// N-th time). For tests; unset, nothing happens.
fn wanted() -> Option<&'static (String, u32)> {
    static WANTED: OnceLock<Option<(String, u32)>> = OnceLock::new();
    WANTED
        .get_or_init(|| {
            let text = std::env::var("LEDGERLINE_DIE_AT").ok()?;
            Some(match text.split_once(':') {
                Some((step, times)) => (step.to_owned(), times.parse().unwrap_or(1)),
                None => (text, 1),
            })
        })
        .as_ref()
}

/// All steps, in the order in which a document meets them.
pub const STEPS: [&str; 8] = [
    "page-taken-in",
    "chunk-prepared",
    "batch-formed",
    "intent-recorded",
    "answer-received",
    "results-read",
    "settled",
    "route-done",
];

/// Marks that `step` was reached.
pub(crate) fn reached(step: &str) {
    use std::sync::atomic::{AtomicU32, Ordering};
    static SEEN: AtomicU32 = AtomicU32::new(0);
    let Some((wanted, times)) = wanted() else { return };
    if wanted == step && SEEN.fetch_add(1, Ordering::SeqCst) + 1 == *times {
        // As SIGKILL would: no destructors, no flush.
        std::process::abort();
    }
}
