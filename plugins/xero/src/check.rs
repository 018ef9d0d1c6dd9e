//! Says which organisation a connection reaches, and what it lacks.
//!
//! All its questions are asked side by side: the first document of a run waits for the answers.

use futures_util::{future::join_all, join};
use ledgerline_plugin_api::manifest::{Account, CheckReport};
use ledgerline_plugin_api::sdk::{Cx, Error, Request, Response, Result};
use serde_json::value::RawValue;

use crate::Xero;
use crate::answers::{failure, lacks_permission, list};
use crate::held::organisation;
use crate::lenient::Object;
use crate::zones::iana;

/// Names of `/Organisation/Actions` that matter here, and what is missing without them. Plans and
/// roles are told by them alone; there is none for credit notes, which go with invoices.
const ACTIONS: &[(&str, &str)] = &[
    (
        "CreateDraftInvoice",
        "Xero's plan, or the role of the person who connected, allows no draft sales documents",
    ),
    (
        "CreateApprovedInvoice",
        "Xero's plan, or the role of the person who connected, does not allow approving sales documents",
    ),
];

/// What each scope is tried with: the cheapest call that needs it.
const SCOPES: &[(&str, &str)] = &[
    ("accounting.invoices", "CreditNotes"),
    ("accounting.contacts", "Contacts"),
];

/// The same for what only some routes write: without it a remark is made, for nobody here knows the routes.
const SOMETIMES: &[(&str, &str, &str)] = &[
    ("accounting.payments", "Payments", "payments"),
    (
        "accounting.manualjournals",
        "ManualJournals",
        "manual journals",
    ),
];

impl Xero {
    pub(crate) async fn examine(&self, cx: &Cx) -> Result<CheckReport> {
        let mut report = CheckReport::default();
        let probe = |collection: &str| {
            let request = self.get(&format!("/api.xro/2.0/{collection}"));
            cx.http(request.query([("page", "1"), ("pageSize", "1")]))
        };
        let probes = SCOPES.iter().map(|(_, collection)| probe(collection));
        let sometimes = SOMETIMES.iter().map(|(_, collection, _)| probe(collection));
        let (offered, books, probes, allowed, sometimes) = join!(
            cx.http(self.get("/connections")),
            cx.http(self.get("/api.xro/2.0/Organisation")),
            join_all(probes),
            cx.http(self.get("/api.xro/2.0/Organisation/Actions")),
            join_all(sometimes),
        );
        let tenant = self.tenant(&offered?, &mut report)?;
        let response = books?;
        if lacks_permission(&response) {
            report
                .missing
                .push("the scope accounting.settings.read: connect again with it".to_owned());
            report.account = tenant.unwrap_or_default();
        } else {
            describe(
                &mut report,
                &read_organisation(&response)?,
                tenant,
                self.account.as_deref(),
            )?;
        }
        for ((scope, _), response) in SCOPES.iter().zip(probes) {
            let response = response?;
            if lacks_permission(&response) {
                report
                    .missing
                    .push(format!("the scope {scope}: connect again with it"));
            } else if !response.is_success() {
                return Err(failure(&response));
            }
        }
        for ((scope, _, what), response) in SOMETIMES.iter().zip(sometimes) {
            let note = remark(scope, what, &response?)?;
            report.notes.extend(note);
        }
        actions(&mut report, &allowed?);
        Ok(report)
    }

    pub(crate) async fn offered(&self, cx: &Cx) -> Result<Vec<Account>> {
        let response = cx.http(self.get("/connections")).await?;
        tenants(&response)
    }

    /// The pinned organisation, or the only one that the consent covers. A custom connection may
    /// have no list of them.
    fn tenant(&self, response: &Response, report: &mut CheckReport) -> Result<Option<Account>> {
        if matches!(response.status, 401 | 403 | 404) {
            report
                .notes
                .push("Xero does not list the organisations of this consent".to_owned());
            return Ok(None);
        }
        choose(tenants(response)?, self.account.as_deref())
    }

    fn get(&self, path: &str) -> Request {
        Request::get(format!("{}{path}", self.base))
            .header("Accept", "application/json")
            .auth(crate::AUTH)
    }
}

/// What is to be known of a scope that only some routes need.
fn remark(scope: &str, what: &str, response: &Response) -> Result<Option<String>> {
    match response.status {
        200..=299 | 404 => Ok(None),
        _ if lacks_permission(response) => Ok(Some(format!(
            "Xero does not let this connection reach {what}: routes that write them need the scope {scope}, \
             and the person who connected the role for them"
        ))),
        401 | 403 => Err(failure(response)),
        status => Ok(Some(format!(
            "Xero answered {status} when it was asked for {what}"
        ))),
    }
}

fn choose(mut offered: Vec<Account>, pinned: Option<&str>) -> Result<Option<Account>> {
    match pinned {
        Some(pinned) => match offered
            .iter()
            .position(|it| it.id.eq_ignore_ascii_case(pinned))
        {
            Some(at) => Ok(Some(offered.swap_remove(at))),
            None => Err(Error::auth(format!(
                "the organisation {pinned} that this connection is pinned to is not among the {} that \
                 the consent covers: connect it again",
                offered.len()
            ))),
        },
        None if offered.len() > 1 => {
            let names: Vec<&str> = offered.iter().map(|it| it.name.as_str()).collect();
            Err(Error::config(format!(
                "the consent covers several organisations ({}): pin the connection to one",
                names.join(", ")
            )))
        }
        None => Ok(offered.pop()),
    }
}

/// Organisations of `/connections`. Other tenants, such as practices, keep no books.
fn tenants(response: &Response) -> Result<Vec<Account>> {
    if !response.is_success() {
        return Err(failure(response));
    }
    let rows: Vec<&RawValue> = response.json()?;
    let account = |row: &&RawValue| {
        let row = Object::read(row)?;
        let id = row.text("tenantId")?;
        (row.text("tenantType").as_deref() == Some("ORGANISATION")).then(|| Account {
            id,
            name: row.text("tenantName").unwrap_or_default(),
            consent: row.text("id"),
            ..Account::default()
        })
    };
    Ok(rows.iter().filter_map(account).collect())
}

fn read_organisation(response: &Response) -> Result<Box<RawValue>> {
    if !response.is_success() {
        return Err(failure(response));
    }
    let list = list(response, "Organisations")?;
    let first = list.elements.first().and_then(|it| Object::read(it));
    let Some(first) = first else {
        return Err(Error::protocol("Xero gave no organisation"));
    };
    organisation(&first).map_err(Error::protocol)
}

fn describe(
    report: &mut CheckReport,
    raw: &RawValue,
    tenant: Option<Account>,
    pinned: Option<&str>,
) -> Result<()> {
    let Some(it) = Object::read(raw) else {
        return Err(Error::protocol("Xero gave no organisation"));
    };
    let (tenant_id, consent) = tenant.map_or((None, None), |it| (Some(it.id), it.consent));
    let tenant_id = tenant_id.or_else(|| pinned.map(str::to_owned));
    let Some(id) = tenant_id.or_else(|| it.text("OrganisationID")) else {
        return Err(Error::protocol("Xero gave an organisation without an id"));
    };
    report.account = Account {
        id,
        name: it.text("Name").unwrap_or_default(),
        demo: it.flag("IsDemoCompany"),
        base_currency: it.text("BaseCurrency"),
        zone: it
            .text("Timezone")
            .and_then(|it| iana(&it))
            .map(str::to_owned),
        country: it.text("CountryCode"),
        plan: it.text("Class"),
        locks: Some(locks(&it)),
        consent,
    };
    if it.text("Edition").as_deref() == Some("PARTNER") {
        report
            .missing
            .push("Xero's partner edition has no sales or purchase documents".to_owned());
    }
    Ok(())
}

fn locks(organisation: &Object<'_>) -> Vec<String> {
    let locks = [
        (
            "PeriodLockDate",
            "closed to everybody but advisers up to and including",
        ),
        (
            "EndOfYearLockDate",
            "closed to everybody up to and including",
        ),
    ];
    let told = locks.iter().filter_map(|(key, says)| {
        let date = organisation.text(key)?;
        Some(format!("{says} {date}"))
    });
    told.collect()
}

/// What the plan and role forbid. Without an answer nothing is said: this is a prediction only.
fn actions(report: &mut CheckReport, response: &Response) {
    let Ok(list) = list(response, "Actions") else {
        report
            .notes
            .push("Xero does not tell what the plan and role allow".to_owned());
        return;
    };
    for action in list.elements.iter().filter_map(|it| Object::read(it)) {
        let (Some(name), Some(status)) = (action.text("Name"), action.text("Status")) else {
            continue;
        };
        let allowed = status == "ALLOWED";
        if let Some((_, lack)) = ACTIONS.iter().find(|(it, _)| *it == name && !allowed) {
            report.missing.push((*lack).to_owned());
        }
        match name.as_str() {
            "CreateDraftBill" | "CreateApprovedBill" if !allowed => {
                let lack = "Xero's plan, or the role of the person who connected, restricts bills";
                if !report.notes.iter().any(|it| it == lack) {
                    report.notes.push(lack.to_owned());
                }
            }
            "UseMulticurrency" if !allowed => {
                report
                    .notes
                    .push("Xero's plan allows the base currency only".to_owned());
            }
            "ApproveTransactionsBeforePeriodLockDate" if allowed => report.notes.push(
                "Xero would let this connection post before the period lock date; \
                 the stricter lock date counts all the same"
                    .to_owned(),
            ),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_organisations_are_offered() {
        let response = Response::new(
            200,
            r#"[{"id":"c1","tenantId":"t1","tenantType":"ORGANISATION","tenantName":"Demo"},
               {"id":"c2","tenantId":"t2","tenantType":"PRACTICE","tenantName":"Firm"}]"#,
        );
        let offered = tenants(&response).unwrap();
        assert_eq!(offered.len(), 1);
        assert_eq!(
            (offered[0].id.as_str(), offered[0].name.as_str()),
            ("t1", "Demo")
        );
        assert_eq!(offered[0].consent.as_deref(), Some("c1"));
    }

    #[test]
    fn the_pin_chooses_and_nothing_is_guessed() {
        let offered = || {
            ["t1", "t2"].map(|id| Account {
                id: id.into(),
                name: id.to_uppercase(),
                ..Account::default()
            })
        };
        let chosen = choose(offered().to_vec(), Some("T2")).unwrap().unwrap();
        assert_eq!(chosen.id, "t2");
        assert_eq!(
            choose(offered().to_vec(), Some("t9"))
                .expect_err("not covered")
                .message,
            "the organisation t9 that this connection is pinned to is not among the 2 that the \
             consent covers: connect it again"
        );
        assert_eq!(
            choose(offered().to_vec(), None)
                .expect_err("ambiguous")
                .message,
            "the consent covers several organisations (T1, T2): pin the connection to one"
        );
        assert_eq!(
            choose(offered()[..1].to_vec(), None).unwrap().unwrap().id,
            "t1"
        );
        assert_eq!(choose(Vec::new(), None).unwrap(), None);
    }

    #[test]
    fn an_organisation_is_described_for_people() {
        let response = Response::new(
            200,
            r#"{"Organisations":[{"OrganisationID":"o1","Name":"Maple","BaseCurrency":"AUD","IsDemoCompany":true,"CountryCode":"AU",
               "Timezone":"AUSEASTERNSTANDARDTIME","Class":"STANDARD","Edition":"BUSINESS",
               "PeriodLockDate":"\/Date(1546214400000+0000)\/","EndOfYearLockDate":""}]}"#,
        );
        let mut report = CheckReport::default();
        describe(
            &mut report,
            &read_organisation(&response).unwrap(),
            None,
            None,
        )
        .unwrap();
        assert_eq!(
            report.account,
            Account {
                id: "o1".into(),
                name: "Maple".into(),
                demo: true,
                base_currency: Some("AUD".into()),
                zone: Some("Australia/Sydney".into()),
                country: Some("AU".into()),
                plan: Some("STANDARD".into()),
                locks: Some(vec![
                    "closed to everybody but advisers up to and including 2018-12-31".into()
                ]),
                consent: None,
            }
        );
        assert_eq!(report.missing, Vec::<String>::new());
        assert_eq!(report.notes, Vec::<String>::new());
    }

    #[test]
    fn what_only_some_routes_need_is_a_remark() {
        let of = |status, body: &str| {
            let response = Response::new(status, body);
            remark("accounting.payments", "payments", &response).map_err(|it| it.status.name())
        };
        let lacks = r#"{"Detail":"AuthorizationUnsuccessful"}"#;
        assert!(
            of(401, lacks)
                .unwrap()
                .unwrap()
                .contains("accounting.payments")
        );
        let busy = "Xero answered 500 when it was asked for payments".to_owned();
        assert_eq!(of(500, ""), Ok(Some(busy)));
        assert_eq!(of(200, "{}"), Ok(None));
        assert_eq!(of(404, ""), Ok(None));
        assert_eq!(of(401, "{}"), Err("AUTH"));
        assert_eq!(of(403, "{}"), Err("AUTH"));
    }

    #[test]
    fn forbidden_actions_are_missing() {
        let response = Response::new(
            200,
            r#"{"Actions":[{"Name":"CreateApprovedInvoice","Status":"NOT-ALLOWED"},
               {"Name":"CreateDraftInvoice","Status":"ALLOWED"},
               {"Name":"CreateDraftBill","Status":"NOT-ALLOWED"},{"Name":"CreateApprovedBill","Status":"NOT-ALLOWED"},
               {"Name":"UseMulticurrency","Status":"NOT-ALLOWED"},{"Name":"Unheard","Status":"NOT-ALLOWED"}]}"#,
        );
        let mut report = CheckReport::default();
        actions(&mut report, &response);
        assert_eq!(
            report.missing,
            [
                "Xero's plan, or the role of the person who connected, does not allow approving sales documents"
            ]
        );
        assert_eq!(
            report.notes,
            [
                "Xero's plan, or the role of the person who connected, restricts bills",
                "Xero's plan allows the base currency only"
            ]
        );

        let mut report = CheckReport::default();
        actions(&mut report, &Response::new(404, ""));
        assert_eq!(
            report.notes,
            ["Xero does not tell what the plan and role allow"]
        );
    }
}
