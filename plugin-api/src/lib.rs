//! The plugin contract of Ledgerline, and the SDK for writing connectors against it.
//!
//! * [`abi`]: what crosses the boundary between the engine and a connector's library.
//! * [`manifest`]: what a connector says about itself.
//! * [`sdk`]: what integrators write against; start with [`prelude`].
#![cfg_attr(
    feature = "build",
    doc = "* [`build`]: embeds the manifest, from a build script."
)]
#![cfg_attr(
    feature = "recording",
    doc = "* [`recording`]: calls and answers on file."
)]
#![cfg_attr(
    feature = "testkit",
    doc = "* [`testkit`]: runs a connector from recordings."
)]

pub mod abi;
#[cfg(feature = "build")]
pub mod build;
pub mod manifest;
#[cfg(feature = "recording")]
pub mod recording;
pub mod sdk;
#[cfg(feature = "testkit")]
pub mod testkit;

/// The guide's code, compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// What nearly every connector uses: `use ledgerline_plugin_api::prelude::*;`.
pub mod prelude {
    pub use serde::{Deserialize, Serialize};
    pub use serde_json::value::RawValue;

    pub use crate::abi::{Status, op};
    pub use crate::export_connector;
    pub use crate::manifest::{Account, Category, CheckReport, Problem};
    pub use crate::sdk::{
        BatchDoc, Change, Connector, Cx, Error, Limits, Opening, Outcome, Page, Request, Response,
        Result,
    };
}
