//! Decides whether the engine can talk to a connector: first by its header alone, whose layout never
//! changes, then by everything else that it says about itself. Nothing of it has been called yet.

use std::{path::PathBuf, sync::Arc};

use ledgerline_plugin_api::{
    abi::{ABI_MAJOR, ABI_MINOR, Connector, ConnectorVtbl, Header, MAGIC, Str},
    manifest::Manifest,
};
use semver::Version;

use super::{
    AbiVersion, Plugin,
    borrowed::{aligned, text},
    manifest_rules,
    plugin::About,
    trace::{Broken, LoadError, Trace},
};

/// Longest name, version and description of the toolchain.
const MAX_TEXT: usize = 1024;
const MAX_MANIFEST: usize = 8 << 20;

/// Where a connector came from.
#[derive(Debug, Clone, Default)]
pub(super) struct Origin {
    pub(super) sha256: String,
    pub(super) path: Option<PathBuf>,
}

/// Reads a connector and admits it. `name` is the one it must have, when there is one.
///
/// # Safety
///
/// When `connector` is neither null nor crooked, it begins with a [`Header`]; when that has the magic
/// number and this engine's major, the rest is as the contract says, and all of it is `'static`.
pub(super) unsafe fn admit(
    connector: *const Connector,
    name: Option<&str>,
    origin: Origin,
    trace: &mut Trace,
) -> Result<Plugin, LoadError> {
    let what = "read its header";
    if !aligned(connector) {
        return Err(trace.refuse(what, "the symbol's address is null or crooked", not_ours()));
    }
    // SAFETY: not null and aligned; the caller promises a header.
    let header = unsafe { connector.cast::<Header>().read() };
    let engine = (ABI_MAJOR, ABI_MINOR);
    if let Err((outcome, broken)) = judge(&header, engine, size_of::<Connector>()) {
        return Err(trace.refuse(what, outcome, broken));
    }
    let abi = AbiVersion {
        major: header.abi_major,
        minor: header.abi_minor,
        needs_minor: header.abi_min_minor,
    };
    trace.done(
        what,
        format!("ABI {abi}, the engine speaks {}.{}", engine.0, engine.1),
    );

    let what = "read what it says about itself";
    // SAFETY: the header says that the whole struct is there and that its layout is ours.
    let connector = unsafe { connector.read() };
    // SAFETY: as above; all texts are `'static`.
    let (stated, version, built_with, manifest) = unsafe {
        (
            stated(connector.name, "its name", MAX_TEXT, trace)?,
            stated(connector.version, "its version", MAX_TEXT, trace)?,
            stated(connector.built_with, "its toolchain", MAX_TEXT, trace)?,
            stated(connector.manifest, "its manifest", MAX_MANIFEST, trace)?,
        )
    };
    if let Some(name) = name.filter(|name| *name != stated) {
        let broken = Broken::new(
            "the library must hold the plugin that was asked for",
            format!("install the library of `{name}`, or correct the connection's `plugin`"),
        );
        return Err(trace.refuse(what, format!("it is the plugin `{stated}`"), broken));
    }
    let defect = |rule: &str| Broken::new(rule, "report this to the connector's owner");
    let version: Version = match version.parse() {
        Ok(version) => version,
        Err(err) => {
            let broken = defect("its version must be a semantic version");
            return Err(trace.refuse(what, format!("`{version}`: {err}"), broken));
        }
    };
    // SAFETY: the table belongs to the connector, which is admitted by its header.
    let Some(vtbl) = (unsafe { table(connector.vtbl) }) else {
        let broken = defect("its function table must be whole");
        return Err(trace.refuse(what, "a function is missing", broken));
    };
    let manifest: Manifest = match serde_json::from_str(&manifest) {
        Ok(manifest) => manifest,
        Err(err) => {
            let broken = Broken::new(
                "its manifest must have the form that this engine knows",
                "the connector was built with another SDK: install a build that fits this engine",
            );
            return Err(trace.refuse(what, format!("the manifest: {err}"), broken));
        }
    };
    trace.done(what, format!("{stated} {version}, {built_with}"));
    let engine = env!("CARGO_PKG_VERSION");
    if let Err(broken) = manifest_rules::check(&manifest, &stated, &version, vtbl.ops, engine) {
        return Err(trace.refuse("check its manifest", "a rule is broken", broken));
    }
    let about = About {
        name: stated,
        version,
        built_with,
        abi,
        manifest: Arc::new(manifest),
        sha256: origin.sha256,
        path: origin.path,
        // Once for each library, which is never unloaded either.
        connector: Box::leak(Box::new(connector)),
    };
    Ok(Plugin::new(about, vtbl))
}

fn not_ours() -> Broken {
    Broken::new(
        "the exported symbol must begin with the magic number of connectors",
        "this is not a connector, or it was built without `export_connector!`",
    )
}

/// The decision by the header alone.
fn judge(header: &Header, engine: (u16, u16), size: usize) -> Result<(), (String, Broken)> {
    if header.magic != MAGIC {
        return Err((format!("it begins with {:#018x}", header.magic), not_ours()));
    }
    let (major, minor) = engine;
    if header.abi_major != major {
        let (theirs, built) = (header.abi_major, header.abi_minor);
        let broken = Broken::new(
            format!(
                "connector and engine must have the same ABI major, the engine speaks {major}.{minor}"
            ),
            format!(
                "install a build of the connector for ABI {major}, or an engine for ABI {theirs}"
            ),
        );
        return Err((format!("it was built for ABI {theirs}.{built}"), broken));
    }
    if header.abi_min_minor > minor {
        let needed = header.abi_min_minor;
        let broken = Broken::new(
            format!(
                "the engine must speak the ABI that the connector needs, it speaks {major}.{minor}"
            ),
            "upgrade the engine, or install an older build of the connector",
        );
        return Err((format!("it needs ABI {major}.{needed}"), broken));
    }
    if (header.size as usize) < size {
        let broken = Broken::new(
            format!("the exported struct must have {size} bytes at least"),
            "report this to the connector's owner",
        );
        return Err((format!("it has {} bytes", header.size), broken));
    }
    Ok(())
}

/// # Safety
///
/// The text is `'static`, as the contract says.
unsafe fn stated(
    lent: Str,
    what: &str,
    max: usize,
    trace: &mut Trace,
) -> Result<String, LoadError> {
    // SAFETY: passed on to the caller.
    unsafe { text(lent, what, max) }.map_err(|err| {
        let broken = Broken::new(
            "its texts must be whole",
            "report this to the connector's owner",
        );
        trace.refuse("read what it says about itself", err.message, broken)
    })
}

/// The function table, if all of it is there. A null function must not even be read as one.
///
/// # Safety
///
/// `table` is null, crooked, or a table that begins with its size.
unsafe fn table(table: *const ConnectorVtbl) -> Option<ConnectorVtbl> {
    const SLOTS: usize = 4;
    const { assert!(size_of::<ConnectorVtbl>() == 8 + SLOTS * size_of::<usize>()) };
    if !aligned(table) {
        return None;
    }
    // SAFETY: not null and aligned, and it begins with its size.
    let size = unsafe { table.cast::<u32>().read() } as usize;
    if size < size_of::<ConnectorVtbl>() {
        return None;
    }
    // SAFETY: the table is long enough; its four functions follow eight bytes.
    let slots = unsafe { table.byte_add(8).cast::<[usize; SLOTS]>().read() };
    // SAFETY: as above, and no function is null.
    (!slots.contains(&0)).then(|| unsafe { table.read() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engine_admits_by_header() {
        let size = size_of::<Connector>() as u32;
        let good = Header {
            magic: MAGIC,
            abi_major: 1,
            abi_minor: 5,
            abi_min_minor: 3,
            reserved: 0,
            size,
            flags: 0,
        };
        let cases = [
            (good, (1, 3), None),
            (good, (1, 9), None),
            (good, (1, 2), Some("it needs ABI 1.3")),
            (good, (2, 0), Some("it was built for ABI 1.5")),
            (good, (0, 9), Some("it was built for ABI 1.5")),
            (
                Header { magic: 1, ..good },
                (1, 3),
                Some("it begins with 0x0000000000000001"),
            ),
            (Header { size: 24, ..good }, (1, 3), Some("it has 24 bytes")),
            (
                Header {
                    size: size + 8,
                    ..good
                },
                (1, 3),
                None,
            ),
        ];
        for (header, engine, expected) in cases {
            let said = judge(&header, engine, size as usize)
                .err()
                .map(|(outcome, _)| outcome);
            assert_eq!(said.as_deref(), expected, "engine {engine:?}");
        }
    }
}
