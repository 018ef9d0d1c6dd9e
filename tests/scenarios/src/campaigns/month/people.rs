//! What people do after the first run: payments in the books, then edits and voids in Omni, and a payment
//! that is taken out again. Each deed says what the books hold afterwards.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use rust_decimal::Decimal;
use sandbox::Request;
use serde_json::{Value, json};

use super::ledger::{Books, Fate, Key, Paid, Papers, Rules, Sort};
use crate::{
    Stage,
    books::{ACCOUNT, ORGANISATION, dec, number},
};

const BANK: &str = "091";
const SCOPE: &str = "accounting.invoices accounting.payments";

/// Who does what to which document, drawn once from what is booked.
#[derive(Debug, Default)]
pub(super) struct Deeds {
    /// Payments that stay.
    pub(super) kept: Vec<Payment>,
    /// Payments that are taken out again.
    pub(super) removed: Vec<Payment>,
    /// Saved with other amounts: the books may follow.
    pub(super) dearer: Vec<Key>,
    /// Saved with another order number: no amount changes.
    pub(super) renamed: Vec<Key>,
    /// Void, and the route takes them back.
    pub(super) voided: Vec<Key>,
    /// Void, but somebody has to decide; with words of the cause.
    pub(super) kept_void: BTreeMap<Key, &'static str>,
}

/// A payment in the books.
#[derive(Debug, Clone)]
pub(super) struct Payment {
    /// Its id.
    pub(super) id: String,
    /// What the ledger needs of it.
    pub(super) paid: Paid,
}

/// The bookkeeper at Xero's pages.
pub(super) struct Bookkeeper<'a> {
    stage: &'a Stage,
    token: String,
}

impl Deeds {
    /// Draws documents for every deed: more of each for a larger company.
    pub(super) fn drawn(papers: &Papers, books: &Books) -> (Self, Vec<(Key, Decimal, bool)>) {
        let free = |sort: Sort, home: bool| {
            let applied: Vec<Key> = books.applied.values().copied().collect();
            papers
                .papers
                .iter()
                .filter(|(key, _)| key.0 == sort && books.fates.get(*key) == Some(&Fate::Booked))
                .filter(|(key, _)| !applied.contains(key))
                .filter(|(_, it)| (it.currency_code == "AUD") == home)
                .map(|(key, it)| (*key, it.total.0))
                .collect::<Vec<_>>()
        };
        let sales = free(Sort::Sale, true);
        let bills = free(Sort::Purchase, true);
        let share = (sales.len() / 60).max(1);
        let (mut sales, mut bills) = (sales.into_iter(), bills.into_iter());
        let mut deeds = Self::default();
        let keys =
            |drawn: Vec<(Key, Decimal)>| drawn.into_iter().map(|it| it.0).collect::<Vec<_>>();
        let some = |of: &mut std::vec::IntoIter<(Key, Decimal)>| of.by_ref().take(share).collect();
        deeds.dearer = keys(some(&mut sales));
        deeds.renamed = keys(some(&mut sales));
        deeds.voided = keys(some(&mut sales));
        let mut pay: Vec<(Key, Decimal, bool)> = Vec::new();
        for (key, total) in some(&mut sales) {
            deeds
                .kept_void
                .insert(key, "is paid in Xero and cannot be taken back");
            pay.push((key, total, false));
        }
        pay.extend(
            some(&mut sales)
                .into_iter()
                .map(|(key, it)| (key, it, false)),
        );
        pay.extend(
            some(&mut sales)
                .into_iter()
                .map(|(key, it)| (key, (it / Decimal::TEN).round_dp(2), false)),
        );
        pay.extend(
            some(&mut sales)
                .into_iter()
                .map(|(key, it)| (key, it, true)),
        );
        pay.extend(
            free(Sort::Sale, false)
                .into_iter()
                .take(share)
                .map(|(key, it)| (key, it, false)),
        );
        deeds.dearer.extend(bills.next().map(|it| it.0));
        if let Some((key, _)) = bills.next() {
            deeds.kept_void.insert(key, "no longer wants this document");
        }
        pay.extend(bills.next().map(|(key, it)| (key, it, false)));
        pay.extend(bills.next().map(|(key, it)| (key, it, true)));
        let credit = free(Sort::Credit, true).into_iter().next();
        if let Some((key, _)) = credit {
            deeds.kept_void.insert(key, "no longer wants this document");
        }
        (deeds, pay)
    }

    /// Orders that something is done to, or that a credit note names.
    pub(super) fn busy(&self, papers: &Papers) -> Vec<Key> {
        let named = papers
            .papers
            .values()
            .filter_map(|it| it.sales_reference.as_ref());
        let named: BTreeSet<&String> = named.collect();
        let credited = papers.papers.iter().filter(|(_, it)| {
            let reference = it.reference.as_ref();
            reference.is_some_and(|it| named.contains(it))
        });
        let paid = self.kept.iter().chain(&self.removed);
        paid.map(|it| it.paid.document)
            .chain(self.dearer.iter().copied())
            .chain(self.renamed.iter().copied())
            .chain(self.voided.iter().copied())
            .chain(self.kept_void.keys().copied())
            .chain(credited.map(|it| *it.0))
            .collect()
    }

    /// Everything that is done in Omni.
    pub(super) fn in_omni(&self, stage: &Stage) {
        let edit = |key: &Key, patch: Value| {
            stage
                .world
                .omni(ACCOUNT)
                .edit(resource(key.0), &key.1.to_string(), patch)
                .expect("it is there");
        };
        for key in &self.dearer {
            edit(key, json!({ "freightTotal": number("31.50") }));
        }
        for key in &self.renamed {
            edit(key, json!({ "customerOrderNo": "PO by phone" }));
        }
        for key in self.voided.iter().chain(self.kept_void.keys()) {
            let patch = match key.0 {
                Sort::Credit => json!({ "status": "VOID" }),
                _ => json!({ "isVoid": true, "status": "VOID" }),
            };
            edit(key, patch);
        }
    }
}

/// A deposit that somebody paid on an order, and entered in Omni.
#[derive(Debug, Clone)]
pub(super) struct Deposit {
    /// Omni's id of the payment.
    pub(super) payment: i64,
    /// The order.
    pub(super) order: Key,
    /// In the order's currency.
    pub(super) amount: Decimal,
}

/// First id of payments that are deposits.
const DEPOSITS_FROM: i64 = 880_001;

impl Deposit {
    /// Deposits on orders that nothing else is done to: at home and foreign, with goods and with money still to
    /// come. A third of each order, to the cent.
    pub(super) fn drawn(papers: &Papers, books: &Books, rules: &Rules, deeds: &Deeds) -> Vec<Self> {
        let busy = deeds.busy(papers);
        let of = |sort: Sort, home: bool, fate: Fate| {
            let orders: Vec<(Key, Decimal)> = papers
                .papers
                .iter()
                .filter(|(key, _)| key.0 == sort && books.fates.get(*key) == Some(&fate))
                .filter(|(key, _)| !busy.contains(key))
                .filter(|(_, it)| (it.currency_code == rules.home) == home)
                .filter(|(_, it)| {
                    let company = it.company.as_deref().unwrap_or_default();
                    !rules.refused.contains_key(company)
                })
                .map(|(key, it)| (*key, it.total.0))
                .filter(|(_, total)| *total > Decimal::TEN)
                .collect();
            let share = (orders.len() / 20).max(2);
            orders.into_iter().rev().take(share).collect::<Vec<_>>()
        };
        let mut orders = of(Sort::Sale, true, Fate::Booked);
        orders.extend(of(Sort::Sale, false, Fate::Booked));
        orders.extend(of(Sort::Sale, true, Fate::LeftOut("no invoice date")));
        orders.extend(of(Sort::Purchase, true, Fate::Booked));
        orders.extend(of(Sort::Purchase, false, Fate::Booked));
        orders.extend(of(Sort::Purchase, true, Fate::LeftOut("no invoice date")));
        let third = |total: Decimal| (total / Decimal::from(3)).round_dp(2);
        (DEPOSITS_FROM..)
            .zip(orders)
            .map(|(payment, (order, total))| Self {
                payment,
                order,
                amount: third(total),
            })
            .collect()
    }

    /// Somebody enters it on its order.
    pub(super) fn in_omni(&self, stage: &Stage, papers: &Papers) {
        let kind = match self.order.0 {
            Sort::Purchase => "PurchaseOrder",
            _ => "SalesOrder",
        };
        let payment = json!({
            "id": self.payment, "orderId": self.order.1, "orderType": kind,
            "orderRef": papers.papers[&self.order].reference, "method": "Bank transfer",
            "amount": number(&self.amount.to_string()), "paymentDate": "2026-10-22T13:00:00Z", "isAuthorized": true,
            "comments": "Deposit", "transactionRef": "", "batchReference": "",
            "createdDate": "2026-10-22T13:00:00Z", "modifiedDate": "2026-10-23T01:00:00Z",
        });
        let omni = stage.world.omni(ACCOUNT);
        omni.put("Payments", payment).expect("it is entered");
    }
}

/// Omni's name of these documents.
pub(super) fn resource(sort: Sort) -> &'static str {
    match sort {
        Sort::Sale => "SalesOrders",
        Sort::Purchase => "PurchaseOrders",
        Sort::Credit => "CreditNotes",
        Sort::SupplierCredit => "SupplierCreditNotes",
        Sort::Adjustment => "Adjustments",
    }
}

impl<'a> Bookkeeper<'a> {
    /// Signs in.
    pub(super) fn new(stage: &'a Stage) -> Self {
        let basic = {
            use base64::Engine as _;
            base64::engine::general_purpose::STANDARD
                .encode("DEMOCUSTOMCONNECTION0000000000000:demo-secret")
        };
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("scope", SCOPE)
            .finish();
        let request = Request::new("POST", "/connect/token")
            .header("Authorization", &format!("Basic {basic}"))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(form);
        let answer = read(&stage.world.handle(&request));
        let token = answer["access_token"].as_str().expect("a token").to_owned();
        Self { stage, token }
    }

    /// Enters a payment on what the books hold under this id.
    pub(super) async fn pays(
        &self,
        held: &str,
        document: Key,
        amount: Decimal,
        rate: Decimal,
    ) -> Payment {
        let mut payment = json!({
            "Invoice": { "InvoiceID": held }, "Account": { "Code": BANK }, "Date": "2026-11-21",
            "Amount": number(&amount.to_string()), "Reference": format!("paid {}", document.1),
        });
        if rate != Decimal::ONE {
            payment["CurrencyRate"] = number(&rate.to_string());
        }
        let body = json!({ "Payments": [payment] });
        let answer = self.call("PUT", "/api.xro/2.0/Payments", &body).await;
        let made = &answer["Payments"][0];
        let id = made["PaymentID"].as_str();
        Payment {
            id: id.unwrap_or_else(|| panic!("{answer}")).to_owned(),
            paid: Paid {
                document,
                amount,
                rate,
                account: BANK.to_owned(),
            },
        }
    }

    /// Takes a payment out again.
    pub(super) async fn removes(&self, payment: &Payment) {
        let path = format!("/api.xro/2.0/Payments/{}", payment.id);
        let body = json!({ "Status": "DELETED" });
        let answer = self.call("POST", &path, &body).await;
        assert_eq!(answer["Payments"][0]["Status"], "DELETED", "{answer}");
    }

    async fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let tenant = self.stage.world.xero(ORGANISATION).tenant_id();
        let request = Request::new(method, path)
            .header("Authorization", &format!("Bearer {}", self.token))
            .header("xero-tenant-id", &tenant.expect("a tenant").to_string())
            .header("Accept", "application/json")
            .header("Content-Type", "application/json")
            .body(body.to_string());
        loop {
            let reply = self.stage.world.handle(&request);
            if reply.status != 429 {
                return read(&reply);
            }
            // Even a bookkeeper has a limit of calls a minute.
            self.stage.pass(Duration::from_secs(61)).await;
        }
    }
}

fn read(reply: &sandbox::Reply) -> Value {
    serde_json::from_slice(&reply.body).unwrap_or_else(|_| panic!("{}", reply.status))
}

/// What a foreign unit cost on the day of payment: another rate than on any document.
pub(super) fn rate_of_payment(currency: &str) -> Decimal {
    match currency {
        "USD" => dec("0.64"),
        "NZD" => dec("1.11"),
        _ => Decimal::ONE,
    }
}
