//! Finds the document of the target that a source document stands for already.
//!
//! Rules go from certain to less certain. The first that finds exactly one document in use, agreeing
//! in all that must agree, decides. Several, or one out of use, are for a person: a weaker rule must
//! not pick something else past a stronger one that saw trouble.

use std::collections::{BTreeSet, HashMap};

use super::{
    apply::{Apply, Bound, Mapping},
    file::{MatchToml, RuleToml, Text},
    jq::Program,
    rules::{RulesCx, StreamRules},
    stop::Stop,
    value::Value,
};

/// Hops along which a merged document is followed.
const HOPS: usize = 16;
/// Candidates that a person is shown.
const SHOWN: usize = 10;

/// The compiled `[match]` of a mapping.
#[derive(Debug)]
pub struct Matcher {
    unique: bool,
    stands_for: Option<Program>,
    rules: Vec<Rule>,
    suggests: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    name: String,
    source: Program,
    target: Program,
    agree: Vec<(Program, Program)>,
    active_only: bool,
}

/// A document of the target that may be meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// The target's id.
    pub id: String,
    /// What it is, for people.
    pub label: String,
    /// Why it is offered.
    pub why: String,
    /// A rule that may link found it, though not with all that must agree; what only suggests did not.
    pub by_rule: bool,
}

/// What the rules found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MatchAnswer {
    /// This one, by that rule.
    One {
        /// The target's id.
        id: String,
        /// Name of the rule.
        rule: String,
    },
    /// A rule found something that a person must decide about.
    Many(Vec<Suggestion>),
    /// No rule found one.
    None {
        /// What a person may mean.
        suggestions: Vec<Suggestion>,
    },
}

/// Target documents, ready to be found by the rules of one mapping.
#[derive(Debug)]
pub struct MatchIndex {
    documents: Vec<Held>,
    by_id: HashMap<String, usize>,
    /// For each rule, then each suggestion: documents by what the rule compares.
    keys: Vec<HashMap<String, Vec<usize>>>,
}

#[derive(Debug)]
struct Held {
    id: String,
    document: Value,
    active: bool,
    moved_to: Option<String>,
    label: String,
}

impl Matcher {
    pub(super) fn compile(
        toml: &MatchToml,
        mut program: impl FnMut(&Text) -> Option<Program>,
    ) -> Option<Self> {
        let mut all = |rules: &[RuleToml]| -> Vec<Option<Rule>> {
            rules.iter().map(|it| rule(it, &mut program)).collect()
        };
        let (rules, suggests) = (all(&toml.rules), all(&toml.suggests));
        let stands_for = toml.stands_for.as_ref().map(&mut program);
        Some(Self {
            unique: toml.unique,
            stands_for: match stands_for {
                Some(compiled) => Some(compiled?),
                None => None,
            },
            rules: rules.into_iter().collect::<Option<_>>()?,
            suggests: suggests.into_iter().collect::<Option<_>>()?,
        })
    }

    /// Whether a target document stands for one source document only.
    pub fn unique(&self) -> bool {
        self.unique
    }

    /// Whether one source document may stand for another.
    pub fn has_stand_ins(&self) -> bool {
        self.stands_for.is_some()
    }

    fn all(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().chain(&self.suggests)
    }
}

fn rule(toml: &RuleToml, program: &mut impl FnMut(&Text) -> Option<Program>) -> Option<Rule> {
    let (source, target) = (program(&toml.source), program(&toml.target));
    let agree: Vec<_> = toml
        .agree
        .iter()
        .map(|(l, r)| (program(l), program(r)))
        .collect();
    Some(Rule {
        name: toml.name.value.clone(),
        source: source?,
        target: target?,
        agree: agree
            .into_iter()
            .map(|(l, r)| l.zip(r))
            .collect::<Option<_>>()?,
        active_only: toml.active_only,
    })
}

impl Mapping {
    /// Makes target documents findable. `documents` are the target's reference documents by id,
    /// `rules` those of their stream. Documents that a rule cannot read are not found by that rule.
    pub fn match_index<'d>(
        &self,
        documents: impl IntoIterator<Item = (&'d str, &'d Value)>,
        rules: &StreamRules,
        cx: RulesCx<'_>,
    ) -> MatchIndex {
        let mut index = MatchIndex {
            documents: Vec::new(),
            by_id: HashMap::new(),
            keys: Vec::new(),
        };
        let Some(matcher) = &self.matcher else {
            return index;
        };
        index.keys.resize_with(matcher.all().count(), HashMap::new);
        let globals = self.target_globals(cx);
        for (id, document) in documents {
            let at = index.documents.len();
            for (rule, keys) in matcher.all().zip(&mut index.keys) {
                let key = rule.target.one(document, &globals).ok();
                if let Some(key) = key.flatten().and_then(|it| normal(&it)) {
                    keys.entry(key).or_default().push(at);
                }
            }
            index.by_id.insert(id.to_owned(), at);
            index.documents.push(Held {
                id: id.to_owned(),
                active: rules.active(document, cx).unwrap_or(false),
                moved_to: rules.moved_to(document, cx).ok().flatten(),
                label: rules.label(document, cx),
                document: document.clone(),
            });
        }
        index
    }

    /// Decides which target document a source document stands for.
    pub fn decide(
        &self,
        index: &MatchIndex,
        rules: &StreamRules,
        cx: &Apply<'_>,
    ) -> Result<MatchAnswer, Stop> {
        let Some(matcher) = &self.matcher else {
            return Ok(MatchAnswer::None {
                suggestions: Vec::new(),
            });
        };
        let bound = self.bound(cx);
        let mut suggestions: Vec<Suggestion> = Vec::new();
        for (position, rule) in matcher.all().enumerate() {
            let Some(key) = self.match_key(&rule.source, &rule.name, &bound)? else {
                continue;
            };
            let hits = index.keys.get(position).and_then(|it| it.get(&key));
            let found = index.followed(hits.map(Vec::as_slice).unwrap_or_default());
            let only_suggests = position >= matcher.rules.len();
            let mut agreeing = Vec::new();
            for it in found {
                if rule.active_only && !it.active {
                    continue;
                }
                if only_suggests {
                    suggestions.push(it.suggestion(rule.name.clone(), false));
                } else if self.agrees(rule, it, &bound)? {
                    agreeing.push(it);
                } else {
                    let why = format!("{}, but not all agrees", rule.name);
                    suggestions.push(it.suggestion(why, true));
                }
            }
            let active: Vec<_> = agreeing.iter().filter(|it| it.active).collect();
            match (active.as_slice(), agreeing.len()) {
                ([], 0) => {}
                ([one], _) => {
                    return Ok(MatchAnswer::One {
                        id: one.id.clone(),
                        rule: rule.name.clone(),
                    });
                }
                _ => {
                    let why = |it: &Held| match rules.life_remedy() {
                        _ if it.active => rule.name.clone(),
                        Some(remedy) => format!("{}; out of use: {remedy}", rule.name),
                        None => format!("{}; out of use", rule.name),
                    };
                    let many = agreeing
                        .iter()
                        .take(SHOWN)
                        .map(|it| it.suggestion(why(it), true));
                    return Ok(MatchAnswer::Many(many.collect()));
                }
            }
        }
        let mut seen = BTreeSet::new();
        suggestions.retain(|it| seen.insert(it.id.clone()));
        suggestions.truncate(SHOWN);
        Ok(MatchAnswer::None { suggestions })
    }

    /// Whether its documents are only found in the target and never made there.
    pub fn only_finds(&self) -> bool {
        self.matcher.is_some() && self.fields.is_empty() && self.lines.is_empty()
    }

    /// What the first rule that has anything to look for looks for.
    pub fn sought(&self, cx: &Apply<'_>) -> Result<Option<String>, Stop> {
        let bound = self.bound(cx);
        for rule in self.matcher.iter().flat_map(|it| &it.rules) {
            let key = bound.one(&rule.source).map_err(|it| {
                let whose = format!("rule \"{}\"", rule.name);
                self.failed("match", rule.source.code(), &whose, it)
            })?;
            if let Some(key) = key.filter(|it| !it.is_blank()) {
                return Ok(Some(key.to_text().trim().to_owned()));
            }
        }
        Ok(None)
    }

    /// Id in the source of the document that this one stands for, when it stands for another.
    pub fn stands_for(&self, cx: &Apply<'_>) -> Result<Option<String>, Stop> {
        let program = self.matcher.as_ref().and_then(|it| it.stands_for.as_ref());
        let Some(program) = program else {
            return Ok(None);
        };
        let found = self
            .bound(cx)
            .one(program)
            .map_err(|it| self.failed("match", program.code(), "stands-for", it))?;
        let found = found.filter(|it| !it.is_blank());
        Ok(found.map(|it| it.to_text().trim().to_owned()))
    }

    fn target_globals<'a>(&'a self, cx: RulesCx<'a>) -> [&'a Value; 7] {
        let none = &Value::Null;
        [
            none,
            none,
            cx.settings,
            &self.options,
            none,
            none,
            &self.tables,
        ]
    }

    fn match_key(
        &self,
        program: &Program,
        rule: &str,
        bound: &Bound<'_>,
    ) -> Result<Option<String>, Stop> {
        let key = bound
            .one(program)
            .map_err(|it| self.failed("match", program.code(), &format!("rule \"{rule}\""), it))?;
        Ok(key.and_then(|it| normal(&it)))
    }

    fn agrees(&self, rule: &Rule, held: &Held, bound: &Bound<'_>) -> Result<bool, Stop> {
        for (source, target) in &rule.agree {
            let wanted = self.match_key(source, &rule.name, bound)?;
            let found = bound.one_of(target, &held.document).ok().flatten();
            if wanted.is_none() || wanted != found.and_then(|it| normal(&it)) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl MatchIndex {
    /// Documents by position, merged ones replaced by what they were merged into, each once.
    fn followed(&self, hits: &[usize]) -> Vec<&Held> {
        let mut found: Vec<&Held> = Vec::new();
        for hit in hits {
            let it = self.follow(&self.documents[*hit]);
            if !found.iter().any(|other| other.id == it.id) {
                found.push(it);
            }
        }
        found
    }

    fn follow<'i>(&'i self, mut it: &'i Held) -> &'i Held {
        let mut hops = 0;
        while let Some(next) = it.moved_to.as_ref().and_then(|id| self.by_id.get(id)) {
            hops += 1;
            if hops > HOPS {
                break;
            }
            it = &self.documents[*next];
        }
        it
    }

    /// The document that stands for `id` now: itself, or what it was merged into. None when the
    /// target does not list it.
    pub fn current(&self, id: &str) -> Option<(&str, bool)> {
        let it = self.follow(&self.documents[*self.by_id.get(id)?]);
        Some((&it.id, it.active))
    }
}

impl Held {
    fn suggestion(&self, why: String, by_rule: bool) -> Suggestion {
        Suggestion {
            id: self.id.clone(),
            label: self.label.clone(),
            why,
            by_rule,
        }
    }
}

/// Text as it is compared: without case and without spaces that nobody sees.
fn normal(it: &Value) -> Option<String> {
    let text = it.to_text();
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    (!it.is_null() && !words.is_empty()).then(|| words.join(" "))
}
