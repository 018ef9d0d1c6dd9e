//! Whether somebody started threads.
//!
//! A new thread has the name of the one that started it until it takes another. So the watching thread
//! takes a name that nobody else has, and counts those who have it, too. That tells its own children
//! from those of other tests, which run beside it in the same process. Threads that take a name of
//! their own, and those that ended already, are not seen.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Watches the threads that this one starts; it takes its old name back when dropped. On systems
/// without Linux' `/proc` nothing is seen.
pub(super) struct Threads {
    /// Where this thread's name stands, and what it was.
    own: Option<(PathBuf, String)>,
    name: String,
}

impl Threads {
    pub(super) fn watch() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        // At most 15 bytes are kept.
        let name = format!("conform-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let own = fs::read_link("/proc/thread-self").ok().and_then(|task| {
            let path = Path::new("/proc").join(task).join("comm");
            let old = fs::read_to_string(&path).ok()?;
            fs::write(&path, &name).ok()?;
            Some((path, old.trim_end().to_owned()))
        });
        Self { own, name }
    }

    /// How many there are now.
    pub(super) fn left_behind(&self) -> usize {
        let Some((own, _)) = &self.own else { return 0 };
        let tasks = own.ancestors().nth(2).and_then(|it| fs::read_dir(it).ok());
        let names = tasks
            .into_iter()
            .flatten()
            .flatten()
            .map(|it| it.path().join("comm"))
            .filter(|it| it != own)
            .filter_map(|it| fs::read_to_string(it).ok());
        names.filter(|it| it.trim_end() == self.name).count()
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some((path, old)) = &self.own {
            // The name is for people alone.
            let _ = fs::write(path, old);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn threads_of_this_one_are_seen_while_they_run() {
        let threads = Threads::watch();
        assert_eq!(threads.left_behind(), 0);
        let (end, wait) = mpsc::channel::<()>();
        let (begin, begun) = mpsc::channel();
        let child = std::thread::spawn(move || {
            begin.send(()).unwrap();
            wait.recv()
        });
        begun.recv().unwrap();
        assert_eq!(threads.left_behind(), 1);
        drop(end);
        assert!(child.join().unwrap().is_err());
        assert_eq!(threads.left_behind(), 0);
    }
}
