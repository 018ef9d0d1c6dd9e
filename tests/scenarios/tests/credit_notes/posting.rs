//! Where a credit note is posted: accounts, tax types, tracking, status, and the day that is open.

use ledgerline::store::State;
use ledgerline_plugin_api::manifest::HeldState;
use sandbox::seed::{AccountSeed, TaxRateSeed};
use scenarios::{
    Stage,
    books::{NOTES, ORGANISATION, line, lines_of, note, one_customer},
};
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn alternative_accounts_come_from_line_document_name_and_branch() {
    let stage = Stage::with(one_customer(), |it| {
        let route = it.routes.get_mut(NOTES).unwrap();
        route.options.insert("branches".into(), json!(true));
        route.tables.insert(
            "omni-accounts".into(),
            [
                ("Wholesale Revenue", "260"),
                ("branch 4", "260"),
                ("branch 3", "200"),
            ]
            .map(|(from, to)| (from.to_owned(), json!(to)))
            .into(),
        );
    })
    .await;
    let of_line =
        |account: &str| json!([line("Mug", -2, "20.0", json!({ "accountCode": account }))]);
    stage.put(note(7, json!({ "lineItems": of_line("260") })));
    stage.put(note(8, json!({ "alternativeAccountCode": "260" })));
    stage.put(note(
        9,
        json!({ "alternativeAccountCode": "260", "lineItems": of_line("200") }),
    ));
    stage.put(note(
        10,
        json!({ "lineItems": of_line("Wholesale Revenue") }),
    ));
    stage.put(note(11, json!({ "branchId": 4 })));
    stage.put(note(12, json!({ "branchId": 3 })));
    stage.sync().await;
    for (serial, account) in [
        (7, "260"),
        (8, "260"),
        (9, "200"),
        (10, "260"),
        (11, "260"),
        (12, "200"),
    ] {
        stage.assert_arrived(serial).await;
        assert_eq!(
            lines_of(&stage.xero_note(serial)),
            [format!("{account} OUTPUT 2 40 4")],
            "{serial}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_account_without_a_row_stops_until_the_route_gets_one() {
    let stage = Stage::new(one_customer()).await;
    for serial in [7, 8] {
        let lines = json!([line(
            "Mug",
            -2,
            "20.0",
            json!({ "accountCode": "Showroom" })
        )]);
        stage.put(note(serial, json!({ "lineItems": lines })));
    }
    stage.sync().await;
    stage.assert_stopped(7, State::Waiting, "Showroom").await;
    let groups = stage.engine.store().groups(&[NOTES.to_owned()]).unwrap();
    assert_eq!(groups.len(), 1, "one cause: {groups:?}");
    assert_eq!(groups[0].tally.count, 2);

    let stage = stage
        .restart_with(|it| {
            let tables = &mut it.routes.get_mut(NOTES).unwrap().tables;
            tables.insert(
                "omni-accounts".into(),
                [("Showroom".to_owned(), json!("260"))].into(),
            );
        })
        .await;
    stage.next().await;
    for serial in [7, 8] {
        stage.assert_arrived(serial).await;
        assert_eq!(lines_of(&stage.xero_note(serial)), ["260 OUTPUT 2 40 4"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_route_has_its_own_tax_rates() {
    let mut seed = one_customer();
    seed.xero.organisations[0].tax_rates.push(TaxRateSeed {
        name: "GST on wholesale".into(),
        tax_type: "TAX007".into(),
        rate: "10".parse().unwrap(),
        classes: vec!["REVENUE".into()],
    });
    let stage = Stage::with(seed, |it| {
        let tables = &mut it.routes.get_mut(NOTES).unwrap().tables;
        tables.insert(
            "omni-tax-rates".into(),
            [("10".to_owned(), json!("TAX007"))].into(),
        );
    })
    .await;
    stage.put(note(7, json!({})));
    stage.put(note(
        8,
        json!({ "taxStatus": "Exempt", "taxRate": 0, "total": -40.0 }),
    ));
    stage.put(note(9, json!({ "taxRate": 15.0, "total": -46.0 })));
    stage.sync().await;
    assert_eq!(lines_of(&stage.xero_note(7)), ["200 TAX007 2 40 4"]);
    assert_eq!(
        lines_of(&stage.xero_note(8)),
        ["200 EXEMPTOUTPUT 2 40 0"],
        "the table's other rows hold"
    );
    stage.assert_stopped(9, State::Waiting, "\"15\"").await;
}

#[tokio::test(start_paused = true)]
async fn an_archived_account_is_one_cause_and_all_go_after_the_mend() {
    let stage = Stage::new(one_customer()).await;
    let lines = json!([line("Mug", -2, "20.0", json!({ "accountCode": "270" }))]);
    for serial in 7..16 {
        stage.put(note(serial, json!({ "lineItems": lines })));
    }
    stage.sync().await;
    for serial in 7..16 {
        stage
            .assert_stopped(serial, State::Waiting, "account 270 is archived")
            .await;
    }
    assert_eq!(stage.writing_calls(), 0, "refused before a call is spent");
    let groups = stage.engine.store().groups(&[NOTES.to_owned()]).unwrap();
    assert_eq!(groups.len(), 1, "{groups:?}");
    assert_eq!(groups[0].tally.count, 9);
    assert_eq!(groups[0].tally.money["AUD"], "396".parse().unwrap());

    stage.change_xero("accounts", "270", json!({ "Status": "ACTIVE" }));
    stage.retry(NOTES).await;
    let report = stage.next().await;
    for serial in 7..16 {
        stage.assert_arrived(serial).await;
        assert_eq!(lines_of(&stage.xero_note(serial)), ["270 OUTPUT 2 40 4"]);
    }
    assert_eq!(report.calls["xero-au"].writing, 1, "all in one call");
}

#[tokio::test(start_paused = true)]
async fn accounts_of_bank_stock_and_debtors_are_refused_before_a_call() {
    let mut seed = one_customer();
    seed.xero.organisations[0].accounts.push(AccountSeed {
        code: "630".into(),
        name: "Inventory".into(),
        kind: "INVENTORY".into(),
        ..AccountSeed::default()
    });
    let stage = Stage::with(seed, |it| {
        let tables = &mut it.routes.get_mut(NOTES).unwrap().tables;
        let rows = ["091", "610", "630", "999"].map(|code| (code.to_owned(), json!(code)));
        tables.insert("omni-accounts".into(), rows.into());
    })
    .await;
    let wanted = [
        (7, "091", "bank account"),
        (8, "610", "kept by Xero"),
        (9, "630", "count the cost of goods twice"),
        (10, "999", "no account with the code 999"),
    ];
    for (serial, code, _) in wanted {
        let lines = json!([line("Mug", -2, "20.0", json!({ "accountCode": code }))]);
        stage.put(note(serial, json!({ "lineItems": lines })));
    }
    stage.sync().await;
    for (serial, _, why) in wanted {
        stage.assert_stopped(serial, State::Waiting, why).await;
    }
    assert_eq!(stage.writing_calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn lines_carry_two_tracking_categories() {
    let stage = Stage::new(one_customer()).await;
    stage.put(note(7, json!({ "freightTotal": -10.0, "total": -55.0 })));
    stage.put(note(
        8,
        json!({ "customFields": { "orders_1000": "East", "orders_1001": "" } }),
    ));
    stage.put(note(9, json!({ "customFields": null })));
    stage.sync().await;
    let tracking = |serial: i64| -> Vec<Vec<String>> {
        let held = stage.xero_note(serial);
        let lines = held["LineItems"].as_array().unwrap().iter();
        let pairs = |line: &serde_json::Value| {
            let all = line["Tracking"].as_array().unwrap().iter();
            all.map(|it| {
                format!(
                    "{}={}",
                    it["Name"].as_str().unwrap(),
                    it["Option"].as_str().unwrap()
                )
            })
            .collect()
        };
        lines.map(pairs).collect()
    };
    for serial in [7, 8, 9] {
        stage.assert_arrived(serial).await;
    }
    let both = ["Region=North", "Channel=Wholesale"]
        .map(str::to_owned)
        .to_vec();
    assert_eq!(tracking(7), [both.clone(), both], "freight, too");
    assert_eq!(tracking(8), [["Region=East".to_owned()].to_vec()]);
    assert_eq!(tracking(9), [Vec::<String>::new()]);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_tracking_option_waits_for_it() {
    let stage = Stage::new(one_customer()).await;
    stage.put(note(
        7,
        json!({ "customFields": { "orders_1000": "Centre" } }),
    ));
    stage.sync().await;
    stage.assert_stopped(7, State::Waiting, "Centre").await;
    assert_eq!(stage.writing_calls(), 0);
    let xero = stage.world.xero(ORGANISATION);
    let state = stage.world.state();
    let tenant = xero.tenant_id().unwrap().to_string();
    let mut options = state["xero"][&tenant]["tracking"][0]["Options"].clone();
    let id = "bbbbbbbb-0000-4000-8000-000000000001";
    options
        .as_array_mut()
        .unwrap()
        .push(json!({ "TrackingOptionID": id, "Name": "Centre", "Status": "ACTIVE" }));
    stage.change_xero("tracking", "Region", json!({ "Options": options }));
    stage.next().await;
    stage.assert_arrived(7).await;
}

#[tokio::test(start_paused = true)]
async fn what_xero_drops_without_a_word_becomes_a_notice() {
    let stage = Stage::new(one_customer()).await;
    stage.put(note(7, json!({})));
    stage.sync().await;
    assert_eq!(stage.note_entry(7).await.notices, Vec::<String>::new());
    // Archived a moment after the list was read, and left out silently.
    let tenant = stage
        .world
        .xero(ORGANISATION)
        .tenant_id()
        .unwrap()
        .to_string();
    let mut options = stage.world.state()["xero"][&tenant]["tracking"][0]["Options"].clone();
    for option in options.as_array_mut().unwrap() {
        option["Status"] = json!("ARCHIVED");
    }
    stage.change_xero("tracking", "Region", json!({ "Options": options }));
    stage.change_xero("switches", "", json!({ "unknown-tracking": "drop" }));
    stage.put(note(8, json!({})));
    stage.next().await;
    stage.assert_arrived(8).await;
    let notices = stage.note_entry(8).await.notices;
    assert!(
        notices.iter().any(|it| it.contains("Tracking")),
        "{notices:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn draft_or_posted_at_once_by_setting() {
    let with_status = |status: &'static str| {
        Stage::with(one_customer(), move |it| {
            let route = it.routes.get_mut(NOTES).unwrap();
            route.options.insert("status".into(), json!(status));
        })
    };
    for (status, state) in [
        ("DRAFT", HeldState::Draft),
        ("AUTHORISED", HeldState::Approved),
    ] {
        let stage = with_status(status).await;
        stage.put(note(7, json!({})));
        stage.sync().await;
        stage.assert_arrived(7).await;
        assert_eq!(stage.xero_note(7)["Status"], status);
        // A draft is not posted, and is shown so.
        let held = stage.note_entry(7).await.held.expect("a link");
        assert_eq!(held.state, Some(state));
        let totals = stage.engine.store().totals().unwrap();
        let row = totals
            .iter()
            .find(|it| it.route == NOTES && it.held == Some(state));
        assert_eq!(row.map(|it| it.tally.count), Some(1), "{totals:?}");
    }
    let stage = with_status("PAID").await;
    stage.put(note(7, json!({})));
    stage.sync().await;
    stage.assert_stopped(7, State::Warning, "DRAFT").await;
}

#[tokio::test(start_paused = true)]
async fn a_locked_period_holds_drafts_too_until_the_lock_moves() {
    let stage = Stage::new(one_customer()).await;
    // Midnight of 24 September in Sydney; Xero is locked up to the 30th.
    stage.put(note(7, json!({ "creditNoteDate": "2026-09-23T14:00:00Z" })));
    stage.put(note(8, json!({})));
    stage.sync().await;
    stage.assert_stopped(7, State::Waiting, "2026-09-30").await;
    stage.assert_arrived(8).await;

    // The other lock is the stricter one now.
    let locks = json!({ "PeriodLockDate": "2026-08-31", "EndOfYearLockDate": "2026-09-24" });
    stage.change_xero("organisation", "", locks);
    stage.next().await;
    stage.assert_stopped(7, State::Waiting, "2026-09-24").await;

    stage.change_xero(
        "organisation",
        "",
        json!({ "EndOfYearLockDate": "2026-09-23" }),
    );
    stage.next().await;
    stage.assert_arrived(7).await;
    assert_eq!(stage.xero_note(7)["Date"], "2026-09-24");
    assert_eq!(stage.xero_note(7)["Status"], "DRAFT");
}

#[tokio::test(start_paused = true)]
async fn no_item_codes_are_sent_unless_the_route_says_so() {
    let stage = Stage::new(one_customer()).await;
    stage.put(note(7, json!({})));
    stage.sync().await;
    assert!(stage.xero_note(7)["LineItems"][0]["ItemCode"].is_null());
}
