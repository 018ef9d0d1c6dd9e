//! From request to report.

use std::collections::BTreeMap;

use jiff::{ToSpan, civil::Date};
use ledgerline_plugin_api::manifest::{Ledger, Stream};
use rust_decimal::Decimal;

use super::{
    super::sums::{Exact, unsigned_zero},
    explain::{Window, explain, grouped, of_others, unread},
    read::Ground,
    report::{Exported, Opening, TieOutReport, TieOutRequest},
};
use crate::{
    config::nearest,
    files,
    operate::{Answer, SyncRequest},
    pipeline::{Connected, Engine, Progress, Run, Step},
    store::{StoreError, StreamId},
};

/// Rows of a file that are named.
const NAMED: usize = 20;

/// Ties the account out. Entries change as far as a pull changes them; nothing is sent.
pub(in crate::operate) async fn tie_out(
    engine: &Engine,
    request: TieOutRequest,
    progress: &dyn Progress,
) -> Result<Answer, StoreError> {
    let refused = |message: String| Ok(Answer::Refused { message });
    let pair = match pair(engine, &request) {
        Ok(it) => it,
        Err(message) => return refused(message),
    };
    let now = engine.clock().now();
    let today = now.to_zoned(pair.source.connection.zone.clone()).date();
    let window = match window(&request, &pair, today) {
        Ok(it) => it,
        Err(message) => return refused(message),
    };
    let worth = |file: &Exported| value(pair.source, file);
    let stock = match worth(&request.valuation) {
        Ok(it) => it,
        Err(message) => return refused(message),
    };
    let opening_stock = match request.opening.as_ref().map(worth).transpose() {
        Ok(it) => it.map(|it| it.sum),
        Err(message) => return refused(message),
    };
    let _alone = engine.alone().await;
    engine.seed_routes().await?;
    let asked = SyncRequest::default();
    let run = Run::new(
        engine,
        engine.store().clone(),
        &asked,
        true,
        engine.cancel.clone(),
        progress,
    );
    let ground = Ground {
        engine,
        run: &run,
        source: pair.source,
        target: pair.target,
        account: request.account.clone(),
        window,
    };
    let streams = ground.streams();
    let pulled = streams.iter().filter(|(_, routes)| !routes.is_empty());
    let pulled = pulled.map(|(stream, _)| StreamId {
        connection: pair.source.connection.name.clone(),
        stream: stream.clone(),
    });
    run.read_sources(pulled.collect()).await?;
    let mut remarks = remarks(&ground, &streams);
    let accounts = vec![pair.ledger.accounts.clone()];
    let lists = run.lists(pair.target, &accounts, &accounts).await?;
    let mut report = TieOutReport {
        account: request.account.clone(),
        account_name: String::new(),
        source: pair.source.connection.name.clone(),
        target: pair.target.connection.name.clone(),
        currency: pair
            .source
            .connection
            .base_currency
            .clone()
            .or_else(|| pair.target.connection.base_currency.clone())
            .unwrap_or_default(),
        on: window.on,
        at: now.as_millisecond(),
        valuation: request.valuation.name.clone(),
        products: stock.products,
        stock: stock.sum,
        books: Decimal::ZERO,
        difference: Decimal::ZERO,
        opening: Opening {
            day: window.opening,
            stock: opening_stock,
            books: Decimal::ZERO,
            difference: None,
        },
        groups: Vec::new(),
        items: Vec::new(),
        agree: 0,
        rest: Decimal::ZERO,
        exact: true,
        unread: run.parked(),
        remarks: Vec::new(),
    };
    if report.unread.is_empty() {
        let rules = pair.target.rules.get(&pair.stream);
        let Some(account) = lists.get(&pair.ledger.accounts, &request.account) else {
            let codes = lists.documents(&pair.ledger.accounts).map(|(code, _)| code);
            return refused(no_account(&request.account, &pair, codes));
        };
        let cx = crate::mapping::RulesCx {
            settings: &pair.target.settings,
            reference: &lists,
        };
        let (id, name) = rules
            .map(|it| it.ledger_account(account, cx))
            .unwrap_or_default();
        report.account_name = name;
        let id = id.unwrap_or_default();
        if let Err(why) = books(&ground, &pair, &id, &mut report, &mut remarks).await? {
            report.unread.insert(report.target.clone(), why);
        }
    }
    report.remarks = remarks;
    progress.step(Step::Done);
    Ok(Answer::TiedOut(Box::new(report)))
}

/// Reads the target's side and explains. The inner error says why the target could not be read.
async fn books(
    ground: &Ground<'_>,
    pair: &Pair<'_>,
    account: &str,
    report: &mut TieOutReport,
    remarks: &mut Vec<String>,
) -> Result<Result<(), String>, StoreError> {
    let window = ground.window;
    let mut held = match ground.held().await {
        Ok(it) => it,
        Err(why) => return Ok(Err(why)),
    };
    let mut balances = [Decimal::ZERO; 2];
    for (balance, day) in balances.iter_mut().zip([window.opening, window.on]) {
        let read = ground.balance(&pair.stream, &pair.ledger.day, (account, day));
        match read.await {
            Ok(it) => *balance = it,
            Err(why) => return Ok(Err(why)),
        }
    }
    let [opening, books] = balances;
    remarks.append(&mut held.faults);
    let moved = held.moved;
    let movings = ground.movings(&mut held).await?;
    let mut explained = explain(&movings, &window);
    let left = ground.left(held).await?;
    let others = left
        .iter()
        .filter_map(|(it, owner)| of_others(it, owner.as_ref(), &window));
    explained.items.extend(others);
    let mut elsewhere = Exact::default();
    for it in [books, -opening, -moved] {
        elsewhere.add(it);
    }
    explained.items.extend(unread(elsewhere.sum));
    report.exact = elsewhere.exact;
    report.groups = grouped(&mut explained.items, &mut report.exact);
    report.items = explained.items;
    report.agree = explained.agree;
    report.books = books;
    report.opening.books = opening;
    report.opening.difference = report.opening.stock.map(|it| unsigned_zero(it - opening));
    let mut difference = Exact::default();
    for it in [report.stock, -books] {
        difference.add(it);
    }
    report.difference = difference.sum;
    let mut rest = difference;
    rest.add(-report.opening.difference.unwrap_or_default());
    for it in &report.groups {
        rest.add(-it.amount);
    }
    report.rest = rest.sum;
    report.exact &= rest.exact;
    Ok(Ok(()))
}

/// Whose stock against whose account.
struct Pair<'a> {
    source: &'a Connected,
    target: &'a Connected,
    /// The target's stream of balances.
    stream: String,
    ledger: &'a Ledger,
}

fn pair<'a>(engine: &'a Engine, request: &TieOutRequest) -> Result<Pair<'a>, String> {
    let has_stock = |it: &&Connected| it.plugin.manifest().valuation.is_some();
    let source = one(
        engine,
        (&request.source, "--source"),
        has_stock,
        "tells what stock is worth",
    )?;
    let fed = |it: &&Connected| {
        let plans = engine.plans.values();
        let into = plans.filter(|plan| plan.target.connection == it.connection.name);
        ledger(it).is_some()
            && into
                .filter(|plan| plan.route.enabled)
                .any(|plan| plan.source.connection == source.connection.name)
    };
    let target = one(
        engine,
        (&request.target, "--target"),
        fed,
        &format!(
            "tells what its accounts hold and is fed from {} by a route that is on",
            source.connection.name
        ),
    )?;
    let (stream, ledger) = ledger(target).ok_or("the target tells no balances")?;
    Ok(Pair {
        source,
        target,
        stream: stream.clone(),
        ledger,
    })
}

fn ledger(it: &Connected) -> Option<(&String, &Ledger)> {
    let of =
        |(name, stream): (&'_ String, &'_ Stream)| stream.ledger.is_some().then(|| name.clone());
    let streams = &it.plugin.manifest().streams;
    let name = streams.iter().find_map(of)?;
    let (name, stream) = streams.get_key_value(&name)?;
    Some((name, stream.ledger.as_ref()?))
}

/// The only connection that fits, or the one that is named.
fn one<'a>(
    engine: &'a Engine,
    (named, option): (&Option<String>, &str),
    fits: impl Fn(&&'a Connected) -> bool,
    what: &str,
) -> Result<&'a Connected, String> {
    let all: Vec<&Connected> = engine.connected.values().filter(|it| fits(it)).collect();
    let names = || {
        let names: Vec<&str> = all.iter().map(|it| it.connection.name.as_str()).collect();
        names.join(", ")
    };
    match (named, &all[..]) {
        (Some(name), _) => all
            .iter()
            .find(|it| it.connection.name == *name)
            .copied()
            .ok_or_else(|| match all.is_empty() {
                true => format!("{option} {name}: no connection {what}"),
                false => format!("{option} {name}: only {} {what}", names()),
            }),
        (None, [it]) => Ok(it),
        (None, []) => Err(format!("no connection {what}")),
        (None, _) => Err(format!(
            "several connections {what}: say {option} with one of {}",
            names()
        )),
    }
}

fn window(request: &TieOutRequest, pair: &Pair<'_>, today: Date) -> Result<Window, String> {
    let on = request.on.unwrap_or(today);
    let cut_over = pair.source.connection.start_date;
    let before = cut_over.and_then(|it| it.checked_sub(1.day()).ok());
    let opening = request.opening_day.or(before).ok_or_else(|| {
        format!(
            "{} has no start-date: say with --opening-day from whose end on documents count",
            pair.source.connection.name
        )
    })?;
    if on > today {
        return Err(format!("{on} has not come yet; today is {today}"));
    }
    if opening >= on {
        return Err(format!(
            "{on} is not after {opening}, from whose end on documents count: say another day with --opening-day"
        ));
    }
    Ok(Window { opening, on })
}

/// What stock is worth.
struct Worth {
    sum: Decimal,
    products: u64,
}

/// Adds a file up. One of which a row cannot be read is worth nobody knows what.
fn value(source: &Connected, file: &Exported) -> Result<Worth, String> {
    let manifest = source.plugin.manifest();
    let none = || format!("{} tells of no file of stock", source.connection.name);
    let stream = manifest.valuation.as_ref().ok_or_else(none)?;
    let declared = manifest
        .streams
        .get(stream)
        .and_then(|it| it.files.as_ref());
    let (Some(declared), Some(rules)) = (declared, source.rules.get(stream)) else {
        return Err(none());
    };
    let drop = source.connection.files.get(stream);
    let form = drop.map(|it| it.form.clone()).unwrap_or_default();
    let read = files::read(file.text.as_bytes(), declared, &form);
    let mut wrong: Vec<String> = read
        .problems
        .iter()
        .map(|it| format!("line {}: {}", it.line, it.says))
        .collect();
    let mut sum = Exact::default();
    for (id, document) in &read.documents {
        match rules.facts(document, &source.settings).total {
            Some(total) => sum.add(total),
            None => wrong.push(format!("{id} has no value")),
        }
    }
    if wrong.is_empty() && read.documents.is_empty() {
        wrong.push("it has no rows".to_owned());
    }
    if wrong.is_empty() && !sum.exact {
        wrong.push("its values are too large to be added up".to_owned());
    }
    if wrong.is_empty() {
        let products = read.documents.len() as u64;
        let sum = sum.sum;
        return Ok(Worth { sum, products });
    }
    let more = wrong.len().saturating_sub(NAMED);
    wrong.truncate(NAMED);
    let mut told: Vec<String> = wrong
        .into_iter()
        .map(|it| format!("{}: {it}", file.name))
        .collect();
    if more > 0 {
        told.push(format!("{}: and {more} more", file.name));
    }
    told.push(
        "without these rows the value of stock is not known: correct the file and try again"
            .to_owned(),
    );
    Err(told.join("\n"))
}

/// What is not looked at, and of which files something is not known.
fn remarks(ground: &Ground<'_>, streams: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let manifest = ground.source.plugin.manifest();
    let off = streams.iter().filter(|(_, routes)| routes.is_empty());
    let title = |it: &String| manifest.streams.get(it).map(|it| it.title.clone());
    let off: Vec<String> = off.filter_map(|(stream, _)| title(stream)).collect();
    let mut told = Vec::new();
    if !off.is_empty() {
        told.push(format!(
            "no route that is on takes these from {} to {}, so what they did to stock is in the rest: {}",
            ground.source.connection.name,
            ground.target.connection.name,
            off.join(", ")
        ));
    }
    let on = streams.iter().filter(|(_, routes)| !routes.is_empty());
    told.extend(on.filter_map(|(stream, _)| {
        let rules = ground.source.rules.get(stream)?;
        rules.stock_unseen(&ground.source.settings)
    }));
    for it in ground.run.file_troubles() {
        for problem in &it.problems {
            told.push(format!("{}: {problem}", it.file));
        }
    }
    told
}

fn no_account<'a>(account: &str, pair: &Pair<'_>, codes: impl Iterator<Item = &'a str>) -> String {
    let target = &pair.target.connection.name;
    match nearest(account, codes) {
        Some(it) => format!("{target} has no account `{account}`; did you mean `{it}`?"),
        None => format!(
            "{target} has no account `{account}`: give its code as the chart of accounts has it"
        ),
    }
}
