//! Which entries a filter means.

use ledgerline_plugin_api::manifest::Category;

use super::{Entry, EntryId, Filter};

impl Filter {
    /// Whether an entry is meant: every condition that is given holds.
    pub fn matches(&self, id: &EntryId, entry: &Entry) -> bool {
        let Self {
            ids,
            routes,
            states,
            categories,
            cause,
            text,
        } = self;
        let category = || entry.problem.as_ref().map(|it| category_name(it.category));
        (ids.is_empty() || ids.contains(id))
            && (routes.is_empty() || routes.contains(&id.route))
            && (states.is_empty() || states.contains(&entry.state))
            && cause
                .as_ref()
                .is_none_or(|it| entry.cause.as_ref().is_some_and(|own| own.key == *it))
            && (categories.is_empty() || category().is_some_and(|it| categories.contains(&it)))
            && text
                .as_ref()
                .is_none_or(|it| has_text(entry, &it.to_lowercase()))
    }
}

/// `locked-period`, as filters spell it.
pub(super) fn category_name(category: Category) -> String {
    match serde_json::to_value(category) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}

fn has_text(entry: &Entry, text: &str) -> bool {
    [&entry.facts.number, &entry.number, &entry.facts.party]
        .into_iter()
        .flatten()
        .any(|it| it.to_lowercase().contains(text))
}
