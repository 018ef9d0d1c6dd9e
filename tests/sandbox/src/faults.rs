//! The fault script: which calls go wrong, and how.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use crate::exchange::{Delivery, Reply, Request};
use crate::world::Vendor;

/// One rule of the script.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FaultRule {
    /// Which calls it is about.
    #[serde(default, rename = "match")]
    pub matches: Match,
    /// How many matching calls pass unharmed first.
    #[serde(default)]
    pub skip: u32,
    /// How many calls it then strikes.
    #[serde(default = "once")]
    pub times: u32,
    /// What happens to them.
    pub fault: Fault,
    /// What later calls with the same idempotency key (or, without one, the same body) meet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<Fault>,
    /// How many of those repeats are struck; unlimited unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again_times: Option<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) struck: Vec<String>,
}

fn once() -> u32 {
    1
}

/// Conditions of a rule; all of them must hold.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Match {
    /// Method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Path, exactly, or up to a closing `*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Text that the decoded query contains.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query_contains: Option<String>,
    /// Text that the body contains.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_contains: Option<String>,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The connection ends before the call was looked at.
    Reset,
    /// The call is carried out, its answer never arrives.
    LoseAnswer,
    /// Nothing happens but this status.
    Status(u16),
    /// Nothing happens but a refusal for this limit: `minute`, `second`, `day`, `concurrent`.
    Limit(String),
    /// The call is carried out and answered this much later.
    Slow(Duration),
    /// The call is carried out, half of its answer arrives.
    Truncate,
    /// Nothing happens but a gateway's web page.
    Html,
    /// Nothing happens but the vendor's own web page, with 200.
    Html200,
    /// Nothing happens, and an error comes back with 200.
    ErrorIn200,
    /// The call is carried out, the answer says 500.
    CommitThen500,
}

/// A fault that is no fault.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{0}` is no fault; known are reset, lose-answer, status:CODE, 429:LIMIT, slow:MILLISECONDS, truncate, html, html-200, error-in-200, commit-then-500"
)]
pub struct UnknownFault(String);

impl std::str::FromStr for Fault {
    type Err = UnknownFault;

    fn from_str(text: &str) -> Result<Self, UnknownFault> {
        let unknown = || UnknownFault(text.to_owned());
        let (name, value) = text.split_once(':').unwrap_or((text, ""));
        Ok(match (name, value) {
            ("reset", "") => Self::Reset,
            ("lose-answer", "") => Self::LoseAnswer,
            ("truncate", "") => Self::Truncate,
            ("html", "") => Self::Html,
            ("html-200", "") => Self::Html200,
            ("error-in-200", "") => Self::ErrorIn200,
            ("commit-then-500", "") => Self::CommitThen500,
            ("status", code) => Self::Status(code.parse().map_err(|_| unknown())?),
            ("429", "minute" | "second" | "day" | "concurrent") => Self::Limit(value.to_owned()),
            ("slow", ms) => Self::Slow(Duration::from_millis(ms.parse().map_err(|_| unknown())?)),
            _ => return Err(unknown()),
        })
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Reset => f.write_str("reset"),
            Self::LoseAnswer => f.write_str("lose-answer"),
            Self::Status(code) => write!(f, "status:{code}"),
            Self::Limit(limit) => write!(f, "429:{limit}"),
            Self::Slow(delay) => write!(f, "slow:{}", delay.as_millis()),
            Self::Truncate => f.write_str("truncate"),
            Self::Html => f.write_str("html"),
            Self::Html200 => f.write_str("html-200"),
            Self::ErrorIn200 => f.write_str("error-in-200"),
            Self::CommitThen500 => f.write_str("commit-then-500"),
        }
    }
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fault {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl Fault {
    /// Whether the vendor sees the call at all.
    pub(crate) fn carries_out(&self) -> bool {
        matches!(
            self,
            Self::LoseAnswer | Self::Slow(_) | Self::Truncate | Self::CommitThen500
        )
    }

    /// The answer to a call that the vendor never sees.
    pub(crate) fn answer_instead(&self, vendor: Vendor) -> Reply {
        match self {
            Self::Reset => Reply { delivery: Delivery::Reset, ..Reply::default() },
            Self::Limit(limit) => limited(vendor, limit),
            Self::Html => Reply::html(
                502,
                "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n"
                    .to_owned(),
            ),
            Self::Html200 => Reply::html(
                200,
                "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Sign in</body></html>\n"
                    .to_owned(),
            ),
            Self::ErrorIn200 => {
                let model = crate::core::routes::error_model(500, phrase(500));
                Reply::json(200, model.text())
            }
            Self::Status(503) if vendor == Vendor::Xero => {
                Reply::text(503, "The Xero API is temporarily unavailable")
            }
            Self::Status(500) if vendor == Vendor::Xero => {
                crate::xero::answers::server_error(uuid::Uuid::nil())
            }
            Self::Status(code) if vendor == Vendor::Core => {
                let model = crate::core::routes::error_model(*code, phrase(*code));
                Reply::json(*code, model.text())
            }
            Self::Status(code) if vendor == Vendor::Zudello => {
                let body = serde_json::json!({ "detail": phrase(*code) });
                Reply::json(*code, body.to_string())
            }
            Self::Status(code) => {
                Reply::json(*code, serde_json::to_string(&phrase(*code)).unwrap_or_default())
            }
            Self::LoseAnswer | Self::Slow(_) | Self::Truncate | Self::CommitThen500 => {
                Reply::status(500)
            }
        }
    }

    /// What becomes of the answer to a call that was carried out.
    pub(crate) fn spoil(&self, vendor: Vendor, mut reply: Reply) -> Reply {
        match self {
            Self::LoseAnswer => reply.delivery = Delivery::Lost,
            Self::Slow(delay) => reply.delay = *delay,
            Self::Truncate => reply.delivery = Delivery::Truncated(reply.body.len() / 2),
            Self::CommitThen500 => {
                let slot = reply.slot.take();
                reply = Self::Status(500).answer_instead(vendor);
                reply.slot = slot;
            }
            Self::Reset
            | Self::Status(_)
            | Self::Limit(_)
            | Self::Html
            | Self::Html200
            | Self::ErrorIn200 => {}
        }
        reply
    }
}

fn limited(vendor: Vendor, limit: &str) -> Reply {
    if vendor == Vendor::Xero {
        let wait = match limit {
            "minute" => Some(20),
            "second" => Some(1),
            "day" => Some(73_451),
            _ => None,
        };
        crate::xero::limits::refused(limit, wait)
    } else if vendor == Vendor::Core {
        let text = "You reached 60 calls per 60 seconds API limit";
        Reply::json(429, crate::core::routes::error_model(429, text).text())
    } else if vendor == Vendor::Zudello {
        Reply::json(429, "{\"detail\":\"Request was throttled.\"}").header("Retry-After", "20")
    } else {
        Reply::json(429, "\"Rate limit exceeded.\"")
    }
}

fn phrase(code: u16) -> &'static str {
    match code {
        400 => "Bad request.",
        401 => "Unauthorized.",
        403 => "Access is forbidden.",
        404 => "The resource was not found.",
        503 => "The service is down for maintenance.",
        _ => "An error has occurred.",
    }
}

/// The script with what has become of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Faults(pub Vec<FaultRule>);

impl Faults {
    /// The fault that this call meets, if any. The first rule that strikes wins.
    pub(crate) fn strike(&mut self, request: &Request) -> Option<Fault> {
        if self.0.is_empty() {
            return None;
        }
        let mark = identity(request);
        for rule in &mut self.0 {
            if let Some(again) = &rule.again
                && rule.struck.contains(&mark)
            {
                match &mut rule.again_times {
                    None => return Some(again.clone()),
                    Some(0) => continue,
                    Some(left) => {
                        *left = left.saturating_sub(1);
                        return Some(again.clone());
                    }
                }
            }
            if rule.times == 0 || !rule.matches.holds(request) {
                continue;
            }
            if rule.skip > 0 {
                rule.skip = rule.skip.saturating_sub(1);
                continue;
            }
            rule.times = rule.times.saturating_sub(1);
            if rule.again.is_some() {
                rule.struck.push(mark);
            }
            return Some(rule.fault.clone());
        }
        None
    }
}

impl Match {
    fn holds(&self, request: &Request) -> bool {
        let path = self
            .path
            .as_deref()
            .is_none_or(|path| match path.strip_suffix('*') {
                Some(stem) => request.path.starts_with(stem),
                None => request.path == path,
            });
        path && self
            .method
            .as_ref()
            .is_none_or(|it| it.eq_ignore_ascii_case(&request.method))
            && self.query_contains.as_ref().is_none_or(|text| {
                url::form_urlencoded::parse(request.query.as_bytes())
                    .any(|(name, value)| format!("{name}={value}").contains(text.as_str()))
            })
            && self
                .body_contains
                .as_ref()
                .is_none_or(|text| String::from_utf8_lossy(&request.body).contains(text.as_str()))
    }
}

fn identity(request: &Request) -> String {
    match request.header_value("idempotency-key") {
        Some(key) => format!("key {key}"),
        None => {
            let mut hash = Sha256::new();
            hash.update(request.method.as_bytes());
            hash.update(request.target().as_bytes());
            hash.update(&request.body);
            hash.finalize()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_reads_back_as_written() {
        let cases = [
            "reset",
            "lose-answer",
            "status:503",
            "429:day",
            "slow:5000",
            "truncate",
            "html",
            "html-200",
            "error-in-200",
            "commit-then-500",
        ];
        for text in cases {
            assert_eq!(text.parse::<Fault>().unwrap().to_string(), text);
        }
        for text in ["", "resett", "status:abc", "429:week", "slow:"] {
            assert!(text.parse::<Fault>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_rule_skips_strikes_and_ends() {
        let mut faults: Faults = serde_json::from_str(
            r#"[{"match":{"method":"PUT","path":"/a"},"skip":1,"times":2,"fault":"reset"}]"#,
        )
        .unwrap();
        let put = Request::new("PUT", "/a");
        let struck: Vec<bool> = (0..5).map(|_| faults.strike(&put).is_some()).collect();
        assert_eq!(struck, [false, true, true, false, false]);
        assert!(faults.strike(&Request::new("GET", "/a")).is_none());
    }

    #[test]
    fn repeats_of_a_struck_call_meet_their_own_fault() {
        let mut faults: Faults = serde_json::from_str(
            r#"[{"match":{"path":"/a*"},"fault":"lose-answer","again":"reset","again-times":2}]"#,
        )
        .unwrap();
        let call = |key: &str| Request::new("PUT", "/a/b").header("Idempotency-Key", key);
        assert_eq!(faults.strike(&call("k1")), Some(Fault::LoseAnswer));
        assert_eq!(faults.strike(&call("k2")), None);
        assert_eq!(faults.strike(&call("k1")), Some(Fault::Reset));
        assert_eq!(faults.strike(&call("k1")), Some(Fault::Reset));
        assert_eq!(faults.strike(&call("k1")), None);
    }
}
