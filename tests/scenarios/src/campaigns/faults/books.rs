//! Faults on every path by which a row of Omni is written: invoices, bills, what becomes void, journals,
//! credit notes and where they are applied, *Imported* on three kinds of documents, payments entered
//! in Omni and taken out again.

use std::{io, time::Duration};

use jiff::{civil::Date, tz::TimeZone};
use ledgerline::config::Deployment;
use sandbox::{
    Seed,
    calls::Call,
    faults::{FaultRule, Match},
};
use serde_json::{Value, json};

use super::{
    drive::{drive, finish},
    judge::{States, states},
    list::{Case, Person, Place, script},
    run::{Counts, guarded, on_paused_time, report, struck},
};
use crate::{
    Stage,
    books::ORGANISATION,
    campaigns::books::{
        ACTS, AT_THE_TILL, CHANGED, Held, POSTED, SCOPES, TILL, TILL_MEMBERS, VOIDED, company,
        deeds, demonstration, drop_exports,
    },
    omni_routes::{BATCH_PAYMENTS, PORTAL_PAYMENTS, exports_beside_the_store},
};

/// Sales orders of the company, and as many purchase orders and adjustments.
const DOCUMENTS: i64 = 4;
/// Documents of one call, so that each path has several.
const BATCH: u32 = 2;

/// A sort of calls that write.
#[derive(Debug, Clone, Copy)]
struct Path {
    name: &'static str,
    method: &'static str,
    /// Exact, or up to a closing `*`.
    path: &'static str,
    /// Text of the body that tells it from others of its path.
    holds: Option<&'static str>,
    /// Text of the body that only the call of one of its documents has.
    one: Option<&'static str>,
}

const fn path(
    name: &'static str,
    method: &'static str,
    path: &'static str,
    one: Option<&'static str>,
) -> Path {
    Path {
        name,
        method,
        path,
        holds: None,
        one,
    }
}

const PATHS: [Path; 13] = [
    Path {
        holds: Some("20003 SO-3"),
        ..path(
            "invoices",
            "PUT",
            "/api.xro/2.0/Invoices",
            Some("20003 SO-3"),
        )
    },
    Path {
        holds: Some("ACCPAY"),
        ..path("bills", "PUT", "/api.xro/2.0/Invoices", Some("INV-3 PO-3"))
    },
    Path {
        holds: Some("BATCH"),
        ..path("batches", "PUT", "/api.xro/2.0/Invoices", None)
    },
    Path {
        holds: Some("BATCH"),
        ..path("batch-changes", "POST", "/api.xro/2.0/Invoices*", None)
    },
    path("voids", "POST", "/api.xro/2.0/Invoices*", None),
    path(
        "journals",
        "PUT",
        "/api.xro/2.0/ManualJournals",
        Some("ADJ-3"),
    ),
    path("notes", "PUT", "/api.xro/2.0/CreditNotes", Some("3 CRN-3")),
    path("allocations", "PUT", "/api.xro/2.0/CreditNotes/*", None),
    path("order-marks", "PUT", "/api/v1/SalesOrders", Some("40003")),
    path("bill-marks", "PUT", "/api/v1/PurchaseOrders", Some("70003")),
    path("note-marks", "PUT", "/api/v1/CreditNotes", Some("5003")),
    path("payments", "POST", "/api/v1/Payments", Some("40003")),
    path("removals", "DELETE", "/api/v1/Payments/*", None),
];

const FAULTS: [&str; 8] = [
    "lose-answer",
    "commit-then-500",
    "reset",
    "429:minute",
    "html-200",
    "error-in-200",
    "shuffle",
    "truncate",
];

impl Path {
    fn matches(self) -> Match {
        Match {
            method: Some(self.method.to_owned()),
            path: Some(self.path.to_owned()),
            body_contains: self.holds.map(str::to_owned),
            ..Match::default()
        }
    }

    fn is_of(self, call: &Call) -> bool {
        let target = call.target.split('?').next().unwrap_or_default();
        let there = match self.path.strip_suffix('*') {
            Some(head) => target.starts_with(head),
            None => target == self.path,
        };
        call.method == self.method && there && self.holds.is_none_or(|it| call.body.contains(it))
    }
}

/// What an undisturbed run leaves behind.
struct Undisturbed {
    held: Held,
    /// Entries after each act.
    acts: Vec<States>,
    calls: Vec<Call>,
}

impl Undisturbed {
    async fn reached() -> Self {
        let stage = stage().await;
        let mut acts = Vec::new();
        for act in 0..ACTS {
            begin(&stage, act).await;
            finish(&stage).await;
            acts.push(states(&stage).await);
        }
        let held = held(&stage);
        let untold = held.untold(&stage.world.state(), DOCUMENTS);
        assert!(untold.is_empty(), "{untold:#?} {acts:#?}");
        let calls = stage.world.calls();
        Self { held, acts, calls }
    }

    fn calls(&self, path: Path) -> u32 {
        let count = self.calls.iter().filter(|it| path.is_of(it)).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }
}

/// Each fault on the first call of all paths of one run.
fn together() -> Vec<Case> {
    let case = |fault: &&str| {
        let rules = PATHS.map(|it| script(fault, it.matches())).to_vec();
        Case::new(format!("books {fault} everywhere"), rules, Person::Nobody)
    };
    FAULTS.iter().map(case).collect()
}

/// Each fault on each path at each place.
fn alone(base: &Undisturbed) -> Vec<Case> {
    let mut cases = Vec::new();
    for fault in FAULTS {
        for path in PATHS {
            for place in Place::ALL {
                let rule = place.of(base.calls(path), script(fault, path.matches()));
                let name = format!("books {fault} {} {}", path.name, place.name());
                cases.push(Case::new(name, vec![rule], Person::Nobody));
            }
        }
    }
    cases
}

/// A call is refused because of one of its documents, which nobody names, until somebody has mended it.
fn malformed() -> Vec<Case> {
    let case = |path: &Path| {
        let matches = Match {
            body_contains: path.one.or(path.holds).map(str::to_owned),
            ..path.matches()
        };
        let rule = FaultRule {
            times: u32::MAX,
            ..script("status:400", matches)
        };
        let name = format!("books malformed {}", path.name);
        Case::new(name, vec![rule], Person::Mends)
    };
    PATHS.iter().map(case).collect()
}

/// All of them whose names are meant.
pub(super) fn cases_of(meant: impl Fn(&Case) -> bool) -> io::Result<Counts> {
    let base = on_paused_time(Undisturbed::reached());
    let mut cases = together();
    cases.extend(malformed());
    cases.extend(alone(&base));
    let mut counts = Counts::default();
    for case in cases.iter().filter(|it| meant(it)) {
        let one = guarded(&case.name, || on_paused_time(one(case, &base)));
        report(&case.name, &one)?;
        counts.add(one);
    }
    Ok(counts)
}

/// The cases whose names contain one of these texts.
pub fn books_of(names: &[&str]) -> Counts {
    cases_of(|case| names.iter().any(|it| case.name.contains(it))).expect("standard output")
}

async fn stage() -> Stage {
    let mut seed = demonstration();
    company(&mut seed, today(), DOCUMENTS);
    let seed = toml::to_string(&seed).expect("TOML");
    let seed = Seed::from_toml(&seed).expect("the company's seed is sound");
    let stage = Stage::with(seed, prepare).await;
    drop_exports(&stage.folder().join("exports"), today());
    stage
}

fn prepare(deployment: &mut Deployment) {
    exports_beside_the_store(deployment);
    for (name, route) in &mut deployment.routes {
        // How much of it has read Omni's payments at an act's end is chance, and nothing is paid there.
        route.enabled = name != PORTAL_PAYMENTS && name != BATCH_PAYMENTS;
        if name == TILL_MEMBERS {
            let cash = json!("Cash");
            route.options.insert("without-payment".to_owned(), cash);
        }
        if AT_THE_TILL.contains(&name.as_str()) {
            route.options.insert("channels".to_owned(), json!(TILL));
        }
        route.update_approved = CHANGED.contains(&name.as_str());
        route.confirmed = true;
        // Of allocations one goes at a time.
        if !route.to.stream.ends_with("_allocations") {
            route.batch = Some(BATCH);
        }
        if POSTED.contains(&name.as_str()) {
            route
                .options
                .insert("status".to_owned(), json!("AUTHORISED"));
        }
        if VOIDED.contains(&name.as_str()) {
            route.voids = ledgerline::config::Voids::Always;
        }
    }
    for app in deployment.apps.values_mut() {
        let scopes = app.scopes.get_or_insert_default();
        scopes.extend(SCOPES.map(str::to_owned));
    }
}

fn today() -> Date {
    let start: jiff::Timestamp = crate::START.parse().expect("a constant instant");
    start.to_zoned(TimeZone::UTC).date()
}

/// People do what they do before an act. What changed just now is read a little later.
async fn begin(stage: &Stage, act: usize) {
    deeds(&stage.world, act, today(), DOCUMENTS);
    stage.pass(Duration::from_secs(60)).await;
}

fn held(stage: &Stage) -> Held {
    let balances: Value = stage
        .world
        .xero(ORGANISATION)
        .trial_balance(today())
        .into_iter()
        .map(|(account, it)| (account, json!(it.normalize().to_string())))
        .collect::<serde_json::Map<_, _>>()
        .into();
    Held::of(
        stage.world.state(),
        &json!({ "balances": balances }),
        &json!(stage.world.duplicates()),
    )
}

/// One case from an empty store to its end.
async fn one(case: &Case, base: &Undisturbed) -> Counts {
    let stage = stage().await;
    stage.world.set_faults(case.rules.clone());
    let (mut runs, mut helped, mut faults) = (0, 0, Vec::new());
    for (act, wanted) in base.acts.iter().enumerate() {
        begin(&stage, act).await;
        let driven = drive(&stage, case, wanted).await;
        runs += driven.runs;
        helped += driven.helped.len();
        if !driven.faults.is_empty() {
            faults.extend(driven.faults.iter().map(|it| format!("act {act}: {it}")));
            break;
        }
    }
    if case.rules.len() == PATHS.len() {
        let left = stage.world.faults();
        let left = left.iter().zip(PATHS).filter(|(it, _)| it.times > 0);
        faults.extend(left.map(|(_, path)| format!("no call of {} was struck", path.name)));
    }
    stage.world.set_faults(Vec::new());
    let held = held(&stage);
    faults.extend(held.apart(&base.held));
    let calls = stage.world.calls().len() as u64;
    let most = 3 * base.calls.len() as u64 + 40 * u64::from(runs);
    if calls > most {
        faults.push(format!("{calls} calls, at most {most}"));
    }
    let struck = struck(&stage);
    stage.world.clear_calls();
    stage.next().await;
    let writes = stage.writing_calls();
    if writes > 0 {
        faults.push(format!("{writes} writing calls when all was settled"));
    }
    Counts {
        cases: 1,
        documents: held.documents(),
        calls,
        struck,
        helped: u64::from(helped > 0),
        twice: held.twice() as u64,
        wrong: faults
            .into_iter()
            .map(|it| format!("{}: {it}", case.name))
            .collect(),
    }
}
