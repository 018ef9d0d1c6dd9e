//! Refuses at load what must not run: unknown names, recursion, and what grows without bound.
//!
//! The whole program is expanded here the way it will run: each call by the body of what it calls,
//! each parameter by the argument bound to it. That finds recursion, also through other functions
//! and through preludes (`jaq` aborts the process on `def f: 1+f; f`), and bounds both the depth
//! that the interpreter will nest to and the work of doubling functions such as
//! `def a: .,.; def b: a|a; …`.

use std::{cell::Cell, collections::BTreeSet, ops::Range};

use jaq_core::{
    load::{
        lex::StrPart,
        parse::{BinaryOp, Def, Pattern, Term},
    },
    path::Part,
};

use super::{
    builtins,
    library::{Fault, Library, span_in, std_defs},
};
use crate::config::findings::nearest;

/// Nodes of a fully expanded program.
const LARGEST: usize = 60_000;
/// Depth of a fully expanded program. The interpreter nests about as deep on the stack.
pub(super) const DEEPEST: usize = 200;

/// What an expression uses.
#[derive(Default)]
pub(super) struct Uses {
    /// Positions of global variables.
    pub(super) globals: BTreeSet<usize>,
    /// Definitions by module and position.
    pub(super) defs: BTreeSet<(usize, usize)>,
    /// Standard definitions by position.
    pub(super) std: BTreeSet<usize>,
    /// Named fields of global variables.
    pub(super) members: Vec<Member>,
}

/// A field of a global variable that an expression names: `$options.status`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The variable, with its `$`.
    pub variable: String,
    /// The field; `None` when the variable is used as a whole, or by a computed name.
    pub name: Option<String>,
    /// Bytes within the code.
    pub span: Range<usize>,
}

/// Checks one expression.
pub(super) fn check_expression<'a>(
    library: &Library<'a>,
    globals: &[&str],
    code: &'a str,
    term: &Term<&'a str>,
) -> Result<Uses, Vec<Fault>> {
    let mut walk = Walk::new(library, globals, code);
    let env = Env {
        frame: None,
        level: Level::Main,
        active: None,
        site: None,
    };
    let _ = walk.expand(term, env, 0);
    if walk.faults.is_empty() {
        Ok(walk.uses)
    } else {
        Err(walk.faults)
    }
}

/// Checks every definition of a module.
pub(super) fn check_module(library: &Library<'_>, at: usize, globals: &[&str]) -> Vec<Fault> {
    let module = &library.modules[at];
    let mut walk = Walk::new(library, globals, module.code);
    for (position, def) in module.defs.iter().enumerate() {
        walk.steps = 0;
        let env = Env {
            frame: None,
            level: Level::Module(at, position),
            active: None,
            site: None,
        };
        let _ = walk.alone(def, env, 0);
    }
    walk.faults
}

/// Where code stands: what it can see of top-level definitions.
#[derive(Clone, Copy)]
pub(super) enum Level {
    Main,
    Std(usize),
    Module(usize, usize),
}

/// What a piece of code sees.
#[derive(Clone, Copy)]
pub(super) struct Env<'e, 'a> {
    frame: Option<&'e Frame<'e, 'a>>,
    pub(super) level: Level,
    /// Definitions whose bodies are being expanded around this code.
    active: Option<&'e Active<'e, 'a>>,
    /// The call in the checked code through which other code was reached.
    pub(super) site: Option<&'a str>,
}

pub(super) struct Active<'e, 'a> {
    def: &'e Def<&'a str>,
    outer: Option<&'e Active<'e, 'a>>,
}

pub(super) struct Frame<'e, 'a> {
    bound: Bound<'e, 'a>,
    outer: Option<&'e Frame<'e, 'a>>,
}

pub(super) enum Bound<'e, 'a> {
    Var(&'a str),
    /// A parameter with its argument; none while a definition is checked by itself.
    Param(
        &'a str,
        Option<(&'e Term<&'a str>, Env<'e, 'a>)>,
        &'e Cell<bool>,
    ),
    Def(&'e Def<&'a str>),
}

/// The expansion was given up; a fault says why.
struct GivenUp;

type Done = Result<(), GivenUp>;

pub(super) struct Walk<'l, 'a> {
    pub(super) library: &'l Library<'a>,
    globals: &'l [&'l str],
    code: &'a str,
    faults: Vec<Fault>,
    uses: Uses,
    steps: usize,
}

impl<'l, 'a> Walk<'l, 'a> {
    fn new(library: &'l Library<'a>, globals: &'l [&'l str], code: &'a str) -> Self {
        Self {
            library,
            globals,
            code,
            faults: Vec::new(),
            uses: Uses::default(),
            steps: 0,
        }
    }

    fn span(&self, at: Option<&str>, env: Env<'_, 'a>) -> Range<usize> {
        let here = |it: &str| span_in(self.code, it);
        env.site
            .and_then(here)
            .or_else(|| at.and_then(here))
            .unwrap_or(0..self.code.len())
    }

    pub(super) fn fault(
        &mut self,
        at: Option<&str>,
        env: Env<'_, 'a>,
        message: String,
        label: &str,
        help: Option<String>,
    ) {
        let span = self.span(at, env);
        let fault = Fault {
            span,
            message,
            label: label.to_owned(),
            help,
        };
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }

    /// Kept small: its frame is on the stack once a level.
    fn expand<'e>(&mut self, term: &'e Term<&'a str>, env: Env<'e, 'a>, depth: usize) -> Done {
        self.steps += 1;
        if self.steps > LARGEST || depth > DEEPEST {
            return self.give_up(env);
        }
        let next = depth + 1;
        match term {
            Term::Id | Term::Num(_) | Term::Arr(None) => Ok(()),
            Term::Arr(Some(it)) | Term::Neg(it) => self.expand(it, env, next),
            Term::BinOp(l, BinaryOp::Pipe(Some(pattern)), r) => {
                self.expand(l, env, next)?;
                self.bound(pattern, env, next, &mut |walk, env| {
                    walk.expand(r, env, next)
                })
            }
            Term::BinOp(l, op, r) => {
                self.assignment(l, op, env);
                self.expand(l, env, next)?;
                self.expand(r, env, next)
            }
            Term::Def(defs, then) => self.with_defs(defs, then, env, next),
            Term::Call(name, args) => self.call(name, args, env, next),
            Term::Var(name) => self.variable(name, None, env),
            Term::TryCatch(it, catch) => {
                self.expand(it, env, next)?;
                catch.iter().try_for_each(|it| self.expand(it, env, next))
            }
            Term::IfThenElse(branches, otherwise) => {
                self.branches(branches, otherwise.as_deref(), env, next)
            }
            Term::Path(it, path) => {
                match &**it {
                    Term::Var(name) => self.variable(name, path.0.first(), env)?,
                    it => self.expand(it, env, next)?,
                }
                self.parts(&path.0, env, next)
            }
            Term::Fold(kind, over, pattern, args) => {
                self.fold(kind, over, pattern, args, env, next)
            }
            Term::Str(format, parts) => self.text(*format, parts, env, next),
            Term::Obj(entries) => self.object(entries, env, next),
            Term::Recurse | Term::Label(..) | Term::Break(_) => self.left_out(term, env),
        }
    }

    #[inline(never)]
    fn give_up(&mut self, env: Env<'_, 'a>) -> Done {
        let (what, label) = if self.steps > LARGEST {
            ("does too much work", "grows too large")
        } else {
            ("is nested too deeply", "nested too deeply")
        };
        let message = format!("this {what} when its functions are put in");
        self.fault(None, env, message, label, None);
        Err(GivenUp)
    }

    #[inline(never)]
    fn left_out(&mut self, term: &Term<&'a str>, env: Env<'_, 'a>) -> Done {
        let (at, what, instead) = match term {
            Term::Label(name, _) | Term::Break(name) => (
                Some(*name),
                "`label` and `break` are",
                "`first(…)` ends at the first output",
            ),
            _ => (None, "`..` is", "name the fields to go through"),
        };
        let message = format!("{what} not available");
        self.fault(at, env, message, "not available", Some(instead.to_owned()));
        Ok(())
    }

    #[inline(never)]
    fn assignment(&mut self, l: &Term<&'a str>, op: &BinaryOp<&'a str>, env: Env<'_, 'a>) {
        use BinaryOp::{Assign, Update, UpdateAlt, UpdateMath};
        if matches!(op, Assign | Update | UpdateAlt | UpdateMath(_)) && !is_place(l) {
            let message = "the left side of an assignment may hold only paths, pipes and `select`";
            self.fault(None, env, message.to_owned(), "not a plain path", None);
        }
    }

    #[inline(never)]
    fn text<'e>(
        &mut self,
        format: Option<&'a str>,
        parts: &'e [StrPart<&'a str, Term<&'a str>>],
        env: Env<'e, 'a>,
        depth: usize,
    ) -> Done {
        if let Some(it) = format.filter(|it| *it != "@text") {
            self.unknown_function(it, 0, env, &[]);
        }
        parts
            .iter()
            .enumerate()
            .try_for_each(|(index, part)| match part {
                StrPart::Term(it) => self.expand(it, env, depth + index),
                _ => Ok(()),
            })
    }

    #[inline(never)]
    fn object<'e>(
        &mut self,
        entries: &'e [(Term<&'a str>, Option<Term<&'a str>>)],
        env: Env<'e, 'a>,
        depth: usize,
    ) -> Done {
        // The interpreter adds the fields up one inside the other.
        entries
            .iter()
            .enumerate()
            .try_for_each(|(index, (name, value))| {
                self.expand(name, env, depth + index)?;
                value
                    .iter()
                    .try_for_each(|it| self.expand(it, env, depth + index))
            })
    }

    #[inline(never)]
    fn branches<'e>(
        &mut self,
        branches: &'e [(Term<&'a str>, Term<&'a str>)],
        otherwise: Option<&'e Term<&'a str>>,
        env: Env<'e, 'a>,
        depth: usize,
    ) -> Done {
        for (index, (condition, then)) in branches.iter().enumerate() {
            self.expand(condition, env, depth + index)?;
            self.expand(then, env, depth + index)?;
        }
        otherwise
            .into_iter()
            .try_for_each(|it| self.expand(it, env, depth + branches.len()))
    }

    #[inline(never)]
    fn parts<'e>(
        &mut self,
        parts: &'e [(Part<Term<&'a str>>, jaq_core::path::Opt)],
        env: Env<'e, 'a>,
        depth: usize,
    ) -> Done {
        // The interpreter goes along a path one call inside the other.
        if depth + parts.len() > DEEPEST {
            return self.give_up(env);
        }
        parts.iter().try_for_each(|(part, _)| match part {
            Part::Index(it) => self.expand(it, env, depth),
            Part::Range(from, upto) => from
                .iter()
                .chain(upto)
                .try_for_each(|it| self.expand(it, env, depth)),
        })
    }

    #[inline(never)]
    fn fold<'e>(
        &mut self,
        kind: &'a str,
        over: &'e Term<&'a str>,
        pattern: &'e Pattern<&'a str>,
        args: &'e [Term<&'a str>],
        env: Env<'e, 'a>,
        depth: usize,
    ) -> Done {
        let ([start, steps @ ..], true) = (
            args,
            matches!((kind, args.len()), ("reduce", 2) | ("foreach", 2 | 3)),
        ) else {
            let message = format!("`{kind}` takes a start and a step in its brackets");
            self.fault(Some(kind), env, message, "wrong number of parts", None);
            return Ok(());
        };
        self.expand(over, env, depth)?;
        self.expand(start, env, depth)?;
        self.bound(pattern, env, depth, &mut |walk, env| {
            steps.iter().try_for_each(|it| walk.expand(it, env, depth))
        })
    }

    /// Goes on with the variables of a pattern bound.
    fn bound<'e>(
        &mut self,
        pattern: &'e Pattern<&'a str>,
        env: Env<'e, 'a>,
        depth: usize,
        then: &mut dyn FnMut(&mut Self, Env<'_, 'a>) -> Done,
    ) -> Done {
        let (mut names, mut keys) = (Vec::new(), Vec::new());
        taken_apart(pattern, &mut names, &mut keys);
        keys.into_iter()
            .try_for_each(|it| self.expand(it, env, depth))?;
        self.with_variables(&names, env, then)
    }

    fn with_variables(
        &mut self,
        names: &[&'a str],
        env: Env<'_, 'a>,
        then: &mut dyn FnMut(&mut Self, Env<'_, 'a>) -> Done,
    ) -> Done {
        let Some((name, names)) = names.split_first() else {
            return then(self, env);
        };
        let frame = Frame {
            bound: Bound::Var(name),
            outer: env.frame,
        };
        self.with_variables(
            names,
            Env {
                frame: Some(&frame),
                ..env
            },
            then,
        )
    }

    fn with_defs<'e>(
        &mut self,
        defs: &'e [Def<&'a str>],
        then: &'e Term<&'a str>,
        env: Env<'e, 'a>,
        depth: usize,
    ) -> Done {
        match defs.split_first() {
            None => self.expand(then, env, depth),
            Some((def, rest)) => {
                let frame = Frame {
                    bound: Bound::Def(def),
                    outer: env.frame,
                };
                let env = Env {
                    frame: Some(&frame),
                    ..env
                };
                self.alone(def, env, depth)?;
                self.with_defs(rest, then, env, depth)
            }
        }
    }

    /// Checks a definition by itself, its parameters unknown.
    fn alone<'e>(&mut self, def: &'e Def<&'a str>, env: Env<'e, 'a>, depth: usize) -> Done {
        let active = Active {
            def,
            outer: env.active,
        };
        let env = Env {
            active: Some(&active),
            ..env
        };
        self.with_params(&def.args, None, env, &def.body, env, depth + 1)
    }

    fn with_params<'e>(
        &mut self,
        params: &[&'a str],
        args: Option<&'e [Term<&'a str>]>,
        caller: Env<'e, 'a>,
        body: &'e Term<&'a str>,
        env: Env<'e, 'a>,
        depth: usize,
    ) -> Done {
        let Some((param, params)) = params.split_first() else {
            return self.expand(body, env, depth);
        };
        let (arg, args) = match args.and_then(|it| it.split_first()) {
            Some((arg, args)) => (Some(arg), Some(args)),
            None => (None, None),
        };
        let used = Cell::new(false);
        let is_variable = param.starts_with('$');
        let bound = if is_variable {
            Bound::Var(param)
        } else {
            Bound::Param(param, arg.map(|it| (it, caller)), &used)
        };
        let frame = Frame {
            bound,
            outer: env.frame,
        };
        self.with_params(
            params,
            args,
            caller,
            body,
            Env {
                frame: Some(&frame),
                ..env
            },
            depth,
        )?;
        match arg {
            // An argument that is not used is still checked; a variable's is computed first.
            Some(it) if is_variable || !used.get() => self.expand(it, caller, depth),
            _ => Ok(()),
        }
    }

    #[inline(never)]
    fn variable(
        &mut self,
        name: &'a str,
        part: Option<&(Part<Term<&'a str>>, jaq_core::path::Opt)>,
        env: Env<'_, 'a>,
    ) -> Done {
        let mut frame = env.frame;
        while let Some(it) = frame {
            if matches!(it.bound, Bound::Var(bound) if bound == name) {
                return Ok(());
            }
            frame = it.outer;
        }
        match self.globals.iter().position(|it| *it == name) {
            Some(at) => {
                self.uses.globals.insert(at);
                let field = match part {
                    Some((Part::Index(Term::Str(None, parts)), _)) => plain_text(parts),
                    _ => None,
                };
                let span = self.span(Some(name), env);
                let member = Member {
                    variable: name.to_owned(),
                    name: field,
                    span,
                };
                if !self.uses.members.contains(&member) {
                    self.uses.members.push(member);
                }
            }
            None => {
                if let Some(site) = env.site {
                    let message = format!("`{site}` needs `{name}`, which is not bound here");
                    self.fault(Some(name), env, message, "not bound here", None);
                    return Ok(());
                }
                // Places of variables that this expression may not ask for are nameless.
                let known = self.globals.iter().copied().filter(|it| *it != "$");
                let known: Vec<&str> = known.collect();
                let help = match nearest(name, known.iter().copied()) {
                    Some(it) => format!("did you mean `{it}`?"),
                    None if known.is_empty() => "no variables are bound here".to_owned(),
                    None => format!("bound here: {}", known.join(", ")),
                };
                let message = format!("no variable `{name}` is bound here");
                self.fault(Some(name), env, message, "unknown variable", Some(help));
            }
        }
        Ok(())
    }

    fn call<'e>(
        &mut self,
        name: &'a str,
        args: &'e [Term<&'a str>],
        env: Env<'e, 'a>,
        depth: usize,
    ) -> Done {
        if let Some((module, function)) = name.split_once("::") {
            return self.call_module(name, module, function, args, env, depth);
        }
        let mut frame = env.frame;
        while let Some(it) = frame {
            match &it.bound {
                Bound::Param(bound, closure, used) if *bound == name && args.is_empty() => {
                    used.set(true);
                    return match closure {
                        Some((term, env)) => self.expand(term, *env, depth),
                        None => Ok(()),
                    };
                }
                Bound::Def(def) if def.name == name && def.args.len() == args.len() => {
                    let home = Env {
                        frame: Some(it),
                        ..env
                    };
                    return self.enter(def, args, env, home, name, depth);
                }
                _ => frame = it.outer,
            }
        }
        let library: &'l Library<'a> = self.library;
        if let Some((level, def)) = definition(library, env.level, name, args.len()) {
            match level {
                Level::Module(module, at) => drop(self.uses.defs.insert((module, at))),
                Level::Std(at) => {
                    self.uses.std.insert(at);
                    self.literal_regex(name, args, env);
                }
                Level::Main => {}
            }
            let home = Env {
                frame: None,
                level,
                ..env
            };
            return self.enter(def, args, env, home, name, depth);
        }
        let private = name.starts_with('_');
        let in_std = matches!(env.level, Level::Std(_));
        let native = builtins::signatures().any(|it| it == (name, args.len()));
        if !native || (private && !in_std) {
            self.unknown_function(name, args.len(), env, &[]);
        }
        self.literal_regex(name, args, env);
        args.iter().try_for_each(|it| self.expand(it, env, depth))
    }

    fn call_module<'e>(
        &mut self,
        name: &'a str,
        module: &str,
        function: &str,
        args: &'e [Term<&'a str>],
        env: Env<'e, 'a>,
        depth: usize,
    ) -> Done {
        let library: &'l Library<'a> = self.library;
        let found = match env.level {
            Level::Main => library.modules.iter().position(|it| it.name == module),
            _ => None,
        };
        let Some(at) = found else {
            if !library.broken.contains(&module) {
                let known: Vec<&str> = library.modules.iter().map(|it| it.name).collect();
                let help = match nearest(module, known.iter().copied()) {
                    Some(it) => format!("did you mean `{it}::{function}`?"),
                    None if known.is_empty() => "no functions of connectors are bound here".into(),
                    None => format!("bound here: {}", known.join(", ")),
                };
                let message = format!("no functions `{module}::` are bound here");
                self.fault(Some(name), env, message, "unknown module", Some(help));
            }
            return args.iter().try_for_each(|it| self.expand(it, env, depth));
        };
        let defs: &'l [Def<&'a str>] = &library.modules[at].defs;
        match find(defs, function, args.len()) {
            Some(position) => {
                self.uses.defs.insert((at, position));
                let home = Env {
                    frame: None,
                    level: Level::Module(at, position),
                    ..env
                };
                self.enter(&defs[position], args, env, home, name, depth)
            }
            None => {
                self.unknown_function(name, args.len(), env, &library.modules[at..=at]);
                args.iter().try_for_each(|it| self.expand(it, env, depth))
            }
        }
    }

    /// Expands a call by its body, unless the body is being expanded already.
    fn enter<'e>(
        &mut self,
        def: &'e Def<&'a str>,
        args: &'e [Term<&'a str>],
        caller: Env<'e, 'a>,
        home: Env<'e, 'a>,
        name: &'a str,
        depth: usize,
    ) -> Done {
        let mut active = caller.active;
        while let Some(it) = active {
            if std::ptr::eq(it.def, def) {
                let message = format!("`{name}` calls itself");
                let help = "recursion is not available; `reduce` goes through a list".to_owned();
                self.fault(Some(name), caller, message, "recursive", Some(help));
                return Err(GivenUp);
            }
            active = it.outer;
        }
        let active = Active {
            def,
            outer: caller.active,
        };
        // Faults inside of foreign code are shown at the call that led there.
        let foreign = span_in(self.code, def.name).is_none();
        let site = if foreign {
            caller.site.or(Some(name))
        } else {
            caller.site
        };
        let home = Env {
            active: Some(&active),
            site,
            ..home
        };
        self.with_params(&def.args, Some(args), caller, &def.body, home, depth)
    }
}

/// Text without interpolation.
pub(super) fn plain_text(parts: &[StrPart<&str, Term<&str>>]) -> Option<String> {
    let part = |part: &StrPart<&str, Term<&str>>| match part {
        StrPart::Str(it) => Some((*it).to_owned()),
        StrPart::Char(it) => Some(it.to_string()),
        StrPart::Term(_) => None,
    };
    parts.iter().map(part).collect()
}

fn taken_apart<'e, 'a>(
    pattern: &'e Pattern<&'a str>,
    names: &mut Vec<&'a str>,
    keys: &mut Vec<&'e Term<&'a str>>,
) {
    match pattern {
        Pattern::Var(it) => names.push(it),
        Pattern::Arr(parts) => parts.iter().for_each(|it| taken_apart(it, names, keys)),
        Pattern::Obj(parts) => parts.iter().for_each(|(key, it)| {
            keys.push(key);
            taken_apart(it, names, keys);
        }),
    }
}

/// What a name without a module means, where it is no parameter and not defined around its place: a
/// definition that stands before it in its module, or one of ours. Those with `_` are ours alone.
pub(super) fn definition<'l, 'a>(
    library: &'l Library<'a>,
    level: Level,
    name: &str,
    arity: usize,
) -> Option<(Level, &'l Def<&'a str>)> {
    if let Level::Module(module, position) = level {
        let defs = &library.modules.get(module)?.defs;
        let visible = defs.get(..=position).unwrap_or(defs);
        if let Some(at) = find(visible, name, arity) {
            return Some((Level::Module(module, at), visible.get(at)?));
        }
    }
    let visible = match level {
        Level::Std(position) => std_defs().get(..=position)?,
        _ if name.starts_with('_') => return None,
        _ => std_defs(),
    };
    let at = find(visible, name, arity)?;
    Some((Level::Std(at), visible.get(at)?))
}

pub(super) fn find(defs: &[Def<&str>], name: &str, arity: usize) -> Option<usize> {
    defs.iter()
        .rposition(|it| it.name == name && it.args.len() == arity)
}

/// What may be assigned to. The interpreter updates through `reduce` and the like by recursion over
/// the elements, so those are kept out.
fn is_place(term: &Term<&str>) -> bool {
    match term {
        Term::Id => true,
        Term::Path(it, _) => is_place(it),
        Term::BinOp(l, BinaryOp::Pipe(None), r) => is_place(l) && is_place(r),
        Term::Call(name, args) => {
            matches!((*name, args.len()), ("select", 1) | ("first" | "last", 0))
        }
        _ => false,
    }
}
