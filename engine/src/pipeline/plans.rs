//! Compiles every route of a deployment, all problems at once.

use std::{collections::BTreeMap, sync::Arc};

use ledgerline_plugin_api::manifest::{Manifest, Stream};

use crate::{
    config::{Connection, Deployment, Endpoint, Fares, Findings, OUTCOMES, Route, known_names},
    mapping::{CompileInput, LinkBy, Mapping, StreamRules, Value, compile as compile_mapping},
    pipeline::{
        difference::{Part, stream_of},
        groups::GroupStream,
        plan::{Follows, RoutePlan},
    },
    plugins::Registry,
    store::{State, StreamId},
};

/// One connection as far as it is known without opening anything.
pub(crate) struct End {
    pub(crate) connection: Connection,
    pub(crate) manifest: Arc<Manifest>,
    /// Settings as mappings see them.
    pub(crate) settings: Value,
    /// Rules of every stream of the connector.
    pub(crate) rules: BTreeMap<String, Arc<StreamRules>>,
}

/// A deployment whose configuration, plugins and mappings were checked; nothing was opened or called.
pub struct Offline {
    pub(crate) deployment: Deployment,
    pub(crate) ends: BTreeMap<String, End>,
    pub(crate) plans: BTreeMap<String, Arc<RoutePlan>>,
}

impl std::fmt::Debug for Offline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Offline")
            .field("routes", &self.plans.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// Checks everything that can be checked without a call.
///
/// # Errors
///
/// All problems at once.
pub fn check_offline(mut deployment: Deployment, plugins: &Registry) -> Result<Offline, Findings> {
    let mut findings = Findings::default();
    let manifests = plugins
        .plugins()
        .map(|it| (it.name().to_owned(), it.manifest().as_ref().clone()))
        .collect();
    crate::config::check_against(&mut deployment, &manifests, &mut findings);
    let ends = ends(&deployment, plugins, &mut findings);
    let plans = compile(&deployment, &ends, &mut findings);
    if !findings.is_empty() {
        findings.sort();
        return Err(findings);
    }
    Ok(Offline {
        deployment,
        ends,
        plans,
    })
}

fn ends(
    deployment: &Deployment,
    plugins: &Registry,
    findings: &mut Findings,
) -> BTreeMap<String, End> {
    let mut ends = BTreeMap::new();
    for connection in deployment.connections.values() {
        let Some(plugin) = plugins.for_connection(&connection.name) else {
            continue;
        };
        let manifest = plugin.manifest().clone();
        let rules = manifest
            .streams
            .iter()
            .filter_map(|(name, stream)| {
                let rules = StreamRules::compile(
                    &manifest.name,
                    name,
                    stream,
                    &manifest.prelude,
                    findings,
                )?;
                Some((name.clone(), Arc::new(rules)))
            })
            .collect();
        let settings = Value::from(connection.settings.clone());
        let end = End {
            connection: connection.clone(),
            manifest,
            settings,
            rules,
        };
        ends.insert(connection.name.clone(), end);
    }
    ends
}

/// Compiles all routes.
fn compile(
    deployment: &Deployment,
    ends: &BTreeMap<String, End>,
    findings: &mut Findings,
) -> BTreeMap<String, Arc<RoutePlan>> {
    let Some(groups) = GroupStream::new(findings) else {
        return BTreeMap::new();
    };
    deployment
        .routes
        .values()
        .filter_map(|route| {
            // What follows from a problem that is told already is not told again.
            let mapping = deployment.mappings.get(&route.mapping)?;
            let told = [&route.file.path, &mapping.file.path];
            if findings.list.iter().any(|it| told.contains(&&it.file.path)) {
                return None;
            }
            let plan = compile_one(deployment, ends, &groups, route, findings)?;
            Some((route.name.clone(), Arc::new(plan)))
        })
        .collect()
}

/// The routes that read the stream of this one and share its documents with it, whichever of the two says so.
fn beside(deployment: &Deployment, route: &Route) -> Vec<String> {
    let names = |one: &Route, other: &Route| one.beside.contains(&other.name);
    deployment
        .routes
        .values()
        .filter(|it| names(it, route) || names(route, it))
        .map(|it| it.name.clone())
        .collect()
}

fn compile_one(
    deployment: &Deployment,
    ends: &BTreeMap<String, End>,
    groups: &GroupStream,
    route: &Route,
    findings: &mut Findings,
) -> Option<RoutePlan> {
    let mapping_file = deployment.mappings.get(&route.mapping)?;
    let target = Side::of(ends, groups, &route.to)?;
    let target_manifest = target.manifest;
    let target_stream = target.stream;
    let follows = followed(deployment, route);
    // A route that follows another one belongs to the connection whose documents it speaks of.
    let origin = origin(deployment, route);
    let source = ends.get(&origin.connection)?;
    let source_manifest = &source.manifest;
    let read = follows
        .is_none()
        .then(|| Side::of(ends, groups, &route.from))
        .flatten();
    let mapping = compile_mapping(
        CompileInput {
            mapping: mapping_file,
            route: Some(route),
            tables: &deployment.tables,
            // What is written back goes where it came from: one connector, one connection.
            source: follows.is_none_or(|it| it.from != route.to).then_some((
                source_manifest.name.as_str(),
                source_manifest.prelude.as_str(),
            )),
            target: (
                target_manifest.name.as_str(),
                target_stream,
                target_manifest.prelude.as_str(),
            ),
        },
        findings,
    )?;
    links_point_the_right_way(deployment, route, &mapping, findings);
    pushes_fit(route, &mapping, target_stream, findings);
    parts_go_along(route, follows, findings);
    settings_suit(
        route,
        &mapping,
        (&source.settings, &target.settings),
        findings,
    );
    Some(RoutePlan {
        source: source_of(route),
        origin: origin.connection.clone(),
        target: StreamId {
            connection: route.to.connection.clone(),
            stream: route.to.stream.clone(),
        },
        mapping,
        source_rules: read.as_ref().and_then(|it| it.rules.cloned()),
        source_stream: read.map(|it| it.stream.clone()),
        target_rules: target.rules?.clone(),
        target_stream: target_stream.clone(),
        target_manifest: target_manifest.clone(),
        target_title: target_manifest.title.clone(),
        source_title: source_manifest.title.clone(),
        source_settings: source.settings.clone(),
        target_settings: target.settings,
        rounding: route.rounding.clone(),
        start_date: follows
            .is_none()
            .then_some(source.connection.start_date)
            .flatten(),
        zone: source.connection.zone.clone(),
        beside: beside(deployment, route),
        filled_by: (deployment.filling(&route.from))
            .filter(|it| it.enabled)
            .map(|it| it.name.clone())
            .collect(),
        followers: followers(deployment, &route.name)
            .chain(readers_of_groups(deployment, route))
            .map(|it| it.name.clone())
            .collect(),
        told: told(deployment, &route.name),
        part: part_of(route),
        parts: followers(deployment, &route.name)
            .filter_map(|it| Some((part_of(it)?, it.name.clone())))
            .collect(),
        follows: follows.map(|it| Follows {
            route: it.name.clone(),
            source: begun_with(deployment, it),
            writes_back: it.from == route.to,
        }),
        route: route.clone(),
    })
}

/// One end of a route.
struct Side<'a> {
    manifest: &'a Manifest,
    stream: &'a Stream,
    rules: Option<&'a Arc<StreamRules>>,
    settings: Value,
}

impl<'a> Side<'a> {
    fn of(
        ends: &'a BTreeMap<String, End>,
        groups: &'a GroupStream,
        end: &Endpoint,
    ) -> Option<Self> {
        if end.is_groups() {
            return Some(Self {
                manifest: &groups.manifest,
                stream: groups.stream()?,
                rules: groups.rules.as_ref(),
                settings: Value::default(),
            });
        }
        let found = ends.get(&end.connection)?;
        Some(Self {
            manifest: &found.manifest,
            stream: found.manifest.streams.get(&end.stream)?,
            rules: found.rules.get(&end.stream),
            settings: found.settings.clone(),
        })
    }
}

/// Routes that read the groups which one fills.
fn readers_of_groups<'a>(
    deployment: &'a Deployment,
    route: &'a Route,
) -> impl Iterator<Item = &'a Route> {
    let reads = |it: &&Route| it.enabled && route.to.is_groups() && it.from == route.to;
    deployment.routes.values().filter(reads)
}

/// A route that is on and cannot work with the settings of its connections, whatever comes, is told now.
fn settings_suit(
    route: &Route,
    mapping: &Mapping,
    (source, target): (&Value, &Value),
    findings: &mut Findings,
) {
    if !route.enabled {
        return;
    }
    for problem in mapping.refused_by(source, target) {
        findings.push(route.file.finding(
            route.places.key("mapping"),
            format!("the route `{}`: {}", route.name, problem.cause),
            "cannot be used so",
            Some(problem.remedy),
        ));
    }
}

/// The route that one follows.
fn followed<'a>(deployment: &'a Deployment, route: &'a Route) -> Option<&'a Route> {
    deployment.routes.get(route.from.followed_route()?)
}

/// Where the documents that a route speaks of come from.
fn origin<'a>(deployment: &'a Deployment, route: &'a Route) -> &'a Endpoint {
    // The order of work holds no circle.
    let chain = std::iter::successors(Some(route), |it| {
        followed(deployment, it).or_else(|| deployment.filling(&it.from).next())
    });
    chain.last().map_or(&route.from, |it| &it.from)
}

/// What a route makes of the differences of the one that it follows.
fn part_of(route: &Route) -> Option<Part> {
    route.outcomes.iter().find_map(|it| match it {
        Fares::Credit => Some(Part::Credit),
        Fares::Additional => Some(Part::Additional),
        Fares::Synced | Fares::Waiting | Fares::Warning => None,
    })
}

/// The stream of the documents that a chain of outcomes speaks of, up to this route: its own, or that of
/// the route which it follows. A difference is a document of its own.
fn begun_with(deployment: &Deployment, route: &Route) -> StreamId {
    let chain = std::iter::successors(Some(route), |it| match part_of(it) {
        Some(_) => None,
        None => followed(deployment, it),
    });
    source_of(chain.last().unwrap_or(route))
}

/// The stream that a route reads.
fn source_of(route: &Route) -> StreamId {
    match part_of(route) {
        Some(part) => stream_of(&route.from.stream, part),
        None => StreamId {
            connection: route.from.connection.clone(),
            stream: route.from.stream.clone(),
        },
    }
}

/// A difference belongs into the books that hold its document.
fn parts_go_along(route: &Route, follows: Option<&Route>, findings: &mut Findings) {
    let Some(followed) =
        follows.filter(|it| part_of(route).is_some() && it.to.connection != route.to.connection)
    else {
        return;
    };
    let message = format!(
        "the documents of `{}` go to `{}`",
        followed.name, followed.to.connection
    );
    let help = "send their differences to the same connection".to_owned();
    let span = route.places.value("to/connection");
    findings.push(route.file.finding(span, message, "another one", Some(help)));
}

/// A link that is found by its id in the target needs a route that goes the other way round, any other
/// one a route that goes this way.
fn links_point_the_right_way(
    deployment: &Deployment,
    route: &Route,
    mapping: &Mapping,
    findings: &mut Findings,
) {
    for (name, by) in mapping.links() {
        let linked = route
            .links
            .get(name)
            .and_then(|it| deployment.routes.get(it));
        let Some(linked) = linked.filter(|it| it.name != route.name) else {
            continue;
        };
        let backwards = linked.to.connection != route.to.connection;
        if backwards == (*by == LinkBy::Target) {
            continue;
        }
        let message = match by {
            LinkBy::Target => format!(
                "the mapping `{}` finds the link `{name}` by its id in the target",
                mapping.name()
            ),
            LinkBy::Id | LinkBy::Number => format!(
                "the mapping `{}` wants to know what the link `{name}` became in `{}`",
                mapping.name(),
                route.to.connection
            ),
        };
        let help = match by {
            LinkBy::Target => format!("link a route that goes to `{}`", route.from.connection),
            LinkBy::Id | LinkBy::Number => {
                format!("link a route that goes to `{}`", route.to.connection)
            }
        };
        let span = route.places.value(&format!("links/{name}"));
        let label = format!("goes to `{}`", linked.to.connection);
        findings.push(route.file.finding(span, message, label, Some(help)));
    }
}

/// What a route pushes must be fields of its mapping that the target lets be pushed.
fn pushes_fit(route: &Route, mapping: &Mapping, stream: &Stream, findings: &mut Findings) {
    if route.push_changes.is_empty() {
        return;
    }
    let mut tell = |message: String, label: &str, help: String| {
        let span = route.places.value("push-changes");
        let found = route.file.finding(span, message, label, Some(help));
        findings.push(found);
    };
    let Some(update) = stream
        .update
        .as_ref()
        .filter(|_| mapping.matcher().is_some())
    else {
        let message = "only linked documents of a mapping with [match] are pushed field by field, to a \
                       stream whose documents can be compared";
        let help = "remove `push-changes`: every other route updates what it sent by itself";
        tell(message.to_owned(), "not here", help.to_owned());
        return;
    };
    let known = mapping.field_names();
    for field in &route.push_changes {
        if update.never.contains(field) {
            tell(
                format!("`{field}` of a {} is never pushed", stream.title),
                "not allowed",
                "a person confirms each such change, and enters it there".to_owned(),
            );
        } else if !known.contains(&field.as_str()) {
            tell(
                format!("the mapping `{}` makes no field `{field}`", mapping.name()),
                "not made",
                known_names(field, known.iter().copied()),
            );
        }
    }
}

/// Routes that read the outcomes of one.
fn followers<'a>(deployment: &'a Deployment, route: &'a str) -> impl Iterator<Item = &'a Route> {
    let follow =
        move |it: &&Route| it.enabled && it.from.connection == OUTCOMES && it.from.stream == route;
    deployment.routes.values().filter(follow)
}

fn told(deployment: &Deployment, route: &str) -> BTreeMap<State, Vec<String>> {
    let mut told: BTreeMap<State, Vec<String>> = BTreeMap::new();
    for follower in followers(deployment, route) {
        for fares in &follower.outcomes {
            let state = match fares {
                Fares::Synced => State::Synced,
                Fares::Waiting => State::Waiting,
                Fares::Warning => State::Warning,
                Fares::Credit | Fares::Additional => continue,
            };
            let names = told.entry(state).or_default();
            if !names.contains(&follower.name) {
                names.push(follower.name.clone());
            }
        }
    }
    told
}
