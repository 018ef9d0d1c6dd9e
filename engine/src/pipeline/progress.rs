//! What a run tells while it goes on, for progress bars and logs. Never a document's content.

use serde::{Deserialize, Serialize};

use crate::store::StreamId;

/// One step of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// A page was taken in.
    Pulled {
        /// Of which stream.
        stream: StreamId,
        /// Documents on it.
        documents: u64,
    },
    /// Documents of a route are about to be sent.
    Sending {
        /// On which route.
        route: String,
        /// How many.
        documents: u64,
    },
    /// One document's outcome is durable.
    Settled {
        /// On which route.
        route: String,
    },
    /// Waiting for the moment at which a lost answer may be asked about.
    WaitingToAsk {
        /// When it goes on, milliseconds since the epoch.
        until_ms: i64,
    },
    /// The run is over.
    Done,
}

/// Hears the steps.
pub trait Progress: Send + Sync {
    /// One step; must return at once.
    fn step(&self, step: Step);
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn step(&self, _: Step) {}
}
