//! Money that customers paid through Omni, and what the books must hold of it: on a clearing account, off what the
//! customers owe, and never back in Omni.

use rust_decimal::Decimal;
use serde_json::json;

use super::{
    exports::Fates,
    ledger::{Books, Fate, Key, Paid, Papers, Rules, Sort},
    till::put,
};
use crate::{Stage, books::number, omni_routes::PORTAL_PAYMENTS};

/// Omni's method of such payments.
pub(super) const METHOD: &str = "Cin7 Pay";
/// Account that takes them.
pub(super) const CLEARING: &str = "625";

/// First id of these payments.
const PAYMENTS_FROM: i64 = 890_001;

/// One such payment.
#[derive(Debug, Clone)]
pub(super) struct PortalPayment {
    id: i64,
    order: Key,
    /// In the order's currency; below zero for a refund.
    amount: Decimal,
    authorised: bool,
    day: &'static str,
    fate: Fate,
}

impl PortalPayment {
    /// Payments on orders that nothing else is done to.
    pub(super) fn drawn(papers: &Papers, books: &Books, rules: &Rules, busy: &[Key]) -> Vec<Self> {
        let of = |home: bool, fate: Fate| {
            papers
                .papers
                .iter()
                .filter(move |(key, _)| key.0 == Sort::Sale && books.fates.get(*key) == Some(&fate))
                .filter(|(key, _)| !busy.contains(key))
                .filter(move |(_, it)| (it.currency_code == rules.home) == home)
                .map(|(key, it)| (*key, it.total.0))
                .filter(|(_, total)| *total > Decimal::TEN)
                .collect::<Vec<_>>()
        };
        let home = of(true, Fate::Booked);
        let share = (home.len() / 16).max(1);
        let mut home = home.into_iter();
        let mut drawn = Vec::new();
        let mut pay = |(order, amount): (Key, Decimal), fate: Fate| {
            drawn.push(Self {
                id: 0,
                order,
                amount,
                authorised: true,
                day: "2026-11-21",
                fate,
            });
        };
        let half = |total: Decimal| (total / Decimal::TWO).round_dp(2);
        for (order, total) in home.by_ref().take(share) {
            pay((order, total), Fate::Booked);
        }
        for (order, total) in home.by_ref().take(share) {
            pay((order, half(total)), Fate::Booked);
        }
        // In two parts.
        for (order, total) in home.by_ref().take(share) {
            pay((order, half(total)), Fate::Booked);
            pay((order, total - half(total)), Fate::Booked);
        }
        for (order, total) in of(false, Fate::Booked).into_iter().take(share) {
            pay((order, total), Fate::Booked);
        }
        for (order, total) in of(true, Fate::LeftOut("no invoice date"))
            .into_iter()
            .take(2)
        {
            pay(
                (order, total),
                Fate::Stopped("has not been read from the source"),
            );
        }
        if let Some((order, total)) = home.next() {
            pay(
                (order, total + Decimal::TEN),
                Fate::Stopped("larger than what is outstanding"),
            );
        }
        if let Some((order, total)) = home.next() {
            pay(
                (order, -total),
                Fate::Stopped("refunds are entered in Xero by hand"),
            );
        }
        let (refused, early) = (home.next(), home.next());
        if let Some(it) = refused {
            pay(it, Fate::LeftOut("not authorised"));
        }
        if let Some(it) = early {
            pay(it, Fate::Stopped("has not come yet"));
        }
        for (id, it) in (PAYMENTS_FROM..).zip(&mut drawn) {
            it.id = id;
            it.authorised = it.fate != Fate::LeftOut("not authorised");
            if it.fate == Fate::Stopped("has not come yet") {
                it.day = "2026-12-05";
            }
        }
        drawn
    }

    /// The customer pays.
    pub(super) fn in_omni(&self, stage: &Stage, papers: &Papers) {
        let payment = json!({
            "id": self.id, "orderId": self.order.1, "orderRef": papers.papers[&self.order].reference,
            "orderType": "SalesOrder", "method": METHOD, "amount": number(&self.amount.to_string()),
            "paymentDate": format!("{}T00:00:00Z", self.day), "isAuthorized": self.authorised, "comments": "",
            "transactionRef": format!("tx-{}", self.id), "batchReference": "", "createdDate": "2026-11-20T13:00:00Z",
        });
        put(stage, "Payments", payment);
    }

    /// What the books must hold of it: nothing says at which rate, so Xero takes that of the day.
    pub(super) fn paid(&self, papers: &Papers, rules: &Rules) -> Option<Paid> {
        let currency = &papers.papers[&self.order].currency_code;
        (self.fate == Fate::Booked).then(|| Paid {
            document: self.order,
            amount: self.amount,
            rate: rules
                .day_rates
                .get(currency)
                .copied()
                .unwrap_or(Decimal::ONE),
            account: CLEARING.to_owned(),
        })
    }

    /// What must become of all of them.
    pub(super) fn fates(all: &[Self]) -> Fates {
        all.iter()
            .map(|it| ((PORTAL_PAYMENTS, it.id.to_string()), it.fate.clone()))
            .collect()
    }
}
