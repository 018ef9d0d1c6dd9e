//! Looks for records that are no more.
//!
//! Omni deletes payments without leaving a trace, so the ids that were handed over are kept in the
//! cursor, and from time to time the list's ids are held against them. That an id is not in the list
//! may have other reasons; a record counts as deleted when its own address answers 404.

use std::collections::HashSet;

use jiff::Timestamp;
use ledgerline_plugin_api::prelude::*;

use crate::resource::Resource;
use crate::walk::{Cursor, now, read_ids};
use crate::{Omni, answer};

/// Records that are asked for by their own address for one page of the list. When more are missing,
/// something else is wrong, and the next sweep asks for the rest.
const ASKED_A_PAGE: usize = 50;

impl Omni {
    /// Whether the time for a sweep has come.
    pub(crate) fn is_sweep_due(&self, cursor: &Cursor, now: Timestamp) -> bool {
        let (Some(every), Some(last)) = (self.settings.sweep_every(), cursor.swept) else {
            return false;
        };
        !cursor.known.is_empty() && now.duration_since(last) >= every
    }

    /// Goes through the list's ids, from where the cursor says; nothing where it says nothing.
    pub(crate) async fn sweep(
        &self,
        cx: &Cx,
        resource: &Resource,
        mut cursor: Cursor,
    ) -> Result<()> {
        let rows = self.settings.rows(cx.limits()).to_string();
        while let Some(after) = cursor.sweep_after {
            let condition = format!("id>{after}");
            let request = self.get(resource.list).query([
                ("where", condition.as_str()),
                ("order", "id ASC"),
                ("rows", &rows),
                ("page", "1"),
                ("fields", "id"),
            ]);
            let response = answer::success(cx.http(request).await?, resource.list)?;
            let ids = read_ids(&response, after)?;
            let there: HashSet<i64> = ids.iter().copied().collect();
            let end = ids.last().copied();
            let between = cursor.known.between(after, end);
            let missing: Vec<i64> = between
                .filter(|id| !there.contains(id))
                .take(ASKED_A_PAGE)
                .collect();
            let mut page = Page::new();
            for id in missing {
                if self.is_gone(cx, resource, id).await? {
                    page.delete(id.to_string());
                    cursor.known.remove(id);
                }
            }
            cursor.sweep_after = end.filter(|end| cursor.known.last().is_some_and(|it| it > *end));
            if cursor.sweep_after.is_none() {
                cursor.swept = Some(now(cx)?);
            }
            cx.commit(page, &cursor).await?;
        }
        Ok(())
    }

    async fn is_gone(&self, cx: &Cx, resource: &Resource, id: i64) -> Result<bool> {
        let response = cx
            .http(self.get(&format!("{}/{id}", resource.list)))
            .await?;
        if response.status == 404 {
            return Ok(true);
        }
        answer::success(response, resource.list)?.json::<&RawValue>()?;
        Ok(false)
    }
}
