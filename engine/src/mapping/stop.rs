//! Why a document was not mapped, in words that say what to do and where.

use ledgerline_plugin_api::manifest::{Category, Problem};

use super::{
    apply::{Field, Mapping, TableData},
    jq::EvalError,
    value::Value,
};

/// Why a document was not mapped.
#[derive(Debug, Clone, PartialEq)]
pub enum Stop {
    /// Left out by a `when`.
    Excluded {
        /// Why.
        reason: String,
    },
    /// It cannot go as it is.
    Problem {
        /// What is wrong and what to do.
        problem: Problem,
        /// Stable key of the cause, for grouping.
        cause_key: String,
        /// The engine can see by itself when the cause has gone; otherwise a person is needed.
        waits: bool,
    },
}

impl Stop {
    /// The reason or the cause, in words.
    pub fn words(&self) -> &str {
        match self {
            Self::Excluded { reason } => reason,
            Self::Problem { problem, .. } => &problem.cause,
        }
    }
}

impl Mapping {
    pub(super) fn no_row(
        &self,
        field: &Field,
        table: &str,
        key: &str,
        data: Option<&TableData>,
    ) -> Stop {
        let file = data
            .map(|it| it.file.display().to_string())
            .unwrap_or_default();
        let name = data.map_or(table, |it| &it.name);
        Stop::Problem {
            problem: Problem {
                category: Category::Mapping,
                field: Some(field.path.to_string()),
                cause: format!("the table {name} has no row for \"{key}\""),
                remedy: format!("Add a row \"{key}\" = \"…\" to {file}"),
            },
            cause_key: format!("table {name} {key}"),
            waits: true,
        }
    }

    pub(super) fn made_by(&self, path: &str) -> String {
        let fields = self
            .fields
            .iter()
            .chain(self.lines.iter().flat_map(|it| &it.fields));
        let found = fields
            .filter(|it| path == &*it.path || path.starts_with(&format!("{}.", it.path)))
            .max_by_key(|it| it.path.len());
        match found {
            Some(it) => format!("the mapping at {}", self.at(it.line)),
            None => format!("the mapping {}", self.file.path.display()),
        }
    }

    pub(super) fn at(&self, line: u32) -> String {
        format!("{}:{line}", self.file.path.display())
    }

    /// The stop for an expression that failed. What the expression raised itself is told in its own
    /// words; anything else is the mapping's fault, or that of a document nobody thought of.
    pub(super) fn failed(&self, field: &str, code: &str, at: &str, error: EvalError) -> Stop {
        let part = |name: &str| {
            let it = error.raised.as_ref()?.child(name)?;
            Some(it.to_text().to_string())
        };
        let category = part("category")
            .and_then(|it| serde_json::from_value(serde_json::Value::String(it)).ok());
        let waits_for = part("waits-for");
        let (category, cause, remedy) = match &error.raised {
            Some(Value::Obj(_)) => (
                category.unwrap_or(Category::SourceData),
                part("cause").unwrap_or_else(|| error.message.clone()),
                part("remedy").unwrap_or_else(|| "Correct the document in its source".to_owned()),
            ),
            Some(_) => (
                Category::SourceData,
                error.message.clone(),
                format!("Correct the document in its source, or the mapping at {at}"),
            ),
            None => (
                Category::Defect,
                format!("`{field}` cannot be computed: {}", error.message),
                format!("Correct the mapping at {at}: {}", shortened(code)),
            ),
        };
        Stop::Problem {
            problem: Problem {
                category,
                field: Some(field.to_owned()),
                cause,
                remedy,
            },
            waits: waits_for.is_some(),
            cause_key: waits_for.unwrap_or_else(|| format!("field {field} of {}", self.name)),
        }
    }
}

fn shortened(code: &str) -> String {
    let one_line = code.split_whitespace().collect::<Vec<_>>().join(" ");
    match one_line.char_indices().nth(120) {
        Some((at, _)) => format!("{}…", &one_line[..at]),
        None => one_line,
    }
}

pub(super) fn in_line(stop: Stop, lines: &str, index: usize) -> Stop {
    match stop {
        Stop::Problem {
            mut problem,
            cause_key,
            waits,
        } => {
            if let Some(rest) = problem
                .field
                .as_deref()
                .and_then(|it| it.strip_prefix(lines))
            {
                problem.field = Some(format!("{lines}.{index}{rest}"));
            }
            Stop::Problem {
                problem,
                cause_key,
                waits,
            }
        }
        it => it,
    }
}

/// `Lines.3.Tax` without the 3: the same for every line.
pub(super) fn without_positions(path: &str) -> String {
    let parts = path.split('.').filter(|it| it.parse::<usize>().is_err());
    parts.collect::<Vec<_>>().join(".")
}
