//! Mappings: compiled once when the configuration loads, applied to a document as a pure function.

pub mod jq;
pub mod value;

mod apply;
mod bindings;
mod cases;
mod checks;
mod compare;
mod compile;
mod explain;
mod file;
mod identity;
mod matching;
mod pushed;
mod rules;
#[cfg(test)]
mod rules_tests;
mod schema;
mod stock;
mod stop;
mod tables;
#[cfg(test)]
mod tests;
mod toml_text;
mod totals;
mod trial;

pub use apply::{Apply, Followed, LinkAnswer, LinkAsk, Links, Mapped, Mapping, Shared};
pub use cases::run_cases;
pub use checks::{CheckMemo, CheckStop, Checks};
pub use compare::{Difference, ThreeWay, differences, three_way, with_line_ids};
pub use compile::{CompileInput, compile};
pub use explain::Explained;
pub(crate) use file::read_only;
pub use file::{LinkBy, file_schema};
pub use matching::{MatchAnswer, MatchIndex, Matcher, Suggestion};
pub use pushed::{Pushed, pushed};
pub use rules::{Reference, RulesCx, StreamFacts, StreamRules};
pub use stock::{CostRow, Posting, StockFacts};
pub use stop::Stop;
pub use tables::TableValue;
pub use totals::{Reconciled, reconcile};
pub use trial::{TestCx, TestResult};
pub use value::Value;
