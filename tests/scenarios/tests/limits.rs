//! How close a pull comes to what a vendor allows, on time that stands still while nobody waits.

use std::time::Duration;

use ledgerline::{config::Deployment, store::State};
use sandbox::{Seed, Vendor};
use scenarios::{
    Stage,
    books::{note, one_customer},
};
use serde_json::json;

/// Sales that changed, each with a credit note; each is a call.
const SALES: usize = 1_000;
/// Calls that Core allows in a minute.
const MINUTE: u32 = 60;

/// Core alone.
fn core_alone(sales: usize) -> Seed {
    let mut seed = Seed::demo().expect("the demo's seed is sound");
    seed.faults.clear();
    seed.omni.accounts.clear();
    seed.zudello.teams.clear();
    for account in &mut seed.core.accounts {
        account.credit_notes.clear();
        account.generate.credit_notes = sales;
        account.generate.sales = Some(0);
        account.generate.advanced = 0;
        account.generate.ties = sales / 4;
    }
    seed
}

/// The whole limit for us, and everything before the cut-over, so that the pull is what takes time.
fn before_the_cut_over(deployment: &mut Deployment, minute: u32) {
    let core = deployment.connections.get_mut("core-au").expect("Core");
    core.start_date = Some(jiff::civil::date(2027, 1, 1));
    // All the same, everything is read.
    core.settings["history-days"] = serde_json::json!(3650);
    core.budget.entry("account".into()).or_default().minute = Some(minute);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_sales_of_core_in_the_time_that_its_limit_allows() {
    let stage = Stage::with(core_alone(SALES), |it| before_the_cut_over(it, MINUTE)).await;
    stage.sync().await;
    let skipped = stage.ids("core-credit-notes", State::Skipped).await;
    assert_eq!(
        skipped.len(),
        SALES,
        "{:?}",
        stage.states("core-credit-notes").await
    );
    let calls = stage.world.calls();
    let calls: Vec<_> = calls
        .iter()
        .filter(|it| it.vendor == Vendor::Core)
        .collect();
    let refused = calls.iter().filter(|it| it.status != 200).count();
    assert_eq!(
        refused,
        0,
        "{refused} calls of {} were refused",
        calls.len()
    );
    let of = |path: &str| calls.iter().filter(|it| it.target.contains(path)).count();
    assert_eq!(of("/sale?"), SALES);
    assert!(calls.len() <= SALES + 10, "{} calls", calls.len());
    let (first, last) = (calls[0].at, calls[calls.len() - 1].at);
    let took = (last - first).get_seconds() as f64;
    let allowed = calls.len() as f64 / f64::from(MINUTE) * 60.0;
    assert!(took <= 1.1 * allowed, "{took} s instead of {allowed} s");
}

/// A first reading that takes a quarter of an hour keeps nobody else waiting.
#[tokio::test(start_paused = true)]
async fn while_core_is_read_for_long_omni_goes_on() {
    const FEWER: usize = 300;
    let mut seed = core_alone(FEWER);
    seed.omni.accounts = one_customer().omni.accounts;
    let stage = Stage::with(seed, |deployment| {
        before_the_cut_over(deployment, 20);
        for route in deployment.routes.values_mut() {
            route.confirmed = true;
        }
    })
    .await;
    tokio::select! {
        ended = stage.engine.run() => panic!("it ended: {ended:?}"),
        () = async {
            stage.pass(Duration::from_secs(180)).await;
            stage.put(note(7, json!({})));
            // Its trigger is every five minutes; a run that reads Core takes two.
            stage.pass(Duration::from_secs(8 * 60)).await;
        } => {}
    }
    let read = stage.ids("core-credit-notes", State::Skipped).await.len();
    assert!((100..FEWER).contains(&read), "{read} sales were read");
    stage.assert_arrived(7).await;
    tokio::select! {
        ended = stage.engine.run() => panic!("it ended: {ended:?}"),
        () = stage.pass(Duration::from_secs(15 * 60)) => {}
    }
    let read = stage.ids("core-credit-notes", State::Skipped).await.len();
    assert_eq!(read, FEWER, "it goes on from where it was");
    let calls = stage.world.calls();
    let sales = calls.iter().filter(|it| it.target.contains("/sale?"));
    // None is read twice but those that were under way when the engine was stopped.
    let sales = sales.count();
    assert!((FEWER..=FEWER + 4).contains(&sales), "{sales} calls");
}
