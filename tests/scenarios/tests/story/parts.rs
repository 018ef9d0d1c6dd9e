//! The nine parts of the story.

use ledgerline::store::{Entry, State};
use rust_decimal::Decimal;
use scenarios::books::{cents, dec, money};
use serde_json::{Value, json};

use crate::{Story, story, tracking};

fn total(note: &Value) -> Decimal {
    money(&note["Total"])
}

fn told(entry: &Entry) -> String {
    let problem = entry.problem.as_ref().expect("a problem");
    format!("{} / {}", problem.cause, problem.remedy)
}

#[test]
fn part_1_a_clean_note_of_each_source_arrives() {
    let now = &story().first;
    // Omni's -46.00 is 46.00 in the books.
    let note = now.posted("1035 CRN-46");
    assert_eq!(now.omni_note(5335)["total"].to_string(), "-46.0");
    assert_eq!(total(note), dec("46.00"));
    assert_eq!(note["Date"], json!("2026-11-10"));
    assert_eq!(tracking(note, 0), ["Region=North", "Channel=Wholesale"]);
    assert_eq!(
        now.omni_note(5335)["accountingAttributes"]["accountingImportStatus"],
        json!("Imported")
    );
    // Core's.
    let note = now.posted("CR-90000");
    let source = now.core_note("CR-90000");
    assert_eq!(total(note), cents(&source["CreditNote"]["Total"]));
    assert_eq!(note["Date"], json!("2026-11-12"));
    assert_eq!(now.contact_of(note)["Name"], json!("Billabong Tea Rooms"));
    // Zudello's.
    let note = now.posted("ZCN-9000");
    let source = now.zudello_note("ZCN-9000");
    assert_eq!(total(note), dec("176.00"));
    assert_eq!(note["Status"], json!("SUBMITTED"));
    assert_eq!(tracking(note, 0), ["Region=South", "Channel=Online"]);
    assert_eq!(source["status"], json!("COMPLETE"));
    assert_eq!(source["external_id"], note["CreditNoteID"]);
    // A foreign one: Core says what a dollar is in home currency, Xero wants it the other way round.
    let note = now.posted("CR-90002");
    let source = now.core_note("CR-90002");
    let theirs = money(&source["CreditNote"]["CreditNoteConversionRate"]);
    let ours = money(&note["CurrencyRate"]);
    assert_eq!(note["CurrencyCode"], json!("USD"));
    assert!(
        theirs > Decimal::ONE && ours < Decimal::ONE,
        "{theirs} {ours}"
    );
    assert!(
        (theirs * ours - Decimal::ONE).abs() < dec("0.00001"),
        "{theirs} {ours}"
    );
}

#[test]
fn part_2_a_lost_answer_is_asked_about() {
    let now = &story().first;
    let row = &now.report.routes["omni-credit-notes"];
    assert_eq!((row.uncertain, row.found, row.not_found), (50, 50, 0));
    assert_eq!(now.twice, 0);
    assert_eq!(story().mended.twice, 0);
}

#[test]
fn part_3_one_link_frees_twelve() {
    let Story { again, linked, .. } = story();
    let waiting = again.held_back_by("Blue Gum Trading");
    assert_eq!(waiting.len(), 12);
    let causes: Vec<_> = waiting.iter().map(|(_, it)| it.cause.clone()).collect();
    assert!(causes.windows(2).all(|it| it[0] == it[1]), "{causes:?}");
    assert_eq!(again.entry("omni-customers/1002").candidates.len(), 2);
    for (id, _) in waiting {
        let entry = linked.entry(id);
        assert_eq!(entry.state, State::Synced, "{id}");
        linked.posted(entry.number.as_deref().expect("a number"));
    }
}

#[test]
fn part_4_a_merge_is_followed_and_an_archived_contact_stops() {
    let now = &story().first;
    let of = |company: &str| -> Vec<(&String, &Entry)> {
        let of_it = |it: &Entry| it.facts.party.as_deref() == Some(company);
        now.entries
            .iter()
            .filter(|(id, it)| id.contains("credit-notes/") && of_it(it))
            .collect()
    };
    let merged = of("Fernhill Living");
    assert_eq!(merged.len(), 2);
    for (id, entry) in merged {
        assert_eq!(entry.state, State::Synced, "{id}");
        let note = now.posted(entry.number.as_deref().expect("a number"));
        let contact = now.contact_of(note);
        assert_eq!(contact["ContactStatus"], json!("ACTIVE"), "{contact}");
        assert_ne!(contact["Name"], json!("Fernhill Living"));
    }
    let archived = of("Old Wharf Store");
    assert_eq!(archived.len(), 2);
    for (id, entry) in archived {
        assert_eq!(entry.state, State::Waiting, "{id}");
        assert!(
            told(entry).contains("Restore the contact"),
            "{}",
            told(entry)
        );
    }
}

#[test]
fn part_5_what_is_wrong_at_the_source_is_mended_there() {
    let now = &story().first;
    for (id, words) in [
        ("omni-credit-notes/5301", ["no sales reference", "in Omni"]),
        ("omni-credit-notes/5302", ["total is zero", "in Omni"]),
    ] {
        let entry = now.entry(id);
        assert_eq!(entry.state, State::Warning);
        for word in words {
            assert!(told(entry).contains(word), "{}", told(entry));
        }
        assert!(entry.held.is_none());
    }
}

#[test]
fn part_6_a_locked_period_holds() {
    let held = story().first.held_back_by("closed period");
    assert_eq!(held.len(), 2);
    for (id, entry) in held {
        assert_eq!(entry.state, State::Waiting, "{id}");
        assert!(
            entry.held.is_none() && told(entry).contains("lock date"),
            "{}",
            told(entry)
        );
    }
}

#[test]
fn part_7_an_archived_account_is_one_cause() {
    let Story { first, mended, .. } = story();
    let held = first.held_back_by("account 270");
    assert_eq!(held.len(), 9);
    for (id, entry) in held {
        assert_eq!(entry.cause, first.held_back_by("account 270")[0].1.cause);
        let after = mended.entry(id);
        assert_eq!(after.state, State::Synced, "{id}");
        let note = mended.posted(after.number.as_deref().expect("a number"));
        assert_eq!(note["LineItems"][0]["AccountCode"], json!("270"));
    }
}

#[test]
fn part_8_cents_are_settled_and_a_wrong_total_is_held() {
    let now = &story().first;
    let note = now.posted("1036 CRN-CENT");
    assert_eq!(total(note), dec("33.83"));
    let lines = note["LineItems"].as_array().expect("lines");
    let taxes: Decimal = lines.iter().map(|it| money(&it["TaxAmount"])).sum();
    assert_eq!((lines.len(), taxes), (3, dec("3.08")));
    let id = now
        .entries
        .iter()
        .find(|(id, it)| {
            id.starts_with("zudello-credit-notes/")
                && it.facts.number.as_deref() == Some("ZCN-9001")
        })
        .map(|(id, _)| id.clone())
        .expect("the entry");
    let entry = now.entry(&id);
    assert_eq!(entry.state, State::Warning);
    assert!(
        told(entry).contains("difference of 30.00"),
        "{}",
        told(entry)
    );
    assert!(now.numbered("ZCN-9001").is_empty());
}

#[test]
fn part_9_what_people_did_is_never_overwritten() {
    let Story {
        first,
        acts,
        corrected,
        ..
    } = story();
    // By hand, with another amount: neither taken for ours nor posted beside.
    let by_hand = first.posted("CR-90001");
    assert_eq!(
        (total(by_hand), &by_hand["Reference"]),
        (dec("27.50"), &json!("by hand"))
    );
    let (_, entry) = first
        .entries
        .iter()
        .find(|(id, it)| {
            id.starts_with("core-credit-notes/") && it.facts.number.as_deref() == Some("CR-90001")
        })
        .expect("the entry");
    assert_eq!(entry.state, State::Warning);
    // Recoded in the books and reset: nothing is sent.
    let note = acts.posted("1035 CRN-46");
    assert_eq!(note["LineItems"][0]["AccountCode"], json!("260"));
    assert_eq!(acts.report.calls["xero-au"].writing, 0);
    // Corrected at its source as well: the one comes, the other stays.
    let note = corrected.posted("1035 CRN-46");
    assert_eq!(note["LineItems"][0]["AccountCode"], json!("260"));
    assert_eq!(note["Reference"], json!("SO-46-B"));
    assert_eq!(total(note), dec("46.00"));
}

#[test]
fn run_again_nothing_is_written() {
    assert_eq!(story().again.writing, 0);
    let calls = story().again.report.calls.values();
    assert_eq!(calls.map(|it| it.writing).sum::<u64>(), 0);
    // Nothing is left to itself, nothing is lost: each of the sources' notes has an entry.
    let now = &story().mended;
    let of = |route: &str| {
        now.entries
            .keys()
            .filter(|it| it.starts_with(route))
            .count()
    };
    assert_eq!(of("omni-credit-notes/"), now.omni.len());
    assert_eq!(of("core-credit-notes/"), now.core.len());
    for (id, entry) in &now.entries {
        let settled = !matches!(
            entry.state,
            State::Pending | State::Failed | State::Uncertain | State::Sending
        );
        assert!(settled, "{id} is {}", entry.state.name());
    }
}
