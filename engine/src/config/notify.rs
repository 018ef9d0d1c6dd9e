//! Who is told of what needs a person: checked.

use std::{net::IpAddr, time::Duration};

use lettre::Address;
use url::Url;

use super::{checked::SecretRef, findings::Places};

/// One receiver of messages about what needs a person.
#[derive(Debug, Clone)]
pub struct Notify {
    /// Name.
    pub name: String,
    /// How it is reached.
    pub way: NotifyWay,
    /// Address of the pages that show what a message is about.
    pub link_base: Option<Url>,
    /// Shortest time between two messages.
    pub every: Duration,
    /// After this long, what still stands is told once more.
    pub remind: Duration,
    /// Where its parts stand in `ledgerline.toml`.
    pub places: Places,
}

/// How a receiver is reached.
#[derive(Debug, Clone)]
pub enum NotifyWay {
    /// By e-mail.
    Mail(MailWay),
    /// By a call of an address.
    Webhook(WebhookWay),
}

/// A mail server and who writes to whom.
#[derive(Debug, Clone)]
pub struct MailWay {
    /// Name or address of the server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: MailTls,
    /// The sender.
    pub from: Address,
    /// The receivers, one at least.
    pub to: Vec<Address>,
    /// User name and password, where the server wants them.
    pub credentials: Option<(SecretRef, SecretRef)>,
}

/// How a connection to a mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailTls {
    /// Begun in the clear and protected before anything is said; a server that does not offer it is
    /// told nothing.
    StartTls,
    /// From the first byte.
    Tls,
    /// Not at all: to this machine alone.
    None,
}

impl MailTls {
    /// The usual port.
    pub(super) fn port(self) -> u16 {
        match self {
            Self::StartTls => 587,
            Self::Tls => 465,
            Self::None => 25,
        }
    }
}

/// An address that is called.
#[derive(Debug, Clone)]
pub struct WebhookWay {
    /// The address; its path may be what keeps others out.
    pub url: Url,
    /// Key of the signature that each call carries.
    pub secret: Option<SecretRef>,
}

impl Notify {
    /// Where it leads to, as people may see it: receivers, or the host of the address.
    pub fn shown(&self) -> String {
        match &self.way {
            NotifyWay::Mail(it) => {
                let to: Vec<String> = it.to.iter().map(ToString::to_string).collect();
                format!("{} by {}:{}", to.join(", "), it.host, it.port)
            }
            NotifyWay::Webhook(it) => it.url.origin().ascii_serialization(),
        }
    }

    /// The secrets that it needs, each with its path in the file.
    pub(crate) fn secrets(&self) -> Vec<(&SecretRef, &'static str)> {
        match &self.way {
            NotifyWay::Mail(it) => match &it.credentials {
                Some((user, password)) => vec![
                    (user, "credentials/username"),
                    (password, "credentials/password"),
                ],
                None => Vec::new(),
            },
            NotifyWay::Webhook(it) => it.secret.iter().map(|it| (it, "secret")).collect(),
        }
    }
}

/// Whether a host is this very machine.
pub(super) fn is_here(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|it| it.is_loopback())
}
