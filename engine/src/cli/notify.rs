//! `notify`: whether messages arrive.

use crate::{
    cli::{
        args::{Common, NotifyCommand},
        open::{Failure, request},
        out::Out,
        render,
        sync::unexpected,
    },
    operate::{Answer, Request},
    pipeline::Silent,
};

pub(super) async fn notify(
    common: &Common,
    out: &Out,
    command: NotifyCommand,
) -> Result<u8, Failure> {
    let NotifyCommand::Test { name } = command;
    let sent = match request(common, Request::NotifyTest { name }, &Silent).await? {
        Answer::Notified(it) => it,
        other => return Err(unexpected(other)),
    };
    if out.json {
        out.value(&sent);
    }
    let arrived = match out.json {
        true => sent.iter().all(|it| it.error.is_none()),
        false => render::notified(out, &sent),
    };
    Ok(if arrived { 0 } else { 3 })
}
