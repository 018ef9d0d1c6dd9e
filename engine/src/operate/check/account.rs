//! What the vendor says about the account, held against what the configuration wants.

use ledgerline_plugin_api::manifest::{Account, Budget, CheckReport};

use crate::{
    operate::CheckRow,
    pipeline::{Connected, Engine},
    plugins::SessionError,
};

pub(super) fn rows(
    engine: &Engine,
    system: &Connected,
    looked: &Result<CheckReport, SessionError>,
) -> Vec<CheckRow> {
    let name = &system.connection.name;
    let is_target = engine
        .plans_on()
        .any(|it| it.target.connection == *name && it.follows.is_none());
    let report = match looked {
        Ok(it) => it,
        Err(why) => {
            let unasked = "the account could not be asked";
            let mut rows = vec![CheckRow::wrong(
                "account",
                why.message.clone(),
                format!(
                    "mend it, then run `ledgerline check` again ({})",
                    why.status.name()
                ),
            )];
            for what in ["permissions", "plan and call limits", "base currency"] {
                rows.push(CheckRow::unknown(what, unasked));
            }
            if is_target {
                rows.push(CheckRow::unknown("lock dates", unasked));
            }
            rows.extend(cut_over(engine, system));
            return rows;
        }
    };
    let mut rows = vec![who(system, &report.account)];
    if report.missing.is_empty() {
        rows.push(CheckRow::ok(
            "permissions",
            "nothing that is needed is missing",
        ));
    }
    for it in &report.missing {
        // A scope to be added is written "…: connect again with it": the second half is the remedy.
        let (says, remedy) = it.split_once(": ").unwrap_or((
            it,
            "grant it at the vendor, then run `ledgerline check` again",
        ));
        rows.push(CheckRow::wrong("permissions", says, remedy));
    }
    rows.push(limits(system, &report.account));
    if is_target {
        rows.push(match &report.account.locks {
            None => CheckRow::unknown("lock dates", "the vendor does not tell them")
                .by("documents of a closed period are refused by the vendor, and stop then"),
            Some(it) if it.is_empty() => CheckRow::ok("lock dates", "none: the books are open"),
            Some(it) => CheckRow::ok("lock dates", it.join("; ")),
        });
    }
    rows.push(currency(engine, system, &report.account));
    rows.extend(cut_over(engine, system));
    rows.extend(report.notes.iter().map(|it| CheckRow::ok("to know", it)));
    rows
}

/// Whose account it is, and whether it is the right one.
fn who(system: &Connected, account: &Account) -> CheckRow {
    let connection = &system.connection;
    let told = format!(
        "{} ({}){}{}",
        account.name,
        account.id,
        account
            .country
            .as_ref()
            .map_or_else(String::new, |it| format!(", {it}")),
        if account.demo {
            ", a demonstration account"
        } else {
            ""
        }
    );
    let connect = format!("run `ledgerline connect {}`", connection.name);
    match &system.account {
        _ if account.id.is_empty() => {
            CheckRow::unknown("account", "the vendor does not tell whose account it is")
        }
        Some(pinned) if *pinned != account.id => CheckRow::wrong(
            "account",
            format!("pinned to {pinned}, but the credentials reach {told}"),
            format!("correct the credentials, or {connect}"),
        ),
        _ if connection.demo_only && !account.demo => CheckRow::wrong(
            "account",
            format!("{told}: `demo-only` is set, and this is no demonstration account"),
            "connect a demonstration account, or remove `demo-only` when the trial is over",
        ),
        None if system.plugin.manifest().pin.is_some() && connection.app.is_some() => {
            CheckRow::wrong("account", format!("{told}: not pinned"), connect)
        }
        _ => CheckRow::ok("account", told),
    }
}

/// What the plan allows, and what of it is left today.
fn limits(system: &Connected, account: &Account) -> CheckRow {
    let mut parts: Vec<String> = account.plan.iter().map(|it| format!("plan {it}")).collect();
    let limited = system.plugin.manifest().budget.get("account");
    let own = system.connection.budget.get("account");
    let mut say = |window: &str, of: fn(&Budget) -> Option<u32>| {
        let limit = own.and_then(of).or_else(|| limited.and_then(of));
        // Zero lifts a limit.
        let limit = limit.filter(|it| *it > 0);
        parts.extend(limit.map(|it| format!("{it} calls a {window}")));
    };
    say("second", |it| it.second);
    say("minute", |it| it.minute);
    let view = system.channel.budget();
    parts.extend(view.day_limit.map(|it| {
        let left = it.saturating_sub(view.day_used);
        format!("{it} calls a day, {left} of them left today")
    }));
    let what = "plan and call limits";
    if let Some(until) = view.parked_until {
        return CheckRow::wrong(
            what,
            format!("{}; spent until {until}", parts.join(", ")),
            "nothing: the engine goes on by itself then",
        );
    }
    match parts.is_empty() {
        true => CheckRow::unknown(what, "neither the vendor nor the configuration tells any"),
        false => CheckRow::ok(what, parts.join(", ")),
    }
}

/// Base currencies of both ends of every route must agree.
fn currency(engine: &Engine, system: &Connected, account: &Account) -> CheckRow {
    let what = "base currency";
    let connection = &system.connection;
    let told = account.base_currency.as_ref();
    let Some(here) = told.or(connection.base_currency.as_ref()) else {
        return CheckRow::unknown(what, "the vendor does not tell it").by(format!(
            "write base-currency = \"…\" into [connections.{}]",
            connection.name
        ));
    };
    if let (Some(told), Some(wanted)) = (told, &connection.base_currency)
        && told != wanted
    {
        return CheckRow::wrong(
            what,
            format!("the account keeps its books in {told}, the configuration says {wanted}"),
            format!("correct base-currency of [connections.{}]", connection.name),
        );
    }
    let mut agrees = Vec::new();
    for plan in engine.plans_on() {
        let other = match &connection.name {
            it if *it == plan.target.connection => plan.read_from(),
            it if *it == plan.read_from() => &plan.target.connection,
            _ => continue,
        };
        let Some(there) = engine
            .connected
            .get(other)
            .and_then(|it| it.connection.base_currency.as_ref())
        else {
            continue;
        };
        if there != here {
            return CheckRow::wrong(
                what,
                format!("{here}, but connection {other} has {there}: nothing goes between them"),
                "connect accounts that keep their books in one currency",
            );
        }
        if other != connection.name && !agrees.contains(&other) {
            agrees.push(other);
        }
    }
    let source = match told {
        Some(_) => "",
        None => " by the configuration: the vendor does not tell it",
    };
    CheckRow::ok(
        what,
        match agrees.is_empty() {
            true => format!("{here}{source}"),
            false => {
                format!("{here}{source}, as {}", agrees.join(", "))
            }
        },
    )
}

/// What is written there at all: what needs no document of a stream needs no account of it either.
pub(super) fn written(engine: &Engine, connection: &str) -> Option<CheckRow> {
    let mut streams: Vec<&str> = engine
        .plans_on()
        .filter(|it| it.target.connection == connection)
        .map(|it| it.target.stream.as_str())
        .collect();
    streams.sort_unstable();
    streams.dedup();
    (!streams.is_empty()).then(|| {
        CheckRow::ok(
            "what is written",
            format!(
                "{}; accounts for other kinds of documents are not asked for",
                streams.join(", ")
            ),
        )
    })
}

/// From when on documents are taken over.
fn cut_over(engine: &Engine, system: &Connected) -> Option<CheckRow> {
    let name = &system.connection.name;
    let is_source = engine
        .plans_on()
        .any(|it| it.read_from() == *name && it.follows.is_none());
    let date = system.connection.start_date?;
    is_source.then(|| {
        CheckRow::ok(
            "cut-over",
            format!("documents from {date} on; earlier ones stay with whoever kept the books"),
        )
    })
}
