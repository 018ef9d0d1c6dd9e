//! Reads the trial balance: what each account holds at the end of a day.
//!
//! A report is a page for people told in JSON: sections of rows of cells. What ties a row to an account is the
//! account's id among the attributes of its cells, so rows without one (titles, totals) are passed over.

use ledgerline_plugin_api::sdk::{Error, Request, Response, Result};
use serde_json::value::RawValue;

use crate::answers::{failure, list};
use crate::lenient::Object;

/// The stream.
pub(crate) const STREAM: &str = "trial_balance";

pub(crate) fn request(base: &str, day: Option<&str>) -> Request {
    let query = day.map_or_else(String::new, |it| format!("?date={it}"));
    Request::get(format!("{base}/api.xro/2.0/Reports/TrialBalance{query}"))
        .header("Accept", "application/json")
        .auth(crate::AUTH)
}

/// Id of the account and the row, of every account in it.
pub(crate) fn rows(response: &Response) -> Result<Vec<(String, &RawValue)>> {
    if !response.is_success() {
        return Err(failure(response));
    }
    let reports = list(response, "Reports")?.elements;
    let [report] = reports[..] else {
        return Err(Error::protocol(format!(
            "{} answered with {} reports instead of one",
            response.call(),
            reports.len()
        )));
    };
    let sections = Object::read(report).unwrap_or_default().list("Rows");
    let mut found = Vec::new();
    for section in sections {
        // Rows may stand outside of a section.
        let inner = Object::read(section).unwrap_or_default().list("Rows");
        for row in std::iter::once(section).chain(inner) {
            if let Some(id) = account(row) {
                found.push((id, row));
            }
        }
    }
    Ok(found)
}

fn account(row: &RawValue) -> Option<String> {
    let cell = Object::read(row)?.objects("Cells").into_iter().next()?;
    let attributes = cell.objects("Attributes");
    let of_account = attributes
        .into_iter()
        .find(|it| it.text("Id").as_deref() == Some("account"))?;
    let id = of_account.text("Value")?;
    Some(id.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_accounts_are_found_wherever_they_stand() {
        let row = |id: &str, value: &str| {
            format!(
                r#"{{"RowType":"Row","Cells":[{{"Value":"Stock (631)","Attributes":[{{"Value":"{id}","Id":"account"}}]}},{{"Value":"{value}"}}]}}"#
            )
        };
        let body = format!(
            r#"{{"Reports":[{{"Rows":[{{"RowType":"Header","Cells":[{{"Value":"Account"}}]}},{},{{"RowType":"Section","Title":"Assets","Rows":[{},{{"RowType":"SummaryRow","Cells":[{{"Value":"Total"}}]}}]}}]}}]}}"#,
            row("A-1", "1.00"),
            row("b-2", "")
        );
        let response = Response::new(200, body.as_str());
        let found = rows(&response).unwrap();
        let ids: Vec<&str> = found.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!(ids, ["a-1", "b-2"]);
        assert!(found[0].1.get().contains("\"1.00\""));
    }

    #[test]
    fn an_answer_without_a_report_is_told() {
        let response = Response::new(200, r#"{"Reports":[]}"#);
        let told = rows(&response).err().unwrap().message;
        assert!(
            told.ends_with("answered with 0 reports instead of one"),
            "{told}"
        );
    }
}
