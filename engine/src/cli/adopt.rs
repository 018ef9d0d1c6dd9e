//! `adopt`: target documents become entries' own.

use crate::{
    cli::{
        args::{AdoptArgs, Common},
        entries::meant,
        link::go,
        open::{Failure, agreed, request},
        out::{Out, money},
        sync::unexpected,
    },
    operate::{AdoptReport, Answer, Bulk, Request},
    pipeline::Silent,
    store::EntryId,
};

pub(super) async fn adopt(common: &Common, out: &Out, args: AdoptArgs) -> Result<u8, Failure> {
    let AdoptArgs { bulk, to, anyway } = args;
    let alone = bulk.selection.is_empty() && !bulk.all && !bulk.count;
    match bulk.entries.as_slice() {
        [id] if alone => one(common, out, id.clone(), to, anyway).await,
        _ if to.is_some() || anyway => Err(Failure::refused(
            "`--to` and `--anyway` are for one entry: name it as ROUTE/ID, without a filter",
        )),
        _ => {
            let asked = Bulk {
                filter: meant(&bulk)?,
                reason: None,
                count_only: true,
            };
            many(common, out, asked, bulk.count).await
        }
    }
}

async fn one(
    common: &Common,
    out: &Out,
    id: EntryId,
    target: Option<String>,
    anyway: bool,
) -> Result<u8, Failure> {
    let asked = Request::Adopt {
        id: id.clone(),
        target,
        anyway,
    };
    match request(common, asked, &Silent).await? {
        Answer::Linked { woken, .. } => {
            if !out.json {
                out.line(format!("{id} is adopted; {woken} waiting documents can go"));
            }
            go(common, out).await
        }
        other => Err(unexpected(other)),
    }
}

/// Counts, asks, adopts, and sends what waited for it.
async fn many(common: &Common, out: &Out, bulk: Bulk, count_only: bool) -> Result<u8, Failure> {
    let counted = ask(common, bulk.clone()).await?;
    let over = count_only || counted.adopted.is_empty();
    if over || !out.json {
        tell(out, &counted);
    }
    let question = format!(
        "{} entries ({}) will be adopted. Go on?",
        counted.tally.count,
        money(&counted.tally)
    );
    if over || !agreed(common, &question)? {
        return Ok(0);
    }
    let bulk = Bulk {
        count_only: false,
        ..bulk
    };
    let done = ask(common, bulk).await?;
    if !out.json {
        out.line(format!("{} adopted", done.tally.count));
    }
    go(common, out).await
}

async fn ask(common: &Common, bulk: Bulk) -> Result<AdoptReport, Failure> {
    match request(common, Request::AdoptAll(bulk), &Silent).await? {
        Answer::Adopted(it) => Ok(*it),
        other => Err(unexpected(other)),
    }
}

fn tell(out: &Out, report: &AdoptReport) {
    if out.json {
        out.value(report);
        return;
    }
    for (id, target) in &report.adopted {
        out.line(format!("{id}: {target}"));
    }
    for (id, why) in &report.left {
        out.line(format!("{id} stays: {why}"));
    }
    out.line(format!(
        "{} entries with one candidate that agrees ({}); {} stay",
        report.tally.count,
        money(&report.tally),
        report.left.len()
    ));
}
