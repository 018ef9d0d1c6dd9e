//! What goods cost: first in, first out, at the exchange rate of the purchase order and with its
//! landed costs.
//!
//! A layer is what one line of a received purchase order brought in. Where the layers do not reach
//! (the account bought before this world began), the cost that the sale's own line holds is taken.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::super::account::Account;
use super::super::money::{line_amount, lines, number, tax_fraction, text};
use super::{at, documents, in_force};
use crate::json::Object;

struct Layer {
    received: Timestamp,
    left: Decimal,
    each: Decimal,
}

/// What is in stock, by code, oldest first.
pub(super) struct Stock(BTreeMap<String, VecDeque<Layer>>);

impl Stock {
    /// What the account has received, nothing sold yet.
    pub(super) fn received(account: &Account) -> Self {
        let landed = landed_costs(account);
        let mut layers: Vec<(String, Layer)> = Vec::new();
        for order in documents(account, "PurchaseOrders") {
            let Some(received) = at(&order, "fullyReceivedDate").filter(|_| in_force(&order))
            else {
                continue;
            };
            let extra = landed.get(text(&order, "reference")).copied();
            let value: Decimal = lines(&order).map(line_amount).sum();
            for line in lines(&order) {
                let quantity = number(line, "qtyShipped");
                if quantity <= Decimal::ZERO {
                    continue;
                }
                let share = line_amount(line).checked_div(value).unwrap_or_default();
                let goods = home_cost(&order, line) + extra.unwrap_or_default() * share;
                let each = goods.checked_div(number(line, "qty")).unwrap_or_default();
                let layer = Layer {
                    received,
                    left: quantity,
                    each: each.round_dp(4),
                };
                layers.push((text(line, "code").to_owned(), layer));
            }
        }
        layers.sort_by_key(|(_, it)| it.received);
        let mut stock: BTreeMap<String, VecDeque<Layer>> = BTreeMap::new();
        for (code, layer) in layers {
            stock.entry(code).or_default().push_back(layer);
        }
        Self(stock)
    }

    /// Takes goods out; answers quantities with the cost of each unit of them.
    pub(super) fn take(
        &mut self,
        code: &str,
        quantity: Decimal,
        when: Timestamp,
        otherwise: Decimal,
    ) -> Vec<(Decimal, Decimal)> {
        let mut taken = Vec::new();
        let mut wanted = quantity;
        let mut layers = self.0.get_mut(code);
        while wanted > Decimal::ZERO {
            let layer = layers.as_mut().and_then(|it| it.front_mut());
            let Some(layer) = layer.filter(|it| it.received <= when) else {
                taken.push((wanted, otherwise));
                break;
            };
            let part = wanted.min(layer.left);
            taken.push((part, layer.each));
            wanted -= part;
            layer.left -= part;
            if layer.left.is_zero()
                && let Some(layers) = layers.as_mut()
            {
                layers.pop_front();
            }
        }
        taken
    }
}

/// What a line of a purchase order comes to in home currency, without tax.
fn home_cost(order: &Object, line: &Object) -> Decimal {
    let mut cost = line_amount(line) * number(order, "currencyRate");
    if text(order, "taxStatus").eq_ignore_ascii_case("incl") {
        let inside = Decimal::ONE + tax_fraction(order);
        cost = cost.checked_div(inside).unwrap_or(cost);
    }
    cost
}

fn landed_costs(account: &Account) -> BTreeMap<String, Decimal> {
    let mut costs: BTreeMap<String, Decimal> = BTreeMap::new();
    for cost in documents(account, "LandedCosts") {
        let value: Decimal = lines(&cost).map(|it| number(it, "amount")).sum();
        *costs
            .entry(text(&cost, "purchaseOrder").to_owned())
            .or_default() += value;
    }
    costs
}
