//! Makes up what goes over a till: small sales and returns of one customer, with their payments.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use rust_decimal::Decimal;

use super::account::Account;
use super::filter::instant;
use super::generate_notes::NoteMaker;
use super::generate_orders::OrderMaker;
use super::generate_rest::payment;
use super::maker::Maker;
use super::money::{number, rounded, text};
use super::seed::{OrderSeed, TillSeed};
use crate::json::{Json, Object};
use crate::seed::{CreditNoteSeed, SeedError};

const FIRST_SALE_ID: i64 = 3_200_001;
const FIRST_RETURN_ID: i64 = 500_001;
const FIRST_LINE_ID: i64 = 3_800_001;
const FIRST_RETURN_LINE_ID: i64 = 380_001;
const FIRST_PAYMENT_ID: i64 = 6_500_001;
/// Ids and references of one till are as far from those of the next.
const ROOM: i64 = 10_000;

/// Puts everything that went over the tills into the account.
pub(super) fn plant(ground: &Maker<'_>, account: &mut Account) -> Result<(), SeedError> {
    let mut room = 0_i64;
    for till in &ground.seed.tills {
        let fork = |purpose: &str, first: i64| {
            let purpose = format!("till {} {purpose}", till.channel);
            ground.fork(&purpose, first.saturating_add(room.saturating_mul(10)))
        };
        let mut taken = Till {
            till,
            maker: fork("payments", 0),
            next_payment: FIRST_PAYMENT_ID.saturating_add(room.saturating_mul(2)),
        };
        let mut sales = OrderMaker::of_sales(
            fork("sales", FIRST_LINE_ID),
            FIRST_SALE_ID.saturating_add(room),
            room.saturating_add(50_000),
        );
        for _ in 0..till.sales {
            let recipe = taken.sale();
            let sold = sales.plant_one(&recipe, true, account)?;
            taken.paid(&sold, account);
        }
        let mut returns = NoteMaker::from(
            fork("returns", FIRST_RETURN_LINE_ID),
            FIRST_RETURN_ID.saturating_add(room),
            room.saturating_add(60_000),
        );
        for _ in 0..till.returns {
            let recipe = taken.return_of_goods();
            let mut note = Json::Obj(returns.note(&recipe, true)?);
            note.merge(recipe.patch);
            if let Json::Obj(note) = &note {
                taken.paid(note, account);
            }
            account.put("CreditNotes", note);
        }
        room = room.saturating_add(ROOM);
    }
    Ok(())
}

struct Till<'a> {
    till: &'a TillSeed,
    maker: Maker<'a>,
    next_payment: i64,
}

impl Till<'_> {
    fn sale(&mut self) -> OrderSeed {
        OrderSeed {
            contact: self.till.contact.clone(),
            date: Some(self.day()),
            currency: Some(self.currency()),
            patch: self.stands(),
            ..OrderSeed::default()
        }
    }

    /// Nobody at a till asks which sale it was.
    fn return_of_goods(&mut self) -> CreditNoteSeed {
        let mut patch = self.stands();
        patch.merge(Object::new().with("salesReference", "").into());
        CreditNoteSeed {
            customer: self.till.contact.clone(),
            date: Some(self.day()),
            currency: Some(self.currency()),
            patch,
            ..CreditNoteSeed::default()
        }
    }

    /// Channel and branch of a document.
    fn stands(&mut self) -> Json {
        let branch = self.maker.chance.pick(&self.till.branches).copied();
        Object::new()
            .with("source", self.till.channel.as_str())
            .with("branchId", branch.unwrap_or(3))
            .into()
    }

    fn day(&mut self) -> Date {
        let days = self.till.from.until(self.till.to);
        let days = days.map_or(0, |it| i64::from(it.get_days())).max(0);
        let day = self.maker.chance.between(0, days);
        self.till
            .from
            .checked_add(day.days())
            .unwrap_or(self.till.from)
    }

    fn currency(&mut self) -> String {
        let seed = self.maker.seed;
        let foreign = self.maker.chance.percent(self.till.foreign);
        let drawn = self.maker.chance.pick(&seed.generate.currencies);
        drawn.filter(|_| foreign).unwrap_or(&seed.currency).clone()
    }

    /// Enters how a sale was paid, or a return paid back.
    fn paid(&mut self, document: &Object, account: &mut Account) {
        let total = number(document, "total");
        let day = ["invoiceDate", "creditNoteDate", "createdDate"]
            .into_iter()
            .find_map(|it| instant(text(document, it)));
        let day = day.unwrap_or_default();
        let method = self.maker.chance.pick(&self.till.methods).cloned();
        let method = method.unwrap_or_default();
        match self.maker.chance.below(100) {
            0..5 => {
                let part = rounded(total / Decimal::from(3));
                self.enter(document, (part, day), &method, account);
                let other = self.till.methods.iter().find(|it| **it != method);
                let other = other.cloned().unwrap_or(method);
                self.enter(document, (total - part, day), &other, account);
            }
            5..9 => {}
            9..12 => {
                let id = self.enter(document, (total, day), &method, account);
                if let Some(Json::Obj(mut held)) = account.document("Payments", id) {
                    held.set("isAuthorized", false);
                    account.put("Payments", held.into());
                }
            }
            _ => {
                self.enter(document, (total, day), &method, account);
            }
        }
    }

    fn enter(
        &mut self,
        document: &Object,
        (value, day): (Decimal, Timestamp),
        method: &str,
        account: &mut Account,
    ) -> i64 {
        let at = day
            .checked_add(SignedDuration::from_hours(10))
            .unwrap_or(day);
        let mut paid = payment(&mut self.maker, self.next_payment, document, value, at);
        self.next_payment = self.next_payment.saturating_add(1);
        paid.set("method", method);
        account.put("Payments", paid.into())
    }
}
