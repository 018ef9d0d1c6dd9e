//! A vendor on loopback that answers from recordings.
//!
//! [`Replay`](super::Replay) runs a connector without an engine. This is the other half: a whole
//! deployment, with the real engine and its store, against answers that are known.
//!
//! A call gets the next answer recorded for its method, path and query; when all were given, the last
//! one again, so that a deployment can be run as often as wanted. Host, headers and credentials are
//! not looked at.

use std::{
    collections::HashMap,
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

use crate::recording::{Recording, RecordingError};

/// Longest body that is read.
const MAX_BODY: u64 = 64 << 20;
/// A client that says nothing for so long is left alone.
const PATIENCE: Duration = Duration::from_secs(5);

/// Answers calls on one address.
pub struct StandIn {
    listener: TcpListener,
    address: SocketAddr,
    /// Method, path and query → the answers, in order.
    answers: HashMap<(String, String), Vec<Answer>>,
    given: HashMap<(String, String), usize>,
}

/// `None`: the recorded call got no answer, and neither does this one.
type Answer = Option<(u16, Vec<(String, String)>, Vec<u8>)>;

impl StandIn {
    /// Listens on an address such as `127.0.0.1:8787`; port 0 takes a free one.
    pub fn bind(address: &str, recordings: &[Recording]) -> io::Result<Self> {
        let answers = answers(recordings).map_err(io::Error::other)?;
        let listener = TcpListener::bind(address)
            .map_err(|why| io::Error::new(why.kind(), format!("{address}: {why}")))?;
        let address = listener.local_addr()?;
        Ok(Self {
            listener,
            address,
            answers,
            given: HashMap::new(),
        })
    }

    /// The base URL that reaches it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers until the process ends, one call after another.
    pub fn serve(mut self) -> io::Result<()> {
        loop {
            let (stream, _) = self.listener.accept()?;
            // A client that went away concerns itself alone.
            let _ = self.serve_one(stream);
        }
    }

    fn serve_one(&mut self, stream: TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut reader = BufReader::new(stream);
        let Some(call) = read_call(&mut reader)? else {
            return Ok(());
        };
        let mut stream = reader.into_inner();
        let missing = format!("not recorded: {} {}", call.0, call.1).into_bytes();
        let (status, headers, body) = match self.next(&call) {
            Some(Some(it)) => (it.0, it.1.as_slice(), it.2.as_slice()),
            Some(None) => return Ok(()),
            None => (404, &[][..], missing.as_slice()),
        };
        let mut head = format!("HTTP/1.1 {status} Recorded\r\n");
        for (name, value) in headers {
            let framing = ["content-length", "transfer-encoding", "connection"];
            // What was recorded is the body as it was read: no longer packed or cut up.
            if !framing.contains(&name.to_lowercase().as_str())
                && !name.eq_ignore_ascii_case("content-encoding")
            {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        head.push_str(&format!(
            "Content-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        ));
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)?;
        stream.flush()
    }

    fn next(&mut self, call: &(String, String)) -> Option<&Answer> {
        let answers = self.answers.get(call)?;
        let given = self.given.entry(call.clone()).or_insert(0);
        let at = (*given).min(answers.len().saturating_sub(1));
        *given += 1;
        answers.get(at)
    }
}

fn answers(
    recordings: &[Recording],
) -> Result<HashMap<(String, String), Vec<Answer>>, RecordingError> {
    let mut answers: HashMap<_, Vec<Answer>> = HashMap::new();
    for exchange in recordings.iter().flat_map(|it| &it.exchanges) {
        let request = &exchange.request;
        let answer = match &exchange.response {
            Some(it) => {
                let body = it.body.as_ref().map(|it| it.bytes()).transpose()?;
                let headers = it.headers.clone().into_iter().collect();
                Some((it.status, headers, body.unwrap_or_default()))
            }
            None => None,
        };
        let call = (request.method.clone(), path(&request.url).to_owned());
        answers.entry(call).or_default().push(answer);
    }
    Ok(answers)
}

/// Path and query of an absolute URL.
fn path(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/').map_or("/", |at| &rest[at..])
}

/// Method and path of one call, its body read; `None` when the client closed.
fn read_call(reader: &mut BufReader<TcpStream>) -> io::Result<Option<(String, String)>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let (Some(method), Some(path)) = (words.next(), words.next()) else {
        return Err(io::Error::other("not an HTTP request"));
    };
    let call = (method.to_owned(), path.to_owned());
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let header = header.trim_end();
        if header.is_empty() {
            break;
        }
        if let Some((name, value)) = header.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
    }
    let mut body = Vec::new();
    reader
        .take(u64::min(length, MAX_BODY))
        .read_to_end(&mut body)?;
    Ok(Some(call))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(address: SocketAddr, call: &str) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        stream
            .write_all(format!("{call} HTTP/1.1\r\nContent-Length: 2\r\n\r\n{{}}").as_bytes())
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        format!("{} {body}", head.split(' ').nth(1).unwrap())
    }

    #[test]
    fn answers_come_in_their_order_and_the_last_one_stays() {
        let exchange = |method: &str, url: &str, status: u16, text: &str| {
            format!(
                r#"{{"request":{{"method":"{method}","url":"{url}"}},
                    "response":{{"status":{status},"body":{{"text":"{text}"}}}}}}"#
            )
        };
        let text = [
            exchange("GET", "https://api.example/a?x=1", 200, "first"),
            exchange("GET", "https://api.example/a?x=1", 200, "second"),
            exchange("POST", "https://api.example/a", 201, "made"),
        ];
        let text = format!(r#"{{"version":1,"exchanges":[{}]}}"#, text.join(","));
        let recording = Recording::parse(&text).unwrap();
        let stand_in = StandIn::bind("127.0.0.1:0", &[recording]).unwrap();
        let address = stand_in.address;
        std::thread::spawn(move || stand_in.serve());
        let cases = [
            ("GET /a?x=1", "200 first"),
            ("POST /a", "201 made"),
            ("GET /a?x=1", "200 second"),
            ("GET /a?x=1", "200 second"),
            ("GET /a", "404 not recorded: GET /a"),
        ];
        for (call, expected) in cases {
            assert_eq!(ask(address, call), expected, "{call}");
        }
    }
}
