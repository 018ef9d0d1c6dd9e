//! What a new row gets that its element leaves out, and what it cannot do without.

use rust_decimal::Decimal;

use super::account::Account;
use super::money::{number, text};
use super::resources::Sort;
use super::rules::has;
use super::writing::find;
use crate::json::{Json, Object};

/// The branch of documents that name none.
const MAIN_BRANCH: i64 = 3;

/// Refuses an element that lacks what its sort cannot do without.
pub(crate) fn required(sort: Sort, sent: &Object) -> Result<(), String> {
    let needed: &[&str] = match sort {
        Sort::CreditNote => &["salesReference"],
        Sort::Contact => &["type"],
        Sort::Payment => &["orderId", "amount"],
        Sort::Product => &["styleCode"],
        Sort::ProductOption => &["productId"],
        _ => &[],
    };
    let missing = needed.iter().find(|name| {
        let value = sent.get_any_case(name);
        match value {
            None | Some(Json::Null) => true,
            Some(value) => value.as_str().is_some_and(|it| it.trim().is_empty()),
        }
    });
    match missing {
        Some(name) => Err(format!("The {name} is required")),
        None => Ok(()),
    }
}

/// Sets what the element may then say otherwise.
pub(crate) fn defaults(document: &mut Object, sort: Sort) {
    if sort.referenced() {
        document.set("isApproved", true);
        document.set("source", "API");
    }
    if sort.totalled() {
        document.set("status", "APPROVED");
        document.set("accountingAttributes", not_imported());
    }
    match sort {
        Sort::SalesOrder | Sort::PurchaseOrder => {
            document.set("isVoid", false);
            document.set("stage", "New");
        }
        Sort::CreditNote => {
            let number = document.get("id").cloned().unwrap_or_default();
            document.set("creditNoteNumber", number);
        }
        Sort::Payment => {
            document.set("isAuthorized", true);
            document.set("orderType", "Undefined");
        }
        _ => {}
    }
}

/// `accountingAttributes` of a document that no accounting system has seen.
pub(crate) fn not_imported() -> Object {
    Object::new()
        .with("importDate", Json::Null)
        .with("accountingImportStatus", "NotImported")
}

/// Sets what follows from the element, and from the account's settings where it is silent.
pub(crate) fn complete(document: &mut Object, sort: Sort, account: &Account) -> Result<(), String> {
    if sort.referenced() && !has(document, "reference") {
        let id = document.get("id").and_then(Json::as_i64);
        document.set("reference", format!("AUTO-{}", id.unwrap_or_default()));
    }
    if sort.referenced() && number(document, "branchId").is_zero() {
        document.set("branchId", MAIN_BRANCH);
    }
    if !sort.totalled() {
        return Ok(());
    }
    name_member(document, account)?;
    let defaults = &account.defaults;
    if !has(document, "currencyCode") && !defaults.currency.is_empty() {
        document.set("currencyCode", defaults.currency.as_str());
    }
    if number(document, "currencyRate").is_zero() {
        let rate = account.home_rate(text(document, "currencyCode"));
        document.set("currencyRate", rate);
    }
    if !has(document, "taxStatus") && !defaults.tax_status.is_empty() {
        document.set("taxStatus", defaults.tax_status.as_str());
    }
    if document.get("taxRate").is_none() {
        let exempt = text(document, "taxStatus").eq_ignore_ascii_case("exempt");
        let rate = if exempt {
            Decimal::ZERO
        } else {
            defaults.tax_rate
        };
        document.set("taxRate", Json::decimal(rate));
    }
    Ok(())
}

/// The contact of a document, by id or by e-mail, and what is copied of it.
fn name_member(document: &mut Object, account: &Account) -> Result<(), String> {
    const CONTACTS: &str = "Contacts";
    let id = document.get("memberId").and_then(Json::as_i64);
    let email = text(document, "memberEmail").to_owned();
    let id = match id.filter(|id| *id > 0) {
        Some(id) => id,
        None if email.is_empty() => return Ok(()),
        None => find(account, CONTACTS, "email", &email)
            .or_else(|| find(account, CONTACTS, "billingEmail", &email))
            .ok_or_else(|| format!("The memberEmail '{email}' was not found"))?,
    };
    document.set("memberId", id);
    let Some(Json::Obj(contact)) = account.document(CONTACTS, id) else {
        return Err(format!("The memberId {id} was not found"));
    };
    for (name, of_contact) in [
        ("memberEmail", "billingEmail"),
        ("company", "company"),
        ("firstName", "firstName"),
        ("lastName", "lastName"),
        ("memberCostCenter", "costCenter"),
        ("memberAlternativeTaxRate", "taxStatus"),
    ] {
        if !has(document, name) {
            document.set(name, contact.get(of_contact).cloned().unwrap_or_default());
        }
    }
    Ok(())
}

/// The name of the contact that is billed instead.
pub(crate) fn name_parent(contact: &mut Object, account: &Account) {
    let parent = contact.get("billingId").and_then(Json::as_i64);
    let parent = parent.filter(|id| *id > 0);
    if let Some(Json::Obj(parent)) = parent.and_then(|id| account.document("Contacts", id)) {
        let company = parent.get("company").cloned().unwrap_or_default();
        contact.set("billingCompany", company);
    }
}

/// The document that a payment is for, with its resource. Ids may be the same in two resources:
/// then the type that the payment names, or its reference, decides.
pub(crate) fn order_of(account: &Account, payment: &Object) -> Option<(&'static str, Json)> {
    let id = payment.get("orderId").and_then(Json::as_i64)?;
    let (kind, reference) = (text(payment, "orderType"), text(payment, "orderRef"));
    let all = [
        ("SalesOrders", "SalesOrder"),
        ("PurchaseOrders", "PurchaseOrder"),
        ("CreditNotes", "CreditNote"),
    ];
    let mut found: Vec<_> = all
        .into_iter()
        .filter_map(|(resource, name)| {
            let order = account.document(resource, id)?;
            let same = order
                .as_object()
                .is_some_and(|it| text(it, "reference") == reference);
            Some((name == kind, same, resource, order))
        })
        .collect();
    found.sort_by_key(|(named, same, _, _)| (!*named, !*same));
    found
        .into_iter()
        .next()
        .map(|(_, _, resource, order)| (resource, order))
}

/// The reference and the branch of the document that a payment is for.
pub(crate) fn name_order(payment: &mut Object, account: &Account) -> Result<(), String> {
    let Some((_, order)) = order_of(account, payment) else {
        let id = payment.get("orderId").cloned().unwrap_or_default();
        return Err(format!("The order {id} was not found"));
    };
    payment.set(
        "orderRef",
        order.get("reference").cloned().unwrap_or_default(),
    );
    if number(payment, "branchId").is_zero() {
        payment.set(
            "branchId",
            order.get("branchId").cloned().unwrap_or_default(),
        );
    }
    Ok(())
}
