//! `connect`: leads a person through a consent and the choice of an account.

use std::{
    io::{BufRead, IsTerminal, Write},
    time::Duration,
};

use url::Url;

use crate::{
    cli::{
        args::{Common, ConnectArgs},
        open::{Failure, agreed, deployment, request},
        out::{Out, remark},
        sync::unexpected,
    },
    operate::{
        Answer, ConnectRequest, ConnectStep, Connecting, Home, ListenError, Offered, Pinned,
        Request, Seen,
    },
    pipeline::Silent,
};

/// A connection needs a person.
const NEEDS_PERSON: u8 = 5;

impl From<ListenError> for Failure {
    fn from(why: ListenError) -> Self {
        let code = match why {
            ListenError::Late(_) => NEEDS_PERSON,
            _ => 3,
        };
        Self {
            code,
            message: why.to_string(),
        }
    }
}

pub(super) async fn connect(common: &Common, out: &Out, args: ConnectArgs) -> Result<u8, Failure> {
    let way = Way {
        common,
        connection: &args.connection,
    };
    if args.undo {
        return undo(&way, out).await;
    }
    let again = args.again;
    if let Connecting::Ask {
        address,
        redirect,
        again,
        reason,
    } = way.step(ConnectStep::Begin { again }).await?
    {
        if let Some(it) = reason {
            remark(format!("{it}: it is asked for again"));
        }
        if again {
            remark("this is the question of an earlier attempt; its window is still good");
        }
        let redirect: Url = redirect.parse().map_err(Failure::unexpected)?;
        if args.paste {
            paste(&way, out, &address).await?;
        } else {
            let home = Home::open(&redirect).await?;
            show(out, &address);
            remark("it is waited for; if the browser runs on another machine, use --paste");
            if !args.no_browser && open::that_detached(&address).is_err() {
                remark("no browser could be opened here; open the address yourself");
            }
            listen(&way, home, Duration::from_secs(args.wait)).await?;
        }
        remark("the consent is there, and its tokens are stored");
    }
    let Connecting::Accounts(offered) = way.step(ConnectStep::Accounts).await? else {
        return Err(way.confused());
    };
    let account = choose(common, out, &args, &offered)?;
    let Connecting::Pinned(pinned) = way.step(ConnectStep::Pin { account }).await? else {
        return Err(way.confused());
    };
    told(out, &args.connection, &pinned);
    if pinned.new {
        way.remind_of_restart();
    }
    Ok(0)
}

/// The steps of one connection.
struct Way<'a> {
    common: &'a Common,
    connection: &'a str,
}

impl Way<'_> {
    async fn step(&self, step: ConnectStep) -> Result<Connecting, Failure> {
        let asked = Request::Connect(ConnectRequest {
            connection: self.connection.to_owned(),
            step,
        });
        match request(self.common, asked, &Silent).await? {
            Answer::Connect(it) => Ok(it),
            other => Err(unexpected(other)),
        }
    }

    /// An engine that runs has read the configuration before.
    fn remind_of_restart(&self) {
        let runs = deployment(self.common).is_ok_and(|it| it.socket.exists());
        if runs && !self.common.demo {
            remark("restart the engine that runs (`ledgerline run`): it has the old account");
        }
    }

    fn confused(&self) -> Failure {
        Failure::unexpected(format!(
            "the engine answered something else; use commands and engine of one version, then run \
             `ledgerline connect {}` again",
            self.connection
        ))
    }
}

/// The address alone on standard output: it is what a person copies, and a program reads.
fn show(out: &Out, address: &str) {
    remark("say yes at this address:");
    if out.json {
        remark(address);
    } else {
        out.exact(address);
    }
}

async fn listen(way: &Way<'_>, home: Home, longest: Duration) -> Result<(), Failure> {
    let denied = home
        .wait(longest, async |query| {
            let step = ConnectStep::Redirected {
                address: format!("?{query}"),
            };
            Ok::<_, Failure>(match way.step(step).await? {
                Connecting::Ready => Seen::Final {
                    title: "Connected".to_owned(),
                    text: "You can close this window and go on in the terminal.".to_owned(),
                    value: None,
                },
                Connecting::Denied { why, remedy } => Seen::Final {
                    title: "Not connected".to_owned(),
                    text: format!("{why}. You can close this window."),
                    value: Some((why, remedy)),
                },
                Connecting::Stray { why } => {
                    remark(format!("something came back that was not taken: {why}"));
                    Seen::Stray(why)
                }
                _ => return Err(way.confused()),
            })
        })
        .await?;
    denied.map_or(Ok(()), refused)
}

async fn paste(way: &Way<'_>, out: &Out, address: &str) -> Result<(), Failure> {
    show(out, address);
    remark(
        "then paste here the whole address that the browser ends on; that it cannot show the page \
         does not matter:",
    );
    loop {
        // Read on a thread of its own: standard input cannot be waited for together with others.
        let line = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            std::io::stdin()
                .lock()
                .read_line(&mut line)
                .map(|count| (count > 0).then_some(line))
        });
        let line = line
            .await
            .map_err(Failure::unexpected)?
            .map_err(Failure::unexpected)?;
        let Some(line) = line else {
            return Err(Failure {
                code: NEEDS_PERSON,
                message: format!(
                    "no address was pasted; the question stays open: `ledgerline connect {} --paste` \
                     goes on",
                    way.connection
                ),
            });
        };
        if line.trim().is_empty() {
            continue;
        }
        match way.step(ConnectStep::Redirected { address: line }).await? {
            Connecting::Ready => return Ok(()),
            Connecting::Denied { why, remedy } => return refused((why, remedy)),
            Connecting::Stray { why } => remark(format!("this was not taken: {why}; once more:")),
            _ => return Err(way.confused()),
        }
    }
}

fn refused((why, remedy): (String, String)) -> Result<(), Failure> {
    Err(Failure {
        code: NEEDS_PERSON,
        message: format!("{why}; {remedy}"),
    })
}

fn choose(
    common: &Common,
    out: &Out,
    args: &ConnectArgs,
    offered: &[Offered],
) -> Result<String, Failure> {
    if offered.is_empty() {
        return Err(Failure {
            code: NEEDS_PERSON,
            message: format!(
                "the consent covers no account; `ledgerline connect {} --again` asks for another",
                args.connection
            ),
        });
    }
    if let Some(it) = &args.account {
        return Ok(it.clone());
    }
    if let Some(it) = offered.iter().find(|it| it.pinned) {
        return Ok(it.account.id.clone());
    }
    list(out, offered);
    let terminal = std::io::stdin().is_terminal() && !common.json;
    match offered {
        [only] if !terminal || common.yes => Ok(only.account.id.clone()),
        [only] => {
            if agreed(
                common,
                &format!("Connect {} to {}?", args.connection, only.account.name),
            )? {
                Ok(only.account.id.clone())
            } else {
                Err(Failure::refused(format!(
                    "`ledgerline connect {} --again` asks for another consent",
                    args.connection
                )))
            }
        }
        several if terminal && !common.yes => pick(several),
        several => Err(Failure {
            code: NEEDS_PERSON,
            message: format!(
                "the consent covers {} accounts, and none is chosen by itself; name one: `ledgerline \
                 connect {} --account ID`",
                several.len(),
                args.connection
            ),
        }),
    }
}

fn pick(offered: &[Offered]) -> Result<String, Failure> {
    loop {
        let mut stderr = std::io::stderr().lock();
        let _ = write!(stderr, "which one? [1-{}] ", offered.len());
        let _ = stderr.flush();
        let mut line = String::new();
        let read = std::io::stdin()
            .lock()
            .read_line(&mut line)
            .map_err(Failure::unexpected)?;
        if read == 0 {
            return Err(Failure::refused("none was chosen"));
        }
        let place = line.trim().parse::<usize>().ok();
        if let Some(it) = place
            .and_then(|it| it.checked_sub(1))
            .and_then(|it| offered.get(it))
        {
            return Ok(it.account.id.clone());
        }
    }
}

fn list(out: &Out, offered: &[Offered]) {
    if out.json {
        return;
    }
    let rows = offered
        .iter()
        .enumerate()
        .map(|(place, it)| {
            let text = |it: &Option<String>| it.clone().unwrap_or_else(|| "-".to_owned());
            vec![
                (place + 1).to_string(),
                it.account.name.clone(),
                it.account.id.clone(),
                text(&it.account.country),
                text(&it.account.base_currency),
                if it.account.demo { "demo" } else { "live" }.to_owned(),
            ]
        })
        .collect();
    out.table(&["", "account", "id", "country", "currency", "kind"], rows);
    // Sentences would squeeze the table in a narrow terminal.
    for (place, it) in offered.iter().enumerate() {
        for warning in &it.warnings {
            out.line(format!("{}: {warning}", place + 1));
        }
    }
}

fn told(out: &Out, connection: &str, pinned: &Pinned) {
    if out.json {
        return out.value(pinned);
    }
    let account = &pinned.account;
    let verb = if pinned.new { "is now" } else { "is" };
    out.line(format!(
        "{connection} {verb} connected to {} ({})",
        account.name, account.id
    ));
    out.line(format!("the pin is in {}", pinned.place));
    for it in &pinned.warnings {
        out.line(format!("{}: {it}", out.paint("33", "to know")));
    }
    out.line("next: ledgerline check");
}

async fn undo(way: &Way<'_>, out: &Out) -> Result<u8, Failure> {
    let question = format!(
        "Take {} away at the vendor, and forget its tokens and its account here?",
        way.connection
    );
    if !agreed(way.common, &question)? {
        return Ok(3);
    }
    let Connecting::Undone(done) = way.step(ConnectStep::Undo).await? else {
        return Err(way.confused());
    };
    if out.json {
        out.value(&done);
    } else {
        done.iter().for_each(|it| out.line(it));
    }
    way.remind_of_restart();
    Ok(0)
}
