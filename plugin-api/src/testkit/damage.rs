//! Ways in which an answer can be wrong.

use super::session::Answer;
use crate::abi::Status;

/// One way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// Status 200 and no body.
    Empty,
    /// Cut in the middle.
    Truncated,
    /// `null`.
    Null,
    /// A number in place of whatever was expected.
    WrongType,
    /// Bytes that are not UTF-8.
    InvalidUtf8,
    /// 20 MB of JSON, of another kind than was expected.
    Huge,
    /// An HTTP status with an HTML page.
    Status(u16),
    /// No answer at all.
    Lost,
}

impl Damage {
    /// All that every answer is tried with. [`Self::Huge`] takes its time, so one answer of a case is
    /// enough.
    pub const ALL: [Self; 13] = [
        Self::Empty,
        Self::Truncated,
        Self::Null,
        Self::WrongType,
        Self::InvalidUtf8,
        Self::Status(401),
        Self::Status(403),
        Self::Status(404),
        Self::Status(409),
        Self::Status(429),
        Self::Status(500),
        Self::Status(503),
        Self::Lost,
    ];

    /// The status that a pull has to end with, where there is only one right one.
    pub(super) fn pull_status(self) -> Option<Status> {
        match self {
            Self::Status(401) => Some(Status::AUTH),
            Self::Status(429) => Some(Status::RATE_LIMITED),
            Self::Status(500 | 503) | Self::Lost => Some(Status::UNAVAILABLE),
            Self::Truncated | Self::InvalidUtf8 | Self::WrongType | Self::Huge => {
                Some(Status::PROTOCOL)
            }
            _ => None,
        }
    }

    /// The answer, damaged.
    pub(super) fn apply(self, answer: Answer) -> Answer {
        let (status, headers, body) = match answer {
            Answer::Response {
                status,
                headers,
                body,
            } => (status, headers, body),
            Answer::Failure { .. } => (200, Vec::new(), Vec::new()),
        };
        let with = |body: Vec<u8>| Answer::Response {
            status,
            headers: headers.clone(),
            body,
        };
        match self {
            Self::Empty => with(Vec::new()),
            // The last byte of JSON is never superfluous, the first half never enough.
            Self::Truncated => with(if body.is_empty() {
                b"{".to_vec()
            } else {
                body[..body.len() / 2].to_vec()
            }),
            Self::Null => with(b"null".to_vec()),
            Self::WrongType => with(b"7".to_vec()),
            Self::InvalidUtf8 => with(b"[{\"id\":\"\xff\xfe\"}]".to_vec()),
            Self::Huge => {
                let mut body = vec![b'x'; 20_000_000];
                body[0] = b'"';
                body[19_999_999] = b'"';
                with(body)
            }
            Self::Status(status) => {
                let html = format!("<html><body>{status}</body></html>");
                Answer::Response {
                    status,
                    headers: Vec::new(),
                    body: html.into_bytes(),
                }
            }
            Self::Lost => Answer::Failure {
                status: Status::UNAVAILABLE,
                message: "connection reset".into(),
            },
        }
    }
}
