//! What a connection may set.
//!
//! Little of this API is published, so everything that a call is made of stands here with a default:
//! another path, header, parameter or status code is a line in the configuration, not a new plugin.
//! `settings.schema.json` explains each; the engine has filled its defaults in, and the ones here
//! are the same, so that tests and older engines see them too.

use jiff::SignedDuration;
use ledgerline_plugin_api::prelude::*;

/// Settings of a connection to one Zudello team.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Settings {
    organisation: String,
    team: String,
    #[serde(default)]
    account_name: Option<String>,
    #[serde(default = "text::<X_ORGANIZATION>")]
    org_header: String,
    #[serde(default = "text::<X_TEAM>")]
    team_header: String,
    #[serde(default)]
    pub(crate) paths: Paths,
    #[serde(default)]
    pub(crate) filters: Filters,
    #[serde(default)]
    pub(crate) page: PageSettings,
    /// `name=value`, as it goes into the query; empty for none.
    #[serde(default = "text::<ORDER>")]
    order: String,
    #[serde(default = "text::<SALES>")]
    pub(crate) module: String,
    #[serde(default = "text::<CREDIT>")]
    pub(crate) submodule: String,
    #[serde(default = "pending_erp")]
    pub(crate) pickup_statuses: Vec<String>,
    #[serde(default)]
    status_list: StatusList,
    #[serde(default = "text::<COMPLETE>")]
    pub(crate) done_status: String,
    #[serde(default = "text::<UNABLE>")]
    pub(crate) failed_status: String,
    #[serde(default = "text::<CUSTOMERS>")]
    pub(crate) customers: String,
    #[serde(default)]
    pub(crate) read_each: ReadEach,
    #[serde(default = "overlap")]
    overlap_seconds: u16,
    #[serde(default)]
    pub(crate) fields: Fields,
    #[serde(default)]
    pub(crate) update_method: UpdateMethod,
}

/// Paths below the base URL; `{uuid}` and `{resource}` are replaced.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(crate) struct Paths {
    pub(crate) list: String,
    pub(crate) get: String,
    pub(crate) update: String,
    pub(crate) note: String,
    /// Where notes are read; empty where they cannot be.
    pub(crate) notes: String,
    pub(crate) resource: String,
}

/// Names of query parameters; empty for one that is not sent.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(crate) struct Filters {
    pub(crate) module: String,
    pub(crate) submodule: String,
    pub(crate) status: String,
    pub(crate) updated_since: String,
}

/// How lists come in pages.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(crate) struct PageSettings {
    pub(crate) by: PageBy,
    pub(crate) param: String,
    pub(crate) first: u32,
    pub(crate) size_param: String,
    size: u32,
    /// JSON pointers.
    pub(crate) items: String,
    pub(crate) next: String,
}

/// How a walk goes on after a page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum PageBy {
    /// From the last row's `updated_at` on; page numbers count within one instant only.
    #[default]
    Changed,
    /// By the next page number.
    Number,
    /// By the address that the page names.
    Next,
}

/// How several statuses are asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum StatusList {
    /// `status=A,B`.
    #[default]
    Comma,
    /// `status=A&status=B`.
    Repeat,
}

/// Whether a document of a list is read once more by its own address.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ReadEach {
    /// When the list leaves lines out or gives a relation as an id alone.
    #[default]
    WhenShort,
    Always,
    Never,
}

/// Names of fields that are written.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(crate) struct Fields {
    pub(crate) status: String,
    pub(crate) external_id: String,
    pub(crate) note: String,
}

/// Method of an update.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum UpdateMethod {
    #[default]
    Patch,
    Put,
    Post,
}

const X_ORGANIZATION: usize = 0;
const X_TEAM: usize = 1;
const ORDER: usize = 2;
const SALES: usize = 3;
const CREDIT: usize = 4;
const COMPLETE: usize = 5;
const UNABLE: usize = 6;
const CUSTOMERS: usize = 7;

/// Defaults of single texts.
const TEXTS: [&str; 8] = [
    "x-organization",
    "x-team",
    "ordering=updated_at,uuid",
    "SALES",
    "CREDIT",
    "COMPLETE",
    "UNABLE_TO_PROCESS",
    "customers",
];

fn text<const AT: usize>() -> String {
    TEXTS[AT].to_owned()
}
fn pending_erp() -> Vec<String> {
    vec!["PENDING_ERP".to_owned()]
}
fn overlap() -> u16 {
    120
}

impl Default for Paths {
    fn default() -> Self {
        let one = "/api/v1/transactions/{uuid}";
        Self {
            list: "/api/v1/transactions".to_owned(),
            get: one.to_owned(),
            update: one.to_owned(),
            note: format!("{one}/notes"),
            notes: format!("{one}/notes"),
            resource: "/api/v1/{resource}".to_owned(),
        }
    }
}

impl Default for Filters {
    fn default() -> Self {
        Self {
            module: "module".to_owned(),
            submodule: "submodule".to_owned(),
            status: "status".to_owned(),
            updated_since: "updated_at__gte".to_owned(),
        }
    }
}

impl Default for PageSettings {
    fn default() -> Self {
        Self {
            by: PageBy::Changed,
            param: "page".to_owned(),
            first: 1,
            size_param: "page_size".to_owned(),
            size: 100,
            items: "/results".to_owned(),
            next: "/next".to_owned(),
        }
    }
}

impl Default for Fields {
    fn default() -> Self {
        Self {
            status: "status".to_owned(),
            external_id: "external_id".to_owned(),
            note: "message".to_owned(),
        }
    }
}

impl PageSettings {
    /// Rows of a page: what was set, and what the engine takes at once.
    pub(crate) fn rows(&self, limits: Limits) -> u32 {
        let most = match limits.page_docs {
            0 => u32::MAX,
            some => some,
        };
        self.size.min(most).max(1)
    }
}

impl Settings {
    /// What the schema cannot say.
    pub(crate) fn check(&self) -> Result<()> {
        let named = [
            ("paths.get", &self.paths.get),
            ("paths.update", &self.paths.update),
            ("paths.note", &self.paths.note),
            ("paths.notes", &self.paths.notes),
        ];
        for (name, path) in named {
            let may_be_empty = matches!(name, "paths.note" | "paths.notes");
            let left_out = may_be_empty && path.is_empty();
            if !left_out && !path.contains("{uuid}") {
                return Err(Error::config(format!(
                    "setting `{name}`: `{path}` does not say where the document's id goes: write {{uuid}}"
                )));
            }
        }
        if !self.paths.resource.contains("{resource}") {
            return Err(Error::config(format!(
                "setting `paths.resource`: `{}` does not say where the list's name goes: write {{resource}}",
                self.paths.resource
            )));
        }
        if self.page.by == PageBy::Changed && self.filters.updated_since.is_empty() {
            return Err(Error::config(
                "setting `page.by`: \"changed\" needs the filter `filters.updated-since`; without it \
                 write page.by = \"number\"",
            ));
        }
        if self.page.by == PageBy::Next && self.page.next.is_empty() {
            return Err(Error::config(
                "setting `page.by`: \"next\" needs `page.next`, where a page names the next one",
            ));
        }
        if !self.order.is_empty() && !self.order.contains('=') {
            return Err(Error::config(format!(
                "setting `order`: `{}` is not a parameter with its value, such as ordering=updated_at,uuid",
                self.order
            )));
        }
        Ok(())
    }

    /// The team: what a connection reaches.
    pub(crate) fn team(&self) -> &str {
        &self.team
    }

    pub(crate) fn account_name(&self) -> &str {
        self.account_name.as_deref().unwrap_or(&self.team)
    }

    /// Headers that say whose documents are meant.
    pub(crate) fn context(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = [
            (self.org_header.as_str(), self.organisation.as_str()),
            (self.team_header.as_str(), self.team.as_str()),
        ];
        pairs.into_iter().filter(|(name, _)| !name.is_empty())
    }

    /// The parameter that orders a list.
    pub(crate) fn order(&self) -> Option<(&str, &str)> {
        self.order.split_once('=')
    }

    /// Module, submodule and status as parameters.
    pub(crate) fn of_credit_notes(&self) -> Vec<(&str, String)> {
        let mut pairs = vec![
            (self.filters.module.as_str(), self.module.clone()),
            (self.filters.submodule.as_str(), self.submodule.clone()),
        ];
        let status = self.filters.status.as_str();
        match self.status_list {
            StatusList::Comma => pairs.push((status, self.pickup_statuses.join(","))),
            StatusList::Repeat => {
                pairs.extend(self.pickup_statuses.iter().map(|it| (status, it.clone())));
            }
        }
        pairs.retain(|(name, value)| !name.is_empty() && !value.is_empty());
        pairs
    }

    /// A walk reads this much again of what the last one read.
    pub(crate) fn overlap(&self) -> SignedDuration {
        SignedDuration::from_secs(i64::from(self.overlap_seconds))
    }

    /// Whether documents in this status wait for the books.
    pub(crate) fn is_picked_up(&self, status: &str) -> bool {
        self.pickup_statuses.iter().any(|it| it == status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(more: &str) -> Settings {
        let json = format!(r#"{{"organisation":"o","team":"t"{more}}}"#);
        serde_json::from_str(&json).unwrap()
    }

    #[test]
    fn what_cannot_work_is_refused_with_what_to_write() {
        let cases = [
            ("", ""),
            (
                r#","paths":{"get":"/one"}"#,
                "`paths.get`: `/one` does not say where the document's id goes",
            ),
            (r#","paths":{"note":"/n"}"#, "`paths.note`: `/n`"),
            (r#","paths":{"resource":"/all"}"#, "write {resource}"),
            (
                r#","filters":{"updated-since":""}"#,
                "write page.by = \"number\"",
            ),
            (
                r#","filters":{"updated-since":""},"page":{"by":"number"}"#,
                "",
            ),
            (r#","page":{"by":"next","next":""}"#, "needs `page.next`"),
            (
                r#","order":"updated_at""#,
                "`updated_at` is not a parameter with its value",
            ),
            (r#","order":"""#, ""),
        ];
        for (more, expected) in cases {
            let said = settings(more)
                .check()
                .err()
                .map(|it| it.message)
                .unwrap_or_default();
            assert!(
                said.contains(expected) && said.is_empty() == expected.is_empty(),
                "{more}: {said}"
            );
        }
    }

    #[test]
    fn statuses_are_asked_for_as_the_api_takes_them() {
        let pairs = |more| {
            let settings = settings(more);
            let pairs = settings.of_credit_notes();
            pairs
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect::<Vec<_>>()
                .join("&")
        };
        assert_eq!(
            pairs(""),
            "module=SALES&submodule=CREDIT&status=PENDING_ERP"
        );
        let two = r#","pickup-statuses":["A","B"],"module":"","filters":{"submodule":"kind"}"#;
        assert_eq!(pairs(two), "kind=CREDIT&status=A,B");
        let repeated = format!(r#"{two},"status-list":"repeat""#);
        assert_eq!(pairs(&repeated), "kind=CREDIT&status=A&status=B");
        assert_eq!(
            pairs(r#","filters":{"module":"","submodule":"","status":""}"#),
            ""
        );
    }

    #[test]
    fn the_schema_gives_the_same_defaults() {
        let schema: serde_json::Value =
            serde_json::from_str(include_str!("../settings.schema.json")).unwrap();
        let default = |path: &str| {
            let mut at = &schema;
            for part in path.split('.') {
                at = &at["properties"][part];
            }
            at["default"].clone()
        };
        let plain = settings("");
        let texts = [
            ("org-header", &plain.org_header),
            ("team-header", &plain.team_header),
            ("paths.list", &plain.paths.list),
            ("paths.get", &plain.paths.get),
            ("paths.update", &plain.paths.update),
            ("paths.note", &plain.paths.note),
            ("paths.notes", &plain.paths.notes),
            ("paths.resource", &plain.paths.resource),
            ("filters.module", &plain.filters.module),
            ("filters.submodule", &plain.filters.submodule),
            ("filters.status", &plain.filters.status),
            ("filters.updated-since", &plain.filters.updated_since),
            ("page.param", &plain.page.param),
            ("page.size-param", &plain.page.size_param),
            ("page.items", &plain.page.items),
            ("page.next", &plain.page.next),
            ("order", &plain.order),
            ("module", &plain.module),
            ("submodule", &plain.submodule),
            ("done-status", &plain.done_status),
            ("failed-status", &plain.failed_status),
            ("customers", &plain.customers),
            ("fields.status", &plain.fields.status),
            ("fields.external-id", &plain.fields.external_id),
            ("fields.note", &plain.fields.note),
        ];
        for (path, here) in texts {
            assert_eq!(default(path), here.as_str(), "{path}");
        }
        assert_eq!(
            default("pickup-statuses"),
            serde_json::json!(plain.pickup_statuses)
        );
        assert_eq!(default("page.size"), plain.page.size);
        assert_eq!(default("page.first"), plain.page.first);
        assert_eq!(default("overlap-seconds"), plain.overlap_seconds);
        let first = |path: &str| default(path).as_str().unwrap().to_owned();
        assert_eq!(
            [
                first("page.by"),
                first("status-list"),
                first("read-each"),
                first("update-method")
            ],
            ["changed", "comma", "when-short", "PATCH"]
        );
    }
}
