//! Two-byte numbers for the names of routes and streams.
//!
//! A number is given when a name is first met, is never given again, and lives as long as the store.
//! A number whose name cannot be read would let the same name get a second number, and all its
//! documents would look new: a store with such a row is not opened for work.

use std::{
    collections::{BTreeMap, HashMap},
    hash::Hash,
};

use super::keys::Number;
use crate::store::StreamId;

pub(super) const ROUTE: u8 = 0;
pub(super) const STREAM: u8 = 1;

/// Every name that the store has met.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) routes: Table<String>,
    pub(super) streams: Table<StreamId>,
}

#[derive(Debug)]
pub(super) struct Table<T> {
    numbers: HashMap<T, Number>,
    names: BTreeMap<Number, T>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            numbers: HashMap::new(),
            names: BTreeMap::new(),
        }
    }
}

impl<T: Clone + Eq + Hash> Table<T> {
    pub(super) fn number<Q>(&self, name: &Q) -> Option<Number>
    where
        T: std::borrow::Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.numbers.get(name).copied()
    }

    pub(super) fn name(&self, number: Number) -> Option<&T> {
        self.names.get(&number)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (Number, &T)> {
        self.names.iter().map(|(number, name)| (*number, name))
    }

    /// The next free number; `None` when all 65,536 are given.
    pub(super) fn free(&self) -> Option<Number> {
        match self.names.last_key_value() {
            None => Some(0),
            Some((last, _)) => last.checked_add(1),
        }
    }

    pub(super) fn insert(&mut self, number: Number, name: T) {
        self.numbers.insert(name.clone(), number);
        self.names.insert(number, name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_run_out_without_being_given_twice() {
        let mut table = Table::default();
        assert_eq!(table.free(), Some(0));
        table.insert(7, "a".to_owned());
        assert_eq!((table.free(), table.number("a")), (Some(8), Some(7)));
        table.insert(Number::MAX, "z".to_owned());
        assert_eq!(table.free(), None);
        assert_eq!(table.name(7).map(String::as_str), Some("a"));
    }
}
