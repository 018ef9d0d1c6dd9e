//! A world behind a listener.
//!
//! Every connection is a task. A reply that is not to arrive ends its connection, so a caller sees
//! what it would see of a broken line.

use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use crate::exchange::{Delivery, Reply, Request};
use crate::world::World;

/// Far above what any vendor takes, so that the vendor's own limit answers.
const MOST_BYTES: usize = 64 << 20;

/// Writes a world's holdings to a file whenever they changed.
#[derive(Debug, Clone)]
pub struct Saver(Arc<SaverInner>);

#[derive(Debug)]
struct SaverInner {
    world: World,
    path: PathBuf,
    saved: Mutex<Option<u64>>,
}

impl Saver {
    /// Saves `world` to `path`.
    pub fn new(world: World, path: &Path) -> Self {
        Self(Arc::new(SaverInner {
            world,
            path: path.to_owned(),
            saved: Mutex::new(None),
        }))
    }

    /// Saves if anything changed since the last time. The file is replaced as a whole.
    pub fn save(&self) -> io::Result<()> {
        let mut saved = self.0.saved.lock().unwrap_or_else(PoisonError::into_inner);
        let revision = self.0.world.revision();
        if *saved == Some(revision) {
            return Ok(());
        }
        let text = self.0.world.save().map_err(io::Error::other)?;
        let fresh = self.0.path.with_extension("new");
        std::fs::write(&fresh, text)?;
        std::fs::rename(&fresh, &self.0.path)?;
        *saved = Some(revision);
        Ok(())
    }
}

/// Serves a world until the future is dropped.
pub async fn serve(world: World, listener: TcpListener) -> io::Result<()> {
    accept(world, listener, None).await
}

/// Serves a world until the future is dropped. Each change is on disk before its answer leaves.
pub async fn serve_saving(world: World, listener: TcpListener, saver: Saver) -> io::Result<()> {
    accept(world, listener, Some(saver)).await
}

async fn accept(world: World, listener: TcpListener, saver: Option<Saver>) -> io::Result<()> {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted?;
                connections.spawn(connection(world.clone(), stream, saver.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(world: World, stream: TcpStream, saver: Option<Saver>) {
    // Small answers must not wait for the next packet.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| answer(world.clone(), request, saver.clone()));
    // An error here is a caller that went away, or a fault that the script asked for.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(
    world: World,
    request: hyper::Request<Incoming>,
    saver: Option<Saver>,
) -> Result<hyper::Response<Answer>, io::Error> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, MOST_BYTES)
        .collect()
        .await
        .map_err(io::Error::other)?;
    let request = Request {
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head
            .headers
            .iter()
            .map(|(name, value)| {
                (
                    name.as_str().to_owned(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            })
            .collect(),
        body: body.to_bytes(),
    };
    let reply = world.handle(&request);
    if request.writes()
        && let Some(saver) = saver
    {
        saver.save()?;
    }
    if !reply.delay.is_zero() {
        tokio::time::sleep(reply.delay).await;
    }
    response(reply)
}

fn response(reply: Reply) -> Result<hyper::Response<Answer>, io::Error> {
    let cut = match reply.delivery {
        Delivery::Whole => None,
        Delivery::Truncated(at) => Some(at),
        Delivery::Reset | Delivery::Lost => {
            return Err(io::Error::new(
                io::ErrorKind::ConnectionReset,
                "the script says so",
            ));
        }
    };
    let mut response = hyper::Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        response = response.header(name, value);
    }
    let claimed = reply.body.len();
    let left = match cut {
        Some(at) => reply.body.slice(..at.min(claimed)),
        None => reply.body,
    };
    let body = Answer {
        left: Some(left),
        cut: if cut.is_some() {
            Cut::AfterFlush
        } else {
            Cut::Never
        },
        claimed: claimed as u64,
    };
    response.body(body).map_err(io::Error::other)
}

/// A body that may end before it said it would.
struct Answer {
    left: Option<Bytes>,
    cut: Cut,
    claimed: u64,
}

#[derive(PartialEq)]
enum Cut {
    Never,
    /// The server throws away what it has not flushed when a body fails, so the failure waits
    /// for one more turn.
    AfterFlush,
    Now,
}

impl Body for Answer {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(data) = self.left.take().filter(|it| !it.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        match self.cut {
            Cut::Never => Poll::Ready(None),
            Cut::AfterFlush => {
                self.cut = Cut::Now;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Cut::Now => Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into()))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.cut == Cut::Never && self.left.as_ref().is_none_or(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.claimed)
    }
}
