//! Answers that are not what was asked for.
//!
//! A failure is an object `{ErrorCode, Exception}` or an array of them, and may come with status 200.
//! A wrong address may answer 200 with a web page. There is no 401: bad credentials are 403.

use ledgerline_plugin_api::prelude::*;

use crate::fields::{Fields, many};

/// What Core says is wrong, when the body is its error model.
pub(crate) struct Fault {
    code: Option<u16>,
    words: String,
}

/// The error model in a body, whatever the status.
pub(crate) fn fault(response: &Response) -> Option<Fault> {
    let raw: &RawValue = serde_json::from_slice(&response.body).ok()?;
    let items = many(raw).ok()?;
    let mut code = None;
    let mut words: Vec<String> = Vec::new();
    for item in items {
        let fields: Fields<'_> = serde_json::from_str(item.get()).ok()?;
        if !fields.has(&["ErrorCode"]) {
            return None;
        }
        let number = fields.text(&["ErrorCode"]).and_then(|it| it.parse().ok());
        code = code.or(number);
        let said = fields.text(&["Exception", "Message"]);
        words.extend(said.map(|it| it.into_owned()));
    }
    if code.is_none() && words.is_empty() {
        return None;
    }
    Some(Fault {
        code,
        words: words.join("; "),
    })
}

/// Why an answer cannot be used; nothing when it can.
pub(crate) fn refusal(response: &Response) -> Option<Error> {
    let fault = fault(response);
    if response.is_success() && fault.is_none() {
        return not_json(response);
    }
    let status = match &fault {
        Some(it) if response.is_success() => it.code.unwrap_or(500),
        _ => response.status,
    };
    let words = match &fault {
        Some(it) if !it.words.is_empty() => it.words.clone(),
        _ => response.excerpt(),
    };
    let said = Response::new(status, words).excerpt();
    let call = response.call();
    if matches!(status, 401 | 403) {
        return Some(Error::auth(format!(
            "Core refused the account id or the application key ({said}); both stand in Core under \
             Integrations → Cin7 Core API"
        )));
    }
    let kind = Error::from_response(&Response::new(status, "")).status;
    let hint = match status {
        300..=399 => {
            "; redirects are not followed, because the keys would go to another host: check \
                      `base-url` of this connection"
        }
        404 | 405 => "; check `base-url` of this connection",
        _ => "",
    };
    let with = if response.is_success() {
        format!("with error {status} inside")
    } else {
        String::new()
    };
    let with = with.trim();
    let gap = if with.is_empty() { "" } else { " " };
    Some(Error::new(
        kind,
        format!(
            "{call} answered {}{gap}{with}: {said}{hint}",
            response.status
        ),
    ))
}

/// A 2xx that is no JSON: the address leads to a page for people.
fn not_json(response: &Response) -> Option<Error> {
    if serde_json::from_slice::<serde::de::IgnoredAny>(&response.body).is_ok() {
        return None;
    }
    let excerpt = response.excerpt();
    Some(Error::protocol(format!(
        "{} answered {} with a page instead of JSON, so nothing is served at that address: check \
         `base-url` of this connection. It begins: {}",
        response.call(),
        response.status,
        if excerpt.is_empty() {
            "(empty)"
        } else {
            &excerpt
        }
    )))
}

/// The answer itself when it can be used.
pub(crate) fn success(response: Response) -> Result<Response> {
    match refusal(&response) {
        None => Ok(response),
        Some(error) => Err(error),
    }
}

/// Whether Core says that what was asked for by its id does not exist. Some look-ups answer 400 for
/// it. A wrong address answers 404 too, but not in these words.
pub(crate) fn says_not_found(response: &Response) -> bool {
    fault(response).is_some_and(|it| {
        let words = it.words.to_ascii_lowercase();
        words.contains("not found") || words.contains("not exist")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: u16, body: &str) -> Option<(Status, String)> {
        refusal(&Response::new(status, body)).map(|it| (it.status, it.message))
    }

    #[test]
    fn errors_are_found_whatever_the_status_and_the_shape() {
        let cases = [
            (200, r#"{"SaleList":[]}"#, None),
            (200, "[]", None),
            (
                200,
                r#"[{"ErrorCode":400,"Exception":"Bad page"},{"ErrorCode":400,"Exception":"Bad limit"}]"#,
                Some((
                    Status::REJECTED,
                    "the call answered 200 with error 400 inside: Bad page; Bad limit",
                )),
            ),
            (
                200,
                r#"{"ErrorCode":"500","Exception":"oops"}"#,
                Some((
                    Status::UNAVAILABLE,
                    "the call answered 200 with error 500 inside: oops",
                )),
            ),
            (
                500,
                r#"{"ErrorCode":500,"Exception":"oops"}"#,
                Some((Status::UNAVAILABLE, "the call answered 500: oops")),
            ),
            (
                400,
                "plain words",
                Some((Status::REJECTED, "the call answered 400: plain words")),
            ),
        ];
        for (status, body, expected) in cases {
            let expected = expected.map(|(status, words)| (status, words.to_owned()));
            assert_eq!(told(status, body), expected, "{status} {body}");
        }
    }

    #[test]
    fn refusals_say_where_to_mend_them() {
        let cases = [
            (
                403,
                r#"{"ErrorCode":403,"Exception":"Incorrect credentials!"}"#,
                Status::AUTH,
                "Incorrect credentials!",
            ),
            (
                200,
                r#"[{"ErrorCode":403,"Exception":"Incorrect credentials!"}]"#,
                Status::AUTH,
                "Integrations",
            ),
            (
                200,
                "<html><b>Sign in</b></html>",
                Status::PROTOCOL,
                "`base-url`",
            ),
            (200, "", Status::PROTOCOL, "(empty)"),
            (302, "", Status::PROTOCOL, "redirects are not followed"),
            (404, "<html>", Status::REJECTED, "`base-url`"),
        ];
        for (http, body, status, words) in cases {
            let (found, message) = told(http, body).unwrap();
            assert_eq!(found, status, "{http} {body}");
            assert!(message.contains(words), "{message}");
        }
    }

    #[test]
    fn not_found_is_core_s_own_word() {
        let cases = [
            (
                400,
                r#"{"ErrorCode":400,"Exception":"Sale with specified ID not found"}"#,
                true,
            ),
            (
                200,
                r#"[{"ErrorCode":404,"Exception":"The sale does not exist"}]"#,
                true,
            ),
            (404, "<html>Not Found</html>", false),
            (400, r#"{"ErrorCode":400,"Exception":"Bad id"}"#, false),
        ];
        for (status, body, expected) in cases {
            assert_eq!(
                says_not_found(&Response::new(status, body)),
                expected,
                "{body}"
            );
        }
    }
}
