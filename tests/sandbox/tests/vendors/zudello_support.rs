//! A team with books of its own, and a client that knows its key.

use sandbox::zudello::seed::TeamSeed;
use sandbox::{Reply, Request, Seed, World};
use serde_json::{Value, json};

use crate::support::{planted, value};

pub(crate) const TEAM: &str = "Roastery";
pub(crate) const KEY: &str = "eyJ-key";
const ORGANISATION: &str = "11111111-1111-4111-8111-111111111111";
const TEAM_UUID: &str = "22222222-2222-4222-8222-222222222222";

const WORLD: &str = r#"
    chance = 3

    [[xero.organisations]]
    name = "Roastery Pty Ltd"
    currencies = ["USD"]
    tracking = [
        { name = "Region", options = ["North", "South"] },
        { name = "Channel", options = ["Retail", "Online"] },
    ]

    [[zudello.teams]]
    organisation = "11111111-1111-4111-8111-111111111111"
    team = "22222222-2222-4222-8222-222222222222"
    name = "Roastery"
    keys = [{ key = "eyJ-key" }]
    books = "Roastery Pty Ltd"
    customers = [{ company = "Harbour Cafe", account-number = "HARB01", xero = "by-id" }]

    [zudello.teams.generate]
    contacts = 6
    credit-notes = 30
    others = 8
"#;

/// The seed, with changes to its team.
pub(crate) fn seed(change: impl FnOnce(&mut TeamSeed)) -> Seed {
    let mut seed = Seed::from_toml(WORLD).unwrap();
    change(&mut seed.zudello.teams[0]);
    seed
}

/// The same with more TOML for the team's credit notes.
pub(crate) fn with_notes(notes: &str) -> Zudello {
    let quiet = WORLD
        .replace("credit-notes = 30", "credit-notes = 0")
        .replace("others = 8", "others = 0");
    Zudello(planted(
        &Seed::from_toml(&format!("{quiet}\n{notes}")).unwrap(),
    ))
}

/// A world with one team, as the documentation assumes it.
pub(crate) fn usual() -> Zudello {
    changed(|_| {})
}

/// A world with one team that differs.
pub(crate) fn changed(change: impl FnOnce(&mut TeamSeed)) -> Zudello {
    Zudello(planted(&seed(change)))
}

/// Calls Zudello with the team's key.
pub(crate) struct Zudello(pub(crate) World);

impl Zudello {
    pub(crate) fn request(&self, method: &str, target: &str) -> Request {
        Request::new(method, &format!("/api/v1/{target}"))
            .header("Authorization", &format!("Bearer {KEY}"))
            .header("x-organization", ORGANISATION)
            .header("x-team", TEAM_UUID)
    }

    pub(crate) fn get(&self, target: &str) -> Reply {
        self.0.handle(&self.request("GET", target))
    }

    pub(crate) fn send(&self, method: &str, target: &str, body: &Value) -> Reply {
        let request = self
            .request(method, target)
            .header("Content-Type", "application/json")
            .body(body.to_string());
        self.0.handle(&request)
    }

    /// Asks for a status and an id, and answers with status and body.
    pub(crate) fn patch(&self, uuid: &str, body: &Value) -> (u16, Value) {
        let reply = self.send("PATCH", &format!("transactions/{uuid}"), body);
        (reply.status, value(&reply))
    }

    /// The rows of a list that answers in the usual envelope.
    pub(crate) fn rows(&self, target: &str) -> Vec<Value> {
        let reply = self.get(target);
        assert_eq!(reply.status, 200, "{}", reply.body_text());
        value(&reply)["results"].as_array().unwrap().clone()
    }

    /// The credit notes that wait, oldest change first.
    pub(crate) fn waiting(&self) -> Vec<Value> {
        self.rows(
            "transactions?module=SALES&submodule=CREDIT&status=PENDING_ERP&ordering=updated_at,uuid",
        )
    }

    /// One whole document.
    pub(crate) fn document(&self, uuid: &str) -> Value {
        let reply = self.get(&format!("transactions/{uuid}"));
        assert_eq!(reply.status, 200, "{}", reply.body_text());
        value(&reply)
    }

    /// What a person does with a document.
    pub(crate) fn act(&self, verb: &str, id: &str) -> Result<Value, sandbox::edit::EditError> {
        self.0.zudello(TEAM).edit(verb, id, json!({}))
    }
}

pub(crate) fn uuid(document: &Value) -> String {
    document["uuid"].as_str().unwrap().to_owned()
}
