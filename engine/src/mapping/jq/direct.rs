//! Expressions that need no interpreter: paths, literals, comparisons of these.
//!
//! Most of what a mapping says is `.a.b`. Looking that up directly costs a hundredth of a run of the
//! interpreter; what it gives, and how it fails, is the same (tests compare both).

use std::{borrow::Cow, sync::Arc};

use jaq_core::{
    load::parse::{BinaryOp, Term},
    ops::Cmp,
    path::{Opt, Part},
};

use super::{analysis::plain_text, val};
use crate::mapping::value::{Number, Value};

/// An expression that is looked up.
pub(super) enum Direct {
    /// Exactly one output.
    One(One),
    /// A path with `[]` in it.
    Many(Root, Vec<Step>),
}

pub(super) enum One {
    Path(Root, Vec<Step>),
    Literal(Value),
    Text(Box<Self>),
    Alternative(Box<Self>, Box<Self>),
    Compare(Box<Self>, Cmp, Box<Self>),
    /// `and` (stops at false) and `or` (stops at true).
    Logic(Box<Self>, bool, Box<Self>),
    Not(Box<Self>),
}

#[derive(Clone, Copy)]
pub(super) enum Root {
    Input,
    /// Position of a global variable.
    Variable(usize),
}

pub(super) enum Step {
    Field(Arc<str>),
    At(Value),
    Each,
}

type Looked<'a> = Result<Cow<'a, Value>, String>;

impl Direct {
    /// The direct form, for terms that have one.
    pub(super) fn of(term: &Term<&str>, globals: &[&str]) -> Option<Self> {
        if let Some((root, steps)) = path(term, globals)
            && steps.iter().any(|it| matches!(it, Step::Each))
        {
            return Some(Self::Many(root, steps));
        }
        one(term, globals).map(Self::One)
    }
}

fn one(term: &Term<&str>, globals: &[&str]) -> Option<One> {
    let boxed = |it| one(it, globals).map(Box::new);
    Some(match term {
        Term::Num(it) => One::Literal(Value::Num(Number::parse(it)?)),
        Term::Str(None, parts) => One::Literal(Value::from(plain_text(parts)?)),
        Term::Arr(None) => One::Literal(Value::array(Vec::new())),
        Term::Call("true", args) if args.is_empty() => One::Literal(Value::Bool(true)),
        Term::Call("false", args) if args.is_empty() => One::Literal(Value::Bool(false)),
        Term::Call("null", args) if args.is_empty() => One::Literal(Value::Null),
        Term::BinOp(l, BinaryOp::Alt, r) => One::Alternative(boxed(l)?, boxed(r)?),
        Term::BinOp(l, BinaryOp::Cmp(op), r) => One::Compare(boxed(l)?, *op, boxed(r)?),
        Term::BinOp(l, BinaryOp::And, r) => One::Logic(boxed(l)?, false, boxed(r)?),
        Term::BinOp(l, BinaryOp::Or, r) => One::Logic(boxed(l)?, true, boxed(r)?),
        Term::BinOp(l, BinaryOp::Pipe(None), r) => match &**r {
            Term::Call("tostring", args) if args.is_empty() => One::Text(boxed(l)?),
            Term::Call("not", args) if args.is_empty() => One::Not(boxed(l)?),
            _ => return None,
        },
        it => {
            let (root, steps) = path(it, globals)?;
            if steps.iter().any(|it| matches!(it, Step::Each)) {
                return None;
            }
            One::Path(root, steps)
        }
    })
}

fn path(term: &Term<&str>, globals: &[&str]) -> Option<(Root, Vec<Step>)> {
    match term {
        Term::Id => Some((Root::Input, Vec::new())),
        Term::Var(name) => {
            let at = globals.iter().position(|it| it == name)?;
            Some((Root::Variable(at), Vec::new()))
        }
        Term::Path(inner, parts) => {
            let (root, mut steps) = path(inner, globals)?;
            for (part, opt) in &parts.0 {
                if matches!(opt, Opt::Optional) {
                    return None;
                }
                steps.push(match part {
                    Part::Range(None, None) => Step::Each,
                    Part::Index(Term::Str(None, name)) => Step::Field(plain_text(name)?.into()),
                    Part::Index(Term::Num(at)) => Step::At(Value::Num(Number::parse(at)?)),
                    Part::Index(Term::Neg(at)) => match &**at {
                        Term::Num(at) => Step::At(Value::Num(Number::parse(at)?.negated().ok()?)),
                        _ => return None,
                    },
                    _ => return None,
                });
            }
            Some((root, steps))
        }
        _ => None,
    }
}

impl Root {
    fn of<'a>(self, input: &'a Value, globals: &[&'a Value]) -> &'a Value {
        match self {
            Self::Input => input,
            Self::Variable(at) => globals.get(at).copied().unwrap_or(&Value::Null),
        }
    }
}

impl One {
    pub(super) fn run<'a>(&'a self, input: &'a Value, globals: &[&'a Value]) -> Looked<'a> {
        Ok(match self {
            Self::Path(root, steps) => {
                let mut it = root.of(input, globals);
                for step in steps {
                    it = match step {
                        Step::Field(name) => match it {
                            Value::Obj(object) => object.get(name).unwrap_or(&Value::Null),
                            Value::Null => &Value::Null,
                            it => return Err(val::no_field(it, name)),
                        },
                        Step::At(_) => return slowly(*root, steps, input, globals),
                        Step::Each => return Err(val::not_iterable(it)),
                    };
                }
                Cow::Borrowed(it)
            }
            Self::Literal(it) => Cow::Borrowed(it),
            Self::Text(it) => match it.run(input, globals)? {
                it if matches!(*it, Value::Str(_)) => it,
                it => Cow::Owned(Value::from(it.to_json())),
            },
            Self::Alternative(l, r) => match l.run(input, globals)? {
                it if it.is_truthy() => it,
                _ => return r.run(input, globals),
            },
            Self::Compare(l, op, r) => {
                let (l, r) = (l.run(input, globals)?, r.run(input, globals)?);
                Cow::Owned(Value::Bool(op.run(&*l, &*r)))
            }
            Self::Logic(l, stop, r) => {
                let l = l.run(input, globals)?.is_truthy();
                let it = if l == *stop {
                    l
                } else {
                    r.run(input, globals)?.is_truthy()
                };
                Cow::Owned(Value::Bool(it))
            }
            Self::Not(it) => Cow::Owned(Value::Bool(!it.run(input, globals)?.is_truthy())),
        })
    }
}

/// Paths with numbers in them, which look up by value.
fn slowly<'a>(root: Root, steps: &[Step], input: &'a Value, globals: &[&'a Value]) -> Looked<'a> {
    let mut it = root.of(input, globals).clone();
    for step in steps {
        it = match step {
            Step::Field(name) => val::index(&it, &Value::Str(name.clone()))?,
            Step::At(at) => val::index(&it, at)?,
            Step::Each => return Err(val::not_iterable(&it)),
        };
    }
    Ok(Cow::Owned(it))
}

/// All outputs of a path with `[]` in it.
pub(super) fn each(
    root: Root,
    steps: &[Step],
    input: &Value,
    globals: &[&Value],
    most: usize,
) -> Result<Vec<Value>, String> {
    fn go(it: &Value, steps: &[Step], most: usize, out: &mut Vec<Value>) -> Result<(), String> {
        let Some((step, steps)) = steps.split_first() else {
            if out.len() >= most {
                return Err(format!("more than {most} values"));
            }
            out.push(it.clone());
            return Ok(());
        };
        match (step, it) {
            (Step::Field(name), Value::Obj(object)) => {
                go(object.get(name).unwrap_or(&Value::Null), steps, most, out)
            }
            (Step::Field(_), Value::Null) => go(&Value::Null, steps, most, out),
            (Step::Field(name), it) => Err(val::no_field(it, name)),
            (Step::At(at), it) => go(&val::index(it, at)?, steps, most, out),
            (Step::Each, Value::Arr(_) | Value::Obj(_)) => {
                it.children().try_for_each(|it| go(it, steps, most, out))
            }
            (Step::Each, it) => Err(val::not_iterable(it)),
        }
    }
    let mut out = Vec::new();
    go(root.of(input, globals), steps, most, &mut out)?;
    Ok(out)
}
