//! What changes of a customer in Omni follows into Xero only where the route says so, field by field,
//! and never over the bookkeeper's own change.

use ledgerline::{config::Deployment, operate::LinkTo, store::State};
use sandbox::calls::{Call, CallKind};
use scenarios::{
    Stage,
    books::{ACCOUNT, CUSTOMERS, note},
};
use serde_json::{Value, json};

use crate::contacts::{contact, id, link, questions, world};

fn push(deployment: &mut Deployment) {
    let route = deployment.routes.get_mut(CUSTOMERS).unwrap();
    route.push_changes = vec!["Name".to_owned(), "EmailAddress".to_owned()];
}

/// Known in Xero by its id, under another name than in Omni.
fn alpha() -> sandbox::Seed {
    let customer = json!({
        "accountingIntegrationId": { "xero": id(1) }, "billingEmail": "old@alpha.example",
    });
    let there = json!({ "EmailAddress": "old@alpha.example", "AccountNumber": "A1" });
    world(
        &[("Alpha", customer)],
        &[contact(1, "Alpha Pty Ltd", there)],
    )
}

/// The customer is linked, and its fields follow from now on.
async fn linked() -> Stage {
    let stage = Stage::with(alpha(), push).await;
    stage.put(note(10, json!({})));
    stage.sync().await;
    stage
}

/// Somebody changes the customer in Omni.
async fn change(stage: &Stage, patch: Value) {
    stage
        .world
        .omni(ACCOUNT)
        .edit("Contacts", "1001", patch)
        .expect("the customer is there");
    stage.pass(std::time::Duration::from_secs(300)).await;
    stage.next().await;
}

/// Calls that changed contacts, without those that made one.
fn changes(stage: &Stage) -> Vec<Value> {
    let writes = |it: &Call| it.kind == CallKind::Writing && it.method == "POST";
    let calls = stage.world.calls();
    let found = calls
        .iter()
        .filter(|it| writes(it) && it.target.contains("/Contacts"));
    found
        .map(|it| serde_json::from_str(&it.body).expect("JSON"))
        .collect()
}

/// The contact as Xero holds it.
fn there(stage: &Stage) -> Value {
    let contacts = stage.world.xero(scenarios::books::ORGANISATION).contacts();
    let found = contacts.into_iter().find(|it| it["ContactID"] == id(1));
    found.expect("the contact")
}

#[tokio::test(start_paused = true)]
async fn a_field_that_only_omni_changed_follows_alone() {
    let stage = linked().await;
    stage.assert_arrived(10).await;
    assert_eq!(
        changes(&stage),
        Vec::<Value>::new(),
        "nothing at first sight"
    );

    change(&stage, json!({ "billingEmail": "new@alpha.example" })).await;
    let contact = there(&stage);
    assert_eq!(contact["EmailAddress"], "new@alpha.example");
    // It was always written differently there, and nobody changed it.
    assert_eq!(contact["Name"], "Alpha Pty Ltd");
    let body = json!({ "Contacts": [{ "ContactID": id(1), "EmailAddress": "new@alpha.example" }] });
    assert_eq!(changes(&stage), [body]);

    change(&stage, json!({ "company": "Alpha Group" })).await;
    assert_eq!(there(&stage)["Name"], "Alpha Group");
    assert_eq!(there(&stage)["AccountNumber"], "A1");
    assert_eq!(changes(&stage).len(), 2);
    // A change of something else costs no call, and found contacts do not become ours.
    change(
        &stage,
        json!({ "phone": "02 9000 0000", "accountNumber": "B2" }),
    )
    .await;
    assert_eq!(changes(&stage).len(), 2);
    let entry = stage.entry(&format!("{CUSTOMERS}/1001")).await;
    assert_eq!(entry.state, State::Synced);
    assert!(entry.held.expect("a link").adopted);
}

#[tokio::test(start_paused = true)]
async fn changed_on_both_sides_is_a_question_and_documents_go_on() {
    let stage = linked().await;
    stage.change_xero("contacts", &id(1), json!({ "Name": "Alpha (new owner)" }));
    change(&stage, json!({ "company": "Alpha Group" })).await;
    assert_eq!(there(&stage)["Name"], "Alpha (new owner)");
    assert_eq!(changes(&stage), Vec::<Value>::new());
    let asked = questions(&stage).await;
    assert_eq!(asked.len(), 1);
    let problem = asked[0].entry.problem.clone().expect("a problem");
    for words in ["Name", "Alpha (new owner)", "Alpha Group"] {
        assert!(problem.cause.contains(words), "{problem:?}");
    }
    assert!(problem.remedy.contains(&id(1)), "{problem:?}");
    stage.put(note(11, json!({})));
    stage.next().await;
    stage.assert_arrived(11).await;

    // Xero's name stays, and the next change of it in Omni is one on one side again.
    let (linked, refused, _) = link(&stage, &[(1001, LinkTo::Target(id(1)))]).await;
    assert_eq!((linked, refused.len()), (1, 0), "{refused:?}");
    stage.next().await;
    assert!(questions(&stage).await.is_empty());
    assert_eq!(there(&stage)["Name"], "Alpha (new owner)");
    change(&stage, json!({ "company": "Alpha Holdings" })).await;
    assert_eq!(there(&stage)["Name"], "Alpha Holdings");
}

#[tokio::test(start_paused = true)]
async fn an_archived_contact_is_not_changed() {
    let stage = linked().await;
    stage.change_xero("contacts", &id(1), json!({ "ContactStatus": "ARCHIVED" }));
    change(&stage, json!({ "company": "Alpha Group" })).await;
    assert_eq!(there(&stage)["Name"], "Alpha Pty Ltd");
    assert_eq!(changes(&stage), Vec::<Value>::new());
    assert!(questions(&stage).await.is_empty(), "nobody is asked");
    // Restored, it gets what was missed with the next change.
    stage.change_xero("contacts", &id(1), json!({ "ContactStatus": "ACTIVE" }));
    change(&stage, json!({ "billingEmail": "new@alpha.example" })).await;
    assert_eq!(there(&stage)["Name"], "Alpha Group");
    assert_eq!(there(&stage)["EmailAddress"], "new@alpha.example");
}

#[tokio::test(start_paused = true)]
async fn without_the_key_nothing_is_changed() {
    let mut customers = vec![("Alpha", json!({}))];
    customers.push(("Beta", json!({})));
    let stage = Stage::new(world(&customers, &[contact(1, "Alpha", json!({}))])).await;
    stage.put(note(10, json!({})));
    stage.put(note(11, json!({ "memberId": 1002 })));
    stage.sync().await;
    link(&stage, &[(1002, LinkTo::Create)]).await;
    stage.next().await;
    stage.assert_arrived(11).await;
    let patch = json!({ "company": "Renamed", "billingEmail": "new@mail.example" });
    for customer in ["1001", "1002"] {
        let omni = stage.world.omni(ACCOUNT);
        omni.edit("Contacts", customer, patch.clone()).unwrap();
    }
    stage.pass(std::time::Duration::from_secs(300)).await;
    stage.next().await;
    assert_eq!(changes(&stage), Vec::<Value>::new());
    stage.xero_contact("Alpha");
    stage.xero_contact("Beta");
    for customer in [1001, 1002] {
        let entry = stage.entry(&format!("{CUSTOMERS}/{customer}")).await;
        assert_eq!(entry.state, State::Synced, "{:?}", entry.problem);
    }
}

#[tokio::test(start_paused = true)]
async fn links_from_before_the_key_and_contacts_made_here_follow() {
    let customers = [("Alpha", json!({})), ("Beta", json!({}))];
    let stage = Stage::new(world(&customers, &[contact(1, "Alpha", json!({}))])).await;
    stage.put(note(10, json!({})));
    stage.put(note(11, json!({ "memberId": 1002 })));
    stage.sync().await;
    link(&stage, &[(1002, LinkTo::Create)]).await;
    stage.next().await;
    let stage = stage.restart_with(push).await;
    stage.next().await;
    assert_eq!(changes(&stage), Vec::<Value>::new());
    let omni = stage.world.omni(ACCOUNT);
    for (customer, name) in [("1001", "Alpha Group"), ("1002", "Beta Group")] {
        omni.edit("Contacts", customer, json!({ "company": name }))
            .unwrap();
    }
    stage.pass(std::time::Duration::from_secs(300)).await;
    stage.next().await;
    stage.xero_contact("Alpha Group");
    stage.xero_contact("Beta Group");
    assert_eq!(changes(&stage).len(), 1, "one call for both");
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "`BankAccountDetails` of a contact is never pushed")]
async fn bank_details_are_refused() {
    Stage::with(alpha(), |it| {
        let route = it.routes.get_mut(CUSTOMERS).unwrap();
        route.push_changes = vec!["BankAccountDetails".to_owned()];
    })
    .await;
}
