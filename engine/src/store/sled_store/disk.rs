//! The one thread that writes to sled.
//!
//! sled frees what was replaced once every thread has moved on, and each thread that ever wrote keeps
//! the last 64 such pieces until it writes again, whole buffers of the log of 4 MB among them; the
//! allocator, too, keeps what is free by thread. Verbs run on whatever thread their task is on. When
//! each wrote for itself, 16 threads came to 150 MB with rows for which one thread takes 68.
//!
//! Whoever waits for the disk at the same time shares one flush.

use std::{
    any::Any,
    fs::File,
    io,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Arc, mpsc},
    thread::JoinHandle,
};

use sled::{Batch, Db, Error};

/// What a write came to. A panic is carried to whoever asked: only there is known what it means.
type Written = Result<(), Trouble>;

#[derive(Debug, Clone)]
enum Trouble {
    Failed(Error),
    Panicked(String),
}

enum Job {
    Apply(Batch, mpsc::SyncSender<Written>),
    Flush(mpsc::SyncSender<Written>),
}

/// Where everything is written. Dropping it waits until the thread has let go of the database.
#[derive(Debug)]
pub(super) struct Disk {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Disk {
    /// Starts the thread. `file` is sled's own, to be synced after sled's flush; a store in memory has
    /// none.
    pub(super) fn start(tree: Db, file: Option<Arc<File>>) -> io::Result<Self> {
        let (jobs, queue) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || serve(&tree, file.as_deref(), &queue))?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    /// Applies a batch; not durable yet.
    pub(super) fn apply(&self, batch: Batch) -> sled::Result<()> {
        self.ask(|done| Job::Apply(batch, done))
    }

    /// Waits until everything applied so far is durable.
    pub(super) fn flush(&self) -> sled::Result<()> {
        self.ask(Job::Flush)
    }

    fn ask(&self, job: impl FnOnce(mpsc::SyncSender<Written>) -> Job) -> sled::Result<()> {
        let (done, written) = mpsc::sync_channel(1);
        let sent = self.jobs.as_ref().map(|it| it.send(job(done)));
        match (sent, written.recv()) {
            (Some(Ok(())), Ok(Ok(()))) => Ok(()),
            (_, Ok(Err(Trouble::Failed(err)))) => Err(err),
            (_, Ok(Err(Trouble::Panicked(what)))) => resume_unwind(Box::new(what)),
            _ => Err(Error::Io(io::Error::other("its writing thread is gone"))),
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // It ends by itself, and what went wrong in it was told to whoever asked.
            let _ = thread.join();
        }
    }
}

fn serve(tree: &Db, file: Option<&File>, queue: &mpsc::Receiver<Job>) {
    while let Ok(first) = queue.recv() {
        let mut next = Some(first);
        let mut waiting = Vec::new();
        while let Some(job) = next {
            match job {
                Job::Apply(batch, done) => tell(&done, caught(|| tree.apply_batch(batch))),
                Job::Flush(done) => waiting.push(done),
            }
            next = queue.try_recv().ok();
        }
        if waiting.is_empty() {
            continue;
        }
        let written = caught(|| {
            tree.flush()?;
            file.map_or(Ok(()), File::sync_data).map_err(Error::Io)
        });
        for done in waiting {
            tell(&done, written.clone());
        }
    }
}

fn tell(done: &mpsc::SyncSender<Written>, written: Written) {
    // Who asked waits for it, or is gone with its thread.
    let _ = done.send(written);
}

fn caught(write: impl FnOnce() -> sled::Result<()>) -> Written {
    match catch_unwind(AssertUnwindSafe(write)) {
        Ok(it) => it.map_err(Trouble::Failed),
        Err(panic) => Err(Trouble::Panicked(said(panic.as_ref()))),
    }
}

/// What a panic said.
pub(super) fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("no reason given").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk() -> (Db, Disk) {
        let tree = sled::Config::new().temporary(true).open().unwrap();
        let disk = Disk::start(tree.clone(), None).unwrap();
        (tree, disk)
    }

    #[test]
    fn what_many_threads_apply_is_there_when_their_flush_is_done() {
        let (tree, disk) = disk();
        std::thread::scope(|scope| {
            for thread in 0_u8..8 {
                let (tree, disk) = (&tree, &disk);
                scope.spawn(move || {
                    for number in 0_u8..50 {
                        let mut batch = Batch::default();
                        batch.insert(&[thread, number], &[number]);
                        disk.apply(batch).unwrap();
                        assert!(tree.contains_key([thread, number]).unwrap());
                        disk.flush().unwrap();
                    }
                });
            }
        });
        assert_eq!(tree.len(), 400);
    }

    #[test]
    fn a_panic_is_carried_in_its_words() {
        let carried = caught(|| panic!("assertion failed: {}", 1 + 1));
        assert!(
            matches!(&carried, Err(Trouble::Panicked(it)) if it == "assertion failed: 2"),
            "{carried:?}"
        );
    }
}
