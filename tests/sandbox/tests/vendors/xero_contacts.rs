//! Contacts: names, numbers, archives and lists.

use serde_json::{Value, json};

use crate::support::{TENANT, Xero, messages, small, value};

fn put(xero: &Xero, contact: &Value) -> Value {
    let body = json!({ "Contacts": [contact] });
    value(&xero.send("PUT", "Contacts?summarizeErrors=false", &body))["Contacts"][0].clone()
}

#[test]
fn names_and_numbers_are_unique() {
    let world = small();
    let xero = Xero::new(&world);
    let first = put(&xero, &json!({ "Name": "Beta Ltd", "ContactNumber": "B1" }));
    assert_eq!(first["StatusAttributeString"], "OK");
    let cases = [
        (
            json!({ "Name": "ACME LTD" }),
            "The contact name ACME LTD is already assigned to another contact. The contact name must be unique across all active contacts.",
        ),
        (
            json!({ "Name": "Gamma Ltd", "ContactNumber": "b1" }),
            "Another contact has this contact number. Please enter a different contact number.",
        ),
        (
            json!({ "Name": "Delta", "EmailAddress": "a@x.example; b@x.example" }),
            "Email address must be valid.",
        ),
        (
            json!({ "Name": "Delta", "ContactStatus": "ARCHIVED" }),
            "The status 'ARCHIVED' is not valid for contacts",
        ),
        (
            json!({ "Name": "Delta", "ContactPersons": [{ "FirstName": "A" }] }),
            "Additional people cannot be added when the primary person has no email address set.",
        ),
    ];
    for (contact, text) in cases {
        let element = put(&xero, &contact);
        assert_eq!(messages(&element, "ValidationErrors"), [text], "{contact}");
        assert_eq!(element["ContactID"], "00000000-0000-0000-0000-000000000000");
    }
    // An archived contact's name is free again.
    assert_eq!(
        put(&xero, &json!({ "Name": "Gone Ltd" }))["StatusAttributeString"],
        "OK"
    );
}

#[test]
fn posting_updates_by_id_number_or_name_and_keeps_the_rest() {
    let world = small();
    let xero = Xero::new(&world);
    let before = world.xero(TENANT).contacts().len();
    let body = json!({ "Contacts": [{ "Name": "Acme Ltd", "ContactNumber": "A9" }] });
    let reply = value(&xero.send("POST", "Contacts", &body));
    assert_eq!(reply["Contacts"][0]["AccountNumber"], "AC1");
    assert_eq!(reply["Contacts"][0]["ContactNumber"], "A9");
    assert_eq!(world.xero(TENANT).contacts().len(), before);
    let found = value(&xero.get("Contacts/A9"));
    assert_eq!(found["Contacts"][0]["Name"], "Acme Ltd");

    let gone = xero.contact_id("Gone Ltd");
    let reply = xero.send(
        "POST",
        &format!("Contacts/{gone}"),
        &json!({ "FirstName": "X" }),
    );
    let element = value(&reply)["Elements"][0].clone();
    assert_eq!(
        messages(&element, "ValidationErrors"),
        [
            "The specified contact details matched an archived contact. Archived contacts cannot currently be edited via the API."
        ]
    );
}

#[test]
fn lists_hide_archived_ones_and_search() {
    let world = small();
    let xero = Xero::new(&world);
    let names = |target: &str| -> Vec<String> {
        let body = value(&xero.get(target));
        let items = body["Contacts"].as_array().cloned().unwrap();
        let mut names: Vec<_> = items
            .iter()
            .map(|it| it["Name"].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    };
    let holds = |target: &str, name: &str| names(target).contains(&name.to_owned());
    assert!(holds("Contacts", "Acme Ltd"));
    assert!(!holds("Contacts", "Gone Ltd"));
    assert!(holds("Contacts?includeArchived=true", "Gone Ltd"));
    assert_eq!(names("Contacts?searchTerm=ACME.ex"), ["Acme Ltd"]);
    assert_eq!(
        names("Contacts?where=Name%3D%3D%22acme%20ltd%22"),
        ["Acme Ltd"]
    );
    assert_eq!(
        names("Contacts?where=AccountNumber%3D%3D%22ac1%22"),
        ["Acme Ltd"]
    );
    assert_eq!(
        names(&format!("Contacts?IDs={}", xero.contact_id("Acme Ltd"))),
        ["Acme Ltd"]
    );
    let summary = value(&xero.get("Contacts?summaryOnly=true"));
    assert_eq!(
        summary["pagination"]["itemCount"], 7,
        "summaryOnly pages by itself"
    );
    assert_eq!(summary["Contacts"][0].get("IsCustomer"), None);
}

#[test]
fn a_document_can_create_or_edit_its_contact() {
    let world = small();
    let xero = Xero::new(&world);
    let mut note = xero.note("CN-1");
    note["Contact"] = json!({ "Name": "Made By Note" });
    assert_eq!(xero.put_note(&note)["StatusAttributeString"], "OK");
    let made = xero.contact_id("Made By Note");
    let held = value(&xero.get(&format!("Contacts/{made}")));
    assert_eq!(held["Contacts"][0]["IsCustomer"], true);

    let mut second = xero.note("CN-2");
    second["Contact"] = json!({ "ContactID": made, "EmailAddress": "new@x.example" });
    xero.put_note(&second);
    let held = value(&xero.get(&format!("Contacts/{made}")));
    assert_eq!(held["Contacts"][0]["EmailAddress"], "new@x.example");
    let remarks = &world.calls()[world.calls().len() - 2].remarks;
    assert!(remarks.contains(&"the document's Contact edits the contact".to_owned()));
}
