//! What good input is made from: the four connectors, linked into this program, and the deployment
//! of `config/` checked against them.

use std::{path::PathBuf, sync::OnceLock};

use ledgerline::{
    config::{Deployment, load_demo},
    plugins::{Plugin, Registry, Wanted},
};
use ledgerline_plugin_api::{abi::Connector, sdk::connector};

/// Cin7 Omni.
pub static OMNI: Connector = connector::<ledgerline_cin7_omni::Omni>();
/// Cin7 Core.
pub static CORE: Connector = connector::<ledgerline_cin7_core::Core>();
/// Zudello.
pub static ZUDELLO: Connector = connector::<ledgerline_zudello::Zudello>();
/// Xero.
pub static XERO: Connector = connector::<ledgerline_xero::Xero>();

/// The root of the repository.
pub fn repository() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(&here).to_owned()
}

/// The connectors as the engine knows them.
pub fn plugins() -> &'static [Plugin] {
    static PLUGINS: OnceLock<Vec<Plugin>> = OnceLock::new();
    PLUGINS.get_or_init(|| {
        [&OMNI, &CORE, &ZUDELLO, &XERO]
            .map(|it| Plugin::in_process(it).expect("a connector of this workspace is sound"))
            .into()
    })
}

/// A connector by its name.
pub fn plugin(name: &str) -> Option<&'static Plugin> {
    plugins().iter().find(|it| it.name() == name)
}

/// The connectors that a deployment asks for, as far as they are there.
pub fn registry(deployment: &Deployment) -> Registry {
    let wanted: Vec<Wanted> = deployment
        .connections
        .values()
        .map(|it| Wanted {
            connection: it.name.clone(),
            plugin: it.plugin.clone(),
            version: it.version.clone(),
        })
        .collect();
    Registry::of(plugins(), &wanted).0
}

/// The deployment of `config/`.
pub fn deployment() -> &'static Deployment {
    static DEPLOYMENT: OnceLock<Deployment> = OnceLock::new();
    DEPLOYMENT.get_or_init(|| {
        let path = repository().join("config");
        load_demo(&path, &|_| None)
            .unwrap_or_else(|it| panic!("config/ is sound: {}", it.render(false)))
    })
}
