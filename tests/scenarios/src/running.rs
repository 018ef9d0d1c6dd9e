//! `ledgerline run` as a process of its own: the engine that owns the store while other commands reach
//! it through its socket.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command},
};

use crate::processes::{Ended, Programs, finish};

/// A running engine; ends with whoever started it.
pub struct Running {
    child: Option<Child>,
}

impl Running {
    /// Starts it and waits until other commands reach it.
    pub fn start(programs: &Programs) -> Self {
        let mut child = programs.engine(["run"]).spawn().expect("the engine starts");
        let mut lines = BufReader::new(child.stderr.take().expect("its messages")).lines();
        let ready = lines.by_ref().find_map(|line| {
            let line = line.ok()?;
            line.contains("other commands reach this engine through")
                .then_some(line)
        });
        assert!(ready.is_some(), "it did not open its socket");
        // Its further messages must not fill the pipe.
        std::thread::spawn(move || lines.count());
        Self { child: Some(child) }
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// Sends it a signal, such as `-TERM`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .arg(name)
            .arg(self.id().to_string())
            .status();
        assert!(sent.expect("kill is there").success());
    }

    /// Waits for its end.
    pub fn end(mut self) -> Ended {
        finish(self.child.take().expect("it runs"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
