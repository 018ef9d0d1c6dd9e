//! Creating and changing credit notes.
//!
//! One element is checked and saved at a time. Where the caller did not ask for the outcome of
//! each element, one failure takes everything of the request back.

use jiff::civil::Date;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::answers::{Refusal, messages};
use super::bind::{SentLine, SentNote};
use super::contacts;
use super::dates::{to_milliseconds, today};
use super::lines::{Findings, Terms, compute, round, totals};
use super::model::{Contact, CreditNote, CreditType, LineAmountTypes, Status};
use super::organisation::Organisation;
use super::render::{View, credit_note};
use super::texts;
use crate::json::Json;
use crate::world::Cx;

/// What a request changed, so that it can be taken back.
#[derive(Debug, Default)]
pub(crate) struct Undo {
    notes: Vec<(Uuid, Option<CreditNote>)>,
    contacts: Vec<(Uuid, Option<Contact>)>,
    next_credit_note: Option<u32>,
}

impl Undo {
    pub(crate) fn contact(&mut self, organisation: &Organisation, id: Uuid) {
        self.contacts
            .push((id, organisation.contacts.get(id).cloned()));
    }

    fn note(&mut self, organisation: &Organisation, id: Uuid) {
        self.notes
            .push((id, organisation.credit_notes.get(id).cloned()));
    }

    pub(crate) fn roll_back(self, organisation: &mut Organisation) {
        for (id, before) in self.notes.into_iter().rev() {
            organisation.credit_notes.take(id);
            if let Some(before) = before {
                organisation.credit_notes.put(before);
            }
        }
        for (id, before) in self.contacts.into_iter().rev() {
            organisation.contacts.take(id);
            if let Some(before) = before {
                organisation.contacts.put(before);
            }
        }
        if let Some(next) = self.next_credit_note {
            organisation.next_credit_note = next;
        }
    }
}

/// What a verb does with an element.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Verb {
    /// PUT: create only.
    Create,
    /// POST to the collection: update what the id or number names, else create.
    Upsert,
    /// POST to one document.
    Update(Uuid),
}

/// The outcome of one element, ready for the answer.
pub(crate) enum Outcome {
    /// Saved, with or without warnings.
    Saved(Json),
    /// Refused.
    Failed(Json),
}

/// Saves one element, or says why not.
pub(crate) fn save(
    organisation: &mut Organisation,
    sent: &SentNote,
    element: &Json,
    verb: Verb,
    view: View,
    undo: &mut Undo,
    cx: &mut Cx<'_>,
) -> Result<Outcome, Refusal> {
    let mut found = Findings::default();
    let target = target(organisation, sent, verb, &mut found);
    let known = target.as_ref().map(|it| it.id);
    let note = if found.errors.is_empty() {
        match target {
            None => create(organisation, sent, view, undo, cx, &mut found)?,
            Some(held) => update(organisation, sent, held, view, undo, cx, &mut found)?,
        }
    } else {
        None
    };
    Ok(match note {
        Some(note) if found.errors.is_empty() => {
            undo.note(organisation, note.id);
            note_contact(organisation, &note, undo);
            let mut json = credit_note(organisation, &note, view);
            let status = if found.warnings.is_empty() {
                "OK"
            } else {
                "WARNING"
            };
            json.set("HasErrors", false);
            json.set("StatusAttributeString", status);
            json.set("ValidationErrors", Vec::new());
            json.set("Warnings", messages(&found.warnings));
            organisation.credit_notes.put(note);
            Outcome::Saved(json.into())
        }
        _ => {
            let id = known.or(sent.id.filter(|_| !matches!(verb, Verb::Create)));
            Outcome::Failed(failure(element, id, &found))
        }
    })
}

fn target(
    organisation: &Organisation,
    sent: &SentNote,
    verb: Verb,
    found: &mut Findings,
) -> Option<CreditNote> {
    let id = match verb {
        Verb::Create => return None,
        Verb::Update(id) => Some(id),
        Verb::Upsert => sent.id,
    };
    if let Some(id) = id {
        let held = organisation.credit_notes.get(id).cloned();
        if held.is_none() {
            found.error(texts::NO_SUCH_CREDIT_NOTE);
        }
        return held;
    }
    let number = sent.number.as_deref().filter(|it| !it.is_empty())?;
    let sales = sent.kind != Some(CreditType::Purchase);
    let matches = organisation.switches.upsert_by_credit_note_number && sales;
    organisation
        .sales_credit_note_numbered(number)
        .filter(|_| matches)
        .cloned()
}

fn failure(element: &Json, id: Option<Uuid>, found: &Findings) -> Json {
    let mut echo = element.as_object().cloned().unwrap_or_default();
    echo.set("CreditNoteID", id.unwrap_or_default().to_string());
    echo.set("HasErrors", true);
    echo.set("StatusAttributeString", "ERROR");
    echo.set("ValidationErrors", messages(&found.errors));
    echo.set("Warnings", messages(&found.warnings));
    echo.into()
}

fn create(
    organisation: &mut Organisation,
    sent: &SentNote,
    view: View,
    undo: &mut Undo,
    cx: &mut Cx<'_>,
    found: &mut Findings,
) -> Result<Option<CreditNote>, Refusal> {
    let status = sent.status.unwrap_or(Status::Draft);
    if !matches!(
        status,
        Status::Draft | Status::Submitted | Status::Authorised
    ) {
        found.error(texts::BAD_STATUS_ON_CREATE);
    }
    if sent.kind.is_none() {
        found.error(texts::BAD_TYPE_ON_CREATE);
    }
    let contact = match &sent.contact {
        None => {
            found.error(texts::NO_CONTACT);
            None
        }
        Some(contact) => contacts::of_document(organisation, contact, undo, cx, found)?,
    };
    let kind = sent.kind.unwrap_or(CreditType::Sales);
    let number = number(organisation, sent, kind, None, undo, found);
    let date = sent.date.unwrap_or_else(|| {
        cx.remark("no Date: today in the organisation's zone is taken");
        today(&organisation.profile.timezone, cx.now)
    });
    let currency_code = sent
        .currency_code
        .clone()
        .unwrap_or_else(|| organisation.profile.base_currency.clone());
    check_date(organisation, date, status, found);
    let terms = Terms {
        types: sent.line_amount_types.unwrap_or(LineAmountTypes::Exclusive),
        status,
        unit_places: view.unit_places,
    };
    let note = CreditNote {
        id: cx.chance.guid(),
        kind,
        credit_note_number: number,
        reference: reference(sent.reference.clone().unwrap_or_default(), kind, found),
        contact: contact.unwrap_or_default(),
        date,
        due_date: sent.due_date,
        status,
        line_amount_types: terms.types,
        currency_rate: rate(organisation, &currency_code, sent.currency_rate, found),
        currency_code,
        sub_total: Decimal::ZERO,
        total_tax: Decimal::ZERO,
        total: Decimal::ZERO,
        remaining_credit: Decimal::ZERO,
        lines: Vec::new(),
        allocations: Vec::new(),
        branding_theme: sent.branding_theme,
        history: Vec::new(),
        updated: to_milliseconds(cx.now),
    };
    let lines = sent.lines.as_deref().unwrap_or_default();
    Ok(Some(finish(
        organisation,
        note,
        Some(lines),
        terms,
        cx,
        found,
    )))
}

fn update(
    organisation: &mut Organisation,
    sent: &SentNote,
    held: CreditNote,
    view: View,
    undo: &mut Undo,
    cx: &mut Cx<'_>,
    found: &mut Findings,
) -> Result<Option<CreditNote>, Refusal> {
    let status = sent.status.unwrap_or(held.status);
    if !may_become(held.status, status) {
        found.error(texts::NOT_MODIFIABLE);
        return Ok(None);
    }
    if !held.allocations.is_empty() {
        found.error(texts::ALLOCATED);
        return Ok(None);
    }
    if posted(held.status) {
        check_held_date(organisation, held.date, found);
    }
    let takes_back = matches!(status, Status::Voided | Status::Deleted);
    if takes_back {
        let mut note = held;
        note.status = status;
        note.remaining_credit = round(Decimal::ZERO, 2);
        note.updated = to_milliseconds(cx.now);
        return Ok(Some(note));
    }
    if sent.kind.is_some_and(|it| it != held.kind) {
        found.error(texts::TYPE_IS_FIXED);
    }
    let mut note = held.clone();
    if let Some(contact) = &sent.contact
        && let Some(id) = contacts::of_document(organisation, contact, undo, cx, found)?
    {
        note.contact = id;
    }
    if sent.number.is_some() {
        note.credit_note_number = number(organisation, sent, held.kind, Some(&held), undo, found);
    }
    if let Some(text) = &sent.reference {
        note.reference = reference(text.clone(), held.kind, found);
    }
    if let Some(date) = sent.date {
        note.date = date;
    }
    check_date(organisation, note.date, status, found);
    if let Some(code) = &sent.currency_code {
        if posted(held.status) && *code != held.currency_code {
            found.error(texts::CURRENCY_IS_FIXED);
        }
        note.currency_code.clone_from(code);
    }
    let foreign = note.currency_code != organisation.profile.base_currency;
    let moved = note.currency_code != held.currency_code;
    if sent.currency_rate.is_some() || moved || (foreign && sent.lines.is_some()) {
        // New lines without a rate reset the rate to the day's.
        note.currency_rate = rate(organisation, &note.currency_code, sent.currency_rate, found);
    }
    note.due_date = sent.due_date.or(held.due_date);
    note.branding_theme = sent.branding_theme.or(held.branding_theme);
    note.status = status;
    note.line_amount_types = sent.line_amount_types.unwrap_or(held.line_amount_types);
    note.updated = to_milliseconds(cx.now);
    let terms = Terms {
        types: note.line_amount_types,
        status,
        unit_places: view.unit_places,
    };
    Ok(Some(finish(
        organisation,
        note,
        sent.lines.as_deref(),
        terms,
        cx,
        found,
    )))
}

/// Computes lines and totals. Without sent lines the held ones are taken again, so that a draft
/// that is approved meets the stricter rules.
fn finish(
    organisation: &Organisation,
    mut note: CreditNote,
    sent: Option<&[SentLine]>,
    terms: Terms,
    cx: &mut Cx<'_>,
    found: &mut Findings,
) -> CreditNote {
    let held = std::mem::take(&mut note.lines);
    note.lines = match sent {
        Some(sent) => sent
            .iter()
            .map(|line| {
                let same = line.id.and_then(|id| held.iter().find(|it| it.id == id));
                if line.id.is_some() && same.is_none() {
                    cx.remark("an unknown LineItemID makes a new line");
                }
                compute(organisation, line, same, terms, cx, found)
            })
            .collect(),
        None => held
            .iter()
            .map(|line| {
                // The held price may be finer than the caller's unitdp.
                let exact = Terms {
                    unit_places: 4,
                    ..terms
                };
                let mut again = compute(
                    organisation,
                    &SentLine::default(),
                    Some(line),
                    exact,
                    cx,
                    found,
                );
                again.tax_amount = line.tax_amount;
                again
            })
            .collect(),
    };
    if terms.status.wants_complete_lines() && note.lines.is_empty() {
        found.error(texts::NO_LINES);
    }
    let (sub_total, total_tax, total) = totals(&note.lines, note.line_amount_types);
    note.sub_total = sub_total;
    note.total_tax = total_tax;
    note.total = total;
    note.remaining_credit = total;
    if total.is_sign_negative() && !total.is_zero() && organisation.switches.refuse_negative_total {
        found.error(texts::NEGATIVE_TOTAL);
    }
    if note.status == Status::Authorised
        && total.is_zero()
        && organisation.switches.zero_total_becomes_paid
    {
        note.status = Status::Paid;
    }
    note
}

/// Whether the status machine knows this step.
fn may_become(from: Status, to: Status) -> bool {
    use Status::{Authorised, Deleted, Draft, Submitted, Voided};
    match from {
        Draft | Submitted => matches!(to, Draft | Submitted | Authorised | Deleted),
        Authorised => matches!(to, Authorised | Voided),
        Status::Paid => to == Voided,
        Voided | Deleted => false,
    }
}

fn posted(status: Status) -> bool {
    matches!(status, Status::Authorised | Status::Paid)
}

fn number(
    organisation: &mut Organisation,
    sent: &SentNote,
    kind: CreditType,
    held: Option<&CreditNote>,
    undo: &mut Undo,
    found: &mut Findings,
) -> String {
    let number = sent.number.clone().unwrap_or_default();
    if number.is_empty() && kind == CreditType::Sales {
        if let Some(held) = held {
            return held.credit_note_number.clone();
        }
        undo.next_credit_note
            .get_or_insert(organisation.next_credit_note);
        loop {
            let number = format!("CN-{:04}", organisation.next_credit_note);
            organisation.next_credit_note = organisation.next_credit_note.saturating_add(1);
            if organisation.sales_credit_note_numbered(&number).is_none() {
                return number;
            }
        }
    }
    if number.chars().count() > 255 || !number.chars().all(|c| c == ' ' || c.is_ascii_graphic()) {
        found.error(texts::too_long("CreditNoteNumber", 255));
    }
    let other = organisation.sales_credit_note_numbered(&number);
    if kind == CreditType::Sales && other.is_some_and(|it| held.is_none_or(|held| held.id != it.id))
    {
        found.error(texts::NUMBER_TAKEN);
    }
    number
}

fn reference(text: String, kind: CreditType, found: &mut Findings) -> String {
    if text.chars().count() > 255 {
        found.error(texts::too_long("Reference", 255));
    }
    // Supplier credit notes have none; what is sent is ignored.
    if kind == CreditType::Sales {
        text
    } else {
        String::new()
    }
}

fn rate(
    organisation: &Organisation,
    currency: &str,
    sent: Option<Decimal>,
    found: &mut Findings,
) -> Decimal {
    if currency == organisation.profile.base_currency {
        return Decimal::ONE;
    }
    if !organisation.currencies.iter().any(|it| it == currency) {
        found.error(texts::currency_not_subscribed(currency));
        return Decimal::ONE;
    }
    let day = organisation.day_rates.get(currency).copied();
    let Some(sent) = sent.filter(|it| !it.is_zero()) else {
        return day.unwrap_or(Decimal::ONE);
    };
    let sent = round(sent, 6);
    if let Some(day) = day.filter(|_| organisation.switches.warn_unusual_rate) {
        let far = (sent - day).abs() * Decimal::from(4) > day;
        if far {
            found.warning(texts::UNUSUAL_RATE);
        }
    }
    sent
}

/// New and moved dates of approved documents must lie after both locks. Drafts may lie before.
fn check_date(organisation: &Organisation, date: Date, status: Status, found: &mut Findings) {
    if !posted(status) {
        return;
    }
    let profile = &organisation.profile;
    if let Some(lock) = period_lock(organisation)
        && date <= lock
    {
        found.error(texts::before_period_lock(lock));
    }
    if let Some(lock) = profile.end_of_year_lock_date
        && date <= lock
    {
        found.error(texts::before_year_lock(lock));
    }
}

fn check_held_date(organisation: &Organisation, date: Date, found: &mut Findings) {
    if period_lock(organisation).is_some_and(|lock| date <= lock) {
        found.error(texts::DATED_BEFORE_PERIOD_LOCK);
    }
    if organisation
        .profile
        .end_of_year_lock_date
        .is_some_and(|lock| date <= lock)
    {
        found.error(texts::DATED_BEFORE_YEAR_LOCK);
    }
}

fn period_lock(organisation: &Organisation) -> Option<Date> {
    organisation
        .profile
        .period_lock_date
        .filter(|_| !organisation.switches.adviser)
}

/// The first document makes its contact a customer or supplier, without touching its update time.
fn note_contact(organisation: &mut Organisation, note: &CreditNote, undo: &mut Undo) {
    let sales = note.kind == CreditType::Sales;
    let Some(contact) = organisation.contacts.get(note.contact) else {
        return;
    };
    if (sales && contact.is_customer) || (!sales && contact.is_supplier) {
        return;
    }
    let mut contact = contact.clone();
    if sales {
        contact.is_customer = true;
    } else {
        contact.is_supplier = true;
    }
    undo.contact(organisation, contact.id);
    organisation.contacts.put(contact);
}
