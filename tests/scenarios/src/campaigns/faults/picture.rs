//! What all vendors hold, without what differs from one run to the next: ids that a vendor chose, and
//! instants of saving.

use std::collections::BTreeMap;

use sandbox::World;
use serde_json::{Map, Value};

/// Members that say when something was saved, or which id a vendor chose for it.
const PASSING: [&str; 15] = [
    "AllocationID",
    "CreditNoteID",
    "LineItemID",
    "ManualJournalID",
    "PaymentID",
    "UpdatedDateUTC",
    "Updated",
    "LastModifiedOn",
    "LastUpdatedDate",
    "modifiedDate",
    "updated_at",
    "updated",
    "round",
    "now",
    "notes",
];
/// Members of a payment in Omni, which are given in the order in which payments come.
const PASSING_OF_A_PAYMENT: [&str; 2] = ["id", "createdDate"];
/// Members of which only that they are there counts.
const THERE: [&str; 3] = ["importDate", "createdDate", "CreatedDateUTC"];

/// Lists of Xero whose ids stand elsewhere, too: the id, and what tells it to people.
const NAMED: [(&str, &str, &str); 3] = [
    ("credit_notes", "CreditNoteID", "CreditNoteNumber"),
    ("invoices", "InvoiceID", "InvoiceNumber"),
    ("payments", "PaymentID", "Reference"),
];

/// What all vendors hold.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::campaigns) struct Picture(Value);

impl Picture {
    /// Of a world as it is now.
    pub(super) fn of(world: &World) -> Self {
        Self::read(world.state())
    }

    /// Of what the stand-in tells of itself.
    pub(in crate::campaigns) fn read(state: Value) -> Self {
        let mut names = BTreeMap::new();
        for organisation in members(&state["xero"]) {
            for (list, id, name) in NAMED {
                for it in organisation[list].as_array().into_iter().flatten() {
                    let text = |name: &str| it[name].as_str().unwrap_or_default().to_owned();
                    names.insert(text(id), text(name));
                }
            }
        }
        Self(plain(state, &names))
    }

    /// Where it differs from what it should be, the first few places.
    pub(in crate::campaigns) fn apart(&self, wanted: &Self) -> Vec<String> {
        let mut found = Vec::new();
        differ(&self.0, &wanted.0, "", &mut found);
        found
    }
}

fn members(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_object().into_iter().flat_map(Map::values)
}

fn plain(value: Value, numbers: &BTreeMap<String, String>) -> Value {
    match value {
        Value::Object(object) => {
            let payment = object.contains_key("transactionRef");
            let kept = object.into_iter().filter(|(name, _)| {
                let name = name.as_str();
                !(PASSING.contains(&name) || payment && PASSING_OF_A_PAYMENT.contains(&name))
            });
            let kept = kept.map(|(name, value)| {
                let value = match THERE.contains(&name.as_str()) {
                    true => Value::Bool(!value.is_null()),
                    false => plain(value, numbers),
                };
                (name, value)
            });
            Value::Object(kept.collect())
        }
        Value::Array(list) => {
            // Lists of documents come in the order of their last change.
            let documents = list.first().is_some_and(|it| key(it).is_some());
            let mut list: Vec<Value> = list.into_iter().map(|it| plain(it, numbers)).collect();
            if documents {
                list.sort_by_cached_key(key);
            }
            Value::Array(list)
        }
        Value::String(text) => Value::String(match numbers.get(&text) {
            Some(number) => format!("the document {number}"),
            None => text,
        }),
        other => other,
    }
}

/// What tells a document from the others of its list.
fn key(document: &Value) -> Option<String> {
    let names = [
        "CreditNoteNumber",
        "InvoiceNumber",
        "Narration",
        "transactionRef",
        "ContactID",
        "Reference",
        "uuid",
        "document_number",
        "ID",
        "id",
    ];
    names.iter().find_map(|name| match &document[*name] {
        Value::Null => None,
        other => Some(format!("{name} {other}")),
    })
}

fn differ(one: &Value, wanted: &Value, at: &str, found: &mut Vec<String>) {
    if found.len() >= 5 || one == wanted {
        return;
    }
    match (one, wanted) {
        (Value::Object(ours), Value::Object(theirs)) => {
            let names = ours
                .keys()
                .chain(theirs.keys().filter(|it| !ours.contains_key(*it)));
            for name in names {
                let null = Value::Null;
                let (own, other) = (ours.get(name), theirs.get(name));
                let at = format!("{at}/{name}");
                differ(own.unwrap_or(&null), other.unwrap_or(&null), &at, found);
            }
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            if ours.len() != theirs.len() {
                found.push(format!("{at}: {} of {}", ours.len(), theirs.len()));
                return;
            }
            for (place, (own, other)) in ours.iter().zip(theirs).enumerate() {
                let at = format!("{at}/{}", key(other).unwrap_or_else(|| place.to_string()));
                differ(own, other, &at, found);
            }
        }
        _ => found.push(format!("{at}: {} instead of {}", short(one), short(wanted))),
    }
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(200) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
