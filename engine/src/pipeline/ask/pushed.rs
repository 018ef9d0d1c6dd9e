//! Before fields of a linked counterparty are pushed: who changed them, and whether the target still has
//! it in use.

use ledgerline_plugin_api::manifest::{Category, Update};

use super::updates::{BOTH_SIDES, Verdict, apart};
use crate::{
    mapping::{Reference, Value, pushed},
    pipeline::{
        decide::{Ready, problem},
        plan::RoutePlan,
        settle::held_name,
    },
    store::Candidate,
};

/// Judges one push by what the target holds, and notes that in its entry.
pub(super) fn compare(
    plan: &RoutePlan,
    rules: &Update,
    ready: &mut Ready,
    body: &str,
    now: i64,
) -> Verdict {
    let there = Value::parse(body.as_bytes()).unwrap_or_default();
    let read = |text: &str| Value::parse(text.as_bytes()).unwrap_or_default();
    let title = &plan.target_title;
    let Some(link) = ready.entry.held.as_mut() else {
        return Verdict::Goes;
    };
    link.seen_at = now;
    let (said, saw) = (read(&link.sent), read(&link.answered));
    let fields = &plan.route.push_changes;
    let compared = pushed(fields, &said, &saw, &there, &ready.body);
    let closed = plan.held_state(&there);
    if let Some(state) = closed.filter(|it| !rules.open_states.contains(it)) {
        let what = format!("{} in {title}: not changed there", held_name(state));
        ready.entry.notices = vec![what.clone()];
        return Verdict::Stays(what);
    }
    if !compared.conflicts.is_empty() {
        let (id, kept) = (&ready.id, link.id.clone());
        let found = problem(
            Category::Contact,
            format!(
                "changed in {title} and in {}: {}",
                plan.source_title,
                apart(&compared.conflicts)
            ),
            format!(
                "`ledgerline link {id} --to {kept}` keeps what {title} has; or make both equal, then \
                 `ledgerline retry {id}`. Its documents go on"
            ),
        );
        let none = Reference::default();
        let cx = plan.rules_cx(&none);
        ready.entry.candidates = vec![Candidate {
            id: kept,
            label: plan.target_rules.label(&there, cx),
            why: format!("linked; keeps what {title} has"),
        }];
        return Verdict::Question(found, BOTH_SIDES.to_owned());
    }
    if compared.is_nothing() {
        link.sent = ready.mapped.to_json();
        link.fingerprint = ready.fingerprint;
        link.answered = plan.seen_of(link.adopted, &there, body);
        return Verdict::Stays("the target holds it so already".to_owned());
    }
    ready.body = compared.body;
    Verdict::Goes
}

impl RoutePlan {
    /// What is remembered of a target document: of a counterparty that was found there, only what is
    /// pushed.
    pub(crate) fn seen_of(&self, adopted: bool, there: &Value, text: &str) -> String {
        if adopted && self.matches() {
            self.pushed_part(there).to_json()
        } else {
            text.to_owned()
        }
    }
}
