//! Embeds the manifest.

fn main() {
    ledgerline_plugin_api::build::manifest("manifest.toml");
}
