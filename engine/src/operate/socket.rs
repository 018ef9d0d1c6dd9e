//! The local socket of a running engine: one line of JSON asks, lines of progress and one answer
//! come back. Its file is for the owner alone, so whoever can open it is the owner.

use std::{
    io,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    sync::mpsc,
};

use crate::{
    operate::{Answer, Signed, handle},
    pipeline::{Engine, Progress, Step},
};

/// Longest request. Imports of links are the largest.
const LONGEST_REQUEST: u64 = 16 * 1024 * 1024;

/// One line from the engine.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Line {
    Step(Step),
    Answer(Box<Answer>),
}

/// The open socket of a running engine. Dropping it takes the file away.
#[derive(Debug)]
pub struct Door {
    path: PathBuf,
    listener: UnixListener,
}

impl Door {
    /// Opens the socket. The caller owns the store, so a file that is already there was left behind
    /// by an engine that died.
    ///
    /// # Errors
    ///
    /// What the system says, with the path.
    pub fn open(path: &Path) -> io::Result<Self> {
        let told = |why: io::Error| {
            io::Error::new(why.kind(), format!("the socket {}: {why}", path.display()))
        };
        // Between bind and chmod it is what the umask makes of it. So it is bound in a folder that
        // nobody else can enter, and takes the place of what a dead engine left when it is closed.
        let folder = path.parent().unwrap_or(Path::new("."));
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(told)?;
        let hidden = tempfile::Builder::new()
            .prefix(".")
            .tempdir_in(folder)
            .map_err(told)?;
        let bound = hidden.path().join("s");
        let listener = UnixListener::bind(&bound).map_err(told)?;
        std::fs::set_permissions(&bound, std::fs::Permissions::from_mode(0o600)).map_err(told)?;
        std::fs::rename(&bound, path).map_err(told)?;
        Ok(Self {
            path: path.to_owned(),
            listener,
        })
    }

    /// Answers requests until the engine stops.
    pub async fn serve(self, engine: Arc<Engine>) {
        let mut open = tokio::task::JoinSet::new();
        loop {
            tokio::select! {
                () = engine.cancel.cancelled() => break,
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        let engine = engine.clone();
                        open.spawn(async move {
                            if let Err(why) = one(stream, &engine).await {
                                tracing::debug!(error = %why, "a command went away");
                            }
                        });
                    }
                    Err(why) => tracing::warn!(error = %why, "the socket refused a command"),
                },
                Some(_) = open.join_next(), if !open.is_empty() => {}
            }
        }
        while open.join_next().await.is_some() {}
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        // The next engine removes it if this fails.
        let _ = std::fs::remove_file(&self.path);
    }
}

struct Told(mpsc::UnboundedSender<Step>);

impl Progress for Told {
    fn step(&self, step: Step) {
        // The command may have gone away; the work goes on.
        let _ = self.0.send(step);
    }
}

async fn one(stream: UnixStream, engine: &Engine) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    BufReader::new(read.take(LONGEST_REQUEST))
        .read_line(&mut line)
        .await?;
    let answer = match serde_json::from_str::<Signed>(&line) {
        Err(why) => Answer::Refused {
            message: format!(
                "the request was not understood ({why}); use commands and engine of one version"
            ),
        },
        Ok(signed) => {
            let (tell, mut told) = mpsc::unbounded_channel();
            let progress = Told(tell);
            let work = handle(engine, signed, &progress);
            tokio::pin!(work);
            loop {
                tokio::select! {
                    answer = &mut work => break answer,
                    Some(step) = told.recv() => send(&mut write, &Line::Step(step)).await?,
                }
            }
        }
    };
    send(&mut write, &Line::Answer(Box::new(answer))).await
}

async fn send(write: &mut (impl AsyncWriteExt + Unpin), line: &Line) -> io::Result<()> {
    let mut text = serde_json::to_vec(line).map_err(io::Error::other)?;
    text.push(b'\n');
    write.write_all(&text).await
}

/// Asks a running engine.
///
/// # Errors
///
/// The engine cannot be reached, or went away before it answered.
pub async fn ask(path: &Path, signed: &Signed, progress: &dyn Progress) -> io::Result<Answer> {
    let stream = UnixStream::connect(path).await.map_err(|why| {
        io::Error::new(
            why.kind(),
            format!("the engine's socket {}: {why}", path.display()),
        )
    })?;
    let (read, mut write) = stream.into_split();
    let mut text = serde_json::to_vec(signed).map_err(io::Error::other)?;
    text.push(b'\n');
    write.write_all(&text).await?;
    let mut lines = BufReader::new(read).lines();
    while let Some(line) = lines.next_line().await? {
        match serde_json::from_str(&line).map_err(io::Error::other)? {
            Line::Step(step) => progress.step(step),
            Line::Answer(answer) => return Ok(*answer),
        }
    }
    Err(io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "the engine ended before it answered; look at its log",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// It was bound under its own name and closed to others afterwards.
    #[tokio::test]
    async fn the_socket_is_its_owners_alone_and_takes_the_place_of_a_dead_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/ledgerline.sock");
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        for _ in 0..2 {
            let door = Door::open(&path).unwrap();
            assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
            let beside = std::fs::read_dir(path.parent().unwrap()).unwrap().count();
            assert_eq!(beside, 1, "a folder is left beside the socket");
            UnixStream::connect(&path).await.unwrap();
            // As an engine that is killed leaves it.
            std::mem::forget(door);
        }
    }
}
