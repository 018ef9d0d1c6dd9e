//! `backfill`: documents from before the cut-over.

use crate::{
    cli::{
        args::{BackfillArgs, Common},
        bars::Bars,
        open::{Failure, request},
        out::Out,
        render,
        sync::{self, unexpected},
    },
    operate::{Answer, BackfillReport, BackfillRequest, Request},
};

pub(super) async fn backfill(
    common: &Common,
    out: &Out,
    args: BackfillArgs,
) -> Result<u8, Failure> {
    let asked = BackfillRequest {
        routes: args.routes,
        from: args.from,
        to: args.to,
        confirm: args.confirm,
    };
    let bars = Bars::new();
    let report = match request(common, Request::Backfill(asked.clone()), &bars).await? {
        Answer::Backfilled(it) => *it,
        other => return Err(unexpected(other)),
    };
    drop(bars);
    if out.json {
        out.value(&report);
    } else {
        show(out, &asked, &report);
    }
    Ok(code(&report))
}

/// Exit code: as that of a run; a preview leaves nothing to do by itself.
fn code(report: &BackfillReport) -> u8 {
    match &report.sync {
        _ if !report.parked.is_empty() => 5,
        Some(it) => sync::code(it),
        None => 0,
    }
}

fn show(out: &Out, asked: &BackfillRequest, report: &BackfillReport) {
    out.heading(match report.sync {
        Some(_) => "Loaded from before the cut-over",
        None => "Before the cut-over",
    });
    let rows = report.routes.iter().map(|it| {
        vec![
            it.route.clone(),
            format!("{} to {}", it.from, it.to),
            render::tally(&it.documents),
            render::tally(&it.already),
            render::tally(&it.create),
            render::tally(&it.update),
            it.stopped
                .iter()
                .map(|(state, count)| format!("{count} {state}"))
                .collect::<Vec<_>>()
                .join(", "),
            it.calls.to_string(),
            lasting(it.seconds),
        ]
    });
    out.table(
        &[
            "route",
            "days",
            "documents",
            "marked as imported",
            "create",
            "update",
            "stop",
            "writing calls",
            "at least",
        ],
        rows.collect(),
    );
    for (connection, why) in &report.parked {
        out.line(format!(
            "{}: {why}",
            out.paint("31", &format!("{connection} is parked"))
        ));
    }
    match &report.sync {
        _ if report.unread => out.line(
            "Not everything could be read, so nothing was sent. The same command goes on from there.",
        ),
        Some(sync) => render::sync(out, sync),
        None => {
            let to = asked.to.map(|it| format!(" --to {it}")).unwrap_or_default();
            let routes = asked.routes.iter().map(|it| format!("{it} "));
            out.line(format!(
                "Nothing was sent. Next: ledgerline backfill {}--from {}{to} --confirm",
                routes.collect::<String>(),
                asked.from
            ));
        }
    }
}

/// `40 s`, `5 min`, `3 h`, `2 d`, rounded up.
fn lasting(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds.div_ceil(60)),
        3600..86_400 => format!("{} h", seconds.div_ceil(3600)),
        _ => format!("{} d", seconds.div_ceil(86_400)),
    }
}
