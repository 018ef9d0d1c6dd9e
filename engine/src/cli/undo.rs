//! `undo`: takes back what was done to entries, as long as nothing was sent since.

use std::collections::BTreeMap;

use crate::{
    cli::{
        args::{Common, UndoArgs},
        open::{Failure, agreed, request},
        out::{Out, instant, money},
        sync::unexpected,
    },
    operate::{Action, Answer, Request, UndoReport},
    pipeline::Silent,
    store::EntryId,
};

/// Entries that are named for one reason.
const NAMED: usize = 5;

pub(super) async fn undo(common: &Common, out: &Out, args: UndoArgs) -> Result<u8, Failure> {
    if args.list {
        return list(common, out).await;
    }
    let counted = ask(common, args.action, true).await?;
    if args.count || counted.tally.count == 0 {
        tell(out, &counted);
        return Ok(if args.count { 0 } else { 3 });
    }
    let question = format!(
        "{}: {} entries ({}) become what they were before; {} stay. Go on?",
        title(&counted.action),
        counted.tally.count,
        money(&counted.tally),
        counted.refused.len()
    );
    if !agreed(common, &question)? {
        return Ok(0);
    }
    // By its number: another action may have been done since it was counted.
    let done = ask(common, Some(counted.action.id), false).await?;
    tell(out, &done);
    Ok(0)
}

async fn ask(
    common: &Common,
    action: Option<u64>,
    count_only: bool,
) -> Result<UndoReport, Failure> {
    match request(common, Request::Undo { action, count_only }, &Silent).await? {
        Answer::Undone(it) => Ok(*it),
        other => Err(unexpected(other)),
    }
}

async fn list(common: &Common, out: &Out) -> Result<u8, Failure> {
    let actions = match request(common, Request::Actions, &Silent).await? {
        Answer::Actions(it) => it,
        other => return Err(unexpected(other)),
    };
    if out.json {
        out.value(&actions);
    } else if actions.is_empty() {
        out.line("Nothing was done that could be taken back.");
    } else {
        let rows = actions.iter().map(|it| {
            let undone = it.undone.as_ref().map_or_else(String::new, |undone| {
                format!(
                    "{} entries, by {}, {}",
                    undone.entries,
                    undone.by,
                    instant(undone.at)
                )
            });
            vec![
                it.id.to_string(),
                instant(it.at),
                it.by.clone(),
                what(it),
                it.tally.count.to_string(),
                money(&it.tally),
                undone,
            ]
        });
        out.table(
            &[
                "undo",
                "when",
                "who",
                "what",
                "entries",
                "money",
                "taken back",
            ],
            rows.collect(),
        );
    }
    Ok(0)
}

fn what(action: &Action) -> String {
    match &action.reason {
        Some(reason) => format!("{}: {reason}", action.deed.name()),
        None => action.deed.name().to_owned(),
    }
}

fn title(action: &Action) -> String {
    format!(
        "Action {} ({}, by {}, {})",
        action.id,
        what(action),
        action.by,
        instant(action.at)
    )
}

fn tell(out: &Out, report: &UndoReport) {
    if out.json {
        out.value(report);
        return;
    }
    let did = if report.counted_only {
        "would become"
    } else {
        "are"
    };
    out.line(format!(
        "{}: {} of {} entries ({}) {did} what they were before",
        title(&report.action),
        report.tally.count,
        report.action.tally.count,
        money(&report.tally)
    ));
    let mut by_reason: BTreeMap<&str, Vec<&EntryId>> = BTreeMap::new();
    for (id, why) in &report.refused {
        by_reason.entry(why).or_default().push(id);
    }
    for (why, ids) in by_reason {
        let named: Vec<String> = ids.iter().take(NAMED).map(ToString::to_string).collect();
        let more = match ids.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        out.line(format!("{}{more}: {why}", named.join(", ")));
    }
}
