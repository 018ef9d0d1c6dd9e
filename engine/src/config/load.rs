//! Reads the files of a deployment and checks them together.

use std::{
    collections::BTreeMap,
    fs, io,
    ops::Range,
    path::{Path, PathBuf},
};

use super::{
    checked::{Deployment, MappingFile, Table},
    demo_toml::DemoToml,
    deployment_toml::{DeploymentToml, path_or, without_secrets},
    findings::{Findings, Places, SourceFile},
    reader::{self, Reader},
    route_toml::RouteToml,
    rules::{self, NAMES, Written, WrittenRoute, well_formed},
    table_toml::TableToml,
};
use crate::mapping;

/// Folders below mappings/ are followed this far.
const DEEPEST: usize = 6;

/// The files of a deployment, read but not looked at.
#[derive(Debug, Clone, Default)]
pub struct Files {
    /// Folder of the main file; absolute.
    pub folder: PathBuf,
    /// `ledgerline.toml`.
    pub main: SourceFile,
    /// `routes/NAME.toml` by name.
    pub routes: BTreeMap<String, SourceFile>,
    /// `mappings/PATH.toml` by path.
    pub mappings: BTreeMap<String, SourceFile>,
    /// `tables/NAME.toml` by name.
    pub tables: BTreeMap<String, SourceFile>,
    /// `demo.toml`, when it is asked for.
    pub demo: Option<SourceFile>,
}

/// Reads and checks a deployment. `path` is its folder, or its main file; `env` looks up
/// environment variables.
pub fn load(path: &Path, env: &dyn Fn(&str) -> Option<String>) -> Result<Deployment, Findings> {
    load_with(path, env, false)
}

/// As `load`, with `demo.toml`.
pub fn load_demo(
    path: &Path,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Deployment, Findings> {
    load_with(path, env, true)
}

fn load_with(
    path: &Path,
    env: &dyn Fn(&str) -> Option<String>,
    demo: bool,
) -> Result<Deployment, Findings> {
    let mut findings = Findings::default();
    let files = Files::read(path, demo, &mut findings);
    // What could not be read would show up as missing names as well.
    if !findings.is_empty() {
        findings.sort();
        return Err(findings);
    }
    check_files(&files, env)
}

impl Files {
    fn read(path: &Path, demo: bool, findings: &mut Findings) -> Self {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let (folder, main) = match path.file_name() {
            Some(name) if !path.is_dir() => (
                path.parent().unwrap_or(Path::new("/")).to_owned(),
                PathBuf::from(name),
            ),
            _ => (path, PathBuf::from("ledgerline.toml")),
        };
        let mut read = |relative: &Path| read_file(&folder, relative, findings);
        let main = read(&main).unwrap_or_default();
        let demo = if demo {
            read(Path::new("demo.toml"))
        } else {
            None
        };
        let mut all = |sub: &str, depth| {
            let mut files = BTreeMap::new();
            walk(&folder, Path::new(sub), depth, findings, &mut files);
            files
        };
        let (routes, mappings, tables) =
            (all("routes", 0), all("mappings", DEEPEST), all("tables", 0));
        Self {
            folder,
            main,
            routes,
            mappings,
            tables,
            demo,
        }
    }
}

fn read_file(folder: &Path, relative: &Path, findings: &mut Findings) -> Option<SourceFile> {
    match fs::read_to_string(folder.join(relative)) {
        Ok(text) => Some(SourceFile {
            path: relative.to_owned(),
            text: text.into(),
        }),
        Err(error) => {
            unreadable(folder, relative, &error, findings);
            None
        }
    }
}

fn unreadable(folder: &Path, relative: &Path, error: &io::Error, findings: &mut Findings) {
    let file = SourceFile {
        path: relative.to_owned(),
        text: "".into(),
    };
    let (message, help) = match error.kind() {
        io::ErrorKind::NotFound => (
            "this file does not exist".to_owned(),
            Some("give the folder of a deployment with --config".to_owned()),
        ),
        io::ErrorKind::InvalidData => ("this file is not UTF-8 text".to_owned(), None),
        _ => (format!("this cannot be read: {error}"), None),
    };
    findings.push(file.finding(0..0, message, format!("in {}", folder.display()), help));
}

/// TOML files below `sub`, by their path below it without the ending.
fn walk(
    folder: &Path,
    sub: &Path,
    depth: usize,
    findings: &mut Findings,
    files: &mut BTreeMap<String, SourceFile>,
) {
    walk_into(folder, sub, sub, depth, findings, files);
}

fn walk_into(
    folder: &Path,
    root: &Path,
    sub: &Path,
    depth: usize,
    findings: &mut Findings,
    files: &mut BTreeMap<String, SourceFile>,
) {
    let entries = match fs::read_dir(folder.join(sub)) {
        Ok(entries) => entries,
        // A deployment without tables has no such folder.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return,
        Err(error) => return unreadable(folder, sub, &error, findings),
    };
    for entry in entries {
        let (name, is_dir) =
            match entry.and_then(|it| Ok((it.file_name(), it.file_type()?.is_dir()))) {
                Ok(it) => it,
                Err(error) => {
                    unreadable(folder, sub, &error, findings);
                    continue;
                }
            };
        let path = sub.join(&name);
        if name.to_string_lossy().starts_with('.') {
            continue;
        }
        if is_dir && depth > 0 {
            walk_into(folder, root, &path, depth - 1, findings, files);
        } else if path.extension().is_some_and(|it| it == "toml")
            && let Ok(below) = path.with_extension("").strip_prefix(root)
            && let Some(file) = read_file(folder, &path, findings)
        {
            let parts: Vec<_> = below.iter().map(|it| it.to_string_lossy()).collect();
            files.insert(parts.join("/"), file);
        }
    }
}

/// Checks files that were read. Pure: nothing is opened, nothing is started.
pub fn check_files(
    files: &Files,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Deployment, Findings> {
    let mut findings = Findings::default();
    let folder = &files.folder;

    // A secret that stands in the file must not show up beside the problem that says so.
    let main = SourceFile {
        path: files.main.path.clone(),
        text: without_secrets(&files.main.text).into(),
    };
    let mut reader = Reader {
        file: &main,
        findings: &mut findings,
    };
    let text = files.main.text.clone();
    let tree = reader::parse(&text, &mut reader);
    let toml: DeploymentToml = reader::read_file(tree.as_ref(), &mut reader);
    let places = |above: &str, name: &str, key: Range<usize>| {
        let table = tree
            .as_ref()
            .and_then(|it| it.get(above)?.get_ref().get(name));
        match table.and_then(|it| it.get_ref().as_table()) {
            Some(table) => reader::places(&main, table, key),
            None => Places::of(main.clone()),
        }
    };
    let mut apps = BTreeMap::new();
    for (name, app) in toml.apps.iter().flatten() {
        let places = places("apps", name, app.key.clone());
        if let Some(app) = app.value.check(name, folder, places, &mut reader) {
            apps.insert(name.clone(), app);
        }
    }
    let mut connections = BTreeMap::new();
    for (name, connection) in toml.connections.iter().flatten() {
        let key = connection.key.clone();
        let places = places("connections", name, key.clone());
        let checked = connection
            .value
            .check(name, key, folder, places, &mut reader);
        if let Some(checked) = checked {
            connections.insert(name.clone(), checked);
        }
    }
    let mut notify = BTreeMap::new();
    for (name, it) in toml.notify.iter().flatten() {
        let key = it.key.clone();
        let places = places("notify", name, key.clone());
        if let Some(checked) = it.value.check(name, key, folder, places, &mut reader) {
            notify.insert(name.clone(), checked);
        }
    }
    if let Some(days) = &toml.keep_calls_days {
        super::values::check_range(Some(days), 1..=3650, "1 to 3650 days", &mut reader);
    }

    let mut written_routes = BTreeMap::new();
    let mut routes = BTreeMap::new();
    for (name, file) in &files.routes {
        let mut reader = Reader {
            file,
            findings: &mut findings,
        };
        file_name_is_good(name, &mut reader);
        let tree = reader::parse(&file.text, &mut reader);
        let toml: RouteToml = reader::read_file(tree.as_ref(), &mut reader);
        let places = match &tree {
            Some(tree) => reader::places(file, tree, 0..0),
            None => Places::of(file.clone()),
        };
        if let Some(route) = toml.check(name, places.clone(), &mut reader) {
            routes.insert(name.clone(), route);
        }
        written_routes.insert(
            name.clone(),
            WrittenRoute {
                file: file.clone(),
                toml,
                places,
            },
        );
    }
    let mut tables = BTreeMap::new();
    for (name, file) in &files.tables {
        let mut reader = Reader {
            file,
            findings: &mut findings,
        };
        file_name_is_good(name, &mut reader);
        tables.insert(name.clone(), check_table(name, file, &mut reader));
    }
    for (name, file) in &files.mappings {
        let mut reader = Reader {
            file,
            findings: &mut findings,
        };
        for part in name.split('/') {
            // Streams, after which mappings are called, may hold underscores.
            file_name_is_good(&part.replace('_', "-"), &mut reader);
        }
    }
    let demo = files.demo.as_ref().and_then(|file| {
        let mut reader = Reader {
            file,
            findings: &mut findings,
        };
        let tree = reader::parse(&file.text, &mut reader);
        let toml: DemoToml = reader::read_file(tree.as_ref(), &mut reader);
        toml.check(&mut reader)
    });

    let written = Written {
        main: &main,
        deployment: &toml,
        routes: &written_routes,
        mappings: files.mappings.keys().map(String::as_str).collect(),
        tables: files.tables.keys().map(String::as_str).collect(),
    };
    // Without the main file every route would name connections that nobody has seen.
    if tree.is_some() {
        rules::check(&written, &mut findings);
    }
    if !findings.is_empty() {
        // They are compiled once everything else is right; what stands wrongly in them is told now.
        for file in files.mappings.values() {
            mapping::read_only(file, &mut findings);
        }
        findings.sort();
        return Err(findings);
    }

    let state = path_or(folder, toml.state.as_ref(), "state");
    let below_state = |written: Option<&String>, name: &str| match written {
        Some(it) => folder.join(it),
        None => state.join(name),
    };
    let key_file = env("LEDGERLINE_KEY_FILE").filter(|it| !it.is_empty());
    let mappings = files.mappings.iter().map(|(name, file)| {
        (
            name.clone(),
            MappingFile {
                name: name.clone(),
                file: file.clone(),
            },
        )
    });
    Ok(Deployment {
        store: below_state(toml.store.as_ref(), "store"),
        socket: below_state(toml.socket.as_ref(), "ledgerline.sock"),
        key_file: below_state(key_file.as_ref().or(toml.key_file.as_ref()), "secrets.key"),
        plugin_folders: toml
            .plugins
            .iter()
            .flatten()
            .map(|it| folder.join(it.get_ref()))
            .collect(),
        plugins_lock: path_or(folder, toml.plugins_lock.as_ref(), "plugins.lock"),
        keep_calls_days: toml.keep_calls_days.as_ref().map_or(90, |it| *it.get_ref()),
        folder: folder.clone(),
        state,
        apps,
        connections,
        routes,
        mappings: mappings.collect(),
        tables,
        notify,
        demo,
    })
}

fn check_table(name: &str, file: &SourceFile, reader: &mut Reader<'_>) -> Table {
    let tree = reader::parse(&file.text, reader);
    let toml: TableToml = reader::read_file(tree.as_ref(), reader);
    toml.check(name, reader)
}

fn file_name_is_good(name: &str, reader: &mut Reader<'_>) {
    if !well_formed(name) {
        let help = format!("rename the file: {NAMES}");
        reader.problem(
            0..0,
            format!("`{name}` is not a good name"),
            "not well formed",
            help,
        );
    }
}

impl Deployment {
    /// Moves everything that is written while running into `folder`, and tells nobody: for
    /// demonstrations and trials that must leave the deployment's own state alone.
    pub fn with_state_in(mut self, folder: &Path) -> Self {
        self.store = folder.join("store");
        self.socket = folder.join("ledgerline.sock");
        self.key_file = folder.join("secrets.key");
        self.plugins_lock = folder.join("plugins.lock");
        self.state = folder.to_owned();
        // Nobody is to be alarmed by what is made up.
        self.notify.clear();
        for connection in self.connections.values_mut() {
            let name = connection.record.as_deref().and_then(Path::file_name);
            connection.record = name.map(|it| folder.join(it));
        }
        self
    }
}
