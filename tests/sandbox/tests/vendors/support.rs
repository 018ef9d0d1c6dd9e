//! A small world and a client that knows its credentials.

use sandbox::{Clock, Reply, Request, Seed, World};
use serde_json::{Value, json};

pub(crate) const TENANT: &str = "Small Pty Ltd";
pub(crate) const EVERY_SCOPE: &str = "accounting.invoices accounting.payments accounting.manualjournals accounting.contacts accounting.settings accounting.reports.trialbalance.read offline_access openid";

/// The small world on a clock that stands still.
pub(crate) fn small() -> World {
    planted(&Seed::small().unwrap())
}

/// A world of this seed on a clock that stands still.
pub(crate) fn planted(seed: &Seed) -> World {
    World::new(seed, Clock::frozen("2026-11-22T02:00:00Z".parse().unwrap())).unwrap()
}

/// Calls Xero with a token of the custom connection.
pub(crate) struct Xero {
    pub(crate) world: World,
    pub(crate) token: String,
    pub(crate) tenant: String,
}

impl Xero {
    pub(crate) fn new(world: &World) -> Self {
        let tenant = world.xero(TENANT).tenant_id().unwrap().to_string();
        Self {
            world: world.clone(),
            token: token_for(world, EVERY_SCOPE),
            tenant,
        }
    }

    pub(crate) fn request(&self, method: &str, target: &str) -> Request {
        Request::new(method, &format!("/api.xro/2.0/{target}"))
            .header("Authorization", &format!("Bearer {}", self.token))
            .header("xero-tenant-id", &self.tenant)
            .header("Accept", "application/json")
    }

    pub(crate) fn get(&self, target: &str) -> Reply {
        self.world.handle(&self.request("GET", target))
    }

    pub(crate) fn send(&self, method: &str, target: &str, body: &Value) -> Reply {
        self.world.handle(&self.sent(method, target, body))
    }

    pub(crate) fn sent(&self, method: &str, target: &str, body: &Value) -> Request {
        self.request(method, target)
            .header("Content-Type", "application/json")
            .body(body.to_string())
    }

    /// PUTs one credit note and answers with its element.
    pub(crate) fn put_note(&self, note: &Value) -> Value {
        self.put_one("CreditNotes", note)
    }

    /// PUTs one element and answers with what became of it.
    pub(crate) fn put_one(&self, resource: &str, element: &Value) -> Value {
        let reply = self.send(
            "PUT",
            &format!("{resource}?summarizeErrors=false&unitdp=4"),
            &json!({ resource: [element] }),
        );
        assert_eq!(reply.status, 200, "{}", reply.body_text());
        value(&reply)[resource][0].clone()
    }

    /// POSTs a change of one object, and answers with the status and its element.
    pub(crate) fn post_one(&self, resource: &str, id: &Value, body: &Value) -> (u16, Value) {
        let id = id.as_str().unwrap();
        let reply = self.send("POST", &format!("{resource}/{id}?unitdp=4"), body);
        let body = value(&reply);
        let list = if reply.status == 200 {
            resource
        } else {
            "Elements"
        };
        (reply.status, body[list][0].clone())
    }

    /// Allocates some of a credit note to an invoice.
    pub(crate) fn allocate(&self, note: &Value, invoice: &Value, amount: &str) -> Reply {
        let id = note["CreditNoteID"].as_str().unwrap();
        let allocation = json!({ "Amount": amount, "Date": "2026-11-20",
            "Invoice": { "InvoiceID": invoice["InvoiceID"] } });
        self.send("PUT", &format!("CreditNotes/{id}/Allocations"), &allocation)
    }

    pub(crate) fn contact_id(&self, name: &str) -> String {
        let contacts = self.world.xero(TENANT).contacts();
        let held = contacts.iter().find(|it| it["Name"] == name).unwrap();
        held["ContactID"].as_str().unwrap().to_owned()
    }

    /// An invoice or a bill that Xero takes as it is.
    pub(crate) fn invoice(&self, kind: &str, number: &str) -> Value {
        let mut invoice = self.note("");
        invoice["Type"] = json!(kind);
        invoice["InvoiceNumber"] = json!(number);
        invoice["DueDate"] = json!("2026-12-03");
        if kind == "ACCPAY" {
            invoice["LineItems"][0]["AccountCode"] = json!("310");
            invoice["LineItems"][0]["TaxType"] = json!("INPUT");
        }
        invoice.as_object_mut().unwrap().remove("CreditNoteNumber");
        invoice
    }

    /// A credit note that Xero takes as it is.
    pub(crate) fn note(&self, number: &str) -> Value {
        json!({
            "Type": "ACCRECCREDIT",
            "Contact": { "ContactID": self.contact_id("Acme Ltd") },
            "Date": "2026-11-03",
            "CreditNoteNumber": number,
            "Reference": "SO-1",
            "Status": "AUTHORISED",
            "LineItems": [{
                "Description": "Mug", "Quantity": 2, "UnitAmount": 20.00,
                "AccountCode": "200", "TaxType": "OUTPUT",
            }],
        })
    }
}

/// An access token of the custom connection.
pub(crate) fn token_for(world: &World, scope: &str) -> String {
    let scope = scope.replace(' ', "%20");
    let form = format!("grant_type=client_credentials&scope={scope}");
    let reply = token(world, ("custom-app", "custom-secret"), &form);
    value(&reply)["access_token"].as_str().unwrap().to_owned()
}

pub(crate) fn token(world: &World, app: (&str, &str), form: &str) -> Reply {
    use base64::Engine as _;
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("{}:{}", app.0, app.1));
    world.handle(
        &Request::new("POST", "/connect/token")
            .header("Authorization", &format!("Basic {basic}"))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(form.to_owned()),
    )
}

pub(crate) fn value(reply: &Reply) -> Value {
    serde_json::from_slice(&reply.body)
        .unwrap_or_else(|why| panic!("{why} in {} {}", reply.status, reply.body_text()))
}

/// The messages of an element.
pub(crate) fn messages(element: &Value, list: &str) -> Vec<String> {
    let items = element[list].as_array().cloned().unwrap_or_default();
    items
        .iter()
        .map(|it| it["Message"].as_str().unwrap().to_owned())
        .collect()
}

/// Calls Omni with the small account's credentials.
pub(crate) struct Omni(pub(crate) World);

impl Omni {
    pub(crate) fn request(&self, method: &str, target: &str, key: &str) -> Request {
        use base64::Engine as _;
        let basic = base64::engine::general_purpose::STANDARD.encode(format!("SmallAU:{key}"));
        Request::new(method, &format!("/api/v1/{target}"))
            .header("Authorization", &format!("Basic {basic}"))
    }

    pub(crate) fn get(&self, target: &str) -> Reply {
        self.0.handle(&self.request("GET", target, "small-key"))
    }

    /// A list call; `query` is written plainly and encoded here.
    pub(crate) fn list(&self, resource: &str, query: &[(&str, &str)]) -> Reply {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(query)
            .finish();
        self.get(&format!("{resource}?{query}"))
    }

    pub(crate) fn send(&self, method: &str, target: &str, body: &Value) -> Reply {
        self.0.handle(
            &self
                .request(method, target, "small-key")
                .header("Content-Type", "application/json")
                .body(body.to_string()),
        )
    }
}
