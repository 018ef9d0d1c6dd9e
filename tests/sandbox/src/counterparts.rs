//! What the books hold of a source's customers.
//!
//! Every source's seed says it in the same words; the sources differ in what they know of the
//! books themselves, so the id that comes back is theirs to keep or to drop.

use jiff::Timestamp;
use uuid::Uuid;

use crate::chance::Chance;
use crate::json::{Json, Object};
use crate::seed::Counterpart;
use crate::xero::model::Contact;
use crate::xero::organisation::{Organisation, name_key};

/// A customer of a source, as far as the books would know it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Party {
    /// Company.
    pub(crate) company: String,
    /// What the source calls it by beside its name: the books' account number.
    pub(crate) account_number: String,
    /// The books' contact number of a counterpart that is known by id; empty for sources that
    /// hold the books' own id.
    pub(crate) contact_number: String,
    /// E-mail of its accounts department.
    pub(crate) email: String,
}

/// Plants what the books hold of a customer; answers the id that a source may know.
pub(crate) fn plant(
    books: &mut Organisation,
    party: &Party,
    counterpart: Counterpart,
    at: Timestamp,
    chance: &mut Chance,
) -> Option<Uuid> {
    let known = matches!(
        counterpart,
        Counterpart::ById | Counterpart::Archived | Counterpart::Merged
    );
    let mut put = |name: String, number: &str, active: bool, merged_to| {
        let fresh = chance.guid();
        // Books hold an active name once: what a seed wrote out by hand is the counterpart.
        let held = books
            .contacts
            .find(&name_key(&name))
            .find(|it| it.contact_status == "ACTIVE")
            .map(|it| it.id);
        let mut contact = held
            .and_then(|id| books.contacts.take(id))
            .unwrap_or_else(|| blank(fresh, &name, at));
        if known && name == party.company {
            contact.contact_number.clone_from(&party.contact_number);
        }
        if contact.account_number.is_empty() {
            contact.account_number = number.to_owned();
        }
        if contact.email_address.is_empty() {
            contact.email_address.clone_from(&party.email);
        }
        if !active {
            contact.contact_status = "ARCHIVED".to_owned();
        }
        contact.merged_to = merged_to;
        let id = contact.id;
        books.contacts.put(contact);
        id
    };
    let (name, number) = (party.company.clone(), party.account_number.as_str());
    match counterpart {
        Counterpart::ById => Some(put(name, number, true, None)),
        Counterpart::ByNumber => {
            put(name, number, true, None);
            None
        }
        Counterpart::ByName => {
            put(name, "", true, None);
            None
        }
        Counterpart::Absent => None,
        Counterpart::Archived => Some(put(name, number, false, None)),
        Counterpart::Merged => {
            let winner = put(format!("{name} Group"), "", true, None);
            Some(put(name, number, false, Some(winner)))
        }
        Counterpart::Ambiguous => {
            put(format!("{name} Pty Ltd"), number, true, None);
            put(format!("{name} (Sydney)"), number, true, None);
            None
        }
    }
}

fn blank(id: Uuid, name: &str, at: Timestamp) -> Contact {
    Contact {
        id,
        contact_number: String::new(),
        account_number: String::new(),
        contact_status: "ACTIVE".to_owned(),
        name: name.to_owned(),
        first_name: String::new(),
        last_name: String::new(),
        email_address: String::new(),
        merged_to: None,
        is_customer: true,
        is_supplier: false,
        other: Json::Obj(Object::new()),
        history: Vec::new(),
        updated: at,
    }
}

/// Company names of two words each. Every source has word lists of its own, so that the names of
/// two sources never meet in the same books.
pub(crate) fn made_up_names(
    count: usize,
    first: &[&str],
    second: &[&str],
    taken: impl Fn(&str) -> bool,
) -> Vec<String> {
    let mut names = Vec::new();
    if first.is_empty() || second.is_empty() {
        return names;
    }
    let mut at = 0_usize;
    while names.len() < count {
        let head = first.get(at % first.len()).copied().unwrap_or_default();
        let round = at / first.len();
        // The second word moves on with each round, so that early names differ in both.
        let tail = second
            .get((at % first.len() + round) % second.len())
            .copied()
            .unwrap_or_default();
        let series = round / second.len();
        let name = match series {
            0 => format!("{head} {tail}"),
            n => format!("{head} {tail} {}", n.saturating_add(1)),
        };
        at = at.saturating_add(1);
        if !taken(&name) {
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_in_rounds_and_leave_out_the_taken_ones() {
        let names = made_up_names(5, &["A", "B"], &["X", "Y"], |name| name == "B Y");
        assert_eq!(names, ["A X", "A Y", "B X", "A X 2", "B Y 2"]);
        assert!(made_up_names(3, &[], &["X"], |_| false).is_empty());
    }
}
