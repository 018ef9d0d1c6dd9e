//! A deployment that is not connected yet, and a person with a browser.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, ChildStdout, Stdio},
    time::Duration,
};

use scenarios::processes::{Ended, Plan, Programs, finish, set};
use serde_json::Value;

/// The organisation of the demonstration's seed: Australian dollars, a demonstration account.
pub(crate) const HARBOUR: &str = "7d2c5a1e-4b86-4f0d-9c3a-5e1f2a6b8c90";
/// Another one: New Zealand dollars, real books.
pub(crate) const TASMAN: &str = "91111111-2222-4333-8444-555555555555";

/// Secrets that no output may show.
const SECRETS: [&str; 2] = ["demo-web-secret", "demo-secret"];

/// The programs, with a connection `xero-au` that nobody has connected.
pub(crate) struct Ground {
    pub(crate) programs: Programs,
    pub(crate) port: u16,
    secret: &'static str,
}

impl Ground {
    /// Two organisations, an app that asks people, no pin.
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Plan)) -> Self {
        let port = free_port();
        let programs = Programs::start(1, |plan| {
            let redirect = format!("http://localhost:{port}/callback");
            for app in plan.seed["xero"]["apps"].as_array_mut().expect("apps") {
                if app.get("redirect-uris").is_some() {
                    set_in(app, "redirect-uris", vec![redirect.clone()]);
                }
            }
            let organisations = plan.seed["xero"]["organisations"]
                .as_array_mut()
                .expect("organisations");
            let mut other = organisations[0].clone();
            for (key, value) in [
                ("tenant-id", TASMAN),
                ("name", "Tasman Trading Ltd"),
                ("short-code", "!tasmn"),
                ("base-currency", "NZD"),
                ("country", "NZ"),
            ] {
                set_in(&mut other, key, value);
            }
            set_in(&mut other, "demo", false);
            set_in(&mut other, "currencies", vec!["AUD", "USD"]);
            other.as_table_mut().expect("a table").remove("day-rates");
            organisations.push(other);
            for (key, value) in [
                ("grant", "authorization-code"),
                ("client-id", "DEMOWEBAPP00000000000000000000000"),
                ("redirect", redirect.as_str()),
            ] {
                set(&mut plan.deployment, &format!("apps/xero-app/{key}"), value);
            }
            // The plugin's own are asked for.
            take(&mut plan.deployment, &["apps", "xero-app"], "scopes");
            take(&mut plan.deployment, &["connections", "xero-au"], "account");
            change(plan);
        });
        Self {
            programs,
            port,
            secret: "demo-web-secret",
        }
    }

    /// The client secret that the engine is started with.
    pub(crate) fn client_secret(mut self, secret: &'static str) -> Self {
        self.secret = secret;
        self
    }

    /// Runs a command to its end. It has no terminal, and no browser to open.
    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        self.start(args, None).end("")
    }

    /// Runs `connect xero-au` to its end.
    pub(crate) fn connect(&self, args: &[&str]) -> Ended {
        self.start_connect(args, None).end("")
    }

    /// Starts `connect xero-au`, which may have to die at a step.
    pub(crate) fn start_connect(&self, args: &[&str], die_at: Option<&str>) -> Running {
        let mut all = vec!["connect", "xero-au", "--no-browser"];
        all.extend(args);
        self.start(&all, die_at)
    }

    pub(crate) fn start(&self, args: &[&str], die_at: Option<&str>) -> Running {
        let step = die_at.map(|it| ("LEDGERLINE_DIE_AT", it));
        self.start_with(args, step.as_slice())
    }

    /// Starts a command with more variables.
    pub(crate) fn start_with(&self, args: &[&str], env: &[(&str, &str)]) -> Running {
        let mut command = self.programs.engine(args);
        command
            .env("XERO_CLIENT_SECRET", self.secret)
            .envs(env.iter().copied())
            .stdin(Stdio::piped());
        let mut child = command.spawn().expect("the engine starts");
        let stdout = BufReader::new(child.stdout.take().expect("its output"));
        Running {
            child: Some(child),
            stdout,
            said: String::new(),
        }
    }

    /// `ledgerline.toml` as it is now.
    pub(crate) fn file(&self) -> String {
        std::fs::read_to_string(self.programs.config().join("ledgerline.toml")).expect("the file")
    }

    /// The pin in the file.
    pub(crate) fn pin(&self) -> Option<String> {
        let table: toml::Table = toml::from_str(&self.file()).expect("TOML");
        let account = table["connections"]["xero-au"].get("account")?;
        Some(account.as_str().expect("text").to_owned())
    }

    /// What the stand-in holds of tokens and connections.
    fn tokens(&self) -> Value {
        self.programs.ask("/_sandbox/save")["xero"]["tokens"].clone()
    }

    /// Tenants that the app `client` is connected to.
    pub(crate) fn held_by(&self, client: &str) -> Vec<String> {
        let tokens = self.tokens();
        let mut tenants: Vec<String> = tokens["connections"]
            .as_array()
            .expect("connections")
            .iter()
            .filter(|it| it["client_id"] == client)
            .map(|it| it["tenant"].as_str().expect("a tenant").to_owned())
            .collect();
        tenants.sort();
        tenants
    }

    /// How many calls to a path were answered with this status.
    pub(crate) fn calls(&self, method: &str, path: &str, status: u16) -> usize {
        let calls = self.programs.ask("/_sandbox/calls");
        let calls = calls.as_array().expect("calls");
        calls
            .iter()
            .filter(|it| {
                it["method"] == method
                    && it["status"] == status
                    && it["target"].as_str().is_some_and(|it| it.starts_with(path))
            })
            .count()
    }
}

/// A command that goes on.
pub(crate) struct Running {
    child: Option<Child>,
    stdout: BufReader<ChildStdout>,
    said: String,
}

impl Running {
    /// The address that it prints for the person.
    pub(crate) fn address(&mut self) -> String {
        loop {
            let mut line = String::new();
            let count = self.stdout.read_line(&mut line).expect("its output");
            if count == 0 {
                let mut stderr = String::new();
                let mut pipe = self.child().stderr.take().expect("its errors");
                let _ = pipe.read_to_string(&mut stderr);
                panic!("no address: {}\n{stderr}", self.said);
            }
            self.said.push_str(&line);
            if line.starts_with("http://") {
                return line.trim().to_owned();
            }
        }
    }

    fn child(&mut self) -> &mut Child {
        self.child.as_mut().expect("it was not ended")
    }

    /// Types into its input.
    pub(crate) fn type_in(&mut self, text: &str) {
        let stdin = self.child().stdin.as_mut().expect("its input");
        // It may have died by intention.
        let _ = stdin.write_all(text.as_bytes());
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        self.child().try_wait().expect("a child").is_none()
    }

    /// Ends it as a closed terminal would, or the system.
    pub(crate) fn kill(&mut self) {
        self.child().kill().expect("it runs");
        self.child().wait().expect("it ends");
    }

    /// Waits for its end, after it was told `last`. No secret may be in what it said.
    pub(crate) fn end(mut self, last: &str) -> Ended {
        self.type_in(last);
        drop(self.child().stdin.take());
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).expect("its output");
        let mut ended = finish(self.child.take().expect("a child"));
        ended.stdout = std::mem::take(&mut self.said) + &rest;
        for secret in SECRETS {
            assert!(
                !ended.stdout.contains(secret) && !ended.stderr.contains(secret),
                "{secret} is told: {ended:#?}"
            );
        }
        ended
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut it) = self.child.take() {
            let _ = it.kill();
            let _ = it.wait();
        }
    }
}

/// A page as a browser gets it.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) body: String,
}

/// Asks for a page; with a form, posts it.
pub(crate) fn fetch(url: &str, form: Option<&str>) -> Page {
    let rest = url.strip_prefix("http://").expect("plain http");
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let reached = authority.replace("localhost", "127.0.0.1");
    let mut stream =
        TcpStream::connect(&reached).unwrap_or_else(|why| panic!("{authority}: {why}"));
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .expect("a time-out");
    let (method, body) = form.map_or(("GET", ""), |it| ("POST", it));
    let request = format!(
        "{method} /{path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).expect("it leaves");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).expect("a status");
    let location = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("location")
            .then(|| value.to_owned())
    });
    Page {
        status: status.parse().expect("a number"),
        location,
        body: body.to_owned(),
    }
}

/// Signs in and lets the app at these tenants; gives back where the vendor sends the browser.
pub(crate) fn allow(address: &str, tenants: &[&str]) -> String {
    let page = fetch(address, None);
    assert!(page.body.contains("<h1>Log in</h1>"), "{page:?}");
    let page = fetch(
        address,
        Some("step=sign-in&email=kim%40harbour.example&password=x"),
    );
    assert!(page.body.contains("Select an organisation"), "{page:?}");
    let mut form = "signed-in=yes&decision=allow".to_owned();
    for it in tenants {
        assert!(page.body.contains(it), "{it}: {page:?}");
        form.push_str(&format!("&tenant={it}"));
    }
    sent_back(&fetch(address, Some(&form)))
}

/// Signs in and says no.
pub(crate) fn cancel(address: &str) -> String {
    sent_back(&fetch(address, Some("signed-in=yes&decision=cancel")))
}

fn sent_back(page: &Page) -> String {
    assert_eq!(page.status, 302, "{page:?}");
    page.location.clone().expect("an address")
}

/// Another state in an address.
pub(crate) fn with_state(address: &str, state: &str) -> String {
    let mut parts: Vec<String> = address.split('&').map(str::to_owned).collect();
    for it in &mut parts {
        if let Some((name, _)) = it.split_once("state=") {
            *it = format!("{name}state={state}");
        }
    }
    parts.join("&")
}

/// A parameter of an address as it stands there.
pub(crate) fn parameter<'a>(address: &'a str, name: &str) -> &'a str {
    let query = address.split_once('?').expect("a query").1;
    query
        .split('&')
        .find_map(|it| it.strip_prefix(name)?.strip_prefix('='))
        .unwrap_or_else(|| panic!("no {name}: {address}"))
}

fn set_in(table: &mut toml::Value, key: &str, value: impl Into<toml::Value>) {
    let table = table.as_table_mut().expect("a table");
    table.insert(key.to_owned(), value.into());
}

/// Takes a key out of a table of tables.
pub(crate) fn take(table: &mut toml::Table, way: &[&str], key: &str) {
    let mut at = table;
    for part in way {
        at = at[*part].as_table_mut().expect("a table");
    }
    at.remove(key);
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its address").port()
}
