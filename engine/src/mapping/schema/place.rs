//! Looking into a schema while a mapping is compiled: which fields are there, which are required.

use super::check::{Id, Node, Schema, Violation};
use crate::mapping::value::Value;

/// A place in a schema, for checks when a mapping is compiled.
#[derive(Debug, Clone, Copy)]
pub(in crate::mapping) struct Place<'s> {
    schema: &'s Schema,
    id: Id,
}

impl<'s> Place<'s> {
    pub(super) fn root(schema: &'s Schema) -> Self {
        Self { schema, id: 0 }
    }

    fn node(self) -> &'s Node {
        &self.schema.nodes[self.schema.resolved(self.id)]
    }

    /// The place of a field; `Err` when the target has none of that name.
    pub(in crate::mapping) fn field(self, name: &str) -> Result<Option<Self>, UnknownField<'s>> {
        let node = self.node();
        if let Some(id) = node.fields.get(name) {
            return Ok(Some(Self { id: *id, ..self }));
        }
        // Alternatives may know more fields: what is not closed is not judged here.
        let open = !node.all_of.is_empty() || !node.any_of.is_empty() || !node.one_of.is_empty();
        match node.others {
            Some(id) if self.schema.nodes[id].never && !open => Err(UnknownField {
                known: node.fields.keys().map(String::as_str).collect(),
            }),
            Some(id) if !self.schema.nodes[id].never => Ok(Some(Self { id, ..self })),
            _ => Ok(None),
        }
    }

    /// The place of an array's elements.
    pub(in crate::mapping) fn items(self) -> Option<Self> {
        self.node().items.map(|id| Self { id, ..self })
    }

    /// Names of required fields.
    pub(in crate::mapping) fn required(self) -> &'s [String] {
        &self.node().required
    }

    /// Checks a constant.
    pub(in crate::mapping) fn validate(self, value: &Value) -> Result<(), Violation> {
        self.schema.check(self.id, value, &mut Vec::new(), 0)
    }
}

/// A field that the target does not have.
#[derive(Debug)]
pub(in crate::mapping) struct UnknownField<'s> {
    /// Those that it has.
    pub(in crate::mapping) known: Vec<&'s str>,
}
