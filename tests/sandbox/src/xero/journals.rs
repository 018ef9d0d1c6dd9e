//! Creating and changing manual journals.
//!
//! Both sides are equal to the cent, tax included. Lines are replaced as a whole.

use rust_decimal::Decimal;
use uuid::Uuid;

use super::bind::Binder;
use super::bind_documents::{SentTracking, line_amount_types, tracking};
use super::dates::{to_milliseconds, today};
use super::document_model::LineAmountTypes;
use super::lines::{self, Findings, round};
use super::locks::{check_held_date, check_new_date};
use super::money_model::{JournalLine, JournalStatus, ManualJournal};
use super::organisation::Organisation;
use super::resources::Result;
use super::texts;
use crate::json::Json;
use crate::world::Cx;

/// Properties that a request may carry.
pub(crate) const JOURNAL: &[&str] = &[
    "ManualJournalID",
    "Narration",
    "JournalLines",
    "Date",
    "LineAmountTypes",
    "Status",
    "Url",
    "ShowOnCashBasisReports",
];

const ANSWERS: &[&str] = &[
    "HasAttachments",
    "UpdatedDateUTC",
    "StatusAttributeString",
    "Warnings",
    "ValidationErrors",
    "Attachments",
];

const LINE: &[&str] = &[
    "LineAmount",
    "AccountCode",
    "Description",
    "TaxType",
    "TaxAmount",
    "Tracking",
];

const LINE_ANSWERS: &[&str] = &["AccountID", "IsBlank"];

/// A journal as sent.
pub(crate) struct SentJournal {
    pub(crate) id: Option<Uuid>,
    narration: Option<String>,
    date: Option<jiff::civil::Date>,
    status: Option<JournalStatus>,
    types: Option<LineAmountTypes>,
    url: Option<String>,
    cash_basis: Option<bool>,
    lines: Option<Vec<SentLine>>,
}

struct SentLine {
    amount: Option<Decimal>,
    account: Option<String>,
    description: String,
    tax_type: Option<String>,
    tax_amount: Option<Decimal>,
    tracking: Vec<SentTracking>,
}

pub(crate) fn read(json: &Json, path: String, cx: &mut Cx<'_>) -> Result<SentJournal> {
    let binder = Binder::new(json, path)?;
    binder.check_names(JOURNAL, ANSWERS, cx);
    Ok(SentJournal {
        id: binder.guid("ManualJournalID")?,
        narration: binder.text("Narration")?,
        date: binder.date("Date")?,
        status: binder.one_of("Status", "ManualJournalStatus", JournalStatus::of)?,
        types: line_amount_types(&binder)?,
        url: binder.text("Url")?,
        cash_basis: binder.flag("ShowOnCashBasisReports")?,
        lines: binder.each("JournalLines", |json, path| read_line(json, path, cx))?,
    })
}

fn read_line(json: &Json, path: String, cx: &mut Cx<'_>) -> Result<SentLine> {
    let binder = Binder::new(json, path)?;
    binder.check_names(LINE, LINE_ANSWERS, cx);
    let filled = |value: Option<String>| value.filter(|it| !it.is_empty());
    let choices = binder.each("Tracking", |json, path| tracking(json, path, cx))?;
    Ok(SentLine {
        amount: binder.number("LineAmount")?,
        account: filled(binder.text("AccountCode")?),
        description: binder.text("Description")?.unwrap_or_default(),
        tax_type: filled(binder.text("TaxType")?),
        tax_amount: binder.number("TaxAmount")?,
        tracking: choices.unwrap_or_default(),
    })
}

/// The journal that a request makes of nothing, or of the held one. It is good when nothing was
/// found.
pub(crate) fn make(
    organisation: &Organisation,
    sent: &SentJournal,
    held: Option<&ManualJournal>,
    cx: &mut Cx<'_>,
    found: &mut Findings,
) -> ManualJournal {
    let mut journal = match held {
        Some(held) => held.clone(),
        None => fresh(organisation, sent, cx),
    };
    let status = sent.status.unwrap_or(journal.status);
    let may = match held.map(|it| it.status) {
        None => matches!(status, JournalStatus::Draft | JournalStatus::Posted),
        Some(before) => may_become(before, status),
    };
    if !may {
        found.error(match held {
            None => texts::JOURNAL_BAD_STATUS,
            Some(_) => texts::JOURNAL_NOT_MODIFIABLE,
        });
        return journal;
    }
    if held.is_some_and(|it| it.status == JournalStatus::Posted) {
        check_held_date(organisation, journal.date, found);
    }
    journal.status = status;
    journal.updated = to_milliseconds(cx.now);
    if matches!(status, JournalStatus::Voided | JournalStatus::Deleted) {
        return journal;
    }
    if let Some(narration) = &sent.narration {
        journal.narration.clone_from(narration);
    }
    if journal.narration.trim().is_empty() {
        found.error(texts::NO_NARRATION);
    }
    journal.date = sent.date.unwrap_or(journal.date);
    if status == JournalStatus::Posted {
        check_new_date(organisation, journal.date, found);
    }
    if let Some(url) = &sent.url {
        texts::check_url(url, found);
        journal.url = Some(url.clone()).filter(|it| !it.is_empty());
    }
    journal.show_on_cash_basis_reports = sent
        .cash_basis
        .unwrap_or(journal.show_on_cash_basis_reports);
    journal.line_amount_types = sent.types.unwrap_or(journal.line_amount_types);
    if let Some(sent) = &sent.lines {
        journal.lines = sent
            .iter()
            .map(|it| line(organisation, it, journal.line_amount_types, found))
            .collect();
    }
    check(organisation, &journal, found);
    journal
}

fn fresh(organisation: &Organisation, sent: &SentJournal, cx: &mut Cx<'_>) -> ManualJournal {
    if sent.date.is_none() {
        cx.remark("no Date: today in the organisation's zone is taken");
    }
    ManualJournal {
        id: cx.chance.guid(),
        narration: String::new(),
        date: today(&organisation.profile.timezone, cx.now),
        status: JournalStatus::Draft,
        line_amount_types: LineAmountTypes::NoTax,
        url: None,
        show_on_cash_basis_reports: true,
        lines: Vec::new(),
        history: Vec::new(),
        updated: to_milliseconds(cx.now),
    }
}

fn may_become(from: JournalStatus, to: JournalStatus) -> bool {
    use JournalStatus::{Deleted, Draft, Posted, Voided};
    match from {
        Draft => matches!(to, Draft | Posted | Deleted),
        Posted => matches!(to, Posted | Voided),
        Voided | Deleted => false,
    }
}

fn line(
    organisation: &Organisation,
    sent: &SentLine,
    types: LineAmountTypes,
    found: &mut Findings,
) -> JournalLine {
    if sent.amount.is_none() {
        found.error(texts::NO_JOURNAL_AMOUNT);
    }
    let line_amount = round(sent.amount.unwrap_or_default(), 2);
    if sent.account.is_none() {
        found.error(texts::NO_ACCOUNT);
    }
    let account_code = sent.account.clone().unwrap_or_default();
    let tax_type = lines::tax_type(
        organisation,
        sent.tax_type.as_ref(),
        sent.account.as_deref(),
        types,
        found,
    );
    let rate = lines::rate(organisation, tax_type.as_deref());
    let computed = lines::tax(line_amount, rate, types);
    let tax_amount = match sent.tax_amount {
        Some(given) if types != LineAmountTypes::NoTax => round(given, 2),
        _ => computed,
    };
    JournalLine {
        line_amount,
        account_code,
        description: sent.description.clone(),
        tax_type,
        tax_amount,
        tracking: lines::tracking(organisation, &sent.tracking, found),
    }
}

/// What must hold of the whole.
fn check(organisation: &Organisation, journal: &ManualJournal, found: &mut Findings) {
    if journal.lines.len() < 2 {
        found.error(texts::TOO_FEW_JOURNAL_LINES);
    }
    for line in journal
        .lines
        .iter()
        .filter(|it| !it.account_code.is_empty())
    {
        let code = &line.account_code;
        match organisation.account(code) {
            Some(it) if it.status == "ARCHIVED" => found.error(texts::account_archived(code)),
            Some(it) if it.usable_on_journals() => {}
            _ => found.error(texts::account_not_usable(code)),
        }
    }
    let draft = journal.status == JournalStatus::Draft;
    if draft && organisation.switches.keep_unbalanced_journal_draft {
        return;
    }
    let gross = journal
        .lines
        .iter()
        .map(|it| match journal.line_amount_types {
            LineAmountTypes::Exclusive => it.line_amount + it.tax_amount,
            LineAmountTypes::Inclusive | LineAmountTypes::NoTax => it.line_amount,
        });
    let (debits, credits): (Vec<Decimal>, Vec<Decimal>) =
        gross.partition(|it| it.is_sign_positive());
    let (debits, credits): (Decimal, Decimal) =
        (debits.into_iter().sum(), credits.into_iter().sum());
    if debits + credits != Decimal::ZERO {
        let text = |it| round(it, 2).to_string();
        found.error(texts::unbalanced(&text(debits), &text(credits)));
    }
}
