//! Looks for documents that Xero may hold.
//!
//! A batch whose answer was lost must not cost a call for each of its documents:
//!
//! * invoices and bills are listed by their numbers, payments by what they settle;
//! * what else was sent since a known time is found in the list of what changed since;
//! * linked contacts and invoices are listed by their ids;
//! * linked credit notes, which can be listed by neither, are read from the list of their dates, as long
//!   as that list is short.
//!
//! What is left is asked for by itself. Where a number is not unique, two documents in force that answer
//! equally well leave open which is ours: nobody is told that it is not there, and a person looks.

use std::collections::HashMap;

use ledgerline_plugin_api::manifest::{Category, Problem};
use ledgerline_plugin_api::sdk::{
    BatchDoc, Cx, Error, Outcome, Request, Response, Result, percent_encode,
};
use serde_json::value::RawValue;

use crate::Xero;
use crate::answers::{failure, list};
use crate::ask::{Ask, Score, Seen, Way, of_dates};
use crate::held::{Held, held};
use crate::lenient::Object;
use crate::push::ends_the_session;
use crate::resource::{Listed, Resource};
use crate::walk::{OVERLAP_MS, Walk, Wanted, page_of, page_request};
use crate::write::defect;

/// From how many documents on a list is cheaper than asking for each.
const MANY: usize = 3;
/// Ids, or numbers, in one URL.
const IDS: usize = 40;
/// Characters of the numbers in one URL.
const NUMBERS: usize = 1500;
/// Conditions in one `where`.
const CONDITIONS: usize = 15;

impl Xero {
    pub(crate) async fn look_up(&self, cx: &Cx, resource: Resource) -> Result<()> {
        while let Some(batch) = cx.next_batch().await {
            let mut search = Search::new(resource, &batch);
            let stopped = self.look_for(cx, &mut search).await;
            cx.report(search.outcomes()).await?;
            stopped?;
        }
        Ok(())
    }

    async fn look_for(&self, cx: &Cx, search: &mut Search) -> Result<()> {
        for (asks, wanted) in search.by_keys() {
            let read = self.walk(cx, search, &wanted, Walk::default(), u64::MAX);
            let read = read.await;
            search.settle(&asks, read)?;
        }
        if let Some((asks, since)) = search.sent_lately() {
            let wanted = Wanted::all(search.resource);
            let walk = Walk::since(since - OVERLAP_MS);
            let read = self.walk(cx, search, &wanted, walk, u64::MAX).await;
            search.settle(&asks, read)?;
        }
        for (asks, wanted) in search.by_ids() {
            let read = self.walk(cx, search, &wanted, Walk::default(), u64::MAX);
            match read.await {
                // Whether the list holds what was deleted nobody says, so it is asked for by itself.
                Ok(()) if search.resource != Resource::Contacts => {}
                read => search.settle(&asks, read)?,
            }
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

    async fn walk(
        &self,
        cx: &Cx,
        search: &mut Search,
        wanted: &Wanted,
        walk: Walk,
        budget: u64,
    ) -> Result<()> {
        let resource = search.resource;
        self.read_list(cx, resource, wanted, walk, budget, |it| search.take(it))
            .await
    }

    /// Reads a list to its end; an error when it is longer than `budget` pages.
    pub(crate) async fn read_list(
        &self,
        cx: &Cx,
        resource: Resource,
        wanted: &Wanted,
        mut walk: Walk,
        budget: u64,
        mut take: impl FnMut(&[&RawValue]) -> Result<()>,
    ) -> Result<()> {
        let mut read = 0;
        loop {
            let request = page_request(&self.base, resource, wanted, &walk);
            let response = cx.http(request).await?;
            let list = page_of(resource, &response)?;
            take(&list.elements)?;
            read += 1;
            if list.pages.is_some_and(|pages| pages > budget) || read > budget {
                return Err(Error::unavailable(
                    "the list is longer than it is worth reading",
                ));
            }
            if !walk.take_in(resource, &list) {
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
}

/// A batch that is looked for.
struct Search {
    resource: Resource,
    asks: Vec<Ask>,
    told: Vec<Option<Outcome>>,
    /// The best answer to each so far.
    best: Vec<Option<Best>>,
    /// Ids, numbers and names → those who ask for them.
    index: HashMap<String, Vec<usize>>,
    /// Those who have to be held against everything.
    loose: Vec<usize>,
}

struct Best {
    score: Score,
    held: Held,
    /// Another one answers as well.
    rivalled: bool,
}

impl Search {
    fn new(resource: Resource, batch: &[BatchDoc]) -> Self {
        let asks: Vec<Ask> = batch.iter().map(|doc| Ask::of(resource, doc)).collect();
        let mut index: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, ask) in asks.iter().enumerate() {
            if let Some(key) = ask.key() {
                index.entry(key.clone()).or_default().push(at);
            }
        }
        let loose = (0..asks.len()).filter(|&at| asks[at].is_loose()).collect();
        Self {
            resource,
            loose,
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

    /// Those that a list can be asked for by what they are known by.
    fn by_keys(&self) -> Vec<(Vec<usize>, Wanted)> {
        match self.resource {
            Resource::Payments => self.by_settled(),
            _ => self.by_numbers(),
        }
    }

    /// Payments of invoices and bills, in portions that fit into a URL.
    fn by_settled(&self) -> Vec<(Vec<usize>, Wanted)> {
        let settling: Vec<(usize, String)> = self
            .open()
            .into_iter()
            .filter_map(|at| {
                let id = self.asks[at].settles()?;
                Some((at, format!("Invoice.InvoiceID==guid(\"{id}\")")))
            })
            .collect();
        let portion = |it: &[(usize, String)]| {
            let asks = it.iter().map(|(at, _)| *at).collect();
            let mut conditions: Vec<&str> = it.iter().map(|(_, it)| &**it).collect();
            conditions.sort_unstable();
            conditions.dedup();
            let wanted = Wanted {
                filter: Some(conditions.join(" OR ")),
                ..Wanted::default()
            };
            (asks, wanted)
        };
        settling.chunks(CONDITIONS).map(portion).collect()
    }

    /// Those whose numbers a list can be asked for, in portions that fit into a URL.
    fn by_numbers(&self) -> Vec<(Vec<usize>, Wanted)> {
        let mut portions: Vec<(Vec<usize>, Wanted)> = Vec::new();
        let mut length = 0;
        for at in self.open() {
            let Some(number) = self.asks[at].listable(self.resource) else {
                continue;
            };
            length += number.len() + 1;
            let full = |it: &(Vec<usize>, Wanted)| it.0.len() >= IDS || length > NUMBERS;
            if portions.last().is_none_or(full) {
                portions.push((Vec::new(), Wanted::default()));
                length = number.len() + 1;
            }
            if let Some((asks, wanted)) = portions.last_mut() {
                asks.push(at);
                wanted.numbers.push(number.clone());
            }
        }
        portions
    }

    /// Those that are linked, in portions that fit into a URL.
    fn by_ids(&self) -> Vec<(Vec<usize>, Wanted)> {
        if self.resource.listed() == Listed::Dates {
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
        let portion = |it: &[(usize, &String)]| {
            let (asks, ids) = it.iter().map(|(at, id)| (*at, (*id).clone())).unzip();
            let wanted = Wanted {
                ids,
                ..Wanted::default()
            };
            (asks, wanted)
        };
        linked.chunks(IDS).map(portion).collect()
    }

    /// Documents whose dates are known, when they are many and their list knows nothing better, and the
    /// list of these dates.
    fn by_dates(&self) -> Option<(Vec<usize>, Wanted)> {
        if self.resource.listed() != Listed::Dates {
            return None;
        }
        let dated = |at: &usize| self.asks[*at].is_dated();
        let asks: Vec<usize> = self.open().into_iter().filter(dated).collect();
        if asks.len() < MANY {
            return None;
        }
        let wanted = of_dates(self.resource, asks.iter().map(|&at| &self.asks[at]), None)?;
        Some((asks, wanted))
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
    fn take(&mut self, elements: &[&RawValue]) -> Result<()> {
        for element in elements.iter().filter_map(|it| Object::read(it)) {
            let Some(seen) = Seen::of(self.resource, &element) else {
                continue;
            };
            let askers = seen.keys().filter_map(|it| self.index.get(it));
            let askers = askers.flatten().chain(&self.loose);
            let mut askers: Vec<usize> = askers.copied().collect();
            askers.sort_unstable();
            askers.dedup();
            for at in askers {
                let Some(score) = self.asks[at].fits(self.resource, &seen) else {
                    continue;
                };
                match &mut self.best[at] {
                    Some(best) if score < best.score => {}
                    Some(best) if score == best.score => {
                        // Lists meet the same document twice.
                        best.rivalled |= best.held.id != seen.id;
                    }
                    best => {
                        *best = Some(Best {
                            score,
                            held: held(self.resource, &element)?,
                            rivalled: false,
                        });
                    }
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
        let resource = self.resource;
        let answers = self.best.into_iter().zip(self.told);
        answers
            .zip(&self.asks)
            .map(|((best, told), ask)| match (best, told) {
                // A list that could not be read to its end may hold a better answer.
                (_, Some(failed)) => failed,
                (Some(it), None) if it.rivalled && ask.rivals(resource, it.score) => {
                    several(resource, ask.shown())
                }
                (Some(Best { held, .. }), None) => {
                    Outcome::found(held.id, held.body).version(held.updated)
                }
                (None, None) => unanswered(),
            })
            .collect()
    }
}

/// Neither found nor absent: a person looks which of them is ours.
fn several(resource: Resource, shown: &str) -> Outcome {
    let title = resource.title();
    let problem = Problem {
        category: Category::Duplicate,
        field: None,
        cause: format!(
            "Xero holds several of this {title} ({shown}), and nothing tells which is ours"
        ),
        remedy: "Compare them in Xero, then adopt the right one".to_owned(),
    };
    let words = problem.cause.clone();
    Outcome::refused(problem, words)
}

#[cfg(test)]
#[path = "find_tests.rs"]
mod tests;
