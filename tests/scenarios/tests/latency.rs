//! How much of the waiting runs side by side, on time that stands still while nobody waits: what the
//! machine itself costs takes no time here, so each millisecond is one that somebody waited for a
//! vendor.

use std::collections::BTreeMap;

use ledgerline::config::Deployment;
use sandbox::{Seed, Vendor};
use scenarios::{Stage, books::NOTES};

/// Milliseconds of each call of both vendors.
const LATENCY: u64 = 200;
/// Calls of one vendor that are under way at once.
const AT_ONCE: u32 = 5;

/// Credit notes of four lines that nothing is odd about, no limit but the calls at once.
fn slow(notes: usize) -> Seed {
    let mut seed = Seed::demo().expect("the demo's seed is sound");
    seed.faults.clear();
    seed.core.accounts.clear();
    seed.zudello.teams.clear();
    seed.omni.latency_ms = LATENCY;
    seed.xero.latency_ms = LATENCY;
    for organisation in &mut seed.xero.organisations {
        organisation.credit_notes.clear();
        organisation.limits.on = false;
    }
    for account in &mut seed.omni.accounts {
        account.credit_notes.clear();
        for key in &mut account.keys {
            key.limits.on = false;
        }
        let generate = &mut account.generate;
        generate.credit_notes = notes;
        (generate.lines, generate.fewest_lines) = (4, 4);
        generate.fine_prices = 0;
    }
    seed
}

fn only_so_many_at_once(deployment: &mut Deployment) {
    for connection in deployment.connections.values_mut() {
        let account = connection.budget.entry("account".into()).or_default();
        (account.second, account.minute, account.day) = (Some(0), Some(0), Some(0));
        account.concurrent = Some(AT_ONCE);
    }
}

/// When each sort of call began, in milliseconds from the first call of all.
struct Course(Vec<(i64, String)>);

impl Course {
    fn of(stage: &Stage) -> Self {
        let calls = stage.world.calls();
        let first = calls.first().map_or(0, |it| it.at.as_millisecond());
        let mut course: Vec<(i64, String)> = calls
            .iter()
            .map(|it| {
                let path = it.target.split('?').next().unwrap_or_default();
                let sort = format!("{:?} {} {path}", it.vendor, it.method);
                (it.at.as_millisecond() - first, sort)
            })
            .collect();
        course.sort();
        Self(course)
    }

    fn begun(&self, sort: &str) -> Vec<i64> {
        let sorted = self.0.iter().filter(|it| it.1.starts_with(sort));
        sorted.map(|it| it.0).collect()
    }
}

impl std::fmt::Display for Course {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut rows: Vec<((i64, &str), usize)> = Vec::new();
        for (at, sort) in &self.0 {
            match rows.iter_mut().find(|it| it.0 == (*at, sort.as_str())) {
                Some(it) => it.1 += 1,
                None => rows.push(((*at, sort), 1)),
            }
        }
        for ((at, sort), count) in rows {
            writeln!(to, "{at:>6} ms {count:>3} x {sort}")?;
        }
        Ok(())
    }
}

/// The source gives a page of 250 in 200 ms, and five batches of 50 are taken in 200 ms: reading hides
/// behind sending.
#[tokio::test(start_paused = true)]
async fn the_first_two_thousand_five_hundred_documents_of_slow_vendors() {
    const DOCUMENTS: usize = 2_500;
    let stage = Stage::with(slow(DOCUMENTS), only_so_many_at_once).await;
    let report = stage.sync().await;
    let course = Course::of(&stage);
    assert_eq!(
        report.routes[NOTES].created.count, DOCUMENTS as u64,
        "{report:#?}\n{course}"
    );
    let sent = course.begun("Xero PUT /api.xro/2.0/CreditNotes");
    assert_eq!(sent.len(), DOCUMENTS / 50, "{course}");
    let arrived = sent.last().copied().unwrap_or(i64::MAX) + LATENCY as i64;
    assert!(arrived <= 2_800, "{arrived} ms\n{course}");
    assert!(stage.world.duplicates().is_empty());
    let most = most_at_once(&stage);
    assert!(
        most.values().all(|it| *it <= AT_ONCE as usize),
        "{most:?}\n{course}"
    );
}

/// Most calls of each vendor that were under way at once.
fn most_at_once(stage: &Stage) -> BTreeMap<Vendor, usize> {
    let calls = stage.world.calls();
    let latency = LATENCY as i64;
    let mut most = BTreeMap::new();
    for it in &calls {
        let at = it.at.as_millisecond();
        let beside = calls.iter().filter(|other| {
            let other_at = other.at.as_millisecond();
            other.vendor == it.vendor && other_at <= at && at < other_at + latency
        });
        let count = beside.count();
        let held = most.entry(it.vendor).or_insert(0);
        *held = count.max(*held);
    }
    most
}
