//! Random books: whatever is on both sides, each document has one line and the lines explain the sums.

use std::collections::{BTreeMap, HashMap};

use fastrand::Rng;
use jiff::civil::{Date, date};
use ledgerline_plugin_api::manifest::HeldState;
use rust_decimal::Decimal;

use super::{
    Class, Line, Period, SourceSide, Sum, TargetSide,
    both::{Both, Stored},
    compare,
    join::{Joined, Rows, join},
    source::Met,
    sums::sums,
    target::Row,
};
use crate::store::{EntryId, State};

const TO: &str = "books/notes";

fn november() -> Period {
    Period::month("2026-11").unwrap()
}

fn source(day: Option<Date>, total: &str) -> SourceSide {
    SourceSide {
        number: Some("7".into()),
        date: day,
        total: total.parse().ok(),
        currency: "AUD".into(),
        party: None,
    }
}

fn target(id: &str, day: Date, total: &str) -> TargetSide {
    TargetSide {
        id: id.into(),
        number: Some("7".into()),
        date: Some(day),
        total: total.parse().ok(),
        currency: "AUD".into(),
        party: None,
        state: Some(HeldState::Approved),
        posted: true,
    }
}

fn met(id: &str, state: State, link: Option<&str>, source: Option<SourceSide>) -> Met {
    Met {
        both: Both {
            route: "notes".into(),
            to: TO.into(),
            id: EntryId::new("notes", id),
            stored: Stored {
                state,
                number: Some("7".into()),
                link: link.map(str::to_owned),
                why: None,
                remedy: None,
                waits_for: None,
                asks: false,
                kept: false,
            },
            source,
            target: None,
            links_apart: Vec::new(),
            taken_by: None,
            parts: Vec::new(),
        },
        expected: Vec::new(),
    }
}

fn rows(sides: Vec<TargetSide>) -> Rows {
    let row = |side: TargetSide| {
        let id = side.id.clone();
        let row = Row {
            side,
            fits: true,
            identity: Vec::new(),
        };
        (id, row)
    };
    sides.into_iter().map(row).collect()
}

fn together(met: Vec<Met>, rows: Rows) -> (Vec<Line>, Vec<Sum>) {
    let Joined {
        both,
        extras,
        totals,
        ..
    } = join(
        &november(),
        TO,
        met,
        rows,
        |_, _| Vec::new(),
        |_| Vec::new(),
    );
    let lines: Vec<Line> = compare::lines(both, extras, &november()).collect();
    let sums = sums(&totals, &lines);
    (lines, sums)
}

/// The only line of one document, as `class amounts: differences`.
fn told(met: Met, sides: Vec<TargetSide>) -> String {
    let (lines, sums) = together(vec![met], rows(sides));
    assert!(sums.iter().all(|it| it.explained), "{sums:#?}");
    let told = lines.iter().map(|it| {
        let amounts: Vec<String> = it
            .amounts
            .iter()
            .map(|(currency, it)| format!("{currency} {it}"))
            .collect();
        let differences: Vec<String> = it
            .differences
            .iter()
            .map(|it| {
                let side = |it: &Option<String>| it.clone().unwrap_or_else(|| "-".into());
                format!(" {} {}/{}", it.field, side(&it.source), side(&it.target))
            })
            .collect();
        format!(
            "{} {}:{}",
            it.class.name(),
            amounts.join(" "),
            differences.concat()
        )
    });
    told.collect::<Vec<_>>().join(" + ")
}

#[test]
fn each_document_goes_into_its_class() {
    let (inside, outside) = (date(2026, 11, 9), date(2026, 12, 1));
    let linked = |source| met("1", State::Synced, Some("t"), source);
    let held = || target("t", inside, "44.00");
    let in_state = |state| TargetSide {
        state: Some(state),
        posted: false,
        ..held()
    };
    let whole = || Some(source(Some(inside), "44"));
    let cases = [
        ("equal", linked(whole()), vec![held()], "agrees AUD 0.00:"),
        (
            "a draft is there all the same",
            linked(whole()),
            vec![in_state(HeldState::Draft)],
            "agrees AUD 0.00:",
        ),
        (
            "a cent",
            linked(Some(source(Some(inside), "44.01"))),
            vec![held()],
            "different AUD 0.01: total 44.01/44.00",
        ),
        (
            "another currency",
            linked(whole()),
            vec![TargetSide {
                currency: "USD".into(),
                ..held()
            }],
            "different AUD 44 USD -44.00: currency AUD/USD",
        ),
        (
            "another number",
            linked(whole()),
            vec![TargetSide {
                number: None,
                ..held()
            }],
            "different AUD 0.00: number 7/-",
        ),
        (
            "moved to another month there",
            linked(whole()),
            vec![target("t", outside, "44.00")],
            "other-period AUD 44: date 2026-11-09/2026-12-01",
        ),
        (
            "moved to another month here",
            linked(Some(source(Some(outside), "44"))),
            vec![held()],
            "other-period AUD -44.00: date 2026-12-01/2026-11-09",
        ),
        (
            "both outside",
            linked(Some(source(Some(outside), "44"))),
            vec![target("t", outside, "1")],
            "",
        ),
        (
            "voided",
            linked(whole()),
            vec![in_state(HeldState::Voided)],
            "gone AUD 44:",
        ),
        ("no longer there", linked(whole()), vec![], "gone AUD 44:"),
        (
            "voided, and that is right",
            met("1", State::Skipped, Some("t"), whole()),
            vec![in_state(HeldState::Voided)],
            "skipped AUD 44:",
        ),
        (
            "deleted here, voided there",
            linked(None),
            vec![in_state(HeldState::Voided)],
            "",
        ),
        (
            "deleted here alone",
            linked(None),
            vec![held()],
            "different AUD -44.00: document deleted in the source/still there",
        ),
        (
            "lost its date",
            linked(Some(source(None, "44"))),
            vec![held()],
            "different AUD -44.00: date -/2026-11-09",
        ),
        (
            "lost its total",
            linked(Some(source(Some(inside), ""))),
            vec![held()],
            "different AUD -44.00: total -/44.00",
        ),
        (
            "waits",
            met("1", State::Waiting, None, whole()),
            vec![],
            "missing AUD 44:",
        ),
        (
            "before the cut-over",
            met("1", State::Skipped, None, whole()),
            vec![],
            "skipped AUD 44:",
        ),
        (
            "void in the source",
            met("1", State::Excluded, None, whole()),
            vec![],
            "excluded AUD 44:",
        ),
        (
            "typed in by hand",
            met("1", State::Warning, None, whole()),
            vec![held()],
            "missing AUD 44: + extra AUD -44.00:",
        ),
    ];
    for (name, met, sides, wanted) in cases {
        assert_eq!(told(met, sides), wanted, "{name}");
    }
}

#[test]
fn two_entries_with_one_document_are_told() {
    let day = date(2026, 11, 9);
    let both =
        ["1", "2"].map(|id| met(id, State::Synced, Some("t"), Some(source(Some(day), "44"))));
    let (lines, sums) = together(both.into(), rows(vec![target("t", day, "44")]));
    let classes: Vec<Class> = lines.iter().map(|it| it.class).collect();
    assert_eq!(classes, [Class::Agrees, Class::Different]);
    let why = lines[1].why.as_deref().unwrap();
    assert!(why.starts_with("notes/1 is linked"), "{why}");
    assert_eq!(sums[0].difference, Decimal::from(44));
    assert!(sums[0].explained);
}

#[test]
fn an_extra_one_names_the_entry_that_has_its_number() {
    let day = date(2026, 11, 9);
    let missing = met("1", State::Warning, None, Some(source(Some(day), "44")));
    let (lines, _) = together(vec![missing], rows(vec![target("t", day, "44")]));
    let extra = lines.iter().find(|it| it.class == Class::Extra).unwrap();
    assert_eq!(
        extra.next.as_deref(),
        Some("ledgerline adopt notes/1 --to t")
    );
}

/// A document with anything that can be about it.
fn random(random: &mut Rng, at: usize, known: &mut Vec<TargetSide>) -> Met {
    let day = |random: &mut Rng| date(2026, random.i8(10..=12), random.i8(1..=28));
    let total = |random: &mut Rng| Decimal::new(random.i64(-500_000..5_000_000), random.u32(0..=4));
    let currency = |random: &mut Rng| (*random.choice(&["AUD", "USD", ""]).unwrap()).to_owned();
    let state = State::ALL[random.usize(0..State::ALL.len())];
    let source = (random.u8(0..12) > 0).then(|| SourceSide {
        number: Some(at.to_string()),
        date: (random.u8(0..12) > 0).then(|| day(random)),
        total: (random.u8(0..12) > 0).then(|| total(random)),
        currency: currency(random),
        party: None,
    });
    let mut link = None;
    if random.u8(0..10) > 2 {
        let again = random.u8(0..10) == 0;
        let id = match again.then(|| random.choice(known.iter())).flatten() {
            Some(it) => it.id.clone(),
            None => format!("t{at}"),
        };
        let states = [
            None,
            Some(HeldState::Draft),
            Some(HeldState::Approved),
            Some(HeldState::Paid),
            Some(HeldState::Voided),
            Some(HeldState::Deleted),
        ];
        let held = states[random.usize(0..states.len())];
        let like = source.clone().filter(|_| random.bool());
        if !again && random.u8(0..10) > 0 {
            known.push(TargetSide {
                id: id.clone(),
                number: Some(at.to_string()),
                date: Some(
                    like.as_ref()
                        .and_then(|it| it.date)
                        .unwrap_or_else(|| day(random)),
                ),
                total: like
                    .as_ref()
                    .map_or_else(|| Some(total(random)), |it| it.total),
                currency: like.map_or_else(|| currency(random), |it| it.currency),
                party: None,
                state: held,
                posted: matches!(held, Some(HeldState::Approved | HeldState::Paid)),
            });
        }
        link = (random.u8(0..10) > 0).then_some(id);
    }
    let mut met = met(&at.to_string(), state, link.as_deref(), source);
    met.both.route = (*random.choice(&["notes", "others"]).unwrap()).to_owned();
    met
}

#[test]
fn the_explanation_always_adds_up_and_nothing_can_be_left_out() {
    for seed in 0..400 {
        let mut rng = Rng::with_seed(seed);
        let mut held = Vec::new();
        let count = rng.usize(0..60);
        let all: Vec<Met> = (0..count)
            .map(|at| random(&mut rng, at, &mut held))
            .collect();
        // What the sides come to, as anyone would add them up.
        let period = november();
        let mut plain: BTreeMap<String, Decimal> = BTreeMap::new();
        let mut documents = 0;
        for it in &all {
            if let Some(source) = it.both.source_in(&period) {
                *plain.entry(source.currency.clone()).or_default() +=
                    source.total.unwrap_or_default();
                documents += 1;
            }
        }
        for it in held.iter().filter(|it| it.lies_in(&period)) {
            *plain.entry(it.currency.clone()).or_default() -= it.total.unwrap_or_default();
        }
        let (lines, sums) = together(all, rows(held));
        let mut told: HashMap<String, Decimal> = HashMap::new();
        for it in &sums {
            assert!(it.explained, "seed {seed}: {it:#?}");
            assert_eq!(it.difference, it.source - it.posted - it.unposted);
            *told.entry(it.currency.clone()).or_default() += it.difference;
        }
        for (currency, wanted) in plain {
            assert_eq!(told.get(&currency), Some(&wanted), "seed {seed} {currency}");
        }
        // Each document of the source has one line, and so has each of the target.
        let period_lines = lines.iter().filter(|it| {
            it.source
                .as_ref()
                .and_then(|it| it.date)
                .is_some_and(|it| period.holds(it))
        });
        assert_eq!(period_lines.count(), documents, "seed {seed}");
        let mut entries: Vec<_> = lines.iter().filter_map(|it| it.entry.clone()).collect();
        let before = entries.len();
        entries.sort();
        entries.dedup();
        assert_eq!(entries.len(), before, "seed {seed}: one class each");
    }
}

#[test]
fn a_line_that_is_left_out_or_told_twice_is_noticed() {
    let mut noticed = 0;
    for seed in 0..100 {
        let mut rng = Rng::with_seed(seed);
        let mut held = Vec::new();
        let all: Vec<Met> = (0..20).map(|at| random(&mut rng, at, &mut held)).collect();
        let joined = join(
            &november(),
            TO,
            all,
            rows(held),
            |_, _| Vec::new(),
            |_| Vec::new(),
        );
        let lines: Vec<Line> = compare::lines(joined.both, joined.extras, &november()).collect();
        let Some(at) = lines
            .iter()
            .position(|it| it.amounts.values().any(|it| !it.is_zero()))
        else {
            continue;
        };
        let without: Vec<Line> = [&lines[..at], &lines[at + 1..]].concat();
        let twice: Vec<Line> = [&lines[..], &lines[at..=at]].concat();
        for wrong in [without, twice] {
            let wrong = sums(&joined.totals, &wrong);
            let open: Vec<&Sum> = wrong.iter().filter(|it| !it.explained).collect();
            assert!(!open.is_empty(), "seed {seed}");
            let missed: Decimal = open.iter().map(|it| it.unexplained.abs()).sum();
            let wanted: Decimal = lines[at].amounts.values().map(Decimal::abs).sum();
            assert_eq!(missed, wanted, "seed {seed}: by how much");
            noticed += 1;
        }
    }
    assert!(noticed > 150, "{noticed}");
}

#[test]
fn sums_that_do_not_fit_are_not_called_explained() {
    let day = Some(date(2026, 11, 9));
    let absurd = "79228162514264337593543950335";
    let all = ["1", "2"].map(|id| met(id, State::Waiting, None, Some(source(day, absurd))));
    let (_, sums) = together(all.into(), Rows::new());
    assert!(!sums[0].explained);
    // One so large that cents have no room beside it.
    let all = [("1", "7922816251426433759354395033"), ("2", "0.01")]
        .map(|(id, total)| met(id, State::Waiting, None, Some(source(day, total))));
    let (_, sums) = together(all.into(), Rows::new());
    assert!(!sums[0].explained);
}
