//! Who is told of what needs a person: whether messages arrive, and a test of it.

use std::collections::BTreeMap;

use crate::{
    config::known_names,
    notify::{Memory, note_of},
    operate::{Answer, Notified, NotifyStatus},
    pipeline::Engine,
};

/// How it stands with each receiver; `notes` are all of the store's.
pub(super) fn standing(engine: &Engine, notes: &BTreeMap<String, String>) -> Vec<NotifyStatus> {
    let all = engine.deployment().notify.values();
    all.map(|it| {
        let memory = notes.get(&note_of(&it.name)).map(|text| Memory::read(text));
        let memory = memory.unwrap_or_default();
        let undelivered = memory.undelivered.as_ref();
        NotifyStatus {
            name: it.name.clone(),
            to: it.shown(),
            last: memory.last,
            undelivered: undelivered.map(|it| it.why.clone()),
            since: undelivered.map(|it| it.since),
            again: undelivered.map(|it| it.not_before),
        }
    })
    .collect()
}

/// Sends a test message.
pub(super) async fn test(engine: &Engine, name: Option<&str>) -> Answer {
    let all = &engine.deployment().notify;
    let refused = |message: String| Answer::Refused { message };
    match name {
        None if all.is_empty() => refused(
            "nobody is told of anything: add [notify.NAME] to ledgerline.toml, with host, from and \
             to for an e-mail or url for a webhook"
                .into(),
        ),
        Some(name) if !all.contains_key(name) => {
            let near = known_names(name, all.keys().map(String::as_str));
            refused(format!("no [notify.{name}] in ledgerline.toml; {near}"))
        }
        _ => {
            let meant = all.values().filter(|it| name.is_none_or(|name| name == it.name));
            let sent = meant.map(|it| async {
                Notified {
                    name: it.name.clone(),
                    to: it.shown(),
                    error: engine.try_message(it).await.err(),
                }
            });
            Answer::Notified(futures_util::future::join_all(sent).await)
        }
    }
}
