//! Omni's call limits: three a second, sixty a minute, five thousand a day for each connection.
//!
//! Nobody has published how the windows run. Rolling ones are the strictest reading, so a client
//! that keeps to them keeps to any.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::behaviour::Limits;

/// The instants of recent calls, in milliseconds.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Recent(VecDeque<i64>);

impl Recent {
    /// Counts a call, or says how many seconds to wait.
    pub(crate) fn admit(&mut self, limits: &Limits, now: Timestamp) -> Result<(), i64> {
        if !limits.on {
            return Ok(());
        }
        let now = now.as_millisecond();
        let day_ago = now.saturating_sub(86_400_000);
        while self.0.front().is_some_and(|at| *at <= day_ago) {
            self.0.pop_front();
        }
        for (limit, span) in [
            (limits.day, 86_400_000_i64),
            (limits.minute, 60_000),
            (limits.second, 1000),
        ] {
            let since = now.saturating_sub(span);
            let used = self.0.iter().rev().take_while(|at| **at > since).count();
            if used >= limit {
                let oldest = used.checked_sub(limit).and_then(|it| {
                    self.0
                        .iter()
                        .rev()
                        .nth(used.saturating_sub(1).saturating_sub(it))
                });
                let free = oldest.map_or(now, |at| at.saturating_add(span));
                let wait = free.saturating_sub(now);
                return Err(wait.saturating_add(999).div_euclid(1000).max(1));
            }
        }
        self.0.push_back(now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_window_fills_and_empties() {
        let start: Timestamp = "2026-11-22T02:00:00Z".parse().unwrap();
        let at = |ms: i64| Timestamp::from_millisecond(start.as_millisecond() + ms).unwrap();
        let limits = Limits {
            on: true,
            second: 3,
            minute: 5,
            day: 7,
        };
        let mut recent = Recent::default();
        let cases = [
            (0, Ok(())),
            (10, Ok(())),
            (20, Ok(())),
            (30, Err(1)),
            (999, Err(1)),
            (1000, Ok(())),
            (2000, Ok(())),
            (3000, Err(57)),
            (60_000, Ok(())),
            (60_500, Ok(())),
            (61_500, Err(86_339)),
        ];
        for (ms, expected) in cases {
            assert_eq!(recent.admit(&limits, at(ms)), expected, "at {ms} ms");
        }
    }
}
