//! What an expression may refer to: our standard functions and the preludes of connectors.
//!
//! Everything is lexed and parsed here, under limits, before the interpreter sees it: `jaq` parses
//! and compiles recursively, and a text of ten thousand brackets would end the process.

use std::{ops::Range, sync::LazyLock};

use jaq_core::load::{
    lex::{Lexer, StrPart, Tok, Token},
    parse::{Def, Parser, Term},
};

use super::{analysis, builtins};

/// Longest expression and prelude, in bytes.
const LONGEST_EXPRESSION: usize = 16 << 10;
const LONGEST_PRELUDE: usize = 256 << 10;
/// Deepest nesting of brackets and of operators between them.
const BRACKETS: usize = 48;
const OPERATORS: usize = 180;

/// What is wrong in a piece of jq.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Bytes within the code.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// Words under the marked code.
    pub label: String,
    /// What would help.
    pub help: Option<String>,
}

/// A connector's own functions, ready to be bound as `name::`.
#[derive(Debug, Clone)]
pub struct Prelude {
    name: String,
    code: String,
}

impl Prelude {
    /// The prelude of a connector. Dashes of its name become underscores. Inside, its functions may
    /// be written with or without the name.
    pub fn new(connector: &str, code: &str) -> Self {
        let name = connector.replace('-', "_");
        let own = format!("{name}::");
        let code = renamed(code, |word| {
            word.strip_prefix(own.as_str()).map(str::to_owned)
        });
        Self { name, code }
    }

    /// The same prelude with `$settings` meaning another variable: in a mapping, `$settings` are the
    /// source's, and the target's functions still see their own.
    pub fn with_settings(mut self, variable: &str) -> Self {
        self.code = renamed(&self.code, |word| {
            (word == "$settings").then(|| variable.to_owned())
        });
        self
    }

    /// Its code as it is compiled.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The name by which it is bound.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Replaces words and variables. Code that cannot be lexed stays as it is; loading reports it.
fn renamed(code: &str, replace: impl Fn(&str) -> Option<String>) -> String {
    fn walk<'a>(tokens: &[Token<&'a str>], found: &mut Vec<&'a str>) {
        for Token(text, kind) in tokens {
            match kind {
                Tok::Word | Tok::Var => found.push(text),
                Tok::Block(tokens) => walk(tokens, found),
                Tok::Str(parts) => parts.iter().for_each(|part| {
                    if let StrPart::Term(token) = part {
                        walk(std::slice::from_ref(token), found);
                    }
                }),
                _ => {}
            }
        }
    }
    if limits(code, LONGEST_PRELUDE).is_some() {
        return code.to_owned();
    }
    let Ok(tokens) = Lexer::new(code).lex() else {
        return code.to_owned();
    };
    let mut words = Vec::new();
    walk(&tokens, &mut words);
    let mut out = String::with_capacity(code.len());
    let mut end = 0;
    for word in words {
        if let (Some(new), Some(span)) = (replace(word), span_in(code, word)) {
            out.push_str(&code[end..span.start]);
            out.push_str(&new);
            end = span.end;
        }
    }
    out.push_str(&code[end..]);
    out
}

/// One module's definitions.
pub(super) struct Module<'a> {
    pub(super) name: &'a str,
    pub(super) code: &'a str,
    pub(super) defs: Vec<Def<&'a str>>,
    /// Where each definition stands in the code.
    pub(super) spans: Vec<Range<usize>>,
}

/// Everything that expressions may refer to.
pub struct Library<'a> {
    pub(super) modules: Vec<Module<'a>>,
    /// Modules that failed to load: expressions that use them are not blamed.
    pub(super) broken: Vec<&'a str>,
}

static STD: LazyLock<Vec<Def<&'static str>>> = LazyLock::new(|| {
    // A test reads it; an unreadable one would leave expressions without functions, not a panic.
    module(builtins::STD)
        .map(|(defs, _)| defs)
        .unwrap_or_default()
});

pub(super) fn std_defs() -> &'static [Def<&'static str>] {
    &STD
}

impl<'a> Library<'a> {
    /// Loads preludes. Faults name the prelude that they are in.
    pub fn new(preludes: &'a [Prelude]) -> (Self, Vec<(&'a Prelude, Fault)>) {
        let mut library = Self {
            modules: Vec::new(),
            broken: Vec::new(),
        };
        let mut faults = Vec::new();
        for prelude in preludes {
            match module(&prelude.code) {
                Ok((defs, spans)) => library.modules.push(Module {
                    name: &prelude.name,
                    code: &prelude.code,
                    defs,
                    spans,
                }),
                Err(found) => {
                    library.broken.push(&prelude.name);
                    faults.extend(found.into_iter().map(|it| (prelude, it)));
                }
            }
        }
        (library, faults)
    }

    /// Checks every definition by itself: names, recursion, size. `globals` are the variables that
    /// will be bound.
    pub fn check(
        &mut self,
        preludes: &'a [Prelude],
        globals: &[&str],
    ) -> Vec<(&'a Prelude, Fault)> {
        let mut faults = Vec::new();
        for prelude in preludes {
            let Some(at) = self.modules.iter().position(|it| it.name == prelude.name) else {
                continue;
            };
            let found = analysis::check_module(self, at, globals);
            if !found.is_empty() {
                let broken = self.modules.remove(at);
                self.broken.push(broken.name);
                faults.extend(found.into_iter().map(|it| (prelude, it)));
            }
        }
        faults
    }
}

/// Bytes of `part` within `whole`, when it is a slice of it.
pub(super) fn span_in(whole: &str, part: &str) -> Option<Range<usize>> {
    let start = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
    let end = start.checked_add(part.len())?;
    (end <= whole.len()).then_some(start..end)
}

/// Parses one expression.
pub(super) fn expression(code: &str) -> Result<Term<&str>, Vec<Fault>> {
    let tokens = lexed(code, LONGEST_EXPRESSION)?;
    nesting(code, &tokens, false)?;
    Parser::new(&tokens)
        .parse(|it| it.term())
        .map_err(|it| parse_faults(code, it))
}

type Definitions<'a> = (Vec<Def<&'a str>>, Vec<Range<usize>>);

fn module(code: &str) -> Result<Definitions<'_>, Vec<Fault>> {
    let tokens = lexed(code, LONGEST_PRELUDE)?;
    nesting(code, &tokens, true)?;
    let defs = Parser::new(&tokens)
        .parse(|it| it.defs())
        .map_err(|it| parse_faults(code, it))?;
    let spans = spans(code, &tokens);
    Ok((defs, spans))
}

fn whole(code: &str, message: impl Into<String>) -> Fault {
    let span = 0..code.len();
    Fault {
        span,
        message: message.into(),
        label: "too much".into(),
        help: None,
    }
}

fn limits(code: &str, longest: usize) -> Option<Fault> {
    if code.len() > longest {
        return Some(whole(
            code,
            format!("{} bytes of jq; at most {longest} are read", code.len()),
        ));
    }
    let mut depth = 0_usize;
    for it in code.bytes() {
        match it {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > BRACKETS {
            return Some(whole(
                code,
                format!("more than {BRACKETS} levels of brackets"),
            ));
        }
    }
    None
}

fn lexed(code: &str, longest: usize) -> Result<Vec<Token<&str>>, Vec<Fault>> {
    if let Some(it) = limits(code, longest) {
        return Err(vec![it]);
    }
    Lexer::new(code).lex().map_err(|errors| {
        let fault = |(expected, at): (jaq_core::load::lex::Expect<&str>, &str)| {
            let start = span_in(code, at).map_or(0, |it| it.start);
            let length = at.chars().next().map_or(0, char::len_utf8);
            Fault {
                span: start..start + length,
                message: format!("this is not jq: expected {}", expected.as_str()),
                label: format!("expected {}", expected.as_str()),
                help: None,
            }
        };
        errors.into_iter().map(fault).collect()
    })
}

fn parse_faults(code: &str, errors: Vec<jaq_core::load::parse::TError<'_, &str>>) -> Vec<Fault> {
    let fault = |(expected, found): jaq_core::load::parse::TError<'_, &str>| {
        let (span, found) = match found {
            Some(Token(text, _)) => (
                span_in(code, text).unwrap_or(0..code.len()),
                format!("`{}`", text.chars().take(24).collect::<String>()),
            ),
            None => (code.len()..code.len(), "the end".to_owned()),
        };
        let expected = match expected {
            jaq_core::load::parse::Expect::Just(it) => format!("`{it}`"),
            jaq_core::load::parse::Expect::Nothing => "an operator or the end".to_owned(),
            it => it.as_str().to_owned(),
        };
        Fault {
            span,
            message: format!("this is not jq: expected {expected}, found {found}"),
            label: format!("expected {expected}"),
            help: None,
        }
    };
    errors.into_iter().map(fault).collect()
}

/// Bounds the depth of the tree that the parser will build from the tokens: each operator or prefix
/// word may nest what follows by one level; `def … ;` nests its body.
fn nesting(code: &str, tokens: &[Token<&str>], definitions: bool) -> Result<(), Vec<Fault>> {
    fn depth(tokens: &[Token<&str>], object: bool, definitions: bool) -> usize {
        const PREFIXES: [&str; 9] = [
            "def", "if", "elif", "try", "reduce", "foreach", "label", "as", "catch",
        ];
        const INFIXES: [&str; 2] = ["and", "or"];
        // One count for each open definition, the innermost last.
        let mut levels = vec![0_usize];
        let (mut deepest, mut inner) = (0, 0);
        for Token(text, kind) in tokens {
            match kind {
                Tok::Block(tokens) => {
                    inner = inner.max(depth(tokens, text.starts_with('{'), false))
                }
                Tok::Str(parts) => {
                    let nested = parts.iter().map(|part| match part {
                        StrPart::Term(token) => depth(std::slice::from_ref(token), false, false),
                        _ => 0,
                    });
                    inner = inner.max(parts.len() + nested.max().unwrap_or(0));
                }
                _ => {}
            }
            let top = levels.len() - 1;
            match (*text, kind) {
                ("def", Tok::Word) => {
                    if !(definitions && top == 0) {
                        levels[top] += 1;
                    }
                    levels.push(0);
                }
                (";", _) if top > 0 => {
                    levels.pop();
                }
                (";", _) => levels[0] = 0,
                (",", _) if object => levels[top] = 0,
                (it, Tok::Word) if PREFIXES.contains(&it) || INFIXES.contains(&it) => {
                    levels[top] += 1;
                }
                ("?" | ":", _) => {}
                (it, Tok::Sym) if it.starts_with('.') => {}
                (_, Tok::Sym) => levels[top] += 1,
                _ => {}
            }
            deepest = deepest.max(levels.iter().sum::<usize>());
        }
        1 + deepest + inner
    }
    if depth(tokens, false, definitions) > OPERATORS {
        return Err(vec![whole(
            code,
            "nested too deeply; split it into functions",
        )]);
    }
    Ok(())
}

/// Where each top-level definition begins and ends.
fn spans(code: &str, tokens: &[Token<&str>]) -> Vec<Range<usize>> {
    let mut spans = Vec::new();
    let (mut open, mut start) = (0_usize, 0);
    for Token(text, kind) in tokens {
        let Some(at) = span_in(code, text) else {
            continue;
        };
        match (*text, kind) {
            ("def", Tok::Word) => {
                if open == 0 {
                    start = at.start;
                }
                open += 1;
            }
            (";", _) => {
                open = open.saturating_sub(1);
                if open == 0 {
                    spans.push(start..at.end);
                }
            }
            _ => {}
        }
    }
    spans
}
