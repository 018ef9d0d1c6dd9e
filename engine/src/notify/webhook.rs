//! A message by a call of an address: POST with JSON, signed where a key is configured.
//!
//! `Ledgerline-Signature: t=SECONDS,v1=HEX` holds the time of the call and the HMAC-SHA256 of
//! `SECONDS.BODY`, so that whoever is called can tell that it is from here, and is no old call made
//! once more.

use data_encoding::HEXLOWER;
use ring::hmac;

use super::message::Message;
use crate::{
    config::WebhookWay,
    http::{Network, RawRequest, secrets::Secret},
};

const SIGNATURE: &str = "ledgerline-signature";
/// What an answer may hold; it is not read.
const MAX_ANSWER: usize = 64 * 1024;

/// Delivers a message; the error says why it did not arrive.
pub(super) async fn send(
    network: &Network,
    way: &WebhookWay,
    message: &Message,
    now_ms: i64,
) -> Result<(), String> {
    let text = serde_json::to_string(message).map_err(|why| why.to_string())?;
    let body = network
        .secrets()
        .scrubber()
        .scrub(&text)
        .into_owned()
        .into_bytes();
    let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    if let Some(from) = &way.secret {
        let secrets = network.secrets();
        let secret = secrets.resolve(from).map_err(|why| why.to_string())?;
        let signed = signature(&secret, now_ms / 1000, &body);
        headers.push((SIGNATURE.to_owned(), signed));
    }
    let request = RawRequest {
        method: "POST".to_owned(),
        url: way.url.clone(),
        headers,
        body: body.into(),
        max_answer: MAX_ANSWER,
    };
    match network.outside(request).await {
        Ok(answer) if (200..300).contains(&answer.status) => Ok(()),
        Ok(answer) => Err(format!("it answered {}", answer.status)),
        Err(why) => Err(why.to_string()),
    }
}

fn signature(secret: &Secret, seconds: i64, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.reveal().as_bytes());
    let mut context = hmac::Context::with_key(&key);
    context.update(format!("{seconds}.").as_bytes());
    context.update(body);
    let signature = HEXLOWER.encode(context.sign().as_ref());
    format!("t={seconds},v1={signature}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac key`
    #[test]
    fn a_call_is_signed_with_its_time() {
        assert_eq!(
            signature(&Secret::new("key"), 1_700_000_000, br#"{"a":1}"#),
            "t=1700000000,v1=a438e398bfafc57e4396bb7fc2304422f0f768e965d073ca313cb52e22e6ad03"
        );
    }
}
