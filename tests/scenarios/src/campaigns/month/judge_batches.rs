//! Compares the batches that the books hold with those that they must hold.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use serde_json::Value;

use super::{
    judge::Month,
    ledger::{Key, Papers},
    till::Posted,
};
use crate::{
    Stage,
    books::{ORGANISATION, cents},
};

impl Month {
    /// Each batch is one document of the books with total and tax of its orders and credit notes; these are marked,
    /// so that Omni costs them.
    pub(super) fn batches(
        &mut self,
        stage: &Stage,
        marked: &Papers,
        posted: &BTreeMap<String, Posted>,
    ) {
        let books = stage.world.xero(ORGANISATION);
        let of = |all: Vec<Value>, number: &str| {
            let all = all.into_iter().filter_map(|it| {
                let name = it[number].as_str()?.strip_prefix("BATCH ")?.to_owned();
                Some((name, cents(&it["Total"]), cents(&it["TotalTax"])))
            });
            all.collect::<Vec<_>>()
        };
        let mut held = of(books.invoices(), "InvoiceNumber");
        let credits = of(books.credit_notes(), "CreditNoteNumber");
        let credited = |(name, total, tax): (String, Decimal, Decimal)| (name, -total, -tax);
        held.extend(credits.into_iter().map(credited));
        let wanted: Vec<(String, Decimal, Decimal)> = posted
            .iter()
            .flat_map(|(name, it)| {
                let differs = it.corrected.map(|by| (format!("{name}-D1"), by));
                [Some((name.clone(), it.whole)), differs]
            })
            .flatten()
            .map(|(name, (total, tax))| (name, total, tax))
            .collect();
        self.batches = posted.len();
        for it in held.iter().filter(|it| !wanted.contains(it)) {
            self.wrong.push(format!("the books hold {it:?}"));
        }
        for it in wanted.iter().filter(|it| !held.contains(it)) {
            self.wrong.push(format!("the books do not hold {it:?}"));
        }
        let members: BTreeSet<&Key> = posted.values().flat_map(|it| &it.members).collect();
        for (key, paper) in &marked.at_the_till {
            let is = paper.import_status();
            if members.contains(key) && is != "DoNotImport" {
                self.wrong
                    .push(format!("{key:?} is batched and marked {is}"));
            }
        }
    }
}
