//! Takes the credit notes out of a sale.
//!
//! One document is one credit note with the header of its sale: what governs it (currency, tax mode,
//! customer, reference) stands there. Both parts are the text that came.

use ledgerline_plugin_api::prelude::*;

use crate::fields::{Fields, many};
use crate::stamp;

/// Parts of a sale that are documents of their own or come and go with stock; a credit note does not
/// need them.
const PARTS: &[&str] = &[
    "Quote",
    "Order",
    "Fulfilments",
    "Fulfillments",
    "Invoices",
    "Invoice",
    "CreditNotes",
    "CreditNote",
    "ManualJournals",
    "InventoryMovements",
    "Transactions",
    "Attachments",
];

/// Header fields that move with shipping, payment and cost. They stay in the document, but a change
/// of theirs alone makes no new version of it.
const RESTLESS: &[&str] = &[
    "LastModifiedOn",
    "COGSAmount",
    "CombinedPickingStatus",
    "CombinedPackingStatus",
    "CombinedShippingStatus",
    "CombinedInvoiceStatus",
    "CombinedPaymentStatus",
    "CombinedTrackingNumbers",
    "FulFilmentStatus",
    "FulfilmentStatus",
    "ShipBy",
    "ShippingNotes",
    "Carrier",
];

/// One credit note.
#[derive(Debug)]
pub(crate) struct Note {
    /// The sale's id where the task is the sale, as in simple and service sales, else `SALE/TASK`; then
    /// the number where two share that. An invoice of the sale may have the same id: it is of another
    /// stream.
    pub(crate) id: String,
    pub(crate) version: String,
    pub(crate) body: Box<RawValue>,
}

/// The credit notes of the sale that was asked for.
pub(crate) fn read(response: &Response, sale: &str) -> Result<Vec<Note>> {
    let odd = |what: String| Error::protocol(format!("{}, sale {sale}: {what}", response.call()));
    let whole: &RawValue = response.json()?;
    let sales = many(whole).map_err(|it| odd(it.to_string()))?;
    let [one] = sales.as_slice() else {
        return Err(odd(format!(
            "it came with {} sales instead of one",
            sales.len()
        )));
    };
    let fields: Fields<'_> = serde_json::from_str(one.get()).map_err(|it| odd(it.to_string()))?;
    let id = fields.guid(&["ID", "SaleID"]);
    if id.as_deref() != Some(sale) {
        return Err(odd(format!(
            "another sale came: {}",
            id.unwrap_or_else(|| "one without an id".to_owned())
        )));
    }
    let header = Header::of(&fields)?;
    let raws = fields
        .many(&["CreditNotes", "CreditNote"])
        .map_err(|it| odd(format!("its credit notes: {it}")))?;
    let mut found = Vec::new();
    for raw in raws {
        let note: Fields<'_> = serde_json::from_str(raw.get())
            .map_err(|it| odd(format!("one of its credit notes: {it}")))?;
        if is_placeholder(&note) {
            continue;
        }
        // In simple and service sales the task is the sale itself, so a missing id can be no other.
        let task = note.guid(&["TaskID"]).unwrap_or_else(|| sale.to_owned());
        let number = note.text(&["CreditNoteNumber"]).unwrap_or_default();
        found.push((task, number.into_owned(), raw));
    }
    // A credit note that was voided and issued anew may leave two under one task. The older one, which
    // has the smaller number, keeps the plain id, whatever the order in which they come.
    found.sort_by(|a, b| (&a.0, a.1.len(), &a.1).cmp(&(&b.0, b.1.len(), &b.1)));
    let mut notes: Vec<Note> = Vec::new();
    for (at, (task, number, raw)) in found.iter().enumerate() {
        let first = at == 0 || found[at - 1].0 != *task;
        let mut id = sale.to_owned();
        if task != sale {
            id = format!("{id}/{task}");
        }
        if !first {
            id = format!("{id}/{number}");
        }
        if notes.iter().any(|it| it.id == id) {
            return Err(odd(format!(
                "it has two credit notes {number:?} under task {task}"
            )));
        }
        notes.push(Note {
            id,
            version: stamp::fingerprint([header.settled.as_str(), raw.get()]),
            body: header.with(raw)?,
        });
    }
    Ok(notes)
}

/// A sale shows a credit note with the status `NOT AVAILABLE` where there is none: it is the empty
/// form that somebody might fill in, without a number, and often under the id of the sale. Taking it
/// for a document would announce a credit note that nobody wrote.
fn is_placeholder(note: &Fields<'_>) -> bool {
    match note.text(&["Status"]) {
        Some(status) => status.eq_ignore_ascii_case("NOT AVAILABLE"),
        None => {
            let lines = note.many(&["Lines"]).map_or(0, |it| it.len());
            lines == 0 && note.text(&["CreditNoteNumber"]).is_none()
        }
    }
}

/// The sale without its parts.
struct Header {
    text: String,
    /// The same without the fields that move by themselves.
    settled: String,
}

impl Header {
    fn of(sale: &Fields<'_>) -> Result<Self> {
        let mut text = String::from("{");
        let mut settled = String::new();
        let named = |list: &[&str], name: &str| list.iter().any(|it| it.eq_ignore_ascii_case(name));
        for (name, raw) in sale.0.iter().filter(|(name, _)| !named(PARTS, name)) {
            let quoted = serde_json::to_string(name).map_err(Error::bug)?;
            let field = format!("{quoted}:{}", raw.get());
            if !named(RESTLESS, name) {
                settled.push_str(&field);
                settled.push(',');
            }
            if text.len() > 1 {
                text.push(',');
            }
            text.push_str(&field);
        }
        text.push('}');
        Ok(Self { text, settled })
    }

    fn with(&self, note: &RawValue) -> Result<Box<RawValue>> {
        let text = format!(r#"{{"Sale":{},"CreditNote":{}}}"#, self.text, note.get());
        RawValue::from_string(text).map_err(Error::bug)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::fields::guid;

    const SALE: &str = "b039f19e-66f8-4309-a4b1-abf928303c88";

    fn id_of(sale: &str, task: &str) -> String {
        match (guid(sale).unwrap(), guid(task).unwrap()) {
            (sale, task) if sale == task => sale,
            (sale, task) => format!("{sale}/{task}"),
        }
    }

    fn ids(body: &Value) -> Vec<String> {
        let response = Response::new(200, body.to_string());
        let notes = read(&response, SALE).unwrap();
        notes.into_iter().map(|it| it.id).collect()
    }

    fn version(body: &Value) -> String {
        let response = Response::new(200, body.to_string());
        read(&response, SALE).unwrap()[0].version.clone()
    }

    fn note(task: &str, number: &str, status: &str) -> Value {
        json!({ "TaskID": task, "CreditNoteNumber": number, "Status": status, "Total": 1.5 })
    }

    fn sale(notes: Value) -> Value {
        json!({
            "ID": SALE.to_uppercase(), "Customer": "Acme", "Invoices": [{ "TaskID": SALE }],
            "CreditNotes": notes, "LastModifiedOn": "2026-01-01T00:00:00Z"
        })
    }

    #[test]
    fn each_real_credit_note_is_a_document_of_its_own() {
        let own = id_of(SALE, SALE);
        let (a, b) = (
            "AAAA0000-0000-0000-0000-000000000001",
            "aaaa0000-0000-0000-0000-000000000002",
        );
        let cases = [
            ("none", json!([]), vec![]),
            ("none at all", json!(null), vec![]),
            (
                "a placeholder",
                json!([note(SALE, "", "NOT AVAILABLE")]),
                vec![],
            ),
            (
                "a placeholder by its emptiness",
                json!([{ "TaskID": SALE, "Status": null, "Lines": [] }]),
                vec![],
            ),
            ("an empty object", json!({}), vec![]),
            (
                "one, as an object",
                note(SALE, "CR-1", "AUTHORISED"),
                vec![own.clone()],
            ),
            (
                "one without an id",
                json!([{ "CreditNoteNumber": "CR-1", "Status": "DRAFT" }]),
                vec![own.clone()],
            ),
            (
                "an id of zeros",
                json!([note(
                    "00000000-0000-0000-0000-000000000000",
                    "CR-1",
                    "DRAFT"
                )]),
                vec![own.clone()],
            ),
            (
                "a status that is not known",
                json!([note(SALE, "CR-1", "PARKED")]),
                vec![own.clone()],
            ),
            (
                "many, one of them a placeholder",
                json!([
                    note(b, "CR-2", "VOIDED"),
                    note(SALE, "", "NOT AVAILABLE"),
                    note(a, "CR-1", "AUTHORISED")
                ]),
                vec![id_of(SALE, a), id_of(SALE, b)],
            ),
            (
                "voided and issued anew under one task",
                json!([
                    note(SALE, "CR-10", "AUTHORISED"),
                    note(SALE, "CR-9", "VOIDED")
                ]),
                vec![own.clone(), format!("{own}/CR-10")],
            ),
        ];
        for (name, notes, expected) in cases {
            assert_eq!(ids(&sale(notes)), expected, "{name}");
        }
        let mut misspelt = sale(json!(null));
        misspelt["creditnote"] = note(SALE, "CR-1", "AUTHORISED");
        assert_eq!(ids(&misspelt), [own]);
        assert_eq!(
            ids(&json!([sale(json!([note(SALE, "CR-1", "DRAFT")]))])).len(),
            1
        );
    }

    #[test]
    fn a_document_is_the_header_and_the_note_as_they_came() {
        let text = format!(
            r#"{{"ID":"{SALE}", "CurrencyRate":1.53120, "Invoices":[{{"Total":9}}],"CreditNotes":[{{"TaskID":"{SALE}","Status":"AUTHORISED","Total":45.9250,"x":[1.10]}}],"Extra":null}}"#
        );
        let response = Response::new(200, text);
        let notes = read(&response, SALE).unwrap();
        assert_eq!(
            notes[0].body.get(),
            format!(
                r#"{{"Sale":{{"ID":"{SALE}","CurrencyRate":1.53120,"Extra":null}},"CreditNote":{{"TaskID":"{SALE}","Status":"AUTHORISED","Total":45.9250,"x":[1.10]}}}}"#
            )
        );
    }

    #[test]
    fn the_version_is_that_of_what_matters() {
        let base = sale(json!([note(SALE, "CR-1", "AUTHORISED")]));
        let changed = |name: &str, value: Value| {
            let mut it = base.clone();
            it[name] = value;
            version(&it) != version(&base)
        };
        assert!(!changed("LastModifiedOn", json!("2026-02-01T00:00:00Z")));
        assert!(!changed("CombinedPaymentStatus", json!("PAID")));
        assert!(!changed("Invoices", json!([])));
        assert!(changed("CustomerReference", json!("PO 7")));
        assert!(changed("CreditNotes", json!([note(SALE, "CR-1", "DRAFT")])));
    }

    #[test]
    fn what_is_not_the_sale_asked_for_is_refused() {
        let other = json!({ "ID": "aaaa0000-0000-0000-0000-000000000001" });
        let twice = sale(json!([
            note(SALE, "CR-1", "DRAFT"),
            note(SALE, "CR-1", "VOIDED"),
            note(SALE, "CR-1", "VOIDED")
        ]));
        for body in [
            other,
            json!({}),
            json!([]),
            json!({ "Customer": "x" }),
            twice,
        ] {
            let response = Response::new(200, body.to_string());
            let error = read(&response, SALE).map(|_| ()).unwrap_err();
            assert_eq!(error.status, Status::PROTOCOL, "{body}");
            assert!(error.message.contains(SALE), "{error}");
        }
    }
}
