//! Manual journals.

use serde_json::{Value, json};

use crate::support::{TENANT, Xero, messages, small, value};

fn journal(narration: &str) -> Value {
    json!({ "Narration": narration, "Date": "2026-11-20", "Status": "POSTED",
        "JournalLines": [
            { "LineAmount": "55.10", "AccountCode": "310", "Description": "COGS" },
            { "LineAmount": "-55.10", "AccountCode": "631" },
        ] })
}

#[test]
fn a_journal_is_posted_changed_and_voided() {
    let world = small();
    let xero = Xero::new(&world);
    let saved = xero.put_one("ManualJournals", &journal("COGS SO-1"));
    assert_eq!(saved["StatusAttributeString"], "OK", "{saved}");
    assert_eq!(saved["LineAmountTypes"], "NoTax");
    assert_eq!(saved["ShowOnCashBasisReports"], true);
    assert!(saved.get("DateString").is_none());
    let id = &saved["ManualJournalID"];
    let lines = json!({ "JournalLines": [
        { "LineAmount": 10, "AccountCode": "310" },
        { "LineAmount": -4, "AccountCode": "631" },
        { "LineAmount": -6, "AccountCode": "860" },
    ] });
    let (status, changed) = xero.post_one("ManualJournals", id, &lines);
    assert_eq!(status, 200, "{changed}");
    assert_eq!(changed["JournalLines"].as_array().unwrap().len(), 3);
    assert_eq!(changed["Narration"], "COGS SO-1");
    let draft = json!({ "Status": "DRAFT" });
    let (_, element) = xero.post_one("ManualJournals", id, &draft);
    assert_eq!(
        messages(&element, "ValidationErrors"),
        ["Manual Journal not of valid status for modification"]
    );
    let (status, _) = xero.post_one("ManualJournals", id, &json!({ "Status": "VOIDED" }));
    assert_eq!(status, 200);
    let (status, _) = xero.post_one("ManualJournals", id, &json!({ "Narration": "x" }));
    assert_eq!(status, 400);
}

#[test]
fn journals_are_refused_in_xeros_words() {
    type Change = fn(&mut Value);
    let cases: &[(Change, &str)] = &[
        (
            |it| it["JournalLines"][0]["LineAmount"] = json!("55.11"),
            "The total debits (55.11) must equal total credits (-55.10)",
        ),
        (
            |it| {
                it["Status"] = json!("DRAFT");
                it["JournalLines"][0]["LineAmount"] = json!(100);
            },
            "The total debits (100.00) must equal total credits (-55.10)",
        ),
        (
            |it| it["JournalLines"][0]["AccountCode"] = json!("610"),
            "Account code '610' is not a valid code for this document.",
        ),
        (
            |it| it["JournalLines"][0]["AccountCode"] = json!("800"),
            "Account code '800' is not a valid code for this document.",
        ),
        (
            |it| it["JournalLines"][0]["AccountCode"] = json!("091"),
            "Account code '091' is not a valid code for this document.",
        ),
        (
            |it| it["JournalLines"][0]["AccountCode"] = json!("960"),
            "Account code '960' is not a valid code for this document.",
        ),
        (
            |it| it["JournalLines"][0]["AccountCode"] = json!("630"),
            "Account code '630' is not a valid code for this document.",
        ),
        (
            |it| it["JournalLines"] = json!([{ "LineAmount": 0, "AccountCode": "310" }]),
            "At least two journal lines must be specified",
        ),
        (
            |it| {
                it["LineAmountTypes"] = json!("Inclusive");
                it["JournalLines"][0]["TaxType"] = json!("OUTPUT");
            },
            "The TaxType code 'OUTPUT' cannot be used with account code '310'.",
        ),
        (
            |it| it["Narration"] = json!(""),
            "Narration must be specified",
        ),
        (
            |it| it["Status"] = json!("VOIDED"),
            "Manual Journal not of valid status for creation",
        ),
        (
            |it| it["Date"] = json!("2026-08-31"),
            "The document date cannot be before the period lock date, currently set at 31-Aug-2026",
        ),
    ];
    for (change, text) in cases {
        let world = small();
        let xero = Xero::new(&world);
        let mut sent = journal("COGS");
        change(&mut sent);
        let element = xero.put_one("ManualJournals", &sent);
        assert_eq!(messages(&element, "ValidationErrors"), [*text], "{sent}");
        assert!(world.xero(TENANT).manual_journals().is_empty());
    }
}

#[test]
fn tax_counts_when_a_journal_is_balanced() {
    let world = small();
    let xero = Xero::new(&world);
    let mut sent = journal("Taxed");
    sent["LineAmountTypes"] = json!("Exclusive");
    let refused = xero.put_one("ManualJournals", &sent);
    assert_eq!(
        messages(&refused, "ValidationErrors"),
        ["The total debits (60.61) must equal total credits (-55.10)"]
    );
    sent["JournalLines"][1]["LineAmount"] = json!("-60.61");
    let saved = xero.put_one("ManualJournals", &sent);
    assert_eq!(saved["StatusAttributeString"], "OK", "{saved}");
    let date = "2026-11-30".parse().unwrap();
    let balances = world.xero(TENANT).trial_balance(date);
    assert_eq!(balances["820"].to_string(), "5.51");
    assert_eq!(balances["631"].to_string(), "-60.61");
}

#[test]
fn a_posted_journal_in_a_locked_period_stays() {
    let world = small();
    let xero = Xero::new(&world);
    let saved = xero.put_one("ManualJournals", &journal("COGS"));
    let lock = json!({ "PeriodLockDate": "2026-11-30" });
    world.xero(TENANT).edit("organisation", "", lock).unwrap();
    let void = json!({ "Status": "VOIDED" });
    let (status, element) = xero.post_one("ManualJournals", &saved["ManualJournalID"], &void);
    assert_eq!(status, 400);
    assert_eq!(
        messages(&element, "ValidationErrors"),
        ["The document cannot be edited as it is currently dated before the period lock date"]
    );
    let mut draft = journal("Draft");
    draft["Status"] = json!("DRAFT");
    let draft = xero.put_one("ManualJournals", &draft);
    assert_eq!(draft["StatusAttributeString"], "OK", "drafts may lie there");
}

#[test]
fn a_batch_goes_in_as_one_and_lists_have_lines_only_by_page() {
    let world = small();
    let xero = Xero::new(&world);
    let mut bad = journal("Bad");
    bad["JournalLines"][0]["AccountCode"] = json!("610");
    let both = json!({ "ManualJournals": [journal("Good"), bad] });
    assert_eq!(xero.send("PUT", "ManualJournals", &both).status, 400);
    assert!(world.xero(TENANT).manual_journals().is_empty());
    let each = xero.send("PUT", "ManualJournals?summarizeErrors=false", &both);
    let each = value(&each);
    assert_eq!(each["ManualJournals"][1]["HasErrors"], true);
    let thin = value(&xero.get("ManualJournals"));
    assert_eq!(thin["ManualJournals"][0]["JournalLines"], json!([]));
    let filter = "ManualJournals?page=1&where=Narration%3D%3D%22Good%22";
    let whole = value(&xero.get(filter));
    let lines = whole["ManualJournals"][0]["JournalLines"].as_array();
    assert_eq!(lines.unwrap().len(), 2);
    xero.put_one("ManualJournals", &journal("Good"));
    assert_eq!(world.duplicates()[0].kind, "manual_journals");
    let patch = json!({ "Status": "VOIDED" });
    let books = world.xero(TENANT);
    books.edit("manual_journals", "Good", patch).unwrap();
    assert!(world.duplicates().is_empty());
}
