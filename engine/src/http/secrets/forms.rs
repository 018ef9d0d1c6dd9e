//! The forms in which a secret may come back from a vendor: as it is and in base64, each as the usual
//! libraries write it into addresses, forms, JSON and web pages.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

use super::Secret;

/// What browsers leave as it is.
const IN_ADDRESSES: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// Parts of documents are not taken for a secret of fewer characters.
const SHORTEST_IN_DOCUMENTS: usize = 16;

/// All forms of a text, each once.
pub(super) fn all(text: &str) -> Vec<Zeroizing<String>> {
    let mut list = Vec::new();
    for inner in [
        text.to_owned(),
        STANDARD.encode(text),
        STANDARD_NO_PAD.encode(text),
    ] {
        let inner = Zeroizing::new(inner);
        for encoded in [
            utf8_percent_encode(&inner, NON_ALPHANUMERIC).to_string(),
            utf8_percent_encode(&inner, IN_ADDRESSES).to_string(),
            url::form_urlencoded::byte_serialize(inner.as_bytes()).collect(),
        ] {
            put(&mut list, lower_hex(&encoded));
            put(&mut list, encoded);
        }
        put(&mut list, replaced(&inner, page_by_name));
        put(&mut list, replaced(&inner, page_by_number));
        in_json(&inner, &mut list);
    }
    list
}

/// What tells that a document repeats a credential: it as JSON has it. Short ones tell nothing.
pub(in crate::http) fn tells(text: &str) -> Vec<Secret> {
    let mut list = Vec::new();
    if text.len() >= SHORTEST_IN_DOCUMENTS {
        in_json(text, &mut list);
    }
    list.iter().map(|it| Secret::new(it.as_str())).collect()
}

/// As it is, and as the libraries of JavaScript, PHP and .NET write it.
fn in_json(text: &str, list: &mut Vec<Zeroizing<String>>) {
    put(list, text.to_owned());
    if text
        .bytes()
        .all(|it| it.is_ascii_alphanumeric() || b"-._~=".contains(&it))
    {
        return;
    }
    let quoted = serde_json::Value::from(text).to_string();
    let plain = quoted
        .get(1..quoted.len().saturating_sub(1))
        .unwrap_or_default();
    put(list, plain.replace('/', "\\/"));
    put(list, plain.to_owned());
    put(list, replaced(text, json_by_number));
}

fn put(list: &mut Vec<Zeroizing<String>>, text: String) {
    if !list.iter().any(|held| **held == text) {
        list.push(Zeroizing::new(text));
    }
}

fn replaced(text: &str, by: fn(char) -> Option<&'static str>) -> String {
    let mut out = String::with_capacity(text.len());
    for it in text.chars() {
        match by(it) {
            Some(other) => out.push_str(other),
            None => out.push(it),
        }
    }
    out
}

/// The hexadecimal digits after each percent sign in lower case.
fn lower_hex(encoded: &str) -> String {
    let mut parts = encoded.split('%');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push('%');
        let (digits, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        out.push_str(&digits.to_ascii_lowercase());
        out.push_str(rest);
    }
    out
}

fn page_by_name(it: char) -> Option<&'static str> {
    Some(match it {
        '"' => "&quot;",
        '&' => "&amp;",
        '<' => "&lt;",
        '>' => "&gt;",
        '\'' => "&#39;",
        _ => return None,
    })
}

fn page_by_number(it: char) -> Option<&'static str> {
    Some(match it {
        '"' => "&#34;",
        '&' => "&amp;",
        '<' => "&lt;",
        '>' => "&gt;",
        '\'' => "&#39;",
        '+' => "&#43;",
        _ => return None,
    })
}

fn json_by_number(it: char) -> Option<&'static str> {
    Some(match it {
        '"' => "\\u0022",
        '&' => "\\u0026",
        '\'' => "\\u0027",
        '+' => "\\u002B",
        '<' => "\\u003C",
        '>' => "\\u003E",
        '`' => "\\u0060",
        '\\' => "\\\\",
        _ => return None,
    })
}
