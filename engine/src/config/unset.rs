//! Environment variables that a deployment names and that are not there. Not a mistake of its files:
//! they may be set where it runs.

use super::{
    checked::{Deployment, SecretRef},
    findings::{Findings, Places, nearest},
};

/// A finding for each variable that is not set; `names` are those that are.
pub fn unset(deployment: &Deployment, is_set: &dyn Fn(&str) -> bool, names: &[String]) -> Findings {
    let mut findings = Findings::default();
    let mut look = |secret: &SecretRef, places: &Places, path: &str| {
        let SecretRef::Env(name) = secret else { return };
        if is_set(name) {
            return;
        }
        let help = match nearest(name, names.iter().map(String::as_str)) {
            Some(near) => format!("`{near}` is set: did you mean it?"),
            None => "set it where the engine runs".to_owned(),
        };
        findings.push(places.file.finding(
            places.value(&format!("{path}/env")),
            format!("the environment variable `{name}` is not set"),
            "not set here",
            Some(help),
        ));
    };
    for app in deployment.apps.values() {
        if let Some(secret) = &app.client_secret {
            look(secret, &app.places, "client-secret");
        }
    }
    for connection in deployment.connections.values() {
        for (field, secret) in &connection.credentials {
            look(secret, &connection.places, &format!("credentials/{field}"));
        }
    }
    for it in deployment.notify.values() {
        for (secret, path) in it.secrets() {
            look(secret, &it.places, path);
        }
    }
    findings.sort();
    findings
}
