//! A line that moves while a run goes on, when a terminal is there to see it.

use std::{sync::Mutex, time::Duration};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::pipeline::{Progress, Step};

/// Shows the steps of a run on standard error.
pub(super) struct Bars {
    bar: ProgressBar,
    counts: Mutex<(u64, u64)>,
}

impl Bars {
    /// Hidden without a terminal.
    pub(super) fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Self {
            bar,
            counts: Mutex::default(),
        }
    }
}

impl Progress for Bars {
    fn step(&self, step: Step) {
        let mut counts = self
            .counts
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        match step {
            Step::Pulled { documents, .. } => counts.0 += documents,
            Step::Settled { .. } => counts.1 += 1,
            Step::Sending { .. } => {}
            Step::WaitingToAsk { until_ms } => {
                let until = super::out::instant(until_ms);
                self.bar
                    .set_message(format!("an answer was lost; waiting until {until} to ask"));
                return;
            }
            Step::Done => {
                self.bar.finish_and_clear();
                return;
            }
        }
        self.bar
            .set_message(format!("{} read, {} settled", counts.0, counts.1));
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
