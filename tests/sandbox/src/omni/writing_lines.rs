//! The lines of a document that is written.

use rust_decimal::Decimal;

use super::account::Account;
use super::behaviour::Behaviour;
use super::fields::LINE_READ_ONLY;
use super::money::{amount, quantity, text};
use super::resources::Sort;
use super::rules::has;
use super::writing::find;
use crate::json::{Json, Object};
use crate::world::Cx;

/// Merges the lines that were sent over those that are held, by their ids.
pub(crate) fn merge(document: &mut Object, sent: &[Json], behaviour: &Behaviour, cx: &mut Cx<'_>) {
    let held: Vec<Json> = document
        .get("lineItems")
        .and_then(Json::as_array)
        .unwrap_or_default()
        .to_vec();
    let id = |line: &Json| {
        line.as_object()
            .and_then(|it| it.get_any_case("id")?.as_i64())
    };
    let mut kept: Vec<Json> = Vec::new();
    for line in sent {
        let same = held
            .iter()
            .find(|it| id(it).is_some() && id(it) == id(line));
        let mut merged = same.cloned().unwrap_or_else(|| Json::Obj(Object::new()));
        if let (Json::Obj(merged), Some(line)) = (&mut merged, line.as_object()) {
            for (name, value) in line.iter().filter(|(_, value)| !value.is_null()) {
                let read_only = LINE_READ_ONLY.iter();
                if let Some(field) = { read_only }.find(|it| it.eq_ignore_ascii_case(name)) {
                    if merged.get(field) != Some(value) {
                        cx.remark(format!(
                            "{field} of a line is ignored: it cannot be written"
                        ));
                    }
                    continue;
                }
                let known = merged.iter().find(|(it, _)| it.eq_ignore_ascii_case(name));
                let name = known.map_or(name, |(it, _)| it).to_owned();
                merged.set(name, value.clone());
            }
        }
        kept.push(merged);
    }
    let left_out = held
        .iter()
        .filter(|it| !sent.iter().any(|line| id(line) == id(it)));
    let left_out: Vec<Json> = left_out.cloned().collect();
    if !left_out.is_empty() {
        cx.remark("a PUT left out lines");
        if !behaviour.left_out_lines_are_deleted {
            kept.extend(left_out);
        }
    }
    document.set("lineItems", kept);
}

/// Gives new lines what they lack: an id, their product, and zeros.
pub(crate) fn number(document: &mut Object, sort: Sort, account: &mut Account) {
    let moved = sort.moved_date().is_some_and(|it| has(document, it));
    let transaction = document.get("id").cloned().unwrap_or_default();
    let Some(Json::Arr(lines)) = document.get_mut("lineItems") else {
        return;
    };
    for (at, line) in lines.iter_mut().enumerate() {
        let Json::Obj(line) = line else { continue };
        let known = line.get("id").and_then(Json::as_i64);
        if known.is_some_and(|id| id > 0) {
            continue;
        }
        let place = i64::try_from(at).unwrap_or(i64::MAX).saturating_add(1);
        let mut fresh = Object::new()
            .with("id", account.next_id)
            .with("transactionId", transaction.clone())
            .with("parentId", 0)
            .with("sort", place);
        account.next_id = account.next_id.saturating_add(1);
        for (name, value) in line.iter() {
            fresh.set(name.to_owned(), value.clone());
        }
        link(&mut fresh, account);
        let ordered = fresh.get("qty").cloned().unwrap_or_default();
        let shipped = if moved {
            ordered
        } else {
            quantity(Decimal::ZERO)
        };
        for (name, value) in [("qtyShipped", shipped), ("discount", amount(Decimal::ZERO))] {
            if fresh.get(name).is_none() {
                fresh.set(name, value);
            }
        }
        *line = fresh;
    }
}

/// The product of a line, by option id or by code. A line without one is free text.
fn link(line: &mut Object, account: &Account) {
    const OPTIONS: &str = "ProductOptions";
    let given = line.get("productOptionId").and_then(Json::as_i64);
    let by_code = || match text(line, "code") {
        "" => None,
        code => find(account, OPTIONS, "productOptionCode", code),
    };
    let option = given.filter(|id| *id > 0).or_else(by_code);
    let option = option.and_then(|id| account.document(OPTIONS, id));
    let Some(Json::Obj(option)) = option else {
        line.set("productId", 0);
        return;
    };
    for (name, of_option) in [
        ("productId", "productId"),
        ("productOptionId", "id"),
        ("code", "productOptionCode"),
    ] {
        line.set(name, option.get(of_option).cloned().unwrap_or_default());
    }
}
