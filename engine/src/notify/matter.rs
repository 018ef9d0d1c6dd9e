//! What needs a person after a run: causes that stop entries, parked connections, a run that failed
//! as a whole.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::Serialize;
use url::Url;

use crate::{
    operate::StatusReport,
    store::{EntryId, State},
};

/// One thing that needs a person.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Matter {
    /// Tells it apart from others, the same from run to run; not for people.
    #[serde(skip)]
    pub(crate) key: String,
    /// What it is about.
    pub(crate) about: About,
    /// What is wrong, in plain words.
    pub(crate) says: String,
    /// What helps.
    pub(crate) remedy: Option<String>,
    /// The next command, ready to be typed.
    pub(crate) next: String,
    /// A page about it.
    pub(crate) link: Option<String>,
}

/// What a matter is about.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case"
)]
pub(crate) enum About {
    /// Entries that stopped by one cause.
    Cause {
        /// Their route.
        route: String,
        /// The state they are in.
        state: State,
        /// Key of the cause, as filters take it.
        cause: String,
        /// How many.
        count: u64,
        /// Money by currency.
        money: BTreeMap<String, Decimal>,
        /// Since when the oldest is stopped, milliseconds since the epoch.
        oldest: i64,
        /// One of them.
        example: EntryId,
    },
    /// A connection that cannot be used.
    Connection {
        /// Its name.
        connection: String,
    },
    /// An exported file of which not all could be read.
    File {
        /// Name of the file.
        file: String,
        /// The connection that reads it.
        connection: String,
        /// The stream that it is read for.
        stream: String,
    },
    /// The run as a whole.
    Run {},
}

/// Everything that needs a person, in the order in which `status` shows it.
pub(crate) fn matters(
    status: &StatusReport,
    failure: Option<&str>,
    link_base: Option<&Url>,
) -> Vec<Matter> {
    let mut all: Vec<Matter> = failure.map(failed).into_iter().collect();
    let parked = status.connections.iter().filter_map(|it| {
        let why = it.parked.as_ref()?;
        Some(Matter {
            key: format!("connection {}", it.name),
            about: About::Connection {
                connection: it.name.clone(),
            },
            says: why.clone(),
            remedy: None,
            next: "ledgerline check".to_owned(),
            link: link_base.map(|it| page(it, &[])),
        })
    });
    all.extend(parked);
    let files = status.files.iter().map(|it| Matter {
        key: format!("file {}/{}/{}", it.connection, it.stream, it.file),
        about: About::File {
            file: it.file.clone(),
            connection: it.connection.clone(),
            stream: it.stream.clone(),
        },
        says: format!(
            "{}: {} rows could not be read, such as {}",
            it.file,
            it.problems.len() as u64 + it.more,
            it.problems.first().map_or("", String::as_str)
        ),
        remedy: Some("Correct the file and put it there again".to_owned()),
        next: "ledgerline status".to_owned(),
        link: None,
    });
    all.extend(files);
    for it in &status.groups {
        let group = &it.group;
        // The others go on by themselves.
        if !matches!(group.state, State::Waiting | State::Warning) {
            continue;
        }
        let query = [("route", group.route.as_str()), ("cause", &group.cause)];
        all.push(Matter {
            key: format!("{} {} {}", group.route, group.state.name(), group.cause),
            about: About::Cause {
                route: group.route.clone(),
                state: group.state,
                cause: group.cause.clone(),
                count: group.tally.count,
                money: group.tally.money.clone(),
                oldest: group.oldest,
                example: group.example.clone(),
            },
            says: it.says(),
            remedy: group.problem.as_ref().map(|it| it.remedy.clone()),
            next: it.next.clone(),
            link: link_base.map(|it| page(it, &query)),
        });
    }
    all
}

/// A run that did not come to its end.
pub(crate) fn failed(why: &str) -> Matter {
    Matter {
        key: "run".to_owned(),
        about: About::Run {},
        says: format!("a run failed as a whole: {why}"),
        remedy: None,
        next: "ledgerline status".to_owned(),
        link: None,
    }
}

/// The list below the pages' address that shows what `ledgerline list` shows for the same words.
fn page(base: &Url, query: &[(&str, &str)]) -> String {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().push("list");
    }
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        operate::{ConnectionStatus, GroupReport},
        store::{Group, Tally},
    };

    fn group(state: State, cause: &str) -> GroupReport {
        GroupReport {
            group: Group {
                route: "notes".into(),
                state,
                cause: cause.into(),
                tally: Tally {
                    count: 2,
                    money: [("AUD".to_owned(), Decimal::new(1250, 2))].into(),
                },
                oldest: 1,
                example: EntryId::new("notes", "7"),
                problem: None,
            },
            root: None,
            next: "ledgerline retry".into(),
        }
    }

    #[test]
    fn only_what_a_person_has_to_do_is_a_matter() {
        let status = StatusReport {
            groups: vec![
                group(State::Waiting, "account 270"),
                group(State::Failed, "passing"),
                group(State::Uncertain, "answer lost"),
                group(State::Warning, "total differs"),
            ],
            connections: vec![
                ConnectionStatus {
                    name: "shop".into(),
                    ..ConnectionStatus::default()
                },
                ConnectionStatus {
                    name: "books".into(),
                    parked: Some("its consent is gone".into()),
                    ..ConnectionStatus::default()
                },
            ],
            ..StatusReport::default()
        };
        let base: Url = "https://books.example/pages/".parse().unwrap();
        let all = matters(&status, Some("disk full"), Some(&base));
        let keys: Vec<&str> = all.iter().map(|it| it.key.as_str()).collect();
        assert_eq!(
            keys,
            [
                "run",
                "connection books",
                "notes waiting account 270",
                "notes warning total differs"
            ]
        );
        assert_eq!(
            all[2].link.as_deref().unwrap(),
            "https://books.example/pages/list?route=notes&cause=account+270"
        );
    }
}
