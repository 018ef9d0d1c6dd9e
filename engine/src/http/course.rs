//! One call on its way: try after try, until its end is certain.
//!
//! The one question that everything here turns on is whether a writing call may have done something.
//! Once a try has left without a complete answer, nothing that is met afterwards (a spent budget, a
//! withdrawn consent, a refused connection) may turn the call into "not sent" again.
use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use bytes::Bytes;
use url::Url;

use super::{
    CallNote,
    auth::Applied,
    budget::{Budget, Caller, Exhausted, Refused, Ticket, enter},
    call::{Answer, Call, CallClass, CallError, Outcome, Repeat},
    channel::{Line, PinHeader, millis},
    door::{Parts, Passage},
    pace::retry_after,
    report::{add, vendors_id},
    secrets::Secret,
    transport::{MAX_ANSWER, RawAnswer, TransportError, without_query},
    verdict::{self, Verdict, Whose},
};
use crate::plugins::Cancel;

/// How one try ended, when it is not the end of the call.
struct Setback {
    /// The call's end, should there be no further try.
    end: Outcome,
    /// Pause before the next one.
    pause: Duration,
}

enum Try {
    End(Outcome),
    /// Counts against the number of tries.
    Failed(Setback),
    /// Nothing was done and nothing counts: the budget was parked, or the token was refused.
    Postponed {
        pause: Duration,
        refused_token: Option<Secret>,
    },
}

/// What is asked for.
#[derive(Clone, Copy)]
pub(super) struct Order<'a> {
    pub(super) call: &'a Call,
    pub(super) class: CallClass,
    pub(super) cancel: &'a Cancel,
}

/// One call on its way.
pub(super) struct Course<'a> {
    line: &'a Line,
    call: &'a Call,
    url: &'a Url,
    passage: Passage<'a>,
    budgets: Vec<Arc<Budget>>,
    class: CallClass,
    cancel: &'a Cancel,
    last_start: i64,
    /// Exchanges begun.
    tries: u32,
    /// Those that count against the limit.
    failures: u32,
    renewed: bool,
    /// Why it is not known what an earlier try did.
    open: Option<String>,
    /// What tells that a document repeats the credential of the last try.
    tells: Arc<Vec<Secret>>,
}

impl<'a> Course<'a> {
    /// A call that may leave through this passage, counted in these budgets.
    pub(super) fn new(
        line: &'a Line,
        order: Order<'a>,
        url: &'a Url,
        passage: Passage<'a>,
        budgets: Vec<Arc<Budget>>,
    ) -> Self {
        let last_start = line.last_start(order.call, order.class);
        Self {
            line,
            call: order.call,
            url,
            passage,
            budgets,
            class: order.class,
            cancel: order.cancel,
            last_start,
            tries: 0,
            failures: 0,
            renewed: false,
            open: None,
            tells: Arc::default(),
        }
    }

    /// Runs to the end.
    pub(super) async fn run(mut self) -> Outcome {
        let reads = matches!(self.call.repeat, Repeat::Safe) && !verdict::writes(&self.call.method);
        let mut refused_token = None;
        loop {
            let (pause, end) = match self.attempt(refused_token.take()).await {
                Try::End(outcome) => {
                    if reads && matches!(outcome, Outcome::Answer(_)) {
                        self.line.is_down.store(false, Relaxed);
                    }
                    return outcome;
                }
                Try::Failed(Setback { end, pause }) => {
                    self.failures += 1;
                    // Who has just tried in vain need not be outdone by each of those who read beside it.
                    let limit =
                        match self.line.no_repetition || reads && self.line.is_down.load(Relaxed) {
                            true => 1,
                            false => verdict::tries(&self.call.repeat),
                        };
                    if self.failures >= limit {
                        if reads {
                            self.line.is_down.store(true, Relaxed);
                        }
                        return end;
                    }
                    (pause, Some(end))
                }
                Try::Postponed {
                    pause,
                    refused_token: token,
                } => {
                    refused_token = token;
                    (pause, None)
                }
            };
            let resumes = self.line.clock.now_ms().saturating_add(millis(pause));
            if resumes > self.last_start {
                return end.unwrap_or_else(|| self.not_sent(self.parked(resumes)));
            }
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => {
                    return end.unwrap_or_else(|| self.not_sent(CallError::Cancelled));
                }
                () = self.line.clock.sleep(pause) => {}
            }
        }
    }

    /// One try, from getting credentials to understanding the answer's status.
    async fn attempt(&mut self, refused: Option<Secret>) -> Try {
        let line = self.line;
        // Tokens are renewed before the call stands in line, so that it does not hold its place
        // meanwhile; and looked at again after it, because that may have taken long.
        if let Err(error) = line.wallet.apply(&self.call.auth, refused).await {
            return Try::End(self.not_sent(error));
        }
        let caller = Caller {
            connection: &line.connection,
            class: self.class,
        };
        let entered = enter(&self.budgets, caller, self.last_start, self.cancel).await;
        let mut ticket = match entered {
            Ok(ticket) => ticket,
            Err(Refused::Cancelled) => return Try::End(self.not_sent(CallError::Cancelled)),
            Err(Refused::Parked { budget, until }) => {
                return Try::End(self.not_sent(CallError::Parked { budget, until }));
            }
        };
        let applied = match line.wallet.apply(&self.call.auth, None).await {
            Ok(applied) => applied,
            Err(error) => return Try::End(self.not_sent(error)),
        };
        let now = line.clock.now_ms();
        if now > self.last_start {
            return Try::End(self.not_sent(self.parked(now)));
        }
        let token = applied.token.clone();
        self.tells = Arc::clone(&applied.tells);
        let parts = self.parts(applied);
        self.tries += 1;
        let began = line.clock.now();
        let exchanged = if matches!(self.passage, Passage::Reads(..)) {
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => return Try::End(Outcome::NotSent(CallError::Cancelled)),
                exchanged = self.passage.exchange(parts) => exchanged,
            }
        } else {
            self.passage.exchange(parts).await
        };
        self.report(began, &exchanged);
        match exchanged {
            Ok(answer) => {
                ticket.read(answer.body.len());
                self.on_answer(answer, ticket, token).await
            }
            Err(error) => self.on_error(&error),
        }
    }

    async fn on_answer(
        &mut self,
        answer: RawAnswer,
        mut ticket: Ticket,
        token: Option<Secret>,
    ) -> Try {
        let line = self.line;
        let RawAnswer {
            status,
            headers,
            body,
        } = answer;
        let renewable = token.is_some() && !self.renewed;
        let now = line.clock.now();
        let verdict =
            verdict::on_answer(&line.answers, self.call, status, &headers, &body, renewable);
        if !matches!(verdict, Verdict::SlowDown(..)) {
            ticket.passed(&headers);
        }
        match verdict {
            Verdict::SlowDown(what, whose) => {
                add(&line.tally.refused, 1);
                if what == Exhausted::Concurrent {
                    let pause = line.pace.after_crowd();
                    return Try::Postponed {
                        pause,
                        refused_token: None,
                    };
                }
                let budget = match (&line.app, whose) {
                    (Some(app), Whose::App) => app,
                    _ => &line.account,
                };
                let wait = retry_after(&headers, now);
                ticket
                    .refused(budget, what, wait, |n| line.pace.after_failure(n))
                    .await;
                Try::Postponed {
                    pause: Duration::ZERO,
                    refused_token: None,
                }
            }
            Verdict::RenewToken => {
                self.renewed = true;
                Try::Postponed {
                    pause: Duration::ZERO,
                    refused_token: token,
                }
            }
            Verdict::Disconnected => {
                let connection = &line.connection;
                let oauth = line.wallet.is_oauth(&self.call.auth);
                line.wallet.forget(&self.call.auth);
                Try::End(self.not_sent(CallError::Credentials {
                    why: format!(
                        "the vendor does not let connection `{connection}` reach its account \
                         (status {status})"
                    ),
                    remedy: if oauth {
                        format!("run `ledgerline connect {connection}`")
                    } else {
                        format!(
                            "check its credentials and their permissions, then run \
                             `ledgerline check`; `ledgerline connect {connection}` replaces them"
                        )
                    },
                }))
            }
            Verdict::TryAgain => {
                if verdict::leaves_open(status) && verdict::writes(&self.call.method) {
                    self.open = Some(format!("it was answered with status {status}"));
                }
                let chosen = line.pace.after_failure(self.failures + 1);
                let pause = retry_after(&headers, now).unwrap_or_default().max(chosen);
                Try::Failed(Setback {
                    end: self.answer(status, headers, body),
                    pause,
                })
            }
            Verdict::Final => {
                if status == 401 {
                    line.wallet.forget(&self.call.auth);
                }
                Try::End(self.answer(status, headers, body))
            }
        }
    }

    fn on_error(&mut self, error: &TransportError) -> Try {
        let line = self.line;
        add(&line.tally.failed, 1);
        let why = line.scrubber.scrub(&error.why).into_owned();
        let failed = CallError::Transport {
            url: without_query(self.url),
            why: why.clone(),
        };
        let end = if error.before_sending {
            self.not_sent(failed)
        } else {
            if verdict::writes(&self.call.method) {
                self.open = Some(why);
            }
            Outcome::Lost(failed)
        };
        if error.lasting {
            return Try::End(end);
        }
        Try::Failed(Setback {
            end,
            pause: line.pace.after_failure(self.failures + 1),
        })
    }

    /// The end of a call whose last try did nothing. An earlier one may have.
    fn not_sent(&self, error: CallError) -> Outcome {
        match &self.open {
            None => Outcome::NotSent(error),
            Some(open) => Outcome::Lost(CallError::Transport {
                url: without_query(self.url),
                why: format!("{open}; a repetition did not help: {error}"),
            }),
        }
    }

    /// The end of a call with an answer. One that was given at the door says nothing about what an
    /// earlier try did behind it.
    fn answer(&self, status: u16, headers: Vec<(String, String)>, body: Bytes) -> Outcome {
        if let Some(open) = &self.open
            && verdict::at_the_door(status)
        {
            return Outcome::Lost(CallError::Transport {
                url: without_query(self.url),
                why: format!("{open}; a repetition was answered with status {status}"),
            });
        }
        let scrubber = &self.line.scrubber;
        let cleaned = |value: String| match scrubber.scrub_answer(value.as_bytes()) {
            Some(clean) => String::from_utf8_lossy(&clean).into_owned(),
            None => value,
        };
        let headers = headers
            .into_iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), cleaned(value)))
            .collect();
        let body = match self.may_echo(status, &body) {
            true => scrubber.scrub_answer(&body).map_or(body, Bytes::from),
            false => body,
        };
        Outcome::Answer(Answer {
            status,
            headers,
            body,
            tries: self.tries,
        })
    }

    /// Whether secrets are to be looked for in a body before a connector is given it. Error pages do
    /// echo what they were sent. Documents are left as they are, byte for byte, unless they hold the
    /// very credential of the call: a short user name may well stand in them for another reason.
    fn may_echo(&self, status: u16, body: &[u8]) -> bool {
        let first = body.iter().find(|it| !it.is_ascii_whitespace());
        let document = (200..300).contains(&status) && matches!(first, Some(b'{' | b'['));
        !document
            || self
                .tells
                .iter()
                .any(|it| memchr::memmem::find(body, it.reveal().as_bytes()).is_some())
    }

    fn parked(&self, until: i64) -> CallError {
        CallError::Parked {
            budget: format!(
                "the time for a call of connection `{}`",
                self.line.connection
            ),
            until: jiff::Timestamp::from_millisecond(until).unwrap_or(jiff::Timestamp::MAX),
        }
    }

    fn parts(&self, applied: Applied) -> Parts {
        let line = self.line;
        let mut headers = self.call.headers.clone();
        let secret = applied.headers.into_iter();
        headers.extend(secret.map(|(name, value)| (name, value.reveal().to_owned())));
        if !self.call.auth.is_empty()
            && let PinHeader::Set { name, account } = &line.pin
        {
            headers.push((name.clone(), account.clone()));
        }
        if let Repeat::Keyed { header, key, .. } = &self.call.repeat {
            headers.push((header.clone(), key.clone()));
        }
        Parts {
            url: self.url.clone(),
            headers,
            timeout: line.timeout(self.call),
            max_answer: match self.call.max_answer {
                0 => MAX_ANSWER,
                limit => limit.min(MAX_ANSWER),
            },
        }
    }

    fn report(&self, began: jiff::Timestamp, exchanged: &Result<RawAnswer, TransportError>) {
        let line = self.line;
        let writes = verdict::writes(&self.call.method);
        add(
            if writes {
                &line.tally.writing
            } else {
                &line.tally.reading
            },
            1,
        );
        add(&line.tally.bytes_out, self.call.body.len());
        let (status, bytes_in, note) = match exchanged {
            Ok(answer) => {
                add(&line.tally.bytes_in, answer.body.len());
                let id = vendors_id(&answer.headers).unwrap_or_default();
                (answer.status, answer.body.len() as u64, id)
            }
            Err(error) => (0, 0, error.why.as_str()),
        };
        let took = Duration::try_from(line.clock.now().duration_since(began)).unwrap_or_default();
        tracing::debug!(
            method = self.call.method,
            url = %without_query(self.url),
            status,
            attempt = self.tries,
            took_ms = took.as_millis(),
            "call made"
        );
        let Some(sink) = line.sink.get() else { return };
        sink.done(CallNote {
            connection: line.connection.clone(),
            at: began,
            took,
            method: self.call.method.clone(),
            url: line.scrubber.scrub(self.url.as_str()).into_owned(),
            writes,
            attempt: self.tries,
            status,
            bytes_in,
            note: line.scrubber.scrub(note).into_owned(),
        });
    }
}
