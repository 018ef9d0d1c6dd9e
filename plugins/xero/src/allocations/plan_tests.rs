use ledgerline_plugin_api::sdk::Change;

use super::*;

const NOTE: &str = r#"{"CreditNoteID":"N1","Type":"ACCRECCREDIT","CreditNoteNumber":"CN-1","Status":"AUTHORISED",
"CurrencyCode":"AUD","Contact":{"ContactID":"C1"},"RemainingCredit":60.00,
"Allocations":[{"AllocationID":"A1","Amount":40.0,"Invoice":{"InvoiceID":"I1"}}]}"#;
const INVOICE: &str = r#"{"InvoiceID":"I1","Type":"ACCREC","InvoiceNumber":"INV-1","Status":"AUTHORISED",
"CurrencyCode":"AUD","Contact":{"ContactID":"c1"},"AmountDue":"70.00"}"#;

fn doc(body: &str) -> BatchDoc {
    BatchDoc {
        change: Change::Create,
        id: "entry".into(),
        number: String::new(),
        remote_id: None,
        since: None,
        body: RawValue::from_string(body.into()).unwrap(),
    }
}

fn asked(amount: &str) -> Asked {
    let body = format!(
        r#"{{"CreditNote":{{"CreditNoteID":"N1"}},"Allocations":[{{"Invoice":{{"InvoiceID":"I1"}},"Amount":{amount},"Date":"2026-11-20"}}]}}"#
    );
    Asked::of(&doc(&body)).unwrap()
}

fn response(name: &str, json: &str) -> Response {
    Response::new(200, format!(r#"{{"{name}":[{json}]}}"#))
}

/// The amount, or the cause of the refusal.
fn planned(amount: &str, note: &str, invoice: &str) -> String {
    let note = response("CreditNotes", note);
    let invoice = response("Invoices", invoice);
    match plan(Side::Sales, &asked(amount), &note, &invoice) {
        Ok((_, amount)) => amount.to_string(),
        Err(outcome) => match outcome.problem {
            Some(problem) => format!("{:?}: {}", problem.category, problem.cause),
            None => outcome.message,
        },
    }
}

#[test]
fn at_most_what_is_open_is_allocated() {
    let small = INVOICE.replace("70.00", "12.34");
    // asked for, note, invoice, what is allocated
    let cases = [
        ("25.50", NOTE, INVOICE, "25.50"),
        ("60", NOTE, INVOICE, "60.00"),
        ("60.01", NOTE, INVOICE, "60.00"),
        ("null", NOTE, INVOICE, "60.00"),
        ("null", NOTE, &small, "12.34"),
        ("50", NOTE, &small, "12.34"),
    ];
    for (amount, note, invoice, expected) in cases {
        assert_eq!(planned(amount, note, invoice), expected, "{amount}");
    }
}

#[test]
fn what_cannot_be_allocated_says_which_of_the_two_is_in_the_way() {
    let note = |part: &str, other: &str| NOTE.replace(part, other);
    let invoice = |part: &str, other: &str| INVOICE.replace(part, other);
    let (plain_note, plain_invoice) = (NOTE.to_owned(), INVOICE.to_owned());
    let cases = [
        (
            note("AUTHORISED", "DRAFT"),
            plain_invoice.clone(),
            "DocumentState: credit note CN-1 is not approved in Xero",
        ),
        (
            plain_note.clone(),
            invoice("AUTHORISED", "SUBMITTED"),
            "DocumentState: invoice INV-1 is not approved in Xero",
        ),
        (
            plain_note.clone(),
            invoice("AUTHORISED", "VOIDED"),
            "DocumentState: invoice INV-1 was voided or deleted in Xero",
        ),
        (
            note("60.00", "0.00"),
            plain_invoice.clone(),
            "DocumentState: nothing is open on credit note CN-1 in Xero",
        ),
        (
            plain_note.clone(),
            invoice("70.00", "0"),
            "DocumentState: nothing is open on invoice INV-1 in Xero",
        ),
        (
            plain_note.clone(),
            invoice("\"ACCREC\"", "\"ACCPAY\""),
            "DocumentState: invoice INV-1 is of another kind in Xero",
        ),
        (
            plain_note.clone(),
            invoice("c1", "c2"),
            "DocumentState: credit note CN-1 and invoice INV-1 have different contacts in Xero",
        ),
        (
            plain_note.clone(),
            invoice("AUD", "USD"),
            "DocumentState: credit note CN-1 and invoice INV-1 have different currencies in Xero",
        ),
        (
            note("60.00", "\"n/a\""),
            plain_invoice,
            "Xero does not say what is open on credit note CN-1",
        ),
    ];
    for (note, invoice, expected) in cases {
        assert_eq!(planned("10", &note, &invoice), expected);
    }
    assert_eq!(
        planned("40", NOTE, INVOICE),
        "Duplicate: 40.00 of credit note CN-1 is allocated to invoice INV-1 in Xero already"
    );
}

#[test]
fn odd_documents_are_not_sent() {
    let body = r#"{"CreditNote":{"CreditNoteID":"N1"},"Allocations":[{"Invoice":{"InvoiceID":"I1"},"Amount":1}]}"#;
    assert!(Asked::of(&doc(body)).is_ok());
    for (part, other) in [
        ("N1", ""),
        ("I1", ""),
        (":1}", ":0}"),
        (":1}", ":-1}"),
        (":1}", ":1e3}"),
        (":1}]", ":1},{}]"),
    ] {
        assert!(
            Asked::of(&doc(&body.replace(part, other))).is_err(),
            "{part} {other}"
        );
    }
    assert!(Asked::of(&doc("null")).is_err());
}

#[test]
fn an_allocation_is_known_by_its_invoice_and_amount() {
    let held = |rows: &[(&str, &str, &str)]| {
        let rows: Vec<String> = rows
            .iter()
            .map(|(id, invoice, amount)| {
                format!(r#"{{"AllocationID":"{id}","Amount":{amount},"Invoice":[{{"InvoiceID":"{invoice}"}}]}}"#)
            })
            .collect();
        let json = format!(r#"{{"Allocations":[{}]}}"#, rows.join(","));
        let raw = RawValue::from_string(json).unwrap();
        Note::with("n1", &Object::read(&raw).unwrap())
    };
    let many: &[_] = &[("a", "I1", "40"), ("b", "i1", "10.00"), ("c", "I2", "10")];
    let twice: &[_] = &[("a", "I1", "40"), ("b", "I1", "40.0")];
    // held, asked for, what answers
    let cases = [
        (many, "10", "b"),
        (many, "40.00", "a"),
        // Less was open when it was sent.
        (many, "20", "b"),
        (many, "5", "none"),
        (many, "100", "several"),
        (many, "null", "several"),
        (twice, "40", "several"),
        (&twice[..1], "null", "a"),
        (&[], "40", "none"),
    ];
    for (rows, amount, expected) in cases {
        let note = held(rows);
        let answer = match note.matching(&asked(amount)) {
            Match::None => "none".to_owned(),
            Match::One(made) => made.id.to_owned(),
            Match::Several => "several".to_owned(),
        };
        assert_eq!(answer, expected, "{rows:?} {amount}");
    }

    // Ours is what was not there before.
    let (before, after) = (held(&many[..1]), held(many));
    let made = after.made(&before, &asked("10")).map(|it| it.id.to_owned());
    assert_eq!(made.as_deref(), Some("b"));
    assert!(after.made(&held(&[]), &asked("10")).is_none());
}
