//! The document of one group: its name, what it comes to, and what is in it.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use crate::{
    mapping::{Value, value::Object},
    store::EntryId,
};

/// What is in a group, in the order of routes and ids.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct GroupDocument {
    members: BTreeMap<(String, String), Value>,
    /// Those of them that say something else by now, which could not be worked out.
    stopped: BTreeSet<(String, String)>,
}

/// One document of a group.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Member {
    /// The entry of the route that put it there.
    pub(crate) id: EntryId,
    /// As that route's mapping gives it.
    pub(crate) body: Value,
}

impl GroupDocument {
    /// Reads the document of a group; one that cannot be read holds nothing.
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let value = Value::parse(bytes).unwrap_or_default();
        let all = |field: &str| {
            let all = value.child(field).and_then(Value::as_array);
            all.into_iter().flatten()
        };
        let members = all("members").filter_map(|it| {
            let EntryId { route, source } = named(it)?;
            let key = (route, source);
            let mut body = it.clone();
            for own in ["route", "id"] {
                body.remove(own);
            }
            Some((key, body))
        });
        Self {
            members: members.collect(),
            stopped: all("stopped")
                .filter_map(named)
                .map(|it| (it.route, it.source))
                .collect(),
        }
    }

    /// Puts a document in, in the place of what it was there before.
    pub(crate) fn put(&mut self, member: Member) {
        let EntryId { route, source } = member.id;
        let key = (route, source);
        self.stopped.remove(&key);
        self.members.insert(key, member.body);
    }

    /// Notes that a document which is in it says something else by now, and that nobody knows what it would
    /// be in the group.
    pub(crate) fn stop(&mut self, id: &EntryId) {
        if self.holds(id) {
            let key = (id.route.clone(), id.source.clone());
            self.stopped.insert(key);
        }
    }

    /// Takes a document out.
    pub(crate) fn take(&mut self, id: &EntryId) {
        let key = (id.route.clone(), id.source.clone());
        self.stopped.remove(&key);
        self.members.remove(&key);
    }

    /// Whether a document is in it.
    pub(crate) fn holds(&self, id: &EntryId) -> bool {
        let key = (id.route.clone(), id.source.clone());
        self.members.contains_key(&key)
    }

    /// Entries of what is in it.
    pub(crate) fn ids(&self) -> impl Iterator<Item = EntryId> {
        self.members
            .keys()
            .map(|(route, id)| EntryId::new(route, id))
    }

    /// The document; none when nothing is in it.
    ///
    /// `total` is the exact sum of its members' totals, null when none has one; `date` the latest of their
    /// dates; `currency` and `party` those of the first that has one. `stopped` names those of its members that
    /// are not as their sources have them.
    pub(crate) fn body(&self, group: &str, key: &str) -> Option<Value> {
        if self.members.is_empty() {
            return None;
        }
        let of = |field: &str| {
            let all = self.members.values();
            all.filter_map(|it| it.child(field))
                .filter(|it| !it.is_null())
                .cloned()
                .collect::<Vec<Value>>()
        };
        let first = |field: &str| of(field).into_iter().next().unwrap_or_default();
        let latest = of("date")
            .into_iter()
            .max_by_key(|it| it.to_text().to_string());
        let totals = of("total");
        let sum = totals.iter().try_fold(Decimal::ZERO, |sum, it| {
            sum.checked_add(it.to_decimal().unwrap_or_default())
        });
        // A sum that is too large to be exact is none.
        let total = sum.filter(|_| !totals.is_empty()).map(Value::from);
        let members = self.members.iter().map(|((route, id), body)| {
            let own = [
                ("route", Value::from(route.as_str())),
                ("id", Value::from(id.as_str())),
            ];
            let fields = body.as_object().into_iter().flat_map(Object::iter);
            let fields = fields.map(|(name, value)| (name.as_ref(), value.clone()));
            Value::object(own.into_iter().chain(fields))
        });
        let named = |(route, id): &(String, String)| {
            Value::object([
                ("route", Value::from(route.as_str())),
                ("id", Value::from(id.as_str())),
            ])
        };
        let stopped: Vec<Value> = self.stopped.iter().map(named).collect();
        let stopped = (!stopped.is_empty()).then(|| ("stopped", Value::from(stopped)));
        let fields = [
            ("group", Value::from(group)),
            ("key", Value::from(key)),
            ("date", latest.unwrap_or_default()),
            ("currency", first("currency")),
            ("party", first("party")),
            ("total", total.unwrap_or_default()),
            ("members", Value::from(members.collect::<Vec<Value>>())),
        ];
        Some(Value::object(fields.into_iter().chain(stopped)))
    }
}

/// The first document of a group that is not as its source has it.
pub(crate) fn stopped_member(group: &Value) -> Option<EntryId> {
    named(group.child("stopped")?.as_array()?.first()?)
}

fn named(member: &Value) -> Option<EntryId> {
    let (route, id) = (member.child("route")?, member.child("id")?);
    Some(EntryId::new(
        route.to_text().to_string(),
        id.to_text().to_string(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(route: &str, id: &str, body: &str) -> Member {
        Member {
            id: EntryId::new(route, id),
            body: Value::parse(body.as_bytes()).unwrap(),
        }
    }

    #[test]
    fn a_group_adds_up_exactly_and_is_the_same_whatever_came_first() {
        let orders = member(
            "orders",
            "7",
            r#"{"total":10.10,"date":"2026-10-02","currency":"AUD"}"#,
        );
        let credits = member("credits", "3", r#"{"total":-20.30,"date":"2026-10-03"}"#);
        let paid = member("paid", "1", r#"{"method":"Cash"}"#);
        let mut one = GroupDocument::default();
        let mut two = GroupDocument::default();
        for it in [&orders, &credits, &paid] {
            one.put(it.clone());
        }
        for it in [&paid, &orders, &credits] {
            two.put(it.clone());
        }
        let body = one.body("sales", "day").unwrap();
        assert_eq!(Some(&body), two.body("sales", "day").as_ref());
        assert_eq!(body.child("total").unwrap().to_json(), "-10.20");
        assert_eq!(body.child("date").unwrap().to_json(), r#""2026-10-03""#);
        assert_eq!(body.child("currency").unwrap().to_json(), r#""AUD""#);
        assert_eq!(GroupDocument::read(&body.to_bytes()), one);
        for it in [&paid, &orders, &credits] {
            one.take(&it.id);
        }
        assert_eq!(one.body("sales", "day"), None);
        let mut without = GroupDocument::default();
        without.put(paid);
        let body = without.body("sales", "day").unwrap();
        assert!(body.child("total").unwrap().is_null());
    }

    #[test]
    fn a_member_is_told_to_be_stopped_until_it_is_put_in_again_or_leaves() {
        let order = member("orders", "7", r#"{"total":10.10}"#);
        let other = member("orders", "8", r#"{"total":1}"#);
        let mut group = GroupDocument::default();
        group.put(other);
        group.stop(&order.id);
        let stopped = |it: &GroupDocument| stopped_member(&it.body("sales", "day").unwrap());
        assert_eq!(stopped(&group), None, "it is not in it");
        for mend in [
            |group: &mut GroupDocument, it: &Member| group.put(it.clone()),
            |group: &mut GroupDocument, it: &Member| group.take(&it.id),
        ] {
            group.put(order.clone());
            group.stop(&order.id);
            let body = group.body("sales", "day").unwrap();
            assert_eq!(stopped_member(&body), Some(order.id.clone()));
            assert_eq!(GroupDocument::read(&body.to_bytes()), group);
            mend(&mut group, &order);
            assert_eq!(stopped(&group), None);
        }
    }

    #[test]
    fn what_is_no_group_holds_nothing() {
        for text in ["", "[]", r#"{"members":7}"#, r#"{"members":[{"id":"1"}]}"#] {
            let read = GroupDocument::read(text.as_bytes());
            assert_eq!(read, GroupDocument::default(), "{text}");
        }
    }
}
