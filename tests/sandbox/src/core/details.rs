//! One document a call, and the small books beside the sales.

use jiff::Timestamp;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::account::{Account, Sale};
use super::behaviour::LockDateForm;
use super::blocks::{self, text};
use super::lists::{Page, since};
use super::money::{json, number, parts, round};
use super::stamps;
use crate::chance::Chance;
use crate::exchange::Request;
use crate::json::{Json, Object};

fn flag(request: &Request, name: &str) -> bool {
    request
        .query_value(name)
        .is_some_and(|it| it.trim().eq_ignore_ascii_case("true"))
}

/// The sale that `key` of the query names.
fn find<'a>(
    account: &'a Account,
    request: &Request,
    key: &str,
) -> Result<(Uuid, &'a Sale), String> {
    let asked = request
        .query_value(key)
        .filter(|it| !it.trim().is_empty())
        .ok_or_else(|| format!("Required parameter {key} is missing"))?;
    let id = Uuid::parse_str(asked.trim())
        .map_err(|_| format!("Value '{asked}' is not valid for parameter {key}"))?;
    let sale = account
        .sales
        .get(id)
        .ok_or_else(|| "Sale with specified ID not found".to_owned())?;
    Ok((id, sale))
}

/// `GET /me`.
pub(crate) fn me(account: &Account) -> String {
    let settings = &account.settings;
    let lock = settings
        .lock_date
        .map(|date| match account.behaviour.lock_date_form {
            LockDateForm::Iso => stamps::day(date),
            LockDateForm::DayFirst => date.strftime("%d/%m/%Y").to_string(),
        });
    let rule = account.tax_rules.iter().find(|it| it.for_sale);
    Json::Obj(
        Object::new()
            .with("Company", settings.company.as_str())
            .with("Currency", settings.currency.as_str())
            .with("TimeZone", settings.zone.as_str())
            .with("LockDate", lock)
            .with("OpeningBalanceDate", "2021-07-31T00:00:00")
            .with("TaxCalculationMethod", settings.tax_method.name())
            .with("DefaultSaleTaxRuleId", rule.map(|it| it.id.to_string()))
            .with("DefaultSaleTaxRuleName", rule.map(|it| it.name.clone()))
            .with("MaximumDecimalPlacesInQuantity", "N2"),
    )
    .text()
}

/// `GET /sale`.
pub(crate) fn sale(account: &Account, request: &Request) -> Result<String, String> {
    let (id, sale) = find(account, request, "ID")?;
    let combine = flag(request, "CombineAdditionalCharges");
    let plain = !combine
        && !account.behaviour.single_blocks
        && !flag(request, "IncludeTransactions")
        && !flag(request, "HideInventoryMovements");
    if plain {
        return Ok(sale.text.clone());
    }
    let mut document = match sale.document() {
        Json::Obj(object) => object,
        _ => Object::new(),
    };
    if flag(request, "IncludeTransactions") {
        let rows = transactions(id, sale, &document);
        document.set("Transactions", rows);
    }
    if flag(request, "HideInventoryMovements") {
        document.remove("InventoryMovements");
    }
    if combine {
        for name in ["Invoices", "CreditNotes"] {
            if let Some(Json::Arr(blocks)) = document.get_mut(name) {
                for block in blocks {
                    if let Json::Obj(block) = block {
                        combine_charges(block);
                    }
                }
            }
        }
    }
    if account.behaviour.single_blocks && text(&document, "Type") != "Advanced Sale" {
        for name in ["Invoices", "CreditNotes"] {
            if let Some(Json::Arr(blocks)) = document.get_mut(name) {
                let block = match blocks.len() {
                    0 => Json::Obj(Object::new()),
                    1 => blocks.pop().unwrap_or_default(),
                    _ => continue,
                };
                document.set(name, block);
            }
        }
    }
    Ok(Json::Obj(document).text())
}

/// Charges become lines, which then have no product; their description is the name.
fn combine_charges(block: &mut Object) {
    let Some(Json::Arr(charges)) = block.get("AdditionalCharges").cloned() else {
        return;
    };
    if let Some(Json::Arr(lines)) = block.get_mut("Lines") {
        for charge in charges {
            let Json::Obj(mut charge) = charge else {
                continue;
            };
            let name = charge.remove("Description").unwrap_or_default();
            charge.set("Name", name);
            lines.push(Json::Obj(charge));
        }
    }
    block.set("AdditionalCharges", Vec::new());
}

/// The ledger rows of a sale, in the home currency. Their ids change whenever the sale does.
fn transactions(id: Uuid, sale: &Sale, document: &Object) -> Vec<Json> {
    const RECEIVABLE: &str = "610";
    const TAX: &str = "820";
    let mut chance = Chance::named(sale.changes, &id.to_string());
    let mut rows = Vec::new();
    let invoices = many_of(document, "Invoices", "InvoiceDate", "InvoiceNumber");
    let notes = many_of(
        document,
        "CreditNotes",
        "CreditNoteDate",
        "CreditNoteNumber",
    );
    for (block, date, described, is_note) in invoices
        .map(|(block, date, number)| (block, date, number, false))
        .chain(notes.map(|(block, date, number)| (block, date, number, true)))
    {
        let rate = match number(
            block,
            if is_note {
                "CreditNoteConversionRate"
            } else {
                "CurrencyConversionRate"
            },
        ) {
            rate if rate.is_zero() => Decimal::ONE,
            rate => rate,
        };
        let inclusive = text(document, "TaxCalculation") == "Inclusive";
        let mut amounts: Vec<(String, Decimal)> = Vec::new();
        for line in parts(block) {
            let tax = if inclusive {
                number(line, "Tax")
            } else {
                Decimal::ZERO
            };
            let account = text(line, "Account").to_owned();
            amounts.push((account, number(line, "Total") - tax));
        }
        amounts.push((TAX.to_owned(), number(block, "Tax")));
        for (account, amount) in amounts.into_iter().filter(|(_, it)| !it.is_zero()) {
            let (debit, credit) = if is_note {
                (account, RECEIVABLE.to_owned())
            } else {
                (RECEIVABLE.to_owned(), account)
            };
            let row = Object::new()
                .with("TaskID", block.get("TaskID").cloned().unwrap_or_default())
                .with("TransactionID", chance.guid().to_string())
                .with("Debit", debit)
                .with("Credit", credit)
                .with(
                    "Description",
                    format!("{} - {described}", text(document, "Customer")),
                )
                .with("Amount", json(round(amount * rate, 4)))
                .with("EffectiveDate", date.clone());
            rows.push(Json::Obj(row));
        }
    }
    rows
}

fn many_of<'a>(
    document: &'a Object,
    name: &str,
    date: &'static str,
    number: &'static str,
) -> impl Iterator<Item = (&'a Object, Json, String)> {
    blocks::many(document, name)
        .into_iter()
        .filter(|it| blocks::is_live(it))
        .map(move |block| {
            let date = block.get(date).cloned().unwrap_or_default();
            (block, date, text(block, number).to_owned())
        })
}

/// `GET /sale/creditnote`: no totals and no refunds; payments only where they are asked for.
pub(crate) fn credit_notes(account: &Account, request: &Request) -> Result<String, String> {
    let (id, sale) = find(account, request, "SaleID")?;
    let document = sale.document();
    let empty = Object::new();
    let document = document.as_object().unwrap_or(&empty);
    let with_payments = flag(request, "IncludePaymentInfo");
    let combine = flag(request, "CombineAdditionalCharges");
    let mut found = Vec::new();
    for note in blocks::many(document, "CreditNotes") {
        let mut note = note.clone();
        let refunds = note.remove("Refunds").unwrap_or_default();
        let total = number(&note, "Total");
        for name in ["TotalBeforeTax", "Tax", "Total"] {
            note.remove(name);
        }
        if combine {
            combine_charges(&mut note);
        }
        if with_payments {
            let payments = with_kind(&refunds, "Refund", &note);
            let used: Decimal = payments
                .iter()
                .filter_map(|it| it.get("Amount")?.as_decimal())
                .sum();
            note.set("CreditNoteBalance", json(total - used));
            note.set("Payments", payments);
        }
        found.push(Json::Obj(note));
    }
    let mixed = account.behaviour.mixed_case_ids;
    let answer = Object::new()
        .with("SaleID", stamps::id(id, mixed))
        .with("CreditNotes", found);
    Ok(Json::Obj(answer).text())
}

/// `GET /sale/payment`: a bare array of payments and refunds.
pub(crate) fn payments(account: &Account, request: &Request) -> Result<String, String> {
    let (id, sale) = find(account, request, "SaleID")?;
    let document = sale.document();
    let empty = Object::new();
    let document = document.as_object().unwrap_or(&empty);
    let mut found = Vec::new();
    for (blocks, list, kind) in [
        (blocks::many(document, "Invoices"), "Payments", "Payment"),
        (blocks::many(document, "CreditNotes"), "Refunds", "Refund"),
    ] {
        for block in blocks {
            let rows = with_kind(block.get(list).unwrap_or(&Json::Null), kind, block);
            for row in rows {
                let Json::Obj(mut row) = row else { continue };
                row.set("SaleID", id.to_string());
                row.set("TaskID", block.get("TaskID").cloned().unwrap_or_default());
                row.set("InvoiceNumber", block.get("InvoiceNumber").cloned());
                found.push(Json::Obj(row));
            }
        }
    }
    Ok(Json::Arr(found).text())
}

fn with_kind(rows: &Json, kind: &str, block: &Object) -> Vec<Json> {
    let number = block.get("CreditNoteNumber").cloned();
    rows.as_array()
        .unwrap_or_default()
        .iter()
        .filter_map(Json::as_object)
        .map(|row| {
            let mut row = row.clone();
            row.set("Type", kind);
            row.set("CreditNoteNumber", number.clone());
            row.set("CreditID", Json::Null);
            Json::Obj(row)
        })
        .collect()
}

/// `GET /customer`.
pub(crate) fn customers(account: &Account, request: &Request) -> Result<String, String> {
    let modified_since = since(request, "ModifiedSince")?;
    let deprecated = flag(request, "IncludeDeprecated");
    let given = |name: &str| request.query_value(name).filter(|it| !it.trim().is_empty());
    let id = match given("ID") {
        Some(text) => Some(
            Uuid::parse_str(text.trim())
                .map_err(|_| format!("Value '{text}' is not valid for parameter ID"))?,
        ),
        None => None,
    };
    let prefix = given("Name").map(|it| it.to_lowercase());
    let after = |at: Timestamp| {
        modified_since.is_none_or(|it| at > it || (account.behaviour.inclusive_bounds && at == it))
    };
    let rows = account
        .customers
        .iter()
        .filter(|(held, customer)| id.is_none_or(|id| **held == id) && after(customer.modified))
        .map(|(_, customer)| customer.document())
        .filter(|document| {
            let text = |name: &str| {
                document
                    .get(name)
                    .and_then(Json::as_str)
                    .unwrap_or_default()
            };
            let gone = text("Status").eq_ignore_ascii_case("deprecated");
            (deprecated || !gone)
                && prefix
                    .as_ref()
                    .is_none_or(|it| text("Name").to_lowercase().starts_with(it))
        });
    Ok(Page::of(account, request).cut("CustomerList", rows.collect()))
}

/// `GET /ref/tax`. The numbers of its components are texts.
pub(crate) fn tax_rules(account: &Account, request: &Request) -> String {
    let asked = |name: &str| request.query_value(name).filter(|it| !it.trim().is_empty());
    let name = asked("Name");
    let for_sale = asked("IsTaxForSale").map(|it| it.eq_ignore_ascii_case("true"));
    let rows = account.tax_rules.iter().enumerate().filter(|(_, rule)| {
        name.as_ref()
            .is_none_or(|it| rule.name.eq_ignore_ascii_case(it))
            && for_sale.is_none_or(|it| rule.for_sale == it)
    });
    let rows = rows.map(|(at, rule)| {
        let mut component = Object::new()
            .with("ID", rule.id.to_string())
            .with("Name", rule.name.as_str())
            .with("Percent", format!("{:.10}", rule.percent))
            .with("AccountCode", ["820", "", "0"].get(at % 3).copied())
            .with("ComponentOrder", "1");
        if at % 2 == 0 {
            component.set("Compound", "0");
        }
        Json::Obj(
            Object::new()
                .with("ID", rule.id.to_string())
                .with("Name", rule.name.as_str())
                .with("Account", "820")
                .with("IsActive", true)
                .with("TaxInclusive", false)
                .with("TaxPercent", json(rule.percent))
                .with("IsTaxForSale", rule.for_sale)
                .with("IsTaxForPurchase", rule.for_purchase)
                .with("Components", vec![Json::Obj(component)]),
        )
    });
    Page::of(account, request).cut("TaxRuleList", rows.collect())
}

/// `GET /ref/account`. A code that does not exist is an error here, and nowhere else.
pub(crate) fn chart(account: &Account, request: &Request) -> Result<String, String> {
    let asked = |name: &str| request.query_value(name).filter(|it| !it.trim().is_empty());
    let (code, status) = (asked("Code"), asked("Status"));
    let fits = |row: &Json, name: &str, asked: &Option<String>| {
        asked.as_ref().is_none_or(|it| {
            row.get(name)
                .and_then(Json::as_str)
                .is_some_and(|held| held.eq_ignore_ascii_case(it))
        })
    };
    let rows = account
        .chart
        .iter()
        .filter(|it| fits(it, "Code", &code) && fits(it, "Status", &status));
    let rows: Vec<Json> = rows.cloned().collect();
    if code.is_some() && rows.is_empty() {
        return Err("Account with specified Code not found".to_owned());
    }
    Ok(Page::of(account, request).cut("AccountsList", rows))
}
