//! Writes an expression out: every call by the body of what it calls, every parameter by its argument.

use jaq_core::{
    load::{
        lex::StrPart,
        parse::{BinaryOp, Def, Pattern, Term},
    },
    path::{Opt, Part},
};

use super::{At, Direct, Fold, Node, Piece, Step, What};
use crate::mapping::{
    jq::{
        analysis::{Level, definition, find, plain_text},
        builtins,
        library::Library,
        val,
    },
    value::Value,
};

/// Nodes of the largest direct form, some 50 bytes each. Those of real mappings have up to 1,400.
const LARGEST: usize = 4_000;

/// The direct form of an expression that `analysis` let through, if it has one.
pub(in crate::mapping::jq) fn direct<'a>(
    library: &Library<'a>,
    globals: &[&str],
    term: &Term<&'a str>,
) -> Option<Direct> {
    let mut build = Build {
        library,
        globals,
        variables: 0,
        nodes: 0,
    };
    let scope = Scope {
        frame: None,
        level: Level::Main,
    };
    let root = build.node(term, scope)?;
    Some(Direct {
        only_looks_up: root.only_looks_up(),
        root,
        variables: build.variables,
    })
}

struct Build<'l, 'a> {
    library: &'l Library<'a>,
    globals: &'l [&'l str],
    variables: usize,
    nodes: usize,
}

/// What a piece of code sees.
#[derive(Clone, Copy)]
struct Scope<'e, 'a> {
    frame: Option<&'e Frame<'e, 'a>>,
    level: Level,
}

struct Frame<'e, 'a> {
    bound: Bound<'e, 'a>,
    outer: Option<&'e Frame<'e, 'a>>,
}

enum Bound<'e, 'a> {
    /// A variable and its place.
    Variable(&'a str, usize),
    /// A parameter: its argument, and what that sees.
    Parameter(&'a str, &'e Term<&'a str>, Scope<'e, 'a>),
    Definition(&'e Def<&'a str>),
}

/// Values that are bound before a node of which each part must be single.
type Ties = Vec<(Node, usize)>;

impl What {
    fn single(self) -> Node {
        Node {
            what: self,
            single: true,
        }
    }

    fn if_single(self, single: bool) -> Node {
        Node { what: self, single }
    }
}

impl<'l, 'a> Build<'l, 'a> {
    /// A place of its own: what one side of a pipe holds stays while the other side works.
    fn place(&mut self) -> usize {
        self.variables += 1;
        self.variables - 1
    }

    fn node<'e>(&mut self, term: &'e Term<&'a str>, scope: Scope<'e, 'a>) -> Option<Node> {
        self.nodes += 1;
        if self.nodes > LARGEST {
            return None;
        }
        Some(match term {
            Term::Id => What::Input.single(),
            Term::Num(it) => What::Literal(Value::Num(val::literal(it)?)).single(),
            Term::Str(None, parts) => return self.text(parts, scope),
            Term::Arr(None) => What::Literal(Value::array(Vec::new())).single(),
            Term::Arr(Some(it)) => What::Array(Box::new(self.node(it, scope)?)).single(),
            Term::Obj(entries) => return self.object(entries, scope),
            Term::Neg(it) => {
                let mut ties = Ties::new();
                let it = self.one(it, scope, &mut ties)?;
                tied(What::Negative(it).single(), ties)
            }
            Term::BinOp(l, op, r) => return self.operation(l, op, r, scope),
            Term::Fold("reduce", over, Pattern::Var(name), args) => {
                return self.fold(over, name, args, scope);
            }
            Term::TryCatch(it, catch) => {
                let it = self.node(it, scope)?;
                let catch = match catch {
                    Some(it) => self.node(it, scope)?,
                    None => What::Nothing.if_single(false),
                };
                let single = it.single && catch.single;
                What::Try(Box::new(it), Box::new(catch)).if_single(single)
            }
            Term::IfThenElse(branches, otherwise) => {
                return self.branches(branches, otherwise.as_deref(), scope);
            }
            Term::Def(defs, then) => return self.definitions(defs, then, scope),
            Term::Call(name, args) => return self.call(name, args, scope),
            Term::Var(name) => self.variable(name, scope)?,
            Term::Path(base, path) => return self.path(base, &path.0, scope),
            Term::Str(Some(_), _)
            | Term::Fold(..)
            | Term::Recurse
            | Term::Label(..)
            | Term::Break(_) => return None,
        })
    }

    /// A node with one output. One that may have several is bound before, which gives all
    /// combinations in the interpreter's order.
    fn one<'e>(
        &mut self,
        term: &'e Term<&'a str>,
        scope: Scope<'e, 'a>,
        ties: &mut Ties,
    ) -> Option<Box<Node>> {
        let node = self.node(term, scope)?;
        Some(Box::new(self.tie(node, ties)))
    }

    fn tie(&mut self, node: Node, ties: &mut Ties) -> Node {
        if node.single {
            return node;
        }
        let place = self.place();
        ties.push((node, place));
        What::Variable(place).single()
    }

    fn operation<'e>(
        &mut self,
        l: &'e Term<&'a str>,
        op: &BinaryOp<&'a str>,
        r: &'e Term<&'a str>,
        scope: Scope<'e, 'a>,
    ) -> Option<Node> {
        let mut ties = Ties::new();
        let node = match op {
            BinaryOp::Pipe(None) => {
                let (l, r) = (self.node(l, scope)?, self.node(r, scope)?);
                let single = l.single && r.single;
                What::Pipe(Box::new(l), Box::new(r)).if_single(single)
            }
            BinaryOp::Pipe(Some(Pattern::Var(name))) => {
                let l = self.node(l, scope)?;
                let place = self.place();
                bind(l, place, self.with(name, place, r, scope)?)
            }
            BinaryOp::Comma => {
                let (l, r) = (self.node(l, scope)?, self.node(r, scope)?);
                What::Both(Box::new(l), Box::new(r)).if_single(false)
            }
            BinaryOp::Alt => {
                let (l, r) = (self.node(l, scope)?, self.node(r, scope)?);
                let single = l.single && r.single;
                What::Alternative(Box::new(l), Box::new(r)).if_single(single)
            }
            BinaryOp::Math(math) => {
                let l = self.one(l, scope, &mut ties)?;
                let r = self.one(r, scope, &mut ties)?;
                What::Calculate(l, *math, r).single()
            }
            BinaryOp::Cmp(cmp) => {
                let l = self.one(l, scope, &mut ties)?;
                let r = self.one(r, scope, &mut ties)?;
                What::Compare(l, *cmp, r).single()
            }
            BinaryOp::And | BinaryOp::Or => {
                let l = self.one(l, scope, &mut ties)?;
                let r = self.node(r, scope)?;
                let stop = matches!(op, BinaryOp::Or);
                if r.single {
                    What::Logic(l, stop, Box::new(r)).single()
                } else {
                    // The right side is not worked out before the left one is known.
                    let known = What::Literal(Value::Bool(stop)).single();
                    let r = What::Pipe(Box::new(r), Box::new(truth())).if_single(false);
                    match stop {
                        true => choice(*l, known, r),
                        false => choice(*l, r, known),
                    }
                }
            }
            BinaryOp::Pipe(Some(_))
            | BinaryOp::Assign
            | BinaryOp::Update
            | BinaryOp::UpdateMath(_)
            | BinaryOp::UpdateAlt => return None,
        };
        Some(tied(node, ties))
    }

    /// A node that sees one variable more.
    fn with<'e>(
        &mut self,
        name: &'a str,
        place: usize,
        term: &'e Term<&'a str>,
        scope: Scope<'e, 'a>,
    ) -> Option<Node> {
        let frame = Frame {
            bound: Bound::Variable(name, place),
            outer: scope.frame,
        };
        let inner = Scope {
            frame: Some(&frame),
            ..scope
        };
        self.node(term, inner)
    }

    fn text<'e>(
        &mut self,
        parts: &'e [StrPart<&'a str, Term<&'a str>>],
        scope: Scope<'e, 'a>,
    ) -> Option<Node> {
        if let Some(it) = plain_text(parts) {
            return Some(What::Literal(Value::from(it)).single());
        }
        let mut ties = Ties::new();
        let mut pieces = Vec::with_capacity(parts.len());
        for part in parts {
            pieces.push(match part {
                StrPart::Str(it) => Piece::Plain((*it).into()),
                StrPart::Char(it) => Piece::Plain(it.to_string().into()),
                StrPart::Term(it) => Piece::Of(*self.one(it, scope, &mut ties)?),
            });
        }
        Some(tied(What::Text(pieces).single(), ties))
    }

    fn object<'e>(
        &mut self,
        entries: &'e [(Term<&'a str>, Option<Term<&'a str>>)],
        scope: Scope<'e, 'a>,
    ) -> Option<Node> {
        let mut ties = Ties::new();
        let mut fields = Vec::with_capacity(entries.len());
        for (name, value) in entries {
            fields.push(match (name, value) {
                (Term::Var(variable), None) => {
                    let name = Value::from(variable.strip_prefix('$')?);
                    (
                        What::Literal(name).single(),
                        self.variable(variable, scope)?,
                    )
                }
                (name, None) => {
                    // A name that is worked out would be written out twice.
                    let name = self.node(name, scope)?;
                    let What::Literal(Value::Str(field)) = &name.what else {
                        return None;
                    };
                    let step = Step {
                        at: At::Field(field.clone()),
                        optional: false,
                    };
                    let input = Box::new(What::Input.single());
                    (name, What::Path(input, vec![step]).single())
                }
                (name, Some(value)) => {
                    let name = self.one(name, scope, &mut ties)?;
                    (*name, *self.one(value, scope, &mut ties)?)
                }
            });
        }
        Some(tied(What::Object(fields).single(), ties))
    }

    fn branches<'e>(
        &mut self,
        branches: &'e [(Term<&'a str>, Term<&'a str>)],
        otherwise: Option<&'e Term<&'a str>>,
        scope: Scope<'e, 'a>,
    ) -> Option<Node> {
        let mut built = Vec::with_capacity(branches.len());
        for (condition, then) in branches {
            built.push((self.node(condition, scope)?, self.node(then, scope)?));
        }
        let mut otherwise = match otherwise {
            Some(it) => self.node(it, scope)?,
            None => What::Input.single(),
        };
        for (condition, then) in built.into_iter().rev() {
            let mut ties = Ties::new();
            let condition = self.tie(condition, &mut ties);
            otherwise = tied(choice(condition, then, otherwise), ties);
        }
        Some(otherwise)
    }

    fn fold<'e>(
        &mut self,
        over: &'e Term<&'a str>,
        name: &'a str,
        args: &'e [Term<&'a str>],
        scope: Scope<'e, 'a>,
    ) -> Option<Node> {
        let [start, step] = args else { return None };
        let over = self.node(over, scope)?;
        let start = self.node(start, scope)?;
        let place = self.place();
        let step = self.with(name, place, step, scope)?;
        if !start.single || !step.single {
            return None;
        }
        let fold = Fold {
            over,
            place,
            start,
            step,
        };
        Some(What::Fold(Box::new(fold)).single())
    }

    fn path<'e>(
        &mut self,
        base: &'e Term<&'a str>,
        parts: &'e [(Part<Term<&'a str>>, Opt)],
        scope: Scope<'e, 'a>,
    ) -> Option<Node> {
        let mut ties = Ties::new();
        let base = self.one(base, scope, &mut ties)?;
        let mut single = true;
        let mut steps = Vec::with_capacity(parts.len());
        for (part, opt) in parts {
            let at = match part {
                Part::Range(None, None) => At::Each,
                Part::Index(it) => match self.one(it, scope, &mut ties)? {
                    it if matches!(it.what, What::Literal(Value::Str(_))) => match it.what {
                        What::Literal(Value::Str(name)) => At::Field(name),
                        _ => return None,
                    },
                    it => At::Index(*it),
                },
                Part::Range(from, upto) => {
                    let mut bound = |it: &'e Option<Term<&'a str>>| match it {
                        Some(it) => self.one(it, scope, &mut ties).map(|it| Some(*it)),
                        None => Some(None),
                    };
                    At::Slice(bound(from)?, bound(upto)?)
                }
            };
            let optional = matches!(opt, Opt::Optional);
            single &= !optional && !matches!(at, At::Each);
            steps.push(Step { at, optional });
        }
        Some(tied(What::Path(base, steps).if_single(single), ties))
    }

    fn variable(&self, name: &str, scope: Scope<'_, 'a>) -> Option<Node> {
        let mut frame = scope.frame;
        while let Some(it) = frame {
            match it.bound {
                Bound::Variable(bound, place) if bound == name => {
                    return Some(What::Variable(place).single());
                }
                _ => frame = it.outer,
            }
        }
        let at = self.globals.iter().position(|it| *it == name)?;
        Some(What::Global(at).single())
    }

    fn definitions<'e>(
        &mut self,
        defs: &'e [Def<&'a str>],
        then: &'e Term<&'a str>,
        scope: Scope<'e, 'a>,
    ) -> Option<Node> {
        let Some((def, rest)) = defs.split_first() else {
            return self.node(then, scope);
        };
        let frame = Frame {
            bound: Bound::Definition(def),
            outer: scope.frame,
        };
        let inner = Scope {
            frame: Some(&frame),
            ..scope
        };
        self.definitions(rest, then, inner)
    }

    fn call<'e>(
        &mut self,
        name: &'a str,
        args: &'e [Term<&'a str>],
        scope: Scope<'e, 'a>,
    ) -> Option<Node> {
        let library: &'l Library<'a> = self.library;
        if let Some((module, function)) = name.split_once("::") {
            let at = library.modules.iter().position(|it| it.name == module)?;
            let defs: &'l [Def<&'a str>] = &library.modules[at].defs;
            let position = find(defs, function, args.len())?;
            let home = Scope {
                frame: None,
                level: Level::Module(at, position),
            };
            let def = defs.get(position)?;
            return self.parameters(&def.args, args, scope, &def.body, home);
        }
        let mut frame = scope.frame;
        while let Some(it) = frame {
            match &it.bound {
                Bound::Parameter(bound, argument, caller) if *bound == name && args.is_empty() => {
                    return self.node(argument, *caller);
                }
                Bound::Definition(def) if def.name == name && def.args.len() == args.len() => {
                    let home = Scope {
                        frame: Some(it),
                        ..scope
                    };
                    return self.parameters(&def.args, args, scope, &def.body, home);
                }
                _ => frame = it.outer,
            }
        }
        let Some((level, def)) = definition(library, scope.level, name, args.len()) else {
            return self.native(name, args, scope);
        };
        // It is made of a loop over nothing, because jq has no other word for it.
        if matches!(level, Level::Std(_)) && (name, args.len()) == ("empty", 0) {
            return Some(What::Nothing.if_single(false));
        }
        let home = Scope { frame: None, level };
        self.parameters(&def.args, args, scope, &def.body, home)
    }

    fn native<'e>(
        &mut self,
        name: &str,
        args: &'e [Term<&'a str>],
        scope: Scope<'e, 'a>,
    ) -> Option<Node> {
        Some(match (name, args) {
            ("true", []) => What::Literal(Value::Bool(true)).single(),
            ("false", []) => What::Literal(Value::Bool(false)).single(),
            ("null", []) => What::Literal(Value::Null).single(),
            ("first", [it]) => What::First(Box::new(self.node(it, scope)?)).if_single(false),
            ("last", [it]) => What::Last(Box::new(self.node(it, scope)?)).if_single(false),
            _ => {
                let body = builtins::body(name, args.len())?;
                let mut ties = Ties::new();
                let mut given = Vec::with_capacity(args.len());
                for it in args {
                    given.push(*self.one(it, scope, &mut ties)?);
                }
                tied(What::Native(body, given).single(), ties)
            }
        })
    }

    /// The body of a definition with its parameters bound.
    fn parameters<'e>(
        &mut self,
        names: &[&'a str],
        args: &'e [Term<&'a str>],
        caller: Scope<'e, 'a>,
        body: &'e Term<&'a str>,
        home: Scope<'e, 'a>,
    ) -> Option<Node> {
        let (Some((name, names)), Some((arg, args))) = (names.split_first(), args.split_first())
        else {
            return self.node(body, home);
        };
        if name.starts_with('$') {
            let value = self.node(arg, caller)?;
            let place = self.place();
            let frame = Frame {
                bound: Bound::Variable(name, place),
                outer: home.frame,
            };
            let home = Scope {
                frame: Some(&frame),
                ..home
            };
            let then = self.parameters(names, args, caller, body, home)?;
            Some(bind(value, place, then))
        } else {
            let frame = Frame {
                bound: Bound::Parameter(name, arg, caller),
                outer: home.frame,
            };
            let home = Scope {
                frame: Some(&frame),
                ..home
            };
            self.parameters(names, args, caller, body, home)
        }
    }
}

/// What a single condition decides. A chain of them becomes one node.
fn choice(condition: Node, then: Node, otherwise: Node) -> Node {
    let single = then.single && otherwise.single;
    let (mut branches, otherwise) = match otherwise.what {
        What::If(branches, last) => (branches, last),
        what => {
            let single = otherwise.single;
            (Vec::new(), Box::new(Node { what, single }))
        }
    };
    branches.insert(0, (condition, then));
    What::If(branches, otherwise).if_single(single)
}

/// Whether the input is true.
fn truth() -> Node {
    let literal = |it| What::Literal(Value::Bool(it)).single();
    choice(What::Input.single(), literal(true), literal(false))
}

fn bind(value: Node, place: usize, then: Node) -> Node {
    let single = value.single && then.single;
    What::Bind(Box::new(value), place, Box::new(then)).if_single(single)
}

/// The first of the ties is the outermost: its values change last.
fn tied(node: Node, ties: Ties) -> Node {
    ties.into_iter()
        .rev()
        .fold(node, |node, (value, place)| bind(value, place, node))
}
