//! Whose turn it is: one call at a time stands at the head of a budget's line.
//!
//! Of those that wait, the connection that has had the fewest calls in this window comes first, and among
//! equals whoever came first.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::{line::Budget, shares::Who, state::State};

/// The line before one budget.
#[derive(Debug, Default)]
pub(super) struct Turns {
    taken: bool,
    came: u64,
    waiting: Vec<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    number: u64,
    who: Who,
    call: oneshot::Sender<()>,
}

impl Turns {
    fn stand(&mut self, who: Who) -> (u64, oneshot::Receiver<()>) {
        let (call, called) = oneshot::channel();
        self.came += 1;
        let number = self.came;
        self.waiting.push(Waiting { number, who, call });
        (number, called)
    }

    fn leave(&mut self, number: u64) {
        self.waiting.retain(|it| it.number != number);
    }

    pub(super) fn give_back(&mut self) {
        self.taken = false;
    }

    /// Calls whoever is first, if nobody has the turn.
    pub(super) fn call_next(&mut self, state: &mut State, now: i64) {
        if self.taken {
            return;
        }
        let first = (0..self.waiting.len()).min_by_key(|at| {
            let it = self.waiting.get(*at);
            it.map(|it| (state.calls_of(it.who, now), it.number))
        });
        let Some(first) = first else { return };
        // Nobody behind it has had fewer, so nobody behind it may go either.
        let may_go = self.waiting.get(first);
        if may_go.is_some_and(|it| state.may_go(it.who, now)) {
            let it = self.waiting.swap_remove(first);
            // One that gives up its place is not here any more.
            self.taken = it.call.send(()).is_ok();
        }
    }
}

/// A place in the line. Dropping it gives it up.
pub(super) struct Place {
    budget: Arc<Budget>,
    who: Who,
    number: u64,
    called: oneshot::Receiver<()>,
    kept: bool,
}

/// The head of the line. Dropping it calls the next one.
pub(super) struct Turn {
    budget: Arc<Budget>,
    who: Who,
}

impl Place {
    /// At the end of the line.
    pub(super) fn at_the_end(budget: &Arc<Budget>, who: Who) -> Self {
        let (number, called) = budget.turns().stand(who);
        Self {
            budget: Arc::clone(budget),
            who,
            number,
            called,
            kept: true,
        }
    }

    /// Ends when it is this one's turn.
    pub(super) async fn called(&mut self) {
        if (&mut self.called).await.is_err() {
            // The budget holds the other end for as long as this place exists.
            std::future::pending::<()>().await;
        }
    }

    /// The turn that it was called to.
    pub(super) fn turn(mut self) -> Turn {
        self.kept = false;
        Turn {
            budget: Arc::clone(&self.budget),
            who: self.who,
        }
    }
}

impl Turn {
    pub(super) fn who(&self) -> Who {
        self.who
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.kept {
            return;
        }
        let called = {
            let mut turns = self.budget.turns();
            turns.leave(self.number);
            // Called at the very moment at which it gave up.
            self.called.try_recv().is_ok()
        };
        match called {
            true => self.budget.next(self.who),
            false => self.budget.left_line(self.who),
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.budget.next(self.who);
    }
}
