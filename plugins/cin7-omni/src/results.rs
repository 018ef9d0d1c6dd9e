//! What a write says about its elements.
//!
//! The answer is 200 with one result for each element, to be told apart by `index`, or something else
//! for all of them.

use ledgerline_plugin_api::prelude::*;

use crate::answer;
use crate::resource::Resource;

/// What a write said about one element.
#[derive(Debug, Clone)]
pub(crate) enum Said {
    /// With its id, where that was told.
    Saved(Option<i64>),
    Refused(String),
    /// Nothing that can be relied on.
    Nothing(Error),
}

/// How refusals of a kind of write are told to people.
pub(crate) struct Words<'a> {
    pub(crate) resource: &'a Resource,
    /// The permission that the write needs.
    pub(crate) verb: &'a str,
    /// From Omni's own words.
    pub(crate) refusal: fn(&Resource, &str) -> Problem,
    /// What to do about a missing permission.
    pub(crate) when_allowed: String,
}

impl Words<'_> {
    fn not_allowed(&self) -> Problem {
        Problem {
            category: Category::Permission,
            field: None,
            cause: answer::not_ticked(self.verb, self.resource.list),
            remedy: self.when_allowed.clone(),
        }
    }
}

/// What an answer that is no success means for all of a write's elements: an outcome when nothing was
/// taken in, an error when nobody knows.
pub(crate) fn whole(
    response: &Response,
    words: &Words<'_>,
) -> std::result::Result<Error, Box<Outcome>> {
    let failure = || answer::failure(response, words.resource.list);
    match response.status {
        403 => {
            let said = answer::words(response);
            Err(Box::new(Outcome::refused(words.not_allowed(), said)))
        }
        400 | 404 | 409 | 422 => {
            let said = answer::words(response);
            let problem = (words.refusal)(words.resource, &said);
            Err(Box::new(Outcome::refused_whole(problem, said)))
        }
        500..=599 => Ok(failure()),
        _ => Err(Box::new(Outcome::failed(&failure()))),
    }
}

/// What is said about each element, or the outcome of all of them when nothing was taken in.
pub(crate) fn read_results(
    response: &Response,
    count: usize,
    words: &Words<'_>,
) -> std::result::Result<Vec<Said>, Box<Outcome>> {
    #[derive(Deserialize)]
    struct Element {
        #[serde(default)]
        index: Option<usize>,
        #[serde(default)]
        success: Option<bool>,
        #[serde(default)]
        id: Option<i64>,
        #[serde(default)]
        errors: Option<Vec<String>>,
    }
    if !response.is_success() {
        return Ok(vec![Said::Nothing(whole(response, words)?); count]);
    }
    let results: Vec<Element> = match response.json() {
        Ok(results) => results,
        Err(error) => return Ok(vec![Said::Nothing(error); count]),
    };
    let missing = Error::protocol("Omni's answer has no result for this element");
    let mut said = vec![Said::Nothing(missing); count];
    for (position, result) in results.into_iter().enumerate() {
        // One that does not say whether it succeeded is no result.
        let place = said.get_mut(result.index.unwrap_or(position));
        if let (Some(place), Some(success)) = (place, result.success) {
            *place = match success {
                true => Said::Saved(result.id.filter(|id| *id > 0)),
                false => Said::Refused(result.errors.unwrap_or_default().join("; ")),
            };
        }
    }
    Ok(said)
}

/// A document that the mapping made wrongly.
pub(crate) fn defect(cause: impl Into<String>) -> Box<Outcome> {
    let problem = Problem {
        category: Category::Defect,
        field: None,
        cause: cause.into(),
        remedy: "Correct the mapping of this route, then retry.".to_owned(),
    };
    Box::new(Outcome::refused(problem, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, body: &str, count: usize) -> std::result::Result<Vec<Said>, Box<Outcome>> {
        let words = Words {
            resource: Resource::of("credit_notes").unwrap(),
            verb: "Update",
            refusal: |_, said| Problem {
                category: Category::Unknown,
                field: None,
                cause: said.to_owned(),
                remedy: String::new(),
            },
            when_allowed: String::new(),
        };
        read_results(&Response::new(status, body), count, &words)
    }

    #[test]
    fn results_are_told_apart_by_their_index() {
        let body =
            r#"[{"index":1,"success":true,"id":2},{"index":0,"success":false,"errors":["no"]}]"#;
        let said = read(200, body, 3).unwrap();
        assert!(matches!(&said[0], Said::Refused(words) if words == "no"));
        assert!(matches!(&said[1], Said::Saved(Some(2))));
        assert!(matches!(&said[2], Said::Nothing(_)));
    }

    /// An error in the place of a result was taken for a refusal, and a person was asked.
    #[test]
    fn an_element_that_does_not_say_whether_it_succeeded_is_no_refusal() {
        for body in [
            r#"[{"index":0,"message":"An error has occurred."}]"#,
            r#"[{"index":0,"success":null}]"#,
            r#"[{}]"#,
            r#"["An error has occurred."]"#,
            r#"{"message":"An error has occurred."}"#,
            "<html></html>",
        ] {
            let said = read(200, body, 1).unwrap();
            assert!(matches!(&said[..], [Said::Nothing(_)]), "{body}: {said:?}");
        }
    }

    #[test]
    fn only_a_server_error_leaves_open_what_was_saved() {
        for (status, open) in [
            (500, true),
            (503, true),
            (400, false),
            (403, false),
            (429, false),
        ] {
            assert_eq!(read(status, r#""no""#, 1).is_ok(), open, "{status}");
        }
    }
}
