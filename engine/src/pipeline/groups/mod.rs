//! Groups: documents of which several together become one document of the target.
//!
//! A route with `[group]` sends nothing. It puts each of its documents, as its mapping gives it, into the
//! group that `by` names; routes that read the groups see one document a group and send it like any other.
//! What goes into a group stays known by its own entry, whose number is the group's name.
//!
//! A document moves between groups while nothing of its group was sent. After that it stays where it is,
//! whatever `by` says of it then: what changed goes the way of every change of a sent document. It leaves
//! only when the source does not want it in the books any more.
//!
//! A document that changed, and of which nobody can tell what it would be in its group now, stays in it as it
//! was, and the group says so: nothing new is made of such a group until that is put right.

mod document;
mod told;
mod turn;

use std::sync::Arc;

use ledgerline_plugin_api::manifest::{Manifest, Stream};

pub(crate) use document::{GroupDocument, Member, stopped_member};
pub(crate) use told::{members_of, members_told, tell_members, tell_members_anew};
pub(crate) use turn::{are_complete, fill};

use crate::{
    config::{Findings, GROUPS, SourceFile},
    mapping::StreamRules,
};

/// What groups are, as a stream that no plugin has.
const STREAM: &str = include_str!("stream.toml");

/// The stream of groups.
pub(crate) struct GroupStream {
    pub(crate) manifest: Manifest,
    pub(crate) rules: Option<Arc<StreamRules>>,
}

impl GroupStream {
    /// Reads what groups are. A fault of it would be ours, and is told as such.
    pub(crate) fn new(findings: &mut Findings) -> Option<Self> {
        let manifest: Manifest = match toml::from_str(STREAM) {
            Ok(it) => it,
            Err(why) => {
                let file = SourceFile {
                    path: "groups/stream.toml".into(),
                    text: STREAM.into(),
                };
                let message = format!("what groups are cannot be read: {why}");
                findings.push(file.finding(0..0, message, "a defect of the engine", None));
                return None;
            }
        };
        let rules = manifest.streams.get(GROUPS).and_then(|stream| {
            StreamRules::compile(GROUPS, GROUPS, stream, &manifest.prelude, findings)
        });
        Some(Self {
            manifest,
            rules: rules.map(Arc::new),
        })
    }

    /// What a group is.
    pub(crate) fn stream(&self) -> Option<&Stream> {
        self.manifest.streams.get(GROUPS)
    }
}
