//! SIGKILL while rows of Omni are written: in each of three acts of a company's story, at each step of
//! deliver and settle on every route, and at random moments.

use std::{
    thread,
    time::{Duration, Instant},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use jiff::{Timestamp, ToSpan as _, civil::Date, tz::TimeZone};
use serde_json::{Value, json};

use super::{
    ground::{begun, bring_to_its_end, killed_at_call, writing_calls},
    tally::{Tally, all_at_once, with},
};
use crate::{
    books::ORGANISATION,
    built_with_steps,
    campaigns::books::{
        ACTS, ADJUSTMENTS, ALLOCATIONS, AT_THE_TILL, BATCHES, BILLS, BILLS_IMPORTED, CHANGED, COGS,
        Hands, Held, LANDED_COSTS, NOTES, NOTES_IMPORTED, ORDERS, ORDERS_IMPORTED, POSTED,
        PURCHASE_PAYMENTS, SALES_PAYMENTS, SCOPES, TILL, TILL_MEMBERS, TILL_ORDERS,
        TILL_ORDERS_MARKED, TILL_RETURNS_MARKED, VOIDED, company, deeds, drop_exports,
    },
    processes::{Plan, Programs, finish, set},
};

/// Sales orders of the company, and as many purchase orders and adjustments.
const DOCUMENTS: i64 = 4;

/// How much of it is done.
#[derive(Debug, Clone, Copy)]
pub struct Books {
    /// Every step on every route, restarted at once and late, and where streams are read; otherwise
    /// each route once.
    pub all: bool,
    /// Cases of deaths at random moments, one in each act: by turns so long after its start and while a
    /// writing call of it is being answered.
    pub moments: u32,
    /// Seed of those.
    pub seed: u64,
    /// Cases at once.
    pub at_once: usize,
}

/// Where the engine dies.
#[derive(Debug, Clone)]
enum Death {
    /// At a named step.
    At(String),
    /// After so long, where it has not ended by then.
    After(Duration),
    /// While the writing call is being answered before which so many came.
    AtCall(u64),
}

/// How much an act is when nobody disturbs it.
#[derive(Debug, Clone, Copy)]
struct Act {
    took: Duration,
    writing_calls: u64,
}

/// What is done to the engine: a death in each act.
#[derive(Debug, Clone)]
struct Case {
    deaths: Vec<Death>,
    /// The restart comes when the target has forgotten the keys of its calls.
    late: bool,
}

/// Steps of deliver and settle.
const SENDING: [&str; 5] = [
    "batch-formed",
    "intent-recorded",
    "answer-received",
    "results-read",
    "settled",
];
/// Steps of documents that are put into groups.
const GROUPED: [&str; 2] = ["chunk-prepared", "chunk-settled"];
/// Steps of a stream that is read.
const READING: [&str; 3] = ["page-read", "page-taken-in", "stream-ended"];

/// Routes that write in each act.
const WRITING: [&[&str]; ACTS] = [
    &[
        ORDERS,
        BILLS,
        NOTES,
        ADJUSTMENTS,
        ALLOCATIONS,
        LANDED_COSTS,
        COGS,
        ORDERS_IMPORTED,
        BILLS_IMPORTED,
        NOTES_IMPORTED,
        BATCHES,
        TILL_ORDERS_MARKED,
        TILL_RETURNS_MARKED,
    ],
    &[
        ORDERS,
        BILLS,
        ADJUSTMENTS,
        SALES_PAYMENTS,
        PURCHASE_PAYMENTS,
        BATCHES,
    ],
    &[
        SALES_PAYMENTS,
        PURCHASE_PAYMENTS,
        BATCHES,
        TILL_ORDERS_MARKED,
    ],
];
/// Routes that put documents into groups in each act.
const GROUPING: [&[&str]; ACTS] = [&[TILL_ORDERS, TILL_MEMBERS]; ACTS];
/// Streams whose news each act is about.
const READ: [&[&str]; ACTS] = [
    &[
        "omni-au/sales_orders",
        "omni-au/purchase_orders",
        "omni-au/adjustments",
        "omni-au/landed_costs",
    ],
    &["xero-au/payments"],
    &["xero-au/payments"],
];

/// Kills the engine in each act of the company's story.
pub fn books(how: Books, say: &(dyn Fn(&str) + Sync)) -> Tally {
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let (wanted, acts) = undisturbed(today);
    say(&format!("{acts:?}"));
    let cases = cases(how, &acts);
    let is_due = |it: &&Death| !matches!(it, Death::After(_));
    let due = cases.iter().flat_map(|it| &it.deaths).filter(is_due);
    let due = due.count() as u64;
    let mut tally = all_at_once(cases, how.at_once, say, |case, tally| {
        one(&case, today, &wanted, tally);
    });
    // A moment comes too late where the machine has become faster; a step and a call do not.
    let deaths = tally.get("deaths") - tally.get("deaths-over-time");
    if deaths < due {
        let fault = format!("{deaths} deaths at a step or a call instead of {due}");
        tally.faults.push(fault);
    }
    tally
}

/// What a run leaves that nobody disturbed, and how much each act was.
fn undisturbed(today: Date) -> (Held, Vec<Act>) {
    let programs = start(today);
    let mut acts = Vec::new();
    for act in 0..ACTS {
        done(&programs, act, today);
        programs.forget_calls();
        let began = Instant::now();
        let runs = bring_to_its_end(&programs);
        acts.push(Act {
            took: began.elapsed(),
            writing_calls: writing_calls(&programs),
        });
        assert!(
            runs.last().is_some_and(|it| it.code == Some(0)),
            "{runs:#?}"
        );
    }
    let held = held(&programs);
    let untold = held.untold(&programs.ask("/_sandbox/state"), DOCUMENTS);
    assert!(untold.is_empty(), "{untold:#?}");
    (held, acts)
}

/// What people do before an act. What they change is dated after its last change, and read by the run that
/// follows: a source tells of a second when that is over.
fn done(programs: &Programs, act: usize, today: Date) {
    // In the very second of the engine's own mark a change would have its date, and no source that tells
    // changes by their date could tell it.
    if act > 0 {
        second_is_over();
    }
    deeds(programs, act, today, DOCUMENTS);
    if act > 0 {
        second_is_over();
    }
}

/// Waits for the next second, of which a little is over, too: the vendors began their clock a moment after they
/// looked at the machine's.
fn second_is_over() {
    let now = Timestamp::now();
    let over = now.round(
        jiff::TimestampRound::new()
            .smallest(jiff::Unit::Second)
            .mode(jiff::RoundMode::Floor),
    );
    let over = over.expect("an instant of this age") + 1_100.milliseconds();
    while Timestamp::now() < over {
        thread::sleep(Duration::from_millis(10));
    }
}

fn one(case: &Case, today: Date, wanted: &Held, tally: &std::sync::Mutex<Tally>) {
    let name = format!("{case:?}");
    let programs = start(today);
    let (mut deaths, mut over_time, mut faults) = (0, 0, Vec::new());
    for (act, death) in case.deaths.iter().enumerate() {
        done(&programs, act, today);
        let dead = match death {
            Death::At(step) => programs.run_until(step, ["sync", "--confirm", "--json"]),
            Death::After(moment) => {
                let mut child = begun(&programs);
                thread::sleep(*moment);
                let _ = child.kill();
                finish(child)
            }
            Death::AtCall(before) => killed_at_call(*before, &programs),
        };
        deaths += usize::from(dead.signal.is_some());
        if matches!(death, Death::After(_)) {
            over_time += usize::from(dead.signal.is_some());
        } else if dead.signal.is_none() {
            faults.push(format!("it did not die in act {act}: {dead:#?}"));
        }
        if case.late {
            programs.forget_keys();
        }
        let runs = bring_to_its_end(&programs);
        if runs.last().is_none_or(|it| it.code != Some(0)) {
            let count = runs.len();
            faults.push(format!(
                "act {act} is not at its end after {count} runs: {runs:#?}"
            ));
        }
    }
    let held = held(&programs);
    faults.extend(held.apart(wanted));
    programs.forget_calls();
    let further = programs.run(["sync", "--json"]);
    if further.code != Some(0) {
        faults.push(format!("a further run ends otherwise: {further:#?}"));
    }
    let calls = programs.ask("/_sandbox/calls");
    let calls = calls.as_array().into_iter().flatten();
    let writing = calls.filter(|it| it["kind"] == "writing").count();
    if writing > 0 {
        faults.push(format!("a further run makes {writing} writing calls"));
    }
    with(tally, |it| {
        it.add("cases", 1);
        it.add("deaths", deaths);
        it.add("deaths-over-time", over_time);
        it.add("late", usize::from(case.late));
        it.add(
            "documents",
            usize::try_from(held.documents()).unwrap_or_default(),
        );
        it.add("twice", held.twice());
        it.faults
            .extend(faults.iter().map(|it| format!("{name}: {it}")));
    });
}

fn cases(how: Books, acts: &[Act]) -> Vec<Case> {
    let most = WRITING.iter().map(|it| it.len()).max().unwrap_or_default();
    let steps = if how.all { SENDING.len() } else { 1 };
    let mut cases: Vec<Case> = (0..most * steps)
        .map(|place| Case {
            deaths: WRITING.iter().map(|it| nth(it, &SENDING, place)).collect(),
            late: !how.all && place % 3 == 2,
        })
        .collect();
    for place in 0..GROUPING[0].len() * GROUPED.len() {
        cases.push(Case {
            deaths: GROUPING.iter().map(|it| nth(it, &GROUPED, place)).collect(),
            late: false,
        });
    }
    if how.all {
        for place in 0..READ[0].len() * READING.len() {
            cases.push(Case {
                deaths: READ.iter().map(|it| nth(it, &READING, place)).collect(),
                late: false,
            });
        }
        let late: Vec<Case> = cases
            .iter()
            .map(|it| Case {
                late: true,
                ..it.clone()
            })
            .collect();
        cases.extend(late);
    }
    let mut chance = fastrand::Rng::with_seed(how.seed);
    for place in 0..how.moments {
        let drawn = |act: &Act| match place % 2 {
            0 => Death::After(act.took / 1_000 * chance.u32(0..1_000)),
            // In its first half: how many calls there are depends a little on what came together into one.
            _ => Death::AtCall(chance.u64(0..(act.writing_calls / 2).max(1))),
        };
        cases.push(Case {
            deaths: acts.iter().map(drawn).collect(),
            late: place % 4 >= 2,
        });
    }
    cases
}

/// Each step at each place, in as many cases as there are of both.
fn nth(places: &[&str], steps: &[&str], case: usize) -> Death {
    let (round, at) = (case / places.len(), case % places.len());
    let step = steps[(round + at) % steps.len()];
    Death::At(format!("{step}:1@{}", places[at]))
}

fn start(today: Date) -> Programs {
    let programs = Programs::start(0, |plan: &mut Plan| {
        company(&mut plan.seed, today, DOCUMENTS);
        plan.built = built_with_steps();
        // What people did just now is read at once.
        set(
            &mut plan.deployment,
            "connections/omni-au/settings/settle-seconds",
            0,
        );
        let app = &mut plan.deployment["apps"]["xero-app"];
        let scopes = app["scopes"].as_array_mut().expect("scopes");
        scopes.extend(SCOPES.map(toml::Value::from));
        for (name, route) in &mut plan.routes {
            set(route, "enabled", true);
            set(route, "confirmed", true);
            // Of allocations one goes at a time.
            let to = route["to"]["stream"].as_str().unwrap_or_default();
            if !to.ends_with("_allocations") {
                set(route, "batch", 2);
            }
            if POSTED.contains(&name.as_str()) {
                set(route, "options/status", "AUTHORISED");
            }
            if VOIDED.contains(&name.as_str()) {
                set(route, "voids", "always");
            }
            if CHANGED.contains(&name.as_str()) {
                set(route, "update-approved", true);
            }
            if AT_THE_TILL.contains(&name.as_str()) {
                set(route, "options/channels", TILL);
            }
        }
    });
    drop_exports(&programs.config().join("exports"), today);
    programs
}

fn held(programs: &Programs) -> Held {
    let account = ORGANISATION.replace(' ', "%20");
    Held::of(
        programs.ask("/_sandbox/state"),
        &programs.ask(&format!("/_sandbox/ledger?account={account}")),
        &programs.ask("/_sandbox/duplicates"),
    )
}

impl Hands for Programs {
    fn edit(&self, edit: &Value) {
        self.tell("/_sandbox/edit", edit);
    }

    fn pay(&self, payment: &Value) {
        const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");
        let client = BASE64_STANDARD.encode("DEMOCUSTOMCONNECTION0000000000000:demo-secret");
        let client = format!("Basic {client}");
        let token = self.call(
            "POST",
            "/connect/token",
            &[FORM, ("Authorization", &client)],
            "grant_type=client_credentials&scope=accounting.payments",
        );
        let token = token["access_token"].as_str().expect("a token");
        self.call(
            "PUT",
            "/api.xro/2.0/Payments",
            &[
                ("Content-Type", "application/json"),
                ("Accept", "application/json"),
                ("Authorization", &format!("Bearer {token}")),
            ],
            &json!({ "Payments": [payment] }).to_string(),
        );
    }

    fn held(&self) -> Value {
        self.ask("/_sandbox/state")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_long_form_has_every_step_on_every_route_of_each_act() {
        let how = Books {
            all: true,
            moments: 0,
            seed: 1,
            at_once: 1,
        };
        let cases = cases(how, &[]);
        for (act, routes) in WRITING.iter().enumerate() {
            for route in *routes {
                for step in SENDING {
                    let wanted = format!("{step}:1@{route}");
                    let has = |it: &Case| matches!(&it.deaths[act], Death::At(it) if *it == wanted);
                    assert!(cases.iter().any(has), "{wanted} in act {act}");
                }
            }
        }
    }
}
