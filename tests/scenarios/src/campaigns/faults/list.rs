//! The faults, the calls that each makes sense for, and the places at which it strikes.

use std::time::Duration;

use sandbox::{
    Vendor,
    calls::{Call, CallKind},
    chance::Chance,
    faults::{FaultRule, Match},
};

use super::judge::Undisturbed;

/// A sort of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    /// Omni is read.
    OmniReads,
    /// Core is read.
    CoreReads,
    /// Zudello is read.
    ZudelloReads,
    /// Xero is read: lists, the account, what became of a lost call.
    XeroReads,
    /// Credit notes go to Xero.
    XeroWrites,
    /// Omni is told that they arrived.
    OmniWrites,
    /// Zudello is told.
    ZudelloWrites,
    /// Tokens are fetched or renewed.
    Tokens,
}

use Target::{
    CoreReads, OmniReads, OmniWrites, Tokens, XeroReads, XeroWrites, ZudelloReads, ZudelloWrites,
};

impl Target {
    /// All of them.
    pub(super) const ALL: [Self; 8] = [
        OmniReads,
        CoreReads,
        ZudelloReads,
        XeroReads,
        XeroWrites,
        OmniWrites,
        ZudelloWrites,
        Tokens,
    ];

    /// For people.
    pub(super) fn name(self) -> &'static str {
        match self {
            OmniReads => "omni-reads",
            CoreReads => "core-reads",
            ZudelloReads => "zudello-reads",
            XeroReads => "xero-reads",
            XeroWrites => "xero-writes",
            OmniWrites => "omni-writes",
            ZudelloWrites => "zudello-writes",
            Tokens => "tokens",
        }
    }

    fn of(self) -> (Vendor, CallKind) {
        match self {
            OmniReads => (Vendor::Omni, CallKind::Reading),
            CoreReads => (Vendor::Core, CallKind::Reading),
            ZudelloReads => (Vendor::Zudello, CallKind::Reading),
            XeroReads => (Vendor::Xero, CallKind::Reading),
            XeroWrites => (Vendor::Xero, CallKind::Writing),
            OmniWrites => (Vendor::Omni, CallKind::Writing),
            ZudelloWrites => (Vendor::Zudello, CallKind::Writing),
            Tokens => (Vendor::Xero, CallKind::Token),
        }
    }

    /// Whether a call is of this sort.
    pub(super) fn holds(self, call: &Call) -> bool {
        (call.vendor, call.kind) == self.of()
    }

    fn matches(self) -> Match {
        let (vendor, kind) = self.of();
        Match {
            vendor: Some(vendor),
            kind: Some(kind),
            ..Match::default()
        }
    }
}

/// Which calls of a sort are struck.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The first one.
    First,
    /// One in the middle.
    Middle,
    /// Seven in a row: more than a call is repeated.
    Row,
}

impl Place {
    /// All of them.
    pub(super) const ALL: [Self; 3] = [Self::First, Self::Middle, Self::Row];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Middle => "middle",
            Self::Row => "row",
        }
    }

    /// The rule, at this place of so many calls.
    pub(super) fn of(self, calls: u32, rule: FaultRule) -> FaultRule {
        let (skip, times) = match self {
            Self::First => (0, 1),
            Self::Middle => (calls / 2, 1),
            Self::Row => (calls / 3, 7),
        };
        FaultRule {
            skip,
            times,
            ..rule
        }
    }
}

/// Who is needed in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Person {
    /// Nobody may be asked.
    Nobody,
    /// Somebody may be asked to connect again.
    Connects,
    /// Somebody mends the cause, then retries what stopped.
    Mends,
}

/// The machine's clock is set, or the machine sleeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Jump {
    /// After so many calls.
    pub(super) calls: u64,
    /// It shows so many seconds more.
    pub(super) seconds: i64,
    /// The machine slept: the vendors' time went on, too.
    pub(super) slept: bool,
}

/// What one run meets.
#[derive(Debug, Clone)]
pub(super) struct Case {
    /// For people.
    pub(super) name: String,
    /// The script.
    pub(super) rules: Vec<FaultRule>,
    /// Steps of the machine's clock.
    pub(super) jumps: Vec<Jump>,
    /// Who is needed.
    pub(super) person: Person,
}

impl Case {
    pub(super) fn new(name: impl Into<String>, rules: Vec<FaultRule>, person: Person) -> Self {
        Self {
            name: name.into(),
            rules,
            jumps: Vec::new(),
            person,
        }
    }
}

/// One fault and the calls that it makes sense for.
struct Sort {
    fault: &'static str,
    targets: &'static [Target],
    person: Person,
    /// Part of the storm.
    passes: bool,
}

const fn sort(fault: &'static str, targets: &'static [Target]) -> Sort {
    Sort {
        fault,
        targets,
        person: Person::Nobody,
        passes: true,
    }
}

const READS: &[Target] = &[OmniReads, CoreReads, ZudelloReads, XeroReads];
const WRITES: &[Target] = &[XeroWrites, OmniWrites, ZudelloWrites];
const XERO: &[Target] = &[XeroReads, XeroWrites];
/// Calls of an API, not of its identity service.
const CALLS: &[Target] = &[
    OmniReads,
    CoreReads,
    ZudelloReads,
    XeroReads,
    XeroWrites,
    OmniWrites,
    ZudelloWrites,
];

const SORTS: &[Sort] = &[
    // The other vendors do not say which of their limits it was.
    sort("429:minute", CALLS),
    sort("429:second", XERO),
    sort("429:concurrent", XERO),
    sort("429:app", XERO),
    Sort {
        passes: false,
        ..sort("429:day", XERO)
    },
    sort("status:500", &Target::ALL),
    sort("status:503", &Target::ALL),
    sort("reset", &Target::ALL),
    sort("lose-answer", &Target::ALL),
    sort("slow:400000", &Target::ALL),
    sort("truncate", &Target::ALL),
    sort("html", &Target::ALL),
    sort("html-200", &Target::ALL),
    sort("error-in-200", &Target::ALL),
    sort("commit-then-500", WRITES),
    sort("commit-then-500", &[Tokens]),
    sort("expire-tokens", XERO),
    sort("shuffle", READS),
    sort("shuffle", WRITES),
    sort("repeat-row", READS),
    sort("move-row", READS),
    Sort {
        person: Person::Connects,
        passes: false,
        ..sort("withdraw-consent", XERO)
    },
    Sort {
        person: Person::Connects,
        passes: false,
        ..sort("disconnect", XERO)
    },
];

/// Each fault at each of its places, and what is not a matter of places.
pub(super) fn alone(base: &Undisturbed) -> Vec<Case> {
    let mut cases = Vec::new();
    for sort in SORTS {
        for target in sort.targets {
            for place in Place::ALL {
                let rule = rule(base, sort.fault, *target, place);
                let name = format!("{} {} {}", sort.fault, target.name(), place.name());
                cases.push(Case::new(name, vec![rule], sort.person));
            }
        }
    }
    cases.extend(refused(base));
    cases.extend(clocks(base));
    cases
}

fn rule(base: &Undisturbed, fault: &str, target: Target, place: Place) -> FaultRule {
    place.of(base.calls(target), script(fault, target.matches()))
}

pub(super) fn script(fault: &str, matches: Match) -> FaultRule {
    FaultRule::new(matches, fault.parse().expect("a fault of the script"))
}

/// Calls that are refused because of one document, by an answer that does not say which, until
/// somebody has mended it.
fn refused(base: &Undisturbed) -> Vec<Case> {
    let cases = [
        ("malformed element", "status:400", base.a_number()),
        ("unknown contact", "status:404", base.a_contact()),
    ];
    let case = |(name, fault, text): (&str, &str, String)| {
        let matches = Match {
            body_contains: Some(format!("\"{text}\"")),
            ..XeroWrites.matches()
        };
        let rule = FaultRule {
            times: u32::MAX,
            ..script(fault, matches)
        };
        Case::new(name, vec![rule], Person::Mends)
    };
    cases.into_iter().map(case).collect()
}

const HOUR: i64 = 3_600;

/// The machine's clock, by itself and while the fate of a writing call is open.
fn clocks(base: &Undisturbed) -> Vec<Case> {
    let all = base.all_calls();
    let mut cases = Vec::new();
    for (name, jumps) in [
        ("ahead", vec![(5 * HOUR, false)]),
        ("back", vec![(-5 * HOUR, false)]),
        (
            "ahead and back",
            vec![(5 * HOUR, false), (-5 * HOUR, false)],
        ),
        (
            "back and ahead",
            vec![(-5 * HOUR, false), (5 * HOUR, false)],
        ),
        ("asleep", vec![(2 * HOUR, true)]),
    ] {
        for (place, first) in [("first", 1), ("middle", all / 2), ("late", all * 4 / 5)] {
            let step = (all / 5).max(1);
            let jumps = (0u64..).zip(&jumps).map(|(at, (seconds, slept))| Jump {
                calls: first + at * step,
                seconds: *seconds,
                slept: *slept,
            });
            let jumps: Vec<Jump> = jumps.collect();
            cases.push(Case {
                jumps: jumps.clone(),
                ..Case::new(format!("clock {name} {place}"), Vec::new(), Person::Nobody)
            });
            for target in WRITES {
                let lost = rule(base, "lose-answer", *target, Place::First);
                cases.push(Case {
                    jumps: jumps.clone(),
                    ..Case::new(
                        format!("clock {name} {place}, lost {}", target.name()),
                        vec![lost],
                        Person::Nobody,
                    )
                });
            }
        }
    }
    cases
}

/// Two faults at once, drawn by `seed`.
pub(super) fn pairs(base: &Undisturbed, seed: u64, count: usize) -> Vec<Case> {
    let mut chance = Chance::named(seed, "pairs");
    let singles = alone(base);
    let mut cases = Vec::new();
    while cases.len() < count {
        let (Some(one), Some(two)) = (chance.pick(&singles), chance.pick(&singles)) else {
            return cases;
        };
        let impossible = contradict(one, two) || contradict(two, one);
        if one.name == two.name || one.jumps.len() + two.jumps.len() > 2 || impossible {
            continue;
        }
        let person = match (one.person, two.person) {
            (Person::Nobody, other) | (other, Person::Nobody) => other,
            (Person::Connects, Person::Connects) => Person::Connects,
            _ => Person::Mends,
        };
        cases.push(Case {
            name: format!("{} + {}", one.name, two.name),
            rules: one.rules.iter().chain(&two.rules).cloned().collect(),
            jumps: one.jumps.iter().chain(&two.jumps).copied().collect(),
            person,
        });
    }
    cases
}

/// Whether Xero would have taken a batch and then refuse its repeat under the same key: it answers that
/// with what it did the first time.
fn contradict(lost: &Case, refused: &Case) -> bool {
    let taken = ["lose-answer", "lost", "commit-then-500", "truncate", "slow"];
    refused.person == Person::Mends
        && lost.name.contains(XeroWrites.name())
        && taken.iter().any(|it| lost.name.contains(it))
}

/// Each call meets a fault in one case of five.
pub(super) fn storm(seed: u64) -> Case {
    let mut chance = Chance::named(seed, "storm");
    let mut rules = Vec::new();
    for target in Target::ALL {
        let faults: Vec<&Sort> = SORTS
            .iter()
            .filter(|it| it.passes && it.targets.contains(&target))
            .collect();
        let count = faults.len() as u64;
        for (place, sort) in (0u64..).zip(&faults) {
            rules.push(FaultRule {
                times: u32::MAX,
                // Those before it took their share of the calls: 1 in 5, in equal parts.
                one_in: Some((count * 5).saturating_sub(place)),
                seed: chance.bits(),
                ..script(sort.fault, target.matches())
            });
        }
    }
    Case::new("storm", rules, Person::Nobody)
}

/// Faults that stay for hours, while the service runs.
pub(super) fn stays() -> Vec<(Case, Target)> {
    let faults = [
        "status:500",
        "status:503",
        "reset",
        "html-200",
        "429:minute",
    ];
    let mut cases = Vec::new();
    for target in Target::ALL {
        for fault in faults {
            if target == Tokens && fault == "429:minute" {
                continue;
            }
            let rule = FaultRule {
                times: u32::MAX,
                ..script(fault, target.matches())
            };
            let name = format!("{fault} {} stays", target.name());
            cases.push((Case::new(name, vec![rule], Person::Nobody), target));
        }
    }
    cases
}

/// For how long they stay.
pub(super) const STAY: Duration = Duration::from_secs(2 * 3_600);
