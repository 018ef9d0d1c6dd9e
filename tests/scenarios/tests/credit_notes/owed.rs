//! What linked customers owe and are owed, as Xero shows it: in `show` and `list`, with the time at which
//! it was read.

use ledgerline::{
    operate::{Answer, Balance, Request},
    store::Filter,
};
use scenarios::{
    Stage,
    books::{CUSTOMERS, dec, note},
};
use serde_json::json;

use crate::contacts::{contact, world};

async fn shown(stage: &Stage, customer: u32) -> Option<Balance> {
    let id = format!("{CUSTOMERS}/{customer}");
    let asked = Request::Show {
        id: id.parse().unwrap(),
    };
    let Answer::Entry(report) = stage.ask(asked).await else {
        panic!("no entry {id}");
    };
    let filter = Filter {
        routes: vec![CUSTOMERS.to_owned()],
        ..Filter::default()
    };
    let list = Request::List {
        filter,
        after: None,
        limit: 100,
    };
    let Answer::List { balances, .. } = stage.ask(list).await else {
        panic!("no list");
    };
    // Both say the same.
    assert_eq!(balances.get(&id), report.balance.as_ref());
    report.balance
}

#[tokio::test(start_paused = true)]
async fn balances_are_shown_with_their_time() {
    let customers = [("Alpha", json!({})), ("Beta", json!({}))];
    let contacts = [
        contact(1, "Alpha", json!({})),
        contact(2, "Beta", json!({})),
    ];
    let stage = Stage::with(world(&customers, &contacts), |it| {
        let route = it.routes.get_mut(scenarios::books::NOTES).unwrap();
        route
            .options
            .insert("status".to_owned(), json!("AUTHORISED"));
    })
    .await;
    stage.put(note(10, json!({})));
    stage.sync().await;
    stage.assert_arrived(10).await;
    assert_eq!(shown(&stage, 1001).await, None, "nothing was posted then");

    // Xero marks no contact as changed when a document of it is: the list is read anew once a day.
    stage.pass(std::time::Duration::from_secs(25 * 3600)).await;
    let before = stage.clock.now_ms();
    stage.put(note(11, json!({ "memberId": 1002 })));
    stage.next().await;
    let balance = shown(&stage, 1001).await.expect("a balance");
    // A credit note of 44.00 that nothing was paid with.
    assert_eq!(balance.owed_to_us, Some(dec("-44.00")));
    assert_eq!(balance.owed_by_us, Some(dec("0.00")));
    assert_eq!(balance.overdue, Some(dec("0.00")));
    assert!(balance.read_at >= before, "{balance:?}");
    assert!(balance.read_at <= stage.clock.now_ms(), "{balance:?}");
    // Posted after the list was read.
    assert_eq!(shown(&stage, 1002).await, None);
}
