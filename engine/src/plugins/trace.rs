//! Why a plugin cannot be used: the steps that were tried, in order, and the rule that failed.

use std::fmt;

/// A plugin that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadError {
    /// Name of the plugin, or the path that was inspected.
    pub plugin: String,
    /// What was tried, in order. The last one failed.
    pub steps: Vec<Step>,
    /// The rule that failed.
    pub rule: String,
    /// What to do.
    pub remedy: String,
}

/// One step of loading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What was tried.
    pub what: String,
    /// What came of it.
    pub outcome: String,
}

impl std::error::Error for LoadError {}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "plugin `{}` cannot be used: {}", self.plugin, self.rule)?;
        for (number, Step { what, outcome }) in (1..).zip(&self.steps) {
            // An excerpt of a file, for example.
            let outcome = outcome.trim_end().replace('\n', "\n     ");
            writeln!(f, "  {number}. {what}: {outcome}")?;
        }
        write!(f, "  help: {}", self.remedy)
    }
}

/// The steps tried so far.
#[derive(Debug)]
pub(super) struct Trace {
    plugin: String,
    steps: Vec<Step>,
}

/// A rule that failed, and what helps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Broken {
    pub(super) rule: String,
    pub(super) remedy: String,
}

impl Broken {
    pub(super) fn new(rule: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            rule: rule.into(),
            remedy: remedy.into(),
        }
    }
}

impl Trace {
    pub(super) fn new(plugin: &str) -> Self {
        Self {
            plugin: plugin.to_owned(),
            steps: Vec::new(),
        }
    }

    /// Notes a step that went well.
    pub(super) fn done(&mut self, what: impl Into<String>, outcome: impl Into<String>) {
        self.steps.push(Step {
            what: what.into(),
            outcome: outcome.into(),
        });
    }

    /// Notes the step that ends it all. What was noted so far moves into the error.
    pub(super) fn refuse(
        &mut self,
        what: impl Into<String>,
        outcome: impl Into<String>,
        broken: Broken,
    ) -> LoadError {
        self.done(what, outcome);
        LoadError {
            plugin: self.plugin.clone(),
            steps: std::mem::take(&mut self.steps),
            rule: broken.rule,
            remedy: broken.remedy,
        }
    }
}
