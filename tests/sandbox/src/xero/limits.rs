//! Xero's call limits: fixed windows per organisation and app, and calls at once.
//!
//! Windows are fixed, not sliding, and the day of each organisation starts at a moment of its own.
//! A refused call counts like any other.

use std::sync::atomic::Ordering;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::organisation::Organisation;
use crate::exchange::{Reply, Slot};

/// A count that starts anew with each window.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Window {
    index: i64,
    used: u32,
}

impl Window {
    fn count(&mut self, index: i64) -> u32 {
        if self.index != index {
            *self = Self { index, used: 0 };
        }
        self.used = self.used.saturating_add(1);
        self.used
    }
}

/// The windows of one organisation.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Windows {
    minute: Window,
    day: Window,
}

const DAY: i64 = 86_400;

/// What a call met at the gate.
pub(crate) enum Gate {
    /// It may pass; the headers go onto its answer.
    Open {
        headers: Vec<(String, String)>,
        slot: Option<Slot>,
    },
    /// It was refused.
    Shut(Reply),
}

/// Counts a call against organisation and app.
pub(crate) fn admit(
    organisation: &mut Organisation,
    app_minute: &mut Window,
    now: Timestamp,
) -> Gate {
    let limits = organisation.limits;
    if !limits.on {
        return Gate::Open {
            headers: Vec::new(),
            slot: None,
        };
    }
    let second = now.as_second();
    let shifted = second.saturating_add(day_shift(organisation.tenant_id));
    let minute = organisation.windows.minute.count(second.div_euclid(60));
    let day = organisation.windows.day.count(shifted.div_euclid(DAY));
    let app = app_minute.count(second.div_euclid(60));
    let headers = vec![
        (
            "X-MinLimit-Remaining".to_owned(),
            limits.minute.saturating_sub(minute).to_string(),
        ),
        (
            "X-DayLimit-Remaining".to_owned(),
            limits.day.saturating_sub(day).to_string(),
        ),
        (
            "X-AppMinLimit-Remaining".to_owned(),
            limits.app_minute.saturating_sub(app).to_string(),
        ),
    ];
    let to_minute = 60_i64.saturating_sub(second.rem_euclid(60));
    let to_day = DAY.saturating_sub(shifted.rem_euclid(DAY));
    let problem = if day > limits.day {
        Some(("day", Some(to_day)))
    } else if minute > limits.minute {
        Some(("minute", Some(to_minute)))
    } else if app > limits.app_minute {
        Some(("appminute", Some(to_minute)))
    } else if organisation.under_way.load(Ordering::SeqCst) >= limits.concurrent {
        Some(("concurrent", None))
    } else {
        None
    };
    match problem {
        None => Gate::Open {
            headers,
            slot: Some(Slot::take(&organisation.under_way)),
        },
        Some((problem, wait)) => {
            let mut reply = refused(problem, wait);
            reply.headers.extend(headers);
            Gate::Shut(reply)
        }
    }
}

/// The answer to a call over a limit.
pub(crate) fn refused(problem: &str, wait: Option<i64>) -> Reply {
    let mut reply = Reply::text(429, "The rate limit has been exceeded")
        .header("X-Rate-Limit-Problem", problem);
    if let Some(wait) = wait {
        reply = reply.header("Retry-After", wait.to_string());
    }
    reply
}

fn day_shift(tenant: Uuid) -> i64 {
    i64::try_from(tenant.as_u128() % 86_400).unwrap_or(0)
}
