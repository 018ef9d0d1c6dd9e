//! The network of scenarios: calls go straight to the world in this process.

use async_trait::async_trait;
use bytes::Bytes;
use ledgerline::http::{RawAnswer, RawRequest, Transport, TransportError};
use sandbox::{Delivery, Request, World};

/// Carries calls to a world without a socket.
#[derive(Clone)]
pub struct InProcess {
    world: World,
}

impl InProcess {
    /// Calls go to `world`.
    pub fn new(world: World) -> Self {
        Self { world }
    }
}

#[async_trait]
impl Transport for InProcess {
    async fn exchange(&self, request: RawRequest) -> Result<RawAnswer, TransportError> {
        let asked = Request {
            method: request.method,
            path: request.url.path().to_owned(),
            query: request.url.query().unwrap_or_default().to_owned(),
            headers: request.headers,
            body: request.body,
        };
        let reply = self.world.handle(&asked);
        // Every call takes some time, so that several can be under way at once.
        let delay = reply.delay.max(std::time::Duration::from_millis(20));
        tokio::time::sleep(delay).await;
        match reply.delivery {
            Delivery::Whole if reply.body.len() > request.max_answer => {
                Err(TransportError::after("the answer is too long"))
            }
            Delivery::Whole => Ok(RawAnswer {
                status: reply.status,
                headers: reply.headers.clone(),
                body: Bytes::copy_from_slice(&reply.body),
            }),
            Delivery::Reset => Err(TransportError::after("connection reset")),
            Delivery::Lost => Err(TransportError::after(
                "the connection ended without an answer",
            )),
            Delivery::Truncated(bytes) => Err(TransportError::after(format!(
                "the answer ended after {bytes} bytes"
            ))),
        }
    }
}
