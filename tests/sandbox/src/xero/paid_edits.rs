//! Changing an invoice to which money was applied.
//!
//! Texts, accounts and tracking stay open; amounts, dates and currency do not. Lines are named by
//! their ids, all of them.

use super::answers::Refusal;
use super::bind_documents::{SentDocument, SentLine};
use super::dates::to_milliseconds;
use super::document_model::{Line, Status};
use super::documents::{Desk, Document, again, take_contact, take_names};
use super::lines::{Terms, round};
use super::locks::check_held_date;
use super::settlement::settle;
use super::texts;

pub(crate) fn update<T: Document>(
    desk: &mut Desk<'_, '_>,
    sent: &SentDocument,
    held: T,
) -> Result<Option<T>, Refusal> {
    let before = held.body();
    check_held_date(desk.organisation, before.date, &mut desk.found);
    match sent.status.filter(|it| *it != before.status) {
        None => {}
        Some(Status::Deleted | Status::Paid) => desk.found.error(T::WORDS.not_modifiable),
        Some(status) => desk.found.error(texts::status_with_money(status.name())),
    }
    if sent.date.is_some_and(|it| it != before.date) {
        desk.found.error(texts::DATE_WITH_MONEY);
    }
    if sent.side.is_some_and(|it| it != held.side()) {
        desk.found.error(T::WORDS.type_is_fixed);
    }
    let other_currency = sent
        .currency_code
        .as_ref()
        .is_some_and(|it| *it != before.currency_code);
    let other_rate = sent
        .currency_rate
        .is_some_and(|it| round(it, 6) != round(before.currency_rate, 6));
    let other_types = sent
        .line_amount_types
        .is_some_and(|it| it != before.line_amount_types);
    if other_currency || other_rate || other_types {
        amounts_are_fixed(desk);
    }
    let mut document = held.clone();
    take_contact(desk, sent, document.body_mut())?;
    let credited = !held.uses(desk.organisation).credited().is_zero();
    if credited && document.body().contact != before.contact {
        desk.found.error(texts::ALLOCATED);
    }
    take_names(desk, sent, &held, &mut document);
    if let Some(sent) = &sent.lines {
        let terms = Terms {
            types: before.line_amount_types,
            status: before.status,
            unit_places: 4,
        };
        document.body_mut().lines = lines(desk, sent, &before.lines, terms);
    }
    document.body_mut().updated = to_milliseconds(desk.cx.now);
    settle(&mut document, desk.organisation);
    Ok(Some(document))
}

/// Some such edits are refused and some are dropped without a word.
fn amounts_are_fixed(desk: &mut Desk<'_, '_>) {
    if desk.organisation.switches.drop_amount_edits_when_paid {
        desk.cx
            .remark("a change of amounts on a paid document was dropped without a word");
    } else {
        desk.found.error(texts::ALLOCATED);
    }
}

fn lines(desk: &mut Desk<'_, '_>, sent: &[SentLine], held: &[Line], terms: Terms) -> Vec<Line> {
    let mut kept: Vec<Line> = held.to_vec();
    let mut named = Vec::new();
    for line in sent {
        let place = kept.iter().position(|it| Some(it.id) == line.id);
        let Some((at, before)) = place.and_then(|at| held.get(at).map(|it| (at, it))) else {
            desk.found.error(texts::NEEDS_LINE_ID);
            continue;
        };
        named.push(before.id);
        if moves_money(line, before) {
            amounts_are_fixed(desk);
        }
        let open = SentLine {
            id: line.id,
            description: line.description.clone(),
            account_code: line.account_code.clone(),
            ..SentLine::default()
        };
        let mut line_kept = again(desk, &open, before, terms);
        if let Some(tracking) = &line.tracking {
            line_kept.tracking =
                super::lines::tracking(desk.organisation, tracking, &mut desk.found);
        }
        if let Some(place) = kept.get_mut(at) {
            *place = line_kept;
        }
    }
    if held.iter().any(|it| !named.contains(&it.id)) {
        amounts_are_fixed(desk);
    }
    kept
}

fn moves_money(sent: &SentLine, held: &Line) -> bool {
    let differs = |sent: Option<rust_decimal::Decimal>, held: rust_decimal::Decimal| {
        sent.is_some_and(|it| it != held)
    };
    differs(sent.quantity, held.quantity)
        || differs(sent.unit_amount, held.unit_amount)
        || differs(sent.line_amount, held.line_amount)
        || differs(sent.tax_amount, held.tax_amount)
        || sent.tax_type.is_some() && sent.tax_type != held.tax_type
        || sent.item_code.is_some() && sent.item_code != held.item_code
        || sent.discount_rate.is_some() && sent.discount_rate != held.discount_rate
        || sent.discount_amount.is_some() && sent.discount_amount != held.discount_amount
}
