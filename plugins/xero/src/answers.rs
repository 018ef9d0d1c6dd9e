//! Reads answers: lists, and calls that were refused as a whole.

use ledgerline_plugin_api::manifest::{Category, Problem};
use ledgerline_plugin_api::sdk::{Error, Response, Result};
use serde_json::value::RawValue;

use crate::classify::{Complaint, complaints, problem, warnings};
use crate::lenient::Object;

/// The elements of an answer.
#[derive(Debug)]
pub(crate) struct List<'a> {
    pub(crate) elements: Vec<&'a RawValue>,
    /// Number of pages, when Xero tells.
    pub(crate) pages: Option<u64>,
    /// Warnings about the whole call.
    pub(crate) warnings: Vec<String>,
}

/// Reads the list of an answer that succeeded.
pub(crate) fn list<'a>(response: &'a Response, name: &str) -> Result<List<'a>> {
    let odd = |what: &str| {
        Error::protocol(format!(
            "{} answered {} {what}",
            response.call(),
            response.status
        ))
    };
    let Some(envelope) = Object::read_bytes(&response.body) else {
        return Err(odd(&format!(
            "with something else than a JSON object: {}",
            response.excerpt()
        )));
    };
    // Nothing but a list says that there is none: on that rests whether something is sent again.
    let is_list = |raw: &RawValue| raw.get().starts_with(['[', '{']);
    if !envelope.raw(name).is_some_and(is_list) {
        return Err(odd(&format!("without `{name}`: {}", response.excerpt())));
    }
    let elements = envelope.list(name);
    if !elements.iter().all(|it| it.get().starts_with('{')) {
        return Err(odd(&format!(
            "with something else than objects in `{name}`: {}",
            response.excerpt()
        )));
    }
    Ok(List {
        elements,
        pages: envelope
            .object("pagination")
            .and_then(|it| it.count("pageCount")),
        warnings: warnings(&envelope),
    })
}

/// The error of a reading call that failed.
pub(crate) fn failure(response: &Response) -> Error {
    match response.status {
        401 => Error::auth(unauthorised(response)),
        403 => Error::auth(DISCONNECTED),
        _ => Error::from_response(response),
    }
}

const DISCONNECTED: &str = "Xero no longer lets this connection reach the organisation: \
    it was disconnected in Xero, or another organisation is pinned; connect again";

/// Whether a 401 is about a missing scope or role, which a fresh token does not cure.
pub(crate) fn lacks_permission(response: &Response) -> bool {
    let body = response.text();
    let challenge = response.header("WWW-Authenticate").unwrap_or_default();
    response.status == 401
        // Xero spells it so.
        && (body.contains("AuthorizationUnsuccessful") || challenge.contains("insufficent_scope"))
}

fn unauthorised(response: &Response) -> String {
    if lacks_permission(response) {
        format!(
            "{} was refused: the consent lacks a scope, or the person who connected lacks the role; \
             connect again with all scopes",
            response.call()
        )
    } else {
        format!(
            "Xero does not accept the access token: {}",
            response.excerpt()
        )
    }
}

/// Why a writing call was refused as a whole.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The credentials, whatever the documents.
    Auth(Error),
    /// Nothing was saved; these elements are at fault. Xero answers so when it is not told to keep
    /// the good ones.
    Elements(Vec<Box<RawValue>>),
    /// Something in the call, nobody knows in which document.
    Whole { problem: Problem, words: String },
    /// Xero cannot now.
    Unavailable(String),
}

/// Reads the refusal of a writing call, whose status is not 2xx.
pub(crate) fn refusal(response: &Response) -> Refusal {
    let body = Object::read_bytes(&response.body).unwrap_or_default();
    match response.status {
        401 | 403 => Refusal::Auth(failure(response)),
        408 | 429 | 502..=504 => Refusal::Unavailable(status_line(response, &body)),
        400 => {
            let elements: Vec<_> = body
                .list("Elements")
                .into_iter()
                .map(ToOwned::to_owned)
                .collect();
            if body.text("ErrorNumber").as_deref() == Some("10") && !elements.is_empty() {
                Refusal::Elements(elements)
            } else {
                whole(said(response, &body), None)
            }
        }
        404 => whole(
            said(response, &body),
            Some(Problem {
                category: Category::Contact,
                field: Some("Contact.ContactID".to_owned()),
                cause: "Xero does not know the contact, or another id, of the document".to_owned(),
                remedy: "Link the contact anew, then retry".to_owned(),
            }),
        ),
        413 => whole(
            said(response, &body),
            Some(Problem {
                category: Category::Defect,
                field: None,
                cause: "what was sent is too large for Xero".to_owned(),
                remedy: "Split the document at its source: it has too many lines".to_owned(),
            }),
        ),
        // A fault of Xero's, or its way to refuse a malformed document.
        500..=599 => whole(
            said(response, &body),
            Some(Problem {
                category: Category::Passing,
                field: None,
                cause: format!(
                    "Xero failed with status {} on this document",
                    response.status
                ),
                remedy: "Retry later; if it stays, report it with the document".to_owned(),
            }),
        ),
        _ => whole(said(response, &body), None),
    }
}

fn whole(words: String, known: Option<Problem>) -> Refusal {
    let problem = known.unwrap_or_else(|| {
        let (mut problem, _) = problem(&[Complaint {
            field: None,
            words: words.clone(),
        }]);
        // Refused before any rule of the books was looked at: what was sent is malformed.
        if problem.category == Category::Unknown {
            problem.category = Category::Defect;
        }
        problem
    });
    Refusal::Whole { problem, words }
}

/// All that a refused call says.
fn said(response: &Response, body: &Object<'_>) -> String {
    let mut words: Vec<String> = complaints(body).into_iter().map(|it| it.words).collect();
    words.extend(
        ["Message", "Detail", "Title"]
            .iter()
            .find_map(|key| body.text(key)),
    );
    if words.is_empty() {
        status_line(response, body)
    } else {
        words.join("\n")
    }
}

fn status_line(response: &Response, body: &Object<'_>) -> String {
    let detail = body.text("Detail").unwrap_or_else(|| response.excerpt());
    format!("Xero answered {}: {detail}", response.status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_found_in_their_envelope() {
        let response = Response::new(
            200,
            r#"{"Id":"x","Status":"OK","pagination":{"page":1,"pageSize":100,"pageCount":3,"itemCount":245},
               "Warnings":[{"Message":"w"}],"Contacts":[{"ContactID":"a"},{"ContactID":"b"}]}"#,
        );
        let read = list(&response, "Contacts").unwrap();
        assert_eq!((read.elements.len(), read.pages), (2, Some(3)));
        assert_eq!(read.warnings, ["w"]);

        for (body, expected) in [
            (
                "<xml/>",
                "the call answered 200 with something else than a JSON object: <xml/>",
            ),
            (
                r#"{"Items":[]}"#,
                r#"the call answered 200 without `Contacts`: {"Items":[]}"#,
            ),
            (
                "",
                "the call answered 200 with something else than a JSON object: ",
            ),
            (
                r#"{"Contacts":["oops"]}"#,
                r#"the call answered 200 with something else than objects in `Contacts`: {"Contacts":["oops"]}"#,
            ),
            (
                r#"{"Contacts":null}"#,
                r#"the call answered 200 without `Contacts`: {"Contacts":null}"#,
            ),
            (
                r#"{"Contacts":"An error occurred in Xero."}"#,
                r#"the call answered 200 without `Contacts`: {"Contacts":"An error occurred in Xero."}"#,
            ),
        ] {
            let response = Response::new(200, body);
            let error = list(&response, "Contacts").expect_err(body);
            assert_eq!(error.message, expected);
        }
    }

    #[test]
    fn refused_calls_are_told_apart() {
        // status, body, what it is
        let cases: &[(u16, &str, &str)] = &[
            (
                400,
                r#"{"ErrorNumber":14,"Type":"PostDataInvalidException","Message":"JSON for post data was invalid"}"#,
                "whole Defect",
            ),
            (
                400,
                r#"{"ErrorNumber":17,"Message":"No data has been processed for this endpoint. "}"#,
                "whole Defect",
            ),
            (
                400,
                r#"{"ErrorNumber":10,"Message":"A validation exception occurred","Elements":[{"CreditNoteNumber":"1"}]}"#,
                "1 elements",
            ),
            (
                400,
                r#"{"ErrorNumber":10,"Message":"A validation exception occurred","Elements":[]}"#,
                "whole Defect",
            ),
            (
                400,
                "Idempotency Key: k is used with a different request.",
                "whole Defect",
            ),
            (
                400,
                r#"{"Message":"Idempotency Key: k is used with a different request."}"#,
                "whole Defect",
            ),
            (
                404,
                "The resource you're looking for cannot be found",
                "whole Contact",
            ),
            (
                413,
                r#"{"Title":"RequestEntityTooLarge","Status":413,"Detail":"PayloadTooLarge"}"#,
                "whole Defect",
            ),
            (415, "", "whole Defect"),
            (
                401,
                r#"{"Title":"Unauthorized","Detail":"AuthorizationUnsuccessful"}"#,
                "auth",
            ),
            (
                403,
                r#"{"Title":"Forbidden","Detail":"AuthenticationUnsuccessful"}"#,
                "auth",
            ),
            (429, "", "unavailable"),
            (503, "The Organisation is offline", "unavailable"),
            (
                500,
                r#"{"Title":"An error occurred","Detail":"An error occurred in Xero."}"#,
                "whole Passing",
            ),
        ];
        for (status, body, expected) in cases {
            let shown = match refusal(&Response::new(*status, *body)) {
                Refusal::Auth(_) => "auth".to_owned(),
                Refusal::Elements(elements) => format!("{} elements", elements.len()),
                Refusal::Whole { problem, words } => {
                    assert!(!words.is_empty(), "{status} {body}");
                    format!("whole {:?}", problem.category)
                }
                Refusal::Unavailable(_) => "unavailable".to_owned(),
            };
            assert_eq!(&shown, expected, "{status} {body}");
        }
    }

    #[test]
    fn missing_scopes_are_told_from_old_tokens() {
        let scope = Response::new(401, r#"{"Detail":"AuthorizationUnsuccessful"}"#);
        assert!(lacks_permission(&scope));
        let mut challenge = Response::new(401, "");
        challenge
            .headers
            .push(("www-authenticate".into(), "error=insufficent_scope".into()));
        assert!(lacks_permission(&challenge));
        let token = Response::new(
            401,
            r#"{"Detail":"TokenExpired: token expired at 11/22/2026"}"#,
        );
        assert!(!lacks_permission(&token));
        assert!(
            failure(&token)
                .message
                .contains("does not accept the access token")
        );
    }
}
