//! A call that belongs to no connection: no budget, no credential, no repetition, no record. It is
//! made as every other is, so a redirect is an answer and not followed.

use std::time::Duration;

use super::{
    network::Network,
    transport::{RawAnswer, RawRequest, TransportError, exchange_within},
};

/// Longest time for one.
const TIMEOUT: Duration = Duration::from_secs(10);

impl Network {
    /// Makes one call to an address that the configuration names.
    pub(crate) async fn outside(&self, request: RawRequest) -> Result<RawAnswer, TransportError> {
        exchange_within(self.transport(), request, TIMEOUT).await
    }
}
