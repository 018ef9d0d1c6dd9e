//! Rules that need the plugins' manifests: streams, settings, credentials.
//!
//! They run once the plugins are loaded, over values whose files were right by themselves.

use std::collections::{BTreeMap, BTreeSet};

use jsonschema::error::ValidationErrorKind;
use ledgerline_plugin_api::manifest::{AuthSlot, Budget, Manifest, Op};
use serde_json::Value;
use toml::de::DeTable;

use super::{
    checked::{Connection, Deployment, Endpoint, GROUPS, OUTCOMES, Replace, RoundingPolicy, Route},
    findings::{Findings, Places, known_names},
    start_setting::fill_start,
};

/// Tells everything about `deployment` that does not fit `manifests` (by plugin name), and fills in
/// the defaults of the connections' settings.
pub fn check_against(
    deployment: &mut Deployment,
    manifests: &BTreeMap<String, Manifest>,
    findings: &mut Findings,
) {
    for connection in deployment.connections.values_mut() {
        let Some(manifest) = manifests.get(&connection.plugin) else {
            let help = known_names(&connection.plugin, manifests.keys().map(String::as_str));
            let message = format!("no plugin named `{}` is installed", connection.plugin);
            tell(
                findings,
                &connection.places,
                "plugin",
                message,
                "not installed",
                help,
            );
            continue;
        };
        fill_start(connection, manifest, findings);
        fill_defaults(&manifest.settings, &mut connection.settings);
        let app = connection
            .app
            .as_ref()
            .and_then(|it| deployment.apps.get(it));
        version_fits(connection, manifest, findings);
        settings_fit(connection, manifest, findings);
        let grant = app.map(|it| it.grant.as_str());
        credentials_fit(connection, grant, manifest, findings);
        budgets_fit(&connection.budget, &connection.places, manifest, findings);
        files_fit(connection, manifest, findings);
        if let Some(app) = app {
            budgets_fit(&app.budget, &app.places, manifest, findings);
        }
    }
    for route in deployment.routes.values() {
        streams_exist(route, deployment, manifests, findings);
        mapping_fits(deployment, route, findings);
    }
}

/// What the mapping file of `route` has to name as its `from` and `to`: `CONNECTOR/STREAM`,
/// `outcomes` for a route that follows another, `groups` for what is or becomes a group of documents.
pub fn mapping_ends(deployment: &Deployment, route: &Route) -> Option<(String, String)> {
    let name = |end: &Endpoint| match end.connection.as_str() {
        OUTCOMES => Some(OUTCOMES.to_owned()),
        GROUPS => Some(GROUPS.to_owned()),
        connection => {
            let plugin = &deployment.connections.get(connection)?.plugin;
            Some(format!("{plugin}/{}", end.stream))
        }
    };
    Some((name(&route.from)?, name(&route.to)?))
}

/// Tells when the `from` or `to` of a mapping file is not what `route` uses it for. Both are read
/// here; the rest of the file is the mapping compiler's.
fn mapping_fits(deployment: &Deployment, route: &Route, findings: &mut Findings) {
    let (Some(mapping), Some((from, to))) = (
        deployment.mappings.get(&route.mapping),
        mapping_ends(deployment, route),
    ) else {
        return;
    };
    let file = &mapping.file;
    // A file that is not TOML is told when it is compiled.
    let Ok(tree) = DeTable::parse(&file.text) else {
        return;
    };
    for (key, wanted, verb) in [("from", from, "comes from"), ("to", to, "goes to")] {
        let Some(written) = tree.get_ref().get(key) else {
            let help = format!("add {key} = \"{wanted}\"");
            findings.push(file.finding(
                0..0,
                format!("`{key}` is missing"),
                "not in here",
                Some(help),
            ));
            continue;
        };
        let got = written.get_ref().as_str();
        if got != Some(wanted.as_str()) {
            findings.push(file.finding(
                written.span(),
                format!(
                    "the route `{}` {verb} `{wanted}`, its mapping {verb} `{}`",
                    route.name,
                    got.unwrap_or("?")
                ),
                format!("not `{wanted}`"),
                Some(format!(
                    "correct one of them; the route is in {}",
                    route.file.path.display()
                )),
            ));
        }
    }
}

/// Adds what `schema` gives as `default` for properties that `value` lacks, at every depth.
pub fn fill_defaults(schema: &Value, value: &mut Value) {
    let (Some(Value::Object(properties)), Value::Object(object)) =
        (schema.get("properties"), value)
    else {
        return;
    };
    for (name, schema) in properties {
        match (object.get_mut(name), schema.get("default")) {
            (Some(inner), _) => fill_defaults(schema, inner),
            (None, Some(default)) => {
                object.insert(name.clone(), default.clone());
            }
            (None, None) => {}
        }
    }
}

pub(super) fn tell(
    findings: &mut Findings,
    places: &Places,
    path: &str,
    message: impl Into<String>,
    label: impl Into<String>,
    help: impl Into<Option<String>>,
) {
    findings.push(
        places
            .file
            .finding(places.value(path), message, label, help.into()),
    );
}

fn tell_key(
    findings: &mut Findings,
    places: &Places,
    path: &str,
    message: impl Into<String>,
    label: impl Into<String>,
    help: impl Into<Option<String>>,
) {
    findings.push(
        places
            .file
            .finding(places.key(path), message, label, help.into()),
    );
}

fn version_fits(connection: &Connection, manifest: &Manifest, findings: &mut Findings) {
    let places = &connection.places;
    match semver::Version::parse(&manifest.version) {
        Ok(version) if connection.version.matches(&version) => {}
        Ok(version) => tell(
            findings,
            places,
            "version",
            format!("`{}` is installed in version {version}", connection.plugin),
            "does not accept it",
            "install another version, or change this after reading what changed".to_owned(),
        ),
        Err(error) => {
            let message = format!(
                "`{}` states no readable version: {error}",
                connection.plugin
            );
            tell(findings, places, "plugin", message, "not readable", None);
        }
    }
    if manifest.base_url.is_none() && connection.base_url.is_none() {
        let message = format!("`{}` has no address of its own", connection.plugin);
        let help = "add base-url = \"https://…\"".to_owned();
        tell_key(findings, places, "", message, "no `base-url` in here", help);
    }
}

fn settings_fit(connection: &Connection, manifest: &Manifest, findings: &mut Findings) {
    let places = &connection.places;
    let schema = match &manifest.settings {
        // A manifest without a schema takes no settings.
        Value::Null => &serde_json::json!({ "additionalProperties": false }),
        schema => schema,
    };
    let validator = match jsonschema::validator_for(schema) {
        Ok(validator) => validator,
        Err(error) => {
            let message = format!(
                "the settings schema of `{}` is broken: {error}",
                connection.plugin
            );
            tell(
                findings,
                places,
                "plugin",
                message,
                "a defect of the plugin",
                None,
            );
            return;
        }
    };
    for error in validator.iter_errors(&connection.settings) {
        let pointer = error.instance_path().to_string();
        let above = format!("settings{pointer}");
        let inner = schema_at(schema, &pointer);
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                for name in unexpected {
                    let known = property_names(inner);
                    let message = format!("`{}` has no setting `{name}`", connection.plugin);
                    let help = known_names(name, known.iter().copied());
                    tell_key(
                        findings,
                        places,
                        &format!("{above}/{name}"),
                        message,
                        "not known",
                        help,
                    );
                }
            }
            ValidationErrorKind::Required { property } => {
                let name = property.as_str().unwrap_or_default();
                let about =
                    inner.and_then(|it| it.get("properties")?.get(name)?.get("description"));
                let help = about
                    .and_then(Value::as_str)
                    .map(|it| format!("{name}: {it}"));
                let message = format!("`{}` needs the setting `{name}`", connection.plugin);
                tell_key(
                    findings,
                    places,
                    &above,
                    message,
                    format!("no `{name}` in here"),
                    help,
                );
            }
            _ => {
                let about = inner
                    .and_then(|it| it.get("description"))
                    .and_then(Value::as_str);
                let help = about.map(str::to_owned);
                tell(
                    findings,
                    places,
                    &above,
                    error.to_string(),
                    "not accepted",
                    help,
                );
            }
        }
    }
}

/// The part of a schema that describes the value at `pointer`.
fn schema_at<'a>(schema: &'a Value, pointer: &str) -> Option<&'a Value> {
    pointer.split('/').skip(1).try_fold(schema, |schema, name| {
        schema
            .get("properties")
            .and_then(|it| it.get(name))
            .or_else(|| schema.get("items"))
    })
}

fn property_names(schema: Option<&Value>) -> Vec<&str> {
    let properties = schema
        .and_then(|it| it.get("properties"))
        .and_then(Value::as_object);
    properties
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
        .collect()
}

fn credentials_fit(
    connection: &Connection,
    grant: Option<&str>,
    manifest: &Manifest,
    findings: &mut Findings,
) {
    let places = &connection.places;
    let mut known: BTreeSet<&str> = BTreeSet::new();
    let mut oauth = false;
    for (slot, auth) in &manifest.auth {
        match auth {
            AuthSlot::Basic {} => known.extend(["username", "password"]),
            AuthSlot::Bearer { .. } => known.extend(["token"]),
            AuthSlot::Headers { headers } => known.extend(headers.values().map(String::as_str)),
            AuthSlot::Oauth2 { grants, .. } => {
                oauth = true;
                match grant {
                    None => tell_key(
                        findings,
                        places,
                        "",
                        format!("`{}` needs an app for `{slot}`", connection.plugin),
                        "no `app` in here",
                        "register a client at the vendor, describe it below [apps.NAME], and add app = \"NAME\"".to_owned(),
                    ),
                    Some(grant) if !grants.iter().any(|it| it == grant) => {
                        let message = format!("`{}` does not offer the grant `{grant}`", connection.plugin);
                        let help = format!("grants that it offers: {}", grants.join(", "));
                        tell(findings, places, "app", message, "not offered", help);
                    }
                    Some(_) => {}
                }
            }
        }
    }
    if !oauth && connection.app.is_some() {
        let help = match known.is_empty() {
            true => "remove `app`".to_owned(),
            false => format!("remove `app`; its credentials are {}", list(&known)),
        };
        tell(
            findings,
            places,
            "app",
            format!("`{}` uses no app", connection.plugin),
            "not used",
            help,
        );
    }
    for field in connection
        .credentials
        .keys()
        .filter(|it| !known.contains(it.as_str()))
    {
        let help = known_names(field, known.iter().copied());
        let path = format!("credentials/{field}");
        let message = format!("`{}` knows no credential `{field}`", connection.plugin);
        tell_key(findings, places, &path, message, "not known", help);
    }
    let missing: BTreeSet<&str> = known
        .into_iter()
        .filter(|it| !connection.credentials.contains_key(*it))
        .collect();
    if !missing.is_empty() {
        let message = format!(
            "`{}` needs the credentials {}",
            connection.plugin,
            list(&missing)
        );
        let wanted: Vec<String> = missing
            .iter()
            .map(|it| format!("{it} = {{ env = \"NAME\" }}"))
            .collect();
        let help = format!("add credentials = {{ {} }}", wanted.join(", "));
        tell_key(
            findings,
            places,
            "credentials",
            message,
            "missing in here",
            help,
        );
    }
}

fn list(names: &BTreeSet<&str>) -> String {
    names
        .iter()
        .map(|it| format!("`{it}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

fn budgets_fit(
    budgets: &BTreeMap<String, Budget>,
    places: &Places,
    manifest: &Manifest,
    findings: &mut Findings,
) {
    for name in budgets
        .keys()
        .filter(|it| !manifest.budget.contains_key(*it))
    {
        let help = known_names(name, manifest.budget.keys().map(String::as_str));
        let message = format!("`{}` has no budget `{name}`", manifest.name);
        tell_key(
            findings,
            places,
            &format!("budget/{name}"),
            message,
            "not known",
            help,
        );
    }
}

fn files_fit(connection: &Connection, manifest: &Manifest, findings: &mut Findings) {
    let of_files = || manifest.streams.iter().filter(|(_, it)| it.files.is_some());
    for (name, drop) in &connection.files {
        let files = manifest.streams.get(name).and_then(|it| it.files.as_ref());
        let Some(files) = files else {
            let message = match manifest.streams.contains_key(name) {
                true => format!("`{name}` of `{}` is not read from files", manifest.name),
                false => format!("`{}` has no stream `{name}`", manifest.name),
            };
            let help = known_names(name, of_files().map(|(name, _)| name.as_str()));
            let path = format!("files/{name}");
            tell_key(
                findings,
                &connection.places,
                &path,
                message,
                "not of files",
                help,
            );
            continue;
        };
        for column in drop.form.columns.keys() {
            if files.columns.contains_key(column) {
                continue;
            }
            let help = known_names(column, files.columns.keys().map(String::as_str));
            let path = format!("files/{name}/columns/{column}");
            let message = format!("files of `{name}` have no column `{column}`");
            tell_key(
                findings,
                &connection.places,
                &path,
                message,
                "not known",
                help,
            );
        }
    }
}

/// A route that reads a stream of files has to be told where they are.
fn files_are_named(
    route: &Route,
    connection: &Connection,
    manifest: &Manifest,
    findings: &mut Findings,
) {
    let stream = &route.from.stream;
    let of_files = manifest
        .streams
        .get(stream)
        .is_some_and(|it| it.files.is_some());
    if of_files && route.enabled && !connection.files.contains_key(stream) {
        let message = format!(
            "`{stream}` is read from files, and the connection `{}` does not say where they are",
            connection.name
        );
        let help = format!(
            "add [connections.{}.files.{stream}] with path = \"exports/{stream}-*.csv\" to ledgerline.toml",
            connection.name
        );
        tell(
            findings,
            &route.places,
            "from/stream",
            message,
            "no files",
            help,
        );
    }
}

fn streams_exist(
    route: &Route,
    deployment: &Deployment,
    manifests: &BTreeMap<String, Manifest>,
    findings: &mut Findings,
) {
    let manifest_of = |connection: &str| {
        let connection = deployment.connections.get(connection)?;
        manifests.get(&connection.plugin)
    };
    for (end, path, op, verb) in [
        (&route.from, "from/stream", Op::Pull, "read"),
        (&route.to, "to/stream", Op::Push, "written"),
    ] {
        let Some(manifest) = manifest_of(&end.connection) else {
            continue;
        };
        let able = manifest
            .streams
            .iter()
            .filter(|(_, it)| it.ops.contains(&op));
        let able = able.map(|(name, _)| name.as_str());
        match manifest.streams.get(&end.stream) {
            Some(stream) if stream.ops.contains(&op) => {}
            Some(_) => {
                let message = format!("`{}` of `{}` cannot be {verb}", end.stream, manifest.name);
                let help = known_names(&end.stream, able.filter(|it| *it != end.stream));
                tell(
                    findings,
                    &route.places,
                    path,
                    message,
                    format!("cannot be {verb}"),
                    help,
                );
            }
            None => {
                let message = format!("`{}` has no stream `{}`", manifest.name, end.stream);
                let help = known_names(&end.stream, able);
                tell(findings, &route.places, path, message, "not known", help);
            }
        }
    }
    if let Some(connection) = deployment.connections.get(&route.from.connection)
        && let Some(manifest) = manifests.get(&connection.plugin)
    {
        files_are_named(route, connection, manifest, findings);
    }
    let Some(stream) =
        manifest_of(&route.to.connection).and_then(|it| it.streams.get(&route.to.stream))
    else {
        return;
    };
    let rules = stream.rounding.as_ref();
    let offered = match route.rounding.policy {
        RoundingPolicy::Hold => true,
        RoundingPolicy::TaxAmounts => rules.is_some_and(|it| it.tax_amounts.is_some()),
        RoundingPolicy::Line => rules.is_some_and(|it| it.line.is_some()),
    };
    if !offered {
        let message = format!("`{}` cannot mend cents in this way", route.to.stream);
        let help = "policy = \"hold\" shows the difference and sends nothing".to_owned();
        tell(
            findings,
            &route.places,
            "rounding/policy",
            message,
            "not offered",
            help,
        );
    }
    if let (Some(batch), Some(limit)) = (route.batch, stream.batch.as_ref().map(|it| it.documents))
        && batch > limit
    {
        let message = format!("a call carries {limit} documents at most");
        tell(findings, &route.places, "batch", message, "too many", None);
    }
    if route.replace == Replace::Reverse && stream.reversal.is_none() {
        let message = format!("`{}` cannot be reversed", route.to.stream);
        let help = "replace = \"update\", the default, changes the document itself".to_owned();
        let label = "not offered";
        tell(findings, &route.places, "replace", message, label, help);
    }
}
