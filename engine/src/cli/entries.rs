//! `status`, `list`, `show`, and the changes to entries: `retry`, `reset`, `skip`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    cli::{
        args::{BulkArgs, Common, ListArgs},
        open::{Failure, agreed, request},
        out::{Out, money},
        render,
        sync::{self, unexpected},
        totals,
    },
    operate::{Answer, Balance, Bulk, Changed, Request, SyncReport, SyncRequest},
    pipeline::Silent,
    store::{EntryId, Filter, Listing, State},
};

/// What a change that sends at once amounts to, as one value.
#[derive(Serialize)]
struct ChangedAndSent<'a> {
    #[serde(flatten)]
    changed: &'a Changed,
    /// The run that followed; none when there was nothing to send, or when it could not begin.
    sync: Option<&'a SyncReport>,
}

/// A page of entries, as one value.
#[derive(Serialize)]
struct Listed {
    #[serde(flatten)]
    listing: Listing,
    /// By `ROUTE/ID`; absent where nothing of the page has balances.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    balances: BTreeMap<String, Balance>,
}

pub(super) async fn status(common: &Common, out: &Out, csv: bool) -> Result<u8, Failure> {
    match request(common, Request::Status, &Silent).await? {
        Answer::Status(it) if csv => totals::write(out, &it)?,
        Answer::Status(it) if out.json => out.value(&it),
        Answer::Status(it) => render::status(out, &it),
        other => return Err(unexpected(other)),
    }
    Ok(0)
}

pub(super) async fn list(common: &Common, out: &Out, args: ListArgs) -> Result<u8, Failure> {
    let asked = Request::List {
        filter: args.selection.filter(),
        after: args.after,
        limit: args.limit,
    };
    match request(common, asked, &Silent).await? {
        Answer::List {
            listing, balances, ..
        } if out.json => out.value(&Listed { listing, balances }),
        Answer::List {
            listing,
            at,
            balances,
        } => render::list(out, &listing, &balances, at),
        other => return Err(unexpected(other)),
    }
    Ok(0)
}

pub(super) async fn show(common: &Common, out: &Out, id: EntryId) -> Result<u8, Failure> {
    match request(common, Request::Show { id }, &Silent).await? {
        Answer::Entry(it) if out.json => out.value(&it),
        Answer::Entry(it) => render::show(out, &it),
        other => return Err(unexpected(other)),
    }
    Ok(0)
}

pub(super) async fn retry(common: &Common, out: &Out, args: BulkArgs) -> Result<u8, Failure> {
    again(common, out, args, "retried", Request::Retry).await
}

pub(super) async fn reset(common: &Common, out: &Out, args: BulkArgs) -> Result<u8, Failure> {
    again(common, out, args, "reset", Request::Reset).await
}

/// Counts, asks, changes, and sends what may go now.
async fn again(
    common: &Common,
    out: &Out,
    args: BulkArgs,
    verb: &str,
    make: fn(Bulk) -> Request,
) -> Result<u8, Failure> {
    let filter = meant(&args)?;
    let routes = routes_of(&filter);
    let Some(changed) = change(common, filter, None, args.count, verb, make).await? else {
        return Ok(0);
    };
    let tell = |sync: Option<&SyncReport>| {
        if out.json {
            let changed = &changed;
            out.value(&ChangedAndSent { changed, sync });
        } else if let Some(report) = sync {
            render::sync(out, report);
        }
    };
    if !out.json {
        render::changed(out, verb, &changed);
    }
    if changed.counted_only || changed.tally.count == 0 {
        tell(None);
        return Ok(0);
    }
    let asked = SyncRequest {
        routes,
        ..SyncRequest::default()
    };
    match sync::run(common, asked).await {
        Ok(report) => {
            tell(Some(&report));
            Ok(sync::code(&report))
        }
        Err(why) => {
            // What was changed stays changed.
            tell(None);
            Err(why)
        }
    }
}

pub(super) async fn skip(
    common: &Common,
    out: &Out,
    args: BulkArgs,
    reason: String,
) -> Result<u8, Failure> {
    let filter = meant(&args)?;
    let verb = "skipped";
    let changed = change(
        common,
        filter,
        Some(reason),
        args.count,
        verb,
        Request::Skip,
    )
    .await?;
    match changed {
        Some(changed) if out.json => out.value(&changed),
        Some(changed) => {
            render::changed(out, verb, &changed);
            if !changed.counted_only && changed.tally.count > 0 {
                out.line("`ledgerline undo` takes it back");
            }
        }
        None => {}
    }
    Ok(0)
}

pub(super) async fn void(common: &Common, out: &Out, args: BulkArgs) -> Result<u8, Failure> {
    again(common, out, args, "voided", Request::Void).await
}

/// Counts, asks, changes; nothing when the answer was no.
async fn change(
    common: &Common,
    filter: Filter,
    reason: Option<String>,
    count_only: bool,
    verb: &str,
    make: fn(Bulk) -> Request,
) -> Result<Option<Changed>, Failure> {
    let bulk = Bulk {
        filter,
        reason,
        count_only: true,
    };
    let counted = answered(request(common, make(bulk.clone()), &Silent).await?)?;
    if count_only || counted.tally.count == 0 {
        return Ok(Some(counted));
    }
    let question = format!(
        "{} entries ({}) will be {verb}. Go on?",
        counted.tally.count,
        money(&counted.tally)
    );
    if counted.tally.count > 1 && !agreed(common, &question)? {
        return Ok(None);
    }
    let bulk = Bulk {
        count_only: false,
        ..bulk
    };
    answered(request(common, make(bulk), &Silent).await?).map(Some)
}

fn answered(answer: Answer) -> Result<Changed, Failure> {
    match answer {
        Answer::Changed(it) => Ok(it),
        other => Err(unexpected(other)),
    }
}

/// Which entries a change is for. Nothing named is nothing meant, never everything.
pub(super) fn meant(args: &BulkArgs) -> Result<Filter, Failure> {
    let mut filter = args.selection.filter();
    filter.ids.extend(args.entries.iter().cloned());
    if args.all && filter == Filter::default() {
        filter.states = vec![
            State::Pending,
            State::Waiting,
            State::Failed,
            State::Warning,
        ];
    }
    if filter == Filter::default() {
        return Err(Failure::refused(
            "say which entries: ROUTE/ID, or --route, --state, --category, --cause, --text, or --all",
        ));
    }
    Ok(filter)
}

fn routes_of(filter: &Filter) -> Vec<String> {
    let mut routes = filter.routes.clone();
    routes.extend(filter.ids.iter().map(|it| it.route.clone()));
    routes.sort();
    routes.dedup();
    routes
}
