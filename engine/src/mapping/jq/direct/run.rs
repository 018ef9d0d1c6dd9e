//! Works a written-out expression out.

use std::ops::ControlFlow;

use jaq_core::{Error, ValT};

use super::{At, Direct, Fold, Node, Piece, Step, What};
use crate::mapping::{
    jq::{
        builtins::Body,
        fuel,
        val::{self, Jq, MAX_TEXT},
    },
    value::{Object, Value},
};

/// What an expression failed with.
pub(in crate::mapping::jq) type Failed = Box<Error<Jq>>;

type Result<T = Value> = std::result::Result<T, Failed>;

/// Whether more outputs are wanted.
type Wanted = ControlFlow<()>;

/// Takes outputs one by one.
type Outputs<'o, 'g> = &'o mut dyn FnMut(&mut Machine<'g>, Value) -> Result<Wanted>;

/// Hands each output over, until no more are wanted.
pub(in crate::mapping::jq) fn run(
    direct: &Direct,
    input: &Value,
    globals: &[&Value],
    take: &mut dyn FnMut(Value) -> Wanted,
) -> Result<()> {
    let mut machine = Machine {
        globals,
        variables: vec![Value::Null; direct.variables],
    };
    if direct.root.single {
        let it = machine.one(&direct.root, input)?;
        let _ = take(it);
        return Ok(());
    }
    machine
        .each(&direct.root, input, &mut |_, it| Ok(take(it)))
        .map(|_| ())
}

struct Machine<'g> {
    globals: &'g [&'g Value],
    variables: Vec<Value>,
}

fn failed<T>(message: String) -> Result<T> {
    Err(Box::new(Error::str(message)))
}

fn field<'v>(it: &'v Value, name: &str) -> Result<&'v Value> {
    match it {
        Value::Obj(object) => Ok(object.get(name).unwrap_or(&Value::Null)),
        Value::Null => Ok(&Value::Null),
        it => failed(val::no_field(it, name)),
    }
}

impl<'g> Machine<'g> {
    /// The output of a node that has exactly one.
    fn one(&mut self, node: &Node, input: &Value) -> Result {
        fuel::spend(1);
        Ok(match &node.what {
            What::Input => input.clone(),
            What::Literal(it) => it.clone(),
            What::Global(at) => self.global(*at).clone(),
            What::Variable(place) => self.variable(*place),
            What::Path(base, steps) => match &base.what {
                What::Input => return self.walk(input, steps, input),
                What::Global(at) => return self.walk(self.global(*at), steps, input),
                What::Variable(place) => {
                    let base = self.variable(*place);
                    return self.walk(&base, steps, input);
                }
                _ => {
                    let base = self.one(base, input)?;
                    return self.walk(&base, steps, input);
                }
            },
            What::Pipe(l, r) => {
                let it = self.one(l, input)?;
                return self.one(r, &it);
            }
            What::Bind(value, place, then) => {
                let it = self.one(value, input)?;
                self.bind(*place, it);
                return self.one(then, input);
            }
            What::Alternative(l, r) => match self.one(l, input)? {
                it if it.is_truthy() => it,
                _ => return self.one(r, input),
            },
            What::If(branches, otherwise) => {
                for (condition, then) in branches {
                    if self.holds(condition, input)? {
                        return self.one(then, input);
                    }
                }
                return self.one(otherwise, input);
            }
            What::Compare(..) | What::Logic(..) => Value::Bool(self.holds(node, input)?),
            What::Calculate(l, math, r) => {
                let (l, r) = (self.one(l, input)?, self.one(r, input)?);
                ours(math.run(Jq(l), Jq(r)))?
            }
            What::Negative(it) => {
                let it = self.one(it, input)?;
                ours(-Jq(it))?
            }
            What::Native(body, args) => return self.native(*body, args, input),
            What::Text(pieces) => return self.text(pieces, input),
            What::Array(it) => return self.array(it, input),
            What::Object(fields) => return self.object(fields, input),
            What::Fold(fold) => return self.fold(fold, input),
            What::Try(it, catch) => match self.one(it, input) {
                Ok(it) => it,
                Err(error) => return self.one(catch, &error.into_val().0),
            },
            // Never single.
            What::Nothing | What::Both(..) | What::First(_) | What::Last(_) => Value::Null,
        })
    }

    /// Whether the one output is true.
    fn holds(&mut self, node: &Node, input: &Value) -> Result<bool> {
        match &node.what {
            What::Compare(l, op, r) => {
                fuel::spend(1);
                let (l, r) = (self.one(l, input)?, self.one(r, input)?);
                Ok(op.run(&Jq(l), &Jq(r)))
            }
            What::Logic(l, stop, r) => {
                fuel::spend(1);
                match self.holds(l, input)? {
                    it if it == *stop => Ok(it),
                    _ => self.holds(r, input),
                }
            }
            _ => Ok(self.one(node, input)?.is_truthy()),
        }
    }

    /// All outputs, one by one.
    fn each(&mut self, node: &Node, input: &Value, out: Outputs<'_, 'g>) -> Result<Wanted> {
        if node.single {
            let it = self.one(node, input)?;
            return out(self, it);
        }
        fuel::spend(1);
        match &node.what {
            What::Nothing => Ok(Wanted::Continue(())),
            What::Pipe(l, r) => self.each(l, input, &mut |it, value| it.each(r, &value, out)),
            What::Bind(value, place, then) => self.each(value, input, &mut |it, value| {
                it.bind(*place, value);
                it.each(then, input, out)
            }),
            What::Both(l, r) => match self.each(l, input, out)? {
                Wanted::Continue(()) => self.each(r, input, out),
                it => Ok(it),
            },
            What::Alternative(l, r) => {
                let mut any = false;
                let wanted = self.each(l, input, &mut |it, value| {
                    if !value.is_truthy() {
                        return Ok(Wanted::Continue(()));
                    }
                    any = true;
                    out(it, value)
                })?;
                if any {
                    Ok(wanted)
                } else {
                    self.each(r, input, out)
                }
            }
            What::If(branches, otherwise) => {
                for (condition, then) in branches {
                    if self.holds(condition, input)? {
                        return self.each(then, input, out);
                    }
                }
                self.each(otherwise, input, out)
            }
            What::Try(it, catch) => self.attempt(it, catch, input, out),
            What::First(it) => {
                let mut first = None;
                let _ = self.each(it, input, &mut |_, value| {
                    first = Some(value);
                    Ok(Wanted::Break(()))
                })?;
                first.map_or(Ok(Wanted::Continue(())), |it| out(self, it))
            }
            What::Last(it) => {
                let mut last = None;
                self.every(it, input, &mut |_, value| {
                    last = Some(value);
                    Ok(())
                })?;
                last.map_or(Ok(Wanted::Continue(())), |it| out(self, it))
            }
            What::Path(base, steps) => {
                let base = self.one(base, input)?;
                self.steps(base, steps, input, out)
            }
            // Always single.
            _ => {
                let it = self.one(node, input)?;
                out(self, it)
            }
        }
    }

    /// All outputs, each of them wanted.
    fn every(
        &mut self,
        node: &Node,
        input: &Value,
        take: &mut dyn FnMut(&mut Self, Value) -> Result<()>,
    ) -> Result<()> {
        let each = self.each(node, input, &mut |machine, it| {
            take(machine, it)?;
            Ok(Wanted::Continue(()))
        });
        each.map(|_| ())
    }

    fn global(&self, at: usize) -> &'g Value {
        self.globals.get(at).copied().unwrap_or(&Value::Null)
    }

    fn variable(&self, place: usize) -> Value {
        self.variables.get(place).cloned().unwrap_or_default()
    }

    fn bind(&mut self, place: usize, value: Value) {
        if let Some(it) = self.variables.get_mut(place) {
            *it = value;
        }
    }

    /// Goes along a path with one output.
    #[inline(never)]
    fn walk(&mut self, start: &Value, steps: &[Step], input: &Value) -> Result {
        let (mut it, mut rest) = (start, steps);
        while let [
            Step {
                at: At::Field(name),
                ..
            },
            tail @ ..,
        ] = rest
        {
            it = field(it, name)?;
            rest = tail;
        }
        let mut it = it.clone();
        for step in rest {
            it = self.step(&it, &step.at, input)?;
        }
        Ok(it)
    }

    #[inline(never)]
    fn step(&mut self, it: &Value, at: &At, input: &Value) -> Result {
        fuel::spend(1);
        match at {
            At::Field(name) => field(it, name).cloned(),
            At::Index(index) => {
                let index = self.one(index, input)?;
                val::index(it, &index).or_else(failed)
            }
            At::Slice(from, upto) => {
                let mut bound = |it: &Option<Node>| match it {
                    Some(it) => self.one(it, input).map(|it| Some(Jq(it))),
                    None => Ok(None),
                };
                let (from, upto) = (bound(from)?, bound(upto)?);
                ours(Jq(it.clone()).range(from.as_ref()..upto.as_ref()))
            }
            At::Each => failed(val::not_iterable(it)),
        }
    }

    /// Goes along a path that may part.
    #[inline(never)]
    fn steps(
        &mut self,
        it: Value,
        steps: &[Step],
        input: &Value,
        out: Outputs<'_, 'g>,
    ) -> Result<Wanted> {
        let Some((step, rest)) = steps.split_first() else {
            return out(self, it);
        };
        if let At::Each = step.at {
            if !matches!(it, Value::Arr(_) | Value::Obj(_)) {
                return match step.optional {
                    true => Ok(Wanted::Continue(())),
                    false => failed(val::not_iterable(&it)),
                };
            }
            for child in it.children() {
                fuel::spend(1);
                if let end @ Wanted::Break(()) = self.steps(child.clone(), rest, input, out)? {
                    return Ok(end);
                }
            }
            return Ok(Wanted::Continue(()));
        }
        match self.step(&it, &step.at, input) {
            Ok(it) => self.steps(it, rest, input, out),
            Err(_) if step.optional => Ok(Wanted::Continue(())),
            Err(error) => Err(error),
        }
    }

    #[inline(never)]
    fn native(&mut self, body: Body, args: &[Node], input: &Value) -> Result {
        ours(match (body, args) {
            (Body::OfInput(run), _) => run(input.clone()),
            (Body::WithOne(run), [one]) => run(input.clone(), self.one(one, input)?),
            (Body::WithTwo(run), [one, two]) => {
                let (one, two) = (self.one(one, input)?, self.one(two, input)?);
                run(input.clone(), one, two)
            }
            // Looked up by how many there are.
            _ => val::fail("a function has another number of arguments"),
        })
    }

    #[inline(never)]
    fn text(&mut self, pieces: &[Piece], input: &Value) -> Result {
        let mut text = String::new();
        for piece in pieces {
            match piece {
                Piece::Plain(it) => text.push_str(it),
                Piece::Of(node) => {
                    let it = Jq(self.one(node, input)?).into_string().0;
                    if pieces.len() == 1 {
                        return Ok(it);
                    }
                    text.push_str(it.as_str().unwrap_or_default());
                }
            }
            if text.len() > MAX_TEXT {
                return failed(val::too_long());
            }
        }
        fuel::spend(text.len() / 64);
        Ok(Value::from(text))
    }

    #[inline(never)]
    fn array(&mut self, of: &Node, input: &Value) -> Result {
        let mut items = Vec::new();
        self.every(of, input, &mut |_, it| {
            items.push(Jq(it));
            Ok(())
        })?;
        Ok(items.into_iter().collect::<Jq>().0)
    }

    #[inline(never)]
    fn object(&mut self, fields: &[(Node, Node)], input: &Value) -> Result {
        let mut object = Object::default();
        for (name, value) in fields {
            let name = match &name.what {
                What::Literal(Value::Str(it)) => it.clone(),
                _ => match self.one(name, input)? {
                    Value::Str(it) => it,
                    it => return failed(val::no_name(&it)),
                },
            };
            let value = self.one(value, input)?;
            object.insert(name, value);
        }
        fuel::spend(fields.len());
        Ok(Jq::checked(Value::from(object)).0)
    }

    #[inline(never)]
    fn fold(&mut self, fold: &Fold, input: &Value) -> Result {
        let mut it = self.one(&fold.start, input)?;
        self.every(&fold.over, input, &mut |machine, value| {
            machine.bind(fold.place, value);
            it = machine.one(&fold.step, &std::mem::take(&mut it))?;
            Ok(())
        })?;
        Ok(it)
    }

    #[inline(never)]
    fn attempt(
        &mut self,
        it: &Node,
        catch: &Node,
        input: &Value,
        out: Outputs<'_, 'g>,
    ) -> Result<Wanted> {
        // What fails in those who take the outputs is not caught here.
        let mut theirs = None;
        let done = self.each(it, input, &mut |machine, value| {
            out(machine, value).or_else(|error| {
                theirs = Some(error);
                Ok(Wanted::Break(()))
            })
        });
        match (theirs, done) {
            (Some(error), _) => Err(error),
            (None, Ok(it)) => Ok(it),
            (None, Err(error)) => self.each(catch, &error.into_val().0, out),
        }
    }
}

fn ours(it: jaq_core::ValR<Jq, Jq>) -> Result {
    it.map(|it| it.0).map_err(Box::new)
}
