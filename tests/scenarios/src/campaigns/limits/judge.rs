//! What a run cost, held against what the vendors allow.
//!
//! The bound is strict: the calls that were made, each vendor for itself, its windows where they really
//! lie, every call arriving at the first instant at which it may. It leaves out that calls take time and
//! that a document must be read before it can be sent.

use std::collections::BTreeMap;

use sandbox::Vendor;

use super::wire::Seen;

/// What a vendor allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Allows {
    /// Whose limit it is.
    pub(super) vendor: Vendor,
    /// So many calls…
    pub(super) calls: u64,
    /// …in so many milliseconds.
    pub(super) window: i64,
    /// Windows lie at whole multiples of their length; otherwise no stretch may hold more.
    pub(super) fixed: bool,
    /// Over all accounts together.
    pub(super) shared: bool,
}

impl Allows {
    /// When the last of `count` calls can arrive, the first one arriving at `start`.
    fn end(&self, count: u64, start: i64) -> i64 {
        let full = i64::try_from(count.saturating_sub(1) / self.calls.max(1)).unwrap_or(i64::MAX);
        match (full, self.fixed) {
            (0, _) => start,
            (full, true) => (start.div_euclid(self.window) + full) * self.window,
            (full, false) => start + full * self.window,
        }
    }
}

/// What a run cost.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// Calls that reached a vendor.
    pub calls: usize,
    /// Of those, the ones that write to Xero.
    pub xero_writes: usize,
    /// Of all, those that were answered with 429.
    pub refused: usize,
    /// The same by vendor.
    pub refused_by: BTreeMap<Vendor, usize>,
    /// From the first call to the last, in milliseconds.
    pub took: i64,
    /// The least that this takes within the limits.
    pub least: i64,
    /// How much later than its fair share the worst account was served, in thousandths: 1000 is in
    /// time. Nothing where there is one account only.
    pub worst_share: Option<i64>,
}

impl Figures {
    pub(super) fn of(seen: &[Seen], allowed: &[Allows]) -> Self {
        let start = seen.iter().map(|it| it.at).min().unwrap_or_default();
        let last = seen.iter().map(|it| it.at).max().unwrap_or_default();
        let end = allowed
            .iter()
            .flat_map(|allows| {
                counts(seen, allows)
                    .into_iter()
                    .map(move |count| allows.end(count, start))
            })
            .max()
            .unwrap_or(start);
        let count = |wanted: fn(&&Seen) -> bool| seen.iter().filter(wanted).count();
        Self {
            calls: seen.len(),
            xero_writes: count(|it| it.vendor == Vendor::Xero && it.writes),
            refused: count(|it| it.status == 429),
            refused_by: refused_by(seen),
            took: last - start,
            least: end - start,
            worst_share: worst_share(seen),
        }
    }

    /// What is to be said when it took more than a twentieth longer than it had to.
    pub fn not_close(&self) -> Option<String> {
        (self.over() > 1_050).then(|| format!("took {} ms instead of {}", self.took, self.least))
    }

    /// What is to be said when an account was served later than twice its fair share.
    pub fn not_fair(&self) -> Option<String> {
        let worst = self.worst_share?;
        (worst > 2_000).then(|| format!("an account was served at {worst}/1000 of its fair time"))
    }

    /// Time over the least time, in thousandths.
    pub fn over(&self) -> i64 {
        self.took * 1_000 / self.least.max(1)
    }
}

fn refused_by(seen: &[Seen]) -> BTreeMap<Vendor, usize> {
    let mut by_vendor = BTreeMap::new();
    for it in seen.iter().filter(|it| it.status == 429) {
        *by_vendor.entry(it.vendor).or_default() += 1;
    }
    by_vendor
}

fn counts(seen: &[Seen], allows: &Allows) -> Vec<u64> {
    let mut by_account: BTreeMap<&str, u64> = BTreeMap::new();
    for it in seen.iter().filter(|it| it.vendor == allows.vendor) {
        let account = if allows.shared { "" } else { &it.account };
        *by_account.entry(account).or_default() += 1;
    }
    by_account.into_values().collect()
}

/// Shorter waits than this, in milliseconds, are the way there and back.
const ON_THE_WAY: i64 = 5_000;

/// The fair share of an account's `k`-th call to Xero is the instant at which this run had made as many
/// calls as `k` rounds of all accounts have, those that need fewer left out once they are done.
fn worst_share(seen: &[Seen]) -> Option<i64> {
    let mut calls: Vec<&Seen> = seen.iter().filter(|it| it.vendor == Vendor::Xero).collect();
    calls.sort_by_key(|it| it.at);
    let start = calls.first()?.at;
    let mut by_account: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for it in &calls {
        by_account.entry(&it.account).or_default().push(it.at);
    }
    if by_account.len() < 2 {
        return None;
    }
    let rounds = by_account.values().map(Vec::len).max().unwrap_or_default();
    let mut worst = 0;
    let mut made = 0;
    for round in 0..rounds {
        let own: Vec<i64> = by_account
            .values()
            .filter_map(|it| it.get(round).copied())
            .collect();
        made += own.len();
        let fair = calls.get(made - 1).map_or(start, |it| it.at);
        let latest = own.into_iter().max().unwrap_or(fair);
        let share = (latest - start) * 1_000 / (fair - start).max(ON_THE_WAY);
        worst = worst.max(share);
    }
    Some(worst)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const MINUTE: i64 = 60_000;

    fn call(at: i64, account: &str, status: u16) -> Seen {
        Seen {
            at,
            vendor: Vendor::Xero,
            account: Arc::from(account),
            writes: true,
            status,
        }
    }

    fn sixty(fixed: bool, shared: bool) -> Allows {
        Allows {
            vendor: Vendor::Xero,
            calls: 60,
            window: MINUTE,
            fixed,
            shared,
        }
    }

    #[test]
    fn the_least_time_is_that_of_windows_where_they_lie() {
        let cases = [
            // calls, fixed, first at, last at the earliest
            (1, true, 10_000, 10_000),
            (60, true, 10_000, 10_000),
            (61, true, 10_000, 60_000),
            (61, false, 10_000, 70_000),
            (120, true, 10_000, 60_000),
            (121, true, 0, 120_000),
        ];
        for (count, fixed, start, end) in cases {
            let least = sixty(fixed, false).end(count, start);
            assert_eq!(least, end, "{count} calls from {start}, fixed {fixed}");
        }
    }

    #[test]
    fn accounts_count_apart_unless_they_share() {
        let mut seen: Vec<Seen> = (0..60).map(|it| call(it, "a", 200)).collect();
        seen.extend((0..60).map(|it| call(it, "b", 200)));
        seen.push(call(3 * MINUTE, "b", 429));
        let apart = Figures::of(&seen, &[sixty(true, false)]);
        assert_eq!((apart.least, apart.refused), (MINUTE, 1));
        let shared = Figures::of(&seen, &[sixty(true, true)]);
        assert_eq!((shared.least, shared.took), (2 * MINUTE, 3 * MINUTE));
        assert_eq!(shared.over(), 1_500);
    }

    #[test]
    fn who_is_always_last_is_served_late() {
        let fair: Vec<Seen> = (0..100)
            .flat_map(|round| ["a", "b"].map(|it| call(round * MINUTE, it, 200)))
            .collect();
        assert_eq!(worst_share(&fair), Some(1_000));
        // `a` has all of its calls before `b` has one.
        let one_by_one: Vec<Seen> = (0..200)
            .map(|it| call(it * MINUTE, if it < 100 { "a" } else { "b" }, 200))
            .collect();
        assert!(worst_share(&one_by_one) >= Some(2_000));
        assert_eq!(worst_share(&fair[..1]), None);
    }
}
