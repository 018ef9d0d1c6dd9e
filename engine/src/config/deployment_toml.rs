//! `ledgerline.toml` as written. The comments on the fields are what an operator reads when one is
//! missing.

use std::{
    collections::BTreeMap,
    ops::Range,
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::{civil::Date, tz::TimeZone};
use ledgerline_plugin_api::manifest::Budget;
use semver::VersionReq;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};
use url::Url;

use super::{
    checked::{App, Connection, FileDrop, GROUPS, OUTCOMES, SecretRef},
    files_toml::FilesToml,
    findings::Places,
    notify_toml::NotifyToml,
    reader::{Keyed, Reader, Tried, as_written},
    values::{DAY, check_range},
};

as_written! {
    /// The deployment as a whole.
    struct DeploymentToml {
        /// Folder of the store, relative to this file.
        optional store: String,
        /// Folder of what can be made anew: private copies of plugins, the socket.
        optional state: String,
        /// Local socket through which commands reach a running engine.
        optional socket: String,
        /// File of the key that encrypts secrets in the store.
        optional key_file: String,
        /// Folders that hold plugin libraries, relative to this file.
        required plugins: Vec<Spanned<String>>,
        /// File that pins the plugins to what was examined.
        optional plugins_lock: String,
        /// Days for which calls are kept.
        optional keep_calls_days: Spanned<u32>,
        /// Registered clients at vendors, shared by connections.
        optional apps: Keyed<AppToml>,
        /// Accounts at vendors.
        required connections: Keyed<ConnectionToml>,
        /// Who is told when something needs a person.
        optional notify: Keyed<NotifyToml>,
    }
    renamed { "plugin-folders" => "plugins", "plugin" => "plugins", "connection" => "connections", "app" => "apps", "notifications" => "notify" }
}

as_written! {
    /// A registered client at a vendor.
    struct AppToml {
        /// How it gets its tokens: "authorization-code" or "client-credentials".
        required grant: Spanned<String>,
        /// The client id that the vendor shows; not a secret.
        required client_id: String,
        /// Where the client secret comes from: { env = "NAME" }.
        optional client_secret: Tried<SecretRef>,
        /// Scopes to ask for instead of the plugin's.
        optional scopes: Vec<String>,
        /// Where the browser comes back to after a sign-in, exactly as registered with the app.
        optional redirect: Spanned<Url>,
        /// Limits instead of the plugin's, by budget.
        optional budget: Keyed<BudgetToml>,
    }
}

as_written! {
    /// One account of one connector.
    struct ConnectionToml {
        /// Name of an installed plugin.
        required plugin: Spanned<String>,
        /// Plugin versions that this connection accepts, such as "^0.1".
        required version: VersionReq,
        /// Address of the API instead of the plugin's.
        optional base_url: Url,
        /// Settings of the plugin.
        optional settings: Spanned<serde_json::Value>,
        /// Name of the app whose tokens are used.
        optional app: Spanned<String>,
        /// Where each credential comes from: username = { env = "NAME" }.
        optional credentials: Keyed<SecretRef>,
        /// The vendor's lasting id of the account that may be written to.
        optional account: Spanned<String>,
        /// Write to a demonstration account or nowhere.
        optional demo_only: bool,
        /// Documents with an earlier date are left to whoever kept the books before: 2026-10-01.
        optional start_date: Tried<Date>,
        /// Base currency, where the vendor does not tell.
        optional base_currency: Spanned<String>,
        /// Time zone of the account: for schedules, and for what is "today".
        optional zone: TimeZone,
        /// Limits instead of the plugin's, by budget.
        optional budget: Keyed<BudgetToml>,
        /// Longest time for one call.
        optional call_timeout: Spanned<Duration>,
        /// Time after a lost call before the target is asked what became of it.
        optional ask_after: Spanned<Duration>,
        /// Age at which reference lists are read again.
        optional reference_age: Spanned<Duration>,
        /// Age at which a source document is read again before it is created in the target.
        optional recheck_age: Spanned<Duration>,
        /// File into which every exchange is recorded, without secrets.
        optional record: String,
        /// Exported files that are read for streams which the API does not tell, by stream.
        optional files: Keyed<FilesToml>,
    }
    renamed {
        "connector" => "plugin",
        "tenant" => "account",
        "tenant-id" => "account",
        "timezone" => "zone",
        "time-zone" => "zone",
        "url" => "base-url",
        "timeout" => "call-timeout",
    }
}

as_written! {
    /// Limits of one budget.
    struct BudgetToml {
        /// Calls in flight at once.
        optional concurrent: Spanned<u32>,
        /// Calls a second.
        optional second: Spanned<u32>,
        /// Calls a minute.
        optional minute: Spanned<u32>,
        /// Calls a day.
        optional day: Spanned<u32>,
    }
}

/// Grants that an app may use.
const GRANTS: [&str; 2] = ["authorization-code", "client-credentials"];

/// Where the browser comes back to unless the app says otherwise. Vendors that take addresses of
/// the own machine at all take `localhost`; some refuse `127.0.0.1`.
const USUAL_REDIRECT: &str = "http://localhost:8731/callback";

/// A code must not travel in the clear to another machine, and a fragment would not come back.
fn check_redirect(url: &Url) -> Result<(), &'static str> {
    let here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    match url.scheme() {
        "https" => {}
        "http" if here => {}
        "http" => return Err("plain http goes back to this machine only"),
        _ => return Err("the browser comes back to an http or https address"),
    }
    match url.fragment() {
        Some(_) => Err("an address to come back to has no fragment"),
        None => Ok(()),
    }
}

impl AppToml {
    /// Tells what is wrong with the app alone; `None` when something that it cannot do without is.
    pub(super) fn check(
        &self,
        name: &str,
        folder: &Path,
        places: Places,
        reader: &mut Reader<'_>,
    ) -> Option<App> {
        if let Some(grant) = &self.grant {
            let written = grant.get_ref().as_str();
            if !GRANTS.contains(&written) {
                let help = super::findings::known_names(written, GRANTS);
                reader.problem(
                    grant.span(),
                    format!("no grant named `{written}`"),
                    "not known",
                    help,
                );
            } else if written == "client-credentials" && self.client_secret.is_none() {
                reader.problem(
                    grant.span(),
                    "this grant needs a client secret",
                    "without a secret",
                    "add client-secret = { env = \"NAME\" }".to_owned(),
                );
            }
        }
        let secret = self.client_secret.as_ref();
        let budget = budgets(self.budget.as_ref(), reader);
        let redirect = match &self.redirect {
            Some(it) => it.get_ref().clone(),
            None => Url::parse(USUAL_REDIRECT).ok()?,
        };
        if let Some(written) = &self.redirect
            && let Err(why) = check_redirect(&redirect)
        {
            let help = format!("as registered with the app, such as {USUAL_REDIRECT}");
            reader.problem(written.span(), why, "not usable", help);
        }
        Some(App {
            name: name.to_owned(),
            grant: self.grant.as_ref()?.get_ref().clone(),
            client_id: self.client_id.clone()?,
            client_secret: secret
                .and_then(|it| it.0.as_ref())
                .map(|it| below(folder, it)),
            scopes: self.scopes.clone(),
            redirect,
            budget,
            places,
        })
    }
}

impl ConnectionToml {
    /// Tells what is wrong with the connection alone; what it shares with apps and routes is
    /// checked in `rules`.
    pub(super) fn check(
        &self,
        name: &str,
        key: Range<usize>,
        folder: &Path,
        places: Places,
        reader: &mut Reader<'_>,
    ) -> Option<Connection> {
        let taken = match name {
            OUTCOMES => Some("`outcomes` stands for the outcomes of routes"),
            GROUPS => Some("`groups` stands for groups of documents"),
            _ => None,
        };
        if let Some(message) = taken {
            let help = "give the connection another name".to_owned();
            reader.problem(key, message, "taken", help);
        }
        if let Some(settings) = &self.settings
            && !settings.get_ref().is_object()
        {
            reader.problem(settings.span(), "settings are a table", "not a table", None);
        }
        if let Some(currency) = &self.base_currency {
            let code = currency.get_ref();
            if code.len() != 3 || !code.bytes().all(|it| it.is_ascii_uppercase()) {
                let help = "three capital letters: AUD".to_owned();
                reader.problem(
                    currency.span(),
                    format!("`{code}` is not a currency code"),
                    "not a code",
                    help,
                );
            }
        }
        if let Some(account) = &self.account
            && account.get_ref().trim().is_empty()
        {
            let help = "leave it out until `ledgerline connect` has shown the accounts".to_owned();
            reader.problem(account.span(), "the account is empty", "empty", help);
        }
        let second = Duration::from_secs(1);
        let hour = second * 3600;
        check_range(
            self.call_timeout.as_ref(),
            second..=second * 600,
            "1s to 10m",
            reader,
        );
        check_range(self.ask_after.as_ref(), second..=hour, "1s to 1h", reader);
        check_range(
            self.reference_age.as_ref(),
            Duration::ZERO..=DAY,
            "0s to 24h",
            reader,
        );
        check_range(
            self.recheck_age.as_ref(),
            Duration::ZERO..=DAY,
            "0s to 24h",
            reader,
        );

        let or = |written: &Option<Spanned<Duration>>, seconds| {
            written
                .as_ref()
                .map_or(Duration::from_secs(seconds), |it| *it.get_ref())
        };
        let credentials = self.credentials.iter().flatten();
        let budget = budgets(self.budget.as_ref(), reader);
        Some(Connection {
            name: name.to_owned(),
            plugin: self.plugin.as_ref()?.get_ref().clone(),
            version: self.version.clone()?,
            base_url: self.base_url.clone(),
            settings: match &self.settings {
                Some(it) => it.get_ref().clone(),
                None => serde_json::Value::Object(serde_json::Map::new()),
            },
            app: self.app.as_ref().map(|it| it.get_ref().clone()),
            credentials: credentials
                .map(|(field, secret)| (field.clone(), below(folder, &secret.value)))
                .collect(),
            account: self.account.as_ref().map(|it| it.get_ref().clone()),
            demo_only: self.demo_only.unwrap_or(false),
            start_date: self.start_date.as_ref().and_then(|it| it.0),
            base_currency: self.base_currency.as_ref().map(|it| it.get_ref().clone()),
            zone: self.zone.clone().unwrap_or(TimeZone::UTC),
            budget,
            call_timeout: or(&self.call_timeout, 60),
            ask_after: or(&self.ask_after, 30),
            reference_age: or(&self.reference_age, 15 * 60),
            recheck_age: or(&self.recheck_age, 2 * 60),
            record: self.record.as_ref().map(|it| folder.join(it)),
            files: files(self.files.as_ref(), folder, reader),
            places,
        })
    }
}

fn files(
    written: Option<&Keyed<FilesToml>>,
    folder: &Path,
    reader: &mut Reader<'_>,
) -> BTreeMap<String, FileDrop> {
    let all = written.into_iter().flatten();
    all.filter_map(|(stream, it)| Some((stream.clone(), it.value.check(folder, reader)?)))
        .collect()
}

/// A file is meant relative to the configuration.
pub(super) fn below(folder: &Path, secret: &SecretRef) -> SecretRef {
    match secret {
        SecretRef::File(path) => SecretRef::File(folder.join(path)),
        other => other.clone(),
    }
}

fn budgets(
    written: Option<&Keyed<BudgetToml>>,
    reader: &mut Reader<'_>,
) -> std::collections::BTreeMap<String, Budget> {
    let mut all = std::collections::BTreeMap::new();
    for (name, budget) in written.into_iter().flatten() {
        let it = &budget.value;
        for limit in [&it.concurrent, &it.second, &it.minute, &it.day] {
            check_range(limit.as_ref(), 1..=u32::MAX, "1 and more", reader);
        }
        let value = |it: &Option<Spanned<u32>>| it.as_ref().map(|it| *it.get_ref());
        let budget = Budget {
            concurrent: value(&it.concurrent),
            second: value(&it.second),
            minute: value(&it.minute),
            day: value(&it.day),
            ..Budget::default()
        };
        all.insert(name.clone(), budget);
    }
    all
}

/// The text with everything that could be a secret starred out, byte for byte, so that problems can
/// show their line without showing what should not have been written there.
pub(super) fn without_secrets(text: &str) -> String {
    let (tree, errors) = DeTable::parse_recoverable(text);
    let mut spans = Vec::new();
    secret_spans(tree.get_ref(), false, &mut spans);
    // A line that could not be parsed may hold anything: hide its values altogether.
    for error in errors {
        let Some(span) = error.span() else { continue };
        let Some(before) = text.get(..span.start) else {
            continue;
        };
        let start = before.rfind('\n').map_or(0, |it| it + 1);
        let line = text[start..].lines().next().unwrap_or_default();
        if let Some((key, _)) = line.split_once('=')
            && holds_secret(key)
        {
            spans.push(start + key.len() + 1..start + line.len());
        }
    }
    let mut bytes = text.as_bytes().to_vec();
    for span in spans {
        for byte in bytes.get_mut(span).into_iter().flatten() {
            if !matches!(byte, b'\n' | b'\r' | b'"' | b'\'') {
                *byte = b'*';
            }
        }
    }
    // Whole values are starred, so no letter is cut in two.
    String::from_utf8(bytes).unwrap_or_default()
}

fn secret_spans(table: &DeTable<'_>, all: bool, spans: &mut Vec<Range<usize>>) {
    for (key, value) in table {
        let name = key.get_ref().as_ref();
        let reference = all && matches!(name, "env" | "file" | "keyring" | "store");
        let secret = !reference && (all || name == "credentials" || holds_secret(name));
        match value.get_ref() {
            DeValue::Table(inner) => secret_spans(inner, secret, spans),
            // An address with a user name in it.
            DeValue::String(text) if text.contains("://") && text.contains('@') => {
                spans.push(value.span());
            }
            DeValue::String(_) | DeValue::Array(_) if secret => spans.push(value.span()),
            _ => {}
        }
    }
}

fn holds_secret(key: &str) -> bool {
    let key = key.to_lowercase();
    let word = ["secret", "password", "token", "credential", "key"]
        .iter()
        .any(|it| key.contains(it));
    word && !key.contains("key-file") && !key.contains("keyring")
}

/// The folder's own place of a path as written.
pub(super) fn path_or(folder: &Path, written: Option<&String>, default: &str) -> PathBuf {
    folder.join(written.map_or(default, String::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_starred_out_and_references_are_not() {
        let cases = [
            ("client-secret = \"hunter2\"", "client-secret = \"*******\""),
            (
                "client-secret = { env = \"X\" }",
                "client-secret = { env = \"X\" }",
            ),
            (
                "[c.credentials]\nlogin = 'é2'",
                "[c.credentials]\nlogin = '***'",
            ),
            (
                "credentials = { p = { value = \"ab\" } }",
                "credentials = { p = { value = \"**\" } }",
            ),
            (
                "credentials = { p = { file = \"ab\" } }",
                "credentials = { p = { file = \"ab\" } }",
            ),
            ("password = \"hunter2", "password =*\"*******"),
            ("url = \"s://a:b@c\"", "url = \"*********\""),
            ("name = \"plain\"", "name = \"plain\""),
            ("key-file = \"plain\"", "key-file = \"plain\""),
        ];
        for (text, wanted) in cases {
            assert_eq!(without_secrets(text), wanted, "{text}");
            assert_eq!(wanted.len(), text.len(), "{text}");
        }
    }
}
