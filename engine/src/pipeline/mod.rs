//! The way of a document: pull → intake → prepare → deliver → settle.
//!
//! `run` is one run over the routes, `chains` their order, `work` one route's turn, which begins with
//! what is `uncertain`; `ahead` asks early for what the first document will need. `decide` says what is
//! to be done about an entry without asking anybody; `ask` asks the systems, `send` writes to them,
//! `settle` makes the outcome durable. `difference` and `resolve` are about documents that the target does not
//! let change, `reapply` about payments that come off for that. `groups` puts documents together of which one
//! document of the target is made. `backfill` loads what lies before the cut-over. `engine` holds what all of them share.

pub(crate) mod account;
mod ahead;
mod ask;
mod backfill;
mod by_hand;
mod calls;
mod chains;
mod decide;
mod difference;
mod engine;
mod first_sights;
mod groups;
mod plan;
mod plans;
mod progress;
mod pull;
mod pull_files;
mod read_back;
mod reapply;
mod reference;
mod resolve;
mod run;
mod schedule;
mod scope;
mod send;
mod settle;
pub(crate) mod steps;
mod taken_back;
mod uncertain;
mod work;

pub(crate) use by_hand::Adoption;
pub(crate) use decide::{Takers, WITHDRAWN, void_note};
pub(crate) use difference::Decided;
pub(crate) use engine::Connected;
pub use engine::{Engine, OpenError, Parts};
pub(crate) use first_sights::note as first_sight_note;
pub(crate) use groups::{
    GroupDocument, fill as fill_groups, members_of, tell_members, tell_members_anew,
};
pub(crate) use plan::RoutePlan;
pub use plans::{Offline, check_offline};
pub use progress::{Progress, Silent, Step};
pub(crate) use pull_files::TROUBLES;
pub(crate) use reference::whole_note;
pub(crate) use run::Run;
pub(crate) use settle::held_name;
pub use steps::{CONNECT_STEPS, STEPS};
