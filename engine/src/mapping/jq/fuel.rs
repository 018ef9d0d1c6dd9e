//! An end to every calculation.
//!
//! The interpreter has no hook to count its steps, but whatever it does with values it does through
//! our own value type. So each copy, look-up and built array spends fuel there, and when none is
//! left the run is unwound, past any `try` in the expression. `resume_unwind` runs no panic hook;
//! nothing outside [`limited`] ever sees the unwinding. (A build with `panic = "abort"` would turn
//! an exhausted expression into an abort; the workspace does not set it.)

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
};

/// Steps that one run of an expression may take.
pub(super) const STEPS: u64 = 2_000_000;

/// Which limit ended a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    /// Too many steps.
    Steps,
    /// A value nested too deeply.
    Depth,
}

thread_local! {
    static LEFT: Cell<u64> = const { Cell::new(u64::MAX) };
    /// Runs and steps of this thread so far: what tests assert instead of times.
    #[cfg(test)]
    static COUNTS: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

/// Runs and steps of this thread so far.
#[cfg(test)]
pub(in crate::mapping) fn counts() -> (u64, u64) {
    COUNTS.get()
}

/// Runs `work` with a fresh tank.
pub(super) fn limited<T>(work: impl FnOnce() -> T) -> Result<T, Limit> {
    let outer = LEFT.replace(STEPS);
    // Whatever `work` leaves half done is dropped here and seen by nobody.
    let result = catch_unwind(AssertUnwindSafe(work));
    #[cfg(test)]
    COUNTS.set((
        COUNTS.get().0 + 1,
        COUNTS.get().1 + STEPS.saturating_sub(LEFT.get()),
    ));
    LEFT.set(outer);
    result.map_err(|it| match it.downcast::<Limit>() {
        Ok(it) => *it,
        // A defect of the interpreter: not ours to hide.
        Err(it) => resume_unwind(it),
    })
}

/// Runs `work` beside what is counted.
#[cfg(debug_assertions)]
pub(super) fn uncounted<T>(work: impl FnOnce() -> T) -> T {
    #[cfg(test)]
    let before = COUNTS.get();
    let it = work();
    #[cfg(test)]
    COUNTS.set(before);
    it
}

/// Takes so many steps.
pub(super) fn spend(steps: usize) {
    let left = LEFT.get();
    match left.checked_sub(steps as u64) {
        Some(left) => LEFT.set(left),
        None => stop(Limit::Steps),
    }
}

/// Ends the run.
pub(super) fn stop(limit: Limit) {
    // Dropping the interpreter's state must not unwind a second time.
    LEFT.set(u64::MAX);
    if !std::thread::panicking() {
        resume_unwind(Box::new(limit));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_end_and_the_next_begins_afresh() {
        assert_eq!(limited(|| spend(10)), Ok(()));
        let endless = limited(|| {
            loop {
                spend(1);
            }
        });
        assert_eq!(endless, Err::<(), _>(Limit::Steps));
        assert_eq!(limited(|| stop(Limit::Depth)), Err(Limit::Depth));
        assert_eq!(limited(|| spend(STEPS as usize)), Ok(()));
        spend(usize::MAX >> 1);
    }
}
