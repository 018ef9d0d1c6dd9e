//! The plugins of a deployment.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use ledgerline_plugin_api::abi::Connector;
use semver::VersionReq;

use super::{
    LoadError, Lock, LockedPlugin, Plugin, Symbols,
    admit::{Origin, admit},
    load,
    trace::{Broken, Trace},
};

/// A connection's wish for a plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Name of the connection.
    pub connection: String,
    /// Name of the plugin.
    pub plugin: String,
    /// Versions that the connection accepts. Pre-releases are accepted when named exactly.
    pub version: VersionReq,
}

/// Where plugins are looked for and kept.
#[derive(Debug, Clone, Copy)]
pub struct Places<'a> {
    /// Absolute folders, in the order in which they are looked through.
    pub folders: &'a [PathBuf],
    /// `plugins.lock`.
    pub lock: &'a Path,
    /// Folder of private copies.
    pub state: &'a Path,
}

/// The plugins of a deployment, loaded.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    plugins: BTreeMap<String, Plugin>,
    /// Connection → plugin, where the version is accepted.
    connections: BTreeMap<String, String>,
}

/// What `ledgerline plugins inspect` shows.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// The connector: name, version, manifest, hash, ABI.
    pub plugin: Plugin,
    /// What its ELF headers say.
    pub symbols: Symbols,
}

impl Registry {
    /// Loads what the connections want. A plugin that cannot be loaded leaves its connections
    /// without one; the others are not affected.
    pub fn load(wanted: &[Wanted], places: Places<'_>) -> (Self, Vec<LoadError>) {
        let mut registry = Self::default();
        let mut errors = Vec::new();
        let lock = Lock::read(places.lock);
        let mut by_plugin: BTreeMap<&str, Vec<&Wanted>> = BTreeMap::new();
        for it in wanted {
            by_plugin.entry(&it.plugin).or_default().push(it);
        }
        for (name, wishes) in by_plugin {
            let loaded = match &lock {
                Ok(lock) => load::by_name(name, places.folders, Some(lock), places.state),
                Err(err) => {
                    let broken = Broken::new(
                        "plugins.lock must be readable",
                        "correct it, or write it anew with `ledgerline plugins lock`",
                    );
                    Err(Trace::new(name).refuse("read plugins.lock", err.to_string(), broken))
                }
            };
            match loaded {
                Ok(loaded) => errors.extend(registry.accept(&loaded.plugin, &wishes)),
                Err(error) => errors.push(error),
            }
        }
        (registry, errors)
    }

    /// Takes up a plugin for the connections that accept its version.
    fn accept(&mut self, plugin: &Plugin, wishes: &[&Wanted]) -> Vec<LoadError> {
        let mut errors = Vec::new();
        for wish in wishes {
            match plugin.satisfies(wish) {
                Ok(()) => {
                    self.connections
                        .insert(wish.connection.clone(), plugin.name().to_owned());
                }
                Err(error) => errors.push(error),
            }
        }
        self.plugins
            .insert(plugin.name().to_owned(), plugin.clone());
        errors
    }

    /// A registry of plugins that are part of this program, for tests: every wish whose plugin is
    /// among them and whose version fits is met.
    pub fn of(plugins: &[Plugin], wanted: &[Wanted]) -> (Self, Vec<LoadError>) {
        let mut registry = Self::default();
        let mut errors = Vec::new();
        for plugin in plugins {
            let wishes: Vec<&Wanted> = wanted
                .iter()
                .filter(|it| it.plugin == plugin.name())
                .collect();
            errors.extend(registry.accept(plugin, &wishes));
        }
        (registry, errors)
    }

    /// A plugin by its name.
    pub fn get(&self, plugin: &str) -> Option<&Plugin> {
        self.plugins.get(plugin)
    }

    /// The plugin of a connection, when its version is one that the connection accepts.
    pub fn for_connection(&self, connection: &str) -> Option<&Plugin> {
        self.plugins.get(self.connections.get(connection)?)
    }

    /// All plugins, in the order of their names.
    pub fn plugins(&self) -> impl Iterator<Item = &Plugin> {
        self.plugins.values()
    }
}

/// Makes the lock of what is installed, for `ledgerline plugins lock`. Entries of plugins that were
/// not found or not loaded are missing from it, and reported.
pub fn lock_installed<'a>(
    names: impl IntoIterator<Item = &'a str>,
    places: Places<'_>,
) -> (Lock, Vec<LoadError>) {
    let mut lock = Lock::default();
    let mut errors = Vec::new();
    let names: std::collections::BTreeSet<&str> = names.into_iter().collect();
    for name in names {
        match load::by_name(name, places.folders, None, places.state) {
            Ok(loaded) => lock.plugins.push(LockedPlugin {
                name: name.to_owned(),
                version: loaded.plugin.version().clone(),
                sha256: loaded.plugin.sha256().to_owned(),
                file: file_name(loaded.plugin.path()),
            }),
            Err(error) => errors.push(error),
        }
    }
    (lock, errors)
}

fn file_name(path: Option<&Path>) -> String {
    let name = path.and_then(Path::file_name).unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// Loads a library to look at it, locked or not.
///
/// # Errors
///
/// Why it cannot be loaded, as it would be for a connection.
pub fn inspect(path: &Path, state: &Path) -> Result<Inspection, LoadError> {
    let load::Loaded { plugin, symbols } = load::by_path(path, state)?;
    Ok(Inspection { plugin, symbols })
}

impl Plugin {
    /// Admits a connector that is linked into this program, as tests of connectors do.
    ///
    /// # Errors
    ///
    /// It breaks a rule that a library would be refused for.
    pub fn in_process(connector: &'static Connector) -> Result<Self, LoadError> {
        let mut trace = Trace::new("(in this program)");
        // SAFETY: a reference is not null, and whoever can make one with a wrong content has broken
        // the promise of `Connector: Sync` before.
        unsafe { admit(connector, None, Origin::default(), &mut trace) }
    }

    /// Whether a connection accepts this version.
    ///
    /// # Errors
    ///
    /// It does not.
    pub fn satisfies(&self, wanted: &Wanted) -> Result<(), LoadError> {
        let version = self.version();
        if wanted.version.matches(version) {
            return Ok(());
        }
        let connection = &wanted.connection;
        let broken = Broken::new(
            format!("connection `{connection}` must accept the plugin's version"),
            format!(
                "install a version that `{}` accepts, or change the connection",
                wanted.version
            ),
        );
        let what = format!("compare its version with the `version` of connection `{connection}`");
        let outcome = format!("accepted is {}, the library is {version}", wanted.version);
        Err(Trace::new(self.name()).refuse(what, outcome, broken))
    }

    /// Whether it can go on from a stored cursor of this state version.
    ///
    /// # Errors
    ///
    /// It cannot.
    pub fn reads_state(&self, stored: u32) -> Result<(), LoadError> {
        let manifest = self.manifest();
        if manifest.reads_state.contains(&stored) {
            return Ok(());
        }
        let known: Vec<String> = manifest.reads_state.iter().map(u32::to_string).collect();
        let broken = Broken::new(
            "the plugin must be able to read the stored cursors",
            "install the version that wrote them, or reset the cursors to read everything again",
        );
        let outcome = format!(
            "stored is version {stored}, the plugin reads {}",
            known.join(" and ")
        );
        Err(Trace::new(self.name()).refuse(
            "compare the version of stored cursors",
            outcome,
            broken,
        ))
    }
}
