use ledgerline_plugin_api::sdk::Change;
use serde_json::value::RawValue;

use super::*;

const NOTES: Resource = Resource::CreditNotes;
const SUPPLIER_NOTES: Resource = Resource::SupplierCreditNotes;

const BODY: &str =
    r#"{"Date":"2026-04-09","Contact":{"ContactID":"430fa14a-f945-44d3-9f97-5df5e28441b8"}}"#;
const SINCE: Option<&str> = Some("2019-03-05T18:59:06Z");

fn doc(number: &str, remote_id: Option<&str>, since: Option<&str>, body: &str) -> BatchDoc {
    BatchDoc {
        change: Change::None,
        id: "entry".into(),
        number: number.into(),
        remote_id: remote_id.map(str::to_owned),
        since: since.map(str::to_owned),
        body: RawValue::from_string(body.to_owned()).unwrap(),
    }
}

#[test]
fn each_document_is_looked_for_in_its_way() {
    let one = |key: &str| Way::One(key.into());
    let filter = |text: &str| {
        let wanted = Wanted {
            filter: Some(text.into()),
            ..Wanted::default()
        };
        Way::List(wanted, None)
    };
    let of_day = |kind: &str| {
        filter(&format!(
            "Type==\"{kind}\" AND Contact.ContactID==guid(\"430fa14a-f945-44d3-9f97-5df5e28441b8\") \
             AND Date>=DateTime(2026,04,09) AND Date<=DateTime(2026,04,09)"
        ))
    };
    let lately = |resource| Way::List(Wanted::all(resource), Some(1_551_812_346_000));
    let search = |text: &str| {
        let wanted = Wanted {
            search: Some(text.into()),
            ..Wanted::default()
        };
        Way::List(wanted, None)
    };
    let contacts = Resource::Contacts;
    let named = r#"{"Name":"Ann & Co"}"#;
    let cases = [
        (NOTES, doc("CN-1", Some("A1"), SINCE, BODY), one("a1")),
        (NOTES, doc("CN-1", None, SINCE, BODY), one("CN-1")),
        (NOTES, doc("CN 1", None, None, BODY), one("CN 1")),
        (NOTES, doc("CN/1", None, SINCE, BODY), lately(NOTES)),
        (NOTES, doc("CN/1", None, None, BODY), of_day("ACCRECCREDIT")),
        (
            SUPPLIER_NOTES,
            doc("S-1", None, SINCE, BODY),
            lately(SUPPLIER_NOTES),
        ),
        (
            SUPPLIER_NOTES,
            doc("S-1", None, None, BODY),
            of_day("ACCPAYCREDIT"),
        ),
        (NOTES, doc("CN/1", None, None, "null"), Way::Never),
        (NOTES, doc("", None, SINCE, "null"), Way::Never),
        (
            Resource::Bills,
            doc("7,a", None, SINCE, BODY),
            filter("Type==\"ACCPAY\" AND InvoiceNumber==\"7,a\""),
        ),
        (
            Resource::Bills,
            doc("7\"a", None, SINCE, BODY),
            lately(Resource::Bills),
        ),
        (
            Resource::Invoices,
            doc("7\"a", None, None, BODY),
            of_day("ACCREC"),
        ),
        (
            Resource::Invoices,
            doc("INV-1", Some("A1"), None, BODY),
            one("a1"),
        ),
        (contacts, doc("C-1", None, SINCE, "null"), one("C-1")),
        (contacts, doc("C/1", None, SINCE, "null"), search("C/1")),
        (contacts, doc("", None, None, named), search("Ann & Co")),
        (contacts, doc("", None, None, "{}"), Way::Never),
    ];
    for (resource, doc, expected) in cases {
        assert_eq!(Ask::of(resource, &doc).way(resource), expected, "{doc:?}");
    }
}

#[test]
fn only_plain_numbers_stand_in_paths() {
    let cases = [
        ("CN-1001", true),
        ("CN 10.01_b", true),
        ("CN/1", false),
        ("..", false),
        ("CN-1.", false),
        (" CN-1", false),
        ("CN+1", false),
        ("CN%31", false),
        ("CN#1", false),
        ("Ä1", false),
        ("", false),
        // Xero would take it for an id.
        ("430fa14a-f945-44d3-9f97-5df5e28441b8", false),
    ];
    for (number, plain) in cases {
        assert_eq!(is_plain(number), plain, "{number}");
    }
}

#[test]
fn only_some_numbers_stand_in_lists_and_conditions() {
    // number, in a list, in a condition
    let cases = [
        ("INV/1 & co.", true, true),
        ("1,2", false, true),
        (" 1", false, true),
        ("1\"2", false, false),
        ("1\\2", false, false),
        ("Ä1", false, false),
        ("", false, false),
    ];
    for (number, listed, quoted) in cases {
        assert_eq!(
            (is_listable(number), is_quotable(number)),
            (listed, quoted),
            "{number}"
        );
    }
}

#[test]
fn a_supplier_s_number_counts_with_the_supplier() {
    let held = |contact: &str| {
        let json = format!(
            r#"{{"InvoiceID":"a","InvoiceNumber":"7","Type":"ACCPAY","Contact":{{"ContactID":"{contact}"}}}}"#
        );
        let raw = RawValue::from_string(json).unwrap();
        Seen::of(Resource::Bills, &Object::read(&raw).unwrap()).unwrap()
    };
    let ask = Ask::of(Resource::Bills, &doc("7", None, None, BODY));
    let own = held("430FA14A-f945-44d3-9f97-5df5e28441b8");
    assert!(ask.fits(Resource::Bills, &own).is_some());
    assert!(ask.fits(Resource::Bills, &held("c9")).is_none());
    // Of a customer's number there is one.
    let ask = Ask::of(Resource::CreditNotes, &doc("7", None, None, BODY));
    let note = r#"{"CreditNoteID":"a","CreditNoteNumber":"7","Contact":{"ContactID":"c9"}}"#;
    let raw = RawValue::from_string(note.to_owned()).unwrap();
    let note = Seen::of(NOTES, &Object::read(&raw).unwrap()).unwrap();
    assert!(ask.fits(NOTES, &note).is_some());
}
