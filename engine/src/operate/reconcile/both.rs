//! A document as both sides and the store have it, ready to be compared.

use super::{Difference, SourceSide, TargetSide};
use crate::store::{EntryId, State};

/// A document that an entry stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Both {
    pub(super) route: String,
    /// The target stream, as `CONNECTION/STREAM`.
    pub(super) to: String,
    pub(super) id: EntryId,
    pub(super) stored: Stored,
    /// None: the source deleted it.
    pub(super) source: Option<SourceSide>,
    /// What the target holds under the link, in whatever state; none when it holds nothing.
    pub(super) target: Option<TargetSide>,
    /// Links, such as the contact, that the target's document does not carry as they are here.
    pub(super) links_apart: Vec<Difference>,
    /// An entry that is linked to the same document and was met earlier.
    pub(super) taken_by: Option<EntryId>,
}

/// What the store remembers of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) state: State,
    /// The number that it carries in the target.
    pub(super) number: Option<String>,
    /// The target's id that it is linked to.
    pub(super) link: Option<String>,
    /// Why it stands where it stands.
    pub(super) why: Option<String>,
    pub(super) remedy: Option<String>,
    /// The entry that it waits for.
    pub(super) waits_for: Option<EntryId>,
    /// Trying again helps only after somebody chose what to do.
    pub(super) asks: bool,
}

/// A document of the target that nothing is linked to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Extra {
    /// The target stream, as `CONNECTION/STREAM`.
    pub(super) to: String,
    pub(super) target: TargetSide,
    /// What is known about its making.
    pub(super) notes: Vec<String>,
    /// An entry that is in no target yet and has its number.
    pub(super) number_of: Option<EntryId>,
}
