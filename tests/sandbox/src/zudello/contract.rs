//! What is assumed of the REST interface: each name and each shape is a setting of the team.
//!
//! The defaults are what clients are told to assume. Where an assumption can be read in two ways,
//! the default is the one that is harder on a client.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The interface of one team.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Contract {
    /// Header that carries the secret of the key.
    pub auth_header: String,
    /// Word before the secret; empty for the bare secret.
    pub auth_scheme: String,
    /// Header with the organisation; empty if none is needed.
    pub org_header: String,
    /// Header with the team.
    pub team_header: String,
    /// Paths.
    pub paths: Paths,
    /// Names of the query's filters.
    pub filters: Filters,
    /// Pages.
    pub page: Paging,
    /// Query parameter with the order of a list.
    pub order_param: String,
    /// Order of a list that asks for none.
    pub default_order: String,
    /// How much of a document a list shows.
    pub list_documents: ListDocuments,
    /// How decimals are written.
    pub decimals: Decimals,
    /// How a relation is written in a whole document.
    pub relations: Relations,
    /// Where lines of landed cost stand.
    pub landed_costs: LandedCosts,
    /// Digits after the second of `created_at` and `updated_at`.
    pub fraction_digits: u8,
    /// Method that changes a document.
    pub update_method: String,
    /// Member of an update that must equal the document's `updated_at`, if it is sent.
    pub guard_field: String,
    /// Status of the answer to a change that the document's status does not allow.
    pub wrong_turn_status: u16,
    /// Member of a note that carries its text.
    pub note_field: String,
    /// Whether a note moves the document's `updated_at`.
    pub notes_move_the_document: bool,
    /// Whether the notes of a document can be read.
    pub notes_readable: bool,
    /// Shape of error bodies.
    pub error_bodies: ErrorBodies,
    /// Module of sales credits.
    pub module: String,
    /// Submodule of sales credits.
    pub submodule: String,
}

impl Default for Contract {
    fn default() -> Self {
        Self {
            auth_header: "Authorization".to_owned(),
            auth_scheme: "Bearer".to_owned(),
            org_header: "x-organization".to_owned(),
            team_header: "x-team".to_owned(),
            paths: Paths::default(),
            filters: Filters::default(),
            page: Paging::default(),
            order_param: "ordering".to_owned(),
            default_order: "-updated_at".to_owned(),
            list_documents: ListDocuments::Brief,
            decimals: Decimals::Text,
            relations: Relations::Object,
            landed_costs: LandedCosts::Mixed,
            fraction_digits: 6,
            update_method: "PATCH".to_owned(),
            guard_field: "updated_at".to_owned(),
            wrong_turn_status: 409,
            note_field: "message".to_owned(),
            notes_move_the_document: true,
            notes_readable: false,
            error_bodies: ErrorBodies::Detail,
            module: "SALES".to_owned(),
            submodule: "CREDIT".to_owned(),
        }
    }
}

/// Paths, with `{uuid}` and `{resource}` where the call names one.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Paths {
    /// List of documents.
    pub list: String,
    /// One whole document.
    pub get: String,
    /// Change of a document.
    pub update: String,
    /// Notes on a document.
    pub note: String,
    /// The file that a document was read from.
    pub file: String,
    /// Lists of master data.
    pub resource: String,
    /// Names that master data go by in the path, where they are not the usual ones.
    pub names: BTreeMap<String, String>,
}

impl Default for Paths {
    fn default() -> Self {
        Self {
            list: "/api/v1/transactions".to_owned(),
            get: "/api/v1/transactions/{uuid}".to_owned(),
            update: "/api/v1/transactions/{uuid}".to_owned(),
            note: "/api/v1/transactions/{uuid}/notes".to_owned(),
            file: "/api/v1/transactions/{uuid}/file".to_owned(),
            resource: "/api/v1/{resource}".to_owned(),
            names: BTreeMap::new(),
        }
    }
}

/// Names of the query's filters. An unknown parameter is ignored, so a name that is only nearly
/// right gives every document.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Filters {
    /// Module.
    pub module: String,
    /// Submodule.
    pub submodule: String,
    /// Status.
    pub status: String,
    /// Changed at this instant or later.
    pub updated_since: String,
    /// Whether that instant itself belongs to it.
    pub inclusive: bool,
    /// How several values of one filter are given.
    pub several: Several,
}

impl Default for Filters {
    fn default() -> Self {
        Self {
            module: "module".to_owned(),
            submodule: "submodule".to_owned(),
            status: "status".to_owned(),
            updated_since: "updated_at__gte".to_owned(),
            inclusive: true,
            several: Several::None,
        }
    }
}

/// Pages of a list.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Paging {
    /// Query parameter with the page.
    pub param: String,
    /// Number of the first page.
    pub first: usize,
    /// Query parameter with the size.
    pub size_param: String,
    /// Size unless the call asks for another.
    pub size: usize,
    /// Largest size; a larger one is quietly made smaller.
    pub most: usize,
    /// JSON pointer to the rows; empty for a bare array.
    pub items_pointer: String,
    /// JSON pointer to what names the next page.
    pub next_pointer: String,
    /// How the next page is named.
    pub next: Next,
    /// Answer to a page beyond the end.
    pub beyond_end: BeyondEnd,
}

impl Default for Paging {
    fn default() -> Self {
        Self {
            param: "page".to_owned(),
            first: 1,
            size_param: "page_size".to_owned(),
            size: 100,
            most: 100,
            items_pointer: "/results".to_owned(),
            next_pointer: "/next".to_owned(),
            next: Next::Url,
            beyond_end: BeyondEnd::Empty,
        }
    }
}

/// How several values of one filter are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Several {
    /// Not at all: the last parameter counts, and a comma is part of the value.
    #[default]
    None,
    /// With commas.
    Comma,
    /// The parameter once a value.
    Repeat,
}

/// How the next page is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Next {
    /// Whole address.
    #[default]
    Url,
    /// Path and query.
    Path,
    /// Number of the page.
    Page,
}

/// Answer to a page beyond the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BeyondEnd {
    /// An empty page.
    #[default]
    Empty,
    /// 404.
    NotFound,
}

/// How much of a document a list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ListDocuments {
    /// The header, with relations as UUIDs and without lines.
    #[default]
    Brief,
    /// The same as a call for the document.
    Whole,
}

/// How decimals are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decimals {
    /// As strings.
    #[default]
    Text,
    /// As numbers.
    Number,
    /// As strings in headers and as numbers in lines and master data.
    Mixed,
}

/// How a relation is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Relations {
    /// As an object with its UUID and its codes.
    #[default]
    Object,
    /// As its UUID.
    Uuid,
    /// As `null`; its UUID stands in the member with `_uuid`.
    Null,
}

/// Where lines of landed cost stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LandedCosts {
    /// Among `lines`.
    #[default]
    Mixed,
    /// In `landed_costs`.
    Apart,
}

/// Shape of error bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorBodies {
    /// `{"detail": …}`
    #[default]
    Detail,
    /// `{"message": …}`
    Message,
    /// `{"errors": {field: […]}}`
    Errors,
    /// Plain text.
    Text,
    /// The four in turn.
    Turns,
}

/// The values that a path has in the places of a template's `{…}`, if it fits the template.
pub(crate) fn matched<'a>(template: &str, path: &'a str) -> Option<Vec<&'a str>> {
    let mut values = Vec::new();
    let mut parts = path.trim_end_matches('/').split('/');
    for wanted in template.trim_end_matches('/').split('/') {
        let part = parts.next()?;
        if wanted.starts_with('{') && wanted.ends_with('}') && !part.is_empty() {
            values.push(part);
        } else if wanted != part {
            return None;
        }
    }
    parts.next().is_none().then_some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_fit_templates() {
        let cases: &[(&str, &str, Option<&[&str]>)] = &[
            ("/api/v1/transactions", "/api/v1/transactions", Some(&[])),
            ("/api/v1/transactions", "/api/v1/transactions/", Some(&[])),
            ("/api/v1/transactions", "/api/v1/transactions/x", None),
            ("/t/{uuid}/notes", "/t/7/notes", Some(&["7"])),
            ("/t/{uuid}/notes", "/t//notes", None),
            ("/t/{uuid}/notes", "/t/7", None),
        ];
        for (template, path, expected) in cases {
            assert_eq!(
                matched(template, path).as_deref(),
                *expected,
                "{template} {path}"
            );
        }
    }
}
