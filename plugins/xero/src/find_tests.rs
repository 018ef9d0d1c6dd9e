use ledgerline_plugin_api::abi::Status;
use ledgerline_plugin_api::sdk::Change;
use serde_json::value::RawValue;

use super::*;

const NOTES: Resource = Resource::CreditNotes;
const SUPPLIER_NOTES: Resource = Resource::SupplierCreditNotes;
const BILLS: Resource = Resource::Bills;

fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).unwrap()
}

fn doc(number: &str, remote_id: Option<&str>, since: Option<&str>, body: &str) -> BatchDoc {
    BatchDoc {
        change: Change::None,
        id: "entry".into(),
        number: number.into(),
        remote_id: remote_id.map(str::to_owned),
        since: since.map(str::to_owned),
        body: raw(body),
    }
}

const SALES: &str = r#"{"Type":"ACCRECCREDIT","Date":"2026-04-09","Contact":{"ContactID":"430fa14a-f945-44d3-9f97-5df5e28441b8"}}"#;
const SUPPLIER: &str = r#"{"Type":"ACCPAYCREDIT","Date":"2026-04-09","Contact":{"ContactID":"430fa14a-f945-44d3-9f97-5df5e28441b8"}}"#;
const SINCE: Option<&str> = Some("2019-03-05T18:59:06Z");

#[test]
fn a_lost_batch_is_looked_for_in_one_list() {
    let since = [
        "2019-03-05T18:59:07Z",
        "2019-03-05T18:59:06Z",
        "2019-03-05T18:59:08Z",
    ];
    let mut batch: Vec<_> = since
        .iter()
        .enumerate()
        .map(|(at, since)| doc(&format!("CN-{at}"), None, Some(since), SALES))
        .collect();
    batch.push(doc("CN-9", Some("id9"), SINCE, SALES));
    let mut search = Search::new(NOTES, &batch);
    assert_eq!(
        search.sent_lately(),
        Some((vec![0, 1, 2], 1_551_812_346_000))
    );

    let listed = [
        r#"{"CreditNoteID":"A0","CreditNoteNumber":"CN-0","Type":"ACCRECCREDIT","UpdatedDateUTC":"/Date(1)/"}"#,
        r#"{"CreditNoteID":"a2","CreditNoteNumber":"CN-2","Type":"ACCPAYCREDIT"}"#,
        r#"{"CreditNoteID":"ID9","CreditNoteNumber":"renumbered"}"#,
    ]
    .map(raw);
    search
        .take(&listed.iter().map(|it| &**it).collect::<Vec<_>>())
        .unwrap();
    search.settle(&[0, 1, 2], Ok(())).unwrap();
    assert!(search.open().is_empty());
    let told: Vec<_> = search
        .outcomes()
        .into_iter()
        .map(|it| (it.status, it.remote_id))
        .collect();
    assert_eq!(
        told,
        [
            (Status::OK, "a0".to_owned()),
            (Status::NOT_FOUND, String::new()),
            // The same number, but on the supplier's side.
            (Status::NOT_FOUND, String::new()),
            (Status::OK, "id9".to_owned()),
        ]
    );
}

#[test]
fn two_documents_are_asked_for_one_by_one() {
    let batch = [
        doc("CN-0", None, SINCE, SALES),
        doc("CN-1", None, SINCE, SALES),
    ];
    let search = Search::new(NOTES, &batch);
    assert_eq!(search.sent_lately(), None);
    assert!(search.by_dates().is_none());
    assert_eq!(search.open(), [0, 1]);
}

#[test]
fn the_better_of_two_with_the_same_number_wins() {
    let sent = doc("S-1", None, SINCE, SUPPLIER);
    let voided = r#"{"CreditNoteID":"a","CreditNoteNumber":"S-1","Type":"ACCPAYCREDIT","Status":"VOIDED","Date":"2026-04-09","Contact":{"ContactID":"430fa14a-f945-44d3-9f97-5df5e28441b8"}}"#;
    let other = r#"{"CreditNoteID":"b","CreditNoteNumber":"S-1","Type":"ACCPAYCREDIT","Status":"DRAFT","Date":"2026-04-09","Contact":{"ContactID":"c9"}}"#;
    let ours = r#"{"CreditNoteID":"c","CreditNoteNumber":"S-1","Type":"ACCPAYCREDIT","Status":"DRAFT","DateString":"2026-04-09T00:00:00","Contact":{"ContactID":"430fa14a-f945-44d3-9f97-5df5e28441b8"}}"#;
    for order in [
        [voided, other, ours],
        [ours, other, voided],
        [other, ours, voided],
    ] {
        let mut search = Search::new(SUPPLIER_NOTES, std::slice::from_ref(&sent));
        let listed = order.map(raw);
        search
            .take(&listed.iter().map(|it| &**it).collect::<Vec<_>>())
            .unwrap();
        assert_eq!(search.outcomes()[0].remote_id, "c", "{order:?}");
    }
}

#[test]
fn a_list_not_read_to_its_end_settles_nothing_by_number() {
    let batch: Vec<_> = (0..4)
        .map(|at| doc(&format!("CN-{at}"), (at == 0).then_some("a0"), None, SALES))
        .collect();
    let mut search = Search::new(NOTES, &batch);
    let (asks, wanted) = search.by_dates().unwrap();
    assert_eq!(asks, [0, 1, 2, 3]);
    assert_eq!(
        wanted.filter.as_deref(),
        Some(
            "Type==\"ACCRECCREDIT\" AND Date>=DateTime(2026,04,09) AND Date<=DateTime(2026,04,09)"
        )
    );
    let listed = [
        r#"{"CreditNoteID":"a0","CreditNoteNumber":"CN-0"}"#,
        r#"{"CreditNoteID":"a1","CreditNoteNumber":"CN-1"}"#,
    ]
    .map(raw);
    search
        .take(&listed.iter().map(|it| &**it).collect::<Vec<_>>())
        .unwrap();
    search.forget_guesses(&asks);
    assert_eq!(search.open(), [1, 2, 3]);
}

#[test]
fn linked_contacts_are_listed_in_portions() {
    let batch: Vec<_> = (0..50)
        .map(|at| doc("", Some(&format!("id{at}")), None, "null"))
        .collect();
    let search = Search::new(Resource::Contacts, &batch);
    let lengths: Vec<_> = search
        .by_ids()
        .iter()
        .map(|(asks, wanted)| (asks.len(), wanted.ids.len()))
        .collect();
    assert_eq!(lengths, [(40, 40), (10, 10)]);
    assert!(Search::new(NOTES, &batch).by_ids().is_empty());
}

#[test]
fn contacts_without_a_number_are_found_by_name() {
    let batch = [doc("", None, None, r#"{"Name":"Ann & Co"}"#)];
    let mut search = Search::new(Resource::Contacts, &batch);
    let listed = [
        r#"{"ContactID":"x","Name":"Ann & Company","ContactStatus":"ACTIVE"}"#,
        r#"{"ContactID":"y","Name":"ANN & CO","ContactStatus":"ARCHIVED"}"#,
        r#"{"ContactID":"z","Name":"Ann & co","ContactStatus":"ACTIVE"}"#,
    ]
    .map(raw);
    search
        .take(&listed.iter().map(|it| &**it).collect::<Vec<_>>())
        .unwrap();
    assert_eq!(search.outcomes()[0].remote_id, "z");
}

#[test]
fn two_that_answer_equally_well_are_for_a_person() {
    let sent = [
        doc("S-1", None, SINCE, SUPPLIER),
        doc("S-1", Some("b"), SINCE, SUPPLIER),
    ];
    let held = |id: &str, status: &str| {
        SUPPLIER.replacen(
            '{',
            &format!(r#"{{"CreditNoteID":"{id}","CreditNoteNumber":"S-1","Status":"{status}","#),
            1,
        )
    };
    // held, what the two are told
    let cases = [
        (
            vec![held("a", "DRAFT"), held("a", "DRAFT"), held("b", "VOIDED")],
            ["a", "b"],
        ),
        (
            vec![held("a", "DRAFT"), held("b", "PAID")],
            ["REJECTED", "b"],
        ),
        (vec![held("a", "VOIDED"), held("b", "VOIDED")], ["a", "b"]),
    ];
    for (held, expected) in cases {
        let mut search = Search::new(SUPPLIER_NOTES, &sent);
        let held: Vec<_> = held.iter().map(|it| raw(it)).collect();
        search
            .take(&held.iter().map(|it| &**it).collect::<Vec<_>>())
            .unwrap();
        let told = search.outcomes().into_iter().map(|it| match it.status {
            Status::OK => it.remote_id,
            status => status.name().to_owned(),
        });
        assert_eq!(told.collect::<Vec<_>>(), expected, "{held:?}");
    }
}

#[test]
fn bills_are_listed_by_their_numbers() {
    let bill = |number: &str, id: Option<&str>| doc(number, id, SINCE, SUPPLIER);
    let long = "9".repeat(200);
    let mut batch = vec![bill("7/a", None), bill("7,b", None), bill("8", Some("id8"))];
    batch.extend((0..42).map(|_| bill("n", None)));
    batch.extend((0..9).map(|_| bill(&long, None)));
    let search = Search::new(BILLS, &batch);
    let portions: Vec<_> = search
        .by_numbers()
        .iter()
        .map(|(asks, wanted)| (asks[0], asks.len(), wanted.numbers.len()))
        .collect();
    assert_eq!(portions, [(0, 40, 40), (42, 10, 10), (52, 2, 2)]);
    assert!(search.by_dates().is_none());
    assert!(Search::new(NOTES, &batch).by_numbers().is_empty());
}

#[test]
fn journals_of_which_only_the_number_is_known_are_found_in_their_narration() {
    let sent = [doc("J-7", None, SINCE, "{}"), doc("J-8", None, SINCE, "{}")];
    let resource = Resource::ManualJournals;
    let mut search = Search::new(resource, &sent);
    let held = [
        r#"{"ManualJournalID":"a","Narration":"COGS J-7","Status":"POSTED","UpdatedDateUTC":"/Date(1551812347000)/"}"#,
        r#"{"ManualJournalID":"b","Narration":"Rent","Status":"POSTED"}"#,
        // Changed last before it was sent.
        r#"{"ManualJournalID":"c","Narration":"COGS J-8","Status":"POSTED","UpdatedDateUTC":"/Date(1551000000000)/"}"#,
    ]
    .map(raw);
    search
        .take(&held.iter().map(|it| &**it).collect::<Vec<_>>())
        .unwrap();
    assert_eq!(search.open(), [1]);
    assert_eq!(search.outcomes()[0].remote_id, "a");
}

#[test]
fn payments_are_listed_by_what_they_settle() {
    let payment = |invoice: u32, key: &str| {
        let body = format!(
            r#"{{"{key}":{{"{key}ID":"{invoice:08}-0000-4000-8000-000000000000"}},"Amount":1.5,"Date":"2026-04-09"}}"#
        );
        doc("", None, SINCE, &body)
    };
    let mut batch: Vec<_> = (0..17).map(|at| payment(at / 2, "Invoice")).collect();
    batch.push(payment(1, "CreditNote"));
    let search = Search::new(Resource::Payments, &batch);
    let portions: Vec<_> = search
        .by_keys()
        .iter()
        .map(|(asks, wanted)| {
            let filter = wanted.filter.clone().unwrap_or_default();
            (asks.len(), filter.split(" OR ").count())
        })
        .collect();
    assert_eq!(portions, [(15, 8), (2, 2)]);
}

#[test]
fn a_failed_look_up_is_not_taken_for_absence() {
    let batch = [
        doc("CN-0", None, SINCE, SALES),
        doc("CN-1", None, SINCE, SALES),
    ];
    let mut search = Search::new(NOTES, &batch);
    search
        .settle(&[0], Err(Error::unavailable("offline")))
        .unwrap();
    assert!(search.settle(&[1], Err(Error::auth("revoked"))).is_err());
    let told: Vec<_> = search.outcomes().into_iter().map(|it| it.status).collect();
    assert_eq!(told, [Status::UNAVAILABLE, Status::UNAVAILABLE]);
}
