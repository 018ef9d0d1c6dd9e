//! Embeds the manifest, with its schemas and prelude inlined, in the library.

fn main() {
    ledgerline_plugin_api::build::manifest("manifest.toml");
}
