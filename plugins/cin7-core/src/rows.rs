//! Rows of the two lists of sales: what changed when, and whether a sale has to be asked for.

use std::cmp::Ordering;
use std::collections::HashMap;

use jiff::Timestamp;
use ledgerline_plugin_api::prelude::*;

use crate::fields::Fields;
use crate::stamp;

/// What of a row is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// `Updated`. A row without one counts as changed just now: it is asked for each time.
    pub(crate) updated: Timestamp,
    /// The sale's id, in lower case.
    pub(crate) sale: String,
    /// Whether the sale may have a credit note.
    pub(crate) credited: bool,
}

/// A place among rows in their order: time, then id. Hundreds of sales may share a millisecond, so a
/// time alone would stall or skip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) updated: Timestamp,
    pub(crate) sale: String,
}

impl Place {
    pub(crate) fn compare(&self, row: &Row) -> Ordering {
        (self.updated, self.sale.as_str()).cmp(&(row.updated, row.sale.as_str()))
    }
}

impl Row {
    pub(crate) fn place(&self) -> Place {
        Place {
            updated: self.updated,
            sale: self.sale.clone(),
        }
    }

    /// Tells the row from the same sale's earlier and later ones.
    pub(crate) fn mark(&self) -> String {
        stamp::fingerprint([self.sale.as_str(), &self.updated.to_string()])
    }
}

/// Reads a row. `frozen` is the end of the window.
pub(crate) fn read(raw: &RawValue, frozen: Timestamp) -> std::result::Result<Row, String> {
    let fields: Fields<'_> = serde_json::from_str(raw.get()).map_err(|it| it.to_string())?;
    let sale = fields
        .guid(&["SaleID", "ID"])
        .ok_or_else(|| "it has no SaleID".to_owned())?;
    let updated = fields
        .text(&["Updated", "LastUpdatedDate", "LastModifiedOn"])
        .and_then(|it| stamp::read(&it));
    Ok(Row {
        updated: updated.unwrap_or(frozen),
        sale,
        credited: may_be_credited(&fields),
    })
}

/// Whether a row of `/saleList` leaves room for a credit note.
///
/// Only sales whose row denies it in three fields at once are not asked for: the credit notes' own
/// status is `NOT AVAILABLE`, there is no credit note number, and the invoices' summary is one of
/// those without "credited". A single field would not do, because one row stands for all credit notes
/// of an advanced sale; and rows are known to disagree with the sale. It is safe because the row is
/// the one that carries the change: authorising, undoing or voiding a credit note moves `Updated`
/// and with it these fields, and the list of credit notes, which is read as well, names each sale
/// that has one. Whatever is missing, empty or not known counts as room.
fn may_be_credited(row: &Fields<'_>) -> bool {
    let upper = |names: &[&str]| row.text(names).map(|it| it.to_ascii_uppercase());
    let denied = upper(&["CreditNoteStatus"]).as_deref() == Some("NOT AVAILABLE")
        && row.text(&["CreditNoteNumber"]).is_none()
        && upper(&["CombinedInvoiceStatus"]).is_some_and(|it| {
            let plain = [
                "NOT INVOICED",
                "PARTIALLY INVOICED",
                "INVOICED",
                "NOT AVAILABLE",
            ];
            plain.contains(&it.as_str())
        });
    // Voiding empties what rows show; the kind of a stand-alone credit note says it all.
    let told = ["Status", "Type"]
        .iter()
        .any(|name| upper(&[name]).is_some_and(|it| it.contains("CREDIT") || it.contains("VOID")));
    told || !denied
}

/// Rows of both lists, one a sale.
#[derive(Debug, Default)]
pub(crate) struct Rows(HashMap<String, Row>);

impl Rows {
    /// Adds a row. Met twice, the later change counts, and one that may be credited stays so.
    pub(crate) fn add(&mut self, row: Row) {
        match self.0.get_mut(&row.sale) {
            None => {
                self.0.insert(row.sale.clone(), row);
            }
            Some(known) => {
                known.updated = known.updated.max(row.updated);
                known.credited |= row.credited;
            }
        }
    }

    /// In order of time, then id.
    pub(crate) fn in_order(self) -> Vec<Row> {
        let mut rows: Vec<Row> = self.0.into_values().collect();
        rows.sort_unstable_by(|a, b| (a.updated, &a.sale).cmp(&(b.updated, &b.sale)));
        rows
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn row(value: serde_json::Value) -> std::result::Result<Row, String> {
        let raw = serde_json::value::to_raw_value(&value).unwrap();
        read(&raw, at("2026-01-02T00:00:00Z"))
    }

    #[test]
    fn only_a_row_that_denies_it_thrice_is_passed_over() {
        let none = json!({
            "SaleID": "A", "Updated": "2026-01-01T00:00:00Z", "Status": "COMPLETED", "Type": "Simple Sale",
            "CreditNoteStatus": "NOT AVAILABLE", "CreditNoteNumber": null, "CombinedInvoiceStatus": "INVOICED"
        });
        assert!(!row(none.clone()).unwrap().credited);
        let changed = [
            ("CreditNoteStatus", json!("AUTHORISED")),
            ("CreditNoteStatus", json!("DRAFT")),
            ("CreditNoteStatus", json!("")),
            ("CreditNoteStatus", json!(null)),
            ("CreditNoteStatus", json!("SOMETHING NEW")),
            ("CreditNoteNumber", json!("CR-00004")),
            ("CombinedInvoiceStatus", json!("INVOICED / CREDITED")),
            ("CombinedInvoiceStatus", json!("VOIDED")),
            ("CombinedInvoiceStatus", json!("SOMETHING NEW")),
            ("CombinedInvoiceStatus", json!(null)),
            ("Status", json!("CREDITED")),
            ("Status", json!("Voided")),
            ("Type", json!("Sale Credit Note")),
            ("Type", json!("Credit Note")),
        ];
        for (name, value) in changed {
            let mut it = none.clone();
            it[name] = value;
            assert!(row(it.clone()).unwrap().credited, "{it}");
        }
    }

    #[test]
    fn a_row_needs_an_id_and_nothing_else() {
        let bare = row(json!({ "SaleID": "5B0E" })).unwrap();
        assert_eq!(bare.sale, "5b0e");
        assert_eq!(bare.updated, at("2026-01-02T00:00:00Z"));
        assert!(bare.credited);
        assert!(row(json!({ "Updated": "2026-01-01T00:00:00Z" })).is_err());
        assert!(row(json!({ "SaleID": "00000000-0000-0000-0000-000000000000" })).is_err());
    }

    #[test]
    fn rows_are_united_and_ordered_by_time_and_id() {
        let row = |sale: &str, updated: &str, credited| Row {
            updated: at(updated),
            sale: sale.to_owned(),
            credited,
        };
        let (noon, one) = ("2026-01-01T12:00:00Z", "2026-01-01T13:00:00Z");
        let mut rows = Rows::default();
        for it in [
            row("c", noon, false),
            row("b", one, false),
            row("a", one, true),
            row("c", noon, true),
            row("b", noon, false),
        ] {
            rows.add(it);
        }
        let rows = rows.in_order();
        assert_eq!(
            rows,
            [
                row("c", noon, true),
                row("a", one, true),
                row("b", one, false)
            ]
        );
        assert_eq!(rows[1].place().compare(&rows[2]), Ordering::Less);
        assert_ne!(rows[1].mark(), rows[2].mark());
    }
}
