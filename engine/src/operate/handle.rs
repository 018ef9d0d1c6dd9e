//! One request in, one answer out.

use crate::{
    operate::{
        Answer, Request, Signed, actions, adopting, balances, bulk, check, connect, linking,
        notifying, reconcile, show, status, undo,
    },
    pipeline::{Engine, Progress},
    store::{Actor, StoreError, offload},
};

/// Does what is asked. Every failure is an answer, in words for the person who asked.
pub async fn handle(engine: &Engine, signed: Signed, progress: &dyn Progress) -> Answer {
    let by = Actor::Person(signed.by);
    match answer(engine, by, signed.request, progress).await {
        Ok(it) => it,
        Err(why) => Answer::Refused {
            message: why.to_string(),
        },
    }
}

async fn answer(
    engine: &Engine,
    by: Actor,
    request: Request,
    progress: &dyn Progress,
) -> Result<Answer, StoreError> {
    if let Some(message) = unknown_route(engine, &request) {
        return Ok(Answer::Refused { message });
    }
    Ok(match request {
        Request::Sync(it) => Answer::Synced(Box::new(engine.sync(&it, true, progress).await?)),
        Request::Backfill(it) => match engine.backfill(&it, &by, progress).await? {
            Ok(it) => Answer::Backfilled(Box::new(it)),
            Err(message) => Answer::Refused { message },
        },
        Request::Status => Answer::Status(Box::new(status::status(engine).await?)),
        Request::List {
            filter,
            after,
            limit,
        } => {
            let store = engine.store();
            let listing = offload::run(store, move |store| {
                store.page_of(&filter, after.as_deref(), limit.clamp(1, 1000))
            })
            .await?;
            let balances = balances::of(engine, &listing.rows).await?;
            Answer::List {
                listing,
                balances,
                at: engine.clock().now_ms(),
            }
        }
        Request::Show { id } => match show::show(engine, &id).await? {
            Some(it) => Answer::Entry(Box::new(it)),
            None => Answer::Refused {
                message: format!("no entry {id}; `ledgerline list` shows what there is"),
            },
        },
        Request::Retry(it) => Answer::Changed(bulk::retry(engine, by, it).await?),
        Request::Reset(it) => Answer::Changed(bulk::reset(engine, by, it).await?),
        Request::Skip(it) => Answer::Changed(bulk::skip(engine, by, it).await?),
        Request::Void(it) => Answer::Changed(bulk::void(engine, by, it).await?),
        Request::Undo { action, count_only } => undo::undo(engine, by, action, count_only).await?,
        Request::Actions => Answer::Actions(
            actions::all(engine)
                .await?
                .into_iter()
                .map(|it| it.action)
                .collect(),
        ),
        Request::Adopt { id, target, anyway } => {
            adopting::adopt(engine, by, id, target, anyway).await?
        }
        Request::AdoptAll(it) => adopting::adopt_all(engine, by, it).await?,
        Request::LinkSuggested => Answer::Suggested(linking::suggested(engine).await?),
        Request::Resolve { id, how, reason } => {
            match engine.resolve(&id, &how, reason.as_deref(), &by).await? {
                Ok(done) => Answer::Resolved {
                    what: done.what,
                    routes: done.routes,
                },
                Err(why) => Answer::Refused {
                    message: format!("{id}: {why}"),
                },
            }
        }
        Request::Link { answers } => linking::link(engine, by, answers).await?,
        Request::LinkQuestions => Answer::Questions(linking::questions(engine).await?),
        Request::Connect(it) => match connect::connect(engine, it).await {
            Ok(it) => Answer::Connect(it),
            Err(why) => Answer::Refused {
                message: why.to_string(),
            },
        },
        Request::NotifyTest { name } => notifying::test(engine, name.as_deref()).await,
        Request::Check => Answer::Check(check::check(engine).await?),
        Request::Reconcile(it) => reconcile::reconcile(engine, it, progress).await?,
        Request::TieOut(it) => reconcile::tie_out::tie_out(engine, it, progress).await?,
        Request::Stop => {
            engine.stop();
            Answer::Stopping
        }
    })
}

/// A misspelt route would silently select nothing.
fn unknown_route(engine: &Engine, request: &Request) -> Option<String> {
    let mut named: Vec<&String> = Vec::new();
    match request {
        Request::Sync(it) => {
            named.extend(&it.routes);
            named.extend(it.filter.iter().flat_map(|it| &it.routes));
        }
        Request::Backfill(it) => named.extend(&it.routes),
        Request::List { filter, .. } => named.extend(&filter.routes),
        Request::Reconcile(it) => named.extend(&it.routes),
        Request::Retry(it)
        | Request::Reset(it)
        | Request::Skip(it)
        | Request::Void(it)
        | Request::AdoptAll(it) => {
            named.extend(&it.filter.routes);
        }
        Request::Status
        | Request::Show { .. }
        | Request::Undo { .. }
        | Request::Actions
        | Request::Adopt { .. }
        | Request::Resolve { .. }
        | Request::Link { .. }
        | Request::LinkQuestions
        | Request::LinkSuggested
        | Request::Connect(_)
        | Request::Check
        | Request::NotifyTest { .. }
        | Request::TieOut(_)
        | Request::Stop => {}
    }
    let routes = &engine.deployment().routes;
    let wrong = named.into_iter().find(|it| !routes.contains_key(*it))?;
    let near = crate::config::nearest(wrong, routes.keys().map(String::as_str));
    Some(match near {
        Some(it) => format!("no route `{wrong}`; did you mean `{it}`?"),
        None => format!(
            "no route `{wrong}`; routes are {}",
            routes.keys().cloned().collect::<Vec<_>>().join(", ")
        ),
    })
}
