//! The right books or none: tenant, demonstration, base currency. Nothing is sent before they agree,
//! and what is wrong is said.

use ledgerline::{
    operate::{Answer, Request},
    store::State,
};
use sandbox::Seed;
use scenarios::{
    Stage,
    books::{NOTES, note, one_customer},
};
use serde_json::json;

/// Nothing is sent, the run and `check` say `words`, and the note goes once `mend` was done.
async fn refused(stage: Stage, words: &[&str]) -> Stage {
    refused_as(stage, |why| words.iter().all(|it| why.contains(it))).await
}

async fn refused_as(stage: Stage, said: impl Fn(&str) -> bool) -> Stage {
    stage.put(note(7, json!({})));
    for _ in 0..2 {
        let report = stage.next().await;
        let why = &report.parked["xero-au"];
        assert!(said(why), "{why}");
        assert_eq!(stage.writing_calls(), 0, "nothing is sent anywhere");
        let state = stage.note_entry(7).await.state;
        assert!(
            matches!(state, State::Pending | State::Waiting),
            "nothing is lost: {state:?}"
        );
        assert_eq!(stage.import_status(7), "NotImported");
    }
    match stage.ask(Request::Status).await {
        Answer::Status(it) => {
            let row = it
                .connections
                .iter()
                .find(|it| it.name == "xero-au")
                .unwrap();
            assert!(row.parked.is_some(), "the status says so, too");
        }
        other => panic!("{other:?}"),
    }
    stage
}

fn organisation(change: impl FnOnce(&mut sandbox::seed::OrganisationSeed)) -> Seed {
    let mut seed = one_customer();
    change(&mut seed.xero.organisations[0]);
    seed
}

#[tokio::test(start_paused = true)]
async fn another_tenant() {
    let other = "11111111-2222-4333-8444-555555555555";
    let seed = organisation(|it| it.tenant_id = Some(other.parse().unwrap()));
    // Xero refuses its lists, or the consent is seen not to cover it: they are asked for at the same time.
    let said = |why: &str| {
        why.contains("does not let connection `xero-au` reach its account (status 403)")
            || why.contains("is pinned to is not among the 1 that the consent covers")
    };
    let stage = refused_as(Stage::new(seed).await, said).await;
    let stage = stage
        .restart_with(move |it| {
            it.connections.get_mut("xero-au").unwrap().account = Some(other.to_owned());
        })
        .await;
    stage.next().await;
    stage.assert_arrived(7).await;
}

#[tokio::test(start_paused = true)]
async fn not_a_demonstration() {
    let seed = organisation(|it| it.demo = false);
    let stage = refused(Stage::new(seed).await, &["demonstration", "Harbour Goods"]).await;
    let stage = stage
        .restart_with(|it| it.connections.get_mut("xero-au").unwrap().demo_only = false)
        .await;
    stage.next().await;
    stage.assert_arrived(7).await;
}

#[tokio::test(start_paused = true)]
async fn another_base_currency() {
    let seed = organisation(|it| {
        it.base_currency = "NZD".into();
        it.currencies = vec!["AUD".into()];
        it.day_rates.clear();
    });
    refused(Stage::new(seed).await, &["AUD", "NZD"]).await;
}

#[tokio::test(start_paused = true)]
async fn once_proven_they_are_not_asked_about_all_the_time() {
    let stage = Stage::new(one_customer()).await;
    stage.put(note(7, json!({})));
    stage.sync().await;
    let asked = || {
        let calls = stage.world.calls();
        calls
            .iter()
            .filter(|it| it.target.contains("/connections"))
            .count()
    };
    let before = asked();
    stage.put(note(8, json!({})));
    stage.next().await;
    stage.assert_arrived(8).await;
    assert_eq!(asked(), before);
    assert_eq!(stage.states(NOTES).await, [("synced", 2)].into());
}
