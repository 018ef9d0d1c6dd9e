//! Work that waits for the disk or the keyring, off the async threads.
//!
//! Every connection reads its credentials before its first call and writes its counters now and then.
//! With thousands of connections that comes in crowds, and a thread for each would cost more than
//! everything else that they hold: so a few threads serve all, in turn.

use std::sync::Arc;

use tokio::{sync::Semaphore, task::JoinError};

/// Pieces of work at once.
const AT_ONCE: usize = 4;

/// Where such work is done. Clones share its threads.
#[derive(Debug, Clone)]
pub(super) struct Aside(Arc<Semaphore>);

impl Default for Aside {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Aside {
    /// Does the work when its turn has come.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        let turn = Arc::clone(&self.0).acquire_owned().await;
        tokio::task::spawn_blocking(move || {
            // Kept until the work is done, even when nobody waits for it any more.
            let _turn = turn;
            work()
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_crowd_takes_turns_on_a_few_threads() {
        let aside = Aside::default();
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let all = (0..100).map(|_| {
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            aside.run(move || {
                let at_once = now.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(at_once, Ordering::SeqCst);
                std::thread::yield_now();
                now.fetch_sub(1, Ordering::SeqCst);
            })
        });
        let done = futures_util::future::join_all(all).await;
        assert!(done.iter().all(Result::is_ok));
        assert!((1..=AT_ONCE).contains(&most.load(Ordering::SeqCst)));
    }
}
