//! Mappings as text, and documents put through the mappings of `config/`.

use std::{collections::BTreeMap, path::PathBuf, sync::OnceLock};

use ledgerline::{
    config::{Endpoint, Findings, GROUPS, MappingFile, Route, SourceFile, mapping_ends},
    mapping::{
        Apply, CheckMemo, CompileInput, Followed, LinkAnswer, LinkAsk, Links, Mapping, Reference,
        RulesCx, Shared, Stop, StreamRules, TestCx, Value, compile, differences, reconcile,
        three_way, with_line_ids,
    },
};
use ledgerline_plugin_api::manifest::{Manifest, Stream};

use crate::{configuration::told, grounds, parts};

/// Words of mappings and of jq.
pub const WORDS: &[&str] = &[
    "[let]",
    "\n[let]\na = '$b'\nb = '$a'\n",
    "$a",
    "[fields]",
    "[lines.LineItems]",
    "[[require]]",
    "[[when]]",
    "[[test]]",
    "[match]",
    "each = ",
    "that = ",
    "otherwise = ",
    "remedy = ",
    "{ value = ",
    "{ link = ",
    "{ table = ",
    "key = ",
    "default = ",
    "optional = true",
    "omit-empty = true",
    "$document",
    "$settings",
    "$number",
    "$today",
    "$tables",
    "$options",
    "def f: ",
    "def f: 1+f; f",
    "reduce .[] as $x (0; ",
    "foreach .[] as [$a, {b: $c}] (0; ",
    "if . then ",
    " else ",
    " end",
    "try ",
    " catch ",
    "//",
    "|",
    "..",
    ".[]?",
    ".[1:]",
    "?//",
    "label $out | ",
    "break $out",
    "@base64",
    "@json",
    "\\(",
    "map(",
    "select(",
    "test(\"",
    "gsub(\"",
    "split(\"",
    "tonumber",
    "tostring",
    "fromjson",
    "to_entries",
    "with_entries(",
    "group_by(",
    "sort_by(",
    "unique",
    "flatten",
    "add",
    "length",
    "implode",
    "explode",
    "ascii_downcase",
    "ltrimstr(",
    "strptime(",
    "mktime",
    "round",
    "floor",
    "1e400",
    "1e-400",
    "99999999999999999999999999999",
    "0.1",
    "-0",
    "/ 0",
    "% 0",
    "* 1e28",
];

/// Words of documents.
pub const DOCUMENT_WORDS: &[&str] = &[
    "null",
    "true",
    "false",
    "[]",
    "{}",
    "\"\"",
    "0",
    "-1",
    "1e308",
    "1e-308",
    "-0.0",
    "1E+400",
    "79228162514264337593543950335",
    "79228162514264337593543950336",
    "0.00000000000000000000000000001",
    "\"2026-02-30\"",
    "\"2026-02-28T24:00:00Z\"",
    "\"0000-00-00\"",
    "\"9999-12-31T23:59:59.999Z\"",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "\"\u{feff}\"",
    "\"AUD\"",
    "\"id\":",
    "\"total\":",
    "\"lineItems\":",
    "\"creditNoteDate\":",
    "\"createdDate\":",
    "\"freightTotal\":",
    "\"taxRate\":",
];

/// What a route maps from and to.
struct Ground {
    route: Route,
    mapping: MappingFile,
    source: Option<(&'static Manifest, &'static Stream)>,
    /// The connector whose documents it speaks of, where that is not the one that it writes back to.
    origin: Option<&'static Manifest>,
    target: (&'static Manifest, &'static Stream),
    settings: Value,
    target_settings: Value,
}

impl Ground {
    fn compile(&self, mapping: &MappingFile, findings: &mut Findings) -> Option<Mapping> {
        let part = |it: (&'static Manifest, &'static Stream)| {
            (it.0.name.as_str(), it.1, it.0.prelude.as_str())
        };
        let input = CompileInput {
            mapping,
            route: Some(&self.route),
            tables: &grounds::deployment().tables,
            source: self
                .origin
                .map(|it| (it.name.as_str(), it.prelude.as_str())),
            target: part(self.target),
        };
        compile(input, findings)
    }

    fn rules(&self, side: (&Manifest, &Stream)) -> StreamRules {
        let mut findings = Findings::default();
        let (manifest, stream) = side;
        let rules = StreamRules::compile(
            &manifest.name,
            &stream.title,
            stream,
            &manifest.prelude,
            &mut findings,
        );
        rules.expect("a connector of this workspace is sound")
    }
}

/// What groups are to the engine, of which no plugin tells.
fn groups() -> Option<(&'static Manifest, &'static Stream)> {
    static GROUPS_ARE: OnceLock<Manifest> = OnceLock::new();
    let manifest = GROUPS_ARE.get_or_init(|| {
        let text = include_str!("../../../engine/src/pipeline/groups/stream.toml");
        toml::from_str(text).expect("what groups are")
    });
    Some((manifest, manifest.streams.get(GROUPS)?))
}

fn stream(end: &str) -> Option<(&'static Manifest, &'static Stream)> {
    if end == GROUPS {
        return groups();
    }
    let (plugin, stream) = end.split_once('/')?;
    let manifest = grounds::plugin(plugin)?.manifest();
    Some((manifest, manifest.streams.get(stream)?))
}

/// The stream whose documents a route speaks of: of one that follows others, the first one's. None where it
/// writes back into them.
fn origin(route: &Route) -> Option<(&'static Manifest, &'static Stream)> {
    let deployment = grounds::deployment();
    let from = read_from(route);
    let plugin = &deployment.connections[&from.connection].plugin;
    let read = stream(&format!("{plugin}/{}", from.stream));
    read.filter(|_| *from != route.to)
}

/// The stream of a connection with which what a route reads began.
fn read_from(route: &Route) -> &Endpoint {
    let routes = &grounds::deployment().routes;
    let mut from = &route.from;
    loop {
        let before = match from.followed_route() {
            Some(followed) => routes.get(followed),
            None => routes
                .values()
                .find(|it| from.is_groups() && it.to == *from),
        };
        match before {
            Some(it) => from = &it.from,
            None => return from,
        }
    }
}

fn grounds_of_routes() -> &'static BTreeMap<String, Ground> {
    static GROUNDS: OnceLock<BTreeMap<String, Ground>> = OnceLock::new();
    GROUNDS.get_or_init(|| {
        let deployment = grounds::deployment();
        let settings = |connection: &str| {
            let it = deployment.connections.get(connection);
            Value::from(it.map(|it| it.settings.clone()).unwrap_or_default())
        };
        let routes = deployment.routes.values().map(|route| {
            let (from, to) = mapping_ends(deployment, route).expect("its connections are there");
            let ground = Ground {
                route: route.clone(),
                mapping: deployment.mappings[&route.mapping].clone(),
                source: stream(&from),
                origin: origin(route).map(|it| it.0),
                target: stream(&to).expect("its target is there"),
                settings: settings(match route.from.is_groups() {
                    true => &read_from(route).connection,
                    false => &route.from.connection,
                }),
                target_settings: settings(&route.to.connection),
            };
            (route.name.clone(), ground)
        });
        routes.collect()
    })
}

/// The route that is named, else one chosen by what stands there.
fn ground_of(name: &str) -> (&'static str, &'static Ground) {
    let grounds = grounds_of_routes();
    let chosen = name.bytes().fold(0, |sum: usize, it| sum + usize::from(it));
    let (name, ground) = grounds
        .get_key_value(name.trim())
        .or_else(|| grounds.iter().nth(chosen % grounds.len()))
        .expect("the deployment has routes");
    (name, ground)
}

struct Everything;

impl Links for Everything {
    fn resolve(&self, ask: &LinkAsk<'_>) -> LinkAnswer {
        let LinkAsk {
            link, value: id, ..
        } = ask;
        if id.len().is_multiple_of(5) {
            return LinkAnswer::Waiting {
                cause_key: format!("{link} {id}"),
                cause: "it is not there".to_owned(),
                remedy: "wait".to_owned(),
            };
        }
        LinkAnswer::Target("00000000-0000-4000-8000-000000000001".to_owned())
    }
}

/// Compiles a mapping for a route, runs its tests, and applies it to the documents that come along.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let parts = parts::split(&text).1;
    let Some(((route, mapping), documents)) = parts.split_first() else {
        return;
    };
    let ground = ground_of(route).1;
    let file = MappingFile {
        name: ground.mapping.name.clone(),
        file: SourceFile {
            path: PathBuf::from("mappings/it.toml"),
            text: (*mapping).into(),
        },
    };
    let mut findings = Findings::default();
    let Some(mapping) = ground.compile(&file, &mut findings) else {
        return told(findings);
    };
    assert!(findings.is_empty(), "compiled with problems");
    let cx = TestCx {
        read: &|_| Ok(b"{}".to_vec()),
        settings: &ground.settings,
        target_settings: &ground.target_settings,
    };
    for result in mapping.tests(&cx) {
        assert!(!result.name.is_empty());
    }
    let mut documents: Vec<&str> = documents.iter().map(|it| it.1).collect();
    documents.push(r#"{"id":1,"lines":[{"total":1.10},{}],"total":"2"}"#);
    for document in documents {
        if let Ok(document) = Value::parse(document.as_bytes()) {
            apply(&mapping, ground, &document);
        }
    }
}

fn stopped(stop: &Stop) {
    match stop {
        Stop::Excluded { reason } => assert!(!reason.trim().is_empty()),
        Stop::Problem {
            problem, cause_key, ..
        } => {
            assert!(!problem.cause.trim().is_empty(), "{problem:?}");
            assert!(!problem.remedy.trim().is_empty(), "{problem:?}");
            assert!(!cause_key.is_empty(), "{problem:?}");
        }
    }
}

/// As the pipeline does it: number, gates, fields; then everything that is done with the result.
fn apply(mapping: &Mapping, ground: &Ground, document: &Value) {
    let shared = Shared::default();
    let mut cx = Apply {
        document,
        settings: &ground.settings,
        target_settings: &ground.target_settings,
        number: None,
        today: "2026-11-22",
        links: &Everything,
        followed: &Followed::default(),
        shared: &shared,
    };
    let number = match mapping.number(&cx) {
        Ok(number) => number.unwrap_or_else(|| "N-1".to_owned()),
        Err(stop) => return stopped(&stop),
    };
    cx.number = Some(&number);
    if let Err(stop) = mapping.gate(&cx) {
        stopped(&stop);
    }
    let mapped = match mapping.map(&cx) {
        Ok(mapped) => mapped.document,
        Err(stop) => {
            for field in mapping.explain(&cx) {
                assert!(!field.at.is_empty());
            }
            return stopped(&stop);
        }
    };
    let again = Value::parse(&mapped.to_bytes()).expect("what was mapped is JSON");
    assert_eq!(
        again.fingerprint(),
        mapped.fingerprint(),
        "{}",
        mapped.to_json()
    );
}

/// A compiled route with the rules of both ends.
struct Compiled {
    mapping: Mapping,
    source: Option<StreamRules>,
    target: StreamRules,
}

fn compiled(name: &'static str, ground: &'static Ground) -> &'static Compiled {
    static COMPILED: OnceLock<BTreeMap<&str, Compiled>> = OnceLock::new();
    let all = COMPILED.get_or_init(|| {
        let grounds = grounds_of_routes().iter();
        grounds
            .map(|(name, ground)| {
                let mut findings = Findings::default();
                let compiled = Compiled {
                    mapping: ground
                        .compile(&ground.mapping, &mut findings)
                        .unwrap_or_else(|| panic!("config/ is sound: {}", findings.render(false))),
                    source: ground.source.map(|it| ground.rules(it)),
                    target: ground.rules(ground.target),
                };
                (name.as_str(), compiled)
            })
            .collect()
    });
    all.get(name)
        .unwrap_or_else(|| panic!("{} is compiled", ground.route.name))
}

/// Puts a document through a route of `config/`; the first line names the route.
pub fn run_document(data: &[u8]) {
    let at = data
        .iter()
        .position(|it| *it == b'\n')
        .unwrap_or(data.len());
    let (route, body) = data.split_at(at);
    let (name, ground) = ground_of(&String::from_utf8_lossy(route));
    let document = match Value::parse(body) {
        Ok(document) => document,
        Err(why) => {
            assert!(why.at <= body.len() && !why.why.is_empty(), "{why}");
            return;
        }
    };
    let again = Value::parse(&document.to_bytes()).expect("what was read can be written");
    assert_eq!(again.fingerprint(), document.fingerprint());
    let compiled = compiled(name, ground);
    apply(&compiled.mapping, ground, &document);
    if let Some(rules) = &compiled.source {
        let facts = rules.facts(&document, &ground.settings);
        let reference = Reference::default();
        let cx = RulesCx {
            settings: &ground.settings,
            reference: &reference,
        };
        let _ = (rules.label(&document, cx), rules.key(&document, cx));
        assert!(facts.faults.iter().all(|it| !it.is_empty()));
    }
    held(&compiled.target, ground, &document);
}

/// The document as one that the target holds: compared, checked and made to agree.
fn held(rules: &StreamRules, ground: &Ground, document: &Value) {
    let mut reference = Reference::default();
    for stream in ground.target.0.streams.keys() {
        reference.insert(stream, "200", document.clone());
    }
    let cx = RulesCx {
        settings: &ground.target_settings,
        reference: &reference,
    };
    let _ = (
        rules.held_state(document, cx),
        rules.held_total(document, cx),
    );
    let _ = (rules.active(document, cx), rules.moved_to(document, cx));
    let _ = rules
        .checks()
        .check_all(document, cx, &mut CheckMemo::default());
    if let Ok(Some(total)) = rules.total(document, cx) {
        let source = total.checked_add(rust_decimal::Decimal::new(2, 2));
        let source = source.unwrap_or(total);
        match reconcile(rules, document.clone(), source, &ground.route.rounding, cx) {
            Ok(_) => {}
            Err(problem) => assert!(!problem.cause.is_empty() && !problem.remedy.is_empty()),
        }
    }
    let Some(update) = &ground.target.1.update else {
        return;
    };
    let other = document.children().next().unwrap_or(&Value::Null);
    for (sent, now) in [(document, other), (other, document), (document, document)] {
        let with_ids = with_line_ids(sent, now, update);
        let merged = three_way(&with_ids, now, document, update);
        let _ = (differences(sent, now, update), merged.body.to_bytes());
    }
}

/// The mappings of `config/` with their samples.
pub fn seeds() -> Vec<Vec<u8>> {
    let grounds = grounds_of_routes().iter();
    grounds
        .map(|(name, ground)| parts::join("", [(name.as_str(), ground.mapping.file.text.as_ref())]))
        .collect()
}

/// The samples of `config/`, for every route.
pub fn document_seeds() -> Vec<Vec<u8>> {
    let mappings = grounds::repository().join("config/mappings");
    let mut seeds = Vec::new();
    for (name, ground) in grounds_of_routes() {
        let plugin = ground.mapping.name.split('/').next().unwrap_or_default();
        let folder = mappings.join(plugin).join("samples");
        let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = files.map(|it| it.path()).collect();
        paths.sort();
        for path in paths {
            let sample = std::fs::read(path).unwrap_or_default();
            seeds.push([name.as_bytes(), b"\n", &sample].concat());
        }
    }
    seeds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_samples_are_mapped() {
        let mut mapped = 0;
        for seed in document_seeds() {
            let text = String::from_utf8(seed).unwrap();
            let (route, body) = text.split_once('\n').unwrap();
            let (name, ground) = ground_of(route);
            let document = Value::parse(body.as_bytes()).unwrap();
            let compiled = compiled(name, ground);
            let cx = Apply {
                document: &document,
                settings: &ground.settings,
                target_settings: &ground.target_settings,
                number: Some("N-1"),
                today: "2026-11-22",
                links: &Everything,
                followed: &Followed::default(),
                shared: &Shared::default(),
            };
            mapped += usize::from(compiled.mapping.map(&cx).is_ok());
        }
        assert!(mapped > 5, "only {mapped} samples are mapped by some route");
    }
}
