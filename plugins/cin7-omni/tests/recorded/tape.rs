//! Recordings, put together call by call.

use ledgerline_cin7_omni::ledgerline_connector;
use ledgerline_plugin_api::recording::{
    Body, Exchange, RecordedRequest, RecordedResponse, Recording,
};
use ledgerline_plugin_api::sdk::percent_encode;
use ledgerline_plugin_api::testkit::{Given, Replay, Trace};
use serde_json::{Value, json};

const API: &str = "https://api.cin7.com/api/v1";
/// 2026-01-15T00:00:00Z; a walk then ends 30 seconds before it.
pub(crate) const UPPER: &str = "2026-01-14T23:59:30Z";

/// A recording, put together call by call.
#[derive(Default)]
pub(crate) struct Tape(pub(crate) Recording);

impl Tape {
    pub(crate) fn answer(
        mut self,
        method: &str,
        path: &str,
        status: u16,
        body: Option<Body>,
    ) -> Self {
        self.0.exchanges.push(Exchange {
            request: RecordedRequest {
                method: method.into(),
                url: format!("{API}/{path}"),
                auth: "api".into(),
                body: None,
            },
            response: Some(RecordedResponse {
                status,
                headers: Default::default(),
                body,
            }),
            failure: None,
        });
        self
    }

    pub(crate) fn get(self, path: &str, body: Value) -> Self {
        self.answer("GET", path, 200, Body::new(body.to_string().as_bytes()))
    }

    pub(crate) fn list(
        self,
        resource: &str,
        condition: &str,
        order: &str,
        page: u32,
        rows: Value,
    ) -> Self {
        let (condition, order) = (percent_encode(condition), percent_encode(order));
        let path = format!("{resource}?where={condition}&order={order}&rows=2&page={page}");
        self.get(&path, rows)
    }

    /// Records of a list of which this holds.
    pub(crate) fn records(
        self,
        resource: &str,
        condition: &str,
        fields: &str,
        rows: Value,
    ) -> Self {
        let condition = percent_encode(condition);
        let fields = match fields {
            "" => String::new(),
            fields => format!("&fields={}", percent_encode(fields)),
        };
        let path = format!("{resource}?where={condition}&order=id%20ASC&rows=250&page=1{fields}");
        self.get(&path, rows)
    }

    pub(crate) fn by_id(self, ids: &str, rows: Value) -> Self {
        self.records("CreditNotes", &format!("id IN ({ids})"), "", rows)
    }

    /// A PUT or POST of these elements.
    pub(crate) fn send(
        mut self,
        method: &str,
        resource: &str,
        elements: Value,
        status: u16,
        body: Value,
    ) -> Self {
        let body = Body::new(body.to_string().as_bytes());
        self = self.answer(method, resource, status, body);
        let last = self.0.exchanges.last_mut().expect("just added");
        last.request.body = Body::new(elements.to_string().as_bytes());
        self
    }

    pub(crate) fn put(self, elements: Value, status: u16, body: Value) -> Self {
        self.send("PUT", "CreditNotes", elements, status, body)
    }

    pub(crate) fn read_back(self, ids: &str, rows: Value) -> Self {
        self.read_back_of("CreditNotes", ids, rows)
    }

    pub(crate) fn read_back_of(self, resource: &str, ids: &str, rows: Value) -> Self {
        let fields = "id,accountingAttributes,modifiedDate";
        self.records(resource, &format!("id IN ({ids})"), fields, rows)
    }

    /// A page of ids, as a sweep reads them.
    pub(crate) fn ids(self, resource: &str, after: i64, ids: &[i64]) -> Self {
        let condition = percent_encode(&format!("id>{after}"));
        let path = format!("{resource}?where={condition}&order=id%20ASC&rows=2&page=1&fields=id");
        self.get(&path, ids.iter().map(|id| json!({ "id": id })).collect())
    }

    pub(crate) fn replay(&self, settings: Value) -> Replay {
        let mut all = json!({ "org-timezone": "Pacific/Auckland", "page-rows": 2 });
        let more = settings.as_object().cloned().unwrap_or_default();
        all.as_object_mut().expect("an object").extend(more);
        Replay::new(&ledgerline_connector, &self.0)
            .expect("a recording")
            .settings(all)
    }
}

pub(crate) fn note(id: i64, modified: &str) -> Value {
    json!({ "id": id, "modifiedDate": modified, "total": -1 })
}

pub(crate) fn sought(id: i64) -> Given {
    Given {
        id: id.to_string(),
        remote_id: id.to_string(),
        ..Given::default()
    }
}

pub(crate) fn saved(elements: &[(usize, Result<i64, &str>)]) -> Value {
    let element = |(index, result): &(usize, Result<i64, &str>)| match result {
        Ok(id) => json!({ "index": index, "success": true, "id": id, "code": "CRN", "errors": [] }),
        Err(words) => json!({ "index": index, "success": false, "id": 0, "errors": [words] }),
    };
    elements.iter().map(element).collect()
}

pub(crate) fn pull(tape: &Tape, settings: Value, stream: &str) -> Trace {
    tape.replay(settings).pull(stream).expect("recorded calls")
}
