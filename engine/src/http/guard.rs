//! What a connector may ask for: which hosts, which headers.
//!
//! Connectors are trusted code, so this guards against mistakes: a credential that goes to a host it
//! was not made for, a header that takes the place of one the engine sets.

use url::{Host, Url};

use super::{
    call::{Call, CallError, Repeat},
    transport::without_query,
};

/// Headers that the engine or the transport sets.
const OURS: [&str; 12] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "upgrade",
    "accept-encoding",
];

const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

/// Most headers that a call may have.
const MOST_HEADERS: usize = 64;

/// The hosts that one connection may reach, and the headers that it may not set.
#[derive(Debug, Clone)]
pub(super) struct Guard {
    /// Host and port.
    hosts: Vec<(String, u16)>,
    /// Lower case.
    reserved: Vec<String>,
}

impl Guard {
    /// `hosts` are names with an optional port (443 unless it says otherwise); `base` is where the
    /// connection's API lives; `reserved` are the connection's pin, key and credential headers.
    pub(super) fn new(
        hosts: &[String],
        base: Option<&Url>,
        reserved: impl IntoIterator<Item = String>,
    ) -> Self {
        let named = hosts.iter().map(|text| match text.rsplit_once(':') {
            Some((host, port)) if !host.ends_with(':') => match port.parse() {
                Ok(port) => (host.to_ascii_lowercase(), port),
                Err(_) => (text.to_ascii_lowercase(), 443),
            },
            _ => (text.to_ascii_lowercase(), 443),
        });
        let base =
            base.and_then(|url| Some((url.host_str()?.to_owned(), url.port_or_known_default()?)));
        Self {
            hosts: named.chain(base).collect(),
            reserved: reserved
                .into_iter()
                .map(|it| it.to_ascii_lowercase())
                .collect(),
        }
    }

    /// Checks a call and gives its URL.
    pub(super) fn check(&self, call: &Call) -> Result<Url, CallError> {
        let url = Url::parse(&call.url).map_err(|error| CallError::Malformed {
            url: call.url.split('?').next().unwrap_or_default().to_owned(),
            why: format!("its address cannot be read: {error}"),
        })?;
        let malformed = |why: String| {
            Err(CallError::Malformed {
                url: without_query(&url),
                why,
            })
        };
        if !url.username().is_empty() || url.password().is_some() {
            // Not even the name is repeated.
            return Err(CallError::Malformed {
                url: url.host_str().unwrap_or_default().to_owned(),
                why: "its address holds credentials; name a credential slot instead".to_owned(),
            });
        }
        if let Err(why) = check_scheme(&url) {
            return malformed(why);
        }
        self.check_host(&url)?;
        if !METHODS.contains(&call.method.as_str()) {
            return malformed(format!(
                "{} is not one of {}",
                call.method,
                METHODS.join(", ")
            ));
        }
        if matches!(call.method.as_str(), "GET" | "HEAD") && !call.body.is_empty() {
            return malformed(format!("{} takes no body", call.method));
        }
        if call.headers.len() > MOST_HEADERS {
            return malformed(format!("it has more than {MOST_HEADERS} headers"));
        }
        for (name, value) in &call.headers {
            if let Err(why) = self.check_header(name, value) {
                return malformed(why);
            }
        }
        if let Repeat::Keyed { header, key, .. } = &call.repeat
            && (!is_token(header) || !is_field_value(key))
        {
            return malformed("its idempotency key is not a header".to_owned());
        }
        Ok(url)
    }

    fn check_host(&self, url: &Url) -> Result<(), CallError> {
        let host = url.host_str().unwrap_or_default();
        let port = url.port_or_known_default().unwrap_or_default();
        if self
            .hosts
            .iter()
            .any(|held| held.0 == host && held.1 == port)
        {
            return Ok(());
        }
        let shown = |host: &str, port: u16| match port {
            443 => host.to_owned(),
            _ => format!("{host}:{port}"),
        };
        let allowed: Vec<_> = self
            .hosts
            .iter()
            .map(|(host, port)| shown(host, *port))
            .collect();
        Err(CallError::HostNotAllowed {
            host: shown(host, port),
            allowed: if allowed.is_empty() {
                "none".to_owned()
            } else {
                allowed.join(", ")
            },
        })
    }

    fn check_header(&self, name: &str, value: &str) -> Result<(), String> {
        let lower = name.to_ascii_lowercase();
        if !is_token(name) {
            return Err(format!("header name {name:?} is not valid"));
        }
        if !is_field_value(value) {
            return Err(format!("the value of header {name} is not valid"));
        }
        if OURS.contains(&lower.as_str()) || self.reserved.contains(&lower) {
            return Err(format!("header {name} is set by the engine alone"));
        }
        Ok(())
    }
}

/// https, or plain http to this machine.
pub(super) fn check_scheme(url: &Url) -> Result<(), String> {
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(url) => Ok(()),
        "http" => Err("plain http is for this machine only; use https".to_owned()),
        other => Err(format!("{other} is not https")),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Whether a credential may be sent in a header of this name: none that shapes the call itself.
pub(super) fn may_carry_a_token(header: &str) -> bool {
    let lower = header.to_ascii_lowercase();
    is_token(header) && (lower == "authorization" || !OURS.contains(&lower.as_str()))
}

fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|it| it.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&it))
}

fn is_field_value(text: &str) -> bool {
    text.bytes()
        .all(|it| it == b'\t' || (0x20..0x7f).contains(&it))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;

    fn call(method: &str, url: &str) -> Call {
        Call {
            method: method.to_owned(),
            url: url.to_owned(),
            headers: Vec::new(),
            body: Bytes::new(),
            auth: String::new(),
            bucket: String::new(),
            timeout: Duration::ZERO,
            max_answer: 0,
            repeat: Repeat::Safe,
        }
    }

    fn guard(base: &str) -> Guard {
        Guard::new(
            &[
                "api.acme.example".to_owned(),
                "files.acme.example:8443".to_owned(),
            ],
            Some(&Url::parse(base).unwrap()),
            ["X-Account".to_owned(), "X-Key".to_owned()],
        )
    }

    #[test]
    fn calls_go_to_known_hosts_over_https_only() {
        let cases = [
            ("https://api.acme.example/x?y=1", "ok"),
            ("https://API.acme.example:443/x", "ok"),
            ("http://127.0.0.1:4000/x", "ok"),
            ("https://files.acme.example:8443/x", "ok"),
            (
                "https://files.acme.example/x",
                "files.acme.example is not a host",
            ),
            (
                "https://api.acme.example:8443/x",
                "api.acme.example:8443 is not a host",
            ),
            ("https://api.acme.example.evil.example/x", "is not a host"),
            ("http://127.0.0.1:4001/x", "127.0.0.1:4001 is not a host"),
            (
                "http://api.acme.example/x",
                "plain http is for this machine only",
            ),
            ("ftp://api.acme.example/x", "ftp is not https"),
            (
                "https://canary:canary@api.acme.example/x",
                "holds credentials",
            ),
            ("not a url?k=canary", "cannot be read"),
            ("file:///etc/passwd", "file is not https"),
        ];
        let guard = guard("http://127.0.0.1:4000");
        for (url, expected) in cases {
            let actual = match guard.check(&call("GET", url)) {
                Ok(_) => "ok".to_owned(),
                Err(error) => error.to_string(),
            };
            assert!(actual.contains(expected), "{url}: {actual}");
            assert!(!actual.contains("canary"), "{url}: {actual}");
        }
    }

    #[test]
    fn methods_and_headers_are_checked() {
        let guard = guard("https://base.acme.example");
        let url = "https://base.acme.example/";
        assert!(guard.check(&call("get", url)).is_err());
        assert!(guard.check(&call("TRACE", url)).is_err());
        assert!(
            guard
                .check(&Call {
                    body: Bytes::from("x"),
                    ..call("GET", url)
                })
                .is_err()
        );
        assert!(
            guard
                .check(&Call {
                    body: Bytes::from("x"),
                    ..call("PUT", url)
                })
                .is_ok()
        );
        let cases = [
            ("Accept", "application/json", true),
            ("X-Tab", "a\tb", true),
            ("authorization", "Bearer x", false),
            ("Cookie", "a=b", false),
            ("HOST", "evil.example", false),
            ("x-ACCOUNT", "other", false),
            ("x-key", "other", false),
            ("Accept-Encoding", "br", false),
            ("X-Bad", "a\r\nAuthorization: x", false),
            ("X Bad", "a", false),
            ("", "a", false),
        ];
        for (name, value, fine) in cases {
            let headers = vec![(name.to_owned(), value.to_owned())];
            let checked = guard.check(&Call {
                headers,
                ..call("GET", url)
            });
            assert_eq!(checked.is_ok(), fine, "{name}: {value:?}");
        }
    }
}
