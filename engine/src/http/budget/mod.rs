//! Call budgets: how many calls may leave, when, and who waits.

mod limits;
mod line;
mod recent;
mod shares;
mod state;
mod turns;
mod window;

pub(super) use limits::Limits;
pub use state::BudgetView;

pub(super) use limits::{account_limits, app_limits, bucket_limits};
pub(super) use line::{Budget, Caller, Refused, Ticket, enter};
pub(super) use state::Exhausted;
