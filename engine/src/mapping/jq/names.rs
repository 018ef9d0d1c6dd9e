//! What is said about names that an expression may not use.

use std::collections::BTreeSet;

use jaq_core::load::parse::Term;

use super::{
    analysis::{Env, Level, Walk, plain_text},
    builtins,
    library::{Module, std_defs},
};
use crate::config::findings::nearest;

/// Functions of jq that are left out on purpose.
const LEFT_OUT: [&str; 22] = [
    "range",
    "repeat",
    "recurse",
    "while",
    "until",
    "limit",
    "skip",
    "env",
    "now",
    "input",
    "inputs",
    "halt",
    "halt_error",
    "debug",
    "stderr",
    "path",
    "paths",
    "getpath",
    "setpath",
    "walk",
    "fromjson",
    "combinations",
];

impl<'a> Walk<'_, 'a> {
    /// Compiles the regular expressions that are written out, to find faulty ones at load.
    pub(super) fn literal_regex(&mut self, name: &str, args: &[Term<&'a str>], env: Env<'_, 'a>) {
        let literal = |it: &Term<&'a str>| match it {
            Term::Str(None, parts) => plain_text(parts),
            _ => None,
        };
        if name != "test" || env.site.is_some() {
            return;
        }
        let Some(re) = args.first().and_then(literal) else {
            return;
        };
        let flags = args.get(1).and_then(literal).unwrap_or_default();
        if let Err(it) = builtins::regex_of(&re, &flags) {
            self.fault(None, env, it, "wrong regular expression", None);
        }
    }

    pub(super) fn unknown_function(
        &mut self,
        name: &'a str,
        arity: usize,
        env: Env<'_, 'a>,
        modules: &[Module<'a>],
    ) {
        let (prefix, function) = match name.split_once("::") {
            Some((_, function)) => (&name[..name.len() - function.len()], function),
            None => ("", name),
        };
        let mut known: Vec<(&'a str, usize)> = Vec::new();
        if prefix.is_empty() {
            let std = std_defs().iter().map(|it| (it.name, it.args.len()));
            for (name, arity) in builtins::signatures().chain(std) {
                known.push((name, arity));
            }
            if let Level::Module(module, position) = env.level {
                let defs = &self.library.modules[module].defs[..position];
                known.extend(defs.iter().map(|it| (it.name, it.args.len())));
            }
            known.retain(|(it, _)| !it.starts_with('_'));
        }
        let defs = modules.iter().flat_map(|it| &it.defs);
        known.extend(defs.map(|it| (it.name, it.args.len())));
        let arities: BTreeSet<String> = known
            .iter()
            .filter(|(it, _)| *it == function)
            .map(|(_, arity)| arity.to_string())
            .collect();
        let message = match arity {
            _ if arities.is_empty() => format!("no function `{name}` is available"),
            1 => format!("no function `{name}` with 1 argument is available"),
            it => format!("no function `{name}` with {it} arguments is available"),
        };
        let help = if !arities.is_empty() {
            let arities: Vec<String> = arities.into_iter().collect();
            Some(format!("`{name}` takes {} arguments", arities.join(" or ")))
        } else if LEFT_OUT.contains(&function) {
            Some("left out: expressions end by themselves and see only the document".to_owned())
        } else {
            nearest(function, known.iter().map(|(it, _)| *it))
                .map(|it| format!("did you mean `{prefix}{it}`?"))
        };
        self.fault(Some(name), env, message, "unknown function", help);
    }
}
