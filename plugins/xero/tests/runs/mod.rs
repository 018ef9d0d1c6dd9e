//! Runs of the connector against recordings, shared by the tests.

use ledgerline_plugin_api::testkit::{Case, Given, Replay, Run};
use ledgerline_xero::ledgerline_connector;

const CREATE: u32 = 1;
const UPDATE: u32 = 2;
const VOID: u32 = 3;
const LOOK: u32 = 0;

/// A credit note as a mapping makes it.
const NOTE: &str = r#"{"Type":"ACCRECCREDIT","Contact":{"ContactID":"00000501-0000-4000-8000-000000000000"},
"Date":"2026-11-20","CreditNoteNumber":"NUMBER","Reference":"RMA 7","LineAmountTypes":"Exclusive","CurrencyCode":"AUD",
"CurrencyRate":1.000000,"Status":"AUTHORISED","SentToContact":false,"LineItems":[
{"Description":"Returned chair","Quantity":2,"UnitAmount":50.0000,"AccountCode":"200","TaxType":"OUTPUT","TaxAmount":10.00,
"Tracking":[{"Name":"Region","Option":"North"}]},{"Description":"Thank you"}]}"#;

/// A contact as a mapping makes it.
const CONTACT: &str = r#"{"ContactNumber":"C-504","AccountNumber":"504","Name":"New Customer","FirstName":"Ann","LastName":"Bo",
"EmailAddress":"ap@example.com","ContactPersons":[{"FirstName":"Al","EmailAddress":"al@example.com","IncludeInEmails":true}],
"TaxNumber":"51 824 753 556","AccountsReceivableTaxType":"OUTPUT","DefaultCurrency":"AUD",
"Addresses":[{"AddressType":"STREET","AddressLine1":"1 High St","City":"Perth","Region":"WA","PostalCode":"6000","Country":"Australia"}],
"Phones":[{"PhoneType":"DEFAULT","PhoneNumber":"555 0100","PhoneAreaCode":"08","PhoneCountryCode":"61"}],
"SalesTrackingCategories":[{"TrackingCategoryName":"Region","TrackingOptionName":"North"}],
"PaymentTerms":{"Sales":{"Day":30,"Type":"DAYSAFTERBILLDATE"}},"SalesDefaultLineAmountType":"EXCLUSIVE"}"#;

/// A bill as a mapping makes it.
const BILL: &str = r#"{"Type":"ACCPAY","Contact":{"ContactID":"00000502-0000-4000-8000-000000000000"},
"Date":"2026-11-20","DueDate":"2026-12-20","PlannedPaymentDate":"2026-12-15","InvoiceNumber":"NUMBER","LineAmountTypes":"Exclusive",
"CurrencyCode":"AUD","CurrencyRate":1.000000,"Status":"AUTHORISED","Url":"https://stock.example/po/1","LineItems":[
{"Description":"Oak boards","Quantity":2,"UnitAmount":50.0000,"AccountCode":"310","TaxType":"INPUT"}]}"#;

/// An invoice as a mapping makes it.
const INVOICE: &str = r#"{"Type":"ACCREC","Contact":{"ContactID":"00000501-0000-4000-8000-000000000000"},
"Date":"2026-11-20","DueDate":"2026-12-20","ExpectedPaymentDate":"2026-12-20","InvoiceNumber":"NUMBER","Reference":"PO 77",
"LineAmountTypes":"Inclusive","CurrencyCode":"AUD","Status":"AUTHORISED","SentToContact":true,"Url":"https://stock.example/so/1",
"LineItems":[{"Description":"Chair","Quantity":2,"UnitAmount":55.0000,"AccountCode":"200","TaxType":"OUTPUT"}]}"#;

fn guid(number: u32) -> String {
    format!("{number:08}-0000-4000-8000-000000000000")
}

fn replay(recording: &str) -> Replay {
    let path = format!(
        "{}/tests/recordings/{recording}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(&path).unwrap_or_else(|err| panic!("{path}: {err}"));
    let replay = Replay::parse(&ledgerline_connector, &text).expect("a recording");
    replay.account(&guid(900))
}

/// A credit note of a batch. `id` 0: not linked.
fn note(change: u32, number: &str, id: u32, since: &str) -> Given {
    Given {
        change,
        id: format!("entry {number}"),
        number: number.to_owned(),
        remote_id: if id == 0 { String::new() } else { guid(id) },
        since: since.to_owned(),
        body: NOTE.replace("NUMBER", number),
    }
}

/// Another document of a batch, from its mapping's template.
fn made(template: &str, given: Given) -> Given {
    Given {
        body: template.replace("NUMBER", &given.number),
        ..given
    }
}

fn bill(change: u32, number: &str, id: u32) -> Given {
    made(BILL, note(change, number, id, ""))
}

fn invoice(change: u32, number: &str, id: u32) -> Given {
    made(INVOICE, note(change, number, id, ""))
}

/// A journal as a mapping makes it.
const JOURNAL: &str = r#"{"Narration":"COGS NUMBER","Date":"2026-11-20","LineAmountTypes":"NoTax","Status":"POSTED",
"Url":"https://stock.example/cogs/1","ShowOnCashBasisReports":false,"JournalLines":[
{"LineAmount":55.00,"AccountCode":"310","Description":"COGS","Tracking":[{"Name":"Region","Option":"North"}]},
{"LineAmount":-55.00,"AccountCode":"630","Description":"Stock"}]}"#;

fn journal(change: u32, number: &str, id: u32) -> Given {
    made(
        &JOURNAL.replace("NUMBER", &number.replace('"', "\\\"")),
        note(change, number, id, "2026-11-22T01:30:00Z"),
    )
}

/// A payment as a mapping makes it: of invoice `of`, or, below 5000, a refund of credit note `of`.
fn payment(change: u32, of: u32, id: u32) -> Given {
    let what = if of < 5000 {
        format!(r#""CreditNote":{{"CreditNoteID":"{}"}}"#, guid(of))
    } else {
        format!(r#""Invoice":{{"InvoiceID":"{}"}}"#, guid(of))
    };
    Given {
        body: format!(
            r#"{{{what},"Account":{{"AccountID":"{}"}},"Date":"2026-11-20","Amount":60.00,"CurrencyRate":1.000000,"Reference":"R-1"}}"#,
            guid(701)
        ),
        ..note(change, "", id, "2026-11-22T01:30:00Z")
    }
}

/// An allocation as a mapping makes it.
fn allocation(change: u32, note_id: u32, invoice: u32, amount: &str, id: u32) -> Given {
    Given {
        body: format!(
            r#"{{"CreditNote":{{"CreditNoteID":"{}"}},"Allocations":[{{"Invoice":{{"InvoiceID":"{}"}},"Amount":{amount},"Date":"2026-11-21"}}]}}"#,
            guid(note_id),
            guid(invoice)
        ),
        ..note(change, "", id, "")
    }
}

fn with_item(number: &str, code: &str) -> Given {
    let plain = note(CREATE, number, 0, "");
    let item = format!(r#"{{"ItemCode":"{code}","Description":"Returned chair""#);
    Given {
        body: plain
            .body
            .replace(r#"{"Description":"Returned chair""#, &item),
        ..plain
    }
}

fn contact(change: u32, number: &str, id: u32, body: &str) -> Given {
    Given {
        body: body.to_owned(),
        ..note(change, number, id, "")
    }
}

fn push(stream: &str, batch: Vec<Given>) -> Run {
    Run::Push {
        stream: stream.into(),
        batches: vec![batch],
    }
}

fn find(stream: &str, batch: Vec<Given>) -> Run {
    Run::Find {
        stream: stream.into(),
        batches: vec![batch],
    }
}

fn pull(stream: &str, cursor: &str) -> Run {
    Run::Pull {
        stream: stream.into(),
        cursor: cursor.into(),
    }
}

/// Every recording with the operation that it is of.
pub(crate) fn cases() -> Vec<Case> {
    const LATELY: &str = "2026-11-22T03:00:00Z";
    let supplier = |body: &str| {
        body.replace("ACCRECCREDIT", "ACCPAYCREDIT")
            .replace("00000501", "00000502")
    };
    let runs = [
        (
            "push_credit_notes",
            push(
                "credit_notes",
                vec![
                    note(CREATE, "CN-1001", 0, ""),
                    note(UPDATE, "CN-1000", 1000, ""),
                    note(CREATE, "CN-1002", 0, ""),
                    note(VOID, "CN-0999", 999, ""),
                    Given {
                        body: String::new(),
                        ..note(VOID, "CN-0998", 998, "")
                    },
                ],
            ),
        ),
        (
            "push_halved",
            push(
                "credit_notes",
                vec![
                    note(CREATE, "CN-1001", 0, ""),
                    note(CREATE, "CN-1002", 0, ""),
                ],
            ),
        ),
        (
            "push_items",
            push(
                "credit_notes",
                vec![with_item("CN-1001", "CHAIR"), with_item("CN-1002", "Mug")],
            ),
        ),
        (
            "push_contacts",
            push(
                "contacts",
                vec![
                    contact(CREATE, "C-504", 0, CONTACT),
                    contact(UPDATE, "C-501", 501, r#"{"EmailAddress":"a@example.com"}"#),
                    contact(VOID, "C-502", 502, ""),
                ],
            ),
        ),
        (
            "find_lost_batch",
            find(
                "credit_notes",
                vec![
                    note(LOOK, "CN-1001", 0, LATELY),
                    note(LOOK, "CN-1002", 0, LATELY),
                    note(LOOK, "CN/1003", 0, LATELY),
                    note(LOOK, "CN-0999", 999, LATELY),
                ],
            ),
        ),
        (
            "find_by_number",
            find(
                "credit_notes",
                vec![
                    note(LOOK, "CN-1001", 0, LATELY),
                    note(LOOK, "CN 1002", 0, ""),
                ],
            ),
        ),
        (
            "find_linked",
            find(
                "credit_notes",
                vec![
                    note(LOOK, "CN-1001", 1001, ""),
                    note(LOOK, "CN-1002", 1002, ""),
                    note(LOOK, "CN-1003", 1003, ""),
                ],
            ),
        ),
        (
            "find_supplier",
            find(
                "supplier_credit_notes",
                vec![Given {
                    body: supplier(NOTE),
                    ..note(LOOK, "S-1", 0, "")
                }],
            ),
        ),
        (
            "find_contacts",
            find(
                "contacts",
                vec![
                    contact(LOOK, "", 501, ""),
                    contact(LOOK, "", 502, ""),
                    contact(LOOK, "", 503, ""),
                    contact(LOOK, "C-504", 0, ""),
                    contact(LOOK, "", 0, r#"{"Name":"Nobody & Sons"}"#),
                ],
            ),
        ),
        (
            "push_bills",
            push(
                "bills",
                vec![
                    bill(CREATE, "TC-701", 0),
                    bill(CREATE, "TC-702", 0),
                    bill(CREATE, "TC-703", 0),
                    bill(CREATE, "TC-704", 0),
                    bill(CREATE, "TC-705", 0),
                    bill(UPDATE, "TC-599", 4599),
                    bill(VOID, "TC-600", 4600),
                    bill(VOID, "TC-601", 4601),
                ],
            ),
        ),
        (
            "push_invoices",
            push(
                "invoices",
                vec![invoice(CREATE, "SO-801", 0), invoice(CREATE, "SO-802", 0)],
            ),
        ),
        (
            "find_bills",
            find(
                "bills",
                vec![
                    bill(LOOK, "TC-701", 0),
                    bill(LOOK, "TC-702", 0),
                    bill(LOOK, "TC-703", 0),
                    bill(LOOK, "TC 7,4", 0),
                ],
            ),
        ),
        (
            "find_invoices",
            find(
                "invoices",
                vec![
                    invoice(LOOK, "SO-801", 0),
                    invoice(LOOK, "SO-802", 0),
                    invoice(LOOK, "SO-803", 5803),
                    invoice(LOOK, "SO-804", 5804),
                    invoice(LOOK, "SO-805", 5805),
                ],
            ),
        ),
        (
            "push_allocations",
            push(
                "credit_note_allocations",
                vec![
                    allocation(CREATE, 1001, 5801, "null", 0),
                    allocation(CREATE, 1002, 5802, "30.00", 0),
                    allocation(CREATE, 1003, 5803, "10.00", 0),
                    allocation(VOID, 1004, 5804, "40.00", 64),
                    allocation(CREATE, 1005, 5805, "10.00", 0),
                    allocation(UPDATE, 1006, 5806, "10.00", 68),
                ],
            ),
        ),
        (
            "push_supplier_allocations",
            push(
                "supplier_credit_note_allocations",
                vec![allocation(CREATE, 2001, 4701, "200", 0)],
            ),
        ),
        (
            "find_allocations",
            find(
                "credit_note_allocations",
                vec![
                    allocation(LOOK, 1001, 5801, "null", 0),
                    allocation(LOOK, 1001, 5801, "100.00", 0),
                    allocation(LOOK, 1001, 5801, "30.00", 0),
                    allocation(LOOK, 1001, 5802, "10.00", 0),
                    allocation(LOOK, 1001, 5799, "5.00", 61),
                    allocation(LOOK, 1009, 5801, "5.00", 0),
                ],
            ),
        ),
        (
            "push_journals",
            push(
                "manual_journals",
                vec![
                    journal(CREATE, "J-1", 0),
                    journal(CREATE, "J-2", 0),
                    journal(UPDATE, "J-0", 6000),
                    journal(VOID, "J-3", 6003),
                ],
            ),
        ),
        (
            "find_journals",
            find(
                "manual_journals",
                vec![journal(LOOK, "J-1", 0), journal(LOOK, "\"J-2\"", 0)],
            ),
        ),
        (
            "push_payments",
            push(
                "payments",
                vec![
                    payment(CREATE, 5801, 0),
                    payment(CREATE, 5802, 0),
                    payment(VOID, 5801, 7003),
                    payment(VOID, 5801, 7004),
                    payment(VOID, 5801, 7005),
                    payment(VOID, 5801, 7006),
                    payment(UPDATE, 5801, 7001),
                ],
            ),
        ),
        (
            "find_payments",
            find(
                "payments",
                vec![
                    payment(LOOK, 5801, 0),
                    payment(LOOK, 5802, 0),
                    payment(LOOK, 5803, 0),
                    payment(LOOK, 1001, 0),
                ],
            ),
        ),
        ("pull_payments", pull("payments", "")),
        ("pull_journals", pull("manual_journals", "")),
        ("pull_invoices", pull("invoices", "")),
        ("pull_bills", pull("bills", "")),
        (
            "pull_supplier_credit_notes",
            pull("supplier_credit_notes", ""),
        ),
        ("pull_contacts", pull("contacts", "")),
        ("pull_credit_notes", pull("credit_notes", "")),
        ("pull_organisation", pull("organisation", "")),
        (
            "pull_accounts",
            pull("accounts", r#"{"walk":{},"known":["200","270"]}"#),
        ),
        ("pull_tax_rates", pull("tax_rates", "")),
        ("pull_tracking_categories", pull("tracking_categories", "")),
        ("pull_currencies", pull("currencies", "")),
        ("check", Run::Check),
        ("discover", Run::Discover),
    ];
    runs.into_iter()
        .map(|(name, run)| Case::new(name, replay(name), run))
        .collect()
}
