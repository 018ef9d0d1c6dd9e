//! A journal that takes another one's place, with the reversal of that one: both in one call, which Xero
//! takes or refuses as a whole.

use ledgerline_plugin_api::abi::Status;
use ledgerline_plugin_api::sdk::{BatchDoc, Change, Outcome, Response, Result};

use crate::lenient::Object;
use crate::resource::Resource;
use crate::write::{Call, Verb, outcomes};

/// The field in which a reversal comes and goes; the manifest names it, too.
const CARRIED_IN: &str = "Reversal";

/// Both journals.
#[derive(Debug)]
pub(crate) struct Pair {
    /// Index of the document in its batch.
    pub(crate) at: usize,
    new: BatchDoc,
    reversal: BatchDoc,
}

impl Pair {
    /// `None` where the document brings no reversal.
    pub(crate) fn of(resource: Resource, at: usize, doc: &BatchDoc) -> Option<Self> {
        if resource != Resource::ManualJournals || doc.change != Change::Create {
            return None;
        }
        let body = Object::read(&doc.body)?;
        let reversal = body.raw(CARRIED_IN)?.to_owned();
        let new = body.without(CARRIED_IN).ok()?;
        Some(Self {
            at,
            new: BatchDoc {
                body: new,
                ..doc.clone()
            },
            reversal: BatchDoc {
                body: reversal,
                number: String::new(),
                ..doc.clone()
            },
        })
    }

    pub(crate) fn call(&self) -> Call {
        let Self { at, new, reversal } = self;
        Call {
            verb: Verb::Create,
            covers: vec![*at],
            alone: None,
            whole: true,
            body: format!(
                "{{\"{}\":[{},{}]}}",
                Resource::ManualJournals.collection(),
                new.body,
                reversal.body
            ),
        }
    }

    /// What became of both; an error when the credentials were refused.
    pub(crate) fn outcome(&self, response: &Response) -> Result<Outcome> {
        let docs = [&self.new, &self.reversal];
        let both = outcomes(Resource::ManualJournals, &docs, response)?;
        Ok(match <[Outcome; 2]>::try_from(both) {
            Ok([new, reversal]) => joined(new, reversal),
            Err(_) => half(),
        })
    }
}

fn half() -> Outcome {
    Outcome::unknown("Xero's answer does not say that the journal and the reversal were both taken")
}

/// The journal as it was taken, the reversal in it.
fn joined(new: Outcome, mut reversal: Outcome) -> Outcome {
    match (new.status, reversal.status) {
        (Status::OK, Status::OK) => {
            let body = new.body.as_deref().and_then(Object::read);
            let (Some(body), Some(other)) = (body, &reversal.body) else {
                return half();
            };
            let Ok(body) = body.with(&[(CARRIED_IN, other)]) else {
                return half();
            };
            let mut warnings = new.warnings.clone();
            warnings.append(&mut reversal.warnings);
            Outcome {
                body: Some(body),
                warnings,
                ..new
            }
        }
        (Status::OK, _) | (_, Status::OK) => half(),
        (Status::REJECTED, _) => new,
        (_, Status::REJECTED) => {
            if let Some(problem) = reversal.problem.as_mut() {
                let cause = &problem.cause;
                problem.cause = format!("the reversal of the journal that it replaces: {cause}");
            }
            reversal
        }
        _ => new,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;

    const NEW: &str = "11111111-0000-4000-8000-000000000001";
    const REVERSAL: &str = "22222222-0000-4000-8000-000000000002";

    fn doc(body: &str) -> BatchDoc {
        BatchDoc {
            change: Change::Create,
            id: "901".to_owned(),
            number: "A-1/2".to_owned(),
            remote_id: None,
            since: None,
            body: RawValue::from_string(body.to_owned()).unwrap(),
        }
    }

    fn pair() -> Pair {
        let doc = doc(
            r#"{"Date":"2026-11-09","Narration":"A-1/2","Reversal":{"Narration":"Reversal of A-1"}}"#,
        );
        Pair::of(Resource::ManualJournals, 3, &doc).expect("a pair")
    }

    #[test]
    fn a_document_without_a_reversal_is_no_pair() {
        let plain = doc(r#"{"Narration":"A-1"}"#);
        assert!(Pair::of(Resource::ManualJournals, 0, &plain).is_none());
        let update = BatchDoc {
            change: Change::Update,
            ..doc(r#"{"Narration":"A-1","Reversal":{}}"#)
        };
        assert!(Pair::of(Resource::ManualJournals, 0, &update).is_none());
    }

    #[test]
    fn both_go_in_one_call_that_is_taken_as_a_whole() {
        let call = pair().call();
        assert_eq!(
            call.body,
            r#"{"ManualJournals":[{"Date":"2026-11-09","Narration":"A-1/2"},{"Narration":"Reversal of A-1"}]}"#
        );
        let request = crate::write::request("https://x", Resource::ManualJournals, &call);
        let url = request.url().to_owned();
        assert!(
            url.ends_with("ManualJournals?summarizeErrors=true"),
            "{url}"
        );
        assert_eq!(call.covers, [3]);
    }

    #[test]
    fn the_answer_is_one_document_in_which_both_ids_stand() {
        let journal = |id: &str, narration: &str| {
            format!(r#"{{"ManualJournalID":"{id}","Narration":"{narration}","JournalLines":[]}}"#)
        };
        let new = journal(NEW, "A-1/2");
        let reversal = journal(REVERSAL, "Reversal of A-1");
        // Xero does not promise to answer in the order of the request.
        for list in [format!("{new},{reversal}"), format!("{reversal},{new}")] {
            let response = Response::new(200, format!(r#"{{"ManualJournals":[{list}]}}"#));
            let outcome = pair().outcome(&response).unwrap();
            assert_eq!((outcome.status, &*outcome.remote_id), (Status::OK, NEW));
            let body = outcome.body.unwrap();
            let body = Object::read(&body).unwrap();
            let inner = body.object(CARRIED_IN).unwrap();
            assert_eq!(inner.text("ManualJournalID").unwrap(), REVERSAL);
        }
    }

    #[test]
    fn half_an_answer_leaves_it_open() {
        for list in [
            format!(r#"{{"ManualJournalID":"{NEW}","Narration":"A-1/2"}}"#),
            format!(
                r#"{{"ManualJournalID":"{NEW}","Narration":"A-1/2"}},{{"Narration":"Reversal of A-1",
                   "ValidationErrors":[{{"Message":"no"}}]}}"#
            ),
        ] {
            let response = Response::new(200, format!(r#"{{"ManualJournals":[{list}]}}"#));
            let outcome = pair().outcome(&response).unwrap();
            assert_eq!(outcome.status, Status::UNAVAILABLE, "{list}");
        }
    }

    #[test]
    fn a_refused_reversal_refuses_both_and_says_so() {
        let response = Response::new(
            400,
            r#"{"ErrorNumber":10,"Type":"ValidationException","Message":"A validation exception occurred",
               "Elements":[{"Narration":"Reversal of A-1","ValidationErrors":[{"Message":"Account code '9' is not a valid code for this document."}]}]}"#,
        );
        let outcome = pair().outcome(&response).unwrap();
        assert_eq!(outcome.status, Status::REJECTED);
        let cause = outcome.problem.unwrap().cause;
        assert!(cause.starts_with("the reversal of the journal"), "{cause}");
    }
}
