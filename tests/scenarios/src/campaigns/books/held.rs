//! What all vendors hold, and where it differs from what an undisturbed run leaves.

use serde_json::Value;

use super::{
    deeds::is_counted_again,
    ground::{AT_TILL, EXPORTED},
};
use crate::campaigns::faults::Picture;

/// What all vendors hold.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::campaigns) struct Held {
    picture: Picture,
    /// The trial balance: what each account of the books holds.
    balances: Value,
    duplicates: Vec<Value>,
    documents: u64,
}

impl Held {
    /// From the admin calls `state`, `ledger` and `duplicates`.
    pub(in crate::campaigns) fn of(state: Value, ledger: &Value, duplicates: &Value) -> Self {
        let made = ["invoices", "credit_notes", "manual_journals"];
        let made = made.map(|it| list(first(&state["xero"]), it).len());
        let paid = list(first(&state["omni"]), "payments").len();
        Self {
            documents: (made.iter().sum::<usize>() + paid) as u64,
            picture: Picture::read(state),
            balances: ledger["balances"].clone(),
            duplicates: duplicates.as_array().cloned().unwrap_or_default(),
        }
    }

    /// Documents that the engine made.
    pub(in crate::campaigns) fn documents(&self) -> u64 {
        self.documents
    }

    /// Documents that are there twice.
    pub(in crate::campaigns) fn twice(&self) -> usize {
        self.duplicates.len()
    }

    /// Everything that is wrong, each in words of its own.
    pub(in crate::campaigns) fn apart(&self, wanted: &Self) -> Vec<String> {
        let twice = self.duplicates.iter().map(|it| format!("sent twice: {it}"));
        let mut found: Vec<String> = twice.collect();
        found.extend(self.picture.apart(&wanted.picture));
        if self.balances != wanted.balances {
            let (held, due) = (&self.balances, &wanted.balances);
            found.push(format!("the trial balance is {held} instead of {due}"));
        }
        found
    }

    /// Where the story of so many documents of each sort was not told to its end.
    pub(in crate::campaigns) fn untold(&self, state: &Value, count: i64) -> Vec<String> {
        let again = (1..=count).filter(|it| is_counted_again(*it)).count();
        let count = usize::try_from(count).unwrap_or_default();
        let mut found = Vec::new();
        let mut expect = |what: &str, held: usize, due: usize| {
            if held != due {
                found.push(format!("{held} {what} instead of {due}"));
            }
        };
        let books = first(&state["xero"]);
        let is = |name: &'static str, value: &'static str| move |it: &&Value| it[name] == value;
        let invoices = list(books, "invoices");
        expect(
            "invoices",
            invoices.iter().filter(is("Type", "ACCREC")).count(),
            // One is the till's.
            count + 1,
        );
        expect(
            "bills",
            invoices.iter().filter(is("Type", "ACCPAY")).count(),
            count,
        );
        expect(
            "void ones",
            invoices.iter().filter(is("Status", "VOIDED")).count(),
            count / 4 * 2,
        );
        let journals = count + EXPORTED + 2 * again;
        expect("journals", list(books, "manual_journals").len(), journals);
        let notes = list(books, "credit_notes");
        expect("credit notes", notes.len(), count.div_ceil(2));
        let applied = notes.iter().map(|it| list(it, "Allocations").len()).sum();
        expect("allocations", applied, count.div_ceil(2));
        let omni = first(&state["omni"]);
        let at_till = usize::try_from(AT_TILL).unwrap_or_default();
        let removed = count.div_ceil(4);
        expect(
            "payments in Omni",
            list(omni, "payments").len(),
            (count.div_ceil(2) - removed) * 2 + at_till + 1,
        );
        let marked = |resource: &str, how: &str| {
            let all = list(omni, resource).iter();
            all.filter(|it| it["accountingAttributes"]["accountingImportStatus"] == *how)
                .count()
        };
        let imported = |resource: &str| marked(resource, "Imported");
        let batched = |resource: &str| marked(resource, "DoNotImport");
        expect("batched sales orders", batched("sales_orders"), at_till);
        expect("batched credit notes", batched("credit_notes"), 1);
        expect("imported sales orders", imported("sales_orders"), count);
        expect(
            "imported purchase orders",
            imported("purchase_orders"),
            count,
        );
        expect(
            "imported credit notes",
            imported("credit_notes"),
            count.div_ceil(2),
        );
        found
    }
}

fn first(vendor: &Value) -> &Value {
    let members = vendor.as_object().and_then(|it| it.values().next());
    members.unwrap_or(&Value::Null)
}

fn list<'a>(of: &'a Value, name: &str) -> &'a [Value] {
    of[name].as_array().map(Vec::as_slice).unwrap_or_default()
}
