//! Single values of configuration files: text, numbers, durations, dates, secrets by reference.

use std::{collections::BTreeMap, fmt::Display, ops::RangeInclusive, str::FromStr, time::Duration};

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use rust_decimal::Decimal;
use semver::VersionReq;
use serde_json::{Value as Json, json};
use toml::{Spanned, de::DeValue};
use url::Url;

use super::{
    checked::{Fares, Replace, RoundingPolicy, SecretRef, Trigger, Unmatched, Voids},
    findings::known_names,
    notify::MailTls,
    reader::{FromToml, Keyed, Named, Reader},
};

type Written<'a> = Spanned<DeValue<'a>>;

impl<T: FromToml> FromToml for Spanned<T> {
    fn schema() -> Json {
        T::schema()
    }

    fn from_toml(value: &Written<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self::new(value.span(), T::from_toml(value, reader)?))
    }
}

impl<T: FromToml> FromToml for Vec<T> {
    fn schema() -> Json {
        json!({ "type": "array", "items": T::schema() })
    }

    fn from_toml(value: &Written<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let Some(list) = value.get_ref().as_array() else {
            reader.wrong_kind(value, "a list");
            return None;
        };
        // An element that is wrong was told; the others are still checked.
        Some(
            list.iter()
                .filter_map(|it| T::from_toml(it, reader))
                .collect(),
        )
    }
}

impl<T: FromToml> FromToml for Keyed<T> {
    fn schema() -> Json {
        json!({ "type": "object", "additionalProperties": T::schema() })
    }

    fn from_toml(value: &Written<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let Some(table) = value.get_ref().as_table() else {
            reader.wrong_kind(value, "a table");
            return None;
        };
        let mut all = BTreeMap::new();
        for (key, value) in table {
            if let Some(value) = T::from_toml(value, reader) {
                all.insert(
                    key.get_ref().to_string(),
                    Named {
                        key: key.span(),
                        value,
                    },
                );
            }
        }
        Some(all)
    }
}

impl FromToml for String {
    fn schema() -> Json {
        json!({ "type": "string" })
    }

    fn from_toml(value: &Written<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        text(value, "text", reader).map(str::to_owned)
    }
}

impl FromToml for bool {
    fn schema() -> Json {
        json!({ "type": "boolean" })
    }

    fn from_toml(value: &Written<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let it = value.get_ref().as_bool();
        if it.is_none() {
            reader.wrong_kind(value, "true or false");
        }
        it
    }
}

impl FromToml for u32 {
    fn schema() -> Json {
        json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX })
    }

    fn from_toml(value: &Written<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let Some(number) = value.get_ref().as_integer() else {
            reader.wrong_kind(value, "a whole number");
            return None;
        };
        match Self::from_str_radix(number.as_str(), number.radix()) {
            Ok(it) => Some(it),
            Err(_) => {
                let shown = number.as_str().to_owned();
                reader.problem(
                    value.span(),
                    format!("`{shown}` is outside 0 to {}", Self::MAX),
                    "out of range",
                    None,
                );
                None
            }
        }
    }
}

/// Settings, options and table rows: whatever JSON can hold, numbers with a fraction apart.
impl FromToml for serde_json::Value {
    fn schema() -> Json {
        // Anything but a number with a fraction, at any depth: an editor is told of the first level.
        json!({ "type": ["string", "boolean", "integer", "array", "object"] })
    }

    fn from_toml(value: &Written<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::String(it) => Some(Self::from(it.as_ref())),
            DeValue::Boolean(it) => Some(Self::from(*it)),
            DeValue::Datetime(it) => Some(Self::from(it.to_string())),
            DeValue::Integer(it) => match i64::from_str_radix(it.as_str(), it.radix()) {
                Ok(it) => Some(Self::from(it)),
                Err(_) => {
                    reader.problem(value.span(), "this number is too large", "too large", None);
                    None
                }
            },
            DeValue::Float(it) => {
                let help = format!("amounts are written as text: \"{}\"", it.as_str());
                reader.problem(
                    value.span(),
                    "a number with a fraction is not exact",
                    "not exact",
                    help,
                );
                None
            }
            DeValue::Array(list) => {
                let list: Vec<_> = list.iter().map(|it| Self::from_toml(it, reader)).collect();
                list.into_iter()
                    .collect::<Option<Vec<_>>>()
                    .map(Self::Array)
            }
            DeValue::Table(table) => {
                let mut object = serde_json::Map::new();
                for (key, value) in table {
                    // Told already; what is right is still checked by the plugin's schema.
                    if let Some(value) = Self::from_toml(value, reader) {
                        object.insert(key.get_ref().to_string(), value);
                    }
                }
                Some(Self::Object(object))
            }
        }
    }
}

impl FromToml for Duration {
    fn schema() -> Json {
        json!({
            "type": "string",
            "pattern": "^[0-9]+[ ]?[a-zµ]+([ ,]*[0-9]+[ ]?[a-zµ]+)*$|^P",
            "examples": ["250ms", "30s", "5m", "2h"],
        })
    }

    fn from_toml(value: &Written<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let written = text(value, "a duration as text, such as \"30s\"", reader)?;
        let parsed = duration(written);
        if parsed.is_none() {
            reader.problem(
                value.span(),
                format!("`{written}` is not a duration"),
                "not a duration",
                "a number and a unit: \"250ms\", \"30s\", \"5m\", \"2h\"".to_owned(),
            );
        }
        parsed
    }
}

fn duration(written: &str) -> Option<Duration> {
    written
        .parse::<SignedDuration>()
        .ok()
        .and_then(|it| Duration::try_from(it).ok())
}

impl FromToml for Date {
    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" })
    }

    fn from_toml(value: &Written<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let written = match value.get_ref() {
            DeValue::Datetime(it) => it.to_string(),
            DeValue::String(it) => it.to_string(),
            _ => {
                reader.wrong_kind(value, "a date, such as 2026-10-01");
                return None;
            }
        };
        // `Date` would also read a date with a time; here a time is a mistake.
        let parsed = if written.len() == 10 {
            written.parse().ok()
        } else {
            None
        };
        if parsed.is_none() {
            reader.problem(
                value.span(),
                format!("`{written}` is not a calendar date"),
                "not a date",
                "year, month and day without a time: 2026-10-01".to_owned(),
            );
        }
        parsed
    }
}

impl FromToml for Timestamp {
    fn schema() -> Json {
        json!({
            "type": "string",
            "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9:.]+([Zz]|[+-][0-9:]+)",
            "examples": ["2026-11-22T02:00:00Z"],
        })
    }

    fn from_toml(value: &Written<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let written = match value.get_ref() {
            DeValue::Datetime(it) => it.to_string(),
            DeValue::String(it) => it.to_string(),
            _ => {
                reader.wrong_kind(value, "an instant, such as 2026-11-22T02:00:00Z");
                return None;
            }
        };
        parsed(
            value,
            &written,
            "an instant",
            "with a zone: 2026-11-22T02:00:00Z",
            reader,
        )
    }
}

impl FromToml for Decimal {
    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^-?[0-9_]*[.]?[0-9_]*$", "examples": ["0.05"] })
    }

    fn from_toml(value: &Written<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        if let DeValue::Integer(_) | DeValue::Float(_) = value.get_ref() {
            let help = "put it into quotes, so that it stays exact: \"0.05\"".to_owned();
            reader.problem(
                value.span(),
                "an amount is written as text",
                "not text",
                help,
            );
            return None;
        }
        let written = text(value, "an amount as text, such as \"0.05\"", reader)?;
        match Self::from_str_exact(written) {
            Ok(it) => Some(it),
            Err(_) => {
                let help = "digits and a point: \"0.05\"".to_owned();
                reader.problem(
                    value.span(),
                    format!("`{written}` is not an amount"),
                    "not an amount",
                    help,
                );
                None
            }
        }
    }
}

impl FromToml for VersionReq {
    fn schema() -> Json {
        json!({ "type": "string", "examples": ["^0.1", ">=1.2, <2"] })
    }

    fn from_toml(value: &Written<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let written = text(value, "a version requirement as text", reader)?;
        parsed(
            value,
            written,
            "a version requirement",
            "for example \"^0.1\" or \">=1.2, <2\"",
            reader,
        )
    }
}

impl FromToml for TimeZone {
    fn schema() -> Json {
        json!({ "type": "string", "examples": ["Australia/Sydney", "UTC"] })
    }

    fn from_toml(value: &Written<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let written = text(value, "a time zone as text", reader)?;
        let zone = Self::get(written).ok();
        if zone.is_none() {
            let names: Vec<String> = jiff::tz::db()
                .available()
                .map(|it| it.as_str().to_owned())
                .collect();
            let help = match super::findings::nearest(written, names.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "an IANA name, such as Australia/Sydney or UTC".to_owned(),
            };
            reader.problem(
                value.span(),
                format!("no time zone named `{written}`"),
                "not known",
                help,
            );
        }
        zone
    }
}

/// HTTPS, or plain HTTP to this very machine.
impl FromToml for Url {
    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^https?://", "examples": ["https://api.example.com/v1"] })
    }

    fn from_toml(value: &Written<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let written = text(value, "an address as text", reader)?;
        // What stands before an @ is not repeated.
        let shown = written.rsplit('@').next().unwrap_or_default();
        let Ok(url) = written.parse::<Self>() else {
            let help = "for example https://api.example.com/v1".to_owned();
            reader.problem(
                value.span(),
                format!("`{shown}` is not an address"),
                "not an address",
                help,
            );
            return None;
        };
        let loopback = match url.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
            Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        };
        if url.scheme() != "https" && !(url.scheme() == "http" && loopback) {
            reader.problem(
                value.span(),
                format!("`{shown}` would send credentials unprotected"),
                "neither https nor this machine",
                "use https://; http:// is allowed for 127.0.0.1 and localhost alone".to_owned(),
            );
            return None;
        }
        if !url.username().is_empty() || url.password().is_some() {
            let help = "leave it out of the address; credentials go into `credentials`".to_owned();
            reader.problem(
                value.span(),
                "an address holds no user name or password",
                "holds one",
                help,
            );
            return None;
        }
        Some(url)
    }
}

impl FromToml for Trigger {
    fn schema() -> Json {
        json!({
            "type": "string",
            "pattern": "^(manual|every .+|cron .+)$",
            "examples": ["manual", "every 5m", "cron 0 6 * * *"],
        })
    }

    fn from_toml(value: &Written<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        const FORMS: &str = "\"manual\", \"every 5m\", or \"cron 0 6 * * *\"";
        let written = text(value, "a trigger as text", reader)?;
        let (word, rest) = written.split_once(' ').unwrap_or((written, ""));
        let rest = rest.trim();
        let problem = match word {
            "manual" if rest.is_empty() => return Some(Self::Manual),
            "every" => match duration(rest) {
                Some(it) if in_range(it, Duration::from_secs(10)..=DAY * 31) => {
                    return Some(Self::Every(it));
                }
                Some(_) => format!("`{rest}` is outside 10s to 744h"),
                None => format!("`{rest}` is not a duration"),
            },
            "cron" => match croner::Cron::from_str(rest) {
                Ok(_) => return Some(Self::Cron(rest.to_owned())),
                Err(error) => format!("`{rest}` is not a cron pattern: {error}"),
            },
            "real-time" => "`real-time` is not offered by this version".to_owned(),
            _ => format!("`{written}` is not a trigger"),
        };
        reader.problem(
            value.span(),
            problem,
            "not a trigger",
            format!("one of {FORMS}"),
        );
        None
    }
}

/// Words that stand for values.
trait Choice: Copy + 'static {
    const KNOWN: &'static [(&'static str, Self)];
}

impl<T: Choice> FromToml for T {
    fn schema() -> Json {
        let names: Vec<&str> = T::KNOWN.iter().map(|(name, _)| *name).collect();
        json!({ "type": "string", "enum": names })
    }

    fn from_toml(value: &Written<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        choice(value, T::KNOWN, reader)
    }
}

impl Choice for RoundingPolicy {
    const KNOWN: &'static [(&'static str, Self)] = &[
        ("hold", Self::Hold),
        ("tax-amounts", Self::TaxAmounts),
        ("line", Self::Line),
    ];
}

impl Choice for Unmatched {
    const KNOWN: &'static [(&'static str, Self)] = &[("ask", Self::Ask), ("create", Self::Create)];
}

impl Choice for Voids {
    const KNOWN: &'static [(&'static str, Self)] = &[
        ("ask", Self::Ask),
        ("drafts", Self::Drafts),
        ("always", Self::Always),
    ];
}

impl Choice for Replace {
    const KNOWN: &'static [(&'static str, Self)] =
        &[("update", Self::Update), ("reverse", Self::Reverse)];
}

impl Choice for MailTls {
    const KNOWN: &'static [(&'static str, Self)] = &[
        ("starttls", Self::StartTls),
        ("tls", Self::Tls),
        ("none", Self::None),
    ];
}

impl Choice for Fares {
    const KNOWN: &'static [(&'static str, Self)] = &[
        ("synced", Self::Synced),
        ("waiting", Self::Waiting),
        ("warning", Self::Warning),
        ("credit", Self::Credit),
        ("additional", Self::Additional),
    ];
}

/// Whether a text can be the name of an environment variable; what cannot is not repeated, because it
/// may be the secret.
pub(super) fn is_variable(text: &str) -> bool {
    !text.starts_with(|it: char| it.is_ascii_digit())
        && text
            .bytes()
            .all(|it| it.is_ascii_alphanumeric() || it == b'_')
}

/// A reference to a secret. The secret itself is refused, and what was written is not repeated.
impl FromToml for SecretRef {
    fn schema() -> Json {
        json!({
            "description": "Where a secret lies, never the secret itself.",
            "type": "object",
            "properties": {
                "env": { "type": "string", "description": "An environment variable." },
                "file": { "type": "string", "description": "A file that only you can read." },
                "keyring": { "type": "string", "description": "Service and user in the system's keyring.", "pattern": "/" },
                "store": { "type": "string", "description": "Name of one that was put into the store." },
            },
            "additionalProperties": false,
            "minProperties": 1,
            "maxProperties": 1,
        })
    }

    fn from_toml(value: &Written<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        const FORMS: &str = "{ env = \"NAME\" } for an environment variable, { file = \"path\" } for a file that only you can read,\n{ keyring = \"service/user\" } for the system's keyring, { store = \"name\" } for one put into the store";
        let Some(table) = value.get_ref().as_table() else {
            reader.problem(
                value.span(),
                "a secret is not written into a configuration file",
                "a secret itself",
                format!("change it at the vendor if this file was shared, and refer to it instead:\n{FORMS}"),
            );
            return None;
        };
        let mut entries = table.iter();
        let (Some((key, inner)), None) = (entries.next(), entries.next()) else {
            reader.problem(
                value.span(),
                "a secret has exactly one place",
                "one key is needed",
                FORMS.to_owned(),
            );
            return None;
        };
        let place = text(inner, "text", reader)?.trim().to_owned();
        if place.is_empty() {
            reader.problem(
                inner.span(),
                "this names no place",
                "empty",
                FORMS.to_owned(),
            );
            return None;
        }
        match (key.get_ref().as_ref(), place.split_once('/')) {
            ("env", _) if !is_variable(&place) => {
                reader.problem(
                    inner.span(),
                    "an environment variable has letters, digits and `_` in its name",
                    "no name of a variable",
                    "write the variable's name, never the secret itself".to_owned(),
                );
                None
            }
            ("env", _) => Some(Self::Env(place)),
            ("file", _) => Some(Self::File(place.into())),
            ("store", _) => Some(Self::Store(place)),
            ("keyring", Some((service, user))) => {
                Some(Self::Keyring(service.to_owned(), user.to_owned()))
            }
            ("keyring", None) => {
                let help = "write { keyring = \"service/user\" }".to_owned();
                reader.problem(
                    inner.span(),
                    "a keyring entry has a service and a user",
                    "no `/` in here",
                    help,
                );
                None
            }
            (other, _) => {
                let help = known_names(other, ["env", "file", "keyring", "store"]);
                reader.problem(
                    key.span(),
                    format!("`{other}` is no place for secrets"),
                    "not known",
                    help,
                );
                None
            }
        }
    }
}

/// One day, for ranges.
pub(super) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) fn in_range<T: PartialOrd>(value: T, range: RangeInclusive<T>) -> bool {
    range.contains(&value)
}

/// Tells a value outside `range`; `shown` is the range in words.
pub(super) fn check_range<T: PartialOrd>(
    written: Option<&Spanned<T>>,
    range: RangeInclusive<T>,
    shown: &str,
    reader: &mut Reader<'_>,
) {
    if let Some(written) = written
        && !range.contains(written.get_ref())
    {
        reader.problem(
            written.span(),
            format!("this is outside {shown}"),
            "out of range",
            None,
        );
    }
}

fn text<'v>(value: &'v Written<'_>, wanted: &str, reader: &mut Reader<'_>) -> Option<&'v str> {
    let it = value.get_ref().as_str();
    if it.is_none() {
        reader.wrong_kind(value, wanted);
    }
    it
}

fn parsed<T: FromStr<Err: Display>>(
    value: &Written<'_>,
    written: &str,
    what: &str,
    example: &str,
    reader: &mut Reader<'_>,
) -> Option<T> {
    match written.parse() {
        Ok(it) => Some(it),
        Err(error) => {
            let message = format!("`{written}` is not {what}: {error}");
            reader.problem(
                value.span(),
                message,
                format!("not {what}"),
                example.to_owned(),
            );
            None
        }
    }
}

fn choice<T: Copy>(value: &Written<'_>, known: &[(&str, T)], reader: &mut Reader<'_>) -> Option<T> {
    let written = text(value, "text", reader)?;
    let found = known.iter().find(|(name, _)| *name == written);
    if found.is_none() {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        let message = format!("`{written}` is none of {}", names.join(", "));
        reader.problem(
            value.span(),
            message,
            "not known",
            known_names(written, names),
        );
    }
    found.map(|(_, it)| *it)
}
