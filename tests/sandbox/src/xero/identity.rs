//! The identity service: consent page, token calls, revocation and connections.

use uuid::Uuid;

use super::routes::Xero;
use super::tokens::{App, AppKind, Bearer, Consent, Grant};
use crate::exchange::{Reply, Request};
use crate::json::{Json, Object};
use crate::world::Cx;

/// The pages on which a person logs in and agrees, and what they post back.
///
/// Nothing is remembered between them: each form carries on what the one before it said.
pub(crate) fn authorize(xero: &mut Xero, request: &Request, cx: &mut Cx<'_>) -> Reply {
    let ask = |name: &str| request.query_value(name).unwrap_or_default();
    let client_id = ask("client_id");
    let Some(app) = xero
        .apps
        .iter()
        .find(|it| it.client_id == client_id)
        .cloned()
    else {
        return oops("unauthorized_client", "no app has this client_id");
    };
    let redirect_uri = ask("redirect_uri");
    if !app.redirect_uris.contains(&redirect_uri) || redirect_uri.starts_with("http://127.0.0.1") {
        return oops("invalid_request", "redirect_uri is not one of the app's");
    }
    let back = |pairs: &[(&str, &str)]| {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs.iter().filter(|(_, value)| !value.is_empty()))
            .finish();
        let joint = if redirect_uri.contains('?') { '&' } else { '?' };
        Reply::status(302).header("Location", format!("{redirect_uri}{joint}{query}"))
    };
    let state = ask("state");
    let scope = ask("scope");
    if app.kind == AppKind::Custom || ask("response_type") != "code" {
        return back(&[("error", "unsupported_response_type"), ("state", &state)]);
    }
    if scope.split_whitespace().next().is_none() || !scope.split_whitespace().all(known_scope) {
        return back(&[("error", "invalid_scope"), ("state", &state)]);
    }
    let challenge = request.query_value("code_challenge");
    if app.kind == AppKind::Pkce && (challenge.is_none() || ask("code_challenge_method") != "S256")
    {
        return back(&[
            ("error", "invalid_request"),
            ("error_description", "code challenge required"),
            ("state", &state),
        ]);
    }
    let asked = Asked {
        app: &app,
        scope: &scope,
        target: request.target(),
    };
    let email = request.form_value("email").unwrap_or_default();
    if request.method != "POST" {
        return sign_in(&asked, "");
    }
    if request.form_value("decision").as_deref() == Some("cancel") {
        return back(&[("error", "access_denied"), ("state", &state)]);
    }
    // Anybody may sign in here, with any password; but somebody must.
    let signed_in = request.form_value("signed-in").as_deref() == Some("yes");
    let password = request.form_value("password").unwrap_or_default();
    if !signed_in && (!email.contains('@') || password.is_empty()) {
        return sign_in(&asked, "Your email or password is incorrect");
    }
    if request.form_value("decision").as_deref() != Some("allow") {
        return choice(xero, &asked, &email, "");
    }
    let tenants: Vec<Uuid> = request
        .form_values("tenant")
        .iter()
        .filter_map(|text| Uuid::parse_str(text).ok())
        .filter(|id| xero.organisations.iter().any(|it| it.tenant_id == *id))
        .collect();
    if tenants.is_empty() {
        return choice(xero, &asked, &email, "Select an organisation");
    }
    let user = xero.user;
    let grant = Grant {
        client_id,
        user,
        scope,
        tenants,
        redirect_uri: redirect_uri.clone(),
        challenge,
    };
    let code = xero.tokens.code(&grant, cx.now, cx.chance);
    back(&[("code", &code), ("scope", &grant.scope), ("state", &state)])
}

/// What both pages show of the question.
struct Asked<'a> {
    app: &'a App,
    scope: &'a str,
    /// The question itself; the forms are posted to where it came from.
    target: String,
}

fn sign_in(asked: &Asked<'_>, wrong: &str) -> Reply {
    let form = "<label>Email address<input type=\"email\" name=\"email\" autocomplete=\"off\" required></label>\n\
         <label>Password<input type=\"password\" name=\"password\" required></label>\n\
         <p><button id=\"sign-in\" name=\"step\" value=\"sign-in\">Log in</button></p>\n";
    page(asked, "Log in", wrong, form)
}

fn choice(xero: &Xero, asked: &Asked<'_>, email: &str, wrong: &str) -> Reply {
    let organisations: String = xero
        .organisations
        .iter()
        .map(|it| {
            format!(
                "<label><input type=\"checkbox\" name=\"tenant\" value=\"{}\"> {}</label>\n",
                it.tenant_id,
                escape(&it.profile.name)
            )
        })
        .collect();
    let scopes: String = asked
        .scope
        .split_whitespace()
        .map(|it| format!("<li>{}</li>", escape(it)))
        .collect();
    let form = format!(
        "<input type=\"hidden\" name=\"signed-in\" value=\"yes\">\n\
         <p>{} wants access to your data, as {}:</p>\n<ul>{scopes}</ul>\n\
         <fieldset><legend>Select an organisation</legend>\n{organisations}</fieldset>\n\
         <p><button id=\"allow\" name=\"decision\" value=\"allow\">Allow access</button>\n\
         <button id=\"cancel\" name=\"decision\" value=\"cancel\">Cancel</button></p>\n",
        escape(&asked.app.name),
        escape(email),
    );
    page(
        asked,
        &format!("{} wants access", asked.app.name),
        wrong,
        &form,
    )
}

fn page(asked: &Asked<'_>, title: &str, wrong: &str, form: &str) -> Reply {
    let wrong = match wrong {
        "" => String::new(),
        it => format!("<p role=\"alert\">{}</p>\n", escape(it)),
    };
    let html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <title>{title} (sandbox)</title>\n\
         <style>body{{font:1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:8vh auto}}\
         label{{display:block;margin:.5rem 0}}</style></head>\n\
         <body><h1>{title}</h1>\n<p>This is the sandbox, not Xero.</p>\n{wrong}\
         <form method=\"post\" action=\"{target}\">\n{form}</form></body></html>\n",
        title = escape(title),
        target = escape(&asked.target),
    );
    // A consent page in somebody else's frame could be clicked by mistake.
    Reply::html(200, html)
        .header("Cache-Control", "no-store")
        .header("X-Frame-Options", "DENY")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

fn oops(error: &str, why: &str) -> Reply {
    Reply::html(
        400,
        format!(
            "<!doctype html>\n<html lang=\"en\"><title>Error</title>\
             <h1>Sorry, something went wrong</h1><p>{}</p><p>Error: {error}</p></html>\n",
            escape(why)
        ),
    )
}

fn known_scope(scope: &str) -> bool {
    matches!(
        scope,
        "openid"
            | "profile"
            | "email"
            | "offline_access"
            | "app.connections"
            | "accounting.transactions"
            | "accounting.transactions.read"
            | "accounting.journals.read"
            | "accounting.reports.read"
            | "accounting.budgets.read"
            | "accounting.invoices"
            | "accounting.invoices.read"
            | "accounting.payments"
            | "accounting.payments.read"
            | "accounting.banktransactions"
            | "accounting.banktransactions.read"
            | "accounting.manualjournals"
            | "accounting.manualjournals.read"
            | "accounting.contacts"
            | "accounting.contacts.read"
            | "accounting.settings"
            | "accounting.settings.read"
            | "accounting.attachments"
            | "accounting.attachments.read"
    ) || (scope.starts_with("accounting.reports.") && scope.ends_with(".read"))
}

/// The token call.
pub(crate) fn token(xero: &mut Xero, request: &Request, cx: &mut Cx<'_>) -> Reply {
    let app = match client(xero, request) {
        Ok(app) => app,
        Err(reply) => return reply,
    };
    let field = |name: &str| request.form_value(name).unwrap_or_default();
    let grant = field("grant_type");
    let consent = match (grant.as_str(), app.kind) {
        ("authorization_code", AppKind::Web | AppKind::Pkce) => xero.tokens.exchange(
            &app.client_id,
            &field("code"),
            &field("redirect_uri"),
            request.form_value("code_verifier").as_deref(),
            cx.now,
        ),
        ("refresh_token", AppKind::Web | AppKind::Pkce) => {
            xero.tokens
                .refresh(&app.client_id, &field("refresh_token"), cx.now)
        }
        ("client_credentials", AppKind::Custom) => custom(xero, &app, &field("scope"), cx),
        ("authorization_code" | "refresh_token" | "client_credentials", _) => {
            Err("unauthorized_client")
        }
        _ => Err("unsupported_grant_type"),
    };
    match consent {
        Ok(consent) => {
            let answer = xero.tokens.issue(consent, cx.now, cx.chance);
            Reply::json(200, answer.to_string()).header("Cache-Control", "no-store")
        }
        Err(error) => oauth_error(400, error),
    }
}

fn custom(xero: &mut Xero, app: &App, scope: &str, cx: &mut Cx<'_>) -> Result<Uuid, &'static str> {
    let allowed: Vec<&str> = app.scope.split_whitespace().collect();
    let fits = |it: &str| known_scope(it) && (allowed.is_empty() || allowed.contains(&it));
    if !scope.split_whitespace().all(fits) {
        return Err("invalid_scope");
    }
    let scope = if scope.trim().is_empty() {
        app.scope.as_str()
    } else {
        scope
    };
    let tenant = xero
        .find(&app.organisation)
        .map(|it| it.tenant_id)
        .ok_or("unauthorized_client")?;
    Ok(xero
        .tokens
        .consent(&app.client_id, None, scope, &[tenant], cx.now, cx.chance))
}

/// Takes back a refresh token.
pub(crate) fn revocation(xero: &mut Xero, request: &Request) -> Reply {
    match client(xero, request) {
        Ok(app) => {
            let token = request.form_value("token").unwrap_or_default();
            xero.tokens.revoke(&app.client_id, &token);
            Reply::status(200)
        }
        Err(reply) => reply,
    }
}

/// The app that makes a token call: by Basic authentication, or by its id alone with PKCE.
fn client(xero: &Xero, request: &Request) -> Result<App, Reply> {
    let form = request
        .header_value("content-type")
        .is_some_and(|it| it.starts_with("application/x-www-form-urlencoded"));
    if request.method != "POST" || !form {
        return Err(oauth_error(400, "invalid_request"));
    }
    let basic = request.basic();
    let id = match &basic {
        Some((id, _)) => id.clone(),
        None => request.form_value("client_id").unwrap_or_default(),
    };
    let app = xero.apps.iter().find(|it| it.client_id == id).cloned();
    match (app, basic) {
        (Some(app), Some((_, secret)))
            if app.kind != AppKind::Pkce && secret == app.client_secret =>
        {
            Ok(app)
        }
        (Some(app), None) if app.kind == AppKind::Pkce => Ok(app),
        _ => Err(oauth_error(400, "invalid_client")),
    }
}

fn oauth_error(status: u16, error: &str) -> Reply {
    Reply::json(
        status,
        Json::Obj(Object::new().with("error", error)).to_string(),
    )
}

/// `GET /connections` and `DELETE /connections/{id}`.
pub(crate) fn connections(xero: &mut Xero, request: &Request, cx: &mut Cx<'_>) -> Reply {
    let consent = match authenticate(xero, request, cx) {
        Ok(consent) => consent,
        Err(reply) => return reply,
    };
    let id = request.path.strip_prefix("/connections/");
    match (request.method.as_str(), id) {
        ("GET", None) => {
            let event = request
                .query_value("authEventId")
                .and_then(|it| Uuid::parse_str(&it).ok());
            let items: Vec<Json> = xero
                .tokens
                .reach(&consent)
                .filter(|it| event.is_none_or(|event| it.consent == event))
                .map(|it| {
                    let organisation = xero.organisations.iter().find(|o| o.tenant_id == it.tenant);
                    let stamp =
                        |at: jiff::Timestamp| at.strftime("%Y-%m-%dT%H:%M:%S%.7f").to_string();
                    Object::new()
                        .with("id", it.id.to_string())
                        .with("authEventId", it.consent.to_string())
                        .with("tenantId", it.tenant.to_string())
                        .with("tenantType", "ORGANISATION")
                        .with("tenantName", organisation.map(|it| it.profile.name.clone()))
                        .with("createdDateUtc", stamp(it.created))
                        .with("updatedDateUtc", stamp(it.updated))
                        .into()
                })
                .collect();
            Reply::json(200, Json::Arr(items).to_string())
        }
        ("DELETE", Some(id)) => {
            let id = Uuid::parse_str(id).ok();
            let held = xero.tokens.reach(&consent).any(|it| Some(it.id) == id);
            if !held {
                return Reply::status(404);
            }
            xero.tokens.connections.retain(|it| Some(it.id) != id);
            Reply::status(204)
        }
        _ => Reply::status(404),
    }
}

/// The consent behind the bearer token, or the refusal.
pub(crate) fn authenticate(
    xero: &Xero,
    request: &Request,
    cx: &mut Cx<'_>,
) -> Result<Consent, Reply> {
    let token = request
        .header_value("authorization")
        .and_then(|it| it.strip_prefix("Bearer "));
    match xero.tokens.bearer(token.unwrap_or_default().trim(), cx.now) {
        Bearer::Good(consent) => Ok(consent),
        Bearer::Expired(at) => {
            let at = at.strftime("%m/%d/%Y %H:%M:%S");
            let detail = format!("TokenExpired: token expired at {at}");
            Err(super::answers::problem(cx, 401, "Unauthorized", &detail))
        }
        Bearer::Unknown => Err(super::answers::problem(
            cx,
            401,
            "Unauthorized",
            "AuthenticationUnsuccessful",
        )),
    }
}
