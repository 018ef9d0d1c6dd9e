//! From a mapping file to something that can be applied: every name resolved, every expression
//! compiled, every problem reported at once.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use ledgerline_plugin_api::manifest::{Category, Stream};
use sha2::{Digest, Sha256};

use super::{
    apply::{Field, Gate, Kind, Let, Lines, Mapping, Phrase, TableData},
    bindings::suggestion,
    file::{self, FieldToml, GateToml, LinkBy, MappingToml, Source, Text, Words},
    jq::{Fault, Library, Prelude, Program},
    matching::Matcher,
    schema::{Place, Schema},
    toml_text,
    value::Value,
};
use crate::config::{
    checked::{MappingFile, Route, Table},
    findings::{Findings, SourceFile, nearest},
};

/// Variables of a mapping's expressions, in the order in which they are bound.
pub(super) const GLOBALS: [&str; 9] = [
    "$document",
    "$settings",
    "$target_settings",
    "$options",
    "$number",
    "$today",
    "$tables",
    "$source",
    "$held",
];

/// Position of `$number`.
const NUMBER: usize = 4;

/// Positions of `$source` and `$held`, which only routes that follow another one have.
const FOLLOWED: std::ops::Range<usize> = 7..9;

/// Variables that are known before there is a document.
const ON_LOAD: [&str; 3] = ["$options", "$settings", "$target_settings"];

/// What a mapping that reads the outcomes of a route names as its `from`.
const OUTCOMES: &str = "outcomes";

/// Most values of `[let]`.
pub(super) const LETS: usize = 24;

/// Every variable that some expression somewhere may have bound. Preludes are checked with these.
pub(super) const ANYWHERE: [&str; 12] = [
    "$document",
    "$settings",
    "$target_settings",
    "$options",
    "$number",
    "$today",
    "$tables",
    "$source",
    "$held",
    "$reference",
    "$difference",
    "$account",
];

/// What a mapping is compiled from.
#[derive(Debug, Clone, Copy)]
pub struct CompileInput<'a> {
    /// The mapping file.
    pub mapping: &'a MappingFile,
    /// The route that uses it. Without one, links and the number stay open.
    pub route: Option<&'a Route>,
    /// Tables by name.
    pub tables: &'a BTreeMap<String, Table>,
    /// Connector and prelude of the source; of a route that follows another one, those of the
    /// documents that it speaks of.
    pub source: Option<(&'a str, &'a str)>,
    /// Connector, stream and prelude of the target.
    pub target: (&'a str, &'a Stream, &'a str),
}

/// Compiles a mapping. With findings added, it gives none.
pub fn compile(input: CompileInput<'_>, findings: &mut Findings) -> Option<Mapping> {
    let before = findings.list.len();
    let file = &input.mapping.file;
    let toml = file::read(file, findings);
    let preludes = preludes(&input);
    let library = library(&preludes, &ANYWHERE, findings);
    let (target, stream, _) = input.target;
    let schema = compiled_schema(target, stream, findings);
    let mut cx = Cx {
        input,
        file,
        library: &library,
        findings,
        options: toml.options.clone(),
        links: BTreeMap::new(),
        tables: BTreeMap::new(),
        all_tables: false,
        globals: GLOBALS.map(str::to_owned).to_vec(),
        followed: false,
    };
    if toml.from.as_deref() != Some(OUTCOMES) {
        cx.globals[FOLLOWED].fill("$".to_owned());
    }
    let options = cx.options();
    let lets = cx.lets(&toml.lets);
    let number = match input.route.is_some_and(|it| it.group_by.is_some()) {
        // A group is not for life: it may be worked out as the mapping works out its fields.
        true => cx.of_route("group/by", cx.globals.len(), |it| it.group_by.as_ref()),
        false => cx.of_route("number", GLOBALS.len(), |it| it.number.as_ref()),
    };
    let imported_number = cx.of_route("imported-number", GLOBALS.len(), |it| {
        it.imported_number.as_ref()
    });
    let when = toml.when.iter().filter_map(|it| cx.gate(it)).collect();
    let require = toml.require.iter().filter_map(|it| cx.gate(it)).collect();
    let root = schema.as_deref().map(Schema::root);
    let mut fields = Vec::new();
    for it in &toml.fields {
        fields.extend(cx.field(it, root, ""));
    }
    let lines = toml
        .lines
        .iter()
        .filter_map(|it| cx.lines(it, root))
        .collect();
    cx.required(&toml, root);
    // What a target document is compared by knows no source document.
    cx.globals.truncate(GLOBALS.len());
    let matcher = toml
        .matching
        .as_ref()
        .and_then(|it| Matcher::compile(it, |text| cx.program(text)));
    cx.bindings();
    let (tables, all) = (std::mem::take(&mut cx.tables), cx.all_tables);
    let (links, followed) = (std::mem::take(&mut cx.links), cx.followed);
    let used = cx.used_tables(tables, all);
    if findings.list.len() > before {
        return None;
    }
    let shown = used.iter().map(|(name, it)| (name.as_str(), it.as_value()));
    Some(Mapping {
        name: input.mapping.name.clone(),
        hash: content_hash(&input, &used, &options, &preludes),
        file: file.clone(),
        lets,
        when,
        require,
        fields,
        lines,
        options,
        tables: Value::object(shown),
        lookups: used,
        schema,
        number,
        imported_number,
        matcher,
        links: links.into_iter().map(|(name, it)| (name, it.by)).collect(),
        followed,
        copies_held: toml.copies_held,
        tests: toml.tests,
    })
}

fn preludes(input: &CompileInput<'_>) -> Vec<Prelude> {
    let (target, _, target_prelude) = input.target;
    let mut preludes = Vec::new();
    if let Some((source, prelude)) = input.source {
        preludes.push(Prelude::new(source, prelude));
    }
    let target_prelude = Prelude::new(target, target_prelude).with_settings("$target_settings");
    // A connector that is both ends sees the source's settings.
    if preludes.iter().all(|it| it.name() != target_prelude.name()) {
        preludes.push(target_prelude);
    }
    preludes
}

/// Sets of preludes that were checked and found right. A deployment has dozens of mappings and streams
/// over the same few, and looking through a prelude is most of what compiling costs.
static RIGHT: Mutex<BTreeSet<[u8; 32]>> = Mutex::new(BTreeSet::new());

/// Everything that decides whether preludes are right.
fn identity(preludes: &[Prelude], globals: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    let codes = preludes.iter().flat_map(|it| [it.name(), it.code()]);
    for text in codes.chain(globals.iter().copied()) {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    }
    hash.finalize().into()
}

/// Loads preludes and reports what is wrong in them.
pub(super) fn library<'p>(
    preludes: &'p [Prelude],
    globals: &[&str],
    findings: &mut Findings,
) -> Library<'p> {
    let (mut library, mut faults) = Library::new(preludes);
    let identity = identity(preludes, globals);
    let known = || RIGHT.lock().unwrap_or_else(PoisonError::into_inner);
    if !faults.is_empty() || !known().contains(&identity) {
        faults.extend(library.check(preludes, globals));
        if faults.is_empty() {
            known().insert(identity);
        }
    }
    for (prelude, fault) in faults {
        let path = PathBuf::from(format!("{}/prelude.jq", prelude.name()));
        let file = SourceFile {
            path,
            text: prelude.code().into(),
        };
        add(findings, &file, fault.span.clone(), fault);
    }
    library
}

pub(super) fn compiled_schema(
    connector: &str,
    stream: &Stream,
    findings: &mut Findings,
) -> Option<Arc<Schema>> {
    if stream.schema.is_null() {
        return None;
    }
    match Schema::compile(&stream.schema) {
        Ok(it) => Some(Arc::new(it)),
        Err(it) => {
            let path = PathBuf::from(format!("{connector}/manifest.toml"));
            let file = SourceFile {
                path,
                text: "".into(),
            };
            let message = format!("the schema of a {} cannot be used: {it}", stream.title);
            findings.push(file.finding(0..0, message, "here", None));
            None
        }
    }
}

/// Adds a fault of jq, once.
pub(super) fn add(findings: &mut Findings, file: &SourceFile, span: Range<usize>, fault: Fault) {
    let finding = file.finding(span, fault.message, fault.label, fault.help);
    if !findings.list.contains(&finding) {
        findings.push(finding);
    }
}

pub(super) struct Cx<'c> {
    pub(super) input: CompileInput<'c>,
    pub(super) file: &'c SourceFile,
    library: &'c Library<'c>,
    pub(super) findings: &'c mut Findings,
    pub(super) options: Vec<(Text, Value)>,
    /// Links used, each with its first place.
    pub(super) links: BTreeMap<String, LinkUse>,
    /// Tables used, each with its first place.
    pub(super) tables: BTreeMap<String, Range<usize>>,
    /// `$tables` is used by computed names.
    pub(super) all_tables: bool,
    /// Variables of the expressions that are compiled now: those of every mapping, and the values of
    /// `[let]` that stand before.
    globals: Vec<String>,
    /// Some expression asks for `$source` or `$held`.
    followed: bool,
}

/// A link that a mapping uses.
pub(super) struct LinkUse {
    pub(super) by: LinkBy,
    pub(super) span: Range<usize>,
}

impl<'c> Cx<'c> {
    pub(super) fn wrong(
        &mut self,
        span: Range<usize>,
        message: impl Into<String>,
        label: &str,
        help: Option<String>,
    ) {
        self.findings
            .push(self.file.finding(span, message, label, help));
    }

    /// The values of `[let]`, in the order of the file: each may use those before it. They hold before
    /// the document has its number and after, so they cannot ask for it.
    fn lets(&mut self, lets: &[(Text, Text)]) -> Vec<Let> {
        if let Some((name, _)) = lets.get(LETS) {
            let message = format!("more than {LETS} values in [let]");
            self.wrong(name.span.clone(), message, "one too many", None);
        }
        let mut compiled = Vec::new();
        for (name, code) in lets.iter().take(LETS) {
            let variable = format!("${}", name.value);
            let well_formed = !name.value.is_empty()
                && name.value.bytes().enumerate().all(|(at, it)| {
                    it.is_ascii_lowercase() || it == b'_' || at > 0 && it.is_ascii_digit()
                });
            if !well_formed {
                let message = format!("`{}` cannot be the name of a value", name.value);
                let help = "small letters, digits and underscores".to_owned();
                self.wrong(name.span.clone(), message, "not a name", Some(help));
                continue;
            }
            if ANYWHERE.contains(&variable.as_str()) {
                let message = format!("`{variable}` means something else already");
                self.wrong(name.span.clone(), message, "taken", None);
                continue;
            }
            let number = std::mem::replace(&mut self.globals[NUMBER], "$".to_owned());
            let program = self.program(code);
            self.globals[NUMBER] = number;
            // Those that use a broken one are not blamed for it.
            self.globals.push(variable);
            compiled.extend(program.map(|program| Let {
                path: format!("let.{}", name.value).into(),
                line: line_of(&self.file.text, name.span.start),
                program,
            }));
        }
        compiled
    }

    fn program(&mut self, text: &Text) -> Option<Program> {
        let place = |within| toml_text::place(&self.file.text, text.span.clone(), within);
        let globals: Vec<&str> = self.globals.iter().map(String::as_str).collect();
        match Program::compile(self.library, &text.value, &globals) {
            Ok(program) => {
                self.followed |= program.globals().iter().any(|it| FOLLOWED.contains(it));
                for it in program.members() {
                    let span = place(it.span.clone());
                    match (it.variable.as_str(), &it.name) {
                        ("$options", Some(name)) => {
                            let known: Vec<&str> = self
                                .options
                                .iter()
                                .map(|(it, _)| it.value.as_str())
                                .collect();
                            if !known.contains(&name.as_str()) {
                                let help = suggestion(name, &known);
                                let message = format!("there is no option `{name}`");
                                let found =
                                    self.file.finding(span, message, "unknown option", help);
                                self.findings.push(found);
                            }
                        }
                        ("$tables", Some(name)) => {
                            self.tables.entry(name.clone()).or_insert(span);
                        }
                        ("$tables", None) => self.all_tables = true,
                        _ => {}
                    }
                }
                Some(program)
            }
            Err(faults) => {
                for fault in faults {
                    let span = place(fault.span.clone());
                    add(self.findings, self.file, span, fault);
                }
                None
            }
        }
    }

    /// A template of the route, which sees the first of what the mapping sees: its variables, then its lets.
    fn of_route(
        &mut self,
        key: &str,
        variables: usize,
        template: impl Fn(&Route) -> Option<&String>,
    ) -> Option<Program> {
        let route = self.input.route?;
        let code = template(route)?;
        let place = route.places.value(key);
        let known = self.globals.iter().take(variables);
        let globals: Vec<&str> = known.map(String::as_str).collect();
        match Program::compile(self.library, code, &globals) {
            Ok(it) => {
                self.followed |= it.globals().iter().any(|it| FOLLOWED.contains(it));
                Some(it)
            }
            Err(faults) => {
                for fault in faults {
                    let within = fault.span.clone();
                    let span = toml_text::place(&route.file.text, place.clone(), within);
                    add(self.findings, &route.file, span, fault);
                }
                None
            }
        }
    }

    fn phrase(&mut self, words: &Words) -> Option<Phrase> {
        Some(match words {
            Words::Plain(it) => Phrase::Plain(it.as_str().into()),
            Words::Jq(it) => Phrase::Program(self.program(it)?),
        })
    }

    fn gate(&mut self, toml: &GateToml) -> Option<Gate> {
        let that = self.program(&toml.that);
        let otherwise = toml.otherwise.as_ref().map(|it| self.phrase(it));
        let remedy = toml.remedy.as_ref().map(|it| self.phrase(it));
        let waits_for = toml.waits_for.as_ref().map(|it| self.program(it));
        if toml.on_load {
            self.about_the_route(toml, that.as_ref());
        }
        Some(Gate {
            that: that?,
            otherwise: otherwise.unwrap_or_else(|| {
                Some(Phrase::Plain(
                    format!("not so: {}", toml.that.value.trim()).into(),
                ))
            })?,
            remedy: match remedy {
                Some(it) => Some(it?),
                None => None,
            },
            category: toml.category.unwrap_or(Category::SourceData),
            waits_for: match waits_for {
                Some(it) => Some(it?),
                None => None,
            },
            on_load: toml.on_load,
            line: line_of(&self.file.text, toml.that.span.start),
        })
    }

    /// What is asked when the configuration loads has no document to look at.
    fn about_the_route(&mut self, toml: &GateToml, that: Option<&Program>) {
        let asked = that.map(Program::globals).unwrap_or_default();
        let mut names = asked.iter().filter_map(|it| self.globals.get(*it));
        if let Some(name) = names.find(|it| !ON_LOAD.contains(&it.as_str())) {
            self.findings.push(self.file.finding(
                toml.that.span.clone(),
                format!("`{name}` is not known when the configuration loads"),
                "looks at more than the route",
                Some(format!(
                    "use {} alone, or take out on-load",
                    ON_LOAD.join(", ")
                )),
            ));
        }
    }

    fn lines(&mut self, toml: &file::LinesToml, root: Option<Place<'_>>) -> Option<Lines> {
        let place = self.place(root, &toml.name, "");
        let place = match place.map(Place::items) {
            Some(None) | None => None,
            Some(it) => it,
        };
        let each = toml.each.as_ref().and_then(|it| self.program(it));
        let mut fields = Vec::new();
        for it in &toml.fields {
            fields.extend(self.field(it, place, &toml.name.value));
        }
        if let Some(place) = place {
            self.missing(
                place,
                &toml.fields,
                &[],
                toml.name.span.clone(),
                &toml.name.value,
            );
        }
        Some(Lines {
            path: toml.name.value.as_str().into(),
            each: each?,
            line: line_of(&self.file.text, toml.name.span.start),
            fields,
        })
    }

    /// Goes down to a field's place in the schema; reports a name that the target does not have.
    fn place<'s>(
        &mut self,
        mut place: Option<Place<'s>>,
        name: &Text,
        parent: &str,
    ) -> Option<Place<'s>> {
        let mut gone = Vec::new();
        for part in name.value.split('.') {
            place = match place?.field(part) {
                Ok(it) => it,
                Err(unknown) => {
                    let full = [parent, name.value.as_str()].join(".");
                    let full = full.trim_start_matches('.');
                    let nested = |it: &str| [gone.join("."), it.to_owned()].join(".");
                    let help = match nearest(part, unknown.known.iter().copied()) {
                        Some(it) => Some(format!(
                            "did you mean `{}`?",
                            nested(it).trim_start_matches('.')
                        )),
                        None => Some(format!("it has {}", unknown.known.join(", "))),
                    };
                    let message = format!("the target has no field `{full}`");
                    self.wrong(name.span.clone(), message, "unknown field", help);
                    return None;
                }
            };
            gone.push(part.to_owned());
        }
        place
    }

    fn field(&mut self, toml: &FieldToml, root: Option<Place<'_>>, parent: &str) -> Option<Field> {
        let place = self.place(root, &toml.name, parent);
        let (kind, code) = match &toml.source {
            Source::Jq { code, omit_empty } => {
                let program = self.program(code)?;
                (
                    Kind::Jq {
                        program,
                        omit_empty: *omit_empty,
                    },
                    code.value.trim().to_owned(),
                )
            }
            Source::Constant(value, span) => {
                if let Some(Err(it)) = place.map(|it| it.validate(value)) {
                    let full = [parent, &toml.name.value, &it.path].join(".");
                    let message = format!("`{}` {}", full.trim_matches('.'), it.what);
                    self.wrong(span.clone(), message, "the target refuses this", None);
                }
                (Kind::Constant(value.clone()), value.to_json())
            }
            Source::Link {
                link,
                of,
                by,
                approved,
                read,
                wrap,
                optional,
                category,
            } => {
                let used = self.links.entry(link.value.clone()).or_insert(LinkUse {
                    by: *by,
                    span: link.span.clone(),
                });
                if used.by != *by {
                    let message = format!("the link `{}` is found in two ways", link.value);
                    let help = "use another name for the one of the two".to_owned();
                    self.wrong(
                        link.span.clone(),
                        message,
                        "by something else above",
                        Some(help),
                    );
                }
                if let (Some(place), Some(wrap)) = (place, wrap) {
                    self.place(Some(place), wrap, &toml.name.value);
                }
                let of = self.program(of)?;
                let mut code = format!("link {} of {}", link.value, of.code().trim());
                if let Some(read) = read {
                    code = format!("{} of {code}", read.value);
                }
                let kind = Kind::Link {
                    link: link.value.as_str().into(),
                    of,
                    by: *by,
                    approved: *approved,
                    read: read.as_ref().map(|it| it.value.as_str().into()),
                    wrap: wrap.as_ref().map(|it| it.value.as_str().into()),
                    optional: *optional,
                    category: *category,
                };
                (kind, code)
            }
            Source::Table {
                table,
                key,
                default,
                optional,
            } => {
                self.tables
                    .entry(table.value.clone())
                    .or_insert_with(|| table.span.clone());
                let key = self.program(key)?;
                let code = format!("table {} by {}", table.value, key.code().trim());
                let kind = Kind::Table {
                    table: table.value.as_str().into(),
                    key,
                    default: default.clone(),
                    optional: *optional,
                };
                (kind, code)
            }
        };
        let path = match parent {
            "" => toml.name.value.clone(),
            parent => format!("{parent}.{}", toml.name.value),
        };
        Some(Field {
            path: path.into(),
            name: toml.name.value.as_str().into(),
            nested: toml.name.value.contains('.'),
            kind,
            code: code.into(),
            line: line_of(&self.file.text, toml.name.span.start),
        })
    }

    fn required(&mut self, toml: &MappingToml, root: Option<Place<'_>>) {
        let Some(root) = root.filter(|_| !toml.only_finds()) else {
            return;
        };
        let lines: Vec<&str> = toml.lines.iter().map(|it| it.name.value.as_str()).collect();
        self.missing(root, &toml.fields, &lines, toml.fields_at.clone(), "");
    }

    /// Required fields that nothing gives.
    fn missing(
        &mut self,
        place: Place<'_>,
        fields: &[FieldToml],
        lines: &[&str],
        span: Range<usize>,
        parent: &str,
    ) {
        let names: Vec<&str> = fields
            .iter()
            .map(|it| it.name.value.as_str())
            .chain(lines.iter().copied())
            .collect();
        for name in place.required() {
            let given = |it: &&str| it.split('.').next() == Some(name.as_str());
            if !names.iter().any(given) {
                let full = [parent, name].join(".");
                let full = full.trim_start_matches('.');
                let message = format!("the target requires `{full}`, which nothing gives");
                self.wrong(span.clone(), message, "missing in here", None);
            }
        }
    }
}

/// The line of a byte, from 1.
pub(super) fn line_of(text: &str, at: usize) -> u32 {
    let before = text.get(..at).unwrap_or_default();
    1 + before.bytes().filter(|it| *it == b'\n').count() as u32
}

/// Changes when anything changes that goes into the mapping's results.
fn content_hash(
    input: &CompileInput<'_>,
    tables: &BTreeMap<String, Arc<TableData>>,
    options: &Value,
    preludes: &[Prelude],
) -> [u8; 8] {
    let mut hash = Sha256::new();
    let mut feed = |text: &str| {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    };
    feed(&input.mapping.file.text);
    feed(&options.to_json());
    let number = |it: &Route| it.group_by.clone().or_else(|| it.number.clone());
    feed(&input.route.and_then(number).unwrap_or_default());
    for (name, table) in tables {
        feed(name);
        feed(&table.as_value().to_json());
        feed(
            &table
                .default
                .as_ref()
                .map(Value::to_json)
                .unwrap_or_default(),
        );
    }
    for it in preludes {
        feed(it.name());
        feed(it.code());
    }
    let mut short = [0; 8];
    short.copy_from_slice(&hash.finalize()[..8]);
    short
}
