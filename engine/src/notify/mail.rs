//! A message as an e-mail. The text travels as base64, so that no line of it can end the mail or
//! begin a header.

use std::{error::Error as _, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor,
    address::Envelope,
    transport::smtp::{
        Error,
        authentication::Credentials,
        client::{Tls, TlsParameters},
    },
};

use super::message::Message;
use crate::{
    config::{MailTls, MailWay},
    http::Network,
};

/// Longest time for each step of the conversation.
const STEP: Duration = Duration::from_secs(10);
/// Characters of a line of base64.
const LINE: usize = 76;

/// Delivers a message; the error says why it did not arrive.
pub(super) async fn send(
    network: &Network,
    way: &MailWay,
    message: &Message,
    id: &str,
) -> Result<(), String> {
    let tls = || TlsParameters::new_rustls(way.host.clone()).map_err(|why| told(&why));
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&way.host)
        .port(way.port)
        .timeout(Some(STEP))
        .tls(match way.tls {
            // Nothing is said to a server that does not offer it.
            MailTls::StartTls => Tls::Required(tls()?),
            MailTls::Tls => Tls::Wrapper(tls()?),
            MailTls::None => Tls::None,
        });
    if let Some((user, password)) = &way.credentials {
        let open = |from| network.secrets().resolve(from);
        let (user, password) = (open(user), open(password));
        let user = user.map_err(|why| why.to_string())?;
        let password = password.map_err(|why| why.to_string())?;
        builder = builder.credentials(Credentials::new(
            user.reveal().to_owned(),
            password.reveal().to_owned(),
        ));
    }
    let envelope =
        Envelope::new(Some(way.from.clone()), way.to.clone()).map_err(|why| why.to_string())?;
    let text = written(message, &way.from, &way.to, id);
    let transport: AsyncSmtpTransport<Tokio1Executor> = builder.build();
    match transport.send_raw(&envelope, text.as_bytes()).await {
        Ok(_) => Ok(()),
        Err(why) => Err(told(&why)),
    }
}

/// The mail with its headers.
fn written(message: &Message, from: &Address, to: &[Address], id: &str) -> String {
    let date = message.at.parse::<jiff::Timestamp>().ok().and_then(|it| {
        jiff::fmt::rfc2822::DateTimePrinter::new()
            .timestamp_to_string(&it)
            .ok()
    });
    let to: Vec<&str> = to.iter().map(AsRef::as_ref).collect();
    let mut lines = vec![
        format!("From: {from}"),
        format!("To: {}", to.join(",\r\n ")),
        format!("Subject: {}", header(&message.subject)),
        format!("Message-ID: <{id}@{}>", from.domain()),
        "MIME-Version: 1.0".to_owned(),
        "Content-Type: text/plain; charset=utf-8".to_owned(),
        "Content-Transfer-Encoding: base64".to_owned(),
        // Absence notes are not sent back for it.
        "Auto-Submitted: auto-generated".to_owned(),
    ];
    lines.extend(date.map(|it| format!("Date: {it}")));
    lines.push(String::new());
    let body = STANDARD.encode(message.text.replace('\n', "\r\n"));
    let rows = body.as_bytes().chunks(LINE);
    lines.extend(rows.map(|it| String::from_utf8_lossy(it).into_owned()));
    lines.push(String::new());
    lines.join("\r\n")
}

/// A header's words: as they are when that is safe, else in encoded words of at most 75 characters.
fn header(text: &str) -> String {
    let plain = |it: char| it.is_ascii_graphic() || it == ' ';
    if text.len() <= 900 && text.chars().all(plain) && !text.contains("=?") {
        return text.to_owned();
    }
    let mut words = Vec::new();
    let mut word = String::new();
    for letter in text.chars() {
        // 45 bytes are 60 characters of base64.
        if word.len() + letter.len_utf8() > 45 {
            words.push(std::mem::take(&mut word));
        }
        word.push(letter);
    }
    words.push(word);
    let words: Vec<String> = words
        .iter()
        .map(|it| format!("=?utf-8?B?{}?=", STANDARD.encode(it)))
        .collect();
    words.join("\r\n ")
}

/// What happened, with its causes.
fn told(why: &Error) -> String {
    let mut text = why.to_string();
    let mut source = why.source();
    while let Some(inner) = source {
        let words = inner.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        source = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_of_a_message_becomes_a_header() {
        let message = Message {
            subject: "Zahlung\r\nBcc: all@example.com".into(),
            text: ".\nBcc: all@example.com\n".into(),
            ..Message::trial(jiff::Timestamp::from_second(1_700_000_000).unwrap())
        };
        let address = |it: &str| it.parse::<Address>().unwrap();
        let to = [address("a@example.com"), address("b@example.com")];
        let mail = written(&message, &address("l@books.example"), &to, "1");
        let (head, body) = mail.split_once("\r\n\r\n").unwrap();
        assert!(!head.contains("Bcc"), "{head}");
        assert!(
            head.contains("To: a@example.com,\r\n b@example.com"),
            "{head}"
        );
        assert!(head.contains("Date: Tue, 14 Nov 2023 22:13:20 "), "{head}");
        assert!(head.contains("Message-ID: <1@books.example>"), "{head}");
        let body = STANDARD.decode(body.replace("\r\n", "")).unwrap();
        assert_eq!(body, b".\r\nBcc: all@example.com\r\n");
        assert!(mail.lines().all(|it| it.len() <= LINE), "{mail}");
    }

    #[test]
    fn words_of_headers_are_encoded_when_they_have_to_be() {
        let cases = [
            ("plain words", "plain words"),
            ("=?x", "=?utf-8?B?PT94?="),
            ("é", "=?utf-8?B?w6k=?="),
        ];
        for (text, wanted) in cases {
            assert_eq!(header(text), wanted, "{text}");
        }
        let long = header(&"é".repeat(100));
        assert!(long.split("\r\n ").all(|it| it.len() <= 75), "{long}");
    }
}
