//! The real programs: the stand-in vendors and the engine as processes of their own, on loopback, with
//! a deployment and a store on disk. For what only a process can show: that it dies, that it is
//! asked through its socket, what it costs.

use std::{
    collections::{BTreeMap, HashMap},
    ffi::OsStr,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use jiff::{ToSpan, civil::Date};
use rust_decimal::Decimal;
use serde_json::Value;

use crate::{books, built, campaigns::secrets, repository};

/// The day of the stories in seeds and configuration. Real programs live in the present, so every
/// date of theirs is moved by as many days as have passed since.
const STORY: Date = jiff::civil::date(2026, 11, 22);

/// What the programs are started with; a test changes it before they are.
pub struct Plan {
    /// The vendors' seed: the demonstration's, without faults, with this many clean credit notes.
    pub seed: toml::Table,
    /// `ledgerline.toml`, every connection led to the stand-in.
    pub deployment: toml::Table,
    /// Routes by name.
    pub routes: BTreeMap<String, toml::Table>,
    /// Arguments of the vendors' program beside the usual ones.
    pub vendors: Vec<String>,
    /// Where the programs and plugins lie.
    pub built: PathBuf,
}

impl Plan {
    fn new(notes: usize) -> Self {
        let folder = repository();
        let mut seed = read_toml(&folder.join("tests/sandbox/seeds/demo.toml"));
        let mut deployment = read_toml(&folder.join("config/ledgerline.toml"));
        let mut routes = BTreeMap::new();
        for file in std::fs::read_dir(folder.join("config/routes")).expect("routes") {
            let path = file.expect("a file").path();
            let name = path
                .file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            routes.insert(name, read_toml(&path));
        }
        let days = jiff::Timestamp::now()
            .to_zoned(jiff::tz::TimeZone::UTC)
            .date()
            .since(STORY)
            .expect("days")
            .get_days();
        for table in [&mut seed, &mut deployment] {
            for (_, value) in table.iter_mut() {
                shift(value, days);
            }
        }
        seed.remove("clock");
        seed.remove("faults");
        set(
            &mut seed,
            "omni/accounts/0/generate/credit-notes",
            notes as i64,
        );
        set(
            &mut seed,
            "xero/organisations/0/credit-notes",
            toml::Value::Array(Vec::new()),
        );
        // Short waits, so that what was lost is soon asked about: that waits for the longest that a call may
        // take. An answer that is too late because the machine is slow is asked about like any other.
        for connection in ["omni-au", "core-au", "zudello-au", "xero-au"] {
            set(
                &mut deployment,
                &format!("connections/{connection}/call-timeout"),
                "2s",
            );
            // Nobody waits here for the next minute of a vendor: that is tested on paused time.
            for window in ["second", "minute", "day"] {
                let path = format!("connections/{connection}/budget/account/{window}");
                set(&mut deployment, &path, 1_000_000);
            }
            set(
                &mut deployment,
                &format!("connections/{connection}/ask-after"),
                "1s",
            );
        }
        Self {
            seed,
            deployment,
            routes,
            vendors: vec!["--no-limits".into()],
            built: built(),
        }
    }

    /// Omni alone.
    fn only_omni(&mut self) {
        for vendor in ["core", "zudello"] {
            self.seed.remove(vendor);
        }
        let connections = self.deployment["connections"].as_table_mut();
        let connections = connections.expect("connections");
        for name in ["core-au", "zudello-au"] {
            connections.remove(name);
        }
        self.routes.retain(|name, _| name.starts_with("omni-"));
    }

    /// As many clean credit notes in Core and in Zudello as `notes` says, and no others.
    fn all_sources(&mut self, notes: usize) {
        for vendor in ["core/accounts/0", "zudello/teams/0"] {
            set(
                &mut self.seed,
                &format!("{vendor}/generate/credit-notes"),
                notes as i64,
            );
            let none = toml::Value::Array(Vec::new());
            set(&mut self.seed, &format!("{vendor}/credit-notes"), none);
        }
        set(&mut self.seed, "core/accounts/0/generate/sales", 2);
        set(&mut self.seed, "zudello/teams/0/generate/others", 0);
    }

    /// The vendors keep their limits, and the deployment those that it has.
    pub fn limited(&mut self) {
        self.vendors.retain(|it| it != "--no-limits");
        let own = read_toml(&repository().join("config/ledgerline.toml"));
        let connections = self.deployment["connections"].as_table_mut();
        for (name, connection) in connections.expect("connections") {
            let connection = connection.as_table_mut().expect("a connection");
            connection.remove("budget");
            if let Some(budget) = own["connections"][name].get("budget") {
                connection.insert("budget".to_owned(), budget.clone());
            }
        }
    }

    /// Documents of one call at most, on every route that is on.
    pub fn batch(&mut self, documents: i64) {
        let on =
            |it: &&mut toml::Table| it.get("enabled").and_then(toml::Value::as_bool) != Some(false);
        for route in self.routes.values_mut().filter(on) {
            set(route, "batch", documents);
        }
    }
}

/// The programs at work. Dropping it ends the vendors.
pub struct Programs {
    folder: tempfile::TempDir,
    vendors: Child,
    address: String,
    env: BTreeMap<String, String>,
    built: PathBuf,
    /// Clean credit notes of the seed.
    pub notes: usize,
}

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    /// Exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// The signal.
    pub signal: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Ended {
    /// Standard output as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|why| panic!("{why}: {self:#?}"))
    }
}

impl Programs {
    /// Starts the vendors with `notes` clean credit notes in Omni and writes a deployment that leads to
    /// them.
    pub fn start(notes: usize, change: impl FnOnce(&mut Plan)) -> Self {
        let mut plan = Plan::new(notes);
        plan.only_omni();
        change(&mut plan);
        Self::of(plan, notes)
    }

    /// As `start`, with `others` clean credit notes in Core and as many in Zudello.
    pub fn start_all(notes: usize, others: usize, change: impl FnOnce(&mut Plan)) -> Self {
        let mut plan = Plan::new(notes);
        plan.all_sources(others);
        change(&mut plan);
        Self::of(plan, notes)
    }

    fn of(mut plan: Plan, notes: usize) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let seed = folder.path().join("seed.toml");
        write_toml(&seed, &plan.seed);
        let mut vendors = Command::new(plan.built.join("sandbox"))
            .arg("--seed")
            .arg(&seed)
            .args(["--listen", "127.0.0.1:0", "--until-stdin-closes"])
            .args(&plan.vendors)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the sandbox starts");
        let mut line = String::new();
        let output = vendors.stdout.take().expect("its output");
        BufReader::new(output)
            .read_line(&mut line)
            .expect("its address");
        let ready: Value =
            serde_json::from_str(&line).unwrap_or_else(|why| panic!("{why}: {line}"));
        let url = ready["url"].as_str().expect("an address").to_owned();
        let address = url.strip_prefix("http://").expect("plain HTTP").to_owned();
        write_deployment(folder.path(), &mut plan, &url);
        let demo = read_toml(&repository().join("config/demo.toml"));
        let env = demo["env"].as_table().expect("variables").iter();
        let env = env
            .map(|(name, value)| (name.clone(), value.as_str().expect("a text").to_owned()))
            .collect();
        let here = Self {
            folder,
            vendors,
            address,
            env,
            built: plan.built,
            notes,
        };
        let locked = here.run(["plugins", "lock"]);
        assert_eq!(locked.code, Some(0), "{locked:#?}");
        here
    }

    /// Where the stand-in vendors listen.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Process id of the stand-in vendors.
    pub fn vendors_id(&self) -> u32 {
        self.vendors.id()
    }

    /// The folder of the deployment.
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("config")
    }

    /// The engine with these arguments, not started yet.
    pub fn engine<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(self.built.join("ledgerline"));
        command
            .arg("--config")
            .arg(self.config())
            .args(args)
            .envs(&self.env)
            .env_remove("LEDGERLINE_DIE_AT")
            .env_remove("LEDGERLINE_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs the engine to its end.
    pub fn run<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Ended {
        finish(self.engine(args).spawn().expect("the engine starts"))
    }

    /// Runs the engine, which is to die at a step (see `ledgerline::pipeline::STEPS`).
    pub fn run_until<A: AsRef<OsStr>>(
        &self,
        step: &str,
        args: impl IntoIterator<Item = A>,
    ) -> Ended {
        let child = self.engine(args).env("LEDGERLINE_DIE_AT", step).spawn();
        finish(child.expect("the engine starts"))
    }

    /// What the stand-in answers to an admin call.
    pub fn ask(&self, path: &str) -> Value {
        self.exchange("GET", path, "")
    }

    /// Sends the stand-in an admin call with a body.
    pub fn tell(&self, path: &str, body: &Value) -> Value {
        self.exchange("POST", path, &body.to_string())
    }

    /// Forgets the calls that were made so far.
    pub fn forget_calls(&self) {
        self.exchange("DELETE", "/_sandbox/calls", "");
    }

    /// Lets the target forget the keys of its calls, while all clocks stay as they are.
    pub fn forget_keys(&self) {
        self.exchange("DELETE", "/_sandbox/keys", "");
    }

    fn exchange(&self, method: &str, path: &str, body: &str) -> Value {
        self.call(method, path, &[], body)
    }

    /// What the vendors answer to a call with these headers; it must succeed.
    pub fn call(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Value {
        let headers: String = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let mut stream = TcpStream::connect(&self.address).expect("the sandbox listens");
        stream
            .set_read_timeout(Some(Duration::from_secs(600)))
            .expect("a time-out");
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        stream.write_all(head.as_bytes()).expect("the call leaves");
        stream.write_all(body.as_bytes()).expect("the call leaves");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        assert!(
            head.starts_with("HTTP/1.1 200"),
            "{method} {path}: {answer}"
        );
        serde_json::from_str(body).unwrap_or_else(|why| panic!("{path}: {why}: {body}"))
    }

    /// What the vendors hold now.
    pub fn books(&self) -> Books {
        let duplicates = self.ask("/_sandbox/duplicates");
        let duplicates = duplicates.as_array().cloned().unwrap_or_default();
        Books::of(&self.ask("/_sandbox/state"), duplicates, self.notes)
    }
}

impl Drop for Programs {
    fn drop(&mut self) {
        let _ = self.vendors.kill();
        let _ = self.vendors.wait();
        // Whatever a scenario is about: its secrets are nowhere afterwards.
        if !std::thread::panicking() {
            let left = secrets::left_in(secrets::of_the_demonstration(), &self.config());
            assert!(left.is_empty(), "secrets were left behind: {left:#?}");
        }
    }
}

/// Waits for a program and takes what it said.
pub fn finish(child: Child) -> Ended {
    let output = child.wait_with_output().expect("the program ends");
    for said in [&output.stdout, &output.stderr] {
        let told = secrets::of_the_demonstration().find(said);
        assert!(
            told.is_empty(),
            "it says {told:?}: {}",
            String::from_utf8_lossy(said)
        );
    }
    Ended {
        code: output.status.code(),
        signal: output.status.signal(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A credit note as Xero holds it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Posted {
    /// Its number.
    pub number: String,
    /// Its total.
    pub total: Decimal,
    /// Id of its contact.
    pub contact: String,
    /// Its status.
    pub status: String,
    /// How many lines it has.
    pub lines: usize,
}

impl Posted {
    fn read(note: &Value) -> Self {
        let text = |field: &str| note[field].as_str().unwrap_or_default().to_owned();
        Self {
            number: text("CreditNoteNumber"),
            total: books::money(&note["Total"]),
            contact: text("ContactID"),
            status: text("Status"),
            lines: note["LineItems"].as_array().map_or(0, Vec::len),
        }
    }
}

/// A credit note as its source holds it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// The number that it has in the books.
    pub number: String,
    /// Its total, positive for a credit, in cents.
    pub total: Decimal,
    /// Whether the source shows that it arrived; `None` where it cannot.
    pub done: Option<bool>,
    /// Nothing is wrong with it: it must arrive.
    pub clean: bool,
}

impl Source {
    fn of_omni(note: &Value, clean: bool) -> Self {
        let reference = note["reference"].as_str().unwrap_or_default();
        Self {
            number: format!("{} {reference}", note["creditNoteNumber"]),
            total: -books::money(&note["total"]),
            done: Some(note["accountingAttributes"]["accountingImportStatus"] == "Imported"),
            clean,
        }
    }

    /// Placeholders are none.
    fn of_core(note: &Value) -> Option<Self> {
        (note["Status"] == "AUTHORISED").then(|| Self {
            number: note["CreditNoteNumber"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            total: books::cents(&note["Total"]),
            done: None,
            clean: true,
        })
    }

    fn of_zudello(note: &Value) -> Self {
        Self {
            number: note["document_number"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            total: books::cents(&note["total"]),
            done: Some(note["status"] == "COMPLETE" && note["external_id"].is_string()),
            clean: true,
        }
    }
}

/// What the vendors hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Books {
    /// Credit notes in Xero, in order.
    pub xero: Vec<Posted>,
    /// Credit notes in the sources.
    pub sources: Vec<Source>,
    /// Documents that share a number or a reference.
    pub duplicates: Vec<Value>,
}

impl Books {
    /// The books in what the stand-in shows of itself, whose Omni has `notes` clean credit notes.
    pub fn of(state: &Value, duplicates: Vec<Value>, notes: usize) -> Self {
        let list = |vendor: &str, kind: &str| {
            let held = state[vendor].as_object().and_then(|it| it.values().next());
            held.and_then(|it| it[kind].as_array().cloned())
                .unwrap_or_default()
        };
        let posted = list("xero", "credit_notes");
        let omni = list("omni", "credit_notes");
        let omni = omni.iter().enumerate();
        // The clean ones come first.
        let mut sources: Vec<Source> = omni
            .map(|(place, it)| Source::of_omni(it, place < notes))
            .collect();
        for sale in list("core", "sales") {
            let notes = sale["CreditNotes"].as_array().into_iter().flatten();
            sources.extend(notes.filter_map(Source::of_core));
        }
        let zudello = list("zudello", "transactions");
        sources.extend(zudello.iter().map(Source::of_zudello));
        Self {
            xero: sorted(posted.iter().map(Posted::read).collect()),
            sources,
            duplicates,
        }
    }

    /// Everything that is wrong with them after a run that was brought to its end.
    pub fn faults(&self) -> Vec<String> {
        let mut faults: Vec<String> = self
            .duplicates
            .iter()
            .map(|it| format!("sent twice: {it}"))
            .collect();
        let mut known: HashMap<&str, &Source> = HashMap::new();
        for source in &self.sources {
            known.entry(&source.number).or_insert(source);
        }
        let mut arrived: HashMap<&str, usize> = HashMap::new();
        for posted in &self.xero {
            *arrived.entry(&posted.number).or_default() += 1;
            match known.get(posted.number.as_str()) {
                None => faults.push(format!("nobody knows {posted:?}")),
                Some(it) if it.total != posted.total => {
                    faults.push(format!("{posted:?} is {} in its source", it.total));
                }
                Some(it) if it.done == Some(false) => {
                    faults.push(format!(
                        "{} arrived, and its source does not show it",
                        it.number
                    ));
                }
                Some(_) => {}
            }
        }
        for source in &self.sources {
            let count = arrived.get(source.number.as_str()).copied().unwrap_or(0);
            if count == 0 && (source.clean || source.done == Some(true)) {
                faults.push(format!("{source:?} is not in Xero"));
            } else if count > 1 {
                faults.push(format!("{} is in Xero {count} times", source.number));
            }
        }
        faults
    }
}

fn sorted(mut notes: Vec<Posted>) -> Vec<Posted> {
    notes.sort();
    notes
}

fn write_deployment(folder: &Path, plan: &mut Plan, url: &str) {
    let config = folder.join("config");
    let own = repository().join("config");
    for part in ["mappings", "tables"] {
        copy(&own.join(part), &config.join(part));
    }
    let plugins = plan.built.to_string_lossy().into_owned();
    plan.deployment
        .insert("plugins".into(), toml::Value::Array(vec![plugins.into()]));
    let connections = plan.deployment["connections"]
        .as_table_mut()
        .expect("connections");
    for (_, connection) in connections.iter_mut() {
        let connection = connection.as_table_mut().expect("a connection");
        connection.insert("base-url".into(), url.into());
    }
    write_toml(&config.join("ledgerline.toml"), &plan.deployment);
    for (name, route) in &plan.routes {
        write_toml(&config.join("routes").join(format!("{name}.toml")), route);
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for file in std::fs::read_dir(from).expect("a folder") {
        let path = file.expect("a file").path();
        let copied = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &copied);
        } else {
            std::fs::copy(&path, &copied).expect("a copy");
        }
    }
}

fn read_toml(path: &Path) -> toml::Table {
    let text =
        std::fs::read_to_string(path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
    toml::from_str(&text).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

fn write_toml(path: &Path, table: &toml::Table) {
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    std::fs::write(path, toml::to_string(table).expect("TOML")).expect("a file");
}

/// Sets a value by its path, making the tables on the way.
pub fn set(table: &mut toml::Table, path: &str, value: impl Into<toml::Value>) {
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    let mut at = table;
    let mut rest = folders.split('/').filter(|it| !it.is_empty()).peekable();
    while let Some(part) = rest.next() {
        let next = at.entry(part).or_insert_with(|| toml::Table::new().into());
        at = match next {
            toml::Value::Array(list) => {
                let place: usize = rest.next().expect("a place").parse().expect("a place");
                list[place].as_table_mut().expect("a table")
            }
            other => other.as_table_mut().expect("a table"),
        };
    }
    at.insert(name.to_owned(), value.into());
}

/// Moves every calendar date in a value.
fn shift(value: &mut toml::Value, days: i32) {
    let moved = |text: &str| {
        let date: Date = text.parse().ok()?;
        (text.len() == 10).then(|| date.checked_add(days.days()).expect("a date").to_string())
    };
    match value {
        toml::Value::String(text) => {
            if let Some(it) = moved(text) {
                *text = it;
            }
        }
        toml::Value::Datetime(at) => {
            if let Some(it) = moved(&at.to_string()) {
                *at = it.parse().expect("a date");
            }
        }
        toml::Value::Array(list) => list.iter_mut().for_each(|it| shift(it, days)),
        toml::Value::Table(table) => table.iter_mut().for_each(|(_, it)| shift(it, days)),
        toml::Value::Integer(_) | toml::Value::Float(_) | toml::Value::Boolean(_) => {}
    }
}
