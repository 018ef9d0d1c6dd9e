//! The right books: before the first document goes to a connection, its account is asked who it is.

use ledgerline_plugin_api::{abi::Status, manifest::CheckReport};

use crate::{
    clock::is_fresh,
    http::{CallClass, Channel},
    pipeline::{
        calls::ReadEffects,
        engine::{Connected, Engine},
        plan::RoutePlan,
        run::Run,
        steps,
    },
    plugins::{Asked, Cancel, Given, Operation, Session, SessionError},
    store::{StoreError, offload},
};

/// Asks a connection's account who it is.
pub(crate) async fn look(
    engine: &Engine,
    system: &Connected,
    class: CallClass,
    cancel: Cancel,
) -> Result<CheckReport, SessionError> {
    let session = system.session(Operation::Check, "", &[])?;
    value(engine, session, system.reader.clone(), class, cancel).await
}

/// Brings a session to its end that answers with one value.
pub(crate) async fn value<T: serde::de::DeserializeOwned>(
    engine: &Engine,
    mut session: Session,
    channel: Channel,
    class: CallClass,
    cancel: Cancel,
) -> Result<T, SessionError> {
    let effects = ReadEffects {
        channel,
        class,
        clock: engine.clock,
        cancel,
    };
    match session.next(Given::Nothing, &effects).await? {
        Asked::Value(value) => serde_json::from_value(value).map_err(|why| {
            SessionError::new(
                Status::BUG,
                format!("the connector's answer cannot be read: {why}"),
            )
        }),
        _ => Err(SessionError::new(Status::BUG, "the session gave no answer")),
    }
}

/// What of a check's answer speaks against sending, in plain words.
pub(crate) fn objections(system: &Connected, report: &CheckReport) -> Vec<String> {
    let connection = &system.connection;
    let mut found = Vec::new();
    if let Some(pinned) = &system.account
        && !report.account.id.is_empty()
        && pinned != &report.account.id
    {
        found.push(format!(
            "connection {} is pinned to account {pinned}, but its credentials reach {} ({}); nothing \
             was sent",
            connection.name, report.account.name, report.account.id
        ));
    }
    if connection.demo_only && !report.account.demo {
        found.push(format!(
            "connection {} may only write to a demonstration account, and {} is not one; nothing was \
             sent",
            connection.name, report.account.name
        ));
    }
    if let (Some(wanted), Some(there)) = (&connection.base_currency, &report.account.base_currency)
        && wanted != there
    {
        found.push(format!(
            "connection {} is configured with base currency {wanted}, but {} keeps its books in \
             {there}",
            connection.name, report.account.name
        ));
    }
    found
}

/// Proves the target's account, and that both ends keep their books in one currency.
pub(crate) async fn prove(
    run: &Run<'_>,
    plan: &RoutePlan,
) -> Result<Result<(), String>, StoreError> {
    let engine = run.engine;
    let Some(system) = engine.connected.get(&plan.target.connection) else {
        return Ok(Err(format!("no connection {}", plan.target.connection)));
    };
    let key = format!("proven/{}", plan.target.connection);
    let named = key.clone();
    let noted = offload::run(&run.store, move |store| store.note(&named)).await?;
    let now = engine.clock.now_ms();
    let age = i64::try_from(system.connection.reference_age.as_millis()).unwrap_or(i64::MAX);
    let stamp = |currency: &str| format!("{now} {} {currency}", system.fingerprint());
    if let Some((at, rest)) = noted.as_deref().and_then(|it| it.split_once(' '))
        && at.parse::<i64>().is_ok_and(|it| is_fresh(it, now, age))
        && let Some((print, currency)) = rest.split_once(' ')
        && print == system.fingerprint()
    {
        return Ok(one_currency(
            engine,
            plan,
            Some(currency).filter(|it| !it.is_empty()),
        ));
    }
    let report = match look(engine, system, run.class, run.cancel.clone()).await {
        Ok(it) => it,
        // A system that cannot be asked (it exposes no account) is taken as configured.
        Err(why) if why.status == Status::UNSUPPORTED => return Ok(Ok(())),
        Err(why) => return Ok(Err(why.message)),
    };
    if let Some(first) = objections(system, &report).into_iter().next() {
        return Ok(Err(first));
    }
    let currency = report.account.base_currency.clone().unwrap_or_default();
    run.keep_note(key, Some(stamp(&currency))).await?;
    steps::reached("account-proven", &plan.target.connection);
    Ok(one_currency(
        engine,
        plan,
        report.account.base_currency.as_deref(),
    ))
}

fn one_currency(engine: &Engine, plan: &RoutePlan, target: Option<&str>) -> Result<(), String> {
    let source = engine
        .connected
        .get(plan.read_from())
        .and_then(|it| it.connection.base_currency.as_deref());
    match (source, target) {
        (Some(ours), Some(theirs)) if ours != theirs => Err(format!(
            "{} keeps its books in {ours}, {} in {theirs}: base currencies must agree; nothing was \
             sent",
            plan.read_from(),
            plan.target.connection
        )),
        _ => Ok(()),
    }
}
