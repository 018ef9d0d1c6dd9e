//! The admin calls under `/_sandbox/`.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::edit::Edit;
use crate::exchange::{Reply, Request};
use crate::faults::FaultRule;
use crate::json::{Json, Object};
use crate::world::{Vendor, World};

/// Answers an admin call.
pub(crate) fn handle(world: &World, request: &Request) -> Reply {
    let path = request.path.strip_prefix("/_sandbox").unwrap_or_default();
    let answer = match (request.method.as_str(), path.trim_start_matches('/')) {
        ("GET", "") => Ok(Json::Obj(
            Object::new().with("now", world.now().to_string()),
        )),
        ("GET", "state") => return Reply::json(200, world.state_text()),
        ("GET", "save") => world
            .save()
            .map_err(|it| it.to_string())
            .and_then(|it| parse(&it)),
        ("GET", "exports") => return exports(world, request),
        ("GET", "calls") => as_json(&world.calls()),
        ("DELETE", "calls") => {
            world.clear_calls();
            Ok(Json::Obj(Object::new()))
        }
        ("DELETE", "keys") => {
            world.forget_keys();
            Ok(Json::Obj(Object::new()))
        }
        ("GET", "counts") => as_json(&world.counts()),
        ("GET", "traffic") => as_json(&world.traffic()),
        ("GET", "duplicates") => as_json(&world.duplicates()),
        ("GET", "ledger") => ledger(world, request),
        ("GET", "faults") => as_json(&world.faults()),
        ("GET", "clock") => Ok(Json::Obj(
            Object::new().with("now", world.now().to_string()),
        )),
        ("POST", "clock") => body::<ClockBody>(request).map(|body| {
            world.advance_seconds(body.advance_seconds);
            Json::Obj(Object::new().with("now", world.now().to_string()))
        }),
        ("POST", "faults") => body::<Vec<FaultRule>>(request).and_then(|rules| {
            world.set_faults(rules);
            as_json(&world.faults())
        }),
        ("POST", "limits") => body::<LimitsBody>(request).and_then(|body| limit(world, &body)),
        ("POST", "edit") => body::<Edit>(request)
            .and_then(|edit| world.edit(&edit).map_err(|it| causes(&it)))
            .and_then(|it| parse(&it.to_string())),
        _ => return Reply::text(404, "no such admin call\n"),
    };
    if request.writes() {
        world.touch();
    }
    match answer {
        Ok(json) => Reply::json(200, json.to_string()),
        Err(why) => Reply::text(400, &format!("{why}\n")),
    }
}

/// Entries and balances of one organisation, up to a date where one is asked for.
fn ledger(world: &World, request: &Request) -> Result<Json, String> {
    let name = request.query_value("account").unwrap_or_default();
    let books = world.xero(&name);
    if books.tenant_id().is_none() {
        return Err(format!("the account `{name}` is not held here"));
    }
    let until: Option<jiff::civil::Date> = match request.query_value("date") {
        None => None,
        Some(text) => Some(text.parse().map_err(|_| format!("`{text}` is no date"))?),
    };
    let mut entries = books.ledger();
    entries.retain(|it| until.is_none_or(|until| it.date <= until));
    let balances = crate::xero::ledger::balances(entries.iter());
    let object = Object::new()
        .with("balances", as_json(&balances)?)
        .with("entries", as_json(&entries)?);
    Ok(Json::Obj(object))
}

/// An export of a vendor's own pages: `vendor`, `account`, `kind`.
fn exports(world: &World, request: &Request) -> Reply {
    let asked = |name: &str| request.query_value(name).unwrap_or_default();
    let (vendor, account, kind) = (asked("vendor"), asked("account"), asked("kind"));
    let text = match vendor.as_str() {
        "omni" => world.omni(&account).export(&kind),
        _ => None,
    };
    match text {
        Some(text) => Reply::with(200, "text/csv; charset=utf-8", text),
        None => Reply::text(
            400,
            &format!("`{account}` of `{vendor}` exports no `{kind}`\n"),
        ),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ClockBody {
    advance_seconds: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct LimitsBody {
    /// Left out with `account`: every vendor.
    vendor: Option<Vendor>,
    account: Option<String>,
    /// `on`, `off`, or an object with the limits.
    limits: serde_json::Value,
}

fn limit(world: &World, body: &LimitsBody) -> Result<Json, String> {
    let done = Json::Obj(Object::new());
    let switch = match body.limits.as_str() {
        Some("on") => Some(true),
        Some("off") => Some(false),
        Some(other) => {
            return Err(format!(
                "limits are `on`, `off` or an object, not `{other}`"
            ));
        }
        None => None,
    };
    match (body.vendor, &body.account, switch) {
        (None, None, Some(on)) => {
            world.limits(on);
            Ok(done)
        }
        (Some(Vendor::Xero), Some(account), switch) => {
            let limits = match switch {
                Some(on) => crate::xero::settings::Limits {
                    on,
                    ..Default::default()
                },
                None => serde_json::from_value(body.limits.clone()).map_err(|it| it.to_string())?,
            };
            world
                .limit_xero(account, limits)
                .map(|()| done)
                .map_err(|it| it.to_string())
        }
        (Some(vendor @ (Vendor::Omni | Vendor::Zudello)), Some(account), switch) => {
            let limits = match switch {
                Some(on) => crate::omni::behaviour::Limits {
                    on,
                    ..Default::default()
                },
                None => serde_json::from_value(body.limits.clone()).map_err(|it| it.to_string())?,
            };
            let limited = match vendor {
                Vendor::Omni => world.limit_omni(account, limits),
                _ => world.limit_zudello(account, limits),
            };
            limited.map(|()| done).map_err(|it| it.to_string())
        }
        (Some(Vendor::Core), Some(account), switch) => {
            let limits = match switch {
                Some(on) => crate::core::behaviour::Limits {
                    on,
                    ..Default::default()
                },
                None => serde_json::from_value(body.limits.clone()).map_err(|it| it.to_string())?,
            };
            world
                .limit_core(account, limits)
                .map(|()| done)
                .map_err(|it| it.to_string())
        }
        _ => Err("name both vendor and account, or neither with `on` or `off`".to_owned()),
    }
}

fn body<T: DeserializeOwned>(request: &Request) -> Result<T, String> {
    serde_json::from_slice(&request.body).map_err(|it| it.to_string())
}

fn as_json(value: &impl serde::Serialize) -> Result<Json, String> {
    serde_json::to_string(value)
        .map_err(|it| it.to_string())
        .and_then(|it| parse(&it))
}

fn parse(text: &str) -> Result<Json, String> {
    Json::parse(text).map_err(|it| it.to_string())
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
