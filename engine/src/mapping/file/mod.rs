//! The mapping file: its parts as written, and how they are read.

mod read;
mod reader;
mod schema;
mod written;

pub(super) use read::read;
pub(crate) use read::read_only;
pub use schema::file_schema;
pub use written::LinkBy;
pub(super) use written::{
    FieldToml, GateToml, LinesToml, MappingToml, MatchToml, RuleToml, Source, TestDocument,
    TestToml, Text, Words,
};
