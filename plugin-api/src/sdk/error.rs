//! Why an operation ended early. The engine branches on the status alone; people read the message.

use crate::abi::Status;
use crate::sdk::Response;

/// Result of anything a connector does.
pub type Result<T> = std::result::Result<T, Error>;

/// A status with its explanation.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// What the engine acts on.
    pub status: Status,
    /// A lowercase fragment that says what is wrong, where, and what would help.
    pub message: String,
    /// With [`Status::RATE_LIMITED`]: for how long; zero when unknown.
    pub retry_after_ms: u64,
    /// JSON object for tickets: document id, JSON pointer, excerpt. No secrets.
    pub detail: Option<serde_json::Value>,
}

impl Error {
    /// An error of any status.
    pub fn new(status: Status, message: impl ToString) -> Self {
        Self {
            status,
            message: message.to_string(),
            retry_after_ms: 0,
            detail: None,
        }
    }

    /// The configuration is wrong; only an operator can mend it.
    pub fn config(message: impl ToString) -> Self {
        Self::new(Status::CONFIG, message)
    }

    /// Credentials or permissions were refused.
    pub fn auth(message: impl ToString) -> Self {
        Self::new(Status::AUTH, message)
    }

    /// The remote side or the way to it failed; the same call may work later.
    pub fn unavailable(message: impl ToString) -> Self {
        Self::new(Status::UNAVAILABLE, message)
    }

    /// The remote side asks to slow down. Only for answers that say so in an unusual way: the engine
    /// itself waits out what the manifest's `answers` name.
    pub fn rate_limited(retry_after_ms: u64, message: impl ToString) -> Self {
        Self {
            retry_after_ms,
            ..Self::new(Status::RATE_LIMITED, message)
        }
    }

    /// The remote side understood and refused; the same call will not work later.
    pub fn rejected(message: impl ToString) -> Self {
        Self::new(Status::REJECTED, message)
    }

    /// The remote side answered something that this connector does not understand.
    pub fn protocol(message: impl ToString) -> Self {
        Self::new(Status::PROTOCOL, message)
    }

    /// The connector or the engine broke the contract.
    pub fn bug(message: impl ToString) -> Self {
        Self::new(Status::BUG, message)
    }

    /// This connector does not offer what was asked for.
    pub fn unsupported(message: impl ToString) -> Self {
        Self::new(Status::UNSUPPORTED, message)
    }

    /// Adds what a ticket needs: an object of small values without secrets.
    pub fn with_detail(mut self, detail: serde_json::Value) -> Self {
        self.detail = Some(detail);
        self
    }

    /// The error of an answer that was not expected: the call, its HTTP status and the beginning of
    /// its body. 401 and 403 are refused credentials, 429 a wish to slow down, 5xx a passing fault,
    /// another 4xx a refusal, and anything else something that is not understood.
    pub fn from_response(response: &Response) -> Self {
        let status = match response.status {
            401 | 403 => Status::AUTH,
            408 | 500..=599 => Status::UNAVAILABLE,
            429 => Status::RATE_LIMITED,
            400..=499 => Status::REJECTED,
            _ => Status::PROTOCOL,
        };
        let excerpt = response.excerpt();
        let says = if excerpt.is_empty() {
            "nothing more".to_owned()
        } else {
            excerpt
        };
        Self::new(
            status,
            format!("{} answered {}: {says}", response.call(), response.status),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_statuses_become_statuses() {
        let cases = [
            (401, Status::AUTH),
            (403, Status::AUTH),
            (404, Status::REJECTED),
            (408, Status::UNAVAILABLE),
            (429, Status::RATE_LIMITED),
            (500, Status::UNAVAILABLE),
            (503, Status::UNAVAILABLE),
            (302, Status::PROTOCOL),
            (200, Status::PROTOCOL),
        ];
        for (http, status) in cases {
            let error = Error::from_response(&Response::new(http, "no"));
            assert_eq!(error.status, status, "{http}");
            assert_eq!(error.message, format!("the call answered {http}: no"));
        }
    }
}
