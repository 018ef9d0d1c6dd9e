//! The statuses of a document, and who may move it where.
//!
//! A team chooses its own codes, so everything asks by role. An integration moves a document that
//! waits for it; everything else is done by people, and a completed document that is reverted and
//! submitted again keeps its UUID.

use serde::{Deserialize, Serialize};

/// The codes of a team.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Workflow {
    /// Being written.
    pub draft: String,
    /// Waits for a person's review.
    pub review: String,
    /// Can be submitted.
    pub ready: String,
    /// Was refused by an approver.
    pub rejected: String,
    /// Waits for an approver.
    pub approval: String,
    /// Rules are running, or an integration is at work: nobody can tell which.
    pub processing: String,
    /// Waits for the integration.
    pub pending: String,
    /// Is in the books.
    pub complete: String,
    /// The books refused it.
    pub failed: String,
    /// Closed.
    pub closed: String,
    /// Archived.
    pub archived: String,
    /// Deleted: no call shows it.
    pub deleted: String,
    /// Whether a submitted document needs an approval.
    pub needs_approval: bool,
    /// Whether an integration may complete a document that it called failed, although nobody
    /// submitted it again.
    pub failed_can_complete: bool,
    /// Whether a reverted document keeps the id that it has in the books.
    pub revert_keeps_external_id: bool,
}

impl Default for Workflow {
    fn default() -> Self {
        Self {
            draft: "DRAFT".to_owned(),
            review: "REVIEW".to_owned(),
            ready: "READY".to_owned(),
            rejected: "REJECT_REVIEW".to_owned(),
            approval: "APPROVAL".to_owned(),
            processing: "PROCESSING".to_owned(),
            pending: "PENDING_ERP".to_owned(),
            complete: "COMPLETE".to_owned(),
            failed: "UNABLE_TO_PROCESS".to_owned(),
            closed: "CLOSED".to_owned(),
            archived: "ARCHIVED".to_owned(),
            deleted: "DELETED".to_owned(),
            needs_approval: false,
            failed_can_complete: false,
            revert_keeps_external_id: true,
        }
    }
}

/// What comes of a status that an integration asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// The document moves.
    Moves,
    /// It is there already.
    Stays,
    /// It is not the integration's turn.
    Wrong,
    /// No such status.
    Unknown,
}

/// What people do with a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Submit,
    Approve,
    Reject,
    Revert,
    Close,
    Archive,
    Delete,
}

impl Verb {
    pub(crate) fn of(word: &str) -> Option<Self> {
        Some(match word {
            "submit" => Self::Submit,
            "approve" => Self::Approve,
            "reject" => Self::Reject,
            "revert" => Self::Revert,
            "close" => Self::Close,
            "archive" => Self::Archive,
            "delete" => Self::Delete,
            _ => return None,
        })
    }
}

impl Workflow {
    fn knows(&self, code: &str) -> bool {
        [
            &self.draft,
            &self.review,
            &self.ready,
            &self.rejected,
            &self.approval,
            &self.processing,
            &self.pending,
            &self.complete,
            &self.failed,
            &self.closed,
            &self.archived,
            &self.deleted,
        ]
        .iter()
        .any(|it| *it == code)
    }

    /// Whether the document is the integration's to move.
    pub(crate) fn waits_for_us(&self, status: &str) -> bool {
        status == self.pending || status == self.processing
    }

    /// What comes of an integration's wish.
    pub(crate) fn asked(&self, from: &str, to: &str) -> Turn {
        if !self.knows(to) {
            Turn::Unknown
        } else if from == to {
            Turn::Stays
        } else if self.waits_for_us(from)
            && (to == self.complete || to == self.failed || to == self.processing)
            || self.failed_can_complete && from == self.failed && to == self.complete
        {
            Turn::Moves
        } else {
            Turn::Wrong
        }
    }

    /// Where a person's act takes a document.
    pub(crate) fn done(&self, verb: Verb, from: &str) -> Result<&str, String> {
        let refused = |wanted: &str| Err(format!("the document is {from}, not {wanted}"));
        match verb {
            Verb::Submit => {
                let editable = [
                    &self.draft,
                    &self.review,
                    &self.ready,
                    &self.rejected,
                    &self.failed,
                ];
                if !editable.iter().any(|it| *it == from) {
                    return refused("one that can be submitted");
                }
                Ok(if self.needs_approval {
                    &self.approval
                } else {
                    &self.pending
                })
            }
            Verb::Approve if from == self.approval => Ok(&self.pending),
            Verb::Reject if from == self.approval => Ok(&self.rejected),
            Verb::Revert if from == self.complete => Ok(&self.ready),
            Verb::Close if from == self.complete => Ok(&self.closed),
            Verb::Approve | Verb::Reject => refused(&self.approval),
            Verb::Revert | Verb::Close => refused(&self.complete),
            Verb::Archive => Ok(&self.archived),
            Verb::Delete => Ok(&self.deleted),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_integration_moves_what_waits_for_it() {
        let flow = Workflow::default();
        let cases = [
            ("PENDING_ERP", "COMPLETE", Turn::Moves),
            ("PENDING_ERP", "UNABLE_TO_PROCESS", Turn::Moves),
            ("PROCESSING", "COMPLETE", Turn::Moves),
            ("COMPLETE", "COMPLETE", Turn::Stays),
            ("READY", "COMPLETE", Turn::Wrong),
            ("COMPLETE", "UNABLE_TO_PROCESS", Turn::Wrong),
            ("PENDING_ERP", "READY", Turn::Wrong),
            ("PENDING_ERP", "COMPLETED", Turn::Unknown),
        ];
        for (from, to, expected) in cases {
            assert_eq!(flow.asked(from, to), expected, "{from} to {to}");
        }
    }

    #[test]
    fn people_move_the_rest() {
        let straight = Workflow::default();
        let approved = Workflow {
            needs_approval: true,
            ..Workflow::default()
        };
        let cases = [
            (&straight, Verb::Submit, "READY", Some("PENDING_ERP")),
            (
                &straight,
                Verb::Submit,
                "UNABLE_TO_PROCESS",
                Some("PENDING_ERP"),
            ),
            (&straight, Verb::Submit, "COMPLETE", None),
            (&straight, Verb::Revert, "COMPLETE", Some("READY")),
            (&straight, Verb::Revert, "PENDING_ERP", None),
            (&approved, Verb::Submit, "READY", Some("APPROVAL")),
            (&approved, Verb::Approve, "APPROVAL", Some("PENDING_ERP")),
            (&approved, Verb::Reject, "APPROVAL", Some("REJECT_REVIEW")),
            (&approved, Verb::Approve, "READY", None),
        ];
        for (flow, verb, from, expected) in cases {
            assert_eq!(flow.done(verb, from).ok(), expected, "{verb:?} from {from}");
        }
    }
}
