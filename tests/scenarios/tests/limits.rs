//! How close a pull comes to what a vendor allows, on time that stands still while nobody waits.

use ledgerline::store::State;
use sandbox::{Seed, Vendor};
use scenarios::Stage;

/// Sales that changed, each with a credit note; each is a call.
const SALES: usize = 1_000;
/// Calls that Core allows in a minute.
const MINUTE: u32 = 60;

/// Core alone, its whole limit for us, and everything before the cut-over, so that the pull is what
/// takes time.
async fn stage() -> Stage {
    let mut seed = Seed::demo().expect("the demo's seed is sound");
    seed.faults.clear();
    seed.omni.accounts.clear();
    seed.zudello.teams.clear();
    for account in &mut seed.core.accounts {
        account.credit_notes.clear();
        account.generate.credit_notes = SALES;
        account.generate.sales = Some(0);
        account.generate.advanced = 0;
        account.generate.ties = 238;
    }
    Stage::with(seed, |deployment| {
        let core = deployment.connections.get_mut("core-au").expect("Core");
        core.start_date = Some(jiff::civil::date(2027, 1, 1));
        core.budget.entry("account".into()).or_default().minute = Some(MINUTE);
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn a_thousand_sales_of_core_in_the_time_that_its_limit_allows() {
    let stage = stage().await;
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
