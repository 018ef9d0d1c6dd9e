//! `demo.toml` as written: the helper program of a demonstration.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use toml::Spanned;

use super::{
    checked::{Act, Demo},
    reader::{Keyed, Reader, as_written},
};

as_written! {
    /// A demonstration.
    struct DemoToml {
        /// Name of the helper program, which lies beside the `ledgerline` program.
        required program: Spanned<String>,
        /// Its arguments; {config} and {state} stand for folders, {now} for the instant.
        optional args: Vec<String>,
        /// Environment variables of the demonstration: invented secrets.
        optional env: Keyed<String>,
        /// The instant that the demonstration takes for now.
        required now: Timestamp,
        /// What is told before and after.
        optional story: Vec<String>,
        /// The longest one call may take, instead of the connections' own: the helper is near.
        optional call_timeout: Duration,
        /// How long to wait after a lost call, instead of the connections' own.
        optional ask_after: Duration,
        /// What happens after the first run, in order; not again in later ones.
        optional acts: Vec<ActToml>,
        /// Paths of the helper that are asked after the run: label and path.
        optional proofs: Keyed<String>,
    }
}

as_written! {
    /// Something that people do between two runs, and the run that follows.
    struct ActToml {
        /// What is told of it.
        required say: String,
        /// What the helper is told to do: path and body, one after the other.
        optional tell: Vec<TellToml>,
        /// Entries that a person resets: ROUTE/ID.
        optional reset: Vec<String>,
    }
}

as_written! {
    /// A word to the helper.
    struct TellToml {
        /// The path.
        required path: String,
        /// The body, as it is sent.
        required body: String,
    }
}

impl DemoToml {
    pub(super) fn check(self, reader: &mut Reader<'_>) -> Option<Demo> {
        let program = self.program?;
        let name = program.get_ref();
        if name.is_empty() || name.contains(['/', '\\']) || name == ".." {
            let help = "only a name: it is looked for beside the running program".to_owned();
            reader.problem(
                program.span(),
                "the helper program is named without a folder",
                "not a name",
                help,
            );
        }
        let env = self.env.unwrap_or_default();
        Some(Demo {
            program: program.into_inner(),
            args: self.args.unwrap_or_default(),
            env: env
                .into_iter()
                .map(|(key, it)| (key, it.value))
                .collect::<BTreeMap<_, _>>(),
            now: self.now?,
            story: self.story.unwrap_or_default(),
            call_timeout: self.call_timeout,
            ask_after: self.ask_after,
            acts: self
                .acts
                .unwrap_or_default()
                .into_iter()
                .filter_map(ActToml::check)
                .collect(),
            proofs: self
                .proofs
                .unwrap_or_default()
                .into_iter()
                .map(|(label, it)| (label, it.value))
                .collect(),
        })
    }
}

impl ActToml {
    fn check(self) -> Option<Act> {
        let tell = self.tell.unwrap_or_default();
        Some(Act {
            say: self.say?,
            tell: tell
                .into_iter()
                .filter_map(|it| Some((it.path?, it.body?)))
                .collect(),
            reset: self.reset.unwrap_or_default(),
        })
    }
}
