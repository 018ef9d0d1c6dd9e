//! `prelude.jq` and the jq of the manifest, run by the engine's own interpreter: totals as Xero computes
//! them, and what it forbids.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's")]

use ledgerline::config::findings::Findings;
use ledgerline::mapping::{CheckMemo, Reference, RulesCx, StreamRules, Value};
use ledgerline_plugin_api::manifest::Manifest;
use ledgerline_plugin_api::sdk::Embedded;
use ledgerline_xero::Xero;

fn rules(stream: &str) -> StreamRules {
    let manifest: Manifest = serde_json::from_str(Xero::MANIFEST).unwrap();
    let mut findings = Findings::default();
    let rules = StreamRules::compile(
        &manifest.name,
        stream,
        &manifest.streams[stream],
        &manifest.prelude,
        &mut findings,
    );
    assert!(findings.is_empty(), "{stream}: {:?}", findings.list);
    rules.unwrap()
}

fn value(json: &str) -> Value {
    Value::parse(json.as_bytes()).unwrap()
}

/// The lists of an organisation whose books are closed up to the end of October.
fn reference() -> Reference {
    let mut all = Reference::default();
    let rows = [
        (
            "organisation",
            "o",
            r#"{"BaseCurrency":"AUD","PeriodLockDate":"2026-10-31"}"#,
        ),
        ("currencies", "AUD", r#"{"Code":"AUD"}"#),
        (
            "contacts",
            "c1",
            r#"{"ContactID":"c1","Name":"Ann","ContactStatus":"ACTIVE"}"#,
        ),
        (
            "accounts",
            "200",
            r#"{"Code":"200","Type":"REVENUE","Class":"REVENUE","TaxType":"OUTPUT"}"#,
        ),
        (
            "accounts",
            "310",
            r#"{"Code":"310","Type":"DIRECTCOSTS","Class":"EXPENSE","TaxType":"INPUT"}"#,
        ),
        (
            "accounts",
            "630",
            r#"{"Code":"630","Type":"CURRENT","Class":"ASSET","EnablePaymentsToAccount":true}"#,
        ),
        (
            "accounts",
            "090",
            r#"{"Code":"090","AccountID":"B1","Type":"BANK"}"#,
        ),
        (
            "accounts",
            "610",
            r#"{"Code":"610","Type":"CURRENT","SystemAccount":"DEBTORS"}"#,
        ),
        (
            "accounts",
            "800",
            r#"{"Code":"800","Type":"CURRLIAB","SystemAccount":"CREDITORS"}"#,
        ),
        (
            "accounts",
            "960",
            r#"{"Code":"960","Type":"EQUITY","SystemAccount":"RETAINEDEARNINGS"}"#,
        ),
        ("accounts", "632", r#"{"Code":"632","Type":"INVENTORY"}"#),
        (
            "tax_rates",
            "INPUT",
            r#"{"TaxType":"INPUT","EffectiveRate":10.0,"CanApplyToExpenses":true,"CanApplyToRevenue":false}"#,
        ),
        (
            "tax_rates",
            "OUTPUT",
            r#"{"TaxType":"OUTPUT","EffectiveRate":10.0,"CanApplyToRevenue":true}"#,
        ),
    ];
    all.know("tracking_categories");
    for (stream, key, row) in rows {
        all.insert(stream, key, value(row));
    }
    all
}

const BILL: &str = r#"{"Type":"ACCPAY","Contact":{"ContactID":"c1"},"Date":"2026-11-20","DueDate":"2026-12-20","InvoiceNumber":"7",
"CurrencyCode":"AUD","Status":"AUTHORISED","LineAmountTypes":"Exclusive","LineItems":[
{"Description":"a","Quantity":3,"UnitAmount":10.25,"AccountCode":"310","TaxType":"INPUT"}]}"#;
const JOURNAL: &str = r#"{"Narration":"COGS 1","Date":"2026-11-20","JournalLines":[
{"LineAmount":55.10,"AccountCode":"310"},{"LineAmount":-55.00,"AccountCode":"630"},{"LineAmount":-0.10,"AccountCode":"630"}]}"#;
const PAYMENT: &str = r#"{"Invoice":{"InvoiceID":"i1"},"Account":{"AccountID":"b1"},"Date":"2026-11-20","Amount":60.00}"#;
const ALLOCATION: &str = r#"{"CreditNote":{"CreditNoteID":"n1"},"Allocations":[{"Invoice":{"InvoiceID":"i1"},"Amount":12.10,"Date":"2026-11-20"}]}"#;

#[test]
fn every_stream_has_rules_that_hold_together() {
    let manifest: Manifest = serde_json::from_str(Xero::MANIFEST).unwrap();
    for stream in manifest.streams.keys() {
        rules(stream);
    }
}

#[test]
fn totals_are_those_that_xero_will_show() {
    let taxed = r#"{"LineAmountTypes":"Exclusive","JournalLines":[{"LineAmount":10.05,"AccountCode":"310","TaxType":"INPUT"},{"LineAmount":-11.06,"AccountCode":"630"}]}"#;
    let cases = [
        ("bills", BILL, Some("33.83")),
        (
            "invoices",
            &BILL.replace("Exclusive", "Inclusive"),
            Some("30.75"),
        ),
        ("manual_journals", JOURNAL, Some("55.10")),
        ("manual_journals", taxed, Some("11.06")),
        ("payments", PAYMENT, Some("60.00")),
        ("credit_note_allocations", ALLOCATION, Some("12.10")),
        (
            "supplier_credit_note_allocations",
            &ALLOCATION.replace("12.10", "null"),
            None,
        ),
    ];
    let (settings, reference) = (Value::default(), reference());
    let cx = RulesCx {
        settings: &settings,
        reference: &reference,
    };
    for (stream, document, expected) in cases {
        let total = rules(stream).total(&value(document), cx).unwrap();
        let expected = expected.map(|it| it.parse::<rust_decimal::Decimal>().unwrap());
        assert_eq!(total, expected, "{stream} {document}");
    }
}

#[test]
fn lines_in_the_ledger_are_net_in_the_base_currency_and_signed() {
    let taxed = BILL.replace("Exclusive", "Inclusive").replace(
        r#""TaxType":"INPUT""#,
        r#""LineAmount":30.75,"TaxAmount":2.80"#,
    );
    let foreign = BILL.replace(r#""Status""#, r#""CurrencyRate":0.65,"Status""#);
    let cases = [
        ("bills", BILL, "310 30.75"),
        ("bills", &taxed, "310 27.95"),
        ("bills", &foreign, "310 47.31"),
        ("invoices", &BILL.replace("ACCPAY", "ACCREC"), "310 -30.75"),
        (
            "credit_notes",
            &BILL.replace("ACCPAY", "ACCRECCREDIT"),
            "310 30.75",
        ),
        (
            "supplier_credit_notes",
            &BILL.replace("ACCPAY", "ACCPAYCREDIT"),
            "310 -30.75",
        ),
        (
            "manual_journals",
            JOURNAL,
            "310 55.10, 630 -55.00, 630 -0.10",
        ),
        (
            "bills",
            r#"{"Type":"ACCPAY","LineItems":[{"Description":"a word"}]}"#,
            "",
        ),
    ];
    let (settings, reference) = (Value::default(), reference());
    let cx = RulesCx {
        settings: &settings,
        reference: &reference,
    };
    for (stream, document, wanted) in cases {
        let postings = rules(stream).postings(&value(document), cx).unwrap();
        let told: Vec<String> = postings
            .iter()
            .map(|it| format!("{} {}", it.account, it.amount))
            .collect();
        assert_eq!(told.join(", "), wanted, "{stream} {document}");
    }
}

#[test]
fn a_row_of_the_trial_balance_tells_its_account_and_what_it_holds() {
    let row = |debit: &str, credit: &str| {
        value(&format!(
            r#"{{"RowType":"Row","Cells":[{{"Value":"Stock (630)","Attributes":[{{"Value":"A-1","Id":"account"}}]}},
            {{"Value":"5.00"}},{{"Value":""}},{{"Value":"{debit}"}},{{"Value":"{credit}"}}]}}"#
        ))
    };
    let (settings, reference) = (Value::default(), reference());
    let cx = RulesCx {
        settings: &settings,
        reference: &reference,
    };
    let rules = rules("trial_balance");
    for (debit, credit, wanted) in [
        ("1234.56", "", "1234.56"),
        ("", "0.10", "-0.10"),
        ("", "", "0"),
    ] {
        let row = row(debit, credit);
        assert_eq!(rules.key(&row, cx).unwrap().as_deref(), Some("a-1"));
        let balance = rules.balance(&row, cx).unwrap();
        assert_eq!(balance.unwrap().to_string(), wanted);
    }
    let account = value(r#"{"AccountID":"A-1","Code":"630","Name":"Stock"}"#);
    let (id, name) = rules.ledger_account(&account, cx);
    assert_eq!((id.as_deref(), name.as_str()), (Some("a-1"), "Stock"));
}

#[test]
fn a_journal_is_reversed_as_xero_holds_it() {
    let (settings, reference) = (Value::default(), reference());
    let cx = RulesCx {
        settings: &settings,
        reference: &reference,
    };
    let lines = |tax: &str| {
        format!(
            r#"{{"ManualJournalID":"j1","Narration":"COGS \"1\"","Date":"2026-11-20",{tax}"Status":"POSTED",
            "ShowOnCashBasisReports":false,"JournalLines":[
            {{"Description":"a","LineAmount":"55.10","AccountCode":"310","TaxType":"INPUT","TaxAmount":5.51,
              "Tracking":[{{"Name":"Region","Option":"North","TrackingCategoryID":"t"}}]}},
            {{"LineAmount":-55.10,"AccountCode":"630","TaxAmount":0.00}}]}}"#
        )
    };
    let reversed = |line_tax: &str, no_tax: &str, types: &str| {
        format!(
            r#"{{"Narration":"Reversal of COGS \"1\"","Date":"2026-11-20",{types}"Status":"POSTED",
            "ShowOnCashBasisReports":false,"JournalLines":[
            {{"LineAmount":-55.10,"AccountCode":"310","Description":"a","TaxType":"INPUT"{line_tax},
              "Tracking":[{{"Name":"Region","Option":"North"}}]}},
            {{"LineAmount":55.10,"AccountCode":"630"{no_tax}}}]}}"#
        )
    };
    for (types, line_tax, no_tax) in [
        (r#""LineAmountTypes":"NoTax","#, "", ""),
        ("", "", ""),
        (
            r#""LineAmountTypes":"Exclusive","#,
            r#","TaxAmount":-5.51"#,
            r#","TaxAmount":0.00"#,
        ),
    ] {
        let made = rules("manual_journals").reversal(&value(&lines(types)), cx);
        let wanted = value(&reversed(line_tax, no_tax, types));
        assert_eq!(made.unwrap().unwrap(), wanted, "{types}");
    }
    assert!(rules("bills").reversal(&value(BILL), cx).unwrap().is_none());
}

#[test]
fn what_xero_forbids_is_told_before_a_call() {
    // stream, document, what is changed of it, what stops it
    let cases = [
        ("bills", BILL, ("", ""), None),
        (
            "bills",
            BILL,
            (r#""DueDate":"2026-12-20","#, ""),
            Some("Xero wants a due date on a document that is more than a draft"),
        ),
        (
            "bills",
            &BILL.replace("AUTHORISED", "DRAFT"),
            (r#""DueDate":"2026-12-20","#, ""),
            None,
        ),
        (
            "bills",
            BILL,
            ("2026-11-20", "2026-10-31"),
            Some(
                "the date 2026-10-31 lies in a closed period: Xero is locked up to and including 2026-10-31",
            ),
        ),
        (
            "invoices",
            BILL,
            (r#""310""#, r#""200""#),
            Some(
                "tax type INPUT cannot be used with account 200: Xero does not allow it for that class of account",
            ),
        ),
        ("manual_journals", JOURNAL, ("", ""), None),
        (
            "manual_journals",
            JOURNAL,
            ("-0.10", "-0.11"),
            Some("the debits and credits of the journal differ by -0.01"),
        ),
        (
            "manual_journals",
            JOURNAL,
            (
                r#"{"LineAmount":-0.10,"AccountCode":"630"}"#,
                r#"{"LineAmount":-0.10,"AccountCode":"610"}"#,
            ),
            Some("account 610 is kept by Xero itself, so no document's line can post to it"),
        ),
        (
            "manual_journals",
            JOURNAL,
            (r#""310""#, r#""800""#),
            Some("account 800 is kept by Xero itself, so no document's line can post to it"),
        ),
        (
            "manual_journals",
            JOURNAL,
            (r#""310""#, r#""960""#),
            Some("account 960 holds the retained earnings, which Xero keeps itself"),
        ),
        (
            "manual_journals",
            JOURNAL,
            (r#""310""#, r#""090""#),
            Some("account 090 is a bank account, which cannot stand on a document's line"),
        ),
        (
            "manual_journals",
            JOURNAL,
            (r#""310""#, r#""632""#),
            Some(
                "account 632 belongs to Xero's own stock tracking; posting to it as well would count the cost of goods twice",
            ),
        ),
        (
            "manual_journals",
            JOURNAL,
            ("2026-11-20", "2026-10-01"),
            Some(
                "the date 2026-10-01 lies in a closed period: Xero is locked up to and including 2026-10-31",
            ),
        ),
        ("payments", PAYMENT, ("", ""), None),
        (
            "payments",
            PAYMENT,
            (r#"{"AccountID":"b1"}"#, r#"{"Code":"630"}"#),
            None,
        ),
        (
            "payments",
            PAYMENT,
            (r#"{"AccountID":"b1"}"#, r#"{"Code":"310"}"#),
            Some("payments are not enabled on account 310 in Xero"),
        ),
        (
            "payments",
            PAYMENT,
            (r#""b1""#, r#""b2""#),
            Some("Xero has no account b2"),
        ),
        ("credit_note_allocations", ALLOCATION, ("", ""), None),
        (
            "credit_note_allocations",
            ALLOCATION,
            ("2026-11-20", "2026-10-01"),
            Some(
                "the date 2026-10-01 lies in a closed period: Xero is locked up to and including 2026-10-31",
            ),
        ),
    ];
    let (settings, reference) = (Value::default(), reference());
    let cx = RulesCx {
        settings: &settings,
        reference: &reference,
    };
    for (stream, document, (part, other), expected) in cases {
        let document = if part.is_empty() {
            document.to_owned()
        } else {
            document.replacen(part, other, 1)
        };
        let mut memo = CheckMemo::default();
        let stop = rules(stream)
            .checks()
            .check_all(&value(&document), cx, &mut memo);
        let cause = stop.err().map(|it| it.problem.cause);
        assert_eq!(cause.as_deref(), expected, "{stream} {document}");
    }
}
