//! Landed costs: one document is several rows of one id, in home currency without tax.

use super::super::account::Account;
use super::super::money::{lines, text};
use super::{Table, date, documents, plain};

const HEADER: &str = "Id,Purchase Order,Date,Category,Description,Amount,Supplier Inv No";

pub(super) fn table(account: &Account) -> Table {
    let mut table = Table::new(HEADER);
    for cost in documents(account, "LandedCosts") {
        for line in lines(&cost) {
            table.push(&[
                &plain(&cost, "id"),
                text(&cost, "purchaseOrder"),
                &date(account, &cost, "date"),
                text(line, "category"),
                text(line, "description"),
                &plain(line, "amount"),
                text(&cost, "supplierInvoiceReference"),
            ]);
        }
    }
    table
}
