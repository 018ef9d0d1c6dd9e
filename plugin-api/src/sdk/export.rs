//! How a library shows its connector.

use super::{Connector, Embedded, shim};
use crate::abi::{self, ABI_MAJOR, ABI_MINOR, ConnectorVtbl, Header, MAGIC, Str};

/// Toolchain and SDK, for logs.
const BUILT_WITH: &str = concat!("rust, sdk ", env!("CARGO_PKG_VERSION"));

struct Table<C>(std::marker::PhantomData<C>);

impl<C: Connector + Embedded> Table<C> {
    const VTBL: ConnectorVtbl = ConnectorVtbl {
        size: size_of::<ConnectorVtbl>() as u32,
        ops: C::OPS,
        create: shim::create::<C>,
        step: shim::step,
        destroy: shim::destroy,
        extension: shim::extension,
    };
}

/// The exported form of a connector. [`export_connector!`](crate::export_connector) puts it into the
/// library's one symbol; tests may hold several.
pub const fn connector<C: Connector + Embedded>() -> abi::Connector {
    abi::Connector {
        header: Header {
            magic: MAGIC,
            abi_major: ABI_MAJOR,
            abi_minor: ABI_MINOR,
            // The lowest that has all this SDK uses, so that rebuilding does not raise it.
            abi_min_minor: 0,
            reserved: 0,
            size: size_of::<abi::Connector>() as u32,
            flags: 0,
        },
        name: Str::new(C::NAME),
        version: Str::new(C::VERSION),
        built_with: Str::new(BUILT_WITH),
        manifest: Str::new(C::MANIFEST),
        vtbl: &Table::<C>::VTBL,
    }
}

/// Exports a connector from its library.
///
/// `export_connector!(Acme)` takes name and manifest from what the build script wrote with
/// `ledgerline_plugin_api::build::manifest`. Without a build script, give them:
/// `export_connector!(Acme, name = "acme", manifest = include_str!("manifest.json"))`.
#[macro_export]
macro_rules! export_connector {
    ($connector:ty) => {
        $crate::export_connector!(
            $connector,
            name = include_str!(concat!(env!("OUT_DIR"), "/manifest_name.txt")),
            manifest = include_str!(concat!(env!("OUT_DIR"), "/manifest.json"))
        );
    };
    ($connector:ty, name = $name:expr, manifest = $manifest:expr) => {
        #[cfg(panic = "abort")]
        compile_error!(
            "a connector must be built with panic = \"unwind\": a panic ends its session, not the engine"
        );

        impl $crate::sdk::Embedded for $connector {
            const NAME: &'static str = $name;
            const VERSION: &'static str = env!("CARGO_PKG_VERSION");
            const MANIFEST: &'static str = $manifest;
        }

        /// What the engine looks for in this library.
        #[allow(non_upper_case_globals, unsafe_code)]
        #[unsafe(no_mangle)]
        pub static ledgerline_connector: $crate::abi::Connector =
            $crate::sdk::connector::<$connector>();
    };
}
