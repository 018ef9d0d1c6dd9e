//! Expressions that are worked out here, over our own values, without the interpreter.
//!
//! The interpreter builds an iterator on the heap for each step of an expression, in case the step has
//! several outputs; a credit note takes some twenty thousand steps, and nearly all of them have one.
//! Nothing may call itself (see `analysis`), so a whole expression can be written out once, each call
//! by what it calls, and each variable gets a place of its own. What has one output is then a plain
//! function call, and what may have several hands them on one by one.
//!
//! What an expression means stays the interpreter's: it parses, it works out what has no direct form
//! (assignments, `foreach`, patterns), and a build with debug assertions, such as that of the tests, works
//! every expression out both ways and ends when they differ.

mod build;
mod run;

use std::sync::Arc;

use jaq_core::ops::{Cmp, Math};

use super::builtins::Body;
use crate::mapping::value::Value;

pub(super) use build::direct;
pub(super) use run::run;

/// An expression, written out.
pub(super) struct Direct {
    root: Node,
    /// How many variables are bound anywhere in it.
    variables: usize,
    /// Its outputs are parts of what it is given, or written out in it: it needs no limits.
    pub(super) only_looks_up: bool,
}

struct Node {
    what: What,
    /// It has exactly one output, or an error.
    single: bool,
}

/// Nodes in boxes named `one` are single; the others may have any number of outputs.
enum What {
    Input,
    Literal(Value),
    /// Position of a global variable.
    Global(usize),
    /// Place of a variable.
    Variable(usize),
    Path(Box<Node>, Vec<Step>),
    Text(Vec<Piece>),
    Array(Box<Node>),
    Object(Vec<(Node, Node)>),
    Negative(Box<Node>),
    Pipe(Box<Node>, Box<Node>),
    /// What is bound, to which place, and what then.
    Bind(Box<Node>, usize, Box<Node>),
    Nothing,
    Both(Box<Node>, Box<Node>),
    Alternative(Box<Node>, Box<Node>),
    Calculate(Box<Node>, Math, Box<Node>),
    Compare(Box<Node>, Cmp, Box<Node>),
    /// `and` (stops at false) and `or` (stops at true).
    Logic(Box<Node>, bool, Box<Node>),
    If(Vec<(Node, Node)>, Box<Node>),
    Fold(Box<Fold>),
    Try(Box<Node>, Box<Node>),
    First(Box<Node>),
    Last(Box<Node>),
    Native(Body, Vec<Node>),
}

/// `reduce`.
struct Fold {
    over: Node,
    place: usize,
    start: Node,
    step: Node,
}

struct Step {
    at: At,
    /// `?`: what cannot be looked up has no output.
    optional: bool,
}

enum At {
    Field(Arc<str>),
    Index(Node),
    Slice(Option<Node>, Option<Node>),
    Each,
}

enum Piece {
    Plain(Arc<str>),
    Of(Node),
}

impl Node {
    fn only_looks_up(&self) -> bool {
        match &self.what {
            What::Input | What::Literal(_) | What::Global(_) => true,
            What::Path(base, steps) => {
                let plain = |it: &Step| match &it.at {
                    At::Field(_) | At::Each => true,
                    At::Index(it) => matches!(it.what, What::Literal(_)),
                    _ => false,
                };
                base.only_looks_up() && steps.iter().all(plain)
            }
            What::Alternative(l, r)
            | What::Compare(l, _, r)
            | What::Logic(l, _, r)
            | What::Pipe(l, r) => self.single && l.only_looks_up() && r.only_looks_up(),
            What::If(branches, otherwise) => {
                let both = |it: &(Self, Self)| it.0.only_looks_up() && it.1.only_looks_up();
                self.single && otherwise.only_looks_up() && branches.iter().all(both)
            }
            What::Text(pieces) => match pieces.as_slice() {
                [Piece::Of(it)] => it.only_looks_up(),
                _ => false,
            },
            _ => false,
        }
    }
}
