//! From nothing to tokens: a question, its answer, the exchange.

use url::Url;

use super::{
    ground::{ConnectError, Ground, Result},
    question::{Code, Question, Reading},
    request::Connecting,
};
use crate::{
    http::{Authorization, CallError, Consent, Standing},
    pipeline::steps,
};

/// Where the connection stands; asks where nobody has answered yet.
pub(super) async fn begin(cx: &Ground<'_>, again: bool) -> Result<Connecting> {
    let consent = cx.consent()?;
    if consent.needs_nobody() {
        return match consent.standing().await? {
            Standing::Connected { .. } => Ok(Connecting::Ready),
            Standing::Unconnected | Standing::Gone => Err(ConnectError::Refused(format!(
                "no tokens came for the app of connection `{}`; check client-id and client-secret",
                cx.name
            ))),
        };
    }
    if again {
        return ask(cx, &consent, None, None).await;
    }
    let mut open = cx.question().await?;
    if let Some(answered) = open.take_if(|it| it.code.is_some()) {
        // The process ended around the exchange. A code that was used is not used again: vendors
        // take the tokens of a repeated code away.
        let at = answered.code.as_ref().map_or(0, |it| it.at);
        let exchanged = matches!(
            consent.standing().await,
            Ok(Standing::Connected { obtained_at, .. }) if obtained_at >= at
        );
        if exchanged {
            cx.forget_question().await?;
        } else if let Connecting::Ready = exchange(cx, &consent, &answered).await? {
            return Ok(Connecting::Ready);
        }
    }
    let mut standing = consent.standing().await?;
    // By its date a token may be good that the vendor has taken back: only a call tells.
    if let Standing::Connected { lacks, .. } = &standing
        && lacks.is_empty()
    {
        match cx.discover().await {
            Ok(_) => return Ok(Connecting::Ready),
            Err(why) => match consent.standing().await? {
                Standing::Gone => standing = Standing::Gone,
                Standing::Connected { .. } | Standing::Unconnected => return Err(why),
            },
        }
    }
    let reason = match standing {
        Standing::Connected { lacks, .. } => Some(format!(
            "the consent that is there does not cover {}",
            lacks.join(", ")
        )),
        Standing::Gone => Some("the earlier consent was withdrawn or has run out".to_owned()),
        Standing::Unconnected => None,
    };
    ask(cx, &consent, open, reason).await
}

async fn ask(
    cx: &Ground<'_>,
    consent: &Consent,
    open: Option<Question>,
    reason: Option<String>,
) -> Result<Connecting> {
    let app = cx.system.connection.app.as_ref();
    let Some(app) = app.and_then(|it| cx.engine.deployment.apps.get(it)) else {
        return Err(ConnectError::Refused(format!(
            "connection `{}` names no app",
            cx.name
        )));
    };
    let redirect = &app.redirect;
    let open = open.filter(|it| it.still_stands(&app.client_id, redirect, cx.now()));
    let again = open.is_some();
    let url = match open {
        // The same address: a window that is open from before answers just as well.
        Some(it) => consent.ask_with(redirect, it.state, it.verifier).url,
        None => {
            let Authorization {
                url,
                state,
                verifier,
            } = consent.ask(redirect)?;
            cx.keep(&Question {
                client: app.client_id.clone(),
                redirect: redirect.clone(),
                state,
                verifier,
                asked_at: cx.now(),
                code: None,
            })
            .await?;
            steps::reached("consent-asked", cx.name);
            url
        }
    };
    Ok(Connecting::Ask {
        address: url.to_string(),
        redirect: redirect.to_string(),
        again,
        reason,
    })
}

/// Takes an answer, if it is one.
pub(super) async fn redirected(cx: &Ground<'_>, address: &str) -> Result<Connecting> {
    let consent = cx.consent()?;
    let stray = |why: &str| {
        Ok(Connecting::Stray {
            why: why.to_owned(),
        })
    };
    let Some(mut question) = cx.question().await? else {
        return stray("no question is open; begin with `ledgerline connect`");
    };
    match question.read(address) {
        Reading::NoAnswer => {
            stray("it holds no answer: the whole address is needed, with `code` and `state`")
        }
        Reading::OtherState => {
            stray("it answers another question than the one that is open; use the newest window")
        }
        Reading::Refused { error, description } => {
            cx.forget_question().await?;
            Ok(denied(cx, &error, description.as_deref()))
        }
        Reading::Code(code) => {
            question.code = Some(Code { code, at: cx.now() });
            cx.keep(&question).await?;
            steps::reached("code-received", cx.name);
            exchange(cx, &consent, &question).await
        }
    }
}

/// Exchanges the code of an answered question. Whatever comes of it, the code is used up then.
async fn exchange(cx: &Ground<'_>, consent: &Consent, question: &Question) -> Result<Connecting> {
    let Some(Code { code, .. }) = &question.code else {
        return Err(ConnectError::Refused("there is no code yet".to_owned()));
    };
    let redirect: &Url = &question.redirect;
    let exchanged = consent
        .exchange_code(code, &question.verifier, redirect)
        .await;
    match exchanged {
        Ok(()) => {
            steps::reached("code-exchanged", cx.name);
            cx.forget_question().await?;
            Ok(Connecting::Ready)
        }
        Err(error) => {
            cx.forget_question().await?;
            Ok(match error {
                CallError::Credentials { why, remedy } => Connecting::Denied { why, remedy },
                other => Connecting::Denied {
                    why: other.to_string(),
                    remedy: format!("run `ledgerline connect {}` again", cx.name),
                },
            })
        }
    }
}

/// The standard's codes in plain words.
fn denied(cx: &Ground<'_>, error: &str, description: Option<&str>) -> Connecting {
    let app = cx.system.connection.app.as_deref().unwrap_or_default();
    let again = format!("run `ledgerline connect {}` again", cx.name);
    let (why, remedy) = match error {
        "access_denied" => (
            "the consent was not given".to_owned(),
            format!("{again} when it is to be given"),
        ),
        "invalid_scope" => (
            "the vendor does not know one of the scopes, or does not give it to this app"
                .to_owned(),
            format!("check `scopes` of [apps.{app}], then {again}"),
        ),
        "unauthorized_client" | "unsupported_response_type" => (
            "the vendor lets this app ask nobody for consent".to_owned(),
            format!("check `grant` and `client-id` of [apps.{app}], then {again}"),
        ),
        "server_error" | "temporarily_unavailable" => {
            ("the vendor could not answer just now".to_owned(), again)
        }
        _ => ("the vendor refused".to_owned(), again),
    };
    let told = description.map_or_else(|| error.to_owned(), |it| format!("{error}: {it}"));
    Connecting::Denied {
        why: format!("{why} ({told})"),
        remedy,
    }
}
