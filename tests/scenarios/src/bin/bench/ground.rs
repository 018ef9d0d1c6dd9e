//! The deployment that all parts measure: credit notes of Omni into Xero, limits off.

use std::io;

use scenarios::processes::{Plan, Programs, set};
use serde_json::Value;

/// Lines of each credit note; freight, surcharge and discount come on top where a note has them.
const LINES: i64 = 4;

/// The vendors with so many credit notes, and the deployment that leads to them.
pub(crate) fn programs(notes: usize, change: impl FnOnce(&mut Plan)) -> Programs {
    Programs::start(notes, |plan| {
        plan.vendors = ["--no-limits", "--keep-calls", "0"]
            .map(str::to_owned)
            .to_vec();
        let generate = "omni/accounts/0/generate";
        set(&mut plan.seed, &format!("{generate}/lines"), LINES);
        set(&mut plan.seed, &format!("{generate}/fewest-lines"), LINES);
        // Prices of four decimals leave cents over that a route may hold for; here all are to arrive.
        set(&mut plan.seed, &format!("{generate}/fine-prices"), 0);
        let none = toml::Value::Array(Vec::new());
        set(&mut plan.seed, "omni/accounts/0/credit-notes", none);
        for connection in ["omni-au", "xero-au"] {
            for limit in ["second", "minute", "day"] {
                let path = format!("connections/{connection}/budget/account/{limit}");
                set(&mut plan.deployment, &path, 1_000_000_000);
            }
            let path = format!("connections/{connection}/call-timeout");
            set(&mut plan.deployment, &path, "60s");
        }
        change(plan);
    })
}

/// Fails unless every credit note is in Xero once, with its total, and shown so in its source.
pub(crate) fn all_arrived(programs: &Programs) -> io::Result<u64> {
    let books = programs.books();
    let faults = books.faults();
    if faults.is_empty() {
        let lines: usize = books.xero.iter().map(|it| it.lines).sum();
        return Ok(lines as u64);
    }
    let shown: Vec<&str> = faults.iter().take(10).map(String::as_str).collect();
    Err(io::Error::other(format!(
        "{} faults, such as\n{}",
        faults.len(),
        shown.join("\n")
    )))
}

/// Calls that the vendors saw.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Traffic {
    pub(crate) reading: u64,
    pub(crate) writing: u64,
    /// Bytes of bodies that came.
    pub(crate) received: u64,
    /// Bytes of bodies that went back.
    pub(crate) answered: u64,
}

impl Traffic {
    /// What the vendors of these programs saw so far.
    pub(crate) fn of(programs: &Programs) -> Self {
        let mut all = Self::default();
        let told = programs.ask("/_sandbox/traffic");
        let number = |it: &Value, name: &str| it[name].as_u64().unwrap_or(0);
        for (_, kinds) in told.as_object().into_iter().flatten() {
            for (kind, it) in kinds.as_object().into_iter().flatten() {
                match kind.as_str() {
                    "writing" => all.writing += number(it, "calls"),
                    _ => all.reading += number(it, "calls"),
                }
                all.received += number(it, "received");
                all.answered += number(it, "answered");
            }
        }
        all
    }
}
