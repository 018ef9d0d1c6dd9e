//! Reads the customers that changed, the deprecated ones too.
//!
//! The list is cheap, a call for a thousand, so an interrupted walk begins again; only its end moves
//! the watermark. There is no upper end to freeze: a customer that changes meanwhile is met again by
//! the next walk.

use std::collections::HashSet;

use ledgerline_plugin_api::prelude::*;

use crate::fields::Fields;
use crate::list::Lister;
use crate::{Core, Cursor, stamp};

const CUSTOMERS: &[&str] = &["CustomerList", "Customers"];

impl Core {
    pub(crate) async fn walk_customers(&self, cx: &Cx, cursor: Cursor) -> Result<()> {
        let mut filters = Vec::new();
        if let Some(since) = cursor.since {
            let from = since
                .saturating_sub(self.settings.overlap())
                .map_err(Error::bug)?;
            filters.push(("ModifiedSince", stamp::written(from)));
        }
        // Without it, a customer that is put out of use would look as if it had not changed.
        filters.push(("IncludeDeprecated", "true".to_owned()));
        let mut newest = cursor.since;
        let mut lister = Lister::new(self, "customer", CUSTOMERS, filters);
        while let Some(response) = lister.next(cx).await? {
            let listed = lister.read(&response)?;
            let most = match cx.limits().page_docs {
                0 => usize::MAX,
                docs => docs as usize,
            };
            let mut pages = vec![Page::new()];
            let mut ids = HashSet::new();
            for (at, raw) in listed.rows.iter().enumerate() {
                let unreadable = |what: String| {
                    Error::protocol(format!("{}, row {at}: {what}", response.call()))
                };
                let fields: Fields<'_> =
                    serde_json::from_str(raw.get()).map_err(|it| unreadable(it.to_string()))?;
                let id = fields
                    .guid(&["ID", "CustomerID"])
                    .ok_or_else(|| unreadable("it has no ID".into()))?;
                let modified = fields.text(&["LastModifiedOn", "Updated"]);
                newest = newest.max(modified.and_then(|it| stamp::read(&it)));
                // A list that is made while it changes may hold a row twice; a page may not.
                if !ids.insert(id.clone()) {
                    continue;
                }
                if pages.last().is_some_and(|it| it.len() >= most) {
                    pages.push(Page::new());
                }
                if let Some(page) = pages.last_mut() {
                    page.upsert(id, stamp::fingerprint([raw.get()]), raw);
                }
            }
            let last = lister.took(&response, &listed)?;
            let count = pages.len();
            for (at, page) in pages.into_iter().enumerate() {
                let ended = Cursor::at(newest);
                let whole = last && at + 1 == count;
                cx.commit(page, if whole { &ended } else { &cursor })
                    .await?;
            }
        }
        Ok(())
    }
}
