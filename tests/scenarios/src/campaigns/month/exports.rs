//! What exports alone tell, worked out from the very files: landed costs and the cost of goods sold; and
//! deposits, of which it is known who entered them.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::{
    ledger::{Books, Fate, Papers, Rules, Sort},
    people::Deposit,
};
use crate::{
    Stage,
    books::ACCOUNT,
    omni_routes::{COGS, LANDED_COSTS, PURCHASE_DEPOSITS, SALES_DEPOSITS},
};

/// What must become of a document of an export, by route and id.
pub(super) type Fates = BTreeMap<(&'static str, String), Fate>;

/// Files that a bookkeeper exports and drops, by their kind.
pub(super) struct Exports(BTreeMap<&'static str, String>);

impl Exports {
    /// Exports all and drops them where the deployment looks.
    pub(super) fn dropped(stage: &Stage) -> Self {
        Self::of_kinds(
            stage,
            &[
                ("landed_costs", "landed-costs.csv"),
                ("cogs", "cogs.csv"),
                ("deposits", "deposits.csv"),
            ],
        )
    }

    /// Supplier credit notes alone.
    pub(super) fn of_supplier_credit_notes(stage: &Stage) -> Self {
        let kind = ("supplier_credit_notes", "supplier-credit-notes.csv");
        Self::of_kinds(stage, &[kind])
    }

    fn of_kinds(stage: &Stage, kinds: &[(&'static str, &str)]) -> Self {
        let folder = stage.folder().join("exports");
        let texts = kinds.iter().map(|(kind, file)| {
            let text = stage.world.omni(ACCOUNT).export(kind).expect("a kind");
            std::fs::write(folder.join(file), &text).expect("the folder is there");
            (*kind, text)
        });
        Self(texts.collect())
    }

    /// Adds what the books must hold of them; what must become of each.
    pub(super) fn book(&self, rules: &Rules, books: &mut Books) -> Fates {
        let mut fates = Fates::new();
        let accounts = &rules.tables["omni-landed-cost-accounts"];
        for (id, rows) in self.grouped("landed_costs", 0) {
            // Id, Purchase Order, Date, Category, Description, Amount
            let known = rows.iter().all(|it| accounts.contains_key(&it[3]));
            let fate = match rows[0][2] <= rules.closed_until {
                _ if !known => Fate::Stopped("has no row"),
                true => Fate::Stopped("closed period"),
                false => Fate::Booked,
            };
            if fate == Fate::Booked {
                for row in &rows {
                    books.post(&accounts["stock"], number(&row[5]));
                    books.post(&accounts[&row[3]], -number(&row[5]));
                }
            }
            fates.insert((LANDED_COSTS, id), fate);
        }
        for (month, rows) in self.grouped("cogs", 0) {
            // Month, …, 4 Completed Date, …, 9 Cost, COGS Account, Stock Account
            let latest = rows
                .iter()
                .map(|it| &it[4])
                .max()
                .cloned()
                .unwrap_or_default();
            let fate = if latest > rules.today {
                Fate::Stopped("has not come yet")
            } else if rules.closed_until.starts_with(&month) || month < rules.closed_until {
                Fate::Stopped("closed period")
            } else {
                Fate::Booked
            };
            if fate == Fate::Booked {
                for row in &rows {
                    books.post(&row[10], number(&row[9]));
                    books.post(&row[11], -number(&row[9]));
                }
            }
            fates.insert((COGS, month), fate);
        }
        fates
    }

    /// Adds what the books must hold of deposits. Each is in the books at once; the credit note that takes it back
    /// waits for its order.
    pub(super) fn book_deposits(
        &self,
        deposits: &[Deposit],
        papers: &Papers,
        rules: &Rules,
        books: &mut Books,
    ) -> Fates {
        let mut fates = Fates::new();
        let told = self.grouped("deposits", 0).len();
        assert_eq!(told, deposits.len(), "the export has each deposit once");
        for it in deposits {
            let (route, back, applied) = match it.order.0 {
                Sort::Purchase => (
                    PURCHASE_DEPOSITS,
                    "omni-purchase-deposit-reversals",
                    "omni-purchase-deposit-allocations",
                ),
                _ => (
                    SALES_DEPOSITS,
                    "omni-sales-deposit-reversals",
                    "omni-sales-deposit-allocations",
                ),
            };
            let id = format!("DEP-{}", it.payment);
            let order = &papers.papers[&it.order];
            books.deposit(it.order, order, it.amount, rules);
            fates.insert((route, id.clone()), Fate::Booked);
            if books.fates.get(&it.order) == Some(&Fate::Booked) {
                fates.insert((back, id.clone()), Fate::Booked);
                fates.insert((applied, id), Fate::Booked);
            } else {
                // Sales orders without an invoice date are not even read.
                let why = match it.order.0 {
                    Sort::Purchase => "it has no invoice date",
                    _ => "has not been read from the source",
                };
                fates.insert((back, id), Fate::Stopped(why));
            }
        }
        fates
    }

    /// Rows by what stands in a column.
    fn grouped(&self, kind: &str, by: usize) -> BTreeMap<String, Vec<Vec<String>>> {
        let mut groups: BTreeMap<String, Vec<Vec<String>>> = BTreeMap::new();
        let mut reader = csv::Reader::from_reader(self.0[kind].as_bytes());
        for row in reader.records() {
            let row: Vec<String> = row.expect("CSV").iter().map(str::to_owned).collect();
            groups.entry(row[by].clone()).or_default().push(row);
        }
        groups
    }
}

fn number(text: &str) -> Decimal {
    text.parse().expect("a number")
}
