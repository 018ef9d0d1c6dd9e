use ledgerline_plugin_api::abi::Status;

use super::*;

const NOTES: Resource = Resource::CreditNotes;

fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).unwrap()
}

fn doc(change: Change, number: &str, remote_id: Option<&str>) -> BatchDoc {
    BatchDoc {
        change,
        id: format!("entry {number}"),
        number: number.to_owned(),
        remote_id: remote_id.map(str::to_owned),
        since: None,
        body: raw(&format!(
            r#"{{"CreditNoteNumber":"{number}","Contact":{{"ContactID":"c1"}},"Total":12.10}}"#
        )),
    }
}

fn answer(elements: &[&str]) -> Response {
    Response::new(
        200,
        format!(
            r#"{{"Status":"OK","CreditNotes":[{}]}}"#,
            elements.join(",")
        ),
    )
}

/// One word or two for each outcome.
fn shown(outcomes: &[Outcome]) -> Vec<String> {
    outcomes
        .iter()
        .map(|it| match (it.status, &it.problem) {
            (Status::OK, _) => format!("written {}", it.remote_id),
            (Status::REJECTED, Some(problem)) if it.whole => {
                format!("whole {:?}", problem.category)
            }
            (Status::REJECTED, Some(problem)) => format!("{:?}: {}", problem.category, it.message),
            _ => "unknown".to_owned(),
        })
        .collect()
}

#[test]
fn new_documents_are_put_and_linked_ones_posted_with_their_ids() {
    let batch = [
        doc(Change::Create, "CN-1", None),
        doc(Change::Update, "CN-2", Some("id-2")),
        doc(Change::Create, "CN-3", None),
    ];
    let elements: Vec<_> = batch
        .iter()
        .enumerate()
        .map(|(at, doc)| element(NOTES, at, doc).unwrap())
        .collect();
    let calls = calls(NOTES, &elements);
    let requests: Vec<_> = calls
        .iter()
        .map(|it| request("https://x.example", NOTES, it))
        .collect();

    let url = "https://x.example/api.xro/2.0/CreditNotes?summarizeErrors=false&unitdp=4";
    assert_eq!(requests.len(), 2);
    assert_eq!((requests[0].method(), requests[0].url()), ("PUT", url));
    assert_eq!((requests[1].method(), requests[1].url()), ("POST", url));
    assert_eq!(calls[0].covers, [0, 2]);
    assert_eq!(calls[1].covers, [1]);
    assert_eq!(
        calls[0].body,
        concat!(
            r#"{"CreditNotes":[{"CreditNoteNumber":"CN-1","Contact":{"ContactID":"c1"},"Total":12.10},"#,
            r#"{"CreditNoteNumber":"CN-3","Contact":{"ContactID":"c1"},"Total":12.10}]}"#
        )
    );
    assert_eq!(
        calls[1].body,
        concat!(
            r#"{"CreditNotes":[{"Contact":{"ContactID":"c1"},"CreditNoteID":"id-2","#,
            r#""CreditNoteNumber":"CN-2","Total":12.10}]}"#
        )
    );
}

#[test]
fn an_update_without_an_id_is_never_sent() {
    let outcome = element(NOTES, 0, &doc(Change::Update, "CN-1", None)).expect_err("no id");
    assert_eq!(shown(&[*outcome]), ["Defect: "]);
}

#[test]
fn large_bodies_are_split() {
    let big = "x".repeat(1_300_000);
    let elements: Vec<Element> = (0..4)
        .map(|at| Element {
            at,
            verb: Verb::Create,
            alone: None,
            json: raw(&format!("\"{big}\"")),
        })
        .collect();
    let split = calls(NOTES, &elements);
    assert_eq!(
        split.iter().map(|it| it.covers.clone()).collect::<Vec<_>>(),
        [[0, 1], [2, 3]]
    );
    assert!(split.iter().all(|it| it.body.len() <= MAX_BYTES));

    let many: Vec<Element> = (0..120)
        .map(|at| Element {
            at,
            verb: Verb::Create,
            alone: None,
            json: raw("{}"),
        })
        .collect();
    let lengths: Vec<_> = calls(NOTES, &many)
        .iter()
        .map(|it| it.covers.len())
        .collect();
    assert_eq!(lengths, [50, 50, 20]);

    // One that is too large by itself goes alone, and Xero says so.
    let huge = Element {
        at: 0,
        verb: Verb::Create,
        alone: None,
        json: raw(&format!("\"{}\"", big.repeat(3))),
    };
    assert_eq!(calls(NOTES, &[huge]).len(), 1);
}

#[test]
fn taking_back_depends_on_the_status() {
    let cases = [
        ("DRAFT", Some(r#"{"CreditNoteID":"i","Status":"DELETED"}"#)),
        (
            "SUBMITTED",
            Some(r#"{"CreditNoteID":"i","Status":"DELETED"}"#),
        ),
        (
            "AUTHORISED",
            Some(r#"{"CreditNoteID":"i","Status":"VOIDED"}"#),
        ),
        ("PAID", Some(r#"{"CreditNoteID":"i","Status":"VOIDED"}"#)),
        ("VOIDED", None),
        ("DELETED", None),
    ];
    for (status, expected) in cases {
        let held = raw(&format!(r#"{{"Status":"{status}"}}"#));
        let element = taking_back(NOTES, 0, "i", &Object::read(&held).unwrap());
        assert_eq!(
            element.as_ref().map(|it| it.json.get()),
            expected,
            "{status}"
        );
        assert!(element.is_none_or(|it| it.verb == Verb::Change), "{status}");
    }
}

#[test]
fn a_saved_document_needs_an_id_and_no_complaint() {
    let zero = "00000000-0000-0000-0000-000000000000";
    // element, outcome
    let cases = [
        (r#"{"CreditNoteID":"A1","CreditNoteNumber":"CN-1","StatusAttributeString":"OK","HasErrors":false}"#.to_owned(), "written a1"),
        (r#"{"CreditNoteID":"a1","CreditNoteNumber":"CN-1"}"#.to_owned(), "written a1"),
        (r#"{"CreditNoteID":"a1","StatusAttributeString":"WARNING","Warnings":[{"Message":"w"}]}"#.to_owned(), "written a1"),
        (format!(r#"{{"CreditNoteID":"{zero}","CreditNoteNumber":"CN-1","StatusAttributeString":"OK"}}"#), "unknown"),
        (r#"{"CreditNoteNumber":"CN-1","StatusAttributeString":"OK"}"#.to_owned(), "unknown"),
        (format!(r#"{{"CreditNoteID":"{zero}","StatusAttributeString":"ERROR","HasErrors":true,"ValidationErrors":[{{"Message":"Credit Note # must be unique."}}]}}"#), "Duplicate: Credit Note # must be unique."),
        // A failed update keeps its real id.
        (r#"{"CreditNoteID":"a1","StatusAttributeString":"ERROR","ValidationErrors":[{"Message":"Credit Note not of valid status for modification"}]}"#.to_owned(), "DocumentState: Credit Note not of valid status for modification"),
        (r#"{"CreditNoteID":"a1","HasErrors":true}"#.to_owned(), "Unknown: "),
        (r#"{"CreditNoteID":"a1","ValidationErrors":[{"Message":"Email address must be valid."}]}"#.to_owned(), "Contact: Email address must be valid."),
        (format!(r#"{{"CreditNoteID":"{zero}","LineItems":[{{"ValidationErrors":[{{"Message":"Account must be valid."}}]}}]}}"#), "Mapping: Account must be valid."),
        (r#""nonsense""#.to_owned(), "unknown"),
    ];
    let sent = doc(Change::Create, "CN-1", None);
    for (json, expected) in cases {
        let outcomes = outcomes(NOTES, &[&sent], &answer(&[&json])).unwrap();
        assert_eq!(shown(&outcomes), [expected], "{json}");
    }
}

#[test]
fn warnings_travel_with_what_was_written() {
    let sent = doc(Change::Create, "CN-1", None);
    let response = Response::new(
        200,
        r#"{"Warnings":[{"Message":"all"}],"CreditNotes":[{"CreditNoteID":"a1","UpdatedDateUTC":"/Date(1)/",
           "Warnings":[{"Message":"Account code '270' has been removed as it does not match a recognised account."}]}]}"#,
    );
    let outcomes = outcomes(NOTES, &[&sent], &response).unwrap();
    assert_eq!(
        outcomes[0].warnings,
        [
            "Account code '270' has been removed as it does not match a recognised account.",
            "all"
        ]
    );
    assert_eq!(outcomes[0].version, "/Date(1)/");
}

#[test]
fn answers_are_matched_by_position_and_confirmed() {
    let docs = [
        doc(Change::Create, "CN-1", None),
        doc(Change::Create, "CN-2", None),
    ];
    let docs: Vec<_> = docs.iter().collect();
    let one = r#"{"CreditNoteID":"a1","CreditNoteNumber":"CN-1"}"#;
    let two = r#"{"CreditNoteID":"a2","CreditNoteNumber":"CN-2"}"#;
    let silent = r#"{"CreditNoteID":"a9"}"#;
    let other = r#"{"CreditNoteID":"a9","CreditNoteNumber":"CN-2","Contact":{"ContactID":"c9"}}"#;
    // answer, outcomes
    let cases: &[(&[&str], [&str; 2])] = &[
        (&[one, two], ["written a1", "written a2"]),
        (&[two, one], ["written a1", "written a2"]),
        (&[two], ["unknown", "written a2"]),
        (&[silent, two], ["written a9", "written a2"]),
        (&[silent], ["unknown", "unknown"]),
        (&[one, other], ["written a1", "unknown"]),
        (&[one, two, two], ["written a1", "unknown"]),
        (&[], ["unknown", "unknown"]),
    ];
    for (elements, expected) in cases {
        let outcomes = outcomes(NOTES, &docs, &answer(elements)).unwrap();
        assert_eq!(shown(&outcomes), *expected, "{elements:?}");
    }
}

#[test]
fn updates_are_confirmed_by_id() {
    let docs = [
        doc(Change::Update, "CN-1", Some("A1")),
        doc(Change::Update, "CN-2", Some("a2")),
    ];
    let docs: Vec<_> = docs.iter().collect();
    let elements = [
        r#"{"CreditNoteID":"a2","CreditNoteNumber":"renumbered"}"#,
        r#"{"CreditNoteID":"a1","CreditNoteNumber":"CN-1"}"#,
    ];
    let outcomes = outcomes(NOTES, &docs, &answer(&elements)).unwrap();
    assert_eq!(shown(&outcomes), ["written a1", "written a2"]);
}

#[test]
fn contacts_without_a_number_are_confirmed_by_name() {
    let contact = |name: &str| BatchDoc {
        body: raw(&format!(r#"{{"Name":"{name}"}}"#)),
        ..doc(Change::Create, "", None)
    };
    let docs = [contact("Ann"), contact("Bob")];
    let docs: Vec<_> = docs.iter().collect();
    let response = Response::new(
        200,
        r#"{"Contacts":[{"ContactID":"b","Name":"BOB"},{"ContactID":"a","Name":"Ann"}]}"#,
    );
    let outcomes = outcomes(Resource::Contacts, &docs, &response).unwrap();
    assert_eq!(shown(&outcomes), ["written a", "written b"]);
}

#[test]
fn unreadable_answers_leave_the_outcome_open() {
    let sent = doc(Change::Create, "CN-1", None);
    for body in ["", "<html>", r#"{"CreditNotes""#, r#"{"Contacts":[]}"#] {
        let outcomes = outcomes(NOTES, &[&sent], &Response::new(200, body)).unwrap();
        assert_eq!(shown(&outcomes), ["unknown"], "{body}");
    }
}

#[test]
fn refused_calls_say_so_for_every_document() {
    let docs = [
        doc(Change::Create, "CN-1", None),
        doc(Change::Create, "CN-2", None),
    ];
    let docs: Vec<_> = docs.iter().collect();
    let outcomes_of = |status, body: &str| outcomes(NOTES, &docs, &Response::new(status, body));

    assert_eq!(
        shown(&outcomes_of(404, "The resource you're looking for cannot be found").unwrap()),
        ["whole Contact", "whole Contact"]
    );
    assert_eq!(
        shown(&outcomes_of(503, "offline").unwrap()),
        ["unknown", "unknown"]
    );
    assert_eq!(
        outcomes_of(403, "{}").expect_err("no access").status,
        Status::AUTH
    );
    // Xero ignored `summarizeErrors=false`: one is named, the other may go again.
    let summed = r#"{"ErrorNumber":10,"Message":"A validation exception occurred","Elements":[
        {"CreditNoteNumber":"CN-2","ValidationErrors":[{"Message":"Credit Note # must be unique."}]}]}"#;
    assert_eq!(
        shown(&outcomes_of(400, summed).unwrap()),
        ["unknown", "Duplicate: Credit Note # must be unique."]
    );
    let unnamed = r#"{"ErrorNumber":10,"Elements":[{"ValidationErrors":[{"Message":"Account must be valid."}]}]}"#;
    assert_eq!(
        shown(&outcomes_of(400, unnamed).unwrap()),
        ["whole Mapping", "whole Mapping"]
    );
}
