//! Looks for documents that Xero may hold.
//!
//! A batch whose answer was lost must not cost a call for each of its documents. Credit notes can
//! neither be listed by number nor by ids, so three ways save calls:
//!
//! * what was sent since a known time is found in the list of what changed since;
//! * linked credit notes are read from the list of their dates, as long as that list is short;
//! * contacts are listed by their ids.
//!
//! What is left is asked for by itself. A number goes into the path of the call, where odd characters
//! (a slash, to begin with) lead astray; such numbers are looked for in lists only. Numbers of
//! supplier credit notes are not unique, so those are looked for by contact and date.

use std::collections::HashMap;

use ledgerline_plugin_api::sdk::{
    BatchDoc, Cx, Error, Outcome, Request, Response, Result, percent_encode,
};

use crate::Xero;
use crate::answers::{failure, list};
use crate::dates::{calendar_date, instant, where_date};
use crate::held::{Held, held, id};
use crate::lenient::Object;
use crate::push::ends_the_session;
use crate::resource::Resource;
use crate::walk::{OVERLAP_MS, Walk, Wanted, page_of, page_request};
use crate::write::defect;

/// From how many documents on a list is cheaper than asking for each.
const MANY: usize = 3;
/// Ids in one URL.
const IDS: usize = 40;

impl Xero {
    pub(crate) async fn look(&self, cx: &Cx, resource: Resource) -> Result<()> {
        while let Some(batch) = cx.next_batch().await {
            let mut search = Search::new(resource, &batch);
            let stopped = self.look_for(cx, &mut search).await;
            cx.report(search.outcomes()).await?;
            stopped?;
        }
        Ok(())
    }

    async fn look_for(&self, cx: &Cx, search: &mut Search) -> Result<()> {
        if let Some((asks, since)) = search.sent_lately() {
            let walk = Walk::since(since - OVERLAP_MS);
            let read = self
                .walk(cx, search, &Wanted::default(), walk, u64::MAX)
                .await;
            search.settle(&asks, read)?;
        }
        for (asks, ids) in search.by_ids() {
            let request = self.list_by_ids(search.resource, &ids);
            let read = match cx.http(request).await {
                Ok(response) => search.take_page(&response),
                Err(error) => Err(error),
            };
            search.settle(&asks, read)?;
        }
        if let Some((asks, wanted)) = search.by_dates() {
            // Reading more pages than half the documents is no saving.
            let budget = (asks.len() as u64 / 2).max(1);
            match self
                .walk(cx, search, &wanted, Walk::default(), budget)
                .await
            {
                // One that is not there may have another date by now, so it is asked for by itself.
                Ok(()) => {}
                Err(error) if ends_the_session(&error) => return Err(error),
                Err(_) => search.forget_guesses(&asks),
            }
        }
        for at in search.open() {
            let read = self.look_for_one(cx, search, at).await;
            search.settle(&[at], read)?;
        }
        Ok(())
    }

    async fn look_for_one(&self, cx: &Cx, search: &mut Search, at: usize) -> Result<()> {
        let resource = search.resource;
        match search.asks[at].way(resource) {
            Way::One(key) => {
                let response = cx.http(self.get_one(resource, &key)).await?;
                if response.status == 404 {
                    Ok(())
                } else {
                    search.take_page(&response)
                }
            }
            Way::List(wanted, since) => {
                let walk = since.map_or_else(Walk::default, |it| Walk::since(it - OVERLAP_MS));
                self.walk(cx, search, &wanted, walk, u64::MAX).await
            }
            Way::Never => {
                search.told[at] = Some(defect(
                    "the document cannot be looked for: neither number, name nor date is known",
                ));
                Ok(())
            }
        }
    }

    /// Reads a list to its end; an error when it is longer than `budget` pages.
    async fn walk(
        &self,
        cx: &Cx,
        search: &mut Search,
        wanted: &Wanted,
        mut walk: Walk,
        budget: u64,
    ) -> Result<()> {
        let mut read = 0;
        loop {
            let request = page_request(&self.base, search.resource, wanted, &walk);
            let response = cx.http(request).await?;
            let list = page_of(search.resource, &response)?;
            search.take(&list.elements)?;
            read += 1;
            if list.pages.is_some_and(|pages| pages > budget) || read > budget {
                return Err(Error::unavailable(
                    "the list is longer than it is worth reading",
                ));
            }
            if !walk.take_in(search.resource, &list) {
                return Ok(());
            }
        }
    }

    /// The call for one document, by id or number.
    pub(crate) fn get_one(&self, resource: Resource, key: &str) -> Request {
        let collection = resource.collection();
        Request::get(format!(
            "{}/api.xro/2.0/{collection}/{}",
            self.base,
            percent_encode(key)
        ))
        .query(resource.decimals())
        .header("Accept", "application/json")
        .auth(crate::AUTH)
    }

    fn list_by_ids(&self, resource: Resource, ids: &[String]) -> Request {
        Request::get(format!(
            "{}/api.xro/2.0/{}",
            self.base,
            resource.collection()
        ))
        .query([
            ("IDs", ids.join(",").as_str()),
            ("page", "1"),
            ("pageSize", "100"),
        ])
        .query([("includeArchived", "true")])
        .header("Accept", "application/json")
        .auth(crate::AUTH)
    }
}

/// How a single document is looked for.
#[derive(Debug, PartialEq)]
enum Way {
    /// By id or number in the path.
    One(String),
    /// In a list, perhaps only of what changed since.
    List(Wanted, Option<i64>),
    Never,
}

/// What is known of a document that is looked for.
#[derive(Debug, Default)]
struct Ask {
    id: Option<String>,
    number: Option<String>,
    name: Option<String>,
    r#type: Option<String>,
    contact: Option<String>,
    date: Option<String>,
    since: Option<i64>,
}

impl Ask {
    fn of(resource: Resource, doc: &BatchDoc) -> Self {
        let body = Object::read(&doc.body).unwrap_or_default();
        let number = Some(doc.number.clone()).filter(|it| !it.is_empty());
        Self {
            id: doc.remote_id.as_ref().map(|it| it.to_ascii_lowercase()),
            number: number.or_else(|| body.text(resource.number())),
            name: body.text("Name"),
            r#type: body.text("Type"),
            contact: body.object("Contact").and_then(|it| id(&it, "ContactID")),
            date: body.text("Date").and_then(|it| calendar_date(&it)),
            since: doc.since.as_deref().and_then(instant),
        }
    }

    fn number_is_unique(&self) -> bool {
        self.r#type.as_deref() != Some("ACCPAYCREDIT")
    }

    fn way(&self, resource: Resource) -> Way {
        if let Some(id) = &self.id {
            return Way::One(id.clone());
        }
        if let Some(number) = &self.number
            && self.number_is_unique()
            && is_plain(number)
        {
            return Way::One(number.clone());
        }
        match (resource, self.number.as_ref().or(self.name.as_ref())) {
            (Resource::Contacts, Some(term)) => {
                // Searched among all contacts: an archived one may hold the number.
                Way::List(
                    Wanted {
                        search: Some(term.clone()),
                        filter: None,
                    },
                    None,
                )
            }
            (Resource::CreditNotes, Some(_)) if self.since.is_some() => {
                Way::List(Wanted::default(), self.since)
            }
            (Resource::CreditNotes, Some(_)) => {
                match dates_filter([self].into_iter(), self.contact.as_deref()) {
                    Some(filter) => Way::List(
                        Wanted {
                            filter: Some(filter),
                            search: None,
                        },
                        None,
                    ),
                    None => Way::Never,
                }
            }
            (_, None) => Way::Never,
        }
    }

    /// How well a document of Xero's answers this; `None` when it does not.
    fn fits(&self, held: &Seen) -> Option<u8> {
        if let Some(id) = &self.id {
            return (*id == held.id).then_some(0);
        }
        let same = |ours: &Option<String>, theirs: &Option<String>| match (ours, theirs) {
            (Some(ours), Some(theirs)) => ours == theirs,
            _ => true,
        };
        match (&self.number, &self.name) {
            (Some(number), _) if *number != held.number => return None,
            (None, Some(name)) if name.to_lowercase() != held.name.to_lowercase() => return None,
            (None, None) => return None,
            _ => {}
        }
        if !same(&self.r#type, &held.r#type) {
            return None;
        }
        let in_force = !matches!(held.status.as_str(), "VOIDED" | "DELETED" | "ARCHIVED");
        Some(
            4 * u8::from(in_force)
                + 2 * u8::from(same(&self.contact, &held.contact))
                + u8::from(same(&self.date, &held.date)),
        )
    }
}

/// What of a document of Xero's decides whether it is the one.
struct Seen {
    id: String,
    number: String,
    name: String,
    r#type: Option<String>,
    contact: Option<String>,
    date: Option<String>,
    status: String,
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

fn is_guid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && text.chars().all(|it| it == '-' || it.is_ascii_hexdigit())
}

/// A `where` for the documents' type and span of dates; `None` when a date is unknown.
fn dates_filter<'a>(
    asks: impl Iterator<Item = &'a Ask> + Clone,
    contact: Option<&str>,
) -> Option<String> {
    let dates: Vec<&str> = asks
        .clone()
        .map(|it| it.date.as_deref())
        .collect::<Option<_>>()?;
    let from = where_date(dates.iter().min()?)?;
    let to = where_date(dates.iter().max()?)?;
    let mut types: Vec<_> = asks.map(|it| it.r#type.as_deref()).collect();
    types.sort_unstable();
    types.dedup();
    let mut terms = Vec::new();
    if let [Some(one @ ("ACCRECCREDIT" | "ACCPAYCREDIT"))] = types[..] {
        terms.push(format!("Type==\"{one}\""));
    }
    if let Some(contact) = contact.filter(|it| is_guid(it)) {
        terms.push(format!("Contact.ContactID==guid(\"{contact}\")"));
    }
    terms.push(format!("Date>={from}"));
    terms.push(format!("Date<={to}"));
    Some(terms.join(" AND "))
}

/// A batch that is looked for.
struct Search {
    resource: Resource,
    asks: Vec<Ask>,
    told: Vec<Option<Outcome>>,
    /// The best answer to each so far.
    best: Vec<Option<(u8, Held)>>,
    /// Ids, numbers and names → those who ask for them.
    index: HashMap<String, Vec<usize>>,
}

impl Search {
    fn new(resource: Resource, batch: &[BatchDoc]) -> Self {
        let asks: Vec<Ask> = batch.iter().map(|doc| Ask::of(resource, doc)).collect();
        let mut index: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, ask) in asks.iter().enumerate() {
            let name = ask.name.as_ref().map(|it| it.to_lowercase());
            let key = ask.id.clone().or_else(|| ask.number.clone()).or(name);
            if let Some(key) = key {
                index.entry(key).or_default().push(at);
            }
        }
        Self {
            resource,
            told: asks.iter().map(|_| None).collect(),
            best: asks.iter().map(|_| None).collect(),
            asks,
            index,
        }
    }

    /// Those without an outcome or an answer.
    fn open(&self) -> Vec<usize> {
        let is_open = |at: &usize| self.told[*at].is_none() && self.best[*at].is_none();
        (0..self.asks.len()).filter(is_open).collect()
    }

    /// Those that were sent at a known time, when they are many, and the first of these times.
    fn sent_lately(&self) -> Option<(Vec<usize>, i64)> {
        let lately = |at: &usize| self.asks[*at].id.is_none() && self.asks[*at].since.is_some();
        let asks: Vec<usize> = self.open().into_iter().filter(lately).collect();
        let since = asks.iter().filter_map(|&at| self.asks[at].since).min()?;
        (asks.len() >= MANY).then_some((asks, since))
    }

    /// Linked contacts, in portions that fit into a URL.
    fn by_ids(&self) -> Vec<(Vec<usize>, Vec<String>)> {
        if self.resource != Resource::Contacts {
            return Vec::new();
        }
        let linked: Vec<(usize, &String)> = self
            .open()
            .into_iter()
            .filter_map(|at| Some((at, self.asks[at].id.as_ref()?)))
            .collect();
        if linked.len() < MANY {
            return Vec::new();
        }
        linked
            .chunks(IDS)
            .map(|it| it.iter().map(|(at, id)| (*at, (*id).clone())).unzip())
            .collect()
    }

    /// Credit notes whose dates are known, when they are many, and the list of these dates.
    fn by_dates(&self) -> Option<(Vec<usize>, Wanted)> {
        if self.resource != Resource::CreditNotes {
            return None;
        }
        let dated = |at: &usize| self.asks[*at].date.is_some();
        let asks: Vec<usize> = self.open().into_iter().filter(dated).collect();
        if asks.len() < MANY {
            return None;
        }
        let filter = dates_filter(asks.iter().map(|&at| &self.asks[at]), None)?;
        Some((
            asks,
            Wanted {
                filter: Some(filter),
                search: None,
            },
        ))
    }

    /// What answers a number in a part of a list may have a better rival in the rest.
    fn forget_guesses(&mut self, asks: &[usize]) {
        for &at in asks.iter().filter(|&&at| self.asks[at].id.is_none()) {
            self.best[at] = None;
        }
    }

    fn take_page(&mut self, response: &Response) -> Result<()> {
        if !response.is_success() {
            return Err(failure(response));
        }
        self.take(&list(response, self.resource.collection())?.elements)
    }

    /// Keeps what answers somebody better than what was met before.
    fn take(&mut self, elements: &[&serde_json::value::RawValue]) -> Result<()> {
        for element in elements.iter().filter_map(|it| Object::read(it)) {
            let Some(id) = id(&element, self.resource.id()) else {
                continue;
            };
            let status = match self.resource {
                Resource::CreditNotes => "Status",
                Resource::Contacts => "ContactStatus",
            };
            let seen = Seen {
                id,
                number: element.text(self.resource.number()).unwrap_or_default(),
                name: element.text("Name").unwrap_or_default(),
                r#type: element.text("Type"),
                contact: element
                    .object("Contact")
                    .and_then(|it| self::id(&it, "ContactID")),
                date: ["DateString", "Date"]
                    .iter()
                    .find_map(|it| element.text(it).and_then(|it| calendar_date(&it))),
                status: element.text(status).unwrap_or_default(),
            };
            let name = seen.name.to_lowercase();
            let askers = [&seen.id, &seen.number, &name]
                .into_iter()
                .filter_map(|it| self.index.get(it));
            let mut askers: Vec<usize> = askers.flatten().copied().collect();
            askers.sort_unstable();
            askers.dedup();
            for at in askers {
                let Some(score) = self.asks[at].fits(&seen) else {
                    continue;
                };
                if self.best[at].as_ref().is_none_or(|(best, _)| score > *best) {
                    self.best[at] = Some((score, held(self.resource, &element)?));
                }
            }
        }
        Ok(())
    }

    /// After everything that could hold these was read, or could not be.
    fn settle(&mut self, asks: &[usize], read: Result<()>) -> Result<()> {
        match read {
            Ok(()) => {
                for &at in asks {
                    if self.best[at].is_none() && self.told[at].is_none() {
                        self.told[at] = Some(Outcome::not_found());
                    }
                }
                Ok(())
            }
            Err(error) if ends_the_session(&error) => Err(error),
            Err(error) => {
                for &at in asks {
                    self.told[at].get_or_insert_with(|| Outcome::failed(&error));
                }
                Ok(())
            }
        }
    }

    fn outcomes(self) -> Vec<Outcome> {
        let unanswered = || Outcome::unavailable("the search ended before this document's turn");
        self.best
            .into_iter()
            .zip(self.told)
            .map(|(best, told)| match (best, told) {
                // A list that could not be read to its end may hold a better answer.
                (_, Some(failed)) => failed,
                (Some((_, held)), None) => Outcome::found(held.id, held.body).version(held.updated),
                (None, None) => unanswered(),
            })
            .collect()
    }
}

#[cfg(test)]
#[path = "find_tests.rs"]
mod tests;
