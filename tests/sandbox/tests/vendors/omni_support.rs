//! An Omni account with orders, for the tests of what is done to them.

use sandbox::json::Json;
use sandbox::{Reply, Seed};
use serde_json::{Value, json};

use crate::support::{Omni, planted, value};

/// The small world with these lines in its Omni account.
pub(crate) fn account(toml: &str) -> Omni {
    let seed = Seed::from_toml(&format!(
        r#"
        [[xero.organisations]]
        name = "Books"
        currencies = ["USD"]
        day-rates = {{ USD = "0.5" }}

        [[omni.accounts]]
        username = "SmallAU"
        keys = [{{ key = "small-key" }}]
        books = "Books"
        customers = [{{ company = "Acme", patch = {{ costCenter = "Wholesale" }} }}, {{ company = "Parent Co" }}]
        suppliers = [{{ company = "Mill Co", xero = "by-id" }}]
        billed-to = {{ "Acme" = "Parent Co" }}
        {toml}
        "#
    ));
    let omni = Omni(planted(&seed.unwrap()));
    omni.0.limits(false);
    omni
}

/// One sales order of 200.00 and tax, invoiced and dispatched, and one purchase order of 810.00.
pub(crate) fn orders() -> Omni {
    account(
        r#"
        [[omni.accounts.sales-orders]]
        contact = "Acme"
        date = "2026-11-03"
        tax-status = "Excl"
        patch = '''{ "id": 48211, "reference": "SO-1", "paymentTerms": "20th of following month",
            "freightTotal": 10.00, "lineItems": [
            { "code": "MUG-BLU", "name": "Mug blue", "qty": 10, "unitPrice": 20.00, "discount": 10.00 }] }'''

        [[omni.accounts.purchase-orders]]
        contact = "Mill Co"
        date = "2026-11-04"
        currency = "USD"
        patch = '''{ "id": 7710, "reference": "PO-1", "supplierInvoiceReference": "INV-9",
            "fullyReceivedDate": null, "lineItems": [
            { "code": "MUG-BLU", "name": "Mug blue", "qty": 100, "unitPrice": 8.10, "qtyShipped": 0 }] }'''

        [[omni.accounts.adjustments]]
        date = "2026-11-05"
        patch = '''{ "id": 903, "reference": "ADJ-1", "lineItems": [
            { "code": "MUG-BLU", "qty": 97, "qtyAdjusted": -3, "unitCost": 8.10, "account": "" }] }'''
        "#,
    )
}

impl Omni {
    /// One document as the API gives it.
    pub(crate) fn one(&self, resource: &str, id: i64) -> Value {
        let reply = self.get(&format!("{resource}/{id}"));
        assert_eq!(reply.status, 200, "{}", reply.body_text());
        value(&reply)
    }

    /// Writes one element, and answers with its result.
    pub(crate) fn write(&self, method: &str, resource: &str, element: Value) -> Value {
        let reply = self.send(method, resource, &json!([element]));
        assert_eq!(reply.status, 200, "{}", reply.body_text());
        value(&reply)[0].clone()
    }

    /// Changes one document by hand through the admin call.
    pub(crate) fn by_hand(&self, edit: Value) -> Value {
        let mut body = json!({ "vendor": "omni", "account": "SmallAU" });
        for (name, value) in edit.as_object().unwrap() {
            body[name] = value.clone();
        }
        value(&self.admin("POST", "edit", &body.to_string()))
    }

    pub(crate) fn admin(&self, method: &str, path: &str, body: &str) -> Reply {
        let path = format!("/_sandbox/{path}");
        let request = sandbox::Request::new(method, &path).body(body.to_owned());
        self.0.handle(&request)
    }
}

/// The exact documents of a resource.
pub(crate) fn held(omni: &Omni, resource: &str) -> Vec<Json> {
    let texts = omni.0.omni("SmallAU").texts(resource);
    texts.iter().map(|it| Json::parse(it).unwrap()).collect()
}
