//! Both sides added up, and the difference held against the documents that explain it.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use super::{Class, Line, Part, Sum, TargetSide};

/// Of what a sum is: route, target stream, currency.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    /// Routes come first, in order of their names; then what belongs to none.
    no_route: bool,
    pub(super) route: Option<String>,
    pub(super) to: String,
    pub(super) currency: String,
}

impl Key {
    pub(super) fn new(route: Option<&str>, to: &str, currency: &str) -> Self {
        Self {
            no_route: route.is_none(),
            route: route.map(str::to_owned),
            to: to.to_owned(),
            currency: currency.to_owned(),
        }
    }
}

/// A sum that knows whether it is exact. A decimal has 28 digits: absurd amounts do not fit together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Exact {
    pub(super) sum: Decimal,
    pub(super) exact: bool,
}

impl Default for Exact {
    fn default() -> Self {
        Self {
            sum: Decimal::ZERO,
            exact: true,
        }
    }
}

impl Exact {
    pub(super) fn add(&mut self, amount: Decimal) {
        match self.sum.checked_add(amount) {
            Some(sum) => {
                // Digits that had no room are lost without an error: the sum has fewer places than
                // its parts then.
                let places = |it: Decimal| it.normalize().scale();
                self.exact &= sum.scale() >= places(self.sum).max(places(amount));
                self.sum = unsigned_zero(sum);
            }
            None => self.exact = false,
        }
    }
}

/// Zero is written without a sign, whichever way it came about.
pub(super) fn unsigned_zero(it: Decimal) -> Decimal {
    if it.is_zero() { it.abs() } else { it }
}

/// Both sides of one sum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sides {
    source: Exact,
    posted: Exact,
    unposted: Exact,
}

/// Sums of both sides, of every document as it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Totals(BTreeMap<Key, Sides>);

impl Totals {
    /// Adds a document of the source.
    pub(super) fn add_source(&mut self, key: Key, total: Option<Decimal>) {
        let sides = self.0.entry(key).or_default();
        sides.source.add(total.unwrap_or_default());
    }

    /// Adds what another stream came to.
    pub(super) fn extend(&mut self, other: Self) {
        // Keys name the stream, so none is in both.
        self.0.extend(other.0);
    }

    /// Adds a document of the target.
    pub(super) fn add_target(&mut self, key: Key, held: &TargetSide) {
        let sides = self.0.entry(key).or_default();
        let side = if held.posted {
            &mut sides.posted
        } else {
            &mut sides.unposted
        };
        side.add(held.total.unwrap_or_default());
    }
}

/// Each sum with the classes that explain it.
pub(super) fn sums(totals: &Totals, lines: &[Line]) -> Vec<Sum> {
    let mut parts: BTreeMap<Key, BTreeMap<Class, Counted>> = BTreeMap::new();
    for line in lines {
        let waits = line
            .target
            .as_ref()
            .is_some_and(|it| it.is_live() && !it.posted);
        for (currency, amount) in &line.amounts {
            let key = Key::new(line.route.as_deref(), &line.to, currency);
            let counted = parts.entry(key).or_default().entry(line.class).or_default();
            counted.count += 1;
            counted.unposted += u64::from(waits);
            counted.amount.add(*amount);
        }
    }
    let keys: BTreeSet<&Key> = totals.0.keys().chain(parts.keys()).collect();
    let none = BTreeMap::new();
    keys.into_iter()
        .map(|key| {
            let sides = totals.0.get(key).copied().unwrap_or_default();
            sum(key, &sides, parts.get(key).unwrap_or(&none))
        })
        .collect()
}

#[derive(Debug, Clone, Copy, Default)]
struct Counted {
    count: u64,
    unposted: u64,
    amount: Exact,
}

fn sum(key: &Key, sides: &Sides, parts: &BTreeMap<Class, Counted>) -> Sum {
    let mut difference = sides.source;
    for side in [&sides.posted, &sides.unposted] {
        difference.exact &= side.exact;
        difference.add(-side.sum);
    }
    let mut left = difference;
    for counted in parts.values() {
        left.exact &= counted.amount.exact;
        left.add(-counted.amount.sum);
    }
    Sum {
        route: key.route.clone(),
        to: key.to.clone(),
        currency: key.currency.clone(),
        source: sides.source.sum,
        posted: sides.posted.sum,
        unposted: sides.unposted.sum,
        difference: difference.sum,
        parts: parts
            .iter()
            .map(|(class, counted)| Part {
                class: *class,
                count: counted.count,
                unposted: counted.unposted,
                amount: counted.amount.sum,
            })
            .collect(),
        explained: left.exact && left.sum.is_zero(),
        unexplained: left.sum,
    }
}
