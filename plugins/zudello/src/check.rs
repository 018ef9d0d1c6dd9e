//! Says whether a connection works and what it may not do.

use ledgerline_plugin_api::prelude::*;

use crate::{Stream, Zudello, answer, listing};

impl Zudello {
    pub(crate) async fn check_access(&self, cx: &Cx) -> Result<CheckReport> {
        let settings = &self.settings;
        let mut missing = Vec::new();
        let mut waiting = String::new();
        for stream in [Stream::CreditNotes, Stream::Customers] {
            let (url, mut pairs) = match stream {
                Stream::CreditNotes => (self.url(&settings.paths.list), settings.of_credit_notes()),
                Stream::Customers => (self.url_of_list(&settings.customers), Vec::new()),
            };
            pairs.push((&settings.page.size_param, "1".to_owned()));
            pairs.retain(|(name, _)| !name.is_empty());
            let response = cx.http(self.call(Request::get(url).query(pairs))).await?;
            let (what, setting) = stream.words();
            // 403 is a good key without a permission; 401 is a bad key, whatever is asked for.
            if response.status == 403 {
                let said = answer::words(&response);
                missing.push(answer::not_allowed(403, &format!("read {what}"), &said));
                continue;
            }
            let response = answer::success(response, what, setting)?;
            let rows = listing::read(&response, &settings.page)?.rows.len();
            if stream == Stream::CreditNotes {
                waiting = match rows {
                    0 => {
                        "none is there now; see that the status exists if some should be".to_owned()
                    }
                    _ => "at least one is there now".to_owned(),
                };
            }
        }
        let mut notes = vec![
            format!(
                "Credit notes are taken from {}/{} in status {}: {waiting}.",
                settings.module,
                settings.submodule,
                settings.pickup_statuses.join(", ")
            ),
            "Zudello shows a key without the data permission All a shorter list instead of an error: see \
             that this key has it on transactions."
                .to_owned(),
            "Every API key expires, and Zudello does not tell when: note the day that it showed when the key \
             was made."
                .to_owned(),
            "Whether this key may change a transaction's status shows when the first credit note is marked."
                .to_owned(),
        ];
        if missing
            .first()
            .is_some_and(|it| it.contains("transactions"))
        {
            notes.remove(0);
        }
        Ok(CheckReport {
            account: Account {
                id: settings.team().to_owned(),
                name: settings.account_name().to_owned(),
                ..Account::default()
            },
            missing,
            notes,
        })
    }
}
