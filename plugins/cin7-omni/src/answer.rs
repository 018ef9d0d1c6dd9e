//! Answers that are not what was asked for.
//!
//! The published description says that an error's body is a bare JSON string; older clients read an
//! object with `message`, and gateways send web pages. All are read.

use ledgerline_plugin_api::prelude::*;
use serde_json::Value;

/// What Omni says in a body of any shape.
pub(crate) fn words(response: &Response) -> String {
    let said = match serde_json::from_slice::<Value>(&response.body) {
        Ok(Value::String(text)) => Some(text),
        Ok(Value::Object(fields)) => ["message", "Message", "errors", "Errors"]
            .iter()
            .find_map(|name| fields.get(*name).map(joined))
            .filter(|text| !text.is_empty()),
        _ => None,
    };
    match said {
        Some(text) => Response::new(response.status, text).excerpt(),
        None => response.excerpt(),
    }
}

fn joined(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(joined).collect::<Vec<_>>().join("; "),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// An unexpected answer, with what would help.
pub(crate) fn failure(response: &Response, resource: &str) -> Error {
    let said = words(response);
    let call = response.call();
    match response.status {
        401 => Error::auth(format!(
            "Omni refused the API user name or connection key ({said}); a key stops working when it \
             is made anew under Settings → Integrations & API → API v1"
        )),
        403 => Error::auth(format!("{} ({said})", not_ticked("Read", resource))),
        _ => Error {
            message: format!("{call} answered {}: {said}", response.status),
            ..Error::from_response(response)
        },
    }
}

/// What is missing when Omni answers 403.
pub(crate) fn not_ticked(verb: &str, resource: &str) -> String {
    format!(
        "this API connection lacks \"{verb}\" on {resource}: tick it in Omni under Settings → \
         Integrations & API → API v1"
    )
}

/// The answer itself when it is a 2xx.
pub(crate) fn success(response: Response, resource: &str) -> Result<Response> {
    if response.is_success() {
        Ok(response)
    } else {
        Err(failure(&response, resource))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_every_shape() {
        let cases = [
            (r#""Rate limit exceeded.""#, "Rate limit exceeded."),
            (r#"{"message": "no"}"#, "no"),
            (r#"{"Message": "no"}"#, "no"),
            (r#"{"errors": ["a", "b"]}"#, "a; b"),
            ("<html>\n<b>Bad</b></html>", "<html> <b>Bad</b></html>"),
            (r#"{"other": 1}"#, r#"{"other": 1}"#),
            ("", ""),
        ];
        for (body, expected) in cases {
            assert_eq!(words(&Response::new(400, body)), expected, "{body}");
        }
    }

    #[test]
    fn refusals_say_where_to_mend_them() {
        let error = failure(&Response::new(403, r#""forbidden""#), "CreditNotes");
        assert_eq!(error.status, Status::AUTH);
        assert!(
            error.message.contains(r#"lacks "Read" on CreditNotes"#),
            "{error}"
        );
        assert_eq!(
            failure(&Response::new(401, ""), "Contacts").status,
            Status::AUTH
        );
        let error = failure(&Response::new(500, r#""oops""#), "Contacts");
        assert_eq!(
            (error.status, error.message.as_str()),
            (Status::UNAVAILABLE, "the call answered 500: oops")
        );
    }
}
