//! One document of both sides goes into one class. Plain values in, plain values out.

use std::collections::BTreeMap;

use ledgerline_plugin_api::manifest::HeldState;
use rust_decimal::Decimal;

use super::{
    Class, Difference, Line, Period, SourceSide, TargetSide,
    both::{Both, Extra, Stored},
    sums::unsigned_zero,
};
use crate::store::{EntryId, State};

impl Both {
    /// What the source has of it in the period.
    pub(super) fn source_in(&self, period: &Period) -> Option<&SourceSide> {
        let dated = |it: &&SourceSide| it.date.is_some_and(|it| period.holds(it));
        self.source.as_ref().filter(dated)
    }

    /// What the target holds of it in the period. What two entries are linked to is the first one's.
    pub(super) fn target_in(&self, period: &Period) -> Option<&TargetSide> {
        self.live().filter(|it| it.lies_in(period))
    }

    fn live(&self) -> Option<&TargetSide> {
        let own = self.taken_by.is_none();
        self.target.as_ref().filter(|it| own && it.is_live())
    }
}

/// A line for each document that one side has in the period.
pub(super) fn lines(
    both: Vec<Both>,
    extras: Vec<Extra>,
    period: &Period,
) -> impl Iterator<Item = Line> {
    let linked = both.into_iter().filter_map(|it| line(it, period));
    linked.chain(extras.into_iter().map(extra))
}

/// The line of a document that an entry stands for; none when neither side has it in the period.
fn line(both: Both, period: &Period) -> Option<Line> {
    let source = both.source_in(period).is_some();
    let target = both.target_in(period).is_some();
    if !source && !target {
        return None;
    }
    let mut differences = Vec::new();
    let class = match (&both.stored.link, both.live()) {
        (None, _) => unlinked(both.stored.state),
        (Some(_), None) if both.taken_by.is_some() => Class::Different,
        (Some(_), None) if both.stored.state == State::Skipped => Class::Skipped,
        (Some(_), None) => Class::Gone,
        (Some(_), Some(held)) => {
            differences = apart(&both, held);
            match both.source.as_ref().map(|it| it.date) {
                // Without a date on one side there is no period to be in.
                None | Some(None) => Class::Different,
                Some(_) if held.date.is_none() => Class::Different,
                Some(_) if source != target => Class::OtherPeriod,
                Some(_) if differences.is_empty() => Class::Agrees,
                Some(_) if both.stored.kept => Class::Skipped,
                Some(_) => Class::Different,
            }
        }
    };
    let amounts = amounts(both.source_in(period), both.target_in(period));
    let why = with_parts(why(class, &both), &both, period);
    let remedy = (class != Class::Agrees)
        .then(|| both.stored.remedy.clone())
        .flatten();
    let next = next(class, &both);
    let Both {
        route,
        to,
        id,
        stored,
        source,
        target,
        ..
    } = both;
    Some(Line {
        class,
        route: Some(route),
        to,
        entry: Some(id),
        state: Some(stored.state),
        source,
        target,
        differences,
        amounts,
        why,
        remedy,
        next,
    })
}

fn unlinked(state: State) -> Class {
    match state {
        State::Skipped => Class::Skipped,
        State::Excluded => Class::Excluded,
        State::Pending
        | State::Waiting
        | State::Sending
        | State::Uncertain
        | State::Synced
        | State::Failed
        | State::Warning => Class::Missing,
    }
}

/// The line of a document of the target that nothing is linked to.
fn extra(extra: Extra) -> Line {
    let Extra {
        to,
        target,
        notes,
        number_of,
    } = extra;
    let mut why = vec!["no entry is linked to it".to_owned()];
    why.extend(notes);
    let mut next = None;
    if let Some(id) = &number_of {
        why.push(format!("{id} has the same number"));
        next = Some(format!("ledgerline adopt {id} --to {}", target.id));
    }
    Line {
        class: Class::Extra,
        route: None,
        to,
        entry: None,
        state: None,
        source: None,
        differences: Vec::new(),
        amounts: amounts(None, Some(&target)),
        target: Some(target),
        why: Some(why.join("; ")),
        remedy: None,
        next,
    }
}

/// Field by field. The number is the one that the entry carries in the target.
fn apart(both: &Both, held: &TargetSide) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut look = |field: &str, same: bool, source: Option<String>, target: Option<String>| {
        if !same {
            found.push(Difference {
                field: field.to_owned(),
                source,
                target,
            });
        }
    };
    let Some(source) = &both.source else {
        look(
            "document",
            false,
            Some("deleted in the source".to_owned()),
            Some("still there".to_owned()),
        );
        return found;
    };
    look(
        "date",
        source.date == held.date,
        source.date.map(|it| it.to_string()),
        held.date.map(|it| it.to_string()),
    );
    look(
        "total",
        source.total == held.total,
        source.total.map(|it| it.to_string()),
        held.total.map(|it| it.to_string()),
    );
    look(
        "currency",
        source.currency == held.currency,
        Some(source.currency.clone()),
        Some(held.currency.clone()),
    );
    // An adopted document may have been given no number of ours.
    let number = &both.stored.number;
    look(
        "number",
        number.is_none() || *number == held.number,
        number.clone(),
        held.number.clone(),
    );
    found.extend(both.links_apart.iter().cloned());
    found
}

fn amounts(source: Option<&SourceSide>, target: Option<&TargetSide>) -> BTreeMap<String, Decimal> {
    let mut amounts = BTreeMap::new();
    if let Some(it) = source {
        amounts.insert(it.currency.clone(), it.total.unwrap_or_default());
    }
    if let Some(it) = target {
        let sum: &mut Decimal = amounts.entry(it.currency.clone()).or_default();
        // What does not fit is seen where the sides are added up.
        *sum = unsigned_zero(sum.saturating_sub(it.total.unwrap_or_default()));
    }
    amounts
}

fn why(class: Class, both: &Both) -> Option<String> {
    let Stored { link, why, .. } = &both.stored;
    match class {
        Class::Gone => Some(match both.target.as_ref().and_then(|it| it.state) {
            Some(HeldState::Voided) => "it was voided in the target".to_owned(),
            Some(_) => "it was deleted in the target".to_owned(),
            None => format!(
                "the target no longer holds {}",
                link.as_deref().unwrap_or_default()
            ),
        }),
        Class::Different if both.taken_by.is_some() => both
            .taken_by
            .as_ref()
            .map(|it| format!("{it} is linked to the same document of the target")),
        Class::Agrees => None,
        _ => why.clone(),
    }
}

/// What was made of its differences belongs to it, wherever it is dated.
fn with_parts(why: Option<String>, both: &Both, period: &Period) -> Option<String> {
    let parts = both.parts.iter().map(|it| {
        let number = it.side.number.as_deref().unwrap_or(&it.side.id);
        let mut told = format!("{number} of {} belongs to it", it.adds);
        if !it.side.is_live() {
            told.push_str(", and is void");
        } else if let Some(date) = it.side.date.filter(|it| !period.holds(*it)) {
            told.push_str(&format!(", dated {date}"));
        } else if !it.side.posted {
            told.push_str(", not posted yet");
        }
        told
    });
    let all: Vec<String> = why.into_iter().chain(parts).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

fn next(class: Class, both: &Both) -> Option<String> {
    let EntryId { route, .. } = &both.id;
    let show = || Some(format!("ledgerline show {}", both.id));
    match (class, both.stored.state) {
        (Class::Agrees, _) => None,
        (Class::Skipped | Class::Excluded, _) => Some(format!("ledgerline reset {}", both.id)),
        // It goes by itself, or is asked about.
        (_, State::Pending | State::Failed | State::Uncertain | State::Sending) => {
            Some(format!("ledgerline sync {route}"))
        }
        (Class::Missing, _) if both.stored.asks => show(),
        (Class::Missing, _) => Some(match &both.stored.waits_for {
            Some(it) => format!("ledgerline link {it} --to ID"),
            None => format!("ledgerline retry {}", both.id),
        }),
        _ => show(),
    }
}
