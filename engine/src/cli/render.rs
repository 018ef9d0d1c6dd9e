//! Answers as people read them.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::{
    cli::out::{Out, age, instant, money},
    files::FileTrouble,
    operate::{
        Balance, Changed, CheckRow, ConnectionReport, EntryReport, Notified, Question,
        StatusReport, SuggestedLinks, SyncReport, Verdict,
    },
    store::{Listing, State, Tally},
};
use ledgerline_plugin_api::manifest::HeldState;

/// What a run did.
pub(super) fn sync(out: &Out, report: &SyncReport) {
    if !report.planned.is_empty() || report.dry_run {
        out.heading(&format!("Would be sent: {}", report.planned.len()));
        let rows = report
            .planned
            .iter()
            .map(|it| {
                vec![
                    it.id.to_string(),
                    it.action.clone(),
                    it.number.clone().unwrap_or_default(),
                    it.body.chars().take(120).collect(),
                ]
            })
            .collect();
        out.table(&["entry", "action", "number", "body"], rows);
        if report.dry_run {
            out.line("A dry run: nothing was written, here or there.");
        }
    }
    let mut rows = Vec::new();
    for (route, row) in &report.routes {
        let stopped: u64 = row.stopped.values().sum();
        rows.push(vec![
            route.clone(),
            row.pulled.to_string(),
            format!("{} / {}", row.new, row.changed),
            tally(&row.created),
            tally(&row.updated),
            tally(&row.adopted),
            row.unchanged.to_string(),
            stopped.to_string(),
        ]);
    }
    if !rows.is_empty() {
        out.heading("This run");
        out.table(
            &[
                "route",
                "read",
                "new / changed",
                "created",
                "updated",
                "linked",
                "unchanged",
                "stopped",
            ],
            rows,
        );
    }
    for (route, row) in &report.routes {
        if row.voided.count > 0 {
            out.line(format!("{route}: taken back {}", tally(&row.voided)));
        }
        if row.uncertain + row.found + row.not_found > 0 {
            out.line(format!(
                "{route}: uncertain {}, found {}, sent again {}",
                row.uncertain, row.found, row.not_found
            ));
        }
    }
    if !report.calls.is_empty() {
        let calls: Vec<String> = report
            .calls
            .iter()
            .map(|(name, it)| format!("{name} {} reading, {} writing", it.reading, it.writing))
            .collect();
        out.line(format!("Calls: {}", calls.join("; ")));
    } else {
        out.line("Calls: none");
    }
    for preview in &report.unconfirmed {
        out.line(format!(
            "{}: the first live run waits for you. It would create {} and update {} in {} writing \
             calls. Next: ledgerline sync {} --confirm",
            preview.route,
            tally(&preview.create),
            tally(&preview.update),
            preview.calls,
            preview.route
        ));
    }
    for (connection, why) in &report.parked {
        out.line(format!(
            "{}: {why}",
            out.paint("31", &format!("{connection} is parked"))
        ));
    }
    files(out, &report.files);
    if report.unfinished {
        out.line("Something is left that goes by itself later: ledgerline sync");
    }
}

/// How many, with their money where there is any.
pub(super) fn tally(tally: &Tally) -> String {
    if tally.count == 0 {
        return "0".to_owned();
    }
    match tally.money.is_empty() {
        true => tally.count.to_string(),
        false => format!("{} ({})", tally.count, money(tally)),
    }
}

/// The state of everything: control totals, then stops by cause.
pub(super) fn status(out: &Out, report: &StatusReport) {
    let now = report.at;
    out.heading("Control totals");
    let mut rows = Vec::new();
    for route in &report.routes {
        for row in report.totals.iter().filter(|it| it.route == route.name) {
            if row.tally.count == 0 {
                continue;
            }
            rows.push(vec![
                route.name.clone(),
                standing(row.state, row.held),
                row.tally.count.to_string(),
                money(&row.tally),
            ]);
        }
    }
    if rows.is_empty() {
        out.line("Nothing yet: ledgerline sync");
    } else {
        out.table(&["route", "state", "documents", "money"], rows);
    }
    if report.groups.is_empty() {
        out.line("Nothing is stopped.");
    } else {
        out.heading("Stopped, by cause");
        for it in &report.groups {
            let group = &it.group;
            out.line(format!(
                "{}  {}",
                out.paint(
                    color(group.state),
                    &format!("{:>4} {}", group.tally.count, group.state.name())
                ),
                out.paint("1", &it.says())
            ));
            out.line(format!(
                "      {}, {}, oldest {}, such as {}",
                group.route,
                money(&group.tally),
                age(now, group.oldest),
                group.example
            ));
            if let Some(problem) = &group.problem {
                out.line(format!("      Remedy: {}", problem.remedy));
            }
            out.line(format!("      Next:   {}", it.next));
        }
    }
    if !report.files.is_empty() {
        out.heading("Files that could not be read whole");
        files(out, &report.files);
    }
    out.heading("Connections");
    let rows = report
        .connections
        .iter()
        .map(|it| {
            vec![
                it.name.clone(),
                it.plugin.clone(),
                it.account.clone().unwrap_or_else(|| "-".into()),
                match it.day_limit {
                    Some(limit) => format!("{} of {limit}", it.day_used),
                    None => it.day_used.to_string(),
                },
                it.parked.clone().unwrap_or_else(|| "ready".into()),
            ]
        })
        .collect();
    out.table(
        &["connection", "plugin", "account", "calls today", "state"],
        rows,
    );
    notify(out, report);
}

/// What of exported files could not be read.
fn files(out: &Out, troubles: &[FileTrouble]) {
    for it in troubles {
        let name = format!("{} ({}/{})", it.file, it.connection, it.stream);
        for problem in &it.problems {
            out.line(format!("{}: {problem}", out.paint("33", &name)));
        }
        if it.more > 0 {
            out.line(format!("{name}: and {} more", it.more));
        }
    }
    if !troubles.is_empty() {
        out.line("Correct the file and put it there again; its good documents went on.");
    }
}

/// Who is told of what needs a person, and whether messages arrive.
fn notify(out: &Out, report: &StatusReport) {
    if report.notify.is_empty() {
        return;
    }
    out.heading("Told of what needs a person");
    let rows = report.notify.iter().map(|it| {
        let state = match (&it.undelivered, it.since, it.again) {
            (Some(why), Some(since), again) => {
                let again = again.map(|it| format!("; tried again after {}", instant(it)));
                let again = again.unwrap_or_default();
                format!("not delivered since {}: {why}{again}", instant(since))
            }
            _ => "ready".to_owned(),
        };
        let last = it.last.map_or_else(|| "-".to_owned(), instant);
        vec![it.name.clone(), it.to.clone(), last, state]
    });
    out.table(&["name", "to", "last message", "state"], rows.collect());
}

/// What came of test messages; whether all were taken.
pub(super) fn notified(out: &Out, sent: &[Notified]) -> bool {
    for it in sent {
        match &it.error {
            None => out.line(format!("{}: delivered to {}", it.name, it.to)),
            Some(why) => out.line(format!("{}: NOT delivered to {}: {why}", it.name, it.to)),
        }
    }
    sent.iter().all(|it| it.error.is_none())
}

/// State with what it means in the target: drafts are not posted.
fn standing(state: State, held: Option<HeldState>) -> String {
    match (state, held) {
        (State::Synced, Some(HeldState::Draft)) => {
            "synced: draft, waits for approval, not posted".into()
        }
        (State::Synced, Some(HeldState::AwaitingApproval)) => {
            "synced: awaiting approval, not posted".into()
        }
        (State::Synced, Some(HeldState::Approved)) => "synced: approved, posted".into(),
        (State::Synced, Some(HeldState::Paid)) => "synced: paid, posted".into(),
        (State::Synced, Some(HeldState::Voided)) => "synced: voided".into(),
        (State::Synced, Some(HeldState::Deleted)) => "synced: deleted".into(),
        (State::Synced, Some(HeldState::Archived)) => "synced: archived".into(),
        (state, _) => state.name().to_owned(),
    }
}

fn color(state: State) -> &'static str {
    match state {
        State::Warning => "31",
        State::Waiting | State::Uncertain | State::Failed => "33",
        _ => "0",
    }
}

/// One page of entries.
pub(super) fn list(out: &Out, listing: &Listing, balances: &BTreeMap<String, Balance>, now: i64) {
    let mut rows: Vec<Vec<String>> = listing
        .rows
        .iter()
        .map(|(id, entry)| {
            let mut why = entry
                .problem
                .as_ref()
                .map(|it| it.cause.clone())
                .unwrap_or_default();
            if why.is_empty() && entry.state == State::Excluded {
                why = entry.last_words().to_owned();
            }
            vec![
                id.to_string(),
                standing(entry.state, entry.held.as_ref().and_then(|it| it.state)),
                entry
                    .number
                    .clone()
                    .or_else(|| entry.facts.number.clone())
                    .unwrap_or_default(),
                entry
                    .facts
                    .date
                    .map(|it| it.to_string())
                    .unwrap_or_default(),
                entry.facts.party.clone().unwrap_or_default(),
                entry
                    .facts
                    .money
                    .as_ref()
                    .map(|it| {
                        let mut one = Tally::default();
                        one.add(Some(it));
                        money(&one)
                    })
                    .unwrap_or_default(),
                age(now, entry.since),
                why,
            ]
        })
        .collect();
    let mut columns = vec![
        "entry", "state", "number", "date", "with", "total", "since", "why",
    ];

    if !balances.is_empty() {
        columns.extend(["owes us", "we owe", "overdue", "read"]);
        for ((id, _), row) in listing.rows.iter().zip(&mut rows) {
            let balance = balances.get(&id.to_string());
            let read = balance.map(|it| age(now, it.read_at));
            row.extend(balance.map(owed).unwrap_or_default());
            row.extend(read.or(Some(String::new())));
        }
    }
    out.table(&columns, rows);
    if let Some(next) = &listing.next {
        out.line(format!("More: --after '{next}'"));
    }
}

/// What is owed to us, what we owe, what is overdue.
fn owed(it: &Balance) -> [String; 3] {
    let shown = |it: &Option<Decimal>| it.map(|it| it.to_string()).unwrap_or_default();
    [
        shown(&it.owed_to_us),
        shown(&it.owed_by_us),
        shown(&it.overdue),
    ]
}

/// Everything about one entry.
pub(super) fn show(out: &Out, report: &EntryReport) {
    let entry = &report.entry;
    out.heading(&report.id.to_string());
    let mut facts: Vec<Vec<String>> = Vec::new();
    let mut fact = |name: &str, value: String| {
        if !value.is_empty() {
            facts.push(vec![name.to_owned(), value]);
        }
    };
    fact("state", standing(entry.state, report.held));
    fact(
        "number in the source",
        entry.facts.number.clone().unwrap_or_default(),
    );
    if report.group.is_none() {
        let number = entry.number.clone();
        fact("number in the target", number.unwrap_or_default());
    }
    fact(
        "date",
        entry
            .facts
            .date
            .map(|it| it.to_string())
            .unwrap_or_default(),
    );
    fact("with", entry.facts.party.clone().unwrap_or_default());
    if let Some(it) = &entry.facts.money {
        let mut one = Tally::default();
        one.add(Some(it));
        fact("total", money(&one));
    }
    if let Some(held) = &entry.held {
        fact("id in the target", held.id.clone());
    }
    if let Some(it) = &report.group {
        fact("goes with", it.id.to_string());
        fact("which is", standing(it.state, it.held));
    }
    for (place, it) in report.members.iter().enumerate() {
        let name = if place == 0 { "made of" } else { "" };
        fact(name, it.to_string());
    }
    if let Some(it) = &report.balance {
        let at = instant(it.read_at);
        for (name, amount) in ["owes us", "we owe it", "overdue"].iter().zip(owed(it)) {
            if !amount.is_empty() {
                fact(name, format!("{amount}, read {at}"));
            }
        }
    }
    fact("source", report.source_link.clone().unwrap_or_default());
    fact("target", report.target_link.clone().unwrap_or_default());
    if let Some(problem) = &entry.problem {
        fact("problem", problem.cause.clone());
        fact(
            "in the vendor's words",
            entry.words.clone().unwrap_or_default(),
        );
        fact("remedy", problem.remedy.clone());
    }
    for candidate in &entry.candidates {
        fact(
            "candidate",
            format!("{} {} ({})", candidate.id, candidate.label, candidate.why),
        );
    }
    for notice in &entry.notices {
        fact("notice", notice.clone());
    }
    fact("next", report.next.clone().unwrap_or_default());
    out.table(&["", ""], facts);
    out.heading("History");
    let rows = entry
        .events
        .iter()
        .map(|it| {
            let who = match &it.by {
                crate::store::Actor::Engine => "engine".to_owned(),
                crate::store::Actor::Person(name) => name.clone(),
            };
            let times = if it.times > 1 {
                format!(" ({} times)", it.times)
            } else {
                String::new()
            };
            vec![
                instant(it.at),
                it.to.name().to_owned(),
                who,
                format!("{}{times}", it.what),
                it.call.map(|it| it.to_string()).unwrap_or_default(),
            ]
        })
        .collect();
    out.table(&["when", "to", "by", "what", "call"], rows);
    if !report.calls.is_empty() {
        out.heading("Calls");
        let rows = report
            .calls
            .iter()
            .map(|it| {
                vec![
                    it.id.to_string(),
                    instant(it.at),
                    format!("{} {}", it.method, it.url),
                    it.covers.to_string(),
                    if it.status == 0 {
                        it.note.clone()
                    } else {
                        it.status.to_string()
                    },
                ]
            })
            .collect();
        out.table(&["call", "when", "what", "documents", "answer"], rows);
    }
    match &report.mapped {
        Ok(body) => {
            out.heading("Would be sent now");
            out.exact(pretty(body));
        }
        Err(why) => out.line(format!("Would be sent now: {why}")),
    }
    if let Some(document) = &report.document {
        out.heading("Source document");
        out.exact(pretty(document));
    }
}

/// JSON indented without touching a digit.
fn pretty(text: &str) -> String {
    crate::mapping::Value::parse(text.as_bytes())
        .map(|it| it.to_pretty())
        .unwrap_or_else(|_| text.to_owned())
}

/// What a bulk change met.
pub(super) fn changed(out: &Out, verb: &str, changed: &Changed) {
    let did = if changed.counted_only {
        "would be"
    } else {
        "were"
    };
    out.line(format!(
        "{} entries {did} {verb} ({})",
        changed.tally.count,
        money(&changed.tally)
    ));
    for (why, count) in &changed.left {
        out.line(format!("{count} left: {why}"));
    }
}

/// Questions that one target document answers, and those that need a closer look.
pub(super) fn suggested(out: &Out, links: &SuggestedLinks) {
    let who = |it: &Question| it.entry.facts.party.clone().unwrap_or_default();
    let certain = links.certain.iter().map(|(question, it)| {
        vec![
            question.id.to_string(),
            who(question),
            question.waiting.count.to_string(),
            it.label.clone(),
            it.why.clone(),
            it.id.clone(),
        ]
    });
    if !links.certain.is_empty() {
        out.heading("Can be confirmed");
        out.table(
            &["entry", "who", "waiting", "link to", "found by", "id"],
            certain.collect(),
        );
    }
    let left = links
        .left
        .iter()
        .map(|(question, why)| vec![question.id.to_string(), who(question), why.clone()]);
    if !links.left.is_empty() {
        out.heading("Stay open");
        out.table(&["entry", "who", "why"], left.collect());
    }
    if links.certain.is_empty() {
        out.line("No question has exactly one answer that could be confirmed.");
    }
}

/// The live look at every connection.
pub(super) fn check(out: &Out, reports: &[ConnectionReport]) -> bool {
    for it in reports {
        out.heading(&it.connection);
        let rows = it.rows.iter().map(|row| {
            let verdict = match row.verdict {
                Verdict::Ok => "ok",
                Verdict::Wrong => "WRONG",
                Verdict::Unknown => "not known",
            };
            let says = match &row.remedy {
                Some(remedy) => format!("{}\n→ {remedy}", row.says),
                None => row.says.clone(),
            };
            vec![verdict.to_owned(), row.what.clone(), says]
        });
        out.table(&["", "what", "found"], rows.collect());
    }
    let wrong = |it: &CheckRow| it.verdict == Verdict::Wrong;
    !reports.iter().any(|it| it.rows.iter().any(wrong))
}

/// Open questions which target document an entry stands for.
pub(super) fn questions(out: &Out, questions: &[Question]) {
    let rows = questions
        .iter()
        .map(|it| {
            vec![
                it.id.to_string(),
                it.entry.facts.party.clone().unwrap_or_default(),
                it.waiting.count.to_string(),
                money(&it.waiting),
                it.entry
                    .candidates
                    .iter()
                    .map(|it| format!("{} {}", it.id, it.label))
                    .collect::<Vec<_>>()
                    .join("\n"),
            ]
        })
        .collect();
    out.table(&["entry", "who", "waiting", "money", "candidates"], rows);
}
