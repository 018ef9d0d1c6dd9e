//! Gives everything back: the account, the consent, the tokens, the pin. In this order, so that
//! what was not given back can still be reached by the next `--undo`.

use bytes::Bytes;
use ledgerline_plugin_api::manifest::AuthSlot;

use super::{
    accounts,
    ground::{ConnectError, Ground, Result},
};
use crate::{
    http::{Answer, Call, CallClass, Outcome, Repeat, Standing},
    pipeline::steps,
    plugins::Cancel,
};

/// Undoes a connection; says what was done.
pub(super) async fn undo(cx: &Ground<'_>) -> Result<Vec<String>> {
    let mut done = Vec::new();
    let consent = cx.consent()?;
    let mut standing = consent.standing().await?;
    if let Standing::Connected { .. } = standing
        && let Some(account) = accounts::held(cx).await?
    {
        match give_back(cx, &account).await {
            Ok(told) => {
                done.push(told);
                steps::reached("account-given-back", cx.name);
            }
            // By its date a token may be good that the vendor has taken back: only a call tells.
            Err(why) => match consent.standing().await? {
                Standing::Gone => standing = Standing::Gone,
                Standing::Connected { .. } | Standing::Unconnected => return Err(why),
            },
        }
    }
    match standing {
        Standing::Unconnected => {
            done.push("there were no tokens: nothing was held at the vendor".to_owned());
        }
        Standing::Gone => {
            // Nothing can be asked any more, and nothing is held; the tokens are only in the way.
            consent.revoke().await?;
            done.push("the consent had ended at the vendor; its tokens were forgotten".to_owned());
        }
        Standing::Connected { .. } => match sharer(cx) {
            Some(other) => done.push(format!(
                "the tokens stay: connection `{other}` uses the same app"
            )),
            None => {
                consent.revoke().await?;
                done.push("the consent was revoked and its tokens were forgotten".to_owned());
            }
        },
    }
    steps::reached("consent-given-back", cx.name);
    cx.forget_question().await?;
    done.extend(accounts::unpin(cx).await?);
    steps::reached("account-unpinned", cx.name);
    Ok(done)
}

/// Another connection that lives by the same tokens: revoking them would end it, too.
fn sharer<'a>(cx: &'a Ground<'_>) -> Option<&'a String> {
    let others = cx.engine.connected.iter();
    let mut others = others.filter(|(name, it)| {
        *name != cx.name
            && it.connection.app == cx.system.connection.app
            && it.connection.app.is_some()
            && it.account.is_some()
    });
    others.next().map(|(name, _)| name)
}

/// Has the vendor take away the consent's hold on one account.
async fn give_back(cx: &Ground<'_>, account: &str) -> Result<String> {
    let manifest = cx.system.plugin.manifest();
    let way = manifest.auth.iter().find_map(|(slot, it)| match it {
        AuthSlot::Oauth2 {
            disconnect_url: Some(path),
            ..
        } => Some((slot, path)),
        _ => None,
    });
    let Some((slot, path)) = way else {
        return Ok(format!(
            "{} has no way to give one account back; revoking the consent does it",
            manifest.title
        ));
    };
    let listed = cx.discover().await?;
    let held = listed.iter().find(|it| it.id.eq_ignore_ascii_case(account));
    let Some(hold) = held.and_then(|it| it.consent.as_deref()) else {
        return Ok(format!(
            "the vendor holds no connection to {account} any more"
        ));
    };
    let coded: String = url::form_urlencoded::byte_serialize(hold.as_bytes()).collect();
    let path = path.replace("{consent}", &coded);
    let call = Call {
        method: "DELETE".to_owned(),
        url: format!("{}/{}", cx.system.base_url, path.trim_start_matches('/')),
        headers: Vec::new(),
        body: Bytes::new(),
        auth: slot.clone(),
        bucket: String::new(),
        timeout: std::time::Duration::ZERO,
        max_answer: 0,
        // Taking away twice is taking away once.
        repeat: Repeat::Safe,
    };
    let channel = cx.channel(account)?;
    let outcome = channel
        .send(call, CallClass::Interactive, &Cancel::default())
        .await;
    let again = format!("run `ledgerline connect {} --undo` again", cx.name);
    match outcome {
        Outcome::Answer(Answer {
            status: 200..=299 | 404 | 410,
            ..
        }) => Ok(format!(
            "the connection to {account} was removed at the vendor"
        )),
        Outcome::Answer(answer) => Err(ConnectError::Refused(format!(
            "the vendor did not remove the connection to {account} (status {}); {again}",
            answer.status
        ))),
        Outcome::NotSent(why) | Outcome::Lost(why) => Err(ConnectError::Refused(format!(
            "the connection to {account} was not removed at the vendor: {why}; {again}"
        ))),
    }
}
