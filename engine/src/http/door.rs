//! The three ways out of the client. A dry run is given only the first and the last: there is no
//! value in it through which a writing call could leave.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use url::Url;

use super::{
    auth::TokenEndpoint,
    transport::{RawAnswer, RawRequest, Transport, TransportError, exchange_within},
};

/// Longest time for a call to a token endpoint.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest answer of one.
const TOKEN_ANSWER: usize = 256 * 1024;

/// Methods that change nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadMethod {
    Get,
    Head,
}

impl ReadMethod {
    /// `None` for a method that may write.
    pub(super) fn of(method: &str) -> Option<Self> {
        match method {
            "GET" => Some(Self::Get),
            "HEAD" => Some(Self::Head),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
        }
    }
}

/// Everything of a request but its method and body.
pub(super) struct Parts {
    pub(super) url: Url,
    pub(super) headers: Vec<(String, String)>,
    pub(super) timeout: Duration,
    pub(super) max_answer: usize,
}

/// Lets reading calls out.
pub(super) struct ReadDoor(Arc<dyn Transport>);

/// Lets all calls out.
pub(super) struct WriteDoor(Arc<dyn Transport>);

/// Lets calls to token endpoints out.
#[derive(Clone)]
pub(super) struct TokenDoor(Arc<dyn Transport>);

/// What a channel holds.
pub(super) enum Door {
    ReadOnly(ReadDoor),
    ReadWrite(ReadDoor, WriteDoor),
}

/// A call that was checked against the door through which it is to leave.
pub(super) enum Passage<'a> {
    Reads(&'a ReadDoor, ReadMethod),
    Writes(&'a WriteDoor, String, Bytes),
}

impl Door {
    pub(super) fn read_only(transport: &Arc<dyn Transport>) -> Self {
        Self::ReadOnly(ReadDoor(Arc::clone(transport)))
    }

    pub(super) fn read_write(transport: &Arc<dyn Transport>) -> Self {
        Self::ReadWrite(
            ReadDoor(Arc::clone(transport)),
            WriteDoor(Arc::clone(transport)),
        )
    }

    /// The same without the writing half.
    pub(super) fn without_writing(&self) -> Self {
        match self {
            Self::ReadOnly(door) | Self::ReadWrite(door, _) => {
                Self::ReadOnly(ReadDoor(Arc::clone(&door.0)))
            }
        }
    }

    /// The way out for a call; `None` when there is none.
    pub(super) fn passage(&self, method: &str, body: &Bytes) -> Option<Passage<'_>> {
        match (ReadMethod::of(method), self) {
            (Some(method), Self::ReadOnly(door) | Self::ReadWrite(door, _)) => {
                Some(Passage::Reads(door, method))
            }
            (None, Self::ReadWrite(_, door)) => {
                Some(Passage::Writes(door, method.to_owned(), body.clone()))
            }
            (None, Self::ReadOnly(_)) => None,
        }
    }
}

impl Passage<'_> {
    /// One exchange.
    pub(super) async fn exchange(&self, parts: Parts) -> Result<RawAnswer, TransportError> {
        let (transport, method, body) = match self {
            Self::Reads(door, method) => (&door.0, method.name().to_owned(), Bytes::new()),
            Self::Writes(door, method, body) => (&door.0, method.clone(), body.clone()),
        };
        let Parts {
            url,
            headers,
            timeout,
            max_answer,
        } = parts;
        let request = RawRequest {
            method,
            url,
            headers,
            body,
            max_answer,
        };
        exchange_within(&**transport, request, timeout).await
    }
}

impl TokenDoor {
    pub(super) fn new(transport: &Arc<dyn Transport>) -> Self {
        Self(Arc::clone(transport))
    }

    /// Posts a form.
    pub(super) async fn post(
        &self,
        endpoint: &TokenEndpoint,
        authorization: Option<String>,
        form: String,
    ) -> Result<RawAnswer, TransportError> {
        let mut headers = vec![
            ("Accept".to_owned(), "application/json".to_owned()),
            (
                "Content-Type".to_owned(),
                "application/x-www-form-urlencoded".to_owned(),
            ),
        ];
        headers.extend(authorization.map(|value| ("Authorization".to_owned(), value)));
        let request = RawRequest {
            method: "POST".to_owned(),
            url: endpoint.url().clone(),
            headers,
            body: Bytes::from(form),
            max_answer: TOKEN_ANSWER,
        };
        exchange_within(&*self.0, request, TOKEN_TIMEOUT).await
    }
}
