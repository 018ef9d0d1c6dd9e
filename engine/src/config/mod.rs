//! Configuration: TOML as written → checked values, all problems at once, each with file, line and
//! remedy. Nothing here opens a store, loads a plugin or makes a call.

mod against;
pub mod checked;
mod demo_toml;
mod deployment_toml;
mod files_toml;
pub mod findings;
mod load;
mod notify;
mod notify_toml;
mod order;
mod reader;
mod render;
mod route_toml;
mod rules;
mod schemas;
mod start_setting;
mod table_toml;
#[cfg(test)]
mod tests;
mod unset;
mod values;

pub use self::{
    against::{check_against, fill_defaults, mapping_ends},
    checked::{
        Act, App, Connection, Demo, Deployment, Endpoint, Fares, FileDrop, GROUPS, MappingFile,
        OUTCOMES, Replace, Rounding, RoundingPolicy, Route, SecretRef, Table, Trigger, Unmatched,
        Voids,
    },
    findings::{Finding, Findings, Places, SourceFile, known_names, nearest},
    load::{Files, check_files, load, load_demo},
    notify::{MailTls, MailWay, Notify, NotifyWay, WebhookWay},
    schemas::{SchemaFile, schemas},
    unset::unset,
};
