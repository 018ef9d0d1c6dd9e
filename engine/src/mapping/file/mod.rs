//! The mapping file: its parts as written, and how they are read.

mod read;
mod reader;
mod written;

pub(super) use read::read;
pub(super) use written::{
    FieldToml, GateToml, LinesToml, MappingToml, MatchToml, RuleToml, Source, TestDocument,
    TestToml, Text, Words,
};
