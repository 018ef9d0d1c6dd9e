//! The loop's calls: the ones that the engine makes, with the same headers and the same bodies.

use std::{collections::HashMap, io, time::Duration};

use reqwest::{Client, RequestBuilder, redirect, retry};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, value::RawValue};

/// Both vendors, at one address.
#[derive(Clone)]
pub(super) struct Vendors {
    client: Client,
    base: String,
    token: String,
}

/// The organisation of the demonstration's seed.
const TENANT: &str = "7d2c5a1e-4b86-4f0d-9c3a-5e1f2a6b8c90";
const APP: &str = "DEMOCUSTOMCONNECTION0000000000000";
const SCOPE: &str = "accounting.invoices accounting.contacts accounting.settings.read";

impl Vendors {
    /// A client as the engine's, and a token.
    pub(super) async fn new(base: &str) -> io::Result<Self> {
        // Plain HTTP alone is spoken, but the client is not built without a provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .http1_only()
            .connect_timeout(Duration::from_secs(15))
            .no_proxy()
            .tls_certs_only([])
            .build()
            .map_err(io::Error::other)?;
        #[derive(Deserialize)]
        struct Token {
            access_token: String,
        }
        let scope: String = url::form_urlencoded::byte_serialize(SCOPE.as_bytes()).collect();
        let request = client
            .post(format!("{base}/connect/token"))
            .basic_auth(APP, Some("demo-secret"))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(format!("grant_type=client_credentials&scope={scope}"));
        let token: Token = read(&bytes(request).await?)?;
        Ok(Self {
            client,
            base: base.to_owned(),
            token: token.access_token,
        })
    }

    /// A page of Omni.
    pub(super) async fn omni(&self, resource: &str, query: &[(&str, &str)]) -> io::Result<Vec<u8>> {
        let request = self
            .client
            .get(self.url(&format!("/api/v1/{resource}"), query));
        bytes(omni(request)).await
    }

    /// Elements that Omni is to change.
    pub(super) async fn write_omni(&self, body: Vec<u8>) -> io::Result<Vec<u8>> {
        let request = self
            .client
            .put(self.url("/api/v1/CreditNotes", &[]))
            .header("Content-Type", "application/json")
            .body(body);
        bytes(omni(request)).await
    }

    /// A list of Xero.
    pub(super) async fn xero(&self, list: &str, query: &[(&str, &str)]) -> io::Result<Vec<u8>> {
        let request = self
            .client
            .get(self.url(&format!("/api.xro/2.0/{list}"), query));
        bytes(self.authorised(request)).await
    }

    /// Credit notes that Xero is to make.
    pub(super) async fn create(&self, key: &str, body: Vec<u8>) -> io::Result<Vec<u8>> {
        let query = [("summarizeErrors", "false"), ("unitdp", "4")];
        let request = self
            .client
            .put(self.url("/api.xro/2.0/CreditNotes", &query))
            .header("Content-Type", "application/json")
            .header("Idempotency-Key", key)
            .body(body);
        bytes(self.authorised(request)).await
    }

    /// Contact of each customer: by the id that Omni keeps, else by number and name as the
    /// demonstration's mapping does.
    pub(super) async fn contacts(&self) -> io::Result<HashMap<i64, String>> {
        #[derive(Deserialize)]
        struct Customer {
            id: i64,
            company: String,
            #[serde(rename = "accountingIntegrationId")]
            known: HashMap<String, Option<String>>,
        }
        let now = jiff::Timestamp::now()
            .strftime("%Y-%m-%dT%H:%M:%SZ")
            .to_string();
        let condition = format!("type='Customer' AND modifiedDate<'{now}'");
        let mut customers: Vec<Customer> = Vec::new();
        let mut page = 1;
        loop {
            let number = page.to_string();
            let query = [
                ("where", condition.as_str()),
                ("order", "modifiedDate ASC, id ASC"),
                ("rows", "250"),
                ("page", &number),
            ];
            let found: Vec<Customer> = read(&self.omni("Contacts", &query).await?)?;
            if found.is_empty() {
                break;
            }
            customers.extend(found);
            page += 1;
        }
        let query = [
            ("page", "1"),
            ("pageSize", "1000"),
            ("includeArchived", "true"),
        ];
        let list: Value = read(&self.xero("Contacts", &query).await?)?;
        let mut named = HashMap::new();
        for contact in list["Contacts"].as_array().into_iter().flatten() {
            let text = |name: &str| contact[name].as_str().unwrap_or_default().to_owned();
            named.insert(text("Name"), text("ContactID"));
        }
        Ok(customers
            .into_iter()
            .filter_map(|it| {
                let known = it.known.get("xero").cloned().flatten();
                let id = known.or_else(|| named.get(&it.company).cloned())?;
                Some((it.id, id))
            })
            .collect())
    }

    fn url(&self, path: &str, query: &[(&str, &str)]) -> String {
        let mut url = format!("{}{path}", self.base);
        if !query.is_empty() {
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            form.extend_pairs(query);
            url.push('?');
            url.push_str(&form.finish());
        }
        url
    }

    fn authorised(&self, request: RequestBuilder) -> RequestBuilder {
        request
            .bearer_auth(&self.token)
            .header("xero-tenant-id", TENANT)
            .header("Accept", "application/json")
    }
}

fn omni(request: RequestBuilder) -> RequestBuilder {
    request.basic_auth("HarbourGoodsAU", Some("demo-omni-key"))
}

async fn bytes(request: RequestBuilder) -> io::Result<Vec<u8>> {
    let answer = request.send().await.map_err(io::Error::other)?;
    let status = answer.status();
    let body = answer.bytes().await.map_err(io::Error::other)?;
    if status.is_success() {
        return Ok(body.into());
    }
    let said = String::from_utf8_lossy(&body);
    Err(io::Error::other(format!("{status}: {said}")))
}

/// Reads an answer.
pub(super) fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> io::Result<T> {
    serde_json::from_slice(body).map_err(io::Error::other)
}

/// One credit note of Xero's answer, as far as a careful loop looks at it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Answered<'a> {
    #[serde(rename = "CreditNoteID")]
    pub(super) id: String,
    #[serde(borrow)]
    pub(super) credit_note_number: std::borrow::Cow<'a, str>,
    #[serde(default)]
    pub(super) has_errors: bool,
    #[serde(borrow)]
    pub(super) total: &'a RawValue,
}

/// Reads an answer that owns what it says.
pub(super) fn owned<T: DeserializeOwned>(body: &[u8]) -> io::Result<T> {
    serde_json::from_slice(body).map_err(io::Error::other)
}
