//! A compiled expression, and how it is run.

use std::{fmt, ops::ControlFlow};

use jaq_core::{
    Compiler, Ctx, Error, Filter, Vars,
    load::{Arena, File, Import, Loader},
};

use super::{
    analysis::{self, Member, Uses},
    builtins::{self, Data},
    direct::{self, Direct, direct},
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
    /// What a direct form is compared with.
    #[cfg(debug_assertions)]
    twin: Kind,
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
        let interpreted = || interpreted(library, code, globals, &uses).map(Kind::Interpreted);
        let kind = match direct(library, globals, &term) {
            Some(it) => Kind::Direct(it),
            None => interpreted()?,
        };
        Ok(Self {
            #[cfg(debug_assertions)]
            twin: interpreted()?,
            kind,
            code: code.into(),
            members: uses.members,
            globals: uses.globals.into_iter().collect(),
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

    /// Whether it needs no interpreter.
    pub fn is_direct(&self) -> bool {
        matches!(self.kind, Kind::Direct(_))
    }

    /// Its one output, or none. Several are an error.
    pub fn one(&self, input: &Value, globals: &[&Value]) -> Result<Option<Value>, EvalError> {
        let mut all = self.all(input, globals)?;
        if all.len() > 1 {
            let message = format!("gives {} values where one is wanted", all.len());
            return Err(EvalError::new(message));
        }
        Ok(all.pop())
    }

    /// Whether its one output is true. No output, null and false are not.
    pub fn holds(&self, input: &Value, globals: &[&Value]) -> Result<bool, EvalError> {
        Ok(self.one(input, globals)?.is_some_and(|it| it.is_truthy()))
    }

    /// All its outputs.
    pub fn all(&self, input: &Value, globals: &[&Value]) -> Result<Vec<Value>, EvalError> {
        let outputs = self.run(&self.kind, input, globals);
        #[cfg(debug_assertions)]
        if self.is_direct() {
            let others = fuel::uncounted(|| self.run(&self.twin, input, globals));
            self.compare(&outputs, &others, input);
        }
        outputs.map_err(|it| it.error)
    }

    /// Both ways of working it out give the same, unless one of them is ended by a limit.
    #[cfg(debug_assertions)]
    fn compare(&self, one: &Ran, other: &Ran, input: &Value) {
        let same = match (one, other) {
            (Err(one), Err(other)) => one.limited || other.limited || one.error == other.error,
            (Err(it), Ok(_)) | (Ok(_), Err(it)) => it.limited,
            (Ok(one), Ok(other)) => {
                let text = |it: &[Value]| it.iter().map(Value::to_json).collect::<Vec<_>>();
                text(one) == text(other)
            }
        };
        assert!(
            same,
            "`{}` over {input:?} gives {one:?}, and in the interpreter {other:?}",
            self.code
        );
    }

    fn run(&self, kind: &Kind, input: &Value, globals: &[&Value]) -> Ran {
        let mut outputs = Taken::default();
        builtins::take_raised();
        let mut directly =
            |it| direct::run(it, input, globals, &mut |it| outputs.take(it)).map_err(|it| *it);
        let ran = match kind {
            Kind::Direct(it) if it.only_looks_up => Ok(directly(it)),
            Kind::Direct(it) => fuel::limited(|| directly(it)),
            Kind::Interpreted(filter) => fuel::limited(|| {
                // In the order in which they were bound when it was compiled.
                let globals = self.globals.iter().map(|at| globals.get(*at).copied());
                let globals = globals.map(|it| it.cloned().unwrap_or_default());
                interpret(filter, input, globals, &mut outputs)
            }),
        };
        let ended = match ran {
            Ok(Ok(())) => outputs.ended,
            Ok(Err(it)) => {
                let message = it.to_string();
                let value = it.into_val();
                let raised = builtins::take_raised().filter(|it| *it == value.0);
                return Err(Ended {
                    error: EvalError { message, raised },
                    limited: false,
                });
            }
            Err(Limit::Steps) => Some(format!(
                "was ended after {} steps without a result",
                fuel::STEPS
            )),
            Err(Limit::Depth) => Some("built a value nested too deeply".to_owned()),
        };
        match ended {
            None => Ok(outputs.values),
            Some(it) => Err(Ended {
                error: EvalError::new(it),
                limited: true,
            }),
        }
    }
}

type Ran = Result<Vec<Value>, Ended>;

/// Why a run ended early.
#[derive(Debug)]
struct Ended {
    error: EvalError,
    /// By a limit of ours, which the two ways reach at different points.
    #[cfg_attr(not(debug_assertions), expect(dead_code, reason = "for comparing"))]
    limited: bool,
}

/// What a run gave so far.
struct Taken {
    values: Vec<Value>,
    /// Bytes that further outputs may come to.
    room: usize,
    /// Why no more are taken.
    ended: Option<String>,
}

impl Default for Taken {
    fn default() -> Self {
        Self {
            values: Vec::new(),
            room: BYTES,
            ended: None,
        }
    }
}

impl Taken {
    fn take(&mut self, it: Value) -> ControlFlow<()> {
        if self.values.len() >= OUTPUTS {
            self.ended = Some(format!("gives more than {OUTPUTS} values"));
        } else if !fits(&it, &mut self.room) {
            self.ended = Some(format!("gives more than {BYTES} bytes"));
        } else {
            self.values.push(it);
            return ControlFlow::Continue(());
        }
        ControlFlow::Break(())
    }
}

fn interpret(
    filter: &Filter<Data>,
    input: &Value,
    globals: impl Iterator<Item = Value>,
    outputs: &mut Taken,
) -> Result<(), Error<Jq>> {
    let context = Ctx::<Data>::new(&filter.lut, Vars::new(globals.map(Jq)));
    for output in filter.id.run((context, Jq(input.clone()))) {
        // Nothing that is let through at load ends in anything but an error.
        let output = output.map_err(|it| match it.get_err() {
            Ok(it) => it,
            Err(_) => Error::str("was broken off"),
        })?;
        if outputs.take(output.0).is_break() {
            break;
        }
    }
    Ok(())
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
