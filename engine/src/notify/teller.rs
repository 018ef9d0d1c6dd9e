//! Tells each receiver what is due after runs, and remembers it.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::{
    mail, matter,
    matter::Matter,
    memory::{Due, Memory},
    message::Message,
    webhook,
};
use crate::{
    config::{Notify, NotifyWay},
    operate,
    pipeline::Engine,
    store::{StoreError, offload},
};

/// Longest time for one message, whatever its receiver does.
const LONGEST: Duration = Duration::from_secs(20);

/// What runs left for the teller.
#[derive(Debug, Default)]
pub(crate) struct Teller {
    woken: tokio::sync::Notify,
    left: Mutex<Left>,
    /// One message at a time, so that none is sent twice.
    one: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Left {
    /// A run ended since people were told last.
    ran: bool,
    /// Why the last run failed as a whole, if it did.
    failure: Option<String>,
}

impl Teller {
    /// A run came to an end, or failed as a whole.
    pub(crate) fn run_ended(&self, failure: Option<&StoreError>) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.ran = true;
        left.failure = failure.map(ToString::to_string);
        drop(left);
        self.woken.notify_one();
    }

    /// What there is to look at, if anything.
    fn take(&self) -> Option<Option<String>> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut left.ran).then(|| left.failure.clone())
    }

    /// Why the last run failed as a whole, if it did.
    fn failure(&self) -> Option<String> {
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.failure.clone()
    }
}

/// Name of the note that holds what a receiver was told.
pub(crate) fn note_of(name: &str) -> String {
    format!("notify/{name}")
}

impl Memory {
    /// From a note. One that cannot be read is none: people are told once more.
    pub(crate) fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }
}

impl Engine {
    /// Tells people what needs them, if a run ended since they were told last. Takes seconds at most,
    /// and fails silently: `status` shows what could not be delivered.
    pub async fn tell_people(&self) {
        if let Some(failure) = self.teller.take() {
            self.tell(failure.as_deref()).await;
        }
    }

    /// Tells people after each run, and when something that was held back comes due.
    pub(crate) async fn keep_telling(&self) {
        let clock = self.clock();
        let mut again: Option<i64> = None;
        loop {
            let wait = again.map(|at| {
                let ms = at.saturating_sub(clock.now_ms()).max(0);
                Duration::from_millis(u64::try_from(ms).unwrap_or_default())
            });
            let failure = tokio::select! {
                () = self.teller.woken.notified() => self.teller.take(),
                () = clock.sleep(wait.unwrap_or_default()), if wait.is_some() => {
                    Some(self.teller.failure())
                }
            };
            if let Some(failure) = failure {
                again = self.tell(failure.as_deref()).await;
            }
        }
    }

    /// Sends a message that says nothing.
    ///
    /// # Errors
    ///
    /// Why it did not arrive.
    pub(crate) async fn try_message(&self, to: &Notify) -> Result<(), String> {
        self.deliver(to, &Message::trial(self.clock().now())).await
    }

    /// Tells all receivers what is due; gives the instant at which more will be.
    async fn tell(&self, failure: Option<&str>) -> Option<i64> {
        if self.deployment().notify.is_empty() {
            return None;
        }
        let _one = self.teller.one.lock().await;
        let status = match operate::status(self).await {
            Ok(it) => Some(it),
            Err(why) => {
                tracing::warn!(error = %why, "what needs a person could not be read");
                None
            }
        };
        let all = self.deployment().notify.values().map(|to| {
            let base = to.link_base.as_ref();
            let matters = match &status {
                Some(status) => matter::matters(status, failure, base),
                // The store itself failed: that alone is told.
                None => failure.map(matter::failed).into_iter().collect(),
            };
            async move {
                let done = self.tell_one(to, &matters).await;
                done.unwrap_or_else(|why| {
                    tracing::warn!(error = %why, "what was told could not be remembered");
                    None
                })
            }
        });
        let again = futures_util::future::join_all(all).await;
        again.into_iter().flatten().min()
    }

    async fn tell_one(&self, to: &Notify, matters: &[Matter]) -> Result<Option<i64>, StoreError> {
        let note = note_of(&to.name);
        let key = note.clone();
        let stored = offload::run(self.store(), move |store| store.note(&key)).await;
        let stored = match stored {
            Ok(it) => it,
            // Nothing is remembered where the store fails, but people are to know that it does.
            Err(why) if matters.is_empty() => return Err(why),
            Err(_) => None,
        };
        let before = stored.as_deref().map(Memory::read).unwrap_or_default();
        let mut memory = before.clone();
        let now = self.clock().now();
        let at = now.as_millisecond();
        let again = match memory.due(matters, to.every, to.remind, at) {
            Due::Nothing => None,
            Due::At(at) => Some(at),
            Due::Now(new) => {
                let scrubber = self.network.secrets().scrubber();
                let message = Message::of(&new, now, scrubber);
                match self.deliver(to, &message).await {
                    Ok(()) => {
                        tracing::info!(notify = to.name, matters = new.len(), "message delivered");
                        memory.delivered(&new, at);
                    }
                    Err(why) => {
                        tracing::warn!(notify = to.name, why, "message not delivered");
                        memory.failed(why, at);
                    }
                }
                memory.undelivered.as_ref().map(|it| it.not_before)
            }
        };
        if memory != before {
            let text = serde_json::to_string(&memory).unwrap_or_default();
            offload::run(self.store(), move |store| {
                store.set_note(&note, Some(&text))
            })
            .await?;
        }
        Ok(again)
    }

    async fn deliver(&self, to: &Notify, message: &Message) -> Result<(), String> {
        let network = &self.network;
        let sent = async {
            match &to.way {
                NotifyWay::Mail(way) => {
                    let id = format!("{:016x}", getrandom::u64().unwrap_or_default());
                    mail::send(network, way, message, &id).await
                }
                NotifyWay::Webhook(way) => {
                    webhook::send(network, way, message, self.clock().now_ms()).await
                }
            }
        };
        let sent = match tokio::time::timeout(LONGEST, sent).await {
            Ok(it) => it,
            Err(_) => Err(format!("no answer within {} s", LONGEST.as_secs())),
        };
        sent.map_err(|why| network.secrets().scrubber().scrub(&why).into_owned())
    }
}
