//! The mapping file as written. Field names and comments here are the user documentation.

use std::ops::Range;

use ledgerline_plugin_api::manifest::Category;

use crate::mapping::value::Value;

/// Text with the place of its TOML value.
#[derive(Debug, Clone)]
pub(in crate::mapping) struct Text {
    pub(in crate::mapping) value: String,
    pub(in crate::mapping) span: Range<usize>,
}

/// What the `of` of a link gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LinkBy {
    /// The linked document's id in the source; the link gives its id in the target.
    #[default]
    Id,
    /// The number by which people know the linked document in the source; as above.
    Number,
    /// The linked document's id in the target; the link gives its id in the source.
    Target,
}

/// What a field is made of.
#[derive(Debug)]
pub(in crate::mapping) enum Source {
    /// A string, or `{ jq = "…", omit-empty = true }`: jq over the source document.
    Jq {
        /// The expression.
        code: Text,
        /// Empty text leaves the field out, as null does.
        omit_empty: bool,
    },
    /// `{ value = … }`: the same in every document.
    Constant(Value, Range<usize>),
    /// `{ link = "contact", of = ".memberId|tostring", as = "ContactID" }`: the target id of a linked
    /// source document.
    Link {
        /// Name of the link; the route binds it to another route.
        link: Text,
        /// jq: what the linked document is found by.
        of: Text,
        /// What that is.
        by: LinkBy,
        /// The target must have approved the linked document.
        approved: bool,
        /// Path of a field of the linked document, as the target holds it, that is wanted instead of its id.
        read: Option<Text>,
        /// Field of the object around the id; absent: the bare id.
        wrap: Option<Text>,
        /// Leaves the field out when there is no source id.
        optional: bool,
        /// Class of the problem while the link is missing.
        category: Category,
    },
    /// `{ table = "tax-rates", key = ".code" }`: a row of a value table.
    Table {
        /// Name of the table.
        table: Text,
        /// jq: the key.
        key: Text,
        /// Value for keys without a row.
        default: Option<Value>,
        /// Leaves the field out when the key is null or empty.
        optional: bool,
    },
}

/// One target field.
#[derive(Debug)]
pub(in crate::mapping) struct FieldToml {
    /// Name; dots reach into nested objects.
    pub(in crate::mapping) name: Text,
    pub(in crate::mapping) source: Source,
}

/// `[lines.NAME]`: an array field.
#[derive(Debug)]
pub(in crate::mapping) struct LinesToml {
    pub(in crate::mapping) name: Text,
    /// jq giving the elements.
    pub(in crate::mapping) each: Option<Text>,
    pub(in crate::mapping) fields: Vec<FieldToml>,
}

/// Words for people: as they stand, or `{ jq = "…" }`.
#[derive(Debug)]
pub(in crate::mapping) enum Words {
    Plain(String),
    Jq(Text),
}

/// `[[when]]` or `[[require]]`.
#[derive(Debug)]
pub(in crate::mapping) struct GateToml {
    /// jq that must hold.
    pub(in crate::mapping) that: Text,
    /// What is wrong where it does not.
    pub(in crate::mapping) otherwise: Option<Words>,
    /// What to do about it.
    pub(in crate::mapping) remedy: Option<Words>,
    pub(in crate::mapping) category: Option<Category>,
    /// jq: what is waited for, the same for all documents with the same cause. The engine looks
    /// again by itself.
    pub(in crate::mapping) waits_for: Option<Text>,
    /// It is about the route and not about a document: it looks at options and settings alone, and a route
    /// for which it does not hold is refused when the configuration loads.
    pub(in crate::mapping) on_load: bool,
}

/// One rule of `[match]`.
#[derive(Debug)]
pub(in crate::mapping) struct RuleToml {
    pub(in crate::mapping) name: Text,
    /// jq over the source document; null or empty passes the rule over.
    pub(in crate::mapping) source: Text,
    /// jq over the target's reference document.
    pub(in crate::mapping) target: Text,
    /// Pairs that must agree too.
    pub(in crate::mapping) agree: Vec<(Text, Text)>,
    /// Documents out of use are not even looked at.
    pub(in crate::mapping) active_only: bool,
}

/// `[match]`: how a source document finds one that the target holds already.
#[derive(Debug, Default)]
pub(in crate::mapping) struct MatchToml {
    /// A target document stands for one source document only.
    pub(in crate::mapping) unique: bool,
    /// jq over the source document: id of the source document that this one stands for, or null.
    pub(in crate::mapping) stands_for: Option<Text>,
    pub(in crate::mapping) rules: Vec<RuleToml>,
    pub(in crate::mapping) suggests: Vec<RuleToml>,
}

/// `[[test]]`.
#[derive(Debug)]
pub(in crate::mapping) struct TestToml {
    pub(in crate::mapping) name: Option<String>,
    pub(in crate::mapping) span: Range<usize>,
    pub(in crate::mapping) document: TestDocument,
    pub(in crate::mapping) options: Vec<(Text, Value)>,
    pub(in crate::mapping) settings: Value,
    pub(in crate::mapping) target_settings: Value,
    pub(in crate::mapping) links: Value,
    /// `$source`, for mappings of routes that follow another one.
    pub(in crate::mapping) source: Value,
    /// `$held`, likewise.
    pub(in crate::mapping) held: Value,
    pub(in crate::mapping) tables: Value,
    pub(in crate::mapping) number: Value,
    pub(in crate::mapping) today: Option<String>,
    pub(in crate::mapping) expect: Vec<(Text, Value)>,
    pub(in crate::mapping) absent: Vec<Text>,
    pub(in crate::mapping) expect_stop: Option<String>,
}

/// A sample file beside the mapping, or the document itself.
#[derive(Debug)]
pub(in crate::mapping) enum TestDocument {
    File(String),
    Inline(Value),
}

/// A whole mapping file.
#[derive(Debug, Default)]
pub(in crate::mapping) struct MappingToml {
    /// What it reads; whether that fits its route is looked at when the configuration loads.
    pub(in crate::mapping) from: Option<String>,
    pub(in crate::mapping) when: Vec<GateToml>,
    pub(in crate::mapping) require: Vec<GateToml>,
    pub(in crate::mapping) options: Vec<(Text, Value)>,
    /// It repeats what the target holds for the followed document.
    pub(in crate::mapping) copies_held: bool,
    /// `[let]`: names and what they stand for, in the order of the file.
    pub(in crate::mapping) lets: Vec<(Text, Text)>,
    pub(in crate::mapping) fields: Vec<FieldToml>,
    /// The key `fields`, to point at when something is missing there.
    pub(in crate::mapping) fields_at: Range<usize>,
    pub(in crate::mapping) lines: Vec<LinesToml>,
    pub(in crate::mapping) matching: Option<MatchToml>,
    pub(in crate::mapping) tests: Vec<TestToml>,
}

impl MappingToml {
    /// It makes nothing: what it is for is to be found.
    pub(in crate::mapping) fn only_finds(&self) -> bool {
        self.matching.is_some() && self.fields.is_empty() && self.lines.is_empty()
    }
}
