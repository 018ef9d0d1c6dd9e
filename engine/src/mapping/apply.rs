//! A compiled mapping applied to a document. Nothing here reads a clock, a file or the network, and
//! nothing panics: a document that cannot be mapped stops with a problem in words.

use std::{cell::OnceCell, collections::BTreeMap, path::PathBuf, sync::Arc};

use ledgerline_plugin_api::manifest::{Category, Problem};

use super::{
    compile::{GLOBALS, LETS},
    file::{LinkBy, TestToml},
    jq::{EvalError, Program},
    matching::Matcher,
    schema::Schema,
    stop::{Stop, in_line, without_positions},
    value::{Object, Value},
};
use crate::config::findings::SourceFile;

/// A mapping, compiled for one route.
pub struct Mapping {
    pub(super) name: String,
    pub(super) hash: [u8; 8],
    pub(super) file: SourceFile,
    pub(super) lets: Vec<Let>,
    pub(super) when: Vec<Gate>,
    pub(super) require: Vec<Gate>,
    pub(super) fields: Vec<Field>,
    pub(super) lines: Vec<Lines>,
    pub(super) options: Value,
    /// `$tables`.
    pub(super) tables: Value,
    pub(super) lookups: BTreeMap<String, Arc<TableData>>,
    pub(super) schema: Option<Arc<Schema>>,
    pub(super) number: Option<Program>,
    pub(super) imported_number: Option<Program>,
    pub(super) matcher: Option<Matcher>,
    /// Links used, and what each is found by.
    pub(super) links: BTreeMap<String, LinkBy>,
    /// Some expression asks for `$source` or `$held`.
    pub(super) followed: bool,
    /// It repeats what the target holds for the followed document.
    pub(super) copies_held: bool,
    pub(super) tests: Vec<TestToml>,
}

/// Numbers under which one document is looked for that another poster put into the target.
const IMPORTED_NUMBERS: usize = 10;

/// What a mapping is applied to.
#[derive(Clone, Copy)]
pub struct Apply<'a> {
    /// The source document.
    pub document: &'a Value,
    /// Settings of the source connection.
    pub settings: &'a Value,
    /// Settings of the target connection.
    pub target_settings: &'a Value,
    /// The number that the document carries in the target, for life.
    pub number: Option<&'a str>,
    /// The calendar date, in the source connection's zone: `YYYY-MM-DD`.
    pub today: &'a str,
    /// Where linked documents are looked up.
    pub links: &'a dyn Links,
    /// What the followed route knows of the document; nulls where there is none.
    pub followed: &'a Followed,
    /// What is worked out of the document along the way: empty at first, and only for this document.
    pub shared: &'a Shared,
}

/// The values of a mapping's `[let]` for one document. Whatever is done about the document with the same
/// settings may share them.
#[derive(Debug, Default)]
pub struct Shared(OnceCell<Vec<OnceCell<Result<Value, EvalError>>>>);

impl Shared {
    fn slot(&self, at: usize, of: usize) -> Option<&OnceCell<Result<Value, EvalError>>> {
        let slots = self.0.get_or_init(|| vec![OnceCell::new(); of]);
        slots.get(at)
    }
}

/// What a route that follows another one may read of the followed entry.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Followed {
    /// `$source`: the source document.
    pub source: Value,
    /// `$held`: `{ id, state, document }` of what the target holds for it, `state` as it was last read
    /// back and `document` as the target gave it last.
    pub held: Value,
}

/// A linked document that a mapping asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkAsk<'a> {
    /// Name of the link in the mapping.
    pub link: &'a str,
    /// What it is found by.
    pub by: LinkBy,
    /// The value of that.
    pub value: &'a str,
    /// The target must have approved it.
    pub approved: bool,
    /// Path of a field of the document that the target holds, whose value is wanted instead of its id.
    pub read: Option<&'a str>,
}

/// The key of a row, and the rule that chose it where the expression says so: `{ rule, key }`.
pub(super) fn row_wanted(found: Value) -> (Value, Option<Value>) {
    match (found.child("key"), found.child("rule")) {
        (Some(key), Some(rule)) => (key.clone(), Some(rule.clone())),
        _ => (found, None),
    }
}

/// Whether what a link is found by is missing: `null | tostring` is how mappings write that.
pub(super) fn names_nothing(id: &str) -> bool {
    id.trim().is_empty() || id == "null"
}

/// Looks up linked documents.
pub trait Links {
    /// What the link gives: an id in the target, or in the source when it was found by its target.
    fn resolve(&self, ask: &LinkAsk<'_>) -> LinkAnswer;
}

/// What became of a linked document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkAnswer {
    /// It is there, under this id; or what was to be read of it.
    Target(String),
    /// No document stands for it, and none will by itself; in words. What asks for it is left out.
    Nothing(String),
    /// It is not there yet.
    Waiting {
        /// Stable key of the cause, for grouping.
        cause_key: String,
        /// What is missing, in words.
        cause: String,
        /// What to do.
        remedy: String,
    },
}

/// Links while no document is there that could have any.
struct NoRoutes;

impl Links for NoRoutes {
    fn resolve(&self, ask: &LinkAsk<'_>) -> LinkAnswer {
        LinkAnswer::Nothing(format!("no document names a {}", ask.link))
    }
}

/// A mapped document.
#[derive(Debug, Clone, PartialEq)]
pub struct Mapped {
    /// The document for the target.
    pub document: Value,
    /// Things to know that did not stop it.
    pub notices: Vec<String>,
}

/// Words of a gate.
pub(super) enum Phrase {
    Plain(Arc<str>),
    Program(Program),
}

/// A `when` or `require`.
pub(super) struct Gate {
    pub(super) that: Program,
    pub(super) otherwise: Phrase,
    pub(super) remedy: Option<Phrase>,
    pub(super) category: Category,
    pub(super) waits_for: Option<Program>,
    pub(super) on_load: bool,
    pub(super) line: u32,
}

/// A value of `[let]`.
pub(super) struct Let {
    /// For messages: `let.lines`.
    pub(super) path: Arc<str>,
    pub(super) program: Program,
    pub(super) line: u32,
}

/// One target field.
pub(super) struct Field {
    /// Full path, for messages: `Lines.Tax`.
    pub(super) path: Arc<str>,
    /// Path within the document or line.
    pub(super) name: Arc<str>,
    pub(super) nested: bool,
    pub(super) kind: Kind,
    /// How it is made, for people.
    pub(super) code: Arc<str>,
    pub(super) line: u32,
}

pub(super) enum Kind {
    Constant(Value),
    Jq {
        program: Program,
        omit_empty: bool,
    },
    Link {
        link: Arc<str>,
        of: Program,
        by: LinkBy,
        approved: bool,
        read: Option<Arc<str>>,
        wrap: Option<Arc<str>>,
        optional: bool,
        category: Category,
    },
    Table {
        table: Arc<str>,
        key: Program,
        default: Option<Value>,
        optional: bool,
    },
}

/// An array field.
pub(super) struct Lines {
    pub(super) path: Arc<str>,
    pub(super) each: Program,
    pub(super) fields: Vec<Field>,
    pub(super) line: u32,
}

/// A value table, the route's rows merged in.
#[derive(Debug)]
pub(super) struct TableData {
    pub(super) name: Arc<str>,
    pub(super) file: PathBuf,
    pub(super) rows: BTreeMap<String, Value>,
    pub(super) default: Option<Value>,
}

impl TableData {
    pub(super) fn as_value(&self) -> Value {
        Value::object(self.rows.iter().map(|(key, it)| (key.as_str(), it.clone())))
    }
}

/// The variables of one application.
pub(super) struct Bound<'a> {
    pub(super) document: &'a Value,
    settings: &'a Value,
    target_settings: &'a Value,
    pub(super) options: &'a Value,
    number: Value,
    today: Value,
    pub(super) tables: &'a Value,
    pub(super) lookups: &'a BTreeMap<String, Arc<TableData>>,
    links: &'a dyn Links,
    followed: &'a Followed,
    lets: &'a [Let],
    shared: &'a Shared,
}

impl Bound<'_> {
    /// One output of a program over the whole document.
    pub(super) fn one(&self, program: &Program) -> Result<Option<Value>, EvalError> {
        self.one_of(program, self.document)
    }

    /// One output of a program over `input`, a part of the document or of another.
    pub(super) fn one_of(
        &self,
        program: &Program,
        input: &Value,
    ) -> Result<Option<Value>, EvalError> {
        program.one(input, &self.globals(program)?)
    }

    /// All outputs of a program over the whole document.
    pub(super) fn all(&self, program: &Program) -> Result<Vec<Value>, EvalError> {
        program.all(self.document, &self.globals(program)?)
    }

    /// The values of `compile::GLOBALS`, then of `[let]` as far as the program asks for them.
    fn globals(&self, program: &Program) -> Result<[&Value; GLOBALS.len() + LETS], EvalError> {
        let mut globals = [&Value::Null; GLOBALS.len() + LETS];
        globals[..GLOBALS.len()].copy_from_slice(&[
            self.document,
            self.settings,
            self.target_settings,
            self.options,
            &self.number,
            &self.today,
            self.tables,
            &self.followed.source,
            &self.followed.held,
        ]);
        for at in program.globals() {
            if let Some(position) = at.checked_sub(GLOBALS.len()) {
                globals[*at] = self.shared(position)?;
            }
        }
        Ok(globals)
    }

    fn shared(&self, at: usize) -> Result<&Value, EvalError> {
        let (Some(it), Some(slot)) = (self.lets.get(at), self.shared.slot(at, self.lets.len()))
        else {
            return Ok(&Value::Null);
        };
        let worked_out = slot.get_or_init(|| Ok(self.one(&it.program)?.unwrap_or_default()));
        worked_out.as_ref().map_err(Clone::clone)
    }
}

impl Mapping {
    /// Its name: path below `mappings/` without the ending.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Content hash of all that goes into its results.
    pub fn hash(&self) -> [u8; 8] {
        self.hash
    }

    /// How an existing target document is found, when the mapping says so.
    pub fn matcher(&self) -> Option<&Matcher> {
        self.matcher.as_ref()
    }

    /// The links that it uses, and what each is found by.
    pub fn links(&self) -> &BTreeMap<String, LinkBy> {
        &self.links
    }

    /// Names of the target's top-level fields that it makes.
    pub fn field_names(&self) -> Vec<&str> {
        let fields = self.fields.iter().map(|it| it.path.as_ref());
        let all = fields.chain(self.lines.iter().map(|it| it.path.as_ref()));
        let mut names: Vec<&str> = all
            .map(|it| it.split_once('.').map_or(it, |(first, _)| first))
            .collect();
        names.dedup();
        names
    }

    /// Whether it reads `$source` or `$held`.
    pub fn reads_followed(&self) -> bool {
        self.followed
    }

    /// Whether it repeats what the target holds for the followed document, which is read anew for that.
    pub fn copies_held(&self) -> bool {
        self.copies_held
    }

    /// Gate and map.
    pub fn apply(&self, cx: &Apply<'_>) -> Result<Mapped, Stop> {
        self.gate(cx)?;
        self.map(cx)
    }

    /// Whether the document goes at all: every `when`, then every `require`. For the first send
    /// only: a linked document is compared and updated whatever the gates say.
    pub fn gate(&self, cx: &Apply<'_>) -> Result<(), Stop> {
        self.gate_bound(&self.bound(cx))
    }

    /// Maps the document, gates aside, and checks it against the target's schema.
    pub fn map(&self, cx: &Apply<'_>) -> Result<Mapped, Stop> {
        let document = self.map_bound(&self.bound(cx))?;
        Ok(Mapped {
            document,
            notices: Vec::new(),
        })
    }

    /// The number for life by the route's template, from the source document alone. None when the
    /// route has no template or it gives nothing: then the document's id is its number.
    pub fn number(&self, cx: &Apply<'_>) -> Result<Option<String>, Stop> {
        let Some(program) = &self.number else {
            return Ok(None);
        };
        let bound = self.bound(&Apply {
            number: None,
            ..*cx
        });
        match bound.one(program) {
            Ok(Some(it)) if !it.is_blank() => Ok(Some(it.to_text().trim().to_owned())),
            Ok(_) => Ok(None),
            Err(error) => Err(self.failed("number", program.code(), "the route", error)),
        }
    }

    /// Numbers under which another poster may have put the document into the target, by the route's
    /// template: each once, and not more than a few.
    pub fn imported_numbers(&self, cx: &Apply<'_>) -> Result<Vec<String>, Stop> {
        let Some(program) = &self.imported_number else {
            return Ok(Vec::new());
        };
        let bound = self.bound(&Apply {
            number: None,
            ..*cx
        });
        let given = bound
            .all(program)
            .map_err(|error| self.failed("imported-number", program.code(), "the route", error))?;
        let mut numbers: Vec<String> = Vec::new();
        let mut add = |it: &Value| {
            let text = it.to_text().trim().to_owned();
            if !it.is_blank() && !numbers.contains(&text) && numbers.len() < IMPORTED_NUMBERS {
                numbers.push(text);
            }
        };
        for it in &given {
            match it.as_array() {
                Some(items) => items.iter().for_each(&mut add),
                None => add(it),
            }
        }
        Ok(numbers)
    }

    pub(super) fn bound<'a>(&'a self, cx: &Apply<'a>) -> Bound<'a> {
        Bound {
            document: cx.document,
            settings: cx.settings,
            target_settings: cx.target_settings,
            options: &self.options,
            number: cx.number.map(Value::from).unwrap_or_default(),
            today: Value::from(cx.today),
            tables: &self.tables,
            lookups: &self.lookups,
            links: cx.links,
            followed: cx.followed,
            lets: &self.lets,
            shared: cx.shared,
        }
    }

    /// Why a route with these settings cannot work whatever document comes, with the remedy: each `require` that
    /// is about the route.
    pub fn refused_by(&self, settings: &Value, target_settings: &Value) -> Vec<Problem> {
        let (document, followed, shared) = (Value::Null, Followed::default(), Shared::default());
        let bound = self.bound(&Apply {
            document: &document,
            settings,
            target_settings,
            number: None,
            today: "",
            links: &NoRoutes,
            followed: &followed,
            shared: &shared,
        });
        let about_the_route = self.require.iter().enumerate().filter(|(_, it)| it.on_load);
        about_the_route
            .filter_map(|(index, gate)| match self.required(index, gate, &bound) {
                Err(Stop::Problem { problem, .. }) => Some(problem),
                Err(Stop::Excluded { .. }) | Ok(()) => None,
            })
            .collect()
    }

    pub(super) fn gate_bound(&self, bound: &Bound<'_>) -> Result<(), Stop> {
        for gate in &self.when {
            if !self.holds(gate, "when", bound)? {
                return Err(Stop::Excluded {
                    reason: self.say(&gate.otherwise, gate, bound)?,
                });
            }
        }
        for (index, gate) in self.require.iter().enumerate() {
            self.required(index, gate, bound)?;
        }
        Ok(())
    }

    fn required(&self, index: usize, gate: &Gate, bound: &Bound<'_>) -> Result<(), Stop> {
        if self.holds(gate, "require", bound)? {
            return Ok(());
        }
        let cause = self.say(&gate.otherwise, gate, bound)?;
        let remedy = match &gate.remedy {
            Some(it) => self.say(it, gate, bound)?,
            None => "Correct the document in its source".to_owned(),
        };
        let waits_for = match &gate.waits_for {
            Some(it) => self.text(it, gate, bound)?,
            None => None,
        };
        let problem = Problem {
            category: gate.category,
            field: None,
            cause,
            remedy,
        };
        Err(Stop::Problem {
            problem,
            waits: waits_for.is_some(),
            cause_key: waits_for
                .unwrap_or_else(|| format!("require {} of {}", index + 1, self.name)),
        })
    }

    fn holds(&self, gate: &Gate, what: &str, bound: &Bound<'_>) -> Result<bool, Stop> {
        bound
            .one(&gate.that)
            .map(|it| it.is_some_and(|it| it.is_truthy()))
            .map_err(|it| self.failed(what, gate.that.code(), &self.at(gate.line), it))
    }

    fn say(&self, phrase: &Phrase, gate: &Gate, bound: &Bound<'_>) -> Result<String, Stop> {
        match phrase {
            Phrase::Plain(it) => Ok(it.to_string()),
            Phrase::Program(it) => Ok(self
                .text(it, gate, bound)?
                .unwrap_or_else(|| gate.that.code().to_owned())),
        }
    }

    fn text(&self, it: &Program, gate: &Gate, bound: &Bound<'_>) -> Result<Option<String>, Stop> {
        let said = bound
            .one(it)
            .map_err(|error| self.failed("otherwise", it.code(), &self.at(gate.line), error))?;
        Ok(said
            .filter(|it| !it.is_blank())
            .map(|it| it.to_text().to_string()))
    }

    pub(super) fn map_bound(&self, bound: &Bound<'_>) -> Result<Value, Stop> {
        let mut result = self.object(&self.fields, bound.document, bound)?;
        for lines in &self.lines {
            let elements = bound.all(&lines.each).map_err(|it| {
                self.failed(&lines.path, lines.each.code(), &self.at(lines.line), it)
            })?;
            let mut items = Vec::with_capacity(elements.len());
            for (index, element) in elements.iter().enumerate() {
                let item = self.object(&lines.fields, element, bound);
                // Which line it is belongs to the place, not to the cause.
                items.push(item.map_err(|it| in_line(it, &lines.path, index))?);
            }
            self.put(
                &mut result,
                &lines.path,
                Value::array(items),
                lines.path.contains('.'),
            )?;
        }
        if let Some(it) = self
            .schema
            .as_ref()
            .and_then(|it| it.validate(&result).err())
        {
            let known: String = without_positions(&it.path);
            let made = self.made_by(&known);
            return Err(Stop::Problem {
                problem: Problem {
                    category: Category::SourceData,
                    field: Some(it.path.clone()),
                    cause: it.to_string(),
                    remedy: format!("Correct the document in its source, or {made}"),
                },
                cause_key: format!("field {known} of {}", self.name),
                waits: false,
            });
        }
        Ok(result)
    }

    fn object(&self, fields: &[Field], input: &Value, bound: &Bound<'_>) -> Result<Value, Stop> {
        let mut result = Value::from(Object::default());
        for field in fields {
            if let Some(value) = self.value(field, input, bound)? {
                self.put(&mut result, &field.name, value, field.nested)?;
            }
        }
        Ok(result)
    }

    fn put(
        &self,
        result: &mut Value,
        name: &Arc<str>,
        value: Value,
        nested: bool,
    ) -> Result<(), Stop> {
        match result {
            Value::Obj(object) if !nested => {
                Arc::make_mut(object).insert(name.clone(), value);
                Ok(())
            }
            _ => result.set(name, value).map_err(|it| Stop::Problem {
                problem: Problem {
                    category: Category::Defect,
                    field: Some(name.to_string()),
                    cause: it.to_string(),
                    remedy: format!("Correct the mapping {}", self.file.path.display()),
                },
                cause_key: format!("field {name} of {}", self.name),
                waits: false,
            }),
        }
    }

    /// The value of one field; none leaves it out.
    pub(super) fn value(
        &self,
        field: &Field,
        input: &Value,
        bound: &Bound<'_>,
    ) -> Result<Option<Value>, Stop> {
        let failed = |it| self.failed(&field.path, &field.code, &self.at(field.line), it);
        match &field.kind {
            Kind::Constant(it) => Ok(Some(it.clone())),
            Kind::Jq {
                program,
                omit_empty,
            } => {
                let it = bound.one_of(program, input).map_err(failed)?;
                Ok(it.filter(|it| match *omit_empty {
                    true => !it.is_blank(),
                    false => !it.is_null(),
                }))
            }
            Kind::Link {
                link,
                of,
                by,
                approved,
                read,
                wrap,
                optional,
                category,
            } => {
                let id = bound.one_of(of, input).map_err(failed)?.unwrap_or_default();
                let id = id.to_text();
                if names_nothing(&id) {
                    if *optional {
                        return Ok(None);
                    }
                    return Err(Stop::Problem {
                        problem: Problem {
                            category: *category,
                            field: Some(field.path.to_string()),
                            cause: format!("it names no {link}"),
                            remedy: format!("Enter the {link} in the source document"),
                        },
                        cause_key: format!("field {} of {}", field.path, self.name),
                        waits: false,
                    });
                }
                let ask = LinkAsk {
                    link,
                    by: *by,
                    value: &id,
                    approved: *approved,
                    read: read.as_deref(),
                };
                match bound.links.resolve(&ask) {
                    LinkAnswer::Target(it) => Ok(Some(match wrap {
                        Some(name) => Value::object([(name.clone(), Value::from(it))]),
                        None => Value::from(it),
                    })),
                    LinkAnswer::Nothing(reason) => Err(Stop::Excluded { reason }),
                    LinkAnswer::Waiting {
                        cause_key,
                        cause,
                        remedy,
                    } => Err(Stop::Problem {
                        problem: Problem {
                            category: *category,
                            field: Some(field.path.to_string()),
                            cause,
                            remedy,
                        },
                        cause_key,
                        waits: true,
                    }),
                }
            }
            Kind::Table {
                table,
                key,
                default,
                optional,
            } => {
                let found = bound.one_of(key, input).map_err(failed)?;
                let (key, _) = row_wanted(found.unwrap_or_default());
                if *optional && key.is_blank() {
                    return Ok(None);
                }
                let text = if key.is_null() {
                    "".into()
                } else {
                    key.to_text()
                };
                let data = bound.lookups.get(&**table);
                let row = data.and_then(|it| it.rows.get(&*text));
                let fallback = || default.as_ref().or(data.and_then(|it| it.default.as_ref()));
                match row.or_else(fallback) {
                    Some(Value::Null) => Ok(None),
                    Some(it) => Ok(Some(it.clone())),
                    None => Err(self.no_row(field, table, &text, data.map(|it| &**it))),
                }
            }
        }
    }
}
