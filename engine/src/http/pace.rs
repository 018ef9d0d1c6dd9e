//! How long to wait before the next try.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::{Timestamp, fmt::rfc2822::DateTimeParser};

/// Longest pause that we choose ourselves.
const LONGEST: Duration = Duration::from_secs(60);

/// Chooses pauses, with jitter from a seeded generator so that a test can repeat them.
#[derive(Debug, Clone)]
pub(super) struct Pace {
    random: Arc<Mutex<fastrand::Rng>>,
}

impl Pace {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: Arc::new(Mutex::new(fastrand::Rng::with_seed(seed))),
        }
    }

    /// Pause before the try after the `n`-th failure in a row: 1, 2, 4 … 60 seconds, of which a
    /// random part of up to a half is left out.
    pub(super) fn after_failure(&self, n: u32) -> Duration {
        let doubled = Duration::from_secs(1 << n.saturating_sub(1).min(6));
        let full = u64::try_from(doubled.min(LONGEST).as_millis()).unwrap_or(u64::MAX);
        self.between(full / 2, full)
    }

    /// Pause after "too many at once": about a second.
    pub(super) fn after_crowd(&self) -> Duration {
        self.between(750, 1_500)
    }

    fn between(&self, low: u64, high: u64) -> Duration {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        Duration::from_millis(random.u64(low..=high))
    }
}

/// `Retry-After`: seconds, with or without the word (`60 Seconds`), or an HTTP date. Nothing when it
/// is absent, unreadable or not ahead.
pub(super) fn retry_after(headers: &[(String, String)], now: Timestamp) -> Option<Duration> {
    let (_, value) = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("retry-after"))?;
    let value = value.trim();
    let word = value.trim_start_matches(|it: char| it.is_ascii_digit());
    let number = &value[..value.len() - word.len()];
    let seconds = match word.trim_start().bytes().next() {
        None | Some(b's' | b'S') => number.parse::<u64>().ok(),
        Some(_) => None,
    };
    let wait = match seconds.ok_or(()) {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let at = DateTimeParser::new().parse_timestamp(value).ok()?;
            Duration::try_from(at.duration_since(now)).ok()?
        }
    };
    (!wait.is_zero()).then_some(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_minute_and_vary() {
        let cases = [
            (1, 1),
            (2, 2),
            (3, 4),
            (6, 32),
            (7, 60),
            (8, 60),
            (u32::MAX, 60),
        ];
        for (n, seconds) in cases {
            let pace = Pace::new(1);
            let pauses: Vec<_> = (0..50).map(|_| pace.after_failure(n)).collect();
            let full = Duration::from_secs(seconds);
            assert!(
                pauses.iter().all(|it| (full / 2..=full).contains(it)),
                "{n}: {pauses:?}"
            );
            assert!(pauses.iter().any(|it| *it != pauses[0]), "{n}: no jitter");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_pauses() {
        let pauses = |seed| {
            let pace = Pace::new(seed);
            (1..9).map(|n| pace.after_failure(n)).collect::<Vec<_>>()
        };
        assert_eq!(pauses(7), pauses(7));
        assert_ne!(pauses(7), pauses(8));
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let now: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let s = Duration::from_secs;
        let cases = [
            ("27", Some(s(27))),
            (" 73451 ", Some(s(73_451))),
            ("0", None),
            ("-5", None),
            ("soon", None),
            ("60 Seconds", Some(s(60))),
            ("15s", Some(s(15))),
            ("2 minutes", None),
            ("s", None),
            ("Sun, 22 Nov 2026 10:01:30 GMT", Some(s(90))),
            ("Sun, 22 Nov 2026 09:59:00 GMT", None),
            ("99999999999999999999999", None),
        ];
        for (value, expected) in cases {
            let headers = vec![("retry-after".to_owned(), value.to_owned())];
            assert_eq!(retry_after(&headers, now), expected, "{value}");
        }
        assert_eq!(retry_after(&[], now), None);
    }
}
