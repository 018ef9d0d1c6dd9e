//! Creating and changing invoices and credit notes.
//!
//! One element is checked and saved at a time. Where the caller did not ask for the outcome of
//! each element, one failure takes everything of the request back.

use rust_decimal::Decimal;
use uuid::Uuid;

use super::answers::{Refusal, messages};
use super::bind_documents::{SentDocument, SentLine, Shape};
use super::contacts;
use super::dates::{to_milliseconds, today};
use super::document_model::{Body, Line, LineAmountTypes, Side, Status};
use super::lines::{Findings, Terms, compute, round, totals};
use super::locks::{check_held_date, check_new_date};
use super::model::Contact;
use super::organisation::{Kept, Organisation, number_key};
use super::paid_edits;
use super::render::View;
use super::settings::Switches;
use super::settlement::{Uses, settle};
use super::texts::{self, Words};
use super::undo::Undo;
use crate::json::{Json, Object};
use crate::world::Cx;

/// What the rules need to know of one sort of document.
pub(crate) trait Document: Kept {
    const SHAPE: Shape;
    const WORDS: Words;
    /// How numbers begin that Xero gives by itself.
    const PREFIX: &'static str;
    /// Approving one needs a due date.
    const FALLS_DUE: bool;
    /// Whether some fields may still change once money is applied.
    const OPEN_WHEN_PAID: bool;

    /// One that is worth nothing yet.
    fn new(id: Uuid, side: Side, body: Body) -> Self;
    fn side(&self) -> Side;
    fn number(&self) -> &str;
    fn set_number(&mut self, number: String);
    fn body(&self) -> &Body;
    fn body_mut(&mut self) -> &mut Body;
    /// The next number that Xero gives by itself.
    fn next_number(organisation: &mut Organisation) -> &mut u32;
    /// Whether POST without an id finds one by its number.
    fn found_by_number(switches: &Switches) -> bool;
    /// What payments and allocations took of it.
    fn uses(&self, organisation: &Organisation) -> Uses;
    /// Takes what follows from its uses.
    fn set_amounts(&mut self, uses: &Uses, open: Decimal);
    /// Takes properties that the other sort does not have.
    fn take_extras(&mut self, sent: &SentDocument, found: &mut Findings);
    fn render(&self, organisation: &Organisation, view: View) -> Object;
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

impl Outcome {
    /// A saved element with what was said of it.
    pub(crate) fn saved(mut json: Object, flag: &'static str, found: &Findings) -> Self {
        let status = if found.warnings.is_empty() {
            "OK"
        } else {
            "WARNING"
        };
        json.set(flag, false);
        json.set("StatusAttributeString", status);
        json.set("ValidationErrors", Vec::new());
        json.set("Warnings", messages(&found.warnings));
        Self::Saved(json.into())
    }

    /// An echo of a refused element with the reasons.
    pub(crate) fn failed(
        element: &Json,
        (name, id): (&'static str, Option<Uuid>),
        flag: &'static str,
        found: &Findings,
    ) -> Self {
        let mut echo = element.as_object().cloned().unwrap_or_default();
        echo.set(name, id.unwrap_or_default().to_string());
        echo.set(flag, true);
        echo.set("StatusAttributeString", "ERROR");
        echo.set("ValidationErrors", messages(&found.errors));
        echo.set("Warnings", messages(&found.warnings));
        Self::Failed(echo.into())
    }
}

/// What the rules work with while one element is looked at.
pub(crate) struct Desk<'a, 'w> {
    pub(crate) organisation: &'a mut Organisation,
    pub(crate) undo: &'a mut Undo,
    pub(crate) cx: &'a mut Cx<'w>,
    pub(crate) found: Findings,
    pub(crate) view: View,
}

/// Saves one element, or says why not.
pub(crate) fn save<T: Document>(
    organisation: &mut Organisation,
    sent: &SentDocument,
    element: &Json,
    verb: Verb,
    view: View,
    undo: &mut Undo,
    cx: &mut Cx<'_>,
) -> Result<Outcome, Refusal> {
    let mut desk = Desk {
        organisation,
        undo,
        cx,
        found: Findings::default(),
        view,
    };
    let target = target::<T>(&mut desk, sent, verb);
    let known = target.as_ref().map(|it| it.id());
    let document = if desk.found.errors.is_empty() {
        match target {
            None => create::<T>(&mut desk, sent)?,
            Some(held) => update(&mut desk, sent, held)?,
        }
    } else {
        None
    };
    let found = desk.found;
    Ok(match document {
        Some(document) if found.errors.is_empty() => {
            note_contact(organisation, &document, undo);
            let json = document.render(organisation, view);
            undo.put(organisation, document);
            Outcome::saved(json, "HasErrors", &found)
        }
        _ => {
            let id = known.or(sent.id.filter(|_| !matches!(verb, Verb::Create)));
            Outcome::failed(element, (T::SHAPE.id, id), "HasErrors", &found)
        }
    })
}

fn target<T: Document>(desk: &mut Desk<'_, '_>, sent: &SentDocument, verb: Verb) -> Option<T> {
    let id = match verb {
        Verb::Create => return None,
        Verb::Update(id) => Some(id),
        Verb::Upsert => sent.id,
    };
    if let Some(id) = id {
        let held = T::shelf(desk.organisation).get(id).cloned();
        if held.is_none() {
            desk.found.error(T::WORDS.no_such);
        }
        return held;
    }
    let number = sent.number.as_deref().filter(|it| !it.is_empty())?;
    let matches =
        T::found_by_number(&desk.organisation.switches) && sent.side != Some(Side::Purchase);
    sales_numbered(desk.organisation, number)
        .filter(|_| matches)
        .cloned()
}

/// A sales document that still holds this number.
pub(crate) fn sales_numbered<'a, T: Document>(
    organisation: &'a Organisation,
    number: &str,
) -> Option<&'a T> {
    let reusable = organisation.switches.number_reuse_after_void;
    T::shelf(organisation).find(&number_key(number)).find(|it| {
        it.side() == Side::Sales
            && !(reusable && matches!(it.body().status, Status::Voided | Status::Deleted))
    })
}

/// The document of this number: the sales one, else the first of those that share it.
pub(crate) fn numbered<'a, T: Document>(
    organisation: &'a Organisation,
    number: &str,
) -> Option<&'a T> {
    sales_numbered(organisation, number)
        .or_else(|| T::shelf(organisation).find(&number_key(number)).next())
}

fn create<T: Document>(desk: &mut Desk<'_, '_>, sent: &SentDocument) -> Result<Option<T>, Refusal> {
    let status = sent.status.unwrap_or(Status::Draft);
    if !matches!(
        status,
        Status::Draft | Status::Submitted | Status::Authorised
    ) {
        desk.found.error(T::WORDS.bad_status_on_create);
    }
    if sent.side.is_none() {
        desk.found.error(T::WORDS.bad_type_on_create);
    }
    let contact = match &sent.contact {
        None => {
            desk.found.error(texts::NO_CONTACT);
            None
        }
        Some(contact) => contacts::of_document(
            desk.organisation,
            contact,
            desk.undo,
            desk.cx,
            &mut desk.found,
        )?,
    };
    let side = sent.side.unwrap_or(Side::Sales);
    let number = number::<T>(desk, sent, side, None);
    let date = sent.date.unwrap_or_else(|| {
        desk.cx
            .remark("no Date: today in the organisation's zone is taken");
        today(&desk.organisation.profile.timezone, desk.cx.now)
    });
    let currency_code = sent
        .currency_code
        .clone()
        .unwrap_or_else(|| desk.organisation.profile.base_currency.clone());
    check_date(desk, date, status);
    let body = Body {
        reference: reference(sent.reference.clone().unwrap_or_default(), side, desk),
        contact: contact.unwrap_or_default(),
        date,
        due_date: sent.due_date,
        status,
        line_amount_types: sent.line_amount_types.unwrap_or(LineAmountTypes::Exclusive),
        currency_rate: rate(desk, &currency_code, sent.currency_rate),
        currency_code,
        sub_total: Decimal::ZERO,
        total_tax: Decimal::ZERO,
        total: Decimal::ZERO,
        lines: Vec::new(),
        branding_theme: sent.branding_theme,
        fully_paid_on_date: None,
        history: Vec::new(),
        updated: to_milliseconds(desk.cx.now),
    };
    let mut document = T::new(desk.cx.chance.guid(), side, body);
    document.set_number(number);
    document.take_extras(sent, &mut desk.found);
    let lines = sent.lines.as_deref().unwrap_or_default();
    Ok(Some(finish(desk, document, Some(lines))))
}

fn update<T: Document>(
    desk: &mut Desk<'_, '_>,
    sent: &SentDocument,
    held: T,
) -> Result<Option<T>, Refusal> {
    let before = held.body().status;
    let status = sent.status.unwrap_or(before);
    let money = held.uses(desk.organisation).any();
    if money && T::OPEN_WHEN_PAID {
        return paid_edits::update(desk, sent, held);
    }
    let stays_paid = T::OPEN_WHEN_PAID && before == Status::Paid && status == Status::Paid;
    if !may_become(before, status) && !stays_paid {
        desk.found.error(T::WORDS.not_modifiable);
        return Ok(None);
    }
    if money {
        desk.found.error(texts::ALLOCATED);
        return Ok(None);
    }
    if before.posted() {
        check_held_date(desk.organisation, held.body().date, &mut desk.found);
    }
    let now = to_milliseconds(desk.cx.now);
    if matches!(status, Status::Voided | Status::Deleted) {
        let mut document = held;
        let body = document.body_mut();
        body.status = status;
        body.fully_paid_on_date = None;
        body.updated = now;
        settle(&mut document, desk.organisation);
        return Ok(Some(document));
    }
    if sent.side.is_some_and(|it| it != held.side()) {
        desk.found.error(T::WORDS.type_is_fixed);
    }
    let mut document = held.clone();
    take_contact(desk, sent, document.body_mut())?;
    take_names(desk, sent, &held, &mut document);
    let held = held.body();
    let body = document.body_mut();
    if let Some(date) = sent.date {
        body.date = date;
    }
    check_date(desk, body.date, status);
    if let Some(code) = &sent.currency_code {
        if before.posted() && *code != held.currency_code {
            desk.found.error(texts::CURRENCY_IS_FIXED);
        }
        body.currency_code.clone_from(code);
    }
    let foreign = body.currency_code != desk.organisation.profile.base_currency;
    let moved = body.currency_code != held.currency_code;
    if sent.currency_rate.is_some() || moved || (foreign && sent.lines.is_some()) {
        // New lines without a rate reset the rate to the day's.
        body.currency_rate = rate(desk, &body.currency_code, sent.currency_rate);
    }
    body.status = status;
    body.line_amount_types = sent.line_amount_types.unwrap_or(held.line_amount_types);
    body.updated = now;
    Ok(Some(finish(desk, document, sent.lines.as_deref())))
}

/// The contact that an update names.
pub(crate) fn take_contact(
    desk: &mut Desk<'_, '_>,
    sent: &SentDocument,
    body: &mut Body,
) -> Result<(), Refusal> {
    if let Some(contact) = &sent.contact
        && let Some(id) = contacts::of_document(
            desk.organisation,
            contact,
            desk.undo,
            desk.cx,
            &mut desk.found,
        )?
    {
        body.contact = id;
    }
    Ok(())
}

/// Number, reference, due date and other things that are never about money.
pub(crate) fn take_names<T: Document>(
    desk: &mut Desk<'_, '_>,
    sent: &SentDocument,
    held: &T,
    document: &mut T,
) {
    if sent.number.is_some() {
        document.set_number(number(desk, sent, held.side(), Some(held)));
    }
    if let Some(text) = &sent.reference {
        document.body_mut().reference = reference(text.clone(), held.side(), desk);
    }
    let body = document.body_mut();
    body.due_date = sent.due_date.or(body.due_date);
    body.branding_theme = sent.branding_theme.or(body.branding_theme);
    document.take_extras(sent, &mut desk.found);
}

/// Computes lines and totals. Without sent lines the held ones are taken again, so that a draft
/// that is approved meets the stricter rules.
fn finish<T: Document>(desk: &mut Desk<'_, '_>, mut document: T, sent: Option<&[SentLine]>) -> T {
    let body = document.body_mut();
    let terms = Terms {
        types: body.line_amount_types,
        status: body.status,
        unit_places: desk.view.unit_places,
    };
    let held = std::mem::take(&mut body.lines);
    body.lines = match sent {
        Some(sent) => sent
            .iter()
            .map(|line| {
                let same = line.id.and_then(|id| held.iter().find(|it| it.id == id));
                if line.id.is_some() && same.is_none() {
                    desk.cx.remark("an unknown LineItemID makes a new line");
                }
                compute(
                    desk.organisation,
                    line,
                    same,
                    terms,
                    desk.cx,
                    &mut desk.found,
                )
            })
            .collect(),
        None => held
            .iter()
            .map(|line| again(desk, &SentLine::default(), line, terms))
            .collect(),
    };
    if terms.status.wants_complete_lines() {
        if body.lines.is_empty() {
            desk.found.error(texts::NO_LINES);
        }
        if T::FALLS_DUE && body.due_date.is_none() {
            desk.found.error(texts::NO_DUE_DATE);
        }
    }
    let (sub_total, total_tax, total) = totals(&body.lines, body.line_amount_types);
    body.sub_total = sub_total;
    body.total_tax = total_tax;
    body.total = total;
    let refused = desk.organisation.switches.refuse_negative_total;
    if total.is_sign_negative() && !total.is_zero() && refused {
        desk.found.error(texts::NEGATIVE_TOTAL);
    }
    settle(&mut document, desk.organisation);
    document
}

/// A held line under new terms: its amounts and its tax stay.
pub(crate) fn again(desk: &mut Desk<'_, '_>, sent: &SentLine, held: &Line, terms: Terms) -> Line {
    // The held price may be finer than the caller's unitdp.
    let exact = Terms {
        unit_places: 4,
        ..terms
    };
    let mut again = compute(
        desk.organisation,
        sent,
        Some(held),
        exact,
        desk.cx,
        &mut desk.found,
    );
    again.tax_amount = held.tax_amount;
    again
}

/// Whether the status machine knows this step.
pub(crate) fn may_become(from: Status, to: Status) -> bool {
    use Status::{Authorised, Deleted, Draft, Submitted, Voided};
    match from {
        Draft | Submitted => matches!(to, Draft | Submitted | Authorised | Deleted),
        Authorised => matches!(to, Authorised | Voided),
        Status::Paid => to == Voided,
        Voided | Deleted => false,
    }
}

/// Drafts may lie before a lock.
fn check_date(desk: &mut Desk<'_, '_>, date: jiff::civil::Date, status: Status) {
    if status.posted() {
        check_new_date(desk.organisation, date, &mut desk.found);
    }
}

fn number<T: Document>(
    desk: &mut Desk<'_, '_>,
    sent: &SentDocument,
    side: Side,
    held: Option<&T>,
) -> String {
    let number = sent.number.clone().unwrap_or_default();
    if number.is_empty() && side == Side::Sales {
        if let Some(held) = held {
            return held.number().to_owned();
        }
        let next = *T::next_number(desk.organisation);
        desk.undo
            .step(move |organisation| *T::next_number(organisation) = next);
        loop {
            let next = T::next_number(desk.organisation);
            let number = format!("{}-{next:04}", T::PREFIX);
            *next = next.saturating_add(1);
            if sales_numbered::<T>(desk.organisation, &number).is_none() {
                return number;
            }
        }
    }
    if number.chars().count() > 255 || !number.chars().all(|c| c == ' ' || c.is_ascii_graphic()) {
        desk.found.error(texts::too_long(T::SHAPE.number, 255));
    }
    let other = sales_numbered::<T>(desk.organisation, &number);
    if side == Side::Sales && other.is_some_and(|it| held.is_none_or(|held| held.id() != it.id())) {
        desk.found.error(T::WORDS.number_taken);
    }
    number
}

fn reference(text: String, side: Side, desk: &mut Desk<'_, '_>) -> String {
    if text.chars().count() > 255 {
        desk.found.error(texts::too_long("Reference", 255));
    }
    // Purchase documents have none; what is sent is ignored.
    if side == Side::Sales {
        text
    } else {
        String::new()
    }
}

fn rate(desk: &mut Desk<'_, '_>, currency: &str, sent: Option<Decimal>) -> Decimal {
    let organisation = &*desk.organisation;
    if currency == organisation.profile.base_currency {
        return Decimal::ONE;
    }
    if !organisation.currencies.iter().any(|it| it == currency) {
        desk.found.error(texts::currency_not_subscribed(currency));
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
            desk.found.warning(texts::UNUSUAL_RATE);
        }
    }
    sent
}

/// The first document makes its contact a customer or supplier, without touching its update time.
fn note_contact<T: Document>(organisation: &mut Organisation, document: &T, undo: &mut Undo) {
    let Some(contact) = organisation.contacts.get(document.body().contact) else {
        return;
    };
    let known = |contact: &Contact| match document.side() {
        Side::Sales => contact.is_customer,
        Side::Purchase => contact.is_supplier,
    };
    if known(contact) {
        return;
    }
    let mut contact = contact.clone();
    match document.side() {
        Side::Sales => contact.is_customer = true,
        Side::Purchase => contact.is_supplier = true,
    }
    undo.put(organisation, contact);
}
