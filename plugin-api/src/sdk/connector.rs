//! What a connector implements.

use std::future::Future;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::manifest::{Account, CheckReport};
use crate::sdk::{Cx, Error, Result};

/// What a connection is opened with.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Opening<S> {
    /// Where the API lives, without a slash at the end.
    pub base_url: String,
    /// The vendor's account that the connection is pinned to, when there is one.
    #[serde(default)]
    pub account: Option<String>,
    /// The connection's settings, valid by the manifest's schema.
    pub settings: S,
}

/// Knows one system. Each operation is an ordinary `async fn` that awaits nothing but what [`Cx`]
/// offers.
///
/// One value serves one session: one operation on one stream.
pub trait Connector: Sized + Send + Sync + 'static {
    /// The connection's settings, as the manifest's schema describes them.
    type Settings: DeserializeOwned;
    /// Where the next pull starts. The engine stores it, so old values must stay readable.
    type Cursor: Serialize + DeserializeOwned + Default + Send + 'static;

    /// Which operations are implemented: bits of [`op`](crate::abi::op).
    const OPS: u32;

    /// Takes the connection's settings. Checks that need the remote side belong into
    /// [`check`](Self::check).
    fn open(opening: Opening<Self::Settings>) -> Result<Self>;

    /// Reads a stream from the cursor on: [`Cx::commit`] after each page.
    fn pull(
        &self,
        cx: &Cx,
        stream: &str,
        cursor: Self::Cursor,
    ) -> impl Future<Output = Result<()>> + Send {
        let _ = (cx, cursor);
        let message = format!("this connector cannot pull `{stream}`");
        async { Err(Error::unsupported(message)) }
    }

    /// Writes documents: [`Cx::next_batch`] until there is none, [`Cx::report`] after each.
    fn push(&self, cx: &Cx, stream: &str) -> impl Future<Output = Result<()>> + Send {
        let _ = cx;
        let message = format!("this connector cannot push `{stream}`");
        async { Err(Error::unsupported(message)) }
    }

    /// Looks for documents that may be there: [`Cx::next_batch`] until there is none,
    /// [`Cx::report`] after each.
    fn find(&self, cx: &Cx, stream: &str) -> impl Future<Output = Result<()>> + Send {
        let _ = cx;
        let message = format!("this connector cannot find `{stream}`");
        async { Err(Error::unsupported(message)) }
    }

    /// Says which account the credentials reach and what they lack.
    fn check(&self, cx: &Cx) -> impl Future<Output = Result<CheckReport>> + Send {
        let _ = cx;
        async {
            Err(Error::unsupported(
                "this connector cannot check a connection",
            ))
        }
    }

    /// Lists the accounts that a consent offers.
    fn discover(&self, cx: &Cx) -> impl Future<Output = Result<Vec<Account>>> + Send {
        let _ = cx;
        async { Err(Error::unsupported("this connector cannot list accounts")) }
    }
}

/// What the library says about a connector; implemented by
/// [`export_connector!`](crate::export_connector).
pub trait Embedded: Connector {
    /// Name by which connections ask for it.
    const NAME: &'static str;
    /// Semantic version of the connector.
    const VERSION: &'static str;
    /// JSON of its manifest.
    const MANIFEST: &'static str;
}
