//! The short form of `campaign -- limits` and `campaign -- waiting`.

use scenarios::campaigns::limits::{Figures, Fleet, Sources, Waiting, calls, fleet, sources};

fn assert_good((figures, faults): (Figures, Vec<String>)) -> Figures {
    assert!(faults.is_empty(), "{figures:?}: {faults:#?}");
    assert_eq!(figures.refused, 0, "{figures:?}");
    figures
}

#[tokio::test(start_paused = true)]
async fn credit_notes_travel_in_full_calls() {
    let figures = assert_good(calls(500).await);
    assert!((10..=12).contains(&figures.xero_writes), "{figures:?}");
}

#[tokio::test(start_paused = true)]
async fn three_sources_share_one_organisation_and_fill_its_minutes() {
    let figures = assert_good(
        sources(Sources {
            omni: 200,
            core: 20,
            zudello: 20,
            batch: Some(1),
            into_the_minute: 37,
        })
        .await,
    );
    // Where the vendor's minutes lie shows only by and by: up to one of them is lost at the start.
    assert!(figures.took <= figures.least + 60_000, "{figures:?}");
}

#[tokio::test(start_paused = true)]
async fn organisations_share_the_minutes_of_their_client() {
    let figures = assert_good(
        fleet(Fleet {
            connections: 12,
            notes: 40,
            lines: 1,
            batch: Some(1),
            app_minute: 120,
            limits: true,
        })
        .await,
    );
    assert_eq!(figures.not_close(), None, "{figures:?}");
    assert_eq!(figures.not_fair(), None, "{figures:?}");
}

#[tokio::test]
async fn waiting_calls_hold_no_thread() {
    let waiting = Waiting {
        program: env!("CARGO_BIN_EXE_campaign").into(),
        count: 500,
    };
    let waited = waiting.measure().await.expect("a measurement");
    // What each holds in memory shows among thousands only: that is left to the long form.
    for held in [waited.calls, waited.connections] {
        assert!(held.threads <= waited.bare.threads + 16, "{waited:?}");
        assert!(held.most_threads <= 64, "{waited:?}");
    }
}
