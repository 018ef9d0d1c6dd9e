//! Every operation of every connector, with what it is asked to write or to look for.

use ledgerline_plugin_api::{
    abi::{Connector, op},
    testkit::Given,
};

use crate::grounds::{CORE, OMNI, XERO, ZUDELLO};

/// One operation.
pub(crate) struct Run {
    /// `CONNECTOR OPERATION STREAM`.
    pub name: &'static str,
    pub connector: &'static Connector,
    pub op: u32,
    pub stream: &'static str,
    pub settings: &'static str,
    pub batch: fn() -> Vec<Given>,
}

const OMNI_SETTINGS: &str = r#"{"org-timezone":"Pacific/Auckland","page-rows":2}"#;
const CORE_SETTINGS: &str = r#"{"list-rows":2,"sales-at-once":2}"#;
const ZUDELLO_SETTINGS: &str =
    r#"{"organisation":"org-1","team":"team-1","account-name":"Harbour","page":{"size":2}}"#;

const fn run(
    name: &'static str,
    connector: &'static Connector,
    op: u32,
    stream: &'static str,
    settings: &'static str,
    batch: fn() -> Vec<Given>,
) -> Run {
    Run {
        name,
        connector,
        op,
        stream,
        settings,
        batch,
    }
}

pub(crate) static RUNS: [Run; 26] = [
    run("omni check", &OMNI, op::CHECK, "", OMNI_SETTINGS, Vec::new),
    run(
        "omni pull customers",
        &OMNI,
        op::PULL,
        "customers",
        OMNI_SETTINGS,
        Vec::new,
    ),
    run(
        "omni pull suppliers",
        &OMNI,
        op::PULL,
        "suppliers",
        OMNI_SETTINGS,
        Vec::new,
    ),
    run(
        "omni pull credit_notes",
        &OMNI,
        op::PULL,
        "credit_notes",
        OMNI_SETTINGS,
        Vec::new,
    ),
    run(
        "omni push credit_notes",
        &OMNI,
        op::PUSH,
        "credit_notes",
        OMNI_SETTINGS,
        imported,
    ),
    run(
        "omni find credit_notes",
        &OMNI,
        op::FIND,
        "credit_notes",
        OMNI_SETTINGS,
        imported,
    ),
    run("core check", &CORE, op::CHECK, "", CORE_SETTINGS, Vec::new),
    run(
        "core pull customers",
        &CORE,
        op::PULL,
        "customers",
        CORE_SETTINGS,
        Vec::new,
    ),
    run(
        "core pull sale_credit_notes",
        &CORE,
        op::PULL,
        "sale_credit_notes",
        CORE_SETTINGS,
        Vec::new,
    ),
    run(
        "zudello check",
        &ZUDELLO,
        op::CHECK,
        "",
        ZUDELLO_SETTINGS,
        Vec::new,
    ),
    run(
        "zudello pull customers",
        &ZUDELLO,
        op::PULL,
        "customers",
        ZUDELLO_SETTINGS,
        Vec::new,
    ),
    run(
        "zudello pull ar_credit_notes",
        &ZUDELLO,
        op::PULL,
        "ar_credit_notes",
        ZUDELLO_SETTINGS,
        Vec::new,
    ),
    run(
        "zudello push ar_credit_notes",
        &ZUDELLO,
        op::PUSH,
        "ar_credit_notes",
        ZUDELLO_SETTINGS,
        done,
    ),
    run(
        "zudello find ar_credit_notes",
        &ZUDELLO,
        op::FIND,
        "ar_credit_notes",
        ZUDELLO_SETTINGS,
        done,
    ),
    run("xero check", &XERO, op::CHECK, "", "{}", Vec::new),
    run("xero discover", &XERO, op::DISCOVER, "", "{}", Vec::new),
    run(
        "xero pull credit_notes",
        &XERO,
        op::PULL,
        "credit_notes",
        "{}",
        Vec::new,
    ),
    run(
        "xero pull contacts",
        &XERO,
        op::PULL,
        "contacts",
        "{}",
        Vec::new,
    ),
    run(
        "xero pull organisation",
        &XERO,
        op::PULL,
        "organisation",
        "{}",
        Vec::new,
    ),
    run(
        "xero pull accounts",
        &XERO,
        op::PULL,
        "accounts",
        "{}",
        Vec::new,
    ),
    run(
        "xero pull tax_rates",
        &XERO,
        op::PULL,
        "tax_rates",
        "{}",
        Vec::new,
    ),
    run(
        "xero pull tracking_categories",
        &XERO,
        op::PULL,
        "tracking_categories",
        "{}",
        Vec::new,
    ),
    run(
        "xero push credit_notes",
        &XERO,
        op::PUSH,
        "credit_notes",
        "{}",
        notes,
    ),
    run(
        "xero push contacts",
        &XERO,
        op::PUSH,
        "contacts",
        "{}",
        contacts,
    ),
    run(
        "xero find credit_notes",
        &XERO,
        op::FIND,
        "credit_notes",
        "{}",
        sought,
    ),
    run(
        "xero find contacts",
        &XERO,
        op::FIND,
        "contacts",
        "{}",
        contacts,
    ),
];

/// The account that connections are pinned to.
pub(crate) const ACCOUNT: &str = "00000900-0000-4000-8000-000000000000";

fn imported() -> Vec<Given> {
    let given = |id: u32| Given {
        change: 2,
        id: format!("entry {id}"),
        remote_id: id.to_string(),
        body: format!(
            r#"{{"accountingAttributes":{{"accountingImportStatus":"Imported","importDate":"2026-01-15T00:00:00Z"}},"id":{id}}}"#
        ),
        ..Given::default()
    };
    vec![given(1), given(2), given(3)]
}

fn done() -> Vec<Given> {
    let given = |id: &str, body: &str| Given {
        change: 2,
        id: id.to_owned(),
        remote_id: id.to_owned(),
        body: body.to_owned(),
        ..Given::default()
    };
    vec![
        given(
            "a",
            r#"{"uuid":"a","status":"COMPLETE","external_id":"x-1","seen":"2026-01-15T00:00:00Z"}"#,
        ),
        given(
            "b",
            r#"{"uuid":"b","status":"UNABLE_TO_PROCESS","note":"No account","seen":"2026-01-15T00:00:00Z"}"#,
        ),
    ]
}

const NOTE: &str = r#"{"Type":"ACCRECCREDIT","Contact":{"ContactID":"00000501-0000-4000-8000-000000000000"},"Date":"2026-11-20","CreditNoteNumber":"NUMBER","Reference":"RMA 7","LineAmountTypes":"Exclusive","CurrencyCode":"AUD","Status":"AUTHORISED","LineItems":[{"Description":"Returned chair","Quantity":2,"UnitAmount":50.0000,"AccountCode":"200","TaxType":"OUTPUT","TaxAmount":10.00,"ItemCode":"CHAIR"}]}"#;

fn note(change: u32, number: &str, remote_id: &str) -> Given {
    Given {
        change,
        id: format!("entry {number}"),
        number: number.to_owned(),
        remote_id: remote_id.to_owned(),
        since: "2026-11-22T03:00:00Z".to_owned(),
        body: NOTE.replace("NUMBER", number),
    }
}

fn notes() -> Vec<Given> {
    vec![
        note(1, "CN-1001", ""),
        note(1, "CN-1002", ""),
        note(2, "CN-1003", "00001003-0000-4000-8000-000000000000"),
        note(3, "CN-1004", "00001004-0000-4000-8000-000000000000"),
    ]
}

fn sought() -> Vec<Given> {
    let look = |it: Given| Given { change: 0, ..it };
    notes().into_iter().map(look).collect()
}

fn contacts() -> Vec<Given> {
    let contact = |change, number: &str, remote_id: &str| Given {
        body: r#"{"ContactNumber":"C-504","Name":"New Customer","EmailAddress":"ap@example.com"}"#
            .to_owned(),
        ..note(change, number, remote_id)
    };
    vec![
        contact(1, "C-504", ""),
        contact(2, "C-505", "00000505-0000-4000-8000-000000000000"),
    ]
}
