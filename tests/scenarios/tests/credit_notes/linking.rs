//! A person says who a customer is: one row for all its documents, one by one or in bulk, or a new
//! contact. Only customers with a waiting document are asked about.

use ledgerline::{
    operate::{Answer, LinkTo, Request},
    store::State,
};
use ledgerline_plugin_api::manifest::Category;
use sandbox::seed::Counterpart;
use scenarios::{
    Stage,
    books::{ACCOUNT, CUSTOMERS, NOTES, dec, note, seed},
};
use serde_json::json;

use crate::contacts::{contact, id, link, questions, world};

#[tokio::test(start_paused = true)]
async fn several_are_one_question_for_all_documents() {
    let stage = Stage::new(seed(&[("Blue Gum Trading", Counterpart::Ambiguous)])).await;
    for serial in 1..13 {
        stage.put(note(serial, json!({})));
    }
    stage.sync().await;
    assert_eq!(stage.writing_calls(), 0);
    let asked = questions(&stage).await;
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].waiting.count, 12);
    assert_eq!(asked[0].waiting.money["AUD"], dec("528"));
    assert_eq!(asked[0].entry.candidates.len(), 2);
    let problem = asked[0].entry.problem.clone().expect("a problem");
    assert!(
        problem
            .cause
            .contains("nothing in Xero matches it for certain"),
        "{problem:?}"
    );
    assert_eq!(problem.category, Category::Contact);
    // In the status it is one row, too.
    let groups = stage.engine.store().groups(&[NOTES.to_owned()]).unwrap();
    assert_eq!((groups.len(), groups[0].tally.count), (1, 12));

    // Linked one by one.
    let chosen = asked[0].entry.candidates[1].id.clone();
    let (linked, refused, woken) = link(&stage, &[(1001, LinkTo::Target(chosen.clone()))]).await;
    assert_eq!((linked, refused.len(), woken), (1, 0, 12));
    let report = stage.next().await;
    for serial in 1..13 {
        stage.assert_arrived(serial).await;
        assert_eq!(stage.xero_note(serial)["ContactID"], chosen);
    }
    assert_eq!(report.calls["xero-au"].writing, 1, "all in one call");
    assert!(questions(&stage).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn answers_in_bulk() {
    let customers = [
        ("Alpha", json!({})),
        ("Beta", json!({})),
        ("Gamma", json!({})),
        ("Delta", json!({})),
    ];
    let contacts = [contact(1, "Alpha Pty Ltd", json!({}))];
    let stage = Stage::new(world(&customers, &contacts)).await;
    for at in 0..4 {
        stage.put(note(10 + at, json!({ "memberId": 1001 + at })));
    }
    stage.sync().await;
    assert_eq!(questions(&stage).await.len(), 4);
    let answers = [
        (1001, LinkTo::Target(id(1).to_uppercase())),
        (1002, LinkTo::Create),
        (1003, LinkTo::Target(id(99))),
        (1009, LinkTo::Create),
    ];
    let (linked, refused, woken) = link(&stage, &answers).await;
    assert_eq!((linked, woken), (2, 2));
    let refused: Vec<String> = refused
        .into_iter()
        .map(|(id, why)| format!("{id}: {why}"))
        .collect();
    assert_eq!(refused.len(), 2, "{refused:?}");
    assert!(
        refused[0].contains("1003") && refused[0].contains("holds no contact"),
        "{refused:?}"
    );
    stage.next().await;
    stage.assert_arrived(10).await;
    stage.assert_arrived(11).await;
    assert_eq!(stage.xero_note(10)["ContactID"], id(1));
    assert_eq!(
        stage.xero_note(11)["ContactID"],
        stage.xero_contact("Beta")["ContactID"]
    );
    let open: Vec<String> = questions(&stage)
        .await
        .into_iter()
        .map(|it| it.id.source)
        .collect();
    assert_eq!(open, ["1003", "1004"], "unanswered ones stay open");
}

#[tokio::test(start_paused = true)]
async fn what_a_rule_suggests_alone_can_be_confirmed_together() {
    let customers = [
        ("Alpha", json!({ "accountNumber": "A1" })),
        (
            "Beta",
            json!({ "billingEmail": "", "email": "b@beta.example" }),
        ),
        ("Gamma", json!({ "accountNumber": "G1" })),
        ("Delta", json!({ "accountNumber": "D1" })),
        ("Delta Two", json!({ "accountNumber": "D1" })),
        ("Omega", json!({})),
    ];
    let contacts = [
        contact(1, "Alpha Trading", json!({ "AccountNumber": "A1" })),
        contact(2, "B", json!({ "EmailAddress": "b@beta.example" })),
        contact(3, "Gamma One", json!({ "AccountNumber": "G1" })),
        contact(4, "Gamma Two", json!({ "AccountNumber": "G1" })),
        contact(5, "D", json!({ "AccountNumber": "D1" })),
    ];
    let stage = Stage::new(world(&customers, &contacts)).await;
    for at in 0..6 {
        stage.put(note(10 + at, json!({ "memberId": 1001 + at })));
    }
    stage.sync().await;
    assert_eq!(questions(&stage).await.len(), 6);
    let links = match stage.ask(Request::LinkSuggested).await {
        Answer::Suggested(it) => it,
        other => panic!("{other:?}"),
    };
    let [(question, candidate)] = links.certain.as_slice() else {
        panic!("{links:?}");
    };
    assert_eq!(
        (question.id.source.as_str(), &candidate.id),
        ("1001", &id(1))
    );
    assert!(candidate.why.contains("account number"), "{candidate:?}");
    let mut left: Vec<(&str, &str)> = links
        .left
        .iter()
        .map(|(it, why)| (it.id.source.as_str(), why.as_str()))
        .collect();
    left.sort_unstable();
    let reasons = [
        ("1002", "only suggested, by the same e-mail address"),
        ("1003", "2 may be meant"),
        ("1004", "suggested for others, too"),
        ("1005", "suggested for others, too"),
        ("1006", "nothing is suggested"),
    ];
    assert_eq!(left.len(), reasons.len(), "{left:?}");
    for ((id, why), (wanted, words)) in left.iter().zip(reasons) {
        assert!(*id == wanted && why.contains(words), "{id}: {why}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_contact_is_made_when_asked_for_with_one_e_mail_address() {
    let customers = [
        (
            "Alpha",
            json!({ "accountNumber": "A1", "billingEmail": "accounts@alpha.example", "email": "jo@alpha.example" }),
        ),
        (
            "Beta",
            json!({ "billingEmail": "", "email": "a@beta.example; b@beta.example" }),
        ),
    ];
    let stage = Stage::new(world(&customers, &[])).await;
    stage.put(note(10, json!({})));
    stage.put(note(11, json!({ "memberId": 1002 })));
    stage.sync().await;
    assert_eq!(stage.writing_calls(), 0, "nobody is made unasked");
    link(&stage, &[(1001, LinkTo::Create), (1002, LinkTo::Create)]).await;
    stage.next().await;
    stage.assert_arrived(10).await;
    stage.assert_arrived(11).await;
    let alpha = stage.xero_contact("Alpha");
    assert_eq!(
        alpha["EmailAddress"], "accounts@alpha.example",
        "accounts first"
    );
    assert_eq!(alpha["ContactNumber"], "OMNI-1001");
    assert_eq!(alpha["AccountNumber"], "A1");
    assert_eq!(
        stage.xero_contact("Beta")["EmailAddress"],
        "a@beta.example",
        "else any other, only one"
    );
    assert!(!alpha.to_string().contains("PaymentTerms"));

    // A changed name is never pushed afterwards.
    let omni = stage.world.omni(ACCOUNT);
    omni.edit("Contacts", "1001", json!({ "company": "Alpha Two" }))
        .unwrap();
    stage.put(note(12, json!({})));
    stage.next().await;
    stage.assert_arrived(12).await;
    assert_eq!(stage.xero_contact("Alpha")["ContactID"], alpha["ContactID"]);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_asked_about_customers_without_a_waiting_document() {
    let customers = [
        ("Alpha", json!({})),
        ("Beta", json!({})),
        ("Gamma", json!({})),
    ];
    let stage = Stage::new(world(&customers, &[contact(1, "Gamma", json!({}))])).await;
    stage.put(note(10, json!({ "memberId": 1002 })));
    // Not approved: it does not wait, so its customer is not asked about.
    stage.put(note(
        11,
        json!({ "memberId": 1001, "status": "DRAFT", "isApproved": false }),
    ));
    stage.sync().await;
    let asked: Vec<String> = questions(&stage)
        .await
        .into_iter()
        .map(|it| it.id.source)
        .collect();
    assert_eq!(asked, ["1002"]);
    assert_eq!(
        stage.ids(CUSTOMERS, State::Excluded).await,
        ["1001", "1003"]
    );

    stage.change(11, json!({ "status": "APPROVED", "isApproved": true }));
    stage.next().await;
    let mut asked: Vec<String> = questions(&stage)
        .await
        .into_iter()
        .map(|it| it.id.source)
        .collect();
    asked.sort();
    assert_eq!(asked, ["1001", "1002"]);
}
