//! Makes up credit notes as Omni holds them: below zero, freight and the like in the header, dates
//! as the account's midnight in UTC.
//!
//! Every note follows the documented arithmetic exactly: `total` rebuilds from lines, freight,
//! surcharge, discount and tax.

use jiff::SignedDuration;
use rust_decimal::Decimal;

use super::account::Account;
use super::maker::{Line, Maker};
use super::money::{cents, money, rounded};
use super::writing::stamp;
use crate::json::{Json, Object};
use crate::seed::{Amounts, CreditNoteSeed, SeedError};

/// Makes credit notes for one account.
pub(super) struct NoteMaker<'a> {
    maker: Maker<'a>,
    serial: i64,
    next_id: i64,
}

const FIRST_NOTE_ID: i64 = 5001;
const FIRST_LINE_ID: i64 = 300_001;
const FIRST_ORDER_ID: i64 = 2_000_001;

impl<'a> NoteMaker<'a> {
    pub(super) fn new(ground: &Maker<'a>) -> Self {
        Self::from(
            ground.fork("credit notes", FIRST_LINE_ID),
            FIRST_NOTE_ID,
            700,
        )
    }

    /// Makes notes with ids and references from these on.
    pub(super) fn from(maker: Maker<'a>, next_id: i64, serial: i64) -> Self {
        Self {
            maker,
            serial,
            next_id,
        }
    }

    /// Puts the named notes and the made-up ones into the account.
    pub(super) fn plant(mut self, account: &mut Account) -> Result<(), SeedError> {
        let ordinary = CreditNoteSeed::default();
        let clean = (0..self.maker.seed.generate.credit_notes).map(|_| (&ordinary, true));
        let named = self.maker.seed.credit_notes.iter();
        let named = named.flat_map(|it| std::iter::repeat_n((it, false), it.count));
        for (recipe, clean) in clean.chain(named) {
            let mut note = Json::Obj(self.note(recipe, clean)?);
            if !recipe.patch.is_null() {
                note.merge(recipe.patch.clone());
            }
            if self.maker.seed.generate.sales_orders {
                account.put("SalesOrders", self.order(&note));
            }
            account.put("CreditNotes", note);
        }
        Ok(())
    }

    /// The next one.
    pub(super) fn note(
        &mut self,
        recipe: &CreditNoteSeed,
        clean: bool,
    ) -> Result<Object, SeedError> {
        let generate = &self.maker.seed.generate;
        let customer = self.maker.contact(&recipe.customer, "a credit note")?;
        let date = recipe.date.unwrap_or_else(|| self.maker.date());
        let currency = self.maker.currency(recipe.currency.as_deref(), clean);
        let tax_status = self.maker.tax_status(&currency);
        let rate = if tax_status == "Exempt" {
            Decimal::ZERO
        } else {
            generate.tax_percent / Decimal::ONE_HUNDRED
        };
        let mut lines = match recipe.amounts {
            Amounts::Zero => self.cancelling_lines(),
            Amounts::Credit => self.maker.lines(-1, clean),
            Amounts::Positive => self.maker.lines(1, false),
        };
        let code = match &recipe.account_code {
            Some(code) => Some((code.clone(), lines.len())),
            None if clean && self.maker.chance.percent(generate.other_accounts) => self
                .maker
                .chance
                .pick(&generate.account_codes)
                .map(|it| (it.clone(), 1)),
            None => None,
        };
        if let Some((code, first)) = code {
            for line in lines.iter_mut().take(first) {
                line.object.set("accountCode", code.as_str());
            }
        }
        let freight = -self.maker.part(clean, generate.freight, 60);
        let surcharge = -self.maker.part(clean, generate.surcharge, 20);
        let product: Decimal = lines.iter().map(|it| it.amount).sum();
        // A discount gives back less, so it is kept smaller than any line.
        let discount = if product < Decimal::from(-20) {
            -self.maker.part(clean, generate.discount, 10)
        } else {
            Decimal::ZERO
        };
        let net = product + freight + surcharge - discount;
        let tax = if tax_status == "Excl" {
            net * rate
        } else {
            Decimal::ZERO
        };
        let total = rounded(net + tax);
        self.serial = self.serial.saturating_add(1);
        let id = self.next_id;
        self.next_id = self.next_id.saturating_add(1);
        let created = self.maker.midnight(date);
        let hour = self.maker.chance.between(8 * 3600, 17 * 3600);
        let modified = created
            .checked_add(SignedDuration::from_secs(hour))
            .unwrap_or(created);
        let status = if self.maker.chance.percent(10) {
            "Approved"
        } else {
            "APPROVED"
        };
        let (serial, order) = (self.serial, self.serial.saturating_add(9000));
        let money = |value: Decimal| Json::Num(money(value).into());
        let branch = self.maker.chance.between(3, 5);
        let mut note = Object::new()
            .with("id", id)
            .with("createdDate", stamp(created))
            .with("modifiedDate", self.maker.modified(modified))
            .with("createdBy", 11)
            .with("processedBy", 12)
            .with("isApproved", true)
            .with("status", status)
            .with("reference", format!("CRN-{serial}"))
            .with("salesReference", format!("SO-{order}"))
            .with("creditNoteNumber", serial)
            .with("creditNoteDate", stamp(created))
            .with("memberId", customer.id)
            .with("memberEmail", customer.email.as_str())
            .with("company", customer.company.as_str())
            .with("firstName", "Jo")
            .with("lastName", "Day")
            .with("billingCompany", customer.company.as_str())
            .with("branchId", branch)
            .with("internalComments", "")
            .with("productTotal", money(product))
            .with("freightTotal", money(freight))
            .with(
                "freightDescription",
                if freight.is_zero() { "" } else { "Courier" },
            )
            .with("surcharge", money(surcharge))
            .with(
                "surchargeDescription",
                if surcharge.is_zero() { "" } else { "Handling" },
            )
            .with("discountTotal", money(discount))
            .with(
                "discountDescription",
                if discount.is_zero() {
                    ""
                } else {
                    "Restocking fee"
                },
            )
            .with("total", money(total))
            .with("currencyCode", currency.as_str())
            .with("currencyRate", self.maker.currency_rate(&currency))
            .with("currencySymbol", "$")
            .with("taxStatus", tax_status)
            .with("taxRate", self.maker.tax_rate(rate))
            .with("source", "Backend")
            .with("alternativeAccountCode", "")
            .with("customFields", self.maker.custom_fields())
            .with(
                "accountingAttributes",
                Object::new()
                    .with("importDate", Json::Null)
                    .with("accountingImportStatus", "NotImported"),
            );
        // Some answers say null where others leave the field out.
        match self.maker.chance.below(3) {
            0 => note.set("completedDate", Json::Null),
            1 => note.set("completedDate", stamp(modified)),
            _ => {}
        }
        let lines: Vec<Json> = lines.into_iter().map(|it| it.object.into()).collect();
        note.set("lineItems", lines);
        Ok(note)
    }

    fn cancelling_lines(&mut self) -> Vec<Line> {
        let price = cents(4500);
        vec![
            self.maker.made(
                "MUG-BLU",
                "Mug blue",
                Decimal::NEGATIVE_ONE,
                price,
                Decimal::ZERO,
                0,
            ),
            self.maker.made(
                "",
                "Already refunded",
                Decimal::ONE,
                price,
                Decimal::ZERO,
                0,
            ),
        ]
    }

    /// The sales order that a note credits, as small as one can be.
    fn order(&self, note: &Json) -> Json {
        let take = |name: &str| note.get(name).cloned().unwrap_or_default();
        let positive = |name: &str| {
            let value = note
                .get(name)
                .and_then(Json::as_decimal)
                .unwrap_or_default();
            Json::Num(money(-value).into())
        };
        let id = take("id")
            .as_i64()
            .unwrap_or_default()
            .saturating_add(FIRST_ORDER_ID);
        Object::new()
            .with("id", id)
            .with("createdDate", take("createdDate"))
            .with("modifiedDate", take("createdDate"))
            .with("isApproved", true)
            .with("status", "APPROVED")
            .with("isVoid", false)
            .with("reference", take("salesReference"))
            .with("memberId", take("memberId"))
            .with("company", take("company"))
            .with("branchId", take("branchId"))
            .with("stage", "Dispatched")
            .with("invoiceDate", take("creditNoteDate"))
            .with("invoiceNumber", id)
            .with("productTotal", positive("productTotal"))
            .with("freightTotal", positive("freightTotal"))
            .with("surcharge", positive("surcharge"))
            .with("discountTotal", positive("discountTotal"))
            .with("total", positive("total"))
            .with("currencyCode", take("currencyCode"))
            .with("currencyRate", take("currencyRate"))
            .with("taxStatus", take("taxStatus"))
            .with("taxRate", take("taxRate"))
            .with(
                "accountingAttributes",
                Object::new()
                    .with("importDate", Json::Null)
                    .with("accountingImportStatus", "Imported"),
            )
            .with("lineItems", Vec::new())
            .into()
    }
}
