//! Rules between files: names that must exist, routes that must not meet.
//!
//! They look at the files as written, so that a mistake in one field of a route does not hide what
//! is wrong with the others.

use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;

use super::{
    checked::{GROUPS, OUTCOMES},
    deployment_toml::{ConnectionToml, DeploymentToml},
    findings::{Findings, Places, SourceFile, known_names},
    order::{Before, order},
    reader::{Keyed, Named, Reader},
    route_toml::{EndpointToml, RouteToml},
};

/// Everything as written, each with its file.
pub(super) struct Written<'a> {
    pub(super) main: &'a SourceFile,
    pub(super) deployment: &'a DeploymentToml,
    pub(super) routes: &'a BTreeMap<String, WrittenRoute>,
    pub(super) mappings: BTreeSet<&'a str>,
    pub(super) tables: BTreeSet<&'a str>,
}

/// A route as written, with its file.
pub(super) struct WrittenRoute {
    pub(super) file: SourceFile,
    pub(super) toml: RouteToml,
    pub(super) places: Places,
}

/// Tells everything that is wrong between the files.
pub(super) fn check(written: &Written<'_>, findings: &mut Findings) {
    apps_exist(written, findings);
    for (name, route) in written.routes {
        let mut reader = Reader {
            file: &route.file,
            findings: &mut *findings,
        };
        ends_exist(name, &route.toml, written, &mut reader);
        names_exist(name, &route.toml, written, &mut reader);
        links_fit(name, &route.toml, written, &mut reader);
    }
    one_owner(written, findings);
    no_circle(written, findings);
    sources_have_a_start(written, findings);
}

/// Lower-case letters, digits and single dashes, a letter first: such names stand in file names,
/// commands and keys of the store.
pub(super) fn well_formed(name: &str) -> bool {
    name.starts_with(|it: char| it.is_ascii_lowercase())
        && name.split('-').all(|part| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|it| it.is_ascii_lowercase() || it.is_ascii_digit())
        })
}

fn connections<'a>(
    written: &'a Written<'_>,
) -> impl Iterator<Item = (&'a str, &'a Named<ConnectionToml>)> {
    let all: Option<&Keyed<ConnectionToml>> = written.deployment.connections.as_ref();
    all.into_iter()
        .flatten()
        .map(|(name, it)| (name.as_str(), it))
}

fn apps_exist(written: &Written<'_>, findings: &mut Findings) {
    let mut reader = Reader {
        file: written.main,
        findings,
    };
    let apps = written.deployment.apps.as_ref();
    let known = || apps.into_iter().flatten().map(|(name, _)| name.as_str());
    for (_, connection) in connections(written) {
        if let Some(app) = &connection.value.app
            && known().all(|it| it != app.get_ref())
        {
            let help = known_names(app.get_ref(), known());
            reader.problem(
                app.span(),
                format!("no app named `{}`", app.get_ref()),
                "not below [apps]",
                help,
            );
        }
    }
    let notify = || written.deployment.notify.iter().flatten();
    let names = known()
        .chain(connections(written).map(|(name, _)| name))
        .chain(notify().map(|(name, _)| name.as_str()))
        .collect::<Vec<_>>();
    let places = apps.into_iter().flatten().map(|(_, it)| it.key.clone());
    let places = places
        .chain(connections(written).map(|(_, it)| it.key.clone()))
        .chain(notify().map(|(_, it)| it.key.clone()));
    for (name, place) in names.into_iter().zip(places.collect::<Vec<_>>()) {
        if !well_formed(name) {
            reader.problem(
                place,
                format!("`{name}` is not a good name"),
                "not well formed",
                NAMES.to_owned(),
            );
        }
    }
}

/// Help for names that are not well formed.
pub(super) const NAMES: &str = "lower-case letters, digits and single dashes, a letter first";

fn ends_exist(name: &str, route: &RouteToml, written: &Written<'_>, reader: &mut Reader<'_>) {
    for (end, is_from) in [(&route.from, true), (&route.to, false)] {
        let Some(connection) = end.as_ref().and_then(|it| it.connection.as_ref()) else {
            continue;
        };
        let wanted = connection.get_ref().as_str();
        if wanted == OUTCOMES {
            let stream = end.as_ref().and_then(|it| it.stream.as_ref());
            match stream {
                _ if !is_from => reader.problem(
                    connection.span(),
                    "nothing can be sent to `outcomes`",
                    "only read",
                    "name a connection".to_owned(),
                ),
                Some(stream) if stream.get_ref() == name => {
                    reader.problem(
                        stream.span(),
                        "a route cannot follow itself",
                        "this very route",
                        None,
                    );
                }
                Some(stream) => {
                    route_exists(stream, written, reader);
                }
                None => {}
            }
        } else if wanted == GROUPS {
            groups_are_made_and_read(route, is_from, written, reader);
        } else if connections(written).all(|(it, _)| it != wanted) {
            let help = known_names(wanted, connections(written).map(|(it, _)| it));
            reader.problem(
                connection.span(),
                format!("no connection named `{wanted}`"),
                "not in ledgerline.toml",
                help,
            );
        }
    }
    if let (Some(from), Some(to)) = (key_of(&route.from), key_of(&route.to))
        && from == to
        && from.0 != OUTCOMES
        && let Some(stream) = route.to.as_ref().and_then(|it| it.stream.as_ref())
    {
        reader.problem(
            stream.span(),
            "this stream would be sent into itself",
            "the same as `from`",
            None,
        );
    }
}

/// Groups that nobody makes would stay empty, and documents in groups that nobody reads would be lost from
/// sight.
fn groups_are_made_and_read(
    route: &RouteToml,
    is_from: bool,
    written: &Written<'_>,
    reader: &mut Reader<'_>,
) {
    let end = if is_from { &route.from } else { &route.to };
    let Some(name) = end.as_ref().and_then(|it| it.stream.as_ref()) else {
        return;
    };
    // For one that is on, those count that are on, too.
    let is_on = |it: &RouteToml| it.enabled != Some(false);
    let counts = |it: &RouteToml| !is_on(route) || is_on(it);
    if !well_formed(name.get_ref()) {
        let message = format!("`{}` is not a good name", name.get_ref());
        reader.problem(name.span(), message, "not well formed", NAMES.to_owned());
        return;
    }
    let of_others = |of: fn(&RouteToml) -> &Option<EndpointToml>| {
        let ends = written
            .routes
            .values()
            .filter(move |it| counts(&it.toml))
            .filter_map(move |it| key_of(of(&it.toml)));
        ends.filter(|it| it.0 == GROUPS).map(|it| it.1)
    };
    let (made, read) = (of_others(|it| &it.to), of_others(|it| &it.from));
    let mut others: Vec<&str> = match is_from {
        true => made.collect(),
        false => read.collect(),
    };
    others.sort_unstable();
    others.dedup();
    if others.contains(&name.get_ref().as_str()) {
        return;
    }
    let (message, label) = match is_from {
        true => (
            format!(
                "no route that is on makes groups named `{}`",
                name.get_ref()
            ),
            "made by none",
        ),
        false => (
            format!("no route that is on reads the groups `{}`", name.get_ref()),
            "read by none",
        ),
    };
    reader.problem(
        name.span(),
        message,
        label,
        known_names(name.get_ref(), others),
    );
}

fn route_exists(wanted: &Spanned<String>, written: &Written<'_>, reader: &mut Reader<'_>) -> bool {
    let found = written.routes.contains_key(wanted.get_ref());
    if !found {
        let help = known_names(wanted.get_ref(), written.routes.keys().map(String::as_str));
        reader.problem(
            wanted.span(),
            format!("no route named `{}`", wanted.get_ref()),
            "no such file below routes/",
            help,
        );
    }
    found
}

fn names_exist(name: &str, route: &RouteToml, written: &Written<'_>, reader: &mut Reader<'_>) {
    if let Some(mapping) = &route.mapping
        && !written.mappings.contains(mapping.get_ref().as_str())
    {
        let wanted = mapping.get_ref();
        let help = known_names(wanted, written.mappings.iter().copied());
        let label = "no such file below mappings/";
        reader.problem(
            mapping.span(),
            format!("no mapping named `{wanted}`"),
            label,
            help,
        );
    }
    for (table, rows) in route.tables.iter().flatten() {
        if !written.tables.contains(table.as_str()) {
            let help = known_names(table, written.tables.iter().copied());
            let label = "no such file below tables/";
            reader.problem(
                rows.key.clone(),
                format!("no table named `{table}`"),
                label,
                help,
            );
        }
    }
    for first in route.after.iter().flatten() {
        if first.get_ref() == name {
            reader.problem(
                first.span(),
                "a route cannot go after itself",
                "this very route",
                None,
            );
        } else {
            route_exists(first, written, reader);
        }
    }
    for other in route.beside.iter().flatten() {
        if !route_exists(other, written, reader) {
            continue;
        }
        let theirs = &written.routes[other.get_ref()].toml;
        if other.get_ref() == name || key_of(&theirs.from) != key_of(&route.from) {
            let message = format!("`{}` does not read the same stream", other.get_ref());
            let help = "remove it: only such routes could take a document twice".to_owned();
            reader.problem(other.span(), message, "another way", help);
        }
    }
}

/// A link gives the id of a document in the target, or one in the source by that in the target: it must be
/// about the same two accounts, in whichever direction.
fn links_fit(name: &str, route: &RouteToml, written: &Written<'_>, reader: &mut Reader<'_>) {
    for (link, wanted) in route.links.iter().flatten() {
        let wanted = &wanted.value;
        if !route_exists(wanted, written, reader) || wanted.get_ref() == name {
            continue;
        }
        let linked = &written.routes[wanted.get_ref()].toml;
        let known = |it: &&str| connections(written).any(|(name, _)| name == *it);
        let (from, to) = (source_of(linked, written), connection_of(&linked.to));
        if from.is_some() && from == connection_of(&route.to) && to == source_of(route, written) {
            continue;
        }
        let ends = [
            (
                connection_of(&route.to),
                connection_of(&linked.to),
                "goes to",
            ),
            (
                source_of(route, written),
                source_of(linked, written),
                "comes from",
            ),
        ];
        for (ours, theirs, verb) in ends {
            if let (Some(ours), Some(theirs)) = (ours.filter(known), theirs.filter(known))
                && ours != theirs
            {
                reader.problem(
                    wanted.span(),
                    format!("the link `{link}` would give ids of another account"),
                    format!("{verb} `{theirs}`"),
                    format!("this route {verb} `{ours}`; link a route that does so too"),
                );
            }
        }
    }
}

fn connection_of(end: &Option<EndpointToml>) -> Option<&str> {
    end.as_ref()?
        .connection
        .as_ref()
        .map(|it| it.get_ref().as_str())
}

/// The connection that a route's documents stem from; that of the followed route for outcomes.
fn source_of<'a>(route: &'a RouteToml, written: &'a Written<'_>) -> Option<&'a str> {
    let mut route = route;
    // A chain of outcomes is at most as long as there are routes.
    for _ in 0..=written.routes.len() {
        match connection_of(&route.from)? {
            OUTCOMES => {
                let followed = route.from.as_ref()?.stream.as_ref()?;
                route = &written.routes.get(followed.get_ref())?.toml;
            }
            GROUPS => {
                let groups = key_of(&route.from);
                let mut all = written.routes.values();
                route = &all.find(|it| key_of(&it.toml.to) == groups)?.toml;
            }
            connection => return Some(connection),
        }
    }
    None
}

fn key_of(end: &Option<EndpointToml>) -> Option<(&str, &str)> {
    let end = end.as_ref()?;
    Some((
        end.connection.as_ref()?.get_ref(),
        end.stream.as_ref()?.get_ref(),
    ))
}

/// Two routes from one stream into one stream would send every document twice, unless they say that each
/// document goes by one of them; then it is watched.
fn one_owner(written: &Written<'_>, findings: &mut Findings) {
    let named = |one: &str, other: &str| {
        let beside = written
            .routes
            .get(one)
            .and_then(|it| it.toml.beside.as_ref());
        beside.is_some_and(|it| it.iter().any(|it| it.get_ref() == other))
    };
    let mut owners: BTreeMap<_, Vec<&str>> = BTreeMap::new();
    for (name, route) in written.routes {
        let toml = &route.toml;
        let (Some(from), Some(to)) = (key_of(&toml.from), key_of(&toml.to)) else {
            continue;
        };
        if toml.enabled == Some(false) {
            continue;
        }
        let others = owners.entry((from, to)).or_default();
        let first = others
            .iter()
            .find(|it| !named(name, it) && !named(it, name))
            .copied();
        others.push(name);
        let Some(first) = first else {
            continue;
        };
        let finding = route.file.finding(
            route.places.key("from"),
            format!("`{name}` and `{first}` both send `{}/{}` into `{}/{}`", from.0, from.1, to.0, to.1),
            format!("`{first}` does so too"),
            Some(format!("every document would arrive twice: switch one off (enabled = false) or remove it, or write beside = [\"{first}\"] when each document is left out by one of them; {first} is in routes/{first}.toml")),
        );
        findings.push(finding);
    }
}

fn no_circle(written: &Written<'_>, findings: &mut Findings) {
    let mut before = Before::new();
    for (name, route) in written.routes {
        let toml = &route.toml;
        let after = toml.after.iter().flatten().map(|it| it.get_ref().as_str());
        let from = key_of(&toml.from);
        let followed = from.filter(|it| it.0 == OUTCOMES).map(|it| it.1);
        let groups = from.filter(|it| it.0 == GROUPS);
        let filling = written
            .routes
            .iter()
            .filter(|(_, it)| groups.is_some() && key_of(&it.toml.to) == groups)
            .map(|(name, _)| name.as_str());
        let grouping = grouping_beside(name, route, written);
        // A route after itself is told where it stands.
        let first = after
            .chain(followed)
            .chain(filling)
            .chain(grouping)
            .filter(|it| it != name)
            .map(str::to_owned)
            .collect();
        before.insert(name.clone(), first);
    }
    if let Err(circle) = order(&before)
        && let Some(route) = circle.first().and_then(|it| written.routes.get(it))
    {
        let place = match &route.toml.after {
            Some(_) => route.places.value("after"),
            None => route.places.key("from"),
        };
        findings.push(route.file.finding(
            place,
            format!("routes wait for each other: {}", circle.join(" after ")),
            "a circle",
            Some("take one of them out of an `after` list".to_owned()),
        ));
    }
}

/// Routes that make groups of what this one would send alone.
fn grouping_beside<'a>(
    name: &'a str,
    route: &'a WrittenRoute,
    written: &'a Written<'_>,
) -> impl Iterator<Item = &'a str> {
    let groups = |it: &RouteToml| connection_of(&it.to) == Some(GROUPS);
    let names = |it: &RouteToml, other: &str| {
        let beside = it.beside.iter().flatten();
        beside.into_iter().any(|it| it.get_ref() == other)
    };
    let all = written.routes.iter().filter(move |(other, it)| {
        !groups(&route.toml)
            && groups(&it.toml)
            && (names(&it.toml, name) || names(&route.toml, other))
    });
    all.map(|(name, _)| name.as_str())
}

/// Without a start date the first run would take over years that are in the books already.
fn sources_have_a_start(written: &Written<'_>, findings: &mut Findings) {
    let sources: BTreeSet<&str> = written
        .routes
        .values()
        .filter_map(|it| connection_of(&it.toml.from))
        .filter(|it| ![OUTCOMES, GROUPS].contains(it))
        .collect();
    let mut reader = Reader {
        file: written.main,
        findings,
    };
    for (name, connection) in connections(written) {
        if sources.contains(name) && connection.value.start_date.is_none() {
            reader.problem(
                connection.key.clone(),
                format!("`{name}` is a source and has no `start-date`"),
                "no `start-date` in here",
                "documents with an earlier date stay with whoever kept the books before;\nadd start-date = 2026-10-01 (the day of your own cut-over)".to_owned(),
            );
        }
    }
}
