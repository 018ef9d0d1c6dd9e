//! Answers that are not what was asked for.
//!
//! The body of a refusal is not described anywhere. The shapes that such APIs use are read:
//! `{"detail": …}`, `{"message": …}`, `{"errors": {field: […]}}` and plain text. Any of them may come with
//! 200, and so may a page of something that stands before the API.

use ledgerline_plugin_api::prelude::*;
use serde_json::{Map, Value};

/// What Zudello says in a body of any shape.
pub(crate) fn words(response: &Response) -> String {
    let said = match serde_json::from_slice::<Value>(&response.body) {
        Ok(Value::String(text)) => Some(text),
        Ok(Value::Object(fields)) => ["detail", "message", "error", "errors"]
            .iter()
            .filter_map(|name| fields.get(*name).map(joined))
            .find(|text| !text.is_empty()),
        _ => None,
    };
    match said {
        Some(text) => Response::new(response.status, text).excerpt(),
        None => response.excerpt(),
    }
}

fn joined(value: &Value) -> String {
    let list = |texts: Vec<String>| {
        let texts: Vec<_> = texts.into_iter().filter(|it| !it.is_empty()).collect();
        texts.join("; ")
    };
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => list(items.iter().map(joined).collect()),
        Value::Object(fields) => list(
            fields
                .iter()
                .map(|(field, said)| format!("{field}: {}", joined(said)))
                .collect(),
        ),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// What is wrong with the key when Zudello answers 401 or 403.
pub(crate) fn not_allowed(status: u16, what: &str, said: &str) -> String {
    let said = match said {
        "" => String::new(),
        said => format!(" ({said})"),
    };
    if status == 401 {
        format!(
            "Zudello refused the API key{said}: it has expired or was revoked. Every key expires; an \
             administrator makes a new one under Organisation → API Keys"
        )
    } else {
        format!(
            "the API key may not {what}{said}: under Organisation → API Keys see that it is active, that \
             this team is assigned to it, and that it has the permission for this team"
        )
    }
}

/// An unexpected answer to a read, with what would help. `setting` is where the address comes from.
pub(crate) fn failure(response: &Response, what: &str, setting: &str) -> Error {
    let said = words(response);
    let call = response.call();
    match response.status {
        401 | 403 => Error::auth(not_allowed(response.status, &format!("read {what}"), &said)),
        404 | 405 => Error::config(format!(
            "{call} answered {}: Zudello has no {what} there; correct the setting `{setting}` or the base \
             URL of this connection",
            response.status
        )),
        400 | 422 => Error::rejected(format!(
            "{call} answered {}: {said}; compare the settings `filters`, `page` and `order` of this \
             connection with what the API takes",
            response.status
        )),
        _ => Error {
            message: format!("{call} answered {}: {said}", response.status),
            ..Error::from_response(response)
        },
    }
}

/// Whether the body of a 2xx says that something was saved: it is empty, shows what was saved, or is at
/// least an object that names no error. Anything else says nothing: not that it was saved, and not that it
/// was refused.
pub(crate) fn is_saved(response: &Response) -> bool {
    if response.body.trim_ascii().is_empty() {
        return true;
    }
    let Ok(Value::Object(fields)) = serde_json::from_slice::<Value>(&response.body) else {
        return false;
    };
    let shows = |fields: &Map<String, Value>| ["uuid", "id"].iter().any(|it| says(fields.get(*it)));
    let inner = ["data", "result"]
        .iter()
        .filter_map(|it| fields.get(*it)?.as_object());
    if inner.chain([&fields]).any(shows) {
        return true;
    }
    let fails = fields.get("success").or_else(|| fields.get("ok")) == Some(&Value::Bool(false));
    let names_error = ["detail", "message", "error", "errors"]
        .iter()
        .any(|it| says(fields.get(*it)));
    !fails && !names_error
}

fn says(value: Option<&Value>) -> bool {
    value.is_some_and(|it| !matches!(it, Value::Bool(false)) && !joined(it).is_empty())
}

/// The answer itself when it is a 2xx.
pub(crate) fn success(response: Response, what: &str, setting: &str) -> Result<Response> {
    if response.is_success() {
        Ok(response)
    } else {
        Err(failure(&response, what, setting))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_every_shape() {
        let cases = [
            (r#"{"detail":"no"}"#, "no"),
            (r#"{"message":"no"}"#, "no"),
            (
                r#"{"errors":{"status":["bad","worse"],"a":["x"]}}"#,
                "a: x; status: bad; worse",
            ),
            (r#"{"detail":"","message":"no"}"#, "no"),
            ("plain\n text", "plain text"),
            (r#""quoted""#, "quoted"),
            (r#"{"other":1}"#, r#"{"other":1}"#),
            ("", ""),
        ];
        for (body, expected) in cases {
            assert_eq!(words(&Response::new(400, body)), expected, "{body}");
        }
    }

    #[test]
    fn only_what_shows_it_or_names_no_error_is_saved() {
        let cases = [
            ("", true),
            (" \n", true),
            ("{}", true),
            (r#"{"status":"COMPLETE"}"#, true),
            (r#"{"uuid":"u","detail":"two lines were rounded"}"#, true),
            (r#"{"data":{"uuid":"u"},"message":"saved"}"#, true),
            (r#"{"id":7,"message":"the note"}"#, true),
            (r#"{"success":true,"errors":[]}"#, true),
            (r#"{"success":true,"error":null}"#, true),
            (r#"{"success":false}"#, false),
            (r#"{"detail":"Internal server error"}"#, false),
            (r#"{"errors":{"status":["bad"]}}"#, false),
            (r#"{"message":"the note"}"#, false),
            ("<html><body>Sign in</body></html>", false),
            (r#""oops""#, false),
            ("[]", false),
            ("null", false),
            (r#"{"uuid":"u","#, false),
        ];
        for (body, expected) in cases {
            assert_eq!(is_saved(&Response::new(200, body)), expected, "{body}");
        }
    }

    #[test]
    fn each_status_is_told_with_its_remedy() {
        let cases = [
            (400, Status::REJECTED, "compare the settings `filters`"),
            (422, Status::REJECTED, "answered 422: why"),
            (
                401,
                Status::AUTH,
                "makes a new one under Organisation → API Keys",
            ),
            (403, Status::AUTH, "this team is assigned to it"),
            (404, Status::CONFIG, "correct the setting `paths.list`"),
            (409, Status::REJECTED, "answered 409: why"),
            (429, Status::RATE_LIMITED, "answered 429: why"),
            (500, Status::UNAVAILABLE, "answered 500: why"),
            (503, Status::UNAVAILABLE, "answered 503: why"),
            (302, Status::PROTOCOL, "answered 302: why"),
        ];
        for (http, status, expected) in cases {
            let response = Response::new(http, r#"{"detail":"why"}"#);
            let error = success(response, "transactions", "paths.list").unwrap_err();
            assert_eq!(error.status, status, "{http}");
            assert!(error.message.contains(expected), "{http}: {error}");
        }
    }
}
