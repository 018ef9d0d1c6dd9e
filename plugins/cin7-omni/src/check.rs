//! Says whether a connection works and what it may not do.
//!
//! Omni ticks permissions by list. Which lists the routes need is not told to a connector: the setting
//! `streams` names them, and a tick that is missing on one of theirs is a fault. Without the setting
//! all lists are asked, and what only some deployments need is a remark.

use ledgerline_plugin_api::prelude::*;

use crate::resource::{Resource, Written};
use crate::{Omni, answer};

/// Streams that are needed where the setting does not say.
const USUAL: [&str; 3] = ["customers", "suppliers", "credit_notes"];

impl Omni {
    pub(crate) async fn check_permissions(&self, cx: &Cx) -> Result<CheckReport> {
        let name = self.settings.account_name().to_owned();
        let mut report = CheckReport {
            account: Account {
                id: name.clone(),
                name,
                ..Account::default()
            },
            missing: Vec::new(),
            notes: vec![
                "Omni does not tell its account, base currency or time zone: they are taken from the \
                 configuration."
                    .to_owned(),
            ],
        };
        let lists = self.lists_to_ask();
        for (list, needed) in &lists {
            let request = self.get(list).query([("rows", "1"), ("fields", "id")]);
            let response = cx.http(request).await?;
            // 403 is a good key without a tick; 401 is a bad key, whatever is asked for.
            match (response.status, needed) {
                (403, true) => report.missing.push(answer::not_ticked("Read", list)),
                (403, false) => report.notes.push(format!(
                    "Only where a route reads {list}: {}.",
                    answer::not_ticked("Read", list)
                )),
                (404, false) => report.notes.push(format!("Omni has no {list} here.")),
                _ => {
                    answer::success(response, list)?.json::<Vec<&RawValue>>()?;
                }
            }
        }
        report.notes.extend(unasked(&lists));
        Ok(report)
    }

    /// Each list once, and whether it is known to be needed.
    fn lists_to_ask(&self) -> Vec<(&'static str, bool)> {
        let mut lists: Vec<(&'static str, bool)> = Vec::new();
        for resource in Resource::all() {
            let needed = match self.settings.streams() {
                Some(streams) if streams.iter().any(|it| it == resource.stream) => true,
                Some(_) => continue,
                None => USUAL.contains(&resource.stream),
            };
            if lists.iter().all(|(list, _)| *list != resource.list) {
                lists.push((resource.list, needed));
            }
        }
        lists
    }
}

/// Permissions to write that no reading call can show.
fn unasked(lists: &[(&str, bool)]) -> Option<String> {
    let acts = |written: Written, verb: &str| {
        let of = Resource::all().filter(move |it| it.written == written);
        let asked = of.filter(|it| lists.iter().any(|(list, _)| *list == it.list));
        let names: Vec<&str> = asked.map(|it| it.list).collect();
        (!names.is_empty()).then(|| format!("{verb} {}", names.join(" or ")))
    };
    let acts = [
        acts(Written::Status, "update"),
        acts(Written::Payments, "create or delete"),
    ];
    let acts: Vec<String> = acts.into_iter().flatten().collect();
    (!acts.is_empty()).then(|| {
        format!(
            "Whether this API connection may {} shows when that is first done.",
            acts.join(", or ")
        )
    })
}
