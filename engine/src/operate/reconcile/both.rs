//! A document as both sides and the store have it, ready to be compared.

use rust_decimal::Decimal;

use super::{Difference, Period, SourceSide, TargetSide};
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
    /// Documents of the target that were made of its differences, each counted with it.
    pub(super) parts: Vec<PartSide>,
}

/// A document of the target that stands for a difference of another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PartSide {
    /// As the target holds it.
    pub(super) side: TargetSide,
    /// What it adds to the document that it belongs to.
    pub(super) adds: Decimal,
}

impl Both {
    /// The target's document together with its parts: those of the same period and, as it is, posted or
    /// not. In which currency is known from the document.
    pub(super) fn with_parts(&self, held: &TargetSide, period: &Period) -> TargetSide {
        let counts = |it: &&PartSide| {
            it.side.lies_in(period) == held.lies_in(period) && it.side.posted == held.posted
        };
        let live = self.parts.iter().filter(|it| it.side.is_live());
        let more = live.filter(counts).map(|it| it.adds);
        TargetSide {
            total: held
                .total
                .map(|total| more.fold(total, Decimal::saturating_add)),
            ..held.clone()
        }
    }
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
    /// A person said that it may differ, as it is now.
    pub(super) kept: bool,
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
