//! What integrators write against: an `async fn` for each operation, turned into the step machine of
//! the [ABI](crate::abi).
//!
//! The future of an operation is boxed once per session. Each step feeds it what finished, polls it,
//! and hands the engine what it left behind: requests, a page, results, a wish for a batch, or its
//! return value. No runtime, no thread and no I/O is involved.

mod batch;
mod connector;
mod context;
mod desk;
mod error;
mod export;
mod log;
mod page;
mod request;
mod response;
mod session;
mod shim;

pub use batch::{BatchDoc, Change, Outcome};
pub use connector::{Connector, Embedded, Opening};
pub use context::{Cx, Limits};
pub use error::{Error, Result};
pub use export::connector;
pub use page::Page;
pub use request::{Request, percent_encode};
pub use response::Response;
#[cfg(feature = "testkit")]
pub(crate) use shim::panics_in_destroy;
