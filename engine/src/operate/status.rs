//! What a person sees first: every stop grouped by cause, with count, money, age and the next step.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    config::Trigger,
    operate::{ConnectionStatus, GroupReport, RouteStatus, StatusReport},
    pipeline::{Engine, TROUBLES},
    store::{Cause, EntryId, Group, State, StoreError, offload},
};

/// Notes that are shown, by how their names begin.
const SHOWN: [&str; 7] = [
    "confirmed/",
    "foreign/",
    "next/",
    "notify/",
    "parked/",
    "reference/",
    TROUBLES,
];

pub(crate) async fn status(engine: &Engine) -> Result<StatusReport, StoreError> {
    let (groups, totals, notes) = offload::run(engine.store(), |store| {
        let mut notes = BTreeMap::new();
        for prefix in SHOWN {
            notes.extend(store.notes(prefix)?);
        }
        Ok((store.groups(&[])?, store.totals()?, notes))
    })
    .await?;
    // A stopped counterparty is shown once: by what waits for it, if anything does.
    let waited_for: BTreeSet<String> = groups
        .iter()
        .filter(|it| is_wait(it))
        .map(|it| it.cause.clone())
        .collect();
    let mut reports = Vec::new();
    for group in groups {
        let own = Cause::entry(&group.example).key;
        if !is_wait(&group) && group.cause == own && waited_for.contains(&own) {
            continue;
        }
        if group.state == State::Pending {
            continue;
        }
        let root = match (Cause {
            key: group.cause.clone(),
        })
        .as_entry()
        {
            Some(id) if id != group.example => root_of(engine, id).await?,
            _ => None,
        };
        let next = next_command(&group, root.as_ref().map(|(id, _)| id));
        reports.push(GroupReport { group, root, next });
    }
    let mut routes = Vec::new();
    for name in &engine.order {
        let Some(plan) = engine.plans.get(name) else {
            continue;
        };
        routes.push(RouteStatus {
            name: name.clone(),
            from: format!("{}/{}", plan.source.connection, plan.source.stream),
            to: format!("{}/{}", plan.target.connection, plan.target.stream),
            title: plan.target_stream.title.clone(),
            trigger: match &plan.route.trigger {
                Trigger::Manual => "manual".to_owned(),
                Trigger::Every(it) => format!("every {}", human(it.as_secs())),
                Trigger::Cron(it) => format!("cron {it}"),
            },
            confirmed: plan.route.confirmed
                || plan.follows.is_some()
                || plan.matches()
                || notes.contains_key(&format!("confirmed/{name}")),
            next: notes.get(&format!("next/{name}")).cloned(),
        });
    }
    let now = engine.clock().now_ms();
    let connections = engine
        .connected
        .iter()
        .map(|(name, it)| {
            let ages = notes
                .iter()
                .filter(|(key, _)| key.starts_with(&format!("reference/{name}/")))
                .filter_map(|(_, at)| at.parse::<i64>().ok());
            let view = Some(it.channel.budget());
            ConnectionStatus {
                name: name.clone(),
                plugin: format!("{} {}", it.plugin.name(), it.plugin.version()),
                account: it.account.clone(),
                parked: notes
                    .get(&format!("foreign/{name}"))
                    .or_else(|| notes.get(&format!("parked/{name}")))
                    .cloned(),
                day_used: view.as_ref().map_or(0, |it| it.day_used),
                day_limit: view.as_ref().and_then(|it| it.day_limit),
                reference_age: ages
                    .min()
                    .and_then(|at| u64::try_from((now - at).max(0) / 1000).ok()),
            }
        })
        .collect();
    Ok(StatusReport {
        routes,
        totals,
        groups: reports,
        connections,
        notify: super::notifying::standing(engine, &notes),
        files: notes
            .iter()
            .filter(|(key, _)| key.starts_with(TROUBLES))
            .filter_map(|(_, text)| serde_json::from_str(text).ok())
            .collect(),
        at: now,
    })
}

fn is_wait(group: &Group) -> bool {
    group.state == State::Waiting
}

/// The entry that is waited for, and why it is not there.
async fn root_of(engine: &Engine, id: EntryId) -> Result<Option<(EntryId, String)>, StoreError> {
    let wanted = id.clone();
    let entry = offload::run(engine.store(), move |store| store.entry(&wanted)).await?;
    Ok(entry.map(|it| {
        let why = match it.problem {
            Some(problem) => problem.cause,
            None => format!("it is {}", it.state.name()),
        };
        (id, why)
    }))
}

/// The next command for a group, ready to be typed.
fn next_command(group: &Group, root: Option<&EntryId>) -> String {
    use ledgerline_plugin_api::manifest::Category;
    let category = group.problem.as_ref().map(|it| it.category);
    let retry = format!(
        "ledgerline retry --cause {} --route {}",
        quoted(&group.cause),
        group.route
    );
    match (group.state, root, category) {
        (State::Uncertain | State::Failed | State::Sending, _, _) => "ledgerline sync".to_owned(),
        (State::Waiting, Some(root), _) => format!("ledgerline link {root} --to ID"),
        (State::Warning, _, Some(Category::Contact))
            if group.cause == Cause::entry(&group.example).key =>
        {
            format!("ledgerline link {} --to ID", group.example)
        }
        (State::Warning, _, Some(Category::Duplicate | Category::DocumentState)) => {
            format!("ledgerline show {}", group.example)
        }
        _ => retry,
    }
}

/// Quoted for a shell where that is needed.
fn quoted(text: &str) -> String {
    let plain = |it: char| it.is_ascii_alphanumeric() || "-_./:".contains(it);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// Whole units, the largest that fits.
fn human(seconds: u64) -> String {
    match seconds {
        it if it >= 3600 && it % 3600 == 0 => format!("{}h", it / 3600),
        it if it >= 60 && it % 60 == 0 => format!("{}m", it / 60),
        it => format!("{it}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_quoted_for_a_shell() {
        let cases = [
            ("entry:contacts/12", "entry:contacts/12"),
            ("account 270", "'account 270'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
        ];
        for (text, wanted) in cases {
            assert_eq!(quoted(text), wanted, "{text}");
        }
    }

    #[test]
    fn durations_read_as_they_are_written() {
        let cases = [(300, "5m"), (7200, "2h"), (90, "90s")];
        for (seconds, wanted) in cases {
            assert_eq!(human(seconds), wanted);
        }
    }
}
