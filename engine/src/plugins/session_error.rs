//! Why a session ended early, and what follows from that.

use std::time::Duration;

use ledgerline_plugin_api::abi::Status;

/// Why a session ended early. The session is gone; whatever it had open was dropped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SessionError {
    /// Class of the error; [`disposition`](Self::disposition) decides by it.
    pub status: Status,
    /// For people: what is wrong, where, and what would help.
    pub message: String,
    /// JSON object of the connector, for tickets. Shown, never read.
    pub detail: Option<String>,
    /// How long to stay away, when the remote side said so.
    pub retry_after: Option<Duration>,
}

/// What the engine does after a session ended early. This is the whole set of decisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// The same session may work later, after `retry_after` where it is given.
    RetryLater,
    /// Nothing helps until a person has changed something.
    WaitForPerson,
    /// The document or page at hand will not go through; others may.
    StopDocument,
    /// Nothing more by this session, and the connector's owner is told when it was its fault.
    StopSession,
}

impl SessionError {
    /// An error of this class. `status` is not OK.
    pub fn new(status: Status, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            detail: None,
            retry_after: None,
        }
    }

    /// The connector broke a rule of the contract.
    pub(super) fn bug(rule: impl Into<String>) -> Self {
        Self::new(
            Status::BUG,
            format!("the connector broke the contract: {}", rule.into()),
        )
    }

    /// The engine itself used a session wrongly.
    pub(super) fn misuse(what: &str) -> Self {
        Self::new(
            Status::BUG,
            format!("the engine used the session wrongly: {what}"),
        )
    }

    pub(super) fn cancelled() -> Self {
        Self::new(Status::CANCELLED, "stopped by the engine")
    }

    /// What follows.
    pub fn disposition(&self) -> Disposition {
        // Every status of the contract is named: a new one must choose.
        match self.status {
            Status::RATE_LIMITED | Status::UNAVAILABLE => Disposition::RetryLater,
            Status::CONFIG | Status::AUTH | Status::UNSUPPORTED => Disposition::WaitForPerson,
            Status::REJECTED | Status::PROTOCOL => Disposition::StopDocument,
            Status::OK | Status::NOT_FOUND => Disposition::StopSession,
            Status::CANCELLED | Status::PANIC | Status::BUG => Disposition::StopSession,
            // A number that the contract does not hold. The driver turns these into `BUG`.
            Status(_) => Disposition::StopSession,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_a_disposition() {
        let expected = [
            ("OK", Disposition::StopSession),
            ("CONFIG", Disposition::WaitForPerson),
            ("AUTH", Disposition::WaitForPerson),
            ("RATE_LIMITED", Disposition::RetryLater),
            ("UNAVAILABLE", Disposition::RetryLater),
            ("REJECTED", Disposition::StopDocument),
            ("PROTOCOL", Disposition::StopDocument),
            ("CANCELLED", Disposition::StopSession),
            ("UNSUPPORTED", Disposition::WaitForPerson),
            ("PANIC", Disposition::StopSession),
            ("BUG", Disposition::StopSession),
            ("NOT_FOUND", Disposition::StopSession),
        ];
        let decided =
            Status::ALL.map(|(name, status)| (name, SessionError::new(status, "").disposition()));
        assert_eq!(decided, expected);
        assert_eq!(
            SessionError::new(Status(77), "").disposition(),
            Disposition::StopSession
        );
    }
}
