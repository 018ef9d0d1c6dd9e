//! What Xero makes of a line: amounts, account, tax and tracking.
//!
//! Tax is computed for each line, rounded to cents half away from zero, and then summed. A bad
//! account on a draft is dropped with a warning; on an approved document it is an error.

use rust_decimal::{Decimal, RoundingStrategy};

use super::bind_documents::{SentLine, SentTracking};
use super::document_model::{Line, LineAmountTypes, LineTracking, Status};
use super::organisation::Organisation;
use super::settings::{OnDraft, UnknownTracking};
use super::texts;
use crate::world::Cx;

/// Messages about one element.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) errors: Vec<String>,
    pub(crate) warnings: Vec<String>,
}

impl Findings {
    pub(crate) fn error(&mut self, text: impl Into<String>) {
        let text = text.into();
        if !self.errors.contains(&text) {
            self.errors.push(text);
        }
    }

    pub(crate) fn warning(&mut self, text: impl Into<String>) {
        let text = text.into();
        if !self.warnings.contains(&text) {
            self.warnings.push(text);
        }
    }
}

/// What a line is computed under.
#[derive(Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) types: LineAmountTypes,
    pub(crate) status: Status,
    /// Decimals of a unit amount: 4 with `unitdp=4`, else 2.
    pub(crate) unit_places: u32,
}

/// Rounds half away from zero.
pub(crate) fn round(value: Decimal, places: u32) -> Decimal {
    let mut value = value.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero);
    value.rescale(places);
    value
}

/// Computes one line. `held` is the line that an update names by its id.
pub(crate) fn compute(
    organisation: &Organisation,
    sent: &SentLine,
    held: Option<&Line>,
    terms: Terms,
    cx: &mut Cx<'_>,
    found: &mut Findings,
) -> Line {
    let (quantity, unit_amount, line_amount) = amounts(sent, held, terms, found);
    let has_amount = sent.quantity.is_some()
        || sent.unit_amount.is_some()
        || sent.line_amount.is_some()
        || held.is_some_and(|it| !it.line_amount.is_zero());
    let approved = terms.status.wants_complete_lines();
    let description = sent
        .description
        .clone()
        .or_else(|| held.map(|it| it.description.clone()))
        .unwrap_or_default();
    if description.chars().count() > 4000 {
        found.error(texts::DESCRIPTION_TOO_LONG);
    }
    if approved && description.is_empty() && organisation.switches.description_required {
        found.error(texts::NO_DESCRIPTION);
    }
    let item_code = sent
        .item_code
        .clone()
        .or_else(|| held.and_then(|it| it.item_code.clone()));
    if let Some(code) = &item_code
        && organisation.item(code).is_none()
    {
        found.error(texts::item_invalid(code));
    }
    let asked = sent
        .account_code
        .clone()
        .or_else(|| held.and_then(|it| it.account_code.clone()));
    let account_code = account(organisation, asked, terms.status, found);
    let tax_type = tax_type(
        organisation,
        sent.tax_type
            .as_ref()
            .or(held.and_then(|it| it.tax_type.as_ref())),
        account_code.as_deref(),
        terms.types,
        found,
    );
    if approved && has_amount && account_code.is_none() {
        found.error(texts::NO_ACCOUNT);
        if tax_type.is_none() {
            found.error(texts::NO_TAX_TYPE);
        }
    }
    let computed = tax(
        line_amount,
        rate(organisation, tax_type.as_deref()),
        terms.types,
    );
    let tax_amount = match sent.tax_amount {
        Some(given) if terms.types != LineAmountTypes::NoTax => {
            let given = round(given, 2);
            if given.abs() > line_amount.abs() {
                found.error(texts::TAX_ABOVE_LINE);
            }
            given
        }
        _ => computed,
    };
    let tracking = match &sent.tracking {
        Some(sent) => tracking(organisation, sent, found),
        None => held.map(|it| it.tracking.clone()).unwrap_or_default(),
    };
    Line {
        id: held.map_or_else(|| cx.chance.guid(), |it| it.id),
        description,
        quantity,
        unit_amount,
        line_amount,
        item_code,
        account_code,
        tax_type,
        tax_amount,
        discount_rate: sent.discount_rate.or(held.and_then(|it| it.discount_rate)),
        discount_amount: sent
            .discount_amount
            .or(held.and_then(|it| it.discount_amount)),
        tracking,
    }
}

/// What a line is worth after its discount.
fn worth(sent: &SentLine, held: Option<&Line>, quantity: Decimal, unit: Decimal) -> Decimal {
    let full = quantity * unit;
    let rate = sent.discount_rate.or(held.and_then(|it| it.discount_rate));
    let amount = sent
        .discount_amount
        .or(held.and_then(|it| it.discount_amount));
    let discount = match (rate, amount) {
        (Some(rate), _) => full * rate / Decimal::ONE_HUNDRED,
        (None, Some(amount)) => amount,
        (None, None) => Decimal::ZERO,
    };
    round(full - discount, 2)
}

/// The rate of a tax type as a fraction; nothing where there is none.
pub(crate) fn rate(organisation: &Organisation, tax_type: Option<&str>) -> Decimal {
    tax_type
        .and_then(|it| organisation.tax_rate(it))
        .map_or(Decimal::ZERO, |it| it.rate / Decimal::ONE_HUNDRED)
}

/// Tax inside or on top of an amount.
pub(crate) fn tax(amount: Decimal, rate: Decimal, types: LineAmountTypes) -> Decimal {
    match types {
        LineAmountTypes::Exclusive => round(amount * rate, 2),
        LineAmountTypes::Inclusive => round(amount * rate / (Decimal::ONE + rate), 2),
        LineAmountTypes::NoTax => round(Decimal::ZERO, 2),
    }
}

/// Net, tax and gross of all lines.
pub(crate) fn totals(lines: &[Line], types: LineAmountTypes) -> (Decimal, Decimal, Decimal) {
    let amount = round(lines.iter().map(|it| it.line_amount).sum(), 2);
    let tax = round(lines.iter().map(|it| it.tax_amount).sum(), 2);
    match types {
        LineAmountTypes::Exclusive => (amount, tax, amount + tax),
        LineAmountTypes::Inclusive => (amount - tax, tax, amount),
        LineAmountTypes::NoTax => (amount, round(Decimal::ZERO, 2), amount),
    }
}

fn amounts(
    sent: &SentLine,
    held: Option<&Line>,
    terms: Terms,
    found: &mut Findings,
) -> (Decimal, Decimal, Decimal) {
    let cut = |unit: Decimal| {
        if terms.unit_places == 4 {
            let mut cut = unit.trunc_with_scale(4);
            cut.rescale(4);
            cut
        } else {
            round(unit, 2)
        }
    };
    let quantity = sent.quantity.map(|it| round(it, 4));
    let unit = sent.unit_amount.map(cut);
    if let (Some(given), Some(kept)) = (sent.unit_amount, unit)
        && kept.is_zero()
        && !given.is_zero()
    {
        // The misleading pair that live servers give for a price too small to keep.
        found.error(texts::ACCOUNT_INVALID);
        found.error(texts::TAX_RATE_INVALID);
    }
    let amount = sent.line_amount.map(|it| round(it, 2));
    let one = round(Decimal::ONE, 4);
    let nothing = round(Decimal::ZERO, 2);
    match (quantity, unit, amount) {
        (None, None, None) => held.map_or((nothing, nothing, nothing), |it| {
            let discounted = sent.discount_rate.is_some() || sent.discount_amount.is_some();
            let amount = if discounted {
                worth(sent, held, it.quantity, it.unit_amount)
            } else {
                it.line_amount
            };
            (it.quantity, it.unit_amount, amount)
        }),
        (Some(quantity), None, None) => {
            let unit = held.map_or(nothing, |it| it.unit_amount);
            (quantity, unit, worth(sent, held, quantity, unit))
        }
        (None, None, Some(amount)) => (one, amount, amount),
        (Some(quantity), None, Some(amount)) => {
            let unit = amount.checked_div(quantity).unwrap_or_default();
            (quantity, round(unit, terms.unit_places), amount)
        }
        (quantity, Some(unit), amount) => {
            let quantity = quantity.or(held.map(|it| it.quantity)).unwrap_or(one);
            let expected = worth(sent, held, quantity, unit);
            if let Some(amount) = amount.filter(|it| *it != expected) {
                found.error(texts::line_total(
                    &amount.to_string(),
                    &expected.to_string(),
                ));
            }
            (quantity, unit, expected)
        }
    }
}

fn account(
    organisation: &Organisation,
    asked: Option<String>,
    status: Status,
    found: &mut Findings,
) -> Option<String> {
    let code = asked?;
    let draft = !status.wants_complete_lines();
    let held = organisation.account(&code);
    match held {
        Some(account) if account.status == "ARCHIVED" => {
            if draft && organisation.switches.archived_account_on_draft == OnDraft::Warning {
                found.warning(texts::account_removed(&code));
                return None;
            }
            found.error(texts::account_archived(&code));
            Some(code)
        }
        Some(account) if account.usable_on_lines() => Some(code),
        _ if draft => {
            found.warning(texts::account_removed(&code));
            None
        }
        _ => {
            found.error(texts::account_not_usable(&code));
            Some(code)
        }
    }
}

/// The tax type of a line: the given one, or its account's. It must fit the account.
pub(crate) fn tax_type(
    organisation: &Organisation,
    given: Option<&String>,
    account_code: Option<&str>,
    types: LineAmountTypes,
    found: &mut Findings,
) -> Option<String> {
    let account = account_code.and_then(|code| organisation.account(code));
    let tax_type = match (given, types) {
        (None, LineAmountTypes::NoTax) => return Some("NONE".to_owned()),
        (Some(none), LineAmountTypes::NoTax) if none == "NONE" => return Some(none.clone()),
        (Some(given), _) => given.clone(),
        (None, _) => account.map(|it| it.tax_type.clone())?,
    };
    match organisation.tax_rate(&tax_type) {
        None => found.error(texts::tax_unknown(&tax_type)),
        Some(rate) => {
            if let Some(account) = account
                && !rate.applies_to(account.class())
            {
                found.error(texts::tax_not_for_account(&tax_type, &account.code));
            }
        }
    }
    Some(tax_type)
}

pub(crate) fn tracking(
    organisation: &Organisation,
    sent: &[SentTracking],
    found: &mut Findings,
) -> Vec<LineTracking> {
    if sent.len() > 2 {
        found.error(texts::TOO_MUCH_TRACKING);
    }
    let mut kept = Vec::new();
    for choice in sent {
        match resolve(organisation, choice) {
            Some(choice) => kept.push(choice),
            None if organisation.switches.unknown_tracking == UnknownTracking::Drop => {}
            None => found.error(texts::UNKNOWN_TRACKING),
        }
    }
    kept
}

fn resolve(organisation: &Organisation, sent: &SentTracking) -> Option<LineTracking> {
    let (category, option) = match (&sent.name, &sent.option) {
        (Some(name), Some(option)) => organisation.tracking_option(name, option)?,
        _ => {
            let category = organisation
                .tracking
                .iter()
                .find(|it| Some(it.id) == sent.category && it.status == "ACTIVE")?;
            let option = category
                .options
                .iter()
                .find(|it| Some(it.id) == sent.option_id && it.status == "ACTIVE")?;
            (category, option)
        }
    };
    Some(LineTracking {
        category: category.id,
        option_id: option.id,
        name: category.name.clone(),
        option: option.name.clone(),
    })
}
