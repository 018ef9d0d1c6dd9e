//! Problems found in configuration files: all of them at once, each with file, line, column, what
//! is wrong and what would help.

use std::{collections::BTreeMap, ops::Range, path::PathBuf, sync::Arc};

/// A configuration file's text, kept so that problems can point into it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceFile {
    /// Path as the operator would write it: relative to the configuration folder.
    pub path: PathBuf,
    /// Whole text.
    pub text: Arc<str>,
}

impl SourceFile {
    /// A problem in this file. An empty range at 0 is about the file as a whole.
    pub fn finding(
        &self,
        span: Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
        help: Option<String>,
    ) -> Finding {
        Finding {
            file: self.clone(),
            span,
            message: message.into(),
            label: label.into(),
            help,
        }
    }
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Where: the file, and the bytes within it. An empty range at 0 is about the file as a whole.
    pub file: SourceFile,
    /// Byte range.
    pub span: Range<usize>,
    /// What is wrong: a lower-case fragment.
    pub message: String,
    /// Words under the marked text.
    pub label: String,
    /// What would help.
    pub help: Option<String>,
}

/// All problems of one check.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// In the order in which they were found.
    pub list: Vec<Finding>,
}

impl Findings {
    /// Adds one.
    pub fn push(&mut self, finding: Finding) {
        self.list.push(finding);
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Adds those of another check.
    pub fn append(&mut self, mut other: Self) {
        self.list.append(&mut other.list);
    }

    /// Orders by file, then by place, as a person goes through the files; the same problem twice
    /// is told once.
    pub fn sort(&mut self) {
        self.list.sort_by(|a, b| {
            (&a.file.path, a.span.start, a.span.end, &a.message).cmp(&(
                &b.file.path,
                b.span.start,
                b.span.end,
                &b.message,
            ))
        });
        self.list.dedup();
    }
}

/// Where each value of a file or table stands, by path: `settings/zone`, `from/stream`,
/// `after/0`. Kept beside checked values for rules that need more than the files to decide.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// The file.
    pub file: SourceFile,
    spans: BTreeMap<String, Place>,
}

/// Where one value stands, and its key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Place {
    key: Range<usize>,
    value: Range<usize>,
}

impl Places {
    /// No places yet.
    pub fn of(file: SourceFile) -> Self {
        Self {
            file,
            spans: BTreeMap::new(),
        }
    }

    /// Notes a place.
    pub(super) fn note(&mut self, path: String, key: Range<usize>, value: Range<usize>) {
        self.spans.insert(path, Place { key, value });
    }

    /// Where the value at `path` stands; where its nearest ancestor's key stands when it was not
    /// written; the whole file when there is none.
    pub fn value(&self, path: &str) -> Range<usize> {
        match self.spans.get(path) {
            Some(place) => place.value.clone(),
            None => self.nearest_key(path),
        }
    }

    /// Where the key at `path` stands, or the nearest ancestor's.
    pub fn key(&self, path: &str) -> Range<usize> {
        self.nearest_key(path)
    }

    fn nearest_key(&self, path: &str) -> Range<usize> {
        let mut path = path;
        loop {
            if let Some(place) = self.spans.get(path) {
                return place.key.clone();
            }
            match path.rsplit_once('/') {
                Some((parent, _)) => path = parent,
                None if path.is_empty() => return 0..0,
                None => path = "",
            }
        }
    }
}

/// "did you mean": the nearest of `known`, when one is near.
pub fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|it| {
            (
                strsim::damerau_levenshtein(&wrong.to_lowercase(), &it.to_lowercase()),
                it,
            )
        })
        .filter(|(distance, it)| *distance <= 1 + it.len() / 4)
        .min()
        .map(|(_, it)| it)
}

/// Help for a name that is not known: the nearest, else all there are.
pub fn known_names<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(wrong, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "there are none yet".to_owned(),
        None => format!("known: {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_suggested_when_near() {
        let known = ["shop-customers", "shop-credit-notes", "zone"];
        let cases = [
            ("shop-customer", Some("shop-customers")),
            ("Shop-Credit-Notes", Some("shop-credit-notes")),
            ("zoen", Some("zone")),
            ("payments", None),
        ];
        for (wrong, wanted) in cases {
            assert_eq!(nearest(wrong, known), wanted, "{wrong}");
        }
    }

    #[test]
    fn a_place_that_was_not_written_is_its_parents() {
        let mut places = Places::default();
        places.note("".into(), 1..3, 1..50);
        places.note("settings".into(), 5..13, 16..40);
        places.note("settings/zone".into(), 18..22, 25..30);
        let cases = [
            ("settings/zone", 25..30),
            ("settings/mode", 5..13),
            ("account", 1..3),
        ];
        for (path, wanted) in cases {
            assert_eq!(places.value(path), wanted, "{path}");
        }
    }
}
