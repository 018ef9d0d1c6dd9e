//! The gate of the accounting API: who may call, how often, and which resource answers.
//!
//! A call passes, in this order: token, scope, organisation, limits, size, idempotency key. Limits
//! come before the key, so a replay can be refused too.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::answers::{Refusal, problem, too_large};
use super::idempotency::{Keys, Seen};
use super::limits::{Gate, Window, admit};
use super::organisation::Organisation;
use super::tokens::{App, AppKind, Tokens};
use super::{identity, resources, texts, xml};
use crate::exchange::{Reply, Request};
use crate::json::{Json, Object};
use crate::world::Cx;

/// Everything that Xero holds.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Xero {
    /// How long each answer takes, in milliseconds.
    #[serde(default)]
    pub latency_ms: u64,
    /// Registered clients.
    pub apps: Vec<App>,
    /// The user who gives consents on the consent page.
    pub user: Uuid,
    /// Tokens and connections.
    pub tokens: Tokens,
    /// Organisations.
    pub organisations: Vec<Organisation>,
    #[serde(default)]
    keys: Keys,
    #[serde(default)]
    app_minutes: std::collections::BTreeMap<String, Window>,
}

/// Path of the accounting API.
pub(crate) const BASE: &str = "/api.xro/2.0/";

/// The documented size of a body that one can rely on.
const BODY_LIMIT: usize = 3_500_000;

impl Xero {
    /// As if the life of every idempotency key were over.
    pub(crate) fn forget_keys(&mut self) {
        self.keys.forget();
    }

    /// An organisation by tenant id or name.
    pub fn find(&self, name: &str) -> Option<&Organisation> {
        self.organisations.iter().find(|it| answers_to(it, name))
    }

    /// An organisation to change, by tenant id or name.
    pub fn find_mut(&mut self, name: &str) -> Option<&mut Organisation> {
        self.organisations
            .iter_mut()
            .find(|it| answers_to(it, name))
    }
}

fn answers_to(organisation: &Organisation, name: &str) -> bool {
    organisation.profile.name == name || organisation.tenant_id.to_string() == name
}

/// Whether a path belongs to Xero.
pub(crate) fn serves(path: &str) -> bool {
    path.starts_with(BASE)
        || path == "/connections"
        || path.starts_with("/connections/")
        || path == "/connect/token"
        || path == "/connect/revocation"
        || path == "/identity/connect/authorize"
}

/// Answers a call to any of Xero's hosts.
pub(crate) fn handle(xero: &mut Xero, request: &Request, cx: &mut Cx<'_>) -> Reply {
    match request.path.as_str() {
        "/connect/token" => identity::token(xero, request, cx),
        "/connect/revocation" => identity::revocation(xero, request),
        "/identity/connect/authorize" => identity::authorize(xero, request, cx),
        path if path.starts_with("/connections") => identity::connections(xero, request, cx),
        _ => api(xero, request, cx).header("Xero-Correlation-Id", cx.chance.guid().to_string()),
    }
}

fn api(xero: &mut Xero, request: &Request, cx: &mut Cx<'_>) -> Reply {
    let consent = match identity::authenticate(xero, request, cx) {
        Ok(consent) => consent,
        Err(reply) => return reply,
    };
    let rest = request.path.get(BASE.len()..).unwrap_or_default();
    let segments: Vec<String> = rest.split('/').map(decode).collect();
    let resource = segments.first().map(String::as_str).unwrap_or_default();
    if !in_scope(&consent.scope, resource, request.writes()) {
        return problem(cx, 401, "Unauthorized", "AuthorizationUnsuccessful")
            .header("WWW-Authenticate", "insufficent_scope");
    }
    let app = xero
        .apps
        .iter()
        .find(|it| it.client_id == consent.client_id)
        .cloned();
    let app = app.unwrap_or_default();
    let asked = request
        .header_value("xero-tenant-id")
        .and_then(|it| Uuid::parse_str(it).ok());
    let tenant = match (asked, app.kind) {
        (Some(asked), _) => xero.tokens.reach(&consent).find(|it| it.tenant == asked),
        (None, AppKind::Custom) if request.header_value("xero-tenant-id").is_none() => {
            xero.tokens.reach(&consent).next()
        }
        (None, _) => None,
    };
    let tenant = tenant.map(|it| it.tenant);
    let organisation = xero
        .organisations
        .iter_mut()
        .find(|it| Some(it.tenant_id) == tenant);
    let Some(organisation) = organisation else {
        return problem(cx, 403, "Forbidden", "AuthenticationUnsuccessful");
    };
    let app_minute = xero.app_minutes.entry(app.client_id.clone()).or_default();
    let (headers, slot) = match admit(organisation, app_minute, cx.now) {
        Gate::Open { headers, slot } => (headers, slot),
        Gate::Shut(reply) => return reply,
    };
    let mut reply = if request.body.len() > BODY_LIMIT {
        too_large(cx)
    } else {
        once(organisation, &mut xero.keys, &app, request, &segments, cx)
    };
    reply.headers.extend(headers);
    reply.slot = slot;
    reply
}

fn once(
    organisation: &mut Organisation,
    keys: &mut Keys,
    app: &App,
    request: &Request,
    segments: &[String],
    cx: &mut Cx<'_>,
) -> Reply {
    let key = request
        .header_value("idempotency-key")
        .filter(|_| request.writes());
    let Some(key) = key else {
        if matches!(request.method.as_str(), "PUT" | "POST") {
            cx.remark("a create or update without Idempotency-Key");
        }
        return serve(organisation, app, request, segments, cx);
    };
    if key.chars().count() > 128 {
        return Refusal::Plain(texts::KEY_TOO_LONG.to_owned()).reply(cx);
    }
    match keys.look_up(&app.client_id, key, request, cx.now) {
        Seen::Answered(reply) => {
            cx.remark("replayed from the idempotency key");
            reply
        }
        Seen::Conflict => {
            let message = texts::key_reused(key);
            if organisation.switches.idempotency_conflict_as_json {
                let body = Object::new().with("Message", message);
                Reply::json(400, Json::Obj(body).to_string())
            } else {
                Reply::text(400, &message)
            }
        }
        Seen::Never => {
            let reply = serve(organisation, app, request, segments, cx);
            keys.remember(&app.client_id, key, request, &reply, cx.now);
            reply
        }
    }
}

fn serve(
    organisation: &mut Organisation,
    app: &App,
    request: &Request,
    segments: &[String],
    cx: &mut Cx<'_>,
) -> Reply {
    let media = request.header_value("content-type").unwrap_or_default();
    let json_body = media
        .split(';')
        .next()
        .is_some_and(|it| it.trim() == "application/json");
    if request.writes() && !request.body.is_empty() && !json_body {
        return Refusal::MediaType.reply(cx);
    }
    match resources::answer(organisation, app, request, segments, cx) {
        Ok(resources::Answer::Nothing(status)) => Reply::status(status),
        Ok(resources::Answer::Json(json)) => {
            let accept = request.header_value("accept").unwrap_or_default();
            if accept.contains("application/json") {
                Reply::json(200, json.text())
            } else {
                cx.remark("no Accept: application/json, so the answer is XML");
                Reply::with(200, "text/xml; charset=utf-8", xml::from_json(&json))
            }
        }
        Err(refusal) => refusal.reply(cx),
    }
}

fn in_scope(scope: &str, resource: &str, writes: bool) -> bool {
    let (granular, broad): (&[&str], &[&str]) = match resource {
        "Contacts" => (&["accounting.contacts"], &[]),
        "Organisation" | "Accounts" | "TaxRates" | "TrackingCategories" | "Currencies"
        | "Users" | "BrandingThemes" => (&["accounting.settings"], &[]),
        "Items" => (
            &["accounting.invoices", "accounting.settings"],
            &["accounting.transactions"],
        ),
        "Payments" => (&["accounting.payments"], &["accounting.transactions"]),
        "ManualJournals" => (&["accounting.manualjournals"], &["accounting.transactions"]),
        "Reports" => (
            &["accounting.reports.trialbalance"],
            &["accounting.reports"],
        ),
        _ => (&["accounting.invoices"], &["accounting.transactions"]),
    };
    scope.split_whitespace().any(|held| {
        granular.iter().chain(broad).any(|name| {
            held == *name
                || (!writes && held.strip_suffix(".read").is_some_and(|stem| stem == *name))
        })
    })
}

/// A path segment without its percent encoding.
pub(crate) fn decode(segment: &str) -> String {
    // A form decoder would turn a plus sign into a blank, which a path does not.
    let guarded = segment.replace('+', "%2B");
    url::form_urlencoded::parse(format!("x={}", guarded.replace('&', "%26")).as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}
