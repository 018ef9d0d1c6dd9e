//! Calling the store from async code.
//!
//! A verb may wait for the disk. On a runtime with several threads the verb runs in place while the
//! runtime moves its other tasks to another thread. A runtime with one thread has nowhere to move
//! them, so there the verb just runs: that is what tests use, whose stores live in memory.

use tokio::runtime::{Handle, RuntimeFlavor};

use super::{SharedStore, Store};

/// Runs store verbs from a task without holding up the other tasks of the runtime.
///
/// What `work` began is finished even when the caller's future is dropped, because it does not
/// yield. Not for use inside a [`tokio::task::LocalSet`] on a runtime with several threads.
pub async fn run<T>(store: &SharedStore, work: impl FnOnce(&dyn Store) -> T) -> T {
    if on_several_threads() {
        tokio::task::block_in_place(|| work(store.as_ref()))
    } else {
        work(store.as_ref())
    }
}

/// As [`run`], for work that takes long and only reads: the caller's other futures go on meanwhile. It
/// goes on to its end when the caller's future is dropped.
pub async fn long<T: Send + 'static>(
    store: &SharedStore,
    work: impl FnOnce(&dyn Store) -> T + Send + 'static,
) -> T {
    if !on_several_threads() {
        return work(store.as_ref());
    }
    let store = store.clone();
    match tokio::task::spawn_blocking(move || work(store.as_ref())).await {
        Ok(it) => it,
        Err(why) => std::panic::resume_unwind(why.into_panic()),
    }
}

fn on_several_threads() -> bool {
    Handle::try_current().is_ok_and(|it| matches!(it.runtime_flavor(), RuntimeFlavor::MultiThread))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::store::SledStore;

    async fn note_through(store: SharedStore) -> Option<String> {
        run(&store, |it| it.set_note("a", Some("1"))).await.unwrap();
        long(&store, |it| it.note("a")).await.unwrap()
    }

    #[test]
    fn works_on_both_kinds_of_runtime() {
        let one = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let many = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        for (name, runtime) in [("one", one), ("many", many)] {
            let store: SharedStore = Arc::new(SledStore::temporary().unwrap());
            let there =
                runtime.block_on(async { tokio::spawn(note_through(store)).await.unwrap() });
            assert_eq!(there.as_deref(), Some("1"), "{name}");
        }
    }
}
