//! Which limits apply: the manifest's, then the app's, then the connection's, field by field.

use std::collections::BTreeMap;

use ledgerline_plugin_api::manifest::{Budget, Manifest};

use crate::config::{App, Connection};

/// Budget of one connection.
pub(super) const ACCOUNT: &str = "account";
/// Budget of one registered client.
pub(super) const APP: &str = "app";

/// Limits of one budget, ready for use: `None` is unlimited.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::http) struct Limits {
    /// Calls in flight at once.
    pub(in crate::http) concurrent: Option<u32>,
    /// Calls a second.
    pub(in crate::http) second: Option<u32>,
    /// Calls a minute.
    pub(in crate::http) minute: Option<u32>,
    /// Calls a day.
    pub(in crate::http) day: Option<u32>,
    /// Answer header with what is left this minute.
    pub(in crate::http) minute_left: Option<String>,
    /// Answer header with what is left today.
    pub(in crate::http) day_left: Option<String>,
}

impl Limits {
    /// Lays `over` above what is there. Zero lifts a limit.
    fn lay(&mut self, over: Option<&Budget>) {
        let Some(over) = over else { return };
        let number = |held: &mut Option<u32>, new: Option<u32>| match new {
            Some(0) => *held = None,
            Some(_) => *held = new,
            None => {}
        };
        number(&mut self.concurrent, over.concurrent);
        number(&mut self.second, over.second);
        number(&mut self.minute, over.minute);
        number(&mut self.day, over.day);
        if over.minute_left.is_some() {
            self.minute_left.clone_from(&over.minute_left);
        }
        if over.day_left.is_some() {
            self.day_left.clone_from(&over.day_left);
        }
    }
}

fn layered(name: &str, layers: &[&BTreeMap<String, Budget>]) -> Limits {
    let mut limits = Limits::default();
    for layer in layers {
        limits.lay(layer.get(name));
    }
    limits
}

/// Limits of a connection's account.
pub(in crate::http) fn account_limits(
    manifest: &Manifest,
    app: Option<&App>,
    connection: &Connection,
) -> Limits {
    bucket_limits(ACCOUNT, manifest, app, connection)
}

/// Limits of a named bucket of a connection.
pub(in crate::http) fn bucket_limits(
    bucket: &str,
    manifest: &Manifest,
    app: Option<&App>,
    connection: &Connection,
) -> Limits {
    match app {
        Some(app) => layered(bucket, &[&manifest.budget, &app.budget, &connection.budget]),
        None => layered(bucket, &[&manifest.budget, &connection.budget]),
    }
}

/// Limits of a registered client. A connection cannot change them: others share them.
pub(in crate::http) fn app_limits(manifest: &Manifest, app: &App) -> Limits {
    layered(APP, &[&manifest.budget, &app.budget])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_change_only_the_fields_that_they_name() {
        let manifest = BTreeMap::from([(
            "account".to_owned(),
            Budget {
                concurrent: Some(5),
                minute: Some(60),
                day: Some(5_000),
                day_left: Some("x-day-left".to_owned()),
                ..Budget::default()
            },
        )]);
        let app = BTreeMap::from([(
            "account".to_owned(),
            Budget {
                day: Some(1_000),
                ..Budget::default()
            },
        )]);
        let connection = BTreeMap::from([(
            "account".to_owned(),
            Budget {
                minute: Some(0),
                second: Some(3),
                ..Budget::default()
            },
        )]);
        assert_eq!(
            layered("account", &[&manifest, &app, &connection]),
            Limits {
                concurrent: Some(5),
                second: Some(3),
                minute: None,
                day: Some(1_000),
                minute_left: None,
                day_left: Some("x-day-left".to_owned()),
            }
        );
        assert_eq!(
            layered("other", &[&manifest, &app, &connection]),
            Limits::default()
        );
    }
}
