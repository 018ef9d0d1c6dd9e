//! What a route brings to a mapping, against what the mapping uses: options, links, tables.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use serde_json::Value as Json;

use super::{apply::TableData, compile::Cx, value::Value};
use crate::config::findings::nearest;

impl Cx<'_> {
    /// The mapping's options, the route's choices put over them.
    pub(super) fn options(&mut self) -> Value {
        let mut options: Vec<(String, Value)> = self
            .options
            .iter()
            .map(|(name, it)| (name.value.clone(), it.clone()))
            .collect();
        let Some(route) = self.input.route else {
            return Value::object(options);
        };
        for (name, chosen) in &route.options {
            let span = route.places.key(&format!("options/{name}"));
            let Some((_, value)) = options.iter_mut().find(|(it, _)| it == name) else {
                let known: Vec<&str> = options.iter().map(|(it, _)| it.as_str()).collect();
                let message = format!("the mapping `{}` has no option `{name}`", route.mapping);
                let help = suggestion(name, &known);
                self.findings
                    .push(route.file.finding(span, message, "unknown option", help));
                continue;
            };
            let chosen = Value::from(chosen);
            if chosen.kind() != value.kind() {
                let message = format!(
                    "the option `{name}` is {} in the mapping, not {}",
                    value.kind(),
                    chosen.kind()
                );
                self.findings
                    .push(route.file.finding(span, message, "another kind", None));
            }
            *value = chosen;
        }
        Value::object(options)
    }

    /// What the route binds against what the mapping uses.
    pub(super) fn bindings(&mut self) {
        let Some(route) = self.input.route else {
            return;
        };
        let unbound: Vec<_> = self
            .links
            .iter()
            .filter(|(name, _)| !route.links.contains_key(*name))
            .map(|(name, it)| (name.clone(), it.span.clone()))
            .collect();
        for (name, span) in unbound {
            let message = format!("the route `{}` binds no link `{name}`", route.name);
            let help = format!(
                "in {}: links = {{ {name} = \"ROUTE\" }}",
                route.file.path.display()
            );
            self.wrong(span, message, "not bound", Some(help));
        }
        for name in route
            .links
            .keys()
            .filter(|it| !self.links.contains_key(*it))
        {
            let known: Vec<&str> = self.links.keys().map(String::as_str).collect();
            let message = format!("the mapping `{}` has no link `{name}`", route.mapping);
            let help = suggestion(name, &known);
            let span = route.places.key(&format!("links/{name}"));
            self.findings
                .push(route.file.finding(span, message, "not used", help));
        }
        for name in route.tables.keys() {
            if !self.all_tables && !self.tables.contains_key(name) {
                let known: Vec<&str> = self.tables.keys().map(String::as_str).collect();
                let message = format!("the mapping `{}` uses no table `{name}`", route.mapping);
                let help = suggestion(name, &known);
                let span = route.places.key(&format!("tables/{name}"));
                self.findings
                    .push(route.file.finding(span, message, "not used", help));
            }
        }
    }

    /// The tables that the mapping uses, the route's rows merged in.
    pub(super) fn used_tables(
        &mut self,
        mut used: BTreeMap<String, Range<usize>>,
        all: bool,
    ) -> BTreeMap<String, Arc<TableData>> {
        let tables = self.input.tables;
        if all {
            for name in tables.keys() {
                used.entry(name.clone()).or_insert(0..0);
            }
        }
        let mut found = BTreeMap::new();
        for (name, span) in used {
            let own = self.input.route.and_then(|it| it.tables.get(&name));
            let shared = tables.get(&name);
            if own.is_none() && shared.is_none() {
                let known: Vec<&str> = tables.keys().map(String::as_str).collect();
                let message = format!("there is no table `{name}`");
                let help = suggestion(&name, &known);
                self.wrong(span, message, "unknown table", help);
                continue;
            }
            let rows = |it: &BTreeMap<String, Json>| {
                it.iter()
                    .map(|(key, it)| (key.clone(), Value::from(it)))
                    .collect::<Vec<_>>()
            };
            let mut merged: BTreeMap<String, Value> = BTreeMap::new();
            merged.extend(shared.map(|it| rows(&it.rows)).unwrap_or_default());
            merged.extend(own.map(rows).unwrap_or_default());
            let file = shared.map(|it| it.file.path.clone());
            let file = file.or_else(|| self.input.route.map(|it| it.file.path.clone()));
            let table = TableData {
                name: name.as_str().into(),
                file: file.unwrap_or_default(),
                rows: merged,
                default: shared.and_then(|it| it.default.as_ref()).map(Value::from),
            };
            found.insert(name, Arc::new(table));
        }
        found
    }
}

/// Help for a name that is not known.
pub(super) fn suggestion(wrong: &str, known: &[&str]) -> Option<String> {
    match nearest(wrong, known.iter().copied()) {
        Some(it) => Some(format!("did you mean `{it}`?")),
        None if known.is_empty() => Some("there are none".to_owned()),
        None => Some(format!("there are {}", known.join(", "))),
    }
}
