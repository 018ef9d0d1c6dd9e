//! Calls about settings: chart of accounts, tax rates, tracking, currencies, items.

use uuid::Uuid;

use super::answers::Refusal;
use super::expression::{Condition, Properties, Value};
use super::organisation::Organisation;
use super::resources::{Result, flag, guid};
use super::{bind, render, texts};
use crate::exchange::Request;
use crate::json::{Json, Object};

pub(super) fn actions() -> Vec<Json> {
    [
        "CreateApprovedInvoice",
        "CreateDraftInvoice",
        "CreateApprovedBill",
        "CreateDraftBill",
        "CreateInvoicePayment",
        "UseMulticurrency",
        "AttachFilesIntoInvoice",
    ]
    .into_iter()
    .map(|name| {
        Object::new()
            .with("Name", name)
            .with("Status", "ALLOWED")
            .into()
    })
    .collect()
}

/// Filters small lists, whose rows are already rendered.
fn filtered(request: &Request, properties: &Properties, rows: Vec<Json>) -> Result<Vec<Json>> {
    let Some(text) = request
        .query_value("where")
        .filter(|it| !it.trim().is_empty())
    else {
        return Ok(rows);
    };
    let condition = Condition::parse(&text, properties)?;
    let mut kept = Vec::new();
    for row in rows {
        if condition.holds(&|name| value_of(row.get(name)))? {
            kept.push(row);
        }
    }
    Ok(kept)
}

fn value_of(json: Option<&Json>) -> Value {
    match json {
        None | Some(Json::Null | Json::Arr(_) | Json::Obj(_)) => Value::Null,
        Some(Json::Bool(value)) => Value::Bool(*value),
        Some(Json::Num(text)) => text.parse().map_or(Value::Null, Value::Number),
        Some(Json::Str(text)) => match Uuid::parse_str(text) {
            Ok(guid) => Value::Guid(guid),
            Err(_) => Value::Text(text.clone()),
        },
    }
}

pub(super) fn accounts(
    organisation: &Organisation,
    request: &Request,
    rest: &[&str],
) -> Result<Vec<Json>> {
    let properties = Properties {
        type_name: "Account",
        names: &[
            "AccountID",
            "Code",
            "Name",
            "Type",
            "Status",
            "Class",
            "TaxType",
            "SystemAccount",
        ],
        loose: &[],
        optimised: &[],
    };
    match rest {
        [] => {
            let since = request
                .header_value("if-modified-since")
                .and_then(super::dates::parse_modified_since);
            let rows = organisation
                .accounts
                .iter()
                .filter(|it| it.status != "DELETED")
                .filter(|it| since.is_none_or(|since| it.updated >= since))
                .map(render::account)
                .collect();
            filtered(request, &properties, rows)
        }
        [id] => {
            let id = guid(id)?;
            let held = organisation.accounts.iter().find(|it| it.id == id);
            held.map(|it| vec![render::account(it)])
                .ok_or(Refusal::NotFound)
        }
        _ => Err(Refusal::NotFound),
    }
}

pub(super) fn tax_rates(
    organisation: &Organisation,
    request: &Request,
    rest: &[&str],
) -> Result<Vec<Json>> {
    let properties = Properties {
        type_name: "TaxRate",
        names: &[
            "Name",
            "TaxType",
            "Status",
            "ReportTaxType",
            "EffectiveRate",
        ],
        loose: &[],
        optimised: &[],
    };
    let rows = organisation.tax_rates.iter();
    match rest {
        [] => filtered(request, &properties, rows.map(render::tax_rate).collect()),
        [tax_type] => {
            let held = organisation
                .tax_rates
                .iter()
                .find(|it| it.tax_type == *tax_type);
            held.map(|it| vec![render::tax_rate(it)])
                .ok_or(Refusal::NotFound)
        }
        _ => Err(Refusal::NotFound),
    }
}

pub(super) fn tracking(
    organisation: &Organisation,
    request: &Request,
    rest: &[&str],
) -> Result<Vec<Json>> {
    let archived = flag(request, "includeArchived");
    let properties = Properties {
        type_name: "TrackingCategory",
        names: &["Name", "Status", "TrackingCategoryID"],
        loose: &[],
        optimised: &[],
    };
    match rest {
        [] => {
            let rows = organisation
                .tracking
                .iter()
                .filter(|it| archived || it.status == "ACTIVE")
                .map(|it| render::tracking(it, archived))
                .collect();
            filtered(request, &properties, rows)
        }
        [id] => {
            let id = guid(id)?;
            let held = organisation.tracking.iter().find(|it| it.id == id);
            held.map(|it| vec![render::tracking(it, true)])
                .ok_or(Refusal::NotFound)
        }
        _ => Err(Refusal::NotFound),
    }
}

pub(super) fn currencies(organisation: &Organisation, request: &Request) -> Result<Vec<Json>> {
    let properties = Properties {
        type_name: "Currency",
        names: &["Code", "Description"],
        loose: &[],
        optimised: &[],
    };
    let rows = organisation
        .currencies
        .iter()
        .map(|code| currency(code))
        .collect();
    filtered(request, &properties, rows)
}

pub(super) fn items(
    organisation: &Organisation,
    request: &Request,
    rest: &[&str],
) -> Result<Vec<Json>> {
    let properties = Properties {
        type_name: "Item",
        names: &["ItemID", "Code", "Name", "IsTrackedAsInventory"],
        loose: &[],
        optimised: &[],
    };
    match rest {
        [] => {
            let rows = organisation.items.iter().map(render::item).collect();
            filtered(request, &properties, rows)
        }
        [key] => {
            let mut held = organisation.items.iter();
            held.find(|it| it.code == *key || it.id.to_string().eq_ignore_ascii_case(key))
                .map(|it| vec![render::item(it)])
                .ok_or(Refusal::NotFound)
        }
        _ => Err(Refusal::NotFound),
    }
}

fn currency(code: &str) -> Json {
    let description = match code {
        "AUD" => "Australian Dollar",
        "NZD" => "New Zealand Dollar",
        "USD" => "United States Dollar",
        "EUR" => "Euro",
        "GBP" => "British Pound",
        other => other,
    };
    Object::new()
        .with("Code", code)
        .with("Description", description)
        .into()
}

pub(super) fn subscribe(organisation: &mut Organisation, request: &Request) -> Result<Vec<Json>> {
    let elements = bind::elements(&request.body, "Currencies", "Currency", &["Code"])?;
    let mut items = Vec::new();
    for element in &elements {
        let code = element
            .get("Code")
            .and_then(Json::as_str)
            .unwrap_or_default()
            .to_owned();
        if code.len() != 3 || !code.bytes().all(|it| it.is_ascii_uppercase()) {
            return Err(Refusal::PostData(texts::POST_DATA.to_owned()));
        }
        if !organisation.currencies.contains(&code) {
            organisation.currencies.push(code.clone());
        }
        items.push(currency(&code));
    }
    Ok(items)
}
