//! What a library says about itself: header, name, version, manifest.

use std::sync::OnceLock;

use ledgerline::{config::Findings, mapping::StreamRules, plugins::Plugin};
use ledgerline_plugin_api::abi::{
    ABI_MAJOR, Connector, ConnectorVtbl, CreateArgs, Header, Host, MAGIC, Session, Status, StepIn,
    StepOut, Str, op,
};

use crate::{configuration::told, grounds, parts};

/// Words of manifests.
pub const WORDS: &[&str] = &[
    "\"name\":",
    "\"title\":",
    "\"version\":",
    "\"engine\":",
    "\"base-url\":",
    "\"settings\":",
    "\"streams\":",
    "\"ops\":[\"pull\"]",
    "\"ops\":[\"push\"]",
    "\"find\":\"number\"",
    "\"auth\":",
    "\"kind\":\"oauth2\"",
    "\"kind\":\"basic\"",
    "\"kind\":\"headers\"",
    "\"grants\":",
    "\"budget\":",
    "\"minute\":",
    "\"prelude\":",
    "\"state-version\":",
    "\"reads-state\":",
    "\"batch\":",
    "\"documents\":",
    "\"bytes\":",
    "\"checks\":",
    "\"refs\":",
    "\"schema\":",
    "\"$ref\":\"#\"",
    "\"pattern\":\"(a+)+$\"",
    "\"update\":",
    "\"line-ids\":",
    "\"rounding\":",
    "\"life\":",
    "\"states\":",
    "\"answers\":",
    "\"retry\":",
    "18446744073709551615",
    "-1",
    "null",
];

extern "C" fn create(_: Host, _: *const CreateArgs, _: *mut *mut Session) -> Status {
    Status::UNSUPPORTED
}
extern "C" fn step(_: *mut Session, _: Host, _: *const StepIn, _: *mut StepOut) -> Status {
    Status::UNSUPPORTED
}
extern "C" fn destroy(_: *mut Session) {}
extern "C" fn extension(_: Str) -> *const std::ffi::c_void {
    std::ptr::null()
}

/// Admits a connector of these parts: name, version, manifest. The head is its header.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (head, parts) = parts::split(&text);
    let part = |name: &str| {
        let found = parts.iter().find(|it| it.0.trim() == name);
        found
            .map_or("", |it| it.1)
            .trim_end_matches('\n')
            .to_owned()
    };
    let numbers: Vec<u64> = head
        .split_whitespace()
        .filter_map(|it| it.parse().ok())
        .collect();
    let number = |at: usize, usual: u64| numbers.get(at).copied().unwrap_or(usual);
    let size = size_of::<Connector>() as u64;
    let vtbl = ConnectorVtbl {
        size: number(5, size_of::<ConnectorVtbl>() as u64) as u32,
        ops: number(6, u64::from(op::PULL | op::PUSH | op::FIND)) as u32,
        create,
        step,
        destroy,
        extension,
    };
    // The contract asks for what lives as long as the program. A few kilobytes an input are lost.
    let lasting = |text: String| Str::new(Box::leak(text.into_boxed_str()));
    let connector = Box::leak(Box::new(Connector {
        header: Header {
            magic: number(0, MAGIC),
            abi_major: number(1, u64::from(ABI_MAJOR)) as u16,
            abi_minor: number(2, 0) as u16,
            abi_min_minor: number(3, 0) as u16,
            reserved: 0,
            // The struct is no longer than this, so it must not say that it is.
            size: number(4, size).min(size) as u32,
            flags: 0,
        },
        name: lasting(part("name")),
        version: lasting(part("version")),
        built_with: lasting(part("built-with")),
        manifest: lasting(part("manifest")),
        vtbl: Box::leak(Box::new(vtbl)),
    }));
    let plugin = match Plugin::in_process(connector) {
        Ok(plugin) => plugin,
        Err(error) => {
            let shown = error.to_string();
            assert!(shown.len() > 20, "{shown}");
            return;
        }
    };
    let manifest = plugin.manifest();
    for (name, stream) in &manifest.streams {
        let mut findings = Findings::default();
        let prelude = &manifest.prelude;
        let rules = StreamRules::compile(&manifest.name, name, stream, prelude, &mut findings);
        if rules.is_none() {
            told(findings);
        }
    }
}

/// The connectors of this workspace, and a small one.
pub fn seeds() -> Vec<Vec<u8>> {
    static SEEDS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    let seeds = SEEDS.get_or_init(|| {
        let small = parts::join(
            "",
            [
                ("name", "acme"),
                ("version", "1.2.0"),
                (
                    "manifest",
                    r#"{"name":"acme","title":"Acme","version":"1.2.0","engine":">=0.1","streams":{
"invoices":{"title":"invoice","ops":["pull","find"],"find":"number","key":".id","total":".total"}}}"#,
                ),
            ],
        );
        let own = grounds::plugins().iter().map(|it| {
            let manifest = serde_json::to_string(it.manifest().as_ref()).unwrap_or_default();
            let version = it.version().to_string();
            parts::join(
                "",
                [
                    ("name", it.name()),
                    ("version", version.as_str()),
                    ("built-with", "by hand"),
                    ("manifest", manifest.as_str()),
                ],
            )
        });
        own.chain([small]).collect()
    });
    seeds.clone()
}
