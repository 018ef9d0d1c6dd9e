//! Says which company the credentials reach, and what of it matters to the books.

use ledgerline_plugin_api::prelude::*;

use crate::fields::Fields;
use crate::{Core, answer};

impl Core {
    pub(crate) async fn who(&self, cx: &Cx) -> Result<CheckReport> {
        let response = answer::success(cx.http(self.get("me")).await?)?;
        read(&response)
    }
}

fn read(response: &Response) -> Result<CheckReport> {
    let me: Fields<'_> = response.json()?;
    let text = |name: &str| me.text(&[name]).map(|it| it.into_owned());
    let Some(company) = text("Company") else {
        return Err(Error::protocol(format!(
            "{} answered without a company: {}",
            response.call(),
            response.excerpt()
        )));
    };
    let mut notes = Vec::new();
    match text("LockDate") {
        Some(date) => notes.push(format!(
            "Core's own lock date is {}; the target's lock date is the one that counts here.",
            day(&date)
        )),
        None => notes.push("Core has no lock date of its own.".to_owned()),
    }
    match text("TaxCalculationMethod").as_deref() {
        Some(it) if it.eq_ignore_ascii_case("Row Total") => notes.push(
            "Core works tax out line by line (tax method Row Total), as most books do.".to_owned(),
        ),
        Some(it) => notes.push(format!(
            "Core works tax out for the whole document (tax method {it}): the tax of each line is \
             stated, so that the cents agree."
        )),
        None => notes.push("Core does not tell its tax method.".to_owned()),
    }
    if let Some(rule) = text("DefaultSaleTaxRuleName") {
        notes.push(format!("The default tax rule of sales is \"{rule}\"."));
    }
    if let Some(date) = text("OpeningBalanceDate") {
        notes.push(format!("Opening balances are of {}.", day(&date)));
    }
    Ok(CheckReport {
        account: Account {
            // No call tells the account id, so the company's name stands for it.
            id: company.clone(),
            name: company,
            base_currency: text("Currency").map(|it| it.to_ascii_uppercase()),
            zone: text("TimeZone"),
            ..Account::default()
        },
        missing: Vec::new(),
        notes,
    })
}

/// The day of a date; one in the company's own format stays as it is.
fn day(text: &str) -> &str {
    text.strip_suffix("T00:00:00").unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_told_and_missing_ones_too() {
        let body = r#"{"Company":"Acme Tea","Currency":"aud","TimeZone":"Australia/Sydney","LockDate":"2026-09-30T00:00:00",
            "OpeningBalanceDate":null,"TaxCalculationMethod":"Total","DefaultSaleTaxRuleName":"GST on Income"}"#;
        let report = read(&Response::new(200, body)).unwrap();
        assert_eq!(report.account.base_currency.as_deref(), Some("AUD"));
        assert_eq!(report.account.zone.as_deref(), Some("Australia/Sydney"));
        let notes = report.notes.join("\n");
        for words in [
            "lock date is 2026-09-30;",
            "tax method Total",
            "\"GST on Income\"",
        ] {
            assert!(notes.contains(words), "{notes}");
        }
        let report = read(&Response::new(200, r#"{"Company":"A","LockDate":""}"#)).unwrap();
        assert!(
            report.notes[0].contains("no lock date"),
            "{:?}",
            report.notes
        );
        assert_eq!(report.account.base_currency, None);
        assert!(read(&Response::new(200, "{}")).is_err());
    }
}
