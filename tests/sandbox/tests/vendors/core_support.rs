//! A Core account of its own beside the small world, and a client that knows its keys.

use rust_decimal::Decimal;
use sandbox::core::behaviour::Behaviour;
use sandbox::core::seed::CoreAccountSeed;
use sandbox::json::Json;
use sandbox::{Reply, Request, Seed, World};
use serde_json::Value;

use crate::support::{TENANT, planted, value};

pub(crate) const COMPANY: &str = "Sandbox Tea Pty Ltd";
const ACCOUNT: &str = "5B0E3C52-7A55-4D0F-8C3B-1D2F3A4B5C6D";
const KEY: &str = "c0de0000-0000-4000-8000-000000000001";

/// A seed whose only Core account has 30 credit notes.
pub(crate) fn seed() -> Seed {
    let mut seed = Seed::small().unwrap();
    let mut account = CoreAccountSeed {
        books: TENANT.to_owned(),
        ..CoreAccountSeed::default()
    };
    account.generate.contacts = 6;
    account.generate.credit_notes = 30;
    seed.core.accounts = vec![account];
    seed
}

/// Calls Core with the account's keys.
pub(crate) struct Core(pub(crate) World);

impl Core {
    /// An account planted from a changed seed, without call limits.
    pub(crate) fn open(change: impl FnOnce(&mut CoreAccountSeed)) -> Self {
        let core = Self::limited(change);
        core.0.limits(false);
        core
    }

    /// The same with call limits.
    pub(crate) fn limited(change: impl FnOnce(&mut CoreAccountSeed)) -> Self {
        let mut seed = seed();
        change(&mut seed.core.accounts[0]);
        Self(planted(&seed))
    }

    /// An account of this behaviour.
    pub(crate) fn behaving(change: impl FnOnce(&mut Behaviour)) -> Self {
        Self::open(|it| change(&mut it.behaviour))
    }

    pub(crate) fn request(&self, method: &str, target: &str, key: &str) -> Request {
        Request::new(method, &format!("/ExternalApi/v2/{target}"))
            .header("api-auth-accountid", ACCOUNT)
            .header("api-auth-applicationkey", key)
            .header("Accept", "application/json")
    }

    pub(crate) fn send(&self, method: &str, target: &str) -> Reply {
        self.0.handle(&self.request(method, target, KEY))
    }

    pub(crate) fn get(&self, target: &str) -> Reply {
        self.send("GET", target)
    }

    /// The body of a call that must succeed.
    pub(crate) fn got(&self, target: &str) -> Value {
        let reply = self.get(target);
        assert_eq!(reply.status, 200, "{target}: {}", reply.body_text());
        value(&reply)
    }

    /// The body of a call that must succeed, with exact numbers.
    pub(crate) fn exact(&self, target: &str) -> Json {
        let reply = self.get(target);
        assert_eq!(reply.status, 200, "{target}: {}", reply.body_text());
        Json::parse(&reply.body_text()).unwrap()
    }

    /// One text of each row of a list.
    pub(crate) fn column(&self, target: &str, key: &str, field: &str) -> Vec<String> {
        let rows = self.got(target)[key].as_array().cloned().unwrap();
        rows.iter()
            .map(|it| it[field].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// Ids of a list of sales, in lower case.
    pub(crate) fn ids(&self, target: &str) -> Vec<String> {
        let ids = self.column(target, "SaleList", "SaleID");
        ids.iter().map(|it| it.to_ascii_lowercase()).collect()
    }
}

/// Every credit note with its sale, as the account holds them.
pub(crate) fn notes(core: &Core) -> Vec<(Json, Json)> {
    core.0.core(COMPANY).credit_notes()
}

/// A text member.
pub(crate) fn text<'a>(json: &'a Json, name: &str) -> &'a str {
    json.get(name).and_then(Json::as_str).unwrap_or_default()
}

/// A number, exactly.
pub(crate) fn number(json: &Json, name: &str) -> Decimal {
    let value = json.get(name).and_then(Json::as_decimal);
    value.unwrap_or_else(|| panic!("no number {name} in {json}"))
}

/// Lines and charges of a credit note.
pub(crate) fn parts(note: &Json) -> Vec<Json> {
    ["Lines", "AdditionalCharges"]
        .iter()
        .flat_map(|it| note.get(it).and_then(Json::as_array).unwrap().to_vec())
        .collect()
}
