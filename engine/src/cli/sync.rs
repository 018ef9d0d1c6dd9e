//! `sync`: the upload button.

use crate::{
    cli::{
        args::{Common, SyncArgs},
        bars::Bars,
        open::{Failure, request},
        out::Out,
        render,
    },
    operate::{Answer, Request, SyncReport, SyncRequest},
};

pub(super) async fn sync(common: &Common, out: &Out, args: SyncArgs) -> Result<u8, Failure> {
    let selection = &args.selection;
    let asked = SyncRequest {
        routes: args.routes.clone(),
        filter: (!selection.is_empty()).then(|| selection.filter()),
        dry_run: args.dry_run,
        confirm: args.confirm,
    };
    let report = run(common, asked).await?;
    if out.json {
        out.value(&report);
    } else {
        render::sync(out, &report);
    }
    Ok(code(&report))
}

/// One run, by whoever owns the store.
pub(super) async fn run(common: &Common, asked: SyncRequest) -> Result<SyncReport, Failure> {
    let bars = Bars::new();
    match request(common, Request::Sync(asked), &bars).await? {
        Answer::Synced(it) => Ok(*it),
        other => Err(unexpected(other)),
    }
}

/// Exit code of a run.
pub(super) fn code(report: &SyncReport) -> u8 {
    let failed = report
        .routes
        .values()
        .any(|it| it.stopped.contains_key("failed"));
    if !report.parked.is_empty() {
        5
    } else if report.unfinished || failed || !report.unconfirmed.is_empty() && !report.dry_run {
        4
    } else {
        0
    }
}

/// An answer that does not fit the request, or a refusal.
pub(super) fn unexpected(answer: Answer) -> Failure {
    match answer {
        Answer::Refused { message } => Failure::refused(message),
        _ => Failure::unexpected(
            "the engine answered something else than was asked; use one version",
        ),
    }
}
