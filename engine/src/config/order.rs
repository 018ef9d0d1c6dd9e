//! The order in which routes run: each after those in its `after` list, and a route that follows
//! another's outcomes after that one, and one that reads groups after those that make them.

use std::collections::{BTreeMap, BTreeSet};

use super::checked::{Deployment, Endpoint, Route};

/// Name → names that go first. Names that are not keys are left out of the order.
pub(super) type Before = BTreeMap<String, BTreeSet<String>>;

/// Names in an order that respects `before`, alphabetical where it says nothing; or a circle, its
/// first name repeated at the end.
pub(super) fn order(before: &Before) -> Result<Vec<String>, Vec<String>> {
    let mut done: Vec<String> = Vec::new();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for name in before.keys() {
        visit(name, before, &mut Vec::new(), &mut seen, &mut done)?;
    }
    Ok(done)
}

/// `way` holds the names that wait for this one.
fn visit<'a>(
    name: &'a str,
    before: &'a Before,
    way: &mut Vec<&'a str>,
    seen: &mut BTreeSet<&'a str>,
    done: &mut Vec<String>,
) -> Result<(), Vec<String>> {
    if let Some(start) = way.iter().position(|it| *it == name) {
        let circle = way[start..].iter().chain([&name]);
        return Err(circle.map(|it| (*it).to_owned()).collect());
    }
    let Some(first) = before.get(name) else {
        return Ok(());
    };
    if !seen.insert(name) {
        return Ok(());
    }
    way.push(name);
    for name in first {
        visit(name, before, way, seen, done)?;
    }
    way.pop();
    done.push(name.to_owned());
    Ok(())
}

impl Deployment {
    /// All routes, in the order in which they run.
    pub fn routes_in_order(&self) -> Vec<&Route> {
        let before = self
            .routes
            .values()
            .map(|it| (it.name.clone(), self.goes_first(it)))
            .collect();
        // A checked deployment holds no circle; were there one, the order by name would do.
        match order(&before) {
            Ok(names) => names.iter().filter_map(|it| self.routes.get(it)).collect(),
            Err(_) => self.routes.values().collect(),
        }
    }

    fn goes_first(&self, route: &Route) -> BTreeSet<String> {
        let followed = route.from.followed_route();
        let filling = self.filling(&route.from).map(|it| it.name.as_str());
        // What goes into a group is known before anything is sent alone.
        let beside =
            |it: &&Route| it.beside.contains(&route.name) || route.beside.contains(&it.name);
        let grouping = self.routes.values().filter(|it| it.to.is_groups());
        let grouping = grouping
            .filter(|it| !route.to.is_groups() && beside(it))
            .map(|it| it.name.as_str());
        let first = filling.chain(followed).chain(grouping).map(str::to_owned);
        route.after.iter().cloned().chain(first).collect()
    }

    /// Routes that put documents into the groups that this end names.
    pub fn filling<'a>(&'a self, groups: &'a Endpoint) -> impl Iterator<Item = &'a Route> {
        let all = self.routes.values();
        all.filter(|it| groups.is_groups() && it.to == *groups)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn before(text: &str) -> Before {
        let mut all = Before::new();
        for line in text.split(';') {
            let (name, first) = line.split_once(':').unwrap();
            let first = first.split_whitespace().map(str::to_owned).collect();
            all.insert(name.trim().to_owned(), first);
        }
        all
    }

    #[test]
    fn routes_are_ordered_or_the_circle_is_named() {
        let cases = [
            ("b:; a:", Ok("a b")),
            ("a: b; b: c; c:", Ok("c b a")),
            (
                "notes: contacts; imported: notes; contacts:",
                Ok("contacts notes imported"),
            ),
            ("a: gone; b: a", Ok("a b")),
            ("a: b; b: a", Err("a b a")),
            ("x: a; a: b; b: c; c: a", Err("a b c a")),
            ("a: a", Err("a a")),
        ];
        for (text, wanted) in cases {
            let actual = order(&before(text))
                .map(|it| it.join(" "))
                .map_err(|it| it.join(" "));
            assert_eq!(
                actual,
                wanted.map(str::to_owned).map_err(str::to_owned),
                "{text}"
            );
        }
    }
}
