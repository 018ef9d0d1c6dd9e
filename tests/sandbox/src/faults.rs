//! The fault script: which calls go wrong, and how.

mod answers;
mod deeds;
mod rows;

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use crate::calls::CallKind;
use crate::chance::Chance;
use crate::exchange::Request;
use crate::world::Vendor;

pub(crate) use rows::LastRows;

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
    /// It strikes one matching call in so many, by chance, instead of each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub one_in: Option<u64>,
    /// Seed of that chance, and what has become of it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub seed: u64,
    /// What happens to them.
    pub fault: Fault,
    /// What later calls with the same idempotency key (or, without one, the same body) meet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<Fault>,
    /// How many of those repeats are struck; unlimited unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again_times: Option<u32>,
    /// The calls that it struck, where their repeats have a fault of their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub struck: Vec<String>,
}

impl FaultRule {
    /// The first of these calls meets this fault.
    pub fn new(matches: Match, fault: Fault) -> Self {
        Self {
            matches,
            skip: 0,
            times: once(),
            one_in: None,
            seed: 0,
            fault,
            again: None,
            again_times: None,
            struck: Vec::new(),
        }
    }
}

fn once() -> u32 {
    1
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_zero(seed: &u64) -> bool {
    *seed == 0
}

/// Conditions of a rule; all of them must hold.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Match {
    /// Whose call it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vendor: Option<Vendor>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<CallKind>,
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
    /// Nothing happens but a refusal for this limit: `minute`, `second`, `day`, `concurrent`, `app`.
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
    /// The call is carried out, the elements of its answer come in the opposite order.
    Shuffle,
    /// The call is carried out, and the last element of the list before stands in its answer, too.
    RepeatRow,
    /// The document that was changed longest ago is saved again; then the call is carried out.
    MoveRow,
    /// All access tokens end; then the call is carried out.
    ExpireTokens,
    /// All consents are withdrawn; then the call is carried out.
    WithdrawConsent,
    /// All organisations are disconnected; then the call is carried out.
    Disconnect,
}

/// A fault that is no fault.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{0}` is no fault; known are reset, lose-answer, status:CODE, 429:LIMIT, slow:MILLISECONDS, truncate, html, html-200, error-in-200, commit-then-500, shuffle, repeat-row, move-row, expire-tokens, withdraw-consent, disconnect"
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
            ("shuffle", "") => Self::Shuffle,
            ("repeat-row", "") => Self::RepeatRow,
            ("move-row", "") => Self::MoveRow,
            ("expire-tokens", "") => Self::ExpireTokens,
            ("withdraw-consent", "") => Self::WithdrawConsent,
            ("disconnect", "") => Self::Disconnect,
            ("status", code) => Self::Status(code.parse().map_err(|_| unknown())?),
            ("429", "minute" | "second" | "day" | "concurrent" | "app") => {
                Self::Limit(value.to_owned())
            }
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
            Self::Shuffle => f.write_str("shuffle"),
            Self::RepeatRow => f.write_str("repeat-row"),
            Self::MoveRow => f.write_str("move-row"),
            Self::ExpireTokens => f.write_str("expire-tokens"),
            Self::WithdrawConsent => f.write_str("withdraw-consent"),
            Self::Disconnect => f.write_str("disconnect"),
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

/// The script with what has become of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Faults(pub Vec<FaultRule>);

impl Faults {
    /// The fault that this call meets, if any. The first rule that strikes wins.
    pub(crate) fn strike(&mut self, vendor: Vendor, request: &Request) -> Option<Fault> {
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
            if rule.times == 0 || !rule.matches.holds(vendor, request) {
                continue;
            }
            if rule.skip > 0 {
                rule.skip = rule.skip.saturating_sub(1);
                continue;
            }
            if let Some(calls) = rule.one_in {
                let mut chance = Chance::new(rule.seed);
                rule.seed = chance.bits();
                if chance.below(calls) > 0 {
                    continue;
                }
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
    fn holds(&self, vendor: Vendor, request: &Request) -> bool {
        let whose = self.vendor.is_none_or(|it| it == vendor)
            && self.kind.is_none_or(|it| it == CallKind::of(request));
        let path = self
            .path
            .as_deref()
            .is_none_or(|path| match path.strip_suffix('*') {
                Some(stem) => request.path.starts_with(stem),
                None => request.path == path,
            });
        whose
            && path
            && self
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
            "429:app",
            "shuffle",
            "repeat-row",
            "move-row",
            "expire-tokens",
            "withdraw-consent",
            "disconnect",
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
        let struck: Vec<bool> = (0..5)
            .map(|_| faults.strike(Vendor::Nobody, &put).is_some())
            .collect();
        assert_eq!(struck, [false, true, true, false, false]);
        assert!(
            faults
                .strike(Vendor::Nobody, &Request::new("GET", "/a"))
                .is_none()
        );
    }

    #[test]
    fn repeats_of_a_struck_call_meet_their_own_fault() {
        let mut faults: Faults = serde_json::from_str(
            r#"[{"match":{"path":"/a*"},"fault":"lose-answer","again":"reset","again-times":2}]"#,
        )
        .unwrap();
        let call = |key: &str| Request::new("PUT", "/a/b").header("Idempotency-Key", key);
        assert_eq!(
            faults.strike(Vendor::Nobody, &call("k1")),
            Some(Fault::LoseAnswer)
        );
        assert_eq!(faults.strike(Vendor::Nobody, &call("k2")), None);
        assert_eq!(
            faults.strike(Vendor::Nobody, &call("k1")),
            Some(Fault::Reset)
        );
        assert_eq!(
            faults.strike(Vendor::Nobody, &call("k1")),
            Some(Fault::Reset)
        );
        assert_eq!(faults.strike(Vendor::Nobody, &call("k1")), None);
    }

    #[test]
    fn chance_strikes_about_as_often_as_it_says_and_the_same_each_time() {
        let script = r#"[{"match":{"vendor":"omni","kind":"reading"},"times":4000000,"one-in":5,"seed":9,"fault":"reset"}]"#;
        let struck = || {
            let mut faults: Faults = serde_json::from_str(script).unwrap();
            let get = Request::new("GET", "/a");
            let hits = (0..1000).map(|_| faults.strike(Vendor::Omni, &get).is_some());
            let hits: Vec<bool> = hits.collect();
            assert!(faults.strike(Vendor::Xero, &get).is_none());
            assert!(
                faults
                    .strike(Vendor::Omni, &Request::new("PUT", "/a"))
                    .is_none()
            );
            hits
        };
        let first = struck();
        let count = first.iter().filter(|it| **it).count();
        assert!((150..250).contains(&count), "{count} of 1000");
        assert_eq!(first, struck());
    }
}
