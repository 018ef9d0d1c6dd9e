//! Stands between the engine and the stand-in vendors. It passes calls on, and answers some of them
//! with what they held: as a page, as JSON, in headers, in an address to go to. And it keeps what went
//! over the wire, tokens by name: what is looked for afterwards.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};

/// How a call is echoed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Echo {
    status: u16,
    dress: Dress,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Dress {
    /// JSON as the libraries of JavaScript write it, or as those of .NET.
    Json,
    DotNet,
    /// A web page, or plain text.
    Page,
    Text,
    /// The words of OAuth.
    Grant,
}

/// What careless vendors and gateways answer.
pub(super) const ECHOES: [Echo; 13] = [
    Echo {
        status: 500,
        dress: Dress::Json,
    },
    Echo {
        status: 401,
        dress: Dress::Page,
    },
    Echo {
        status: 200,
        dress: Dress::Page,
    },
    Echo {
        status: 302,
        dress: Dress::Page,
    },
    Echo {
        status: 400,
        dress: Dress::DotNet,
    },
    Echo {
        status: 403,
        dress: Dress::DotNet,
    },
    Echo {
        status: 404,
        dress: Dress::Text,
    },
    Echo {
        status: 200,
        dress: Dress::Json,
    },
    Echo {
        status: 401,
        dress: Dress::DotNet,
    },
    Echo {
        status: 500,
        dress: Dress::Page,
    },
    Echo {
        status: 503,
        dress: Dress::Text,
    },
    Echo {
        status: 200,
        dress: Dress::DotNet,
    },
    Echo {
        status: 422,
        dress: Dress::Json,
    },
];

/// The same of token endpoints.
pub(super) const GRANT_ECHOES: [Echo; 5] = [
    Echo {
        status: 400,
        dress: Dress::Grant,
    },
    Echo {
        status: 500,
        dress: Dress::Page,
    },
    Echo {
        status: 401,
        dress: Dress::Grant,
    },
    Echo {
        status: 200,
        dress: Dress::Json,
    },
    Echo {
        status: 302,
        dress: Dress::Text,
    },
];

/// The mirror at work; it ends with the process.
pub(super) struct Mirror {
    pub(super) url: String,
    shared: Arc<Shared>,
}

struct Shared {
    vendors: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Echoes that each kind of call is still to meet.
    due: BTreeMap<String, Vec<Echo>>,
    /// Echoes for kinds of calls that nobody knows yet.
    usual: Vec<Echo>,
    /// Those for token endpoints, the next one last.
    grants: Vec<Echo>,
    /// A call of each kind passes between two echoes.
    passed: BTreeSet<String>,
    echoed: BTreeMap<String, usize>,
    /// Everything that came and went.
    wire: Vec<u8>,
    secrets: BTreeMap<String, String>,
}

impl Mirror {
    /// Listens, and passes calls on to `vendors` (host and port).
    pub(super) fn start(vendors: &str) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}", listener.local_addr()?);
        let shared = Arc::new(Shared {
            vendors: vendors.to_owned(),
            state: Mutex::default(),
        });
        let all = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = all.clone();
                std::thread::spawn(move || {
                    // A caller that goes away is the caller's business.
                    let _ = shared.serve(stream);
                });
            }
        });
        Ok(Self { url, shared })
    }

    /// Each kind of call (vendor, reading or writing) meets these echoes from now on, one at a time.
    pub(super) fn echo(&self, echoes: &[Echo]) {
        let mut state = self.shared.state();
        state.due.clear();
        state.passed.clear();
        state.usual = echoes.iter().rev().copied().collect();
    }

    /// The next calls to token endpoints meet these.
    pub(super) fn echo_grants(&self, echoes: &[Echo]) {
        self.shared.state().grants = echoes.iter().rev().copied().collect();
    }

    /// Echoes that calls which were made are still to meet.
    pub(super) fn due(&self) -> usize {
        self.shared.state().due.values().map(Vec::len).sum()
    }

    /// How many calls were echoed, by vendor and kind.
    pub(super) fn echoed(&self) -> BTreeMap<String, usize> {
        self.shared.state().echoed.clone()
    }

    /// Everything that went over the wire.
    pub(super) fn wire(&self) -> Vec<u8> {
        self.shared.state().wire.clone()
    }

    /// Tokens, codes and verifiers that went over the wire, by what they are.
    pub(super) fn secrets(&self) -> Vec<(String, String)> {
        let state = self.shared.state();
        let secrets = state.secrets.iter();
        secrets
            .map(|(value, name)| (name.clone(), value.clone()))
            .collect()
    }
}

/// A message of HTTP/1.1 as it stands on the wire.
struct Message {
    head: String,
    body: Vec<u8>,
}

impl Message {
    fn read(stream: &TcpStream) -> io::Result<Self> {
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if line == "\r\n" {
                break;
            }
            head.push_str(&line);
        }
        let mut message = Self {
            head,
            body: Vec::new(),
        };
        let length = message.header("content-length");
        match length.and_then(|it| it.parse::<u64>().ok()) {
            Some(length) => reader.take(length).read_to_end(&mut message.body)?,
            // An answer without a length ends with its connection; a call without one has no body.
            None if message.head.starts_with("HTTP/") => reader.read_to_end(&mut message.body)?,
            None => 0,
        };
        Ok(message)
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (held, value) = line.split_once(':')?;
            held.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    fn bytes(&self) -> Vec<u8> {
        let mut head = String::new();
        for line in self.head.lines() {
            if !line.to_ascii_lowercase().starts_with("connection:") {
                head.push_str(line);
                head.push_str("\r\n");
            }
        }
        head.push_str("Connection: close\r\n\r\n");
        [head.as_bytes(), &self.body].concat()
    }

    fn method(&self) -> &str {
        self.head.split(' ').next().unwrap_or_default()
    }

    fn target(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    /// Whether it is one of those that tokens are got and given back by.
    fn is_grant(&self) -> bool {
        self.method() == "POST"
            && self.target().contains("/connect/")
            && !self.target().contains("authorize")
    }

    /// Vendor, and whether it reads or writes.
    fn kind(&self) -> String {
        let vendor = self.target().split(['/', '?']).find(|it| !it.is_empty());
        let class = if self.method() == "GET" {
            "reading"
        } else {
            "writing"
        };
        format!("{} {class}", vendor.unwrap_or("/"))
    }

    /// The whole of it as text.
    fn text(&self) -> String {
        format!(
            "{}\n{}",
            self.head.replace("\r\n", "\n"),
            String::from_utf8_lossy(&self.body)
        )
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let call = Message::read(&stream)?;
        self.keep(&call, true);
        let echo = self.state().choose(&call);
        let answer = match echo {
            Some(echo) => echo.answer(&call),
            None => {
                let answer = pass_on(&self.vendors, &call)?;
                self.keep(&answer, call.is_grant());
                answer.bytes()
            }
        };
        stream.write_all(&answer)?;
        stream.flush()
    }

    /// Remembers what went by, and by name what of it is a secret.
    fn keep(&self, message: &Message, grant: bool) {
        let mut state = self.state();
        state.wire.extend_from_slice(message.text().as_bytes());
        if !grant {
            return;
        }
        let mut found: Vec<(&str, String)> = Vec::new();
        if let Ok(Value::Object(answer)) = serde_json::from_slice(&message.body) {
            for name in ["access_token", "refresh_token", "id_token"] {
                let value = answer.get(name).and_then(Value::as_str);
                found.extend(value.map(|it| (name, it.to_owned())));
            }
        } else if message.is_grant() {
            for (name, value) in url::form_urlencoded::parse(&message.body) {
                let known = [
                    "code",
                    "code_verifier",
                    "refresh_token",
                    "client_secret",
                    "token",
                ];
                let known = known.into_iter().find(|it| *it == name);
                found.extend(known.map(|it| (it, value.into_owned())));
            }
        }
        for (name, value) in found {
            // A token that comes back is the one that was given.
            state
                .secrets
                .entry(value)
                .or_insert_with(|| name.to_owned());
        }
    }
}

impl State {
    fn choose(&mut self, call: &Message) -> Option<Echo> {
        if call.target().contains("authorize") || call.target().starts_with("/_sandbox") {
            return None;
        }
        let kind = call.kind();
        let echo = if call.is_grant() {
            self.grants.pop()
        } else {
            // Each begins elsewhere, so that few calls meet many kinds of echoes.
            let mut usual = self.usual.clone();
            let begin = 3 * self.due.len() % usual.len().max(1);
            usual.rotate_right(begin);
            let due = self.due.entry(kind.clone()).or_insert(usual);
            if due.is_empty() || !self.passed.remove(&kind) {
                self.passed.insert(kind.clone());
                None
            } else {
                due.pop()
            }
        }?;
        *self.echoed.entry(kind).or_default() += 1;
        Some(echo)
    }
}

impl Echo {
    fn answer(self, call: &Message) -> Vec<u8> {
        let text = call.text();
        let line = text.replace('\n', " ");
        let (kind, body) = match self.dress {
            Dress::Json => ("application/json", json!({ "Message": text }).to_string()),
            Dress::DotNet => {
                let body = json!({ "Message": "@", "TokenExpired": true }).to_string();
                ("application/json", body.replace('@', &dotnet(&text)))
            }
            Dress::Grant => {
                let form = String::from_utf8_lossy(&call.body);
                let error = if self.status == 400 {
                    form.to_string()
                } else {
                    "bad".to_owned()
                };
                let body = json!({ "error": error, "error_description": text });
                ("application/json", body.to_string())
            }
            Dress::Page => {
                let page = text
                    .replace('&', "&amp;")
                    .replace('<', "&lt;")
                    .replace('"', "&quot;");
                let page = page
                    .replace('+', "&#43;")
                    .replace('>', "&gt;")
                    .replace('\'', "&#39;");
                (
                    "text/html",
                    format!("<html><body><pre>{page}</pre></body></html>"),
                )
            }
            Dress::Text => ("text/plain", text.clone()),
        };
        let query: String = url::form_urlencoded::byte_serialize(line.as_bytes()).collect();
        format!(
            "HTTP/1.1 {} Echo\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\
             Location: /login?from={query}\r\nX-Request-Id: {line}\r\n\
             WWW-Authenticate: Bearer error=\"{line}\"\r\nX-Rate-Limit-Problem: {line}\r\n\
             Connection: close\r\n\r\n{body}",
            self.status,
            body.len()
        )
        .into_bytes()
    }
}

fn dotnet(text: &str) -> String {
    let mut out = String::new();
    for it in text.chars() {
        match it {
            '"' | '&' | '\'' | '+' | '<' | '>' | '`' => {
                out.push_str(&format!("\\u{:04X}", u32::from(it)));
            }
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            other => out.push(other),
        }
    }
    out
}

fn pass_on(vendors: &str, call: &Message) -> io::Result<Message> {
    let mut stream = TcpStream::connect(vendors)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    stream.write_all(&call.bytes())?;
    Message::read(&stream)
}

/// A page as a browser gets it: status, where it leads, text.
pub(super) struct Page {
    pub(super) status: u16,
    pub(super) location: Option<String>,
    pub(super) body: String,
}

/// Asks for a page; with a form, posts it.
pub(super) fn fetch(address: &str, form: Option<&str>) -> io::Result<Page> {
    let bad = || io::Error::other(format!("no address of a page: {address}"));
    let rest = address.strip_prefix("http://").ok_or_else(bad)?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let reached: SocketAddr = authority
        .replace("localhost", "127.0.0.1")
        .parse()
        .map_err(io::Error::other)?;
    let (method, body) = form.map_or(("GET", ""), |it| ("POST", it));
    let call = Message {
        head: format!(
            "{method} /{path} HTTP/1.1\r\nHost: {authority}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n",
            body.len()
        ),
        body: body.into(),
    };
    let answer = pass_on(&reached.to_string(), &call)?;
    Ok(Page {
        status: answer.target().parse().map_err(io::Error::other)?,
        location: answer.header("location").map(str::to_owned),
        body: String::from_utf8_lossy(&answer.body).into_owned(),
    })
}
