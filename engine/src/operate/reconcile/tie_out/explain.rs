//! What each document explains of the difference. Plain functions over what was read.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::civil::Date;
use ledgerline_plugin_api::manifest::HeldState;
use rust_decimal::Decimal;

use super::{
    super::sums::Exact,
    report::{Group, Item, Kind},
};
use crate::{
    mapping::StockFacts,
    store::{EntryId, State},
};

/// From the end of one day to the end of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) opening: Date,
    pub(super) on: Date,
}

impl Window {
    pub(super) fn holds(&self, day: Date) -> bool {
        self.opening < day && day <= self.on
    }
}

/// A document of the target, as far as the account is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HeldDoc {
    pub(super) id: String,
    /// What sort of document it is.
    pub(super) title: String,
    pub(super) number: Option<String>,
    pub(super) party: Option<String>,
    pub(super) date: Option<Date>,
    pub(super) state: Option<HeldState>,
    pub(super) posted: bool,
    /// What it puts into the account, posted or not.
    pub(super) amount: Decimal,
}

impl HeldDoc {
    pub(super) fn is_live(&self) -> bool {
        !matches!(self.state, Some(HeldState::Voided | HeldState::Deleted))
    }

    /// What the account holds of it.
    pub(super) fn in_books(&self, window: &Window) -> Decimal {
        match self.posted && self.date.is_some_and(|it| window.holds(it)) {
            true => self.amount,
            false => Decimal::ZERO,
        }
    }
}

/// A document of the source that may have moved stock.
#[derive(Debug, Clone)]
pub(super) struct Moving {
    pub(super) stream: String,
    pub(super) id: String,
    /// What sort of document it is.
    pub(super) title: String,
    pub(super) moved_as: String,
    pub(super) billed_as: String,
    /// Documents that tell its cost instead of itself.
    pub(super) costs: Option<String>,
    /// The source says a day of its own for the books.
    pub(super) has_billed: bool,
    /// It is told when it is in the books and its goods did not move.
    pub(super) must_move: bool,
    pub(super) number: Option<String>,
    pub(super) party: Option<String>,
    pub(super) facts: StockFacts,
    pub(super) entry: Option<EntryId>,
    pub(super) state: Option<State>,
    pub(super) why: Option<String>,
    pub(super) remedy: Option<String>,
    /// What the target holds of it.
    pub(super) held: Vec<HeldDoc>,
}

impl Moving {
    fn moved_in(&self, window: &Window) -> bool {
        self.facts.counts && self.facts.moved.is_some_and(|it| window.holds(it))
    }

    /// Its day in the books, as the source has it.
    fn billed(&self) -> Option<Date> {
        match self.has_billed {
            true => self.facts.billed,
            false => self.facts.moved,
        }
    }

    fn is_billed(&self, window: &Window) -> bool {
        self.billed().is_some_and(|it| it <= window.on)
    }

    fn books(&self, window: &Window) -> Decimal {
        let all = self.held.iter().map(|it| it.in_books(window));
        all.fold(Decimal::ZERO, Decimal::saturating_add)
    }

    /// The item of it, its list still to be chosen.
    fn item(&self, stock: Option<Decimal>, books: Decimal) -> Item {
        let shown = self
            .held
            .iter()
            .find(|it| it.is_live())
            .or_else(|| self.held.first());
        Item {
            kind: Kind::OtherAmount,
            list: String::new(),
            document: self.title.clone(),
            entry: self.entry.clone(),
            state: self.state,
            number: self.number.clone(),
            party: self.party.clone(),
            moved: self.facts.moved,
            billed: self.billed(),
            posted: shown.and_then(|it| it.date),
            target: shown.map(|it| it.id.clone()),
            held: shown.and_then(|it| it.state),
            stock,
            books,
            amount: stock.map(|it| it.saturating_sub(books)),
            worth: self.facts.worth,
            estimate: self.facts.estimate,
            why: self.why.clone(),
            remedy: self.remedy.clone(),
            next: self.next(),
        }
    }

    fn next(&self) -> Option<String> {
        let id = self.entry.as_ref()?;
        Some(match self.state? {
            State::Pending | State::Failed | State::Uncertain | State::Sending => {
                format!("ledgerline sync {}", id.route)
            }
            State::Waiting | State::Warning | State::Synced | State::Skipped | State::Excluded => {
                format!("ledgerline show {id}")
            }
        })
    }

    /// Which list it belongs to.
    fn listed(&self, mut item: Item, window: &Window) -> Item {
        let moved = self.facts.counts && self.facts.moved.is_some_and(|it| it <= window.on);
        let moved_here = self.moved_in(window);
        let posted = |it: &&HeldDoc| it.posted && !it.amount.is_zero();
        let elsewhere = self
            .held
            .iter()
            .filter(posted)
            .any(|it| it.date.is_none_or(|it| !window.holds(it)));
        let waits = self
            .held
            .iter()
            .any(|it| it.is_live() && !it.posted && !it.amount.is_zero());
        item.kind = if moved && !self.is_billed(window) {
            Kind::MovedNotBilled
        } else if !moved && (!item.books.is_zero() || self.must_move) {
            Kind::BilledNotMoved
        } else if item.stock.is_none() {
            Kind::NotCosted
        } else if moved_here && item.books.is_zero() && elsewhere || moved && !moved_here {
            Kind::OtherDay
        } else if item.books.is_zero() && waits {
            Kind::Unposted
        } else if item.books.is_zero() {
            Kind::NotPosted
        } else {
            Kind::OtherAmount
        };
        item.list = match item.kind {
            Kind::MovedNotBilled => format!("{}, not {}", self.moved_as, self.billed_as),
            Kind::BilledNotMoved => format!("{}, not {}", self.billed_as, self.moved_as),
            other => list(other).to_owned(),
        };
        item
    }
}

/// Names of the lists that are the same for all sorts of documents.
fn list(kind: Kind) -> &'static str {
    match kind {
        Kind::MovedNotBilled => "moved, not billed",
        Kind::BilledNotMoved => "billed, not moved",
        Kind::NotPosted => "not in the books yet",
        Kind::Unposted => "in the books as a draft",
        Kind::NotCosted => "cost not told",
        Kind::OtherAmount => "another value in the books",
        Kind::OtherDay => "on another side of a day",
        Kind::OtherRoute => "posted by other routes",
        Kind::NotOurs => "posted by others",
        Kind::Unread => "posted by what cannot be read",
    }
}

/// What was read, explained.
#[derive(Debug, Default)]
pub(super) struct Explained {
    pub(super) items: Vec<Item>,
    pub(super) agree: u64,
}

impl Explained {
    fn add(&mut self, moving: &Moving, stock: Option<Decimal>, books: Decimal, window: &Window) {
        if stock.is_some_and(|it| it == books) {
            self.agree += u64::from(!books.is_zero());
        } else {
            let item = moving.item(stock, books);
            self.items.push(moving.listed(item, window));
        }
    }
}

/// What documents of the source explain.
pub(super) fn explain(movings: &[Moving], window: &Window) -> Explained {
    let mut done = Explained::default();
    let places: HashMap<(&str, &str), &Moving> = movings
        .iter()
        .map(|it| ((it.stream.as_str(), it.id.as_str()), it))
        .collect();
    let mut costed: BTreeSet<(String, String)> = BTreeSet::new();
    for moving in movings.iter().filter(|it| !it.facts.rows.is_empty()) {
        costs(moving, &places, window, &mut costed, &mut done);
    }
    for moving in movings.iter().filter(|it| it.facts.rows.is_empty()) {
        let books = moving.books(window);
        let moved = moving.moved_in(window);
        let stock = match (&moving.costs, moved) {
            (_, false) => Some(Decimal::ZERO),
            (None, true) => moving.facts.amount,
            (Some(_), true) => {
                let key = (moving.stream.clone(), moving.id.clone());
                costed.contains(&key).then_some(Decimal::ZERO)
            }
        };
        // Nothing of it is in either: it is told because a sale without its cost is no sale of the month.
        let early = moving.must_move
            && moving.facts.counts
            && moving.facts.moved.is_none_or(|it| it > window.on)
            && moving.billed().is_some_and(|it| window.holds(it));
        match early && books.is_zero() {
            true => {
                let item = moving.item(stock, books);
                done.items.push(moving.listed(item, window));
            }
            false => done.add(moving, stock, books, window),
        }
    }
    done
}

/// A document that tells the costs of others. What of it lies on another side of a day than its own document
/// in the books is explained by the sale, the rest by itself.
fn costs(
    moving: &Moving,
    places: &HashMap<(&str, &str), &Moving>,
    window: &Window,
    costed: &mut BTreeSet<(String, String)>,
    done: &mut Explained,
) {
    let is_posted = moving.held.iter().any(|it| it.posted);
    let posted_here = moving
        .held
        .iter()
        .any(|it| it.posted && it.date.is_some_and(|it| window.holds(it)));
    let mut sales: BTreeMap<(&str, &str), (Decimal, Date)> = BTreeMap::new();
    for row in &moving.facts.rows {
        let key = (row.stream.as_str(), row.of.as_str());
        let sale = sales.entry(key).or_insert((Decimal::ZERO, row.on));
        sale.0 = sale.0.saturating_add(row.amount);
        sale.1 = sale.1.min(row.on);
    }
    let mut stock = Decimal::ZERO;
    let mut books = moving.books(window);
    for (key, (cost, on)) in sales {
        let sale = places.get(&key).copied();
        costed.insert((key.0.to_owned(), key.1.to_owned()));
        let moved_here = window.holds(sale.and_then(|it| it.facts.moved).unwrap_or(on));
        let billed = sale.is_none_or(|it| it.is_billed(window));
        let apart = match is_posted {
            true => moved_here != posted_here,
            false => moved_here && !billed,
        };
        match sale.filter(|_| apart) {
            Some(sale) => {
                let of_stock = if moved_here { cost } else { Decimal::ZERO };
                let of_books = if posted_here { cost } else { Decimal::ZERO };
                books = books.saturating_sub(of_books);
                done.add(sale, Some(of_stock), of_books, window);
            }
            None if moved_here => stock = stock.saturating_add(cost),
            None => {}
        }
    }
    // It moved when its goods did: by its own day it would be on no side of anything.
    let mut whole = moving.clone();
    whole.facts.counts = true;
    let days = || moving.facts.rows.iter().map(|it| it.on);
    let here = days().filter(|it| window.holds(*it)).min();
    whole.facts.moved = here.or_else(|| days().min());
    whole.has_billed = false;
    done.add(&whole, Some(stock), books, window);
}

/// A document of the target that no document of the source stands for.
pub(super) fn of_others(held: &HeldDoc, owner: Option<&EntryId>, window: &Window) -> Option<Item> {
    let books = held.in_books(window);
    let kind = match owner {
        Some(_) => Kind::OtherRoute,
        None => Kind::NotOurs,
    };
    (!books.is_zero()).then(|| Item {
        document: held.title.clone(),
        entry: owner.cloned(),
        number: held.number.clone(),
        party: held.party.clone(),
        posted: held.date,
        target: Some(held.id.clone()),
        held: held.state,
        next: owner.map(|it| format!("ledgerline show {it}")),
        ..bare(kind, books)
    })
}

/// What the account moved by beyond the documents that were read.
pub(super) fn unread(books: Decimal) -> Option<Item> {
    (!books.is_zero()).then(|| Item {
        document: "all others together".to_owned(),
        ..bare(Kind::Unread, books)
    })
}

/// Something of which the books alone hold.
fn bare(kind: Kind, books: Decimal) -> Item {
    Item {
        kind,
        list: list(kind).to_owned(),
        document: String::new(),
        entry: None,
        state: None,
        number: None,
        party: None,
        moved: None,
        billed: None,
        posted: None,
        target: None,
        held: None,
        stock: Some(Decimal::ZERO),
        books,
        amount: Some(-books),
        worth: None,
        estimate: None,
        why: None,
        remedy: None,
        next: None,
    }
}

/// Puts items in the order of their lists, of each the most money first, and adds the lists up.
pub(super) fn grouped(items: &mut [Item], exact: &mut bool) -> Vec<Group> {
    items.sort_by_cached_key(|it| {
        let size = it.amount.or(it.worth).unwrap_or_default().abs();
        (
            it.kind,
            it.list.clone(),
            std::cmp::Reverse(size),
            it.number.clone(),
            it.target.clone(),
        )
    });
    let mut groups: Vec<Group> = Vec::new();
    let mut sums: Vec<[Exact; 3]> = Vec::new();
    for it in items.iter() {
        let same = |last: &&mut Group| last.kind == it.kind && last.list == it.list;
        if groups.last_mut().filter(same).is_none() {
            groups.push(Group {
                kind: it.kind,
                list: it.list.clone(),
                count: 0,
                unknown: 0,
                amount: Decimal::ZERO,
                worth: Decimal::ZERO,
                estimate: Decimal::ZERO,
            });
            sums.push([Exact::default(); 3]);
        }
        let (Some(group), Some(sum)) = (groups.last_mut(), sums.last_mut()) else {
            continue;
        };
        group.count += 1;
        match it.amount {
            Some(amount) => sum[0].add(amount),
            None => {
                group.unknown += 1;
                sum[1].add(it.worth.unwrap_or_default());
                sum[2].add(it.estimate.unwrap_or_default());
            }
        }
    }
    for (group, [amount, worth, estimate]) in groups.iter_mut().zip(sums) {
        *exact &= amount.exact;
        group.amount = amount.sum;
        group.worth = worth.sum;
        group.estimate = estimate.sum;
    }
    groups
}
