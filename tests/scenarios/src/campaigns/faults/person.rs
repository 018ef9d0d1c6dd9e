//! What a person does when asked: the same requests that the commands make.

use ledgerline::{
    operate::{Answer, Bulk, ConnectRequest, ConnectStep, Connecting, Request},
    store::Filter,
};
use sandbox::Request as Call;

use crate::Stage;

/// The app that asks people.
pub(super) const CLIENT: &str = "DEMOWEBAPP00000000000000000000000";
/// Its secret.
pub(super) const SECRET: &str = "demo-web-secret";
/// Where its consents come back to.
pub(super) const REDIRECT: &str = "http://localhost:8731/callback";
/// The organisation that the person chooses.
const TENANT: &str = "7d2c5a1e-4b86-4f0d-9c3a-5e1f2a6b8c90";
const CONNECTION: &str = "xero-au";

/// `ledgerline connect xero-au`, and what it leads a person through.
pub(super) async fn connect(stage: &Stage, again: bool) -> Result<(), String> {
    if let Connecting::Ask { address, .. } = step(stage, ConnectStep::Begin { again }).await? {
        let address = loaded(stage, &address)?;
        match step(stage, ConnectStep::Redirected { address }).await? {
            Connecting::Ready => {}
            other => return Err(format!("the consent was not taken: {other:?}")),
        }
    }
    let Connecting::Accounts(offered) = step(stage, ConnectStep::Accounts).await? else {
        return Err("no accounts were listed".to_owned());
    };
    if !offered.iter().any(|it| it.pinned) {
        if again {
            return Err(format!("the account is not offered: {offered:?}"));
        }
        // What the command says then: `ledgerline connect xero-au --again`.
        return Box::pin(connect(stage, true)).await;
    }
    let account = TENANT.to_owned();
    match step(stage, ConnectStep::Pin { account }).await? {
        Connecting::Pinned(it) if !it.new => Ok(()),
        other => Err(format!("the pin changed: {other:?}")),
    }
}

async fn step(stage: &Stage, step: ConnectStep) -> Result<Connecting, String> {
    let asked = ConnectRequest {
        connection: CONNECTION.to_owned(),
        step,
    };
    match stage.ask(Request::Connect(asked)).await {
        Answer::Connect(it) => Ok(it),
        other => Err(format!("{other:?}")),
    }
}

/// As `consent`; a page that shows something else is loaded again, more often than faults come in a row.
fn loaded(stage: &Stage, address: &str) -> Result<String, String> {
    let mut back = consent(stage, address);
    for _ in 0..8 {
        if back.is_ok() {
            break;
        }
        back = consent(stage, address);
    }
    back
}

/// The pages in the browser: signs in, chooses the organisation, allows.
fn consent(stage: &Stage, address: &str) -> Result<String, String> {
    let target = address
        .find("/identity/")
        .and_then(|at| address.get(at..))
        .ok_or_else(|| format!("no page of the vendor: {address}"))?;
    let form = format!("signed-in=yes&decision=allow&tenant={TENANT}");
    let call = Call::new("POST", target)
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(form);
    let reply = stage.world.handle(&call);
    let back = reply.header_value("location").map(str::to_owned);
    back.ok_or_else(|| format!("{}: {}", reply.status, reply.body_text()))
}

/// What the engine asks of a person.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Asked {
    /// `ledgerline connect CONNECTION`.
    Connect { why: String },
    /// The next command of a row of stopped entries.
    Command { command: String, why: String },
}

impl Asked {
    /// What it is about, for people.
    pub(super) fn why(&self) -> &str {
        match self {
            Self::Connect { why } | Self::Command { why, .. } => why,
        }
    }
}

/// What a person is asked now.
pub(super) async fn asked(stage: &Stage) -> Vec<Asked> {
    let Answer::Status(status) = stage.ask(Request::Status).await else {
        return Vec::new();
    };
    let mut asked: Vec<Asked> = Vec::new();
    for it in &status.connections {
        if let Some(why) = it.parked.clone().filter(|it| it.contains("`ledgerline ")) {
            asked.push(match why.contains("`ledgerline connect ") {
                true => Asked::Connect { why },
                false => Asked::Command {
                    command: String::new(),
                    why,
                },
            });
        }
    }
    use ledgerline::store::State;
    for it in &status.groups {
        let person = match it.group.state {
            State::Warning => true,
            // What waits for another entry waits for whoever that one asks.
            State::Waiting => it.root.is_none(),
            _ => false,
        };
        if person {
            let cause = it.group.problem.as_ref().map(|it| it.cause.clone());
            let why = format!(
                "{} ({}): {}",
                it.group.route,
                it.group.tally.count,
                cause.unwrap_or_default()
            );
            let command = it.next.clone();
            asked.push(Asked::Command { command, why });
        }
    }
    asked.sort();
    asked.dedup();
    asked
}

/// Does what is asked.
pub(super) async fn help(stage: &Stage, asked: &Asked) -> Result<(), String> {
    match asked {
        Asked::Connect { .. } => connect(stage, false).await,
        Asked::Command { command, why } => {
            let filter = retry_filter(command)
                .ok_or_else(|| format!("no remedy is known for `{command}`: {why}"))?;
            let bulk = Bulk {
                filter,
                reason: Some("mended".to_owned()),
                count_only: false,
            };
            match stage.ask(Request::Retry(bulk)).await {
                Answer::Changed(it) if it.tally.count > 0 => Ok(()),
                other => Err(format!("`{command}` changed nothing: {other:?}")),
            }
        }
    }
}

/// What `ledgerline retry --cause CAUSE --route ROUTE` means.
fn retry_filter(command: &str) -> Option<Filter> {
    let rest = command.strip_prefix("ledgerline retry --cause ")?;
    let (cause, route) = rest.rsplit_once(" --route ")?;
    let plain = match cause
        .strip_prefix('\'')
        .and_then(|it| it.strip_suffix('\''))
    {
        Some(quoted) => quoted.replace(r"'\''", "'"),
        None => cause.to_owned(),
    };
    Some(Filter {
        cause: Some(plain),
        routes: vec![route.to_owned()],
        ..Filter::default()
    })
}
