//! Says whether a connection works and what it may not do.

use ledgerline_plugin_api::prelude::*;

use crate::{CONTACTS, CREDIT_NOTES, Omni, answer};

impl Omni {
    pub(crate) async fn check_permissions(&self, cx: &Cx) -> Result<CheckReport> {
        let mut missing = Vec::new();
        for resource in [CONTACTS, CREDIT_NOTES] {
            let request = self.get(resource).query([("rows", "1"), ("fields", "id")]);
            let response = cx.http(request).await?;
            // 403 is a good key without a tick; 401 is a bad key, whatever is asked for.
            if response.status == 403 {
                missing.push(answer::not_ticked("Read", resource));
                continue;
            }
            let response = answer::success(response, resource)?;
            response.json::<Vec<&RawValue>>()?;
        }
        let name = self.settings.account_name().to_owned();
        Ok(CheckReport {
            account: Account { id: name.clone(), name, ..Account::default() },
            missing,
            notes: vec![
                "Omni does not tell its account, base currency or time zone: they are taken from the \
                 configuration."
                    .to_owned(),
                format!(
                    "Whether this API connection may update {CREDIT_NOTES} shows when the first \
                     accounting status is written back."
                ),
            ],
        })
    }
}
