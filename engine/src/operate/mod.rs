//! What a person may do with an engine: requests, their answers, and the local socket that carries
//! them to an engine that is already running.

mod actions;
mod backfill;
mod balances;
mod bulk;
mod check;
mod connect;
mod handle;
mod linking;
mod notifying;
pub mod reconcile;
mod request;
mod show;
mod socket;
mod status;
mod undo;
pub(crate) mod words;

pub use backfill::{BackfillReport, BackfillRequest, BackfillRoute};
pub use balances::Balance;
pub use connect::{
    ConnectRequest, ConnectStep, Connecting, Home, ListenError, Offered, Pinned, Seen,
};
pub use handle::handle;
pub use request::{
    Action, AdoptReport, Answer, Bulk, CallCount, CallReport, Changed, CheckRow, ConnectionReport,
    ConnectionStatus, Deed, EntryReport, GroupReport, LinkAnswer, LinkTo, Notified, NotifyStatus,
    Planned, Preview, Question, Request, RouteReport, RouteStatus, Signed, StatusReport,
    SuggestedLinks, SyncReport, SyncRequest, UndoReport, UndoneBy, Verdict,
};
pub use socket::{Door, ask};
pub(crate) use status::status;
