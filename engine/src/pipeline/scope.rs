//! The documents that a run is limited to: by route, those dated within a range.

use std::{collections::BTreeMap, sync::Mutex};

use jiff::civil::Date;

use crate::{
    pipeline::{
        decide::{Ready, Write, cut_over::Range, lock},
        plan::RoutePlan,
    },
    store::Tally,
};

/// Routes with their ranges, and what a dry run would send of them.
#[derive(Debug, Default)]
pub(crate) struct Scope {
    ranges: BTreeMap<String, Range>,
    met: Mutex<BTreeMap<String, Met>>,
}

/// What a dry run would send on one route.
#[derive(Debug, Clone, Default)]
pub(crate) struct Met {
    pub(crate) create: Tally,
    pub(crate) update: Tally,
}

impl Scope {
    pub(crate) fn new(ranges: BTreeMap<String, Range>) -> Self {
        Self {
            ranges,
            met: Mutex::default(),
        }
    }

    pub(crate) fn covers(&self, route: &str) -> bool {
        self.ranges.contains_key(route)
    }

    pub(crate) fn holds(&self, route: &str, date: Option<Date>) -> bool {
        let range = self.ranges.get(route);
        range.is_some_and(|range| date.is_some_and(|it| range.holds(it)))
    }

    pub(crate) fn would_send(&self, plan: &RoutePlan, ready: &Ready) {
        // What serves them is no document of the range.
        if !self.covers(plan.name()) {
            return;
        }
        let mut met = lock(&self.met);
        let row = met.entry(plan.name().to_owned()).or_default();
        let money = ready.entry.facts.money.as_ref();
        if ready.write == Write::Create {
            row.create.add(money);
        } else {
            row.update.add(money);
        }
    }

    pub(crate) fn met(&self, route: &str) -> Met {
        lock(&self.met).get(route).cloned().unwrap_or_default()
    }
}
