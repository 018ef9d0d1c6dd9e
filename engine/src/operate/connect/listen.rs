//! The browser's way home: a listener on this machine alone that takes one answer.
//!
//! Browsers open connections on suspicion and send nothing on some of them, and `localhost` is
//! `127.0.0.1` to one and `::1` to another. So it listens on both and reads all connections at once;
//! whichever brings the answer ends it. Whatever else comes along is refused: other paths, other
//! host names (a page elsewhere that had its own name point here), answers to other questions.

use std::{
    convert::Infallible,
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{
        CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, REFERRER_POLICY,
    },
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{mpsc, oneshot},
    task::JoinSet,
};
use url::{Host, Url};

/// Connections that are read at once. A browser makes a handful.
const MOST: usize = 32;
/// A connection that says nothing for this long is closed.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the last page may take to reach the browser.
const FAREWELL: Duration = Duration::from_secs(2);

/// Why nothing can be heard, or was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// The browser comes back to another machine.
    #[error("the browser comes back to {redirect}, which is not this machine; use --paste")]
    Elsewhere {
        /// Where.
        redirect: String,
    },
    /// Another program listens there.
    #[error(
        "{address} cannot be listened on: {source}; end the program that uses it, use --paste, or \
         register another address with the app and write it as `redirect` into the app's table"
    )]
    Taken {
        /// Address and port.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Nobody came.
    #[error("no answer came within {} s; the question stays open", .0.as_secs())]
    Late(Duration),
}

/// What becomes of an answer.
#[derive(Debug)]
pub enum Seen<T> {
    /// It is not the one that is waited for: a page says why, and waiting goes on.
    Stray(String),
    /// It is. A page with this title and text ends the matter.
    Final {
        /// Title of the page.
        title: String,
        /// Its text.
        text: String,
        /// What the listener gives back.
        value: T,
    },
}

/// Where the browser is waited for.
#[derive(Debug)]
pub struct Home {
    v4: Option<TcpListener>,
    v6: Option<TcpListener>,
    path: Arc<str>,
    /// Host names and port as the browser may write them.
    authority: Arc<str>,
}

struct Knock {
    query: String,
    page: oneshot::Sender<Page>,
}

struct Page {
    status: StatusCode,
    title: String,
    text: String,
}

impl Home {
    /// Listens where the browser will be sent.
    ///
    /// # Errors
    ///
    /// When that is another machine, or somebody else listens there.
    pub async fn open(redirect: &Url) -> Result<Self, ListenError> {
        let elsewhere = || ListenError::Elsewhere {
            redirect: redirect.to_string(),
        };
        let port = match redirect.scheme() {
            "http" => redirect.port_or_known_default().ok_or_else(elsewhere)?,
            _ => return Err(elsewhere()),
        };
        let (v4, v6) = match redirect.host() {
            Some(Host::Domain("localhost")) => (true, true),
            Some(Host::Ipv4(it)) if it == Ipv4Addr::LOCALHOST => (true, false),
            Some(Host::Ipv6(it)) if it == Ipv6Addr::LOCALHOST => (false, true),
            _ => return Err(elsewhere()),
        };
        let bind = async |address: SocketAddr| {
            TcpListener::bind(address)
                .await
                .map_err(|source| ListenError::Taken { address, source })
        };
        let v4 = match v4 {
            true => Some(bind((Ipv4Addr::LOCALHOST, port).into()).await?),
            false => None,
        };
        let v6 = match (v6, bind((Ipv6Addr::LOCALHOST, port).into()).await) {
            (false, _) => None,
            (true, Ok(it)) => Some(it),
            // Machines without IPv6 are common; one where somebody else has the port is not to be
            // trusted with an answer.
            (true, Err(why)) => match &why {
                ListenError::Taken { source, .. }
                    if v4.is_some() && source.kind() != io::ErrorKind::AddrInUse =>
                {
                    None
                }
                _ => return Err(why),
            },
        };
        let host = redirect.host_str().unwrap_or_default();
        Ok(Self {
            v4,
            v6,
            path: redirect.path().into(),
            authority: match redirect.port() {
                Some(port) => format!("{host}:{port}").into(),
                None => host.into(),
            },
        })
    }

    /// Waits for the answer. `judge` is given each query that comes to the right place, and says what
    /// it is.
    ///
    /// # Errors
    ///
    /// When nobody came in time, or `judge` failed.
    pub async fn wait<T, E: From<ListenError>>(
        self,
        longest: Duration,
        mut judge: impl AsyncFnMut(String) -> Result<Seen<T>, E>,
    ) -> Result<T, E> {
        let (knock, mut knocks) = mpsc::channel::<Knock>(MOST);
        let mut guests = JoinSet::new();
        let late = tokio::time::sleep(longest);
        tokio::pin!(late);
        let value = loop {
            tokio::select! {
                () = &mut late => return Err(ListenError::Late(longest).into()),
                Some(stream) = accept(self.v4.as_ref()), if guests.len() < MOST => {
                    guests.spawn(self.guest(stream, knock.clone()));
                }
                Some(stream) = accept(self.v6.as_ref()), if guests.len() < MOST => {
                    guests.spawn(self.guest(stream, knock.clone()));
                }
                Some(_) = guests.join_next(), if !guests.is_empty() => {}
                Some(Knock { query, page }) = knocks.recv() => match judge(query).await {
                    Ok(Seen::Stray(why)) => {
                        // A browser that went away needs no page.
                        let _ = page.send(Page {
                            status: StatusCode::BAD_REQUEST,
                            title: "Not taken".to_owned(),
                            text: why,
                        });
                    }
                    Ok(Seen::Final { title, text, value }) => {
                        let _ = page.send(Page { status: StatusCode::OK, title, text });
                        break value;
                    }
                    Err(why) => {
                        let _ = page.send(Page {
                            status: StatusCode::INTERNAL_SERVER_ERROR,
                            title: "Not connected".to_owned(),
                            text: "The command that asked says why. You can close this window."
                                .to_owned(),
                        });
                        farewell(guests).await;
                        return Err(why);
                    }
                },
            }
        };
        farewell(guests).await;
        Ok(value)
    }

    fn guest(
        &self,
        stream: TcpStream,
        knock: mpsc::Sender<Knock>,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (path, authority) = (self.path.clone(), self.authority.clone());
        async move {
            let service = service_fn(move |request| {
                let (path, authority, knock) = (path.clone(), authority.clone(), knock.clone());
                async move { Ok::<_, Infallible>(answer(&request, &path, &authority, &knock).await) }
            });
            // A connection that ends badly is a browser that changed its mind.
            let _ = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(PATIENCE)
                .keep_alive(false)
                .max_buf_size(32 * 1024)
                .serve_connection(TokioIo::new(stream), service)
                .await;
        }
    }
}

/// Gives the last page a moment to leave; connections that say nothing are not waited for.
async fn farewell(mut guests: JoinSet<()>) {
    let _ = tokio::time::timeout(FAREWELL, guests.join_next()).await;
}

async fn accept(listener: Option<&TcpListener>) -> Option<TcpStream> {
    match listener {
        Some(it) => match it.accept().await {
            Ok((stream, _)) => Some(stream),
            Err(_) => {
                // Out of descriptors, mostly: not asked again at once.
                tokio::time::sleep(Duration::from_millis(100)).await;
                None
            }
        },
        None => std::future::pending().await,
    }
}

async fn answer(
    request: &Request<Incoming>,
    path: &str,
    authority: &str,
    knock: &mpsc::Sender<Knock>,
) -> Response<Full<Bytes>> {
    let refused = |status, text: &str| {
        page(&Page {
            status,
            title: "Nothing here".to_owned(),
            text: text.to_owned(),
        })
    };
    let host = request.headers().get(HOST).and_then(|it| it.to_str().ok());
    if !host.is_some_and(|it| it.eq_ignore_ascii_case(authority)) {
        return refused(
            StatusCode::MISDIRECTED_REQUEST,
            "This is not the host you named.",
        );
    }
    if request.uri().path() != path {
        return refused(
            StatusCode::NOT_FOUND,
            "Only the answer to a consent is taken here.",
        );
    }
    if request.method() != Method::GET {
        return refused(StatusCode::METHOD_NOT_ALLOWED, "Only GET is understood.");
    }
    let (sender, answered) = oneshot::channel();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let sent = knock.send(Knock {
        query,
        page: sender,
    });
    match sent.await {
        Ok(()) => match answered.await {
            Ok(it) => page(&it),
            Err(_) => refused(StatusCode::GONE, "An answer was taken already."),
        },
        Err(_) => refused(StatusCode::GONE, "An answer was taken already."),
    }
}

fn page(it: &Page) -> Response<Full<Bytes>> {
    let (title, text) = (escape(&it.title), escape(&it.text));
    let html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\n\
         <style>body{{font:1.1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:15vh auto;padding:0 1rem}}</style>\
         </head>\n<body><h1>{title}</h1><p>{text}</p></body></html>\n"
    );
    let mut response = Response::new(Full::new(Bytes::from(html)));
    *response.status_mut() = it.status;
    let headers = response.headers_mut();
    let mut set =
        |name, value| headers.insert(name, hyper::header::HeaderValue::from_static(value));
    set(CONTENT_TYPE, "text/html; charset=utf-8");
    // The address holds the code: it is not to be kept, nor told to any other page.
    set(CACHE_CONTROL, "no-store");
    set(REFERRER_POLICY, "no-referrer");
    set(
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    );
    set(CONNECTION, "close");
    response
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// A listener on a free port, and its port.
    async fn home() -> (Home, u16) {
        for _ in 0..20 {
            let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            let port = free.local_addr().unwrap().port();
            drop(free);
            let redirect = format!("http://localhost:{port}/callback").parse().unwrap();
            // Somebody else may be faster.
            if let Ok(it) = Home::open(&redirect).await {
                return (it, port);
            }
        }
        panic!("no free port");
    }

    async fn ask(port: u16, request: &str) -> String {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))
            .await
            .unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer).await;
        answer
    }

    fn get(port: u16, target: &str) -> String {
        format!("GET {target} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n")
    }

    #[tokio::test]
    async fn one_answer_is_taken_and_all_else_refused() {
        let (home, port) = home().await;
        // Browsers connect in advance and say nothing.
        let _silent = TcpStream::connect((Ipv4Addr::LOCALHOST, port))
            .await
            .unwrap();
        let judged = tokio::spawn(home.wait(
            Duration::from_secs(60),
            async |query: String| -> Result<Seen<String>, ListenError> {
                Ok(match query.as_str() {
                    "state=right&code=1" => Seen::Final {
                        title: "Connected".to_owned(),
                        text: "You can close this window.".to_owned(),
                        value: query,
                    },
                    _ => Seen::Stray("another <question>".to_owned()),
                })
            },
        ));
        let cases = [
            (get(port, "/favicon.ico"), "HTTP/1.1 404"),
            (get(port, "/callback/?state=right&code=1"), "HTTP/1.1 404"),
            (get(port, "/callback?state=wrong&code=1"), "HTTP/1.1 400"),
            (
                get(port, "/callback?state=right&code=1").replace("localhost", "evil.example"),
                "HTTP/1.1 421",
            ),
            (
                get(port, "/callback?state=right&code=1").replace("GET", "POST"),
                "HTTP/1.1 405",
            ),
        ];
        for (request, expected) in cases {
            let answer = ask(port, &request).await;
            assert!(answer.starts_with(expected), "{request}{answer}");
            assert!(!answer.contains("<question>"), "{answer}");
        }
        assert!(!judged.is_finished());
        let answer = ask(port, &get(port, "/callback?state=right&code=1")).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        for part in [
            "You can close this window.",
            "cache-control: no-store",
            "referrer-policy: no-referrer",
            "default-src 'none'",
        ] {
            assert!(answer.contains(part), "{part}: {answer}");
        }
        assert_eq!(judged.await.unwrap().unwrap(), "state=right&code=1");
        assert!(
            TcpStream::connect((Ipv4Addr::LOCALHOST, port))
                .await
                .is_err()
        );
    }

    #[tokio::test]
    async fn nobody_is_waited_for_for_ever() {
        let (home, _) = home().await;
        let error = home
            .wait(Duration::ZERO, async |_| -> Result<Seen<()>, ListenError> {
                Ok(Seen::Stray(String::new()))
            })
            .await
            .unwrap_err();
        assert!(matches!(error, ListenError::Late(_)), "{error}");
    }

    #[tokio::test]
    async fn other_machines_and_taken_ports_are_refused() {
        for redirect in [
            "https://books.example/callback",
            "http://books.example/callback",
            "https://localhost:8731/callback",
            "http://192.168.0.1/callback",
        ] {
            let error = Home::open(&redirect.parse().unwrap()).await.unwrap_err();
            assert!(matches!(error, ListenError::Elsewhere { .. }), "{error}");
        }
        let (_home, port) = home().await;
        let redirect = format!("http://localhost:{port}/callback").parse().unwrap();
        let error = Home::open(&redirect).await.unwrap_err();
        assert!(error.to_string().contains("use --paste"), "{error}");
    }
}
