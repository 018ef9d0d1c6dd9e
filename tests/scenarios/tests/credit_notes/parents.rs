//! Who is billed: where the route says so, documents of a branch go to the contact of its head office.

use ledgerline::{config::Deployment, operate::LinkTo, store::State};
use scenarios::{
    Stage,
    books::{ACCOUNT, CUSTOMERS, note},
};
use serde_json::{Value, json};

use crate::contacts::{contact, id, link, questions, world};

fn bill_to_parent(deployment: &mut Deployment) {
    let route = deployment.routes.get_mut(CUSTOMERS).unwrap();
    route
        .options
        .insert("bill-to-parent".to_owned(), json!(true));
}

fn billed(parent: i64) -> Value {
    json!({ "billingId": parent })
}

#[tokio::test(start_paused = true)]
async fn a_branch_needs_no_contact_of_its_own() {
    let customers = [
        ("North Branch", billed(1002)),
        ("Region", billed(1003)),
        ("Head Office", json!({})),
        ("South Branch", billed(1003)),
    ];
    // The south branch has a contact in Xero, too.
    let contacts = [
        contact(1, "Head Office", json!({})),
        contact(2, "South Branch", json!({})),
    ];
    let stage = Stage::with(world(&customers, &contacts), bill_to_parent).await;
    for (serial, customer) in [(10, 1001), (11, 1002), (12, 1003), (13, 1004)] {
        stage.put(note(serial, json!({ "memberId": customer })));
    }
    stage.sync().await;
    for serial in 10..14 {
        stage.assert_arrived(serial).await;
        assert_eq!(stage.xero_note(serial)["ContactID"], id(1), "{serial}");
    }
    for customer in [1001, 1002, 1004] {
        let entry = stage.entry(&format!("{CUSTOMERS}/{customer}")).await;
        assert_eq!(entry.state, State::Excluded, "{customer}");
        assert_eq!(entry.held, None, "{customer}");
    }
}

#[tokio::test(start_paused = true)]
async fn unless_the_route_says_so_a_branch_is_itself() {
    let customers = [("North Branch", billed(1002)), ("Head Office", json!({}))];
    let contacts = [
        contact(1, "Head Office", json!({})),
        contact(2, "North Branch", json!({})),
    ];
    let stage = Stage::new(world(&customers, &contacts)).await;
    stage.put(note(10, json!({})));
    stage.sync().await;
    stage.assert_arrived(10).await;
    assert_eq!(stage.xero_note(10)["ContactID"], id(2));
}

#[tokio::test(start_paused = true)]
async fn the_question_is_about_who_is_billed() {
    let customers = [("North Branch", billed(1002)), ("Head Office", json!({}))];
    let contacts = [contact(1, "Quite another name", json!({}))];
    let stage = Stage::with(world(&customers, &contacts), bill_to_parent).await;
    stage.put(note(10, json!({})));
    stage.sync().await;
    let asked = questions(&stage).await;
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].id.source, "1002");
    assert_eq!(asked[0].waiting.count, 1);
    let (linked, _, woken) = link(&stage, &[(1002, LinkTo::Target(id(1)))]).await;
    assert_eq!((linked, woken), (1, 1));
    stage.next().await;
    stage.assert_arrived(10).await;
    assert_eq!(stage.xero_note(10)["ContactID"], id(1));
}

#[tokio::test(start_paused = true)]
async fn a_circle_is_told_and_goes_on_after_the_mend() {
    let customers = [
        ("North Branch", billed(1002)),
        ("Region", billed(1003)),
        ("Head Office", billed(1002)),
    ];
    let contacts = [contact(1, "Region", json!({}))];
    let stage = Stage::with(world(&customers, &contacts), bill_to_parent).await;
    stage.put(note(10, json!({})));
    stage.put(note(11, json!({ "memberId": 1003 })));
    stage.sync().await;
    stage
        .assert_stopped(
            10,
            State::Waiting,
            "Region (1002) → Head Office (1003) → Region",
        )
        .await;
    stage
        .assert_stopped(11, State::Waiting, "a circle: Head Office (1003) → Region")
        .await;
    // Both are one cause.
    let cause = |it: ledgerline::store::Entry| it.cause.expect("a cause").key;
    assert_eq!(
        cause(stage.note_entry(10).await),
        cause(stage.note_entry(11).await)
    );
    assert_eq!(stage.writing_calls(), 0);

    stage
        .world
        .omni(ACCOUNT)
        .edit("Contacts", "1002", billed(0))
        .expect("the customer is there");
    stage.pass(std::time::Duration::from_secs(300)).await;
    stage.next().await;
    for serial in [10, 11] {
        stage.assert_arrived(serial).await;
        assert_eq!(stage.xero_note(serial)["ContactID"], id(1));
    }
}
