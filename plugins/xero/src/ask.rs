//! What is known of a document that is looked for, and whether one of Xero's answers it.
//!
//! A number goes into the path of a call only where it leads astray nowhere (a slash does, to begin
//! with). A supplier's number identifies a document together with the contact. A journal is known by its
//! narration, a payment by what it settles, its amount and its date; neither was sent by us when it was
//! changed last before we began to send.

use ledgerline_plugin_api::sdk::BatchDoc;

use crate::amount::Amount;
use crate::dates::{instant, where_date};
use crate::form::date;
use crate::held::id;
use crate::lenient::Object;
use crate::resource::{Listed, Resource};
use crate::walk::{OVERLAP_MS, Wanted};

/// Longest text in a `where`, so that the URL stays short.
const MAX_QUOTED: usize = 300;

/// How a single document is looked for.
#[derive(Debug, PartialEq)]
pub(crate) enum Way {
    /// By id or number in the path.
    One(String),
    /// In a list, perhaps only of what changed since.
    List(Wanted, Option<i64>),
    Never,
}

/// What tells documents of a kind apart, as sent or as held.
#[derive(Debug, Default)]
struct Marks {
    number: Option<String>,
    /// In lower case.
    name: Option<String>,
    r#type: Option<String>,
    contact: Option<String>,
    date: Option<String>,
    settlement: Option<Settlement>,
    reference: Option<String>,
    /// Accounts and amounts of a journal's lines, in one order.
    lines: Vec<(Option<String>, Option<Amount>)>,
}

/// What a payment is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settlement {
    pub(crate) id: String,
    /// An invoice or a bill, and not a credit note.
    pub(crate) is_invoice: bool,
    amount: Amount,
}

impl Settlement {
    /// `None` where the object is no payment of a document.
    pub(crate) fn of(object: &Object<'_>) -> Option<Self> {
        let of = |key: &str, inner: &str| object.object(key).and_then(|it| id(&it, inner));
        let invoice = of("Invoice", "InvoiceID");
        let is_invoice = invoice.is_some();
        Some(Self {
            id: invoice.or_else(|| of("CreditNote", "CreditNoteID"))?,
            is_invoice,
            amount: Amount::parse(&object.text("Amount")?)?,
        })
    }
}

impl Marks {
    fn of(resource: Resource, object: &Object<'_>) -> Self {
        let is_payment = resource == Resource::Payments;
        let line = |it: &Object<'_>| {
            let amount = it.text("LineAmount").and_then(|it| Amount::parse(&it));
            (it.text("AccountCode"), amount)
        };
        let lines = object.objects("JournalLines");
        let mut lines: Vec<_> = lines.iter().map(line).collect();
        lines.sort_unstable();
        Self {
            settlement: Settlement::of(object).filter(|_| is_payment),
            reference: object.text("Reference").map(|it| it.trim().to_owned()),
            lines,
            number: object
                .text(resource.number())
                .map(|it| it.trim().to_owned()),
            name: object.text("Name").map(|it| it.to_lowercase()),
            r#type: object.text("Type"),
            contact: object.object("Contact").and_then(|it| id(&it, "ContactID")),
            date: date(object, "Date"),
        }
    }
}

/// What is known of a document that is looked for.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) id: Option<String>,
    pub(crate) since: Option<i64>,
    /// As it is written, for a search.
    name: Option<String>,
    /// What a journal's narration contains, where nothing else of it is known.
    within: Option<String>,
    marks: Marks,
}

/// What of a document of Xero's decides whether it is the one.
pub(crate) struct Seen {
    pub(crate) id: String,
    status: String,
    changed: Option<i64>,
    marks: Marks,
}

impl Seen {
    /// `None` where it has no id.
    pub(crate) fn of(resource: Resource, element: &Object<'_>) -> Option<Self> {
        Some(Self {
            id: id(element, resource.id())?,
            status: element.text(resource.status()).unwrap_or_default(),
            changed: element.text("UpdatedDateUTC").and_then(|it| instant(&it)),
            marks: Marks::of(resource, element),
        })
    }

    /// By what those who ask for it may know it.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &String> {
        let Marks { number, name, .. } = &self.marks;
        let settled = self.marks.settlement.as_ref().map(|it| &it.id);
        [Some(&self.id), number.as_ref(), name.as_ref(), settled]
            .into_iter()
            .flatten()
    }

    fn in_force(&self) -> bool {
        !matches!(self.status.as_str(), "VOIDED" | "DELETED" | "ARCHIVED")
    }
}

/// How well a document answers: the higher, the better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Score {
    in_force: bool,
    /// Of the same contact; a journal of the same lines, a payment of the same reference.
    alike: bool,
    same_date: bool,
}

impl Ask {
    pub(crate) fn of(resource: Resource, doc: &BatchDoc) -> Self {
        let body = Object::read(&doc.body).unwrap_or_default();
        let mut marks = Marks::of(resource, &body);
        let mut number = Some(doc.number.clone()).filter(|it| !it.is_empty());
        let mut within = None;
        if resource == Resource::ManualJournals {
            let narration = marks.number.take();
            within = number.filter(|_| narration.is_none());
            number = narration;
        }
        if resource == Resource::Payments {
            number = None;
        }
        marks.number = number.or(marks.number);
        let r#type = marks.r#type.take();
        marks.r#type = r#type.or_else(|| resource.r#type().map(str::to_owned));
        Self {
            id: doc.remote_id.as_ref().map(|it| it.to_ascii_lowercase()),
            since: doc.since.as_deref().and_then(instant),
            name: body.text("Name"),
            within,
            marks,
        }
    }

    /// What it is known by: id, number, name, or what it settles.
    pub(crate) fn key(&self) -> Option<&String> {
        let Marks { number, name, .. } = &self.marks;
        let settled = self.marks.settlement.as_ref().map(|it| &it.id);
        self.id
            .as_ref()
            .or(number.as_ref())
            .or(name.as_ref())
            .or(settled)
    }

    /// Whether it has to be held against everything, since it has no key.
    pub(crate) fn is_loose(&self) -> bool {
        self.id.is_none() && self.within.is_some()
    }

    /// The invoice or bill by which payments can be listed.
    pub(crate) fn settles(&self) -> Option<&String> {
        let settlement = self.marks.settlement.as_ref()?;
        let listed = self.id.is_none() && settlement.is_invoice && is_guid(&settlement.id);
        listed.then_some(&settlement.id)
    }

    pub(crate) fn is_dated(&self) -> bool {
        self.marks.date.is_some()
    }

    /// The number by which lists can be asked for it.
    pub(crate) fn listable(&self, resource: Resource) -> Option<&String> {
        let number = self.marks.number.as_ref()?;
        let by_number = resource.listed() == Listed::Numbers && self.id.is_none();
        (by_number && is_listable(number)).then_some(number)
    }

    pub(crate) fn way(&self, resource: Resource) -> Way {
        if let Some(id) = &self.id {
            return Way::One(id.clone());
        }
        let number = self.marks.number.as_ref();
        let settled = self.marks.settlement.as_ref().map(|it| &it.id);
        let known = number.or(self.name.as_ref()).or(settled);
        let Some(known) = known.or(self.within.as_ref()) else {
            return Way::Never;
        };
        if resource.listed() != Listed::Numbers
            && resource.number_is_unique()
            && let Some(number) = number.filter(|it| is_plain(it))
        {
            return Way::One(number.clone());
        }
        if resource == Resource::Contacts {
            // Searched among all contacts: an archived one may hold the number.
            let search = Some(known.clone());
            let wanted = Wanted {
                search,
                ..Wanted::default()
            };
            return Way::List(wanted, None);
        }
        if resource.quoted()
            && let Some(wanted) = number.and_then(|it| quoted_number(resource, it))
        {
            return Way::List(wanted, None);
        }
        if self.since.is_some() {
            return Way::List(Wanted::all(resource), self.since);
        }
        match of_dates(resource, [self].into_iter(), self.marks.contact.as_deref()) {
            Some(wanted) => Way::List(wanted, None),
            None => Way::Never,
        }
    }

    /// How well a document of Xero's answers this; `None` when it does not.
    pub(crate) fn fits(&self, resource: Resource, held: &Seen) -> Option<Score> {
        let (ours, theirs) = (&self.marks, &held.marks);
        let same = |ours: &Option<String>, theirs: &Option<String>| match (ours, theirs) {
            (Some(ours), Some(theirs)) => ours == theirs,
            _ => true,
        };
        let score = Score {
            in_force: held.in_force(),
            alike: match resource {
                Resource::ManualJournals => ours.lines == theirs.lines,
                Resource::Payments => ours.reference == theirs.reference,
                _ => same(&ours.contact, &theirs.contact),
            },
            same_date: same(&ours.date, &theirs.date),
        };
        if let Some(id) = &self.id {
            return (*id == held.id).then_some(score);
        }
        if matches!(resource, Resource::ManualJournals | Resource::Payments) {
            let is_older = |it: i64| {
                held.changed
                    .is_some_and(|changed| changed < it - OVERLAP_MS)
            };
            if self.since.is_some_and(is_older) {
                return None;
            }
        }
        if resource == Resource::Payments {
            return (ours.settlement.is_some()
                && ours.settlement == theirs.settlement
                && score.same_date
                && may_be_cut(theirs.reference.as_deref(), ours.reference.as_deref()))
            .then_some(score);
        }
        if let Some(part) = &self.within {
            let narration = theirs.number.as_deref().unwrap_or_default();
            return narration.contains(part.as_str()).then_some(score);
        }
        match (&ours.number, &ours.name) {
            (Some(number), _) if theirs.number.as_ref() != Some(number) => return None,
            (None, Some(name)) if theirs.name.as_ref() != Some(name) => return None,
            (None, None) => return None,
            _ => {}
        }
        if !same(&ours.r#type, &theirs.r#type) {
            return None;
        }
        // Another supplier's document of the same number is another document.
        let by_contact = resource.r#type().is_some() && !resource.number_is_unique();
        (!by_contact || score.alike).then_some(score)
    }

    /// Whether several documents in force that answer equally well leave open which is ours.
    pub(crate) fn rivals(&self, resource: Resource, score: Score) -> bool {
        self.id.is_none() && !resource.number_is_unique() && score.in_force
    }

    /// For people.
    pub(crate) fn shown(&self) -> &str {
        self.key().map_or("", |it| it)
    }
}

/// Whether a reference that Xero holds may be ours: it may lack it, or hold only its beginning, since
/// nobody says how long one may be.
fn may_be_cut(theirs: Option<&str>, ours: Option<&str>) -> bool {
    match (theirs, ours) {
        (Some(theirs), Some(ours)) => ours.starts_with(theirs),
        _ => true,
    }
}

/// Documents of the resource with this number, where it can be asked for.
pub(crate) fn quoted_number(resource: Resource, number: &str) -> Option<Wanted> {
    let mut wanted = Wanted::all(resource);
    wanted.narrow(format!("{}==\"{number}\"", resource.number()));
    is_quotable(number).then_some(wanted)
}

/// Documents of the resource within the span of these dates; `None` when a date is unknown.
pub(crate) fn of_dates<'a>(
    resource: Resource,
    asks: impl Iterator<Item = &'a Ask>,
    contact: Option<&str>,
) -> Option<Wanted> {
    let dates: Vec<&str> = asks
        .map(|it| it.marks.date.as_deref())
        .collect::<Option<_>>()?;
    let from = where_date(dates.iter().min()?)?;
    let to = where_date(dates.iter().max()?)?;
    let mut wanted = Wanted::all(resource);
    if let Some(contact) = contact.filter(|it| is_guid(it)) {
        wanted.narrow(format!("Contact.ContactID==guid(\"{contact}\")"));
    }
    wanted.narrow(format!("Date>={from}"));
    wanted.narrow(format!("Date<={to}"));
    Some(wanted)
}

/// Whether a number can stand in a path: nothing that a server takes for structure, and no id.
fn is_plain(number: &str) -> bool {
    let outer = |it: Option<char>| it.is_some_and(|it| it.is_ascii_alphanumeric());
    let inner = |it: char| it.is_ascii_alphanumeric() || matches!(it, '-' | '_' | '.' | ' ');
    outer(number.chars().next())
        && outer(number.chars().last())
        && number.chars().all(inner)
        && !is_guid(number)
}

/// Whether a number can stand in a list of numbers, which commas part.
pub(crate) fn is_listable(number: &str) -> bool {
    is_quotable(number) && !number.contains(',') && number.trim() == number
}

/// Whether a text can stand between the quotes of a `where`: how a quote in it would be written is
/// not documented.
fn is_quotable(text: &str) -> bool {
    let plain = |it: char| (it == ' ' || it.is_ascii_graphic()) && !matches!(it, '"' | '\\');
    !text.is_empty() && text.len() <= MAX_QUOTED && text.chars().all(plain)
}

pub(crate) fn is_guid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && text.chars().all(|it| it == '-' || it.is_ascii_hexdigit())
}

#[cfg(test)]
#[path = "ask_tests.rs"]
mod tests;
