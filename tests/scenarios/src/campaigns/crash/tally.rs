//! What a part of the campaign counted, and what it found wrong.

use std::{
    collections::BTreeMap,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Mutex, PoisonError},
};

/// Counts by name, and faults.
#[derive(Debug, Default)]
pub struct Tally {
    counts: BTreeMap<String, u64>,
    /// Everything that is wrong, each in words of its own.
    pub faults: Vec<String>,
}

impl Tally {
    /// Counts `more` under a name.
    pub fn add(&mut self, name: impl Into<String>, more: usize) {
        *self.counts.entry(name.into()).or_default() += more as u64;
    }

    /// Keeps the greatest value that was seen under a name.
    pub fn most(&mut self, name: &str, value: usize) {
        let held = self.counts.entry(name.to_owned()).or_default();
        *held = (*held).max(value as u64);
    }

    /// What was counted under a name.
    pub fn get(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or_default()
    }

    /// Takes in the counts of a part, whose name goes before theirs.
    pub fn absorb(&mut self, part: &str, other: Self) {
        for (name, count) in other.counts {
            *self.counts.entry(format!("{part}-{name}")).or_default() += count;
        }
        let faults = other.faults.into_iter();
        self.faults.extend(faults.map(|it| format!("{part}: {it}")));
    }
}

/// `NAME=COUNT …`, the faults last.
impl fmt::Display for Tally {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, count) in &self.counts {
            write!(to, "{name}={count} ")?;
        }
        write!(to, "faults={}", self.faults.len())
    }
}

/// Works cases off, several at once: most of a case's time is waiting. `say` hears of each that is
/// done, with what it found wrong. A case that panics is a fault.
pub(super) fn all_at_once<T: Send>(
    cases: Vec<T>,
    at_once: usize,
    say: &(dyn Fn(&str) + Sync),
    each: impl Fn(T, &Mutex<Tally>) + Sync,
) -> Tally {
    let whole = cases.len();
    let cases = Mutex::new(cases.into_iter().enumerate());
    let tally = Mutex::new(Tally::default());
    std::thread::scope(|scope| {
        for _ in 0..at_once.max(1) {
            scope.spawn(|| {
                loop {
                    let next = cases.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some((place, case)) = next else { return };
                    let done = catch_unwind(AssertUnwindSafe(|| each(case, &tally)));
                    if let Err(panic) = done {
                        let text = panic.downcast_ref::<String>().map(String::as_str);
                        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
                        let text = format!("case {place} gave up: {}", text.unwrap_or_default());
                        with(&tally, |it| it.faults.push(text));
                    }
                    if (place + 1) % 10 == 0 {
                        let found = with(&tally, |it| it.faults.len());
                        say(&format!("{} of {whole} begun, {found} faults", place + 1));
                    }
                }
            });
        }
    });
    tally.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Counts something while other cases are under way.
pub(super) fn with<R>(tally: &Mutex<Tally>, count: impl FnOnce(&mut Tally) -> R) -> R {
    count(&mut tally.lock().unwrap_or_else(PoisonError::into_inner))
}
