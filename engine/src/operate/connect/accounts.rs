//! Which accounts there are, and the pin to one of them.

use std::path::PathBuf;

use ledgerline_plugin_api::manifest::{Account, CheckReport};
use serde::{Deserialize, Serialize};

use super::{
    ground::{ConnectError, Ground, Result},
    pin::{self, PinError},
    request::{Offered, Pinned},
};
use crate::{
    http::Standing,
    pipeline::{Engine, steps},
    plugins::Operation,
    store::{StoreError, offload},
};

/// Accounts that are asked about one by one. Beyond that only what the list says is shown.
const ASKED: usize = 20;

/// What is remembered of the account of a connection, beside the pin.
#[derive(Debug, Serialize, Deserialize)]
struct Known {
    id: String,
    name: String,
}

fn known_note(connection: &str) -> String {
    format!("connected/{connection}")
}

fn pin_note(connection: &str) -> String {
    format!("pin/{connection}")
}

/// Every account that the credentials reach, with what is to be known before one is chosen.
pub(super) async fn offered(cx: &Ground<'_>) -> Result<Vec<Offered>> {
    let listed = cx.discover().await?;
    let pinned = held(cx).await?;
    let known = known(cx).await?;
    let names: Vec<String> = listed.iter().map(|it| it.name.clone()).collect();
    let mut offered = Vec::with_capacity(listed.len());
    for (place, account) in listed.into_iter().enumerate() {
        let mut warnings = Vec::new();
        if names.iter().filter(|it| **it == account.name).count() > 1 {
            warnings.push("others have the same name: compare the ids".to_owned());
        }
        let account = if place < ASKED {
            match look(cx, account.clone()).await {
                Ok((account, mut found)) => {
                    warnings.append(&mut found);
                    warnings.extend(blockers(cx, &account));
                    warnings.extend(remarks(cx, &account, known.as_ref()));
                    account
                }
                Err(why) => {
                    warnings.push(format!("it cannot be read: {why}"));
                    account
                }
            }
        } else {
            account
        };
        offered.push(Offered {
            pinned: pinned.as_deref() == Some(account.id.as_str()),
            account,
            warnings,
        });
    }
    Ok(offered)
}

/// Proves an account and pins the connection to it.
pub(super) async fn pin(cx: &Ground<'_>, wanted: &str) -> Result<Pinned> {
    let name = cx.name;
    if let Some(other) = held(cx).await?
        && !other.eq_ignore_ascii_case(wanted)
    {
        return Err(ConnectError::Refused(format!(
            "connection `{name}` is pinned to account {other}, and what it has sent is linked there; \
             for another account add another connection, or give this one back with `ledgerline \
             connect {name} --undo`"
        )));
    }
    let listed = cx.discover().await?;
    let found = listed
        .iter()
        .find(|it| it.id.eq_ignore_ascii_case(wanted))
        .cloned();
    let Some(account) = found else {
        let there: Vec<String> = listed
            .iter()
            .map(|it| format!("{} ({})", it.name, it.id))
            .collect();
        let there = match there.is_empty() {
            true => "none".to_owned(),
            false => there.join(", "),
        };
        return Err(ConnectError::Refused(format!(
            "account {wanted} is not among those that the consent covers: {there}; `ledgerline \
             connect {name} --again` asks for a consent that covers it"
        )));
    };
    let (account, mut warnings) = look(cx, account).await?;
    if let Some(why) = blockers(cx, &account).into_iter().next() {
        return Err(ConnectError::Refused(format!(
            "{} ({}): {why}",
            account.name, account.id
        )));
    }
    warnings.extend(remarks(cx, &account, known(cx).await?.as_ref()));
    if let Standing::Connected {
        renewable: false, ..
    } = cx.consent()?.standing().await?
    {
        let app = cx.system.connection.app.as_deref().unwrap_or_default();
        warnings.push(format!(
            "the vendor gave nothing to renew the tokens with, so they end soon: have `scopes` of \
             [apps.{app}] ask for it (`offline_access` with most vendors), then run `ledgerline \
             connect {name} --again`"
        ));
    }
    steps::reached("account-chosen", name);
    let (place, new) = write(cx, &account).await?;
    steps::reached("account-pinned", name);
    let known = Known {
        id: account.id.clone(),
        name: account.name.clone(),
    };
    let text = serde_json::to_string(&known).unwrap_or_default();
    cx.set_note(known_note(name), Some(text)).await?;
    Ok(Pinned {
        account,
        place,
        new,
        warnings,
    })
}

/// Whether an account has another name than when its connection was pinned, in plain words.
pub(in crate::operate) async fn renamed(
    engine: &Engine,
    connection: &str,
    account: &Account,
) -> Result<Option<String>, StoreError> {
    let name = known_note(connection);
    let text = offload::run(&engine.store, move |store| store.note(&name)).await?;
    let known: Option<Known> = text.and_then(|it| serde_json::from_str(&it).ok());
    Ok(known.and_then(|it| other_name(&it, account)))
}

fn other_name(known: &Known, account: &Account) -> Option<String> {
    (known.id == account.id && known.name != account.name).then(|| {
        format!(
            "it was called {} when it was connected; the id is the same",
            known.name
        )
    })
}

/// Forgets the pin; says where it stood.
pub(super) async fn unpin(cx: &Ground<'_>) -> Result<Vec<String>> {
    let mut done = Vec::new();
    if cx.note(pin_note(cx.name)).await?.is_some() {
        cx.set_note(pin_note(cx.name), None).await?;
        done.push("the pin was taken out of the store".to_owned());
    }
    if cx.engine.deployment.demo.is_none() && cx.system.connection.account.is_some() {
        let path = file(cx);
        if pin::write(&path, cx.name, None)? {
            done.push(format!("`account` was taken out of {}", path.display()));
        }
    }
    cx.set_note(known_note(cx.name), None).await?;
    // What was proven of the account is to be proven again.
    cx.set_note(format!("proven/{}", cx.name), None).await?;
    Ok(done)
}

/// The account that the connection is pinned to.
pub(super) async fn held(cx: &Ground<'_>) -> Result<Option<String>> {
    if let Some(it) = &cx.system.account {
        return Ok(Some(it.clone()));
    }
    cx.note(pin_note(cx.name)).await
}

async fn known(cx: &Ground<'_>) -> Result<Option<Known>> {
    let text = cx.note(known_note(cx.name)).await?;
    Ok(text.and_then(|it| serde_json::from_str(&it).ok()))
}

/// The account's own word on itself, and what the connection lacks there.
async fn look(cx: &Ground<'_>, listed: Account) -> Result<(Account, Vec<String>)> {
    let channel = cx.channel(&listed.id)?.read_only();
    let report: CheckReport = cx.ask(Operation::Check, Some(&listed.id), channel).await?;
    let told = report.account;
    if !told.id.is_empty() && !told.id.eq_ignore_ascii_case(&listed.id) {
        return Err(ConnectError::Refused(format!(
            "asked about account {}, the connector told of {} ({})",
            listed.id, told.name, told.id
        )));
    }
    let name = match told.name.is_empty() {
        true => listed.name,
        false => told.name.clone(),
    };
    let account = Account {
        id: listed.id,
        name,
        consent: listed.consent,
        ..told
    };
    let missing = report.missing.into_iter();
    Ok((
        account,
        missing.map(|it| format!("missing: {it}")).collect(),
    ))
}

/// What forbids the account.
fn blockers(cx: &Ground<'_>, account: &Account) -> Option<String> {
    (cx.system.connection.demo_only && !account.demo).then(|| {
        format!(
            "connection `{}` may only write to a demonstration account (`demo-only`), and this is none",
            cx.name
        )
    })
}

/// What a person should know of the account before anything is sent there.
fn remarks(cx: &Ground<'_>, account: &Account, known: Option<&Known>) -> Vec<String> {
    let mut found = Vec::new();
    found.extend(known.and_then(|it| other_name(it, account)));
    let Some(currency) = &account.base_currency else {
        return found;
    };
    let connections = &cx.engine.deployment.connections;
    let mut others: Vec<&str> = vec![&cx.system.connection.name];
    for plan in cx.engine.plans_on() {
        if plan.target.connection == cx.name && !others.contains(&plan.read_from()) {
            others.push(plan.read_from());
        }
    }
    for other in others {
        if let Some(ours) = connections
            .get(other)
            .and_then(|it| it.base_currency.as_ref())
            && ours != currency
        {
            found.push(format!(
                "it keeps its books in {currency}, connection `{other}` in {ours}: nothing is sent \
                 while they differ"
            ));
        }
    }
    found
}

fn file(cx: &Ground<'_>) -> PathBuf {
    cx.engine
        .deployment
        .folder
        .join(&cx.system.connection.places.file.path)
}

/// Writes the pin; says where it stands now, and whether it was written just now.
async fn write(cx: &Ground<'_>, account: &Account) -> Result<(String, bool)> {
    let path = file(cx);
    let place = path.display().to_string();
    if cx.system.connection.account.is_some() {
        return Ok((place, false));
    }
    let why = if cx.engine.deployment.demo.is_some() {
        // The demonstration runs the files of a deployment; it does not change them.
        None
    } else {
        match pin::write(&path, cx.name, Some((&account.id, &account.name))) {
            Ok(new) => return Ok((place, new)),
            Err(why @ PinError::Unwritable { .. }) => Some(why.to_string()),
            Err(why) => return Err(why.into()),
        }
    };
    let new = cx.note(pin_note(cx.name)).await?.as_deref() != Some(account.id.as_str());
    cx.set_note(pin_note(cx.name), Some(account.id.clone()))
        .await?;
    let place = match why {
        None => "the store".to_owned(),
        Some(why) => format!("the store, because {why}"),
    };
    Ok((place, new))
}
