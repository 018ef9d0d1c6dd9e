//! The setting by which a plugin leaves out what lies before the cut-over. The connection's own
//! `start-date` says the day, once.

use ledgerline_plugin_api::manifest::Manifest;
use serde_json::Value;

use super::{against::tell, checked::Connection, findings::Findings};

/// Fills the plugin's start setting in from the connection; tells one that says another day.
pub(super) fn fill_start(
    connection: &mut Connection,
    manifest: &Manifest,
    findings: &mut Findings,
) {
    let (Some(name), Some(start)) = (&manifest.start_setting, connection.start_date) else {
        return;
    };
    let start = start.to_string();
    let Value::Object(settings) = &mut connection.settings else {
        return;
    };
    match settings.get(name) {
        None => {
            settings.insert(name.clone(), Value::from(start));
        }
        Some(Value::String(it)) if *it == start => {}
        Some(_) => tell(
            findings,
            &connection.places,
            &format!("settings/{name}"),
            format!("the connection's `start-date` is {start}, this is another day"),
            "differs",
            "remove it: the plugin is given the connection's own; `ledgerline backfill` loads what \
             lies before"
                .to_owned(),
        ),
    }
}
