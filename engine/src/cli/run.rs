//! `run`, the service, and `check`.

use std::sync::Arc;

use crate::{
    cli::{
        args::Common,
        open::{Failure, ground, open, plugins, request},
        out::{Out, remark},
        render,
        sync::unexpected,
    },
    operate::{Answer, Door, Request},
    pipeline::Silent,
};

pub(super) async fn run(common: &Common) -> Result<u8, Failure> {
    let ground = ground(common)?;
    let socket = ground.deployment.socket.clone();
    let here = open(ground.deployment, ground.environment, ground.clock).await?;
    let door = Door::open(&socket).map_err(Failure::unexpected)?;
    remark(format!(
        "running {} routes; other commands reach this engine through {}",
        here.engine.deployment().routes.len(),
        socket.display()
    ));
    let served = tokio::spawn(door.serve(here.engine.clone()));
    let stopper = here.engine.clone();
    let signals = tokio::spawn(async move { stopped(&stopper).await });
    let ended = here.engine.run().await;
    here.engine.stop();
    signals.abort();
    // The door finishes the answers that it has begun.
    let _ = served.await;
    here.network.save().await;
    ended?;
    remark("stopped");
    Ok(0)
}

/// Ends the engine in order when the system or a person asks.
pub(super) async fn stopped(engine: &Arc<crate::pipeline::Engine>) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) else {
        remark("signals cannot be heard; end the engine with its socket");
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    remark("stopping: calls under way are brought to their end");
    engine.stop();
}

pub(super) async fn check(common: &Common, out: &Out, offline: bool) -> Result<u8, Failure> {
    if offline {
        let ground = ground(common)?;
        let (deployment, environment) = (ground.deployment, ground.environment);
        let registry = plugins(&deployment)?;
        let unset = crate::config::unset(
            &deployment,
            &|name| environment.get(name).is_some(),
            &environment.names(),
        );
        let counts = (deployment.routes.len(), deployment.mappings.len());
        crate::pipeline::check_offline(deployment, &registry)
            .map_err(|it| Failure::findings(&it))?;
        if !unset.is_empty() {
            remark(unset.render(std::io::IsTerminal::is_terminal(&std::io::stderr())));
        }
        out.line(format!(
            "{} routes, {} mappings, {} plugins: no problem found",
            counts.0,
            counts.1,
            registry.plugins().count()
        ));
        return Ok(0);
    }
    match request(common, Request::Check, &Silent).await? {
        Answer::Check(reports) if out.json => {
            out.value(&reports);
            Ok(0)
        }
        Answer::Check(reports) => Ok(if render::check(out, &reports) { 0 } else { 5 }),
        other => Err(unexpected(other)),
    }
}
