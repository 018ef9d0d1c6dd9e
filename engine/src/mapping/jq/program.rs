//! A compiled expression, and how it is run.

use std::{borrow::Cow, fmt};

use jaq_core::{
    Compiler, Ctx, Filter, Vars,
    load::{Arena, File, Import, Loader},
};

use super::{
    analysis::{self, Member, Uses},
    builtins::{self, Data},
    direct::{self, Direct},
    fuel::{self, Limit},
    library::{self, Fault, Library},
    val::Jq,
};
use crate::mapping::value::Value;

/// Outputs of one run.
const OUTPUTS: usize = 100_000;
/// Bytes of JSON that the outputs of one run may come to.
const BYTES: usize = 16 << 20;

/// Why an expression gave no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct EvalError {
    /// What went wrong, in words.
    pub message: String,
    /// What the expression itself raised by `error`, if it did.
    pub raised: Option<Value>,
}

impl EvalError {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            raised: None,
        }
    }
}

/// A compiled expression. Immutable, and shared between threads.
pub struct Program {
    code: Box<str>,
    members: Vec<Member>,
    /// Positions of the global variables that it uses, in ascending order.
    globals: Vec<usize>,
    kind: Kind,
}

enum Kind {
    Direct(Direct),
    Interpreted(Filter<Data>),
}

const _: () = {
    const fn shared_between_threads<T: Send + Sync>() {}
    shared_between_threads::<Program>();
};

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Program({})", self.code)
    }
}

impl Program {
    /// Compiles an expression. `globals` names the variables that each run binds, in order.
    pub fn compile(
        library: &Library<'_>,
        code: &str,
        globals: &[&str],
    ) -> Result<Self, Vec<Fault>> {
        let term = library::expression(code)?;
        let uses = analysis::check_expression(library, globals, code, &term)?;
        let kind = match Direct::of(&term, globals) {
            Some(it) => Kind::Direct(it),
            None => Kind::Interpreted(interpreted(library, code, globals, &uses)?),
        };
        Ok(Self {
            code: code.into(),
            members: uses.members,
            globals: uses.globals.into_iter().collect(),
            kind,
        })
    }

    /// The expression as it was written.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// Which fields of global variables it names.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Positions, among those that it was compiled with, of the global variables that it uses.
    pub fn globals(&self) -> &[usize] {
        &self.globals
    }

    /// Whether it is looked up without the interpreter.
    pub fn is_direct(&self) -> bool {
        matches!(self.kind, Kind::Direct(_))
    }

    /// Its one output, or none. Several are an error.
    pub fn one<'a>(
        &'a self,
        input: &'a Value,
        globals: &[&'a Value],
    ) -> Result<Option<Cow<'a, Value>>, EvalError> {
        match &self.kind {
            Kind::Direct(Direct::One(it)) => {
                it.run(input, globals).map(Some).map_err(EvalError::new)
            }
            _ => {
                let mut all = self.all(input, globals)?;
                if all.len() > 1 {
                    let message = format!("gives {} values where one is wanted", all.len());
                    return Err(EvalError::new(message));
                }
                Ok(all.pop().map(Cow::Owned))
            }
        }
    }

    /// Whether its one output is true. No output, null and false are not.
    pub fn holds(&self, input: &Value, globals: &[&Value]) -> Result<bool, EvalError> {
        Ok(self.one(input, globals)?.is_some_and(|it| it.is_truthy()))
    }

    /// All its outputs.
    pub fn all(&self, input: &Value, globals: &[&Value]) -> Result<Vec<Value>, EvalError> {
        match &self.kind {
            Kind::Direct(Direct::One(it)) => it
                .run(input, globals)
                .map(|it| vec![it.into_owned()])
                .map_err(EvalError::new),
            Kind::Direct(Direct::Many(root, steps)) => {
                direct::each(*root, steps, input, globals, OUTPUTS).map_err(EvalError::new)
            }
            Kind::Interpreted(filter) => {
                // In the order in which they were bound when it was compiled.
                let globals = self.globals.iter().map(|at| globals.get(*at).copied());
                interpret(
                    filter,
                    input,
                    globals.map(|it| it.cloned().unwrap_or_default()),
                )
            }
        }
    }
}

fn interpret(
    filter: &Filter<Data>,
    input: &Value,
    globals: impl Iterator<Item = Value>,
) -> Result<Vec<Value>, EvalError> {
    builtins::take_raised();
    let ran = fuel::limited(|| {
        let context = Ctx::<Data>::new(&filter.lut, Vars::new(globals.map(Jq)));
        let mut outputs = Vec::new();
        let mut room = BYTES;
        for output in filter.id.run((context, Jq(input.clone()))) {
            let output = output.map_err(|it| {
                // Nothing that is let through at load ends in anything but an error.
                let Ok(it) = it.get_err() else {
                    return EvalError::new("was broken off");
                };
                let message = it.to_string();
                let value = it.into_val();
                let raised = builtins::take_raised().filter(|it| *it == value.0);
                EvalError { message, raised }
            })?;
            if outputs.len() >= OUTPUTS {
                return Err(EvalError::new(format!("gives more than {OUTPUTS} values")));
            }
            if !fits(&output.0, &mut room) {
                return Err(EvalError::new(format!("gives more than {BYTES} bytes")));
            }
            outputs.push(output.0);
        }
        Ok(outputs)
    });
    match ran {
        Ok(it) => it,
        Err(Limit::Steps) => Err(EvalError::new(format!(
            "was ended after {} steps without a result",
            fuel::STEPS
        ))),
        Err(Limit::Depth) => Err(EvalError::new("built a value nested too deeply")),
    }
}

/// Whether the value's JSON fits into `room`, which it then takes. Shared parts count each time:
/// a value of a few kilobytes may stand for terabytes of text.
fn fits(it: &Value, room: &mut usize) -> bool {
    let own = match it {
        Value::Str(it) => 2 + it.len(),
        Value::Obj(it) => it.iter().map(|(name, _)| 4 + name.len()).sum(),
        _ => 8,
    };
    match room.checked_sub(own) {
        Some(left) => {
            *room = left;
            it.children().all(|it| fits(it, room))
        }
        None => false,
    }
}

fn interpreted(
    library: &Library<'_>,
    code: &str,
    globals: &[&str],
    uses: &Uses,
) -> Result<Filter<Data>, Vec<Fault>> {
    let modules: Vec<usize> = {
        let mut it: Vec<usize> = uses.defs.iter().map(|(module, _)| *module).collect();
        it.dedup();
        it
    };
    let imports = modules.iter().map(|at| {
        let name = library.modules[*at].name;
        format!("import \"{name}\" as {name}; ")
    });
    let whole = imports.collect::<String>() + code;
    let read = |import: Import<'_, &str, String>| {
        let module = library
            .modules
            .iter()
            .position(|it| it.name == *import.path)
            .ok_or_else(|| format!("no module {}", import.path))?;
        // Only what is used: each expression carries its own compiled copy.
        let used = uses.defs.iter().filter(|(it, _)| *it == module);
        let code = used.map(|(_, at)| {
            let module = &library.modules[module];
            format!("{}\n", &module.code[module.spans[*at].clone()])
        });
        Ok(File {
            code: code.collect::<String>(),
            path: (*import.path).to_owned(),
        })
    };
    let std = uses.std.iter().map(|at| library::std_defs()[*at].clone());
    let used: Vec<&str> = uses.globals.iter().map(|at| globals[*at]).collect();
    let arena = Arena::default();
    let file = File {
        code: whole.as_str(),
        path: String::new(),
    };
    let loaded = Loader::new(std).with_read(read).load(&arena, file);
    // What was analysed does compile. Should it not, that is told, not hidden.
    let broken = |what: String| {
        let message = format!("this cannot be compiled: {what}");
        vec![Fault {
            span: 0..code.len(),
            message,
            label: "here".into(),
            help: None,
        }]
    };
    let modules = loaded.map_err(|it| {
        broken(
            it.iter()
                .map(|(_, error)| format!("{error:?}"))
                .collect::<Vec<_>>()
                .join("; "),
        )
    })?;
    Compiler::default()
        .with_funs(builtins::funs())
        .with_global_vars(used.iter().copied())
        .compile(modules)
        .map_err(|it| {
            let undefined = it.iter().flat_map(|(_, errors)| errors);
            let names = undefined.map(|(name, kind)| format!("{} {name}", kind.as_str()));
            broken(names.collect::<Vec<_>>().join(", "))
        })
}
