//! Whose credit note it is: customers of Omni found among Xero's contacts, certain or asked for.

use ledgerline::{
    config::{Deployment, SourceFile},
    operate::{Answer, LinkAnswer, LinkTo, Question, Request},
    store::{EntryId, State},
};
use ledgerline_plugin_api::manifest::Category;
use sandbox::{
    Seed,
    seed::{Counterpart, CustomerSeed},
};
use scenarios::{
    Stage,
    books::{CUSTOMERS, note, seed, to_json},
};
use serde_json::{Value, json};

/// Customers from 1001 on, and contacts that Xero holds.
pub(crate) fn world(customers: &[(&str, Value)], contacts: &[Value]) -> Seed {
    let mut seed = seed(&[]);
    for account in &mut seed.omni.accounts {
        let made = customers.iter().map(|(company, patch)| CustomerSeed {
            company: (*company).to_owned(),
            xero: Counterpart::Absent,
            patch: to_json(patch.clone()),
            ..CustomerSeed::default()
        });
        account.customers = made.collect();
    }
    for organisation in &mut seed.xero.organisations {
        organisation.contacts = contacts.iter().cloned().map(to_json).collect();
    }
    seed
}

/// Id of the n-th contact of a test.
pub(crate) fn id(n: u32) -> String {
    format!("cccccccc-0000-4000-8000-{n:012}")
}

pub(crate) fn contact(n: u32, name: &str, mut patch: Value) -> Value {
    patch["ContactID"] = json!(id(n));
    patch["Name"] = json!(name);
    patch
}

/// Writes the mapping of customers differently.
fn rewrite(deployment: &mut Deployment, from: &str, to: &str) {
    let file = &mut deployment
        .mappings
        .get_mut("cin7-omni/customers")
        .unwrap()
        .file;
    assert!(file.text.contains(from));
    *file = SourceFile {
        text: file.text.replace(from, to).into(),
        ..file.clone()
    };
}

pub(crate) async fn questions(stage: &Stage) -> Vec<Question> {
    match stage.ask(Request::LinkQuestions).await {
        Answer::Questions(it) => it,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn link(
    stage: &Stage,
    answers: &[(u32, LinkTo)],
) -> (u64, Vec<(EntryId, String)>, u64) {
    let answers = answers
        .iter()
        .map(|(customer, to)| LinkAnswer {
            id: EntryId::new(CUSTOMERS, customer.to_string()),
            to: to.clone(),
        })
        .collect();
    match stage.ask(Request::Link { answers }).await {
        Answer::Linked {
            linked,
            refused,
            woken,
        } => (linked, refused, woken),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn rules_go_from_certain_to_less_certain() {
    let customers = [
        (
            "Alpha",
            json!({ "accountingIntegrationId": { "xero": id(1) } }),
        ),
        ("Beta", json!({ "accountNumber": "ACB" })),
        ("Gamma", json!({ "accountNumber": "ACG" })),
        ("Delta", json!({ "accountNumber": "ACD" })),
        ("Epsilon", json!({})),
        ("Zeta", json!({})),
        ("Eta", json!({ "billingEmail": "shared@mail.example" })),
    ];
    let contacts = [
        // The id that Omni keeps goes before the Contact Code.
        contact(1, "Alpha, renamed", json!({})),
        contact(2, "Alpha", json!({ "ContactNumber": "OMNI-1001" })),
        // The Contact Code before the account number.
        contact(3, "Beta of old", json!({ "ContactNumber": "OMNI-1002" })),
        contact(4, "Beta", json!({ "AccountNumber": "ACB" })),
        // Two share an account number: the one whose name agrees.
        contact(5, "Somebody", json!({ "AccountNumber": "ACG" })),
        contact(6, "Gamma", json!({ "AccountNumber": "ACG" })),
        // An account number alone is not enough.
        contact(7, "Not Delta", json!({ "AccountNumber": "ACD" })),
        // A name whatever its case, but in use.
        contact(8, "EPSILON", json!({})),
        contact(9, "Zeta", json!({ "ContactStatus": "ARCHIVED" })),
        // An e-mail address only suggests.
        contact(
            10,
            "Shared office",
            json!({ "EmailAddress": "shared@mail.example" }),
        ),
    ];
    let stage = Stage::new(world(&customers, &contacts)).await;
    for (at, (company, _)) in customers.iter().enumerate() {
        let at = at as i64;
        stage.put(note(
            10 + at,
            json!({ "memberId": 1001 + at, "company": company }),
        ));
    }
    stage.sync().await;
    for (serial, contact) in [(10, 1), (11, 3), (12, 6), (14, 8)] {
        stage.assert_arrived(serial).await;
        assert_eq!(
            stage.xero_note(serial)["ContactID"],
            id(contact),
            "{serial}"
        );
    }
    let asked: Vec<(String, Vec<String>)> = questions(&stage)
        .await
        .into_iter()
        .map(|it| {
            (
                it.id.source,
                it.entry.candidates.into_iter().map(|it| it.id).collect(),
            )
        })
        .collect();
    assert_eq!(
        asked,
        [
            ("1004".to_owned(), vec![id(7)]),
            ("1006".to_owned(), vec![]),
            ("1007".to_owned(), vec![id(10)]),
        ]
    );
    for serial in [13, 15, 16] {
        let party = customers[serial as usize - 10].0;
        stage.assert_stopped(serial, State::Waiting, party).await;
    }

    // The stored link goes before everything: neither name nor numbers are looked at again.
    stage.change_xero(
        "contacts",
        &id(8),
        json!({ "Name": "Epsilon Holdings", "AccountNumber": "X" }),
    );
    stage.put(note(20, json!({ "memberId": 1005 })));
    stage.pass(std::time::Duration::from_secs(20 * 60)).await;
    stage.next().await;
    assert_eq!(stage.xero_note(20)["ContactID"], id(8));
    // Documents carry the contact's id and nothing else of it.
    for call in stage.world.calls().iter().filter(|it| it.method == "PUT") {
        let body: Value = serde_json::from_str(&call.body).unwrap();
        for note in body["CreditNotes"].as_array().into_iter().flatten() {
            let fields: Vec<&String> = note["Contact"].as_object().unwrap().keys().collect();
            assert_eq!(fields, ["ContactID"], "{note}");
        }
    }
    assert_eq!(stage.xero_contact("Epsilon Holdings")["AccountNumber"], "X");
}

#[tokio::test(start_paused = true)]
async fn why_it_is_a_question_is_told_apart() {
    let customers = [
        ("Blue Gum", json!({ "accountNumber": "BG" })),
        ("Old Wharf", json!({ "accountNumber": "OW" })),
        ("Twice Gone", json!({ "accountNumber": "TG" })),
        ("Nobody", json!({})),
    ];
    let archived = |number: &str| json!({ "AccountNumber": number, "ContactStatus": "ARCHIVED" });
    let contacts = [
        contact(1, "Blue Gum Pty Ltd", json!({ "AccountNumber": "BG" })),
        contact(2, "Blue Gum (Sydney)", json!({ "AccountNumber": "BG" })),
        contact(3, "Old Wharf", archived("OW")),
        contact(4, "Twice Gone", archived("TG")),
        contact(5, "Twice Gone Too", archived("TG")),
    ];
    // As an integrator may write it: the account number alone, whatever the name.
    let stage = Stage::with(world(&customers, &contacts), |it| {
        let agree = r#"agree = [{ source = "cin7_omni::contact_name", target = ".Name" }]"#;
        rewrite(it, agree, "");
    })
    .await;
    for at in 0..4 {
        stage.put(note(10 + at, json!({ "memberId": 1001 + at })));
    }
    stage.sync().await;
    let wanted = [
        (1001, "2 in Xero may be meant", "one of the candidates", 2),
        (
            1002,
            "the only one in Xero that matches, Old Wharf, is out of use",
            "Restore",
            1,
        ),
        (1003, "all in Xero that match are out of use", "Restore", 2),
        (1004, "nothing in Xero matches it", "--create", 0),
    ];
    for (customer, cause, remedy, candidates) in wanted {
        let entry = stage.entry(&format!("{CUSTOMERS}/{customer}")).await;
        let problem = entry.problem.expect("a problem");
        assert!(problem.cause.contains(cause), "{problem:?}");
        assert!(problem.remedy.contains(remedy), "{problem:?}");
        assert_eq!(problem.category, Category::Contact);
        assert_eq!(entry.candidates.len(), candidates, "{problem:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_customers_do_not_share_a_contact() {
    let customers = [
        ("Alpha", json!({})),
        ("alpha ", json!({})),
        ("Beta", json!({})),
    ];
    let stage = Stage::new(world(&customers, &[contact(1, "Alpha", json!({}))])).await;
    for at in 0..3 {
        stage.put(note(10 + at, json!({ "memberId": 1001 + at })));
    }
    stage.sync().await;
    stage.assert_arrived(10).await;
    let second = stage.entry(&format!("{CUSTOMERS}/1002")).await;
    assert_eq!(second.state, State::Warning);
    let problem = second.problem.expect("a problem");
    assert!(
        problem.cause.contains("stands for omni-customers/1001"),
        "{problem:?}"
    );
    stage.assert_stopped(11, State::Waiting, "already").await;
    // Nor by hand, nor for somebody who asks later.
    let (linked, refused, _) = link(
        &stage,
        &[(1002, LinkTo::Target(id(1))), (1003, LinkTo::Target(id(1)))],
    )
    .await;
    assert_eq!((linked, refused.len()), (0, 2), "{refused:?}");
    assert!(refused[0].1.contains("omni-customers/1001"), "{refused:?}");
    stage.next().await;
    assert_eq!(stage.xero_numbers(), ["10 CRN-10"]);
}

#[tokio::test(start_paused = true)]
async fn where_the_mapping_says_so_they_do() {
    // Read by the mapping's own words: `unique = false`.
    let customers = [("Alpha", json!({})), ("alpha ", json!({}))];
    let stage = Stage::with(world(&customers, &[contact(1, "Alpha", json!({}))]), |it| {
        rewrite(it, "unique = true", "unique = false");
    })
    .await;
    stage.put(note(10, json!({})));
    stage.put(note(11, json!({ "memberId": 1002 })));
    stage.sync().await;
    for serial in [10, 11] {
        stage.assert_arrived(serial).await;
        assert_eq!(stage.xero_note(serial)["ContactID"], id(1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_merged_contact_is_followed() {
    // Merged before the link is made.
    let stage = Stage::new(seed(&[("Fernhill Living", Counterpart::Merged)])).await;
    stage.put(note(7, json!({})));
    stage.sync().await;
    stage.assert_arrived(7).await;
    let group = stage.xero_contact("Fernhill Living Group")["ContactID"].clone();
    assert_eq!(stage.xero_note(7)["ContactID"], group);

    // And afterwards.
    let stage = Stage::new(world(
        &[("Alpha", json!({}))],
        &[
            contact(1, "Alpha", json!({})),
            contact(2, "Alpha Group", json!({})),
        ],
    ))
    .await;
    stage.put(note(7, json!({})));
    stage.sync().await;
    assert_eq!(stage.xero_note(7)["ContactID"], id(1));
    stage.change_xero("contacts", &id(1), json!({ "MergedToContactID": id(2) }));
    stage.put(note(8, json!({})));
    stage.pass(std::time::Duration::from_secs(20 * 60)).await;
    stage.next().await;
    stage.assert_arrived(8).await;
    assert_eq!(stage.xero_note(8)["ContactID"], id(2));
    let link = stage
        .entry(&format!("{CUSTOMERS}/1001"))
        .await
        .held
        .expect("a link");
    assert_eq!(link.id, id(2), "the link moved");
}

#[tokio::test(start_paused = true)]
async fn an_archived_contact_stops_with_its_remedy_and_goes_after_the_mend() {
    let stage = Stage::new(seed(&[("Old Wharf Store", Counterpart::Archived)])).await;
    stage.put(note(7, json!({})));
    stage.put(note(8, json!({})));
    stage.sync().await;
    let asked = questions(&stage).await;
    assert_eq!((asked.len(), asked[0].waiting.count), (1, 2));
    let problem = asked[0].entry.problem.clone().expect("a problem");
    assert!(
        problem
            .cause
            .contains("the only one in Xero that matches, Old Wharf Store"),
        "{problem:?}"
    );
    assert!(
        problem.remedy.contains("Restore") && problem.remedy.contains("retry"),
        "{problem:?}"
    );
    assert_eq!(stage.writing_calls(), 0);

    let archived = stage.xero_contact("Old Wharf Store")["ContactID"]
        .as_str()
        .unwrap()
        .to_owned();
    stage.change_xero("contacts", &archived, json!({ "ContactStatus": "ACTIVE" }));
    stage.retry(CUSTOMERS).await;
    stage.next().await;
    stage.assert_arrived(7).await;
    stage.assert_arrived(8).await;
    assert_eq!(stage.xero_note(7)["ContactID"], archived);

    // Archived once more, while it is linked.
    stage.change_xero(
        "contacts",
        &archived,
        json!({ "ContactStatus": "ARCHIVED" }),
    );
    stage.put(note(9, json!({})));
    stage.pass(std::time::Duration::from_secs(20 * 60)).await;
    stage.next().await;
    stage.assert_stopped(9, State::Waiting, "out of use").await;
    assert_eq!(questions(&stage).await.len(), 1, "it is a question again");
    stage.change_xero("contacts", &archived, json!({ "ContactStatus": "ACTIVE" }));
    stage.retry(CUSTOMERS).await;
    stage.next().await;
    stage.assert_arrived(9).await;
}

#[tokio::test(start_paused = true)]
async fn a_credit_note_of_a_supplier_waits_and_says_so() {
    let customers = [("Parts Pty Ltd", json!({ "type": "Supplier" }))];
    let stage = Stage::new(world(&customers, &[])).await;
    stage.put(note(7, json!({})));
    stage.sync().await;
    let entry = stage.note_entry(7).await;
    assert_eq!(entry.state, State::Waiting, "{:?}", entry.problem);
    assert_eq!(stage.writing_calls(), 0);
}
