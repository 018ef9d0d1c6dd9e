//! What a person may do with an engine: requests, their answers, and the local socket that carries
//! them to an engine that is already running.

mod actions;
mod adopting;
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

pub use actions::{Action, Deed, UndoneBy};
pub use adopting::AdoptReport;
pub use backfill::{BackfillReport, BackfillRequest, BackfillRoute};
pub use balances::Balance;
pub use connect::{
    ConnectRequest, ConnectStep, Connecting, Home, ListenError, Offered, Pinned, Seen,
};
pub use handle::handle;
pub use linking::SuggestedLinks;
pub use request::{
    Answer, Bulk, CallCount, CallReport, Changed, CheckRow, ConnectionReport, ConnectionStatus,
    EntryReport, GroupOf, GroupReport, LinkAnswer, LinkTo, Notified, NotifyStatus, Planned,
    Preview, Question, Request, Resolve, RouteReport, RouteStatus, Signed, StatusReport,
    SyncReport, SyncRequest, Verdict,
};
pub use socket::{Door, ask};
pub(crate) use status::status;
pub use undo::UndoReport;
