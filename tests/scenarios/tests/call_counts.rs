//! What a run costs in calls: vendors limit them, and one of them charges for what is read.

use sandbox::{Seed, Vendor, calls::CallKind};
use scenarios::{
    Stage,
    books::{ACCOUNT, NOTES},
};

/// Clean credit notes of customers that Xero certainly has, and nothing else.
fn clean(notes: usize) -> Seed {
    let mut seed = Seed::demo().expect("the demo's seed is sound");
    seed.faults.clear();
    only_omni(&mut seed);
    for account in &mut seed.omni.accounts {
        account.generate.credit_notes = notes;
        account.credit_notes.clear();
    }
    seed
}

fn only_omni(seed: &mut Seed) {
    seed.core.accounts.clear();
    seed.zudello.teams.clear();
    for organisation in &mut seed.xero.organisations {
        organisation.credit_notes.clear();
    }
}

fn calls(stage: &Stage, vendor: Vendor, kind: CallKind) -> u64 {
    stage
        .world
        .counts()
        .get(&vendor)
        .and_then(|it| it.get(&kind))
        .copied()
        .unwrap_or_default()
}

/// Reading and writing calls to both vendors, tokens included.
fn all_calls(stage: &Stage) -> u64 {
    stage
        .world
        .counts()
        .values()
        .flat_map(|it| it.values())
        .sum()
}

/// Nothing that we did was too much for a vendor.
fn assert_never_refused(stage: &Stage) {
    let refused: Vec<_> = stage
        .world
        .calls()
        .into_iter()
        .filter(|it| it.status == 429)
        .collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_thousand_credit_notes() {
    let stage = Stage::new(clean(1_000)).await;
    let report = stage.sync().await;
    assert_eq!(report.routes[NOTES].created.count, 1_000, "{report:#?}");
    assert_eq!(stage.xero_notes().len(), 1_000);
    let imported = stage
        .world
        .omni(ACCOUNT)
        .credit_notes()
        .iter()
        .filter(|it| it["accountingAttributes"]["accountingImportStatus"] == "Imported")
        .count();
    assert_eq!(imported, 1_000);
    assert!(stage.world.duplicates().is_empty());

    // Twenty full calls; room for two more is a promise to keep, not a wish.
    let writing = calls(&stage, Vendor::Xero, CallKind::Writing);
    assert!(
        (20..=22).contains(&writing),
        "{writing} writing calls to Xero"
    );
    // 250 documents a call.
    let marks = calls(&stage, Vendor::Omni, CallKind::Writing);
    assert!((4..=5).contains(&marks), "{marks} writing calls to Omni");
    // Six lists, the proof of the account, a margin.
    let reading = calls(&stage, Vendor::Xero, CallKind::Reading);
    assert!(reading <= 20, "{reading} reading calls to Xero");
    // The report counts what the vendors counted.
    assert_eq!(report.calls["xero-au"].writing, writing);
    assert_eq!(report.calls["xero-au"].reading, reading);
    assert_never_refused(&stage);

    // Its own marks come back as changed documents, which cost reading them once.
    stage.world.clear_calls();
    stage.next().await;
    assert_eq!(calls(&stage, Vendor::Xero, CallKind::Writing), 0);
    assert_eq!(calls(&stage, Vendor::Omni, CallKind::Writing), 0);
    // One to read back what state the drafts are in by now.
    assert!(calls(&stage, Vendor::Xero, CallKind::Reading) <= 1);

    // Nothing happened since.
    stage.world.clear_calls();
    let idle = stage.next().await;
    assert_eq!(stage.writing_calls(), 0);
    assert!(
        all_calls(&stage) <= 10,
        "{} calls: {:#?}",
        all_calls(&stage),
        stage.world.counts()
    );
    assert!(!idle.unfinished, "{idle:#?}");
    assert_never_refused(&stage);
}

/// The demonstration leaves some thirty documents waiting for something: looking whether that is
/// there by now costs a few calls, not one for each.
#[tokio::test(start_paused = true)]
async fn an_idle_run_while_documents_wait() {
    let mut seed = Seed::demo().expect("the demo's seed is sound");
    only_omni(&mut seed);
    an_idle_run(seed, 10).await;
    // Core asks for three lists, Zudello for two.
    let all = Seed::demo().expect("the demo's seed is sound");
    an_idle_run(all, 15).await;
}

async fn an_idle_run(seed: Seed, most: u64) {
    let stage = Stage::new(seed).await;
    stage.sync().await;
    stage.next().await;
    stage.world.clear_calls();
    let report = stage.next().await;
    assert!(
        report.routes.values().all(|it| it.created.count == 0),
        "{report:#?}"
    );
    assert_eq!(stage.writing_calls(), 0);
    assert!(
        all_calls(&stage) <= most,
        "{} calls: {:#?}",
        all_calls(&stage),
        stage.world.counts()
    );
    assert_never_refused(&stage);
}
