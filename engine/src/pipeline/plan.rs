//! A route made ready: mapping compiled, manifests of both ends at hand. Made once when the
//! configuration loads; nothing here changes afterwards.

use std::{collections::BTreeMap, sync::Arc};

use jiff::{civil::Date, tz::TimeZone};
use ledgerline_plugin_api::manifest::{HeldState, Manifest, Op, Stream, Update};

use crate::{
    config::{Rounding, Route},
    mapping::{Mapping, Reference, RulesCx, StreamRules, Value},
    pipeline::difference::Part,
    store::{State, StreamId},
};

/// A route made ready.
pub(crate) struct RoutePlan {
    pub(crate) route: Route,
    /// Where its documents come from.
    pub(crate) source: StreamId,
    /// The connection whose documents it speaks of: of a route that follows another one, that one's.
    pub(crate) origin: String,
    /// Where they go.
    pub(crate) target: StreamId,
    pub(crate) mapping: Mapping,
    /// Absent for routes that follow another one's outcomes.
    pub(crate) source_rules: Option<Arc<StreamRules>>,
    pub(crate) source_stream: Option<Stream>,
    pub(crate) target_rules: Arc<StreamRules>,
    /// Settings of the connection whose documents it speaks of.
    pub(crate) source_settings: Value,
    /// Settings of the target connection.
    pub(crate) target_settings: Value,
    pub(crate) target_stream: Stream,
    pub(crate) target_manifest: Manifest,
    /// Name of the target system for people.
    pub(crate) target_title: String,
    /// Name of the source system for people.
    pub(crate) source_title: String,
    pub(crate) rounding: Rounding,
    /// Cut-over of the source connection.
    pub(crate) start_date: Option<Date>,
    /// Zone of the source connection.
    pub(crate) zone: TimeZone,
    /// Routes that read the same stream, of which each document goes by one at most.
    pub(crate) beside: Vec<String>,
    /// Routes that put documents into the groups that it reads; of every other route none.
    pub(crate) filled_by: Vec<String>,
    /// Routes that read this one's outcomes, or the groups that it fills.
    pub(crate) followers: Vec<String>,
    /// Those of them that are told of entries in a state.
    pub(crate) told: BTreeMap<State, Vec<String>>,
    /// The route whose outcomes this one reads, and whether it writes them back into the very
    /// documents that they came from.
    pub(crate) follows: Option<Follows>,
    /// What it makes of differences of the route that it follows; none for every other follower.
    pub(crate) part: Option<Part>,
    /// Routes that make documents of its differences.
    pub(crate) parts: BTreeMap<Part, String>,
}

/// What an outcome route follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Follows {
    pub(crate) route: String,
    /// Where the documents come from that the chain of followed routes began with.
    pub(crate) source: StreamId,
    pub(crate) writes_back: bool,
}

impl RoutePlan {
    pub(crate) fn name(&self) -> &str {
        &self.route.name
    }

    /// Whether it puts documents into groups instead of sending them.
    pub(crate) fn fills_groups(&self) -> bool {
        self.route.to.is_groups()
    }

    /// Whether its documents are groups of others.
    pub(crate) fn reads_groups(&self) -> bool {
        self.route.from.is_groups()
    }

    /// The connection that its documents are read from: of groups, that of what is in them.
    pub(crate) fn read_from(&self) -> &str {
        match self.reads_groups() {
            true => &self.origin,
            false => &self.source.connection,
        }
    }

    /// What the target's rules are evaluated with.
    pub(crate) fn rules_cx<'a>(&'a self, reference: &'a Reference) -> RulesCx<'a> {
        RulesCx {
            settings: &self.target_settings,
            reference,
        }
    }

    /// Whether its documents stand for target documents that may be there already.
    pub(crate) fn matches(&self) -> bool {
        self.mapping.matcher().is_some()
    }

    /// How linked documents are compared; a stream without rules compares every field as it is.
    pub(crate) fn update_rules(&self) -> Update {
        self.target_stream.update.clone().unwrap_or_default()
    }

    /// The target's state of a document that it holds.
    pub(crate) fn held_state(&self, held: &Value) -> Option<HeldState> {
        // A state that cannot be read is shown as unknown; the document itself is not in doubt.
        self.target_rules
            .held_state(held, self.rules_cx(&Reference::default()))
            .ok()
            .flatten()
    }

    /// Whether its documents are updates of the documents that they came from.
    pub(crate) fn writes_back(&self) -> bool {
        self.follows.as_ref().is_some_and(|it| it.writes_back)
    }

    /// Documents and bytes of one call at most.
    pub(crate) fn batch_limits(&self) -> (usize, usize) {
        let (documents, bytes) = match &self.target_stream.batch {
            Some(it) => (it.documents, it.bytes),
            None => (1, u32::MAX),
        };
        let documents = self
            .route
            .batch
            .map_or(documents, |own| own.min(documents))
            .max(1);
        // Room for the envelope that the connector puts around the documents.
        (
            documents as usize,
            (bytes as usize).saturating_sub(1024).max(1),
        )
    }

    /// Calls at once towards the target.
    pub(crate) fn concurrency(&self) -> usize {
        self.target_manifest
            .budget
            .get("account")
            .and_then(|it| it.concurrent)
            .map_or(4, |it| it.clamp(1, 16) as usize)
    }

    pub(crate) fn target_can(&self, op: Op) -> bool {
        self.target_stream.ops.contains(&op)
    }

    pub(crate) fn source_can(&self, op: Op) -> bool {
        self.source_stream
            .as_ref()
            .is_some_and(|it| it.ops.contains(&op))
    }

    /// Reference streams of the target that decisions on this route look at.
    pub(crate) fn reference_streams(&self) -> Vec<String> {
        let mut streams: Vec<String> = self
            .target_manifest
            .streams
            .iter()
            .filter(|(_, it)| it.reference)
            .map(|(name, _)| name.clone())
            .collect();
        let referred = self
            .target_stream
            .checks
            .iter()
            .flat_map(|it| it.refs.values().map(|it| it.stream.clone()));
        streams.extend(referred);
        if self.matches() {
            streams.push(self.target.stream.clone());
        }
        streams.sort();
        streams.dedup();
        streams
    }
}
