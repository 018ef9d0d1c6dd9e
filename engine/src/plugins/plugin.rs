//! A loaded connector: what it said about itself, its functions, and how it behaved so far.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use ledgerline_plugin_api::{
    abi::{Connector, ConnectorVtbl},
    manifest::Manifest,
};
use semver::Version;

use super::{PluginCounts, Session, SessionError, SessionSpec, metrics::Metrics};

/// A connector that was admitted. Clones are the same plugin; it stays loaded until the process
/// ends.
#[derive(Debug, Clone)]
pub struct Plugin(pub(super) Arc<Shared>);

/// What clones of a [`Plugin`] share.
pub(super) struct Shared {
    pub(super) about: About,
    pub(super) vtbl: ConnectorVtbl,
    pub(super) metrics: Metrics,
    /// Why it gets no new sessions.
    pub(super) quarantine: OnceLock<String>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let About {
            name,
            version,
            sha256,
            ..
        } = &self.about;
        write!(f, "{name} {version} {sha256}")
    }
}

/// What is known of a connector without calling it.
#[derive(Clone)]
pub(super) struct About {
    pub(super) name: String,
    pub(super) version: Version,
    pub(super) built_with: String,
    pub(super) abi: AbiVersion,
    pub(super) manifest: Arc<Manifest>,
    pub(super) sha256: String,
    pub(super) path: Option<PathBuf>,
    /// A copy of what it exports, of the size that this engine knows.
    pub(super) connector: &'static Connector,
}

/// Version of the contract that a connector was built against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AbiVersion {
    /// Must equal the engine's.
    pub major: u16,
    /// What it was built against.
    pub minor: u16,
    /// The lowest that it can run on.
    pub needs_minor: u16,
}

impl std::fmt::Display for AbiVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}.{} (needs {}.{})",
            self.major, self.minor, self.major, self.needs_minor
        )
    }
}

impl Plugin {
    pub(super) fn new(about: About, vtbl: ConnectorVtbl) -> Self {
        let (metrics, quarantine) = (Metrics::default(), OnceLock::new());
        Self(Arc::new(Shared {
            about,
            vtbl,
            metrics,
            quarantine,
        }))
    }

    /// Name by which connections ask for it.
    pub fn name(&self) -> &str {
        &self.0.about.name
    }

    /// Version of the connector itself.
    pub fn version(&self) -> &Version {
        &self.0.about.version
    }

    /// What it says about itself.
    pub fn manifest(&self) -> &Arc<Manifest> {
        &self.0.about.manifest
    }

    /// SHA-256 of the library, in lower-case hex; empty for one that is part of this program.
    pub fn sha256(&self) -> &str {
        &self.0.about.sha256
    }

    /// Version of the contract that it was built against.
    pub fn abi(&self) -> AbiVersion {
        self.0.about.abi
    }

    /// Toolchain and SDK, for logs.
    pub fn built_with(&self) -> &str {
        &self.0.about.built_with
    }

    /// Where the library was found; none for one that is part of this program.
    pub fn path(&self) -> Option<&Path> {
        self.0.about.path.as_deref()
    }

    /// What it exports, for the test kit; sessions of the engine are opened with `session`.
    pub fn connector(&self) -> &'static Connector {
        self.0.about.connector
    }

    /// What it did since it was loaded.
    pub fn counts(&self) -> PluginCounts {
        self.0.metrics.counts()
    }

    /// Why it gets no new sessions, when it does not.
    pub fn quarantined(&self) -> Option<&str> {
        self.0.quarantine.get().map(String::as_str)
    }

    /// Gives it no new sessions until the process ends. Sessions under way go on.
    pub(super) fn quarantine(&self, why: String) {
        let plugin = self.name();
        if self.0.quarantine.set(why.clone()).is_ok() {
            tracing::error!(plugin, why, "plugin quarantined: it gets no new sessions");
        }
    }

    /// Opens a session.
    ///
    /// # Errors
    ///
    /// The plugin is quarantined, cannot do this, or refuses the settings or the cursor.
    pub fn session(&self, spec: SessionSpec<'_>) -> Result<Session, SessionError> {
        Session::open(self.clone(), spec)
    }
}
