//! `[notify.NAME]` of `ledgerline.toml` as written: an e-mail when it names a `host`, a webhook when
//! it names a `url`.

use std::{ops::Range, path::Path, time::Duration};

use lettre::Address;
use toml::Spanned;
use url::Url;

use super::{
    checked::SecretRef,
    deployment_toml::below,
    findings::{Places, known_names},
    notify::{MailTls, MailWay, Notify, NotifyWay, WebhookWay, is_here},
    reader::{Keyed, Reader, Tried, as_written},
    values::{DAY, check_range},
};

as_written! {
    /// Who is told when something needs a person: by e-mail (host, from, to) or by a webhook (url).
    struct NotifyToml {
        /// Mail server.
        optional host: Tried<Spanned<String>>,
        /// Port of the mail server: 587 for "starttls", 465 for "tls", 25 for "none", unless it says otherwise.
        optional port: Tried<Spanned<u32>>,
        /// How the way to the mail server is protected: "starttls" (the default), "tls", or "none" for a server on this machine.
        optional tls: Tried<Spanned<MailTls>>,
        /// Sender of the e-mail: ledgerline@example.com.
        optional from: Tried<Spanned<String>>,
        /// Receivers of the e-mail.
        optional to: Tried<Spanned<Vec<Spanned<String>>>>,
        /// Where the mail server's credentials come from: username = { env = "NAME" }, password = { env = "NAME" }.
        optional credentials: Tried<Spanned<Keyed<SecretRef>>>,
        /// Address that is called with each message.
        optional url: Tried<Spanned<Url>>,
        /// Where the key comes from that signs each call: { env = "NAME" }.
        optional secret: Tried<Spanned<SecretRef>>,
        /// Address of the pages about entries; a message links to them below it.
        optional link_base: Url,
        /// Shortest time between two messages; 15m unless it says otherwise.
        optional every: Spanned<Duration>,
        /// Time after which what still stands is told once more; 24h unless it says otherwise.
        optional remind: Spanned<Duration>,
    }
    renamed {
        "mail" => "to",
        "email" => "to",
        "sender" => "from",
        "recipients" => "to",
        "server" => "host",
        "webhook" => "url",
        "key" => "secret",
        "username" => "credentials",
        "password" => "credentials",
    }
}

impl NotifyToml {
    /// Tells everything that is wrong with it; `None` when something that it cannot do without is.
    pub(super) fn check(
        &self,
        name: &str,
        key: Range<usize>,
        folder: &Path,
        places: Places,
        reader: &mut Reader<'_>,
    ) -> Option<Notify> {
        check_range(
            self.every.as_ref(),
            Duration::ZERO..=DAY,
            "0s to 24h",
            reader,
        );
        let hour = Duration::from_secs(3600);
        check_range(self.remind.as_ref(), hour..=DAY * 31, "1h to 744h", reader);
        let is_mail = self.host.is_some() || self.from.is_some() || self.to.is_some();
        let way = match (is_mail, &self.url) {
            (true, Some(_)) => {
                let help = "write two tables, one for each".to_owned();
                let at = places.key("url");
                reader.problem(at, "this is an e-mail and a webhook", "both", help);
                None
            }
            (true, None) => self.mail(key, folder, &places, reader).map(NotifyWay::Mail),
            (false, Some(_)) => self
                .webhook(folder, &places, reader)
                .map(NotifyWay::Webhook),
            (false, None) => {
                let help = "add host, from and to for an e-mail, or url for a webhook".to_owned();
                reader.problem(key, format!("`{name}` reaches nobody"), "neither", help);
                None
            }
        };
        let or = |written: &Option<Spanned<Duration>>, usual: Duration| {
            written.as_ref().map_or(usual, |it| *it.get_ref())
        };
        Some(Notify {
            name: name.to_owned(),
            way: way?,
            link_base: self.link_base.clone(),
            every: or(&self.every, Duration::from_secs(15 * 60)),
            remind: or(&self.remind, DAY),
            places,
        })
    }

    fn mail(
        &self,
        key: Range<usize>,
        folder: &Path,
        places: &Places,
        reader: &mut Reader<'_>,
    ) -> Option<MailWay> {
        if self.secret.is_some() {
            not_its_own(places, "secret", "an e-mail", reader);
        }
        for (name, there) in [
            ("host", self.host.is_some()),
            ("from", self.from.is_some()),
            ("to", self.to.is_some()),
        ] {
            if !there {
                let message = format!("an e-mail needs `{name}`");
                reader.problem(key.clone(), message, "not in here", None);
            }
        }
        let host = tried(&self.host);
        if let Some(host) = host
            && !well_formed_host(host.get_ref())
        {
            let help = "a name or an address, without port: smtp.example.com".to_owned();
            reader.problem(host.span(), "this is no mail server", "not a host", help);
        }
        let tls = tried(&self.tls);
        let protection = tls.map_or(MailTls::StartTls, |it| *it.get_ref());
        if let (Some(tls), Some(host), MailTls::None) = (tls, host, protection)
            && !is_here(host.get_ref())
        {
            let help = "\"starttls\" or \"tls\"; \"none\" is for a server on this machine alone";
            let message = "the e-mail would travel unprotected";
            reader.problem(tls.span(), message, "not this machine", help.to_owned());
        }
        let port = match tried(&self.port) {
            None => Some(protection.port()),
            Some(it) => {
                check_range(Some(it), 1..=65_535, "1 to 65535", reader);
                u16::try_from(*it.get_ref()).ok()
            }
        };
        let from = tried(&self.from).and_then(|it| address(it, reader));
        let to = tried(&self.to).map(|list| {
            if list.get_ref().is_empty() {
                let help = "to = [\"bookkeeper@example.com\"]".to_owned();
                reader.problem(list.span(), "nobody would get it", "empty", help);
            }
            let all: Vec<_> = list
                .get_ref()
                .iter()
                .map(|it| address(it, reader))
                .collect();
            all.into_iter().flatten().collect::<Vec<Address>>()
        });
        let credentials = tried(&self.credentials);
        let credentials = credentials.and_then(|it| self.credentials(it, folder, reader));
        Some(MailWay {
            host: host?.get_ref().clone(),
            port: port?,
            tls: protection,
            from: from?,
            to: to.filter(|it| !it.is_empty())?,
            credentials,
        })
    }

    fn credentials(
        &self,
        written: &Spanned<Keyed<SecretRef>>,
        folder: &Path,
        reader: &mut Reader<'_>,
    ) -> Option<(SecretRef, SecretRef)> {
        const KNOWN: [&str; 2] = ["username", "password"];
        let all = written.get_ref();
        for (name, it) in all
            .iter()
            .filter(|(name, _)| !KNOWN.contains(&name.as_str()))
        {
            let message = format!("a mail server takes no credential `{name}`");
            let help = known_names(name, KNOWN);
            reader.problem(it.key.clone(), message, "not known", help);
        }
        let of = |name: &str| all.get(name).map(|it| below(folder, &it.value));
        for name in KNOWN.into_iter().filter(|it| of(it).is_none()) {
            let message = format!("a mail server needs the credential `{name}`, too");
            let help = format!("add {name} = {{ env = \"NAME\" }}");
            reader.problem(written.span(), message, "missing in here", help);
        }
        Some((of("username")?, of("password")?))
    }

    fn webhook(
        &self,
        folder: &Path,
        places: &Places,
        reader: &mut Reader<'_>,
    ) -> Option<WebhookWay> {
        for (name, there) in [
            ("port", self.port.is_some()),
            ("tls", self.tls.is_some()),
            ("credentials", self.credentials.is_some()),
        ] {
            if there {
                not_its_own(places, name, "a webhook", reader);
            }
        }
        Some(WebhookWay {
            url: tried(&self.url)?.get_ref().clone(),
            secret: tried(&self.secret).map(|it| below(folder, it.get_ref())),
        })
    }
}

fn tried<T>(written: &Option<Tried<Spanned<T>>>) -> Option<&Spanned<T>> {
    written.as_ref()?.0.as_ref()
}

fn not_its_own(places: &Places, name: &str, what: &str, reader: &mut Reader<'_>) {
    let help = format!("remove `{name}`");
    reader.problem(
        places.key(name),
        format!("{what} takes no `{name}`"),
        "not used",
        help,
    );
}

/// A bare address: names of people are of no use to a program's mail.
fn address(written: &Spanned<String>, reader: &mut Reader<'_>) -> Option<Address> {
    let text = written.get_ref();
    let parsed = text.is_ascii().then(|| text.parse::<Address>().ok());
    if let Some(Some(it)) = parsed {
        return Some(it);
    }
    reader.problem(
        written.span(),
        format!("`{text}` is not an e-mail address"),
        "not an address",
        "the bare address: bookkeeper@example.com".to_owned(),
    );
    None
}

fn well_formed_host(host: &str) -> bool {
    !host.is_empty() && url::Host::parse(host).is_ok() || host.parse::<std::net::Ipv6Addr>().is_ok()
}
