//! What one try's end means for the call: pure, decided from the manifest alone.

use ledgerline_plugin_api::manifest::Answers;

use super::{
    budget::Exhausted,
    call::{Call, Repeat},
};

/// What happens after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is the call's answer.
    Final,
    /// Nothing was done; wait, then try again.
    SlowDown(Exhausted, Whose),
    /// Try again after a pause, if tries are left; else it is the call's answer.
    TryAgain,
    /// A fresh access token may cure it.
    RenewToken,
    /// The account is not reachable with this credential.
    Disconnected,
}

/// Whose budget is exhausted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    Account,
    App,
}

/// Tries that a call has, the first included.
pub(super) fn tries(repeat: &Repeat) -> u32 {
    match repeat {
        Repeat::Safe => 5,
        Repeat::Keyed { .. } => 4,
        Repeat::Never => 1,
    }
}

/// Whether a call may change something.
pub(super) fn writes(method: &str) -> bool {
    !matches!(method, "GET" | "HEAD")
}

/// Decides about an answer. `renewable` says that the credential is an access token that was not
/// renewed during this call yet.
pub(super) fn on_answer(
    answers: &Answers,
    call: &Call,
    status: u16,
    headers: &[(String, String)],
    body: &[u8],
    renewable: bool,
) -> Verdict {
    let slow_down = status == 429 || answers.slow_down.contains(&status);
    if slow_down || says(answers.slow_down_text.as_deref(), body) {
        let (what, whose) = exhausted(answers, headers);
        return Verdict::SlowDown(what, whose);
    }
    if status == 401 && renewable {
        let cured = answers
            .expired_token
            .as_ref()
            .filter(|it| !it.is_empty())
            .is_none_or(|part| {
                String::from_utf8_lossy(body)
                    .to_lowercase()
                    .contains(&part.to_lowercase())
            });
        if cured {
            return Verdict::RenewToken;
        }
    }
    if answers.disconnected.contains(&status) && !call.auth.is_empty() {
        return Verdict::Disconnected;
    }
    let again = match call.repeat {
        Repeat::Never => false,
        Repeat::Safe => {
            matches!(status, 502..=504)
                || answers.try_again.contains(&status)
                || (!writes(&call.method)
                    && (status == 500 || is_a_page_instead(call, status, headers)))
        }
        // 501 and 505 will not change; of all others nobody knows what was done, and the key makes
        // it safe to ask again.
        Repeat::Keyed { .. } => {
            (matches!(status, 500..=599) && !matches!(status, 501 | 505))
                || answers.try_again.contains(&status)
        }
    };
    if again {
        Verdict::TryAgain
    } else {
        Verdict::Final
    }
}

/// Whether something on the way showed a page for people, where a program asked for JSON.
fn is_a_page_instead(call: &Call, status: u16, headers: &[(String, String)]) -> bool {
    let says = |headers: &[(String, String)], name: &str, what: &str| {
        let mut values = headers
            .iter()
            .filter(|it| it.0.eq_ignore_ascii_case(name))
            .map(|it| it.1.to_ascii_lowercase());
        values.any(|it| it.contains(what))
    };
    (200..300).contains(&status)
        && says(&call.headers, "accept", "json")
        && says(headers, "content-type", "text/html")
}

/// Longest body that may be a note rather than a document that quotes one.
const LONGEST_NOTE: usize = 1_000;

/// Whether a body is a short note with certain words.
fn says(words: Option<&str>, body: &[u8]) -> bool {
    let Some(words) = words.filter(|it| !it.is_empty() && body.len() <= LONGEST_NOTE) else {
        return false;
    };
    let body = String::from_utf8_lossy(body).to_lowercase();
    body.contains(&words.to_lowercase())
}

/// Whether an answer leaves open what the call did: the other side failed on the way, or something
/// before the other side answered in its place.
pub(super) fn leaves_open(status: u16) -> bool {
    status >= 500
}

/// Whether an answer was given before the call was looked at: it says nothing about what an earlier
/// try of the same call did. (Neither do those from 500 on, but nobody takes them for a "no".)
pub(super) fn at_the_door(status: u16) -> bool {
    matches!(status, 401 | 403 | 407 | 408 | 425)
}

fn exhausted(answers: &Answers, headers: &[(String, String)]) -> (Exhausted, Whose) {
    let value = answers.window_header.as_ref().and_then(|wanted| {
        headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value)
    });
    let Some(value) = value
        .map(|it| it.trim().to_ascii_lowercase())
        .filter(|it| !it.is_empty())
    else {
        return (Exhausted::Unknown, Whose::Account);
    };
    if value.starts_with("minute") {
        (Exhausted::Minute, Whose::Account)
    } else if value.starts_with("day") {
        (Exhausted::Day, Whose::Account)
    } else if value.starts_with("concurrent") {
        (Exhausted::Concurrent, Whose::Account)
    } else {
        (Exhausted::Unknown, Whose::App)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;

    fn answers() -> Answers {
        Answers {
            slow_down: vec![420],
            slow_down_text: Some("calls per minute".to_owned()),
            window_header: Some("X-Problem".to_owned()),
            try_again: vec![520],
            expired_token: Some("TokenExpired".to_owned()),
            disconnected: vec![403],
        }
    }

    fn call(method: &str, repeat: Repeat) -> Call {
        Call {
            method: method.to_owned(),
            url: String::new(),
            headers: Vec::new(),
            body: Bytes::new(),
            auth: "api".to_owned(),
            bucket: String::new(),
            timeout: Duration::ZERO,
            max_answer: 0,
            repeat,
        }
    }

    fn keyed() -> Repeat {
        Repeat::Keyed {
            header: "key".to_owned(),
            key: "k".to_owned(),
            until_ms: 0,
        }
    }

    #[test]
    fn statuses_decide_by_how_the_call_may_be_repeated() {
        use Verdict::{Disconnected, Final, TryAgain};
        let cases = [
            // status, safe GET, safe PUT, keyed PUT, PUT without protection
            (200, [Final, Final, Final, Final]),
            (304, [Final, Final, Final, Final]),
            (307, [Final, Final, Final, Final]),
            (400, [Final, Final, Final, Final]),
            (
                403,
                [Disconnected, Disconnected, Disconnected, Disconnected],
            ),
            (404, [Final, Final, Final, Final]),
            (500, [TryAgain, Final, TryAgain, Final]),
            (501, [Final, Final, Final, Final]),
            (502, [TryAgain, TryAgain, TryAgain, Final]),
            (503, [TryAgain, TryAgain, TryAgain, Final]),
            (504, [TryAgain, TryAgain, TryAgain, Final]),
            (507, [Final, Final, TryAgain, Final]),
            (520, [TryAgain, TryAgain, TryAgain, Final]),
        ];
        let calls = [
            call("GET", Repeat::Safe),
            call("PUT", Repeat::Safe),
            call("PUT", keyed()),
            call("PUT", Repeat::Never),
        ];
        for (status, expected) in cases {
            for (call, expected) in calls.iter().zip(expected) {
                let actual = on_answer(&answers(), call, status, &[], b"", false);
                assert_eq!(
                    actual, expected,
                    "{status} {} {:?}",
                    call.method, call.repeat
                );
            }
        }
    }

    #[test]
    fn a_page_in_place_of_what_was_asked_for_is_asked_for_again() {
        use Verdict::{Final, TryAgain};
        let html = "text/html; charset=utf-8";
        let cases = [
            ("GET", Some("application/json"), 200, html, TryAgain),
            ("GET", Some("application/json"), 404, html, Final),
            (
                "GET",
                Some("application/json"),
                200,
                "application/json",
                Final,
            ),
            ("GET", Some("*/*"), 200, html, Final),
            ("GET", None, 200, html, Final),
            ("PUT", Some("application/json"), 200, html, Final),
        ];
        for (method, accept, status, kind, expected) in cases {
            let mut call = call(method, Repeat::Safe);
            let accept = accept.map(|it| ("Accept".to_owned(), it.to_owned()));
            call.headers.extend(accept);
            let headers = [("content-type".to_owned(), kind.to_owned())];
            let actual = on_answer(&answers(), &call, status, &headers, b"", false);
            assert_eq!(actual, expected, "{method} {status} {kind}");
        }
    }

    #[test]
    fn slow_down_names_whose_budget_is_exhausted() {
        let cases = [
            (Some("minute"), Exhausted::Minute, Whose::Account),
            (Some("Minute Limit"), Exhausted::Minute, Whose::Account),
            (Some("DAY"), Exhausted::Day, Whose::Account),
            (Some("concurrent"), Exhausted::Concurrent, Whose::Account),
            (Some("appminute"), Exhausted::Unknown, Whose::App),
            (Some(" "), Exhausted::Unknown, Whose::Account),
            (None, Exhausted::Unknown, Whose::Account),
        ];
        for (value, what, whose) in cases {
            let headers: Vec<_> = value
                .map(|it| ("x-problem".to_owned(), it.to_owned()))
                .into_iter()
                .collect();
            for status in [429, 420] {
                let call = call("PUT", Repeat::Never);
                let actual = on_answer(&answers(), &call, status, &headers, b"", false);
                assert_eq!(actual, Verdict::SlowDown(what, whose), "{value:?}");
            }
        }
    }

    #[test]
    fn a_short_note_may_ask_to_slow_down_whatever_the_status() {
        let note = br#"[{"ErrorCode":400,"Exception":"You reached 60 Calls per Minute"}]"#;
        let mut document = br#"{"Memo":"60 calls per minute"}"#.to_vec();
        let short = document.len();
        document.resize(1_001, b' ');
        let cases: [(u16, &[u8], bool); 6] = [
            (400, note, true),
            (200, note, true),
            (500, note, true),
            (400, b"no", false),
            (200, &document, false),
            (200, &document[..short], true),
        ];
        for (status, body, expected) in cases {
            let call = call("GET", Repeat::Safe);
            let actual = on_answer(&answers(), &call, status, &[], body, false);
            let waits = matches!(actual, Verdict::SlowDown(..));
            assert_eq!(waits, expected, "{status} {}", body.len());
        }
    }

    #[test]
    fn a_refused_token_is_renewed_when_that_can_help() {
        let get = call("GET", Repeat::Safe);
        let any = Answers {
            expired_token: None,
            ..answers()
        };
        let cases = [
            (
                answers(),
                &b"{\"Detail\":\"tokenexpired: at\"}"[..],
                true,
                Verdict::RenewToken,
            ),
            (
                answers(),
                &b"{\"Detail\":\"TokenExpired\"}"[..],
                false,
                Verdict::Final,
            ),
            (
                answers(),
                &b"{\"Detail\":\"insufficient scope\"}"[..],
                true,
                Verdict::Final,
            ),
            (any.clone(), &b""[..], true, Verdict::RenewToken),
            (any, &b""[..], false, Verdict::Final),
        ];
        for (answers, body, renewable, expected) in cases {
            assert_eq!(
                on_answer(&answers, &get, 401, &[], body, renewable),
                expected
            );
        }
    }
}
